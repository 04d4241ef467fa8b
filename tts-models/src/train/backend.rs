//! Which learner trains, by the name of a backend.
//!
//! Own kernels on the processors of the machine, or Burn on its own backends.
//!
//! Source: none.

use super::burn_learner::BurnLearner;
use super::learner::Learner;
use super::native::Native;
use super::{Model, TrainConfig};
use crate::exec::Cpu;
use crate::{Backend, ModelError};

/// The learner of a backend.
///
/// # Errors
/// When the backend is not there or trains nothing, or the model's tensors do not have the sizes of its config.
pub(super) fn open(
    backend: Backend,
    config: &TrainConfig,
    model: Model,
) -> Result<Box<dyn Learner>, ModelError> {
    backend.check_trains()?;
    match backend {
        #[cfg(feature = "cuda")]
        Backend::Cuda => {
            use crate::exec::CudaRuntime;
            // Burn panics where there is no driver.
            let device = burn::backend::cuda::CudaDevice::default();
            crate::Gpu::<CudaRuntime>::available(&device)?;
            Ok(Box::new(BurnLearner::<crate::exec::Cuda>::new(config, model, &device)?))
        }
        Backend::Ndarray => {
            let device = burn::backend::ndarray::NdArrayDevice::default();
            Ok(Box::new(BurnLearner::<Cpu>::new(config, model, &device)?))
        }
        // What else trains was looked at.
        _ => Ok(Box::new(Native::new(config, model)?)),
    }
}

/// How it is called in the digest of a run, so that no run goes on with another's arithmetic.
pub(super) fn kind(backend: Backend) -> String {
    if backend == Backend::Native { backend.to_string() } else { format!("burn {backend}") }
}
