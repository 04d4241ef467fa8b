//! Seeded draws of subsets without replacement.
//!
//! Each problem takes its own stream of one seed ([`seed::stream`]), so that a problem's estimate does
//! not depend on which problems stand before it.
//!
//! Source: Knuth, The Art of Computer Programming volume 2, section 3.4.2, algorithm P for the
//! shuffle, cut short at `k`.

use crate::seed;

/// The stream of resampling over problems, beyond that of any problem.
pub(crate) const OVER_PROBLEMS: u64 = u64::MAX;

/// Puts a uniform subset of `k` of the `deck` in front, in ascending order, and returns it.
///
/// The deck may come in any order, so one deck serves draw after draw.
pub(crate) fn draw<'a>(random: &mut seed::Rng, deck: &'a mut [usize], k: usize) -> &'a [usize] {
    for place in 0..k {
        let other = place + random.below(deck.len() - place);
        deck.swap(place, other);
    }
    let subset = &mut deck[..k];
    subset.sort_unstable();
    subset
}

/// The number of subsets of `k` of `n`, or `None` where it is above `most`.
pub(crate) fn subsets_up_to(n: usize, k: usize, most: usize) -> Option<usize> {
    let k = k.min(n - k) as u128;
    let mut subsets: u128 = 1;
    for taken in 0..k {
        // C(n, taken + 1) from C(n, taken): the division leaves no remainder.
        subsets = subsets * (n as u128 - taken) / (taken + 1);
        if subsets > most as u128 {
            return None;
        }
    }
    usize::try_from(subsets).ok().filter(|&subsets| subsets <= most)
}

/// Moves `subset` to the next subset of `0..n` of its size in lexicographic order, if there is one.
pub(crate) fn next_subset(subset: &mut [usize], n: usize) -> bool {
    let k = subset.len();
    let Some(place) = (0..k).rev().find(|&place| subset[place] < n - k + place) else {
        return false;
    };
    subset[place] += 1;
    for later in place + 1..k {
        subset[later] = subset[later - 1] + 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_uniform() {
        let mut random = seed::stream(7, 0);
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[random.below(6)] += 1;
        }
        // Six standard deviations of a binomial (91) around 10,000.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 550), "{counts:?}");
    }

    #[test]
    fn subsets_are_uniform() {
        let mut random = seed::stream(7, 1);
        let mut deck: Vec<usize> = (0..5).collect();
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..50_000 {
            *counts.entry(draw(&mut random, &mut deck, 2).to_vec()).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 10);
        assert!(counts.values().all(|count| count.abs_diff(5_000) < 410), "{counts:?}");
    }

    #[test]
    fn enumeration_agrees_with_the_count() {
        for n in 0..8 {
            for k in 0..=n {
                let mut subset: Vec<usize> = (0..k).collect();
                let mut found = 1;
                while next_subset(&mut subset, n) {
                    found += 1;
                }
                assert_eq!(subsets_up_to(n, k, 1_000), Some(found), "{n} {k}");
            }
        }
        assert_eq!(subsets_up_to(100, 50, usize::MAX), None);
        assert_eq!(subsets_up_to(6, 3, 19), None);
        assert_eq!(subsets_up_to(6, 3, 20), Some(20));
        assert_eq!(subsets_up_to(6, 6, 0), None);
    }

    #[test]
    fn streams_differ() {
        assert_ne!(seed::stream(1, 0).next_u64(), seed::stream(1, 1).next_u64());
    }
}
