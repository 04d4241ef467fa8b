//! Whole answers: what is asked decides them, and they say what they cost.

use std::sync::Arc;

use serde_json::{Value, json};
use tts_core::toy::Oracle;
use tts_core::{Budget, Price, Sampling, Search, SearchStrategy, StepRule, seed};
use tts_search::{BeamSearch, BestOfN, Recipe};
use tts_serve::ServeConfig;

use crate::common::{Server, WORLD, ask, toy, with};

/// The search that a request with defaults stands for.
fn search() -> Search<'static> {
    Search::new(Arc::new(WORLD))
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0))
        .budget(Budget { generated_tokens: Some(1 << 18), ..Budget::default() })
}

fn content(body: &Value, index: usize) -> String {
    body["choices"][index]["message"]["content"].as_str().expect("content").to_owned()
}

#[test]
fn names_recipes_and_scorers_pick_the_search() {
    let server = Server::toy();
    let oracle = || search().scorer(Oracle { noise: 0.0, seed: 0 });
    let noisy = || search().scorer(Oracle { noise: 0.9, seed: 3 });
    let beam = || BeamSearch { keep: 2, branch: 3, ..BeamSearch::default() };
    let named = |name, n| Recipe::default_of(name, n).expect("known");
    let beam_json = json!({"strategy": "beam-search", "keep": 2, "branch": 3});
    for (body, search, recipe) in [
        (ask("toy+beam-16", 3), oracle(), named("beam-search", 16)),
        (ask("toy+best-of-n-4", 3), oracle(), named("best-of-n", 4)),
        (ask("toy+best-of-n", 3), oracle(), named("best-of-n", 8)),
        (ask("toy+majority-5", 3), search(), named("majority", 5)),
        (ask("toy+greedy", 3), search(), named("greedy", 1)),
        (with(ask("toy", 3), &json!({"tts": {"recipe": beam_json}})), oracle(), beam().into()),
        (
            with(ask("toy+best-of-n-4", 3), &json!({"tts": {"scorer": "noisy"}, "seed": 9})),
            noisy().seed(9),
            BestOfN { n: 4, ..BestOfN::default() }.into(),
        ),
        (
            with(ask("toy+best-of-n-6", 3), &json!({"tts": {"budget_tokens": 150, "hard": true}})),
            oracle().budget(Budget { mode: tts_core::Mode::Hard, ..Budget::tokens(150) }),
            named("best-of-n", 6),
        ),
        (
            with(ask("toy+beam-16", 3), &json!({"tts": {"budget": {"rounds": 2, "calls": 9}}})),
            oracle().budget(Budget {
                rounds: Some(2),
                calls: Some(9),
                generated_tokens: Some(1 << 18),
                ..Budget::default()
            }),
            named("beam-search", 16),
        ),
        (
            with(ask("toy+beam-16", 3), &json!({"tts": {"budget": {"tokens": 150, "hard": true}}})),
            oracle().budget(Budget { mode: tts_core::Mode::Hard, ..Budget::tokens(150) }),
            named("beam-search", 16),
        ),
        (
            with(ask("toy+best-of-n-6", 3), &json!({"temperature": 0.4, "max_tokens": 45})),
            oracle().sampling(Sampling::temperature(0.4)).rule(StepRule {
                max_tokens: 45,
                max_step_tokens: 45,
                ..StepRule::lines()
            }),
            named("best-of-n", 6),
        ),
    ] {
        let answer = server.chat(&body);
        let outcome = search.run(recipe, WORLD.prompt(3).question()).expect("runs");
        assert_eq!(content(&answer, 0), outcome.text().expect("a text"), "{body}");
        let cost = outcome.usage.logical;
        let best = outcome.best.expect("an answer");
        let completion: u64 = outcome.tree.generated(best);
        assert_eq!(
            answer["usage"],
            json!({
                "prompt_tokens": outcome.prompt_tokens, "completion_tokens": completion,
                "total_tokens": outcome.prompt_tokens + completion,
                "tts": {
                    "generated_tokens": cost.generated_tokens, "scored_tokens": cost.scored_tokens,
                    "read_tokens": cost.read_tokens, "flops": cost.flops, "calls": cost.calls,
                    "lines": cost.samples,
                },
            }),
            "{body}"
        );
        assert_eq!(answer["choices"][0]["tts"]["answer"], json!(outcome.answer()), "{body}");
        assert_eq!(answer["model"], body["model"]);
        assert_eq!(answer["object"], "chat.completion");
    }
}

/// The model alone, step by step: the text of a line in one go.
#[test]
fn a_model_without_a_strategy_answers_with_one_line() {
    struct One;
    impl SearchStrategy for One {
        fn step(&mut self, view: &mut tts_core::View<'_>) -> Vec<tts_core::Expand> {
            let root = tts_core::Expand::end(tts_core::NodeId::ROOT, 1);
            if view.is_start() { vec![root] } else { Vec::new() }
        }
    }
    let server = Server::toy();
    for number in 0..4 {
        let answer = server.chat(&with(ask("toy", 1), &json!({"seed": number})));
        let outcome = search().seed(number).run(One, WORLD.prompt(1).question()).expect("runs");
        assert_eq!(content(&answer, 0), outcome.text().expect("a text"));
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        assert_eq!(answer["usage"]["tts"]["lines"], outcome.tree.len() - 1);
    }
    let answer = server.chat(&with(ask("toy", 1), &json!({"max_completion_tokens": 8})));
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 8);
}

/// Several answers are several searches; the first is the one of a single answer.
#[test]
fn n_answers_are_searches_with_seeds_by_index() {
    let server = Server::toy();
    let body = with(ask("toy+best-of-n-2", 5), &json!({"seed": -4}));
    let one = server.chat(&body);
    let many = server.chat(&with(body, &json!({"n": 3})));
    assert_eq!(one["choices"][0], many["choices"][0]);
    let base = (-4_i64).cast_unsigned();
    for (index, seed) in [base, seed::child(base, 1), seed::child(base, 2)].into_iter().enumerate()
    {
        let search = search().scorer(Oracle { noise: 0.0, seed: 0 }).seed(seed);
        let recipe = Recipe::default_of("best-of-n", 2).expect("known");
        let outcome = search.run(recipe, WORLD.prompt(5).question()).expect("runs");
        assert_eq!(content(&many, index), outcome.text().expect("a text"));
        assert_eq!(many["choices"][index]["index"], index);
    }
    // The prompt is read once.
    assert_eq!(one["usage"]["prompt_tokens"], many["usage"]["prompt_tokens"]);
    assert_eq!(many["usage"]["tts"]["lines"], 6);
}

#[test]
fn completions_take_one_prompt_or_several() {
    let server = Server::toy();
    let prompt = |n| WORLD.prompt(n).question().to_owned();
    let post = |prompt: Value, n: u64| {
        let body = json!({"model": "toy+beam-4", "prompt": prompt, "n": n});
        let (status, body) = server.post("/v1/completions", &body);
        assert_eq!(status, 200, "{body}");
        body
    };
    let both = post(json!([prompt(0), prompt(1)]), 2);
    assert_eq!(both["object"], "text_completion");
    assert_eq!(both["choices"].as_array().map(Vec::len), Some(4));
    for (index, problem) in [(0, 0), (2, 1)] {
        let one = post(json!(prompt(problem)), 1);
        assert_eq!(one["choices"][0]["text"], both["choices"][index]["text"]);
        assert_eq!(both["choices"][index]["index"], index);
    }
    let length = prompt(0).len() + prompt(1).len();
    assert_eq!(both["usage"]["prompt_tokens"], length);
}

/// A stop text ends a solution and is no part of it; the text of messages may come in parts.
#[test]
fn stop_texts_and_parts() {
    let server = Server::toy();
    let whole = content(&server.chat(&ask("toy+greedy", 2)), 0);
    let (line, _) = whole.split_once('\n').expect("lines");
    for stop in [json!("\n"), json!(["never", "\n"])] {
        let answer = server.chat(&with(ask("toy+greedy", 2), &json!({"stop": stop})));
        assert_eq!(content(&answer, 0), line);
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        // The tokens of the stop text were generated all the same.
        assert_eq!(answer["usage"]["completion_tokens"], line.len() + 1);
    }
    let question = WORLD.prompt(2).question().to_owned();
    let (first, second) = question.split_at(4);
    let parts = json!([{"type": "text", "text": first}, {"type": "text", "text": second}]);
    let body = json!({"model": "toy+greedy", "messages": [{"role": "user", "content": parts}]});
    assert_eq!(content(&server.chat(&body), 0), whole);
}

/// What stands before the question makes another problem of it, with numbers of its own.
#[test]
fn earlier_messages_count() {
    let server = Server::toy();
    let question = json!({"role": "user", "content": WORLD.prompt(2).question()});
    let text = |messages: Value| {
        content(&server.chat(&json!({"model": "toy", "messages": messages, "seed": 3})), 0)
    };
    let history = [
        json!([question]),
        json!([{"role": "system", "content": "Be brief."}, question]),
        json!([{"role": "developer", "content": "Be wordy."}, question]),
        json!([{"role": "user", "content": "1 + 1 = ?"}, {"role": "assistant", "content": "2"}, question]),
    ];
    let mut texts: Vec<String> = history.into_iter().map(text).collect();
    texts.sort();
    texts.dedup();
    assert!(texts.len() > 1, "no message but the last one counts: {texts:?}");
}

#[test]
fn log_probabilities_are_those_of_the_tokens() {
    let server = Server::toy();
    let body = with(ask("toy", 2), &json!({"logprobs": true, "seed": 1}));
    let answer = server.chat(&body);
    let tokens = answer["choices"][0]["logprobs"]["content"].as_array().expect("tokens").clone();
    let text: String = tokens.iter().filter_map(|token| token["token"].as_str()).collect();
    assert_eq!(text, content(&answer, 0));
    // A right line of this world has probability 0.7, which shows in its last token.
    let logprobs: Vec<f64> = tokens.iter().filter_map(|token| token["logprob"].as_f64()).collect();
    assert_eq!(logprobs.len(), tokens.len());
    assert!(logprobs.iter().any(|logprob| (logprob - 0.7_f64.ln()).abs() < 1e-6));
    let body =
        json!({"model": "toy", "prompt": WORLD.prompt(2).question(), "logprobs": 0, "seed": 1});
    let (_, answer) = server.post("/v1/completions", &body);
    let told = &answer["choices"][0]["logprobs"];
    let texts: Vec<&str> =
        told["tokens"].as_array().expect("tokens").iter().filter_map(Value::as_str).collect();
    assert_eq!(texts.concat(), answer["choices"][0]["text"]);
    assert_eq!(told["text_offset"][2], 2);
}

#[test]
fn models_are_listed_with_their_strategies() {
    let server = Server::toy();
    let get = |path: &str| {
        let (status, body) = server.get(path);
        (status, serde_json::from_str::<Value>(&body).expect("JSON"))
    };
    let (status, list) = get("/v1/models");
    let ids: Vec<&str> =
        list["data"].as_array().expect("a list").iter().filter_map(|m| m["id"].as_str()).collect();
    assert_eq!((status, ids[0]), (200, "toy"));
    // Whatever is listed can be asked.
    for id in ids {
        assert_eq!(get(&format!("/v1/models/{id}")).1["id"], id);
        server.chat(&ask(id, 0));
    }
    assert_eq!(get("/v1/models/toy+beam-3").0, 200);
    assert_eq!(get("/v1/models/other").1["error"]["code"], "model_not_found");
    assert_eq!(
        get("/v1/models").1["data"][0]["tts"]["default_scorer"],
        json!(toy().default_scorer)
    );
}

/// A served model with prices says what an answer took in money, and is held to what a request may take.
#[test]
fn money_is_told_and_bounded() {
    let (read, scored) = (Price { read: 1.0, generated: 4.0, ..Price::default() }, 2.0);
    let judge = Price { scored, ..Price::default() };
    let model = toy().price(read).scorer_price("oracle", judge);
    let server = Server::start(&ServeConfig::default(), vec![model]);
    let whole = server.chat(&ask("toy+beam-16", 3));
    let told = |answer: &Value, name: &str| answer["usage"]["tts"][name].as_f64().expect("told");
    let (money, of) = (told(&whole, "money"), |name| told(&whole, name));
    let least = (4.0 * of("generated_tokens") + scored * of("scored_tokens")) / 1e6;
    assert!(money > least && money <= least + of("read_tokens") / 1e6 + 1e-12, "{whole}");
    let bounded = json!({"tts": {"budget": {"money": money / 2.0, "hard": true, "reserve": 0}}});
    let half = server.chat(&with(ask("toy+beam-16", 3), &bounded));
    assert!(told(&half, "money") <= money / 2.0, "{half}");
    assert_eq!(half["choices"][0]["tts"]["stop"], "money");
}
