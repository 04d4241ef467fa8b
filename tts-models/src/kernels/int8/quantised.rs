//! Weights of a quantised type as levels, each block of 32 with a factor and a base: what a GPU keeps of them.
//!
//! A weight is `level * factor + base` in f32. The levels are those of the panels for the CPU ([`super::pack`]), of which
//! types with blocks of 16 are rounded to levels of 8 bits; factors stay in f32, where panels hold f16.
//!
//! Source: none.

use super::BLOCK;
use super::pack::{Form, decode, form};
use crate::ModelError;
use crate::weights::RawTensor;

/// Weights `[outputs, inputs]`.
#[derive(Debug)]
pub(crate) struct Quantised {
    /// Whether levels have four bits.
    pub(crate) four_bits: bool,
    /// Weights of an output; whole blocks.
    pub(crate) inputs: usize,
    /// `[outputs, inputs]`.
    pub(crate) levels: Vec<u8>,
    /// Factor and base, `[outputs, inputs / 32]`.
    pub(crate) blocks: Vec<[f32; 2]>,
}

impl Quantised {
    /// The weights of a tensor of a quantised type.
    ///
    /// # Errors
    /// When its bytes are not what its shape asks for, its rows are no whole blocks, or a scale is not finite.
    pub(crate) fn of(tensor: &RawTensor) -> Result<Self, ModelError> {
        let (values, dtype) = (tensor.values()?, tensor.dtype);
        let inputs = tensor.shape.last().copied().unwrap_or(1);
        let Some(Form { four_bits, offset }) = form(dtype).filter(|_| inputs % BLOCK == 0) else {
            let problem = format!("{dtype} in rows of {inputs} has no blocks to keep");
            return Err(ModelError::input(&tensor.name, problem));
        };
        let mut levels = Vec::with_capacity(values);
        let mut blocks = Vec::with_capacity(values / BLOCK);
        let mut decoded = Vec::new();
        for bytes in tensor.bytes.chunks_exact(dtype.block_bytes()) {
            decoded.clear();
            decode(dtype, bytes, &mut decoded);
            for block in &decoded {
                levels.extend_from_slice(&block.levels);
                // Exact: a small integer times a factor that has room for it, or a factor's own power of two.
                let base = offset.map_or(block.minimum, |offset| -f32::from(offset) * block.scale);
                if !(block.scale.is_finite() && base.is_finite()) {
                    let row = (blocks.len() * BLOCK).checked_div(inputs).unwrap_or(0);
                    let problem = format!("row {row}: a scale is not finite");
                    return Err(ModelError::input(&tensor.name, problem));
                }
                blocks.push([block.scale, base]);
            }
        }
        Ok(Self { four_bits, inputs, levels, blocks })
    }

    /// Weights of all outputs, in f32.
    pub(crate) fn floats(&self) -> Vec<f32> {
        let blocks = self.levels.chunks_exact(BLOCK).zip(&self.blocks);
        blocks
            .flat_map(|(levels, [factor, base])| {
                levels.iter().map(move |&level| f32::from(level).mul_add(*factor, *base))
            })
            .collect()
    }

    /// Levels and blocks of an output; `None` where there is no such output.
    pub(crate) fn row(&self, output: usize) -> Option<(&[u8], &[[f32; 2]])> {
        let (width, inputs) = (self.inputs / BLOCK, self.inputs);
        let levels = self.levels.get(output * inputs..(output + 1) * inputs)?;
        Some((levels, self.blocks.get(output * width..(output + 1) * width)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::Dtype;

    fn tensor(dtype: Dtype, inputs: usize, bytes: Vec<u8>) -> RawTensor {
        let outputs = bytes.len() / dtype.block_bytes() * dtype.block_len() / inputs;
        RawTensor { name: "w".to_owned(), shape: vec![outputs, inputs], dtype, bytes }
    }

    /// Blocks of any bytes, with a factor of 2^-6 where a type keeps factors in f16.
    fn bytes(dtype: Dtype, blocks: usize) -> Vec<u8> {
        let mut rng = tts_core::seed::rng(3);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes")]
        let mut any = |count: usize| -> Vec<u8> {
            (0..count).map(|_| (rng.uniform() * 256.0) as u8).collect()
        };
        let halves: &[usize] = match dtype {
            Dtype::Q4_1 | Dtype::Q5_1 | Dtype::Q4K | Dtype::Q5K => &[0, 2],
            Dtype::Q6K => &[208],
            _ => &[0],
        };
        let mut all = Vec::new();
        for _ in 0..blocks {
            let mut block = any(dtype.block_bytes());
            for &at in halves {
                block[at..at + 2].copy_from_slice(&0x2400_u16.to_le_bytes());
            }
            all.extend(block);
        }
        all
    }

    #[test]
    fn levels_are_the_values_of_their_blocks() {
        for dtype in [Dtype::Q8_0, Dtype::Q4_0, Dtype::Q4_1, Dtype::Q5_0, Dtype::Q5_1, Dtype::IQ4NL]
        {
            let tensor = tensor(dtype, 64, bytes(dtype, 6));
            let levels = Quantised::of(&tensor).unwrap();
            assert_eq!(levels.floats(), tensor.to_f32().unwrap(), "{dtype}");
            let (row, blocks) = levels.row(2).unwrap();
            assert_eq!((row.len(), blocks.len(), levels.row(3)), (64, 2, None), "{dtype}");
        }
        for (dtype, bound) in [(Dtype::Q4K, 1e-6), (Dtype::Q5K, 1e-6), (Dtype::Q6K, 5e-3)] {
            let tensor = tensor(dtype, 256, bytes(dtype, 3));
            let (found, expected) =
                (Quantised::of(&tensor).unwrap().floats(), tensor.to_f32().unwrap());
            let most = expected.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            for (a, b) in found.iter().zip(&expected) {
                assert!((a - b).abs() <= bound * most, "{dtype}: {a} {b}");
            }
        }
    }

    #[test]
    fn what_has_no_blocks_or_no_scale_is_refused() {
        let mut bad = tensor(Dtype::Q8_0, 32, bytes(Dtype::Q8_0, 3));
        bad.bytes[34..36].copy_from_slice(&[0, 0x7c]);
        assert!(
            Quantised::of(&bad).unwrap_err().to_string().contains("row 1: a scale is not finite")
        );
        let plain = tensor(Dtype::F32, 2, vec![0; 16]);
        assert!(Quantised::of(&plain).unwrap_err().to_string().contains("no blocks to keep"));
    }
}
