//! Losses and gradients against arithmetic that does not come from the trainer.

use burn::backend::NdArray;
use burn::backend::ndarray::NdArrayDevice;
use burn::tensor::{Int, Tensor, TensorData};
use tts_models::exec::transformer::Decoder;
use tts_models::train::{Example, Goal, LabelHead, Model, SequenceGoal, TrainConfig, Trainer};
use tts_models::{DecoderWeights, ModelConfig};

use crate::{config, counting, labelled, model, shape};

/// `ln(sum(exp(x)))`.
fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + values.iter().map(|value| (value - most).exp()).sum::<f64>().ln()
}

/// The hidden rows of one text alone, in f64.
fn hidden(weights: &DecoderWeights, tokens: &[u32]) -> Vec<Vec<f64>> {
    type B = NdArray<f64>;
    let device = NdArrayDevice::default();
    let decoder = Decoder::<B>::new(weights.clone(), &device).unwrap();
    let ids: Vec<i64> = tokens.iter().map(|&token| i64::from(token)).collect();
    let data = TensorData::new(ids, [1, tokens.len()]);
    let rows = decoder.forward(Tensor::<B, 2, Int>::from_data(data, &device)); // [1, seq, hidden]
    let values: Vec<f64> = rows.into_data().convert::<f64>().to_vec().unwrap();
    values.chunks(weights.config.hidden_size).map(<[f64]>::to_vec).collect()
}

fn dot(a: &[f32], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(&a, b)| f64::from(a) * b).sum()
}

/// Sum of the cross-entropies of a text's targets.
fn next_loss(weights: &DecoderWeights, example: &Example) -> f64 {
    let rows = hidden(weights, &example.tokens);
    let width = weights.config.hidden_size;
    let head = weights.head.as_ref().unwrap_or(&weights.embedding);
    let losses = example.targets.iter().map(|target| {
        let logits: Vec<f64> =
            head.chunks(width).map(|row| dot(row, &rows[target.position])).collect();
        let wanted = example.tokens[target.position + 1] as usize;
        f64::from(target.weight) * (log_sum_exp(&logits) - logits[wanted])
    });
    losses.sum()
}

/// `-l ln sigma(r) - (1 - l) ln(1 - sigma(r))` of a text that is learnt as a whole, and `r`.
fn whole_loss(weights: &DecoderWeights, example: &Example) -> (f64, f64) {
    let SequenceGoal { first, label, reference, beta, .. } = example.sequence.unwrap();
    let logprob = -next_loss(weights, &Example::continuation(example.tokens.clone(), first));
    let reward = beta * (logprob - reference);
    let (sigma, label) = (1.0 / (1.0 + (-reward).exp()), f64::from(label));
    (-label * sigma.ln() - (1.0 - label) * (1.0 - sigma).ln(), reward)
}

/// Counting, each text right or wrong as a whole, with references about where the model starts.
fn wholes() -> Vec<Example> {
    let whole = |(index, example): (usize, Example)| {
        let first = 1 + index % 3;
        let nats = [2.0, 3.0][index % 2];
        let reference = -nats * (example.tokens.len() - first) as f64;
        let label = [1.0, 0.0, 0.25][index % 3];
        let goal = SequenceGoal { first, label, reference, beta: 0.7, weight: 1.0 };
        Example::whole(example.tokens, goal)
    };
    counting().into_iter().enumerate().map(whole).collect()
}

#[test]
fn the_loss_of_a_whole_is_the_cross_entropy_of_its_reward() {
    let mut data = wholes();
    let start = model(3).decoder;
    let rewards: Vec<f64> = data.iter().map(|example| whole_loss(&start, example).1).collect();
    assert!(rewards.iter().any(|&r| r > 0.1) && rewards.iter().any(|&r| r < -0.1), "{rewards:?}");
    data[2].sequence.as_mut().unwrap().weight = 0.25;
    let settings = TrainConfig { batch: data.len(), ..config(1) };
    let trained = Trainer::new(settings).train(model(3), &data).unwrap();
    let sum: f64 = data.iter().map(|e| e.weight() * whole_loss(&start, e).0).sum();
    let weight: f64 = data.iter().map(Example::weight).sum();
    let found = trained.history.updates[0].loss;
    assert!((found - sum / weight).abs() < 1e-5, "{found} {}", sum / weight);
}

#[test]
fn the_loss_of_the_next_token_is_the_cross_entropy_of_the_unpadded_texts() {
    let mut data = counting();
    data[3].targets[1].weight = 0.25;
    let settings = TrainConfig { batch: data.len(), ..config(1) };
    let trained = Trainer::new(settings).train(model(3), &data).unwrap();
    let start = model(3).decoder;
    let sum: f64 = data.iter().map(|example| next_loss(&start, example)).sum();
    let weight: f64 =
        data.iter().flat_map(|example| &example.targets).map(|t| f64::from(t.weight)).sum();
    let found = trained.history.updates[0].loss;
    assert!((found - sum / weight).abs() < 1e-5, "{found} {}", sum / weight);
}

#[test]
fn the_loss_of_held_out_examples_is_the_mean_over_their_targets() {
    // Five of lengths 4 to 8 in batches of four: the last batch has 7 targets of 25.
    let held_out = counting()[..5].to_vec();
    let trained = Trainer::new(config(1)).held_out(&held_out).train(model(3), &counting()).unwrap();
    let learnt = &trained.model.decoder;
    let sum: f64 = held_out.iter().map(|example| next_loss(learnt, example)).sum();
    let found = trained.history.held_out[0].loss;
    let expected = sum / 25.0;
    assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    let last = next_loss(learnt, &held_out[4]) / 7.0;
    let means = f64::midpoint((sum - 7.0 * last) / 18.0, last);
    assert!((means - expected).abs() > 1e-4, "the mean of the batches' means is another number");
}

#[test]
fn the_loss_of_a_label_is_the_binary_cross_entropy_at_its_position() {
    let weight: Vec<f32> = (0..shape().hidden_size).map(|i| (i as f32 * 0.7).sin()).collect();
    let head = LabelHead { weight, bias: vec![-0.3] };
    let data: Vec<Example> = (0..8_u8)
        .map(|index| {
            let tokens = vec![3 + u32::from(index), 4, 5, 6];
            // Soft labels, two a text, and texts of two lengths.
            let soft = f32::from(index) / 7.0;
            let tokens = if index % 2 == 0 { tokens } else { tokens[..3].to_vec() };
            Example::labelled(tokens, [(1, soft), (2, 1.0 - soft)])
        })
        .collect();
    assert_label_loss(&head, &data);
}

#[test]
fn the_loss_of_a_judged_token_is_that_of_its_own_label_at_the_place_before() {
    let mut head = LabelHead::of_tokens(&labelled(4).decoder);
    for (index, bias) in head.bias.iter_mut().enumerate() {
        *bias = (index as f32 * 0.4).cos();
    }
    let data: Vec<Example> = (0..6_u32)
        .map(|index| {
            let labels = [(1, 1.0), (2 + index as usize % 2, 0.0)];
            Example::judged(vec![3 + index, 4 + index, 5, 6], labels).unwrap()
        })
        .collect();
    let seen = |example: &Example| (example.targets[0].position, example.targets[0].want);
    assert_eq!(seen(&data[1]), (0, Goal::Probability { label: 5, value: 1.0 }));
    assert_label_loss(&head, &data);
}

/// A head of three classes with logits `z` at a position, class `c`: `-ln p[c]` with `p` the softmax
/// of `z`, whose gradient by `z` is `p - 1[c]`. The first update goes against it.
#[test]
fn the_loss_of_a_class_is_the_cross_entropy_of_the_softmax_of_all_labels() {
    let width = shape().hidden_size;
    let weight: Vec<f32> = (0..3 * width).map(|i| (i as f32 * 0.7).sin()).collect();
    let head = LabelHead { weight, bias: vec![-0.3, 0.2, 0.4] };
    let data: Vec<Example> = (0..6_u32)
        .map(|index| Example::classified(vec![3 + index, 4, 5], [(0, index % 3), (2, 2)]))
        .collect();
    let start = Model { label: Some(head.clone()), ..labelled(4) };
    let (mut sum, mut count) = (0.0, 0.0);
    let (mut by_weight, mut by_bias) = (vec![0.0; 3 * width], vec![0.0; 3]);
    for example in &data {
        let rows = hidden(&start.decoder, &example.tokens);
        for target in &example.targets {
            let Goal::Class(class) = target.want else { unreachable!() };
            let x = &rows[target.position];
            let labels = head.weight.chunks(width).zip(&head.bias);
            let logits: Vec<f64> = labels.map(|(w, b)| dot(w, x) + f64::from(*b)).collect();
            sum += log_sum_exp(&logits) - logits[class as usize];
            count += 1.0;
            for (label, logit) in logits.iter().enumerate() {
                let wanted = f64::from(u8::from(label == class as usize));
                let slope = (logit - log_sum_exp(&logits)).exp() - wanted;
                by_bias[label] += slope;
                for (by, x) in by_weight[label * width..].iter_mut().zip(x) {
                    *by += slope * x;
                }
            }
        }
    }
    let settings = TrainConfig {
        batch: data.len(),
        warmup: 0,
        final_rate: 1.0,
        learning_rate: 1e-3,
        weight_decay: 0.0,
        epsilon: 1e-20,
        ..config(1)
    };
    let trained = Trainer::new(settings).train(start, &data).unwrap();
    let found = trained.history.updates[0].loss;
    assert!((found - sum / count).abs() < 1e-5, "{found} {}", sum / count);
    let after = trained.model.label.unwrap();
    let old = head.weight.iter().chain(&head.bias);
    let new = after.weight.iter().chain(&after.bias);
    let mut told = 0;
    for ((old, new), slope) in old.zip(new).zip(by_weight.iter().chain(&by_bias)) {
        if slope.abs() > 1e-3 {
            let moved = f64::from(*new) - f64::from(*old);
            assert!((moved + 1e-3 * slope.signum()).abs() < 1e-6, "{moved} {slope}");
            told += 1;
        }
    }
    assert!(told > 40, "{told}");
}

#[test]
fn labels_of_tokens_begin_as_the_logits_of_a_language_model() {
    for tied in [false, true] {
        let shape = ModelConfig { tie_word_embeddings: tied, ..shape() };
        let decoder = DecoderWeights::initial(shape.clone(), 4).unwrap();
        let head = LabelHead::of_tokens(&decoder);
        let logits = if tied { &decoder.embedding } else { decoder.head.as_ref().unwrap() };
        assert_eq!((&head.weight, head.bias), (logits, vec![0.0; shape.vocab_size]));
    }
}

/// The loss of the first update is the mean over the targets of their binary cross-entropies.
fn assert_label_loss(head: &LabelHead, data: &[Example]) {
    let start = Model { label: Some(head.clone()), ..labelled(4) };
    let (mut sum, mut count) = (0.0, 0.0);
    for example in data {
        let rows = hidden(&start.decoder, &example.tokens);
        for target in &example.targets {
            let Goal::Probability { label, value: y } = target.want else { unreachable!() };
            let row = head.weight.chunks(shape().hidden_size).nth(label as usize).unwrap();
            let z = dot(row, &rows[target.position]) + f64::from(head.bias[label as usize]);
            let p = 1.0 / (1.0 + (-z).exp());
            sum -= f64::from(y) * p.ln() + (1.0 - f64::from(y)) * (1.0 - p).ln();
            count += 1.0;
        }
    }
    let settings = TrainConfig { batch: data.len(), ..config(1) };
    let trained = Trainer::new(settings).train(start, &data.to_vec()).unwrap();
    let found = trained.history.updates[0].loss;
    assert!((found - sum / count).abs() < 1e-5, "{found} {}", sum / count);
}

/// The first update of `AdamW` moves every weight by the learning rate against the sign of its
/// gradient (less what epsilon takes), after decay. So signs and decay can be read off, and the
/// gradient's norm is checked against finite differences of the loss.
#[test]
fn the_first_update_follows_the_gradient_and_decays_matrices_only() {
    let data = vec![counting().remove(7)];
    let count: f64 = data[0].targets.len() as f64;
    assert_first_update(&data, |weights| next_loss(weights, &data[0]) / count);
}

#[test]
fn the_first_update_follows_the_gradient_of_a_whole() {
    let data = wholes();
    for example in [&data[7], &data[9]] {
        let data = vec![example.clone()];
        assert_first_update(&data, |weights| whole_loss(weights, example).0);
    }
}

fn assert_first_update(data: &[Example], loss: impl Fn(&DecoderWeights) -> f64) {
    let settings = TrainConfig {
        batch: 1,
        warmup: 0,
        final_rate: 1.0,
        learning_rate: 1e-3,
        weight_decay: 0.5,
        epsilon: 1e-20,
        ..config(1)
    };
    let start = model(5);
    let trained = Trainer::new(settings).train(start.clone(), &data.to_vec()).unwrap();
    let (before, after) = (start.decoder.tensors(), trained.model.decoder.tensors());
    let mut square = 0.0;
    for (tensor, (old, new)) in before.iter().zip(&after).enumerate() {
        let decays = old.shape.len() == 2 && tensor > 0;
        for (index, (&a, &b)) in old.values.iter().zip(new.values).enumerate() {
            // In f64 the central difference is good to about 1e-8.
            let nudge = 2e-4_f32;
            let at = |delta: f32| {
                let mut weights = start.decoder.clone();
                let place = value(&mut weights, tensor, index);
                *place = a + delta;
                let exact = f64::from(*place);
                (exact, loss(&weights))
            };
            let ((high, up), (low, down)) = (at(nudge), at(-nudge));
            let gradient = (up - down) / (high - low);
            square += gradient * gradient;
            if gradient.abs() < 1e-4 {
                continue;
            }
            let decay = if decays { 1e-3 * 0.5 * f64::from(a) } else { 0.0 };
            let expected = f64::from(a) - decay - 1e-3 * gradient.signum();
            let name = &old.name;
            assert!((f64::from(b) - expected).abs() < 1e-6, "{name} {index}: {a} {b} {gradient}");
        }
    }
    let norm = trained.history.updates[0].gradient_norm;
    assert!((norm - square.sqrt()).abs() < 1e-4 * norm, "{norm} {}", square.sqrt());
}

/// Value number `index` of tensor number `tensor`, in the order of [`DecoderWeights::tensors`].
fn value(weights: &mut DecoderWeights, tensor: usize, index: usize) -> &mut f32 {
    let mut all: Vec<&mut Vec<f32>> = vec![&mut weights.embedding];
    for layer in &mut weights.layers {
        all.extend([
            &mut layer.attention_norm,
            &mut layer.query,
            &mut layer.key,
            &mut layer.value,
            &mut layer.output,
            &mut layer.feed_forward_norm,
        ]);
        for network in layer.feed_forward.networks_mut() {
            all.extend([&mut network.gate, &mut network.up, &mut network.down]);
        }
    }
    all.push(&mut weights.norm);
    all.extend(&mut weights.head);
    &mut all.swap_remove(tensor)[index]
}
