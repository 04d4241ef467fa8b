//! Self-refinement: the model criticises its attempt, and writes it again in sight of the critique.
//!
//! ```text
//! question -- attempt            a candidate, and stays one
//!             |- critique        an aside about it
//!             `- revision        a question about it, answered by a further candidate
//!                |- critique ...
//! ```
//!
//! It ends when a critique finds nothing wrong, or after so many rounds; the answer is the last attempt.
//!
//! Cost: one line, and two more for each round, one after the other.
//!
//! Source: Madaan et al. 2023, "Self-Refine: Iterative Refinement with Self-Feedback" (arXiv
//! 2303.17651), algorithm 1.

use tts_core::{Ask, Desk, NodeId, Script};

/// What a critique says of an attempt without faults.
pub(crate) const FAULTLESS: &str = "It is correct.";

/// Attempt, critique, revision, critique, ...
#[derive(Debug, Clone)]
pub(crate) struct SelfRefine {
    /// Most revisions.
    pub(crate) rounds: usize,
}

/// The question for a critique.
pub(crate) fn critique(question: &str, attempt: &str) -> String {
    format!(
        "{question}\n\n<attempt>\n{attempt}\n</attempt>\nWhat is wrong with it? If nothing is, say: {FAULTLESS}"
    )
}

/// The question for a revision.
pub(crate) fn revision(question: &str, attempt: &str, critique: &str) -> String {
    format!(
        "{question}\n\n<attempt>\n{attempt}\n</attempt>\n<critique>\n{critique}\n</critique>\n\
         Write it again, without these faults."
    )
}

impl Script for SelfRefine {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let question = desk.question();
        let mut attempt = desk.line(Ask::problem()).await?;
        for _ in 0..self.rounds {
            // If the critique fails, the attempt stands.
            desk.prefer(attempt.node);
            let asked = critique(&question, &attempt.text());
            let said = desk.line(Ask::of(asked).about(attempt.node).aside()).await?.text();
            if said.contains(FAULTLESS) {
                break;
            }
            let asked = revision(&question, &attempt.text(), &said);
            attempt = desk.line(Ask::of(asked).about(attempt.node)).await?;
        }
        Some(attempt.node)
    }
}
