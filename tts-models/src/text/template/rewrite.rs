//! A template as the engine takes it: what Python's Jinja knows beyond it, put in its own words.
//!
//! `{% generation %}` marks the words of the assistant for training and renders as what it holds: it
//! becomes a `with` block, which has a scope of its own as well. `'%s' % x`, Python's way to put
//! values into a text, becomes the filter `format`. Line breaks stay where they are, so errors name
//! the template's own lines; comments and `raw` blocks are left alone.
//!
//! Source: `AssistantTracker` of `transformers`; the grammar of Jinja (Pallets project).

use std::ops::Range;

/// The template with its blocks and formats in other words.
pub(super) fn rewrite(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let (mut rest, mut raw) = (source, false);
    while let Some(at) = rest.find('{') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let kind = tag.as_bytes().get(1).copied();
        let length = match kind {
            Some(b'#') if !raw => tag.find("#}").map(|end| end + 2),
            Some(b'%') => inside(tag, "%}"),
            Some(b'{') if !raw => inside(tag, "}}"),
            _ => Some(1),
        };
        // What does not end is refused later, with its line.
        let Some(length) = length else { return out + tag };
        let (tag, after) = tag.split_at(length);
        let name = if kind == Some(b'%') { block(tag) } else { 0..0 };
        let replaced = match &tag[name.clone()] {
            "endraw" => {
                raw = false;
                None
            }
            _ if raw => None,
            "raw" => {
                raw = true;
                None
            }
            "generation" => Some("with"),
            "endgeneration" => Some("endwith"),
            _ => None,
        };
        match replaced {
            Some(other) => {
                out.push_str(&tag[..name.start]);
                out.push_str(other);
                out.push_str(&tag[name.end..]);
            }
            None if raw || !matches!(kind, Some(b'%' | b'{')) => out.push_str(tag),
            None => out.push_str(&formats(tag)),
        }
        rest = after;
    }
    out + rest
}

/// Where a tag ends, `close` included, which does not count within a text.
fn inside(tag: &str, close: &str) -> Option<usize> {
    let mut at = 2;
    while at < tag.len() {
        match literal(tag, at) {
            Some(text) => at = text.end,
            None if tag[at..].starts_with(close) => return Some(at + close.len()),
            None => at += character(tag, at),
        }
    }
    None
}

/// Where the name of a block stands in its tag; nowhere if there is more than a name.
fn block(tag: &str) -> Range<usize> {
    let inner = tag.get(2..tag.len().saturating_sub(2)).unwrap_or_default();
    let name = inner.trim_matches(['-', '+']).trim();
    let start = 2 + inner.find(name).unwrap_or_default();
    start..start + name.len()
}

/// A tag whose texts before `%` are formats of the filter.
fn formats(tag: &str) -> String {
    let mut out = String::with_capacity(tag.len());
    let mut at = 0;
    while at < tag.len() {
        let Some(text) = literal(tag, at) else {
            let next = at + character(tag, at);
            out.push_str(&tag[at..next]);
            at = next;
            continue;
        };
        let percent = space(tag, text.end);
        let is_format = tag[percent..].starts_with('%') && !tag[percent..].starts_with("%}");
        let operand = is_format.then(|| space(tag, percent + 1));
        let found = operand.and_then(|operand| Some((operand, operand_end(tag, operand)?)));
        if let Some((operand, end)) = found {
            let (values, gap) = (&tag[operand..end], &tag[text.end..operand]);
            let values = formats(listed(values).unwrap_or(values));
            let gap = gap.replace('%', "");
            for part in ["(", &tag[text], " | format(", &gap, &values, "))"] {
                out.push_str(part);
            }
            at = end;
        } else {
            out.push_str(&tag[text.clone()]);
            at = text.end;
        }
    }
    out
}

/// What stands within the brackets of a list of values, `(a, b)`.
fn listed(values: &str) -> Option<&str> {
    let inner = values.strip_prefix('(')?.strip_suffix(')')?;
    let (mut at, mut comma) = (0, false);
    while at < inner.len() {
        if let Some(end) = group(inner, at) {
            at = end;
            continue;
        }
        // The brackets are not those of one list.
        if inner[at..].starts_with(')') {
            return None;
        }
        comma |= inner[at..].starts_with(',');
        at += character(inner, at);
    }
    comma.then_some(inner)
}

/// Where an operand ends that begins at `at`: a value with what is bound to it more tightly than `%`.
fn operand_end(tag: &str, at: usize) -> Option<usize> {
    let at = if tag[at..].starts_with('-') { space(tag, at + 1) } else { at };
    let mut end = group(tag, at).or_else(|| word(tag, at))?;
    loop {
        let next = space(tag, end);
        let rest = &tag[next..];
        end = if rest.starts_with(['(', '[']) {
            group(tag, next)?
        } else if rest.starts_with(['.', '|']) {
            word(tag, space(tag, next + 1))?
        } else {
            return Some(end);
        };
    }
}

/// The end of a text or of a pair of brackets that begins at `at`.
fn group(tag: &str, at: usize) -> Option<usize> {
    if let Some(text) = literal(tag, at) {
        return Some(text.end);
    }
    if !tag[at..].starts_with(['(', '[', '{']) {
        return None;
    }
    let (mut at, mut depth) = (at, 0_usize);
    while at < tag.len() {
        if let Some(text) = literal(tag, at) {
            at = text.end;
            continue;
        }
        match tag.as_bytes()[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += character(tag, at);
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The end of a name or number that begins at `at`.
fn word(tag: &str, at: usize) -> Option<usize> {
    let length = tag[at..].find(|c: char| !c.is_alphanumeric() && c != '_');
    let end = at + length.unwrap_or(tag.len() - at);
    (end > at).then_some(end)
}

/// The text in quotes that begins at `at`.
fn literal(tag: &str, at: usize) -> Option<Range<usize>> {
    let quote = tag[at..].chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut escaped = false;
    let end = tag[at + 1..].find(|c: char| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    Some(at..at + 1 + end + 1)
}

/// The place behind white space from `at` on.
fn space(tag: &str, at: usize) -> usize {
    let rest = tag.get(at..).unwrap_or_default();
    tag.len().min(at) + rest.len() - rest.trim_start().len()
}

/// Bytes of the character at `at`.
fn character(tag: &str, at: usize) -> usize {
    tag[at..].chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_formats_are_found_and_all_else_is_left_alone() {
        for (source, expected) in [
            ("a{%- generation +%}\nb{% endgeneration -%}c", "a{%- with +%}\nb{% endwith -%}c"),
            ("{%generation%}{%endgeneration%}", "{%with%}{%endwith%}"),
            ("{# {% generation %} #}{%", "{# {% generation %} #}{%"),
            ("{% raw %}{% generation %}{{ '%s' % 1 }}{% endraw %}", ""),
            ("{{ '{% generation %}' }}{% set generation = 1 %}", ""),
            ("{{ '%s' % x }}", "{{ ('%s' | format(  x)) }}"),
            ("{{ '%s\n' %\n(a.b, c[')']) | f }}", ""),
            ("{{ \"%s\" % (a, ')') }}", "{{ (\"%s\" | format(  a, ')')) }}"),
            (
                "{{ '%s' % ('%s' % a[0].b()|trim) ~ 'c' }}",
                "{{ ('%s' | format(  (('%s' | format(  a[0].b()|trim))))) ~ 'c' }}",
            ),
            ("{% if 7 % 4 == x % 2 and 'a' %}{ % }'", ""),
            ("{{ 'it\\'s' -}}{{ '%s' % }}{{ 'x", ""),
            ("{% set x = 'é' %}é{", ""),
            ("{{ 'a'\u{675d}}}", ""),
            ("{{ 'a' % \u{675d}x }}", "{{ ('a' | format(  \u{675d}x)) }}"),
            // What ends a tag ends none within a text, and a text ends behind an escaped backslash.
            ("{{ '}}{% generation %}' }}{% set x = '%}{% generation %}' %}", ""),
            ("{{ 'a\\\\' }}{% generation %}{{ 'b' }}", "{{ 'a\\\\' }}{% with %}{{ 'b' }}"),
        ] {
            let expected = if expected.is_empty() { source } else { expected };
            if source.contains("(a.b") {
                // Brackets with a filter are one value.
                assert!(
                    rewrite(source).contains("format( \n(a.b, c[')']) | f)"),
                    "{}",
                    rewrite(source)
                );
                continue;
            }
            assert_eq!(rewrite(source), expected);
        }
    }
}
