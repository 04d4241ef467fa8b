//! Sums, differences and products of whole numbers as text: `47+38*3-26`.
//!
//! Products bind first, then everything runs from left to right. [`Expression::reduce`] does one
//! operation, the next that a person would do; doing all of them is the evaluation. Numbers are
//! whole and at most 18 digits long, and arithmetic is checked: what would overflow has no value.

use std::fmt;
use std::str::FromStr;

/// One of the three operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
}

impl Operation {
    /// Its sign in text.
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
        }
    }

    /// Its result; `None` beyond 64 bits.
    pub fn apply(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Self::Add => a.checked_add(b),
            Self::Subtract => a.checked_sub(b),
            Self::Multiply => a.checked_mul(b),
        }
    }
}

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
    /// Where the operation that is done next stands in `rest`: the first product, or else the
    /// first operation; `None` for a plain number.
    pub fn next(&self) -> Option<usize> {
        let product = self.rest.iter().position(|(operation, _)| *operation == Operation::Multiply);
        product.or(if self.rest.is_empty() { None } else { Some(0) })
    }

    /// The numbers and the operation that is done next.
    pub fn next_operands(&self) -> Option<(i64, Operation, i64)> {
        let at = self.next()?;
        let left = if at == 0 { self.first } else { self.rest[at - 1].1 };
        let (operation, right) = self.rest[at];
        Some((left, operation, right))
    }

    /// The expression with one operation done; `None` for a plain number, or beyond 64 bits.
    #[must_use]
    pub fn reduce(&self) -> Option<Self> {
        let at = self.next()?;
        let (left, operation, right) = self.next_operands()?;
        let result = operation.apply(left, right)?;
        let mut reduced = self.clone();
        reduced.rest.remove(at);
        match at.checked_sub(1) {
            None => reduced.first = result,
            Some(before) => reduced.rest[before].1 = result,
        }
        Some(reduced)
    }

    /// What it comes to; `None` beyond 64 bits.
    pub fn value(&self) -> Option<i64> {
        let mut expression = self.clone();
        while !expression.rest.is_empty() {
            expression = expression.reduce()?;
        }
        Some(expression.first)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.rest.iter().try_for_each(|(operation, n)| write!(f, "{}{n}", operation.sign()))
    }
}

impl FromStr for Expression {
    type Err = super::FamilyError;

    /// Reads an expression; spaces are skipped, and `x`, `×` and `·` are products too.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |problem: String| super::FamilyError::new(text, problem);
        let mut signs = Vec::new();
        let mut numbers = vec![String::new()];
        for sign in text.chars().filter(|c| !c.is_whitespace()) {
            let operation = match sign {
                '0'..='9' => {
                    if let Some(number) = numbers.last_mut() {
                        number.push(sign);
                    }
                    continue;
                }
                '+' => Operation::Add,
                '-' | '−' => Operation::Subtract,
                '*' | 'x' | '×' | '·' => Operation::Multiply,
                other => {
                    let problem = format!("{other:?}, expected a digit, +, - or *");
                    return Err(wrong(problem));
                }
            };
            signs.push(operation);
            numbers.push(String::new());
        }
        let mut values = numbers.iter().map(|digits| match digits.parse::<i64>() {
            Ok(number) if digits.len() <= 18 => Ok(number),
            _ if digits.is_empty() => Err(wrong("an operation without a number".to_owned())),
            _ => Err(wrong(format!("{digits} has more than 18 digits"))),
        });
        let first = values.next().unwrap_or(Ok(0))?;
        let rest = signs.into_iter().zip(values).map(|(sign, value)| Ok((sign, value?)));
        Ok(Self { first, rest: rest.collect::<Result<_, _>>()? })
    }
}
