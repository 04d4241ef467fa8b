//! Single responses with a label, and how well a judge knows it.
//!
//! A label says right or wrong (1 or 0, true or false), or is a grade on the judge's own scale; all labels of a file are of one
//! kind, which [`are_truths`] tells. The judge is asked about one response at a time, by its prompt for one. What comes of it:
//!
//! * **Error**: the mean of `|s - s*|`, as a share of the scale.
//! * Of labels that say right or wrong also **accuracy**, with a score above the middle of the scale for a yes, and one in the
//!   middle, or none, for half a hit; the **area under the ROC curve**; and **calibration**. Of grades there is none of these.
//!
//! | Form | Fields |
//! |---|---|
//! | TRL's unpaired preferences | `prompt`, `completion`, `label` (true or false) |
//! | grades | `prompt`, `response`, `label` or `score` (a number); `subset`, `reference` |
//! | `ReaLMistake` | `input`, `llm_response`, `error_label` (`error` or `no_error`) |
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), section 5, ROC AUC of single responses; Kamoi et al. 2024, "`ReaLMistake`" (arXiv
//! 2404.03602); `DeepSeekMath-V2` (arXiv 2511.22570), for the distance of scores.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::metrics::{
    Accuracy, Auc, Calibration, MetricError, auc_over_problems, bootstrap_interval, share_interval,
};
use tts_core::rows::{self, Row, RowError, RowsError};
use tts_core::{Cost, Outcome, Prompt, Search};

use super::super::jury::Jury;
use super::super::response::Response;
use super::super::tuning::Truth;
use super::ended::Ended;
use super::figures::{self, calibration_of};
use super::report::Ruling;
use super::{Case, hear_whole, turns};
use crate::PrmError;

/// Resamplings of an interval.
const DRAWS: usize = 2_000;

/// A response with a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graded {
    /// The question.
    pub prompt: Prompt,
    /// The response.
    pub response: String,
    /// 1 for right and 0 for wrong, or a grade on the judge's scale.
    pub label: f64,
    /// Whether the label says right or wrong, as a file tells by words, or by numbers of which some are 1, some 0 and none is
    /// another; false of a grade. `None` where nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<bool>,
    /// The part of the data that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// A right answer, where the data have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Reads single responses with labels: JSON lines, a JSON list or a table, in the forms that the module names.
///
/// ```
/// use tts_prm::critic::read_graded;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("graded.jsonl");
/// let rows = [
///     r#"{"prompt": "2 + 2?", "completion": "4", "label": true}"#,
///     r#"{"prompt": "Prove it.", "response": "It is so.", "score": 0.5}"#,
/// ];
/// std::fs::write(&path, rows.join("\n"))?;
/// let labels: Vec<f64> = read_graded(&path)?.iter().map(|graded| graded.label).collect();
/// assert_eq!(labels, [1.0, 0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the file cannot be read, or a record has none of the forms; the error names file and place.
pub fn read_graded(path: impl AsRef<Path>) -> Result<Vec<Graded>, PrmError> {
    let path = path.as_ref();
    let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
    let rows = rows::read(path)?;
    let items: Result<Vec<Graded>, RowsError> =
        rows.iter().map(|row| graded(row).map_err(at)).collect();
    let mut items = items?;
    let has = |label: f64| items.iter().any(|item| (item.label - label).abs() < EXACT);
    let told = items.iter().any(|item| item.truth == Some(true)) || (has(0.0) && has(1.0));
    let truth = if is_binary(&items) { told.then_some(true) } else { Some(false) };
    for item in &mut items {
        item.truth = truth;
    }
    Ok(items)
}

/// How near a label is to 0 or 1 that is one.
const EXACT: f64 = 1e-12;

/// Whether labels say right and wrong, or are grades on a scale from `low` to `high`: as a file told, else by themselves.
///
/// ```
/// use tts_prm::critic::{Graded, are_truths};
/// let one = |label| Graded {
///     prompt: "2 + 2?".into(), response: "4".into(), label, truth: None, subset: None, reference: None,
/// };
/// assert_eq!(are_truths(&[one(1.0), one(0.0)], [1.0, 10.0]), Ok(true));
/// assert_eq!(are_truths(&[one(1.0), one(7.0)], [1.0, 10.0]), Ok(false));
/// assert!(are_truths(&[one(1.0), one(1.0)], [1.0, 10.0]).is_err());
/// ```
///
/// # Errors
/// Where all of them are 1, and that is a score on a scale without 0: the best, or the least.
pub fn are_truths(items: &[Graded], [low, high]: [f64; 2]) -> Result<bool, String> {
    if items.iter().any(|item| item.truth == Some(false)) || !is_binary(items) {
        return Ok(false);
    }
    let told = items.iter().any(|item| item.truth == Some(true));
    let zero = items.iter().any(|item| item.label.abs() < EXACT);
    if told || zero || items.is_empty() || low <= 0.0 || !(low..=high).contains(&1.0) {
        return Ok(true);
    }
    Err(format!(
        "all labels are 1: right, or the score 1 of {low} to {high}? Expected true and false, some 0, or other grades"
    ))
}

/// The response of a record.
fn graded(row: &Row) -> Result<Graded, RowError> {
    let first = |names: &[&'static str]| names.iter().copied().find(|name| row.has(name));
    let asks = first(&["prompt", "question", "instruction", "context", "input"]);
    let says = first(&["response", "completion", "llm_response", "output"]);
    let labels = first(&["label", "score", "error_label"]);
    let (Some(says), Some(labels)) = (says, labels) else {
        let names: Vec<&str> = row.names().take(12).collect();
        let forms = "expected prompt, response and label or score, prompt, completion and label (TRL), or input, \
                     llm_response and error_label (ReaLMistake)";
        return Err(row.wrong(format!("fields are {}; {forms}", names.join(", "))));
    };
    let side = turns::side(row, says)?;
    let asked = turns::asked(row, asks)?;
    let (prompt, mut responses) = turns::conversation(row, asked, vec![(says, side)])?;
    let subset = first(&["subset", "source", "domain", "dataset"]);
    let subset = subset.map(|name| row.text(name)).transpose()?.flatten();
    let reference = if row.has("reference") { row.text("reference")? } else { None };
    let (label, in_words) = label(row, labels)?;
    Ok(Graded {
        prompt,
        response: responses.pop().unwrap_or_default(),
        label,
        truth: in_words.then_some(true),
        subset,
        reference: reference.filter(|text| !text.trim().is_empty()),
    })
}

/// A number, or a truth as one, and whether it is a truth.
fn label(row: &Row, field: &str) -> Result<(f64, bool), RowError> {
    let value: Value = row.field(field)?;
    let number = |found: Option<f64>| found.map(|label| (label, false));
    let found = match &value {
        Value::Bool(right) => Some((f64::from(u8::from(*right)), true)),
        Value::String(text) => match text.trim() {
            "true" | "True" | "no_error" => Some((1.0, true)),
            "false" | "False" | "error" => Some((0.0, true)),
            other => number(other.parse().ok()),
        },
        other => number(other.as_f64()),
    };
    found.filter(|(label, _)| label.is_finite()).ok_or_else(|| {
        row.wrong(format!("field {field:?}: {value}, expected a number, true or false"))
    })
}

/// Whether all labels say right or wrong.
fn is_binary(items: &[Graded]) -> bool {
    items.iter().all(|item| item.label.abs() < EXACT || (item.label - 1.0).abs() < EXACT)
}

impl Jury {
    /// Whether these labels are on its scale: right and wrong go with any.
    ///
    /// # Errors
    /// A sentence that names the first that is not, or that of [`are_truths`].
    pub fn check_labels(&self, items: &[Graded]) -> Result<(), String> {
        let [low, high] = self.judge.reading.range();
        if are_truths(items, [low, high])? {
            return Ok(());
        }
        match items.iter().enumerate().find(|(_, item)| !(low..=high).contains(&item.label)) {
            None => Ok(()),
            Some((number, item)) => Err(format!(
                "item {number} has the label {}, and the judge's scores go from {low} to {high}",
                item.label
            )),
        }
    }
}

/// Has a jury judge single responses, and tells `done` of each, as [`super::assess()`] does.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Graded, GradedAssessment, Judge, Jury, assess_graded};
///
/// // It takes short answers for right.
/// let judge = Voice::new(|asked, _, _| {
///     if asked.question().contains("lengthy") { "\\boxed{0}" } else { "\\boxed{1}" }
/// });
/// let jury = Jury { role: None, ..Jury::of(Judge::published("deepseek-grm-single")?, 1) };
/// let one = |response: &str, label| Graded {
///     prompt: "2 + 2?".into(), response: response.into(), label, truth: None, subset: None, reference: None,
/// };
/// let items = [one("4", 1.0), one("a lengthy 5", 0.0), one("a lengthy 4", 1.0)];
/// let rulings = assess_graded(&Search::new(&judge), &jury, &items, |_, _, _| ControlFlow::Continue(()))?;
/// let found = GradedAssessment::of(&jury, &items, &rulings, 7)?;
/// assert_eq!(found.all.accuracy.map(|right| (3.0 * right.mean).round()), Some(2.0));
/// assert_eq!(found.all.auc.map(|auc| auc.area), Some(0.75));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the jury cannot judge one response, or a label is not on its scale, before anything is asked; or when the search of
/// one fails, with the rulings that were made.
pub fn assess_graded(
    search: &Search<'_>,
    jury: &Jury,
    items: &[Graded],
    mut done: impl FnMut(usize, &Ruling, &Cost) -> ControlFlow<()>,
) -> Result<Vec<Option<Ruling>>, Ended<Vec<Option<Ruling>>>> {
    assess_graded_whole(search, jury, items, |item, ruling, outcome| {
        done(item, ruling, &outcome.usage.logical)
    })
}

/// The same, where `done` is told of the whole search of each: what was written stands in its tree
/// ([`super::Heard::of_graded`]).
///
/// # Errors
/// As [`assess_graded`].
pub fn assess_graded_whole(
    search: &Search<'_>,
    jury: &Jury,
    items: &[Graded],
    done: impl FnMut(usize, &Ruling, &Outcome) -> ControlFlow<()>,
) -> Result<Vec<Option<Ruling>>, Ended<Vec<Option<Ruling>>>> {
    let single = if jury.takes()[0] > 1 {
        Err("judge: it compares responses, expected one that can judge a single one".to_owned())
    } else {
        jury.check_labels(items)
    };
    if let Err(problem) = single {
        return Err(Ended::refused(None, problem, vec![None; items.len()]));
    }
    let cases = items.iter().map(|item| Case {
        prompt: item.prompt.clone(),
        responses: Arc::from([Response::text(&item.response)]),
        reference: item.reference.clone(),
    });
    hear_whole(search, jury, cases.collect(), done)
}

/// What a jury's score of a response is worth, from 0 to 1: of right and wrong (`truths`) a hit, half of one in the middle of the
/// scale and where nothing could be read; of a grade what is left of 1 less its distance as a share of the scale, and nothing
/// where nothing could be read.
pub(super) fn worth(jury: &Jury, item: &Graded, truths: bool, ruling: &Ruling) -> f64 {
    let score = jury.values(&ruling.ballot).first().copied().flatten();
    if truths {
        return hit(&(item.label, score));
    }
    let [low, high] = jury.judge.reading.range();
    let (label, width) = ((item.label - low) / (high - low), 1.0);
    let score = score.map(|score| vec![score]);
    Truth::Near { label, width }.credit(score.as_deref())
}

/// How well labels of some responses are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradedFigures {
    /// How many responses.
    pub items: usize,
    /// Those without a single judgement that could be read.
    pub abstained: usize,
    /// The mean distance of scores from labels, as a share of the scale, where something was read.
    pub error: Option<Accuracy>,
    /// How often right is told from wrong; `None` of grades.
    pub accuracy: Option<Accuracy>,
    /// The area under the ROC curve; `None` of grades, and without both kinds.
    pub auc: Option<Auc>,
}

/// What an assessment on labelled responses found, see the [module](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradedAssessment {
    /// Over all responses.
    pub all: GradedFigures,
    /// The same by parts of the data.
    pub subsets: BTreeMap<String, GradedFigures>,
    /// Whether scores are probabilities that a response is right; `None` of grades, and below 30 scores.
    pub calibration: Option<Calibration>,
    /// Judgements that were read.
    pub judgements: usize,
    /// Judgements that were refused.
    pub refused: usize,
    /// Why, and how often.
    pub reasons: BTreeMap<String, usize>,
}

/// A label and a score from 0 to 1, if there is one.
type Known = (f64, Option<f64>);

impl GradedAssessment {
    /// What rulings on these responses come to; those that are `None` were not asked about. Labels that [`assess_graded`] refuses
    /// as of either kind are taken for grades.
    ///
    /// # Errors
    /// When nothing was judged.
    pub fn of(
        jury: &Jury,
        items: &[Graded],
        rulings: &[Option<Ruling>],
        seed: u64,
    ) -> Result<Self, MetricError> {
        let [low, high] = jury.judge.reading.range();
        let binary = are_truths(items, [low, high]).unwrap_or(false);
        let share = |label: f64| if binary { label } else { (label - low) / (high - low) };
        let mut all: Vec<Known> = Vec::new();
        let mut parts: BTreeMap<&str, Vec<Known>> = BTreeMap::new();
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        let (mut judgements, mut refused) = (0, 0);
        for (item, ruling) in items.iter().zip(rulings) {
            let Some(ruling) = ruling else { continue };
            let value = jury.values(&ruling.ballot).first().copied().flatten();
            let known = (share(item.label), value);
            all.push(known);
            if let Some(subset) = &item.subset {
                parts.entry(subset).or_default().push(known);
            }
            judgements += ruling.ballot.judgements.len();
            refused += ruling.ballot.refused;
            for why in &ruling.reasons {
                *reasons.entry(why.clone()).or_default() += 1;
            }
        }
        if all.is_empty() {
            return Err(MetricError::Empty { field: "items" });
        }
        let part =
            |(name, own): (&str, Vec<Known>)| Ok((name.to_owned(), figures(&own, binary, seed)?));
        let (scores, right) = judged(&all);
        Ok(Self {
            all: figures(&all, binary, seed)?,
            subsets: parts.into_iter().map(part).collect::<Result<_, MetricError>>()?,
            calibration: binary.then(|| calibration_of(&scores, &right)).flatten(),
            judgements,
            refused,
            reasons,
        })
    }

    /// Why these figures say nothing, if not one judgement could be read.
    pub fn silence(&self) -> Option<String> {
        figures::silence(self.judgements, self.refused, &self.reasons)
    }

    /// Writes it for a reader.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        if self.silence().is_some() {
            let (refused, items) = (self.refused, self.all.items);
            writeln!(
                out,
                "judged    0 judgements read, {refused} refused; {items} items abstained"
            )?;
            return figures::write_reasons(&self.reasons, &mut out);
        }
        let mut told = |name: &str, figures: &GradedFigures| {
            let GradedFigures { items, abstained, error, accuracy, auc } = figures;
            let mut parts = Vec::new();
            if let Some(Accuracy { mean, interval: [low, high], .. }) = accuracy {
                let [mean, low, high] = [mean, low, high].map(|share| 100.0 * share);
                parts.push(format!("accuracy {mean:.1} % ({low:.1} to {high:.1})"));
            }
            if let Some(Auc { area, interval: [low, high], .. }) = auc {
                parts.push(format!("ROC AUC {area:.3} ({low:.3} to {high:.3})"));
            }
            if let Some(Accuracy { mean, interval: [low, high], .. }) = error {
                parts.push(format!("distance {mean:.3} ({low:.3} to {high:.3}) of the scale"));
            }
            parts.push(format!("{abstained} of {items} abstained"));
            writeln!(out, "{name}: {}", parts.join("; "))
        };
        told("all", &self.all)?;
        for (subset, figures) in self.subsets.iter().filter(|_| self.subsets.len() > 1) {
            told(subset, figures)?;
        }
        let scores = self.all.accuracy.as_ref().map_or(0, |_| self.all.items - self.all.abstained);
        figures::write_calibration(self.calibration.as_ref(), scores, &mut out)?;
        writeln!(out, "judged    {} judgements read, {} refused", self.judgements, self.refused)?;
        figures::write_reasons(&self.reasons, &mut out)
    }
}

/// The scores of those that were judged, and whether each is right.
fn judged(known: &[Known]) -> (Vec<f64>, Vec<bool>) {
    known.iter().filter_map(|&(label, score)| Some((score?, label > 0.5))).unzip()
}

/// Whether a score tells right from wrong; a half in the middle, and where there is none.
fn hit(&(label, score): &Known) -> f64 {
    let above = score.unwrap_or(0.5) - 0.5;
    if above.abs() < 1e-9 { 0.5 } else { f64::from(u8::from((above > 0.0) == (label > 0.5))) }
}

/// The figures of some responses, one at least.
fn figures(known: &[Known], binary: bool, seed: u64) -> Result<GradedFigures, MetricError> {
    let distance = |&(label, score): &Known| Some((score? - label).abs());
    let distances: Vec<f64> = known.iter().filter_map(distance).collect();
    let hits: Vec<f64> = known.iter().map(hit).collect();
    let (scores, right) = judged(known);
    let own: Vec<usize> = (0..scores.len()).collect();
    let error =
        (!distances.is_empty()).then(|| bootstrap_interval(&distances, DRAWS, seed)).transpose()?;
    let accuracy = binary.then(|| share_interval(&hits, DRAWS, seed)).transpose()?;
    Ok(GradedFigures {
        items: known.len(),
        abstained: known.len() - scores.len(),
        error,
        accuracy,
        auc: binary.then(|| auc_over_problems(&scores, &right, &own, DRAWS, seed).ok()).flatten(),
    })
}

#[cfg(test)]
#[path = "graded_tests.rs"]
mod tests;
