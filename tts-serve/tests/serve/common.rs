//! A server on a port of its own, a client of few words, and a generator that can be held.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{
    BoxError, Finished, Generated, Generator, LineError, LineId, Prompt, Request, Sampling,
    Session, StepRule,
};
use tts_serve::{Model, ServeConfig, ServeError, Words, serve};

pub(crate) const WORLD: ToyWorld = ToyWorld { additions: 4, error: 0.3, seed: 0 };

/// A toy world whose lines are held while it is told to, and counted.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) shut: AtomicBool,
    pub(crate) flying: AtomicUsize,
    pub(crate) given: AtomicUsize,
    /// After how many lines it is held for good; 0 for never.
    pub(crate) last: AtomicUsize,
    written: AtomicUsize,
    /// Whether it breaks at the next piece of work.
    pub(crate) broken: AtomicBool,
    /// The question whose lines fail, whatever is held.
    pub(crate) lost: Mutex<String>,
}

struct HeldSession<'a> {
    held: &'a Held,
    waiting: Vec<(LineId, Request)>,
}

impl Generator for Held {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        WORLD.generate(batch)
    }
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(HeldSession { held: self, waiting: Vec::new() })
    }
}

impl Session for HeldSession<'_> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let one = |&seed: &u64| {
            let id = LineId(self.held.given.fetch_add(1, Ordering::SeqCst) as u64);
            self.held.flying.fetch_add(1, Ordering::SeqCst);
            (id, Request { seeds: vec![seed], ..request.clone() })
        };
        let lines: Vec<_> = request.seeds.iter().map(one).collect();
        let ids = lines.iter().map(|(id, _)| *id).collect();
        self.waiting.extend(lines);
        ids
    }
    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        self.step()
    }
    fn step(&mut self) -> Result<Vec<Finished>, BoxError> {
        if self.held.broken.load(Ordering::SeqCst) {
            self.held.flying.fetch_sub(self.waiting.len(), Ordering::SeqCst);
            self.waiting.clear();
            return Err("out of order".into());
        }
        let lost = self.held.lost.lock().expect("not poisoned").clone();
        let lost = |(_, request): &(LineId, Request)| request.prefix.prompt().question() == lost;
        if let Some(place) = self.waiting.iter().position(lost) {
            let (line, _) = self.waiting.remove(place);
            self.held.flying.fetch_sub(1, Ordering::SeqCst);
            let result = Err(LineError("lost".to_owned()));
            return Ok(vec![Finished { line, result, computed_tokens: 1, cached_tokens: 0 }]);
        }
        let last = self.held.last.load(Ordering::SeqCst);
        let over = last > 0 && self.held.written.load(Ordering::SeqCst) >= last;
        if self.held.shut.load(Ordering::SeqCst) || over || self.waiting.is_empty() {
            return Ok(Vec::new());
        }
        self.held.written.fetch_add(1, Ordering::SeqCst);
        let (line, request) = self.waiting.remove(0);
        self.held.flying.fetch_sub(1, Ordering::SeqCst);
        let result = WORLD.generate(&[request])?.remove(0).lines.remove(0);
        Ok(vec![Finished { line, result, computed_tokens: 1, cached_tokens: 0 }])
    }
    fn cancel(&mut self, line: LineId) {
        let before = self.waiting.len();
        self.waiting.retain(|(id, _)| *id != line);
        self.held.flying.fetch_sub(before - self.waiting.len(), Ordering::SeqCst);
    }
}

/// Tokens of the toy world are bytes.
struct Bytes;

impl Words for Bytes {
    fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, String> {
        let question = prompt.question();
        if question.contains('~') {
            return Err("'~' is no sign of sums".into());
        }
        Ok(question.bytes().map(u32::from).collect())
    }
    fn bytes(&self, token: u32) -> Vec<u8> {
        u8::try_from(token).into_iter().collect()
    }
    fn positions(&self) -> usize {
        400
    }
}

/// `toy`, with an oracle and a noisy one, and its words.
pub(crate) fn toy() -> Model {
    Model::new("toy", Arc::new(WORLD))
        .scorer("oracle", Arc::new(Oracle { noise: 0.0, seed: 0 }))
        .scorer("noisy", Arc::new(Oracle { noise: 0.9, seed: 3 }))
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0))
        .words(Arc::new(Bytes))
}

/// `held`, the same behind a gate and without words.
pub(crate) fn held(held: &Arc<Held>) -> Model {
    let generator: Arc<Held> = Arc::clone(held);
    Model { name: "held".into(), generator, words: None, ..toy() }
}

pub(crate) struct Server {
    pub(crate) address: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Server {
    pub(crate) fn start(config: &ServeConfig, models: Vec<Model>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let config = config.clone();
        let stopped = async {
            let _ = stopped.await;
        };
        let thread = std::thread::spawn(move || serve(&config, models, listener, stopped));
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// With the default limits.
    pub(crate) fn toy() -> Self {
        Self::start(&ServeConfig::default(), vec![toy()])
    }

    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
    }

    /// Waits for its end.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic").expect("in good order");
        }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let (status, body, _) = said(get(&format!("http://{}{path}", self.address)));
        (status, body)
    }

    pub(crate) fn post_text(&self, path: &str, body: &str) -> (u16, String) {
        let (status, body, _) = said(self.request(path).send(body));
        (status, body)
    }

    pub(crate) fn request(&self, path: &str) -> Post {
        post(&format!("http://{}{path}", self.address))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.post_text(path, &body.to_string());
        (status, serde_json::from_str(&body).expect(&body))
    }

    pub(crate) fn chat(&self, body: &Value) -> Value {
        let (status, body) = self.post("/v1/chat/completions", body);
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}\n{text}")).parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if !std::thread::panicking() {
            self.join();
        }
    }
}

/// A request with a body.
pub(crate) type Post = ureq::RequestBuilder<ureq::typestate::WithBody>;
/// An answer, or why there is none.
pub(crate) type Response = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

/// Asks with a body that follows; a status is an answer, not an error.
pub(crate) fn post(url: &str) -> Post {
    ureq::post(url).config().http_status_as_error(false).build()
}

pub(crate) fn get(url: &str) -> Response {
    ureq::get(url).config().http_status_as_error(false).build().call()
}

/// Status, body, and `Retry-After`.
pub(crate) fn said(response: Response) -> (u16, String, Option<String>) {
    let mut response = response.expect("an answer");
    let retry = response.headers().get("retry-after");
    let retry = retry.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = response.body_mut().read_to_string().expect("a body");
    (response.status().as_u16(), body, retry)
}

/// A chat of one question of the toy world.
pub(crate) fn ask(model: &str, problem: u64) -> Value {
    let question = WORLD.prompt(problem).question().to_owned();
    json!({"model": model, "messages": [{"role": "user", "content": question}]})
}

/// With more fields.
pub(crate) fn with(mut body: Value, fields: &Value) -> Value {
    let more = fields.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
    body
}

/// Waits until something holds; a minute is taken for never.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs on another thread; the result comes when it does.
pub(crate) fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> mpsc::Receiver<T> {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    result
}
