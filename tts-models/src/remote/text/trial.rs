//! What a server of text shows when it is tried out: the same seed twice, and another seed.

use tts_core::{Message, Role, Sampling, StepRule, seed};

use super::Said;
use super::interface::{Interface, Wanted};
use super::line::{Written, ask};
use crate::remote::server::{Answering, Servers};
use crate::remote::{RemoteError, SelfTest};
use crate::write::Cutter;

/// Tokens of a line.
const TOKENS: u32 = 24;

/// What is asked: something with many answers.
const QUESTION: &str = "Write a list of random words, without any order:";

/// Tries out the first server.
pub(in crate::remote) async fn run(
    servers: &Servers,
    interface: &Interface,
) -> Result<SelfTest, RemoteError> {
    let first = line(servers, interface, 1).await?;
    let again = line(servers, interface, 1).await?;
    let other = line(servers, interface, 2).await?;
    Ok(SelfTest {
        repeats: first == again,
        cached_as_cold: None,
        seeds_count: again != other,
        logprob_difference: None,
    })
}

async fn line(
    servers: &Servers,
    interface: &Interface,
    number: u64,
) -> Result<String, RemoteError> {
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
            let wanted = Wanted { said, most: TOKENS, seed, sampling };
            ask(servers, interface, server, &wanted, cutter).await
        })
    };
    let written = servers.call_by(0, 0, &[], &mut None, &one).await?;
    let used = written.used.unwrap_or_default();
    servers.ledger.answered(used.prompt, used.cached, used.generated);
    Ok(written.cutter.steps().collect())
}
