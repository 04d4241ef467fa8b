//! Preferences as files have them.
//!
//! | Form | Fields |
//! |---|---|
//! | `RewardBench` | `prompt`, `chosen`, `rejected`; `subset` |
//! | `RewardBench` 2 | the same, with lists of `chosen` (several are a tie) and `rejected` |
//! | TRL, Skywork, `UltraFeedback` binarized | `chosen` and `rejected` as turns, `prompt` as a text, as turns, or in them |
//! | HH-RLHF | `chosen` and `rejected` as texts of `Human:` and `Assistant:` |
//! | `JudgeBench` | `question`, `response_A`, `response_B`, `label` (`A>B`, `B>A` or `A=B`); `source` |
//! | `LLMBar` | `input`, `output_1`, `output_2`, `label` (1 or 2) |
//! | `HelpSteer` 2 | `prompt`, `response_1`, `response_2`, `preference_strength` (below 0 for the first, 0 a tie) |
//! | `HelpSteer` 3 | `context` (turns), `response1`, `response2`, `overall_preference` (the same); `domain` |
//! | arenas | `conversation_a`, `conversation_b` (turns), `winner` (`model_a`, `model_b`, a tie) |
//! | `PKU-SafeRLHF` | `prompt`, `response_0`, `response_1`, `better_response_id` |
//! | `UltraFeedback` | `instruction`, `completions` with `response` and `overall_score`, of which one is highest |
//! | lists | `prompt`, `responses`, `best` (from 0), or `scores` of which one is highest; `subset` |
//!
//! The form of a record is told by its fields. Ties have no best and are left out, and counted. Any record may have a
//! `reference`, a right answer that templates can show to a judge ([`super::super::Judge::reference`]), and `system`, standing
//! instructions.
//!
//! Source: the data set cards of `allenai/reward-bench`, `allenai/reward-bench-2`, `ScalerLab/JudgeBench`,
//! `princeton-nlp/LLMBar`, `nvidia/HelpSteer2`, `nvidia/HelpSteer3`, `openbmb/UltraFeedback`, `Anthropic/hh-rlhf`,
//! `lmsys/chatbot_arena_conversations` and `PKU-Alignment/PKU-SafeRLHF`; the preference formats of TRL.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tts_core::Prompt;
use tts_core::rows::{self, RowError, RowsError};

use super::forms;
use crate::PrmError;

/// Responses to a question, of which one is best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preference {
    /// The question.
    pub prompt: Prompt,
    /// The responses, two at least.
    pub responses: Vec<String>,
    /// The place of the best one, from 0.
    pub best: usize,
    /// The part of the data that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// A right answer, where the data have one: what a judge may be shown beside the responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What each response is worth, in any unit, where the data grade them: scores of a judge are compared with it by rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<Vec<f64>>,
}

/// The preferences of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preferences {
    /// Those that have a best response, in the order of the file.
    pub items: Vec<Preference>,
    /// How many records were ties, and are left out.
    pub ties: usize,
}

/// Reads the preferences of a file: JSON lines, a JSON list or a table; ties are left out, and counted.
///
/// ```
/// use tts_prm::critic::read_preferences;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("pairs.jsonl");
/// let turns = |said: &str| {
///     format!(r#"[{{"role": "user", "content": "2 + 2?"}}, {{"role": "assistant", "content": "{said}"}}]"#)
/// };
/// let pair = format!(r#"{{"chosen": {}, "rejected": {}}}"#, turns("4"), turns("5"));
/// let tie = r#"{"question": "2 + 2?", "response_A": "4", "response_B": "four", "label": "A=B"}"#;
/// std::fs::write(&path, format!("{pair}\n{tie}\n"))?;
/// let found = read_preferences(&path)?;
/// assert_eq!((found.items[0].prompt.question(), found.ties), ("2 + 2?", 1));
/// assert_eq!(found.items[0].responses, ["4", "5"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the file cannot be read, or a record has none of the forms; the error names file and place.
pub fn read_preferences(path: impl AsRef<Path>) -> Result<Preferences, PrmError> {
    let path = path.as_ref();
    let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
    let mut found = Preferences::default();
    for row in &rows::read(path)? {
        match forms::preference(row).map_err(at)? {
            Some(preference) => found.items.push(preference),
            None => found.ties += 1,
        }
    }
    Ok(found)
}
