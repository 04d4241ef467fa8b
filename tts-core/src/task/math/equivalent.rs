//! Whether two answers are the same.
//!
//! Answers with one canonical string are. Otherwise their shapes are compared part by part: lists
//! by a matching of their elements, sequences in order, formulas numerically if no exact form
//! decides, and a long decimal equals what rounds to it. Values with known units are compared in a
//! common one, named things by their names. A reading that only the other answer can decide is tried
//! last, see `second`.
//!
//! The conventions are those of the MATH graders, as the test suite of `math-verify` 0.9
//! (Apache-2.0) records them, except that the relation is kept symmetric.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::mem::discriminant;

use super::expression::Expr;
use super::extract::located;
use super::numeric::{agree, rounds_to};
use super::polynomial::Polynomial;
use super::quantity::unit_of;
use super::relation::vanishing;
use super::second::{self, Second};
use super::shape::{Shape, label as labelled, read, render, unnamed};
use super::unit::{self, Measure};
use super::words::plain;
use crate::task::letter;

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
    core: String,
    /// With the name or the unit that it was given.
    shape: Shape,
    /// Its canonical string.
    name: OnceCell<String>,
    /// Readings that make sense only beside what they equal.
    second: OnceCell<Vec<Second>>,
}

impl Reading {
    fn of(text: &str) -> Self {
        let (core, shape) = located(text);
        let shape = match (&core, shape) {
            (Some(core), Some(shape)) => labelled(core).unwrap_or(shape),
            (Some(core), None) => read(core),
            (None, _) => Shape::Text(plain(text)),
        };
        Self {
            core: core.unwrap_or_default(),
            shape,
            name: OnceCell::new(),
            second: OnceCell::new(),
        }
    }

    fn equivalent(&self, other: &Self) -> bool {
        self.has_name_of(other)
            || same_named(&self.shape, &other.shape)
            || self.also_reads_as(&other.shape)
            || other.also_reads_as(&self.shape)
    }

    /// Whether the canonical strings are one. Without names they decide; with names they may say too
    /// little, and two formulas are compared faster as they are.
    fn has_name_of(&self, other: &Self) -> bool {
        let plain = |shape: &Shape| {
            !matches!(shape, Shape::Named(..) | Shape::List(_) | Shape::Formula(..))
        };
        plain(&self.shape)
            && plain(&other.shape)
            && discriminant(&self.shape) == discriminant(&other.shape)
            && self.name() == other.name()
    }

    fn name(&self) -> &str {
        self.name.get_or_init(|| render(&self.shape))
    }

    fn also_reads_as(&self, other: &Shape) -> bool {
        let second = self.second.get_or_init(|| second::readings(&self.core));
        second.iter().any(|second| match second {
            Second::Reading(shape) => same_named(shape, other),
            Second::Decimal(decimal) => {
                matches!(value(other), Shape::Formula(Expr::Number(literal, _), _) if literal == decimal)
            }
        })
    }
}

/// The value of an answer that may have a name.
fn value(shape: &Shape) -> &Shape {
    match shape {
        Shape::Named(_, value) => value,
        other => other,
    }
}

/// Whether two answers are the same, names and units considered.
fn same_named(a: &Shape, b: &Shape) -> bool {
    if let (Some(one), Some(two)) = (total(a), total(b)) {
        // Values in one unit may be rounded; others have to be converted first.
        return one.measure.is_alike(&two.measure)
            && (one.amount.has_terms_of(&two.amount)
                || (one.measure == two.measure && same(value(a), value(b))));
    }
    if let (Shape::Named(one, _), Shape::Named(two, _)) = (a, b)
        && unlike(one, two)
    {
        // `y = 2x` and `x = y/2` are one equation.
        return matches!((defined(a), defined(b)), (Some(p), Some(q)) if same(&p, &q));
    }
    let defines = |named: &Shape, relation: &Shape| {
        matches!(relation, Shape::Relation(..))
            && defined(named).is_some_and(|own| same(&own, relation))
    };
    same(value(a), value(b)) || defines(a, b) || defines(b, a)
}

/// A quantity in the units that its unit is made of.
struct Total {
    amount: Polynomial,
    measure: Measure,
}

/// What a value with a unit comes to, or several of ever smaller units: 2 hours and 15 minutes.
fn total(shape: &Shape) -> Option<Total> {
    let one = |shape: &Shape| {
        let Shape::Named(name, value) = shape else { return None };
        let Shape::Formula(_, amount) = &**value else { return None };
        let measure = unit::measure(unit_of(name)?)?;
        let amount = amount.times(&Polynomial::constant(measure.scale.clone()))?;
        Some(Total { amount, measure })
    };
    let Shape::List(items) = shape else { return one(shape) };
    let mut items = items.iter().map(one);
    let mut out = items.next()??;
    for item in items {
        let item = item?;
        if !item.measure.is_alike(&out.measure) || item.measure.scale >= out.measure.scale {
            return None;
        }
        out = Total { amount: out.amount.plus(&item.amount)?, measure: item.measure };
    }
    Some(out)
}

/// Whether two names mean different things: `x` and `n`, `f(x)` and `g(x)`.
fn unlike(one: &str, two: &str) -> bool {
    // `a_n`, `a'` and `a(n)` are an a.
    let head = |name: &str| name.split(['(', '_', '\'']).next().unwrap_or_default().to_owned();
    let symbol = |name: &str| !name.starts_with("unit ") && head(name).chars().count() == 1;
    // `y = 2x` and `f(x) = 2x` are one function.
    let function = |a: &str, b: &str| a == "y" && b.ends_with("(x)");
    symbol(one)
        && symbol(two)
        && head(one) != head(two)
        && !function(one, two)
        && !function(two, one)
}

/// The equation that a definition, `y = 2x`, is.
fn defined(shape: &Shape) -> Option<Shape> {
    let Shape::Named(name, value) = shape else { return None };
    let Shape::Formula(value, _) = &**value else { return None };
    vanishing(&Expr::Symbol(name.clone()).minus(value.clone()))
}

fn same(a: &Shape, b: &Shape) -> bool {
    match (a, b) {
        (Shape::Formula(..), Shape::Formula(..)) => same_formula(a, b),
        (Shape::List(x), Shape::List(y)) => same_lists(x, y),
        (Shape::Sequence(open, x, close), Shape::Sequence(other_open, y, other_close)) => {
            open == other_open && close == other_close && in_order(x, y)
        }
        (Shape::Sequence('(', x, ')'), list @ Shape::List(y))
        | (list @ Shape::List(y), Shape::Sequence('(', x, ')')) => {
            // `x = 1, y = 2` names the point (1, 2).
            ordered(y)
                && y.iter().all(|item| !is_quantity(item))
                && matches!(list, Shape::List(_))
                && in_order(x, &values(y))
        }
        // More than two values in square brackets are no interval.
        (Shape::Sequence('[', x, ']'), Shape::List(y))
        | (Shape::List(y), Shape::Sequence('[', x, ']')) => x.len() > 2 && same_lists(x, y),
        (Shape::Matrix(rows), Shape::Sequence(open, items, _))
        | (Shape::Sequence(open, items, _), Shape::Matrix(rows)) => same_rows(rows, *open, items),
        (Shape::Matrix(x), Shape::Matrix(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(row, other)| in_order(row, other))
        }
        (Shape::Named(name, x), Shape::Named(other, y)) => name == other && same(x, y),
        (Shape::Relation(kind, x), Shape::Relation(other, y)) => kind == other && x == y,
        (Shape::Text(x), Shape::Text(y)) => x == y,
        _ => false,
    }
}

/// Whether a matrix has the rows that brackets hold, `[[1, 2], [3, 4]]`, or is a vector beside a point.
fn same_rows(rows: &[Vec<Shape>], open: char, items: &[Shape]) -> bool {
    let nested = rows.len() == items.len()
        && rows.iter().zip(items).all(|(row, item)| {
            matches!(item, Shape::Sequence('[' | '(', cells, ']' | ')') if in_order(row, cells))
        });
    let vector = || {
        let cells: Vec<Shape> = rows.iter().flatten().cloned().collect();
        (rows.len() == 1 || cells.len() == rows.len()) && in_order(&cells, items)
    };
    (open == '[' && nested) || (matches!(open, '(' | '[') && vector())
}

fn is_quantity(item: &Shape) -> bool {
    matches!(item, Shape::Named(name, _) if unit_of(name).is_some())
}

fn values(items: &[Shape]) -> Vec<Shape> {
    items.iter().cloned().map(unnamed).collect()
}

/// Whether every item has a name of its own that is more than a number of a root: `x_1, x_2`.
fn ordered(items: &[Shape]) -> bool {
    names(items).is_some_and(|names| {
        let stem = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
        names.first().is_none_or(|first| names.iter().skip(1).any(|name| stem(name) != stem(first)))
    })
}

/// Lists that name the same things are compared by name. A list that names its things has an order,
/// which one without names has to follow. Others are sets.
fn same_lists(x: &[Shape], y: &[Shape]) -> bool {
    if x.len() != y.len() {
        return false;
    }
    match (names(x), names(y)) {
        (Some(one), Some(two)) if one == two => matched(x, y),
        (Some(_), Some(_)) if ordered(x) && ordered(y) => false,
        (None, None) => matched(x, y),
        _ if ordered(x) || ordered(y) => in_order(&values(x), &values(y)),
        _ => matched(&values(x), &values(y)),
    }
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
    rounds_to(exact, value, *places)
}

/// The letter of a multiple-choice answer, in one case; `e` and `i` are numbers.
fn choice(expr: &Expr) -> Option<char> {
    let Expr::Symbol(name) = expr else { return None };
    let letter = name.chars().next().filter(|c| name.len() == 1 && !matches!(c, 'e' | 'i'))?;
    letter::option(letter, letter::OPTIONS)
}
