//! Evaluations compared as a user compares them, from their folders; answers on the way, and those of searches that
//! are called off.

use std::path::Path;

use serde_json::json;
use tts_core::cost::ModelCost;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{BoxError, Generated, Generator, Request, Search, StepRule};
use tts_examples::comparing::{LargerOptions, Study};
use tts_examples::folders::Folders;
use tts_examples::pair;
use tts_search::evaluate::{Evaluation, Item};
use tts_search::{BestOfN, Recipe, SelfConsistency};

use super::{chain_problems, evaluating, example, place, ran, succeeded, text};

/// Accuracy against tokens within one run, of a search of steps; a run that is looked at again has the same bytes.
#[test]
fn answers_on_the_way_are_graded() {
    let Some(evaluate) = example("evaluate") else { return };
    let (_folder, path) = place();
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

/// A search of another project is run by its name, with its steps and sampling but for what options say.
#[test]
fn a_search_of_another_project_is_told_whole() {
    let (Some(solve), Some(evaluate)) = (example("solve"), example("evaluate")) else { return };
    let (_folder, path) = place();
    let (data, json) = (path("problems.jsonl"), path("filter.json"));
    chain_problems(&data, 2);
    let mut arguments = evaluating(&data, &json, &["--scorer", "rule"]);
    for argument in &mut arguments {
        if argument == "best-of-n" {
            "its-hub/particle-filter".clone_into(argument);
        }
    }
    let said = succeeded(&evaluate, &arguments);
    let brought = "preset    its-hub/particle-filter: the strategy below, and --max-steps 33 --temperature 0.8\n";
    assert!(said.contains(brought), "{said}");
    let figures: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let setup = &figures["setup"];
    assert_eq!(setup["recipe"]["strategy"], "particle-filter");
    assert_eq!(
        (&setup["rule"]["max_steps"], &setup["rule"]["max_tokens"]),
        (&33.into(), &200.into())
    );
    assert_eq!(setup["rule"]["delimiters"][0], "\n");
    assert!(setup.get("preset").is_none(), "{setup}");
    let asked = |strategy: &str| {
        let asked = [
            "--model",
            "embedded",
            "--max-tokens",
            "40",
            "--n",
            "2",
            "--strategy",
            strategy,
            "1+2=",
        ];
        ran(&solve, &asked)
    };
    let said = text(&asked("its-hub/self-consistency"));
    assert!(
        said.contains(
            "the strategy below, and nothing else\nstrategy  {\"strategy\":\"self-consistency\",\"n\":2"
        ),
        "{said}"
    );
    let refused = asked("its-hub/beam-search");
    let said = text(&refused);
    assert!(
        !refused.status.success() && said.contains("its-hub/beam-search: beam search: "),
        "{said}"
    );
}

/// Budgets in other words, and money: what is reckoned, stopped by, and compared.
#[test]
fn money_is_reckoned_and_bounded() {
    let (Some(evaluate), Some(compare)) = (example("evaluate"), example("compare")) else { return };
    let (folder, path) = place();
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
    let (folder, path) = place();
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
    refused(&[&four, "--larger", &pool], "--share");
    refused(&[&four, "--share", "1"], "--larger");
    refused(&[&four, "--larger", &pool, "--share", "1"], "--larger: pool has 4 lines a problem");
}

/// A world as a model of so many parameters.
struct Sized(ToyWorld, u64);

impl Generator for Sized {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        self.0.generate(batch)
    }

    fn cost(&self) -> ModelCost {
        ModelCost { parameters: self.1, ..ModelCost::default() }
    }
}

/// An evaluation of a model of so many parameters on twenty problems, by the vote of so many samples.
fn voted(
    place: &Path,
    name: &str,
    (error, parameters): (f64, u64),
    drawn: (usize, u64),
) -> Folders {
    let (world, (n, seed)) = (ToyWorld { error, ..ToyWorld::default() }, drawn);
    let vote = Recipe::SelfConsistency(SelfConsistency { n, ..SelfConsistency::default() });
    let search = Search::new(Sized(world, parameters)).rule(StepRule::lines()).seed(seed);
    let setup = json!({"recipe": vote, "seed": seed});
    kept(&place.join(name), world, search, &json!({"model": parameters, "setup": setup}))
}

/// The same by the best of these samples, where settings call the scorer so; no record says how large it is.
fn judged(
    place: &Path,
    name: &str,
    (error, parameters): (f64, u64),
    drawn: (usize, u64),
    scorer: &str,
) -> Folders {
    let (world, (n, seed)) = (ToyWorld { error, ..ToyWorld::default() }, drawn);
    let best = Recipe::BestOfN(BestOfN { n, ..BestOfN::default() });
    let search = Search::new(Sized(world, parameters)).scorer(Oracle::of(&world));
    let search = search.rule(StepRule::lines()).seed(seed);
    let setup = json!({"recipe": best, "scorer": scorer, "seed": seed});
    kept(&place.join(name), world, search, &json!({"model": parameters, "setup": setup}))
}

/// What a search of the recipe that its settings name leaves in a folder.
fn kept(
    folder: &Path,
    world: ToyWorld,
    search: Search<'_>,
    settings: &serde_json::Value,
) -> Folders {
    let item = |number| Item::new(world.prompt(number).question(), world.answer(number));
    let items: Vec<Item> = (0..20).map(item).collect();
    let recipe = Recipe::from_json(&settings["setup"]["recipe"].to_string()).unwrap();
    let kept = Evaluation::new(search, &items).keep(folder, settings).unwrap();
    kept.run(&recipe, |_| {}).unwrap();
    folder.to_str().unwrap().parse().unwrap()
}

fn beside(larger: &Folders, share: &[f64], parameters: &[f64]) -> LargerOptions {
    LargerOptions {
        larger: Some(larger.clone()),
        share: share.to_vec(),
        parameters: parameters.to_vec(),
    }
}

/// Beside a larger model of 15 times the parameters: where there is little inference, at 3 * 14 / 0.5 + 15 = 99 times the
/// tokens of its one answer, where there is more at 3 * 14 / 14 + 15 = 18 times.
#[test]
fn a_small_model_is_set_beside_a_larger_one() {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = ((0.3, 1_000_000), (0.1, 15_000_000));
    let of = |name: &str, model, drawn| voted(folder.path(), name, model, drawn);
    let arms = [of("one", small, (1, 0)), of("eight", small, (8, 0)), of("forty", small, (40, 0))];
    let (pool, answer) = (of("pool", small, (8, 5)), of("answer", large, (1, 3)));
    let study = Study::read(&arms, Some(&pool), &beside(&answer, &[0.5, 14.0], &[])).unwrap();
    let compared = study.compare(None).unwrap();
    let (json, html) = (folder.path().join("compared.json"), folder.path().join("compared.html"));
    study.write_json(&json, &compared).unwrap();
    study.write_page(&html, &compared).unwrap();
    let mut said = Vec::new();
    study.write_matched(&mut said).unwrap();
    let said = String::from_utf8(said).unwrap();
    for words in
        ["one answer of answer", "1.5e7 parameters beside 1e6, no verifier", "the easiest first"]
    {
        assert!(said.contains(words), "{said}");
    }
    let figures: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let (matched, all) = (&figures["matched"], figures["arms"].as_array().unwrap());
    assert_eq!((&matched["larger"], &matched["cost"]), (&json!("answer"), &json!("policy")));
    let tokens = |arm: usize| all[arm]["per_problem"]["generated_tokens"].as_f64().unwrap();
    let mean = |arm: usize| all[arm]["accuracy"]["mean"].as_f64().unwrap();
    let rows = matched["rows"].as_array().unwrap();
    // The three are one search, whose dearest is taken first and then one that costs less.
    assert_eq!((rows.len(), all.len()), (2, 4));
    for (row, (times, place, arm)) in rows.iter().zip([(99.0, 2, "forty"), (18.0, 1, "eight")]) {
        let number = |name: &str| row[name].as_f64().unwrap();
        assert_eq!((&row["small"], &row["at"]["arm"]), (&json!("one, eight, forty"), &json!(arm)));
        assert!((number("times") - times).abs() < 1e-9, "{row}");
        assert!((number("allowed") - times * tokens(3)).abs() < 1e-6, "{row}");
        assert!((row["at"]["taken"].as_f64().unwrap() - tokens(place)).abs() < 1e-9, "{row}");
        assert_eq!(row["at"]["dearest"], place == 2);
        let difference = row["at"]["paired"]["difference"].as_f64().unwrap();
        assert!((difference - mean(place) + mean(3)).abs() < 1e-9, "{row}");
        let bins = row["at"]["by_difficulty"].as_array().unwrap();
        assert_eq!(bins.len(), figures["bins"].as_array().unwrap().len());
    }
    assert!(
        std::fs::read_to_string(&html).unwrap().contains("At as many operations as one answer")
    );
    // What is said goes before records: with as many parameters one answer's tokens are all there are.
    let same = beside(&answer, &[1.0], &[7.0, 7.0]);
    let mut said = Vec::new();
    Study::read(&arms[1..], None, &same).unwrap().write_matched(&mut said).unwrap();
    let said = String::from_utf8(said).unwrap();
    let row = said.lines().find(|line| line.starts_with("eight, forty ")).unwrap();
    assert!(row.contains(" 1.0 ") && row.contains(" none "), "{row}");
    let silent = of("silent", (0.1, 0), (1, 3));
    let [one, eight, forty] = arms;
    for (arms, larger, expected) in [
        (vec![&one], beside(&silent, &[1.0], &[]), "--parameters: records of silent do not say"),
        (
            vec![&one],
            beside(&eight, &[1.0], &[]),
            "--larger: eight has 8 lines a problem, expected",
        ),
        (
            vec![&answer],
            beside(&one, &[1.0], &[]),
            "--larger: one has 1e6 parameters, and the model of answer has 1.5e7",
        ),
        (
            vec![&forty, &answer],
            beside(&silent, &[1.0], &[]),
            "--larger: forty and answer are of two models",
        ),
        (vec![&one], beside(&answer, &[0.0], &[]), "--share: 0, expected a number above 0"),
        (vec![&one], beside(&answer, &[1.0], &[3.0]), "--parameters: 1 of them, expected"),
    ] {
        let arms: Vec<Folders> = arms.into_iter().cloned().collect();
        let error = Study::read(&arms, None, &larger).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A verifier of which no record says how large it is stands beside both or neither, and searches by two of them are two.
#[test]
fn a_verifier_stands_beside_both_models_or_neither() {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = ((0.3, 1_000_000), (0.1, 15_000_000));
    let of =
        |name: &str, model, drawn, scorer: &str| judged(folder.path(), name, model, drawn, scorer);
    let (one, four) = (of("one", small, (1, 0), "prm:a"), of("four", small, (4, 0), "prm:a"));
    let other = of("other", small, (8, 0), "prm:http://127.0.0.1:8000");
    let answer = of("answer", large, (1, 3), "prm:c");
    let plain = voted(folder.path(), "plain", small, (4, 0));
    let ruled = of("ruled", small, (4, 0), "rule");
    let alone = voted(folder.path(), "alone", large, (1, 3));
    let read = |arms: &[&Folders], larger: &LargerOptions| {
        let arms: Vec<Folders> = arms.iter().copied().cloned().collect();
        Study::read(&arms, None, larger)
    };
    let said = |arms: &[&Folders], larger: &LargerOptions| {
        let (study, json) = (read(arms, larger).unwrap(), folder.path().join("compared.json"));
        study.write_json(&json, &study.compare(None).unwrap()).unwrap();
        let bytes = std::fs::read(&json).unwrap();
        let mut said = Vec::new();
        study.write_matched(&mut said).unwrap();
        let figures: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        (figures["matched"].clone(), String::from_utf8(said).unwrap())
    };
    let (matched, words) = said(&[&one, &four, &other], &beside(&answer, &[14.0], &[]));
    assert_eq!(matched["cost"], "with-verifier");
    assert!(words.contains("a verifier as large beside each"), "{words}");
    let rows = matched["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().filter_map(|row| row["small"].as_str()).collect();
    assert_eq!(names, ["one, four", "other"]);
    // 1.5 * 14 / 14 + 15.
    for row in rows {
        assert!((row["times"].as_f64().unwrap() - 16.5).abs() < 1e-9, "{row}");
    }
    // No model stands behind a rule.
    let (matched, _) = said(&[&plain, &ruled], &beside(&alone, &[14.0], &[]));
    assert_eq!(matched["cost"], "policy");
    let helped = {
        let world = ToyWorld { error: 0.3, ..ToyWorld::default() };
        let search = Search::new(Sized(world, 1_000_000)).role("judge", world);
        let search = search.scorer_named("meta", Oracle::of(&world)).rule(StepRule::lines());
        let recipe = Recipe::SelfConsistency(SelfConsistency { n: 2, ..Default::default() });
        let settings = json!({"model": 1_000_000, "setup": {"recipe": recipe}});
        kept(&folder.path().join("helped"), world, search, &settings)
    };
    for (arms, larger, expected) in [
        ([&one, &plain], &answer, "answer has a verifier and plain has none"),
        ([&plain, &four], &alone, "four has a verifier and alone has none"),
        ([&plain, &helped], &alone, "helped has engines by role or scorers by name (judge, meta)"),
    ] {
        let error = read(&arms, &beside(larger, &[1.0], &[])).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
