//! Servers with the same model, and calls that are made again, or elsewhere, where one fails.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use super::circuit::Circuit;
use super::cold::{Cold, Marks};
use super::dialect::{Dialect, Post};
use super::facts::Facts;
use super::gate::{Gate, Permit};
use super::http::Http;
use super::ledger::Ledger;
use super::text::Interface;
use super::{Calls, Logprobs, RemoteConfig, RemoteError, retry};
use serde_json::Value;
use tts_core::seed;

/// One server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) http: Http,
    pub(super) facts: Facts,
    pub(super) gate: Arc<Gate>,
    circuit: Circuit,
}

/// How servers are spoken to.
#[derive(Debug)]
pub(super) enum Speech {
    /// In token ids.
    Ids(Box<dyn Dialect>),
    /// In text.
    Text(Interface),
}

/// What a call to one server comes to.
pub(super) type Answering<'c, T> =
    Pin<Box<dyn Future<Output = Result<T, RemoteError>> + Send + 'c>>;

/// All of them, and how they are used.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) all: Vec<Server>,
    pub(super) speech: Speech,
    pub(super) config: RemoteConfig,
    pub(super) ledger: Ledger,
    pub(super) marks: Marks,
}

impl Server {
    pub(super) fn new(http: Http, facts: Facts, lines: usize, slots: bool) -> Self {
        Self { http, facts, gate: Gate::new(lines, slots), circuit: Circuit::default() }
    }

    async fn post(&self, post: &Post) -> Result<Value, RemoteError> {
        let (path, body) = post;
        self.noted(self.http.post(path, body).await)
    }

    /// An answer, after it was noted whether the server is well.
    pub(super) fn noted<T>(&self, answer: Result<T, RemoteError>) -> Result<T, RemoteError> {
        match &answer {
            Err(error) if error.is_failure() => self.circuit.failed(error, Instant::now()),
            _ => self.circuit.succeeded(),
        }
        answer
    }
}

/// A server, and a slot of it, that a line keeps as long as it runs.
#[derive(Debug)]
pub(super) struct Place {
    server: usize,
    permit: Permit,
}

impl Servers {
    /// Which log-probabilities steps have.
    pub(super) fn logprobs(&self) -> Logprobs {
        match self.speech {
            Speech::Ids(_) => self.config.logprobs.unwrap_or(Logprobs::Model),
            Speech::Text(_) => Logprobs::Off,
        }
    }

    pub(super) fn wants_logprobs(&self) -> bool {
        self.logprobs() != Logprobs::Off
    }

    /// What is asked in one call.
    pub(super) fn calls(&self) -> Calls {
        match self.speech {
            Speech::Ids(_) => self.config.calls.unwrap_or(Calls::Steps),
            Speech::Text(_) => Calls::Lines,
        }
    }

    /// The mark of a call, where prefixes must not come from a server's cache.
    pub(super) fn cold(&self) -> Option<Cold> {
        (!self.config.cache).then(|| self.marks.next())
    }

    /// How token ids are sent.
    ///
    /// # Errors
    /// When the servers take text.
    pub(super) fn dialect(&self) -> Result<&dyn Dialect, RemoteError> {
        match &self.speech {
            Speech::Ids(dialect) => Ok(&**dialect),
            Speech::Text(_) => Err(RemoteError::Unsupported {
                url: self.all.first().map_or_else(String::new, |s| s.http.base().to_owned()),
                what: "it takes text, not token ids: nothing can be judged there".into(),
            }),
        }
    }

    pub(super) fn server(&self, place: &Place) -> &Server {
        &self.all[place.server]
    }

    pub(super) fn slot(place: &Place) -> Option<usize> {
        place.permit.slot()
    }

    /// The servers in the order in which a problem asks them: each problem has one of its own.
    fn order(&self, problem: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        order.sort_by_key(|&server| seed::hash_text(problem, self.all[server].http.base()));
        order
    }

    /// Waits for a slot on the first server that is not resting.
    async fn enter(&self, problem: u64, tokens: &[u32]) -> Result<Place, RemoteError> {
        let order = self.order(problem);
        let mut soonest = None;
        for &server in &order {
            match self.all[server].circuit.admit(Instant::now()) {
                None => {
                    let permit = self.all[server].gate.enter(tokens.into()).await;
                    let lost = || RemoteError::config("gate", "the line was lost");
                    return Ok(Place { server, permit: permit.ok_or_else(lost)? });
                }
                Some(rest) => soonest = soonest.min(Some(rest)).or(Some(rest)),
            }
        }
        tokio::time::sleep(soonest.unwrap_or_default()).await;
        let first = &self.all[order[0]];
        Err(first.circuit.error(first.http.base()))
    }

    /// Makes a call behind `tokens`, again and elsewhere if it must, and reads its answer. `place` is where
    /// the line runs, and where it ran last afterwards.
    ///
    /// # Errors
    /// The last one, when the attempts are used up or the call is at fault.
    pub(super) async fn call<T>(
        &self,
        problem: u64,
        line: u64,
        tokens: &[u32],
        place: &mut Option<Place>,
        make: impl Fn(&Server, Option<usize>) -> Post + Sync,
        read: impl Fn(&Server, Value) -> Result<T, String> + Sync,
    ) -> Result<T, RemoteError> {
        let (make, read) = (&make, &read);
        let one = |server: usize, slot: Option<usize>| -> Answering<'_, T> {
            Box::pin(async move {
                let server = &self.all[server];
                let post = make(server, slot);
                let answer = server.post(&post).await?;
                read(server, answer)
                    .map_err(|problem| RemoteError::answer(server.http.url(post.0), problem))
            })
        };
        self.call_by(problem, line, tokens, place, &one).await
    }

    /// The same, by any way to ask one server.
    pub(super) async fn call_by<'c, T>(
        &'c self,
        problem: u64,
        line: u64,
        tokens: &[u32],
        place: &mut Option<Place>,
        one: &(impl Fn(usize, Option<usize>) -> Answering<'c, T> + Sync),
    ) -> Result<T, RemoteError> {
        let mut repetition = 0;
        loop {
            let error = match self.once(problem, tokens, place, one).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            // Its slot is for others meanwhile, and another server may be there for it.
            *place = None;
            let pause = retry::again(&self.config, error, repetition, line)
                .inspect_err(|_| self.ledger.failed())?;
            repetition += 1;
            self.ledger.repeated();
            tokio::time::sleep(pause).await;
        }
    }

    async fn once<'c, T>(
        &'c self,
        problem: u64,
        tokens: &[u32],
        place: &mut Option<Place>,
        one: &(impl Fn(usize, Option<usize>) -> Answering<'c, T> + Sync),
    ) -> Result<T, RemoteError> {
        if place.is_none() {
            *place = Some(self.enter(problem, tokens).await?);
        }
        let Some(here) = place.as_ref() else {
            return Err(RemoteError::config("gate", "the line was lost"));
        };
        one(here.server, Self::slot(here)).await
    }
}

impl Place {
    /// Tells what its slot holds by now.
    pub(super) fn holds(&self, tokens: &[u32]) {
        self.permit.holds(tokens);
    }
}
