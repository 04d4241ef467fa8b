//! Untrusted text in HTML, in script elements, and in labels.

use serde::Serialize;

/// Text as the content of an element or of an attribute in quotes.
pub(super) fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Data as JSON that no text in it can end or change: a script element ends at `</script`, and reads
/// `<!--` in a way of its own, so that no `<` is left. It is the same JSON.
pub(super) fn json(data: &impl Serialize) -> String {
    // Keys are texts and numbers are finite or null: nothing here has no JSON.
    serde_json::to_string(data).unwrap_or_else(|_| "null".into()).replace('<', "\\u003c")
}

/// Text on one line, cut to a number of characters.
pub(super) fn line(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String =
        words.join(" ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= most {
        return line;
    }
    let cut: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(html("<b a=\"x\" c='y'>&"), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;");
        let hostile = "</script><!--<script>alert(1)</SCRIPT>\u{2028}\\u003c";
        let written = json(&hostile);
        assert!(!written.contains('<'), "{written}");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), hostile);
    }

    #[test]
    fn lines_are_cut_between_characters() {
        assert_eq!(line(" a\n\tb\u{7}é ", 9), "a b é");
        assert_eq!(line("éééé", 4), "éééé");
        assert_eq!(line("ééééé", 4), "ééé…");
        assert_eq!(line("ab cde", 4), "ab…");
    }
}
