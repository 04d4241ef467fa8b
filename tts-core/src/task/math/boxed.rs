//! Answers in boxes: `\boxed{}`, the last one or the last run of them.
//!
//! A run of boxes joined by commas or "and" is one list. A last box that is empty or cut off before
//! its content gives no answer, and brings back no earlier one: that was given up.

use super::span::clean;

/// Boxes looked at, from the last: an adversarial text has many.
const MAX_BOXES: usize = 64;

/// What the last boxes of a text hold.
pub(super) enum Boxes {
    /// There is none.
    Missing,
    /// The last one is empty, and others stand before it or not.
    Empty { alone: bool, end: usize },
    /// Their contents, and where the last one ends.
    Filled { content: String, end: usize },
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

/// What the last boxes of `text` hold.
pub(super) fn boxed(text: &str) -> Boxes {
    // One byte is found faster than a word.
    if !text.contains('\\') {
        return Boxes::Missing;
    }
    find(text).unwrap_or(Boxes::Missing)
}

fn find(text: &str) -> Option<Boxes> {
    let commands = text.rmatch_indices('\\').map(|(at, _)| at);
    let boxes = commands.filter(|at| {
        text.get(at + 1..).is_some_and(|rest| rest.starts_with("boxed") || rest.starts_with("fbox"))
    });
    let starts: Vec<usize> = boxes.take(MAX_BOXES).collect();
    let last = box_at(text, *starts.first()?)?;
    let first = clean(last.content);
    if first.trim_matches(['{', '}', ' ', '?', '_', '.']).is_empty() {
        return Some(Boxes::Empty { alone: starts.len() == 1, end: last.end });
    }
    let mut contents = vec![first];
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
    contents.reverse();
    contents.dedup();
    Some(Boxes::Filled { content: contents.join(", "), end: last.end })
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
