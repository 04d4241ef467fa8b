//! Chat templates: messages to the text that a model was trained on.
//!
//! A [`ChatTemplate`] is the Jinja template of a model's `chat_template.jinja`,
//! `tokenizer_config.json`, `chat_template.json` or GGUF metadata, rendered as Hugging Face `transformers` renders it:
//! blocks trimmed, loop controls, Python's string methods, `raise_exception`, `strftime_now`, and
//! `generation` blocks, `'%s' % x`, `tools` and `documents` set to none. Steps and memory of a rendering are bounded, so that a
//! hostile template fails instead of running on. One hole is known: a list that holds itself
//! twice, many times over, is not charged for when a filter such as `string` turns it to text.
//!
//! Source: the Jinja language (Pallets project) and `apply_chat_template` of `transformers`.

mod argument;
mod clock;
mod differ;
mod folder;
mod json;
mod rewrite;

pub use argument::TemplateArgument;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde::{Deserialize, Serialize};

use crate::{Files, ModelError};
use folder::Found;

/// Steps of one rendering, or multiples of 64 bytes: up to 64 MB. A long chat takes thousands.
const FUEL: u64 = 1_000_000;
/// Longest template, in bytes. Real ones stay below 20 KB.
const MAX_SOURCE_BYTES: usize = 1 << 20;
/// The name of the one template in its environment.
const NAME: &str = "chat_template";

/// One message of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks: `system`, `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A message.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    variables: Vec<(String, Value)>,
    /// Names the template in errors.
    path: PathBuf,
    /// What `strftime_now` takes for now, in seconds since 1970; the clock when `None`.
    now: Option<i64>,
}

impl ChatTemplate {
    /// Compiles a template. `bos_token` and `eos_token` are texts that templates refer to; empty
    /// for models without.
    ///
    /// # Errors
    /// When the template has a syntax error, by line.
    pub fn new(source: &str, bos_token: &str, eos_token: &str) -> Result<Self, ModelError> {
        Self::compile(source, bos_token, eos_token, Path::new(NAME))
    }

    /// Reads the template of a model's folder: `chat_template.jinja` if there is one, else
    /// `chat_template` of `tokenizer_config.json` (the one named `default` if there are several), else that
    /// of `chat_template.json`. `bos_token` and `eos_token` come from `tokenizer_config.json`.
    ///
    /// # Errors
    /// When a file cannot be read, has no template, or the template has a syntax error.
    pub fn from_folder(folder: impl Into<Files>) -> Result<Self, ModelError> {
        Self::read(&folder.into())
    }

    fn read(folder: &Files) -> Result<Self, ModelError> {
        Self::in_folder(folder)?.ok_or_else(|| folder::missing(folder))
    }

    /// [`Self::from_folder`]; `None` where no file of the folder has a template.
    pub(crate) fn in_folder(folder: &Files) -> Result<Option<Self>, ModelError> {
        let Some(found) = folder::read(folder)? else { return Ok(None) };
        let Found { source, bos_token, eos_token, file } = found;
        Self::compile(&source, &bos_token, &eos_token, file.path()).map(Some)
    }

    fn compile(source: &str, bos: &str, eos: &str, path: &Path) -> Result<Self, ModelError> {
        if source.len() > MAX_SOURCE_BYTES {
            let problem = format!("{} bytes, at most {MAX_SOURCE_BYTES}", source.len());
            let (path, field) = (path.to_owned(), NAME.to_owned());
            return Err(ModelError::Format { path, field, problem });
        }
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| at_line(path, &error))?);
        environment.set_fuel(Some(FUEL));
        // Debugging writes out all variables on an error, however large.
        environment.set_debug(false);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_formatter(json::format_bounded);
        environment.add_filter("tojson", json::tojson);
        environment.add_test("iterable", differ::is_iterable);
        environment.add_test("sequence", differ::is_sequence);
        environment.add_test("number", differ::is_number);
        environment.add_function("raise_exception", raise_exception);
        let template = environment.add_template_owned(NAME, rewrite::rewrite(source));
        template.map_err(|error| at_line(path, &error))?;
        let variables = vec![
            ("bos_token".to_owned(), Value::from(bos)),
            ("eos_token".to_owned(), Value::from(eos)),
            ("tools".to_owned(), Value::from(())),
            ("documents".to_owned(), Value::from(())),
        ];
        Ok(Self { environment, variables, path: path.to_owned(), now: None })
    }

    /// Sets a variable that the template looks at, such as `enable_thinking`.
    #[must_use]
    pub fn with(self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.with_value(name.into(), Value::from(Serde(value)))
    }

    fn with_value(mut self, name: String, value: Value) -> Self {
        self.variables.retain(|(other, _)| *other != name);
        self.variables.push((name, value));
        self
    }

    /// [`Self::with`] of an argument as users write it.
    #[must_use]
    pub fn with_argument(self, argument: &TemplateArgument) -> Self {
        self.with_value(argument.name().to_owned(), argument.ordered())
    }

    /// Fixes what `strftime_now` takes for now, in seconds since 1970-01-01 UTC. Some templates
    /// (Llama 3) write the date into the system message: prompts then change from day to day.
    #[must_use]
    pub fn at(mut self, now: i64) -> Self {
        self.now = Some(now);
        self
    }

    /// The text of a chat; with `add_generation_prompt`, up to where the assistant's answer begins.
    ///
    /// Special tokens stand in the text by name. Whether the content of a message may name them
    /// too is not checked here.
    ///
    /// # Errors
    /// When the template raises an exception (some demand alternating roles), fails, or does more
    /// work than a chat can need.
    pub fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, ModelError> {
        let now = self.now.unwrap_or_else(clock_seconds);
        let strftime_now = Value::from_function(move |format: &str| {
            clock::strftime(format, now)
                .map_err(|problem| Error::new(ErrorKind::InvalidOperation, problem))
        });
        let own = Value::from_pairs(self.variables.iter().cloned());
        let messages = Value::from(Serde(messages));
        let context = context! {
            messages, add_generation_prompt, strftime_now, ..own
        };
        let template = self.environment.get_template(NAME);
        let text = template.and_then(|template| template.render(context));
        text.map_err(|error| at_line(&self.path, &error))
    }
}

/// Seconds since 1970 on the clock of the machine.
fn clock_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// What a template calls to refuse a chat.
fn raise_exception(message: &str) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, format!("the template says: {message}")))
}

fn at_line(path: &Path, error: &Error) -> ModelError {
    let field = error.line().map_or_else(|| NAME.to_owned(), |line| format!("line {line}"));
    let problem = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    ModelError::Format { path: path.to_owned(), field, problem }
}

#[cfg(test)]
mod tests;
