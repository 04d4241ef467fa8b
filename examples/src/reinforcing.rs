//! How a run of reinforcement is shown, in a terminal and as a summary.
//!
//! Source: none; the figures are those of [`tts_prm::reinforce::StepNote`].

use std::io::Write;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};
use tts_prm::reinforce::{Measured, Note, Progress, StepNote};

use crate::Error;

/// Shows a run on standard error, for [`tts_prm::reinforce::Reinforce::watch`].
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    begun: bool,
}

impl Bar {
    /// A bar with a name before it. Nothing is shown when standard error is not a terminal.
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::new(0);
        let template = "{prefix} {wide_bar} {pos}/{len} {msg} {elapsed} (left {eta})";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        Self { bar, begun: false }
    }

    /// Shows how far a run is; always continues it.
    pub fn show(&mut self, progress: &Progress<'_>) -> ControlFlow<()> {
        let Progress { note, steps, measured, .. } = progress;
        if !std::mem::replace(&mut self.begun, true) {
            // A run that goes on: time left counts from here.
            self.bar.set_position(note.step as u64);
            self.bar.reset_eta();
            self.bar.reset_elapsed();
        }
        self.bar.set_length(*steps as u64);
        self.bar.set_position(note.step as u64);
        let held_out = measured.map_or_else(String::new, |m| format!(", held out {:.3}", m.pass));
        self.bar.set_message(format!(
            "reward {:.3}, right {}{held_out}, {} equal, entropy {:.3}",
            note.reward,
            note.right.map_or_else(unknown, |right| format!("{right:.3}")),
            percent(note.equal),
            note.entropy
        ));
        if note.step == *steps {
            self.bar.finish();
        }
        ControlFlow::Continue(())
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// Of problems whose right answer nobody knows.
fn unknown() -> String {
    "unknown".to_owned()
}

fn length(tokens: Option<f64>) -> String {
    tokens.map_or_else(|| "none".to_owned(), |tokens| format!("{tokens:.1}"))
}

/// Prints how a run began and ended, and what it cost.
///
/// # Errors
/// When `out` cannot be written to.
pub fn summary(out: &mut dyn Write, notes: &[Note]) -> Result<(), Error> {
    let (mut steps, mut measured): (Vec<&StepNote>, Vec<&Measured>) = (Vec::new(), Vec::new());
    for note in notes {
        match note {
            Note::Step(step) => steps.push(step),
            Note::Measured(found) => measured.push(found),
        }
    }
    for found in measured.iter().take(1).chain(measured.iter().skip(1).last()) {
        writeln!(
            out,
            "held out  {:.1} % of one sample (95 % {:.1} to {:.1}), {:.1} % of the majority of {}, after {} steps; \
             {:.1} tokens",
            100.0 * found.pass,
            100.0 * found.interval[0],
            100.0 * found.interval[1],
            100.0 * found.majority,
            found.samples,
            found.step,
            found.tokens
        )?;
    }
    for step in steps.iter().take(1).chain(steps.iter().skip(1).last()) {
        writeln!(
            out,
            "step {:<4} reward {:.3}, right {}, tokens of right {} and other {}, entropy {:.3}, {} of groups equal, \
             {} clipped",
            step.step,
            step.reward,
            step.right.map_or_else(unknown, percent),
            length(step.right_tokens),
            length(step.wrong_tokens),
            step.entropy,
            percent(step.equal),
            percent(step.clipped)
        )?;
    }
    if !steps.is_empty() && steps.iter().all(|step| step.loss.is_none()) {
        writeln!(
            out,
            "nothing was learnt: all samples of each problem had the same reward, so that none was better than another"
        )?;
    }
    let sum = |of: fn(&StepNote) -> f64| steps.iter().map(|step| of(step)).sum::<f64>();
    writeln!(
        out,
        "cost      {:.0} tokens drawn in {:.1} s, {:.0} learnt in {:.1} s",
        sum(|step| step.tokens as f64),
        sum(|step| step.sampling_seconds),
        sum(|step| step.learnt as f64),
        sum(|step| step.learning_seconds)
    )?;
    Ok(())
}
