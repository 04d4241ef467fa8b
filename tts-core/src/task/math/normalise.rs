//! One string for all ways to write an answer, to hash and to count votes by.
//!
//! The string is the rendering of the interpreted answer: numbers as reduced fractions, formulas
//! as sorted polynomials, lists sorted, texts lower-cased. Equal strings mean equivalent answers;
//! different strings may still be equivalent (`canonical` proves, [`equivalent`] also searches).
//!
//! [`equivalent`]: super::equivalent()

use super::shape::{interpret, render};

/// A canonical string for an answer: two answers with the same string are equivalent.
///
/// Rational numbers become `p/q` in lowest terms (`p` if whole); percent signs, units, currency
/// and formatting vanish.
///
/// ```
/// use tts_core::answer::canonical;
///
/// assert_eq!(canonical(r"\frac{10}{20}"), "1/2");
/// assert_eq!(canonical("0.50"), "1/2");
/// assert_eq!(canonical("$1,200"), "1200");
/// assert_eq!(canonical(r"\{3, 1, 2\}"), canonical("1, 2, 3"));
/// ```
pub fn canonical(answer: &str) -> String {
    render(&interpret(answer))
}
