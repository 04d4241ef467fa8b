//! The kinds of servers, and what can be asked of each.

use serde::{Deserialize, Serialize};

/// Which server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ServerKind {
    /// Found out by asking; one that takes text alone is not taken for more, but has to be named.
    #[default]
    Auto,
    /// llama.cpp's `llama-server`, by its native `/completion`.
    LlamaServer,
    /// vLLM, by `/v1/completions` with token ids.
    Vllm,
    /// `SGLang`, by its native `/generate`.
    Sglang,
    /// Whatever completes text by `/v1/completions`: mistral.rs, hosted models. Text both ways.
    Completions,
    /// Whatever answers chats by `/v1/chat/completions`: hosted models. Text both ways.
    Chat,
    /// ollama, by `/api/generate` with raw prompts. Text both ways.
    Ollama,
}

impl ServerKind {
    /// Whether it takes text and gives text, rather than token ids.
    pub fn takes_text(self) -> bool {
        matches!(self, Self::Completions | Self::Chat | Self::Ollama)
    }
}

impl std::fmt::Display for ServerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::LlamaServer => "llama-server",
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::Completions => "completions",
            Self::Chat => "chat",
            Self::Ollama => "ollama",
        })
    }
}

/// How a server is asked for lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calls {
    /// A call a step, each with the seed of its step: a line is the same whether it was asked for step by
    /// step or to its end, as with an engine of one's own.
    #[default]
    Steps,
    /// A call a line, with the seed of its first step: fewer calls, but a line that goes on for several
    /// steps is another than the same one asked for step by step.
    Lines,
}

/// Which log-probabilities are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Logprobs {
    /// Those of the model at temperature 1. A line fails where the server gives others.
    #[default]
    Model,
    /// What the server gives, taken for those of the model: `SGLang` started with
    /// `SGLANG_RETURN_ORIGINAL_LOGPROB=1`, say, which it does not tell.
    Trusted,
    /// None.
    Off,
}

/// How a server of chats is made to go on with what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prefill {
    /// Not at all: lines begin at the prompt, and a strategy that goes on with a path fails.
    #[default]
    None,
    /// It goes on with a last message of the assistant by itself (ollama).
    Message,
    /// That message is marked with `"prefix": true` (Mistral, `DeepSeek`).
    Prefix,
    /// By `continue_final_message`, without `add_generation_prompt` (vLLM, `SGLang`).
    Continue,
}

/// How a server that takes text is spoken to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextOnly {
    /// How paths are gone on with, where chats are sent.
    pub prefill: Prefill,
    /// The name of the field that limits the tokens of an answer; `None` for `max_tokens`. Some hosted models
    /// want `max_completion_tokens`.
    pub limit: Option<String>,
    /// More fields of every call, `{"reasoning_effort": "low"}` say; they replace fields of the same name, and
    /// `null` takes one away.
    pub body: serde_json::Map<String, serde_json::Value>,
}
