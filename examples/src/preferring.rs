//! Scalar reward models from preferences, for `train_prm`: examples, and how often the best response scores highest.
//!
//! Source: Bradley and Terry 1952; Ouyang et al. 2022 (arXiv:2203.02155), section 3.5.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tts_core::metrics::bootstrap_interval;
use tts_core::{Prompt, Step, StepScorer, Trajectory};
use tts_models::train::Example;
use tts_models::{Backend, EngineConfig, Tokenizer};
use tts_prm::RewardModel;
use tts_prm::critic::{Ballot, Preference};
use tts_prm::train::preferred;

use crate::Error;

/// Log-odds beyond which a score says no more.
const MOST_ODDS: f64 = 80.0;
/// Resamplings of an interval.
const DRAWS: usize = 2_000;

/// The example of a preference whose prompt has these tokens, with the tokens of the separator behind each response.
///
/// # Errors
/// When a response cannot be encoded, or is empty.
pub fn example(
    tokenizer: &Tokenizer,
    prompt: &[u32],
    preference: &Preference,
    separator: &[u32],
) -> Result<Example, Error> {
    let encode = |response: &String| {
        let mut tokens = tokenizer.encode(response.trim(), false)?;
        tokens.extend(separator);
        Ok(tokens)
    };
    let mut others = preference.responses.iter().map(encode).collect::<Result<Vec<_>, Error>>()?;
    let best = others.remove(preference.best);
    Ok(preferred(prompt, best, others)?)
}

/// The scores of these responses by an outcome reward model, in log-odds: probabilities that are all but 1 would be ties.
///
/// # Errors
/// When the model cannot be asked.
pub fn scores(
    judge: &dyn StepScorer,
    prompt: &Prompt,
    responses: &[String],
) -> Result<Vec<Option<f64>>, Error> {
    let prompt = Arc::new(prompt.clone());
    let path = |response: &String| {
        let step = Step { text: response.trim().to_owned(), ..Step::default() };
        Trajectory::new(Arc::clone(&prompt), vec![Arc::new(step)], 1, true)
    };
    let paths: Vec<Trajectory> = responses.iter().map(path).collect();
    let scored = judge.score(&paths).map_err(|error| error.to_string())?;
    let odds = |p: f64| (p / (1.0 - p)).ln().clamp(-MOST_ODDS, MOST_ODDS);
    Ok(scored.iter().map(|scored| scored.scores.last().copied().map(odds)).collect())
}

/// Prints how often the reward model, as it was written, gives the best of held-out responses the highest score.
///
/// # Errors
/// When it cannot be opened or asked, or nothing can be written.
pub fn report(folder: &Path, held_out: &[&Preference]) -> Result<(), Error> {
    let judge = RewardModel::outcome(folder, Backend::default(), EngineConfig::default())?;
    let (mut right, mut unread) = (Vec::new(), 0);
    for preference in held_out {
        let totals = scores(&judge, &preference.prompt, &preference.responses)?;
        if totals.iter().any(Option::is_none) {
            unread += 1;
        } else {
            right.push(Ballot::share(&totals, preference.best));
        }
    }
    let mut out = std::io::stdout();
    if unread > 0 {
        writeln!(out, "left out   {unread} held-out preferences, too long for the model")?;
    }
    if right.is_empty() {
        writeln!(out, "held out   none")?;
    } else {
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
