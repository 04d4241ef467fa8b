//! What writes steps: the [`Generator`] trait, and the pull form that searches drive it by.
//!
//! A generator answers a batch of [`Request`]s. Searches do not call that directly: they open a
//! [`Session`], submit requests as they come up, and take each line when it is done, so that no
//! problem waits for another. A generator that only knows batches gets a session for free, which
//! runs what has gathered as one batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cost::ModelCost;
use crate::{Completion, Sampling, StepRule, Trajectory, Until};

/// Any error of a generator or scorer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Continuations of one prefix.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is continued.
    pub prefix: Trajectory,
    /// Text put after the prefix before the model goes on (the strategy's words, not the model's).
    /// A finished prefix is taken up again behind its last word: its end token is dropped.
    pub append: Option<String>,
    /// One line for each, see [`crate::seed`]: the seed of the line's first step. Step `i + 1` of a
    /// line uses `seed::child(seed of step i, 0)`.
    pub seeds: Vec<u64>,
    /// How far each line goes.
    pub until: Until,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Where steps end.
    pub rule: Arc<StepRule>,
    /// Bound on the generated tokens of each line, at least 1.
    pub max_tokens: u32,
}

/// The lines of one [`Request`], in the order of its seeds.
#[derive(Debug, Clone)]
pub struct Generated {
    /// What each seed led to.
    pub lines: Vec<Result<Completion, LineError>>,
    /// Tokens that the model ran over, the prompt included.
    pub computed_tokens: u64,
    /// Tokens whose keys and values were at hand.
    pub cached_tokens: u64,
}

/// Why one line failed. It never ends a run: the line counts as not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{0}")]
pub struct LineError(pub String);

/// Writes continuations.
///
/// A continuation depends only on model, prompt, path and seed: not on the batch it runs in, the
/// number of threads, or what was generated before.
pub trait Generator: Send + Sync {
    /// `out[i].lines[j]` continues `batch[i].prefix` with `batch[i].seeds[j]`.
    ///
    /// # Errors
    /// When the whole batch failed; a failure of one line is a [`LineError`] in its place.
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError>;

    /// Opens the pull form. The provided one runs whatever has gathered as one batch.
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(Batches { generator: self, next: 0, waiting: BTreeMap::new() })
    }

    /// What the model costs a token.
    fn cost(&self) -> ModelCost {
        ModelCost::default()
    }
}

/// A line in a [`Session`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(pub u64);

/// A line that is done.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Which line.
    pub line: LineId,
    /// What it led to.
    pub result: Result<Completion, LineError>,
    /// Tokens that the model ran over for it; what lines share is charged to the first.
    pub computed_tokens: u64,
    /// Tokens whose keys and values were at hand.
    pub cached_tokens: u64,
}

/// Lines in flight.
pub trait Session {
    /// Takes up a request; one id for each of its seeds, in order.
    fn submit(&mut self, request: Request) -> Vec<LineId>;

    /// Works until at least one line is done, and returns the lines that are; empty when none is
    /// in flight.
    ///
    /// # Errors
    /// When the generator as a whole failed; every line in flight is lost then.
    fn poll(&mut self) -> Result<Vec<Finished>, BoxError>;

    /// Calls a line off; it is not returned any more. Unknown ids are ignored.
    fn cancel(&mut self, line: LineId);
}

fn lost(error: &str) -> Generated {
    let lines = vec![Err(LineError(error.to_owned()))];
    Generated { lines, computed_tokens: 0, cached_tokens: 0 }
}

/// The pull form of a plain batch generator.
struct Batches<'a, G: ?Sized> {
    generator: &'a G,
    next: u64,
    waiting: BTreeMap<u64, Request>,
}

impl<G: Generator + ?Sized> Session for Batches<'_, G> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let first = self.next;
        self.next += request.seeds.len() as u64;
        let ids = (first..self.next).map(LineId).collect();
        // One entry a line, so that a single line can be cancelled.
        for (id, &seed) in (first..).zip(&request.seeds) {
            self.waiting.insert(id, Request { seeds: vec![seed], ..request.clone() });
        }
        ids
    }

    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        if self.waiting.is_empty() {
            return Ok(Vec::new());
        }
        let (ids, batch): (Vec<u64>, Vec<Request>) =
            std::mem::take(&mut self.waiting).into_iter().unzip();
        let generated = match self.generator.generate(&batch) {
            Ok(generated) => generated,
            // One request may be the cause: the others need not go down with it.
            Err(_) if batch.len() > 1 => batch
                .iter()
                .map(|request| match self.generator.generate(std::slice::from_ref(request)) {
                    Ok(mut one) if one.len() == 1 => one.remove(0),
                    Ok(_) => lost("the generator did not answer one request with one result"),
                    Err(error) => lost(&error.to_string()),
                })
                .collect(),
            Err(error) => return Err(error),
        };
        if generated.len() != batch.len() {
            return Err(format!(
                "the generator answered {} requests with {} results",
                batch.len(),
                generated.len()
            )
            .into());
        }
        let one = |(id, generated): (u64, Generated)| {
            let mut lines = generated.lines.into_iter();
            let result = match (lines.next(), lines.next()) {
                (Some(line), None) => line,
                _ => Err(LineError("the generator did not answer with one line a seed".into())),
            };
            Finished {
                line: LineId(id),
                result,
                computed_tokens: generated.computed_tokens,
                cached_tokens: generated.cached_tokens,
            }
        };
        Ok(ids.into_iter().zip(generated).map(one).collect())
    }

    fn cancel(&mut self, line: LineId) {
        self.waiting.remove(&line.0);
    }
}

macro_rules! forward {
    ($($owner:ty),*) => {$(
        impl<T: Generator + ?Sized> Generator for $owner {
            fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
                (**self).generate(batch)
            }
            fn session(&self) -> Box<dyn Session + '_> {
                (**self).session()
            }
            fn cost(&self) -> ModelCost {
                (**self).cost()
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);
