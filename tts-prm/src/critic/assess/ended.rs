//! Judging that ended before its time: what was judged until then comes with the error.
//!
//! Judgements are paid for, so the one search that fails takes none with it that were made: what was in flight beside it is
//! finished, nothing more is begun, and all of it is told as if it had been ended there.
//!
//! Source: none.

use tts_core::{RunError, SearchError};

/// The search of an item failed, or nothing could be asked at all.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Judge, Jury, Preference, assess};
///
/// let judge = Voice::new(|_, _, _| "[[A]]");
/// let jury = Jury { role: None, ..Jury::of(Judge::published("pairwise")?, 2) };
/// let one = Preference { prompt: "?".into(), responses: vec!["alone".into()], best: 0, subset: None, reference: None, worth: None };
/// let jury = Jury { samples: 0, ..jury };
/// let ended = assess(&Search::new(&judge), &jury, &[one], |_, _, _| ControlFlow::Continue(())).unwrap_err();
/// assert_eq!((ended.item, ended.found.len()), (Some(0), 1));
/// assert!(ended.to_string().starts_with("item 0: "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}{source}", named(*.item))]
pub struct Ended<T> {
    /// The place of the item, from 0; `None` where it is not one of them that is at fault.
    pub item: Option<usize>,
    /// What was judged until then.
    pub found: Box<T>,
    /// What went wrong.
    pub source: Box<SearchError>,
}

fn named(item: Option<usize>) -> String {
    item.map_or_else(String::new, |item| format!("item {item}: "))
}

impl<T> Ended<T> {
    /// Before anything was asked: a setting makes no sense, for this item or for all.
    pub(crate) fn refused(item: Option<usize>, problem: impl Into<String>, found: T) -> Self {
        let error = RunError::Strategy(problem.into());
        Self { item, found: Box::new(found), source: Box::new(error.into()) }
    }

    /// What was judged, and what ended it before its time.
    pub(crate) fn apart(judged: Result<T, Self>) -> (T, Option<Ended<()>>) {
        match judged {
            Ok(found) => (found, None),
            Err(Self { item, found, source }) => {
                (*found, Some(Ended { item, found: Box::new(()), source }))
            }
        }
    }
}

impl Ended<()> {
    /// What was judged, if nothing ended it before its time.
    pub(crate) fn join<T>(ended: Option<Self>, found: T) -> Result<T, Ended<T>> {
        match ended {
            None => Ok(found),
            Some(Self { item, source, .. }) => Err(Ended { item, found: Box::new(found), source }),
        }
    }
}
