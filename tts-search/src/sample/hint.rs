//! A question with its answer shown, for solutions of problems that nobody solved unaided.
//!
//! Who is told the answer has to find the way to it alone. What is written so is learnt behind the plain question, as if
//! nobody had been told: a policy comes to problems that it never solves by itself. The template is Jinja over
//! `question` and `answer`.
//!
//! Source: Zelikman et al. 2022 (`STaR`, arXiv:2203.14465), section 3.3 (rationalisation).

use minijinja::context;

use crate::jinja::{environment, said};

/// What a question becomes when its answer is shown.
///
/// ```
/// use tts_search::Hint;
/// let hint = Hint::new("{{ question }} (It is {{ answer }}.)")?;
/// assert_eq!(hint.ask("2 + 2?", "4")?, "2 + 2? (It is 4.)");
/// assert!(Hint::default().ask("2 + 2?", "4")?.starts_with("2 + 2?"));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    template: String,
}

impl Default for Hint {
    fn default() -> Self {
        let template = "{{ question }}\n\nThe right answer is {{ answer }}. Work it out step by step, without using \
                        that you know it, and end with that answer.";
        Self { template: template.to_owned() }
    }
}

impl Hint {
    /// A hint by a template of one's own.
    ///
    /// # Errors
    /// When it is no template, or shows the question or the answer nowhere.
    pub fn new(template: impl Into<String>) -> Result<Self, String> {
        let hint = Self { template: template.into() };
        for (name, [question, answer]) in [("question", ["a mark", ""]), ("answer", ["", "a mark"])]
        {
            if !hint.ask(question, answer)?.contains("a mark") {
                return Err(format!("the hint shows no {{{{ {name} }}}}"));
            }
        }
        Ok(hint)
    }

    /// The template.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// A question with its answer.
    ///
    /// # Errors
    /// When the template cannot be filled; the error says what is missing.
    pub fn ask(&self, question: &str, answer: &str) -> Result<String, String> {
        environment()
            .render_str(&self.template, context! { question, answer })
            .map_err(|error| format!("hint: {}", said(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_too_little_is_refused() {
        for (template, expected) in [
            ("{{ question }}", "shows no {{ answer }}"),
            ("It is {{ answer }}.", "shows no {{ question }}"),
            ("{{ question }} {{ gold }} {{ answer }}", "undefined"),
            ("{{ question", "hint: "),
        ] {
            let error = Hint::new(template).expect_err(template);
            assert!(error.contains(expected), "{error}");
        }
        // What is filled in is never looked at again.
        let hint = Hint::new("{{ question }}{{ answer }}").expect("sound");
        assert_eq!(hint.ask("{{ answer }}", "4"), Ok("{{ answer }}4".to_owned()));
    }
}
