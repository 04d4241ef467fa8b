//! The families of decoders: for each, what its files are called and which switches they set.
//!
//! A [`Family`] is data: names of types and classes, defaults of Hugging Face's configuration class, names of
//! tensors that differ from Llama's, and one function that reads its own fields as [`Switches`] ([`fields`], and
//! [`keys`] for GGUF). Everything else about a model is in [`ModelConfig`], and nothing below asks for a family by
//! name. To add one: a row of [`FAMILIES`], and a line in the golden test.
//!
//! Source: `configuration_*.py` and `modeling_*.py` of Hugging Face transformers; `constants.py` of gguf-py for
//! GGUF's names.

mod fields;
mod keys;
mod sliding;
mod table;

use super::gguf::Keys;
use super::json::Object;
use super::{ModelConfig, RopeScaling, Switches};
use crate::ModelError;
pub(crate) use fields::{glm4_moe_switches, gpt_oss_switches};
pub(crate) use table::FAMILIES;

/// Reads a family's own keys of a GGUF file.
pub(crate) type ReadKeys = fn(&Keys<'_>, &ModelConfig) -> Result<Switches, ModelError>;

/// A family of decoders.
#[expect(clippy::struct_excessive_bools, reason = "a table of what is so and what not")]
pub(crate) struct Family {
    /// `model_type` of `config.json`.
    pub(crate) name: &'static str,
    /// The first of `architectures` in `config.json`.
    pub(crate) class: &'static str,
    /// What its models are held as, where that is another family with switches set; else its own name.
    pub(crate) held_as: &'static str,
    /// What GGUF files call the architecture, and what reads their keys; `None` where they are not read. Of two
    /// families of one name, one has experts.
    pub(crate) gguf: Option<(&'static str, ReadKeys)>,
    /// Where files have the two numbers that are turned together ([`crate::weights::names`]).
    pub(crate) pairs: Pairs,
    /// Whether experts stand in the place of each feed-forward network.
    pub(crate) experts: bool,
    /// Whether the projections of queries, keys and values have biases, whatever a file says.
    pub(crate) attention_bias: bool,
    /// The field that says whether they have, where they may.
    pub(crate) bias_field: &'static str,
    /// The field that says how wide the feed-forward network is.
    pub(crate) width: &'static str,
    /// Whether queries and keys are normed.
    pub(crate) qk_norm: bool,
    /// The field that says so, where models of the family differ; in GGUF the tensors do.
    pub(crate) qk_norm_field: Option<&'static str>,
    /// Whether norms are stored less 1 in Hugging Face's files.
    pub(crate) norm_offset: bool,
    /// Which parts of a layer lie in one tensor.
    pub(crate) fused: Fused,
    /// How Hugging Face's files hold the experts of a layer.
    pub(crate) stacked: Stacked,
    /// Whether yarn's line between pairs that are kept and pairs that are slowed down ends at whole pairs, in files
    /// that have no word for it (GGUF).
    pub(crate) yarn_truncates: bool,
    /// Whether a factor of attention in GGUF that is yarn's own is all of it, as Hugging Face has it: a converter wrote it
    /// so. Otherwise yarn's comes to it.
    pub(crate) yarn_is_whole: bool,
    /// Whether a multiplier of yarn's logarithm in GGUF divides the factor of attention.
    pub(crate) yarn_logarithm: bool,
    /// Whether `alpha` in a dynamic scaling stretches the base of rotations (Hunyuan).
    pub(crate) stretches_by_alpha: bool,
    /// Whether heads may be turned in part.
    pub(crate) turns_in_part: bool,
    /// Whether a model of it without switches is written as it is held: its files are as Llama's.
    pub(crate) writes: bool,
    /// What a config that does not say has.
    pub(crate) defaults: Defaults,
    /// Parts of a layer that are called otherwise than in Llama: Llama's name, Hugging Face's, GGUF's.
    pub(crate) names: &'static [(&'static str, &'static str, &'static str)],
    /// Words between the dots of names that Hugging Face's files write otherwise: those of `qwen3_moe` for experts,
    /// and theirs.
    pub(crate) words: &'static [(&'static str, &'static str)],
    /// Reads its own fields.
    pub(crate) switches: fn(&Object<'_>, &ModelConfig) -> Result<Switches, ModelError>,
}

/// Where files have the two numbers of a head that are turned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// Half of what is turned apart, as executors have them.
    Apart,
    /// So in Hugging Face's files, and side by side in GGUF.
    BesideInGguf,
    /// Side by side in both.
    Beside,
}

/// Which parts of a layer lie in one tensor. A file that has the parts is read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fused {
    /// None.
    Nothing,
    /// Gate and up.
    GateUp,
    /// These, and queries, keys and values.
    All,
}

impl Fused {
    /// The parts of a name that differ between a tensor and the one in which it lies.
    pub(crate) fn parts(self) -> &'static [(&'static str, &'static str)] {
        const ALL: &[(&str, &str)] = &[
            (".gate_proj.", ".gate_up_proj."),
            (".up_proj.", ".gate_up_proj."),
            (".q_proj.", ".qkv_proj."),
            (".k_proj.", ".qkv_proj."),
            (".v_proj.", ".qkv_proj."),
        ];
        match self {
            Self::Nothing => &[],
            Self::GateUp => &ALL[..2],
            Self::All => ALL,
        }
    }
}

/// How Hugging Face's files hold the experts of a layer ([`crate::weights::stacked`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stacked {
    /// Each by itself.
    Apart,
    /// All in one tensor, outputs behind inputs, those of gate and up by turns; as floats or in MXFP4.
    ByTurns,
    /// All in one tensor, outputs before inputs as in every projection, up's behind the gate's.
    Halves,
}

/// Defaults of a configuration class.
pub(crate) struct Defaults {
    /// `max_position_embeddings`.
    pub(crate) positions: usize,
    /// `original_max_position_embeddings` beside the scaling, where the class has it.
    pub(crate) original_positions: Option<f64>,
    /// `num_key_value_heads`, where it is not the number of query heads.
    pub(crate) key_heads: Option<usize>,
    /// `head_dim`, where it is not the quotient.
    pub(crate) head_dim: Option<usize>,
    /// `rms_norm_eps`.
    pub(crate) epsilon: f64,
    /// `attention_bias`.
    pub(crate) attention_bias: bool,
    /// `tie_word_embeddings`.
    pub(crate) tied: bool,
    /// `rope_theta`.
    pub(crate) rope_theta: f64,
    /// `rope_scaling`.
    pub(crate) scaling: fn() -> RopeScaling,
    /// `hidden_act`, or `hidden_activation`.
    pub(crate) activation: &'static str,
}

impl Family {
    /// The family of a name.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().find(|family| family.name == name)
    }

    /// The family of a GGUF architecture, with experts or without.
    pub(crate) fn of_gguf(name: &str, experts: bool) -> Option<(&'static Self, ReadKeys)> {
        FAMILIES.iter().find_map(|family| match family.gguf {
            Some((own, read)) if own == name && family.experts == experts => Some((family, read)),
            _ => None,
        })
    }

    /// The GGUF architectures of all, for messages.
    pub(crate) fn list_gguf() -> String {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in FAMILIES.iter().filter_map(|family| family.gguf) {
            // Some have a name in common.
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(", ")
    }

    /// The names of all, for messages.
    pub(crate) fn list() -> String {
        let names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
        names.join(", ")
    }

    /// Hugging Face's name of a tensor, from Llama's.
    pub(crate) fn stored(&self, name: &str) -> String {
        let renamed = self.names.iter().find_map(|(own, stored, _)| {
            let (front, rest) = name.split_once(own)?;
            let whole = front.ends_with('.') && rest.starts_with('.');
            whole.then(|| format!("{front}{stored}{rest}"))
        });
        let renamed = renamed.unwrap_or_else(|| name.to_owned());
        let word = |own: &'_ str| self.words.iter().find(|(word, _)| *word == own);
        let words = renamed.split('.').map(|own| word(own).map_or(own, |(_, stored)| *stored));
        words.collect::<Vec<&str>>().join(".")
    }

    /// GGUF's name of a part of a layer, from Llama's, where it is another than Llama's.
    pub(crate) fn gguf_part(&self, part: &str) -> Option<&'static str> {
        self.names.iter().find(|(own, _, _)| *own == part).map(|(_, _, stored)| *stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page on models has a row of each family, with what GGUF calls it where that is another name.
    #[test]
    fn the_page_on_models_names_every_family() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/models.md");
        let Ok(page) = std::fs::read_to_string(page) else {
            println!("skipped: no docs beside this crate");
            return;
        };
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        for family in FAMILIES {
            let name = format!("`{}`", family.name);
            let row =
                rows.iter().find(|row| row.split('|').nth(1).is_some_and(|r| r.contains(&name)));
            let row = row.unwrap_or_else(|| panic!("docs/models.md has no row of {name}"));
            let gguf = row.split('|').nth(4).unwrap_or_default().trim();
            let said = if family.gguf.is_some() {
                !gguf.is_empty()
            } else {
                gguf.is_empty() || gguf.contains("as `")
            };
            assert!(said, "{row}");
        }
    }
}
