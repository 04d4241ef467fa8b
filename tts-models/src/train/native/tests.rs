//! Gradients against Burn's, and results that depend on nothing else.

use burn::backend::ndarray::NdArrayDevice;

use super::labels::conjunction;
use super::*;
use crate::exec::Cpu;
use crate::testing::{byte_config, lively_weights};
use crate::train::burn_learner::BurnLearner;
use crate::train::{
    Adapter, AdapterConfig, Clipping, Conjunction, Contest, Factors, Goal, LabelHead, PolicyGoal,
    Ratio, SequenceGoal, Site, Target, Trainer,
};

fn config(precision: Precision, threads: usize) -> TrainConfig {
    TrainConfig { steps: 3, warmup: 1, batch: 4, precision, threads, ..TrainConfig::default() }
}

/// A model of a kind, with a head of three labels.
fn model(kind: &str) -> Model {
    let decoder = lively_weights(byte_config(kind)).unwrap();
    let mut rng = tts_core::seed::rng(9);
    #[expect(clippy::cast_possible_truncation, reason = "test data")]
    let mut number = || (rng.uniform() - 0.5) as f32;
    let weight = (0..3 * decoder.config.hidden_size).map(|_| number()).collect();
    let label = Some(LabelHead { weight, bias: vec![number(), number(), number()] });
    Model { label, ..Model::from(decoder) }
}

/// Texts of odd lengths, with targets of all kinds, some of them at the same place.
fn examples(vocab: usize) -> Vec<Example> {
    let mut rng = tts_core::seed::rng(4);
    let mut below = |n: usize| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
        let number = (rng.uniform() * n as f64) as u32;
        number
    };
    let mut example = |length: usize| {
        let tokens: Vec<u32> = (0..length).map(|_| below(vocab)).collect();
        let mut example = Example::continuation(tokens, length / 3);
        for position in [0, length / 2, length - 1] {
            #[expect(clippy::cast_precision_loss, reason = "test data")]
            let value = below(11) as f32 / 10.0;
            let want = Goal::Probability { label: below(3), value };
            example.targets.push(Target { position, want, weight: 0.5 });
            let want = Goal::Class(below(3));
            example.targets.push(Target { position: length / 2, want, weight: 0.75 });
        }
        if length > 4 {
            let label = |position: usize| (position, below(3));
            let of = (length / 4..length).step_by(3).map(label).collect();
            example.conjunctions.push(Conjunction { of, value: 0.25, weight: 0.5 });
            let of = vec![(0, below(3)), (0, below(3)), (length - 1, below(3))];
            example.conjunctions.push(Conjunction { of, value: 1.0, weight: 1.5 });
        }
        example
    };
    let mut all = [5, 1, 37, 18, 50].map(&mut example).to_vec();
    // Texts of their own lengths, one of them alone with another, one beside other goals.
    let others = |lengths: &[u32]| -> Vec<Vec<u32>> {
        let text = |&length: &u32| (0..length).map(|at| (at * 7 + length) % 11).collect();
        lengths.iter().map(text).collect()
    };
    all[1].contest = Some(Contest { worse: others(&[9]), label: 1, weight: 1.0 });
    all[3].contest = Some(Contest { worse: others(&[2, 31, 4]), label: 2, weight: 0.5 });
    all[2].sequence = Some(goal(12, 1.0, 37));
    all[4].sequence = Some(goal(1, 0.25, 50));
    all
}

/// A goal for a text of so many tokens, whose reference is about what random weights say of it.
fn goal(first: usize, label: f32, tokens: usize) -> SequenceGoal {
    let reference = -5.0 * (tokens - first) as f64;
    SequenceGoal { first, label, reference, beta: 0.02, weight: 2.0 }
}

/// The texts with nothing to learn but goals for them as a whole.
fn wholes(vocab: usize, label: impl Fn(usize) -> f32) -> Vec<Example> {
    let texts = examples(vocab).into_iter().enumerate().filter(|(_, text)| text.tokens.len() > 1);
    let whole = |(index, text): (usize, Example)| {
        let tokens = text.tokens.len();
        Example::whole(text.tokens, goal(1 + index % 3, label(index), tokens))
    };
    texts.map(whole).collect()
}

/// The texts as a policy drew them, with and without a reference, of both ratios, some of whose tokens are
/// clipped: random weights give a token about -5.
fn drawn(vocab: usize) -> Vec<Example> {
    let mut rng = tts_core::seed::rng(7);
    #[expect(clippy::cast_possible_truncation, reason = "test data")]
    let mut numbers = |count: usize, about: f64, size: f64| -> Vec<f32> {
        (0..count).map(|_| (about + (rng.uniform() - 0.5) * size) as f32).collect()
    };
    let texts = examples(vocab).into_iter().enumerate().filter(|(_, text)| text.tokens.len() > 2);
    let one = |(index, text): (usize, Example)| {
        let first = 1 + index % 2;
        // A few tokens at the end are behind what was drawn.
        let count = (text.tokens.len() - first).div_ceil(1 + index % 2);
        let goal = PolicyGoal {
            first,
            advantage: numbers(count, 0.0, 3.0),
            old: numbers(count, -5.5, 1.0),
            reference: (index % 2 == 0).then(|| numbers(count, -5.5, 1.0)),
            importance: (index % 3 == 0).then(|| numbers(count, 0.8, 0.4)),
            ratio: if index == 3 { Ratio::Sequence } else { Ratio::Token },
            clip: [0.2, 0.28],
            clipping: if index % 4 == 2 { Clipping::Weight } else { Clipping::Loss },
            beta: if index % 2 == 0 { 0.04 } else { 0.0 },
            weight: 1.0 / 4.0,
            counts: 0.5,
        };
        Example { policy: Some(goal), ..Example::drawn(text.tokens, PolicyGoal::default()) }
    };
    texts.map(one).collect()
}

fn values(model: &Model) -> Vec<(String, Vec<f32>)> {
    let label = model.label.as_ref().expect("a head");
    let decoder = model.decoder.tensors().into_iter();
    let decoder = decoder.map(|tensor| (tensor.name, tensor.values.to_vec()));
    let head =
        [("label".to_owned(), label.weight.clone()), ("bias".to_owned(), label.bias.clone())];
    decoder.chain(head).collect()
}

fn gradient(native: &Native) -> Model {
    unflatten(&native.gradient, &native.config, &native.layout).unwrap()
}

fn norm_of(values: &[f32]) -> f64 {
    values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
}

/// How far each tensor's gradient is from Burn's, relative to its size.
fn distances(
    kind: &str,
    precision: Precision,
    frozen_layers: usize,
    batch: impl Fn(usize) -> Vec<Example>,
) -> Vec<(String, f64)> {
    let model = model(kind);
    let settings = TrainConfig { frozen_layers, ..config(precision, 2) };
    let batch = batch(model.decoder.config.vocab_size);
    let mut native = Native::new(&settings, model.clone()).unwrap();
    let mut burn = BurnLearner::<Cpu>::new(&settings, model, &NdArrayDevice::default()).unwrap();
    let (own, reference) = (native.sums(&batch, true).unwrap(), burn.sums(&batch, true).unwrap());
    let close = if precision == Precision::F32 { 1e-5 } else { 2e-2 };
    assert!((own.loss - reference.loss).abs() < close * reference.loss.abs(), "{kind}");
    assert_eq!((own.tokens, own.weight.to_bits()), (reference.tokens, reference.weight.to_bits()));
    let (found, expected) = (own.policy, reference.policy);
    assert_eq!((found.tokens, found.clipped), (expected.tokens, expected.clipped), "{kind}");
    for (found, expected) in
        [(found.drift, expected.drift), (found.divergence, expected.divergence)]
    {
        assert!((found - expected).abs() <= 10.0 * close * expected.abs(), "{kind}: {found}");
    }
    let only_loss = native.sums(&batch, false).unwrap();
    assert_eq!(only_loss, own, "the loss alone differs from that with gradients");
    let reference = values(&burn.gradient().unwrap());
    let own = values(&gradient(&native));
    let all = own.into_iter().zip(reference).map(|((name, own), (_, reference))| {
        let difference: Vec<f32> = own.iter().zip(&reference).map(|(a, b)| a - b).collect();
        let size = norm_of(&reference).max(1e-3);
        if norm_of(&reference) <= 0.0 {
            assert!(norm_of(&own) <= 0.0, "{kind}: {name}: what is frozen has a gradient");
        }
        (name, norm_of(&difference) / size)
    });
    all.collect()
}

#[test]
fn gradients_are_those_of_burn_for_every_kind_of_decoder() {
    for kind in ["llama", "qwen2", "qwen3"] {
        for frozen in [0, 1, 2] {
            for (name, distance) in distances(kind, Precision::F32, frozen, examples) {
                assert!(distance < 2e-4, "{kind}, {frozen} frozen: {name}: {distance}");
            }
        }
        for (name, distance) in distances(kind, Precision::Bf16, 0, examples) {
            assert!(distance < 0.06, "{kind} in BF16: {name}: {distance}");
        }
        #[expect(clippy::cast_precision_loss, reason = "test data")]
        let wholes = |vocab| wholes(vocab, |index| index as f32 / 4.0);
        for (name, distance) in distances(kind, Precision::F32, 0, wholes) {
            assert!(distance < 2e-4, "{kind}, of wholes: {name}: {distance}");
        }
        for (name, distance) in distances(kind, Precision::F32, 0, drawn) {
            assert!(distance < 2e-4, "{kind}, of policies: {name}: {distance}");
        }
    }
}

/// The loss of a conjunction by hand, and its slope by each of the log-odds by differences.
#[test]
fn a_conjunction_has_the_product_of_its_labels() {
    let table: [(&[f64], f64); 6] = [
        (&[0.3], 0.7),
        (&[1.0, -0.5, 2.0], 1.0),
        (&[1.0, -0.5, 2.0], 0.0),
        (&[3.0, 4.0, 0.1, -2.0], 0.4),
        // Sure of a 0 that should be 1, and of a 1 that should be 0.
        (&[-40.0, 3.0], 1.0),
        (&[9.0, 12.0], 0.0),
    ];
    for (odds, y) in table {
        let loss = |odds: &[f64]| {
            let product: f64 = odds.iter().map(|z| 1.0 / (1.0 + (-z).exp())).product();
            let right = if y > 0.0 { -y * product.ln() } else { 0.0 };
            let wrong = if y < 1.0 { -(1.0 - y) * (-product).ln_1p() } else { 0.0 };
            right + wrong
        };
        let (nats, slope) = conjunction(odds, y);
        assert!((nats - loss(odds)).abs() < 1e-9 * loss(odds).max(1.0), "{odds:?}: {nats}");
        for place in 0..odds.len() {
            let moved = |by: f64| {
                let mut odds = odds.to_vec();
                odds[place] += by;
                loss(&odds)
            };
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let found = slope / (1.0 + odds[place].exp());
            assert!((found - expected).abs() < 1e-4 * expected.abs().max(1e-3), "{odds:?} {place}");
        }
    }
    // A product that is 1 for sure has a loss and a slope all the same.
    let (nats, slope) = conjunction(&[80.0, 90.0], 0.0);
    assert!((10.0..20.0).contains(&nats) && slope.is_finite(), "{nats} {slope}");
    let (nats, slope) = conjunction(&[f64::NAN], 0.5);
    assert!(nats.is_nan() || slope.is_nan(), "{nats} {slope}");
}

/// Of two texts the loss is that of Bradley and Terry, and swapped it is that of the other order.
#[test]
fn a_contest_of_two_is_bradley_and_terry() {
    let start = model("llama");
    let (one, other) = (vec![3, 1, 4, 1, 5], vec![9, 2, 6]);
    let mut native = Native::new(&config(Precision::F32, 1), start).unwrap();
    let mut loss = |example: Example| native.sums(&[example], false).unwrap().loss;
    let forth = loss(Example::preferred(one.clone(), vec![other.clone()]));
    let back = loss(Example::preferred(other.clone(), vec![one.clone()]));
    // sigmoid(d) + sigmoid(-d) = 1.
    assert!(((-forth).exp() + (-back).exp() - 1.0).abs() < 1e-6, "{forth} {back}");
    assert!((forth - back).abs() > 1e-3, "{forth}: texts that score alike say nothing");
    // Against itself a text has even odds, whatever it is.
    let even = loss(Example::preferred(one.clone(), vec![one.clone()]));
    assert!((even - 2.0_f64.ln()).abs() < 1e-6, "{even}");
    // Of three the chances add up.
    let (a, b, c) = (one, other, vec![2, 7, 1, 8]);
    let all = [
        Example::preferred(a.clone(), vec![b.clone(), c.clone()]),
        Example::preferred(b.clone(), vec![a.clone(), c.clone()]),
        Example::preferred(c, vec![a, b]),
    ];
    let sum: f64 = all.into_iter().map(|example| (-loss(example)).exp()).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
}

/// A reward is known when the logits of all blocks are: here 52 rows make a block, and a text takes four.
#[test]
fn a_whole_spans_blocks_of_logits() {
    let shape = ModelConfig {
        vocab_size: 80_000,
        max_position_embeddings: 300,
        eos_token_ids: vec![1],
        ..byte_config("llama")
    };
    let start = Model::from(lively_weights(shape).unwrap());
    let text = |length: u32, label| {
        let tokens: Vec<u32> = (0..length).map(|i| (i * 7_919 + length) % 80_000).collect();
        let reference = -14.4 * f64::from(length);
        Example::whole(tokens, SequenceGoal { reference, ..goal(1, label, 2) })
    };
    let batch = [text(170, 1.0), text(30, 0.0)];
    let settings = config(Precision::F32, 2);
    let mut native = Native::new(&settings, start.clone()).unwrap();
    let mut burn = BurnLearner::<Cpu>::new(&settings, start, &NdArrayDevice::default()).unwrap();
    let (own, reference) = (native.sums(&batch, true).unwrap(), burn.sums(&batch, true).unwrap());
    // Burn adds 2,400 nats up in f32, of which few are left when the reference is taken off.
    assert!((own.loss - reference.loss).abs() < 1e-3, "{own:?} {reference:?}");
    assert!(own.loss < 8.0, "{own:?}: the rewards are far from 0, where nothing is told");
    let reference = flatten(&burn.gradient().unwrap());
    let difference: Vec<f32> = native.gradient.iter().zip(&reference).map(|(a, b)| a - b).collect();
    let distance = norm_of(&difference) / norm_of(&reference);
    assert!(norm_of(&reference) > 1e-3 && distance < 2e-4, "{distance}");
}

/// Of a single text the gradient is `beta (sigma(r) - l)` times that of its log-probability.
#[test]
fn the_gradient_of_a_whole_turns_round_with_its_label() {
    let start = model("llama");
    let text = wholes(start.decoder.config.vocab_size, |_| 0.0).remove(1);
    let settings = config(Precision::F32, 2);
    let learn = |example: Example| {
        let mut native = Native::new(&settings, start.clone()).unwrap();
        let loss = native.sums(&[example], true).unwrap().loss;
        (loss, native.gradient)
    };
    let goal = text.sequence.unwrap();
    let labelled = |label| Example::whole(text.tokens.clone(), SequenceGoal { label, ..goal });
    // `-ln(1 - sigma(r))` and `-ln sigma(r)`, each with the weight 2.
    let (wrong, down) = learn(labelled(0.0));
    let (right, up) = learn(labelled(1.0));
    let sigma = (-right / 2.0).exp();
    assert!((0.01..0.99).contains(&sigma), "{sigma}: a reward that says nothing");
    assert!((sigma + (-wrong / 2.0).exp() - 1.0).abs() < 1e-9, "{right} {wrong}");
    let (_, next) = learn(Example::continuation(text.tokens.clone(), goal.first));
    let size = norm_of(&next);
    for ((down, up), next) in down.iter().zip(&up).zip(&next) {
        // Next tokens are learnt by `-ln p`.
        let slope = 2.0 * 0.02 * f64::from(-next);
        assert!((f64::from(*down) - slope * sigma).abs() < 3e-7 * size, "{down} {slope}");
        assert!((f64::from(*up) - slope * (sigma - 1.0)).abs() < 3e-7 * size, "{up} {slope}");
    }
}

/// A chunk takes 1,024 tokens: these are several chunks, and a sequence longer than one block of
/// attention.
#[test]
fn chunks_and_long_sequences_change_rounding_only() {
    let mut shape = byte_config("llama");
    shape.max_position_embeddings = 2_000;
    let decoder = lively_weights(shape.clone()).unwrap();
    let model = Model::from(decoder);
    let text = |length: usize, from: usize| {
        let tokens = (0..length).map(|i| u32::try_from((i * i + from) % shape.vocab_size).unwrap());
        Example::continuation(tokens.collect(), 1)
    };
    let batch = vec![text(700, 1), text(1_500, 2), text(300, 3), text(400, 5)];
    let settings = config(Precision::F32, 2);
    let mut all = Native::new(&settings, model.clone()).unwrap();
    let sums = all.sums(&batch, true).unwrap();
    assert!(Chunk::split(&batch).len() == 3);
    let mut together = vec![0.0_f64; all.gradient.len()];
    let mut loss = 0.0;
    for example in &batch {
        let mut one = Native::new(&settings, model.clone()).unwrap();
        loss += one.sums(std::slice::from_ref(example), true).unwrap().loss;
        together.iter_mut().zip(&one.gradient).for_each(|(sum, one)| *sum += f64::from(*one));
    }
    assert!((sums.loss - loss).abs() < 1e-6 * loss);
    let size = together.iter().map(|v| v * v).sum::<f64>().sqrt();
    let far = all.gradient.iter().zip(&together).map(|(a, b)| (f64::from(*a) - b).powi(2));
    assert!(far.sum::<f64>().sqrt() < 1e-5 * size);
    // And the long one against Burn.
    let mut burn =
        BurnLearner::<Cpu>::new(&settings, model.clone(), &NdArrayDevice::default()).unwrap();
    let mut one = Native::new(&settings, model.clone()).unwrap();
    let reference = burn.sums(&batch[1..2], true).unwrap();
    let own = one.sums(&batch[1..2], true).unwrap();
    assert!((own.loss - reference.loss).abs() < 1e-5 * reference.loss);
}

/// The number of threads changes no bit of weights, losses and norms.
#[test]
fn threads_change_nothing() {
    for precision in [Precision::F32, Precision::Bf16] {
        let run = |threads: usize| {
            let model = model("qwen3");
            let data = examples(model.decoder.config.vocab_size);
            Trainer::new(config(precision, threads)).train(model, &data).unwrap()
        };
        let one = run(1);
        assert_eq!(run(2), one);
        assert_eq!(run(5), one);
    }
}

/// `AdamW` by hand, in f64, with decay and clipping.
#[test]
fn the_optimiser_is_that_of_the_paper() {
    let team = Team::new(2).unwrap();
    let count = 40_000;
    let numbers = |seed: u64| -> Vec<f32> {
        let mut rng = tts_core::seed::rng(seed);
        #[expect(clippy::cast_possible_truncation, reason = "test data")]
        (0..count).map(|_| (rng.uniform() - 0.5) as f32).collect()
    };
    let settings = TrainConfig { steps: 10, warmup: 2, clip: 30.0, ..TrainConfig::default() };
    let decayed = 100..30_000;
    let mut adam = Adam {
        weights: numbers(1),
        first: vec![0.0; count],
        second: vec![0.0; count],
        decays: vec![decayed.clone()],
        step: 0,
    };
    let mut exact: Vec<[f64; 3]> = numbers(1).iter().map(|&w| [f64::from(w), 0.0, 0.0]).collect();
    for step in 0..4_i32 {
        let gradient = numbers(10 + u64::from(step.unsigned_abs()));
        let norm = adam.step(&team, &settings, &gradient, 0.7);
        let square: f64 = gradient.iter().map(|&g| f64::from(g).powi(2)).sum();
        let expected = 0.7 * square.sqrt();
        assert!((norm - expected).abs() < 1e-6 * expected && norm > 30.0);
        let rate = settings.rate(usize::try_from(step).unwrap());
        let (b1, b2) = (f64::from(settings.beta_1), f64::from(settings.beta_2));
        for (at, ([weight, first, second], g)) in exact.iter_mut().zip(&gradient).enumerate() {
            let g = f64::from(*g) * 0.7 * 30.0 / expected;
            if decayed.contains(&at) {
                *weight *= 1.0 - rate * settings.weight_decay;
            }
            *first = b1 * *first + (1.0 - b1) * g;
            *second = b2 * *second + (1.0 - b2) * g * g;
            let (m, v) = (*first / (1.0 - b1.powi(step + 1)), *second / (1.0 - b2.powi(step + 1)));
            *weight -= rate * m / (v.sqrt() + f64::from(settings.epsilon));
        }
    }
    for (found, [expected, ..]) in adam.weights.iter().zip(&exact) {
        assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
    }
    let before = adam.weights.clone();
    let mut bad = numbers(3);
    bad[17] = f32::NAN;
    assert!(adam.step(&team, &settings, &bad, 1.0).is_nan());
    assert_eq!(adam.weights, before);
}

/// A model with adapters whose second factors are not zero any more.
fn adapted(kind: &str, sites: &[Site]) -> Model {
    let plain = model(kind);
    let config = AdapterConfig { rank: 3, alpha: 5.0, sites: sites.to_vec() };
    let mut adapter = Adapter::initial(config, &plain.decoder.config, 1).unwrap();
    let mut rng = tts_core::seed::rng(2);
    for factors in adapter.layers.iter_mut().flatten() {
        for value in &mut factors.b {
            #[expect(clippy::cast_possible_truncation, reason = "test data")]
            let number = (rng.uniform() - 0.5) as f32;
            *value = number;
        }
    }
    Model { adapter: Some(adapter), ..plain }
}

fn merged(model: &Model) -> Model {
    let mut merged = model.clone();
    merged.adapter.take().unwrap().merge(&mut merged.decoder).unwrap();
    merged
}

fn loss(model: Model) -> f64 {
    let batch = examples(model.decoder.config.vocab_size);
    let settings = config(Precision::F32, 2);
    Native::new(&settings, model).unwrap().sums(&batch, false).unwrap().loss
}

/// The gradient of a factor is that of the whole model's loss once it is merged, by differences.
#[test]
fn adapters_are_what_they_merge_to_and_so_are_their_gradients() {
    for (kind, sites) in [
        ("qwen3", &Site::ALL[..]),
        ("qwen2", &[Site::Query, Site::Value, Site::Up]),
        ("llama", &[Site::Down, Site::Output]),
    ] {
        let start = adapted(kind, sites);
        let whole = loss(merged(&start));
        assert!((loss(start.clone()) - whole).abs() < 1e-4 * whole, "{kind}");
        assert!((loss(Model { adapter: None, ..start.clone() }) - whole).abs() > 1e-4 * whole);
        let batch = examples(start.decoder.config.vocab_size);
        let mut native = Native::new(&config(Precision::F32, 2), start.clone()).unwrap();
        native.sums(&batch, true).unwrap();
        let low_rank = &native.adapted.as_ref().unwrap().1;
        let gradient = low_rank.unflatten(&native.gradient[..low_rank.total]);
        for layer in 0..start.decoder.layers.len() {
            for (place, site) in sites.iter().enumerate() {
                for which in 0..2 {
                    let values = |adapter: &Adapter| -> Vec<f32> {
                        let factors = &adapter.layers[layer][place];
                        if which == 0 { factors.a.clone() } else { factors.b.clone() }
                    };
                    let own = values(&gradient);
                    // Along the gradient itself, where the difference is largest.
                    let size = norm_of(&own);
                    let moved = |by: f64| {
                        let mut model = start.clone();
                        let factors = &mut model.adapter.as_mut().unwrap().layers[layer][place];
                        let to = if which == 0 { &mut factors.a } else { &mut factors.b };
                        for (to, own) in to.iter_mut().zip(&own) {
                            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
                            let step = (by * f64::from(*own) / size) as f32;
                            *to += step;
                        }
                        loss(merged(&model))
                    };
                    let by = 3e-4;
                    let found = (moved(by) - moved(-by)) / (2.0 * by);
                    assert!(
                        (found - size).abs() < 0.03 * size + 0.5,
                        "{kind}: layer {layer}, {site:?}, factor {which}: {found} for {size}"
                    );
                }
            }
        }
    }
}

/// With Burn, whole or in pieces, which change rounding only; what is frozen has no gradient.
#[test]
fn gradients_of_adapters_are_those_of_burn() {
    for (kind, sites, frozen_layers) in [
        ("qwen3", &Site::ALL[..], 0),
        ("qwen2", &[Site::Query, Site::Value, Site::Up], 1),
        ("llama", &[Site::Down, Site::Output], 0),
    ] {
        let start = adapted(kind, sites);
        let vocab = start.decoder.config.vocab_size;
        let batch = [examples(vocab), drawn(vocab)].concat();
        let settings = TrainConfig { frozen_layers, ..config(Precision::F32, 2) };
        let mut native = Native::new(&settings, start.clone()).unwrap();
        let own = native.sums(&batch, true).unwrap();
        let low_rank = &native.adapted.as_ref().unwrap().1;
        let (factors, label) = native.gradient.split_at(low_rank.total);
        let factors = low_rank.unflatten(factors);
        for piece in [usize::MAX, 100 * vocab] {
            let burn = BurnLearner::<Cpu>::new(&settings, start.clone(), &NdArrayDevice::default());
            let mut burn = burn.unwrap().in_pieces(piece);
            let reference = burn.sums(&batch, true).unwrap();
            assert!((own.loss - reference.loss).abs() < 1e-5 * own.loss, "{kind}: {reference:?}");
            assert_eq!(own.tokens, reference.tokens);
            assert!((own.weight - reference.weight).abs() < 1e-9 * own.weight);
            let found = burn.gradient().unwrap();
            assert_eq!(found.decoder, start.decoder, "what is adapted has changed");
            let found_label = found.label.unwrap();
            let all = |adapter: &Adapter| -> Vec<Vec<f32>> {
                let each = adapter.layers.iter().flatten();
                each.flat_map(|Factors { a, b }| [a.clone(), b.clone()]).collect()
            };
            let mut pairs: Vec<(Vec<f32>, Vec<f32>)> =
                all(&factors).into_iter().zip(all(&found.adapter.unwrap())).collect();
            let frozen = pairs.len() / start.decoder.layers.len() * frozen_layers;
            pairs.push((label.to_vec(), [found_label.weight, found_label.bias].concat()));
            for (place, (own, reference)) in pairs.iter().enumerate() {
                let far: Vec<f32> = own.iter().zip(reference).map(|(a, b)| a - b).collect();
                let size = norm_of(reference);
                assert_eq!(size <= 0.0, place < frozen, "{kind}: {place}");
                let far = norm_of(&far);
                assert!(far < 2e-4 * size.max(1e-3), "{kind}: factor {place}: {far} of {size}");
            }
        }
    }
}

#[test]
fn an_adapter_learns_beside_the_label_head_and_the_decoder_stays() {
    for precision in [Precision::F32, Precision::Bf16] {
        let start = adapted("llama", &Site::ALL);
        let data = examples(start.decoder.config.vocab_size);
        let settings = TrainConfig { steps: 60, batch: 5, ..config(precision, 2) };
        let trained = Trainer::new(settings).train(start.clone(), &data).unwrap();
        let updates = &trained.history.updates;
        assert!(updates[59].loss < 0.5 * updates[0].loss, "{:?}", updates[59]);
        assert_eq!(trained.model.decoder, start.decoder);
        assert_ne!(trained.model.adapter, start.adapter);
        assert_ne!(trained.model.label, start.label);
    }
}
