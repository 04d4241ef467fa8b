//! What a search leaves for its client: the chosen answer and the cost of finding it.

use std::collections::BTreeMap;

use tts_core::{Aggregate, Cost, NodeId, Outcome, Stop};

/// The end of a search that has something to say.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The chosen solution, without the stop text that ended it.
    pub(crate) text: String,
    /// Whether the model said that it is done.
    pub(crate) finished: bool,
    /// Its generated tokens, with their log-probabilities where the generator tells them.
    pub(crate) tokens: Vec<(u32, Option<f32>)>,
    /// Tokens generated for it, those that ended it included.
    pub(crate) generated: u64,
    pub(crate) prompt_tokens: u64,
    /// The final answer in it, as the task finds it.
    pub(crate) found: Option<String>,
    /// The score of its path.
    pub(crate) score: Option<f64>,
    /// Why the search ended: `done`, `time`, or the budget's limit.
    pub(crate) stop: String,
    pub(crate) candidates: usize,
    /// Lines that failed.
    pub(crate) failed: usize,
    pub(crate) cost: Cost,
    /// The part of it that each role has; none where the model alone wrote.
    pub(crate) roles: BTreeMap<String, Cost>,
    pub(crate) rounds: u32,
}

impl Answer {
    /// `late` says that the search was called off because its time was out.
    pub(super) fn of(outcome: &Outcome, stops: &[String], late: bool) -> Self {
        let tree = &outcome.tree;
        let best = outcome.best.unwrap_or(NodeId::ROOT);
        let finished = tree[best].is_finished();
        let mut text = tree.text(best);
        let ended = stops.iter().filter(|stop| finished && text.ends_with(*stop));
        if let Some(stop) = ended.max_by_key(|stop| stop.len()) {
            text.truncate(text.len() - stop.len());
        }
        let path = tree.trajectory(best, 0);
        let mut tokens = Vec::new();
        for step in path.steps() {
            let (given, kept) = (step.given as usize, step.kept() as usize);
            let logprobs = step.logprobs.iter().copied().map(Some).chain(std::iter::repeat(None));
            let written = step.tokens.iter().copied().take(kept).skip(given);
            tokens.extend(written.zip(logprobs));
        }
        let stop = match outcome.stop {
            _ if late => "time".to_owned(),
            Stop::Done => "done".to_owned(),
            Stop::Budget(limit) => limit.to_string(),
            _ => "cancelled".to_owned(),
        };
        Self {
            text,
            finished,
            tokens,
            generated: path.steps().iter().map(|step| step.generated()).sum(),
            prompt_tokens: outcome.prompt_tokens,
            found: outcome.answer(),
            score: outcome.best.and_then(|best| tree.score(best, Aggregate::ByScale)),
            stop,
            candidates: tree.finished().count(),
            failed: outcome.failed.len(),
            cost: outcome.usage.logical,
            roles: roles(outcome),
            rounds: outcome.usage.rounds,
        }
    }
}

/// What each role cost, the model's own under `policy`.
fn roles(outcome: &Outcome) -> BTreeMap<String, Cost> {
    let costs = outcome.cost_by_role();
    if costs.keys().all(String::is_empty) {
        return BTreeMap::new();
    }
    let name = |role: String| if role.is_empty() { "policy".to_owned() } else { role };
    costs.into_iter().map(|(role, cost)| (name(role), cost)).collect()
}
