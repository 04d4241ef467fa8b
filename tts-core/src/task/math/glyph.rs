//! Characters beyond ASCII, in the notation that the lexer reads.
//!
//! A raised run becomes an exponent, a lowered one a subscript, a vulgar fraction a `\frac`, a digit
//! under a bar a repeating decimal. Quotation marks and soft spaces vanish. Everything else stays.

use std::borrow::Cow;

const RAISED: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const LOWERED: &str = "₀₁₂₃₄₅₆₇₈₉";

/// Numerator and denominator of a character that is a fraction.
pub(super) fn fraction(c: char) -> Option<(u32, u32)> {
    Some(match c {
        '½' => (1, 2),
        '⅓' => (1, 3),
        '⅔' => (2, 3),
        '¼' => (1, 4),
        '¾' => (3, 4),
        '⅕' => (1, 5),
        '⅖' => (2, 5),
        '⅗' => (3, 5),
        '⅘' => (4, 5),
        '⅙' => (1, 6),
        '⅚' => (5, 6),
        '⅐' => (1, 7),
        '⅛' => (1, 8),
        '⅜' => (3, 8),
        '⅝' => (5, 8),
        '⅞' => (7, 8),
        '⅑' => (1, 9),
        '⅒' => (1, 10),
        _ => return None,
    })
}

/// The plain characters of a run of raised or lowered ones at the head of `text`.
fn run(text: &str, digits: &str, others: [(char, char); 3]) -> (String, usize) {
    let mut out = String::new();
    let mut length = 0;
    for c in text.chars() {
        let place = digits.chars().position(|d| d == c);
        let digit = place.and_then(|at| char::from_digit(u32::try_from(at).ok()?, 10));
        let other = others.iter().find(|(from, _)| *from == c).map(|(_, to)| *to);
        let Some(plain) = digit.or(other) else { break };
        out.push(plain);
        length += c.len_utf8();
    }
    (out, length)
}

/// `text` in characters that the lexer knows.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(c) = rest.chars().next() else { break };
        let mut length = c.len_utf8();
        let (raised, raised_length) = run(rest, RAISED, [('⁻', '-'), ('⁺', '+'), ('ⁿ', 'n')]);
        let (lowered, lowered_length) = run(rest, LOWERED, [('ₙ', 'n'), ('ₓ', 'x'), ('ᵢ', 'i')]);
        if raised_length > 0 {
            out.extend(["^{", raised.as_str(), "}"]);
            length = raised_length;
        } else if lowered_length > 0 {
            out.extend(["_{", lowered.as_str(), "}"]);
            length = lowered_length;
        } else if let Some((top, bottom)) = fraction(c) {
            let (top, bottom) = (top.to_string(), bottom.to_string());
            out.extend(["\\frac{", top.as_str(), "}{", bottom.as_str(), "}"]);
        } else {
            match c {
                // A bar over the digit before it.
                '\u{305}' => {
                    if let Some(digit) = out.pop() {
                        out.extend(["\\overline{", digit.encode_utf8(&mut [0; 4]), "}"]);
                    }
                }
                '\u{ff01}'..='\u{ff5e}' => {
                    let ascii = char::from_u32(u32::from(c) - 0xff01 + 0x21);
                    out.push(ascii.unwrap_or(c));
                }
                '“' | '”' | '«' | '»' | '\u{200b}' | '\u{feff}' | '\u{2060}' => {}
                '∛' => out.push_str("\\sqrt[3]"),
                '∜' => out.push_str("\\sqrt[4]"),
                '∅' => out.push_str("\\emptyset "),
                'ℝ' => out.push_str("\\mathbb{R}"),
                'ℤ' => out.push_str("\\mathbb{Z}"),
                'ℕ' => out.push_str("\\mathbb{N}"),
                'ℚ' => out.push_str("\\mathbb{Q}"),
                '∖' => out.push_str("\\setminus "),
                '∩' => out.push_str("\\cap "),
                '⌊' => out.push_str("\\lfloor "),
                '⌋' => out.push_str("\\rfloor "),
                '⌈' => out.push_str("\\lceil "),
                '⌉' => out.push_str("\\rceil "),
                '∧' | '∨' => out.push_str("\\land "),
                '∓' => out.push_str("\\mp "),
                '⁄' | '∕' => out.push('/'),
                '…' => out.push_str("..."),
                '′' | '’' | '‘' => out.push('\''),
                '‑' | '‐' => out.push('-'),
                '∶' => out.push(':'),
                'µ' | 'μ' => out.push_str("\\mu "),
                'Ω' | '\u{2126}' => out.push_str("\\Omega "),
                '″' => out.push('"'),
                '≡' => out.push_str("\\equiv "),
                'α' => out.push_str("\\alpha "),
                'β' => out.push_str("\\beta "),
                'φ' | 'ϕ' => out.push_str("\\phi "),
                'λ' => out.push_str("\\lambda "),
                'ℎ' => out.push('h'),
                _ => out.push(c),
            }
        }
        at += length;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn runs_fractions_and_bars() {
        for (text, expected) in [
            ("10⁻¹²", "10^{-12}"),
            ("x₁₂", "x_{12}"),
            ("4¾", "4\\frac{3}{4}"),
            ("0.7̅", "0.\\overline{7}"),
            ("４２", "42"),
            ("“7”", "7"),
            ("7 é", "7 é"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
