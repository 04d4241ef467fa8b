//! Passages by the nearness of their vectors: finds what says the same in other words.
//!
//! Every passage has a unit vector of title and text, made by an [`Embedder`]; a query's vector is multiplied with all of
//! them, and the largest products win. The scan is exact: no index that finds most of what is near, and 100,000 passages of
//! 384 numbers are 150 MB and some milliseconds. Vectors may be kept in a file, so that only passages that are new or have
//! changed are read by the encoder; an update that was killed goes on from what it had written.
//!
//! Source: Karpukhin et al. 2020, "Dense Passage Retrieval" (arXiv 2004.04906), section 3.1, with an exact scan.

mod file;

use std::path::Path;
use std::sync::Arc;

use tts_core::{BoxError, Embedded, Embedder, TextKind, seed};

use self::file::{Key, VectorFile, key, places};
use super::{Passage, RetrieveError, Retriever};

/// What was done to have a vector for every passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vectored {
    /// Texts that the encoder read now.
    pub made: usize,
    /// Passages whose vectors were there, in the file or of another passage of the same words.
    pub known: usize,
    /// Passages that are longer than the encoder reads: only their beginning is in the vector.
    pub cut: usize,
    /// Tokens that the encoder read now.
    pub tokens: u64,
    /// Vectors in the file that are of no passage any more.
    pub spare: usize,
}

/// Passages with their vectors.
///
/// ```
/// use serde_json::Value;
/// use tts_core::{BoxError, Embedded, Embedder, TextKind};
/// use tts_search::retrieve::{Passage, Retriever, Vectors};
///
/// /// Knows that a stream is a river.
/// struct Topics;
/// impl Embedder for Topics {
///     fn embed(&self, texts: &[&str], _: TextKind) -> Result<Embedded, BoxError> {
///         let wet = |text: &&str| ["river", "stream"].iter().any(|word| text.contains(word));
///         let vectors = texts.iter().flat_map(|text| if wet(text) { [1.0, 0.0] } else { [0.0, 1.0] });
///         Ok(Embedded { vectors: vectors.collect(), ..Embedded::default() })
///     }
///     fn dim(&self) -> usize { 2 }
///     fn max_tokens(&self) -> usize { 9 }
///     fn identity(&self, _: TextKind) -> Value { "topics".into() }
/// }
/// let passages = vec![Passage::new("1", "Harn", "a hill"), Passage::new("2", "Mira", "a stream")];
/// let vectors = Vectors::in_memory(passages, Topics)?;
/// assert_eq!(vectors.search("the river", 1)?[0].id, "2");
/// # Ok::<(), BoxError>(())
/// ```
pub struct Vectors {
    embedder: Arc<dyn Embedder>,
    passages: Vec<Passage>,
    dim: usize,
    /// `[passages, dim]`.
    matrix: Vec<f32>,
    done: Vectored,
    digest: u64,
}

impl std::fmt::Debug for Vectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vectors")
            .field("passages", &self.passages.len())
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// Passages that are embedded, and written, at a time.
const AT_ONCE: usize = 64;

/// Lanes of a product.
const LANES: usize = 16;

/// The words of a passage that are in its vector.
fn embedded(passage: &Passage) -> String {
    match passage.title.trim() {
        "" => passage.text.clone(),
        title => format!("{title}\n{}", passage.text),
    }
}

/// Whether these are vectors of so many texts; a sentence that says what they are else.
fn check(made: &[f32], texts: usize, dim: usize) -> Result<(), String> {
    if made.len() != texts * dim {
        return Err(format!(
            "the encoder gave {} numbers, expected {texts} vectors of {dim}",
            made.len()
        ));
    }
    match made.iter().position(|number| !number.is_finite()) {
        Some(at) => Err(format!("number {} of its vector is {}", at % dim, made[at])),
        None => Ok(()),
    }
}

/// Vectors of some passages, whose texts these are, each of them checked. Where it fails, the passage that it fails at.
fn vectors_of(
    embedder: &dyn Embedder,
    texts: &[&str],
    id: &dyn Fn(usize) -> String,
) -> Result<Embedded, RetrieveError> {
    let dim = embedder.dim();
    let made = embedder.embed(texts, TextKind::Passage);
    let wrong = match made {
        Ok(made) => match check(&made.vectors, texts.len(), dim) {
            Ok(()) => return Ok(made),
            Err(problem) => problem.into(),
        },
        Err(error) => error,
    };
    // A text's vector does not depend on the others: the one at fault fails alone as well.
    let mut alone = texts.iter().enumerate().filter_map(|(number, text)| {
        let wrong = match embedder.embed(&[*text], TextKind::Passage) {
            Ok(made) => BoxError::from(check(&made.vectors, 1, dim).err()?),
            Err(error) => error,
        };
        Some((number, wrong))
    });
    let (number, source) = alone.next().unwrap_or((0, wrong));
    Err(RetrieveError::Embedder { passage: id(number), source })
}

/// The numbers of a vector, of which there are some.
fn dim(embedder: &dyn Embedder) -> Result<usize, RetrieveError> {
    match embedder.dim() {
        0 => Err(RetrieveError::Settings("an encoder whose vectors have no numbers".into())),
        dim => Ok(dim),
    }
}

impl Vectors {
    /// The name of a file of vectors that lies in the folder of an index.
    pub const FILE: &str = "vectors.jsonl";

    /// Embeds all passages, and keeps their vectors in memory.
    ///
    /// # Errors
    /// When the encoder fails, or gives a passage no vector: the error names the passage.
    pub fn in_memory(
        passages: Vec<Passage>,
        embedder: impl Embedder + 'static,
    ) -> Result<Self, RetrieveError> {
        Self::made(passages, Arc::new(embedder), None, &mut |_, _| {})
    }

    /// Reads the vectors that a file has, embeds the other passages, and writes their vectors there. A file of another
    /// encoder, or a damaged one, is refused, or with `rebuild` made anew from where it cannot be used; what is no file of
    /// vectors never is. `progress` is told how many texts were embedded, of how many.
    ///
    /// Vectors of passages that are gone stay in the file ([`Vectored::spare`]).
    ///
    /// # Errors
    /// When the encoder fails or gives a passage no vector, which the error names; when the file cannot be read or written,
    /// is damaged, no file of vectors, of another encoder, or in use by another process.
    pub fn on_disk(
        file: impl AsRef<Path>,
        passages: Vec<Passage>,
        embedder: impl Embedder + 'static,
        rebuild: bool,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, RetrieveError> {
        let (encoder, dim) = (embedder.identity(TextKind::Passage), dim(&embedder)?);
        let file = VectorFile::open(file.as_ref(), &encoder, dim, rebuild)?;
        Self::made(passages, Arc::new(embedder), Some(file), progress)
    }

    fn made(
        passages: Vec<Passage>,
        embedder: Arc<dyn Embedder>,
        mut file: Option<VectorFile>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, RetrieveError> {
        let dim = dim(&*embedder)?;
        let texts: Vec<String> = passages.iter().map(embedded).collect();
        let keys: Vec<Key> = texts.iter().map(|text| key(text)).collect();
        let places = places(&keys);
        let (mut matrix, mut there) =
            (vec![0.0; passages.len() * dim], vec![false; passages.len()]);
        let mut done = Vectored::default();
        let mut put = |places: &[usize], vector: &[f32], cut: bool, done: &mut Vectored| {
            for &place in places {
                done.cut += usize::from(cut && !there[place]);
                there[place] = true;
                matrix[place * dim..(place + 1) * dim].copy_from_slice(vector);
            }
        };
        let mut known = std::collections::HashSet::new();
        if let Some(file) = &mut file {
            file.read(|read| match places.get(&read.key) {
                Some(places) => {
                    known.insert(read.key);
                    put(places, &read.vector, read.cut, &mut done);
                }
                None => done.spare += 1,
            })?;
        }
        // The first place of every text without a vector, in the order of the passages.
        let mut missing: Vec<usize> = places
            .iter()
            .filter(|(key, _)| !known.contains(*key))
            .filter_map(|(_, places)| places.first().copied())
            .collect();
        missing.sort_unstable();
        for some in missing.chunks(AT_ONCE) {
            let asked: Vec<&str> = some.iter().map(|&place| texts[place].as_str()).collect();
            let made = vectors_of(&*embedder, &asked, &|number| passages[some[number]].id.clone())?;
            let cut = |number: usize| made.cut.contains(&number);
            let named: Vec<(Key, bool)> = some
                .iter()
                .enumerate()
                .map(|(number, &place)| (keys[place], cut(number)))
                .collect();
            if let Some(file) = &mut file {
                file.append(&named, &made.vectors)?;
            }
            for ((key, cut), vector) in named.iter().zip(made.vectors.chunks_exact(dim)) {
                put(&places[key], vector, *cut, &mut done);
            }
            done.made += some.len();
            done.tokens += made.tokens;
            progress(done.made, missing.len());
        }
        done.known = passages.len() - done.made;
        let digest = passages.iter().zip(&texts).fold(0, |digest, (passage, text)| {
            seed::hash_text(seed::hash_text(digest, &passage.id), text)
        });
        Ok(Self { embedder, passages, dim, matrix, done, digest })
    }

    /// What was done to make them.
    pub fn done(&self) -> Vectored {
        self.done
    }

    /// Number of passages.
    pub fn len(&self) -> usize {
        self.passages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.passages.is_empty()
    }
}

/// The product of two vectors: sums in lanes, so that it does not depend on the machine.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

impl Retriever for Vectors {
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
        if most == 0 || self.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.embedder.embed(&[query], TextKind::Query)?.vectors;
        check(&asked, 1, self.dim).map_err(|problem| format!("query: {problem}"))?;
        let rows = self.matrix.chunks_exact(self.dim);
        let mut ranked: Vec<(usize, f32)> =
            rows.map(|row| product(&asked, row)).enumerate().collect();
        let before = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if most < ranked.len() {
            ranked.select_nth_unstable_by(most, before);
            ranked.truncate(most);
        }
        ranked.sort_unstable_by(before);
        let found = |(number, score): (usize, f32)| Passage {
            score: f64::from(score),
            ..self.passages[number].clone()
        };
        Ok(ranked.into_iter().map(found).collect())
    }

    fn identity(&self) -> Option<String> {
        let [passages, queries] =
            [TextKind::Passage, TextKind::Query].map(|kind| self.embedder.identity(kind));
        let (count, digest) = (self.passages.len(), self.digest);
        Some(format!(
            "vectors of {count} passages {digest:016x} by {passages}, queries by {queries}"
        ))
    }
}

#[cfg(test)]
mod tests;
