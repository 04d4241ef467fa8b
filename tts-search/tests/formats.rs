//! `docs/formats.md` names every field of the files that this library writes.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "common/formats.rs"]
mod formats;

use std::path::Path;

use serde_json::Value;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::evaluate::*;
use tts_search::retrieve::{Passage, Vectors};
use tts_search::{BestOfN, SelfConsistency};

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Knows two numbers of a text, and reads four letters of it.
struct Two;

impl Embedder for Two {
    fn embed(&self, texts: &[&str], _: TextKind) -> Result<Embedded, BoxError> {
        let cut = texts.iter().enumerate().filter(|(_, text)| text.len() > 4);
        let vectors = texts.iter().flat_map(|_| [0.6, 0.8]).collect();
        Ok(Embedded { vectors, cut: cut.map(|(place, _)| place).collect(), tokens: 0 })
    }
    fn dim(&self) -> usize {
        2
    }
    fn max_tokens(&self) -> usize {
        4
    }
    fn identity(&self, _: TextKind) -> serde_json::Value {
        "two".into()
    }
}

#[test]
fn every_field_of_vectors_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vectors.jsonl");
    let passages = ["one", "another"].map(|text| Passage::new(text, "", text)).to_vec();
    Vectors::on_disk(&file, passages, Two, false, &mut |_, _| {}).unwrap();
    let lines = lines(&file);
    formats::check("Vectors", &lines);
    assert_eq!((lines.len(), lines[1]["vector"].as_str()), (3, Some("9a99193fcdcc4c3f")));
}

/// Loses every third line, and refuses to judge some paths: so that all of a format is seen.
struct Faulty(ToyWorld);

impl Generator for Faulty {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut made = self.0.generate(batch)?;
        for line in made.iter_mut().flat_map(|made| made.lines.iter_mut().skip(2).step_by(3)) {
            *line = Err(LineError("lost".into()));
        }
        Ok(made)
    }

    fn identity(&self) -> Option<String> {
        Some("faulty".into())
    }

    fn vocabulary(&self) -> Option<u64> {
        Some(1)
    }
}

struct Reluctant<S>(S);

impl<S: StepScorer> StepScorer for Reluctant<S> {
    fn score(&self, paths: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let mut scored = self.0.score(paths)?;
        if let Some(last) = scored.last_mut() {
            *last = Scored::refused("too long");
        }
        Ok(scored)
    }

    fn scale(&self) -> Scale {
        self.0.scale()
    }

    fn identity(&self) -> Option<String> {
        Some("reluctant".into())
    }
}

#[test]
fn every_field_of_an_evaluation_is_documented() {
    let world = ToyWorld { error: 0.3, ..ToyWorld::default() };
    let place = tempfile::tempdir().unwrap();
    let text = "{\"id\": \"a\", \"question\": \"1 + 2 + 3 + 4 + 5 = ?\", \"answer\": \"15\"}\n";
    let data = parse(text.as_bytes(), Path::new("p"), &Mapping::default()).unwrap();
    let rule = StepRule { stop: vec!["###".into()], ..StepRule::lines() };
    let scorer = Reluctant(Oracle::of(&world));
    let search = Search::new(Faulty(world)).scorer(scorer).rule(rule);
    let settings = serde_json::json!({ "setup": 1 });
    let search = search.budget(Budget::tokens(20));
    let evaluation = Evaluation::new(search, &data.items);
    let strategy = BestOfN { n: 4, ..Default::default() };
    let evaluation = evaluation.keep(place.path(), &settings).unwrap();
    let report = evaluation.run(&strategy, |_| {}).unwrap();
    assert_eq!((report.failed_lines, report.unscored), (1, 1));
    let manifest = std::fs::read_to_string(place.path().join("manifest.json")).unwrap();
    formats::check("manifest.json", &[serde_json::from_str(&manifest).unwrap()]);
    formats::check("graded.jsonl", &lines(&place.path().join("graded.jsonl")));
    formats::check("Journals", &lines(&place.path().join("graded.jsonl")));
    formats::check("timings.jsonl", &lines(&place.path().join("timings.jsonl")));
    formats::check("Records", &lines(&place.path().join("00000.jsonl")));
    formats::check("Figures", &[serde_json::to_value(&report).unwrap()]);
}

/// Fields that only special searches write are named, too.
#[test]
fn every_field_of_special_records_is_documented() {
    let world = ToyWorld::default();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("one.jsonl");
    let oracle = Oracle::of(&world);
    let search =
        Search::new(world).role("judge", world).scorer(oracle).scorer_named("meta", oracle);
    let rule = StepRule { pause: vec!["=".into()], ..StepRule::lines() };
    let budget = Budget { wall: Some(1e-9), ..Budget::default() };
    let search = search.rule(rule).budget(budget).record(&path);
    search.run(SelfConsistency { n: 2, ..Default::default() }, "1 + 2 + 3 + 4 + 5 = ?").unwrap();
    let lines = lines(&path);
    formats::check("Records", &[lines.clone(), vec![scores()]].concat());
    assert!(lines.iter().any(|line| line.get("expired").is_some()), "{lines:?}");
    // A hard budget of time, and one of lines, which a report counts.
    let budget = Budget { mode: Mode::Hard, ..budget };
    let path = place.path().join("hard.jsonl");
    let search = Search::new(world).budget(budget).record(&path);
    search.run(SelfConsistency { n: 2, ..Default::default() }, "1 + 2 = ?").unwrap();
    let hard = self::lines(&path);
    formats::check("Records", &[lines.clone(), vec![scores()], hard.clone()].concat());
    assert!(hard.iter().any(|line| line.get("cut").is_some()), "{hard:?}");
    assert!(lines[0]["roles"].is_object() && lines[0]["scorers"].is_object());
    // Notes, which toy worlds do not take, as they are written.
    let notes = Notes { confidence: vec![1.0], certainty: vec![1.0], drawn: vec![-1.0] };
    let step = Step { given: 1, closing: 1, notes: Some(Box::new(notes)), ..Step::default() };
    let line = Completion { steps: vec![step], finish: Finish::Stop, prompt_tokens: 0 };
    let line = serde_json::to_value(line).unwrap();
    let documented = formats::documented("Records");
    for name in line["steps"][0].as_object().unwrap().keys() {
        let path = format!("lines.made[].made.steps[].{name}");
        assert!(documented.keys().any(|name| name.starts_with(&path)), "{path}");
    }
    for name in line["steps"][0]["notes"].as_object().unwrap().keys() {
        let path = format!("lines.made[].made.steps[].notes.{name}[]");
        assert!(documented.contains_key(&path), "{path}");
        assert!(
            formats::documented("Stores").contains_key(&format!("line.steps[].notes.{name}[]"))
        );
    }
}

/// A round that was judged, which a search whose time is out has none of.
fn scores() -> Value {
    serde_json::json!({ "scores": [[0.5]] })
}

/// Reads a word behind each path.
struct Words(Oracle);

impl StepScorer for Words {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let path = Some(self.cost());
        let reads = Some(Reads { tokens: 1, flops: 2.0, path });
        Ok(self.0.score(batch)?.into_iter().map(|scored| scored.reading(reads)).collect())
    }

    fn scale(&self) -> Scale {
        self.0.scale()
    }
}

#[test]
fn every_field_of_a_store_is_documented() {
    let world = ToyWorld::default();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("lines.jsonl");
    let store = Store::open(&path).unwrap();
    let generator = store.over(world, "toy");
    let judge = store.judging(Oracle::of(&world), "oracle");
    Search::new(&generator)
        .scorer(&judge)
        .run(BestOfN { n: 2, ..Default::default() }, world.prompt(0))
        .unwrap();
    let words = store.judging(Words(Oracle::of(&world)), "words");
    Search::new(&generator)
        .scorer(&words)
        .run(BestOfN { n: 2, ..Default::default() }, world.prompt(0))
        .unwrap();
    formats::check("Stores", &lines(&path));
}
