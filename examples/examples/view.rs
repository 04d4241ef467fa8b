//! Searches to look at: records as a page for a browser, or as a picture of a tree for a paper.
//!
//! `cargo run --release --example view -- RECORD... --out FILE.html`
//!
//! A record is what `--record` of the other commands leaves, of a run that was killed or still runs too; of
//! a folder (of an evaluation, say), all that it holds are shown. The form follows from the ending of `--out`: `.html`, `.dot`
//! (Graphviz) or `.mmd` (Mermaid), the last two of one record. The page needs no network.
//!
//! Judgements that `judge --out` keeps are shown too, a folder of them by itself: items that were judged wrong first, then split
//! ones.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tts_core::Retold;
use tts_core::inspect::{Case, Page, dot, mermaid};
use tts_examples::files::write_whole;
use tts_examples::{Error, exit, judging};
use tts_prm::critic::assess::{heard_page, read_heard};
use tts_search::evaluate;

/// Shows recorded searches.
#[derive(Parser)]
struct Arguments {
    /// Records, or folders of them.
    #[arg(required = true)]
    records: Vec<PathBuf>,
    /// Writes a page (`.html`) or a picture (`.dot`, `.mmd`); required where neither --dot nor --mermaid is given.
    #[arg(long, required_unless_present_any = ["dot", "mermaid"])]
    out: Option<PathBuf>,
    /// Writes the tree of the one record for Graphviz.
    #[arg(long)]
    dot: Option<PathBuf>,
    /// Writes the tree of the one record for Mermaid.
    #[arg(long)]
    mermaid: Option<PathBuf>,
    /// Most nodes of a picture.
    #[arg(long, default_value_t = 40)]
    nodes: usize,
    /// The right answer, of all of them.
    #[arg(long)]
    gold: Option<String>,
    /// The title of the page.
    #[arg(long, default_value = TITLE)]
    title: String,
}

/// The title where nothing is said.
const TITLE: &str = "Searches";

/// The files that are meant, in order.
fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for place in places {
        if place.is_dir() {
            files.append(&mut evaluate::records(place)?);
        } else {
            files.push(place.clone());
        }
    }
    Ok(files)
}

/// What a record is called: its file, with its folder where files of other folders are called alike.
fn name(path: &Path, files: &[PathBuf]) -> String {
    let name = path.file_stem().map_or("a record".into(), |name| name.to_string_lossy());
    let alike = files.iter().filter(|other| other.file_name() == path.file_name()).count();
    match path.parent().and_then(Path::file_name) {
        Some(folder) if alike > 1 => format!("{}/{name}", folder.to_string_lossy()),
        _ => name.into_owned(),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    write_whole(path, text.as_bytes())
}

/// Shows judgements.
fn judgements(arguments: &Arguments, path: &Path) -> Result<(), Error> {
    let [_] = &arguments.records[..] else {
        return Err(format!("{}: judgements are shown by themselves", path.display()).into());
    };
    let page = match &arguments.out {
        Some(out) if out.extension().is_some_and(|ending| ending == "html") => out,
        _ => {
            return Err(
                format!("{}: judgements are shown in --out FILE.html", path.display()).into()
            );
        }
    };
    let title = if arguments.title == TITLE { "Judgements" } else { arguments.title.as_str() };
    write(page, &heard_page(title, &read_heard(path)?)?)
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    if let Some(path) = arguments.records.iter().find_map(|place| judging::judged(place)) {
        return judgements(arguments, &path);
    }
    let mut err = std::io::stderr();
    let files = files(&arguments.records)?;
    let (mut cases, mut damaged) = (Vec::new(), 0);
    for path in &files {
        match Retold::read(path).map(|retold| Case::told(name(path, &files), retold)) {
            Ok(case) => cases.push(match &arguments.gold {
                Some(gold) => case.gold(gold),
                None => case,
            }),
            // The others are shown all the same.
            Err(error) => {
                damaged += 1;
                let hint = if path.extension().is_some_and(|ending| ending == "json") {
                    ": these may be figures or an outcome; a record is what --record leaves"
                } else {
                    ""
                };
                writeln!(err, "view: {error}{hint}")?;
            }
        }
    }
    let Some(first) = cases.first() else {
        return Err("none of these records can be read".into());
    };
    let ending = arguments.out.as_ref().and_then(|path| path.extension()?.to_str());
    for (path, drawn) in [
        (&arguments.dot, "dot"),
        (&arguments.mermaid, "mmd"),
        (&arguments.out, ending.unwrap_or_default()),
    ] {
        let Some(path) = path else { continue };
        if files.len() > 1 && ["dot", "gv", "mmd", "mermaid"].contains(&drawn) {
            let problem = "is a picture of one record: name the one that is meant";
            return Err(format!("{}, of {} records, {problem}", path.display(), files.len()).into());
        }
        match drawn {
            "dot" | "gv" => write(path, &dot(first, arguments.nodes))?,
            "mmd" | "mermaid" => write(path, &mermaid(first, arguments.nodes))?,
            "html" | "htm" => {}
            _ => {
                let expected = "expected .html, .dot or .mmd";
                return Err(
                    format!("{}: its ending says no form, {expected}", path.display()).into()
                );
            }
        }
    }
    if let (Some(path), Some("html" | "htm")) = (&arguments.out, ending) {
        let page = cases.into_iter().fold(Page::new(&*arguments.title), Page::case);
        write(path, &page.html())?;
    }
    match damaged {
        0 => Ok(()),
        _ => Err(format!("{damaged} of {} records cannot be read; see above", files.len()).into()),
    }
}

fn main() -> ExitCode {
    exit("view", run(&Arguments::parse()))
}
