//! A tensor as its file stores it: element type, shape and raw bytes.
//!
//! Quantised types store each row as blocks of [`Dtype::block_len`] values in
//! [`Dtype::block_bytes`] bytes. The bytes stay as they are, so that kernels can run on blocks;
//! [`RawTensor::to_f32`] decodes them.

use std::fmt;

use rayon::prelude::*;

use crate::ModelError;
use crate::weights::quant;

/// Element type of a stored tensor. Little endian throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    BF16,
    /// 32 values: an f16 scale and signed bytes.
    Q8_0,
    /// 32 values: an f16 scale and nibbles less 8.
    Q4_0,
    /// 32 values: an f16 scale, an f16 minimum and nibbles.
    Q4_1,
    /// 32 values: an f16 scale and five bits less 16.
    Q5_0,
    /// 32 values: an f16 scale, an f16 minimum and five bits.
    Q5_1,
    /// 256 values: 16 sub-blocks with four-bit scales and minima, and two bits.
    Q2K,
    /// 256 values: 16 sub-blocks with six-bit scales, and three bits less 4.
    Q3K,
    /// 256 values: 8 sub-blocks with six-bit scales and minima, and nibbles.
    Q4K,
    /// 256 values: 8 sub-blocks with six-bit scales and minima, and five bits.
    Q5K,
    /// 256 values: 16 sub-blocks with signed byte scales, and six bits less 32.
    Q6K,
    /// 32 values: an f16 scale and nibbles that stand for unevenly spaced levels.
    IQ4NL,
    /// 256 values: 8 sub-blocks with six-bit scales, and nibbles as in `IQ4NL`.
    IQ4XS,
    /// 32 values: a power of two as scale and floats of four bits.
    MXFP4,
}

impl Dtype {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::IQ4NL,
        Self::IQ4XS,
        Self::MXFP4,
    ];

    /// Number of values of a block; 1 where there are no blocks.
    pub const fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q8_0
            | Self::Q4_0
            | Self::Q4_1
            | Self::Q5_0
            | Self::Q5_1
            | Self::IQ4NL
            | Self::MXFP4 => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K | Self::IQ4XS => 256,
        }
    }

    /// Size of a block in bytes.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::MXFP4 => 17,
            Self::Q8_0 => 34,
            Self::Q4_0 | Self::IQ4NL => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::IQ4XS => 136,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Bytes of a tensor of this shape, rows of whole blocks each.
    ///
    /// # Errors
    /// A sentence, when a row is not a whole number of blocks, a dimension is zero or the size
    /// overflows.
    pub fn size_of(self, shape: &[usize]) -> Result<usize, String> {
        let row = shape.last().copied().unwrap_or(1);
        if shape.contains(&0) {
            return Err(format!("shape {shape:?} has a zero dimension"));
        }
        if !row.is_multiple_of(self.block_len()) {
            return Err(format!("rows of {row} values are not whole blocks of {self}"));
        }
        shape
            .iter()
            .try_fold(1usize, |product, n| product.checked_mul(*n))
            .and_then(|values| (values / self.block_len()).checked_mul(self.block_bytes()))
            .ok_or_else(|| format!("shape {shape:?} overflows"))
    }
}

impl fmt::Display for Dtype {
    /// The name that ggml uses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
            Self::Q2K => "Q2_K",
            Self::Q3K => "Q3_K",
            Self::IQ4NL => "IQ4_NL",
            Self::IQ4XS => "IQ4_XS",
            Self::MXFP4 => "MXFP4",
        })
    }
}

/// A tensor as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RawTensor {
    /// Its name in the file.
    pub name: String,
    /// Row-major shape; a projection is `[out, in]`.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: Dtype,
    /// The values or blocks, row after row.
    pub bytes: Vec<u8>,
}

impl RawTensor {
    /// Number of values.
    ///
    /// # Errors
    /// When `bytes` is not what `shape` and `dtype` ask for.
    pub fn values(&self) -> Result<usize, ModelError> {
        let size = self.dtype.size_of(&self.shape);
        match size {
            Ok(size) if size == self.bytes.len() => {
                Ok(size / self.dtype.block_bytes() * self.dtype.block_len())
            }
            Ok(size) => Err(ModelError::input(
                &self.name,
                format!(
                    "{} bytes, but {} {:?} takes {size}",
                    self.bytes.len(),
                    self.dtype,
                    self.shape
                ),
            )),
            Err(problem) => Err(ModelError::input(&self.name, problem)),
        }
    }

    /// The values in f32, row-major, on all cores.
    ///
    /// # Errors
    /// When `bytes` is not what `shape` and `dtype` ask for.
    pub fn to_f32(&self) -> Result<Vec<f32>, ModelError> {
        /// Blocks per task: 64 k values of the larger blocks, 8 k of the smaller ones.
        const TASK: usize = 256;
        /// The same for types without blocks.
        const PLAIN_TASK: usize = 64 * 1024;
        let blocks = if self.dtype.block_len() == 1 { PLAIN_TASK } else { TASK };
        let mut out = vec![0.0; self.values()?];
        self.bytes
            .par_chunks(blocks * self.dtype.block_bytes())
            .zip(out.par_chunks_mut(blocks * self.dtype.block_len()))
            .for_each(|(bytes, out)| quant::decode(self.dtype, bytes, out));
        Ok(out)
    }
}
