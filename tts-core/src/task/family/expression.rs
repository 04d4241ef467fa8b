//! Arithmetic of whole numbers as text: `47+38*3-26`.
//!
//! Products and quotients bind first, then everything runs from left to right.
//! [`Expression::reduce`] does one operation, the next that a person would do; doing all of them is
//! the evaluation. Numbers are at most 18 digits long; the first may have a minus. What would
//! overflow or leave a rest has no value.

use std::fmt;
use std::str::FromStr;

use super::{FamilyError, Operation};

/// A number, then operations with further numbers.
///
/// ```
/// use tts_core::family::Expression;
/// let expression: Expression = "47 + 38 * 3 - 26".parse()?;
/// assert_eq!(expression.to_string(), "47+38*3-26");
/// assert_eq!(expression.reduce().unwrap().to_string(), "47+114-26");
/// assert_eq!(expression.value(), Some(135));
/// # Ok::<(), tts_core::family::FamilyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expression {
    /// The first number.
    pub first: i64,
    /// What follows it.
    pub rest: Vec<(Operation, i64)>,
}

impl Expression {
    /// Where the operation that is done next stands in `rest`: the first that binds, or else the
    /// first.
    fn place(&self) -> Option<usize> {
        let binding = self.rest.iter().position(|(operation, _)| operation.binds_first());
        binding.or((!self.rest.is_empty()).then_some(0))
    }

    /// The numbers and the operation that is done next; `None` for a plain number.
    pub fn next_operands(&self) -> Option<(i64, Operation, i64)> {
        let at = self.place()?;
        let left = if at == 0 { self.first } else { self.rest[at - 1].1 };
        let (operation, right) = self.rest[at];
        Some((left, operation, right))
    }

    /// The expression with `result` in place of the operation that is done next, be it right or
    /// wrong; `None` for a plain number.
    #[must_use]
    pub fn replace_next(&self, result: i64) -> Option<Self> {
        let at = self.place()?;
        let mut reduced = self.clone();
        reduced.rest.remove(at);
        match at.checked_sub(1) {
            None => reduced.first = result,
            Some(before) => reduced.rest[before].1 = result,
        }
        Some(reduced)
    }

    /// The expression with one operation done; `None` for a plain number, or when that operation
    /// has no value.
    #[must_use]
    pub fn reduce(&self) -> Option<Self> {
        let (left, operation, right) = self.next_operands()?;
        self.replace_next(operation.apply(left, right)?)
    }

    /// What it comes to; `None` when an operation on the way has no value.
    pub fn value(&self) -> Option<i64> {
        // The same operations as by `reduce`, in one pass: a model may write lines of any length.
        let mut sum = 0_i64;
        let mut sign = Operation::Add;
        let mut term = self.first;
        let mut terms = 0;
        for &(operation, number) in &self.rest {
            if operation.binds_first() {
                term = operation.apply(term, number)?;
            } else {
                sum = if terms == 0 { term } else { sign.apply(sum, term)? };
                terms += 1;
                (sign, term) = (operation, number);
            }
        }
        if terms == 0 { Some(term) } else { sign.apply(sum, term) }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.rest.iter().try_for_each(|(operation, n)| write!(f, "{}{n}", operation.sign()))
    }
}

/// A whole number of at most 18 digits, without a sign.
pub(super) fn number(digits: &str) -> Result<i64, String> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{digits:?} is no whole number"));
    }
    match digits.parse() {
        Ok(number) if digits.len() <= 18 => Ok(number),
        _ => Err(format!("{digits} has more than 18 digits")),
    }
}

/// The number between two operations.
fn operand(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("an operation without a number".to_owned());
    }
    if let Some(other) = text.chars().find(|c| !c.is_ascii_digit() && !c.is_whitespace()) {
        return Err(format!("{other:?}, expected a digit, +, -, * or /"));
    }
    if text.contains(char::is_whitespace) {
        return Err(format!("{text:?} lacks an operation"));
    }
    number(text)
}

/// As the trait implementation, with the problem alone as the error.
fn read(text: &str) -> Result<Expression, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("nothing there, expected numbers and operations".to_owned());
    }
    let (minus, text) = match text.strip_prefix(['-', '−']) {
        Some(positive) => (true, positive),
        None => (false, text),
    };
    let sign = |c| Operation::of_sign(c).is_some();
    let mut operands = text.split(sign).map(operand);
    let first = operands.next().unwrap_or(Ok(0))?;
    let first = if minus { -first } else { first };
    let operations = text.chars().filter_map(Operation::of_sign);
    let rest = operations.zip(operands).map(|(operation, number)| Ok((operation, number?)));
    Ok(Expression { first, rest: rest.collect::<Result<_, String>>()? })
}

impl FromStr for Expression {
    type Err = FamilyError;

    /// Reads an expression; spaces around numbers are skipped, and all the signs of
    /// [`Operation::of_sign`] are known.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).map_err(|problem| FamilyError::new(text, problem))
    }
}
