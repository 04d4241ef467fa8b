//! Whose refusals are whose: the jury's, those of the second jury or the scorer that judges its judgements, and those of a scorer
//! whose score is the judgement.
//!
//! A search has one list of what could not be read, and one of the lines that failed. A reason of the meta-judge is marked, so that
//! reasons without the mark are as many as judgements that were refused.
//!
//! Source: none.

use std::collections::BTreeMap;

use tts_core::{NodeId, NodeKind, Outcome, Tree};

use super::super::asker::SECOND;
use super::super::ballot::Ballot;
use super::super::jury::Jury;
use super::super::read::Refusal;

/// A judgement that was refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refused {
    /// Its last node; `None` of a line that was not written.
    pub(super) node: Option<NodeId>,
    /// Why, with the mark of the meta-judge where it is one of its own.
    pub(super) why: String,
}

impl Refused {
    /// The reason, marked as one of the meta-judge.
    fn by_second(node: Option<NodeId>, why: &str) -> Self {
        Self { node, why: format!("{SECOND}{why}") }
    }
}

/// Whether a reason is one of the meta-judge.
pub(in crate::critic) fn is_second(why: &str) -> bool {
    why.starts_with(SECOND)
}

/// Why judgements were refused: what could not be read, then lines that were not written.
pub(super) fn refused(jury: &Jury, ballot: &Ballot, outcome: &Outcome) -> Vec<Refused> {
    let tree = &outcome.tree;
    let is_line = |node: NodeId| tree[node].kind == NodeKind::Aside;
    // A line has one reason of the jury, behind those of scorers; what is no line may have several.
    let mut last: BTreeMap<NodeId, usize> = BTreeMap::new();
    let own = |why: &str| !is_second(why);
    for (place, unread) in outcome.unscored.iter().enumerate().filter(|(_, it)| own(&it.why)) {
        last.insert(unread.node, place);
    }
    let guided = jury.meta.as_ref().is_some_and(|meta| meta.scorer().is_some());
    let is_read = |node: NodeId| ballot.judgements.iter().any(|judgement| judgement.node == node);
    let mut all = Vec::new();
    let mut scorers: BTreeMap<NodeId, &str> = BTreeMap::new();
    for (place, unread) in outcome.unscored.iter().enumerate() {
        let (node, why) = (unread.node, &unread.why);
        let plain = Refused { node: Some(node), why: why.clone() };
        if !own(why) || !is_line(node) {
            all.push(plain);
        } else if guided && (is_read(node) || last.get(&node) != Some(&place)) {
            all.push(Refused::by_second(Some(node), why));
        } else if last.get(&node) == Some(&place) {
            // Who was to score it says more than that there is no score.
            let why = scorers.get(&node).map_or_else(|| why.clone(), |&why| why.to_owned());
            all.push(Refused { why, ..plain });
        } else {
            scorers.insert(node, why);
        }
    }
    all.extend(outcome.failed.iter().map(|failed| {
        let (node, why) = (None, Refusal::failed(&failed.error));
        if is_about_a_line(tree, failed.node) {
            Refused::by_second(node, &why)
        } else {
            Refused { node, why }
        }
    }));
    all
}

/// Whether a line stands behind a question about another line, as those of a second jury do.
fn is_about_a_line(tree: &Tree, node: NodeId) -> bool {
    let about = tree[tree.question(node)].parent;
    about.is_some_and(|about| tree[about].kind == NodeKind::Aside)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use tts_core::toy::Voice;
    use tts_core::{BoxError, Prompt, Scale, Scored, Search, StepScorer, Trajectory, scorer};

    use super::super::super::{By, Decision, Judge, Meta, Reading};
    use super::super::{Graded, GradedAssessment, assess_graded};
    use super::*;

    fn items(count: usize) -> Vec<Graded> {
        let item = |number: usize| Graded {
            prompt: format!("q{number}").into(),
            response: "So.".into(),
            label: f64::from(u8::from(number.is_multiple_of(2))),
            truth: Some(true),
            subset: None,
            reference: None,
        };
        (0..count).map(item).collect()
    }

    fn judge(name: &str) -> Judge {
        Judge::published(name).expect(name)
    }

    #[test]
    fn two_juries_have_reasons_of_their_own() {
        // Every fourth judgement cannot be read, and the second jury says nothing of any.
        let first =
            Voice::new(|_, _, rng| if rng.below(4) == 0 { "Hm." } else { "Sound. Proof grade: 1" });
        let second = Voice::new(|_, _, _| "Hm.");
        let issues = Jury { role: Some("second".into()), ..Jury::of(judge("issues"), 2) };
        let jury =
            Jury { role: None, meta: Some(Meta::by(issues, 2)), ..Jury::of(judge("proof"), 8) };
        let (items, search) = (items(4), Search::new(&first).role("second", &second).seed(3));
        let rulings = assess_graded(&search, &jury, &items, |_, _, _| ControlFlow::Continue(()));
        let rulings = rulings.expect("judged");
        let found = GradedAssessment::of(&jury, &items, &rulings, 1).expect("figures");
        assert!(found.refused > 0 && found.judgements > 0, "{found:?}");
        assert_eq!(found.judgements + found.refused, 32);
        let own = "no \"Proof grade:\" in the judgement".to_owned();
        let others = format!("{SECOND}no \"Verification grade:\" in the judgement");
        // Two of the second jury about each judgement that was read.
        let expected = [(own, found.refused), (others.clone(), 2 * found.judgements)];
        assert_eq!(found.reasons, expected.into());
        let mut text = Vec::new();
        found.write(&mut text).expect("written");
        let text = String::from_utf8(text).expect("text");
        let count = 2 * found.judgements;
        assert!(text.contains(&format!("{} refused\n", found.refused)), "{text}");
        assert!(text.contains(&format!("{count} judgements of the meta-judge refused")), "{text}");
        assert!(text.contains(&format!("{count} refused: {others}")), "{text}");
    }

    #[test]
    fn what_a_scorer_refuses_is_told_once_and_as_whose_it_is() {
        let voice = Voice::new(|_: &Prompt, so_far: &str, _| {
            if so_far.ends_with("(Yes/No)?") { " Yes" } else { "Sound. {\"score\": 7}" }
        });
        let reasons = |jury: Jury| {
            let half = scorer::from_fn(|_, _| 0.5).with_scale(Scale::OUTCOME);
            let search = Search::new(&voice).scorer_named("mute", Mute).scorer_named("half", half);
            let mut found = None;
            assess_graded(&search, &jury, &items(1), |_, ruling, _| {
                found = Some((ruling.ballot.refused, ruling.reasons.clone()));
                ControlFlow::Continue(())
            })
            .expect("judged");
            found.expect("one item")
        };
        // As a meta-judge it takes nothing from the judge.
        let meta = Some(Meta::of("mute", 1));
        let guided = Jury { role: None, meta, ..Jury::of(judge("score"), 2) };
        assert_eq!(reasons(guided), (0, vec![format!("{SECOND}too long"); 2]));
        // As the one whose score the judgement is, it says why there is none.
        let decision = Decision { by: By::Scorer("mute".into()), ..Decision::default() };
        let reading = Reading::Decision(decision);
        let scored = Judge { reading, ..judge("genrm-cot") };
        let scored = Jury { role: None, ..Jury::of(scored, 2) };
        assert_eq!(reasons(scored.clone()), (2, vec!["too long".to_owned(); 2]));
        let decision = Decision { by: By::Scorer("half".into()), ..Decision::default() };
        let judge = Judge { reading: Reading::Decision(decision), ..scored.judge.clone() };
        assert_eq!(reasons(Jury { judge, ..scored }), (0, Vec::new()));
    }

    /// Scores nothing.
    struct Mute;

    impl StepScorer for Mute {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            Ok(batch.iter().map(|_| Scored::refused("too long")).collect())
        }

        fn scale(&self) -> Scale {
            Scale::OUTCOME
        }
    }
}
