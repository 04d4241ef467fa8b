//! Plain retrieval-augmented generation: one search for the question itself, and a report from what it found.
//!
//! Cost: a search, and the lines of the report.
//!
//! When: questions whose answer stands in one place that their own words lead to. It is what more has to beat.
//!
//! Source: Lewis et al. 2020, "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks" (arXiv 2005.11401).

use serde::{Deserialize, Serialize};
use tts_core::{Desk, NodeId, Requirements, Script};

use super::crew::Crew;
use super::draft::Draft;
use super::notes::Notes;
use super::parts::Parts;
use super::purse::Need;

/// One search, one report. Of the parts only the report is used.
///
/// ```
/// use tts_core::Script;
/// assert!(tts_search::research::RetrieveOnce::default().check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrieveOnce {
    /// Who writes what.
    pub parts: Parts,
}

impl Default for RetrieveOnce {
    /// Without evolution.
    fn default() -> Self {
        Self { parts: Parts::plain() }
    }
}

impl Script for RetrieveOnce {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let crew = Crew::new(desk, &self.parts);
        let (mut notes, mut about) = (Notes::default(), NodeId::ROOT);
        if crew.room(Need::SEARCH).is_some() {
            about = crew.look_up(&mut notes, crew.question(), about).await;
        }
        crew.report("", &Draft::default(), &notes, about).await
    }

    fn check(&self) -> Result<(), String> {
        self.parts.check_quoting().map_err(|problem| format!("retrieve-once: {problem}"))
    }

    fn requires(&self) -> Requirements {
        self.parts.requires()
    }
}
