//! What a policy learns from what it wrote itself: tokens that came out better than expected become likelier.
//!
//! With `p` the model's probability of a token, `q` that with which it was drawn and `A` its advantage, one
//! token has the loss
//!
//! ```text
//! L = -min(r A, clip(r, 1 - below, 1 + above) A) + beta (e^d - d - 1)      r = p / q,  d = ln reference - ln p
//! ```
//!
//! so that a policy that has moved away by more than the clip learns nothing more of that token, and one with a
//! reference model is held near it. The slope by `ln p` is `-(A r [not clipped]) + beta (1 - e^d)`, and the
//! gradient of the logits that of a next token of as much weight. With [`Ratio::Sequence`] `r` is one number for
//! all tokens, the exponential of the mean of their `ln p - ln q`, and clipped for all at once. With
//! [`Clipping::Weight`] the loss is `-clip(r, 1 - below, 1 + above) A ln p` with the clipped ratio as a number that is
//! given: it weighs a token, and no token ever stops to teach. Every scheme of the literature is a choice of these:
//!
//! | scheme | `weight` | `counts` | advantage |
//! |---|---|---|---|
//! | GRPO | 1 / tokens | 1 | reward less the group's mean, over its deviation |
//! | DAPO | 1 | tokens | the same; `clip` of 0.2 and 0.28, `beta` 0 |
//! | Dr. GRPO | 1 / a constant | 1 | reward less the group's mean |
//! | GSPO | 1 / tokens | 1 | as GRPO, with [`Ratio::Sequence`] and a small `clip` |
//! | CISPO | 1 | tokens | as GRPO, with [`Clipping::Weight`] and no bound below |
//! | RLOO, REINFORCE with a baseline | 1 | 1 | reward less the mean of the others', or less a baseline; no `clip` |
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1 (GRPO); Yu et al. 2025 (arXiv 2503.14476), section 3
//! (DAPO); Liu et al. 2025 (arXiv 2503.20783), section 3.2 (Dr. GRPO); Zheng et al. 2025 (arXiv 2507.18071), section
//! 4 (GSPO); `MiniMax` 2025 (arXiv 2506.13585), section 3.1 (CISPO); Ahmadian et al. 2024 (arXiv 2402.14740) (RLOO); for the divergence Schulman 2020, "Approximating KL
//! divergence".

use serde::{Deserialize, Serialize};

/// How likely tokens are, over how likely they were when they were drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ratio {
    /// Of each token.
    #[default]
    Token,
    /// Of the sequence: the geometric mean over its tokens.
    Sequence,
}

/// What the bounds of a ratio are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clipping {
    /// The loss: a token whose ratio has moved too far teaches nothing more.
    #[default]
    Loss,
    /// The weight: such a token teaches with the weight of the bound.
    Weight,
}

/// What is learnt of a continuation that was drawn, token by token.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyGoal {
    /// Index of the first token that was drawn, at least 1. As many tokens count as there are advantages; what
    /// stands behind them, as what stands before, is read only.
    pub first: usize,
    /// How much better each token was than expected, of any sign.
    pub advantage: Vec<f32>,
    /// The log-probability with which each was drawn, in nats.
    pub old: Vec<f32>,
    /// That of each under a reference model, in nats, for `beta`.
    pub reference: Option<Vec<f32>>,
    /// What each token's part of the loss is multiplied with, but for the reference's: truncated importance
    /// weights, where who drew was not quite who learns. None for 1.
    pub importance: Option<Vec<f32>>,
    /// Of what the ratio is.
    pub ratio: Ratio,
    /// How far below 1 and above it a ratio may move; infinite for no bound.
    pub clip: [f32; 2],
    /// What that bounds.
    pub clipping: Clipping,
    /// What a nat of divergence from the reference costs.
    pub beta: f32,
    /// What the loss of each token is multiplied with.
    pub weight: f32,
    /// What it adds to the divisor of an update, as the weight of a [`super::Target`] does.
    pub counts: f32,
}

impl Default for PolicyGoal {
    /// Of no tokens: clipped at 0.2 both ways, without a reference, of weight 1.
    fn default() -> Self {
        Self {
            first: 1,
            advantage: Vec::new(),
            old: Vec::new(),
            reference: None,
            importance: None,
            ratio: Ratio::Token,
            clip: [0.2, 0.2],
            clipping: Clipping::Loss,
            beta: 0.0,
            weight: 1.0,
            counts: 1.0,
        }
    }
}

/// What policy goals came to in an update, before it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PolicyFigures {
    /// Tokens that were drawn.
    pub tokens: u64,
    /// Of these, those whose ratio is clipped: of their advantage they learn nothing, or with [`Clipping::Weight`] with
    /// the weight of the bound.
    pub clipped: u64,
    /// How far the policy is from who drew: the sum over tokens of `r - 1 - ln r`, in nats.
    pub drift: f64,
    /// How far it is from the reference: the sum over tokens of `e^d - d - 1`, in nats.
    pub divergence: f64,
}

impl std::ops::AddAssign for PolicyFigures {
    fn add_assign(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.clipped += other.clipped;
        self.drift += other.drift;
        self.divergence += other.divergence;
    }
}

/// What one token comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Term {
    pub(super) loss: f64,
    /// The loss falls by so much for each nat that the token becomes likelier.
    pub(super) slope: f64,
    pub(super) figures: PolicyFigures,
}

/// A divergence beyond which figures say no more: sums of them stay numbers.
const FAR: f64 = 1e100;

/// `e^x - x - 1`.
fn excess(x: f64) -> f64 {
    x.exp_m1() - x
}

impl PolicyGoal {
    /// A policy's loss, its slope by `ln r`, and whether it is clipped.
    fn surrogate(&self, ratio: f64, advantage: f64) -> (f64, f64, bool) {
        // Whatever the ratio, of which a very unlikely token may have none that is a number.
        if advantage == 0.0 {
            return (0.0, 0.0, false);
        }
        let [below, above] = self.clip.map(f64::from);
        let bounded = ratio.clamp(1.0 - below, 1.0 + above) * advantage;
        let free = ratio * advantage;
        if bounded < free { (-bounded, 0.0, true) } else { (-free, free, false) }
    }

    /// The same with [`Clipping::Weight`], of a token of this log-probability; its slope is by that.
    fn weighed_by(&self, ratio: f64, advantage: f64, logprob: f64) -> (f64, f64, bool) {
        if advantage == 0.0 {
            return (0.0, 0.0, false);
        }
        let [below, above] = self.clip.map(f64::from);
        let weight = ratio.clamp(1.0 - below, 1.0 + above);
        let slope = weight * advantage;
        (-slope * logprob, slope, !(1.0 - below..=1.0 + above).contains(&ratio))
    }

    fn importance(&self, place: usize) -> f64 {
        self.importance.as_ref().map_or(1.0, |all| f64::from(all[place]))
    }

    /// What is said of the token at a place but for its ratio's part: drift and reference.
    fn held(&self, place: usize, logprob: f64) -> Term {
        let moved = logprob - f64::from(self.old[place]);
        let beta = f64::from(self.beta);
        let away = self.reference.as_ref().map(|all| f64::from(all[place]) - logprob);
        let figures = PolicyFigures {
            tokens: 1,
            clipped: 0,
            drift: excess(moved).min(FAR),
            divergence: away.map_or(0.0, |away| excess(away).min(FAR)),
        };
        // Nothing, where nothing is asked for: infinity times 0 would be no number.
        let away = away.filter(|_| beta > 0.0);
        Term {
            loss: away.map_or(0.0, |away| beta * excess(away)),
            slope: away.map_or(0.0, |away| beta * away.exp_m1()),
            figures,
        }
    }

    /// What the token at a place comes to, which has this log-probability now: with [`Ratio::Token`].
    pub(super) fn token(&self, place: usize, logprob: f64) -> Term {
        let mut term = self.held(place, logprob);
        let ratio = (logprob - f64::from(self.old[place])).exp();
        let advantage = f64::from(self.advantage[place]);
        let (loss, slope, clipped) = match self.clipping {
            Clipping::Loss => self.surrogate(ratio, advantage),
            Clipping::Weight => self.weighed_by(ratio, advantage, logprob),
        };
        let importance = self.importance(place);
        term.loss += importance * loss;
        term.slope += importance * slope;
        term.figures.clipped = u64::from(clipped);
        self.weighed(term)
    }

    /// What all tokens come to, which have these log-probabilities now: with [`Ratio::Sequence`].
    pub(super) fn sequence(&self, logprobs: &[f64]) -> Vec<Term> {
        let count = logprobs.len() as f64;
        let moved = logprobs.iter().zip(&self.old).map(|(new, old)| new - f64::from(*old));
        let ratio = (moved.sum::<f64>() / count).exp();
        let mut terms: Vec<Term> =
            logprobs.iter().enumerate().map(|(place, &new)| self.held(place, new)).collect();
        // Each token moves the ratio, and the ratio the loss of all.
        let mut slope = 0.0;
        for (place, term) in terms.iter_mut().enumerate() {
            let advantage = f64::from(self.advantage[place]);
            let importance = self.importance(place);
            let (loss, clipped) = match self.clipping {
                Clipping::Loss => {
                    let (loss, own, clipped) = self.surrogate(ratio, advantage);
                    slope += importance * own / count;
                    (loss, clipped)
                }
                // A weight that is given moves with no token.
                Clipping::Weight => {
                    let (loss, own, clipped) = self.weighed_by(ratio, advantage, logprobs[place]);
                    term.slope += importance * own;
                    (loss, clipped)
                }
            };
            term.loss += importance * loss;
            term.figures.clipped = u64::from(clipped);
        }
        let add = |term: Term| self.weighed(Term { slope: term.slope + slope, ..term });
        terms.into_iter().map(add).collect()
    }

    fn weighed(&self, term: Term) -> Term {
        let weight = f64::from(self.weight);
        Term { loss: weight * term.loss, slope: weight * term.slope, ..term }
    }

    /// What is wrong with it in a text of so many tokens, if anything is.
    pub(super) fn problem(&self, tokens: usize) -> Option<String> {
        let Self {
            first, advantage, old, reference, importance, clip, beta, weight, counts, ..
        } = self;
        let count = advantage.len();
        if *first == 0 {
            return Some("a policy's token 0, but nothing stands before it".to_owned());
        }
        if count == 0 || first.saturating_add(count) > tokens {
            return Some(format!(
                "{count} advantages from token {first} of {tokens}, expected 1 to {}",
                tokens.saturating_sub(*first)
            ));
        }
        for (name, values) in [
            ("advantages", Some(advantage)),
            ("old log-probabilities", Some(old)),
            ("reference log-probabilities", reference.as_ref()),
            ("importance weights", importance.as_ref()),
        ] {
            let Some(values) = values else { continue };
            if values.len() != count {
                return Some(format!("{} {name}, expected {count}", values.len()));
            }
            if let Some(place) = values.iter().position(|value| !value.is_finite()) {
                return Some(format!("{name}: {} at {place}, expected a number", values[place]));
            }
        }
        if importance.iter().flatten().any(|value| *value < 0.0) {
            return Some("importance weights below 0".to_owned());
        }
        let [below, above] = *clip;
        if !(below > 0.0 && above > 0.0) {
            return Some(format!("clip {below} and {above}, expected numbers above 0"));
        }
        if !(beta.is_finite() && *beta >= 0.0) {
            return Some(format!("beta {beta}, expected 0 or more"));
        }
        if *beta > 0.0 && reference.is_none() {
            return Some(format!("beta {beta} without a reference"));
        }
        let odd = |value: &f32| !(value.is_finite() && *value >= 0.0);
        if odd(weight) || odd(counts) {
            return Some(format!("weight {weight} that counts {counts}, expected 0 or more"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(advantage: f32, ratio: f64, clip: [f32; 2]) -> Term {
        let goal = PolicyGoal {
            advantage: vec![advantage],
            old: vec![0.0],
            clip,
            ..PolicyGoal::default()
        };
        goal.token(0, ratio.ln())
    }

    #[test]
    fn quadrants_by_hand() {
        let clip = [0.2, 0.28];
        for (advantage, ratio, value, slope, clipped) in [
            (1.0, 1.5, 1.28, 0.0, 1),
            (-1.0, 1.5, -1.5, -1.5, 0),
            (-1.0, 0.5, -0.8, 0.0, 1),
            (1.0, 0.5, 0.5, 0.5, 0),
            (1.0, 1.1, 1.1, 1.1, 0),
            (-2.0, 0.9, -1.8, -1.8, 0),
            (0.0, 3.0, 0.0, 0.0, 0),
        ] {
            let term = one(advantage, ratio, clip);
            assert!((term.loss + value).abs() < 1e-6, "{advantage}, {ratio}: {term:?}");
            assert!((term.slope - slope).abs() < 1e-6, "{advantage}, {ratio}: {term:?}");
            assert_eq!(term.figures.clipped, clipped, "{advantage}, {ratio}");
        }
        // Without a bound, whatever the ratio.
        let free = one(1.0, 40.0, [f32::INFINITY; 2]);
        assert!((free.slope - 40.0).abs() < 1e-6 && free.figures.clipped == 0);
    }

    /// Of a weight that is clipped no token has a slope of 0, but for one without an advantage.
    #[test]
    fn weights_by_hand() {
        for (advantage, ratio, weight, clipped) in [
            (1.0, 1.5, 1.28, 1),
            (-1.0, 1.5, 1.28, 1),
            (-1.0, 0.5, 0.8, 1),
            (1.0, 0.5, 0.8, 1),
            (1.0, 1.1, 1.1, 0),
            (-2.0, 0.9, 0.9, 0),
            (0.0, 3.0, 0.0, 0),
        ] {
            let goal = PolicyGoal {
                advantage: vec![advantage; 2],
                old: vec![-2.0; 2],
                clip: [0.2, 0.28],
                clipping: Clipping::Weight,
                ..PolicyGoal::default()
            };
            let logprob = f64::ln(ratio) - 2.0;
            let token = goal.token(0, logprob);
            // Both tokens moved alike, so that the ratio of the sequence is that of each.
            let sequence = PolicyGoal { ratio: Ratio::Sequence, ..goal }.sequence(&[logprob; 2]);
            let slope = weight * f64::from(advantage);
            for term in [token, sequence[0], sequence[1]] {
                assert!((term.slope - slope).abs() < 1e-6, "{advantage}, {ratio}: {term:?}");
                assert!(
                    (term.loss + slope * logprob).abs() < 1e-6,
                    "{advantage}, {ratio}: {term:?}"
                );
                assert_eq!(term.figures.clipped, clipped, "{advantage}, {ratio}");
            }
        }
    }

    /// Of a policy that has not moved it is REINFORCE: the slope is the advantage.
    #[test]
    fn who_has_not_moved_has_the_slope_of_the_advantage() {
        for advantage in [-1.5_f32, 0.3, 2.0] {
            let term = one(advantage, 1.0, [0.2, 0.2]);
            assert!((term.slope - f64::from(advantage)).abs() < 1e-12);
            assert_eq!((term.figures.clipped, term.figures.drift), (0, 0.0));
        }
    }

    /// What `PyTorch`'s autograd makes of the same losses (`scripts/golden/policy_loss.py`).
    #[test]
    fn losses_and_slopes_are_those_of_pytorch() {
        #[derive(serde::Deserialize)]
        struct Case {
            logprobs: Vec<f64>,
            old: Vec<f32>,
            reference: Option<Vec<f32>>,
            importance: Option<Vec<f32>>,
            advantage: Vec<f32>,
            clip: [f32; 2],
            beta: f32,
            weight: f32,
            ratio: Ratio,
            #[serde(default)]
            clipping: Clipping,
            loss: f64,
            by_logprob: Vec<f64>,
        }
        let text = include_str!("../../tests/fixtures/policy_golden.json");
        let cases: Vec<Case> = serde_json::from_str(text).expect("golden values");
        assert!(cases.len() >= 84);
        let mut clipped = [0, 0];
        for (number, case) in cases.into_iter().enumerate() {
            let Case { logprobs, old, reference, importance, advantage, clip, beta, .. } = case;
            let Case { weight, ratio, clipping, .. } = case;
            let goal = PolicyGoal {
                advantage,
                old,
                reference,
                importance,
                ratio,
                clip,
                clipping,
                beta,
                weight,
                ..PolicyGoal::default()
            };
            assert_eq!(goal.problem(1 + logprobs.len()), None);
            let terms = match ratio {
                Ratio::Token => (0..).zip(&logprobs).map(|(i, &p)| goal.token(i, p)).collect(),
                Ratio::Sequence => goal.sequence(&logprobs),
            };
            let loss: f64 = terms.iter().map(|term| term.loss).sum();
            assert!((loss - case.loss).abs() < 1e-6, "{number}: {loss}, {}", case.loss);
            for (term, slope) in terms.iter().zip(&case.by_logprob) {
                assert!((term.slope + slope).abs() < 1e-6, "{number}: {term:?}, {slope}");
                clipped[usize::from(clipping == Clipping::Weight)] += term.figures.clipped;
            }
        }
        // They come to both sides of the clip.
        assert!((30..150).contains(&clipped[0]) && (15..90).contains(&clipped[1]), "{clipped:?}");
    }

    /// A token that was next to impossible when it was drawn leaves figures that are numbers.
    #[test]
    fn figures_are_numbers() {
        let clip = [0.2, 0.2];
        for (advantage, old, reference) in [(1.0, -800.0, 0.0), (0.0, -3e4, 900.0), (1.0, 0.0, 3e4)]
        {
            let goal = PolicyGoal {
                advantage: vec![advantage],
                old: vec![old],
                reference: Some(vec![reference]),
                clip,
                ..PolicyGoal::default()
            };
            for term in [goal.token(0, -1.0), goal.sequence(&[-1.0])[0]] {
                let PolicyFigures { drift, divergence, .. } = term.figures;
                let all = [term.loss, term.slope, drift, 1e100 * divergence];
                assert!(
                    all.iter().all(|number| number.is_finite()),
                    "{old}, {reference}: {term:?}"
                );
            }
        }
    }

    #[test]
    fn divergence_by_hand() {
        for (over, nats, slope) in [(2.0_f64, 0.306_853, 1.0), (0.5, 0.193_147, -0.5)] {
            let goal = PolicyGoal {
                advantage: vec![0.0],
                old: vec![-1.0],
                reference: Some(vec![-1.0]),
                beta: 0.5,
                ..PolicyGoal::default()
            };
            let term = goal.token(0, -1.0 - over.ln());
            assert!((term.loss - 0.5 * nats).abs() < 1e-6, "{term:?}");
            assert!((term.slope - 0.5 * slope).abs() < 1e-6, "{term:?}");
            assert!((term.figures.divergence - nats).abs() < 1e-6);
        }
    }

    #[test]
    fn a_sequence_has_one_ratio() {
        let goal = PolicyGoal {
            advantage: vec![1.0, 1.0],
            old: vec![-1.0, -2.0],
            ratio: Ratio::Sequence,
            clip: [0.5, 0.5],
            weight: 0.5,
            ..PolicyGoal::default()
        };
        let terms = goal.sequence(&[-0.9, -1.7]);
        let ratio = 0.2_f64.exp();
        assert!((ratio - 1.221_403).abs() < 1e-6);
        // The mean of both tokens is the objective; each moves the ratio by half.
        let loss: f64 = terms.iter().map(|term| term.loss).sum();
        assert!((loss + ratio).abs() < 1e-6);
        assert!(terms.iter().all(|term| (term.slope - ratio / 2.0).abs() < 1e-6), "{terms:?}");
        // Clipped for all at once, though the first token alone is not.
        let tight = PolicyGoal { clip: [0.15, 0.15], ..goal };
        let terms = tight.sequence(&[-0.9, -1.7]);
        assert!(terms.iter().all(|term| term.slope == 0.0 && term.figures.clipped == 1));
        let loss: f64 = terms.iter().map(|term| term.loss).sum();
        assert!((loss + 1.15).abs() < 1e-6);
    }

    /// Slopes are those of the loss by differences, in all quadrants, of both ratios.
    #[test]
    fn slopes_are_those_of_the_loss() {
        let mut rng = tts_core::seed::rng(4);
        #[expect(clippy::cast_possible_truncation, reason = "test data")]
        let mut numbers = |size: f64| -> Vec<f32> {
            (0..5).map(|_| ((rng.uniform() - 0.5) * size) as f32).collect()
        };
        for case in 0..60 {
            let goal = PolicyGoal {
                advantage: numbers(4.0),
                old: numbers(1.0),
                reference: Some(numbers(1.0)),
                importance: (case % 2 == 0).then(|| numbers(1.0).iter().map(|x| x.abs()).collect()),
                ratio: if case % 3 == 0 { Ratio::Sequence } else { Ratio::Token },
                beta: 0.3,
                weight: 0.7,
                ..PolicyGoal::default()
            };
            let now: Vec<f64> = numbers(1.0).into_iter().map(f64::from).collect();
            let terms = |now: &[f64]| match goal.ratio {
                Ratio::Token => (0..5).map(|at| goal.token(at, now[at])).collect(),
                Ratio::Sequence => goal.sequence(now),
            };
            let loss = |now: &[f64]| terms(now).iter().map(|term| term.loss).sum::<f64>();
            for at in 0..5 {
                let moved = |by: f64| {
                    let mut now = now.clone();
                    now[at] += by;
                    loss(&now)
                };
                let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let found = -terms(&now)[at].slope;
                // A kink may lie between the two.
                assert!((found - expected).abs() < 1e-5, "{case}, {at}: {found}, {expected}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let good = PolicyGoal {
            advantage: vec![1.0, -1.0],
            old: vec![-1.0, -2.0],
            ..PolicyGoal::default()
        };
        assert_eq!(good.problem(3), None);
        let none = || Vec::<f32>::new();
        for (goal, expected) in [
            (PolicyGoal { first: 0, ..good.clone() }, "a policy's token 0, but nothing stands"),
            (PolicyGoal { first: 2, ..good.clone() }, "2 advantages from token 2 of 3, expected 1"),
            (PolicyGoal { advantage: none(), ..good.clone() }, "0 advantages from token 1 of 3"),
            (PolicyGoal { old: vec![0.0], ..good.clone() }, "1 old log-probabilities, expected 2"),
            (
                PolicyGoal { old: vec![0.0, f32::NEG_INFINITY], ..good.clone() },
                "old log-probabilities: -inf at 1",
            ),
            (PolicyGoal { advantage: vec![f32::NAN, 0.0], ..good.clone() }, "advantages: NaN at 0"),
            (
                PolicyGoal { reference: Some(none()), ..good.clone() },
                "0 reference log-probabilities, expected 2",
            ),
            (
                PolicyGoal { importance: Some(vec![1.0, -1.0]), ..good.clone() },
                "importance weights below 0",
            ),
            (PolicyGoal { clip: [0.0, 0.2], ..good.clone() }, "clip 0 and 0.2"),
            (PolicyGoal { clip: [0.2, f32::NAN], ..good.clone() }, "clip 0.2 and NaN"),
            (PolicyGoal { beta: 0.1, ..good.clone() }, "beta 0.1 without a reference"),
            (PolicyGoal { beta: -0.1, ..good.clone() }, "beta -0.1, expected 0 or more"),
            (PolicyGoal { weight: f32::NAN, ..good.clone() }, "weight NaN that counts 1"),
            (PolicyGoal { counts: -1.0, ..good.clone() }, "weight 1 that counts -1"),
        ] {
            let found = goal.problem(3).expect(expected);
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
