//! What so many judgements are worth: votes against their number, from the judgements of one assessment.
//!
//! Of the samples of a jury random subsets of `k` are drawn, for each item anew, and an item is worth the mean over the subsets of
//! the share that its best response has of a draw among the first. So `k = 1` is the mean over all samples, and as many as
//! there are is the assessment itself. Every number is compared, item by item, with one sample: that is the base, not another
//! judge. With a meta-judge each number stands there twice, with all judgements and with the share that the jury keeps.
//!
//! Samples that share an order, or see each other's from behind, are drawn together: a subset of them is one that the jury
//! could have asked for. A jury that stops where it is sure has no such curve: how many it asked for says what it heard.
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), section 5 and figure 1 (accuracy against the number of votes); subsets without
//! replacement as of `tts_core::metrics`.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Accuracy, MetricError, Paired, holm, paired_shares, share_interval};
use tts_core::seed;

use super::super::ballot::{self, Ballot, Judgement};
use super::super::jury::{Jury, Order};
use super::figures::DRAWS;
use super::preference::Preference;
use super::report::Ruling;

/// Subsets of each item's judgements.
const SUBSETS: usize = 100;

/// What a vote of so many judgements is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Votes {
    /// How many samples of the judge.
    pub k: usize,
    /// How many of them count, those that the meta-judge trusts most; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<usize>,
    /// How often the best response was chosen.
    pub accuracy: Accuracy,
    /// The same less that of the first number of the curve, item by item.
    pub against_first: Paired,
}

/// The numbers of judgements that a jury's curve has: doubling, up to all of them; none of a jury that stops where it is sure,
/// and of one judgement.
fn numbers(jury: &Jury) -> (usize, Vec<usize>) {
    let paired = if jury.order == Order::Mirrored { 2 } else { 1 };
    let block = paired * jury.repeats.max(1);
    let block = if jury.samples.is_multiple_of(block) { block } else { 1 };
    let all = jury.samples / block;
    if jury.sure.is_some() || all < 2 {
        return (block, Vec::new());
    }
    let mut counts: Vec<usize> =
        std::iter::successors(Some(1), |&count| Some(2 * count)).take_while(|&n| n < all).collect();
    counts.push(all);
    (block, counts)
}

/// The mean worth of `n` of a pool of `size`, over random subsets, each in ascending order; exact for one and for all.
///
/// ```
/// use tts_prm::critic::assess::over_subsets;
/// // Two of three numbers: each pair is as likely, so the mean of their sums is twice that of one.
/// let pool = [1.0, 2.0, 6.0];
/// let sum = |subset: &[usize]| subset.iter().map(|&place| pool[place]).sum::<f64>();
/// assert_eq!(over_subsets(3, 1, (100, 7), sum), 3.0);
/// assert_eq!(over_subsets(3, 3, (100, 7), sum), 9.0);
/// assert!((over_subsets(3, 2, (1_000, 7), sum) - 6.0).abs() < 0.3);
/// ```
pub fn over_subsets(
    size: usize,
    n: usize,
    (draws, lot): (usize, u64),
    mut worth: impl FnMut(&[usize]) -> f64,
) -> f64 {
    let mut deck: Vec<usize> = (0..size).collect();
    if n >= size {
        return worth(&deck);
    }
    if n == 1 {
        return deck.iter().map(|&place| worth(&[place])).sum::<f64>() / size as f64;
    }
    let mut rng = seed::rng(lot);
    let mut sum = 0.0;
    for _ in 0..draws {
        for place in 0..n {
            let other = place + rng.below(size - place);
            deck.swap(place, other);
        }
        // Of equals that are trusted alike the earlier counts.
        deck[..n].sort_unstable();
        sum += worth(&deck[..n]);
    }
    sum / draws as f64
}

/// What these samples of a ruling are worth: the share that the best response has of a draw among the first.
fn worth(
    jury: &Jury,
    (preference, ruling): (&Preference, &Ruling),
    samples: impl Fn(usize) -> bool,
    keep: Option<usize>,
) -> f64 {
    let judgements = ruling.ballot.judgements.iter();
    let own: Vec<&Judgement> = judgements.filter(|judgement| samples(judgement.sample)).collect();
    let totals = ballot::totals(&own, preference.responses.len(), jury.vote, keep);
    Ballot::share(&totals, preference.best)
}

/// Votes against their number, see the [module](self); empty where the jury has no curve.
///
/// # Errors
/// When there are no rulings.
pub fn curve(
    jury: &Jury,
    preferences: &[Preference],
    rulings: &[Option<Ruling>],
    seed: u64,
) -> Result<Vec<Votes>, MetricError> {
    let (block, counts) = numbers(jury);
    let items: Vec<(&Preference, &Ruling)> = preferences
        .iter()
        .zip(rulings)
        .filter_map(|(preference, ruling)| Some((preference, ruling.as_ref()?)))
        .collect();
    let values = |count: usize, keep: Option<usize>| -> Vec<f64> {
        let value = |(place, item): (usize, &(&Preference, &Ruling))| {
            let lot = (SUBSETS, seed::mix(seed, place as u64));
            over_subsets(jury.samples / block, count, lot, |blocks| {
                let drawn = |sample: usize| blocks.binary_search(&(sample / block)).is_ok();
                worth(jury, *item, drawn, keep)
            })
        };
        items.iter().enumerate().map(value).collect()
    };
    let mut found: Vec<Votes> = Vec::new();
    let mut first: Option<Vec<f64>> = None;
    for count in counts {
        let k = count * block;
        let share = jury.meta.as_ref().map(|meta| (meta.keep * k).div_ceil(jury.samples).max(1));
        for keep in [None, share.filter(|&keep| keep < k)] {
            if keep.is_none() && found.last().is_some_and(|votes| votes.k == k) {
                continue;
            }
            let own = values(count, keep);
            let first = first.get_or_insert_with(|| own.clone());
            found.push(Votes {
                k,
                keep,
                accuracy: share_interval(&own, DRAWS, seed)?,
                against_first: paired_shares(&own, first, DRAWS, seed)?,
            });
        }
    }
    Ok(found)
}

/// Writes a curve for a reader: accuracies, and differences to the first with p-values that are adjusted for their number.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(votes: &[Votes], mut out: impl Write) -> io::Result<()> {
    let Some((first, others)) = votes.split_first() else { return Ok(()) };
    let p_values: Vec<f64> = others.iter().map(|votes| votes.against_first.p_value).collect();
    let adjusted = holm(&p_values).unwrap_or(p_values);
    let told = |votes: &Votes| {
        let Accuracy { mean, interval: [low, high], .. } = votes.accuracy;
        let kept = votes.keep.map_or_else(String::new, |keep| format!(", the {keep} most trusted"));
        let (mean, low, high) = (100.0 * mean, 100.0 * low, 100.0 * high);
        format!("{mean:.1} % ({low:.1} to {high:.1}) by {}{kept}", votes.k)
    };
    writeln!(out, "votes     {}", told(first))?;
    for (votes, p) in others.iter().zip(adjusted) {
        let Paired { difference, interval: [low, high], .. } = votes.against_first;
        writeln!(
            out,
            "          {}; {:+.1} points beside {} ({:+.1} to {:+.1}, p {p:.3})",
            told(votes),
            100.0 * difference,
            first.k,
            100.0 * low,
            100.0 * high
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tts_core::NodeId;

    use super::super::super::{Judge, Meta};
    use super::super::Assessment;
    use super::*;

    fn jury(samples: usize) -> Jury {
        Jury::of(Judge::published("deepseek-grm").expect("known"), samples)
    }

    fn pair(best: usize) -> Preference {
        let responses = vec!["a".into(), "bb".into()];
        Preference {
            prompt: "q".into(),
            responses,
            best,
            subset: None,
            reference: None,
            worth: None,
        }
    }

    /// Samples of two responses: scores and how far each is trusted; what was refused is left out.
    fn ruling(samples: &[Option<([f64; 2], f64)>]) -> Ruling {
        let judgement = |(sample, said): (usize, &Option<([f64; 2], f64)>)| {
            let (scores, meta) = (*said)?;
            let (node, scores) = (NodeId::ROOT, scores.to_vec());
            Some(Judgement { node, sample, shown: vec![0, 1], scores, steps: Vec::new(), meta })
        };
        let judgements: Vec<Judgement> = samples.iter().enumerate().filter_map(judgement).collect();
        let refused = samples.len() - judgements.len();
        Ruling { ballot: Ballot { responses: 2, judgements, refused }, reasons: Vec::new() }
    }

    /// Right, a tie, wrong and refused; and one that is always wrong.
    fn rulings() -> (Vec<Preference>, Vec<Option<Ruling>>) {
        let mixed = ruling(&[
            Some(([8.0, 2.0], 0.1)),
            Some(([5.0, 5.0], 0.2)),
            Some(([4.0, 9.0], 0.9)),
            None,
        ]);
        let wrong = ruling(&[Some(([1.0, 2.0], 0.5)); 4]);
        (vec![pair(0), pair(0)], vec![Some(mixed), Some(wrong)])
    }

    #[test]
    fn one_is_the_mean_and_all_are_the_assessment() {
        let (preferences, rulings) = rulings();
        let found = curve(&jury(4), &preferences, &rulings, 3).expect("a curve");
        assert_eq!(found.iter().map(|votes| votes.k).collect::<Vec<_>>(), [1, 2, 4]);
        // (1 + 1/2 + 0 + 1/2) / 4 of the first item, nothing of the other.
        assert!((found[0].accuracy.mean - 0.25).abs() < 1e-12, "{found:?}");
        assert!(found[0].against_first.difference.abs() < 1e-12);
        let whole = Assessment::of(&jury(4), &preferences, &rulings, 3).expect("figures");
        assert!((found[2].accuracy.mean - whole.accuracy.mean).abs() < 1e-12);
        // 17 against 16: right.
        assert!((found[2].accuracy.mean - 0.5).abs() < 1e-12);
        assert_eq!(whole.votes, found);
        // Of two: each pair with the first one is right, and the one without a judgement says nothing.
        let pairs = [1.0, 1.0, 1.0, 0.0, 0.5, 0.0].iter().sum::<f64>() / 6.0;
        assert!((2.0 * found[1].accuracy.mean - pairs).abs() < 0.15, "{found:?}");
        // Items that were not asked about are no items.
        let some = [rulings[0].clone(), None];
        let one = curve(&jury(4), &preferences, &some, 3).expect("a curve");
        assert_eq!(one[0].accuracy.problems, 1);
        assert!((one[0].accuracy.mean - 0.5).abs() < 1e-12, "{one:?}");
        assert!(curve(&jury(4), &preferences, &[None, None], 3).is_err());
    }

    #[test]
    fn the_kept_share_stands_beside_all() {
        let (preferences, rulings) = rulings();
        let meta = Some(Meta::of("m", 2));
        let jury = Jury { meta, ..jury(4) };
        let found = curve(&jury, &preferences, &rulings, 3).expect("a curve");
        let numbers: Vec<(usize, Option<usize>)> =
            found.iter().map(|votes| (votes.k, votes.keep)).collect();
        assert_eq!(numbers, [(1, None), (2, None), (2, Some(1)), (4, None), (4, Some(2))]);
        // The two that are trusted most: a tie, and one that is wrong.
        assert!(found[4].accuracy.mean.abs() < 1e-12, "{found:?}");
        assert!((found[3].accuracy.mean - 0.5).abs() < 1e-12, "{found:?}");
        let whole = Assessment::of(&jury, &preferences, &rulings, 3).expect("figures");
        assert_eq!(whole.accuracy, found[4].accuracy);
        let mut text = Vec::new();
        write(&found, &mut text).expect("written");
        let text = String::from_utf8(text).expect("text");
        assert!(text.contains("by 4, the 2 most trusted; -25.0 points beside 1"), "{text}");
    }

    #[test]
    fn what_belongs_together_is_drawn_together() {
        let of = |jury: Jury| numbers(&jury);
        assert_eq!(of(Jury { order: Order::Mirrored, ..jury(8) }), (2, vec![1, 2, 4]));
        assert_eq!(of(Jury { repeats: 3, ..jury(12) }), (3, vec![1, 2, 4]));
        assert_eq!(of(Jury { repeats: 3, ..jury(4) }), (1, vec![1, 2, 4]));
        assert_eq!(of(jury(6)), (1, vec![1, 2, 4, 6]));
        assert_eq!(of(jury(1)).1, Vec::<usize>::new());
        let sure = Some(super::super::super::Sure::default());
        assert_eq!(of(Jury { sure, ..jury(8) }).1, Vec::<usize>::new());
        // A judge that gives all to the place has no side in both orders.
        let sides = [[9.0, 1.0], [1.0, 9.0]];
        let samples: Vec<_> = (0..8).map(|number| Some((sides[number % 2], 0.0))).collect();
        let mirrored = Jury { order: Order::Mirrored, ..jury(8) };
        let found = curve(&mirrored, &[pair(0)], &[Some(ruling(&samples))], 1).expect("a curve");
        assert!(found.iter().all(|votes| (votes.accuracy.mean - 0.5).abs() < 1e-12), "{found:?}");
        assert_eq!(found.iter().map(|votes| votes.k).collect::<Vec<_>>(), [2, 4, 8]);
    }
}
