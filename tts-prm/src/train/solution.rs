//! A sampled solution with labels on its steps, as training data.

use tts_models::Tokenizer;
use tts_models::train::{Example, Goal, Target};

use crate::PrmError;

/// A sampled solution with labels on its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    prompt: Vec<u32>,
    steps: Vec<Vec<u32>>,
    labels: Vec<f32>,
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
        let wrong = |field: &str, problem: String| {
            Err(PrmError::Solution { field: field.to_owned(), problem })
        };
        if steps.is_empty() {
            return wrong("steps", "none, expected at least one".to_owned());
        }
        if let Some(empty) = steps.iter().position(Vec::is_empty) {
            return wrong(&format!("step {empty}"), "no tokens, expected at least one".to_owned());
        }
        if labels.is_empty() || labels.len() > steps.len() {
            let problem = format!("{}, expected 1 to {}", labels.len(), steps.len());
            return wrong("number of labels", problem);
        }
        if let Some(place) = labels.iter().position(|label| !(0.0..=1.0).contains(label)) {
            let problem = format!("{}, expected 0 to 1", labels[place]);
            return wrong(&format!("label {place}"), problem);
        }
        Ok(Self { prompt, steps, labels, solved })
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

    /// The labels, one for each judged step.
    pub fn labels(&self) -> &[f32] {
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
        for (step, &label) in self.steps.iter().zip(&self.labels) {
            tokens.extend(step);
            labels.push((tokens.len() - 1, label));
        }
        Example::labelled(tokens, labels)
    }

    /// [`Solution::process`] with the label of each judged step at all of its tokens besides, with
    /// equal weights that sum to 1: what is wrong in a step then shows at the token where it is.
    ///
    /// Cobbe et al. 2021 (arXiv:2110.14168), section 4.3, for outcomes: learning at every token is
    /// slower to start and better in the end.
    pub fn process_tokens(&self) -> Example {
        let mut example = self.process();
        let mut start = self.prompt.len();
        let mut all = Vec::with_capacity(example.tokens.len());
        for (step, end) in self.steps.iter().zip(&example.targets) {
            let next = start + step.len();
            #[expect(clippy::cast_possible_truncation, reason = "a weight")]
            let weight = (1.0 / step.len() as f64) as f32;
            all.extend((start..next).map(|position| Target { position, weight, ..*end }));
            if let Some(last) = all.last_mut() {
                last.weight += end.weight;
            }
            start = next;
        }
        example.targets = all;
        example
    }

    /// For an outcome reward model: whether the solution is right, learnt at each of its tokens
    /// with equal weights that sum to 1.
    pub fn outcome(&self) -> Example {
        let mut tokens = self.prompt.clone();
        let first = tokens.len();
        tokens.extend(self.steps.iter().flatten());
        let want = Goal::Probability(if self.solved { 1.0 } else { 0.0 });
        #[expect(clippy::cast_possible_truncation, reason = "a weight")]
        let weight = (1.0 / (tokens.len() - first) as f64) as f32;
        let targets = (first..tokens.len()).map(|position| Target { position, want, weight });
        Example { targets: targets.collect(), tokens }
    }
}
