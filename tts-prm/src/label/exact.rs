//! Exact labels: what a family's checker knows of every prefix.

use tts_core::family::Family;

use super::{LabelledSolution, LabelledStep};

/// A solution with the value of each prefix under the optimal policy ([`Family::value`]): 1 while it
/// can still come out right, 0 from the first step that it cannot after.
///
/// ```
/// use tts_core::family::Chain;
/// let labelled = tts_prm::label::exact(&Chain::default(), "47+38*3-26", &["=47+114-26\n", "=151-26\n"]);
/// assert_eq!(labelled.first_error(), Some(1));
/// assert!(!labelled.solved);
/// ```
pub fn exact<F: Family + ?Sized>(family: &F, question: &str, steps: &[&str]) -> LabelledSolution {
    let solved = family.solved(question, steps);
    let step = |(place, text): (usize, &&str)| {
        let last = place + 1 == steps.len();
        let value = family.value(question, &steps[..=place]);
        LabelledStep {
            text: (*text).to_owned(),
            tokens: Vec::new(),
            // A finished solution is worth what it is, whatever could have followed.
            value: Some(if last { f64::from(u8::from(solved)) } else { value }),
            rollouts: 0,
        }
    };
    LabelledSolution {
        prompt: family.prompt(question),
        start: Some(family.value(question, &[])),
        steps: steps.iter().enumerate().map(step).collect(),
        solved,
    }
}
