//! Cosines and sines of rotary positions, computed once for each stretch of positions.
//!
//! Angles are computed in f64 and rounded at the end, so that late positions keep their precision.
//!
//! Source: Su et al. 2021, equation 34.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ModelConfig;
use crate::weights::config::Growth;

/// Positions of a stretch.
const STRETCH: usize = 64;

/// Cosines and sines, `[STRETCH, head_dim / 2]` each.
type Stretch = (Vec<f32>, Vec<f32>);

/// The rotations of a decoder.
#[derive(Debug)]
pub(crate) struct Rope {
    /// `[head_dim / 2]`, or half of what is turned of a head.
    frequencies: Vec<f64>,
    /// What cosines and sines are multiplied with.
    amplitude: f64,
    growth: Option<Growth>,
    stretches: Mutex<HashMap<usize, Arc<Stretch>>>,
}

/// The rotation of one position.
#[derive(Debug)]
pub(crate) struct Angles {
    pub(crate) position: usize,
    /// What queries are multiplied with, where they grow.
    pub(crate) growth: Option<f32>,
    stretch: Arc<Stretch>,
}

impl Angles {
    /// Cosines and sines, `[head_dim / 2]` each.
    pub(crate) fn get(&self) -> (&[f32], &[f32]) {
        let (cosines, sines) = &*self.stretch;
        let half = cosines.len() / STRETCH;
        let at = self.position % STRETCH * half;
        (&cosines[at..at + half], &sines[at..at + half])
    }
}

impl Rope {
    pub(crate) fn new(config: &ModelConfig) -> Self {
        Self {
            frequencies: config.rope_frequencies(),
            amplitude: config.rope_scaling.amplitude(),
            growth: config.switches.query_growth,
            stretches: Mutex::default(),
        }
    }

    /// That of layers that are turned by a base of their own.
    pub(crate) fn local(config: &ModelConfig) -> Self {
        Self {
            frequencies: config.local_rope_frequencies(),
            amplitude: 1.0,
            growth: config.switches.query_growth,
            stretches: Mutex::default(),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
    pub(crate) fn at(&self, position: usize) -> Angles {
        let mut stretches = self.stretches.lock().unwrap_or_else(PoisonError::into_inner);
        let index = position / STRETCH;
        let stretch = stretches.entry(index).or_insert_with(|| Arc::new(self.stretch(index)));
        let growth = self.growth.map(|growth| growth.at(position) as f32);
        Angles { position, growth, stretch: Arc::clone(stretch) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
    fn stretch(&self, index: usize) -> Stretch {
        let positions = index * STRETCH..(index + 1) * STRETCH;
        let angles = positions
            .flat_map(|position| self.frequencies.iter().map(move |f| position as f64 * f));
        let by = self.amplitude;
        angles.map(|angle| ((by * angle.cos()) as f32, (by * angle.sin()) as f32)).unzip()
    }
}
