//! Examples for implicit process reward models: whether solutions are right, and nothing of steps.
//!
//! A language model learns that its reward `r(y) = beta ln(p(y) / p_reference(y))` is the log-odds of a
//! right solution. The reference is the model that training starts from; it is asked once, before,
//! and its answers are constants of the examples. What was trained then opens with
//! [`crate::ImplicitReward`], over the same reference and with the same `beta`, and rewards steps
//! that nobody has labelled. Solutions need not come in pairs, nor be right as often as wrong.
//!
//! The reference should be a model that writes such solutions. Rewards then say where a solution goes
//! wrong, because what follows can become less probable only where something else that is written
//! becomes more so. Under one that knows nothing of them, whole solutions are told apart as well, but
//! the blame spreads over what follows an error (in a test, 66 % of wrong steps found for 100 %).
//!
//! ```
//! use tts_models::train::{Model, TrainConfig, Trainer};
//! use tts_prm::ImplicitReward;
//! use tts_prm::train::{Solution, check_outcomes, implicit};
//! # use std::sync::Arc;
//! # use tts_models::{DecoderWeights, Engine, EngineConfig, ModelConfig, Native, Tokenizer};
//! # let shape = ModelConfig { vocab_size: 262, eos_token_ids: vec![258], ..tts_models::testing::tiny_config("llama") };
//! # let decoder = DecoderWeights::initial(shape, 1)?;
//! # let open = |decoder: &DecoderWeights| -> Result<_, tts_models::ModelError> {
//! #     Engine::new(Native::new(decoder.clone(), 1)?, Arc::new(Tokenizer::bytes()?), None, EngineConfig::default())
//! # };
//!
//! // Token ids as the generator wrote them, which are those that the scorer will see.
//! let solutions = [
//!     Solution::graded(vec![50, 43, 50, 61], vec![vec![52, 10]], true)?,
//!     Solution::graded(vec![50, 43, 50, 61], vec![vec![53, 10]], false)?,
//! ];
//! check_outcomes(&solutions)?;
//! // `tts_models::open("FOLDER", ..)` of the folder that `decoder` comes from, in f32.
//! let reference = open(&decoder)?;
//! let data = implicit(&solutions, &reference, ImplicitReward::BETA)?;
//! let config = TrainConfig { steps: 20, ..TrainConfig::default() };
//! let trained = Trainer::new(config).train(Model::from(decoder), &data)?;
//! // Saved with `DecoderWeights::save_as` and opened again:
//! let model = open(&trained.model.decoder)?;
//! let scorer = ImplicitReward::new(&model, &reference, ImplicitReward::BETA)?;
//! # let _: &dyn tts_core::StepScorer = &scorer;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: Yuan et al. 2024, "Free Process Rewards without Process Labels" (arXiv:2412.01981), section
//! 3, with the cross-entropy loss.

use tts_core::{Given, Likelihood};
use tts_models::train::Example;

use super::Solution;
use crate::PrmError;

/// One example for each solution, for the model that `reference` is a copy of; `beta` is what a nat
/// of log-probability is worth ([`crate::ImplicitReward::BETA`]).
///
/// Every token of the steps counts, so a step should hold those that it will hold when it is scored:
/// the generator's own, delimiter included. The reference should run on the numbers that training
/// starts from, without quantisation, or rewards do not start at 0.
///
/// # Errors
/// When `beta` is not a number above 0, a solution has no prompt or does not fit the reference, or the
/// reference does not give every token a finite log-probability.
pub fn implicit<L: Likelihood + ?Sized>(
    solutions: &[Solution],
    reference: &L,
    beta: f64,
) -> Result<Vec<Example>, PrmError> {
    let wrong = |field: String, problem: String| PrmError::Solution { field, problem };
    if !(beta.is_finite() && beta > 0.0) {
        return Err(wrong("beta".into(), format!("{beta}, expected a number above 0")));
    }
    let given: Vec<Given> = solutions.iter().map(Solution::given).collect();
    if let Some(place) = given.iter().position(|given| given.context.is_empty()) {
        let problem = "an empty prompt, but something must stand before the first token";
        return Err(wrong(format!("solution {place}"), problem.to_owned()));
    }
    let logprobs = reference
        .logprobs(&given)
        .map_err(|error| wrong("reference".to_owned(), error.to_string()))?;
    if logprobs.len() != solutions.len() {
        let problem = format!("{} answers to {} solutions", logprobs.len(), solutions.len());
        return Err(wrong("reference".to_owned(), problem));
    }
    let all = solutions.iter().zip(&given).zip(logprobs).enumerate();
    all.map(|(place, ((solution, given), logprobs))| {
        let field = || format!("reference: solution {place}");
        if logprobs.len() != given.tokens.len() {
            let (found, expected) = (logprobs.len(), given.tokens.len());
            let problem = format!("{found} log-probabilities for {expected} tokens");
            return Err(wrong(field(), problem));
        }
        if let Some(at) = logprobs.iter().position(|logprob| !logprob.is_finite()) {
            let problem = format!("log-probability {} of token {at}", logprobs[at]);
            return Err(wrong(field(), format!("{problem}, expected a finite one")));
        }
        Ok(solution.implicit(logprobs.into_iter().map(f64::from).sum(), beta))
    })
    .collect()
}

/// Whether a model can learn anything from the outcomes of these solutions.
///
/// # Errors
/// When there are none, or all of them are right, or none is.
pub fn check_outcomes(solutions: &[Solution]) -> Result<(), PrmError> {
    let right = solutions.iter().filter(|solution| solution.solved()).count();
    let problem = match (right, solutions.len()) {
        (_, 0) => "none, expected at least one".to_owned(),
        (0, all) => format!("all {all} are wrong, expected some that are right"),
        (right, all) if right == all => {
            format!("all {all} are right, expected some that are wrong")
        }
        _ => return Ok(()),
    };
    Err(PrmError::Solution { field: "solutions".to_owned(), problem })
}
