//! Questions of two hops over real paragraphs: how they are read, and how answers and searches are scored.
//!
//! Records are those of `HotpotQA` in its distractor setting: a question, an answer, ten paragraphs as titles with
//! sentences, and the sentences that support the answer. Facts and paragraphs are read as pairs, as the authors' files have
//! them, or as lists side by side, as on the hub. All paragraphs of a file together are what is searched.
//!
//! * exact match and F1 over words, after capitals, punctuation and articles are left out;
//! * supporting facts as a set of sentences: exact match and F1;
//! * recall by step: whether both gold paragraphs were among what was read by then.
//!
//! Source: Yang et al. 2018, "`HotpotQA`: A Dataset for Diverse, Explainable Multi-hop Question Answering" (arXiv
//! 1809.09600), section 3, and its evaluation script.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use tts_core::BoxError;
use tts_core::rows::{self, Row};
use tts_core::task::{Phrase, Task};

use crate::retrieve::{Passage, RetrieveError, Retriever};

/// A question of two hops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Names it.
    pub id: String,
    /// What is asked.
    pub question: String,
    /// The right answer.
    pub answer: String,
    /// The sentences that support it: the title of a paragraph and the place of a sentence, from 0.
    pub facts: BTreeSet<(String, usize)>,
    /// Its paragraphs: titles with sentences.
    pub paragraphs: Vec<(String, Vec<String>)>,
}

/// Facts in either form.
#[derive(Deserialize)]
#[serde(untagged)]
enum Facts {
    Pairs(Vec<(String, usize)>),
    Lists { title: Vec<String>, sent_id: Vec<usize> },
}

/// Paragraphs in either form.
#[derive(Deserialize)]
#[serde(untagged)]
enum Context {
    Pairs(Vec<(String, Vec<String>)>),
    Lists { title: Vec<String>, sentences: Vec<Vec<String>> },
}

impl Question {
    fn of(row: &Row) -> Result<Self, rows::RowError> {
        let facts = match row.field("supporting_facts")? {
            Facts::Pairs(facts) => facts.into_iter().collect(),
            Facts::Lists { title, sent_id } => title.into_iter().zip(sent_id).collect(),
        };
        let paragraphs = match row.field("context")? {
            Context::Pairs(paragraphs) => paragraphs,
            Context::Lists { title, sentences } => title.into_iter().zip(sentences).collect(),
        };
        let id = if row.has("id") { row.text("id")? } else { row.text("_id")? };
        Ok(Self {
            id: id.unwrap_or_default(),
            question: row.required("question")?,
            answer: row.required("answer")?,
            facts,
            paragraphs,
        })
    }

    /// Titles of the paragraphs that support the answer.
    pub fn gold(&self) -> BTreeSet<&str> {
        self.facts.iter().map(|(title, _)| title.as_str()).collect()
    }
}

/// Reads questions from JSON lines, or any other form of [`tts_core::rows`].
///
/// # Errors
/// When the file cannot be read, or a record lacks a field; the error names file and place.
pub fn read(path: &Path) -> Result<Vec<Question>, RetrieveError> {
    let bad = |problem: String| RetrieveError::File { path: path.to_owned(), problem };
    let rows = match rows::read(path) {
        Ok(rows) => rows,
        Err(rows::RowsError::Io { source, path }) => {
            return Err(RetrieveError::Io { path, source });
        }
        Err(error) => return Err(bad(error.to_string())),
    };
    let questions = rows.iter().map(Question::of).collect::<Result<Vec<_>, _>>();
    questions.map_err(|error| bad(error.to_string()))
}

/// All paragraphs of these questions, each title once, with its title as id.
pub fn passages(questions: &[Question]) -> Vec<Passage> {
    let mut seen = BTreeSet::new();
    let all = questions.iter().flat_map(|question| &question.paragraphs);
    let fresh = all.filter(|(title, _)| seen.insert(title.as_str()));
    fresh.map(|(title, sentences)| Passage::new(title, title, sentences.concat())).collect()
}

/// Words that count.
fn words(text: &str) -> Vec<String> {
    let kept: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let words = kept.split_whitespace().filter(|word| !["a", "an", "the"].contains(word));
    words.map(str::to_owned).collect()
}

/// Whether an answer is the right one but for capitals, punctuation and articles.
pub fn exact_match(gold: &str, answer: &str) -> bool {
    Phrase.same(gold, answer)
}

/// The harmonic mean of precision and recall of an answer's words; of yes, no and "noanswer" all or nothing.
///
/// ```
/// use tts_search::research::multihop::f1;
/// assert_eq!(f1("the River Wend", "river Wend"), 1.0);
/// assert_eq!(f1("Wend", "river Wend"), 2.0 / 3.0);
/// assert_eq!(f1("no", "no one"), 0.0);
/// ```
pub fn f1(gold: &str, answer: &str) -> f64 {
    let (gold, answer) = (words(gold), words(answer));
    let closed = |words: &[String]| {
        words.len() == 1 && ["yes", "no", "noanswer"].contains(&words[0].as_str())
    };
    if (closed(&gold) || closed(&answer)) && gold != answer {
        return 0.0;
    }
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for word in &gold {
        *left.entry(word).or_default() += 1;
    }
    let mut same = 0;
    for word in &answer {
        if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            same += 1;
        }
    }
    harmonic(same, answer.len(), gold.len())
}

fn harmonic(same: usize, said: usize, right: usize) -> f64 {
    if same == 0 {
        return 0.0;
    }
    let (precision, recall) = (same as f64 / said as f64, same as f64 / right as f64);
    2.0 * precision * recall / (precision + recall)
}

/// Exact match and F1 of supporting facts.
pub fn facts(gold: &BTreeSet<(String, usize)>, said: &BTreeSet<(String, usize)>) -> (bool, f64) {
    (gold == said, harmonic(gold.intersection(said).count(), said.len(), gold.len()))
}

/// For each step, whether all gold paragraphs were among what had been read by then; `reads` are the titles that each
/// step read.
pub fn recall<'t>(
    gold: &BTreeSet<&str>,
    reads: impl IntoIterator<Item = Vec<&'t str>>,
) -> Vec<bool> {
    let mut read = BTreeSet::new();
    let step = |titles: Vec<&'t str>| {
        read.extend(titles);
        gold.iter().all(|title| read.contains(title))
    };
    reads.into_iter().map(step).collect()
}

/// Of how many questions all gold paragraphs are among the first passages that are found for the question as it stands:
/// for each of these numbers of passages.
///
/// # Errors
/// When a search fails.
pub fn found(
    retriever: &dyn Retriever,
    questions: &[Question],
    at: &[usize],
) -> Result<Vec<usize>, BoxError> {
    let mut counts = vec![0; at.len()];
    let most = at.iter().copied().max().unwrap_or(0);
    for question in questions {
        let passages = retriever.search(&question.question, most)?;
        let titles = passages.iter().map(|passage| vec![passage.id.as_str()]);
        let reached = recall(&question.gold(), titles);
        for (count, &at) in counts.iter_mut().zip(at) {
            // Where fewer were found, the last of them.
            let last = at.min(reached.len()).checked_sub(1);
            *count += usize::from(last.is_some_and(|last| reached[last]));
        }
    }
    Ok(counts)
}
