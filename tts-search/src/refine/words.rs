//! What a model is told when it is shown earlier attempts, as two templates.
//!
//! Names in braces are filled in: `{question}`, `{attempt}` and `{number}` (from 1) once for each attempt,
//! then `{question}` and `{attempts}` once. What is filled in is never looked at again, so a question may
//! hold braces. An attempt that holds a mark of the template (`</attempt>`) is shown with a space in it: it cannot end its own
//! block, nor open another.
//!
//! Source: none; a format of this library.

use serde::{Deserialize, Deserializer, Serialize};
use tts_core::judge::{self, shown};
use tts_core::{Prompt, Role};

/// How a problem is asked again in sight of earlier attempts.
///
/// ```
/// use tts_core::Prompt;
/// use tts_search::refine::Words;
/// let words = Words { each: "Tried: {attempt}\n".into(), ask: "{attempts}Again: {question}".into() };
/// let asked = words.prompt(&Prompt::from("2 + {2}?"), &["5", "{question}"]);
/// assert_eq!(asked.question(), "Tried: 5\nTried: {question}\nAgain: 2 + {2}?");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Words {
    /// Of each attempt: `{attempt}`, `{number}` and `{question}`.
    pub each: String,
    /// Of the whole: `{attempts}`, and `{question}`.
    pub ask: String,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            each: "<attempt>\n{attempt}\n</attempt>\n".into(),
            ask: "{question}\n\nEarlier attempts:\n{attempts}Write a better one.".into(),
        }
    }
}

impl Words {
    /// A problem with attempts at it. In a chat the last turn of the user is asked anew, with everything
    /// that stands before it; raw text stays raw.
    pub fn prompt(&self, problem: &Prompt, attempts: &[&str]) -> Prompt {
        let question = problem.question();
        let marks = self.marks();
        let each = |(place, attempt): (usize, &&str)| {
            let number = (place + 1).to_string();
            let attempt = shown(attempt, &marks, usize::MAX);
            let values = [
                ("{question}", question.trim_end()),
                ("{attempt}", attempt.as_str()),
                ("{number}", number.as_str()),
            ];
            filled(&self.each, &values)
        };
        let attempts: String = attempts.iter().enumerate().map(each).collect();
        asked(problem, &self.ask, &[("{attempts}", &attempts)])
    }

    /// What stands around attempts.
    fn marks(&self) -> Vec<String> {
        let mut marks = judge::marks(&self.each);
        marks.extend(judge::marks(&self.ask));
        marks
    }

    /// # Errors
    /// A sentence when the attempts or the question are not shown.
    pub fn check(&self) -> Result<(), String> {
        holds("each", &self.each, &["{attempt}"])?;
        holds("ask", &self.ask, &["{attempts}"])?;
        let asks = [&self.ask, &self.each].iter().any(|template| template.contains("{question}"));
        if asks { Ok(()) } else { Err("words do not say where {question} stands".into()) }
    }
}

/// Words as a recipe has them: what it leaves out is that of `default`, not of [`Words::default`].
pub(crate) fn or<'de, D: Deserializer<'de>>(from: D, default: Words) -> Result<Words, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Part {
        each: Option<String>,
        ask: Option<String>,
    }
    let Part { each, ask } = Part::deserialize(from)?;
    Ok(Words { each: each.unwrap_or(default.each), ask: ask.unwrap_or(default.ask) })
}

/// A problem asked by a template with `{question}` and these values. In a chat the last turn of the user
/// is asked anew; raw text stays raw.
pub(crate) fn asked(problem: &Prompt, template: &str, values: &[(&str, &str)]) -> Prompt {
    let question = problem.question();
    let mut all = vec![("{question}", question.trim_end())];
    all.extend_from_slice(values);
    let asked = filled(template, &all);
    match problem {
        Prompt::Text(_) => Prompt::Text(asked),
        Prompt::Chat(messages) => {
            let mut messages = messages.clone();
            let last = messages.iter_mut().rev().find(|message| message.role == Role::User);
            match last {
                Some(message) => message.content = asked,
                None => return Prompt::from(asked),
            }
            Prompt::Chat(messages)
        }
    }
}

/// A sentence when a template does not hold one of these names.
pub(crate) fn holds(field: &str, template: &str, names: &[&str]) -> Result<(), String> {
    match names.iter().find(|name| !template.contains(**name)) {
        Some(name) => Err(format!("words.{field} does not say where {name} stands")),
        None => Ok(()),
    }
}

/// A template with its names replaced, in one pass from the front.
pub(crate) fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let (mut out, mut rest) = (String::with_capacity(template.len()), template);
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = values.iter().find(|(name, _)| rest.starts_with(name));
        let (name, value) = known.copied().unwrap_or(("{", "{"));
        out.push_str(value);
        rest = &rest[name.len()..];
    }
    out + rest
}
