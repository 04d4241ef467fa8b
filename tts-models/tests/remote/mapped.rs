//! Scorers of any form behind an address: what is sent, what is read, what is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tts_core::{Message, Prompt, Role, Scale, Scored, Step, StepScorer, Trajectory};
use tts_models::remote::{Judges, MappedConfig, MappedScorer};
use tts_models::testing::fake::{Act, Fake};

/// A path of steps, the last `fresh` of them to be judged.
fn path(steps: &[&str], fresh: usize, finished: bool) -> Trajectory {
    let step = |text: &&str| Arc::new(Step { text: (*text).into(), ..Step::default() });
    let prompt = Prompt::Chat(vec![
        Message { role: Role::System, content: "Be brief.".into() },
        Message { role: Role::User, content: "Why?".into() },
    ]);
    Trajectory::new(Arc::new(prompt), steps.iter().map(step).collect(), fresh, finished)
}

fn config(fake: &Fake) -> MappedConfig {
    MappedConfig {
        url: format!("{}/judge/v2", fake.address()),
        body: json!({
            "model": "m", "n": 1, "query": "{{ question }}", "all": "{{ steps }}",
            "said": "Q: {{ question }} A: {{ solution | trim }}", "last": ["{{step}}"],
            "chat": "{{ messages }}", "many": "{{ steps | length }}",
        }),
        scores: "/data/0/score".into(),
        scale: Scale::PREFIX,
        pause_seconds: 0.01,
        call_seconds: 5.0,
        ..MappedConfig::default()
    }
}

/// Judges by how many steps there are.
fn by_length(body: &Value) -> Act {
    let steps = body["all"].as_array().map_or(0, Vec::len);
    Act::Json(json!({"data": [{"score": 1.0 / (1.0 + steps as f64)}]}))
}

fn scores(scorer: &MappedScorer, batch: &[Trajectory]) -> Vec<Result<Vec<f64>, String>> {
    let one = |scored: Scored| scored.refused.map_or(Ok(scored.scores), Err);
    scorer.score(batch).expect("a server").into_iter().map(one).collect()
}

#[test]
fn a_prefix_is_a_call_and_templates_make_values() {
    let fake = Fake::start(|seen| by_length(&seen.body));
    let scorer = MappedScorer::open(config(&fake)).expect("sound");
    let batch = [path(&["one\n", "two\n", "three \n"], 2, false), path(&["x"], 1, true)];
    let expected = vec![Ok(vec![1.0 / 3.0, 0.25]), Ok(vec![0.5])];
    assert_eq!(scores(&scorer, &batch), expected);
    let seen = fake.seen("/judge/v2");
    assert_eq!(seen.len(), 3);
    let whole = seen.iter().find(|seen| seen.body["many"] == 3).expect("the whole path");
    assert_eq!(
        whole.body,
        json!({
            "model": "m", "n": 1, "query": "Why?", "all": ["one\n", "two\n", "three \n"],
            "said": "Q: Why? A: one\ntwo\nthree", "last": ["three \n"], "many": 3,
            "chat": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        })
    );
    let identity = scorer.identity().expect("it has one");
    assert!(identity.contains("/judge/v2") && identity.contains("Prefix"), "{identity}");
    assert_eq!(scorer.scale(), Scale::PREFIX);
}

#[test]
fn a_list_judges_all_steps_at_once() {
    let fake = Fake::start(|_| Act::Json(json!({"data": [{"score": [0.1, 0.2, 0.3]}]})));
    let config = MappedConfig { judges: Judges::Steps, ..config(&fake) };
    let scorer = MappedScorer::open(config).expect("sound");
    let judged = scores(&scorer, &[path(&["a", "b", "c"], 2, false), path(&["a", "b"], 1, false)]);
    assert_eq!(judged[0], Ok(vec![0.2, 0.3]));
    let error = judged[1].clone().expect_err("three numbers for two steps");
    assert!(error.contains("expected 2 numbers"), "{error}");
    assert_eq!(fake.seen("/judge/v2").len(), 2);
    // What is no number is not left out: the others would be of other steps.
    for answer in
        [json!([0.9, null, 0.1]), json!(["n/a", 0.9, 0.1]), json!([0.9, null]), json!(0.9)]
    {
        let list = answer.clone();
        let fake = Fake::start(move |_| Act::Json(json!({"data": [{"score": list}]})));
        let config = MappedConfig { judges: Judges::Steps, ..self::config(&fake) };
        let scorer = MappedScorer::open(config).expect("sound");
        let judged = scores(&scorer, &[path(&["a", "b"], 1, false)]).remove(0);
        let error = judged.expect_err("two numbers are needed");
        assert!(error.contains("expected 2 numbers"), "{answer}: {error}");
    }
}

/// An address is asked as it is given, and what stands beside the scores is not looked at.
#[test]
fn addresses_and_answers_are_taken_as_they_are() {
    for (place, beside) in [("/judge/v1", json!(false)), ("/judge/", json!("")), ("/", json!([]))] {
        let fake = Fake::start(move |_| {
            Act::Json(json!({"data": [{"score": 0.5}], "error": beside.clone()}))
        });
        let url = format!("{}{place}", fake.address());
        let scorer = MappedScorer::open(MappedConfig { url, ..config(&fake) }).expect("sound");
        assert_eq!(scores(&scorer, &[path(&["a"], 1, false)]), [Ok(vec![0.5])], "{place}");
        assert_eq!(fake.seen(place).len(), 1, "{place}");
    }
    for answer in [json!({"error": "lost"}), json!({"error": "lost", "data": [{"score": null}]})] {
        let fake = Fake::start(move |_| Act::Json(answer.clone()));
        let scorer = MappedScorer::open(config(&fake)).expect("sound");
        let error = scores(&scorer, &[path(&["a"], 1, false)]).remove(0).expect_err("lost");
        assert!(error.contains("in place of an answer: lost"), "{error}");
    }
}

#[test]
fn solutions_are_judged_when_they_are_finished() {
    let fake = Fake::start(|_| Act::Json(json!({"data": [{"score": 2.5}]})));
    let config = MappedConfig { judges: Judges::Solution, scale: Scale::LOG_ODDS, ..config(&fake) };
    let scorer = MappedScorer::open(config.clone()).expect("sound");
    let judged = scores(&scorer, &[path(&["a", "b"], 2, true), path(&["a", "b"], 2, false)]);
    assert_eq!(judged, [Ok(vec![0.0, 2.5]), Ok(vec![0.0, 0.0])]);
    assert_eq!(fake.seen("/judge/v2").len(), 1, "an unfinished one costs nothing");
    let probable = MappedConfig { scale: Scale::OUTCOME, ..config.clone() };
    let judged = scores(&MappedScorer::open(probable).expect("sound"), &[path(&["a"], 1, false)]);
    assert_eq!(judged, [Ok(vec![0.5])]);
    for scale in [Scale::REWARD, Scale::UNSTATED, Scale::LOG_PROBABILITY] {
        let error = MappedScorer::open(MappedConfig { scale, ..config.clone() }).expect_err("no");
        assert!(error.to_string().contains("says nothing"), "{error}");
    }
}

#[test]
fn faults_refuse_their_path_alone() {
    let calls = AtomicUsize::new(0);
    let fake = Fake::start(move |seen| match seen.body["last"][0].as_str() {
        Some("bad") => Act::Status(400, "", r#"{"detail":"too long"}"#.into()),
        Some("text") => Act::Json(json!({"data": [{"score": "high"}]})),
        Some("none") => Act::Json(json!({"data": []})),
        Some("far") => Act::Json(json!({"data": [{"score": 7}]})),
        Some("negative") => Act::Json(json!({"data": [{"score": -1}]})),
        Some("out") => Act::Status(429, "retry-after: 90000\r\n", r#"{"error":"quota"}"#.into()),
        Some("key") => Act::Status(401, "", r#"{"error":"no key"}"#.into()),
        Some("down") => Act::Status(503, "", r#"{"error":"down"}"#.into()),
        Some("busy") if calls.fetch_add(1, Ordering::SeqCst) < 2 => {
            Act::Status(503, "", "{}".into())
        }
        _ => by_length(&seen.body),
    });
    let scorer = MappedScorer::open(config(&fake)).expect("sound");
    let faults = [
        ("bad", "too long"),
        ("text", "expected a number"),
        ("none", "nothing at /data/0/score"),
        ("far", "7, expected a number of the unit Probability"),
        ("negative", "-1, expected a number of the unit Probability"),
    ];
    let steps = faults.map(|(step, _)| step).into_iter().chain(["busy", "good"]);
    let batch: Vec<Trajectory> = steps.map(|step| path(&[step], 1, false)).collect();
    let judged = scores(&scorer, &batch);
    for (judged, (_, expected)) in judged.iter().zip(faults) {
        let error = judged.clone().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(judged[faults.len()..], [Ok(vec![0.5]), Ok(vec![0.5])]);
    // What speaks against the server, or who asks it, is no word on a path.
    for (step, expected) in
        [("out", "quota (to be asked again in 90000 seconds"), ("key", "no key"), ("down", "down")]
    {
        let batch = ["good", step].map(|step| path(&[step], 1, false));
        let error = scorer.score(&batch).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn only_so_many_calls_are_made_at_a_time() {
    let fake = Fake::start(|seen| {
        Act::Late(std::time::Duration::from_millis(10), Box::new(by_length(&seen.body)))
    });
    let scorer = MappedScorer::open(MappedConfig { calls: 3, ..config(&fake) }).expect("sound");
    let batch: Vec<Trajectory> = (0..20).map(|_| path(&["x"], 1, false)).collect();
    assert!(scores(&scorer, &batch).into_iter().all(|judged| judged == Ok(vec![0.5])));
    assert_eq!(fake.most(), 3);
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let good = MappedConfig { url: "http://127.0.0.1:1/x".into(), ..MappedConfig::default() };
    assert!(good.check().is_ok());
    let body = |text: &str| MappedConfig { body: json!([{"a": text}]), ..good.clone() };
    let cases = [
        (MappedConfig { url: "there".into(), ..good.clone() }, "servers: there"),
        (MappedConfig { scores: "score".into(), ..good.clone() }, "expected a JSON pointer"),
        (MappedConfig { calls: 0, ..good.clone() }, "calls: 0"),
        (MappedConfig { attempts: 0, ..good.clone() }, "attempts: 0"),
        (body("{{ answer }}"), "body"),
        (body("{% if steps | length > 1 %}{{ answer }}{% endif %}"), "body"),
        (body("{{ steps[1] }}"), "body"),
        (body("so {{ answer }}"), "body"),
        (body("{{ steps"), "body"),
        (body("{% if %}"), "body"),
    ];
    // Every prompt has a message, and every path a step.
    for text in [
        "{{ messages[0].content }}",
        "Q: {{ (messages | last).content }}",
        "{{ steps[0] }}",
        "{% if steps | length > 1 %}{{ steps[1] }}{% endif %}",
    ] {
        assert!(body(text).check().is_ok(), "{text}: {:?}", body(text).check());
    }
    for (config, expected) in cases {
        let error = config.check().expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let unknown = serde_json::from_str::<MappedConfig>(r#"{"uri": "x"}"#).expect_err("no field");
    assert!(unknown.to_string().contains("uri"), "{unknown}");
}
