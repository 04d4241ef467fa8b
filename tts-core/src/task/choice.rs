//! Multiple choice: the answer is a letter.
//!
//! A letter counts where an explicit marker points to it (`\boxed{B}`, "the answer is (B)", "#### B"),
//! else where the text says that it takes one ("I pick B"), else the last one in parentheses, else the last line if it begins with a letter alone (`B`, `B.`,
//! `B) 12`). Small letters count in parentheses or alone. A letter inside a word never does.

use super::{Task, letter, math};

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
        Self { options: letter::OPTIONS }
    }
}

impl Choice {
    /// The letter that a short text is: alone, or before what it stands for.
    fn leading(self, text: &str) -> Option<char> {
        if let Some(label) = letter::label(text, self.options) {
            return Some(label.letter);
        }
        // `B 12`, `B, since`: a capital of its own, if no sentence begins with it.
        let rest = text.trim().trim_start_matches(['$', '*', '(']);
        let mut chars = rest.chars();
        let first = chars.next().filter(char::is_ascii_uppercase)?;
        let alone = match chars.next()? {
            ' ' => !chars.next().is_some_and(char::is_lowercase),
            next => ",;".contains(next),
        };
        letter::option(first, self.options).filter(|_| alone)
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
                (word, chars.next().and_then(|c| letter::option(c, self.options)), chars.next())
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
        if let Some(letter) = letter::chosen(solution, self.options) {
            return Some(letter.to_string());
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
