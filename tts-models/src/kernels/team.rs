//! Threads that take one parallel loop after the other without going to sleep in between.
//!
//! A decoder pass is some hundred short loops; waking threads for each would cost more than the
//! loops of a small batch do. [`Team::each`] opens a job: helpers that are awake enter it, claim
//! tasks, and leave; the caller claims tasks too, closes the job, and waits for those inside. A
//! helper that comes too late finds the job closed and is not waited for. Helpers spin a while
//! between jobs and then park, so that an idle team costs nothing.
//!
//! Each thread has a stretch of the tasks, which it takes from the front, so that neighbours in
//! memory are read by one core; who is done takes from the backs of the others' stretches. Which
//! thread runs a task decides nothing: tasks write to places of their own.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::{JoinHandle, Thread};

use super::clock::Clock;

/// How often a helper looks for work before it parks: a few tenths of a millisecond.
const PATIENCE: u32 = 20_000;
/// How often a thread spins before it lets others have the core.
const SPINS: u32 = 4_000;

/// What helpers share with the caller.
struct Shared {
    /// Bit 0: a job is open. The rest: twice the number of helpers inside.
    gate: AtomicUsize,
    /// Number of the open job, so that nobody enters one twice.
    epoch: AtomicUsize,
    /// The stretch of each thread, the caller's first.
    stretches: Box<[Stretch]>,
    job: UnsafeCell<Job>,
    panicked: AtomicBool,
    ended: AtomicBool,
    /// Helpers that are parked, or about to be.
    asleep: AtomicUsize,
    clock: Clock,
}

/// Tasks that nobody has claimed: the first in the low half, the end in the high one. On a line of
/// the cache of its own, with the neighbour that processors fetch along.
#[derive(Default)]
#[repr(align(128))]
struct Stretch(AtomicU64);

impl Stretch {
    fn set(&self, first: u32, end: u32) {
        self.0.store(u64::from(first) | u64::from(end) << 32, Ordering::Relaxed);
    }

    /// Takes the first task, or the last.
    fn claim(&self, first: bool) -> Option<usize> {
        let take = |both: u64| {
            #[expect(clippy::cast_possible_truncation, reason = "the low half")]
            let (from, end) = (both as u32, (both >> 32) as u32);
            (from < end).then(|| if first { both + 1 } else { both - (1 << 32) })
        };
        let both = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        let claimed = if first { both & u64::from(u32::MAX) } else { (both >> 32) - 1 };
        usize::try_from(claimed).ok()
    }
}

/// The loop at hand: what to do for each task.
#[derive(Clone, Copy)]
struct Job {
    task: *const (dyn Fn(usize) + Sync),
}

#[expect(unsafe_code, reason = "a job's borrow is handed to other threads")]
// SAFETY: `job` is written by the caller while no helper is inside, and read by helpers inside only
// (see `Team::each`). Everything else is atomic.
unsafe impl Sync for Shared {}
#[expect(unsafe_code, reason = "a job's borrow is handed to other threads")]
// SAFETY: the pointer in `job` is to a `Sync` closure, and followed only while it is borrowed.
unsafe impl Send for Shared {}

/// Threads that run loops together.
pub(crate) struct Team {
    shared: Arc<Shared>,
    helpers: Vec<Thread>,
    handles: Vec<JoinHandle<()>>,
    /// Held by whoever runs a loop.
    caller: Mutex<()>,
}

impl std::fmt::Debug for Team {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Team").field("threads", &self.threads()).finish()
    }
}

/// Closes the job and waits for those inside, also when the caller's own task panics.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.gate.fetch_and(!1, Ordering::AcqRel);
        let mut spins = 0;
        while self.0.gate.load(Ordering::Acquire) != 0 {
            wait(&mut spins);
        }
    }
}

fn wait(spins: &mut u32) {
    *spins += 1;
    if (*spins).is_multiple_of(SPINS) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

impl Shared {
    /// Claims and runs tasks until none is left, as thread number `me`.
    fn work(&self, me: usize, task: &(dyn Fn(usize) + Sync)) {
        let (before, from) = self.stretches.split_at(me);
        for (place, stretch) in from.iter().chain(before).enumerate() {
            while let Some(index) = stretch.claim(place == 0) {
                task(index);
            }
        }
    }

    /// A helper's life.
    fn help(&self, me: usize) {
        let mut seen = 0;
        let mut spins = 0;
        while !self.ended.load(Ordering::Relaxed) {
            let epoch = self.epoch.load(Ordering::Acquire);
            if epoch != seen && self.gate.load(Ordering::Relaxed) & 1 == 1 {
                if self.gate.fetch_add(2, Ordering::Acquire) & 1 == 1 {
                    seen = epoch;
                    #[expect(unsafe_code, reason = "reads the open job")]
                    // SAFETY: this thread is inside an open job, so the caller has written `job`
                    // before (the gate's release and acquire order that), and neither writes it
                    // again nor returns, which keeps the closure borrowed, until the thread leaves.
                    let task = unsafe { &*(*self.job.get()).task };
                    let begun = self.clock.begin();
                    if catch_unwind(AssertUnwindSafe(|| self.work(me, task))).is_err() {
                        self.panicked.store(true, Ordering::Relaxed);
                    }
                    self.clock.worked(me, begun);
                }
                self.gate.fetch_sub(2, Ordering::Release);
                spins = 0;
                continue;
            }
            if spins < PATIENCE {
                wait(&mut spins);
                continue;
            }
            self.asleep.fetch_add(1, Ordering::SeqCst);
            // Whoever opens a job after this sees the sleeper and wakes it.
            let idle = self.epoch.load(Ordering::SeqCst) == epoch;
            if idle && !self.ended.load(Ordering::SeqCst) {
                std::thread::park();
            }
            self.asleep.fetch_sub(1, Ordering::SeqCst);
            spins = 0;
        }
    }
}

impl Team {
    /// A team of `threads` threads, the caller's included; 0 for one a core.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(crate) fn new(threads: usize) -> Result<Self, std::io::Error> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores() } else { threads };
        let nothing: &'static (dyn Fn(usize) + Sync) = &|_| {};
        let shared = Arc::new(Shared {
            gate: AtomicUsize::new(0),
            epoch: AtomicUsize::new(0),
            stretches: std::iter::repeat_with(Stretch::default).take(threads).collect(),
            job: UnsafeCell::new(Job { task: nothing }),
            panicked: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            asleep: AtomicUsize::new(0),
            clock: Clock::new(threads - 1),
        });
        let mut team =
            Self { shared, helpers: Vec::new(), handles: Vec::new(), caller: Mutex::new(()) };
        for index in 1..threads {
            let shared = Arc::clone(&team.shared);
            let builder = std::thread::Builder::new().name(format!("decoder-{index}"));
            let handle = builder.spawn(move || shared.help(index))?;
            team.helpers.push(handle.thread().clone());
            team.handles.push(handle);
        }
        Ok(team)
    }

    /// Threads, the caller's included.
    pub(crate) fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Where its time goes.
    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Runs `task` for `0..count`, each once, in any order, on all threads. Loops within loops, and
    /// those of a second caller at the same time, run on the caller's thread alone.
    ///
    /// # Panics
    /// When a task does, once all have ended.
    pub(crate) fn each(&self, count: usize, task: impl Fn(usize) + Sync) {
        let alone = || (0..count).for_each(&task);
        let Ok(all) = u32::try_from(count) else { return alone() };
        if count <= 1 || self.helpers.is_empty() {
            return alone();
        }
        let guard = match self.caller.try_lock() {
            Ok(guard) => guard,
            // A task panicked once; the job it was part of is over.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return alone(),
        };
        let shared = &*self.shared;
        let borrowed: &(dyn Fn(usize) + Sync) = &task;
        #[expect(unsafe_code, reason = "the closure's lifetime is hidden from the helpers")]
        // SAFETY: only the lifetime changes. The pointer is followed by helpers inside the job, and
        // `Closing` waits for all of them before `task` goes out of scope, on unwinding too.
        let erased: *const (dyn Fn(usize) + Sync + 'static) =
            unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), _>(borrowed) };
        let job = Job { task: erased };
        #[expect(unsafe_code, reason = "writes the job while nobody reads it")]
        // SAFETY: the gate is closed and nobody is inside: the last job's `Closing` saw to that,
        // and `caller` is held, so no one else writes.
        unsafe {
            *shared.job.get() = job;
        }
        let mut rest = all;
        for (place, stretch) in shared.stretches.iter().enumerate() {
            let left = u32::try_from(shared.stretches.len() - place).unwrap_or(u32::MAX);
            let mine = rest.div_ceil(left);
            stretch.set(all - rest, all - rest + mine);
            rest -= mine;
        }
        shared.gate.fetch_or(1, Ordering::Release);
        shared.epoch.fetch_add(1, Ordering::SeqCst);
        if shared.asleep.load(Ordering::SeqCst) > 0 {
            self.helpers.iter().for_each(Thread::unpark);
        }
        let closing = Closing(shared);
        shared.work(0, borrowed);
        let done = shared.clock.begin();
        drop(closing);
        shared.clock.waited(done);
        let panicked = shared.panicked.swap(false, Ordering::Relaxed);
        drop(guard);
        if panicked {
            resume_unwind(Box::new("a task of the team panicked"));
        }
    }

    /// Runs `task` for each item, as [`Self::each`] does.
    pub(crate) fn each_of<T: Send>(&self, items: Vec<T>, task: impl Fn(usize, T) + Sync) {
        if items.len() <= 1 {
            return items.into_iter().enumerate().for_each(|(index, item)| task(index, item));
        }
        let items: Vec<Mutex<Option<T>>> =
            items.into_iter().map(|item| Mutex::new(Some(item))).collect();
        self.each(items.len(), |index| {
            let item = items[index].lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(item) = item {
                task(index, item);
            }
        });
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.helpers.iter().for_each(Thread::unpark);
        for handle in self.handles.drain(..) {
            // A helper catches what its tasks throw.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_loop_after_loop() {
        for threads in [1, 2, 3, 8] {
            let team = Team::new(threads).unwrap();
            assert_eq!(team.threads(), threads);
            for count in [0, 1, 2, 7, 100].repeat(50) {
                let hits: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                team.each(count, |index| {
                    hits[index].fetch_add(1, Ordering::Relaxed);
                });
                assert!(hits.iter().all(|hits| hits.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn helpers_that_sleep_are_woken() {
        let team = Team::new(2).unwrap();
        for _ in 0..5 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let sum = AtomicUsize::new(0);
            team.each_of((0..100_usize).collect(), |index, item| {
                assert_eq!(index, item);
                sum.fetch_add(item, Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 4950);
        }
    }

    #[test]
    fn loops_within_loops_and_of_two_callers_end() {
        let team = Team::new(3).unwrap();
        let sum = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        team.each(10, |_| {
                            team.each(10, |_| {
                                sum.fetch_add(1, Ordering::Relaxed);
                            });
                        });
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), 2 * 100 * 100);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_lives_on() {
        let team = Team::new(2).unwrap();
        for bad in [0, 63] {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                team.each(64, |index| assert_ne!(index, bad));
            }));
            assert!(outcome.is_err());
            let count = AtomicUsize::new(0);
            team.each(64, |_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(count.into_inner(), 64);
        }
    }
}
