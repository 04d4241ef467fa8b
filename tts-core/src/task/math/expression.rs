//! A formula's tree, and the parser that builds it from tokens.
//!
//! Recursive descent with the usual precedences, implicit multiplication (`2k`, `3\sqrt{13}`),
//! mixed numbers (`1\frac{4}{5}`, `1 4/5`), and functions applied to the factors that follow them
//! (`2 \sin b \cos a`). Depth is capped; anything else that follows the formula refuses it.

use std::fmt::Write as _;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Signed;

use super::numeral;
use super::token::{MAX_DEPTH, Token};
use super::unit::is_unit;

/// A formula.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A value, and its decimal places if it may be a rounded one.
    Number(BigRational, Option<u32>),
    Symbol(String),
    Sum(Vec<Expr>),
    Product(Vec<Expr>),
    Power(Box<Expr>, Box<Expr>),
    Call(String, Vec<Expr>),
    Matrix(Vec<Vec<Expr>>),
}

impl Expr {
    fn integer(n: i64) -> Self {
        Self::Number(BigRational::from_integer(BigInt::from(n)), None)
    }

    fn negated(self) -> Self {
        match self {
            Self::Number(value, places) => Self::Number(-value, places),
            other => Self::Product(vec![Self::integer(-1), other]),
        }
    }

    fn inverted(self) -> Self {
        Self::Power(Box::new(self), Box::new(Self::integer(-1)))
    }

    fn over(self, bottom: Self) -> Self {
        Self::Product(vec![self, bottom.inverted()])
    }

    /// The difference of two formulas.
    pub(super) fn minus(self, other: Self) -> Self {
        Self::Sum(vec![self, other.negated()])
    }

    /// `self` as a fraction of two non-negative integers, as in the second part of a mixed number.
    fn is_plain_fraction(&self) -> bool {
        let integer =
            |e: &Self| matches!(e, Self::Number(v, None) if v.is_integer() && !v.is_negative());
        match self {
            Self::Product(parts) => match parts.as_slice() {
                [top, Self::Power(bottom, minus)] => {
                    integer(top) && integer(bottom) && **minus == Self::integer(-1)
                }
                _ => false,
            },
            _ => false,
        }
    }
}

/// The formula that all of `tokens` spell, or `None`.
pub(super) fn parse(tokens: &[Token]) -> Option<Expr> {
    parse_at(tokens, 0)
}

/// As [`parse`], with degrees for the part of π that they are.
pub(super) fn parse_angle(tokens: &[Token]) -> Option<Expr> {
    let mut parser = Parser { tokens, at: 0, depth: 0, bars: 0, angle: true };
    let expr = parser.choice()?;
    (parser.at == tokens.len()).then_some(expr)
}

fn parse_at(tokens: &[Token], depth: usize) -> Option<Expr> {
    let mut parser = Parser { tokens, at: 0, depth, bars: 0, angle: false };
    let expr = parser.choice()?;
    (parser.at == tokens.len()).then_some(expr)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    /// How many `|` are open.
    bars: usize,
    /// Whether this is the argument of a function, where degrees count.
    angle: bool,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn eat(&mut self, op: char) -> bool {
        let found = self.peek() == Some(&Token::Op(op));
        self.at += usize::from(found);
        found
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.depth += 1;
        let out = if self.depth > MAX_DEPTH { None } else { inner(self) };
        self.depth -= 1;
        out
    }

    /// A sum, or `n \choose k`.
    fn choice(&mut self) -> Option<Expr> {
        let top = self.sum()?;
        match self.peek() {
            Some(Token::Choose) => {
                self.at += 1;
                Some(Expr::Call("binomial".into(), vec![top, self.sum()?]))
            }
            Some(Token::Over) => {
                self.at += 1;
                Some(top.over(self.sum()?))
            }
            _ => Some(top),
        }
    }

    fn sum(&mut self) -> Option<Expr> {
        let first = self.product()?;
        let mut terms = vec![first];
        loop {
            if self.eat('+') {
                terms.push(self.product()?);
            } else if self.eat('-') {
                terms.push(self.product()?.negated());
            } else {
                break;
            }
        }
        if terms.len() == 1 { terms.pop() } else { Some(Expr::Sum(terms)) }
    }

    fn product(&mut self) -> Option<Expr> {
        let first = self.signed()?;
        let mut factors = vec![first];
        loop {
            if self.eat('*') {
                factors.push(self.signed()?);
            } else if self.eat('/') {
                factors.push(self.signed()?.inverted());
            } else if self.starts_factor() {
                // Two literals side by side are a list that lost its comma, or worse.
                if matches!(self.peek(), Some(Token::Number(..)))
                    && matches!(self.tokens.get(self.at.checked_sub(1)?), Some(Token::Number(..)))
                {
                    return None;
                }
                factors.push(self.power()?);
            } else {
                break;
            }
        }
        if factors.len() == 1 { factors.pop() } else { Some(Expr::Product(factors)) }
    }

    fn signed(&mut self) -> Option<Expr> {
        let mut negative = false;
        loop {
            if self.eat('-') {
                negative = !negative;
            } else if !self.eat('+') {
                break;
            }
        }
        let factor = self.power()?;
        Some(if negative { factor.negated() } else { factor })
    }

    fn starts_factor(&self) -> bool {
        match self.peek() {
            Some(Token::Op(op)) => *op == '|' && self.bars == 0,
            Some(Token::Open(c)) => *c != 'S',
            Some(Token::Word(word)) => is_product(word),
            Some(
                Token::Number(..)
                | Token::Symbol(_)
                | Token::Function(_)
                | Token::Fraction(..)
                | Token::Root(..)
                | Token::Binomial(..)
                | Token::Matrix(_)
                | Token::Infinity,
            ) => true,
            _ => false,
        }
    }

    fn power(&mut self) -> Option<Expr> {
        let mut base = self.primary()?;
        if self.eat('!') {
            base = Expr::Call("factorial".into(), vec![base]);
        }
        if self.peek() == Some(&Token::Degree) {
            self.at += 1;
            if self.angle {
                let degree = Expr::Symbol("pi".into()).over(Expr::integer(180));
                base = Expr::Product(vec![base, degree]);
            }
        }
        if self.eat('^') {
            let exponent = self.deeper(Self::signed)?;
            return Some(Expr::Power(Box::new(base), Box::new(exponent)));
        }
        Some(base)
    }

    fn group(&mut self, open: char) -> Option<Expr> {
        let inner = self.deeper(Self::sum_outside_bars)?;
        let close = match open {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            other => other,
        };
        (self.peek() == Some(&Token::Close(close))).then(|| self.at += 1)?;
        Some(match open {
            'F' => Expr::Call("floor".into(), vec![inner]),
            'C' => Expr::Call("ceil".into(), vec![inner]),
            _ => inner,
        })
    }

    fn sum_outside_bars(&mut self) -> Option<Expr> {
        let bars = std::mem::take(&mut self.bars);
        let out = self.choice();
        self.bars = bars;
        out
    }

    fn primary(&mut self) -> Option<Expr> {
        let token = self.peek()?;
        self.at += 1;
        let depth = self.depth + 1;
        match token {
            Token::Number(value, places) => self.number(value, *places),
            Token::Symbol(name) => self.symbol(name),
            Token::Word(word) if is_product(word) => {
                Some(Expr::Product(word.chars().map(|c| Expr::Symbol(c.to_string())).collect()))
            }
            Token::Infinity => Some(Expr::Symbol("oo".into())),
            Token::Open(open) if *open != 'S' => {
                // `(1011)_2`
                if let [Token::Number(value, _), Token::Close(_), Token::Op('_'), ..] =
                    self.tokens.get(self.at..).unwrap_or_default()
                {
                    self.at += 2;
                    return self.number(value, None);
                }
                self.group(*open)
            }
            Token::Op('|') => {
                self.bars += 1;
                let inner = self.deeper(Self::sum);
                self.bars -= 1;
                let inner = inner?;
                self.eat('|').then(|| Expr::Call("abs".into(), vec![inner]))
            }
            Token::Fraction(top, bottom) => {
                Some(parse_at(top, depth)?.over(parse_at(bottom, depth)?))
            }
            Token::Root(index, inner) => {
                let inner = parse_at(inner, depth)?;
                let exponent = if index.is_empty() {
                    Expr::integer(1).over(Expr::integer(2))
                } else {
                    Expr::integer(1).over(parse_at(index, depth)?)
                };
                Some(Expr::Power(Box::new(inner), Box::new(exponent)))
            }
            Token::Binomial(n, k) => {
                Some(Expr::Call("binomial".into(), vec![parse_at(n, depth)?, parse_at(k, depth)?]))
            }
            Token::Function(name) => self.call(name),
            Token::Matrix(rows) => {
                let rows: Option<Vec<Vec<Expr>>> = rows
                    .iter()
                    .map(|row| row.iter().map(|cell| parse_at(cell, depth)).collect())
                    .collect();
                Some(Expr::Matrix(rows?))
            }
            _ => None,
        }
    }

    /// A literal, with the fraction of a mixed number or the base of a numeral after it.
    fn number(&mut self, value: &BigRational, places: Option<u32>) -> Option<Expr> {
        let whole = Expr::Number(value.clone(), places);
        if self.peek() == Some(&Token::Op('_')) {
            let base = self.subscript()?;
            let base = numeral::cardinal(&base).map_or(base, |n| n.to_string());
            return Some(Expr::Symbol(format!("{value}_{base}")));
        }
        if !value.is_integer() || value.is_negative() {
            return Some(whole);
        }
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        if let [Token::Number(top, None), Token::Op('/'), Token::Number(bottom, None), ..] = rest
            && top.is_integer()
            && bottom.is_integer()
            && bottom.is_positive()
        {
            self.at += 3;
            return Some(Expr::Number(value + top / bottom, None));
        }
        if let Some(Token::Fraction(top, bottom)) = rest.first()
            && let Some(part) = parse_at(top, self.depth + 1)
                .and_then(|top| Some(top.over(parse_at(bottom, self.depth + 1)?)))
            && part.is_plain_fraction()
        {
            self.at += 1;
            return Some(Expr::Sum(vec![whole, part]));
        }
        Some(whole)
    }

    fn subscript(&mut self) -> Option<String> {
        self.at += 1;
        let from = self.at;
        if self.peek() == Some(&Token::Open('{')) {
            let end = matching(self.tokens, from)?;
            self.at = end + 1;
            return Some(spell(self.tokens.get(from + 1..end)?));
        }
        self.at += 1;
        Some(spell(self.tokens.get(from..self.at)?))
    }

    fn symbol(&mut self, name: &str) -> Option<Expr> {
        let mut name = name.to_owned();
        if self.peek() == Some(&Token::Op('_')) {
            name = format!("{name}_{}", self.subscript()?);
        }
        if matches!(name.as_str(), "gcd" | "lcm" | "max" | "min")
            && let Some(arguments) = self.arguments()
        {
            return Some(Expr::Call(name, arguments));
        }
        while self.eat('\'') {
            name.push('\'');
        }
        // A sum keeps its bounds in its name, and multiplies what it sums: it is linear in it.
        if ["sum", "prod", "int", "lim"].iter().any(|s| name.starts_with(s))
            && self.peek() == Some(&Token::Op('^'))
        {
            name = format!("{name}^{}", self.subscript()?);
        }
        Some(Expr::Symbol(name))
    }

    fn call(&mut self, name: &str) -> Option<Expr> {
        let mut name = name.to_owned();
        let mut exponent = None;
        if name == "log" && self.peek() == Some(&Token::Op('_')) {
            name = format!("log_{}", self.subscript()?);
            if name == "log_e" {
                "ln".clone_into(&mut name);
            }
        }
        if self.eat('^') {
            exponent = Some(self.deeper(Self::signed_atom)?);
        }
        let outer = std::mem::replace(&mut self.angle, name != "sqrt");
        let argument = self.argument_of();
        self.angle = outer;
        let argument = argument?;
        let call = if name == "sqrt" {
            let half = Expr::integer(1).over(Expr::integer(2));
            Expr::Power(Box::new(argument), Box::new(half))
        } else {
            Expr::Call(name, vec![argument])
        };
        Some(match exponent {
            // `\sin^{-1}` is the inverse function.
            Some(e) if e == Expr::integer(-1) => match call {
                Expr::Call(name, arguments) => Expr::Call(format!("arc{name}"), arguments),
                other => Expr::Power(Box::new(other), Box::new(e)),
            },
            Some(e) => Expr::Power(Box::new(call), Box::new(e)),
            None => call,
        })
    }

    /// Values in brackets, with commas between.
    fn arguments(&mut self) -> Option<Vec<Expr>> {
        let Some(Token::Open('(' | 'S')) = self.peek() else { return None };
        let end = matching(self.tokens, self.at)?;
        let inside = self.tokens.get(self.at + 1..end)?;
        let values =
            inside.split(|t| *t == Token::Op(',')).map(|part| parse_at(part, self.depth + 1));
        let values: Vec<Expr> = values.collect::<Option<_>>()?;
        self.at = end + 1;
        Some(values)
    }

    /// What a function is applied to.
    fn argument_of(&mut self) -> Option<Expr> {
        match self.peek()? {
            Token::Open(open) if *open != 'S' => {
                self.at += 1;
                self.group(*open)
            }
            Token::Function(_) => self.deeper(Self::power),
            _ => self.deeper(Self::juxtaposed),
        }
    }

    fn signed_atom(&mut self) -> Option<Expr> {
        if self.eat('-') {
            return Some(self.primary()?.negated());
        }
        self.primary()
    }

    /// Factors written side by side, up to the next function.
    fn juxtaposed(&mut self) -> Option<Expr> {
        let mut factors = vec![self.power()?];
        while self.starts_factor()
            && !matches!(self.peek(), Some(Token::Function(_) | Token::Open(_)))
        {
            factors.push(self.power()?);
        }
        if factors.len() == 1 { factors.pop() } else { Some(Expr::Product(factors)) }
    }
}

/// Whether a plain word is short and so unlike prose that it may be variables multiplied: letters
/// in alphabetical order (`abc`, `xyz`) or without a vowel, in one case, and no unit.
fn is_product(word: &str) -> bool {
    let one_case = word.chars().all(|c| c.is_ascii_lowercase())
        || word.chars().all(|c| c.is_ascii_uppercase());
    let ordered = word.bytes().zip(word.bytes().skip(1)).all(|(a, b)| a < b && b - a <= 2);
    let vowels = word.contains(|c: char| "aeiouyAEIOUY".contains(c));
    word.len() <= 4 && one_case && (ordered || !vowels) && !is_unit(word)
}

/// Index of the token that closes the one at `open`.
pub(super) fn matching(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close(_) => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// One spelling for tokens that are a name rather than a formula.
pub(super) fn spell(tokens: &[Token]) -> String {
    let mut out = String::new();
    for token in tokens {
        match token {
            Token::Number(value, _) => out.push_str(&value.to_string()),
            Token::Symbol(name) | Token::Word(name) => out.push_str(name),
            Token::Function(name) => out.push_str(name),
            Token::Op(c) | Token::Open(c) | Token::Close(c) => out.push(*c),
            Token::Relation(super::token::Relation::Equal) => out.push('='),
            other => {
                // Writing to a string cannot fail.
                let _ = write!(out, "{other:?}");
            }
        }
    }
    out
}
