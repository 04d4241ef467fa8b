//! Policies without a model: random moves in Countdown, and slips at a known rate in chains.
//!
//! A player writes one line at a time, from the lines before it and a seed by path, so that a
//! continuation depends on prompt, path and seed alone. Tokens are bytes, and one end token; the
//! log-probability of a line shows in its last token. Both start from what was written, right or
//! wrong. At temperature 0 the most probable line is written, the first of equals.

use super::{Countdown, Operation, chain, lines};
use crate::generator::BoxError;
use crate::toy::{Draft, END};
use crate::{
    Completion, Finish, Generated, Generator, LineError, Request, Sampling, Step, Until, seed,
};

/// A line, and the probability at temperature 1 with which it was chosen.
struct Written {
    text: String,
    probability: f64,
    last: bool,
}

/// Writes the next line.
trait Player: Send + Sync {
    /// The line after `before`, or why there is none.
    fn next(
        &self,
        question: &str,
        before: &[&str],
        sampling: &Sampling,
        rng: &mut seed::Rng,
    ) -> Result<Written, LineError>;
}

/// Plays Countdown by moves drawn uniformly from the legal ones: the policy of
/// [`Countdown::random_value`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomPlayer(pub Countdown);

impl Player for RandomPlayer {
    fn next(
        &self,
        question: &str,
        before: &[&str],
        sampling: &Sampling,
        rng: &mut seed::Rng,
    ) -> Result<Written, LineError> {
        let moves = self.0.moves(question, before);
        let drawn = if sampling.is_greedy() { 0 } else { below(rng, moves.len()) };
        let line = moves.get(drawn).ok_or_else(|| {
            let place = before.last().unwrap_or(&question);
            LineError(format!("no move after {place:?}"))
        })?;
        let last = line.left.len() == 1;
        Ok(Written { text: line.to_string(), probability: 1.0 / moves.len() as f64, last })
    }
}

/// Reduces chains one operation a line, and gets a digit of a result wrong with a known
/// probability: a sample of `k` lines is free of errors with probability `(1 - error)^k`.
///
/// ```
/// use tts_core::family::{Chain, Family, Slipping};
/// use tts_core::{Search, StepRule, toy::Sample};
/// let player = Slipping { error: 0.0 };
/// let prompt = Chain::default().prompt("47+38*3-26");
/// let outcome = Search::new(&player).rule(StepRule::lines()).run(Sample { n: 1 }, prompt)?;
/// assert_eq!(outcome.text().as_deref(), Some("=47+114-26\n=161-26\n=135"));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slipping {
    /// Probability that a line is wrong, at temperature 1.
    pub error: f64,
}

impl Slipping {
    /// Probability of a slip when there are `slips` equally likely ones, at a temperature above 0.
    fn rate(self, slips: f64, temperature: f64) -> f64 {
        let right = (1.0 - self.error).powf(1.0 / temperature);
        let slip = (self.error / slips).powf(1.0 / temperature);
        slips * slip / (right + slips * slip)
    }
}

impl Player for Slipping {
    fn next(
        &self,
        question: &str,
        before: &[&str],
        sampling: &Sampling,
        rng: &mut seed::Rng,
    ) -> Result<Written, LineError> {
        let now = match before.last() {
            None => question.parse().ok(),
            Some(line) => chain::line(line),
        };
        let stuck = || LineError(format!("nothing to reduce in {:?}", before.last()));
        let now = now.ok_or_else(stuck)?;
        let (left, operation, right) = now.next_operands().ok_or_else(stuck)?;
        let mut result = operation.apply(left, right).ok_or_else(stuck)?;
        let digits = result.unsigned_abs().to_string().len();
        let slips = digits as f64 * 9.0;
        let drawn = seed::uniform(rng);
        let (place, other) = (below(rng, digits), 1 + below(rng, 9));
        let rate = self.rate(slips, f64::from(sampling.temperature));
        let slipped = if sampling.is_greedy() {
            // Right unless one certain slip is more probable.
            1.0 - self.error < self.error / slips
        } else {
            drawn < rate
        };
        if slipped {
            result = with_other_digit(result, place, other);
        }
        let probability = if slipped { self.error / slips } else { 1.0 - self.error };
        let after = now.replace_next(result).ok_or_else(stuck)?;
        Ok(Written { text: format!("={after}"), probability, last: after.rest.is_empty() })
    }
}

/// `number` with the digit at `place`, from the right, turned `other` digits further.
fn with_other_digit(number: i64, place: usize, other: usize) -> i64 {
    let unit = 10_i64.saturating_pow(u32::try_from(place).unwrap_or(0));
    let digit = (number / unit % 10).abs();
    let changed = (digit + i64::try_from(other).unwrap_or(1)) % 10;
    let distance = (changed - digit) * unit;
    let step = if number < 0 { Operation::Subtract } else { Operation::Add };
    step.apply(number, distance).unwrap_or(number)
}

/// A place below `length`, uniform; 0 when there is none.
fn below(rng: &mut seed::Rng, length: usize) -> usize {
    let high = i64::try_from(length).unwrap_or(i64::MAX).saturating_sub(1);
    usize::try_from(super::between(rng, 0, high)).unwrap_or(0)
}

/// One line of a request: steps until it has gone as far as asked.
fn play(player: &dyn Player, request: &Request, mut seed: u64) -> Result<Completion, LineError> {
    let question = request.prefix.prompt().question().trim();
    let mut text = request.prefix.text();
    let mut given = request.append.clone().unwrap_or_default();
    text.push_str(&given);
    let mut left = request.max_tokens as usize;
    let most = match request.until {
        Until::Step => 1,
        Until::Steps(steps) => steps.max(1) as usize,
        Until::End | Until::Tokens(_) => usize::MAX,
    };
    if let Until::Tokens(tokens) = request.until {
        left = left.min(tokens as usize);
    }
    let most = most.min(request.rule.max_steps.max(1) as usize);
    let mut steps: Vec<Step> = Vec::new();
    let mut finish = Finish::Step;
    while finish == Finish::Step && steps.len() < most && left > 0 {
        let (before, partial) = text.rsplit_once('\n').unwrap_or(("", &text));
        let mut rng = seed::rng(seed);
        let written = player.next(question, &lines(before), &request.sampling, &mut rng)?;
        let end = if written.last { "" } else { "\n" };
        let line = format!("{}{end}", written.text);
        let draft = Draft::rest(&line, partial, written.probability.ln(), written.last);
        let room = left.min(request.rule.max_step_tokens as usize);
        let (step, cut) = draft.into_step(std::mem::take(&mut given), room);
        left = left.saturating_sub(usize::try_from(step.generated()).unwrap_or(left));
        let own = step.text.get(step.given as usize..).unwrap_or_default();
        text.push_str(own);
        finish = match (step.tokens.last() == Some(&END), cut) {
            (true, _) => Finish::Stop,
            (false, true) => Finish::Length,
            (false, false) => Finish::Step,
        };
        steps.push(step);
        seed = seed::child(seed, 0);
    }
    if finish == Finish::Step && left == 0 && request.until == Until::End {
        finish = Finish::Length;
    }
    Ok(Completion { steps, finish, prompt_tokens: question.len() as u64 })
}

macro_rules! plays {
    ($($player:ty),*) => {$(
        impl Generator for $player {
            fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
                let answer = |request: &Request| Generated {
                    lines: request.seeds.iter().map(|&seed| play(self, request, seed)).collect(),
                    computed_tokens: 0,
                    cached_tokens: 0,
                };
                Ok(batch.iter().map(answer).collect())
            }
        }
    )*};
}
plays!(RandomPlayer, Slipping);
