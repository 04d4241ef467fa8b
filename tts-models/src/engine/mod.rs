//! The engine: many lines at once on one executor, with step boundaries, seeds and a prefix cache.
//!
//! An [`Engine`] implements [`Generator`], [`Likelihood`](tts_core::Likelihood) and [`Backbone`]. Lines
//! run together, one token each a pass, with new prompts read beside them; a line that ends is
//! returned at once and its place taken by the next one that waits. What lines share, prompts and
//! earlier steps, is computed once and kept for later calls; once a scorer has asked for hidden
//! rows, those of generated tokens are kept too, and scoring what was generated runs nothing again.
//! Behind the windows of layers that have such, lines let go of keys and values; what is begun where they are gone is
//! run again from before, and kept there from then on.
//! A line's tokens depend on its path and seed alone, because the executor's arithmetic does (see
//! [`crate::exec::native`]): not on what else runs, on threads, or on what the cache holds.

mod backbone;
mod encode;
mod line;
pub mod sampling;
mod session;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tts_core::cost::ModelCost;
use tts_core::{BoxError, Generated, Generator, Prompt, Request, Session, gather};

use crate::exec::cache::PrefixCache;
use crate::text::template::{ChatTemplate, TemplateArgument};
use crate::weights::digest::Digest;
use crate::write::Encoder;
use crate::{
    DecoderWeights, Executor, KeyValues, ModelError, SuggestedSampling, TextSide, Tokenizer,
    WeightFormat,
};
pub use backbone::{Backbone, Wanted};

/// How much an engine does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// Lines that decode together, and given texts that are encoded together, at most.
    pub max_lines: usize,
    /// Rows of one forward pass while prompts and given texts are read, at most.
    pub prefill_rows: usize,
    /// Keys and values kept for later calls, in bytes.
    pub cache_bytes: usize,
    /// Keys and values of lines that run, in bytes, at the length that they may reach: a line waits
    /// if it might exceed this, unless it is alone. Given texts that run together keep to it too. Of layers with windows
    /// what they let go of does not count.
    pub line_bytes: usize,
    /// Threads of an executor that [`crate::open`] makes; 0 for one a core.
    pub threads: usize,
    /// The type in which such an executor holds and multiplies weights, if it can choose.
    pub weights: WeightFormat,
    /// The type in which such an executor holds keys and values, if it can choose.
    pub key_values: KeyValues,
    /// Positions of a model that [`crate::open`] reads, at most; 0 for as many as its files say. GGUF
    /// files of the types `llama` and `qwen2` do not say whether their model attends within a sliding
    /// window (Mistral 7B v0.1 does, within 4,096 tokens): beyond it results are wrong, and only who
    /// knows the window can set it here. Of a model with two lists of rotary factors it decides which of them it has
    /// ([`RopeScaling::LongRope`](crate::RopeScaling::LongRope)).
    pub positions: usize,
    /// Lines run on past the model's end tokens, to their full length: for benchmarks.
    pub ignore_end: bool,
}

impl Default for EngineConfig {
    /// 64 lines, 256 rows, 1 GiB of cache, 4 GiB of lines, a thread a core, weights as stored, keys and values beside
    /// them, all positions.
    fn default() -> Self {
        Self {
            max_lines: 64,
            prefill_rows: 256,
            cache_bytes: 1 << 30,
            line_bytes: 4 << 30,
            threads: 0,
            weights: WeightFormat::Stored,
            key_values: KeyValues::Auto,
            positions: 0,
            ignore_end: false,
        }
    }
}

/// More threads than this are a slip of the pen.
const MOST_THREADS: usize = 1024;

impl EngineConfig {
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        if self.threads > MOST_THREADS {
            let problem = format!("{}, expected at most {MOST_THREADS}", self.threads);
            return Err(ModelError::input("threads", problem));
        }
        for (name, limit) in [("max_lines", self.max_lines), ("prefill_rows", self.prefill_rows)] {
            if limit == 0 {
                return Err(ModelError::input(name, "0, expected at least 1"));
            }
        }
        Ok(())
    }
}

/// A model that writes, judges and encodes text.
pub struct Engine<E: Executor> {
    executor: E,
    words: Encoder,
    config: EngineConfig,
    cache: Mutex<PrefixCache<E::Block>>,
    /// Whether hidden rows of generated tokens are kept.
    rows: AtomicBool,
    identity: Option<String>,
    suggested: SuggestedSampling,
    /// A digest of the weights that were taken in the place of the first ones.
    renewed: Option<u64>,
}

impl<E: Executor> std::fmt::Debug for Engine<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<E: Executor> Engine<E> {
    /// An engine on an executor. Without a template, chats are plain text: turns separated by
    /// blank lines.
    ///
    /// # Errors
    /// When the tokenizer has ids that the model lacks, or a limit is 0.
    pub fn new(
        executor: E,
        tokenizer: Arc<Tokenizer>,
        template: Option<ChatTemplate>,
        config: EngineConfig,
    ) -> Result<Self, ModelError> {
        let model = executor.config();
        tokenizer.check_vocab(model.vocab_size, std::path::Path::new("tokenizer"))?;
        config.check()?;
        let end_tokens = if config.ignore_end { Vec::new() } else { tokenizer.end_tokens(model) };
        let cache = Mutex::new(PrefixCache::new(config.cache_bytes, executor.windows()));
        let rows = AtomicBool::new(false);
        let words = Encoder::new(TextSide { tokenizer, template }, end_tokens);
        let suggested = SuggestedSampling::default();
        Ok(Self { executor, words, config, cache, rows, identity: None, suggested, renewed: None })
    }

    /// The same engine with a name for what its lines depend on ([`Generator::identity`]):
    /// [`crate::open`] makes one of the model's files, an engine of other weights has none by itself.
    #[must_use]
    pub fn with_identity(self, identity: impl Into<String>) -> Self {
        Self { identity: Some(identity.into()), ..self }
    }

    /// The same engine with what its model's files suggest for sampling: [`crate::open`] reads it. It changes nothing
    /// that is drawn.
    #[must_use]
    pub fn with_suggested_sampling(self, suggested: SuggestedSampling) -> Self {
        Self { suggested, ..self }
    }

    /// What its model's files suggest for sampling.
    pub fn suggested_sampling(&self) -> &SuggestedSampling {
        &self.suggested
    }

    /// Takes other weights of the same shape in the place of its own ([`Executor::renew`]): empties the prefix cache,
    /// and changes its identity, if it has one. That nothing runs on the old ones the borrow says: no session is
    /// open.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tts_models::{DecoderWeights, Engine, EngineConfig, Native, Tokenizer, testing};
    /// # let config = testing::byte_config("llama");
    /// let first = DecoderWeights::initial(config.clone(), 1)?;
    /// let tokenizer = Arc::new(Tokenizer::bytes()?);
    /// let engine = Engine::new(Native::new(first, 1)?, tokenizer, None, EngineConfig::default())?;
    /// let mut engine = engine.with_identity("a policy");
    /// let before = tts_core::Generator::identity(&engine);
    /// engine.renew(DecoderWeights::initial(config, 2)?)?;
    /// assert_ne!(tts_core::Generator::identity(&engine), before);
    /// # Ok::<(), tts_models::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// When the weights have another shape, or the executor cannot take any; nothing has changed then.
    pub fn renew(&mut self, weights: DecoderWeights) -> Result<(), ModelError> {
        let mut digest = Digest::default();
        for tensor in weights.tensors() {
            digest.number(tensor.values.len() as u64);
            tensor.values.iter().for_each(|value| digest.number(u64::from(value.to_bits())));
        }
        self.executor.renew(weights)?;
        self.forget();
        self.renewed = Some(digest.finish());
        Ok(())
    }

    /// Tells the chat template a variable that it looks at, such as `enable_thinking`: prompts change
    /// with it, and so does the identity.
    ///
    /// # Errors
    /// When there is no chat template.
    pub fn set_template_argument(&mut self, argument: &TemplateArgument) -> Result<(), ModelError> {
        self.words.set_argument(argument)
    }

    /// What runs the model.
    pub fn executor(&self) -> &E {
        &self.executor
    }

    /// Text to tokens and back.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.words.text().tokenizer
    }

    /// Whether there is a chat template.
    pub fn has_chat_template(&self) -> bool {
        self.words.text().template.is_some()
    }

    /// The tokens that end a solution, in ascending order ([`Tokenizer::end_tokens`]); their names are
    /// those of [`Tokenizer::name`].
    pub fn end_tokens(&self) -> &[u32] {
        self.words.end_tokens()
    }

    /// Token ids of a prompt, see [`TextSide::prompt_tokens`].
    ///
    /// # Errors
    /// When the template refuses the chat or the text cannot be encoded.
    pub fn prompt_tokens(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError> {
        self.words.prompt_tokens(prompt)
    }

    /// Empties the prefix cache: later calls compute everything again, with the same results.
    pub fn forget(&self) {
        *self.cache() = PrefixCache::new(self.config.cache_bytes, self.executor.windows());
    }

    /// A panic elsewhere cannot have left the cache half changed: entries are pushed whole.
    fn cache(&self) -> MutexGuard<'_, PrefixCache<E::Block>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_ids(&self, tokens: &[u32]) -> Result<(), ModelError> {
        let vocab = self.executor.config().vocab_size;
        match tokens.iter().find(|&&token| token as usize >= vocab) {
            Some(bad) => {
                let name = self
                    .tokenizer()
                    .name(*bad)
                    .map_or(String::new(), |name| format!(" ({name:?})"));
                let problem = format!("{bad}{name} is outside the vocabulary of {vocab}");
                Err(ModelError::input("token", problem))
            }
            None => Ok(()),
        }
    }

    /// Whether hidden rows of generated tokens are kept: someone has asked for hidden rows.
    fn keeps_rows(&self) -> bool {
        self.rows.load(Ordering::Relaxed)
    }
}

impl<E: Executor> Generator for Engine<E> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        gather(&mut *self.session(), batch)
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(session::EngineSession::new(self))
    }

    fn cost(&self) -> ModelCost {
        self.executor.config().cost()
    }

    fn vocabulary(&self) -> Option<u64> {
        Some(self.words.vocabulary())
    }

    fn vocabulary_size(&self) -> Option<u32> {
        self.words.vocabulary_size()
    }

    fn identity(&self) -> Option<String> {
        let first = self.identity.clone()?;
        let identity = match self.renewed {
            Some(digest) => format!("{first} renewed {digest:016x}"),
            None => first,
        };
        Some(self.words.identity(identity))
    }
}
