//! A world small enough to check by hand: running sums, with a generator that slips and a judge
//! that knows.
//!
//! A problem is a chain of numbers, `3 + 5 + 2 = ?`. A solution adds one number a line and ends
//! with `The answer is 10.`. At temperature 1 the generator gets a line wrong with probability
//! [`ToyWorld::error`] (by -2, -1, 1 or 2, equally likely) and goes on from its wrong total, so
//! with `k` additions a sample is right with probability of about `(1 - error)^k`. Tokens are bytes,
//! and one end token. [`Oracle`] judges every line exactly, or with a noise that is a function of
//! the path. Doctests, laws and strategy tests run in this world.

use crate::drive::{Expand, SearchStrategy, View};
use crate::model::generator::BoxError;
use crate::model::scorer::Scored;
use crate::{
    Completion, Finish, Generated, Generator, LineError, Prompt, Request, Sampling, Step,
    StepScorer, Trajectory, Until, seed,
};

/// The token that ends a solution; all others are bytes.
pub const END: u32 = 256;

const SLIPS: [i64; 4] = [-2, -1, 1, 2];

/// Problems, and a generator that solves them with a known rate of errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToyWorld {
    /// Additions in a problem.
    pub additions: usize,
    /// Probability that a line is wrong, at temperature 1.
    pub error: f64,
    /// Which numbers the problems have.
    pub seed: u64,
}

impl Default for ToyWorld {
    fn default() -> Self {
        Self { additions: 4, error: 0.2, seed: 0 }
    }
}

impl ToyWorld {
    fn numbers(&self, index: u64) -> Vec<i64> {
        let mut rng = seed::rng(seed::mix(self.seed, index));
        #[expect(clippy::cast_possible_truncation, reason = "below 10")]
        (0..=self.additions).map(|_| 1 + (seed::uniform(&mut rng) * 9.0) as i64).collect()
    }

    /// Problem number `index`.
    pub fn prompt(&self, index: u64) -> Prompt {
        let numbers: Vec<String> = self.numbers(index).iter().map(i64::to_string).collect();
        Prompt::text(format!("{} = ?", numbers.join(" + ")))
    }

    /// The right answer to problem number `index`.
    pub fn answer(&self, index: u64) -> String {
        self.numbers(index).iter().sum::<i64>().to_string()
    }

    /// Probabilities of the right total, and of each of the four slips, at a temperature.
    fn odds(&self, temperature: f64) -> (f64, f64) {
        let slip = self.error / SLIPS.len() as f64;
        if temperature <= 0.0 {
            return if 1.0 - self.error >= slip { (1.0, 0.0) } else { (0.0, 0.25) };
        }
        let right = (1.0 - self.error).powf(1.0 / temperature);
        let slip = slip.powf(1.0 / temperature);
        let sum = right + SLIPS.len() as f64 * slip;
        (right / sum, slip / sum)
    }

    /// The next line after `text`, with the log-probability of its choice.
    fn next_line(&self, numbers: &[i64], text: &str, sampling: &Sampling, seed: u64) -> Draft {
        let state = State::of(numbers, text);
        let Some(&number) = numbers.get(state.done + 1) else {
            let line = format!("The answer is {}.", state.total);
            return Draft::rest(&line, state.partial, 0.0, true);
        };
        let (right, slip) = self.odds(f64::from(sampling.temperature));
        let mut offset = 0;
        if !sampling.is_greedy() {
            let mut draw = seed::uniform(&mut seed::rng(seed)) - right;
            for slipped in SLIPS {
                if draw >= 0.0 {
                    offset = slipped;
                }
                draw -= slip;
            }
        }
        let probability = if offset == 0 { 1.0 - self.error } else { self.error / 4.0 };
        let line = format!("{} + {number} = {}\n", state.total, state.total + number + offset);
        Draft::rest(&line, state.partial, probability.ln(), false)
    }

    fn line(&self, request: &Request, mut seed: u64) -> Result<Completion, LineError> {
        let numbers = parse(request.prefix.prompt())?;
        let mut text = request.prefix.text();
        let mut left = request.max_tokens as usize;
        let mut steps = Vec::new();
        let most = match request.until {
            Until::Step => 1,
            Until::Steps(steps) => steps.max(1) as usize,
            Until::End | Until::Tokens(_) => usize::MAX,
        };
        if let Until::Tokens(tokens) = request.until {
            left = left.min(tokens as usize);
        }
        let mut given = request.append.clone().unwrap_or_default();
        let mut finish = Finish::Step;
        while steps.len() < most && left > 0 {
            let again = request.prefix.is_finished() && steps.is_empty();
            let draft = if again {
                // Taken up again behind its end: say the total once more.
                let state = State::of(&numbers, &text);
                Draft { text: format!(" {}.", state.total), logprob: 0.0, end: true }
            } else {
                self.next_line(&numbers, &text, &request.sampling, seed)
            };
            text.push_str(&given);
            let room = left.min(request.rule.max_step_tokens as usize);
            let (step, cut) = draft.into_step(std::mem::take(&mut given), room);
            left -= usize::try_from(step.generated()).unwrap_or(left).min(left);
            text.push_str(&step.text);
            let end = step.tokens.last() == Some(&END);
            steps.push(step);
            seed = seed::child(seed, 0);
            finish = if end {
                Finish::Stop
            } else if cut {
                Finish::Length
            } else {
                Finish::Step
            };
            if end || steps.len() >= request.rule.max_steps as usize {
                break;
            }
        }
        if finish == Finish::Step && left == 0 && request.until == Until::End {
            finish = Finish::Length;
        }
        let prompt_tokens = request.prefix.prompt().question().len() as u64;
        Ok(Completion { steps, finish, prompt_tokens })
    }
}

fn parse(prompt: &Prompt) -> Result<Vec<i64>, LineError> {
    let question = prompt.question();
    let sum = question.trim().trim_end_matches(['?', ' ', '=']);
    let numbers: Result<Vec<i64>, _> = sum.split('+').map(|n| n.trim().parse()).collect();
    numbers.map_err(|_| LineError(format!("not a sum: {question:?}")))
}

/// Where a solution stands.
struct State<'t> {
    /// Complete lines.
    done: usize,
    total: i64,
    /// The last line, where it was cut.
    partial: &'t str,
}

impl<'t> State<'t> {
    fn of(numbers: &[i64], text: &'t str) -> Self {
        let mut state =
            State { done: 0, total: numbers.first().copied().unwrap_or(0), partial: "" };
        for line in text.split_inclusive('\n') {
            let result = line.rsplit_once('=').map(|(_, total)| total.trim().parse());
            match result {
                Some(Ok(total)) if line.ends_with('\n') => {
                    state.done += 1;
                    state.total = total;
                }
                _ if !line.ends_with('\n') => state.partial = line,
                _ => {}
            }
        }
        state
    }
}

/// A step before it is cut to length.
pub(crate) struct Draft {
    text: String,
    logprob: f64,
    end: bool,
}

impl Draft {
    /// What is left of `line` after a part of it was written.
    pub(crate) fn rest(line: &str, partial: &str, logprob: f64, end: bool) -> Self {
        let text = line.strip_prefix(partial).unwrap_or(line).to_owned();
        Self { text, logprob, end }
    }

    /// The step within `room` tokens, and whether it was cut.
    pub(crate) fn into_step(self, given: String, room: usize) -> (Step, bool) {
        let mut tokens: Vec<u32> = self.text.bytes().map(u32::from).collect();
        if self.end {
            tokens.push(END);
        }
        let cut = tokens.len() > room;
        tokens.truncate(room);
        // The whole choice shows in the last token of the line.
        let mut logprobs = vec![0.0; tokens.len()];
        if let Some(last) = logprobs.last_mut() {
            #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
            let logprob = self.logprob as f32;
            *last = logprob;
        }
        let text: String =
            tokens.iter().filter_map(|&t| u8::try_from(t).ok()).map(char::from).collect();
        let given_tokens: Vec<u32> = given.bytes().map(u32::from).collect();
        let step = Step {
            text: given + &text,
            given: u32::try_from(given_tokens.len()).unwrap_or(u32::MAX),
            tokens: given_tokens.into_iter().chain(tokens).collect(),
            logprobs,
        };
        (step, cut)
    }
}

impl Generator for ToyWorld {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let answer = |request: &Request| Generated {
            lines: request.seeds.iter().map(|&seed| self.line(request, seed)).collect(),
            computed_tokens: 0,
            cached_tokens: 0,
        };
        Ok(batch.iter().map(answer).collect())
    }
}

/// Judges lines of the toy world: 1 while every line up to here is right, 0 from the first error
/// on; with noise, something between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Oracle {
    /// 0 for the truth; up to 1 for a score that is `noise` parts chance, a function of the path.
    pub noise: f64,
    /// Which chance.
    pub seed: u64,
}

impl Oracle {
    /// The truth about a world. (It needs nothing of the world but its prompts.)
    pub fn of(_world: &ToyWorld) -> Self {
        Self { noise: 0.0, seed: 0 }
    }

    fn judge(&self, numbers: &[i64], text: &str) -> f64 {
        let state = State::of(numbers, text);
        let right: i64 = numbers.iter().take(state.done + 1).sum();
        let lines = text.lines().filter(|line| line.contains('=')).enumerate();
        let mut sums = numbers.iter().scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        });
        let all = {
            let sums: Vec<i64> = sums.by_ref().skip(1).collect();
            lines.into_iter().all(|(index, line)| {
                let total = line.rsplit_once('=').and_then(|(_, t)| t.trim().parse().ok());
                total.is_some() && total == sums.get(index).copied()
            })
        };
        let truth = if all && state.total == right { 1.0 } else { 0.0 };
        let chance = seed::uniform(&mut seed::rng(seed::root(self.seed, text)));
        (1.0 - self.noise) * truth + self.noise * chance
    }
}

impl StepScorer for Oracle {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| {
            let numbers = parse(path.prompt())?;
            let mut text: String =
                path.judged_steps().iter().map(|step| step.text.as_str()).collect();
            let scores = path.fresh_steps().iter().map(|step| {
                text.push_str(&step.text);
                self.judge(&numbers, &text)
            });
            Ok(Scored { scores: scores.collect() })
        };
        batch.iter().map(judge).collect()
    }
}

/// The smallest strategy: `n` independent solutions, the best of them by the last score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How many.
    pub n: usize,
}

impl SearchStrategy for Sample {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let start = view.fresh() == [crate::NodeId::ROOT];
        if start { vec![Expand::end(crate::NodeId::ROOT, self.n)] } else { Vec::new() }
    }
}
