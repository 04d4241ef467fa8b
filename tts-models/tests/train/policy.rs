//! Policies that learn from what they drew, and training from the outside.

use tts_core::seed::{self, Rng};
use tts_models::train::{
    Adapter, AdapterConfig, Example, Model, Online, PolicyGoal, Ratio, TrainConfig, Trainer,
};
use tts_models::{Backend, Cpu, Executor, Native, Plain, Span, Want};

use crate::{counting, model, shape};

fn settings() -> TrainConfig {
    TrainConfig {
        steps: 200,
        warmup: 0,
        learning_rate: 3e-3,
        final_rate: 1.0,
        weight_decay: 0.0,
        clip: 1.0,
        ..TrainConfig::default()
    }
}

fn online(seed: u64) -> Online {
    Online::new(settings(), model(seed)).unwrap()
}

/// Tokens, and the first of them that counts.
type Text = (Vec<u32>, usize);

fn texts() -> Vec<Text> {
    let mut rng = seed::rng(3);
    let text = |length: usize| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "test data")]
        let tokens = (0..length).map(|_| 3 + (rng.uniform() * 8.0) as u32).collect();
        (tokens, 1 + length / 4)
    };
    [6, 11, 3, 17].map(text).to_vec()
}

fn of(texts: &[Text]) -> Vec<(&[u32], usize)> {
    texts.iter().map(|(tokens, first)| (tokens.as_slice(), *first)).collect()
}

/// Texts as they were drawn by this policy, with advantages of one number for each text.
fn drawn(online: &mut Online, advantages: &[f32], by_length: bool) -> Vec<Example> {
    let texts = texts();
    let old = online.logprobs(&of(&texts)).unwrap();
    let mut examples = Vec::new();
    for (((tokens, first), old), advantage) in texts.into_iter().zip(old).zip(advantages) {
        let count = old.len();
        #[expect(clippy::cast_precision_loss, reason = "few tokens")]
        let weight = if by_length { 1.0 / count as f32 } else { 1.0 };
        let advantage = vec![*advantage; count];
        let goal = PolicyGoal { first, advantage, old, weight, ..PolicyGoal::default() };
        examples.push(Example::drawn(tokens, goal));
    }
    examples
}

fn bits(online: &Online) -> Vec<u32> {
    let model = online.model().unwrap();
    let tensors = model.decoder.tensors();
    tensors.iter().flat_map(|tensor| tensor.values.iter().map(|value| value.to_bits())).collect()
}

/// The log-probabilities of a text by an executor.
fn told<E: Executor>(executor: &E, (tokens, first): &Text) -> Vec<f64> {
    let mut state = executor.empty();
    let span = Span { state: &mut state, tokens, want: Want::All };
    let rows = executor.forward(&mut [span]).unwrap();
    let logits = executor.logits(&rows).unwrap();
    let vocab = executor.config().vocab_size;
    let logprob = |index: usize| {
        let row = &logits[(index - 1) * vocab..index * vocab];
        let sum: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
        f64::from(row[tokens[index] as usize]) - sum.ln()
    };
    (*first..tokens.len()).map(logprob).collect()
}

#[test]
fn log_probabilities_are_those_of_the_executors() {
    let texts = texts();
    let found = online(5).logprobs(&of(&texts)).unwrap();
    let decoder = || model(5).decoder;
    let (native, plain) =
        (Native::new(decoder(), 1).unwrap(), Plain::<Cpu>::new(decoder()).unwrap());
    for (text, found) in texts.iter().zip(&found) {
        assert_eq!(found.len(), text.0.len() - text.1);
        for expected in [told(&native, text), told(&plain, text)] {
            for (found, expected) in found.iter().zip(expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{found}, {expected}");
            }
        }
    }
}

/// What was drawn a moment ago has ratios of 1: nothing is clipped, and nothing has moved.
#[test]
fn the_first_update_clips_nothing_and_the_next_ones_do() {
    let mut online = online(5);
    let batch = drawn(&mut online, &[1.0, -1.0, 0.5, -0.5], true);
    let tokens: usize = texts().iter().map(|(tokens, first)| tokens.len() - first).sum();
    let first = online.update(&batch).unwrap().policy.unwrap();
    assert_eq!((first.tokens, first.clipped), (tokens as u64, 0));
    assert!(first.drift < 1e-12, "{first:?}");
    let mut last = first;
    for _ in 0..40 {
        last = online.update(&batch).unwrap().policy.unwrap();
    }
    assert!(last.clipped > 0 && last.drift > 1e-3, "{last:?}");
    // A clip keeps a policy near who drew: without one it goes further.
    let mut free = self::online(5);
    let unbounded = |example: Example| {
        let goal = example.policy.unwrap();
        Example::drawn(example.tokens, PolicyGoal { clip: [f32::INFINITY; 2], ..goal })
    };
    let batch: Vec<Example> = batch.into_iter().map(unbounded).collect();
    let mut moved = first;
    for _ in 0..41 {
        moved = free.update(&batch).unwrap().policy.unwrap();
    }
    assert!(moved.clipped == 0 && moved.drift > last.drift, "{moved:?}, {last:?}");
}

/// A group of equal rewards has no advantages, and no gradient: where nothing has momentum yet, it moves nothing.
#[test]
fn no_advantage_has_no_gradient() {
    let mut online = online(5);
    let before = bits(&online);
    for ratio in [Ratio::Token, Ratio::Sequence] {
        let mut batch = drawn(&mut online, &[0.0; 4], true);
        batch
            .iter_mut()
            .flat_map(|example| &mut example.policy)
            .for_each(|goal| goal.ratio = ratio);
        let update = online.update(&batch).unwrap();
        assert!(update.loss.abs() < 1e-12 && update.gradient_norm <= 0.0, "{update:?}");
    }
    assert_eq!(bits(&online), before);
}

/// With weights of 1 and a divisor of tokens the gradient is a mean over tokens, whatever the sequences; with a
/// constant weight a longer sequence without an advantage changes nothing of another's gradient.
#[test]
fn divisors_are_those_of_the_schemes() {
    let norm = |batch: &[Example]| online(5).update(batch).unwrap().gradient_norm;
    let all = drawn(&mut online(5), &[0.7, -0.3, 0.4, 0.0], false);
    #[expect(clippy::cast_precision_loss, reason = "few tokens")]
    let by_tokens = |example: &Example| {
        let mut example = example.clone();
        let goal = example.policy.as_mut().unwrap();
        goal.counts = goal.advantage.len() as f32;
        example
    };
    // DAPO: the loss is the mean over all tokens, whatever texts they are of.
    let loss = |batch: &[Example]| online(5).update(batch).unwrap().loss;
    let tokens = |example: &Example| example.policy.as_ref().unwrap().advantage.len() as f64;
    let (one, other) = (by_tokens(&all[1]), by_tokens(&all[2]));
    let (m, n) = (tokens(&one), tokens(&other));
    assert!(m > n + 1.0 || n > m + 1.0);
    let mean =
        (m * loss(std::slice::from_ref(&one)) + n * loss(std::slice::from_ref(&other))) / (m + n);
    assert!((loss(&[one, other]) - mean).abs() < 1e-6);
    // Dr. GRPO: the last text has no advantage.
    let (alone, joined) = (norm(&all[..1]), norm(&[all[0].clone(), all[3].clone()]));
    assert!((2.0 * joined / alone - 1.0).abs() < 1e-5, "{alone}, {joined}");
    // By tokens it would be diluted by its length.
    let diluted = norm(&[by_tokens(&all[0]), by_tokens(&all[3])]);
    let counts = |example: &Example| f64::from(by_tokens(example).policy.unwrap().counts);
    let share = counts(&all[0]) / (counts(&all[0]) + counts(&all[3]));
    assert!((diluted / (alone / counts(&all[0]) * share) - 1.0).abs() < 1e-5);
}

/// What stands before and behind what was drawn carries nothing: a text cut there learns the same.
#[test]
fn only_what_was_drawn_is_learnt() {
    let mut learner = online(5);
    let (tokens, first) = texts().remove(3);
    let old = learner.logprobs(&[(&tokens, first)]).unwrap().remove(0);
    let goal = |count: usize| PolicyGoal {
        first,
        advantage: (0..count).map(|place| if place % 2 == 0 { 1.0 } else { -0.5 }).collect(),
        old: old[..count].to_vec(),
        ..PolicyGoal::default()
    };
    let whole = Example::drawn(tokens.clone(), goal(6));
    let cut = Example::drawn(tokens[..first + 6].to_vec(), goal(6));
    let (mut one, mut other) = (online(5), online(5));
    let (a, b) = (one.update(&[whole]).unwrap(), other.update(&[cut]).unwrap());
    assert!((a.loss - b.loss).abs() < 1e-9 && a.policy == b.policy);
    assert!((a.gradient_norm / b.gradient_norm - 1.0).abs() < 1e-5);
}

/// The token that is drawn behind the prompt.
fn draw(logprobs: &[Vec<f32>], rng: &mut Rng) -> usize {
    let mut left = rng.uniform();
    let place = logprobs.iter().position(|logprob| {
        left -= f64::from(logprob[0]).exp();
        left < 0.0
    });
    place.unwrap_or(logprobs.len() - 1)
}

/// A bandit: of all tokens behind a prompt one is right. Groups of eight, GRPO's advantages; right at first with
/// one in twenty or so.
#[test]
fn a_bandit_is_learnt() {
    const PROMPT: u32 = 4;
    const RIGHT: usize = 7;
    let mut online = online(2);
    let mut rng = seed::rng(11);
    let vocab = u32::try_from(shape().vocab_size).unwrap();
    let arms: Vec<Vec<u32>> = (0..vocab).map(|token| vec![PROMPT, token]).collect();
    let arms: Vec<(&[u32], usize)> = arms.iter().map(|tokens| (tokens.as_slice(), 1)).collect();
    let start = online.logprobs(&arms).unwrap()[RIGHT][0].exp();
    assert!(start < 0.2, "{start}");
    let mut last = start;
    for _ in 0..200 {
        let logprobs = online.logprobs(&arms).unwrap();
        last = logprobs[RIGHT][0].exp();
        let group: Vec<usize> = (0..8).map(|_| draw(&logprobs, &mut rng)).collect();
        let rewards = group.iter().map(|&token| f64::from(u8::from(token == RIGHT)));
        let mean = rewards.clone().sum::<f64>() / 8.0;
        let deviation = (rewards.clone().map(|r| (r - mean).powi(2)).sum::<f64>() / 8.0).sqrt();
        let example = |(&token, reward): (&usize, f64)| {
            #[expect(clippy::cast_possible_truncation, reason = "advantages are f32")]
            let advantage = vec![((reward - mean) / (deviation + 1e-4)) as f32];
            let goal =
                PolicyGoal { advantage, old: logprobs[token].clone(), ..PolicyGoal::default() };
            Example::drawn(arms[token].0.to_vec(), goal)
        };
        let batch: Vec<Example> = group.iter().zip(rewards).map(example).collect();
        online.update(&batch).unwrap();
    }
    assert!(last > 0.95, "{last}");
}

/// Saved after any update and opened again, it goes on to the same bits, on any number of threads.
#[test]
fn what_is_opened_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let run = |online: &mut Online, updates: usize| {
        for _ in 0..updates {
            let batch = drawn(online, &[1.0, -1.0, 0.5, -0.5], true);
            online.update(&batch).unwrap();
        }
    };
    let mut whole = online(5);
    run(&mut whole, 10);
    for (stop, threads) in (0..10).zip([1, 2, 3].into_iter().cycle()) {
        let folder = folder.path().join(stop.to_string());
        let settings = TrainConfig { threads, ..settings() };
        let opened = || Online::new(settings.clone(), model(5)).unwrap().resume(&folder);
        let mut first = opened().unwrap();
        run(&mut first, stop);
        first.save(&folder).unwrap();
        // What it did after that is lost.
        run(&mut first, 1);
        let mut second = opened().unwrap();
        assert_eq!(second.steps(), stop);
        run(&mut second, 10 - stop);
        assert_eq!(bits(&second), bits(&whole), "stopped after {stop}");
        assert_eq!(second.history(), whole.history());
    }
    let other = TrainConfig { learning_rate: 1e-3, ..settings() };
    let other = Online::new(other, model(5)).unwrap();
    let error = other.resume(&folder.path().join("3")).unwrap_err().to_string();
    assert!(error.contains("belongs to a run with other settings"), "{error}");
}

/// On Burn a policy learns what it learns on own kernels, up to rounding, with an adapter or without, and goes on from
/// what it saved to the same bits.
#[test]
fn another_backend_learns_the_same_and_goes_on_to_its_own_bits() {
    let adapter =
        Adapter::initial(AdapterConfig { rank: 2, ..AdapterConfig::default() }, &shape(), 1);
    for adapter in [None, Some(adapter.unwrap())] {
        let model = || Model { adapter: adapter.clone(), ..model(5) };
        let on = |backend| Online::on(backend, settings(), model()).unwrap();
        let (mut native, mut burn) = (on(Backend::Native), on(Backend::Ndarray));
        let before = native.logprobs(&of(&texts())).unwrap();
        let far = |one: &[Vec<f32>], other: &[Vec<f32>]| {
            let pairs = one.iter().flatten().zip(other.iter().flatten());
            pairs.map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap()
        };
        assert!(far(&before, &burn.logprobs(&of(&texts())).unwrap()) < 1e-5);
        assert_eq!(burn.logprobs(&[(&[3, 4], 2)]).unwrap(), [vec![0.0_f32; 0]]);
        let folder = tempfile::tempdir().unwrap();
        for step in 1..=5 {
            let batch = drawn(&mut native, &[1.0, -1.0, 0.5, -0.5], true);
            let (own, other) = (native.update(&batch).unwrap(), burn.update(&batch).unwrap());
            let figures = [own, other].map(|update| update.policy.unwrap());
            assert_eq!(figures[0].tokens, figures[1].tokens);
            assert!((own.gradient_norm - other.gradient_norm).abs() < 1e-3 * own.gradient_norm);
            if step == 3 {
                burn.save(folder.path()).unwrap();
            }
            if step > 3 {
                let mut again = on(Backend::Ndarray).resume(folder.path()).unwrap();
                assert_eq!(again.steps(), step - 1);
                again.update(&batch).unwrap();
                assert_eq!(again.model().unwrap(), burn.model().unwrap());
                again.save(folder.path()).unwrap();
            }
        }
        let (after, other) =
            (native.logprobs(&of(&texts())).unwrap(), burn.logprobs(&of(&texts())).unwrap());
        assert!(far(&before, &after) > 0.02, "nothing was learnt");
        assert!(far(&after, &other) < 1e-3, "{after:?}, {other:?}");
        assert_eq!(burn.model().unwrap().adapter.is_some(), adapter.is_some());
        // The two kinds of backends do not go on with one another's state.
        let error = on(Backend::Native).resume(folder.path()).unwrap_err().to_string();
        assert!(error.contains("belongs to a run"), "{error}");
    }
}

#[test]
fn a_backend_that_trains_nothing_is_refused() {
    let error = Online::on(Backend::Wgpu, settings(), model(5)).unwrap_err().to_string();
    assert!(error.contains("wgpu, which trains nothing: expected native"), "{error}");
    let trainer = Trainer::new(settings()).backend(Backend::Wgpu);
    let error = trainer.train(model(5), &counting()).unwrap_err().to_string();
    assert!(error.contains("wgpu, which trains nothing"), "{error}");
    #[cfg(not(feature = "cuda"))]
    {
        let error = Online::on(Backend::Cuda, settings(), model(5)).unwrap_err().to_string();
        assert!(error.contains("cuda needs the feature `cuda`"), "{error}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut online = online(5);
    let before = bits(&online);
    let goal = PolicyGoal { advantage: vec![1.0], old: vec![-1.0], ..PolicyGoal::default() };
    for (example, expected) in [
        (Example::drawn(vec![3, 99_999], goal.clone()), "example 0: token 99999"),
        (Example::drawn(vec![3], goal.clone()), "example 0: 1 advantages from token 1 of 1"),
        (
            Example::drawn(vec![3, 4], PolicyGoal { beta: 1.0, ..goal.clone() }),
            "example 0: beta 1 without a reference",
        ),
        (
            Example::drawn(vec![3, 4], PolicyGoal { counts: 0.0, ..goal.clone() }),
            "the examples of this update have no targets with weight",
        ),
        // A ratio beyond all numbers.
        (
            Example::drawn(
                vec![3, 4],
                PolicyGoal {
                    advantage: vec![-1.0],
                    old: vec![-3e4],
                    clip: [f32::INFINITY; 2],
                    ..goal.clone()
                },
            ),
            "the loss is inf",
        ),
    ] {
        let error = online.update(&[example]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(bits(&online), before);
    for (tokens, first, expected) in [
        (vec![], 1, "text 0: tokens from 1 of 0"),
        (vec![3, 4], 0, "text 0: tokens from 0 of 2"),
        (vec![3, 4], 3, "text 0: tokens from 3 of 2"),
        (vec![3, 99_999], 1, "example 0: token 99999"),
    ] {
        let error = online.logprobs(&[(&tokens, first)]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(online.logprobs(&[(&[3, 4], 2)]).unwrap(), [vec![0.0_f32; 0]]);
    let frozen = TrainConfig { frozen_layers: 99, ..settings() };
    assert!(Online::new(frozen, model(5)).unwrap_err().to_string().contains("frozen_layers"));
}
