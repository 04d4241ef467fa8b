//! Timing of the points of one model.
//!
//! A point is run three times and its median taken. Writing is timed as the difference between
//! calls for many tokens and for one, on prompts that the engine knows, so that what a call costs
//! besides its passes is left out.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use tts_core::cost::Passes;
use tts_core::{Prompt, Request, StepRule, Trajectory, Until, seed};
use tts_models::LanguageModel;

use super::models::LETTERS;
use super::{MOST_BYTES, MOST_SECONDS, PREFILL_ROWS, Phase, Point, median};
use crate::Error;

/// Runs of a point.
const REPEATS: u64 = 3;
/// A prompt that takes longer than this to read is read once.
const LONG: f64 = 3.0;
/// Passes of a timed stretch of writing, at least; more for small models, up to the second number.
const PASSES: [u32; 2] = [16, 128];
/// What such a stretch should take, in seconds.
const WORTH_TIMING: f64 = 0.3;

/// A model whose points are measured.
pub struct Subject<'a> {
    /// In tables.
    pub name: &'a str,
    /// The model, with room for all the points in its cache.
    pub model: &'a dyn LanguageModel,
    /// What the process held before any model was loaded, in bytes.
    pub before: Option<u64>,
    /// The most that the process should have held so far, in bytes.
    pub most: &'a Cell<u64>,
    /// Called before each point, with what comes.
    pub progress: &'a dyn Fn(String),
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Measures all numbers of lines behind one context; nothing if the model has no room for it.
///
/// # Errors
/// When the model fails.
pub fn measure(subject: &Subject<'_>, context: u64, lines: &[u64]) -> Result<Vec<Point>, Error> {
    let mut points = Vec::new();
    if context + u64::from(PASSES[1]) < subject.positions() {
        subject.context(context, lines, &mut points)?;
    }
    Ok(points)
}

/// Memory that the process holds now, in bytes, where the system tells.
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? * 1024)
}

impl Subject<'_> {
    fn positions(&self) -> u64 {
        self.model.model_config().max_position_embeddings as u64
    }

    /// A prompt of about `tokens` tokens, another for each `number` from its first letter on.
    fn prompt(&self, tokens: u64, number: u64) -> Result<Arc<Prompt>, Error> {
        let mut rng = seed::rng(seed::mix(number, 17));
        let letters: Vec<char> = LETTERS.chars().collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let mut letter =
            || letters[(rng.uniform() * letters.len() as f64) as usize % letters.len()];
        let mut text = String::new();
        // Tokenizers of real models make fewer tokens than letters.
        let mut count = 0;
        while count < tokens {
            for _ in count..tokens {
                text.push(letter());
            }
            count = self.model.encode(&Prompt::text(text.as_str()))?.len() as u64;
        }
        Ok(Arc::new(Prompt::text(text)))
    }

    /// Seconds of `tokens` new tokens on each line.
    fn run(
        &self,
        prompts: &[Arc<Prompt>],
        lines: u64,
        tokens: u32,
        seed: u64,
    ) -> Result<f64, Error> {
        let rule = StepRule {
            delimiters: Vec::new(),
            max_step_tokens: tokens,
            max_tokens: tokens,
            ..StepRule::default()
        };
        let rule = Arc::new(rule);
        let each = lines / prompts.len() as u64;
        let request = |prompt: &Arc<Prompt>| Request {
            until: Until::Tokens(tokens),
            rule: Arc::clone(&rule),
            max_tokens: tokens,
            ..Request::new(
                Trajectory::new(Arc::clone(prompt), Vec::new(), 0, false),
                (0..each).map(|line| seed::mix(seed, line)).collect(),
            )
        };
        let requests: Vec<Request> = prompts.iter().map(request).collect();
        let start = Instant::now();
        let generated = self.model.generate(&requests)?;
        let seconds = start.elapsed().as_secs_f64();
        for line in generated.into_iter().flat_map(|generated| generated.lines) {
            let found = line?.generated();
            if found != u64::from(tokens) {
                return Err(format!("a line has {found} tokens, expected {tokens}").into());
            }
        }
        Ok(seconds)
    }

    fn point(&self, phase: Phase, context: u64, lines: u64, passes: Passes) -> Point {
        Point {
            model: self.name.to_owned(),
            shape: self.model.shape(),
            phase,
            context,
            lines,
            passes,
            seconds: None,
            memory: None,
            expected_memory: 0,
            fitted: false,
            predicted: 0.0,
        }
    }

    /// Notes what the process holds, and what it should, with so many tokens and sequences in the engine.
    fn weigh(&self, point: &mut Point, (tokens, sequences): (u64, u64)) {
        point.expected_memory = point.shape.memory(tokens, sequences);
        if point.expected_memory <= self.most.get() {
            return;
        }
        self.most.set(point.expected_memory);
        point.memory = resident().zip(self.before).map(|(now, before)| now.saturating_sub(before));
    }

    fn context(&self, tokens: u64, lines: &[u64], points: &mut Vec<Point>) -> Result<(), Error> {
        (self.progress)(format!("{}: a prompt of {tokens} tokens", self.name));
        let first = self.prompt(tokens, 0)?;
        let context = self.model.encode(&first)?.len() as u64;
        let mut times = Vec::new();
        for repeat in 0..REPEATS {
            self.model.forget();
            times.push(self.run(std::slice::from_ref(&first), 1, 1, repeat)?);
            if times.last().is_some_and(|&seconds| seconds > LONG) {
                break;
            }
        }
        let reading = median(times).unwrap_or_default();
        let passes = self.model.shape().prefill(0, context, PREFILL_ROWS as u64);
        let mut prefill = self.point(Phase::Prefill, context, 1, passes);
        prefill.seconds = Some(reading);
        self.weigh(&mut prefill, (context, 1));
        points.push(prefill);

        let mut held = (context, 1);
        for &count in lines {
            (self.progress)(format!("{}: {count} lines behind {tokens} tokens", self.name));
            let prompts = std::slice::from_ref(&first);
            self.decode(Phase::DecodeShared, prompts, context, count, &mut held, points)?;
        }
        self.model.forget();
        let mut prompts = vec![first];
        held = (0, 0);
        for &count in lines.iter().filter(|&&count| count > 1) {
            let bytes = self.model.shape().key_value_bytes(count * context, count);
            // What it would take from nothing, with what the prompts before it took.
            if bytes > MOST_BYTES || reading * count as f64 > MOST_SECONDS {
                let passes = self.model.shape().decode(count, 0, context, PASSES[0].into());
                let mut point = self.point(Phase::DecodeOwn, context, count, passes);
                point.expected_memory = point.shape.memory(count * context, count);
                points.push(point);
                continue;
            }
            (self.progress)(format!("{}: {count} lines of {tokens} tokens", self.name));
            for number in prompts.len() as u64..count {
                prompts.push(self.prompt(tokens, number)?);
            }
            self.run(&prompts, count, 1, 0)?;
            held = (held.0.max(count * context), held.1.max(count));
            self.decode(Phase::DecodeOwn, &prompts, context, count, &mut held, points)?;
        }
        self.model.forget();
        Ok(())
    }

    /// Times writing behind prompts that the engine knows.
    fn decode(
        &self,
        phase: Phase,
        prompts: &[Arc<Prompt>],
        context: u64,
        lines: u64,
        held: &mut (u64, u64),
        points: &mut Vec<Point>,
    ) -> Result<(), Error> {
        let trial = self.run(prompts, lines, PASSES[0] + 1, 1)?;
        let enough = f64::from(PASSES[0]) * WORTH_TIMING / trial;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let count = enough.clamp(PASSES[0].into(), PASSES[1].into()) as u32;
        let (mut short, mut long) = (Vec::new(), Vec::new());
        for repeat in 0..REPEATS {
            short.push(self.run(prompts, lines, 1, repeat)?);
            long.push(self.run(prompts, lines, count + 1, repeat + 2)?);
        }
        held.0 += lines * u64::from(PASSES[0]) + REPEATS * lines * u64::from(count);
        held.1 += lines * (1 + 2 * REPEATS);
        let (short, long) = (median(short).unwrap_or_default(), median(long).unwrap_or_default());
        let (shared, own) = if phase == Phase::DecodeShared { (context, 0) } else { (0, context) };
        let passes = self.model.shape().decode(lines, shared, own, count.into());
        let mut point = self.point(phase, context, lines, passes);
        // A stretch that was disturbed enough to seem shorter than its beginning means nothing.
        point.seconds = (long > short).then_some(long - short);
        self.weigh(&mut point, *held);
        points.push(point);
        Ok(())
    }
}
