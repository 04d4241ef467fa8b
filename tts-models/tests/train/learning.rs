//! What is learnt, and on what it depends.

use std::collections::HashSet;

use burn::backend::NdArray;
use burn::backend::ndarray::NdArrayDevice;
use tts_models::train::{Dataset, Example, LabelHead, Model, TrainConfig, Trainer};

use crate::{config, counting, labelled, model, shape};

#[test]
fn counting_is_learnt() {
    let held_out = counting();
    let trained = Trainer::new(config(150)).held_out(&held_out).train(model(1), &counting());
    let history = trained.unwrap().history;
    let first = history.updates[0].loss;
    // Eleven tokens, no knowledge: ln 11 = 2.4 nats.
    assert!((2.0..2.8).contains(&first), "{first}");
    let last = history.recent_loss(10).unwrap();
    assert!(last < 0.1, "{last}");
    let held_out = history.held_out.last().unwrap();
    assert!(held_out.loss < 0.1 && held_out.step == 150, "{held_out:?}");
    assert_eq!(history.held_out.len(), 75);
}

#[test]
fn the_rate_rises_from_the_first_update_and_falls_along_a_half_cosine() {
    let settings = TrainConfig { learning_rate: 0.01, final_rate: 0.2, ..config(7) };
    let trained = Trainer::new(settings.clone()).train(model(1), &counting()).unwrap();
    // Three updates of warm-up, then quarters of a half cosine: (1 + cos 45 degrees) / 2 and so on.
    let rates = [1.0 / 3.0, 2.0 / 3.0, 1.0, 0.882_842_712, 0.6, 0.317_157_288, 0.2];
    for (update, expected) in trained.history.updates.iter().zip(rates) {
        assert!((update.rate - 0.01 * expected).abs() < 1e-9, "{update:?}: {expected}");
    }
    // Beyond the last update it stays.
    assert!((settings.rate(100) - 0.002).abs() < 1e-12);
    let sudden = TrainConfig { warmup: 0, ..settings };
    assert!(sudden.rate(0) < 0.01 && sudden.rate(0) > 0.009);
}

#[test]
fn a_label_is_learnt() {
    // Whether the first two tokens are the same.
    let data: Vec<Example> = (0..64_u32)
        .map(|index| {
            let (a, b) = (3 + index % 8, 3 + (index / 8) % 8);
            let label = if a == b { 1.0 } else { 0.0 };
            Example::labelled(vec![a, b, 2], [(2, label)])
        })
        .collect();
    let settings = TrainConfig { batch: 16, ..config(500) };
    let trained = Trainer::new(settings).train(labelled(1), &data).unwrap();
    let (first, last) = (trained.history.updates[0].loss, trained.history.recent_loss(10).unwrap());
    // A head of zeros says one half: ln 2. Always "different" would come to 0.377.
    assert!((first - 2_f64.ln()).abs() < 1e-6, "{first}");
    assert!(last < 0.1, "{last}");
    assert!(trained.model.label.unwrap().weight.iter().any(|&weight| weight != 0.0));
}

#[test]
fn a_class_is_learnt() {
    // Whether the second token is less than, the same as, or more than the first.
    let data: Vec<Example> = (0..64_u32)
        .map(|index| {
            let (a, b) = (3 + index % 8, 3 + (index / 8) % 8);
            let class = if b < a { 0 } else { 1 + u32::from(b > a) };
            Example::classified(vec![a, b, 2], [(2, class)])
        })
        .collect();
    let head = LabelHead::of_classes(3, shape().hidden_size);
    let start = Model { label: Some(head), ..model(1) };
    let settings = TrainConfig { batch: 16, ..config(500) };
    let trained = Trainer::new(settings).train(start, &data).unwrap();
    let (first, last) = (trained.history.updates[0].loss, trained.history.recent_loss(10).unwrap());
    // A head of zeros says one third: ln 3. To know nothing of the tokens would come to 0.97.
    assert!((first - 3_f64.ln()).abs() < 1e-6, "{first}");
    assert!(last < 0.3, "{last}");
}

#[test]
fn frozen_layers_keep_their_bits_and_the_rest_learns() {
    let start = labelled(1);
    let layers = start.decoder.layers.len();
    assert!(layers >= 2, "{layers}");
    let data = [Example::labelled(vec![3, 4, 5], [(1, 1.0), (2, 0.0)])];
    for frozen in 0..=layers {
        let settings = TrainConfig { frozen_layers: frozen, ..config(4) };
        let trained = Trainer::new(settings).train(start.clone(), &data.to_vec()).unwrap();
        let (before, after) = (&start.decoder, &trained.model.decoder);
        assert_eq!(before.embedding == after.embedding, frozen > 0);
        for (index, (old, new)) in before.layers.iter().zip(&after.layers).enumerate() {
            assert_eq!(old == new, index < frozen, "layer {index} of {frozen} frozen");
        }
        assert_ne!(before.norm, after.norm);
        assert_ne!(start.label, trained.model.label);
        // What is not learnt does not count in the norm of the gradient.
        let norm = trained.history.updates[1].gradient_norm;
        assert!(norm.is_finite() && norm > 0.0, "{norm}");
    }
    let settings = TrainConfig { frozen_layers: layers + 1, ..config(4) };
    let error = Trainer::new(settings).train(start, &data.to_vec()).unwrap_err().to_string();
    assert!(error.contains("frozen_layers") && error.contains("expected at most"), "{error}");
}

#[test]
fn the_gradient_of_what_learns_does_not_change_when_the_rest_is_frozen() {
    let train = |frozen_layers| {
        // Without clipping, which looks at all weights together.
        let settings = TrainConfig { frozen_layers, clip: f64::MAX, ..config(1) };
        let data = vec![Example::labelled(vec![3, 4, 5], [(1, 1.0), (2, 0.0)])];
        Trainer::new(settings).train(labelled(1), &data).unwrap().model
    };
    let (all, some) = (train(0), train(1));
    assert_eq!(all.label, some.label);
    assert_eq!(all.decoder.layers[1], some.decoder.layers[1]);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_does_not() {
    let train = |seed| {
        let settings = TrainConfig { seed, ..config(6) };
        Trainer::new(settings).train(model(1), &counting()).unwrap()
    };
    assert_eq!(train(1), train(1));
    assert_ne!(train(1).model, train(2).model);
}

/// On Burn's operations the same run has the same losses, up to rounding.
#[test]
fn burn_learns_alike() {
    let native = Trainer::new(config(5)).train(model(1), &counting()).unwrap();
    let burn = Trainer::new(config(5))
        .train_on::<NdArray<f32>>(model(1), &counting(), &NdArrayDevice::default())
        .unwrap();
    for (a, b) in native.history.updates.iter().zip(&burn.history.updates) {
        assert!((a.loss - b.loss).abs() < 1e-4 && a.tokens == b.tokens, "{a:?} {b:?}");
        assert!((a.gradient_norm - b.gradient_norm).abs() < 1e-3 * b.gradient_norm, "{a:?} {b:?}");
    }
}

#[test]
fn what_is_not_targeted_is_not_learnt() {
    // The same texts, of which only the last token is learnt: the loss at the others stays.
    let masked: Vec<Example> = counting()
        .into_iter()
        .map(|example| {
            let last = example.tokens.len() - 1;
            Example::continuation(example.tokens, last)
        })
        .collect();
    assert!(masked.iter().all(|example| example.targets.len() == 1));
    // Weights of zero are masks, too.
    let mut weighted = counting();
    for example in &mut weighted {
        let last = example.targets.len() - 1;
        example.targets[..last].iter_mut().for_each(|target| target.weight = 0.0);
    }
    let train = |data: &Vec<Example>| Trainer::new(config(3)).train(model(1), data).unwrap();
    let (masked, weighted) = (train(&masked), train(&weighted));
    for (a, b) in masked.history.updates.iter().zip(&weighted.history.updates) {
        assert!((a.loss - b.loss).abs() < 1e-5, "{a:?} {b:?}");
    }
}

/// Counts which examples were asked for in the course of a run.
struct Spy {
    examples: Vec<Example>,
    asked: std::sync::Mutex<Vec<usize>>,
}

impl Dataset for Spy {
    fn len(&self) -> usize {
        self.examples.len()
    }

    fn example(&self, index: usize) -> Example {
        self.asked.lock().unwrap().push(index);
        self.examples[index].clone()
    }

    fn length(&self, index: usize) -> usize {
        self.examples[index].tokens.len()
    }
}

#[test]
fn every_epoch_shows_every_example_once() {
    let spy = Spy { examples: counting(), asked: std::sync::Mutex::default() };
    let mut starts = Vec::new();
    let watch = |_: &_| {
        starts.push(spy.asked.lock().unwrap().len());
        std::ops::ControlFlow::Continue(())
    };
    // 24 examples in batches of 4: two epochs.
    Trainer::new(config(12)).watch(watch).train(model(1), &spy).unwrap();
    let asked = spy.asked.lock().unwrap();
    let trained = &asked[asked.len() - 48..];
    let epochs: Vec<Vec<usize>> = trained.chunks(24).map(<[usize]>::to_vec).collect();
    for epoch in &epochs {
        assert_eq!(epoch.iter().collect::<HashSet<_>>().len(), 24);
    }
    assert_ne!(epochs[0], epochs[1]);
    // Batches hold examples of like length.
    let lengths = |batch: &[usize]| -> Vec<usize> {
        batch.iter().map(|&index| spy.examples[index].tokens.len()).collect()
    };
    for batch in trained.chunks(4) {
        let lengths = lengths(batch);
        assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 2, "{lengths:?}");
    }
}
