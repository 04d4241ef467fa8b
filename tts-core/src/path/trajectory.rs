//! One path from a question to a node, owned and cheap to clone: what generators and scorers see.
//!
//! Steps are linked from the last to the first and shared with every other path through them, so that
//! a path one step longer costs one link, however long it is. A slice of all steps is made when one is
//! asked for, and kept.

use std::sync::{Arc, OnceLock};

use crate::{Prompt, Step};

/// A prompt and the steps so far; the last `fresh` of them are new.
#[derive(Debug, Clone)]
pub struct Trajectory {
    prompt: Arc<Prompt>,
    /// What the writer was shown, where that is another prompt.
    asked: Option<Arc<Prompt>>,
    before: Option<Arc<Link>>,
    fresh: Vec<Arc<Step>>,
    finished: bool,
    all: OnceLock<Arc<[Arc<Step>]>>,
}

/// A step and those before it.
pub(crate) struct Link {
    before: Option<Arc<Link>>,
    step: Arc<Step>,
    count: usize,
}

impl Link {
    pub(crate) fn new(before: Option<Arc<Self>>, step: Arc<Step>) -> Arc<Self> {
        let count = 1 + before.as_ref().map_or(0, |link| link.count);
        Arc::new(Self { before, step, count })
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} steps", self.count)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // One by one: a chain that drops itself link within link overflows the stack.
        let mut next = self.before.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.before.take();
        }
    }
}

impl Trajectory {
    /// A path of steps of which the last `fresh` are to be judged (capped at their number).
    pub fn new(prompt: Arc<Prompt>, steps: Vec<Arc<Step>>, fresh: usize, finished: bool) -> Self {
        let judged = steps.len() - fresh.min(steps.len());
        let before = steps[..judged].iter().cloned();
        let before = before.fold(None, |before, step| Some(Link::new(before, step)));
        let path = Self::linked(prompt, before, steps[judged..].to_vec(), finished);
        Self { all: OnceLock::from(Arc::from(steps)), ..path }
    }

    pub(crate) fn linked(
        prompt: Arc<Prompt>,
        before: Option<Arc<Link>>,
        fresh: Vec<Arc<Step>>,
        finished: bool,
    ) -> Self {
        Self { prompt, asked: None, before, fresh, finished, all: OnceLock::new() }
    }

    pub(crate) fn set_finished(&mut self, finished: bool) {
        self.finished = finished;
    }

    /// The same path as an answer to another question than its writer was shown.
    #[must_use]
    pub fn about(mut self, problem: Arc<Prompt>) -> Self {
        if self.prompt != problem {
            self.asked = Some(std::mem::replace(&mut self.prompt, problem));
        }
        self
    }

    /// The question: for a scorer of candidates always the problem itself, whatever their writer was
    /// shown ([`Trajectory::asked`]).
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// The question, shared.
    pub fn shared_prompt(&self) -> &Arc<Prompt> {
        &self.prompt
    }

    /// What the writer of the steps was shown: the problem, or a question posed on the way.
    pub fn asked(&self) -> &Prompt {
        self.asked.as_ref().unwrap_or(&self.prompt)
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.before.as_ref().map_or(0, |link| link.count) + self.fresh.len()
    }

    /// Whether there is no step.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All steps, first to last; collected when first asked for.
    pub fn steps(&self) -> &[Arc<Step>] {
        self.all.get_or_init(|| {
            let mut steps: Vec<Arc<Step>> = self.fresh.iter().rev().cloned().collect();
            let links = std::iter::successors(self.before.as_ref(), |link| link.before.as_ref());
            steps.extend(links.map(|link| Arc::clone(&link.step)));
            steps.reverse();
            steps.into()
        })
    }

    /// The steps that a scorer is asked about, the last ones of the path: those that have not been judged
    /// yet.
    pub fn fresh_steps(&self) -> &[Arc<Step>] {
        &self.fresh
    }

    /// The steps before the fresh ones: a scorer was asked about them earlier, or nobody was. No score is
    /// expected for them; see [`StepScorer::score`](crate::StepScorer::score) for an example.
    pub fn judged_steps(&self) -> &[Arc<Step>] {
        let steps = self.steps();
        &steps[..steps.len() - self.fresh.len()]
    }

    /// Whether the model said that it is done.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The text of all steps.
    pub fn text(&self) -> String {
        self.steps().iter().map(|step| step.text.as_str()).collect()
    }

    /// The token ids of all steps.
    pub fn tokens(&self) -> Vec<u32> {
        self.steps().iter().flat_map(|step| step.tokens.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(text: &str) -> Arc<Step> {
        Arc::new(Step { text: text.into(), ..Step::default() })
    }

    #[test]
    fn steps_are_in_order_and_fresh_ones_are_the_last() {
        for fresh in 0..5 {
            let steps = vec![step("a"), step("b"), step("c")];
            let path = Trajectory::new(Arc::new(Prompt::from("?")), steps, fresh, false);
            assert_eq!((path.text().as_str(), path.len()), ("abc", 3));
            assert_eq!(path.fresh_steps().len(), fresh.min(3));
            assert_eq!(path.judged_steps().len(), 3 - fresh.min(3));
        }
    }

    #[test]
    fn a_very_long_path_is_dropped() {
        let last = (0..1_000_000).fold(None, |before, _| Some(Link::new(before, step("x"))));
        let path = Trajectory::linked(Arc::new(Prompt::from("?")), last, Vec::new(), false);
        assert_eq!(path.len(), 1_000_000);
    }

    #[test]
    fn a_path_can_be_about_another_question() {
        let (shown, problem) =
            (Arc::new(Prompt::from("Revise.")), Arc::new(Prompt::from("2 + 2?")));
        let path = Trajectory::new(shown, vec![step("4")], 1, true).about(problem);
        assert_eq!((path.prompt().question(), path.asked().question()), ("2 + 2?", "Revise."));
    }
}
