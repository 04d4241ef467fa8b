//! Strides: chains whose writer may do several operations a line.
//!
//! The problems of [`Chain`], and its way of checking: a line is right when it is worth what the line before it is
//! worth and has fewer operations. How many fewer is up to the writer, who did one to all of those left, equally
//! often:
//!
//! ```text
//! 47+38*3-26
//! =161-26
//! =135
//! ```
//!
//! Long strides are short to write and easy to get wrong. A policy that learns from right answers alone can
//! find out by itself that small steps pay: what R1-Zero's growing solutions show, where every line can be checked.
//!
//! Source: DeepSeek-AI 2025 (arXiv 2501.12948), section 2.2.4, for length that grows unasked; the family is this
//! library's.

use serde::{Deserialize, Serialize};

use super::{Chain, Expression, Family, FamilyError, Problem};
use crate::seed::{self, Rng};

/// Arithmetic of several operations, as many a line as the writer likes.
///
/// ```
/// use tts_core::family::{Family, Strides};
/// let strides = Strides::default();
/// assert_eq!(strides.check("47+38*3-26", &["=161-26\n", "=135"]), [true, true]);
/// assert!(strides.solved("47+38*3-26", &["=135"]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Strides {
    /// The problems.
    pub chain: Chain,
    /// Operations that a written line does at most; 0 for as many as are left.
    pub most: usize,
    /// Decides the strides of written solutions.
    pub seed: u64,
}

impl Strides {
    /// Lines of a right solution with strides of these numbers.
    fn lines(&self, expression: Expression, rng: &mut Rng) -> Option<Vec<String>> {
        let mut expression = expression;
        let mut lines = Vec::new();
        while !expression.rest.is_empty() {
            let left = expression.rest.len();
            let most = if self.most == 0 { left } else { left.min(self.most) };
            for _ in 0..=rng.below(most) {
                expression = expression.reduce()?;
            }
            let end = if expression.rest.is_empty() { "" } else { "\n" };
            lines.push(format!("={expression}{end}"));
        }
        Some(lines)
    }
}

impl Family for Strides {
    fn wrong(&self) -> Option<String> {
        self.chain.wrong()
    }

    /// Its steps are its operations, in whatever strides they are done.
    fn draw(&self, rng: &mut Rng) -> Option<Problem> {
        self.chain.draw(rng)
    }

    fn parse(&self, question: &str) -> Result<Problem, FamilyError> {
        self.chain.parse(question)
    }

    /// The same strides for the same question: they are drawn from its text.
    fn solve(&self, question: &str) -> Option<Vec<String>> {
        let expression = self.chain.within(question)?;
        self.lines(expression, &mut seed::rng(seed::hash_text(self.seed, question)))
    }

    fn check(&self, question: &str, steps: &[&str]) -> Vec<bool> {
        self.chain.check(question, steps)
    }

    fn solved(&self, question: &str, steps: &[&str]) -> bool {
        self.chain.solved(question, steps)
    }

    fn value(&self, question: &str, steps: &[&str]) -> f64 {
        self.chain.value(question, steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Split, problems};

    #[test]
    fn strides_are_equally_often_of_all_lengths() {
        let chain = Chain { operations: [4, 4], ..Chain::default() };
        let family = Strides { chain, ..Strides::default() };
        let mut first = [0; 4];
        for problem in problems(&family, Split::Train, 3).take(800) {
            let steps = family.solve(&problem.question).expect("solvable");
            let left = steps[0].chars().filter(|c| "+-*".contains(*c)).count();
            first[3 - left] += 1;
        }
        // 200 of each, within four standard errors.
        assert!(first.iter().all(|count| (150..250).contains(count)), "{first:?}");
        let short = Strides { most: 1, ..family.clone() };
        assert_eq!(short.solve("1+2+3+4+5").map(|steps| steps.len()), Some(4));
        // Another seed writes in other strides.
        let other = Strides { seed: 1, ..family.clone() };
        let questions: Vec<String> =
            problems(&family, Split::Train, 3).take(20).map(|one| one.question).collect();
        assert!(questions.iter().any(|question| family.solve(question) != other.solve(question)));
    }
}
