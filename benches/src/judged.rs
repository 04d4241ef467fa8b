//! Best-of-N by a judge, beside as many tokens sampled plainly.
//!
//! The model judges what it wrote itself, so that judgements run in the passes of other problems' samples. Both sides write
//! lines of one length, run in turn in one process with an empty cache each, and what is told is the ratio of seconds a
//! token. Beside what they write, judges read questions: about one sample each, which is read once for all of its
//! judgements, or about all samples, which is read anew in each order.

use std::time::Instant;

use serde::Serialize;
use tts_core::{BoxError, Outcome, Prompt, Sampling, Scripted, Search, SearchStrategy};
use tts_models::{InstructionSet, LanguageModel};
use tts_prm::critic::{BestByJudge, Judge, Jury};
use tts_search::SelfConsistency;

use crate::account::limited;
use crate::workloads::{ids, rule};

/// Seconds a token of judged and of plain samples.
#[derive(Debug, Clone, Serialize)]
pub struct JudgedFigures {
    /// What a judgement is about.
    pub workload: String,
    /// Problems at once.
    pub problems: usize,
    /// Samples of each.
    pub samples: usize,
    /// Judgements of each sample, or of all of them.
    pub judgements: usize,
    /// Tokens of each line.
    pub line_tokens: u32,
    /// Tokens generated on each side, in a round.
    pub tokens: [u64; 2],
    /// Seconds of each side, the median of all rounds: judged, plain.
    pub seconds: [f64; 2],
    /// Seconds a token of the first over those of the second, by the medians.
    pub ratio: f64,
    /// The least and the greatest ratio of a round.
    pub range: [f64; 2],
    /// How often each side ran.
    pub rounds: usize,
    /// What kernels ran on, where that is not the largest set of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction_set: Option<InstructionSet>,
}

/// How much is judged.
#[derive(Debug, Clone, Copy)]
pub struct JudgedSize {
    /// Problems at once.
    pub problems: usize,
    /// Samples of each.
    pub samples: usize,
    /// Judgements of each sample, or of all of them.
    pub judgements: usize,
    /// Tokens of each line.
    pub line_tokens: u32,
    /// How often each side runs, after one round that does not count.
    pub rounds: usize,
}

/// Samples of several problems, judged, beside as many lines that are not; with `together` a judgement is about all samples of
/// a problem, else about one.
///
/// # Errors
/// When the model fails, or has no chat.
pub fn judged(
    model: &dyn LanguageModel,
    size: JudgedSize,
    together: bool,
    sampling: Sampling,
) -> Result<JudgedFigures, BoxError> {
    let JudgedSize { problems, samples, judgements, line_tokens, rounds } = size;
    if rounds == 0 {
        return Err("rounds is 0, expected at least 1".into());
    }
    let name = if together { "deepseek-grm" } else { "score" };
    let judge = Judge { max_tokens: line_tokens, sampling, ..Judge::published(name)? };
    let jury = Jury { role: None, ..Jury::of(judge, judgements) };
    let best = Scripted::of(BestByJudge { n: samples, jury });
    let lines = samples + judgements * if together { 1 } else { samples };
    let plain = SelfConsistency { n: lines, ..SelfConsistency::default() };
    let prompts = prompts(model, problems)?;
    let mut all: [Vec<(u64, f64)>; 2] = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        // Who comes first changes from round to round.
        let order = if round.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        for side in order {
            model.forget();
            let search = Search::new(model).rule(rule(line_tokens)).sampling(sampling);
            let search = search.seed(round as u64).concurrency(problems);
            let found = if side == 0 {
                timed(&search, &best, &prompts)?
            } else {
                timed(&search, &plain, &prompts)?
            };
            // The first makes what all others have: buffers, threads, caches of the processor.
            if round > 0 {
                all[side].push(found);
            }
        }
    }
    let rate = |&(tokens, seconds): &(u64, f64)| seconds / tokens.max(1) as f64;
    let ratios = all[0].iter().zip(&all[1]).map(|(judged, plain)| rate(judged) / rate(plain));
    let (low, high) = ratios.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), ratio| {
        (low.min(ratio), high.max(ratio))
    });
    let middle = |side: &[(u64, f64)], of: &dyn Fn(&(u64, f64)) -> f64| {
        let mut values: Vec<f64> = side.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let half = values.len() / 2;
        if values.len() % 2 == 1 {
            values[half]
        } else {
            f64::midpoint(values[half - 1], values[half])
        }
    };
    Ok(JudgedFigures {
        workload: format!("judged, {}", if together { "all at once" } else { "one by one" }),
        problems,
        samples,
        judgements,
        line_tokens,
        tokens: [0, 1].map(|side| all[side].first().map_or(0, |(tokens, _)| *tokens)),
        seconds: [0, 1].map(|side| middle(&all[side], &|(_, seconds)| *seconds)),
        ratio: middle(&all[0], &rate) / middle(&all[1], &rate),
        range: [low, high],
        rounds,
        instruction_set: limited(),
    })
}

/// Problems that differ from the first token on.
fn prompts(model: &dyn LanguageModel, problems: usize) -> Result<Vec<Prompt>, BoxError> {
    let text = model.tokenizer().decode(&ids(model, None)?, false);
    Ok((0..problems).map(|index| Prompt::text(format!("{index}{text}"))).collect())
}

/// Tokens that are generated, and the seconds that it takes.
fn timed<S: SearchStrategy + Clone>(
    search: &Search<'_>,
    strategy: &S,
    prompts: &[Prompt],
) -> Result<(u64, f64), BoxError> {
    let start = Instant::now();
    let outcomes = search.run_many(strategy, prompts.iter().cloned());
    let seconds = start.elapsed().as_secs_f64();
    let outcomes = outcomes.into_iter().collect::<Result<Vec<Outcome>, _>>()?;
    if let Some(failed) = outcomes.iter().find_map(|outcome| outcome.failed.first()) {
        return Err(failed.error.clone().into());
    }
    Ok((outcomes.iter().map(|outcome| outcome.usage.logical.generated_tokens).sum(), seconds))
}
