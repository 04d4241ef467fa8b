//! Accuracy against compute on a set of problems, resumable.
//!
//! Every problem has its own record in a folder (see `tts_core::record`), beside a manifest of
//! everything that decides results; a run that was killed goes on where it was, and leaves the same
//! bytes as one that was not. Timings go to a file of their own.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tts_core::metrics::{self, Accuracy, Metric, Pool, Sampled};
use tts_core::select::Weight;
use tts_core::{
    Aggregate, Cost, Event, Generator, Outcome, ProblemId, Prompt, Scale, Search, SearchError,
    StepScorer, Stop, Task,
};
use tts_search::Recipe;

use tts_models::{Backend, WeightFormat};

use crate::Error;
use crate::data::Problem;
use crate::options::Setup;

/// What stands beside the records: another run must not go on from them.
#[derive(Debug, Serialize)]
pub struct Manifest<'a> {
    /// The model's path, and a digest of its files.
    pub model: (&'a Path, u64),
    /// What runs it.
    pub backend: Backend,
    /// In which type.
    pub weights: WeightFormat,
    /// A digest of the scorer's files; 0 when it has none.
    pub scorer: u64,
    /// Everything about the search.
    pub setup: &'a Setup,
    /// The questions, hashed.
    pub problems: u64,
}

impl Manifest<'_> {
    /// Writes the manifest, or checks that the one that is there is the same.
    ///
    /// # Errors
    /// When the folder cannot be used, or belongs to another run.
    pub fn claim(&self, folder: &Path) -> Result<(), Error> {
        let at = |error: std::io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(at)?;
        let path = folder.join("manifest.json");
        let text = serde_json::to_string_pretty(self)?;
        match std::fs::read_to_string(&path) {
            Ok(there) if there == text => Ok(()),
            Ok(there) => {
                let there = serde_json::from_str(&there).unwrap_or(serde_json::Value::Null);
                let now = serde_json::to_value(self)?;
                Err(format!(
                    "{}: the records in this folder were made with another {}: name another folder \
                     with --record, or remove it",
                    path.display(),
                    differs(&there, &now).join(", ")
                )
                .into())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Whole or not at all: a torn manifest would lock the records out.
                let new = folder.join("manifest.json.new");
                std::fs::File::create(&new)
                    .and_then(|mut file| file.write_all(text.as_bytes()))
                    .and_then(|()| std::fs::rename(&new, &path))
                    .map_err(|error| at(error).into())
            }
            Err(error) => Err(at(error).into()),
        }
    }
}

/// Names of the fields that two manifests differ in, with what they were where that is short.
fn differs(there: &serde_json::Value, now: &serde_json::Value) -> Vec<String> {
    let (Some(there), Some(now)) = (there.as_object(), now.as_object()) else {
        return vec!["form of manifest".into()];
    };
    let names: BTreeSet<&String> = there.keys().chain(now.keys()).collect();
    let of = |name: &String| {
        let (then, now) = (there.get(name), now.get(name));
        if then == now {
            return Vec::new();
        }
        match (then, now) {
            (Some(then), Some(now)) if then.is_object() && now.is_object() => differs(then, now),
            _ => {
                let shown = |value: Option<&serde_json::Value>| {
                    let text = value.map_or("none".into(), ToString::to_string);
                    text.chars().take(60).collect::<String>()
                };
                vec![format!("{name} ({}, and now {})", shown(then), shown(now))]
            }
        }
    };
    names.into_iter().flat_map(of).collect()
}

/// A digest of a model's files: sizes, beginnings, ends, and samples between.
///
/// # Errors
/// When a file cannot be read.
pub fn digest(path: &Path) -> Result<u64, Error> {
    let at = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries: Result<Vec<_>, _> = std::fs::read_dir(path).map_err(at)?.collect();
        files = entries.map_err(at)?.iter().map(std::fs::DirEntry::path).collect();
        files.retain(|file| file.is_file());
        files.sort();
    }
    let mut hash = files.len() as u64;
    for file in files {
        let mut reader = std::fs::File::open(&file).map_err(at)?;
        let size = reader.metadata().map_err(at)?.len();
        hash = tts_core::seed::mix(hash, size);
        for part in 0..=64 {
            let mut block = [0; 4096];
            reader.seek(SeekFrom::Start(size.saturating_sub(4096) / 64 * part)).map_err(at)?;
            let read = reader.read(&mut block).map_err(at)?;
            for bytes in block[..read].chunks(8) {
                let word = bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
                hash = tts_core::seed::mix(hash, word);
            }
        }
    }
    Ok(hash)
}

/// A hash of questions and answers, in order (FNV-1a).
pub fn fingerprint(problems: &[Problem]) -> u64 {
    problems.iter().fold(problems.len() as u64, |hash, problem| {
        let text = format!("{}\0{}", problem.question, problem.gold);
        tts_core::seed::hash_text(hash, &text)
    })
}

/// One problem.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its place in the data, from 0.
    pub index: usize,
    /// The right answer.
    pub gold: String,
    /// The strategy's answer.
    pub answer: Option<String>,
    /// Whether that is right.
    pub correct: bool,
    /// Why the search ended.
    pub stop: Option<Stop>,
    /// What it cost.
    pub cost: Cost,
    /// Why the search failed, if it did.
    pub error: Option<String>,
    /// Paths that the scorer could not judge.
    pub unscored: usize,
    /// All samples, each as what became of it; of a search that is more than samples, its candidates.
    pub candidates: Vec<Sampled>,
}

/// A point of a curve over the number of samples.
#[derive(Debug, Serialize)]
pub struct CurvePoint {
    /// Samples.
    pub k: usize,
    /// Problems with so many samples.
    pub problems: usize,
    /// Some sample is finished and right (unbiased).
    pub pass: f64,
    /// The answer of most samples is right.
    pub majority: f64,
    /// The best-scored sample is right.
    pub best: f64,
    /// The answer with the highest sum of weights, by the scorer's scale, is right.
    pub weighted: f64,
}

/// Mean cost of a problem.
#[derive(Debug, Serialize)]
pub struct Means {
    /// Lines started.
    pub samples: f64,
    /// Tokens generated.
    pub generated_tokens: f64,
    /// Tokens judged.
    pub scored_tokens: f64,
    /// Floating-point operations, by formula.
    pub flops: f64,
    /// Requests to generator and scorer.
    pub calls: f64,
}

/// Figures of a run.
#[derive(Debug, Serialize)]
pub struct Figures<'a> {
    /// Everything about the search.
    pub setup: &'a Setup,
    /// Number of problems.
    pub problems: usize,
    /// What the scores are.
    pub scale: Scale,
    /// Of the strategy's answers over all problems, one that failed counted as wrong, with the 95 %
    /// Wilson interval.
    pub accuracy: Accuracy,
    /// The same over the problems that ran; `None` when none did.
    pub accuracy_of_run: Option<Accuracy>,
    /// Of the best possible choice among the candidates, over all problems.
    pub any_candidate: Accuracy,
    /// Over all problems.
    pub total: Cost,
    /// Means over problems.
    pub per_problem: Means,
    /// Problems whose search failed.
    pub failed: usize,
    /// Paths that the scorer could not judge.
    pub unscored: usize,
    /// For independent samples: figures at fewer of them, by subsampling the pools.
    pub curve: Vec<CurvePoint>,
    /// The problems.
    pub rows: Vec<Row>,
}

/// A set of problems to search.
pub struct Job<'a> {
    /// Everything about the search.
    pub setup: &'a Setup,
    /// Writes solutions.
    pub policy: &'a dyn Generator,
    /// Judges them.
    pub scorer: &'a dyn StepScorer,
    /// What an answer is.
    pub task: Arc<dyn Task>,
    /// The problems.
    pub prompts: Vec<Prompt>,
    /// Where the records are.
    pub folder: &'a Path,
    /// Problems in flight at a time.
    pub concurrency: usize,
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl<'a> Job<'a> {
    /// Searches all problems; `done` hears of each result as it comes.
    pub fn run(
        self,
        observer: impl FnMut(&Event<'_>) + Send + 'a,
        done: impl FnMut(ProblemId, &Result<Outcome, SearchError>),
    ) -> Vec<Result<Outcome, SearchError>> {
        let setup = self.setup;
        let problems = self.prompts.into_iter().map(|prompt| (setup.recipe.clone(), prompt));
        Search::new(self.policy)
            .scorer(self.scorer)
            .shared_task(self.task)
            .rule(setup.rule.clone())
            .sampling(setup.sampling)
            .budget(setup.budget)
            .seed(setup.seed)
            .concurrency(self.concurrency)
            .record(self.folder)
            .observer(observer)
            .run_each(problems, done)
    }
}

/// The aggregate by which a strategy of independent samples chooses among them; `None` of a strategy whose
/// candidates are no independent samples.
pub fn samples_by(recipe: &Recipe) -> Option<Aggregate> {
    match recipe {
        Recipe::BestOfN(strategy) => Some(strategy.select.aggregate),
        Recipe::SelfConsistency(strategy) => Some(strategy.select.aggregate),
        _ => None,
    }
}

/// The row of a problem.
pub fn row(
    index: usize,
    problem: &Problem,
    recipe: &Recipe,
    result: &Result<Outcome, SearchError>,
) -> Row {
    let gold = problem.gold.clone();
    let (outcome, error) = match result {
        Ok(outcome) => (Some(outcome), None),
        Err(error) => (error.partial.as_deref(), Some(error.to_string())),
    };
    let Some(outcome) = outcome else {
        return Row {
            index,
            gold,
            answer: None,
            correct: false,
            stop: None,
            cost: Cost::default(),
            error,
            unscored: 0,
            candidates: Vec::new(),
        };
    };
    let candidates = match samples_by(recipe) {
        Some(aggregate) => outcome.samples(aggregate, &gold),
        None => outcome
            .candidates(Aggregate::ByScale)
            .into_iter()
            .map(|candidate| Sampled {
                score: candidate.score.is_finite().then_some(candidate.score),
                finished: outcome.tree[candidate.node].is_finished(),
                right: outcome.tree.verdict(candidate.node, &gold).is_right(),
                answer: candidate.answer,
            })
            .collect(),
    };
    Row {
        answer: outcome.answer().filter(|_| error.is_none()),
        correct: error.is_none() && outcome.verdict(&gold).is_right(),
        candidates,
        stop: Some(outcome.stop),
        cost: outcome.usage.logical,
        unscored: outcome.unscored.len(),
        index,
        gold,
        error,
    }
}

/// Figures over all rows, of scores of this scale.
///
/// # Errors
/// When there are no rows.
pub fn figures<'s>(
    setup: &'s Setup,
    scale: Scale,
    task: &dyn Task,
    rows: Vec<Row>,
) -> Result<Figures<'s>, Error> {
    let of = |rows: &mut dyn Iterator<Item = &Row>, correct: &dyn Fn(&Row) -> bool| {
        let correct: Vec<bool> = rows.map(correct).collect();
        metrics::accuracy_interval(&correct)
    };
    let ran = || rows.iter().filter(|row| row.error.is_none());
    let accuracy = of(&mut rows.iter(), &|row| row.correct)?;
    let failed = rows.len() - ran().count();
    let accuracy_of_run =
        if failed < rows.len() { Some(of(&mut ran(), &|row| row.correct)?) } else { None };
    let any_candidate =
        of(&mut rows.iter(), &|row| row.candidates.iter().any(|candidate| candidate.right))?;
    let mut total = Cost::default();
    for row in &rows {
        total += row.cost;
    }
    let mean = |sum: u64| sum as f64 / rows.len() as f64;
    let per_problem = Means {
        samples: mean(total.samples),
        generated_tokens: mean(total.generated_tokens),
        scored_tokens: mean(total.scored_tokens),
        flops: total.flops / rows.len() as f64,
        calls: mean(total.calls),
    };
    let curve = match samples_by(&setup.recipe) {
        Some(aggregate) => curve(ran(), scale, aggregate, task)?,
        None => Vec::new(),
    };
    let unscored = rows.iter().map(|row| row.unscored).sum();
    Ok(Figures {
        setup,
        problems: rows.len(),
        scale,
        accuracy,
        accuracy_of_run,
        any_candidate,
        total,
        per_problem,
        failed,
        unscored,
        curve,
        rows,
    })
}

/// The curve over the problems that ran. A problem with fewer samples than `k` says nothing of that `k`.
fn curve<'r>(
    rows: impl Iterator<Item = &'r Row>,
    scale: Scale,
    aggregate: Aggregate,
    task: &dyn Task,
) -> Result<Vec<CurvePoint>, Error> {
    let mut same = task.comparer();
    let pools: Vec<Pool> = rows
        .filter(|row| !row.candidates.is_empty())
        .map(|row| Pool::of_samples(&row.candidates, scale, aggregate, &mut same))
        .collect::<Result<_, _>>()?;
    let most = pools.iter().map(Pool::len).max().unwrap_or(0);
    let ks: Vec<usize> =
        std::iter::successors(Some(1), |k| Some(2 * k)).take_while(|&k| k < most).collect();
    let mut points = Vec::new();
    for k in ks.into_iter().chain((most > 0).then_some(most)) {
        let large: Vec<(usize, &Pool)> =
            pools.iter().enumerate().filter(|(_, pool)| pool.len() >= k).collect();
        let mean = |metric: Metric| -> Result<f64, Error> {
            let mut sum = 0.0;
            for &(index, pool) in &large {
                sum += pool.at_k(metric, k, 1000, index as u64)?.value;
            }
            Ok(sum / large.len() as f64)
        };
        points.push(CurvePoint {
            k,
            problems: large.len(),
            pass: mean(Metric::Pass)?,
            majority: mean(Metric::Vote(Weight::Count))?,
            best: mean(Metric::Best)?,
            weighted: mean(Metric::Weighted)?,
        });
    }
    Ok(points)
}

/// Where the records of a run go when nobody says: beside the figures, or under `runs`.
pub fn default_folder(json: Option<&Path>, data: &Path) -> PathBuf {
    if let Some(json) = json {
        return json.with_extension("records");
    }
    let name = data.file_stem().map_or("data".into(), |name| name.to_string_lossy());
    Path::new("runs").join(format!("{name}.records"))
}

/// Finds out before hours of work whether a file can be written; makes its folder.
///
/// # Errors
/// When it cannot.
pub fn check_writable(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::File::options().append(true).create(true).open(path))
        .map(|_| ())
        .map_err(|error| format!("{}: {error}", path.display()).into())
}
