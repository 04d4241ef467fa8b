//! The thread's work: orders in, turns of the pool, answers out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tts_core::{
    Outcome, ProblemId, RunError, Search, SearchError, SearchErrorKind, SearchPool, What,
};

use super::{Answer, Job, Order, Place, Sight, gauge};
use crate::fault::Fault;
use crate::metrics::Metrics;
use crate::plan::{Bounded, Plan};
use crate::{Model, ServeConfig};

/// A turn that ends so soon and brings nothing has only looked whether something has arrived from
/// elsewhere: then the thread rests for a moment.
const IDLE: Duration = Duration::from_micros(50);
/// How long it rests.
const REST: Duration = Duration::from_micros(500);

/// A search that runs.
struct Running {
    sight: watch::Sender<Sight>,
    stops: Vec<String>,
    arrived: Instant,
    /// Whether its time was out.
    late: bool,
    asked: Arc<AtomicUsize>,
    _place: Place,
}

struct Worker<'a> {
    config: &'a ServeConfig,
    metrics: &'a Arc<Metrics>,
    /// A search for each model and scorer, so that sessions are shared.
    bases: BTreeMap<(usize, Option<String>), Search<'static>>,
    pool: Option<SearchPool<'static, Bounded>>,
    waiting: VecDeque<Box<Job>>,
    running: HashMap<ProblemId, Running>,
    /// Events so far: whether a turn brought anything.
    events: Arc<AtomicUsize>,
    closed: bool,
}

/// Works until nobody can send orders any more.
pub(super) fn run(
    models: &[Model],
    config: &ServeConfig,
    metrics: &Arc<Metrics>,
    inbox: &Receiver<Order>,
) {
    let mut bases = BTreeMap::new();
    for (number, model) in models.iter().enumerate() {
        for name in model.scorers.keys() {
            bases.insert((number, Some(name.clone())), model.search(Some(name)));
        }
        bases.insert((number, None), model.search(None));
    }
    let pool = bases.values().next().map(|base| base.pool().window(config.window));
    let mut worker = Worker {
        config,
        metrics,
        bases,
        pool,
        waiting: VecDeque::new(),
        running: HashMap::new(),
        events: Arc::default(),
        closed: false,
    };
    while worker.listen(inbox) {
        worker.call_off();
        worker.start();
        worker.turn(inbox);
        gauge(metrics, worker.waiting.len(), worker.running.len());
    }
}

impl Worker<'_> {
    /// Takes orders; waits for one when there is nothing else to do. False when there will be no more.
    fn listen(&mut self, inbox: &Receiver<Order>) -> bool {
        if self.waiting.is_empty() && self.running.is_empty() {
            match inbox.recv() {
                Ok(order) => self.obey(order),
                Err(_) => return false,
            }
        }
        while let Ok(order) = inbox.try_recv() {
            self.obey(order);
        }
        true
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Solve(job) if self.closed => end(&job.sight, Err(Fault::stopping())),
            Order::Solve(job) => self.waiting.push_back(job),
            Order::Close => self.closed = true,
        }
    }

    /// Calls off what nobody waits for, what took too long, and, at the end, everything.
    fn call_off(&mut self) {
        let (closed, seconds) = (self.closed, self.config.request_seconds);
        let time = Duration::from_secs_f64(seconds);
        self.waiting.retain(|job| {
            let late = job.arrived.elapsed() >= time;
            if closed || late {
                end(&job.sight, Err(if closed { Fault::stopping() } else { Fault::late(seconds) }));
            }
            !(closed || late || job.sight.is_closed())
        });
        let Some(pool) = &mut self.pool else { return };
        for (&id, running) in &mut self.running {
            running.late |= running.arrived.elapsed() >= time;
            if running.late || closed || running.sight.is_closed() {
                pool.cancel(id);
            }
        }
    }

    /// Starts searches that wait, in order, while there are places.
    fn start(&mut self) {
        while self.running.len() < self.config.in_flight
            && let Some(job) = self.waiting.pop_front()
        {
            self.begin(*job);
        }
    }

    fn begin(&mut self, job: Job) {
        let Job {
            model,
            scorer,
            plan,
            prompt,
            rule,
            sampling,
            budget,
            task,
            seed,
            arrived,
            sight,
            place,
        } = job;
        let (Some(base), Some(pool)) = (self.bases.get(&(model, scorer)), &mut self.pool) else {
            return end(&sight, Err(Fault::new(500, "internal", "no such model or scorer")));
        };
        let stops = rule.stop.clone();
        let plain = (plan == Plan::Plain).then(|| stops.clone());
        let (shown, events) = (sight.clone(), Arc::clone(&self.events));
        let metrics = Arc::clone(self.metrics);
        let mut first = true;
        let search = base
            .clone()
            .shared_task(task)
            .rule(rule)
            .sampling(sampling)
            .budget(budget)
            .seed(seed)
            .observer(move |event| {
                events.fetch_add(1, Ordering::Relaxed);
                if matches!(event.what, What::Line { .. }) && std::mem::take(&mut first) {
                    metrics.first_progress(arrived.elapsed());
                }
                shown.send_modify(|sight| sight.look(event, plain.as_deref()));
            });
        let asked = Arc::new(AtomicUsize::new(0));
        let (most, tokens) = (self.config.lines, self.config.answer_tokens);
        let bounded = Bounded { plan, most, tokens, asked: Arc::clone(&asked) };
        let submitted = pool.submit_under(&search, bounded, prompt, None);
        match submitted {
            Ok(id) => {
                let late = false;
                let running = Running { sight, stops, arrived, late, asked, _place: place };
                self.running.insert(id, running);
            }
            Err(error) => end(&sight, Err(refused(&error))),
        }
    }

    fn turn(&mut self, inbox: &Receiver<Order>) {
        let Some(pool) = &mut self.pool else { return };
        let (begun, events) = (Instant::now(), self.events.load(Ordering::Relaxed));
        let over = pool.turn();
        let quiet = over.is_empty() && self.events.load(Ordering::Relaxed) == events;
        for (id, outcome) in over {
            self.deliver(id, outcome);
        }
        if quiet && !self.running.is_empty() && begun.elapsed() < IDLE {
            match inbox.recv_timeout(REST) {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    fn deliver(&mut self, id: ProblemId, outcome: Result<Outcome, SearchError>) {
        let Some(running) = self.running.remove(&id) else { return };
        let spent = match &outcome {
            Ok(outcome) => Some(outcome),
            Err(error) => error.partial.as_deref(),
        };
        if let Some(spent) = spent {
            let cost = &spent.usage.logical;
            self.metrics.generated.fetch_add(cost.generated_tokens, Ordering::Relaxed);
            self.metrics.scored.fetch_add(cost.scored_tokens, Ordering::Relaxed);
        }
        let result = self.result(&running, outcome);
        if let Ok(answer) = &result {
            self.metrics.answered.fetch_add(answer.generated, Ordering::Relaxed);
        }
        end(&running.sight, result);
    }

    fn result(
        &self,
        running: &Running,
        outcome: Result<Outcome, SearchError>,
    ) -> Result<Answer, Fault> {
        let asked = running.asked.load(Ordering::Relaxed);
        if asked > 0 {
            let most = self.config.lines;
            let message =
                format!("the search asks for {asked} lines at once, expected at most {most}");
            return Err(Fault::invalid("tts.recipe", message));
        }
        let outcome = outcome.map_err(|error| refused(&error))?;
        let answer = Answer::of(&outcome, &running.stops, running.late);
        match answer.finished {
            // What is finished when time is out is an answer all the same.
            false if running.late => Err(Fault::late(self.config.request_seconds)),
            _ if self.closed && answer.stop == "cancelled" => Err(Fault::stopping()),
            _ => Ok(answer),
        }
    }
}

/// Tells whoever looks that a search is over.
fn end(sight: &watch::Sender<Sight>, result: Result<Answer, Fault>) {
    sight.send_modify(|sight| sight.over = Some(Arc::new(result)));
}

/// Whose fault an error is.
fn refused(error: &SearchError) -> Fault {
    let message = error.to_string();
    match &error.kind {
        SearchErrorKind::Run(RunError::EmptyProblem) => {
            Fault::new(400, "empty_prompt", "there is nothing to answer: expected a user's text")
        }
        SearchErrorKind::Run(RunError::Settings(_) | RunError::Strategy(_)) => {
            Fault::new(400, "invalid_search", message)
        }
        SearchErrorKind::Generator(_) | SearchErrorKind::Run(RunError::AllLinesFailed { .. }) => {
            Fault::new(502, "generator_failed", message)
        }
        SearchErrorKind::Scorer(_) => Fault::new(502, "scorer_failed", message),
        _ => Fault::new(500, "search_failed", message),
    }
}
