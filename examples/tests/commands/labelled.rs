//! Judges and scorers on labels: measured on them by the command, and learning from them.

use tts_core::Prompt;
use tts_core::family::{Chain, Family, Split, problems};
use tts_examples::{pair, worked};
use tts_prm::label::{exact, write_labels};

use crate::{example, place, ran, succeeded, text};

#[test]
fn a_reward_model_of_steps_needs_no_other_model() {
    let Some(judge) = example("judge") else { return };
    let (_folder, path) = place();
    // Right solutions, and the same with a slip in the first step.
    let family = Chain::default();
    let mut labels = Vec::new();
    for problem in problems(&family, Split::Test, 3).take(30) {
        let solution = family.solve(&problem.question).expect("every problem has a solution");
        let right: Vec<&str> = solution.iter().map(String::as_str).collect();
        labels.push(exact(&family, &problem.question, &right));
        let mut wrong = right.clone();
        wrong[0] = "=7\n";
        labels.push(exact(&family, &problem.question, &wrong[..1]));
    }
    let data = path("steps.jsonl");
    write_labels(&data, &labels).unwrap();
    let (scorer, json) =
        (format!("prm:{}", pair::folder().join("prm").display()), path("figures.json"));
    let asked = ["--steps", "--data", &data, "--scorer", &scorer];
    let said = succeeded(&judge, &[&asked[..], &["--json", &json]].concat());
    assert!(said.starts_with("all: F1 ") && said.contains("ROC AUC of steps"), "{said}");
    let figures: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let wrong = labels.iter().filter(|solution| solution.first_error().is_some()).count();
    assert_eq!(figures["all"]["solutions"], 60);
    assert_eq!(figures["all"]["wrong"]["count"], wrong);
    assert_eq!(figures["all"]["abstained"], 0);
    // It was taught such steps.
    assert!(figures["all"]["f1"].as_f64().is_some_and(|f1| f1 > 0.6), "{said}");
    // Another threshold finds other errors: at 0 none.
    let said = succeeded(&judge, &[&asked[..], &["--threshold", "0"]].concat());
    assert!(said.contains("all: F1 0.0; first errors 0.0 %"), "{said}");
    for (more, expected) in [
        (&["--scorer", "logprob"][..], "no log-probabilities"),
        (&["--scorer", "orm:x"], "--scorer orm:x: it judges solutions"),
        (&["--scorer", "word:x.json"], "--scorer word:x.json: it says one thing"),
        (&["--scorer", "rule", "--model", "x"], "cannot be used with"),
        (&["--scorer", "rule", "--concurrency", "2"], "cannot be used with"),
        (&["--scorer", "rule", "--threshold", "nan"], "--threshold NaN: expected a number"),
        (&["--model", "x", "--judge", "steps", "--threshold", "inf"], "--threshold inf"),
        (
            &[
                "--model",
                "x",
                "--judge",
                "steps",
                "--samples",
                "2",
                "--meta",
                "m",
                "--named",
                "m=rule",
            ],
            "steps are judged by the mean of all",
        ),
        (&["--model", "x", "--judge", "pairwise"], "judges no steps"),
        (&["--judge", "steps"], "--model"),
        (&["--scorer", "rule", "--judge", "steps"], "cannot be used with"),
    ] {
        let wrong = ran(&judge, &[&asked[..3], more].concat());
        assert!(!wrong.status.success() && text(&wrong).contains(expected), "{}", text(&wrong));
    }
    // A model that has no words for it abstains, and is not taken for silent.
    let generator = pair::folder().join("generator").display().to_string();
    let template = path("own.jinja");
    std::fs::write(
        &template,
        "=== text\n{{ problem }}\n{% for step in steps %}{{ step.text }}\n{% endfor %}",
    )
    .unwrap();
    let more =
        ["--model", &generator, "--judge", "steps", "--template", &template, "--max-tokens", "8"];
    let out = path("kept");
    let silent = ran(&judge, &[&asked[..3], &more[..], &["--items", "4", "--out", &out]].concat());
    let said = text(&silent);
    assert!(
        !silent.status.success() && said.contains("none of 4 judgements could be read"),
        "{said}"
    );
    assert!(said.contains("0 judgements read, 4 refused; 4 solutions abstained"), "{said}");
    assert!(!said.contains("F1"), "{said}");
    // What it wrote is kept beside what a scorer said of the same solutions.
    let scored = path("scored");
    succeeded(&judge, &[&asked[..], &["--items", "4", "--out", &scored]].concat());
    let kept = [&out, &scored].map(|folder| {
        let lines = std::fs::read_to_string(std::path::Path::new(folder).join("judged.jsonl"));
        lines.unwrap().lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
    });
    let [own, beside]: [Vec<serde_json::Value>; 2] = kept;
    assert_eq!((own.len(), beside.len()), (4, 4));
    assert!(
        own.iter()
            .all(|item| item["unread"][0]["text"].as_str().is_some_and(|text| !text.is_empty()))
    );
    assert!(own.iter().zip(&beside).all(|(own, beside)| own["steps"] == beside["steps"]));
    let same = succeeded(&judge, &["--compare", &scored, &scored]);
    assert!(same.contains(": prm:") && same.contains("+0.0 points"), "{same}");
}

/// A verifier that says 1 or 0 at once learns it from labels, beside solutions that count less.
#[test]
fn labels_become_words_that_a_verifier_learns() {
    let (Some(judge), Some(finetune)) = (example("judge"), example("finetune")) else { return };
    let (_folder, path) = place();
    let generator = pair::folder().join("generator").display().to_string();
    let data = path("graded.jsonl");
    let rows: Vec<String> = (0..12)
        .map(|number: usize| {
            let (label, sum) = (number % 2, number + 3 - number % 2);
            format!(r#"{{"prompt": "{number}+2", "response": "={sum}", "label": {label}}}"#)
        })
        .collect();
    std::fs::write(&data, rows.join("\n")).unwrap();
    let verifier = path("verifier.json");
    let template = "=== text\n{{ problem }}\n{{ response.text }}\n";
    let own = serde_json::json!({
        "template": template,
        "reading": {"decision": {"cue": "=\n", "words": [["1", 1.0], ["0", 0.0]], "by": "probability", "critique": false}},
    });
    std::fs::write(&verifier, own.to_string()).unwrap();
    let solutions = path("solutions.jsonl");
    std::fs::write(&solutions, worked::line(&Prompt::text("1+2\n"), "=3")).unwrap();
    let learnt = path("learnt.jsonl");
    let asked = ["--graded", "--model", &generator, "--data", &data, "--judge", &verifier];
    let more = ["--learn", &learnt, "--also", &solutions, "--also-weight", "0.5"];
    let said = succeeded(&judge, &[&asked[..], &more].concat());
    assert!(said.contains("kept      12 judgements as 12 things to learn, 1 others"), "{said}");
    assert!(said.contains("0 lines, 0 tokens"), "{said}");
    let rows = std::fs::read_to_string(&learnt).unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    assert_eq!(
        rows[1],
        r#"{"prompt":"1+2\n=3\n","parts":[{"text":"=\n","learn":false},{"text":"1","learn":true}]}"#
    );
    assert_eq!(rows[12], r#"{"prompt":"1+2\n","completion":"=3","weight":0.5}"#);
    let out = path("tuned");
    let small = ["--steps", "2", "--batch", "2", "--threads", "1", "--held-out", "0"];
    let tune = ["--model", &generator, "--data", &learnt, "--out", &out];
    let said = succeeded(&finetune, &[&tune[..], &small].concat());
    assert!(said.contains("13 examples, 0 held out, 0 too long"), "{said}");
    let whole = ran(&finetune, &[&tune[..], &small, &["--answer-only"]].concat());
    assert!(text(&whole).contains("the data say themselves what is learnt"), "{}", text(&whole));
    // The generator itself writes no verdict: there are no figures of nothing.
    let json = path("graded.json");
    let nothing = ran(&judge, &[&asked[..], &["--json", &json]].concat());
    assert!(!nothing.status.success(), "{}", text(&nothing));
    assert!(text(&nothing).contains("none of 12 judgements could be read"), "{}", text(&nothing));
    assert!(!std::path::Path::new(&json).exists());
    for (more, expected) in [
        (&["--judge", "pairwise"][..], "expected one of single responses"),
        (&["--judge", "score", "--scorer", "rule"], "cannot be used with"),
        (&["--judge", "score", "--threshold", "1"], "cannot be used with"),
        (&["--judge", "score", "--steps"], "cannot be used with"),
    ] {
        let wrong = ran(&judge, &[&asked[..5], more].concat());
        assert!(!wrong.status.success() && text(&wrong).contains(expected), "{}", text(&wrong));
    }
}

/// A judge whose scores are those of a scorer with a name, and what is told before a model is opened.
#[test]
fn labels_measure_judges_that_ask_for_scorers() {
    let Some(judge) = example("judge") else { return };
    let (_folder, path) = place();
    let generator = pair::folder().join("generator").display().to_string();
    let (data, head) = (path("graded.jsonl"), path("head.json"));
    let rows = [("=5", 1), ("=6", 0)].map(|(response, label)| {
        format!(r#"{{"prompt": "3+2", "response": "{response}", "label": {label}}}"#)
    });
    std::fs::write(&data, rows.join("\n")).unwrap();
    let own = serde_json::json!({
        "template": "=== text\n{{ problem }}\n{{ response.text }}\n",
        "reading": {"head": {"scorer": "head", "low": 0.0, "high": 1.0}},
        "max_tokens": 8,
    });
    std::fs::write(&head, own.to_string()).unwrap();
    let asked = ["--graded", "--data", &data, "--judge", &head];
    let named = ["--model", &generator, "--named", "head=rule"];
    let said = succeeded(&judge, &[&asked[..], &named].concat());
    assert!(said.starts_with("all: accuracy "), "{said}");
    let jury = path("jury.json");
    let told = serde_json::json!({"samples": 2, "order": "fixed", "judge": own});
    std::fs::write(&jury, told.to_string()).unwrap();
    let learnt = path("learnt.jsonl");
    let learn = |weight: &'static str| {
        let also = ["--judge", &head, "--learn", &learnt, "--also", &data, "--also-weight", weight];
        [&["--model", "nowhere", "--graded", "--data", &data][..], &also].concat()
    };
    for (arguments, expected) in [
        ([&asked[..], &["--model", "nowhere"]].concat(), "--named head=SCORER"),
        (
            vec![
                "--graded", "--data", &data, "--model", "nowhere", "--jury", &jury, "--learn",
                &learnt,
            ],
            "leave out order",
        ),
        (learn("0"), "--also-weight 0"),
        (learn("nan"), "--also-weight NaN"),
        (learn("inf"), "--also-weight inf"),
    ] {
        let wrong = ran(&judge, &arguments);
        assert!(!wrong.status.success() && text(&wrong).contains(expected), "{}", text(&wrong));
    }
}

/// Grades are learnt by how near a judgement comes to them.
#[test]
fn grades_are_learnt_by_reinforcement() {
    let Some(reinforce) = example("reinforce") else { return };
    let (_folder, path) = place();
    let (data, judge) = (path("graded.jsonl"), path("judge.json"));
    // Its grade of a sum is what it comes to, which the generator knows to write.
    let rows = [("1+2", 3), ("2+2", 4), ("4+3", 7), ("5+1", 6)];
    let rows: Vec<String> = rows
        .iter()
        .map(|(sum, label)| format!(r#"{{"prompt": "0", "response": "{sum}", "label": {label}}}"#))
        .collect();
    std::fs::write(&data, rows.join("\n")).unwrap();
    let own = serde_json::json!({
        "template": "=== text\n{{ response.text }}\n",
        "reading": {"number": {"marker": "=", "low": 0.0, "high": 99.0}},
    });
    std::fs::write(&judge, own.to_string()).unwrap();
    let small =
        "--model embedded --held-out 0 --batch 4 --samples 4 --steps 1 --max-tokens 20 --threads 1";
    let small: Vec<&str> = small.split(' ').collect();
    let asked = ["--data", &data, "--judge", &judge, "--reward", "near"];
    let out = path("out");
    let graded = ["--judge-from", "graded", "--out", &out];
    let said = succeeded(&reinforce, &[&small[..], &asked, &graded].concat());
    assert!(said.contains("problems  4, 0 held out"), "{said}");
    let journal =
        std::fs::read_to_string(std::path::Path::new(&out).join("work/journal.jsonl")).unwrap();
    // A note of a step, wherever it lies in its line.
    let near = journal.lines().find_map(|line| {
        let note = serde_json::from_str::<serde_json::Value>(line).unwrap();
        let mut notes =
            note.as_object().into_iter().flat_map(serde_json::Map::values).chain([&note]);
        notes.find_map(|note| note.get("rewards")?.get("near")?.as_f64())
    });
    let near = near.expect("the reward by its name");
    assert!((0.8..=1.0).contains(&near), "{near}: {journal}");
    // Beside preferences, which are asked in another form: of the pairs the best is shown somewhere.
    let (pairs, pairwise) = (path("pairs.jsonl"), path("pairwise.json"));
    std::fs::write(&pairs, r#"{"prompt": "0", "chosen": "1+2", "rejected": "1+1"}"#).unwrap();
    let own = serde_json::json!({
        "template": "=== text\n{% for response in responses %}{{ response.text }}\n{% endfor %}",
        "reading": {"ranking": {"marker": "="}},
    });
    std::fs::write(&pairwise, own.to_string()).unwrap();
    let both = path("both");
    let mixed =
        ["--data", &pairs, "--judge", &pairwise, "--with-graded", &data, "--single", &judge];
    let said = succeeded(&reinforce, &[&small[..], &mixed, &["--out", &both]].concat());
    assert!(said.contains("problems  5, 0 held out"), "{said}");
    for (more, expected) in [
        (&["--judge-from", "steps"][..], "do not go together"),
        (&["--judge-from", "preferences"], "expected 0 to 1"),
    ] {
        let other = path("other");
        let wrong = [&small[..], &asked, more, &["--out", &other]].concat();
        let wrong = ran(&reinforce, &wrong);
        assert!(!wrong.status.success() && text(&wrong).contains(expected), "{}", text(&wrong));
    }
}
