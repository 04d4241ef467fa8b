//! Judgements as labels: what a meta-judge learns from.
//!
//! A judgement is one step behind the question that the judge was asked, worth 1 where it is right and 0 where it is wrong; a
//! process or outcome reward model of such labels scores judgements, in votes ([`crate::critic::Meta`]) among others.
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), section 4: a meta reward model, trained on whether sampled judgements are right.

use super::{LabelledSolution, LabelledStep};
use crate::critic::Attempt;

impl LabelledSolution {
    /// The label of a judgement; of one that cannot be read it is 0 where `unread` counts as wrong, else there is none, and none
    /// of one in which nothing stands.
    ///
    /// ```
    /// use tts_prm::critic::Attempt;
    /// use tts_prm::label::LabelledSolution;
    /// let wrong = Attempt { item: 0, prompt: "?".into(), judgement: "[[B]]".into(), right: Some(false) };
    /// let label = LabelledSolution::of_judgement(&wrong, false).expect("it says something");
    /// assert_eq!((label.steps[0].text.as_str(), label.steps[0].value), ("[[B]]", Some(0.0)));
    /// let unread = Attempt { right: None, ..wrong };
    /// assert_eq!(LabelledSolution::of_judgement(&unread, false), None);
    /// assert!(LabelledSolution::of_judgement(&unread, true).is_some_and(|label| !label.solved));
    /// ```
    pub fn of_judgement(attempt: &Attempt, unread: bool) -> Option<Self> {
        if attempt.judgement.trim().is_empty() || (attempt.right.is_none() && !unread) {
            return None;
        }
        let right = attempt.right == Some(true);
        let step = LabelledStep {
            text: attempt.judgement.clone(),
            tokens: Vec::new(),
            value: Some(f64::from(u8::from(right))),
            rollouts: 0,
        };
        Some(Self { prompt: attempt.prompt.clone(), start: None, steps: vec![step], solved: right })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(judgement: &str, right: Option<bool>) -> Attempt {
        Attempt { item: 3, prompt: "asked".into(), judgement: judgement.into(), right }
    }

    #[test]
    fn six_judgements_by_hand() {
        let all = [
            attempt("\\boxed{9, 1}", Some(true)),
            attempt("\\boxed{1, 9}", Some(false)),
            // A tie is wrong.
            attempt("\\boxed{5, 5}", Some(false)),
            attempt("both are fine", None),
            attempt(" \n", Some(true)),
            attempt("", None),
        ];
        let values = |unread: bool| -> Vec<Option<f64>> {
            let labels = all.iter().map(|one| LabelledSolution::of_judgement(one, unread));
            labels.map(|label| label.and_then(|label| label.steps[0].value)).collect()
        };
        assert_eq!(values(false), [Some(1.0), Some(0.0), Some(0.0), None, None, None]);
        assert_eq!(values(true), [Some(1.0), Some(0.0), Some(0.0), Some(0.0), None, None]);
        let label = LabelledSolution::of_judgement(&all[0], false).expect("it says something");
        assert!(label.solved && label.prompt.question() == "asked" && label.steps.len() == 1);
        assert_eq!(label.steps[0].text, "\\boxed{9, 1}");
    }
}
