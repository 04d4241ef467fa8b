//! Samples of a run as a page: what the policy wrote, step by step, best first, with what it was worth.
//!
//! One file without a script, which loads nothing and sends nothing: what a policy wrote stands in it as text,
//! whatever it is.
//!
//! Source: none.

use std::io::Write;
use std::path::Path;

use minijinja::{Environment, Value, context};
use tts_core::{Finish, Verdict, files};

use super::{GroupNote, SampleNote};
use crate::PrmError;

fn number(value: f64) -> String {
    format!("{value:.2}")
}

/// The text in its scored steps, each with its score and what it teaches, and what stands behind the last; nothing where
/// they are not places of the text.
fn steps(sample: &SampleNote) -> Option<Vec<Value>> {
    let mut from = 0;
    let mut steps = Vec::with_capacity(sample.steps.len() + 1);
    for step in &sample.steps {
        let teaches = step.advantage.filter(|own| *own != 0.0);
        steps.push(context! {
            text => sample.text.get(from..step.text)?,
            score => number(step.score),
            advantage => teaches.map_or_else(String::new, |own| format!("{own:+.2}")),
            class => teaches.map(|own| if own > 0.0 { "praised" } else { "blamed" }),
        });
        from = step.text;
    }
    steps.push(context! { text => sample.text.get(from..)? });
    Some(steps)
}

fn row(sample: &SampleNote, names: &[&str]) -> Value {
    let own = |name: &&str| sample.rewards.get(*name).map_or_else(String::new, |own| number(*own));
    context! {
        reward => number(sample.reward),
        rewards => names.iter().map(own).collect::<Vec<String>>(),
        advantage => sample.advantage.map_or_else(String::new, |own| format!("{own:+.2}")),
        tokens => sample.tokens as u64,
        cut => sample.finish == Finish::Length,
        verdict => sample.verdict.map(|own| if own.is_right() { "right" } else { "wrong" }),
        answer => sample.answer.as_deref().unwrap_or_default(),
        text => sample.text.as_str(),
        steps => if sample.steps.is_empty() { None } else { steps(sample) },
    }
}

fn group(group: &GroupNote, names: &[&str]) -> Value {
    let mut samples: Vec<&SampleNote> = group.samples.iter().collect();
    samples.sort_by(|a, b| b.reward.total_cmp(&a.reward));
    context! {
        problem => group.problem as u64,
        question => group.question.as_str(),
        gold => group.gold.as_str(),
        failed => group.failed.as_deref(),
        samples => samples.into_iter().map(|sample| row(sample, names)).collect::<Vec<Value>>(),
    }
}

/// A step, of its groups; at least one.
fn step(groups: &[GroupNote]) -> Value {
    let samples: Vec<&SampleNote> = groups.iter().flat_map(|group| &group.samples).collect();
    let reward: f64 = samples.iter().map(|sample| sample.reward).sum();
    let verdicts: Vec<Verdict> = samples.iter().filter_map(|sample| sample.verdict).collect();
    let right = verdicts.iter().filter(|verdict| verdict.is_right()).count() as u64;
    let names = samples.iter().flat_map(|sample| sample.rewards.keys());
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() == 1 {
        // The sum says as much.
        names.clear();
    }
    context! {
        step => groups.first().map_or(0, |group| group.step) as u64,
        samples => samples.len() as u64,
        right => (!verdicts.is_empty()).then_some(right),
        reward => number(reward / samples.len().max(1) as f64),
        groups => groups.iter().map(|own| group(own, &names)).collect::<Vec<Value>>(),
        names => names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>(),
    }
}

/// The page of these groups, in the order of their steps.
///
/// # Errors
/// When it cannot be laid out.
pub fn samples_page(title: &str, groups: &[GroupNote]) -> Result<String, PrmError> {
    let failed = |error: minijinja::Error| PrmError::reinforce("samples", error.to_string());
    let mut environment = Environment::new();
    // Its ending is what makes all that stands in it text.
    environment.add_template("samples.html", include_str!("samples.html")).map_err(failed)?;
    let page = environment.get_template("samples.html").map_err(failed)?;
    let steps: Vec<Value> = groups.chunk_by(|a, b| a.step == b.step).map(step).collect();
    page.render(context! { title => title, steps => steps }).map_err(failed)
}

/// Writes the page of these groups.
///
/// # Errors
/// When it cannot be written.
pub fn write_samples_page(path: &Path, title: &str, groups: &[GroupNote]) -> Result<(), PrmError> {
    let page = samples_page(title, groups)?;
    files::replace(path, |out| out.write_all(page.as_bytes()))
        .map_err(|error| PrmError::io(path, error))
}
