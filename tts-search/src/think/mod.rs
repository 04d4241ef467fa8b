//! Strategies that set how long a model thinks before it answers.

mod budget_forcing;
mod control;

pub use budget_forcing::BudgetForcing;
pub use control::{control, performance, scaling};
