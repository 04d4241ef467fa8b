//! One call to one server: JSON out, JSON back, errors with what the server said.

use std::time::{Duration, SystemTime};

use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Response};
use serde_json::Value;

use super::retry::retry_after;
use super::{RemoteConfig, RemoteError};

/// The longest answer that is read, in bytes: a server that never ends must not fill the memory.
pub(super) const LONGEST: usize = 256 << 20;

/// Bytes of an error page that are shown.
const SHOWN: usize = 300;

/// A server's address, and the connections to it.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: Client,
    base: String,
}

impl Http {
    /// Connections that all servers share.
    pub(super) fn client(config: &RemoteConfig) -> Result<Client, RemoteError> {
        let mut headers = HeaderMap::new();
        if let Some(variable) = &config.key_variable {
            let key = std::env::var(variable).map_err(|error| {
                RemoteError::config("key_variable", format!("{variable}: {error}"))
            })?;
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|error| {
                    RemoteError::config("key_variable", format!("{variable}: {error}"))
                })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        // One of the program's own stays.
        #[cfg(feature = "https")]
        let _ = rustls_graviola::default_provider().install_default();
        let seconds = Duration::from_secs_f64;
        Client::builder()
            .default_headers(headers)
            .connect_timeout(seconds(config.connect_seconds))
            .timeout(seconds(config.call_seconds))
            // Servers of Python close idle connections after five seconds.
            .pool_idle_timeout(Duration::from_secs(4))
            .tcp_nodelay(true)
            .build()
            .map_err(|error| RemoteError::config("client", causes(&error)))
    }

    pub(super) fn new(client: Client, address: &str) -> Self {
        let address = address.trim_end_matches('/');
        // Clients of OpenAI's form name it with the address.
        Self { client, base: address.strip_suffix("/v1").unwrap_or(address).to_owned() }
    }

    /// An address that is asked as it is: `/v1` and a stroke at its end are parts of it.
    pub(super) fn at(client: Client, address: &str) -> Self {
        Self { client, base: address.to_owned() }
    }

    /// The server's address.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, RemoteError> {
        let url = self.url(path);
        let sent = self.client.get(&url).send().await;
        let response = welcome(&url, sent).await?;
        let answer = json(&url, response).await?;
        refuse_errors(&url, &answer).map(|()| answer)
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, RemoteError> {
        let answer = self.post_any(path, body).await?;
        refuse_errors(&self.url(path), &answer).map(|()| answer)
    }

    /// The same, whatever JSON the answer is: an error in its place too.
    pub(super) async fn post_any(&self, path: &str, body: &Value) -> Result<Value, RemoteError> {
        let response = self.send(path, body, true).await?;
        json(&self.url(path), response).await
    }

    /// Posts; what comes back has begun, and is no error. The connection may be used again, or is closed with the
    /// answer.
    pub(super) async fn send(
        &self,
        path: &str,
        body: &Value,
        keep: bool,
    ) -> Result<Response, RemoteError> {
        let url = self.url(path);
        let bytes = serde_json::to_vec(body)
            .map_err(|error| RemoteError::answer(&*url, format!("the request: {error}")))?;
        let json = HeaderValue::from_static("application/json");
        let mut asked = self.client.post(&url).header(CONTENT_TYPE, json).body(bytes);
        if !keep {
            asked = asked.header(CONNECTION, HeaderValue::from_static("close"));
        }
        let sent = asked.send().await;
        welcome(&url, sent).await
    }
}

/// The JSON of an answer.
async fn json(url: &str, mut response: Response) -> Result<Value, RemoteError> {
    let body = whole(url, &mut response).await?;
    serde_json::from_slice(&body).map_err(|error| {
        RemoteError::answer(url, format!("not JSON: {error}: {}", beginning(&body)))
    })
}

/// Refuses an answer that is an error.
pub(super) fn refuse_errors(url: &str, answer: &Value) -> Result<(), RemoteError> {
    if answer["error"].is_null() {
        return Ok(());
    }
    let problem =
        format!("an error in place of an answer: {}", said(answer.to_string().as_bytes()));
    Err(RemoteError::answer(url, problem))
}

pub(super) fn broken(url: &str, error: &reqwest::Error) -> RemoteError {
    RemoteError::Unreachable { url: url.to_owned(), problem: causes(error) }
}

/// The body of an answer.
async fn whole(url: &str, response: &mut Response) -> Result<Vec<u8>, RemoteError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(url, &error))? {
        if body.len() + chunk.len() > LONGEST {
            let problem = format!("an answer of more than {LONGEST} bytes");
            return Err(RemoteError::answer(url, problem));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An answer whose status is no error.
async fn welcome(url: &str, sent: reqwest::Result<Response>) -> Result<Response, RemoteError> {
    let mut response = sent.map_err(|error| broken(url, &error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let header = response.headers().get(RETRY_AFTER);
    let header = header.and_then(|value| value.to_str().ok());
    let retry_after = header.and_then(|value| retry_after(value, SystemTime::now()));
    let body = whole(url, &mut response).await?;
    let (url, status, message) = (url.to_owned(), status.as_u16(), said(&body));
    Err(RemoteError::Refused { url, status, message, retry_after })
}

/// An error with its causes: the library's own text stops before the one that tells.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// What an error's body says, in any of the forms that servers use.
pub(super) fn said(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return beginning(body) };
    let places = [&value["error"]["message"], &value["message"], &value["error"], &value["detail"]];
    let text = places.into_iter().find_map(Value::as_str);
    text.map_or_else(|| beginning(body), str::to_owned)
}

fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]);
    if text.trim().is_empty() { "(nothing)".into() } else { text.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_tell_errors_in_many_forms() {
        for (body, expected) in [
            (r#"{"error":{"message":"too long","code":400}}"#, "too long"),
            (r#"{"object":"error","message":"flat"}"#, "flat"),
            (r#"{"error":"plain"}"#, "plain"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (r#"{"detail":[{"loc":["body"]}]}"#, r#"{"detail":[{"loc":["body"]}]}"#),
            ("<html>Bad Gateway</html>", "<html>Bad Gateway</html>"),
            ("  ", "(nothing)"),
        ] {
            assert_eq!(said(body.as_bytes()), expected);
        }
        assert_eq!(beginning(&[b'x'; 1000]).len(), SHOWN);
    }
}
