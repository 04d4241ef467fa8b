//! What `reinforce` does with problems that do not fit, and which weights it keeps on the way.

use std::path::Path;

use tts_models::{Backend, EngineConfig, open};

use crate::{example, place, ran, succeeded, text};

/// A line of a data file with a sum of so many ones.
fn sum(count: usize) -> String {
    let question = vec!["1"; count].join("+");
    format!("{}\n", serde_json::json!({ "question": question, "answer": count.to_string() }))
}

#[test]
fn problems_that_are_too_long_are_left_out_and_counted() {
    let Some(reinforce) = example("reinforce") else { return };
    let (_folder, path) = place();
    let (data, long) = (path("sums.jsonl"), path("long.jsonl"));
    let lines: String = [2, 3, 400, 4, 2, 3, 4].map(sum).concat();
    std::fs::write(&data, lines).unwrap();
    std::fs::write(&long, sum(400)).unwrap();
    let small = "--model embedded --raw --held-out 0 --batch 6 --samples 2 --steps 1 --max-tokens 20 --threads 1";
    let small: Vec<&str> = small.split(' ').collect();
    let out = path("out");
    let said = succeeded(&reinforce, &[&small[..], &["--data", &data, "--out", &out]].concat());
    assert!(said.contains("problems  6, 0 held out, 1 too long"), "{said}");
    let journal = std::fs::read_to_string(Path::new(&out).join("work/journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"problem\":").count(), 6, "{journal}");
    let none = ran(&reinforce, &[&small[..], &["--data", &long, "--out", &path("none")]].concat());
    let said = text(&none);
    assert!(!none.status.success() && said.contains("none of 1 problems leaves room"), "{said}");
}

/// Taking log-probabilities as they were written needs an engine that computes as the trainer does.
#[test]
fn an_engine_that_computes_otherwise_has_log_probabilities_told_anew() {
    let Some(reinforce) = example("reinforce") else { return };
    let (_folder, path) = place();
    let small = "--model embedded --family chain --problems 4 --held-out 0 --batch 4 --samples 8 --max-tokens 60 \
                 --steps 1 --threads 1";
    let small: Vec<&str> = small.split_whitespace().collect();
    let recipe = |old: &str, more: &str| {
        let place = path(&format!("{old}.json"));
        std::fs::write(&place, format!("{{\"old\": \"{old}\"{more}}}")).unwrap();
        place
    };
    let (written, none) = (recipe("written", ""), path("none"));
    for option in [["--weights", "bf16"], ["--key-values", "f16"], ["--backend", "ndarray"]] {
        let asked = [&option[..], &["--recipe", &written, "--out", &none]].concat();
        let said = text(&ran(&reinforce, &[&small[..], &asked].concat()));
        let expected = format!("written, but with {} the engine computes", option.join(" "));
        assert!(said.contains(&expected), "{said}");
    }
    let out = path("rounded");
    let rounded = ["--weights", "int8", "--out", &out];
    let said = succeeded(&reinforce, &[&small[..], &rounded].concat());
    assert!(
        said.contains("sampler   ") && said.contains("nats a token from the trainer"),
        "{said}"
    );
    assert!(!said.contains("tokens weigh"), "{said}");
    let journal = std::fs::read_to_string(Path::new(&out).join("work/journal.jsonl")).unwrap();
    assert!(journal.contains("\"mismatch\":{") && journal.contains("\"old\":\"recomputed\""));
    let weighted = recipe("recomputed", ", \"importance\": 2.0");
    let out = path("weighted");
    let asked = ["--weights", "int8", "--recipe", &weighted, "--out", &out];
    let said = succeeded(&reinforce, &[&small[..], &asked].concat());
    assert!(said.contains("; tokens weigh "), "{said}");
    let said = succeeded(&reinforce, &[&small[..], &["--out", &path("exact")]].concat());
    assert!(!said.contains("sampler   "), "{said}");
}

#[test]
fn weights_are_kept_on_the_way() {
    let Some(reinforce) = example("reinforce") else { return };
    let (_folder, path) = place();
    let small = "--model embedded --family chain --problems 8 --held-out 2 --batch 4 --samples 4 --max-tokens 60 \
                 --steps 2 --threads 1";
    let small: Vec<&str> = small.split_whitespace().collect();
    let out = path("out");
    let keep = ["--keep-best", "--keep-step", "0", "--keep-every", "1"];
    let said = succeeded(&reinforce, &[&small[..], &keep, &["--out", &out]].concat());
    let best = said.lines().find(|line| line.starts_with("best  ")).unwrap();
    assert!(best.ends_with("best") && best.contains(" % of one sample, after "), "{said}");
    assert!(!said.contains("were not kept"), "{said}");
    let at = |name: &str| Path::new(&out).join(name);
    let weights = |name: &str| std::fs::read(at(name).join("model.safetensors")).unwrap();
    assert_eq!(weights("step-0002"), weights(""));
    assert_ne!(weights("step-0000"), weights("step-0002"));
    assert!(at("best/measured.json").is_file() && at("step-0001").is_dir());
    // Each is a model of its own.
    for name in ["best", "step-0001"] {
        let model = open(at(name), Backend::Native, EngineConfig::default()).unwrap();
        assert!(model.next_logits(&[1, 2]).unwrap().iter().all(|logit| logit.is_finite()));
    }
    // Told when it is too late, the run says so; adapters are kept as adapters.
    let late = path("late");
    let adapter = ["--rank", "2", "--out", &late];
    succeeded(&reinforce, &[&small[..], &adapter].concat());
    let said = succeeded(&reinforce, &[&small[..], &adapter, &["--keep-every", "1"]].concat());
    assert!(said.contains("the weights of step 1 were not kept"), "{said}");
    let kept = Path::new(&late).join("step-0002/adapter_model.safetensors");
    let last = Path::new(&late).join("adapter_model.safetensors");
    assert_eq!(std::fs::read(kept).unwrap(), std::fs::read(last).unwrap());
    let refused =
        ran(&reinforce, &[&small[..], &["--out", &path("none"), "--keep-step", "3"]].concat());
    assert!(text(&refused).contains("keep.steps[0]: 3, of 2 steps"), "{}", text(&refused));
}

/// The places of the problems that the steps of a run drew.
fn drawn(out: &str) -> Vec<u64> {
    let journal = std::fs::read_to_string(Path::new(out).join("work/journal.jsonl")).unwrap();
    let notes =
        journal.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let steps = notes.filter_map(|note| note.pointer("/step/drawn").cloned());
    let drawn = steps.flat_map(|drawn| drawn.as_array().unwrap().clone());
    drawn.map(|problem| problem["problem"].as_u64().unwrap()).collect()
}

#[test]
fn what_data_say_of_difficulty_decides_what_comes_first() {
    let Some(reinforce) = example("reinforce") else { return };
    let (_folder, path) = place();
    let (data, recipe, out) = (path("levels.jsonl"), path("recipe.json"), path("out"));
    // The hardest first.
    let line = |number: usize| {
        let (question, level) = (format!("{number}+1"), format!("Level {}", 8 - number));
        let answer = (number + 1).to_string();
        format!(
            "{}\n",
            serde_json::json!({ "question": question, "answer": answer, "hard": level })
        )
    };
    std::fs::write(&data, (0..8).map(line).collect::<String>()).unwrap();
    std::fs::write(&recipe, r#"{"curriculum": {"easy-first": {"start": 0.25, "full": 1.0}}}"#)
        .unwrap();
    let small = "--model embedded --raw --held-out 0 --batch 2 --samples 2 --steps 1 --max-tokens 20 --threads 1";
    let small: Vec<&str> = small.split(' ').collect();
    let small = [&small[..], &["--data", &data, "--out", &out]].concat();
    let level = ["--difficulty-field", "hard"];
    let easy = ["--recipe", &recipe];
    succeeded(&reinforce, &[&small[..], &level, &easy].concat());
    let mut first = drawn(&out);
    first.sort_unstable();
    assert_eq!(first, [6, 7]);
    for (more, expected) in [
        (&level[..], "--difficulty-field: nothing goes by"),
        (&easy[..], "problems[0]: has no difficulty"),
        (&["--difficulty-field", "none", "--recipe", &recipe][..], "field \"none\" is not there"),
        (&["--least-right", "0.1"][..], "--graded"),
    ] {
        let said = text(&ran(&reinforce, &[&small[..], more].concat()));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn problems_are_chosen_by_how_often_they_were_solved_before() {
    let (Some(reinforce), Some(evaluate)) = (example("reinforce"), example("evaluate")) else {
        return;
    };
    let (_folder, path) = place();
    let (data, other, pool) = (path("sums.jsonl"), path("other.jsonl"), path("pool.json"));
    crate::chain_problems(&data, 12);
    crate::chain_problems(&other, 13);
    // One problem of the file is not tried.
    let asked = crate::evaluating(&data, &pool, &["--limit", "11"]);
    succeeded(&evaluate, &asked);
    let records = format!("{}.records", path("pool"));
    let graded = ["--graded", &records];
    assert!(Path::new(&records).is_dir(), "the folder of an evaluation");
    let ask = "{{ question }}{{ '\\n' }}";
    let small = "--model embedded --raw --held-out 0 --batch 1 --samples 2 --steps 1 --max-tokens 60 --threads 1";
    let small: Vec<&str> = small.split(' ').chain(["--ask", ask]).collect();
    let all = path("all");
    let wide = ["--least-right", "0", "--data", &data, "--out", &all];
    let said = succeeded(&reinforce, &[&small[..], &graded, &wide].concat());
    assert!(
        said.contains("graded    11 of 12 problems are wanted, 0 were solved too rarely, 0 too often, 1 not tried"),
        "{said}"
    );
    assert!(said.contains("problems  11, 0 held out"), "{said}");
    let none = path("none");
    let narrow = ["--least-right", "0.01", "--most-right", "0.02", "--data", &data, "--out", &none];
    let said = text(&ran(&reinforce, &[&small[..], &graded, &narrow].concat()));
    assert!(said.contains("graded    0 of 12") && said.contains("problems: none"), "{said}");
    // Other questions in another order are not graded by it.
    let lines = std::fs::read_to_string(&other).unwrap();
    let turned: Vec<&str> = lines.lines().rev().collect();
    std::fs::write(&other, turned.join("\n")).unwrap();
    let wrong = ["--least-right", "0", "--data", &other, "--out", &none];
    let said = text(&ran(&reinforce, &[&small[..], &graded, &wrong].concat()));
    assert!(said.contains("other questions or answers"), "{said}");
}
