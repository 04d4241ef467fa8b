//! Which problems come when.
//!
//! [`Curriculum::Shuffled`] goes through all problems in an order of its own, again and again.
//! [`Curriculum::EasyFirst`] goes through the easy ones at first: the share of problems that it draws from, easiest
//! first, grows to all of them. [`Curriculum::Unsolved`] draws a problem the more often, the less of it is solved.
//! Whatever it draws follows from the seed, the step, and what the journal says of earlier steps, so that a run
//! which goes on draws what it would have drawn. What is drawn by weight in the place of groups that teach nothing is what
//! the step has not drawn yet, as long as there are others.
//!
//! Source: Kimi Team 2025 (arXiv 2501.12599), section 2.3.4 (curriculum sampling, and prioritised sampling in
//! proportion to 1 - the share solved); Efraimidis and Spirakis 2006, "Weighted random sampling with a
//! reservoir", for draws by weight without putting back.

use serde::{Deserialize, Serialize};
use tts_core::seed;

use super::{Problem, Solved};
use crate::PrmError;

/// An order of problems.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Curriculum {
    /// All of them, shuffled anew each time.
    #[default]
    Shuffled,
    /// The easiest first, by [`Problem::difficulty`].
    EasyFirst {
        /// The share of problems that the first step draws from, above 0, up to 1.
        start: f64,
        /// The part of the run after which all are drawn from, above 0, up to 1.
        full: f64,
    },
    /// Those of which little is solved: in proportion to 1 - the share solved when last drawn, at least `least`.
    Unsolved {
        /// What a solved problem still counts, above 0, up to 1.
        least: f64,
    },
}

impl Curriculum {
    /// # Errors
    /// Naming the setting that is out of range.
    pub(super) fn check(&self) -> Result<(), PrmError> {
        let shares: &[(&str, f64)] = match self {
            Self::Shuffled => &[],
            Self::EasyFirst { start, full } => &[("start", *start), ("full", *full)],
            Self::Unsolved { least } => &[("least", *least)],
        };
        match shares.iter().find(|(_, share)| !(*share > 0.0 && *share <= 1.0)) {
            None => Ok(()),
            Some((field, share)) => {
                let problem = format!("{share}, expected above 0, up to 1");
                Err(PrmError::reinforce(format!("curriculum.{field}"), problem))
            }
        }
    }

    /// # Errors
    /// When difficulties are asked for that problems do not have.
    pub(super) fn suits(&self, problems: &[Problem]) -> Result<(), PrmError> {
        let lacks = problems.iter().position(|problem| problem.difficulty.is_none());
        match (self, lacks) {
            (Self::EasyFirst { .. }, Some(place)) => {
                let problem = "has no difficulty, but the easiest are to come first";
                Err(PrmError::reinforce(format!("problems[{place}]"), problem))
            }
            _ => Ok(()),
        }
    }
}

/// Apart from the seeds of samples.
const ORDER: u64 = 0x0c0a_571e;

/// Draws problems, and remembers what came of them.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    curriculum: Curriculum,
    seed: u64,
    /// Places of the problems, the easiest first, where difficulty counts.
    order: Vec<usize>,
    /// Problems drawn so far.
    drawn: u64,
    /// The share solved of each when last drawn; 0 of what was not.
    solved: Vec<f64>,
}

impl Drawing {
    pub(super) fn new(curriculum: Curriculum, problems: &[Problem], seed: u64) -> Self {
        let mut order: Vec<usize> = (0..problems.len()).collect();
        if let Curriculum::EasyFirst { .. } = curriculum {
            let hard = |&place: &usize| problems[place].difficulty.unwrap_or(f64::INFINITY);
            // Stable: equals stay as they are.
            order.sort_by(|a, b| hard(a).total_cmp(&hard(b)));
        }
        let solved = vec![0.0; problems.len()];
        Self { curriculum, seed: seed ^ ORDER, order, drawn: 0, solved }
    }

    /// The places of the next `count` problems, at this part of the run, 0 to 1; `drawn` is what the step has drawn
    /// already. By weight a problem comes twice in a step only where there are not as many; shuffled, also where one order
    /// ends and the next begins.
    pub(super) fn draw(&mut self, count: usize, part: f64, drawn: &[Solved]) -> Vec<usize> {
        let again = |place: usize| drawn.iter().any(|drawn| drawn.problem == place);
        let places = match self.curriculum {
            Curriculum::Shuffled => {
                (0..count as u64).map(|i| self.shuffled(self.drawn + i)).collect()
            }
            Curriculum::EasyFirst { start, full } => {
                let share = start + (1.0 - start) * (part / full).min(1.0);
                let most = self.order.len();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count"
                )]
                let open = ((share * most as f64).ceil() as usize).clamp(1, most);
                let again = |place: usize| again(self.order[place]);
                let own = self.weighted(count, &vec![1.0; open], again);
                own.into_iter().map(|place| self.order[place]).collect()
            }
            Curriculum::Unsolved { least } => {
                let weights: Vec<f64> =
                    self.solved.iter().map(|solved| (1.0 - solved).max(least)).collect();
                self.weighted(count, &weights, again)
            }
        };
        self.drawn += places.len() as u64;
        places
    }

    /// Notes what came of what was drawn.
    pub(super) fn note(&mut self, found: &[Solved]) {
        for Solved { problem, right, samples } in found {
            if let (Some(solved), Some(right)) = (self.solved.get_mut(*problem), right) {
                *solved = *right as f64 / (*samples).max(1) as f64;
            }
        }
    }

    /// As if what a step drew had been drawn.
    pub(super) fn replay(&mut self, found: &[Solved]) {
        self.drawn += found.len() as u64;
        self.note(found);
    }

    /// Problem number `number` of all that are drawn one after another.
    fn shuffled(&self, number: u64) -> usize {
        let count = self.order.len();
        let (epoch, place) = (number / count as u64, number % count as u64);
        let mut rng = seed::rng(seed::mix(self.seed, epoch));
        let mut order: Vec<usize> = (0..count).collect();
        rng.shuffle(&mut order);
        usize::try_from(place).map_or(0, |place| order[place])
    }

    /// So many places by weight, none twice until all were drawn, and none `again` until all others were.
    fn weighted(&self, count: usize, weights: &[f64], again: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut rng = seed::rng(seed::mix(self.seed, self.drawn));
        let mut places = Vec::with_capacity(count);
        for round in 0.. {
            if places.len() >= count {
                break;
            }
            // The largest of u^(1/w): its logarithm orders them alike and does not vanish.
            let key = |(place, weight): (usize, &f64)| (rng.uniform().ln() / weight, place);
            let mut keys: Vec<(f64, usize)> = weights.iter().enumerate().map(key).collect();
            keys.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let own = keys.into_iter().map(|(_, place)| place);
            let own = own.filter(|place| round > 0 || !again(*place));
            places.extend(own.take(count - places.len()));
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tts_core::Prompt;

    use super::*;

    fn problems(count: usize) -> Vec<Problem> {
        let problem = |place: usize| Problem {
            prompt: Prompt::from("?"),
            question: "?".into(),
            gold: "!".into(),
            difficulty: Some((count - place) as f64),
        };
        (0..count).map(problem).collect()
    }

    #[test]
    fn all_come_before_one_comes_again() {
        for curriculum in [Curriculum::Shuffled, Curriculum::Unsolved { least: 0.1 }] {
            let mut drawing = Drawing::new(curriculum, &problems(7), 3);
            let first = drawing.draw(7, 0.0, &[]);
            assert_eq!(first.iter().collect::<HashSet<_>>().len(), 7, "{curriculum:?}");
            let more = drawing.draw(7, 0.0, &[]);
            assert_ne!(first, more, "{curriculum:?}");
            assert_eq!(Drawing::new(curriculum, &problems(7), 3).draw(7, 0.0, &[]), first);
            assert_ne!(Drawing::new(curriculum, &problems(7), 4).draw(7, 0.0, &[]), first);
            // More than there are.
            assert_eq!(drawing.draw(16, 0.0, &[]).len(), 16);
        }
    }

    /// What a step draws in the place of others is what it has not drawn, until there is nothing else.
    #[test]
    fn a_step_draws_all_others_before_one_again() {
        for curriculum in
            [Curriculum::EasyFirst { start: 0.5, full: 1.0 }, Curriculum::Unsolved { least: 0.1 }]
        {
            for seed in 0..20 {
                let mut drawing = Drawing::new(curriculum, &problems(12), seed);
                let mut step: Vec<Solved> = Vec::new();
                // Of the half that is open at first.
                let open = if matches!(curriculum, Curriculum::EasyFirst { .. }) { 6 } else { 12 };
                while step.len() < open {
                    let places = drawing.draw(3, 0.0, &step);
                    let found = |problem: usize| Solved { problem, right: Some(0), samples: 4 };
                    step.extend(places.into_iter().map(found));
                    drawing.note(&step[step.len() - 3..]);
                }
                let different: HashSet<usize> = step.iter().map(|drawn| drawn.problem).collect();
                assert_eq!(different.len(), open, "{curriculum:?} {seed}");
                // There is nothing else.
                assert_eq!(drawing.draw(3, 0.0, &step).len(), 3);
            }
        }
    }

    #[test]
    fn the_easiest_come_first() {
        let curriculum = Curriculum::EasyFirst { start: 0.25, full: 0.5 };
        let mut drawing = Drawing::new(curriculum, &problems(100), 3);
        // Difficulty falls along the places.
        assert!(drawing.draw(20, 0.0, &[]).iter().all(|place| *place >= 75));
        let half = drawing.draw(60, 0.25, &[]);
        assert!(half.iter().any(|place| *place < 75) && half.iter().all(|place| *place >= 37));
        assert_eq!(drawing.draw(100, 0.5, &[]).iter().collect::<HashSet<_>>().len(), 100);
        let mut unknown = problems(2);
        unknown[1].difficulty = None;
        let error = curriculum.suits(&unknown).unwrap_err().to_string();
        assert!(error.starts_with("problems[1]: has no difficulty"), "{error}");
    }

    #[test]
    fn what_is_solved_comes_less_often() {
        let mut drawing = Drawing::new(Curriculum::Unsolved { least: 0.1 }, &problems(20), 3);
        let all: Vec<Solved> = (0..20)
            .map(|problem| Solved {
                problem,
                right: Some(if problem < 10 { 8 } else { 0 }),
                samples: 8,
            })
            .collect();
        drawing.note(&all);
        let solved: usize = (0..200)
            .map(|_| drawing.draw(5, 0.0, &[]).iter().filter(|place| **place < 10).count())
            .sum();
        // About one in eleven, were the draws with putting back.
        assert!((50..200).contains(&solved), "{solved} of 1000");
    }

    /// What was drawn is all that the next draw depends on.
    #[test]
    fn a_drawing_goes_on_where_it_was() {
        for curriculum in [
            Curriculum::Shuffled,
            Curriculum::EasyFirst { start: 0.5, full: 1.0 },
            Curriculum::Unsolved { least: 0.2 },
        ] {
            let mut whole = Drawing::new(curriculum, &problems(9), 3);
            let mut again = whole.clone();
            for step in 0..4 {
                let solved = |problem: &usize| Solved {
                    problem: *problem,
                    right: Some(problem % 3),
                    samples: 3,
                };
                let found: Vec<Solved> =
                    whole.draw(4, f64::from(step) / 4.0, &[]).iter().map(solved).collect();
                whole.note(&found);
                again.replay(&found);
            }
            assert_eq!(whole.draw(5, 1.0, &[]), again.draw(5, 1.0, &[]), "{curriculum:?}");
        }
    }
}
