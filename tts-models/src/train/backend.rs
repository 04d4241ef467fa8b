//! Which learner trains, by the name of a backend.
//!
//! Own kernels on the processors of the machine, or Burn on its own backends. What is in files does not depend on it.
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
    match backend {
        Backend::Native => Ok(Box::new(Native::new(config, model)?)),
        Backend::Ndarray => {
            Ok(Box::new(BurnLearner::<Cpu>::new(config, model, &Default::default())?))
        }
        #[cfg(feature = "cuda")]
        Backend::Cuda => {
            use crate::exec::CudaRuntime;
            // Burn panics where there is no driver.
            crate::Gpu::<CudaRuntime>::available(&Default::default())?;
            let device = burn::backend::cuda::CudaDevice::default();
            Ok(Box::new(BurnLearner::<crate::exec::Cuda>::new(config, model, &device)?))
        }
        #[cfg(not(feature = "cuda"))]
        Backend::Cuda => Err(crate::load::not_there(backend)),
        Backend::Wgpu => {
            let problem = "wgpu, which trains nothing: expected native, ndarray or cuda";
            Err(ModelError::input("backend", problem))
        }
    }
}

/// How it is called in the digest of a run: what one Burn backend began, another goes on with.
pub(super) fn kind(backend: Backend) -> &'static str {
    if backend == Backend::Native { "native" } else { "burn" }
}
