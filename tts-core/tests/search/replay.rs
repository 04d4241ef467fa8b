//! Recorded lines searched again without their model.

use std::path::PathBuf;

use super::*;
use tts_core::toy::{Oracle, Sample};
use tts_core::*;

/// The settings of all searches here.
fn search<'a>(generator: impl Generator + 'a) -> Search<'a> {
    Search::new(generator)
        .rule(StepRule { max_steps: 9, ..StepRule::lines() })
        .sampling(Sampling::temperature(1.0))
        .seed(3)
}

/// Three problems by a strategy, recorded.
fn recorded(
    folder: &tempfile::TempDir,
    generator: impl Generator + Copy,
    strategy: &(impl SearchStrategy + Clone),
) -> (Vec<PathBuf>, Vec<Outcome>) {
    let one = |problem: u64| {
        let path = folder.path().join(format!("{problem}.jsonl"));
        let outcome = search(generator)
            .scorer(Oracle { noise: 0.3, seed: 5 })
            .budget(Budget { rounds: Some(6), ..Budget::default() })
            .record(&path)
            .run(strategy.clone(), world().prompt(problem));
        (path, outcome.expect("runs"))
    };
    (0..3).map(one).unzip()
}

/// What was searched is searched again: the same trees, costs included.
#[test]
fn the_same_search_leaves_the_same_tree() {
    let folder = tempfile::tempdir().expect("a folder");
    let (paths, outcomes) = recorded(&folder, world(), &Restless);
    let replay = Replay::read(&paths).expect("reads");
    assert!(!replay.is_empty() && replay.settings().seed == 3);
    for (problem, outcome) in (0..).zip(&outcomes) {
        let again = search(&replay)
            .scorer(Oracle { noise: 0.3, seed: 5 })
            .budget(Budget { rounds: Some(6), ..Budget::default() })
            .run(Restless, world().prompt(problem))
            .expect("runs");
        assert_eq!(again.tree, outcome.tree);
        assert_eq!(again.usage.logical, outcome.usage.logical);
        assert_eq!((again.best, again.stop), (outcome.best, outcome.stop));
        assert!(again.failed.is_empty());
    }
}

/// Another judge sees the same lines, and its scores are those of a search with the model.
#[test]
fn another_judge_judges_the_same_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let (paths, outcomes) = recorded(&folder, world(), &Sample { n: 6 });
    let replay = Replay::read(&paths).expect("reads");
    assert_eq!(replay.len(), 18);
    let other = Oracle { noise: 0.8, seed: 9 };
    for (problem, outcome) in (0..).zip(&outcomes) {
        let prompt = || world().prompt(problem);
        let run = |generator: &dyn Generator, n| {
            search(generator).scorer(other).run(Sample { n }, prompt()).expect("runs")
        };
        assert_eq!(run(&replay, 6).tree, run(&world(), 6).tree);
        assert_ne!(run(&replay, 6).tree, outcome.tree);
        // Fewer samples are the first of them.
        assert_eq!(run(&replay, 2).tree, run(&world(), 2).tree);
        // More were not sampled.
        let more = run(&replay, 8);
        assert_eq!(more.failed.len(), 2);
        assert!(more.failed[0].error.0.contains("not in the records"));
        assert_eq!(more.tree[NodeId::ROOT].children.len(), 6);
    }
    let others = |search: Search<'_>, problem| {
        search.run(Sample { n: 2 }, world().prompt(problem)).expect_err("nothing there").to_string()
    };
    for error in [
        others(search(&replay).seed(4), 0),
        others(search(&replay).sampling(Sampling::greedy()), 0),
        others(search(&replay).rule(StepRule::lines()), 0),
        others(search(&replay), 3),
    ] {
        assert!(error.contains("not in the records"), "{error}");
    }
}

/// A line that failed fails again, as it did.
#[test]
fn failed_lines_are_replayed_as_failed() {
    #[derive(Clone, Copy)]
    struct Every(ToyWorld);
    impl Generator for Every {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            Faulty { world: self.0, fails: |_, seed| seed % 3 == 0 }.generate(batch)
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (paths, outcomes) = recorded(&folder, Every(world()), &Sample { n: 9 });
    let replay = Replay::read(&paths).expect("reads");
    let mut failed = 0;
    for (problem, outcome) in (0..).zip(&outcomes) {
        let again = search(&replay)
            .scorer(Oracle { noise: 0.3, seed: 5 })
            .run(Sample { n: 9 }, world().prompt(problem))
            .expect("runs");
        assert_eq!(again.failed, outcome.failed);
        assert_eq!(again.tree, outcome.tree);
        failed += again.failed.len();
    }
    assert!((3..25).contains(&failed), "{failed}");
}

/// What another role wrote is not the policy's.
#[test]
fn lines_of_other_roles_are_left_out() {
    #[derive(Clone)]
    struct Asks;
    impl SearchStrategy for Asks {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if !view.is_start() {
                return Vec::new();
            }
            let other = Expand { role: Some("other".into()), ..Expand::end(NodeId::ROOT, 3) };
            vec![Expand::end(NodeId::ROOT, 2), other]
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let with = |policy: &dyn Generator, path: Option<&PathBuf>| {
        let search = search(policy).role("other", ToyWorld { error: 0.9, ..world() });
        let search = path.into_iter().fold(search, Search::record);
        search.run(Asks, world().prompt(0)).expect("runs")
    };
    let outcome = with(&world(), Some(&path));
    let replay = Replay::read([&path]).expect("reads");
    assert_eq!(replay.len(), 2);
    assert_eq!(with(&replay, None).tree, outcome.tree);
}

#[test]
fn records_that_do_not_belong_together_are_refused() {
    #[derive(Clone, Copy)]
    struct Named(&'static str);
    impl Generator for Named {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            world().generate(batch)
        }
        fn identity(&self) -> Option<String> {
            Some(self.0.to_owned())
        }
        fn cost(&self) -> cost::ModelCost {
            cost::ModelCost { parameters: 7, ..Default::default() }
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (folder.path().join("a.jsonl"), folder.path().join("b.jsonl"));
    for (path, name) in [(&ours, "model a"), (&theirs, "model b")] {
        let run = search(Named(name)).record(path).run(Sample { n: 2 }, world().prompt(0));
        run.expect("runs");
    }
    let replay = Replay::read([&ours, &ours]).expect("the same twice");
    assert_eq!(replay.identity().as_deref(), Some("model a"));
    assert_eq!((replay.len(), replay.cost()), (2, Named("").cost()));
    let error = Replay::read([&ours, &theirs]).expect_err("two models").to_string();
    assert!(error.contains("b.jsonl") && error.contains("model a"), "{error}");
    let error =
        Replay::read([&ours, &folder.path().join("none")]).expect_err("missing").to_string();
    assert!(error.contains("none"), "{error}");
    assert!(
        Replay::read(Vec::<PathBuf>::new()).expect_err("none").to_string().contains("no records")
    );
    std::fs::write(&theirs, "{}\n").expect("written");
    assert!(Replay::read([&theirs]).expect_err("no record").to_string().contains("not a record"));
}
