//! How good is a judge? Preferences with known answers, judged, and what that comes to.
//!
//! A [`Preference`] is a question, responses to it and which of them is best; [`read_preferences`] knows the files of
//! `RewardBench`, `JudgeBench` and `LLMBar`, and lists of responses. [`assess()`] asks a jury about each, as searches that
//! share the judge's passes, and [`Assessment`] tells what came of it: how often the best was chosen, how well scores rank,
//! whether they are probabilities, whether a place or a length was preferred, and by how much it would have to be for these
//! data to show it.
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), section 5, for accuracy with ties by chance, and ROC AUC; Zheng et al. 2023
//! (arXiv 2306.05685), section 3.3, for biases of position and length.

mod figures;
pub mod preference;
pub mod report;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use tts_core::{Cost, Desk, NodeId, Prompt, Requirements, Script, Scripted, Search, SearchError};

use super::ballot::Ballot;
use super::jury::Jury;
use super::response::Response;

pub use preference::{Preference, read_preferences};
pub use report::{Assessment, Bias, Ruling};

/// Asks a jury about the responses of one preference.
#[derive(Clone)]
struct Hearing {
    jury: Arc<Jury>,
    responses: Arc<[Response]>,
    heard: Arc<Mutex<Ballot>>,
}

impl Script for Hearing {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let ballot = self.jury.ballot(&desk, &self.responses).await;
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = ballot;
        None
    }

    fn check(&self) -> Result<(), String> {
        if self.jury.samples == 0 {
            return Err("judge: samples is 0, expected at least 1".into());
        }
        self.jury.check()
    }

    fn requires(&self) -> Requirements {
        self.jury.requires()
    }
}

/// Judges preferences by a jury, and tells `done` of each as it is done, in any order, with what it cost; `Break` ends it
/// with those that are done. The judge is the search's policy where the jury names no role.
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
/// let pair = |best| Preference {
///     prompt: "2 + 2?".into(), responses: vec!["4".into(), "five".into()], best, subset: None,
/// };
/// let pairs = vec![pair(0); 40];
/// let rulings = assess(&Search::new(&judge), &jury, &pairs, |_, _, _| ControlFlow::Continue(()))?;
/// let found = Assessment::of(&jury, &pairs, &rulings, 7)?;
/// // A coin: its preference for a place says nothing of the responses, and shows.
/// assert!((found.accuracy.mean - 0.5).abs() < 0.2);
/// assert_eq!(found.position.map(|bias| bias.mean), Some(0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the search of one fails.
pub fn assess(
    search: &Search<'_>,
    jury: &Jury,
    preferences: &[Preference],
    done: impl FnMut(usize, &Ruling, &Cost) -> ControlFlow<()>,
) -> Result<Vec<Option<Ruling>>, SearchError> {
    let cases = preferences.iter().map(|preference| {
        let responses = preference.responses.iter().map(Response::text).collect();
        (preference.prompt.clone(), responses)
    });
    hear(search, jury, cases.collect(), done)
}

/// Asks a jury about each of these cases: a problem, and responses to it.
pub(crate) fn hear(
    search: &Search<'_>,
    jury: &Jury,
    cases: Vec<(Prompt, Arc<[Response]>)>,
    mut done: impl FnMut(usize, &Ruling, &Cost) -> ControlFlow<()>,
) -> Result<Vec<Option<Ruling>>, SearchError> {
    let jury = Arc::new(jury.clone());
    let heard: Vec<Arc<Mutex<Ballot>>> = cases.iter().map(|_| Arc::default()).collect();
    let mut rulings: Vec<Option<Ruling>> = vec![None; cases.len()];
    let mut failed = None;
    let hearings =
        cases.into_iter().zip(&heard).enumerate().map(|(number, ((prompt, responses), heard))| {
            let (jury, heard) = (Arc::clone(&jury), Arc::clone(heard));
            (number, Scripted::of(Hearing { jury, responses, heard }), prompt)
        });
    search.run_while(
        hearings,
        || true,
        |number, outcome| match outcome {
            Ok(outcome) => {
                let mut ballot = heard[number].lock().unwrap_or_else(PoisonError::into_inner);
                let ballot = std::mem::take(&mut *ballot);
                let reasons = outcome.unscored.iter().map(|unread| unread.why.clone()).collect();
                let ruling = rulings[number].insert(Ruling { ballot, reasons });
                done(number, ruling, &outcome.usage.logical)
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        },
    );
    match failed {
        Some(error) => Err(error),
        None => Ok(rulings),
    }
}

#[cfg(test)]
mod tests;
