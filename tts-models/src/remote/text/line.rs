//! One line on a server of text: its answer is read as it comes, and cut where the line ends.

use std::sync::Arc;

use serde_json::Value;
use tts_core::{Completion, Finish, seed};

use super::interface::{Event, Interface, Used, Wanted};
use super::{Said, text};
use crate::engine::sampling::{Sampled, Signals};
use crate::remote::RemoteError;
use crate::remote::call::Ended;
use crate::remote::line::Line;
use crate::remote::server::{Answering, Place, Servers};
use crate::remote::stream::Flow;
use crate::write::Cutter;

/// What a server wrote.
pub(super) struct Written {
    pub(super) cutter: Cutter,
    /// `None` where it was cut here.
    pub(super) ended: Option<Ended>,
    pub(super) used: Option<Used>,
}

/// Asks for an answer, and reads it until there is enough of it.
pub(super) async fn ask(
    servers: &Servers,
    interface: &Interface,
    server: usize,
    wanted: &Wanted<'_>,
    mut cutter: Cutter,
) -> Result<Written, RemoteError> {
    let server = &servers.all[server];
    let (path, body) = (interface.path(), interface.body(&server.facts, wanted));
    let (mut ended, mut used) = (None, None);
    let mut take = |event: &Value| -> Result<Flow, String> {
        let Event { text, ended: end, used: told } = interface.event(event)?;
        used = told.or(used);
        if cutter.push(&text) {
            return Ok(Flow::Enough);
        }
        ended = end.or(ended.take());
        Ok(match ended {
            None => Flow::More,
            Some(_) if interface.ends_at_once() => Flow::Last,
            Some(_) => Flow::Complete,
        })
    };
    server.noted(server.http.stream(path, &body, &mut take).await)?;
    let short = |problem| RemoteError::answer(server.http.url(path), problem);
    interface.check_read(&server.facts, used).map_err(short)?;
    Ok(Written { cutter, ended, used })
}

impl Line {
    /// Writes the line by text.
    pub(in crate::remote) async fn write_text(
        &mut self,
        interface: &Interface,
        computed: &mut u64,
        cached: &mut u64,
    ) -> Result<Completion, RemoteError> {
        let tokenizer = Arc::clone(&self.words.text().tokenizer);
        let said = Said::of(interface, &self.words, &self.request, &self.prefix)?;
        let mut tokens = self.prefix.tokens.clone();
        let mut place = None;
        loop {
            let (most, behind) = (self.writer.most(false), self.writer.generated());
            let seed = if behind == 0 { self.seed } else { seed::mix(self.seed, behind.into()) };
            let said = said.and(&text(&tokenizer, &tokens[self.prefix.tokens.len()..])?);
            let Written { cutter, ended, used } =
                self.answer_of(interface, &tokens, &said, most, seed, &mut place).await?;
            let before = tokens.len();
            let mut done = None;
            let steps: Vec<String> = cutter.steps().map(str::to_owned).collect();
            for step in steps {
                let words = tokenizer.encode_after(&tokens, &step, false)?;
                for token in words {
                    if done.is_some() {
                        self.servers.ledger.dropped(1);
                        continue;
                    }
                    tokens.push(token);
                    done = self.writer.take(drawn(token), false, &tokenizer);
                }
            }
            let mut written = (tokens.len() - before) as u64;
            if let (None, Some(Ended::Model)) = (&done, &ended) {
                done = Some(match self.words.end_tokens().first() {
                    Some(&end) => {
                        written += 1;
                        let done = self.writer.take(drawn(end), true, &tokenizer);
                        done.unwrap_or_else(|| self.writer.stop(Finish::Stop, &tokenizer))
                    }
                    None => self.writer.stop(Finish::Stop, &tokenizer),
                });
            }
            // By the count of this side where the server's did not come.
            let own = Used { prompt: before as u64, cached: 0, generated: written };
            let Used { prompt, cached: known, generated } = used.unwrap_or(own);
            let known = known.min(prompt);
            *computed += prompt - known + generated;
            *cached += known;
            self.servers.ledger.answered(prompt, known, generated);
            if let Some(Ended::Failed(problem)) = ended {
                return Err(self.answer(place.as_ref(), problem));
            }
            if let Some(done) = done {
                return Ok(self.without_logprobs(done));
            }
            let end = match ended {
                // The server's tokens are others than those here: there may be room for more.
                Some(Ended::Length) if written > 0 && interface.continues() => None,
                Some(Ended::Length | Ended::Repetition) if written > 0 => Some(Finish::Length),
                Some(Ended::Length) if behind > 0 => Some(Finish::Context),
                _ if written == 0 => {
                    return Err(self.answer(place.as_ref(), "no text, expected some".into()));
                }
                _ if interface.continues() => None,
                _ => {
                    let problem =
                        "it went past the end of a step, and cannot be made to go on".into();
                    return Err(self.answer(place.as_ref(), problem));
                }
            };
            if let Some(finish) = end {
                let done = self.writer.stop(finish, &tokenizer);
                return Ok(self.without_logprobs(done));
            }
        }
    }

    /// One answer, from any of the servers.
    async fn answer_of(
        &self,
        interface: &Interface,
        tokens: &[u32],
        said: &Said,
        most: u32,
        seed: u64,
        place: &mut Option<Place>,
    ) -> Result<Written, RemoteError> {
        let (servers, request) = (&*self.servers, &*self.request);
        let tokenizer = &self.words.text().tokenizer;
        // What the present step holds already.
        let given = if self.writer.steps() == 0 { self.prefix.given } else { 0 };
        let begun = tokens.len() - self.writer.in_step() as usize - given;
        let (before, begun) = tokens[self.prefix.prompt..].split_at(begun - self.prefix.prompt);
        let (before, begun) = (text(tokenizer, before)?, text(tokenizer, begun)?);
        let left = (request.rule.max_steps as usize).saturating_sub(request.prefix.len());
        let wanted = request.until.most_steps().min(left.max(1));
        let steps = wanted.saturating_sub(self.writer.steps()).max(1);
        let (before, begun, sampling) = (&before, &begun, &request.sampling);
        let one = |server: usize, _| -> Answering<'_, Written> {
            Box::pin(async move {
                let cutter = Cutter::new(&request.rule, before, begun, steps)?;
                let wanted = Wanted { said, most, seed, sampling };
                ask(servers, interface, server, &wanted, cutter).await
            })
        };
        servers.call_by(self.problem, self.seed, tokens, place, &one).await
    }
}

/// A token of which nothing is known but that it was written.
fn drawn(token: u32) -> Sampled {
    Sampled { token, logprob: 0.0, signals: Signals::default() }
}
