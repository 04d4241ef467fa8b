//! Sequences that pass through the decoder together, one after the other, without padding.
//!
//! Rows are the tokens of all sequences; attention knows where each begins, so a sequence has the
//! same result alone and in company, but for the order in which gradients add up.

use crate::train::{Conjunction, Contest, Example, Goal, PolicyGoal, SequenceGoal, Target};

/// Tokens of a chunk: as many as keep the processor busy and still fit its second cache level. A
/// longer sequence is a chunk of its own.
const TOKENS: usize = 1024;

/// A next token: the row that it is predicted from, the token, and its weight.
pub(super) type Next = (usize, usize, f32);

/// Labels that are to hold together: rows with labels, the value of the product, its weight.
pub(super) type Together = (Vec<(usize, usize)>, f32, f32);

/// Sequences and targets.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) tokens: Vec<usize>,
    /// First row and length of each sequence.
    pub(super) sequences: Vec<(usize, usize)>,
    /// Next tokens to predict: row, token, weight.
    pub(super) next: Vec<Next>,
    /// The tokens of continuations that are learnt as a whole, each of weight 1.
    pub(super) whole: Vec<Next>,
    /// Those continuations, and how many of these tokens are theirs, in order.
    pub(super) goals: Vec<(SequenceGoal, usize)>,
    /// Tokens that a policy drew, each of weight 1.
    pub(super) drawn: Vec<Next>,
    /// What is learnt of them, a goal for as many of them as it has advantages, in order.
    pub(super) policies: Vec<PolicyGoal>,
    /// Probabilities to give: row, label, value, weight.
    pub(super) labels: Vec<(usize, usize, f32, f32)>,
    /// Classes to tell: row, class, weight.
    pub(super) classes: Vec<(usize, usize, f32)>,
    /// Labels that are to hold together.
    pub(super) together: Vec<Together>,
    /// Last rows of texts that compete, the best first, with the label that scores them, and the weight.
    pub(super) contests: Vec<(Vec<usize>, usize, f32)>,
}

impl Chunk {
    /// Splits a batch in its order.
    pub(super) fn split(examples: &[Example]) -> Vec<Self> {
        let mut chunks: Vec<Self> = Vec::new();
        for example in examples {
            let length = example.length();
            let full = |chunk: &Self| chunk.tokens.len() + length > TOKENS;
            if chunks.last().is_none_or(full) {
                chunks.push(Self::default());
            }
            if let Some(chunk) = chunks.last_mut() {
                chunk.add(example);
            }
        }
        chunks
    }

    fn add(&mut self, example: &Example) {
        let first = self.tokens.len();
        self.sequences.push((first, example.tokens.len()));
        self.tokens.extend(example.tokens.iter().map(|&token| token as usize));
        for &Target { position, want, weight } in &example.targets {
            let row = first + position;
            match want {
                Goal::Token(token) => self.next.push((row, token as usize, weight)),
                Goal::Probability { label, value } => {
                    self.labels.push((row, label as usize, value, weight));
                }
                Goal::Class(class) => self.classes.push((row, class as usize, weight)),
            }
        }
        for Conjunction { of, value, weight } in &example.conjunctions {
            let of = of.iter().map(|&(position, label)| (first + position, label as usize));
            self.together.push((of.collect(), *value, *weight));
        }
        if let Some(Contest { worse, label, weight }) = &example.contest {
            let mut ends = vec![self.tokens.len() - 1];
            for text in worse {
                self.sequences.push((self.tokens.len(), text.len()));
                self.tokens.extend(text.iter().map(|&token| token as usize));
                ends.push(self.tokens.len() - 1);
            }
            self.contests.push((ends, *label as usize, *weight));
        }
        if let Some(goal) = example.sequence {
            let tokens = example.tokens.iter().enumerate().skip(goal.first.max(1));
            let next = tokens.map(|(index, &token)| (first + index - 1, token as usize, 1.0));
            let start = self.whole.len();
            self.whole.extend(next);
            self.goals.push((goal, self.whole.len() - start));
        }
        if let Some(goal) = &example.policy {
            let tokens = example.tokens.iter().enumerate().skip(goal.first.max(1));
            let next = tokens.map(|(index, &token)| (first + index - 1, token as usize, 1.0));
            self.drawn.extend(next.take(goal.advantage.len()));
            self.policies.push(goal.clone());
        }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.tokens.len()
    }

    /// Sum of the weights of all targets.
    pub(super) fn weight(&self) -> f64 {
        let next = self.next.iter().map(|target| f64::from(target.2));
        let labels = self.labels.iter().map(|target| f64::from(target.3));
        let whole = self.goals.iter().map(|(goal, _)| f64::from(goal.weight));
        let classes = self.classes.iter().map(|target| f64::from(target.2));
        let together = self.together.iter().map(|target| f64::from(target.2));
        let drawn = self.policies.iter().map(|goal| f64::from(goal.counts));
        let contests = self.contests.iter().map(|target| f64::from(target.2));
        let all = next.chain(labels).chain(whole).chain(classes).chain(together);
        all.chain(drawn).chain(contests).sum()
    }
}
