//! Lines in flight on servers, as a [`Session`]: each goes on by itself, and is taken when it is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::task::AbortHandle;
use tts_core::{BoxError, Finished, LineError, LineId, Request, Session, seed};

use super::Remote;
use super::line::{Line, Ran};
use super::server::Speech;
use super::text::Said;
use crate::ModelError;

/// How long a look at what has arrived may wait: other generators work in turn with this one.
const LOOK: Duration = Duration::from_millis(1);

pub(super) struct RemoteSession<'r> {
    remote: &'r Remote,
    next: u64,
    /// Lines in flight, with what calls them off.
    flying: BTreeMap<LineId, Option<AbortHandle>>,
    tell: Sender<Finished>,
    told: Receiver<Finished>,
}

impl<'r> RemoteSession<'r> {
    pub(super) fn new(remote: &'r Remote) -> Self {
        let (tell, told) = channel();
        Self { remote, next: 0, flying: BTreeMap::new(), tell, told }
    }

    /// The lines of a request, ready to run.
    fn lines(&self, request: Request, first: u64) -> Result<Vec<Line>, ModelError> {
        let Remote { servers, words, .. } = self.remote;
        self.remote.check(&request)?;
        let problem = seed::prompt(0, request.prefix.asked());
        let request = Arc::new(request);
        let (prefix, writer) = words.begin(&request, self.remote.positions())?;
        if let Speech::Text(interface) = &servers.speech {
            Said::of(interface, words, &request, &prefix)?;
        }
        let prefix = Arc::new(prefix);
        let line = |(id, &seed): (u64, &u64)| Line {
            id: LineId(id),
            servers: Arc::clone(servers),
            words: Arc::clone(words),
            request: Arc::clone(&request),
            prefix: Arc::clone(&prefix),
            writer: writer.seeded(seed),
            seed,
            problem,
        };
        Ok((first..).zip(&request.seeds).map(line).collect())
    }

    /// One more result, if its line is still wanted.
    fn take(&mut self, finished: Finished, out: &mut Vec<Finished>) {
        if self.flying.remove(&finished.line).is_some() {
            out.push(finished);
        }
    }

    /// What has arrived, without waiting.
    fn arrived(&mut self, out: &mut Vec<Finished>) {
        while let Ok(finished) = self.told.try_recv() {
            self.take(finished, out);
        }
    }
}

fn failed(line: LineId, error: &ModelError) -> Finished {
    let result = Err(LineError(error.to_string()));
    Finished { line, result, computed_tokens: 0, cached_tokens: 0 }
}

impl Session for RemoteSession<'_> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let first = self.next;
        self.next += request.seeds.len() as u64;
        let ids: Vec<LineId> = (first..self.next).map(LineId).collect();
        match self.lines(request, first) {
            Ok(lines) => {
                for line in lines {
                    let (id, tell) = (line.id, self.tell.clone());
                    let work = async move {
                        let Ran { result, computed, cached } = line.run().await;
                        let (computed_tokens, cached_tokens) = (computed, cached);
                        // The session may be gone.
                        let _ = tell.send(Finished {
                            line: id,
                            result,
                            computed_tokens,
                            cached_tokens,
                        });
                    };
                    self.flying.insert(id, self.remote.runtime.spawn(work));
                }
            }
            Err(error) => {
                for &id in &ids {
                    self.flying.insert(id, None);
                    let _ = self.tell.send(failed(id, &error));
                }
            }
        }
        ids
    }

    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        let mut out = Vec::new();
        while out.is_empty() && !self.flying.is_empty() {
            let finished = self.told.recv()?;
            self.take(finished, &mut out);
            self.arrived(&mut out);
        }
        Ok(out)
    }

    fn step(&mut self) -> Result<Vec<Finished>, BoxError> {
        let mut out = Vec::new();
        self.arrived(&mut out);
        if out.is_empty() && !self.flying.is_empty() {
            match self.told.recv_timeout(LOOK) {
                Ok(finished) => self.take(finished, &mut out),
                Err(RecvTimeoutError::Timeout) => {}
                Err(error @ RecvTimeoutError::Disconnected) => return Err(error.into()),
            }
        }
        Ok(out)
    }

    /// Its connection is closed, by which servers know that nobody waits.
    fn cancel(&mut self, line: LineId) {
        if let Some(Some(work)) = self.flying.remove(&line) {
            work.abort();
        }
    }
}

impl Drop for RemoteSession<'_> {
    fn drop(&mut self) {
        for work in self.flying.values().flatten() {
            work.abort();
        }
    }
}
