//! Losses of the label head at the targets of a chunk, and their gradients.
//!
//! A probability reads one label: with `p` the sigmoid of its log-odds, `-w (y ln p + (1 - y) ln(1 - p))`
//! has the gradient `w (p - y)`. A class reads them all: with `p` their softmax, `-w ln p[c]` has
//! `w (p - 1[c])`. Labels that are to hold together have the product `P` of their probabilities, whose
//! cross-entropy has the slope `w ((1 - y) P / (1 - P) - y)` by `ln P`, and `ln P` the slope `1 - p` by
//! each of the log-odds. Texts that compete are classes of one label's logits. Targets are few and labels are read one by one, so that no product of matrices is
//! needed.

use super::chunk::Chunk;
use super::loss::{Back, add, cross_entropy};

/// The weights of all labels, `[labels, width]`, and then their biases, `[labels]`.
struct Head<'a> {
    weights: &'a [f32],
    width: usize,
}

impl Head<'_> {
    fn labels(&self) -> usize {
        self.weights.len() / (self.width + 1)
    }

    fn row(&self, label: usize) -> &[f32] {
        &self.weights[label * self.width..(label + 1) * self.width]
    }

    /// The logit of a label at a hidden row.
    fn logit(&self, label: usize, x: &[f32]) -> f32 {
        let mut lanes = [0.0_f32; 16];
        for (x, own) in x.chunks(16).zip(self.row(label).chunks(16)) {
            for ((lane, x), own) in lanes.iter_mut().zip(x).zip(own) {
                *lane = x.mul_add(*own, *lane);
            }
        }
        lanes.iter().sum::<f32>() + self.weights[self.labels() * self.width + label]
    }

    /// Adds what the gradient `slope` of a label's logit at the hidden row number `row`, `x`, is to
    /// row and weights.
    fn back(&self, back: &mut Back<'_>, label: usize, (row, x): (usize, &[f32]), slope: f32) {
        let width = self.width;
        add(&mut back.hidden[row * width..(row + 1) * width], self.row(label), slope);
        if let Some(weights) = &mut back.weights {
            add(&mut weights[label * width..(label + 1) * width], x, slope);
            weights[self.labels() * width + label] += slope;
        }
    }
}

/// The sum of the losses of all targets that read the label head, in nats; with their gradients, if
/// there is somewhere for them to go. `weights` are those of all labels and then their biases.
pub(super) fn labels(
    chunk: &Chunk,
    hidden: &[f32],
    weights: &[f32],
    mut back: Option<&mut Back<'_>>,
) -> f64 {
    let width = hidden.len() / chunk.rows();
    let head = Head { weights, width };
    let mut loss = 0.0;
    for &(row, label, value, weight) in &chunk.labels {
        let x = &hidden[row * width..(row + 1) * width];
        let odds = head.logit(label, x);
        let tail = (-odds.abs()).exp();
        // As max(z, 0) - y z + ln(1 + e^-|z|): what is not a number stays so.
        let positive = if odds < 0.0 { 0.0 } else { odds };
        let nats = positive - odds * value + tail.ln_1p();
        loss += f64::from(weight) * f64::from(nats);
        let Some(back) = &mut back else { continue };
        let p = if odds >= 0.0 { 1.0 / (1.0 + tail) } else { tail / (1.0 + tail) };
        head.back(back, label, (row, x), weight * (p - value));
    }
    for &(row, class, weight) in &chunk.classes {
        let x = &hidden[row * width..(row + 1) * width];
        let mut logits: Vec<f32> = (0..head.labels()).map(|label| head.logit(label, x)).collect();
        loss += cross_entropy(&mut logits, class, weight);
        let Some(back) = &mut back else { continue };
        for (label, slope) in logits.into_iter().enumerate() {
            head.back(back, label, (row, x), slope);
        }
    }
    for (ends, label, weight) in &chunk.contests {
        let at = |row: usize| &hidden[row * width..(row + 1) * width];
        let mut scores: Vec<f32> = ends.iter().map(|&row| head.logit(*label, at(row))).collect();
        loss += cross_entropy(&mut scores, 0, *weight);
        let Some(back) = &mut back else { continue };
        for (&row, slope) in ends.iter().zip(scores) {
            head.back(back, *label, (row, at(row)), slope);
        }
    }
    for (of, value, weight) in &chunk.together {
        let at = |row: usize| &hidden[row * width..(row + 1) * width];
        let odds: Vec<f64> =
            of.iter().map(|&(row, label)| f64::from(head.logit(label, at(row)))).collect();
        let (nats, slope) = conjunction(&odds, f64::from(*value));
        loss += f64::from(*weight) * nats;
        let Some(back) = &mut back else { continue };
        for (&(row, label), odds) in of.iter().zip(odds) {
            // The slope of ln p by its log-odds is 1 - p.
            let doubt = 1.0 / (1.0 + odds.exp());
            #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
            let slope = (f64::from(*weight) * slope * doubt) as f32;
            head.back(back, label, (row, at(row)), slope);
        }
    }
    loss
}

/// The least doubt of a product: that it is 1 for sure would make the loss of a 0 infinite.
const DOUBT: f64 = 1e-7;

/// `-y ln P - (1 - y) ln(1 - P)` with `P` the product of the sigmoids of log-odds, and its slope by
/// `ln P`.
pub(super) fn conjunction(odds: &[f64], y: f64) -> (f64, f64) {
    // ln of a sigmoid, without overflow.
    let log = |z: &f64| z.min(0.0) - (-z.abs()).exp().ln_1p();
    let product: f64 = odds.iter().map(log).sum();
    // What is not a number stays so.
    let product = if product > -DOUBT { -DOUBT } else { product };
    let rest = -product.exp_m1();
    (-y * product - (1.0 - y) * rest.ln(), (1.0 - y) * (1.0 - rest) / rest - y)
}
