//! A head on a backbone that stays as it is: logistic regression on the policy's own hidden rows.
//!
//! The rows are those that the engine computes when it searches, with its weights as they are stored, so
//! that nothing differs between training and use, and the reward model costs a search next to
//! nothing: the policy has computed the rows already. Each labelled step gives one row, at its last
//! token, or that of the separator. Columns are brought to mean 0 and variance 1; the cross-entropy with
//! soft labels and a ridge on the weights has one minimum, which Newton's method finds, each of its
//! steps by conjugate gradients. Sums run in order, so that the head is the same every time.
//!
//! Source: Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, section 4.4.1
//! (Newton's method) and 4.4.4 (the ridge); Nocedal and Wright 2006, Numerical Optimization, section 7.1
//! (inexact Newton steps); Alain and Bengio 2016 (arXiv:1610.01644) for linear probes of hidden layers.

use tts_models::{Backbone, Wanted};

use super::{Solution, check};
use crate::head::softplus;
use crate::{HeadConfig, Linear, NeutralLabel, PrmError, Reading, RewardHead};

/// Newton steps at most; far fewer are needed.
const NEWTON: usize = 50;
/// Products with the Hessian in one Newton step at most.
const GRADIENTS: usize = 60;
/// Texts in one call of the backbone.
const BATCH: usize = 64;

/// Hidden rows of labelled steps, and the labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// `[steps, hidden_size]`.
    pub rows: Vec<Vec<f32>>,
    /// `[steps]`, from 0 to 1.
    pub labels: Vec<f32>,
}

impl Rows {
    /// The rows of all labelled steps of these solutions, whose last tokens are where a score is read.
    /// `done` is told of the number of solutions after each batch.
    ///
    /// # Errors
    /// When a solution does not fit the backbone.
    pub fn of<T: Backbone + ?Sized>(
        backbone: &T,
        solutions: &[Solution],
        mut done: impl FnMut(usize),
    ) -> Result<Self, PrmError> {
        let mut found = Self::default();
        for batch in solutions.chunks(BATCH) {
            let texts: Vec<Wanted> = batch.iter().map(wanted).collect();
            found.rows.extend(backbone.hidden(&texts)?.into_iter().flatten());
            found
                .labels
                .extend(batch.iter().flat_map(|solution| solution.labels().iter().flatten()));
            done(batch.len());
        }
        Ok(found)
    }

    /// Mean cross-entropy of a head's probabilities with the labels, in nats, whatever the scale of its scores; `None`
    /// without rows, and of a head with labels of tokens ([`Reading::Tokens`]), which reads no single row.
    pub fn loss(&self, head: &RewardHead) -> Option<f64> {
        // Of log-odds: a probability that rounds to 1 has no logarithm of its rest.
        let one = |(row, &label): (&Vec<f32>, &f32)| {
            let odds = head.odds(row)?;
            Some(softplus(odds) - f64::from(label) * odds)
        };
        let sum = self.rows.iter().zip(&self.labels).map(one).sum::<Option<f64>>()?;
        (!self.rows.is_empty()).then(|| sum / self.rows.len() as f64)
    }

    /// The head that fits these rows best, with half of `ridge` times the squared norm of its weights
    /// added to the sum of the losses. `config` says what the head's numbers mean; one with a temperature has weights that
    /// fit once their log-odds are divided by it.
    ///
    /// # Errors
    /// When there are no rows, they differ in width, hold numbers that are not finite, their labels are
    /// out of range or all alike, the ridge is not above 0, or the configuration is of another head than one of one label
    /// that is read at the end of steps.
    ///
    /// ```
    /// use tts_prm::HeadConfig;
    /// use tts_prm::train::Rows;
    /// // Half the rows of one kind are right, and nine of ten of the other.
    /// let rows = (0..40).map(|i| vec![if i < 20 { -1.0 } else { 1.0 }]).collect();
    /// let labels = (0..40).map(|i| if i < 20 { 0.5 } else { 0.9 }).collect();
    /// let head = Rows { rows, labels }.fit(1e-6, HeadConfig::default())?;
    /// assert!((head.score(&[-1.0]) - 0.5).abs() < 1e-4);
    /// assert!((head.score(&[1.0]) - 0.9).abs() < 1e-4);
    /// # Ok::<(), tts_prm::PrmError>(())
    /// ```
    pub fn fit(&self, ridge: f64, config: HeadConfig) -> Result<RewardHead, PrmError> {
        self.check(ridge)?;
        let temperature = one_label(&config)?;
        let (mean, scale) = self.moments();
        let standard = |row: &Vec<f32>| {
            let columns = row.iter().zip(mean.iter().zip(&scale));
            let mut row: Vec<f64> =
                columns.map(|(&x, (mean, scale))| (f64::from(x) - mean) / scale).collect();
            // What the bias is multiplied with.
            row.push(1.0);
            row
        };
        let problem = Problem {
            rows: self.rows.iter().map(standard).collect(),
            labels: self.labels.iter().map(|&label| f64::from(label)).collect(),
            ridge,
        };
        let mut weights = problem.minimum();
        let mut bias = weights.pop().unwrap_or(0.0);
        for (weight, (mean, scale)) in weights.iter_mut().zip(mean.iter().zip(&scale)) {
            *weight /= scale;
            bias -= *weight * mean;
        }
        #[expect(clippy::cast_possible_truncation, reason = "heads are f32")]
        let layer = Linear {
            inputs: weights.len(),
            outputs: 1,
            weight: weights.into_iter().map(|weight| (temperature * weight) as f32).collect(),
            bias: Some(vec![(temperature * bias) as f32]),
        };
        RewardHead::new(vec![layer], config)
    }

    fn check(&self, ridge: f64) -> Result<(), PrmError> {
        let refuse = |field: String, problem: String| Err(PrmError::Solution { field, problem });
        if !(ridge.is_finite() && ridge > 0.0) {
            return refuse("ridge".into(), format!("{ridge}, expected a number above 0"));
        }
        let (count, labels) = (self.rows.len(), self.labels.len());
        if count == 0 || count != labels {
            return refuse("rows".into(), format!("{count} for {labels} labels, expected as many"));
        }
        let width = self.rows[0].len();
        for (place, row) in self.rows.iter().enumerate() {
            if row.len() != width || width == 0 {
                let problem = format!("{} numbers, expected {width}, and some", row.len());
                return refuse(format!("row {place}"), problem);
            }
            if let Some(bad) = row.iter().find(|value| !value.is_finite()) {
                return refuse(format!("row {place}"), format!("{bad}, expected finite numbers"));
            }
        }
        if let Some(at) = self.labels.iter().position(|label| !(0.0..=1.0).contains(label)) {
            return refuse(format!("label {at}"), format!("{}, expected 0 to 1", self.labels[at]));
        }
        let first = self.labels[0];
        if self.labels.iter().all(|label| label.to_bits() == first.to_bits()) {
            let problem = format!("all {labels} are {first}, expected some that differ");
            return refuse("labels".into(), problem);
        }
        Ok(())
    }

    /// Mean and standard deviation of each column; 1 for one that does not vary.
    fn moments(&self) -> (Vec<f64>, Vec<f64>) {
        let (count, width) = (self.rows.len() as f64, self.rows[0].len());
        let mut mean = vec![0.0; width];
        for row in &self.rows {
            mean.iter_mut().zip(row).for_each(|(mean, &x)| *mean += f64::from(x) / count);
        }
        let mut scale = vec![0.0; width];
        for row in &self.rows {
            for ((scale, mean), &x) in scale.iter_mut().zip(&mean).zip(row) {
                *scale += (f64::from(x) - mean).powi(2) / count;
            }
        }
        let scale =
            scale.into_iter().map(|square| if square > 1e-12 { square.sqrt() } else { 1.0 });
        (mean, scale.collect())
    }
}

/// The temperature of a head of one label that is read at the end of steps.
///
/// # Errors
/// When the configuration is of another one.
fn one_label(config: &HeadConfig) -> Result<f64, PrmError> {
    let refuse =
        |field: &str, problem: String| Err(PrmError::Solution { field: field.to_owned(), problem });
    if config.reading == Reading::Tokens {
        let problem = "tokens, but one row of each step is fitted: expected end";
        return refuse("reading", problem.to_owned());
    }
    if config.contrast.is_some() {
        let problem = "two tokens of the model's output head, but a head of its own is fitted";
        return refuse("contrast", problem.to_owned());
    }
    if config.neutral != NeutralLabel::default() {
        return refuse("neutral", "of three labels, but a head of one is fitted".to_owned());
    }
    let temperature = config.temperature.unwrap_or(1.0);
    if !(temperature.is_finite() && temperature > 0.0) {
        return refuse("temperature", format!("{temperature}, expected a number above 0"));
    }
    Ok(temperature)
}

/// The text of a solution up to its last label, with the places where labels are learnt.
fn wanted(solution: &Solution) -> Wanted {
    let example = solution.process();
    let positions = example.targets.iter().map(|target| target.position).collect();
    Wanted { tokens: example.tokens, positions }
}

/// Fits a head to solutions on a backbone that stays as it is: [`Rows::of`], then [`Rows::fit`].
///
/// # Errors
/// As these, and when the labels are all alike ([`check`]).
pub fn fit_head<T: Backbone + ?Sized>(
    backbone: &T,
    solutions: &[Solution],
    ridge: f64,
    config: HeadConfig,
) -> Result<RewardHead, PrmError> {
    check(solutions)?;
    Rows::of(backbone, solutions, |_| {})?.fit(ridge, config)
}

/// A convex problem in standard columns, of which the last is constant and its weight has no ridge.
struct Problem {
    rows: Vec<Vec<f64>>,
    labels: Vec<f64>,
    ridge: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Problem {
    fn value(&self, weights: &[f64]) -> f64 {
        let one = |(row, label): (&Vec<f64>, &f64)| {
            let odds = dot(row, weights);
            softplus(odds) - label * odds
        };
        let loss: f64 = self.rows.iter().zip(&self.labels).map(one).sum();
        let penalised = &weights[..weights.len() - 1];
        loss + 0.5 * self.ridge * dot(penalised, penalised)
    }

    /// `sum over rows of factor * row`, with the ridge's part of `weights`.
    fn combined(&self, factors: &[f64], weights: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; weights.len()];
        for (row, factor) in self.rows.iter().zip(factors) {
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += factor * x);
        }
        let last = weights.len() - 1;
        for (sum, weight) in sum[..last].iter_mut().zip(weights) {
            *sum += self.ridge * weight;
        }
        sum
    }

    fn minimum(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.rows[0].len()];
        for _ in 0..NEWTON {
            let odds: Vec<f64> = self.rows.iter().map(|row| dot(row, &weights)).collect();
            let right: Vec<f64> = odds.iter().map(|odds| 1.0 / (1.0 + (-odds).exp())).collect();
            let errors: Vec<f64> = right.iter().zip(&self.labels).map(|(p, y)| p - y).collect();
            let gradient = self.combined(&errors, &weights);
            let curvature: Vec<f64> = right.iter().map(|p| p * (1.0 - p)).collect();
            let step = self.newton(&gradient, &curvature);
            let slope = dot(&gradient, &step);
            let before = self.value(&weights);
            // What rounding leaves of a minimum.
            if slope > -1e-17 * before.abs().max(1.0) {
                break;
            }
            let mut length = 1.0;
            let next = loop {
                let next: Vec<f64> =
                    weights.iter().zip(&step).map(|(w, s)| w + length * s).collect();
                if self.value(&next) <= before + 1e-4 * length * slope || length < 1e-6 {
                    break next;
                }
                length /= 2.0;
            };
            weights = next;
        }
        weights
    }

    /// Minus the inverse of the Hessian times the gradient, by conjugate gradients.
    fn newton(&self, gradient: &[f64], curvature: &[f64]) -> Vec<f64> {
        let mut step = vec![0.0; gradient.len()];
        let mut residual: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut direction = residual.clone();
        let mut square = dot(&residual, &residual);
        let enough = 1e-16 * square;
        for _ in 0..GRADIENTS {
            if square <= enough {
                break;
            }
            let along = self.rows.iter().zip(curvature).map(|(row, c)| c * dot(row, &direction));
            let product = self.combined(&along.collect::<Vec<_>>(), &direction);
            let bend = dot(&direction, &product);
            if bend <= 0.0 {
                break;
            }
            let length = square / bend;
            step.iter_mut().zip(&direction).for_each(|(s, d)| *s += length * d);
            residual.iter_mut().zip(&product).for_each(|(r, p)| *r -= length * p);
            let next = dot(&residual, &residual);
            direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + next / square * *d);
            square = next;
        }
        step
    }
}
