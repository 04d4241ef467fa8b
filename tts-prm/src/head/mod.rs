//! Reward heads: a small network on the last hidden layer of a backbone.
//!
//! [`RewardHead`] is the network, read from safetensors; [`ProcessHead`] judges every step with
//! it, [`OutcomeHead`] finished solutions only, both on a backbone that is there already, the
//! generator's for instance: paths go in as the generator's own token ids, and what the generator
//! computed is not computed again. [`crate::RewardModel`] brings its own backbone.
//!
//! Source: process and outcome reward models of Lightman et al. 2023, sections 2.5 and 2.6;
//! Uesato et al. 2022.

mod config;
mod contrast;
mod format;
mod judge;
mod layout;
mod model;
mod network;
mod read;
#[cfg(feature = "remote")]
mod remote;
mod save;
mod temperature;

use std::ops::Deref;

use tts_core::cost::ModelCost;
use tts_core::{BoxError, Scale, Scored, StepScorer, Trajectory};
use tts_models::Backbone;

pub(crate) use config::json;
pub use config::{
    Contrast, HeadConfig, HeadOutput, NeutralLabel, PromptLayout, Reading, Separator, Token,
};
pub use format::Format;
pub(crate) use judge::{Judge, Kind};
pub(crate) use layout::{Layout, encode_within};
pub use model::RewardModel;
pub(crate) use network::softplus;
pub use network::{Linear, RewardHead};
#[cfg(feature = "remote")]
pub use remote::RemoteRewardModel;
pub(crate) use save::replace;
pub use temperature::fit_temperature;

use crate::PrmError;

/// A process reward model: the score of a step is the head's on the hidden row at its last token.
///
/// That token is the step's delimiter, or the end token where the step holds one; with a
/// separator (see [`HeadConfig::separator`]) it is the last token of the separator, which is put
/// after every step as token ids. With [`Reading::Tokens`] every token of the step has its say, each
/// at the place before it. All fresh steps of all paths of a batch are scored in one call of
/// the backbone, and with one that keeps prefixes only the fresh steps are computed (a separator makes
/// texts of its own, which share the generator's prompt only). `T` is a reference, a box or an `Arc`
/// of a backbone.
///
/// A score depends on its own path alone, bit for bit where the backbone's arithmetic does.
#[derive(Debug)]
pub struct ProcessHead<T> {
    backbone: T,
    head: RewardHead,
    layout: Layout,
}

/// An outcome reward model: the score of a finished solution is the head's on the hidden row at
/// its last token, and belongs to its last step. Every other step gets
/// [`RewardHead::neutral`]. Separators are put after the last step only.
#[derive(Debug)]
pub struct OutcomeHead<T> {
    backbone: T,
    head: RewardHead,
    layout: Layout,
}

macro_rules! head_scorer {
    ($name:ident, $kind:expr, $scale:ident) => {
        impl<T: Deref> $name<T>
        where
            T::Target: Backbone,
        {
            /// A head on a backbone.
            ///
            /// # Errors
            /// When the head reads rows of another width than the backbone makes, a separator has
            /// no tokens or cannot be encoded, or the configuration asks for what token ids cannot
            /// be given: trimmed steps, another layout of the prompt.
            pub fn new(backbone: T, head: RewardHead) -> Result<Self, PrmError> {
                head.check_width(backbone.width())?;
                let layout = Layout::on_backbone(&*backbone, &head)?;
                Ok(Self { backbone, head, layout })
            }

            /// The head.
            pub fn head(&self) -> &RewardHead {
                &self.head
            }
        }

        impl<T: Deref + Send + Sync> StepScorer for $name<T>
        where
            T::Target: Backbone,
        {
            fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
                let judge = Judge {
                    backbone: &*self.backbone,
                    head: &self.head,
                    layout: &self.layout,
                    tokenizer: None,
                    kind: $kind,
                };
                Ok(judge.score(batch)?)
            }

            fn cost(&self) -> ModelCost {
                self.backbone.backbone_cost()
            }

            fn scale(&self) -> Scale {
                self.head.config().$scale()
            }

            fn vocabulary(&self) -> Option<u64> {
                self.backbone.backbone_vocabulary()
            }

            fn identity(&self) -> Option<String> {
                Some(format!("head {:016x}", self.head.digest()))
            }
        }
    };
}
head_scorer!(ProcessHead, Kind::Process, process_scale);
head_scorer!(OutcomeHead, Kind::Outcome, outcome_scale);
