//! Scalar reward models from preferences, for `train_prm`: examples, and how often the best response scores highest.
//!
//! Source: Bradley and Terry 1952; Ouyang et al. 2022 (arXiv:2203.02155), section 3.5.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tts_core::metrics::bootstrap_interval;
use tts_core::{Prompt, Step, StepScorer, Trajectory};
use tts_models::train::Example;
use tts_models::{Backend, EngineConfig, TextSide};
use tts_prm::RewardModel;
use tts_prm::critic::{Ballot, Preference};
use tts_prm::train::preferred;

use crate::Error;

/// Resamplings of an interval.
const DRAWS: usize = 2_000;

/// The example of a preference, with the tokens of the separator behind each response.
///
/// # Errors
/// When a prompt or response cannot be encoded, or a response is empty.
pub fn example(
    text: &TextSide,
    preference: &Preference,
    separator: &[u32],
) -> Result<Example, Error> {
    let prompt = text.prompt_tokens(&preference.prompt)?;
    let encode = |response: &String| {
        let mut tokens = text.tokenizer.encode(response.trim(), false)?;
        tokens.extend(separator);
        Ok(tokens)
    };
    let mut others = preference.responses.iter().map(encode).collect::<Result<Vec<_>, Error>>()?;
    let best = others.remove(preference.best);
    Ok(preferred(&prompt, best, others)?)
}

/// The scores of these responses by an outcome reward model.
///
/// # Errors
/// When the model cannot read one.
pub fn scores(
    judge: &dyn StepScorer,
    prompt: &Prompt,
    responses: &[impl AsRef<str>],
) -> Result<Vec<Option<f64>>, Error> {
    let prompt = Arc::new(prompt.clone());
    let path = |response: &dyn AsRef<str>| {
        let step = Step { text: response.as_ref().trim().to_owned(), ..Step::default() };
        Trajectory::new(Arc::clone(&prompt), vec![Arc::new(step)], 1, true)
    };
    let paths: Vec<Trajectory> = responses.iter().map(|response| path(response)).collect();
    let scored = judge.score(&paths).map_err(|error| error.to_string())?;
    Ok(scored.iter().map(|scored| scored.scores.last().copied()).collect())
}

/// Prints how often the reward model, as it was written, gives the best of held-out responses the highest score.
///
/// # Errors
/// When it cannot be opened or asked, or nothing can be written.
pub fn report(folder: &Path, held_out: &[&Preference]) -> Result<(), Error> {
    let judge = RewardModel::outcome(folder, Backend::default(), EngineConfig::default())?;
    let share = |preference: &&Preference| {
        let totals = scores(&judge, &preference.prompt, &preference.responses)?;
        Ok(Ballot::share(&totals, preference.best))
    };
    let right = held_out.iter().map(share).collect::<Result<Vec<f64>, Error>>()?;
    let mut out = std::io::stdout();
    if !right.is_empty() {
        let found = bootstrap_interval(&right, DRAWS, 0)?;
        let [low, high] = found.interval.map(|end| 100.0 * end);
        writeln!(
            out,
            "held out   {:.1} % of {} preferences ({low:.1} to {high:.1}): the best has the highest score, a tie is a draw",
            100.0 * found.mean,
            right.len()
        )?;
    }
    writeln!(out, "{}", folder.display())?;
    Ok(())
}
