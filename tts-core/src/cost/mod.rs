//! What inference costs: operations, bytes, memory and time, by formula and by a fitted law.
//!
//! * [`ModelCost`]: floating-point operations of a forward pass. Two operations a parameter, plus
//!   attention: for each layer, scores and weighted values over the context,
//!   `4 * context * query_width`. A scorer is charged the same way for the tokens it judges.
//! * [`ModelShape`] and [`Passes`]: what a model's passes compute and move, over context, lines and
//!   what lines share.
//! * [`Roofline`]: seconds from these, with rates fitted to measurements of one machine.
//! * [`Planner`]: what a strategy will cost before it runs, and the largest N within a budget of
//!   time or operations.
//! * [`Price`]: money, by who reads, writes and judges; [`Allowance`]: a [`Budget`] in the words of users.
//!
//! Source: Kaplan et al. 2020 (arXiv:2001.08361), table 1, for the operations; Williams, Waterman
//! and Patterson 2009 (doi:10.1145/1498765.1498785) for the roofline; Pope et al. 2022
//! (arXiv:2211.05102), section 2, for latency by weights and by keys and values.

mod allowance;
mod budget;
mod dry_run;
mod fit;
mod model;
mod passed;
mod passes;
mod plan;
mod price;
mod roofline;
mod usage;

#[cfg(test)]
mod tests;

pub use allowance::Allowance;
pub use budget::{Budget, Limit, Mode, Stop};
pub use fit::{LawError, Observation};
pub use model::{ExpertShape, ModelCost, ModelShape, WindowCost, WindowShape};
pub use passed::Passed;
pub use passes::{Near, Passes, Work};
pub use plan::{Forecast, Judge, Limits, Planner};
pub use price::{Price, Prices};
pub use roofline::Roofline;
pub use usage::{Cost, Measured, Usage};
