//! What a research will take, before it starts: lines, calls, searches, tokens, money, seconds.
//!
//! The method itself is run, by the library's own driver, on agents that write texts of an assumed length and a
//! search that always finds: so the estimate is that of the method as it is set, on its problem and within its rule, roles and
//! templates included, and one of one's own is estimated like any other. Whatever these agents write asks for another search,
//! in the form of every method, and cites what is nowhere, so that nothing is ever covered and a report is mended as often
//! as it may be: lines, calls, searches and rounds are what a research takes at most. A line of `n` tokens holds as many
//! questions as fit into it, of three or four letters each. A budget makes all of it smaller, as it makes the research.
//!
//! Prompts are counted in characters, standing instructions included, and made tokens by [`Assumptions::chars_per_token`].
//! Seconds are, for each round, those of its longest prompt and line, or of all its tokens at the speed of all lines
//! together, whatever is more, plus those of its searches.
//!
//! Source: none; the formulas are those above.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tts_core::{
    BoxError, Budget, Completion, Finish, Generated, Generator, Prompt, Request, Script, Scripted,
    Search, SearchStrategy, Step, StepRule, Until,
};

use crate::retrieve::{Found, Passage};

/// What texts are assumed to be like, and what a model takes and costs.
///
/// ```
/// use tts_search::research::Assumptions;
/// assert!(Assumptions { chars_per_token: 0.0, ..Assumptions::default() }.check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assumptions {
    /// Tokens of a line, on average: plans and questions have fewer, drafts and reports more.
    pub line_tokens: u32,
    /// Passages that a search finds.
    pub passages: usize,
    /// Characters of a passage.
    pub passage_chars: usize,
    /// Characters of a token.
    pub chars_per_token: f64,
    /// Money for a million tokens of prompts; 0 where they are free.
    pub prompt_price: f64,
    /// Money for a million generated tokens.
    pub generated_price: f64,
    /// Tokens that one line generates a second; 0 where nobody knows: then no seconds are told.
    pub tokens_per_second: f64,
    /// Tokens that all lines together generate a second, at most.
    pub together_per_second: f64,
    /// Tokens of prompts that are read a second.
    pub prompt_per_second: f64,
    /// Seconds of a search.
    pub search_seconds: f64,
    /// The budget that it runs under.
    pub budget: Budget,
    /// Where lines end: none is longer than its greatest length.
    pub rule: StepRule,
    /// What is asked: its words stand in every prompt.
    pub problem: Prompt,
}

impl Default for Assumptions {
    /// Lines of 300 tokens; five passages of 1,000 characters; no prices, no speed and no limits; a short question.
    fn default() -> Self {
        Self {
            line_tokens: 300,
            passages: 5,
            passage_chars: 1_000,
            chars_per_token: 4.0,
            prompt_price: 0.0,
            generated_price: 0.0,
            tokens_per_second: 0.0,
            together_per_second: 0.0,
            prompt_per_second: 0.0,
            search_seconds: 0.0,
            budget: Budget::default(),
            rule: StepRule {
                delimiters: Vec::new(),
                max_step_tokens: u32::MAX,
                max_tokens: u32::MAX,
                ..StepRule::default()
            },
            problem: Prompt::from("a question"),
        }
    }
}

impl Assumptions {
    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), String> {
        let least = [
            ("chars_per_token", self.chars_per_token, 0.1),
            ("prompt_price", self.prompt_price, 0.0),
            ("generated_price", self.generated_price, 0.0),
            ("tokens_per_second", self.tokens_per_second, 0.0),
            ("together_per_second", self.together_per_second, 0.0),
            ("prompt_per_second", self.prompt_per_second, 0.0),
            ("search_seconds", self.search_seconds, 0.0),
        ];
        if let Some((name, value, least)) =
            least.into_iter().find(|(_, value, least)| !(value.is_finite() && value >= least))
        {
            return Err(format!(
                "estimate: {name} is {value}, expected a number of at least {least}"
            ));
        }
        if self.line_tokens == 0 {
            return Err("estimate: line_tokens is 0, expected at least 1".into());
        }
        if self.problem.is_blank() {
            return Err("estimate: problem is blank, expected what is asked".into());
        }
        self.rule.check()?;
        self.budget.check()
    }
}

/// What a research will take, at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Lines that models write.
    pub lines: u64,
    /// Requests to models and the search engine: variants of one prompt are one.
    pub calls: u64,
    /// Searches.
    pub searches: u64,
    /// Rounds, one after the other.
    pub rounds: u32,
    /// Tokens of all prompts.
    pub prompt_tokens: u64,
    /// Generated tokens.
    pub generated_tokens: u64,
    /// Money, in the unit of the prices.
    pub money: f64,
    /// Wall time, where speeds are known.
    pub seconds: Option<f64>,
}

#[derive(Debug, Default)]
struct Log {
    searches: AtomicU64,
    prompt_tokens: AtomicU64,
    /// Seconds of the rounds so far, in order.
    seconds: Mutex<f64>,
}

/// Writes as much as is assumed; plays every role.
struct Dry<'a> {
    assumed: &'a Assumptions,
    log: Arc<Log>,
    searches: bool,
}

impl Dry<'_> {
    fn line(&self, request: &Request, seed: u64) -> Completion {
        let assumed = self.assumed;
        if self.searches {
            self.log.searches.fetch_add(1, Ordering::Relaxed);
            let page = |n| {
                Passage::new(format!("{seed}#{n}"), "", "word ".repeat(assumed.passage_chars / 5))
            };
            let text = Found((0..assumed.passages).map(page).collect()).line();
            let steps = vec![Step { text, ..Step::default() }];
            return Completion { steps, finish: Finish::Stop, prompt_tokens: 0 };
        }
        let counted = matches!(request.until, Until::Tokens(_));
        let most = match request.until {
            Until::Tokens(tokens) => tokens.min(request.max_tokens),
            _ => request.max_tokens,
        };
        let tokens = assumed.line_tokens.min(most);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length")]
        let letters = (f64::from(tokens) * assumed.chars_per_token) as usize;
        let steps = vec![Step {
            text: never_enough(seed, letters.max(1)),
            tokens: vec![0; tokens as usize],
            ..Step::default()
        }];
        let finish = match (assumed.line_tokens <= most, counted) {
            (true, _) => Finish::Stop,
            (false, true) => Finish::Step,
            (false, false) => Finish::Length,
        };
        Completion { steps, finish, prompt_tokens: 0 }
    }

    /// Seconds of a batch that runs together.
    fn seconds(&self, batch: &[Request], out: &[Generated]) -> f64 {
        let assumed = self.assumed;
        if self.searches {
            return assumed.search_seconds;
        }
        let (mut longest, mut all) = (0.0_f64, 0.0);
        let mut read = 0.0;
        for (request, made) in batch.iter().zip(out) {
            read += self.prompt_tokens(request);
            for line in made.lines.iter().flatten() {
                longest = longest.max(line.generated() as f64);
                all += line.generated() as f64;
            }
        }
        let per = |tokens: f64, rate: f64| if rate > 0.0 { tokens / rate } else { 0.0 };
        per(read, assumed.prompt_per_second)
            + per(longest, assumed.tokens_per_second).max(per(all, assumed.together_per_second))
    }

    fn prompt_tokens(&self, request: &Request) -> f64 {
        let chars = match request.prefix.prompt() {
            Prompt::Text(text) => text.chars().count(),
            Prompt::Chat(turns) => turns.iter().map(|turn| turn.content.chars().count()).sum(),
        };
        (chars as f64 / self.assumed.chars_per_token).ceil()
    }
}

/// A text of so many letters that asks for more in the form of every method, and cites what no source is. The first line is
/// another for each seed, and the others are all different.
fn never_enough(seed: u64, letters: usize) -> String {
    let mut text = format!("Action: search[{seed:x}]\nFollow up: {seed:x}?\n[0]\n");
    let letters = letters.max(text.len());
    let mut number = 0_u32;
    while text.len() < letters {
        text.extend([format!("{number:x}").as_str(), "\n"]);
        number += 1;
    }
    text.truncate(letters);
    text
}

impl Generator for Dry<'_> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let out = Generated::by_seed(batch, |request, seed| Ok(self.line(request, seed)));
        if !self.searches {
            // Variants of one prompt are charged one prompt by most servers, which keep its prefix.
            let read: f64 = batch.iter().map(|request| self.prompt_tokens(request)).sum();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            self.log.prompt_tokens.fetch_add(read as u64, Ordering::Relaxed);
        }
        *self.log.seconds.lock().unwrap_or_else(PoisonError::into_inner) +=
            self.seconds(batch, &out);
        Ok(out)
    }
}

impl Estimate {
    /// Of a method as it is set; `search` is the role that searches.
    ///
    /// ```
    /// use tts_search::research::{Assumptions, Estimate, Research};
    /// let estimate = Estimate::of(&Research::default(), "search", &Assumptions::default())?;
    /// assert_eq!((estimate.lines, estimate.searches), (227, 20));
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// When an assumption is out of range, or the method refuses its settings.
    pub fn of<S: Script>(method: &S, search: &str, assumed: &Assumptions) -> Result<Self, String> {
        assumed.check()?;
        let log = Arc::new(Log::default());
        let dry = |searches| Dry { assumed, log: Arc::clone(&log), searches };
        let strategy = Scripted::of(method.clone());
        let roles = strategy.requires().roles;
        // A wall that nobody waits for says nothing about a dry run.
        let budget = Budget { wall: None, flops: None, money: None, ..assumed.budget };
        let base = Search::new(dry(false)).rule(assumed.rule.clone()).budget(budget);
        let base = roles.iter().fold(base, |base, role| base.role(role, dry(role == search)));
        let outcome =
            base.run(strategy, assumed.problem.clone()).map_err(|error| error.to_string())?;
        let usage = outcome.usage;
        let searches = log.searches.load(Ordering::Relaxed);
        let prompt_tokens = log.prompt_tokens.load(Ordering::Relaxed);
        let generated_tokens = usage.logical.generated_tokens;
        let millions = |tokens: u64, price: f64| tokens as f64 / 1e6 * price;
        let seconds = *log.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Self {
            lines: usage.logical.samples - searches,
            calls: usage.logical.calls,
            searches,
            rounds: usage.rounds,
            prompt_tokens,
            generated_tokens,
            money: millions(prompt_tokens, assumed.prompt_price)
                + millions(generated_tokens, assumed.generated_price),
            seconds: (assumed.tokens_per_second > 0.0).then_some(seconds),
        })
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, calls, searches, rounds, prompt_tokens, generated_tokens, .. } = self;
        write!(
            f,
            "at most {lines} lines and {searches} searches in {calls} calls and {rounds} rounds; about \
             {prompt_tokens} tokens of prompts and {generated_tokens} generated"
        )?;
        if self.money > 0.0 {
            write!(f, ", {:.4} in money", self.money)?;
        }
        match self.seconds {
            Some(seconds) => write!(f, ", {seconds:.0} s"),
            None => Ok(()),
        }
    }
}
