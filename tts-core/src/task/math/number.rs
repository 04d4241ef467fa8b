//! Number literals as people write them, read into exact rationals.
//!
//! A literal is scanned first (where it ends, which digits it has) and valued after, so that a
//! megabyte of digits costs one pass and no big-integer work. Thousands may be grouped by commas,
//! by single spaces, by TeX's `{,}` and `,\!`, or by points when a decimal comma follows.
//!
//! Grouping conventions follow the number cases of `math-verify` 0.9 (Apache-2.0); no code is
//! taken from it.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};

/// Stands for a TeX thousands separator, which is never a list comma.
pub(super) const GROUP: char = '\u{1}';

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
        let digits: BigInt = self.digits.parse().ok()?;
        let shift = self.exponent - i64::try_from(self.places).ok()?;
        let scale = BigInt::from(10).pow(u32::try_from(shift.unsigned_abs()).ok()?);
        Some(if shift < 0 {
            BigRational::new(digits, scale)
        } else {
            BigRational::from_integer(digits * scale)
        })
    }

    /// Digits from the first that is not zero.
    pub(super) fn significant(&self) -> usize {
        self.digits.trim_start_matches('0').len()
    }
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

/// Index of the three digits after a thousands separator at `at`, and which separator it is.
fn group_after(chars: &[char], at: usize, commas: bool) -> Option<(char, usize)> {
    let mark = skip_spaces(chars, at);
    let (kind, next) = match chars.get(mark) {
        Some(&GROUP) => (GROUP, skip_spaces(chars, mark + 1)),
        _ => match chars.get(at)? {
            ',' if commas => (',', at + 1),
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' => (' ', at + 1),
            '.' if commas => ('.', at + 1),
            _ => return None,
        },
    };
    (digits_from(chars.get(next..)?.get(..4.min(chars.len() - next))?, 0) == 3)
        .then_some((kind, next))
}

/// Scans the unsigned literal at `at`; `commas` says whether a comma may group thousands.
pub(super) fn scan(chars: &[char], at: usize, commas: bool) -> Option<Scan> {
    let first = digits_from(chars, at);
    let mut end = at + first;
    let mut digits: String = chars.get(at..end)?.iter().collect();
    let mut places = 0;
    let mut decimal = '.';
    if (1..=3).contains(&first) && chars.get(at) != Some(&'0') {
        let mut kind = None;
        let (mut grouped, mut to) = (digits.clone(), end);
        while let Some((separator, next)) = group_after(chars, to, commas) {
            if kind.is_some_and(|k| k != separator) {
                break;
            }
            kind = Some(separator);
            grouped.extend(chars.get(next..next + 3)?);
            to = next + 3;
        }
        let follows = |c: char| chars.get(to) == Some(&c);
        let decimals = digits_from(chars, to + 1);
        let keep = match kind {
            None => false,
            // `100,200,3` is a list; grouping stops to make sense at the short last part.
            Some(',') => !(follows(',') && decimals > 0),
            // Points group only before a decimal comma: `1.234` alone is a decimal.
            Some('.') => {
                follows(',') && (1..=2).contains(&decimals) && {
                    decimal = ',';
                    true
                }
            }
            Some(_) => true,
        };
        if keep {
            (digits, end) = (grouped, to);
        }
    }
    if chars.get(end) == Some(&decimal) {
        let more = digits_from(chars, end + 1);
        if more > 0 {
            digits.extend(chars.get(end + 1..=end + more)?);
            places = more;
            end += more + 1;
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
    Some(Scan { digits, places, exponent, end })
}

/// `base ^ exponent`, or `None` if it is undefined or too large to be worth it.
pub(super) fn power(base: &BigRational, exponent: i64) -> Option<BigRational> {
    if exponent == 0 || base.is_one() {
        return Some(BigRational::one());
    }
    if base.is_zero() {
        return (exponent > 0).then(BigRational::zero);
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
            ("14\u{1}916", "14916"),
            ("14 \u{1} 916", "14916"),
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
