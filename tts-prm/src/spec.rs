//! Scorers by name, for command lines: `logprob`, `rule`, `prm:PATH`, `orm:PATH`, `json:PATH`, `word:FILE`.
//!
//! A path to a `.safetensors` file is a head on the generator's own backbone. A folder whose
//! `config.json` names a `model_type` is a model with a backbone of its own, as is a `.gguf` file; any
//! other folder holds `head.safetensors` for the generator's backbone. With the feature `remote`, a path may be
//! the address of a server, or a JSON file with the settings of some: there a reward model answers; and
//! `json:PATH` is a scorer of any form behind an address, with a file that says how it is asked
//! (`tts_models::remote::MappedConfig`). Both are asked on a thread of their own. `word:FILE` is a scorer by the probability
//! of the next word, of a model that the file names ([`WordConfig`]).

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tts_core::StepScorer;
use tts_core::cost::Judge;
use tts_models::{Backend, Checkpoint, EngineConfig, Files, LanguageModel};

use crate::critic::word::{POLICY, Speaker, WordConfig};
use crate::head::{OutcomeHead, ProcessHead, RewardHead, json};
use crate::{Arithmetic, MeanLogprob, PrmError, RewardModel};

/// Which scorer.
///
/// ```
/// use tts_prm::ScorerSpec;
/// let spec: ScorerSpec = "prm:heads/math.safetensors".parse()?;
/// assert_eq!(spec, ScorerSpec::Process("heads/math.safetensors".into()));
/// assert_eq!(spec.to_string(), "prm:heads/math.safetensors");
/// # Ok::<(), tts_prm::PrmError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScorerSpec {
    /// [`MeanLogprob`].
    Logprob,
    /// [`Arithmetic`].
    Rule,
    /// A process reward model, by its path.
    Process(PathBuf),
    /// An outcome reward model, by its path.
    Outcome(PathBuf),
    /// A scorer behind an address, by the file that says how it is asked.
    Mapped(PathBuf),
    /// A scorer by the next word, by the file that says which ([`WordConfig`]).
    NextWord(PathBuf),
}

impl FromStr for ScorerSpec {
    type Err = PrmError;

    fn from_str(text: &str) -> Result<Self, PrmError> {
        match text.split_once(':') {
            None if text == "logprob" => Ok(Self::Logprob),
            None if text == "rule" => Ok(Self::Rule),
            Some(("prm", path)) if !path.is_empty() => Ok(Self::Process(path.into())),
            Some(("orm", path)) if !path.is_empty() => Ok(Self::Outcome(path.into())),
            Some(("json", path)) if !path.is_empty() => Ok(Self::Mapped(path.into())),
            Some(("word", path)) if !path.is_empty() => Ok(Self::NextWord(path.into())),
            _ => Err(PrmError::Spec { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for ScorerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Logprob => f.write_str("logprob"),
            Self::Rule => f.write_str("rule"),
            Self::Process(path) => write!(f, "prm:{}", path.display()),
            Self::Outcome(path) => write!(f, "orm:{}", path.display()),
            Self::Mapped(path) => write!(f, "json:{}", path.display()),
            Self::NextWord(path) => write!(f, "word:{}", path.display()),
        }
    }
}

impl ScorerSpec {
    /// Opens the scorer for a generator; a model of its own runs on the native backend with the
    /// default [`EngineConfig`].
    ///
    /// # Errors
    /// When files are missing or damaged, or a head does not fit the backbone.
    pub fn build<'a>(
        &self,
        model: &'a dyn LanguageModel,
    ) -> Result<Box<dyn StepScorer + 'a>, PrmError> {
        self.build_on(Some(model), Backend::default(), EngineConfig::default())
    }

    /// [`ScorerSpec::build`], with the backend and the engine of a model of its own. `None` stands for a
    /// generator that runs elsewhere. A scorer by the next word finds no role here but `policy`, the generator
    /// ([`WordConfig::open`] takes others).
    ///
    /// # Errors
    /// As [`ScorerSpec::build`]; also for a head on the backbone of a generator that runs elsewhere.
    pub fn build_on<'a>(
        &self,
        model: Option<&'a dyn LanguageModel>,
        backend: Backend,
        engine: EngineConfig,
    ) -> Result<Box<dyn StepScorer + 'a>, PrmError> {
        #[cfg(feature = "remote")]
        if let Some(scorer) = self.remote()? {
            return Ok(scorer);
        }
        Ok(match self {
            Self::Logprob => Box::new(MeanLogprob),
            Self::Rule => Box::new(Arithmetic),
            Self::Process(path) if has_backbone(path)? => {
                Box::new(RewardModel::process(path, backend, engine)?)
            }
            Self::Outcome(path) if has_backbone(path)? => {
                Box::new(RewardModel::outcome(path, backend, engine)?)
            }
            Self::Process(path) => {
                Box::new(ProcessHead::new(here(model, path)?, RewardHead::open(path)?)?)
            }
            Self::Outcome(path) => {
                Box::new(OutcomeHead::new(here(model, path)?, RewardHead::open(path)?)?)
            }
            Self::Mapped(path) => {
                let problem = "a scorer behind an address, which needs the feature `remote`";
                return Err(PrmError::config(path, "scorer", problem));
            }
            Self::NextWord(path) => {
                let role = |role: &str| model.filter(|_| role == POLICY).map(Speaker::Here);
                WordConfig::open(path, role, backend, engine)?
            }
        })
    }

    /// The scorer, if its path names servers.
    #[cfg(feature = "remote")]
    fn remote(&self) -> Result<Option<Box<dyn StepScorer>>, PrmError> {
        use tts_core::scorer::Apart;
        if let Self::Mapped(path) = self {
            let file = Files::from(path.as_path());
            let json =
                json(&file)?.ok_or_else(|| PrmError::config(path, "scorer", "no such file"))?;
            let config = serde_json::from_value(json)
                .map_err(|error| PrmError::config(path, "scorer", error.to_string()))?;
            let scorer = tts_models::remote::MappedScorer::open(config)?;
            return Ok(Some(Box::new(Apart::new(scorer))));
        }
        let (Self::Process(path) | Self::Outcome(path)) = self else { return Ok(None) };
        let Some(config) = tts_models::remote::RemoteConfig::named(path)? else { return Ok(None) };
        let model = match self {
            Self::Outcome(_) => crate::RemoteRewardModel::outcome(config)?,
            _ => crate::RemoteRewardModel::process(config)?,
        };
        Ok(Some(Box::new(Apart::new(model))))
    }

    /// What the scorer is to a planner: a model of its own, taken to hold its numbers in 16 bits, a
    /// head on the policy's backbone, or something that costs no passes.
    ///
    /// ```
    /// use tts_core::cost::Judge;
    /// use tts_prm::ScorerSpec;
    /// assert_eq!("rule".parse::<ScorerSpec>()?.judge()?, Judge::Free);
    /// let error = "prm:http://127.0.0.1:1".parse::<ScorerSpec>()?.judge().unwrap_err();
    /// assert!(error.to_string().contains("its size is not known"));
    /// # Ok::<(), tts_prm::PrmError>(())
    /// ```
    ///
    /// # Errors
    /// When the model's folder cannot be read, or the scorer is behind an address: what it costs there is not known, and is
    /// not nothing.
    pub fn judge(&self) -> Result<Judge, PrmError> {
        let path = match self {
            Self::Logprob | Self::Rule => return Ok(Judge::Free),
            Self::NextWord(path) => {
                let problem = "it puts a question of its own about each path, which no forecast counts: expected another scorer";
                return Err(PrmError::config(path, "scorer", problem));
            }
            Self::Process(path) | Self::Outcome(path) | Self::Mapped(path) => path,
        };
        if matches!(self, Self::Mapped(_)) || is_elsewhere(path)? {
            let problem =
                "it is behind an address, so its size is not known: expected a scorer that is here";
            return Err(PrmError::config(path, "scorer", problem));
        }
        if has_backbone(path)? {
            return Ok(Judge::Model(Checkpoint::open(path)?.config().shape(16.0, 2)));
        }
        // A head is opened when the search is; that it is there at all is known now.
        std::fs::metadata(path).map_err(|error| PrmError::io(path, error))?;
        Ok(Judge::OnBackbone)
    }
}

/// Whether a path names servers.
#[cfg_attr(
    not(feature = "remote"),
    expect(clippy::unnecessary_wraps, reason = "a file of servers may be damaged")
)]
fn is_elsewhere(path: &Path) -> Result<bool, PrmError> {
    #[cfg(feature = "remote")]
    if tts_models::remote::RemoteConfig::named(path)?.is_some() {
        return Ok(true);
    }
    Ok(path.to_str().is_some_and(|path| path.contains("://")))
}

/// The backbone that a head sits on.
fn here<'a>(
    model: Option<&'a dyn LanguageModel>,
    path: &Path,
) -> Result<&'a dyn LanguageModel, PrmError> {
    model.ok_or_else(|| {
        let problem = "a head on the generator's backbone, and the generator runs elsewhere: expected a \
                       reward model of its own";
        PrmError::config(path, "head", problem)
    })
}

/// Whether a path is a folder that describes a model, or a model's file.
fn has_backbone(path: &Path) -> Result<bool, PrmError> {
    if !path.is_dir() {
        return Ok(path.extension().is_some_and(|extension| extension == "gguf"));
    }
    let config = json(&Files::from(path).join("config.json"))?;
    Ok(config.is_some_and(|config| config.get("model_type").is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> Result<Judge, String> {
        let spec: ScorerSpec = text.parse().map_err(|error: PrmError| error.to_string())?;
        spec.judge().map_err(|error| error.to_string())
    }

    #[test]
    fn a_planner_counts_nothing_of_what_it_does_not_know() {
        for free in ["logprob", "rule"] {
            assert_eq!(judge(free), Ok(Judge::Free), "{free}");
        }
        let word = judge("word:yes.json").expect_err("a question");
        assert!(word.contains("yes.json") && word.contains("no forecast counts"), "{word}");
        for text in ["prm:http://127.0.0.1:1", "orm:https://judge.example", "json:scorer.json"] {
            let error = judge(text).expect_err(text);
            assert!(error.contains("its size is not known"), "{error}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let missing = format!("prm:{}", at("typo.safetensors").display());
        assert!(judge(&missing).expect_err("not there").contains("typo.safetensors"));
        std::fs::write(at("head.safetensors"), "").expect("written");
        let head = format!("prm:{}", at("head.safetensors").display());
        assert_eq!(judge(&head), Ok(Judge::OnBackbone));
    }

    #[cfg(feature = "remote")]
    #[test]
    fn a_file_of_servers_is_no_head() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("servers.json");
        std::fs::write(&path, r#"{"servers": ["http://127.0.0.1:1"]}"#).expect("written");
        let error = judge(&format!("prm:{}", path.display())).expect_err("servers");
        assert!(error.contains("its size is not known"), "{error}");
    }
}
