//! Keys and values of one layer for one sequence, as immutable tensors.
//!
//! Growing makes new tensors, so a clone or a prefix shares what is there and never sees what the
//! original adds. That copies the cache at each step: simple and right, and quadratic over a long
//! sequence.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::attention::by_head;

/// Keys and values of one layer for one sequence. A clone shares them.
#[derive(Debug, Clone)]
pub struct LayerCache<B: Backend> {
    /// Keys and values, `[1, kv_heads, length, head_dim]` each; `None` for no tokens.
    filled: Option<[Tensor<B, 4>; 2]>,
}

impl<B: Backend> LayerCache<B> {
    /// A cache of no tokens.
    pub fn new() -> Self {
        Self { filled: None }
    }

    /// Number of tokens.
    pub fn length(&self) -> usize {
        self.filled.as_ref().map_or(0, |[keys, _]| keys.dims()[2])
    }

    /// A cache of the first `length` tokens, capped at those there are.
    #[must_use]
    pub fn prefix(&self, length: usize) -> Self {
        let length = length.min(self.length());
        match &self.filled {
            Some(_) if length == self.length() => self.clone(),
            Some(filled) if length > 0 => {
                // [1, kv_heads, length, head_dim]
                Self { filled: Some(filled.clone().map(|tensor| tensor.narrow(2, 0, length))) }
            }
            _ => Self::new(),
        }
    }

    /// A cache of `tokens` tokens from `first` on, all of which there are.
    pub(crate) fn part(&self, first: usize, tokens: usize) -> Self {
        // [1, kv_heads, tokens, head_dim]
        let cut = |tensor: &Tensor<B, 4>| tensor.clone().narrow(2, first, tokens);
        Self { filled: self.filled.as_ref().map(|[keys, values]| [cut(keys), cut(values)]) }
    }

    /// One cache after the other.
    pub(crate) fn joined(caches: impl Iterator<Item = Self>) -> Self {
        let filled = caches.filter_map(|cache| cache.filled);
        let (keys, values): (Vec<_>, Vec<_>) = filled.map(|[keys, values]| (keys, values)).unzip();
        if keys.is_empty() {
            return Self::new();
        }
        // [1, kv_heads, total, head_dim]
        Self { filled: Some([Tensor::cat(keys, 2), Tensor::cat(values, 2)]) }
    }

    /// Adds keys and values `[rows, kv_heads, head_dim]`; returns all of them,
    /// `[1, kv_heads, total, head_dim]`.
    pub(super) fn append(&mut self, key: Tensor<B, 3>, value: Tensor<B, 3>) -> [Tensor<B, 4>; 2] {
        let fresh = [by_head(key, 1), by_head(value, 1)]; // [1, kv_heads, rows, head_dim]
        let all = match self.filled.take() {
            None => fresh,
            Some([keys, values]) => {
                let [key, value] = fresh;
                // [1, kv_heads, total, head_dim]
                [Tensor::cat(vec![keys, key], 2), Tensor::cat(vec![values, value], 2)]
            }
        };
        self.filled = Some(all.clone());
        all
    }
}

impl<B: Backend> Default for LayerCache<B> {
    fn default() -> Self {
        Self::new()
    }
}
