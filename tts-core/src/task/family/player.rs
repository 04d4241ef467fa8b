//! Policies without a model: random moves in Countdown, slips at a known rate in chains and judgements.
//!
//! A player lists the lines that may come next with their probabilities; one is drawn by a seed by
//! path, so that a continuation depends on prompt, path and seed alone. A line that was cut by a
//! length limit goes on as one of those that begin like it. Tokens are bytes, and one end token; the
//! log-probability of a line shows in its last token. All players start from what was written,
//! right or wrong. At temperature 0 the most probable line is written, the first of equals.

use super::{Countdown, CountdownLine, Expression, Grader, chain, lines};
use crate::model::generator::BoxError;
use crate::toy::{Draft, OPTIONS, Writing};
use crate::{Completion, Generated, Generator, LineError, Request, Sampling, seed};

/// A line without its line break, and the probability of it at temperature 1.
struct Line {
    text: String,
    probability: f64,
    last: bool,
}

/// Knows what may come next.
trait Player: Send + Sync {
    /// The different lines that may follow those before, at least one, or why there is none.
    fn lines(&self, question: &str, before: &[&str]) -> Result<Vec<Line>, LineError>;
}

/// Plays Countdown by moves drawn uniformly from the legal ones: the policy of
/// [`Countdown::random_value`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomPlayer(pub Countdown);

impl Player for RandomPlayer {
    fn lines(&self, question: &str, before: &[&str]) -> Result<Vec<Line>, LineError> {
        let moves = self.0.moves(question, before);
        if moves.is_empty() {
            return Err(LineError(format!(
                "no move after {:?}",
                before.last().unwrap_or(&question)
            )));
        }
        let probability = 1.0 / moves.len() as f64;
        let line = |line: &CountdownLine| Line {
            text: line.to_string(),
            probability,
            last: line.left.len() == 1,
        };
        Ok(moves.iter().map(line).collect())
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

impl Player for Slipping {
    fn lines(&self, question: &str, before: &[&str]) -> Result<Vec<Line>, LineError> {
        let now = match before.last() {
            None => question.parse().ok(),
            Some(line) => chain::line(line),
        };
        let options = now.and_then(|now: Expression| {
            let (left, operation, right) = now.next_operands()?;
            let result = operation.apply(left, right)?;
            let slips = slips(result);
            let slip = self.error / slips.len() as f64;
            let right = [(result, 1.0 - self.error)];
            let all = right.into_iter().chain(slips.into_iter().map(|wrong| (wrong, slip)));
            let line = |(result, probability)| {
                let after = now.replace_next(result)?;
                Some(Line { text: format!("={after}"), probability, last: after.rest.is_empty() })
            };
            all.map(line).collect::<Option<Vec<_>>>()
        });
        let place = before.last().unwrap_or(&question);
        options.ok_or_else(|| LineError(format!("nothing to reduce in {place:?}")))
    }
}

impl Player for Grader {
    fn lines(&self, question: &str, before: &[&str]) -> Result<Vec<Line>, LineError> {
        let next = self.next(question, before);
        let place = before.last().unwrap_or(&question);
        let next =
            next.ok_or_else(|| LineError(format!("no judgement goes on behind {place:?}")))?;
        Ok(next
            .into_iter()
            .map(|(text, probability, last)| Line { text, probability, last })
            .collect())
    }
}

/// All numbers with one digit other than in `number`.
fn slips(number: i64) -> Vec<i64> {
    let digits = number.unsigned_abs().to_string().len();
    let places = (0..digits).filter_map(|place| 10_i64.checked_pow(u32::try_from(place).ok()?));
    let slips = places.flat_map(|unit| {
        let digit = (number / unit % 10).abs();
        let others = (0..10).filter(move |&other| other != digit);
        others.filter_map(move |other| {
            let distance = (other - digit).checked_mul(unit)?;
            if number < 0 { number.checked_sub(distance) } else { number.checked_add(distance) }
        })
    });
    slips.collect()
}

/// One of the lines that begin with `partial` (of all, when none does), at a temperature.
fn draw(mut lines: Vec<Line>, partial: &str, sampling: &Sampling, seed: u64) -> Option<Line> {
    if lines.iter().any(|line| line.text.starts_with(partial)) {
        lines.retain(|line| line.text.starts_with(partial));
        let sum: f64 = lines.iter().map(|line| line.probability).sum();
        // What was written by another hand may be impossible for this one: equally likely then.
        let equal = 1.0 / lines.len() as f64;
        for line in &mut lines {
            line.probability = if sum > 0.0 { line.probability / sum } else { equal };
        }
    }
    let most = lines.iter().map(|line| line.probability).fold(0.0, f64::max);
    if sampling.is_greedy() {
        return lines.into_iter().find(|line| line.probability >= most);
    }
    // Relative to the most probable one: no temperature makes all weights 0.
    let temperature = f64::from(sampling.temperature);
    let weight = |line: &Line| (line.probability / most).powf(1.0 / temperature);
    let sum: f64 = lines.iter().map(weight).sum();
    let mut left = seed::rng(seed).uniform() * sum;
    let drawn = lines.iter().position(|line| {
        left -= weight(line);
        left < 0.0
    });
    // Rounding may leave a little: that is the last line's.
    let drawn = drawn.unwrap_or(lines.len().saturating_sub(1));
    lines.into_iter().nth(drawn)
}

/// One line of a request: steps until it has gone as far as asked.
fn play(player: &dyn Player, request: &Request, mut seed: u64) -> Result<Completion, LineError> {
    request.sampling.draws_all("a player")?;
    let question = request.prefix.prompt().question().trim();
    let mut writing = Writing::new(request);
    let mut text = request.prefix.text();
    text.push_str(&writing.begun());
    let written = text.len() - request.prefix.text().len();
    while writing.goes_on() {
        let first = writing.is_empty();
        let (before, partial) = text.rsplit_once('\n').unwrap_or(("", &text));
        let line = draw(player.lines(question, &lines(before))?, partial, &request.sampling, seed)
            .ok_or_else(|| LineError(format!("nothing follows {text:?}")))?;
        let end = if line.last { "" } else { "\n" };
        let whole = format!("{}{end}", line.text);
        let draft = Draft::rest(&whole, partial, line.probability.ln(), line.last);
        let added = writing.write(&draft);
        // What was given stands in the text already.
        text.push_str(if first { added.get(written..).unwrap_or_default() } else { added });
        seed = seed::child(seed, 0);
    }
    Ok(writing.complete(question.len() as u64))
}

macro_rules! plays {
    ($($player:ty),*) => {$(
        impl Generator for $player {
            fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
                Ok(Generated::by_seed(batch, |request, seed| play(self, request, seed)))
            }

            fn vocabulary_size(&self) -> Option<u32> {
                Some(OPTIONS)
            }
        }
    )*};
}
plays!(RandomPlayer, Slipping, Grader);
