//! The state of a training run in a file: weights, moments, number of the update, history.
//!
//! A run that goes on from a checkpoint ends with the same bits as one that was never stopped. The
//! file is written beside and renamed, so that a crash or a full disk leaves the one before. It
//! holds a digest of settings, model and data: another run's checkpoint is refused.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::History;
use crate::ModelError;
use crate::weights::replace;

/// The name of the file in its folder.
const FILE: &str = "checkpoint.safetensors";
/// The key of [`Notes`] in the file's metadata.
const NOTES: &str = "training";
const TENSORS: [&str; 3] = ["weights", "moment_1", "moment_2"];

#[derive(Debug, Serialize, Deserialize)]
struct Notes {
    digest: u64,
    step: usize,
    history: History,
}

/// Everything that the next update depends on.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Updates done.
    pub(super) step: usize,
    /// Weights, first and second moment, `[n]` each.
    pub(super) vectors: [Vec<f32>; 3],
    pub(super) history: History,
}

pub(super) fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

impl State {
    pub(super) fn save(&self, folder: &Path, digest: u64) -> Result<(), ModelError> {
        let path = file_in(folder);
        let failed = |problem: String| ModelError::format(&path, "checkpoint", problem);
        std::fs::create_dir_all(folder).map_err(|error| ModelError::io(folder, error))?;
        let notes = Notes { digest, step: self.step, history: self.history.clone() };
        let notes = serde_json::to_string(&notes).map_err(|error| failed(error.to_string()))?;
        let bytes = self
            .vectors
            .each_ref()
            .map(|vector| vector.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        let mut views = Vec::new();
        for ((name, vector), bytes) in TENSORS.iter().zip(&self.vectors).zip(&bytes) {
            let view = TensorView::new(Dtype::F32, vec![vector.len()], bytes);
            views.push((*name, view.map_err(|error| failed(error.to_string()))?));
        }
        let metadata = HashMap::from([(NOTES.to_owned(), notes)]);
        let file = safetensors::serialize(views, Some(metadata));
        let file = file.map_err(|error| failed(error.to_string()))?;
        replace(&path, |out| out.write_all(&file))
    }

    /// The state in `folder`; `None` when there is none.
    pub(super) fn load(
        folder: &Path,
        digest: u64,
        count: usize,
    ) -> Result<Option<Self>, ModelError> {
        let path = file_in(folder);
        let file = match std::fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ModelError::io(&path, error)),
        };
        let wrong = |field: &str, problem: String| ModelError::format(&path, field, problem);
        let (_, header) = SafeTensors::read_metadata(&file)
            .map_err(|error| wrong("header", error.to_string()))?;
        let notes = header.metadata().as_ref().and_then(|metadata| metadata.get(NOTES));
        let notes = notes.ok_or_else(|| wrong(NOTES, "missing".to_owned()))?;
        let notes: Notes =
            serde_json::from_str(notes).map_err(|error| wrong(NOTES, error.to_string()))?;
        if notes.digest != digest {
            let problem = "belongs to a run with other settings, another model or other data; \
                           remove it to start afresh";
            return Err(wrong(NOTES, problem.to_owned()));
        }
        let tensors =
            SafeTensors::deserialize(&file).map_err(|error| wrong("header", error.to_string()))?;
        let vector = |name: &str| -> Result<Vec<f32>, ModelError> {
            let view = tensors.tensor(name).map_err(|error| wrong(name, error.to_string()))?;
            if view.dtype() != Dtype::F32 || view.shape() != [count] {
                let problem =
                    format!("{:?} {:?}, expected F32 [{count}]", view.dtype(), view.shape());
                return Err(wrong(name, problem));
            }
            let values = view.data().chunks_exact(4);
            let values: Vec<f32> =
                values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            match values.iter().position(|value| !value.is_finite()) {
                Some(at) => Err(wrong(name, format!("value {at} is {}", values[at]))),
                None => Ok(values),
            }
        };
        let [weights, first, second] = TENSORS;
        let vectors = [vector(weights)?, vector(first)?, vector(second)?];
        Ok(Some(Self { step: notes.step, vectors, history: notes.history }))
    }
}
