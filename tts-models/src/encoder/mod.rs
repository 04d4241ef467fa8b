//! Encoders of texts: small models of the BERT form that make vectors of meaning, as an [`Embedder`].
//!
//! ```text
//! text -- word pieces -- embeddings -- layers (attention, feed-forward, each behind a norm) -- rows
//!      -- mean over the rows, or the first of them -- length 1
//! ```
//!
//! [`Encoder::open`] takes a folder of `all-MiniLM`, BGE, E5 or another BERT: `config.json`, `model.safetensors`,
//! `tokenizer.json`, and what `sentence-transformers` writes beside them. Texts of one call share the passes, without
//! padding, and no bit of a vector depends on them. Arithmetic is in f32, on the crate's own kernels.
//!
//! Source: Devlin et al. 2019, BERT (arXiv 1810.04805); Reimers and Gurevych 2019, Sentence-BERT (arXiv 1908.10084),
//! section 3, for the pooling.

mod config;
mod forward;
mod pieces;

use std::fmt;

use serde_json::{Value, json};
use tts_core::{BoxError, Embedded, Embedder, TextKind};

use self::config::{Config, Said};
use self::forward::Bert;
use self::pieces::Pieces;
use crate::kernels::Team;
use crate::weights::digest::Digest;
use crate::weights::safetensors::Shards;
use crate::weights::source::Source;
use crate::{Files, ModelError};

/// How the rows of a text become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// The mean of all rows.
    Mean,
    /// The row of the token that begins a text.
    Cls,
}

impl Pooling {
    /// All, by their names.
    pub const NAMES: [(&str, Self); 2] = [("mean", Self::Mean), ("cls", Self::Cls)];

    /// Its name: `mean` or `cls`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
        }
    }
}

/// How an encoder reads texts. What is not set is as its files say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncoderSettings {
    /// Threads; 0 for one a core.
    pub threads: usize,
    /// How rows become a vector; where neither this nor a file says, the mean.
    pub pooling: Option<Pooling>,
    /// What stands before a query: `query: ` for E5, an instruction for BGE.
    pub query_prefix: Option<String>,
    /// What stands before a passage: `passage: ` for E5.
    pub passage_prefix: Option<String>,
    /// Tokens of a text that are read, at most, and no more than the model has positions; 0 for as many as the files say.
    pub max_tokens: usize,
}

/// An encoder of the BERT form.
///
/// ```no_run
/// use tts_core::{Embedder, TextKind};
/// use tts_models::encoder::{Encoder, EncoderSettings};
/// let encoder = Encoder::open("all-MiniLM-L6-v2", EncoderSettings::default())?;
/// let asked = encoder.embed(&["How long is the Mira?"], TextKind::Query)?.vectors;
/// let found = encoder.embed(&["The river has a length of 31 km."], TextKind::Passage)?.vectors;
/// let near: f32 = asked.iter().zip(&found).map(|(a, b)| a * b).sum();
/// println!("{near}");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct Encoder {
    pieces: Pieces,
    bert: Bert,
    team: Team,
    dim: usize,
    pooling: Pooling,
    lowercase: bool,
    query_prefix: String,
    passage_prefix: String,
    max_tokens: usize,
    model: String,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("model", &self.model).finish_non_exhaustive()
    }
}

/// Rows of a pass, about. Each takes some 13 numbers for every number of its width beside the weights: all together 40 MB for
/// a width of 384 (`MiniLM`), 80 MB for one of 768.
const ROWS: usize = 2_048;

impl Encoder {
    /// Opens the model in a folder.
    ///
    /// # Errors
    /// When a file is missing or broken, or asks for what a BERT with word pieces does not do; the error names
    /// file and field.
    pub fn open(folder: impl Into<Files>, settings: EncoderSettings) -> Result<Self, ModelError> {
        Self::open_folder(&folder.into(), settings)
    }

    fn open_folder(folder: &Files, settings: EncoderSettings) -> Result<Self, ModelError> {
        if !folder.is_folder() {
            let problem = "there is no such folder; expected one with config.json, model.safetensors and \
                           tokenizer.json (nothing is downloaded)";
            return Err(ModelError::format(folder.path(), "path", problem));
        }
        let file = folder.join("config.json");
        let config = Config::read(&file)?;
        let said = Said::read(folder, config.hidden_size)?;
        let tokenizer = folder.join("tokenizer.json");
        if !tokenizer.exists() && folder.join("vocab.txt").exists() {
            let problem = "is missing beside vocab.txt: write it once with `transformers`, \
                           `AutoTokenizer.from_pretrained(folder).save_pretrained(folder)`";
            return Err(ModelError::format(tokenizer.path(), "path", problem));
        }
        let pieces = Pieces::open(&tokenizer)?;
        if pieces.size() > config.vocab_size {
            let problem = format!(
                "{}, but the tokenizer has {} ids: it belongs to another model",
                config.vocab_size,
                pieces.size()
            );
            return Err(ModelError::format(file.path(), "vocab_size", problem));
        }
        let asked = Some(settings.max_tokens).filter(|&most| most > 0);
        if let Some(most) = asked.filter(|&most| most > config.positions) {
            let problem = format!("{most}, but the model has {} positions", config.positions);
            return Err(ModelError::input("max_tokens", problem));
        }
        let max_tokens = asked.or(said.max_tokens).unwrap_or(usize::MAX).min(config.positions);
        if max_tokens < 3 {
            let problem =
                format!("{max_tokens}, expected room for two tokens around a text and one of it");
            return Err(ModelError::input("max_tokens", problem));
        }
        let shards = Shards::open(folder)?;
        let bert = Bert::read(&shards, &config)?;
        let team = Team::new(settings.threads).map_err(|error| ModelError::Device {
            problem: format!("no thread for the encoder: {error}"),
        })?;
        let pooling = settings.pooling.or(said.pooling).unwrap_or(Pooling::Mean);
        let mut digest = Digest::default();
        for file in [&file, &tokenizer] {
            digest.file(&Source::open(file)?)?;
        }
        for source in shards.sources() {
            digest.file(source)?;
        }
        let prefix = |own: Option<String>, said: Option<String>| own.or(said).unwrap_or_default();
        let query_prefix = prefix(settings.query_prefix, said.query_prefix);
        let passage_prefix = prefix(settings.passage_prefix, said.passage_prefix);
        if let (Some(path), Pooling::Mean) = (&said.bare, pooling)
            && !(query_prefix.is_empty() && passage_prefix.is_empty())
        {
            let what = "false with words before a text; expected true, or no such words";
            return Err(ModelError::unsupported(path, "include_prompt", what));
        }
        Ok(Self {
            pieces,
            bert,
            team,
            dim: config.hidden_size,
            pooling,
            lowercase: said.lowercase,
            query_prefix,
            passage_prefix,
            max_tokens,
            model: format!("bert {:016x}", digest.finish()),
        })
    }

    /// How rows become a vector.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// What stands before texts of a kind.
    fn prefix(&self, kind: TextKind) -> &str {
        match kind {
            TextKind::Query => &self.query_prefix,
            TextKind::Passage => &self.passage_prefix,
        }
    }

    /// The ids of a text as they are read, and whether it was cut.
    fn ids(&self, text: &str, kind: TextKind) -> Result<(Vec<u32>, bool), ModelError> {
        let text = format!("{}{text}", self.prefix(kind));
        let text = if self.lowercase { text.to_lowercase() } else { text };
        self.pieces.encode(&text, self.max_tokens)
    }

    /// The vector of a text's rows, `[ids, dim]`.
    fn pooled(&self, rows: &[f32]) -> Vec<f32> {
        let mut vector = rows[..self.dim].to_vec();
        if self.pooling == Pooling::Mean {
            for row in rows.chunks_exact(self.dim).skip(1) {
                vector.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
        }
        // Of the mean only the direction is kept, so nothing is divided by the number of rows.
        let square: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        #[expect(clippy::cast_possible_truncation, reason = "a vector is in 32 bits")]
        let scale = (1.0 / square.sqrt()) as f32;
        for x in &mut vector {
            *x *= scale;
        }
        vector
    }

    fn vectors(&self, texts: &[&str], kind: TextKind) -> Result<Embedded, ModelError> {
        let mut out = Embedded::default();
        let mut pass: Vec<Vec<u32>> = Vec::new();
        let mut rows = 0;
        for (number, text) in texts.iter().enumerate() {
            let (ids, cut) = self.ids(text, kind)?;
            out.cut.extend(cut.then_some(number));
            out.tokens += ids.len() as u64;
            rows += ids.len();
            pass.push(ids);
            if rows >= ROWS || number + 1 == texts.len() {
                let hidden = self.bert.forward(&self.team, &pass);
                let mut rest = hidden.as_slice();
                for ids in pass.drain(..) {
                    let (own, later) = rest.split_at(ids.len() * self.dim);
                    rest = later;
                    out.vectors.extend(self.pooled(own));
                }
                rows = 0;
            }
        }
        match out.vectors.iter().position(|x| !x.is_finite()) {
            Some(at) => {
                let problem = "has no vector: its rows are zeros, or no numbers";
                Err(ModelError::input(format!("text {}", at / self.dim), problem))
            }
            None => Ok(out),
        }
    }
}

impl Embedder for Encoder {
    fn embed(&self, texts: &[&str], kind: TextKind) -> Result<Embedded, BoxError> {
        Ok(self.vectors(texts, kind)?)
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// An object: `model` (a digest of its files), `pooling`, `tokens` that are read, `lowercase`, and the `prefix` of texts of
    /// this kind.
    fn identity(&self, kind: TextKind) -> Value {
        json!({
            "model": self.model,
            "pooling": self.pooling.name(),
            "tokens": self.max_tokens,
            "lowercase": self.lowercase,
            "prefix": self.prefix(kind),
        })
    }
}

#[cfg(test)]
mod tests;
