//! What every judge that writes has in common: how it is shown what it judges, and what may stand beside its verdict.
//!
//! What is judged is text of a model, which may hold what the judge's verdict looks like, or the marks between
//! which it is shown: [`shown`] breaks these. A verdict that names two (`A or B`, `4 to 5`) is none: [`beside`] says what
//! stands next to a first one, and [`is_word`] whether a letter is one at all.
//!
//! Source: none; the attacks are those of Raina et al. 2024 (arXiv 2402.14016) and Zheng et al. 2024 (arXiv
//! 2410.07137).

mod beside;
mod shown;

pub use beside::{Joint, beside, ends, is_word};
pub use shown::{marks, shown, uncontrolled};
