//! Operands that are packed anew for each product: what training multiplies.
//!
//! The gradient of a projection needs its weights, its inputs and the gradient of its outputs both as
//! they lie and transposed: `y = x W^T`, `dx = dy W`, `dW = dy^T x`. Panels and rows are written
//! here from either layout, into memory that is used again, sixteen columns at a time, so that a
//! transposed operand costs no copy of its own.

use super::input::{Input, Kinds};
use super::matrix::{Line, Matrix, PANEL, Panels, bf16_bits};
use super::{Team, for_each_isa};

/// In what numbers training multiplies; sums are always in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    F32,
    Bf16,
}

impl Format {
    /// The form of an input.
    pub(crate) fn kinds(self) -> Kinds {
        match self {
            Self::F32 => Kinds::F32,
            Self::Bf16 => Kinds::BF16,
        }
    }

    /// A matrix of nothing, to be packed.
    pub(crate) fn matrix(self) -> Matrix {
        match self {
            Self::F32 => Matrix::F32 { outputs: 0, inputs: 0, panels: Panels::Reused(Vec::new()) },
            Self::Bf16 => {
                Matrix::Bf16 { outputs: 0, inputs: 0, panels: Panels::Reused(Vec::new()) }
            }
        }
    }
}

/// A matrix as it lies in memory: `[rows, columns]`, each row `stride` numbers after the one before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) stride: usize,
}

impl<'a> View<'a> {
    /// Rows one after the other.
    pub(crate) fn of(values: &'a [f32], columns: usize) -> Self {
        Self { values, rows: values.len() / columns, columns, stride: columns }
    }

    /// Sixteen numbers of a row from `column` on; 0 beyond the edges.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "takes on its caller's instruction set")]
    fn sixteen(&self, row: usize, column: usize) -> [f32; PANEL] {
        let mut out = [0.0; PANEL];
        if row < self.rows {
            let row = &self.values[row * self.stride..][..self.columns];
            match row[column..].first_chunk::<PANEL>() {
                Some(whole) => out = *whole,
                None => out[..row.len() - column].copy_from_slice(&row[column..]),
            }
        }
        out
    }
}

/// Two rows of sixteen as sixteen pairs.
#[inline(always)]
#[expect(clippy::inline_always, reason = "takes on its caller's instruction set")]
fn pairs(first: &[f32; PANEL], second: &[f32; PANEL]) -> [u32; PANEL] {
    let mut out = [0; PANEL];
    for ((out, first), second) in out.iter_mut().zip(first).zip(second) {
        *out = bf16_bits(*first) | bf16_bits(*second) << 16;
    }
    out
}

/// A tile of sixteen by sixteen, turned.
#[inline(always)]
#[expect(clippy::inline_always, reason = "takes on its caller's instruction set")]
fn turned<T: Copy + Default>(tile: &[[T; PANEL]; PANEL]) -> [[T; PANEL]; PANEL] {
    let mut out = [[T::default(); PANEL]; PANEL];
    for (row, values) in tile.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            out[column][row] = *value;
        }
    }
    out
}

/// The panel of sixteen columns from `first` on, `[rows]` lines.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn f32_columns_body(view: &View<'_>, first: usize, lines: &mut [Line<[f32; PANEL]>]) {
    for (row, line) in lines.iter_mut().enumerate() {
        line.0 = view.sixteen(row, first);
    }
}

for_each_isa! {
    f32_columns / f32_columns_on,
    f32_columns_body(view: &View<'_>, first: usize, lines: &mut [Line<[f32; PANEL]>])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn bf16_columns_body(view: &View<'_>, first: usize, lines: &mut [Line<[u32; PANEL]>]) {
    for (pair, line) in lines.iter_mut().enumerate() {
        line.0 = pairs(&view.sixteen(2 * pair, first), &view.sixteen(2 * pair + 1, first));
    }
}

for_each_isa! {
    bf16_columns / bf16_columns_on,
    bf16_columns_body(view: &View<'_>, first: usize, lines: &mut [Line<[u32; PANEL]>])
}

/// The panel of sixteen rows from `first` on, `[columns]` lines.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn f32_rows_body(view: &View<'_>, first: usize, lines: &mut [Line<[f32; PANEL]>]) {
    for (block, lines) in lines.chunks_mut(PANEL).enumerate() {
        let mut tile = [[0.0; PANEL]; PANEL];
        for (row, tile) in tile.iter_mut().enumerate() {
            *tile = view.sixteen(first + row, PANEL * block);
        }
        for (line, values) in lines.iter_mut().zip(turned(&tile)) {
            line.0 = values;
        }
    }
}

for_each_isa! {
    f32_rows / f32_rows_on,
    f32_rows_body(view: &View<'_>, first: usize, lines: &mut [Line<[f32; PANEL]>])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn bf16_rows_body(view: &View<'_>, first: usize, lines: &mut [Line<[u32; PANEL]>]) {
    // Eight lines are sixteen columns.
    for (block, lines) in lines.chunks_mut(PANEL / 2).enumerate() {
        let mut tile = [[0.0; PANEL]; PANEL];
        for (row, tile) in tile.iter_mut().enumerate() {
            *tile = view.sixteen(first + row, PANEL * block);
        }
        let tile = turned(&tile);
        for (pair, line) in lines.iter_mut().enumerate() {
            line.0 = pairs(&tile[2 * pair], &tile[2 * pair + 1]);
        }
    }
}

for_each_isa! {
    bf16_rows / bf16_rows_on,
    bf16_rows_body(view: &View<'_>, first: usize, lines: &mut [Line<[u32; PANEL]>])
}

/// The first of `values`. Not a copy of a slice, which would be a call for whole blocks too.
#[inline(always)]
#[expect(clippy::inline_always, reason = "takes on its caller's instruction set")]
fn put<T: Copy>(out: &mut [T], values: &[T; PANEL]) {
    if let Some(out) = out.first_chunk_mut::<PANEL>() {
        *out = *values;
    } else {
        for (out, &value) in out.iter_mut().zip(values) {
            *out = value;
        }
    }
}

/// Sixteen columns from `first` on as rows of an input, `[columns, rows]`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn f32_turned_body(view: &View<'_>, first: usize, out: &mut [f32]) {
    for block in (0..view.rows).step_by(PANEL) {
        let mut tile = [[0.0; PANEL]; PANEL];
        for (row, tile) in tile.iter_mut().enumerate() {
            *tile = view.sixteen(block + row, first);
        }
        let wide = PANEL.min(view.rows - block);
        for (out, values) in out.chunks_mut(view.rows).zip(turned(&tile)) {
            put(&mut out[block..block + wide], &values);
        }
    }
}

for_each_isa! {
    f32_turned / f32_turned_on, f32_turned_body(view: &View<'_>, first: usize, out: &mut [f32])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn bf16_turned_body(view: &View<'_>, first: usize, out: &mut [u32]) {
    let width = view.rows.div_ceil(2);
    for block in (0..width).step_by(PANEL) {
        let mut tile = [[0; PANEL]; PANEL];
        for (pair, tile) in tile.iter_mut().enumerate() {
            let row = 2 * (block + pair);
            *tile = pairs(&view.sixteen(row, first), &view.sixteen(row + 1, first));
        }
        let wide = PANEL.min(width - block);
        for (out, values) in out.chunks_mut(width).zip(turned(&tile)) {
            put(&mut out[block..block + wide], &values);
        }
    }
}

for_each_isa! {
    bf16_turned / bf16_turned_on, bf16_turned_body(view: &View<'_>, first: usize, out: &mut [u32])
}

/// Makes a buffer as long as need be, without writing to what it has.
fn resize<T: Copy>(buffer: &mut Vec<T>, length: usize, value: T) {
    if buffer.len() > length {
        buffer.truncate(length);
    } else {
        buffer.resize(length, value);
    }
}

/// Runs over the panels of a buffer on all threads.
fn each_panel<T: Send>(
    team: &Team,
    lines: &mut [T],
    width: usize,
    task: impl Fn(usize, &mut [T]) + Sync,
) {
    if lines.is_empty() {
        return;
    }
    let panels = lines.len() / width;
    let each = panels.div_ceil(4 * team.threads()).max(1);
    let items: Vec<&mut [T]> = lines.chunks_mut(each * width).collect();
    team.each_of(items, |index, panels| {
        for (offset, panel) in panels.chunks_mut(width).enumerate() {
            task(PANEL * (index * each + offset), panel);
        }
    });
}

impl Matrix {
    /// Packs anew the matrix whose outputs are the rows of `view`, of one that [`Format::matrix`]
    /// made.
    pub(crate) fn pack_rows(&mut self, team: &Team, view: &View<'_>) {
        self.pack(team, [view.rows, view.columns], |first, lines| match lines {
            Lines::F32(lines) => f32_rows(view, first, lines),
            Lines::Bf16(lines) => bf16_rows(view, first, lines),
        });
    }

    /// Packs anew the matrix whose outputs are the columns of `view`.
    pub(crate) fn pack_columns(&mut self, team: &Team, view: &View<'_>) {
        self.pack(team, [view.columns, view.rows], |first, lines| match lines {
            Lines::F32(lines) => f32_columns(view, first, lines),
            Lines::Bf16(lines) => bf16_columns(view, first, lines),
        });
    }

    fn pack(&mut self, team: &Team, shape: [usize; 2], task: impl Fn(usize, Lines<'_>) + Sync) {
        let panels = shape[0].div_ceil(PANEL);
        match self {
            Self::F32 { outputs, inputs, panels: Panels::Reused(lines) } => {
                [*outputs, *inputs] = shape;
                resize(lines, panels * shape[1], Line([0.0; PANEL]));
                each_panel(team, lines, shape[1].max(1), |at, lines| task(at, Lines::F32(lines)));
            }
            Self::Bf16 { outputs, inputs, panels: Panels::Reused(lines) } => {
                [*outputs, *inputs] = shape;
                let pairs = shape[1].div_ceil(2);
                resize(lines, panels * pairs, Line([0; PANEL]));
                each_panel(team, lines, pairs.max(1), |at, lines| task(at, Lines::Bf16(lines)));
            }
            Self::F32 { .. } | Self::Bf16 { .. } | Self::Int8(_) => {
                unreachable!("only matrices of `Format::matrix` are packed anew")
            }
        }
    }
}

/// The lines of one panel.
enum Lines<'a> {
    F32(&'a mut [Line<[f32; PANEL]>]),
    Bf16(&'a mut [Line<[u32; PANEL]>]),
}

impl Input {
    /// Takes over the columns of `view` as rows.
    pub(crate) fn copy_columns(&mut self, team: &Team, format: Format, view: &View<'_>) {
        (self.rows, self.inputs) = (view.columns, view.rows);
        let (pairs, inputs) = (view.rows.div_ceil(2), view.rows);
        match format {
            Format::F32 => {
                resize(&mut self.f32, view.columns * inputs, 0.0);
                sixteen_at_a_time(team, &mut self.f32, inputs, |first, out| {
                    f32_turned(view, first, out);
                });
            }
            Format::Bf16 => {
                resize(&mut self.bf16, view.columns * pairs, 0);
                sixteen_at_a_time(team, &mut self.bf16, pairs, |first, out| {
                    bf16_turned(view, first, out);
                });
            }
        }
    }
}

fn sixteen_at_a_time<T: Send>(
    team: &Team,
    rows: &mut [T],
    width: usize,
    task: impl Fn(usize, &mut [T]) + Sync,
) {
    let items: Vec<&mut [T]> = rows.chunks_mut(PANEL * width.max(1)).collect();
    team.each_of(items, |index, rows| task(PANEL * index, rows));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Isa, project};
    use super::*;
    use crate::WeightFormat;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut rng = tts_core::seed::rng(seed);
        #[expect(clippy::cast_possible_truncation, reason = "test data")]
        (0..count).map(|_| (rng.uniform() * 4.0 - 2.0) as f32).collect()
    }

    fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
        let rows = values.len() / columns;
        (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
    }

    fn bits(x: &[f32]) -> Vec<u32> {
        x.iter().map(|x| x.to_bits()).collect()
    }

    proptest! {
        /// Whatever way operands come in, products are those of matrices packed once.
        #[test]
        fn every_layout_gives_the_same_products(
            rows in 1_usize..40, inputs in 1_usize..70, outputs in 1_usize..40, seed in 0_u64..1000,
        ) {
            let team = Team::new(2).unwrap();
            let (x, w) = (numbers(rows * inputs, seed), numbers(outputs * inputs, seed + 1));
            for (format, stored) in
                [(Format::F32, WeightFormat::F32), (Format::Bf16, WeightFormat::Bf16)]
            {
                let product = |input: &Input, matrix: &Matrix| {
                    let mut y = vec![f32::NAN; rows * outputs];
                    project(&team, input, &[matrix], false, &mut y);
                    bits(&y)
                };
                let mut input = Input::default();
                input.copy(&team, format.kinds(), &x, inputs);
                let expected = product(&input, &Matrix::of(&w, inputs, stored));
                // The buffers are used twice, first for something larger.
                let mut matrix = format.matrix();
                matrix.pack_rows(&team, &View::of(&numbers(4_000, 1), 50));
                matrix.pack_rows(&team, &View::of(&w, inputs));
                prop_assert_eq!(&product(&input, &matrix), &expected);
                matrix.pack_columns(&team, &View::of(&transposed(&w, inputs), outputs));
                prop_assert_eq!(&product(&input, &matrix), &expected);
                let mut turned = Input::default();
                turned.copy_columns(&team, format, &View::of(&numbers(4_000, 1), 50));
                turned.copy_columns(&team, format, &View::of(&transposed(&x, inputs), rows));
                prop_assert_eq!(&product(&turned, &matrix), &expected);
                // A part of wider rows.
                let wide = numbers((rows + 3) * inputs, seed + 2);
                let view = View { values: &wide[2..], rows: inputs, columns: rows, stride: rows + 3 };
                let narrow: Vec<f32> = (0..rows)
                    .flat_map(|r| (0..inputs).map(move |i| (r, i)))
                    .map(|(r, i)| wide[2 + i * (rows + 3) + r])
                    .collect();
                input.copy(&team, format.kinds(), &narrow, inputs);
                turned.copy_columns(&team, format, &view);
                prop_assert_eq!(product(&turned, &matrix), product(&input, &matrix));
            }
        }

        #[test]
        fn instruction_sets_pack_alike(rows in 1_usize..40, columns in 1_usize..40, seed in 0_u64..100) {
            let values = numbers(rows * columns, seed);
            let view = View::of(&values, columns);
            let run = |isa: Isa| {
                let (mut a, mut b) =
                    (vec![Line([0.0; PANEL]); rows], vec![Line([0; PANEL]); rows.div_ceil(2)]);
                f32_columns_on(isa, &view, 0, &mut a);
                bf16_columns_on(isa, &view, 0, &mut b);
                let (mut c, mut d) = (
                    vec![Line([0.0; PANEL]); columns],
                    vec![Line([0; PANEL]); columns.div_ceil(2)],
                );
                f32_rows_on(isa, &view, 0, &mut c);
                bf16_rows_on(isa, &view, 0, &mut d);
                let sixteen = columns.min(PANEL);
                let (mut e, mut f) =
                    (vec![0.0; sixteen * rows], vec![0; sixteen * rows.div_ceil(2)]);
                f32_turned_on(isa, &view, 0, &mut e);
                bf16_turned_on(isa, &view, 0, &mut f);
                (a, b, c, d, e, f)
            };
            let reference = run(Isa::Portable);
            for isa in Isa::all() {
                prop_assert!(run(isa) == reference);
            }
        }
    }
}
