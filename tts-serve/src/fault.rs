//! What is said when a request cannot be answered: an error in the form that OpenAI's clients know.

use serde_json::{Value, json};

/// An error of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What is wrong, and what was expected.
    pub(crate) message: String,
    /// The field at fault.
    pub(crate) param: Option<String>,
    /// A short name for programs.
    pub(crate) code: &'static str,
}

impl Fault {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code }
    }

    /// A request that cannot be meant.
    pub(crate) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, "invalid_value", message).at(param)
    }

    /// The same about a field.
    pub(crate) fn at(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// The same under another short name.
    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    pub(crate) fn stopping() -> Self {
        Self::new(503, "shutting_down", "the server is stopping: ask again later")
    }

    pub(crate) fn late(seconds: f64) -> Self {
        let message = format!(
            "nothing was finished within the {seconds} seconds that a request may take: ask for less"
        );
        Self::new(504, "timeout", message)
    }

    fn kind(&self) -> &'static str {
        match self.status {
            401 => "authentication_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }

    /// `{"error": {...}}`
    pub(crate) fn body(&self) -> Value {
        let (message, param, code) = (&self.message, &self.param, self.code);
        json!({"error": {"message": message, "type": self.kind(), "param": param, "code": code}})
    }
}
