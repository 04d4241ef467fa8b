//! How certain the model is of its next token, read off the whole distribution at temperature 1.
//!
//! Both signals are means of log-probabilities, and need the logits and one sum only:
//! `ln p = logit - most - ln sum`, where `sum` is that of all `e^(logit - most)`. A token without any
//! chance makes them infinite, which counts as the largest number: records hold finite ones.

/// What was asked to be noted of a token; `None` where nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signals {
    /// Minus the mean log-probability of the most probable tokens, in nats.
    pub confidence: Option<f32>,
    /// Divergence of the uniform distribution from the model's, in nats.
    pub certainty: Option<f32>,
    /// Log-probability in nats of the token among those that it was drawn from, at the temperature
    /// of sampling: 0 of a greedy one.
    pub drawn: Option<f32>,
}

/// Partial sums that are added up beside each other.
const LANES: usize = 8;

/// Minus the mean log-probability of the tokens `ranked`, at least one.
///
/// Source: Fu et al. 2025 (arXiv 2508.15260), section 2.
pub(super) fn confidence(logits: &[f32], ranked: &[u32], most: f32, sum: f64) -> f32 {
    let below = ranked.iter().map(|&token| f64::from(most) - f64::from(logits[token as usize]));
    positive(below.sum::<f64>() / ranked.len() as f64 + sum.ln())
}

/// `-1/V sum ln(V p)` over all tokens.
///
/// Source: Kang et al. 2025 (arXiv 2502.18581).
pub(super) fn certainty(logits: &[f32], most: f32, sum: f64) -> f32 {
    let size = logits.len() as f64;
    // In lanes, which vectorise, and whose order is the same on every machine.
    let mut lanes = [0.0_f64; LANES];
    for logits in logits.chunks(LANES) {
        for (lane, &logit) in lanes.iter_mut().zip(logits) {
            *lane += f64::from(most) - f64::from(logit);
        }
    }
    positive(lanes.iter().sum::<f64>() / size + sum.ln() - size.ln())
}

/// A number that is not negative but for rounding, as a finite f32.
fn positive(value: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "signals are f32")]
    let value = value as f32;
    value.clamp(0.0, f32::MAX)
}
