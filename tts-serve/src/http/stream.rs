//! An answer as server-sent events: progress, text that is sure, the end, `[DONE]`.
//!
//! Progress goes as comments (`: tts.progress {...}`), which every client passes over, and, to a client that
//! asks for it, as chunks that bring no text.
//!
//! Source: the HTML standard, section 9.2 (server-sent events), and OpenAI's API reference.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::select_all;
use futures_util::stream::{self, Stream};
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;

use super::ask::Streaming;
use super::bodies::{Head, Part, usage};
use crate::engine::{Answer, Progress, Sight};
use crate::fault::Fault;
use crate::metrics::{Meter, Outcome};
use crate::model::Words;

/// An answer that is being told.
pub(super) struct Telling {
    pub(super) head: Head,
    pub(super) n: usize,
    pub(super) streaming: Streaming,
    /// What log-probabilities are told with, if they are asked for.
    pub(super) words: Option<Arc<dyn Words>>,
    /// The shortest time between two tellings of progress.
    pub(super) pause: Duration,
    pub(super) meter: Meter,
}

/// One search as its client knows it.
struct Choice {
    sight: Receiver<Sight>,
    /// Bytes of text that were sent.
    sent: usize,
    progress: Progress,
    told: Option<Instant>,
    over: Option<Arc<Result<Answer, Fault>>>,
}

struct State {
    telling: Telling,
    choices: Vec<Choice>,
    out: VecDeque<Event>,
    done: bool,
}

/// The response that tells these searches.
pub(super) fn respond(telling: Telling, sights: Vec<Receiver<Sight>>) -> Response {
    let mut out = VecDeque::new();
    for index in 0..sights.len() {
        out.push_back(data(&telling.head.chunk(index, &Part::Begin)));
    }
    let choice =
        |sight| Choice { sight, sent: 0, progress: Progress::default(), told: None, over: None };
    let choices = sights.into_iter().map(choice).collect();
    let state = State { telling, choices, out, done: false };
    Sse::new(events(state)).keep_alive(KeepAlive::default()).into_response()
}

fn events(state: State) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(state, |mut state| async move {
        loop {
            if let Some(event) = state.out.pop_front() {
                return Some((Ok(event), state));
            }
            if state.done {
                return None;
            }
            state.look();
            if state.out.is_empty() && !state.done {
                state.wait().await;
            }
        }
    })
}

impl State {
    /// Waits for any search to change.
    async fn wait(&mut self) {
        let open = self.choices.iter_mut().filter(|choice| choice.over.is_none());
        let changes: Vec<_> = open.map(|choice| Box::pin(choice.sight.changed())).collect();
        if changes.is_empty() {
            return;
        }
        let (changed, _, _) = select_all(changes).await;
        if changed.is_err() {
            // Whoever searched is gone without a word.
            self.fail(&Fault::new(500, "internal", "the search was lost"));
        }
    }

    /// Tells what is new.
    fn look(&mut self) {
        for index in 0..self.choices.len() {
            if let Err(fault) = self.look_at(index) {
                return self.fail(&fault);
            }
        }
        let over: Vec<_> = self.choices.iter().filter_map(|choice| choice.over.clone()).collect();
        let answers: Vec<&Answer> =
            over.iter().filter_map(|over| over.as_ref().as_ref().ok()).collect();
        if answers.len() < self.choices.len() {
            return;
        }
        if self.telling.streaming.usage {
            let usage = usage(&answers, self.telling.n);
            self.out.push_back(data(&self.telling.head.last(usage)));
        }
        self.telling.meter.settle(Outcome::Answered);
        self.finish();
    }

    fn look_at(&mut self, index: usize) -> Result<(), Fault> {
        let Self { telling, choices, out, .. } = self;
        let (choice, head) = (&mut choices[index], &telling.head);
        if choice.over.is_some() {
            return Ok(());
        }
        let sight = choice.sight.borrow_and_update().clone();
        let due = choice.told.is_none_or(|told| told.elapsed() >= telling.pause);
        if sight.progress != choice.progress && (due || sight.over.is_some()) {
            (choice.progress, choice.told) = (sight.progress, Some(Instant::now()));
            let comment = json!({"index": index, "progress": sight.progress});
            out.push_back(Event::default().comment(format!("tts.progress {comment}")));
            if telling.streaming.progress {
                out.push_back(data(&head.chunk(index, &Part::Progress(sight.progress))));
            }
        }
        let text = match sight.over.as_deref() {
            Some(Err(fault)) => return Err(fault.clone()),
            Some(Ok(answer)) => &answer.text,
            None => &sight.sure,
        };
        // What is sure only grows.
        if let Some(more) = text.get(choice.sent..).filter(|more| !more.is_empty()) {
            out.push_back(data(&head.chunk(index, &Part::More(more))));
            choice.sent = text.len();
        }
        if let Some(Ok(answer)) = sight.over.as_deref() {
            let words = telling.words.as_deref();
            let logprobs = words.map_or(Value::Null, |words| head.logprobs(answer, words));
            out.push_back(data(&head.chunk(index, &Part::End(answer, logprobs))));
        }
        choice.over = sight.over;
        Ok(())
    }

    fn fail(&mut self, fault: &Fault) {
        self.telling.meter.settle(Outcome::of_status(fault.status));
        self.out.push_back(data(&fault.body()));
        self.finish();
    }

    /// The end; searches that still run are called off.
    fn finish(&mut self) {
        self.out.push_back(Event::default().data("[DONE]"));
        self.choices.clear();
        self.done = true;
    }
}

fn data(body: &Value) -> Event {
    Event::default().data(body.to_string())
}
