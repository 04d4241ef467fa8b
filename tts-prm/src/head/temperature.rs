//! Temperature: one number that makes a head's probabilities mean what they say.
//!
//! A trained head is often too sure. Its log-odds divided by a temperature keep their order, so that
//! nothing ranks otherwise, and fit how often steps are right. The loss is convex in `1 / T`: its slope
//! is bisected to the last bit that matters.
//!
//! Source: Guo et al. 2017 (arXiv:1706.04599), section 4.2.

use crate::PrmError;

/// Bounds of `1 / T`: what lies beyond is no calibration.
const BOUNDS: (f64, f64) = (1e-3, 1e3);

/// The temperature at which the log-odds of steps fit their labels best, by the cross-entropy; labels lie
/// between 0 and 1. For [`crate::HeadConfig::temperature`]; fit it on problems that the head was neither
/// trained nor will be measured on.
///
/// # Errors
/// When there are no steps, the numbers of log-odds and labels differ, or one of them is out of range; when no
/// temperature fits best, as of log-odds that say nothing of the labels, or that separate them without an error: a
/// few steps do, and a temperature at the end of all temperatures would make every score one half, or 0 or 1.
///
/// ```
/// // Sure of everything, and right in three cases of four.
/// let odds = [4.0, 4.0, 4.0, 4.0];
/// let temperature = tts_prm::fit_temperature(&odds, &[1.0, 1.0, 1.0, 0.0])?;
/// let probability = 1.0 / (1.0 + (-4.0 / temperature).exp());
/// assert!((probability - 0.75_f64).abs() < 1e-9);
/// # Ok::<(), tts_prm::PrmError>(())
/// ```
pub fn fit_temperature(odds: &[f64], labels: &[f64]) -> Result<f64, PrmError> {
    let refuse = |field: String, problem: String| Err(PrmError::Solution { field, problem });
    if odds.is_empty() || odds.len() != labels.len() {
        let problem =
            format!("{} for {} labels, expected as many, and some", odds.len(), labels.len());
        return refuse("log-odds".to_owned(), problem);
    }
    if let Some(at) = odds.iter().position(|odds| !odds.is_finite()) {
        return refuse(format!("log-odds {at}"), format!("{}, expected a number", odds[at]));
    }
    if let Some(at) = labels.iter().position(|label| !(0.0..=1.0).contains(label)) {
        return refuse(format!("label {at}"), format!("{}, expected 0 to 1", labels[at]));
    }
    // The derivative of the loss by `1 / T`, which only rises.
    let slope = |inverse: f64| -> f64 {
        let one =
            |(odds, label): (&f64, &f64)| (super::network::sigmoid(odds * inverse) - label) * odds;
        odds.iter().zip(labels).map(one).sum()
    };
    let (mut low, mut high) = BOUNDS;
    let without = |problem: &str| {
        let problem = format!("{problem}: no temperature fits best, expected more problems");
        refuse("log-odds".to_owned(), problem)
    };
    if slope(low) >= 0.0 {
        return without("they say nothing of the labels, or the opposite");
    }
    if slope(high) <= 0.0 {
        return without("they separate the labels without an error, or all labels are on one side");
    }
    for _ in 0..200 {
        let middle = (low * high).sqrt();
        if slope(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(1.0 / (low * high).sqrt())
}
