//! ggml's codes of element types.
//!
//! Source: `enum ggml_type` of ggml (`ggml.h`).

use crate::weights::Dtype;

/// The element type of a code of ggml.
pub(super) fn dtype(code: u32) -> Option<Dtype> {
    Some(match code {
        0 => Dtype::F32,
        1 => Dtype::F16,
        2 => Dtype::Q4_0,
        3 => Dtype::Q4_1,
        6 => Dtype::Q5_0,
        7 => Dtype::Q5_1,
        8 => Dtype::Q8_0,
        12 => Dtype::Q4K,
        13 => Dtype::Q5K,
        10 => Dtype::Q2K,
        11 => Dtype::Q3K,
        14 => Dtype::Q6K,
        20 => Dtype::IQ4NL,
        23 => Dtype::IQ4XS,
        30 => Dtype::BF16,
        39 => Dtype::MXFP4,
        _ => return None,
    })
}

/// ggml's code of an element type.
pub(crate) fn code(dtype: Dtype) -> u32 {
    match dtype {
        Dtype::F32 => 0,
        Dtype::F16 => 1,
        Dtype::Q4_0 => 2,
        Dtype::Q4_1 => 3,
        Dtype::Q5_0 => 6,
        Dtype::Q5_1 => 7,
        Dtype::Q8_0 => 8,
        Dtype::Q4K => 12,
        Dtype::Q5K => 13,
        Dtype::Q2K => 10,
        Dtype::Q3K => 11,
        Dtype::Q6K => 14,
        Dtype::IQ4NL => 20,
        Dtype::IQ4XS => 23,
        Dtype::BF16 => 30,
        Dtype::MXFP4 => 39,
    }
}

/// What ggml calls a code that is not supported.
pub(super) fn name(code: u32) -> String {
    let name = match code {
        9 => "Q8_1",
        15 => "Q8_K",
        16..=19 | 21 | 22 | 29 => "IQ (importance-weighted)",
        24..=27 => "integer",
        28 => "F64",
        34 | 35 => "TQ (ternary)",
        _ => return code.to_string(),
    };
    format!("{code} ({name})")
}
