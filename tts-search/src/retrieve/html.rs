//! The text of a web page.
//!
//! Tags are read by the rules of browsers, what they show as blocks becomes paragraphs, headings those of Markdown, and
//! what they do not show (scripts, styles, templates), or what says nothing of the page (navigation, fields of forms) is left
//! out; a form itself may hold the whole page. The page's title comes apart. A page that is cut off or ill-formed gives what
//! there is: what should be left out and never ends is not. In XHTML an element may end where it begins (`<script/>`), in HTML
//! only pictures and formulas may.
//!
//! Source: the WHATWG HTML standard, section 13.2.5, by the `html5gum` crate; which elements are blocks as in its section 15.3.

use html5gum::{State, Token, Tokenizer};

/// How many there are of [`HIDDEN`].
const KINDS: usize = 13;

/// What is not shown, or says nothing of the page.
const HIDDEN: [&str; KINDS] = [
    "script", "style", "template", "noscript", "svg", "math", "nav", "button", "select",
    "textarea", "iframe", "object", "footer",
];

/// What begins and ends a paragraph.
const BLOCKS: [&str; 26] = [
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
    "h5",
    "h6",
];

/// What is read next is no markup but the text of this element.
fn enter(tokens: &mut Tokenizer<html5gum::StringReader<'_>>, name: &str) {
    match name {
        "script" => tokens.set_state(State::ScriptData),
        "style" | "iframe" => tokens.set_state(State::RawText),
        "title" | "textarea" => tokens.set_state(State::RcData),
        _ => {}
    }
}

fn named(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// Whether a tag is the whole of its element.
fn is_whole(tag: &html5gum::StartTag<()>, name: &str, xml: bool) -> bool {
    tag.self_closing && (xml || ["svg", "math"].contains(&name))
}

/// Which of the hidden elements a name is.
fn hides(name: &str) -> Option<usize> {
    HIDDEN.iter().position(|hidden| *hidden == name)
}

/// The hidden elements that are open, from the outermost to the innermost.
#[derive(Default)]
struct Open {
    kinds: Vec<usize>,
    /// How many of each kind.
    counts: [usize; KINDS],
}

impl Open {
    fn begin(&mut self, kind: usize) {
        self.kinds.push(kind);
        self.counts[kind] += 1;
    }

    /// Ends the innermost of a kind with all within it; how many are around it, or none where none is open.
    fn end(&mut self, kind: usize) -> Option<usize> {
        // Nothing is looked at but what ends: all ends of a page together take no longer than all beginnings.
        while self.counts[kind] > 0 {
            let last = self.kinds.pop()?;
            self.counts[last] -= 1;
            if last == kind {
                return Some(self.kinds.len());
            }
        }
        None
    }
}

/// Which of the hidden elements, counted as they begin, have an end.
fn ended(page: &str, xml: bool) -> Vec<bool> {
    let (mut ended, mut open, mut numbers) = (Vec::new(), Open::default(), Vec::new());
    let mut tokens = Tokenizer::new(page);
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => {
                let name = named(&tag.name);
                if is_whole(&tag, &name, xml) {
                    continue;
                }
                enter(&mut tokens, &name);
                if let Some(kind) = hides(&name) {
                    open.begin(kind);
                    numbers.push(ended.len());
                    ended.push(false);
                }
            }
            Token::EndTag(tag) => {
                if let Some(at) = hides(&named(&tag.name)).and_then(|kind| open.end(kind)) {
                    ended[numbers[at]] = true;
                    numbers.truncate(at);
                }
            }
            _ => {}
        }
    }
    ended
}

/// Title and text of a page; `xml` where it is XHTML.
pub(super) fn text(page: &str, xml: bool) -> (String, String) {
    let (mut title, mut out) = (String::new(), String::new());
    // An end without a beginning counts for nothing.
    let mut hidden = Open::default();
    let mut ends = ended(page, xml).into_iter();
    let (mut in_title, mut pre) = (false, false);
    let mut tokens = Tokenizer::new(page);
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) => {
                let name = named(&tag.name);
                if is_whole(&tag, &name, xml) {
                    if BLOCKS.contains(&name.as_str()) || name == "br" {
                        out.push('\n');
                    }
                    continue;
                }
                if let Some(kind) = hides(&name) {
                    // Programs are never shown, even where they have no end.
                    let program = ["script", "style"].contains(&name.as_str());
                    if ends.next().unwrap_or(false) || program {
                        enter(&mut tokens, &name);
                        hidden.begin(kind);
                    }
                    continue;
                }
                enter(&mut tokens, &name);
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
                let name = named(&tag.name);
                if let Some(kind) = hides(&name) {
                    hidden.end(kind);
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
                } else if hidden.kinds.is_empty() && pre {
                    // What begins with a mark of Markdown is no heading here.
                    for (place, line) in text.split('\n').enumerate() {
                        if place > 0 {
                            out.push('\n');
                        }
                        escape(&mut out, line);
                        out.push_str(line);
                    }
                } else if hidden.kinds.is_empty() {
                    let begins = text.starts_with(char::is_whitespace);
                    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    if begins && !out.ends_with(char::is_whitespace) {
                        out.push(' ');
                    }
                    escape(&mut out, &words);
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

/// Puts a stroke before a `#` that would begin a line.
fn escape(out: &mut String, text: &str) {
    if text.starts_with('#') && (out.is_empty() || out.ends_with('\n')) {
        out.push('\\');
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_browser_shows_is_text() {
        let page = "<!doctype html><title> The  Mira </title><style>p { x: '</p>' }</style>\
            <nav>Home</nav><h2>Length</h2><p>It is <b>31</b>&nbsp;km &lt;long&gt;.<br>Really.</p>\
            <script>if (a < b) { document.write('<p>no</p>') }</script><!-- no --><ul><li>one<li>two</ul>\
            <table><tr><td>a</td><td>b</td></tr></table><p>cut";
        let text_of = |page: &str| super::text(page, false);
        let (title, text) = text_of(page);
        assert_eq!(title, "The Mira");
        assert_eq!(text, "## Length\n\nIt is 31 km <long>.\nReally.\n\n- one\n- two\n\na b\n\ncut");
        assert_eq!(text_of(""), (String::new(), String::new()));
        assert_eq!(text_of("</nav>a <nav>b</nav>").1, "a");
        assert_eq!(text_of("plain & simple").1, "plain & simple");
        assert_eq!(
            text_of("<h6>Deep</h6>a<p># b<pre># c\n# d</pre>").1,
            "###### Deep\n\na\n\n\\# b\n\n\\# c\n\\# d"
        );
    }

    #[test]
    fn nothing_swallows_the_rest_of_a_page() {
        let text = |page: &str| super::text(page, false).1;
        // Pages of one form are whole pages; what never ends hides nothing.
        assert_eq!(text("<form><p>All of it.<select><option>x</select></form>"), "All of it.");
        assert_eq!(text("<form><p>a<p>b"), "a\n\nb");
        assert_eq!(text("<nav>menu<p>a<footer>x</footer><p>b"), "menu\n\na\n\nb");
        assert_eq!(text("a<svg/>b<nav/>c</nav>d"), "abd");
        // An element that ends where it begins does so in XHTML alone.
        let page = "<p>a</p><script src='x'/><p>b</p><title/><div/><p>c</p>";
        assert_eq!(super::text(page, true).1, "a\n\nb\n\nc");
        assert_eq!(text("<p>a</p><script src='x'/><p>b</p>"), "a");
        assert_eq!(text("<textarea>x<b></textarea>a"), "a");
    }

    #[test]
    fn a_page_takes_as_long_as_it_is_long() {
        let many = 200_000;
        let begun = std::time::Instant::now();
        for ends in ["</p>", "</footer>", "</b>"] {
            // Ends that have to do with nothing that is open, within ever more that is.
            let page = format!("<p>a{}b{}c", "<nav>".repeat(many), ends.repeat(many));
            assert_eq!(super::text(&page, false).1.replace("\n\n", ""), "abc");
        }
        let page = format!("{}b{}c", "<nav>".repeat(many), "</nav>".repeat(many));
        assert_eq!(super::text(&page, false).1, "c");
        // By squares it were minutes.
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }
}
