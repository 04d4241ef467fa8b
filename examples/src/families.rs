//! The families of problems by name, as command lines have them.

use std::sync::Arc;

use clap::ValueEnum;
use serde_json::Value;
use tts_core::family::{
    Backtrack, Chain, Countdown, Family, Panel, Recheck, Solved, Split, Strides, problems,
};
use tts_core::{Task, seed, task};
use tts_models::Tokenizer;

use crate::{Error, pair};

/// A family with its default settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Families {
    /// Arithmetic, an operation a line.
    Chain,
    /// Reaching a number from others.
    Countdown,
    /// Arithmetic, as many operations a line as the writer likes.
    Strides,
    /// Arithmetic with checks, and an answer behind `#`.
    Recheck,
    /// Countdown with moves that are taken back.
    Backtrack,
    /// Judging responses, by criteria that nobody is told.
    Panel,
}

impl Families {
    /// The family.
    pub fn family(self) -> Arc<dyn Family> {
        match self {
            Self::Chain => Arc::new(Chain::default()),
            Self::Countdown => Arc::new(Countdown::default()),
            Self::Strides => Arc::new(Strides::default()),
            Self::Recheck => Arc::new(Recheck::default()),
            Self::Backtrack => Arc::new(Backtrack::default()),
            Self::Panel => Arc::new(Panel::default()),
        }
    }

    /// Every character of its problems and solutions.
    pub fn alphabet(self) -> &'static str {
        match self {
            Self::Chain | Self::Strides => pair::ALPHABET,
            Self::Recheck => "\n0123456789+-*=~:#",
            Self::Countdown => "\n 0123456789+-*/=;>",
            Self::Backtrack => "\n 0123456789+-*/=;><",
            Self::Panel => "\n 0123456789:=+<>,[]abcdegnopsv",
        }
    }

    /// Its name on a command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |name| name.get_name().to_owned())
    }

    /// Refuses a vocabulary that cannot write the family's solutions: nothing could be right, and nothing learnt.
    ///
    /// # Errors
    /// Naming the first character that it lacks.
    pub fn written_with(self, tokenizer: &Tokenizer) -> Result<(), Error> {
        let (family, mut rng) = (self.family(), seed::rng(0));
        for problem in problems(&*family, Split::Train, 0).take(WRITTEN) {
            let lines = family.trace(&problem.question, &mut rng).unwrap_or_default();
            let text: String = lines.into_iter().map(|line| line.text).collect();
            let lacks = match tokenizer.encode(&text, false) {
                Ok(ids) => {
                    let kept = tokenizer.decode(&ids, false);
                    text.chars().find(|own| !kept.contains(*own))
                }
                Err(error) => {
                    let lacks = |own: &char| tokenizer.encode(&own.to_string(), false).is_err();
                    Some(text.chars().find(lacks).ok_or(error)?)
                }
            };
            if let Some(lacks) = lacks {
                let name = self.name();
                return Err(format!(
                    "--family {name}: solutions are written with {lacks:?}, which the model has no token for: expected \
                     one that was made on such problems"
                )
                .into());
            }
        }
        Ok(())
    }
}

/// Solutions that a vocabulary is tried on.
const WRITTEN: usize = 64;

/// What an answer is in an evaluation that was kept, by the name of its task and its settings: those of problems of a
/// family say which.
///
/// ```
/// use serde_json::json;
/// use tts_examples::families::kept_task;
/// assert_eq!(kept_task("math", &json!({}))?.name(), "math");
/// assert_eq!(kept_task("solved", &json!({"family": {"name": "chain"}}))?.name(), "solved");
/// assert!(kept_task("solved", &json!({})).is_err());
/// # Ok::<(), tts_examples::Error>(())
/// ```
///
/// # Errors
/// When there is no such task or family.
pub fn kept_task(name: &str, settings: &Value) -> Result<Arc<dyn Task>, Error> {
    match settings.pointer("/family/name").and_then(Value::as_str) {
        Some(family) => {
            let found = Families::from_str(family, false).map_err(|problem| {
                format!("family of the settings: {problem}, expected one of this library")
            })?;
            Ok(Arc::new(Solved(found.family())))
        }
        None => Ok(task::by_name(name)?),
    }
}
