//! What is tried: a file that says which methods, by whom, on how many requests and within which limits.
//!
//! Source: none.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tts_core::StepRule;
use tts_search::Recipe;
use tts_search::research::ResearchPrompts;
use tts_search::research::atlas::{Agents, Atlas};

use super::{WriterConfig, whole};
use crate::Error;

/// What is tried.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Paragraphs of a world.
    pub paragraphs: usize,
    /// Requests of each world.
    pub requests: usize,
    /// A world each.
    pub seeds: Vec<u64>,
    /// Rates of errors of the agents.
    pub agents: Vec<Careless>,
    /// Lines that a request may take, searches included.
    pub calls: Vec<u64>,
    /// The methods.
    pub arms: Vec<Arm>,
    /// A model that learns to write all parts.
    #[serde(default)]
    pub writer: Option<Trial>,
}

/// How often agents err.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Careless {
    /// How often an answer is a wrong word of its sources.
    pub misread: f64,
    /// How often a question names something else than what is open.
    pub stray: f64,
}

/// A method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// What it is called in tables.
    pub name: String,
    /// The method.
    pub recipe: Recipe,
}

/// A model that learns, and what it is measured on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Requests of each world: a model takes longer than rules.
    pub requests: usize,
    /// Lines that a request may take, searches included.
    pub calls: Vec<u64>,
    /// Sampling temperature: variants of a part have to differ.
    pub temperature: f32,
    /// Tokens of a line, at most.
    pub max_tokens: u32,
    /// How it learns.
    pub learn: WriterConfig,
}

/// Refuses to ask more requests than worlds of so many paragraphs have: they would be the same again.
pub(super) fn asked(field: &str, requests: usize, paragraphs: usize) -> Result<(), Error> {
    let most = Atlas::new(0, paragraphs).requests();
    if requests > most {
        let problem =
            format!("expected at most {most}: a world of {paragraphs} paragraphs has no more");
        return Err(format!("{field} is {requests}, {problem}").into());
    }
    Ok(())
}

impl Careless {
    /// # Errors
    /// When a rate is none; the error names the field.
    pub(super) fn check(self, field: &str) -> Result<(), Error> {
        for (name, rate) in [("misread", self.misread), ("stray", self.stray)] {
            if !(0.0..=1.0).contains(&rate) {
                return Err(format!("{field}.{name} is {rate}, expected a rate from 0 to 1").into());
            }
        }
        Ok(())
    }

    /// Agents that err so often.
    pub fn agents(self) -> Agents {
        Agents { misread: self.misread, stray: self.stray }
    }
}

impl Arm {
    /// The method, with other prompts in place of its own where there are some.
    ///
    /// # Errors
    /// When it is a method that has no prompts; the error names the arm.
    pub fn recipe(&self, prompts: Option<&ResearchPrompts>) -> Result<Recipe, Error> {
        let Some(prompts) = prompts else { return Ok(self.recipe.clone()) };
        let mut recipe = serde_json::to_value(&self.recipe)?;
        let none = || format!("arm {:?}: its method has no prompts", self.name);
        *recipe.pointer_mut("/parts/prompts").ok_or_else(none)? = serde_json::to_value(prompts)?;
        Ok(serde_json::from_value(recipe)?)
    }
}

impl Plan {
    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), Error> {
        let empty = [
            ("seeds", self.seeds.is_empty()),
            ("calls", self.calls.is_empty()),
            ("arms", self.arms.is_empty()),
            ("requests", self.requests == 0),
            ("writer.calls", self.writer.as_ref().is_some_and(|trial| trial.calls.is_empty())),
            ("writer.requests", self.writer.as_ref().is_some_and(|trial| trial.requests == 0)),
        ];
        if let Some((field, _)) = empty.into_iter().find(|(_, empty)| *empty) {
            return Err(format!("{field}: nothing, expected at least one").into());
        }
        let mut seen = BTreeSet::new();
        if let Some(seed) = self.seeds.iter().find(|seed| !seen.insert(**seed)) {
            return Err(format!("seeds: {seed} stands there twice").into());
        }
        for (number, careless) in self.agents.iter().enumerate() {
            careless.check(&format!("agents[{number}]"))?;
        }
        asked("requests", self.requests, self.paragraphs)?;
        let Some(trial) = &self.writer else { return Ok(()) };
        asked("writer.requests", trial.requests, self.paragraphs)?;
        trial.learn.check(&self.seeds)
    }
}

impl Trial {
    /// Where its lines end.
    pub fn rule(&self) -> StepRule {
        whole(self.max_tokens)
    }
}
