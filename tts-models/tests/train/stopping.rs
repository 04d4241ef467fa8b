//! Stopping, going on, and everything that can go wrong.

use std::ops::ControlFlow;
use std::path::Path;

use safetensors::tensor::{SafeTensors, TensorView};
use tts_models::ModelError;
use tts_models::train::{
    Conjunction, Contest, Example, Goal, LabelHead, Model, SequenceGoal, Target, TrainConfig,
    Trained, Trainer,
};

use crate::{config, counting, labelled, model};

fn in_folder(steps: usize, folder: &Path, stop: Option<usize>) -> Result<Trained, ModelError> {
    let held_out = counting();
    Trainer::new(config(steps))
        .checkpoints(folder)
        .held_out(&held_out)
        .watch(|progress| {
            if stop == Some(progress.update.step) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .train(model(1), &counting())
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = in_folder(9, &folder.path().join("whole"), None).unwrap();
    assert!(whole.complete);
    for stop in 1..9 {
        let folder = folder.path().join(stop.to_string());
        let stopped = in_folder(9, &folder, Some(stop)).unwrap();
        assert!(!stopped.complete);
        assert_eq!(stopped.history.updates.len(), stop);
        assert_eq!(in_folder(9, &folder, None).unwrap(), whole, "stopped after {stop}");
    }
    // One that is told to stop after its last update is complete.
    assert_eq!(in_folder(9, &folder.path().join("last"), Some(9)).unwrap(), whole);
    // One that is complete is only read.
    assert_eq!(in_folder(9, &folder.path().join("3"), None).unwrap(), whole);
    let file = |name: &str| std::fs::read(folder.path().join(name).join("checkpoint.safetensors"));
    assert_eq!(file("whole").unwrap(), file("5").unwrap());
}

#[test]
fn a_killed_run_goes_on_from_its_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let held_out = counting();
    std::fs::create_dir(&killed).unwrap();
    // What lies on the disk when update 7 is done: the checkpoint after update 6.
    let trained = Trainer::new(config(9))
        .checkpoints(&whole)
        .held_out(&held_out)
        .watch(|progress| {
            if progress.update.step == 7 {
                let file = "checkpoint.safetensors";
                std::fs::copy(whole.join(file), killed.join(file)).unwrap();
            }
            ControlFlow::Continue(())
        })
        .train(model(1), &counting())
        .unwrap();
    assert_eq!(in_folder(9, &killed, None).unwrap(), trained);
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    in_folder(4, folder.path(), None).unwrap();
    let other = [
        Trainer::new(TrainConfig { seed: 5, ..config(4) })
            .checkpoints(folder.path())
            .train(model(1), &counting()),
        Trainer::new(config(4)).checkpoints(folder.path()).train(model(2), &counting()),
        Trainer::new(config(4))
            .checkpoints(folder.path())
            .train(model(1), &counting()[1..].to_vec()),
    ];
    for result in other {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("checkpoint.safetensors"), "{error}");
        assert!(error.contains("other settings"), "{error}");
    }
}

#[test]
fn a_checkpoint_of_another_head_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = vec![Example::labelled(vec![3, 4, 5], [(2, 1.0)])];
    let train = |bias: f32| {
        let mut start = labelled(1);
        start.label.as_mut().unwrap().bias[0] = bias;
        Trainer::new(config(4)).checkpoints(folder.path()).train(start, &data)
    };
    let trained = train(0.0).unwrap();
    assert_eq!(train(0.0).unwrap(), trained);
    assert!(train(0.5).unwrap_err().to_string().contains("other settings"));
}

/// Of this run by its digest, and yet of another size.
#[test]
fn a_checkpoint_with_too_few_weights_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    in_folder(4, folder.path(), None).unwrap();
    let file = folder.path().join("checkpoint.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for short in ["weights", "moment_1", "moment_2"] {
        let views = tensors.iter().map(|(name, view)| {
            let data = view.data();
            let data = if name == short { &data[4..] } else { data };
            (name, TensorView::new(view.dtype(), vec![data.len() / 4], data).unwrap())
        });
        let cut = safetensors::serialize(views, header.metadata().clone()).unwrap();
        std::fs::write(&file, cut).unwrap();
        let error = in_folder(4, folder.path(), None).unwrap_err().to_string();
        assert!(error.contains(short) && error.contains("expected F32 ["), "{error}");
    }
}

#[test]
fn a_damaged_checkpoint_is_an_error_not_a_new_start() {
    let folder = tempfile::tempdir().unwrap();
    in_folder(4, folder.path(), None).unwrap();
    let file = folder.path().join("checkpoint.safetensors");
    let sound = std::fs::read(&file).unwrap();
    let mut wrong = sound.clone();
    let end = wrong.len();
    wrong[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    for bytes in [&sound[..0], &sound[..7], &sound[..200], &sound[..end - 1], &wrong] {
        std::fs::write(&file, bytes).unwrap();
        let error = in_folder(4, folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("checkpoint.safetensors"), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_keeps_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let whole = in_folder(9, &folder.path().join("whole"), None).unwrap();
    let folder = folder.path().join("full");
    let partial = folder.join("checkpoint.safetensors.partial");
    let held_out = counting();
    let error = Trainer::new(config(9))
        .checkpoints(&folder)
        .held_out(&held_out)
        .watch(|progress| {
            if progress.update.step == 5 {
                // A device that is always full stands where the file is written.
                std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
            }
            ControlFlow::Continue(())
        })
        .train(model(1), &counting())
        .unwrap_err();
    assert!(
        matches!(&error, ModelError::Io { source, .. }
        if source.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
    assert!(error.to_string().contains("checkpoint.safetensors"), "{error}");
    // What was begun does not take the room that is short, and there is room again.
    assert!(!partial.is_symlink());
    assert_eq!(in_folder(9, &folder, None).unwrap(), whole);
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint() {
    let mut start = model(1);
    start.decoder.norm[0] = f32::NAN;
    let error = Trainer::new(config(3)).train(start, &counting()).unwrap_err();
    assert!(matches!(error, ModelError::Training { step: 1, .. }), "{error}");
    assert!(error.to_string().contains("the loss is NaN"), "{error}");

    // A rate that drives the weights out of range some updates in.
    let folder = tempfile::tempdir().unwrap();
    let wild = TrainConfig {
        learning_rate: 10.0,
        warmup: 0,
        weight_decay: 10.0,
        checkpoint_every: 1,
        ..config(60)
    };
    let error = Trainer::new(wild).checkpoints(folder.path()).train(model(1), &counting());
    let ModelError::Training { step, .. } = error.unwrap_err() else { panic!("another error") };
    assert!(step > 1);
    assert!(folder.path().join("checkpoint.safetensors").exists());
}

const GOAL: SequenceGoal =
    SequenceGoal { first: 1, label: 1.0, reference: -3.0, beta: 0.5, weight: 1.0 };

#[test]
fn a_checkpoint_knows_the_goals_of_whole_texts() {
    let data = |goal: SequenceGoal| -> Vec<Example> {
        let texts = counting().into_iter().map(|example| example.tokens);
        texts.map(|tokens| Example::whole(tokens, goal)).collect()
    };
    let train = |steps: usize, folder: &Path, goal, stop: Option<usize>| {
        Trainer::new(config(steps))
            .checkpoints(folder)
            .watch(|progress| match stop {
                Some(stop) if stop == progress.update.step => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
            .train(model(1), &data(goal))
    };
    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    let unbroken = train(6, &whole, GOAL, None).unwrap();
    assert!(!train(6, &stopped, GOAL, Some(3)).unwrap().complete);
    let others = [
        SequenceGoal { first: 2, ..GOAL },
        SequenceGoal { label: 0.0, ..GOAL },
        SequenceGoal { reference: -3.5, ..GOAL },
        SequenceGoal { beta: 0.25, ..GOAL },
        SequenceGoal { weight: 2.0, ..GOAL },
    ];
    for other in others {
        let error = train(6, &stopped, other, None).unwrap_err().to_string();
        assert!(error.contains("other settings"), "{other:?}: {error}");
    }
    assert_eq!(train(6, &stopped, GOAL, None).unwrap(), unbroken);
}

fn probability(label: u32, value: f32) -> Goal {
    Goal::Probability { label, value }
}

#[test]
fn bad_examples_are_named() {
    let target = |position, want, weight| Target { position, want, weight };
    let with = |tokens: Vec<u32>, target: Target| {
        let targets = vec![target];
        vec![counting().remove(0), Example { tokens, targets, ..Example::default() }]
    };
    let token = Goal::Token(4);
    let cases = [
        (Vec::new(), "data: no examples"),
        (vec![Example { tokens: vec![3, 4], ..Example::default() }], "data: no targets"),
        (with(vec![3, 4], target(0, token, 0.0))[1..].to_vec(), "data: no targets"),
        (with(Vec::new(), target(0, token, 1.0)), "example 1: 0 tokens"),
        (with(vec![3; 65], target(0, token, 1.0)), "example 1: 65 tokens, expected 1 to 64"),
        (with(vec![3, 11], target(0, token, 1.0)), "example 1: token 11, expected below 11"),
        (with(vec![3, 4], target(2, token, 1.0)), "example 1: a target at 2, expected below 2"),
        (with(vec![3, 4], target(0, Goal::Token(11), 1.0)), "example 1: token 11 wanted"),
        (with(vec![3, 4], target(0, token, f32::NAN)), "example 1: weight NaN"),
        (with(vec![3, 4], target(0, token, -1.0)), "example 1: weight -1"),
        (with(vec![3, 4], target(0, probability(0, 0.5), 1.0)), "no label head"),
        (with(vec![3, 4], target(0, Goal::Class(0), 1.0)), "no label head"),
    ];
    for (data, expected) in cases {
        let error = Trainer::new(config(1)).train(model(1), &data).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} for {expected:?}");
    }
    let together = |of: Vec<(usize, u32)>, value, weight| {
        let conjunctions = vec![Conjunction { of, value, weight }];
        vec![Example { tokens: vec![3, 4], conjunctions, ..Example::default() }]
    };
    let contest = |label, weight| {
        let contest = Some(Contest { worse: vec![vec![5]], label, weight });
        vec![Example { tokens: vec![3, 4], contest, ..Example::default() }]
    };
    let error = Trainer::new(config(1)).train(model(1), &contest(0, 1.0)).unwrap_err().to_string();
    assert!(error.contains("a contest, but the model has no label head"), "{error}");
    let headed =
        || Model { label: Some(LabelHead::zero(model(1).decoder.config.hidden_size)), ..model(1) };
    let cases = [
        (together(vec![], 1.0, 1.0), "a conjunction of no labels"),
        (together(vec![(2, 0)], 1.0, 1.0), "a conjunction at 2, expected below 2"),
        (together(vec![(0, 0), (1, 1)], 1.0, 1.0), "label 1 of a conjunction, expected below 1"),
        (together(vec![(0, 0)], f32::NAN, 1.0), "value NaN of a conjunction"),
        (together(vec![(0, 0)], 0.5, -1.0), "weight -1 of a conjunction"),
        (vec![Example::preferred(vec![3, 4], vec![])], "a contest with nobody"),
        (vec![Example::preferred(vec![3, 4], vec![vec![]])], "0 tokens"),
        (vec![Example::preferred(vec![3, 4], vec![vec![3; 65]])], "65 tokens, expected 1 to 64"),
        (vec![Example::preferred(vec![3, 4], vec![vec![11]])], "token 11, expected below 11"),
        (contest(1, 1.0), "label 1 of a contest, expected below 1"),
        (contest(0, f32::NAN), "weight NaN of a contest"),
    ];
    for (data, expected) in cases {
        let error = Trainer::new(config(1)).train(headed(), &data).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} for {expected:?}");
    }
    let whole = |goal| vec![counting().remove(0), Example::whole(vec![3, 4], goal)];
    let cases = [
        (SequenceGoal { first: 0, ..GOAL }, "a sequence from token 0"),
        (SequenceGoal { first: 2, ..GOAL }, "no target tokens: a sequence from token 2 of 2"),
        (SequenceGoal { label: f32::NAN, ..GOAL }, "label NaN of the sequence"),
        (SequenceGoal { label: 1.5, ..GOAL }, "label 1.5 of the sequence"),
        (SequenceGoal { reference: f64::NEG_INFINITY, ..GOAL }, "reference -inf"),
        (SequenceGoal { reference: f64::NAN, ..GOAL }, "reference NaN"),
        (SequenceGoal { beta: 0.0, ..GOAL }, "beta 0, expected a number above 0"),
        (SequenceGoal { beta: f64::INFINITY, ..GOAL }, "beta inf"),
        (SequenceGoal { weight: -1.0, ..GOAL }, "weight -1 of the sequence"),
    ];
    for (goal, expected) in cases {
        let error = Trainer::new(config(1)).train(model(1), &whole(goal)).unwrap_err().to_string();
        assert!(error.contains(&format!("example 1: {expected}")), "{error:?} for {expected:?}");
    }
    for label in [f32::NAN, -0.1, 1.1] {
        let data = with(vec![3, 4], target(0, probability(0, label), 1.0));
        let error = Trainer::new(config(1)).train(labelled(1), &data).unwrap_err().to_string();
        assert!(error.contains("example 1: label"), "{error}");
    }
    let data = with(vec![3, 4], target(0, probability(1, 0.5), 1.0));
    let error = Trainer::new(config(1)).train(labelled(1), &data).unwrap_err().to_string();
    assert!(error.contains("example 1: label 1 at 0, expected below 1"), "{error}");
    let data = with(vec![3, 4], target(0, Goal::Class(1), 1.0));
    let error = Trainer::new(config(1)).train(labelled(1), &data).unwrap_err().to_string();
    assert!(error.contains("example 1: class 1 at 0, expected below 1"), "{error}");
    for (index, expected) in [(0, "token 0"), (2, "token 2, expected 1 to below 2")] {
        let error = Example::judged(vec![3, 4], [(index, 1.0)]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let (empty, data) = (Vec::<Example>::new(), counting());
    let error = Trainer::new(config(1)).held_out(&empty).train(model(1), &data);
    assert!(error.unwrap_err().to_string().contains("held out: no examples"));
}

#[test]
fn bad_settings_are_named() {
    let good = config(1);
    let cases = [
        ("steps", TrainConfig { steps: 0, ..good.clone() }),
        ("batch", TrainConfig { batch: 0, ..good.clone() }),
        ("learning_rate", TrainConfig { learning_rate: f64::NAN, ..good.clone() }),
        ("final_rate", TrainConfig { final_rate: 1.5, ..good.clone() }),
        ("weight_decay", TrainConfig { weight_decay: -1.0, ..good.clone() }),
        ("beta_1", TrainConfig { beta_1: 1.0, ..good.clone() }),
        ("beta_2", TrainConfig { beta_2: -0.1, ..good.clone() }),
        ("epsilon", TrainConfig { epsilon: 0.0, ..good.clone() }),
        ("clip", TrainConfig { clip: 0.0, ..good }),
    ];
    for (field, config) in cases {
        let error = Trainer::new(config).train(model(1), &counting()).unwrap_err().to_string();
        assert!(error.starts_with(field), "{error}");
    }
}
