//! What a model says: without the thinking before it, and of a question the question alone.
//!
//! There is one reading of a line, for prompts, drafts, checks and pages alike. Thinking ends with `</think>`; thinking
//! that never came to its end is nothing said.
//!
//! Source: none; the marks of DeepSeek-R1 (arXiv 2501.12948) and most reasoning models since.

const BEGINS: &str = "<think>";
const ENDS: &str = "</think>";

/// What a text says, without thinking.
pub(super) fn said(text: &str) -> &str {
    let spoken = text.rsplit_once(ENDS).map_or(text, |(_, rest)| rest);
    spoken.split(BEGINS).next().unwrap_or_default().trim()
}

/// Names that models put before a question.
const NAMES: [&str; 5] = ["question:", "q:", "search:", "query:", "search query:"];

/// A line without the mark of a list before it: `- `, `* `, `3. `, `12) `.
fn without_mark(line: &str) -> &str {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = match digits {
        0 => line.strip_prefix(['-', '*', '•']),
        1 | 2 => line[digits..].strip_prefix(['.', ')']),
        _ => None,
    };
    rest.filter(|rest| rest.starts_with(char::is_whitespace)).map_or(line, str::trim_start)
}

/// A line without a name before it, whatever its letters and emphasis.
fn without_name(line: &str) -> &str {
    let plain = line.trim_start_matches(['*', '_', '#', ' ']);
    let named = NAMES.iter().find_map(|name| {
        let head = plain.get(..name.len()).filter(|head| head.eq_ignore_ascii_case(name))?;
        Some(&plain[head.len()..])
    });
    named.map_or(line, |rest| rest.trim_start_matches(['*', '_', ' ', '\t']))
}

/// A line without marks around the whole of it.
fn without_quotes(mut line: &str) -> &str {
    for (open, close) in [("**", "**"), ("*", "*"), ("`", "`"), ("\"", "\""), ("“", "”")] {
        let inside = line.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        if let Some(inside) =
            inside.filter(|inside| !inside.contains(open) && !inside.contains(close))
        {
            line = inside.trim();
        }
    }
    line
}

/// The question of a text: its first line with words, without marks of a list, names and quotation marks around it, and
/// nothing else left out.
pub(super) fn one_line(text: &str) -> String {
    let bare = |line: &'_ str| {
        let mut line = line.trim();
        loop {
            let next = without_quotes(without_name(without_mark(line)));
            if next == line {
                return line.to_owned();
            }
            line = next;
        }
    };
    let worded = |line: &String| line.chars().any(char::is_alphanumeric);
    text.lines().map(bare).find(worded).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_not_said() {
        for (text, expected) in [
            ("<think>a</think> b ", "b"),
            ("a</think>b", "b"),
            ("<think>a", ""),
            ("a</think>b <think> c", "b"),
            (" b", "b"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_belong_to_the_question() {
        for (text, expected) in [
            ("2024 Olympics host city?", "2024 Olympics host city?"),
            ("3M revenue", "3M revenue"),
            (".NET release", ".NET release"),
            ("-5 degrees where?", "-5 degrees where?"),
            ("1. Question: X", "X"),
            ("Question:\n\n- **Query:** \"How long?\"", "How long?"),
            ("12) 1984 author", "1984 author"),
            ("* **What is it?**", "What is it?"),
            ("\"a b\" of \"c\"", "\"a b\" of \"c\""),
            ("search: `x`", "x"),
            ("---\n", ""),
            ("qué: es?", "qué: es?"),
        ] {
            assert_eq!(one_line(text), expected, "{text}");
        }
    }
}
