//! Attention of new rows over the blocks of their sequences, each shared block read once.
//!
//! Sequences are sorted by their blocks, so that those with a common beginning are neighbours, and
//! their rows cut into groups. The blocks of a group form a tree of runs: stretches that the same
//! rows go through. For each group and key head, one task takes the runs in order and multiplies
//! the queries of all rows of a run with its keys, takes the softmax of every row, and goes through
//! the runs again for the values. So 64 lines of one prompt pass over its keys together, in
//! registers, and over their own ones alone.
//!
//! A row's arithmetic is its own: a score is a sum over the width of a head, the softmax runs over
//! positions in 16 lanes, and values are added position by position. Neither groups nor runs nor
//! the borders of blocks change a bit. Where a layer has a window, the softmax runs from a row's first position in
//! it, and blocks before all windows are passed over: sequences may have let go of them. Which sequence has them for
//! all rows of a run is the one whose row sees least. The sink of a head adds to the softmax's sum at its end.

use std::cell::RefCell;
use std::ops::Range;

use super::NativeState;
use super::state::Numbers;
use super::store::Place;
use crate::kernels::{
    Element, KeyValueShape, Team, cap, exp_in_place, largest, prefetch, scores, softmax, times,
    weigh,
};
use crate::{BLOCK_TOKENS, ModelConfig, Span};

/// Queries of one task, about.
const QUERIES: usize = 48;

/// A stretch of blocks that the same rows go through.
#[derive(Debug)]
struct Run {
    /// A sequence that has the blocks.
    span: usize,
    /// One that has of layers with windows what any of its rows sees of them.
    near: usize,
    /// Which of its blocks.
    blocks: Range<usize>,
    /// Position of the first token.
    first: usize,
    /// Which rows of the group.
    rows: Range<usize>,
}

/// Rows that are taken together.
#[derive(Debug)]
struct Group {
    /// Place of each row in the pass, and how many positions it sees.
    rows: Vec<(usize, usize)>,
    /// In the order of positions along every sequence.
    runs: Vec<Run>,
    /// Rows of the groups before.
    before: usize,
}

/// Which rows read which blocks: the same in every layer of a pass.
#[derive(Debug)]
pub(super) struct Plan {
    groups: Vec<Group>,
    /// For each row of the pass its group and place there.
    places: Vec<(usize, usize)>,
    shape: KeyValueShape,
    /// Query heads of one key head.
    share: usize,
}

/// What becomes of scores in a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scores<'a> {
    /// What they are multiplied with.
    pub(super) scale: f32,
    /// Their bound, after that.
    pub(super) cap: Option<f32>,
    /// How many of the last positions a row sees.
    pub(super) window: Option<usize>,
    /// The score of each query head's sink.
    pub(super) sinks: Option<&'a [f32]>,
}

impl Scores<'_> {
    /// The first position that a row sees which comes after so many, itself included.
    fn first(&self, seen: usize) -> usize {
        self.window.map_or(0, |window| seen.saturating_sub(window))
    }

    /// Scores of one row of a query head as weights; positions before its window have none. Their sum, the sink's
    /// included.
    fn weights(&self, weights: &mut [f32], head: usize) -> f32 {
        let first = self.first(weights.len());
        let (before, own) = weights.split_at_mut(first);
        before.fill(0.0);
        let scale = match self.cap {
            None => self.scale,
            Some(bound) => {
                cap(own, self.scale, bound);
                1.0
            }
        };
        let Some(sinks) = self.sinks else { return softmax(own, scale) };
        let most = scale * largest(own);
        // As the others, by how far it lies from the largest of them. Where that is so far above all that the
        // exponential ends, the others are nothing beside it.
        let mut of_sink = [sinks[head]];
        exp_in_place(&mut of_sink, 1.0, most);
        softmax(own, scale) + of_sink[0]
    }
}

/// A row of a span.
#[derive(Debug, Clone, Copy)]
struct Row {
    span: usize,
    /// Its place in the pass.
    place: usize,
    seen: usize,
}

impl Plan {
    /// Plans a pass; all spans have room for their tokens.
    pub(super) fn new(
        config: &ModelConfig,
        shape: KeyValueShape,
        spans: &[Span<'_, NativeState>],
    ) -> Self {
        let share = config.num_attention_heads / config.num_key_value_heads;
        let keys: Vec<Vec<(usize, usize)>> = spans.iter().map(|span| span.state.keys()).collect();
        let mut starts = Vec::with_capacity(spans.len());
        let mut total = 0;
        for span in spans {
            starts.push(total);
            total += span.tokens.len();
        }
        let mut order: Vec<usize> = (0..spans.len()).collect();
        order.sort_by(|&a, &b| keys[a].cmp(&keys[b]));
        let rows: Vec<Row> = order
            .into_iter()
            .flat_map(|span| {
                let (start, past) = (starts[span], spans[span].state.len());
                let rows = 0..spans[span].tokens.len();
                rows.map(move |row| Row { span, place: start + row, seen: past + row + 1 })
            })
            .collect();
        let mut places = vec![(0, 0); total];
        let mut groups: Vec<Group> = Vec::new();
        let mut before = 0;
        for rows in rows.chunks((QUERIES / share).max(1)) {
            let mut runs = Vec::new();
            split(&keys, spans, rows, 0..rows.len(), (0, 0), &mut runs);
            for (place, row) in rows.iter().enumerate() {
                places[row.place] = (groups.len(), place);
            }
            let seen = rows.iter().map(|row| (row.place, row.seen)).collect();
            groups.push(Group { rows: seen, runs, before });
            before += rows.len();
        }
        Self { groups, places, shape, share }
    }

    /// Numbers of one row's outputs of one key head.
    fn width(&self) -> usize {
        self.share * self.shape.width
    }

    /// The outputs `[heads * width]` of a row, from what [`Self::attend`] wrote.
    pub(super) fn gather(&self, attended: &[f32], row: usize, out: &mut [f32]) {
        let (group, place) = self.places[row];
        let Group { rows, before, .. } = &self.groups[group];
        let width = self.width();
        let start = before * self.shape.heads * width;
        for (head, out) in out.chunks_exact_mut(width).enumerate() {
            let at = start + (head * rows.len() + place) * width;
            out.copy_from_slice(&attended[at..at + width]);
        }
    }

    /// Attention of all rows: `qkv [rows, q + 2 kv]`, whose keys and values the states hold by now.
    /// Outputs are in the order of the tasks: see [`Self::gather`].
    pub(super) fn attend(
        &self,
        team: &Team,
        (layer, how): (Place, Scores<'_>),
        qkv: &[f32],
        spans: &[Span<'_, NativeState>],
        attended: &mut Vec<f32>,
    ) {
        let rows = self.places.len();
        attended.resize(rows * self.shape.heads * self.width(), 0.0);
        let mut tasks = Vec::with_capacity(self.groups.len() * self.shape.heads);
        let mut rest = attended.as_mut_slice();
        for group in &self.groups {
            for head in 0..self.shape.heads {
                let (out, later) = rest.split_at_mut(group.rows.len() * self.width());
                rest = later;
                tasks.push((group, head, out));
            }
        }
        let width = qkv.len() / rows.max(1);
        team.each_of(tasks, |_, (group, head, out)| {
            let query = |row: usize, member: usize| {
                let at = row * width + (head * self.share + member) * self.shape.width;
                &qkv[at..at + self.shape.width]
            };
            SCRATCH.with_borrow_mut(|scratch| {
                let place = (layer, head, how);
                match spans.first().and_then(|span| span.state.numbers(false, 0)) {
                    None => {}
                    Some(Numbers::F32(_)) => {
                        self.group(group, place, query, spans, scratch, out, Numbers::f32);
                    }
                    Some(Numbers::F16(_)) => {
                        self.group(group, place, query, spans, scratch, out, Numbers::f16);
                    }
                    Some(Numbers::Int8(..)) => {
                        self.group(group, place, query, spans, scratch, out, Numbers::int8);
                    }
                }
            });
        });
    }

    /// One group under one key head. Of codes scores are multiplied by the factors of their keys, and weights, once
    /// they are summed up, by those of their values.
    #[expect(clippy::too_many_arguments, reason = "the pieces of one formula")]
    #[expect(
        clippy::too_many_lines,
        reason = "scores, weights and sums of the same rows, one behind the other"
    )]
    fn group<'s, 'q, T: Element>(
        &self,
        group: &Group,
        (layer, head, how): (Place, usize, Scores<'_>),
        query: impl Fn(usize, usize) -> &'q [f32],
        spans: &'s [Span<'_, NativeState>],
        scratch: &mut Scratch,
        out: &mut [f32],
        numbers: impl Fn(&'s Numbers) -> (&'s [T], &'s [f32]),
    ) {
        let Scratch { weights, sums } = scratch;
        let (share, width, padded) = (self.share, self.shape.width, self.shape.padded());
        let longest = group.rows.iter().map(|(_, seen)| *seen).max().unwrap_or(0);
        // A last block's scores are written whole.
        let stride = longest.next_multiple_of(BLOCK_TOKENS) + BLOCK_TOKENS;
        let count = group.rows.len() * share;
        weights.resize(count * stride, 0.0);
        let queries: Vec<&[f32]> = group
            .rows
            .iter()
            .flat_map(|&(row, _)| (0..share).map(move |member| (row, member)))
            .map(|(row, member)| query(row, member))
            .collect();
        let mut panels: Vec<(&[T], usize)> = Vec::new();
        let mut factors: Vec<(&[f32], usize, usize)> = Vec::new();
        let part = |run: &Run, index: usize| {
            let state = &*spans[if layer.near { run.near } else { run.span }].state;
            let tokens = state.tokens(index);
            let Some(block) = state.numbers(layer.near, index) else {
                return Part { keys: (&[], &[]), values: (&[], &[]), tokens };
            };
            let (numbers, factors) = numbers(block);
            let (keys, values) = self.shape.part(numbers, layer.layer, head);
            let factors = if factors.is_empty() {
                (factors, factors)
            } else {
                self.shape.factors_of(factors, layer.layer, head)
            };
            Part { keys: (keys, factors.0), values: (values, factors.1), tokens }
        };
        // The next run's memory is on its way while this one is worked on.
        let ahead = |run: Option<&Run>, values: bool| {
            for (run, index) in run.iter().flat_map(|run| run.blocks.clone().map(move |i| (run, i)))
            {
                let part = part(run, index);
                prefetch(if values { part.values.0 } else { part.keys.0 });
            }
        };
        ahead(group.runs.first(), false);
        for (place, run) in group.runs.iter().enumerate() {
            ahead(group.runs.get(place + 1), false);
            panels.clear();
            factors.clear();
            let seen = group.rows[run.rows.clone()].iter().map(|(_, seen)| *seen);
            let last = seen.clone().max();
            let begin = seen.map(|seen| how.first(seen)).min().unwrap_or(0);
            let mut position = run.first;
            for index in run.blocks.clone() {
                if last.is_none_or(|last| position >= last) {
                    break;
                }
                let Part { keys: (keys, own), tokens, .. } = part(run, index);
                // No row's window reaches back to others.
                if position + tokens > begin {
                    panels.push((keys, position));
                    factors.push((own, position, tokens));
                }
                position += tokens;
            }
            let first = run.rows.start * share;
            let queries = &queries[first..run.rows.end * share];
            let own = &mut weights[first * stride..];
            scores(queries, &panels, stride, own);
            multiply(&mut own[..queries.len() * stride], stride, &factors);
        }
        ahead(group.runs.first(), true);
        let weights = &mut weights[..count * stride];
        let inverse: Vec<f32> = weights
            .chunks_exact_mut(stride)
            .take(count)
            .enumerate()
            .map(|(index, weights)| {
                let weights = &mut weights[..group.rows[index / share].1];
                1.0 / how.weights(weights, head * share + index % share)
            })
            .collect();
        // The first blocks of a run may be gone, its last one only with all of them.
        let coded = |run: &&Run| !part(run, run.blocks.end - 1).values.1.is_empty();
        for run in group.runs.iter().filter(coded) {
            factors.clear();
            let last = group.rows[run.rows.clone()].iter().map(|(_, seen)| *seen).max();
            let mut position = run.first;
            for index in run.blocks.clone() {
                // Behind what is seen there may be room, but no weights.
                if last.is_none_or(|last| position >= last) {
                    break;
                }
                let Part { values: (_, own), tokens, .. } = part(run, index);
                factors.push((own, position, tokens));
                position += tokens;
            }
            let own = run.rows.start * share * stride..run.rows.end * share * stride;
            multiply(&mut weights[own], stride, &factors);
        }
        sums.clear();
        sums.resize(count * padded, 0.0);
        let mut pieces: Vec<(&[T], usize)> = Vec::new();
        let mut cut: Vec<(&[T], usize)> = Vec::new();
        let mut seen_weights: Vec<&[f32]> = Vec::new();
        for (place, run) in group.runs.iter().enumerate() {
            ahead(group.runs.get(place + 1), true);
            let rows = &group.rows[run.rows.clone()];
            pieces.clear();
            pieces.extend(run.blocks.clone().map(|index| {
                let Part { values: (values, _), tokens, .. } = part(run, index);
                (values, tokens)
            }));
            let whole: usize = pieces.iter().map(|(_, tokens)| tokens).sum();
            let sees = |seen: usize| (seen.saturating_sub(run.first)).min(whole);
            let common = rows.iter().map(|&(_, seen)| sees(seen)).min().unwrap_or(0);
            // Weights of 0 add nothing: what lies before every window is left out.
            let begin = rows.iter().map(|&(_, seen)| how.first(seen)).min().unwrap_or(0);
            let begin = begin.saturating_sub(run.first).min(common);
            let mut add = |rows: Range<usize>, tokens: Range<usize>| {
                let queries = rows.start * share..rows.end * share;
                seen_weights.clear();
                seen_weights.extend(queries.clone().map(|index| {
                    let start = index * stride + run.first;
                    &weights[start + tokens.start..start + tokens.end]
                }));
                within(&pieces, tokens, padded, &mut cut);
                let sums = &mut sums[queries.start * padded..queries.end * padded];
                weigh(&seen_weights, &cut, padded, sums);
            };
            add(run.rows.clone(), begin..common);
            for (row, &(_, seen)) in run.rows.clone().zip(rows) {
                if sees(seen) > common {
                    add(row..row + 1, common..sees(seen));
                }
            }
        }
        for ((out, sums), inverse) in
            out.chunks_exact_mut(width).zip(sums.chunks_exact(padded)).zip(inverse)
        {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = sum * inverse;
            }
        }
    }
}

/// A block's part of one head in one layer; factors are empty of numbers that are no codes, and everything is of a block
/// that was let go of.
struct Part<'a, T> {
    /// Numbers and factors.
    keys: (&'a [T], &'a [f32]),
    values: (&'a [T], &'a [f32]),
    tokens: usize,
}

/// Multiplies some positions of every row with factors: these, the first position, and how many there are.
fn multiply(rows: &mut [f32], stride: usize, factors: &[(&[f32], usize, usize)]) {
    if factors.iter().all(|(factors, ..)| factors.is_empty()) {
        return;
    }
    for row in rows.chunks_exact_mut(stride) {
        for &(factors, position, tokens) in factors {
            let tokens = tokens.min(factors.len());
            times(&mut row[position..position + tokens], &factors[..tokens]);
        }
    }
}

/// Some of the tokens of a run, as pieces.
fn within<'a, T>(
    pieces: &[(&'a [T], usize)],
    tokens: Range<usize>,
    padded: usize,
    out: &mut Vec<(&'a [T], usize)>,
) {
    out.clear();
    let mut start = 0;
    for &(values, count) in pieces {
        let from = tokens.start.clamp(start, start + count) - start;
        let to = tokens.end.clamp(start, start + count) - start;
        if from < to {
            out.push((&values[from * padded..], to - from));
        }
        start += count;
    }
}

/// What a task needs for itself, kept from task to task.
#[derive(Default)]
struct Scratch {
    /// `[queries, positions]`.
    weights: Vec<f32>,
    /// `[queries, padded]`.
    sums: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Blocks of a run, at most: what is asked for ahead stays in the second cache level.
const RUN: usize = 16;

/// Cuts the tree of blocks below `(block, position)` into runs, a parent before its children.
fn split(
    keys: &[Vec<(usize, usize)>],
    spans: &[Span<'_, NativeState>],
    rows: &[Row],
    range: Range<usize>,
    (block, position): (usize, usize),
    runs: &mut Vec<Run>,
) {
    let mut start = range.start;
    while start < range.end {
        let span = rows[start].span;
        let Some(key) = keys[span].get(block) else {
            start += 1;
            continue;
        };
        let same = |row: &Row| keys[row.span].get(block) == Some(key);
        let end = start + rows[start..range.end].iter().take_while(|row| same(row)).count();
        // There may be room already for tokens that come after all of them.
        if rows[start..end].iter().all(|row| row.seen <= position) {
            start = end;
            continue;
        }
        // As far as all of them go together.
        let (first, last) = (&keys[span], &keys[rows[end - 1].span]);
        let together = first[block..].iter().zip(&last[block..]).take_while(|(a, b)| a == b);
        let blocks = block..block + together.take(RUN).count();
        let tokens: usize = blocks.clone().map(|index| spans[span].state.tokens(index)).sum();
        let next = (blocks.end, position + tokens);
        // Its window reaches back farthest, so it has all of what the others see.
        let least = rows[start..end].iter().min_by_key(|row| row.seen);
        let near = least.map_or(span, |row| row.span);
        runs.push(Run { span, near, blocks, first: position, rows: start..end });
        split(keys, spans, rows, start..end, next, runs);
        start = end;
    }
}
