//! Writes a head as safetensors in f32, with its configuration as `head.json` beside it.
//!
//! Both are written under another name and renamed when complete, so that a crash leaves no half
//! of a head behind.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

use super::config::HeadConfig;
use super::network::RewardHead;
use crate::PrmError;

impl RewardHead {
    /// Writes the head to `file` and its configuration to `head.json` in the same folder, which
    /// must exist.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<(), PrmError> {
        let file = file.as_ref();
        let bytes = |values: &[f32]| -> Vec<u8> {
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        };
        let mut tensors = BTreeMap::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let shape = vec![layer.outputs, layer.inputs];
            let weight = bytes(&layer.weight);
            tensors.insert(self.tensor_name(index, "weight"), (shape, weight));
            if let Some(bias) = &layer.bias {
                let name = self.tensor_name(index, "bias");
                tensors.insert(name, (vec![layer.outputs], bytes(bias)));
            }
        }
        let failed = |error: String| PrmError::head(file, &self.tensor, error);
        let mut views = BTreeMap::new();
        for (name, (shape, bytes)) in &tensors {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            views.insert(name.as_str(), view.map_err(|error| failed(error.to_string()))?);
        }
        let bytes = safetensors::serialize(views, None).map_err(|e| failed(e.to_string()))?;
        replace(file, &bytes)?;
        let path = file.with_file_name("head.json");
        // Two rows of an output head are tensors like any other from here on.
        let config = match self.config() {
            config @ HeadConfig { contrast: Some(_), .. } => {
                let tensor = Some(self.tensor.clone());
                HeadConfig { contrast: None, tensor, ..config.clone() }
            }
            config => config.clone(),
        };
        let json = serde_json::to_vec_pretty(&config)
            .map_err(|error| PrmError::config(&path, "JSON", error.to_string()))?;
        replace(&path, &json)
    }
}

pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), PrmError> {
    tts_core::files::replace(path, |out| out.write_all(bytes))
        .map_err(|error| PrmError::io(path, error))
}
