//! Judging and encoding given tokens: log-probabilities, and hidden rows for reward heads.

use tts_core::cost::ModelCost;
use tts_core::{BoxError, Given, Likelihood, Prompt};

use super::Engine;
use crate::sampling::token_logprob;
use crate::{Executor, ModelError, Span, Want};

/// A model as an encoder: what reward heads sit on.
pub trait Trunk: Send + Sync {
    /// The last hidden layer after the final norm at the given positions of a text: for each
    /// position a row `[hidden_size]`. A beginning that was computed before, by generation even,
    /// is not computed again.
    ///
    /// # Errors
    /// When a position is outside the text, a token is unknown, or the text is too long.
    fn hidden(&self, tokens: &[u32], positions: &[usize]) -> Result<Vec<Vec<f32>>, ModelError>;

    /// Token ids of a prompt.
    ///
    /// # Errors
    /// When it cannot be rendered or encoded.
    fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError>;

    /// Width of a hidden row.
    fn width(&self) -> usize;

    /// What the model costs a token.
    fn trunk_cost(&self) -> ModelCost;
}

impl<E: Executor> Engine<E> {
    /// Runs `tokens` from the first wanted position on, in passes of bounded size, and shows each
    /// pass's hidden rows `[rows, hidden_size]` with the position of its first.
    fn encode_from(
        &self,
        tokens: &[u32],
        first: usize,
        mut see: impl FnMut(usize, &[f32]) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let model = self.executor.config();
        if tokens.len() > model.max_position_embeddings {
            let (found, most) = (tokens.len(), model.max_position_embeddings);
            let problem = format!("{found} tokens, but the model knows {most} positions");
            return Err(ModelError::input("text", problem));
        }
        self.check_ids(tokens)?;
        let mut state = self.cache().begin(&self.executor, tokens, first);
        let mut at = self.executor.length(&state);
        while at < tokens.len() {
            let end = (at + self.config.prefill_rows).min(tokens.len());
            let want = if end <= first { Want::Nothing } else { Want::All };
            let mut spans = [Span { state: &mut state, tokens: &tokens[at..end], want }];
            let rows = self.executor.forward(&mut spans)?;
            if want == Want::All {
                see(at, &rows)?;
            }
            at = end;
        }
        self.cache().insert(&self.executor, tokens.to_vec(), state);
        Ok(())
    }
}

impl<E: Executor> Trunk for Engine<E> {
    fn hidden(&self, tokens: &[u32], positions: &[usize]) -> Result<Vec<Vec<f32>>, ModelError> {
        let Some(&first) = positions.iter().min() else { return Ok(Vec::new()) };
        if let Some(bad) = positions.iter().find(|&&position| position >= tokens.len()) {
            let problem = format!("{bad} is outside a text of {} tokens", tokens.len());
            return Err(ModelError::input("position", problem));
        }
        let width = self.width();
        let mut found = vec![Vec::new(); positions.len()];
        self.encode_from(tokens, first, |start, rows| {
            for (position, out) in positions.iter().zip(&mut found) {
                let row =
                    position.checked_sub(start).and_then(|row| rows.chunks_exact(width).nth(row));
                if let Some(row) = row {
                    *out = row.to_vec();
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError> {
        self.prompt_tokens(prompt)
    }

    fn width(&self) -> usize {
        self.executor.config().hidden_size
    }

    fn trunk_cost(&self) -> ModelCost {
        self.executor.config().cost()
    }
}

impl<E: Executor> Likelihood for Engine<E> {
    fn logprobs(&self, batch: &[Given]) -> Result<Vec<Vec<f32>>, BoxError> {
        let one = |given: &Given| -> Result<Vec<f32>, BoxError> {
            let Some(first) = given.context.len().checked_sub(1) else {
                return Err("a context is empty: expected at least one token".into());
            };
            let tokens: Vec<u32> = given.context.iter().chain(&given.tokens).copied().collect();
            // Row `i` predicts token `i + 1`; the last row predicts nothing that is asked about.
            let rows = &tokens[..tokens.len() - 1];
            let mut out = Vec::new();
            if given.tokens.is_empty() {
                return Ok(out);
            }
            let width = self.width();
            self.encode_from(rows, first, |start, hidden| {
                let skip = first.saturating_sub(start);
                let logprobs = self.over_logits(&hidden[skip * width..], |row, logits| {
                    token_logprob(logits, tokens[start + skip + row + 1])
                })?;
                for logprob in logprobs {
                    out.push(logprob.map_err(|e| ModelError::input("logits", e.to_string()))?);
                }
                Ok(())
            })?;
            Ok(out)
        };
        batch.iter().map(one).collect()
    }
}
