//! Models of several parts, of which the text's decoder is read.
//!
//! A checkpoint of a model that sees pictures has the config of its decoder in `text_config`, and the decoder's tensors
//! under a name of their own. Text alone runs through the decoder as through a model without the other parts, which
//! are passed over. A text config says what differs from the defaults of its class, also its sizes, so that these stand
//! here. Some wholes have a tied head by default and their texts none: where neither says, the tensors decide.
//!
//! Source: `configuration_*.py` of Hugging Face transformers.

use super::json::Object;
use crate::ModelError;

/// A model of several parts.
pub(super) struct Wrapper {
    /// `model_type` of the whole.
    name: &'static str,
    /// What `model_type` of `text_config` may say, and the family of such a decoder; the first where it says nothing.
    text: &'static [(&'static str, &'static str)],
    /// Sizes of the decoder's class.
    sizes: &'static [(&'static str, usize)],
    /// Whether the classes of whole and text have different defaults for a tied head, so that the files' tensors decide
    /// where no word is said.
    ties_by_head: bool,
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        name: "gemma3",
        text: &[("gemma3_text", "gemma3_text")],
        sizes: &[
            ("vocab_size", 262_208),
            ("hidden_size", 2_304),
            ("intermediate_size", 9_216),
            ("num_hidden_layers", 26),
            ("num_attention_heads", 8),
        ],
        ties_by_head: false,
    },
    Wrapper {
        name: "mistral3",
        text: &[("mistral", "mistral"), ("ministral3", "ministral3")],
        sizes: &[
            ("vocab_size", 32_000),
            ("hidden_size", 4_096),
            ("intermediate_size", 14_336),
            ("num_hidden_layers", 32),
            ("num_attention_heads", 32),
        ],
        ties_by_head: true,
    },
    Wrapper {
        name: "qwen3_vl",
        text: &[("qwen3_vl_text", "qwen3")],
        sizes: &[
            ("vocab_size", 151_936),
            ("hidden_size", 4_096),
            ("intermediate_size", 22_016),
            ("num_hidden_layers", 32),
            ("num_attention_heads", 32),
            ("max_position_embeddings", 128_000),
            ("rope_theta", 500_000),
        ],
        ties_by_head: false,
    },
];

impl Wrapper {
    /// The model of several parts of a name.
    pub(super) fn of(name: &str) -> Option<&'static Self> {
        WRAPPERS.iter().find(|wrapper| wrapper.name == name)
    }

    /// Their names, for messages.
    pub(super) fn list() -> String {
        let names: Vec<&str> = WRAPPERS.iter().map(|wrapper| wrapper.name).collect();
        names.join(", ")
    }

    /// Whether nothing in the config of a text says if its head is tied, and the tensors do.
    pub(super) fn leaves_head(&self, text: &Object<'_>) -> bool {
        self.ties_by_head && !text.has("tie_word_embeddings")
    }

    /// The decoder's family, and its config with what the whole says for all of it.
    ///
    /// # Errors
    /// When there is no text config, or that of another model.
    pub(super) fn text<'a>(
        &self,
        whole: &Object<'a>,
    ) -> Result<(&'static str, Object<'a>), ModelError> {
        let mut text = whole.required("text_config", whole.object("text_config")?)?;
        let said = text.text("model_type")?;
        let decoder = self.text.iter().find(|(kind, _)| said.is_none_or(|said| said == *kind));
        let Some((_, family)) = decoder else {
            let what = format!("{:?} in a model of type {:?}", said.unwrap_or_default(), self.name);
            return Err(text.unsupported("model_type", what));
        };
        for (name, size) in self.sizes {
            text.default(name, (*size).into());
        }
        let of_all = ["tie_word_embeddings", "bos_token_id", "eos_token_id", "quantization_config"];
        for name in of_all {
            if let Some(value) = whole.get(name) {
                text.default(name, value.clone());
            }
        }
        Ok((family, text))
    }
}
