//! Ranks: how far a judge orders responses as their worth does, and how far as their length does.
//!
//! Where data grade responses ([`super::Preference::worth`]), the best response is not all there is to find: Kendall's tau-b of
//! values and worth, within items and over all responses, says whether the rest is ordered, too.
//!
//! Of items of three responses or more the preference for longer ones is the correlation of values with length less that of
//! what is right with length, item by item: longer responses may be better, and a judge is to be blamed for what goes beyond.
//! What is right is worth, where it is known, else the best response before the others.
//!
//! Source: `tts_core::metrics` for tau-b and its intervals; the comparison with length is this project's.

use tts_core::metrics::{
    Correlation, rank_correlation, rank_correlation_over_problems, rank_correlation_within_problems,
};

use super::figures::DRAWS;
use super::preference::Preference;

/// Values of a judge beside the responses that they are of.
pub(super) struct Ranked<'a> {
    pub(super) preference: &'a Preference,
    pub(super) values: &'a [Option<f64>],
}

impl Ranked<'_> {
    /// Places of the responses that have a value, and the value.
    fn judged(&self) -> impl Iterator<Item = (usize, f64)> {
        let all = self.values.iter().enumerate().take(self.preference.responses.len());
        all.filter_map(|(place, value)| Some((place, (*value)?)))
    }

    /// What each response is worth, where there is a number for each.
    fn worth(&self) -> Option<&[f64]> {
        let worth = self.preference.worth.as_deref()?;
        let whole = worth.len() == self.preference.responses.len();
        (whole && worth.iter().all(|worth| worth.is_finite())).then_some(worth)
    }

    /// By how much more the values are in the order of length than what is right is; `None` where no two responses that were
    /// judged differ in length, or there are not three.
    fn for_length(&self) -> Option<f64> {
        let Preference { responses, best, .. } = self.preference;
        if responses.len() < 3 {
            return None;
        }
        let (places, values): (Vec<usize>, Vec<f64>) = self.judged().unzip();
        let length = |&place: &usize| responses[place].chars().count() as f64;
        let right = |&place: &usize| match self.worth() {
            Some(worth) => worth[place],
            None => f64::from(u8::from(place == *best)),
        };
        let lengths: Vec<f64> = places.iter().map(length).collect();
        let right: Vec<f64> = places.iter().map(right).collect();
        // Of none there is nothing to compare, either.
        if lengths.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq()) {
            return None;
        }
        // What does not order, a judge that gives the same to all say, does not order by length.
        let with_length = |values: &[f64]| rank_correlation(values, &lengths).unwrap_or(0.0);
        Some(with_length(&values) - with_length(&right))
    }
}

/// The rank correlation of values with worth, within items and over all responses; `None` where no item is graded, or nothing
/// is ordered.
pub(super) fn with_worth(
    items: &[Ranked<'_>],
    seed: u64,
) -> (Option<Correlation>, Option<Correlation>) {
    let (mut values, mut worth, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for (number, item) in items.iter().enumerate() {
        let Some(own) = item.worth() else { continue };
        for (place, value) in item.judged() {
            values.push(value);
            worth.push(own[place]);
            numbers.push(number);
        }
    }
    let within = rank_correlation_within_problems(&values, &worth, &numbers, DRAWS, seed).ok();
    let over = rank_correlation_over_problems(&values, &worth, &numbers, DRAWS, seed).ok();
    (within, over)
}

/// The preference for length of each item that tells of one.
pub(super) fn for_length(items: &[Ranked<'_>]) -> Vec<f64> {
    items.iter().filter_map(Ranked::for_length).collect()
}

#[cfg(test)]
mod tests {
    use tts_core::seed;

    use super::*;

    fn graded(worth: Option<Vec<f64>>, lengths: &[usize]) -> Preference {
        let responses = lengths.iter().map(|&length| "x".repeat(length)).collect();
        Preference { prompt: "q".into(), responses, best: 0, subset: None, reference: None, worth }
    }

    #[test]
    fn a_judge_of_worth_has_one_and_a_coin_nothing() {
        let mut rng = seed::rng(3);
        let items: Vec<Preference> = (0..100)
            .map(|_| graded(Some((0..4).map(|_| rng.uniform()).collect()), &[1; 4]))
            .collect();
        let told = |value: &mut dyn FnMut(f64) -> Option<f64>| -> (Option<Correlation>, Option<Correlation>) {
            let values: Vec<Vec<Option<f64>>> = items
                .iter()
                .map(|item| item.worth.iter().flatten().map(|&worth| value(worth)).collect())
                .collect();
            let ranked = items.iter().zip(&values);
            let ranked: Vec<Ranked<'_>> =
                ranked.map(|(preference, values)| Ranked { preference, values }).collect();
            with_worth(&ranked, 7)
        };
        let (within, over) = told(&mut |worth| Some(3.0 * worth - 1.0));
        let within = within.expect("graded");
        assert!(
            (within.tau - 1.0).abs() < 1e-12 && (within.problems, within.entries) == (100, 400)
        );
        assert!((over.expect("graded").tau - 1.0).abs() < 1e-12);
        let mut coin = seed::rng(5);
        let (within, over) = told(&mut |_| Some(coin.uniform()));
        for found in [within, over] {
            let found = found.expect("graded");
            assert!(found.interval[0] < 0.0 && found.interval[1] > 0.0, "{found:?}");
        }
        // Nobody was judged; and of data without grades nothing is told.
        assert_eq!(told(&mut |_| None), (None, None));
        let plain = graded(None, &[1, 2]);
        let values = [Some(1.0), Some(0.0)];
        assert_eq!(with_worth(&[Ranked { preference: &plain, values: &values }], 1), (None, None));
    }

    #[test]
    fn length_is_a_bias_only_where_it_goes_beyond_what_is_right() {
        // Three responses, the longest of them best; a judge of length, of the opposite, one that ties, and pairs.
        let of = |worth: Option<Vec<f64>>, lengths: &[usize], values: &[Option<f64>]| {
            let preference = graded(worth, lengths);
            for_length(&[Ranked { preference: &preference, values }])
        };
        let by_length = [Some(0.9), Some(0.5), Some(0.1)];
        assert_eq!(of(Some(vec![3.0, 2.0, 1.0]), &[30, 20, 10], &by_length), [0.0]);
        assert_eq!(of(Some(vec![1.0, 2.0, 3.0]), &[30, 20, 10], &by_length), [2.0]);
        assert_eq!(of(Some(vec![1.0, 2.0, 3.0]), &[30, 20, 10], &[Some(0.5); 3]), [1.0]);
        // Without grades the best stands before the others: two of the three pairs, of which both are in order.
        let found = of(None, &[30, 20, 10], &by_length);
        assert!((found[0] - (1.0 - 2.0 / 6.0_f64.sqrt())).abs() < 1e-12, "{found:?}");
        assert!(of(None, &[10, 20], &[Some(0.1), Some(0.9)]).is_empty());
        assert!(of(None, &[10, 10, 10], &by_length).is_empty());
        assert!(of(None, &[10, 20, 30], &[None; 3]).is_empty());
    }
}
