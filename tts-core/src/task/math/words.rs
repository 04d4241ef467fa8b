//! Answers in words, and answers that no parser understood.
//!
//! Words are compared without case, spaces and hyphens. Every way to say that there is nothing is the
//! empty list, and "all real numbers" is that set. Numbers in words are left to `numeral`. What is not
//! words and not a formula keeps its case if it is LaTeX, where case means something.

use super::moment::moment;
use super::numeral::is_cardinal;
use super::quantity::scale;

/// What the words of an answer say.
pub(super) enum Words {
    /// That there is no solution.
    Nothing,
    /// All real numbers.
    Reals,
    /// The real numbers on one side of zero: whether those above, and whether zero too.
    Half(bool, bool),
    /// All integers.
    Integers,
    /// All real numbers but zero.
    Nonzero,
    /// Something else.
    Said(String),
    /// Several things.
    Several(Vec<String>),
}

/// The words of a text answer, lower-cased, if it is nothing else.
pub(super) fn words(core: &str) -> Option<Words> {
    if !may_be_words(core) {
        return None;
    }
    let mut text = core.to_owned();
    if core.len() < 2000 && core.contains('\\') {
        for command in ["\\text{", "\\mbox{", "\\textbf{", "\\mathrm{", "\\textit{"] {
            while let Some(at) = text.find(command) {
                let end = at + command.len() + text.get(at + command.len()..)?.find('}')?;
                text.replace_range(end..=end, "");
                text.replace_range(at..at + command.len(), "");
            }
        }
    }
    let text = text.trim().trim_end_matches(['.', '!']).to_lowercase();
    if is_nothing(&text) {
        return Some(Words::Nothing);
    }
    if text.strip_prefix("a ").is_some_and(|word| scale(word).is_some()) {
        return None;
    }
    let mut out = String::new();
    let ordered = ordinals(&text);
    let text = ordered.unwrap_or(text);
    // `3rd quadrant`, but neither `12th` nor `5th June`.
    let counts = text.contains(' ') && text.starts_with(|c: char| c.is_ascii_digit());
    let counts = counts && moment(&text).is_none();
    let parts = text.split([' ', '-', '\n', ',', '\u{a0}']).filter(|w| !w.is_empty());
    for (index, word) in parts.enumerate() {
        let letters = word.chars().all(|c| c.is_alphabetic() || c == '\'')
            || (index == 0 && counts && is_ordinal(word));
        let short = word.chars().count() < 2 && !matches!(word, "a" | "i");
        let formula = matches!(
            word,
            "pi" | "infinity" | "inf" | "oo" | "sin" | "cos" | "tan" | "ln" | "log" | "sqrt"
        );
        if !letters || short || formula || is_cardinal(word) || is_counted(word) {
            return None;
        }
        out.push_str(word);
    }
    if out.chars().count() < 2 {
        return None;
    }
    if let Some(several) = several(&text) {
        return Some(Words::Several(several));
    }
    Some(match out.trim_start_matches("there").trim_start_matches("is").trim_start_matches("are") {
        "dne" | "doesnotexist" | "itdoesnotexist" => Words::Said("doesnotexist".into()),
        "allreals" | "allrealnumbers" | "anyrealnumber" | "everyrealnumber" | "allrealx"
        | "realnumbers" | "therealnumbers" | "thereals" | "allrealvalues" => Words::Reals,
        "integers" | "allintegers" | "theintegers" | "anyinteger" => Words::Integers,
        "allnonzerorealnumbers" | "nonzerorealnumbers" | "nonzeroreals" | "allnonzeroreals" => {
            Words::Nonzero
        }
        out if half_line(out).is_some() => half_line(out)?,
        _ => Words::Said(out),
    })
}

/// Ordinals in words and in digits.
pub(super) const ORDINALS: [(&str, &str); 12] = [
    ("first", "1st"),
    ("second", "2nd"),
    ("third", "3rd"),
    ("fourth", "4th"),
    ("fifth", "5th"),
    ("sixth", "6th"),
    ("seventh", "7th"),
    ("eighth", "8th"),
    ("ninth", "9th"),
    ("tenth", "10th"),
    ("eleventh", "11th"),
    ("twelfth", "12th"),
];

fn is_ordinal(word: &str) -> bool {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && matches!(word.get(digits.len()..), Some("st" | "nd" | "rd" | "th"))
}

/// Several words with their ordinals in digits: `third quadrant`.
fn ordinals(text: &str) -> Option<String> {
    let counted =
        |word: &str| ORDINALS.iter().find(|(name, _)| *name == word).map(|(_, digits)| *digits);
    let words: Vec<&str> = text.split(' ').collect();
    // "two thirds" and "a third" are numbers; an ordinal stands before what it counts.
    let first = words.first().filter(|_| words.len() > 1)?;
    let digits = counted(first)?;
    Some(format!("{digits} {}", words.get(1..)?.join(" ")))
}

/// Whether nothing in an answer rules words out: a sign of a formula, or digits that are no ordinal.
fn may_be_words(core: &str) -> bool {
    let bytes = core.as_bytes();
    let sign = |b: &u8| b"=^+_<>*/[]()|&%#".contains(b);
    let number = |pair: &[u8]| matches!(pair, [digit, next] if digit.is_ascii_digit() && !next.is_ascii_digit() && !b"snrt".contains(next));
    !bytes.iter().any(sign)
        && !bytes.last().is_some_and(u8::is_ascii_digit)
        && !bytes.windows(2).any(number)
}

/// "positive real numbers", "all nonnegative reals"
fn half_line(said: &str) -> Option<Words> {
    let said = said.strip_prefix("all").unwrap_or(said).trim_start_matches("the");
    let side = ["realnumbers", "reals", "realx", "realvalues"]
        .iter()
        .find_map(|n| said.strip_suffix(n))?;
    Some(match side {
        "positive" => Words::Half(true, false),
        "negative" => Words::Half(false, false),
        "nonnegative" => Words::Half(true, true),
        "nonpositive" => Words::Half(false, true),
        _ => return None,
    })
}

/// Whether lower-case words say that there is nothing: "none", "no real solutions", "no such x exists".
fn is_nothing(text: &str) -> bool {
    if matches!(
        text,
        "none" | "empty set" | "the empty set" | "none exist" | "none exists" | "nothing exists"
    ) {
        return true;
    }
    let text =
        text.trim_start_matches("there ").trim_start_matches("is ").trim_start_matches("are ");
    if text == "none" {
        return true;
    }
    let Some(rest) = text.strip_prefix("no ") else { return false };
    let mut words = rest.split([' ', '-']).filter(|word| !word.is_empty()).peekable();
    let kinds = |word: &&str| {
        matches!(
            *word,
            "such"
                | "real"
                | "integer"
                | "possible"
                | "valid"
                | "positive"
                | "rational"
                | "prime"
                | "whole"
                | "natural"
                | "common"
                | "complex"
        )
    };
    while words.next_if(kinds).is_some() {}
    let things = [
        "solution",
        "root",
        "answer",
        "number",
        "value",
        "integer",
        "pair",
        "triple",
        "point",
        "x",
        "n",
        "k",
        "a",
        "real",
        "prime",
        "function",
        "intersection",
    ];
    // A kind may be the thing itself: "no such integer".
    let thing = words.next().unwrap_or_else(|| rest.split(' ').next_back().unwrap_or_default());
    let singular = thing.strip_suffix('s').unwrap_or(thing);
    (things.contains(&singular) || things.contains(&thing))
        && words.all(|word| {
            matches!(
                word,
                "exist"
                    | "exists"
                    | "is"
                    | "are"
                    | "possible"
                    | "set"
                    | "to"
                    | "the"
                    | "equation"
                    | "for"
                    | "x"
            )
        })
}

/// The things that a list of words names, each in a word or two.
fn several(text: &str) -> Option<Vec<String>> {
    let text = text.replace(", and ", ", ").replace(" and ", ", ");
    let parts: Vec<&str> = text.split(", ").map(str::trim).collect();
    let short = |part: &&str| (1..=2).contains(&part.split([' ', '-']).count()) && !part.is_empty();
    let plain = |part: &&str| part.replace([' ', '-'], "");
    (parts.len() > 1 && parts.iter().all(short)).then(|| parts.iter().map(plain).collect())
}

/// Words that belong to a number: `half`, `a dozen`, `minus eight`.
fn is_counted(word: &str) -> bool {
    matches!(word, "half" | "dozen" | "noon" | "midnight" | "midday")
}

/// Text that is no formula: spaces and sizing gone, and case too unless it is LaTeX.
pub(super) fn plain(core: &str) -> String {
    let mut text = core.replace("\\left", "").replace("\\right", "").replace("\\!", "");
    text.retain(|c| !c.is_whitespace() && c != '$');
    if text.contains('\\') { text } else { text.to_lowercase() }
}
