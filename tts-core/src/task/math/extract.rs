//! Where the final answer stands in a solution.
//!
//! Markers are tried in the order of how deliberate they are: the last `\boxed{}` (a run of boxes
//! joined by commas or "and" is one list), GSM8K's `####`, a phrase such as "the answer is", and
//! at last the last formula or number of the text. Every scan is linear in the text.
//!
//! Sources: the answer formats of MATH (Hendrycks et al., 2021), GSM8K (Cobbe et al., 2021) and
//! zero-shot chain of thought (Kojima et al., 2022, "the answer (arabic numerals) is").

use super::marker::{hashes, phrase};
use super::number::scan;
use super::quantity::magnifies;

/// Boxes looked at, from the last: an adversarial text has many.
const MAX_BOXES: usize = 64;

/// The final answer in a solution, or `None` if the text shows none.
///
/// The last `\boxed{...}` wins, then the last `#### ...`, then what follows the last "the answer
/// is" or "answer:", then the last number.
///
/// ```
/// use tts_core::answer::extract;
///
/// assert_eq!(extract(r"so $x = \boxed{\frac{1}{2}}$.").as_deref(), Some(r"\frac{1}{2}"));
/// assert_eq!(extract("16 - 7 = 9\n#### 18").as_deref(), Some("18"));
/// assert_eq!(extract("The answer is **$42$**.").as_deref(), Some("42"));
/// assert_eq!(extract("She has 3 dogs and 5 cats").as_deref(), Some("5"));
/// assert_eq!(extract("I do not know"), None);
/// ```
pub fn extract(text: &str) -> Option<String> {
    if let Some(answer) = marked(text) {
        return Some(answer);
    }
    // A lone formula is its own answer: the last number in `\frac{1}{2}` is not.
    let formula = clean(text);
    let lone =
        formula.contains('\\') && !formula.contains(['\n', '$']) && prose_words(formula) == 0;
    if lone && formula.contains(|c: char| c.is_ascii_digit()) {
        return Some(bare(formula).unwrap_or_else(|| formula.to_owned()));
    }
    last_candidate(text, true)
}

/// The answer itself, if `text` is one, else the answer in it, else `text`; without delimiters.
pub(super) fn core(text: &str) -> String {
    if let Some(answer) = marked(text) {
        return answer;
    }
    let text = clean(text);
    bare(text).unwrap_or_else(|| text.to_owned())
}

/// As [`core()`], for text without markers; `None` if it already is an answer.
pub(super) fn bare(text: &str) -> Option<String> {
    if let Some(inner) = whole_span(text) {
        return Some(clean(inner).to_owned());
    }
    let pieces = pieces(text);
    let words: usize = pieces.iter().filter(|p| !p.math).map(|p| prose_words(p.text)).sum();
    let formulas = pieces.iter().any(|p| p.math);
    if words >= 4 || (formulas && words >= 1) {
        return last_candidate(text, false);
    }
    None
}

/// What an explicit marker points to.
pub(crate) fn marked(text: &str) -> Option<String> {
    boxed(text).or_else(|| hashes(text)).or_else(|| phrase(text))
}

/// Without spaces, a final period, emphasis, and dollar signs.
pub(super) fn clean(text: &str) -> &str {
    let mut text = text.trim();
    loop {
        let before = text;
        text = text.trim_start_matches("**").trim_end_matches("**");
        text = text.trim_end_matches(['.', ':', ',', ';']).trim();
        if text.ends_with('\\') && before.ends_with([',', ';', ':']) {
            text = text.trim_end_matches('\\');
        }
        let dollars = text.matches('$').count();
        if (dollars == 1 || (dollars == 2 && text.starts_with('$') && text.ends_with('$')))
            && !text.contains("\\$")
        {
            text = text.trim_matches('$').trim();
        }
        if text == before {
            return text;
        }
    }
}

struct Boxed<'a> {
    start: usize,
    end: usize,
    content: &'a str,
}

/// The box whose command starts at `start`.
fn box_at(text: &str, start: usize) -> Option<Boxed<'_>> {
    let after =
        start + text.get(start..)?.find("oxed").or_else(|| text.get(start..)?.find("box"))?;
    let rest = text.get(after..)?;
    let name = rest.find(|c: char| !c.is_ascii_alphabetic())?;
    let rest = rest.get(name..)?;
    let skipped = rest.len() - rest.trim_start().len();
    let open = after + name + skipped;
    let rest = rest.trim_start();
    if !rest.starts_with('{') {
        // `\boxed 5`
        let length = rest.find(|c: char| c.is_whitespace() || c == '$').unwrap_or(rest.len());
        return Some(Boxed { start, end: open + length, content: rest.get(..length)? });
    }
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            '{' if !escaped => depth += 1,
            '}' if !escaped => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(Boxed { start, end: open + at + 1, content: rest.get(1..at)? });
        }
        escaped = c == '\\' && !escaped;
    }
    // Cut off before the brace closed: what there is of the line is the best guess.
    let line = rest.get(1..)?.lines().next().unwrap_or_default();
    Some(Boxed { start, end: text.len(), content: line })
}

fn boxed(text: &str) -> Option<String> {
    let mut starts = Vec::new();
    let mut upto = text.len();
    while starts.len() < MAX_BOXES
        && let Some(at) = text.get(..upto).and_then(|head| head.rfind("box"))
    {
        let head = text.get(..at)?;
        let fbox = head.ends_with("\\f");
        if (head.ends_with('\\') && text.get(at..)?.starts_with("boxed")) || fbox {
            starts.push(at - usize::from(fbox));
        }
        upto = at;
    }
    let last = box_at(text, *starts.first()?)?;
    let mut contents = vec![clean(last.content)];
    let mut from = last.start;
    for start in starts.iter().skip(1) {
        let Some(before) = box_at(text, *start).filter(|b| b.end <= from) else {
            break;
        };
        if !joins(text.get(before.end..from)?) {
            break;
        }
        contents.push(clean(before.content));
        from = before.start;
    }
    contents.retain(|c| !c.is_empty());
    if contents.is_empty() {
        return None;
    }
    contents.reverse();
    contents.dedup();
    Some(contents.join(", "))
}

/// Whether what stands between two boxes makes them one list.
fn joins(between: &str) -> bool {
    if between.len() > 60 || between.contains('=') {
        return false;
    }
    let mut plain = between.replace("\\text", " ");
    for command in ["\\qquad", "\\quad", "\\mbox", "\\and"] {
        plain = plain.replace(command, " ");
    }
    let words: Vec<String> = plain
        .split(|c: char| !c.is_alphabetic())
        .filter(|w| !w.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() {
        return plain.contains(',') || !between.contains("\n\n");
    }
    words.len() <= 3 && words.iter().any(|w| w == "and" || w == "or")
}

/// The formula that starts `text`: what is inside its delimiters, and where it ends.
pub(super) fn span_at(text: &str) -> Option<(&str, usize)> {
    for (open, close) in [("$$", "$$"), ("$", "$"), ("\\[", "\\]"), ("\\(", "\\)")] {
        let Some(rest) = text.strip_prefix(open) else { continue };
        let mut from = 0;
        while let Some(at) = rest.get(from..)?.find(close) {
            let at = from + at;
            if rest.get(..at)?.ends_with('\\') && !rest.get(..at)?.ends_with("\\\\") {
                from = at + 1;
                continue;
            }
            return Some((rest.get(..at)?, open.len() + at + close.len()));
        }
        if open == "$$" {
            return None;
        }
    }
    None
}

/// What is inside the delimiters if they enclose all of `text`.
fn whole_span(text: &str) -> Option<&str> {
    let (inner, end) = span_at(text)?;
    (end == text.len()).then_some(inner)
}

struct Piece<'a> {
    text: &'a str,
    math: bool,
}

/// Formulas and what is between them. Inline formulas that begin with a line break are no
/// formulas to Markdown nor to anyone's grader, and what is in them is not trusted: left out.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let (mut from, mut at) = (0, 0);
    // Characters that searches for a closing delimiter may look at in vain: keeps this linear.
    let mut budget = 200_000_usize;
    while let Some(step) = text.get(at..).and_then(|rest| rest.find(['$', '\\'])) {
        at += step;
        let Some(rest) = text.get(at..) else { break };
        let opens = rest.starts_with('$') || rest.starts_with("\\[") || rest.starts_with("\\(");
        if opens && budget > 0 {
            let mut limit = rest.len().min(20_000);
            while !rest.is_char_boundary(limit) {
                limit -= 1;
            }
            let window = rest.get(..limit).unwrap_or(rest);
            if let Some((inner, end)) = span_at(window) {
                let inline = !rest.starts_with("$$") && !rest.starts_with("\\[");
                let broken = inline && inner.trim_start_matches([' ', '\t']).starts_with('\n');
                let paragraph = inner.contains("\n\n") || (inline && prose_words(inner) >= 3);
                if !inner.trim().is_empty() && !paragraph {
                    out.push(Piece { text: text.get(from..at).unwrap_or_default(), math: false });
                    if !broken {
                        out.push(Piece { text: inner, math: true });
                    }
                    at += end;
                    from = at;
                    continue;
                }
            }
            budget = budget.saturating_sub(window.len());
        }
        at += 1;
        if rest.starts_with("\\$") {
            at += 1;
        }
    }
    out.push(Piece { text: text.get(from..).unwrap_or_default(), math: false });
    out
}

/// The last formula or number; `strict` leaves out formulas that give no number if one is there.
fn last_candidate(text: &str, strict: bool) -> Option<String> {
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
        } else if let Some(number) = last_number(piece.text) {
            return Some(number);
        }
    }
    if strict && fallback.as_deref().is_some_and(|f| f.chars().count() < 2) {
        return None;
    }
    fallback
}

/// Letter runs of two or more, outside commands and `\text{}`, that are no function or joint.
pub(super) fn prose_words(text: &str) -> usize {
    let mut count = 0;
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_alphabetic()) {
        let command = rest.get(..at).is_some_and(|head| head.ends_with('\\'));
        let word = rest.get(at..).unwrap_or_default();
        let length = word.find(|c: char| !c.is_alphabetic()).unwrap_or(word.len());
        let (run, after) = word.split_at(length);
        rest = after;
        if command {
            if matches!(run, "text" | "mbox" | "textbf" | "mathrm" | "begin" | "end")
                && let Some(end) = after.find('}')
            {
                rest = after.get(end..).unwrap_or_default();
            }
            continue;
        }
        let joint =
            matches!(run, "and" | "or" | "sin" | "cos" | "tan" | "log" | "ln" | "sqrt" | "pi");
        if run.chars().count() >= 2 && !joint {
            count += 1;
        }
    }
    count
}

/// The last number that stands on its own, with its sign, its denominator and a percent sign.
fn last_number(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut found = None;
    while at < chars.len() {
        let here = |i: usize| chars.get(i).copied();
        let starts = here(at).is_some_and(|c| c.is_ascii_digit())
            || (here(at) == Some('.') && here(at + 1).is_some_and(|c| c.is_ascii_digit()));
        if !starts {
            at += 1;
            continue;
        }
        let Some(scanned) = scan(&chars, at, true) else {
            at += 1;
            continue;
        };
        let before = at.checked_sub(1).and_then(here);
        let mut end = scanned.end;
        if here(end) == Some('/')
            && here(end + 1).is_some_and(|c| c.is_ascii_digit())
            && let Some(bottom) = scan(&chars, end + 1, false)
        {
            end = bottom.end;
        }
        if !before.is_some_and(|c| c.is_alphabetic() || c == '_') {
            let minus = matches!(before, Some('-' | '−'))
                && !at
                    .checked_sub(2)
                    .and_then(here)
                    .is_some_and(|c| c.is_alphanumeric() || c == ')');
            let percent = here(end) == Some('%');
            // `5 million` is not 5.
            let ahead: String = chars.iter().skip(end).take(12).collect();
            let word = ahead.trim_start_matches(' ');
            let length = word.find(|c: char| !c.is_alphabetic()).unwrap_or(word.len());
            if word.len() < ahead.len() && word.get(..length).is_some_and(magnifies) {
                end += ahead.len() - word.len() + length;
            }
            found = Some((at - usize::from(minus), end + usize::from(percent)));
        }
        at = end.max(at + 1);
    }
    let (from, to) = found?;
    Some(chars.get(from..to)?.iter().collect())
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
            ("#### $1,200", Some("1,200")),
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
            ("The answer is $5, which is less than $7.", Some("5")),
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
            ("they earned 3 million dollars that year", Some("3 million")),
            ("room B12 is closed", None),
            ("", None),
            ("nothing", None),
        ] {
            assert_eq!(extract(text).as_deref(), answer, "{text}");
        }
    }

    #[test]
    fn hostile_texts_are_quick() {
        for text in [
            "\\boxed{".repeat(100_000),
            "{".repeat(1_000_000),
            "$".repeat(300_001),
            "$ \\".repeat(300_001),
            "9".repeat(2_000_000),
            "answer ".repeat(200_000),
            "answer is so ".repeat(200_000),
            "answer is not ".repeat(200_000),
            "#### so ".repeat(200_000),
            "1,".repeat(500_000),
        ] {
            let _ = extract(&text);
        }
    }
}
