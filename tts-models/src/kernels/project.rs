//! Products of rows with packed matrices, over the threads of a team.
//!
//! Panels are shared out among threads; rows pass over two panels at a time in tiles of up to six,
//! while the panels stay in the first cache level. Levels of 4 bits are widened once for all rows,
//! unless the rows are few: then reading the panels is what takes the time. A tile's results are
//! written as they stand, added to what is there, or, for gate and up panels side by side, become
//! their `SwiGLU`. Neither tiles nor tasks change a bit: each output is a sum of its own.

use std::cell::RefCell;

use super::elementwise::swish_gate;
use super::float;
use super::input::{Bytes, Input};
use super::int8::{Int8Panel, tile};
use super::matrix::{Line, Matrix, PANEL, Panel};
use super::{Isa, Team};

/// With at most as many rows, nibbles are unpacked as they are used.
const FEW_ROWS: usize = 2;

/// A pointer into the output, of which each task writes columns of its own.
#[derive(Clone, Copy)]
struct Output {
    start: *mut f32,
    /// Rows and columns of the whole output.
    rows: usize,
    columns: usize,
}

#[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
// SAFETY: the pointer is only used by `Output::part`, whose callers keep elements disjoint.
unsafe impl Send for Output {}
#[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
// SAFETY: as above.
unsafe impl Sync for Output {}

impl Output {
    /// A buffer of whole rows.
    fn new(out: &mut [f32], rows: usize) -> Self {
        let columns = out.len().checked_div(rows).unwrap_or(0);
        assert_eq!(rows * columns, out.len(), "whole rows");
        Self { start: out.as_mut_ptr(), rows, columns }
    }

    /// Up to 16 columns of a row, cut off at the last one.
    ///
    /// # Safety
    /// The buffer must still be borrowed, and nobody else hold the same elements.
    #[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
    unsafe fn part<'a>(self, row: usize, column: usize, last: usize) -> &'a mut [f32] {
        assert!(row < self.rows && column < last && last <= self.columns, "within the output");
        let count = PANEL.min(last - column);
        // SAFETY: `row * columns + column + count <= rows * columns`, the buffer's length.
        unsafe {
            let start = self.start.add(row * self.columns + column);
            std::slice::from_raw_parts_mut(start, count)
        }
    }
}

/// `out[row] (+)= matrices . x[row]`, the outputs of all matrices side by side.
///
/// # Panics
/// When sizes do not fit.
pub(crate) fn project(team: &Team, x: &Input, w: &[&Matrix], add: bool, out: &mut [f32]) {
    project_on(Isa::detect(), team, x, w, add, out);
}

fn project_on(isa: Isa, team: &Team, x: &Input, w: &[&Matrix], add: bool, out: &mut [f32]) {
    let columns: usize = w.iter().map(|matrix| matrix.outputs()).sum();
    assert_eq!(out.len(), x.rows * columns, "an output for every row");
    let output = Output::new(out, x.rows);
    // For each panel its matrix, place, and first and last column.
    let mut panels = Vec::new();
    let mut first = 0;
    for matrix in w {
        let last = first + matrix.outputs();
        panels.extend((0..matrix.panels()).map(|i| (*matrix, i, first + i * PANEL, last)));
        first = last;
    }
    let each = group(panels.len(), team.threads());
    team.each(panels.len().div_ceil(each), |task| {
        // The closure takes the whole wrapper, not its raw field, so that it can cross threads.
        let output = &output;
        let mine = &panels[task * each..((task + 1) * each).min(panels.len())];
        let refs: Vec<Panel<'_>> = mine.iter().map(|(matrix, i, ..)| matrix.panel(*i)).collect();
        walk(isa, x, &refs, &mut |row, panel, values: &[[f32; PANEL]]| {
            for (values, &(_, _, first, last)) in values.iter().zip(&mine[panel..]) {
                #[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
                // SAFETY: `out` is borrowed mutably for the whole call, and this task alone writes
                // the columns of its panels.
                let out = unsafe { output.part(row, first, last) };
                match (out.as_mut_array::<PANEL>(), add) {
                    (Some(out), false) => *out = *values,
                    (Some(out), true) => add_sixteen(out, values),
                    (None, _) => {
                        for (out, value) in out.iter_mut().zip(values) {
                            *out = if add { *out + value } else { *value };
                        }
                    }
                }
            }
        });
    });
}

fn add_sixteen(out: &mut [f32; PANEL], values: &[f32; PANEL]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out += value;
    }
}

/// `out[row] = silu(gate . x[row]) * (up . x[row])`.
///
/// # Panics
/// When sizes do not fit.
pub(crate) fn project_swiglu(team: &Team, x: &Input, gate: &Matrix, up: &Matrix, out: &mut [f32]) {
    project_swiglu_on(Isa::detect(), team, x, gate, up, out);
}

fn project_swiglu_on(
    isa: Isa,
    team: &Team,
    x: &Input,
    gate: &Matrix,
    up: &Matrix,
    out: &mut [f32],
) {
    assert!(gate.outputs() == up.outputs() && out.len() == x.rows * up.outputs(), "shapes fit");
    let output = Output::new(out, x.rows);
    let panels = gate.panels();
    let each = group(2 * panels, team.threads()).div_ceil(2);
    team.each(panels.div_ceil(each), |task| {
        let output = &output;
        let first = task * each;
        let mine = first..(first + each).min(panels);
        let refs: Vec<Panel<'_>> = mine.flat_map(|i| [gate.panel(i), up.panel(i)]).collect();
        walk(isa, x, &refs, &mut |row, panel, values: &[[f32; PANEL]]| {
            for (pair, both) in values.as_chunks::<2>().0.iter().enumerate() {
                let column = (first + panel / 2 + pair) * PANEL;
                #[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
                // SAFETY: `out` is borrowed mutably for the whole call, and this task alone writes
                // the columns of its panels.
                let out = unsafe { output.part(row, column, up.outputs()) };
                out.copy_from_slice(&swish_gate(&both[0], &both[1])[..out.len()]);
            }
        });
    });
}

/// How many panels make a task: few enough to share them out, an even number.
fn group(panels: usize, threads: usize) -> usize {
    if threads == 1 {
        return 8;
    }
    (panels / (8 * threads)).clamp(2, 8) / 2 * 2
}

thread_local! {
    /// Widened levels of the panels at hand.
    static WIDENED: RefCell<[Vec<[Line<[u8; 64]>; 8]>; 2]> = const { RefCell::new([const { Vec::new() }; 2]) };
}

/// The rows of an input in the form of one kind of panel.
fn rows<'a, T>(all: &'a [T], x: &Input) -> Vec<&'a [T]> {
    let width = all.len().checked_div(x.rows).unwrap_or(0);
    assert!(width > 0 || x.rows == 0, "the input was made for these matrices");
    all.chunks_exact(width.max(1)).collect()
}

/// All rows against some panels, two at a time; `sink(row, first panel, outputs of one or two)`.
fn walk(
    isa: Isa,
    x: &Input,
    panels: &[Panel<'_>],
    sink: &mut impl FnMut(usize, usize, &[[f32; PANEL]]),
) {
    let mut at = 0;
    while at < panels.len() {
        let pair = panels.get(at + 1).map(|second| (panels[at], *second));
        let mut sink = |row, values: &[[f32; PANEL]]| sink(row, at, values);
        match (panels[at], pair) {
            (Panel::F32(_), Some((Panel::F32(a), Panel::F32(b)))) => {
                on_f32(isa, &rows(&x.f32, x), [a, b], &mut sink);
                at += 2;
            }
            (Panel::Bf16(_), Some((Panel::Bf16(a), Panel::Bf16(b)))) => {
                on_bf16(isa, &rows(&x.bf16, x), [a, b], &mut sink);
                at += 2;
            }
            (Panel::Int8(_), Some((Panel::Int8(a), Panel::Int8(b))))
                if a.minima.len() == b.minima.len() =>
            {
                widened(isa, x, [a, b], |panels| {
                    on_int8(isa, &rows(&x.int8, x), panels, &mut sink);
                });
                at += 2;
            }
            (Panel::F32(panel), _) => {
                on_f32(isa, &rows(&x.f32, x), [panel], &mut sink);
                at += 1;
            }
            (Panel::Bf16(panel), _) => {
                on_bf16(isa, &rows(&x.bf16, x), [panel], &mut sink);
                at += 1;
            }
            (Panel::Int8(panel), _) => {
                widened(isa, x, [panel], |panels| {
                    on_int8(isa, &rows(&x.int8, x), panels, &mut sink);
                });
                at += 1;
            }
        }
    }
}

/// Calls `with` with the panels, widened where that is worth it.
fn widened<const P: usize>(
    isa: Isa,
    x: &Input,
    panels: [Int8Panel<'_>; P],
    with: impl FnOnce([Int8Panel<'_>; P]),
) {
    if x.rows <= FEW_ROWS {
        return with(panels);
    }
    WIDENED.with_borrow_mut(|lines| {
        let mut lines = lines.iter_mut();
        with(panels.map(|panel| match lines.next() {
            Some(lines) => panel.widened(isa, lines),
            None => panel,
        }));
    });
}

/// Tiles of six rows, then four, two and one.
macro_rules! over_rows {
    ($tile:path, $x:ident, $w:ident, $p:ident, $sink:ident) => {{
        let mut row = 0;
        over_rows!(@tiles 6, $tile, $x, $w, $p, $sink, row);
        over_rows!(@tiles 4, $tile, $x, $w, $p, $sink, row);
        over_rows!(@tiles 2, $tile, $x, $w, $p, $sink, row);
        over_rows!(@tiles 1, $tile, $x, $w, $p, $sink, row);
    }};
    (@tiles $r:literal, $tile:path, $x:ident, $w:ident, $p:ident, $sink:ident, $row:ident) => {
        while let Some(rows) = $x.get($row..).and_then(|rows| rows.first_chunk::<$r>()) {
            let mut out = [[[0.0; PANEL]; $p]; $r];
            $tile(rows, &$w, &mut out);
            for (offset, values) in out.iter().enumerate() {
                $sink($row + offset, values);
            }
            $row += $r;
        }
    };
}
/// Dispatches on the instruction set, outside of the loop over rows.
macro_rules! dispatch {
    ($name:ident, $row:ty, $panel:ty, $avx512:path, $avx2:path, $portable:path) => {
        fn $name<const P: usize>(
            isa: Isa,
            x: &[$row],
            w: [$panel; P],
            sink: &mut impl FnMut(usize, &[[f32; PANEL]]),
        ) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
            fn avx512<const P: usize>(
                x: &[$row],
                w: [$panel; P],
                sink: &mut impl FnMut(usize, &[[f32; PANEL]]),
            ) {
                over_rows!($avx512, x, w, P, sink);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2<const P: usize>(
                x: &[$row],
                w: [$panel; P],
                sink: &mut impl FnMut(usize, &[[f32; PANEL]]),
            ) {
                over_rows!($avx2, x, w, P, sink);
            }
            match isa {
                #[cfg(target_arch = "x86_64")]
                #[expect(
                    unsafe_code,
                    reason = "calls code compiled for a detected instruction set"
                )]
                // SAFETY: `Isa::Avx512` is only made where the machine has the instructions.
                Isa::Avx512 => unsafe { avx512(x, w, sink) },
                #[cfg(target_arch = "x86_64")]
                #[expect(
                    unsafe_code,
                    reason = "calls code compiled for a detected instruction set"
                )]
                // SAFETY: `Isa::Avx2` is only made where the machine has the instructions.
                Isa::Avx2 => unsafe { avx2(x, w, sink) },
                Isa::Portable => over_rows!($portable, x, w, P, sink),
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    pub(super) use super::float::x86::{avx2_bf16, avx2_f32, avx512_bf16, avx512_f32, own_bf16};
    pub(super) use super::tile::x86::{avx2 as avx2_int8, avx512 as avx512_int8};
}

dispatch!(
    on_f32,
    &[f32],
    &[Line<[f32; PANEL]>],
    x86::avx512_f32,
    x86::avx2_f32,
    float::portable_f32
);
dispatch!(
    on_emulated_bf16,
    &[u32],
    &[Line<[u32; PANEL]>],
    x86::avx512_bf16,
    x86::avx2_bf16,
    float::portable_bf16
);
dispatch!(on_int8, &[Bytes], Int8Panel<'_>, x86::avx512_int8, x86::avx2_int8, tile::portable);

/// BF16 products, by the machine's own instruction where it has one.
fn on_bf16<const P: usize>(
    isa: Isa,
    x: &[&[u32]],
    w: [&[Line<[u32; PANEL]>]; P],
    sink: &mut impl FnMut(usize, &[[f32; PANEL]]),
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16,avx2,fma,f16c")]
        fn own<const P: usize>(
            x: &[&[u32]],
            w: [&[Line<[u32; PANEL]>]; P],
            sink: &mut impl FnMut(usize, &[[f32; PANEL]]),
        ) {
            over_rows!(x86::own_bf16, x, w, P, sink);
        }
        if isa == Isa::Avx512 && std::arch::is_x86_feature_detected!("avx512bf16") {
            #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
            // SAFETY: the machine has just been asked for the instructions.
            return unsafe { own(x, w, sink) };
        }
    }
    on_emulated_bf16(isa, x, w, sink);
}

#[cfg(test)]
mod tests;
