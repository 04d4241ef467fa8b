//! What a training run went through, update by update, and its loss curve.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tts_core::plot::{self, Chart};

use super::PolicyFigures;
use crate::ModelError;

/// One update.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Its number, from 1.
    pub step: usize,
    /// Tokens read up to here, without padding.
    pub tokens: u64,
    /// Weighted mean of the losses of its targets before the update, in nats.
    pub loss: f64,
    /// Learning rate.
    pub rate: f64,
    /// Euclidean norm of the gradient of all weights, before clipping.
    pub gradient_norm: f64,
    /// What its policy goals came to, told by own kernels; `None` without any, and on Burn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyFigures>,
}

/// A measurement on held-out examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// After this many updates.
    pub step: usize,
    /// Weighted mean of the losses of all targets, in nats.
    pub loss: f64,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    /// Every update, in order.
    pub updates: Vec<Update>,
    /// Every measurement on held-out examples, in order.
    pub held_out: Vec<HeldOut>,
}

impl History {
    /// The mean loss of the last `count` updates, in nats; `None` before the first.
    pub fn recent_loss(&self, count: usize) -> Option<f64> {
        let last = &self.updates[self.updates.len().saturating_sub(count)..];
        let sum: f64 = last.iter().map(|update| update.loss).sum();
        if last.is_empty() { None } else { Some(sum / last.len() as f64) }
    }

    /// The loss curve: each update's loss smoothed over its neighbours, and the held-out loss.
    pub fn chart(&self, title: &str) -> Chart {
        // About 200 points, each the mean of the updates around it.
        let each = self.updates.len().div_ceil(200).max(1);
        let smooth: Vec<_> = self
            .updates
            .chunks(each)
            .map(|chunk| {
                let mean = chunk.iter().map(|update| update.loss).sum::<f64>() / chunk.len() as f64;
                (chunk[chunk.len() - 1].step as f64, mean)
            })
            .collect();
        let held_out: Vec<_> =
            self.held_out.iter().map(|point| (point.step as f64, point.loss)).collect();
        plot::loss_curve(title, &smooth, &held_out)
    }

    /// Writes [`History::chart`] as SVG.
    ///
    /// # Errors
    /// When there is nothing to draw, or the file cannot be written.
    pub fn write_chart(&self, title: &str, path: &Path) -> Result<(), ModelError> {
        let written = self.chart(title).write(path);
        written.map_err(|error| ModelError::input("loss curve", error.to_string()))
    }
}
