//! Decodes ggml's formats of four bits whose levels are unevenly spaced, closer together near zero.
//!
//! A nibble is a place in a table of 16 signed levels. `IQ4_NL` holds 32 values with one f16 scale;
//! `IQ4_XS` 256 values in 8 sub-blocks of 32, whose six-bit scales less 32 multiply an f16 scale. As in
//! the other formats the low nibbles are the first half of each 32, the high nibbles the second.
//!
//! Source: the layouts and the table of ggml (`ggml-common.h`); checked against the `gguf` Python
//! package.

use super::half_at;

/// What the nibbles stand for.
pub(crate) const LEVELS: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// The levels of 16 bytes of nibbles.
pub(crate) fn levels(bytes: &[u8]) -> [i8; 32] {
    std::array::from_fn(|i| {
        let byte = bytes[i % 16];
        LEVELS[usize::from(if i < 16 { byte & 15 } else { byte >> 4 })]
    })
}

/// Decodes one `IQ4_NL` block: scale, 16 bytes of nibbles.
pub fn iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for (value, level) in out.iter_mut().zip(levels(&block[2..])) {
        *value = scale * f32::from(level);
    }
}

/// Decodes one `IQ4_XS` block: scale, 2 bytes of upper and 4 of lower bits of scales, 128 bytes of
/// nibbles.
pub fn iq4_xs(block: &[u8; 136], out: &mut [f32; 256]) {
    for (sub, values) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let scale = scale(block, sub);
        for (value, level) in values.iter_mut().zip(levels(&block[8 + 16 * sub..])) {
            *value = scale * f32::from(level);
        }
    }
}

/// The scale of one of the 8 sub-blocks of `IQ4_XS`, multiplied out.
pub(crate) fn scale(block: &[u8], sub: usize) -> f32 {
    let low = block[4 + sub / 2] >> (4 * (sub % 2)) & 15;
    let high = block[2 + sub / 4] >> (2 * (sub % 4)) & 3;
    half_at(block, 0) * (f32::from(low | high << 4) - 32.0)
}
