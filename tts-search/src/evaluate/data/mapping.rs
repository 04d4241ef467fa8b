//! Which fields of a data set are what, as a config.

use serde::{Deserialize, Serialize};
use tts_core::rows::Row;
use tts_core::task;

use super::known::{self, Known};
use super::template;

/// Which fields of a data set are the question, the answer, the choices and the name of a problem, what an
/// answer is, and how a model is asked. What is left empty follows from the first record, if its fields are those
/// of a data set that is known.
///
/// ```
/// use tts_search::evaluate::Mapping;
/// let mapping: Mapping = serde_json::from_str(
///     r#"{ "question_template": "{{ passage }}\n\n{{ query }}", "answer": "gold", "task": "phrase" }"#,
/// )?;
/// mapping.check()?;
/// assert_eq!(Mapping::named("mmlu")?.dataset, "mmlu");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// A data set that is known, one of [`Mapping::NAMES`]; empty to find out.
    pub dataset: String,
    /// Fields of the question: several are joined by spaces, in order.
    pub question: Vec<String>,
    /// The question as a Jinja template over all fields of the record, in place of that.
    pub question_template: Option<String>,
    /// Field of the right answer; what stands behind `####` counts, where there is one. With choices it may
    /// be a letter, a number from 0, or the text of the choice.
    pub answer: Option<String>,
    /// Field of the choices: a list of texts, or an object with the lists `text` and `label`. They are put
    /// behind the question as `A) ...`.
    pub choices: Option<String>,
    /// Field of the problem's name, which reports then tell.
    pub id: Option<String>,
    /// Field of how hard the problem is: a number, or a text with one, such as `Level 3`; for curricula.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<String>,
    /// What an answer is: a name of [`tts_core::task::by_name`].
    pub task: Option<String>,
    /// How a model is asked, a Jinja template over `question`.
    pub ask: Option<String>,
}

impl Mapping {
    /// The data sets that are known by name.
    pub const NAMES: [&str; 8] =
        ["gsm8k", "math-500", "aime", "svamp", "mmlu", "countdown", "hotpotqa", "plain"];

    /// That of a data set, its fields as the first record tells.
    ///
    /// # Errors
    /// When the name is not one of [`Mapping::NAMES`].
    pub fn named(dataset: &str) -> Result<Self, String> {
        let mapping = Self { dataset: dataset.to_owned(), ..Self::default() };
        mapping.check()?;
        Ok(mapping)
    }

    /// Fields as named on a command line, those of the question separated by commas.
    pub fn fields(question: Option<&str>, answer: Option<&str>) -> Self {
        let split = |names: &str| names.split(',').map(|name| name.trim().to_owned()).collect();
        Self {
            question: question.map_or_else(Vec::new, split),
            answer: answer.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Refuses names that are none, and templates that cannot be read.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), String> {
        if !self.dataset.is_empty() && !Self::NAMES.contains(&self.dataset.as_str()) {
            let known = Self::NAMES.join(", ");
            return Err(format!("dataset: {:?} is not known, expected {known}", self.dataset));
        }
        if !self.question.is_empty() && self.question_template.is_some() {
            return Err("question and question_template: expected one of them".into());
        }
        if let Some(name) = &self.task {
            task::by_name(name).map_err(|problem| format!("task: {problem}"))?;
        }
        for (field, template) in
            [("question_template", &self.question_template), ("ask", &self.ask)]
        {
            if let Some(template) = template {
                template::check(template).map_err(|problem| format!("{field}: {problem}"))?;
            }
        }
        Ok(())
    }

    /// A question as a model is asked it.
    ///
    /// ```
    /// use tts_search::evaluate::Mapping;
    /// let ask = Some("Question: {{ question }}".to_owned());
    /// let mapping = Mapping { ask, ..Mapping::default() };
    /// assert_eq!(mapping.asked("2 + 2?")?, "Question: 2 + 2?");
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// When the template cannot be filled; the error says what is missing.
    pub fn asked(&self, question: &str) -> Result<String, String> {
        match &self.ask {
            None => Ok(question.to_owned()),
            Some(ask) => template::ask(ask, question).map_err(|problem| format!("ask: {problem}")),
        }
    }

    /// With what was left empty, as a data set that is known has it, by the fields of the first record.
    pub(super) fn resolve(&self, row: &Row) -> Result<Self, String> {
        self.check()?;
        let asks = self.question_template.is_some() || !self.question.is_empty();
        let whole = self.dataset.is_empty() && asks && self.answer.is_some();
        let found = if whole { None } else { known::find(self, row)? };
        let Some(Known { mapping: known, .. }) = found else { return Ok(self.clone()) };
        Ok(Self {
            dataset: known.dataset,
            question: if asks { self.question.clone() } else { known.question },
            question_template: if asks {
                self.question_template.clone()
            } else {
                known.question_template
            },
            answer: self.answer.clone().or(known.answer),
            choices: self.choices.clone().or(known.choices),
            id: self.id.clone().or_else(|| known.id.filter(|id| row.has(id))),
            difficulty: self.difficulty.clone(),
            task: self.task.clone().or(known.task),
            ask: self.ask.clone().or(known.ask),
        })
    }
}
