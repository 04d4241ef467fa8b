//! The drivers: one problem, or many without lockstep.
//!
//! [`Search`] holds what all problems share: generator, scorer, settings, observers. A [`SearchPool`]
//! runs problems together: whenever a line is done it goes to its problem; whenever a problem's
//! round is complete it is judged, in one batch with whatever else is ready, and its next lines
//! are submitted. No problem waits for another, and problems may join while others run. A
//! problem's tree is the same alone and in company.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::settings::{Judge, Writer};
use super::{Record, SearchPool, SearchStrategy, Settings};
use crate::{
    Budget, Event, Generator, Lane, Outcome, Price, Prompt, Sampling, SearchError, StepRule,
    StepScorer, Task,
};

/// A problem in a [`SearchPool`]; counts from 0 in the order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProblemId(pub usize);

/// The role of the generator that a search was made with.
pub(crate) const POLICY: &str = "";

/// Told of events, from whatever thread. (A trait of its own, because a search may outlive fewer things
/// than its observers do: a lock around a closure's type would forbid that.)
pub(crate) trait Observer: Send + Sync {
    fn tell(&self, event: &Event<'_>);
}

impl<F: FnMut(&Event<'_>) + Send> Observer for Mutex<F> {
    fn tell(&self, event: &Event<'_>) {
        // One that panicked is told of what follows all the same.
        (self.lock().unwrap_or_else(PoisonError::into_inner))(event);
    }
}

/// A generator or scorer, and who it is. That is asked once: what has no size is somebody else each time.
pub(crate) struct Held<T: ?Sized> {
    pub(crate) lane: Lane,
    pub(crate) it: Arc<T>,
}

impl<T: ?Sized> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { lane: self.lane, it: Arc::clone(&self.it) }
    }
}

impl<'a> Held<dyn Generator + 'a> {
    fn generator(generator: impl Generator + 'a) -> Self {
        let it: Arc<dyn Generator + 'a> = Arc::new(generator);
        Self { lane: it.lane(), it }
    }
}

impl<'a> Held<dyn StepScorer + 'a> {
    fn scorer(scorer: impl StepScorer + 'a) -> Self {
        let it: Arc<dyn StepScorer + 'a> = Arc::new(scorer);
        Self { lane: it.lane(), it }
    }
}

/// What searches share, and the blocking driver.
///
/// Generators and scorers are given by reference, or owned (in an [`Arc`], say): a search of what it owns
/// has no borrow, and can be kept in a struct beside its model, and sent to another thread.
///
/// ```
/// use tts_core::toy::{Oracle, Sample, ToyWorld};
/// use tts_core::{Aggregate, Budget, Search};
///
/// let world = ToyWorld::default();
/// let oracle = Oracle::of(&world);
/// let outcome = Search::new(&world)
///     .scorer(&oracle)
///     .budget(Budget::tokens(2_000))
///     .seed(7)
///     .run(Sample { n: 8 }, world.prompt(3))?;
/// println!("{}", outcome.answer().unwrap_or_default());
/// assert!(outcome.usage.logical.generated_tokens > 0);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Clone)]
pub struct Search<'a> {
    pub(crate) generators: BTreeMap<String, Held<dyn Generator + 'a>>,
    /// By name; the search's own scorer has none.
    pub(crate) scorers: BTreeMap<Option<Arc<str>>, Held<dyn StepScorer + 'a>>,
    pub(crate) settings: Settings,
    pub(crate) observers: Vec<Arc<dyn Observer + 'a>>,
    pub(crate) concurrency: usize,
    pub(crate) record: Option<PathBuf>,
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<'a> Search<'a> {
    /// A search with this policy, without a scorer, under default settings.
    pub fn new(policy: impl Generator + 'a) -> Self {
        let settings = Settings {
            policy: Writer::of(&policy),
            vocabulary_size: policy.vocabulary_size(),
            ..Settings::default()
        };
        Self {
            generators: BTreeMap::from([(POLICY.to_owned(), Held::generator(policy))]),
            scorers: BTreeMap::new(),
            settings,
            observers: Vec::new(),
            concurrency: 64,
            record: None,
        }
    }

    /// Judges the steps of candidates.
    #[must_use]
    pub fn scorer(mut self, scorer: impl StepScorer + 'a) -> Self {
        self.settings.scorer = Some(Judge::of(&scorer));
        self.scorers.insert(None, Held::scorer(scorer));
        self
    }

    /// Another scorer, which an [`crate::Expand`] asks for by name: of asides, say.
    #[must_use]
    pub fn scorer_named(mut self, name: impl Into<String>, scorer: impl StepScorer + 'a) -> Self {
        let name = name.into();
        self.settings.scorers.insert(name.clone(), Judge::of(&scorer));
        self.scorers.insert(Some(name.into()), Held::scorer(scorer));
        self
    }

    /// Another generator, which an [`crate::Expand`] asks for by name. Roles played by one generator share
    /// its passes.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>, generator: impl Generator + 'a) -> Self {
        let name = name.into();
        self.settings.roles.insert(name.clone(), Writer::of(&generator));
        self.generators.insert(name, Held::generator(generator));
        self
    }

    /// What the generator of a role costs; `""` is the policy. It changes no sample, only what is reckoned, and, with
    /// [`Budget::money`], when the search ends.
    ///
    /// ```
    /// use tts_core::toy::{Sample, ToyWorld};
    /// use tts_core::{Price, Search};
    /// let world = ToyWorld::default();
    /// let price = Price { read: 1.0, generated: 4.0, ..Price::default() };
    /// let outcome = Search::new(&world).price("", price).run(Sample { n: 2 }, world.prompt(0))?;
    /// let cost = outcome.usage.logical;
    /// assert!((cost.money - price.of(cost.read_tokens, cost.generated_tokens, 0)).abs() < 1e-12);
    /// # Ok::<(), tts_core::SearchError>(())
    /// ```
    #[must_use]
    pub fn price(mut self, role: impl Into<String>, price: Price) -> Self {
        self.settings.prices.writers.insert(role.into(), price);
        self
    }

    /// What a scorer costs, by name; `""` is the search's own. See [`Search::price`].
    #[must_use]
    pub fn scorer_price(mut self, name: impl Into<String>, price: Price) -> Self {
        self.settings.prices.scorers.insert(name.into(), price);
        self
    }

    /// What an answer is; mathematics unless said.
    #[must_use]
    pub fn task(mut self, task: impl Task + 'static) -> Self {
        self.settings.task = Arc::new(task);
        self
    }

    /// [`Search::task`], of a task that is shared.
    #[must_use]
    pub fn shared_task(mut self, task: Arc<dyn Task>) -> Self {
        self.settings.task = task;
        self
    }

    /// Limits of each problem.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.settings.budget = budget;
        self
    }

    /// How tokens are drawn where the strategy does not say.
    #[must_use]
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.settings.sampling = sampling;
        self
    }

    /// Where steps end.
    #[must_use]
    pub fn rule(mut self, rule: StepRule) -> Self {
        self.settings.rule = rule.into();
        self
    }

    /// Where all randomness comes from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Told of everything that happens.
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(&Event<'_>) + Send + 'a) -> Self {
        self.observers.push(Arc::new(Mutex::new(observer)));
        self
    }

    /// Records each problem, so that a killed run resumes: `run` writes to this file, `run_many`
    /// to `00000.jsonl`, `00001.jsonl`, ... in this folder.
    #[must_use]
    pub fn record(mut self, path: impl AsRef<Path>) -> Self {
        self.record = Some(path.as_ref().to_owned());
        self
    }

    /// Problems in flight at a time in `run_many`; at least 1. It bounds memory, not results.
    #[must_use]
    pub fn concurrency(mut self, problems: usize) -> Self {
        self.concurrency = problems.max(1);
        self
    }

    /// What [`Search::concurrency`] was set to.
    pub fn problems_in_flight(&self) -> usize {
        self.concurrency
    }

    /// The settings that problems run under.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Runs one problem to its end.
    ///
    /// # Errors
    /// When settings, strategy, generator, scorer or record fail; the error holds what was
    /// computed until then.
    pub fn run<S>(&self, strategy: S, prompt: impl Into<Prompt>) -> Result<Outcome, SearchError>
    where
        S: SearchStrategy,
    {
        let mut pool = self.pool();
        pool.submit(strategy, prompt, self.record.as_deref())?;
        match pool.poll() {
            Some((_, outcome)) => outcome,
            None => Err(crate::RunError::EmptyProblem.into()),
        }
    }

    /// [`Search::run`], called off once `go` says no, which is asked after each piece of work: the outcome is then as
    /// of now ([`crate::Stop::Cancelled`]), with the strategy's answer among what was made by then. Its record, if
    /// it has one, can be gone on with.
    ///
    /// ```
    /// use tts_core::toy::{Sample, ToyWorld};
    /// use tts_core::{Search, Stop};
    ///
    /// let world = ToyWorld::default();
    /// let whole = Search::new(&world).run_stoppable(Sample { n: 2 }, world.prompt(0), || true)?;
    /// assert_eq!(whole.stop, Stop::Done);
    /// let none = Search::new(&world).run_stoppable(Sample { n: 2 }, world.prompt(0), || false)?;
    /// assert_eq!((none.stop, none.best), (Stop::Cancelled, None));
    /// # Ok::<(), tts_core::SearchError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Search::run`].
    pub fn run_stoppable<S>(
        &self,
        strategy: S,
        prompt: impl Into<Prompt>,
        mut go: impl FnMut() -> bool,
    ) -> Result<Outcome, SearchError>
    where
        S: SearchStrategy,
    {
        let mut pool = self.pool();
        let id = pool.submit(strategy, prompt, self.record.as_deref())?;
        while !pool.is_empty() {
            if !go() {
                pool.cancel(id);
            }
            if let Some((_, outcome)) = pool.turn().pop() {
                return outcome;
            }
        }
        Err(crate::RunError::EmptyProblem.into())
    }

    /// Runs many problems together, each with a copy of the strategy; results in the order of the
    /// prompts. One problem's failure leaves the others alone.
    pub fn run_many<S, P>(
        &self,
        strategy: &S,
        prompts: impl IntoIterator<Item = P>,
    ) -> Vec<Result<Outcome, SearchError>>
    where
        S: SearchStrategy + Clone,
        P: Into<Prompt>,
    {
        self.run_each(prompts.into_iter().map(|prompt| (strategy.clone(), prompt)), |_, _| {})
    }

    /// Runs many problems together, each with its own strategy; `done` is told of each result as
    /// it comes, in any order.
    pub fn run_each<S, P>(
        &self,
        problems: impl IntoIterator<Item = (S, P)>,
        mut done: impl FnMut(ProblemId, &Result<Outcome, SearchError>),
    ) -> Vec<Result<Outcome, SearchError>>
    where
        S: SearchStrategy,
        P: Into<Prompt>,
    {
        let problems = problems.into_iter().enumerate();
        let mut results: BTreeMap<usize, Result<Outcome, SearchError>> = BTreeMap::new();
        self.run_while(
            problems.map(|(number, (strategy, prompt))| (number, strategy, prompt)),
            || true,
            |number, result| {
                done(ProblemId(number), &result);
                results.insert(number, result);
                ControlFlow::Continue(())
            },
        );
        results.into_values().collect()
    }

    /// The loop of [`Search::run_each`] in the hands of the caller. Problems come with numbers, which name
    /// their records (`00003.jsonl` for number 3); none is taken up once `go` says no, and those in flight are
    /// then finished. `done` is handed each result as it comes, in any order, and may end everything at once:
    /// what is in flight then is lost up to its record, which goes on from its last whole round.
    pub fn run_while<S, P>(
        &self,
        problems: impl IntoIterator<Item = (usize, S, P)>,
        mut go: impl FnMut() -> bool,
        mut done: impl FnMut(usize, Result<Outcome, SearchError>) -> ControlFlow<()>,
    ) where
        S: SearchStrategy,
        P: Into<Prompt>,
    {
        let mut problems = problems.into_iter();
        let mut pool = self.pool();
        let mut numbers: Vec<usize> = Vec::new();
        loop {
            while pool.len() < self.concurrency && go() {
                let Some((number, strategy, prompt)) = problems.next() else { break };
                let record = self.record.as_ref();
                let record = record.map(|folder| folder.join(Record::file_name(number)));
                numbers.push(number);
                if let Err(error) = pool.submit(strategy, prompt, record.as_deref())
                    && done(number, Err(error)).is_break()
                {
                    return;
                }
            }
            let Some((id, result)) = pool.poll() else { return };
            if done(numbers[id.0], result).is_break() {
                return;
            }
        }
    }

    /// Opens a pool of problems: submit, poll or turn, cancel.
    pub fn pool<S: SearchStrategy>(&self) -> SearchPool<'a, S> {
        SearchPool::new(self)
    }
}
