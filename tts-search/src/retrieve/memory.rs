//! Passages in memory, ranked by BM25.
//!
//! For thousands of passages that are at hand already: a world of a test, the paragraphs of a data set. Every
//! word of the query that a passage holds adds
//!
//! ```text
//! idf(w) * f (k1 + 1) / (f + k1 (1 - b + b |d| / avg)),   idf(w) = ln(1 + (N - n + 0.5) / (n + 0.5))
//! ```
//!
//! with `f` its count in title and text, `|d|` words of the passage, `n` passages of `N` that hold the word, `k1 = 1.2`
//! and `b = 0.75`. Words are runs of letters and digits in lower case, without stems. Equals stay in the order in
//! which they were given, so the same query finds the same again.
//!
//! Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond", section 3; the idf
//! that is never negative as in Lucene.

use std::collections::HashMap;

use tts_core::{BoxError, seed};

use super::passage::words;
use super::{Cut, Document, Passage, Retriever};

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Passages in memory.
///
/// ```
/// use tts_search::retrieve::{Memory, Passage, Retriever};
/// let memory = Memory::new(vec![
///     Passage::new("1", "Osleta", "It lies on the Mira."),
///     Passage::new("2", "Harn", "It lies on the Wend."),
/// ]);
/// assert_eq!(memory.search("What lies on the Wend?", 1)?[0].id, "2");
/// assert!(memory.search("nothing of it", 5)?.iter().all(|found| found.score > 0.0));
/// # Ok::<(), tts_core::BoxError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Memory {
    passages: Vec<Passage>,
    /// For each word the passages that hold it, and how often.
    postings: HashMap<String, Vec<(usize, u32)>>,
    lengths: Vec<u32>,
    average: f64,
    digest: u64,
}

impl Memory {
    /// Ranks these.
    pub fn new(passages: Vec<Passage>) -> Self {
        let mut postings: HashMap<String, Vec<(usize, u32)>> = HashMap::new();
        let (mut lengths, mut digest) = (Vec::with_capacity(passages.len()), 0);
        for (number, passage) in passages.iter().enumerate() {
            let mut counts: HashMap<String, u32> = HashMap::new();
            let mut length = 0;
            for word in words(&passage.title).chain(words(&passage.text)) {
                *counts.entry(word).or_default() += 1;
                length += 1;
            }
            for (word, count) in counts {
                postings.entry(word).or_default().push((number, count));
            }
            lengths.push(length);
            for part in [&passage.id, &passage.title, &passage.text] {
                digest = seed::hash_text(digest, part);
            }
        }
        let total: f64 = lengths.iter().map(|&length| f64::from(length)).sum();
        let average = total / (lengths.len().max(1) as f64);
        Self { passages, postings, lengths, average, digest }
    }

    /// Ranks the passages of documents.
    pub fn of(documents: &[Document], cut: Cut) -> Self {
        Self::new(documents.iter().flat_map(|document| cut.passages(document)).collect())
    }

    /// Number of passages.
    pub fn len(&self) -> usize {
        self.passages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.passages.is_empty()
    }

    /// All passages, in the order in which they were given.
    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }
}

impl Retriever for Memory {
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
        let mut asked: Vec<String> = words(query).collect();
        asked.sort_unstable();
        asked.dedup();
        let mut scores: HashMap<usize, f64> = HashMap::new();
        for word in &asked {
            let Some(postings) = self.postings.get(word) else { continue };
            let (all, with) = (self.passages.len() as f64, postings.len() as f64);
            let idf = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
            for &(number, count) in postings {
                let (count, length) = (f64::from(count), f64::from(self.lengths[number]));
                let norm = count + K1 * (1.0 - B + B * length / self.average);
                *scores.entry(number).or_default() += idf * count * (K1 + 1.0) / norm;
            }
        }
        let mut ranked: Vec<(usize, f64)> = scores.into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(most);
        let found =
            |(number, score): (usize, f64)| Passage { score, ..self.passages[number].clone() };
        Ok(ranked.into_iter().map(found).collect())
    }

    fn identity(&self) -> Option<String> {
        Some(format!("{} passages {:016x}", self.passages.len(), self.digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_formula() {
        let memory = Memory::new(vec![Passage::new("1", "", "a a b"), Passage::new("2", "", "b")]);
        let found = memory.search("A", 9).expect("finds");
        // idf = ln(1 + 1.5 / 1.5); f = 2, |d| = 3, avg = 2.
        let expected = 2.0_f64.ln() * 2.0 * 2.2 / (2.0 + 1.2 * (0.25 + 0.75 * 1.5));
        assert!((found[0].score - expected).abs() < 1e-12 && found.len() == 1);
        assert!(memory.search("", 9).expect("finds").is_empty());
        assert!(Memory::default().search("a", 9).expect("finds").is_empty());
        let other = Memory::new(vec![Passage::new("1", "", "a")]);
        assert_ne!(memory.identity(), other.identity());
    }
}
