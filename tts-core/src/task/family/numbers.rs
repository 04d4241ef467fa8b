//! States of Countdown: the numbers at hand, the legal moves, and what a state is worth, exactly.
//!
//! A move takes two numbers and puts the result of an operation in their place, so a state of `k`
//! numbers is over after `k - 1` moves. A move is legal when its result is whole and lies between 0
//! and a bound. Of moves that read the same only one counts; the larger number stands first.
//!
//! Both values are computed by depth-first search with a memo: a state is its sorted numbers, to
//! which many orders of moves lead. `V*`, the value under the optimal policy, is whether any
//! sequence of moves ends at the target; `V^pi` under the uniform random policy is the mean over
//! the legal moves, all the way down.
//!
//! Source: Gandhi et al. 2024, "Stream of Search" (arXiv 2404.03683), for Countdown as a search
//! problem.

use std::collections::{HashMap, HashSet};

use super::Operation;

/// Two numbers, an operation, and what it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Move {
    /// The number on the left.
    pub left: i64,
    /// What is done.
    pub operation: Operation,
    /// The number on the right.
    pub right: i64,
    /// What it gives.
    pub result: i64,
}

/// Numbers at hand, sorted, and the bound on results.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Numbers {
    sorted: Vec<i64>,
    most: i64,
}

impl Numbers {
    pub(super) fn new(mut numbers: Vec<i64>, most: i64) -> Self {
        numbers.sort_unstable();
        Self { sorted: numbers, most }
    }

    pub(super) fn sorted(&self) -> &[i64] {
        &self.sorted
    }

    /// The result of a legal move on two numbers, wherever they are.
    pub(super) fn apply(&self, left: i64, operation: Operation, right: i64) -> Option<i64> {
        operation.apply(left, right).filter(|result| (0..=self.most).contains(result))
    }

    /// All different legal moves, sorted.
    pub(super) fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (at, &right) in self.sorted.iter().enumerate() {
            for &left in self.sorted.iter().skip(at + 1) {
                for operation in Operation::ALL {
                    if let Some(result) = self.apply(left, operation, right) {
                        moves.push(Move { left, operation, right, result });
                    }
                }
            }
        }
        moves.sort_unstable();
        moves.dedup();
        moves
    }

    /// The numbers after a move; `None` when its two numbers are not at hand.
    pub(super) fn after(&self, done: &Move) -> Option<Self> {
        let mut sorted = self.sorted.clone();
        for number in [done.left, done.right] {
            sorted.remove(sorted.binary_search(&number).ok()?);
        }
        let at = sorted.partition_point(|&number| number < done.result);
        sorted.insert(at, done.result);
        Some(Self { sorted, most: self.most })
    }

    /// The first moves, in sorted order, that end at the target.
    pub(super) fn solve(&self, target: i64) -> Option<Vec<Move>> {
        let mut moves = Vec::new();
        self.search(target, &mut HashSet::new(), &mut moves).then(|| {
            moves.reverse();
            moves
        })
    }

    /// Whether the target can be reached; `moves` are then those that do, last to first.
    fn search(&self, target: i64, dead: &mut HashSet<Vec<i64>>, moves: &mut Vec<Move>) -> bool {
        if self.sorted.len() <= 1 {
            return self.sorted == [target];
        }
        // Two numbers are quicker to try than to look up.
        let remembered = self.sorted.len() > 2;
        if remembered && dead.contains(&self.sorted) {
            return false;
        }
        for one in self.moves() {
            let last = self.sorted.len() == 2;
            if last && one.result != target {
                continue;
            }
            if last || self.after(&one).is_some_and(|next| next.search(target, dead, moves)) {
                moves.push(one);
                return true;
            }
        }
        if remembered {
            dead.insert(self.sorted.clone());
        }
        false
    }

    /// The probability that uniformly random legal moves end at the target.
    pub(super) fn random_value(&self, target: i64) -> f64 {
        self.mean(target, &mut HashMap::new())
    }

    fn mean(&self, target: i64, memo: &mut HashMap<Vec<i64>, f64>) -> f64 {
        if self.sorted.len() <= 1 {
            return f64::from(u8::from(self.sorted == [target]));
        }
        if let Some(&known) = memo.get(&self.sorted) {
            return known;
        }
        let moves = self.moves();
        let sum: f64 = moves
            .iter()
            .filter_map(|one| self.after(one))
            .map(|next| next.mean(target, memo))
            .sum();
        // No legal move is a dead end.
        let mean = if moves.is_empty() { 0.0 } else { sum / moves.len() as f64 };
        memo.insert(self.sorted.clone(), mean);
        mean
    }
}
