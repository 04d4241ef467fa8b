//! Rewards by name: what stands in recipes and on command lines.
//!
//! `{"of": {"right": {}}, "weight": 1.0}` in JSON; `right` or `format=0.5` on a command line, with the default
//! settings of the reward. Those of lengths have none: `overlong:512/128` bends down over the last 128 of 512 tokens,
//! `target:200` asks for 200. A jury is asked by recipes alone.
//!
//! Source: none; a format of this library.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    Asked, Brevity, ByJury, ByScorer, Checked, Format, Language, Majority, Near, Overlong, Picked,
    Random, Reward, Right, Target,
};
use crate::PrmError;
use crate::reinforce::Problem;

/// A reward with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RewardSpec {
    /// A right answer.
    Right(Right),
    /// An answer near the right one.
    Near(Near),
    /// Marks in order.
    Format(Format),
    /// Bends down before the limit.
    Overlong(Overlong),
    /// Short before long.
    Brevity(Brevity),
    /// A length.
    Target(Target),
    /// One script.
    Language(Language),
    /// A coin.
    Random(Random),
    /// The answer of most.
    Majority(Majority),
    /// Steps that the task's checker finds right.
    Checked(Checked),
    /// What the scorer says.
    Scored(ByScorer),
    /// The choice of the search.
    Picked(Picked),
    /// What a judge that writes says.
    Judged(Box<ByJury>),
}

impl RewardSpec {
    /// The names that [`FromStr`] knows, beside those of lengths.
    pub const NAMES: [&'static str; 10] = [
        "right", "near", "format", "brevity", "language", "random", "majority", "checked",
        "scored", "picked",
    ];

    /// Its name, which the journal has.
    pub fn name(&self) -> &str {
        match self {
            Self::Right(_) => "right",
            Self::Near(_) => "near",
            Self::Format(_) => "format",
            Self::Overlong(_) => "overlong",
            Self::Brevity(_) => "brevity",
            Self::Target(_) => "target",
            Self::Language(_) => "language",
            Self::Random(_) => "random",
            Self::Majority(_) => "majority",
            Self::Checked(_) => "checked",
            Self::Scored(_) => "scored",
            Self::Picked(_) => "picked",
            Self::Judged(jury) => jury.name(),
        }
    }

    fn reward(&self) -> &dyn Reward {
        match self {
            Self::Right(reward) => reward,
            Self::Near(reward) => reward,
            Self::Format(reward) => reward,
            Self::Overlong(reward) => reward,
            Self::Brevity(reward) => reward,
            Self::Target(reward) => reward,
            Self::Language(reward) => reward,
            Self::Random(reward) => reward,
            Self::Majority(reward) => reward,
            Self::Checked(reward) => reward,
            Self::Scored(reward) => reward,
            Self::Picked(reward) => reward,
            Self::Judged(reward) => &**reward,
        }
    }

    /// # Errors
    /// Naming the setting that makes no sense.
    pub(in crate::reinforce) fn check(&self) -> Result<(), PrmError> {
        match self {
            Self::Format(reward) => reward.check(),
            Self::Overlong(reward) => reward.check(),
            Self::Target(reward) => reward.check(),
            Self::Random(reward) => reward.check(),
            Self::Scored(reward) => reward.check(),
            Self::Judged(reward) => reward.check(),
            Self::Right(_)
            | Self::Near(_)
            | Self::Brevity(_)
            | Self::Language(_)
            | Self::Majority(_)
            | Self::Checked(_)
            | Self::Picked(_) => Ok(()),
        }
    }

    /// Whether it looks at the right answer.
    pub fn needs_gold(&self) -> bool {
        matches!(self, Self::Right(_) | Self::Near(_) | Self::Brevity(_))
    }

    /// Whether it may be below 0 by its nature; what a scorer says is as its scale is, which is seen as it says it.
    pub(in crate::reinforce) fn may_be_below_zero(&self) -> bool {
        matches!(self, Self::Overlong(_) | Self::Brevity(_) | Self::Target(_))
    }

    /// Whether it is what the search's scorer says.
    pub fn needs_scorer(&self) -> bool {
        matches!(self, Self::Scored(_))
    }
}

impl Reward for RewardSpec {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        self.reward().rewards(asked)
    }

    fn knows(&self, asked: &Asked<'_>) -> Vec<bool> {
        self.reward().knows(asked)
    }
}

impl FromStr for RewardSpec {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "right" => Self::Right(Right {}),
            "near" => Self::Near(Near {}),
            "format" => Self::Format(Format::default()),
            "brevity" => Self::Brevity(Brevity {}),
            "language" => Self::Language(Language::default()),
            "random" => Self::Random(Random::default()),
            "majority" => Self::Majority(Majority {}),
            "checked" => Self::Checked(Checked {}),
            "scored" => Self::Scored(ByScorer::default()),
            "picked" => Self::Picked(Picked {}),
            _ => match name.split_once(':') {
                Some(("overlong", lengths)) => Self::Overlong(overlong(lengths)?),
                Some(("target", tokens)) => Self::Target(Target { tokens: count(tokens)? }),
                _ => {
                    return Err(format!(
                        "{name:?} is not a reward by name: {}, overlong:MOST/MARGIN, target:TOKENS",
                        Self::NAMES.join(", ")
                    ));
                }
            },
        })
    }
}

/// Most tokens, and over how many of the last of them the reward falls.
fn overlong(lengths: &str) -> Result<Overlong, String> {
    let (most, margin) = lengths.split_once('/').ok_or_else(|| {
        format!("overlong:{lengths}: expected overlong:MOST/MARGIN, such as overlong:512/128")
    })?;
    Ok(Overlong { most: count(most)?, margin: count(margin)? })
}

fn count(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no number of tokens"))
}

/// Which problems a reward is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// All of them.
    #[default]
    All,
    /// Those whose right answer is known.
    Known,
    /// Those whose right answer nobody knows.
    Open,
}

impl On {
    /// A name on a command line without which problems it is of, and these: `right@known`, `scored@open`.
    ///
    /// ```
    /// use tts_prm::reinforce::On;
    /// assert_eq!(On::split("scored@open"), ("scored", On::Open));
    /// assert_eq!(On::split("a@b.json"), ("a@b.json", On::All));
    /// ```
    pub fn split(name: &str) -> (&str, Self) {
        let behind = |ending, on| Some((name.strip_suffix(ending)?, on));
        let found = behind("@known", Self::Known).or_else(|| behind("@open", Self::Open));
        found.unwrap_or((name, Self::All))
    }

    /// Whether a problem is one of them.
    pub(in crate::reinforce) fn has(self, problem: &Problem) -> bool {
        let open = problem.gold.trim().is_empty();
        match self {
            Self::All => true,
            Self::Known => !open,
            Self::Open => open,
        }
    }
}

/// A reward and what it counts.
///
/// ```
/// use tts_prm::reinforce::{On, Term};
/// let term: Term = "format=0.5".parse()?;
/// assert_eq!((term.of.name(), term.weight), ("format", 0.5));
/// let term: Term = "overlong:512/128".parse()?;
/// assert_eq!((term.of.name(), term.weight), ("overlong", 1.0));
/// // As R1's last stage has it: rules where there are some, a reward model where there are none.
/// let term: Term = "scored@open=0.5".parse()?;
/// assert_eq!((term.of.name(), term.on), ("scored", On::Open));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The reward.
    pub of: RewardSpec,
    /// What it is multiplied with in the sum; of any sign.
    #[serde(default = "one")]
    pub weight: f64,
    /// Of which problems it is: others know nothing of it.
    #[serde(default, skip_serializing_if = "crate::reinforce::config::is_default")]
    pub on: On,
    /// Whether the sum of the others is multiplied with it, in place of it being added: a verdict on a judgement, say, that
    /// leaves nothing of the reward of one whose issues are not real.
    #[serde(default, skip_serializing_if = "crate::reinforce::config::is_default")]
    pub factor: bool,
}

fn one() -> f64 {
    1.0
}

impl FromStr for Term {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, weight) = text.split_once('=').unwrap_or((text, "1"));
        let weight: f64 =
            weight.trim().parse().map_err(|_| format!("{text:?}: {weight:?} is no weight"))?;
        let (name, on) = On::split(name.trim());
        Ok(Self { of: name.parse()?, weight, on, factor: false })
    }
}

impl From<RewardSpec> for Term {
    /// It counts once, of all problems.
    fn from(of: RewardSpec) -> Self {
        Self { of, weight: one(), on: On::All, factor: false }
    }
}
