//! Searches of a small model beside one answer of a larger one, at as many operations, those of pretraining included: what
//! `compare --larger` says.
//!
//! Arms whose recipes differ in numbers alone, and whose set-ups do in no more than budget and seed, are one search at
//! several budgets, and each share of tokens of inference in
//! those of pretraining (`--share`) takes the dearest of these that costs no more than the larger model's one answer
//! ([`crate::matching`]). How many parameters a model has say the records of its evaluation, where its generator did: that is
//! of models in this program. A verifier is reckoned as large as the model beside it, so that it stands beside both or neither; engines
//! by role and scorers with names are of sizes that no figure here knows, and refused.
//!
//! Source: none; see [`tts_search::choose::matched`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use clap::Args;
use serde::de::IgnoredAny;
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

/// Where settings of `evaluate` name the scorer as its command line does.
const SCORER: &str = "/setup/scorer";
/// Scorers that no model stands behind.
const MODELLESS: [&str; 3] = ["logprob", "none", "rule"];
/// Where settings of `evaluate` have engines by role and scorers by name.
const OTHERS: [&str; 3] = ["/roles", "/named", "/setup/named"];

/// Who wrote and who judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Models {
    /// Parameters of who wrote; 0 where nobody says.
    writer: u64,
    /// Whether a verifier judged, whatever is said of its size.
    verifier: bool,
    /// Roles of other engines, and names of other scorers.
    others: BTreeSet<String>,
}

/// What the first line of a record says of models.
#[derive(Deserialize)]
struct Header {
    policy: Costly,
    #[serde(default)]
    roles: BTreeMap<String, Value>,
    #[serde(default)]
    scorer: Option<IgnoredAny>,
    #[serde(default)]
    scorers: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Costly {
    #[serde(default)]
    cost: ModelCost,
}

impl Models {
    /// As the first record of an evaluation and its settings say; of nothing, where neither can be read.
    fn of(evaluation: &Folders, settings: &Value) -> Self {
        let first = |folder: &std::path::PathBuf| records(folder).ok()?.into_iter().next();
        let header = evaluation.folders.iter().find_map(first).and_then(|path| header(&path));
        let mut found = header.map_or_else(Self::default, |header| Self {
            writer: header.policy.cost.parameters,
            verifier: header.scorer.is_some(),
            others: header.roles.into_keys().chain(header.scorers.into_keys()).collect(),
        });
        // A scorer behind an address has no parameters in any record, and a rule is a scorer in all of them.
        if let Some(scorer) = settings.pointer(SCORER).and_then(Value::as_str) {
            found.verifier = !MODELLESS.contains(&scorer);
        }
        let named = OTHERS.into_iter().filter_map(|place| settings.pointer(place)?.as_object());
        found.others.extend(named.flat_map(|named| named.keys().cloned()));
        found
    }

    /// Refuses models whose size nothing here reckons with.
    fn alone(&self, name: &str) -> Result<(), Error> {
        if self.others.is_empty() {
            return Ok(());
        }
        let others: Vec<&str> = self.others.iter().map(String::as_str).collect();
        Err(format!(
            "--larger: {name} has engines by role or scorers by name ({}), expected a model and at most a scorer \
             (--scorer): all tokens are reckoned at these two's size",
            others.join(", ")
        )
        .into())
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
    /// When arms are of several models, have engines by role, scorers by name, or a verifier beside one side alone, the
    /// larger model did more than answer at once or is not larger, or nobody says how large a model is: the error names
    /// option and arms.
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
        let pairs = folders.iter().zip(arms);
        let small: Vec<Models> =
            pairs.map(|(folders, arm)| Models::of(folders, &arm.settings)).collect();
        let larger = Models::of(of, &large.settings);
        for (arm, models) in arms.iter().zip(&small).chain([(large, &larger)]) {
            models.alone(&arm.name)?;
        }
        if let Some(other) = arms.iter().find(|arm| model(arm) != model(&arms[0])) {
            let (first, other) = (&arms[0].name, &other.name);
            return Err(format!(
                "--larger: {first} and {other} are of two models, expected searches of one smaller model"
            )
            .into());
        }
        let cost = cost(arms, &small, (large, &larger))?;
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
    (large, larger): (&Kept, &Models),
) -> Result<TokenCost, Error> {
    let has = larger.verifier;
    let other = arms.iter().zip(small).find(|(_, models)| models.verifier != has);
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

/// The arms as searches at budgets: those of one [`shape`] are one.
fn searches(arms: &[Kept]) -> Vec<Small<Named>> {
    let mut found: Vec<(Value, Small<Named>)> = Vec::new();
    for arm in arms {
        let shape = shape(&arm.settings);
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

/// What makes arms one search at several budgets: all settings without seed and prices, and with 0 for each number of
/// recipe and budget. Null of settings that name no recipe.
fn shape(settings: &Value) -> Value {
    let mut shape = settings.clone();
    let Some(recipe) = shape.pointer_mut(RECIPE) else { return Value::Null };
    *recipe = numberless(recipe);
    if let Some(budget) = shape.pointer_mut("/setup/budget") {
        *budget = numberless(budget);
    }
    for (place, name) in [("/setup", "seed"), ("/setup", "prices"), ("", "prices")] {
        let fields = shape.pointer_mut(place).and_then(Value::as_object_mut);
        fields.and_then(|fields| fields.remove(name));
    }
    shape
}

/// A value with 0 for each number.
fn numberless(value: &Value) -> Value {
    match value {
        Value::Number(_) => 0.into(),
        Value::Array(all) => all.iter().map(numberless).collect(),
        Value::Object(fields) => {
            let of = |(name, value): (&String, &Value)| (name.clone(), numberless(value));
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
    fn recipes_that_differ_in_numbers_are_one_search_of_one_set_up() {
        let recipe = json!({"strategy": "best-of-n", "n": 4, "select": {"rule": "best"}});
        let setup = json!({
            "recipe": recipe, "scorer": "prm:a", "task": "math", "rule": {"max_steps": 40}, "seed": 1,
            "sampling": {"temperature": 0.8}, "budget": {"generated_tokens": 900}, "prompt": "Solve: ...",
        });
        let four = json!({"model": "small", "scorer": "head 1", "setup": setup});
        let with = |place: &str, value: Value| {
            let mut other = four.clone();
            *other.pointer_mut(place).expect(place) = value;
            shape(&other)
        };
        for (place, value) in [
            ("/setup/recipe/n", json!(8)),
            ("/setup/budget/generated_tokens", json!(1800)),
            ("/setup/seed", json!(2)),
        ] {
            assert_eq!(shape(&four), with(place, value), "{place}");
        }
        for (place, value) in [
            ("/scorer", json!("head 2")),
            ("/setup/recipe/select/rule", json!("weighted")),
            ("/setup/scorer", json!("prm:b")),
            ("/setup/task", json!("text")),
            ("/setup/rule/max_steps", json!(10)),
            ("/setup/sampling/temperature", json!(0.7)),
            ("/setup/prompt", json!("Think: ...")),
        ] {
            assert_ne!(shape(&four), with(place, value), "{place}");
        }
        assert_eq!(shape(&json!({"model": "small"})), Value::Null);
    }

    /// Of settings alone: no record lies in the folder.
    #[test]
    fn a_verifier_is_one_whatever_is_said_of_its_size() {
        let nowhere: Folders = "no/such/folder".parse().expect("a name");
        let of = |settings: Value| Models::of(&nowhere, &settings);
        for scorer in ["prm:http://127.0.0.1:8000", "json:rater.json", "orm:head", "word:yes.json"]
        {
            assert!(of(json!({"setup": {"scorer": scorer}})).verifier, "{scorer}");
        }
        for scorer in MODELLESS {
            assert!(!of(json!({"setup": {"scorer": scorer}})).verifier, "{scorer}");
        }
        of(json!({"roles": {}, "setup": {}})).alone("four").expect("a model alone");
        for settings in [
            json!({"roles": {"judge": "another"}}),
            json!({"named": {"judge": "another"}}),
            json!({"setup": {"named": {"judge": "orm:head"}}}),
        ] {
            let error = of(settings).alone("four").expect_err("others").to_string();
            assert!(
                error.contains("four has engines by role or scorers by name (judge)"),
                "{error}"
            );
        }
    }
}
