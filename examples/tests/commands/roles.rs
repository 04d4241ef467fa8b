//! Engines by role: strategies that ask for one have it, what is told of each, and whose folder it is.

use std::path::Path;

use serde_json::{Value, json};
use tts_core::{Generator as _, Prompt};
use tts_examples::pair;
use tts_examples::worked::line;
use tts_models::testing::fake::{Act, Fake};
use tts_models::{Backend, EngineConfig, open};

use super::{chain_problems, evaluating, example, ran, succeeded, text};

/// A server of chats that prefers whatever stands first.
pub(super) fn judges() -> Fake {
    Fake::start(|seen| {
        if seen.body.get("messages").is_none() {
            return Act::Status(404, "", "{}".into());
        }
        Act::Json(json!({
            "choices": [{ "message": { "content": "Verdict: A" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 4 },
        }))
    })
}

/// A server's settings, under the name of a hosted model.
pub(super) fn served(server: &Fake, model: &str) -> Value {
    json!({ "servers": [server.address()], "kind": "chat", "model": model, "text": "bytes", "self_test": false,
        "unseeded": true })
}

pub(super) fn generator() -> String {
    pair::folder().join("generator").to_str().unwrap().to_owned()
}

/// The same command with another value of an option.
pub(super) fn with(mut arguments: Vec<String>, option: &str, value: &str) -> Vec<String> {
    let place = arguments.iter().position(|argument| argument == option).unwrap() + 1;
    value.clone_into(&mut arguments[place]);
    arguments
}

#[test]
fn a_strategy_that_asks_for_a_role_has_it() {
    let (Some(solve), Some(evaluate)) = (example("solve"), example("evaluate")) else { return };
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let server = judges();
    let (both, alone) = (path("both.json"), path("alone.json"));
    let engines = json!({ "policy": generator(), "judge": served(&server, "large") });
    std::fs::write(&both, engines.to_string()).unwrap();
    std::fs::write(&alone, json!({ "policy": generator() }).to_string()).unwrap();
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/tournament.json");
    let recipe = recipe.to_str().unwrap();
    let writing = ["--raw", "--max-tokens", "60", "--threads", "1", "1+2\n"];
    for strategy in [&["--strategy", "best-by-judge", "--n", "2"][..], &["--recipe", recipe]] {
        let said = succeeded(&solve, &[&["--model", both.as_str()], strategy, &writing].concat());
        assert!(said.contains("judge     large by chat"), "{said}");
        // What a role costs is told, though the policy is nobody's server.
        assert!(said.contains("server    judge: ") && said.contains(" calls, "), "{said}");
        let refused = ran(&solve, &[&["--model", alone.as_str()], strategy, &writing].concat());
        let said = text(&refused);
        assert!(!refused.status.success(), "{said}");
        assert!(said.contains("solve: strategy: no generator plays the role \"judge\""), "{said}");
        assert!(
            said.contains("JSON file of --model") && !said.contains("scorer logprob:"),
            "{said}"
        );
    }
    let data = path("problems.jsonl");
    chain_problems(&data, 2);
    let asked = evaluating(&data, &path("figures.json"), &[]);
    let asked = with(asked, "--strategy", "best-by-judge");
    let said = succeeded(&evaluate, &with(asked.clone(), "--model", &both));
    assert!(said.contains("problems  2, 0 failed") && said.contains("server    judge: "), "{said}");
    let refused = with(asked, "--model", &alone);
    let refused = ran(&evaluate, &refused.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(text(&refused).contains("plays the role \"judge\""), "{}", text(&refused));
}

/// Whose judgements a folder holds is said in its manifest, of servers that nobody can ask for the same again too.
#[test]
fn a_folder_of_one_judge_is_not_gone_on_with_by_another() {
    let Some(evaluate) = example("evaluate") else { return };
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let server = judges();
    let (data, engines) = (path("problems.jsonl"), path("engines.json"));
    chain_problems(&data, 2);
    let run = |judge: &Value, json: &str| {
        let engines_of = json!({ "policy": generator(), "judge": judge });
        std::fs::write(&engines, engines_of.to_string()).unwrap();
        let arguments = with(evaluating(&data, &path(json), &[]), "--model", &engines);
        ran(&evaluate, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let roles = |folder: &str| {
        let manifest = std::fs::read(Path::new(&path(folder)).join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        manifest["settings"]["roles"].clone()
    };
    for (name, json, folder) in
        [("one", "one.json", "one.records"), ("two", "two.json", "two.records")]
    {
        let first = run(&served(&server, name), json);
        assert!(first.status.success(), "{}", text(&first));
        let judge = roles(folder)["judge"].as_str().unwrap().to_owned();
        assert!(judge.contains("not repeatable: ") && judge.contains(name), "{judge}");
        assert!(judge.contains(&server.address()), "{judge}");
    }
    // The same again goes on; another hosted model, or one of this program, does not.
    let again = run(&served(&server, "one"), "one.json");
    assert!(again.status.success(), "{}", text(&again));
    for judge in [served(&server, "two"), json!(generator())] {
        let refused = run(&judge, "one.json");
        let said = text(&refused);
        assert!(!refused.status.success() && said.contains("settings.roles.judge"), "{said}");
    }
    // Nor does the same one at another price, for the money of both would be one sum.
    let mut dear = served(&server, "one");
    dear["price"] = json!({ "prompt": 0.5, "cached": 0.5, "generated": 2.0 });
    let refused = run(&dear, "one.json");
    let said = text(&refused);
    assert!(!refused.status.success() && said.contains("settings.prices"), "{said}");
}

/// An adapter is the policy's, whoever plays beside it.
#[test]
fn options_of_the_model_are_the_policys() {
    let (Some(evaluate), Some(finetune)) = (example("evaluate"), example("finetune")) else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (data, texts, adapter) = (path("problems.jsonl"), path("texts.jsonl"), path("adapter"));
    chain_problems(&data, 1);
    std::fs::write(&texts, line(&Prompt::text("1+2\n"), "=3")).unwrap();
    let few = "--rank 2 --steps 2 --batch 1 --held-out 0 --threads 1";
    let few: Vec<&str> = few.split(' ').collect();
    let asked = ["--model", &generator(), "--data", &texts, "--out", &adapter];
    succeeded(&finetune, &[&asked[..], &few].concat());
    let identities = |name: &str, judge: &Value, more: &[&str]| {
        let (engines, json) =
            (path(&format!("{name}.engines.json")), path(&format!("{name}.json")));
        let engines_of = json!({ "policy": generator(), "judge": judge });
        std::fs::write(&engines, engines_of.to_string()).unwrap();
        let threads = [&["--threads", "1"], more].concat();
        succeeded(&evaluate, &with(evaluating(&data, &json, &threads), "--model", &engines));
        let folder = place.path().join(format!("{name}.records"));
        let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let of = |value: &Value| value.as_str().unwrap().to_owned();
        let settings = &manifest["settings"];
        (of(&settings["model"]), of(&settings["roles"]["judge"]))
    };
    let config = EngineConfig { threads: 1, ..EngineConfig::default() };
    let base = open(Path::new(&generator()), Backend::Native, config).unwrap().identity().unwrap();
    let base_twice = identities("plain", &json!(generator()), &[]);
    assert_eq!(base_twice, (base.clone(), base.clone()));
    let (policy, judge) = identities("adapted", &json!(generator()), &["--adapter", &adapter]);
    assert_eq!(judge, base);
    assert_ne!(policy, base);
    // A judge with an adapter of its own.
    let own = json!({ "path": generator(), "adapter": adapter });
    assert_eq!(identities("own", &own, &[]), (base, policy.clone()));
    // And one on a server, which has no part in it.
    let server = judges();
    let (adapted, _) = identities("served", &served(&server, "large"), &["--adapter", &adapter]);
    assert_eq!(adapted, policy);
}

/// A judge whose server refuses one pair is told with the reason, and what it says of others counts.
#[test]
fn a_pair_that_a_judge_is_refused_takes_no_others_with_it() {
    let Some(judge) = example("judge") else { return };
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let server = Fake::start(|seen| {
        let Some(messages) = seen.body.get("messages") else {
            return Act::Status(404, "", "{}".into());
        };
        if messages.to_string().contains("unheard of") {
            return Act::Status(400, "", json!({ "error": "too long" }).to_string());
        }
        Act::Json(json!({
            "choices": [{ "message": { "content": "[[A]]" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 4 },
        }))
    });
    let engine = path("judge.json");
    std::fs::write(&engine, served(&server, "large").to_string()).unwrap();
    let pairs = ["a", "b", "unheard of"].map(|prompt| {
        json!({ "prompt": prompt, "chosen": "yes", "rejected": "no" }).to_string() + "\n"
    });
    let (data, figures) = (path("pairs.jsonl"), path("figures.json"));
    std::fs::write(&data, pairs.concat()).unwrap();
    let asked = ["--model", &engine, "--data", &data, "--judge", "pairwise", "--samples", "1"];
    let more = ["--concurrency", "1", "--max-tokens", "20", "--json", &figures];
    let output = ran(&judge, &[&asked[..], &more].concat());
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("2 judgements read, 1 refused") && said.contains("too long"), "{said}");
    let kept: Value = serde_json::from_slice(&std::fs::read(&figures).unwrap()).unwrap();
    assert_eq!((&kept["judgements"], &kept["refused"]), (&json!(2), &json!(1)));
}
