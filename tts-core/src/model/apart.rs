//! Judges on a thread of its own, while lines go on being written.
//!
//! A scorer that waits for somebody else (a server, a program) holds up the thread that it is asked on. Driven
//! by [`Apart`] it is asked on another one, with all that has gathered by then as one batch; judgements are taken
//! when they are there. Scores stay what they are: a score depends only on its own path.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::generator::{BoxError, Lane};
use super::scorer::{GroupId, Judged, Scored, Scoring, StepScorer};
use crate::cost::ModelCost;
use crate::{Scale, Trajectory};

/// How long a look at what has arrived may wait: lines are written in turn with it.
const LOOK: Duration = Duration::from_millis(1);

/// A scorer that is asked on a thread of its own.
///
/// ```
/// use tts_core::{Scale, Search, scorer};
/// use tts_core::scorer::Apart;
/// use tts_core::toy::{Sample, ToyWorld};
///
/// let slow = scorer::from_fn(|_, step| {
///     std::thread::sleep(std::time::Duration::from_millis(1));
///     1.0 / (1.0 + step.text.len() as f64)
/// });
/// let (world, judge) = (ToyWorld::default(), Apart::new(slow.with_scale(Scale::STEP)));
/// let outcome = Search::new(&world).scorer(&judge).run(Sample { n: 4 }, world.prompt(0))?;
/// assert!(outcome.best.is_some());
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Apart<S>(Arc<S>);

impl<S: StepScorer + 'static> Apart<S> {
    /// The same scorer, asked elsewhere.
    pub fn new(scorer: S) -> Self {
        Self(Arc::new(scorer))
    }

    /// The scorer.
    pub fn inner(&self) -> &S {
        &self.0
    }
}

impl<S: StepScorer + 'static> StepScorer for Apart<S> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        self.0.score(batch)
    }

    fn scale(&self) -> Scale {
        self.0.scale()
    }

    fn cost(&self) -> ModelCost {
        self.0.cost()
    }

    fn identity(&self) -> Option<String> {
        self.0.identity()
    }

    fn vocabulary(&self) -> Option<u64> {
        self.0.vocabulary()
    }

    /// Begins the thread; it ends with the session, after the batch that it is at.
    fn session(&self) -> Box<dyn Scoring + '_> {
        let (ask, asked) = channel::<(GroupId, Vec<Trajectory>)>();
        let (tell, told) = channel::<Vec<Judged>>();
        let scorer = Arc::clone(&self.0);
        let worker = thread::Builder::new().name("scorer".into());
        let started = worker.spawn(move || work(&*scorer, &asked, &tell));
        match started {
            Ok(_) => Box::new(Waiting { next: 0, ask, told, flying: BTreeSet::new() }),
            // Without a thread it is asked here.
            Err(_) => self.0.session(),
        }
    }

    fn lane(&self) -> Lane {
        self.0.lane()
    }
}

/// Judges what has gathered, until nobody asks any more.
fn work<S: StepScorer + ?Sized>(
    scorer: &S,
    asked: &Receiver<(GroupId, Vec<Trajectory>)>,
    tell: &Sender<Vec<Judged>>,
) {
    while let Ok(first) = asked.recv() {
        let mut session = scorer.session();
        let mut names = Vec::new();
        for (group, paths) in std::iter::once(first).chain(asked.try_iter()) {
            names.push((session.submit(paths), group));
        }
        while !names.is_empty() {
            let mut judged = session.step();
            for (group, _) in &mut judged {
                let place = names.iter().position(|(inner, _)| inner == group);
                if let Some(place) = place {
                    *group = names.swap_remove(place).1;
                }
            }
            if !judged.is_empty() && tell.send(judged).is_err() {
                return;
            }
        }
    }
}

struct Waiting {
    next: u64,
    ask: Sender<(GroupId, Vec<Trajectory>)>,
    told: Receiver<Vec<Judged>>,
    flying: BTreeSet<GroupId>,
}

impl Waiting {
    /// What is still wanted.
    fn take(&mut self, judged: Vec<Judged>, out: &mut Vec<Judged>) {
        out.extend(judged.into_iter().filter(|(group, _)| self.flying.remove(group)));
    }
}

impl Scoring for Waiting {
    fn submit(&mut self, paths: Vec<Trajectory>) -> GroupId {
        let id = GroupId(self.next);
        self.next += 1;
        self.flying.insert(id);
        // That the thread is gone is found where its answer is waited for.
        let _ = self.ask.send((id, paths));
        id
    }

    fn step(&mut self) -> Vec<Judged> {
        let mut out = Vec::new();
        while let Ok(judged) = self.told.try_recv() {
            self.take(judged, &mut out);
        }
        if !out.is_empty() || self.flying.is_empty() {
            return out;
        }
        match self.told.recv_timeout(LOOK) {
            Ok(judged) => self.take(judged, &mut out),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let lost = std::mem::take(&mut self.flying);
                let gone = || Err("the scorer's thread has died".into());
                out.extend(lost.into_iter().map(|group| (group, gone())));
            }
        }
        out
    }

    fn cancel(&mut self, group: GroupId) {
        self.flying.remove(&group);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Instant;

    use super::*;
    use crate::toy::{Oracle, Sample, ToyWorld};
    use crate::{Budget, Search, Step};

    fn path(text: &str) -> Trajectory {
        let step = Step { text: text.into(), ..Step::default() };
        Trajectory::new(Arc::new(crate::Prompt::text("?")), vec![Arc::new(step)], 1, false)
    }

    fn until(session: &mut dyn Scoring, count: usize) -> Vec<Judged> {
        let (mut all, start) = (Vec::new(), Instant::now());
        while all.len() < count {
            all.extend(session.step());
            assert!(start.elapsed() < Duration::from_secs(20), "{count} judgements never came");
        }
        all.sort_by_key(|(group, _)| *group);
        all
    }

    #[test]
    fn groups_come_back_by_their_own_names_and_those_called_off_do_not() {
        let judge = Apart::new(crate::scorer::from_fn(|_, step: &Step| step.text.len() as f64));
        let mut session = judge.session();
        assert!(session.step().is_empty());
        let groups = ["a", "bb", "ccc", "dddd"].map(|text| session.submit(vec![path(text)]));
        session.cancel(groups[1]);
        let judged = until(&mut *session, 3);
        let scores: Vec<(GroupId, f64)> = judged
            .into_iter()
            .map(|(group, scored)| (group, scored.expect("judged")[0].scores[0]))
            .collect();
        assert_eq!(scores, [(groups[0], 1.0), (groups[2], 3.0), (groups[3], 4.0)]);
        assert!(session.step().is_empty());
    }

    /// The caller is free while the scorer waits, and what gathers meanwhile is one batch.
    #[test]
    fn nobody_waits_for_the_scorer() {
        struct Held(Mutex<Receiver<()>>, Mutex<Vec<usize>>);
        impl StepScorer for Held {
            fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
                self.0.lock().map_err(|error| error.to_string())?.recv()?;
                self.1.lock().map_err(|error| error.to_string())?.push(batch.len());
                Ok(batch.iter().map(|_| Scored::of(vec![0.5])).collect())
            }
        }
        let (go, held) = channel();
        let judge = Apart::new(Held(Mutex::new(held), Mutex::default()));
        let mut session = judge.session();
        session.submit(vec![path("a")]);
        for _ in 0..3 {
            assert!(session.step().is_empty());
        }
        // The thread is at the first by now, or takes all of them: either way none is lost.
        for text in ["b", "c", "d"] {
            session.submit(vec![path(text)]);
        }
        for _ in 0..4 {
            go.send(()).expect("the thread is there");
        }
        assert_eq!(until(&mut *session, 4).len(), 4);
        let batches = judge.inner().1.lock().expect("no panic").clone();
        assert_eq!(batches.iter().sum::<usize>(), 4);
        assert!(batches.len() <= 2, "{batches:?}");
    }

    #[test]
    fn a_panic_is_an_error_of_its_group() {
        let judge = Apart::new(crate::scorer::from_fn(|_, step: &Step| {
            assert_ne!(step.text, "bad", "bad");
            1.0
        }));
        let mut session = judge.session();
        let groups = ["bad", "good"].map(|text| session.submit(vec![path(text)]));
        let judged = until(&mut *session, 2);
        assert_eq!((judged[0].0, judged[0].1.is_err()), (groups[0], true));
        assert_eq!((judged[1].0, judged[1].1.is_ok()), (groups[1], true));
    }

    #[test]
    fn a_search_is_the_same() {
        let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
        let oracle = Oracle::of(&world);
        let apart = Apart::new(oracle);
        let search = |scorer: &dyn StepScorer| {
            let search = Search::new(world).scorer(scorer).budget(Budget::tokens(2_000));
            let outcome = search.run(Sample { n: 8 }, world.prompt(0)).expect("a search");
            serde_json::to_string(&outcome.tree).expect("a tree")
        };
        assert_eq!(search(&apart), search(&oracle));
    }
}
