//! A scorer of any form, asked over HTTP: its body is a template, its scores a place in the answer.
//!
//! A judge that somebody has put behind an address need not be one of the servers that are known here. A
//! [`MappedScorer`] is told how to ask ([`MappedConfig`]): the body of a call is JSON whose texts are Jinja
//! templates over the question and the steps, the answer's scores are named by a JSON pointer. Calls are made side
//! by side and again where they fail in passing; a path whose call is at fault is refused with the reason, and the
//! search goes on. A server that is down, or refuses whoever asks, ends it.
//!
//! Source: RFC 6901 (JSON pointer); the Jinja language.

use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tts_core::scorer::NEUTRAL;
use tts_core::{BoxError, Prompt, Scale, Scored, StepScorer, Trajectory, Unit, seed};

use super::dialect::{messages, short};
use super::http::{Http, refuse_errors};
use super::runtime::Runtime;
use super::{RemoteConfig, RemoteError, retry};

/// What one call judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judges {
    /// A path up to one of its steps: a call a fresh step, whose answer holds one number.
    #[default]
    Prefix,
    /// All steps of a path: a call a path, whose answer holds a list with a number for each step.
    Steps,
    /// A finished solution: a call a solution, whose answer holds one number. Unfinished ones get what says
    /// nothing, so the scale must have such a value: probabilities or log-odds.
    Solution,
}

/// How a scorer is asked.
///
/// In the body a text that is one expression, `{{ steps }}`, becomes the value itself; templates know `question`,
/// `messages` (of the prompt), `steps` (texts), `step` (the last of them) and `solution` (all of them).
///
/// ```
/// use tts_models::remote::MappedConfig;
/// let config: MappedConfig = serde_json::from_str(r#"{
///     "url": "http://127.0.0.1:9000/judge",
///     "body": {"query": "{{ question }}", "response": "{{ solution | trim }}", "parts": "{{ steps }}"},
///     "scores": "/result/score",
///     "scale": {"unit": "probability", "aggregate": "last"}
/// }"#)?;
/// assert!(config.check().is_ok());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MappedConfig {
    /// Where it is asked.
    pub url: String,
    /// The body of a call.
    pub body: Value,
    /// A JSON pointer to the scores in an answer.
    pub scores: String,
    /// What one call judges.
    pub judges: Judges,
    /// What a score is.
    pub scale: Scale,
    /// What it is called in records; `None` for its address.
    pub name: Option<String>,
    /// The environment variable that holds the API key, sent as `Authorization: Bearer`.
    pub key_variable: Option<String>,
    /// Calls at a time.
    pub calls: usize,
    /// How often a call is made before it counts as failed, at least 1.
    pub attempts: u32,
    /// Seconds before the first repetition; they double.
    pub pause_seconds: f64,
    /// Seconds to connect.
    pub connect_seconds: f64,
    /// Seconds for a call.
    pub call_seconds: f64,
}

impl Default for MappedConfig {
    fn default() -> Self {
        let of_engines = RemoteConfig::default();
        Self {
            url: String::new(),
            body: json!({"question": "{{ question }}", "solution": "{{ solution }}"}),
            scores: "/score".into(),
            judges: Judges::Prefix,
            scale: Scale::UNSTATED,
            name: None,
            key_variable: None,
            calls: 16,
            attempts: of_engines.attempts,
            pause_seconds: of_engines.pause_seconds,
            connect_seconds: of_engines.connect_seconds,
            call_seconds: of_engines.call_seconds,
        }
    }
}

impl MappedConfig {
    /// # Errors
    /// When the address, a template, the pointer or a number makes no sense, or the scale has no value that
    /// says nothing and unfinished solutions would need one.
    pub fn check(&self) -> Result<(), RemoteError> {
        self.engine().check()?;
        let bad = |field: &str, problem: String| Err(RemoteError::config(field, problem));
        if self.calls == 0 {
            return bad("calls", "0, expected at least 1".into());
        }
        if !self.scores.is_empty() && !self.scores.starts_with('/') {
            let found = &self.scores;
            return bad(
                "scores",
                format!("{found:?}, expected a JSON pointer such as /data/0/score"),
            );
        }
        if self.judges == Judges::Solution {
            self.neutral()?;
        }
        // Unknown variables and bad syntax are found before anything is asked. Every prompt has a message and every path
        // a step, and a template may say more of more of them.
        let messages = json!([{"role": "user", "content": "?"}]);
        for steps in [&[""][..], &["", ""]] {
            let steps: Vec<String> = steps.iter().map(|&step| step.to_owned()).collect();
            let asked = Asked { question: "?", messages: messages.clone(), steps: &steps };
            self.render(&asked)?;
        }
        Ok(())
    }

    /// The score that says nothing.
    fn neutral(&self) -> Result<f64, RemoteError> {
        match self.scale.unit {
            Unit::Probability => Ok(NEUTRAL),
            Unit::LogOdds => Ok(0.0),
            unit => {
                let problem = format!(
                    "{unit:?} has no value that says nothing, for unfinished solutions: expected \
                     probabilities or log-odds"
                );
                Err(RemoteError::config("scale", problem))
            }
        }
    }

    /// The settings of connections.
    fn engine(&self) -> RemoteConfig {
        RemoteConfig {
            key_variable: self.key_variable.clone(),
            attempts: self.attempts,
            pause_seconds: self.pause_seconds,
            connect_seconds: self.connect_seconds,
            call_seconds: self.call_seconds,
            ..RemoteConfig::server(&*self.url)
        }
    }

    /// The body of a call.
    fn render(&self, asked: &Asked<'_>) -> Result<Value, RemoteError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let Asked { question, messages, steps } = asked;
        let variables = json!({
            "question": question, "messages": messages, "steps": steps, "step": steps.last(),
            "solution": steps.concat(),
        });
        let variables = minijinja::Value::from(Serde(variables));
        fill(&environment, &variables, &self.body)
            .map_err(|error| RemoteError::config("body", format!("{error:#}")))
    }
}

/// What templates know.
struct Asked<'a> {
    question: &'a str,
    messages: Value,
    steps: &'a [String],
}

/// JSON with its texts rendered.
fn fill(
    environment: &Environment<'_>,
    variables: &minijinja::Value,
    template: &Value,
) -> Result<Value, minijinja::Error> {
    let inner = |value: &Value| fill(environment, variables, value);
    Ok(match template {
        Value::Array(list) => Value::Array(list.iter().map(inner).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let entries = map.iter().map(|(name, value)| Ok((name.clone(), inner(value)?)));
            Value::Object(entries.collect::<Result<Map<_, _>, minijinja::Error>>()?)
        }
        Value::String(text) => match alone(text) {
            Some(expression) => {
                let value = environment.compile_expression(expression)?.eval(variables)?;
                if value.is_undefined() {
                    let problem = format!("{expression} is not known");
                    return Err(minijinja::Error::new(
                        minijinja::ErrorKind::UndefinedError,
                        problem,
                    ));
                }
                serde_json::to_value(value).map_err(|error| {
                    minijinja::Error::new(minijinja::ErrorKind::BadSerialization, error.to_string())
                })?
            }
            None => environment.render_str(text, variables)?.into(),
        },
        other => other.clone(),
    })
}

/// The expression of a text that is nothing but one.
fn alone(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{") && !inner.contains("}}")).then_some(inner)
}

/// A scorer behind an address, asked as its [`MappedConfig`] says.
#[derive(Debug)]
pub struct MappedScorer {
    shared: Arc<Shared>,
    runtime: Runtime,
}

#[derive(Debug)]
struct Shared {
    http: Http,
    config: MappedConfig,
    /// The same, of connections.
    engine: RemoteConfig,
    gate: Semaphore,
}

impl MappedScorer {
    /// A scorer at an address; nothing is asked yet.
    ///
    /// # Errors
    /// As [`MappedConfig::check`], and when the API key is not there.
    pub fn open(config: MappedConfig) -> Result<Self, RemoteError> {
        config.check()?;
        let engine = config.engine();
        let http = Http::at(Http::client(&engine)?, &config.url);
        let gate = Semaphore::new(config.calls);
        let shared = Arc::new(Shared { http, config, engine, gate });
        Ok(Self { shared, runtime: Runtime::new()? })
    }

    /// The settings.
    pub fn config(&self) -> &MappedConfig {
        &self.shared.config
    }
}

impl StepScorer for MappedScorer {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let (shared, batch) = (Arc::clone(&self.shared), batch.to_vec());
        let judged = self.runtime.wait(async move {
            let paths = batch.into_iter().map(|path| {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { shared.judge(&path).await })
            });
            let paths: Vec<_> = paths.collect();
            let mut out = Vec::with_capacity(paths.len());
            for path in paths {
                let lost = |error| RemoteError::config("runtime", format!("{error}"));
                out.push(match path.await.map_err(lost)? {
                    Ok(scores) => Scored::of(scores),
                    Err(error) if error.is_of_the_call() => Scored::refused(error.to_string()),
                    Err(error) => return Err(error),
                });
            }
            Ok::<_, RemoteError>(out)
        })?;
        Ok(judged?)
    }

    fn scale(&self) -> Scale {
        self.shared.config.scale
    }

    fn identity(&self) -> Option<String> {
        let MappedConfig { url, body, scores, judges, name, .. } = &self.shared.config;
        let name = name.as_deref().unwrap_or(url);
        Some(format!("mapped {name} {body} {scores} {judges:?}"))
    }
}

impl Shared {
    /// The scores of a path's fresh steps, all of them within the scale.
    async fn judge(&self, path: &Trajectory) -> Result<Vec<f64>, RemoteError> {
        let scores = self.said(path).await?;
        let scale = self.config.scale;
        match scores.iter().find(|&&score| !scale.holds(score)) {
            Some(score) => {
                Err(self.answer(format!("{score}, expected a number of the unit {:?}", scale.unit)))
            }
            None => Ok(scores),
        }
    }

    /// The same, as they are told.
    async fn said(&self, path: &Trajectory) -> Result<Vec<f64>, RemoteError> {
        let texts: Vec<String> = path.steps().iter().map(|step| step.text.clone()).collect();
        let fresh = path.fresh_steps().len();
        let before = texts.len() - fresh;
        match self.config.judges {
            Judges::Prefix => {
                let mut scores = Vec::with_capacity(fresh);
                for end in before + 1..=texts.len() {
                    scores.push(self.number(path.prompt(), &texts[..end]).await?);
                }
                Ok(scores)
            }
            Judges::Steps => {
                let answer = self.call(path.prompt(), &texts).await?;
                let list = self.find(&answer)?;
                // One that is no number must not move the others to other steps.
                let numbers = list.as_array().filter(|list| list.len() == texts.len());
                let numbers: Option<Vec<f64>> =
                    numbers.and_then(|list| list.iter().map(Value::as_f64).collect());
                let numbers = numbers.ok_or_else(|| {
                    self.answer(format!("{}, expected {} numbers", short(list), texts.len()))
                })?;
                Ok(numbers[before..].to_vec())
            }
            Judges::Solution => {
                let mut scores = vec![self.config.neutral()?; fresh];
                if let (true, Some(last)) = (path.is_finished(), scores.last_mut()) {
                    *last = self.number(path.prompt(), &texts).await?;
                }
                Ok(scores)
            }
        }
    }

    /// The one number that an answer holds.
    async fn number(&self, prompt: &Prompt, steps: &[String]) -> Result<f64, RemoteError> {
        let answer = self.call(prompt, steps).await?;
        let found = self.find(&answer)?;
        found.as_f64().ok_or_else(|| self.answer(format!("{}, expected a number", short(found))))
    }

    /// The scores of an answer. Where there are none, what it says of an error; a field of that name may stand beside
    /// scores and mean nothing.
    fn find<'v>(&self, answer: &'v Value) -> Result<&'v Value, RemoteError> {
        let pointer = &self.config.scores;
        let found = answer.pointer(pointer);
        if found.is_none_or(Value::is_null) {
            refuse_errors(self.http.base(), answer)?;
        }
        let missing = || self.answer(format!("nothing at {pointer} of {}", short(answer)));
        found.ok_or_else(missing)
    }

    fn answer(&self, problem: String) -> RemoteError {
        RemoteError::answer(self.http.base(), problem)
    }

    /// Asks, again where it must.
    async fn call(&self, prompt: &Prompt, steps: &[String]) -> Result<Value, RemoteError> {
        let chat = match prompt {
            Prompt::Chat(chat) => messages(chat),
            Prompt::Text(text) => json!([{"role": "user", "content": text}]),
        };
        let asked = Asked { question: prompt.question(), messages: chat, steps };
        let body = self.config.render(&asked)?;
        let line = steps.iter().fold(0, |hash, step| seed::hash_text(hash, step));
        let mut repetition = 0;
        loop {
            let permit = self.gate.acquire().await;
            let answer = self.http.post_any("", &body).await;
            drop(permit);
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tokio::time::sleep(retry::again(&self.engine, error, repetition, line)?).await;
            repetition += 1;
        }
    }
}
