//! Words and meanings together: two rankings joined by reciprocal rank fusion.
//!
//! A passage at place `r` of a ranking, from 1, gets `1 / (k + r)` of it, and what it gets of both is its score. One that
//! a ranking has several times has its first place there, and takes no other. Only places count, so that scales that have nothing in common (BM25 and products of vectors) need no weights. A name that is written
//! nowhere else is found by its word, and what is said in other words by its meaning.
//!
//! Source: Cormack, Clarke and Buettcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
//! Methods" (SIGIR), for the sum and k = 60.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use tts_core::BoxError;

use super::{Passage, RetrieveError, Retriever};

/// How two rankings are joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HybridSettings {
    /// How much less the first places count: with a large `k` it counts more to be in both rankings than to be first in one.
    pub k: f64,
    /// Passages that are taken of each ranking, at least; as many as are asked for, if those are more.
    pub depth: usize,
}

impl Default for HybridSettings {
    /// k = 60, a hundred passages of each.
    fn default() -> Self {
        Self { k: 60.0, depth: 100 }
    }
}

impl HybridSettings {
    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), String> {
        if !(self.k.is_finite() && self.k >= 0.0) {
            return Err(format!("hybrid: k is {}, expected a number of at least 0", self.k));
        }
        if self.depth == 0 {
            return Err("hybrid: depth is 0, expected at least 1 passage of each ranking".into());
        }
        Ok(())
    }
}

/// Two retrievers over the same passages as one.
///
/// ```
/// # use tts_core::BoxError;
/// use tts_search::retrieve::{Hybrid, HybridSettings, Memory, Passage, Retriever};
/// let page = |id: &str, text: &str| Passage::new(id, "", text);
/// let one = Memory::new(vec![page("a", "mira mira"), page("b", "mira"), page("c", "mira and more words")]);
/// let other = Memory::new(vec![page("b", "mira"), page("d", "mira of others")]);
/// let hybrid = Hybrid::new(one, other, HybridSettings::default())?;
/// let ids: Vec<String> = hybrid.search("mira", 2)?.into_iter().map(|page| page.id).collect();
/// // Second and first; first and nowhere.
/// assert_eq!(ids, ["b", "a"]);
/// # Ok::<(), BoxError>(())
/// ```
pub struct Hybrid {
    words: Box<dyn Retriever>,
    vectors: Box<dyn Retriever>,
    settings: HybridSettings,
}

impl std::fmt::Debug for Hybrid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hybrid").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Hybrid {
    /// Joins a ranking by words ([`super::Memory`], `Index`) and one by vectors ([`super::Vectors`]). Passages of one id are
    /// one passage; its words are those that the first knows.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(
        words: impl Retriever + 'static,
        vectors: impl Retriever + 'static,
        settings: HybridSettings,
    ) -> Result<Self, RetrieveError> {
        settings.check().map_err(RetrieveError::Settings)?;
        Ok(Self { words: Box::new(words), vectors: Box::new(vectors), settings })
    }
}

impl Retriever for Hybrid {
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let depth = self.settings.depth.max(most);
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut joined: Vec<Passage> = Vec::new();
        for ranking in [&self.words, &self.vectors] {
            let mut seen = HashSet::new();
            for passage in ranking.search(query, depth)? {
                if !seen.insert(passage.id.clone()) {
                    continue;
                }
                let part = 1.0 / (self.settings.k + seen.len() as f64);
                match places.entry(passage.id.clone()) {
                    Entry::Occupied(known) => joined[*known.get()].score += part,
                    Entry::Vacant(new) => {
                        new.insert(joined.len());
                        joined.push(Passage { score: part, ..passage });
                    }
                }
            }
        }
        // Equals stay as they came: those of the words first.
        joined.sort_by(|a, b| b.score.total_cmp(&a.score));
        joined.truncate(most);
        Ok(joined)
    }

    fn identity(&self) -> Option<String> {
        let HybridSettings { k, depth } = self.settings;
        let (words, vectors) = (self.words.identity()?, self.vectors.identity()?);
        Some(format!("hybrid of {words} and {vectors}, k {k}, {depth} of each"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Finds the same whatever is asked; nothing where the engine is down.
    struct Ranking(Option<Vec<u8>>);

    impl Retriever for Ranking {
        fn search(&self, _: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
            let ids = self.0.as_ref().ok_or("the engine is down")?;
            let page = |id: &u8| Passage::new(id.to_string(), "", "words");
            Ok(ids.iter().take(most).map(page).collect())
        }
    }

    fn joined(rankings: [Option<Vec<u8>>; 2], settings: HybridSettings) -> Hybrid {
        let [words, vectors] = rankings.map(Ranking);
        Hybrid::new(words, vectors, settings).expect("settings")
    }

    proptest! {
        #[test]
        fn scores_are_sums_over_places(
            // Most passages once, some twice or three times.
            words in Just((0..30_u8).chain(5..20).collect::<Vec<_>>()).prop_shuffle(),
            vectors in Just((10..40_u8).chain(0..15).chain(10..13).collect::<Vec<_>>()).prop_shuffle(),
            k in 0.0_f64..100.0, depth in 1_usize..40, most in 1_usize..50,
        ) {
            let settings = HybridSettings { k, depth };
            let hybrid = joined([Some(words.clone()), Some(vectors.clone())], settings);
            let found = hybrid.search("q", most).expect("finds");
            let seen = depth.max(most);
            let part = |ranking: &[u8], id: u8| {
                let mut once: Vec<u8> = Vec::new();
                for &other in ranking.iter().take(seen) {
                    if !once.contains(&other) {
                        once.push(other);
                    }
                }
                let place = once.iter().position(|&other| other == id);
                place.map_or(0.0, |place| 1.0 / (k + 1.0 + place as f64))
            };
            let mut all: Vec<f64> = (0..40).map(|id| part(&words, id) + part(&vectors, id)).collect();
            for passage in &found {
                let id: u8 = passage.id.parse().expect("a number");
                let expected = part(&words, id) + part(&vectors, id);
                prop_assert!((passage.score - expected).abs() < 1e-12);
            }
            all.retain(|&score| score > 0.0);
            all.sort_by(|a, b| b.total_cmp(a));
            prop_assert_eq!(found.len(), all.len().min(most));
            for (passage, score) in found.iter().zip(all) {
                prop_assert!((passage.score - score).abs() < 1e-12);
            }
            let ids: HashSet<&str> = found.iter().map(|passage| passage.id.as_str()).collect();
            prop_assert_eq!(ids.len(), found.len());
        }
    }

    #[test]
    fn what_one_of_them_lacks_or_fails_at() {
        let plain = HybridSettings::default;
        let one = joined([Some(vec![3, 4]), Some(vec![])], plain());
        let ids: Vec<String> =
            one.search("q", 9).expect("finds").into_iter().map(|page| page.id).collect();
        assert_eq!((ids, one.identity()), (vec!["3".to_owned(), "4".to_owned()], None));
        assert!(one.search("q", 0).expect("finds").is_empty());
        let down = joined([Some(vec![3]), None], plain());
        assert_eq!(down.search("q", 9).expect_err("down").to_string(), "the engine is down");
        for (settings, expected) in [
            (HybridSettings { k: -1.0, ..plain() }, "hybrid: k is -1"),
            (HybridSettings { k: f64::NAN, ..plain() }, "hybrid: k is NaN"),
            (HybridSettings { depth: 0, ..plain() }, "hybrid: depth is 0"),
        ] {
            assert!(settings.check().expect_err("refused").starts_with(expected));
        }
    }
}
