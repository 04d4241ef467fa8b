//! What commands search in: words alone, or words and the vectors of an encoder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tts_core::Embedder as _;
use tts_models::encoder::{Encoder, EncoderSettings, Pooling};
use tts_search::research::multihop;
use tts_search::retrieve::{Hybrid, HybridSettings, Memory, Passage, Retriever, Vectored, Vectors};

use crate::Error;

/// How passages are found by meaning, too.
#[derive(Debug, Clone, Args)]
pub struct EmbedOptions {
    /// Folder of an encoder (all-MiniLM, BGE, E5: a BERT with word pieces): passages are found by meaning, too.
    #[arg(long, value_name = "FOLDER")]
    pub embed: Option<PathBuf>,
    /// Keeps the vectors in this file, so that only what has changed is read again; without, `--store` keeps them in its folder.
    #[arg(long, value_name = "FILE", requires = "embed")]
    pub vectors: Option<PathBuf>,
    /// Makes the vectors that are kept anew where another encoder made them, or they are damaged.
    #[arg(long, requires = "embed")]
    pub rebuild_vectors: bool,
    /// How the rows of a text become its vector, `mean` or `cls`, in place of what the encoder's files say.
    #[arg(long, value_name = "HOW", requires = "embed", value_parser = pooling)]
    pub pooling: Option<Pooling>,
    /// What stands before a query (`query: ` for E5), in place of what the encoder's files say.
    #[arg(long, value_name = "TEXT", requires = "embed")]
    pub query_prefix: Option<String>,
    /// What stands before a passage (`passage: ` for E5), in place of what the encoder's files say.
    #[arg(long, value_name = "TEXT", requires = "embed")]
    pub passage_prefix: Option<String>,
}

fn pooling(name: &str) -> Result<Pooling, String> {
    let found = Pooling::NAMES.into_iter().find(|(known, _)| *known == name);
    found.map(|(_, pooling)| pooling).ok_or_else(|| {
        let known = Pooling::NAMES.map(|(name, _)| name);
        format!("expected {}", known.join(" or "))
    })
}

impl EmbedOptions {
    /// Where vectors are kept, if anywhere: where the options say, else in the folder of an index.
    fn file(&self, store: Option<&Path>) -> Option<PathBuf> {
        self.vectors.clone().or(store.map(|store| store.join(Vectors::FILE)))
    }

    /// Opens the encoder, if one is asked for; `store` is the folder of an index on disk.
    ///
    /// # Errors
    /// When its folder holds none, or vectors that nobody keeps should be made anew.
    pub fn open(&self, threads: usize, store: Option<&Path>) -> Result<Option<Encoder>, Error> {
        let Some(folder) = &self.embed else { return Ok(None) };
        if self.rebuild_vectors && self.file(store).is_none() {
            return Err(
                "--rebuild-vectors needs a file of vectors: --vectors FILE, or --store FOLDER"
                    .into(),
            );
        }
        let settings = EncoderSettings {
            threads,
            pooling: self.pooling,
            query_prefix: self.query_prefix.clone(),
            passage_prefix: self.passage_prefix.clone(),
            ..EncoderSettings::default()
        };
        Ok(Some(Encoder::open(folder, settings)?))
    }

    /// The vectors of passages, kept where the options say, else in `store`, else nowhere.
    ///
    /// # Errors
    /// When the encoder fails, or the file is not one of its vectors.
    pub fn vectors(
        &self,
        encoder: Encoder,
        passages: Vec<Passage>,
        store: Option<&Path>,
        out: &mut impl Write,
    ) -> Result<Vectors, Error> {
        let file = self.file(store);
        let (count, longest) = (passages.len(), encoder.max_tokens());
        let pooling = encoder.pooling().name();
        let style = ProgressStyle::with_template("{elapsed} vectors {pos} of {len}, {eta} left")?;
        let bar = ProgressBar::new(count as u64).with_style(style);
        let mut progress = |done: usize, all: usize| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        };
        let vectors = match &file {
            Some(file) => {
                Vectors::on_disk(file, passages, encoder, self.rebuild_vectors, &mut progress)?
            }
            None => Vectors::in_memory(passages, encoder)?,
        };
        bar.finish_and_clear();
        let Vectored { made, known, cut, spare, .. } = vectors.done();
        write!(out, "vectors   {count} passages: {made} read, {known} known; pooling {pooling}")?;
        if cut > 0 {
            write!(out, "; {cut} longer than the {longest} tokens of the encoder, and cut")?;
        }
        if spare > 0 {
            write!(out, "; {spare} of passages that are gone")?;
        }
        writeln!(out)?;
        Ok(vectors)
    }

    /// Words alone, or joined with the vectors of these passages where there is an encoder.
    ///
    /// # Errors
    /// As [`Self::vectors`].
    pub fn join(
        &self,
        words: impl Retriever + 'static,
        passages: Vec<Passage>,
        encoder: Option<Encoder>,
        store: Option<&Path>,
        out: &mut impl Write,
    ) -> Result<Arc<dyn Retriever>, Error> {
        let Some(encoder) = encoder else { return Ok(Arc::new(words)) };
        let vectors = self.vectors(encoder, passages, store, out)?;
        Ok(Arc::new(Hybrid::new(words, vectors, HybridSettings::default())?))
    }

    /// Says of how many questions of two hops all paragraphs that are needed are found: by words, by vectors, by both.
    ///
    /// # Errors
    /// When the questions or the encoder cannot be read.
    pub fn recall(
        &self,
        questions: &Path,
        threads: usize,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        const AT: [usize; 5] = [2, 4, 5, 10, 20];
        let encoder = self.open(threads, None)?;
        let (path, questions) = (questions, multihop::read(questions)?);
        let passages = multihop::passages(&questions);
        if passages.is_empty() {
            return Err(format!("{}: no questions with paragraphs", path.display()).into());
        }
        writeln!(out, "questions {}, {} paragraphs", questions.len(), passages.len())?;
        let words = Arc::new(Memory::new(passages.clone()));
        let mut rows: Vec<(&str, Arc<dyn Retriever>)> = Vec::new();
        rows.push(("words", words.clone()));
        if let Some(encoder) = encoder {
            let vectors = Arc::new(self.vectors(encoder, passages, None, out)?);
            let both = Hybrid::new(words, Arc::clone(&vectors), HybridSettings::default())?;
            rows.push(("vectors", vectors));
            rows.push(("hybrid", Arc::new(both)));
        }
        writeln!(out, "\nquestions with all gold paragraphs among the first\n")?;
        writeln!(
            out,
            "| by | {} |\n|---{}|",
            AT.map(|at| at.to_string()).join(" | "),
            "|---".repeat(5)
        )?;
        for (name, retriever) in rows {
            let found = multihop::found(&*retriever, &questions, &AT)?;
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            writeln!(out, "| {name} | {} |", found.join(" | "))?;
        }
        Ok(())
    }
}
