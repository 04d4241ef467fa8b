//! What a model learns from: token ids with targets at some of their positions, or one for them all.

use std::ops::Range;

use super::PolicyGoal;
use crate::{ModelConfig, ModelError};

/// What is to come out at a position.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Goal {
    /// This token next: cross-entropy, in nats.
    Token(u32),
    /// This probability from the label head: binary cross-entropy, in nats. Soft labels lie between
    /// 0 and 1.
    Probability {
        /// Which of the head's labels, from 0.
        label: u32,
        /// What it is to be.
        value: f32,
    },
    /// This class from the label head, whose labels share one softmax: cross-entropy, in nats.
    Class(u32),
}

/// A target at a position of an example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Index of the token whose hidden row is read.
    pub position: usize,
    /// What is to come out there.
    pub want: Goal,
    /// How much it counts; the loss of an update is the weighted mean over its targets.
    pub weight: f32,
}

/// What is to come out of a continuation as a whole: that its reward says whether it is right.
///
/// The reward of the tokens `y` from [`SequenceGoal::first`] on is `r = beta (ln p(y) - reference)`,
/// and what is learnt is the label as the sigmoid of `r`, by binary cross-entropy, in nats: Yuan et al.
/// 2024 (arXiv:2412.01981), section 3. The reference is a constant, so that one model
/// is trained and none beside it is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SequenceGoal {
    /// Index of the first token that counts, at least 1; what stands before it, a prompt for
    /// instance, is read only.
    pub first: usize,
    /// How probably the continuation is right, 0 to 1.
    pub label: f32,
    /// The log-probability of the tokens that count under the reference model, in nats.
    pub reference: f64,
    /// What a nat is worth, above 0.
    pub beta: f64,
    /// How much it counts, as that of a [`Target`].
    pub weight: f32,
}

/// Labels that are to hold together: the probability is the product of theirs, and it alone is learnt,
/// by binary cross-entropy, in nats.
///
/// Of a step that is wrong nobody need know which of its tokens is: the gradient goes to those that the
/// head doubts most already. Labels that stand for the same bag of things, Dietterich et al. 1997
/// (multiple-instance learning), with the product of Keeler and Rumelhart 1991 in the place of "some".
#[derive(Debug, Clone, PartialEq)]
pub struct Conjunction {
    /// Positions with labels of the head; at least one.
    pub of: Vec<(usize, u32)>,
    /// How probably all hold, 0 to 1.
    pub value: f32,
    /// How much it counts, as that of a [`Target`].
    pub weight: f32,
}

/// Other texts that a text is to beat: the score of each is a label's logit at its last token, and what is learnt is
/// which is best, as the softmax of the scores, by cross-entropy, in nats.
///
/// Of two texts that is the model of Bradley and Terry 1952, `-ln sigmoid(s - s')`, by which scalar reward models learn from
/// preferences (Ouyang et al. 2022, arXiv:2203.02155, equation 1); of more the first choice of Plackett 1975.
#[derive(Debug, Clone, PartialEq)]
pub struct Contest {
    /// The texts that are worse, at least one.
    pub worse: Vec<Vec<u32>>,
    /// Which of the head's labels is the score, from 0.
    pub label: u32,
    /// How much it counts, as that of a [`Target`].
    pub weight: f32,
}

/// A text with targets. Positions without one are read but not learnt: that is the loss mask.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Example {
    /// The text.
    pub tokens: Vec<u32>,
    /// What to learn at which positions.
    pub targets: Vec<Target>,
    /// What to learn of the text as a whole, beside the targets.
    pub sequence: Option<SequenceGoal>,
    /// Labels that are learnt together.
    pub conjunctions: Vec<Conjunction>,
    /// What a policy learns of a continuation that was drawn.
    pub policy: Option<PolicyGoal>,
    /// Texts that this one is better than.
    pub contest: Option<Contest>,
}

impl Example {
    /// Every token from index `first` on is to be predicted from those before it; what stands
    /// before, a prompt for instance, is read only.
    ///
    /// ```
    /// use tts_models::train::{Example, Goal};
    /// let example = Example::continuation(vec![5, 6, 7, 8], 2);
    /// let learnt: Vec<_> = example.targets.iter().map(|t| (t.position, t.want)).collect();
    /// assert_eq!(learnt, [(1, Goal::Token(7)), (2, Goal::Token(8))]);
    /// ```
    pub fn continuation(tokens: Vec<u32>, first: usize) -> Self {
        let wanted = tokens.iter().enumerate().skip(first.max(1));
        let targets = wanted
            .map(|(index, &token)| Target {
                position: index - 1,
                want: Goal::Token(token),
                weight: 1.0,
            })
            .collect();
        Self { tokens, targets, ..Self::default() }
    }

    /// A text whose tokens from [`SequenceGoal::first`] on are learnt as a whole.
    ///
    /// ```
    /// use tts_models::train::{Example, SequenceGoal};
    /// // A right solution, tokens 7 and 8, that the reference gives probability 0.02.
    /// let goal =
    ///     SequenceGoal { first: 2, label: 1.0, reference: 0.02_f64.ln(), beta: 0.05, weight: 1.0 };
    /// let example = Example::whole(vec![5, 6, 7, 8], goal);
    /// assert!(example.targets.is_empty());
    /// assert_eq!(example.weight(), 1.0);
    /// ```
    pub fn whole(tokens: Vec<u32>, goal: SequenceGoal) -> Self {
        Self { tokens, sequence: Some(goal), ..Self::default() }
    }

    /// A text whose continuation was drawn, and is learnt by its advantages.
    ///
    /// ```
    /// use tts_models::train::{Example, PolicyGoal};
    /// // Tokens 7 and 8 came out well; the first had a probability of one half.
    /// let goal = PolicyGoal {
    ///     first: 2,
    ///     advantage: vec![0.7, 0.7],
    ///     old: vec![0.5_f32.ln(), 0.1_f32.ln()],
    ///     ..PolicyGoal::default()
    /// };
    /// assert_eq!(Example::drawn(vec![5, 6, 7, 8], goal).weight(), 1.0);
    /// ```
    pub fn drawn(tokens: Vec<u32>, goal: PolicyGoal) -> Self {
        Self { tokens, policy: Some(goal), ..Self::default() }
    }

    /// Probabilities of the label head's first label, each at a position.
    pub fn labelled(tokens: Vec<u32>, labels: impl IntoIterator<Item = (usize, f32)>) -> Self {
        let target = |(position, value)| Target {
            position,
            want: Goal::Probability { label: 0, value },
            weight: 1.0,
        };
        let targets = labels.into_iter().map(target).collect();
        Self { tokens, targets, ..Self::default() }
    }

    /// Classes, one for each label of the head, each at a position.
    ///
    /// ```
    /// use tts_models::train::{Example, Goal};
    /// let example = Example::classified(vec![5, 6, 7], [(1, 2), (2, 0)]);
    /// assert_eq!(example.targets[0].want, Goal::Class(2));
    /// ```
    pub fn classified(tokens: Vec<u32>, classes: impl IntoIterator<Item = (usize, u32)>) -> Self {
        let target = |(position, class)| Target { position, want: Goal::Class(class), weight: 1.0 };
        let targets = classes.into_iter().map(target).collect();
        Self { tokens, targets, ..Self::default() }
    }

    /// Probabilities of tokens of the text, each by its index: learnt at the place before it, by the
    /// label with the number of the token ([`super::LabelHead::of_tokens`]).
    ///
    /// # Errors
    /// When an index is 0, where no place is before it, or beyond the text.
    ///
    /// ```
    /// use tts_models::train::{Example, Goal};
    /// let example = Example::judged(vec![5, 6, 7], [(1, 1.0), (2, 0.0)])?;
    /// let learnt: Vec<_> = example.targets.iter().map(|t| (t.position, t.want)).collect();
    /// let wanted = |label, value| Goal::Probability { label, value };
    /// assert_eq!(learnt, [(0, wanted(6, 1.0)), (1, wanted(7, 0.0))]);
    /// # Ok::<(), tts_models::ModelError>(())
    /// ```
    pub fn judged(
        tokens: Vec<u32>,
        labels: impl IntoIterator<Item = (usize, f32)>,
    ) -> Result<Self, ModelError> {
        let target = |(index, value): (usize, f32)| {
            let place = index.checked_sub(1).zip(tokens.get(index));
            let (position, &label) = place.ok_or_else(|| {
                let problem = format!("token {index}, expected 1 to below {}", tokens.len());
                ModelError::input("judged", problem)
            })?;
            Ok(Target { position, want: Goal::Probability { label, value }, weight: 1.0 })
        };
        let targets: Result<_, ModelError> = labels.into_iter().map(target).collect();
        let targets = targets?;
        Ok(Self { tokens, targets, ..Self::default() })
    }

    /// Stretches of a text, each with the probability that all of its tokens are right, learnt at the
    /// places before them, by the labels with the numbers of the tokens
    /// ([`super::LabelHead::of_tokens`]).
    ///
    /// # Errors
    /// When a stretch is empty, begins at 0, where no place is before it, or ends beyond the text.
    ///
    /// ```
    /// use tts_models::train::Example;
    /// let example = Example::judged_together(vec![5, 6, 7, 8], [(1..3, 1.0), (3..4, 0.25)])?;
    /// assert_eq!(example.conjunctions[0].of, [(0, 6), (1, 7)]);
    /// assert_eq!(example.conjunctions[1].value, 0.25);
    /// # Ok::<(), tts_models::ModelError>(())
    /// ```
    pub fn judged_together(
        tokens: Vec<u32>,
        stretches: impl IntoIterator<Item = (Range<usize>, f32)>,
    ) -> Result<Self, ModelError> {
        let conjunction = |(stretch, value): (Range<usize>, f32)| {
            if stretch.is_empty() || stretch.start == 0 || stretch.end > tokens.len() {
                let problem = format!("{stretch:?}, expected tokens 1 to below {}", tokens.len());
                return Err(ModelError::input("judged together", problem));
            }
            let of = stretch.map(|index| (index - 1, tokens[index])).collect();
            Ok(Conjunction { of, value, weight: 1.0 })
        };
        let conjunctions = stretches.into_iter().map(conjunction).collect::<Result<_, _>>()?;
        Ok(Self { tokens, conjunctions, ..Self::default() })
    }

    /// A text that is better than others, by the score that the label head's first label gives to their last tokens.
    ///
    /// ```
    /// use tts_models::train::Example;
    /// let example = Example::preferred(vec![5, 6, 7], vec![vec![5, 6, 8, 9]]);
    /// assert_eq!((example.weight(), example.length()), (1.0, 7));
    /// ```
    pub fn preferred(tokens: Vec<u32>, worse: Vec<Vec<u32>>) -> Self {
        Self { tokens, contest: Some(Contest { worse, label: 0, weight: 1.0 }), ..Self::default() }
    }

    /// All texts of it: its own, then those that it is better than.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Vec<u32>> {
        [&self.tokens].into_iter().chain(self.contest.iter().flat_map(|contest| &contest.worse))
    }

    /// Number of tokens of all of its texts.
    pub fn length(&self) -> usize {
        self.texts().map(Vec::len).sum()
    }

    /// Sum of the weights of all that is learnt.
    pub fn weight(&self) -> f64 {
        let targets = self.targets.iter().map(|target| target.weight);
        let together = self.conjunctions.iter().map(|conjunction| conjunction.weight);
        let all = targets.chain(self.sequence.map(|goal| goal.weight)).chain(together);
        let all = all.chain(self.policy.iter().map(|goal| goal.counts));
        let all = all.chain(self.contest.iter().map(|contest| contest.weight));
        all.map(f64::from).sum()
    }

    /// Whether anything that is learnt of it is what the output head says.
    fn needs_logits(&self) -> bool {
        let next = |target: &Target| matches!(target.want, Goal::Token(_));
        self.sequence.is_some() || self.policy.is_some() || self.targets.iter().any(next)
    }

    /// # Errors
    /// When it does not fit a model of this shape with a label head of so many `labels`; `index` names it.
    pub(super) fn check(
        &self,
        index: usize,
        shape: &ModelConfig,
        labels: usize,
    ) -> Result<(), ModelError> {
        let (vocab, positions) = (shape.vocab_size, shape.max_position_embeddings);
        if self.needs_logits() {
            shape.stored.check_head()?;
        }
        let wrong = |problem: String| Err(ModelError::input(format!("example {index}"), problem));
        for text in self.texts() {
            if text.is_empty() || text.len() > positions {
                return wrong(format!("{} tokens, expected 1 to {positions}", text.len()));
            }
            if let Some(token) = text.iter().find(|&&token| token as usize >= vocab) {
                return wrong(format!("token {token}, expected below {vocab}"));
            }
        }
        for Target { position, want, weight } in &self.targets {
            if *position >= self.tokens.len() {
                let length = self.tokens.len();
                return wrong(format!("a target at {position}, expected below {length}"));
            }
            if !(weight.is_finite() && *weight >= 0.0) {
                return wrong(format!("weight {weight} at {position}, expected 0 or more"));
            }
            match *want {
                Goal::Token(token) if token as usize >= vocab => {
                    return wrong(format!("token {token} wanted, expected below {vocab}"));
                }
                Goal::Probability { .. } | Goal::Class(_) if labels == 0 => {
                    return wrong(format!(
                        "a label at {position}, but the model has no label head"
                    ));
                }
                Goal::Class(class) if class as usize >= labels => {
                    let problem = format!("class {class} at {position}, expected below {labels}");
                    return wrong(problem);
                }
                Goal::Probability { label, .. } if label as usize >= labels => {
                    let problem = format!("label {label} at {position}, expected below {labels}");
                    return wrong(problem);
                }
                Goal::Probability { value, .. } if !(0.0..=1.0).contains(&value) => {
                    return wrong(format!("label {value} at {position}, expected 0 to 1"));
                }
                _ => {}
            }
        }
        for conjunction in &self.conjunctions {
            if let Some(problem) = conjunction.problem(self.tokens.len(), labels) {
                return wrong(problem);
            }
        }
        if let Some(problem) = self.contest.as_ref().and_then(|contest| contest.problem(labels)) {
            return wrong(problem);
        }
        let policy = self.policy.as_ref().and_then(|goal| goal.problem(self.tokens.len()));
        if let Some(problem) = policy {
            return wrong(problem);
        }
        match self.sequence.map(|goal| goal.problem(self.tokens.len())) {
            Some(Some(problem)) => wrong(problem),
            _ => Ok(()),
        }
    }
}

impl Conjunction {
    /// What is wrong with it in a text of so many tokens under a head of so many labels, if anything is.
    fn problem(&self, tokens: usize, labels: usize) -> Option<String> {
        let Self { of, value, weight } = self;
        if of.is_empty() {
            return Some("a conjunction of no labels, expected at least one".to_owned());
        }
        if let Some((position, _)) = of.iter().find(|(position, _)| *position >= tokens) {
            return Some(format!("a conjunction at {position}, expected below {tokens}"));
        }
        if let Some((_, label)) = of.iter().find(|(_, label)| *label as usize >= labels) {
            return Some(format!("label {label} of a conjunction, expected below {labels}"));
        }
        if !(0.0..=1.0).contains(value) {
            return Some(format!("value {value} of a conjunction, expected 0 to 1"));
        }
        let weighs = weight.is_finite() && *weight >= 0.0;
        (!weighs).then(|| format!("weight {weight} of a conjunction, expected 0 or more"))
    }
}

impl Contest {
    /// What is wrong with it under a head of so many labels, if anything is.
    fn problem(&self, labels: usize) -> Option<String> {
        let Self { worse, label, weight } = self;
        if worse.is_empty() {
            return Some("a contest with nobody, expected at least one worse text".to_owned());
        }
        if labels == 0 {
            return Some("a contest, but the model has no label head".to_owned());
        }
        if *label as usize >= labels {
            return Some(format!("label {label} of a contest, expected below {labels}"));
        }
        let weighs = weight.is_finite() && *weight >= 0.0;
        (!weighs).then(|| format!("weight {weight} of a contest, expected 0 or more"))
    }
}

impl SequenceGoal {
    /// What is wrong with it in a text of so many tokens, if anything is.
    fn problem(&self, tokens: usize) -> Option<String> {
        let Self { first, label, reference, beta, weight } = *self;
        if first == 0 {
            return Some("a sequence from token 0, but nothing stands before it".to_owned());
        }
        if first >= tokens {
            return Some(format!("no target tokens: a sequence from token {first} of {tokens}"));
        }
        if !(0.0..=1.0).contains(&label) {
            return Some(format!("label {label} of the sequence, expected 0 to 1"));
        }
        if !reference.is_finite() {
            return Some(format!("reference {reference}, expected a finite log-probability"));
        }
        if !(beta.is_finite() && beta > 0.0) {
            return Some(format!("beta {beta}, expected a number above 0"));
        }
        let weighs = weight.is_finite() && weight >= 0.0;
        (!weighs).then(|| format!("weight {weight} of the sequence, expected 0 or more"))
    }
}

/// A collection of examples.
pub trait Dataset: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Example number `index`, below [`Dataset::len`]; always the same one.
    fn example(&self, index: usize) -> Example;

    /// Number of tokens of example number `index`, if it is known without making it.
    fn length(&self, index: usize) -> usize {
        self.example(index).length()
    }

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Dataset for [Example] {
    fn len(&self) -> usize {
        <[Example]>::len(self)
    }

    fn example(&self, index: usize) -> Example {
        self[index].clone()
    }

    fn length(&self, index: usize) -> usize {
        self[index].length()
    }
}

impl Dataset for Vec<Example> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn example(&self, index: usize) -> Example {
        self[index].clone()
    }

    fn length(&self, index: usize) -> usize {
        self[index].length()
    }
}
