//! Whether two answers are the same.
//!
//! Answers with one canonical string are. Otherwise their shapes are compared part by part: lists
//! by a matching of their elements, sequences in order, formulas numerically if no exact form
//! decides, and a long decimal equals what rounds to it. A reading that only the other answer can
//! decide is tried last: a decimal comma.
//!
//! The conventions are those of the MATH graders, as the test suite of `math-verify` 0.9
//! (Apache-2.0) records them, except that the relation is kept symmetric.

use std::cell::OnceCell;
use std::collections::HashMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use super::expression::Expr;
use super::extract::core;
use super::numeric::{agree, rounds_to};
use super::relation::vanishing;
use super::shape::{Shape, interpret, interpret_named, render, unnamed};

/// Whether two answers, or the answers in two texts, are the same.
///
/// Symmetric and reflexive; transitive wherever the answers are exact.
///
/// ```
/// use tts_core::answer::equivalent;
///
/// assert!(equivalent(r"\frac{1}{2}", "0.5"));
/// assert!(equivalent("7,425,000", "The answer is 7425000 dollars."));
/// assert!(equivalent(r"$\sqrt{8}$", r"\boxed{2\sqrt2}"));
/// assert!(equivalent("x = 5", "5"));
/// assert!(equivalent("{1, 2}", "2 and 1"));
/// assert!(!equivalent("(1, 2)", "(2, 1)"));
/// assert!(!equivalent("28", "0.28"));
/// ```
pub fn equivalent(gold: &str, pred: &str) -> bool {
    Reading::of(gold).equivalent(&Reading::of(pred))
}

/// Answers that are read once and compared with many: what a vote asks.
///
/// Reading an answer costs about ten microseconds, comparing two that were read a tenth of one;
/// a vote over N different answers makes N (N - 1) comparisons.
///
/// ```
/// use tts_core::answer::Readings;
///
/// let mut readings = Readings::default();
/// let answers = ["1/2", "0.5", "2"];
/// assert!(readings.equivalent(answers[0], answers[1]));
/// assert!(!readings.equivalent(answers[0], answers[2]));
/// ```
#[derive(Debug, Default)]
pub struct Readings {
    known: HashMap<String, Reading>,
}

impl Readings {
    /// As [`equivalent()`].
    pub fn equivalent(&mut self, gold: &str, pred: &str) -> bool {
        for text in [gold, pred] {
            if !self.known.contains_key(text) {
                self.known.insert(text.to_owned(), Reading::of(text));
            }
        }
        match (self.known.get(gold), self.known.get(pred)) {
            (Some(gold), Some(pred)) => gold.equivalent(pred),
            _ => false,
        }
    }
}

/// An answer that was read.
#[derive(Debug)]
struct Reading {
    text: String,
    shape: Shape,
    name: String,
    /// The equation that the text defines, `y = 2x`, as a relation.
    definition: OnceCell<Option<Shape>>,
    core: OnceCell<String>,
}

impl Reading {
    fn of(text: &str) -> Self {
        let shape = interpret(text);
        let (definition, core) = (OnceCell::new(), OnceCell::new());
        Self { text: text.to_owned(), name: render(&shape), shape, definition, core }
    }

    fn equivalent(&self, other: &Self) -> bool {
        self.name == other.name
            || same(&self.shape, &other.shape)
            || self.defines(&other.shape)
            || other.defines(&self.shape)
            || self.also_reads_as(&other.shape)
            || other.also_reads_as(&self.shape)
    }

    /// Whether the text is a definition, `y = 2x`, and `other` the same equation in another form.
    fn defines(&self, other: &Shape) -> bool {
        let equation = || {
            let Shape::Named(name, value) = interpret_named(&self.text) else {
                return None;
            };
            let Shape::Formula(value, _) = *value else {
                return None;
            };
            vanishing(&Expr::Symbol(name).minus(value))
        };
        matches!(other, Shape::Relation(..))
            && self.definition.get_or_init(equation).as_ref().is_some_and(|own| same(own, other))
    }

    /// Whether a second reading of this, which makes sense beside a plain number, equals `other`.
    fn also_reads_as(&self, other: &Shape) -> bool {
        let (Shape::List(_), Shape::Formula(_, value)) = (&self.shape, other) else {
            return false;
        };
        let Some(value) = value.rational() else {
            return false;
        };
        let core = self.core.get_or_init(|| core(&self.text));
        if let Some((whole, part)) = core.split_once(',')
            && [whole, part]
                .iter()
                .all(|d| !d.is_empty() && d.len() < 30 && d.bytes().all(|b| b.is_ascii_digit()))
            && let Ok(digits) = format!("{whole}{part}").parse::<BigInt>()
        {
            let places = u32::try_from(part.len()).unwrap_or(0);
            return BigRational::new(digits, BigInt::from(10).pow(places)) == value;
        }
        false
    }
}

fn same(a: &Shape, b: &Shape) -> bool {
    match (a, b) {
        (Shape::Formula(..), Shape::Formula(..)) => same_formula(a, b),
        (Shape::List(x), Shape::List(y)) => same_lists(x, y),
        (Shape::Sequence(open, x, close), Shape::Sequence(other_open, y, other_close)) => {
            open == other_open && close == other_close && in_order(x, y)
        }
        (Shape::Matrix(x), Shape::Matrix(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(row, other)| in_order(row, other))
        }
        (Shape::Named(name, x), Shape::Named(other, y)) => name == other && same(x, y),
        (Shape::Relation(kind, x), Shape::Relation(other, y)) => kind == other && x == y,
        (Shape::Text(x), Shape::Text(y)) => x == y,
        _ => false,
    }
}

/// Lists that name the same things are compared by name, others by value.
fn same_lists(x: &[Shape], y: &[Shape]) -> bool {
    if x.len() != y.len() {
        return false;
    }
    if let (Some(one), Some(two)) = (names(x), names(y))
        && one == two
    {
        return matched(x, y);
    }
    let values = |items: &[Shape]| items.iter().cloned().map(unnamed).collect::<Vec<_>>();
    matched(&values(x), &values(y))
}

fn in_order(x: &[Shape], y: &[Shape]) -> bool {
    x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same(a, b))
}

/// The names of a list in which everything is named.
fn names(items: &[Shape]) -> Option<Vec<&String>> {
    let mut names: Vec<&String> = items
        .iter()
        .map(|item| match item {
            Shape::Named(name, _) => Some(name),
            _ => None,
        })
        .collect::<Option<_>>()?;
    names.sort();
    Some(names)
}

/// Whether the elements pair up: sameness is not transitive where decimals are rounded, so the
/// first partner found may have to be given up for another (Kuhn's augmenting paths).
fn matched(x: &[Shape], y: &[Shape]) -> bool {
    fn place(
        i: usize,
        allowed: &[Vec<bool>],
        taken: &mut [Option<usize>],
        seen: &mut [bool],
    ) -> bool {
        for j in 0..taken.len() {
            let free = allowed.get(i).and_then(|row| row.get(j)) == Some(&true);
            if !free || seen.get(j) != Some(&false) {
                continue;
            }
            if let Some(mark) = seen.get_mut(j) {
                *mark = true;
            }
            let holder = taken.get(j).copied().flatten();
            if holder.is_none_or(|other| place(other, allowed, taken, seen)) {
                if let Some(slot) = taken.get_mut(j) {
                    *slot = Some(i);
                }
                return true;
            }
        }
        false
    }
    let allowed: Vec<Vec<bool>> =
        x.iter().map(|a| y.iter().map(|b| same(a, b)).collect()).collect();
    let mut taken = vec![None; y.len()];
    (0..x.len()).all(|i| place(i, &allowed, &mut taken, &mut vec![false; y.len()]))
}

fn same_formula(a: &Shape, b: &Shape) -> bool {
    let (Shape::Formula(left, p), Shape::Formula(right, q)) = (a, b) else {
        return false;
    };
    if p.has_terms_of(q) || rounded(left, right) || rounded(right, left) {
        return true;
    }
    if choice(left).is_some_and(|letter| choice(right) == Some(letter)) {
        return true;
    }
    // Without opaque parts, different canonical forms are proof of a difference.
    (p.opaque || q.opaque) && agree(left, right)
}

/// Whether `decimal` is a long decimal to which `exact` rounds.
fn rounded(decimal: &Expr, exact: &Expr) -> bool {
    let Expr::Number(value, Some(places)) = decimal else {
        return false;
    };
    value.to_f64().is_some_and(|value| rounds_to(exact, value, *places))
}

/// The letter of a multiple-choice answer, in one case.
fn choice(expr: &Expr) -> Option<char> {
    let Expr::Symbol(name) = expr else { return None };
    let letter = name.chars().next().filter(|_| name.len() == 1)?.to_ascii_lowercase();
    ('a'..='e').contains(&letter).then_some(letter)
}
