//! A safetensors checkpoint of one or several files.
//!
//! The index (`model.safetensors.index.json`) maps tensor names to file names. A file name that
//! leaves the folder is refused: a checkpoint must not read what lies outside it.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Deserialize;

use super::SafetensorsFile;
use crate::ModelError;
use crate::weights::Files;
use crate::weights::source::{Source, read_text};

/// Largest index accepted, in bytes.
const INDEX: u64 = 100_000_000;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The files of a checkpoint, and which of them holds which tensor.
#[derive(Debug)]
pub struct Shards {
    files: Vec<SafetensorsFile>,
    tensors: BTreeMap<String, usize>,
}

impl From<SafetensorsFile> for Shards {
    fn from(file: SafetensorsFile) -> Self {
        let tensors = file.tensor_names().map(|name| (name.to_owned(), 0)).collect();
        Self { files: vec![file], tensors }
    }
}

impl Shards {
    /// Opens `model.safetensors` of a folder, or the files of `model.safetensors.index.json`.
    ///
    /// # Errors
    /// When neither is there, a file is broken, or the index names a file outside the folder or a
    /// tensor that its file lacks.
    pub fn open(folder: impl Into<Files>) -> Result<Self, ModelError> {
        Self::open_folder(&folder.into())
    }

    fn open_folder(folder: &Files) -> Result<Self, ModelError> {
        let single = folder.join("model.safetensors");
        let index = folder.join("model.safetensors.index.json");
        if single.exists() || !index.exists() {
            SafetensorsFile::open(single).map(Self::from)
        } else {
            Self::open_index(&index, folder)
        }
    }

    fn open_index(index: &Files, folder: &Files) -> Result<Self, ModelError> {
        let error = |field: &str, problem: String| ModelError::format(index.path(), field, problem);
        let index: Index = serde_json::from_slice(&read_text(index, INDEX)?)
            .map_err(|e| error("weight_map", e.to_string()))?;
        let mut files: Vec<SafetensorsFile> = Vec::new();
        let mut places = BTreeMap::new();
        let mut tensors = BTreeMap::new();
        for (tensor, file) in index.weight_map {
            let relative = Path::new(&file);
            let inside = relative.components().all(|c| matches!(c, Component::Normal(_)));
            if file.is_empty() || !inside {
                return Err(error(&tensor, format!("file {file:?} is not inside the folder")));
            }
            let place = if let Some(place) = places.get(&file) {
                *place
            } else {
                files.push(SafetensorsFile::open(folder.join(relative))?);
                places.insert(file.clone(), files.len() - 1);
                files.len() - 1
            };
            if !files[place].contains(&tensor) {
                return Err(error(&tensor, format!("file {file:?} has no such tensor")));
            }
            tensors.insert(tensor, place);
        }
        Ok(Self { files, tensors })
    }

    /// The files, in the order of their first tensors.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().map(SafetensorsFile::source)
    }

    /// Names of all tensors, in alphabetical order.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The file that holds a tensor.
    pub fn file(&self, name: &str) -> Option<&SafetensorsFile> {
        self.tensors.get(name).and_then(|place| self.files.get(*place))
    }
}
