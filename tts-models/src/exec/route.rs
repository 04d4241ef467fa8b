//! Which experts a token goes to, and which tokens an expert has.
//!
//! A router gives each token a logit for every expert. The largest few are chosen, and how much each of them counts is
//! its part of a softmax: over all experts, or over the chosen ones alone ([`Experts::normed`]). Or it counts its sigmoid,
//! or its part of those of the chosen ones, and they are chosen by that and a bias of their own ([`Router`]).
//! [`choose`] looks at one token's logits and nothing else. [`Routes`] turns the choice of all tokens of a pass around:
//! the tokens of each expert, so that its weights are read once for all of them, and for each token where its results lie, in the order
//! of the experts' numbers. In that order they are added, so that no bit depends on who else is in the pass.
//!
//! Source: Shazeer et al. 2017 (arXiv:1701.06538), section 2.1, without noise; Jiang et al. 2024 (arXiv:2401.04088),
//! section 2.1, where the softmax is over the chosen ones; DeepSeek-AI 2024 (arXiv:2412.19437), section 2.1.2, equations
//! 13 to 16, for the sigmoid and its bias.

use std::ops::Range;

use crate::kernels::{sigmoid_in_place, softmax};
use crate::weights::config::{Experts, Router};

/// An expert that a token goes to, and how much it counts.
pub(crate) type Choice = (usize, f32);

/// What is added to sigmoids before they divide, as transformers does: all of them may be 0.
const LEAST: f32 = 1e-20;

/// Writes the experts of a token, in the order of their numbers, over [`Experts::used`] places; of equal logits the
/// first is the larger. A `bias` of each is added where they are compared. The logits are changed.
pub(crate) fn choose(
    logits: &mut [f32],
    bias: Option<&[f32]>,
    (how, router): (Experts, Router),
    chosen: &mut [Choice],
) {
    if let Router::Sigmoid { .. } = router {
        sigmoid_in_place(logits);
    }
    let mut count = 0;
    for (expert, &logit) in logits.iter().enumerate() {
        let score = logit + bias.and_then(|bias| bias.get(expert)).unwrap_or(&0.0);
        // Behind all that are as large, so that the first of equals stays before.
        let place = chosen[..count].iter().position(|&(_, other)| score > other).unwrap_or(count);
        if place < chosen.len() {
            count = (count + 1).min(chosen.len());
            chosen[place..count].rotate_right(1);
            chosen[place] = (expert, score);
        }
    }
    chosen.sort_unstable_by_key(|&(expert, _)| expert);
    let (all, least) = match router {
        Router::Softmax => (softmax(logits, 1.0), 0.0),
        Router::Sigmoid { .. } => (1.0, LEAST),
    };
    for (expert, part) in &mut *chosen {
        *part = logits[*expert];
    }
    let of_chosen = || chosen.iter().map(|&(_, part)| part).sum::<f32>() + least;
    let sum = if how.normed { of_chosen() } else { all };
    #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
    let scale = router.scale() as f32;
    for (_, part) in chosen {
        *part = *part / sum * scale;
    }
}

/// The choices of all tokens of a pass, by expert and by token.
#[derive(Debug)]
pub(crate) struct Routes {
    /// The row of each result: those of the first expert, then those of the next one.
    pub(crate) rows: Vec<usize>,
    /// The experts that any row goes to, and where their results lie.
    pub(crate) groups: Vec<(usize, Range<usize>)>,
    /// For each row the places of its results, and how much they count.
    results: Vec<Choice>,
    used: usize,
}

impl Routes {
    /// Turns the choices of rows around, `how.used` for each of them.
    pub(crate) fn new(how: Experts, chosen: &[Choice]) -> Self {
        let mut ends = vec![0; how.count + 1];
        for &(expert, _) in chosen {
            ends[expert + 1] += 1;
        }
        for expert in 0..how.count {
            ends[expert + 1] += ends[expert];
        }
        let stretches = ends.windows(2).map(|pair| pair[0]..pair[1]).enumerate();
        let groups = stretches.filter(|(_, stretch)| !stretch.is_empty()).collect();
        // From here on the next free place of each expert.
        let mut next = ends;
        let mut rows = vec![0; chosen.len()];
        let results = chosen.iter().enumerate().map(|(index, &(expert, part))| {
            let place = next[expert];
            next[expert] += 1;
            rows[place] = index / how.used;
            (place, part)
        });
        let results = results.collect();
        Self { rows, groups, results, used: how.used }
    }

    /// Where the results of a row lie, in the order of experts, and how much they count.
    pub(crate) fn of_row(&self, row: usize) -> &[Choice] {
        &self.results[row * self.used..(row + 1) * self.used]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn how(count: usize, used: usize, normed: bool) -> Experts {
        Experts { count, used, width: 1, normed, shared: None }
    }

    fn chosen(logits: &[f32], used: usize, normed: bool) -> Vec<Choice> {
        let mut chosen = vec![(usize::MAX, f32::NAN); used];
        let how = how(logits.len(), used, normed);
        choose(&mut logits.to_vec(), None, (how, Router::Softmax), &mut chosen);
        chosen
    }

    fn by_sigmoid(logits: &[f32], bias: &[f32], used: usize, normed: bool) -> Vec<Choice> {
        let mut chosen = vec![(usize::MAX, f32::NAN); used];
        let how = (how(logits.len(), used, normed), Router::Sigmoid { scale: 3.0 });
        choose(&mut logits.to_vec(), Some(bias), how, &mut chosen);
        chosen
    }

    fn close(found: &[Choice], expected: &[Choice]) {
        let mut same = found.iter().zip(expected);
        let near = |(a, b): (&Choice, &Choice)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-6;
        assert!(found.len() == expected.len() && same.all(near), "{found:?}");
    }

    /// A bias moves the choice, and not what counts.
    #[test]
    fn parts_are_those_of_the_sigmoid() {
        let ln = f32::ln;
        // Sigmoids of 2/3, 1/2, 8/9 and 1/4.
        let logits = [ln(2.0), ln(1.0), ln(8.0), ln(1.0 / 3.0)];
        let none = [0.0; 4];
        close(&by_sigmoid(&logits, &none, 2, false), &[(0, 2.0), (2, 8.0 / 3.0)]);
        close(&by_sigmoid(&logits, &none, 2, true), &[(0, 9.0 / 7.0), (2, 12.0 / 7.0)]);
        let bias = [0.0, -1.0, -0.25, 0.75];
        close(&by_sigmoid(&logits, &bias, 2, false), &[(0, 2.0), (3, 0.75)]);
        close(&by_sigmoid(&logits, &bias, 2, true), &[(0, 24.0 / 11.0), (3, 9.0 / 11.0)]);
        // Of equal sums the first.
        close(&by_sigmoid(&[0.0; 3], &[0.25, 0.5, 0.5], 1, false), &[(1, 1.5)]);
        // All of them 0: nothing counts, and nothing is no number.
        close(&by_sigmoid(&[-200.0; 3], &[0.0; 3], 2, true), &[(0, 0.0), (1, 0.0)]);
        let lost = by_sigmoid(&[f32::NAN, 1.0], &[0.0; 2], 1, false);
        assert!(lost.len() == 1 && lost[0].0 < 2, "{lost:?}");
    }

    /// Logits whose softmax is a half, a quarter, a quarter of a quarter and so on.
    #[test]
    fn parts_are_those_of_the_softmax() {
        let ln = f32::ln;
        let logits = [ln(2.0), ln(1.0), ln(8.0), ln(5.0)];
        close(&chosen(&logits, 2, false), &[(2, 0.5), (3, 0.3125)]);
        close(&chosen(&logits, 2, true), &[(2, 8.0 / 13.0), (3, 5.0 / 13.0)]);
        close(&chosen(&logits, 3, false), &[(0, 0.125), (2, 0.5), (3, 0.3125)]);
        close(&chosen(&logits, 1, true), &[(2, 1.0)]);
        // All of them: both ways are one.
        let all = [(0, 0.125), (1, 0.0625), (2, 0.5), (3, 0.3125)];
        close(&chosen(&logits, 4, false), &all);
        close(&chosen(&logits, 4, true), &all);
    }

    #[test]
    fn of_equals_the_first_is_taken() {
        let experts = |logits: &[f32], used: usize| -> Vec<usize> {
            chosen(logits, used, true).into_iter().map(|(expert, _)| expert).collect()
        };
        assert_eq!(experts(&[1.0; 6], 2), [0, 1]);
        assert_eq!(experts(&[0.0, 3.0, 1.0, 3.0, 3.0], 2), [1, 3]);
        assert_eq!(experts(&[2.0, 1.0, 2.0, 1.0, 1.0], 3), [0, 1, 2]);
        assert_eq!(experts(&[-5.0, -4.0, f32::NEG_INFINITY, -6.0], 3), [0, 1, 3]);
    }

    /// Against sorting, for logits that repeat.
    #[test]
    fn the_largest_are_taken() {
        let mut rng = tts_core::seed::rng(5);
        for round in 0..500 {
            let count = 1 + round % 17;
            let logits: Vec<f32> = (0..count).map(|_| (rng.next_u32() % 7) as f32 - 3.0).collect();
            for used in 1..=count {
                let mut order: Vec<usize> = (0..count).collect();
                order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
                let mut expected = order[..used].to_vec();
                expected.sort_unstable();
                let found = chosen(&logits, used, false);
                assert!(found.iter().map(|&(expert, _)| expert).eq(expected), "{logits:?} {used}");
                assert!(found.iter().all(|&(_, part)| part > 0.0 && part <= 1.0));
            }
        }
    }

    /// What is not a number makes none of the token's results a number, and ends nothing.
    #[test]
    fn what_is_not_a_number_stays_so() {
        for used in 1..=3 {
            let found = chosen(&[f32::NAN; 3], used, true);
            let experts: Vec<usize> = found.iter().map(|&(expert, _)| expert).collect();
            assert_eq!(experts, (0..used).collect::<Vec<_>>());
            assert!(found.iter().all(|(_, part)| part.is_nan()));
            assert!(chosen(&[1.0, f32::NAN, 2.0], used, false).iter().all(|(_, p)| p.is_nan()));
        }
    }

    #[test]
    fn routes_are_the_choices_by_expert_and_by_row() {
        let choices = [(1, 0.5), (3, 0.25), (0, 1.0), (1, 2.0), (1, 3.0), (4, 4.0)];
        let routes = Routes::new(how(5, 2, true), &choices);
        assert_eq!(routes.groups, [(0, 0..1), (1, 1..4), (3, 4..5), (4, 5..6)]);
        assert_eq!(routes.rows, [1, 0, 1, 2, 0, 2]);
        assert_eq!(routes.of_row(0), [(1, 0.5), (4, 0.25)]);
        assert_eq!(routes.of_row(1), [(0, 1.0), (2, 2.0)]);
        assert_eq!(routes.of_row(2), [(3, 3.0), (5, 4.0)]);
        let none = Routes::new(how(5, 2, true), &[]);
        assert!(none.rows.is_empty() && none.groups.is_empty());
    }
}
