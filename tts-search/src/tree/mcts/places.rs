//! What a Monte-Carlo tree search has seen of every node: visits, values, and who may be visited next.
//!
//! Children of one expansion lie side by side, so that looking at them is one pass over memory. Which
//! subtrees have nothing left to visit is kept up as it changes, by a count of those that have, so that a
//! descent never turns round.

use tts_core::NodeId;

use super::{Backup, Bound};

/// What a node is to the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It can be expanded.
    Leaf,
    /// It is being expanded.
    Pending,
    /// Its children are there.
    Expanded,
    /// A solution: visited again, never expanded.
    Finished,
    /// It was cut by a limit, and leads nowhere.
    Dead,
}

/// A node with what was seen at and below it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    above: usize,
    first: usize,
    children: usize,
    /// Children that can be visited.
    free: usize,
    pub(super) status: Status,
    /// Values that were backed up through it, its own included.
    pub(super) visits: u32,
    /// Visits that are on their way.
    pub(super) virtual_visits: u32,
    sum: f64,
    most: f64,
    /// Its share of the probability among its siblings.
    pub(super) prior: f64,
}

impl Place {
    fn new(node: NodeId, above: usize, status: Status, prior: f64) -> Self {
        Self {
            node,
            above,
            first: 0,
            children: 0,
            free: 0,
            status,
            visits: 0,
            virtual_visits: 0,
            sum: 0.0,
            most: f64::NEG_INFINITY,
            prior,
        }
    }

    /// What it is worth by what was seen.
    pub(super) fn value(&self, backup: Backup) -> f64 {
        match backup {
            _ if self.visits == 0 => f64::NEG_INFINITY,
            Backup::Mean => self.sum / f64::from(self.visits),
            Backup::Max => self.most,
        }
    }

    fn all_visits(&self) -> f64 {
        f64::from(self.visits) + f64::from(self.virtual_visits)
    }

    fn can_be_visited(&self) -> bool {
        match self.status {
            Status::Leaf | Status::Finished => true,
            Status::Expanded => self.free > 0,
            Status::Pending | Status::Dead => false,
        }
    }
}

/// How a child is chosen on the way down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) bound: Bound,
    pub(super) exploration: f64,
    pub(super) backup: Backup,
    /// Values are moved into 0 to 1 by the least and the most that was seen.
    pub(super) normalise: bool,
}

/// The root's place.
pub(super) const ROOT: usize = 0;

/// All places, the root first.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Places {
    pub(super) all: Vec<Place>,
    /// The least and the most value seen.
    range: Option<(f64, f64)>,
}

impl Places {
    /// Of the problem alone.
    pub(super) fn new() -> Self {
        Self { all: vec![Place::new(NodeId::ROOT, ROOT, Status::Leaf, 1.0)], range: None }
    }

    pub(super) fn children(&self, place: usize) -> std::ops::Range<usize> {
        let Place { first, children, .. } = self.all[place];
        first..first + children
    }

    /// The least value seen; 0 before any.
    pub(super) fn least(&self) -> f64 {
        self.range.map_or(0.0, |(least, _)| least)
    }

    /// A value between 0 and 1, of what was seen.
    fn scaled(&self, value: f64, normalise: bool) -> f64 {
        match self.range {
            Some((least, most)) if normalise && most > least => (value - least) / (most - least),
            // All are equal.
            Some(_) if normalise => 0.5,
            _ => value,
        }
    }

    /// The bound of a child of a node that was visited `above` times. A visit on its way counts as one
    /// that brought nothing.
    pub(super) fn bound(&self, child: &Place, above: f64, way: Way) -> f64 {
        let visits = child.all_visits();
        let seen = f64::from(child.visits) / visits;
        let value = self.scaled(child.value(way.backup), way.normalise) * seen;
        way.exploration.mul_add(
            match way.bound {
                Bound::Uct => (above.ln() / visits).sqrt(),
                Bound::Puct => child.prior * above.sqrt() / (1.0 + visits),
            },
            value,
        )
    }

    /// The place that a descent from the root ends in, a leaf or a solution; `None` when there is
    /// nothing to visit.
    pub(super) fn descend(&self, way: Way) -> Option<usize> {
        let mut at = ROOT;
        if !self.all[at].can_be_visited() {
            return None;
        }
        while self.all[at].status == Status::Expanded {
            let above = self.all[at].all_visits();
            let mut best: Option<(usize, f64)> = None;
            for place in self.children(at) {
                let child = &self.all[place];
                if !child.can_be_visited() {
                    continue;
                }
                let bound = self.bound(child, above, way);
                if best.is_none_or(|(_, most)| bound > most) {
                    best = Some((place, bound));
                }
            }
            at = best?.0;
        }
        Some(at)
    }

    /// Changes every place from here up to the root.
    fn each_up(&mut self, place: usize, change: impl Fn(&mut Place)) {
        let mut at = place;
        loop {
            change(&mut self.all[at]);
            if at == ROOT {
                return;
            }
            at = self.all[at].above;
        }
    }

    /// Changes what a node is, and what that makes of those above.
    pub(super) fn set(&mut self, place: usize, status: Status) {
        let mut at = place;
        let before = self.all[at].can_be_visited();
        self.all[at].status = status;
        let (mut before, mut now) = (before, self.all[at].can_be_visited());
        while before != now && at != ROOT {
            at = self.all[at].above;
            let above = &mut self.all[at];
            before = above.can_be_visited();
            above.free = if now { above.free + 1 } else { above.free - 1 };
            now = above.can_be_visited();
        }
    }

    /// A leaf is being expanded: a visit is on its way.
    pub(super) fn begin(&mut self, leaf: usize) {
        self.set(leaf, Status::Pending);
        self.each_up(leaf, |place| place.virtual_visits += 1);
    }

    /// The visit is over, and its virtual loss with it.
    pub(super) fn end(&mut self, leaf: usize) {
        self.each_up(leaf, |place| place.virtual_visits -= 1);
    }

    /// The children of a leaf that was expanded, each with its prior.
    pub(super) fn expand(
        &mut self,
        leaf: usize,
        children: impl IntoIterator<Item = (NodeId, Status, f64)>,
    ) {
        let first = self.all.len();
        let place = |(node, status, prior)| Place::new(node, leaf, status, prior);
        self.all.extend(children.into_iter().map(place));
        let children = &self.all[first..];
        let free = children.iter().filter(|child| child.can_be_visited()).count();
        let count = children.len();
        let place = &mut self.all[leaf];
        (place.first, place.children, place.free) = (first, count, free);
        // Without children, as when all of its lines failed, it leads nowhere.
        self.set(leaf, Status::Expanded);
    }

    /// Backs a value up from a place to the root.
    pub(super) fn back_up(&mut self, place: usize, value: f64) {
        let (least, most) = self.range.unwrap_or((value, value));
        self.range = Some((least.min(value), most.max(value)));
        self.each_up(place, |place| {
            place.visits += 1;
            place.sum += value;
            place.most = place.most.max(value);
        });
    }

    /// A solution is reached once more: its value counts again.
    pub(super) fn visit_again(&mut self, place: usize) {
        // All of its values are one.
        self.back_up(place, self.all[place].most);
    }

    /// The end of the path that goes by the best child at each step; `None` when not even a first step
    /// leads anywhere.
    pub(super) fn follow(&self, better: impl Fn(&Place, &Place) -> bool) -> Option<usize> {
        let mut at = ROOT;
        loop {
            let living = self.children(at).filter(|&place| !self.is_dead(place));
            let best =
                living.reduce(
                    |best, place| {
                        if better(&self.all[place], &self.all[best]) { place } else { best }
                    },
                );
            match best {
                Some(best) => at = best,
                None => return (at != ROOT).then_some(at),
            }
        }
    }

    /// Whether nothing at or below a place can ever be a solution or lead to one.
    fn is_dead(&self, place: usize) -> bool {
        match self.all[place].status {
            Status::Dead => true,
            // What is being expanded below it may live.
            Status::Expanded => self.all[place].free == 0 && self.all[place].virtual_visits == 0,
            Status::Leaf | Status::Pending | Status::Finished => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WAY: Way =
        Way { bound: Bound::Uct, exploration: 1.0, backup: Backup::Mean, normalise: false };

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    }

    /// A leaf is expanded by open children with these values.
    fn grow(places: &mut Places, leaf: usize, values: &[f64]) {
        places.begin(leaf);
        let prior = 1.0 / values.len() as f64;
        places.expand(leaf, values.iter().map(|_| (NodeId(0), Status::Leaf, prior)));
        places.end(leaf);
        for (place, &value) in places.children(leaf).zip(values) {
            places.back_up(place, value);
        }
    }

    #[test]
    fn bounds_by_hand() {
        let mut places = Places::new();
        grow(&mut places, ROOT, &[0.6, 0.2]);
        grow(&mut places, 1, &[0.1, 0.8]);
        let bound = |places: &Places, place: usize, way| {
            places.bound(&places.all[place], places.all[ROOT].all_visits(), way)
        };
        // The first child has seen 0.6, 0.1 and 0.8; the root four values.
        close(bound(&places, 1, WAY), 0.5 + (4.0_f64.ln() / 3.0).sqrt());
        close(bound(&places, 2, WAY), 0.2 + 4.0_f64.ln().sqrt());
        close(bound(&places, 1, Way { backup: Backup::Max, exploration: 0.0, ..WAY }), 0.8);
        let puct = Way { bound: Bound::Puct, exploration: 3.0, ..WAY };
        close(bound(&places, 1, puct), 0.5 + 3.0 * 0.5 * 2.0 / 4.0);
        close(bound(&places, 2, puct), 0.2 + 3.0 * 0.5 * 2.0 / 2.0);
        // Seen were 0.1 to 0.8.
        let moved = Way { normalise: true, exploration: 0.0, ..WAY };
        close(bound(&places, 1, moved), 0.4 / 0.7);
        close(bound(&places, 2, moved), 0.1 / 0.7);
        // A visit on its way to the grandchild counts at the child and the root, and brought nothing.
        places.begin(4);
        close(bound(&places, 1, WAY), 0.5 * 3.0 / 4.0 + (5.0_f64.ln() / 4.0).sqrt());
        close(bound(&places, 2, WAY), 0.2 + 5.0_f64.ln().sqrt());
    }

    #[test]
    fn equal_values_are_in_the_middle_and_nothing_was_the_least() {
        let mut places = Places::new();
        close(places.least(), 0.0);
        grow(&mut places, ROOT, &[-3.0, -3.0]);
        let way = Way { normalise: true, exploration: 0.0, ..WAY };
        close(places.bound(&places.all[1], 2.0, way), 0.5);
        grow(&mut places, 1, &[-7.0, 5.0]);
        close(places.least(), -7.0);
    }

    #[test]
    fn virtual_losses_leave_no_trace() {
        let mut places = Places::new();
        grow(&mut places, ROOT, &[0.6, 0.2]);
        grow(&mut places, 1, &[0.1, 0.8]);
        let before = places.clone();
        for leaf in [2, 3, 4] {
            places.begin(leaf);
        }
        assert_eq!(places.descend(WAY), None);
        assert!(!places.is_dead(1), "what is being expanded may live");
        for leaf in [3, 4, 2] {
            places.set(leaf, Status::Leaf);
            places.end(leaf);
        }
        assert_eq!(places, before);
    }

    #[test]
    fn of_equals_the_first_and_nothing_dead() {
        let mut places = Places::new();
        grow(&mut places, ROOT, &[0.5, 0.5, 0.5]);
        assert_eq!(places.descend(WAY), Some(1));
        places.set(1, Status::Dead);
        assert_eq!(places.descend(WAY), Some(2));
        let first = |_: &Place, _: &Place| false;
        assert_eq!(places.follow(first), Some(2));
        places.begin(2);
        places.expand(2, [(NodeId(0), Status::Dead, 1.0)]);
        places.end(2);
        assert!(places.is_dead(2));
        assert_eq!(places.descend(WAY), Some(3));
        places.begin(3);
        places.expand(3, []);
        places.end(3);
        assert_eq!((places.descend(WAY), places.follow(first)), (None, None));
    }

    proptest! {
        #[test]
        fn counts_and_sums_are_those_of_the_tree(
            rounds in prop::collection::vec(
                prop::collection::vec(prop::collection::vec((0_u8..4, 0.0..1.0), 0..4), 1..5), 1..8,
            ),
        ) {
            let mut places = Places::new();
            // What each place was given as a value.
            let mut given: Vec<Vec<f64>> = vec![vec![]];
            for round in rounds {
                let mut leaves = Vec::new();
                for children in round {
                    let Some(leaf) = places.descend(WAY) else { break };
                    if places.all[leaf].status == Status::Finished {
                        places.visit_again(leaf);
                        let again = given[leaf][0];
                        given[leaf].push(again);
                    } else {
                        prop_assert_eq!(places.all[leaf].status, Status::Leaf);
                        places.begin(leaf);
                        leaves.push((leaf, children));
                    }
                }
                for (leaf, children) in leaves {
                    let status = |kind| match kind {
                        0 => Status::Dead,
                        1 => Status::Finished,
                        _ => Status::Leaf,
                    };
                    places.expand(leaf, children.iter().map(|&(kind, _)| (NodeId(0), status(kind), 1.0)));
                    places.end(leaf);
                    for (place, &(kind, value)) in places.children(leaf).zip(&children) {
                        given.push(vec![]);
                        if kind > 0 {
                            places.back_up(place, value);
                            given[place].push(value);
                        }
                    }
                }
                for place in (0..places.all.len()).rev() {
                    let at = &places.all[place];
                    prop_assert_eq!(at.virtual_visits, 0);
                    prop_assert_eq!(at.visits as usize, given[place].len());
                    let sum: f64 = given[place].iter().sum();
                    prop_assert!((at.sum - sum).abs() < 1e-9);
                    let free = places.children(place).filter(|&c| places.all[c].can_be_visited());
                    prop_assert_eq!(at.free, free.count());
                    prop_assert_eq!(places.is_dead(place), !at.can_be_visited());
                    if place != ROOT {
                        let own = given[place].clone();
                        given[at.above].extend(own);
                    }
                }
                // Back to what was given at each place itself.
                for place in 0..places.all.len() {
                    let below: usize = places.children(place).map(|c| given[c].len()).sum();
                    let own = given[place].len() - below;
                    given[place].truncate(own);
                }
            }
        }
    }
}
