//! What is refused, what a folder is told by, and that scores of steps are learnt.

use tts_core::Sampling;
use tts_models::train::Precision;

use super::*;

fn at(
    folder: &Path,
    config: ReinforceConfig,
    problems: &[Problem],
) -> Result<Reinforced, PrmError> {
    let run = Reinforce::new(config).task(Arc::new(Exact)).folder(folder);
    run.run(&mut engine(1), Model::from(weights()), problems)
}

fn factor(name: &str) -> Term {
    Term { factor: true, ..name.parse().unwrap() }
}

#[test]
fn settings_that_mean_nothing_beside_others_are_refused() {
    type Break = fn(&mut ReinforceConfig);
    let table: [(Break, &str); 14] = [
        (|c| c.adjust.baseline = Some(Baseline::Batch), "spread: of the group, beside the batch's"),
        (
            |c| (c.scheme, c.adjust.spread) = (Scheme::Reinforce, Some(Spread::Sample)),
            "spread: of the group, beside the batch's",
        ),
        (|c| c.learn.rate = f64::NAN, "learn.rate: NaN"),
        (|c| c.learn.clip = 0.0, "learn.clip: 0, expected"),
        (|c| c.learn.weight_decay = -1.0, "learn.weight_decay: -1"),
        (|c| c.measure.temperature = f32::NAN, "measure.temperature: NaN"),
        (
            |c| (c.measure.temperature, c.measure.samples) = (0.0, 4),
            "measure.samples: 4, at a temperature of 0",
        ),
        (
            |c| c.rewards[0].weight = 0.0,
            "problems[0]: a right answer, and no reward with a weight is of such problems",
        ),
        (
            |c| c.rewards.extend([factor("random"), "brevity".parse().unwrap()]),
            "rewards[2]: below 0, beside the factor random",
        ),
        (
            |c| c.rewards = vec!["right".parse().unwrap(), factor("overlong:4/2")],
            "rewards[1]: below 0, beside the factor overlong",
        ),
        (
            |c| {
                c.rewards.push(factor("random"));
                c.rewards[0].weight = -1.0;
            },
            "rewards[0]: below 0, beside the factor random",
        ),
        (|c| c.learn.precision = Precision::Bf16, "old: those of who wrote"),
        (
            |c| (c.scheme, c.process) = (Scheme::Dapo, Some(Process::default())),
            "process: scores of steps, which a group of equal rewards has too",
        ),
        (|c| c.rewards.push(c.rewards[0].clone()), "rewards[1]: right stands there twice"),
    ];
    for (breaks, expected) in table {
        let mut config = config(2);
        breaks(&mut config);
        let error = run(config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
    let fine =
        Adjust { baseline: Some(Baseline::Batch), spread: Some(Spread::Batch), ..config(2).adjust };
    assert!(run(ReinforceConfig { adjust: fine, ..config(2) }).is_ok());
    let error = Reinforce::new(config(2))
        .task(Arc::new(Exact))
        .reward("right", 1.0, &Same)
        .run(&mut engine(1), Model::from(weights()), &problems(5))
        .unwrap_err()
        .to_string();
    assert!(error.contains("reward \"right\": another reward has this name"), "{error}");
}

#[test]
fn right_answers_are_asked_for_where_something_goes_by_them() {
    let mut unknown = problems(3);
    unknown[2].gold = String::new();
    let likes = scorer::from_fn(|_path, _step| 0.5).with_scale(Scale::PREFIX);
    let goes = |config: ReinforceConfig, learn: &[Problem], held_out: &[Problem]| {
        let config = ReinforceConfig { rewards: Vec::new(), ..config };
        let run = Reinforce::new(config).task(Arc::new(Exact)).reward("same", 1.0, &Same);
        let run = run.scorer(&likes).held_out(held_out);
        run.run(&mut engine(1), Model::from(weights()), learn).map_err(|error| error.to_string())
    };
    let known = problems(3);
    let error = goes(config(1), &known, &unknown).unwrap_err();
    assert!(error.contains("held out[2]: no right answer, but it is measured on"), "{error}");
    let guarded = ReinforceConfig { process: Some(Process::default()), ..config(1) };
    let error = goes(guarded.clone(), &unknown, &known).unwrap_err();
    assert!(error.contains("problems[2]: no right answer, but the guard"), "{error}");
    let curriculum = Curriculum::Unsolved { least: 0.1 };
    let error = goes(ReinforceConfig { curriculum, ..config(1) }, &unknown, &known).unwrap_err();
    assert!(error.contains("problems[2]: no right answer, but the curriculum"), "{error}");
    let free = Process { guard: false, ..Process::default() };
    assert!(goes(ReinforceConfig { process: Some(free), ..guarded }, &unknown, &known).is_ok());
}

/// Draws at a temperature of its own.
#[derive(Debug, Clone)]
struct Cool;

impl SearchStrategy for Cool {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let cool = Some(Sampling::temperature(0.5));
        let all = Expand { sampling: cool, ..Expand::end(NodeId::ROOT, 4) };
        if view.is_start() { vec![all] } else { Vec::new() }
    }
}

#[test]
fn what_is_drawn_at_another_temperature_is_refused_unless_it_is_weighted() {
    let goes = |config: ReinforceConfig| {
        let run = Reinforce::new(config).task(Arc::new(Exact)).sampler(Cool);
        run.run(&mut engine(1), Model::from(weights()), &problems(5))
    };
    let error = goes(config(2)).unwrap_err().to_string();
    assert!(error.contains("sampler: draws solutions by") && error.contains("0.5"), "{error}");
    let recomputed = ReinforceConfig { old: Old::Recomputed, ..config(2) };
    assert!(goes(recomputed.clone()).is_err());
    assert!(goes(ReinforceConfig { importance: Some(2.0.into()), ..recomputed }).is_ok());
}

#[test]
fn what_is_drawn_at_another_temperature_is_noted_as_it_was_drawn() {
    let config = ReinforceConfig {
        old: Old::Recomputed,
        importance: Some(2.0.into()),
        record: Recording { every: 1, tokens: true },
        ..config(1)
    };
    let mut groups = Vec::new();
    let run = Reinforce::new(config).task(Arc::new(Exact)).sampler(Cool).watch(|progress| {
        groups.extend_from_slice(progress.groups);
        ControlFlow::Continue(())
    });
    run.run(&mut engine(1), Model::from(weights()), &problems(5)).unwrap();
    let (engine, mut tokens) = (engine(1), 0);
    for ids in groups.iter().flat_map(|group| &group.samples).filter_map(|own| own.ids.as_ref()) {
        for run in &ids.runs {
            assert_eq!(run.drawn.len(), run.logprobs.len());
            for (place, drawn) in run.drawn.iter().enumerate() {
                let at = run.first + place;
                let context = [&ids.prompt[..], &ids.tokens[..at]].concat();
                let logits = engine.next_logits(&context).unwrap();
                // At temperature 1/2.
                let odds: Vec<f64> =
                    logits.iter().map(|own| (2.0 * f64::from(*own)).exp()).collect();
                let expected = (odds[ids.tokens[at] as usize] / odds.iter().sum::<f64>()).ln();
                assert!((f64::from(*drawn) - expected).abs() < 1e-4, "{drawn}, {expected}");
                assert!((drawn - run.logprobs[place]).abs() > 1e-6, "{drawn}");
                tokens += 1;
            }
        }
    }
    assert!(tokens > 0);
}

#[test]
fn a_folder_knows_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // What the trainer refuses leaves no header behind.
    let mut frozen = config(2);
    frozen.learn.frozen_layers = 99;
    let error = at(folder, frozen, &problems(5)).unwrap_err().to_string();
    assert!(error.contains("frozen_layers"), "{error}");
    assert!(at(folder, config(2), &problems(5)).unwrap().complete);
    let error = at(folder, config(1), &problems(5)).unwrap_err().to_string();
    assert!(error.contains("steps: 1, but 2 were done already"), "{error}");
    let mut harder = problems(5);
    harder[4].difficulty = Some(9.0);
    let error = at(folder, config(2), &harder).unwrap_err().to_string();
    assert!(error.contains("line 1: made by another run, which differs in problems ("), "{error}");
    // Another's file, of one line without its end, stays as it is.
    let other = tempfile::tempdir().unwrap();
    let file = other.path().join("journal.jsonl");
    std::fs::write(&file, "Dear diary").unwrap();
    let error = at(other.path(), config(2), &problems(5)).unwrap_err().to_string();
    assert!(error.contains("line 1: no journal of this run"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "Dear diary");
    // A header that was torn is this run's own.
    let torn = tempfile::tempdir().unwrap();
    let whole = std::fs::read(folder.join("journal.jsonl")).unwrap();
    std::fs::write(torn.path().join("journal.jsonl"), &whole[..20]).unwrap();
    assert!(at(torn.path(), config(2), &problems(5)).unwrap().complete);
}

#[test]
fn scores_of_steps_are_learnt_beside_the_outcome() {
    let likes = scorer::from_fn(|_path, step| if step.text.contains('c') { 0.9 } else { 0.2 });
    let likes = likes.with_scale(Scale::PREFIX);
    let goes = |process: Option<Process>| {
        let run = Reinforce::new(ReinforceConfig { process, ..config(4) }).task(Arc::new(Exact));
        let run = run.scorer(&likes);
        bits(&run.run(&mut engine(1), Model::from(weights()), &problems(5)).unwrap().model)
    };
    let without = goes(None);
    let half = Process { weight: 0.5, form: Form::Min, of: Steps::Scorer, guard: false };
    let found = [None, Some(half), Some(Process { weight: 1.0, ..half })].map(goes);
    assert_eq!(found[0], without);
    assert!(found[1] != without && found[2] != without && found[1] != found[2]);
}
