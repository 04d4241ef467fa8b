//! Answers that are read as they are written: server-sent events, or a JSON value a line.
//!
//! Source: the event stream format of the HTML standard, section 9.2.6, of which servers of models use `data`
//! fields of one line alone; ollama writes a JSON value a line without any of it.

use serde_json::Value;

use super::RemoteError;
use super::http::{Http, LONGEST, broken, said};

/// What a reader of events makes of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// More must come.
    More,
    /// The answer is complete; its end may tell more.
    Complete,
    /// Nothing more is wanted.
    Enough,
}

/// How the last event of a stream of `OpenAI`'s form reads.
const DONE: &str = "[DONE]";

impl Http {
    /// Posts, and gives each event of the answer to `take`, until that has enough; then the connection is closed.
    ///
    /// # Errors
    /// As any call, and when the answer ends before it is complete, or is none of this form.
    pub(super) async fn stream(
        &self,
        path: &str,
        body: &Value,
        take: &mut (dyn FnMut(&Value) -> Result<Flow, String> + Send),
    ) -> Result<(), RemoteError> {
        let url = self.url(path);
        // Servers close the connection behind a stream, llama-server without a word: the next request on it would
        // be lost. A handshake of TLS costs more than that.
        let keep = self.base().starts_with("https://");
        let mut response = self.send(path, body, keep).await?;
        let (mut waiting, mut read, mut complete) = (Vec::new(), 0, false);
        let mut event = |line: &[u8]| -> Result<Flow, RemoteError> {
            let Some(value) = value(&url, line)? else { return Ok(Flow::More) };
            take(&value).map_err(|problem| RemoteError::answer(&*url, problem))
        };
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&url, &error))? {
            read += chunk.len();
            if read > LONGEST {
                let problem = format!("an answer of more than {LONGEST} bytes");
                return Err(RemoteError::answer(&*url, problem));
            }
            waiting.extend_from_slice(&chunk);
            let mut start = 0;
            while let Some(length) = waiting[start..].iter().position(|&byte| byte == b'\n') {
                let line = &waiting[start..start + length];
                start += length + 1;
                match event(line)? {
                    Flow::Enough => return Ok(()),
                    Flow::Complete => complete = true,
                    Flow::More => {}
                }
            }
            waiting.drain(..start);
        }
        complete |= event(&waiting)? != Flow::More;
        if complete {
            return Ok(());
        }
        Err(RemoteError::Unreachable {
            url,
            problem: format!("the answer was cut after {read} bytes, before its end"),
        })
    }
}

/// The event of a line; `None` for lines that are none.
fn value(url: &str, line: &[u8]) -> Result<Option<Value>, RemoteError> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    let data = match text.strip_prefix("data:") {
        Some(data) => data.trim_start(),
        None if text.starts_with('{') => text,
        // Comments, names and numbers of events, blank lines between them.
        None => return Ok(None),
    };
    if data == DONE {
        return Ok(None);
    }
    let value: Value = serde_json::from_str(data)
        .map_err(|error| RemoteError::answer(url, format!("an event that is not JSON: {error}")))?;
    match &value["error"] {
        Value::Null => Ok(Some(value)),
        error => {
            // Some say what status they would have answered with.
            let status = error["code"].as_u64().and_then(|code| u16::try_from(code).ok());
            let message = said(data.as_bytes());
            let url = url.to_owned();
            Err(RemoteError::Refused {
                url,
                status: status.unwrap_or(500),
                message,
                retry_after: None,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_forms_are_read() {
        let read = |line: &str| value("u", line.as_bytes());
        for line in [r#"data: {"a": 1}"#, r#"data:{"a":1}"#, "{\"a\": 1}\r"] {
            let event = read(line).expect(line).expect(line);
            assert_eq!(event["a"], 1, "{line}");
        }
        for line in ["", ": ping", "event: message", "id: 3", "data: [DONE]", "\r"] {
            assert_eq!(read(line).expect(line), None, "{line}");
        }
        assert!(read("data: {\"a\"").is_err());
        let busy = read(r#"data: {"error": {"message": "busy", "code": 503}}"#).expect_err("busy");
        assert!(
            matches!(&busy, RemoteError::Refused { status: 503, message, .. } if message == "busy")
        );
        assert!(busy.is_passing());
        // Without a status it may be better next time.
        let lost = read(r#"{"error": "the runner has died"}"#).expect_err("lost");
        assert!(lost.is_passing() && lost.to_string().contains("the runner has died"), "{lost}");
    }
}
