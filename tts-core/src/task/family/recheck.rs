//! Recheck: chains whose writer checks lines, goes back where a check disagrees, and says when it has done thinking.
//!
//! Lines of thinking do one operation each, as in [`Chain`]. A line that begins with `~` does the operation of an
//! earlier line by another, longer way, so that its errors are not that line's again; where it disagrees, the next
//! line stands in that line's place. `#` ends the thinking, and its number is the answer:
//!
//! ```text
//! 47+38*3-26
//! =47+104-26
//! =151-26
//! ~38*3:90+24=114
//! =47+114-26
//! =161-26
//! =135
//! #135
//! ```
//!
//! So thinking can be told to wait, by `~` in the place of `#`, and can be cut short, by `#`: with
//! [`Family::trace`] a part of the written solutions is cut at a line, and answered all the same, so that a
//! solution which is forced to an end is one that the writer knows.
//!
//! The other way of an operation: a product is split at the digits of its larger factor, a sum is made place by
//! place, a difference taken place by place; with numbers of one digit they are added up or turned round.
//!
//! A step is right when a line of thinking is worth what the line before it is worth by one operation or more
//! fewer, when a check is worth what it says of an operation that was done, and when the answer is the number that
//! the thinking came to. What is wrong can be taken back until the answer is written, so the value of a state is 1
//! until then, as long as its lines can be read.
//!
//! Source: Muennighoff et al. 2025, s1 (arXiv 2501.19393), section 3, for thinking that is told to wait and cut
//! short; the family is this library's.

use serde::{Deserialize, Serialize};

use super::trace::joined;
use super::{
    Chain, Expression, Family, FamilyError, Operation, Problem, TraceLine, between, chain,
    wrong_range,
};
use crate::seed::{self, Rng};

/// Arithmetic with checks.
///
/// ```
/// use tts_core::family::{Family, Recheck};
/// let recheck = Recheck::default();
/// let steps = ["=47+104-26\n", "~38*3:90+24=114\n", "=47+114-26\n", "=161-26\n", "=135\n", "#135"];
/// assert_eq!(recheck.check("47+38*3-26", &steps), [false, true, true, true, true, true]);
/// assert!(recheck.solved("47+38*3-26", &steps));
/// // Two answers are none.
/// assert!(!recheck.solved("47+38*3-26", &["#134\n", "#135"]));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recheck {
    /// The problems.
    pub chain: Chain,
    /// Fewest and most checks of a written solution, each of another line, equally often.
    pub checks: [usize; 2],
    /// Share of written solutions with a line that is wrong at first, and found.
    pub slips: f64,
    /// Share of written solutions that are cut at a line, and answered all the same.
    pub cut: f64,
    /// Decides the checks of written solutions.
    pub seed: u64,
}

impl Default for Recheck {
    /// The problems of [`Chain`], up to three checks, a slip in a quarter, a fifth cut.
    fn default() -> Self {
        Self { chain: Chain::default(), checks: [0, 3], slips: 0.25, cut: 0.2, seed: 0 }
    }
}

/// An operation, done by another way than at once: `38*3:90+24=114` of 38, `*` and 3. `None` of a division, of
/// numbers below 0, and of a result beyond 64 bits.
///
/// ```
/// use tts_core::family::{Operation, another_way};
/// assert_eq!(another_way(38, Operation::Multiply, 3).as_deref(), Some("38*3:90+24=114"));
/// assert_eq!(another_way(47, Operation::Add, 38).as_deref(), Some("47+38:70+15=85"));
/// assert_eq!(another_way(161, Operation::Subtract, 26).as_deref(), Some("161-26:161-20-6=135"));
/// ```
pub fn another_way(left: i64, operation: Operation, right: i64) -> Option<String> {
    let result = operation.apply(left, right)?;
    if left.min(right) < 0 {
        return None;
    }
    let way = match operation {
        Operation::Multiply => product(left, right)?,
        Operation::Add => sum(left, right),
        // Down by one more and up again.
        Operation::Subtract if right <= 10 => format!("{left}-{}+1", right + 1),
        Operation::Subtract => match places(right)[..] {
            [_] => format!("{left}-{}-10", right - 10),
            ref places => format!("{left}-{}", joined_by("-", places)),
        },
        Operation::Divide => return None,
    };
    Some(format!("{left}{}{right}:{way}={result}", operation.sign()))
}

/// A number as the sum of its digits at their places, those that are 0 left out.
fn places(number: i64) -> Vec<i64> {
    let units = std::iter::successors(Some(1_i64), |unit| unit.checked_mul(10));
    let units = units.take_while(|&unit| unit <= number);
    let mut places: Vec<i64> = units.map(|unit| number / unit % 10 * unit).collect();
    places.reverse();
    places.retain(|place| *place > 0);
    places
}

fn joined_by(sign: &str, numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(sign)
}

/// The larger factor split at its digits, or added up; turned round where that is long or would be no operation.
fn product(left: i64, right: i64) -> Option<String> {
    let (large, small) = (left.max(right), left.min(right));
    let split: Vec<i64> = places(large).iter().map(|place| place * small).collect();
    Some(match (small, split.len()) {
        (0, _) => format!("{0}-{0}", large.max(1)),
        (1, 1) if large == 1 => "2-1".to_owned(),
        (2..10, 1) => joined_by("+", &vec![large; usize::try_from(small).ok()?]),
        (_, 1) if left == right => format!("{left}*1*{right}"),
        (_, 1) => format!("{right}*{left}"),
        _ => joined_by("+", &split),
    })
}

/// Place by place, or turned round where each place has one number at most.
fn sum(left: i64, right: i64) -> String {
    let digits = |number: i64, unit: i64| number / unit % 10 * unit;
    let units = std::iter::successors(Some(1_i64), |unit| unit.checked_mul(10));
    let units = units.take_while(|&unit| unit <= left.max(right));
    let mut sums: Vec<i64> =
        units.map(|unit| digits(left, unit) + digits(right, unit)).filter(|sum| *sum > 0).collect();
    sums.reverse();
    if left == right {
        return format!("2*{left}");
    }
    let way = joined_by("+", &sums);
    if sums.len() > 1 && way != format!("{left}+{right}") { way } else { format!("{right}+{left}") }
}

/// A check as it stands in a line: the operation, the way, and what it says.
struct Checked {
    left: i64,
    operation: Operation,
    right: i64,
    way: Expression,
    result: i64,
}

impl Checked {
    /// Whether the way is one: not a number alone, nor the operation itself, nor its result with more around it.
    fn is_another_way(&self) -> bool {
        let Self { left, operation, right, way, result } = self;
        let firsts = std::iter::once(way.first).chain(way.rest.iter().map(|(_, number)| *number));
        let again = firsts
            .zip(&way.rest)
            .any(|(first, second)| (first, *second) == (*left, (*operation, *right)));
        // Where an operation changes nothing its result is one of its own numbers, and small ones come up anyway.
        let told = *result > 2 && result != left && result != right;
        let tells = way.first == *result
            || way
                .rest
                .iter()
                .any(|(sign, number)| *sign != Operation::Subtract && number == result);
        !(way.rest.is_empty() || again || (told && tells))
    }
}

fn read(text: &str) -> Option<Checked> {
    let (operands, rest) = text.split_once(':')?;
    let (way, result) = rest.rsplit_once('=')?;
    let operands: Expression = operands.parse().ok()?;
    let [(operation, right)] = operands.rest[..] else { return None };
    let result: Expression = result.parse().ok()?;
    let plain = result.rest.is_empty();
    let (way, result) = (way.parse().ok()?, result.first);
    plain.then_some(Checked { left: operands.first, operation, right, way, result })
}

/// What a solution has come to.
struct State {
    /// The question and the lines that hold, each followed by what was made of it.
    lines: Vec<Expression>,
    /// The operations that were checked since the last line.
    checked: Vec<(i64, Operation, i64)>,
    /// The answers that were given.
    answers: Vec<Option<i64>>,
}

impl State {
    /// Takes a step up, and says whether it is right; `None` when it cannot be read.
    fn take(&mut self, step: &str) -> Option<bool> {
        let step = step.trim();
        if !self.answers.is_empty() {
            // Behind the answer nothing is to stand.
            if step.starts_with('#') {
                self.answers.push(None);
            }
            return Some(false);
        }
        if let Some(answer) = step.strip_prefix('#') {
            let answer: Option<Expression> = answer.parse().ok();
            let answer = answer.filter(|answer| answer.rest.is_empty())?.first;
            self.answers.push(Some(answer));
            let last = self.lines.last()?;
            return Some(last.rest.is_empty() && last.first == answer);
        }
        if let Some(check) = step.strip_prefix('~') {
            return self.check(&read(check)?);
        }
        let now = chain::line(step)?;
        let before = self.lines.last()?;
        let worth = now.value();
        let right =
            now.rest.len() < before.rest.len() && worth.is_some() && worth == before.value();
        self.lines.push(now);
        self.checked.clear();
        Some(right)
    }

    fn check(&mut self, check: &Checked) -> Option<bool> {
        let Checked { left, operation, right, .. } = *check;
        if self.checked.contains(&(left, operation, right)) {
            return Some(false);
        }
        // The latest line that did this operation.
        let mut pairs = self.lines.windows(2);
        let did =
            pairs.rposition(|pair| pair[0].next_operands() == Some((left, operation, right)))?;
        if self.lines[did].replace_next(check.result).as_ref() != Some(&self.lines[did + 1]) {
            self.lines.truncate(did + 1);
        }
        self.checked.push((left, operation, right));
        let result = operation.apply(left, right);
        let says = result == Some(check.result) && check.way.value() == result;
        Some(says && check.is_another_way())
    }
}

impl Recheck {
    fn begin(&self, question: &str) -> Option<State> {
        let expression = self.chain.within(question)?;
        Some(State { lines: vec![expression], checked: Vec::new(), answers: Vec::new() })
    }

    /// The state after steps of which all can be read.
    fn state(&self, question: &str, steps: &[&str]) -> Option<State> {
        let mut state = self.begin(question)?;
        for step in steps {
            state.take(step)?;
        }
        Some(state)
    }

    /// Thinking of one operation a line, with checks of so many lines; a slip is in the line of this number, if
    /// there is one, and is found by a check right behind it.
    fn think(&self, question: &str, rng: &mut Rng, slip: bool) -> Option<Vec<TraceLine>> {
        let mut expression = self.chain.within(question)?;
        let count = expression.rest.len();
        let [fewest, most] =
            self.checks.map(|checks| i64::try_from(checks.min(count)).unwrap_or(0));
        let checks = usize::try_from(between(rng, fewest, most)).ok()?;
        let mut checked: Vec<usize> = (0..count).collect();
        rng.shuffle(&mut checked);
        checked.truncate(checks);
        let slips = if slip { rng.below(count) } else { count };
        let mut lines = Vec::new();
        for place in 0..count {
            let (left, operation, right) = expression.next_operands()?;
            let reduced = expression.reduce()?;
            let check = TraceLine::new(format!("~{}", another_way(left, operation, right)?));
            if place == slips {
                let wrong = slipped(operation.apply(left, right)?, rng);
                let text = format!("={}", expression.replace_next(wrong)?);
                lines.push(TraceLine { text, learnt: false });
                lines.push(check.clone());
            }
            lines.push(TraceLine::new(format!("={reduced}")));
            if checked.contains(&place) && place != slips {
                lines.push(check);
            }
            expression = reduced;
        }
        Some(lines)
    }
}

/// A number with another digit in one of its places.
fn slipped(number: i64, rng: &mut Rng) -> i64 {
    let digits = number.to_string().len();
    let unit = 10_i64.pow(u32::try_from(rng.below(digits)).unwrap_or(0));
    let digit = number / unit % 10;
    let other = (digit + 1 + i64::try_from(rng.below(9)).unwrap_or(0)) % 10;
    number + (other - digit) * unit
}

impl Family for Recheck {
    /// Its steps are its operations, checks left out. Settings that make no sense admit no problem.
    fn wrong(&self) -> Option<String> {
        let shares = [("slips", self.slips), ("cut", self.cut)];
        let wrong = shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share));
        let share = || wrong.map(|(field, share)| format!("{field}: {share}, expected 0 to 1"));
        let own = wrong_range("checks", self.checks, [0, usize::MAX]).or_else(share);
        own.or_else(|| self.chain.wrong())
    }

    fn draw(&self, rng: &mut Rng) -> Option<Problem> {
        if self.wrong().is_some() { None } else { self.chain.draw(rng) }
    }

    fn parse(&self, question: &str) -> Result<Problem, FamilyError> {
        if let Some(problem) = self.wrong() {
            return Err(FamilyError::new(question, problem));
        }
        self.chain.parse(question)
    }

    /// Without a slip and uncut; the checks of a question follow from its text.
    fn solve(&self, question: &str) -> Option<Vec<String>> {
        let mut rng = seed::rng(seed::hash_text(self.seed, question));
        let mut lines = self.think(question, &mut rng, false)?;
        let answer = self.chain.within(question)?.value()?;
        lines.push(TraceLine::new(format!("#{answer}")));
        Some(joined(lines).into_iter().map(|line| line.text).collect())
    }

    fn trace(&self, question: &str, rng: &mut Rng) -> Option<Vec<TraceLine>> {
        let slip = rng.uniform() < self.slips;
        let cut = rng.uniform() < self.cut;
        let mut lines = self.think(question, rng, slip)?;
        if cut {
            lines.truncate(rng.below(lines.len()));
            // An answer behind a slip that was not found would be one that the thinking did not come to.
            while lines.last().is_some_and(|line| !line.learnt) {
                lines.pop();
            }
        }
        let answer = self.chain.within(question)?.value()?;
        lines.push(TraceLine::new(format!("#{answer}")));
        Some(joined(lines))
    }

    /// Of a check also that it says of an operation that was done, in another way than by doing it again or by telling
    /// its result, and was not said since the last line. What cannot be read is wrong, and so is all behind it.
    fn check(&self, question: &str, steps: &[&str]) -> Vec<bool> {
        let mut state = self.begin(question);
        let check = steps.iter().map(|step| {
            let right = state.as_mut().and_then(|state| state.take(step));
            if right.is_none() {
                state = None;
            }
            right == Some(true)
        });
        check.collect()
    }

    /// Whether one answer was given, behind all thinking, and it is right: what the thinking came to is not asked,
    /// since it may have been cut.
    fn solved(&self, question: &str, steps: &[&str]) -> bool {
        let right = self.chain.within(question).and_then(|expression| expression.value());
        let answered = steps.iter().filter(|step| step.trim_start().starts_with('#')).count() == 1;
        let last = steps.last().and_then(|step| step.trim().strip_prefix('#'));
        let answer: Option<Expression> = last.and_then(|answer| answer.parse().ok());
        answered && answer.is_some_and(|a| a.rest.is_empty() && Some(a.first) == right)
    }

    /// 1 until the answer is written, and then whether it is right; 0 behind a line that cannot be read.
    fn value(&self, question: &str, steps: &[&str]) -> f64 {
        let state = self.state(question, steps);
        let open = state.is_some_and(|state| state.answers.is_empty());
        f64::from(u8::from(open || self.solved(question, steps)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Split, first_error, lines, problems};

    /// Every check of two small numbers is read as what it is, and is another way.
    #[test]
    fn another_way_comes_to_the_same() {
        for operation in [Operation::Add, Operation::Subtract, Operation::Multiply] {
            for left in 0..130 {
                for right in 0..=left {
                    let text = another_way(left, operation, right).expect("a way");
                    let check = read(&text).expect(&text);
                    let result = operation.apply(left, right);
                    assert_eq!(check.way.value(), result, "{text}");
                    assert_eq!(Some(check.result), result, "{text}");
                    assert!(check.is_another_way(), "{text}");
                }
            }
        }
        assert_eq!(another_way(8, Operation::Divide, 2), None);
        assert_eq!(another_way(-8, Operation::Add, 2), None);
    }

    #[test]
    fn traces_are_right_but_for_slips_that_are_found() {
        let family = Recheck { slips: 0.5, cut: 0.3, ..Recheck::default() };
        let (mut slips, mut cut) = (0, 0);
        for (number, problem) in problems(&family, Split::Train, 3).take(300).enumerate() {
            let question = problem.question.as_str();
            let trace = family.trace(question, &mut seed::rng(number as u64)).expect("a trace");
            let text: String = trace.iter().map(|line| line.text.as_str()).collect();
            let steps = lines(&text);
            assert_eq!(steps.len(), trace.len());
            assert!(family.solved(question, &steps), "{question}: {text}");
            let check = family.check(question, &steps);
            let thought = family.state(question, &steps[..steps.len() - 1]).expect("readable");
            let done = thought.lines.last().is_some_and(|line| line.rest.is_empty());
            // A trace that was cut says more than it has thought.
            let all = if done { check.len() } else { check.len() - 1 };
            cut += usize::from(!done);
            for (line, right) in trace.iter().zip(&check).take(all) {
                assert_eq!(line.learnt, *right, "{question}: {text}");
            }
            let unlearnt = trace.iter().filter(|line| !line.learnt).count();
            slips += unlearnt;
            assert!(unlearnt <= 1);
        }
        // Whatever is cut off: a line with a slip is never the last before the answer.
        let family = Recheck { slips: 1.0, cut: 1.0, ..Recheck::default() };
        let mut found = 0;
        for number in 0..200 {
            let trace = family.trace("47+38*3-26", &mut seed::rng(number)).expect("a trace");
            let before: Vec<&TraceLine> = trace.iter().rev().skip(1).collect();
            assert!(before.first().is_none_or(|line| line.learnt), "{trace:?}");
            found += usize::from(before.iter().any(|line| !line.learnt));
        }
        assert!(found > 20, "{found} slips are left");
        assert!((80..220).contains(&slips) && (30..130).contains(&cut), "{slips} slips, {cut} cut");
    }

    #[test]
    fn hostile_solutions_are_not_right() {
        let family = Recheck::default();
        for (steps, solved) in [
            (&["=161-26\n", "=135\n", "#135"][..], true),
            // An answer without work is an answer: thinking may be cut.
            (&["#135"], true),
            (&[], false),
            (&["=135"], false),
            (&["#135\n", "#135"], false),
            (&["#134\n", "#135"], false),
            (&["#135\n", "=135"], false),
            (&["47+38*3-26"], false),
            (&["#47+38*3-26"], false),
            (&["#135 or 136"], false),
        ] {
            assert_eq!(family.solved("47+38*3-26", steps), solved, "{steps:?}");
        }
        for (steps, expected) in [
            // The check does the operation again; of no operation that was done; is wrong itself.
            (&["=47+114-26\n", "~38*3:38*3=114"][..], &[true, false][..]),
            (&["=47+114-26\n", "~47+38:70+15=85"], &[true, false]),
            (&["=47+114-26\n", "~38*3:90+24=113"], &[true, false]),
            // No way, its result with more around it, itself with more around it.
            (&["=47+114-26\n", "~38*3:114=114"], &[true, false]),
            (&["=47+114-26\n", "~38*3:0+114=114"], &[true, false]),
            (&["=47+114-26\n", "~38*3:114*1=114"], &[true, false]),
            (&["=47+114-26\n", "~38*3:38*3+0=114"], &[true, false]),
            (&["=47+114-26\n", "~38*3:5+38*3-5=114"], &[true, false]),
            (&["=47+114-26\n", "~38*3:3*38=114"], &[true, true]),
            // Once is enough, until there is another line.
            (
                &["=47+114-26\n", "~38*3:90+24=114\n", "~38*3:90+24=114\n", "~38*3:3*38=114"],
                &[true, true, false, false],
            ),
            (
                &["=47+114-26\n", "~38*3:90+24=114\n", "=161-26\n", "~38*3:90+24=114"],
                &[true, true, true, true],
            ),
            // What disagrees goes back, and what agrees does not.
            (&["=47+113-26\n", "~38*3:90+24=114\n", "=161-26"], &[false, true, true]),
            (&["=47+113-26\n", "=160-26"], &[false, true]),
            (&["=47+114-26\n", "~38*3:90+24=114\n", "=161-26"], &[true, true, true]),
            (&["nonsense\n", "=161-26"], &[false, false]),
        ] {
            assert_eq!(family.check("47+38*3-26", steps), expected, "{steps:?}");
        }
        assert!((family.value("47+38*3-26", &["=99"]) - 1.0).abs() < 1e-12);
        assert!(family.value("47+38*3-26", &["#99"]).abs() < 1e-12);
        for (broken, expected) in [
            (Recheck { checks: [2, 1], ..Recheck::default() }, "checks: 2 to 1"),
            (Recheck { slips: f64::NAN, ..Recheck::default() }, "slips: NaN"),
            (Recheck { cut: 2.0, ..Recheck::default() }, "cut: 2"),
        ] {
            let error = broken.parse("47+38*3-26").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert_eq!(problems(&broken, Split::Train, 3).next(), None);
        }
        let written = family.solve("47+38*3-26").expect("solvable");
        let written: Vec<&str> = written.iter().map(String::as_str).collect();
        assert_eq!(first_error(&family.check("47+38*3-26", &written)), None);
    }
}
