//! Variant M: one model of all solutions of a place, in which what is known of one child says something of the
//! others.
//!
//! ```text
//! a score below child j:  y ~ N(a_j, within^2)         a_j ~ N(m, between^2), also of a child that is yet to be
//! m ~ N(mean, spread^2)     between ~ |N(0, between_0^2)|     within ~ |N(0, within_0^2)|
//! ```
//!
//! Where all solutions of a place were alike, another one will be like them, and where they differ, it may be
//! better than all: how likely a new child is to win follows from the children there are, which separate arms
//! cannot know of each other. A draw is a score below each child, and one of a new child, from what the
//! scores say together.
//!
//! The published search fits this by a Markov chain at each place that it visits, which takes seconds. It is not
//! needed: given the two deviations, all else is normal, and its integral is closed. So the two are drawn from their
//! joint law on a grid of 32 by 48, even in the logarithm of the whole variance `between^2 + within^2` and in the
//! log-odds of the share of it that is between children, and evenly within the cell that was drawn. Many scores leave
//! few of its cells, and then a finer grid is laid over these: children with a score each tell the whole variance and
//! nothing of its parts, which in these two is a stripe. Then `m` is drawn, then every `a_j`, then the scores. With `n_j` scores of mean `x_j` and sum of
//! squares `W_j` about it, and `w_j = n_j / (within^2 + n_j between^2)`, the logarithm of their density is, up to a
//! constant,
//!
//! ```text
//! -1/2 sum [ (n_j - 1) ln within^2 + ln(within^2 + n_j between^2) + W_j / within^2 ]
//! -1/2 [ ln P + sum w_j d_j^2 - (sum w_j d_j)^2 / P ]      d_j = x_j - mean,  P = 1/spread^2 + sum w_j
//! ```
//!
//! Children with as many scores share their `w`, so that the grid costs as much as there are different numbers.
//! The scores of equal solutions would let `within` go to 0; the grid ends before.
//!
//! Source: Inoue et al. 2025 (arXiv 2503.04412), section 3.3, with the priors and the pruning of its released
//! program; Gelman et al. 2013, "Bayesian Data Analysis", section 5.4, for drawing such a model without a chain.

use serde::{Deserialize, Serialize};
use tts_core::seed::Rng;

use super::posterior::Seen;

/// Rows of the grid, by the whole variance.
const ROWS: usize = 32;
/// Its columns, by the share that is between children.
const COLUMNS: usize = 48;
/// Cells along a side that a law must reach over, or the grid is laid anew.
const REACH: usize = 12;
/// How often it is laid, at most.
const LAID: usize = 5;
/// A cell counts if it is at least so likely as the likeliest.
const LIKELY: f64 = 1e-4;
/// The least deviation of the grid, in that of its prior.
const LEAST: f64 = 1.0 / 128.0;
/// The most.
const MOST: f64 = 4.0;

/// What is thought of the children of a place before any is there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mixed {
    /// The mean of all scores.
    pub mean: f64,
    /// Its standard deviation.
    pub spread: f64,
    /// How far the means of children are apart: the scale of a half-normal standard deviation.
    pub between: f64,
    /// How far the scores below one child are apart, likewise.
    pub within: f64,
    /// Children that are given up; none for never.
    pub prune: Option<Prune>,
}

/// When a child is given up: nothing new comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prune {
    /// Solutions below it, itself included, from which on it can be.
    pub least: u32,
    /// The share of them that have one and the same score, to a hundredth.
    pub share: f64,
}

impl Default for Prune {
    /// Three of four.
    fn default() -> Self {
        Self { least: 4, share: 0.75 }
    }
}

impl Default for Mixed {
    /// Half of all is reached on average; the published scales.
    fn default() -> Self {
        Self { mean: 0.5, spread: 0.2, between: 0.2, within: 0.3, prune: Some(Prune::default()) }
    }
}

/// What a draw says.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// A score below each child.
    pub children: Vec<f64>,
    /// A score of a new child.
    pub new: f64,
}

/// Children with as many scores.
#[derive(Debug, Clone, Copy, Default)]
struct Class {
    n: f64,
    children: f64,
    /// Of the children's means less the prior's.
    sum: f64,
    squares: f64,
}

/// What the scores of all children come to.
struct Scores {
    classes: Vec<Class>,
    /// Scores beyond the first of each child.
    further: f64,
    /// Squares about the children's means.
    spread: f64,
}

/// `m` given the deviations: precision times mean, and precision.
struct Centre {
    weighted: f64,
    precision: f64,
}

/// A side of the grid: a stretch, in so many cells.
#[derive(Debug, Clone, Copy)]
struct Side {
    from: f64,
    to: f64,
    cells: usize,
}

impl Side {
    /// What stands at a place along it.
    fn at(self, place: f64) -> f64 {
        ((self.to - self.from) / self.cells as f64).mul_add(place, self.from)
    }

    /// These cells and their neighbours, no further than there are cells.
    fn between(self, first: usize, last: usize) -> Self {
        let (from, to) = (first.saturating_sub(1), (last + 2).min(self.cells));
        Self { from: self.at(from as f64), to: self.at(to as f64), ..self }
    }
}

/// The deviations between children and within them, of a whole variance and a share in their coordinates.
fn parts(log_variance: f64, log_odds: f64) -> (f64, f64) {
    let share = 1.0 / (1.0 + (-log_odds).exp());
    let rest = 1.0 / (1.0 + log_odds.exp());
    let variance = log_variance.exp();
    ((variance * share).sqrt(), (variance * rest).sqrt())
}

impl Mixed {
    fn scores(&self, children: &[Seen]) -> Scores {
        let mut scores = Scores { classes: Vec::new(), further: 0.0, spread: 0.0 };
        for seen in children {
            let n = f64::from(seen.n);
            let mean = if seen.n == 0 { self.mean } else { seen.sum / n };
            let off = mean - self.mean;
            let known = scores.classes.iter().position(|class| class.n.total_cmp(&n).is_eq());
            let place = known.unwrap_or(scores.classes.len());
            if known.is_none() {
                scores.classes.push(Class { n, ..Class::default() });
            }
            let class = &mut scores.classes[place];
            class.children += 1.0;
            class.sum += off;
            class.squares += off * off;
            scores.further += n - 1.0;
            // Rounding may leave a little less than nothing of equal scores.
            scores.spread += (seen.squares - seen.sum * mean).max(0.0);
        }
        scores
    }

    /// The centre, and the logarithm of the density of the scores, up to a constant.
    fn centre(&self, scores: &Scores, between: f64, within: f64) -> (Centre, f64) {
        let (between2, within2) = (between * between, within * within);
        let mut centre = Centre { weighted: 0.0, precision: self.spread.powi(-2) };
        let (mut logs, mut squares) = (0.0, 0.0);
        for class in &scores.classes {
            let variance = class.n.mul_add(between2, within2);
            let weight = class.n / variance;
            centre.precision += class.children * weight;
            centre.weighted += class.sum * weight;
            squares += class.squares * weight;
            logs += class.children * variance.ln();
        }
        let about = squares - centre.weighted.powi(2) / centre.precision;
        let further = scores.further.mul_add(within2.ln(), scores.spread / within2);
        let density = -0.5 * (further + logs + centre.precision.ln() + about);
        (centre, density)
    }

    /// The sides of a grid over all that is thought of before.
    fn sides(&self) -> [Side; 2] {
        let least = self.between.min(self.within) * LEAST;
        let most = (self.between.powi(2) + self.within.powi(2)).sqrt() * MOST;
        let odds = |between: f64, within: f64| 2.0 * (between / within).ln();
        [
            Side { from: 2.0 * least.ln(), to: 2.0 * most.ln(), cells: ROWS },
            Side {
                from: odds(self.between * LEAST, self.within * MOST),
                to: odds(self.between * MOST, self.within * LEAST),
                cells: COLUMNS,
            },
        ]
    }

    /// How likely each cell of the grid is, row by row: up to a factor, which from the logarithms of the deviations
    /// to these sides is a constant.
    fn cells(&self, scores: &Scores, [rows, columns]: &[Side; 2]) -> Vec<f64> {
        // Half-normal, and even in the logarithm.
        let prior = |unit: f64| unit.ln() - 0.5 * unit * unit;
        let mut cells = Vec::with_capacity(ROWS * COLUMNS);
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let (between, within) =
                    parts(rows.at(row as f64 + 0.5), columns.at(column as f64 + 0.5));
                let (_, density) = self.centre(scores, between, within);
                cells.push(density + prior(between / self.between) + prior(within / self.within));
            }
        }
        let most = cells.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for cell in &mut cells {
            *cell = (*cell - most).exp();
        }
        cells
    }

    /// A grid over what is likely, and how likely each of its cells is.
    fn grid(&self, scores: &Scores) -> ([Side; 2], Vec<f64>) {
        let mut sides = self.sides();
        let mut cells = self.cells(scores, &sides);
        for _ in 1..LAID {
            let mut reaches = [(usize::MAX, 0); 2];
            for place in (0..cells.len()).filter(|&place| cells[place] >= LIKELY) {
                for (reach, at) in reaches.iter_mut().zip([place / COLUMNS, place % COLUMNS]) {
                    *reach = (reach.0.min(at), reach.1.max(at));
                }
            }
            if reaches.iter().all(|(first, last)| last.saturating_sub(*first) >= REACH) {
                break;
            }
            for (side, (first, last)) in sides.iter_mut().zip(reaches) {
                *side = side.between(first.min(last), last);
            }
            cells = self.cells(scores, &sides);
        }
        (sides, cells)
    }

    /// The standard deviations between children and within them, drawn from what the scores say.
    fn deviations(&self, scores: &Scores, rng: &mut Rng) -> (f64, f64) {
        let ([rows, columns], cells) = self.grid(scores);
        let mut left = rng.uniform() * cells.iter().sum::<f64>();
        let place = cells.iter().position(|cell| {
            left -= cell;
            left < 0.0
        });
        // By rounding alone nothing is left over for none.
        let place = place.unwrap_or(cells.len() - 1);
        let row = rows.at((place / COLUMNS) as f64 + rng.uniform());
        parts(row, columns.at((place % COLUMNS) as f64 + rng.uniform()))
    }

    /// A score below each child and one of a new child, drawn together from what all scores say.
    ///
    /// ```
    /// use tts_core::seed;
    /// use tts_search::tree::ab_mcts::{Mixed, Seen};
    /// let child = |scores: &[f64]| {
    ///     let mut seen = Seen::default();
    ///     scores.iter().for_each(|&score| seen.tell(score));
    ///     seen
    /// };
    /// let drawn = Mixed::default().draw(&[child(&[0.9; 20]), child(&[0.1; 20])], &mut seed::rng(1));
    /// assert!(drawn.children[0] > drawn.children[1]);
    /// ```
    pub fn draw(&self, children: &[Seen], rng: &mut Rng) -> Drawn {
        let scores = self.scores(children);
        let (between, within) = self.deviations(&scores, rng);
        let (centre, _) = self.centre(&scores, between, within);
        let Centre { weighted, precision } = centre;
        let m = rng.normal().mul_add(precision.sqrt().recip(), self.mean + weighted / precision);
        let (between2, within2) = (between * between, within * within);
        let below = |seen: &Seen| {
            let precision = between2.recip() + f64::from(seen.n) / within2;
            let mean = (m / between2 + seen.sum / within2) / precision;
            rng.normal().mul_add((precision.recip() + within2).sqrt(), mean)
        };
        let children = children.iter().map(below).collect();
        let new = rng.normal().mul_add((between2 + within2).sqrt(), m);
        Drawn { children, new }
    }

    /// # Errors
    /// A sentence that names the field that is out of range.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { mean, spread, between, within, prune } = *self;
        if !(-1e3..=1e3).contains(&mean) {
            return Err(format!("prior.mean is {mean}, expected -1000 to 1000"));
        }
        let positive = [("spread", spread), ("between", between), ("within", within)];
        // Scores lie between 0 and 1; squares of what is far from that are no numbers.
        let bad = |value: f64| !(1e-6..=1e3).contains(&value);
        if let Some((name, value)) = positive.into_iter().find(|&(_, value)| bad(value)) {
            return Err(format!("prior.{name} is {value}, expected 0.000001 to 1000"));
        }
        match prune {
            Some(Prune { least: 0, .. }) => {
                Err("prior.prune.least is 0, expected at least 1".into())
            }
            Some(Prune { share, .. }) if !(share > 0.0 && share <= 1.0) => {
                Err(format!("prior.prune.share is {share}, expected 0 < share <= 1"))
            }
            _ => Ok(()),
        }
    }
}

/// How often each score was seen, to a hundredth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Alike(Vec<(u8, u32)>);

impl Alike {
    pub(super) fn tell(&mut self, score: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let hundredths = (100.0 * score.clamp(0.0, 1.0)).round() as u8;
        match self.0.iter_mut().find(|(known, _)| *known == hundredths) {
            Some((_, count)) => *count += 1,
            None => self.0.push((hundredths, 1)),
        }
    }
}

impl Prune {
    /// Whether nothing new comes of a child with these scores.
    pub(super) fn gives_up(self, alike: &Alike) -> bool {
        let all: u32 = alike.0.iter().map(|(_, count)| count).sum();
        let most = alike.0.iter().map(|&(_, count)| count).max().unwrap_or(0);
        all >= self.least && f64::from(most) >= self.share * f64::from(all)
    }
}

#[cfg(test)]
mod tests {
    use tts_core::seed;

    use super::*;

    const DRAWS: u32 = 6_000;

    fn seen(scores: &[f64]) -> Seen {
        let mut seen = Seen::default();
        for &score in scores {
            seen.tell(score);
        }
        seen
    }

    /// What a program that knows nothing of the closed integral says of these children: dense covariances of all
    /// scores on a grid of 250 by 250, 400,000 draws (`scripts/golden/ab_mcts_m.py law`). Mean and deviation of a score below each child and
    /// of a new one, how often each is the highest, the deviations' means.
    struct Golden {
        children: &'static [&'static [f64]],
        mean: &'static [f64],
        deviation: &'static [f64],
        best: &'static [f64],
        between: f64,
        within: f64,
    }

    const GOLDEN: [Golden; 4] = [
        Golden {
            children: &[&[0.4]],
            mean: &[0.4338, 0.4562],
            deviation: &[0.2895, 0.3418],
            best: &[0.4722, 0.5278],
            between: 0.141_56,
            within: 0.195_07,
        },
        Golden {
            children: &[&[0.1, 0.15, 0.2], &[0.8, 0.9, 0.85, 0.8], &[0.5]],
            mean: &[0.1602, 0.8302, 0.5, 0.499],
            deviation: &[0.0877, 0.0847, 0.1026, 0.3313],
            best: &[0.0006, 0.84, 0.01, 0.1493],
            between: 0.284_81,
            within: 0.067_47,
        },
        Golden {
            children: &[&[0.5, 0.52], &[0.48], &[0.51, 0.5], &[0.49], &[0.5]],
            mean: &[0.5048, 0.4915, 0.5022, 0.4954, 0.4995, 0.4987],
            deviation: &[0.0206, 0.0223, 0.0205, 0.0216, 0.0213, 0.0295],
            best: &[0.2602, 0.0857, 0.1947, 0.11, 0.1551, 0.1942],
            between: 0.014_35,
            within: 0.015_83,
        },
        Golden {
            children: &[&[0.1], &[0.9], &[0.3], &[0.7], &[0.2], &[0.6]],
            mean: &[0.3277, 0.6461, 0.4063, 0.5657, 0.3685, 0.5266, 0.4768],
            deviation: &[0.3398, 0.3463, 0.3214, 0.3245, 0.3289, 0.3177, 0.3679],
            best: &[0.0688, 0.3571, 0.0819, 0.1558, 0.075, 0.1259, 0.1356],
            between: 0.180_71,
            within: 0.247_81,
        },
    ];

    /// The grid has no luck: its means are the other program's to 1 %, which is what its width allows.
    #[test]
    fn deviations_have_the_law_of_a_dense_computation() {
        for golden in GOLDEN {
            let mixed = Mixed::default();
            let children: Vec<Seen> = golden.children.iter().map(|scores| seen(scores)).collect();
            let (between, within) = means(mixed, &children);
            for (found, expected) in [(between, golden.between), (within, golden.within)] {
                assert!((found / expected - 1.0).abs() < 0.01, "{found}, expected {expected}");
            }
        }
    }

    /// The means of both deviations on the grid.
    fn means(mixed: Mixed, children: &[Seen]) -> (f64, f64) {
        let ([rows, columns], cells) = mixed.grid(&mixed.scores(children));
        let sum: f64 = cells.iter().sum();
        let (mut between, mut within) = (0.0, 0.0);
        for (place, cell) in cells.iter().enumerate() {
            let row = rows.at((place / COLUMNS) as f64 + 0.5);
            let (own, rest) = parts(row, columns.at((place % COLUMNS) as f64 + 0.5));
            between += cell / sum * own;
            within += cell / sum * rest;
        }
        (between, within)
    }

    /// What many scores say is sharper than a cell of the first grid, which is 21 % wide. Of 400 scores that are
    /// each as far from the mean of their child, `within` is that to 1 %.
    #[test]
    fn many_scores_are_told_apart_finely() {
        for deviation in [0.09, 0.1, 0.11, 0.12] {
            let scores = |mean: f64| {
                let sides = [mean - deviation, mean + deviation];
                seen(&sides.repeat(100))
            };
            let (_, within) = means(Mixed::default(), &[scores(0.4), scores(0.6)]);
            let expected = deviation * (400.0_f64 / 398.0).sqrt();
            assert!((within / expected - 1.0).abs() < 0.01, "{deviation}: {within}, {expected}");
        }
    }

    /// Children with a score each tell the whole variance and nothing of its parts. Means of `between` by a grid of
    /// 700 by 700 of the deviations themselves; scores are normal quantiles.
    #[test]
    fn many_children_of_one_score_are_a_stripe() {
        for (count, deviation, expected) in [(400, 0.12, 0.0755), (1_000, 0.15, 0.0933)] {
            let children: Vec<Seen> = (0..count)
                .map(|i| {
                    seen(&[0.5 + deviation * quantile((f64::from(i) + 0.5) / f64::from(count))])
                })
                .collect();
            let (between, _) = means(Mixed::default(), &children);
            assert!((between / expected - 1.0).abs() < 0.02, "{count}: {between}, {expected}");
        }
    }

    /// The standard normal quantile, by bisection of an integral.
    fn quantile(p: f64) -> f64 {
        let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let below = |x: f64| {
            let step = x / 200.0;
            let inner = |i: i32| density(step * (f64::from(i) + 0.5));
            0.5 + step * (0..200).map(inner).sum::<f64>()
        };
        let (mut low, mut high) = (-6.0, 6.0);
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            if below(middle) < p { low = middle } else { high = middle }
        }
        low
    }

    /// Bounds are five standard errors of 6,000 draws.
    #[test]
    fn draws_have_the_law_of_a_dense_computation() {
        let n = f64::from(DRAWS);
        for golden in GOLDEN {
            let children: Vec<Seen> = golden.children.iter().map(|scores| seen(scores)).collect();
            let arms = children.len() + 1;
            let (mut sums, mut squares) = (vec![0.0; arms], vec![0.0; arms]);
            let mut wins = vec![0.0; arms];
            let mut rng = seed::rng(5);
            for _ in 0..DRAWS {
                let Drawn { children: mut draws, new } = Mixed::default().draw(&children, &mut rng);
                draws.push(new);
                for (arm, draw) in draws.iter().enumerate() {
                    sums[arm] += draw;
                    squares[arm] += draw * draw;
                }
                let best = (0..arms).max_by(|&a, &b| draws[a].total_cmp(&draws[b]));
                wins[best.expect("an arm")] += 1.0;
            }
            for arm in 0..arms {
                let (mean, expected) = (sums[arm] / n, golden.mean[arm]);
                let deviation = golden.deviation[arm];
                assert!((mean - expected).abs() < 5.0 * deviation / n.sqrt(), "{arm}: {mean}");
                // Tails are heavier than a normal law's, whose fourth moment would give a half.
                let found = (squares[arm] / n - mean * mean).sqrt();
                assert!((found / deviation - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{arm}: {found}");
                let (share, p) = (wins[arm] / n, golden.best[arm]);
                let error = (p * (1.0 - p) / n).sqrt();
                assert!((share - p).abs() < 5.0 * error + 1e-3, "{arm}: {share}, expected {p}");
            }
        }
    }

    #[test]
    fn one_that_was_never_asked_is_like_a_new_one() {
        let roles = [seen(&[]), seen(&[0.4, 0.6])];
        let mut rng = seed::rng(2);
        let higher = (0..DRAWS).filter(|_| {
            let drawn = Mixed::default().draw(&roles, &mut rng);
            drawn.children[0] > drawn.new
        });
        // Five standard errors of a half.
        let share = higher.count() as f64 / f64::from(DRAWS);
        assert!((share - 0.5).abs() < 0.033, "{share}");
    }

    #[test]
    fn equal_scores_and_many_scores_are_no_trouble() {
        let mut rng = seed::rng(3);
        for children in
            [vec![(0.7, 300), (0.7, 200)], vec![(0.0, 50); 30], vec![(0.1, 9_000), (0.9, 9_000)]]
        {
            let all: Vec<Seen> =
                children.iter().map(|&(score, count)| seen(&vec![score; count])).collect();
            for _ in 0..20 {
                let drawn = Mixed::default().draw(&all, &mut rng).children;
                for (draw, (score, _)) in drawn.iter().zip(&children) {
                    assert!((draw - score).abs() < 0.02, "{drawn:?}");
                }
            }
        }
    }

    #[test]
    fn three_of_four_alike_are_given_up() {
        let prune = Prune::default();
        let gives_up = |scores: &[f64]| {
            let mut alike = Alike::default();
            for &score in scores {
                alike.tell(score);
            }
            prune.gives_up(&alike)
        };
        assert!(gives_up(&[0.3, 0.3, 0.9, 0.3]));
        assert!(gives_up(&[0.301, 0.3, 0.9, 0.299]));
        assert!(!gives_up(&[0.3, 0.3, 0.3]));
        assert!(!gives_up(&[0.3, 0.32, 0.3, 0.9]));
        assert!(!gives_up(&[0.3, 0.3, 0.3, 0.9, 0.9]));
        assert!(!gives_up(&[]));
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let base = Mixed::default();
        let prune = |least, share| Some(Prune { least, share });
        for (mixed, expected) in [
            (Mixed { mean: f64::NAN, ..base }, "prior.mean is NaN, expected -1000 to 1000"),
            (Mixed { spread: 0.0, ..base }, "prior.spread is 0, expected 0.000001 to 1000"),
            (Mixed { spread: 1e200, ..base }, "prior.spread is 1"),
            (Mixed { between: 1e200, ..base }, "prior.between is 1"),
            (Mixed { between: -1.0, ..base }, "prior.between is -1, expected 0.000001 to 1000"),
            (Mixed { within: 1e-200, ..base }, "prior.within is"),
            (Mixed { within: f64::INFINITY, ..base }, "prior.within is inf, expected"),
            (Mixed { prune: prune(0, 0.5), ..base }, "prior.prune.least is 0, expected at least 1"),
            (Mixed { prune: prune(1, 0.0), ..base }, "prior.prune.share is 0, expected 0 < share"),
            (Mixed { prune: prune(1, 1.5), ..base }, "prior.prune.share is 1.5, expected 0 < sh"),
        ] {
            let found = mixed.check().expect_err(expected);
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(Mixed { prune: None, ..base }.check(), Ok(()));
        assert_eq!(base.check(), Ok(()));
    }
}
