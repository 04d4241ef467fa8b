//! Critiques of preferences: what a semi-scalar reward model learns from.
//!
//! ```text
//! item -- response A -- question about A -- critique, critique, ...
//!      -- response B -- question about B -- critique, critique, ...
//!                                           1st of A against 1st of B, 2nd against 2nd, ...
//! ```
//!
//! A judge of one response whose reading is a head ([`super::Reading::Head`]) is asked about every response, as it is in a search
//! that has the head; here it has none yet. What the head is shown there, the question and what was written behind it, is what
//! it learns from ([`Critiqued::contests`]): of each contest the response that is best, with its critique, against the others with
//! theirs. An item of which some response has no critique is left out, and counted.
//!
//! Source: Ankner et al. 2024, "Critique-out-Loud Reward Models" (arXiv:2408.11791), section 3.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tts_core::rows::{self, Row, RowError, RowsError};
use tts_core::{Cost, Outcome, Prompt, Scale, Search, files, scorer};

use super::assess::{Ended, Heard, Preference, Ruling, assess_whole, is_second};
use super::jury::Jury;
use super::read::Refusal;
use super::response::Response;
use crate::PrmError;

/// A preference with what was said of its responses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Critiqued {
    /// The question, its responses, and which is best.
    pub preference: Preference,
    /// What the judge was asked about each response.
    pub asked: Vec<Prompt>,
    /// What it wrote about each.
    pub critiques: Vec<Vec<String>>,
}

/// A question and what was written behind it, as a head is shown both.
pub type Shown<'a> = (&'a Prompt, &'a str);

impl Critiqued {
    /// Contests: the best response with a critique, and the others with one each; as many as the response has that was criticised
    /// least.
    ///
    /// ```
    /// use tts_prm::critic::Critiqued;
    /// let text = r#"{"preference": {"prompt": {"text": "q"}, "responses": ["a", "b"], "best": 1},
    ///     "asked": [{"text": "a?"}, {"text": "b?"}], "critiques": [["no"], ["yes", "surely"]]}"#;
    /// let found: Critiqued = serde_json::from_str(text)?;
    /// let [(best, others)] = &found.contests()[..] else { panic!("one contest") };
    /// assert_eq!((best.1, others[0].0.question(), others[0].1), ("yes", "a?", "no"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn contests(&self) -> Vec<(Shown<'_>, Vec<Shown<'_>>)> {
        let least = self.critiques.iter().map(Vec::len).min().unwrap_or(0);
        let contest = |number: usize| {
            let shown = |place: usize| (&self.asked[place], self.critiques[place][number].as_str());
            let best = self.preference.best;
            let others = (0..self.asked.len()).filter(|&place| place != best).map(shown);
            (shown(best), others.collect())
        };
        (0..least).map(contest).collect()
    }

    /// Whether a file's first record is one: a preference with critiques.
    fn is_in(rows: &[Row]) -> bool {
        rows.first().is_some_and(|row| row.has("critiques") && row.has("asked"))
    }

    fn check(&self) -> Result<(), String> {
        let count = self.preference.responses.len();
        if count < 2 || self.preference.best >= count {
            let best = self.preference.best;
            return Err(format!(
                "{count} responses and number {best} the best, expected two or more and one of them"
            ));
        }
        if self.asked.len() != count || self.critiques.len() != count {
            let (asked, critiques) = (self.asked.len(), self.critiques.len());
            return Err(format!(
                "{count} responses, {asked} questions about them and critiques of {critiques}, expected one of each"
            ));
        }
        Ok(())
    }
}

/// What came of asking for critiques.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Critiques {
    /// Items all of whose responses have a critique, in order.
    pub items: Vec<Critiqued>,
    /// Items that were asked about and have not.
    pub left_out: usize,
    /// Critiques that were refused: cut before their end, or failed.
    pub refused: usize,
    /// What all of it cost.
    pub cost: Cost,
}

/// Has a judge of one response criticise the responses of preferences, as it does in a search by its head, which is not there yet;
/// `done` as [`super::assess()`] has it.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Judge, Jury, Preference, critiques};
/// let judge = r#"{"template": "score", "reading": {"head": {"scorer": "head", "low": 0, "high": 1}}}"#;
/// let jury = Jury { role: None, ..Jury::of(serde_json::from_str::<Judge>(judge)?, 2) };
/// let pair = r#"{"prompt": {"text": "2 + 2?"}, "responses": ["It is four.", "It is five."], "best": 0}"#;
/// let pair: Preference = serde_json::from_str(pair)?;
/// let wrong = |asked: &str| asked.contains("It is five.");
/// let voice = Voice::new(move |asked, _, _| if wrong(&asked.question()) { "Wrong." } else { "Right." });
/// let found = critiques(&Search::new(&voice), &jury, &[pair], |_| ControlFlow::Continue(()))?;
/// assert_eq!(found.items[0].critiques, [["Right.", "Right."], ["Wrong.", "Wrong."]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the judge has no head, or is about several responses; or as [`super::assess()`], with what was written.
pub fn critiques(
    search: &Search<'_>,
    jury: &Jury,
    preferences: &[Preference],
    mut done: impl FnMut(&Cost) -> ControlFlow<()>,
) -> Result<Critiques, Ended<Critiques>> {
    let (Some(head), [_, 1]) = (jury.judge.head(), jury.takes()) else {
        let problem = "the judge has no head, or is about several responses: expected one of one response, read by \
                       {\"head\": {\"scorer\": ..., \"low\": 0, \"high\": 1}}";
        return Err(Ended::refused(None, problem, Critiques::default()));
    };
    let [low, _] = jury.judge.reading.range();
    // Any score that is one: what is wanted is what was written.
    let blank = scorer::from_fn(move |_, _| low).with_scale(Scale::REWARD);
    let search = search.clone().scorer_named(head, blank);
    let mut found = Critiques::default();
    let mut items: Vec<Option<Critiqued>> = vec![None; preferences.len()];
    let told = |item: usize, ruling: &Ruling, outcome: &Outcome| {
        let said = Heard::of(item, jury, &preferences[item], ruling, outcome);
        found.refused += said.unread.iter().filter(|unread| !is_second(&unread.why)).count();
        found.cost += outcome.usage.logical;
        match critiqued(jury, &preferences[item], &said) {
            Ok(critiqued) if critiqued.critiques.iter().all(|own| !own.is_empty()) => {
                items[item] = Some(critiqued);
            }
            _ => found.left_out += 1,
        }
        done(&outcome.usage.logical)
    };
    let (_, ended) = Ended::apart(assess_whole(&search, jury, preferences, told));
    found.items = items.into_iter().flatten().collect();
    Ended::join(ended, found)
}

/// What was said of each response of an item, in the order of the samples.
fn critiqued(jury: &Jury, preference: &Preference, said: &Heard) -> Result<Critiqued, Refusal> {
    let responses = preference.responses.iter().map(Response::text);
    let beside = preference.reference.clone().and_then(|known| jury.judge.beside(known));
    let judge = beside.as_ref().unwrap_or(&jury.judge);
    let asked = responses.map(|response| judge.question(&preference.prompt, &[&response]));
    let of = |place: usize| {
        let own = said.written.iter().filter(|written| written.shown == [place]);
        own.map(|written| written.text.clone()).filter(|text| !text.trim().is_empty()).collect()
    };
    Ok(Critiqued {
        preference: preference.clone(),
        asked: asked.collect::<Result<_, _>>()?,
        critiques: (0..preference.responses.len()).map(of).collect(),
    })
}

/// Writes critiques, an item a line; the file is whole or as it was.
///
/// # Errors
/// When it cannot be written.
pub fn write_critiques(path: &Path, items: &[Critiqued]) -> Result<(), PrmError> {
    let failed = |error: serde_json::Error| PrmError::config(path, "JSON", error.to_string());
    let mut bytes = Vec::new();
    for item in items {
        serde_json::to_writer(&mut bytes, item).map_err(failed)?;
        bytes.push(b'\n');
    }
    files::replace(path, |out| out.write_all(&bytes)).map_err(|error| PrmError::io(path, error))
}

/// Reads critiques; `None` of a file of other records, preferences without critiques say.
///
/// # Errors
/// When the file cannot be read, or a record makes no sense; the error names its place.
pub fn read_critiques(path: &Path) -> Result<Option<Vec<Critiqued>>, PrmError> {
    let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
    let rows = rows::read(path)?;
    if !Critiqued::is_in(&rows) {
        return Ok(None);
    }
    let item = |row: &Row| {
        let item: Critiqued = row.read()?;
        item.check().map_err(|problem| row.wrong(problem))?;
        Ok(item)
    };
    let items = rows.iter().map(|row| item(row).map_err(at));
    Ok(Some(items.collect::<Result<_, RowsError>>()?))
}

#[cfg(test)]
mod tests {
    use tts_core::toy::Voice;

    use super::super::judge::Judge;
    use super::super::read::Reading;
    use super::*;

    fn jury(samples: usize) -> Jury {
        let judge = Judge {
            template: super::super::Template::built_in("score").expect("known"),
            reading: Reading::Head { scorer: "head".into(), low: 0.0, high: 1.0 },
            max_tokens: 40,
            ..Judge::default()
        };
        Jury { role: None, ..Jury::of(judge, samples) }
    }

    fn pairs(count: usize) -> Vec<Preference> {
        let pair = |number: usize| Preference {
            prompt: format!("question {number}").into(),
            responses: vec!["alpha".into(), "omega".into()],
            best: number % 2,
            subset: None,
            reference: None,
            worth: None,
        };
        (0..count).map(pair).collect()
    }

    fn on(_: &Cost) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn every_response_is_criticised_and_what_is_cut_is_left_out() {
        let long = "and so on ".repeat(40);
        let voice = Voice::new(move |asked, _, _| {
            let bad = asked.question().contains("omega");
            if bad && asked.question().contains("question 2") {
                return long.clone();
            }
            (if bad { "Poor." } else { "Fine." }).to_owned()
        });
        let found = critiques(&Search::new(&voice), &jury(3), &pairs(4), on).expect("criticised");
        assert_eq!((found.items.len(), found.left_out, found.refused), (3, 1, 3));
        assert_eq!(found.cost.samples, 24);
        for item in &found.items {
            assert_eq!(item.critiques, [["Fine."; 3], ["Poor."; 3]], "{item:?}");
            let contests = item.contests();
            assert_eq!(contests.len(), 3);
            let (best, others) = &contests[0];
            let expected = ["Fine.", "Poor."][item.preference.best];
            assert!(best.1 == expected && others.len() == 1 && others[0].1 != expected);
            // The question about it, and no other.
            assert!(best.0.question().contains(&item.preference.responses[item.preference.best]));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("critiques.jsonl");
        write_critiques(&path, &found.items).expect("written");
        assert_eq!(read_critiques(&path).expect("read"), Some(found.items));
    }

    #[test]
    fn what_is_no_semi_scalar_judge_is_refused() {
        let voice = Voice::new(|_, _, _| "Fine.");
        let search = Search::new(&voice);
        for name in ["score", "pairwise"] {
            let judge = Judge::published(name).expect("known");
            let jury = Jury { role: None, ..Jury::of(judge, 1) };
            let error = critiques(&search, &jury, &pairs(1), on).expect_err(name).to_string();
            assert!(error.contains("the judge has no head"), "{error}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pairs.jsonl");
        std::fs::write(&path, r#"{"prompt": "q", "chosen": "a", "rejected": "b"}"#).expect("there");
        assert_eq!(read_critiques(&path).expect("other records"), None);
        let row = r#"{"preference": {"prompt": {"text": "q"}, "responses": ["a", "b"], "best": 0},
            "asked": [{"text": "a?"}], "critiques": [["x"], ["y"]]}"#;
        std::fs::write(&path, row.replace('\n', " ")).expect("there");
        let error = read_critiques(&path).expect_err("one question").to_string();
        assert!(error.contains("pairs.jsonl") && error.contains("1 questions"), "{error}");
    }
}
