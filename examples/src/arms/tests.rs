use std::path::Path;

use serde_json::json;
use tts_core::{Scripted, Search};
use tts_models::train::TrainConfig;
use tts_models::{Backend, EngineConfig};
use tts_search::research::atlas::{self, Atlas};
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

    // A model like any other plays all parts, and what it writes is read like what anyone writes.
    let model = tts_models::open(one, Backend::Native, EngineConfig::default()).expect("opens");
    let exact = written.exact(&model, &trial.rule()).expect("writes");
    assert_eq!(exact.values().map(|(_, all)| all).sum::<usize>(), written.held_out.len());
    let table = super::written(&plan, &trial, &model).expect("researches");
    assert_eq!(super::written(&plan, &trial, &model).expect("again"), table);
    let (share, _) = table.right((1, 12));
    assert!((0.0..=1.0).contains(&share), "{share}");
    let markdown = table.markdown();
    assert!(markdown.contains("| denoising |") && !markdown.contains("NaN"), "{markdown}");
    let world = Atlas::new(1, 60);
    let searcher = Searcher::new(world.retriever(), SearchSettings::default()).expect("sound");
    let mut research = Research::plain(3);
    research.parts.prompts = atlas::prompts();
    let search = Search::new(&model).role("search", searcher).rule(trial.rule());
    let outcome = search.run(Scripted::of(research), world.request(0).prompt()).expect("runs");
    let page = Page::of(&outcome, "search");
    assert!(world.request(0).right(&page.checked().text) <= 6);
    assert!(page.html().is_ok());
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
    let table: [(Break, &str); 8] = [
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
