//! Decodes stored element types to f32.
//!
//! The first family of ggml's block formats (`Q4_0` to `Q8_0`) keeps 32 values a block: an f16
//! scale `d`, for the `_1` formats an f16 minimum `m`, and small integers `q`, so that a value is
//! `d * q` or `d * q + m`. Nibble `j` of the low halves is value `j`, of the high halves value
//! `j + 16`. The second family, of 256 values, is in [`k`],
//! levels that are unevenly spaced in [`uneven`], four-bit floats in [`micro`].
//!
//! Source: the layouts of ggml (`ggml-common.h`); checked against the `gguf` Python package.

pub mod k;
pub mod micro;
pub mod uneven;

use half::{bf16, f16};

use crate::weights::Dtype;

/// Decodes whole blocks of `dtype` from `bytes` into `out`, as many as both hold.
pub fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => blocks(bytes, out, |b, o: &mut [f32; 1]| o[0] = f32::from_le_bytes(*b)),
        Dtype::F16 => {
            blocks(bytes, out, |b, o: &mut [f32; 1]| o[0] = f16::from_le_bytes(*b).into());
        }
        Dtype::BF16 => {
            blocks(bytes, out, |b, o: &mut [f32; 1]| o[0] = bf16::from_le_bytes(*b).into());
        }
        Dtype::Q8_0 => blocks(bytes, out, q8_0),
        Dtype::Q4_0 => blocks(bytes, out, q4_0),
        Dtype::Q4_1 => blocks(bytes, out, q4_1),
        Dtype::Q5_0 => blocks(bytes, out, q5_0),
        Dtype::Q5_1 => blocks(bytes, out, q5_1),
        Dtype::Q4K => blocks(bytes, out, k::q4_k),
        Dtype::Q5K => blocks(bytes, out, k::q5_k),
        Dtype::Q6K => blocks(bytes, out, k::q6_k),
        Dtype::Q2K => blocks(bytes, out, k::q2_k),
        Dtype::Q3K => blocks(bytes, out, k::q3_k),
        Dtype::IQ4NL => blocks(bytes, out, uneven::iq4_nl),
        Dtype::IQ4XS => blocks(bytes, out, uneven::iq4_xs),
        Dtype::MXFP4 => blocks(bytes, out, micro::mxfp4),
    }
}

fn blocks<const B: usize, const N: usize>(
    bytes: &[u8],
    out: &mut [f32],
    one: impl Fn(&[u8; B], &mut [f32; N]),
) {
    let (bytes, _) = bytes.as_chunks::<B>();
    let (out, _) = out.as_chunks_mut::<N>();
    for (block, values) in bytes.iter().zip(out) {
        one(block, values);
    }
}

/// The f16 at byte `at` of a block.
pub(crate) fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Decodes one `Q8_0` block: scale, 32 signed bytes.
pub fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for (value, byte) in out.iter_mut().zip(&block[2..]) {
        *value = scale * f32::from(byte.cast_signed());
    }
}

/// Decodes one `Q4_0` block: scale, 16 bytes of nibbles less 8.
pub fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for j in 0..16 {
        let byte = block[2 + j];
        out[j] = (f32::from(byte & 15) - 8.0) * scale;
        out[j + 16] = (f32::from(byte >> 4) - 8.0) * scale;
    }
}

/// Decodes one `Q4_1` block: scale, minimum, 16 bytes of nibbles.
pub fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (scale, minimum) = (half_at(block, 0), half_at(block, 2));
    for j in 0..16 {
        let byte = block[4 + j];
        out[j] = f32::from(byte & 15) * scale + minimum;
        out[j + 16] = f32::from(byte >> 4) * scale + minimum;
    }
}

/// Decodes one `Q5_0` block: scale, 32 fifth bits, 16 bytes of nibbles; five bits less 16.
pub fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    five_bits(&block[2..], out);
    for value in out {
        *value = (*value - 16.0) * scale;
    }
}

/// Decodes one `Q5_1` block: scale, minimum, 32 fifth bits, 16 bytes of nibbles.
pub fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let (scale, minimum) = (half_at(block, 0), half_at(block, 2));
    five_bits(&block[4..], out);
    for value in out {
        *value = *value * scale + minimum;
    }
}

/// The integers of a five-bit block: bit `j` of the first four bytes belongs to value `j`.
fn five_bits(bytes: &[u8], out: &mut [f32; 32]) {
    let (high, low) = bytes.split_at(4);
    let fifth = |j: usize| (high[j / 8] >> (j % 8) & 1) << 4;
    for (j, byte) in low.iter().enumerate() {
        out[j] = f32::from(byte & 15 | fifth(j));
        out[j + 16] = f32::from(byte >> 4 | fifth(j + 16));
    }
}
