//! A sampled solution with labels on its steps, as training data.

use std::ops::Range;

use tts_core::Given;
use tts_models::Tokenizer;
use tts_models::train::{Example, Goal, SequenceGoal, Target};

use super::StepClass;
use crate::PrmError;

/// A sampled solution with labels on its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    prompt: Vec<u32>,
    steps: Vec<Vec<u32>>,
    /// One for each of the first steps.
    labels: Vec<Option<f32>>,
    solved: bool,
}

/// Labels of steps that are right or wrong: 1 for every step before the first error, 0 for that
/// one, none after it. A solution without errors is labelled to its end.
///
/// ```
/// use tts_prm::train::until_first_error;
/// assert_eq!(until_first_error(&[true, true, false, true]), [1.0, 1.0, 0.0]);
/// ```
pub fn until_first_error(right: &[bool]) -> Vec<f32> {
    let judged = right.iter().position(|right| !right).map_or(right.len(), |first| first + 1);
    right[..judged].iter().map(|&right| if right { 1.0 } else { 0.0 }).collect()
}

/// Whether a process reward model can learn anything from these solutions.
///
/// # Errors
/// When there are none, or all of their labels are the same.
///
/// ```
/// use tts_prm::train::{Solution, check};
/// let solution = |label| Solution::new(vec![1], vec![vec![2]], vec![label], true);
/// assert!(check(&[solution(1.0)?, solution(0.0)?]).is_ok());
/// let error = check(&[solution(1.0)?, solution(1.0)?]).unwrap_err();
/// assert_eq!(error.to_string(), "labels: all 2 are 1, expected some that differ");
/// # Ok::<(), tts_prm::PrmError>(())
/// ```
pub fn check(solutions: &[Solution]) -> Result<(), PrmError> {
    let wrong =
        |field: &str, problem: String| Err(PrmError::Solution { field: field.to_owned(), problem });
    let mut labels = solutions.iter().flat_map(|solution| solution.labels.iter().flatten());
    let Some(first) = labels.next() else {
        return wrong("solutions", "none, expected at least one".to_owned());
    };
    let (mut same, mut count) = (true, 1);
    for label in labels {
        same &= label.to_bits() == first.to_bits();
        count += 1;
    }
    if same {
        return wrong("labels", format!("all {count} are {first}, expected some that differ"));
    }
    Ok(())
}

fn check_steps(steps: &[Vec<u32>]) -> Result<(), PrmError> {
    let wrong = |field: String, problem: &str| {
        Err(PrmError::Solution { field, problem: problem.to_owned() })
    };
    if steps.is_empty() {
        return wrong("steps".to_owned(), "none, expected at least one");
    }
    match steps.iter().position(Vec::is_empty) {
        Some(empty) => wrong(format!("step {empty}"), "no tokens, expected at least one"),
        None => Ok(()),
    }
}

impl Solution {
    /// A solution of token ids. The last token of a step is where its label is learnt: the
    /// separator, where the reward model has one. There may be fewer labels than steps, but not
    /// more; what follows the last label is not judged.
    ///
    /// # Errors
    /// When there are no steps or one has no tokens, more labels than steps, or a label is not
    /// between 0 and 1.
    pub fn new(
        prompt: Vec<u32>,
        steps: Vec<Vec<u32>>,
        labels: Vec<f32>,
        solved: bool,
    ) -> Result<Self, PrmError> {
        Self::with_labels(prompt, steps, labels.into_iter().map(Some).collect(), solved)
    }

    /// [`Solution::new`] where some steps have no label: they are read, and nothing is learnt at them.
    ///
    /// # Errors
    /// As [`Solution::new`], and when no step has a label.
    pub fn with_labels(
        prompt: Vec<u32>,
        steps: Vec<Vec<u32>>,
        labels: Vec<Option<f32>>,
        solved: bool,
    ) -> Result<Self, PrmError> {
        let wrong = |field: &str, problem: String| {
            Err(PrmError::Solution { field: field.to_owned(), problem })
        };
        check_steps(&steps)?;
        if labels.is_empty() || labels.len() > steps.len() {
            let problem = format!("{}, expected 1 to {}", labels.len(), steps.len());
            return wrong("number of labels", problem);
        }
        let known = || labels.iter().enumerate().filter_map(|(at, label)| Some((at, (*label)?)));
        if let Some((place, label)) = known().find(|(_, label)| !(0.0..=1.0).contains(label)) {
            return wrong(&format!("label {place}"), format!("{label}, expected 0 to 1"));
        }
        if known().next().is_none() {
            return wrong("labels", "none of them is known, expected at least one".to_owned());
        }
        Ok(Self { prompt, steps, labels, solved })
    }

    /// A solution of which nothing is known but whether its final answer is right: for
    /// [`Solution::outcome`] and [`super::implicit`]; a process reward model learns nothing from it.
    ///
    /// # Errors
    /// When there are no steps or one has no tokens.
    pub fn graded(prompt: Vec<u32>, steps: Vec<Vec<u32>>, solved: bool) -> Result<Self, PrmError> {
        check_steps(&steps)?;
        Ok(Self { prompt, steps, labels: Vec::new(), solved })
    }

    /// A solution of texts, encoded as a [`crate::RewardModel`] does that trims its steps: every
    /// step without the white space around it, then `separator`.
    ///
    /// # Errors
    /// As [`Solution::new`], and when a text cannot be encoded.
    pub fn encode(
        tokenizer: &Tokenizer,
        prompt: Vec<u32>,
        steps: &[&str],
        separator: &str,
        labels: Vec<f32>,
        solved: bool,
    ) -> Result<Self, PrmError> {
        let separator = tokenizer.encode(separator, true)?;
        let encode = |step: &&str| -> Result<Vec<u32>, PrmError> {
            let mut tokens = tokenizer.encode(step.trim(), false)?;
            tokens.extend(&separator);
            Ok(tokens)
        };
        let steps = steps.iter().map(encode).collect::<Result<_, _>>()?;
        Self::new(prompt, steps, labels, solved)
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The labels, one for each judged step; `None` where nothing is learnt.
    pub fn labels(&self) -> &[Option<f32>] {
        &self.labels
    }

    /// Whether the final answer is right.
    pub fn solved(&self) -> bool {
        self.solved
    }

    /// For a process reward model: the label of each judged step at the step's last token, and
    /// nothing of what comes after the last label.
    pub fn process(&self) -> Example {
        let mut tokens = self.prompt.clone();
        let mut labels = Vec::with_capacity(self.labels.len());
        for (step, label) in self.steps.iter().zip(&self.labels) {
            tokens.extend(step);
            labels.extend(label.map(|label| (tokens.len() - 1, label)));
        }
        Example::labelled(tokens, labels)
    }

    /// For a process reward model with a head of three classes
    /// ([`tts_models::train::LabelHead::of_classes`] of [`StepClass::COUNT`]): the class of each judged
    /// step, from its label ([`StepClass::label`]), at the step's last token, and nothing of what
    /// comes after the last label.
    ///
    /// ```
    /// use tts_models::train::Goal;
    /// use tts_prm::train::{Solution, StepClass::{Bad, Good, Neutral}, until_first_bad};
    /// let labels = until_first_bad(&[Good, Neutral, Bad]);
    /// let solution = Solution::new(vec![1], vec![vec![2], vec![3], vec![4]], labels, false)?;
    /// let example = solution.process_classes()?;
    /// let learnt: Vec<_> = example.targets.iter().map(|t| (t.position, t.want)).collect();
    /// assert_eq!(learnt, [(1, Goal::Class(2)), (2, Goal::Class(1)), (3, Goal::Class(0))]);
    /// # Ok::<(), tts_prm::PrmError>(())
    /// ```
    ///
    /// # Errors
    /// When a label is that of no class.
    pub fn process_classes(&self) -> Result<Example, PrmError> {
        let Example { tokens, targets, .. } = self.process();
        let labels = self.labels.iter().enumerate();
        let known = labels.filter_map(|(place, label)| Some((place, (*label)?)));
        let class =
            |(target, (place, label)): (Target, (usize, f32))| match StepClass::of_label(label) {
                Some(class) => Ok((target.position, class.row())),
                None => Err(PrmError::Solution {
                    field: format!("label {place}"),
                    problem: format!("{label}, expected 0, 0.5 or 1: a class"),
                }),
            };
        let classes: Result<Vec<_>, _> = targets.into_iter().zip(known).map(class).collect();
        Ok(Example::classified(tokens, classes?))
    }

    /// For a process reward model that reads all tokens ([`crate::Reading::Tokens`], on a
    /// [`tts_models::train::LabelHead::of_tokens`]): 1 for each token of right steps, and of the
    /// wrong step 1 before the token at index `wrong` and 0 for that token, which is the last one.
    ///
    /// This is for exact checkers, which know where a step goes wrong. What follows is not judged,
    /// as no step after the first wrong one is: each label then is the probability that a token is
    /// right if all before it are, their product that of the step, and the product over steps that
    /// of the solution. Beyond the end of the step, `wrong` means its last token; where all steps
    /// are right it means nothing. A soft label below 1 counts as wrong, and of a step without a
    /// label, or behind one, nothing is learnt.
    ///
    /// # Errors
    /// When the prompt is empty: nothing stands before the first token.
    ///
    /// Labels at every token: Cobbe et al. 2021 (arXiv:2110.14168), section 4.3. The first error as
    /// the last label: Lightman et al. 2023, section 2.6.
    pub fn process_tokens(&self, wrong: usize) -> Result<Example, PrmError> {
        let mut tokens = self.prompt.clone();
        let mut labels = Vec::new();
        for (step, &label) in self.steps.iter().zip(&self.labels) {
            let Some(label) = label else { break };
            let start = tokens.len();
            if label < 1.0 {
                let wrong = wrong.min(step.len() - 1);
                tokens.extend(&step[..=wrong]);
                labels.extend((start..start + wrong).map(|position| (position, 1.0)));
                labels.push((start + wrong, 0.0));
                break;
            }
            tokens.extend(step);
            labels.extend((start..tokens.len()).map(|position| (position, 1.0)));
        }
        Ok(Example::judged(tokens, labels)?)
    }

    /// For a process reward model that reads all tokens ([`crate::Reading::Tokens`], on a
    /// [`tts_models::train::LabelHead::of_tokens`]), of labels that say nothing of tokens: the product
    /// of the probabilities of a step's tokens is to be its label, that is, the probability that the
    /// step is right if those before it are. Nobody need know where a step goes wrong; the model
    /// that doubts a token already learns to doubt it more. For labels up to the first error.
    ///
    /// # Errors
    /// When the prompt is empty: nothing stands before the first token.
    ///
    /// The product over steps as the score of a solution: Lightman et al. 2023, section 2.6; taken down
    /// to tokens here.
    pub fn process_steps(&self) -> Result<Example, PrmError> {
        self.together(|step, _| step)
    }

    /// The same for values of whole prefixes (soft labels): the product over all tokens of all steps up
    /// to the label is to be the label, so that the product of step scores is the value.
    ///
    /// # Errors
    /// As [`Solution::process_steps`].
    pub fn process_prefixes(&self) -> Result<Example, PrmError> {
        self.together(|step, first| first..step.end)
    }

    /// Labels with the stretch of tokens that each is of: of its step, and where the first step begins.
    fn together(
        &self,
        stretch: impl Fn(Range<usize>, usize) -> Range<usize>,
    ) -> Result<Example, PrmError> {
        let mut tokens = self.prompt.clone();
        let first = tokens.len();
        let mut labels = Vec::new();
        for (step, label) in self.steps.iter().zip(&self.labels) {
            let start = tokens.len();
            tokens.extend(step);
            labels.extend(label.map(|label| (stretch(start..tokens.len(), first), label)));
        }
        Ok(Example::judged_together(tokens, labels)?)
    }

    /// For an outcome reward model that reads all tokens: the product over all of them is to say
    /// whether the solution is right. It is used as a process reward model
    /// ([`crate::Reading::Tokens`]) by the product of its steps' scores.
    ///
    /// # Errors
    /// As [`Solution::process_steps`].
    pub fn outcome_tokens(&self) -> Result<Example, PrmError> {
        let first = self.prompt.len();
        let tokens = [&self.prompt[..], &self.steps.concat()].concat();
        let label = if self.solved { 1.0 } else { 0.0 };
        let all = first..tokens.len();
        Ok(Example::judged_together(tokens, [(all, label)])?)
    }

    /// For an outcome reward model: whether the solution is right, learnt at each of its tokens
    /// with equal weights that sum to 1.
    pub fn outcome(&self) -> Example {
        let mut tokens = self.prompt.clone();
        let first = tokens.len();
        tokens.extend(self.steps.iter().flatten());
        let want = Goal::Probability { label: 0, value: if self.solved { 1.0 } else { 0.0 } };
        #[expect(clippy::cast_possible_truncation, reason = "a weight")]
        let weight = (1.0 / (tokens.len() - first) as f64) as f32;
        let targets = (first..tokens.len()).map(|position| Target { position, want, weight });
        Example { targets: targets.collect(), tokens, ..Example::default() }
    }

    /// Its steps after its prompt, for a model to say how probable it finds them.
    pub(super) fn given(&self) -> Given {
        Given { context: self.prompt.clone(), tokens: self.steps.concat() }
    }

    /// For an implicit process reward model: whether the solution is right, learnt from its tokens as
    /// a whole. `reference` is their log-probability under the model that training starts from, in
    /// nats; [`super::implicit`] asks it.
    pub fn implicit(&self, reference: f64, beta: f64) -> Example {
        let Given { context: mut tokens, tokens: steps } = self.given();
        let first = tokens.len();
        tokens.extend(steps);
        let label = if self.solved { 1.0 } else { 0.0 };
        Example::whole(tokens, SequenceGoal { first, label, reference, beta, weight: 1.0 })
    }
}
