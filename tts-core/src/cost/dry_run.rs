//! A generator and a scorer that write nothing, but note what they are asked for.
//!
//! Every solution has the same number of steps of the same length, no text twice, and ends with an
//! answer; scores are drawn from the path. So a strategy runs as it would, on a model that always
//! gets to its end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{ModelCost, Passes};
use crate::model::generator::BoxError;
use crate::model::scorer::Scored;
use crate::{
    Completion, Finish, Generated, Generator, Notes, Request, Scale, Step, StepScorer, Trajectory,
    Until, Watch, seed,
};

/// Different answers: enough that a vote is one, few enough that it takes no time for any N.
const ANSWERS: u64 = 64;

/// What every solution looks like, and what the engine does at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) prompt_tokens: u64,
    pub(super) step_tokens: u32,
    pub(super) steps: u32,
    pub(super) max_lines: u64,
    pub(super) prefill_rows: u64,
    pub(super) scale: Scale,
}

/// Passes of the rounds so far.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) written: Passes,
    pub(super) judged: Passes,
    /// Whether the prompt was read, by the writer and by the judge.
    read: [bool; 2],
}

#[derive(Debug)]
pub(super) struct DryGenerator<'a> {
    pub(super) scene: Scene,
    pub(super) cost: ModelCost,
    pub(super) log: &'a Mutex<Log>,
}

#[derive(Debug)]
pub(super) struct DryScorer<'a> {
    pub(super) scene: Scene,
    pub(super) cost: ModelCost,
    pub(super) log: &'a Mutex<Log>,
}

/// Distinct tokens of some steps: those of a node count once, whoever shares it.
#[derive(Default)]
struct Distinct {
    seen: HashSet<*const Step>,
    tokens: u64,
}

impl Distinct {
    fn add(&mut self, steps: &[Arc<Step>]) {
        for step in steps {
            if self.seen.insert(Arc::as_ptr(step)) {
                self.tokens += step.tokens.len() as u64;
            }
        }
    }
}

fn length(steps: &[Arc<Step>]) -> u64 {
    steps.iter().map(|step| step.tokens.len() as u64).sum()
}

/// What was asked for, of tokens that are all alike.
fn notes(watch: &Watch, each: &[f32]) -> Option<Box<Notes>> {
    let noted = |asked: bool| if asked { each.to_vec() } else { Vec::new() };
    let notes = Notes {
        confidence: noted(watch.confidence > 0),
        certainty: noted(watch.certainty),
        drawn: noted(watch.drawn),
    };
    (!watch.is_idle()).then(|| Box::new(notes))
}

impl DryGenerator<'_> {
    fn line(&self, request: &Request, mut seed: u64) -> Completion {
        let most = request.until.most_steps();
        let mut left = match request.until {
            Until::Tokens(tokens) => tokens.min(request.max_tokens),
            _ => request.max_tokens,
        };
        let mut before = request.prefix.len();
        let mut steps: Vec<Step> = Vec::new();
        // Whoever takes up a finished path again wants a last word.
        let mut append = request.given.clone();
        append.extend(request.append.as_deref().map(given_tokens).unwrap_or_default());
        loop {
            let end = before + 1 >= self.scene.steps as usize;
            let count = self.scene.step_tokens.min(left).max(1);
            let given = u32::try_from(append.len()).unwrap_or(u32::MAX);
            let mut tokens = std::mem::take(&mut append);
            #[expect(clippy::cast_possible_truncation, reason = "any token will do")]
            tokens.extend((0..count).map(|token| seed as u32 ^ token));
            let text = if end {
                format!("{seed}: the answer is {}.", seed % ANSWERS)
            } else {
                format!("{seed}\n")
            };
            let logprobs = vec![-0.5; count as usize];
            let notes = notes(&request.watch, &logprobs);
            steps.push(Step { text, tokens, given, logprobs, notes, ..Step::default() });
            left = left.saturating_sub(count);
            before += 1;
            seed = seed::child(seed, 0);
            let finish = if end && count == self.scene.step_tokens {
                Finish::Stop
            } else if left == 0 {
                Finish::Length
            } else if steps.len() >= most {
                Finish::Step
            } else {
                continue;
            };
            return Completion { steps, finish, prompt_tokens: self.scene.prompt_tokens };
        }
    }

    /// The passes of a round: all lines of it together, as many at a time as may run.
    fn passes(&self, batch: &[Request], out: &[Generated]) -> Passes {
        let mut shared = Distinct::default();
        let (mut lines, mut rows, mut longest) = (0.0, 0.0, 0.0_f64);
        let (mut attended, mut own) = (0.0, 0.0);
        for (request, generated) in batch.iter().zip(out) {
            shared.add(request.prefix.steps());
            let context = self.scene.prompt_tokens + length(request.prefix.steps());
            for line in generated.lines.iter().flatten() {
                let tokens: u64 = line.steps.iter().map(|step| step.tokens.len() as u64).sum();
                let tokens = tokens as f64;
                let written = tokens * (tokens + 1.0) / 2.0;
                lines += 1.0;
                rows += tokens;
                longest = longest.max(tokens);
                attended += context as f64 * tokens + written;
                own += written;
            }
        }
        let count = longest.max(rows / self.scene.max_lines.max(1) as f64);
        let together =
            if lines > 0.0 { (self.scene.max_lines as f64 / lines).min(1.0) } else { 1.0 };
        // Waves read the prompt each, and the steps of their own lines only.
        let common = self.scene.prompt_tokens as f64 + shared.tokens as f64 * together;
        Passes { count, rows, drawn: rows, attended, read: count * common + own }
    }
}

/// About four bytes a token.
fn given_tokens(text: &str) -> Vec<u32> {
    vec![0; text.len().div_ceil(4)]
}

fn lock(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Generator for DryGenerator<'_> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let out = Generated::by_seed(batch, |request, seed| Ok(self.line(request, seed)));
        let mut log = lock(self.log);
        if !std::mem::replace(&mut log.read[0], true) {
            // The last token of a prompt is the first row of its lines.
            let tokens = self.scene.prompt_tokens.saturating_sub(1);
            let prompt = Passes::prefill(0, tokens, self.scene.prefill_rows);
            log.written = log.written + Passes { drawn: 0.0, ..prompt };
        }
        log.written = log.written + self.passes(batch, &out);
        Ok(out)
    }

    fn cost(&self) -> ModelCost {
        self.cost
    }
}

impl StepScorer for DryScorer<'_> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let mut log = lock(self.log);
        let mut passes = Passes::default();
        if !std::mem::replace(&mut log.read[1], true) {
            let tokens = self.scene.prompt_tokens;
            passes = passes + Passes::prefill(0, tokens, self.scene.prefill_rows);
        }
        let (mut shared, mut fresh) = (Distinct::default(), Distinct::default());
        let mut attended = 0.0;
        for path in batch {
            let before = self.scene.prompt_tokens + length(path.judged_steps());
            let tokens = length(path.fresh_steps()) as f64;
            shared.add(path.judged_steps());
            fresh.add(path.fresh_steps());
            attended += before as f64 * tokens + tokens * (tokens + 1.0) / 2.0;
        }
        let rows = fresh.tokens as f64;
        let count = (rows / self.scene.prefill_rows.max(1) as f64).ceil();
        let context = self.scene.prompt_tokens as f64 + shared.tokens as f64;
        let judged = Passes { count, rows, drawn: 0.0, attended, read: context + rows };
        log.judged = log.judged + Passes { drawn: 0.0, ..passes } + judged;
        let judge = |path: &Trajectory| {
            let draw = |step: &Arc<Step>| seed::rng(seed::hash_text(0, &step.text)).uniform();
            Scored::of(path.fresh_steps().iter().map(draw).collect())
        };
        Ok(batch.iter().map(judge).collect())
    }

    fn cost(&self) -> ModelCost {
        self.cost
    }

    fn scale(&self) -> Scale {
        self.scene.scale
    }
}
