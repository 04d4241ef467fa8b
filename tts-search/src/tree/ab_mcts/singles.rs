//! Children with one score each: who wins when a mean is drawn for every one of them.
//!
//! A wide tree has thousands of such children, and a descent would draw thousands of numbers to use the
//! highest. Where the prior's variance is worth one score (`nu` of 1, the default), the mean of such a child
//! is `m + s t`, where `t` follows Student's law of two degrees of freedom, whose quantile is closed:
//!
//! ```text
//! t(p) = (2 p - 1) / sqrt(2 p (1 - p))
//! ```
//!
//! So the draws are made in order, from the highest down: of `n` uniform numbers the highest is `u^(1/n)`, the
//! next one that times `u^(1/(n - 1))`, and each belongs to any child that has none yet. It ends where no
//! child left could win, not even with the highest `m` and the highest `s`. The winner is distributed as if all had
//! drawn, and as `t` falls off slowly at the top, a few draws are enough however many children there are.
//!
//! Source: Devroye 1986, "Non-Uniform Random Variate Generation" (uniform order statistics).

use tts_core::seed::Rng;

use super::posterior::{Prior, Seen};

/// A child with one score: its mean is `m + s t`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Single {
    pub(super) place: usize,
    m: f64,
    s: f64,
}

/// The children of one solution that have one score each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Singles {
    all: Vec<Single>,
    /// No `m` and no `s` was ever higher.
    m: f64,
    s: f64,
}

impl Default for Singles {
    fn default() -> Self {
        Self { all: Vec::new(), m: f64::NEG_INFINITY, s: 0.0 }
    }
}

impl Single {
    /// A child that has seen this; `None` where its draws have no closed quantile.
    pub(super) fn of(place: usize, prior: Prior, seen: &Seen) -> Option<Self> {
        match prior {
            Prior::Gaussian(prior) if seen.n == 1 && (prior.nu - 1.0).abs() < f64::EPSILON => {
                let after = prior.after(seen);
                Some(Self { place, m: after.m, s: (after.tau2 / after.kappa).sqrt() })
            }
            _ => None,
        }
    }
}

impl Singles {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// With one more; its slot.
    pub(super) fn add(&mut self, single: Single) -> usize {
        (self.m, self.s) = (self.m.max(single.m), self.s.max(single.s));
        self.all.push(single);
        self.all.len() - 1
    }

    /// Without the one in this slot; the place that has moved there.
    pub(super) fn remove(&mut self, slot: usize) -> Option<usize> {
        self.all.swap_remove(slot);
        self.all.get(slot).map(|moved| moved.place)
    }

    /// The place with the highest draw, where that is above `best`, and the number of draws that it took.
    /// Those that drew change slots, which `moved` is told.
    pub(super) fn race(
        &mut self,
        mut best: f64,
        rng: &mut Rng,
        mut moved: impl FnMut(usize, usize),
    ) -> (Option<usize>, u64) {
        let (mut winner, mut top, mut left) = (None, 1.0_f64, self.all.len());
        let mut draws = 0;
        while left > 0 {
            top *= (1.0 - rng.uniform()).powf(1.0 / left as f64);
            // The quantile of 1 is no number.
            top = top.min(1.0 - f64::EPSILON / 2.0);
            let t = (2.0 * top - 1.0) / (2.0 * top * (1.0 - top)).sqrt();
            draws += 1;
            if t >= 0.0 && self.s.mul_add(t, self.m) <= best {
                break;
            }
            let slot = rng.below(left);
            left -= 1;
            self.all.swap(slot, left);
            let Single { place, m, s } = self.all[left];
            moved(self.all[slot].place, slot);
            moved(place, left);
            let draw = s.mul_add(t, m);
            if draw > best {
                (winner, best) = (Some(place), draw);
            }
        }
        (winner, draws)
    }
}

#[cfg(test)]
mod tests {
    use tts_core::seed;

    use super::*;
    use crate::tree::ab_mcts::posterior::Gaussian;

    const DRAWS: u32 = 60_000;

    /// How often each of these children wins; last, how often none of them.
    fn shares(scores: &[f64], mut race: impl FnMut(&mut Rng) -> Option<usize>) -> Vec<f64> {
        let mut wins = vec![0_u32; scores.len() + 1];
        let mut rng = seed::rng(11);
        for _ in 0..DRAWS {
            wins[race(&mut rng).unwrap_or(scores.len())] += 1;
        }
        wins.into_iter().map(|n| f64::from(n) / f64::from(DRAWS)).collect()
    }

    /// The law of the winner is that of independent draws. A share of 60,000 races has a standard deviation of
    /// 0.0021 at most, a difference of two of 0.0029; five of these are 0.0145. Winners of the extreme
    /// scores have shares of 0.1 to 0.5: assigning draws by slot, not by chance, or ending at the
    /// second draw, moves one by more than that.
    #[test]
    fn the_winner_is_that_of_independent_draws() {
        for (scores, outside) in [
            (vec![0.1, 0.2, 0.5, 0.9, 0.9, 0.0, 0.4], -9.0),
            (vec![0.0, 0.0, 0.0, 0.0, 1.0], 0.8),
            (vec![0.7], 0.4),
            (vec![0.3, 0.3], 0.1),
        ] {
            let prior = Prior::Gaussian(Gaussian::default());
            let seen = |score: f64| {
                let mut seen = Seen::default();
                seen.tell(score);
                seen
            };
            let mut singles = Singles::default();
            for (place, &score) in scores.iter().enumerate() {
                let single = Single::of(place, prior, &seen(score)).expect("one score");
                assert_eq!(singles.add(single), place);
            }
            let fast = shares(&scores, |rng| singles.race(outside, rng, |_, _| ()).0);
            let plain = shares(&scores, |rng| {
                let (mut winner, mut best) = (None, outside);
                for (place, &score) in scores.iter().enumerate() {
                    let draw = prior.draw(&seen(score), rng);
                    if draw > best {
                        (winner, best) = (Some(place), draw);
                    }
                }
                winner
            });
            for (place, (fast, plain)) in fast.iter().zip(&plain).enumerate() {
                assert!((fast - plain).abs() < 0.0145, "{scores:?}: {place}: {fast}, {plain}");
            }
        }
    }

    #[test]
    fn slots_are_told_as_they_change() {
        let mut seen = Seen::default();
        seen.tell(0.5);
        let (mut singles, mut rng) = (Singles::default(), seed::rng(2));
        let single = |place| Single::of(place, Prior::default(), &seen).expect("one score");
        let mut slots: Vec<usize> = (0..40).map(|place| singles.add(single(place))).collect();
        for _ in 0..30 {
            singles.race(f64::NEG_INFINITY, &mut rng, |place, slot| slots[place] = slot);
            for (slot, single) in singles.all.iter().enumerate() {
                assert_eq!(slots[single.place], slot);
            }
        }
        let first = singles.all[0].place;
        let last = singles.all[39].place;
        assert_eq!(singles.remove(0), Some(last));
        assert!(singles.all.iter().all(|single| single.place != first));
        assert_eq!(singles.remove(38), None);
    }

    #[test]
    fn only_one_score_and_a_variance_worth_one_has_a_closed_law() {
        let mut seen = Seen::default();
        assert_eq!(Single::of(0, Prior::default(), &seen), None);
        seen.tell(0.5);
        let single = Single::of(3, Prior::default(), &seen).expect("one score");
        assert_eq!((single.place, single.m), (3, 0.25));
        assert!((single.s - (0.1125_f64 / 2.0).sqrt()).abs() < 1e-12);
        let other = Gaussian { nu: 2.0, ..Gaussian::default() };
        assert_eq!(Single::of(0, Prior::Gaussian(other), &seen), None);
        assert_eq!(Single::of(0, Prior::Beta(super::super::Beta::default()), &seen), None);
        seen.tell(0.5);
        assert_eq!(Single::of(0, Prior::default(), &seen), None);
    }
}
