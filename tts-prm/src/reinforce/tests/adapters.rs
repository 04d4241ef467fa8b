//! A policy whose adapter began elsewhere: what was learnt before is gone on from, to the bits.

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
