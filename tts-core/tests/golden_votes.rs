//! Selectors and pass@k against recorded pools and the expected values of other libraries.
//!
//! The files stand beside the workspace, in `shared/data`; without them each test says so and
//! passes. Grouping is by exact string, as in the recordings, and every row must match.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests")]

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tts_core::metrics::{Metric, Pool, curve, pass_at_k};
use tts_core::select::{Vote, Weight, best, hierarchical_majority, majority, tally, top, weighted};

const VOTES: &str = "votes/golden_qwen25math_votes.jsonl";

/// The lines of a file of the data folder, or `None` (with the reason printed) where it is absent.
fn lines(name: &str) -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()),
        Err(error) => {
            println!("skipped: {}: {error}", path.display());
            None
        }
    }
}

/// The rows of a file and the values over all of them, which stand in a line of their own.
fn rows_and_summary(lines: Vec<Value>) -> (Vec<Value>, Value) {
    let (mut summaries, rows): (Vec<Value>, Vec<Value>) =
        lines.into_iter().partition(|line| line.get("meta").is_some());
    (rows, summaries.remove(0)["metrics"].take())
}

fn read<T: for<'de> Deserialize<'de>>(value: &Value) -> T {
    T::deserialize(value).unwrap()
}

fn exact(a: &str, b: &str) -> bool {
    a == b
}

fn close(found: f64, expected: &Value, what: &str) {
    let expected: f64 = read(expected);
    assert!((found - expected).abs() < 1e-12, "{what}: {found}, expected {expected}");
}

fn check_pass_at_k(row: &Value, n: usize, c: usize) {
    for (k, expected) in row["pass_at_k"].as_object().unwrap() {
        let found = pass_at_k(n, c, k.parse().unwrap()).unwrap();
        close(found, expected, &format!("pass@{k} of {}", row["idx"]));
    }
}

struct Recorded {
    votes: Vec<Vote>,
    correct: Vec<bool>,
}

fn recorded(answers: &Value, scores: &[f64], correct: &Value) -> Recorded {
    let answers: Vec<Option<String>> = read(answers);
    assert_eq!(answers.len(), scores.len());
    let votes =
        answers.into_iter().zip(scores).map(|(answer, &score)| Vote { answer, score }).collect();
    Recorded { votes, correct: read(correct) }
}

fn golden(row: &Value) -> Recorded {
    recorded(&row["preds"], &read::<Vec<f64>>(&row["rm_scores"]), &row["correct"])
}

#[test]
fn recorded_votes() {
    let Some(lines) = lines(VOTES) else { return };
    let (rows, summary) = rows_and_summary(lines);
    assert_eq!(rows.len(), 100);
    let mut right = [0_u32; 4];
    for row in &rows {
        let Recorded { votes, correct } = golden(row);
        let chosen = [
            (majority(&votes, exact), "maj_index"),
            (best(&votes), "bon_index"),
            (weighted(&votes, exact, Weight::Raw), "weighted_raw_index"),
            (weighted(&votes, exact, Weight::Sigmoid), "weighted_sigmoid_index"),
        ];
        for ((index, field), right) in chosen.into_iter().zip(&mut right) {
            assert_eq!(index, read(&row[field]), "{field} of {}", row["idx"]);
            *right += u32::from(correct[index.unwrap()]);
        }
        let classes = tally(&votes, exact, Weight::Count);
        let largest = classes.iter().map(|class| class.members.len()).max().unwrap();
        let tied = classes.iter().filter(|class| class.members.len() == largest).count() > 1;
        assert_eq!(tied, read::<bool>(&row["maj_tie"]), "maj_tie of {}", row["idx"]);
        check_pass_at_k(row, votes.len(), correct.iter().filter(|&&c| c).count());
    }
    let fields = ["maj@8", "rm@8", "weighted_sum_raw@8", "weighted_sum_sigmoid@8"];
    for (right, field) in right.into_iter().zip(fields) {
        close(f64::from(right) / 100.0, &summary[field], field);
    }
}

#[test]
fn recorded_curve() {
    let Some(lines) = lines(VOTES) else { return };
    let (rows, summary) = rows_and_summary(lines);
    let pools: Vec<Pool> = rows
        .iter()
        .map(|row| {
            let Recorded { votes, correct } = golden(row);
            Pool::new(&votes, &correct, exact).unwrap()
        })
        .collect();
    for point in curve(&pools, Metric::Pass, &[1, 2, 4, 8], 100, 0).unwrap() {
        close(point.accuracy.mean, &summary[format!("pass@{}", point.k)], "pass@k");
        let [low, high] = point.accuracy.interval;
        assert!(low <= point.accuracy.mean && point.accuracy.mean <= high);
    }
    for (metric, field) in [
        (Metric::Best, "rm@8"),
        (Metric::Vote(Weight::Count), "maj@8"),
        (Metric::Vote(Weight::Raw), "weighted_sum_raw@8"),
        (Metric::Vote(Weight::Sigmoid), "weighted_sum_sigmoid@8"),
    ] {
        let points = curve(&pools, metric, &[1, 8], 100, 0).unwrap();
        close(points[0].accuracy.mean, &summary["pass@1"], "one candidate leaves no choice");
        close(points[1].accuracy.mean, &summary[field], field);
    }
}

/// The recording the expected votes were computed from says the same of answers and scores.
#[test]
fn recorded_votes_match_their_source() {
    let Some(expected) = lines(VOTES) else { return };
    let Some(source) = lines("votes/qwen25math_rm_maj_math_cot_100.jsonl") else { return };
    let (expected, _) = rows_and_summary(expected);
    assert_eq!(expected.len(), source.len());
    for (expected, source) in expected.iter().zip(&source) {
        let scores: Vec<[f64; 1]> = read(&source["pred_score"]);
        let found = recorded(&source["pred"], &scores.concat(), &source["score"]);
        assert_eq!(expected["idx"], source["idx"]);
        assert_eq!(found.correct, golden(expected).correct, "{}", source["idx"]);
        assert_eq!(found.votes, golden(expected).votes, "{}", source["idx"]);
        assert_eq!(best(&found.votes), read(&expected["bon_index"]), "{}", source["idx"]);
        assert_eq!(majority(&found.votes, exact), read(&expected["maj_index"]));
    }
}

#[test]
fn game_of_24_pass_at_k() {
    let Some(lines) = lines("votes/golden_game24_pass_at_k.jsonl") else { return };
    let (rows, summary) = rows_and_summary(lines);
    assert_eq!(rows.len(), 100);
    let counts: Vec<(usize, usize)> =
        rows.iter().map(|row| (read(&row["n"]), read(&row["c"]))).collect();
    for (row, &(n, c)) in rows.iter().zip(&counts) {
        check_pass_at_k(row, n, c);
    }
    for k in [1, 2, 5, 10, 50, 100] {
        let sum: f64 = counts.iter().map(|&(n, c)| pass_at_k(n, c, k).unwrap()).sum();
        close(sum / 100.0, &summary[format!("pass@{k}")], "mean pass@k");
    }
}

#[test]
fn tree_of_thoughts_beams() {
    let Some(rows) = lines("votes/golden_tot_beam_steps.jsonl") else { return };
    assert_eq!(rows.len(), 400);
    for row in &rows {
        let values: Vec<f64> = read(&row["values"]);
        let selected: Vec<usize> = read(&row["selected"]);
        // A row may be marked as one that a stable descending sort does not reproduce.
        let same = top(&values, selected.len()) == selected;
        assert_eq!(same, read::<bool>(&row["reproduces"]), "{} step {}", row["idx"], row["step"]);
    }
}

#[test]
fn selections_of_its_hub() {
    let Some(rows) = lines("golden/peer_golden.jsonl") else { return };
    let mut seen = [0; 3];
    for row in &rows {
        match row["kind"].as_str() {
            Some("majority") => {
                check_majority(row);
                seen[0] += 1;
            }
            Some("hierarchical_majority") => {
                let paths: Vec<Vec<String>> = read(&row["test_tuples"]);
                let allowed: Vec<Vec<String>> = read(&row["expected_winner"]);
                // Where they draw lots, first seen wins.
                let first = paths.iter().position(|path| allowed.contains(path));
                assert_eq!(hierarchical_majority(&paths), first, "{row}");
                assert!(first.is_some());
                seen[1] += 1;
            }
            Some("best_of_n") => {
                let responses: Vec<String> = read(&row["responses"]);
                let scores: Vec<f64> = read(&row["scores"]);
                let votes: Vec<Vote> =
                    responses.iter().zip(scores).map(|(r, score)| Vote::new(r, score)).collect();
                let chosen = best(&votes).unwrap();
                assert_eq!(chosen, read::<usize>(&row["expected_index"]), "{row}");
                assert_eq!(responses[chosen], read::<String>(&row["expected_response"]));
                seen[2] += 1;
            }
            _ => {}
        }
    }
    assert_eq!(seen, [3, 6, 3]);
}

fn check_majority(row: &Value) {
    let answers: Vec<String> = read(&row["test_list"]);
    let votes: Vec<Vote> = answers.iter().map(|answer| Vote::new(answer, 0.0)).collect();
    let allowed: Vec<String> = match &row["expected_element"] {
        Value::String(one) => vec![one.clone()],
        several => read(several),
    };
    let first = answers.iter().position(|answer| allowed.contains(answer));
    assert_eq!(majority(&votes, exact), first, "{row}");
    assert!(first.is_some());
    for class in tally(&votes, exact, Weight::Count) {
        close(class.weight, &row["expected_counts"][&answers[class.members[0]]], "counts");
    }
}
