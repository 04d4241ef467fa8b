//! What a server of text shows when it is tried out: the same seed twice, and others.
//!
//! A line is short, and long where a short one says nothing: some models think first, and what they think is put aside
//! by the server. Two seeds may come to the same few words by chance, so several are looked at before it is said that they
//! do not count.
//!
//! Source: none.

use tts_core::{Message, Role, Sampling, StepRule, seed};

use super::Said;
use super::interface::{Interface, Wanted};
use super::line::{Written, ask};
use crate::remote::call::Ended;
use crate::remote::self_test::{MOST_TOKENS, TOKENS};
use crate::remote::server::{Answering, Servers};
use crate::remote::{RemoteError, SelfTest};
use crate::write::Cutter;

/// Seeds that are compared with the first.
const OTHERS: std::ops::RangeInclusive<u64> = 2..=5;

/// What is asked: something with many answers.
const QUESTION: &str = "Write a list of random words, without any order:";

/// Tries out the first server; `None` where it writes nothing within [`MOST_TOKENS`].
pub(in crate::remote) async fn run(
    servers: &Servers,
    interface: &Interface,
) -> Result<Option<SelfTest>, RemoteError> {
    let mut most = TOKENS;
    let (mut first, ended) = line(servers, interface, 1, most).await?;
    if first.is_empty() && ended == Some(Ended::Length) {
        most = MOST_TOKENS;
        (first, _) = line(servers, interface, 1, most).await?;
    }
    if first.is_empty() {
        return Ok(None);
    }
    let (again, _) = line(servers, interface, 1, most).await?;
    let mut seeds_count = false;
    for number in OTHERS {
        let (other, _) = line(servers, interface, number, most).await?;
        seeds_count |= other != again;
        if seeds_count {
            break;
        }
    }
    let repeats = first == again;
    Ok(Some(SelfTest { repeats, cached_as_cold: None, seeds_count, logprob_difference: None }))
}

/// What is written from a seed, and why it ended.
async fn line(
    servers: &Servers,
    interface: &Interface,
    number: u64,
    most: u32,
) -> Result<(String, Option<Ended>), RemoteError> {
    let said = if interface.chats() {
        let message = Message { role: Role::User, content: QUESTION.into() };
        Said::Chat(vec![message], String::new())
    } else {
        Said::Raw(QUESTION.into())
    };
    let (said, sampling) = (&said, &Sampling::temperature(1.0));
    let one = |server: usize, _| -> Answering<'_, Written> {
        Box::pin(async move {
            let rule = StepRule { delimiters: Vec::new(), ..StepRule::default() };
            let cutter = Cutter::new(&rule, "", "", usize::MAX)?;
            let seed = seed::mix(0x5e1f, number);
            let wanted = Wanted { said, most, seed, sampling };
            ask(servers, interface, server, &wanted, cutter).await
        })
    };
    let written = servers.call_by(0, 0, &[], &mut None, &one).await?;
    let used = written.used.unwrap_or_default();
    servers.ledger.answered(used.prompt, used.cached, used.generated);
    Ok((written.cutter.steps().collect(), written.ended))
}
