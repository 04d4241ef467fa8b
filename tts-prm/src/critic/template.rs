//! How a judge is asked: a Jinja template, built in or a file of yours.
//!
//! A template is a text with headings, lines that begin with `===`, for the turns of a chat:
//!
//! ```text
//! === system
//! You compare answers.
//! === user
//! {{ problem }}
//! {% for response in responses %}
//! [Begin of Response {{ response.number }}]
//! {{ response.text }}
//! [End of Response {{ response.number }}]
//! {% endfor %}
//! ```
//!
//! `=== text` makes raw text of it, for models without a chat; without any heading all is one turn of the user.
//! `=== turn` is a turn of the user for each step of the response, with what the judge said of the steps before as
//! the turns between. Variables:
//!
//! | | |
//! |---|---|
//! | `problem` | the last question of the problem |
//! | `conversation` | all of its turns, each with `role` and `content` |
//! | `responses` | each with `number` (from 1), `letter` (from A), `text` and `steps` |
//! | `response` | the first of them |
//! | `steps` | its steps, each with `number` and `text` |
//! | `step` | in a `turn`: the step that it is about |
//! | `low`, `high` | the least and the greatest score |
//! | `reference` | a right answer; none where nobody knows one, so ask for it: `{% if reference %}` |
//!
//! A name that is not there is an error, not nothing. Headings are found in the template, before anything is
//! filled in, so no response can open a turn; its marks (texts in square or angle brackets, lines that begin
//! with `###`) are found there too, and broken where a response holds them, as are lines within a step that begin as
//! `Step 2`, and in raw text (`=== text`) all that may be read as a control token.
//!
//! What is shown of a problem comes before what differs from one judgement to the next, and instructions
//! before both, so that judgements share as long a beginning as they can.
//!
//! Source: none; a format of this library.

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tts_core::judge::{marks, shown, uncontrolled};
use tts_core::{Message, Prompt, Role};

use super::response::{self, Response};
use crate::PrmError;

/// What a template may spend: far more than any question needs, and it ends.
const FUEL: u64 = 10_000_000;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("templates/", $name, ".jinja")))),*];
    };
}
built_in!(
    "comprehensive",
    "deepseek-grm",
    "deepseek-grm-single",
    "deepseek-judge",
    "genprm",
    "genrm",
    "genrm-cot",
    "helpful",
    "issues",
    "listwise",
    "pairwise",
    "panel",
    "proof",
    "rubric",
    "score",
    "steps",
    "support",
    "thinkprm",
);

/// A template, see the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The name of a built-in one.
    name: Option<String>,
    source: String,
    parts: Vec<Part>,
    marks: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    kind: Kind,
    source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Turn,
    Chat(Role),
}

/// What is filled in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling<'a> {
    pub(super) problem: &'a Prompt,
    /// In the order in which they are shown.
    pub(super) responses: &'a [&'a Response],
    /// What was said of the steps before, for templates with turns.
    pub(super) said: &'a [String],
    pub(super) range: [f64; 2],
    /// Further texts that a response must not hold as they stand.
    pub(super) marks: &'a [String],
    /// Most characters of a response that are shown.
    pub(super) longest: usize,
    /// A right answer, if one is known.
    pub(super) reference: Option<&'a str>,
}

impl Template {
    /// The names of those that are built in.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// One that is built in.
    ///
    /// # Errors
    /// A sentence with the names that there are.
    pub fn built_in(name: &str) -> Result<Self, String> {
        let Some((_, source)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = Self::names().collect();
            return Err(format!("template {name:?}, expected one of {}", names.join(", ")));
        };
        Ok(Self { name: Some(name.to_owned()), ..Self::from_source(source)? })
    }

    /// One from a text.
    ///
    /// # Errors
    /// A sentence when a heading is not known, or the text is no Jinja.
    pub fn from_source(source: &str) -> Result<Self, String> {
        let parts = parts(source)?;
        for part in &parts {
            environment()
                .template_from_str(&part.source)
                .map_err(|error| format!("template: {}", told(&error)))?;
        }
        let marks = marks(source);
        Ok(Self { name: None, source: source.to_owned(), parts, marks })
    }

    /// One from a file.
    ///
    /// # Errors
    /// When it cannot be read, or as [`Template::from_source`], with the name of the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, PrmError> {
        let path = path.as_ref();
        let source = std::fs::read_to_string(path).map_err(|error| PrmError::io(path, error))?;
        Self::from_source(&source).map_err(|problem| PrmError::config(path, "template", problem))
    }

    /// Whether the steps of a response are shown one after the other, in turns.
    pub fn has_turns(&self) -> bool {
        self.parts.iter().any(|part| part.kind == Kind::Turn)
    }

    /// Whether it shows a right answer, where one is known.
    pub(super) fn shows_reference(&self) -> bool {
        let codes = self.parts.iter().flat_map(|part| part.source.split('{'));
        let codes = codes.filter_map(|code| code.split('}').next());
        let mut words =
            codes.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'));
        words.any(|word| word == "reference")
    }

    /// Its text.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// What it puts around responses, which none of them may hold as it stands.
    pub fn marks(&self) -> &[String] {
        &self.marks
    }

    pub(super) fn fill(&self, filling: &Filling<'_>) -> Result<Prompt, String> {
        let marks: Vec<String> = self.marks.iter().chain(filling.marks).cloned().collect();
        // Raw text is read for control tokens, what people write in a chat is not.
        let raw = self.parts.iter().any(|part| part.kind == Kind::Text);
        let plain = |text: String| if raw { uncontrolled(&text) } else { text };
        let show = |text: &str| plain(shown(text, &marks, filling.longest));
        let steps = |response: &Response| -> Vec<Value> {
            let texts = response::steps_shown(&response.steps, &marks, filling.longest);
            let step = |(place, text)| context! { number => place + 1, text => plain(text) };
            texts.into_iter().map(step).collect()
        };
        let responses: Vec<Value> = filling
            .responses
            .iter()
            .enumerate()
            .map(|(place, response)| {
                let letter = u8::try_from(place).ok().and_then(|place| b'A'.checked_add(place));
                let letter = letter
                    .filter(u8::is_ascii_uppercase)
                    .map(|letter| char::from(letter).to_string());
                context! {
                    number => place + 1,
                    letter => letter,
                    text => show(&response.whole()),
                    steps => steps(response),
                }
            })
            .collect();
        let conversation: Vec<Value> = match filling.problem {
            Prompt::Text(text) => vec![context! { role => "user", content => text }],
            Prompt::Chat(messages) => messages
                .iter()
                .map(|message| context! { role => message.role.as_str(), content => &message.content })
                .collect(),
        };
        let [low, high] = filling.range;
        let first = responses.first().cloned();
        let own = filling.responses.first().map(|response| steps(response)).unwrap_or_default();
        let all = context! {
            problem => filling.problem.question().trim(),
            conversation => conversation,
            responses => responses,
            response => first,
            steps => own.clone(),
            low => number(low),
            high => number(high),
            reference => filling.reference.map(show),
        };
        self.write(&all, &own, filling.said)
    }

    fn write(&self, all: &Value, steps: &[Value], said: &[String]) -> Result<Prompt, String> {
        let environment = environment();
        let render = |source: &str, values: &Value| {
            let text = environment.render_str(source, values);
            text.map(|text| text.trim_matches('\n').to_owned()).map_err(|error| told(&error))
        };
        let mut messages = Vec::new();
        for part in &self.parts {
            match part.kind {
                Kind::Text => {
                    let text =
                        environment.render_str(&part.source, all).map_err(|error| told(&error))?;
                    return Ok(Prompt::Text(text));
                }
                Kind::Chat(role) => {
                    messages.push(Message { role, content: render(&part.source, all)? });
                }
                Kind::Turn => {
                    // One turn more than the judge has answered.
                    for (place, step) in steps.iter().take(said.len() + 1).enumerate() {
                        let values = context! { step => step, ..all.clone() };
                        let content = render(&part.source, &values)?;
                        messages.push(Message { role: Role::User, content });
                        if let Some(said) = said.get(place) {
                            messages.push(Message { role: Role::Assistant, content: said.clone() });
                        }
                    }
                }
            }
        }
        Ok(Prompt::Chat(messages))
    }
}

impl Default for Template {
    /// That of scores for all responses at once.
    fn default() -> Self {
        // Built-in templates are sound, as a test sees to; one that were not would ask the question alone.
        Self::built_in("deepseek-grm").unwrap_or_else(|_| Self {
            name: None,
            source: "{{ problem }}".into(),
            parts: vec![Part { kind: Kind::Chat(Role::User), source: "{{ problem }}".into() }],
            marks: Vec::new(),
        })
    }
}

impl Serialize for Template {
    /// The name of a built-in one, else its text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name.as_deref().unwrap_or(&self.source))
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A text that fills nothing in asks about nothing.
        let found =
            if text.contains("{{") { Self::from_source(&text) } else { Self::built_in(&text) };
        found.map_err(serde::de::Error::custom)
    }
}

/// A whole number without a point.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
    let whole = (value.fract() == 0.0 && value.abs() < 1e15).then_some(value as i64);
    whole.map_or_else(|| Value::from(value), Value::from)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // Debugging writes out all variables on an error, however large.
    environment.set_debug(false);
    // The syntax of a template is Jinja's own, and there is no delimiter that could be wrong.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment
}

/// What an error says, without the name of a template that has none.
fn told(error: &minijinja::Error) -> String {
    error.to_string().replace("in <string>:", "in line ")
}

/// The parts of a template, by its headings.
fn parts(source: &str) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = Vec::new();
    for line in source.split_inclusive('\n') {
        if let Some(heading) = line.strip_prefix("===") {
            let kind = match heading.trim() {
                "system" => Kind::Chat(Role::System),
                "user" => Kind::Chat(Role::User),
                "assistant" => Kind::Chat(Role::Assistant),
                "text" => Kind::Text,
                "turn" => Kind::Turn,
                other => {
                    let expected = "system, user, assistant, text or turn";
                    return Err(format!("template: the heading {other:?}, expected {expected}"));
                }
            };
            parts.push(Part { kind, source: String::new() });
            continue;
        }
        match parts.last_mut() {
            Some(part) => part.source.push_str(line),
            // What stands before the first heading is about the template.
            None if source.contains("\n===") => {}
            None => parts.push(Part { kind: Kind::Chat(Role::User), source: line.to_owned() }),
        }
    }
    let text = parts.iter().filter(|part| part.kind == Kind::Text).count();
    if text > 0 && parts.len() > 1 {
        return Err("template: the heading \"text\" beside others, expected it alone".into());
    }
    let asks = parts.iter().any(|part| !part.source.trim().is_empty());
    if asks { Ok(parts) } else { Err("template: it asks nothing".into()) }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
