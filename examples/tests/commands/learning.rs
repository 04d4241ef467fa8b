//! The commands by which judges and scalar reward models learn, and what `finetune` reads.

use std::fmt::Write as _;
use std::path::Path;

use tts_examples::pair;
use tts_models::{Backend, EngineConfig, LanguageModel, open, open_adapted};

use crate::{example, place, ran, succeeded, text};

#[test]
fn a_judge_that_says_nothing_of_use_is_told_to_abstain() {
    let Some(judge) = example("judge") else { return };
    let (_folder, path) = place();
    let data = path("pairs.jsonl");
    let rows = (0..3).fold(String::new(), |mut rows, number| {
        writeln!(
            rows,
            "{{\"prompt\": \"{number}+2\", \"chosen\": \"={}\", \"rejected\": \"=9\"}}",
            number + 2
        )
        .unwrap();
        rows
    });
    std::fs::write(&data, rows).unwrap();
    // It knows digits, and is asked in digits; a verdict it has never seen.
    let template = path("own.jinja");
    let shown = "{% for response in responses %}{{ response.text }}\n{% endfor %}";
    std::fs::write(&template, format!("=== text\n{{{{ problem }}}}\n{shown}")).unwrap();
    let generator = pair::folder().join("generator");
    let json = path("judged.json");
    let asked = ["--model", generator.to_str().unwrap(), "--data", &data, "--judge", "pairwise"];
    let more = ["--template", &template, "--samples", "2", "--max-tokens", "20", "--json", &json];
    let output = ran(&judge, &[&asked[..], &more].concat());
    let said = text(&output);
    // Nothing was read, so there are no figures, in no file either.
    assert!(
        !output.status.success() && !said.contains('%') && !Path::new(&json).exists(),
        "{said}"
    );
    assert!(said.contains("0 judgements read, 6 refused; 3 items abstained"), "{said}");
    assert!(said.contains("judge: none of 6 judgements could be read: "), "{said}");
    // A family of judgements in place of a file, shown in digits, too.
    let digits = path("digits.jinja");
    let shown =
        "{% for response in responses %}{{ response.text | replace(\" \", \"\") }}\n{% endfor %}";
    std::fs::write(&digits, format!("=== text\n{shown}")).unwrap();
    let family = ["--model", asked[1], "--family", "panel", "--responses", "3", "--items", "4"];
    let more = ["--judge", "panel", "--template", &digits, "--max-tokens", "8"];
    let output = ran(&judge, &[&family[..], &more].concat());
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("0 judgements read, 4 refused; 4 items abstained"), "{said}");
    for (wrong, expected) in [
        (&["--judge", "panel"][..], "--data"),
        (&["--family", "panel", "--responses", "1"], "responses"),
        (&["--family", "chain"], "possible values: panel"),
        (&["--family", "panel", "--data", &data], "cannot be used with"),
    ] {
        let said = text(&ran(&judge, &[&["--model", "x"][..], wrong].concat()));
        assert!(said.contains(expected), "{said}");
    }
    // Nothing of it can be learnt, and no file says otherwise.
    let learnt = path("learnt.jsonl");
    let more = ["--template", &template, "--max-tokens", "20", "--learn", &learnt];
    let output = ran(&judge, &[&asked[..], &more].concat());
    let said = text(&output);
    assert!(!output.status.success() && said.contains("nothing is kept"), "{said}");
    assert!(
        said.contains("9 judgements of 3 items, 0 right, 9 refused; 0 items too easy"),
        "{said}"
    );
    assert!(said.contains("9 lines") && !std::path::Path::new(&learnt).exists(), "{said}");
    // A hint is in words that this model has no tokens for: its lines fail, and nothing else is lost.
    let said = text(&ran(&judge, &[&asked[..], &more, &["--hinted"]].concat()));
    assert!(said.contains("9 judgements of 3 items") && said.contains("12 lines"), "{said}");
    // What cannot be learnt is refused before a model is opened.
    let wrong =
        ran(&judge, &["--model", "x", "--data", &data, "--judge", "genrm", "--learn", &learnt]);
    assert!(text(&wrong).contains("decides by a probability"), "{}", text(&wrong));
    assert!(text(&wrong).contains("--graded --learn"), "{}", text(&wrong));
    if let Some(reinforce) = example("reinforce") {
        let out = path("reinforced");
        let more =
            ["--template", &template, "--held-out", "0", "--max-tokens", "20", "--out", &out];
        let sizes = ["--steps", "1", "--batch", "2", "--samples", "2", "--threads", "1"];
        let said = succeeded(&reinforce, &[&asked[..], &more, &sizes].concat());
        assert!(said.contains("problems  3, 0 held out"), "{said}");
        assert!(said.contains("nothing was learnt"), "{said}");
        let wrong = [&asked[..4], &["--judge", "genprm", "--out", &out]].concat();
        let wrong = ran(&reinforce, &wrong);
        assert!(text(&wrong).contains("a judge of steps"), "{}", text(&wrong));
    }
    let wrong = ran(&judge, &["--model", "x", "--data", &data, "--judge", "oracle"]);
    assert!(
        !wrong.status.success() && text(&wrong).contains("expected one of deepseek-grm"),
        "{}",
        text(&wrong)
    );
}

#[test]
fn texts_and_chats_are_fine_tuned_on_as_they_stand() {
    let Some(finetune) = example("finetune") else { return };
    let (_folder, path) = place();
    let generator = pair::folder().join("generator");
    let model =
        ["--model", generator.to_str().unwrap(), "--steps", "2", "--batch", "2", "--threads", "1"];
    let data = path("texts.jsonl");
    let line = |number: usize| {
        tts_examples::worked::line(
            &tts_core::Prompt::text(format!("{number}+2\n")),
            &format!("={}", number + 2),
        )
    };
    let lines: Vec<String> = (0..30).map(line).collect();
    std::fs::write(&data, lines.join("\n")).unwrap();
    let out = path("tuned");
    let asked = [&model[..], &["--data", &data, "--out", &out]].concat();
    let said = succeeded(&finetune, &asked);
    assert!(said.contains(" 0 too long") && said.contains("held-out loss"), "{said}");
    // The data say how they are asked.
    let wrong = ran(&finetune, &[&asked[..], &["--raw"]].concat());
    assert!(text(&wrong).contains("the data say what the model is given"), "{}", text(&wrong));
    // A chat, of a model without a template: turns with a blank line behind them.
    std::fs::write(&data, tts_examples::worked::line(&tts_core::Prompt::from("1+2"), "=3"))
        .unwrap();
    let chats = path("chats");
    let more = ["--data", &data, "--out", &chats, "--held-out", "0"];
    let said = succeeded(&finetune, &[&model[..], &more].concat());
    assert!(said.contains("1 examples, 0 held out, 0 too long"), "{said}");
}

#[test]
fn a_model_with_what_an_adapter_learnt_needs_the_adapter_no_more() {
    let (Some(finetune), Some(fuse)) = (example("finetune"), example("fuse")) else { return };
    let (_folder, path) = place();
    let generator = pair::folder().join("generator");
    let base = generator.to_str().unwrap();
    let (data, adapter, fused) = (path("texts.jsonl"), path("adapter"), path("fused"));
    let line = tts_examples::worked::line(&tts_core::Prompt::text("1+2\n"), "=3");
    std::fs::write(&data, [line.as_str(); 8].join("\n")).unwrap();
    let learn =
        ["--steps", "2", "--batch", "2", "--threads", "1", "--rank", "4", "--held-out", "0"];
    let asked = ["--model", base, "--data", &data, "--out", &adapter];
    succeeded(&finetune, &[&asked[..], &learn].concat());
    let asked = ["--model", base, "--adapter", &adapter, "--out", &fused];
    succeeded(&fuse, &[&asked[..], &["--dtype", "f32"]].concat());
    let logits = |model: Box<dyn LanguageModel>| -> Vec<u32> {
        let logits = model.next_logits(&[1, 2, 3]).unwrap();
        logits.iter().map(|logit| logit.to_bits()).collect()
    };
    let (config, backend) = (EngineConfig::default(), Backend::Native);
    let adapted = logits(open_adapted(&generator, Path::new(&adapter), backend, config).unwrap());
    assert_eq!(logits(open(Path::new(&fused), backend, config).unwrap()), adapted);
    assert_ne!(logits(open(&generator, backend, config).unwrap()), adapted);
    // Nothing is written over.
    let again = ran(&fuse, &asked);
    assert!(text(&again).contains("there is something in it already"), "{}", text(&again));
    // What cannot be put together leaves no folder behind.
    let other = path("other");
    let prm = pair::folder().join("prm");
    for (model, expected) in [
        ("nowhere.gguf", "nowhere.gguf: no folder with a tokenizer.json"),
        (prm.to_str().unwrap(), "a reward model"),
    ] {
        let said = text(&ran(&fuse, &["--model", model, "--adapter", &adapter, "--out", &other]));
        assert!(said.contains(expected) && !Path::new(&other).exists(), "{said}");
    }
}

/// A file of no known form is read by what is said of it, and ties of a known one are left out.
#[test]
fn preferences_of_any_form_are_read() {
    let Some(judge) = example("judge") else { return };
    let (_folder, path) = place();
    let (data, fields, template) = (path("votes.jsonl"), path("fields.json"), path("own.jinja"));
    let votes = [
        r#"{"ask": {"text": "1+2"}, "left": "=3", "right": "=9", "vote": "left"}"#,
        r#"{"ask": {"text": "2+2"}, "left": "=9", "right": "=4", "vote": "right"}"#,
        r#"{"ask": {"text": "3+2"}, "left": "=5", "right": "=5", "vote": "same"}"#,
    ];
    std::fs::write(&data, votes.join("\n")).unwrap();
    std::fs::write(
        &fields,
        r#"{"prompt": "/ask/text", "responses": ["left", "right"], "best": "vote",
            "verdicts": {"left": 0, "right": 1, "same": null}}"#,
    )
    .unwrap();
    let shown = "{% for response in responses %}{{ response.text }}\n{% endfor %}";
    std::fs::write(&template, format!("=== text\n{{{{ problem }}}}\n{shown}")).unwrap();
    let generator = pair::folder().join("generator").display().to_string();
    let asked = ["--model", &generator, "--data", &data, "--judge", "pairwise"];
    let more = ["--template", &template, "--max-tokens", "8"];
    let unknown = ran(&judge, &[&asked[..], &more].concat());
    assert!(text(&unknown).contains("fields are ask, left, right, vote"), "{}", text(&unknown));
    // Read they are; the generator of sums says nothing of them.
    let read = ran(&judge, &[&asked[..], &more, &["--preference-fields", &fields]].concat());
    let said = text(&read);
    assert!(said.contains("1 ties are left out") && !read.status.success(), "{said}");
    assert!(said.contains("none of 2 judgements could be read"), "{said}");
}

#[test]
fn preferences_become_a_scalar_reward_model() {
    let Some(train) = example("train_prm") else { return };
    let (_folder, path) = place();
    let generator = pair::folder().join("generator");
    let (data, out) = (path("pairs.jsonl"), path("orm"));
    let rows = (0..60).fold(String::new(), |mut rows, number| {
        let (right, wrong) = (number + 2, number + 3);
        writeln!(
            rows,
            "{{\"prompt\": \"{number}+2\", \"chosen\": \"={right}\", \"rejected\": \"={wrong}\"}}"
        )
        .unwrap();
        rows
    });
    std::fs::write(&data, rows).unwrap();
    let model = generator.to_str().unwrap();
    let asked = [
        "--model",
        model,
        "--preferences",
        &data,
        "--held-out",
        "4",
        "--steps",
        "3",
        "--out",
        &out,
    ];
    let sizes = ["--batch", "4", "--threads", "1"];
    let wrong = ran(&train, &[&asked[..], &["--calibrate"]].concat());
    assert!(!wrong.status.success() && text(&wrong).contains("--calibrate"), "{}", text(&wrong));
    let said = succeeded(&train, &[&asked[..], &sizes].concat());
    assert!(said.contains(" preferences, ") && said.contains(" 0 too long"), "{said}");
    assert!(said.contains("the best has the highest score, a tie is a draw"), "{said}");
    // It opens as a reward model of solutions.
    let judge = tts_prm::RewardModel::outcome(
        &out,
        tts_models::Backend::default(),
        tts_models::EngineConfig::default(),
    );
    assert!(judge.is_ok());
}
