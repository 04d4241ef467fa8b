//! The commands of the training pipeline, run as a user runs them: labels, a reward model, fine-tuning.
//!
//! `cargo test` builds examples beside the tests; where they were not built (one test asked for by
//! name), these tests say so and pass.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod choosing;
mod collecting;
mod comparing;
mod given;
mod idle;
mod labelled;
mod learning;
mod metas;
mod naming;
mod refused;
mod reinforcing;
mod retrieval;
mod roles;
mod saying;
mod scoring;
mod serving;
mod told;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tts_core::family::{Chain, Family, Split, problems};
use tts_core::toy::ToyWorld;
use tts_core::{Search, StepRule};
use tts_examples::pair;
use tts_search::SelfConsistency;
use tts_search::evaluate::{Evaluation, Item};

/// The built example, if it is there.
fn example(name: &str) -> Option<PathBuf> {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent()?.parent()?.join("examples");
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !path.is_file() {
        #[expect(clippy::print_stdout, reason = "why a test is skipped")]
        {
            println!("skipped: {} was not built", path.display());
        }
        return None;
    }
    Some(path)
}

/// A folder that lasts as long as the first of these, and how its files are called.
fn place() -> (tempfile::TempDir, impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    (folder, move |name: &str| root.join(name).to_str().unwrap().to_owned())
}

fn ran(command: &Path, arguments: &[&str]) -> Output {
    Command::new(command).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[test]
fn labels_become_a_reward_model() {
    let (Some(label), Some(train), Some(train_head)) =
        (example("label"), example("train_prm"), example("train_head"))
    else {
        return;
    };
    let (_folder, path) = place();
    let generator = pair::folder().join("generator");
    let generator = generator.to_str().unwrap();
    let labels = path("labels.jsonl");
    let asked = [
        "--model",
        generator,
        "--family",
        "chain",
        "--problems",
        "40",
        "--solutions",
        "4",
        "--rollouts",
        "4",
        "--temperature",
        "0.7",
        "--out",
        &labels,
    ];
    let first = ran(&label, &asked);
    assert!(first.status.success(), "{}", text(&first));
    assert!(text(&first).contains("; 0 of the lines were in the store"), "{}", text(&first));
    let bytes = std::fs::read(&labels).unwrap();
    // A killed run: the labels are gone, what was generated is not.
    std::fs::remove_file(&labels).unwrap();
    let second = ran(&label, &asked);
    assert!(!text(&second).contains("; 0 of the lines"), "{}", text(&second));
    // What the store has was written by nobody now, and at no rate.
    assert!(text(&second).contains(" tokens, 0 of them now in "), "{}", text(&second));
    assert!(text(&second).contains(" s, 0 a second; "), "{}", text(&second));
    assert_eq!(std::fs::read(&labels).unwrap(), bytes);

    let prm = path("prm");
    let trained = ran(
        &train,
        &[
            "--model",
            generator,
            "--labels",
            &labels,
            "--kind",
            "soft",
            "--steps",
            "20",
            "--batch",
            "8",
            "--held-out",
            "3",
            "--calibrate",
            "--out",
            &prm,
        ],
    );
    assert!(trained.status.success(), "{}", text(&trained));
    for word in ["temperature", "AUC", "within", "held out"] {
        assert!(text(&trained).contains(word), "{}", text(&trained));
    }
    for name in ["model.safetensors", "head.json", "tokenizer.json", "work/loss.svg"] {
        assert!(Path::new(&prm).join(name).is_file(), "{name}");
    }

    // A head on the policy's own rows, from the same labels.
    let head = path("head");
    let fit = ["--model", generator, "--labels", &labels, "--held-out", "3", "--out", &head];
    let fitted = ran(&train_head, &fit);
    assert!(fitted.status.success(), "{}", text(&fitted));
    for word in ["ridge", "AUC", "within", "held out"] {
        assert!(text(&fitted).contains(word), "{}", text(&fitted));
    }
    assert!(Path::new(&head).join("head.safetensors").is_file());

    // Labels that are all alike teach nothing, and a count that does not match is no label.
    let mut alike = String::new();
    for line in String::from_utf8(bytes).unwrap().lines() {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        for step in line["steps"].as_array_mut().unwrap() {
            step["value"] = serde_json::json!(1.0);
        }
        writeln!(alike, "{line}").unwrap();
    }
    std::fs::write(&labels, alike).unwrap();
    let refused = ran(&train, &["--model", generator, "--labels", &labels, "--out", &path("none")]);
    assert!(!refused.status.success());
    assert!(text(&refused).contains("expected some that differ"), "{}", text(&refused));
    std::fs::write(&labels, "{\"prompt\":3}\n").unwrap();
    let refused = ran(&train, &["--model", generator, "--labels", &labels, "--out", &path("none")]);
    assert!(text(&refused).contains("labels.jsonl"), "{}", text(&refused));
}

#[test]
fn worked_solutions_become_an_adapter() {
    let Some(finetune) = example("finetune") else { return };
    let (_folder, path) = place();
    let chain = Chain::default();
    let mut worked = String::new();
    for problem in problems(&chain, Split::Train, 3).take(30) {
        let answer = chain.solve(&problem.question).unwrap().concat();
        let line = serde_json::json!({ "question": problem.question, "answer": answer });
        writeln!(worked, "{line}").unwrap();
    }
    let data = path("worked.jsonl");
    std::fs::write(&data, worked).unwrap();
    let generator = pair::folder().join("generator");
    let generator = generator.to_str().unwrap();
    let adapter = path("adapter");
    let asked = |steps: &'static str, out: &str| {
        let out = out.to_owned();
        let arguments = [
            "--model",
            generator,
            "--data",
            &data,
            "--raw",
            "--rank",
            "2",
            "--batch",
            "4",
            "--held-out",
            "4",
            "--every",
            "2",
            "--steps",
            steps,
            "--out",
            &out,
        ];
        ran(&finetune, &arguments)
    };
    let trained = asked("6", &adapter);
    assert!(trained.status.success(), "{}", text(&trained));
    assert!(text(&trained).contains("held-out loss"), "{}", text(&trained));
    let weights = std::fs::read(Path::new(&adapter).join("adapter_model.safetensors")).unwrap();
    assert!(Path::new(&adapter).join("adapter_config.json").is_file());
    // The same again, from its complete checkpoint and from nothing.
    assert!(asked("6", &adapter).status.success());
    let again = std::fs::read(Path::new(&adapter).join("adapter_model.safetensors")).unwrap();
    assert_eq!(again, weights);
    let other = path("other");
    assert!(asked("6", &other).status.success());
    assert_eq!(
        std::fs::read(Path::new(&other).join("adapter_model.safetensors")).unwrap(),
        weights
    );
    // A checkpoint of another run is refused, not gone on with.
    let refused = asked("7", &adapter);
    assert!(!refused.status.success(), "{}", text(&refused));

    std::fs::write(&data, "").unwrap();
    let refused = asked("6", &path("none"));
    assert!(!refused.status.success(), "{}", text(&refused));
}

#[test]
fn a_policy_learns_from_rewards() {
    let Some(reinforce) = example("reinforce") else { return };
    let (_folder, path) = place();
    let small = "--problems 12 --held-out 3 --batch 2 --samples 4 --max-tokens 80";
    let asked = |out: &str, more: &str| {
        let out = path(out);
        let small: Vec<&str> = small.split(' ').chain(more.split(' ')).collect();
        ran(&reinforce, &[&["--out", out.as_str()], &small[..]].concat())
    };
    let weights = |out: &str, name: &str| std::fs::read(Path::new(&path(out)).join(name)).unwrap();
    let first = asked("all", "--model embedded --family strides --steps 2");
    assert!(first.status.success(), "{}", text(&first));
    for word in ["held out  ", "step 2    of 2: reward", "cost  ", "tokens drawn"] {
        assert!(text(&first).contains(word), "{}", text(&first));
    }
    for name in ["config.json", "tokenizer.json", "work/journal.jsonl", "work/length.svg"] {
        assert!(Path::new(&path("all")).join(name).is_file(), "{name}");
    }
    // In two goes, of one step and one more: the same bits.
    for steps in ["1", "2"] {
        let more = format!("--model embedded --family strides --steps {steps}");
        assert!(asked("twice", &more).status.success());
    }
    let name = "model.safetensors";
    assert_eq!(weights("twice", name), weights("all", name));

    // An adapter, on problems of a file, by a recipe that options go before.
    let chain = Chain::default();
    let lines = problems(&chain, Split::Train, 3).take(12).map(|problem| {
        format!(
            "{}\n",
            serde_json::json!({ "question": problem.question, "answer": problem.answer })
        )
    });
    std::fs::write(path("chains.jsonl"), lines.collect::<String>()).unwrap();
    let recipe = serde_json::json!({ "scheme": "dapo", "steps": 9, "old": "recomputed", "importance": 2.0,
        "rewards": [{ "of": { "right": {} } }, { "of": { "overlong": { "most": 80, "margin": 20 } } }] });
    std::fs::write(path("recipe.json"), recipe.to_string()).unwrap();
    let more = format!(
        "--model embedded --data {} --raw --rank 2 --recipe {} --steps 1",
        path("chains.jsonl"),
        path("recipe.json")
    );
    let adapted = asked("adapter", &more);
    assert!(adapted.status.success(), "{}", text(&adapted));
    assert!(!weights("adapter", "adapter_model.safetensors").is_empty());
    let journal = String::from_utf8(weights("adapter", "work/journal.jsonl")).unwrap();
    // A recipe that says no rule has that of its data: steps end at blank lines.
    let header: serde_json::Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
    let rule = &header["config"]["rule"];
    assert_eq!(
        (&rule["delimiters"][0], &rule["max_tokens"]),
        (&"\n\n".into(), &80.into()),
        "{rule}"
    );
    assert!(journal.contains("\"overlong\":") && journal.contains("\"scheme\":\"dapo\""));

    // A seed is the same wherever it is said: problems, draws and all.
    let journal = |out: &str, recipe: serde_json::Value, more: &str| {
        let place = path(&format!("{out}.recipe.json"));
        std::fs::write(&place, recipe.to_string()).unwrap();
        let more = format!("--model embedded --family strides --recipe {place}{more}");
        let output = asked(out, &more);
        assert!(output.status.success(), "{}", text(&output));
        let journal = String::from_utf8(weights(out, "work/journal.jsonl")).unwrap();
        // How long it took is of no seed.
        let fields = journal.split(',').filter(|field| !field.contains("_seconds\":"));
        fields.collect::<Vec<_>>().join(",")
    };
    let by_option = journal("by-option", serde_json::json!({ "steps": 1 }), " --seed 3");
    let by_recipe = journal("by-recipe", serde_json::json!({ "steps": 1, "seed": 3 }), "");
    assert_eq!(by_option, by_recipe);
    assert_ne!(journal("by-default", serde_json::json!({ "steps": 1 }), ""), by_recipe);

    for (more, expected) in [
        ("--model embedded --family strides --reward wrong", "\"wrong\" is not a reward by name"),
        ("--model embedded --family strides --samples 1", "samples: 1, expected at least 2"),
        ("--model embedded --family strides --scheme ppo", "\"ppo\" is not a scheme"),
        ("--model embedded", "--data <DATA>"),
    ] {
        let small: Vec<&str> = more.split(' ').collect();
        let refused = ran(&reinforce, &[&["--out", path("none").as_str()], &small[..]].concat());
        assert!(
            !refused.status.success() && text(&refused).contains(expected),
            "{}",
            text(&refused)
        );
    }
}

/// What `evaluate` is asked for on problems of the embedded generator, as the generator learnt to be asked.
fn evaluating(data: &str, json: &str, more: &[&str]) -> Vec<String> {
    let generator = pair::folder().join("generator");
    let asked = [
        "--model",
        generator.to_str().unwrap(),
        "--data",
        data,
        "--json",
        json,
        "--raw",
        "--ask",
        "{{ question }}{{ '\\n' }}",
        "--step",
        "\\n",
        "--strategy",
        "best-of-n",
        "--n",
        "4",
        "--max-tokens",
        "200",
        "--concurrency",
        "4",
        "--id-field",
        "name",
    ];
    asked.iter().chain(more).map(|&argument| argument.to_owned()).collect()
}

fn chain_problems(path: &str, count: usize) {
    let mut text = String::new();
    for (number, problem) in problems(&Chain::default(), Split::Test, 3).take(count).enumerate() {
        let (question, answer) = (problem.question, problem.answer);
        let line = serde_json::json!({"question": question, "answer": answer, "name": format!("c{number}")});
        writeln!(text, "{line}").unwrap();
    }
    std::fs::write(path, text).unwrap();
}

fn succeeded(command: &Path, arguments: &[impl AsRef<str>]) -> String {
    let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
    let output = ran(command, &arguments);
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

#[test]
fn shards_make_the_figures_of_one_run() {
    let (Some(evaluate), Some(merge)) = (example("evaluate"), example("merge")) else { return };
    let (_folder, path) = place();
    let (data, whole) = (path("problems.jsonl"), path("whole.json"));
    chain_problems(&data, 14);
    let said = succeeded(&evaluate, &evaluating(&data, &whole, &[]));
    assert!(
        said.contains("data      plain: question from question, answer from answer; task math"),
        "{said}"
    );
    let mut folders = Vec::new();
    for number in 1..=3 {
        let (shard, json) = (format!("{number}/3"), path(&format!("part{number}.json")));
        succeeded(&evaluate, &evaluating(&data, &json, &["--shard", &shard]));
        folders.push(path(&format!("part{number}.shard-{number}-of-3.records")));
    }
    let merged = path("merged.json");
    let arguments = [&folders[..], &["--json".to_owned(), merged.clone()]].concat();
    let report = succeeded(&merge, &arguments);
    assert!(report.contains("problems  14, 0 failed"), "{report}");
    let figures = std::fs::read_to_string(&whole).unwrap();
    assert_eq!(std::fs::read_to_string(&merged).unwrap(), figures);
    let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
    assert_eq!(figures["rows"][3]["id"], "c3");
    assert!(figures["setup"]["prompt"]["text"] == "...\n", "{}", figures["setup"]["prompt"]);
    // A shard that is not there is named, and nothing is written.
    let some: Vec<&str> = folders[..2].iter().map(String::as_str).collect();
    let refused = ran(&merge, &some);
    assert!(
        !refused.status.success() && text(&refused).contains("missing: 3/3"),
        "{}",
        text(&refused)
    );
}

/// More shards than problems: the last ones have nothing to do, and all together are one run.
#[test]
fn a_shard_without_problems_is_done() {
    let (Some(evaluate), Some(merge)) = (example("evaluate"), example("merge")) else { return };
    let (_folder, path) = place();
    let (data, whole) = (path("problems.jsonl"), path("whole.json"));
    chain_problems(&data, 3);
    succeeded(&evaluate, &evaluating(&data, &whole, &[]));
    let mut folders = Vec::new();
    for number in 1..=4 {
        let (shard, json) = (format!("{number}/4"), path(&format!("part{number}.json")));
        let said = succeeded(&evaluate, &evaluating(&data, &json, &["--shard", &shard]));
        assert_eq!(said.contains("shard 4/4 has none of 3 problems"), number == 4, "{said}");
        folders.push(path(&format!("part{number}.shard-{number}-of-4.records")));
    }
    // With its folder or without.
    for some in [&folders[..], &folders[..3]] {
        let merged = path("merged.json");
        succeeded(&merge, &[some, &["--json".to_owned(), merged.clone()]].concat());
        assert_eq!(std::fs::read(&merged).unwrap(), std::fs::read(&whole).unwrap());
    }
    let refused = ran(&merge, &folders[1..].iter().map(String::as_str).collect::<Vec<_>>());
    assert!(text(&refused).contains("missing: 1/4"), "{}", text(&refused));
    let asked = evaluating(&data, &path("none.json"), &["--skip", "9"]);
    let refused = ran(&evaluate, &asked.iter().map(String::as_str).collect::<Vec<_>>());
    let said = text(&refused);
    assert!(said.contains("problems.jsonl: --skip 9 leaves none of 3 problems"), "{said}");
}

/// A search that is played back was generated before.
#[test]
fn what_is_played_back_has_no_rate() {
    let Some(solve) = example("solve") else { return };
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.jsonl");
    let generator = pair::folder().join("generator");
    let asked = ["--model", generator.to_str().unwrap(), "--raw", "--n", "2", "--threads", "1"];
    let more = ["--max-tokens", "60", "--record", record.to_str().unwrap(), "1+2\n"];
    let first = succeeded(&solve, &[&asked[..], &more].concat());
    assert!(!first.contains(" 0 tokens generated now"), "{first}");
    let second = succeeded(&solve, &[&asked[..], &more].concat());
    assert!(second.contains(" 0 tokens generated now, 0 a second"), "{second}");
}

/// Recorded samples judged by another scorer, without their model, are what the model's would have been.
#[test]
fn recorded_samples_are_judged_without_their_model() {
    let Some(evaluate) = example("evaluate") else { return };
    let (_folder, path) = place();
    let (data, first) = (path("problems.jsonl"), path("first.json"));
    chain_problems(&data, 6);
    succeeded(&evaluate, &evaluating(&data, &first, &[]));
    let judged = |json: &str, more: &[&str]| {
        let mut arguments = evaluating(&data, json, &["--scorer", "rule"]);
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    };
    let by_model = path("model.json");
    succeeded(&evaluate, &judged(&by_model, &[]));
    let replayed = |json: &str, more: &[&str]| {
        let mut arguments = judged(json, more);
        let place = arguments.iter().position(|argument| argument == "--model").unwrap() + 1;
        arguments[place] = format!("records:{}", path("first.records"));
        arguments
    };
    let by_records = path("records.json");
    let said = succeeded(&evaluate, &replayed(&by_records, &[]));
    assert!(said.contains("24 lines of ") && said.contains(" in the records of "), "{said}");
    let figures = |json: &str| std::fs::read_to_string(json).unwrap();
    assert_eq!(figures(&by_records), figures(&by_model));
    assert_ne!(figures(&by_records), figures(&first));
    // Other samples than were drawn are not there.
    let arguments = replayed(&path("other.json"), &["--seed", "7"]);
    let refused = ran(&evaluate, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let said = text(&refused);
    assert!(!refused.status.success() && said.contains("not in the records"), "{said}");
}

/// The folder of an evaluation can be looked at as it is: its records, and none of its other files.
#[test]
fn the_folder_of_an_evaluation_can_be_viewed() {
    let Some(view) = example("view") else { return };
    let (folder, path) = place();
    let world = ToyWorld::default();
    let items: Vec<Item> =
        (0..3).map(|n| Item::new(world.prompt(n).question(), world.answer(n))).collect();
    let strategy = SelfConsistency { n: 2, ..Default::default() };
    let evaluation = Evaluation::new(Search::new(world).rule(StepRule::lines()), &items);
    evaluation.keep(path("kept"), &strategy).unwrap().run(&strategy, |_| {}).unwrap();
    let (kept, html) = (path("kept"), path("page.html"));
    succeeded(&view, &[kept, "--out".to_owned(), html.clone()]);
    let html = std::fs::read_to_string(html).unwrap();
    assert!(
        ["00000", "00001", "00002"].iter().all(|name| html.contains(name))
            && !html.contains("graded")
    );
    // Two runs' records are told apart, and a picture is of one.
    let other = path("other");
    let evaluation = Evaluation::new(Search::new(world).rule(StepRule::lines()).seed(1), &items);
    evaluation.keep(&other, &strategy).unwrap().run(&strategy, |_| {}).unwrap();
    let both = path("both.html");
    succeeded(&view, &[path("kept"), other, "--out".to_owned(), both.clone()]);
    let both = std::fs::read_to_string(both).unwrap();
    assert!(both.contains("kept/00000") && both.contains("other/00000"));
    let refused = ran(&view, &[&path("kept"), "--out", &path("all.dot")]);
    assert!(
        !refused.status.success() && text(&refused).contains("of 3 records, is a picture of one")
    );
    // A folder without records is named.
    let refused = ran(&view, &[folder.path().to_str().unwrap(), "--out", &path("none.html")]);
    assert!(
        !refused.status.success() && text(&refused).contains("no records"),
        "{}",
        text(&refused)
    );
}

/// The first Ctrl-C finishes what is in flight and says how to go on; the same command then ends with the
/// figures of a run that was left alone.
#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_goes_on() {
    let Some(evaluate) = example("evaluate") else { return };
    let (folder, path) = place();
    let data = path("problems.jsonl");
    chain_problems(&data, 300);
    let arguments = evaluating(&data, &path("stopped.json"), &[]);
    let mut child = Command::new(&evaluate)
        .args(&arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Stopped once the first problem is over.
    let journal = folder.path().join("stopped.records/graded.jsonl");
    let begun = || std::fs::read_to_string(&journal).is_ok_and(|text| text.lines().count() > 1);
    while !begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = text(&output);
    assert!(said.contains("problems in flight are finished, then it stops"), "{said}");
    assert!(said.contains("of 300 problems done: started again with the same options"), "{said}");
    assert!(!output.status.success());
    succeeded(&evaluate, &arguments);
    let whole = path("whole.json");
    succeeded(&evaluate, &evaluating(&data, &whole, &[]));
    assert_eq!(std::fs::read(path("stopped.json")).unwrap(), std::fs::read(whole).unwrap());
}
