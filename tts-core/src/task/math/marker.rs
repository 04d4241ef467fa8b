//! Answers that a solution announces: GSM8K's `####`, and phrases such as "the answer is".
//!
//! Both marks also occur where no answer follows: `####` starts a Markdown heading, and "so the
//! answer is correct" announces nothing. What follows has to look like an answer. "The answer is not
//! 12" announces that 12 is none. Prose behind an answer is no part of it: the answer is the longest
//! beginning that reads as one.

use super::denial::{doubted, refuted, retracted};
use super::extract::{announced, last_candidate};
use super::numeral::{self, is_cardinal};

use super::shape::attempt;
use super::span::{clean, prose_words, span_at};
use crate::task::letter;

/// Marks looked at, from the last: an adversarial text has many, each followed by a long line.
const MAX_MARKS: usize = 32;

/// What follows the last `####` that no heading follows.
pub(super) fn hashes(text: &str) -> Option<String> {
    if !text.contains('#') {
        return None;
    }
    let mut upto = text.len();
    for _ in 0..MAX_MARKS {
        let at = text.get(..upto)?.rfind("####")?;
        upto = at;
        let line = text.get(at + 4..)?.trim_start_matches([' ', '\t', ':']).lines().next();
        let line = without_hedges(clean(line.unwrap_or_default()));
        // `A) Find` is a heading, but `(B) 12` is a choice.
        if prose_words(line) <= 1
            && !numbered(line)
            && let Some(letter) = choice(line)
        {
            return Some(letter);
        }
        if answers(&numeral::digits(line)) {
            return Some(announced(head(line)));
        }
    }
    None
}

/// Whether a line is a number or formula with at most a few words for its unit, or yes or no.
fn answers(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    if matches!(lower.as_str(), "yes" | "no" | "true" | "false") {
        return true;
    }
    let line = line.strip_prefix(['-', '−']).unwrap_or(line);
    if let Some((_, end)) = span_at(line) {
        return prose_words(line.get(end..).unwrap_or_default()) <= 2;
    }
    let letters = line.find(|c: char| !c.is_alphabetic()).unwrap_or(line.len());
    let (word, rest) = line.split_at(letters);
    let starts = match word.chars().count() {
        0 => true,
        // `x = 5`, but neither "A triangle" nor "I see".
        1 => !rest.trim_start().starts_with(char::is_alphabetic),
        _ => prose_words(word) == 0 || matches!(word, "USD" | "EUR" | "GBP" | "Rs"),
    };
    starts && !numbered(line) && valued(line) && prose_words(&lower.replace("per ", "")) <= 2
}

/// Whether a heading's number leads to its title: `2. Multiply`, `(a) Find`.
fn numbered(line: &str) -> bool {
    line.find(['.', ')', ':']).is_some_and(|at| {
        let (label, title) = line.split_at(at);
        let title = title.trim_start_matches(['.', ')', ':']);
        label.trim_start_matches('(').chars().all(char::is_alphanumeric)
            && title.starts_with(char::is_whitespace)
            && title.trim_start().starts_with(char::is_alphabetic)
    })
}

/// Whether there is a number, a formula or a variable in `text`.
fn valued(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(is_cardinal)
        || text.contains(|c: char| c.is_ascii_digit() || "\\$√π∞½⅓⅔¼¾∅".contains(c))
        || text
            .split(|c: char| !c.is_alphabetic() && c != '\'')
            .any(|word| word.chars().count() == 1 && !matches!(word, "a" | "A" | "I"))
}

/// Longer lines are no headings.
const MAX_HEADING: usize = 60;

/// What a text announces.
pub(super) enum Phrase {
    /// An answer.
    Found(String),
    /// That something is no answer, and nothing else.
    Denied,
    /// Nothing.
    Missing,
}

/// What follows the last "answer is", "answer:" or "answer =", the last with a value if one has.
pub(super) fn phrase(text: &str) -> Phrase {
    // Most answers have no such phrase, in whatever case.
    if !["nswer", "NSWER"].iter().any(|word| text.contains(word)) {
        return Phrase::Missing;
    }
    let lower = text.to_ascii_lowercase();
    let mut upto = lower.len();
    let mut fallback = None;
    let mut denied = false;
    let mut left = MAX_MARKS;
    let taken_back = retracted(text);
    while left > 0
        && let Some(at) = lower.get(..upto).and_then(|head| head.rfind("answer"))
    {
        upto = at;
        let Some((tail, negative)) = tail_at(text, &lower, at + "answer".len()) else { continue };
        left -= 1;
        if let Some(rest) = taken_back.filter(|rest| rest.len() < tail.len()) {
            return last_candidate(rest, true).map_or(Phrase::Denied, Phrase::Found);
        }
        let sentence = sentence(without_hedges(tail));
        let mut object = corrected(sentence);
        let negated = negative
            || starts_with_word(object, "not")
            || doubted(text.get(..at).unwrap_or_default())
            || object
                .match_indices(", which ")
                .any(|(at, _)| object.get(at..).is_some_and(|clause| refuted(clause).is_some()));
        if negated {
            denied = true;
            match instead(object) {
                Some(rest) => object = rest,
                None => continue,
            }
        }
        // A sentence may end in an exclamation mark: `5!` is a factorial within dollars alone.
        let object = clean(without_clause(object.trim_end_matches(['!', '?'])));
        if object.is_empty() {
            continue;
        }
        if let Some(letter) = choice(object) {
            return Phrase::Found(letter);
        }
        if valued(object) {
            return Phrase::Found(announced(head(object)));
        }
        fallback = fallback.or(Some(object));
    }
    match fallback {
        Some(object) => Phrase::Found(announced(object)),
        None if denied => Phrase::Denied,
        None => Phrase::Missing,
    }
}

fn starts_with_word(text: &str, word: &str) -> bool {
    let rest = text.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word));
    rest.is_some() && !text.get(word.len()..).unwrap_or_default().starts_with(char::is_alphanumeric)
}

/// What a denial says instead: "not 12 but 15", "not 12, it is 15".
fn instead(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    ["but rather ", "but ", "it is ", "it's ", "rather ", "instead "]
        .iter()
        .filter_map(|word| lower.find(word).map(|at| at + word.len()))
        .min()
        .and_then(|at| text.get(at..))
}

/// What a sentence corrects itself to: "12, no, 15", "12 - wait, 15".
fn corrected(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let marks = [" no, ", "wait, ", "sorry, ", "i mean ", "make that ", "or rather ", " actually "];
    let after = marks.iter().filter_map(|mark| lower.rfind(mark).map(|at| at + mark.len())).max();
    let rest = after.and_then(|at| text.get(at..)).map(without_hedges);
    rest.filter(|rest| rest.contains(|c: char| c.is_ascii_digit())).unwrap_or(text)
}

/// Beginnings tried for an announced answer: a sentence has as many words behind it at most.
const MAX_CUTS: usize = 16;

/// The longest beginning of an announced text that reads as an answer, or all of it.
fn head(text: &str) -> &str {
    let reads = |text: &str| attempt(text, false).is_some();
    if text.len() > 400 || prose_words(text) == 0 || reads(text) {
        return text;
    }
    let first = text.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let opening = |c: char| c.is_ascii_digit() || "\\([{-−$+.€£₹√\"".contains(c);
    let starts = text.starts_with(opening)
        || first.chars().count() == 1
        || is_cardinal(first)
        || matches!(first, "minus" | "negative");
    if !starts {
        return text;
    }
    let cuts: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).take(MAX_CUTS).collect();
    let heads = cuts.into_iter().rev().filter_map(|at| text.get(..at));
    let mut heads =
        heads.map(|head| head.trim_end_matches([',', ';', ':', ' ', '-', '–', '—', '.']));
    heads.find(|head| !head.is_empty() && reads(head)).unwrap_or(text)
}

/// What follows the verb after the "answer" that ends at `after`, and whether it denies.
fn tail_at<'a>(text: &'a str, lower: &str, after: usize) -> Option<(&'a str, bool)> {
    const VERBS: [(&str, bool); 19] = [
        ("is", false),
        ("is:", false),
        (":", false),
        ("=", false),
        ("would be", false),
        ("will be", false),
        ("should be", false),
        ("must be", false),
        ("comes to", false),
        ("equals", false),
        ("- ", false),
        ("\u{2192}", false),
        ("=>", false),
        ("isn't", true),
        ("isn’t", true),
        ("is not", true),
        ("cannot be", true),
        ("can't be", true),
        ("was not", true),
    ];
    // The key of a JSON object has its quotation mark before the colon.
    let trimmed = lower.get(after..)?.trim_start_matches([' ', '*', '\t', '"']);
    // `answer (arabic numerals) is`
    let remark = trimmed.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let trimmed = remark.filter(|(said, _)| said.len() < 30).map_or(trimmed, |(_, rest)| rest);
    let trimmed = trimmed.trim_start_matches([' ', '*', '\t']);
    let verb = VERBS.iter().filter(|(verb, _)| trimmed.starts_with(verb)).max_by_key(|v| v.0.len());
    let Some((verb, negative)) = verb else {
        // A heading of its own line: "## Answer".
        if !trimmed.starts_with('\n') {
            return None;
        }
        // Only as much of the line as a heading may have: a text may say "answer" often.
        let mut from = after.saturating_sub(MAX_HEADING);
        while !lower.is_char_boundary(from) {
            from += 1;
        }
        let line = lower.get(from..after)?.rsplit('\n').next()?;
        let heading = line.len() < MAX_HEADING && line.split_whitespace().count() <= 3;
        return heading
            .then(|| Some((text.get(lower.len() - trimmed.len()..)?.trim_start(), false)))?;
    };
    let tail = text.get(lower.len() - trimmed.len() + verb.len()..)?;
    if tail.starts_with(|c: char| c.is_alphanumeric()) && verb.ends_with(char::is_alphabetic) {
        return None;
    }
    let tail = if trimmed.len() < lower.len() - after && lower.get(after..)?.starts_with('"') {
        tail.trim_end().trim_end_matches('}')
    } else {
        tail
    };
    let tail = tail.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '*' | '}'));
    Some((tail, *negative))
}

const HEDGES: [&str; 23] = [
    "probably",
    "likely",
    "most",
    "therefore",
    "thus",
    "hence",
    "then",
    "so",
    "simply",
    "just",
    "indeed",
    "actually",
    "exactly",
    "approximately",
    "about",
    "roughly",
    "around",
    "clearly",
    "definitely",
    "equal to",
    "given by",
    "also",
    "still",
];

/// Without adverbs before the answer.
pub(super) fn without_hedges(text: &str) -> &str {
    let mut text = text;
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return text;
    }
    'next: loop {
        for hedge in HEDGES {
            let found = text.get(..hedge.len()).is_some_and(|h| h.eq_ignore_ascii_case(hedge));
            let rest = text.get(hedge.len()..).unwrap_or_default();
            if found && rest.starts_with([' ', ',', ':']) {
                text = rest.trim_start_matches([' ', ',', ':', '*']);
                continue 'next;
            }
        }
        return text;
    }
}

/// Without a clause or a remark in brackets that comments on the answer; `20% of 50, which is 10`
/// is the value at its end.
fn without_clause(sentence: &str) -> &str {
    let lower = sentence.to_ascii_lowercase();
    let clauses = [
        ", which",
        ", so ",
        ", because",
        " because ",
        ", since ",
        " since ",
        ", as ",
        ", but ",
        ", where ",
        ", meaning ",
        ", given ",
        ", not ",
        ", therefore",
        ", thus ",
        ", hence",
    ];
    let clause = clauses.iter().filter_map(|clause| lower.find(clause)).min();
    let remark = lower.match_indices(" (").map(|(at, _)| at).find(|at| {
        let inside = lower.get(at + 2..).unwrap_or_default();
        let word = inside.find(|c: char| !c.is_alphabetic()).unwrap_or(inside.len());
        *at > 0 && prose_words(inside.get(..word).unwrap_or_default()) == 1
    });
    let Some(cut) = clause.into_iter().chain(remark).min().filter(|at| *at > 0) else {
        return sentence;
    };
    let (head, tail) = sentence.split_at(cut);
    let computed = lower.get(..cut).is_some_and(|head| {
        [" of ", " plus ", " minus ", " times ", " divided by "].iter().any(|w| head.contains(w))
    });
    let value = [", which is ", ", which equals ", ", which gives "]
        .iter()
        .find_map(|clause| tail.strip_prefix(clause))
        .map(without_hedges);
    match value {
        Some(value)
            if computed
                && value.starts_with(|c: char| c.is_ascii_digit() || "$\\-£€.".contains(c)) =>
        {
            value.split(", ").next().unwrap_or(value)
        }
        _ => head,
    }
}

/// The letter of a multiple-choice answer: `B`, `(B) 12`, `B: 12`, `option B`, `choice (B), 12`.
fn choice(text: &str) -> Option<String> {
    if let Some(label) = letter::label(text, letter::OPTIONS) {
        // A small letter is a variable, unless it is in brackets.
        let bare = label.letter.to_ascii_lowercase();
        let small = !label.marked && text.contains(bare) && !text.contains(label.letter);
        return (!small && label.letter != 'I').then(|| label.letter.to_string());
    }
    let named = ["option ", "choice ", "letter ", "answer "]
        .iter()
        .any(|word| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)));
    let rest = if named { text.split_once(' ')?.1 } else { text };
    let bracketed = rest.starts_with('(');
    let mut letters = rest.trim_start_matches(['(', '*', '$']).chars();
    let letter = letters.next().filter(char::is_ascii_uppercase)?;
    let letter = letter::option(letter, letter::OPTIONS)?;
    let ends = match letters.next() {
        None => true,
        Some(')') => !letter::goes_on(letters.as_str()),
        Some(c) => named && !bracketed && !c.is_alphanumeric(),
    };
    ends.then(|| letter.to_string())
}

/// The first sentence of `text`, or its first formula if it starts with one.
fn sentence(text: &str) -> &str {
    if let Some((inner, end)) = span_at(text)
        && !inner.is_empty()
        && prose_words(inner) < 2
    {
        let rest = text.get(end..).unwrap_or_default();
        // `$3$ and $5$` goes on; a formula that ends its sentence does not.
        if !rest.trim_start().starts_with("and ") && !rest.starts_with(", $") {
            return text.get(..end).unwrap_or(text);
        }
    }
    let line = text.lines().next().unwrap_or_default();
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.find(['.', '<', '!', '?'])) {
        let at = from + at;
        let rest = line.get(at + 1..).unwrap_or_default();
        let special = line.get(at..).is_some_and(|r| r.starts_with("<|"));
        let stop = !line.get(at..).is_some_and(|r| r.starts_with('<'))
            && rest.starts_with(' ')
            && rest.trim_start().starts_with(|c: char| c.is_uppercase() || c == '<' || c == '[');
        if special || stop {
            return line.get(..at).unwrap_or(line);
        }
        from = at + 1;
    }
    line
}
