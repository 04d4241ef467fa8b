//! The kept reward models on steps that are known to be right or wrong.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::sync::Arc;

use clap::Parser;
use tts_core::family::{Family, Split, first_error, problems};
use tts_core::metrics::auc;
use tts_core::{
    Aggregate, NodeId, Outcome, Prompt, Search, SearchError, Step, StepScorer, Trajectory, seed,
};
use tts_examples::options::{ModelOptions, SearchOptions};
use tts_examples::remembering::StoreOptions;
use tts_examples::{pair, setting};
use tts_models::{Backend, EngineConfig};
use tts_prm::RewardModel;
use tts_search::evaluate::Item;
use tts_search::evaluate::attempts::{Attempts, sample};

fn prm() -> RewardModel {
    let folder = pair::folder().join("prm");
    RewardModel::process(folder, Backend::Native, EngineConfig::default()).unwrap()
}

fn path(question: &str, steps: &[String], fresh: usize) -> Trajectory {
    let prompt = Arc::new(setting::family().prompt(question));
    let step = |text: &String| Arc::new(Step { text: text.clone(), ..Step::default() });
    Trajectory::new(prompt, steps.iter().map(step).collect(), fresh, false)
}

/// The step with one digit replaced by another one, but no zero in front.
fn corrupted(step: &str, random: u64) -> String {
    let digits: Vec<usize> =
        step.match_indices(|c: char| c.is_ascii_digit()).map(|m| m.0).collect();
    let place = digits[usize::try_from(random % digits.len() as u64).unwrap()];
    let old = step.as_bytes()[place] - b'0';
    let new = 1 + (old + u8::try_from(random / 64 % 8).unwrap()) % 9;
    let new = if new == old { 1 + new % 9 } else { new };
    format!("{}{new}{}", &step[..place], &step[place + 1..])
}

/// 300 written solutions of held-out problems, in each of which a digit of one step is replaced.
///
/// A judge that knows nothing scores the wrong step lower half the time: it would do so in 270 of
/// 300 pairs with a probability below 1e-40. One that does so in 95 % of all pairs passes with a
/// probability above 99.9 %.
#[test]
fn steps_that_were_made_wrong_score_lower() {
    let family = setting::family();
    let mut paths = Vec::new();
    for (index, problem) in problems(&family, Split::Test, 77).take(300).enumerate() {
        let random = seed::mix(9, index as u64);
        let mut steps = family.solve(&problem.question).unwrap();
        let place = usize::try_from(random % steps.len() as u64).unwrap();
        steps.truncate(place + 1);
        paths.push(path(&problem.question, &steps, 1));
        steps[place] = corrupted(&steps[place], seed::mix(random, 1));
        let texts: Vec<&str> = steps.iter().map(String::as_str).collect();
        assert_eq!(first_error(&family.check(&problem.question, &texts)), Some(place), "{steps:?}");
        paths.push(path(&problem.question, &steps, 1));
    }
    let scores = prm().score(&paths).unwrap();
    let lower = scores.chunks(2).filter(|pair| pair[1].scores[0] < pair[0].scores[0]).count();
    assert!(lower >= 270, "{lower} of 300");
}

/// The generator's own errors are harder than random digits, and what searches meet. The card's
/// area under the curve is measured on 500 problems; here on 100 others, whose own standard error
/// is about 0.01.
#[test]
fn the_card_says_what_is_measured() {
    let report = std::fs::read(pair::folder().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let card = report["prm"]["auc"]["area"].as_f64().unwrap();
    let family = setting::family();
    let generator = pair::folder().join("generator");
    let generator = tts_models::open(generator, Backend::Native, EngineConfig::default()).unwrap();
    let held_out: Vec<_> = problems(&family, Split::Test, 78).take(100).collect();
    let search = Search::new(&generator)
        .rule(setting::short_rule())
        .sampling(setting::sampling())
        .seed(5)
        .concurrency(setting::CONCURRENCY);
    let all = sample(&search, &family, &held_out, 4, || ()).unwrap();
    let scorer = prm();
    let (mut scores, mut right) = (Vec::new(), Vec::new());
    for Attempts { question, attempts } in &all {
        for attempt in attempts.iter().filter(|attempt| !attempt.steps.is_empty()) {
            let error = first_error(&attempt.right);
            let judged = error.map_or(attempt.steps.len(), |error| error + 1);
            let steps = &attempt.steps[..judged];
            scores.extend(scorer.score(&[path(question, steps, judged)]).unwrap().remove(0).scores);
            right.extend((0..judged).map(|place| Some(place) != error));
        }
    }
    let found = auc(&scores, &right).unwrap();
    assert!((found - card).abs() < 0.04, "{found}, the card says {card}");
}

/// The options that searches of commands have.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    search: SearchOptions,
    #[command(flatten)]
    store: StoreOptions,
}

/// The searches of these problems that options say, and what was in the store.
fn searched(
    items: &[Item],
    options: &[&str],
) -> (Vec<Result<Outcome, SearchError>>, Option<String>) {
    let prm = format!("prm:{}", pair::folder().join("prm").display());
    let common = ["test", "--n", "4", "--step", "\\n", "--max-tokens", "200"];
    let judged = ["--scorer", &prm];
    let judged = if options.contains(&"--scorer") { &[] } else { &judged[..] };
    let options = Options::try_parse_from(common.iter().chain(judged).chain(options)).unwrap();
    let asked: Vec<(&Item, Prompt)> =
        items.iter().map(|item| (item, setting::family().prompt(&item.question))).collect();
    let mut setup = options.search.setup().unwrap();
    let engines = options.model.open_for(setup.seed, &asked).unwrap();
    let engines = options.store.over(engines).unwrap();
    setup.make_room(&engines, &options.search.writing).unwrap();
    let scorers = options.model.judge(&options.search, &engines, &mut setup).unwrap();
    setup.check(&engines, &scorers).unwrap();
    let search = setup.search(&engines, &scorers, options.search.task().unwrap());
    let prompts = asked.into_iter().map(|(_, prompt)| prompt);
    let outcomes = search.run_many(&setup.recipe, prompts).into_iter().collect();
    drop(search);
    (outcomes, engines.found())
}

/// The texts of all samples, as a pool has them.
fn texts(outcome: &Outcome) -> Vec<serde_json::Value> {
    let tree = &outcome.tree;
    let text = |&first: &NodeId| {
        let next = |&id: &NodeId| tree[id].children.first().copied();
        let end = std::iter::successors(Some(first), next).last().unwrap();
        let finish = if tree[end].is_finished() { "stop" } else { "length" };
        serde_json::json!({ "text": tree.text(end), "finish": finish })
    };
    tree[NodeId::ROOT].children.iter().map(text).collect()
}

/// Answers and scores of the candidates.
fn judged(outcome: &Outcome) -> Vec<(Option<String>, f64)> {
    let all = outcome.candidates(Aggregate::ByScale).into_iter();
    all.map(|one| (one.answer, one.score)).collect()
}

/// Texts that a model wrote, given with its tokenizer from another place, have the scores that its own tokens had; and what
/// a store has is neither written nor judged again.
#[test]
fn given_texts_are_judged_as_what_was_sampled() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let family = setting::family();
    let drawn = problems(&family, Split::Test, 79).take(3);
    let items: Vec<Item> = drawn.map(|problem| Item::from(&problem)).collect();
    let (generator, store) = (pair::folder().join("generator"), path("store.jsonl"));
    let generator = generator.to_str().unwrap();
    let by_model = ["--model", generator, "--seed", "3", "--store", &store];
    let (sampled, found) = searched(&items, &by_model);
    let sampled: Vec<Outcome> = sampled.into_iter().map(Result::unwrap).collect();
    assert_eq!(found.as_deref(), Some("0 lines and 0 judgements were there"));
    let (again, found) = searched(&items, &by_model);
    assert_eq!(found.as_deref(), Some("12 lines and 12 judgements were there"));
    for (again, sampled) in again.into_iter().map(Result::unwrap).zip(&sampled) {
        assert_eq!(
            (again.tree, again.usage.logical),
            (sampled.tree.clone(), sampled.usage.logical)
        );
    }
    let mut pool = String::new();
    for (item, outcome) in items.iter().zip(&sampled) {
        let row = serde_json::json!({ "problem": item.question, "completions": texts(outcome) });
        writeln!(pool, "{row}").unwrap();
    }
    std::fs::write(path("pool.jsonl"), pool).unwrap();
    let pool = format!("given:{}", path("pool.jsonl"));
    let over = ["--model", &pool, "--seed", "5"];
    let (given, found) = searched(&items, &[&over[..], &["--tokenizer", generator]].concat());
    assert_eq!(found, None);
    for (given, sampled) in given.into_iter().map(Result::unwrap).zip(&sampled) {
        assert_eq!(judged(&given), judged(sampled));
        assert_eq!(given.usage.logical.read_tokens, sampled.usage.logical.read_tokens);
        assert_eq!((given.answer(), given.text()), (sampled.answer(), sampled.text()));
    }
    // A reward model with a model of its own reads text, whatever its tokens are.
    let (bytes, _) = searched(&items, &over);
    for (given, sampled) in bytes.into_iter().map(Result::unwrap).zip(&sampled) {
        assert_eq!(judged(&given), judged(sampled));
    }
}

/// One folder read as a process and as an outcome reward model is two scorers to a store, and so is a head on two policies.
#[test]
fn a_store_tells_scorers_of_the_same_files_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let family = setting::family();
    let drawn = problems(&family, Split::Test, 79).take(1);
    let items: Vec<Item> = drawn.map(|problem| Item::from(&problem)).collect();
    let (pair, store) = (pair::folder(), path("store.jsonl"));
    let generator = pair.join("generator").to_str().unwrap().to_owned();
    let files = pair.join("prm").display().to_string();
    let (prm, orm) = (format!("prm:{files}"), format!("orm:{files}"));
    let over = |scorer: &str, kept: &[&str]| {
        let asked = ["--model", &generator, "--scorer", scorer];
        let (outcomes, found) = searched(&items, &[&asked[..], kept].concat());
        (judged(outcomes[0].as_ref().unwrap()), found)
    };
    let kept = ["--store", &*store];
    let (process, _) = over(&prm, &kept);
    let (outcome, found) = over(&orm, &kept);
    assert_eq!(found.as_deref(), Some("4 lines and 0 judgements were there"));
    assert_eq!(outcome, over(&orm, &[]).0);
    assert_ne!(outcome, process);
    assert_eq!(over(&prm, &kept), (process, Some("4 lines and 4 judgements were there".into())));
    // A head without a model judges by the policy, whose weights are held in one way or another.
    let head = folder.path().join("head");
    std::fs::create_dir(&head).unwrap();
    std::fs::copy(pair.join("prm/model.safetensors"), head.join("head.safetensors")).unwrap();
    let settings = std::fs::read_to_string(pair.join("prm/head.json")).unwrap();
    let mut settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
    settings["trim_steps"] = false.into();
    std::fs::write(head.join("head.json"), settings.to_string()).unwrap();
    let head = format!("prm:{}", head.display());
    let (by_policy, found) = over(&head, &kept);
    assert_eq!(found.as_deref(), Some("4 lines and 0 judgements were there"));
    let other = ["--weights", "int8", "--store", &*store];
    let (_, found) = over(&head, &other);
    assert!(found.unwrap().ends_with(" and 0 judgements were there"));
    assert_eq!(by_policy, over(&head, &[]).0);
}
