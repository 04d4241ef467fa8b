//! A judge of the panel family without a model: principles by chance, slips at a known rate.
//!
//! `care` is how much it knows of the weights that nobody is told: principles are drawn one after the other, each with a
//! probability in proportion to `exp(care * weight)`. At 0 all are alike, which is a teacher that knows the trade but not
//! what counts; the larger, the more often it looks at what counts. A grade is off by one with probability `slip`.
//!
//! `principles` says which it draws from. One that was told the best response takes only those by which it comes out ahead,
//! whatever they weigh: a hint that shows in what is looked at. One of fixed principles never chooses.
//!
//! Source: none; it stands in for the prompted judge of Liu et al. 2025 (arXiv 2504.02495), section 3.2, with its hints.

use serde::{Deserialize, Serialize};

use super::criteria::Criterion;
use super::query::Query;
use super::{grade, is_ahead, principles, summed, work};
use crate::seed::Rng;

/// A judge of a known quality, see the [`super::Panel`] family.
///
/// ```
/// use tts_core::family::{Family, Grader, Panel, lines};
/// use tts_core::{Search, StepRule, toy::Sample};
/// let panel = Panel::default();
/// let question = "g:b desc n=4 even s=24\n1:8 6 6 4\n2:9 6 4 2";
/// let grader = Grader { slip: 0.0, ..Grader::default() };
/// let search = Search::new(&grader).rule(StepRule::lines());
/// let judgement = search.run(Sample { n: 1 }, panel.prompt(question))?.text().unwrap_or_default();
/// assert!(panel.check(question, &lines(&judgement)).iter().all(|&right| right));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grader {
    /// How much it knows of what counts.
    pub care: f64,
    /// Probability that a grade is off by one.
    pub slip: f64,
    /// Which principles it draws from.
    pub principles: Principles,
}

/// Which principles a judge of the panel family draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Principles {
    /// All.
    #[default]
    All,
    /// Those by which the best response, which it was told, comes out ahead if it makes no slip.
    Told,
    /// These two, for every query.
    Fixed(Criterion, Criterion),
}

impl Principles {
    fn admit(self, query: &Query, pair: [Criterion; 2]) -> bool {
        match self {
            Self::All => true,
            Self::Told => query.best().is_some_and(|(best, _)| is_ahead(&query.scores(pair), best)),
            Self::Fixed(one, other) => pair == [one, other],
        }
    }
}

impl Default for Grader {
    /// The teacher: all principles alike, a slip in ten grades.
    fn default() -> Self {
        Self { care: 0.0, slip: 0.1, principles: Principles::All }
    }
}

/// What may be written next: a text, its probability, and whether it is the last line.
pub(in crate::task::family) type Next = (String, f64, bool);

impl Grader {
    /// What of the settings makes no sense, by field.
    ///
    /// ```
    /// use tts_core::family::{Criterion, Grader, Principles};
    /// let twice = Principles::Fixed(Criterion::Sum, Criterion::Sum);
    /// assert!(Grader { principles: twice, ..Grader::default() }.wrong().is_some());
    /// assert_eq!(Grader::default().wrong(), None);
    /// ```
    pub fn wrong(&self) -> Option<String> {
        let Self { care, slip, principles } = *self;
        if !(-100.0..=100.0).contains(&care) {
            return Some(format!("care: {care}, expected -100 to 100"));
        }
        if !(0.0..=1.0).contains(&slip) {
            return Some(format!("slip: {slip}, expected a probability"));
        }
        match principles {
            Principles::Fixed(one, other) if one == other => {
                Some(format!("principles: {} twice, expected two", one.letter()))
            }
            _ => None,
        }
    }

    /// The probability of each ordered pair of principles.
    fn pairs(&self, query: &Query) -> Vec<([Criterion; 2], f64)> {
        let pull = |criterion| (self.care * query.wanted.weight(criterion) as f64).exp();
        let all: f64 = Criterion::ALL.map(pull).iter().sum();
        let mut pairs = Vec::new();
        for one in Criterion::ALL {
            let others = || Criterion::ALL.into_iter().filter(move |&other| other != one);
            // Not `all` less this one: of a large `care` nothing would be left.
            let left: f64 = others().map(pull).sum();
            pairs
                .extend(others().map(|other| ([one, other], pull(one) / all * pull(other) / left)));
        }
        pairs.retain(|(pair, _)| self.principles.admit(query, *pair));
        let admitted: f64 = pairs.iter().map(|(_, p)| p).sum();
        for (_, p) in &mut pairs {
            *p /= admitted;
        }
        pairs
    }

    /// Grades next to the right one.
    fn slips(right: i64) -> Vec<i64> {
        [right - 1, right + 1].into_iter().filter(|grade| (0..=5).contains(grade)).collect()
    }

    /// What may follow these lines; nothing behind what is no judgement.
    pub(in crate::task::family) fn next(
        &self,
        question: &str,
        before: &[&str],
    ) -> Option<Vec<Next>> {
        let query = Query::read(question).ok()?;
        let Some((first, lines)) = before.split_first() else {
            let line = |([one, other], p): ([Criterion; 2], f64)| {
                (format!("{},{}", one.letter(), other.letter()), p, false)
            };
            let first: Vec<Next> = self.pairs(&query).into_iter().map(line).collect();
            return (!first.is_empty()).then_some(first);
        };
        let chosen = principles(first)?;
        if lines.len() < 2 * query.responses.len() {
            let line = work(&query, lines.len() / 2, chosen[lines.len() % 2]);
            let (head, right) = (line.rsplit_once(' ')?.0, grade(&line)?);
            let slips = Self::slips(right);
            let slip = self.slip / slips.len() as f64;
            let wrong = slips.iter().map(|grade| (format!("{head} {grade}"), slip, false));
            return Some(
                std::iter::once((line.clone(), 1.0 - self.slip, false)).chain(wrong).collect(),
            );
        }
        let written: Vec<Option<i64>> = lines.iter().map(|line| grade(line)).collect();
        let scores = summed(&query, chosen, &written)?;
        let scores: Vec<String> = scores.iter().map(i64::to_string).collect();
        Some(vec![(format!("[{}]", scores.join(",")), 1.0, true)])
    }

    /// The scores of one judgement, without the words: what simulations draw; `None` of a text that is no query.
    ///
    /// ```
    /// use tts_core::family::Grader;
    /// let question = "g:b desc n=4 even s=24\n1:8 6 6 4\n2:9 6 4 2";
    /// let scores = Grader::default().scores(question, &mut tts_core::seed::rng(1));
    /// assert_eq!(scores.map(|scores| scores.len()), Some(2));
    /// ```
    pub fn scores(&self, question: &str, rng: &mut Rng) -> Option<Vec<i64>> {
        let query = Query::read(question).ok()?;
        let mut left = rng.uniform();
        let pairs = self.pairs(&query);
        let drawn = pairs.iter().find(|(_, p)| {
            left -= p;
            left < 0.0
        });
        let (chosen, _) = *drawn.or(pairs.last())?;
        let mut grade = |response: &Vec<i64>, criterion| {
            let right = query.wanted.grade(criterion, response).1;
            let slips = Self::slips(right);
            let slipped = rng.uniform() < self.slip;
            if slipped {
                slips.get(rng.below(slips.len())).copied().unwrap_or(right)
            } else {
                right
            }
        };
        let score =
            |response: &Vec<i64>| (grade(response, chosen[0]) + grade(response, chosen[1])).max(1);
        Some(query.responses.iter().map(score).collect())
    }

    /// The probability that one judgement puts the best response first, and it alone; exact where it makes no slips.
    pub fn right_at_once(&self, question: &str) -> Option<f64> {
        let query = Query::read(question).ok()?;
        let (best, _) = query.best()?;
        let right = |(pair, p): ([Criterion; 2], f64)| {
            if is_ahead(&query.scores(pair), best) { p } else { 0.0 }
        };
        (self.slip <= 0.0).then(|| self.pairs(&query).into_iter().map(right).sum())
    }
}
