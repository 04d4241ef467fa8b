//! `GenSynthesis`: a model writes one solution from several; of many, in a tree of groups.
//!
//! ```text
//! 8 solutions -- group of 4: a solution --+-- group of 2: a solution --> the answer
//!             `- group of 4: a solution --'
//! ```
//!
//! What is written is a candidate like the samples. The last group is written `syntheses` times, and the
//! majority of these is the answer. A group none of whose syntheses was finished, or has an answer where one
//! of the group has, is stood for by its majority. Solutions that were cut are not shown, nor those without an answer where others have one.
//!
//! Cost: `n` lines, one for each group, and `syntheses` for the last: of 16 in groups of four 4 and one
//! more. Each reads a whole group.
//!
//! When: a model that repairs what it reads, so that an answer may be right that no sample was; else
//! [`super::GenSelect`]. [`crate::Rsa`] does it again and again. Over a stored pool as there.
//!
//! Source: solutions from several solutions, by a model trained for it, are Wang et al. 2025, "Learning to
//! Refine" (arXiv 2509.00084), and the aggregator of Zhao et al. 2025, "The Majority is not always right"
//! (arXiv 2509.06870); the name is that of NVIDIA's `NeMo-Skills`.

use serde::{Deserialize, Deserializer, Serialize};
use tts_core::{Ask, Desk, Line, NodeId, Script, all};

use super::pool::{self, Solution};
use crate::refine::{Words, words};
use crate::sample::lines::at_least_one;

/// One solution out of many.
///
/// ```
/// use tts_core::toy::Markov;
/// use tts_core::{Scripted, Search};
/// use tts_search::GenSynthesis;
/// let model = Markov::new(|path| if path.is_empty() { vec![1.0, 0.0] } else { vec![0.0, 1.0] });
/// let synthesis = GenSynthesis { n: 6, group: 3, syntheses: 2, ..Default::default() };
/// let outcome = Search::new(&model).run(Scripted::of(synthesis), "a or b?")?;
/// // Six samples, a synthesis of each group of three, and two of these two.
/// assert_eq!((outcome.usage.logical.samples, outcome.usage.rounds), (6 + 2 + 2, 3));
/// assert_eq!(outcome.tree.candidates().len(), 10);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenSynthesis {
    /// How many samples.
    pub n: usize,
    /// Most solutions that are shown at once.
    pub group: usize,
    /// How often the last group is written, for a majority.
    pub syntheses: usize,
    /// How solutions are shown.
    #[serde(deserialize_with = "read_words")]
    pub words: Words,
}

fn default_words() -> Words {
    Words {
        each: "<solution>\n{attempt}\n</solution>\n".into(),
        ask: "{question}\n\nHere are solutions, some of which may be wrong:\n{attempts}\
              Write one right solution from them."
            .into(),
    }
}

fn read_words<'de, D: Deserializer<'de>>(from: D) -> Result<Words, D::Error> {
    words::or(from, default_words())
}

impl Default for GenSynthesis {
    /// 16 samples in groups of eight, and one solution of all.
    fn default() -> Self {
        Self { n: 16, group: 8, syntheses: 1, words: default_words() }
    }
}

impl GenSynthesis {
    /// `n` samples.
    pub fn of(n: usize) -> Self {
        Self { n, ..Self::default() }
    }

    /// What stands for a group: a synthesis of it, or its majority where there is none.
    async fn write(&self, desk: &Desk, group: Vec<Solution>, times: usize) -> Option<Solution> {
        if group.len() < 2 {
            return group.into_iter().next();
        }
        let texts: Vec<String> = group.iter().map(|solution| solution.line.text()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let prompt = self.words.prompt(&desk.problem(), &texts);
        let mut written = desk.ask(Ask::of(prompt).about(group[0].line.node).times(times)).await;
        written.retain(Line::is_finished);
        let mut written = pool::read(desk, written);
        // What has no answer cannot be right where one of the group has.
        if group.iter().any(|solution| solution.answer.is_some()) {
            written.retain(|solution| solution.answer.is_some());
        }
        let mut from = if written.is_empty() { group } else { written };
        let usual = pool::usual(&from);
        Some(from.swap_remove(usual))
    }
}

impl Script for GenSynthesis {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let mut left = pool::sample(&desk, self.n).await;
        while left.len() > 1 {
            // The answer so far, should the budget run out.
            desk.prefer(left[pool::usual(&left)].line.node);
            let groups = pool::groups(left, self.group);
            let times = if groups.len() == 1 { self.syntheses } else { 1 };
            let written = all(groups.into_iter().map(|group| self.write(&desk, group, times)));
            left = written.await.into_iter().flatten().collect();
            pool::classify(&desk, &mut left);
        }
        left.first().map(|solution| solution.line.node)
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("gen-synthesis", "n", self.n)?;
        at_least_one("gen-synthesis", "syntheses", self.syntheses)?;
        if self.group < 2 {
            return Err(format!("gen-synthesis: group is {}, expected at least 2", self.group));
        }
        self.words.check().map_err(|problem| format!("gen-synthesis: {problem}"))
    }
}
