//! Best-of-N by a judge: samples of the policy, judgements of the judge, one winner.
//!
//! ```text
//! question --+-- A --.
//!            +-- B --+-- k judgements, each of all in an order of its own --> votes --> B
//!            +-- C --'
//! ```
//!
//! Samples that were cut are not judged where others have finished. Equals of the vote are drawn among, by the search's own
//! numbers, as the source breaks ties. Where every judgement was refused the judge abstains, and the first sample of
//! the commonest answer stands. The budget of the problem counts policy and judge together; when it is out, those batches of
//! judgements count that were made ([`super::Sure`] asks in batches, without it there is one), the first of equals first.
//!
//! Cost: `n` lines in one round, then the jury's: `samples` lines where the judge takes all at once.
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), sections 4 and 5, ties by chance in its evaluation.

use serde::{Deserialize, Serialize};
use tts_core::select::classes;
use tts_core::{Ask, Desk, Line, NodeId, Requirements, Script};

use super::ballot::Ballot;
use super::jury::Jury;
use super::response::Response;

/// The sample that a jury likes best, see the [module](self).
///
/// ```
/// use tts_core::toy::{ToyWorld, Voice};
/// use tts_core::{Scripted, Search, StepRule};
/// use tts_prm::critic::{BestByJudge, Jury};
/// // A judge that never says what it was asked for.
/// let judge = Voice::new(|_, _, _| "They are all fine.");
/// let world = ToyWorld::default();
/// let search = Search::new(&world).role("judge", &judge).rule(StepRule::lines());
/// let best = BestByJudge { n: 4, jury: Jury { samples: 3, ..Jury::default() } };
/// let outcome = search.run(Scripted::of(best), world.prompt(0))?;
/// assert!(outcome.answer().is_some());
/// // It is told how many were refused, and why.
/// assert_eq!(outcome.unscored.len(), 3);
/// assert_eq!(outcome.unscored[0].why, "no \\boxed{} in the judgement");
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BestByJudge {
    /// How many samples.
    pub n: usize,
    /// Who judges.
    pub jury: Jury,
}

impl Default for BestByJudge {
    /// The best of eight by eight judgements.
    fn default() -> Self {
        Self { n: 8, jury: Jury::default() }
    }
}

/// A line as a judge sees it.
fn response(line: &Line) -> Response {
    let mut steps: Vec<String> = line.steps.iter().map(|step| step.text.clone()).collect();
    while steps.last().is_some_and(|step| step.trim().is_empty()) {
        steps.pop();
    }
    Response { node: line.node, steps }
}

/// The place of the first sample of the commonest answer; the first of all without answers.
fn usual(desk: &Desk, lines: &[Line]) -> usize {
    let answers: Vec<Option<String>> = lines.iter().map(Line::answer).collect();
    let task = desk.task();
    let labels = classes(answers.iter().map(Option::as_deref), task.comparer());
    let count = |label: usize| labels.iter().filter(|&&other| other == Some(label)).count();
    let most = labels.iter().flatten().map(|&label| count(label)).max();
    labels
        .iter()
        .position(|label| label.is_some_and(|label| Some(count(label)) == most))
        .unwrap_or(0)
}

impl Script for BestByJudge {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let mut lines = desk.ask(Ask::problem().times(self.n)).await;
        if lines.iter().any(Line::is_finished) {
            lines.retain(Line::is_finished);
        }
        let usual = usual(&desk, &lines);
        // The answer so far, should the budget run out.
        desk.prefer(lines.get(usual)?.node);
        let responses: Vec<Response> = lines.iter().map(response).collect();
        let heard = |ballot: &Ballot| {
            self.jury.value(&desk, &responses, ballot);
            let best = Ballot::best(&self.jury.totals(ballot), |_| 0);
            if let Some(best) = best.and_then(|best| responses.get(best)) {
                desk.prefer(best.node);
            }
        };
        let ballot = self.jury.ballot(&desk, &responses, heard).await;
        let best = Ballot::best(&self.jury.totals(&ballot), |count| desk.below(count));
        Some(lines[best.unwrap_or(usual)].node)
    }

    fn check(&self) -> Result<(), String> {
        if self.n == 0 {
            return Err("best-by-judge: n is 0, expected at least 1".into());
        }
        if self.jury.samples == 0 {
            return Err("best-by-judge: jury.samples is 0, expected at least 1".into());
        }
        self.jury.check_for(Some(self.n))
    }

    fn requires(&self) -> Requirements {
        self.jury.requires()
    }
}
