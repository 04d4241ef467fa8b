//! Answers that are read as they are written: server-sent events, or a JSON value a line.
//!
//! What ends an answer is its last event, and not that the server closes the connection: some keep it open, and write
//! comments for as long as somebody listens.
//!
//! Source: the event stream format of the HTML standard, section 9.2.6, of which servers of models use `data`
//! fields of one line alone; ollama writes a JSON value a line without any of it.

use std::time::Duration;

use reqwest::Response;
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
    /// The answer is complete, and nothing comes behind this.
    Last,
    /// Nothing more is wanted.
    Enough,
}

/// How the last event of a stream of `OpenAI`'s form reads.
const DONE: &str = "[DONE]";

/// How long a connection may take to end behind the last event: only one that has ended is used again.
const REST: Duration = Duration::from_millis(200);

/// A line of an answer.
#[derive(Debug, PartialEq)]
enum Line {
    /// A comment, a name or number of an event, a blank line between two.
    Nothing,
    Event(Value),
    /// The end of the stream.
    Done,
}

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
        let (mut waiting, mut read, mut complete, mut over) = (Vec::new(), 0, false, false);
        while !over {
            let chunk = response.chunk().await.map_err(|error| broken(&url, &error))?;
            over = chunk.is_none();
            read += chunk.as_deref().map_or(0, <[u8]>::len);
            if read > LONGEST {
                let problem = format!("an answer of more than {LONGEST} bytes");
                return Err(RemoteError::answer(&*url, problem));
            }
            // The last line needs no end of its own.
            waiting.extend_from_slice(chunk.as_deref().unwrap_or(b"\n"));
            let mut start = 0;
            while let Some(length) = waiting[start..].iter().position(|&byte| byte == b'\n') {
                let line = line(&url, &waiting[start..start + length])?;
                start += length + 1;
                let flow = match line {
                    Line::Nothing => Flow::More,
                    Line::Event(value) => {
                        take(&value).map_err(|problem| RemoteError::answer(&*url, problem))?
                    }
                    Line::Done => {
                        over = true;
                        Flow::More
                    }
                };
                match flow {
                    Flow::More => {}
                    Flow::Complete => complete = true,
                    Flow::Last => (complete, over) = (true, true),
                    Flow::Enough => return Ok(()),
                }
            }
            waiting.drain(..start);
        }
        if !complete {
            let problem = format!("the answer was cut after {read} bytes, before its end");
            return Err(RemoteError::Unreachable { url, problem });
        }
        if keep {
            ended(&mut response).await;
        }
        Ok(())
    }
}

/// Waits for the end of an answer that is complete, but not for long: where it does not come, the next call makes a
/// connection of its own.
async fn ended(response: &mut Response) {
    let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
    let _ = tokio::time::timeout(REST, rest).await;
}

/// What a line says.
fn line(url: &str, line: &[u8]) -> Result<Line, RemoteError> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    let data = match text.strip_prefix("data:") {
        Some(data) => data.trim_start(),
        None if text.starts_with('{') => text,
        None => return Ok(Line::Nothing),
    };
    if data == DONE {
        return Ok(Line::Done);
    }
    let value: Value = serde_json::from_str(data)
        .map_err(|error| RemoteError::answer(url, format!("an event that is not JSON: {error}")))?;
    match &value["error"] {
        Value::Null => Ok(Line::Event(value)),
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
        let read = |line: &str| super::line("u", line.as_bytes());
        for line in [r#"data: {"a": 1}"#, r#"data:{"a":1}"#, "{\"a\": 1}\r"] {
            let expected = Line::Event(serde_json::json!({"a": 1}));
            assert_eq!(read(line).expect(line), expected, "{line}");
        }
        for line in ["", ": ping", "event: message", "id: 3", "\r"] {
            assert_eq!(read(line).expect(line), Line::Nothing, "{line}");
        }
        assert_eq!(read("data: [DONE]\r").expect("an end"), Line::Done);
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
