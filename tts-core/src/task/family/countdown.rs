//! Countdown: reach a number from others, two of them at a time, until one is left.
//!
//! A line takes two of the numbers at hand and an operation, and lists what is at hand after it:
//!
//! ```text
//! 3 7 25 50 -> 132
//! 50*3=150; 7 25 150
//! 25-7=18; 18 150
//! 150-18=132; 132
//! ```
//!
//! All numbers are used, so a solution of `k` numbers has `k - 1` lines, and the last number of
//! the last line is the final answer. Results are whole, and lie between 0 and
//! [`Countdown::most`].
//!
//! Many solutions may be right, and a right line may lead to a dead end: `25*7=175; 3 50 175` is as
//! right a first line as the one above, and no way leads on from it to 132. So what a state is
//! worth is a question of its own, answered exactly by [`Family::value`] for the optimal policy, 0
//! or 1, and by [`Countdown::random_value`] for the random one.
//!
//! Problems grow harder with the count of numbers. Targets are drawn independently of the numbers,
//! and problems without a solution are dropped: what is easy to hit is not drawn more often.
//!
//! Source: Gandhi et al. 2024, "Stream of Search" (arXiv 2404.03683): all numbers are used, results
//! are whole and not negative. The bound on them is added here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::numbers::{Move, Numbers};
use super::{Expression, Family, FamilyError, Problem, between, expression, wrong_range};
use crate::seed::Rng;

/// Draws from which a solvable problem is looked for.
const TRIES: usize = 1_000;

/// Fewest and most numbers of any problem: the search is exhaustive, and six take milliseconds.
const COUNTS: [usize; 2] = [3, 6];

/// Reaching a number from others.
///
/// ```
/// use tts_core::family::{Countdown, Family};
/// let countdown = Countdown::default();
/// let problem = countdown.parse("50, 3, 7, 25 to 132")?;
/// assert_eq!(problem.question, "3 7 25 50 -> 132");
/// let one = "50-3=47; 7 25 47\n";
/// assert_eq!(countdown.check(&problem.question, &[one]), [true]);
/// assert!(countdown.random_value(&problem.question, &[]) > 0.0);
/// # Ok::<(), tts_core::family::FamilyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Countdown {
    /// Fewest and most numbers of a problem, from 3 to 6.
    pub count: [usize; 2],
    /// Smallest and largest number of a problem.
    pub numbers: [i64; 2],
    /// Smallest and largest target.
    pub target: [i64; 2],
    /// Bound on every number, results included.
    pub most: i64,
}

impl Default for Countdown {
    /// Four numbers from 1 to 50, targets from 10 to 199, nothing above 999.
    fn default() -> Self {
        Self { count: [4, 4], numbers: [1, 50], target: [10, 199], most: 999 }
    }
}

/// A line of a solution: a move, and the numbers that are at hand after it.
///
/// ```
/// use tts_core::family::CountdownLine;
/// let line: CountdownLine = "25 * 7 = 175; 3 50 175".parse()?;
/// assert_eq!(line.to_string(), "25*7=175; 3 50 175");
/// # Ok::<(), tts_core::family::FamilyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CountdownLine {
    /// What was done.
    pub done: Move,
    /// What is left, as written.
    pub left: Vec<i64>,
}

impl fmt::Display for CountdownLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Move { left, operation, right, result } = self.done;
        write!(f, "{left}{}{right}={result};", operation.sign())?;
        self.left.iter().try_for_each(|number| write!(f, " {number}"))
    }
}

impl FromStr for CountdownLine {
    type Err = FamilyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |problem: &str| FamilyError::new(text, problem);
        let (equation, left) = text.split_once(';').ok_or_else(|| wrong("no ;"))?;
        let (done, result) = equation.split_once('=').ok_or_else(|| wrong("no ="))?;
        let done: Expression = done.parse()?;
        let [(operation, right)] = done.rest[..] else {
            return Err(wrong("expected one operation before ="));
        };
        let result = expression::number(result.trim()).map_err(|problem| wrong(&problem))?;
        let done = Move { left: done.first, operation, right, result };
        let left = left.split_whitespace().map(expression::number).collect::<Result<Vec<_>, _>>();
        Ok(Self { done, left: left.map_err(|problem| wrong(&problem))? })
    }
}

/// The numbers and the target of a question; nothing is said of whether it can be solved.
fn read(question: &str) -> Result<(Vec<i64>, i64), String> {
    let mut text = question.trim().trim_end_matches(['?', '.', ' ']).to_lowercase();
    for arrow in ["->", "=>", "→", "to"] {
        text = text.replace(arrow, "=");
    }
    let Some((numbers, target)) = text.split_once('=') else {
        return Err("no target, expected numbers, then -> and the target".to_owned());
    };
    let words = numbers.split([' ', ',', '\t']).filter(|word| !word.is_empty());
    let numbers = words.map(expression::number).collect::<Result<Vec<_>, _>>()?;
    Ok((numbers, expression::number(target.trim())?))
}

/// The question of sorted numbers and a target.
fn write(numbers: &[i64], target: i64) -> String {
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    format!("{} -> {target}", numbers.join(" "))
}

impl Countdown {
    /// The probability that uniformly random legal moves from here reach the target: the value of
    /// this state under the policy of [`super::RandomPlayer`]. 0 after a wrong line.
    pub fn random_value(&self, question: &str, steps: &[&str]) -> f64 {
        self.state(question, steps).map_or(0.0, |(numbers, target)| numbers.random_value(target))
    }

    /// The different legal moves from here, as lines without a line break, in order; none after a
    /// line that cannot be read. What came before is taken as it was written.
    pub fn moves(&self, question: &str, steps: &[&str]) -> Vec<CountdownLine> {
        let numbers = match steps.last() {
            None => read(question).ok().map(|(numbers, _)| numbers),
            Some(step) => step.parse().ok().map(|line: CountdownLine| line.left),
        };
        let Some(numbers) = numbers else { return Vec::new() };
        let numbers = Numbers::new(numbers, self.most);
        let line = |done: Move| {
            let left = numbers.after(&done)?.sorted().to_vec();
            Some(CountdownLine { done, left })
        };
        numbers.moves().into_iter().filter_map(line).collect()
    }

    /// The numbers at hand and the target after steps that are all right.
    fn state(&self, question: &str, steps: &[&str]) -> Option<(Numbers, i64)> {
        let (numbers, target) = self.within(question).ok()?;
        steps
            .iter()
            .try_fold(numbers, |numbers, step| self.step(&numbers, step.parse().ok()?))
            .map(|numbers| (numbers, target))
    }

    /// The numbers after a line; `None` when it is wrong.
    fn step(&self, numbers: &Numbers, line: CountdownLine) -> Option<Numbers> {
        let Move { left, operation, right, result } = line.done;
        let legal = numbers.apply(left, operation, right) == Some(result);
        let after = numbers.after(&line.done).filter(|_| legal)?;
        (after == Numbers::new(line.left, self.most)).then_some(after)
    }

    /// The numbers and the target, within the bounds.
    fn within(&self, question: &str) -> Result<(Numbers, i64), String> {
        let (numbers, target) = read(question)?;
        let [fewest, most] = COUNTS;
        if !(fewest..=most).contains(&numbers.len()) {
            return Err(format!("{} numbers, expected {fewest} to {most}", numbers.len()));
        }
        let above = numbers.iter().chain([&target]).find(|&&number| number > self.most);
        if let Some(number) = above {
            return Err(format!("{number} is above {}", self.most));
        }
        Ok((Numbers::new(numbers, self.most), target))
    }

    fn problem(&self, question: &str) -> Result<Problem, String> {
        let (numbers, target) = self.within(question)?;
        if numbers.solve(target).is_none() {
            return Err(format!("{target} cannot be reached"));
        }
        let steps = numbers.sorted().len() - 1;
        Ok(Problem { question: write(numbers.sorted(), target), answer: target.to_string(), steps })
    }
}

impl Family for Countdown {
    fn wrong(&self) -> Option<String> {
        let count = wrong_range("count", self.count, COUNTS);
        let numbers = || wrong_range("numbers", self.numbers, [0, i64::MAX]);
        let target = || wrong_range("target", self.target, [0, i64::MAX]);
        let most = || (self.most < 1).then(|| format!("most: {}, expected at least 1", self.most));
        count.or_else(numbers).or_else(target).or_else(most)
    }

    fn draw(&self, rng: &mut Rng) -> Option<Problem> {
        if self.wrong().is_some() {
            return None;
        }
        let [fewest, most] = self.count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        (0..TRIES).find_map(|_| {
            let count = usize::try_from(between(rng, fewest, most)).ok()?;
            let [low, high] = self.numbers;
            let mut numbers: Vec<i64> = (0..count).map(|_| between(rng, low, high)).collect();
            numbers.sort_unstable();
            let target = between(rng, self.target[0], self.target[1]);
            self.problem(&write(&numbers, target)).ok()
        })
    }

    fn parse(&self, question: &str) -> Result<Problem, FamilyError> {
        if let Some(problem) = self.wrong() {
            return Err(FamilyError::new(question, problem));
        }
        self.problem(question).map_err(|problem| FamilyError::new(question, problem))
    }

    fn solve(&self, question: &str) -> Option<Vec<String>> {
        let (mut numbers, target) = self.within(question).ok()?;
        let mut lines = Vec::new();
        for done in numbers.solve(target)? {
            numbers = numbers.after(&done)?;
            let end = if numbers.sorted().len() == 1 { "" } else { "\n" };
            let line = CountdownLine { done, left: numbers.sorted().to_vec() };
            lines.push(format!("{line}{end}"));
        }
        Some(lines)
    }

    fn check(&self, question: &str, steps: &[&str]) -> Vec<bool> {
        let mut before = self.within(question).ok().map(|(numbers, _)| numbers);
        let check = steps.iter().map(|step| {
            let line = step.parse::<CountdownLine>().ok();
            let now = line.as_ref().map(|line| Numbers::new(line.left.clone(), self.most));
            let right =
                before.as_ref().zip(line).is_some_and(|(b, line)| self.step(b, line).is_some());
            before = now;
            right
        });
        check.collect()
    }

    /// Whether every line is right, and the target alone is left. The answer by itself proves
    /// nothing here: it stands in the question.
    fn solved(&self, question: &str, steps: &[&str]) -> bool {
        self.state(question, steps).is_some_and(|(numbers, target)| numbers.sorted() == [target])
    }

    /// 1 while every line is right and the target can still be reached, else 0.
    fn value(&self, question: &str, steps: &[&str]) -> f64 {
        let state = self.state(question, steps);
        let reachable = state.is_some_and(|(numbers, target)| numbers.solve(target).is_some());
        f64::from(u8::from(reachable))
    }
}
