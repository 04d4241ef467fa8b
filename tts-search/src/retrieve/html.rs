//! The text of a web page.
//!
//! Tags are read by the rules of browsers, what they show as blocks becomes paragraphs, headings those of Markdown, and
//! what they do not show (scripts, styles, templates, navigation, forms) is left out. The page's title comes apart. A page
//! that is cut off or ill-formed gives what there is.
//!
//! Source: the WHATWG HTML standard, section 13.2.5, by the `html5gum` crate; which elements are blocks as in its section 15.3.

use html5gum::{State, Token, Tokenizer};

/// What is not shown, or says nothing of the page.
const HIDDEN: [&str; 13] = [
    "script", "style", "template", "noscript", "svg", "math", "nav", "form", "button", "select",
    "iframe", "object", "footer",
];

/// What begins and ends a paragraph.
const BLOCKS: [&str; 24] = [
    "p",
    "div",
    "section",
    "article",
    "main",
    "aside",
    "header",
    "blockquote",
    "pre",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "tr",
    "figure",
    "figcaption",
    "address",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
];

/// Title and text of a page.
pub(super) fn text(page: &str) -> (String, String) {
    let (mut title, mut out) = (String::new(), String::new());
    // How deep in each hidden element; an end without a beginning counts for nothing.
    let mut hidden: Vec<String> = Vec::new();
    let (mut in_title, mut pre) = (false, false);
    let mut tokens = Tokenizer::new(page);
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).to_ascii_lowercase();
                // What is in these is no markup.
                match name.as_str() {
                    "script" => tokens.set_state(State::ScriptData),
                    "style" | "iframe" => tokens.set_state(State::RawText),
                    "title" | "textarea" => tokens.set_state(State::RcData),
                    _ => {}
                }
                if HIDDEN.contains(&name.as_str()) && !tag.self_closing {
                    hidden.push(name);
                    continue;
                }
                match name.as_str() {
                    "title" => in_title = title.is_empty(),
                    "pre" => pre = true,
                    "br" => out.push('\n'),
                    "li" => out.push_str("\n- "),
                    "td" | "th" => out.push(' '),
                    _ => {}
                }
                if BLOCKS.contains(&name.as_str()) {
                    out.push_str("\n\n");
                    if let Some(level) =
                        name.strip_prefix('h').and_then(|level| level.parse::<usize>().ok())
                    {
                        out.extend(["#".repeat(level).as_str(), " "]);
                    }
                }
            }
            Token::EndTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).to_ascii_lowercase();
                if let Some(at) = hidden.iter().rposition(|open| *open == name) {
                    hidden.truncate(at);
                }
                match name.as_str() {
                    "title" => in_title = false,
                    "pre" => pre = false,
                    _ => {}
                }
                if BLOCKS.contains(&name.as_str()) {
                    out.push_str("\n\n");
                }
            }
            Token::String(text) => {
                let text = String::from_utf8_lossy(&text);
                if in_title {
                    title.push_str(&text);
                } else if hidden.is_empty() && pre {
                    out.push_str(&text);
                } else if hidden.is_empty() {
                    let begins = text.starts_with(char::is_whitespace);
                    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    if begins && !out.ends_with(char::is_whitespace) {
                        out.push(' ');
                    }
                    out.push_str(&words);
                    if !words.is_empty() && text.ends_with(char::is_whitespace) {
                        out.push(' ');
                    }
                }
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    let paragraphs =
        out.split("\n\n").map(str::trim).filter(|text| text.chars().any(char::is_alphanumeric));
    let text = paragraphs.collect::<Vec<_>>().join("\n\n");
    (title.split_whitespace().collect::<Vec<_>>().join(" "), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_shows_is_text() {
        let page = "<!doctype html><title> The  Mira </title><style>p { x: '</p>' }</style>\
            <nav>Home</nav><h2>Length</h2><p>It is <b>31</b>&nbsp;km &lt;long&gt;.<br>Really.</p>\
            <script>if (a < b) { document.write('<p>no</p>') }</script><!-- no --><ul><li>one<li>two</ul>\
            <table><tr><td>a</td><td>b</td></tr></table><p>cut";
        let (title, text) = text(page);
        assert_eq!(title, "The Mira");
        assert_eq!(text, "## Length\n\nIt is 31 km <long>.\nReally.\n\n- one\n- two\n\na b\n\ncut");
        assert_eq!(super::text(""), (String::new(), String::new()));
        assert_eq!(super::text("</nav>a <nav>b").1, "a");
        assert_eq!(super::text("plain & simple").1, "plain & simple");
    }
}
