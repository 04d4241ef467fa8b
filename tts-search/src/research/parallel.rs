//! Parallel search: all questions at once from the plan, all searches side by side, then the report.
//!
//! Cost: the lines of the plan, one line for all questions, a search and the lines of an answer for each, and those
//! of the report; whatever the number of searches, as many rounds as one takes.
//!
//! When: latency counts, and no question depends on the answer to another.
//!
//! Source: the parallel arm that Han et al. 2025 (arXiv 2507.16075), figure 1, compare with.

use minijinja::context;
use serde::{Deserialize, Serialize};
use tts_core::{Desk, NodeId, Requirements, Script, all};

use super::crew::{Crew, says};
use super::draft::Draft;
use super::notes::Notes;
use super::part::Part;
use super::parts::Parts;
use super::purse::Need;

/// Plan, all searches at once, report.
///
/// ```
/// use tts_core::Script;
/// assert!(tts_search::research::ParallelSearch::default().check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParallelSearch {
    /// Who writes what; draft and revision are not used. Of the question part only the role is: one line has them all.
    pub parts: Parts,
    /// Most searches.
    pub searches: usize,
}

impl Default for ParallelSearch {
    /// Twenty searches without evolution.
    fn default() -> Self {
        Self { parts: Parts::plain(), searches: 20 }
    }
}

impl Script for ParallelSearch {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let parts = &self.parts;
        let crew = Crew::new(desk, parts);
        let asking = Part { role: parts.question.role.clone(), ..Part::of(1, 0) };
        let each = Need::SEARCH + parts.answer.need();
        let (plan, mut about) = crew.plan(asking.need()).await;
        let plan = plan.as_str();
        let mut notes = Notes::default();
        // As many as there is room for, with the line that asks for them.
        let need = |n: usize| asking.need() + each.times(n as u64);
        let most = (1..=self.searches).rev().find(|&n| crew.has_room(need(n)));
        let room = crew.room(need(most.unwrap_or(1)));
        if let (Some(most), Some(cap)) = (most, room) {
            let values = context! { problem => crew.question(), plan, most };
            let line = crew.part(&asking, "questions", values, about, cap).await;
            let mut questions = Vec::new();
            if let Some(line) = line {
                about = line.node;
                let lines = says(&line);
                let asked = lines.lines().map(|line| crew.asked(line));
                let asked = asked.filter(|line| !line.is_empty());
                questions = asked.filter(|question| !notes.repeats(question)).take(most).collect();
                // With as many as were asked for there may have been more.
                if most < self.searches && questions.len() == most {
                    crew.room(need(most + 1));
                }
            }
            let found = all(questions.iter().map(|question| crew.search(question, about))).await;
            let shown: Vec<_> = found
                .into_iter()
                .map(|found| found.map(|(found, node)| (notes.found(found), node)))
                .collect();
            let answers = questions.iter().zip(&shown).map(async |(question, shown)| {
                let (shown, node) = shown.as_ref().filter(|(shown, _)| !shown.is_empty())?;
                crew.answer(question, shown, *node, cap).await
            });
            let answers = all(answers).await;
            for ((question, shown), answer) in questions.iter().zip(&shown).zip(answers) {
                match (shown, answer) {
                    (None, _) => notes.fail(question),
                    (Some((shown, _)), Some(answer)) => {
                        notes.learn(question, &says(&answer), shown);
                    }
                    (Some((shown, _)), None) if shown.is_empty() => {
                        notes.note(question, "Nothing was found.");
                    }
                    _ => notes.note(question, "What was found could not be read."),
                }
            }
        }
        crew.report(plan, &Draft::default(), &notes, about).await
    }

    fn check(&self) -> Result<(), String> {
        if self.searches == 0 {
            return Err("parallel-search: searches is 0, expected at least 1".into());
        }
        self.parts.check().map_err(|problem| format!("parallel-search: {problem}"))
    }

    fn requires(&self) -> Requirements {
        self.parts.requires()
    }
}
