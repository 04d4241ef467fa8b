//! The server's face: routes, admission, and what every request goes through.
//!
//! A request shows its key, its body is read within bounds, it is understood (`chat.rs`, `completions.rs`,
//! on `ask.rs` and `fields.rs`), takes places for its searches or is refused with 429, and is answered
//! whole (`bodies.rs`) or as a stream (`stream.rs`). When its client leaves, the sights of its searches are
//! dropped, and the engine calls them off.

mod ask;
mod bodies;
mod chat;
mod completions;
mod fields;
mod models;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::future::try_join_all;
use serde_json::Value;
use tokio::sync::watch::Receiver;

use self::ask::{Ask, Streaming};
use self::bodies::{Form, Head, usage};
use self::stream::Telling;
use crate::engine::{Answer, Engine, Places, Sight};
use crate::fault::Fault;
use crate::metrics::{Meter, Metrics, Outcome};
use crate::{Model, ServeConfig};

/// What handlers share.
pub(crate) struct Shared {
    pub(crate) config: ServeConfig,
    pub(crate) models: Arc<[Model]>,
    pub(crate) engine: Engine,
    pub(crate) places: Places,
    pub(crate) metrics: Arc<Metrics>,
    /// Whether new requests are taken.
    pub(crate) ready: AtomicBool,
    /// Answers so far, which make ids unlike.
    pub(crate) count: AtomicU64,
}

/// All routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let guarded = Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/completions", post(completions))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*name}", get(models::one))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard));
    Router::new()
        .merge(guarded)
        .route("/health", get(async || "ok\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .fallback(async || error(&Fault::new(404, "not_found", "there is nothing at this path")))
        .method_not_allowed_fallback(async || {
            error(&Fault::new(405, "method_not_allowed", "this path knows another method"))
        })
        .with_state(shared)
}

fn json(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, kind, body.to_string()).into_response()
}

fn error(fault: &Fault) -> Response {
    json(fault.status, &fault.body())
}

/// Looks at the key, where there is one.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(key) = &shared.config.api_key else { return next.run(request).await };
    let shown = request.headers().get(header::AUTHORIZATION);
    let shown = shown.and_then(|shown| shown.to_str().ok()).and_then(|shown| {
        let (scheme, token) = shown.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    if shown.is_some_and(|shown| key.is(shown)) {
        return next.run(request).await;
    }
    let message = "the key is missing or wrong, expected Authorization: Bearer KEY";
    let mut response = error(&Fault::new(401, "invalid_api_key", message));
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if shared.ready.load(Ordering::Relaxed) {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, kind)], shared.metrics.text()).into_response()
}

async fn chat(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    answer(&shared, Form::Chat, request).await
}

async fn completions(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    answer(&shared, Form::Text, request).await
}

async fn answer(shared: &Arc<Shared>, form: Form, request: Request) -> Response {
    let mut meter = Meter::start(Arc::clone(&shared.metrics));
    match searched(shared, form, request).await {
        Ok(Searched { ask, head, sights, streaming: Some(streaming) }) => {
            let words = shared.models[ask.model()].words.clone().filter(|_| ask.logprobs);
            let telling = Telling {
                head,
                n: ask.n,
                streaming,
                words,
                pause: Duration::from_secs_f64(shared.config.progress_seconds),
                meter,
            };
            stream::respond(telling, sights)
        }
        Ok(searched) => match whole(shared, searched).await {
            Ok(body) => {
                meter.settle(Outcome::Answered);
                json(200, &body)
            }
            Err(fault) => refuse(shared, &mut meter, &fault),
        },
        Err(fault) => refuse(shared, &mut meter, &fault),
    }
}

fn refuse(shared: &Shared, meter: &mut Meter, fault: &Fault) -> Response {
    meter.settle(Outcome::of_status(fault.status));
    let mut response = error(fault);
    if fault.status == 429 {
        let seconds = HeaderValue::from(shared.config.retry_seconds);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// A request whose searches are under way.
struct Searched {
    ask: Ask,
    head: Head,
    sights: Vec<Receiver<Sight>>,
    streaming: Option<Streaming>,
}

async fn searched(shared: &Arc<Shared>, form: Form, request: Request) -> Result<Searched, Fault> {
    let (arrived, config) = (Instant::now(), &shared.config);
    if !shared.ready.load(Ordering::Relaxed) {
        return Err(Fault::stopping());
    }
    let body = read(request.into_body(), config).await?;
    let ask = match form {
        Form::Chat => chat::read(&body, &shared.models, config)?,
        Form::Text => completions::read(&body, &shared.models, config)?,
    };
    let full = || {
        let message = format!(
            "{} searches run and {} wait already, as many as may: ask again later",
            config.in_flight, config.queue
        );
        Fault::new(429, "server_full", message)
    };
    let places = shared.places.take(ask.searches()).ok_or_else(full)?;
    let (jobs, sights) = ask.jobs(places, arrived);
    for job in jobs {
        shared.engine.solve(job)?;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (kind, number) = match form {
        Form::Chat => ("chatcmpl", shared.count.fetch_add(1, Ordering::Relaxed)),
        Form::Text => ("cmpl", shared.count.fetch_add(1, Ordering::Relaxed)),
    };
    let head = Head {
        form,
        id: format!("{kind}-{:x}-{number}", since.as_nanos()),
        created: since.as_secs(),
        model: ask.named.clone(),
    };
    Ok(Searched { streaming: ask.streaming, ask, head, sights })
}

async fn read(body: Body, config: &ServeConfig) -> Result<axum::body::Bytes, Fault> {
    let most = config.body_bytes;
    let time = Duration::from_secs_f64(config.read_seconds);
    match tokio::time::timeout(time, to_bytes(body, most)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if std::error::Error::source(&error).is_some_and(is_too_long) => {
            Err(Fault::new(413, "body_too_large", format!("the body is over {most} bytes")))
        }
        Ok(Err(error)) => Err(Fault::new(400, "body_lost", format!("the body broke off: {error}"))),
        Err(_) => {
            let message = format!("the body took over {} seconds", config.read_seconds);
            Err(Fault::new(408, "body_too_slow", message))
        }
    }
}

/// Whether a body was over its limit: the error says so by its text alone.
fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    error.to_string().contains("length limit exceeded")
}

/// Waits for all answers, or for the first fault: the other searches are called off then, as nobody looks at
/// them any more.
async fn whole(shared: &Shared, searched: Searched) -> Result<Value, Fault> {
    let Searched { ask, head, sights, .. } = searched;
    let answers = try_join_all(sights.into_iter().map(answer_of)).await?;
    let answers: Vec<&Answer> = answers.iter().collect();
    let words = shared.models[ask.model()].words.as_deref().filter(|_| ask.logprobs);
    let told = |&answer: &&Answer| words.map_or(Value::Null, |words| head.logprobs(answer, words));
    let choices: Vec<(&Answer, Value)> = answers.iter().map(|a| (*a, told(a))).collect();
    Ok(head.whole(&choices, usage(&answers, ask.n)))
}

/// How a search ends.
async fn answer_of(mut sight: Receiver<Sight>) -> Result<Answer, Fault> {
    let seen = sight.wait_for(|sight| sight.over.is_some()).await;
    let over = seen.ok().and_then(|seen| seen.over.clone());
    let over = over.ok_or_else(|| Fault::new(500, "internal", "the search was lost"))?;
    Result::clone(&over)
}
