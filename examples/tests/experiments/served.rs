//! Experiments whose models are on servers: the embedded generator, served by token ids, is what it is here.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tts_examples::experiment::{Recipe, Report, Workshop, run};
use tts_models::EngineConfig;
use tts_models::testing::fake::{Act, Fake};
use tts_prm::pair;

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// A server of vLLM's form that writes greedily with the embedded generator.
fn serve() -> Fake {
    let model = Arc::new(pair::generator(EngineConfig::default()).unwrap());
    Fake::start(move |seen| {
        let body = &seen.body;
        match seen.path.as_str() {
            "/version" => Act::Json(json!({"version": "0.32.0"})),
            "/v1/models" => Act::Json(json!({
                "data": [{"id": "pair", "max_model_len": model.positions()}],
            })),
            "/tokenize" => {
                let text = body["prompt"].as_str().unwrap();
                match model.tokenizer().encode(text, true) {
                    Ok(tokens) => Act::Json(json!({"tokens": tokens})),
                    Err(error) => Act::Status(400, "", error.to_string()),
                }
            }
            "/v1/completions" => {
                assert_eq!(body["temperature"], 0.0, "only greedy ones are asked for");
                let mut all = ids(&body["prompt"]);
                let (prompt, most) = (all.len(), body["max_tokens"].as_u64().unwrap());
                let ends = model.end_tokens();
                let mut logprobs = Vec::new();
                let mut reason = "length";
                for _ in 0..most {
                    let logits = model.next_logits(&all).unwrap();
                    let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
                    let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
                    logprobs.push((logits[best.unwrap()] - sum.ln()).min(0.0));
                    all.push(u32::try_from(best.unwrap()).unwrap());
                    if ends.contains(all.last().unwrap()) {
                        reason = "stop";
                        break;
                    }
                }
                Act::Json(json!({
                    "choices": [{
                        "token_ids": all[prompt..], "finish_reason": reason, "stop_reason": null,
                        "logprobs": {"token_logprobs": logprobs},
                    }],
                    "usage": {"prompt_tokens": prompt},
                }))
            }
            _ => Act::Status(404, "", "{}".into()),
        }
    })
}

fn recipe(fake: &Fake) -> Value {
    let engine = json!({
        "servers": [fake.address()], "text": format!("{}/../tts-prm/pair/generator", env!("CARGO_MANIFEST_DIR")),
        "self_test": false,
    });
    let arm = |name: &str| json!({"name": name, "policy": name, "strategy": "greedy", "n": [1]});
    json!({
        "title": "Served", "claim": "None.",
        "task": {"chain": {"operations": [2, 4], "digits": [1, 1], "most": 999}},
        "temperature": 0.7, "problems": 12, "seeds": 1, "pool": 4,
        "models": {
            "here": {"embedded": "generator"},
            "there": {"served": {"engine": engine}},
        },
        "arms": [arm("here"), arm("there")],
        "compare": [{"first": "there", "second": "here", "at": "n", "n": [1]}],
    })
}

fn ran(root: &Path, recipe: &Value) -> Report {
    let recipe = Recipe::parse(&recipe.to_string()).unwrap();
    run(&recipe, false, root.to_owned(), EngineConfig::default()).unwrap()
}

#[test]
fn a_served_policy_is_measured_as_one_here_and_goes_on_where_it_was() {
    let (fake, folder) = (serve(), tempfile::tempdir().unwrap());
    let report = ran(folder.path(), &recipe(&fake));
    let [here, there] = &report.points[..] else { panic!("{} points", report.points.len()) };
    assert_eq!((here.arm.as_str(), there.arm.as_str()), ("here", "there"));
    assert_eq!(here.values, there.values);
    assert!(here.values.contains(&1.0), "it solves some of these");
    assert!((here.generated_tokens - there.generated_tokens).abs() < 1e-9);
    let calls = fake.seen("/v1/completions").len();
    assert!(calls > 0);
    // What was found is kept: nothing is asked again.
    let again = ran(folder.path(), &recipe(&fake));
    assert_eq!(again.points[1].values, there.values);
    assert_eq!(fake.seen("/v1/completions").len(), calls);
}

#[test]
fn nothing_is_made_of_a_model_on_servers() {
    let fake = serve();
    let mut made = recipe(&fake);
    made["models"]["prm"] = json!({"reward": {
        "from": "there", "policy": "here", "problems": 2, "solutions": 2, "labels": "exact",
        "learn": "outcome", "choose": null, "train": {"steps": 1, "batch": 1},
    }});
    let parsed = Recipe::parse(&made.to_string()).unwrap();
    let workshop = Workshop::new(&parsed, "nowhere".into(), EngineConfig::default());
    let error = workshop.model("prm", 1).unwrap_err().to_string();
    assert!(error.contains("runs on servers"), "{error}");
    // Without seeds nothing could be kept.
    let mut unseeded = recipe(&fake);
    let engine = &mut unseeded["models"]["there"]["served"]["engine"];
    (engine["kind"], engine["unseeded"]) = (json!("completions"), json!(true));
    let parsed = Recipe::parse(&unseeded.to_string()).unwrap();
    let workshop = Workshop::new(&parsed, "nowhere".into(), EngineConfig::default());
    let error = workshop.identity("there", 1).unwrap_err().to_string();
    assert!(error.contains("by their seeds"), "{error}");
}
