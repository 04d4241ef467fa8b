//! The letter of an option: where a text begins with one, and where a text says that it chose one.
//!
//! A letter is an option alone (`B`), in brackets (`(B)`, `[b]`), or with a mark behind it and what the
//! option says (`B) 12`, `B. 12`, `B: 12`), within commands of style too (`\textbf{(B)}\ 12`). A letter
//! that begins a word or a sentence is none.

use super::math::refuted;

/// How many options there are where nobody says: A to J.
pub(crate) const OPTIONS: u8 = 10;

/// The letter of an option, and what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label<'a> {
    pub(crate) letter: char,
    /// Whether it stood in brackets or before a mark, and not bare.
    pub(crate) marked: bool,
    /// What the option says; empty if the letter is all.
    pub(crate) rest: &'a str,
}

const WRAPPERS: [&str; 11] = [
    r"\textbf", r"\text", r"\mathrm", r"\mathbf", r"\mbox", r"\rm", r"\bf", r"\textrm", r"\textit",
    r"\boxed", r"\large",
];

/// The capital of `c` if it is one of the first `options` letters.
pub(crate) fn option(c: char, options: u8) -> Option<char> {
    let letter = c.to_ascii_uppercase();
    let place = u32::from(letter).checked_sub(u32::from('A'))?;
    (place < u32::from(options.min(26))).then_some(letter)
}

/// The text without commands of style, quotation marks and words such as "option" before it.
fn unwrapped(text: &str) -> &str {
    let mut rest = text.trim();
    loop {
        let before = rest;
        rest = rest.trim_start_matches(['$', '*', '{', '"', '\'', '`', ' ', ':', '_']);
        for command in WRAPPERS {
            let after = rest.strip_prefix(command);
            rest = after.filter(|after| !after.starts_with(char::is_alphabetic)).unwrap_or(rest);
        }
        for word in ["the ", "option ", "choice ", "letter ", "answer "] {
            let head = rest.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word));
            rest = head.and_then(|_| rest.get(word.len()..)).unwrap_or(rest);
        }
        if rest == before {
            return rest;
        }
    }
}

/// The option that a text begins with.
pub(crate) fn label(text: &str, options: u8) -> Option<Label<'_>> {
    if text.starts_with(|c: char| c.is_ascii_digit() || "-+.".contains(c)) {
        return None;
    }
    let text = unwrapped(text);
    let (inside, bracket) = match text.strip_prefix(['(', '[']) {
        Some(inside) => (inside.trim_start(), text.chars().next()),
        None => (text, None),
    };
    let mut chars = inside.chars();
    let first = chars.next()?;
    let letter = option(first, options)?;
    let after = chars.as_str().trim_start_matches(['}', '$', '*', '`', '_', '"']);
    if let Some(bracket) = bracket {
        let close = if bracket == '(' { ')' } else { ']' };
        let rest = after.trim_start().strip_prefix(close)?;
        // `(a)(b)` and `(A) + 1` are formulas.
        let operator = rest.trim_start().starts_with(['+', '-', '*', '/', '^', '(', '=', '_']);
        return (!operator && !goes_on(rest)).then(|| Label {
            letter,
            marked: true,
            rest: trimmed(rest),
        });
    }
    if let Some(rest) = after.strip_prefix([')', '.', ':']) {
        let set_off = rest.is_empty() || rest.starts_with([' ', '}', '\\', '\n', '*', '$']);
        let name = after.starts_with(':') && rest.is_empty();
        return (set_off && !name).then(|| Label {
            letter,
            marked: first.is_uppercase() || !after.starts_with(':'),
            rest: trimmed(rest),
        });
    }
    trimmed(after).is_empty().then_some(Label { letter, marked: false, rest: "" })
}

/// Whether another option follows: `(A), (C)`, `(A) and (C)`.
pub(crate) fn goes_on(rest: &str) -> bool {
    let rest = rest.trim_start();
    let next = [", and ", ", ", ",", "& ", "and ", "or ", "/"]
        .iter()
        .find_map(|joint| rest.strip_prefix(joint));
    next.is_some_and(|next| {
        let inside = next.trim_start().trim_start_matches('(');
        let mut chars = inside.chars();
        chars.next().is_some_and(|c| {
            c.is_ascii_uppercase() || (c.is_ascii_lowercase() && inside.len() < next.len())
        }) && !chars.next().is_some_and(char::is_alphanumeric)
    })
}

fn trimmed(rest: &str) -> &str {
    let mut rest = rest.trim();
    loop {
        let before = rest;
        rest = rest.trim_start_matches(['}', '*', '$', ':', '.']).trim();
        for space in [r"\ ", r"\,", r"\quad", r"\;", "\\"] {
            rest = rest
                .strip_prefix(space)
                .filter(|after| space != "\\" || after.is_empty())
                .unwrap_or(rest);
        }
        let open = rest.matches('{').count();
        if rest.ends_with('}') && rest.matches('}').count() > open {
            rest = rest.get(..rest.len() - 1).unwrap_or(rest).trim();
        }
        rest = rest.trim_end_matches(['*', '$']).trim();
        if rest == before {
            return rest;
        }
    }
}

/// Words after which a text names the option that it takes.
const CHOOSES: [&str; 17] = [
    "letter is ",
    "letter ",
    "is option ",
    "pick ",
    "choose ",
    "chose ",
    "select ",
    "selected ",
    "picked ",
    "go with ",
    "going with ",
    "option ",
    "choice ",
    "option is ",
    "choice is ",
    "options is ",
    "one is ",
];

/// The letter that a text says it takes: "I would pick B", "the best choice is E", "(C) is correct".
pub(crate) fn chosen(text: &str, options: u8) -> Option<char> {
    if let Some(letter) = reasoned(text, options) {
        return Some(letter);
    }
    let lower = text.to_ascii_lowercase();
    let mut found: Option<(usize, char)> = None;
    for words in CHOOSES {
        for (at, _) in lower.rmatch_indices(words).take(8) {
            let rest = text.get(at + words.len()..).unwrap_or_default();
            let rest = rest.trim_start_matches(['*', '`', '_', '"', '$', ':', ' ']);
            let behind = rest.trim_start_matches(['(', '[']).get(1..).unwrap_or_default();
            if let Some(letter) = stated(rest, options)
                && refuted(behind).is_none()
                && found.is_none_or(|(before, _)| before < at)
            {
                found = Some((at, letter));
            }
        }
    }
    for words in [
        " is correct",
        " is the correct",
        " is the best",
        " is right",
        " is the right",
        " is the answer",
    ] {
        for (at, _) in lower.rmatch_indices(words).take(8) {
            let head = text.get(..at).unwrap_or_default();
            let head = head.trim_end_matches(['*', '`', '_', '"', '$', ')', ']']);
            let mut chars = head.chars();
            let letter = chars.next_back().filter(char::is_ascii_uppercase);
            let alone = !chars.next_back().is_some_and(char::is_alphanumeric);
            if let Some(letter) = letter.filter(|_| alone).and_then(|c| option(c, options))
                && found.is_none_or(|(before, _)| before < at)
            {
                found = Some((at, letter));
            }
        }
    }
    found.map(|(_, letter)| letter).or_else(|| concluded(text, options))
}

/// The letter that a text gives a reason for: "B, because 3 > 2", "(B) since A is false".
pub(crate) fn reasoned(text: &str, options: u8) -> Option<char> {
    const REASONS: [&str; 6] = ["because ", "since ", "as ", "for ", "given ", "due to "];
    let text = text.trim_start().trim_start_matches(['*', '`', '_', '"', '$']);
    let letter = stated(text, options)?;
    let behind = text.trim_start_matches(['(', '[']).get(1..)?;
    let behind = behind.trim_start_matches([')', ']', '*', '`', '$', ',', ';', ' ', '-', '–', '—']);
    REASONS.iter().any(|reason| behind.starts_with(reason)).then_some(letter)
}

/// The letter that a text ends with, behind a word that says that it is the one: "so it is D."
pub(crate) fn concluded(text: &str, options: u8) -> Option<char> {
    let marks = ['.', '!', '*', '`', '$', '"', ' ', '\n'];
    let text = text.trim_end_matches(marks);
    let bracketed = text.ends_with(')');
    let text = text.strip_suffix(')').unwrap_or(text);
    let letter = text.chars().next_back().filter(char::is_ascii_uppercase)?;
    let head = text.get(..text.len() - 1)?;
    let head = if bracketed { head.strip_suffix('(')? } else { head };
    let set_off = head.ends_with([' ', '*', '`', '$', '"', ':']);
    let head = head.trim_end_matches(marks).trim_end_matches([',', ':']);
    let word = head.rsplit([' ', ',', '\n']).next()?.to_ascii_lowercase();
    let says = matches!(
        word.as_str(),
        "it's"
            | "it’s"
            | "is"
            | "so"
            | "be"
            | "therefore"
            | "thus"
            | "hence"
            | "with"
            | "choose"
            | "pick"
            | "select"
    );
    // "The speaker is I" names no option.
    (set_off && says && (bracketed || letter != 'I')).then(|| option(letter, options))?
}

/// The letter that `rest` begins with, as a word of its own.
fn stated(rest: &str, options: u8) -> Option<char> {
    let inside = rest.trim_start_matches(['(', '[']);
    let bracketed = inside.len() < rest.len();
    let mut chars = inside.chars();
    let first = chars.next().filter(|c| c.is_ascii_uppercase() || bracketed)?;
    let letter = option(first, options)?;
    let alone = match chars.next() {
        None => true,
        // "I", and "A" before a word, are no options: "pick A card".
        Some(' ') => {
            first != 'I' && (first != 'A' || !chars.next().is_some_and(char::is_lowercase))
        }
        Some(c) => !c.is_alphanumeric() && c != '\'' && c != '=',
    };
    alone.then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_what_only_looks_like_one() {
        for (text, letter, rest) in [
            ("H", 'H', ""),
            ("(c) 7 m", 'C', "7 m"),
            ("G) 7", 'G', "7"),
            (r"\textbf{(D)}\ 21", 'D', "21"),
            (r"\text{C. 9}", 'C', "9"),
            ("option J", 'J', ""),
            ("A: 4", 'A', "4"),
        ] {
            let label = label(text, OPTIONS);
            assert_eq!(label.map(|l| (l.letter, l.rest)), Some((letter, rest)), "{text}");
        }
        for text in ["K", "Bob", "A card", "(a)(b)", "C = 5", "", "B.5", "(A) + 1"] {
            assert_eq!(label(text, OPTIONS), None, "{text}");
        }
    }

    #[test]
    fn choices_in_prose() {
        for (text, letter) in [
            ("I would pick C — it is safe.", Some('C')),
            ("So the right option is (h).", Some('H')),
            ("(B) is wrong, so (E) is correct.", Some('E')),
            ("We pick A card.", None),
            ("I select I think", None),
        ] {
            assert_eq!(chosen(text, OPTIONS), letter, "{text}");
        }
    }
}
