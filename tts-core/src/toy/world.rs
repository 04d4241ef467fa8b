//! Problems of running sums, and the generator that solves them.

use super::draft::{Draft, OPTIONS, Writing};
use super::state::{State, parse};
use crate::{
    BoxError, Completion, Generated, Generator, LineError, Prompt, Request, Sampling, seed,
};

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
        (0..=self.additions).map(|_| 1 + (rng.uniform() * 9.0) as i64).collect()
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

    /// The next line after `text`, with what the choice was drawn from.
    fn next_line(&self, numbers: &[i64], text: &str, sampling: &Sampling, seed: u64) -> Draft {
        let state = State::of(numbers, text);
        let Some(&number) = numbers.get(state.done + 1) else {
            let line = format!("The answer is {}.", state.total);
            return Draft::rest(&line, state.partial, 0.0, true);
        };
        let (right, slip) = self.odds(f64::from(sampling.temperature));
        let mut offset = 0;
        if !sampling.is_greedy() {
            let mut draw = seed::rng(seed).uniform() - right;
            for slipped in SLIPS {
                if draw >= 0.0 {
                    offset = slipped;
                }
                draw -= slip;
            }
        }
        let each = self.error / 4.0;
        let probability = if offset == 0 { 1.0 - self.error } else { each };
        let drawn = if offset == 0 { right } else { slip };
        let line = format!("{} + {number} = {}\n", state.total, state.total + number + offset);
        Draft {
            choice: vec![1.0 - self.error, each, each, each, each],
            drawn: if sampling.is_greedy() { 0.0 } else { drawn.ln() },
            ..Draft::rest(&line, state.partial, probability.ln(), false)
        }
    }

    fn line(&self, request: &Request, mut seed: u64) -> Result<Completion, LineError> {
        request.sampling.draws_all("this world")?;
        let numbers = parse(request.prefix.prompt())?;
        let mut text = request.prefix.text();
        let mut writing = Writing::new(request);
        let begun: String = writing.begun();
        while writing.goes_on() {
            let first = writing.is_empty();
            let again = request.prefix.is_finished() && first;
            let draft = if again {
                // Taken up again behind its end: say the total once more.
                let state = State::of(&numbers, &text);
                Draft::rest(&format!(" {}.", state.total), "", 0.0, true)
            } else {
                let so_far = if first { format!("{text}{begun}") } else { text.clone() };
                self.next_line(&numbers, &so_far, &request.sampling, seed)
            };
            text.push_str(writing.write(&draft));
            seed = seed::child(seed, 0);
        }
        Ok(writing.complete(request.prefix.prompt().question().len() as u64))
    }
}

impl Generator for ToyWorld {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        Ok(Generated::by_seed(batch, |request, seed| self.line(request, seed)))
    }

    fn vocabulary_size(&self) -> Option<u32> {
        Some(OPTIONS)
    }
}
