//! Hard budgets of wall time: a problem whose time is out ends where it is, whoever is at work for it.
//!
//! Deadlines are looked at between two pieces of work of the pool. So a round of lines ends within a pass of its
//! generator, with what is written by then; one that answers whole batches, and a scorer that judges in one
//! call, are waited for. While somebody has a deadline no generator is waited at, all work piece by piece. A pool without
//! deadlines does not look at the clock.
//!
//! Source: none.

use std::time::Instant;

use super::SearchPool;
use crate::{Finished, ProblemId, SearchStrategy, What};

impl<S: SearchStrategy> SearchPool<'_, S> {
    /// Ends the problems whose time is out.
    pub(super) fn keep_time(&mut self) {
        while let Some(&(deadline, id)) = self.deadlines.first() {
            // What is over needs no watching.
            let runs = self.problems.contains_key(&id);
            if runs && Instant::now() < deadline {
                return;
            }
            self.deadlines.pop_first();
            if runs {
                self.cut(id);
            }
        }
    }

    /// Takes what is written for a problem by now, calls off the rest, and lets it come to its end.
    fn cut(&mut self, id: ProblemId) {
        let Some(problem) = self.problems.get_mut(&id) else { return };
        problem.waiting.clear();
        let mut written = Vec::new();
        for (lane, line) in std::mem::take(&mut problem.flying) {
            let Some((_, slot)) = self.owners.remove(&(lane, line)) else { continue };
            let Some(done) = self.lanes.writers[lane].cut(line) else { continue };
            let Finished { result, computed_tokens, cached_tokens, .. } = done;
            problem.run.measure(computed_tokens, cached_tokens);
            written.extend(result.ok().map(|line| (slot, line)));
        }
        for (_, line) in &written {
            self.tell(id, What::Line { tokens: line.generated() });
        }
        self.abandon_judging(id);
        let Some(problem) = self.problems.get_mut(&id) else { return };
        match problem.run.cut(written) {
            Ok(()) => self.ready.push_back(id),
            Err(kind) => self.end_in_error(id, kind),
        }
    }
}
