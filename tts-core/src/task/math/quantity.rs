//! Quantities that are more than a number and a unit that can be dropped.
//!
//! A clock time and a date are not the ratio, the difference or the product that their characters
//! spell. Scale words multiply. In a list of unlike things (`2 hours and 30 minutes`) the units say
//! which value is whose, and so become names.

use num_bigint::BigInt;
use num_rational::BigRational;

use super::token::Token;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const MONTH_NAMES: [&str; 13] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "sept",
    "october",
    "november",
    "december",
];

/// Longer answers are neither times nor dates.
const MAX_LENGTH: usize = 60;

/// One spelling of a clock time or a date, if the answer is one. It holds a space, which no other
/// text answer does.
pub(super) fn moment(core: &str) -> Option<String> {
    if core.len() > MAX_LENGTH {
        return None;
    }
    let mut text = core.to_lowercase();
    for (command, plain) in [("\\text", ""), ("\\mbox", ""), ("\\mathrm", ""), ("\\", " ")] {
        text = text.replace(command, plain);
    }
    text.retain(|c| c != '{' && c != '}' && c != '$');
    let text = text.trim();
    clock(text).or_else(|| numeric_date(text)).or_else(|| date(text))
}

/// `3 PM`, `3:00 p.m.`
fn clock(text: &str) -> Option<String> {
    let text = text.replace('.', "");
    let (time, half) = [("am", "am"), ("a m", "am"), ("pm", "pm"), ("p m", "pm")]
        .iter()
        .find_map(|(end, half)| Some((text.strip_suffix(end)?.trim(), *half)))?;
    let mut fields = time.split(':').map(|field| field.trim().parse::<u32>());
    let hour = fields.next()?.ok().filter(|hour| *hour <= 24)?;
    let minute = fields.next().unwrap_or(Ok(0)).ok().filter(|minute| *minute < 60)?;
    let second = fields.next().unwrap_or(Ok(0)).ok().filter(|second| *second < 60)?;
    fields.next().is_none().then(|| format!("{hour}:{minute}:{second} {half}"))
}

/// `2023-05-01`, `1/5/2023`: three numbers, one of them a year, joined alike.
fn numeric_date(text: &str) -> Option<String> {
    let mark = text.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '-' | '/'))?;
    let fields: Vec<&str> = text.split(mark).collect();
    let year = |field: &&str| field.len() == 4;
    let short = |field: &&str| (1..=2).contains(&field.len());
    let ([first, middle, last], true) =
        (fields.as_slice(), text.bytes().all(|b| b.is_ascii_digit() || b == mark as u8))
    else {
        return None;
    };
    let dated = short(middle) && ((year(first) && short(last)) || (short(first) && year(last)));
    let fields: Vec<u32> = fields.iter().filter_map(|field| field.parse().ok()).collect();
    let days = fields.iter().all(|n| *n >= 1 && (*n <= 31 || *n >= 1000));
    let spelled: Vec<String> = fields.iter().map(u32::to_string).collect();
    (dated && days && fields.len() == 3).then(|| format!("date {}", spelled.join("-")))
}

/// `5 May 2023`, `May 5th`: one month, and numbers.
fn date(text: &str) -> Option<String> {
    let mut month = None;
    let mut numbers = Vec::new();
    for word in text.split([' ', ',', '.']).filter(|word| !word.is_empty()) {
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = ["st", "nd", "rd", "th"]
                .iter()
                .find_map(|end| word.strip_suffix(end))
                .unwrap_or(word);
            numbers.push(digits.parse::<u32>().ok()?);
        } else if MONTHS.contains(&word) || MONTH_NAMES.contains(&word) {
            if month.replace(word.get(..3)?).is_some() {
                return None;
            }
        } else if !matches!(word, "of" | "the") {
            return None;
        }
    }
    let month = month.filter(|_| (1..=2).contains(&numbers.len()))?;
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    Some(format!("date {month} {}", numbers.join(" ")))
}

/// What a scale word multiplies by.
fn scale(word: &str) -> Option<BigRational> {
    let (top, bottom): (u64, u64) = match word.to_ascii_lowercase().as_str() {
        "dozen" | "dozens" => (12, 1),
        "hundred" | "hundreds" => (100, 1),
        "thousand" | "thousands" => (1000, 1),
        "million" | "millions" => (1_000_000, 1),
        "billion" | "billions" => (1_000_000_000, 1),
        "trillion" | "trillions" => (1_000_000_000_000, 1),
        "half" | "halves" => (1, 2),
        "third" | "thirds" => (1, 3),
        "fourth" | "fourths" => (1, 4),
        "fifth" | "fifths" => (1, 5),
        "sixth" | "sixths" => (1, 6),
        "eighth" | "eighths" => (1, 8),
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
            out.push(Token::Word(unit.to_owned()));
        }
        if joint.is_some() {
            out.push(Token::And);
        }
    }
    out
}

/// A unit in one spelling, to name a value by.
pub(super) fn unit_name(units: &[Token]) -> String {
    let mut name = String::from("unit");
    for unit in units {
        let Token::Word(word) = unit else { continue };
        let lower = word.to_lowercase();
        let plain = match lower.as_str() {
            "h" | "hr" | "hrs" => "hour",
            "min" | "mins" => "minute",
            "sec" | "secs" => "second",
            "feet" | "ft" => "foot",
            "inches" | "in" => "inch",
            "lb" | "lbs" => "pound",
            other => other.strip_suffix('s').unwrap_or(other),
        };
        name.push(' ');
        name.push_str(plain);
    }
    name
}
