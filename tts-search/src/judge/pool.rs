//! What the strategies of this room share: a pool of solutions, and what to do without a verdict.

use tts_core::select::classes;
use tts_core::{Ask, Desk, Line};

/// A solution, with what is asked about it again and again.
#[derive(Debug)]
pub(crate) struct Solution {
    pub(crate) line: Line,
    pub(crate) answer: Option<String>,
    /// The class of its answer among those it was [read](read) with.
    pub(crate) label: Option<usize>,
}

/// `n` samples without those that were cut. While none has finished the first that can be is gone on from:
/// so a hard budget that cuts all of them finishes it from its reserve. Where some have an answer the others leave: they cannot be
/// right, and a judge may like them.
pub(crate) async fn sample(desk: &Desk, n: usize) -> Vec<Solution> {
    let mut lines = desk.ask(Ask::problem().times(n)).await;
    while !lines.iter().any(Line::is_finished) {
        let Some(place) = lines.iter().position(|line| line.open) else { break };
        let cut = lines.remove(place);
        // The answer so far, should the budget run out.
        desk.prefer(cut.node);
        let Some(rest) = desk.line(Ask::behind(cut.node)).await else { break };
        lines.insert(place, cut.and(rest));
    }
    lines.retain(Line::is_finished);
    let mut pool = read(desk, lines);
    if pool.iter().any(|solution| solution.answer.is_some()) {
        pool.retain(|solution| solution.answer.is_some());
    }
    pool
}

/// Lines with their answers.
pub(crate) fn read(desk: &Desk, lines: Vec<Line>) -> Vec<Solution> {
    let one = |line: Line| {
        let answer = line.answer().filter(|answer| !answer.trim().is_empty());
        Solution { line, answer, label: None }
    };
    let mut read: Vec<Solution> = lines.into_iter().map(one).collect();
    classify(desk, &mut read);
    read
}

/// Says which of these have the same answer.
pub(crate) fn classify(desk: &Desk, solutions: &mut [Solution]) {
    let task = desk.task();
    let answers = solutions.iter().map(|solution| solution.answer.as_deref());
    let labels = classes(answers, task.comparer());
    solutions.iter_mut().zip(labels).for_each(|(solution, label)| solution.label = label);
}

/// The place of the majority's first; the first of all where there are no answers.
pub(crate) fn usual(solutions: &[Solution]) -> usize {
    let labels = || solutions.iter().filter_map(|solution| solution.label);
    let mut count = vec![0_usize; labels().max().map_or(0, |most| most + 1)];
    labels().for_each(|label| count[label] += 1);
    let most = count.iter().max();
    let usual =
        |solution: &Solution| solution.label.is_some_and(|label| Some(&count[label]) == most);
    solutions.iter().position(usual).unwrap_or(0)
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

/// What a judge's line says; one that was cut, whose last word may be another, or that cannot be read, is noted as unread.
pub(crate) fn heard<T>(
    desk: &Desk,
    said: &Line,
    read: impl FnOnce() -> Result<T, String>,
) -> Option<T> {
    let cut = || format!("it was cut after {} tokens, before its last word", said.generated());
    let heard = if said.is_finished() { read() } else { Err(cut()) };
    heard.map_err(|why| desk.refuse(said.node, why)).ok()
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
