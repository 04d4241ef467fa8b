//! The shape of an answer: a number or formula, a list, a tuple or interval, a relation, a text.
//!
//! Tokens are split at the loosest joints first: commas and "and", then unions, then relations,
//! then brackets; what is left is a formula with perhaps a unit. Inequalities that one variable
//! solves become intervals, `x = 5` becomes a named 5, and ± becomes the list of both signs.

use num_traits::{One, Zero};

use super::expression::{Expr, matching, parse, spell};
use super::extract::core;
use super::polynomial::Polynomial;
use super::token::{MAX_DEPTH, Relation, Token, tokenise};

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
    let core = core(text);
    if let Some(words) = words(&core) {
        return Shape::Text(words);
    }
    let shape = tokenise(&core).filter(|t| !t.is_empty()).and_then(|t| answer(&t, 0));
    match shape {
        Some(Shape::Named(_, value)) => *value,
        Some(shape) => shape,
        None => Shape::Text(plain(&core)),
    }
}

/// The words of a text answer, lower-cased, if it is nothing else.
fn words(core: &str) -> Option<String> {
    let mut text = core.to_owned();
    if core.len() < 2000 {
        for command in ["\\text{", "\\mbox{", "\\textbf{", "\\mathrm{", "\\textit{"] {
            while let Some(at) = text.find(command) {
                let end = at + command.len() + text.get(at + command.len()..)?.find('}')?;
                text.replace_range(end..=end, "");
                text.replace_range(at..at + command.len(), "");
            }
        }
    }
    let text = text.trim().trim_end_matches('.').to_lowercase();
    let mut out = String::new();
    for word in text.split([' ', '-', '\n', ',', '\u{a0}']).filter(|w| !w.is_empty()) {
        let letters = word.chars().all(|c| c.is_alphabetic() || c == '\'');
        let short = word.chars().count() < 2 && !matches!(word, "a" | "i");
        let formula = matches!(
            word,
            "pi" | "infinity" | "inf" | "oo" | "sin" | "cos" | "tan" | "ln" | "log" | "sqrt"
        );
        if !letters || short || formula {
            return None;
        }
        out.push_str(word);
    }
    (out.chars().count() >= 2).then_some(out)
}

/// Text that is no formula: spaces and sizing gone, and case too unless it is LaTeX.
fn plain(core: &str) -> String {
    let mut text = core.replace("\\left", "").replace("\\right", "").replace("\\!", "");
    text.retain(|c| !c.is_whitespace() && c != '$');
    if text.contains('\\') { text } else { text.to_lowercase() }
}

/// Splits at the top-level tokens for which `at` holds.
fn split(tokens: &[Token], at: impl Fn(&Token) -> bool) -> Vec<&[Token]> {
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
fn enclosed(tokens: &[Token]) -> Option<(char, &[Token], char)> {
    let (Token::Open(open), Token::Close(close)) = (tokens.first()?, tokens.last()?) else {
        return None;
    };
    (matching(tokens, 0)? == tokens.len() - 1).then_some(())?;
    Some((*open, tokens.get(1..tokens.len() - 1)?, *close))
}

/// A list without repetitions; a list of one is its element.
fn list(items: Vec<Shape>) -> Option<Shape> {
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
    out.sort_by(|a, b| a.0.cmp(&b.0));
    let mut items: Vec<Shape> = out.into_iter().map(|(_, item)| item).collect();
    if items.len() == 1 { items.pop() } else { Some(Shape::List(items)) }
}

fn answer(tokens: &[Token], depth: usize) -> Option<Shape> {
    if depth > MAX_DEPTH {
        return None;
    }
    if let Some(('{', inner, '}')) = enclosed(tokens) {
        return answer(inner, depth + 1);
    }
    let parts: Vec<_> = split(tokens, comma).into_iter().filter(|p| !p.is_empty()).collect();
    match parts.as_slice() {
        [] => None,
        [only] => item(only, depth + 1),
        _ => {
            let mut items = Vec::new();
            for part in parts {
                match item(part, depth + 1)? {
                    Shape::List(more) if signs(part) => items.extend(more),
                    other => items.push(other),
                }
            }
            list(unless_distinct(items))
        }
    }
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

fn item(tokens: &[Token], depth: usize) -> Option<Shape> {
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
    let union = split(tokens, |t| *t == Token::Union);
    if union.len() > 1 {
        let mut items = Vec::new();
        for part in union {
            match item(part, depth + 1)? {
                Shape::List(more) => items.extend(more),
                other => items.push(other),
            }
        }
        return list(items);
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
        'S' | '{' => {
            let bar = split(inner, |t| matches!(t, Token::Op('|' | ':')));
            if let [name, condition] = bar.as_slice()
                && name_of(name).is_some()
            {
                return answer(condition, depth + 1);
            }
            answer(inner, depth + 1)
        }
        '(' | '[' if parts.len() > 1 => {
            let items: Option<Vec<_>> =
                parts.into_iter().map(|part| item(part, depth + 1)).collect();
            Some(Shape::Sequence(open, items?.into_iter().map(unnamed).collect(), close))
        }
        _ => None,
    }
}

/// The name that `tokens` are, if they are something that can be said to have a value.
fn name_of(tokens: &[Token]) -> Option<String> {
    let named = match tokens {
        [Token::Symbol(_)] => true,
        [Token::Symbol(_), Token::Op('_'), rest @ ..] => {
            rest.len() == 1 || enclosed(rest).is_some() || {
                // `V_{1}:V_{2}` and the like are left to the caller; `F_n(x)` is a name.
                rest.len() > 1 && rest.get(1..).is_some_and(|r| enclosed(r).is_some())
            }
        }
        [Token::Symbol(_), Token::Op('\''), ..] => true,
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

fn related(tokens: &[Token], sides: &[&[Token]], depth: usize) -> Option<Shape> {
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
        if at == 0 && left_name(sides.first()?).is_some() {
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
        return equation(first, last, kinds.len(), depth);
    }
    match (kinds.as_slice(), sides) {
        ([Relation::In], _) => left_name(first).and_then(|_| answer(last, depth + 1)),
        ([kind], _) => {
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
    let difference = formula_of(first)?.minus(formula_of(last)?);
    let (difference, _) = Polynomial::of(&difference)?.normalised(false);
    Some(Shape::Relation(Relation::Equal, difference))
}

fn inequality(kind: Relation, difference: &Polynomial) -> Option<Shape> {
    if kind == Relation::Unequal {
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
        let minus = Polynomial::constant(-num_rational::BigRational::one());
        let minus_infinity = infinity.times(&minus)?;
        return Some(if greater == negative {
            let close = if closed { ']' } else { ')' };
            Shape::Sequence('(', vec![shape(minus_infinity), shape(bound)], close)
        } else {
            let open = if closed { '[' } else { '(' };
            Shape::Sequence(open, vec![shape(bound), shape(infinity)], ')')
        });
    }
    let sign =
        if greater { -num_rational::BigRational::one() } else { num_rational::BigRational::one() };
    let oriented = difference.times(&Polynomial::constant(sign))?;
    let kind = if closed { Relation::LessEqual } else { Relation::Less };
    Some(Shape::Relation(kind, oriented.normalised(true).0))
}

const HEDGES: [&str; 8] =
    ["about", "approximately", "approx", "roughly", "is", "only", "exactly", "total"];

/// Tokens without a unit after them or a hedge before them.
fn without_units(tokens: &[Token]) -> &[Token] {
    let mut tokens = tokens;
    while let [Token::Word(word), rest @ ..] = tokens
        && !rest.is_empty()
        && HEDGES.contains(&word.to_ascii_lowercase().as_str())
    {
        tokens = rest;
    }
    loop {
        tokens = match tokens {
            [rest @ .., Token::Word(_) | Token::Percent]
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

fn formula_of(tokens: &[Token]) -> Option<Expr> {
    let mut tokens = without_units(tokens);
    if let [rest @ .., Token::Op('.')] = tokens {
        tokens = rest;
    }
    parse(tokens)
}

fn formula(tokens: &[Token]) -> Option<Shape> {
    let expr = formula_of(tokens)?;
    if let Some(polynomial) = Polynomial::of(&expr) {
        polynomial.name()?;
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

type Rows = Vec<Vec<Expr>>;

/// The matrix that a formula with matrices comes to.
fn matrix(expr: &Expr) -> Option<Rows> {
    match expr {
        Expr::Matrix(rows) => (rows.len() <= 16).then(|| rows.clone()),
        Expr::Sum(terms) => {
            let mut terms = terms.iter();
            let mut out = matrix(terms.next()?)?;
            for term in terms {
                let other = matrix(term)?;
                if other.len() != out.len() || other.first()?.len() != out.first()?.len() {
                    return None;
                }
                for (cell, more) in out.iter_mut().flatten().zip(other.into_iter().flatten()) {
                    *cell = Expr::Sum(vec![cell.clone(), more]);
                }
            }
            Some(out)
        }
        Expr::Product(factors) => {
            let mut out: Option<Rows> = None;
            let mut scale = Vec::new();
            for factor in factors {
                let Some(next) = matrix(factor) else {
                    Polynomial::of(factor)?;
                    scale.push(factor.clone());
                    continue;
                };
                out = Some(match out {
                    None => next,
                    Some(rows) => multiplied(&rows, &next)?,
                });
            }
            let mut out = out?;
            if !scale.is_empty() {
                for cell in out.iter_mut().flatten() {
                    let mut factors = scale.clone();
                    factors.push(cell.clone());
                    *cell = Expr::Product(factors);
                }
            }
            Some(out)
        }
        _ => None,
    }
}

fn multiplied(a: &Rows, b: &Rows) -> Option<Rows> {
    let width = b.first()?.len();
    let mut out = Vec::new();
    for row in a {
        if row.len() != b.len() || width > 16 {
            return None;
        }
        let cell = |column: usize| -> Option<Expr> {
            let terms: Option<Vec<Expr>> = row
                .iter()
                .zip(b)
                .map(|(x, line)| Some(Expr::Product(vec![x.clone(), line.get(column)?.clone()])))
                .collect();
            // Multiplied out at once, so that long products stay small.
            let polynomial = Polynomial::of(&Expr::Sum(terms?))?;
            let value = polynomial.rational()?;
            Some(Expr::Number(
                if value.is_zero() { num_rational::BigRational::zero() } else { value },
                None,
            ))
        };
        out.push((0..width).map(cell).collect::<Option<Vec<_>>>()?);
    }
    Some(out)
}

/// The canonical string of an interpreted answer.
pub(super) fn render(shape: &Shape) -> String {
    let all = |items: &[Shape]| items.iter().map(render).collect::<Vec<_>>().join(", ");
    match shape {
        // A formula's name was found short enough when the shape was made.
        Shape::Formula(_, polynomial) => polynomial.name().unwrap_or_default(),
        Shape::List(items) => format!("{{{}}}", all(items)),
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
