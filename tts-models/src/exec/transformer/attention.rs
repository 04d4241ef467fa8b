//! Causal self-attention in which several query heads share a key and value head.
//!
//! [`Attention::heads`] projects rows to queries, keys and values; [`Heads`] then attends over a
//! whole batch or over cached sequences, with one function for both. The query heads of a group
//! are stacked as further rows of one product, so keys and values are never repeated.
//!
//! **Same bits alone, among others, in one span or token by token.** A masked key has weight
//! exactly 0, and adding products with 0 at the end of a sum changes nothing, so a row of a long
//! span equals the same row decoded alone - provided that the sum runs front to back. Matrix
//! products do on ndarray, `sum_dim` does not (it splits the axis into eight partial sums and a
//! remainder, by its length). So the softmax's denominator is a product with a column of ones. It
//! divides the attended values, not the weights: fewer divisions, and the same result up to
//! rounding. The sink of a head adds to the denominator alone.
//!
//! Vaswani et al. 2017, arXiv:1706.03762, section 3.2; groups: Ainslie et al. 2023,
//! arXiv:2305.13245, section 2.2.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::{Angles, LayerCache, Projection, RmsNorm, param};
use crate::weights::config::Rotation;
use crate::{ModelConfig, ModelError};

/// Self-attention with grouped queries.
#[derive(Module, Debug)]
pub struct Attention<B: Backend> {
    /// `hidden` to `heads * head_dim`.
    pub query: Projection<B>,
    /// `hidden` to `kv_heads * head_dim`.
    pub key: Projection<B>,
    /// `hidden` to `kv_heads * head_dim`.
    pub value: Projection<B>,
    /// `heads * head_dim` back to `hidden`.
    pub output: Projection<B>,
    /// Norm of each query head (Qwen3).
    pub query_norm: Option<RmsNorm<B>>,
    /// Norm of each key head (Qwen3).
    pub key_norm: Option<RmsNorm<B>>,
    /// The score of each query head's sink, `[heads]` (gpt-oss).
    pub sinks: Option<Param<Tensor<B, 1>>>,
    /// Width of a head.
    #[module(skip)]
    pub head_dim: usize,
    /// What becomes of scores.
    #[module(skip)]
    pub scores: Scores,
    /// What heads are turned by.
    #[module(skip)]
    pub rotation: Rotation,
    /// Whether the norms of queries and keys stand behind the rotation.
    #[module(skip)]
    pub norm_turned: bool,
}

/// What becomes of the products of queries and keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// What they are multiplied with.
    pub scale: f64,
    /// Their bound `c`, after that: `c tanh(score / c)`.
    pub cap: Option<f64>,
    /// How many of the last positions a row sees, itself included.
    pub window: Option<usize>,
}

/// Queries, keys and values of some rows, turned to their positions.
#[derive(Debug, Clone)]
pub struct Heads<B: Backend> {
    /// `[rows, heads, head_dim]`, multiplied with the factor of scores.
    pub query: Tensor<B, 3>,
    /// `[rows, kv_heads, head_dim]`.
    pub key: Tensor<B, 3>,
    /// `[rows, kv_heads, head_dim]`.
    pub value: Tensor<B, 3>,
    /// What becomes of scores.
    pub scores: Scores,
    /// The score of each query head's sink, `[heads]`.
    pub sinks: Option<Tensor<B, 1>>,
}

impl<B: Backend> Attention<B> {
    /// Moves the weights of query, key, value and output `[out, in]`, the biases of the first
    /// three and of the last, the norms of queries and keys and the sinks of a layer to a device.
    ///
    /// # Errors
    /// When one does not have the size that the config demands, or heads do not divide into groups.
    pub fn new(
        [query, key, value, output]: [Vec<f32>; 4],
        (bias, output_bias): (Option<[Vec<f32>; 3]>, Option<Vec<f32>>),
        (norm, sinks): (Option<[Vec<f32>; 2]>, Option<Vec<f32>>),
        (config, index): (&ModelConfig, usize),
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let (heads, kv_heads) = (config.num_attention_heads, config.num_key_value_heads);
        if kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
            return Err(ModelError::Input {
                field: "num_key_value_heads".to_owned(),
                problem: format!("{kv_heads} does not divide {heads} query heads"),
            });
        }
        let (hidden, dim, eps) = (config.hidden_size, config.head_dim, config.rms_norm_eps);
        let [query_bias, key_bias, value_bias] = bias.map_or([None, None, None], |b| b.map(Some));
        let [query_norm, key_norm] = norm.map_or([None, None], |n| n.map(Some));
        let (q, kv) = (heads * dim, kv_heads * dim);
        let [of_query, of_key] = config.norm_widths();
        let norm = |field, weight: Option<_>, width| {
            weight.map(|weight| RmsNorm::new(field, weight, width, eps, device)).transpose()
        };
        let attends = config.switches.attends(index);
        Ok(Self {
            query: Projection::new("query", query, query_bias, [q, hidden], device)?,
            key: Projection::new("key", key, key_bias, [kv, hidden], device)?,
            value: Projection::new("value", value, value_bias, [kv, hidden], device)?,
            output: Projection::new("output", output, output_bias, [hidden, q], device)?,
            query_norm: norm("query norm", query_norm, of_query)?,
            key_norm: norm("key norm", key_norm, of_key)?,
            sinks: sinks.map(|sinks| param("sinks", sinks, [heads], device)).transpose()?,
            head_dim: dim,
            scores: Scores {
                scale: config.switches.score_scale(dim),
                cap: config.switches.attention_cap,
                window: attends.window,
            },
            rotation: attends.rotation,
            norm_turned: config.switches.qk_norm_turned,
        })
    }

    /// Queries, keys and values of rows `[rows, hidden]`, turned by `angles`, if by any.
    pub fn heads(&self, rows: Tensor<B, 2>, angles: Option<&Angles<B>>) -> Heads<B> {
        let query = self.split(self.query.forward(rows.clone())); // [rows, heads, head_dim]
        let key = self.split(self.key.forward(rows.clone())); // [rows, kv_heads, head_dim]
        let value = self.split(self.value.forward(rows)); // [rows, kv_heads, head_dim]
        let norm = |norm: &Option<RmsNorm<B>>, heads: Tensor<B, 3>| match norm {
            Some(norm) if norm.weight.dims()[0] == self.head_dim => norm.forward(heads),
            // Over all heads at once.
            Some(norm) => {
                let [rows, n, dim] = heads.dims();
                norm.forward(heads.reshape([rows, n * dim])).reshape([rows, n, dim])
            }
            None => heads,
        };
        let turn = |heads| match angles {
            Some(angles) => angles.rotate(heads),
            None => heads,
        };
        let both = |of: &Option<RmsNorm<B>>, heads| {
            if self.norm_turned { norm(of, turn(heads)) } else { turn(norm(of, heads)) }
        };
        let query = both(&self.query_norm, query); // [rows, heads, head_dim]
        let query = match angles {
            Some(angles) => angles.grow(query), // [rows, heads, head_dim]
            None => query,
        };
        let key = both(&self.key_norm, key); // [rows, kv_heads, head_dim]
        let scores = self.scores.clone();
        let sinks = self.sinks.as_ref().map(Param::val); // [heads]
        Heads { query: query.mul_scalar(scores.scale), key, value, scores, sinks }
    }

    /// `[rows, n * head_dim]` to `[rows, n, head_dim]`.
    fn split(&self, rows: Tensor<B, 2>) -> Tensor<B, 3> {
        let [n, width] = rows.dims();
        rows.reshape([n, width / self.head_dim, self.head_dim]) // [rows, n, head_dim]
    }
}

impl<B: Backend> Heads<B> {
    /// Attended values `[batch * seq, heads * head_dim]` when the rows are `batch` sequences of
    /// equal length, one after the other.
    pub fn attend_batch(self, batch: usize) -> Tensor<B, 2> {
        let keys = by_head(self.key, batch); // [batch, kv_heads, seq, head_dim]
        let values = by_head(self.value, batch); // [batch, kv_heads, seq, head_dim]
        attend(self.query, keys, values, &self.scores, self.sinks.as_ref())
    }

    /// Attended values `[rows, heads * head_dim]` when consecutive rows belong to sequences, each
    /// given by its number of rows and its cache, which grows by them.
    pub fn attend_cached<'a>(
        self,
        spans: impl Iterator<Item = (usize, &'a mut LayerCache<B>)>,
    ) -> Tensor<B, 2> {
        let mut start = 0;
        let attended = spans.map(|(rows, cache)| {
            // [rows, n, head_dim]
            let range = |heads: &Tensor<B, 3>| heads.clone().narrow(0, start, rows);
            let (query, key, value) = (range(&self.query), range(&self.key), range(&self.value));
            start += rows;
            let [keys, values] = cache.append(key, value); // [1, kv_heads, total, head_dim]
            attend(query, keys, values, &self.scores, self.sinks.as_ref()) // [rows, heads * head_dim]
        });
        Tensor::cat(attended.collect(), 0) // [all rows, heads * head_dim]
    }
}

/// `[batch * seq, n, head_dim]` to `[batch, n, seq, head_dim]`.
pub(super) fn by_head<B: Backend>(heads: Tensor<B, 3>, batch: usize) -> Tensor<B, 4> {
    let [rows, n, dim] = heads.dims();
    let split = heads.reshape([batch, rows / batch, n, dim]); // [batch, seq, n, head_dim]
    split.swap_dims(1, 2) // [batch, n, seq, head_dim]
}

/// Attended values `[batch * seq, heads * head_dim]` of queries `[batch * seq, heads, head_dim]`,
/// the last `seq` of the `total` positions of keys and values `[batch, kv_heads, total, head_dim]`,
/// with sinks `[heads]`.
fn attend<B: Backend>(
    query: Tensor<B, 3>,
    keys: Tensor<B, 4>,
    values: Tensor<B, 4>,
    Scores { cap, window, .. }: &Scores,
    sinks: Option<&Tensor<B, 1>>,
) -> Tensor<B, 2> {
    let [rows, heads, dim] = query.dims();
    let [batch, kv_heads, total, _] = keys.dims();
    let (seq, group) = (rows / batch, heads / kv_heads);
    let device = query.device();
    let query = query
        .reshape([batch, seq, kv_heads, group, dim]) // [batch, seq, kv_heads, group, head_dim]
        .permute([0, 2, 3, 1, 4]) // [batch, kv_heads, group, seq, head_dim]
        .reshape([batch, kv_heads, group * seq, dim]); // [batch, kv_heads, group * seq, head_dim]
    let mut scores = query.matmul(keys.swap_dims(2, 3)); // [batch, kv_heads, group * seq, total]
    if let Some(bound) = *cap {
        scores = scores.div_scalar(bound).tanh().mul_scalar(bound);
    }
    if seq > 1 || window.is_some_and(|window| window < total) {
        let mask = causal_mask(group, seq, total, *window, &device); // [1, 1, group * seq, total]
        scores = scores + mask; // [batch, kv_heads, group * seq, total]
    }
    // The maximum only keeps exp in range: the result does not depend on it, nor does a gradient.
    let mut most = scores.clone().detach().max_dim(3); // [batch, kv_heads, group * seq, 1]
    let sinks = sinks.map(|sinks| {
        let by_group = sinks.clone().reshape([1, kv_heads, group, 1]); // [1, kv_heads, group, 1]
        let by_row = by_group.expand([batch, kv_heads, group, seq]); // [batch, kv_heads, group, seq]
        by_row.reshape([batch, kv_heads, group * seq, 1]) // [batch, kv_heads, group * seq, 1]
    });
    if let Some(sinks) = &sinks {
        most = most.max_pair(sinks.clone().detach()); // [batch, kv_heads, group * seq, 1]
    }
    let weights = (scores - most.clone()).exp(); // [batch, kv_heads, group * seq, total]
    let ones = Tensor::ones([1, 1, total, 1], &device); // [1, 1, total, 1]
    let mut sum = weights.clone().matmul(ones); // [batch, kv_heads, group * seq, 1]
    if let Some(sinks) = sinks {
        sum = sum + (sinks - most).exp(); // [batch, kv_heads, group * seq, 1]
    }
    let attended = weights.matmul(values) / sum; // [batch, kv_heads, group * seq, head_dim]
    attended
        .reshape([batch, kv_heads, group, seq, dim]) // [batch, kv_heads, group, seq, head_dim]
        .permute([0, 3, 1, 2, 4]) // [batch, seq, kv_heads, group, head_dim]
        .reshape([rows, heads * dim]) // [batch * seq, heads * head_dim]
}

/// 0 where the last `seq` of `total` positions may look, within their window, and minus infinity where not, for each
/// query head of a group: `[1, 1, group * seq, total]`.
fn causal_mask<B: Backend>(
    group: usize,
    seq: usize,
    total: usize,
    window: Option<usize>,
    device: &B::Device,
) -> Tensor<B, 4> {
    let past = total - seq;
    let sees = |row: usize, key: usize| {
        let own = past + row;
        key <= own && window.is_none_or(|window| own - key < window)
    };
    let one: Vec<f32> = (0..seq)
        .flat_map(|row| {
            (0..total).map(move |key| if sees(row, key) { 0.0 } else { f32::NEG_INFINITY })
        })
        .collect();
    let data = TensorData::new(one.repeat(group), [1, 1, group * seq, total]);
    Tensor::from_data(data, device) // [1, 1, group * seq, total]
}
