//! One path from the prompt to a node, owned and cheap to clone: what generators and scorers see.

use std::sync::Arc;

use crate::{Prompt, Step};

/// A prompt and the steps so far; the last `fresh` of them are new.
#[derive(Debug, Clone)]
pub struct Trajectory {
    prompt: Arc<Prompt>,
    steps: Vec<Arc<Step>>,
    fresh: usize,
    finished: bool,
}

impl Trajectory {
    /// A path of steps of which the last `fresh` are to be judged (capped at their number).
    pub fn new(prompt: Arc<Prompt>, steps: Vec<Arc<Step>>, fresh: usize, finished: bool) -> Self {
        let fresh = fresh.min(steps.len());
        Self { prompt, steps, fresh, finished }
    }

    pub(crate) fn set_finished(&mut self, finished: bool) {
        self.finished = finished;
    }

    /// The question.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// All steps, first to last.
    pub fn steps(&self) -> &[Arc<Step>] {
        &self.steps
    }

    /// The steps that have not been judged yet.
    pub fn fresh_steps(&self) -> &[Arc<Step>] {
        &self.steps[self.steps.len() - self.fresh..]
    }

    /// The steps before the fresh ones.
    pub fn judged_steps(&self) -> &[Arc<Step>] {
        &self.steps[..self.steps.len() - self.fresh]
    }

    /// Whether the model said that it is done.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The text of all steps.
    pub fn text(&self) -> String {
        self.steps.iter().map(|step| step.text.as_str()).collect()
    }

    /// The token ids of all steps.
    pub fn tokens(&self) -> Vec<u32> {
        self.steps.iter().flat_map(|step| step.tokens.iter().copied()).collect()
    }
}
