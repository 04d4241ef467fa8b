//! Formulas in running text: their delimiters, what is inside them, and the words around them.

/// Where the last of `commands`, without their backslashes, ends.
pub(super) fn after_command(text: &str, commands: &[&str]) -> Option<usize> {
    text.rmatch_indices('\\').find_map(|(at, _)| {
        let rest = text.get(at + 1..)?;
        let command = commands.iter().find(|command| rest.starts_with(**command))?;
        Some(at + 1 + command.len())
    })
}

/// Without spaces, a final period, emphasis, and dollar signs.
pub(super) fn clean(text: &str) -> &str {
    let mut text = text.trim();
    // Most answers have nothing around them.
    let opens = |b: &u8| b.is_ascii_alphanumeric() || b"\\-([".contains(b);
    let closes = |b: &u8| b.is_ascii_alphanumeric() || b"})]".contains(b);
    let bytes = text.as_bytes();
    if bytes.first().is_some_and(opens)
        && bytes.last().is_some_and(closes)
        && !bytes.contains(&b'$')
    {
        return text;
    }
    loop {
        let before = text;
        text = text.trim_start_matches("**").trim_end_matches("**");
        // A decimal goes on behind an ellipsis.
        let ellipsis = text.strip_suffix("...");
        if !ellipsis.is_some_and(|head| head.ends_with(|c: char| c.is_ascii_digit())) {
            text = text.trim_end_matches(['.', ':', ',', ';']).trim();
        }
        for (open, close) in [('"', '"'), ('“', '”'), ('\'', '\'')] {
            let inside = text.strip_prefix(open).and_then(|inside| inside.strip_suffix(close));
            text = inside.filter(|inside| !inside.contains([open, close])).unwrap_or(text);
        }
        if text.ends_with('\\') && before.ends_with([',', ';', ':']) {
            text = text.trim_end_matches('\\');
        }
        let dollars = text.matches('$').count();
        let price =
            text.strip_prefix('$').is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()));
        if ((dollars == 1 && !price)
            || (dollars == 2 && text.starts_with('$') && text.ends_with('$')))
            && !text.contains("\\$")
        {
            text = text.trim_matches('$').trim();
        }
        if text == before {
            return text;
        }
    }
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
pub(super) fn whole_span(text: &str) -> Option<&str> {
    let (inner, end) = span_at(text)?;
    (end == text.len()).then_some(inner)
}

/// A stretch of text that is one formula, or has none.
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) math: bool,
}

/// Formulas and what is between them. Inline formulas that begin with a line break are no
/// formulas to Markdown nor to anyone's grader, and what is in them is not trusted: left out.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
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
