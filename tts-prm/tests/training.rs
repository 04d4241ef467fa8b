//! Training data of reward models: labels, positions, and that what is learnt is what is scored.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::sync::Arc;

use tts_core::{Prompt, Scored, Step, StepScorer, Trajectory};
use tts_models::testing::tiny_config;
use tts_models::train::{
    Conjunction, Example, Goal, LabelHead, Model, Target, TrainConfig, Trainer,
};
use tts_models::weights::Dtype;
use tts_models::{Backend, DecoderWeights, EngineConfig, ModelConfig, Tokenizer};
use tts_prm::train::{
    Solution, outcome_config, process_config, process_tokens_config, save, until_first_error,
};
use tts_prm::{HeadConfig, Reading, RewardModel};

const ALPHABET: &str = "\n0123456789+-*=";
const PROMPT: &str = "12+3-4\n";
const STEPS: [&str; 2] = ["=15-4\n", "=11"];

fn shape() -> ModelConfig {
    ModelConfig {
        vocab_size: 16,
        eos_token_ids: vec![0],
        bos_token_id: None,
        ..tiny_config("llama")
    }
}

fn tokenizer(folder: &Path) -> Tokenizer {
    let file = folder.join("tokenizer.json");
    let json = tts_models::text::tokenizer::characters(ALPHABET, &["<|end|>"]).unwrap();
    std::fs::write(&file, json).unwrap();
    Tokenizer::from_file(file).unwrap()
}

fn solution(tokenizer: &Tokenizer, right: &[bool], solved: bool) -> Solution {
    let prompt = tokenizer.encode(PROMPT, false).unwrap();
    let labels = until_first_error(right);
    Solution::encode(tokenizer, prompt, &STEPS, "\n", labels, solved).unwrap()
}

fn labels(example: &Example) -> Vec<(usize, f32)> {
    let one = |target: &Target| match target.want {
        Goal::Probability { value, .. } => (target.position, value),
        other => panic!("{other:?} is wanted"),
    };
    example.targets.iter().map(one).collect()
}

#[test]
fn labels_stop_at_the_first_error() {
    assert_eq!(until_first_error(&[]), [] as [f32; 0]);
    assert_eq!(until_first_error(&[false, true]), [0.0]);
    assert_eq!(until_first_error(&[true, true]), [1.0, 1.0]);
    assert_eq!(until_first_error(&[true, false, false, true]), [1.0, 0.0]);
}

#[test]
fn one_label_at_the_end_of_each_judged_step_and_no_token_after() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let text = |example: &Example| tokenizer.decode(&example.tokens, false);
    let right = solution(&tokenizer, &[true, true], true).process();
    assert_eq!(text(&right), "12+3-4\n=15-4\n=11\n");
    assert_eq!(labels(&right), [(12, 1.0), (16, 1.0)]);
    let wrong = solution(&tokenizer, &[false, true], false).process();
    assert_eq!(text(&wrong), "12+3-4\n=15-4\n");
    assert_eq!(labels(&wrong), [(12, 0.0)]);
}

#[test]
fn labels_of_tokens_stand_before_them_and_end_with_the_first_wrong_one() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let judged = |example: &Example| -> Vec<(usize, Goal)> {
        example.targets.iter().map(|target| (target.position, target.want)).collect()
    };
    // "12+3-4\n" are tokens 0 to 6, "=15-4\n" 7 to 12, "=11\n" 13 to 16.
    let right = solution(&tokenizer, &[true, true], true).process_tokens(0).unwrap();
    assert_eq!(right.tokens.len(), 17);
    let ones = |end: usize| -> Vec<(usize, Goal)> {
        let one = |index: usize| Goal::Probability { label: right.tokens[index], value: 1.0 };
        (7..end).map(|index| (index - 1, one(index))).collect()
    };
    assert_eq!(judged(&right), ones(17));
    let wrong = solution(&tokenizer, &[true, false], false);
    for (token, last) in [(0, 13), (2, 15), (3, 16), (99, 16)] {
        let example = wrong.process_tokens(token).unwrap();
        let mut expected = ones(last);
        let label = right.tokens[last];
        expected.push((last - 1, Goal::Probability { label, value: 0.0 }));
        assert_eq!(judged(&example), expected);
        // Nothing is read that is not judged.
        assert_eq!(example.tokens.len(), last + 1);
        assert!(example.targets.iter().all(|target| (target.weight - 1.0).abs() < 1e-6));
    }
    // A soft label counts as wrong, a step without one and what comes after it as nothing.
    let texts = ["=15-4\n", "=11\n"].map(|text| tokenizer.encode(text, false).unwrap());
    let with = |labels: [Option<f32>; 2]| {
        let prompt = tokenizer.encode(PROMPT, false).unwrap();
        Solution::with_labels(prompt, texts.to_vec(), labels.to_vec(), false).unwrap()
    };
    let soft = with([Some(1.0), Some(0.75)]).process_tokens(2).unwrap();
    assert_eq!(soft, wrong.process_tokens(2).unwrap());
    let first = with([Some(1.0), None]).process_tokens(2).unwrap();
    assert_eq!((judged(&first), first.tokens.len()), (ones(13), 13));
    let behind = with([None, Some(0.0)]).process_tokens(2).unwrap();
    assert_eq!((behind.targets.len(), behind.tokens.len()), (0, 7));
    // The first error is the last step.
    let early = solution(&tokenizer, &[false, false], false).process_tokens(1).unwrap();
    assert_eq!(labels(&early), [(6, 1.0), (7, 0.0)]);
    let bare = Solution::new(vec![], vec![vec![3]], vec![1.0], true).unwrap();
    assert!(bare.process_tokens(0).unwrap_err().to_string().contains("token 0"));
}

#[test]
fn labels_of_steps_and_prefixes_are_products_over_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let solution = solution(&tokenizer, &[true, false], false);
    let prompt = tokenizer.encode(PROMPT, false).unwrap().len();
    let lengths: Vec<usize> = STEPS
        .iter()
        .map(|step| tokenizer.encode(&format!("{}\n", step.trim()), false).unwrap().len())
        .collect();
    let ends = [prompt + lengths[0], prompt + lengths[0] + lengths[1]];
    let stretches = |example: Example| {
        assert!(example.targets.is_empty() && example.sequence.is_none());
        let one = |conjunction: &Conjunction| {
            let first = conjunction.of[0].0 + 1;
            // Each token by its own label, at the place before it.
            for (place, &(position, label)) in conjunction.of.iter().enumerate() {
                assert_eq!((position + 1, label), (first + place, example.tokens[first + place]));
            }
            (first..first + conjunction.of.len(), conjunction.value)
        };
        example.conjunctions.iter().map(one).collect::<Vec<_>>()
    };
    let steps = stretches(solution.process_steps().unwrap());
    assert_eq!(steps, [(prompt..ends[0], 1.0), (ends[0]..ends[1], 0.0)]);
    let prefixes = stretches(solution.process_prefixes().unwrap());
    assert_eq!(prefixes, [(prompt..ends[0], 1.0), (prompt..ends[1], 0.0)]);
    let whole = stretches(solution.outcome_tokens().unwrap());
    assert_eq!(whole, [(prompt..prompt + lengths.iter().sum::<usize>(), 0.0)]);
    let bare = Solution::new(vec![], vec![vec![5]], vec![1.0], true).unwrap();
    for example in [bare.process_steps(), bare.process_prefixes(), bare.outcome_tokens()] {
        assert!(example.unwrap_err().to_string().contains("0..1, expected tokens 1"));
    }
}

#[test]
fn an_outcome_stands_at_every_token_of_the_solution_and_weighs_one() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    for (solved, label) in [(true, 1.0), (false, 0.0)] {
        let example = solution(&tokenizer, &[true, false], solved).outcome();
        let expected: Vec<(usize, f32)> = (7..17).map(|position| (position, label)).collect();
        assert_eq!(labels(&example), expected);
        let weight: f32 = example.targets.iter().map(|target| target.weight).sum();
        assert!((weight - 1.0).abs() < 1e-6, "{weight}");
    }
}

#[test]
fn bad_solutions_are_named() {
    let cases = [
        (vec![], vec![], "steps: none"),
        (vec![vec![1], vec![]], vec![1.0], "step 1: no tokens"),
        (vec![vec![1]], vec![], "number of labels: 0, expected 1 to 1"),
        (vec![vec![1]], vec![1.0, 0.0], "number of labels: 2, expected 1 to 1"),
        (vec![vec![1]], vec![f32::NAN], "label 0: NaN"),
        (vec![vec![1], vec![2]], vec![1.0, 1.5], "label 1: 1.5"),
    ];
    for (steps, labels, expected) in cases {
        let error = Solution::new(vec![3], steps, labels, true).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error:?} for {expected:?}");
    }
}

/// A reward model as saved, from a few updates on random solutions.
fn trained(folder: &Path, config: &HeadConfig, example: &Example) -> Model {
    let decoder = DecoderWeights::initial(shape(), 9).unwrap();
    let weight = (0..decoder.config.hidden_size).map(|i| (i as f32).cos()).collect();
    let label = match config.reading {
        Reading::End => LabelHead { weight, bias: vec![0.1] },
        Reading::Tokens => LabelHead::of_tokens(&decoder),
    };
    let model = Model { label: Some(label), ..Model::from(decoder) };
    let settings = TrainConfig { steps: 2, learning_rate: 1e-2, ..TrainConfig::default() };
    let model = Trainer::new(settings).train(model, &vec![example.clone()]).unwrap().model;
    save(folder, &model, config, Dtype::F32).unwrap();
    model
}

/// What the label head says at the positions of an example, by the backbone of the saved folder.
fn at_targets(folder: &Path, head: &LabelHead, example: &Example) -> Vec<f64> {
    let model = tts_models::open(folder, Backend::Ndarray, EngineConfig::default()).unwrap();
    let probability = |target: &Target| {
        let Target { position, want: Goal::Probability { label, .. }, .. } = *target else {
            panic!("{target:?}")
        };
        let rows = model.hidden_of(&example.tokens[..=position], &[position]).unwrap();
        let row = head.weight.chunks(rows[0].len()).nth(label as usize).unwrap();
        let z: f64 = row.iter().zip(&rows[0]).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum();
        1.0 / (1.0 + (-z - f64::from(head.bias[label as usize])).exp())
    };
    example.targets.iter().map(probability).collect()
}

fn path() -> Trajectory {
    let step = |text: &str| Arc::new(Step { text: text.into(), ..Step::default() });
    let steps: Vec<Arc<Step>> = STEPS.iter().map(|text| step(text)).collect();
    Trajectory::new(Arc::new(Prompt::text(PROMPT)), steps, 2, true)
}

fn assert_close(found: &Scored, expected: &[f64]) {
    for (a, b) in found.scores.iter().zip(expected) {
        assert!((a - b).abs() < 1e-5, "{found:?} {expected:?}");
    }
}

#[test]
fn a_process_model_scores_where_it_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let example = solution(&tokenizer, &[true, true], true).process();
    let model = trained(folder.path(), &process_config("\n"), &example);
    let expected = at_targets(folder.path(), &model.label.unwrap(), &example);
    assert!((expected[0] - expected[1]).abs() > 1e-4, "{expected:?}");
    let scorer =
        RewardModel::process(folder.path(), Backend::Native, EngineConfig::default()).unwrap();
    let found = scorer.score(&[path()]).unwrap().remove(0);
    assert_eq!(found.scores.len(), 2);
    assert_close(&found, &expected);
}

#[test]
fn a_process_model_of_tokens_scores_the_products_of_what_it_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let example = solution(&tokenizer, &[true, true], true).process_tokens(0).unwrap();
    let model = trained(folder.path(), &process_tokens_config("\n"), &example);
    let each = at_targets(folder.path(), &model.label.unwrap(), &example);
    // "=15-4\n" and "=11\n".
    let expected: Vec<f64> = [&each[..6], &each[6..]].map(|p| p.iter().product()).to_vec();
    let scorer =
        RewardModel::process(folder.path(), Backend::Native, EngineConfig::default()).unwrap();
    let found = scorer.score(&[path()]).unwrap().remove(0);
    assert_eq!(found.scores.len(), 2);
    assert_close(&found, &expected);
}

#[test]
fn an_outcome_model_scores_where_it_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let example = solution(&tokenizer, &[true, true], true).outcome();
    let model = trained(folder.path(), &outcome_config("\n"), &example);
    let expected = at_targets(folder.path(), &model.label.unwrap(), &example);
    let scorer =
        RewardModel::outcome(folder.path(), Backend::Native, EngineConfig::default()).unwrap();
    let found = scorer.score(&[path()]).unwrap().remove(0);
    assert_close(&found, &[0.5, *expected.last().unwrap()]);
}

#[test]
fn sixteen_bits_are_read_back_rounded() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let example = solution(&tokenizer, &[true, true], true).process();
    let model = trained(folder.path(), &process_config("\n"), &example);
    let score = || {
        let engine = EngineConfig::default();
        let scorer = RewardModel::process(folder.path(), Backend::Native, engine).unwrap();
        scorer.score(&[path()]).unwrap().remove(0)
    };
    let exact = score();
    save(folder.path(), &model, &process_config("\n"), Dtype::F16).unwrap();
    let rounded = score();
    assert_ne!(exact, rounded);
    for (a, b) in exact.scores.iter().zip(&rounded.scores) {
        assert!((a - b).abs() < 1e-2, "{exact:?} {rounded:?}");
    }
    let size = std::fs::metadata(folder.path().join("model.safetensors")).unwrap().len();
    let values: usize = model.decoder.tensors().iter().map(|tensor| tensor.values.len()).sum();
    let bytes = 2 * values as u64;
    assert!((bytes..bytes + 4_096).contains(&size), "{size} for {bytes}");
}

#[test]
fn a_model_without_a_head_is_not_saved_as_a_reward_model() {
    let folder = tempfile::tempdir().unwrap();
    let model = Model::from(DecoderWeights::initial(shape(), 9).unwrap());
    let error = save(folder.path(), &model, &process_config("\n"), Dtype::F16).unwrap_err();
    assert!(error.to_string().contains("no label head"), "{error}");
}
