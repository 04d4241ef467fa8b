//! Decodes ggml's K formats: 256 values a block, in sub-blocks whose scales are quantised too.
//!
//! `Q4_K` and `Q5_K` hold 8 sub-blocks of 32: a value is `(d * scale) * q - (min * minimum)` with
//! six-bit `scale` and `minimum`, packed into 12 bytes. `Q6_K` holds 16 sub-blocks of 16 with a
//! signed byte scale each: `(d * scale) * (q - 32)`.
//!
//! Source: the layouts of ggml (`ggml-common.h`); checked against the `gguf` Python package.

use super::half_at;

/// Decodes one `Q4_K` block: `d`, `min`, 12 bytes of scales, 128 bytes of nibbles.
pub fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (nibbles, _) = block[16..].as_chunks::<32>();
    for (group, bytes) in nibbles.iter().enumerate() {
        let (low_scale, low_min) = scale_and_min(block, 2 * group);
        let (high_scale, high_min) = scale_and_min(block, 2 * group + 1);
        let (low, high) = out[64 * group..64 * (group + 1)].split_at_mut(32);
        for (j, byte) in bytes.iter().enumerate() {
            low[j] = low_scale * f32::from(byte & 15) - low_min;
            high[j] = high_scale * f32::from(byte >> 4) - high_min;
        }
    }
}

/// Decodes one `Q5_K` block: as `Q4_K`, with 32 bytes of fifth bits before the nibbles; bit `s`
/// of byte `j` belongs to value `j` of sub-block `s`.
pub fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let fifth = |sub: usize, j: usize| (block[16 + j] >> sub & 1) << 4;
    let (nibbles, _) = block[48..].as_chunks::<32>();
    for (group, bytes) in nibbles.iter().enumerate() {
        let (low_scale, low_min) = scale_and_min(block, 2 * group);
        let (high_scale, high_min) = scale_and_min(block, 2 * group + 1);
        let (low, high) = out[64 * group..64 * (group + 1)].split_at_mut(32);
        for (j, byte) in bytes.iter().enumerate() {
            low[j] = low_scale * f32::from(byte & 15 | fifth(2 * group, j)) - low_min;
            high[j] = high_scale * f32::from(byte >> 4 | fifth(2 * group + 1, j)) - high_min;
        }
    }
}

/// Decodes one `Q6_K` block: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 scales, `d`.
pub fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let d = half_at(block, 208);
    for half in 0..2 {
        let low = &block[64 * half..];
        let high = &block[128 + 32 * half..];
        let scales = &block[192 + 8 * half..];
        let out = &mut out[128 * half..128 * (half + 1)];
        for quarter in 0..4 {
            for j in 0..32 {
                let byte = low[j + 32 * (quarter % 2)];
                let nibble = if quarter < 2 { byte & 15 } else { byte >> 4 };
                let pair = high[j] >> (2 * quarter) & 3;
                let scale = d * f32::from(scales[2 * quarter + j / 16].cast_signed());
                out[32 * quarter + j] = scale * (f32::from(nibble | pair << 4) - 32.0);
            }
        }
    }
}

/// Scale and minimum of one of the 8 sub-blocks, both multiplied out.
///
/// The first four of each take the low six bits of bytes 0-3 and 4-7; the last four take a nibble
/// of bytes 8-11 and, as their upper two bits, those left over in bytes 0-7.
pub(crate) fn scale_and_min(block: &[u8], sub: usize) -> (f32, f32) {
    let packed = &block[4..16];
    let (scale, minimum) = if sub < 4 {
        (packed[sub] & 63, packed[sub + 4] & 63)
    } else {
        (
            packed[sub + 4] & 15 | (packed[sub - 4] >> 6) << 4,
            packed[sub + 4] >> 4 | (packed[sub] >> 6) << 4,
        )
    };
    (half_at(block, 0) * f32::from(scale), half_at(block, 2) * f32::from(minimum))
}
