//! Where the time of a team's threads goes, by stages of a pass: worked and waited.
//!
//! The thread that opens loops says which stage it is in ([`Clock::at`]); its time is that stage's until it says another
//! one, and so is what helpers work in loops that it opens. Whatever a thread does not work, it waits: a helper while no
//! loop is open or no task is left, the caller for helpers that are not done. So worked and waited are, over all
//! stages, threads times wall.
//!
//! A stage costs one reading of the system's clock, a loop two for each thread. While the clock is off none is read: a
//! stage is a load and a branch, a loop one more of these for each thread. Of loops of several callers at once the stages
//! mix, for there is one place where the stage stands.
//!
//! Source: none.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use serde::Serialize;

use super::InstructionSet;

/// What threads work on, in the order of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stage {
    /// Outside of passes: lines are admitted, steps cut, searches decide.
    Outside,
    /// What a pass begins with: rows of the embedding, angles, which rows read which keys.
    Begin,
    /// Norms before blocks and the packing of their rows, which are one loop.
    Norms,
    /// The product that makes queries, keys and values.
    QueryKeyValue,
    /// Their biases, norms and rotation; keys and values written where they are kept.
    Heads,
    /// Scores, softmax and sums over values.
    Attention,
    /// The packing of rows before the last product of a block.
    Packing,
    /// The product behind attention, added to the stream where nothing stands between.
    Output,
    /// The products of a router, and the choice of experts.
    Router,
    /// The products of gate and up, and `SiLU` gates where no bias stands between.
    GateUp,
    /// Gates of other kinds, and biases before them.
    Activation,
    /// The last product of a network, added to the stream where nothing stands between.
    Down,
    /// What stands between a block and the stream: biases, norms, factors, sums over experts.
    Join,
    /// The last norm, and the end of a pass.
    End,
    /// The product with the output head, the packing of its rows, and bounds of logits.
    Head,
    /// Drawing tokens, and log-probabilities of given ones.
    Sampling,
}

impl Stage {
    /// All, in the order of a pass.
    pub const ALL: [Self; 16] = [
        Self::Outside,
        Self::Begin,
        Self::Norms,
        Self::QueryKeyValue,
        Self::Heads,
        Self::Attention,
        Self::Packing,
        Self::Output,
        Self::Router,
        Self::GateUp,
        Self::Activation,
        Self::Down,
        Self::Join,
        Self::End,
        Self::Head,
        Self::Sampling,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outside => "outside of passes",
            Self::Begin => "begin",
            Self::Norms => "norms, packed",
            Self::QueryKeyValue => "product: queries, keys, values",
            Self::Heads => "heads: rotated, kept",
            Self::Attention => "attention",
            Self::Packing => "packing",
            Self::Output => "product: output",
            Self::Router => "product: router",
            Self::GateUp => "product: gate and up",
            Self::Activation => "activation",
            Self::Down => "product: down",
            Self::Join => "join",
            Self::End => "end",
            Self::Head => "product: head",
            Self::Sampling => "sampling",
        }
    }

    /// Whether it is a product with weights.
    pub fn is_product(self) -> bool {
        self.name().starts_with("product")
    }
}

/// How long something took in each stage, in nanoseconds; on lines of the cache of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Sums([AtomicU64; Stage::ALL.len()]);

impl Sums {
    fn add(&self, stage: usize, nanoseconds: u64) {
        self.0[stage].fetch_add(nanoseconds, Ordering::Relaxed);
    }

    fn clear(&self) {
        self.0.iter().for_each(|sum| sum.store(0, Ordering::Relaxed));
    }

    fn seconds(&self, stage: usize) -> f64 {
        self.0[stage].load(Ordering::Relaxed) as f64 / 1e9
    }
}

/// The clock of a team: off until it is started.
#[derive(Debug)]
pub struct Clock {
    on: AtomicBool,
    zero: Instant,
    /// The stage at hand, and the nanoseconds from `zero` to its beginning.
    stage: AtomicUsize,
    since: AtomicU64,
    /// The caller's time.
    wall: Sums,
    /// What of it passes until the helpers of a loop are done.
    waited: Sums,
    /// What each helper works.
    helpers: Box<[Sums]>,
}

impl Clock {
    /// Of so many threads beside the caller's.
    pub(super) fn new(helpers: usize) -> Self {
        Self {
            on: AtomicBool::new(false),
            zero: Instant::now(),
            stage: AtomicUsize::new(0),
            since: AtomicU64::new(0),
            wall: Sums::default(),
            waited: Sums::default(),
            helpers: std::iter::repeat_with(Sums::default).take(helpers).collect(),
        }
    }

    /// Begins at nothing, outside of passes: not while a pass runs.
    pub fn start(&self) {
        let all = self.helpers.iter().chain([&self.wall, &self.waited]);
        all.for_each(Sums::clear);
        self.stage.store(Stage::Outside as usize, Ordering::Relaxed);
        self.since.store(self.now(), Ordering::Relaxed);
        self.on.store(true, Ordering::Relaxed);
    }

    /// [`Self::start`] if it is on already.
    pub fn restart(&self) {
        if self.is_on() {
            self.start();
        }
    }

    /// Reads the system's clock no longer.
    pub fn stop(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// Whether it has been started.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// What it has seen since it was started, until now; `None` while it is off.
    pub fn account(&self) -> Option<Account> {
        if !self.is_on() {
            return None;
        }
        self.charge(self.stage.load(Ordering::Relaxed));
        let threads = self.helpers.len() + 1;
        let time = |stage: Stage| {
            let at = stage as usize;
            let wall_seconds = self.wall.seconds(at);
            let of_helpers: f64 = self.helpers.iter().map(|helper| helper.seconds(at)).sum();
            let worked_seconds = wall_seconds - self.waited.seconds(at) + of_helpers;
            let waited_seconds = threads as f64 * wall_seconds - worked_seconds;
            StageTime { stage, wall_seconds, worked_seconds, waited_seconds }
        };
        let stages = Stage::ALL.into_iter().map(time).filter(|time| time.wall_seconds > 0.0);
        Some(Account {
            threads,
            instruction_set: InstructionSet::in_use(),
            stages: stages.collect(),
        })
    }

    /// The caller goes on to a stage.
    pub(crate) fn at(&self, stage: Stage) {
        if self.is_on() {
            self.charge(stage as usize);
        }
    }

    /// Closes the stage at hand, and opens one.
    fn charge(&self, next: usize) {
        let now = self.now();
        let since = self.since.swap(now, Ordering::Relaxed);
        let before = self.stage.swap(next, Ordering::Relaxed);
        self.wall.add(before, now.saturating_sub(since));
    }

    fn now(&self) -> u64 {
        u64::try_from(self.zero.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// When a thread begins to work or wait; `None` while the clock is off.
    pub(super) fn begin(&self) -> Option<u64> {
        self.is_on().then(|| self.now())
    }

    /// Helper number `me`, from 1, has worked since then.
    pub(super) fn worked(&self, me: usize, since: Option<u64>) {
        if let (Some(since), Some(sums)) = (since, self.helpers.get(me - 1)) {
            sums.add(self.stage.load(Ordering::Relaxed), self.now().saturating_sub(since));
        }
    }

    /// The caller has waited for helpers since then.
    pub(super) fn waited(&self, since: Option<u64>) {
        if let Some(since) = since {
            let stage = self.stage.load(Ordering::Relaxed);
            self.waited.add(stage, self.now().saturating_sub(since));
        }
    }
}

/// Where the time of a team's threads went.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// Threads of the team.
    pub threads: usize,
    /// What its kernels ran on.
    pub instruction_set: InstructionSet,
    /// Stages that took any time, in the order of a pass.
    pub stages: Vec<StageTime>,
}

/// One stage of an [`Account`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StageTime {
    /// Which one.
    pub stage: Stage,
    /// Wall time, in seconds.
    pub wall_seconds: f64,
    /// What all threads worked, in seconds: at most threads times wall.
    pub worked_seconds: f64,
    /// What all threads waited, in seconds.
    pub waited_seconds: f64,
}

impl Account {
    /// Wall time of all stages, in seconds.
    pub fn wall_seconds(&self) -> f64 {
        self.stages.iter().map(|time| time.wall_seconds).sum()
    }

    /// What all threads waited in all stages, in seconds.
    pub fn waited_seconds(&self) -> f64 {
        self.stages.iter().map(|time| time.waited_seconds).sum()
    }

    /// So many seconds as a share of threads times wall; 0 of no time at all.
    pub fn share(&self, seconds: f64) -> f64 {
        let all = self.threads as f64 * self.wall_seconds();
        if all > 0.0 { seconds / all } else { 0.0 }
    }
}
