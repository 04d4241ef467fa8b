//! The executor on own GPU kernels: against the CPU, and its bits under every split of the work.
//!
//! Each test runs on every GPU runtime that the features name. Where a runtime finds no device the
//! test says so on stderr, which the harness does not capture here, and ends.

#![cfg(any(feature = "cuda", feature = "wgpu"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod engine;
mod executor;
mod quantised;
mod switches;

use std::io::Write;
use std::sync::Mutex;

use tts_models::exec::Runtime;
pub(crate) use tts_models::testing::byte_config as config;
use tts_models::testing::lively_weights;
use tts_models::{DecoderWeights, Gpu, ModelConfig};

/// The default device of a runtime, or `None` with a message.
#[expect(clippy::explicit_write, reason = "the harness captures what `eprintln` writes")]
pub(crate) fn device<R: Runtime>(name: &str) -> Option<R::Device> {
    // One at a time: a runtime whose start fails may be asked again.
    static OPENING: Mutex<()> = Mutex::new(());
    let _opening = OPENING.lock();
    let device = R::Device::default();
    match Gpu::<R>::available(&device) {
        Ok(()) => Some(device),
        Err(error) => {
            writeln!(std::io::stderr(), "skipped, no {name} device: {error}").unwrap();
            None
        }
    }
}

/// Makes tests of generic functions that take a device.
macro_rules! on_each_runtime {
    ($($test:ident),* $(,)?) => {
        #[cfg(feature = "wgpu")]
        mod wgpu {
            use tts_models::exec::WgpuRuntime;
            $(#[test]
            fn $test() {
                if let Some(device) = crate::device::<WgpuRuntime>("wgpu") {
                    super::$test::<WgpuRuntime>(&device);
                }
            })*
        }
        #[cfg(feature = "cuda")]
        mod cuda {
            use tts_models::exec::CudaRuntime;
            $(#[test]
            fn $test() {
                if let Some(device) = crate::device::<CudaRuntime>("cuda") {
                    super::$test::<CudaRuntime>(&device);
                }
            })*
        }
    };
}
pub(crate) use on_each_runtime;

/// Random weights.
pub(crate) fn weights(config: ModelConfig) -> DecoderWeights {
    lively_weights(config).unwrap()
}
