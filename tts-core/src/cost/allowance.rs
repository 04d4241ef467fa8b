//! A budget in the words of users: samples, tokens, seconds, money.
//!
//! `samples=64,tokens=20000,money=0.02,hard` on a command line, an object of the same words in JSON. Where a part has to be
//! held back so that there is an answer ([`Budget::reserve`]), that follows: a quarter of the tokens, 256 at most, and
//! 256 where seconds, operations or money are bounded; `reserve=` says otherwise. A hard bound of operations leaves no
//! room for a last line: nothing is held back there.
//!
//! Source: none.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Budget, Mode};

/// Limits of one problem, by the words of users; `None` is no limit.
///
/// ```
/// use tts_core::Mode;
/// use tts_core::cost::Allowance;
/// let asked: Allowance = "tokens=2e4, seconds=30, hard".parse()?;
/// let budget = asked.budget()?;
/// assert_eq!((budget.generated_tokens, budget.wall), (Some(20_000), Some(30.0)));
/// assert_eq!((budget.reserve, budget.mode), (256, Mode::Hard));
/// let error = "token=5".parse::<Allowance>().unwrap_err();
/// assert!(error.contains("samples, tokens, scored"), "{error}");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowance {
    /// Lines started.
    pub samples: Option<u64>,
    /// Tokens generated.
    pub tokens: Option<u64>,
    /// Tokens that a scorer judges.
    pub scored: Option<u64>,
    /// Floating-point operations, by formula.
    pub flops: Option<f64>,
    /// Requests to a generator or scorer.
    pub calls: Option<u64>,
    /// Rounds of generation.
    pub rounds: Option<u32>,
    /// Wall time.
    pub seconds: Option<f64>,
    /// Money, by the prices of those who write and judge.
    pub money: Option<f64>,
    /// Generated tokens held back to finish the best path when nothing has finished.
    pub reserve: Option<u64>,
    /// Never exceeded, in place of stopping after the round that does.
    pub hard: bool,
}

/// The words, as errors list them.
const WORDS: &str =
    "samples, tokens, scored, flops, calls, rounds, seconds, money, reserve (each =NUMBER), hard";

impl Allowance {
    /// The budget that it is.
    ///
    /// # Errors
    /// When nothing is bounded, or a number means nothing.
    pub fn budget(&self) -> Result<Budget, String> {
        let counted = [self.samples, self.tokens, self.scored, self.calls];
        let measured = [self.flops, self.seconds, self.money];
        let bounded = counted.iter().any(Option::is_some)
            || measured.iter().any(Option::is_some)
            || self.rounds.is_some();
        if !bounded {
            return Err(format!("budget: nothing is bounded, expected one of {WORDS}"));
        }
        let none = self.hard && self.flops.is_some();
        if let (true, Some(tokens)) = (none, self.reserve.filter(|tokens| *tokens > 0)) {
            return Err(format!(
                "budget: reserve is {tokens}, and hard flops leave no room for a last line, expected 0 or none"
            ));
        }
        let held = |tokens: Option<u64>| match tokens {
            _ if none => 0,
            Some(tokens) => (tokens / 4).min(256),
            None if measured.iter().any(Option::is_some) => 256,
            None => 0,
        };
        let budget = Budget {
            samples: self.samples,
            generated_tokens: self.tokens,
            scored_tokens: self.scored,
            flops: self.flops,
            calls: self.calls,
            rounds: self.rounds,
            wall: self.seconds,
            money: self.money,
            reserve: self.reserve.unwrap_or_else(|| held(self.tokens)),
            mode: if self.hard { Mode::Hard } else { Mode::Soft },
        };
        budget.check()?;
        Ok(budget)
    }
}

impl FromStr for Allowance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut asked = Self::default();
        let mut known: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (word, number) = match part.split_once('=') {
                Some((word, number)) => (word.trim(), Some(number.trim())),
                None => (part, None),
            };
            if known.contains(&word) {
                return Err(format!("budget: {word} is given twice"));
            }
            known.push(word);
            let needed =
                || number.ok_or_else(|| format!("budget: {word} needs a number, {word}=.."));
            match word {
                "hard" if number.is_none() => asked.hard = true,
                "samples" => asked.samples = Some(whole(word, needed()?)?),
                "tokens" => asked.tokens = Some(whole(word, needed()?)?),
                "scored" => asked.scored = Some(whole(word, needed()?)?),
                "calls" => asked.calls = Some(whole(word, needed()?)?),
                "reserve" => asked.reserve = Some(whole(word, needed()?)?),
                "rounds" => {
                    let rounds = whole(word, needed()?)?;
                    let most = u32::MAX;
                    asked.rounds = Some(u32::try_from(rounds).map_err(|_| {
                        format!("budget: rounds is {rounds}, expected at most {most}")
                    })?);
                }
                "flops" => asked.flops = Some(real(word, needed()?)?),
                "seconds" => asked.seconds = Some(real(word, needed()?)?),
                "money" => asked.money = Some(real(word, needed()?)?),
                _ => return Err(format!("budget: {part:?}, expected some of {WORDS}")),
            }
        }
        asked.budget()?;
        Ok(asked)
    }
}

/// A whole number, which may be written as `2e4`.
fn whole(word: &str, number: &str) -> Result<u64, String> {
    if let Ok(whole) = number.parse() {
        return Ok(whole);
    }
    // Up to here every whole number has a float of its own.
    let most = 9_007_199_254_740_992.0;
    let fits = |value: &f64| (0.0..=most).contains(value) && value.fract() <= 0.0;
    match number.parse::<f64>().ok().filter(fits) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, and fits"
        )]
        Some(value) => Ok(value as u64),
        None => Err(format!("budget: {word} is {number:?}, expected a whole number of at least 0")),
    }
}

fn real(word: &str, number: &str) -> Result<f64, String> {
    let fits = |value: &f64| value.is_finite() && *value >= 0.0;
    let found = number.parse::<f64>().ok().filter(fits);
    found.ok_or_else(|| {
        format!("budget: {word} is {number:?}, expected a finite number of at least 0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_limits() {
        let text =
            "samples=64, scored=5000, flops=1e12, calls=9, rounds=3, seconds=0.5, money=0.02";
        let budget = text.parse::<Allowance>().expect("a budget").budget().expect("sound");
        let expected = Budget {
            samples: Some(64),
            scored_tokens: Some(5_000),
            flops: Some(1e12),
            calls: Some(9),
            rounds: Some(3),
            wall: Some(0.5),
            money: Some(0.02),
            reserve: 256,
            ..Budget::default()
        };
        assert_eq!(budget, expected);
        // Tokens alone are the budget of tokens that there always was; counts hold nothing back.
        let of = |text: &str| text.parse::<Allowance>().and_then(|asked| asked.budget());
        assert_eq!(of("tokens=100"), Ok(Budget::tokens(100)));
        assert_eq!(of("samples=3").map(|budget| budget.reserve), Ok(0));
        // What a hard bound of operations would never give is not held back.
        for (text, reserve) in [
            ("tokens=4000,flops=1e9,hard", 0),
            ("tokens=4000,flops=1e9,hard,reserve=0", 0),
            ("tokens=4000,flops=1e9", 256),
            ("tokens=4000,money=1,hard", 256),
            ("money=1,hard", 256),
        ] {
            assert_eq!(of(text).map(|budget| budget.reserve), Ok(reserve), "{text}");
        }
        assert_eq!(
            of("tokens=100,reserve=7,hard").map(|b| (b.reserve, b.mode)),
            Ok((7, Mode::Hard))
        );
        // The same words in JSON.
        let json: Allowance = serde_json::from_str(r#"{"tokens": 100, "money": 1}"#).expect("JSON");
        assert_eq!(Ok(json), "tokens=100,money=1".parse());
    }

    #[test]
    fn slips_of_the_pen_are_named() {
        for (text, expected) in [
            ("", "expected some of samples"),
            ("token=5", "\"token=5\", expected some of samples, tokens"),
            ("samples", "samples needs a number"),
            ("samples=", "samples is \"\", expected a whole number"),
            ("samples=1.5", "samples is \"1.5\", expected a whole number"),
            ("tokens=-3", "tokens is \"-3\""),
            ("money=nan", "money is \"nan\", expected a finite number"),
            ("seconds=inf", "seconds is \"inf\""),
            ("flops=-1", "flops is \"-1\""),
            ("samples=1,samples=2", "samples is given twice"),
            ("hard", "nothing is bounded"),
            ("hard=1,samples=1", "\"hard=1\""),
            ("tokens=5,reserve=6", "reserve is 6, more than the 5"),
            ("rounds=1e12", "rounds is 1000000000000, expected at most 4294967295"),
            ("flops=1e9,hard,reserve=6", "reserve is 6, and hard flops leave no room"),
        ] {
            let error = text.parse::<Allowance>().expect_err(text);
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
