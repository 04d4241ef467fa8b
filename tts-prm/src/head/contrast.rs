//! A head out of a language model's output head: its rows for two tokens.
//!
//! The logit of a token is its row of the output head, or of the embedding where the two are tied,
//! times the hidden row. So the rows of "wrong" and "right" are a linear head of two labels, whose
//! softmax is that of the two logits, and everything that heads can do holds for it.
//!
//! Source: Wang et al. 2024, "Math-Shepherd" (arXiv:2312.08935), section 3.3.

use std::path::Path;

use tts_models::weights::RawTensor;
use tts_models::{Checkpoint, Tokenizer};

use super::config::{Contrast, HeadConfig, Reading, Token};
use super::network::{Linear, RewardHead};
use crate::PrmError;

/// The output head and the embedding it may be tied to, by Hugging Face's names.
const NAMES: [&str; 2] = ["lm_head", "model.embed_tokens"];

/// The head of a contrast.
pub(super) fn read(
    checkpoint: &Checkpoint,
    tokenizer: &Tokenizer,
    contrast: &Contrast,
    config: HeadConfig,
) -> Result<RewardHead, PrmError> {
    let path = checkpoint.path();
    let [wrong, right] = tokens(path, tokenizer, contrast, &config)?;
    let [head, embedding] = NAMES;
    let name = if checkpoint.config().tie_word_embeddings { embedding } else { head };
    let tensor = format!("{name}.weight");
    if !checkpoint.contains(&tensor) {
        let problem =
            "missing, and a contrast is two of its rows (tie_word_embeddings says which matrix)";
        return Err(PrmError::head(path, &tensor, problem));
    }
    let raw = checkpoint.tensor(&tensor)?;
    let inputs = checkpoint.config().hidden_size;
    let mut weight = Vec::with_capacity(2 * inputs);
    // Label 1 is the one that says "right".
    for (field, id) in [("contrast.wrong", wrong), ("contrast.right", right)] {
        weight.extend(row(path, &raw, inputs, field, id)?);
    }
    let switches = &checkpoint.config().switches;
    if switches.logit_cap.is_some() {
        let problem = "its logits are bounded, which a linear head is not";
        return Err(PrmError::head(path, "final_logit_softcapping", problem));
    }
    #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
    let scale = switches.logit_scale as f32;
    for weight in &mut weight {
        *weight *= scale;
    }
    let layer = Linear { weight, bias: None, outputs: 2, inputs };
    RewardHead::checked(vec![layer], config, path.to_owned(), name.to_owned())
}

/// The ids of the tokens that say "wrong" and "right".
pub(super) fn tokens(
    path: &Path,
    tokenizer: &Tokenizer,
    contrast: &Contrast,
    config: &HeadConfig,
) -> Result<[u32; 2], PrmError> {
    refuse_second_head(path, config)?;
    let wrong = token_id(path, tokenizer, "contrast.wrong", &contrast.wrong)?;
    let right = token_id(path, tokenizer, "contrast.right", &contrast.right)?;
    if right == wrong {
        let problem = format!("token {right} as right and as wrong, expected two tokens");
        return Err(PrmError::config(path, "contrast", problem));
    }
    Ok([wrong, right])
}

/// Refuses a configuration that names another head as well, or reads the rows as something else.
fn refuse_second_head(path: &Path, config: &HeadConfig) -> Result<(), PrmError> {
    let refuse = |field: &str, what: String| {
        let problem = format!("{what}, but the head is the contrast of two tokens: leave one out");
        Err(PrmError::config(path, field, problem))
    };
    match config {
        HeadConfig { tensor: Some(name), .. } => refuse("tensor", format!("{name:?}")),
        HeadConfig { positive: Some(label), .. } => refuse("positive", format!("label {label}")),
        HeadConfig { reading: Reading::Tokens, .. } => refuse("reading", "\"tokens\"".to_owned()),
        _ => Ok(()),
    }
}

/// The id of a token of a contrast.
pub(super) fn token_id(
    path: &Path,
    tokenizer: &Tokenizer,
    field: &str,
    token: &Token,
) -> Result<u32, PrmError> {
    let refuse = |problem: String| Err(PrmError::config(path, field, problem));
    let text = match token {
        Token::Id(id) if (*id as usize) < tokenizer.vocab_size() => return Ok(*id),
        Token::Id(id) => {
            let size = tokenizer.vocab_size();
            return refuse(format!("token {id}, but the vocabulary has {size} tokens"));
        }
        Token::Text(text) => text,
    };
    match tokenizer.encode(text, true).as_deref() {
        Ok(&[id]) => Ok(id),
        Ok(ids) => refuse(format!("{text:?} is {} tokens, expected one", ids.len())),
        Err(error) => refuse(format!("{text:?} is not in the vocabulary: {error}")),
    }
}

/// One row of a matrix `[tokens, inputs]` as it is stored; the others are not decoded.
fn row(
    path: &Path,
    raw: &RawTensor,
    inputs: usize,
    field: &str,
    id: u32,
) -> Result<Vec<f32>, PrmError> {
    let [rows, _] = raw.shape[..] else {
        let problem = format!("shape {:?}, expected [tokens, {inputs}]", raw.shape);
        return Err(PrmError::head(path, &raw.name, problem));
    };
    if raw.shape[1] != inputs {
        let problem = format!("shape {:?}, expected [{rows}, {inputs}]", raw.shape);
        return Err(PrmError::head(path, &raw.name, problem));
    }
    let length = raw.bytes.len().checked_div(rows).unwrap_or(0);
    let Some(bytes) = raw.bytes.chunks_exact(length.max(1)).nth(id as usize) else {
        let problem = format!("token {id}, but {} has {rows} rows", raw.name);
        return Err(PrmError::config(path, field, problem));
    };
    let own = RawTensor {
        name: raw.name.clone(),
        shape: vec![1, inputs],
        dtype: raw.dtype,
        bytes: bytes.to_vec(),
    };
    Ok(own.to_f32()?)
}
