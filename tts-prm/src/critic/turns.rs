//! A judge of turns: step after step, each in sight of what was said of those before, up to the first that is wrong.
//!
//! ```text
//! path a b     sample 1: a? right   b? right             sample 2: a? right   b? wrong
//! path a b c   sample 1: (a, b as before)  c? right      sample 2: (as before: wrong, nothing is asked)
//! ```
//!
//! A step search shows a judge the same path again and again, one step longer each time. What each sample has said of the
//! steps that it knows stands, so only the new ones are asked about, in the same conversation: a path of `d` steps costs
//! `d` turns a sample instead of `d (d + 1) / 2`, and leaves that have a beginning in common differ by what differs in
//! them, not by what chance made of their beginning. A sample whose turn could not be read goes on, with the next leaf, from
//! the last that could.
//!
//! Source: Zhao et al. 2025, "`GenPRM`" (arXiv 2504.00891), section 3.2, for the conversation.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tts_core::{Ask, Desk, NodeId};

use super::ballot::Judgement;
use super::jury::{Jury, Sample};
use super::read::Refusal;
use super::response::Response;

/// What one sample of a judge of turns has said of the first steps of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Turns {
    /// Turn after turn.
    said: Vec<String>,
    /// What each step is worth by that.
    judged: Vec<f64>,
    /// Whether the last step was called wrong: nothing behind it is asked about.
    over: bool,
    /// The last node of the last turn.
    node: Option<NodeId>,
    /// What the meta-judge thinks of the least trusted turn.
    meta: f64,
}

impl Default for Turns {
    fn default() -> Self {
        let meta = f64::INFINITY;
        Self { said: Vec::new(), judged: Vec::new(), over: false, node: None, meta }
    }
}

/// What has been said of responses, by their places and the numbers of samples: what there is before a judgement, and what
/// there is behind it.
#[derive(Debug, Default)]
pub(super) struct Past(Mutex<BTreeMap<(usize, usize), Turns>>);

impl Past {
    /// That this was said of the response at a place by a sample.
    pub(super) fn keep(&self, place: usize, sample: usize, turns: Turns) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((place, sample), turns);
    }

    /// All that was said, by place and sample.
    pub(super) fn all(&self) -> BTreeMap<(usize, usize), Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, place: usize, sample: usize) -> Turns {
        let past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        past.get(&(place, sample)).cloned().unwrap_or_default()
    }
}

impl PartialEq for Past {
    /// One after the other, for they may be the same.
    fn eq(&self, other: &Self) -> bool {
        let own = self.all();
        own == other.all()
    }
}

impl Jury {
    /// One judgement of the response at a place, from what the sample has said of it already.
    pub(super) async fn by_turns(
        &self,
        desk: &Desk,
        response: &Response,
        (place, sample): (usize, usize),
        past: &Past,
    ) -> Sample {
        let mut turns = past.of(place, sample);
        let said = self.go_on(desk, response, &mut turns).await;
        past.keep(place, sample, turns.clone());
        said?;
        let Turns { mut judged, node, meta, .. } = turns;
        let node = node.unwrap_or(response.node);
        // What is behind a step that is wrong is worth what that is.
        judged.resize(response.steps.len(), judged.last().copied().unwrap_or(0.0));
        let Some(score) = self.judge.aggregate.apply(judged.iter().copied()) else {
            let refusal = Refusal::missing("step of the response");
            desk.refuse(node, refusal.to_string());
            return Err(refusal);
        };
        Ok(Judgement { node, sample, shown: vec![place], scores: vec![score], steps: judged, meta })
    }

    /// Asks about the steps that nothing has been said of; what cannot be read is not kept.
    async fn go_on(
        &self,
        desk: &Desk,
        response: &Response,
        turns: &mut Turns,
    ) -> Result<(), Refusal> {
        let refused = |node, refusal: Refusal| {
            desk.refuse(node, refusal.to_string());
            Err(refusal)
        };
        while !turns.over && turns.said.len() < response.steps.len() {
            let before = turns.node.unwrap_or(response.node);
            let question =
                match self.judge.question_after(&desk.problem(), &[response], &turns.said) {
                    Ok(question) => question,
                    Err(refusal) => return refused(before, refusal),
                };
            let ask = Ask::of(question).about(response.node).aside();
            let step = turns.said.len() + 1;
            let Some(line) = desk.line(self.written(ask, step, step + 1)).await else {
                return Err(Refusal::Failed);
            };
            let Some(looks) = self.look_again(desk, line, step + 1).await else {
                return Err(Refusal::Failed);
            };
            let line = &looks.last().line;
            if !line.is_finished() {
                return refused(line.node, Refusal::Cut);
            }
            let (value, over) = match self.judge.read_turn(&looks, step) {
                Ok(read) => read,
                Err(refusal) => return refused(line.node, refusal),
            };
            turns.judged.push(value);
            turns.said.push(line.text());
            turns.over = over;
            turns.node = Some(line.node);
            // A judgement is as good as the least trusted of its turns.
            turns.meta = turns.meta.min(line.score);
        }
        Ok(())
    }
}
