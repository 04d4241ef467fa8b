//! Selects from recorded pools: one JSON line in, the chosen indices and pass@k out.
//!
//! Each line of the input is a pool, `{"answers": [..], "scores": [..], "gold": ".."}`; other
//! fields and blank lines are passed over. An answer that is null or blank could not be parsed: it
//! never votes, and is the best only where no answer was parsed. Indices count from zero, and null
//! stands for what cannot be had: a vote without a parsed answer, a selection by score without
//! `scores`, pass@k without `gold`. A bad line ends the run with exit code 1 and its number.
//!
//! ```text
//! $ echo '{"answers":["1/2","0.5","3"],"scores":[0.2,0.3,0.4],"gold":"0.5"}' | votes
//! {"majority":0,"best":2,"weighted":0,"weighted_sigmoid":0,
//!  "pass_at_k":{"1":0.6666666666666666,"2":1.0,"3":1.0}}
//! ```
//!
//! Source: the selectors of [`tts_core::select`] and [`tts_core::metrics::pass_at_k`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};
use tts_core::answer::equivalent;
use tts_core::metrics::pass_at_k;
use tts_core::select::{Group, Vote, Weight, best, majority, weighted};

/// Selects one candidate of each pool on the standard input.
#[derive(Parser)]
struct Arguments {
    /// Which answers count as the same.
    #[arg(long, value_enum, default_value = "equivalent")]
    group: Grouping,
    /// The k of pass@k, null where greater than the pool; by default the powers of two up to the
    /// size of the pool, and that size.
    #[arg(long, value_delimiter = ',')]
    k: Option<Vec<usize>>,
}

/// [`Group`] as an argument.
#[derive(Clone, Copy, ValueEnum)]
enum Grouping {
    /// The same string; an answer is right if it is the gold answer's string or plain number.
    Exact,
    /// Mathematically equivalent.
    Equivalent,
}

/// A line of the input.
#[derive(Deserialize)]
struct Pool {
    answers: Vec<Option<String>>,
    scores: Option<Vec<f64>>,
    gold: Option<String>,
}

/// A line of the output.
#[derive(Serialize)]
struct Selected {
    majority: Option<usize>,
    best: Option<usize>,
    weighted: Option<usize>,
    weighted_sigmoid: Option<usize>,
    pass_at_k: Option<BTreeMap<usize, Option<f64>>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments, io::stdin().lock(), BufWriter::new(io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // The exit code tells of the failure even where the message cannot be written.
            let _ = writeln!(io::stderr(), "votes: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Answers line by line; an error names the line.
fn run(arguments: &Arguments, input: impl BufRead, mut output: impl Write) -> Result<(), String> {
    let mut done = Ok(());
    for (line, number) in input.lines().zip(1..) {
        if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
            continue;
        }
        let selected = line
            .map_err(|error| error.to_string())
            .and_then(|line| parse(&line))
            .and_then(|pool| select(arguments, pool))
            .and_then(|selected| serde_json::to_string(&selected).map_err(|e| e.to_string()));
        match selected {
            Ok(selected) => {
                writeln!(output, "{selected}").map_err(|error| format!("output: {error}"))?;
            }
            Err(error) => {
                done = Err(format!("line {number}: {error}"));
                break;
            }
        }
    }
    // What was answered before a bad line is still delivered.
    output.flush().map_err(|error| format!("output: {error}"))?;
    done
}

/// Reads a pool.
fn parse(line: &str) -> Result<Pool, String> {
    // To the parser every line is the first.
    serde_json::from_str(line)
        .map_err(|error| error.to_string().replace(" at line 1 column ", " at column "))
}

/// All selections from one pool.
fn select(arguments: &Arguments, pool: Pool) -> Result<Selected, String> {
    let group = match arguments.group {
        Grouping::Exact => Group::Exact,
        Grouping::Equivalent => Group::Equivalent,
    };
    let same = |gold: &str, answer: &str| group.same(gold, answer, equivalent);
    let n = pool.answers.len();
    let has_scores = pool.scores.is_some();
    let scores = pool.scores.unwrap_or_else(|| vec![0.0; n]);
    if scores.len() != n {
        return Err(format!("{n} answers but {} scores", scores.len()));
    }
    let votes: Vec<Vote> = pool
        .answers
        .into_iter()
        .zip(scores)
        .map(|(answer, score)| Vote { answer, score })
        .collect();
    let by_score = |weight| if has_scores { weighted(&votes, same, weight) } else { None };
    let pass_at_k = pool.gold.map(|gold| {
        let right = |answer: &&str| match group {
            Group::Equivalent => equivalent(&gold, answer),
            Group::Exact => gold == **answer || same_number(&gold, answer),
        };
        let correct = votes.iter().filter_map(Vote::parsed).filter(right).count();
        let sizes = arguments.k.clone().map_or_else(|| powers_of_two(n), BTreeSet::from_iter);
        // A k greater than the pool has no estimate.
        sizes.into_iter().map(|k| (k, pass_at_k(n, correct, k).ok())).collect()
    });
    Ok(Selected {
        majority: majority(&votes, same),
        best: if has_scores { best(&votes) } else { None },
        weighted: by_score(Weight::Raw),
        weighted_sigmoid: by_score(Weight::Sigmoid),
        pass_at_k,
    })
}

/// Whether both are plain decimal numbers, thousands separated by commas or not, and equal.
fn same_number(a: &str, b: &str) -> bool {
    let number = |text: &str| text.replace(',', "").parse::<f64>().ok().filter(|n| n.is_finite());
    // Equal numbers are meant, not close ones: both are parsed by the same rule.
    matches!((number(a), number(b)), (Some(a), Some(b)) if a.total_cmp(&b).is_eq())
}

/// The powers of two up to `n`, and `n`.
fn powers_of_two(n: usize) -> BTreeSet<usize> {
    std::iter::successors(Some(1), |k: &usize| k.checked_mul(2))
        .take_while(|&k| k <= n)
        .chain(Some(n).filter(|&n| n > 0))
        .collect()
}
