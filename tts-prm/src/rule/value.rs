//! Values an expression of tokens exactly.
//!
//! Recursive descent over `+ -`, then `* /` and implied products, then signs, then powers. Percent
//! signs divide by 100 or are dropped, as the caller asks: people write `10 / 50 * 100 = 20%` as
//! well as `10 / 50 = 20%`.

use super::lexer::{Kind, Token};
use super::rational::Rational;

/// Deepest nesting.
const MAX_DEPTH: usize = 50;

/// The value of an expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) exact: Rational,
    /// Value of the last shown digit, when the expression is one decimal literal.
    pub(super) ulp: Option<Rational>,
    /// Whether a decimal takes part.
    pub(super) decimal: bool,
    /// Number of operators between two values.
    pub(super) operators: usize,
}

/// Words that multiply the number before them.
pub(super) fn scale(word: &str) -> Option<i128> {
    Some(match word {
        "dozen" => 12,
        "hundred" => 100,
        "thousand" => 1_000,
        "million" => 1_000_000,
        "billion" => 1_000_000_000,
        "trillion" => 1_000_000_000_000,
        _ => return None,
    })
}

/// The value of tokens without units; `None` when they are no expression, when something does not
/// fit 128 bits, and for a division by zero.
pub(super) fn value(tokens: &[&Token], hundredths: bool) -> Option<Value> {
    let mut parser = Parser { tokens, at: 0, depth: 0, hundredths };
    let value = parser.sum()?;
    (parser.at == tokens.len()).then_some(value)
}

struct Parser<'a> {
    tokens: &'a [&'a Token],
    at: usize,
    depth: usize,
    hundredths: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn eat(&mut self, kind: &Kind) -> bool {
        let there = self.peek() == Some(kind);
        self.at += usize::from(there);
        there
    }

    fn sum(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut left = self.product()?;
        loop {
            left = if self.eat(&Kind::Op('+')) {
                combine(left, self.product()?, Rational::add)?
            } else if self.eat(&Kind::Op('-')) {
                combine(left, self.product()?, Rational::subtract)?
            } else {
                self.depth -= 1;
                return Some(left);
            };
        }
    }

    fn product(&mut self) -> Option<Value> {
        let mut left = self.sign()?;
        loop {
            left = if self.eat(&Kind::Op('*')) || matches!(self.peek(), Some(Kind::Open)) {
                combine(left, self.sign()?, Rational::multiply)?
            } else if self.eat(&Kind::Op('/')) {
                combine(left, self.sign()?, Rational::divide)?
            } else {
                return Some(left);
            };
        }
    }

    fn sign(&mut self) -> Option<Value> {
        let mut negative = false;
        while let Some(Kind::Op(sign @ ('-' | '+'))) = self.peek() {
            negative ^= *sign == '-';
            self.at += 1;
        }
        let value = self.power()?;
        Some(Value { exact: if negative { value.exact.negate()? } else { value.exact }, ..value })
    }

    fn power(&mut self) -> Option<Value> {
        let base = self.postfix()?;
        if !self.eat(&Kind::Op('^')) {
            return Some(base);
        }
        // Which power comes first in a tower is a matter of convention: a second sign is not eaten, and
        // what is left over makes the whole no expression.
        combine(base, self.postfix()?, Rational::power)
    }

    fn postfix(&mut self) -> Option<Value> {
        let mut value = self.primary()?;
        loop {
            let factor = match self.peek() {
                Some(Kind::Percent) if self.hundredths => Rational::new(1, 100)?,
                Some(Kind::Percent) => Rational::integer(1),
                Some(Kind::Word(word)) => Rational::integer(scale(word)?),
                _ => return Some(value),
            };
            self.at += 1;
            let ulp = value.ulp.map(|ulp| ulp.multiply(factor));
            let ulp = if let Some(ulp) = ulp { Some(ulp?) } else { None };
            value = Value { exact: value.exact.multiply(factor)?, ulp, ..value };
        }
    }

    fn group(&mut self) -> Option<Value> {
        self.eat(&Kind::Open).then_some(())?;
        let value = self.sum()?;
        self.eat(&Kind::Close).then_some(value)
    }

    fn primary(&mut self) -> Option<Value> {
        match self.peek()? {
            Kind::Number { value, ulp } => {
                let (exact, ulp) = (*value, *ulp);
                self.at += 1;
                Some(Value { exact, ulp, decimal: ulp.is_some(), operators: 0 })
            }
            Kind::Fraction => {
                self.at += 1;
                combine(self.group()?, self.group()?, Rational::divide)
            }
            Kind::Open => self.group(),
            _ => None,
        }
    }
}

fn combine(
    left: Value,
    right: Value,
    with: impl Fn(Rational, Rational) -> Option<Rational>,
) -> Option<Value> {
    Some(Value {
        exact: with(left.exact, right.exact)?,
        ulp: None,
        decimal: left.decimal || right.decimal,
        operators: left.operators + right.operators + 1,
    })
}
