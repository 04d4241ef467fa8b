//! Evaluations compared as a user compares them: from their folders.

use super::{chain_problems, evaluating, example, ran, succeeded, text};

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
    assert!(said.contains("cooler: other than four: setup.sampling.temperature"), "{said}");
    assert!(said.contains("difficulty: 4 samples a problem of pool"), "{said}");
    let difference = said.lines().find(|line| line.starts_with("four - cooler ")).unwrap();
    assert!(difference.contains(" to ") && difference.ends_with(" x"), "{difference}");
    let figures: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(figures["problems"], 10);
    assert_eq!(figures["settings"]["cooler"]["setup"]["recipe"]["n"], 4);
    assert_eq!(figures["bins"].as_array().unwrap().len(), 5);
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
