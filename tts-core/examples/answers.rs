//! Grades pairs of answers from JSONL files, and counts what came out otherwise than expected.
//!
//! Each line has `gold`, `pred`, and `equivalent` or `expected`. A line is graded through both doors
//! and both ways: `same(gold, pred)`, `same(pred, gold)`, and `verdict` with `pred` as a whole output.
//! Rows that come out wrong are named on standard error; the table and the median time of a pair
//! go to standard output. Makes this library's side of `docs/results/answers.md`:
//!
//! ```text
//! cargo run --release -p tts-core --example answers -- rows.jsonl more.jsonl
//! ```

#![expect(clippy::print_stdout, reason = "a report on the terminal")]

use std::error::Error;
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::Value;
use tts_core::task::{Math, Task};

/// How one way of grading did on one file.
#[derive(Default)]
struct Count {
    right: usize,
    missed: usize,
    taken: usize,
}

impl Count {
    fn add(&mut self, expected: bool, found: bool) -> bool {
        match (expected, found) {
            (true, false) => self.missed += 1,
            (false, true) => self.taken += 1,
            _ => self.right += 1,
        }
        expected == found
    }
}

fn text<'a>(row: &'a Value, field: &str) -> Result<&'a str, String> {
    row[field].as_str().ok_or_else(|| format!("no {field} in {row}"))
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("| file | way | rows | right | equal not found | unequal taken for equal |");
    println!("|---|---|---|---|---|---|");
    for path in env::args().skip(1) {
        let (mut forth, mut back, mut whole) =
            (Count::default(), Count::default(), Count::default());
        let mut times: Vec<Duration> = Vec::new();
        for line in fs::read_to_string(&path)?.lines().filter(|line| !line.trim().is_empty()) {
            let row: Value = serde_json::from_str(line)?;
            let (gold, pred) = (text(&row, "gold")?, text(&row, "pred")?);
            let expected = row["equivalent"].as_bool().or(row["expected"].as_bool());
            let expected = expected.ok_or_else(|| format!("no verdict in {row}"))?;
            let start = Instant::now();
            let same = Math.same(gold, pred);
            times.push(start.elapsed());
            let verdict = Math.verdict("", gold, pred).is_right();
            let fine = [
                forth.add(expected, same),
                back.add(expected, Math.same(pred, gold)),
                whole.add(expected, verdict),
            ];
            if fine != [true; 3] {
                eprintln!("{fine:?} expected {expected}: {gold:?} / {pred:?}");
            }
        }
        times.sort_unstable();
        for (way, count) in [("gold, pred", forth), ("pred, gold", back), ("verdict", whole)] {
            let rows = count.right + count.missed + count.taken;
            println!(
                "| {path} | {way} | {rows} | {} | {} | {} |",
                count.right, count.missed, count.taken
            );
        }
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        println!("| {path} | median time of a pair | {median:?} | | | |");
    }
    Ok(())
}
