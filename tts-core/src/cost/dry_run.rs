//! A generator and a scorer that write nothing, but note what they are asked for.
//!
//! Every solution has the same number of steps of the same length, no text twice, and ends with an
//! answer; scores are drawn from the path. So a strategy runs as it would, on a model that always
//! gets to its end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::model::attended;
use super::{ModelCost, ModelShape, Near, Passes, Work};
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

/// Passes of the rounds so far, and what they compute and move: of each kind by itself, since a mean pass of several
/// kinds reads other experts than they do.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) written: (Passes, Work),
    pub(super) judged: (Passes, Work),
    /// Whether the prompt was read, by the writer and by the judge.
    read: [bool; 2],
}

#[derive(Debug)]
pub(super) struct DryGenerator<'a> {
    pub(super) scene: Scene,
    pub(super) shape: ModelShape,
    pub(super) log: &'a Mutex<Log>,
}

#[derive(Debug)]
pub(super) struct DryScorer<'a> {
    pub(super) scene: Scene,
    pub(super) shape: ModelShape,
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

/// Adds passes of one kind.
fn add(sum: &mut (Passes, Work), passes: Passes, shape: &ModelShape) {
    *sum = (sum.0 + passes, sum.1 + passes.work(shape));
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
        let (mut all, mut own) = (0.0, 0.0);
        let window = self.shape.near().map(|(_, window)| window);
        // What windows show: of all, of what a line writes itself, and of what a request's lines have in common.
        let (mut near, mut near_own, mut near_shared) = (0.0, 0.0, 0.0);
        for (request, generated) in batch.iter().zip(out) {
            shared.add(request.prefix.steps());
            let context = self.scene.prompt_tokens + length(request.prefix.steps());
            let mut common = 0.0_f64;
            for line in generated.lines.iter().flatten() {
                let tokens: u64 = line.steps.iter().map(|step| step.tokens.len() as u64).sum();
                lines += 1.0;
                rows += tokens as f64;
                longest = longest.max(tokens as f64);
                all += attended(context, tokens, None);
                own += attended(0, tokens, None);
                let [seen, alone] = [context, 0].map(|before| attended(before, tokens, window));
                near += seen;
                near_own += alone;
                common = common.max(seen - alone);
            }
            near_shared += common;
        }
        let count = longest.max(rows / self.scene.max_lines.max(1) as f64);
        let together =
            if lines > 0.0 { (self.scene.max_lines as f64 / lines).min(1.0) } else { 1.0 };
        // Waves read the prompt each, and the steps of their own lines only.
        let common = self.scene.prompt_tokens as f64 + shared.tokens as f64 * together;
        let near = window.map(|_| {
            let waves = if longest > 0.0 { count / longest } else { 1.0 };
            let read = (near_shared * waves).min(count * common) + near_own;
            Near { attended: near, read }
        });
        Passes { count, rows, drawn: rows, attended: all, read: count * common + own, near }
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
            let prompt = self.shape.prefill(0, tokens, self.scene.prefill_rows);
            add(&mut log.written, Passes { drawn: 0.0, ..prompt }, &self.shape);
        }
        add(&mut log.written, self.passes(batch, &out), &self.shape);
        Ok(out)
    }

    fn cost(&self) -> ModelCost {
        self.shape.cost()
    }
}

impl StepScorer for DryScorer<'_> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let mut log = lock(self.log);
        if !std::mem::replace(&mut log.read[1], true) {
            let prompt = self.shape.prefill(0, self.scene.prompt_tokens, self.scene.prefill_rows);
            add(&mut log.judged, Passes { drawn: 0.0, ..prompt }, &self.shape);
        }
        let (mut shared, mut fresh) = (Distinct::default(), Distinct::default());
        let window = self.shape.near().map(|(_, window)| window);
        let (mut all, mut near, mut behind) = (0.0, 0.0, 0.0);
        for path in batch {
            let before = self.scene.prompt_tokens + length(path.judged_steps());
            let tokens = length(path.fresh_steps());
            shared.add(path.judged_steps());
            fresh.add(path.fresh_steps());
            all += attended(before, tokens, None);
            near += attended(before, tokens, window);
            behind += before.min(window.map_or(u64::MAX, |window| window - 1)) as f64;
        }
        let rows = fresh.tokens as f64;
        let count = (rows / self.scene.prefill_rows.max(1) as f64).ceil();
        let context = self.scene.prompt_tokens as f64 + shared.tokens as f64;
        let near = window.map(|_| Near { attended: near, read: behind.min(context) + rows });
        let read = context + rows;
        let judged = Passes { count, rows, drawn: 0.0, attended: all, read, near };
        add(&mut log.judged, judged, &self.shape);
        let judge = |path: &Trajectory| {
            let draw = |step: &Arc<Step>| seed::rng(seed::hash_text(0, &step.text)).uniform();
            Scored::of(path.fresh_steps().iter().map(draw).collect())
        };
        Ok(batch.iter().map(judge).collect())
    }

    fn cost(&self) -> ModelCost {
        self.shape.cost()
    }

    fn scale(&self) -> Scale {
        self.scene.scale
    }
}
