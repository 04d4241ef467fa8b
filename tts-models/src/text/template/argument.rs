//! What a user tells a chat template: `NAME=VALUE`.
//!
//! Templates look at variables of their own, such as `enable_thinking`. A value is JSON where it can be
//! read as such, so that `false` is a truth value and `3` a number, and a text otherwise. Keys of an object stay in their
//! order: a template that writes a tool out writes another prompt in any other.
//!
//! Source: `chat_template_kwargs` of `transformers` and of servers.

use std::fmt;
use std::str::FromStr;

use minijinja::Value as Ordered;
use minijinja::value::Serde;
use serde_json::Value;

/// A variable of a chat template and its value.
///
/// ```
/// use tts_models::text::template::TemplateArgument;
/// let argument: TemplateArgument = "enable_thinking=false".parse()?;
/// assert_eq!((argument.name(), argument.value().as_bool()), ("enable_thinking", Some(false)));
/// let argument: TemplateArgument = "effort=high".parse()?;
/// assert_eq!((argument.value().as_str(), &*argument.to_string()), (Some("high"), "effort=\"high\""));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateArgument {
    name: String,
    value: Value,
    /// The value in JSON, its keys in their order.
    text: String,
}

impl TemplateArgument {
    /// A variable and its value. Keys of objects are in the order that [`Value`] has them in, which is that of their
    /// letters; [`FromStr`] keeps that of the text.
    ///
    /// # Errors
    /// A sentence, when the name is not one that a template can look at, or one that it is given anyway.
    pub fn new(name: impl Into<String>, value: Value) -> Result<Self, String> {
        let name = name.into();
        let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("template argument {name:?} is not a name of letters and digits"));
        }
        if matches!(&*name, "messages" | "add_generation_prompt" | "strftime_now") {
            return Err(format!("template argument {name:?} is not for users to set"));
        }
        let text = value.to_string();
        Ok(Self { name, value, text })
    }

    /// The variable.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Its value as templates see it.
    pub(super) fn ordered(&self) -> Ordered {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Ordered::from(Serde(&self.value)))
    }
}

impl FromStr for TemplateArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            format!(
                "template argument {text:?}, expected NAME=VALUE, such as enable_thinking=false"
            )
        })?;
        let read = serde_json::from_str(value).ok();
        let argument = Self::new(name, read.unwrap_or_else(|| Value::from(value)))?;
        // The same text without what need not be there.
        let ordered = serde_json::from_str::<Ordered>(value).ok();
        let text = ordered.and_then(|ordered| serde_json::to_string(&ordered).ok());
        Ok(Self { text: text.unwrap_or_else(|| argument.text.clone()), ..argument })
    }
}

impl fmt::Display for TemplateArgument {
    /// The name and the value in JSON: what [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.text)
    }
}
