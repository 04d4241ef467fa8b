//! Relations: definitions, equations, inequalities.
//!
//! `x = 5` and `f(x) = 5` name a value, a chain of equations ends in its value, and any other
//! equation is the polynomial that it says is zero, up to a factor. An inequality that is linear in
//! one variable is the interval of its solutions; `a < x < b` is an interval whatever `x` is.

use num_rational::BigRational;
use num_traits::{One, Signed};

use super::expression::{Expr, spell};
use super::polynomial::Polynomial;
use super::set::Set;
use super::shape::{Shape, answer, enclosed, formula, formula_of, item, list, split, unnamed};
use super::token::{Relation, Token};

/// The name that `tokens` are, if they are something that can be said to have a value.
pub(super) fn name_of(tokens: &[Token]) -> Option<String> {
    if let Some(('{', inner, '}')) = enclosed(tokens) {
        return name_of(inner);
    }
    let derivative = |side: &[Token]| matches!(side.first(), Some(Token::Symbol(d)) if d == "d");
    let named = match tokens {
        [Token::Fraction(top, bottom)] => derivative(top) && derivative(bottom),
        // The length of a segment.
        [Token::Op('|'), inner @ .., Token::Op('|')] => {
            inner.len() == 2
                && inner.iter().all(|t| {
                    matches!(t, Token::Symbol(s) if s.starts_with(|c: char| c.is_ascii_uppercase()))
                })
        }
        [Token::Symbol(_), Token::Op('_'), rest @ ..] => {
            rest.len() == 1 || enclosed(rest).is_some() || {
                // `V_{1}:V_{2}` and the like are left to the caller; `F_n(x)` is a name.
                rest.len() > 1 && rest.get(1..).is_some_and(|r| enclosed(r).is_some())
            }
        }
        [Token::Symbol(_)] | [Token::Symbol(_), Token::Op('\''), ..] => true,
        [
            Token::Symbol(_),
            Token::Op('^'),
            Token::Open('{'),
            Token::Op('-'),
            Token::Number(..),
            Token::Close('}'),
            rest @ ..,
        ]
        | [Token::Symbol(_), rest @ ..]
            if enclosed(rest).is_some_and(|(open, ..)| open == '(') =>
        {
            true
        }
        [Token::Open('('), inner @ .., Token::Close(')')] => {
            !inner.is_empty()
                && inner.iter().all(|t| matches!(t, Token::Symbol(_) | Token::Op(',')))
        }
        _ => {
            let capital = |t: &Token| matches!(t, Token::Symbol(s) if s.starts_with(|c: char| c.is_ascii_uppercase()));
            let word = |t: &Token| matches!(t, Token::Word(_));
            !tokens.is_empty() && (tokens.iter().all(capital) || tokens.iter().all(word))
        }
    };
    named.then(|| spell(tokens))
}

/// As [`name_of`], and ratios of names too.
fn left_name(tokens: &[Token]) -> Option<String> {
    name_of(tokens).or_else(|| {
        let parts = split(tokens, |t| *t == Token::Op(':'));
        (parts.len() > 1 && parts.iter().all(|p| name_of(p).is_some())).then(|| spell(tokens))
    })
}

fn constant(tokens: &[Token]) -> bool {
    !tokens.is_empty() && !format!("{tokens:?}").contains("Symbol")
}

pub(super) fn related(tokens: &[Token], sides: &[&[Token]], depth: usize) -> Option<Shape> {
    let mut level = 0_usize;
    let mut kinds: Vec<Relation> = Vec::new();
    for token in tokens {
        match token {
            Token::Open(_) => level += 1,
            Token::Close(_) => level = level.saturating_sub(1),
            Token::Relation(kind) if level == 0 => kinds.push(*kind),
            _ => {}
        }
    }
    let mut sides = sides;
    // `1/3 ≈ 0.33` is 1/3, but `x ≈ 0.33` is 0.33.
    if let Some(at) = kinds.iter().position(|k| *k == Relation::Approximately) {
        let first = sides.first()?;
        let constant =
            matches!(first, [Token::Symbol(name)] if matches!(name.as_str(), "pi" | "e"));
        if at == 0 && left_name(first).is_some() && !constant {
            *kinds.get_mut(0)? = Relation::Equal;
        } else {
            sides = sides.get(..=at)?;
            kinds.truncate(at);
        }
    }
    if sides.first()?.is_empty() && kinds.first() == Some(&Relation::Equal) {
        sides = sides.get(1..)?;
        kinds.remove(0);
    }
    let (first, last) = (*sides.first()?, *sides.last()?);
    if kinds.is_empty() {
        return item(first, depth + 1);
    }
    if kinds.iter().all(|k| *k == Relation::Equal) {
        let last = valued(sides).unwrap_or(last);
        return equation(first, last, kinds.len(), depth);
    }
    match (kinds.as_slice(), sides) {
        ([Relation::In], _) => left_name(first).and_then(|_| answer(last, depth + 1)),
        ([kind], _) => {
            if let Some(shape) = distance(*kind, first, last) {
                return Some(shape);
            }
            let difference = formula_of(first)?.minus(formula_of(last)?);
            inequality(*kind, &Polynomial::of(&difference)?)
        }
        ([a, b], [low, middle, high]) => {
            let lower = |k: Relation| matches!(k, Relation::Less | Relation::LessEqual);
            let upper = |k: Relation| matches!(k, Relation::Greater | Relation::GreaterEqual);
            let (low, high, a, b) = if lower(*a) && lower(*b) {
                (*low, *high, *a, *b)
            } else if upper(*a) && upper(*b) {
                (*high, *low, *b, *a)
            } else {
                return None;
            };
            between(low, middle, high, closed(a), closed(b), depth)
        }
        _ => None,
    }
}

/// The last side of a chain that is no percentage: `1/2 = 0.5 = 50%` is 0.5.
fn valued<'a>(sides: &[&'a [Token]]) -> Option<&'a [Token]> {
    let percentage = |side: &[Token]| side.last() == Some(&Token::Percent);
    let last = sides.get(1..)?.iter().rev().find(|side| !percentage(side)).copied();
    last.or_else(|| sides.first().filter(|side| constant(side) && !percentage(side)).copied())
}

/// The numbers that lie so far from another as `|x - 2| < 3` says.
fn distance(kind: Relation, first: &[Token], last: &[Token]) -> Option<Shape> {
    let (kind, inner, bound) = match (first, last) {
        ([Token::Op('|'), inner @ .., Token::Op('|')], bound) => (kind, inner, bound),
        (bound, [Token::Op('|'), inner @ .., Token::Op('|')]) => (turned(kind)?, inner, bound),
        _ => return None,
    };
    let inner = Polynomial::of(&formula_of(inner)?)?;
    let bound = Polynomial::of(&formula_of(bound)?)?;
    if inner.linear().is_none() || bound.opaque || !bound.rational()?.is_positive() {
        return None;
    }
    let minus = Polynomial::constant(-BigRational::one());
    let below = inequality(kind, &inner.plus(&bound.times(&minus)?)?)?;
    let above = inequality(kind, &inner.times(&minus)?.plus(&bound.times(&minus)?)?)?;
    let (below, above) = (Set::of(&below)?, Set::of(&above)?);
    Some(match kind {
        Relation::Less | Relation::LessEqual => below.intersection(above)?.shape(),
        Relation::Greater | Relation::GreaterEqual => below.union(above)?.shape(),
        _ => return None,
    })
}

/// The relation seen from its other side.
fn turned(kind: Relation) -> Option<Relation> {
    Some(match kind {
        Relation::Less => Relation::Greater,
        Relation::LessEqual => Relation::GreaterEqual,
        Relation::Greater => Relation::Less,
        Relation::GreaterEqual => Relation::LessEqual,
        _ => return None,
    })
}

fn closed(kind: Relation) -> bool {
    matches!(kind, Relation::LessEqual | Relation::GreaterEqual)
}

fn between(
    low: &[Token],
    middle: &[Token],
    high: &[Token],
    left: bool,
    right: bool,
    depth: usize,
) -> Option<Shape> {
    let bracket = |closed: bool, pair: (char, char)| if closed { pair.0 } else { pair.1 };
    let (open, close) = (bracket(left, ('[', '(')), bracket(right, (']', ')')));
    let (low_item, high_item) = (item(low, depth + 1)?, item(high, depth + 1)?);
    if name_of(middle).is_some() {
        return Some(Shape::Sequence(open, vec![low_item, high_item], close));
    }
    // a ≤ |x| ≤ b holds on both sides of zero.
    if let [Token::Op('|'), inner @ .., Token::Op('|')] = middle
        && name_of(inner).is_some()
    {
        let negative = |tokens: &[Token]| {
            let mut out = vec![Token::Op('-'), Token::Open('(')];
            out.extend_from_slice(tokens);
            out.push(Token::Close(')'));
            formula(&out)
        };
        let mirrored = Shape::Sequence(
            bracket(right, ('[', '(')),
            vec![negative(high)?, negative(low)?],
            bracket(left, (']', ')')),
        );
        return list(vec![mirrored, Shape::Sequence(open, vec![low_item, high_item], close)]);
    }
    None
}

fn equation(first: &[Token], last: &[Token], count: usize, depth: usize) -> Option<Shape> {
    if let Some(name) = left_name(first) {
        return Some(Shape::Named(name, Box::new(unnamed(item(last, depth + 1)?))));
    }
    if count > 1 || (constant(first) && constant(last)) {
        return item(last, depth + 1);
    }
    if constant(first)
        && let Some(name) = left_name(last)
    {
        return Some(Shape::Named(name, Box::new(item(first, depth + 1)?)));
    }
    // `2x + 3 = y` defines y.
    if let [Token::Symbol(name)] = last
        && !format!("{first:?}").contains(&format!("Symbol({name:?})"))
    {
        return Some(Shape::Named(name.clone(), Box::new(item(first, depth + 1)?)));
    }
    vanishing(&formula_of(first)?.minus(formula_of(last)?))
}

/// The equation that says `difference` is zero.
pub(super) fn vanishing(difference: &Expr) -> Option<Shape> {
    let (polynomial, _) = Polynomial::of(difference)?.normalised(false);
    Some(Shape::Relation(Relation::Equal, polynomial))
}

/// All numbers but the one at which a linear difference is zero.
fn all_but(difference: &Polynomial) -> Option<Shape> {
    let (_, bound, _) = difference.linear()?;
    let value = bound.rational()?;
    let point = Set::of(&Shape::Formula(Expr::Number(value, None), bound))?;
    Some(Set::all()?.without(point)?.shape())
}

/// Where a quadratic with two roots lies above zero, or below: `x^2 < 4` is (-2, 2).
fn parabola(difference: &Polynomial, above: bool, closed: bool) -> Option<Shape> {
    let [a, b, c] = difference.quadratic()?;
    let four = BigRational::from_integer(4.into());
    let two = BigRational::from_integer(2.into());
    let square = &b * &b - four * &a * &c;
    if !square.is_positive() {
        return None;
    }
    let number = |value: BigRational| Expr::Number(value, None);
    let half = BigRational::new(1.into(), 2.into());
    let root = Expr::Power(Box::new(number(square)), Box::new(number(half)));
    let end = |negative: bool| {
        let sign = if negative { -BigRational::one() } else { BigRational::one() };
        let top =
            Expr::Sum(vec![number(-b.clone()), Expr::Product(vec![number(sign), root.clone()])]);
        let expr = Expr::Product(vec![top, number((&two * &a).recip())]);
        let polynomial = Polynomial::of(&expr)?;
        Some(Shape::Formula(polynomial.rational().map_or(expr, number), polynomial))
    };
    let (low, high) = (end(a.is_positive())?, end(a.is_negative())?);
    let bracket = |closed: bool| if closed { ('[', ']') } else { ('(', ')') };
    let outside = above == a.is_positive();
    let (open, close) = bracket(closed != outside);
    let inside = Set::of(&Shape::Sequence(open, vec![low, high], close))?;
    Some(if outside { Set::all()?.without(inside)?.shape() } else { inside.shape() })
}

fn inequality(kind: Relation, difference: &Polynomial) -> Option<Shape> {
    if kind == Relation::Unequal {
        if let Some(set) = all_but(difference) {
            return Some(set);
        }
        return Some(Shape::Relation(kind, difference.normalised(false).0));
    }
    let greater = matches!(kind, Relation::Greater | Relation::GreaterEqual);
    let closed = closed(kind);
    if let Some((_, bound, negative)) = difference.linear() {
        // A bound is never opaque, so its polynomial decides and an irrational one needs no tree.
        let shape = |p: Polynomial| {
            let tree = p.rational().map_or(Expr::Symbol("bound".into()), |v| Expr::Number(v, None));
            Shape::Formula(tree, p)
        };
        let infinity = Polynomial::of(&Expr::Symbol("oo".into()))?;
        let minus = Polynomial::constant(-BigRational::one());
        let minus_infinity = infinity.times(&minus)?;
        return Some(if greater == negative {
            let close = if closed { ']' } else { ')' };
            Shape::Sequence('(', vec![shape(minus_infinity), shape(bound)], close)
        } else {
            let open = if closed { '[' } else { '(' };
            Shape::Sequence(open, vec![shape(bound), shape(infinity)], ')')
        });
    }
    if let Some(set) = parabola(difference, greater, closed) {
        return Some(set);
    }
    let sign = if greater { -BigRational::one() } else { BigRational::one() };
    let oriented = difference.times(&Polynomial::constant(sign))?;
    let kind = if closed { Relation::LessEqual } else { Relation::Less };
    Some(Shape::Relation(kind, oriented.normalised(true).0))
}
