//! Many children: which has the highest mean, when one is drawn for every one of them.
//!
//! A wide tree has thousands of children, and a descent would draw thousands of numbers to use the highest.
//! Where the prior's variance is worth one score (`nu` of 1, the default), the mean of a child with `n` scores
//! is `m + s t`, where `t` follows Student's law of `n + 1` degrees of freedom. That of two has a closed
//! quantile, and those of more lie below it at the top:
//!
//! ```text
//! t_2(p) = (2 p - 1) / sqrt(2 p (1 - p))        t_n(p) <= t_2(p)  for  p >= 1/2
//! ```
//!
//! So the draws are made in order, from the highest down: of `n` uniform numbers the highest is `u^(1/n)`, the
//! next one that times `u^(1/(n - 1))`, and each belongs to any child that has none yet. It ends where no child
//! left could win, not even with the highest `m` and the highest `s`. The winner is distributed as if all had
//! drawn, and as `t` falls off fast from its top, a few draws are enough however many there are. Each law has a
//! heat of its own, for under a bound by the law of two most of a heat of others would have to draw. Quantiles
//! of the others are found by bisection, and only where the law of two does not settle it. Children with
//! more than 16 scores, of which there are few, do not take part: they draw for themselves.
//!
//! Source: Devroye 1986, "Non-Uniform Random Variate Generation" (uniform order statistics); Abramowitz and
//! Stegun 1964, 26.7.3 and 26.7.4 (Student's law of a whole number of degrees of freedom).

use std::f64::consts::FRAC_2_PI;

use tts_core::seed::Rng;

use super::posterior::{Prior, Seen};

/// The most scores of a child that takes part.
const MOST: u32 = 16;

/// A child whose mean is `m + s t`, with `t` of `nu` degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Runner {
    pub(super) place: usize,
    m: f64,
    s: f64,
    nu: u32,
}

/// Children of one solution with as many scores each.
#[derive(Debug, Clone, PartialEq)]
struct Heat {
    all: Vec<Runner>,
    /// No `m` and no `s` was ever higher.
    m: f64,
    s: f64,
}

impl Default for Heat {
    fn default() -> Self {
        Self { all: Vec::new(), m: f64::NEG_INFINITY, s: 0.0 }
    }
}

/// The children of one solution that take part, by their degrees of freedom, from 2 on.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Race(Vec<Heat>);

impl Runner {
    /// A child that has seen this; `None` where it draws for itself.
    pub(super) fn of(place: usize, prior: Prior, seen: &Seen) -> Option<Self> {
        match prior {
            Prior::Gaussian(prior)
                if (1..=MOST).contains(&seen.n) && (prior.nu - 1.0).abs() < f64::EPSILON =>
            {
                let after = prior.after(seen);
                let s = (after.tau2 / after.kappa).sqrt();
                Some(Self { place, m: after.m, s, nu: seen.n + 1 })
            }
            _ => None,
        }
    }
}

/// The quantile of Student's law of two degrees of freedom.
fn of_two(p: f64) -> f64 {
    (2.0 * p - 1.0) / (2.0 * p * (1.0 - p)).sqrt()
}

/// The probability of at most `t = sqrt(nu) tan(a)` on either side, from `cos(a)`.
fn central(nu: u32, cos: f64) -> f64 {
    let square = cos * cos;
    let sin = (1.0 - square).sqrt();
    let odd = nu % 2;
    let mut term = if odd == 1 { cos } else { 1.0 };
    let mut sum = term;
    for k in (2 + odd..nu - 1).step_by(2) {
        term *= square * f64::from(k - 1) / f64::from(k);
        sum += term;
    }
    if odd == 1 { FRAC_2_PI * (cos.acos() + sin * sum) } else { sin * sum }
}

/// The quantile of Student's law of `nu` degrees of freedom, at least 2.
fn quantile(nu: u32, p: f64) -> f64 {
    if nu == 2 {
        return of_two(p);
    }
    let inside = (2.0 * p - 1.0).abs();
    let (mut low, mut high) = (0.0, 1.0);
    // As many halves as a number has digits.
    for _ in 0..60 {
        let cos = f64::midpoint(low, high);
        if central(nu, cos) > inside {
            low = cos;
        } else {
            high = cos;
        }
    }
    let t = (f64::from(nu) * (1.0 - high * high)).sqrt() / high;
    if p < 0.5 { -t } else { t }
}

impl Heat {
    /// The place with the highest draw, where that is above `best`, with it, and the number of draws that
    /// it took.
    fn run(
        &mut self,
        mut best: f64,
        rng: &mut Rng,
        moved: &mut impl FnMut(usize, usize),
    ) -> (Option<(usize, f64)>, u64) {
        let (mut winner, mut top, mut left) = (None, 1.0_f64, self.all.len());
        let mut draws = 0;
        while left > 0 {
            top *= (1.0 - rng.uniform()).powf(1.0 / left as f64);
            // The quantile of 1 is no number, nor is that of 0.
            top = top.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0);
            draws += 1;
            let cannot_win = |t: f64| t >= 0.0 && self.s.mul_add(t, self.m) <= best;
            if cannot_win(of_two(top)) {
                break;
            }
            let t = quantile(self.all[0].nu, top);
            if cannot_win(t) {
                break;
            }
            let slot = rng.below(left);
            left -= 1;
            self.all.swap(slot, left);
            let Runner { place, m, s, .. } = self.all[left];
            moved(self.all[slot].place, slot);
            moved(place, left);
            let draw = s.mul_add(t, m);
            if draw > best {
                (winner, best) = (Some((place, draw)), draw);
            }
        }
        (winner, draws)
    }
}

impl Race {
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|heat| heat.all.is_empty())
    }

    /// With one more; its slot.
    pub(super) fn add(&mut self, runner: Runner) -> usize {
        let number = runner.nu as usize - 2;
        if self.0.len() <= number {
            self.0.resize_with(number + 1, Heat::default);
        }
        let heat = &mut self.0[number];
        (heat.m, heat.s) = (heat.m.max(runner.m), heat.s.max(runner.s));
        heat.all.push(runner);
        heat.all.len() - 1
    }

    /// Without the one in this slot, which has so many scores; the place that has moved there.
    pub(super) fn remove(&mut self, scores: u32, slot: usize) -> Option<usize> {
        let heat = &mut self.0[scores as usize - 1];
        heat.all.swap_remove(slot);
        heat.all.get(slot).map(|moved| moved.place)
    }

    /// The place with the highest draw, where that is above `best`, and the number of draws that it took.
    /// Those that drew change slots, which `moved` is told.
    pub(super) fn run(
        &mut self,
        mut best: f64,
        rng: &mut Rng,
        mut moved: impl FnMut(usize, usize),
    ) -> (Option<usize>, u64) {
        let (mut winner, mut draws) = (None, 0);
        for heat in &mut self.0 {
            let (first, drawn) = heat.run(best, rng, &mut moved);
            draws += drawn;
            if let Some((place, draw)) = first {
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

    fn seen(scores: &[f64]) -> Seen {
        let mut seen = Seen::default();
        for &score in scores {
            seen.tell(score);
        }
        seen
    }

    #[test]
    fn quantiles_of_the_tables() {
        for (nu, p, expected) in [
            (2, 0.975, 4.302_652_7),
            (3, 0.975, 3.182_446_3),
            (4, 0.975, 2.776_445_1),
            (5, 0.95, 2.015_048_4),
            (10, 0.975, 2.228_138_9),
            (17, 0.975, 2.109_815_6),
            (3, 0.5, 0.0),
        ] {
            assert!((quantile(nu, p) - expected).abs() < 1e-6, "{nu}, {p}: {}", quantile(nu, p));
            assert!((quantile(nu, 1.0 - p) + expected).abs() < 1e-6, "{nu}, {p}");
            assert!(quantile(nu, p) <= of_two(p) + 1e-12);
        }
    }

    /// How often each of these children wins; last, how often none of them.
    fn shares(count: usize, mut race: impl FnMut(&mut Rng) -> Option<usize>) -> Vec<f64> {
        let mut wins = vec![0_u32; count + 1];
        let mut rng = seed::rng(11);
        for _ in 0..DRAWS {
            wins[race(&mut rng).unwrap_or(count)] += 1;
        }
        wins.into_iter().map(|n| f64::from(n) / f64::from(DRAWS)).collect()
    }

    /// The law of the winner is that of independent draws. A share of 60,000 races has a standard deviation of
    /// 0.0021 at most, a difference of two of 0.0029; five of these are 0.0145. Shares here are up to 0.5, so
    /// that a race that gave the highest draw to a fixed child, or ended at the second one, is seen.
    #[test]
    fn the_winner_is_that_of_independent_draws() {
        let children: [(&[&[f64]], f64); 5] = [
            (&[&[0.1], &[0.2], &[0.5], &[0.9], &[0.9], &[0.0], &[0.4]], -9.0),
            (&[&[0.0], &[0.0], &[0.0], &[0.0], &[1.0]], 0.8),
            (&[&[0.7]], 0.4),
            (&[&[0.3], &[0.3; 3], &[0.1, 0.9], &[0.5; 9], &[0.6; 16]], 0.1),
            (&[&[0.2, 0.3], &[0.9, 0.2, 0.4, 0.6]], f64::NEG_INFINITY),
        ];
        for (scores, outside) in children {
            let prior = Prior::Gaussian(Gaussian::default());
            let mut race = Race::default();
            for (place, scores) in scores.iter().enumerate() {
                let runner = Runner::of(place, prior, &seen(scores)).expect("takes part");
                race.add(runner);
            }
            let fast = shares(scores.len(), |rng| race.run(outside, rng, |_, _| ()).0);
            let plain = shares(scores.len(), |rng| {
                let (mut winner, mut best) = (None, outside);
                for (place, scores) in scores.iter().enumerate() {
                    let draw = prior.draw(&seen(scores), rng);
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
        let (mut race, mut rng) = (Race::default(), seed::rng(2));
        let runner = |place| Runner::of(place, Prior::default(), &seen(&[0.5])).expect("one score");
        let mut slots: Vec<usize> = (0..40).map(|place| race.add(runner(place))).collect();
        for _ in 0..30 {
            race.run(f64::NEG_INFINITY, &mut rng, |place, slot| slots[place] = slot);
            for (slot, runner) in race.0[0].all.iter().enumerate() {
                assert_eq!(slots[runner.place], slot);
            }
        }
        let (first, last) = (race.0[0].all[0].place, race.0[0].all[39].place);
        assert_eq!(race.remove(1, 0), Some(last));
        assert!(race.0[0].all.iter().all(|runner| runner.place != first));
        assert_eq!(race.remove(1, 38), None);
    }

    #[test]
    fn who_takes_part() {
        let of = |prior, scores: &[f64]| Runner::of(3, prior, &seen(scores));
        let runner = of(Prior::default(), &[0.5]).expect("one score");
        assert_eq!((runner.place, runner.nu), (3, 2));
        assert!((runner.m - 0.25).abs() < 1e-12);
        assert!((runner.s - (0.1125_f64 / 2.0).sqrt()).abs() < 1e-12);
        assert_eq!(of(Prior::default(), &[0.5; 16]).map(|runner| runner.nu), Some(17));
        assert_eq!(of(Prior::default(), &[]), None);
        assert_eq!(of(Prior::default(), &[0.5; 17]), None);
        let other = Gaussian { nu: 2.0, ..Gaussian::default() };
        assert_eq!(of(Prior::Gaussian(other), &[0.5]), None);
        assert_eq!(of(Prior::Beta(super::super::Beta::default()), &[0.5]), None);
    }
}
