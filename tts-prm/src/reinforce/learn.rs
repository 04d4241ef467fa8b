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

use super::tally::Apart;
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
    /// Where it is noted how far who drew and who learns are apart.
    pub(super) apart: &'a mut Apart,
}

/// The examples of one update; none where nothing is to be learnt.
pub(super) fn examples<'j>(
    config: &ReinforceConfig,
    objective: &Objective,
    judged: impl Iterator<Item = &'j Judged<'j>>,
    tellers: &mut Tellers<'_>,
) -> Result<Vec<Example>, PrmError> {
    let mut examples = Vec::new();
    // As each example's tokens were drawn.
    let mut drawn: Vec<&[f32]> = Vec::new();
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
                clipping: objective.clipping(),
                beta: objective.beta,
                weight,
                counts: own_counts,
            };
            examples.push(Example::drawn(tokens, goal));
            drawn.push(run.drawn());
        }
    }
    let kept: f32 = goals(&mut examples).map(|goal| goal.counts).sum();
    if let Some(first) = goals(&mut examples).next() {
        // Whole numbers below 2^24: the divisor is the same to the bit.
        first.counts += counts - kept;
    }
    tell(config, (&mut examples, &drawn), tellers)?;
    Ok(examples)
}

fn goals(examples: &mut [Example]) -> impl Iterator<Item = &mut PolicyGoal> {
    examples.iter_mut().filter_map(|example| example.policy.as_mut())
}

/// Puts in the log-probabilities of others than who wrote.
fn tell(
    config: &ReinforceConfig,
    (examples, drawn): (&mut [Example], &[&[f32]]),
    tellers: &mut Tellers<'_>,
) -> Result<(), PrmError> {
    if config.old == Old::Recomputed && !examples.is_empty() {
        let texts: Vec<(&[u32], usize)> = examples
            .iter()
            .filter_map(|example| Some((&example.tokens[..], example.policy.as_ref()?.first)))
            .collect();
        let told = tellers.online.logprobs(&texts)?;
        let apart = &mut *tellers.apart;
        for ((goal, told), drawn) in goals(examples).zip(told).zip(drawn) {
            goal.old.iter().zip(&told).for_each(|(wrote, told)| apart.add(*wrote, *told));
            if let Some(importance) = &config.importance {
                // Over who drew, and not over who wrote: a temperature moves probabilities as other weights do.
                goal.importance = Some(importance.weights(&told, drawn, apart));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tts_core::{Finish, Prompt, Verdict};
    use tts_models::DecoderWeights;
    use tts_models::testing::tiny_config;
    use tts_models::train::{Model, TrainConfig};

    use super::super::{Adjust, Run};
    use super::*;

    fn sample(tokens: &[u32], finish: Finish) -> Sample {
        Sample {
            prompt: Arc::new(Prompt::from("?")),
            begun: "?".into(),
            text: String::new(),
            answer: None,
            verdict: Some(Verdict::Wrong),
            finish,
            tokens: tokens.to_vec(),
            runs: vec![Run { first: 0, logprobs: vec![-20.0; tokens.len()], drawn: Vec::new() }],
            scored: Vec::new(),
            value: None,
            picked: false,
            path: Vec::new(),
        }
    }

    /// The goals of one sample of two tokens, one of four and one of two that was cut; the second has no advantage.
    fn goals_of(config: &ReinforceConfig) -> Vec<PolicyGoal> {
        let samples = [
            sample(&[7, 8], Finish::Stop),
            sample(&[9, 9, 9, 9], Finish::Stop),
            sample(&[8, 7], Finish::Length),
        ];
        goals_of_samples(config, &samples)
    }

    /// The advantages are 1, 0 and -1.
    fn goals_of_samples(config: &ReinforceConfig, samples: &[Sample]) -> Vec<PolicyGoal> {
        let judged: Vec<Judged<'_>> = samples
            .iter()
            .zip([1.0, 0.0, -1.0])
            .map(|(sample, value)| Judged {
                sample,
                prompt: &[3, 4],
                advantage: vec![value; sample.tokens.len()],
            })
            .collect();
        let weights = DecoderWeights::initial(tiny_config("llama"), 1).unwrap();
        let mut online = Online::new(TrainConfig::default(), Model::from(weights)).unwrap();
        let mut apart = Apart::default();
        let mut tellers = Tellers { online: &mut online, reference: None, apart: &mut apart };
        let found = examples(config, &config.objective(), judged.iter(), &mut tellers).unwrap();
        found.into_iter().filter_map(|example| example.policy).collect()
    }

    #[test]
    fn divisors_are_of_samples_or_of_tokens_and_count_what_has_no_gradient() {
        for (divisor, weight, counts) in [
            (Divisor::Sequence, 0.5, 3.0),
            (Divisor::Tokens, 1.0, 8.0),
            (Divisor::Constant, 0.1, 3.0),
            (Divisor::Samples, 1.0, 3.0),
        ] {
            let adjust = Adjust { divisor: Some(divisor), ..Adjust::default() };
            let mut config = ReinforceConfig { adjust, ..ReinforceConfig::default() };
            config.rule.max_tokens = 10;
            let goals = goals_of(&config);
            assert_eq!(goals.len(), 2, "{divisor:?}");
            assert!(goals.iter().all(|goal| (goal.weight - weight).abs() < 1e-6), "{goals:?}");
            let all: f32 = goals.iter().map(|goal| goal.counts).sum();
            assert!((all - counts).abs() < 1e-6, "{divisor:?}: {all}");
        }
    }

    #[test]
    fn what_was_cut_is_masked_where_asked_for() {
        let learnt = goals_of(&ReinforceConfig::default());
        assert_eq!(learnt[1].advantage, [-1.0; 2]);
        let masked = goals_of(&ReinforceConfig { cut: Cut::Mask, ..ReinforceConfig::default() });
        assert_eq!((masked.len(), masked[0].counts), (1, 2.0));
        assert_eq!(masked[0].advantage, [1.0; 2]);
    }

    #[test]
    fn importance_is_of_who_learns_over_who_wrote_up_to_a_bound() {
        let recomputed = ReinforceConfig { old: Old::Recomputed, ..ReinforceConfig::default() };
        let plain = goals_of(&recomputed);
        assert!(plain.iter().all(|goal| goal.importance.is_none()));
        assert!(plain.iter().flat_map(|goal| &goal.old).all(|told| *told > -19.0), "{plain:?}");
        for (most, bound) in [(2.0, true), (1e30, false)] {
            let weighted =
                goals_of(&ReinforceConfig { importance: Some(most.into()), ..recomputed.clone() });
            for goal in &weighted {
                let weights = goal.importance.as_ref().unwrap();
                for (weight, told) in weights.iter().zip(&goal.old) {
                    let free = (told + 20.0).exp();
                    let expected = if bound { 2.0 } else { free };
                    assert!((weight / expected - 1.0).abs() < 1e-5, "{weight}, {expected}");
                }
            }
        }
    }

    /// Drawn at temperature 1/2, a token of probability p has p^2 / (p^2 + (1-p)^2), were there two.
    #[test]
    fn importance_is_over_the_probability_with_which_a_token_was_drawn() {
        let config = ReinforceConfig {
            old: Old::Recomputed,
            importance: Some(1e30.into()),
            ..ReinforceConfig::default()
        };
        let mut drawn = sample(&[7, 8], Finish::Stop);
        drawn.runs[0].drawn = [0.845_f32, 0.155].map(f32::ln).to_vec();
        for goal in goals_of_samples(&config, &[drawn]) {
            let told: Vec<f32> = goal.old.iter().map(|told| told.exp()).collect();
            let weights = goal.importance.unwrap();
            for ((weight, told), drawn) in weights.iter().zip(told).zip([0.845, 0.155]) {
                assert!((weight / (told / drawn) - 1.0).abs() < 1e-5, "{weight}: {told} / {drawn}");
            }
        }
    }
}
