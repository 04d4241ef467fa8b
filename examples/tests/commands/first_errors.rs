//! Judges and scorers of steps, measured by the command on solutions whose first wrong step is known.

use tts_core::family::{Chain, Family, Split, problems};
use tts_examples::pair;
use tts_prm::label::{exact, write_labels};

use crate::{example, ran, succeeded, text};

#[test]
fn a_reward_model_of_steps_needs_no_other_model() {
    let Some(judge) = example("judge") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
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
    let said = succeeded(&judge, &[&asked[..3], &more[..], &["--items", "4"]].concat());
    assert!(
        said.contains("4 of 4 abstained") && said.contains("0 judgements read, 4 refused"),
        "{said}"
    );
}
