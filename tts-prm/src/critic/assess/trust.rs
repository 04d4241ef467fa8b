//! Does a meta-judge know right judgements from others?
//!
//! A judgement of several responses is right where it gives the best one, and it alone, its highest score; a tie is wrong. The area
//! under the ROC curve of what the meta-judge thinks of them says whether keeping those that it trusts can pay: a half knows
//! nothing, and keeping some then only throws votes away. Judgements of one response are not told apart here: whether such a
//! score is right depends on what others get.
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), section 4: a meta reward model is trained on whether a sampled judgement is right.

use tts_core::metrics::{Auc, auc_over_problems};

use super::figures::DRAWS;
use super::preference::Preference;
use super::report::Ruling;

/// The area under the curve over judgements that a meta-judge has seen; `None` where it has seen none, or all are right or none.
pub(super) fn trust<'a>(
    items: impl Iterator<Item = (&'a Preference, &'a Ruling)>,
    seed: u64,
) -> Option<Auc> {
    let (mut scores, mut right, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (preference, ruling)) in items.enumerate() {
        for judgement in &ruling.ballot.judgements {
            let several = judgement.shown.len() > 1 && judgement.meta.is_finite();
            let Some(win) = judgement.win(preference.best).filter(|_| several) else { continue };
            scores.push(judgement.meta);
            right.push(win >= 1.0);
            problems.push(number);
        }
    }
    auc_over_problems(&scores, &right, &problems, DRAWS, seed).ok()
}

#[cfg(test)]
mod tests {
    use tts_core::NodeId;

    use super::super::super::{Ballot, Judgement};
    use super::*;

    fn ruling(said: &[([f64; 2], f64)]) -> Ruling {
        let judgement = |(sample, (scores, meta)): (usize, &([f64; 2], f64))| Judgement {
            node: NodeId::ROOT,
            sample,
            shown: vec![0, 1],
            scores: scores.to_vec(),
            steps: Vec::new(),
            meta: *meta,
        };
        let judgements = said.iter().enumerate().map(judgement).collect();
        Ruling { ballot: Ballot { responses: 2, judgements, refused: 0 }, reasons: Vec::new() }
    }

    #[test]
    fn by_hand() {
        let pair: Preference = serde_json::from_str(
            r#"{"prompt": {"text": "q"}, "responses": ["a", "b"], "best": 1}"#,
        )
        .expect("a preference");
        // Right, wrong, a tie; three of four pairs of right and wrong ones in order.
        let one = ruling(&[([1.0, 2.0], 0.9), ([2.0, 1.0], 0.3), ([2.0, 2.0], 0.1)]);
        let other = ruling(&[([1.0, 2.0], 0.2), ([1.0, 2.0], f64::NEG_INFINITY)]);
        let items = [(&pair, &one), (&pair, &other)];
        let found = trust(items.into_iter(), 1).expect("right and wrong ones");
        assert!((found.area - 0.75).abs() < 1e-12, "{found:?}");
        assert_eq!((found.right, found.wrong), (2, 2));
        assert!(trust([(&pair, &other)].into_iter(), 1).is_none());
    }
}
