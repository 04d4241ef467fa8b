//! Multiple choice: the answer is a letter.
//!
//! A letter counts where an explicit marker points to it (`\boxed{B}`, "the answer is (B)", "#### B"),
//! else the last one in parentheses, else the last line if it begins with a letter alone (`B`, `B.`,
//! `B) 12`). Small letters count in parentheses or alone. A letter inside a word never does.

use super::{Task, math};

/// Letters of so many options.
///
/// ```
/// use tts_core::task::{Choice, Task};
/// let choice = Choice { options: 5 };
/// for text in [r"\boxed{\textbf{(B)}\ 12}", "The answer is B.", "So (a) fails and (b) holds.", "b) 12"] {
///     assert_eq!(choice.answer(text).as_deref(), Some("B"), "{text}");
/// }
/// assert_eq!(choice.answer("A baker sells 9 rolls."), None);
/// assert_eq!(choice.answer("The answer is (G)."), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choice {
    /// How many letters there are, from A; at most 26.
    pub options: u8,
}

impl Default for Choice {
    /// A to J.
    fn default() -> Self {
        Self { options: 10 }
    }
}

impl Choice {
    fn letter(self, c: char) -> Option<char> {
        let letter = c.to_ascii_uppercase();
        let place = u32::from(letter).checked_sub(u32::from('A'))?;
        (place < u32::from(self.options.min(26))).then_some(letter)
    }

    /// The letter that a short text is: alone, or before what it stands for.
    fn leading(self, text: &str) -> Option<char> {
        let mut rest = text.trim();
        // Commands of LaTeX around it: `\textbf{(B)}\ 12`, `\text{B}`.
        loop {
            let before = rest;
            rest = rest.trim_start_matches(['$', '*', '{', '"', '\'', '`', ' ', ':']);
            for command in [
                r"\textbf", r"\text", r"\mathrm", r"\mathbf", r"\mbox", r"\rm", "option ",
                "Option ", "choice ", "Choice ",
            ] {
                rest = rest.strip_prefix(command).unwrap_or(rest);
            }
            if rest == before {
                break;
            }
        }
        if let Some(inside) = rest.strip_prefix('(') {
            let mut chars = inside.trim_start().chars();
            let letter = self.letter(chars.next()?)?;
            return chars.as_str().trim_start().starts_with(')').then_some(letter);
        }
        let mut chars = rest.chars();
        let first = chars.next()?;
        let letter = self.letter(first)?;
        match chars.next() {
            Some(next) if !" .,:;)]}*$\\\n\t".contains(next) => None,
            // A sentence may begin with the article.
            Some(' ') if first.is_lowercase() || chars.next().is_some_and(char::is_lowercase) => {
                None
            }
            None | Some(_) => Some(letter),
        }
    }

    /// The last letter in parentheses.
    fn parenthesised(self, text: &str) -> Option<char> {
        let mut found = None;
        let mut rest = text;
        while let Some(at) = rest.find('(') {
            // `f(a)` is a function.
            let word = rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            rest = &rest[at + 1..];
            let mut chars = rest.chars();
            if let (false, Some(letter), Some(')')) =
                (word, chars.next().and_then(|c| self.letter(c)), chars.next())
            {
                found = Some(letter);
            }
        }
        found
    }
}

impl Task for Choice {
    fn name(&self) -> &'static str {
        "choice"
    }

    fn answer(&self, solution: &str) -> Option<String> {
        if let Some(marked) = math::marked(solution) {
            return self.leading(&marked).map(String::from);
        }
        let last = || solution.lines().map(str::trim).rfind(|line| !line.is_empty());
        let letter = self.parenthesised(solution).or_else(|| self.leading(last()?));
        letter.map(String::from)
    }

    fn same(&self, gold: &str, answer: &str) -> bool {
        let read = |text: &str| self.leading(text).or_else(|| self.parenthesised(text));
        matches!((read(gold), read(answer)), (Some(a), Some(b)) if a == b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_what_only_looks_like_one() {
        let choice = Choice::default();
        for (text, expected) in [
            ("B", Some("B")),
            ("(j)", Some("J")),
            ("K", None),
            ("**C**", Some("C")),
            ("D. 12 apples", Some("D")),
            ("D) 12 apples", Some("D")),
            ("#### E", Some("E")),
            (r"\boxed{F}", Some("F")),
            (r"$\boxed{\text{(A)}}$", Some("A")),
            ("The answer is option C.", Some("C")),
            ("The correct answer is (B) 12.", Some("B")),
            ("f(a) is 3", None),
            ("Apples", None),
            ("a lot of them", None),
            ("A good try", None),
            ("", None),
        ] {
            assert_eq!(choice.answer(text).as_deref(), expected, "{text}");
        }
        assert!(choice.same("(b)", "B") && !choice.same("A", "B") && !choice.same("", ""));
    }
}
