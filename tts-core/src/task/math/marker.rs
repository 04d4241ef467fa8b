//! Answers that a solution announces: GSM8K's `####`, and phrases such as "the answer is".
//!
//! Both marks also occur where no answer follows: `####` starts a Markdown heading, and "so the
//! answer is correct" announces nothing. What follows has to look like an answer.

use super::extract::{bare, clean, prose_words, span_at};

/// Marks looked at, from the last: an adversarial text has many, each followed by a long line.
const MAX_MARKS: usize = 32;

/// What follows the last `####` that no heading follows.
pub(super) fn hashes(text: &str) -> Option<String> {
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
        if answers(line) {
            return Some(bare(line).unwrap_or_else(|| line.to_owned()));
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
    text.contains(|c: char| c.is_ascii_digit() || "\\$√π∞".contains(c))
        || text
            .split(|c: char| !c.is_alphabetic() && c != '\'')
            .any(|word| word.chars().count() == 1 && !matches!(word, "a" | "A" | "I"))
}

/// What follows the last "answer is", "answer:" or "answer =", the last with a value if one has.
pub(super) fn phrase(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut upto = lower.len();
    let mut fallback = None;
    let mut left = MAX_MARKS;
    while left > 0
        && let Some(at) = lower.get(..upto).and_then(|head| head.rfind("answer"))
    {
        upto = at;
        let Some(tail) = tail_at(text, &lower, at + "answer".len()) else { continue };
        left -= 1;
        let object = clean(without_clause(sentence(without_hedges(tail))));
        if object.is_empty() || object.starts_with("not ") {
            continue;
        }
        if let Some(letter) = choice(object) {
            return Some(letter);
        }
        if valued(object) {
            return Some(bare(object).unwrap_or_else(|| object.to_owned()));
        }
        fallback = fallback.or(Some(object));
    }
    let object = fallback?;
    Some(bare(object).unwrap_or_else(|| object.to_owned()))
}

/// What follows the verb after the "answer" that ends at `after`.
fn tail_at<'a>(text: &'a str, lower: &str, after: usize) -> Option<&'a str> {
    let trimmed = lower.get(after..)?.trim_start_matches([' ', '*', '\t']);
    let trimmed = trimmed.strip_prefix("(arabic numerals)").unwrap_or(trimmed);
    let trimmed = trimmed.trim_start_matches([' ', '*', '\t']);
    let verb = ["is", "is:", ":", "=", "would be", "will be", "should be", "must be"]
        .iter()
        .filter(|v| trimmed.starts_with(**v))
        .map(|v| v.len())
        .max()?;
    let tail = text.get(lower.len() - trimmed.len() + verb..)?;
    if tail.starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    Some(tail.trim_start_matches(|c: char| c.is_whitespace() || c == ':' || c == '*'))
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
fn without_hedges(text: &str) -> &str {
    let mut text = text;
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

/// The letter of a multiple-choice answer: `B`, `(B) 12`, `option B`, `choice (B), 12`.
fn choice(text: &str) -> Option<String> {
    let mut rest = text.trim_start_matches("the ");
    let mut named = false;
    for word in ["answer ", "option ", "choice ", "letter "] {
        if rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)) {
            rest = rest.get(word.len()..)?.trim_start();
            named = true;
        }
    }
    let bracket = rest.starts_with('(');
    let mut letters = rest.trim_start_matches(['(', '*', '$']).chars();
    let letter = letters.next().filter(|c| ('A'..='E').contains(c))?;
    let ends = match letters.next() {
        None | Some(')') => true,
        Some(c) => named && !bracket && !c.is_alphanumeric(),
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
