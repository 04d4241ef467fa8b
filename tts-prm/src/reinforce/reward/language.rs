//! The reward of one language: the share of words that are written in its script.
//!
//! A policy that is rewarded for answers alone mixes languages; R1 therefore adds the share of words of the target
//! language. A word's language is told by its script here, which is exact, and tells English from Chinese though
//! not from German. Where words are not set apart by spaces (Chinese characters, kana, Thai, Lao, Khmer, Burmese), each letter counts
//! as one, lest a page of them be a single word. Numbers and signs are no words: a text of arithmetic alone is in every language, an empty one in
//! none. As a reward it is 0 of what was cut, of a question that was copied, and of what has neither word nor
//! answer.
//!
//! Source: DeepSeek-AI 2025 (arXiv 2501.12948), section 2.3.2; the ranges are those of Unicode's blocks.

use serde::{Deserialize, Serialize};

use super::{Asked, Reward};
use crate::reinforce::Sample;

/// Letters of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Script {
    /// Latin letters, with all their accents.
    #[default]
    Latin,
    /// Greek letters.
    Greek,
    /// Cyrillic letters.
    Cyrillic,
    /// Hebrew letters.
    Hebrew,
    /// Arabic letters.
    Arabic,
    /// Devanagari.
    Devanagari,
    /// Chinese characters.
    Han,
    /// Japanese: kana and Chinese characters.
    Japanese,
    /// Korean syllables.
    Hangul,
}

impl Script {
    fn has(self, letter: char) -> bool {
        let han = |letter| {
            matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
                | '\u{20000}'..='\u{3134f}')
        };
        match self {
            Self::Latin => {
                matches!(letter, 'a'..='z' | 'A'..='Z' | '\u{aa}' | '\u{ba}' | '\u{c0}'..='\u{24f}'
                    | '\u{1e00}'..='\u{1eff}')
            }
            Self::Greek => matches!(letter, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}'),
            Self::Cyrillic => matches!(letter, '\u{400}'..='\u{52f}'),
            Self::Hebrew => matches!(letter, '\u{590}'..='\u{5ff}'),
            Self::Arabic => matches!(letter, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}'),
            Self::Devanagari => matches!(letter, '\u{900}'..='\u{97f}'),
            Self::Han => han(letter),
            Self::Japanese => han(letter) || matches!(letter, '\u{3040}'..='\u{30ff}'),
            Self::Hangul => matches!(letter, '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}'),
        }
    }
}

/// Whether words of this letter's script are not set apart by spaces.
fn is_dense(letter: char) -> bool {
    let south =
        matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}');
    south || Script::Japanese.has(letter)
}

/// The share of words in one script.
///
/// ```
/// use tts_prm::reinforce::{Language, Script};
/// let english = Language { script: Script::Latin };
/// assert_eq!(english.share("So x = 4, 所以 done"), 0.6);
/// assert_eq!(english.share("2 + 2 = 4"), 1.0);
/// assert_eq!(english.share("  "), 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Language {
    /// Its letters.
    pub script: Script,
}

impl Language {
    /// The share of a text's words that are in the script, 0 to 1.
    pub fn share(&self, text: &str) -> f64 {
        if text.trim().is_empty() {
            return 0.0;
        }
        let (mut all, mut own) = (0_usize, 0_usize);
        for run in text.split(|c: char| !c.is_alphabetic()).filter(|run| !run.is_empty()) {
            let dense = run.chars().filter(|&letter| is_dense(letter));
            for letter in dense {
                all += 1;
                own += usize::from(self.script.has(letter));
            }
            for word in run.split(is_dense).filter(|word| !word.is_empty()) {
                all += 1;
                own += usize::from(word.chars().all(|letter| self.script.has(letter)));
            }
        }
        if all == 0 { 1.0 } else { own as f64 / all as f64 }
    }
}

impl Reward for Language {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let share = |sample: &Sample| {
            let copied = sample.text.trim() == asked.problem.question.trim();
            let says = sample.answer.is_some() || sample.text.chars().any(char::is_alphabetic);
            if sample.is_finished() && says && !copied { self.share(&sample.text) } else { 0.0 }
        };
        asked.samples.iter().map(share).collect()
    }
}
