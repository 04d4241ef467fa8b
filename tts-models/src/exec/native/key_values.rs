//! The type in which keys and values are held.
//!
//! Each token of a line holds keys and values of every layer, and each new token reads all of them again: with long
//! lines, or many, they are most of what is held and read. f16 halves both against f32; 8 bits, a factor for each
//! token and head beside them, nearly halve them once more. What it costs in quality says perplexity
//! (`cargo run --release -p tts-benches --bin perplexity -- --key-values int8`).
//!
//! Source: Dettmers et al. 2022 (arXiv 2208.07339), section 2.1; Hooper et al. 2024, "`KVQuant`" (arXiv 2401.18079),
//! for how little 8 bits cost.

use serde::{Deserialize, Serialize};

/// The type in which an executor that can choose holds keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeyValues {
    /// f32 beside weights that are all f32, and f16 otherwise.
    #[default]
    Auto,
    /// f32.
    F32,
    /// f16.
    F16,
    /// 8 bits, with a factor for each token and head.
    Int8,
}

impl KeyValues {
    /// What it is beside weights that are all f32, or not.
    pub(super) fn beside(self, exact: bool) -> Self {
        match self {
            Self::Auto if exact => Self::F32,
            Self::Auto => Self::F16,
            own => own,
        }
    }
}

impl std::fmt::Display for KeyValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        })
    }
}

impl std::str::FromStr for KeyValues {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "int8" => Ok(Self::Int8),
            _ => Err(format!("{name:?} is not a type of keys and values: auto, f32, f16 or int8")),
        }
    }
}
