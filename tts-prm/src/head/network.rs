//! The head itself: one linear layer, or two with a `ReLU` between, and what its logits mean.
//!
//! Labels become log-odds of "right" against "wrong": the logit itself of one label, the
//! difference of two, and of three the difference of log-sum-exp over those that count as right
//! and as wrong. A probability is the sigmoid of that, which for two and three labels is their
//! softmax. Sums run in f64, in the order of the weights.
//!
//! Source: three labels and their reduction, Lightman et al. 2023, section 2.6 and appendix F; two
//! layers, Qwen2.5-Math-PRM (Zhang et al. 2025).

use std::path::{Path, PathBuf};

use tts_core::scorer::NEUTRAL;
use tts_core::seed;

use super::config::{HeadConfig, HeadOutput, NeutralLabel, Reading};
use crate::PrmError;

/// A linear layer, `weight * x + bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Row-major, `[outputs, inputs]`.
    pub weight: Vec<f32>,
    /// `[outputs]`; `None` adds nothing.
    pub bias: Option<Vec<f32>>,
    /// Number of rows of `weight`.
    pub outputs: usize,
    /// Number of columns of `weight`.
    pub inputs: usize,
}

impl Linear {
    fn apply(&self, x: &[f64]) -> Vec<f64> {
        (0..self.outputs).filter_map(|output| self.output(output, x)).collect()
    }

    /// One output; `None` when there are fewer.
    fn output(&self, output: usize, x: &[f64]) -> Option<f64> {
        let row = self.weight.chunks_exact(self.inputs).nth(output)?;
        let bias = self.bias.as_ref().and_then(|bias| bias.get(output));
        let product: f64 = row.iter().zip(x).map(|(&w, &x)| f64::from(w) * x).sum();
        Some(product + bias.map_or(0.0, |&bias| f64::from(bias)))
    }
}

/// A head and what its numbers mean.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardHead {
    pub(super) layers: Vec<Linear>,
    config: HeadConfig,
    path: PathBuf,
    /// Name of the tensors without `.weight`.
    pub(super) tensor: String,
}

impl RewardHead {
    /// A head of one layer, or of two with a `ReLU` between.
    ///
    /// # Errors
    /// When there is another number of layers, shapes do not fit, a weight is not finite, there
    /// are more than three labels that are not those of tokens ([`Reading::Tokens`]), or the
    /// configuration asks for a label that is not there. Errors call the layers `score`, `score.0`
    /// and `score.2`.
    ///
    /// ```
    /// use tts_prm::{HeadConfig, Linear, RewardHead};
    /// let layer = Linear { weight: vec![1.0, -1.0], bias: None, outputs: 1, inputs: 2 };
    /// let head = RewardHead::new(vec![layer], HeadConfig::default())?;
    /// assert_eq!(head.score(&[3.0, 3.0]), 0.5);
    /// # Ok::<(), tts_prm::PrmError>(())
    /// ```
    pub fn new(layers: Vec<Linear>, config: HeadConfig) -> Result<Self, PrmError> {
        let tensor = config.tensor.clone().unwrap_or_else(|| "score".to_owned());
        Self::checked(layers, config, PathBuf::from("head"), tensor)
    }

    pub(super) fn checked(
        layers: Vec<Linear>,
        config: HeadConfig,
        path: PathBuf,
        tensor: String,
    ) -> Result<Self, PrmError> {
        let head = Self { layers, config, path, tensor };
        if !(1..=2).contains(&head.layers.len()) {
            let problem = format!("{} layers, expected 1 or 2", head.layers.len());
            return Err(PrmError::head(&head.path, &head.tensor, problem));
        }
        let mut inputs = None;
        for (index, layer) in head.layers.iter().enumerate() {
            head.check_layer(index, layer, inputs)?;
            inputs = Some(layer.outputs);
        }
        if let Some(temperature) = head.config.temperature
            && !(temperature.is_finite() && temperature > 0.0)
        {
            let problem = format!("{temperature}, expected a number above 0");
            return Err(PrmError::config(&head.path, "temperature", problem));
        }
        let labels = head.labels();
        if let Some(expected) = head.config.labels.filter(|&expected| expected != labels) {
            let inputs = head.layers.last().map_or(0, |layer| layer.inputs);
            let problem = format!("shape [{labels}, {inputs}], expected [{expected}, {inputs}]");
            return Err(head.error(head.layers.len() - 1, "weight", &problem));
        }
        let tokens = head.config.reading == Reading::Tokens;
        if !tokens && !(1..=3).contains(&labels) {
            let problem = format!("{labels} labels, expected 1 to 3");
            return Err(head.error(head.layers.len() - 1, "weight", &problem));
        }
        match head.config.positive {
            Some(positive) if tokens => {
                let problem = format!("{positive}, but the labels are those of tokens");
                Err(PrmError::config(&head.path, "positive", problem))
            }
            Some(positive) if labels != 2 || positive > 1 => {
                let problem =
                    format!("{positive} with {labels} labels, expected 0 or 1 with 2 labels");
                Err(PrmError::config(&head.path, "positive", problem))
            }
            _ => Ok(head),
        }
    }

    fn check_layer(
        &self,
        index: usize,
        layer: &Linear,
        inputs: Option<usize>,
    ) -> Result<(), PrmError> {
        let Linear { weight, bias, outputs, inputs: columns } = layer;
        if let Some(inputs) = inputs.filter(|inputs| inputs != columns) {
            let problem = format!("shape [{outputs}, {columns}], expected [{outputs}, {inputs}]");
            return Err(self.error(index, "weight", &problem));
        }
        if *columns == 0 || outputs.checked_mul(*columns) != Some(weight.len()) {
            let problem = format!("{} values for shape [{outputs}, {columns}]", weight.len());
            return Err(self.error(index, "weight", &problem));
        }
        if let Some(bias) = bias.as_ref().filter(|bias| bias.len() != *outputs) {
            let problem = format!("shape [{}], expected [{outputs}]", bias.len());
            return Err(self.error(index, "bias", &problem));
        }
        let bias = bias.as_deref().unwrap_or(&[]);
        for (part, values) in [("weight", &weight[..]), ("bias", bias)] {
            if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                let problem = format!("value {at} is {}", values[at]);
                return Err(self.error(index, part, &problem));
            }
        }
        Ok(())
    }

    /// The name of a layer's tensor in a file.
    pub(super) fn tensor_name(&self, layer: usize, part: &str) -> String {
        match self.layers.len() {
            1 => format!("{}.{part}", self.tensor),
            // Place 1 of the sequence is the ReLU.
            _ => format!("{}.{}.{part}", self.tensor, 2 * layer),
        }
    }

    fn error(&self, layer: usize, part: &str, problem: &str) -> PrmError {
        PrmError::head(&self.path, &self.tensor_name(layer, part), problem)
    }

    /// What its numbers mean.
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }

    /// The file or folder it was read from, as errors name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A digest of its numbers and of what they mean.
    pub(crate) fn digest(&self) -> u64 {
        let config = serde_json::to_string(&self.config).unwrap_or_default();
        let layers = self.layers.iter();
        let numbers =
            layers.flat_map(|layer| layer.weight.iter().chain(layer.bias.iter().flatten()));
        numbers.fold(seed::hash_text(0, &config), |hash, number| {
            seed::mix(hash, u64::from(number.to_bits()))
        })
    }

    /// Width of the hidden rows it reads.
    pub fn width(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    /// Number of labels.
    pub fn labels(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    pub(crate) fn check_width(&self, width: usize) -> Result<(), PrmError> {
        if self.width() == width {
            return Ok(());
        }
        let rows = self.layers.first().map_or(0, |layer| layer.outputs);
        let problem = format!(
            "shape [{rows}, {}], expected [{rows}, {width}] for this backbone",
            self.width()
        );
        Err(self.error(0, "weight", &problem))
    }

    /// What a step gets about which the head says nothing: [`NEUTRAL`], or 0 on the raw scale,
    /// which is the same.
    pub fn neutral(&self) -> f64 {
        match self.config.output {
            HeadOutput::Probability => NEUTRAL,
            HeadOutput::Raw => 0.0,
        }
    }

    /// The logits `[labels]` of a hidden row `[width]`. A row of another width, which the scorers
    /// never pass, is cut or filled up with zeros.
    pub fn logits(&self, hidden: &[f32]) -> Vec<f64> {
        let x = self.features(hidden);
        self.layers.last().map_or(Vec::new(), |layer| layer.apply(&x))
    }

    /// What the last layer reads of a hidden row.
    fn features(&self, hidden: &[f32]) -> Vec<f64> {
        let mut x: Vec<f64> = hidden.iter().map(|&x| f64::from(x)).collect();
        let hidden_layers = self.layers.split_last().map_or(&[][..], |(_, before)| before);
        for layer in hidden_layers {
            x = layer.apply(&x);
            // ReLU. `max` would turn NaN, which must not pass as a score, into 0.
            x.iter_mut().filter(|x| **x < 0.0).for_each(|x| *x = 0.0);
        }
        x
    }

    /// The score of a hidden row `[width]` by up to three labels ([`Reading::End`]), on the scale of
    /// [`HeadConfig::output`]. A head with labels of tokens says NaN.
    pub fn score(&self, hidden: &[f32]) -> f64 {
        let odds = self.odds(hidden).unwrap_or(f64::NAN);
        match self.config.output {
            HeadOutput::Probability => sigmoid(odds),
            HeadOutput::Raw => odds,
        }
    }

    /// The log-odds of a hidden row, whatever the scale of scores; `None` of a head with labels of tokens.
    pub(crate) fn odds(&self, hidden: &[f32]) -> Option<f64> {
        match self.config.reading {
            Reading::End => Some(self.log_odds(&self.logits(hidden))),
            Reading::Tokens => None,
        }
    }

    /// The score of tokens that all must be right ([`Reading::Tokens`]), each with the hidden row
    /// `[width]` at the place before it: the product of the probabilities of their labels, on the
    /// scale of [`HeadConfig::output`]. `None` when a token has no label, or rows and tokens differ in
    /// number.
    ///
    /// ```
    /// use tts_prm::{HeadConfig, Linear, Reading, RewardHead};
    /// // The label of token 0 has log-odds 0 everywhere, that of token 1 those of a single feature.
    /// let layer = Linear { weight: vec![0.0, 1.0], bias: None, outputs: 2, inputs: 1 };
    /// let config = HeadConfig { reading: Reading::Tokens, ..HeadConfig::default() };
    /// let head = RewardHead::new(vec![layer], config)?;
    /// let sure = vec![100.0];
    /// assert_eq!(head.score_tokens(&[sure.clone(), sure.clone()], &[0, 1]), Some(0.5));
    /// assert_eq!(head.score_tokens(&[sure], &[2]), None);
    /// # Ok::<(), tts_prm::PrmError>(())
    /// ```
    pub fn score_tokens(&self, rows: &[Vec<f32>], tokens: &[u32]) -> Option<f64> {
        let last = self.layers.last()?;
        if rows.len() != tokens.len() {
            return None;
        }
        // In logarithms, so that long steps do not vanish: -ln(1 + e^-x) for each.
        let mut sum = 0.0;
        // The log of the sum of e^-x, which is what `sum` tends to where it is too small for f64.
        let mut log_doubts = f64::NEG_INFINITY;
        for (row, &token) in rows.iter().zip(tokens) {
            let odds = last.output(token as usize, &self.features(row))? / self.temperature();
            sum -= softplus(-odds);
            log_doubts = log_sum_exp(log_doubts, -odds);
        }
        Some(match self.config.output {
            HeadOutput::Probability => sum.exp(),
            // Below, terms of second order are lost in rounding.
            HeadOutput::Raw if sum > -1e-17 => -log_doubts,
            HeadOutput::Raw => sum - (-sum.exp_m1()).ln(),
        })
    }

    fn temperature(&self) -> f64 {
        self.config.temperature.unwrap_or(1.0)
    }

    fn log_odds(&self, logits: &[f64]) -> f64 {
        let odds = match *logits {
            [logit] => logit,
            [first, second] if self.config.positive == Some(0) => first - second,
            [first, second] => second - first,
            [negative, neutral, positive] => match self.config.neutral {
                NeutralLabel::Positive => log_sum_exp(neutral, positive) - negative,
                NeutralLabel::Negative => positive - log_sum_exp(negative, neutral),
            },
            _ => f64::NAN,
        };
        odds / self.temperature()
    }
}

fn log_sum_exp(a: f64, b: f64) -> f64 {
    let most = if a > b { a } else { b };
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + ((a - most).exp() + (b - most).exp()).ln()
}

/// `ln(1 + e^x)`, without loss where `e^x` is far below or above 1.
pub(crate) fn softplus(x: f64) -> f64 {
    // `max` would turn NaN, which must not pass as a score, into 0.
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + (-x.abs()).exp().ln_1p()
}

pub(super) fn sigmoid(x: f64) -> f64 {
    // Neither branch overflows.
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}
