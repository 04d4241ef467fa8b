//! How a run of reinforcement is shown, in a terminal and as a summary.
//!
//! Source: none; the figures are those of [`tts_prm::reinforce::StepNote`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};
use tts_models::Backbone;
use tts_prm::reinforce::{
    GroupNote, Hearing, Measured, Mismatch, Note, Problem, Progress, StepNote, all_equal,
};

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

    /// Shows how far a run is, and behind the first step which rewards said the same of all; always continues it.
    pub fn show(&mut self, progress: &Progress<'_>) -> ControlFlow<()> {
        let Progress { note, steps, measured, groups } = progress;
        if note.step == 1 {
            for told in same_for_all(groups) {
                // Nothing is left to do where even that cannot be written.
                self.bar.suspend(|| drop(writeln!(std::io::stderr(), "{told}")));
            }
        }
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

/// Which rewards said the same of all samples that they know something of, a line each: they teach nothing.
///
/// ```
/// use tts_examples::reinforcing::same_for_all;
/// assert!(same_for_all(&[]).is_empty());
/// ```
pub fn same_for_all(groups: &[GroupNote]) -> Vec<String> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, reward) in
        groups.iter().flat_map(|group| &group.samples).flat_map(|own| &own.rewards)
    {
        values.entry(name).or_default().push(*reward);
    }
    let told = |(name, values): (&str, Vec<f64>)| {
        let (first, count) = (*values.first()?, values.len());
        (count > 1 && all_equal(&values)).then(|| {
            format!(
                "warning   reward {name}: {first} for each of the {count} samples of the first step: it prefers none of \
                 them, and nothing is learnt of it there"
            )
        })
    };
    values.into_iter().filter_map(told).collect()
}

/// Leaves out the problems behind whose prompts a model has no room to write, and says how many they were.
///
/// # Errors
/// When the model cannot read a prompt, or has room behind none.
pub fn leave_out_long(model: &dyn Backbone, problems: &mut Vec<Problem>) -> Result<usize, Error> {
    let all = problems.len();
    let mut kept = Vec::with_capacity(all);
    for problem in problems.drain(..) {
        if problem.leaves_room(model)? {
            kept.push(problem);
        }
    }
    if kept.is_empty() && all > 0 {
        let positions = model.positions();
        return Err(format!(
            "none of {all} problems leaves room for a solution in {positions} positions: all are too long"
        )
        .into());
    }
    *problems = kept;
    Ok(all - problems.len())
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
    let steps: Vec<&StepNote> = notes
        .iter()
        .filter_map(|note| match note {
            Note::Step(step) => Some(&**step),
            Note::Measured(_) => None,
        })
        .collect();
    // The first and the last of each, as it went: what was measured behind a step stands behind it.
    let is_step = |note: &Note| matches!(note, Note::Step(_));
    let shown: BTreeSet<usize> = [true, false]
        .into_iter()
        .flat_map(|wanted| {
            let is = |note: &Note| is_step(note) == wanted;
            [notes.iter().position(is), notes.iter().rposition(is)]
        })
        .flatten()
        .collect();
    for place in shown {
        match &notes[place] {
            Note::Step(step) => write_step(out, step, steps.len())?,
            Note::Measured(found) => write_measured(out, found)?,
        }
    }
    summed(out, &steps)
}

/// What is held out, after a step.
fn write_measured(out: &mut dyn Write, found: &Measured) -> Result<(), Error> {
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
    if found.failed > 0 {
        writeln!(
            out,
            "          of {} of the {} problems nothing could be drawn: they count as not solved",
            found.failed, found.problems
        )?;
    }
    Ok(())
}

/// A step of so many.
fn write_step(out: &mut dyn Write, step: &StepNote, steps: usize) -> Result<(), Error> {
    writeln!(
        out,
        "step {:<4} of {steps}: reward {:.3}, right {}, tokens of right {} and other {}, entropy {:.3}, {} of groups equal, \
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
    Ok(())
}

/// What steps say together.
fn summed(out: &mut dyn Write, steps: &[&StepNote]) -> Result<(), Error> {
    if let Some((step, found)) = steps.iter().rev().find_map(|step| Some((step, step.mismatch?))) {
        let Mismatch { mean, most, weight, capped } = found;
        write!(
            out,
            "sampler   {mean:.1e} nats a token from the trainer in step {}, at most {most:.1e}",
            step.step
        )?;
        if let (Some(weight), Some(capped)) = (weight, capped) {
            write!(out, "; tokens weigh {weight:.3}, {} beyond the bound", percent(capped))?;
        }
        writeln!(out)?;
    }
    if let Some(step) = steps.iter().rev().find(|step| step.score.is_some()) {
        let score =
            |score: Option<f64>| score.map_or_else(|| "none".to_owned(), |own| format!("{own:.3}"));
        write!(
            out,
            "scores    weakest step {} in step {}, of right samples {} and of others {}",
            score(step.score),
            step.step,
            score(step.score_right),
            score(step.score_wrong)
        )?;
        if let Some(share) = step.guarded {
            write!(out, "; the guard held {} of steps", percent(share))?;
        }
        writeln!(out)?;
    }
    let failed: usize = steps.iter().map(|step| step.failed).sum();
    if failed > 0 {
        writeln!(
            out,
            "failed    {failed} problems, of which nothing could be drawn: reasons are in work/samples.jsonl, of steps \
             that are kept"
        )?;
    }
    if !steps.is_empty() && steps.iter().all(|step| step.loss.is_none()) {
        writeln!(
            out,
            "nothing was learnt: all samples of each problem had the same reward, so that none was better than another"
        )?;
    }
    judged(out, steps)?;
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

/// What juries said, and what that cost, a line for each reward that asked one.
fn judged(out: &mut dyn Write, steps: &[&StepNote]) -> Result<(), Error> {
    let mut all: BTreeMap<&str, Hearing> = BTreeMap::new();
    for (name, own) in steps.iter().flat_map(|step| &step.judged) {
        let sum = all.entry(name).or_default();
        sum.read += own.read;
        sum.refused += own.refused;
        sum.lines += own.lines;
        sum.tokens += own.tokens;
    }
    for (name, Hearing { read, refused, lines, tokens, .. }) in all {
        writeln!(
            out,
            "{name:<9} {read} judgements read, {refused} refused; {lines} lines, {tokens} tokens"
        )?;
    }
    Ok(())
}
