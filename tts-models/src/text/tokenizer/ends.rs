//! Which tokens end what a model writes, and which names are those of control tokens.
//!
//! Files disagree about the first: a fine-tune's `config.json` names the end of a document, its
//! `tokenizer_config.json` the end of a turn, and a GGUF file one of the two. So everything that any
//! file names counts, and beside it every control token whose name is known to end a turn, a document
//! or a file of code. About the second they disagree too: some list the marks of a turn as ordinary
//! added tokens. A name between bars, `<|user|>` or `<｜User｜>`, is a control token whatever its file
//! says: it would otherwise let the text of a user begin a turn. A name that is also a word, as `</s>` is one of
//! HTML, needs a file that says so: that lists it as a control token or gives it a role.
//!
//! Source: the lists of llama.cpp (`llama-vocab.cpp`); the chat templates of the families named.

use super::Tokenizer;
use crate::ModelConfig;

/// Names that end a turn or a document.
const ENDS: [&str; 17] = [
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end_of_turn|>",
    "<|endofturn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|eos|>",
    "<end_of_turn>",
    "<turn|>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
    "[|endofturn|]",
];

/// Names that do so as control tokens, and are words otherwise: vocabularies of Gemma and Qwen have a `</s>` that
/// ends nothing.
const WORDS: [&str; 5] = ["</s>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]"];

/// Names that end a file of code, where a model would go on with another file.
const FILES: [&str; 8] = [
    "<|fim_pad|>",
    "<fim_pad>",
    "<|fim_repo|>",
    "<fim-repo>",
    "<|repo_name|>",
    "<reponame>",
    "<|file_sep|>",
    "<file_sep>",
];

/// Whether a token of this name is a control token even where its file says otherwise.
pub(super) fn is_control(name: &str) -> bool {
    let within = |open: &str, close: &str| {
        let inner = name.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(char::is_whitespace))
    };
    ENDS.contains(&name) || within("<|", "|>") || within("<｜", "｜>") || within("[|", "|]")
}

/// Whether a token of this name ends a turn, however a file lists it.
pub(super) fn is_end(name: &str) -> bool {
    ENDS.contains(&name)
}

impl Tokenizer {
    /// The tokens that end what a model of this config writes, in ascending order: those that the
    /// config or the tokenizer's files name, and control tokens that are known to.
    pub fn end_tokens(&self, model: &ModelConfig) -> Vec<u32> {
        self.ends_named(&model.eos_token_ids)
    }

    /// The same, where the model's other files name these.
    pub(crate) fn ends_named(&self, named: &[u32]) -> Vec<u32> {
        let control = |name: &&str| self.id(name).filter(|&id| self.is_special(id));
        let has = |name: &str| control(&name).is_some();
        // Where messages end apart from turns, the end of a message is none of a turn.
        let messages = has("<|return|>") && has("<|call|>");
        let known = ENDS.iter().chain(&WORDS).chain(&FILES);
        let known = known.filter(|name| !(messages && **name == "<|end|>"));
        let mut ends = named.to_vec();
        ends.extend([self.ids.eos, self.ids.eot, self.named_end].into_iter().flatten());
        ends.extend(known.filter_map(control));
        ends.sort_unstable();
        ends.dedup();
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_between_bars_are_control_tokens() {
        for name in ["<|user|>", "<｜User｜>", "<|a|>", "[|assistant|]", "<end_of_turn>"] {
            assert!(is_control(name), "{name}");
        }
        let words =
            ["<think>", "<||>", "<｜｜>", "<|a b|>", "<|a｜>", "|>", "<|", "<tool_call>", "[a]"];
        for name in words.into_iter().chain(WORDS) {
            assert!(!is_control(name), "{name}");
        }
    }
}
