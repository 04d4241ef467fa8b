//! Sequential revision: chains of attempts, each written in sight of the latest ones before it.
//!
//! ```text
//! question -+- attempt -- attempt -- attempt    each chain: weighted vote, best of the winner
//!           +- attempt -- attempt -- attempt    across the chains: weighted vote of these
//! ```
//!
//! A revision model turns a good part of its right answers wrong again, so the last attempt is never
//! simply returned: all attempts are scored, and the vote is held within the chains and across them
//! ([`tts_core::select::weighted_over_chains`]). How a budget of lines is split between chains and their
//! length is the balance of parallel and sequential search.
//!
//! Cost: `chains x length` lines, a batch of `chains` a round; each is judged.
//!
//! Source: Snell et al. 2024, "Scaling LLM Test-Time Compute Optimally can be More Effective than
//! Scaling Model Parameters" (arXiv 2408.03314), section 6.

use tts_core::select::{Vote, Weight, weighted_over_chains};
use tts_core::{Ask, Desk, Line, NodeId, Requirements, Script, Selection, all};

/// Chains of revisions.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    /// Chains, side by side.
    pub(crate) chains: usize,
    /// Attempts in each.
    pub(crate) length: usize,
    /// Most attempts that a revision is shown: the latest.
    pub(crate) shown: usize,
}

/// The question that shows the latest attempts.
pub(crate) fn words(question: &str, attempts: &[Line]) -> String {
    let attempts = attempts.iter().map(|line| format!("<attempt>\n{}\n</attempt>\n", line.text()));
    format!("{question}\n\nEarlier attempts:\n{}Write a better one.", attempts.collect::<String>())
}

impl Revision {
    async fn chain(&self, desk: &Desk, first: Line) -> Vec<Line> {
        let (mut chain, mut last) = (Vec::new(), first);
        while chain.len() + 1 < self.length {
            let about = last.node;
            chain.push(last);
            let latest = &chain[chain.len().saturating_sub(self.shown)..];
            let asked = Ask::of(words(&desk.question(), latest)).about(about);
            let Some(next) = desk.line(asked).await else { return chain };
            last = next;
        }
        chain.push(last);
        chain
    }
}

impl Script for Revision {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let first = desk.ask(Ask::problem().times(self.chains)).await;
        let chains = all(first.into_iter().map(|line| self.chain(&desk, line))).await;
        let vote = |line: &Line| Vote { answer: line.answer(), score: line.score };
        let votes: Vec<Vec<Vote>> =
            chains.iter().map(|chain| chain.iter().map(vote).collect()).collect();
        let chosen = weighted_over_chains(&votes, |a, b| a == b, Weight::Raw);
        chosen.map(|(chain, place)| chains[chain][place].node)
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self { chains: 0, .. } => Err("revision: chains is 0, expected at least 1".into()),
            Self { length: 0, .. } => Err("revision: length is 0, expected at least 1".into()),
            Self { shown: 0, .. } => Err("revision: shown is 0, expected at least 1".into()),
            _ => Ok(()),
        }
    }

    fn requires(&self) -> Requirements {
        Requirements::scorer("revision", [Selection::weighted()])
    }
}
