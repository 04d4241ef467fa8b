//! The shape of an answer: a number or formula, a list, a tuple or interval, a relation, a text.
//!
//! Tokens are split at the loosest joints first: commas and "and", then relations, then operations
//! on sets, then brackets; what is left is a formula with perhaps a unit. Inequalities that one
//! variable solves become intervals, `x = 5` becomes a named 5, and ± becomes the list of both signs.
//! A list keeps its order, for a list of named things has one.

use super::combined::{both, condition, holds_emptiness, modular, operation};
use super::expression::{Expr, matching, parse};
use super::extract::extract;
use super::matrix::matrix;
use super::moment::moment;
use super::numeral;
use super::polynomial::Polynomial;
use super::quantity::{commented, decides, labels, mixed, quantities, scaled, unit_name};
use super::relation::related;
use super::set::Set;
use super::span::after_command;
use super::spoken::operations;
use super::token::{MAX_DEPTH, Relation, Token, tokenise};
use super::words::{Words, plain, words};
use crate::task::letter;

/// An interpreted answer.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Formula(Expr, Polynomial),
    /// Unordered: a set, a union, a list of solutions.
    List(Vec<Shape>),
    /// Ordered: a tuple, an interval, or (between colons) a ratio.
    Sequence(char, Vec<Shape>, char),
    Matrix(Vec<Vec<Shape>>),
    /// `polynomial = 0`, `≠ 0`, `< 0` or `≤ 0`, normalised.
    Relation(Relation, Polynomial),
    /// `name = value`.
    Named(String, Box<Shape>),
    Text(String),
}

/// Reads an answer, or the answer in a text.
pub(super) fn interpret(text: &str) -> Shape {
    match extract(text) {
        Some(core) => unnamed(read(&core)),
        None => Shape::Text(plain(text)),
    }
}

/// Reads an answer without anything around it; `y = 2x` keeps its name, `5 cm` its unit.
pub(super) fn read(core: &str) -> Shape {
    if let Some(letter) = label(core) {
        return letter;
    }
    attempt(core, false).unwrap_or_else(|| Shape::Text(plain(core)))
}

/// The letter of an option that stands before what the option says: `(B) 12`.
pub(super) fn label(core: &str) -> Option<Shape> {
    let alone = core.ends_with(')') && !core.contains('(');
    let label = letter::label(core, letter::OPTIONS).filter(|l| !l.rest.is_empty() || alone)?;
    let expr = Expr::Symbol(label.letter.to_string());
    let polynomial = Polynomial::of(&expr)?;
    Some(Shape::Formula(expr, polynomial))
}

/// As [`read`], or `None` if the answer is a text that no parser understood. With `letters`, a
/// letter behind a value may be its unit.
pub(super) fn attempt(core: &str, letters: bool) -> Option<Shape> {
    match words(core) {
        Some(Words::Nothing) => return Some(Shape::List(Vec::new())),
        Some(Words::Reals) => return Set::all().map(Set::shape),
        Some(Words::Integers) => return attempt("\\mathbb{Z}", false),
        Some(Words::Nonzero) => return attempt("\\mathbb{R} \\setminus \\{0\\}", false),
        Some(Words::Half(above, zero)) => return Set::half(above, zero).map(Set::shape),
        Some(Words::Said(words)) => return Some(Shape::Text(words)),
        Some(Words::Several(words)) => return list(words.into_iter().map(Shape::Text).collect()),
        None => {}
    }
    if let Some(moment) = moment(core) {
        return Some(Shape::Text(moment));
    }
    let core = after_conclusion(core);
    if let Some(set) = exception(core) {
        return attempt(&set, false);
    }
    let labelled = labels(core);
    let core = numeral::digits(labelled.as_deref().unwrap_or(core));
    let tokens = tokenise(&core, letters).map(scaled).map(operations).filter(|t| !t.is_empty());
    tokens.and_then(|t| answer(&t, 0))
}

/// "all real numbers except 2" as a difference of sets.
fn exception(core: &str) -> Option<String> {
    let head = core.get(..8).filter(|head| head.eq_ignore_ascii_case("all real"))?;
    let (_, but) = core.get(head.len()..)?.split_once(" except ")?;
    let but = but.trim_start_matches("for ").trim_start_matches("x = ").trim_start_matches("$x = ");
    Some(format!("\\mathbb{{R}} \\setminus \\{{{}\\}}", but.trim_matches('$')))
}

/// What stands behind the last sign of a conclusion: `x - 3 = 0 \Rightarrow x = 3`.
fn after_conclusion(core: &str) -> &str {
    if core.is_ascii() && !core.contains('\\') {
        return core;
    }
    let after = |sign: &str| core.rfind(sign).map(|at| at + sign.len());
    let command = after_command(core, &["therefore", "Rightarrow", "implies"]);
    let signs = ["∴", "⇒", "⟹"].into_iter().filter(|_| !core.is_ascii());
    let rest = signs.filter_map(after).chain(command).max().and_then(|at| core.get(at..));
    rest.map(str::trim).filter(|rest| !rest.is_empty()).unwrap_or(core)
}

/// Splits at the top-level tokens for which `at` holds.
pub(super) fn split(tokens: &[Token], at: impl Fn(&Token) -> bool) -> Vec<&[Token]> {
    let mut parts = Vec::new();
    let (mut from, mut depth) = (0, 0_usize);
    for (i, token) in tokens.iter().enumerate() {
        match token {
            Token::Open(_) => depth += 1,
            Token::Close(_) => depth = depth.saturating_sub(1),
            _ if depth == 0 && at(token) => {
                parts.extend(tokens.get(from..i));
                from = i + 1;
            }
            _ => {}
        }
    }
    parts.extend(tokens.get(from..));
    parts
}

fn comma(token: &Token) -> bool {
    matches!(token, Token::Op(',' | ';') | Token::And)
}

/// What is inside the bracket that spans all of `tokens`.
pub(super) fn enclosed(tokens: &[Token]) -> Option<(char, &[Token], char)> {
    let (Token::Open(open), Token::Close(close)) = (tokens.first()?, tokens.last()?) else {
        return None;
    };
    (matching(tokens, 0)? == tokens.len() - 1).then_some(())?;
    Some((*open, tokens.get(1..tokens.len() - 1)?, *close))
}

/// A list without repetitions; a list of one is its element.
pub(super) fn list(items: Vec<Shape>) -> Option<Shape> {
    let mut out: Vec<(String, Shape)> = Vec::new();
    for item in items {
        let name = render(&item);
        if out.iter().all(|(other, _)| *other != name) {
            out.push((name, item));
        }
        if out.len() > 200 {
            return None;
        }
    }
    let mut items: Vec<Shape> = out.into_iter().map(|(_, item)| item).collect();
    if items.len() == 1 { items.pop() } else { Some(Shape::List(items)) }
}

pub(super) fn answer(tokens: &[Token], depth: usize) -> Option<Shape> {
    if depth > MAX_DEPTH {
        return None;
    }
    if let Some(('{', inner, '}')) = enclosed(tokens) {
        if inner.is_empty() {
            return Some(Shape::List(Vec::new()));
        }
        if !holds_emptiness(inner) {
            return answer(condition(inner).unwrap_or(inner), depth + 1);
        }
    }
    if let Some(mixed) = mixed(without_hedges(tokens)) {
        return Some(named_by_unit(&mixed, formula(&mixed)?));
    }
    let parts = split(tokens, comma);
    let parts: Vec<_> = commented(parts.into_iter().filter(|p| !p.is_empty()).collect())
        .into_iter()
        .flat_map(quantities)
        .collect();
    match parts.as_slice() {
        [] => None,
        [only] => match item(only, depth + 1)? {
            value @ Shape::Formula(..) => Some(named_by_unit(only, value)),
            other => Some(other),
        },
        [one, two] if let Some(both) = both(one, two, depth) => Some(both),
        _ => {
            let mut items = Vec::new();
            for part in parts {
                match item(part, depth + 1)? {
                    Shape::List(more) if signs(part) => items.extend(more),
                    value @ Shape::Formula(..) => items.push(named_by_unit(part, value)),
                    other => items.push(other),
                }
            }
            list(unless_distinct(items))
        }
    }
}

/// The value of `tokens` with its unit for a name, if it has one.
fn named_by_unit(tokens: &[Token], value: Shape) -> Shape {
    let price = tokens.iter().find_map(|token| match token {
        Token::Currency(currency) => Some(Token::Word((*currency).to_owned())),
        _ => None,
    });
    let tokens = without_hedges(tokens);
    let units = tokens.get(without_units(tokens).len()..).unwrap_or_default();
    let units = price.as_ref().map_or(units, std::slice::from_ref);
    if units.iter().any(|t| matches!(t, Token::Word(_))) {
        return Shape::Named(unit_name(units), Box::new(value));
    }
    value
}

/// Names stay only where every item has its own, and so says which value is whose.
fn unless_distinct(items: Vec<Shape>) -> Vec<Shape> {
    let mut names: Vec<&String> = Vec::new();
    for item in &items {
        if let Shape::Named(name, _) = item
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    if names.len() == items.len() {
        return items;
    }
    items.into_iter().map(unnamed).collect()
}

/// The value of a named answer.
pub(super) fn unnamed(shape: Shape) -> Shape {
    match shape {
        Shape::Named(_, value) => *value,
        other => other,
    }
}

fn signs(tokens: &[Token]) -> bool {
    tokens.iter().any(|t| match t {
        Token::PlusMinus(_) => true,
        Token::Fraction(a, b) | Token::Root(a, b) => signs(a) || signs(b),
        _ => false,
    })
}

fn with_sign(tokens: &[Token], plus: bool) -> Vec<Token> {
    tokens
        .iter()
        .map(|t| match t {
            Token::PlusMinus(upper) => Token::Op(if *upper == plus { '+' } else { '-' }),
            Token::Fraction(a, b) => Token::Fraction(with_sign(a, plus), with_sign(b, plus)),
            Token::Root(a, b) => Token::Root(a.clone(), with_sign(b, plus)),
            other => other.clone(),
        })
        .collect()
}

pub(super) fn item(tokens: &[Token], depth: usize) -> Option<Shape> {
    if depth > MAX_DEPTH {
        return None;
    }
    if signs(tokens) {
        let both = [
            item(&with_sign(tokens, true), depth + 1)?,
            item(&with_sign(tokens, false), depth + 1)?,
        ];
        return list(both.into_iter().map(unnamed).collect());
    }
    let is_relation = |t: &Token| matches!(t, Token::Relation(_));
    let sides = split(tokens, is_relation);
    if sides.len() > 1 {
        return related(tokens, &sides, depth);
    }
    if let Some(shape) = operation(tokens, depth) {
        return Some(shape);
    }
    if let [low @ Token::Number(..), Token::Word(to), high @ Token::Number(..)] = tokens
        && to == "to"
    {
        let pair = [low, high].map(|number| formula(std::slice::from_ref(number)));
        return Some(Shape::Sequence(':', pair.into_iter().collect::<Option<_>>()?, ':'));
    }
    if let Some(shape) = modular(tokens, depth) {
        return Some(shape);
    }
    let ratio = split(tokens, |t| *t == Token::Op(':'));
    if ratio.len() > 1 {
        let items: Option<Vec<_>> = ratio.into_iter().map(|part| item(part, depth + 1)).collect();
        return Some(Shape::Sequence(':', items?, ':'));
    }
    if let Some((open, inner, close)) = enclosed(tokens)
        && let Some(shape) = bracketed(open, inner, close, depth)
    {
        return Some(shape);
    }
    formula(tokens)
}

fn bracketed(open: char, inner: &[Token], close: char, depth: usize) -> Option<Shape> {
    let parts = split(inner, comma);
    match open {
        'S' if inner.is_empty() => Some(Shape::List(Vec::new())),
        'S' | '{' => {
            if holds_emptiness(inner) {
                return Some(Shape::Sequence('{', vec![Shape::List(Vec::new())], '}'));
            }
            answer(condition(inner).unwrap_or(inner), depth + 1)
        }
        '(' | '[' if parts.len() > 1 => {
            let items: Option<Vec<_>> =
                parts.into_iter().map(|part| item(part, depth + 1)).collect();
            Some(Shape::Sequence(open, items?.into_iter().map(unnamed).collect(), close))
        }
        _ => None,
    }
}

const HEDGES: [&str; 22] = [
    "answer",
    "answer:",
    "answer is",
    "equals",
    "around",
    "all",
    "so",
    "it",
    "about",
    "approximately",
    "approx",
    "roughly",
    "is",
    "only",
    "exactly",
    "total",
    "probably",
    "likely",
    "therefore",
    "thus",
    "hence",
    "simply",
];

/// Tokens without a hedge before them.
fn without_hedges(tokens: &[Token]) -> &[Token] {
    let mut tokens = tokens;
    loop {
        tokens = match tokens {
            [Token::Word(word), Token::Op(':'), rest @ ..] | [Token::Word(word), rest @ ..]
                if !rest.is_empty()
                    && HEDGES.contains(&word.trim().to_ascii_lowercase().as_str()) =>
            {
                rest
            }
            [Token::Currency(_), rest @ ..] if !rest.is_empty() => rest,
            _ => return tokens,
        };
    }
}

/// Tokens without a unit after them. Where words come before the value too, it is prose, and what
/// comes after may matter more than the value: `Team 1 wins`.
fn without_units(tokens: &[Token]) -> &[Token] {
    let value = without_last_words(tokens);
    if value.iter().any(|t| matches!(t, Token::Word(_))) { tokens } else { value }
}

fn without_last_words(tokens: &[Token]) -> &[Token] {
    let mut tokens = tokens;
    loop {
        match tokens {
            // An operand is no unit: `2 + xyz`.
            [.., Token::Op('+' | '-' | '*' | '^' | '_'), Token::Word(_)] => return tokens,
            [.., Token::Word(word)] if decides(word) => return tokens,
            _ => {}
        }
        tokens = match tokens {
            [rest @ .., Token::Word(_) | Token::Percent | Token::Currency(_)]
            // km/h
            | [rest @ .., Token::Word(_), Token::Op('/'), Token::Symbol(_)]
            | [rest @ .., Token::Word(_), Token::Op('^'), Token::Number(..)]
            | [
                rest @ ..,
                Token::Word(_),
                Token::Op('^'),
                Token::Open('{'),
                Token::Number(..),
                Token::Close('}'),
            ] if !rest.is_empty() => match rest {
                [quantity @ .., Token::Op('/')] => quantity,
                other => other,
            },
            _ => return tokens,
        };
    }
}

pub(super) fn formula_of(tokens: &[Token]) -> Option<Expr> {
    let mut tokens = without_units(without_hedges(tokens));
    if let [rest @ .., Token::Op('.')] = tokens {
        tokens = rest;
    }
    // `\$3 + \$4`, `-\$3`
    if tokens.iter().any(|t| matches!(t, Token::Currency(_))) {
        let plain: Vec<Token> =
            tokens.iter().filter(|t| !matches!(t, Token::Currency(_))).cloned().collect();
        return parse(&plain);
    }
    parse(tokens)
}

pub(super) fn formula(tokens: &[Token]) -> Option<Shape> {
    let expr = formula_of(tokens)?;
    if let Some(polynomial) = Polynomial::of(&expr) {
        if !polynomial.has_name() {
            return None;
        }
        if polynomial.has_vectors() {
            return components(&polynomial, polynomial.name()?.contains("vector k"));
        }
        return Some(Shape::Formula(expr, polynomial));
    }
    let rows = matrix(&expr)?;
    let rows: Option<Vec<Vec<Shape>>> = rows
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(|cell| {
                    let polynomial = Polynomial::of(&cell)?;
                    polynomial.name()?;
                    Some(Shape::Formula(cell, polynomial))
                })
                .collect()
        })
        .collect();
    Some(Shape::Matrix(rows?))
}

/// The components of `2\mathbf{i} - 3\mathbf{j}`, as a point has them.
fn components(polynomial: &Polynomial, space: bool) -> Option<Shape> {
    let axes = ["vector i", "vector j", "vector k"];
    let parts = polynomial.along(axes.get(..if space { 3 } else { 2 })?)?;
    let number =
        |part: Polynomial| Some(Shape::Formula(Expr::Number(part.rational()?, None), part));
    let items: Option<Vec<Shape>> = parts.into_iter().map(number).collect();
    Some(Shape::Sequence('(', items?, ')'))
}

/// The canonical string of an interpreted answer.
pub(super) fn render(shape: &Shape) -> String {
    let all = |items: &[Shape]| items.iter().map(render).collect::<Vec<_>>().join(", ");
    match shape {
        // A formula's name was found short enough when the shape was made.
        Shape::Formula(_, polynomial) => polynomial.name().unwrap_or_default(),
        Shape::List(items) => {
            let mut names: Vec<String> = items.iter().map(render).collect();
            names.sort();
            format!("{{{}}}", names.join(", "))
        }
        Shape::Sequence(open, items, close) => format!("{open}{}{close}", all(items)),
        Shape::Matrix(rows) => {
            let rows: Vec<String> = rows.iter().map(|row| all(row)).collect();
            format!("matrix[{}]", rows.join("; "))
        }
        Shape::Relation(kind, polynomial) => {
            format!("{} {kind:?} 0", polynomial.name().unwrap_or_else(|| format!("{polynomial:?}")))
        }
        Shape::Named(name, value) => format!("{name} = {}", render(value)),
        Shape::Text(text) => format!("'{text}'"),
    }
}
