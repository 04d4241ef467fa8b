//! Answers in words, and answers that no parser understood.
//!
//! Words are compared without case, spaces and hyphens. What is not words and not a formula keeps
//! its case if it is LaTeX, where case means something.

/// The words of a text answer, lower-cased, if it is nothing else.
pub(super) fn words(core: &str) -> Option<String> {
    let mut text = core.to_owned();
    if core.len() < 2000 {
        for command in ["\\text{", "\\mbox{", "\\textbf{", "\\mathrm{", "\\textit{"] {
            while let Some(at) = text.find(command) {
                let end = at + command.len() + text.get(at + command.len()..)?.find('}')?;
                text.replace_range(end..=end, "");
                text.replace_range(at..at + command.len(), "");
            }
        }
    }
    let text = text.trim().trim_end_matches('.').to_lowercase();
    let mut out = String::new();
    for word in text.split([' ', '-', '\n', ',', '\u{a0}']).filter(|w| !w.is_empty()) {
        let letters = word.chars().all(|c| c.is_alphabetic() || c == '\'');
        let short = word.chars().count() < 2 && !matches!(word, "a" | "i");
        let formula = matches!(
            word,
            "pi" | "infinity" | "inf" | "oo" | "sin" | "cos" | "tan" | "ln" | "log" | "sqrt"
        );
        if !letters || short || formula {
            return None;
        }
        out.push_str(word);
    }
    (out.chars().count() >= 2).then_some(out)
}

/// Text that is no formula: spaces and sizing gone, and case too unless it is LaTeX.
pub(super) fn plain(core: &str) -> String {
    let mut text = core.replace("\\left", "").replace("\\right", "").replace("\\!", "");
    text.retain(|c| !c.is_whitespace() && c != '$');
    if text.contains('\\') { text } else { text.to_lowercase() }
}
