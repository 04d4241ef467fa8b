//! Accuracies of repeated sampling and how far to trust them.
//!
//! One pool of `n` independent candidates per problem gives a whole curve: [`pass_at_k`] and
//! best@k have closed forms, votes@k average over subsets drawn without replacement
//! ([`Pool::at_k`]). Taking the first `k` candidates would be one draw with no variance, and
//! drawing with replacement is biased low, so neither is offered. Every accuracy over problems
//! carries their number and a 95 % interval; two methods are compared on the same problems
//! ([`paired_bootstrap`], and [`paired_shares`] where they may not differ at all), and many such differences are adjusted for their number ([`holm`]). The
//! subsets are valid for independent candidates (best-of-N, votes, independent subtrees), not for a
//! beam search, whose width changes the candidates themselves.
//!
//! How the share of solved problems grows with the samples is a law of two numbers ([`Coverage`]).
//!
//! Of a verifier's scores, as against the answers chosen by them: [`auc`] asks whether right steps
//! score above wrong ones, [`calibration`] whether a score is the probability of being right, and
//! [`first_errors`] whether the step is found at which a solution goes wrong. Where the truth is a worth and not a label,
//! [`rank_correlation`] says how far scores order entries as it does.
//!
//! Everything random is a function of its seed, and bad input is a [`MetricError`].
//!
//! Source: Chen et al. 2021 (arXiv 2107.03374, section 2.1) for pass@k; Snell et al. 2024 (arXiv
//! 2408.03314) for curves over one pool.

mod auc;
mod calibration;
mod correlation;
mod coverage;
mod curve;
mod error;
mod first_error;
mod holm;
mod interval;
mod paired;
mod pass;
mod pool;
mod random;
mod sampled;
mod unanimous;

pub use auc::{Auc, auc, auc_over_problems, auc_within_problems};
pub use calibration::{Bin, Calibration, calibration};
pub use correlation::{
    Correlation, rank_correlation, rank_correlation_over_problems, rank_correlation_within_problems,
};
pub use coverage::Coverage;
pub use curve::{Point, curve};
pub use error::MetricError;
pub use first_error::{FirstErrors, Judged, Share, first_errors};
pub use holm::holm;
pub use interval::{Accuracy, accuracy_interval, bootstrap_interval, wilson};
pub use paired::{Paired, paired_bootstrap};
pub use pass::pass_at_k;
pub use pool::{Estimate, Metric, Pool};
pub use sampled::Sampled;
pub use unanimous::{paired_shares, share_interval};
