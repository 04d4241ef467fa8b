//! Lines on their way to generators: what a round asks for waits its turn, and is handed in as there is
//! room.
//!
//! Whoever waits at a generator gets an even share of the room, at least a line, and goes to the end of
//! the queue. So no problem waits longer than the others need for a line each, however many lines it or
//! they want.

use super::SearchPool;
use crate::drive::search::POLICY;
use crate::{Need, ProblemId, Request, SearchErrorKind, SearchStrategy, What};

/// A request, or what is left of it, that was not handed in yet.
pub(super) struct Waiting {
    lane: usize,
    /// The slot of the first of its seeds.
    slot: usize,
    request: Request,
}

impl<S: SearchStrategy> SearchPool<'_, S> {
    /// Queues what a problem asks for.
    pub(super) fn queue(&mut self, id: ProblemId) {
        let Some(problem) = self.problems.get_mut(&id) else { return };
        let Need::Lines(calls) = problem.run.need() else { return };
        let (mut slot, mut waiting) = (0, Vec::with_capacity(calls.len()));
        for call in calls {
            let role = call.expand.role.as_deref().unwrap_or(POLICY);
            // Settings and generators come from one search: the run has looked.
            let Some(&lane) = problem.seats.roles.get(role) else { continue };
            waiting.push(Waiting { lane, slot, request: call.request.clone() });
            slot += call.request.seeds.len();
        }
        let mut lanes: Vec<usize> = waiting.iter().map(|waiting| waiting.lane).collect();
        lanes.sort_unstable();
        lanes.dedup();
        problem.flying.clear();
        problem.flying.reserve(slot);
        problem.waiting = waiting.into();
        self.owners.reserve(slot);
        self.turns.resize_with(self.lanes.writers.len(), Default::default);
        for lane in lanes {
            self.turns[lane].push_back(id);
        }
        self.tell(id, What::Asked { lines: slot });
    }

    /// Hands every generator what it has room for.
    pub(super) fn hand_in(&mut self) {
        for lane in 0..self.turns.len() {
            while let Some(room) = self.window.checked_sub(self.lanes.writers[lane].flying)
                && room > 0
                && let Some(id) = self.turns[lane].pop_front()
            {
                let share = room.div_ceil(1 + self.turns[lane].len());
                match self.hand_in_of(id, lane, share) {
                    Ok(true) => self.turns[lane].push_back(id),
                    Ok(false) => {}
                    Err(kind) => self.end_in_error(id, kind),
                }
            }
        }
    }

    /// Hands in at most so many lines of a problem, and tells whether there are more for this generator.
    fn hand_in_of(
        &mut self,
        id: ProblemId,
        lane: usize,
        mut room: usize,
    ) -> Result<bool, SearchErrorKind> {
        let Some(problem) = self.problems.get_mut(&id) else { return Ok(false) };
        while let Some(place) = problem.waiting.iter().position(|waiting| waiting.lane == lane) {
            if room == 0 {
                return Ok(true);
            }
            let waiting = &mut problem.waiting[place];
            let (slot, all) = (waiting.slot, waiting.request.seeds.len());
            let request = if all <= room {
                problem.waiting.remove(place).map(|waiting| waiting.request)
            } else {
                waiting.slot += room;
                let later = waiting.request.seeds.split_off(room);
                let seeds = std::mem::replace(&mut waiting.request.seeds, later);
                Some(Request { seeds, ..waiting.request.clone() })
            };
            let Some(request) = request else { return Ok(false) };
            let expected = request.seeds.len();
            room -= expected;
            let submitted = self.lanes.writers[lane].submit(request);
            let lines = submitted.map_err(|error| SearchErrorKind::Generator(error.into()))?;
            let found = lines.len();
            for (slot, line) in (slot..).zip(lines) {
                problem.flying.push((lane, line));
                self.owners.insert((lane, line), (id, slot));
            }
            if found != expected {
                let error = format!("the generator took up {found} lines of {expected}");
                return Err(SearchErrorKind::Generator(error.into()));
            }
        }
        Ok(false)
    }
}
