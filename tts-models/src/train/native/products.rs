//! The three products of a projection: its outputs, and the gradients of its inputs and weights.

use crate::kernels::{Format, Input, Matrix, Team, View, project};

/// The threads, and memory for operands.
#[derive(Debug)]
pub(super) struct Products {
    pub(super) team: Team,
    format: Format,
    input: Input,
    turned: Input,
    columns: Matrix,
}

/// A weight matrix `[outputs, inputs]`, packed for both directions.
#[derive(Debug)]
pub(super) struct Weight {
    forward: Matrix,
    backward: Matrix,
}

impl Products {
    pub(super) fn new(team: Team, format: Format) -> Self {
        let (input, turned) = (Input::default(), Input::default());
        Self { team, format, input, turned, columns: format.matrix() }
    }

    pub(super) fn weight(&self) -> Weight {
        Weight { forward: self.format.matrix(), backward: self.format.matrix() }
    }

    /// Packs what a weight has become; for gradients of its inputs too, if they are asked for.
    pub(super) fn pack(&self, weight: &mut Weight, values: &[f32], inputs: usize, back: bool) {
        let view = View::of(values, inputs);
        weight.forward.pack_rows(&self.team, &view);
        if back {
            weight.backward.pack_columns(&self.team, &view);
        }
    }

    /// `y = x W^T`, `[rows, outputs]`, or added to what is there.
    pub(super) fn forward(&mut self, x: &[f32], weight: &Weight, add: bool, y: &mut [f32]) {
        self.input.copy(&self.team, self.format.kinds(), x, weight.forward.inputs());
        project(&self.team, &self.input, &[&weight.forward], add, y);
    }

    /// `dx = dy W`, `[rows, inputs]`, or added to what is there.
    pub(super) fn input_back(&mut self, dy: &[f32], weight: &Weight, add: bool, dx: &mut [f32]) {
        self.input.copy(&self.team, self.format.kinds(), dy, weight.backward.inputs());
        project(&self.team, &self.input, &[&weight.backward], add, dx);
    }

    /// `dW += dy^T x`, `[outputs, inputs]`.
    pub(super) fn weight_back(&mut self, dy: &[f32], x: &[f32], rows: usize, dw: &mut [f32]) {
        let dy = View::of(dy, dy.len() / rows);
        self.turned.copy_columns(&self.team, self.format, &dy);
        self.columns.pack_columns(&self.team, &View::of(x, x.len() / rows));
        project(&self.team, &self.turned, &[&self.columns], true, dw);
    }
}
