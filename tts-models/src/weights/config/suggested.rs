//! What a model's files suggest for sampling.
//!
//! Publishers say at what temperature and over how many tokens a model was tried, some that it repeats itself
//! otherwise. None of it is taken unasked, for a search says itself how it draws: here it is in the terms of
//! [`Sampling`], with the names of what there is no option for.
//!
//! Source: `GenerationConfig` of Hugging Face transformers; keys `general.sampling.*` of the GGUF format (llama.cpp).

use std::fmt;

use serde_json::{Number, Value};
use tts_core::Sampling;

use super::hf::GENERATION;
use super::json::Object;
use crate::ModelError;
use crate::weights::gguf::Value as Metadata;
use crate::weights::source::read_text;
use crate::weights::{Checkpoint, Gguf};

/// What files suggest; the default suggests nothing.
///
/// ```
/// use tts_core::Sampling;
/// use tts_models::weights::config::SuggestedSampling;
/// let said = SuggestedSampling { temperature: Some(0.6), top_k: Some(20), ..Default::default() };
/// assert_eq!(said.to_string(), "temperature 0.6, top_k 20");
/// let taken = said.over(Sampling::default());
/// assert_eq!((taken.temperature, taken.top_k, taken.top_p), (0.6, 20, 1.0));
/// assert!(said.beside(&taken).is_none() && said.beside(&Sampling::default()).is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SuggestedSampling {
    /// For [`Sampling::temperature`]; 0 where they say that nothing is to be drawn.
    pub temperature: Option<f32>,
    /// For [`Sampling::top_k`].
    pub top_k: Option<u32>,
    /// For [`Sampling::top_p`].
    pub top_p: Option<f32>,
    /// For [`Sampling::min_p`].
    pub min_p: Option<f32>,
    /// Settings that change what is drawn and that there is no option for, and values that are none: each with its name.
    pub unmet: Vec<String>,
}

/// Settings of `generation_config.json` that no option meets, with the number that changes nothing; `None` where being
/// there changes something.
const OTHERS: &[(&str, Option<f64>)] = &[
    ("repetition_penalty", Some(1.0)),
    ("encoder_repetition_penalty", Some(1.0)),
    ("presence_penalty", Some(0.0)),
    ("frequency_penalty", Some(0.0)),
    ("no_repeat_ngram_size", Some(0.0)),
    ("typical_p", Some(1.0)),
    ("epsilon_cutoff", Some(0.0)),
    ("eta_cutoff", Some(0.0)),
    ("top_h", None),
    ("min_length", Some(0.0)),
    ("min_new_tokens", Some(0.0)),
    ("num_beams", Some(1.0)),
    ("num_beam_groups", Some(1.0)),
    ("diversity_penalty", Some(0.0)),
    ("penalty_alpha", Some(0.0)),
    ("guidance_scale", Some(1.0)),
    ("bad_words_ids", None),
    ("suppress_tokens", None),
    ("begin_suppress_tokens", None),
    ("forced_bos_token_id", None),
    ("forced_eos_token_id", None),
    ("force_words_ids", None),
    ("constraints", None),
    ("exponential_decay_length_penalty", None),
    ("sequence_bias", None),
    ("stop_strings", None),
    ("watermarking_config", None),
    ("dola_layers", None),
];

/// The same of GGUF files.
const OTHERS_OF_GGUF: &[(&str, Option<f64>)] = &[
    ("penalty_repeat", Some(1.0)),
    ("xtc_probability", Some(0.0)),
    ("mirostat", Some(0.0)),
    ("sequence", None),
];

impl Checkpoint {
    /// What its files suggest for sampling: `generation_config.json` of a folder, `general.sampling.*` of a GGUF file.
    ///
    /// # Errors
    /// When the file cannot be read or is no JSON.
    pub fn suggested_sampling(&self) -> Result<SuggestedSampling, ModelError> {
        if let Some(gguf) = self.gguf() {
            return Ok(SuggestedSampling::of_gguf(gguf));
        }
        let file = self.folder().join(GENERATION);
        if !file.exists() {
            return Ok(SuggestedSampling::default());
        }
        let bytes = read_text(&file, super::hf::LIMIT)?;
        let object = Object::parse(&bytes, file.path())?;
        Ok(SuggestedSampling::of_folder(&object))
    }
}

impl SuggestedSampling {
    fn of_folder(object: &Object<'_>) -> Self {
        let get = |name: &str| object.get(name).cloned();
        let mut said = Self::read(&get, "temperature", OTHERS);
        match get("do_sample") {
            Some(Value::Bool(false)) => said.temperature = Some(0.0),
            Some(Value::Bool(true)) | None => {}
            Some(other) => said.unmet.push(format!("do_sample {other}")),
        }
        said
    }

    fn of_gguf(gguf: &Gguf) -> Self {
        let get = |name: &str| gguf.metadata().get(&format!("general.sampling.{name}")).map(json);
        Self::read(&get, "temp", OTHERS_OF_GGUF)
    }

    fn read(
        get: &dyn Fn(&str) -> Option<Value>,
        temperature: &str,
        others: &[(&str, Option<f64>)],
    ) -> Self {
        let mut said = Self::default();
        for name in [temperature, "top_k", "top_p", "min_p"] {
            let Some(value) = get(name) else { continue };
            if value.as_f64().and_then(|number| said.set(name, number)).is_none() {
                said.unmet.push(format!("{name} {value}"));
            }
        }
        for (name, idle) in others {
            let Some(value) = get(name) else { continue };
            match value.as_f64() {
                #[expect(clippy::float_cmp, reason = "a number that is written so changes nothing")]
                Some(number) if idle.is_none_or(|idle| idle != number) => {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "as files hold it, for people"
                    )]
                    let shown = number as f32;
                    said.unmet.push(format!("{name} {shown}"));
                }
                Some(_) => {}
                None if says_nothing(&value) => {}
                None => said.unmet.push((*name).to_owned()),
            }
        }
        said
    }

    /// Takes a number, if it is one that the option can have.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked, or for drawing in f32"
    )]
    fn set(&mut self, name: &str, number: f64) -> Option<()> {
        let short = number as f32;
        let base = Sampling::default();
        let checked = |sampling: Sampling| sampling.check().ok();
        match name {
            "top_k" => {
                // Nothing and less stand for all tokens.
                let most = number.max(0.0);
                (most.fract() <= 0.0 && most <= f64::from(u32::MAX)).then_some(())?;
                self.top_k = Some(most as u32);
            }
            "top_p" => {
                checked(Sampling { top_p: short, ..base })?;
                self.top_p = Some(short);
            }
            "min_p" => {
                checked(Sampling { min_p: short, ..base })?;
                self.min_p = Some(short);
            }
            _ => {
                checked(Sampling { temperature: short, ..base })?;
                self.temperature = Some(short);
            }
        }
        Some(())
    }

    /// Whether they suggest nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A sampling with what is suggested in place of its own.
    #[must_use]
    pub fn over(&self, sampling: Sampling) -> Sampling {
        Sampling {
            temperature: self.temperature.unwrap_or(sampling.temperature),
            top_k: self.top_k.unwrap_or(sampling.top_k),
            top_p: self.top_p.unwrap_or(sampling.top_p),
            min_p: self.min_p.unwrap_or(sampling.min_p),
            ..sampling
        }
    }

    /// What they ask for beside this sampling, in words; `None` where that is all of it.
    pub fn beside(&self, sampling: &Sampling) -> Option<String> {
        let unmet = self.unmet.join(", ");
        let others = self.over(*sampling) != *sampling;
        match (others, unmet.is_empty()) {
            (false, true) => None,
            (false, false) => {
                Some(format!("the model's files also ask for what no option has: {unmet}"))
            }
            (true, true) => Some(format!("the model's files ask for {self}")),
            (true, false) => Some(format!(
                "the model's files ask for {self}; and for what no option has: {unmet}"
            )),
        }
    }
}

impl fmt::Display for SuggestedSampling {
    /// What options can be set to: `temperature 0.6, top_k 20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let float = |name: &str, value: Option<f32>| value.map(|value| format!("{name} {value}"));
        let all = [
            float("temperature", self.temperature),
            self.top_k.map(|most| format!("top_k {most}")),
            float("top_p", self.top_p),
            float("min_p", self.min_p),
        ];
        let all: Vec<String> = all.into_iter().flatten().collect();
        f.write_str(&all.join(", "))
    }
}

/// Whether a value that is no number stands for none.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// A value of a GGUF file's metadata.
fn json(value: &Metadata) -> Value {
    let signed = match *value {
        Metadata::I8(n) => Some(i64::from(n)),
        Metadata::I16(n) => Some(i64::from(n)),
        Metadata::I32(n) => Some(i64::from(n)),
        Metadata::I64(n) => Some(n),
        _ => None,
    };
    let integer = value.as_u64().map(Value::from).or_else(|| signed.map(Value::from));
    let float = || {
        let number = value.as_f64()?;
        Some(Number::from_f64(number).map_or_else(|| Value::from(number.to_string()), Value::from))
    };
    let text = || value.as_str().map(Value::from);
    let known = integer.or_else(float).or_else(|| value.as_bool().map(Value::from)).or_else(text);
    known.unwrap_or_else(|| Value::from("a list"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(config: &Value) -> SuggestedSampling {
        let bytes = config.to_string().into_bytes();
        let object = Object::parse(&bytes, std::path::Path::new("generation_config.json")).unwrap();
        SuggestedSampling::of_folder(&object)
    }

    #[test]
    fn generation_configs_are_read_as_far_as_there_are_options() {
        // Qwen2.5-1.5B-Instruct's and Qwen3's.
        let older = of(&json!({
            "bos_token_id": 151_643, "do_sample": true, "eos_token_id": [151_645, 151_643],
            "pad_token_id": 151_643, "repetition_penalty": 1.1, "temperature": 0.7, "top_k": 20,
            "top_p": 0.8, "transformers_version": "4.37.0"
        }));
        let expected = SuggestedSampling {
            temperature: Some(0.7),
            top_k: Some(20),
            top_p: Some(0.8),
            min_p: None,
            unmet: vec!["repetition_penalty 1.1".to_owned()],
        };
        assert_eq!(older, expected);
        let newer = of(&json!({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95}));
        assert_eq!(
            (newer.to_string(), newer.unmet.len()),
            ("temperature 0.6, top_k 20, top_p 0.95".into(), 0)
        );
        // What changes nothing is not said.
        let idle = json!({
            "repetition_penalty": 1, "no_repeat_ngram_size": 0, "num_beams": 1, "bad_words_ids": null,
            "suppress_tokens": [], "max_new_tokens": 2048, "use_cache": true, "min_p": null
        });
        assert!(of(&idle).is_empty());
        let others = of(&json!({
            "suppress_tokens": [7], "bad_words_ids": [[1, 2]], "min_new_tokens": 3, "top_h": 0.4,
            "sequence_bias": {"a": 1}, "temperature": "0.6", "top_p": 1.5, "top_k": 2.5, "do_sample": "no"
        }));
        let expected = [
            "top_k 2.5",
            "top_p 1.5",
            "temperature \"0.6\"",
            "top_h 0.4",
            "min_new_tokens 3",
            "bad_words_ids",
            "suppress_tokens",
            "sequence_bias",
            "do_sample \"no\"",
        ];
        let (mut found, mut expected) =
            (others.unmet.clone(), expected.map(str::to_owned).to_vec());
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(others.over(Sampling::default()), Sampling::default());
        // Nothing is drawn, whatever the temperature.
        assert_eq!(of(&json!({"do_sample": false, "temperature": 0.9})).temperature, Some(0.0));
        assert_eq!(of(&json!({"top_k": -1})).top_k, Some(0));
    }

    #[test]
    fn what_differs_is_told_in_words() {
        let (default, unmet) = (Sampling::default(), vec!["repetition_penalty 1.1".to_owned()]);
        let said =
            SuggestedSampling { temperature: Some(0.8), top_k: Some(0), ..Default::default() };
        assert_eq!(said.beside(&default), None);
        let said = SuggestedSampling { unmet, ..said };
        let words = |said: &SuggestedSampling| said.beside(&default).unwrap();
        assert_eq!(
            words(&said),
            "the model's files also ask for what no option has: repetition_penalty 1.1"
        );
        let said = SuggestedSampling { min_p: Some(0.05), ..said };
        assert_eq!(
            words(&said),
            "the model's files ask for temperature 0.8, top_k 0, min_p 0.05; and for what no option has: \
             repetition_penalty 1.1"
        );
    }
}
