//! Good, neutral, bad: the three classes of steps that people are asked for.
//!
//! A step is neutral that is no error and no help: redundant, misleading, doubtful. Whether it counts
//! as right is then decided when scores are read ([`crate::NeutralLabel`]), not when labels are made.
//! As labels of a [`super::Solution`] the classes are 0, 1/2 and 1, which a head with one label can
//! learn as well; [`super::Solution::process_classes`] makes examples of them for a head with three
//! ([`tts_models::train::LabelHead::of_classes`]).
//!
//! Source: Lightman et al. 2023 (arXiv:2305.20050), sections 2.4 and 2.6.

use crate::PrmError;

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepClass {
    /// Wrong or unreasonable.
    Bad,
    /// Neither wrong nor a help.
    Neutral,
    /// Right, and a help.
    Good,
}

impl StepClass {
    /// Number of classes.
    pub const COUNT: usize = 3;

    /// The label of a [`super::Solution`].
    pub fn label(self) -> f32 {
        match self {
            Self::Bad => 0.0,
            Self::Neutral => 0.5,
            Self::Good => 1.0,
        }
    }

    /// The class with this label.
    pub fn of_label(label: f32) -> Option<Self> {
        [Self::Bad, Self::Neutral, Self::Good]
            .into_iter()
            .find(|class| class.label().to_bits() == label.to_bits())
    }

    /// The row of the head, in the order that [`crate::RewardHead`] reads.
    pub fn row(self) -> u32 {
        match self {
            Self::Bad => 0,
            Self::Neutral => 1,
            Self::Good => 2,
        }
    }
}

impl TryFrom<i8> for StepClass {
    type Error = PrmError;

    /// The class of a rating as PRM800K has them: -1, 0 or 1.
    fn try_from(rating: i8) -> Result<Self, PrmError> {
        match rating {
            -1 => Ok(Self::Bad),
            0 => Ok(Self::Neutral),
            1 => Ok(Self::Good),
            _ => Err(PrmError::Solution {
                field: "rating".to_owned(),
                problem: format!("{rating}, expected -1, 0 or 1"),
            }),
        }
    }
}

/// The labels of classes up to and with the first bad one: what follows an error is not judged.
///
/// ```
/// use tts_prm::train::{StepClass::{Bad, Good, Neutral}, until_first_bad};
/// assert_eq!(until_first_bad(&[Good, Neutral, Bad, Good]), [1.0, 0.5, 0.0]);
/// ```
pub fn until_first_bad(classes: &[StepClass]) -> Vec<f32> {
    let bad = classes.iter().position(|&class| class == StepClass::Bad);
    let judged = bad.map_or(classes.len(), |first| first + 1);
    classes[..judged].iter().map(|class| class.label()).collect()
}
