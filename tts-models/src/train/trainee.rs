//! The module that is trained: a decoder, with or without a label head, and its loss.
//!
//! The loss is a sum of cross-entropies over the targets of a batch, in nats: of the next token for
//! language models, of a label for reward models (Lightman et al. 2023, section 2.6; soft labels
//! as in Snell et al. 2024, appendix D). The label head reads the hidden row at its position, as
//! reward heads do, so one forward pass learns all steps of a solution.

use burn::module::Module;
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use super::{Example, Goal, Target};
use crate::ModelError;
use crate::transformer::{Decoder, Projection};

/// What is trained.
#[derive(Module, Debug)]
pub(super) struct Trainee<B: Backend> {
    pub(super) decoder: Decoder<B>,
    /// `hidden` to 1.
    pub(super) label: Option<Projection<B>>,
}

/// Examples as tensors would have them, padded to the longest.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// `[batch, seq]`.
    tokens: Vec<i32>,
    texts: usize,
    seq: usize,
    next: Targets<i32>,
    labels: Targets<f32>,
    /// Tokens without padding.
    pub(super) count: usize,
}

/// Targets of one kind: rows of `[batch * seq]`, what is wanted there, and weights.
#[derive(Debug, Default)]
struct Targets<T> {
    rows: Vec<i32>,
    wanted: Vec<T>,
    weights: Vec<f32>,
}

impl<T> Targets<T> {
    fn add(&mut self, row: i32, wanted: T, weight: f32) {
        self.rows.push(row);
        self.wanted.push(wanted);
        self.weights.push(weight);
    }
}

fn narrow(value: usize) -> Result<i32, ModelError> {
    i32::try_from(value).map_err(|_| ModelError::input("batch", format!("{value} is too large")))
}

impl Batch {
    pub(super) fn new(examples: &[Example]) -> Result<Self, ModelError> {
        let seq = examples.iter().map(|example| example.tokens.len()).max().unwrap_or(0);
        let mut batch = Self { texts: examples.len(), seq, ..Self::default() };
        for (index, example) in examples.iter().enumerate() {
            for place in 0..seq {
                // What pads is never seen: a token sees only those before it.
                let token = example.tokens.get(place).copied().unwrap_or(0);
                batch.tokens.push(narrow(token as usize)?);
            }
            batch.count += example.tokens.len();
            for &Target { position, want, weight } in &example.targets {
                let row = narrow(index * seq + position)?;
                match want {
                    Goal::Token(token) => batch.next.add(row, narrow(token as usize)?, weight),
                    Goal::Probability(label) => batch.labels.add(row, label, weight),
                }
            }
        }
        Ok(batch)
    }

    /// Sum of the weights of all targets.
    pub(super) fn weight(&self) -> f64 {
        let weights = self.next.weights.iter().chain(&self.labels.weights);
        weights.map(|&weight| f64::from(weight)).sum()
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
    /// The weighted sum of the losses of a batch, `[1]`, in nats.
    pub(super) fn loss(&self, batch: &Batch, device: &B::Device) -> Tensor<B, 1> {
        let shape = [batch.texts, batch.seq];
        let tokens = TensorData::new(batch.tokens.clone(), shape);
        let tokens: Tensor<B, 2, Int> = Tensor::from_data(tokens, device); // [batch, seq]
        let hidden = self.decoder.forward(tokens); // [batch, seq, hidden]
        let width = hidden.dims()[2];
        let hidden = hidden.reshape([batch.texts * batch.seq, width]); // [batch * seq, hidden]
        let mut loss = Tensor::zeros([1], device);
        if !batch.next.rows.is_empty() {
            loss = loss + self.next_loss(&hidden, &batch.next);
        }
        if let (Some(head), false) = (&self.label, batch.labels.rows.is_empty()) {
            loss = loss + label_loss(head, &hidden, &batch.labels);
        }
        loss
    }

    fn next_loss(&self, hidden: &Tensor<B, 2>, targets: &Targets<i32>) -> Tensor<B, 1> {
        let device = hidden.device();
        let logits = self.decoder.logits(rows(hidden, &targets.rows)); // [targets, vocab]
        let wanted = TensorData::new(targets.wanted.clone(), [targets.wanted.len(), 1]);
        let wanted: Tensor<B, 2, Int> = Tensor::from_data(wanted, &device); // [targets, 1]
        let logprobs = log_softmax(logits, 1).gather(1, wanted); // [targets, 1]
        (logprobs * column(&targets.weights, &device)).sum().neg()
    }
}

/// `-y ln p - (1 - y) ln(1 - p)` with `p` the sigmoid of `z`, as `max(z, 0) - y z + ln(1 + e^-|z|)`.
fn label_loss<B: Backend>(
    head: &Projection<B>,
    hidden: &Tensor<B, 2>,
    targets: &Targets<f32>,
) -> Tensor<B, 1> {
    let device = hidden.device();
    let z = head.forward(rows(hidden, &targets.rows)); // [targets, 1]
    let y = column(&targets.wanted, &device); // [targets, 1]
    let tail = z.clone().abs().neg().exp().log1p(); // [targets, 1]
    let losses = relu(z.clone()) - z * y + tail; // [targets, 1]
    (losses * column(&targets.weights, &device)).sum()
}
