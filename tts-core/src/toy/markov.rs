//! A language model of a few tokens, whose every probability is given.
//!
//! The next token depends on what was written so far by a function of the caller's; steps have
//! `step_tokens` tokens. Token ids are places in the distribution; the last one ends the text. What is
//! drawn, at which probability, and how certain the model was, can be computed by hand: tests of
//! sampling methods are exact in it.

use std::sync::Arc;

use crate::{
    BoxError, Completion, Finish, Generated, Generator, LineError, Notes, Request, Step, Until,
    seed,
};

type Next = dyn Fn(&[u32]) -> Vec<f64> + Send + Sync;

/// A model over `0..n`, where `n` is the length of the distributions; token `n - 1` ends the text.
///
/// ```
/// use tts_core::toy::{Markov, Sample};
/// use tts_core::{Search, Sampling};
/// // Heads or tails, then the end.
/// let coin = Markov::new(|path| if path.is_empty() { vec![0.5, 0.5, 0.0] } else { vec![0.0, 0.0, 1.0] });
/// let search = Search::new(&coin).sampling(Sampling::temperature(1.0));
/// let outcome = search.run(Sample { n: 2 }, "a coin")?;
/// assert!(["a", "b"].contains(&outcome.text().unwrap_or_default().as_str()));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Clone)]
pub struct Markov {
    next: Arc<Next>,
    /// Tokens of a step.
    pub step_tokens: usize,
    /// Over how many tokens the distributions are, where that is to be known before one is asked for.
    pub size: Option<u32>,
}

impl std::fmt::Debug for Markov {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Markov")
            .field("step_tokens", &self.step_tokens)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// The token of this rank.
fn ranked(odds: &[f64], rank: u32) -> Result<usize, LineError> {
    let mut tokens: Vec<usize> = (0..odds.len()).filter(|&token| odds[token] > 0.0).collect();
    tokens.sort_by(|&a, &b| odds[b].total_cmp(&odds[a]));
    let found = tokens.get(rank as usize).copied();
    found.ok_or_else(|| {
        LineError(format!("no token has the rank {rank}: there are {}", tokens.len()))
    })
}

impl Markov {
    /// A model of one endless step, from the distribution of the next token after those before.
    pub fn new(next: impl Fn(&[u32]) -> Vec<f64> + Send + Sync + 'static) -> Self {
        Self { next: Arc::new(next), step_tokens: usize::MAX, size: None }
    }

    /// Letters for tokens; none for the end.
    fn text(tokens: &[u32], end: u32) -> String {
        let letter = |token: u32| char::from_u32(u32::from('a') + token).unwrap_or('?');
        tokens.iter().filter(|&&token| token != end).map(|&token| letter(token)).collect()
    }

    fn line(&self, request: &Request, mut seed: u64) -> Result<Completion, LineError> {
        if request.append.is_some() {
            return Err(LineError("this model has no words that could be put in".into()));
        }
        let mut path = request.prefix.tokens();
        path.extend(&request.given);
        let (mut steps, mut left) = (Vec::new(), request.max_tokens as usize);
        if let Until::Tokens(tokens) = request.until {
            left = left.min(tokens as usize);
        }
        let mut given = request.given.clone();
        let mut confidences: Vec<f32> = Vec::new();
        let mut first = request.sampling.first;
        loop {
            let mut rng = seed::rng(seed);
            let mut tokens = std::mem::take(&mut given);
            let count = tokens.len();
            let (mut logprobs, mut notes) = (Vec::new(), Notes::default());
            let finish = loop {
                let odds = (self.next)(&path);
                let end = u32::try_from(odds.len().saturating_sub(1)).unwrap_or(u32::MAX);
                let temperature = f64::from(request.sampling.temperature);
                let by_rank = first.take().map(|rank| ranked(&odds, rank)).transpose()?;
                let weights: Vec<f64> = if let Some(token) = by_rank {
                    (0..odds.len()).map(|i| f64::from(u8::from(i == token))).collect()
                } else if temperature <= 0.0 {
                    let most = odds.iter().copied().fold(0.0, f64::max);
                    let first = odds.iter().position(|&p| p >= most);
                    (0..odds.len()).map(|i| f64::from(u8::from(Some(i) == first))).collect()
                } else {
                    odds.iter().map(|p| p.powf(1.0 / temperature)).collect()
                };
                let sum: f64 = weights.iter().sum();
                let mut draw = rng.uniform() * sum;
                let drawn = weights.iter().position(|weight| {
                    draw -= weight;
                    draw < 0.0
                });
                let drawn = drawn.unwrap_or(odds.len().saturating_sub(1));
                #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
                let narrow = |value: f64| value as f32;
                logprobs.push(narrow(odds[drawn].ln()));
                let watch = request.watch;
                let mut logs: Vec<f64> = odds.iter().map(|p| p.max(1e-30).ln()).collect();
                logs.sort_by(|a, b| b.total_cmp(a));
                if watch.confidence > 0 {
                    let k = (watch.confidence as usize).min(logs.len());
                    let confidence = narrow(-logs[..k].iter().sum::<f64>() / k as f64);
                    notes.confidence.push(confidence);
                    confidences.push(confidence);
                }
                if watch.certainty {
                    let size = logs.len() as f64;
                    let sum: f64 = logs.iter().map(|log| log + size.ln()).sum();
                    notes.certainty.push(narrow(-sum / size));
                }
                if watch.drawn {
                    notes.drawn.push(narrow((weights[drawn] / sum).ln()));
                }
                let token = u32::try_from(drawn).unwrap_or(u32::MAX);
                tokens.push(token);
                path.push(token);
                left = left.saturating_sub(1);
                let halted = watch.halt.is_some_and(|halt| {
                    let window = halt.window as usize;
                    confidences.len() >= window && {
                        let last = &confidences[confidences.len() - window..];
                        last.iter().sum::<f32>() / (window as f32) < halt.below
                    }
                });
                if token == end {
                    break Some(Finish::Stop);
                } else if halted {
                    break Some(Finish::Halted);
                } else if left == 0 {
                    let counted = matches!(request.until, Until::Tokens(_));
                    break Some(if counted { Finish::Step } else { Finish::Length });
                } else if tokens.len() >= self.step_tokens {
                    break None;
                }
            };
            let odds = (self.next)(&path);
            let end = u32::try_from(odds.len().saturating_sub(1)).unwrap_or(u32::MAX);
            steps.push(Step {
                text: Self::text(&tokens, end),
                closing: u32::from(finish == Some(Finish::Stop)),
                given: u32::try_from(count).unwrap_or(u32::MAX),
                notes: (notes != Notes::default()).then(|| Box::new(notes)),
                tokens,
                logprobs,
            });
            let finish = match finish {
                Some(finish) => finish,
                None if steps.len() >= request.until.most_steps() => Finish::Step,
                None => {
                    seed = seed::child(seed, 0);
                    continue;
                }
            };
            return Ok(Completion { steps, finish, prompt_tokens: 1 });
        }
    }
}

impl Generator for Markov {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        Ok(Generated::by_seed(batch, |request, seed| self.line(request, seed)))
    }

    fn vocabulary_size(&self) -> Option<u32> {
        self.size
    }
}
