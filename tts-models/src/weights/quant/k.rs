//! Decodes ggml's K formats: 256 values a block, in sub-blocks whose scales are quantised too.
//!
//! `Q4_K` and `Q5_K` hold 8 sub-blocks of 32: a value is `(d * scale) * q - (min * minimum)` with
//! six-bit `scale` and `minimum`, packed into 12 bytes. `Q6_K` holds 16 sub-blocks of 16 with a
//! signed byte scale each: `(d * scale) * (q - 32)`. `Q2_K` and `Q3_K` hold 16 sub-blocks of 16, too:
//! the one with four-bit scales and minima, the other with six-bit scales less 32 and no minima.
//!
//! Source: the layouts of ggml (`ggml-common.h`); checked against the `gguf` Python package.

use super::half_at;

/// Decodes one `Q2_K` block: 16 bytes of a scale and a minimum each, 64 bytes of bit pairs, `d`, `min`.
pub fn q2_k(block: &[u8; 84], out: &mut [f32; 256]) {
    let (d, min) = (half_at(block, 80), half_at(block, 82));
    for (sub, values) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let scale = d * f32::from(block[sub] & 15);
        let minimum = min * f32::from(block[sub] >> 4);
        for (value, pair) in values.iter_mut().zip(pairs(&block[16..80], sub)) {
            *value = scale * f32::from(pair) - minimum;
        }
    }
}

/// Decodes one `Q3_K` block: 32 bytes of third bits, 64 bytes of bit pairs, 12 bytes of scales, `d`. Bit
/// `g` of byte `j` of the first belongs to value `j` of the `g`-th 32; a value without it is 4 less.
pub fn q3_k(block: &[u8; 110], out: &mut [f32; 256]) {
    let d = half_at(block, 108);
    let packed = &block[96..108];
    for (sub, values) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        // Four low bits of the scales in nibbles, two high bits in the last four bytes.
        let low = packed[sub % 8] >> (4 * (sub / 8)) & 15;
        let high = packed[8 + sub % 4] >> (2 * (sub / 4)) & 3;
        let scale = d * (f32::from(low | high << 4) - 32.0);
        for (j, (value, pair)) in values.iter_mut().zip(pairs(&block[32..96], sub)).enumerate() {
            let third = block[16 * (sub % 2) + j] >> (sub / 2) & 1;
            *value = scale * (f32::from(pair | third << 2) - 4.0);
        }
    }
}

/// The 16 bit pairs of a sub-block: 128 values share 32 bytes, each byte holds one of every 32.
fn pairs(bytes: &[u8], sub: usize) -> impl Iterator<Item = u8> {
    let (half, shift) = (sub / 8, 2 * (sub % 8 / 2));
    bytes[32 * half + 16 * (sub % 2)..].iter().take(16).map(move |byte| byte >> shift & 3)
}

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
