//! Weights that a run of reinforcement keeps on the way: options, folders, and what is said of them in the end.
//!
//! The best ones lie in `best` beside the last ones, with what they solve in `measured.json`; those of a step in
//! `step-0050` and the like. A run may be told to keep them when it is under way: then the best of all may be one
//! that nobody kept, and that is said.
//!
//! Source: none.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use tts_prm::reinforce::{Keeping, Kept, Measured, Note, Why, best};

use crate::Error;
use crate::files::{read_json, write_json};

/// Which weights are kept, beside those of the last step.
#[derive(Debug, Args)]
pub struct KeepOptions {
    /// The weights that solve most of the held-out problems are kept in `best` of the folder.
    #[arg(long)]
    pub keep_best: bool,
    /// Steps between two whose weights are kept, in `step-0050` and the like of the folder; 0 for none.
    #[arg(long)]
    pub keep_every: Option<usize>,
    /// A step whose weights are kept, likewise; may be given several times.
    #[arg(long)]
    pub keep_step: Vec<usize>,
}

impl KeepOptions {
    /// What is said goes before what a recipe says.
    pub fn put(&self, keep: &mut Keeping) {
        keep.best |= self.keep_best;
        keep.every = self.keep_every.unwrap_or(keep.every);
        if !self.keep_step.is_empty() {
            keep.steps.clone_from(&self.keep_step);
        }
    }
}

/// The folder of weights within that of a run.
pub fn place(out: &Path, why: Why, step: usize) -> PathBuf {
    match why {
        Why::Best => out.join(BEST),
        Why::Chosen => out.join(format!("step-{step:04}")),
    }
}

const BEST: &str = "best";
const MEASURED: &str = "measured.json";

/// Notes beside kept weights what they solve. To be called behind them, so that none are told to be others.
///
/// # Errors
/// When it cannot be written.
pub fn note(out: &Path, kept: &Kept<'_>) -> Result<(), Error> {
    match &kept.measured {
        Some(measured) => write_json(&place(out, kept.why, kept.step).join(MEASURED), measured),
        None => Ok(()),
    }
}

/// Says which weights of a run's folder are the best, and where those of chosen steps are missing.
///
/// # Errors
/// When `text` cannot be written to.
pub fn tell(text: &mut dyn Write, out: &Path, keep: &Keeping, notes: &[Note]) -> Result<(), Error> {
    let late = "were not kept: the run was told to keep them when they were gone";
    if let Some(found) = best(notes).filter(|_| keep.best) {
        let folder = place(out, Why::Best, found.step);
        let kept = read_json::<Measured>(&folder.join(MEASURED));
        write!(
            text,
            "best      {:.1} % of one sample, after {} steps",
            100.0 * found.pass,
            found.step
        )?;
        if kept.is_ok_and(|kept| kept == *found) {
            writeln!(text, ": {}", folder.display())?;
        } else {
            writeln!(text, ", whose weights {late}")?;
        }
    }
    let done = notes.iter().map(Note::step).max().unwrap_or_default();
    for step in (0..=done).filter(|step| keep.keeps(*step)) {
        if !place(out, Why::Chosen, step).is_dir() {
            writeln!(text, "kept      the weights of step {step} {late}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_kept_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path();
        let measured = |step, pass| Measured {
            step,
            problems: 4,
            samples: 2,
            pass,
            interval: [0.0, 1.0],
            majority: pass,
            any: pass,
            tokens: 3.0,
            failed: 0,
        };
        let notes = [measured(0, 0.25), measured(4, 0.5)].map(Note::Measured);
        let keep = Keeping { best: true, every: 2, steps: vec![1] };
        let told = |notes: &[Note]| {
            let mut text = Vec::new();
            tell(&mut text, out, &keep, notes).expect("told");
            String::from_utf8(text).expect("text")
        };
        std::fs::create_dir(out.join("step-0001")).expect("made");
        std::fs::create_dir(out.join("step-0004")).expect("made");
        let said = told(&notes);
        assert!(said.contains("best      50.0 % of one sample, after 4 steps, whose"), "{said}");
        assert!(said.contains("the weights of step 2 were not kept"), "{said}");
        assert_eq!(said.lines().count(), 2, "{said}");
        // Those of an earlier best are not those of this one.
        std::fs::create_dir(out.join(BEST)).expect("made");
        write_json(&out.join(BEST).join(MEASURED), &measured(0, 0.25)).expect("written");
        assert_eq!(told(&notes), said);
        write_json(&out.join(BEST).join(MEASURED), &measured(4, 0.5)).expect("written");
        assert!(told(&notes).lines().any(|line| line.ends_with("best")), "{}", told(&notes));
        // With no word of keeping, nothing is said.
        let mut text = Vec::new();
        tell(&mut text, out, &Keeping::default(), &notes).expect("told");
        assert!(text.is_empty());
    }
}
