//! How good is a judge? Preferences with known answers, judged, and what that comes to.
//!
//! A [`Preference`] is a question, responses to it and which of them is best; [`read_preferences`] knows the forms in which
//! data sets have them ([`preference`]). [`assess()`] asks a jury about each, as searches that
//! share the judge's passes, and [`Assessment`] tells what came of it: how often the best was chosen, how well scores rank,
//! whether they are probabilities, whether a place or a length was preferred, and by how much it would have to be for these
//! data to show it.
//!
//! A scorer, a reward model say, is measured on the same preferences ([`score_preferences`]).
//!
//! Judges of steps, and scorers of steps, are measured on solutions whose first wrong step is known: [`read_step_cases`],
//! [`assess_steps`], [`StepAssessment`]. Single responses with a label, or a grade, are told from each other by
//! [`assess_graded`] and [`GradedAssessment`].
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), section 5, for accuracy with ties by chance, and ROC AUC; Zheng et al. 2023
//! (arXiv 2306.05685), section 3.3, for biases of position and length.

pub mod curve;
mod ended;
pub mod fields;
mod figures;
pub mod first_errors;
mod forms;
pub mod graded;
pub mod heard;
pub mod known;
pub mod page;
mod panel;
pub mod preference;
mod ranks;
mod refused;
pub mod report;
pub mod scored;
pub mod sections;
pub mod step_cases;
mod trust;
mod turns;

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use tts_core::{Cost, Desk, NodeId, Outcome, Prompt, Requirements, Script, Scripted, Search};

use super::ballot::Ballot;
use super::jury::{Jury, Order};
use super::response::Response;

pub use curve::{Votes, curve, over_subsets};
pub use ended::Ended;
pub use fields::{PreferenceFields, read_preferences_by};
pub use first_errors::{
    StepAssessment, StepFigures, StepRuling, assess_steps, assess_steps_whole, score_steps,
};
pub use graded::{
    Graded, GradedAssessment, GradedFigures, are_truths, assess_graded, assess_graded_whole,
    read_graded,
};
pub use heard::{Heard, HeardBy, Record, Unread, Written, compare, read_heard, write_heard};
pub use known::{Known, Measured};
pub use page::heard_page;
pub use preference::{Preference, Preferences, read_preferences};
pub use report::{Assessment, Bias, Ruling};
pub use scored::{score_preferences, steps_of};
pub use sections::Sections;
pub use step_cases::{StepCase, StepCases, read_step_cases};

pub(super) use refused::is_second;

/// Asks a jury about the responses of one preference.
#[derive(Clone)]
struct Hearing {
    jury: Arc<Jury>,
    responses: Arc<[Response]>,
    heard: Arc<Mutex<Ballot>>,
}

impl Script for Hearing {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let keep = |ballot: &Ballot| {
            *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = ballot.clone();
        };
        self.jury.ballot(&desk, &self.responses, keep).await;
        None
    }

    fn check(&self) -> Result<(), String> {
        fits(&self.jury, Some(self.responses.len()))
    }

    fn requires(&self) -> Requirements {
        self.jury.requires()
    }
}

/// Whether so many responses can be judged at all; of `None`, however many there are.
pub(crate) fn fits(jury: &Jury, responses: Option<usize>) -> Result<(), String> {
    if jury.samples == 0 {
        return Err("judge: samples is 0, expected at least 1".into());
    }
    jury.check_for(responses)
}

/// Rulings in the order of their items; `None` of those that were not asked about.
type Rulings = Vec<Option<Ruling>>;

/// Judges preferences by a jury, and tells `done` of each as it is done, in any order, with what it cost; on `Break` those
/// in flight are finished, and nothing more is begun. The judge is the search's policy where the jury names no role.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Assessment, Judge, Jury, Preference, assess};
///
/// // It prefers the first that it is shown.
/// let judge = Voice::new(|_, _, _| "The first. [[A]]");
/// let jury = Jury { role: None, ..Jury::of(Judge::published("pairwise")?, 8) };
/// let pair = |number: usize| Preference {
///     prompt: format!("{number} + 2?").into(),
///     responses: vec![(number + 2).to_string(), "none".into()],
///     best: 0,
///     subset: None,
///     reference: None,
///     worth: None,
/// };
/// let pairs: Vec<Preference> = (0..40).map(pair).collect();
/// let rulings = assess(&Search::new(&judge), &jury, &pairs, |_, _, _| ControlFlow::Continue(()))?;
/// let found = Assessment::of(&jury, &pairs, &rulings, 7)?;
/// // A coin: its preference for a place says nothing of the responses, and shows.
/// assert!((found.accuracy.mean - 0.5).abs() < 0.2);
/// assert_eq!(found.position.map(|bias| bias.mean), Some(0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the jury does not fit one of them, before anything is asked; or when the search of one fails, with the rulings that
/// were made.
pub fn assess(
    search: &Search<'_>,
    jury: &Jury,
    preferences: &[Preference],
    mut done: impl FnMut(usize, &Ruling, &Cost) -> ControlFlow<()>,
) -> Result<Vec<Option<Ruling>>, Ended<Vec<Option<Ruling>>>> {
    assess_whole(search, jury, preferences, |item, ruling, outcome| {
        done(item, ruling, &outcome.usage.logical)
    })
}

/// The same, where `done` is told of the whole search of each: what was written stands in its tree ([`Heard::of`]).
///
/// # Errors
/// As [`assess()`].
pub fn assess_whole(
    search: &Search<'_>,
    jury: &Jury,
    preferences: &[Preference],
    done: impl FnMut(usize, &Ruling, &Outcome) -> ControlFlow<()>,
) -> Result<Vec<Option<Ruling>>, Ended<Vec<Option<Ruling>>>> {
    let cases = preferences.iter().map(|preference| {
        let responses = preference.responses.iter().map(Response::text).collect();
        let (prompt, reference) = (preference.prompt.clone(), preference.reference.clone());
        Case { prompt, responses, reference }
    });
    hear_whole(search, jury, cases.collect(), done)
}

/// What a jury is asked about.
pub(crate) struct Case {
    /// The problem.
    pub(crate) prompt: Prompt,
    /// The responses to it.
    pub(crate) responses: Arc<[Response]>,
    /// A right answer, where one is known: shown by templates that show any.
    pub(crate) reference: Option<String>,
}

impl From<(Prompt, Arc<[Response]>)> for Case {
    fn from((prompt, responses): (Prompt, Arc<[Response]>)) -> Self {
        Self { prompt, responses, reference: None }
    }
}

/// Asks a jury about each of these cases; `done` as [`assess()`] has it.
pub(crate) fn hear(
    search: &Search<'_>,
    jury: &Jury,
    cases: Vec<impl Into<Case>>,
    mut done: impl FnMut(usize, &Ruling, &Cost) -> ControlFlow<()>,
) -> Result<Rulings, Ended<Rulings>> {
    let cases = cases.into_iter().map(Into::into).collect();
    hear_whole(search, jury, cases, |item, ruling, outcome| {
        done(item, ruling, &outcome.usage.logical)
    })
}

/// The same, where `done` is told of the whole search.
pub(crate) fn hear_whole(
    search: &Search<'_>,
    jury: &Jury,
    cases: Vec<Case>,
    mut done: impl FnMut(usize, &Ruling, &Outcome) -> ControlFlow<()>,
) -> Result<Rulings, Ended<Rulings>> {
    let mut rulings: Rulings = vec![None; cases.len()];
    for (item, Case { responses, .. }) in cases.iter().enumerate() {
        if let Err(problem) = fits(jury, Some(responses.len())) {
            return Err(Ended::refused(Some(item), problem, rulings));
        }
    }
    let shared = Arc::new(jury.clone());
    // What is heard of a search that ends before its first judgements.
    let none = |responses: usize| Ballot { responses, ..Ballot::default() };
    let heard: Vec<Arc<Mutex<Ballot>>> =
        cases.iter().map(|case| Arc::new(Mutex::new(none(case.responses.len())))).collect();
    let (goes_on, mut ended) = (Cell::new(true), None);
    let hearings = cases.into_iter().zip(&heard).enumerate().map(|(number, (case, heard))| {
        let Case { prompt, responses, reference } = case;
        let beside = reference.and_then(|reference| jury.judge.beside(reference));
        let jury = beside
            .map_or_else(|| Arc::clone(&shared), |judge| Arc::new(Jury { judge, ..jury.clone() }));
        let heard = Arc::clone(heard);
        (number, Scripted::of(Hearing { jury, responses, heard }), prompt)
    });
    search.run_while(
        hearings,
        || goes_on.get(),
        |number, outcome| {
            let over = match outcome {
                Ok(outcome) => {
                    let mut ballot = heard[number].lock().unwrap_or_else(PoisonError::into_inner);
                    let ballot = std::mem::take(&mut *ballot);
                    let refused = refused::refused(jury, &ballot, &outcome);
                    let reasons = refused.into_iter().map(|refused| refused.why).collect();
                    let ruling = rulings[number].insert(Ruling { ballot, reasons });
                    done(number, ruling, &outcome).is_break()
                }
                Err(error) => {
                    let (item, source) = (Some(number), Box::new(error));
                    ended.get_or_insert(Ended { item, found: Box::new(()), source });
                    true
                }
            };
            // What is in flight is finished: it was paid for.
            goes_on.set(goes_on.get() && !over);
            ControlFlow::Continue(())
        },
    );
    Ended::join(ended, rulings)
}

impl Jury {
    /// Whether these preferences can tell how good it is: in a fixed order a place must not be that of all best responses.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check_places(&self, preferences: &[Preference]) -> Result<(), String> {
        let several = self.takes()[1] > 1;
        let Some((first, others)) = preferences.split_first() else { return Ok(()) };
        if self.order != Order::Fixed || !several || others.is_empty() {
            return Ok(());
        }
        if others.iter().all(|other| other.best == first.best) {
            return Err(format!(
                "order is fixed, and the best response is number {} in all preferences, so that a place would be taken \
                 for quality: expected shuffled or mirrored",
                first.best
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
