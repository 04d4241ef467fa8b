//! The words of a model: tokenizer, chat template, what ends a text, and prompts that were encoded before.

use std::sync::{Mutex, PoisonError};

use tts_core::Request;

use super::prompts::Prompts;
use super::texts::Texts;
use super::{Prefix, Writer};
use crate::text::template::TemplateArgument;
use crate::{ModelError, TextSide};

/// Makes token ids of what a model is given.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(super) text: TextSide,
    /// In ascending order.
    pub(super) end_tokens: Vec<u32>,
    pub(super) prompts: Mutex<Prompts>,
    /// The tokenizer's digest.
    vocabulary: u64,
    /// What the template was told, by name.
    arguments: Vec<TemplateArgument>,
}

impl Encoder {
    pub(crate) fn new(text: TextSide, end_tokens: Vec<u32>) -> Self {
        let vocabulary = text.tokenizer.digest();
        Self { text, end_tokens, prompts: Mutex::default(), vocabulary, arguments: Vec::new() }
    }

    pub(crate) fn text(&self) -> &TextSide {
        &self.text
    }

    /// The tokens that end a solution, in ascending order.
    pub(crate) fn end_tokens(&self) -> &[u32] {
        &self.end_tokens
    }

    /// The tokenizer's digest.
    pub(crate) fn vocabulary(&self) -> u64 {
        self.vocabulary
    }

    /// How many tokens may be drawn, padding of the model's own left out.
    pub(crate) fn vocabulary_size(&self) -> Option<u32> {
        u32::try_from(self.text.tokenizer.drawn()).ok()
    }

    /// Tells the chat template a variable: prompts change with it.
    pub(crate) fn set_argument(&mut self, argument: &TemplateArgument) -> Result<(), ModelError> {
        self.text.set_template_argument(argument)?;
        *self.prompts.get_mut().unwrap_or_else(PoisonError::into_inner) = Prompts::default();
        self.arguments.retain(|other| other.name() != argument.name());
        self.arguments.push(argument.clone());
        self.arguments.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(())
    }

    /// The same identity, with what the template was told.
    pub(crate) fn identity(&self, mut identity: String) -> String {
        for argument in &self.arguments {
            identity.push_str(" template ");
            identity.push_str(&argument.to_string());
        }
        identity
    }

    /// Everything about a request that can be wrong, found before it runs: what its lines go on from, and
    /// what each begins as ([`Writer::seeded`]). The model has `positions`.
    pub(crate) fn begin(
        &self,
        request: &std::sync::Arc<Request>,
        positions: usize,
    ) -> Result<(Prefix, Writer), ModelError> {
        let tokenizer = &self.text.tokenizer;
        let texts = Texts::new(tokenizer, &request.rule)?;
        request.watch.check().map_err(|problem| ModelError::input("request", problem))?;
        let prefix = self.prefix(request)?;
        if prefix.tokens.len() >= positions {
            let found = prefix.tokens.len();
            let problem = format!(
                "{found} tokens leave no room: the model knows {positions} positions, those of its \
                 config, or of its sliding window, or as many as were allowed"
            );
            return Err(ModelError::input("prompt", problem));
        }
        let request = std::sync::Arc::clone(request);
        let writer = Writer::new(request, &prefix, texts, tokenizer, positions);
        Ok((prefix, writer))
    }
}
