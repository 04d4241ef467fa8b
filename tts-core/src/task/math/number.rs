//! Number literals as people write them, read into exact rationals.
//!
//! A literal is scanned first (where it ends, which digits it has) and valued after, so that a
//! megabyte of digits costs one pass and no big-integer work. Thousands may be grouped by commas, by
//! one space of any kind (TeX's `\,`, `\ ` and `~` too), by apostrophes, by TeX's `{,}` and `,\!`, by
//! points when a decimal comma follows or two groups do, and by commas in the Indian way
//! (`12,34,567`). A space groups nothing before a fraction: `7 299/500` is a mixed number. Decimals
//! repeat under a bar or dots, in parentheses, or visibly before an ellipsis.
//!
//! Grouping conventions follow the number cases of `math-verify` 0.9 (Apache-2.0); no code is
//! taken from it.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};

/// Stands for a TeX thousands separator, which is never a list comma.
const GROUP: char = '\u{1}';

/// More digits than this are not worth arithmetic; the answer is then compared as text.
const MAX_DIGITS: usize = 1000;
/// Exponents of ten beyond this are refused for the same reason.
const MAX_EXPONENT: i64 = 2000;
/// Bits that an exact power may have.
const MAX_BITS: u64 = 1 << 14;

/// Where a literal stands and what its digits are.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// Digits before and after the point, without either separator.
    digits: String,
    /// How many of the digits stand after the point.
    pub(super) places: usize,
    /// How many digits at the end repeat for ever.
    repeating: usize,
    exponent: i64,
    /// Index just after the literal.
    pub(super) end: usize,
}

impl Scan {
    /// The exact value, or `None` if the literal is too large to be worth it.
    pub(super) fn value(&self) -> Option<BigRational> {
        if self.digits.len() > MAX_DIGITS || self.exponent.abs() > MAX_EXPONENT {
            return None;
        }
        // Most literals are a few digits, whose fraction machine integers reduce.
        if self.digits.len() < 18 && self.repeating == 0 && self.exponent == 0 && self.places < 18 {
            let digits: i64 = self.digits.parse().ok()?;
            let scale = 10_i64.checked_pow(u32::try_from(self.places).ok()?)?;
            let common = gcd(digits, scale);
            return Some(BigRational::new_raw(
                BigInt::from(digits / common),
                BigInt::from(scale / common),
            ));
        }
        let mut digits: BigInt = self.digits.parse().ok()?;
        let mut places = self.places;
        let mut bottom = BigInt::one();
        if self.repeating > 0 {
            // 0.1666… = (16 - 1) / 90
            let fixed = self.digits.get(..self.digits.len() - self.repeating)?;
            let fixed: BigInt =
                if fixed.is_empty() { BigInt::zero() } else { fixed.parse().ok()? };
            digits -= fixed;
            bottom = BigInt::from(10).pow(u32::try_from(self.repeating).ok()?) - 1;
            places -= self.repeating;
        }
        let shift = self.exponent - i64::try_from(places).ok()?;
        let scale = BigInt::from(10).pow(u32::try_from(shift.unsigned_abs()).ok()?);
        Some(if shift < 0 {
            BigRational::new(digits, scale * bottom)
        } else {
            BigRational::new(digits * scale, bottom)
        })
    }

    /// Whether the literal gives so many decimals that it may be a rounded value.
    pub(super) fn is_rounded(&self) -> bool {
        self.repeating == 0 && self.places >= 6 && self.significant() >= 6
    }

    /// Digits from the first that is not zero.
    fn significant(&self) -> usize {
        self.digits.trim_start_matches('0').len()
    }
}

/// The greatest common divisor of two numbers that are not negative, the second not zero.
pub(super) fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn digits_from(chars: &[char], at: usize) -> usize {
    chars.iter().skip(at).take_while(|c| c.is_ascii_digit()).count()
}

fn skip_spaces(chars: &[char], mut at: usize) -> usize {
    while chars.get(at).is_some_and(|c| *c == ' ') {
        at += 1;
    }
    at
}

/// The separator of thousands at `at`, and the index after it.
fn separator(chars: &[char], at: usize, commas: bool) -> Option<(char, usize)> {
    const TEX: [(&str, char); 10] = [
        ("{,}", GROUP),
        ("{, }", GROUP),
        ("{ ,}", GROUP),
        ("{\\,}", GROUP),
        (",\\!", GROUP),
        ("\\,", ' '),
        ("\\ ", ' '),
        ("\\;", ' '),
        ("\\:", ' '),
        ("\\>", ' '),
    ];
    let mark = skip_spaces(chars, at);
    let starts =
        |from: usize, text: &str| text.chars().zip(from..).all(|(c, i)| chars.get(i) == Some(&c));
    if let Some((text, kind)) = TEX.iter().find(|(text, _)| starts(mark, text)) {
        let after = mark + text.len();
        return Some((*kind, if *kind == GROUP { skip_spaces(chars, after) } else { after }));
    }
    match chars.get(at)? {
        ',' if commas => Some((',', at + 1)),
        ' ' | '~' | '\u{a0}' | '\u{202f}' | '\u{2009}' => Some((' ', at + 1)),
        '.' if commas => Some(('.', at + 1)),
        '\'' | '_' => Some((*chars.get(at)?, at + 1)),
        _ => None,
    }
}

/// Index of the three digits after a thousands separator at `at`, and which separator it is.
fn group_after(chars: &[char], at: usize, commas: bool) -> Option<(char, usize)> {
    let (kind, next) = separator(chars, at, commas)?;
    (digits_from(chars.get(next..)?.get(..4.min(chars.len() - next))?, 0) == 3)
        .then_some((kind, next))
}

/// Digits grouped by hundreds down to the last thousand, `12,34,567`, and where they end.
fn indian(chars: &[char], at: usize, first: usize) -> Option<(String, usize)> {
    if first > 2 {
        return None;
    }
    let mut digits: String = chars.get(at..at + first)?.iter().collect();
    let mut to = at + first;
    let mut pairs = 0;
    while chars.get(to) == Some(&',') {
        let count = digits_from(chars.get(to + 1..)?.get(..4.min(chars.len() - to - 1))?, 0);
        digits.extend(chars.get(to + 1..to + 1 + count)?);
        to += 1 + count;
        match count {
            2 => pairs += 1,
            3 if pairs > 0 && chars.get(to) != Some(&',') => return Some((digits, to)),
            _ => return None,
        }
    }
    None
}

/// The digits that repeat from `at` on, and where their mark ends; `decimals` stand before it.
fn repetition(chars: &[char], at: usize, decimals: &str) -> Option<(String, usize)> {
    let starts =
        |from: usize, text: &str| text.chars().zip(from..).all(|(c, i)| chars.get(i) == Some(&c));
    if chars.get(at) == Some(&'(') {
        let count = digits_from(chars, at + 1);
        let closes = count > 0 && chars.get(at + 1 + count) == Some(&')');
        let ends = !chars.get(at + 2 + count).is_some_and(|c| c.is_alphanumeric() || *c == '^');
        return (closes && ends)
            .then(|| Some((chars.get(at + 1..=at + count)?.iter().collect(), at + count + 2)))?;
    }
    for command in ["\\overline", "\\bar"] {
        if starts(at, command) {
            let mut from = skip_spaces(chars, at + command.len());
            let braced = chars.get(from) == Some(&'{');
            from += usize::from(braced);
            let count = if braced { digits_from(chars, from) } else { 1 };
            let digits: String = chars.get(from..from + count)?.iter().collect();
            let closed = !braced || chars.get(from + count) == Some(&'}');
            let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            return (closed && number).then_some((digits, from + count + usize::from(braced)));
        }
    }
    if starts(at, "\\dot") && !starts(at, "\\dots") {
        return dotted(chars, at);
    }
    let ellipsis = ["...", "\\ldots", "\\dots", "\\cdots"].iter().find(|e| starts(at, e))?;
    let length = decimals.len();
    // One digit has to be seen three times, a longer block twice.
    let period = (1..=length.min(12) / 2).find(|period| {
        let seen = if *period == 1 { 3 } else { 2 * period };
        length >= seen
            && decimals
                .bytes()
                .rev()
                .zip(decimals.bytes().rev().skip(*period))
                .take(seen - period)
                .all(|(a, b)| a == b)
    })?;
    Some((decimals.get(length - period..)?.to_owned(), at + ellipsis.len()))
}

/// `\dot{6}`, or the block from one dotted digit to the other: `\dot{1}4285\dot{7}`.
fn dotted(chars: &[char], at: usize) -> Option<(String, usize)> {
    let digit = |at: usize| {
        let text: String = chars.get(at..)?.iter().take(7).collect();
        let inner = text.strip_prefix("\\dot")?;
        let digit = inner.trim_start_matches('{').chars().next().filter(char::is_ascii_digit)?;
        if inner.starts_with('{') {
            inner.ends_with('}').then_some((digit, at + 7))
        } else {
            Some((digit, at + 5))
        }
    };
    let (first, mut end) = digit(at)?;
    let mut block = String::from(first);
    let between = digits_from(chars, end);
    if let Some((last, after)) = digit(end + between) {
        block.extend(chars.get(end..end + between)?);
        block.push(last);
        end = after;
    }
    Some((block, end))
}

/// Scans the unsigned literal at `at`; `commas` says whether a comma may group thousands.
pub(super) fn scan(chars: &[char], at: usize, commas: bool) -> Option<Scan> {
    let first = digits_from(chars, at);
    let mut end = at + first;
    let mut digits: String = chars.get(at..end)?.iter().collect();
    let mut decimal = '.';
    if (1..=3).contains(&first) && chars.get(at) != Some(&'0') {
        if let Some(found) = grouped(chars, at, commas, &mut decimal) {
            (digits, end) = found;
        } else if commas && let Some(found) = indian(chars, at, first) {
            (digits, end) = found;
        }
    }
    let (mut places, mut repeating) = (0, 0);
    if chars.get(end) == Some(&decimal) {
        let more = digits_from(chars, end + 1);
        let decimals: String = chars.get(end + 1..=end + more).unwrap_or_default().iter().collect();
        let repeated = repetition(chars, end + 1 + more, &decimals);
        if more > 0 || (repeated.is_some() && !digits.is_empty()) {
            digits.push_str(&decimals);
            places = more;
            end += more + 1;
        }
        if let Some((block, after)) = repeated.filter(|_| !digits.is_empty()) {
            // What an ellipsis repeats stands among the decimals already.
            digits.push_str(&block);
            places += block.len();
            repeating = block.len();
            end = after;
        }
    }
    if digits.is_empty() {
        return None;
    }
    let mut exponent = 0;
    if matches!(chars.get(end), Some('e' | 'E')) {
        let negative = chars.get(end + 1) == Some(&'-');
        let from = end + 1 + usize::from(matches!(chars.get(end + 1), Some('+' | '-')));
        let count = digits_from(chars, from);
        if count > 0 {
            let text: String = chars.get(from..from + count.min(10))?.iter().collect();
            exponent = text.parse().unwrap_or(i64::MAX / 2);
            if negative {
                exponent = -exponent;
            }
            end = from + count;
        }
    }
    Some(Scan { digits, places, repeating, exponent, end })
}

/// The digits of a literal whose thousands are grouped, and where they end.
fn grouped(chars: &[char], at: usize, commas: bool, decimal: &mut char) -> Option<(String, usize)> {
    let mut to = at + digits_from(chars, at);
    let mut digits: String = chars.get(at..to)?.iter().collect();
    let mut kind = None;
    let mut groups = 0;
    while let Some((separator, next)) = group_after(chars, to, commas) {
        if kind.is_some_and(|k| k != separator) {
            break;
        }
        kind = Some(separator);
        groups += 1;
        digits.extend(chars.get(next..next + 3)?);
        to = next + 3;
    }
    let follows = |c: char| chars.get(to) == Some(&c);
    let decimals = digits_from(chars, to + 1);
    let keep = match kind? {
        // `100,200,3` is a list; grouping stops to make sense at the short last part.
        ',' => !(follows(',') && decimals > 0),
        // Points group before a decimal comma, or where there are two: `1.234` is a decimal.
        '.' => {
            if follows(',') && (1..=2).contains(&decimals) {
                *decimal = ',';
                true
            } else {
                groups > 1
            }
        }
        ' ' => !follows('/') || decimals == 0,
        _ => true,
    };
    keep.then_some((digits, to))
}

/// `base ^ exponent`, or `None` if it is undefined or too large to be worth it.
pub(super) fn power(base: &BigRational, exponent: i64) -> Option<BigRational> {
    if exponent == 0 || base.is_one() {
        return Some(BigRational::one());
    }
    if base.is_zero() {
        return (exponent > 0).then(BigRational::zero);
    }
    if exponent == -1 {
        return Some(base.recip());
    }
    let bits = base.numer().bits().max(base.denom().bits());
    if bits.checked_mul(exponent.unsigned_abs())? > MAX_BITS {
        return None;
    }
    let size = u32::try_from(exponent.unsigned_abs()).ok()?;
    let (top, bottom) = (base.numer().pow(size), base.denom().pow(size));
    Some(if exponent > 0 { BigRational::new(top, bottom) } else { BigRational::new(bottom, top) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let chars: Vec<char> = text.chars().collect();
        let scan = scan(&chars, 0, true)?;
        (scan.end == chars.len()).then(|| scan.value().map(|v| v.to_string()))?
    }

    #[test]
    fn literals() {
        for (text, value) in [
            ("7,425,000", "7425000"),
            ("1 000", "1000"),
            ("14{,}916", "14916"),
            ("14 {,} 916", "14916"),
            ("3~141", "3141"),
            ("3\\ 141", "3141"),
            ("3'141'592", "3141592"),
            ("4.321.987", "4321987"),
            ("43,21,987", "4321987"),
            ("0.4\\overline{81}", "53/110"),
            ("0.\\dot{4}", "4/9"),
            ("0.\\dot{1}4285\\dot{7}", "1/7"),
            ("2.(45)", "27/11"),
            ("0.777...", "7/9"),
            ("0.8333...", "5/6"),
            ("1,000.99", "100099/100"),
            ("1.234,5", "2469/2"),
            ("1.234", "617/500"),
            (".4", "2/5"),
            ("1.5e3", "1500"),
            ("25E-1", "5/2"),
        ] {
            assert_eq!(read(text).as_deref(), Some(value), "{text}");
        }
        assert_eq!(read("1e99999999999999"), None);
        assert_eq!(read("100,200,3"), None);
    }

    #[test]
    fn powers_are_bounded() {
        let ten = BigRational::from_integer(10.into());
        assert_eq!(power(&ten, 999_999_999), None);
        assert_eq!(power(&BigRational::zero(), -1), None);
        assert_eq!(power(&ten, -1).map(|v| v.to_string()).as_deref(), Some("1/10"));
    }
}
