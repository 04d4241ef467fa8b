//! The module that is trained: a decoder, with or without a label head, and its loss.
//!
//! The loss is a sum of cross-entropies over the targets of a batch, in nats: of the next token for
//! language models, of a label or a class for reward models (Lightman et al. 2023, section 2.6; soft labels
//! as in Snell et al. 2024, appendix D), of the outcome of a whole continuation for implicit reward
//! models (Yuan et al. 2024, section 3), of drawn tokens by their advantages for policies (`policy.rs`), of the best of some
//! texts for scalar reward models (Bradley and Terry 1952). The label head reads the hidden row at its position, as
//! reward heads do, so one forward pass learns all steps of a solution.

use burn::module::Module;
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use super::{
    Clipping, Conjunction, Contest, Example, Goal, PolicyFigures, PolicyGoal, Ratio, SequenceGoal,
    Target,
};
use crate::ModelError;
use crate::exec::transformer::{Decoder, Projection, values};

/// What is trained.
#[derive(Module, Debug)]
pub(super) struct Trainee<B: Backend> {
    pub(super) decoder: Decoder<B>,
    /// `hidden` to `labels`.
    pub(super) label: Option<Projection<B>>,
}

/// Examples as tensors would have them, padded to the longest.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// `[batch, seq]`.
    tokens: Vec<i32>,
    texts: usize,
    seq: usize,
    /// Of tokens.
    next: Targets,
    /// Of labels, with what they are to be.
    labels: Targets,
    values: Vec<f32>,
    /// Of classes.
    classes: Targets,
    /// Of the tokens of continuations that are learnt as a whole.
    whole: Targets,
    /// Those continuations, and how many of these targets are theirs, in order.
    goals: Vec<(SequenceGoal, usize)>,
    /// Of labels that are to hold together.
    together: Targets,
    /// The conjunctions, and how many of these targets are theirs, in order: value, weight, count.
    products: Vec<(f32, f32, usize)>,
    /// Of tokens that a policy drew.
    drawn: Targets,
    /// What is learnt of them, a goal for as many as it has advantages, in order.
    policies: Vec<PolicyGoal>,
    /// Of the scores of texts that compete.
    contests: Targets,
    /// The contests, and how many of these targets are theirs, the best first: weight, count.
    ranks: Vec<(f32, usize)>,
    /// Tokens without padding.
    pub(super) count: usize,
}

/// Targets of one kind: rows of `[batch * seq]`, which logit counts there, and weights.
#[derive(Debug, Default)]
struct Targets {
    rows: Vec<i32>,
    columns: Vec<i32>,
    weights: Vec<f32>,
}

impl Targets {
    fn add(&mut self, row: i32, column: u32, weight: f32) -> Result<(), ModelError> {
        self.rows.push(row);
        self.columns.push(narrow(column as usize)?);
        self.weights.push(weight);
        Ok(())
    }

    /// The column of each row of `[targets, columns]`, as `[targets, 1]`.
    fn of<B: Backend>(&self, logits: Tensor<B, 2>) -> Tensor<B, 2> {
        let columns = TensorData::new(self.columns.clone(), [self.columns.len(), 1]);
        let columns: Tensor<B, 2, Int> = Tensor::from_data(columns, &logits.device()); // [targets, 1]
        logits.gather(1, columns) // [targets, 1]
    }
}

fn narrow(value: usize) -> Result<i32, ModelError> {
    i32::try_from(value).map_err(|_| ModelError::input("batch", format!("{value} is too large")))
}

impl Batch {
    pub(super) fn new(examples: &[Example]) -> Result<Self, ModelError> {
        let texts = examples.iter().flat_map(Example::texts);
        let seq = texts.map(Vec::len).max().unwrap_or(0);
        let mut batch = Self { seq, ..Self::default() };
        for example in examples {
            let index = batch.texts;
            for text in example.texts() {
                for place in 0..seq {
                    // What pads is never seen: a token sees only those before it.
                    let token = text.get(place).copied().unwrap_or(0);
                    batch.tokens.push(narrow(token as usize)?);
                }
                batch.texts += 1;
            }
            batch.count += example.length();
            for &Target { position, want, weight } in &example.targets {
                let row = narrow(index * seq + position)?;
                match want {
                    Goal::Token(token) => batch.next.add(row, token, weight)?,
                    Goal::Probability { label, value } => {
                        batch.labels.add(row, label, weight)?;
                        batch.values.push(value);
                    }
                    Goal::Class(class) => batch.classes.add(row, class, weight)?,
                }
            }
            for Conjunction { of, value, weight } in &example.conjunctions {
                for &(position, label) in of {
                    batch.together.add(narrow(index * seq + position)?, label, 1.0)?;
                }
                batch.products.push((*value, *weight, of.len()));
            }
            if let Some(Contest { worse, label, weight }) = &example.contest {
                for (place, text) in example.texts().enumerate() {
                    let end = narrow((index + place) * seq + text.len() - 1)?;
                    batch.contests.add(end, *label, 1.0)?;
                }
                batch.ranks.push((*weight, 1 + worse.len()));
            }
            if let Some(goal) = example.sequence {
                let start = batch.whole.rows.len();
                for (place, &token) in example.tokens.iter().enumerate().skip(goal.first.max(1)) {
                    batch.whole.add(narrow(index * seq + place - 1)?, token, 1.0)?;
                }
                batch.goals.push((goal, batch.whole.rows.len() - start));
            }
            if let Some(goal) = &example.policy {
                let tokens = example.tokens.iter().enumerate().skip(goal.first.max(1));
                for (place, &token) in tokens.take(goal.advantage.len()) {
                    batch.drawn.add(narrow(index * seq + place - 1)?, token, 1.0)?;
                }
                batch.policies.push(goal.clone());
            }
        }
        Ok(batch)
    }

    /// Sum of the weights of all targets.
    pub(super) fn weight(&self) -> f64 {
        let weights = self.next.weights.iter().chain(&self.labels.weights);
        let weights = weights.chain(&self.classes.weights).copied();
        let weights = weights.chain(self.goals.iter().map(|(goal, _)| goal.weight));
        let weights = weights.chain(self.products.iter().map(|product| product.1));
        let weights = weights.chain(self.policies.iter().map(|goal| goal.counts));
        weights.chain(self.ranks.iter().map(|rank| rank.0)).map(f64::from).sum()
    }
}

fn column<B: Backend>(values: &[f32], device: &B::Device) -> Tensor<B, 2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len(), 1]), device) // [rows, 1]
}

fn rows<B: Backend>(hidden: &Tensor<B, 2>, rows: &[i32]) -> Tensor<B, 2> {
    let device = hidden.device();
    let index: Tensor<B, 1, Int> =
        Tensor::from_data(TensorData::new(rows.to_vec(), [rows.len()]), &device); // [targets]
    hidden.clone().select(0, index) // [targets, hidden]
}

impl<B: Backend> Trainee<B> {
    /// Hidden rows of all tokens of a batch, with what pads, `[batch * seq, hidden]`.
    fn hidden(&self, batch: &Batch, device: &B::Device) -> Tensor<B, 2> {
        let shape = [batch.texts, batch.seq];
        let tokens = TensorData::new(batch.tokens.clone(), shape);
        let tokens: Tensor<B, 2, Int> = Tensor::from_data(tokens, device); // [batch, seq]
        let hidden = self.decoder.forward(tokens); // [batch, seq, hidden]
        let width = hidden.dims()[2];
        hidden.reshape([batch.texts * batch.seq, width]) // [batch * seq, hidden]
    }

    /// `-ln p` of each next token of a batch, in nats, whatever its weight.
    ///
    /// # Errors
    /// When the device does not give them back.
    pub(super) fn nats(&self, batch: &Batch, device: &B::Device) -> Result<Vec<f64>, ModelError> {
        if batch.next.rows.is_empty() {
            return Ok(Vec::new());
        }
        let hidden = self.hidden(batch, device); // [batch * seq, hidden]
        let logits = self.decoder.logits(rows(&hidden, &batch.next.rows)); // [targets, vocab]
        let logprobs = values(batch.next.of(log_softmax(logits, 1)))?;
        Ok(logprobs.into_iter().map(|logprob| -f64::from(logprob)).collect())
    }

    /// The weighted sum of the losses of a batch, `[1]`, in nats, and what its policy goals came to.
    ///
    /// # Errors
    /// When the device does not give log-probabilities back, of which figures are made.
    pub(super) fn loss(
        &self,
        batch: &Batch,
        device: &B::Device,
    ) -> Result<(Tensor<B, 1>, PolicyFigures), ModelError> {
        let hidden = self.hidden(batch, device); // [batch * seq, hidden]
        let mut loss = Tensor::zeros([1], device);
        let mut came_to = PolicyFigures::default();
        if !batch.next.rows.is_empty() {
            loss = loss + self.next_loss(&hidden, &batch.next);
        }
        if let (Some(head), false) = (&self.label, batch.labels.rows.is_empty()) {
            let logits = head.forward(rows(&hidden, &batch.labels.rows)); // [targets, labels]
            let odds = batch.labels.of(logits); // [targets, 1]
            loss = loss + label_loss(odds, &batch.values, &batch.labels.weights);
        }
        if let (Some(head), false) = (&self.label, batch.classes.rows.is_empty()) {
            let logits = head.forward(rows(&hidden, &batch.classes.rows)); // [targets, labels]
            loss = loss + class_loss(logits, &batch.classes);
        }
        if let (Some(head), false) = (&self.label, batch.products.is_empty()) {
            let logits = head.forward(rows(&hidden, &batch.together.rows)); // [targets, labels]
            let odds = batch.together.of(logits); // [targets, 1]
            loss = loss + product_loss(&odds, &batch.products);
        }
        if let (Some(head), false) = (&self.label, batch.ranks.is_empty()) {
            let logits = head.forward(rows(&hidden, &batch.contests.rows)); // [targets, labels]
            let scores = batch.contests.of(logits); // [targets, 1]
            loss = loss + contest_loss(&scores, &batch.ranks);
        }
        if !batch.goals.is_empty() {
            let (labels, weights): (Vec<f32>, Vec<f32>) =
                batch.goals.iter().map(|(goal, _)| (goal.label, goal.weight)).unzip();
            loss = loss + label_loss(self.rewards(&hidden, batch), &labels, &weights);
        }
        if !batch.policies.is_empty() {
            let logits = self.decoder.logits(rows(&hidden, &batch.drawn.rows)); // [targets, vocab]
            let logprobs = batch.drawn.of(log_softmax(logits, 1)); // [targets, 1]
            came_to = figures(&values(logprobs.clone())?, &batch.policies);
            loss = loss + policy_loss(&logprobs, &batch.policies);
        }
        Ok((loss, came_to))
    }

    fn next_loss(&self, hidden: &Tensor<B, 2>, targets: &Targets) -> Tensor<B, 1> {
        let logits = self.decoder.logits(rows(hidden, &targets.rows)); // [targets, vocab]
        class_loss(logits, targets)
    }

    /// `beta (ln p(y) - reference)` of each continuation, `[goals, 1]`.
    fn rewards(&self, hidden: &Tensor<B, 2>, batch: &Batch) -> Tensor<B, 2> {
        let logits = self.decoder.logits(rows(hidden, &batch.whole.rows)); // [targets, vocab]
        let logprobs = batch.whole.of(log_softmax(logits, 1)); // [targets, 1]
        let mut start = 0;
        let reward = |&(goal, count): &(SequenceGoal, usize)| {
            let own = logprobs.clone().narrow(0, start, count); // [count, 1]
            start += count;
            own.sum_dim(0).sub_scalar(goal.reference).mul_scalar(goal.beta) // [1, 1]
        };
        Tensor::cat(batch.goals.iter().map(reward).collect(), 0) // [goals, 1]
    }
}

/// `-ln p` of each target's column with `p` the softmax of its row of `[targets, columns]`.
fn class_loss<B: Backend>(logits: Tensor<B, 2>, targets: &Targets) -> Tensor<B, 1> {
    let device = logits.device();
    let logprobs = targets.of(log_softmax(logits, 1)); // [targets, 1]
    (logprobs * column(&targets.weights, &device)).sum().neg()
}

/// `-y ln p - (1 - y) ln(1 - p)` with `p` the sigmoid of `z`, as `max(z, 0) - y z + ln(1 + e^-|z|)`.
fn label_loss<B: Backend>(z: Tensor<B, 2>, values: &[f32], weights: &[f32]) -> Tensor<B, 1> {
    let device = z.device();
    let y = column(values, &device); // [targets, 1]
    let tail = z.clone().abs().neg().exp().log1p(); // [targets, 1]
    let losses = relu(z.clone()) - z * y + tail; // [targets, 1]
    (losses * column(weights, &device)).sum()
}

/// What policy goals came to, of the log-probabilities of the tokens that they drew: see `policy.rs`.
fn figures(logprobs: &[f32], goals: &[PolicyGoal]) -> PolicyFigures {
    let mut sum = PolicyFigures::default();
    let mut left = logprobs;
    for goal in goals {
        let (own, rest) = left.split_at(goal.advantage.len());
        left = rest;
        let own: Vec<f64> = own.iter().map(|&logprob| f64::from(logprob)).collect();
        let terms = match goal.ratio {
            Ratio::Token => {
                (own.iter().enumerate()).map(|(at, &own)| goal.token(at, own)).collect()
            }
            Ratio::Sequence => goal.sequence(&own),
        };
        for term in terms {
            sum += term.figures;
        }
    }
    sum
}

/// The losses of tokens that policies drew, of their log-probabilities `[targets, 1]`: see `policy.rs`.
fn policy_loss<B: Backend>(logprobs: &Tensor<B, 2>, goals: &[PolicyGoal]) -> Tensor<B, 1> {
    let device = logprobs.device();
    let mut start = 0;
    let mut loss = Tensor::zeros([1], &device);
    for goal in goals {
        let count = goal.advantage.len();
        let own = logprobs.clone().narrow(0, start, count); // [count, 1]
        start += count;
        let moved = own.clone() - column(&goal.old, &device); // [count, 1]
        let ratio = match goal.ratio {
            Ratio::Token => moved.exp(), // [count, 1]
            Ratio::Sequence => moved.mean_dim(0).exp().repeat_dim(0, count), // [count, 1]
        };
        let advantage = column(&goal.advantage, &device); // [count, 1]
        // Beyond the numbers of the type, times an advantage of 0, it would be none.
        let ratio = ratio.mask_fill(advantage.clone().equal_elem(0.0), 1.0);
        let [below, above] = goal.clip;
        let bounded = ratio.clone().clamp(1.0 - below, 1.0 + above); // [count, 1]
        let mut terms = match goal.clipping {
            Clipping::Loss => {
                let bounded = bounded * advantage.clone(); // [count, 1]
                (ratio * advantage).min_pair(bounded).neg() // [count, 1]
            }
            Clipping::Weight => (bounded.detach() * advantage * own.clone()).neg(), // [count, 1]
        };
        if let Some(importance) = &goal.importance {
            terms = terms * column(importance, &device);
        }
        if let Some(reference) = goal.reference.as_ref().filter(|_| goal.beta > 0.0) {
            let away = column(reference, &device) - own; // [count, 1]
            let excess = away.clone().exp() - away.add_scalar(1.0); // [count, 1]
            terms = terms + excess.mul_scalar(goal.beta);
        }
        loss = loss + terms.sum().mul_scalar(goal.weight);
    }
    loss
}

/// `-ln p` of the first of each contest with `p` the softmax of its scores, of all scores `[targets, 1]`.
fn contest_loss<B: Backend>(scores: &Tensor<B, 2>, ranks: &[(f32, usize)]) -> Tensor<B, 1> {
    let mut start = 0;
    let mut loss = Tensor::zeros([1], &scores.device());
    for &(weight, count) in ranks {
        let own = log_softmax(scores.clone().narrow(0, start, count), 0); // [count, 1]
        start += count;
        loss = loss - own.narrow(0, 0, 1).sum().mul_scalar(weight);
    }
    loss
}

/// `-y ln P - (1 - y) ln(1 - P)` with `P` the product of the sigmoids of a conjunction's `z`.
fn product_loss<B: Backend>(z: &Tensor<B, 2>, products: &[(f32, f32, usize)]) -> Tensor<B, 1> {
    let device = z.device();
    // ln of a sigmoid as min(z, 0) - ln(1 + e^-|z|).
    let tail = z.clone().abs().neg().exp().log1p(); // [targets, 1]
    let logs = relu(z.clone().neg()).neg() - tail; // [targets, 1]
    let mut start = 0;
    let product = |&(_, _, count): &(f32, f32, usize)| {
        let own = logs.clone().narrow(0, start, count); // [count, 1]
        start += count;
        own.sum_dim(0) // [1, 1]
    };
    let logs = Tensor::cat(products.iter().map(product).collect(), 0).clamp_max(-1e-7); // [products, 1]
    let (values, weights): (Vec<f32>, Vec<f32>) =
        products.iter().map(|&(value, weight, _)| (value, weight)).unzip();
    let y = column(&values, &device); // [products, 1]
    let rest = logs.clone().exp().neg().add_scalar(1.0).log(); // [products, 1]
    let losses = (y.clone() * logs + (y.neg().add_scalar(1.0)) * rest).neg(); // [products, 1]
    (losses * column(&weights, &device)).sum()
}
