//! Strategies of other crates, who else writes for a model, and scorers that are asked for by name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tts_core::toy::Voice;
use tts_core::{
    Ask, BoxError, Desk, Generator, Line, NodeId, Price, Requirements, Scored, Script, Scripted,
    StepRule, StepScorer, Trajectory, all,
};
use tts_search::recipe::Registry;
use tts_serve::{Model, ServeConfig};

use crate::common::{Server, WORLD, ask, toy, with};

/// The sample that a judge likes most often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Liked {
    n: usize,
    jury: Jury,
    /// Who judges the judgements.
    meta: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Jury {
    samples: usize,
    judge: Judge,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Judge {
    template: String,
    max_tokens: u32,
}

impl Default for Liked {
    fn default() -> Self {
        Self { n: 4, jury: Jury::default(), meta: None }
    }
}

impl Default for Jury {
    fn default() -> Self {
        Self { samples: 2, judge: Judge::default() }
    }
}

impl Default for Judge {
    fn default() -> Self {
        Self { template: "right".into(), max_tokens: 2_048 }
    }
}

impl Script for Liked {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let lines = desk.ask(Ask::problem().times(self.n)).await;
        let asked: Vec<_> = lines
            .iter()
            .map(|line| {
                let question = format!("{} {}?", line.text(), self.jury.judge.template);
                let ask = Ask::of(question).about(line.node).aside().by("judge");
                let most = self.jury.judge.max_tokens;
                let rule =
                    StepRule { max_tokens: most, max_step_tokens: most, ..StepRule::default() };
                let ask = ask.times(self.jury.samples).rule(rule);
                desk.ask(match &self.meta {
                    Some(name) => ask.judged_by(name),
                    None => ask.unjudged(),
                })
            })
            .collect();
        let heard: Vec<Vec<Line>> = all(asked).await;
        let likes = |said: &Vec<Line>| said.iter().filter(|line| line.text() == "yes").count();
        let best = (0..lines.len()).max_by_key(|&place| heard.get(place).map_or(0, likes))?;
        Some(lines[best].node)
    }

    fn requires(&self) -> Requirements {
        Requirements {
            roles: vec!["judge".into()],
            scorers: self.meta.iter().cloned().collect(),
            ..Requirements::default()
        }
    }
}

/// Trusts every judgement.
struct Trust;

impl StepScorer for Trust {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        Ok(batch.iter().map(|path| Scored::of(vec![1.0; path.fresh_steps().len()])).collect())
    }
}

fn registry() -> Registry {
    Registry::default().with("liked", |n| Scripted::of(Liked { n, ..Liked::default() }))
}

/// A judge that knows the answer to the first problem.
fn judge() -> Arc<dyn Generator> {
    let right = format!("The answer is {}.", WORLD.answer(0));
    Arc::new(Voice::new(
        move |asked, _, _| {
            if asked.question().contains(&right) { "yes" } else { "no" }
        },
    ))
}

fn judged() -> Model {
    toy().registry(registry()).role("judge", judge())
}

fn server(model: Model) -> Server {
    let config = ServeConfig { lines: 64, ..ServeConfig::default() };
    Server::start(&config, vec![model])
}

fn recipe(settings: &Value) -> Value {
    json!({"tts": {"recipe": {"strategy": "custom", "name": "liked", "settings": settings}}})
}

#[test]
fn a_judge_behind_the_name_chooses_and_is_told_of_in_usage() {
    let server = server(judged());
    let answer = server.chat(&ask("toy+liked-8", 0));
    let text = answer["choices"][0]["message"]["content"].as_str().expect("a text");
    assert!(text.contains(&WORLD.answer(0)), "{text}");
    let usage = &answer["usage"]["tts"];
    let roles = &usage["roles"];
    assert_eq!((&roles["policy"]["lines"], &roles["judge"]["lines"]), (&json!(8), &json!(16)));
    let tokens = |of: &Value| of["generated_tokens"].as_u64().expect("a number");
    assert_eq!(tokens(usage), tokens(&roles["policy"]) + tokens(&roles["judge"]));
    assert!(tokens(&roles["judge"]) > 0);
    // The model alone has no others.
    assert!(server.chat(&ask("toy+best-of-n-4", 0))["usage"]["tts"]["roles"].is_null());
    // By a recipe as by its name; samples of two answers add up.
    let body = with(ask("toy", 0), &recipe(&json!({"n": 8})));
    assert_eq!(server.chat(&body)["choices"][0]["message"]["content"], json!(text));
    let two = server.chat(&with(ask("toy+liked-8", 0), &json!({"n": 2})));
    assert_eq!(two["usage"]["tts"]["roles"]["judge"]["lines"], json!(32));
}

#[test]
fn what_cannot_be_played_is_neither_listed_nor_run() {
    let listed = |model: Model| {
        let server = server(model);
        let (_, body) = server.get("/v1/models");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let ids = body["data"].as_array().expect("a list").iter();
        let ids: Vec<String> = ids.filter_map(|one| Some(one["id"].as_str()?.to_owned())).collect();
        let strategies = body["data"][0]["tts"]["strategies"].as_array().expect("a list").len();
        assert_eq!(strategies + 1, ids.len());
        (
            ids,
            server.get("/v1/models/toy+liked-3").0,
            server.post("/v1/chat/completions", &ask("toy+liked-3", 0)),
        )
    };
    let named = |ids: &[String], name: &str| ids.iter().any(|id| id.starts_with(name));
    let (ids, status, _) = listed(judged());
    assert!(named(&ids, "toy+liked-") && named(&ids, "toy+beam-search-"), "{ids:?}");
    assert_eq!(status, 200);
    // Without the role.
    let (ids, status, (refused, answer)) = listed(toy().registry(registry()));
    assert!(!named(&ids, "toy+liked") && named(&ids, "toy+beam-search-"), "{ids:?}");
    assert_eq!((status, refused), (400, 400));
    let error = &answer["error"];
    assert_eq!((&error["param"], &error["code"]), (&json!("model"), &json!("unknown_strategy")));
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("role \"judge\""), "{message}");
    // Without a scorer nothing that needs one is offered.
    let mut bare = toy();
    (bare.scorers, bare.default_scorer) = (std::collections::BTreeMap::new(), None);
    let (ids, _, (_, answer)) = listed(bare);
    assert!(!named(&ids, "toy+beam-search") && named(&ids, "toy+majority-"), "{ids:?}");
    let message = answer["error"]["message"].as_str().expect("a message");
    assert!(message.contains("no strategy is called \"liked\""), "{message}");
}

#[test]
fn juries_of_requests_are_bounded() {
    let server = server(judged());
    let ask_for = |settings: Value| {
        server.post("/v1/chat/completions", &with(ask("toy", 0), &recipe(&settings)))
    };
    for (settings, says) in [
        (json!({"jury": {"samples": 1_000_000_000, "judge": {}}}), "comes to 1000000000"),
        (json!({"jury": {"judge": {"max_tokens": 100_000_000}}}), "max_tokens is 100000000"),
        (json!({"jury": {"judge": {"template": "{{ problem }}"}}}), "of the request's own"),
        // Each number is small, and what it asks for at once is not.
        (json!({"n": 60, "jury": {"samples": 60, "judge": {}}}), "3600 lines at once"),
        (json!({"meta": "trust"}), "no scorer has the name \"trust\""),
        (json!({"judges": 3}), "unknown field `judges`"),
    ] {
        let (status, answer) = ask_for(settings.clone());
        let error = &answer["error"];
        assert_eq!((status, &error["param"]), (400, &json!("tts.recipe")), "{settings}: {answer}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(says), "{settings}: {message}");
    }
    // How long a judge writes is no number of lines.
    let (status, answer) = ask_for(json!({"jury": {"samples": 2, "judge": {"max_tokens": 999}}}));
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn a_judge_writes_no_more_than_an_answer_may_have() {
    let endless: Arc<dyn Generator> = Arc::new(Voice::new(|_, _, _| "and so on ".repeat(400)));
    let model = toy().registry(registry()).role("judge", endless);
    let config = ServeConfig { answer_tokens: 64, ..ServeConfig::default() };
    let server = Server::start(&config, vec![model]);
    // Neither says how long the judge writes.
    for body in [ask("toy+liked-4", 0), with(ask("toy", 0), &recipe(&json!({"n": 4})))] {
        let answer = server.chat(&body);
        let judge = &answer["usage"]["tts"]["roles"]["judge"];
        assert_eq!(judge["lines"], json!(8));
        let written = judge["generated_tokens"].as_u64().expect("a number");
        assert!((8..=8 * 64).contains(&written), "{answer}");
    }
}

/// A price is that of somebody who takes part.
#[test]
fn money_bounds_those_who_take_part() {
    let price = Price { generated: 4.0, scored: 2.0, ..Price::default() };
    let bounded = json!({"tts": {"budget": {"money": 1}}});
    let mut model = judged();
    model.prices.writers.insert("judge".into(), price);
    let priced_judge = server(model);
    let (status, answer) =
        priced_judge.post("/v1/chat/completions", &with(ask("toy+best-of-n-4", 0), &bounded));
    assert_eq!((status, &answer["error"]["param"]), (400, &json!("tts.budget")), "{answer}");
    let answer = priced_judge.chat(&with(ask("toy+liked-4", 0), &bounded));
    let money = |answer: &Value| answer["usage"]["tts"]["money"].as_f64();
    assert!(money(&answer).is_some_and(|money| money > 0.0), "{answer}");
    // A meta-judge alone.
    let trust = judged().scorer_named("trust", Arc::new(Trust)).scorer_price("trust", price);
    let mut body = recipe(&json!({"meta": "trust"}));
    body["tts"]["budget"] = json!({"money": 1});
    let answer = server(trust).chat(&with(ask("toy", 0), &body));
    assert!(money(&answer).is_some_and(|money| money > 0.0), "{answer}");
}

#[test]
fn scorers_by_name_judge_what_is_named_for_them() {
    let server = server(judged().scorer_named("trust", Arc::new(Trust)));
    let body = with(ask("toy", 0), &recipe(&json!({"meta": "trust"})));
    let answer = server.chat(&body);
    let roles = &answer["usage"]["tts"]["roles"];
    assert!(roles["judge"]["scored_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{answer}");
    // It leads no search, and is not listed as if it did.
    let led = with(ask("toy+best-of-n-2", 0), &json!({"tts": {"scorer": "trust"}}));
    let (status, answer) = server.post("/v1/chat/completions", &led);
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("unknown_scorer")));
}
