//! Reward models on servers: the tiny models of the published formats, served as vLLM serves such models, score
//! as they do in this program.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tts_core::{Message, Prompt, Role, StepScorer};
use tts_models::remote::RemoteConfig;
use tts_models::testing::fake::{Act, Fake, Seen};
use tts_models::{Backend, EngineConfig};
use tts_prm::{PrmError, RemoteRewardModel, RewardModel, ScorerSpec};

use crate::engine;
use crate::formats::{
    OUTCOME, PROCESS, change, copy, expected, fixture, near, outcome, path, process,
};

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

fn chat(messages: &Value) -> Prompt {
    let message = |message: &Value| Message {
        role: match message["role"].as_str() {
            Some("assistant") => Role::Assistant,
            _ => Role::User,
        },
        content: message["content"].as_str().unwrap().to_owned(),
    };
    Prompt::Chat(messages.as_array().unwrap().iter().map(message).collect())
}

/// A server that runs a reward model, or the language model behind a judge by two tokens.
fn serve(model: RewardModel) -> Fake {
    refusing(model, usize::MAX, 400)
}

/// The same, with so many tokens of a text at most; longer ones are answered with this status.
fn refusing(model: RewardModel, most: usize, status: u16) -> Fake {
    let model = Arc::new(model);
    Fake::start(move |seen: &Seen| {
        let (body, inner) = (&seen.body, model.model());
        let tokens = |ids: Vec<u32>| Act::Json(json!({"tokens": ids}));
        match seen.path.as_str() {
            "/pooling" if ids(&body["input"]).len() > most => {
                Act::Status(status, "", r#"{"error":{"message":"it is too long"}}"#.into())
            }
            "/version" => Act::Json(json!({"version": "0.32.0"})),
            "/v1/models" => {
                Act::Json(json!({"data": [{"id": "prm", "max_model_len": inner.positions()}]}))
            }
            "/tokenize" if body["messages"].is_array() => {
                tokens(inner.encode(&chat(&body["messages"])).unwrap())
            }
            "/tokenize" => {
                tokens(inner.tokenizer().encode(body["prompt"].as_str().unwrap(), true).unwrap())
            }
            "/pooling" => {
                let tokens = ids(&body["input"]);
                let all: Vec<usize> = (0..tokens.len()).collect();
                let rows = inner.hidden_of(&tokens, &all).unwrap();
                let row = |row: &Vec<f32>| json!(model.head().logits(row));
                let data: Value = match body["task"].as_str() {
                    Some("classify") => row(rows.last().unwrap()),
                    _ => rows.iter().map(row).collect(),
                };
                Act::Json(json!({"data": [{"data": data}]}))
            }
            "/v1/completions" => {
                let tokens = ids(&body["prompt"]);
                let logits = inner.next_logits(&tokens).unwrap();
                let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
                let entry = |id: &u32| {
                    (format!("token_id:{id}"), json!(f64::from(logits[*id as usize]) - sum.ln()))
                };
                let pair = ids(&body["logprob_token_ids"]);
                let entries: serde_json::Map<String, Value> = pair.iter().map(entry).collect();
                Act::Json(json!({
                    "choices": [{"logprobs": {"top_logprobs": [entries]}}],
                    "usage": {"prompt_tokens": tokens.len()},
                }))
            }
            _ => Act::Status(404, "", "{}".into()),
        }
    })
}

fn settings(fake: &Fake, folder: &Path) -> RemoteConfig {
    RemoteConfig { text: Some(folder.to_owned()), ..RemoteConfig::server(fake.address()) }
}

#[test]
fn published_formats_score_on_a_server_as_in_this_program() {
    for name in PROCESS {
        let fake = serve(process(&fixture(name)).unwrap());
        let remote = RemoteRewardModel::process(settings(&fake, &fixture(name))).unwrap();
        let local = process(&fixture(name)).unwrap();
        assert_eq!(remote.scale(), local.scale(), "{name}");
        for Plain { question, steps, scores } in expected(name).iter().map(plain) {
            // All at once, and the last step alone.
            for fresh in [steps.len(), 1] {
                let path = path(question, steps, "\n\n", fresh);
                let found = remote.score(&[path]).unwrap().remove(0).scores;
                assert_eq!(found.len(), fresh);
                for (&found, &expected) in found.iter().zip(&scores[steps.len() - fresh..]) {
                    near(found, expected);
                }
            }
        }
        assert!(remote.identity().unwrap().starts_with("remote vllm 0.32.0 prm"));
    }
    for name in OUTCOME {
        let fake = serve(outcome(&fixture(name)).unwrap());
        let remote = RemoteRewardModel::outcome(settings(&fake, &fixture(name))).unwrap();
        assert_eq!(remote.scale(), outcome(&fixture(name)).unwrap().scale(), "{name}");
        for Plain { question, steps, scores } in expected(name).iter().map(plain) {
            let path = path(question, steps, "\n\n", steps.len());
            let found = remote.score(&[path]).unwrap().remove(0).scores;
            near(*found.last().unwrap(), scores[0]);
        }
    }
}

/// One path that the server refuses is refused; the others are judged, and each is asked for once.
#[test]
fn a_path_whose_call_fails_is_refused_alone() {
    // Its paths are judged in one call each.
    let name = "skywork-prm";
    let case = expected(name).remove(0);
    assert!(case.steps.len() > 1);
    let path = |steps: usize| path(&case.question, &case.steps[..steps], "\n\n", steps);
    let batch = [path(1), path(case.steps.len()), path(1)];
    let opened = |fake: &Fake| RemoteRewardModel::process(settings(fake, &fixture(name))).unwrap();
    let sound = serve(process(&fixture(name)).unwrap());
    let all = opened(&sound).score(&batch).unwrap();
    let lengths: Vec<usize> =
        sound.seen("/pooling").iter().map(|seen| ids(&seen.body["input"]).len()).collect();
    let longest = *lengths.iter().max().unwrap();
    let fake = refusing(process(&fixture(name)).unwrap(), longest - 1, 400);
    let remote = opened(&fake);
    let before = fake.seen("/pooling").len();
    let scored = remote.score(&batch).unwrap();
    assert_eq!((&scored[0], &scored[2]), (&all[0], &all[2]));
    let why = scored[1].refused.as_ref().unwrap();
    assert!(why.contains("400: it is too long"), "{why}");
    assert_eq!(fake.seen("/pooling").len() - before, 3);
    // What becomes of a path does not depend on those beside it.
    assert_eq!(remote.score(&batch[1..2]).unwrap(), scored[1..2]);
    // What speaks against the server, or who asks it, is no word on a path: nothing counts as judged.
    for status in [401, 404, 501] {
        let fake = refusing(process(&fixture(name)).unwrap(), longest - 1, status);
        let error = opened(&fake).score(&batch).unwrap_err().to_string();
        assert!(error.contains(&format!("{status}: it is too long")), "{error}");
    }
}

/// The fields that are read here, borrowed.
struct Plain<'a> {
    question: &'a str,
    steps: &'a [String],
    scores: &'a [f64],
}

fn plain(expected: &crate::formats::Expected) -> Plain<'_> {
    Plain { question: &expected.question, steps: &expected.steps, scores: &expected.scores }
}

#[test]
fn scorers_by_name_may_be_on_servers() {
    let folder = tempfile::tempdir().unwrap();
    let name = "rlhflow";
    copy(name, folder.path());
    let fake = serve(process(&fixture(name)).unwrap());
    let file = folder.path().join("servers.json");
    change(&file, "servers", json!([fake.address()]));
    change(&file, "text", json!(folder.path()));
    let spec: ScorerSpec = format!("prm:{}", file.display()).parse().unwrap();
    let engine = engine();
    let scorer = spec.build(&engine).unwrap();
    let case = expected(name).remove(0);
    let found = scorer.score(&[path(&case.question, &case.steps, "\n", case.steps.len())]).unwrap();
    for (&found, &expected) in found[0].scores.iter().zip(&case.scores) {
        near(found, expected);
    }
    // An address alone does not say what the model is.
    let spec: ScorerSpec = format!("prm:{}", fake.address()).parse().unwrap();
    let error = spec.build(&engine).err().unwrap();
    assert!(
        matches!(error, PrmError::Config { .. }) && error.to_string().contains("text"),
        "{error}"
    );
    // A head needs a backbone that is here.
    let head: ScorerSpec = "prm:head.safetensors".parse().unwrap();
    let error = head.build_on(None, Backend::default(), EngineConfig::default()).err().unwrap();
    assert!(error.to_string().contains("the generator runs elsewhere"), "{error}");
}

/// `json:PATH` names a scorer of any form behind an address.
#[test]
fn a_scorer_of_any_form_is_named_by_its_file() {
    let fake = Fake::start(|seen| {
        let long = seen.body["said"].as_str().unwrap_or_default().len() as f64;
        Act::Json(json!({"score": 1.0 / (1.0 + long)}))
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("judge.json");
    let settings = json!({
        "url": fake.address(), "body": {"said": "{{ solution }}"},
        "scale": {"unit": "probability", "aggregate": "last"},
    });
    std::fs::write(&file, settings.to_string()).unwrap();
    let text = format!("json:{}", file.display());
    let spec: ScorerSpec = text.parse().unwrap();
    assert_eq!(spec.to_string(), text);
    let build = |spec: &ScorerSpec| {
        spec.build_on(None, Backend::default(), EngineConfig::default()).map(|s| s.scale())
    };
    let scorer = spec.build_on(None, Backend::default(), EngineConfig::default()).unwrap();
    let step = |text: &str| Arc::new(tts_core::Step { text: text.into(), ..Default::default() });
    let path = tts_core::Trajectory::new(Arc::new(Prompt::text("?")), vec![step("abc")], 1, true);
    assert_eq!(scorer.score(&[path]).unwrap()[0].scores, [0.25]);
    assert_eq!(scorer.scale(), tts_core::Scale::PREFIX);
    for (content, expected) in [(r#"{"uri": 1}"#, "unknown field `uri`"), ("{", "JSON")] {
        std::fs::write(&file, content).unwrap();
        let error = build(&spec).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("judge.json"), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(build(&spec).unwrap_err().to_string().contains("no such file"));
    assert!("json:".parse::<ScorerSpec>().is_err());
}
