//! What the strategies of this room share: a pool of solutions, and what to do without a verdict.

use tts_core::select::{Vote, classes, majority};
use tts_core::{Ask, Desk, Line};

/// `n` samples without those that were cut. While none has finished the first that can be is gone on from:
/// so a hard budget that cuts all of them finishes it from its reserve. Where some have an answer the others leave: they cannot be
/// right, and a judge may like them.
pub(crate) async fn sample(desk: &Desk, n: usize) -> Vec<Line> {
    let mut pool = desk.ask(Ask::problem().times(n)).await;
    while !pool.iter().any(Line::is_finished) {
        let Some(place) = pool.iter().position(|line| line.open) else { break };
        let cut = pool.remove(place);
        // The answer so far, should the budget run out.
        desk.prefer(cut.node);
        let Some(rest) = desk.line(Ask::behind(cut.node)).await else { break };
        pool.insert(place, cut.and(rest));
    }
    pool.retain(Line::is_finished);
    if pool.iter().any(|line| line.answer().is_some()) {
        pool.retain(|line| line.answer().is_some());
    }
    pool
}

/// The class of each line's answer.
pub(crate) fn labels(desk: &Desk, lines: &[Line]) -> Vec<Option<usize>> {
    let answers: Vec<Option<String>> = lines.iter().map(Line::answer).collect();
    let task = desk.task();
    classes(answers.iter().map(Option::as_deref), task.comparer())
}

/// The place of the majority's first; the first of all where there are no answers.
pub(crate) fn usual(desk: &Desk, lines: &[Line]) -> usize {
    let votes: Vec<Vote> =
        lines.iter().map(|line| Vote { answer: line.answer(), score: 0.0 }).collect();
    let task = desk.task();
    majority(&votes, task.comparer()).unwrap_or(0)
}

/// Sizes of groups of at most `most`, none of them larger by more than one than another.
pub(crate) fn groups<T>(mut items: Vec<T>, most: usize) -> Vec<Vec<T>> {
    let (all, count) = (items.len(), items.len().div_ceil(most.max(1)));
    let mut groups: Vec<Vec<T>> =
        (0..count).rev().map(|group| items.split_off(group * all / count)).collect();
    groups.reverse();
    groups
}

/// The places of `n` things in an order by chance.
pub(crate) fn shuffled(desk: &Desk, n: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..n).collect();
    (0..n).map(|_| left.swap_remove(desk.below(left.len()))).collect()
}

/// A question to a role, or to the policy.
pub(crate) fn to(ask: Ask, role: Option<&String>) -> Ask {
    role.into_iter().fold(ask, Ask::by)
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[test]
    fn groups_are_even_and_in_order() {
        for (n, most, expected) in [
            (0, 3, vec![]),
            (1, 3, vec![1]),
            (3, 3, vec![3]),
            (4, 3, vec![2, 2]),
            (7, 3, vec![2, 2, 3]),
            (16, 4, vec![4; 4]),
            (5, 2, vec![1, 2, 2]),
        ] {
            let found = groups((0..n).collect(), most);
            assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{n} by {most}");
            assert_eq!(found.concat(), (0..n).collect::<Vec<_>>());
        }
    }
}
