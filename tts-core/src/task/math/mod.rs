//! Final answers: where one stands in a solution, and whether two of them are the same.
//!
//! [`extract()`] finds the answer, [`equivalent()`] compares two, [`Readings`] compares many, and
//! [`canonical`] gives a string to count votes by. Answers are parsed into exact rationals,
//! polynomials, lists, intervals and relations; what cannot be parsed is compared as text. Nothing
//! here fails: whatever a model writes is some answer, and its size and nesting are capped.
//!
//! Comparing reads what extracting finds, so that a whole output that is the answer is right or
//! wrong in both. A unit, a currency or degrees are dropped beside a bare number: `5 cm` is `5`. Two
//! known units must measure the same thing, on one scale: `5 cm` is not `5 m`, `75 cents` is `$0.75`,
//! and `2 h 15 min` is `135 min`; so sameness is symmetric, but not transitive. A list that names its
//! values has an order. Scale words multiply: `3 million` is `3000000`. Dates and clock times are compared as such. `28%` is `28`, as graders
//! have it, and so not `0.28`: in a vote, where sameness is followed from answer to answer, one
//! reading alone keeps `28` and `0.28` apart. A decimal of six or more places equals what rounds to
//! it. Formulas without an exact canonical form are compared at a few points.
//!
//! The conventions follow the graders of MATH (Hendrycks et al., 2021) and the test suite of
//! `math-verify` 0.9 (Apache-2.0).
//!
//! ```
//! use tts_core::answer::{canonical, equivalent, extract};
//!
//! let solution = r"The legs are 3 and 4, so the ratio is $\boxed{\frac{3}{4}}$.";
//! let answer = extract(solution).unwrap_or_default();
//! assert_eq!(answer, r"\frac{3}{4}");
//! assert_eq!(canonical(&answer), "3/4");
//! assert!(equivalent("0.75", solution));
//! ```

mod boxed;
mod combined;
mod command;
mod denial;
mod equivalent;
mod expression;
mod extract;
mod glyph;
mod marker;
mod markup;
mod matrix;
mod moment;
mod normalise;
mod number;
mod numeral;
mod numeric;
mod polynomial;
mod prose;
mod quantity;
mod relation;
mod second;
mod set;
mod shape;
mod span;
mod spoken;
mod token;
mod unit;
mod words;

pub(crate) use denial::refuted;
pub use equivalent::{Readings, equivalent};
pub use extract::extract;
pub(crate) use extract::marked;
pub use normalise::canonical;
