//! Majority over answers that are paths: the first component, then the second among its voters.
//!
//! A tool call is a name and then its arguments; voting on whole calls would let five calls of one
//! tool with five spellings of its arguments lose to two identical calls of another. Here the
//! first components vote, the losers leave, and the survivors vote on the next component until
//! none has one. A path that has ended does not vote at deeper levels, and is out once a longer
//! survivor decides one; an empty path never votes.
//!
//! Source: the hierarchical vote of `its_hub` 1.2.0, with its random tie-break replaced by first
//! seen.

use super::{classes, winner};

/// The first path of those that survive the vote on every level, or `None` without any component.
///
/// Where two components of a level are equally common, the one first seen wins.
///
/// ```
/// use tts_core::select::hierarchical_majority;
/// let calls = [["add", "1"], ["search", "x"], ["search", "y"], ["search", "y"], ["add", "1"]];
/// assert_eq!(hierarchical_majority(&calls), Some(2));
/// ```
pub fn hierarchical_majority<P, S>(paths: &[P]) -> Option<usize>
where
    P: AsRef<[S]>,
    S: AsRef<str>,
{
    let mut survivors: Vec<usize> = (0..paths.len()).collect();
    let mut chosen = None;
    for level in 0.. {
        let components: Vec<Option<&str>> =
            survivors.iter().map(|&path| paths[path].as_ref().get(level).map(S::as_ref)).collect();
        let labels = classes(components, |_, _| false);
        let ones = vec![1.0; survivors.len()];
        let Some(first) = winner(0..survivors.len(), &labels, &ones) else { break };
        chosen = Some(survivors[first]);
        survivors = survivors
            .iter()
            .zip(&labels)
            .filter(|(_, label)| **label == labels[first])
            .map(|(&path, _)| path)
            .collect();
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_by_level() {
        for (paths, expected) in [
            (vec![], None),
            (vec![vec![], vec![]], None),
            (vec![vec![], vec!["a"]], Some(1)),
            (vec![vec!["a"], vec!["b"], vec!["a"]], Some(0)),
            (vec![vec!["a", "1"], vec!["b", "2"], vec!["c", "3"]], Some(0)),
            (
                vec![
                    vec!["b", "1"],
                    vec!["b", "1"],
                    vec!["a", "1"],
                    vec!["a", "2"],
                    vec!["a", "3"],
                ],
                Some(2),
            ),
            (vec![vec!["a"], vec!["a"], vec!["a", "1"], vec!["b"]], Some(2)),
        ] {
            assert_eq!(hierarchical_majority(&paths), expected, "{paths:?}");
        }
    }
}
