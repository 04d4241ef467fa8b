//! Zero-shot chain of thought: "Let's think step by step", then a second call for the answer.
//!
//! ```text
//! call 1   question + "Let's think step by step." -> rationale
//! call 2   question + ... + rationale + "Therefore, the answer (arabic numerals) is" -> answer
//! ```
//!
//! Both calls continue one path, so the second reads what the first wrote from the cache. With
//! `n` above 1 there are `n` rationales, each with an answer of its own, and [`ZeroShot::select`]
//! votes. A rationale that the length limit closed gets no second call.
//!
//! The answer is bounded by [`ZeroShot::answer_tokens`]. One that is cut there counts as
//! unfinished, like any path that is cut: it is chosen only when no path has finished.
//!
//! Cost: `2 n` lines in two rounds; the scorer is not needed.
//!
//! Source: Kojima et al. 2022, "Large Language Models are Zero-Shot Reasoners" (arXiv 2205.11916),
//! section 3. The second text depends on the form of the answer (numbers here).

use serde::{Deserialize, Serialize};
use tts_core::{
    Expand, NodeId, Prompt, Requirements, Sampling, SearchStrategy, Selection, Tree, Until, View,
};

use super::lines::at_least_one;

/// Reasoning and answer in two calls.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::ZeroShot;
///
/// let world = ToyWorld::default();
/// let outcome =
///     Search::new(&world).rule(StepRule::lines()).run(ZeroShot::default(), world.prompt(0))?;
/// let text = outcome.text().unwrap_or_default();
/// assert!(text.starts_with("Let's think step by step."));
/// assert!(text.contains("\nTherefore, the answer (arabic numerals) is"));
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZeroShot {
    /// How many rationales.
    pub n: usize,
    /// What opens the rationale.
    pub think: String,
    /// What asks for the answer.
    pub answer: String,
    /// Longest answer, in tokens.
    pub answer_tokens: u32,
    /// How both are drawn; `None` for the search's own sampling. With `n` above 1, greedy sampling
    /// writes the same rationale every time.
    pub sampling: Option<Sampling>,
    /// The vote over the answers.
    pub select: Selection,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`ZeroShot`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    asked: bool,
}

impl Default for ZeroShot {
    /// One greedy rationale, with the paper's words for arithmetic.
    fn default() -> Self {
        Self {
            n: 1,
            think: "Let's think step by step.".into(),
            answer: "\nTherefore, the answer (arabic numerals) is".into(),
            answer_tokens: 32,
            sampling: Some(Sampling::greedy()),
            select: Selection::majority(),
            state: State::default(),
        }
    }
}

impl ZeroShot {
    /// A rationale, or `n` of them: more than one make sense only if they may differ.
    pub fn of(n: usize) -> Self {
        let one = Self::default();
        Self { n, sampling: one.sampling.filter(|_| n == 1), ..one }
    }

    /// The paper's prompt for a base model, up to where [`ZeroShot::think`] goes.
    pub fn prompt(question: &str) -> Prompt {
        Prompt::text(format!("Q: {question}\nA: "))
    }
}

impl SearchStrategy for ZeroShot {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
            let append = Some(self.think.clone());
            let sampling = self.sampling;
            return vec![Expand { append, sampling, ..Expand::end(NodeId::ROOT, self.n) }];
        }
        if std::mem::replace(&mut self.state.asked, true) {
            return Vec::new();
        }
        let ask = |&id: &NodeId| Expand {
            append: Some(self.answer.clone()),
            until: Until::Tokens(self.answer_tokens),
            sampling: self.sampling,
            ..Expand::end(id, 1)
        };
        let tree = view.tree();
        let rationales = view.fresh().iter();
        rationales.filter(|&&id| tree[id].open || tree[id].is_finished()).map(ask).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.select.pick(tree)
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("zero-shot", "n", self.n)?;
        at_least_one("zero-shot", "answer_tokens", self.answer_tokens as usize)?;
        for (field, text) in [("think", &self.think), ("answer", &self.answer)] {
            if text.trim().is_empty() {
                return Err(format!("zero-shot: {field} is blank, expected some words"));
            }
        }
        Ok(())
    }

    fn requires(&self) -> Requirements {
        Requirements::vote("zero-shot", self.select)
    }
}
