//! Which of many differences are real, when each of them had its own chance to seem so.
//!
//! Of twenty true hypotheses of no difference, one is rejected at 5 % by chance. Holm's procedure
//! holds the chance that any true one is rejected at all to 5 %, whatever the tests depend on:
//! the smallest of `m` p-values counts `m` times, the next `m - 1` times, and so on, and none counts
//! less than a smaller one. It rejects whatever Bonferroni's correction rejects, and more.
//!
//! Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal
//! of Statistics 6:65-70.

use super::MetricError;

/// P-values adjusted for their number, in their order: at most `a` of these rejects at level `a`.
///
/// Equal p-values get equal ones. Without any there is nothing to adjust.
///
/// # Errors
/// [`MetricError::BadNumber`] for a value that is `NaN` or outside [0, 1].
///
/// ```
/// use tts_core::metrics::holm;
/// let adjusted = holm(&[0.04, 0.01, 0.5])?;
/// assert_eq!(adjusted, [0.08, 0.03, 0.5]); // 2 * 0.04, 3 * 0.01, 1 * 0.5
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, MetricError> {
    let bad = |value: &f64| !(0.0..=1.0).contains(value);
    if let Some(index) = p_values.iter().position(bad) {
        return Err(MetricError::BadNumber { field: "p_values", index, value: p_values[index] });
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (rank, &place) in order.iter().enumerate() {
        let left = (p_values.len() - rank) as f64;
        least = least.max((left * p_values[place]).min(1.0));
        adjusted[place] = least;
    }
    Ok(adjusted)
}

#[cfg(test)]
#[path = "holm_tests.rs"]
mod tests;
