//! One problem of an evaluation, graded: the answer, every candidate as what became of it, the cost.

use serde::{Deserialize, Serialize};
use tts_core::metrics::Sampled;
use tts_core::{Aggregate, Cost, Curtailed, Outcome, SearchError, SearchStrategy, Stop};

use super::Item;

/// A problem with what was made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Graded {
    /// Its place among the problems of the evaluation, from 0.
    pub index: usize,
    /// Its place in the file of problems, `line 6`, if it is of one.
    pub place: Option<String>,
    /// Its name in its data set, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The right answer.
    pub gold: String,
    /// The strategy's answer.
    pub answer: Option<String>,
    /// Whether that is right.
    pub correct: bool,
    /// Why the search ended.
    pub stop: Option<Stop>,
    /// What it cost.
    pub cost: Cost,
    /// Why the search failed, if it did.
    pub error: Option<String>,
    /// Paths that the scorer could not judge.
    pub unscored: usize,
    /// Lines that failed.
    pub failed_lines: usize,
    /// Why the first of them did.
    pub why: Option<String>,
    /// What a hard budget took from lines, whatever the search ended by; empty in rows of before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curtailed: Vec<Curtailed>,
    /// All samples, each as what became of it; of a search that is more than samples, its candidates.
    pub candidates: Vec<Sampled>,
}

impl Graded {
    /// Grades the outcome of the problem at a place, by the task of its tree.
    pub fn new<S: SearchStrategy + ?Sized>(
        index: usize,
        item: &Item,
        strategy: &S,
        result: &Result<Outcome, SearchError>,
    ) -> Self {
        let gold = item.gold.clone();
        let place = item.place.map(|place| place.to_string());
        let id = item.id.clone();
        let (outcome, error) = match result {
            Ok(outcome) => (Some(outcome), None),
            Err(error) => (error.partial.as_deref(), Some(error.to_string())),
        };
        let Some(outcome) = outcome else {
            return Self {
                index,
                place,
                id,
                gold,
                answer: None,
                correct: false,
                stop: None,
                cost: Cost::default(),
                error,
                unscored: 0,
                failed_lines: 0,
                why: None,
                curtailed: Vec::new(),
                candidates: Vec::new(),
            };
        };
        let candidates = match strategy.samples() {
            Some(aggregate) => outcome.samples(aggregate, &gold),
            None => outcome
                .candidates(Aggregate::ByScale)
                .into_iter()
                .map(|candidate| Sampled {
                    score: outcome.tree.score(candidate.node, Aggregate::ByScale),
                    finished: outcome.tree[candidate.node].is_finished(),
                    right: outcome.tree.verdict(candidate.node, &gold).is_right(),
                    answer: candidate.answer,
                })
                .collect(),
        };
        Self {
            answer: outcome.answer().filter(|_| error.is_none()),
            correct: error.is_none() && outcome.verdict(&gold).is_right(),
            candidates,
            stop: Some(outcome.stop),
            cost: outcome.usage.logical,
            unscored: outcome.unscored.len(),
            failed_lines: outcome.failed.len(),
            why: outcome.failed.first().map(|failed| failed.error.to_string()),
            curtailed: outcome.curtailed.clone(),
            index,
            place,
            id,
            gold,
            error,
        }
    }

    /// What to call the problem: by its place in its file, or among the problems of the evaluation.
    pub fn name(&self) -> String {
        self.place.clone().map_or_else(|| self.index.to_string(), |place| format!("of {place}"))
    }
}
