//! Log-probabilities of given tokens: perplexity, implicit reward models, judges by yes and no.

use crate::model::generator::BoxError;

/// Tokens to be judged after others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What comes before; not judged. At least one token.
    pub context: Vec<u32>,
    /// What is judged.
    pub tokens: Vec<u32>,
}

/// Tells how probable a text is.
pub trait Likelihood: Send + Sync {
    /// `out[i][k]` is `ln p(batch[i].tokens[k] | context, tokens[..k])` in nats, at temperature 1.
    ///
    /// # Errors
    /// When the model cannot run, a token is unknown or a context is empty.
    fn logprobs(&self, batch: &[Given]) -> Result<Vec<Vec<f32>>, BoxError>;
}
