//! Answers that count as the same answer form one class.
//!
//! Graders of mathematics are not always transitive (a tolerance joins a to b and b to c, yet not
//! a to c), nor always symmetric (gold and prediction are treated differently). Classes are
//! therefore the connected components of the relation read in both directions, found by
//! union-find: they do not depend on the order of the candidates. Equal strings are one answer
//! without asking, so the predicate sees each pair of distinct strings at most once each way.
//!
//! Source: self-consistency sums over equal answers (Wang et al. 2022, arXiv 2203.11171,
//! section 2); the components are this crate's reading of "equal" for a relation that is no
//! equivalence.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Which answers count as the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The same string.
    Exact,
    /// The same string, or equivalent by a grader.
    #[default]
    Equivalent,
}

impl Group {
    /// Whether `prediction` is the same answer as `gold`, given the grader of equivalence.
    ///
    /// ```
    /// use tts_core::select::Group;
    /// let grader = |a: &str, b: &str| a.parse::<f64>().ok() == b.parse::<f64>().ok();
    /// assert!(Group::Equivalent.same("1.0", "1", grader));
    /// assert!(!Group::Exact.same("1.0", "1", grader));
    /// ```
    pub fn same(
        self,
        gold: &str,
        prediction: &str,
        equivalent: impl FnOnce(&str, &str) -> bool,
    ) -> bool {
        gold == prediction || (self == Self::Equivalent && equivalent(gold, prediction))
    }
}

/// The class of each answer, numbered in the order in which classes are first seen.
///
/// `None` stays `None`: what could not be parsed belongs to no class.
///
/// ```
/// use tts_core::select::classes;
/// let answers = [Some("a"), None, Some("B"), Some("A")];
/// let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
/// assert_eq!(classes(answers, same), [Some(0), None, Some(1), Some(0)]);
/// ```
pub fn classes<'a>(
    answers: impl IntoIterator<Item = Option<&'a str>>,
    mut same: impl FnMut(&str, &str) -> bool,
) -> Vec<Option<usize>> {
    let mut distinct: Vec<&str> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let labels: Vec<Option<usize>> = answers
        .into_iter()
        .map(|answer| {
            answer.map(|answer| {
                *known.entry(answer).or_insert_with(|| {
                    distinct.push(answer);
                    distinct.len() - 1
                })
            })
        })
        .collect();

    let mut parents: Vec<usize> = (0..distinct.len()).collect();
    for (later, second) in distinct.iter().enumerate() {
        for (earlier, first) in distinct.iter().enumerate().take(later) {
            let (one, other) = (root(&mut parents, earlier), root(&mut parents, later));
            if one != other && (same(first, second) || same(second, first)) {
                // The root is the first seen member, which keeps the numbering below in order.
                parents[one.max(other)] = one.min(other);
            }
        }
    }

    let mut numbers: Vec<usize> = Vec::with_capacity(distinct.len());
    let mut next = 0;
    for label in 0..distinct.len() {
        let representative = root(&mut parents, label);
        if representative == label {
            numbers.push(next);
            next += 1;
        } else {
            numbers.push(numbers[representative]);
        }
    }
    labels.into_iter().map(|label| label.map(|label| numbers[label])).collect()
}

/// The root of a label, halving the path on the way.
fn root(parents: &mut [usize], mut label: usize) -> usize {
    while parents[label] != label {
        parents[label] = parents[parents[label]];
        label = parents[label];
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Within one of each other: symmetric, not transitive.
    fn near(a: &str, b: &str) -> bool {
        let number = |text: &str| text.parse::<i64>().unwrap();
        (number(a) - number(b)).abs() <= 1
    }

    #[test]
    fn a_chain_is_one_class_in_every_order() {
        for order in [["1", "2", "3"], ["1", "3", "2"], ["3", "1", "2"]] {
            assert_eq!(classes(order.map(Some), near), [Some(0); 3], "{order:?}");
        }
    }

    #[test]
    fn an_asymmetric_relation_is_read_both_ways() {
        let shorter = |a: &str, b: &str| a.len() < b.len() && b.starts_with(a);
        assert_eq!(classes([Some("ab"), Some("a")], shorter), [Some(0), Some(0)]);
        assert_eq!(classes([Some("a"), Some("ab")], shorter), [Some(0), Some(0)]);
    }

    #[test]
    fn equal_strings_are_never_asked_about() {
        let mut calls = 0;
        let labels = classes([Some("x"), Some("x"), None, Some("x")], |_, _| {
            calls += 1;
            false
        });
        assert_eq!(labels, [Some(0), Some(0), None, Some(0)]);
        assert_eq!(calls, 0);
    }

    #[test]
    fn classes_are_numbered_as_seen() {
        let answers = ["9", "5", "1", "4", "9"].map(Some);
        assert_eq!(classes(answers, near), [Some(0), Some(1), Some(2), Some(1), Some(0)]);
        assert!(classes([], near).is_empty());
    }
}
