//! What every arm of the search has seen, and where it would go next.

use std::collections::HashSet;

use tts_core::NodeId;
use tts_core::seed::Rng;

use super::posterior::{Prior, Seen};

/// The problem's place.
pub(super) const PROBLEM: usize = 0;

/// A solution, or the problem, with the scores that its arms have seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    above: usize,
    children: Vec<usize>,
    /// Of solutions written here (GEN).
    here: Seen,
    /// Of all that was written further down (CONT).
    below: Seen,
    /// Its own score, and all below.
    own: Seen,
}

/// Where a solution is to be written, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) place: usize,
    pub(super) role: usize,
}

/// What every arm has seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Arms {
    pub(super) places: Vec<Place>,
    /// The scores of each role's solutions.
    roles: Vec<Seen>,
    told: HashSet<NodeId>,
}

/// The arm with the highest draw, the first of equals.
fn thompson(prior: Prior, rng: &mut Rng, arms: impl Iterator<Item = Seen>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (arm, seen) in arms.enumerate() {
        let draw = prior.draw(&seen, rng);
        if draw > best.1 {
            best = (arm, draw);
        }
    }
    best.0
}

impl Arms {
    /// Of the problem alone, for so many roles.
    pub(super) fn new(roles: usize) -> Self {
        let mut arms = Self { roles: vec![Seen::default(); roles], ..Self::default() };
        arms.add(NodeId::ROOT, PROBLEM);
        arms
    }

    fn add(&mut self, node: NodeId, above: usize) -> usize {
        let seen = Seen::default();
        let place = Place { node, above, children: vec![], here: seen, below: seen, own: seen };
        self.places.push(place);
        self.places.len() - 1
    }

    /// Where the next solution is written: down from the problem for as long as going on beats writing
    /// here.
    pub(super) fn descend(&self, prior: Prior, rng: &mut Rng) -> Choice {
        let mut place = PROBLEM;
        loop {
            let Place { here, below, children, .. } = &self.places[place];
            if children.is_empty() || thompson(prior, rng, [*here, *below].into_iter()) == 0 {
                break;
            }
            let own = children.iter().map(|&child| self.places[child].own);
            place = children[thompson(prior, rng, own)];
        }
        // One who writes alone is not drawn.
        let role = match self.roles.len() {
            0 | 1 => 0,
            _ => thompson(prior, rng, self.roles.iter().copied()),
        };
        Choice { place, role }
    }

    /// Takes in a solution that was written where it was to be; a solution is taken in once.
    pub(super) fn tell(&mut self, Choice { place, role }: Choice, node: NodeId, score: f64) {
        if !self.told.insert(node) {
            return;
        }
        if let Some(role) = self.roles.get_mut(role) {
            role.tell(score);
        }
        self.places[place].here.tell(score);
        let child = self.add(node, place);
        self.places[place].children.push(child);
        self.places[child].own.tell(score);
        let mut at = place;
        while at != PROBLEM {
            self.places[at].own.tell(score);
            at = self.places[at].above;
            self.places[at].below.tell(score);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-12, "{one} and {other}");
    }

    fn told(order: &[usize]) -> Arms {
        let mut arms = Arms::new(2);
        // Places are numbered as they are told: the first two are the same in every order.
        let tells =
            [(0, 0, 1, 0.5), (1, 1, 2, 0.9), (2, 0, 3, 0.1), (0, 0, 4, 0.2), (1, 1, 5, 0.7)];
        for &at in order {
            let (place, role, node, score) = tells[at];
            arms.tell(Choice { place, role }, NodeId(node), score);
        }
        arms
    }

    fn of(scores: &[f64]) -> Seen {
        let mut seen = Seen::default();
        for &score in scores {
            seen.tell(score);
        }
        seen
    }

    #[test]
    fn scores_go_to_the_arms_above() {
        let arms = told(&[0, 1, 2, 3, 4]);
        let seen = |place: usize| {
            let Place { here, below, own, .. } = &arms.places[place];
            (*here, *below, *own)
        };
        assert_eq!(seen(0), (of(&[0.5, 0.2]), of(&[0.9, 0.1, 0.7]), of(&[])));
        assert_eq!(seen(1), (of(&[0.9, 0.7]), of(&[0.1]), of(&[0.5, 0.9, 0.1, 0.7])));
        assert_eq!(seen(2), (of(&[0.1]), of(&[]), of(&[0.9, 0.1])));
        assert_eq!(seen(4), (of(&[]), of(&[]), of(&[0.2])));
        assert_eq!(arms.roles, [of(&[0.5, 0.1, 0.2]), of(&[0.9, 0.7])]);
    }

    #[test]
    fn a_solution_is_taken_in_once_and_the_order_does_not_matter() {
        let once = told(&[0, 1, 2, 3, 4]);
        assert_eq!(told(&[0, 0, 1, 2, 1, 2, 3, 4, 4]), once);
        // But for the rounding of sums.
        let turned = told(&[0, 1, 4, 3, 2]);
        for node in 0..6 {
            let find = |arms: &Arms| {
                let found = arms.places.iter().find(|place| place.node == NodeId(node));
                found.expect("told").clone()
            };
            let (one, other) = (find(&once), find(&turned));
            for (a, b) in [(one.here, other.here), (one.below, other.below), (one.own, other.own)] {
                assert_eq!(a.n, b.n);
                close(a.sum, b.sum);
                close(a.squares, b.squares);
            }
        }
    }
}
