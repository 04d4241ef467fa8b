//! Evaluations compared as a user compares them, from their folders; answers on the way, and those of searches that
//! are called off.

use tts_examples::pair;

use super::{chain_problems, evaluating, example, ran, succeeded, text};

/// Accuracy against tokens within one run, of a search of steps; a run that is looked at again has the same bytes.
#[test]
fn answers_on_the_way_are_graded() {
    let Some(evaluate) = example("evaluate") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, json, html) = (path("problems.jsonl"), path("beam.json"), path("beam.html"));
    chain_problems(&data, 5);
    let more = ["--strategy", "beam-search", "--anytime", "2000,20,200", "--html", &html];
    let mut arguments = evaluating(&data, &json, &more);
    // The last of an option that is given twice would be refused.
    let at = arguments.iter().position(|argument| argument == "--strategy").unwrap();
    arguments.drain(at..at + 2);
    let said = succeeded(&evaluate, &arguments);
    assert!(said.contains("accuracy of the answer by then"), "{said}");
    let bytes = std::fs::read(&json).unwrap();
    let figures: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let points = figures["anytime"].as_array().unwrap();
    let tokens: Vec<u64> = points.iter().map(|point| point["tokens"].as_u64().unwrap()).collect();
    assert_eq!(tokens, [20, 200, 2000]);
    assert_eq!(points[2]["accuracy"], figures["accuracy"]);
    assert_eq!(points[2]["over"], 5);
    assert!(std::fs::read_to_string(&html).unwrap().contains("had it been stopped"));
    succeeded(&evaluate, &arguments);
    assert_eq!(std::fs::read(&json).unwrap(), bytes);
    let refused = ran(&evaluate, &["--model", "x", "--data", &data, "--anytime", "0"]);
    assert!(!refused.status.success() && text(&refused).contains("--anytime"));
}

/// Budgets in other words, and money: what is reckoned, stopped by, and compared.
#[test]
fn money_is_reckoned_and_bounded() {
    let (Some(evaluate), Some(compare)) = (example("evaluate"), example("compare")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let data = path("problems.jsonl");
    chain_problems(&data, 4);
    let prices = ["--price", "read=1,generated=4", "--price", "scorer:scored=2"];
    let whole = path("whole.json");
    let said = succeeded(&evaluate, &evaluating(&data, &whole, &prices));
    assert!(said.contains("\nmoney     0.0"), "{said}");
    let figures = |json: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
    };
    let all = figures(&whole);
    let cost = |name: &str| all["total"][name].as_f64().unwrap();
    assert!(cost("read_tokens") > 0.0);
    let (generated, scored) = (cost("generated_tokens"), cost("scored_tokens"));
    let least = (4.0 * generated + 2.0 * scored) / 1e6;
    assert!(cost("money") > least && cost("money") <= least + cost("read_tokens") / 1e6 + 1e-12);
    // A beam, step by step, with half of that for each problem.
    let limit = format!("{}", cost("money") / 8.0);
    let more = ["--budget", &format!("rounds=50,money={limit},hard,reserve=0")];
    let mut arguments = evaluating(&data, &path("less.json"), &[&prices[..], &more].concat());
    let at = arguments.iter().position(|argument| argument == "best-of-n").unwrap();
    arguments[at] = "beam-search".to_owned();
    succeeded(&evaluate, &arguments);
    let less = figures(&path("less.json"));
    assert!(less["total"]["money"].as_f64().unwrap() < cost("money"));
    let rows = less["rows"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["stop"]["budget"] == "money"), "{less}");
    let svg = path("charts");
    let said = succeeded(&compare, &[&path("whole.records"), &path("less.records"), "--svg", &svg]);
    assert!(said.contains("money") && said.contains("setup.budget.money"), "{said}");
    assert!(folder.path().join("charts/money.svg").is_file());
    let refused = ran(
        &evaluate,
        &evaluating(&data, &path("x.json"), &["--budget", "money=1"])
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let said = text(&refused);
    assert!(!refused.status.success() && said.contains("no price is known"), "{said}");
}

/// The first Ctrl-C ends a search with its answer as of now; its record is gone on with.
#[cfg(unix)]
#[test]
fn a_search_that_is_called_off_has_an_answer() {
    let Some(solve) = example("solve") else { return };
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.jsonl");
    let generator = pair::folder().join("generator");
    let asked = ["--strategy", "beam-search", "--n", "1024", "--scorer", "rule", "--raw"];
    let own = ["--model", generator.to_str().unwrap(), "--step", "\\n", "--max-tokens", "200"];
    let kept = ["--record", record.to_str().unwrap(), "31*4-75+12*5\n"];
    let arguments = [&asked[..], &own, &kept].concat();
    let mut child = std::process::Command::new(&solve)
        .args(&arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Called off once the first round is judged: header, lines, scores.
    let rounds = || std::fs::read_to_string(&record).is_ok_and(|text| text.lines().count() >= 3);
    while !rounds() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let said = text(&output);
    assert!(output.status.success() && said.contains("its answer as of now follows"), "{said}");
    assert!(said.contains("stopped   it was called off"), "{said}");
    assert!(said.contains("\nanswer    ") && !said.contains("(nothing was written)"), "{said}");
    let said = succeeded(&solve, &arguments);
    assert!(said.contains("stopped   the strategy was done"), "{said}");
}

#[test]
fn evaluations_are_compared_from_their_folders() {
    let (Some(evaluate), Some(compare)) = (example("evaluate"), example("compare")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, fewer) = (path("problems.jsonl"), path("fewer.jsonl"));
    chain_problems(&data, 10);
    chain_problems(&fewer, 9);
    let of = |data: &str, name: &str, more: &[&str]| {
        succeeded(&evaluate, &evaluating(data, &path(&format!("{name}.json")), more));
        path(&format!("{name}.records"))
    };
    let four = of(&data, "four", &[]);
    let pool = of(&data, "pool", &["--seed", "5"]);
    let other = of(&fewer, "other", &[]);
    // One sample, in two shards.
    let one = ["1/2", "2/2"].map(|shard| {
        let name = format!("one{}", &shard[..1]);
        let more = ["--shard", shard, "--temperature", "0.7"];
        succeeded(&evaluate, &evaluating(&data, &path(&format!("{name}.json")), &more));
        path(&format!("{name}.shard-{}-of-2.records", &shard[..1]))
    });
    let one = format!("cooler={}", one.join(","));
    let (json, html, svg) = (path("compared.json"), path("compared.html"), path("charts"));
    let files = ["--json", &json, "--html", &html, "--svg", &svg];
    let asked = [&[four.as_str(), &one, "--against", "cooler", "--difficulty", &pool], &files[..]];
    let said = succeeded(&compare, &asked.concat());
    assert!(said.contains("    other than four: setup.sampling.temperature"), "{said}");
    assert!(said.contains("difficulty: 4 samples a problem of pool"), "{said}");
    let difference = said.lines().find(|line| line.starts_with("four - cooler ")).unwrap();
    assert!(difference.contains(" to ") && difference.ends_with(" x"), "{difference}");
    let figures: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(figures["problems"], 10);
    assert_eq!(figures["settings"]["cooler"]["setup"]["recipe"]["n"], 4);
    // Problems that as many samples solve stay together.
    let bins = figures["bins"].as_array().unwrap();
    assert!((2..5).contains(&bins.len()), "{}", figures["bins"]);
    let counted: f64 = bins.iter().map(|bin| bin["share"].as_f64().unwrap()).sum();
    assert!((counted - 1.0).abs() < 1e-9, "{}", figures["bins"]);
    // One difference stands as it is.
    let difference = &figures["differences"][0];
    assert_eq!(difference["adjusted"], difference["paired"]["p_value"]);
    assert!(figures["arms"][0]["seconds"].as_f64().unwrap() > 0.0);
    // The figures are those of the reports.
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path("four.json")).unwrap()).unwrap();
    assert_eq!(figures["arms"][0]["accuracy"], report["accuracy"]);
    assert!(std::fs::read_to_string(&html).unwrap().contains("four - cooler"));
    for chart in ["generated", "operations", "seconds"] {
        let drawn = std::fs::read_to_string(folder.path().join(format!("charts/{chart}.svg")));
        assert!(drawn.unwrap().contains("cooler"), "{chart}");
    }
    let refused = |arguments: &[&str], expected: &str| {
        let output = ran(&compare, arguments);
        let said = text(&output);
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    };
    refused(&[&four], "expected two or more to compare");
    refused(&[&four, &other], "reports of 10 and 9 problems");
    refused(&[&four, &pool, "--against", "best"], "no arm \"best\"");
    refused(&[&four, &one, "--difficulty", &four], "draw the pool with another --seed");
    refused(&[&four, &path("nowhere")], "nowhere");
    refused(&[&four, "a="], "expected FOLDER");
}
