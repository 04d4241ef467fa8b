//! The report of a whole evaluation from the folders of its shards.
//!
//! Every folder says which shard of which evaluation it is. What they have in common has to be the same, and
//! each shard has to be there once and done; then the graded problems, in order, are those of one run, and
//! so is the report, to the byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use tts_core::rows::{Place, RowError};
use tts_core::{Aggregate, Task};

use super::folder::differs;
use super::manifest::{MANIFEST, Manifest, VERSION, graded, seconds};
use super::{EvaluateError, Graded, Report, Shard};

/// An evaluation whose shards are all there.
///
/// ```
/// use tts_core::toy::ToyWorld;
/// use tts_core::{Search, StepRule, task};
/// use tts_search::SelfConsistency;
/// use tts_search::evaluate::{Evaluation, Item, Merged, Shard};
/// # let place = tempfile::tempdir()?;
/// # let place = place.path();
///
/// let world = ToyWorld::default();
/// let items: Vec<Item> =
///     (0..10).map(|n| Item::new(world.prompt(n).question(), world.answer(n))).collect();
/// let strategy = SelfConsistency { n: 4, ..Default::default() };
/// let evaluation = Evaluation::new(Search::new(&world).rule(StepRule::lines()), &items);
/// for number in 1..=3 {
///     // Each in a process of its own, say.
///     let shard = evaluation.clone().shard(Shard::new(number, 3)?);
///     shard.keep(place.join(number.to_string()), &strategy)?.run(&strategy, |_| {})?;
/// }
/// let merged = Merged::of(&[1, 2, 3].map(|number: usize| place.join(number.to_string())))?;
/// let report = merged.report(&*task::by_name(merged.task())?)?;
/// assert_eq!(report, evaluation.run(&strategy, |_| {})?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Merged {
    manifest: Manifest,
    rows: Vec<Graded>,
    seconds: BTreeMap<usize, f64>,
}

impl Merged {
    /// Reads the folders of all shards, in any order; of an evaluation that was not cut into shards, its one.
    ///
    /// # Errors
    /// When a folder holds no evaluation, one of another version, other problems or other settings; when a
    /// shard is missing, there twice, or not done: the error names folder and shard.
    pub fn of(folders: &[impl AsRef<Path>]) -> Result<Self, EvaluateError> {
        let mut shards: BTreeMap<Shard, (PathBuf, Manifest)> = BTreeMap::new();
        let mut first: Option<(PathBuf, serde_json::Value)> = None;
        for folder in folders.iter().map(AsRef::as_ref) {
            let manifest = manifest(folder)?;
            let (shard, whole) = (manifest.shard, manifest.whole()?);
            match &first {
                None => first = Some((folder.to_owned(), whole)),
                Some((of, there)) if *there != whole => {
                    let differs = differs(there, &whole);
                    return Err(EvaluateError::OtherEvaluation {
                        folder: folder.to_owned(),
                        of: of.clone(),
                        differs,
                    });
                }
                Some(_) => {}
            }
            if let Some((other, _)) = shards.insert(shard, (folder.to_owned(), manifest)) {
                let (folder, other) = (folder.display(), other.display());
                let problem =
                    format!("shard {shard} is in {other} and in {folder}: name one of them");
                return Err(EvaluateError::Settings(problem));
            }
        }
        let Some((_, manifest)) = shards.first_key_value().map(|(_, found)| found.clone()) else {
            return Err(EvaluateError::Settings("no folders to merge".into()));
        };
        complete(&shards)?;
        let mut rows = Vec::with_capacity(manifest.problems);
        let mut times = BTreeMap::new();
        for (shard, (folder, manifest)) in &shards {
            rows.extend(done(*shard, folder, manifest)?);
            times.extend(seconds(folder, manifest)?);
        }
        rows.sort_by_key(|row: &Graded| row.index);
        Ok(Self { manifest, rows, seconds: times })
    }

    /// What an answer is, by name: [`Merged::report`] asks for the task.
    pub fn task(&self) -> &str {
        &self.manifest.task
    }

    /// What [`Evaluation::keep`](super::Evaluation::keep) was given.
    pub fn settings(&self) -> &RawValue {
        &self.manifest.settings
    }

    /// A hash of all questions and answers, in order: evaluations of the same problems have the same.
    pub fn fingerprint(&self) -> u64 {
        self.manifest.fingerprint
    }

    /// How the strategy chooses among independent samples; `None` of a search that is more than that.
    pub fn samples(&self) -> Option<Aggregate> {
        self.manifest.samples
    }

    /// Mean wall time of a problem in seconds, from when it was taken up until it was over, in the company that
    /// it ran in. `None` where the time of some problem is not known: of one that was gone on with after a kill it is
    /// not, nor in folders of before.
    pub fn seconds(&self) -> Option<f64> {
        let known = self.rows.iter().map(|row| self.seconds.get(&row.index));
        let sum: f64 = known.collect::<Option<Vec<&f64>>>()?.into_iter().sum();
        (!self.rows.is_empty()).then(|| sum / self.rows.len() as f64)
    }

    /// The figures over all problems.
    ///
    /// # Errors
    /// When the task is another one, or there are no problems.
    pub fn report(&self, task: &dyn Task) -> Result<Report, EvaluateError> {
        if task.name() != self.manifest.task {
            let (expected, found) = (&self.manifest.task, task.name());
            let problem = format!("the task is {found:?}, expected {expected:?}");
            return Err(EvaluateError::Settings(problem));
        }
        Report::new(self.rows.clone(), self.manifest.samples, self.manifest.scale, task)
    }
}

/// The manifest of a folder.
fn manifest(folder: &Path) -> Result<Manifest, EvaluateError> {
    // The version first: another one has another form.
    #[derive(Deserialize)]
    struct Version {
        evaluation: u32,
    }
    let path = folder.join(MANIFEST);
    let text = std::fs::read_to_string(&path).map_err(EvaluateError::at(&path))?;
    let bad = |problem: String| EvaluateError::Row {
        path: path.clone(),
        source: RowError::new(None, problem),
    };
    let not = |error: serde_json::Error| bad(format!("not the manifest of an evaluation: {error}"));
    let Version { evaluation } = serde_json::from_str(&text).map_err(not)?;
    if evaluation != VERSION {
        return Err(bad(format!("version {evaluation}, expected {VERSION}")));
    }
    serde_json::from_str(&text).map_err(not)
}

/// Refuses an evaluation that lacks shards, or has some of another cut.
fn complete(shards: &BTreeMap<Shard, (PathBuf, Manifest)>) -> Result<(), EvaluateError> {
    let of = shards.keys().next().map_or(1, |shard| shard.of());
    if let Some((shard, (folder, _))) = shards.iter().find(|(shard, _)| shard.of() != of) {
        let folder = folder.display();
        let problem = format!("{folder}: shard {shard} of another cut: the others are of {of}");
        return Err(EvaluateError::Settings(problem));
    }
    // Of more shards than problems, the last have none, and may be left out.
    let problems = shards.values().next().map_or(0, |(_, manifest)| manifest.problems);
    let there =
        |number: usize| number > problems || shards.keys().any(|shard| shard.number() == number);
    let missing: Vec<String> =
        (1..=of).filter(|&number| !there(number)).map(|number| format!("{number}/{of}")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let problem = format!("{} of {of} shards, missing: {}", shards.len(), missing.join(", "));
    Err(EvaluateError::Settings(problem))
}

/// The problems of a shard, all of them.
fn done(shard: Shard, folder: &Path, manifest: &Manifest) -> Result<Vec<Graded>, EvaluateError> {
    let rows = graded(folder, manifest)?;
    let expected: Vec<usize> = shard.places(manifest.problems).collect();
    if let Some(row) = rows.iter().find(|row| expected.binary_search(&row.index).is_err()) {
        let at = Some(Place::Item(row.index + 1));
        let problem = format!("is not of shard {shard}");
        return Err(EvaluateError::Row {
            path: folder.to_owned(),
            source: RowError::new(at, problem),
        });
    }
    if rows.len() < expected.len() {
        let (folder, done, of) = (folder.display(), rows.len(), expected.len());
        let problem =
            format!("{folder}: shard {shard} has {done} of {of} problems: let it go on first");
        return Err(EvaluateError::Settings(problem));
    }
    Ok(rows)
}
