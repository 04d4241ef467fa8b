//! What surrounds a text and is no part of what it says: Markdown, tags, tokens that end a turn, emoji.
//!
//! Emphasis and code are unwrapped where their marks stand in pairs at the borders of words, so that
//! products, powers and subscripts stay. Tags of HTML and of chat templates vanish.

use std::borrow::Cow;

/// Tags that vanish; `<answer>` announces what it holds.
const TAGS: [&str; 21] = [
    "b",
    "i",
    "u",
    "em",
    "strong",
    "code",
    "p",
    "br",
    "div",
    "span",
    "pre",
    "mark",
    "h1",
    "h2",
    "h3",
    "s",
    "eos",
    "answer",
    "end_of_turn",
    "pad",
    "center",
];

/// Emphasis and code longer than this stay as they are.
const MAX_EMPHASIS: usize = 400;

/// `text` without what surrounds it.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    let marked = |b: u8| !b.is_ascii() || b"<~[`*_:;".contains(&b);
    if !text.bytes().any(marked) {
        return out;
    }
    if text.contains('<') {
        out = Cow::Owned(without_tags(&out));
    }
    if out.contains("~~") {
        out = Cow::Owned(without_struck(&out));
    }
    if out.contains("[/") {
        let plain = out.replace("[/INST]", "").replace("[ANSWER]", "\nAnswer: ");
        out = Cow::Owned(plain.replace("[/ANSWER]", "\n"));
    }
    if out.contains(['`', '*', '_']) {
        out = Cow::Owned(without_emphasis(&out));
    }
    for smile in [":)", ":-)", ":D", ";)", ":("] {
        if let Some(head) = out.trim_end().strip_suffix(smile) {
            out = Cow::Owned(head.to_owned());
        }
    }
    if !out.is_ascii() && out.contains(is_emoji) {
        out = Cow::Owned(out.replace(is_emoji, " "));
    }
    out
}

/// Text without what is struck through, `~~43~~`: it was taken back.
fn without_struck(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("~~") {
        let Some((struck, after)) = tail.split_once("~~").filter(|(s, _)| !s.contains('\n')) else {
            break;
        };
        // Spaces of TeX between digits stand for themselves.
        if struck.is_empty() {
            break;
        }
        out.push_str(head);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{fe0f}' | '\u{200d}' | '\u{2b50}')
}

fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let length = tag(tail);
        if length == 0 {
            out.push('<');
            rest = tail.get(1..).unwrap_or_default();
            continue;
        }
        let name = tail.get(..length).unwrap_or_default();
        out.push_str(match name {
            "<answer>" => "\nAnswer: ",
            "</answer>" => "\n",
            _ if name.starts_with("<br") || name.starts_with("<p") || name.starts_with("</p") => {
                "\n"
            }
            _ => "",
        });
        rest = tail.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The length of the tag at the head of `text`, zero if there is none.
fn tag(text: &str) -> usize {
    // The names of tags are short.
    let window = text.char_indices().take(64).map(|(at, c)| at + c.len_utf8()).last().unwrap_or(0);
    let window = text.get(..window).unwrap_or_default();
    let Some(end) = window.find('>') else { return 0 };
    let inside = window.get(1..end).unwrap_or_default();
    let special = inside.len() > 2 && inside.starts_with('|') && inside.ends_with('|');
    let name = inside.trim_start_matches('/').trim_end_matches('/');
    let name = name.split(' ').next().unwrap_or_default();
    let known = TAGS.contains(&name.to_ascii_lowercase().as_str());
    if special || known { end + 1 } else { 0 }
}

fn without_emphasis(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if line.trim_start().starts_with("```") {
            // The fence of a block, or code on one line.
            let inside = line.trim().trim_matches('`');
            out.push_str(if line.trim().len() > inside.len() + 3 { inside } else { "" });
            continue;
        }
        unwrap_line(line, &mut out);
    }
    out
}

fn unwrap_line(line: &str, out: &mut String) {
    let mut at = 0;
    // Marks that close nothing are searched for only so often.
    let mut budget = 200;
    while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(mark) = rest.chars().next() else { break };
        if !matches!(mark, '`' | '*' | '_') {
            let step = rest.find(['`', '*', '_']).unwrap_or(rest.len());
            out.push_str(rest.get(..step).unwrap_or_default());
            at += step;
            continue;
        }
        let open = rest.len() - rest.trim_start_matches(mark).len();
        let border =
            out.chars().next_back().is_none_or(|c| c.is_whitespace() || "([*_`:\"$".contains(c));
        let word = rest.get(open..).is_some_and(|r| r.starts_with(|c: char| !c.is_whitespace()));
        if open <= 3 && word && border && budget > 0 {
            budget -= 1;
            if let Some(end) = closing(rest, mark, open) {
                let inside = rest.get(open..end).unwrap_or_default();
                unwrap_line(inside, out);
                at += end + open;
                continue;
            }
        }
        let step = open;
        out.push_str(rest.get(..step).unwrap_or_default());
        at += step;
    }
}

/// Where the marks that close the `open` ones at the head of `text` begin.
fn closing(text: &str, mark: char, open: usize) -> Option<usize> {
    let marks: String = std::iter::repeat_n(mark, open).collect();
    let mut window = text.len().min(MAX_EMPHASIS);
    while !text.is_char_boundary(window) {
        window -= 1;
    }
    let text = text.get(..window)?;
    let mut from = open;
    while let Some(at) = text.get(from..)?.find(&marks) {
        let at = from + at;
        let before = text.get(..at)?.chars().next_back()?;
        let after = text.get(at + open..)?.chars().next();
        let ends = after.is_none_or(|c| !c.is_alphanumeric() && c != mark && !"^{(".contains(c));
        if !before.is_whitespace() && before != mark && ends && at > open {
            return Some(at);
        }
        from = at + open;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn surroundings_go_and_formulas_stay() {
        for (text, expected) in [
            ("**Answer:** `77`", "Answer: 77"),
            ("__77__", "77"),
            ("*Answer:* *77*", "Answer: 77"),
            ("2 * 3 * 4", "2 * 3 * 4"),
            ("2**10", "2**10"),
            ("x_1 = 3, x_2 = 4", "x_1 = 3, x_2 = 4"),
            ("<b>77</b></s>", "77"),
            ("77<|im_end|>", "77"),
            ("a < b and b > c", "a < b and b > c"),
            ("```\n77\n```", "\n77\n"),
            ("so <answer>77</answer>", "so \nAnswer: 77\n"),
            ("77 🎯", "77  "),
            ("$a*b$ and $c*d$", "$a*b$ and $c*d$"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
