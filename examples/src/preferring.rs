//! Scalar reward models from preferences, for `train_prm`: examples, and how often the best response scores highest. Of
//! preferences with critiques a model learns that reads these too, which makes a judge that writes them semi-scalar.
//!
//! Source: Bradley and Terry 1952; Ouyang et al. 2022 (arXiv:2203.02155), section 3.5; Ankner et al. 2024 (arXiv:2408.11791),
//! section 3.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tts_core::metrics::share_interval;
use tts_core::{Prompt, Step, StepScorer, Trajectory};
use tts_models::train::Example;
use tts_models::{Backend, EngineConfig, TextSide, Tokenizer};
use tts_prm::RewardModel;
use tts_prm::critic::critiques::Shown;
use tts_prm::critic::{Ballot, Critiqued, Preference};
use tts_prm::train::{preferred, text_tokens};

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

/// The examples of a preference whose responses were criticised: of each contest what a head is shown in a search, the question
/// to the judge and what it wrote, as it stands.
///
/// # Errors
/// When a text cannot be encoded.
pub fn contests(
    text: &TextSide,
    critiqued: &Critiqued,
    separator: &[u32],
) -> Result<Vec<Example>, Error> {
    let whole = |(asked, said): Shown<'_>| -> Result<Vec<u32>, Error> {
        let mut tokens = text.prompt_tokens(asked)?;
        tokens.extend(text_tokens(&text.tokenizer, said)?);
        tokens.extend(separator);
        Ok(tokens)
    };
    let example = |(best, others): (Shown<'_>, Vec<Shown<'_>>)| -> Result<Example, Error> {
        let others = others.into_iter().map(whole).collect::<Result<Vec<_>, Error>>()?;
        Ok(preferred(&[], whole(best)?, others)?)
    };
    critiqued.contests().into_iter().map(example).collect()
}

/// The mean score of each response by an outcome reward model that reads critiques, as a jury of that judge has it; `None` for
/// one of which a critique cannot be read.
///
/// # Errors
/// When the model cannot be asked.
pub fn critiqued_scores(
    judge: &dyn StepScorer,
    critiqued: &Critiqued,
) -> Result<Vec<Option<f64>>, Error> {
    let of = |(asked, said): (&Prompt, &Vec<String>)| -> Result<Option<f64>, Error> {
        let prompt = Arc::new(asked.clone());
        let path = |text: &String| {
            let step = Step { text: text.clone(), ..Step::default() };
            Trajectory::new(Arc::clone(&prompt), vec![Arc::new(step)], 1, true)
        };
        let paths: Vec<Trajectory> = said.iter().map(path).collect();
        let scored = judge.score(&paths).map_err(|error| error.to_string())?;
        let scores: Option<Vec<f64>> =
            scored.iter().map(|scored| scored.scores.last().copied()).collect();
        Ok(scores.map(|scores| scores.iter().sum::<f64>() / scores.len() as f64))
    };
    critiqued.asked.iter().zip(&critiqued.critiques).map(of).collect()
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
    let totals = held_out.iter().map(|preference| {
        Ok((scores(&judge, &preference.prompt, &preference.responses)?, preference.best))
    });
    told(folder, &totals.collect::<Result<Vec<_>, Error>>()?)
}

/// The same of responses that were criticised, by the mean over their critiques.
///
/// # Errors
/// As [`report`].
pub fn report_critiqued(folder: &Path, held_out: &[&Critiqued]) -> Result<(), Error> {
    let judge = RewardModel::outcome(folder, Backend::default(), EngineConfig::default())?;
    let totals = held_out
        .iter()
        .map(|critiqued| Ok((critiqued_scores(&judge, critiqued)?, critiqued.preference.best)));
    told(folder, &totals.collect::<Result<Vec<_>, Error>>()?)
}

/// Prints how often the best of these responses has the highest score.
fn told(folder: &Path, items: &[(Vec<Option<f64>>, usize)]) -> Result<(), Error> {
    let (mut right, mut unread) = (Vec::new(), 0);
    for (totals, best) in items {
        if totals.iter().any(Option::is_none) {
            unread += 1;
        } else {
            right.push(Ballot::share(totals, *best));
        }
    }
    let mut out = std::io::stdout();
    if unread > 0 {
        writeln!(out, "left out   {unread} held-out preferences, too long for the model")?;
    }
    if right.is_empty() {
        writeln!(out, "held out   none")?;
    } else {
        let found = share_interval(&right, DRAWS, 0)?;
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
