//! What the ways of `judge` share: options of a run, progress, what ended before its time, and what it cost.
//!
//! Source: none.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tts_core::Cost;
use tts_prm::critic::Ended;
use tts_prm::critic::assess::heard::FILE;
use tts_prm::critic::assess::{Heard, HeardBy, Record, write_heard};
use tts_search::evaluate::{check_writable, words};

use crate::Error;
use crate::engines::Engines;
use crate::files::write_json;
use crate::remembering::StoreOptions;

/// How many items are judged, and where what comes of them goes.
#[derive(Debug, Clone, Default, Args)]
pub struct HearingOptions {
    /// Items; 0 for all, of --family for 1,000.
    #[arg(long, default_value_t = 0)]
    pub items: usize,
    /// Items in flight at a time.
    #[arg(long, default_value_t = 8)]
    pub concurrency: usize,
    /// Where all randomness comes from.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where every line that is written, and every judgement of a scorer, is kept.
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// Folder for all judgements (`judged.jsonl`), with what was written: for `--compare` and `view`.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Where figures go, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

impl HearingOptions {
    /// Whether what is asked for can be written, before anything is paid for.
    ///
    /// # Errors
    /// When a file, or one in the folder, cannot be.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(path) = &self.json {
            check_writable(path)?;
        }
        if let Some(folder) = &self.out {
            check_writable(&folder.join(FILE))?;
        }
        Ok(())
    }

    /// The same engines behind the file of `--store`, if there is one.
    ///
    /// # Errors
    /// As [`StoreOptions::over`].
    pub fn over(&self, engines: Engines) -> Result<Engines, Error> {
        StoreOptions { store: self.store.clone() }.over(engines)
    }

    /// The items of the data, as many as are asked for.
    pub fn first<T>(&self, mut items: Vec<T>) -> Vec<T> {
        if self.items > 0 {
            items.truncate(self.items);
        }
        items
    }

    /// Keeps judgements in the folder, if there is one.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn keep(&self, by: HeardBy, items: Vec<Option<Heard>>) -> Result<(), Error> {
        let Some(folder) = &self.out else { return Ok(()) };
        let record = Record { by, items: items.into_iter().flatten().collect() };
        Ok(write_heard(&folder.join(FILE), &record)?)
    }

    /// Tells what it cost, writes figures where they are wanted, and ends with what ended it, or with why the figures say nothing.
    ///
    /// # Errors
    /// What ended it before its time, or that nothing could be read: figures of nothing are not written.
    pub fn close(
        &self,
        out: &mut impl Write,
        cost: Option<&Cost>,
        found: &impl Serialize,
        (silence, ended): (Option<String>, Result<(), Error>),
    ) -> Result<(), Error> {
        if let Some(cost) = cost {
            write_cost(out, cost)?;
        }
        if let (Some(path), None) = (&self.json, &silence) {
            write_json(path, found)?;
        }
        ended?;
        silence.map_or(Ok(()), |why| Err(why.into()))
    }
}

/// A bar of so many items.
///
/// # Errors
/// When its style is none.
pub fn bar(items: usize) -> Result<ProgressBar, Error> {
    let style = "{elapsed_precise} [{wide_bar}] {pos}/{len} items, {eta} to go; {msg}";
    let bar = ProgressBar::new(items as u64)
        .with_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    bar.tick();
    Ok(bar)
}

/// What was judged, and the error that ended it before its time: it is told once that is told or kept.
pub fn apart<T>(judged: Result<T, Ended<T>>) -> (T, Result<(), Error>) {
    match judged {
        Ok(found) => (found, Ok(())),
        Err(ended) => {
            let why = ended.to_string();
            (*ended.found, Err(why.into()))
        }
    }
}

/// Writes how many lines and tokens it took, and what scorers read.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_cost(out: &mut impl Write, cost: &Cost) -> Result<(), Error> {
    let Cost { samples, generated_tokens, scored_tokens, .. } = *cost;
    let (lines, tokens) = (words::thousands(samples), words::thousands(generated_tokens));
    write!(out, "cost      {lines} lines, {tokens} tokens")?;
    if scored_tokens > 0 {
        write!(out, ", {} scored", words::thousands(scored_tokens))?;
    }
    Ok(writeln!(out)?)
}
