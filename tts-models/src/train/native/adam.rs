//! `AdamW` over one vector, with clipping by the norm of the whole gradient.
//!
//! Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2; Pascanu et al. 2013, arXiv:1211.5063,
//! algorithm 1. Blocks of fixed length run on all threads; the norm adds their sums in order.

use std::ops::Range;
use std::sync::Mutex;

use crate::kernels::Team;
use crate::train::TrainConfig;

/// Numbers of a block.
const BLOCK: usize = 1 << 14;

/// Weights and moments.
#[derive(Debug)]
pub(super) struct Adam {
    pub(super) weights: Vec<f32>,
    pub(super) first: Vec<f32>,
    pub(super) second: Vec<f32>,
    /// Where weight decay applies; ordered, without overlaps.
    pub(super) decays: Vec<Range<usize>>,
    /// Updates done.
    pub(super) step: usize,
}

/// The Euclidean norm.
pub(super) fn norm(team: &Team, values: &[f32]) -> f64 {
    let sums: Vec<Mutex<f64>> = values.chunks(BLOCK).map(|_| Mutex::new(0.0)).collect();
    team.each(sums.len(), |block| {
        let values = &values[block * BLOCK..((block + 1) * BLOCK).min(values.len())];
        let mut lanes = [0.0_f64; 16];
        for values in values.chunks(16) {
            for (lane, value) in lanes.iter_mut().zip(values) {
                *lane += f64::from(*value) * f64::from(*value);
            }
        }
        if let Ok(mut sum) = sums[block].lock() {
            *sum = lanes.iter().sum();
        }
    });
    let sum: f64 = sums.into_iter().filter_map(|sum| sum.into_inner().ok()).sum();
    sum.sqrt()
}

/// What one update multiplies with.
#[derive(Clone, Copy)]
struct Factors {
    /// Of the gradient: clipping, and the number of targets.
    gradient: f32,
    beta_1: f32,
    beta_2: f32,
    /// `rate / (1 - beta_1^t)`.
    first: f32,
    /// `1 / (1 - beta_2^t)`.
    second: f32,
    epsilon: f32,
}

impl Adam {
    /// One step along `scale * gradient`, whose norm it returns. One that is not finite changes
    /// nothing.
    pub(super) fn step(
        &mut self,
        team: &Team,
        config: &TrainConfig,
        gradient: &[f32],
        scale: f64,
    ) -> f64 {
        let norm = norm(team, gradient) * scale;
        if !norm.is_finite() {
            return norm;
        }
        let clip = if norm > config.clip { config.clip / norm } else { 1.0 };
        let rate = config.rate(self.step);
        self.step += 1;
        let time = i32::try_from(self.step).unwrap_or(i32::MAX);
        let (beta_1, beta_2) = (f64::from(config.beta_1), f64::from(config.beta_2));
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        let narrow = |value: f64| value as f32;
        let factors = Factors {
            gradient: narrow(scale * clip),
            beta_1: config.beta_1,
            beta_2: config.beta_2,
            first: narrow(rate / (1.0 - beta_1.powi(time))),
            second: narrow(1.0 / (1.0 - beta_2.powi(time))),
            epsilon: config.epsilon,
        };
        let keep = narrow(1.0 - rate * config.weight_decay);
        let blocks = self.weights.chunks_mut(BLOCK).zip(self.first.chunks_mut(BLOCK));
        let blocks = blocks.zip(self.second.chunks_mut(BLOCK)).zip(gradient.chunks(BLOCK));
        let decays = &self.decays;
        team.each_of(blocks.collect(), |block, (((weights, first), second), gradient)| {
            let here = block * BLOCK..block * BLOCK + weights.len();
            for range in decays {
                let (from, to) = (range.start.max(here.start), range.end.min(here.end));
                if from < to {
                    let part = &mut weights[from - here.start..to - here.start];
                    for weight in part {
                        *weight *= keep;
                    }
                }
            }
            update(weights, first, second, gradient, factors);
        });
        norm
    }
}

fn update(
    weights: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    by: Factors,
) {
    let moments = first.iter_mut().zip(second);
    for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
        let gradient = gradient * by.gradient;
        *first = by.beta_1 * *first + (1.0 - by.beta_1) * gradient;
        *second = by.beta_2 * *second + (1.0 - by.beta_2) * gradient * gradient;
        *weight -= by.first * *first / ((by.second * *second).sqrt() + by.epsilon);
    }
}
