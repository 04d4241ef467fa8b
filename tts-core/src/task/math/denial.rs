//! Denials: what a text says of a value that it does not mean, or means no more.
//!
//! A value may be denied behind it ("20 is wrong"), before it ("I do not think the answer is 20"), by
//! the reply to a question ("Is it 20? No."), or be taken back by a later phrase ("scratch that"). Every
//! scan is linear in the text.

use std::borrow::Cow;

/// Whether a text says of something that it is not so.
pub(super) fn denies(text: &str) -> bool {
    let words = text.split(|c: char| c.is_whitespace() || c == ',');
    let mut words = words.map(|word| word.trim_end_matches(['.', '!']));
    // A value, or the letter of an option.
    let option = text.find(|c: char| !c.is_ascii_uppercase()) == Some(1);
    (option || text.contains(|c: char| c.is_ascii_digit()))
        && words.any(|word| {
            ["not", "isn't", "isn’t", "cannot", "wrong", "incorrect"]
                .iter()
                .any(|denial| word.eq_ignore_ascii_case(denial))
        })
}

/// Phrases that take back what was said before them.
const RETRACTIONS: [&str; 17] = [
    "scratch that",
    "i take that back",
    "that is wrong",
    "that's wrong",
    "that was wrong",
    "that is incorrect",
    "that's incorrect",
    "that was incorrect",
    "that is not right",
    "that's not right",
    "that was a mistake",
    "that is a mistake",
    "correction:",
    "i was wrong",
    "ignore that",
    "strike that",
    "that answer is wrong",
];

/// What follows the last phrase that takes back what was said before it.
pub(super) fn retracted(text: &str) -> Option<&str> {
    // Each phrase has one of these, in whatever case it begins.
    let may = ["that", "That", "THAT", "rrection:", "RRECTION:", "wrong", "WRONG"];
    if text.len() < 11 || !text.contains(' ') || !may.iter().any(|word| text.contains(word)) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let ends = RETRACTIONS.iter().filter_map(|r| lower.rfind(r).map(|at| at + r.len()));
    text.get(ends.max()?..)
}

/// What follows the words right behind a value that say that it is not the one.
pub(crate) fn refuted(after: &str) -> Option<&str> {
    const DENIALS: [&str; 20] = [
        "incorrect)",
        "wrong)",
        "is an incorrect",
        "is the wrong",
        "is not ",
        "is not.",
        "isn't",
        "isn’t",
        "is wrong",
        "is incorrect",
        "is false",
        "is impossible",
        "was wrong",
        "was incorrect",
        "was not ",
        "can't be",
        "cannot be",
        "can not be",
        "would be wrong",
        "is a wrong",
    ];
    let rest = after.trim_start_matches(['$', '*', '`', '"', ' ', '(', ')', '}', ',']);
    let rest =
        rest.strip_prefix("which ").or_else(|| rest.strip_prefix("but that ")).unwrap_or(rest);
    let denial = DENIALS
        .iter()
        .find(|d| rest.get(..d.len()).is_some_and(|head| head.eq_ignore_ascii_case(d)))?;
    rest.get(denial.len()..)
}

/// Whether what stands before "answer is" says that it is not: "I do not think the".
pub(super) fn doubted(before: &str) -> bool {
    let mut from = before.len().saturating_sub(80);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    let window = before.get(from..).unwrap_or_default();
    let sentence = window.rsplit(['.', '!', '?', ';', ':', '\n', ',']).next().unwrap_or_default();
    let lower = sentence.to_ascii_lowercase().replace('’', "'");
    let mut words = lower.split_whitespace().rev().peekable();
    let filler = |word: &&str| {
        matches!(
            *word,
            "the" | "that" | "my" | "our" | "this" | "final" | "correct" | "right" | "an"
        )
    };
    while words.next_if(filler).is_some() {}
    let negator = |word: &str| matches!(word, "not" | "never" | "cannot") || word.ends_with("n't");
    let Some(verb) = words.next() else { return false };
    if matches!(verb, "doubt" | "false" | "wrong" | "incorrect" | "untrue" | "deny") {
        return !words.take(2).any(negator);
    }
    let opinion = [
        "think", "believe", "say", "mean", "claim", "conclude", "suppose", "follow", "true",
        "saying", "agree", "guess", "imply", "case",
    ];
    opinion.contains(&verb) && words.take(2).any(negator)
}

/// A text without the questions that it answers with no: "Is it 20? No, 21."
pub(super) fn without_refused_questions(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut from = 0;
    for (at, _) in text.match_indices('?') {
        let Some(rest) = text.get(at + 1..) else { break };
        let reply = rest.trim_start_matches([' ', '\n', '*', '"']);
        let word = reply.find(|c: char| !c.is_alphabetic()).unwrap_or(reply.len());
        let no = reply.get(..word).is_some_and(|w| {
            w.eq_ignore_ascii_case("no") || w.eq_ignore_ascii_case("nope") || w == "Wrong"
        });
        // "No real solutions" is an answer, and no refusal.
        let behind = reply.get(word..).unwrap_or_default();
        if !no || behind.starts_with(|c: char| c.is_alphanumeric() || c == ' ') || at < from {
            continue;
        }
        let head = text.get(from..at).unwrap_or_default();
        let start = head
            .rmatch_indices(['.', '!', '?', '\n', ';'])
            .find(|(mark, found)| {
                *found == "\n" || head.get(mark + 1..).is_some_and(|r| r.starts_with(' '))
            })
            .map_or(0, |(mark, found)| mark + found.len());
        out.push_str(head.get(..start).unwrap_or_default());
        out.push(' ');
        from = text.len() - behind.trim_start_matches([',', '.', ';', '!', ' ']).len();
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_and_hopes() {
        for (text, doubt) in [
            ("I do not think the ", true),
            ("I don't believe that the final ", true),
            ("It is not true that the ", true),
            ("I doubt the ", true),
            ("It is not the case that the ", true),
            ("I am not sure, but I think the ", false),
            ("This is not hard: the ", false),
            ("I think the ", false),
            ("It does not change that the ", false),
            ("I do not doubt that the ", false),
        ] {
            assert_eq!(doubted(text), doubt, "{text}");
        }
    }

    #[test]
    fn refused_questions_vanish() {
        for (text, expected) in [
            ("Is the answer 20? No, 21.", " 21."),
            ("The maximum is 20. Can it be 21? No.", "The maximum is 20. "),
            ("Is 5 prime? Yes.", "Is 5 prime? Yes."),
            ("Are there any? No real solutions", "Are there any? No real solutions"),
        ] {
            assert_eq!(without_refused_questions(text), expected, "{text}");
        }
    }
}
