//! Where the final answer stands in a solution.
//!
//! One rule serves comparing and extracting. What a text marks is its answer, in the order of how
//! deliberate the mark is: an `<answer>` that ends it, read by itself, whatever was marked while thinking; the last `\boxed{}`, GSM8K's `####`, a phrase such as "the answer is". A
//! text without a mark that reads as an answer is its own answer, as a whole: `(3, 4)`, `1 3/4`,
//! `2 hours and 15 minutes`, `Tuesday`. Any other text is prose: the option that it takes, else its
//! last formula or value. An answer that is denied or given up is none, and no earlier one comes back in
//! its place; of a box that was cut off its line counts. Every scan is linear in the text.
//!
//! Sources: the answer formats of MATH (Hendrycks et al., 2021), GSM8K (Cobbe et al., 2021) and
//! zero-shot chain of thought (Kojima et al., 2022, "the answer (arabic numerals) is").

use super::boxed::{Boxes, boxed};
use super::denial::{denies, refuted, retracted, without_refused_questions};
use super::marker::{Phrase, hashes, phrase, without_hedges};
use super::markup::plain;
use super::prose::{is_prose, last_value, nothing};
use super::shape::{Shape, attempt};
use super::span::{clean, pieces, prose_words, whole_span};
use crate::task::letter;

/// Longer texts are prose.
const MAX_WHOLE: usize = 400;
/// A text of more words is a sentence, unless it reads as an answer.
const MAX_NAME: usize = 3;

/// The final answer in a solution, or `None` if the text shows none.
///
/// An `<answer>...</answer>` at the end wins, then the last `\boxed{...}`, then the last `#### ...`, then what follows the last "the answer
/// is" or "answer:"; then the whole text if it reads as an answer; then the last value.
///
/// ```
/// use tts_core::answer::extract;
///
/// assert_eq!(extract(r"so $x = \boxed{\frac{1}{2}}$.").as_deref(), Some(r"\frac{1}{2}"));
/// assert_eq!(extract("16 - 7 = 9\n#### 18").as_deref(), Some("18"));
/// assert_eq!(extract("The answer is **$42$**.").as_deref(), Some("42"));
/// assert_eq!(extract(r"so \boxed{4}?</think><answer>5</answer>").as_deref(), Some("5"));
/// assert_eq!(extract("(3, 4)").as_deref(), Some("(3, 4)"));
/// assert_eq!(extract("=42").as_deref(), Some("42"));
/// assert_eq!(extract("She has 3 dogs and 5 cats").as_deref(), Some("5"));
/// assert_eq!(extract("The answer is not 12."), None);
/// assert_eq!(extract("I do not know"), None);
/// ```
pub fn extract(text: &str) -> Option<String> {
    located(text).0
}

/// The final answer in a solution, and how it reads where that was found out on the way.
pub(super) fn located(text: &str) -> (Option<String>, Option<Shape>) {
    let (answer, shape) = found(text);
    (answer.map(without_equals), shape)
}

/// An answer that stands behind an equals sign, as the last line of a calculation does: `=42` is `42`.
fn without_equals(answer: String) -> String {
    let Some(rest) = answer.strip_prefix('=').map(clean) else { return answer };
    if rest.is_empty() || rest.starts_with(['=', '<', '>']) {
        return answer;
    }
    whole_span(rest).map_or(rest, clean).to_owned()
}

/// The `<answer>` that ends a text, and what stands in it: what was marked before is no answer.
fn answered(text: &str) -> Option<(&str, &str)> {
    let end = text.trim_end();
    let at = end.strip_suffix("</answer>")?.rfind("<answer>")?;
    let inside = &end[at + "<answer>".len()..end.len() - "</answer>".len()];
    Some((&end[at..], inside)).filter(|_| !inside.trim().is_empty())
}

fn found(text: &str) -> (Option<String>, Option<Shape>) {
    let text = plain(answered(text).map_or(text, |(_, inside)| inside));
    let text = without_refused_questions(&text);
    match mark(&text) {
        Phrase::Found(answer) => return (Some(answer), None),
        Phrase::Denied => return (None, None),
        Phrase::Missing => {}
    }
    let text = retracted(&text).unwrap_or(&text);
    if let Some(letter) = letter::concluded(text, letter::OPTIONS) {
        return (Some(letter.to_string()), None);
    }
    match own(text) {
        Some(own) if own.reads => {
            if let Some(letter) = letter::reasoned(text, letter::OPTIONS) {
                return (Some(letter.to_string()), None);
            }
            return (Some(own.text.to_owned()), own.shape);
        }
        // A few words may say which option they take: "Choose (B)".
        Some(own) => {
            let chosen = letter::chosen(text, letter::OPTIONS).map(String::from);
            return (chosen.or_else(|| Some(own.text.to_owned())), None);
        }
        None => {}
    }
    (said(text), None)
}

/// The answer that prose comes to.
fn said(text: &str) -> Option<String> {
    let remarked = text.split_once(" (").filter(|(head, _)| starts_value(head));
    let remarked = remarked.filter(|_| clean(text).ends_with(')')).and_then(|(head, _)| own(head));
    if let Some(own) = remarked.filter(|own| own.reads) {
        return Some(own.text.to_owned());
    }
    let text = without_circumstances(text);
    letter::chosen(text, letter::OPTIONS)
        .map(String::from)
        .or_else(|| plural(text))
        .or_else(|| judged(text))
        .or_else(|| last_candidate(text, true))
        .or_else(|| nothing(text).then(|| "no solution".to_owned()))
}

/// What an explicit marker points to.
pub(crate) fn marked(text: &str) -> Option<String> {
    // By its own mark, for it may be a text.
    match mark(&plain(answered(text).map_or(text, |(whole, _)| whole))) {
        Phrase::Found(answer) => Some(answer),
        Phrase::Denied | Phrase::Missing => None,
    }
}

fn mark(text: &str) -> Phrase {
    let unboxed = |text: &str| hashes(text).map_or_else(|| phrase(text), Phrase::Found);
    match boxed(text) {
        Boxes::Filled { content, end } => {
            let after = text.get(end..).unwrap_or_default();
            let Some(after) = retracted(after).or_else(|| refuted(after)) else {
                // `\boxed{\text{answer: }5}`
                return match phrase(&content) {
                    Phrase::Found(answer) => Phrase::Found(answer),
                    _ => Phrase::Found(content),
                };
            };
            match unboxed(after) {
                Phrase::Missing => {
                    last_candidate(after, true).map_or(Phrase::Denied, Phrase::Found)
                }
                other => other,
            }
        }
        Boxes::Empty { alone, end } => {
            let rest = if alone { text } else { text.get(end..).unwrap_or_default() };
            match unboxed(rest) {
                Phrase::Missing => Phrase::Denied,
                // "the answer is given in \boxed{}" promises what does not come.
                Phrase::Found(answer) if answer.contains(r"\boxed") => {
                    last_candidate(&answer.replace(r"\boxed{}", ""), true)
                        .map_or(Phrase::Denied, Phrase::Found)
                }
                other => other,
            }
        }
        Boxes::Missing => unboxed(text),
    }
}

/// A text that is an answer as a whole.
struct Own<'a> {
    /// Without what surrounds it.
    text: &'a str,
    /// Whether it reads as an answer, and is not just short.
    reads: bool,
    /// How it reads, if that was asked.
    shape: Option<Shape>,
}

impl<'a> Own<'a> {
    fn reading(text: &'a str) -> Self {
        Self { text, reads: true, shape: None }
    }
}

/// The text without what surrounds it, if all of it is an answer.
fn own(text: &str) -> Option<Own<'_>> {
    let text = clean(without_hedges(clean(text)));
    if text.is_empty() || text.len() > MAX_WHOLE {
        return None;
    }
    if let Some(inner) = whole_span(text) {
        return (!inner.trim_start_matches([' ', '\t']).starts_with('\n')
            || text.starts_with("$$")
            || text.starts_with("\\["))
        .then(|| Own::reading(clean(inner)));
    }
    if text.contains('\n') && !text.contains("\\begin") {
        return None;
    }
    let words = prose_words(text);
    if words == 0 {
        let says = text.contains(|c: char| c.is_alphanumeric() || c == '∞')
            || matches!(attempt(text, false), Some(Shape::List(_)));
        return says.then(|| Own::reading(text));
    }
    if denies(text) {
        return None;
    }
    let text =
        if text.starts_with(char::is_alphabetic) { text.trim_end_matches('!') } else { text };
    if let Some(part) = stated(text) {
        return Some(Own::reading(part));
    }
    match attempt(text, false) {
        // A time or a date holds a space.
        Some(Shape::Text(moment)) if moment.contains(' ') => Some(Own::reading(text)),
        Some(Shape::Text(_)) | None => {
            let short = text.split_whitespace().count() <= MAX_NAME && !is_prose(text);
            short.then_some(Own { text, reads: false, shape: None })
        }
        shape => Some(Own { text, reads: true, shape }),
    }
}

/// Prose without the clause of its last sentence that says when its value is so: "It is 15 when x = 2."
fn without_circumstances(text: &str) -> &str {
    const CLAUSES: [&str; 18] = [
        " when ",
        " whenever ",
        ", where ",
        " attained ",
        " achieved ",
        " reached ",
        " occurring ",
        " at x",
        " at $x",
        " at \\(x",
        " at $(",
        " for x =",
        " for $x",
        " if x",
        " if $x",
        " (when ",
        " (at ",
        ", which occurs ",
    ];
    let whole = text.trim_end();
    let from = whole
        .rmatch_indices(['.', '\n', '!', '?'])
        .map(|(at, _)| at + 1)
        .find(|at| whole.get(*at..).is_some_and(|rest| rest.starts_with(char::is_whitespace)))
        .unwrap_or(0);
    let sentence = whole.get(from..).unwrap_or_default();
    // A calculation in brackets: "6 (1 + 2 + 3)".
    let remark = || {
        let (head, _) = sentence.trim_end_matches('.').strip_suffix(')')?.rsplit_once(" (")?;
        head.ends_with(|c: char| c.is_ascii_digit()).then_some(head.len())
    };
    let cut = CLAUSES.iter().filter_map(|clause| sentence.find(clause)).chain(remark()).min();
    let head = cut.and_then(|at| sentence.get(..at));
    match head.filter(|head| head.contains(|c: char| c.is_ascii_digit())) {
        Some(head) => whole.get(..from + head.len()).unwrap_or(text),
        None => text,
    }
}

/// The part of a short text that it says its answer is: behind a heading ("Result: 36") or a
/// conclusion ("x^2 = 9, so x = 3"), or before the same in words ("36 (thirty-six)").
fn stated(text: &str) -> Option<&str> {
    let reads = |part: &&str| !matches!(attempt(part, false), None | Some(Shape::Text(_)));
    if let Some((heading, rest)) = text.split_once(": ") {
        let words = heading.chars().all(|c| c.is_alphabetic() || c == ' ');
        let short = heading.chars().count() > 2 && heading.split(' ').count() <= 3;
        return Some(clean(rest))
            .filter(|rest| words && short && starts_value(rest) && reads(rest));
    }
    for conclusion in [", so ", "; so ", ", hence ", ", therefore ", ", thus "] {
        if let Some((_, rest)) = text.rsplit_once(conclusion) {
            return Some(clean(rest)).filter(reads);
        }
    }
    for other in [" rather than ", " instead of "] {
        if let Some((head, _)) = text.split_once(other) {
            return Some(head).filter(|head| starts_value(head)).filter(reads);
        }
    }
    let (head, inside) = text.split_once(" (")?;
    let first = inside.split(' ').next().unwrap_or_default();
    if matches!(first, "when" | "at" | "if" | "for" | "where" | "since" | "because" | "attained") {
        return Some(head).filter(|head| starts_value(head) && inside.ends_with(')'));
    }
    let inside =
        inside.strip_suffix(')').filter(|inside| inside.starts_with(char::is_alphabetic))?;
    let words = inside.chars().all(|c| c.is_alphabetic() || c == '-' || c == ' ');
    Some(head).filter(|head| words && prose_words(inside) > 0 && starts_value(head) && reads(head))
}

fn starts_value(text: &str) -> bool {
    text.trim_start().starts_with(|c: char| c.is_ascii_digit() || "$\\-−√(".contains(c))
}

/// The list that a sentence says that its things are: "The solutions are $(1, 2)$ and $(2, 1)$."
fn plural(text: &str) -> Option<String> {
    let at = text.rfind(" are ")?;
    let (head, rest) = (text.get(..at)?, clean(text.get(at + 5..)?));
    let there = head.to_ascii_lowercase();
    if there.ends_with("there")
        || rest.len() > MAX_WHOLE
        || rest.contains('\n')
        || !starts_value(rest)
    {
        return None;
    }
    match attempt(rest, false)? {
        Shape::List(items) if !items.iter().any(|item| matches!(item, Shape::Named(..))) => {
            Some(rest.to_owned())
        }
        _ => None,
    }
}

/// The word in which a sentence without a value ends: "The statement is true."
fn judged(text: &str) -> Option<String> {
    let text = clean(text);
    let (head, word) = text.rsplit_once(' ')?;
    let says = head.ends_with(" is") || head.ends_with(" are");
    let known = ["true", "false", "even", "odd", "undefined", "infinite", "prime", "composite"];
    let word = word.to_ascii_lowercase();
    if !text.contains(|c: char| c.is_ascii_digit()) && says && known.contains(&word.as_str()) {
        return Some(word);
    }
    text.ends_with(" does not exist").then(|| "does not exist".to_owned())
}

/// The answer that an announced text is, or the last value in it.
pub(super) fn announced(text: &str) -> String {
    let text = clean(text);
    if let Some(own) = own(text) {
        return own.text.to_owned();
    }
    let pieces = pieces(text);
    let words: usize = pieces.iter().filter(|p| !p.math).map(|p| prose_words(p.text)).sum();
    let formulas = pieces.iter().any(|p| p.math);
    let value = (words >= 4 || (formulas && words >= 1)).then(|| last_candidate(text, false));
    value.flatten().unwrap_or_else(|| text.to_owned())
}

/// The last formula or number; `strict` leaves out formulas that give no number if one is there.
pub(super) fn last_candidate(text: &str, strict: bool) -> Option<String> {
    let pieces = pieces(text);
    let mut fallback = None;
    for piece in pieces.iter().rev() {
        if piece.math {
            let inner = clean(piece.text);
            if inner.is_empty() {
                continue;
            }
            if inner.contains(|c: char| c.is_ascii_digit()) || inner.len() > 12 {
                return Some(inner.to_owned());
            }
            fallback = fallback.or_else(|| Some(inner.to_owned()));
        } else if let Some(number) = last_value(piece.text) {
            return Some(number);
        }
    }
    if strict && fallback.as_deref().is_some_and(|f| f.chars().count() < 2) {
        return None;
    }
    fallback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_in_order() {
        for (text, answer) in [
            (r"\boxed{1} and \boxed{2}", Some("1, 2")),
            (r"\boxed{1}, \boxed{2}", Some("1, 2")),
            (r"\boxed{1} no no no no \boxed{2}", Some("2")),
            (r"first \boxed{3}. So the answer is 7", Some("3")),
            (r"The answer is provided within \boxed{}", None),
            (r"The answer is \boxed{} 6", Some("6")),
            (r"\boxed 5", Some("5")),
            (r"15\mbox{ cm}^2", Some(r"15\mbox{ cm}^2")),
            ("The correct answer is (B) 12.", Some("B")),
            (r"\fbox{6}", Some("6")),
            (r"\boxed{\boxed{8}}", Some("8")),
            (r"\boxed{\{1,2\}}", Some(r"\{1,2\}")),
            (r"\boxed{12", Some("12")),
            ("a\n#### 1,234", Some("1,234")),
            ("The answer is 5 apples.", Some("5 apples")),
            ("Therefore, the answer (arabic numerals) is 12.", Some("12")),
            ("#### 5 apples\n", Some("5 apples")),
            ("#### $1,200", Some("$1,200")),
            ("#### C", Some("C")),
            ("#### (B)", Some("B")),
            ("#### yes", Some("yes")),
            (r"#### \frac{1}{2}", Some(r"\frac{1}{2}")),
            ("#### x = -3", Some("x = -3")),
            ("#### 60 miles per hour", Some("60 miles per hour")),
            ("#### Step 2: Multiply\nSo the answer is 42.", Some("42")),
            ("#### 2. Multiply\nSo the answer is 42.", Some("42")),
            ("#### (a) Find 2x\nSo the answer is 42.", Some("42")),
            ("#### B) Find the 2 roots\nSo the answer is 42.", Some("42")),
            ("#### A) Solve\nSo the answer is 42.", Some("42")),
            ("#### Conclusion\nThe answer is 6.", Some("6")),
            ("#### 18\n#### Check 3 times", Some("18")),
            ("#### Final answer: 18", Some("18")),
            ("The answer is 42. We get 6 * 7, so the answer is correct.", Some("42")),
            ("The answer is B. So the answer is correct because 5 > 3.", Some("B")),
            ("The answer is Evelyn.", Some("Evelyn")),
            ("The answer is $5, which is less than $7.", Some("$5")),
            ("The answer is 5, so we pay 7.", Some("5")),
            ("The answer is 5 because 2 + 3 = 5.", Some("5")),
            ("The answer is (1, 2), since 3 is odd.", Some("(1, 2)")),
            ("The answer is probably 7.", Some("7")),
            ("The answer is therefore 7.", Some("7")),
            ("The answer is most likely $7$.", Some("7")),
            ("The answer is therefore, 7.", Some("7")),
            ("The answer is 5 (see step 3).", Some("5")),
            ("The answer is 20% of 50, which is 10.", Some("10")),
            ("The answer is option C.", Some("C")),
            ("The answer is choice (C), 12.", Some("C")),
            ("The answer is 8. The answer is not 9.", Some("8")),
            ("Final answer: $\\frac12$. I hope it is correct.", Some(r"\frac12")),
            ("**Answer:** 18", Some("18")),
            ("so x is -3 or perhaps 3/4.", Some("3/4")),
            ("it fell to -12%", Some("-12%")),
            ("they earned 3 million dollars that year", Some("3 million dollars")),
            ("room B12 is closed", None),
            ("", None),
            ("nothing", Some("nothing")),
            // Behind an equals sign, as calculations end.
            ("=40+2\n=42", Some("42")),
            ("=42", Some("42")),
            ("= 42.", Some("42")),
            ("= $42$", Some("42")),
            ("$=42$", Some("42")),
            (r"\boxed{= \frac{1}{2}}", Some(r"\frac{1}{2}")),
            ("#### =-3", Some("-3")),
            ("=(3, 4)", Some("(3, 4)")),
            ("=40+2=42", Some("40+2=42")),
            ("==42", Some("==42")),
            // What an answer says at the end, whatever was marked before.
            ("<think>\\boxed{4}</think><answer>5</answer>", Some("5")),
            ("#### 4\n<answer> The answer is \\boxed{5}. </answer>\n", Some("5")),
            ("<answer>4</answer><answer>5</answer>", Some("5")),
            ("\\boxed{4}<answer>I do not know</answer>", None),
            ("\\boxed{4}<answer> </answer>", Some("4")),
            ("<answer>5</answer> so \\boxed{4}", Some("4")),
            ("\\boxed{4}</answer>", Some("4")),
            ("=>", None),
            ("=", None),
        ] {
            assert_eq!(extract(text).as_deref(), answer, "{text}");
        }
    }

    /// An answer at the end reads the same, whatever was thought before it, as a number and as a text.
    #[test]
    fn what_was_thought_does_not_change_what_is_answered() {
        let answers =
            ["5", "the tower of 1889", "12 apples, 3 pears", "\\boxed{7}", "(B)", "I do not know"];
        for answer in answers.map(|answer| format!("<answer>{answer}</answer>")) {
            for thought in
                ["", "\\boxed{4}", "#### 4\n", "The answer is 4.\n", "<answer>4</answer>"]
            {
                let text = format!("{thought}{answer}\n");
                assert_eq!(extract(&text), extract(&answer), "{text}");
                assert_eq!(marked(&text), marked(&answer), "{text}");
            }
        }
        assert_eq!(
            marked("\\boxed{4}<answer>the tower of 1889</answer>").as_deref(),
            Some("the tower of 1889")
        );
    }
}
