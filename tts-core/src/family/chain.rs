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
//! A line is right when it is worth what the line before it is worth and has fewer operations.

use super::{Expression, Family, FamilyError, Operation, Problem};
use crate::seed::{Rng, uniform};

/// Arithmetic of several operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Fewest and most operations of a problem.
    pub operations: [usize; 2],
    /// Fewest and most digits of the operands of a problem.
    pub digits: [u32; 2],
    /// Bound on every number on the way.
    pub most: i64,
}

impl Default for Chain {
    fn default() -> Self {
        Self { operations: [2, 8], digits: [1, 3], most: 999 }
    }
}

/// A whole number from `low` to `high`, uniform.
fn between(rng: &mut Rng, low: i64, high: i64) -> i64 {
    let width = (high - low + 1) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "below width")]
    let offset = (uniform(rng) * width) as i64;
    low + offset
}

impl Chain {
    fn expression(&self, rng: &mut Rng) -> Expression {
        let [fewest, most] = self.operations;
        let count = usize::try_from(between(rng, fewest as i64, most as i64)).unwrap_or(fewest);
        let digits = between(rng, i64::from(self.digits[0]), i64::from(self.digits[1]));
        loop {
            let expression = Self::draft(rng, count, digits);
            if self.fits(&expression).is_ok() {
                return expression;
            }
        }
    }

    fn draft(rng: &mut Rng, count: usize, digits: i64) -> Expression {
        let number = |rng: &mut Rng| {
            let length = u32::try_from(between(rng, 1, digits)).unwrap_or(1);
            between(rng, 1, 10_i64.pow(length) - 1)
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

    /// Whether all numbers on the way to its value lie in bounds.
    fn fits(&self, expression: &Expression) -> Result<i64, String> {
        let range = 0..=self.most;
        let numbers = || expression.rest.iter().map(|(_, n)| n).chain([&expression.first]);
        if let Some(number) = numbers().find(|n| !range.contains(n)) {
            return Err(format!("{number} is above {}", self.most));
        }
        let mut expression = expression.clone();
        while let Some((a, operation, b)) = expression.next_operands() {
            let sign = operation.sign();
            if operation == Operation::Multiply && a.min(b) > 9 {
                return Err(format!("{a}{sign}{b} has no factor of one digit"));
            }
            match operation.apply(a, b) {
                Some(result) if range.contains(&result) => {}
                result => {
                    let result = result.map_or("too large".to_owned(), |n| n.to_string());
                    return Err(format!(
                        "{a}{sign}{b} is {result}, expected numbers from 0 to {} on the way",
                        self.most
                    ));
                }
            }
            let Some(reduced) = expression.reduce() else { break };
            expression = reduced;
        }
        Ok(expression.first)
    }

    fn problem(&self, expression: &Expression) -> Result<Problem, FamilyError> {
        let question = expression.to_string();
        let steps = expression.rest.len();
        if steps == 0 {
            return Err(FamilyError::new(&question, "nothing to compute"));
        }
        let value = self.fits(expression);
        let value = value.map_err(|problem| FamilyError::new(&question, problem))?;
        Ok(Problem { question, answer: value.to_string(), steps })
    }
}

/// The expression of a line of a solution.
fn line(text: &str) -> Option<Expression> {
    text.trim().strip_prefix('=')?.parse().ok()
}

impl Family for Chain {
    fn draw(&self, rng: &mut Rng) -> Problem {
        let expression = self.expression(rng);
        Problem {
            question: expression.to_string(),
            answer: expression.value().map_or_else(String::new, |value| value.to_string()),
            steps: expression.rest.len(),
        }
    }

    fn parse(&self, question: &str) -> Result<Problem, FamilyError> {
        self.problem(&question.trim().trim_end_matches(['=', '?', ' ']).parse()?)
    }

    fn solve(&self, question: &str) -> Option<Vec<String>> {
        let mut expression: Expression = question.parse().ok()?;
        let mut lines = Vec::new();
        while !expression.rest.is_empty() {
            expression = expression.reduce()?;
            let end = if expression.rest.is_empty() { "" } else { "\n" };
            lines.push(format!("={expression}{end}"));
        }
        Some(lines)
    }

    fn check(&self, question: &str, steps: &[&str]) -> Vec<bool> {
        let mut before = question.parse::<Expression>().ok();
        steps
            .iter()
            .map(|step| {
                let now = line(step);
                let right = match (&before, &now) {
                    (Some(before), Some(now)) => {
                        now.rest.len() < before.rest.len()
                            && now.value().is_some()
                            && now.value() == before.value()
                    }
                    _ => false,
                };
                before = now;
                right
            })
            .collect()
    }

    fn solved(&self, question: &str, steps: &[&str]) -> bool {
        let value = question.parse::<Expression>().ok().and_then(|question| question.value());
        let last = steps.last().and_then(|step| line(step));
        value.is_some_and(|value| last.is_some_and(|l| l.rest.is_empty() && l.first == value))
    }
}
