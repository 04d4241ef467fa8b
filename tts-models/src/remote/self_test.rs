//! What a server promises, and what it showed: the same line twice, with other seeds, cached and not.
//!
//! The prompt is longer than the blocks that servers keep, and the lines are short. Nothing is refused for
//! what it shows: a server whose lines depend on its cache can still be searched on, but a record of it cannot be
//! repeated, and whoever reads the record is told.

use std::fmt;

use serde::{Deserialize, Serialize};
use tts_core::{Prompt, Sampling, seed};

use super::RemoteError;
use super::call::Ask;
use super::cold::Cold;
use super::server::{Server, Servers};
use crate::write::Encoder;

/// Tokens of a line.
pub(super) const TOKENS: u32 = 24;

/// The same where so few say nothing, because a model thinks first and the server puts that aside.
pub(super) const MOST_TOKENS: u32 = 16 * TOKENS;

/// Words of the prompt, in no order, so that nothing is sure to follow: more than the 128 tokens of the
/// largest blocks that are kept.
const WORDS: usize = 200;
const LIST: [&str; 16] = [
    "river", "seven", "green", "walks", "under", "paper", "cold", "music", "lamp", "north",
    "bread", "quick", "stone", "early", "ship", "garden",
];

/// What was seen when a server was tried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// The same line again, with its prefix from the cache both times, has the same tokens.
    pub repeats: bool,
    /// A line whose prefix comes from the cache has the tokens of one that was computed whole; `None` where
    /// the server cannot be told to compute.
    pub cached_as_cold: Option<bool>,
    /// Lines of different seeds differ.
    pub seeds_count: bool,
    /// The greatest difference of log-probabilities between the line from the cache and the one computed whole,
    /// in nats, before they part.
    pub logprob_difference: Option<f32>,
}

impl fmt::Display for SelfTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |yes: bool| if yes { "yes" } else { "NO" };
        write!(f, "same seed, same line: {}; ", yes(self.repeats))?;
        write!(f, "other seed, other line: {}; ", yes(self.seeds_count))?;
        match self.cached_as_cold {
            Some(same) => write!(f, "cached as computed: {}", yes(same))?,
            None => f.write_str("cached as computed: not tried")?,
        }
        match self.logprob_difference {
            Some(difference) => write!(f, " (log-probabilities differ by {difference:.2e})"),
            None => Ok(()),
        }
    }
}

/// Tries out the first server.
pub(super) async fn run(servers: &Servers, words: &Encoder) -> Result<SelfTest, RemoteError> {
    let mut rng = seed::rng(0x5e1f);
    let text: Vec<&str> = (0..WORDS).map(|_| LIST[rng.below(LIST.len())]).collect();
    let prompt = words.prompt_tokens(&Prompt::text(text.join(" ")))?;
    let room = servers.all.iter().map(|server| server.facts.positions).min().unwrap_or_default();
    let most = room.saturating_sub(TOKENS as usize).min(prompt.len());
    let tokens = &prompt[..most.max(1)];
    let warm = async |number: u64| line(servers, words, tokens, number, None).await;
    let cold = line(servers, words, tokens, 1, Some(servers.marks.next())).await?;
    let (warm, other) = ([warm(1).await?, warm(1).await?], warm(2).await?);
    let ids =
        |line: &[(u32, Option<f32>)]| -> Vec<u32> { line.iter().map(|(id, _)| *id).collect() };
    // A server that can be told to compute says how much it had at hand.
    let together = cold.iter().zip(&warm[1]).take_while(|((a, _), (b, _))| a == b);
    let differences =
        together.filter_map(|((_, a), (_, b))| Some((a.as_ref()? - b.as_ref()?).abs()));
    let difference = differences.reduce(f32::max);
    let tells = servers.dialect()?.check_cold().is_ok();
    Ok(SelfTest {
        repeats: ids(&warm[0]) == ids(&warm[1]),
        cached_as_cold: tells.then(|| ids(&cold) == ids(&warm[1])),
        seeds_count: ids(&warm[1]) != ids(&other),
        logprob_difference: difference.filter(|_| tells),
    })
}

async fn line(
    servers: &Servers,
    words: &Encoder,
    tokens: &[u32],
    number: u64,
    cold: Option<Cold>,
) -> Result<Vec<(u32, Option<f32>)>, RemoteError> {
    let dialect = servers.dialect()?;
    // At temperature 1 every server's log-probabilities are the model's.
    let sampling = Sampling::temperature(1.0);
    let ask = |slot| Ask {
        tokens,
        most: TOKENS,
        seed: seed::mix(0x5e1f, number),
        sampling: &sampling,
        stops: &[],
        stop_tokens: words.end_tokens(),
        logprobs: servers.wants_logprobs(),
        top: 0,
        slot,
        cold,
    };
    let make = |server: &Server, slot| dialect.ask(&server.facts, &ask(slot));
    let read = |_: &Server, answer| dialect.reply(&ask(None), answer);
    let reply = servers.call(0, 0, tokens, &mut None, make, read).await?;
    let known = reply.cached.unwrap_or(0);
    servers.ledger.answered(reply.prompt, known, reply.drawn.len() as u64);
    Ok(reply.drawn.into_iter().map(|drawn| (drawn.token, drawn.logprob)).collect())
}
