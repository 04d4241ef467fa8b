//! Answers that combine others: operations on sets, conditions, pairs of inequalities, congruences.

use num_rational::BigRational;
use num_traits::Signed;

use super::expression::Expr;
use super::polynomial::Polynomial;
use super::relation::name_of;
use super::set::Set;
use super::shape::{Shape, item, list, render, split};
use super::token::{Relation, Token};

/// What two inequalities in one variable leave, `x > -3` and `x < 5`, where either holds everywhere.
pub(super) fn both(one: &[Token], two: &[Token], depth: usize) -> Option<Shape> {
    let inequality = |part: &[Token]| {
        part.iter().any(|t| {
            use Relation::{Greater, GreaterEqual, Less, LessEqual};
            matches!(t, Token::Relation(Less | LessEqual | Greater | GreaterEqual))
        })
    };
    // `x > -1, x \ne 1`
    let excludes = |part: &[Token]| part.contains(&Token::Relation(Relation::Unequal));
    let (first_excludes, second_excludes) = (excludes(one), excludes(two));
    let inequality = |part: &[Token]| inequality(part) || excludes(part);
    if !inequality(one) || !inequality(two) {
        return None;
    }
    let mut symbols = one.iter().chain(two).filter(|t| matches!(t, Token::Symbol(_)));
    let first = symbols.next()?;
    if symbols.any(|symbol| symbol != first) {
        return None;
    }
    let one = Set::of(&item(one, depth + 1)?)?;
    let two = Set::of(&item(two, depth + 1)?)?;
    if first_excludes || second_excludes {
        return Some(one.intersection(two)?.shape());
    }
    let either = render(&one.clone().union(two.clone())?.shape());
    let everything = render(&Set::all()?.shape());
    (either == everything).then(|| Some(one.intersection(two)?.shape()))?
}

/// `10 \bmod 3`, and a class of numbers, `x \equiv 3 \pmod{7}`.
pub(super) fn modular(tokens: &[Token], depth: usize) -> Option<Shape> {
    let is =
        |token: &Token, name: &str| matches!(token, Token::Symbol(s) | Token::Word(s) if s == name);
    let at = tokens.iter().position(|t| ["bmod", "pmod", "mod"].iter().any(|name| is(t, name)))?;
    let (mut left, mut right) = (tokens.get(..at)?, tokens.get(at + 1..)?);
    // `(mod 7)` is in brackets of its own.
    let mut class = is(tokens.get(at)?, "pmod");
    if let ([head @ .., Token::Open('(')], [tail @ .., Token::Close(')')]) = (left, right) {
        (left, right, class) = (head, tail, true);
    }
    if let Some(equal) = left.iter().position(|t| is(t, "equiv")) {
        (left, class) = (left.get(equal + 1..)?, true);
    }
    let number = |tokens: &[Token]| match item(tokens, depth + 1)? {
        Shape::Formula(_, polynomial) => polynomial.rational().filter(BigRational::is_integer),
        _ => None,
    };
    let (value, modulus) = (number(left)?, number(right).filter(Signed::is_positive)?);
    let rest = &value - (&value / &modulus).floor() * &modulus;
    let shape = |value: BigRational| {
        let expr = Expr::Number(value, None);
        Some(Shape::Formula(expr.clone(), Polynomial::of(&expr)?))
    };
    if class {
        return Some(Shape::Sequence('%', vec![shape(rest)?, shape(modulus)?], '%'));
    }
    shape(rest)
}

/// Unions, intersections and differences of sets.
pub(super) fn operation(tokens: &[Token], depth: usize) -> Option<Shape> {
    match tokens {
        [Token::Symbol(name)] if name == "R-numbers" => return Some(Set::all()?.shape()),
        [Token::Symbol(name)] if name == "emptyset" => return Some(Shape::List(Vec::new())),
        _ => {}
    }
    let minus = without_minus(tokens);
    let tokens = minus.as_deref().unwrap_or(tokens);
    let is_operator = |t: &Token| matches!(t, Token::Union | Token::Intersection | Token::Without);
    let mut operators = Vec::new();
    let mut from = 0;
    let parts = split(tokens, is_operator);
    for part in parts.iter().take(parts.len() - 1) {
        from += part.len() + 1;
        operators.push(tokens.get(from - 1)?);
    }
    if operators.is_empty() {
        return None;
    }
    let items: Option<Vec<Shape>> = parts.iter().map(|part| item(part, depth + 1)).collect();
    let items = items?;
    let set = || {
        let mut sets = items.iter().map(Set::of);
        let mut out = sets.next()??;
        for (operator, set) in operators.iter().zip(sets) {
            out = match operator {
                Token::Union => out.union(set?),
                Token::Intersection => out.intersection(set?),
                _ => out.without(set?),
            }?;
        }
        Some(out.shape())
    };
    // Ends that are letters cannot be sorted; a union is then the list of its parts.
    set().or_else(|| {
        operators.iter().all(|operator| **operator == Token::Union).then(|| {
            list(
                items
                    .iter()
                    .cloned()
                    .flat_map(|item| match item {
                        Shape::List(more) => more,
                        other => vec![other],
                    })
                    .collect(),
            )
        })?
    })
}

/// `\mathbb{R} - \{3\}` with the sign of a difference of sets; also where only a space stands between,
/// since `\ ` is a backslash to many.
fn without_minus(tokens: &[Token]) -> Option<Vec<Token>> {
    let reals = |t: Option<&Token>| matches!(t, Some(Token::Symbol(name)) if name == "R-numbers");
    let from = tokens.iter().position(|t| reals(Some(t)))?;
    let rest = tokens.get(from + 1..)?;
    let skipped = match rest {
        [Token::Op('-'), Token::Open('S' | '{' | '[' | '('), ..] => 1,
        [Token::Open('S' | '{'), ..] => 0,
        _ => return None,
    };
    let mut out = tokens.get(..=from)?.to_vec();
    out.push(Token::Without);
    out.extend_from_slice(rest.get(skipped..)?);
    Some(out)
}

/// Whether the empty set is in brackets: the set that holds it is not empty.
pub(super) fn holds_emptiness(inner: &[Token]) -> bool {
    matches!(inner, [Token::Symbol(name)] if name == "emptyset")
}

/// What a set is said to hold: the condition of `x : |x| < 1`, of real numbers.
pub(super) fn condition(inner: &[Token]) -> Option<&[Token]> {
    let at = inner.iter().position(|t| matches!(t, Token::Op('|' | ':')))?;
    let real = match inner.get(..at)? {
        [name @ .., Token::Relation(Relation::In), Token::Symbol(set)] if set == "R-numbers" => {
            name
        }
        name => name,
    };
    name_of(real)?;
    inner.get(at + 1..).filter(|condition| !condition.is_empty())
}
