//! Steps are worth what became of them: what a loop learns of a tree, recomputed by hand.

use super::*;

/// Two beginnings of one letter each, and three ends behind each.
#[derive(Debug, Clone)]
struct Fork;

impl SearchStrategy for Fork {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            return vec![Expand::step(NodeId::ROOT, 2)];
        }
        let tree = view.tree();
        let open = |id: &&NodeId| tree.path(**id).len() == 1 && !tree[**id].is_finished();
        view.fresh().iter().filter(open).map(|&id| Expand::end(id, 3)).collect()
    }
}

/// Steps are of one token, so that beginnings are left open.
fn forking(steps: usize) -> ReinforceConfig {
    let mut config = config(steps);
    config.rule.max_step_tokens = 1;
    config.rule.max_tokens = 4;
    config
}

/// The value of a step is the mean of what lies behind it: counted anew for each token of each sample.
#[test]
fn a_tree_says_what_its_steps_are_worth() {
    let policy = engine(1);
    let search = tts_core::Search::new(&policy)
        .rule(forking(1).rule)
        .sampling(tts_core::Sampling::temperature(1.0))
        .shared_task(Arc::new(Exact));
    let places: Vec<usize> = (0..5).flat_map(|_| 0..5).collect();
    let groups =
        rollout::rollouts(&search, &Fork, (&problems(5), &places), 3, policy.end_tokens()).unwrap();
    let (mut forked, mut told) = (0, 0);
    for group in &groups {
        let samples = &group.samples;
        let right: Vec<f64> =
            samples.iter().map(|own| f64::from(u8::from(own.is_right()))).collect();
        let outcome = advantages(&[right], Baseline::Mean, Spread::None).remove(0);
        let of = |form, guard| {
            let process = Process { of: Steps::Tree, form, weight: 2.0, guard };
            process.advantages(samples, &outcome, &mut process::Held::default()).unwrap()
        };
        let (own, sums, guarded) =
            (of(Form::Own, false), of(Form::Sum, false), of(Form::Own, true));
        for (place, sample) in samples.iter().enumerate() {
            assert_eq!(
                (own[place].len(), sums[place].len()),
                (sample.tokens.len(), own[place].len())
            );
            for token in 0..sample.tokens.len() {
                let step = sample.path.iter().position(|passed| token < passed.end).unwrap();
                // All that run through so many steps of this sample's.
                let value = |steps: usize| {
                    let node = steps.checked_sub(1).map(|last| sample.path[last].node);
                    let through = samples.iter().zip(&outcome).filter(|(other, _)| {
                        node.is_none_or(|node| other.path.iter().any(|own| own.node == node))
                    });
                    let through: Vec<f64> = through.map(|(_, outcome)| *outcome).collect();
                    through.iter().sum::<f64>() / through.len() as f64
                };
                let expected = 2.0 * (value(step + 1) - value(step));
                assert!((own[place][token] - expected).abs() < 1e-12, "{sample:?}");
                let behind = 2.0 * (outcome[place] - value(step));
                assert!((sums[place][token] - behind).abs() < 1e-12, "{sample:?}");
                let held = if sample.is_right() { expected.max(0.0) } else { expected.min(0.0) };
                assert!((guarded[place][token] - held).abs() < 1e-12, "{sample:?}");
                told += usize::from(expected.abs() > 1e-9);
            }
        }
        forked +=
            usize::from(samples.iter().any(|own| own.path[0].node != samples[0].path[0].node));
    }
    assert!(forked > 5 && told > 30, "{forked} {told}");
}

/// A sample that is kept says of each step what became of it, and what that teaches.
#[test]
fn steps_of_a_tree_are_told() {
    let own = Process { of: Steps::Tree, form: Form::Own, weight: 1.0, guard: false };
    let adjust = Adjust { spread: Some(Spread::None), ..Adjust::default() };
    let config = ReinforceConfig { process: Some(own), adjust, ..forking(3) };
    let mut groups = Vec::new();
    let run = Reinforce::new(config).task(Arc::new(Exact)).sampler(Fork).watch(|progress| {
        groups.extend_from_slice(progress.groups);
        ControlFlow::Continue(())
    });
    run.run(&mut engine(1), Model::from(weights()), &problems(5)).unwrap();
    let mut taught = 0;
    for group in &groups {
        let mean =
            group.samples.iter().map(|own| own.reward).sum::<f64>() / group.samples.len() as f64;
        for sample in &group.samples {
            assert!(!sample.steps.is_empty(), "{sample:?}");
            let mut before = mean;
            for step in &sample.steps {
                let advantage = step.advantage.unwrap();
                assert!((advantage - (step.score - before)).abs() < 1e-12, "{sample:?}");
                taught += usize::from(advantage.abs() > 1e-9);
                before = step.score;
            }
            // Nobody else runs through its end.
            assert!((before - sample.reward).abs() < 1e-12, "{sample:?}");
            assert_eq!(sample.steps.last().unwrap().text, sample.text.len());
        }
    }
    assert!(taught > 10, "{taught}");
}

/// What is learnt of a tree is not what is learnt of outcomes alone, and independent samples are no tree.
#[test]
fn values_of_a_tree_are_learnt() {
    let goes = |process: Option<Process>| {
        let config = ReinforceConfig { process, ..forking(4) };
        let run = Reinforce::new(config).task(Arc::new(Exact)).sampler(Fork);
        run.run(&mut engine(1), Model::from(weights()), &problems(5))
    };
    let own = Process { of: Steps::Tree, form: Form::Own, weight: 1.0, guard: false };
    let sums = Process { form: Form::Sum, ..own };
    let found: Vec<Vec<u32>> = [None, Some(own), Some(sums)]
        .into_iter()
        .map(|process| bits(&goes(process).unwrap().model))
        .collect();
    assert!(found[0] != found[1] && found[1] != found[2] && found[0] != found[2]);
    let error = goes(Some(Process { form: Form::Min, ..own })).unwrap_err().to_string();
    assert!(error.contains("process.form: min"), "{error}");
    let error = run(ReinforceConfig { process: Some(own), ..config(2) }).unwrap_err().to_string();
    assert!(error.contains("process.of: tree, of independent samples"), "{error}");
    // So is what a search of independent samples ends with.
    let goes = |sampler: tts_search::SelfConsistency, process| {
        let config = ReinforceConfig { process, ..config(2) };
        let run = Reinforce::new(config).task(Arc::new(Exact)).sampler(sampler);
        run.run(&mut engine(1), Model::from(weights()), &problems(5))
    };
    let of = |n| tts_search::SelfConsistency { n, ..Default::default() };
    let error = goes(of(4), Some(own)).unwrap_err().to_string();
    assert!(error.contains("process.of: tree, of independent samples"), "{error}");
    assert!(goes(of(4), None).is_ok());
    // One sample is compared with no other.
    let error = goes(of(1), None).unwrap_err().to_string();
    assert!(error.contains("sampler: it ends with one sample a problem"), "{error}");
}
