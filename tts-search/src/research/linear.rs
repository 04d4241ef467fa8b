//! Plan, search, write: questions one after the other in sight of the answers before, and a report at the end.
//!
//! It is the research of [`super::Research`] without a draft: what is open has to be told from plan and answers.
//!
//! Cost: the lines of the plan, of a question and an answer for each step, and of the report; a search a step.
//!
//! When: the answers are few enough to be shown whole to the report.
//!
//! Source: the backbone of Han et al. 2025 (arXiv 2507.16075), section 2.1, stages 1 to 3, without section 2.3.

use serde::{Deserialize, Serialize};
use tts_core::{Desk, NodeId, Requirements, Script};

use super::crew::Crew;
use super::draft::Draft;
use super::notes::Notes;
use super::parts::Parts;
use super::purse::Need;

/// Plan, then steps of question, search and answer, then the report.
///
/// ```
/// use tts_core::Script;
/// assert!(tts_search::research::PlanSearchWrite::default().check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanSearchWrite {
    /// Who writes what; draft and revision are not used.
    pub parts: Parts,
    /// Most steps.
    pub rounds: usize,
    /// Steps in a row without news after which it ends; at least 1.
    pub patience: usize,
}

impl Default for PlanSearchWrite {
    /// Twenty steps without evolution.
    fn default() -> Self {
        Self { parts: Parts::plain(), rounds: 20, patience: 3 }
    }
}

impl Script for PlanSearchWrite {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let parts = &self.parts;
        let crew = Crew::new(desk, parts);
        let (plan, mut about) = crew.plan(Need::default()).await;
        let plan = plan.as_str();
        let mut notes = Notes::default();
        for _ in 0..self.rounds {
            let Some(cap) = crew.room(parts.step()) else { break };
            let turn = crew.turn(&mut notes, (plan, ""), about, cap, self.patience).await;
            let Some(turn) = turn else { break };
            about = turn.node;
            if turn.last {
                break;
            }
        }
        crew.report(plan, &Draft::default(), &notes, about).await
    }

    fn check(&self) -> Result<(), String> {
        if self.patience == 0 {
            return Err(
                "plan-search-write: patience is 0, expected at least 1 step without news".into()
            );
        }
        self.parts.check().map_err(|problem| format!("plan-search-write: {problem}"))
    }

    fn requires(&self) -> Requirements {
        self.parts.requires()
    }
}
