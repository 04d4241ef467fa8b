//! What every arm of the search has seen, and where it would go next.
//!
//! Places stand in one list in the order in which they were told, so that what is known of a child is
//! found by its number. Among many children of one place few need a draw ([`super::race`]).
//!
//! Source: Inoue et al. 2025 (arXiv 2503.04412).

use tts_core::NodeId;
use tts_core::seed::Rng;

use super::mixed::{Alike, Mixed};
use super::posterior::{Prior, Seen};
use super::race::{Race, Runner};

/// The problem's place.
pub(super) const PROBLEM: usize = 0;

/// A solution, or the problem, with the scores that its arms have seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    /// Where a better solution than this one is asked for, once it is.
    pub(super) question: Option<NodeId>,
    above: usize,
    /// Its slot in the race of the place above, where it takes part.
    slot: Option<usize>,
    /// Children that take part in the race.
    race: Race,
    /// The other children, which draw for themselves.
    apart: Vec<usize>,
    /// Of solutions written here (GEN).
    here: Seen,
    /// Of all that was written further down (CONT).
    below: Seen,
    /// Its own score, and all below.
    own: Seen,
    /// Which of these are alike, where that can end it.
    alike: Alike,
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
            race: Race::default(),
            apart: Vec::new(),
            here: seen,
            below: seen,
            own: seen,
            alike: Alike::default(),
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
        let apart = self.places[place].apart.len();
        let own = |arms: &Self, arm: usize| arms.places[arms.places[place].apart[arm]].own;
        let (arm, best) = self.thompson(rng, apart, own);
        let mut race = std::mem::take(&mut self.places[place].race);
        let moved = |place: usize, slot| self.places[place].slot = Some(slot);
        let (winner, draws) = race.run(best, rng, moved);
        self.places[place].race = race;
        self.count(draws);
        winner.unwrap_or_else(|| self.places[place].apart[arm])
    }

    /// Where the next solution is written: down from the problem for as long as going on beats writing
    /// here.
    pub(super) fn descend(&mut self, rng: &mut Rng) -> Choice {
        if let Prior::Mixed(prior) = self.prior {
            return self.descend_together(&prior, rng);
        }
        let mut place = PROBLEM;
        loop {
            let Place { apart, race, .. } = &self.places[place];
            if apart.is_empty() && race.is_empty() {
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

    /// The same where all arms of a place are drawn together. A child that was given up is not gone down to.
    fn descend_together(&mut self, prior: &Mixed, rng: &mut Rng) -> Choice {
        let mut place = PROBLEM;
        loop {
            // None of them takes part in a race.
            let children = &self.places[place].apart;
            if children.is_empty() {
                break;
            }
            let seen: Vec<Seen> = children.iter().map(|&child| self.places[child].own).collect();
            let drawn = prior.draw(&seen, rng);
            let mut best = (None, drawn.new);
            for (&child, draw) in children.iter().zip(drawn.children) {
                let alike = &self.places[child].alike;
                let over = prior.prune.is_some_and(|prune| prune.gives_up(alike));
                if draw > best.1 && !over {
                    best = (Some(child), draw);
                }
            }
            self.count(seen.len() as u64 + 1);
            match best.0 {
                Some(child) => place = child,
                None => break,
            }
        }
        let role = match self.roles.len() {
            0 | 1 => 0,
            roles => {
                let drawn = prior.draw(&self.roles, rng).children;
                self.count(roles as u64);
                (0..roles).rev().max_by(|&a, &b| drawn[a].total_cmp(&drawn[b])).unwrap_or(0)
            }
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
        self.see(child, score);
        self.join(child, place);
        let mut at = place;
        while at != PROBLEM {
            self.see(at, score);
            self.renew(at);
            at = self.places[at].above;
            self.places[at].below.tell(score);
        }
    }

    /// A place sees a score, its own or one below.
    fn see(&mut self, place: usize, score: f64) {
        let Place { own, alike, .. } = &mut self.places[place];
        own.tell(score);
        if let Prior::Mixed(_) = self.prior {
            alike.tell(score);
        }
    }

    /// A place has seen more: its law is another one, and it may have to draw for itself.
    fn renew(&mut self, place: usize) {
        let Place { slot: Some(slot), above, own, .. } = self.places[place] else { return };
        if let Some(moved) = self.places[above].race.remove(own.n - 1, slot) {
            self.places[moved].slot = Some(slot);
        }
        self.join(place, above);
    }

    /// A place takes part in the race of the one above, or draws for itself.
    fn join(&mut self, place: usize, above: usize) {
        let runner = Runner::of(place, self.prior, &self.places[place].own);
        self.places[place].slot = runner.map(|runner| self.places[above].race.add(runner));
        if runner.is_none() {
            self.places[above].apart.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
    fn children_of_many_scores_draw_for_themselves() {
        let mut arms = Arms::new(Prior::default(), 0);
        let mut node = 0;
        let mut tell = |arms: &mut Arms, place| {
            node += 1;
            arms.tell(Choice { place, role: 0 }, NodeId(node), 0.5);
        };
        for _ in 0..3 {
            tell(&mut arms, PROBLEM);
        }
        // Places 1 to 3; now 15 below the first, which has 16 scores then.
        for _ in 0..15 {
            tell(&mut arms, 1);
        }
        let slots = |arms: &Arms| [1, 2, 3].map(|place| arms.places[place].slot);
        assert_eq!(slots(&arms), [Some(0), Some(1), Some(0)]);
        tell(&mut arms, 1);
        assert_eq!(arms.places[PROBLEM].apart, [1]);
        assert_eq!(slots(&arms), [None, Some(1), Some(0)]);
        // All are drawn: each is the best at times.
        let mut rng = seed::rng(1);
        let drawn: HashSet<usize> = (0..200).map(|_| arms.child(PROBLEM, &mut rng)).collect();
        assert_eq!(drawn, HashSet::from([1, 2, 3]));
    }

    /// Draws of a call, on average over the last 500 of so many, the most of five searches: some go wide and
    /// some deep. Scores say nothing of one another, and a refinement is as good as a new solution.
    fn draws(prior: Prior, calls: u32) -> f64 {
        let one = |seed| {
            let mut arms = Arms::new(prior, 0);
            let (mut rng, mut scores) = (seed::rng(seed), seed::rng(50 + seed));
            let mut before = 0;
            for node in 1..=calls {
                if node + 500 == calls {
                    before = arms.draws;
                }
                let choice = arms.descend(&mut rng);
                arms.tell(choice, NodeId(node), scores.uniform());
            }
            (arms.draws - before) as f64 / 500.0
        };
        (0..5).map(one).fold(0.0, f64::max)
    }

    #[test]
    fn a_call_draws_as_much_among_thousands_as_among_hundreds() {
        let (few, many) = (draws(Prior::default(), 1_000), draws(Prior::default(), 10_000));
        // In proportion it would be ten times as many. Of two degrees of freedom the tail of `t` falls with its
        // square, and `s` lies between 0.158 (a score of 0) and 0.387 (of 1): who could beat the highest are
        // 6 on average, and one more draw ends it; of more degrees they are fewer. There are 16 heats.
        assert!(many < 3.0 * few && many < 16.0 * 7.0, "{few}, {many}");
        // Beta has no such law.
        let beta = Prior::Beta(crate::tree::ab_mcts::Beta::default());
        let (few, many) = (draws(beta, 1_000), draws(beta, 4_000));
        assert!(many > 2.0 * few, "{few}, {many}");
    }
}
