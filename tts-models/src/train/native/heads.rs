//! Between rows and heads: norms and rotation of queries and keys, attention, and their gradients.
//!
//! Rows are `[rows, q + 2 kv]`, as the projection writes them. Attention reads each sequence's heads as
//! `[heads, length, head_dim]`, sequences one after the other; what a sequence needs is contiguous in
//! both, so that sequences and heads are shared out among threads.

use super::chunk::Chunk;
use crate::ModelConfig;
use crate::kernels::{
    Gradients, Sequence, Team, attend_all, attend_all_back, norm_back, norm_weight_back, rms_norm,
    rotate, rotate_back,
};

/// Numbers of heads, their width, and the angles of all positions.
#[derive(Debug)]
pub(super) struct Heads {
    /// Number of query heads.
    queries: usize,
    /// Number of key and value heads.
    keys: usize,
    width: usize,
    epsilon: f32,
    frequencies: Vec<f64>,
    /// What cosines and sines are multiplied with.
    amplitude: f64,
    /// `[positions, width / 2]`.
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

/// Queries, keys and values of all sequences, or their gradients.
#[derive(Debug, Default)]
pub(super) struct Split {
    pub(super) queries: Vec<f32>,
    pub(super) keys: Vec<f32>,
    pub(super) values: Vec<f32>,
}

/// The norms of query and key heads, where there are any.
pub(super) type Norms<'a> = Option<[&'a [f32]; 2]>;

/// Cuts a buffer into the parts of each sequence, `width` numbers a row.
fn parts<'a>(chunk: &Chunk, mut all: &'a mut [f32], width: usize) -> Vec<&'a mut [f32]> {
    let part = |&(_, length): &(usize, usize)| {
        let (part, rest) = std::mem::take(&mut all).split_at_mut(length * width);
        all = rest;
        part
    };
    chunk.sequences.iter().map(part).collect()
}

impl Heads {
    pub(super) fn new(config: &ModelConfig) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "norms run in f32")]
        let epsilon = config.rms_norm_eps as f32;
        Self {
            queries: config.num_attention_heads,
            keys: config.num_key_value_heads,
            width: config.head_dim,
            epsilon,
            frequencies: config.rope_frequencies(),
            amplitude: config.rope_scaling.amplitude(),
            cosines: Vec::new(),
            sines: Vec::new(),
        }
    }

    /// Numbers of a row of queries, and of keys.
    fn widths(&self) -> [usize; 2] {
        [self.queries * self.width, self.keys * self.width]
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    /// Makes the angles of so many positions.
    pub(super) fn reach(&mut self, positions: usize) {
        let half = self.frequencies.len();
        for position in self.cosines.len() / half.max(1)..positions {
            for frequency in &self.frequencies {
                let (sin, cos) = (position as f64 * frequency).sin_cos();
                #[expect(clippy::cast_possible_truncation, reason = "rounded to f32")]
                let (sin, cos) = ((self.amplitude * sin) as f32, (self.amplitude * cos) as f32);
                self.cosines.push(cos);
                self.sines.push(sin);
            }
        }
    }

    fn angles(&self, position: usize) -> (&[f32], &[f32]) {
        let half = self.frequencies.len();
        let at = position * half..(position + 1) * half;
        (&self.cosines[at.clone()], &self.sines[at])
    }

    /// Splits rows into heads, normed and turned to their positions.
    pub(super) fn split(
        &self,
        team: &Team,
        chunk: &Chunk,
        rows: &[f32],
        norms: Norms<'_>,
        out: &mut Split,
    ) {
        let [q, kv] = self.widths();
        let n = chunk.rows();
        out.queries.resize(n * q, 0.0);
        out.keys.resize(n * kv, 0.0);
        out.values.resize(n * kv, 0.0);
        let all = parts(chunk, &mut out.queries, q).into_iter();
        let all = all.zip(parts(chunk, &mut out.keys, kv)).zip(parts(chunk, &mut out.values, kv));
        team.each_of(all.collect(), |index, ((queries, keys), values)| {
            let (first, length) = chunk.sequences[index];
            let rows = &rows[first * (q + 2 * kv)..][..length * (q + 2 * kv)];
            let copy = |heads: &mut [f32], from: usize, norm: Option<&[f32]>, turn: bool| {
                for (place, head) in heads.chunks_exact_mut(self.width).enumerate() {
                    let (which, row) = (place / length, place % length);
                    let from = row * (q + 2 * kv) + from + which * self.width;
                    let source = &rows[from..from + self.width];
                    match norm {
                        Some(norm) => rms_norm(source, norm, self.epsilon, head),
                        None => head.copy_from_slice(source),
                    }
                    if turn {
                        let (cosines, sines) = self.angles(row);
                        rotate(head, cosines, sines);
                    }
                }
            };
            copy(queries, 0, norms.map(|norms| norms[0]), true);
            copy(keys, q, norms.map(|norms| norms[1]), true);
            copy(values, q + kv, None, false);
        });
    }

    /// Attended values as rows `[rows, q]`, and the shift of each row of each head.
    pub(super) fn attend(
        &self,
        team: &Team,
        chunk: &Chunk,
        split: &Split,
        out: &mut Vec<f32>,
        shifts: &mut Vec<f32>,
    ) {
        let [q, _] = self.widths();
        out.resize(chunk.rows() * q, 0.0);
        shifts.resize(chunk.rows() * self.queries, 0.0);
        let mut heads = vec![0.0; chunk.rows() * q];
        let group = self.queries / self.keys;
        let mut tasks = Vec::new();
        let all = parts(chunk, &mut heads, q).into_iter().zip(parts(chunk, shifts, self.queries));
        for (index, (out, shifts)) in all.enumerate() {
            let length = chunk.sequences[index].1;
            let out = out.chunks_mut(group * length * self.width);
            for (head, both) in out.zip(shifts.chunks_mut(group * length)).enumerate() {
                tasks.push((index, head, both));
            }
        }
        team.each_of(tasks, |_, (index, head, (out, shifts))| {
            let sequence = self.sequence(chunk, split, index, head);
            attend_all(&sequence, self.scale(), out, shifts);
        });
        self.to_rows(team, chunk, &heads, (out, q, 0), self.queries);
    }

    fn sequence<'a>(
        &self,
        chunk: &Chunk,
        split: &'a Split,
        index: usize,
        head: usize,
    ) -> Sequence<'a> {
        let [q, kv] = self.widths();
        let (first, length) = chunk.sequences[index];
        let size = length * self.width;
        let group = self.queries / self.keys;
        Sequence {
            queries: &split.queries[first * q + head * group * size..][..group * size],
            keys: &split.keys[first * kv + head * size..][..size],
            values: &split.values[first * kv + head * size..][..size],
            length,
            width: self.width,
        }
    }

    /// Copies heads into rows of `stride`, from a column on.
    fn to_rows(
        &self,
        team: &Team,
        chunk: &Chunk,
        heads: &[f32],
        (rows, stride, from): (&mut [f32], usize, usize),
        count: usize,
    ) {
        team.each_of(parts(chunk, rows, stride), |index, rows| {
            let (first, length) = chunk.sequences[index];
            let heads = &heads[first * count * self.width..][..length * count * self.width];
            for (place, head) in heads.chunks_exact(self.width).enumerate() {
                let at = place % length * stride + from + place / length * self.width;
                rows[at..at + self.width].copy_from_slice(head);
            }
        });
    }

    /// The gradients of queries, keys and values from that of the attended rows.
    pub(super) fn attend_back(
        &self,
        team: &Team,
        chunk: &Chunk,
        split: &Split,
        (out, shifts): (&[f32], &[f32]),
        d_out: &[f32],
        d: &mut Split,
    ) {
        let [q, kv] = self.widths();
        let group = self.queries / self.keys;
        let out = self.as_heads(team, chunk, out);
        let d_out = self.as_heads(team, chunk, d_out);
        d.queries.resize(chunk.rows() * q, 0.0);
        d.keys.resize(chunk.rows() * kv, 0.0);
        d.values.resize(chunk.rows() * kv, 0.0);
        let mut tasks = Vec::new();
        let all = parts(chunk, &mut d.queries, q).into_iter();
        let all = all.zip(parts(chunk, &mut d.keys, kv)).zip(parts(chunk, &mut d.values, kv));
        for (index, ((queries, keys), values)) in all.enumerate() {
            let size = chunk.sequences[index].1 * self.width;
            let queries = queries.chunks_mut(group * size);
            let each = queries.zip(keys.chunks_mut(size)).zip(values.chunks_mut(size));
            for (head, ((queries, keys), values)) in each.enumerate() {
                tasks.push((index, head, Gradients { queries, keys, values }));
            }
        }
        team.each_of(tasks, |_, (index, head, mut gradients)| {
            let (first, length) = chunk.sequences[index];
            let sequence = self.sequence(chunk, split, index, head);
            let size = group * length * self.width;
            let part = first * q + head * size..first * q + (head + 1) * size;
            let rows = group * length;
            let shifts = &shifts[first * self.queries + head * rows..][..rows];
            let (out, d_out) = (&out[part.clone()], &d_out[part]);
            attend_all_back(&sequence, self.scale(), out, shifts, d_out, &mut gradients);
        });
    }

    /// Rows `[rows, q]` as heads.
    fn as_heads(&self, team: &Team, chunk: &Chunk, rows: &[f32]) -> Vec<f32> {
        let [q, _] = self.widths();
        let mut heads = vec![0.0; rows.len()];
        team.each_of(parts(chunk, &mut heads, q), |index, heads| {
            let (first, length) = chunk.sequences[index];
            for (place, head) in heads.chunks_exact_mut(self.width).enumerate() {
                let at = (first + place % length) * q + place / length * self.width;
                head.copy_from_slice(&rows[at..at + self.width]);
            }
        });
        heads
    }

    /// The gradients of rows from those of heads; `d` is turned back on the way. The gradients of the
    /// norms' weights are added to `d_norms`, if they learn.
    pub(super) fn split_back(
        &self,
        team: &Team,
        chunk: &Chunk,
        (rows, norms): (&[f32], Norms<'_>),
        d: &mut Split,
        d_rows: &mut [f32],
        d_norms: Option<[&mut [f32]; 2]>,
    ) {
        let [q, kv] = self.widths();
        let stride = q + 2 * kv;
        for (heads, count) in [(&mut d.queries, self.queries), (&mut d.keys, self.keys)] {
            team.each_of(parts(chunk, heads, count * self.width), |index, heads| {
                let length = chunk.sequences[index].1;
                for (place, head) in heads.chunks_exact_mut(self.width).enumerate() {
                    let (cosines, sines) = self.angles(place % length);
                    rotate_back(head, cosines, sines);
                }
            });
        }
        if let Some([query, key]) = norms {
            let [d_query, d_key] = d_norms.map_or([None, None], |norms| norms.map(Some));
            let kinds = [
                (&mut d.queries, self.queries, 0, query, d_query),
                (&mut d.keys, self.keys, q, key, d_key),
            ];
            for (heads, count, from, norm, mut d_norm) in kinds {
                for (&(first, length), heads) in
                    chunk.sequences.iter().zip(parts(chunk, heads, count * self.width))
                {
                    for (place, head) in heads.chunks_exact_mut(self.width).enumerate() {
                        let at = (first + place % length) * stride + from;
                        let at = at + place / length * self.width;
                        let x = &rows[at..at + self.width];
                        let mut dx = vec![0.0; self.width];
                        let scale = norm_back(x, norm, self.epsilon, head, &mut dx);
                        if let Some(d_norm) = &mut d_norm {
                            norm_weight_back(x, &[scale], head, d_norm);
                        }
                        head.copy_from_slice(&dx);
                    }
                }
            }
        }
        self.to_rows(team, chunk, &d.queries, (d_rows, stride, 0), self.queries);
        self.to_rows(team, chunk, &d.keys, (d_rows, stride, q), self.keys);
        self.to_rows(team, chunk, &d.values, (d_rows, stride, q + kv), self.keys);
    }
}
