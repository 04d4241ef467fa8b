//! Answers in words, and answers that no parser understood.
//!
//! Words are compared without case, spaces and hyphens. Every way to say that there is nothing is the
//! empty list, and "all real numbers" is that set. Numbers in words are left to `numeral`. What is not
//! words and not a formula keeps its case if it is LaTeX, where case means something.

use super::numeral::is_cardinal;

/// What the words of an answer say.
pub(super) enum Words {
    /// That there is no solution.
    Nothing,
    /// All real numbers.
    Reals,
    /// Something else.
    Said(String),
    /// Several things.
    Several(Vec<String>),
}

/// The words of a text answer, lower-cased, if it is nothing else.
pub(super) fn words(core: &str) -> Option<Words> {
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
    let text = text.trim().trim_end_matches(['.', '!']).to_lowercase();
    let mut out = String::new();
    for word in text.split([' ', '-', '\n', ',', '\u{a0}']).filter(|w| !w.is_empty()) {
        let letters = word.chars().all(|c| c.is_alphabetic() || c == '\'');
        let short = word.chars().count() < 2 && !matches!(word, "a" | "i");
        let formula = matches!(
            word,
            "pi" | "infinity" | "inf" | "oo" | "sin" | "cos" | "tan" | "ln" | "log" | "sqrt"
        );
        if !letters || short || formula || is_cardinal(word) || is_counted(word) {
            return None;
        }
        out.push_str(word);
    }
    if out.chars().count() < 2 {
        return None;
    }
    if let Some(several) = several(&text) {
        return Some(Words::Several(several));
    }
    Some(match out.trim_start_matches("there").trim_start_matches("is").trim_start_matches("are") {
        "none" | "nosolution" | "nosolutions" | "norealsolution" | "norealsolutions"
        | "emptyset" | "theemptyset" | "noroots" | "norealroots" | "nosolutionexists"
        | "nosolutionsexist" | "noanswer" | "nosuchnumber" | "nosuchnumbers" | "nosuchx"
        | "noneexist" | "noneexists" | "nosuchvalue" | "nosuchvalues" | "nointegersolutions"
        | "novalue" | "novalues" => Words::Nothing,
        "dne" | "doesnotexist" | "itdoesnotexist" => Words::Said("doesnotexist".into()),
        "allreals" | "allrealnumbers" | "anyrealnumber" | "everyrealnumber" | "allrealx"
        | "realnumbers" | "therealnumbers" | "thereals" | "allrealvalues" => Words::Reals,
        _ => Words::Said(out),
    })
}

/// The things that a list of words names, each in a word or two.
fn several(text: &str) -> Option<Vec<String>> {
    let text = text.replace(", and ", ", ").replace(" and ", ", ");
    let parts: Vec<&str> = text.split(", ").map(str::trim).collect();
    let short = |part: &&str| (1..=2).contains(&part.split([' ', '-']).count()) && !part.is_empty();
    let plain = |part: &&str| part.replace([' ', '-'], "");
    (parts.len() > 1 && parts.iter().all(short)).then(|| parts.iter().map(plain).collect())
}

/// Words that belong to a number: `half`, `a dozen`, `minus eight`.
fn is_counted(word: &str) -> bool {
    matches!(word, "half" | "dozen" | "noon" | "midnight" | "midday")
}

/// Text that is no formula: spaces and sizing gone, and case too unless it is LaTeX.
pub(super) fn plain(core: &str) -> String {
    let mut text = core.replace("\\left", "").replace("\\right", "").replace("\\!", "");
    text.retain(|c| !c.is_whitespace() && c != '$');
    if text.contains('\\') { text } else { text.to_lowercase() }
}
