//! A scorer by the next word as a file says it: whose probabilities, of which words, behind which question.
//!
//! ```text
//! { "model": "judge", "decision": { "cue": "\nIs the answer correct (Yes/No)?", "words": [["Yes", 1], ["No", 0]] } }
//! { "model": "models/verifier.gguf", "asking": "genrm" }
//! ```
//!
//! The first reads what a judge wrote, as a meta-judge or as [`super::By::Scorer`]; the second asks about solutions itself, `GenRM`
//! without a critique, and so leads any search. `model` is a role of the search that it belongs to, `policy` for the one that
//! writes solutions; or a file, a folder, or the address of a server. `decision` may be left out where the judge that is asked
//! has one. Command lines name such a file as `word:FILE`, see [`crate::ScorerSpec`].
//!
//! Source: none; see [`NextWord`].

use std::path::Path;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tts_core::StepScorer;
use tts_models::{Backend, EngineConfig, Files, LanguageModel};

use super::judge::Judge;
use super::next_word::NextWord;
use super::read::{Decision, Reading};
use crate::PrmError;
use crate::head::json;

/// The role that writes solutions, as such a file names it.
pub const POLICY: &str = "policy";

/// A model that tells log-probabilities of given words.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Speaker<'a> {
    /// In this program.
    Here(&'a dyn LanguageModel),
    /// On servers.
    #[cfg(feature = "remote")]
    Served(&'a tts_models::remote::Remote),
}

impl std::fmt::Debug for Speaker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Here(_) => "Here",
            #[cfg(feature = "remote")]
            Self::Served(_) => "Served",
        })
    }
}

/// A scorer by the next word, see the [module](self).
///
/// ```
/// use tts_prm::critic::{Decision, Judge, WordConfig};
/// let config: WordConfig = serde_json::from_str(r#"{"asking": "genrm"}"#)?;
/// assert_eq!((config.model.as_str(), &config.asking), ("policy", &Some(Judge::published("genrm")?)));
/// assert_eq!(config.decision()?.words[0], ("Yes".to_owned(), 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WordConfig {
    /// A role of the search, a file or folder of a model, or the address of a server.
    pub model: String,
    /// The words and their cue; `None` for those of the judge that is asked.
    pub decision: Option<Decision>,
    /// The judge in whose question a solution is put, by its name or as it is; `None` where what was written is gone on from.
    #[serde(deserialize_with = "asked")]
    pub asking: Option<Judge>,
}

impl Default for WordConfig {
    /// The policy's own yes or no, behind what was written.
    fn default() -> Self {
        Self { model: POLICY.into(), decision: None, asking: None }
    }
}

/// A judge by its name, or as it is.
fn asked<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Judge>, D::Error> {
    // Told apart before they are read, so that a mistyped field is named.
    match Value::deserialize(from)? {
        Value::Null => Ok(None),
        Value::String(name) => Judge::published(&name).map(Some),
        judge => serde_json::from_value(judge).map(Some).map_err(|error| error.to_string()),
    }
    .map_err(serde::de::Error::custom)
}

impl WordConfig {
    /// The words that are weighed.
    ///
    /// # Errors
    /// When neither it nor the judge that is asked says them.
    pub fn decision(&self) -> Result<Decision, PrmError> {
        let asked = self.asking.as_ref().map(|judge| &judge.reading);
        match (&self.decision, asked) {
            (Some(decision), _) | (None, Some(Reading::Decision(decision))) => Ok(decision.clone()),
            (None, None) => Ok(Decision::default()),
            (None, Some(_)) => {
                let problem =
                    "the judge that is asked has none of its own: expected a cue and words";
                Err(PrmError::Solution { field: "decision".into(), problem: problem.into() })
            }
        }
    }

    /// Opens the scorer of a file; a model that is no role of `speakers` is opened with it, on this backend.
    ///
    /// # Errors
    /// When the file cannot be read, or a model not opened; when the decision is refused, or the judge that is asked
    /// ([`NextWord::asking`]). The error names file and field.
    pub fn open<'a>(
        path: &Path,
        speakers: impl Fn(&str) -> Option<Speaker<'a>>,
        backend: Backend,
        engine: EngineConfig,
    ) -> Result<Box<dyn StepScorer + 'a>, PrmError> {
        let said = json(&Files::from(path))?;
        let said = said.ok_or_else(|| PrmError::config(path, "scorer", "no such file"))?;
        let config: Self = serde_json::from_value(said)
            .map_err(|error| PrmError::config(path, "scorer", error.to_string()))?;
        config.scorer(speakers, backend, engine).map_err(|error| match error {
            PrmError::Solution { field, problem } => PrmError::config(path, &field, problem),
            other => other,
        })
    }

    /// The scorer, as [`WordConfig::open`] has it.
    ///
    /// # Errors
    /// As [`WordConfig::open`].
    pub fn scorer<'a>(
        &self,
        speakers: impl Fn(&str) -> Option<Speaker<'a>>,
        backend: Backend,
        engine: EngineConfig,
    ) -> Result<Box<dyn StepScorer + 'a>, PrmError> {
        let decision = self.decision()?;
        match speakers(&self.model) {
            Some(Speaker::Here(model)) => {
                return Ok(Box::new(self.asks(NextWord::of(model, decision)?)?));
            }
            #[cfg(feature = "remote")]
            Some(Speaker::Served(model)) => {
                return Ok(Box::new(self.asks(NextWord::served(model, decision)?)?));
            }
            None => {}
        }
        let path = Path::new(&self.model);
        #[cfg(feature = "remote")]
        if let Some(config) = tts_models::remote::RemoteConfig::named(path)? {
            let model = tts_models::remote::Remote::open(config)?;
            let scorer = self.asks(NextWord::owning_served(model, decision)?)?;
            // Asked on a thread of its own: whoever waits for a server holds up the search.
            return Ok(Box::new(tts_core::scorer::Apart::new(scorer)));
        }
        if !path.exists() {
            let problem = format!(
                "{:?} tells no log-probabilities here: expected a role of the search whose model runs here or on a server, a file \
                 or folder of a model, or the address of a server",
                self.model
            );
            return Err(PrmError::Solution { field: "model".into(), problem });
        }
        let model = tts_models::open(path, backend, engine)?;
        Ok(Box::new(self.asks(NextWord::owning(model, decision)?)?))
    }

    /// The same, asking about solutions where that is said.
    fn asks<'a>(&self, scorer: NextWord<'a>) -> Result<NextWord<'a>, PrmError> {
        match &self.asking {
            Some(judge) => scorer.asking(judge.clone()),
            None => Ok(scorer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(text: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("word.json");
        std::fs::write(&path, text).expect("written");
        let (backend, engine) = (Backend::default(), EngineConfig::default());
        match WordConfig::open(&path, |_| None, backend, engine) {
            Ok(scorer) => Ok(format!("{:?}", scorer.scale())),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn what_makes_no_scorer_is_named_with_its_file() {
        for (text, expected) in [
            (r#"{"model": "judge"}"#, "model: \"judge\" tells no log-probabilities here"),
            (r#"{"asking": "oracle"}"#, "expected one of deepseek-grm"),
            (r#"{"asking": {"templat": "genrm"}}"#, "unknown field `templat`"),
            (r#"{"ask": "genrm"}"#, "unknown field `ask`"),
            (r#"{"asking": "score"}"#, "decision: the judge that is asked has none of its own"),
            ("3", "scorer: invalid type"),
        ] {
            let error = opened(text).expect_err(text);
            assert!(error.contains(expected) && error.contains("word.json"), "{error}");
        }
        let nowhere = WordConfig::open(
            Path::new("nowhere.json"),
            |_| None,
            Backend::default(),
            EngineConfig::default(),
        );
        let error = nowhere.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("nowhere.json") && error.contains("no such file"), "{error}");
    }

    #[test]
    fn words_are_those_of_the_file_before_those_of_the_judge() {
        let config: WordConfig = serde_json::from_str(
            r#"{"asking": "genrm", "decision": {"cue": "So?", "words": [["Right", 1], ["Wrong", 0]]}}"#,
        )
        .expect("a scorer");
        assert_eq!(config.decision().expect("said").cue, "So?");
        let judge = WordConfig { decision: None, ..config }.decision().expect("the judge's");
        assert_eq!(judge.words[1].0, "No");
        assert_eq!(WordConfig::default().decision().expect("said"), Decision::default());
    }
}
