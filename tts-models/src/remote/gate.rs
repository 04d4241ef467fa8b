//! Who goes next on a server: so many lines at a time, each to the slot that knows most of its prefix.
//!
//! llama-server keeps one sequence in each slot, and a line finds there what the last one left. If lines were
//! sent all at once, siblings would spread over the slots, and each slot would compute the path that
//! they share anew. So lines wait here: a free slot gets the waiting line that gains most from it, a line whose
//! path another busy slot holds leaves it to a line that nobody knows, as long as there is one. A line that
//! was passed over too often goes first. Servers whose cache is common to all lines have slots too, but any
//! slot is as good as another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Waiting lines that are looked at for a free slot.
const WINDOW: usize = 64;

/// How often a line may be passed over.
const PATIENCE: u32 = 64;

/// Slots of one server.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    /// Whether slots keep prefixes of their own.
    affine: bool,
}

#[derive(Debug)]
struct State {
    slots: Vec<Slot>,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug, Default)]
struct Slot {
    busy: bool,
    /// What it holds, as far as is known here.
    tokens: Arc<[u32]>,
}

#[derive(Debug)]
struct Waiting {
    tokens: Arc<[u32]>,
    /// How many came later and went earlier.
    passed: u32,
    go: oneshot::Sender<Permit>,
}

/// A slot for one line; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
    slot: usize,
}

impl Permit {
    /// The slot's number, where it matters.
    pub(super) fn slot(&self) -> Option<usize> {
        self.gate.affine.then_some(self.slot)
    }

    /// Tells what the slot holds by now.
    pub(super) fn holds(&self, tokens: &[u32]) {
        if self.gate.affine {
            self.gate.state().slots[self.slot].tokens = tokens.into();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.state().slots[self.slot].busy = false;
        self.gate.assign();
    }
}

/// How many tokens two texts begin with together.
fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl Gate {
    pub(super) fn new(slots: usize, affine: bool) -> Arc<Self> {
        let slots = (0..slots.max(1)).map(|_| Slot::default()).collect();
        let state = Mutex::new(State { slots, waiting: VecDeque::new() });
        Arc::new(Self { state, affine })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a slot for a line with this prefix.
    pub(super) async fn enter(self: &Arc<Self>, tokens: Arc<[u32]>) -> Option<Permit> {
        let (go, gone) = oneshot::channel();
        self.state().waiting.push_back(Waiting { tokens, passed: 0, go });
        // Lines come in bursts: who comes with this one is to be looked at with it.
        tokio::task::yield_now().await;
        self.assign();
        gone.await.ok()
    }

    /// Gives free slots to waiting lines.
    fn assign(self: &Arc<Self>) {
        while let Some((go, permit)) = self.next() {
            // Whoever is gone by now gives the slot back with the permit.
            let _ = go.send(permit);
        }
    }

    /// The next line that may go, with its slot.
    fn next(self: &Arc<Self>) -> Option<(oneshot::Sender<Permit>, Permit)> {
        let mut state = self.state();
        // Who was called off waits no longer.
        state.waiting.retain(|waiting| !waiting.go.is_closed());
        let (place, slot) = state.choose(self.affine)?;
        let next = state.waiting.remove(place)?;
        for earlier in state.waiting.iter_mut().take(place) {
            earlier.passed += 1;
        }
        state.slots[slot] = Slot { busy: true, tokens: next.tokens };
        Some((next.go, Permit { gate: Arc::clone(self), slot }))
    }
}

impl State {
    /// The waiting line and the free slot that go together best.
    fn choose(&self, affine: bool) -> Option<(usize, usize)> {
        let mut free = (0..self.slots.len()).filter(|&slot| !self.slots[slot].busy);
        let first = free.next()?;
        if self.waiting.is_empty() {
            return None;
        }
        if !affine {
            return Some((0, first));
        }
        let impatient = self.waiting.iter().position(|waiting| waiting.passed >= PATIENCE);
        let places = impatient.map_or(0..self.waiting.len().min(WINDOW), |place| place..place + 1);
        let known = |waiting: &Waiting, slot: usize| {
            isize::try_from(common(&waiting.tokens, &self.slots[slot].tokens)).unwrap_or(isize::MAX)
        };
        let gain = |(place, slot): &(usize, usize)| {
            let waiting = &self.waiting[*place];
            let busy = (0..self.slots.len()).filter(|&other| self.slots[other].busy);
            let elsewhere = busy.map(|other| known(waiting, other)).max().unwrap_or(0);
            known(waiting, *slot) - elsewhere
        };
        let pairs = places.flat_map(|place| {
            let free = (0..self.slots.len()).filter(|&slot| !self.slots[slot].busy);
            free.map(move |slot| (place, slot))
        });
        // Of equal ones the first to come: `max_by_key` takes the last.
        pairs.rev().max_by_key(gain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that waits, or its permit.
    struct Line(oneshot::Receiver<Permit>, Option<Permit>);

    impl Line {
        fn slot(&mut self) -> Option<usize> {
            self.1 = self.1.take().or_else(|| self.0.try_recv().ok());
            self.1.as_ref().map(|permit| permit.slot)
        }

        /// Ends, and leaves this in its slot.
        fn end(&mut self, holds: &[u32]) {
            let permit = self.1.take().expect("it runs");
            permit.holds(holds);
        }
    }

    /// Lines that come together.
    fn come(gate: &Arc<Gate>, lines: &[&[u32]]) -> Vec<Line> {
        let lines = lines.iter().map(|&tokens| {
            let (go, gone) = oneshot::channel();
            gate.state().waiting.push_back(Waiting { tokens: tokens.into(), passed: 0, go });
            Line(gone, None)
        });
        let lines = lines.collect();
        gate.assign();
        lines
    }

    fn slots(lines: &mut [Line]) -> Vec<Option<usize>> {
        lines.iter_mut().map(Line::slot).collect()
    }

    #[test]
    fn siblings_follow_each_other_on_one_slot() {
        let gate = Gate::new(2, true);
        let (a, b): (&[u32], &[u32]) = (&[1, 2, 3], &[1, 2, 4]);
        // The second slot is not for a sibling of the first line: another path waits.
        let mut lines = come(&gate, &[a, a, b, b]);
        assert_eq!(slots(&mut lines), [Some(0), None, Some(1), None]);
        // Each slot goes on with the path that it holds.
        lines[2].end(&[1, 2, 4, 9]);
        assert_eq!((lines[1].slot(), lines[3].slot()), (None, Some(1)));
        lines[3].end(&[1, 2, 4, 8]);
        // Nobody else waits: the sibling goes where there is room.
        assert_eq!(lines[1].slot(), Some(1));
    }

    #[test]
    fn a_line_goes_where_its_path_is() {
        let gate = Gate::new(3, true);
        for (slot, holds) in [(0, &[1, 2][..]), (1, &[1, 2, 3, 4]), (2, &[1])] {
            gate.state().slots[slot].tokens = holds.into();
        }
        let mut first = come(&gate, &[&[1, 2, 3, 4, 5]]);
        assert_eq!(slots(&mut first), [Some(1)]);
        let mut second = come(&gate, &[&[1, 2, 9]]);
        assert_eq!(slots(&mut second), [Some(0)]);
    }

    #[test]
    fn without_slots_of_their_own_lines_go_as_they_come() {
        let gate = Gate::new(2, false);
        gate.state().slots[1].tokens = Arc::from([5]);
        let mut lines = come(&gate, &[&[5], &[6], &[5]]);
        assert_eq!(slots(&mut lines), [Some(0), Some(1), None]);
        lines[1].end(&[6]);
        assert_eq!(lines[2].slot(), Some(1));
        assert_eq!(lines[2].1.as_ref().and_then(Permit::slot), None, "no slot to name");
    }

    #[test]
    fn nobody_waits_for_ever() {
        let gate = Gate::new(1, true);
        let mut running = come(&gate, &[&[1, 1]]).remove(0);
        assert_eq!(running.slot(), Some(0));
        let mut odd = come(&gate, &[&[7, 7]]).remove(0);
        for turn in 0.. {
            // There is always a line that knows the slot's path.
            let mut next = come(&gate, &[&[1, 1]]).remove(0);
            running.end(&[1, 1]);
            if odd.slot().is_some() {
                assert_eq!(turn, PATIENCE);
                break;
            }
            assert_eq!(next.slot(), Some(0));
            running = next;
        }
    }

    #[test]
    fn who_is_called_off_takes_no_slot() {
        let gate = Gate::new(1, false);
        let mut lines = come(&gate, &[&[], &[], &[]]);
        assert_eq!(slots(&mut lines), [Some(0), None, None]);
        lines.remove(1);
        lines[0].end(&[]);
        assert_eq!(lines[1].slot(), Some(0));
        // One whose permit is on its way when it is called off gives it back.
        let mut more = come(&gate, &[&[], &[]]);
        lines[1].end(&[]);
        let mut last = more.remove(1);
        drop(more);
        assert_eq!(last.slot(), Some(0));
    }

    #[test]
    fn a_slot_is_free_again_when_its_permit_is_dropped() -> Result<(), std::io::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(async {
            let gate = Gate::new(1, true);
            let first = gate.enter(Arc::from([1])).await.expect("free");
            assert_eq!(first.slot(), Some(0));
            let next = tokio::spawn({
                let gate = Arc::clone(&gate);
                async move { gate.enter(Arc::from([2])).await.map(|permit| permit.slot()) }
            });
            tokio::task::yield_now().await;
            assert!(!next.is_finished());
            drop(first);
            assert_eq!(next.await.ok().flatten(), Some(Some(0)));
        });
        Ok(())
    }
}
