//! Cosines and sines of rotary positions, computed once for each stretch of positions.
//!
//! Angles are computed in f64 and rounded at the end, so that late positions keep their precision.
//!
//! Source: Su et al. 2021, equation 34.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ModelConfig;

/// Positions of a stretch.
const STRETCH: usize = 64;

/// Cosines and sines, `[STRETCH, head_dim / 2]` each.
type Stretch = (Vec<f32>, Vec<f32>);

/// The rotations of a decoder.
#[derive(Debug)]
pub(crate) struct Rope {
    /// `[head_dim / 2]`.
    frequencies: Vec<f64>,
    stretches: Mutex<HashMap<usize, Arc<Stretch>>>,
}

/// The rotation of one position.
#[derive(Debug)]
pub(crate) struct Angles {
    pub(crate) position: usize,
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
        Self { frequencies: config.rope_frequencies(), stretches: Mutex::default() }
    }

    pub(crate) fn at(&self, position: usize) -> Angles {
        let mut stretches = self.stretches.lock().unwrap_or_else(PoisonError::into_inner);
        let index = position / STRETCH;
        let stretch = stretches.entry(index).or_insert_with(|| Arc::new(self.stretch(index)));
        Angles { position, stretch: Arc::clone(stretch) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
    fn stretch(&self, index: usize) -> Stretch {
        let positions = index * STRETCH..(index + 1) * STRETCH;
        let angles = positions
            .flat_map(|position| self.frequencies.iter().map(move |f| position as f64 * f));
        angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip()
    }
}
