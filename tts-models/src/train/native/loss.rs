//! Losses of next tokens, of whole continuations and of drawn ones at the targets of a chunk, and their gradients.
//!
//! With `p` the softmax of a row's logits, `-w ln p[t]` has the gradient `w (p - 1[t])`. A
//! continuation has the log-odds `r = beta (sum of ln p[t] - reference)` of being right, with the label
//! `y` by binary cross-entropy, so that each of its tokens has the gradient of a next token of weight
//! `w beta (y - sigmoid(r))`, which is negative where the continuation is to become less probable
//! (Yuan et al. 2024, arXiv:2412.01981, section 3). A token that a policy drew has the gradient of a next token
//! of as much weight as its loss falls with its log-probability (`policy.rs`). Logits are made for the rows that
//! have targets only, a block of rows at a time, so that a large vocabulary takes memory for a block; for
//! continuations whose loss is known at the end only, twice.

use std::sync::Mutex;

use super::chunk::{Chunk, Next};
use super::products::{Products, Weight};
use crate::kernels::softmax;
use crate::train::policy::Term;
use crate::train::{PolicyFigures, Ratio, SequenceGoal};

/// Logits held at a time.
const LOGITS: usize = 1 << 22;

/// Where the gradients of a head go.
pub(super) struct Back<'a> {
    /// Of the hidden rows, `[rows, hidden]`.
    pub(super) hidden: &'a mut [f32],
    /// Of the head's weights, if they learn.
    pub(super) weights: Option<&'a mut [f32]>,
}

/// The loss of one row of logits, in whose place its gradient is left.
pub(super) fn cross_entropy(logits: &mut [f32], token: usize, weight: f32) -> f64 {
    weigh(logits, token, |nats| (f64::from(weight) * nats, weight)).0
}

/// What `learn` makes of `-ln p` of a token in one row of logits: a loss, and the weight of the gradient that is
/// left in their place.
fn weigh<L>(logits: &mut [f32], token: usize, learn: impl FnOnce(f64) -> (L, f32)) -> (L, f32) {
    let wanted = logits[token];
    let most = crate::kernels::largest(logits);
    let sum = softmax(logits, 1.0);
    let (loss, weight) = learn(f64::from(sum).ln() + f64::from(most) - f64::from(wanted));
    let scale = weight / sum;
    for p in &mut *logits {
        *p *= scale;
    }
    logits[token] -= weight;
    (loss, weight)
}

/// The loss of each next token, in nats; with their gradients, if there is somewhere for them to go.
/// `hidden` are the rows `[rows, width]`.
fn next_tokens(
    products: &mut Products,
    targets: &[Next],
    hidden: (&[f32], usize),
    head: (&Weight, usize),
    back: Option<&mut Back<'_>>,
) -> Vec<f64> {
    let learn = |place: usize, nats: f64| {
        let weight = targets[place].2;
        (f64::from(weight) * nats, weight)
    };
    learnt_tokens(products, targets, &learn, hidden, head, back)
}

/// `-ln p` of each next token of a chunk, in nats.
pub(super) fn nats(
    products: &mut Products,
    chunk: &Chunk,
    hidden: &[f32],
    head: (&Weight, usize),
) -> Vec<f64> {
    next_tokens(products, &chunk.next, (hidden, hidden.len() / chunk.rows()), head, None)
}

/// What `learn` makes of `-ln p` of each token, given its place among them: a loss, and the weight of its gradient.
fn learnt_tokens<L: Send>(
    products: &mut Products,
    targets: &[Next],
    learn: &(dyn Fn(usize, f64) -> (L, f32) + Sync),
    (hidden, width): (&[f32], usize),
    (head, vocab): (&Weight, usize),
    mut back: Option<&mut Back<'_>>,
) -> Vec<L> {
    let mut all = Vec::with_capacity(targets.len());
    let block = (LOGITS / vocab).max(1);
    for (start, targets) in (0..).step_by(block).zip(targets.chunks(block)) {
        let mut x = Vec::with_capacity(targets.len() * width);
        for &(row, _, _) in targets {
            x.extend_from_slice(&hidden[row * width..(row + 1) * width]);
        }
        let mut logits = vec![0.0; targets.len() * vocab];
        products.forward(&x, head, false, &mut logits);
        let losses: Vec<Mutex<Option<L>>> = targets.iter().map(|_| Mutex::new(None)).collect();
        products.team.each_of(logits.chunks_mut(vocab).collect(), |at, logits| {
            let (loss, _) = weigh(logits, targets[at].1, |nats| learn(start + at, nats));
            if let Ok(mut place) = losses[at].lock() {
                *place = Some(loss);
            }
        });
        all.extend(losses.into_iter().filter_map(|loss| loss.into_inner().ok().flatten()));
        let Some(back) = &mut back else { continue };
        if let Some(weights) = &mut back.weights {
            products.weight_back(&logits, &x, targets.len(), weights);
        }
        products.input_back(&logits, head, false, &mut x);
        for (&(row, _, _), dx) in targets.iter().zip(x.chunks_exact(width)) {
            add(&mut back.hidden[row * width..(row + 1) * width], dx, 1.0);
        }
    }
    all
}

/// The sum of the losses of all targets that read the decoder's own `head`, in nats, likewise.
pub(super) fn tokens(
    products: &mut Products,
    chunk: &Chunk,
    hidden: &[f32],
    head: (&Weight, usize),
    mut back: Option<&mut Back<'_>>,
) -> f64 {
    let hidden = (hidden, hidden.len() / chunk.rows());
    let next = next_tokens(products, &chunk.next, hidden, head, back.as_deref_mut());
    let mut loss: f64 = next.into_iter().sum();
    if chunk.goals.is_empty() {
        return loss;
    }
    let mut targets = chunk.whole.clone();
    let nats = next_tokens(products, &targets, hidden, head, None);
    let mut start = 0;
    for &(SequenceGoal { label, reference, beta, weight, .. }, count) in &chunk.goals {
        let own = start..start + count;
        start += count;
        let (label, weight) = (f64::from(label), f64::from(weight));
        let reward = beta * (-nats[own.clone()].iter().sum::<f64>() - reference);
        let tail = (-reward.abs()).exp();
        // As max(r, 0) - y r + ln(1 + e^-|r|): what is not a number stays so.
        let positive = if reward < 0.0 { 0.0 } else { reward };
        loss += weight * (positive - label * reward + tail.ln_1p());
        let p = if reward >= 0.0 { 1.0 / (1.0 + tail) } else { tail / (1.0 + tail) };
        #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
        let slope = (weight * beta * (label - p)) as f32;
        targets[own].iter_mut().for_each(|target| target.2 = slope);
    }
    if back.is_some() {
        next_tokens(products, &targets, hidden, head, back);
    }
    loss
}

/// The sum of the losses of all tokens that a policy drew, and what they came to, likewise.
pub(super) fn drawn(
    products: &mut Products,
    chunk: &Chunk,
    hidden: &[f32],
    head: (&Weight, usize),
    mut back: Option<&mut Back<'_>>,
) -> (f64, PolicyFigures) {
    let hidden = (hidden, hidden.len() / chunk.rows());
    let (mut loss, mut figures) = (0.0, PolicyFigures::default());
    let mut start = 0;
    for run in chunk.policies.chunk_by(|one, other| one.ratio == other.ratio) {
        // Which goal each token is of, and its place there.
        let places: Vec<(usize, usize)> = run
            .iter()
            .enumerate()
            .flat_map(|(goal, one)| (0..one.advantage.len()).map(move |place| (goal, place)))
            .collect();
        let targets = &chunk.drawn[start..start + places.len()];
        start += places.len();
        #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
        let slope = |term: &Term| term.slope as f32;
        let terms = if run[0].ratio == Ratio::Token {
            let learn = |place: usize, nats: f64| {
                let (goal, place) = places[place];
                let term = run[goal].token(place, -nats);
                (term, slope(&term))
            };
            learnt_tokens(products, targets, &learn, hidden, head, back.as_deref_mut())
        } else {
            let nats = next_tokens(products, targets, hidden, head, None);
            let logprobs: Vec<f64> = nats.into_iter().map(|nats| -nats).collect();
            let mut left = logprobs.as_slice();
            let mut terms = Vec::with_capacity(logprobs.len());
            for goal in run {
                let (own, rest) = left.split_at(goal.advantage.len());
                terms.extend(goal.sequence(own));
                left = rest;
            }
            if back.is_some() {
                let weighed = targets.iter().zip(&terms);
                let weighed: Vec<Next> =
                    weighed.map(|(&(row, token, _), term)| (row, token, slope(term))).collect();
                next_tokens(products, &weighed, hidden, head, back.as_deref_mut());
            }
            terms
        };
        for term in terms {
            loss += term.loss;
            figures += term.figures;
        }
    }
    (loss, figures)
}

/// `to += by * from`.
pub(super) fn add(to: &mut [f32], from: &[f32], by: f32) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.mul_add(by, *to);
    }
}
