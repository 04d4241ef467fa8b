//! Sessions that live beside what they write or judge with, so that a pool can be kept and sent.
//!
//! A session borrows its generator. A lane holds both: the generator shared, the session open as long.

use std::sync::Arc;

use self_cell::self_cell;

use crate::guard::guarded;
use crate::{
    BoxError, Finished, Generator, GroupId, Judged, LineError, LineId, Request, Scoring, Session,
    StepScorer, Trajectory,
};

type OpenSession<'s> = Box<dyn Session + 's>;
type OpenScoring<'s> = Box<dyn Scoring + 's>;

self_cell!(
    struct Writing<'a> {
        owner: Arc<dyn Generator + 'a>,
        #[not_covariant]
        dependent: OpenSession,
    }
);

self_cell!(
    struct Judging<'a> {
        owner: Arc<dyn StepScorer + 'a>,
        #[not_covariant]
        dependent: OpenScoring,
    }
);

/// A generator with its session, which several roles may share.
pub(super) struct WriterLane<'a> {
    cell: Writing<'a>,
    /// Lines in flight.
    pub(super) flying: usize,
}

impl<'a> WriterLane<'a> {
    pub(super) fn new(generator: Arc<dyn Generator + 'a>) -> Self {
        Self { cell: Writing::new(generator, |generator| generator.session()), flying: 0 }
    }

    pub(super) fn submit(&mut self, request: Request) -> Result<Vec<LineId>, LineError> {
        let ids = self.cell.with_dependent_mut(|_, session| {
            guarded("generator", || session.submit(request)).map_err(LineError)
        })?;
        self.flying += ids.len();
        Ok(ids)
    }

    /// Lines that are done; `wait` for at least one.
    pub(super) fn work(&mut self, wait: bool) -> Result<Vec<Finished>, BoxError> {
        let done = self.cell.with_dependent_mut(|_, session| {
            guarded("generator", || if wait { session.poll() } else { session.step() })
        })??;
        if wait && done.is_empty() {
            return Err("the generator lost its lines: nothing is in flight any more".into());
        }
        Ok(done)
    }

    /// Calls a line off, for what is written of it.
    pub(super) fn cut(&mut self, line: LineId) -> Option<Finished> {
        self.flying -= 1;
        let written = |session: &mut OpenSession<'_>| guarded("generator", || session.cut(line));
        self.cell.with_dependent_mut(|_, session| written(session)).ok().flatten()
    }

    pub(super) fn cancel(&mut self, line: LineId) {
        self.flying -= 1;
        // What is called off is not waited for, whatever becomes of it.
        let _ = self
            .cell
            .with_dependent_mut(|_, session| guarded("generator", || session.cancel(line)));
    }
}

/// A scorer with its session, which several names may share.
pub(super) struct JudgeLane<'a> {
    cell: Judging<'a>,
    /// Groups in flight.
    pub(super) flying: usize,
}

impl<'a> JudgeLane<'a> {
    pub(super) fn new(scorer: Arc<dyn StepScorer + 'a>) -> Self {
        Self { cell: Judging::new(scorer, |scorer| scorer.session()), flying: 0 }
    }

    pub(super) fn submit(&mut self, paths: Vec<Trajectory>) -> Result<GroupId, BoxError> {
        let id = self
            .cell
            .with_dependent_mut(|_, scoring| guarded("scorer", || scoring.submit(paths)))?;
        self.flying += 1;
        Ok(id)
    }

    pub(super) fn work(&mut self) -> Result<Vec<Judged>, BoxError> {
        let judged =
            self.cell.with_dependent_mut(|_, scoring| guarded("scorer", || scoring.step()))?;
        Ok(judged)
    }

    pub(super) fn cancel(&mut self, group: GroupId) {
        self.flying -= 1;
        let _ =
            self.cell.with_dependent_mut(|_, scoring| guarded("scorer", || scoring.cancel(group)));
    }
}
