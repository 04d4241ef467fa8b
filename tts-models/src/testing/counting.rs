//! An executor that counts what it is asked to run.
//!
//! Everything else is the executor's inside.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Executor, ModelConfig, ModelError, Span};

/// Counts the rows and passes of another executor.
#[derive(Debug)]
pub struct Counting<E> {
    inner: E,
    rows: AtomicUsize,
    passes: AtomicUsize,
    most: AtomicUsize,
}

impl<E> Counting<E> {
    /// Counts from 0.
    pub fn new(inner: E) -> Self {
        let zero = AtomicUsize::default;
        Self { inner, rows: zero(), passes: zero(), most: zero() }
    }

    /// Rows since the last call.
    pub fn rows(&self) -> usize {
        self.rows.swap(0, Ordering::Relaxed)
    }

    /// Passes since the last call.
    pub fn passes(&self) -> usize {
        self.passes.swap(0, Ordering::Relaxed)
    }

    /// Rows of the largest pass so far.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}

impl<E: Executor> Executor for Counting<E> {
    type State = E::State;

    fn config(&self) -> &ModelConfig {
        self.inner.config()
    }

    fn empty(&self) -> E::State {
        self.inner.empty()
    }

    fn length(&self, state: &E::State) -> usize {
        self.inner.length(state)
    }

    fn fork(&self, state: &mut E::State, length: usize) -> E::State {
        self.inner.fork(state, length)
    }

    fn footprint(&self, state: &E::State) -> Vec<(Option<usize>, usize)> {
        self.inner.footprint(state)
    }

    fn forward(&self, spans: &mut [Span<'_, E::State>]) -> Result<Vec<f32>, ModelError> {
        let rows = spans.iter().map(|span| span.tokens.len()).sum();
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.passes.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(rows, Ordering::Relaxed);
        self.inner.forward(spans)
    }

    fn logits(&self, hidden: &[f32]) -> Result<Vec<f32>, ModelError> {
        self.inner.logits(hidden)
    }
}
