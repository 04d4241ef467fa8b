//! Power sampling: solutions in proportion to the `alpha`-th power of their probability, by
//! Metropolis-Hastings over whole texts.
//!
//! ```text
//! a b b a c c end
//!     ^ a place is drawn; from here on the text is written again:
//! a b . c a end        taken with probability min(1, ratio), else the old text stays
//! ```
//!
//! That is not sampling at temperature `1 / alpha`, which sharpens each token by itself; it is only how
//! proposals are drawn. The ratio is that of the target (`p^alpha` of the new rest to the old) times that
//! of the proposals (`q` of the old rest to the new), times old length to new, since a place of a longer
//! text is drawn less often. The released code leaves the last factor out.
//!
//! The value of a text is how many steps the chain stayed at it, so the tree holds the empirical law.
//!
//! Cost: `steps` lines, one after the other; a step writes half a text on average.
//!
//! Source: Karan and Du 2025, "Reasoning with Sampling: Your Base Model is Smarter Than You Think" (arXiv
//! 2510.14901), section 4, without its blocks.

use std::sync::Arc;

use tts_core::{Ask, Desk, Line, NodeId, Sampling, Script, StepRule, Watch};

/// A chain of texts.
#[derive(Debug, Clone)]
pub(crate) struct PowerSampling {
    /// The power.
    pub(crate) alpha: f32,
    /// Steps of the chain.
    pub(crate) steps: usize,
    /// Whether the ratio holds the factor of the lengths; without it the law is another one.
    pub(crate) length_factor: bool,
}

/// What was written, token by token: log-probability under the model, and as it was drawn.
fn logs(line: &Line) -> Vec<(f64, f64)> {
    let step = |step: &Arc<tts_core::Step>| -> Vec<(f64, f64)> {
        let both = step.logprobs.iter().zip(step.drawn());
        both.map(|(&p, &q)| (f64::from(p), f64::from(q))).collect()
    };
    line.steps.iter().flat_map(step).collect()
}

impl PowerSampling {
    /// Logarithm of `p^alpha / q`.
    fn weight(&self, logs: &[(f64, f64)]) -> f64 {
        logs.iter().map(|(p, q)| f64::from(self.alpha) * p - q).sum()
    }
}

impl Script for PowerSampling {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        // A text is one step, so that all its tokens can be kept.
        let (delimiters, max_step_tokens) = (Vec::new(), u32::MAX);
        let whole = Arc::new(StepRule { delimiters, max_step_tokens, ..StepRule::default() });
        let watch = Watch { drawn: true, ..Watch::default() };
        let sampling = Sampling::temperature(1.0 / self.alpha);
        let write =
            |ask: Ask| desk.line(ask.rule(Arc::clone(&whole)).watch(watch).sampling(sampling));
        let first = write(Ask::problem()).await?;
        let (mut node, mut text, mut stays) = (first.node, logs(&first), 0_u32);
        for _ in 0..self.steps {
            let place = desk.below(text.len());
            let kept = u32::try_from(place).ok()?;
            let line = write(Ask::behind(node).keep(kept)).await?;
            let rest = logs(&line);
            let mut ratio = self.weight(&rest) - self.weight(&text[place..]);
            if self.length_factor {
                ratio += (text.len() as f64 / (place + rest.len()) as f64).ln();
            }
            if desk.uniform() < ratio.exp() {
                (node, stays) = (line.node, 0);
                text.splice(place.., rest);
            }
            stays += 1;
            desk.value(node, f64::from(stays));
            desk.prefer(node);
        }
        Some(node)
    }

    fn check(&self) -> Result<(), String> {
        let sound = self.alpha.is_finite() && self.alpha > 0.0;
        if sound { Ok(()) } else { Err("power sampling: alpha is not a positive number".into()) }
    }
}
