//! Budget forcing: how long a model thinks is set from outside, at both ends.
//!
//! ```text
//! question -- thinking ... </think>            it would stop here: that is dropped,
//!          `- thinking ... Wait, so ...        "Wait" put in its place, and it goes on
//!                          `- ... </think> -- The answer is 12.
//!
//! question -- thinking ... (4,096 tokens) -- </think> Final Answer: 12
//! ```
//!
//! Thinking is written under a step rule of its own, in which each of [`BudgetForcing::ends`] is a pause. A line
//! that pauses before its time is kept without the tokens of that text and goes on behind
//! [`BudgetForcing::wait`], up to [`BudgetForcing::waits`] times and [`BudgetForcing::most`] tokens; one that uses
//! these up is cut there, and [`BudgetForcing::force`] is put behind it. Then the answer is written under the
//! search's own rule. The cap is exact and counts all that was generated as thinking, what was dropped included;
//! the words put in are not generated.
//!
//! * With no waits and room enough it is the plain run, bit for bit, where that breaks steps at the same texts.
//! * With no waits and a cap it is a thinking budget: [`BudgetForcing::budget`].
//! * With [`BudgetForcing::least`] only lines that ended before so many tokens go on; without, all do.
//! * A model that ends its turn while it thinks has no text to drop but the end token: it goes on while waits are
//!   left, and after that is taken at its word if it has an answer, and forced if not.
//! * With `n` above 1 there are so many lines side by side, and [`BudgetForcing::select`] votes.
//!
//! The search's own rule bounds the whole: its `max_tokens` must hold thinking and answer, or the answer is cut.
//! A generator without token ids cannot keep a part of a step: with waits its lines fail.
//!
//! Cost: `n` lines of thinking, one more for each wait, and `n` answers, one after the other; `n (most + answer)`
//! tokens at most.
//!
//! When to use: models that were trained to think; a cap bounds the cost of each problem exactly, waits buy
//! accuracy up to about six, then loops appear. When not: models without an end of thinking, or not trained on
//! such traces, which gain nothing from waiting.
//!
//! Source: Muennighoff et al. 2025, "s1: Simple test-time scaling" (arXiv 2501.19393), section 3.1. The words of
//! [`BudgetForcing::budget`]: Yang et al. 2025, "Qwen3 Technical Report" (arXiv 2505.09388), section 4.3.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{
    Expand, Finish, NodeId, Requirements, Sampling, SearchStrategy, Selection, StepRule, Tree,
    Until, View,
};

use crate::sample::lines::at_least_one;

/// Thinking of a set length, then an answer.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::BudgetForcing;
///
/// // Thinking ends with these words; there the model has to wait once, and then it answers.
/// let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
/// let strategy = BudgetForcing {
///     ends: vec!["The answer is".into()],
///     waits: 1,
///     wait: "Wait. ".into(),
///     force: "The answer is".into(),
///     ..Default::default()
/// };
/// let outcome = Search::new(&world).rule(StepRule::lines()).run(strategy, world.prompt(0))?;
/// let text = outcome.text().unwrap_or_default();
/// assert!(text.contains("\nWait. The answer is"));
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetForcing {
    /// How many lines think, side by side.
    pub n: usize,
    /// The texts with which thinking ends.
    pub ends: Vec<String>,
    /// Most generated tokens of thinking, in each line.
    pub most: u32,
    /// An end of thinking is overruled before so many tokens only; `None` for wherever it stands.
    pub least: Option<u32>,
    /// How often the end of thinking is overruled, at most.
    pub waits: usize,
    /// What is put in place of the end of thinking.
    pub wait: String,
    /// What is put behind thinking that is cut: an end of thinking, and what asks for the answer.
    pub force: String,
    /// Longest answer, in tokens; `None` for what the search's rule leaves. One that is cut counts as
    /// unfinished.
    pub answer_tokens: Option<u32>,
    /// In place of the search's own sampling.
    pub sampling: Option<Sampling>,
    /// The vote over the answers.
    pub select: Selection,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`BudgetForcing`] stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// What each of the last decisions asked for.
    asked: Vec<Stage>,
    /// Lines that are done.
    answers: Vec<NodeId>,
}

/// What a line is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waits that were used, and tokens that were generated as thinking before this line.
    Thinking {
        waits: usize,
        thought: u64,
    },
    Answering,
}

impl Default for BudgetForcing {
    /// Up to 4,096 tokens, and one wait, with the paper's words.
    fn default() -> Self {
        Self {
            n: 1,
            ends: vec!["</think>".into()],
            most: 4_096,
            least: None,
            waits: 1,
            wait: "Wait".into(),
            force: "\n</think>\n\nFinal Answer:".into(),
            answer_tokens: None,
            sampling: None,
            select: Selection::majority(),
            state: State::default(),
        }
    }
}

impl BudgetForcing {
    /// A thinking budget: up to `most` tokens, then the answer is forced, in the words that models which think
    /// between tags were trained on. Nothing waits.
    ///
    /// ```
    /// use tts_core::{Search, StepRule, toy::ToyWorld};
    /// use tts_search::BudgetForcing;
    /// let world = ToyWorld::default();
    /// let budget = BudgetForcing { force: "</think>\n".into(), ..BudgetForcing::budget(20) };
    /// let outcome = Search::new(&world).rule(StepRule::lines()).run(budget, world.prompt(0))?;
    /// let text = outcome.text().unwrap_or_default();
    /// assert_eq!(text.find("</think>"), Some(20)); // a token is a byte here
    /// # Ok::<(), tts_core::SearchError>(())
    /// ```
    pub fn budget(most: u32) -> Self {
        let force = "\n\nConsidering the limited time by the user, I have to give the solution based \
                     on the thinking directly now.\n</think>\n\n";
        Self { most, waits: 0, force: force.into(), ..Self::default() }
    }

    /// Thinking is one step, which rests where it would end.
    fn think(&self, node: NodeId, n: usize, most: u32) -> Expand {
        let rule = StepRule {
            delimiters: Vec::new(),
            pause: self.ends.clone(),
            max_step_tokens: u32::MAX,
            max_tokens: u32::MAX,
            max_steps: u32::MAX,
            ..StepRule::default()
        };
        Expand {
            until: Until::Tokens(most),
            rule: Some(Arc::new(rule)),
            sampling: self.sampling,
            ..Expand::step(node, n)
        }
    }

    fn answer(&self, node: NodeId, force: bool) -> Expand {
        Expand {
            append: force.then(|| self.force.clone()),
            until: self.answer_tokens.map_or(Until::End, Until::Tokens),
            sampling: self.sampling,
            ..Expand::end(node, 1)
        }
    }

    /// What follows a line; nothing when it is done.
    fn next(&self, tree: &Tree, leaf: NodeId, stage: Stage) -> Option<(Expand, Stage)> {
        let node = &tree[leaf];
        let Stage::Thinking { waits, thought } = stage else {
            // A hard budget may have cut the answer; its own bound is meant.
            let rest = node.open && self.answer_tokens.is_none();
            return rest.then(|| (self.answer(leaf, false), Stage::Answering));
        };
        // One step, unless the generator breaks them as it likes.
        let path = tree.path(leaf);
        let line = path.iter().rev().take_while(|&&id| tree[id].round == node.round);
        let thought = thought + line.map(|&id| tree[id].step.generated()).sum::<u64>();
        let left = u32::try_from(u64::from(self.most).saturating_sub(thought)).unwrap_or(0);
        let early = matches!(node.finish, Finish::Pause | Finish::Stop)
            && self.least.is_none_or(|least| thought < u64::from(least));
        if early && waits < self.waits && left > 0 {
            let keep = Some(node.step.kept());
            let append = Some(self.wait.clone());
            let again = Expand { keep, append, ..self.think(leaf, 1, left) };
            return Some((again, Stage::Thinking { waits: waits + 1, thought }));
        }
        let force = match node.finish {
            Finish::Pause => false,
            Finish::Stop if tree.answer(leaf).is_some() => return None,
            Finish::Stop => true,
            _ if node.open => true,
            _ => return None,
        };
        Some((self.answer(leaf, force), Stage::Answering))
    }
}

impl SearchStrategy for BudgetForcing {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            let asked = vec![Stage::Thinking { waits: 0, thought: 0 }];
            self.state = State { asked, answers: Vec::new() };
            return vec![self.think(NodeId::ROOT, self.n, self.most)];
        }
        let asked = std::mem::take(&mut self.state.asked);
        let mut decisions = Vec::new();
        for (&leaf, &origin) in view.fresh().iter().zip(view.origin()) {
            let Some(&stage) = asked.get(origin) else { continue };
            match self.next(view.tree(), leaf, stage) {
                Some((expand, stage)) => {
                    decisions.push(expand);
                    self.state.asked.push(stage);
                }
                None => self.state.answers.push(leaf),
            }
        }
        decisions
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        // Not of thinking that was overruled at the end of a turn, which the tree holds as finished.
        let done = |id: &&NodeId| tree.get(**id).is_some_and(tts_core::Node::is_finished);
        let answers: Vec<NodeId> = self.state.answers.iter().filter(done).copied().collect();
        if answers.is_empty() {
            return self.select.pick(tree);
        }
        self.select.pick_among(tree, &answers)
    }

    fn check(&self) -> Result<(), String> {
        let name = "budget forcing";
        at_least_one(name, "n", self.n)?;
        at_least_one(name, "most", self.most as usize)?;
        at_least_one(name, "least", self.least.unwrap_or(1) as usize)?;
        at_least_one(name, "answer_tokens", self.answer_tokens.unwrap_or(1) as usize)?;
        if self.ends.is_empty() || self.ends.iter().any(String::is_empty) {
            return Err(format!("{name}: ends is empty or has an empty text"));
        }
        if !self.ends.iter().any(|end| self.force.contains(end)) {
            let (force, ends) = (&self.force, &self.ends);
            return Err(format!("{name}: force is {force:?}, which ends no thinking ({ends:?})"));
        }
        match self.least {
            Some(least) if least > self.most => {
                let most = self.most;
                Err(format!("{name}: least is {least}, expected at most {most}, which is most"))
            }
            Some(_) if self.waits == 0 => {
                Err(format!("{name}: least needs waits, which is 0, expected at least 1"))
            }
            _ if self.waits > 0 && self.wait.is_empty() => {
                Err(format!("{name}: wait is empty, expected some words to go on behind"))
            }
            _ => Ok(()),
        }
    }

    fn requires(&self) -> Requirements {
        Requirements::vote("budget forcing", self.select)
    }
}
