//! What the files of an encoder's folder say: its shape, how its vectors are made, what stands before texts.
//!
//! `config.json` is that of `transformers`, and of a model whose rows are meant to be read: one with a head for classes or
//! spans is refused. Beside it may lie what `sentence-transformers` writes: `modules.json` names
//! the steps (a transformer, a pooling, perhaps a norm: others are refused), the pooling's own `config.json` says which it
//! is, `sentence_bert_config.json` how much of a text is read, `config_sentence_transformers.json` which words stand
//! before a query and a passage, and how vectors are compared: only an angle is read here. Every error names the file and
//! the field.
//!
//! Source: the files of `transformers` and `sentence-transformers`.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::Pooling;
use crate::{Files, ModelError};

/// A file that holds an object.
struct Fields {
    path: PathBuf,
    map: Map<String, Value>,
}

impl Fields {
    fn read(file: &Files) -> Result<Self, ModelError> {
        Self::parse(&file.read()?, file.path())
    }

    fn read_if_there(file: &Files) -> Result<Option<Self>, ModelError> {
        file.read_if_there()?.map(|bytes| Self::parse(&bytes, file.path())).transpose()
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Self, ModelError> {
        let map = serde_json::from_slice(bytes)
            .map_err(|error| ModelError::format(path, "JSON", error.to_string()))?;
        Ok(Self { path: path.to_owned(), map })
    }

    /// A field, if it is there and not null.
    fn get(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn typed<'s, T>(
        &'s self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&'s Value) -> Option<T>,
    ) -> Result<Option<T>, ModelError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found: String = value.to_string().chars().take(60).collect();
        let problem =
            || ModelError::format(&self.path, name, format!("{found}, expected {expected}"));
        convert(value).map(Some).ok_or_else(problem)
    }

    fn count(&self, name: &str) -> Result<Option<usize>, ModelError> {
        let positive =
            |value: &Value| usize::try_from(value.as_u64()?).ok().filter(|&count| count > 0);
        self.typed(name, "an integer above 0", positive)
    }

    fn flag(&self, name: &str) -> Result<bool, ModelError> {
        Ok(self.typed(name, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    fn text(&self, name: &str) -> Result<Option<&str>, ModelError> {
        self.typed(name, "a string", Value::as_str)
    }

    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, ModelError> {
        value.ok_or_else(|| ModelError::format(&self.path, name, "is missing"))
    }

    /// One of these, if the field is there.
    fn only(&self, name: &str, known: &[&str]) -> Result<(), ModelError> {
        match self.text(name)? {
            Some(found) if !known.contains(&found) => {
                let what = format!("{found:?}; expected {}", known.join(" or "));
                Err(ModelError::unsupported(&self.path, name, what))
            }
            _ => Ok(()),
        }
    }
}

/// Models whose rows stand for their texts; what heads for pre-training these have is not read.
const ENCODERS: [&str; 3] = ["BertModel", "BertForMaskedLM", "BertForPreTraining"];

impl Fields {
    /// Whether the model reads whole texts, and was not made to say something of them.
    fn encodes(&self) -> Result<(), ModelError> {
        let list = self.typed("architectures", "a list of names", |value| {
            value.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()
        })?;
        let other = list.unwrap_or_default().into_iter().find(|name| !ENCODERS.contains(name));
        if let Some(other) = other {
            let what = format!(
                "{other:?}, which is no encoder of texts; expected {}",
                ENCODERS.join(" or ")
            );
            return Err(ModelError::unsupported(&self.path, "architectures", what));
        }
        for name in ["is_decoder", "add_cross_attention"] {
            if self.flag(name)? {
                return Err(ModelError::unsupported(&self.path, name, "true; expected false"));
            }
        }
        Ok(())
    }
}

/// The shape of a BERT.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) intermediate_size: usize,
    pub(super) positions: usize,
    pub(super) types: usize,
    pub(super) epsilon: f32,
}

impl Config {
    pub(super) fn read(file: &Files) -> Result<Self, ModelError> {
        let fields = Fields::read(file)?;
        let count = |name: &str| fields.required(name, fields.count(name)?);
        fields.required("model_type", fields.text("model_type")?)?;
        fields.only("model_type", &["bert"])?;
        fields.only("hidden_act", &["gelu"])?;
        fields.only("position_embedding_type", &["absolute"])?;
        fields.encodes()?;
        let epsilon = fields.typed("layer_norm_eps", "a number above 0", |value| {
            value.as_f64().filter(|&epsilon| epsilon > 0.0 && epsilon < 1.0)
        })?;
        #[expect(clippy::cast_possible_truncation, reason = "it is added to numbers of 32 bits")]
        let epsilon = epsilon.unwrap_or(1e-12) as f32;
        let config = Self {
            vocab_size: count("vocab_size")?,
            hidden_size: count("hidden_size")?,
            layers: count("num_hidden_layers")?,
            heads: count("num_attention_heads")?,
            intermediate_size: count("intermediate_size")?,
            positions: count("max_position_embeddings")?,
            types: fields.count("type_vocab_size")?.unwrap_or(2),
            epsilon,
        };
        if !config.hidden_size.is_multiple_of(config.heads) {
            let problem = format!("{} heads of {} numbers", config.heads, config.hidden_size);
            return Err(ModelError::format(&fields.path, "num_attention_heads", problem));
        }
        Ok(config)
    }
}

/// What `sentence-transformers` says of a folder, as far as it says something.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    pub(super) pooling: Option<Pooling>,
    pub(super) max_tokens: Option<usize>,
    pub(super) lowercase: bool,
    pub(super) query_prefix: Option<String>,
    pub(super) passage_prefix: Option<String>,
    /// The file that leaves the words before a text out of its mean, if one does.
    pub(super) bare: Option<PathBuf>,
}

impl Said {
    /// Reads what is there; `width` is the numbers of a vector.
    pub(super) fn read(folder: &Files, width: usize) -> Result<Self, ModelError> {
        let mut said = Self::default();
        let modules = Modules::read(&folder.join("modules.json"))?;
        let pooling = match &modules {
            // What is named must be there: no other pooling is taken in its place.
            Some(modules) => {
                Some(Fields::read(&folder.join(&modules.pooling).join("config.json"))?)
            }
            None => Fields::read_if_there(&folder.join("1_Pooling").join("config.json"))?,
        };
        if let Some(fields) = pooling {
            said.pooling = Some(pooled(&fields, width)?);
            let whole = fields.typed("include_prompt", "true or false", Value::as_bool)?;
            said.bare = (whole == Some(false)).then_some(fields.path);
        }
        if let Some(fields) = Fields::read_if_there(&folder.join("sentence_bert_config.json"))? {
            said.max_tokens = fields.count("max_seq_length")?;
            said.lowercase = fields.flag("do_lower_case")?;
        }
        if said.max_tokens.is_none()
            && let Some(fields) = Fields::read_if_there(&folder.join("tokenizer_config.json"))?
        {
            // Where there is no limit, a number of thirty digits stands there.
            said.max_tokens = fields
                .get("model_max_length")
                .and_then(Value::as_u64)
                .and_then(|most| usize::try_from(most).ok());
        }
        let used = folder.join("config_sentence_transformers.json");
        if let Some(fields) = Fields::read_if_there(&used)? {
            said.used(&fields, modules.is_some_and(|modules| modules.normalized))?;
        }
        Ok(said)
    }

    /// What stands before texts, and how vectors are compared; `normalized` where a module makes their lengths 1.
    fn used(&mut self, fields: &Fields, normalized: bool) -> Result<(), ModelError> {
        match fields.text("similarity_fn_name")? {
            None | Some("cosine") => {}
            // Of vectors of length 1 these rank as the angle does.
            Some("dot" | "dot_score" | "euclidean") if normalized => {}
            Some(other) => {
                let what = format!(
                    "{other:?} of vectors that keep their length; expected cosine, or a module Normalize with dot or \
                     euclidean"
                );
                return Err(ModelError::unsupported(&fields.path, "similarity_fn_name", what));
            }
        }
        let none = Map::new();
        let prompts = fields.typed("prompts", "an object", Value::as_object)?.unwrap_or(&none);
        if let Some((name, found)) = prompts.iter().find(|(_, prompt)| !prompt.is_string()) {
            let field = format!("prompts.{name}");
            return Err(ModelError::format(
                &fields.path,
                field,
                format!("{found}, expected a string"),
            ));
        }
        let prompt = |name: &str| prompts.get(name).and_then(Value::as_str);
        let always = match fields.text("default_prompt_name")? {
            Some(name) => Some(prompt(name).ok_or_else(|| {
                let problem = format!("{name:?} is none of the prompts");
                ModelError::format(&fields.path, "default_prompt_name", problem)
            })?),
            None => None,
        };
        let first = |names: &[&str]| names.iter().find_map(|name| prompt(name)).or(always);
        self.query_prefix = first(&["query"]).map(str::to_owned);
        self.passage_prefix = first(&["document", "passage", "corpus"]).map(str::to_owned);
        Ok(())
    }
}

/// What a list of modules names.
struct Modules {
    /// The folder of the pooling.
    pooling: String,
    /// Whether vectors get the length 1.
    normalized: bool,
}

impl Modules {
    fn read(file: &Files) -> Result<Option<Self>, ModelError> {
        file.read_if_there()?.map(|bytes| Self::parse(&bytes, file)).transpose()
    }

    fn parse(bytes: &[u8], file: &Files) -> Result<Self, ModelError> {
        let wrong = |problem: String| ModelError::format(file.path(), "modules", problem);
        let modules: Vec<Value> =
            serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        let (mut folder, mut normalized) = (None, false);
        for (number, module) in modules.iter().enumerate() {
            let text = |name: &str| module.get(name).and_then(Value::as_str);
            let kind = text("type").unwrap_or_default().rsplit('.').next().unwrap_or_default();
            let path = text("path").unwrap_or_default();
            let inside = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
            match kind {
                _ if !inside => return Err(wrong(format!("{path:?} is not inside the folder"))),
                "Transformer" if number == 0 && path.is_empty() => {}
                "Pooling" if number == 1 => folder = Some(path.to_owned()),
                "Normalize" if number > 1 => normalized = true,
                other => {
                    let what = format!(
                        "{other:?} in place {number}; expected Transformer in the folder itself, Pooling, \
                     and perhaps Normalize"
                    );
                    return Err(ModelError::unsupported(file.path(), "modules", what));
                }
            }
        }
        let pooling =
            folder.ok_or_else(|| wrong("no Pooling, expected one behind a Transformer".into()))?;
        Ok(Self { pooling, normalized })
    }
}

/// How a pooling's file says that rows become a vector.
fn pooled(fields: &Fields, width: usize) -> Result<Pooling, ModelError> {
    let named = ["word_embedding_dimension", "embedding_dimension"];
    for name in named {
        if let Some(found) = fields.count(name)?.filter(|&found| found != width) {
            let problem = format!("{found}, but the model's hidden_size is {width}");
            return Err(ModelError::format(&fields.path, name, problem));
        }
    }
    // Newer files name it, older ones have a switch for each.
    let mode = fields.text("pooling_mode")?;
    let switches = fields.map.iter().filter(|(_, value)| **value == Value::Bool(true));
    let mut on: Vec<&str> =
        switches.filter_map(|(name, _)| name.strip_prefix("pooling_mode_")).collect();
    on.extend(mode);
    match on[..] {
        ["cls_token" | "cls"] => Ok(Pooling::Cls),
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        _ => {
            let found = if on.is_empty() { "none".to_owned() } else { on.join(" and ") };
            let what = format!("{found}; expected mean or cls alone");
            Err(ModelError::unsupported(&fields.path, "pooling_mode", what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder in memory; its names and texts live as long as the tests.
    fn folder(files: &[(&'static str, &'static str)]) -> Files {
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        Files::in_memory("m", &files)
    }

    const MODULES: &str = r#"[{"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "pool", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]"#;

    /// What is said by these files, of a model of eight numbers.
    fn said(files: &[(&'static str, &'static str)]) -> Result<Said, ModelError> {
        Said::read(&folder(files), 8)
    }

    #[test]
    fn what_lies_beside_the_model_is_read() {
        assert_eq!(said(&[]).expect("nothing there"), Said::default());
        let pool = r#"{"word_embedding_dimension": 8, "pooling_mode_cls_token": true,
            "pooling_mode_mean_tokens": false, "include_prompt": true}"#;
        let all = said(&[
            ("modules.json", MODULES),
            ("pool/config.json", pool),
            ("sentence_bert_config.json", r#"{"max_seq_length": 128, "do_lower_case": true}"#),
            (
                "config_sentence_transformers.json",
                r#"{"prompts": {"query": "q: ", "passage": "p: "}}"#,
            ),
        ])
        .expect("reads");
        let expected = Said {
            pooling: Some(Pooling::Cls),
            max_tokens: Some(128),
            lowercase: true,
            query_prefix: Some("q: ".into()),
            passage_prefix: Some("p: ".into()),
            bare: None,
        };
        assert_eq!(all, expected);
        let used = |text: &'static str| {
            let pool = ("pool/config.json", pool);
            said(&[("modules.json", MODULES), pool, ("config_sentence_transformers.json", text)])
                .map(|said| (said.query_prefix, said.passage_prefix))
        };
        for (text, query, passage) in [
            (r#"{"similarity_fn_name": "dot", "prompts": null}"#, None, None),
            (
                r#"{"prompts": {"a": "x: ", "query": "q: "}, "default_prompt_name": null}"#,
                Some("q: "),
                None,
            ),
            (
                r#"{"prompts": {"a": "x: ", "query": "q: "}, "default_prompt_name": "a"}"#,
                Some("q: "),
                Some("x: "),
            ),
            (r#"{"prompts": {"a": "x: "}, "default_prompt_name": "a"}"#, Some("x: "), Some("x: ")),
        ] {
            let expected = (query.map(str::to_owned), passage.map(str::to_owned));
            assert_eq!(used(text).expect("reads"), expected, "{text}");
        }
        let bare = said(&[(
            "1_Pooling/config.json",
            r#"{"pooling_mode_mean_tokens": true, "include_prompt": false}"#,
        )]);
        assert_eq!(bare.expect("reads").bare, Some("m/1_Pooling/config.json".into()));
        let newer = said(&[
            ("1_Pooling/config.json", r#"{"embedding_dimension": 8, "pooling_mode": "mean"}"#),
            ("tokenizer_config.json", r#"{"model_max_length": 1000000000000000019884624838656}"#),
        ]);
        let newer = newer.expect("reads");
        assert_eq!((newer.pooling, newer.max_tokens), (Some(Pooling::Mean), None));
    }

    #[test]
    fn what_lies_beside_it_and_means_something_else_is_refused() {
        for (name, text, expected) in [
            ("modules.json", "{}", "m/modules.json: modules: "),
            ("modules.json", r#"[{"path": "../x", "type": "a.Transformer"}]"#, "not inside"),
            (
                "modules.json",
                r#"[{"path": "", "type": "a.Transformer"}, {"path": "2", "type": "a.Dense"}]"#,
                "unsupported \"Dense\" in place 1",
            ),
            (
                "modules.json",
                r#"[{"path": "", "type": "a.Transformer"}, {"path": "../2", "type": "a.Pooling"}]"#,
                "not inside",
            ),
            ("modules.json", r#"[{"path": "", "type": "a.Transformer"}]"#, "no Pooling"),
            ("1_Pooling/config.json", "{}", "unsupported none; expected mean"),
            (
                "1_Pooling/config.json",
                r#"{"pooling_mode": "mean", "include_prompt": "no"}"#,
                "include_prompt: \"no\", expected true or false",
            ),
            (
                "config_sentence_transformers.json",
                r#"{"prompts": {"query": "q: ", "other": 3}}"#,
                "prompts.other: 3, expected a string",
            ),
            (
                "config_sentence_transformers.json",
                r#"{"prompts": {"query": null}}"#,
                "prompts.query: null, expected a string",
            ),
            (
                "config_sentence_transformers.json",
                r#"{"prompts": {"query": "q: "}, "default_prompt_name": "gone"}"#,
                "default_prompt_name: \"gone\" is none of the prompts",
            ),
            (
                "config_sentence_transformers.json",
                r#"{"similarity_fn_name": "dot"}"#,
                "similarity_fn_name: unsupported \"dot\" of vectors that keep their length",
            ),
            (
                "config_sentence_transformers.json",
                r#"{"similarity_fn_name": "manhattan"}"#,
                "similarity_fn_name: unsupported \"manhattan\"",
            ),
            (
                "1_Pooling/config.json",
                r#"{"pooling_mode_max_tokens": true}"#,
                "unsupported max_tokens",
            ),
            (
                "1_Pooling/config.json",
                r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#,
                "expected mean or cls alone",
            ),
            ("1_Pooling/config.json", r#"{"word_embedding_dimension": 9}"#, "hidden_size is 8"),
            (
                "sentence_bert_config.json",
                r#"{"max_seq_length": "x"}"#,
                "max_seq_length: \"x\", expected",
            ),
            (
                "config_sentence_transformers.json",
                r#"{"prompts": 3}"#,
                "prompts: 3, expected an object",
            ),
        ] {
            let error = said(&[(name, text)]).expect_err("refused").to_string();
            assert!(error.contains(expected) && error.contains(name), "{error}");
        }
        // A pooling that is named, and not there.
        let error = said(&[("modules.json", MODULES)]).expect_err("refused").to_string();
        assert!(error.contains("pool/config.json"), "{error}");
    }

    #[test]
    fn a_config_that_is_none_is_refused_by_field() {
        let whole = r#"{"model_type": "bert", "vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32}"#;
        let read = |text: &str| {
            let text: &'static str = text.to_owned().leak();
            Config::read(&folder(&[("config.json", text)]).join("config.json"))
        };
        assert_eq!(read(whole).expect("reads").types, 2);
        for (from, to, expected) in [
            ("\"bert\"", "\"mpnet\"", "model_type: unsupported \"mpnet\""),
            ("\"model_type\": \"bert\",", "", "model_type: is missing"),
            (
                "\"vocab_size\": 9",
                "\"vocab_size\": -1",
                "vocab_size: -1, expected an integer above 0",
            ),
            ("\"vocab_size\": 9", "\"hidden_act\": \"relu\"", "hidden_act: unsupported \"relu\""),
            ("\"hidden_size\": 8", "\"hidden_size\": 9", "num_attention_heads: 2 heads of 9"),
            ("\"num_hidden_layers\": 1,", "", "num_hidden_layers: is missing"),
            ("{", "{\"is_decoder\": true,", "is_decoder: unsupported true"),
            ("{", "{\"add_cross_attention\": true,", "add_cross_attention: unsupported true"),
            ("{", "{\"architectures\": 3,", "architectures: 3, expected a list of names"),
            (
                "{",
                "{\"architectures\": [\"BertForSequenceClassification\"],",
                "architectures: unsupported \"BertForSequenceClassification\", which is no encoder",
            ),
            (
                "{",
                "{\"architectures\": [\"BertModel\", \"HF_ColBERT\"],",
                "architectures: unsupported \"HF_ColBERT\"",
            ),
            (
                "{",
                "{\"architectures\": [\"BertForQuestionAnswering\"],",
                "architectures: unsupported \"BertForQuestionAnswering\"",
            ),
            ("{", "", "JSON: "),
        ] {
            let error = read(&whole.replacen(from, to, 1)).expect_err("refused").to_string();
            assert!(error.contains(expected) && error.starts_with("m/config.json: "), "{error}");
        }
    }
}
