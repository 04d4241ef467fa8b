//! From rewarded groups to examples of a trainer.
//!
//! Each run of generated tokens of a sample is an example: the tokens before it are read, and its own learnt by
//! their advantages. What a sample's loss is divided by follows from the objective; of several runs the first
//! counts in the divisor of the update, unless tokens do.
//!
//! A sample without an advantage has no gradient, and is not computed: what it counts in the divisor is added to
//! another's, so that the update is the same. An update of which nothing is left is none, and leaves weights and
//! moments as they are.
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), equation 3; for what sampler and trainer disagree on, Yao et al.
//! 2025, "Your efficient RL framework secretly brings you off-policy RL training" (truncated importance sampling).

use tts_core::{Given, Likelihood};
use tts_models::train::{Example, Online, PolicyGoal, Ratio};

use super::{Cut, Divisor, Objective, Old, ReinforceConfig, Sample};
use crate::PrmError;

/// A sample with an advantage for each of its tokens.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) sample: &'a Sample,
    /// Token ids of what its writer was asked.
    pub(super) prompt: &'a [u32],
    pub(super) advantage: Vec<f64>,
}

/// Who tells log-probabilities.
pub(super) struct Tellers<'a> {
    pub(super) online: &'a mut Online,
    pub(super) reference: Option<&'a dyn Likelihood>,
}

/// The examples of one update; none where nothing is to be learnt.
pub(super) fn examples<'j>(
    config: &ReinforceConfig,
    objective: &Objective,
    judged: impl Iterator<Item = &'j Judged<'j>>,
    tellers: &mut Tellers<'_>,
) -> Result<Vec<Example>, PrmError> {
    let mut examples = Vec::new();
    let mut counts = 0.0;
    for one in judged {
        let generated = one.sample.generated();
        if generated == 0 || (config.cut == Cut::Mask && !one.sample.is_finished()) {
            continue;
        }
        let runs = &one.sample.runs;
        if runs.len() > 1 && objective.ratio == Ratio::Sequence {
            let problem = "ratios of sequences, but the sampler puts tokens in between: expected those of tokens";
            return Err(PrmError::reinforce("ratio", problem));
        }
        for (place, run) in runs.iter().enumerate() {
            let count = run.logprobs.len();
            let own = &one.advantage[run.first..run.first + count];
            let own_counts = match (objective.divisor, place) {
                (Divisor::Tokens, _) => number(count),
                (_, 0) => 1.0,
                _ => 0.0,
            };
            counts += own_counts;
            if objective.beta <= 0.0 && own.iter().all(|advantage| *advantage == 0.0) {
                continue;
            }
            let weight = match objective.divisor {
                Divisor::Sequence => 1.0 / number(generated),
                Divisor::Tokens | Divisor::Samples => 1.0,
                Divisor::Constant => 1.0 / number(config.rule.max_tokens as usize),
            };
            let mut tokens = one.prompt.to_vec();
            tokens.extend(&one.sample.tokens[..run.first + count]);
            let goal = PolicyGoal {
                first: one.prompt.len() + run.first,
                advantage: own.iter().map(|advantage| narrow(*advantage)).collect(),
                old: run.logprobs.clone(),
                reference: None,
                importance: None,
                ratio: objective.ratio,
                clip: objective.bounds(),
                beta: objective.beta,
                weight,
                counts: own_counts,
            };
            examples.push(Example::drawn(tokens, goal));
        }
    }
    let kept: f32 = goals(&mut examples).map(|goal| goal.counts).sum();
    if let Some(first) = goals(&mut examples).next() {
        // Whole numbers below 2^24: the divisor is the same to the bit.
        first.counts += counts - kept;
    }
    tell(config, &mut examples, tellers)?;
    Ok(examples)
}

fn goals(examples: &mut [Example]) -> impl Iterator<Item = &mut PolicyGoal> {
    examples.iter_mut().filter_map(|example| example.policy.as_mut())
}

/// Puts in the log-probabilities of others than who wrote.
fn tell(
    config: &ReinforceConfig,
    examples: &mut [Example],
    tellers: &mut Tellers<'_>,
) -> Result<(), PrmError> {
    if config.old == Old::Recomputed && !examples.is_empty() {
        let texts: Vec<(&[u32], usize)> = examples
            .iter()
            .filter_map(|example| Some((&example.tokens[..], example.policy.as_ref()?.first)))
            .collect();
        let told = tellers.online.logprobs(&texts)?;
        for (goal, told) in goals(examples).zip(told) {
            if let Some(most) = config.importance {
                let weight = |(now, then): (&f32, &f32)| (now - then).exp().min(most);
                goal.importance = Some(told.iter().zip(&goal.old).map(weight).collect());
            }
            goal.old = told;
        }
    }
    let Some(reference) = tellers.reference.filter(|_| !examples.is_empty()) else { return Ok(()) };
    let given = |example: &Example| {
        let first = example.policy.as_ref()?.first;
        let (context, tokens) = example.tokens.split_at(first);
        Some(Given { context: context.to_vec(), tokens: tokens.to_vec() })
    };
    let batch: Vec<Given> = examples.iter().filter_map(given).collect();
    let told = reference
        .logprobs(&batch)
        .map_err(|error| PrmError::reinforce("reference", error.to_string()))?;
    for (goal, told) in goals(examples).zip(told) {
        goal.reference = Some(told);
    }
    Ok(())
}

fn number(count: usize) -> f32 {
    count as f32
}

fn narrow(value: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "the trainer's numbers are f32")]
    let value = value as f32;
    value
}
