//! The model that a policy is held near, and when it moves.
//!
//! A policy that is held near where it began cannot learn what lies far from there. So every few steps
//! ([`super::ReinforceConfig::refresh`]) the reference becomes the policy as it is, and the divergence counts from
//! there on: the iterations of GRPO.
//!
//! A run that goes on needs the reference of its step, which is not the policy any more. Its weights lie in
//! `reference/STEP` of the run's folder, in f32, and are there before the journal says that the step is done; those of
//! an earlier refresh stay until a state is saved that does not need them. Without a folder nothing is written.
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), algorithm 1, line 3 (iterations); DeepSeek-AI 2025 (arXiv
//! 2501.12948), where the reference is replaced every 400 steps.

use std::path::{Path, PathBuf};

use tts_core::SearchStrategy;
use tts_models::train::Online;
use tts_models::weights::Dtype;
use tts_models::{Checkpoint, DecoderWeights};

use super::Reinforce;
use super::run::weights;
use crate::PrmError;

/// Where weights of references lie in a run's folder.
const PLACE: &str = "reference";

fn place(folder: &Path, step: usize) -> PathBuf {
    folder.join(PLACE).join(step.to_string())
}

impl<S: SearchStrategy + Clone + std::fmt::Debug> Reinforce<'_, S> {
    /// The step of the last refresh until a step; none before the first.
    fn refreshed(&self, step: usize) -> Option<usize> {
        let last = step / self.config.refresh.max(1) * self.config.refresh;
        (last > 0).then_some(last)
    }

    /// Makes the policy as it is after a step the reference, where it is time to.
    ///
    /// # Errors
    /// When its weights cannot be written or taken; what a run that goes on needs is still there then.
    pub(super) fn refresh(&mut self, step: usize, online: &Online) -> Result<bool, PrmError> {
        let due = self.refreshed(step) == Some(step);
        let Some(reference) = self.reference.as_deref_mut().filter(|_| due) else {
            return Ok(false);
        };
        let weights = weights(online)?;
        if let Some(folder) = &self.folder {
            weights.save_as(place(folder, step), Dtype::F32, &[])?;
        }
        reference.renew(weights)?;
        Ok(true)
    }

    /// Gives the reference the weights that it has after a step which was done before.
    ///
    /// # Errors
    /// When they are not in the folder, or are of another shape.
    pub(super) fn take_up(&mut self, step: usize, online: &Online) -> Result<(), PrmError> {
        let Some(last) = self.refreshed(step) else { return Ok(()) };
        let (Some(reference), Some(folder)) = (self.reference.as_deref_mut(), &self.folder) else {
            return Ok(());
        };
        let loaded = DecoderWeights::load(&Checkpoint::open(place(folder, last))?)?;
        // What a file does not say, such as positions that were allowed, is as it was.
        let config = online.model()?.decoder.config;
        Ok(reference.renew(DecoderWeights { config, ..loaded })?)
    }

    /// Removes the weights of references that no run needs any more which goes on from a state of this step.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub(super) fn drop_references(&self, step: usize) -> Result<(), PrmError> {
        let (Some(folder), Some(last)) = (&self.folder, self.refreshed(step)) else {
            return Ok(());
        };
        let all = folder.join(PLACE);
        let at = |error| PrmError::io(&all, error);
        for entry in std::fs::read_dir(&all).map_err(at)? {
            let entry = entry.map_err(at)?;
            let of = entry.file_name().to_str().and_then(|name| name.parse::<usize>().ok());
            if of.is_some_and(|of| of < last) {
                let path = entry.path();
                std::fs::remove_dir_all(&path).map_err(|error| PrmError::io(&path, error))?;
            }
        }
        Ok(())
    }
}
