//! Where searches run: one thread owns the pool and its sessions, and handlers talk to it by channels.
//!
//! A [`Job`] goes in; its [`Sight`] is what can be seen of it from outside: progress, text that is sure,
//! and the end. Whoever looks at a sight sees its latest state, so that a slow client holds up nobody;
//! when nobody looks any more, the search is called off. All searches share one
//! [`tts_core::SearchPool`] with a window, so that they share the generator's passes in turns.

mod answer;
mod places;
mod sight;
mod work;

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use tts_core::{Budget, Prompt, Sampling, StepRule, Task};

pub(crate) use answer::Answer;
pub(crate) use places::{Place, Places};
pub(crate) use sight::{Progress, Sight};

use crate::fault::Fault;
use crate::metrics::Metrics;
use crate::plan::Plan;
use crate::{Model, ServeConfig};

/// One search that is asked for.
pub(crate) struct Job {
    /// Its place among the models.
    pub(crate) model: usize,
    pub(crate) scorer: Option<String>,
    pub(crate) plan: Plan,
    pub(crate) prompt: Prompt,
    pub(crate) rule: StepRule,
    pub(crate) sampling: Sampling,
    pub(crate) budget: Budget,
    pub(crate) task: Arc<dyn Task>,
    pub(crate) seed: u64,
    /// When it was asked for: its time counts from then.
    pub(crate) arrived: Instant,
    pub(crate) sight: tokio::sync::watch::Sender<Sight>,
    /// Its place among the searches that the server takes at a time.
    pub(crate) place: Place,
}

/// What the thread is told.
enum Order {
    Solve(Box<Job>),
    Close,
}

/// The thread that searches, from outside. When the last of them is dropped it ends.
#[derive(Clone)]
pub(crate) struct Engine {
    orders: mpsc::Sender<Order>,
}

impl Engine {
    /// Starts the thread.
    pub(crate) fn start(
        models: Arc<[Model]>,
        config: &ServeConfig,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (orders, inbox) = mpsc::channel();
        let config = config.clone();
        let thread = std::thread::Builder::new().name("tts-search".into());
        let thread = thread.spawn(move || work::run(&models, &config, &metrics, &inbox))?;
        Ok((Self { orders }, thread))
    }

    /// Hands a search in.
    ///
    /// # Errors
    /// When the thread is gone.
    pub(crate) fn solve(&self, job: Job) -> Result<(), Fault> {
        self.orders.send(Order::Solve(Box::new(job))).map_err(|_| Fault::stopping())
    }

    /// Calls everything off, now and from now on.
    pub(crate) fn close(&self) {
        // A thread that is gone has nothing left to call off.
        let _ = self.orders.send(Order::Close);
    }
}

/// Keeps the gauges of what waits and runs.
fn gauge(metrics: &Metrics, waiting: usize, running: usize) {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    metrics.waiting.store(count(waiting), Ordering::Relaxed);
    metrics.running.store(count(running), Ordering::Relaxed);
}
