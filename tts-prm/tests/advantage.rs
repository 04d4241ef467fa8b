//! Process advantage verifiers against values that are known: labels, and scores in a search.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::num::NonZeroU32;
use std::sync::Arc;

use proptest::prelude::*;
use tts_core::cost::ModelCost;
use tts_core::{BoxError, Prompt, Reads, Scored, Step, StepScorer, Trajectory};
use tts_prm::label::{LabelKind, LabelledSolution, LabelledStep};
use tts_prm::{AdvantageScorer, best_of};

/// Reads the score of a step from its text.
struct Written(ModelCost);

impl StepScorer for Written {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| {
            let scores = path.fresh_steps().iter().map(|step| step.text.trim().parse());
            Ok(Scored::of(scores.collect::<Result<_, _>>()?))
        };
        batch.iter().map(judge).collect()
    }

    fn cost(&self) -> ModelCost {
        self.0
    }
}

fn written() -> Written {
    Written(ModelCost { parameters: 100, layers: 2, query_width: 8, windows: None })
}

/// The advantage that one value has over another, mapped onto 0 to 1, as a model would that has
/// learnt it perfectly.
struct Perfect {
    tries: NonZeroU32,
    start: f64,
}

impl StepScorer for Perfect {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| {
            let values: Result<Vec<f64>, _> =
                path.steps().iter().map(|step| step.text.trim().parse()).collect();
            let values = values?;
            let before = [self.start].into_iter().chain(values.iter().copied());
            let labels = before.zip(&values).map(|(before, &now)| {
                (1.0 + best_of(now, self.tries) - best_of(before, self.tries)) / 2.0
            });
            Ok(Scored::of(labels.skip(path.judged_steps().len()).collect()))
        };
        batch.iter().map(judge).collect()
    }

    fn cost(&self) -> ModelCost {
        ModelCost { parameters: 10, layers: 1, query_width: 2, windows: None }
    }
}

fn tries(k: u32) -> NonZeroU32 {
    NonZeroU32::new(k).unwrap()
}

fn path(values: &[f64], fresh: usize) -> Trajectory {
    let step = |value: &f64| Arc::new(Step { text: format!("{value}\n"), ..Step::default() });
    Trajectory::new(Arc::new(Prompt::from("?")), values.iter().map(step).collect(), fresh, true)
}

fn scores(scorer: &dyn StepScorer, path: Trajectory) -> Vec<f64> {
    scorer.score(&[path]).unwrap().remove(0).scores
}

fn labelled(start: f64, values: &[f64]) -> LabelledSolution {
    let step = |&value: &f64| LabelledStep {
        text: "...\n".into(),
        tokens: Vec::new(),
        value: Some(value),
        rollouts: 8,
    };
    let steps = values.iter().map(step).collect();
    LabelledSolution { prompt: Prompt::from("?"), start: Some(start), steps, solved: false }
}

proptest! {
    /// A prover of one try is the policy itself, to the last bit, and more tries never hurt.
    #[test]
    fn one_try_is_the_policy_and_labels_telescope(
        start in 0.0_f64..=1.0,
        values in prop::collection::vec(0.0_f64..=1.0, 1..8),
        k in 1_u32..40,
    ) {
        let solution = labelled(start, &values);
        let one = LabelKind::Advantage { tries: tries(1) };
        prop_assert_eq!(solution.labels(one), solution.labels(LabelKind::Progress));
        let labels = solution.labels(LabelKind::Advantage { tries: tries(k) });
        let sum: f64 = labels.iter().map(|label| 2.0 * f64::from(label.unwrap()) - 1.0).sum();
        let last = *values.last().unwrap();
        let gained = best_of(last, tries(k)) - best_of(start, tries(k));
        prop_assert!((sum - gained).abs() < 1e-5, "{} for {}", sum, gained);
        prop_assert_eq!(best_of(last, tries(1)).to_bits(), last.to_bits());
        let by_hand = 1.0 - (1.0 - last).powi(i32::try_from(k).unwrap());
        prop_assert!((best_of(last, tries(k)) - by_hand).abs() < 1e-12);
        prop_assert!(best_of(last, tries(k)) >= last - 1e-15);
        prop_assert!((0.0..=1.0).contains(&best_of(last, tries(k))));
    }

    /// Whether advantages come from a second scorer or from the values, and however the path is cut
    /// into fresh steps; they add up to what was gained.
    #[test]
    fn scores_are_values_and_advantages(
        start in 0.0_f64..=1.0,
        values in prop::collection::vec(0.0_f64..=1.0, 1..8),
        k in 1_u32..40,
        alpha in 0.01_f64..4.0,
    ) {
        let derived = AdvantageScorer::derived(written(), tries(k), start, alpha).unwrap();
        let whole = scores(&derived, path(&values, values.len()));
        let mut before = start;
        for (&score, &value) in whole.iter().zip(&values) {
            let gained = best_of(value, tries(k)) - best_of(before, tries(k));
            prop_assert!((score - value - alpha * gained).abs() < 1e-12);
            before = value;
        }
        let sum: f64 = whole.iter().zip(&values).map(|(score, value)| (score - value) / alpha).sum();
        let gained = best_of(before, tries(k)) - best_of(start, tries(k));
        prop_assert!((sum - gained).abs() < 1e-9, "{} for {}", sum, gained);
        for fresh in 0..values.len() {
            let part = scores(&derived, path(&values, fresh));
            prop_assert_eq!(&part[..], &whole[values.len() - fresh..]);
        }
        let advantage = Perfect { tries: tries(k), start };
        let learnt = AdvantageScorer::learnt(written(), &advantage, alpha).unwrap();
        for (a, b) in scores(&learnt, path(&values, values.len())).iter().zip(&whole) {
            prop_assert!((a - b).abs() < 1e-12, "{} {}", a, b);
        }
        // Without a share of the advantage, the values, to the last bit.
        let none = AdvantageScorer::derived(written(), tries(k), start, 0.0).unwrap();
        prop_assert_eq!(&scores(&none, path(&values, values.len())), &values);
        let none = AdvantageScorer::learnt(written(), &advantage, 0.0).unwrap();
        prop_assert_eq!(&scores(&none, path(&values, values.len())), &values);
    }
}

/// Two prefixes of the same value: the one that the last step has brought there is worth more than the
/// one that it has left there. Values alone do not tell them apart.
#[test]
fn nothing_is_asked_of_a_path_without_fresh_steps() {
    // The step before is no value at all, which a scorer that is asked for it says.
    let derived = AdvantageScorer::derived(written(), tries(2), 0.5, 1.0).unwrap();
    assert_eq!(scores(&derived, path(&[7.0], 0)), [0.0; 0]);
    assert!(derived.score(&[path(&[7.0, 0.5], 1)]).is_err());
}

#[test]
fn progress_is_preferred() {
    let scorer = AdvantageScorer::derived(written(), AdvantageScorer::TRIES, 0.5, 0.5).unwrap();
    let last = |values: &[f64]| scores(&scorer, path(values, 1))[0];
    assert!(last(&[0.1, 0.4]) > last(&[0.4, 0.4]) && last(&[0.4, 0.4]) > last(&[0.8, 0.4]));
    // Between values that the prover solves anyway there is little to gain.
    let gained = |before: f64| best_of(before + 0.1, tries(8)) - best_of(before, tries(8));
    assert!(gained(0.8) < 1e-4 && gained(0.0) > 0.5);
    assert_eq!(AdvantageScorer::TRIES.get(), 4);
}

#[test]
fn costs_add_up() {
    let advantage = Perfect { tries: tries(2), start: 0.5 };
    let learnt = AdvantageScorer::learnt(written(), advantage, 0.5).unwrap().cost();
    assert_eq!(
        learnt,
        ModelCost { parameters: 110, layers: 1, query_width: 2 * 8 + 2, windows: None }
    );
    let both = written().cost().flops(0, 10) + 2.0 * 10.0 * 10.0 + 4.0 * 2.0 * 55.0;
    assert!((learnt.flops(0, 10) - both).abs() < 1e-9);
    let derived = AdvantageScorer::derived(written(), tries(2), 0.5, 0.5).unwrap().cost();
    assert_eq!(derived, written().cost());
}

/// Asks about paths, in place of reading them or besides.
struct Asks(Option<ModelCost>, bool);

const ASKED: Reads = Reads { tokens: 5, flops: 100.0, path: None };

impl StepScorer for Asks {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let said = |path: &Trajectory| {
            let half = Scored::of(vec![0.5; path.fresh_steps().len()]);
            let said = if self.1 { Scored::refused("no") } else { half };
            said.reading(Some(Reads { path: self.0, ..ASKED }))
        };
        Ok(batch.iter().map(said).collect())
    }

    fn cost(&self) -> ModelCost {
        ModelCost { parameters: 1_000, layers: 0, query_width: 0, windows: None }
    }
}

#[test]
fn what_is_read_is_that_of_both() {
    let read = |scorer: AdvantageScorer<'_>| scorer.score(&[path(&[0.5], 1)]).unwrap().remove(0);
    let asks = |refuses| Asks(None, refuses);
    // The value's path alone, whoever refuses.
    let values = Reads { path: Some(ModelCost::together([written().cost()])), ..ASKED };
    for refuses in [false, true] {
        let found = read(AdvantageScorer::learnt(written(), asks(refuses), 0.5).unwrap());
        assert_eq!((found.reads, found.refused.is_some()), (Some(values), refuses));
        let found = read(AdvantageScorer::learnt(asks(refuses), written(), 0.5).unwrap());
        assert_eq!((found.reads, found.refused.is_some()), (Some(values), refuses));
        let found = read(AdvantageScorer::derived(asks(refuses), tries(2), 0.5, 0.5).unwrap());
        assert_eq!((found.reads, found.refused.is_some()), (Some(ASKED), refuses));
    }
    let found = read(AdvantageScorer::learnt(asks(false), asks(false), 0.5).unwrap());
    assert_eq!(found.reads, Some(Reads { tokens: 10, flops: 200.0, path: None }));
    let found = read(AdvantageScorer::learnt(written(), written(), 0.5).unwrap());
    assert_eq!(found.reads, None);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for alpha in [-0.5, f64::NAN, f64::INFINITY] {
        for scorer in [
            AdvantageScorer::derived(written(), tries(2), 0.5, alpha),
            AdvantageScorer::learnt(written(), written(), alpha),
        ] {
            let error = scorer.unwrap_err().to_string();
            assert!(error.starts_with("alpha: "), "{error}");
        }
    }
    for start in [-0.1, 1.1, f64::NAN] {
        let error = AdvantageScorer::derived(written(), tries(2), start, 0.5).unwrap_err();
        assert!(error.to_string().starts_with("start: "), "{error}");
    }
    // Scores that are no probabilities have no prover.
    let derived = AdvantageScorer::derived(written(), tries(2), 0.5, 0.5).unwrap();
    let error = derived.score(&[path(&[0.5], 1), path(&[0.5, 1.5], 1)]).unwrap_err().to_string();
    assert_eq!(error, "path 1: step 1: the value is 1.5, expected 0 to 1");
    let learnt = AdvantageScorer::learnt(
        written(),
        tts_core::scorer::from_fn(|_, _| f64::NAN),
        AdvantageScorer::ALPHA,
    );
    let error = learnt.unwrap().score(&[path(&[0.5, 0.5], 2)]).unwrap_err().to_string();
    assert_eq!(error, "path 0: step 0: the advantage is NaN, expected 0 to 1");
}

#[test]
fn kinds_of_labels_have_names() {
    let names = [
        (LabelKind::Soft, "\"soft\""),
        (LabelKind::Progress, "\"progress\""),
        (LabelKind::ThreeClass, "\"three-class\""),
        (LabelKind::Advantage { tries: tries(4) }, "{\"advantage\":{\"tries\":4}}"),
        (LabelKind::Relative { percent: tries(80) }, "{\"relative\":{\"percent\":80}}"),
    ];
    for (kind, json) in names {
        assert_eq!(serde_json::to_string(&kind).unwrap(), json);
        assert_eq!(serde_json::from_str::<LabelKind>(json).unwrap(), kind);
    }
    for bad in
        ["{\"advantage\":{\"tries\":0}}", "{\"advantage\":{\"tries\":4,\"k\":1}}", "\"advantage\""]
    {
        assert!(serde_json::from_str::<LabelKind>(bad).is_err(), "{bad}");
    }
}
