//! Budget forcing: how long a model thinks is set from outside.
//!
//! ```text
//! question -- thinking ... </think>            it would stop here: that is dropped,
//!          `- thinking ... Wait, so ...        "Wait" put in its place, and it goes on
//!                          `- ... </think> -- The answer is 12.
//! ```
//!
//! The thinking is asked for under a rule of its own, in which the end-of-thinking text is a pause. A
//! line that pauses before its time is kept without the tokens of that text and continued behind
//! "Wait"; one that uses up its tokens is cut, and the end-of-thinking text is put behind it. Then the
//! answer is written under the search's own rule. The cap counts all tokens that were generated as
//! thinking, those that were dropped included.
//!
//! Cost: one line of thinking, one more for each wait, and the answer, one after the other.
//!
//! Source: Muennighoff et al. 2025, "s1: Simple test-time scaling" (arXiv 2501.19393), section 3.1.

use std::sync::Arc;

use tts_core::{Ask, Desk, Finish, NodeId, Script, StepRule, Until};

/// Thinking of a set length, then an answer.
#[derive(Debug, Clone)]
pub(crate) struct BudgetForcing {
    /// How often the end of thinking is overruled.
    pub(crate) waits: usize,
    /// Most generated tokens of thinking.
    pub(crate) most: u32,
    /// What is put in place of the end of thinking.
    pub(crate) wait: String,
    /// The text with which thinking ends.
    pub(crate) close: String,
}

impl BudgetForcing {
    /// Thinking is one step, which rests where it would end.
    fn thinking(&self) -> Arc<StepRule> {
        Arc::new(StepRule {
            delimiters: Vec::new(),
            pause: vec![self.close.clone()],
            max_step_tokens: u32::MAX,
            max_tokens: u32::MAX,
            ..StepRule::default()
        })
    }
}

impl Script for BudgetForcing {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let rule = self.thinking();
        let think = |ask: Ask, most| desk.line(ask.rule(Arc::clone(&rule)).until(most));
        let mut line = think(Ask::problem(), Until::Tokens(self.most)).await?;
        let mut left = u64::from(self.most) - line.generated();
        for _ in 0..self.waits {
            let early = matches!(line.finish, Finish::Pause | Finish::Stop);
            let Some(most) = u32::try_from(left).ok().filter(|&left| early && left > 0) else {
                break;
            };
            let again = Ask::behind(line.node).keep(line.kept()).append(&self.wait);
            line = think(again, Until::Tokens(most)).await?;
            left -= line.generated();
        }
        let answer = Ask::behind(line.node);
        let closed = line.finish == Finish::Pause;
        let answer = if closed { answer } else { answer.append(&self.close) };
        Some(desk.line(answer).await?.node)
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self { most: 0, .. } => Err("budget forcing: most is 0, expected at least 1".into()),
            _ if self.close.is_empty() => Err("budget forcing: close is empty".into()),
            _ => Ok(()),
        }
    }
}
