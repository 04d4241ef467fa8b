//! The kept reward models on steps that are known to be right or wrong.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use tts_core::family::{Family, Split, first_error, problems};
use tts_core::metrics::auc;
use tts_core::{Search, Step, StepScorer, Trajectory, seed};
use tts_examples::{pair, setting};
use tts_models::{Backend, EngineConfig};
use tts_prm::RewardModel;
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
