//! Readings of an answer that make sense only beside the answer that they equal.
//!
//! `1/3 ≈ 0.33` is 1/3, and 0.33 where that is the other answer; `(B) 12` is B, and 12; `5 m` is a
//! product, and a length; `15:45` is a ratio, and a time; `1,22` is a list, and a decimal with a comma.
//! A second reading is compared with first readings only, so two answers never meet in a meaning that
//! neither has by itself.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::moment::hours;
use super::shape::{Shape, attempt};
use crate::task::letter;

/// A second reading.
#[derive(Debug)]
pub(super) enum Second {
    /// Compared as any answer.
    Reading(Shape),
    /// Compared only with a decimal in digits: a list of two roots is no fraction.
    Decimal(BigRational),
}

/// The second readings of an answer.
pub(super) fn readings(core: &str) -> Vec<Second> {
    let mut out = Vec::new();
    out.extend(decimal(core).map(Second::Decimal));
    let parts = [approximation(core), percentage(core), labelled(core)];
    out.extend(
        parts.into_iter().flatten().filter_map(|part| attempt(part, false)).map(Second::Reading),
    );
    out.extend(hours(core).map(|time| Second::Reading(Shape::Text(time))));
    let letters = core.bytes().any(|b| b.is_ascii_digit()) && core.contains([' ', '~', ',']);
    if letters && core.contains(|c: char| "msghLlNJWKVA".contains(c)) {
        out.extend(attempt(core, true).map(Second::Reading));
    }
    out
}

/// `1,22` as 1.22. One digit behind a comma is the second item of a list: `3,5`.
fn decimal(core: &str) -> Option<BigRational> {
    let (whole, part) = core.split_once(',')?;
    let digits = |d: &&str| !d.is_empty() && d.len() < 30 && d.bytes().all(|b| b.is_ascii_digit());
    // `123,456` is grouped, and no decimal.
    let grouped = part.len() == 3 && !whole.starts_with('0');
    if ![whole, part].iter().all(digits) || part.len() < 2 || grouped {
        return None;
    }
    let value: BigInt = format!("{whole}{part}").parse().ok()?;
    Some(BigRational::new(value, BigInt::from(10).pow(u32::try_from(part.len()).ok()?)))
}

/// What stands behind the last sign of approximation.
fn approximation(core: &str) -> Option<&str> {
    let signs = ["≈", "\\approx", "≃", "\\simeq", "\\sim"];
    let after = |sign: &str| core.rfind(sign).map(|at| at + sign.len());
    let at = signs.iter().filter_map(|sign| after(sign)).max()?;
    core.get(at..).map(str::trim).filter(|rest| !rest.is_empty())
}

/// The percentage that a chain of equations ends in.
fn percentage(core: &str) -> Option<&str> {
    let (_, last) = core.rsplit_once('=')?;
    last.trim_end().ends_with('%').then(|| last.trim())
}

/// What an option says behind its letter.
fn labelled(core: &str) -> Option<&str> {
    letter::label(core, letter::OPTIONS).map(|label| label.rest).filter(|rest| !rest.is_empty())
}
