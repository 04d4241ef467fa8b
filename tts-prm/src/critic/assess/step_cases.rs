//! Solutions of which the first wrong step is known, as files have them.
//!
//! | Form | Fields |
//! |---|---|
//! | `ProcessBench` | `problem`, `steps`, `label` (from 0, -1 for none); the part by `id` |
//! | PRM800K | `question`, `label` with `steps` of rated `completions`; screening, and what was given up, is left out |
//! | `PRMBench` | `question`, `modified_process`, `error_steps` (from 1); `original_process` is one more, without an error |
//! | MR-GSM8K | `question`, `model_output_steps`, `model_output_solution_first_error_step` (from 1) |
//! | BIG-Bench Mistake | `input`, `steps`, `mistake_index` (from 0, null for none) |
//! | TRL's stepwise supervision | `prompt`, `completions`, `labels` (true or false for each) |
//! | labels of this library | `prompt`, `steps` with `text` and `value`, `solved` ([`crate::label::LabelledSolution`]) |
//!
//! The form of a record is told by its fields. Only the first error counts: behind it nobody agrees on what is right. A
//! record that does not say where it is, or whether there is one, is left out, and counted.
//!
//! Source: Zheng et al. 2024 (arXiv 2412.06559); Lightman et al. 2023 (arXiv 2305.20050), section 2.4; Song et al. 2025,
//! "`PRMBench`" (arXiv 2501.03124); Zeng et al. 2023, "MR-GSM8K" (arXiv 2312.17080); Tyen et al. 2023 (arXiv 2311.08516).

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tts_core::Prompt;
use tts_core::rows::{self, Row, RowError, RowsError};

use crate::PrmError;
use crate::label::LabelledSolution;

/// A solution, and where it goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepCase {
    /// The problem.
    pub prompt: Prompt,
    /// The steps of the solution, one at least.
    pub steps: Vec<String>,
    /// The place of the first wrong step, from 0; `None` where all are right.
    pub first_error: Option<usize>,
    /// The part of the data that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
}

/// The solutions of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepCases {
    /// Those whose first error is known, in the order of the file.
    pub items: Vec<StepCase>,
    /// How many records do not say it, and are left out.
    pub left_out: usize,
}

/// Reads solutions with known first errors: JSON lines, a JSON list or a table, in the forms that the module names.
///
/// ```
/// use tts_prm::critic::read_step_cases;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("steps.jsonl");
/// std::fs::write(&path, r#"{"id": "gsm8k-7", "problem": "2 + 3 + 4?", "steps": ["2 + 3 = 5", "5 + 4 = 8"], "label": 1}"#)?;
/// let found = read_step_cases(&path)?;
/// assert_eq!((found.items[0].first_error, found.items[0].subset.as_deref()), (Some(1), Some("gsm8k")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the file cannot be read, or a record has none of the forms, no steps, or an error that is none of them; the error
/// names file and place.
pub fn read_step_cases(path: impl AsRef<Path>) -> Result<StepCases, PrmError> {
    let path = path.as_ref();
    let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
    let mut found = StepCases::default();
    // Of one problem there are several processes with an error, beside the same one without.
    let mut originals: HashSet<(String, Vec<String>)> = HashSet::new();
    for row in &rows::read(path)? {
        let Some(case) = case(row).map_err(at)? else {
            found.left_out += 1;
            continue;
        };
        check(row, &case).map_err(at)?;
        found.items.push(case);
        if let Some(case) = original(row).map_err(at)? {
            check(row, &case).map_err(at)?;
            let own = (case.prompt.question().to_owned(), case.steps.clone());
            if originals.insert(own) {
                found.items.push(case);
            }
        }
    }
    Ok(found)
}

/// Whether there are steps, and the error is one of them.
fn check(row: &Row, case: &StepCase) -> Result<(), RowError> {
    let count = case.steps.len();
    if count == 0 {
        return Err(row.wrong("a solution without steps"));
    }
    match case.first_error.filter(|&step| step >= count) {
        Some(step) => {
            Err(row.wrong(format!("the first error is step {step}, from 0, of {count} steps")))
        }
        None => Ok(()),
    }
}

/// The solution of a record; `None` where it does not say where its first error is.
pub(super) fn case(row: &Row) -> Result<Option<StepCase>, RowError> {
    let has = |fields: &[&str]| fields.iter().all(|field| row.has(field));
    let found = if has(&["modified_process", "error_steps"]) {
        modified(row)?
    } else if has(&["question", "model_output_steps", "model_output_solution_first_error_step"]) {
        by_people(row)?
    } else if has(&["input", "steps", "mistake_index"]) {
        let (question, steps) = (row.required("input")?, row.field("steps")?);
        Some((question, steps, row.field("mistake_index")?, None))
    } else if has(&["problem", "steps", "label"]) {
        Some(benchmark(row)?)
    } else if has(&["prompt", "completions", "labels"]) {
        Some(stepwise(row)?)
    } else if has(&["question", "label"]) && row.text("question").is_err() {
        rated(row)?
    } else if has(&["prompt", "steps", "solved"]) {
        return labelled(row);
    } else {
        let names: Vec<&str> = row.names().take(12).collect();
        let forms = "expected problem, steps and label (ProcessBench), question and label with steps (PRM800K), \
                     modified_process and error_steps (PRMBench), model_output_steps and \
                     model_output_solution_first_error_step (MR-GSM8K), input, steps and mistake_index (BIG-Bench \
                     Mistake), prompt, completions and labels (TRL), or the labels of `label`";
        return Err(row.wrong(format!("fields are {}; {forms}", names.join(", "))));
    };
    Ok(found.map(|(question, steps, first_error, subset)| StepCase {
        prompt: Prompt::from(question),
        steps,
        first_error,
        subset,
    }))
}

/// A question, steps, the first error and the part of the data.
type Read = (String, Vec<String>, Option<usize>, Option<String>);

/// A place that is counted from 1.
fn from_one(row: &Row, field: &str, place: u64) -> Result<usize, RowError> {
    let place = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
    place.ok_or_else(|| row.wrong(format!("field {field:?}: 0, expected steps from 1")))
}

/// `ProcessBench`: the label is a place from 0, or -1.
fn benchmark(row: &Row) -> Result<Read, RowError> {
    let label: i64 = row.field("label")?;
    if label < -1 {
        return Err(row.wrong(format!("field \"label\": {label}, expected a step from 0, or -1")));
    }
    let id = if row.has("id") { row.text("id")? } else { None };
    let part = id.and_then(|id| id.rsplit_once('-').map(|(part, _)| part.to_owned()));
    let (question, steps) = (row.required("problem")?, row.field("steps")?);
    Ok((question, steps, usize::try_from(label).ok(), part))
}

/// `PRMBench`: several steps may be wrong, of which the first counts.
fn modified(row: &Row) -> Result<Option<Read>, RowError> {
    let wrong: Vec<u64> = row.field("error_steps")?;
    let first = wrong.into_iter().min();
    let first = first.map(|place| from_one(row, "error_steps", place)).transpose()?;
    let question = ["modified_question", "question"].into_iter().find(|field| row.has(field));
    let question = row.required(question.unwrap_or("question"))?;
    let part = if row.has("classification") { row.text("classification")? } else { None };
    Ok(Some((question, row.field("modified_process")?, first, part)))
}

/// The solution that a record of `PRMBench` was made of, which is right.
pub(super) fn original(row: &Row) -> Result<Option<StepCase>, RowError> {
    if !["modified_process", "original_process"].iter().all(|field| row.has(field)) {
        return Ok(None);
    }
    let question = ["original_question", "question"].into_iter().find(|field| row.has(field));
    let question = row.required(question.unwrap_or("question"))?;
    let steps = row.field("original_process")?;
    let subset = Some("unmodified".to_owned());
    Ok(Some(StepCase { prompt: Prompt::from(question), steps, first_error: None, subset }))
}

/// MR-GSM8K, whose steps begin with their numbers; where all are right no step is named.
fn by_people(row: &Row) -> Result<Option<Read>, RowError> {
    const FIRST: &str = "model_output_solution_first_error_step";
    let steps: Vec<String> = row.field("model_output_steps")?;
    let bare = |(number, step): (usize, String)| {
        let own = step.strip_prefix(&format!("Step {number}:")).map(|rest| rest.trim().to_owned());
        own.unwrap_or(step)
    };
    let steps = (1..).zip(steps).map(bare).collect();
    let said = row.text("model_output_solution_correctness")?;
    let first = match (said.as_deref(), row.text(FIRST)?.and_then(|step| step.parse().ok())) {
        (Some("correct"), _) => None,
        (_, Some(place)) => Some(from_one(row, FIRST, place)?),
        (_, None) => return Ok(None),
    };
    let part = if row.has("question_type") { row.text("question_type")? } else { None };
    Ok(Some((row.required("question")?, steps, first, part)))
}

/// TRL: a truth for each step.
fn stepwise(row: &Row) -> Result<Read, RowError> {
    let steps: Vec<String> = row.field("completions")?;
    let labels: Vec<bool> = row.field("labels")?;
    if labels.len() != steps.len() {
        let (found, expected) = (labels.len(), steps.len());
        return Err(row.wrong(format!("{found} labels of {expected} steps, expected one of each")));
    }
    let first = labels.iter().position(|&right| !right);
    Ok((row.required("prompt")?, steps, first, None))
}

/// The labels of this library, by what rollouts came to.
fn labelled(row: &Row) -> Result<Option<StepCase>, RowError> {
    Ok(StepCase::of_labels(&row.read()?))
}

impl StepCase {
    /// A solution with what rollouts of it came to; `None` where they do not say where it goes wrong.
    ///
    /// ```
    /// use tts_prm::critic::StepCase;
    /// use tts_prm::label::LabelledSolution;
    /// let line = r#"{"prompt": {"text": "2 + 2 + 1?"}, "start": 1.0, "solved": false, "steps": [
    ///     {"text": "2 + 2 = 4\n", "value": 0.5}, {"text": "4 + 1 = 6\n", "value": 0.0}]}"#;
    /// let solution: LabelledSolution = serde_json::from_str(line)?;
    /// assert_eq!(StepCase::of_labels(&solution).and_then(|case| case.first_error), Some(1));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn of_labels(solution: &LabelledSolution) -> Option<Self> {
        let first_error = solution.first_error();
        let before = first_error.unwrap_or(solution.steps.len());
        if solution.steps.iter().take(before).any(|step| step.value.is_none()) {
            return None;
        }
        let steps = solution.steps.iter().map(|step| step.text.clone()).collect();
        Some(Self { prompt: solution.prompt.clone(), steps, first_error, subset: None })
    }
}

/// The problem of a record of PRM800K.
#[derive(Deserialize)]
struct Asked {
    problem: String,
}

/// What people said of a solution.
#[derive(Deserialize)]
struct Label {
    steps: Vec<Rated>,
    finish_reason: Option<String>,
}

/// A step with what could stand there.
#[derive(Deserialize)]
struct Rated {
    #[serde(default)]
    completions: Option<Vec<Completion>>,
    #[serde(default)]
    human_completion: Option<Written>,
    #[serde(default)]
    chosen_completion: Option<usize>,
}

#[derive(Deserialize)]
struct Completion {
    text: String,
    rating: Option<i64>,
}

/// What a person wrote in its place.
#[derive(Deserialize)]
struct Written {
    text: String,
}

/// PRM800K: the steps that people chose, or wrote, up to the first that is rated -1.
fn rated(row: &Row) -> Result<Option<Read>, RowError> {
    for field in ["is_quality_control_question", "is_initial_screening_question"] {
        if row.field::<Option<bool>>(field)?.unwrap_or(false) {
            return Ok(None);
        }
    }
    let question: Asked = row.field("question")?;
    let Label { steps: all, finish_reason } = row.field("label")?;
    if !matches!(finish_reason.as_deref(), Some("solution" | "found_error")) {
        return Ok(None);
    }
    let mut steps = Vec::with_capacity(all.len());
    for Rated { completions, human_completion, chosen_completion } in all {
        let completions = completions.unwrap_or_default();
        let bad = completions.iter().position(|completion| completion.rating == Some(-1));
        // A person's own step is right.
        let (text, rating) = match (chosen_completion, human_completion) {
            (None, Some(Written { text })) => (text, Some(1)),
            (chosen, _) => {
                let Some(place) = chosen.or(bad) else { return Ok(None) };
                let count = completions.len();
                let Completion { text, rating } =
                    completions.into_iter().nth(place).ok_or_else(|| {
                        row.wrong(format!("chosen_completion is {place}, of {count} completions"))
                    })?;
                (text, rating)
            }
        };
        steps.push(text);
        match rating {
            Some(-1) => {
                let first = steps.len() - 1;
                return Ok(Some((question.problem, steps, Some(first), None)));
            }
            Some(_) => {}
            None => return Ok(None),
        }
    }
    let whole = finish_reason.as_deref() == Some("solution");
    Ok(whole.then_some((question.problem, steps, None, None)))
}
