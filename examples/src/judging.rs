//! Judges beside one another, by the judgements that `judge --out` keeps.
//!
//! Source: Holm 1979 for differences of several, see `tts_core::metrics`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde::Serialize;
use tts_core::metrics::{Paired, holm};
use tts_prm::critic::assess::{self, Record, compare, read_heard};

use crate::Error;
use crate::files::write_json;

/// Compares judgements on file, item by item: each with the first.
#[derive(Debug, Parser)]
#[command(name = "judge")]
pub struct Comparing {
    /// Folders of judgements (or their files) by `--out`, two or more, of the same data: each is compared with the first.
    #[arg(long, num_args = 2.., required = true, value_name = "FOLDER")]
    compare: Vec<PathBuf>,
    /// Where differences go, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A judge beside the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside {
    /// Its judgements.
    pub judged: PathBuf,
    /// How much more often it is right, item by item.
    #[serde(flatten)]
    pub paired: Paired,
    /// The p-value, adjusted for how many are compared.
    pub adjusted: f64,
    /// Items that only one of the two has.
    pub alone: usize,
}

fn percent(record: &Record) -> f64 {
    let right: f64 = record.items.iter().map(|heard| heard.right).sum();
    100.0 * right / record.items.len().max(1) as f64
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
        let found = beside(path, first, others)?;
        writeln!(out, "{:.1} %  {} by {}", percent(first), path.display(), first.by.model)?;
        for (beside, (path, record)) in found.iter().zip(others) {
            let Paired { difference, interval: [low, high], problems, .. } = beside.paired;
            writeln!(
                out,
                "{:.1} %  {} by {}: {:+.1} points ({:+.1} to {:+.1}, p {:.3}) on {problems} items",
                percent(record),
                path.display(),
                record.by.model,
                100.0 * difference,
                100.0 * low,
                100.0 * high,
                beside.adjusted
            )?;
            if beside.alone > 0 {
                writeln!(out, "        {} items have only one of the two", beside.alone)?;
            }
        }
        match &self.json {
            Some(path) => write_json(path, &found),
            None => Ok(()),
        }
    }
}

/// Each of the others beside the first, with p-values that are adjusted for their number.
fn beside(path: &Path, first: &Record, others: &[(PathBuf, Record)]) -> Result<Vec<Beside>, Error> {
    let compared = |(judged, record): &(PathBuf, Record)| {
        let named = |error| format!("{} beside {}: {error}", judged.display(), path.display());
        compare(record, first).map_err(named)
    };
    let compared = others.iter().map(compared).collect::<Result<Vec<_>, _>>()?;
    let p_values: Vec<f64> = compared.iter().map(|(paired, _)| paired.p_value).collect();
    let adjusted = holm(&p_values)?;
    let beside = others.iter().zip(compared).zip(adjusted);
    Ok(beside
        .map(|(((judged, _), (paired, alone)), adjusted)| Beside {
            judged: judged.clone(),
            paired,
            adjusted,
            alone,
        })
        .collect())
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
