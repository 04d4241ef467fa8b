//! Accuracy against compute on a set of problems, resumable.
//!
//! Every problem has its own record in a folder (see `tts_core::record`), beside a manifest of
//! everything that decides results; a run that was killed goes on where it was, and leaves the same
//! bytes as one that was not. Timings go to a file of their own.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tts_core::metrics::{self, Accuracy, Metric};
use tts_core::select::{Vote, Weight};
use tts_core::{
    Aggregate, Cost, Event, Generator, Outcome, ProblemId, Prompt, Search, SearchError, StepScorer,
    Stop, answer,
};

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
            Ok(_) => Err(format!(
                "{}: the records in this folder were made with another model, recipe, scorer, \
                 settings or data: name another folder with --record, or remove it",
                path.display()
            )
            .into()),
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
        tts_core::seed::root(hash, &text)
    })
}

/// One candidate solution.
#[derive(Debug, Serialize)]
pub struct CandidateRow {
    /// Its final answer.
    pub answer: Option<String>,
    /// Whether that is right.
    pub correct: bool,
    /// Mean score of its steps; `null` when none was judged.
    pub score: Option<f64>,
    /// Whether it ended by itself.
    pub finished: bool,
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
    /// All candidates.
    pub candidates: Vec<CandidateRow>,
}

/// A point of a curve over the number of samples.
#[derive(Debug, Serialize)]
pub struct CurvePoint {
    /// Samples.
    pub k: usize,
    /// Some candidate is right (unbiased).
    pub pass: f64,
    /// The answer of most candidates is right.
    pub majority: f64,
    /// The best-scored candidate is right.
    pub best: f64,
    /// The answer with the highest sum of `exp(score)` is right.
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
    /// Of the strategy's answers, with the 95 % Wilson interval.
    pub accuracy: Accuracy,
    /// Of the best possible choice among the candidates.
    pub any_candidate: Accuracy,
    /// Over all problems.
    pub total: Cost,
    /// Means over problems.
    pub per_problem: Means,
    /// Problems whose search failed.
    pub failed: usize,
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
        observer: impl FnMut(&Event<'_>) + 'a,
        done: impl FnMut(ProblemId, &Result<Outcome, SearchError>),
    ) -> Vec<Result<Outcome, SearchError>> {
        let setup = self.setup;
        let problems = self.prompts.into_iter().map(|prompt| (setup.recipe.clone(), prompt));
        Search::new(self.policy)
            .scorer(self.scorer)
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

/// The row of a problem.
pub fn row(index: usize, problem: &Problem, result: &Result<Outcome, SearchError>) -> Row {
    let gold = problem.gold.clone();
    let mut readings = answer::Readings::default();
    let mut right =
        |found: Option<&str>| found.is_some_and(|found| readings.equivalent(&gold, found));
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
            candidates: Vec::new(),
        };
    };
    let answer = outcome.answer().filter(|_| error.is_none());
    let correct = right(answer.as_deref());
    let candidate = |c: tts_core::Candidate| CandidateRow {
        correct: right(c.answer.as_deref()),
        answer: c.answer,
        score: c.score.is_finite().then_some(c.score),
        finished: outcome.tree[c.node].is_finished(),
    };
    Row {
        correct,
        candidates: outcome.candidates(Aggregate::Mean).into_iter().map(candidate).collect(),
        stop: Some(outcome.stop),
        cost: outcome.usage.logical,
        index,
        gold,
        answer,
        error,
    }
}

/// Figures over all rows. `independent` tells whether the candidates are independent samples, so
/// that smaller pools can be drawn from them.
///
/// # Errors
/// When there are no rows.
pub fn figures(setup: &Setup, rows: Vec<Row>, independent: bool) -> Result<Figures<'_>, Error> {
    let of = |correct: &dyn Fn(&Row) -> bool| -> Result<Accuracy, Error> {
        let correct: Vec<bool> = rows.iter().map(correct).collect();
        Ok(metrics::accuracy_interval(&correct)?)
    };
    let accuracy = of(&|row| row.correct)?;
    let any_candidate = of(&|row| row.candidates.iter().any(|candidate| candidate.correct))?;
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
    let curve = if independent { curve(&rows)? } else { Vec::new() };
    let failed = rows.iter().filter(|row| row.error.is_some()).count();
    Ok(Figures {
        setup,
        problems: rows.len(),
        accuracy,
        any_candidate,
        total,
        per_problem,
        failed,
        curve,
        rows,
    })
}

fn curve(rows: &[Row]) -> Result<Vec<CurvePoint>, Error> {
    let most = rows.iter().map(|row| row.candidates.len()).min().unwrap_or(0);
    let pools: Vec<metrics::Pool> = rows
        .iter()
        .filter(|row| !row.candidates.is_empty())
        .map(|row| {
            let votes: Vec<Vote> = row
                .candidates
                .iter()
                .map(|c| Vote { answer: c.answer.clone(), score: c.score.map_or(0.0, f64::exp) })
                .collect();
            let correct: Vec<bool> = row.candidates.iter().map(|c| c.correct).collect();
            let mut readings = answer::Readings::default();
            metrics::Pool::new(&votes, &correct, |a, b| readings.equivalent(a, b))
        })
        .collect::<Result<_, _>>()?;
    let ks: Vec<usize> =
        std::iter::successors(Some(1), |k| Some(2 * k)).take_while(|&k| k < most).collect();
    let mut points = Vec::new();
    for k in ks.into_iter().chain((most > 0).then_some(most)) {
        let mean = |metric: Metric| -> Result<f64, Error> {
            let mut sum = 0.0;
            for (index, pool) in pools.iter().enumerate() {
                sum += pool.at_k(metric, k, 1000, index as u64)?.value;
            }
            Ok(sum / rows.len() as f64)
        };
        points.push(CurvePoint {
            k,
            pass: mean(Metric::Pass)?,
            majority: mean(Metric::Vote(Weight::Count))?,
            best: mean(Metric::Best)?,
            weighted: mean(Metric::Vote(Weight::Raw))?,
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
