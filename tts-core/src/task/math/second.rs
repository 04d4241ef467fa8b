//! Readings of an answer that make sense only beside the answer that they equal.
//!
//! `1/3 ≈ 0.33` is 1/3, and 0.33 where that is the other answer; `(B) 12` is B, and 12; `5 m` is a
//! product, and a length; `15:45` is a ratio, and a time; `1,22` is a list, and a decimal with a comma.
//! A second reading is compared with first readings only, so two answers never meet in a meaning that
//! neither has by itself.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::expression::{Expr, parse_angle};
use super::moment::hours;
use super::polynomial::Polynomial;
use super::shape::{Shape, attempt};
use super::span::after_command;
use super::token::tokenise;
use super::unit;
use super::words::ORDINALS;
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
    let parts = [approximation(core), percentage(core), labelled(core), dashed(core)];
    out.extend(
        parts.into_iter().flatten().filter_map(|part| attempt(part, false)).map(Second::Reading),
    );
    out.extend(hours(core).map(|time| Second::Reading(Shape::Text(time))));
    out.extend(measured(core).and_then(|text| attempt(&text, false)).map(Second::Reading));
    out.extend(ordinal(core).and_then(|text| attempt(text, false)).map(Second::Reading));
    out.extend(angle(core).map(Second::Reading));
    out.extend(combinations(core).and_then(|text| attempt(&text, false)).map(Second::Reading));
    out.extend(product(core).map(Second::Reading));
    if let Some(pence) = core.strip_suffix('p').filter(|n| n.parse::<u32>().is_ok()) {
        out.extend(attempt(&format!("{pence} pence"), false).map(Second::Reading));
    }
    out.extend(sum_of_parts(core).and_then(|value| attempt(value, false)).map(Second::Reading));
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
    let after = |sign: &str| core.rfind(sign).map(|at| at + sign.len());
    if core.is_ascii() && !core.contains('\\') {
        return None;
    }
    let command = after_command(core, &["approx", "simeq", "sim"]);
    let signs = ["≈", "≃"].into_iter().filter(|_| !core.is_ascii());
    let at = signs.filter_map(after).chain(command).max()?;
    core.get(at..).map(str::trim).filter(|rest| !rest.is_empty())
}

/// The percentage that a chain of equations ends in.
fn percentage(core: &str) -> Option<&str> {
    let (_, last) = core.rsplit_once('=')?;
    last.trim_end().ends_with('%').then(|| last.trim())
}

/// `12,50 €` with a point: a number before one unit is no list.
fn measured(core: &str) -> Option<String> {
    let (whole, rest) = core.split_once(',')?;
    let places = rest.bytes().take_while(u8::is_ascii_digit).count();
    let unit = rest.get(places..)?.trim();
    let digits = whole.trim_start_matches(['€', '£', '$', ' ']);
    let priced = digits.len() < whole.len() || !unit.is_empty();
    let number =
        !digits.is_empty() && digits.len() < 12 && digits.bytes().all(|b| b.is_ascii_digit());
    let fits = number && (1..=2).contains(&places) && priced;
    (fits && !unit.contains(|c: char| c.is_ascii_digit() || ",()".contains(c)))
        .then(|| format!("{whole}.{rest}"))
}

/// The number of an ordinal in a word.
fn ordinal(core: &str) -> Option<&'static str> {
    let word = core.trim_start_matches("the ").trim_start_matches("The ");
    ORDINALS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
}

/// The angle in radians that degrees are: `30^\circ` is π/6.
fn angle(core: &str) -> Option<Shape> {
    if !(core.contains('°') || core.contains("circ") || core.contains("degree")) {
        return None;
    }
    let expr = parse_angle(&tokenise(core, false)?)?;
    let polynomial = Polynomial::of(&expr)?;
    Some(Shape::Formula(expr, polynomial))
}

/// `C(8,3)`, `8C3`, `_8C_3` and `{}_8C_3` as the binomial coefficient that they are written for.
fn combinations(core: &str) -> Option<String> {
    if core.len() > 24 || !core.contains('C') {
        return None;
    }
    let plain: String = core.chars().filter(|c| !"{}_^ $".contains(*c)).collect();
    let numbers = plain.strip_prefix("C(").and_then(|rest| rest.strip_suffix(')')?.split_once(','));
    let (n, k) = numbers.or_else(|| plain.split_once('C'))?;
    let (n, k): (u16, u16) = (n.parse().ok()?, k.parse().ok()?);
    Some(format!("\\binom{{{n}}}{{{k}}}"))
}

/// What the sum that a problem asks for comes to, `m + n = 17`; with x, y or z it is an equation.
fn sum_of_parts(core: &str) -> Option<&str> {
    let (parts, value) = core.rsplit_once('=')?;
    let parts = parts.split_once('=').map_or(parts, |(first, _)| first).trim();
    let name = |part: &str| {
        let mut chars = part.trim().chars();
        chars.next().is_some_and(|c| c.is_ascii_lowercase() && !"xyz".contains(c))
            && chars.next().is_none()
    };
    let value = value.trim();
    let whole = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit() || b == b',');
    (parts.contains('+') && parts.split('+').all(name) && whole).then_some(value)
}

/// Two letters that read as a word, `ab`, as the product that they are beside one.
fn product(core: &str) -> Option<Shape> {
    let letters = (2..=3).contains(&core.len()) && core.bytes().all(|b| b.is_ascii_lowercase());
    if !letters || unit::is_unit(core) {
        return None;
    }
    let expr = Expr::Product(core.chars().map(|c| Expr::Symbol(c.to_string())).collect());
    let polynomial = Polynomial::of(&expr)?;
    Some(Shape::Formula(expr, polynomial))
}

/// The letter of an option that a dash sets off: `B - 12 m`.
fn dashed(core: &str) -> Option<&str> {
    let mut chars = core.chars();
    letter::option(chars.next().filter(char::is_ascii_uppercase)?, letter::OPTIONS)?;
    [" - ", " – ", " — "]
        .iter()
        .any(|dash| chars.as_str().starts_with(dash))
        .then(|| core.get(..1))?
}

/// What an option says behind its letter.
fn labelled(core: &str) -> Option<&str> {
    letter::label(core, letter::OPTIONS).map(|label| label.rest).filter(|rest| {
        // Another letter is another option: `(A) D`.
        !rest.is_empty() && letter::label(rest, letter::OPTIONS).is_none()
    })
}
