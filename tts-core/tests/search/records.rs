//! Records: resumed to the same tree and bytes, refused when they are not ours.

use super::*;
use tts_core::toy::{Oracle, Sample};
use tts_core::*;

fn record_bytes(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).expect("a record")
}

#[test]
fn a_record_cut_anywhere_resumes_to_the_same_tree_and_bytes() {
    let (world, oracle) = (world(), Oracle { noise: 0.5, seed: 1 });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let budget = Budget { rounds: Some(5), ..Budget::default() };
    let search = |seed| Search::new(world).scorer(oracle).budget(budget).seed(seed).record(&path);
    let whole = search(1).run(Restless, world.prompt(0)).expect("runs");
    let bytes = record_bytes(&path);
    for cut in (0..=bytes.len()).step_by(97).chain([bytes.len()]) {
        std::fs::write(&path, &bytes[..cut]).expect("written");
        let resumed = search(1).run(Restless, world.prompt(0)).expect("resumes");
        assert_eq!(resumed.tree, whole.tree, "cut at {cut}");
        assert_eq!(resumed.usage.logical, whole.usage.logical);
        assert_eq!(record_bytes(&path), bytes, "cut at {cut}");
    }
    let refused = |error: SearchError, expected: &str| {
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(search(2).run(Restless, world.prompt(0)).expect_err("other seed"), "another seed");
    refused(search(1).run(Restless, world.prompt(1)).expect_err("other prompt"), "another prompt");
    refused(
        search(1).run(Sample { n: 2 }, world.prompt(0)).expect_err("other strategy"),
        "line 2: the strategy asks for other lines now",
    );
    let text =
        String::from_utf8(bytes.clone()).expect("text").replacen("\"scores\"", "\"stores\"", 1);
    std::fs::write(&path, text).expect("written");
    refused(search(1).run(Restless, world.prompt(0)).expect_err("damaged"), "line 3: not an entry");
}

#[test]
fn a_file_that_is_no_record_is_left_as_it_is() {
    let world = world();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes/config.json");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    for text in ["{\"precious\": true}", "{\n  \"precious\": true\n}", "{\"record\":2}\nx\ny"] {
        std::fs::write(&path, text).expect("written");
        let error = Search::new(world).record(&path).run(Sample { n: 1 }, world.prompt(0));
        assert!(error.expect_err("refused").to_string().contains("line 1: not a record"));
        assert_eq!(std::fs::read_to_string(&path).expect("there"), text);
    }
    let fresh = folder.path().join("a/b/record.jsonl");
    Search::new(world).record(&fresh).run(Sample { n: 1 }, world.prompt(0)).expect("runs");
    assert!(fresh.exists());
}

#[test]
fn a_failed_round_is_tried_again_and_a_record_knows_what_was_asked() {
    let world = world();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let faulty = Faulty { world, fails: |request, _| request.prefix.steps().len() == 2 };
    let run = |generator: &dyn Generator| {
        Search::new(generator).record(&path).run(Stepwise { n: 2 }, world.prompt(0))
    };
    let error = run(&faulty).expect_err("the third round fails");
    assert_eq!(error.partial.expect("kept").usage.rounds, 3);
    let resumed = run(&world).expect("resumes, and makes the third round");
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(resumed.tree, run(&world).expect("runs").tree);

    // The same nodes and seeds, but other words: not the same search.
    #[derive(Clone)]
    struct Says(&'static str);
    impl SearchStrategy for Says {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            let say = |id| Expand { append: Some(self.0.into()), ..Expand::end(id, 1) };
            if view.fresh() == [NodeId::ROOT] { vec![say(NodeId::ROOT)] } else { Vec::new() }
        }
    }
    std::fs::remove_file(&path).expect("removed");
    let says = |words| Search::new(world).record(&path).run(Says(words), world.prompt(0));
    says("Hm. ").expect("runs");
    let error = says("Ah. ").expect_err("another search").to_string();
    assert!(error.contains("line 2: the strategy asks for other lines now"), "{error}");
}

#[test]
fn wall_time_stops_and_its_record_resumes() {
    let world = world();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let budget = Budget { reserve: 200, ..Budget::wall(std::time::Duration::from_nanos(1)) };
    let run = || Search::new(world).budget(budget).record(&path).run(Restless, world.prompt(0));
    let first = run().expect("runs");
    assert_eq!(first.stop, Stop::Budget(Limit::Wall));
    // One round, and the best open path finished from the reserve.
    assert_eq!((first.usage.rounds, first.tree.finished().count()), (2, 1));
    let bytes = record_bytes(&path);
    assert_eq!(run().expect("resumes").tree, first.tree);
    assert_eq!(record_bytes(&path), bytes);
}

#[test]
fn no_time_at_all_leaves_the_reserve_only() {
    let world = world();
    let wall = Budget::wall(std::time::Duration::ZERO);
    for (reserve, rounds) in [(0, 0), (200, 1)] {
        let search = Search::new(world).budget(Budget { reserve, ..wall });
        let outcome = search.run(Restless, world.prompt(0)).expect("runs");
        assert_eq!((outcome.usage.rounds, outcome.stop), (rounds, Stop::Budget(Limit::Wall)));
    }
}

#[test]
fn replayed_rounds_are_not_generated_again() {
    let world = world();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    Search::new(world).record(&path).run(Stepwise { n: 2 }, world.prompt(0)).expect("runs");
    let faulty = Faulty { world, fails: |_, _| true };
    let resumed = Search::new(&faulty)
        .record(&path)
        .run(Stepwise { n: 2 }, world.prompt(0))
        .expect("resumes");
    assert!(resumed.failed.is_empty());
}

#[test]
fn a_tree_with_broken_links_does_not_parse() {
    let tree = run(Sample { n: 1 }, 0, Budget::default()).tree;
    let json = serde_json::to_string(&tree).expect("JSON");
    for (from, to) in [
        ("\"parent\":3", "\"parent\":99"),
        ("\"children\":[1]", "\"children\":[2]"),
        ("\"depth\":2", "\"depth\":7"),
    ] {
        let broken = json.replacen(from, to, 1);
        assert_ne!(json, broken);
        assert!(serde_json::from_str::<Tree>(&broken).is_err(), "{from} -> {to}");
    }
}

#[test]
fn a_record_of_another_generator_is_refused_by_name() {
    struct Named(ToyWorld, &'static str);
    impl Generator for Named {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            self.0.generate(batch)
        }
        fn identity(&self) -> Option<String> {
            Some(self.1.to_owned())
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let run = |name| {
        let generator = Named(world(), name);
        Search::new(&generator).record(&path).run(Sample { n: 2 }, world().prompt(0))
    };
    let first = run("weights 1").expect("runs");
    assert_eq!(run("weights 1").expect("resumes").tree, first.tree);
    let error = run("weights 2").expect_err("another").to_string();
    for word in ["another generator", "weights 1", "weights 2"] {
        assert!(error.contains(word), "{error}");
    }
}

/// A model that says what its layers with windows cost, or does not, as before these were counted.
struct Costly<T>(T, Option<cost::WindowCost>);

impl<T> Costly<T> {
    fn model(&self) -> cost::ModelCost {
        cost::ModelCost { parameters: 10, layers: 2, query_width: 4, windows: self.1 }
    }
}

impl Generator for Costly<ToyWorld> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        self.0.generate(batch)
    }
    fn cost(&self) -> cost::ModelCost {
        self.model()
    }
}

impl StepScorer for Costly<Oracle> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        self.0.score(batch)
    }
    fn cost(&self) -> cost::ModelCost {
        self.model()
    }
}

#[test]
fn records_from_before_windows_were_counted_go_on() {
    let windows = Some(cost::WindowCost { tokens: 20, width: 4 });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let oracle = Oracle { noise: 0.5, seed: 1 };
    let search = |windows, budget| {
        Search::new(Costly(world(), windows))
            .role("reviser", Costly(world(), windows))
            .scorer(Costly(oracle, windows))
            .scorer_named("second", Costly(oracle, windows))
            .budget(budget)
            .record(&path)
    };
    let run = |windows, budget| search(windows, budget).run(Restless, world().prompt(0));
    let soft = Budget { rounds: Some(4), ..Budget::default() };
    let whole = run(None, soft).expect("runs");
    let bytes = record_bytes(&path);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    assert!(lines.len() > 4, "{}", lines.len());
    for end in 1..=lines.len() {
        std::fs::write(&path, lines[..end].concat()).expect("written");
        let resumed = run(windows, soft).expect("resumes");
        assert_eq!(resumed.tree, whole.tree, "{end} lines");
        assert_eq!(resumed.usage.logical, whole.usage.logical);
        assert_eq!(record_bytes(&path), bytes, "{end} lines");
    }
    let now = search(windows, soft);
    let picks = Picks::read(&path, Restless, world().prompt(0), now.settings());
    assert_eq!(picks.expect("plays back").outcome.usage.logical, whole.usage.logical);
    // Another model is another one as ever.
    let refused = |error: SearchError| {
        let error = error.to_string();
        assert!(error.contains("made with another generator"), "{error}");
    };
    let other = Search::new(world()).scorer(oracle).budget(soft).record(&path);
    refused(other.run(Restless, world().prompt(0)).expect_err("another model"));
    // Today's count is another one, and is not taken for that of before.
    std::fs::remove_file(&path).expect("removed");
    let today = run(windows, soft).expect("runs");
    assert!(today.usage.logical.flops < whole.usage.logical.flops);
    refused(run(None, soft).expect_err("windows are gone"));
    // Where operations bound the lines, the count decides what is asked for.
    std::fs::remove_file(&path).expect("removed");
    let hard = Budget { flops: Some(1e9), mode: Mode::Hard, ..soft };
    run(None, hard).expect("runs");
    refused(run(windows, hard).expect_err("operations decide"));
}
