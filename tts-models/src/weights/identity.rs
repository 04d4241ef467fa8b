//! What the lines of an opened model depend on besides the request, as a short text.
//!
//! Architecture, a digest of the files, the type of the weights, and what computes: two models of one
//! identity write the same lines, bit for bit, wherever the files lie, on disk or in memory. Own CPU kernels have the same
//! bits on every machine and are named alone; elsewhere bits differ between devices, which are told
//! apart as well as they let themselves.

use crate::text::FILES;
use crate::weights::Files;
use crate::weights::digest::Digest;
use crate::weights::source::Source;
use crate::{Checkpoint, ModelConfig, ModelError, Stored, Switches, WeightFormat};

/// The identity of a checkpoint, with the files of an adapter, on a device.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn identity(
    checkpoint: &Checkpoint,
    adapter: &[Files],
    weights: WeightFormat,
    device: &str,
) -> Result<String, ModelError> {
    let config = checkpoint.config();
    let mut digest = Digest::default();
    // As it was read, for as many positions as it was opened for: end tokens may stand in a file of their own.
    let opened = ModelConfig { stored: Stored::default(), ..config.clone() };
    digest.bytes(opened.to_json().as_bytes());
    if config.switches != Switches::default() {
        digest.bytes(config.switches.told().as_bytes());
    }
    for source in checkpoint.sources() {
        digest.file(source)?;
    }
    if checkpoint.gguf().is_none() {
        let [known @ .., latest] = FILES;
        for name in known {
            optional(&mut digest, &checkpoint.folder().join(name))?;
        }
        // Read since: folders without it keep the identity that they had.
        let latest = checkpoint.folder().join(latest);
        if latest.exists() {
            digest.file(&Source::open(&latest)?)?;
        }
    }
    for file in adapter {
        digest.file(&Source::open(file)?)?;
    }
    Ok(format!("{} {:016x} {weights} {device}", config.architecture, digest.finish()))
}

/// Takes a file that need not be there.
fn optional(digest: &mut Digest, file: &Files) -> Result<(), ModelError> {
    let there = file.exists();
    digest.number(there.into());
    if there { digest.file(&Source::open(file)?) } else { Ok(()) }
}

/// The reference's matrix products choose their kernel by what the processor has.
pub(crate) fn reference() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        // As matrixmultiply asks, in its order.
        let kernel = match () {
            () if has!("avx512f") => "avx512",
            () if has!("fma") && has!("avx2") => "fma",
            () if has!("avx") => "avx",
            () => "sse2",
        };
        format!("ndarray {kernel}")
    }
    #[cfg(not(target_arch = "x86_64"))]
    format!("ndarray {}", std::env::consts::ARCH)
}
