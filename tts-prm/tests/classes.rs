//! Three classes of steps: from values, learnt, saved, and read with either meaning of neutral.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::sync::Arc;

use tts_core::{Aggregate, Prompt, Step, StepScorer, Trajectory};
use tts_models::testing::tiny_config;
use tts_models::train::{Example, Goal, LabelHead, Model, TrainConfig, Trainer};
use tts_models::weights::Dtype;
use tts_models::{Backend, DecoderWeights, EngineConfig, ModelConfig, Tokenizer};
use tts_prm::label::{LabelKind, LabelledSolution, LabelledStep, exact};
use tts_prm::train::{Solution, StepClass, process_config, save, until_first_bad};
use tts_prm::{HeadConfig, NeutralLabel, RewardModel};

use StepClass::{Bad, Good, Neutral};

fn labelled(start: Option<f64>, values: &[Option<f64>]) -> LabelledSolution {
    let step = |&value: &Option<f64>| LabelledStep {
        text: "...\n".into(),
        tokens: Vec::new(),
        value,
        rollouts: 16,
    };
    let steps = values.iter().map(step).collect();
    LabelledSolution { prompt: Prompt::from("?"), start, steps, solved: false }
}

fn classes(solution: &LabelledSolution) -> Vec<Option<StepClass>> {
    let labels = solution.labels(LabelKind::ThreeClass);
    labels.into_iter().map(|label| label.map(|label| StepClass::of_label(label).unwrap())).collect()
}

#[test]
fn classes_follow_from_values() {
    let of = |start: f64, values: &[f64]| {
        let values: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
        classes(&labelled(Some(start), &values))
    };
    // Up, a little down, far down, lost; and nothing after that, whatever comes.
    let expected = [Some(Good), Some(Good), Some(Neutral), Some(Bad), None, None];
    assert_eq!(of(0.5, &[0.75, 0.5, 0.125, 0.0, 0.0, 1.0]), expected);
    // A quarter is not more than a quarter.
    assert_eq!(of(1.0, &[0.75, 0.4375]), [Some(Good), Some(Neutral)]);
    // What was lost from the start has no bad step, unless it was found again.
    assert_eq!(of(0.0, &[0.0, 0.0]), [None, None]);
    assert_eq!(of(0.0, &[0.25, 0.0]), [Some(Good), Some(Bad)]);
    // Nothing is said of a step whose value before is not known, nor after a value of 0.
    let gaps = labelled(None, &[Some(0.5), Some(0.5), None, Some(0.5), Some(0.0), Some(0.5)]);
    assert_eq!(classes(&gaps), [None, Some(Good), None, None, Some(Bad), None]);
    assert_eq!(classes(&labelled(None, &[Some(0.0), Some(0.5)])), [None, None]);
    // What is known exactly is good or bad.
    let family = tts_core::family::Chain::default();
    let steps = ["=47+114-26\n", "=151-26\n", "=125"];
    assert_eq!(classes(&exact(&family, "47+38*3-26", &steps)), [Some(Good), Some(Bad), None]);
}

#[test]
fn classes_have_labels_rows_and_ratings() {
    for (class, rating, row) in [(Bad, -1, 0), (Neutral, 0, 1), (Good, 1, 2)] {
        assert_eq!(StepClass::try_from(rating).unwrap(), class);
        assert_eq!(StepClass::of_label(class.label()), Some(class));
        assert_eq!(class.row(), row);
    }
    assert!(StepClass::try_from(2).unwrap_err().to_string().starts_with("rating: 2"));
    assert_eq!(StepClass::of_label(0.3), None);
    assert_eq!(until_first_bad(&[]), [] as [f32; 0]);
    assert_eq!(until_first_bad(&[Bad, Good]), [0.0]);
    let soft = Solution::new(vec![1], vec![vec![2], vec![3]], vec![1.0, 0.3], true).unwrap();
    let error = soft.process_classes().unwrap_err().to_string();
    assert!(error.starts_with("label 1: 0.3"), "{error}");
    // A step without a label is read and not judged.
    let labels = vec![Some(1.0), None, Some(0.5)];
    let gap =
        Solution::with_labels(vec![1], vec![vec![2], vec![3], vec![4]], labels, true).unwrap();
    let example = gap.process_classes().unwrap();
    let found: Vec<_> = example.targets.iter().map(|t| (t.position, t.want)).collect();
    assert_eq!(found, [(1, Goal::Class(2)), (3, Goal::Class(1))]);
    assert_eq!(example.tokens, [1, 2, 3, 4]);
}

const ALPHABET: &str = "\n0123456789";

fn tokenizer(folder: &Path) -> Tokenizer {
    let file = folder.join("tokenizer.json");
    let json = tts_models::text::tokenizer::characters(ALPHABET, &["<|end|>"]).unwrap();
    std::fs::write(&file, json).unwrap();
    Tokenizer::from_file(file).unwrap()
}

/// Steps are digits: low ones are bad, middle ones neutral, high ones good.
fn class_of(digit: usize) -> StepClass {
    [Bad, Bad, Bad, Neutral, Neutral, Neutral, Neutral, Good, Good, Good][digit]
}

fn path(digits: &[usize]) -> Trajectory {
    let step = |digit: &usize| Arc::new(Step { text: digit.to_string(), ..Step::default() });
    let steps: Vec<Arc<Step>> = digits.iter().map(step).collect();
    Trajectory::new(Arc::new(Prompt::text("1\n")), steps, digits.len(), true)
}

/// What is trained is what is scored: the softmax of the head's rows at the end of each step. Neutral as
/// right is never below neutral as wrong, of no step and of no solution, and says of middle steps the
/// opposite.
#[test]
fn classes_are_learnt_saved_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let shape = ModelConfig {
        vocab_size: 12,
        eos_token_ids: vec![0],
        bos_token_id: None,
        ..tiny_config("llama")
    };
    let prompt = || tokenizer.encode("1\n", false).unwrap();
    let all: Vec<[usize; 2]> = (0..100).map(|index| [index / 10, index % 10]).collect();
    let example = |digits: &[usize; 2]| -> Example {
        let labels = until_first_bad(&digits.map(class_of));
        let steps = digits.map(|digit| digit.to_string());
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        let solution = Solution::encode(&tokenizer, prompt(), &steps, "\n", labels, true).unwrap();
        solution.process_classes().unwrap()
    };
    let data: Vec<Example> = all.iter().map(example).collect();
    let decoder = DecoderWeights::initial(shape, 9).unwrap();
    let label = Some(LabelHead::of_classes(StepClass::COUNT, decoder.config.hidden_size));
    let settings = TrainConfig {
        steps: 300,
        batch: 20,
        learning_rate: 1e-2,
        warmup: 10,
        ..TrainConfig::default()
    };
    let model = Model { label, ..Model::from(decoder) };
    let trained = Trainer::new(settings).train(model, &data).unwrap();
    let loss = trained.history.recent_loss(10).unwrap();
    assert!(loss < 0.1, "{loss}");
    let head = trained.model.label.clone().unwrap();
    assert_eq!(
        (head.bias.len(), head.weight.len()),
        (3, 3 * trained.model.decoder.config.hidden_size)
    );
    let scores = |neutral: NeutralLabel| {
        let config = HeadConfig { neutral, ..process_config("\n") };
        save(folder.path(), &trained.model, &config, Dtype::F32).unwrap();
        let engine = EngineConfig::default();
        let scorer = RewardModel::process(folder.path(), Backend::Native, engine).unwrap();
        let paths: Vec<Trajectory> = all.iter().map(|digits| path(digits)).collect();
        scorer.score(&paths).unwrap().into_iter().map(|scored| scored.scores).collect::<Vec<_>>()
    };
    let (lenient, strict) = (scores(NeutralLabel::Positive), scores(NeutralLabel::Negative));
    for ((digits, lenient), strict) in all.iter().zip(&lenient).zip(&strict) {
        for (step, (lenient, strict)) in lenient.iter().zip(strict).enumerate() {
            assert!(lenient >= strict, "{digits:?}: {lenient} {strict}");
            // After a bad step nothing was learnt.
            if step == 1 && class_of(digits[0]) == Bad {
                continue;
            }
            let class = class_of(digits[step]);
            let wanted = (class != Bad, class == Good);
            assert_eq!((*lenient > 0.5, *strict > 0.5), wanted, "{digits:?}: {lenient} {strict}");
        }
        for aggregate in [Aggregate::Product, Aggregate::Min, Aggregate::Last, Aggregate::Mean] {
            let of = |scores: &[f64]| aggregate.apply(scores.iter().copied()).unwrap();
            assert!(of(lenient) >= of(strict), "{aggregate:?} of {digits:?}");
        }
    }
    // By hand, from the hidden rows of the saved backbone.
    let backbone =
        tts_models::open(folder.path(), Backend::Ndarray, EngineConfig::default()).unwrap();
    for (place, digits) in all.iter().enumerate().step_by(17) {
        let Example { tokens, targets, .. } = &data[place];
        for (step, target) in targets.iter().enumerate() {
            let row = backbone.hidden_of(&tokens[..=target.position], &[target.position]).unwrap();
            let logit = |label: usize| -> f64 {
                let weights = head.weight.chunks(row[0].len()).nth(label).unwrap();
                let products =
                    weights.iter().zip(&row[0]).map(|(&w, &x)| f64::from(w) * f64::from(x));
                products.sum::<f64>() + f64::from(head.bias[label])
            };
            let [bad, neutral, good] = [0, 1, 2].map(|label| logit(label).exp());
            let total = bad + neutral + good;
            assert!((lenient[place][step] - (neutral + good) / total).abs() < 1e-4, "{digits:?}");
            assert!((strict[place][step] - good / total).abs() < 1e-4, "{digits:?}");
        }
    }
}
