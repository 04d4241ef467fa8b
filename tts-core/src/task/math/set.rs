//! Sets of real numbers: unions, intersections and differences of intervals and points.
//!
//! A set is a sorted list of disjoint pieces between real ends; a point is a piece with one end. Every
//! way to write a set comes to the same pieces: `(-2, 3) \setminus \{0\}` is `(-2, 0) \cup (0, 3)`. Ends
//! that are no constants cannot be sorted, and such a set is left as it was written.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::expression::Expr;
use super::numeric::real;
use super::polynomial::Polynomial;
use super::shape::Shape;

/// More pieces than this are left as they were written.
const MAX_PIECES: usize = 100;

/// An end of a piece, and where it lies.
#[derive(Debug, Clone)]
struct End {
    at: f64,
    shape: Shape,
}

#[derive(Debug, Clone)]
struct Piece {
    low: End,
    /// Whether the lower end belongs to it.
    from: bool,
    high: End,
    /// Whether the upper end belongs to it.
    to: bool,
}

/// A set of real numbers.
#[derive(Debug, Clone)]
pub(super) struct Set(Vec<Piece>);

fn end(shape: &Shape) -> Option<End> {
    let Shape::Formula(expr, polynomial) = shape else { return None };
    let at = match polynomial.name()?.as_str() {
        "oo" => f64::INFINITY,
        "-1*oo" => f64::NEG_INFINITY,
        _ => real(expr)?,
    };
    Some(End { at, shape: shape.clone() })
}

fn infinite(positive: bool) -> Option<End> {
    let sign = BigRational::from_integer(BigInt::from(if positive { 1 } else { -1 }));
    let expr = Expr::Product(vec![Expr::Number(sign, None), Expr::Symbol("oo".into())]);
    let polynomial = Polynomial::of(&expr)?;
    let at = if positive { f64::INFINITY } else { f64::NEG_INFINITY };
    Some(End { at, shape: Shape::Formula(expr, polynomial) })
}

impl Set {
    /// All real numbers.
    pub(super) fn all() -> Option<Self> {
        let piece = Piece { low: infinite(false)?, from: false, high: infinite(true)?, to: false };
        Some(Self(vec![piece]))
    }

    /// The real numbers above zero or below it, with zero or without.
    pub(super) fn half(above: bool, zero: bool) -> Option<Self> {
        let expr = Expr::Number(BigRational::from_integer(BigInt::from(0)), None);
        let polynomial = Polynomial::of(&expr)?;
        let middle = End { at: 0.0, shape: Shape::Formula(expr, polynomial) };
        Some(Self(vec![if above {
            Piece { low: middle, from: zero, high: infinite(true)?, to: false }
        } else {
            Piece { low: infinite(false)?, from: false, high: middle, to: zero }
        }]))
    }

    /// The set that a shape is; a list is the union of what is in it.
    pub(super) fn of(shape: &Shape) -> Option<Self> {
        match shape {
            Shape::Formula(..) => {
                let point = end(shape).filter(|end| end.at.is_finite())?;
                Some(Self(vec![Piece { low: point.clone(), from: true, high: point, to: true }]))
            }
            Shape::Sequence(open @ ('(' | '['), ends, close @ (')' | ']')) => {
                let [low, high] = ends.as_slice() else { return None };
                let (low, high) = (end(low)?, end(high)?);
                (low.at < high.at)
                    .then(|| Self(vec![Piece { low, from: *open == '[', high, to: *close == ']' }]))
            }
            Shape::List(items) => {
                let mut out = Self(Vec::new());
                for item in items {
                    out = out.union(Self::of(item)?)?;
                }
                Some(out)
            }
            _ => None,
        }
    }

    /// What is in either.
    pub(super) fn union(self, other: Self) -> Option<Self> {
        let mut pieces = self.0;
        pieces.extend(other.0);
        if pieces.len() > MAX_PIECES {
            return None;
        }
        pieces.sort_by(|a, b| a.low.at.total_cmp(&b.low.at).then(b.from.cmp(&a.from)));
        let mut out: Vec<Piece> = Vec::new();
        for piece in pieces {
            match out.last_mut() {
                Some(last)
                    if piece.low.at < last.high.at
                        || (same_place(piece.low.at, last.high.at) && (piece.from || last.to)) =>
                {
                    if piece.high.at > last.high.at {
                        (last.high, last.to) = (piece.high, piece.to);
                    } else if same_place(piece.high.at, last.high.at) {
                        last.to |= piece.to;
                    }
                }
                _ => out.push(piece),
            }
        }
        Some(Self(out))
    }

    /// What is not in it.
    fn complement(self) -> Option<Self> {
        let mut out = Vec::new();
        let (mut low, mut from) = (infinite(false)?, false);
        for piece in self.0 {
            if low.at < piece.low.at || (same_place(low.at, piece.low.at) && from && !piece.from) {
                out.push(Piece { low, from, high: piece.low, to: !piece.from });
            }
            (low, from) = (piece.high, !piece.to);
        }
        if low.at < f64::INFINITY {
            out.push(Piece { low, from, high: infinite(true)?, to: false });
        }
        Some(Self(out))
    }

    /// What is in both.
    pub(super) fn intersection(self, other: Self) -> Option<Self> {
        self.complement()?.union(other.complement()?)?.complement()
    }

    /// What is in this, and not in `other`.
    pub(super) fn without(self, other: Self) -> Option<Self> {
        self.intersection(other.complement()?)
    }

    /// The set as an answer: its one piece, or the list of them.
    pub(super) fn shape(self) -> Shape {
        let mut items: Vec<Shape> = self
            .0
            .into_iter()
            .map(|piece| {
                if same_place(piece.low.at, piece.high.at) {
                    return piece.low.shape;
                }
                let open = if piece.from { '[' } else { '(' };
                let close = if piece.to { ']' } else { ')' };
                Shape::Sequence(open, vec![piece.low.shape, piece.high.shape], close)
            })
            .collect();
        match items.len() {
            1 => items.remove(0),
            _ => Shape::List(items),
        }
    }
}

/// Whether two ends are the same place; infinities are.
fn same_place(a: f64, b: f64) -> bool {
    let near = (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
    a.total_cmp(&b).is_eq() || (near && a.is_finite() && b.is_finite())
}
