//! A toy's line, byte by byte: cut to length, paused, stopped and broken off as a request asks.

use super::END;
use crate::{Completion, Finish, Notes, Request, Step, Until};

/// A step before it is cut to length.
pub(crate) struct Draft {
    pub(crate) text: String,
    /// Log-probability of the choice, which shows in the last token of the line.
    pub(crate) logprob: f64,
    pub(crate) end: bool,
    /// The probabilities of what could have been chosen; one, of a line without a choice.
    pub(crate) choice: Vec<f64>,
    /// Log-probability of the choice as it was drawn.
    pub(crate) drawn: f64,
}

impl Draft {
    /// What is left of `line` after a part of it was written.
    pub(crate) fn rest(line: &str, partial: &str, logprob: f64, end: bool) -> Self {
        let text = line.strip_prefix(partial).unwrap_or(line).to_owned();
        Self { text, logprob, end, choice: vec![1.0], drawn: logprob }
    }
}

/// How many options what a toy tells of its certainty is over.
pub(crate) const OPTIONS: u32 = 5;

/// What a choice tells of its certainty: minus the mean log-probability of the `k` most probable of five
/// options, and `-1/5 sum ln(5 p)`. What is impossible counts as one in a million.
fn signals(choice: &[f64], k: usize) -> (f32, f32) {
    let option = |option: u32| choice.get(option as usize).copied().unwrap_or(0.0);
    let mut logs: Vec<f64> = (0..OPTIONS).map(|place| option(place).max(1e-6).ln()).collect();
    logs.sort_by(|a, b| b.total_cmp(a));
    let k = k.clamp(1, logs.len());
    let confidence = -logs[..k].iter().sum::<f64>() / k as f64;
    let options = f64::from(OPTIONS);
    let certainty = -logs.iter().map(|log| log + options.ln()).sum::<f64>() / options;
    #[expect(clippy::cast_possible_truncation, reason = "signals are f32")]
    let signals = (confidence as f32, certainty as f32);
    signals
}

/// One line of a request, step by step.
pub(crate) struct Writing<'r> {
    request: &'r Request,
    /// Generated tokens that may still be written.
    left: usize,
    most: usize,
    steps: Vec<Step>,
    finish: Option<Finish>,
    /// Whether the last step was cut: it goes on in the next one.
    cut: bool,
    /// Confidence of the tokens of the whole line.
    confidence: Vec<f32>,
    /// All text of the line, given words included.
    text: String,
}

impl<'r> Writing<'r> {
    pub(crate) fn new(request: &'r Request) -> Self {
        let mut left = request.max_tokens as usize;
        if let Until::Tokens(tokens) = request.until {
            left = left.min(tokens as usize);
        }
        let room = (request.rule.max_steps as usize).saturating_sub(request.prefix.len()).max(1);
        Self {
            request,
            left,
            most: request.until.most_steps().min(room),
            steps: Vec::new(),
            finish: None,
            cut: false,
            confidence: Vec::new(),
            text: String::new(),
        }
    }

    /// What the line begins with: the text of the tokens that were kept, and the words that were put behind.
    pub(crate) fn begun(&self) -> String {
        let bytes = self.request.given.iter().filter_map(|&token| u8::try_from(token).ok());
        bytes
            .map(char::from)
            .chain(self.request.append.iter().flat_map(|text| text.chars()))
            .collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn goes_on(&self) -> bool {
        self.finish.is_none() && self.steps.len() < self.most && self.left > 0
    }

    /// Writes a step, and returns all that it adds to the text.
    pub(crate) fn write(&mut self, draft: &Draft) -> &str {
        let rule = &self.request.rule;
        let mut given: Vec<u32> = Vec::new();
        if self.steps.is_empty() {
            given.clone_from(&self.request.given);
            given.extend(self.request.append.iter().flat_map(|text| text.bytes()).map(u32::from));
        }
        let mut tokens: Vec<u32> = draft.text.bytes().map(u32::from).collect();
        if draft.end {
            tokens.push(END);
        }
        let last = tokens.len();
        let room = self.left.min(rule.max_step_tokens as usize);
        self.cut = tokens.len() > room;
        tokens.truncate(room);
        let k = self.request.watch.confidence as usize;
        let choice = |place: usize| if place + 1 == last { &draft.choice[..] } else { &[1.0] };
        let noted: Vec<(f32, f32)> =
            (0..tokens.len()).map(|place| signals(choice(place), k)).collect();
        // What comes first ends the line; of what comes at once, the first in the order of `Finish`.
        let text = |texts, finish| {
            let (place, length) = self.first_end(texts, &given, &tokens)?;
            Some((place, finish, length.min(given.len() + place)))
        };
        let ended = tokens.last() == Some(&END);
        let endings = [
            text(&rule.stop, Finish::Stop),
            ended.then_some((tokens.len(), Finish::Stop, 1)),
            text(&rule.pause, Finish::Pause),
            self.halts(&noted).map(|place| (place + 1, Finish::Halted, 0)),
        ];
        let first = endings.into_iter().flatten().min_by_key(|&(place, ..)| place);
        let (finish, closing) = match first {
            Some((place, finish, closing)) => {
                tokens.truncate(place);
                (Some(finish), closing)
            }
            None => (None, 0),
        };
        let whole = tokens.len() == last;
        let at_last = |value: f64| -> Vec<f32> {
            let mut values = vec![0.0; tokens.len()];
            // The whole choice shows in the last token of the line, wherever that is cut.
            if let Some(last) = values.last_mut() {
                #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
                let value = value as f32;
                *last = value;
            }
            values
        };
        let watch = self.request.watch;
        let noted = &noted[..tokens.len()];
        let notes = Notes {
            confidence: if k > 0 { noted.iter().map(|n| n.0).collect() } else { Vec::new() },
            certainty: if watch.certainty {
                noted.iter().map(|n| n.1).collect()
            } else {
                Vec::new()
            },
            drawn: match watch.drawn {
                true if whole => at_last(draft.drawn),
                true => vec![0.0; tokens.len()],
                false => Vec::new(),
            },
        };
        self.confidence.extend(noted.iter().map(|n| n.0));
        self.left = self.left.saturating_sub(tokens.len());
        let logprobs = at_last(draft.logprob);
        let before = self.text.len();
        let count = given.len();
        given.extend(tokens);
        let bytes = given.iter().filter_map(|&token| u8::try_from(token).ok());
        let text: String = bytes.map(char::from).collect();
        self.text.push_str(&text);
        self.finish = finish;
        self.steps.push(Step {
            text,
            tokens: given,
            given: u32::try_from(count).unwrap_or(u32::MAX),
            logprobs,
            closing: u32::try_from(closing).unwrap_or(u32::MAX),
            notes: (notes != Notes::default()).then(|| Box::new(notes)),
        });
        &self.text[before..]
    }

    /// After how many generated bytes the first of these texts ends, and how long it is.
    fn first_end(&self, texts: &[String], given: &[u32], tokens: &[u32]) -> Option<(usize, usize)> {
        let mut so_far: Vec<u8> = self.text.bytes().collect();
        so_far.extend(given.iter().filter_map(|&token| u8::try_from(token).ok()));
        for (place, &token) in tokens.iter().enumerate() {
            so_far.extend(u8::try_from(token).ok());
            let ended = texts.iter().filter(|text| so_far.ends_with(text.as_bytes()));
            if let (Some(text), true) = (ended.max_by_key(|text| text.len()), token != END) {
                return Some((place + 1, text.len()));
            }
        }
        None
    }

    /// The token at which the line is broken off, if it is.
    fn halts(&self, noted: &[(f32, f32)]) -> Option<usize> {
        let halt = self.request.watch.halt?;
        let window = halt.window as usize;
        let all: Vec<f32> =
            self.confidence.iter().copied().chain(noted.iter().map(|noted| noted.0)).collect();
        (0..noted.len()).find(|&place| {
            let end = self.confidence.len() + place + 1;
            end >= window && {
                let last = &all[end - window..end];
                last.iter().sum::<f32>() / (window as f32) < halt.below
            }
        })
    }

    pub(crate) fn complete(self, prompt_tokens: u64) -> Completion {
        let out = self.left == 0 && self.request.until == Until::End;
        let steps = self.steps.len();
        let full = steps >= self.most && steps < self.request.until.most_steps();
        let short = if out || full || self.cut { Finish::Length } else { Finish::Step };
        let finish = self.finish.unwrap_or(short);
        Completion { steps: self.steps, finish, prompt_tokens }
    }
}
