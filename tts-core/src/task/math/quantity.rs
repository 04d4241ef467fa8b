//! Quantities that are more than a number and a unit that can be dropped.
//!
//! Scale words multiply. `2 and 3/5` is one number. In a list of unlike things (`2 hours and 30
//! minutes`, `5 ft 3 in`) the units say which value is whose, and so become names. Words that only
//! comment on a value, `72, in total`, are no part of a list.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed};

use super::expression::parse;
use super::moment::MONTH_NAMES;
use super::polynomial::Polynomial;
use super::token::Token;
use super::unit;

/// What a scale word multiplies by.
pub(super) fn scale(word: &str) -> Option<BigRational> {
    let (top, bottom): (u64, u64) = match word.to_ascii_lowercase().as_str() {
        "dozen" | "dozens" => (12, 1),
        "hundred" | "hundreds" => (100, 1),
        "thousand" | "thousands" => (1000, 1),
        "million" | "millions" => (1_000_000, 1),
        "billion" | "billions" => (1_000_000_000, 1),
        "trillion" | "trillions" => (1_000_000_000_000, 1),
        "half" | "halves" => (1, 2),
        "third" | "thirds" => (1, 3),
        "fourth" | "fourths" | "quarter" | "quarters" => (1, 4),
        "fifth" | "fifths" => (1, 5),
        "sixth" | "sixths" => (1, 6),
        "seventh" | "sevenths" => (1, 7),
        "eighth" | "eighths" => (1, 8),
        "ninth" | "ninths" => (1, 9),
        "twelfth" | "twelfths" => (1, 12),
        "tenth" | "tenths" => (1, 10),
        "hundredth" | "hundredths" => (1, 100),
        "thousandth" | "thousandths" => (1, 1000),
        _ => return None,
    };
    Some(BigRational::new(BigInt::from(top), BigInt::from(bottom)))
}

/// Whether a word after a number makes it larger, and so is part of it.
pub(super) fn magnifies(word: &str) -> bool {
    scale(word).is_some_and(|factor| factor.is_integer())
}

/// Whether a word after a value changes it, and so is no unit to drop.
pub(super) fn decides(words: &str) -> bool {
    words.to_lowercase().split(' ').any(|word| {
        matches!(word, "am" | "pm" | "a.m" | "p.m" | "north" | "south" | "east" | "west")
            || MONTH_NAMES.contains(&word)
            || scale(word).is_some()
    })
}

/// `5 million` as `5 * 1000000`: scale words after a value become factors. A joint in the words of
/// a `\text{}` becomes one.
pub(super) fn scaled(tokens: Vec<Token>) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let Token::Word(phrase) = &token else {
            out.push(token);
            continue;
        };
        // `\text{ million dollars}` is one word to the lexer.
        let mut rest = phrase.trim();
        while matches!(
            out.last(),
            Some(Token::Number(..) | Token::Fraction(..) | Token::Close(_) | Token::Root(..))
        ) {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let Some(factor) = rest.get(..end).and_then(scale) else { break };
            out.extend([Token::Op('*'), Token::Number(factor, None)]);
            rest = rest.get(end..).unwrap_or_default().trim_start();
        }
        // `\text{ hours and }` holds a unit and a joint.
        let joint = [" and", " or"].iter().find_map(|joint| rest.strip_suffix(joint));
        let unit = joint.unwrap_or(rest).trim_end_matches([',', ' ']);
        if !unit.is_empty() {
            let chars: Vec<char> = unit.chars().collect();
            let known = unit::scan(&chars, 0, true).filter(|(_, end)| *end == chars.len());
            out.push(match known {
                Some((unit, _)) => match unit::currency(&unit) {
                    Some(currency) => Token::Currency(currency),
                    None => Token::Word(unit),
                },
                None => Token::Word(unit.to_owned()),
            });
        }
        if joint.is_some() {
            out.push(Token::And);
        }
    }
    smaller(&mut out);
    out
}

/// Words behind a quantity that a smaller one follows: `2 min 30 s`, `3 pounds 4 ounces`. What may be a
/// variable or a currency elsewhere is a unit there.
fn smaller(tokens: &mut [Token]) {
    let measure = |token: &Token| match token {
        Token::Word(word) => unit::measure(word),
        Token::Symbol(letter) if letter.len() == 1 => unit::measure(letter),
        _ => None,
    };
    for at in 0..tokens.len().saturating_sub(3) {
        let [Token::Number(..), first, rest @ ..] = tokens.get(at..).unwrap_or_default() else {
            continue;
        };
        let ([Token::And | Token::Op(','), Token::Number(..), second, ..]
        | [Token::Number(..), second, ..]) = rest
        else {
            continue;
        };
        let ounces = matches!(second, Token::Word(word) if word == "oz");
        let pounds = matches!(first, Token::Word(word) if word.to_lowercase().trim_end_matches('s') == "pound");
        if ounces && (pounds || *first == Token::Currency("GBP")) {
            if let Some(slot) = tokens.get_mut(at + 1) {
                *slot = Token::Word("lb".into());
            }
            continue;
        }
        let (Token::Word(_), Token::Symbol(letter)) = (first, second) else { continue };
        let (Some(one), Some(two)) = (measure(first), measure(second)) else { continue };
        if one.is_alike(&two) && two.scale < one.scale {
            let unit = Token::Word(letter.clone());
            let place =
                tokens.len() - rest.len() + rest.iter().position(|t| t == second).unwrap_or(0);
            if let Some(slot) = tokens.get_mut(place) {
                *slot = unit;
            }
        }
    }
}

/// Labels of hours, minutes and seconds, and of feet and inches, that stand right behind digits.
const LABELS: [(&str, &str, u8); 15] = [
    ("hrs", "hour", 3),
    ("hr", "hour", 3),
    ("h", "hour", 3),
    ("mins", "min", 2),
    ("min", "min", 2),
    ("m", "min", 2),
    ("secs", "sec", 1),
    ("sec", "sec", 1),
    ("s", "sec", 1),
    ("d", "day", 4),
    ("''", "inch", 11),
    ("'", "ft", 12),
    ("\"", "inch", 11),
    ("″", "inch", 11),
    ("′", "ft", 12),
];

/// `1h 5m` as `1 hour 5 min`, `7'1"` as `7 ft 1 inch`; and where it ends.
pub(super) fn labelled(chars: &[char], at: usize) -> Option<(String, usize)> {
    let mut out = String::new();
    let (mut end, mut to, mut last, mut count) = (at, at, u8::MAX, 0);
    loop {
        let digits: String = chars
            .iter()
            .skip(end)
            .take(6)
            .take_while(|c| c.is_ascii_digit() || **c == '.')
            .collect();
        if digits.is_empty() || digits.starts_with('.') || digits.ends_with('.') {
            break;
        }
        end += digits.len();
        let here = |text: &str| text.chars().zip(end..).all(|(c, at)| chars.get(at) == Some(&c));
        let Some((label, unit, rank)) = LABELS.iter().find(|(label, ..)| here(label)) else {
            break;
        };
        end += label.chars().count();
        let family = last == u8::MAX || (last > 10) == (*rank > 10);
        // `100 m 5 s` has no hours, and its m are metres.
        let begins = last != u8::MAX || *label != "m" || *rank > 10;
        if *rank >= last
            || !family
            || !begins
            || chars.get(end).is_some_and(|c| c.is_alphanumeric() && !c.is_ascii_digit())
        {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&digits);
        out.push(' ');
        out.push_str(unit);
        (last, count, to) = (*rank, count + 1, end);
        while chars.get(end) == Some(&' ') {
            end += 1;
        }
    }
    (count > 1).then_some((out, to))
}

/// A whole answer of such labels.
pub(super) fn labels(core: &str) -> Option<String> {
    if core.len() > 40
        || !core.starts_with(|c: char| c.is_ascii_digit())
        || !core.contains(['h', 'd', 'm', '\'', '′', '"', '″'])
    {
        return None;
    }
    let chars: Vec<char> = core.chars().collect();
    if let Some(inches) =
        core.strip_suffix(['"', '″']).filter(|n| n.bytes().all(|b| b.is_ascii_digit()))
    {
        return Some(format!("{inches} inch"));
    }
    labelled(&chars, 0).filter(|(_, end)| *end == chars.len()).map(|(text, _)| text)
}

/// A whole number and a fraction that "and" joins: `2 and 3/5`.
pub(super) fn mixed(tokens: &[Token]) -> Option<Vec<Token>> {
    let (negative, tokens) = match tokens {
        [Token::Op('-'), rest @ ..] => (true, rest),
        _ => (false, tokens),
    };
    let [Token::Number(whole, None), Token::And, rest @ ..] = tokens else { return None };
    let length = match rest {
        [Token::Fraction(..), ..] => 1,
        [Token::Number(..), Token::Op('/' | '*'), Token::Number(..), ..] => 3,
        _ => return None,
    };
    let (part, units) = rest.split_at(length);
    let value = Polynomial::of(&parse(part)?)?.rational()?;
    let proper = value.is_positive() && value < BigRational::one();
    let units_only = units.iter().all(|t| matches!(t, Token::Word(_) | Token::Currency(_)));
    if !whole.is_integer() || !whole.is_positive() || !proper || !units_only {
        return None;
    }
    let value = if negative { -(whole + value) } else { whole + value };
    let mut out = vec![Token::Number(value, None)];
    out.extend_from_slice(units);
    Some(out)
}

/// The quantities of unlike units that stand side by side: `5 ft 3 in`.
pub(super) fn quantities(part: &[Token]) -> Vec<&[Token]> {
    let pairs: Vec<&[Token]> = part.chunks(2).collect();
    let quantity = |pair: &&[Token]| match pair {
        [Token::Number(..), Token::Word(word)] => unit::measure(word).is_some(),
        _ => false,
    };
    if pairs.len() > 1 && pairs.iter().all(quantity) { pairs } else { vec![part] }
}

/// The parts of a list without words that comment on the value before them.
pub(super) fn commented(parts: Vec<&[Token]>) -> Vec<&[Token]> {
    let prose = |part: &[Token]| part.iter().all(|t| matches!(t, Token::Word(_)));
    let comment = |part: &[Token]| {
        matches!(part.first(), Some(Token::Word(word)) if COMMENTS.contains(
            &word.to_ascii_lowercase().split(' ').next().unwrap_or_default()))
    };
    if parts.first().is_none_or(|first| prose(first)) {
        return parts;
    }
    parts.into_iter().filter(|part| !(prose(part) && comment(part))).collect()
}

const COMMENTS: [&str; 19] = [
    "in",
    "as",
    "so",
    "by",
    "for",
    "to",
    "on",
    "at",
    "of",
    "with",
    "respectively",
    "approximately",
    "altogether",
    "exactly",
    "total",
    "rounded",
    "precisely",
    "assuming",
    "if",
];

/// A unit in one spelling, to name a value by.
pub(super) fn unit_name(units: &[Token]) -> String {
    let mut name = String::from("unit");
    for unit in units {
        let Token::Word(word) = unit else { continue };
        let lower = word.to_lowercase();
        name.push(' ');
        // A known unit has one spelling already, in which case means something.
        name.push_str(if unit::measure(word).is_some() {
            word
        } else {
            lower.strip_suffix('s').unwrap_or(&lower)
        });
    }
    name
}

/// The unit that a name made by [`unit_name`] is for.
pub(super) fn unit_of(name: &str) -> Option<&str> {
    name.strip_prefix("unit ")
}
