//! Attention's two products over keys and values in blocks of 16 tokens.
//!
//! A block holds 16 tokens for every layer and key head: keys transposed, `[width, 16]`, so that one
//! register is 16 tokens and a query's number is broadcast, and values `[16, width]`, filled up to
//! whole registers. [`scores`] sums over the width from front to back, [`weigh`] over tokens from
//! front to back: a row's numbers depend neither on the rows beside it nor on where blocks begin, so
//! that rows of many sequences can pass over a block that they share together.
//!
//! Elements are f32 or f16 (see [`super::element`]), or codes of 8 bits (see [`super::coded`]).

use super::Isa;
use super::element::Element;
use crate::BLOCK_TOKENS;

/// Where the parts of a block lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyValueShape {
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    /// Width of a head.
    pub(crate) width: usize,
}

/// Numbers that are narrowed at a time.
const NARROW: usize = 64;

impl KeyValueShape {
    /// The width of a value row in a block.
    pub(crate) fn padded(&self) -> usize {
        self.width.next_multiple_of(BLOCK_TOKENS)
    }

    /// Elements of one head in one layer.
    fn head(&self) -> usize {
        BLOCK_TOKENS * (self.width + self.padded())
    }

    /// Elements of a block.
    pub(crate) fn elements(&self) -> usize {
        self.layers * self.heads * self.head()
    }

    /// Keys `[width, 16]` and values `[16, padded]` of one head in one layer.
    pub(crate) fn part<'a, T>(
        &self,
        block: &'a [T],
        layer: usize,
        head: usize,
    ) -> (&'a [T], &'a [T]) {
        let from = (layer * self.heads + head) * self.head();
        block[from..from + self.head()].split_at(BLOCK_TOKENS * self.width)
    }

    /// Writes one token's keys and values, `[heads, width]` each, in one layer.
    pub(crate) fn write<T: Element>(
        &self,
        block: &mut [T],
        layer: usize,
        token: usize,
        keys: &[f32],
        values: &[f32],
    ) {
        let rows = keys.chunks_exact(self.width).zip(values.chunks_exact(self.width));
        for (head, (keys, values)) in rows.enumerate() {
            self.write_head(block, (layer, head, token), (keys, T::narrow), (values, T::narrow));
        }
    }

    /// Writes one token's keys and values, `[width]` each, of one head in one layer, each with what brings them to
    /// the block's type.
    pub(super) fn write_head<T: Copy + Default>(
        &self,
        block: &mut [T],
        (layer, head, token): (usize, usize, usize),
        (keys, narrow_keys): (&[f32], impl Fn(&[f32], &mut [T])),
        (values, narrow_values): (&[f32], impl Fn(&[f32], &mut [T])),
    ) {
        let from = (layer * self.heads + head) * self.head();
        let own = &mut block[from..from + self.head()];
        let (all_keys, all_values) = own.split_at_mut(BLOCK_TOKENS * self.width);
        let mut rows = all_keys.chunks_exact_mut(BLOCK_TOKENS);
        for keys in keys.chunks(NARROW) {
            let mut narrow = [T::default(); NARROW];
            narrow_keys(keys, &mut narrow[..keys.len()]);
            for (row, key) in rows.by_ref().take(keys.len()).zip(narrow) {
                row[token] = key;
            }
        }
        let at = token * self.padded();
        narrow_values(values, &mut all_values[at..at + self.width]);
    }
}

/// Asks for memory that will be read soon.
pub(crate) fn prefetch<T>(memory: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..size_of_val(memory)).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        #[expect(unsafe_code, reason = "a hint without effect on memory")]
        // SAFETY: every x86-64 machine has the instruction, and it never faults.
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(memory.as_ptr().cast::<i8>().wrapping_add(line));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = memory;
}

/// Some tokens of a block: their values `[tokens, padded]`.
pub(crate) type Values<'a, T> = (&'a [T], usize);

/// A panel of 16 keys `[width, 16]`, and the position of the first.
pub(crate) type Keys<'a, T> = (&'a [T], usize);

/// `out[row][position + token] = query . key` for every query `[width]` and the 16 tokens of every
/// panel, front to back: what a panel lacks, the next one writes over. `out` is `[rows, stride]`.
///
/// # Panics
/// When sizes do not fit.
pub(crate) fn scores<T: Element>(
    queries: &[&[f32]],
    panels: &[Keys<'_, T>],
    stride: usize,
    out: &mut [f32],
) {
    scores_on(Isa::detect(), queries, panels, stride, out);
}

/// Panels by four for few rows, then by two and one; rows by six, four, three, two and one.
macro_rules! score_tiles {
    ($tile:ident, $queries:ident, $panels:ident, $stride:ident, $out:ident) => {{
        let mut panel = 0;
        if $queries.len() <= 3 {
            score_tiles!(@panels 4, $tile, $queries, $panels, $stride, $out, panel);
        }
        score_tiles!(@panels 2, $tile, $queries, $panels, $stride, $out, panel);
        score_tiles!(@panels 1, $tile, $queries, $panels, $stride, $out, panel);
    }};
    (@panels $p:literal, $tile:ident, $queries:ident, $panels:ident, $stride:ident, $out:ident, $panel:ident) => {
        while let Some(panels) = $panels.get($panel..).and_then(|rest| rest.first_chunk::<$p>()) {
            let mut row = 0;
            score_tiles!(@rows 6, $p, $tile, $queries, panels, $stride, $out, row);
            score_tiles!(@rows 4, $p, $tile, $queries, panels, $stride, $out, row);
            score_tiles!(@rows 3, $p, $tile, $queries, panels, $stride, $out, row);
            score_tiles!(@rows 2, $p, $tile, $queries, panels, $stride, $out, row);
            score_tiles!(@rows 1, $p, $tile, $queries, panels, $stride, $out, row);
            $panel += $p;
        }
    };
    (@rows $r:literal, $p:literal, $tile:ident, $queries:ident, $panels:ident, $stride:ident, $out:ident, $row:ident) => {
        while let Some(rows) = $queries.get($row..).and_then(|rest| rest.first_chunk::<$r>()) {
            $tile::<T, $r, $p>(rows, $panels, $stride, &mut $out[$row * $stride..]);
            $row += $r;
        }
    };
}

fn scores_on<T: Element>(
    isa: Isa,
    queries: &[&[f32]],
    panels: &[Keys<'_, T>],
    stride: usize,
    out: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    use x86::{score_avx2, score_avx512};
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma,f16c")]
    fn avx512<T: Element>(
        queries: &[&[f32]],
        panels: &[Keys<'_, T>],
        stride: usize,
        out: &mut [f32],
    ) {
        score_tiles!(score_avx512, queries, panels, stride, out);
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn avx2<T: Element>(
        queries: &[&[f32]],
        panels: &[Keys<'_, T>],
        stride: usize,
        out: &mut [f32],
    ) {
        score_tiles!(score_avx2, queries, panels, stride, out);
    }
    match isa {
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
        // SAFETY: `Isa::Avx512` is only made where the machine has the instructions.
        Isa::Avx512 => unsafe { avx512(queries, panels, stride, out) },
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
        // SAFETY: `Isa::Avx2` is only made where the machine has the instructions.
        Isa::Avx2 => unsafe { avx2(queries, panels, stride, out) },
        Isa::Portable => score_tiles!(score_portable, queries, panels, stride, out),
    }
}

/// The safe reference of a tile of scores.
fn score_portable<T: Element, const R: usize, const P: usize>(
    queries: &[&[f32]; R],
    panels: &[Keys<'_, T>; P],
    stride: usize,
    out: &mut [f32],
) {
    for (row, query) in queries.iter().enumerate() {
        for (keys, position) in panels {
            let start = row * stride + position;
            let out = &mut out[start..start + BLOCK_TOKENS];
            out.fill(0.0);
            for (q, keys) in query.iter().zip(keys.chunks_exact(BLOCK_TOKENS)) {
                for (out, key) in out.iter_mut().zip(keys) {
                    *out = key.wide().mul_add(*q, *out);
                }
            }
        }
    }
}

/// `out[row] += weights[row][token] * values[token]` over the tokens of all pieces, front to back.
/// Weights are `[tokens]`; `out` is `[rows, padded]`.
///
/// # Panics
/// When sizes do not fit.
pub(crate) fn weigh<T: Element>(
    weights: &[&[f32]],
    pieces: &[Values<'_, T>],
    padded: usize,
    out: &mut [f32],
) {
    weigh_on(Isa::detect(), weights, pieces, padded, out);
}

/// Columns by 64, 32 and 16; rows by six, four, three, two and one.
macro_rules! weigh_tiles {
    ($tile:ident, $weights:ident, $pieces:ident, $padded:ident, $out:ident) => {{
        let mut column = 0;
        weigh_tiles!(@columns 4, $tile, $weights, $pieces, $padded, $out, column);
        weigh_tiles!(@columns 2, $tile, $weights, $pieces, $padded, $out, column);
        weigh_tiles!(@columns 1, $tile, $weights, $pieces, $padded, $out, column);
    }};
    (@columns $c:literal, $tile:ident, $weights:ident, $pieces:ident, $padded:ident, $out:ident, $column:ident) => {
        while $column + 16 * $c <= $padded {
            let mut row = 0;
            weigh_tiles!(@rows 6, $c, $tile, $weights, $pieces, $padded, $out, $column, row);
            weigh_tiles!(@rows 4, $c, $tile, $weights, $pieces, $padded, $out, $column, row);
            weigh_tiles!(@rows 3, $c, $tile, $weights, $pieces, $padded, $out, $column, row);
            weigh_tiles!(@rows 2, $c, $tile, $weights, $pieces, $padded, $out, $column, row);
            weigh_tiles!(@rows 1, $c, $tile, $weights, $pieces, $padded, $out, $column, row);
            $column += 16 * $c;
        }
    };
    (@rows $r:literal, $c:literal, $tile:ident, $weights:ident, $pieces:ident, $padded:ident, $out:ident, $column:ident, $row:ident) => {
        while let Some(rows) = $weights.get($row..).and_then(|rest| rest.first_chunk::<$r>()) {
            let out = &mut $out[$row * $padded..($row + $r) * $padded];
            $tile::<T, $r, $c>(rows, $pieces, $padded, $column, out);
            $row += $r;
        }
    };
}

fn weigh_on<T: Element>(
    isa: Isa,
    weights: &[&[f32]],
    pieces: &[Values<'_, T>],
    padded: usize,
    out: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    use x86::{weigh_avx2, weigh_avx512};
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma,f16c")]
    fn avx512<T: Element>(
        weights: &[&[f32]],
        pieces: &[Values<'_, T>],
        padded: usize,
        out: &mut [f32],
    ) {
        weigh_tiles!(weigh_avx512, weights, pieces, padded, out);
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn avx2<T: Element>(
        weights: &[&[f32]],
        pieces: &[Values<'_, T>],
        padded: usize,
        out: &mut [f32],
    ) {
        weigh_tiles!(weigh_avx2, weights, pieces, padded, out);
    }
    let tokens: usize = pieces.iter().map(|(_, tokens)| tokens).sum();
    assert!(weights.iter().all(|row| row.len() == tokens), "a weight for every token");
    assert!(pieces.iter().all(|(values, tokens)| values.len() >= tokens * padded), "whole tokens");
    assert_eq!(out.len(), weights.len() * padded, "an output for every row");
    match isa {
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
        // SAFETY: `Isa::Avx512` is only made where the machine has the instructions.
        Isa::Avx512 => unsafe { avx512(weights, pieces, padded, out) },
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
        // SAFETY: `Isa::Avx2` is only made where the machine has the instructions.
        Isa::Avx2 => unsafe { avx2(weights, pieces, padded, out) },
        Isa::Portable => weigh_tiles!(weigh_portable, weights, pieces, padded, out),
    }
}

/// The safe reference of a tile of weighted sums, of `16 * C` columns from `column` on.
fn weigh_portable<T: Element, const R: usize, const C: usize>(
    weights: &[&[f32]; R],
    pieces: &[Values<'_, T>],
    padded: usize,
    column: usize,
    out: &mut [f32],
) {
    for (weights, out) in weights.iter().zip(out.chunks_exact_mut(padded)) {
        let mut weights = weights.iter();
        let out = &mut out[column..column + 16 * C];
        for (values, tokens) in pieces {
            for row in values.chunks_exact(padded).take(*tokens) {
                let Some(weight) = weights.next() else { return };
                for (out, value) in out.iter_mut().zip(&row[column..]) {
                    *out = value.wide().mul_add(*weight, *out);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads and stores through pointers")]
mod x86 {
    use std::arch::x86_64::{
        _mm256_fmadd_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm512_fmadd_ps,
        _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };

    use super::{BLOCK_TOKENS, Element, Keys, Values};

    /// AVX-512 form of [`super::score_portable`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma,f16c")]
    #[inline]
    pub(super) fn score_avx512<T: Element, const R: usize, const P: usize>(
        queries: &[&[f32]; R],
        panels: &[Keys<'_, T>; P],
        stride: usize,
        out: &mut [f32],
    ) {
        let width = queries[0].len();
        let at = panels.map(|(_, position)| position);
        let panels: [&[[T; BLOCK_TOKENS]]; P] = panels.map(|(keys, _)| keys.as_chunks().0);
        assert!(queries.iter().all(|query| query.len() == width), "queries of one width");
        assert!(panels.iter().all(|keys| keys.len() == width), "keys of that width");
        let mut sums = [[_mm512_setzero_ps(); P]; R];
        for i in 0..width {
            let mut keys = [_mm512_setzero_ps(); P];
            for p in 0..P {
                // SAFETY: this function has the instructions.
                keys[p] = unsafe { T::sixteen(&panels[p][i]) };
            }
            for r in 0..R {
                let query = _mm512_set1_ps(queries[r][i]);
                for p in 0..P {
                    sums[r][p] = _mm512_fmadd_ps(keys[p], query, sums[r][p]);
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (sum, at) in sums.into_iter().zip(at) {
                let start = r * stride + at;
                let out = &mut out[start..start + BLOCK_TOKENS];
                // SAFETY: sixteen numbers.
                unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sum) };
            }
        }
    }

    /// AVX2 form of [`super::score_portable`], of as many panels at a time as registers hold sums.
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    pub(super) fn score_avx2<T: Element, const R: usize, const P: usize>(
        queries: &[&[f32]; R],
        panels: &[Keys<'_, T>; P],
        stride: usize,
        out: &mut [f32],
    ) {
        if R * P <= 6 {
            return score_together(queries, panels, stride, out);
        }
        let (pairs, single) = if R <= 3 { panels.as_chunks::<2>() } else { (&[][..], &panels[..]) };
        for pair in pairs {
            score_together(queries, pair, stride, out);
        }
        for panel in single {
            score_together(queries, &[*panel], stride, out);
        }
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    fn score_together<T: Element, const R: usize, const P: usize>(
        queries: &[&[f32]; R],
        panels: &[Keys<'_, T>; P],
        stride: usize,
        out: &mut [f32],
    ) {
        let width = queries[0].len();
        let at = panels.map(|(_, position)| position);
        let panels: [&[[T; 8]]; P] = panels.map(|(keys, _)| keys.as_chunks().0);
        assert!(queries.iter().all(|query| query.len() == width), "queries of one width");
        assert!(panels.iter().all(|keys| keys.len() == 2 * width), "keys of that width");
        let mut sums = [[[_mm256_setzero_ps(); 2]; P]; R];
        for i in 0..width {
            for p in 0..P {
                // SAFETY: this function has the instructions.
                let keys =
                    unsafe { [T::eight(&panels[p][2 * i]), T::eight(&panels[p][2 * i + 1])] };
                for r in 0..R {
                    let query = _mm256_set1_ps(queries[r][i]);
                    for half in 0..2 {
                        sums[r][p][half] = _mm256_fmadd_ps(keys[half], query, sums[r][p][half]);
                    }
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            for (halves, at) in sums.into_iter().zip(at) {
                let start = r * stride + at;
                for (half, sum) in halves.into_iter().enumerate() {
                    let out = &mut out[start + 8 * half..start + 8 * half + 8];
                    // SAFETY: a half is 8 numbers.
                    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), sum) };
                }
            }
        }
    }

    /// AVX-512 form of [`super::weigh_portable`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma,f16c")]
    #[inline]
    pub(super) fn weigh_avx512<T: Element, const R: usize, const C: usize>(
        weights: &[&[f32]; R],
        pieces: &[Values<'_, T>],
        padded: usize,
        column: usize,
        out: &mut [f32],
    ) {
        let (registers, from) = (padded / 16, column / 16);
        let (out, _) = out.as_chunks_mut::<16>();
        let mut sums = [[_mm512_setzero_ps(); C]; R];
        for r in 0..R {
            for c in 0..C {
                // SAFETY: this function has the instructions.
                sums[r][c] = unsafe { f32::sixteen(&out[r * registers + from + c]) };
            }
        }
        let mut token = 0;
        for (values, tokens) in pieces {
            let (values, _) = values.as_chunks::<16>();
            for row in values.chunks_exact(registers).take(*tokens) {
                let row = &row[from..from + C];
                let mut values = [_mm512_setzero_ps(); C];
                for c in 0..C {
                    // SAFETY: this function has the instructions.
                    values[c] = unsafe { T::sixteen(&row[c]) };
                }
                for r in 0..R {
                    let weight = _mm512_set1_ps(weights[r][token]);
                    for c in 0..C {
                        sums[r][c] = _mm512_fmadd_ps(values[c], weight, sums[r][c]);
                    }
                }
                token += 1;
            }
        }
        for r in 0..R {
            for c in 0..C {
                let out = &mut out[r * registers + from + c];
                // SAFETY: a chunk is 16 numbers.
                unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sums[r][c]) };
            }
        }
    }

    /// AVX2 form of [`super::weigh_portable`]; of few rows as many columns at a time as keep the
    /// multipliers busy, of many as registers hold.
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    pub(super) fn weigh_avx2<T: Element, const R: usize, const C: usize>(
        weights: &[&[f32]; R],
        pieces: &[Values<'_, T>],
        padded: usize,
        column: usize,
        out: &mut [f32],
    ) {
        let (mut first, last) = (column / 8, column / 8 + 2 * C);
        while R <= 3 && first + 4 <= last {
            weigh_together::<T, R, 4>(weights, pieces, padded, first, out);
            first += 4;
        }
        while first < last {
            weigh_together::<T, R, 2>(weights, pieces, padded, first, out);
            first += 2;
        }
    }

    /// The columns of `E` registers, from that with index `first` on.
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    fn weigh_together<T: Element, const R: usize, const E: usize>(
        weights: &[&[f32]; R],
        pieces: &[Values<'_, T>],
        padded: usize,
        first: usize,
        out: &mut [f32],
    ) {
        let registers = padded / 8;
        let (out, _) = out.as_chunks_mut::<8>();
        let mut sums = [[_mm256_setzero_ps(); E]; R];
        for r in 0..R {
            for e in 0..E {
                // SAFETY: this function has the instructions.
                sums[r][e] = unsafe { f32::eight(&out[r * registers + first + e]) };
            }
        }
        let mut token = 0;
        for (values, tokens) in pieces {
            let (values, _) = values.as_chunks::<8>();
            for row in values.chunks_exact(registers).take(*tokens) {
                let row = &row[first..first + E];
                let mut values = [_mm256_setzero_ps(); E];
                for e in 0..E {
                    // SAFETY: this function has the instructions.
                    values[e] = unsafe { T::eight(&row[e]) };
                }
                for r in 0..R {
                    let weight = _mm256_set1_ps(weights[r][token]);
                    for e in 0..E {
                        sums[r][e] = _mm256_fmadd_ps(values[e], weight, sums[r][e]);
                    }
                }
                token += 1;
            }
        }
        for r in 0..R {
            for e in 0..E {
                let out = &mut out[r * registers + first + e];
                // SAFETY: a chunk is 8 numbers.
                unsafe { _mm256_storeu_ps(out.as_mut_ptr(), sums[r][e]) };
            }
        }
    }
}

#[cfg(test)]
mod tests;
