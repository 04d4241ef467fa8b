//! Curves of training: what became of each policy made by reinforcement, along its steps, over seeds of training.
//!
//! A run's journal is thinned to at most 20 points ([`Course`]): figures of steps are means over neighbours and
//! stand at the last of them, measurements on held-out problems stand at their own step. A [`Curve`] is the mean of a
//! figure over seeds, with the least and the greatest of them, and says after how many steps each seed first solved so
//! large a share of what is held out. Everything follows from the courses, which lie in a table beside the values by problem.
//!
//! Source: the figures that Shao et al. 2024 (arXiv:2402.03300), Yu et al. 2025 (arXiv:2503.14476) and DeepSeek-AI 2025
//! (arXiv:2501.12948) draw along training.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tts_prm::reinforce::{Measured, Note, StepNote, thinned};
use tts_search::evaluate::percent;

/// Points of a figure of steps, at most.
const POINTS: usize = 20;

/// What is followed along training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Share of right solutions of held-out problems.
    Pass,
    /// Share of held-out problems whose majority is right.
    Majority,
    /// Share of held-out problems with a right solution.
    Any,
    /// Generated tokens of a solution of held-out problems.
    HeldOutTokens,
    /// Mean reward of samples.
    Reward,
    /// Share of right samples.
    Right,
    /// Generated tokens of right samples.
    RightTokens,
    /// Those of samples that are not right.
    WrongTokens,
    /// Minus the mean log-probability of drawn tokens, in nats.
    Entropy,
    /// Share of groups whose rewards are all the same.
    Equal,
    /// How far the policy is from its reference, in nats a token.
    Divergence,
    /// Share of learnt tokens whose ratio was clipped.
    Clipped,
    /// Tokens drawn to learn from until then.
    Drawn,
    /// Tokens learnt until then, in all updates.
    Learnt,
}

impl Figure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 14] = [
        Self::Pass,
        Self::Majority,
        Self::Any,
        Self::HeldOutTokens,
        Self::Reward,
        Self::Right,
        Self::RightTokens,
        Self::WrongTokens,
        Self::Entropy,
        Self::Equal,
        Self::Divergence,
        Self::Clipped,
        Self::Drawn,
        Self::Learnt,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Majority => "majority",
            Self::Any => "any",
            Self::HeldOutTokens => "held-out-tokens",
            Self::Reward => "reward",
            Self::Right => "right",
            Self::RightTokens => "right-tokens",
            Self::WrongTokens => "wrong-tokens",
            Self::Entropy => "entropy",
            Self::Equal => "equal",
            Self::Divergence => "divergence",
            Self::Clipped => "clipped",
            Self::Drawn => "drawn",
            Self::Learnt => "learnt",
        }
    }

    /// What a reader is told that it is.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pass => "held out: one sample right",
            Self::Majority => "held out: majority right",
            Self::Any => "held out: some sample right",
            Self::HeldOutTokens => "held out: tokens of a solution",
            Self::Reward => "reward",
            Self::Right => "samples that are right",
            Self::RightTokens => "tokens of right samples",
            Self::WrongTokens => "tokens of samples that are not right",
            Self::Entropy => "entropy, nats a token",
            Self::Equal => "groups of equal rewards",
            Self::Divergence => "divergence from the reference, nats a token",
            Self::Clipped => "learnt tokens that were clipped",
            Self::Drawn => "tokens drawn until then",
            Self::Learnt => "tokens learnt until then",
        }
    }

    /// Whether it is a share.
    pub fn is_share(self) -> bool {
        matches!(
            self,
            Self::Pass | Self::Majority | Self::Any | Self::Right | Self::Equal | Self::Clipped
        )
    }

    /// Whether it is measured at single steps, and no mean over neighbours.
    pub fn is_held_out(self) -> bool {
        matches!(self, Self::Pass | Self::Majority | Self::Any | Self::HeldOutTokens)
    }

    /// A value of it, as tables tell it.
    pub fn text(self, value: f64) -> String {
        match self {
            _ if self.is_share() => percent(value),
            Self::HeldOutTokens | Self::RightTokens | Self::WrongTokens => format!("{value:.1}"),
            Self::Drawn | Self::Learnt => format!("{value:.2e}"),
            _ => format!("{value:.4}"),
        }
    }

    fn of_step(self, step: &StepNote) -> Option<f64> {
        match self {
            Self::Reward => Some(step.reward),
            Self::Right => step.right,
            Self::RightTokens => step.right_tokens,
            Self::WrongTokens => step.wrong_tokens,
            Self::Entropy => Some(step.entropy),
            Self::Equal => Some(step.equal),
            Self::Divergence => step.divergence,
            Self::Clipped => Some(step.clipped),
            _ => None,
        }
    }

    fn of_measured(self, found: &Measured) -> Option<f64> {
        match self {
            Self::Pass => Some(found.pass),
            Self::Majority => Some(found.majority),
            Self::Any => Some(found.any),
            Self::HeldOutTokens => Some(found.tokens),
            _ => None,
        }
    }
}

/// How one run of training went.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The model.
    pub model: String,
    /// The seed that it was made by.
    pub seed: u64,
    /// What is known after steps.
    pub points: BTreeMap<usize, BTreeMap<Figure, f64>>,
}

impl Course {
    /// Of what a run has noted.
    pub fn of(model: &str, seed: u64, notes: &[Note]) -> Self {
        let steps = notes.iter().filter_map(|note| match note {
            Note::Step(step) => Some(&**step),
            Note::Measured(_) => None,
        });
        let steps: Vec<&StepNote> = steps.collect();
        let mut points: BTreeMap<usize, BTreeMap<Figure, f64>> = BTreeMap::new();
        for figure in Figure::ALL {
            for (step, mean) in thinned(&steps, POINTS, |step| figure.of_step(step)) {
                points.entry(step).or_default().insert(figure, mean);
            }
        }
        for note in notes {
            let Note::Measured(found) = note else { continue };
            let known = |figure: Figure| Some((figure, figure.of_measured(found)?));
            points.entry(found.step).or_default().extend(Figure::ALL.into_iter().filter_map(known));
        }
        for (&last, point) in &mut points {
            let (mut drawn, mut learnt) = (0, 0);
            for step in steps.iter().filter(|step| step.step <= last) {
                (drawn, learnt) = (drawn + step.tokens, learnt + step.learnt);
            }
            point.insert(Figure::Drawn, drawn as f64);
            point.insert(Figure::Learnt, learnt as f64);
        }
        Self { model: model.to_owned(), seed, points }
    }

    /// When so large a share of solutions of held-out problems was first right.
    fn reaches(&self, level: f64) -> Option<Reached> {
        let solves = |figures: &BTreeMap<Figure, f64>| {
            figures.get(&Figure::Pass).is_some_and(|&pass| pass >= level)
        };
        let (&step, figures) = self.points.iter().find(|(_, figures)| solves(figures))?;
        Some(Reached { step, drawn: figures.get(&Figure::Drawn).copied().unwrap_or(0.0) })
    }
}

/// A figure after a step, over seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// After this many steps.
    pub step: usize,
    /// The mean over seeds that have it.
    pub mean: f64,
    /// The least of them.
    pub least: f64,
    /// The greatest.
    pub most: f64,
}

impl Spread {
    pub(super) fn of(step: usize, seeds: &[f64]) -> Self {
        Self {
            step,
            mean: seeds.iter().sum::<f64>() / seeds.len() as f64,
            least: seeds.iter().copied().fold(f64::INFINITY, f64::min),
            most: seeds.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// When a level was reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// After this many steps.
    pub step: usize,
    /// And so many drawn tokens.
    pub drawn: f64,
}

/// How training of a model went, over seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The model.
    pub model: String,
    /// Seeds of training.
    pub seeds: usize,
    /// Along steps.
    pub figures: BTreeMap<Figure, Vec<Spread>>,
    /// When the levels of the recipe were reached, if any are asked for and held-out problems are measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until: Vec<Until>,
}

/// When so large a share of solutions of held-out problems was first right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Until {
    /// The share.
    pub level: f64,
    /// By seed; `None` of one that never got there.
    pub seeds: Vec<Option<Reached>>,
}

/// The curves of all models, with the times until shares of held-out solutions are right.
pub fn curves(courses: &[Course], until: &[f64]) -> Vec<Curve> {
    let mut names: Vec<&str> = Vec::new();
    for Course { model, .. } in courses {
        if !names.contains(&model.as_str()) {
            names.push(model);
        }
    }
    let curve = |model: &str| {
        let own: Vec<&Course> = courses.iter().filter(|course| course.model == model).collect();
        let mut found: BTreeMap<Figure, BTreeMap<usize, Vec<f64>>> = BTreeMap::new();
        for course in &own {
            for (&step, figures) in &course.points {
                for (&figure, &value) in figures {
                    found.entry(figure).or_default().entry(step).or_default().push(value);
                }
            }
        }
        let measured = found.contains_key(&Figure::Pass);
        let figures = found.into_iter().map(|(figure, steps)| {
            (figure, steps.into_iter().map(|(step, seeds)| Spread::of(step, &seeds)).collect())
        });
        let reached = |&level: &f64| Until {
            level,
            seeds: own.iter().map(|course| course.reaches(level)).collect(),
        };
        Curve {
            model: model.to_owned(),
            seeds: own.len(),
            figures: figures.collect(),
            until: until.iter().filter(|_| measured).map(reached).collect(),
        }
    };
    names.into_iter().map(curve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: usize, reward: f64, right_tokens: Option<f64>) -> Note {
        let note =
            StepNote { step, reward, right_tokens, tokens: 10, learnt: 4, ..StepNote::default() };
        Note::Step(Box::new(note))
    }

    fn measured(step: usize, pass: f64) -> Note {
        let (problems, samples, interval) = (2, 2, [pass; 2]);
        let (majority, any, tokens, failed) = (pass, pass, 7.0, 0);
        let found =
            Measured { step, problems, samples, pass, interval, majority, any, tokens, failed };
        Note::Measured(found)
    }

    fn run(seed: u64, passes: [f64; 3]) -> Course {
        let notes = [
            measured(0, passes[0]),
            step(1, 0.25 * seed as f64, None),
            measured(1, passes[1]),
            step(2, 0.5, Some(30.0)),
            measured(2, passes[2]),
        ];
        Course::of("policy", seed, &notes)
    }

    #[test]
    fn curves_are_means_over_seeds_with_their_range() {
        let courses = [run(1, [0.25, 0.5, 0.75]), run(2, [0.25, 0.25, 0.25])];
        let found = curves(&courses, &[0.25, 0.5]);
        let [curve] = &found[..] else { panic!("{found:?}") };
        assert_eq!((curve.model.as_str(), curve.seeds), ("policy", 2));
        let of = |step, mean, least, most| Spread { step, mean, least, most };
        let pass = [of(0, 0.25, 0.25, 0.25), of(1, 0.375, 0.25, 0.5), of(2, 0.5, 0.25, 0.75)];
        assert_eq!(curve.figures[&Figure::Pass], pass);
        assert_eq!(curve.figures[&Figure::Reward], [of(1, 0.375, 0.25, 0.5), of(2, 0.5, 0.5, 0.5)]);
        // Of a step without a right sample there is no length.
        assert_eq!(curve.figures[&Figure::RightTokens], [of(2, 30.0, 30.0, 30.0)]);
        assert_eq!(curve.figures[&Figure::Drawn][2], of(2, 20.0, 20.0, 20.0));
        assert!(!curve.figures.contains_key(&Figure::Divergence));
        // At once; after one step, and never.
        let at = |step, drawn| Some(Reached { step, drawn });
        let until = |level, seeds: [Option<Reached>; 2]| Until { level, seeds: seeds.to_vec() };
        let expected = [until(0.25, [at(0, 0.0), at(0, 0.0)]), until(0.5, [at(1, 10.0), None])];
        assert_eq!(curve.until, expected);
        assert!(curves(&courses, &[])[0].until.is_empty());
    }

    #[test]
    fn a_long_run_is_thinned_and_its_measurements_are_not() {
        let mut notes: Vec<Note> = (1..=90).map(|place| step(place, place as f64, None)).collect();
        notes.insert(33, measured(33, 0.5));
        let course = Course::of("policy", 1, &notes);
        let [curve] = &curves(&[course], &[])[..] else { panic!("one model") };
        let rewards = &curve.figures[&Figure::Reward];
        assert_eq!(rewards.len(), 18);
        // Steps 1 to 5, and 86 to 90.
        assert!((rewards[0].mean - 3.0).abs() < 1e-12 && (rewards[17].mean - 88.0).abs() < 1e-12);
        assert_eq!([rewards[0].step, rewards[17].step], [5, 90]);
        assert_eq!(curve.figures[&Figure::Pass].len(), 1);
        // What was drawn until a measurement counts its own steps, not those of its neighbours.
        let drawn = curve.figures[&Figure::Drawn].iter().find(|point| point.step == 33);
        assert!(drawn.is_some_and(|point| (point.mean - 330.0).abs() < 1e-12), "{drawn:?}");
    }

    #[test]
    fn names_in_files_are_those_of_the_json() {
        for figure in Figure::ALL {
            assert_eq!(serde_json::to_value(figure).expect("a name"), figure.name());
        }
    }
}
