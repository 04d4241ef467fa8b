//! Deep research as diffusion (TTD-DR): a draft that is wrong at first is revised after every search.
//!
//! ```text
//! plan -- draft R_0 -+- question, in sight of R_(t-1) -- search -- answer -- draft R_t -+-- report
//!                    `------------------------- N times --------------------------------'
//! ```
//!
//! Every part is evolved as its [`Part`](super::Part) says. In the tree each step hangs from the one before: a question is
//! about the draft, a search about its question, an answer about what was found, the next draft about the answer.
//! Drafts and the report are candidates, everything else is an aside, and the latest of them is the answer as of
//! now, so whatever ends a research early leaves one.
//!
//! The loop ends when nothing is open any more, after so many steps in a row without news (a question asked
//! before, a search that fails or finds nothing), or while a budget still has room for the report. Within a budget of tokens
//! a step is begun while each of its lines can be as long as the draft, and a revision that is cut leaves the draft as it is:
//! the draft never gets shorter for the budget's sake. A draft cites only what had been found when it was written.
//!
//! Cost: a part takes `n (1 + 2 s)` lines, and one more to merge if `n > 1`. At the paper's settings `1 + 3` lines for draft and
//! plan, `20 (6 + 4 + 1)` for the steps, 3 for the report: 227 lines, and 20 searches.
//!
//! When: questions whose answer leads to the next question, and a model that reads better than it knows. Where all
//! questions can be asked from the start, [`super::ParallelSearch`] is as good in a tenth of the rounds.
//!
//! Source: Han et al. 2025, "Deep Researcher with Test-Time Diffusion" (arXiv 2507.16075), section 2 and
//! algorithm 1. The paper does not say what becomes of a repeated question; here it is not searched for again.

use minijinja::context;
use serde::{Deserialize, Serialize};
use tts_core::{Desk, NodeId, Requirements, Script};

use super::crew::Crew;
use super::draft::Draft;
use super::notes::Notes;
use super::parts::Parts;
use super::purse::{Cap, Need};

/// Research in steps of search and revision of a draft (TTD-DR, Han et al. 2025).
///
/// The loop ends when nothing is open, after [`Research::patience`] steps without news, after [`Research::rounds`], or
/// while a budget still has room for the report. A part takes `n (1 + 2 s)` lines, and one more to merge if `n > 1`.
///
/// ```
/// use tts_core::{Scripted, Search};
/// use tts_search::research::{Research, atlas};
/// use tts_search::retrieve::{SearchSettings, Searcher};
///
/// let world = atlas::Atlas::new(7, 200);
/// let request = world.request(0);
/// let searcher = Searcher::new(world.retriever(), SearchSettings::default())?;
/// let search = Search::new(atlas::Agents::default()).role("search", searcher);
/// let outcome = search.run(Scripted::of(Research::plain(12)), request.prompt())?;
/// assert_eq!(request.right(&outcome.text().unwrap_or_default()), 6);
/// # Ok::<(), tts_core::BoxError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Research {
    /// Who writes what.
    pub parts: Parts,
    /// Most steps of search and revision (N); 0 for a report on the first draft.
    pub rounds: usize,
    /// Steps in a row without news after which it ends; at least 1.
    pub patience: usize,
}

impl Default for Research {
    /// The paper's settings: 227 lines and 20 searches.
    fn default() -> Self {
        Self { parts: Parts::default(), rounds: 20, patience: 3 }
    }
}

impl Research {
    /// Without evolution.
    pub fn plain(rounds: usize) -> Self {
        Self { parts: Parts::plain(), rounds, ..Self::default() }
    }
}

impl Script for Research {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let parts = &self.parts;
        let crew = Crew::new(desk, parts);
        let (plan, mut about) = crew.plan(parts.draft.plain().need()).await;
        // A draft comes first, whatever the budget: without one there is no answer at all.
        let room = crew.evolved(&parts.draft, Need::default(), parts.report.need());
        let (part, cap) = room.unwrap_or_else(|| (parts.draft.plain(), Cap::default()));
        let plan = plan.as_str();
        let values = context! { problem => crew.question(), plan };
        let (mut draft, mut notes) = (Draft::default(), Notes::default());
        // Nothing came of it: then the first answers make one.
        if let Some(first) = crew.draft(&part, "draft", values, about, cap).await {
            about = first.node;
            draft.revise(first, &notes);
        }
        let step: Need = parts.step() + parts.revision.need();
        for _ in 0..self.rounds {
            draft.node.iter().for_each(|&node| crew.desk.prefer(node));
            let Some(cap) = crew.room_of(step, draft.tokens()) else { break };
            let so_far = (plan, draft.text.as_str());
            let turn = crew.turn(&mut notes, so_far, about, cap, self.patience).await;
            let Some(turn) = turn else { break };
            about = turn.node;
            if turn.news {
                let known = notes.known(parts.known_chars);
                let values =
                    context! { problem => crew.question(), draft => draft.text.as_str(), known };
                let revised = crew.draft(&parts.revision, "revise", values, about, cap).await;
                // One that fails, says nothing or is cut leaves the draft as it is.
                if let Some(revised) = revised {
                    about = revised.node;
                    draft.revise(revised, &notes);
                }
            }
            if turn.last {
                break;
            }
        }
        draft.node.iter().for_each(|&node| crew.desk.prefer(node));
        crew.report(plan, &draft, &notes, about).await
    }

    fn check(&self) -> Result<(), String> {
        if self.patience == 0 {
            return Err("research: patience is 0, expected at least 1 step without news".into());
        }
        self.parts.check().map_err(|problem| format!("research: {problem}"))
    }

    fn requires(&self) -> Requirements {
        self.parts.requires()
    }
}
