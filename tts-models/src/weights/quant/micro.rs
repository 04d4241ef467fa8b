//! Decodes MXFP4: 32 values of four bits with a power of two as their scale.
//!
//! A value has a sign, two bits of exponent and one of mantissa: plus or minus 0, 1/2, 1, 3/2, 2, 3, 4 or 6. The scale is
//! a byte `e`, for `2^(e - 127)`; 255 is no number. Levels are kept twice as large, as integers, and the scale half as
//! large. As in ggml's other formats the low nibbles are the first half of the 32, the high nibbles the second.
//!
//! Source: the OCP Microscaling Formats specification, version 1.0, sections 5.1 and 5.3.3; the layout of ggml
//! (`ggml-common.h`); checked against the `gguf` Python package and Hugging Face transformers.

/// What the nibbles stand for, twice as large.
pub(crate) const LEVELS: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// The levels of 16 bytes of nibbles.
pub(crate) fn levels(bytes: &[u8]) -> [i8; 32] {
    std::array::from_fn(|i| {
        let byte = bytes[i % 16];
        LEVELS[usize::from(if i < 16 { byte & 15 } else { byte >> 4 })]
    })
}

/// What levels are multiplied with: `2^(e - 128)`.
pub(crate) fn scale(e: u8) -> f32 {
    match e {
        // Below the smallest normal number.
        0 => f32::from_bits(1 << 21),
        1 => f32::from_bits(1 << 22),
        255 => f32::NAN,
        _ => f32::from_bits(u32::from(e - 1) << 23),
    }
}

/// Decodes one `MXFP4` block: scale, 16 bytes of nibbles.
pub fn mxfp4(block: &[u8; 17], out: &mut [f32; 32]) {
    let scale = scale(block[0]);
    for (value, level) in out.iter_mut().zip(levels(&block[1..])) {
        *value = scale * f32::from(level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_powers_of_two() {
        for e in 0..255_u8 {
            let expected = 2.0_f64.powi(i32::from(e) - 128);
            assert_eq!(f64::from(scale(e)).to_bits(), expected.to_bits(), "{e}");
        }
        assert!(scale(255).is_nan());
    }

    /// Sign, exponent and mantissa, as the specification multiplies them out.
    #[test]
    fn levels_are_those_of_four_bit_floats() {
        for (nibble, &level) in (0..16_u8).zip(&LEVELS) {
            let (sign, exponent, mantissa) = (nibble >> 3, nibble >> 1 & 3, f64::from(nibble & 1));
            let size = match exponent {
                0 => mantissa / 2.0,
                _ => 2.0_f64.powi(i32::from(exponent) - 1) * (1.0 + mantissa / 2.0),
            };
            let value = if sign == 1 { -size } else { size };
            assert!((f64::from(level) - 2.0 * value).abs() < 1e-12, "{nibble}");
        }
    }
}
