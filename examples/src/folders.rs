//! Folders of evaluations as arms of a study: what was run in each, and what came of it.
//!
//! On a command line an arm is `FOLDER`, or `NAME=FOLDER`; of an evaluation in shards, the folders of all of
//! them with commas between ([`Folders`]). [`Kept`] is what lies there: the settings as `evaluate` kept them, the
//! recipe among them, and the report. [`check_same_problems`] refuses arms of other problems,
//! [`check_apart`] a pool whose samples are those of an arm.
//!
//! Source: none; a format of this library ([`tts_search::evaluate::Merged`]).

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;
use tts_core::Aggregate;
use tts_core::files::{Difference, differing};
use tts_search::Recipe;
use tts_search::evaluate::{Arm, Merged, Report};

use crate::families::kept_task;
use crate::{Error, judges};

/// The folders of one evaluation, and what to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The name that was given, or that of the folders, without their endings.
    pub name: String,
    /// The folders of all shards.
    pub folders: Vec<PathBuf>,
}

impl FromStr for Folders {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A folder may have an equals sign in its name, a name no separator.
        let named = text.split_once('=').filter(|(name, _)| !name.contains(['/', '\\', ',']));
        let (name, paths) = named.map_or((None, text), |(name, paths)| (Some(name), paths));
        let folders: Vec<PathBuf> = paths.split(',').map(PathBuf::from).collect();
        if folders.iter().any(|folder| folder.as_os_str().is_empty()) || name == Some("") {
            return Err(format!("{text:?}: expected FOLDER, NAME=FOLDER, or FOLDER,FOLDER,.."));
        }
        let name = name.map_or_else(|| name_of_all(&folders), str::to_owned);
        Ok(Self { name, folders })
    }
}

/// The name of shards: that of each, where it is one, else how all of them begin, else all.
fn name_of_all(folders: &[PathBuf]) -> String {
    let names: Vec<String> = folders.iter().map(|folder| name_of(folder)).collect();
    let (first, others) = (&names[0], &names[1..]);
    if others.iter().all(|name| name == first) {
        return first.clone();
    }
    let begins = |end: &usize| others.iter().all(|name| name.starts_with(&first[..*end]));
    let mut ends = first.char_indices().map(|(at, _)| at).chain([first.len()]);
    let common = &first[..ends.rfind(begins).unwrap_or(0)];
    // What counts the shards is no part of it.
    let common = common.trim_end_matches(|c: char| c.is_ascii_digit() || "-_. ".contains(c));
    if common.is_empty() { names.join("+") } else { common.to_owned() }
}

/// The name of a folder, without what `evaluate` puts behind it.
fn name_of(folder: &std::path::Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
    let name = name.strip_suffix(".records").unwrap_or(&name);
    let shard = name.rsplit_once(".shard-").map(|(name, _)| name);
    shard.unwrap_or(name).to_owned()
}

/// An evaluation that lies in folders, whole.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What to call it.
    pub name: String,
    /// What was kept of its options: of `evaluate`, `model`, `roles`, `scorer`, `mapping` and `setup`.
    pub settings: Value,
    /// Of questions and answers.
    pub fingerprint: u64,
    /// How its strategy chooses among independent samples, if it does.
    pub samples: Option<Aggregate>,
    /// What came of it.
    pub report: Report,
    /// Mean wall time of a problem, where it was measured of all.
    pub seconds: Option<f64>,
}

/// Refuses a path that is no folder of an evaluation.
///
/// # Errors
/// When it is not there, is a file, or has no manifest: the error says what is expected, and which folder beside it has one.
pub fn check_folder(folder: &Path) -> Result<(), Error> {
    if folder.join("manifest.json").is_file() {
        return Ok(());
    }
    let what = match std::fs::metadata(folder) {
        Err(_) => "no such folder",
        Ok(found) if found.is_dir() => "no evaluation is in this folder (manifest.json)",
        Ok(_) => "a file, and no folder",
    };
    let beside = folder.with_extension("records");
    let there = if beside.join("manifest.json").is_file() {
        format!(": {} is one", beside.display())
    } else {
        String::new()
    };
    let expected = "expected a folder of records of `evaluate`: that of --record, or NAME.records beside --json NAME.json";
    Err(format!("{}: {what}, {expected}{there}", folder.display()).into())
}

/// A setting that differs, with what it is in two evaluations.
fn side_by_side(found: &Difference, there: &str, here: &str) -> String {
    let shown = |value: &Option<Value>| -> String {
        let text = value.as_ref().map_or("none".to_owned(), ToString::to_string);
        text.chars().take(60).collect()
    };
    let Difference { field, .. } = found;
    format!("{field} ({} in {here}, {} in {there})", shown(&found.now), shown(&found.there))
}

impl Kept {
    /// Reads the folders of an arm.
    ///
    /// # Errors
    /// When they are not all shards of one evaluation, each done: the error names the folder.
    pub fn read(of: &Folders) -> Result<Self, Error> {
        of.folders.iter().try_for_each(|folder| check_folder(folder))?;
        let merged = Merged::of(&of.folders)?;
        let settings: Value = serde_json::from_str(merged.settings().get())?;
        let report = merged.report(&*kept_task(merged.task(), &settings)?)?;
        Ok(Self {
            name: of.name.clone(),
            settings,
            fingerprint: merged.fingerprint(),
            samples: merged.samples(),
            seconds: merged.seconds(),
            report,
        })
    }

    /// Its strategy.
    ///
    /// # Errors
    /// When the folder does not say, as one that `evaluate` left does, or the strategy is not known here.
    pub fn recipe(&self) -> Result<Recipe, Error> {
        let Some(recipe) = self.settings.pointer("/setup/recipe") else {
            let name = &self.name;
            return Err(
                format!("{name}: its manifest names no recipe (settings.setup.recipe)").into()
            );
        };
        let read = judges::registry().from_json(&recipe.to_string());
        Ok(read.map_err(|error| format!("{}: {error}", self.name))?)
    }

    /// What is another in its settings than in those of another arm, with what it is there and here.
    pub fn beside(&self, other: &Self) -> Vec<String> {
        self.beside_but(other, &[])
    }

    /// [`Kept::beside`], but for settings of these names and what is below them.
    pub fn beside_but(&self, other: &Self, but: &[&str]) -> Vec<String> {
        let left_out = |field: &str| {
            let below = |name: &&str| field.strip_prefix(*name).is_some_and(is_end_of_name);
            but.iter().any(below)
        };
        let found = differing(&other.settings, &self.settings).into_iter();
        let found = found.filter(|found| !left_out(&found.field));
        found.map(|found| side_by_side(&found, &other.name, &self.name)).collect()
    }

    /// As an arm of a comparison.
    pub fn arm(&self) -> Arm {
        let mut arm = Arm::new(self.name.clone(), self.report.clone());
        arm.seconds = self.seconds;
        arm
    }
}

/// Whether a name of a setting ends before this, and is not the beginning of another.
fn is_end_of_name(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('.')
}

/// Refuses evaluations of other problems than the first's.
///
/// # Errors
/// When questions or answers differ: the error names both.
pub fn check_same_problems<'k>(all: impl IntoIterator<Item = &'k Kept>) -> Result<(), Error> {
    let mut all = all.into_iter();
    let Some(first) = all.next() else { return Ok(()) };
    for other in all {
        if other.fingerprint == first.fingerprint {
            continue;
        }
        // Which ones differ, where a report can tell; it holds no questions.
        first
            .report
            .against(&other.report)
            .map_err(|error| format!("{} and {}: {error}", first.name, other.name))?;
        let (first, other) = (&first.name, &other.name);
        return Err(format!("{first} and {other}: other questions, expected the same ones").into());
    }
    Ok(())
}

/// Refuses a pool that says how difficult problems are where an arm has the same samples: seeds follow from
/// paths, so the luck of the samples would choose the bin that it is then seen in. With another sampling most of
/// them are the same still, since each line draws the same numbers.
///
/// # Errors
/// When the pool is of no independent samples, or was drawn from an arm's model and seed.
pub fn check_apart<'k>(pool: &Kept, arms: impl IntoIterator<Item = &'k Kept>) -> Result<(), Error> {
    let name = &pool.name;
    if pool.samples.is_none() {
        let problem = "its strategy does not choose among independent samples, expected best-of-n \
                       or self-consistency, say";
        return Err(format!("{name}: {problem}").into());
    }
    let origin = |kept: &Kept| {
        let at = |path: &str| kept.settings.pointer(path).cloned();
        (at("/model"), at("/setup/seed"))
    };
    let own = origin(pool);
    match arms.into_iter().find(|arm| own.1.is_some() && origin(arm) == own) {
        None => Ok(()),
        Some(arm) => Err(format!(
            "{name}: has the samples of {:?}, since model and seed are the same: draw the pool with another \
             --seed",
            arm.name
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tts_core::toy::ToyWorld;
    use tts_core::{Search, StepRule};
    use tts_search::evaluate::{Evaluation, Item};
    use tts_search::{BeamSearch, SelfConsistency};

    use super::*;

    #[test]
    fn arms_are_named_by_their_folders() {
        let read = |text: &str| text.parse::<Folders>().map(|found| (found.name, found.folders));
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        for (text, name, folders) in [
            ("runs/beam.records", "beam", &["runs/beam.records"][..]),
            ("beam", "beam", &["beam"]),
            ("wide=runs/beam.records", "wide", &["runs/beam.records"]),
            (
                "a.shard-1-of-2.records,a.shard-2-of-2.records",
                "a",
                &["a.shard-1-of-2.records", "a.shard-2-of-2.records"],
            ),
            ("runs/b1,runs/b2", "b", &["runs/b1", "runs/b2"]),
            ("beam-1.records,beam-12.records", "beam", &["beam-1.records", "beam-12.records"]),
            ("x,y", "x+y", &["x", "y"]),
            ("runs/t=0.7.records", "t=0.7", &["runs/t=0.7.records"]),
            ("hot=runs/t=0.7", "hot", &["runs/t=0.7"]),
        ] {
            assert_eq!(read(text), Ok((name.to_owned(), paths(folders))), "{text}");
        }
        for text in ["", "a,", "=a", "a=", ","] {
            let error = read(text).expect_err(text);
            assert!(error.contains("expected FOLDER"), "{text}: {error}");
        }
    }

    #[test]
    fn what_lies_in_folders_is_read_and_told_apart() {
        let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
        let item = |number| Item::new(world.prompt(number).question(), world.answer(number));
        let items: Vec<Item> = (0..6).map(item).collect();
        let place = tempfile::tempdir().expect("a folder");
        let keep = |name: &str, recipe: Recipe, seed: u64, items: &[Item]| {
            let search = Search::new(world).rule(StepRule::lines()).seed(seed);
            let sampling = json!({"temperature": if name == "hot" { 0.9 } else { 0.7 }});
            let setup = json!({"recipe": recipe, "seed": seed, "sampling": sampling});
            let settings = json!({"model": "toy", "setup": setup});
            let folder = place.path().join(name);
            let kept = Evaluation::new(search, items).keep(&folder, &settings).expect("settings");
            kept.run(&recipe, |_| {}).expect("runs");
            folder.to_str().expect("text").parse::<Folders>().expect("a folder")
        };
        let votes = || Recipe::SelfConsistency(SelfConsistency { n: 4, ..Default::default() });
        let folders = [
            keep("votes", votes(), 0, &items),
            keep("pool", votes(), 1, &items),
            keep("fewer", votes(), 1, &items[..5]),
            keep("hot", votes(), 0, &items),
        ];
        let [arm, pool, fewer, hot] = folders.map(|of| Kept::read(&of).expect("an evaluation"));
        assert_eq!(arm.recipe().expect("named"), votes());
        assert!(arm.samples.is_some() && arm.seconds.is_some_and(|seconds| seconds > 0.0));
        assert_eq!(arm.arm().report.problems, 6);
        let other = pool.beside(&arm);
        assert_eq!(other, ["setup.seed (1 in pool, 0 in votes)"]);
        assert!(pool.beside_but(&arm, &["setup.seed"]).is_empty());
        assert_eq!(pool.beside_but(&arm, &["setup.see", "seed"]).len(), 1);
        // What is no folder of an evaluation is told from one, with where one is.
        let (file, empty) = (place.path().join("votes.json"), place.path().join("empty"));
        std::fs::write(&file, "{}").expect("written");
        std::fs::create_dir(&empty).expect("made");
        for (path, expected) in [
            (
                &file,
                "votes.json: a file, and no folder, expected a folder of records of `evaluate`",
            ),
            (&empty, "empty: no evaluation is in this folder (manifest.json), expected"),
            (&place.path().join("nosuch"), "nosuch: no such folder, expected a folder"),
        ] {
            let error = check_folder(path).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let records = place.path().join("votes.records");
        std::fs::rename(place.path().join("votes"), &records).expect("moved");
        let error = check_folder(&file).expect_err("a file").to_string();
        assert!(error.ends_with("votes.records is one"), "{error}");
        std::fs::rename(&records, place.path().join("votes")).expect("moved back");
        check_same_problems([&arm, &pool]).expect("the same");
        let error = check_same_problems([&arm, &fewer]).expect_err("others").to_string();
        assert!(error.contains("votes and fewer: reports of 6 and 5 problems"), "{error}");
        check_apart(&pool, [&arm]).expect("another seed");
        let error = check_apart(&arm, [&pool, &arm]).expect_err("the same samples").to_string();
        assert!(error.contains("has the samples of \"votes\""), "{error}");
        let error = check_apart(&hot, [&arm]).expect_err("the same numbers").to_string();
        assert!(error.contains("since model and seed are the same"), "{error}");
        // A search of steps is no pool.
        let search = Search::new(world).rule(StepRule::lines());
        let beam = BeamSearch::square(4);
        let scored = search.scorer(tts_core::toy::Oracle::of(&world));
        let folder = place.path().join("beam");
        let kept = Evaluation::new(scored, &items).keep(&folder, &json!({})).expect("settings");
        kept.run(&beam, |_| {}).expect("runs");
        let beam = folder.to_str().expect("text").parse::<Folders>().expect("a folder");
        let beam = Kept::read(&beam).expect("an evaluation");
        let error = check_apart(&beam, [&arm]).expect_err("no pool").to_string();
        assert!(error.contains("independent samples"), "{error}");
        let error = beam.recipe().expect_err("not named").to_string();
        assert_eq!(error, "beam: its manifest names no recipe (settings.setup.recipe)");
    }
}
