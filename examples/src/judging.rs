//! Judges beside one another, by the judgements that `judge --out` keeps.
//!
//! Source: Holm 1979 for differences of several, see `tts_core::metrics`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde::Serialize;
use tts_core::metrics::{Accuracy, Paired, holm, share_interval};
use tts_prm::critic::assess::{self, Record, compare, read_heard};

use crate::Error;
use crate::files::write_json;

/// Resamplings of an interval.
const DRAWS: usize = 2_000;

/// Compares judgements on file, item by item: each with the first.
#[derive(Debug, Parser)]
#[command(name = "judge")]
pub struct Comparing {
    /// Folders of judgements (or their files) by `--out`, two or more, of the same data: each is compared with the first.
    #[arg(long, num_args = 2.., required = true, value_name = "FOLDER")]
    compare: Vec<PathBuf>,
    /// Where accuracies and differences go, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A judge of several, and how good it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Its judgements.
    pub judged: PathBuf,
    /// Who judged, for a reader: judge and model, or the scorer.
    pub judge: String,
    /// What the model's lines depend on, or what it is called.
    pub model: String,
    /// How often it is right.
    pub accuracy: Accuracy,
    /// Items of which it said nothing, each worth a guess.
    pub abstained: usize,
    /// The same beside the first; `None` of the first itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_first: Option<Beside>,
}

/// A judge beside the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside {
    /// How much more often it is right, item by item.
    #[serde(flatten)]
    pub paired: Paired,
    /// The p-value, adjusted for how many are compared.
    pub adjusted: f64,
    /// Items that only one of the two has.
    pub alone: usize,
}

impl Comparing {
    /// Whether the command line asks for it.
    pub fn is_asked(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> bool {
        arguments.into_iter().any(|argument| {
            argument
                .to_str()
                .is_some_and(|text| text == "--compare" || text.starts_with("--compare="))
        })
    }

    /// Compares, and writes what came of it.
    ///
    /// # Errors
    /// When a file cannot be read, or they are of other data.
    pub fn run(&self, mut out: impl Write) -> Result<(), Error> {
        let read = |path: &PathBuf| Ok::<_, Error>((path.clone(), read_heard(path)?));
        let all = self.compare.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let Some(((path, first), others)) = all.split_first() else {
            return Err("--compare: expected two folders or more".into());
        };
        let own = compared(path, first)?;
        let beside = beside(path, first, others)?;
        let mut all = vec![own];
        for ((path, record), beside) in others.iter().zip(beside) {
            all.push(Compared { against_first: Some(beside), ..compared(path, record)? });
        }
        for judge in &all {
            judge.write(&mut out)?;
        }
        match &self.json {
            Some(path) => write_json(path, &all),
            None => Ok(()),
        }
    }
}

/// How good a judge is by what is on file of it.
fn compared(path: &Path, record: &Record) -> Result<Compared, Error> {
    if record.items.iter().all(|heard| heard.written.is_empty()) {
        return Err(format!("{}: none of its judgements could be read", path.display()).into());
    }
    let right: Vec<f64> = record.items.iter().map(|heard| heard.right).collect();
    Ok(Compared {
        judged: path.to_owned(),
        judge: record.by.told(),
        model: record.by.model.clone(),
        accuracy: share_interval(&right, DRAWS, 0)?,
        abstained: record.items.iter().filter(|heard| heard.abstains()).count(),
        against_first: None,
    })
}

impl Compared {
    fn write(&self, out: &mut impl Write) -> Result<(), Error> {
        let Accuracy { mean, interval: [low, high], problems, .. } = self.accuracy;
        let [mean, low, high] = [mean, low, high].map(|share| 100.0 * share);
        let (path, judge) = (self.judged.display(), &self.judge);
        write!(out, "{mean:.1} % ({low:.1} to {high:.1}) on {problems} items  {path}: {judge}")?;
        if self.abstained > 0 {
            write!(out, ", {} abstained", self.abstained)?;
        }
        writeln!(out)?;
        let Some(beside) = &self.against_first else { return Ok(()) };
        let Paired { difference, interval: [low, high], problems, .. } = beside.paired;
        let [difference, low, high] = [difference, low, high].map(|share| 100.0 * share);
        writeln!(
            out,
            "        {difference:+.1} points ({low:+.1} to {high:+.1}, p {:.3}) on {problems} items beside the first",
            beside.adjusted
        )?;
        if beside.alone > 0 {
            writeln!(out, "        {} items have only one of the two", beside.alone)?;
        }
        Ok(())
    }
}

/// Each of the others beside the first, with p-values that are adjusted for their number.
fn beside(path: &Path, first: &Record, others: &[(PathBuf, Record)]) -> Result<Vec<Beside>, Error> {
    let pair = |(judged, record): &(PathBuf, Record)| {
        let named = |error| format!("{} beside {}: {error}", judged.display(), path.display());
        compare(record, first).map_err(named)
    };
    let pairs = others.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
    let p_values: Vec<f64> = pairs.iter().map(|(paired, _)| paired.p_value).collect();
    let adjusted = holm(&p_values)?;
    let beside = pairs.into_iter().zip(adjusted);
    Ok(beside.map(|((paired, alone), adjusted)| Beside { paired, adjusted, alone }).collect())
}

/// The judgements that a path names, if it names any: a folder that has them, or their file.
pub fn judged(path: &Path) -> Option<PathBuf> {
    let file = assess::heard::file(path);
    let named = file.file_name().is_some_and(|name| name == assess::heard::FILE);
    (named && file.is_file()).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_from_judging_by_its_option() {
        let asked = |text: &str| Comparing::is_asked(text.split(' ').map(Into::into));
        assert!(asked("judge --compare a b") && asked("judge --compare=a b"));
        assert!(!asked("judge --model m --data compare --judge pairwise"));
        assert!(Comparing::try_parse_from(["judge", "--compare", "a"]).is_err());
        let nowhere = Comparing::try_parse_from(["judge", "--compare", "nowhere", "b"]);
        let error = nowhere.expect("two").run(Vec::new()).expect_err("no file").to_string();
        assert!(error.contains("nowhere"), "{error}");
        assert_eq!(judged(Path::new("nowhere")), None);
    }
}
