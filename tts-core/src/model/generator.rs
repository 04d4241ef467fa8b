//! What writes steps: the [`Generator`] trait, and the pull form that searches drive it by.
//!
//! A generator answers a batch of [`Request`]s. Searches do not call that directly: they open a
//! [`Session`], submit requests as they come up, and take each line when it is done, so that no
//! problem waits for another. A generator that only knows batches gets a session for free, which
//! runs what has gathered as one batch.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::cost::ModelCost;
use crate::guard::guarded;
use crate::{Completion, Sampling, StepRule, Trajectory, Until, Watch};

/// Any error of a generator or scorer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Continuations of one prefix.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is continued.
    pub prefix: Trajectory,
    /// Tokens that each line begins with, before `append`: the beginning of a step that is kept. They
    /// are the line's first given tokens; from the same seed it goes on as behind the same tokens.
    pub given: Vec<u32>,
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
    /// What is noted of each token, and when a line is broken off.
    pub watch: Watch,
    /// Bound on the generated tokens of each line, at least 1.
    pub max_tokens: u32,
}

impl Request {
    /// One step behind `prefix` for each seed, under default rule and sampling.
    pub fn new(prefix: Trajectory, seeds: Vec<u64>) -> Self {
        let rule = Arc::<StepRule>::default();
        Self {
            prefix,
            given: Vec::new(),
            append: None,
            seeds,
            until: Until::Step,
            sampling: Sampling::default(),
            max_tokens: rule.max_step_tokens,
            rule,
            watch: Watch::default(),
        }
    }
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

impl Generated {
    /// Lines of a generator that runs over no tokens.
    pub fn of(lines: Vec<Result<Completion, LineError>>) -> Self {
        Self { lines, computed_tokens: 0, cached_tokens: 0 }
    }

    /// What a generator gives that makes each line by itself, from a request and a seed.
    ///
    /// ```
    /// use tts_core::{BoxError, Completion, Finish, Generated, Generator, Request, Search, Step, toy};
    /// struct Echo;
    /// impl Generator for Echo {
    ///     fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
    ///         Ok(Generated::by_seed(batch, |request, _seed| {
    ///             let text = request.prefix.prompt().question().to_owned();
    ///             let step = Step { text, tokens: vec![0], ..Step::default() };
    ///             Ok(Completion { steps: vec![step], finish: Finish::Stop, prompt_tokens: 1 })
    ///         }))
    ///     }
    /// }
    /// let outcome = Search::new(Echo).run(toy::Sample { n: 2 }, "1 + 1?")?;
    /// assert_eq!(outcome.tree.candidates().len(), 2);
    /// # Ok::<(), tts_core::SearchError>(())
    /// ```
    pub fn by_seed(
        batch: &[Request],
        mut line: impl FnMut(&Request, u64) -> Result<Completion, LineError>,
    ) -> Vec<Self> {
        let mut made = |request: &Request| {
            Self::of(request.seeds.iter().map(|&seed| line(request, seed)).collect())
        };
        batch.iter().map(&mut made).collect()
    }
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
        Box::new(Batches { generator: self, next: 0, waiting: Vec::new(), gone: HashSet::new() })
    }

    /// What the model costs a token.
    fn cost(&self) -> ModelCost {
        ModelCost::default()
    }

    /// A digest of the vocabulary, where its lines are token ids: a path is never given to a model of
    /// another one. `None` for what reads text.
    fn vocabulary(&self) -> Option<u64> {
        None
    }

    /// Over how many tokens its distributions are, where it can tell: what is said of the few most probable
    /// ones ([`Watch::confidence`]) means something else in a small vocabulary.
    fn vocabulary_size(&self) -> Option<u32> {
        None
    }

    /// What its lines depend on besides the request, weights included, as a short text: a record
    /// that was made with another generator is not resumed. `None` for one that cannot tell.
    fn identity(&self) -> Option<String> {
        None
    }

    /// Who this is: roles played by one generator share a session, and so its passes.
    fn lane(&self) -> Lane {
        Lane::of(self)
    }
}

/// Names one generator or scorer among those that live at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane {
    address: usize,
    bytes: usize,
    name: &'static str,
}

impl Lane {
    /// Where a value lies, and of which type it is. What has no size lies nowhere in particular, and two
    /// closures may share their name: each asking gets a lane of its own there.
    pub fn of<T: ?Sized>(value: &T) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let (bytes, name) = (size_of_val(value), std::any::type_name::<T>());
        let address = match bytes {
            0 => NEXT.fetch_add(1, Ordering::Relaxed),
            _ => std::ptr::from_ref(value).cast::<()>().addr(),
        };
        Self { address, bytes, name }
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
pub trait Session: Send {
    /// Takes up a request; one id for each of its seeds, in order.
    fn submit(&mut self, request: Request) -> Vec<LineId>;

    /// Works until at least one line is done, and returns the lines that are; empty when none is
    /// in flight.
    ///
    /// # Errors
    /// When the generator as a whole failed; every line in flight is lost then.
    fn poll(&mut self) -> Result<Vec<Finished>, BoxError>;

    /// Does a piece of work (a pass, a look at what has arrived) and returns the lines that are done by
    /// then, perhaps none: what lets several generators go on side by side. It is called while lines
    /// are in flight, and must come to their ends. The provided one polls.
    ///
    /// # Errors
    /// As [`Session::poll`].
    fn step(&mut self) -> Result<Vec<Finished>, BoxError> {
        let done = self.poll()?;
        if done.is_empty() {
            return Err("the generator lost its lines: nothing is in flight any more".into());
        }
        Ok(done)
    }

    /// Calls a line off; it is not returned any more. Unknown ids are ignored.
    fn cancel(&mut self, line: LineId);

    /// [`Session::cancel`], of a line whose beginning is still of use: what is written of it by now
    /// ([`crate::Finish::Cancelled`]), or `None` where nothing is, or where nobody can tell. The provided one tells
    /// nothing.
    fn cut(&mut self, line: LineId) -> Option<Finished> {
        self.cancel(line);
        None
    }
}

/// Answers a batch by a session: what [`Generator::generate`] is for a generator whose own form is the pull form.
///
/// # Errors
/// When the generator as a whole failed.
pub fn gather(session: &mut dyn Session, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
    let mut places = std::collections::HashMap::new();
    let mut out: Vec<Generated> = Vec::with_capacity(batch.len());
    for (index, request) in batch.iter().enumerate() {
        let ids = session.submit(request.clone());
        places.extend(ids.into_iter().enumerate().map(|(line, id)| (id, (index, line))));
        out.push(lost(request, "the line was never answered"));
    }
    loop {
        let finished = session.poll()?;
        if finished.is_empty() {
            return Ok(out);
        }
        for Finished { line, result, computed_tokens, cached_tokens } in finished {
            let Some(&(index, line)) = places.get(&line) else { continue };
            out[index].lines[line] = result;
            out[index].computed_tokens += computed_tokens;
            out[index].cached_tokens += cached_tokens;
        }
    }
}

/// After so many failures in a row, and no success, a generator is taken to be down.
const DOWN: usize = 3;

fn lost(request: &Request, error: &str) -> Generated {
    Generated::of(request.seeds.iter().map(|_| Err(LineError(error.to_owned()))).collect())
}

/// The pull form of a plain batch generator.
struct Batches<'a, G: ?Sized> {
    generator: &'a G,
    next: u64,
    /// Requests with the id of the first of their lines.
    waiting: Vec<(u64, Request)>,
    /// Lines that were called off since.
    gone: HashSet<LineId>,
}

impl<G: Generator + ?Sized> Batches<'_, G> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        guarded("generator", || self.generator.generate(batch))?
    }

    /// One request may be the cause: the others need not go down with it.
    fn apart(&self, batch: &[Request], first: BoxError) -> Result<Vec<Generated>, BoxError> {
        let (mut out, mut failures, mut any) = (Vec::new(), 0, false);
        for request in batch {
            out.push(match self.generate(std::slice::from_ref(request)) {
                Ok(mut one) if one.len() == 1 => {
                    any = true;
                    one.remove(0)
                }
                Ok(_) => lost(request, "the generator did not answer one request with one result"),
                Err(error) => {
                    failures += 1;
                    if failures == DOWN && !any {
                        return Err(first);
                    }
                    lost(request, &error.to_string())
                }
            });
        }
        if any { Ok(out) } else { Err(first) }
    }
}

impl<G: Generator + ?Sized> Session for Batches<'_, G> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let first = self.next;
        self.next += request.seeds.len() as u64;
        if !request.seeds.is_empty() {
            self.waiting.push((first, request));
        }
        (first..self.next).map(LineId).collect()
    }

    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        if self.waiting.is_empty() {
            return Ok(Vec::new());
        }
        let (gone, mut ids) = (std::mem::take(&mut self.gone), Vec::new());
        let mut batch = Vec::with_capacity(self.waiting.len());
        for (first, mut request) in std::mem::take(&mut self.waiting) {
            let wanted = |place: usize| !gone.contains(&LineId(first + place as u64));
            let asked = 0..request.seeds.len();
            ids.extend(asked.clone().filter(|&p| wanted(p)).map(|p| LineId(first + p as u64)));
            if !gone.is_empty() {
                let seeds = asked.filter(|&place| wanted(place));
                request.seeds = seeds.map(|place| request.seeds[place]).collect();
            }
            if !request.seeds.is_empty() {
                batch.push(request);
            }
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let generated = match self.generate(&batch) {
            Ok(generated) => generated,
            Err(error) if batch.len() > 1 => self.apart(&batch, error)?,
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
        let mut finished = Vec::with_capacity(ids.len());
        let mut ids = ids.into_iter();
        for (request, generated) in batch.iter().zip(generated) {
            let Generated { lines, mut computed_tokens, mut cached_tokens } = generated;
            let fits = lines.len() == request.seeds.len();
            let mut lines = lines.into_iter();
            for line in ids.by_ref().take(request.seeds.len()) {
                let none =
                    || Err(LineError("the generator did not answer with one line a seed".into()));
                let result = lines.next().filter(|_| fits).unwrap_or_else(none);
                finished.push(Finished {
                    line,
                    result,
                    computed_tokens: std::mem::take(&mut computed_tokens),
                    cached_tokens: std::mem::take(&mut cached_tokens),
                });
            }
        }
        Ok(finished)
    }

    fn cancel(&mut self, line: LineId) {
        if self.waiting.iter().any(|(first, _)| *first <= line.0) {
            self.gone.insert(line);
        }
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
            fn vocabulary(&self) -> Option<u64> {
                (**self).vocabulary()
            }
            fn vocabulary_size(&self) -> Option<u32> {
                (**self).vocabulary_size()
            }
            fn identity(&self) -> Option<String> {
                (**self).identity()
            }
            fn lane(&self) -> Lane {
                (**self).lane()
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);
