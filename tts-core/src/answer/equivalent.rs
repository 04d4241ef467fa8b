//! Whether two answers are the same.
//!
//! Answers with one canonical string are. Otherwise their shapes are compared part by part: lists
//! by a matching of their elements, sequences in order, formulas numerically if no exact form
//! decides, and a long decimal equals what rounds to it. A reading that only the other answer can
//! decide is tried last: a decimal comma.
//!
//! The conventions are those of the MATH graders, as the test suite of `math-verify` 0.9
//! (Apache-2.0) records them, except that the relation is kept symmetric.

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
    let (a, b) = (interpret(gold), interpret(pred));
    if render(&a) == render(&b) || same(&a, &b) {
        return true;
    }
    if defines(gold, &b) || defines(pred, &a) {
        return true;
    }
    let (a, b) = (Written::new(gold, a), Written::new(pred, b));
    a.also_reads_as(&b.shape) || b.also_reads_as(&a.shape)
}

/// Whether `text` is a definition, `y = 2x`, and `other` the same equation in another form.
fn defines(text: &str, other: &Shape) -> bool {
    if !matches!(other, Shape::Relation(..)) {
        return false;
    }
    let Shape::Named(name, value) = interpret_named(text) else {
        return false;
    };
    let Shape::Formula(value, _) = *value else {
        return false;
    };
    vanishing(&Expr::Symbol(name).minus(value)).is_some_and(|equation| same(&equation, other))
}

/// An answer with the text it was read from.
struct Written {
    core: String,
    shape: Shape,
}

impl Written {
    fn new(text: &str, shape: Shape) -> Self {
        Self { core: core(text), shape }
    }

    /// Whether a second reading of this, which makes sense beside a plain number, equals `other`.
    fn also_reads_as(&self, other: &Shape) -> bool {
        let Shape::Formula(_, value) = other else {
            return false;
        };
        let Some(value) = value.rational() else {
            return false;
        };
        if let Some((whole, part)) = self.core.split_once(',')
            && [whole, part]
                .iter()
                .all(|d| !d.is_empty() && d.len() < 30 && d.bytes().all(|b| b.is_ascii_digit()))
            && matches!(self.shape, Shape::List(_))
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
    if p.name() == q.name() || rounded(left, right) || rounded(right, left) {
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
