//! Searches of a small model beside one answer of a larger one, at as many operations, those of pretraining included: what
//! `compare --larger` says.
//!
//! Arms whose recipes differ in numbers alone are one search at several budgets, and each share of tokens of inference in
//! those of pretraining (`--share`) takes the dearest of these that costs no more than the larger model's one answer
//! ([`crate::matching`]). How many parameters a model has say the records of its evaluation, where its generator did: that is
//! of models in this program. A verifier is reckoned as large as the model beside it, so that it stands beside both or neither.
//!
//! Source: none; see [`tts_search::choose::matched`].

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::cost::ModelCost;
use tts_search::choose::Tried;
use tts_search::choose::matched::TokenCost;
use tts_search::evaluate::{Difficulty, records, words};

use super::RECIPE;
use crate::Error;
use crate::folders::{Folders, Kept};
use crate::matching::{HEAD, Matched, Small, matched};

/// Beside which larger model, and how much inference there is.
#[derive(Debug, Clone, Default, Args)]
pub struct LargerOptions {
    /// An evaluation of the same problems by a larger model that answers at once: what searches of the small one come to at
    /// as many operations, those of pretraining included.
    #[arg(long, requires = "share")]
    pub larger: Option<Folders>,
    /// Tokens of inference for each of pretraining; several with commas between, as 0.16,0.79,22.
    #[arg(long, value_delimiter = ',', requires = "larger")]
    pub share: Vec<f64>,
    /// Parameters of the small and of the larger model, as SMALL,LARGE, where records do not say them, or others are meant.
    #[arg(long, value_delimiter = ',', requires = "larger")]
    pub parameters: Vec<f64>,
}

/// The name of an evaluation, in place of a budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The arm.
    pub arm: String,
}

impl Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.arm)
    }
}

/// Small models' searches at what a larger model's answer has cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtOperations {
    /// The arm of the larger model.
    pub larger: String,
    /// Parameters of the small and of the larger model.
    pub parameters: [f64; 2],
    /// What a token of inference costs, on both sides.
    pub cost: TokenCost,
    /// Each search at each share.
    pub rows: Vec<Matched<Named>>,
}

/// Parameters of who wrote and of who judged; 0 where nobody says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Models {
    writer: u64,
    verifier: u64,
}

/// What the first line of a record says of models.
#[derive(Deserialize)]
struct Header {
    policy: Costly,
    #[serde(default)]
    scorer: Option<Costly>,
}

#[derive(Deserialize)]
struct Costly {
    #[serde(default)]
    cost: ModelCost,
}

impl Models {
    /// As the first record of an evaluation says; of nothing, where there is none that can be read.
    fn of(evaluation: &Folders) -> Self {
        let first = |folder: &std::path::PathBuf| records(folder).ok()?.into_iter().next();
        let header = evaluation.folders.iter().find_map(first).and_then(|path| header(&path));
        header.map_or_else(Self::default, |header| Self {
            writer: header.policy.cost.parameters,
            verifier: header.scorer.map_or(0, |scorer| scorer.cost.parameters),
        })
    }
}

fn header(record: &Path) -> Option<Header> {
    let mut line = String::new();
    BufReader::new(std::fs::File::open(record).ok()?).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

impl LargerOptions {
    /// # Errors
    /// When a number is none of its kind: the error names the option.
    pub fn check(&self) -> Result<(), Error> {
        let bad = |number: &&f64| !(number.is_finite() && **number > 0.0);
        if let Some(share) = self.share.iter().find(bad) {
            return Err(format!("--share: {share}, expected a number above 0").into());
        }
        if let Some(number) = self.parameters.iter().find(bad) {
            return Err(format!("--parameters: {number}, expected a number above 0").into());
        }
        match self.parameters.len() {
            0 | 2 => Ok(()),
            count => Err(format!(
                "--parameters: {count} of them, expected those of the small and of the larger model as SMALL,LARGE"
            )
            .into()),
        }
    }

    /// The figures of arms of the small model, of which each stands beside its folders, and of the larger one, which is
    /// the last of the evaluations; `None` where none is asked for.
    ///
    /// # Errors
    /// When arms are of several models or have a verifier beside one side alone, the larger model did more than answer at
    /// once or is not larger, or nobody says how large a model is: the error names option and arms.
    pub(super) fn figures(
        &self,
        folders: &[Folders],
        kept: &[Kept],
        difficulty: Option<&Difficulty>,
    ) -> Result<Option<AtOperations>, Error> {
        let (Some(of), Some((large, arms))) = (&self.larger, kept.split_last()) else {
            return Ok(None);
        };
        at_once(large)?;
        let small: Vec<Models> = folders.iter().map(Models::of).collect();
        let larger = Models::of(of);
        if let Some(other) = arms.iter().find(|arm| model(arm) != model(&arms[0])) {
            let (first, other) = (&arms[0].name, &other.name);
            return Err(format!(
                "--larger: {first} and {other} are of two models, expected searches of one smaller model"
            )
            .into());
        }
        let cost = cost(arms, &small, (large, larger))?;
        let said = small.first().map_or(0, |models| models.writer);
        let parameters = match self.parameters[..] {
            [small, large] => [small, large],
            _ => [stated(&arms[0].name, said)?, stated(&large.name, larger.writer)?],
        };
        if parameters[1] < parameters[0] {
            let [few, many] = parameters.map(words::significant);
            let (name, large) = (&arms[0].name, &large.name);
            return Err(format!(
                "--larger: {large} has {many} parameters, and the model of {name} has {few}: expected a larger one"
            )
            .into());
        }
        let tokens = large.report.per_problem.generated_tokens;
        let times = (parameters[1] / parameters[0], cost);
        let rows =
            matched(&searches(arms), (&tried(large), tokens), times, &self.share, difficulty)
                .map_err(|error| format!("--larger: {error}"))?;
        Ok(Some(AtOperations { larger: large.name.clone(), parameters, cost, rows }))
    }
}

/// Who wrote, as settings have it.
fn model(kept: &Kept) -> Option<&Value> {
    kept.settings.get("model")
}

/// Refuses a larger model that searched.
fn at_once(large: &Kept) -> Result<(), Error> {
    let (lines, problems) = (large.report.total.samples, large.report.problems);
    if lines <= problems as u64 {
        return Ok(());
    }
    let (name, mean) = (&large.name, words::significant(lines as f64 / problems as f64));
    Err(format!(
        "--larger: {name} has {mean} lines a problem, expected a model that answers at once: one line"
    )
    .into())
}

/// How many parameters an arm's model has.
fn stated(name: &str, parameters: u64) -> Result<f64, Error> {
    if parameters > 0 {
        return Ok(parameters as f64);
    }
    Err(format!(
        "--parameters: records of {name} do not say how many its model has, expected --parameters SMALL,LARGE"
    )
    .into())
}

/// What a token of inference costs: with a verifier where one stands beside every arm.
fn cost(
    arms: &[Kept],
    small: &[Models],
    (large, larger): (&Kept, Models),
) -> Result<TokenCost, Error> {
    let has = larger.verifier > 0;
    let other = arms.iter().zip(small).find(|(_, models)| (models.verifier > 0) != has);
    let Some((arm, _)) = other else {
        return Ok(if has { TokenCost::WithVerifier } else { TokenCost::Policy });
    };
    let (with, without) = if has { (large, arm) } else { (arm, large) };
    Err(format!(
        "--larger: {} has a verifier and {} has none, expected one beside both or neither: of a model that answers at \
         once, best-of-n of 1 by a scorer",
        with.name, without.name
    )
    .into())
}

/// The arms as searches at budgets: those whose recipes differ in numbers alone are one.
fn searches(arms: &[Kept]) -> Vec<Small<Named>> {
    let mut found: Vec<(Value, Small<Named>)> = Vec::new();
    for arm in arms {
        let shape = shape(arm.settings.pointer(RECIPE).unwrap_or(&Value::Null));
        let budget = (Named { arm: arm.name.clone() }, tried(arm));
        match found.iter_mut().find(|(known, _)| *known == shape && shape != Value::Null) {
            Some((_, search)) => {
                search.name = format!("{}, {}", search.name, arm.name);
                search.budgets.push(budget);
            }
            None => found.push((shape, Small { name: arm.name.clone(), budgets: vec![budget] })),
        }
    }
    found.into_iter().map(|(_, search)| search).collect()
}

/// A recipe with 0 for each number.
fn shape(recipe: &Value) -> Value {
    match recipe {
        Value::Number(_) => 0.into(),
        Value::Array(all) => all.iter().map(shape).collect(),
        Value::Object(fields) => {
            let of = |(name, value): (&String, &Value)| (name.clone(), shape(value));
            Value::Object(fields.iter().map(of).collect())
        }
        other => other.clone(),
    }
}

/// What an arm got right, and the tokens that it took, by problem.
fn tried(kept: &Kept) -> Tried {
    let costs = kept.report.rows.iter().map(|row| row.cost.generated_tokens as f64);
    Tried { values: kept.report.values(), costs: costs.collect() }
}

impl AtOperations {
    /// The tables, each with a title; the first row of each are its heads.
    pub(super) fn tables(&self) -> Vec<(String, Vec<Vec<String>>)> {
        let [few, many] = self.parameters.map(words::significant);
        let beside = match self.cost {
            TokenCost::WithVerifier => "a verifier as large beside each",
            _ => "no verifier",
        };
        let title = format!(
            "At as many operations as one answer of {}, those of pretraining included: {many} parameters beside {few}, \
             {beside}; the dearest within, points less the larger one, p adjusted for all rows (Holm)",
            self.larger
        );
        let head = HEAD.map(|name| if name == "N" { "arm" } else { name }.to_owned()).to_vec();
        let rows = self.rows.iter().map(Matched::cells);
        let mut tables = vec![(title, std::iter::once(head).chain(rows).collect())];
        let bins = self.rows.iter().map(|row| row.by_difficulty().len()).max().unwrap_or(0);
        if bins > 0 {
            let numbers = (1..=bins).map(|number| number.to_string());
            let head = [HEAD[0], HEAD[1]].map(str::to_owned).into_iter().chain(numbers).collect();
            let within = self.rows.iter().filter(|row| row.at.is_some());
            let rows = within.map(|row| {
                let begin = [row.small.clone(), row.share.to_string()];
                begin.into_iter().chain(row.by_difficulty()).collect()
            });
            let title = "The same differences by difficulty, the easiest first".to_owned();
            tables.push((title, std::iter::once(head).chain(rows).collect()));
        }
        tables
    }

    /// Writes the tables.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (title, rows) in self.tables() {
            writeln!(out, "\n{title}")?;
            words::columns(out, &rows)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options(share: &[f64], parameters: &[f64]) -> LargerOptions {
        LargerOptions { larger: None, share: share.to_vec(), parameters: parameters.to_vec() }
    }

    #[test]
    fn numbers_that_mean_nothing_are_named() {
        options(&[0.16, 22.0], &[1e6, 4e6]).check().expect("sound");
        for (share, parameters, expected) in [
            (&[0.16, 0.0][..], &[][..], "--share: 0, expected a number above 0"),
            (&[f64::NAN], &[], "--share: NaN"),
            (&[0.16], &[1e6, -1.0], "--parameters: -1, expected"),
            (&[0.16], &[1e6], "--parameters: 1 of them, expected"),
        ] {
            let error = options(share, parameters).check().expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn recipes_that_differ_in_numbers_are_one_search() {
        let four = json!({"strategy": "best-of-n", "n": 4, "select": {"rule": "best"}});
        let mut eight = four.clone();
        eight["n"] = json!(8);
        assert_eq!(shape(&four), shape(&eight));
        eight["select"]["rule"] = json!("weighted");
        assert_ne!(shape(&four), shape(&eight));
    }
}
