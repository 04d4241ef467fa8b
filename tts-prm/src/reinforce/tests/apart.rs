//! Who draws and who learns: how far apart they are is noted, and what was written is not taken from who rounds.

use tts_models::WeightFormat;

use super::*;

/// Weights that are sure of their letters, so that rounding shows.
fn sharp() -> DecoderWeights {
    let mut weights = weights();
    weights.head.iter_mut().flatten().for_each(|value| *value *= 20.0);
    weights
}

fn goes(
    config: ReinforceConfig,
    format: WeightFormat,
    folder: Option<&Path>,
) -> Result<Vec<StepNote>, String> {
    let native = Native::with_format(sharp(), format, 1).unwrap();
    let mut policy = Engine::new(native, tokenizer(), None, EngineConfig::default()).unwrap();
    let mut run = Reinforce::new(config).task(Arc::new(Exact));
    if let Some(folder) = folder {
        run = run.folder(folder);
    }
    let learnt = run.run(&mut policy, Model::from(sharp()), &problems(5));
    learnt.map(|learnt| steps(&learnt.notes)).map_err(|error| error.to_string())
}

fn recomputed(importance: Option<f32>) -> ReinforceConfig {
    let importance = importance.map(Importance::from);
    ReinforceConfig { old: Old::Recomputed, importance, ..config(4) }
}

/// What was found in the steps that something was learnt in.
fn found(notes: &[StepNote]) -> Vec<Mismatch> {
    let learnt = notes.iter().filter(|note| note.loss.is_some());
    let found: Vec<Mismatch> = learnt.map(|note| note.mismatch.unwrap()).collect();
    assert!(!found.is_empty(), "nothing was learnt");
    found
}

#[test]
fn rounding_of_who_draws_is_measured() {
    let exact = found(&goes(recomputed(None), WeightFormat::F32, None).unwrap());
    for own in &exact {
        assert!(own.mean < 1e-6 && own.most < 1e-5, "{own:?}");
        assert_eq!((own.weight, own.capped), (None, None));
    }
    let rounded = found(&goes(recomputed(None), WeightFormat::Bf16, None).unwrap());
    for own in &rounded {
        assert!(own.mean > 1e-4 && own.most >= own.mean && own.most < 1.0, "{own:?}");
    }
    let integers = found(&goes(recomputed(None), WeightFormat::Int8, None).unwrap());
    assert!(integers[0].mean > rounded[0].mean, "{integers:?}, {rounded:?}");
}

#[test]
fn what_tokens_weigh_and_how_many_are_capped_is_noted() {
    for (most, all) in [(1e30, false), (1.0, true)] {
        let notes = goes(recomputed(Some(most)), WeightFormat::Bf16, None).unwrap();
        let found = found(&notes);
        for own in &found {
            let (weight, capped) = (own.weight.unwrap(), own.capped.unwrap());
            assert!((weight - 1.0).abs() < 0.05 && (all || capped <= 0.0), "{own:?}");
        }
        // About half of all tokens are likelier with who learns.
        let capped: f64 = found.iter().filter_map(|own| own.capped).sum();
        let share = capped / found.len() as f64;
        assert!(!all || (share > 0.05 && share < 0.95), "{found:?}");
        let line = serde_json::to_string(&notes[0]).unwrap();
        assert_eq!(serde_json::from_str::<StepNote>(&line).unwrap(), notes[0]);
    }
    let charts = charts(
        "Letters",
        &[Note::Step(Box::new(
            goes(recomputed(None), WeightFormat::Bf16, None).unwrap().remove(0),
        ))],
    );
    let policy = charts.iter().find(|(name, _)| *name == "policy").map(|(_, chart)| chart);
    assert!(policy.unwrap().series.iter().any(|own| own.name == "sampler from trainer"));
}

#[test]
fn what_was_written_is_not_taken_from_who_rounds() {
    let exact = goes(config(4), WeightFormat::F32, None).unwrap();
    assert!(exact.iter().all(|note| note.mismatch.is_none()), "{exact:?}");
    assert!(!serde_json::to_string(&exact[0]).unwrap().contains("mismatch"));
    for format in [WeightFormat::Bf16, WeightFormat::Int8] {
        let folder = tempfile::tempdir().unwrap();
        let error = goes(config(4), format, Some(folder.path())).unwrap_err();
        assert!(error.contains("old: written, but who drew and who learns are "), "{error}");
        assert!(error.contains("expected at most 1e-8"), "{error}");
        // Nothing of it was noted or saved.
        let notes = read_notes(folder.path()).unwrap();
        assert!(notes.iter().all(|note| match note {
            Note::Step(step) => step.loss.is_none(),
            Note::Measured(_) => true,
        }));
        // A run that goes on is looked at again.
        let place = folder.path().join("later");
        let few = ReinforceConfig { steps: 2, ..config(4) };
        goes(few, WeightFormat::F32, Some(&place)).unwrap();
        let error = goes(config(4), format, Some(&place)).unwrap_err();
        assert!(error.contains("old: written"), "{error}");
    }
}
