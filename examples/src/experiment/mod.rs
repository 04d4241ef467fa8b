//! Experiments: recipes of models, arms, seeds and comparisons, run by one binary.
//!
//! A [`Recipe`] says all that decides the result. A [`Workshop`] makes its models, each once, and
//! measures its arms problem by problem; both keep what they have, so that a killed run goes on and
//! recipes share pools and models. A [`Report`] is written as Markdown, JSON and SVG, with its values
//! by problem, from which [`recompute()`] gets every interval and p-value again.
//!
//! Source: set-ups as in the papers that each recipe names; paired bootstrap over problems, Efron and
//! Tibshirani 1993, section 13.3; p-values of many differences, Holm 1979.

mod along;
mod choice;
mod compare;
mod confidence;
mod coverage;
mod curve;
mod curve_table;
mod difficulty;
mod effort;
mod generative;
mod implicit;
mod judgements;
mod markdown;
mod matched;
mod measure;
mod page;
mod policies;
mod recipe;
mod recompute;
mod reinforced;
mod rejection;
mod report;
mod saved;
mod sound;
mod spec;
mod thinking;
mod turns;
mod unit;
mod values;
mod verdict;
mod verifiers;
mod way;
mod workshop;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tts_models::EngineConfig;

pub use choice::{Chosen, Found, Policy, Probed, Worth, worth};
pub use compare::{Budget, Difference, SURE, differences};
pub use curve::{Course, Curve, Figure, Reached, Spread, Until, curves};
pub use generative::{Generative, Led};
pub use judgements::{Scored, Scores, Votes};
pub use matched::{Matched, Matching, Samples, matched};
pub use measure::{Point, Single};
pub use policies::words;
pub use recipe::{Advantages, Along, Arm, At, Comparison, Graded, Judged, Recipe, Task};
pub use recompute::{Recomputed, names, recompute};
pub use rejection::{Rejected, Rejection};
pub use report::Report;
pub use saved::{Saved, saved};
pub use spec::{
    Choice, Distilled, Implicit, Labels, Learnt, ModelSpec, Part, Preferred, Reading, Reinforced,
    Revised, Reward, SelfTrained, Shape, StepOf, Training, Written,
};
pub use thinking::{Asked, Thinking};
pub use turns::Turn;
pub use values::ByProblem;
pub use verdict::Verdict;
pub use way::{Template, Way};
pub use workshop::Workshop;

use crate::{Error, law};

macro_rules! recipes {
    ($($name:literal),* $(,)?) => {
        /// The recipes that come with the project, by name.
        pub const RECIPES: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../experiments/", $name, ".json")))),*
        ];
    };
}
recipes!(
    "strategies",
    "prm-orm-majority",
    "aggregation",
    "labels",
    "implicit",
    "advantages",
    "active-learning",
    "crossover",
    "lookahead",
    "self-training",
    "steps-against-answers",
    "revisions",
    "ratio",
    "sizes",
    "choice",
    "votes",
    "ways",
    "noise",
    "o1-shape",
    "coverage",
    "reinforcement",
    "schemes",
    "train-time",
    "search-after",
    "r1-zero",
    "r1-pipeline",
    "rewards",
    "waits",
    "judges",
    "meta-votes",
    "principles",
    "generative-verifier",
);

/// Whether this names a recipe that comes with the project.
pub fn is_known(name: &str) -> bool {
    RECIPES.iter().any(|(known, _)| *known == name)
}

/// A recipe by name, or from a file; with the name of what is written of it.
///
/// # Errors
/// When there is none of that name and no such file, or the file is no recipe.
pub fn find(name: &str) -> Result<(String, Recipe), Error> {
    if let Some((name, text)) = RECIPES.iter().find(|(known, _)| *known == name) {
        return Ok(((*name).to_owned(), Recipe::parse(text)?));
    }
    let path = PathBuf::from(name);
    if !path.is_file() {
        let known: Vec<&str> = RECIPES.iter().map(|(name, _)| *name).collect();
        let known = known.join(", ");
        return Err(format!("{name}: no such file, and none of the recipes: {known}").into());
    }
    let stem = path.file_stem().map_or_else(|| name.into(), |stem| stem.to_string_lossy());
    Ok((stem.into_owned(), Recipe::from_file(&path)?))
}

/// Runs a recipe as far as it has not run yet, with models and results under `root`.
///
/// # Errors
/// When an arm reads confidence over too few tokens, a model cannot be made, or a search or a file fails; what was done is
/// kept.
pub fn run(
    recipe: &Recipe,
    quick: bool,
    root: PathBuf,
    engine: EngineConfig,
) -> Result<Report, Error> {
    confidence::check(recipe)?;
    let workshop = Workshop::new(recipe, root, engine);
    let mut points = Vec::new();
    for arm in &recipe.arms {
        points.extend(workshop.measure(arm)?);
    }
    let verdicts = match &recipe.judged {
        Some(judged) => workshop.verdicts(judged)?,
        None => Vec::new(),
    };
    let mut by_problem = ByProblem::default();
    let mut difficulty = None;
    if let Some(asked) = &recipe.difficulty {
        let (found, shares) = workshop.difficulty(&asked.policy, asked.samples)?;
        for point in &mut points {
            point.by_difficulty = difficulty::means(&found, &point.values)?;
        }
        (difficulty, by_problem.shares) = (Some(found), shares);
    }
    let mut choice = None;
    if let Some(asked) = &recipe.choice {
        by_problem.probed = workshop.probe(asked)?;
        let known = (&by_problem.probed[..], &by_problem.shares[..]);
        choice = Some(worth(asked, &recipe.arms, &points, known)?);
    }
    if !recipe.needs_tokens() {
        // Nothing is computed from them.
        for point in &mut points {
            point.tokens = Vec::new();
        }
    }
    let mut turns = Vec::new();
    for policy in recipe.revising() {
        let chains = workshop.right_turns(policy)?;
        turns.extend(turns::turns_of(policy, &chains));
        by_problem.chains.insert(policy.clone(), chains);
    }
    let mut models = BTreeMap::new();
    for name in recipe.models.keys() {
        models.insert(name.clone(), workshop.report(name, workshop.model_seed(1))?);
    }
    let courses = workshop.courses()?;
    Ok(Report {
        differences: differences(&points, &recipe.compare)?,
        saved: saved(&points, &recipe.compare)?,
        matched: matched(recipe, &points, difficulty.as_ref())?,
        coverage: coverage::laws(recipe, &points)?,
        thinking: thinking::thinking(recipe, &points),
        recipe: recipe.clone(),
        quick,
        from: None,
        machine: law::processor(),
        points,
        verdicts,
        difficulty,
        choice,
        turns,
        models,
        training: curves(&courses, &recipe.until),
        by_problem,
        courses,
    })
}
