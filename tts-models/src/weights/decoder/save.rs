//! Writes weights as a Hugging Face folder: `config.json` and one `model.safetensors`.
//!
//! The file is written tensor by tensor under another name and renamed when complete, so that a
//! crash leaves no half of a checkpoint behind.
//!
//! Source: <https://github.com/huggingface/safetensors#format>.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{DecoderWeights, NamedTensor};
use crate::ModelError;
use crate::weights::Dtype;

impl DecoderWeights {
    /// Writes `config.json` and, in f32, `model.safetensors` into `folder`, which is made if need
    /// be.
    ///
    /// # Errors
    /// When the config is not valid, a tensor is not as large as its shape, or the folder or a
    /// file cannot be written.
    pub fn save_safetensors(&self, folder: impl AsRef<Path>) -> Result<(), ModelError> {
        self.save_as(folder, Dtype::F32, &[])
    }

    /// [`DecoderWeights::save_safetensors`] with another element type, F32, F16 or BF16 (rounded
    /// to nearest), and further tensors in the same file, such as a reward head.
    ///
    /// # Errors
    /// As [`DecoderWeights::save_safetensors`]; also for other element types, for values that
    /// the element type cannot hold, and for two tensors of one name.
    pub fn save_as(
        &self,
        folder: impl AsRef<Path>,
        dtype: Dtype,
        further: &[NamedTensor<'_>],
    ) -> Result<(), ModelError> {
        self.save_path(folder.as_ref(), dtype, further)
    }

    fn save_path(
        &self,
        folder: &Path,
        dtype: Dtype,
        further: &[NamedTensor<'_>],
    ) -> Result<(), ModelError> {
        let encode = encoder(dtype)?;
        self.config.validate()?;
        // They would have to be written as their family writes them.
        self.config.refuse_unwritten("the writer of checkpoints")?;
        if self.layers.len() != self.config.num_hidden_layers {
            let problem =
                format!("{}, config has {}", self.layers.len(), self.config.num_hidden_layers);
            return Err(ModelError::input("layers", problem));
        }
        let mut tensors = self.tensors();
        tensors.extend_from_slice(further);
        let mut names = HashSet::new();
        for NamedTensor { name, shape, values } in &tensors {
            if !names.insert(name) {
                return Err(ModelError::input(name, "a second tensor of this name"));
            }
            if values.len() != shape.iter().product::<usize>() {
                let problem = format!("{} values for shape {shape:?}", values.len());
                return Err(ModelError::input(name, problem));
            }
            if let Some(value) = values.iter().find(|&&value| !encode(value).1) {
                return Err(ModelError::input(name, format!("{value} does not fit in {dtype:?}")));
            }
        }
        fs::create_dir_all(folder).map_err(|e| ModelError::io(folder, e))?;
        replace(&folder.join("model.safetensors"), |out| {
            write_tensors(out, &tensors, dtype, encode)
        })?;
        let config = self.config.to_json();
        replace(&folder.join("config.json"), |out| out.write_all(config.as_bytes()))
    }
}

/// The bytes of a value, the first [`Dtype::size`] of four, and whether it is still finite.
type Encode = fn(f32) -> ([u8; 4], bool);

fn encoder(dtype: Dtype) -> Result<Encode, ModelError> {
    fn short(bits: [u8; 2], finite: bool) -> ([u8; 4], bool) {
        ([bits[0], bits[1], 0, 0], finite)
    }
    match dtype {
        Dtype::F32 => Ok(|value| (value.to_le_bytes(), value.is_finite())),
        Dtype::F16 => Ok(|value| {
            let half = half::f16::from_f32(value);
            short(half.to_le_bytes(), half.is_finite())
        }),
        Dtype::BF16 => Ok(|value| {
            let half = half::bf16::from_f32(value);
            short(half.to_le_bytes(), half.is_finite())
        }),
        other => Err(ModelError::input("dtype", format!("{other:?}, expected F32, F16 or BF16"))),
    }
}

fn write_tensors(
    out: &mut impl Write,
    tensors: &[NamedTensor<'_>],
    dtype: Dtype,
    encode: Encode,
) -> io::Result<()> {
    let (name_of_type, size) = match dtype {
        Dtype::F16 => ("F16", 2),
        Dtype::BF16 => ("BF16", 2),
        _ => ("F32", 4),
    };
    let mut header = Map::new();
    // Hugging Face refuses files that do not say which framework's layout they follow.
    header.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let mut position = 0;
    for NamedTensor { name, shape, values } in tensors {
        let end = position + size * values.len();
        let entry: Value =
            json!({ "dtype": name_of_type, "shape": shape, "data_offsets": [position, end] });
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
        out.write_all(&encode(*value).0[..size])?;
    }
    Ok(())
}

/// Puts a file in its place when it is whole.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), ModelError> {
    tts_core::files::replace(path, write).map_err(|error| ModelError::io(path, error))
}
