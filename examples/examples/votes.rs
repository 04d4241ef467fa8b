//! Selects from recorded pools: one JSON line in, the chosen indices and pass@k out.
//!
//! Each line of the input is a pool, `{"answers": [..], "scores": [..], "gold": ".."}`; other
//! fields and blank lines are passed over. Answers are texts or numbers; one that is null or blank could
//! not be parsed: it never votes, and is the best only where no answer was parsed. A score that is
//! null was not given: it weighs nothing. Indices count from zero, and null stands for what cannot be
//! had: a vote without a parsed answer, a selection by score where none is given, pass@k without `gold`. A
//! bad line ends the run with exit code 1 and its number. Pools may also stand in one JSON list.
//!
//! What a score weighs in the weighted vote follows from what it is (`--scale`): probabilities weigh what
//! they are, log-probabilities and rewards by their exponential, log-odds by their probability. Scores
//! that are no probabilities are refused until one says what they are.
//!
//! ```text
//! $ echo '{"answers":["1/2","0.5","3"],"scores":[0.2,0.3,0.4],"gold":"0.5"}' | votes
//! {"majority":0,"best":2,"weighted":0,"pass_at_k":{"1":0.6666666666666666,"2":1.0,"3":1.0}}
//! ```
//!
//! Source: the selectors of [`tts_core::select`], [`tts_core::Scale`] and
//! [`tts_core::metrics::pass_at_k`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tts_core::metrics::pass_at_k;
use tts_core::rows::{Rows, written};
use tts_core::select::{Group, Vote, Weight, best, majority, weighted};
use tts_core::{Scale, Selection, Unit, task};

/// Selects one candidate of each pool on the standard input.
#[derive(Parser)]
struct Arguments {
    /// Which answers count as the same.
    #[arg(long, value_enum, default_value = "equivalent")]
    group: Grouping,
    /// What a score is.
    #[arg(long, value_enum, default_value = "probability")]
    scale: Measure,
    /// What an answer is: math, exact, choice, phrase or countdown.
    #[arg(long, default_value = "math")]
    task: String,
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

/// [`Unit`] as an argument.
#[derive(Clone, Copy, ValueEnum)]
enum Measure {
    /// From 0 to 1.
    Probability,
    /// In nats.
    LogProbability,
    /// `ln(p / (1 - p))`.
    LogOdds,
    /// Unbounded.
    Reward,
}

impl Measure {
    fn scale(self) -> Scale {
        let unit = match self {
            Self::Probability => Unit::Probability,
            Self::LogProbability => Unit::LogProbability,
            Self::LogOdds => Unit::LogOdds,
            Self::Reward => Unit::Reward,
        };
        Scale { unit, ..Scale::default() }
    }
}

/// A line of the input.
#[derive(Deserialize)]
struct Pool {
    answers: Vec<Box<RawValue>>,
    scores: Option<Vec<Option<f64>>>,
    gold: Option<Box<RawValue>>,
}

/// A line of the output.
#[derive(Serialize)]
struct Selected {
    majority: Option<usize>,
    best: Option<usize>,
    weighted: Option<usize>,
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

/// Answers pool by pool; an error names the place of its pool.
fn run(arguments: &Arguments, input: impl BufRead, mut output: impl Write) -> Result<(), String> {
    let mut done = Ok(());
    for row in Rows::new(input) {
        let selected = row.and_then(|row| {
            let selected = select(arguments, row.read()?).map_err(|problem| row.wrong(problem))?;
            serde_json::to_string(&selected).map_err(|error| row.wrong(error.to_string()))
        });
        match selected {
            Ok(selected) => {
                writeln!(output, "{selected}").map_err(|error| format!("output: {error}"))?;
            }
            Err(error) => done = Err(error.to_string()),
        }
        if done.is_err() {
            break;
        }
    }
    // What was answered before a bad line is still delivered.
    output.flush().map_err(|error| format!("output: {error}"))?;
    done
}

/// All selections from one pool.
fn select(arguments: &Arguments, pool: Pool) -> Result<Selected, String> {
    let group = match arguments.group {
        Grouping::Exact => Group::Exact,
        Grouping::Equivalent => Group::Equivalent,
    };
    let task = task::by_name(&arguments.task)?;
    let same = |gold: &str, answer: &str| group.same(gold, answer, |a, b| task.same(a, b));
    let n = pool.answers.len();
    // Where nobody was scored, there is nothing to select by.
    let has_scores = pool.scores.iter().flatten().any(Option::is_some);
    let scores = pool.scores.unwrap_or_else(|| vec![None; n]);
    if scores.len() != n {
        return Err(format!("{n} answers but {} scores", scores.len()));
    }
    let scale = arguments.scale.scale();
    if let Some(score) = scores.iter().flatten().find(|&&score| !scale.holds(score)) {
        return Err(format!("the score {score} is no probability: say what it is with --scale"));
    }
    let weights = scale.weights(Selection::weighted(), &scores);
    let mut votes = Vec::with_capacity(n);
    for (answer, score) in pool.answers.iter().zip(&scores) {
        let answer = written(answer).map_err(|problem| format!("answers: {problem}"))?;
        votes.push(Vote { answer, score: score.unwrap_or(f64::NEG_INFINITY) });
    }
    let weighed: Vec<Vote> = votes
        .iter()
        .zip(weights)
        .map(|(vote, score)| Vote { answer: vote.answer.clone(), score })
        .collect();
    let gold = pool.gold.as_ref().map_or(Ok(None), |gold| written(gold));
    let gold = gold.map_err(|problem| format!("gold: {problem}"))?;
    let pass_at_k = gold.map(|gold| {
        let right = |answer: &&str| match group {
            Group::Equivalent => task.same(&gold, answer),
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
        weighted: if has_scores { weighted(&weighed, same, Weight::Raw) } else { None },
        pass_at_k,
    })
}

/// Whether both are plain decimal numbers, thousands separated by commas or not, and equal.
fn same_number(a: &str, b: &str) -> bool {
    matches!((decimal(a), decimal(b)), (Some(a), Some(b)) if a == b)
}

/// A plain decimal number without what does not change it: sign, digits, digits behind the point. As text,
/// because numbers of many digits are not to be rounded together.
fn decimal(text: &str) -> Option<(bool, String, String)> {
    let text = text.trim().replace(',', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if whole.len() + part.len() == 0 || !plain(whole) || !plain(part) {
        return None;
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let zero = whole.is_empty() && part.is_empty();
    Some((negative && !zero, whole.to_owned(), part.to_owned()))
}

/// The powers of two up to `n`, and `n`.
fn powers_of_two(n: usize) -> BTreeSet<usize> {
    std::iter::successors(Some(1), |k: &usize| k.checked_mul(2))
        .take_while(|&k| k <= n)
        .chain(Some(n).filter(|&n| n > 0))
        .collect()
}
