//! From a path to token ids with a position for each score, and from hidden rows to scores.
//!
//! The text is the prompt, then for each step its tokens and the separator. Steps are the
//! generator's token ids, or, for a model with a tokenizer of its own, the text of each step
//! encoded by itself: texts are never joined before they are encoded, so a boundary between steps
//! always lies between two tokens.
//!
//! Source: joining separators as text shifts token boundaries and costs several points of F1 on
//! `ProcessBench` (Zheng et al. 2024), as found in its repository.

use tts_core::{Prompt, Scored, Step, Trajectory};
use tts_models::{Tokenizer, Trunk};

use super::config::Separator;
use super::network::RewardHead;
use crate::PrmError;

/// What a head was trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A score for each step.
    Process,
    /// A score for a finished solution.
    Outcome,
}

/// A head on a trunk, for one call.
pub(crate) struct Judge<'a, T: ?Sized> {
    pub(crate) trunk: &'a T,
    pub(crate) head: &'a RewardHead,
    pub(crate) separator: &'a [u32],
    /// Encodes the text of steps; `None` takes their token ids.
    pub(crate) tokenizer: Option<&'a Tokenizer>,
    pub(crate) kind: Kind,
}

/// The token ids of a head's separator; none when it has no separator.
pub(crate) fn separator_ids<T: Trunk + ?Sized>(
    trunk: &T,
    head: &RewardHead,
) -> Result<Vec<u32>, PrmError> {
    let ids = match &head.config().separator {
        None => return Ok(Vec::new()),
        Some(Separator::Ids(ids)) => ids.clone(),
        Some(Separator::Text(text)) => {
            // As raw text, where names of special tokens are read; without the start token that
            // raw text may get.
            let ids = trunk.encode(&Prompt::text(text.as_str()))?;
            let start = trunk.encode(&Prompt::text(""))?;
            ids.strip_prefix(&start[..]).map(<[u32]>::to_vec).unwrap_or(ids)
        }
    };
    if ids.is_empty() {
        return Err(PrmError::config(head.path(), "separator", "no tokens, expected at least one"));
    }
    Ok(ids)
}

impl<T: Trunk + ?Sized> Judge<'_, T> {
    /// Path by path: a score cannot depend on what else is in the batch.
    pub(crate) fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, PrmError> {
        batch.iter().enumerate().map(|(index, path)| self.path(index, path)).collect()
    }

    fn path(&self, index: usize, path: &Trajectory) -> Result<Scored, PrmError> {
        let fresh = path.fresh_steps().len();
        let mut scores = vec![self.head.neutral(); fresh];
        // The first step that is judged, from the start of the path.
        let judged = path.steps().len() - fresh;
        let first = match self.kind {
            Kind::Process => judged,
            Kind::Outcome if path.is_finished() && fresh > 0 => path.steps().len() - 1,
            Kind::Outcome => return Ok(Scored { scores }),
        };
        let mut tokens = self.trunk.encode(path.prompt())?;
        let mut positions = Vec::new();
        for (place, step) in path.steps().iter().enumerate() {
            tokens.extend(self.step(step)?);
            if self.kind == Kind::Process || place >= first {
                tokens.extend(self.separator);
            }
            if place >= first {
                // A step without tokens is judged where the path stands.
                let last = tokens.len().checked_sub(1);
                positions.push(last.ok_or_else(|| {
                    PrmError::step(index, place, "no tokens up to here, nothing to judge")
                })?);
            }
        }
        let rows = self.trunk.hidden(&tokens, &positions)?;
        let places = first - judged..fresh;
        for ((slot, row), place) in scores[places].iter_mut().zip(&rows).zip(first..) {
            *slot = self.head.score(row);
            if !slot.is_finite() {
                return Err(PrmError::step(index, place, format!("the score is {slot}")));
            }
        }
        Ok(Scored { scores })
    }

    fn step(&self, step: &Step) -> Result<Vec<u32>, PrmError> {
        let Some(tokenizer) = self.tokenizer else { return Ok(step.tokens.clone()) };
        let trim = self.head.config().trim_steps;
        let text = if trim { step.text.trim() } else { &step.text };
        // What a model wrote must not become a control token.
        Ok(within(tokenizer, tokenizer.encode(text, false)?, text)?)
    }
}

/// The tokens of a text in the middle of another. Tokenizers of the `SentencePiece` kind put a
/// space before a text; they are asked again with a line end in front, which is then taken off.
fn within(
    tokenizer: &Tokenizer,
    ids: Vec<u32>,
    text: &str,
) -> Result<Vec<u32>, tts_models::ModelError> {
    if tokenizer.text(&ids).len() == text.len() {
        return Ok(ids);
    }
    let guarded = tokenizer.encode(&format!("\n{text}"), false)?;
    let mut length = 0;
    let guard = guarded.iter().position(|&id| {
        length += tokenizer.token_bytes(id).len();
        length >= 2
    });
    match guard {
        // The guard is a space and the line end, and ends between two tokens.
        Some(at) if length == 2 && tokenizer.text(&guarded[at + 1..]) == text => {
            Ok(guarded[at + 1..].to_vec())
        }
        _ => Ok(ids),
    }
}
