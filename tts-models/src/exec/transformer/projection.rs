//! A linear map of rows.
//!
//! The weight is kept `[in, out]`, as `x.matmul(weight)` reads it: a transposed view of the
//! `[out, in]` of the files costs a copy of the whole weight at each call on ndarray, and speed on
//! others.
//!
//! A [`LowRank`] may stand beside a weight, for adapters that learn in its place: Hu et al. 2021, arXiv:2106.09685,
//! section 4.1.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{param, values};
use crate::ModelError;

/// `x * weight + bias`, and what a low-rank adapter adds.
#[derive(Module, Debug)]
pub struct Projection<B: Backend> {
    /// The weight, `[in, out]`.
    pub weight: Param<Tensor<B, 2>>,
    /// The bias, `[out]`.
    pub bias: Option<Param<Tensor<B, 1>>>,
    /// What learns in the weight's place.
    pub low_rank: Option<LowRank<B>>,
}

/// `scale * x * a * b`, through few columns.
#[derive(Module, Debug)]
pub struct LowRank<B: Backend> {
    /// `[in, rank]`.
    pub a: Param<Tensor<B, 2>>,
    /// `[rank, out]`.
    pub b: Param<Tensor<B, 2>>,
    /// What the product counts.
    #[module(skip)]
    pub scale: f64,
}

impl<B: Backend> LowRank<B> {
    /// Moves the factors `A` `[rank, in]` and `B` `[out, rank]` of an adapter to a device.
    ///
    /// # Errors
    /// When one does not have that size.
    pub fn new(
        [a, b]: [&[f32]; 2],
        [out, input]: [usize; 2],
        (rank, scale): (usize, f64),
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        for (name, values, shape) in [("A", a, [rank, input]), ("B", b, [out, rank])] {
            if values.len() != shape[0] * shape[1] {
                let problem = format!("{} values, expected {shape:?}", values.len());
                return Err(ModelError::input(format!("factor {name}"), problem));
            }
        }
        Ok(Self {
            a: param("factor A", transpose(a, rank, input), [input, rank], device)?,
            b: param("factor B", transpose(b, out, rank), [rank, out], device)?,
            scale,
        })
    }

    /// The factors, as [`LowRank::new`] takes them.
    ///
    /// # Errors
    /// When the device does not give them back.
    pub fn factors(&self) -> Result<[Vec<f32>; 2], ModelError> {
        let ([input, rank], [_, out]) = (self.a.dims(), self.b.dims());
        let (a, b) = (values(self.a.val())?, values(self.b.val())?);
        Ok([transpose(&a, input, rank), transpose(&b, rank, out)])
    }

    /// Maps rows `[rows, in]` to `[rows, out]`.
    pub fn forward(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        let between = rows.matmul(self.a.val()).mul_scalar(self.scale); // [rows, rank]
        between.matmul(self.b.val()) // [rows, out]
    }
}

impl<B: Backend> Projection<B> {
    /// Moves a weight `[out, in]` and a bias `[out]`, named `field` in errors, to a device.
    ///
    /// # Errors
    /// When one does not have that size.
    pub fn new(
        field: &str,
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
        [out, input]: [usize; 2],
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        if weight.len() != out * input {
            return Err(ModelError::Input {
                field: field.to_owned(),
                problem: format!("{} values, expected {out} x {input}", weight.len()),
            });
        }
        let transposed = transpose(&weight, out, input); // [in, out]
        // Before the device takes its copy, so that no more than two exist at once.
        drop(weight);
        Ok(Self {
            weight: param(field, transposed, [input, out], device)?,
            bias: bias.map(|b| param(&format!("{field} bias"), b, [out], device)).transpose()?,
            low_rank: None,
        })
    }

    /// The weight `[out, in]` and the bias `[out]`, as [`Projection::new`] takes them; of what stands beside them
    /// nothing.
    ///
    /// # Errors
    /// When the device does not give them back.
    pub fn weights(&self) -> Result<(Vec<f32>, Option<Vec<f32>>), ModelError> {
        let [input, out] = self.weight.dims();
        let weight = transpose(&values(self.weight.val())?, input, out); // [out, in]
        let bias = self.bias.as_ref().map(|bias| values(bias.val())).transpose()?;
        Ok((weight, bias))
    }

    /// Maps rows `[rows, in]` to `[rows, out]`.
    pub fn forward(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        let added = self.low_rank.as_ref().map(|low_rank| low_rank.forward(rows.clone())); // [rows, out]
        let mapped = rows.matmul(self.weight.val()); // [rows, out]
        let mapped = match added {
            Some(added) => mapped + added, // [rows, out]
            None => mapped,
        };
        match &self.bias {
            Some(bias) => mapped + bias.val().unsqueeze(), // [rows, out]
            None => mapped,
        }
    }
}

/// `[rows, columns]` to `[columns, rows]`, in tiles that stay in the cache.
fn transpose(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let mut out = vec![0.0; matrix.len()];
    for top in (0..rows).step_by(TILE) {
        for left in (0..columns).step_by(TILE) {
            for row in top..rows.min(top + TILE) {
                for column in left..columns.min(left + TILE) {
                    out[column * rows + row] = matrix[row * columns + column];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_shapes_that_no_tile_divides() {
        let (rows, columns) = (33, 70);
        let matrix: Vec<f32> = (0..2310_u16).map(f32::from).collect();
        let back = transpose(&transpose(&matrix, rows, columns), columns, rows);
        assert_eq!(back, matrix);
        assert_eq!(
            transpose(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3),
            [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]
        );
    }
}
