//! What counts as an answer, and as a right one.

pub mod family;
pub mod math;
