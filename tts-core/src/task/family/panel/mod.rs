//! Panel: judgements that a person can read and a program can check, by criteria that nobody is told.
//!
//! A problem is a query and responses to it, short lists of digits; a solution is a judgement of them: two
//! principles, the work and the grade of each response by each, and the scores.
//!
//! ```text
//! g:b desc n=4 even s=24          query: genre b, four falling even numbers that add up to 24
//! 1:8 6 6 4
//! 2:9 6 4 2
//! >                               end of the prompt
//! s,o                             principles: sum and order
//! 1s 8+6+6+4=24 5                 work, then a grade from 0 to 5
//! 1o 8>6=6>4 3
//! 2s 9+6+4+2=21 2
//! 2o 9>6>4>2 5
//! [8,7]                           scores from 1 to 10: the sums of the grades
//! ```
//!
//! What a response is worth is a weighted sum of its grades by all five criteria, and the genre decides the
//! weights: 3, 2 and 1 for three of them, nothing for two. A judge is never told; only which response is best (by a
//! margin in worth) says so. So a judge has something to learn (which principles a genre calls for), something that it
//! can get right by care (the work), and noise that votes average out: which principles a sample looks at,
//! slips, ties of whole numbers. A wrong mix of principles they do not average out.
//!
//! The answer of a problem is the number of the best response, which the scores of a right judgement name.
//! [`Family::check`] looks at each line by itself; [`Family::solved`] asks whether the best response alone has the
//! highest score, by whatever way; [`Family::value`] whether it will, if all that is left is done without a slip.
//!
//! Source: none; a preference world of this library, after the reward modelling of Liu et al. 2025 (arXiv
//! 2504.02495).

mod criteria;
mod query;
mod teacher;

use serde::{Deserialize, Serialize};

use self::criteria::Wanted;
use self::query::Query;
use super::{Family, FamilyError, Problem, between, wrong_range};
use crate::Prompt;
use crate::seed::Rng;

pub use criteria::Criterion;
pub use teacher::{Grader, Principles};

/// Drafts from which a query within the margin is looked for.
const TRIES: usize = 10_000;

/// Queries with responses to be judged, see the module's beginning.
///
/// ```
/// use tts_core::family::{Family, Panel};
/// let panel = Panel::default();
/// let question = "g:b desc n=4 even s=24\n1:8 6 6 4\n2:9 6 4 2";
/// assert_eq!(panel.parse(question)?.answer, "2");
/// let judgement = ["o,d", "1o 8>6=6>4 3", "1d 8 6 4 3", "2o 9>6>4>2 5", "2d 9 6 4 2 5", "[6,10]"];
/// assert_eq!(panel.check(question, &judgement), [true; 6]);
/// assert!(panel.solved(question, &judgement));
/// # Ok::<(), tts_core::family::FamilyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Panel {
    /// Fewest and most responses, 2 to 9.
    pub responses: [usize; 2],
    /// Least and greatest lead in worth of the best response over the next.
    pub margin: [i64; 2],
}

impl Default for Panel {
    /// Two responses, and a lead of 2 to 8.
    fn default() -> Self {
        Self { responses: [2, 2], margin: [2, 8] }
    }
}

impl Panel {
    /// The scores of a judgement, one for each response in their order; `None` of a text that ends in none.
    ///
    /// ```
    /// use tts_core::family::Panel;
    /// let question = "g:b desc n=4 even s=24\n1:8 6 6 4\n2:9 6 4 2";
    /// assert_eq!(Panel::scores(question, &["o,d", "[6,10]"]), Some(vec![6.0, 10.0]));
    /// // Three scores of two responses, one out of range, none.
    /// assert!(["[6,10,1]", "[6,11]", "o,d"].iter().all(|end| Panel::scores(question, &[end]).is_none()));
    /// ```
    pub fn scores(question: &str, steps: &[&str]) -> Option<Vec<f64>> {
        let query = Query::read(question).ok()?;
        let scores = scores(steps.last()?, query.responses.len())?;
        Some(scores.into_iter().map(|score| score as f64).collect())
    }

    /// What each response is worth by all five criteria, in their order, which a judge is never told; `None` of a text that is
    /// no query with responses.
    ///
    /// ```
    /// use tts_core::family::Panel;
    /// let worth = Panel::worth("g:b desc n=4 even s=24\n1:8 6 6 4\n2:9 6 4 2").expect("a query");
    /// assert!(worth.len() == 2 && worth[1] > worth[0]);
    /// assert_eq!(Panel::worth("What is 2 + 2?"), None);
    /// ```
    pub fn worth(question: &str) -> Option<Vec<f64>> {
        let Query { wanted, responses } = Query::read(question).ok()?;
        Some(responses.iter().map(|response| wanted.worth(response) as f64).collect())
    }

    fn draft(rng: &mut Rng, count: usize) -> Query {
        let pick = |rng: &mut Rng, low, high| usize::try_from(between(rng, low, high)).unwrap_or(0);
        let mut wanted = Wanted {
            genre: pick(rng, 0, 4),
            descending: rng.uniform() < 0.5,
            count: pick(rng, 3, 5),
            even: rng.uniform() < 0.5,
            sum: 0,
        };
        let response = |rng: &mut Rng| {
            let length =
                wanted.count + [0, 0, 1][pick(rng, 0, 2)] - usize::from(rng.uniform() < 0.2);
            let mut numbers: Vec<i64> = (0..length)
                .map(|_| {
                    let number = between(rng, 1, 9);
                    // Most are of the parity that was asked for.
                    let fits = (number % 2 == 0) == wanted.even || rng.uniform() < 0.4;
                    if fits { number } else { number % 9 + 1 }
                })
                .collect();
            if rng.uniform() < 0.6 {
                numbers.sort_unstable();
                if wanted.descending {
                    numbers.reverse();
                }
            }
            numbers
        };
        let responses: Vec<Vec<i64>> = (0..count).map(|_| response(rng)).collect();
        // Near what some response has, or nobody's sum would be graded.
        let near: i64 = responses[pick(rng, 0, 63) % count].iter().sum();
        wanted.sum = (near + between(rng, -3, 3)).max(1);
        Query { wanted, responses }
    }

    fn problem(&self, query: &Query) -> Result<Problem, String> {
        let (best, margin) = query.best().ok_or("no response is better than all others")?;
        let [low, high] = self.margin;
        if !(low..=high).contains(&margin) {
            return Err(format!("the best response leads by {margin}, expected {low} to {high}"));
        }
        if shown_by(query, best).is_none() {
            return Err("no two principles put the best response first".into());
        }
        let steps = 2 + 2 * query.responses.len();
        Ok(Problem { question: query.to_string(), answer: (best + 1).to_string(), steps })
    }

    /// A query of this family.
    fn within(&self, question: &str) -> Option<Query> {
        Query::read(question).ok().filter(|query| self.problem(query).is_ok())
    }
}

/// The two principles of a judgement's first line.
fn principles(line: &str) -> Option<[Criterion; 2]> {
    let (one, other) = line.trim().split_once(',')?;
    let (one, other) = (Criterion::of(one)?, Criterion::of(other)?);
    (one != other).then_some([one, other])
}

/// The line of work on a response.
fn work(query: &Query, place: usize, criterion: Criterion) -> String {
    let (work, grade) = query.wanted.grade(criterion, &query.responses[place]);
    format!("{}{} {work} {grade}", place + 1, criterion.letter())
}

/// The grade at the end of a line of work.
fn grade(line: &str) -> Option<i64> {
    let grade = line.trim().rsplit_once(' ')?.1.parse().ok()?;
    (0..=5).contains(&grade).then_some(grade)
}

/// The scores of a judgement's last line, one for each response.
fn scores(line: &str, responses: usize) -> Option<Vec<i64>> {
    let list = line.trim().strip_prefix('[')?.strip_suffix(']')?;
    let score = |text: &str| text.parse::<i64>().ok().filter(|score| (1..=10).contains(score));
    let scores: Vec<i64> = list.split(',').map(score).collect::<Option<_>>()?;
    (scores.len() == responses).then_some(scores)
}

/// The weightiest two principles by which this response alone has the highest score.
fn shown_by(query: &Query, best: usize) -> Option<[Criterion; 2]> {
    let weight = |pair: &[Criterion; 2]| -> i64 {
        pair.iter().map(|&criterion| query.wanted.weight(criterion)).sum()
    };
    let pairs = Criterion::ALL.iter().flat_map(|&one| Criterion::ALL.map(|other| [one, other]));
    let fitting =
        pairs.filter(|[one, other]| one < other && is_ahead(&query.scores([*one, *other]), best));
    // The first of equals.
    fitting.reduce(|best, pair| if weight(&pair) > weight(&best) { pair } else { best })
}

/// Whether one response alone has the highest score, and is this one.
fn is_ahead(scores: &[i64], best: usize) -> bool {
    scores.iter().enumerate().all(|(place, &score)| place == best || score < scores[best])
}

/// The scores that grades come to, two for each response; what is not graded yet is graded without a slip.
fn summed(query: &Query, principles: [Criterion; 2], written: &[Option<i64>]) -> Option<Vec<i64>> {
    let places = 0..query.responses.len();
    let score = |place: usize| {
        let grades = [0, 1].map(|at| match written.get(2 * place + at) {
            Some(written) => *written,
            None => Some(query.wanted.grade(principles[at], &query.responses[place]).1),
        });
        Some((grades[0]? + grades[1]?).max(1))
    };
    places.map(score).collect()
}

impl Family for Panel {
    fn wrong(&self) -> Option<String> {
        let responses = wrong_range("responses", self.responses, [2, 9]);
        responses.or_else(|| wrong_range("margin", self.margin, [1, i64::MAX]))
    }

    fn draw(&self, rng: &mut Rng) -> Option<Problem> {
        if self.wrong().is_some() {
            return None;
        }
        let [fewest, most] = self.responses.map(|n| i64::try_from(n).unwrap_or(2));
        let count = usize::try_from(between(rng, fewest, most)).ok()?;
        (0..TRIES).find_map(|_| self.problem(&Self::draft(rng, count)).ok())
    }

    fn parse(&self, question: &str) -> Result<Problem, FamilyError> {
        if let Some(problem) = self.wrong() {
            return Err(FamilyError::new(question, problem));
        }
        let query = Query::read(question).and_then(|query| self.problem(&query));
        query.map_err(|problem| FamilyError::new(question, problem))
    }

    /// The query, and the line that ends it.
    fn prompt(&self, question: &str) -> Prompt {
        Prompt::text(format!("{question}\n>\n"))
    }

    /// A judgement by the weightiest principles that put the best response first.
    fn solve(&self, question: &str) -> Option<Vec<String>> {
        let query = self.within(question)?;
        let (best, _) = query.best()?;
        let chosen = shown_by(&query, best)?;
        let mut lines = vec![format!("{},{}\n", chosen[0].letter(), chosen[1].letter())];
        for place in 0..query.responses.len() {
            lines.extend(chosen.map(|criterion| format!("{}\n", work(&query, place, criterion))));
        }
        let scores: Vec<String> = query.scores(chosen).iter().map(i64::to_string).collect();
        lines.push(format!("[{}]", scores.join(",")));
        Some(lines)
    }

    fn check(&self, question: &str, steps: &[&str]) -> Vec<bool> {
        let Some(query) = self.within(question) else { return vec![false; steps.len()] };
        let chosen = steps.first().and_then(|line| principles(line));
        let graded = 2 * query.responses.len();
        let check = |(index, step): (usize, &&str)| match (index, chosen) {
            (0, chosen) => chosen.is_some(),
            (_, None) => false,
            (index, Some(chosen)) if index <= graded => {
                let (place, criterion) = ((index - 1) / 2, chosen[(index - 1) % 2]);
                step.trim() == work(&query, place, criterion)
            }
            (index, Some(chosen)) => {
                let written: Vec<Option<i64>> =
                    steps[1..=graded].iter().map(|line| grade(line)).collect();
                let right = summed(&query, chosen, &written);
                index == graded + 1
                    && right.is_some()
                    && scores(step, query.responses.len()) == right
            }
        };
        steps.iter().enumerate().map(check).collect()
    }

    /// Whether the last line gives the best response, and it alone, the highest score.
    fn solved(&self, question: &str, steps: &[&str]) -> bool {
        let Some(query) = self.within(question) else { return false };
        let last = steps.last().and_then(|line| scores(line, query.responses.len()));
        last.zip(query.best()).is_some_and(|(scores, (best, _))| is_ahead(&scores, best))
    }

    fn value(&self, question: &str, steps: &[&str]) -> f64 {
        let Some(query) = self.within(question) else { return 0.0 };
        let Some((best, _)) = query.best() else { return 0.0 };
        let graded = 2 * query.responses.len();
        let Some((first, lines)) = steps.split_first() else { return 1.0 };
        if lines.len() > graded {
            let whole = lines.len() == graded + 1 && self.solved(question, steps);
            return f64::from(u8::from(whole));
        }
        let written: Vec<Option<i64>> = lines.iter().map(|line| grade(line)).collect();
        let scores = principles(first).and_then(|chosen| summed(&query, chosen, &written));
        f64::from(u8::from(scores.is_some_and(|scores| is_ahead(&scores, best))))
    }
}

#[cfg(test)]
mod tests;
