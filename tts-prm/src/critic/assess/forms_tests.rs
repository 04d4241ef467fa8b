//! Rows as data sets have them, and what is asked of a judge by them.

use std::ops::ControlFlow;

use tts_core::rows;
use tts_core::toy::Voice;
use tts_core::{Message, Role, Search};

use super::super::super::{Judge, Judging, Jury, Response};
use super::super::assess;
use super::*;

fn read(row: &str) -> Result<Option<Preference>, String> {
    let rows = rows::parse(row.as_bytes()).expect(row);
    preference(&rows[0]).map_err(|error| error.to_string())
}

fn one(row: &str) -> Preference {
    read(row).expect(row).expect("no tie")
}

fn turns(said: &[&str]) -> String {
    let turn = |(place, text): (usize, &&str)| {
        let role = if place % 2 == 0 { "user" } else { "assistant" };
        // Some files have more than words in a turn.
        format!(r#"{{"role": "{role}", "content": "{text}", "tokens": 3}}"#)
    };
    let all: Vec<String> = said.iter().enumerate().map(turn).collect();
    format!("[{}]", all.join(", "))
}

/// `Ties` of `RewardBench` 2: several right responses are no choice of a best one.
#[test]
fn several_right_responses_are_a_tie() {
    let row = |chosen: &str| {
        format!(
            r#"{{"prompt": "q", "chosen": [{chosen}], "rejected": ["c", "d"], "subset": "Ties"}}"#
        )
    };
    assert_eq!(read(&row(r#""a", "b""#)), Ok(None));
    assert_eq!(one(&row(r#""a""#)).responses, ["a", "c", "d"]);
}

#[test]
fn each_form_names_the_same_preference() {
    let (good, bad) = (turns(&["q", "a"]), turns(&["q", "b"]));
    let [alone, other] =
        ["a", "b"].map(|text| format!(r#"[{{"role": "assistant", "content": "{text}"}}]"#));
    for row in [
        // Conversations with the question in them, beside them as a text, and beside them as turns.
        format!(r#"{{"chosen": {good}, "rejected": {bad}}}"#),
        format!(r#"{{"prompt": "q", "chosen": {good}, "rejected": {bad}, "score_chosen": 8.5}}"#),
        format!(r#"{{"prompt": {}, "chosen": {alone}, "rejected": {other}}}"#, turns(&["q"])),
        format!(r#"{{"prompt": "q", "chosen": {alone}, "rejected": {other}}}"#),
        r#"{"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"}"#.into(),
        r#"{"question": "q", "chosen": "a", "rejected": "b"}"#.into(),
        r#"{"question": "q", "response_A": "a", "response_B": "b", "label": "A > B"}"#.into(),
        r#"{"prompt": "q", "response_1": "a", "response_2": "b", "preference_strength": -2}"#.into(),
        format!(
            r#"{{"context": {}, "response1": "a", "response2": "b", "overall_preference": -1, "domain": "stem"}}"#,
            turns(&["q"])
        ),
        format!(r#"{{"conversation_a": {good}, "conversation_b": {bad}, "winner": "model_a", "turn": 1}}"#),
        r#"{"prompt": "q", "response_0": "a", "response_1": "b", "better_response_id": 0}"#.into(),
        r#"{"instruction": "q", "completions": [{"response": "a", "overall_score": "8.5"}, {"response": "b", "overall_score": 3}]}"#.into(),
        r#"{"prompt": "q", "responses": ["a", "b"], "scores": [0.5, 0.25]}"#.into(),
    ] {
        let found = one(&row);
        assert_eq!(found.prompt, Prompt::from("q"), "{row}");
        assert_eq!((found.responses, found.best), (vec!["a".to_owned(), "b".into()], 0), "{row}");
        let expected = row.contains("stem").then_some("stem");
        assert_eq!(found.subset.as_deref(), expected, "{row}");
    }
    // The other one is better.
    for row in [
        r#"{"prompt": "q", "response_1": "a", "response_2": "b", "preference_strength": "3"}"#
            .to_owned(),
        format!(r#"{{"conversation_a": {good}, "conversation_b": {bad}, "winner": "model_b"}}"#),
        r#"{"prompt": "q", "response_0": "a", "response_1": "b", "better_response_id": "1"}"#
            .into(),
        r#"{"prompt": "q", "responses": ["a", "b"], "scores": [-3, -2.5]}"#.into(),
    ] {
        assert_eq!(one(&row).best, 1, "{row}");
    }
}

#[test]
fn ties_have_no_best() {
    let (good, bad) = (turns(&["q", "a"]), turns(&["q", "b"]));
    for row in [
        r#"{"question": "q", "response_A": "a", "response_B": "b", "label": "A=B"}"#.to_owned(),
        r#"{"prompt": "q", "response_1": "a", "response_2": "b", "preference_strength": 0}"#.into(),
        format!(
            r#"{{"conversation_a": {good}, "conversation_b": {bad}, "winner": "tie (bothbad)"}}"#
        ),
        r#"{"prompt": "q", "responses": ["a", "b", "c"], "scores": [1, 2, 2]}"#.into(),
    ] {
        assert_eq!(read(&row), Ok(None), "{row}");
    }
    // But a record that is no pair is none.
    let alone = read(r#"{"prompt": "q", "responses": ["a"], "scores": [1]}"#).expect_err("alone");
    assert!(alone.contains("1 responses"), "{alone}");
}

#[test]
fn what_came_before_is_asked_too() {
    let (good, bad) = (turns(&["one", "two", "q", "a"]), turns(&["one", "two", "q", "b"]));
    let told = |role, content: &str| Message { role, content: content.into() };
    let asked = [told(Role::User, "one"), told(Role::Assistant, "two"), told(Role::User, "q")];
    for row in [
        format!(r#"{{"chosen": {good}, "rejected": {bad}}}"#),
        // The first question beside the whole of it.
        format!(r#"{{"prompt": "one", "chosen": {good}, "rejected": {bad}}}"#),
        format!(r#"{{"prompt": {}, "chosen": "a", "rejected": "b"}}"#, turns(&["one", "two", "q"])),
        // Turns that go on.
        format!(
            r#"{{"prompt": {}, "chosen": {}, "rejected": {}}}"#,
            turns(&["one", "two"]),
            turns(&["q", "a"]),
            turns(&["q", "b"])
        ),
    ] {
        let found = one(&row);
        assert_eq!(found.prompt, Prompt::Chat(asked.to_vec()), "{row}");
        let responses: Vec<Response> = found.responses.iter().map(Response::text).collect();
        let shown: Vec<&Response> = responses.iter().collect();
        let judge = Judge::published("deepseek-grm").expect("known");
        let question = judge.question(&found.prompt, &shown).expect("filled");
        let context = question.question().split("#### Conversation Context ####").nth(1);
        assert!(
            context.is_some_and(|text| text
                .trim_start()
                .starts_with("user: one\nassistant: two\nuser: q\n")),
            "{context:?}"
        );
    }
    // Standing instructions stand before all.
    let system = one(r#"{"system": "Be brief.", "question": "q", "chosen": "a", "rejected": "b"}"#);
    assert_eq!(system.prompt, Prompt::chat("Be brief.", "q"));
}

#[test]
fn what_parts_is_named() {
    let good = turns(&["one", "two", "q", "a"]);
    for (row, expected) in [
        (
            format!(r#"{{"chosen": {good}, "rejected": {}}}"#, turns(&["one", "other", "q", "b"])),
            "\"chosen\" and \"rejected\" part at turn 2",
        ),
        (
            format!(r#"{{"chosen": {good}, "rejected": {}}}"#, turns(&["one", "two", "q"])),
            "field \"rejected\": the last turn is not the assistant's",
        ),
        (format!(r#"{{"prompt": "q", "chosen": {good}, "rejected": "b"}}"#), "some are texts and some are turns"),
        (r#"{"chosen": "a", "rejected": "b"}"#.into(), "nothing is asked"),
        (
            r#"{"chosen": [{"role": "tool", "content": "a"}], "rejected": "b"}"#.into(),
            "field \"chosen\": unknown variant `tool`",
        ),
        (
            r#"{"prompt": [{"role": "assistant", "content": "a"}], "chosen": "a", "rejected": "b"}"#.into(),
            "field \"prompt\": no turn of the user",
        ),
        (
            r#"{"prompt": "q", "response_1": "a", "response_2": "b", "preference_strength": "much"}"#.into(),
            "field \"preference_strength\": \"much\", expected a number",
        ),
        (
            r#"{"prompt": "q", "responses": ["a", "b"], "scores": [1]}"#.into(),
            "1 scores of 2 responses",
        ),
        (
            r#"{"instruction": "q", "completions": [{"response": "a", "overall_score": 1}, {"response": "b"}]}"#.into(),
            "overall_score of number 1 is null",
        ),
    ] {
        let error = read(&row).expect_err(&row);
        assert!(error.contains(expected), "{row}: {error}");
    }
}

#[test]
fn a_reference_is_shown_where_the_template_has_a_place_for_it() {
    let row = r#"{"prompt": "2 + 2?", "chosen": "It is 4.", "rejected": "It is 5.", "reference": "four \\boxed{4}"}"#;
    let known = one(row);
    let plain = Preference { reference: None, ..known.clone() };
    // It gives the best score to what the reference says, and nothing where there is none.
    let judge = Voice::new(|asked, _, _| {
        let text = asked.question();
        assert!(!text.contains("four \\boxed"), "a verdict in a reference could be quoted");
        if !text.contains("four") {
            return "I do not know.";
        }
        let (good, bad) = (text.find("It is 4."), text.find("It is 5."));
        if good < bad { "\\boxed{9, 1}" } else { "\\boxed{1, 9}" }
    });
    let jury = |name: &str| Jury { role: None, ..Jury::of(Judge::published(name).expect(name), 4) };
    let heard = |jury: &Jury, preference: &Preference| {
        let pair = std::slice::from_ref(preference);
        let search = Search::new(&judge);
        let rulings = assess(&search, jury, pair, |_, _, _| ControlFlow::Continue(()));
        let rulings = rulings.expect("heard");
        rulings[0].clone().expect("asked").ballot
    };
    let grm = jury("deepseek-grm");
    assert_eq!(grm.totals(&heard(&grm, &known)), [Some(9.0), Some(1.0)]);
    assert_eq!(heard(&grm, &plain).refused, 4);
    // A template without a place for it asks the same as ever.
    let pairwise = jury("pairwise");
    assert_eq!(heard(&pairwise, &known).refused, 4);
    let judging = Judging::of(grm.judge.clone()).expect("it writes");
    let asked = |preference| judging.lesson(preference, 1).expect("a lesson").prompt;
    assert!(asked(&known).question().contains("four"));
    assert!(!asked(&plain).question().contains("Reference"));
    let unseen = Judge { reference: Some("4".into()), ..pairwise.judge };
    assert!(unseen.check().expect_err("unseen").contains("the template has no {{ reference }}"));
    let seen = Judge { reference: Some("4".into()), ..grm.judge };
    assert_eq!(seen.check(), Ok(()));
    // What was written before is read and written as before.
    let text = serde_json::to_string(&plain).expect("written");
    assert!(!text.contains("reference"), "{text}");
    assert_eq!(serde_json::from_str::<Preference>(&text).expect("read"), plain);
}
