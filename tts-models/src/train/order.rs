//! Which examples make up which update: a function of the seed and the number of the update.
//!
//! Every epoch is a new permutation. Within windows of [`WINDOW`] batches the examples are sorted
//! by length, so that a batch has little padding, and the batches of a window are shuffled again.
//! What does not fill a batch at the end of an epoch is left out of that epoch.

use tts_core::seed::{self, Rng};

use super::Dataset;

/// Batches that are sorted together.
const WINDOW: usize = 16;

/// The order of one training run.
#[derive(Debug)]
pub(super) struct Order {
    batch: usize,
    examples: usize,
    seed: u64,
    /// The epoch that `batches` belongs to.
    epoch: Option<usize>,
    batches: Vec<Vec<usize>>,
}

fn shuffle<T>(items: &mut [T], rng: &mut Rng) {
    for last in (1..items.len()).rev() {
        #[expect(clippy::cast_possible_truncation, reason = "below last + 1")]
        #[expect(clippy::cast_sign_loss, reason = "uniform is not negative")]
        let other = (rng.uniform() * (last + 1) as f64) as usize;
        items.swap(last, other.min(last));
    }
}

impl Order {
    /// Batches of `batch` examples, or of all there are when those are fewer.
    pub(super) fn new(examples: usize, batch: usize, seed: u64) -> Self {
        let batch = batch.min(examples).max(1);
        Self { batch, examples, seed, epoch: None, batches: Vec::new() }
    }

    /// The examples of update number `step`.
    pub(super) fn batch<D: Dataset + ?Sized>(&mut self, data: &D, step: usize) -> &[usize] {
        let each = (self.examples / self.batch).max(1);
        let epoch = step / each;
        if self.epoch != Some(epoch) {
            self.batches = self.epoch(data, epoch);
            self.epoch = Some(epoch);
        }
        &self.batches[step % each]
    }

    fn epoch<D: Dataset + ?Sized>(&self, data: &D, epoch: usize) -> Vec<Vec<usize>> {
        let mut rng = seed::rng(seed::mix(self.seed, epoch as u64));
        let mut all: Vec<usize> = (0..self.examples).collect();
        shuffle(&mut all, &mut rng);
        let full = self.examples - self.examples % self.batch;
        let mut batches = Vec::new();
        for window in all[..full].chunks_mut(WINDOW * self.batch) {
            // Stable, so that equal lengths keep their shuffled order.
            window.sort_by_key(|&index| data.length(index));
            let mut sorted: Vec<Vec<usize>> =
                window.chunks(self.batch).map(<[usize]>::to_vec).collect();
            shuffle(&mut sorted, &mut rng);
            batches.append(&mut sorted);
        }
        batches
    }
}
