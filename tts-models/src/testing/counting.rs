//! An executor that counts what it is asked to run.
//!
//! Everything else is the executor's inside.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{BlockPart, Executor, ModelConfig, ModelError, Piece, Span, Windows};

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
    type Block = E::Block;
    type State = E::State;

    fn config(&self) -> &ModelConfig {
        self.inner.config()
    }

    fn begin(&self, pieces: &[Piece<E::Block>]) -> E::State {
        self.inner.begin(pieces)
    }

    fn pieces(&self, state: &mut E::State) -> Vec<Piece<E::Block>> {
        self.inner.pieces(state)
    }

    fn parts(&self, block: &E::Block) -> [Option<BlockPart>; 2] {
        self.inner.parts(block)
    }

    fn thin(&self, block: &E::Block) -> E::Block {
        self.inner.thin(block)
    }

    fn windows(&self) -> Option<Windows> {
        self.inner.windows()
    }

    fn token_bytes(&self) -> usize {
        self.inner.token_bytes()
    }

    fn length(&self, state: &E::State) -> usize {
        self.inner.length(state)
    }

    fn fork(&self, state: &mut E::State, length: usize) -> E::State {
        self.inner.fork(state, length)
    }

    fn forward(&self, spans: &mut [Span<'_, E::State>]) -> Result<Vec<f32>, ModelError> {
        let rows = spans.iter().map(|span| span.tokens.len()).sum();
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.passes.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(rows, Ordering::Relaxed);
        self.inner.forward(spans)
    }

    fn logits_into(&self, hidden: &[f32], logits: &mut Vec<f32>) -> Result<(), ModelError> {
        self.inner.logits_into(hidden, logits)
    }

    fn parallel(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        self.inner.parallel(count, task);
    }
}
