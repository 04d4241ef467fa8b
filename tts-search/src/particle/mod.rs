//! Strategies that carry a weighted population of paths from step to step: particle filters, and chains
//! of them.

mod anneal;
mod cloud;
mod filter;
mod gibbs;
mod resample;
mod weights;

pub use anneal::{Anneal, AnnealBy};
pub use filter::{Choose, ParticleFilter, State as ParticleState, Weights};
pub use gibbs::{ParticleGibbs, State as GibbsState};
pub use resample::Resampling;
pub use weights::{Potential, effective_sample_size, normalised_entropy};
