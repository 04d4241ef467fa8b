//! Finds the equations of a text and checks each of them.
//!
//! For every `=` the expression that ends before it and the one that begins after it are cut out,
//! valued and compared. Precision comes first: an equation with a variable, with different units
//! on its numbers, with a word that may be an operator (`half of`, `remainder`) or with anything
//! else that is not understood is left out, because judging a right step wrong costs more than
//! not judging it.

use super::lexer::{Kind, Token, tokens};
use super::rational::Rational;
use super::value::{Value, scale, value};

/// An equation between numbers, as found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equation {
    /// What stands before the equals sign.
    pub left: String,
    /// What stands after it.
    pub right: String,
    /// Whether both are the same, or the one rounds to the other.
    pub holds: bool,
}

/// Words next to an expression that change its value, or may do so.
const SPOILERS: [&str; 45] = [
    "plus",
    "minus",
    "times",
    "by",
    "of",
    "over",
    "mod",
    "modulo",
    "sqrt",
    "root",
    "squared",
    "cubed",
    "power",
    "less",
    "more",
    "than",
    "off",
    "half",
    "halves",
    "twice",
    "thrice",
    "double",
    "triple",
    "log",
    "ln",
    "sin",
    "cos",
    "tan",
    "negative",
    "third",
    "thirds",
    "quarter",
    "quarters",
    "remainder",
    "rem",
    "r",
    "rounded",
    "approximately",
    "about",
    "cent",
    "cents",
    "pair",
    "pairs",
    "base",
    "degrees",
];
/// Words that are no unit, though they may stand between a number and a sign.
const JOINTS: [&str; 14] = [
    "and", "or", "then", "so", "gives", "get", "gets", "to", "is", "are", "for", "in", "with", "be",
];
/// How many words after an expression are looked at for spoilers, and as many behind the one right before it.
const LOOK: usize = 3;

/// One side of an equation: a range of tokens.
struct Side<'a> {
    start: usize,
    tokens: Vec<&'a Token>,
    units: Vec<&'a str>,
    end: usize,
    /// Whether a word stands right before it.
    after_word: bool,
}

/// All equations between numbers in a text, in order.
///
/// ```
/// let found = tts_prm::equations("3 boxes of 4 make 3 * 4 = 12, and 12 + 5 = 18.");
/// assert_eq!(found.iter().map(|e| e.holds).collect::<Vec<_>>(), [true, false]);
/// assert_eq!((&*found[1].left, &*found[1].right), ("12 + 5", "18"));
/// ```
pub fn equations(text: &str) -> Vec<Equation> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    // Start of the side before, and whether its chain has an operator.
    let mut chain: Option<(usize, bool)> = None;
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Equals {
            continue;
        }
        let before = chain.take();
        let (Some(left), Some(right)) = (left_side(&tokens, at), right_side(&tokens, at)) else {
            continue;
        };
        let continued = before.is_some_and(|(start, operator)| operator && start == left.start);
        let Some(verdict) = compare(&left, &right, continued) else { continue };
        chain = Some((right.start, verdict.operator));
        if let Some(holds) = verdict.holds {
            let words = |side: &Side<'_>| {
                let range = tokens.get(side.start).map_or(0, |t| t.start)
                    ..tokens.get(side.end - 1).map_or(0, |t| t.end);
                text.get(range).unwrap_or("").to_owned()
            };
            found.push(Equation { left: words(&left), right: words(&right), holds });
        }
    }
    found
}

struct Verdict {
    holds: Option<bool>,
    /// Whether the chain has an operator so far.
    operator: bool,
}

/// `None` when a side has no value.
fn compare(left: &Side<'_>, right: &Side<'_>, continued: bool) -> Option<Verdict> {
    let mut units: Vec<&str> =
        left.units.iter().chain(&right.units).copied().map(singular).collect();
    units.sort_unstable();
    units.dedup();
    let sides =
        |hundredths| Some((value(&left.tokens, hundredths)?, value(&right.tokens, hundredths)?));
    let (a, b) = sides(true)?;
    let (plain_a, plain_b) = sides(false)?;
    let operator = continued || a.operators + b.operators > 0;
    if !operator || units.len() > 1 || (!continued && is_label(left)) {
        return Some(Verdict { holds: None, operator });
    }
    let mut holds = false;
    for (x, y) in [(a, b), (plain_a, plain_b), (a, plain_b), (plain_a, b)] {
        holds |= agree(x, y)?;
    }
    // `18 dozen` after a count of dozens: the word is a unit.
    if let Some((last, rest)) = right.tokens.split_last()
        && is_scale(last)
        && !left.tokens.iter().any(|token| is_scale(token))
    {
        holds |= agree(a, value(rest, true)?)?;
    }
    // `60 / 3/4`: people who write that mean a fraction as often as two divisions.
    if !holds && (ambiguous(&left.tokens) || ambiguous(&right.tokens)) {
        return Some(Verdict { holds: None, operator });
    }
    // Both sides calculate with decimals: a difference may be an earlier rounding carried on.
    let carried = a.operators > 0 && b.operators > 0 && (a.decimal || b.decimal);
    Some(Verdict { holds: Some(holds).filter(|&holds| holds || !carried), operator })
}

/// Whether a left side names what is calculated, rather than being it: `for 2 days = 7 + 2`.
fn is_label(left: &Side<'_>) -> bool {
    match left.tokens[..] {
        [_] => left.after_word || !left.units.is_empty(),
        // A range.
        [_, sign, _] => left.after_word && sign.kind == Kind::Op('-') && !sign.spaced,
        _ => false,
    }
}

fn is_scale(token: &Token) -> bool {
    matches!(&token.kind, Kind::Word(word) if scale(word).is_some())
}

fn ambiguous(tokens: &[&Token]) -> bool {
    let slash = |token: &Token| token.kind == Kind::Op('/');
    tokens.windows(3).any(|three| slash(three[0]) && slash(three[2]))
}

fn singular(unit: &str) -> &str {
    unit.strip_suffix('s').unwrap_or(unit)
}

/// Whether two values are the same, up to the rounding of a decimal literal; `None` on overflow.
fn agree(a: Value, b: Value) -> Option<bool> {
    let distance = a.exact.subtract(b.exact)?.abs()?;
    if distance == Rational::ZERO {
        return Some(true);
    }
    for ulp in [a.ulp, b.ulp].into_iter().flatten() {
        let twice = distance.add(distance)?;
        if twice.compare(ulp)?.is_le() {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether a word is, or may be, a variable.
fn is_variable(word: &str) -> bool {
    word.chars().count() == 1 || word.contains(|c: char| c.is_numeric() || c == '_')
}

fn is_spoiler(word: &str) -> bool {
    SPOILERS.contains(&word)
}

fn may_be_unit(word: &str) -> bool {
    !is_variable(word) && !is_spoiler(word) && !JOINTS.contains(&word)
}

/// Whether a token can end a value.
fn ends_value(token: &Token) -> bool {
    match &token.kind {
        Kind::Number { .. } | Kind::Close | Kind::Percent => true,
        Kind::Word(word) => scale(word).is_some(),
        _ => false,
    }
}

/// Whether a token can begin a value.
fn begins_value(token: Option<&Token>) -> bool {
    token.is_some_and(|token| {
        matches!(token.kind, Kind::Number { .. } | Kind::Open | Kind::Fraction | Kind::Op('-'))
    })
}

/// The expression that ends before the token `equals`.
fn left_side(tokens: &[Token], equals: usize) -> Option<Side<'_>> {
    let mut side = Side {
        start: equals,
        tokens: Vec::new(),
        units: Vec::new(),
        end: equals,
        after_word: false,
    };
    let mut depth = 0_usize;
    for (at, token) in tokens[..equals].iter().enumerate().rev() {
        // What stands to the right of the token.
        let right = &tokens[at + 1];
        let in_side = at + 1 < equals;
        let number_follows = in_side && matches!(right.kind, Kind::Number { .. });
        match &token.kind {
            Kind::Taint => return None,
            Kind::Break | Kind::Equals => break,
            Kind::Word(word) => {
                let after = at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(ends_value);
                // `cm^2` is a unit of its own.
                if right.kind == Kind::Op('^') {
                    return None;
                }
                let joins = matches!(right.kind, Kind::Op(_) | Kind::Equals | Kind::Close);
                if scale(word).is_some() && after && (joins || unit_of_scale(tokens, at)) {
                    side.tokens.push(token);
                } else if after && joins && may_be_unit(word) {
                    side.units.push(word);
                } else {
                    // Words end the side, unless they may be a part of it.
                    let call = right.kind == Kind::Open && !right.spaced;
                    if matches!(right.kind, Kind::Op(_)) || is_spoiler(word) || call {
                        return None;
                    }
                    break;
                }
            }
            Kind::Number { .. } | Kind::Percent if number_follows => return None,
            Kind::Close if number_follows && !right.spaced => return None,
            Kind::Close if number_follows => break,
            Kind::Close => {
                depth += 1;
                side.tokens.push(token);
            }
            Kind::Open if depth == 0 => break,
            Kind::Open => {
                depth -= 1;
                side.tokens.push(token);
            }
            Kind::Number { .. } | Kind::Percent | Kind::Op(_) | Kind::Fraction => {
                side.tokens.push(token);
            }
        }
        side.start = at;
    }
    side.tokens.reverse();
    let before = side.start.checked_sub(1).and_then(|at| tokens.get(at));
    side.after_word = before.is_some_and(|token| matches!(token.kind, Kind::Word(_)));
    // `half as many as 4 * 6`, `2 more apples than 3 * 4`; not beyond another number, as in `3 boxes of 4 make 3 * 4`.
    let said = tokens[..side.start].iter().rev();
    let words = said.map_while(|token| match &token.kind {
        Kind::Word(word) => Some(word.as_str()),
        _ => None,
    });
    let spoiled = words.take(1 + LOOK).any(is_spoiler);
    (depth == 0 && !spoiled && !side.tokens.is_empty()).then_some(side)
}

/// Whether a unit follows the scale word at `at`: `5 million dollars`.
fn unit_of_scale(tokens: &[Token], at: usize) -> bool {
    matches!(tokens.get(at + 1).map(|t| &t.kind), Some(Kind::Word(_)))
        && matches!(
            tokens.get(at + 2).map(|t| &t.kind),
            Some(Kind::Op(_) | Kind::Equals | Kind::Close)
        )
}

/// The expression that begins after the token `equals`.
fn right_side(tokens: &[Token], equals: usize) -> Option<Side<'_>> {
    let start = equals + 1;
    let mut side =
        Side { start, tokens: Vec::new(), units: Vec::new(), end: start, after_word: false };
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        let previous = &tokens[at - 1];
        let next = tokens.get(at + 1);
        match &token.kind {
            Kind::Taint => return None,
            Kind::Break | Kind::Equals => break,
            Kind::Word(word) if !ends_value(previous) => {
                trim_dash(&mut side, previous, token, word)?;
                break;
            }
            Kind::Word(word) if scale(word).is_some() => side.tokens.push(token),
            Kind::Word(word) => {
                if is_variable(word) && !matches!(word.as_str(), "a" | "i") {
                    return None;
                }
                side.units.push(word);
                side.end = at;
                let goes_on = match next.map(|next| &next.kind) {
                    Some(Kind::Op('^')) => false,
                    Some(Kind::Op(_)) => begins_value(tokens.get(at + 2)),
                    Some(Kind::Close) => depth > 0,
                    Some(Kind::Equals) => true,
                    _ => false,
                };
                if !goes_on {
                    // The next word may be any word, not a unit, where nothing else has one.
                    algebra(tokens, at)?;
                    break;
                }
            }
            // A remark in brackets.
            Kind::Open if depth == 0 && ends_value(previous) && token.spaced => break,
            Kind::Number { .. } if ends_value(previous) => return None,
            Kind::Open => {
                depth += 1;
                side.tokens.push(token);
            }
            Kind::Close if depth == 0 => break,
            Kind::Close => {
                depth -= 1;
                side.tokens.push(token);
            }
            Kind::Number { .. } | Kind::Percent | Kind::Op(_) | Kind::Fraction => {
                side.tokens.push(token);
            }
        }
        at += 1;
        side.end = at;
    }
    let words = tokens
        .iter()
        .skip(at)
        .take_while(|token| matches!(token.kind, Kind::Word(_) | Kind::Open | Kind::Close));
    let spoiled = words.take(LOOK).any(|token| match &token.kind {
        Kind::Word(word) => is_spoiler(word),
        _ => false,
    });
    (depth == 0 && !spoiled && !side.tokens.is_empty()).then_some(side)
}

/// A word straight after an operator ends the side where the operator is a dash or a hyphen
/// (`= 10 - so ...`, `= 7-day`, `= 10/hour`) and makes it algebra everywhere else.
fn trim_dash(side: &mut Side<'_>, operator: &Token, word: &Token, text: &str) -> Option<()> {
    let dash = operator.kind == Kind::Op('-') && operator.spaced == word.spaced;
    let rate = operator.kind == Kind::Op('/') && !word.spaced;
    if !(dash || rate) || is_variable(text) || side.tokens.len() < 2 {
        return None;
    }
    side.tokens.pop();
    side.end -= 1;
    Some(())
}

/// `None` when an operator after the unit at `at` goes on with a variable: `= 8 apples + x`.
fn algebra(tokens: &[Token], at: usize) -> Option<()> {
    let sign = match tokens.get(at + 1).map(|token| &token.kind) {
        // `cm^2`.
        Some(Kind::Op('^')) => return Some(()),
        Some(Kind::Op(sign)) => *sign,
        _ => return Some(()),
    };
    match tokens.get(at + 2).map(|token| &token.kind) {
        Some(Kind::Word(word)) if matches!(sign, '-' | '/') && !is_variable(word) => Some(()),
        _ => None,
    }
}
