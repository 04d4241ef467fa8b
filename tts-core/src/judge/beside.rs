//! What stands beside a verdict: `A or B` is two, `A, since B is longer` one, `a mixed answer` none.
//!
//! Words and signs that may join two verdicts are passed over, with marks of emphasis and brackets between them; whether
//! what stands behind them is a verdict is for the reader to say, who knows what was asked for.
//!
//! Source: none; a rule of this library.

/// What joins what was said to what stands beside it, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Joint {
    /// An explanation may follow it.
    Comma,
    /// In words; of numbers it makes a range.
    Dash,
    /// `or`, a slash: what follows is one more of the kind.
    Other,
}

/// What stands beside what was said, behind `or`, a comma, a dash, and the strongest that joins them; `None` where nothing does.
///
/// ```
/// use tts_core::judge::{Joint, beside};
/// assert_eq!(beside(" or **B**."), Some(("B**.", Joint::Other)));
/// assert_eq!(beside(", since it is shorter"), Some(("since it is shorter", Joint::Comma)));
/// assert_eq!(beside(" is organic"), None);
/// ```
pub fn beside(rest: &str) -> Option<(&str, Joint)> {
    const BETWEEN: [(&str, Joint); 10] = [
        ("or", Joint::Other),
        ("and", Joint::Other),
        ("to", Joint::Other),
        ("/", Joint::Other),
        ("|", Joint::Other),
        ("&", Joint::Other),
        (",", Joint::Comma),
        ("-", Joint::Dash),
        ("\u{2013}", Joint::Dash),
        ("\u{2014}", Joint::Dash),
    ];
    let inner = |rest: &'_ str| -> usize {
        let marks = |c: char| c.is_whitespace() || "()[]*_\"'".contains(c);
        rest.len() - rest.trim_start_matches(marks).len()
    };
    let (mut rest, mut strongest) = (&rest[inner(rest)..], None);
    loop {
        let behind = BETWEEN.iter().find_map(|&(between, joint)| {
            let head = rest.get(..between.len())?;
            let behind = &rest[between.len()..];
            // `organic` is not an `or`.
            let word = between.starts_with(char::is_alphabetic);
            let whole = !(word && behind.starts_with(char::is_alphanumeric));
            (whole && head.eq_ignore_ascii_case(between)).then_some((behind, joint))
        });
        match behind {
            Some((behind, joint)) => {
                (rest, strongest) = (&behind[inner(behind)..], strongest.max(Some(joint)));
            }
            None => return strongest.map(|joint| (rest, joint)),
        }
    }
}

/// Whether nothing is said from here on: `Yes, no` names two, `Yes, no step is wrong` one.
pub fn ends(rest: &str) -> bool {
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || ".!?)]}*_\"'".contains(c));
    rest.is_empty()
}

/// Whether a letter may be a word, where what was asked for is the letter as it is `known`: a word follows (`a mixed answer`).
pub fn is_word(letter: char, known: char, rest: &str) -> bool {
    let follows =
        rest.starts_with(char::is_whitespace) && rest.trim_start().starts_with(char::is_alphabetic);
    follows && (letter != known || matches!(letter, 'A' | 'a' | 'I' | 'i'))
}
