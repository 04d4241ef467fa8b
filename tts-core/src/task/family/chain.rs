//! Chains: arithmetic done one operation a line, with one right answer.
//!
//! A problem is an expression, a solution rewrites it line by line until a number is left:
//!
//! ```text
//! 47+38*3-26
//! =47+114-26
//! =161-26
//! =135
//! ```
//!
//! Problems grow harder with the number of operations and with the size of the operands. Every
//! number on the way lies between 0 and [`Chain::most`], and a product has a factor of one digit.
//!
//! A line is right when it is worth what the line before it is worth and has fewer operations. A
//! line that takes a wrong one further without another mistake is right in this sense, and still
//! leads to a wrong answer: [`Family::check`] finds where an error was made, [`Family::value`]
//! tells whether the answer can still come out right. Two errors that cancel out leave value 1.

use serde::{Deserialize, Serialize};

use super::{Expression, Family, FamilyError, Operation, Problem, between, wrong_range};
use crate::seed::Rng;

/// Drafts of an expression from which one within the bounds is looked for.
const TRIES: usize = 10_000;

/// Arithmetic of several operations.
///
/// ```
/// use tts_core::family::{Chain, Family};
/// let chain = Chain::default();
/// let problem = chain.parse("47 + 38 x 3 - 26 = ?")?;
/// assert_eq!((problem.question.as_str(), problem.answer.as_str()), ("47+38*3-26", "135"));
/// let steps = ["=47+124-26\n", "=171-26\n"];
/// assert_eq!(chain.check(&problem.question, &steps), [false, true]);
/// assert_eq!(chain.value(&problem.question, &steps), 0.0);
/// # Ok::<(), tts_core::family::FamilyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chain {
    /// Fewest and most operations of a problem.
    pub operations: [usize; 2],
    /// Fewest and most digits of the longest operands of a problem. A problem whose bound is 3
    /// has operands of 1, 2 and 3 digits, equally often before what does not fit is dropped.
    pub digits: [u32; 2],
    /// Bound on every number on the way.
    pub most: i64,
}

impl Default for Chain {
    /// Two to eight operations on numbers of up to three digits, nothing above 999.
    fn default() -> Self {
        Self { operations: [2, 8], digits: [1, 2], most: 999 }
    }
}

impl Chain {
    /// An expression of `count` operations, within bounds or not.
    fn draft(rng: &mut Rng, count: usize, digits: u32) -> Expression {
        let number = |rng: &mut Rng| {
            let length = u32::try_from(between(rng, 1, i64::from(digits))).unwrap_or(1);
            between(rng, 10_i64.pow(length - 1), 10_i64.pow(length) - 1)
        };
        let first = number(rng);
        let rest = (0..count).map(|_| {
            let operation = match between(rng, 0, 9) {
                0..=3 => Operation::Add,
                4..=7 => Operation::Subtract,
                _ => Operation::Multiply,
            };
            (operation, number(rng))
        });
        Expression { first, rest: rest.collect() }
    }

    /// The value of an expression of which all numbers on the way lie in bounds.
    fn fits(&self, expression: &Expression) -> Result<i64, String> {
        let most = self.most;
        let range = 0..=most;
        let mut numbers = expression.rest.iter().map(|(_, n)| n).chain([&expression.first]);
        if let Some(number) = numbers.find(|n| !range.contains(n)) {
            return Err(format!("{number}, expected numbers from 0 to {most}"));
        }
        let mut expression = expression.clone();
        while let Some((a, operation, b)) = expression.next_operands() {
            let sign = operation.sign();
            if operation == Operation::Divide {
                return Err(format!("{a}{sign}{b}, expected +, - and * only"));
            }
            if operation == Operation::Multiply && a.min(b) > 9 {
                return Err(format!("{a}{sign}{b} has no factor of one digit"));
            }
            let result = operation.apply(a, b).filter(|result| range.contains(result));
            let Some(result) = result else {
                return Err(format!("{a}{sign}{b} is not from 0 to {most}"));
            };
            let Some(reduced) = expression.replace_next(result) else { break };
            expression = reduced;
        }
        Ok(expression.first)
    }

    /// The expression of a question, within the bounds.
    pub(super) fn within(&self, question: &str) -> Option<Expression> {
        question.parse().ok().filter(|expression| self.problem(expression).is_ok())
    }

    fn problem(&self, expression: &Expression) -> Result<Problem, String> {
        let steps = expression.rest.len();
        if steps == 0 {
            return Err("nothing to compute".to_owned());
        }
        let answer = self.fits(expression)?.to_string();
        Ok(Problem { question: expression.to_string(), answer, steps })
    }
}

/// The expression of a line of a solution.
pub(super) fn line(text: &str) -> Option<Expression> {
    text.trim().strip_prefix('=')?.parse().ok()
}

impl Family for Chain {
    fn wrong(&self) -> Option<String> {
        let operations = wrong_range("operations", self.operations, [1, usize::MAX]);
        let digits = || wrong_range("digits", self.digits, [1, 18]);
        let most = || (self.most < 1).then(|| format!("most: {}, expected at least 1", self.most));
        operations.or_else(digits).or_else(most)
    }

    fn draw(&self, rng: &mut Rng) -> Option<Problem> {
        if self.wrong().is_some() {
            return None;
        }
        let [fewest, most] = self.operations.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let count = usize::try_from(between(rng, fewest, most)).ok()?;
        let [fewest, most] = self.digits.map(i64::from);
        let digits = u32::try_from(between(rng, fewest, most)).ok()?;
        (0..TRIES).find_map(|_| self.problem(&Self::draft(rng, count, digits)).ok())
    }

    fn parse(&self, question: &str) -> Result<Problem, FamilyError> {
        if let Some(problem) = self.wrong() {
            return Err(FamilyError::new(question, problem));
        }
        let expression = question.trim().trim_end_matches(['=', '?', ' ']).parse()?;
        self.problem(&expression).map_err(|problem| FamilyError::new(question, problem))
    }

    fn solve(&self, question: &str) -> Option<Vec<String>> {
        let mut expression = self.within(question)?;
        let mut lines = Vec::new();
        while !expression.rest.is_empty() {
            expression = expression.reduce()?;
            let end = if expression.rest.is_empty() { "" } else { "\n" };
            lines.push(format!("={expression}{end}"));
        }
        Some(lines)
    }

    fn check(&self, question: &str, steps: &[&str]) -> Vec<bool> {
        let mut before = self.within(question);
        let check = steps.iter().map(|step| {
            let now = line(step);
            let right = before.as_ref().zip(now.as_ref()).is_some_and(|(before, now)| {
                let worth = now.value();
                now.rest.len() < before.rest.len() && worth.is_some() && worth == before.value()
            });
            before = now;
            right
        });
        check.collect()
    }

    /// Whether the last line is the right number, by whatever way: a check of the answer alone,
    /// as in most benchmarks. [`Family::check`] looks at the way.
    fn solved(&self, question: &str, steps: &[&str]) -> bool {
        let right = self.within(question).and_then(|expression| expression.value());
        let last = steps.last().and_then(|step| line(step));
        last.is_some_and(|last| last.rest.is_empty() && Some(last.first) == right)
    }

    /// 1 while the last line is worth the right value, else 0.
    fn value(&self, question: &str, steps: &[&str]) -> f64 {
        let right = self.within(question).and_then(|expression| expression.value());
        let last = match steps.last() {
            None => right,
            Some(step) => line(step).and_then(|line| line.value()),
        };
        f64::from(u8::from(right.is_some() && last == right))
    }
}
