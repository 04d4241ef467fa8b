//! Texts as vectors: what finds passages that say the same in other words.
//!
//! A text becomes a unit vector, so that the product of two says how near their meanings are. Encoders may read a
//! question otherwise than what answers it ([`TextKind`]). A text's vector depends on the text and the encoder alone,
//! never on what else was asked for with it, so vectors can be kept and compared later ([`Embedder::identity`]).
//!
//! Source: Reimers and Gurevych 2019, "Sentence-BERT" (arXiv 1908.10084); kinds of texts as in Wang et al. 2022, E5
//! (arXiv 2212.03533), section 4.

use serde_json::Value;

use crate::model::generator::BoxError;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextKind {
    /// Something that is looked for.
    Query,
    /// Something that may be found.
    Passage,
}

/// Vectors of some texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embedded {
    /// Unit vectors `[texts, dim]`, in the order of the texts.
    pub vectors: Vec<f32>,
    /// Which texts were longer than the encoder reads, from 0: of those only the beginning is in the vector.
    pub cut: Vec<usize>,
    /// Tokens that were read, those that the encoder adds included.
    pub tokens: u64,
}

/// Turns texts into unit vectors.
///
/// ```
/// use serde_json::Value;
/// use tts_core::{BoxError, Embedded, Embedder, TextKind};
///
/// /// Knows two topics by one word each.
/// struct Topics;
///
/// impl Embedder for Topics {
///     fn embed(&self, texts: &[&str], _: TextKind) -> Result<Embedded, BoxError> {
///         let of = |text: &&str| if text.contains("river") { [1.0, 0.0] } else { [0.0, 1.0] };
///         let tokens = texts.len() as u64;
///         Ok(Embedded { vectors: texts.iter().flat_map(of).collect(), cut: Vec::new(), tokens })
///     }
///     fn dim(&self) -> usize { 2 }
///     fn max_tokens(&self) -> usize { 1 }
///     fn identity(&self, _: TextKind) -> Value { "topics".into() }
/// }
/// assert_eq!(Topics.embed(&["a river", "a hill"], TextKind::Passage)?.vectors, [1.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), BoxError>(())
/// ```
pub trait Embedder: Send + Sync {
    /// The vectors of these texts, none for no texts. Texts that are too long are cut, and named.
    ///
    /// # Errors
    /// When the encoder cannot run, or a text has no vector.
    fn embed(&self, texts: &[&str], kind: TextKind) -> Result<Embedded, BoxError>;

    /// Numbers of a vector.
    fn dim(&self) -> usize;

    /// Tokens of a text that are read, at most, those that the encoder adds included.
    fn max_tokens(&self) -> usize;

    /// What vectors of texts of this kind depend on besides the text: a name, or an object with a field for each thing, so
    /// that a file of vectors can say what differs. Vectors of passages are kept by that of passages, which must not depend
    /// on how queries are read.
    fn identity(&self, kind: TextKind) -> Value;
}

impl<T: Embedder + ?Sized> Embedder for std::sync::Arc<T> {
    fn embed(&self, texts: &[&str], kind: TextKind) -> Result<Embedded, BoxError> {
        (**self).embed(texts, kind)
    }
    fn dim(&self) -> usize {
        (**self).dim()
    }
    fn max_tokens(&self) -> usize {
        (**self).max_tokens()
    }
    fn identity(&self, kind: TextKind) -> Value {
        (**self).identity(kind)
    }
}
