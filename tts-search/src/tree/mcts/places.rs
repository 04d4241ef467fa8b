//! What a Monte-Carlo tree search has seen of every node: visits, values, and who may be visited next.
//!
//! Children of one expansion lie side by side, so that looking at them is one pass over memory, and all of
//! their values go up in one walk to the root. Which subtrees have nothing left to visit is kept up as it
//! changes, by a count of those that have, so that a descent never turns round. What was not judged is
//! counted apart from the sums: it is worth the least value that was seen, whenever that was.

use tts_core::NodeId;

use super::way::Way;
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

/// What a visit brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Value {
    /// What was judged, by its share in it.
    pub(super) judged: f64,
    /// The share that was not, between 0 and 1.
    pub(super) unjudged: f64,
}

impl Value {
    /// A value, or `None` of what was not judged at all.
    pub(super) fn of(value: Option<f64>) -> Self {
        match value {
            Some(judged) => Self { judged, unjudged: 0.0 },
            None => Self { judged: 0.0, unjudged: 1.0 },
        }
    }

    /// As a number, where `least` is the least value of all; minus infinity of what was not judged at all, which
    /// is worth no more than anything that was.
    fn number(self, least: f64) -> f64 {
        if self.unjudged < 1.0 { self.judged + self.unjudged * least } else { f64::NEG_INFINITY }
    }
}

/// A node with what was seen at and below it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    above: u32,
    first: u32,
    children: u32,
    /// Children that can be visited.
    free: u32,
    /// Values that were backed up through it, its own included.
    pub(super) visits: u32,
    /// Visits that are on their way.
    pub(super) virtual_visits: u32,
    /// Visits to what was not judged, those that were judged in part by their share.
    unjudged: f64,
    pub(super) status: Status,
    sum: f64,
    /// Its own value.
    own: Value,
    /// The highest of its children's values, as [`Backup::Max`] has them.
    most: f64,
    /// Its share of the probability among its siblings.
    pub(super) prior: f64,
}

impl Place {
    fn new(node: NodeId, above: usize, status: Status, prior: f64) -> Self {
        Self {
            node,
            above: short(above),
            first: 0,
            children: 0,
            free: 0,
            visits: 0,
            virtual_visits: 0,
            unjudged: 0.0,
            status,
            sum: 0.0,
            own: Value::of(None),
            most: f64::NEG_INFINITY,
            prior,
        }
    }

    /// What it is worth by what was seen, where `least` is the least value of all.
    pub(super) fn value(&self, backup: Backup, least: f64) -> f64 {
        match backup {
            _ if self.visits == 0 => f64::NEG_INFINITY,
            Backup::Mean => {
                let sum = self.sum + self.unjudged * least;
                sum / f64::from(self.visits)
            }
            Backup::Max => self.highest(least).max(least),
        }
    }

    /// The highest value of its children, once they have any; its own before.
    fn highest(&self, least: f64) -> f64 {
        // Nothing but its own was backed up through it at the first visit.
        if self.children > 0 && self.visits > 1 { self.most } else { self.own.number(least) }
    }

    /// Takes in a value of its own or of what is below.
    fn visit(&mut self, value: Value) {
        self.visits += 1;
        self.sum += value.judged;
        self.unjudged += value.unjudged;
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

/// A number of places, as they are kept: a tree has no more nodes than this.
fn short(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The root's place.
pub(super) const ROOT: usize = 0;

/// All places, the root first.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Places {
    pub(super) all: Vec<Place>,
    /// The least and the most value seen.
    range: Option<(f64, f64)>,
    /// The least value that the highest of children were found with.
    lifted: f64,
}

impl Places {
    /// Of the problem alone.
    pub(super) fn new() -> Self {
        let all = vec![Place::new(NodeId::ROOT, ROOT, Status::Leaf, 1.0)];
        Self { all, range: None, lifted: 0.0 }
    }

    pub(super) fn children(&self, place: usize) -> std::ops::Range<usize> {
        let Place { first, children, .. } = self.all[place];
        first as usize..(first + children) as usize
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

    /// The bound of a child, whose parent has this width ([`Way::width`]). A visit on its way counts as one
    /// that brought nothing.
    fn bound(&self, child: &Place, width: f64, least: f64, way: Way) -> f64 {
        let visits = child.all_visits();
        let seen = f64::from(child.visits) / visits;
        let value = self.scaled(child.value(way.backup, least), way.normalise) * seen;
        way.exploration.mul_add(
            match way.bound {
                Bound::Uct => (width / visits).sqrt(),
                Bound::Puct => child.prior * width / (1.0 + visits),
            },
            value,
        )
    }

    /// The place that a descent from the root ends in, a leaf or a solution; `None` when there is
    /// nothing to visit.
    pub(super) fn descend(&self, way: Way) -> Option<usize> {
        let (mut at, least) = (ROOT, self.least());
        if !self.all[at].can_be_visited() {
            return None;
        }
        while self.all[at].status == Status::Expanded {
            let visits = self.all[at].all_visits();
            let (way, width) = (way.below(visits), way.width(visits));
            let mut best: Option<(usize, f64)> = None;
            let children = self.children(at);
            for (place, child) in children.clone().zip(&self.all[children]) {
                if !child.can_be_visited() {
                    continue;
                }
                let bound = self.bound(child, width, least, way);
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
            at = self.all[at].above as usize;
        }
    }

    /// Changes what a node is, and what that makes of those above.
    pub(super) fn set(&mut self, place: usize, status: Status) {
        let mut at = place;
        let before = self.all[at].can_be_visited();
        self.all[at].status = status;
        let (mut before, mut now) = (before, self.all[at].can_be_visited());
        while before != now && at != ROOT {
            at = self.all[at].above as usize;
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

    /// The children of a leaf that was expanded, each with its prior. Without any, as when all of its
    /// lines failed, it is a leaf again.
    pub(super) fn expand(
        &mut self,
        leaf: usize,
        children: impl IntoIterator<Item = (NodeId, Status, f64)>,
    ) {
        let first = self.all.len();
        let place = |(node, status, prior)| Place::new(node, leaf, status, prior);
        self.all.extend(children.into_iter().map(place));
        let children = &self.all[first..];
        if children.is_empty() {
            return self.set(leaf, Status::Leaf);
        }
        let free = children.iter().filter(|child| child.can_be_visited()).count();
        let count = children.len();
        let place = &mut self.all[leaf];
        (place.first, place.children, place.free) = (short(first), short(count), short(free));
        self.set(leaf, Status::Expanded);
    }

    /// The visit to a leaf is over, and its virtual loss with it: the values of its children, those that count,
    /// go up to the root.
    pub(super) fn end(&mut self, leaf: usize, values: &[(usize, Value)], backup: Backup) {
        for &(child, value) in values {
            if value.unjudged <= 0.0 {
                self.see(value.judged);
            }
            let child = &mut self.all[child];
            child.visit(value);
            child.own = value;
        }
        self.each_up(leaf, |place| {
            place.virtual_visits -= 1;
            for &(_, value) in values {
                place.visit(value);
            }
        });
        if backup == Backup::Max && !values.is_empty() {
            self.lift(leaf);
        }
    }

    /// Widens the range of values.
    pub(super) fn see(&mut self, value: f64) {
        let (least, most) = self.range.unwrap_or((value, value));
        self.range = Some((least.min(value), most.max(value)));
    }

    /// Finds the highest child anew, from a place up to the root; of all places where the least value has
    /// changed, which what was judged in part goes by.
    fn lift(&mut self, place: usize) {
        let least = self.least();
        if least.to_bits() != self.lifted.to_bits() {
            self.lifted = least;
            // Children lie behind those above them.
            (0..self.all.len()).rev().for_each(|at| self.find_most(at, least));
            return;
        }
        let mut at = place;
        loop {
            self.find_most(at, least);
            if at == ROOT {
                return;
            }
            at = self.all[at].above as usize;
        }
    }

    fn find_most(&mut self, at: usize, least: f64) {
        let visited = self.all[self.children(at)].iter().filter(|child| child.visits > 0);
        let highest = visited.map(|child| child.highest(least));
        self.all[at].most = highest.fold(f64::NEG_INFINITY, f64::max);
    }

    /// A solution is reached once more: its value counts again.
    pub(super) fn visit_again(&mut self, place: usize) {
        let own = self.all[place].own;
        self.each_up(place, |place| place.visit(own));
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

    const WAY: Way = Way {
        bound: Bound::Uct,
        exploration: 1.0,
        growth: None,
        backup: Backup::Mean,
        normalise: false,
    };

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    }

    /// A leaf is expanded by open children with these values.
    fn grow(places: &mut Places, leaf: usize, values: &[f64]) {
        places.begin(leaf);
        let prior = 1.0 / values.len() as f64;
        places.expand(leaf, values.iter().map(|_| (NodeId(0), Status::Leaf, prior)));
        let values = values.iter().map(|&value| Value::of(Some(value)));
        let values: Vec<(usize, Value)> = places.children(leaf).zip(values).collect();
        places.end(leaf, &values, Backup::Max);
    }

    fn bound(places: &Places, place: usize, way: Way) -> f64 {
        let width = way.width(places.all[ROOT].all_visits());
        places.bound(&places.all[place], width, places.least(), way)
    }

    #[test]
    fn bounds_by_hand() {
        let mut places = Places::new();
        grow(&mut places, ROOT, &[0.6, 0.2]);
        grow(&mut places, 1, &[0.1, 0.8]);
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
        close(bound(&places, 1, way), 0.5);
        grow(&mut places, 1, &[-7.0, 5.0]);
        close(places.least(), -7.0);
    }

    /// Also where the highest child was found before.
    #[test]
    fn what_was_judged_in_part_follows_the_least() {
        let mut places = Places::new();
        grow(&mut places, ROOT, &[-3.0, -3.0]);
        places.begin(1);
        places.expand(1, [(NodeId(0), Status::Leaf, 0.5), (NodeId(0), Status::Leaf, 0.5)]);
        let half = Value { judged: -0.5, unjudged: 0.5 };
        places.end(1, &[(3, half), (4, Value::of(Some(-4.0)))], Backup::Max);
        let value =
            |places: &Places, place: usize, backup| places.all[place].value(backup, places.least());
        // The least is -4: half of it, and half of -1.
        close(value(&places, 3, Backup::Mean), -2.5);
        close(value(&places, 1, Backup::Max), -2.5);
        grow(&mut places, 2, &[-40.0, -20.0]);
        close(value(&places, 3, Backup::Mean), -20.5);
        close(value(&places, 3, Backup::Max), -20.5);
        close(value(&places, 1, Backup::Max), -4.0);
        close(value(&places, 1, Backup::Mean), (-3.0 - 20.5 - 4.0) / 3.0);
        close(value(&places, ROOT, Backup::Max), -4.0);
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
            places.expand(leaf, []);
            places.end(leaf, &[], Backup::Mean);
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
        places.end(2, &[], Backup::Mean);
        assert!(places.is_dead(2));
        assert_eq!(places.descend(WAY), Some(3));
        // Lines that failed say nothing of it.
        places.begin(3);
        places.expand(3, []);
        places.end(3, &[], Backup::Mean);
        assert_eq!((places.descend(WAY), places.follow(first)), (Some(3), Some(3)));
        places.set(3, Status::Dead);
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
                    let mut values = Vec::new();
                    for (place, &(kind, value)) in places.children(leaf).zip(&children) {
                        given.push(vec![]);
                        if kind > 0 {
                            values.push((place, Value::of(Some(value))));
                            given[place].push(value);
                        }
                    }
                    places.end(leaf, &values, Backup::Max);
                }
                for place in (0..places.all.len()).rev() {
                    let at = &places.all[place];
                    prop_assert_eq!(at.virtual_visits, 0);
                    prop_assert_eq!(at.visits as usize, given[place].len());
                    let sum: f64 = given[place].iter().sum();
                    prop_assert!((at.sum - sum).abs() < 1e-9);
                    let free = places.children(place).filter(|&c| places.all[c].can_be_visited());
                    prop_assert_eq!(at.free as usize, free.count());
                    // The highest is that of the leaves below, and of a node without any its own.
                    let below = places.children(place).filter(|&c| places.all[c].visits > 0);
                    let below = below.map(|c| places.all[c].value(Backup::Max, 0.0)).reduce(f64::max);
                    if place != ROOT && at.visits > 0 {
                        let expected = below.unwrap_or(at.own.number(0.0));
                        prop_assert_eq!(at.value(Backup::Max, 0.0).to_bits(), expected.to_bits());
                    }
                    prop_assert_eq!(places.is_dead(place), !at.can_be_visited());
                    if place != ROOT {
                        let own = given[place].clone();
                        given[at.above as usize].extend(own);
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
