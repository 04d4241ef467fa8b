//! Judging and encoding given tokens: log-probabilities, and hidden rows for reward heads.
//!
//! Both hand whole batches to `encode`, which runs what texts share once; log-probabilities then
//! take the logits of the rows, some rows at a time.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use tts_core::cost::ModelCost;
use tts_core::{BoxError, Given, Likelihood, LineError, Prompt};

use super::Engine;
use crate::engine::sampling::token_logprob;
use crate::{Executor, ModelError};

/// A text, and the positions of it whose hidden rows are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Token ids, from the first position on.
    pub tokens: Vec<u32>,
    /// Places of tokens in the text, in any order; none if the text is not to be run.
    pub positions: Vec<usize>,
}

/// For each position of a text a row `[hidden_size]`.
pub(crate) type Rows = Vec<Vec<f32>>;

/// A model as an encoder: what reward heads sit on.
pub trait Backbone: Send + Sync {
    /// The last hidden layer after the final norm at the wanted positions of each text: for each
    /// text and each of its positions, in the order given, a row `[hidden_size]`. A beginning that
    /// was computed before, by generation even, is not computed again, nor is a row that was; a
    /// beginning that several texts share is computed once. A row depends on the tokens up to its position alone, not on the
    /// texts beside it.
    ///
    /// # Errors
    /// When a position is outside its text, a token is unknown, or a text is too long: nothing is
    /// run then, and the error names the text by its place. Texts without positions are not looked
    /// at.
    fn hidden(&self, texts: &[Wanted]) -> Result<Vec<Vec<Vec<f32>>>, ModelError>;

    /// [`Self::hidden`] where texts may fail one by one, as on servers: the rows of each text, or why it has none. The
    /// provided one has all or none.
    ///
    /// # Errors
    /// Those of [`Self::hidden`] that are of no one text.
    fn hidden_each(&self, texts: &[Wanted]) -> Result<Vec<Result<Rows, ModelError>>, ModelError> {
        Ok(self.hidden(texts)?.into_iter().map(Ok).collect())
    }

    /// [`Self::hidden`] of one text: for each position a row `[hidden_size]`.
    ///
    /// # Errors
    /// Those of [`Self::hidden`].
    fn hidden_of(&self, tokens: &[u32], positions: &[usize]) -> Result<Vec<Vec<f32>>, ModelError> {
        let text = Wanted { tokens: tokens.to_vec(), positions: positions.to_vec() };
        Ok(self.hidden(&[text])?.pop().unwrap_or_default())
    }

    /// Token ids of a prompt.
    ///
    /// # Errors
    /// When it cannot be rendered or encoded.
    fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError>;

    /// Width of a hidden row.
    fn width(&self) -> usize;

    /// What the model costs a token.
    fn backbone_cost(&self) -> ModelCost;

    /// The longest text that it can be given, in tokens.
    fn positions(&self) -> usize;

    /// A digest of the vocabulary whose token ids it reads ([`tts_core::Generator::vocabulary`]).
    fn backbone_vocabulary(&self) -> Option<u64>;
}

impl<E: Executor> Engine<E> {
    /// Everything about texts that can be wrong is found here, before any of them runs.
    fn check_texts(&self, texts: &[Wanted]) -> Result<(), ModelError> {
        let most = self.executor.config().max_position_embeddings;
        for (place, Wanted { tokens, positions }) in texts.iter().enumerate() {
            if positions.is_empty() {
                continue;
            }
            let found = tokens.len();
            let refuse = |problem| Err(ModelError::input(format!("texts[{place}]"), problem));
            if let Some(bad) = positions.iter().find(|&&position| position >= found) {
                return refuse(format!("position {bad} is outside a text of {found} tokens"));
            }
            if found > most {
                let problem = format!(
                    "{found} tokens, but the model knows {most} positions: those of its config, \
                     or of its sliding window, or as many as were allowed"
                );
                return refuse(problem);
            }
            self.check_ids(tokens).or_else(|error| refuse(error.to_string()))?;
        }
        Ok(())
    }

    /// The log-probability of each token by the hidden row `[hidden_size]` before it.
    fn judge_rows(&self, rows: &[Vec<f32>], tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        let mut out = Vec::with_capacity(tokens.len());
        let most = self.config.prefill_rows;
        let vocab = self.executor.config().vocab_size;
        // Logits beyond the tokenizer are padding of the matrix, not tokens.
        let known = self.tokenizer().drawn().min(vocab);
        let mut logits = Vec::new();
        for (rows, tokens) in rows.chunks(most).zip(tokens.chunks(most)) {
            self.executor.logits_into(&rows.concat(), &mut logits)?;
            let found: Vec<Mutex<Option<_>>> = tokens.iter().map(|_| Mutex::default()).collect();
            self.executor.parallel(tokens.len(), &|row| {
                let logprob = token_logprob(&logits[row * vocab..][..known], tokens[row]);
                *found[row].lock().unwrap_or_else(PoisonError::into_inner) = Some(logprob);
            });
            for logprob in found {
                let logprob = logprob.into_inner().unwrap_or_else(PoisonError::into_inner);
                let logprob = logprob.unwrap_or_else(|| Err(LineError("lost".into())));
                out.push(logprob.map_err(|e| ModelError::input("logits", e.to_string()))?);
            }
        }
        Ok(out)
    }
}

impl<E: Executor> Backbone for Engine<E> {
    fn hidden(&self, texts: &[Wanted]) -> Result<Vec<Vec<Vec<f32>>>, ModelError> {
        self.check_texts(texts)?;
        self.rows.store(true, Ordering::Relaxed);
        self.encode_all(texts, true)
    }

    fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError> {
        self.prompt_tokens(prompt)
    }

    fn width(&self) -> usize {
        self.executor.config().hidden_size
    }

    fn positions(&self) -> usize {
        self.executor.config().max_position_embeddings
    }

    fn backbone_vocabulary(&self) -> Option<u64> {
        tts_core::Generator::vocabulary(self)
    }

    fn backbone_cost(&self) -> ModelCost {
        self.executor.config().cost()
    }
}

impl<E: Executor> Likelihood for Engine<E> {
    fn logprobs(&self, batch: &[Given]) -> Result<Vec<Vec<f32>>, BoxError> {
        self.executor.config().stored.check_head()?;
        let text = |given: &Given| -> Result<Wanted, BoxError> {
            let Some(first) = given.context.len().checked_sub(1) else {
                return Err("a context is empty: expected at least one token".into());
            };
            let mut tokens = given.context.clone();
            tokens.extend(&given.tokens);
            // Row `i` predicts token `i + 1`; the last row predicts nothing that is asked about.
            tokens.pop();
            Ok(Wanted { positions: (first..tokens.len()).collect(), tokens })
        };
        let texts = batch.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        self.check_texts(&texts)?;
        let mut out = Vec::with_capacity(batch.len());
        // Every position is wanted: without waves, the rows of all texts would be there at once.
        let waves = texts.chunks(self.config.max_lines).zip(batch.chunks(self.config.max_lines));
        for (texts, batch) in waves {
            for (rows, given) in self.encode_all(texts, false)?.iter().zip(batch) {
                out.push(self.judge_rows(rows, &given.tokens)?);
            }
        }
        Ok(out)
    }
}
