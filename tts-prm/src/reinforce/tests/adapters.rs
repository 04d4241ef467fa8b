//! A policy whose adapter began elsewhere, where what was learnt before is gone on from, to the bits; and training on
//! another backend than own kernels.

use tts_models::train::Precision;

use super::*;

fn begun(adapter: Adapter) -> Model {
    Model { adapter: Some(adapter), ..Model::from(weights()) }
}

fn factors(model: &Model) -> Vec<u32> {
    let adapter = model.adapter.as_ref().unwrap();
    let layers = (0..).map_while(|layer| adapter.layer(layer)).flatten();
    layers.flat_map(|own| own.a.iter().chain(&own.b)).map(|value| value.to_bits()).collect()
}

fn new() -> Adapter {
    let config = AdapterConfig { rank: 2, alpha: 4.0, ..AdapterConfig::default() };
    Adapter::initial(config, &shape(), 1).unwrap()
}

fn settings(steps: usize) -> ReinforceConfig {
    ReinforceConfig { save_every: 2, ..config(steps) }
}

fn goes(
    folder: Option<&Path>,
    model: Model,
    config: ReinforceConfig,
    watch: &mut dyn FnMut(usize),
) -> Reinforced {
    let run = Reinforce::new(config).task(Arc::new(Exact)).watch(|progress| {
        watch(progress.note.step);
        ControlFlow::Continue(())
    });
    let run = match folder {
        Some(folder) => run.folder(folder),
        None => run,
    };
    run.run(&mut engine(1), model, &problems(5)).unwrap()
}

/// Read from its files it learns what it would have learnt from memory, with an engine that had not heard of it, and who is
/// held near where it began is nowhere else at first.
#[test]
fn an_adapter_from_files_goes_on_to_the_bits_of_one_in_memory() {
    let first = goes(None, begun(new()), settings(2), &mut |_| {}).model;
    assert_ne!(factors(&first), factors(&begun(new())));
    let folder = tempfile::tempdir().unwrap();
    let adapter = first.adapter.clone().unwrap();
    adapter.save(folder.path()).unwrap();
    let read = Adapter::load(folder.path(), &shape()).unwrap();
    assert_eq!(read, adapter);
    let adjust = Adjust { beta: Some(0.1), ..Adjust::default() };
    let near = |adapter: &Adapter| {
        let mut merged = weights();
        adapter.merge(&mut merged).unwrap();
        let native = Native::new(merged, 1).unwrap();
        let mut reference =
            Engine::new(native, tokenizer(), None, EngineConfig::default()).unwrap();
        let run = Reinforce::new(ReinforceConfig { adjust, ..settings(1) }).task(Arc::new(Exact));
        let run = run.reference(&mut reference);
        run.run(&mut engine(1), begun(adapter.clone()), &problems(5)).unwrap()
    };
    let (one, other) = (near(&read), near(&adapter));
    assert_eq!(factors(&one.model), factors(&other.model));
    assert_ne!(factors(&one.model), factors(&first));
    assert_eq!(bits(&one.model), bits(&Model::from(weights())));
    let note = &steps(&one.notes)[0];
    assert!(note.divergence.unwrap() < 1e-9, "{note:?}");
}

#[test]
fn an_adapter_that_was_killed_goes_on_to_the_same_bits() {
    let start = goes(None, begun(new()), settings(1), &mut |_| {}).model;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| folder.path().join(name);
    let whole = at("whole".into());
    let run = goes(Some(&whole), start.clone(), settings(5), &mut |step| {
        copied(&whole, &at(format!("killed {step}")));
    });
    for step in 1..=5 {
        let again =
            goes(Some(&at(format!("killed {step}"))), start.clone(), settings(5), &mut |_| {});
        assert_eq!(factors(&again.model), factors(&run.model), "killed at {step}");
        assert_eq!(timeless(again.notes), timeless(run.notes.clone()), "killed at {step}");
    }
    // A run that began from another adapter is not gone on with.
    let other = Reinforce::new(settings(6)).task(Arc::new(Exact)).folder(&whole);
    assert!(other.run(&mut engine(1), begun(new()), &problems(5)).is_err());
}

/// By Burn it learns what it learns on own kernels, up to rounding, an adapter or all weights, and a folder knows which of
/// them began it.
#[test]
fn another_trainer_learns_the_same() {
    let config = || ReinforceConfig { old: Old::Recomputed, ..settings(3) };
    let mut rounds = config();
    rounds.learn.precision = Precision::Bf16;
    let refused = Reinforce::new(rounds).task(Arc::new(Exact)).trains_on(Backend::Ndarray);
    let refused = refused.run(&mut engine(1), Model::from(weights()), &problems(5));
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("learn.precision: bf16, beside a trainer on ndarray"), "{error}");
    for model in [Model::from(weights()), begun(new())] {
        let folder = tempfile::tempdir().unwrap();
        let on = |backend, steps| {
            let run = Reinforce::new(ReinforceConfig { steps, ..config() }).task(Arc::new(Exact));
            let run = run.folder(folder.path().join(format!("{backend:?}"))).trains_on(backend);
            run.run(&mut engine(1), model.clone(), &problems(5))
        };
        let (own, other) = (on(Backend::Native, 3).unwrap(), on(Backend::Ndarray, 3).unwrap());
        // What is drawn first, by the same weights, is the same.
        let (own_steps, other_steps) = (steps(&own.notes), steps(&other.notes));
        assert_eq!(own_steps[0].reward.to_bits(), other_steps[0].reward.to_bits());
        let norms = [&own_steps, &other_steps].map(|steps| steps[0].gradient_norm.unwrap());
        assert!(norms[0] > 0.0 && (norms[0] - norms[1]).abs() < 1e-3 * norms[0], "{norms:?}");
        let values = |model: &Model| -> Vec<f32> {
            let bits = if model.adapter.is_some() { factors(model) } else { bits(model) };
            bits.into_iter().map(f32::from_bits).collect()
        };
        let (found, expected) = (values(&other.model), values(&own.model));
        let moved = |to: &[f32]| {
            let from = values(&model);
            from.iter().zip(to).map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap()
        };
        let far = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let far = far.max_by(f32::total_cmp).unwrap();
        assert!(moved(&expected) > 1e-3 && far < 0.05 * moved(&expected), "{far}");
        // Killed after its third step it goes on; the other kind does not go on for it.
        let more = on(Backend::Ndarray, 4).unwrap();
        assert_eq!(steps(&more.notes)[..3], other_steps[..]);
        std::fs::rename(folder.path().join("Ndarray"), folder.path().join("kept")).unwrap();
        std::fs::rename(folder.path().join("Native"), folder.path().join("Ndarray")).unwrap();
        let error = on(Backend::Ndarray, 4).unwrap_err().to_string();
        assert!(error.contains("other") || error.contains("belongs"), "{error}");
    }
}
