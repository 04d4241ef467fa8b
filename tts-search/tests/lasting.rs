//! Evaluations that last: kept in folders, cut into shards, stopped, killed, with full disks and torn files.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::evaluate::*;
use tts_search::{BestOfN, SelfConsistency};

/// A word with more than one byte a letter, so that a file may be torn within one.
const SETTINGS: &str = "größer";

fn items(world: &ToyWorld, count: u64) -> Vec<Item> {
    (0..count).map(|n| Item::new(world.prompt(n).question(), world.answer(n))).collect()
}

fn search<'a>(world: &ToyWorld) -> Search<'a> {
    let oracle = Oracle { noise: 0.3, ..Oracle::of(world) };
    Search::new(*world).scorer(oracle).rule(StepRule::lines()).seed(5).concurrency(3)
}

fn strategy() -> BestOfN {
    BestOfN { n: 4, ..Default::default() }
}

fn evaluation<'a>(world: &ToyWorld, items: &'a [Item]) -> Evaluation<'a> {
    Evaluation::new(search(world), items).prompt(|question| Prompt::text(question))
}

fn json(report: &Report) -> Vec<u8> {
    serde_json::to_vec_pretty(report).unwrap()
}

fn settings() -> Value {
    json!({ "setup": { "strategy": strategy(), "name": SETTINGS } })
}

fn kept(evaluation: Evaluation<'_>, folder: &Path) -> Result<Report, EvaluateError> {
    evaluation.keep(folder, &settings())?.run(&strategy(), |_| {})
}

#[test]
fn shards_are_merged_to_the_report_of_one_run() {
    let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
    let items = items(&world, 23);
    let place = tempfile::tempdir().unwrap();
    let one = evaluation(&world, &items);
    let expected = json(&one.run(&strategy(), |_| {}).unwrap());
    for of in [1, 2, 8] {
        let folders: Vec<_> = (1..=of).map(|n| place.path().join(format!("{n}-{of}"))).collect();
        for (number, folder) in (1..).zip(&folders) {
            let shard = Shard::new(number, of).unwrap();
            let report = kept(one.clone().shard(shard), folder).unwrap();
            let indices: Vec<usize> = report.rows.iter().map(|row| row.index).collect();
            assert_eq!(indices, shard.places(23).collect::<Vec<_>>());
        }
        // In any order of folders.
        let back: Vec<_> = folders.iter().rev().collect();
        for merged in [Merged::of(&folders).unwrap(), Merged::of(&back).unwrap()] {
            assert_eq!(json(&merged.report(&task::Math).unwrap()), expected, "{of} shards");
            assert_eq!(merged.settings().get(), serde_json::to_string(&settings()).unwrap());
            assert_eq!(merged.task(), "math");
        }
    }
    // The records of all shards are those of one run, under the names that they have there.
    let whole = place.path().join("1-1");
    for number in 0..23 {
        let name = format!("{number:05}.jsonl");
        let shard = place.path().join(format!("{}-8", number % 8 + 1)).join(&name);
        assert_eq!(std::fs::read(shard).unwrap(), std::fs::read(whole.join(&name)).unwrap());
    }
}

/// Of a folder that an evaluation left, the records are those of the problems, and no other file.
#[test]
fn the_records_of_a_folder_are_told_from_its_other_files() {
    let world = ToyWorld::default();
    let items = items(&world, 3);
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("kept");
    kept(evaluation(&world, &items), &folder).unwrap();
    let expected: Vec<_> = (0..3).map(|n| folder.join(format!("0000{n}.jsonl"))).collect();
    assert_eq!(records(&folder).unwrap(), expected);
    for path in &expected {
        Retold::read(path).unwrap();
    }
    for path in &expected {
        std::fs::remove_file(path).unwrap();
    }
    let error = records(&folder).unwrap_err().to_string();
    assert_eq!(error, format!("{}: no records, expected files *.jsonl", folder.display()));
    let nowhere = place.path().join("nowhere");
    let error = records(&nowhere).unwrap_err().to_string();
    assert!(error.starts_with(&nowhere.display().to_string()), "{error}");
}

/// Times are kept beside what is graded, are no part of it, and are taken once.
#[test]
fn wall_times_of_problems_are_kept() {
    let world = ToyWorld::default();
    let items = items(&world, 3);
    let place = tempfile::tempdir().unwrap();
    kept(evaluation(&world, &items), place.path()).unwrap();
    let mean = || Merged::of(&[place.path()]).unwrap().seconds();
    let first = mean().unwrap();
    assert!(first > 0.0);
    // Played back, a problem takes next to no time, and what it took before stays.
    let timings = place.path().join("timings.jsonl");
    let text = std::fs::read_to_string(&timings).unwrap();
    let line = |place: usize, seconds: f64| {
        format!("{{\"unit\":\"seconds\",\"place\":{place},\"found\":{seconds:?}}}\n")
    };
    let longer = (0..3).map(|place| line(place, 100.0 * (place + 1) as f64)).collect::<String>();
    std::fs::write(&timings, format!("{}\n{longer}", text.lines().next().unwrap())).unwrap();
    assert_eq!(mean(), Some(200.0));
    let journal = place.path().join("graded.jsonl");
    let graded = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, format!("{}\n", graded.lines().next().unwrap())).unwrap();
    kept(evaluation(&world, &items), place.path()).unwrap();
    assert_eq!(mean(), Some(200.0));
    // Of folders of before, and where one is missing, nobody knows.
    let all = std::fs::read_to_string(&timings).unwrap();
    let without: String = all
        .lines()
        .filter(|line| !line.contains("\"place\":1,"))
        .fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(&timings, without).unwrap();
    assert_eq!(mean(), None);
    std::fs::remove_file(&timings).unwrap();
    assert_eq!(mean(), None);
}

#[test]
fn shards_that_are_not_those_of_one_run_are_refused() {
    let world = ToyWorld::default();
    let items = items(&world, 7);
    let place = tempfile::tempdir().unwrap();
    let folder = |name: &str| place.path().join(name);
    let run = |name: &str, shard: &str, items: &[Item], settings: &Value| {
        let shard = evaluation(&world, items).shard(shard.parse().unwrap());
        shard.keep(folder(name), settings).unwrap().run(&strategy(), |_| {}).unwrap();
    };
    let (same, other) = (settings(), json!({ "setup": { "strategy": "beam", "name": SETTINGS } }));
    for (name, shard) in [("one", "1/3"), ("two", "2/3"), ("three", "3/3"), ("again", "2/3")] {
        run(name, shard, &items, &same);
    }
    run("cut", "1/2", &items, &same);
    run("other", "3/3", &items, &other);
    run("fewer", "3/3", &items[..6], &same);
    std::fs::create_dir(folder("empty")).unwrap();
    std::fs::create_dir(folder("old")).unwrap();
    std::fs::write(folder("old").join("manifest.json"), r#"{"evaluation": 2}"#).unwrap();
    std::fs::create_dir(folder("foreign")).unwrap();
    std::fs::write(folder("foreign").join("manifest.json"), r#"{"model": "x"}"#).unwrap();
    // A shard that was stopped after two problems.
    let (taken, go) = (AtomicUsize::new(0), 2);
    let stopped = evaluation(&world, &items).shard("3/3".parse().unwrap());
    let stopped = stopped.while_true(|| taken.fetch_add(1, Ordering::Relaxed) < go - 1);
    let error = kept(stopped, &folder("stopped")).unwrap_err();
    assert!(matches!(error, EvaluateError::Stopped { done: 1, of: 2, .. }), "{error}");

    let merge = |names: &[&str]| {
        let folders: Vec<_> = names.iter().map(|name| folder(name)).collect();
        Merged::of(&folders).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(merge(&["one", "two", "three"]), Ok(()));
    let table: [(&[&str], &[&str]); 10] = [
        (&[], &["no folders"]),
        (&["one", "three"], &["2 of 3 shards, missing: 2/3"]),
        (&["two"], &["missing: 1/3, 3/3"]),
        (&["one", "two", "three", "again"], &["shard 2/3 is in", "two and in", "again"]),
        (
            &["one", "two", "other"],
            &["other: not of the same", "one: ", "another settings.setup.strategy"],
        ),
        (&["one", "two", "fewer"], &["fewer", "problems (7, and now 6)"]),
        (&["one", "two", "three", "cut"], &["shard 1/3 of another cut", "of 2"]),
        (&["one", "two", "stopped"], &["stopped: shard 3/3 has 1 of 2 problems"]),
        (&["one", "empty"], &["empty", "manifest.json"]),
        (&["old"], &["version 2, expected 1"]),
    ];
    for (names, expected) in table {
        let error = merge(names).unwrap_err();
        for words in expected {
            assert!(error.contains(words), "{names:?}: {error}");
        }
    }
    let error = merge(&["foreign"]).unwrap_err();
    assert!(
        error.contains("not the manifest of an evaluation: missing field `evaluation`"),
        "{error}"
    );
    let whole = Merged::of(&["one", "two", "three"].map(&folder)).unwrap();
    let error = whole.report(&task::Exact).unwrap_err().to_string();
    assert!(error.contains("the task is \"exact\", expected \"math\""), "{error}");
    // A row that is another shard's was put there by hand.
    let journal = folder("two").join("graded.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let row = text.lines().find(|line| line.contains("\"place\":1,")).unwrap();
    let moved = row.replace("\"place\":1,", "\"place\":3,");
    std::fs::write(&journal, text.clone() + &moved + "\n").unwrap();
    assert!(merge(&["one", "two", "three"]).unwrap_err().contains("problem 3 (index 1)"));
    let moved = moved.replace("\"index\":1,", "\"index\":3,");
    std::fs::write(&journal, text + &moved + "\n").unwrap();
    assert!(merge(&["one", "two", "three"]).unwrap_err().contains("item 4: is not of shard 2/3"));
}

/// Counts how many lines are asked for.
struct Counted<'c>(ToyWorld, &'c AtomicUsize);

impl Generator for Counted<'_> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        self.1.fetch_add(batch.len(), Ordering::Relaxed);
        self.0.generate(batch)
    }
}

#[test]
fn what_was_stopped_goes_on_and_pays_for_nothing_twice() {
    let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
    let items = items(&world, 12);
    let place = tempfile::tempdir().unwrap();
    let calls = AtomicUsize::new(0);
    let strategy = SelfConsistency { n: 3, ..Default::default() };
    let whole = Evaluation::new(search(&world), &items).run(&strategy, |_| {}).unwrap();
    let seen: Mutex<Vec<Progress>> = Mutex::new(Vec::new());
    let (mut heard, mut rounds) = (Vec::new(), 0);
    let report = loop {
        rounds += 1;
        let taken = AtomicUsize::new(0);
        let search =
            Search::new(Counted(world, &calls)).scorer(Oracle { noise: 0.3, ..Oracle::of(&world) });
        let search = search.rule(StepRule::lines()).seed(5).concurrency(2);
        let evaluation = Evaluation::new(search, &items)
            .keep(place.path(), &settings())
            .unwrap()
            .watch(|progress| seen.lock().unwrap().push(*progress))
            .while_true(|| taken.fetch_add(1, Ordering::Relaxed) < 5);
        match evaluation.run(&strategy, |graded| heard.push(graded.index)) {
            Ok(report) => break report,
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains(&format!("stopped with {} of 12", 5 * rounds)), "{text}");
                assert!(text.contains("it goes on from"), "{text}");
            }
        }
    };
    assert_eq!((rounds, json(&report)), (3, json(&whole)));
    heard.sort_unstable();
    assert_eq!(heard, (0..12).collect::<Vec<_>>(), "each problem once");
    assert_eq!(calls.into_inner(), 12, "one request a problem");

    let seen = seen.into_inner().unwrap();
    let last = seen.last().unwrap();
    let right = whole.rows.iter().filter(|row| row.correct).count();
    assert_eq!((last.problems, last.resumed, last.done, last.right), (12, 10, 12, right));
    assert_eq!((last.failed, last.cost), (0, whole.total));
    let tokens: u64 = whole.rows[10..].iter().map(|row| row.cost.generated_tokens).sum();
    assert_eq!(last.generated_now, tokens, "tokens of this process alone");
    let starts: Vec<_> = seen.iter().filter(|progress| progress.generated_now == 0).collect();
    assert_eq!(starts.iter().map(|start| start.resumed).collect::<Vec<_>>(), [0, 5, 10]);
    assert!(
        starts.iter().all(|start| start.done == start.resumed && start.seconds_left().is_none())
    );
    assert!(seen.len() > 3 + 12, "lines are told of, too");
    // One that is done is read, and asks for nothing.
    let silent = Evaluation::new(search(&world), &items).keep(place.path(), &settings()).unwrap();
    let again = silent.clone().while_true(|| false).run(&strategy, |_| panic!("nothing is new"));
    assert_eq!(json(&again.unwrap()), json(&whole));
    // Its trees are played back.
    let (report, outcomes) = silent.run_keeping(&strategy, |_| {}).unwrap();
    assert_eq!((json(&report), outcomes.len()), (json(&whole), 12));
}

#[test]
fn another_run_or_process_is_refused() {
    let world = ToyWorld::default();
    let items = items(&world, 4);
    let place = tempfile::tempdir().unwrap();
    let run =
        |shard: &str| kept(evaluation(&world, &items).shard(shard.parse().unwrap()), place.path());
    run("1/2").unwrap();
    let error = run("2/2").unwrap_err().to_string();
    assert!(error.contains("another shard (\"1/2\", and now \"2/2\")"), "{error}");
    // While it runs, the folder is taken.
    let inner = Mutex::new(None);
    let outer = evaluation(&world, &items).shard("1/2".parse().unwrap());
    let outer = outer.watch(|_| {
        inner.lock().unwrap().get_or_insert_with(|| run("1/2").unwrap_err().to_string());
    });
    kept(outer, place.path()).unwrap();
    let error = inner.into_inner().unwrap().unwrap();
    assert!(error.contains("another process works on it"), "{error}");
}

/// Fails once for each question that it is asked.
struct Flaky(ToyWorld, Mutex<std::collections::HashSet<String>>);

impl Generator for Flaky {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut seen = self.1.lock().unwrap();
        if batch.iter().any(|asked| seen.insert(asked.prefix.prompt().question().to_owned())) {
            return Err("not yet".into());
        }
        self.0.generate(batch)
    }
}

#[test]
fn what_failed_is_tried_again() {
    let world = ToyWorld::default();
    let items = items(&world, 3);
    let place = tempfile::tempdir().unwrap();
    let flaky = Flaky(world, Mutex::default());
    let search = Search::new(&flaky).rule(StepRule::lines()).concurrency(1);
    let strategy = SelfConsistency { n: 2, ..Default::default() };
    let evaluation = Evaluation::new(search, &items).keep(place.path(), &"flaky").unwrap();
    let first = evaluation.run(&strategy, |_| {}).unwrap();
    assert_eq!((first.failed, first.rows[0].error.as_deref()), (3, Some("generator: not yet")));
    // A merge of what failed says so, as the run does.
    let merged = Merged::of(&[place.path()]).unwrap().report(&task::Math).unwrap();
    assert_eq!(json(&merged), json(&first));
    let second = evaluation.run(&strategy, |_| {}).unwrap();
    assert_eq!(second.failed, 0);
    let merged = Merged::of(&[place.path()]).unwrap().report(&task::Math).unwrap();
    assert_eq!(json(&merged), json(&second));
}

/// Loses every seventh line, as a server that goes down does, for as long as it is down.
struct Down(ToyWorld, AtomicBool);

impl Generator for Down {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut made = self.0.generate(batch)?;
        if self.1.load(Ordering::Relaxed) {
            for (request, generated) in batch.iter().zip(&mut made) {
                for (&seed, line) in request.seeds.iter().zip(&mut generated.lines) {
                    if seed % 7 == 0 {
                        *line = Err(LineError("nobody answers".into()));
                    }
                }
            }
        }
        Ok(made)
    }
}

#[test]
fn what_a_server_lost_can_be_asked_for_again() {
    let world = ToyWorld::default();
    let items = items(&world, 8);
    let server = Down(world, AtomicBool::new(true));
    let strategy = SelfConsistency { n: 4, ..Default::default() };
    let search = Search::new(&server).rule(StepRule::lines());
    let evaluation = Evaluation::new(search, &items);
    let place = tempfile::tempdir().unwrap();
    let kept = evaluation.clone().keep(place.path(), &"down").unwrap();
    let lossy = kept.run(&strategy, |_| {}).unwrap();
    let lost = lossy.rows.iter().filter(|row| row.failed_lines > 0).count();
    assert!((1..8).contains(&lost) && lossy.failed == 0, "{lost}");
    server.1.store(false, Ordering::Relaxed);
    // What is graded stays as it is.
    assert_eq!(json(&kept.run(&strategy, |_| {}).unwrap()), json(&lossy));
    let mut again = 0;
    let whole = kept.clone().retry_lost(true).run(&strategy, |_| again += 1).unwrap();
    assert_eq!((again, whole.failed_lines), (lost, 0));
    assert_eq!(json(&whole), json(&evaluation.run(&strategy, |_| {}).unwrap()));
    // And is so from then on.
    assert_eq!(json(&kept.run(&strategy, |_| {}).unwrap()), json(&whole));
}

/// Outcomes that are played back are noted already.
#[test]
fn looking_at_a_finished_run_writes_nothing() {
    let world = ToyWorld::default();
    let items = items(&world, 4);
    let place = tempfile::tempdir().unwrap();
    kept(evaluation(&world, &items), place.path()).unwrap();
    let journal = || std::fs::read(place.path().join("graded.jsonl")).unwrap();
    let before = journal();
    let evaluation = evaluation(&world, &items).keep(place.path(), &settings()).unwrap();
    let (_, outcomes) = evaluation.run_keeping(&strategy(), |_| {}).unwrap();
    assert_eq!((outcomes.len(), journal()), (4, before));
}

#[test]
fn a_look_at_what_can_be_written_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("new/figures.json");
    check_writable(&path).unwrap();
    assert!(!path.exists() && path.parent().unwrap().is_dir());
    std::fs::write(&path, "figures").unwrap();
    check_writable(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"figures");
    assert!(check_writable(&path.join("below")).is_err());
}

/// Whatever the last byte that reached the disk is, opening takes off what is torn, and the run ends in the
/// same bytes.
#[test]
fn torn_at_every_byte_of_its_end() {
    let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
    let items = items(&world, 3);
    let place = tempfile::tempdir().unwrap();
    let expected = json(&kept(evaluation(&world, &items), place.path()).unwrap());
    for name in ["graded.jsonl", "00002.jsonl"] {
        let path = place.path().join(name);
        let whole = std::fs::read(&path).unwrap();
        let journal = place.path().join("graded.jsonl");
        let graded = std::fs::read(&journal).unwrap();
        for end in (0..whole.len()).rev().step_by(7).chain(0..40) {
            // So that the record is looked at, its row goes.
            let first = graded.iter().position(|&byte| byte == b'\n').unwrap();
            std::fs::write(&journal, &graded[..=first]).unwrap();
            std::fs::write(&path, &whole[..end]).unwrap();
            let report = kept(evaluation(&world, &items), place.path()).unwrap();
            assert_eq!(json(&report), expected, "{name} cut at {end}");
            if name != "graded.jsonl" {
                assert_eq!(std::fs::read(&path).unwrap(), whole, "{name} cut at {end}");
            }
        }
    }
    // What is no journal is left as it is, to the last byte.
    for foreign in
        ["my notes", "my notes\nand more", "{\"settings\": 1}\n", "{\"journal\":9}\n", "{}\n"]
    {
        let journal = place.path().join("graded.jsonl");
        std::fs::write(&journal, foreign).unwrap();
        let error = kept(evaluation(&world, &items), place.path()).unwrap_err().to_string();
        assert!(error.contains("graded.jsonl"), "{error}");
        assert_eq!(std::fs::read_to_string(&journal).unwrap(), foreign);
    }
}

/// The variable that makes this test binary the process that is killed.
const CHILD: &str = "TTS_LASTING_CHILD";

/// Writes its lines slowly, as a model does.
struct Slow(ToyWorld);

impl Generator for Slow {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        std::thread::sleep(Duration::from_micros(400));
        self.0.generate(batch)
    }
}

/// The evaluation of the process that is killed: searches of many rounds, scored.
fn long_run(folder: Option<&Path>) -> Result<Report, EvaluateError> {
    let world = ToyWorld { error: 0.4, additions: 6, ..ToyWorld::default() };
    let items = items(&world, 40);
    let search = Search::new(Slow(world)).scorer(Oracle { noise: 0.3, ..Oracle::of(&world) });
    let search = search.rule(StepRule::lines()).seed(9).concurrency(4);
    let evaluation = Evaluation::new(search, &items).prompt(|question| Prompt::text(question));
    let strategy = tts_search::BeamSearch::square(4);
    match folder {
        Some(folder) => evaluation.keep(folder, &settings())?.run(&strategy, |_| {}),
        None => evaluation.run(&strategy, |_| {}),
    }
}

/// Not a test of its own: what [`CHILD`] runs.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let folder = Path::new(&folder);
    match long_run(Some(&folder.join("run"))) {
        Ok(report) => std::fs::write(folder.join("report.json"), json(&report)).unwrap(),
        Err(error) => std::fs::write(folder.join("error.txt"), error.to_string()).unwrap(),
    }
}

fn spawn(command: &mut Command, folder: &Path) -> Child {
    command.env(CHILD, folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn myself(folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    spawn(command.args(["--exact", "child"]), folder)
}

/// Every line of a folder's files is whole, and none is there twice.
fn check_lines(folder: &Path) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut seen = std::collections::HashSet::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            // Rounds of a record may be scored alike; what was asked and made are told apart by seeds.
            let name = if line.get("place").is_some() {
                line["place"].to_string()
            } else {
                line.to_string()
            };
            assert!(
                line.get("scores").is_some() || seen.insert(name),
                "{}: {line}",
                path.display()
            );
        }
        assert!(text.ends_with('\n'), "{}", path.display());
    }
}

/// Killed at 50 moments, an evaluation loses nothing and doubles nothing.
#[test]
fn killed_at_fifty_moments() {
    let expected = json(&long_run(None).unwrap());
    // How long it takes when nobody kills it, on this machine and now.
    let place = tempfile::tempdir().unwrap();
    let begun = std::time::Instant::now();
    assert!(myself(place.path()).wait().unwrap().success());
    let whole = begun.elapsed().as_secs_f64();
    let mut rng = seed::rng(2026);
    let (mut kills, mut ends, mut caught) = (0, 0, 0);
    while caught < 50 || ends == 0 {
        let place = tempfile::tempdir().unwrap();
        let report = place.path().join("report.json");
        // It may end between two kills: then another one begins.
        while !report.exists() {
            let mut child = myself(place.path());
            if caught < 50 {
                std::thread::sleep(Duration::from_secs_f64(whole * rng.uniform()));
                // Killed by a signal that it cannot see coming.
                child.kill().unwrap();
                caught += usize::from(!child.wait().unwrap().success());
                kills += 1;
                assert!(kills < 1_000, "{caught} of {kills} kills came before the end");
            } else {
                assert!(child.wait().unwrap().success());
            }
            let error = std::fs::read_to_string(place.path().join("error.txt"));
            assert!(error.is_err(), "{error:?}");
        }
        // The process may have been killed while it wrote what the test looks at.
        assert!(myself(place.path()).wait().unwrap().success());
        ends += 1;
        assert_eq!(std::fs::read(&report).unwrap(), expected);
        check_lines(&place.path().join("run"));
    }
}

/// A disk that is full ends the run with an error that names the file; what was written stays good.
#[cfg(unix)]
#[test]
fn a_full_disk_ends_the_run_and_loses_nothing() {
    let expected = json(&long_run(None).unwrap());
    let place = tempfile::tempdir().unwrap();
    let report = place.path().join("report.json");
    let mut full = 0;
    for blocks in [0, 1, 3, 6, 10, 20, 40, 80, 160] {
        // Files of at most so many blocks; writes beyond fail as on a full disk, instead of by a signal.
        let limit = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" --exact child");
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(limit).arg(std::env::current_exe().unwrap());
        let _ = spawn(&mut shell, place.path()).wait().unwrap();
        let error = place.path().join("error.txt");
        if report.exists() && std::fs::metadata(&report).unwrap().len() == expected.len() as u64 {
            break;
        }
        // Where not even the error could be written, there is none to read.
        if let Ok(text) = std::fs::read_to_string(&error) {
            full += usize::from(text.contains("jsonl: ") && text.contains("os error"));
            std::fs::remove_file(&error).unwrap();
        }
        let _ = std::fs::remove_file(&report);
    }
    assert!(full > 0, "no disk was full");
    assert!(myself(place.path()).wait().unwrap().success());
    assert_eq!(std::fs::read(&report).unwrap(), expected);
    check_lines(&place.path().join("run"));
}
