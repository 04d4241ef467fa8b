//! Writes weights as a Hugging Face folder: `config.json` and one `model.safetensors` in f32.
//!
//! The file is written tensor by tensor under another name and renamed when complete, so that a
//! crash leaves no half of a checkpoint behind.
//!
//! Source: <https://github.com/huggingface/safetensors#format>.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{DecoderWeights, NamedTensor};
use crate::ModelError;

impl DecoderWeights {
    /// Writes `config.json` and `model.safetensors` into `folder`, which is made if need be.
    ///
    /// # Errors
    /// When the config is not valid, a tensor is not as large as its shape, or the folder or a
    /// file cannot be written.
    pub fn save_safetensors(&self, folder: impl AsRef<Path>) -> Result<(), ModelError> {
        let folder = folder.as_ref();
        self.config.validate()?;
        if self.layers.len() != self.config.num_hidden_layers {
            let problem =
                format!("{}, config has {}", self.layers.len(), self.config.num_hidden_layers);
            return Err(ModelError::input("layers", problem));
        }
        let tensors = self.tensors();
        for NamedTensor { name, shape, values } in &tensors {
            if values.len() != shape.iter().product::<usize>() {
                let problem = format!("{} values for shape {shape:?}", values.len());
                return Err(ModelError::input(name, problem));
            }
        }
        fs::create_dir_all(folder).map_err(|e| ModelError::io(folder, e))?;
        replace(&folder.join("model.safetensors"), |out| write_tensors(out, &tensors))?;
        let config = self.config.to_json();
        replace(&folder.join("config.json"), |out| out.write_all(config.as_bytes()))
    }
}

fn write_tensors(out: &mut impl Write, tensors: &[NamedTensor<'_>]) -> io::Result<()> {
    let mut header = Map::new();
    // Hugging Face refuses files that do not say which framework's layout they follow.
    header.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let mut position = 0;
    for NamedTensor { name, shape, values } in tensors {
        let end = position + 4 * values.len();
        let entry: Value =
            json!({ "dtype": "F32", "shape": shape, "data_offsets": [position, end] });
        header.insert(name.clone(), entry);
        position = end;
    }
    let mut header = Value::Object(header).to_string();
    // Data starts at a multiple of 8.
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for value in tensors.iter().flat_map(|tensor| tensor.values) {
        out.write_all(&value.to_le_bytes())?;
    }
    Ok(())
}

/// Writes a file beside `path`, then puts it in its place.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), ModelError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    File::create(partial)
        .and_then(|file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        })
        .and_then(|()| fs::rename(partial, path))
        .map_err(|e| ModelError::io(path, e))
}
