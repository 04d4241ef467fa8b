//! What a problem may cost, and what tokens cost: budgets and prices in the words of users.
//!
//! `--budget samples=64,tokens=20000,money=0.02,hard`, or a JSON file of the same words ([`Allowance`]).
//! `--price read=0.15,generated=0.6` is the policy's, for a million tokens; `--price judge:generated=4` that of the
//! role `judge`, `--price scorer:scored=0.02` that of the scorer, and `--price scorer.NAME:scored=1` that of a scorer by
//! name. Engines on servers bring their own (`price` of a `RemoteConfig`), which this option overrides.
//!
//! Source: none.

use std::path::Path;
use std::str::FromStr;

use clap::Args;
use tts_core::cost::Allowance;
use tts_core::{Budget, Mode, Price, Prices};

use crate::Error;
use crate::engines::POLICY;
use crate::files::read_json;

/// What a problem may cost, and what tokens cost.
#[derive(Debug, Clone, Args)]
pub struct SpendingOptions {
    /// Budget of generated tokens for each problem; 0 for none.
    #[arg(long, default_value_t = 0)]
    pub budget_tokens: u64,
    /// Budget of each problem: samples, tokens, scored, flops, calls, rounds, seconds and money, such as
    /// samples=64,money=0.02,hard; or a JSON file of these words. Without hard it is looked at between rounds: a strategy of
    /// one round does all of it, and seconds end no round.
    #[arg(long, conflicts_with = "budget_tokens")]
    pub budget: Option<String>,
    /// Never exceed the budget, in place of stopping after the round that does: lines are left out or bounded, and seconds
    /// are a deadline, at which lines are cut where they are and nothing more is judged.
    #[arg(long)]
    pub hard: bool,
    /// Money for a million tokens, such as read=0.15,generated=0.6 of the policy, judge:generated=4 of a role,
    /// scorer:scored=0.02 or scorer.NAME:scored=1 of a scorer; may be given several times.
    #[arg(long)]
    pub price: Vec<Priced>,
}

/// Who has which price.
#[derive(Debug, Clone, PartialEq)]
pub struct Priced {
    /// Whether it is a scorer.
    is_scorer: bool,
    /// The role, or the name of the scorer; empty of the policy, and of the search's own scorer.
    name: String,
    price: Price,
}

impl FromStr for Priced {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (who, prices) = text.rsplit_once(':').unwrap_or(("", text));
        let (is_scorer, name) = match who.strip_prefix("scorer") {
            Some("") => (true, ""),
            Some(rest) if rest.starts_with('.') && rest.len() > 1 => (true, &rest[1..]),
            _ if who == POLICY => (false, ""),
            _ => (false, who),
        };
        let mut price = Price::default();
        let mut known: Vec<&str> = Vec::new();
        for part in prices.split(',').map(str::trim) {
            let expected =
                || format!("{part:?}: expected read=NUMBER, generated=NUMBER or scored=NUMBER");
            let (word, number) = part.split_once('=').ok_or_else(expected)?;
            let number: f64 = number.trim().parse().map_err(|_| expected())?;
            let word = word.trim();
            match word {
                "read" => price.read = number,
                "generated" => price.generated = number,
                "scored" => price.scored = number,
                _ => return Err(expected()),
            }
            if known.contains(&word) {
                return Err(format!("{word} is given twice"));
            }
            known.push(word);
        }
        price.check()?;
        Ok(Self { is_scorer, name: name.to_owned(), price })
    }
}

impl SpendingOptions {
    /// The budget.
    ///
    /// # Errors
    /// When it means nothing, or its file cannot be read.
    pub fn budget(&self) -> Result<Budget, Error> {
        let named = |error: String| format!("--{error}");
        let mut budget = match &self.budget {
            Some(file) if Path::new(file).extension().is_some_and(|ending| ending == "json") => {
                let asked: Allowance = read_json(Path::new(file))?;
                asked.budget().map_err(|error| format!("{file}: {error}"))?
            }
            Some(words) => {
                let asked: Allowance = words.parse().map_err(named)?;
                asked.budget().map_err(named)?
            }
            None if self.budget_tokens > 0 => Budget::tokens(self.budget_tokens),
            None if self.hard => {
                return Err("--hard needs a budget: --budget or --budget-tokens".into());
            }
            None => Budget::default(),
        };
        if self.hard {
            budget.mode = Mode::Hard;
        }
        budget.check()?;
        Ok(budget)
    }

    /// The prices that are given.
    ///
    /// # Errors
    /// When somebody has two.
    pub fn prices(&self) -> Result<Prices, Error> {
        Priced::all(&self.price)
    }
}

impl Priced {
    /// The prices of all.
    ///
    /// # Errors
    /// When somebody has two.
    pub fn all(given: &[Self]) -> Result<Prices, Error> {
        let mut prices = Prices::default();
        for Self { is_scorer, name, price } in given {
            let of = if *is_scorer { &mut prices.scorers } else { &mut prices.writers };
            if of.insert(name.clone(), *price).is_some() {
                let kind = if *is_scorer { "scorer" } else { "role" };
                return Err(format!("--price: the {kind} {name:?} has two prices").into());
            }
        }
        Ok(prices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(budget: Option<&str>, hard: bool, price: &[&str]) -> SpendingOptions {
        let price = price.iter().map(|text| text.parse().expect("a price")).collect();
        SpendingOptions { budget_tokens: 0, budget: budget.map(str::to_owned), hard, price }
    }

    #[test]
    fn a_budget_is_words_or_a_file_of_them() {
        let budget = asked(Some("tokens=100"), true, &[]).budget().expect("a budget");
        assert_eq!(budget, Budget { mode: Mode::Hard, ..Budget::tokens(100) });
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("budget.json");
        std::fs::write(&file, r#"{"samples": 3, "hard": true}"#).expect("written");
        let file = file.to_str().expect("text");
        let read = asked(Some(file), false, &[]).budget().expect("a budget");
        assert_eq!((read.samples, read.mode), (Some(3), Mode::Hard));
        std::fs::write(file, r#"{"sample": 3}"#).expect("written");
        let error = asked(Some(file), false, &[]).budget().expect_err("a slip").to_string();
        assert!(error.contains("budget.json: unknown field `sample`"), "{error}");
        std::fs::write(file, "{}").expect("written");
        let error = asked(Some(file), false, &[]).budget().expect_err("nothing").to_string();
        assert!(error.contains("budget.json: budget: nothing is bounded"), "{error}");
        let error = asked(Some("token=1"), false, &[]).budget().expect_err("a slip").to_string();
        assert!(error.starts_with("--budget: \"token=1\""), "{error}");
        let error = asked(None, true, &[]).budget().expect_err("no budget").to_string();
        assert_eq!(error, "--hard needs a budget: --budget or --budget-tokens");
        assert_eq!(asked(None, false, &[]).budget().expect("none"), Budget::default());
    }

    #[test]
    fn prices_are_told_apart_by_whom_they_are_of() {
        let all = [
            "read=0.15,generated=0.6",
            "judge:generated=4",
            "scorer:scored=0.02",
            "scorer.own:read=1",
        ];
        let prices = asked(None, false, &all).prices().expect("prices");
        let price = |read, generated, scored| Price { read, generated, scored };
        assert_eq!(prices.writer(""), price(0.15, 0.6, 0.0));
        assert_eq!(prices.writer("judge"), price(0.0, 4.0, 0.0));
        assert_eq!(prices.scorer(""), price(0.0, 0.0, 0.02));
        assert_eq!(prices.scorer("own"), price(1.0, 0.0, 0.0));
        assert_eq!(prices.writers.len() + prices.scorers.len(), 4);
        let error =
            asked(None, false, &["read=1", "read=2"]).prices().expect_err("two").to_string();
        assert!(error.contains("has two prices"), "{error}");
        for text in
            ["", "read", "read=x", "written=1", "read=-1", "judge:", "read=1,read=2", "read=nan"]
        {
            assert!(text.parse::<Priced>().is_err(), "{text}");
        }
    }
}
