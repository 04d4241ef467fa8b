//! What every arm of the search has seen, and where it would go next.
//!
//! Places stand in one list in the order in which they were told, so that what is known of a child is
//! found by its number. Children of one place that have one score each are kept apart
//! ([`super::singles`]): most never get a second one, and few of them need a draw.
//!
//! Source: Inoue et al. 2025 (arXiv 2503.04412).

use tts_core::NodeId;
use tts_core::seed::Rng;

use super::posterior::{Prior, Seen};
use super::singles::{Single, Singles};

/// The problem's place.
pub(super) const PROBLEM: usize = 0;

/// A solution, or the problem, with the scores that its arms have seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    /// Where a better solution than this one is asked for, once it is.
    pub(super) question: Option<NodeId>,
    above: usize,
    /// Its slot among the singles of the place above, for as long as it is one of them.
    slot: Option<usize>,
    singles: Singles,
    /// The other children.
    families: Vec<usize>,
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
    prior: Prior,
    pub(super) places: Vec<Place>,
    /// The scores of each role's solutions.
    roles: Vec<Seen>,
    /// Whether a node was told, by its number.
    told: Vec<bool>,
    /// Means drawn so far.
    #[cfg(test)]
    draws: u64,
}

impl Arms {
    /// Of the problem alone, for so many roles.
    pub(super) fn new(prior: Prior, roles: usize) -> Self {
        let mut arms = Self { prior, roles: vec![Seen::default(); roles], ..Self::default() };
        arms.add(NodeId::ROOT, PROBLEM);
        arms
    }

    fn add(&mut self, node: NodeId, above: usize) -> usize {
        let seen = Seen::default();
        self.places.push(Place {
            node,
            question: None,
            above,
            slot: None,
            singles: Singles::default(),
            families: Vec::new(),
            here: seen,
            below: seen,
            own: seen,
        });
        self.places.len() - 1
    }

    /// The arm with the highest draw, the first of equals, with its draw.
    fn thompson(
        &mut self,
        rng: &mut Rng,
        count: usize,
        seen: impl Fn(&Self, usize) -> Seen,
    ) -> (usize, f64) {
        let mut best = (0, f64::NEG_INFINITY);
        for arm in 0..count {
            let draw = self.prior.draw(&seen(self, arm), rng);
            if draw > best.1 {
                best = (arm, draw);
            }
        }
        self.count(count as u64);
        best
    }

    #[cfg(test)]
    fn count(&mut self, draws: u64) {
        self.draws += draws;
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests count")]
    fn count(&mut self, _: u64) {}

    /// The child of a place with the highest draw; there is one.
    fn child(&mut self, place: usize, rng: &mut Rng) -> usize {
        let families = self.places[place].families.len();
        let own = |arms: &Self, arm: usize| arms.places[arms.places[place].families[arm]].own;
        let (arm, best) = self.thompson(rng, families, own);
        let mut singles = std::mem::take(&mut self.places[place].singles);
        let moved = |place: usize, slot| self.places[place].slot = Some(slot);
        let (winner, draws) = singles.race(best, rng, moved);
        self.places[place].singles = singles;
        self.count(draws);
        winner.unwrap_or_else(|| self.places[place].families[arm])
    }

    /// Where the next solution is written: down from the problem for as long as going on beats writing
    /// here.
    pub(super) fn descend(&mut self, rng: &mut Rng) -> Choice {
        let mut place = PROBLEM;
        loop {
            let Place { families, singles, .. } = &self.places[place];
            if families.is_empty() && singles.is_empty() {
                break;
            }
            let seen = |arms: &Self, arm: usize| {
                let Place { here, below, .. } = &arms.places[place];
                if arm == 0 { *here } else { *below }
            };
            if self.thompson(rng, 2, seen).0 == 0 {
                break;
            }
            place = self.child(place, rng);
        }
        // One who writes alone is not drawn.
        let role = match self.roles.len() {
            0 | 1 => 0,
            roles => self.thompson(rng, roles, |arms, role| arms.roles[role]).0,
        };
        Choice { place, role }
    }

    /// Takes in a solution that was written where it was to be; a solution is taken in once.
    pub(super) fn tell(&mut self, Choice { place, role }: Choice, node: NodeId, score: f64) {
        if self.told.len() <= node.index() {
            self.told.resize(node.index() + 1, false);
        }
        if std::mem::replace(&mut self.told[node.index()], true) {
            return;
        }
        if let Some(role) = self.roles.get_mut(role) {
            role.tell(score);
        }
        self.places[place].here.tell(score);
        let child = self.add(node, place);
        self.places[child].own.tell(score);
        match Single::of(child, self.prior, &self.places[child].own) {
            Some(single) => {
                let slot = self.places[place].singles.add(single);
                self.places[child].slot = Some(slot);
            }
            None => self.places[place].families.push(child),
        }
        let mut at = place;
        while at != PROBLEM {
            self.places[at].own.tell(score);
            self.is_no_single(at);
            at = self.places[at].above;
            self.places[at].below.tell(score);
        }
    }

    /// A place has more than one score.
    fn is_no_single(&mut self, place: usize) {
        let Some(slot) = self.places[place].slot.take() else { return };
        let above = self.places[place].above;
        if let Some(moved) = self.places[above].singles.remove(slot) {
            self.places[moved].slot = Some(slot);
        }
        self.places[above].families.push(place);
    }
}

#[cfg(test)]
mod tests {
    use tts_core::seed;

    use super::*;

    fn close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-12, "{one} and {other}");
    }

    fn told(order: &[usize]) -> Arms {
        let mut arms = Arms::new(Prior::default(), 2);
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

    #[test]
    fn children_with_one_score_are_kept_apart_until_they_have_two() {
        let arms = told(&[0, 3, 1, 2]);
        // Places: 1 and 2 below the problem, 3 below 1, 4 below 2; of these 2 was told second.
        let root = &arms.places[PROBLEM];
        assert_eq!(root.families, [1, 2]);
        assert!(root.singles.is_empty());
        let arms = told(&[0, 3]);
        assert!(arms.places[PROBLEM].families.is_empty());
        assert_eq!(arms.places[1..].iter().map(|p| p.slot).collect::<Vec<_>>(), [Some(0), Some(1)]);
        let arms = told(&[0, 3, 1]);
        assert_eq!(arms.places[PROBLEM].families, [1]);
        assert_eq!((arms.places[1].slot, arms.places[2].slot), (None, Some(0)));
    }

    /// Draws of a descent into a tree of so many solutions, all written for the problem, on average.
    fn draws(prior: Prior, solutions: u32) -> f64 {
        let mut arms = Arms::new(prior, 0);
        let (mut rng, mut scores) = (seed::rng(4), seed::rng(5));
        for node in 1..=solutions {
            arms.tell(Choice { place: PROBLEM, role: 0 }, NodeId(node), scores.uniform());
        }
        let before = arms.draws;
        let descents = 2_000;
        for _ in 0..descents {
            arms.child(PROBLEM, &mut rng);
        }
        (arms.draws - before) as f64 / f64::from(descents)
    }

    /// The draws that matter are those whose `s t` could reach the best: `t` falls as one over its square,
    /// and `s` lies between 0.158 (a score of 0) and 0.387 (of 1), so that 6 draws at most are
    /// expected before the best of all is beaten by none, and `m` adds less the more children there are.
    #[test]
    fn a_descent_draws_as_much_among_thousands_as_among_hundreds() {
        let few = draws(Prior::default(), 1_000);
        let many = draws(Prior::default(), 10_000);
        assert!(few < 20.0 && many < 20.0, "{few}, {many}");
        // Beta has no such law.
        let beta = Prior::Beta(crate::tree::ab_mcts::Beta::default());
        assert!((draws(beta, 1_000) - 1_000.0).abs() < 1e-9);
    }
}
