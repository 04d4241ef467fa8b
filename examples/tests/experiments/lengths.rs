//! How long solutions are: arms that cut them, make them go on, or draw them again.

use serde_json::{Value, json};
use tts_examples::experiment::{Recipe, Report, recompute};

use crate::{ran, small};

/// Thinking is cut, made to go on, or drawn again, and costs what it is long.
#[test]
fn thinking_has_the_length_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut recipe = small();
    recipe["models"] = json!({ "player": { "embedded": "generator" } });
    // The embedded generator knows no word for the end of thinking: where its second line begins is one to it.
    let forced = |most: Value, waits: Value| {
        let word = "\n=";
        json!({ "strategy": "budget-forcing", "ends": [word], "most": most, "waits": waits, "wait": word, "force": word })
    };
    let arm = |name: &str, strategy: Value, n: &[usize]| json!({ "name": name, "policy": "player", "strategy": strategy, "n": n });
    recipe["arms"] = json!([
        arm("drawn again", json!({ "reject": "longer" }), &[1, 12, 500]),
        arm("vote", json!("majority"), &[1, 2]),
        arm("cut", forced(json!("N"), json!(0)), &[1, 40]),
        arm("waits", forced(json!(60), json!("N")), &[1, 3]),
    ]);
    // Thinking is bounded by 60 tokens, and answers are short.
    recipe["arms"][3]["asked"] = json!({ "most": 200 });
    recipe["arms"][2]["asked"] = json!({ "most": 2, "per_n": 1 });
    recipe["compare"] = json!([{ "first": "drawn again", "second": "vote", "at": "one" }]);
    recipe["along"] = json!("tokens");
    for part in ["judged", "difficulty", "choice"] {
        recipe[part] = Value::Null;
    }
    let report = ran(folder.path(), &recipe);
    let [none, some, all, one, two, short, long, wait, waits] = &report.points[..] else {
        panic!("{:?}", report.points)
    };
    // Where everything fits it is one sample, and where nothing does the whole pool was for nothing.
    assert_eq!(all.values, one.values);
    assert!((all.generated_tokens - one.generated_tokens).abs() < 1e-9);
    assert!((none.generated_tokens - 8.0 * one.generated_tokens).abs() < 1e-9);
    assert_eq!(none.values, vec![0.0; none.values.len()]);
    assert!(some.generated_tokens > all.generated_tokens);
    assert!((two.generated_tokens - 2.0 * one.generated_tokens).abs() < 1e-9);
    assert!((long.generated_tokens - short.generated_tokens).abs() > 0.1);
    assert!(waits.generated_tokens > wait.generated_tokens);
    assert_eq!(report.differences.len(), 3);
    // Of s1: runs as long as was asked for, and the slope between the two budgets.
    let told = |name: &str| report.thinking.iter().find(|own| own.arm == name).unwrap();
    assert_eq!(report.thinking.len(), 4);
    assert_eq!((told("waits").control, told("vote").control), (Some(1.0), None));
    let slope = (waits.accuracy.mean - wait.accuracy.mean)
        / (waits.generated_tokens - wait.generated_tokens);
    assert!((told("waits").scaling.unwrap() - slope).abs() < 1e-12);
    let best = long.accuracy.mean.max(short.accuracy.mean);
    assert!((told("cut").performance.unwrap() - best).abs() < 1e-12);
    // Three tokens are too few for some runs, of which forty-two hold more.
    assert!(short.control.unwrap() < 1.0 && long.control > short.control);
    let mean = f64::midpoint(short.control.unwrap(), long.control.unwrap());
    assert!((told("cut").control.unwrap() - mean).abs() < 1e-12);
    report.write("lengths", folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join("lengths.md")).unwrap();
    assert!(text.contains("| waits | 100.0 % | ") && text.contains("| vote | - | "), "{text}");
    let read = Report::read("lengths", folder.path()).unwrap();
    assert_eq!(read, report);
    assert_eq!(recompute(&read).unwrap().differ, Vec::<String>::new());
    let mut wrong = recipe.clone();
    for (arm, asked, problem) in [
        (1, json!({ "most": 9 }), "arm \"vote\": asked is for the runs of a search"),
        (3, json!({ "least": 9, "most": 8 }), "asked: the least is above the most at N = 1"),
    ] {
        wrong["arms"][arm]["asked"] = asked;
        let error = Recipe::parse(&wrong.to_string()).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
        wrong.clone_from(&recipe);
    }

    // A bound of the recipe holds for every sample.
    recipe["longest"] = json!(5);
    let bounded = ran(folder.path(), &recipe);
    assert!(bounded.points[3].generated_tokens <= 5.0 && one.generated_tokens > 5.0);
}
