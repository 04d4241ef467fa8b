//! What judges steps: the [`StepScorer`] trait, and the pull form that searches drive it by.
//!
//! A scorer sees whole paths and judges their fresh steps only. Blank steps at the end are left out:
//! an end token alone is not judged, and such a path keeps the score of its last real step. An
//! outcome-only scorer gives every step of an unfinished path [`NEUTRAL`], so that neither
//! finished nor unfinished paths win by being what they are. What its numbers mean it says by its
//! [`Scale`]; a path that it cannot judge (longer than its context, say) it refuses, with a reason, and
//! the search goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use super::apart::Apart;
use super::generator::{BoxError, Lane};
use crate::cost::ModelCost;
use crate::guard::guarded;
use crate::{Scale, Step, Trajectory};

/// The score of a step about which the scorer has nothing to say, on a scale from 0 to 1 only: of
/// probabilities ([`crate::Unit::Probability`]). Log-odds that say nothing are 0; log-probabilities and
/// rewards have no such value.
pub const NEUTRAL: f64 = 0.5;

/// The judgement of one path.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// One score for each fresh step, in order; higher is better; finite. None of a path that was
    /// refused.
    pub scores: Vec<f64>,
    /// Why the path could not be judged: its steps stay without scores.
    pub refused: Option<String>,
    /// What was read for it, where that is not just the path as it stands; it is charged even where the path is refused.
    pub reads: Option<Reads>,
}

/// What a scorer read for one path that is no part of it: a question about it, a cue, the words whose probabilities it asks.
///
/// A scorer that reads paths as they stand says nothing: prompt, path and fresh steps are charged by the driver, each once.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reads {
    /// Tokens; they count as scored ones.
    pub tokens: u64,
    /// Operations of reading them, see [`ModelCost::flops`].
    pub flops: f64,
    /// By whom the path was read as well, if it was: it is charged as that of any other scorer, at this cost; else this is
    /// all that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<ModelCost>,
}

impl Reads {
    /// What several scorers read for one path, some of which say nothing, each with what it costs; `None` where all of them
    /// say nothing. The path is charged at the cost of those that read it, once for all.
    ///
    /// ```
    /// use tts_core::{cost::ModelCost, scorer::Reads};
    /// let model = ModelCost { parameters: 4, layers: 1, query_width: 0, windows: None };
    /// let words = Some(Reads { tokens: 2, flops: 16.0, path: None });
    /// let both = Reads { tokens: 4, flops: 32.0, path: None };
    /// assert_eq!(Reads::together([(words, model), (words, model)]), Some(both));
    /// // The second read the path itself, and is charged for it alone.
    /// let found = Reads::together([(words, model), (None, model)]);
    /// assert_eq!(found, Some(Reads { tokens: 2, flops: 16.0, path: Some(model) }));
    /// assert_eq!(Reads::together([(None, model), (None, model)]), None);
    /// ```
    pub fn together(all: impl IntoIterator<Item = (Option<Self>, ModelCost)>) -> Option<Self> {
        let all: Vec<(Option<Self>, ModelCost)> = all.into_iter().collect();
        let told = || all.iter().filter_map(|(reads, _)| *reads);
        told().next()?;
        let path = |(reads, cost): &(Option<Self>, ModelCost)| match reads {
            None => Some(*cost),
            Some(reads) => reads.path,
        };
        let paths: Vec<ModelCost> = all.iter().filter_map(path).collect();
        Some(Self {
            tokens: told().map(|reads| reads.tokens).sum(),
            flops: told().map(|reads| reads.flops).sum(),
            path: (!paths.is_empty()).then(|| ModelCost::together(paths)),
        })
    }
}

impl Scored {
    /// The scores of a path's fresh steps.
    pub fn of(scores: Vec<f64>) -> Self {
        Self { scores, refused: None, reads: None }
    }

    /// A path that cannot be judged.
    pub fn refused(why: impl Into<String>) -> Self {
        Self { scores: Vec::new(), refused: Some(why.into()), reads: None }
    }

    /// The same, with what was read for it.
    #[must_use]
    pub fn reading(self, reads: Option<Reads>) -> Self {
        Self { reads, ..self }
    }
}

/// Judges steps.
pub trait StepScorer: Send + Sync {
    /// `out[i].scores[k]` judges `batch[i].fresh_steps()[k]`. A score depends only on its own path.
    ///
    /// The steps before the fresh ones ([`Trajectory::judged_steps`]) are there to be read, and get no score
    /// again:
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tts_core::{Prompt, Step, StepScorer, Trajectory, scorer};
    ///
    /// let step = |text: &str| Arc::new(Step { text: text.into(), ..Step::default() });
    /// let steps = vec![step("=84-70\n"), step("=14\n"), step("done\n")];
    /// // Of three steps the last two are fresh.
    /// let path = Trajectory::new(Arc::new(Prompt::from("11+73-7*10")), steps, 2, true);
    /// assert_eq!(path.judged_steps()[0].text, "=84-70\n");
    /// assert_eq!(path.fresh_steps()[0].text, "=14\n");
    ///
    /// let length = scorer::from_fn(|_path, step| step.text.len() as f64);
    /// let scored = length.score(&[path])?;
    /// assert_eq!(scored[0].scores, [4.0, 5.0]); // of "=14" and of "done", not of "=84-70"
    /// # Ok::<(), tts_core::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// When the batch could not be judged. A number of scores that does not match, or a score that
    /// is not one of the scale, is made an error by the caller.
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError>;

    /// What its scores are; the default only says that higher is better.
    fn scale(&self) -> Scale {
        Scale::UNSTATED
    }

    /// What the model costs a token; the default costs nothing.
    fn cost(&self) -> ModelCost {
        ModelCost::default()
    }

    /// What its scores depend on besides the path, as [`crate::Generator::identity`].
    fn identity(&self) -> Option<String> {
        None
    }

    /// A digest of the vocabulary whose token ids it reads; `None` for one that reads text.
    fn vocabulary(&self) -> Option<u64> {
        None
    }

    /// Opens the pull form. The provided one judges whatever has gathered as one batch.
    fn session(&self) -> Box<dyn Scoring + '_> {
        Box::new(Gathered { scorer: self, next: 0, waiting: BTreeMap::new() })
    }

    /// Who this is: names played by one scorer share a session.
    fn lane(&self) -> Lane {
        Lane::of(self)
    }
}

/// Paths handed in together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u64);

/// Paths that are judged, or why not.
pub type Judged = (GroupId, Result<Vec<Scored>, BoxError>);

/// Judgements in flight: a scorer that answers later (a remote one) need not stop the writing.
pub trait Scoring: Send {
    /// Takes up paths, which come back together, in order.
    fn submit(&mut self, paths: Vec<Trajectory>) -> GroupId;

    /// Does a piece of work and returns the groups that are judged by then, perhaps none while a
    /// judgement is under way elsewhere.
    fn step(&mut self) -> Vec<Judged>;

    /// Calls a group off. Unknown ones are ignored.
    fn cancel(&mut self, group: GroupId);
}

/// The pull form of a scorer that judges batches.
struct Gathered<'a, S: ?Sized> {
    scorer: &'a S,
    next: u64,
    waiting: BTreeMap<GroupId, Vec<Trajectory>>,
}

impl<S: StepScorer + ?Sized> Scoring for Gathered<'_, S> {
    fn submit(&mut self, paths: Vec<Trajectory>) -> GroupId {
        let id = GroupId(self.next);
        self.next += 1;
        self.waiting.insert(id, paths);
        id
    }

    /// Judges everything in one batch; if that fails, group by group, so that one problem's failure
    /// leaves the others alone.
    fn step(&mut self) -> Vec<Judged> {
        let waiting = std::mem::take(&mut self.waiting);
        let count: usize = waiting.values().map(Vec::len).sum();
        if waiting.len() > 1 {
            let batch: Vec<Trajectory> = waiting.values().flatten().cloned().collect();
            if let Ok(Ok(all)) = guarded("scorer", || self.scorer.score(&batch))
                && all.len() == count
            {
                let mut all = all.into_iter();
                let own = |(id, paths): (GroupId, Vec<Trajectory>)| {
                    (id, Ok(all.by_ref().take(paths.len()).collect()))
                };
                return waiting.into_iter().map(own).collect();
            }
        }
        let own = |paths: &[Trajectory]| guarded("scorer", || self.scorer.score(paths))?;
        waiting.into_iter().map(|(id, paths)| (id, own(&paths))).collect()
    }

    fn cancel(&mut self, group: GroupId) {
        self.waiting.remove(&group);
    }
}

macro_rules! forward {
    ($($owner:ty),*) => {$(
        impl<T: StepScorer + ?Sized> StepScorer for $owner {
            fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
                (**self).score(batch)
            }
            fn scale(&self) -> Scale {
                (**self).scale()
            }
            fn cost(&self) -> ModelCost {
                (**self).cost()
            }
            fn identity(&self) -> Option<String> {
                (**self).identity()
            }
            fn vocabulary(&self) -> Option<u64> {
                (**self).vocabulary()
            }
            fn session(&self) -> Box<dyn Scoring + '_> {
                (**self).session()
            }
            fn lane(&self) -> Lane {
                (**self).lane()
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);

/// A scorer from a closure over one path and one of its fresh steps.
///
/// ```
/// use tts_core::{Scale, StepScorer, scorer};
/// let short_is_good = scorer::from_fn(|_path, step| 1.0 / (1.0 + step.text.len() as f64))
///     .with_scale(Scale::STEP);
/// # let _: &dyn StepScorer = &short_is_good;
/// ```
pub fn from_fn<F>(judge: F) -> FromFn<F>
where
    F: Fn(&Trajectory, &Step) -> f64 + Send + Sync,
{
    FromFn { judge, scale: Scale::UNSTATED }
}

/// See [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F> {
    judge: F,
    scale: Scale,
}

impl<F> FromFn<F> {
    /// The same judgements, with what they are.
    #[must_use]
    pub fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }
}

impl<F> std::fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromFn").field("scale", &self.scale).finish_non_exhaustive()
    }
}

impl<F: Fn(&Trajectory, &Step) -> f64 + Send + Sync> StepScorer for FromFn<F> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| {
            Scored::of(path.fresh_steps().iter().map(|step| (self.judge)(path, step)).collect())
        };
        Ok(batch.iter().map(judge).collect())
    }

    fn scale(&self) -> Scale {
        self.scale
    }
}
