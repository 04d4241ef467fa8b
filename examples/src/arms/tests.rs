use std::path::Path;

use serde_json::json;
use tts_core::{Scripted, Search};
use tts_models::train::TrainConfig;
use tts_models::{Backend, EngineConfig};
use tts_search::research::atlas::{self, Agents, Atlas, Lesson};
use tts_search::research::{Page, Research};
use tts_search::retrieve::{SearchSettings, Searcher};

use super::*;
use crate::experiment::Shape;

fn plan() -> Plan {
    let parts = |answers: usize| json!({ "plan": { "s": 0 }, "question": { "n": 1 }, "answer": { "n": answers }, "report": { "s": 1 } });
    serde_json::from_value(json!({
        "paragraphs": 60, "requests": 2, "seeds": [1], "calls": [8, 24],
        "agents": [{ "misread": 0.4, "stray": 0.2 }],
        "arms": [
            { "name": "parallel", "recipe": { "strategy": "parallel-search" } },
            { "name": "denoising", "recipe": { "strategy": "research", "rounds": 8, "parts": parts(3) } }
        ],
        "writer": {
            "requests": 1, "calls": [12], "temperature": 0.5, "max_tokens": 24,
            "learn": {
                "worlds": 2, "paragraphs": 60, "requests": 2, "held_out": 10, "positions": 512,
                "shape": { "width": 32, "layers": 1, "heads": 2 },
                "train": { "steps": 12, "batch": 8, "learning_rate": 1e-2, "warmup": 2, "evaluate_every": 0 }
            }
        }
    }))
    .expect("a plan")
}

fn taught(trial: &Trial, threads: usize, folder: &Path) -> Written {
    let mut learn = trial.learn.clone();
    learn.train.threads = threads;
    learn.teach(&plan().arms, folder).expect("learns")
}

#[test]
fn a_writer_learns_every_part_and_is_the_same_on_any_threads() {
    let plan = plan();
    plan.check().expect("sound");
    let trial = plan.writer.clone().expect("a writer");
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let written = taught(&trial, 1, &one);
    let losses = &written.history.updates;
    let (first, last) = (losses[0].loss, losses[losses.len() - 1].loss);
    assert!(last < 0.8 * first, "{first} {last}");
    let learnt: Vec<&str> = written.lessons.keys().copied().collect();
    let all = ["answer", "critique", "draft", "merge", "plan", "question", "questions", "report"];
    assert!(all.iter().all(|part| learnt.contains(part)), "{learnt:?}");
    assert!(written.left_out[0] > 0, "errors are left out");
    let bytes = |at: &Path| std::fs::read(at.join("model.safetensors")).expect("weights");
    assert_eq!(taught(&trial, 2, &two).history, written.history);
    assert_eq!(bytes(&one), bytes(&two));
    // It is complete: nothing is learnt again.
    assert_eq!(taught(&trial, 2, &one).history, written.history);
    // Another training is refused in this folder, and leaves the model with its own words.
    let words = |at: &Path| std::fs::read(at.join("tokenizer.json")).expect("a tokenizer");
    let (before, mut other) = (words(&one), trial.learn.clone());
    (other.seed, other.requests) = (2, 5);
    let third = folder.path().join("three");
    other.teach(&plan.arms, &third).expect("learns elsewhere");
    assert_ne!(words(&third), before, "other worlds have other words");
    let error = other.teach(&plan.arms, &one).expect_err("another training").to_string();
    assert!(error.contains("work"), "{error}");
    assert_eq!((words(&one), bytes(&one)), (before, bytes(&two)));

    // A model like any other plays all parts, and what it writes is read like what anyone writes.
    let model = tts_models::open(one, Backend::Native, EngineConfig::default()).expect("opens");
    let exact = written.exact(&model, &trial.rule()).expect("writes");
    assert_eq!(exact.values().map(|(_, all)| all).sum::<usize>(), written.held_out.len());
    // Of agents it is known what they write.
    let by = |agents: Agents| -> usize {
        let exact = written.exact(&agents, &whole(512)).expect("writes");
        exact.values().map(|(right, _)| right).sum()
    };
    assert_eq!(by(Agents::default()), written.held_out.len());
    assert!(by(Agents { misread: 1.0, stray: 1.0 }) < written.held_out.len());
    assert!((8..=10).contains(&written.held_out.len()), "{}", written.held_out.len());
    assert!(written.held_out.iter().all(Lesson::is_right));
    let table = super::written(&plan, &trial, &model).expect("researches");
    assert_eq!(super::written(&plan, &trial, &model).expect("again"), table);
    let mut rules = plan.clone();
    (rules.calls, rules.requests) = (trial.calls.clone(), trial.requests);
    let rules = scripted(&rules, Careless { misread: 0.0, stray: 0.0 }).expect("runs");
    let (share, rules) = (table.right((1, 12)).0, rules.right((1, 12)).0);
    assert!(share < rules, "{share} after twelve updates, and rules {rules}");
    let markdown = table.markdown();
    assert!(markdown.contains("| denoising |") && !markdown.contains("NaN"), "{markdown}");
    let world = Atlas::new(1, 60);
    let searcher = Searcher::new(world.retriever(), SearchSettings::default()).expect("sound");
    let mut research = Research::plain(3);
    research.parts.prompts = atlas::prompts();
    let search = Search::new(&model).role("search", searcher).rule(trial.rule());
    let outcome = search.run(Scripted::of(research), world.request(0).prompt()).expect("runs");
    let played: Vec<&str> =
        atlas::lessons(&outcome.tree).iter().map(|lesson| lesson.part).collect();
    assert!(["draft", "question", "report"].iter().all(|part| played.contains(part)), "{played:?}");
    let html = Page::of(&outcome, "search").html().expect("a page");
    assert!(html.contains("<h1"), "{html}");
}

#[test]
fn agents_are_measured_as_the_methods_deserve() {
    let mut plan = plan();
    plan.agents[0] = Careless { misread: 0.0, stray: 0.0 };
    plan.calls = vec![64];
    let table = scripted(&plan, plan.agents[0]).expect("runs");
    // What is two links away takes a second question.
    assert!((table.right((0, 64)).0 - 2.0 / 6.0).abs() < 1e-9, "{}", table.markdown());
    assert!((table.right((1, 64)).0 - 1.0).abs() < 1e-9, "{}", table.markdown());
}

#[test]
fn what_cannot_be_learnt_is_named() {
    type Break = fn(&mut Plan);
    fn learn(plan: &mut Plan) -> &mut WriterConfig {
        &mut plan.writer.as_mut().expect("a writer").learn
    }
    let table: [(Break, &str); 15] = [
        (|plan| plan.requests = 1_000, "requests is 1000, expected at most "),
        (
            |plan| plan.writer.as_mut().expect("one").requests = 99,
            "writer.requests is 99, expected",
        ),
        (|plan| learn(plan).requests = 99, "learn.requests is 99, expected at most "),
        (|plan| plan.seeds = vec![3, 1, 3], "seeds: 3 stands there twice"),
        (|plan| plan.agents[0].stray = -0.1, "agents[0].stray is -0.1, expected a rate"),
        (|plan| plan.agents[0].misread = f64::NAN, "agents[0].misread is NaN, expected a rate"),
        (|plan| learn(plan).agents[1].misread = 1.5, "learn.agents[1].misread is 1.5"),
        (|plan| plan.seeds.clear(), "seeds: nothing"),
        (|plan| plan.arms.clear(), "arms: nothing"),
        (|plan| plan.requests = 0, "requests: nothing"),
        (|plan| plan.writer.as_mut().expect("one").calls.clear(), "writer.calls: nothing"),
        (|plan| learn(plan).worlds = 1, "learn.worlds is 1, expected at least 2"),
        (|plan| learn(plan).agents.clear(), "learn.agents is 0"),
        (|plan| learn(plan).held_out = 0, "learn.held_out is 0"),
        (|plan| plan.seeds = vec![tts_core::seed::mix(1, 1_002)], "is one that is measured"),
    ];
    for (breaks, expected) in table {
        let mut plan = plan();
        breaks(&mut plan);
        let error = plan.check().expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    // A method without prompts cannot be asked in other words.
    let mut plan = plan();
    plan.arms[0].recipe =
        serde_json::from_value(json!({ "strategy": "best-of-n", "n": 2 })).expect("a recipe");
    let error = plan.arms[0].recipe(Some(&atlas::prompts())).expect_err("no prompts");
    assert!(error.to_string().contains("arm \"parallel\""), "{error}");
    let mut trial = plan.writer.expect("a writer");
    trial.learn.train = TrainConfig { steps: 0, ..trial.learn.train };
    trial.learn.shape = Shape { width: 32, layers: 1, heads: 2 };
    let folder = tempfile::tempdir().expect("a folder");
    let error = trial.learn.teach(&plan.arms[1..], folder.path()).expect_err("no updates");
    assert!(error.to_string().contains("steps"), "{error}");
}
