//! Products of rows with packed matrices, over the threads of a team.
//!
//! Panels are shared out among threads; rows pass over two panels at a time, in tiles as large as
//! the registers hold, while the panels stay in the first cache level. A tile's results are written as
//! they stand, added to what is there, or, for gate and up panels side by side, become
//! their `SwiGLU`. Neither tiles nor tasks change a bit: each output is a sum of its own.
//!
//! Rows may also go to weights of their own, as those of experts do: see [`each`].

mod each;

use super::elementwise::{swish_gate, swish_gate_all};
use super::float;
use super::input::{Bytes, Input};
#[cfg(target_arch = "x86_64")]
use super::int8::avx2;
use super::int8::{Int8Panel, tile};
use super::matrix::{Line, Matrix, PANEL, Panel};
use super::{Isa, Team};

pub(crate) use each::{Part, project_each, project_swiglu_each};

/// With fewer rows than this, what takes the time is reading the panels.
const FEW_ROWS: usize = 4;
/// How many pairs of panels ahead are asked for then: far enough for memory to answer.
const FAR: usize = 3;

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

/// Takes the outputs of a row under one panel, or two side by side.
///
/// Implementations are always inlined, so that they take on the instruction set of the tiles.
trait Sink {
    fn take(&mut self, row: usize, panel: usize, values: &[[f32; PANEL]]);
}

/// Asks for the panels that come next while the rows pass over those at hand, a part with each row.
/// With few rows, memory is what takes time, and the panels are those after the next ones.
struct Ahead<'a, S> {
    sink: S,
    panels: &'a [Panel<'a>],
    /// How many panels away, in pairs.
    away: usize,
    /// Steps along the inputs that are asked for with each row.
    each: usize,
}

impl<'a, S> Ahead<'a, S> {
    fn new(sink: S, panels: &'a [Panel<'a>], rows: usize) -> Self {
        let away = if rows >= FEW_ROWS { 1 } else { FAR };
        let steps = panels.iter().map(Panel::steps).max().unwrap_or(0);
        Self { sink, panels, away, each: steps.div_ceil(rows.max(1)) }
    }
}

impl<S: Sink> Sink for Ahead<'_, S> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "takes on its caller's instruction set")]
    fn take(&mut self, row: usize, panel: usize, values: &[[f32; PANEL]]) {
        let first = panel + self.away * values.len();
        for panel in self.panels.iter().skip(first).take(values.len()) {
            panel.prefetch(row * self.each..(row + 1) * self.each);
        }
        self.sink.take(row, panel, values);
    }
}

/// Where each panel of a task goes: its first column, and the last one of its matrix.
struct Columns<'a> {
    output: Output,
    /// Row of the output where the first row goes.
    row: usize,
    ranges: &'a [(usize, usize)],
    add: bool,
}

impl Sink for Columns<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "takes on its caller's instruction set")]
    fn take(&mut self, row: usize, panel: usize, values: &[[f32; PANEL]]) {
        for (values, &(first, last)) in values.iter().zip(&self.ranges[panel..]) {
            #[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
            // SAFETY: who made the output holds the buffer for the whole call, and this task alone writes
            // the columns of its panels in its rows.
            let out = unsafe { self.output.part(self.row + row, first, last) };
            match (out.first_chunk_mut::<PANEL>(), self.add) {
                (Some(out), false) => *out = *values,
                (Some(out), true) => {
                    for (out, value) in out.iter_mut().zip(values) {
                        *out += value;
                    }
                }
                (None, add) => {
                    for (out, value) in out.iter_mut().zip(values) {
                        *out = if add { *out + value } else { *value };
                    }
                }
            }
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
    let total: usize = w.iter().map(|matrix| matrix.outputs()).sum();
    assert_eq!(out.len(), x.rows * total, "an output for every row");
    let output = Output::new(out, x.rows);
    let (mut panels, mut columns) = (Vec::new(), Vec::new());
    let mut first = 0;
    for matrix in w {
        let last = first + matrix.outputs();
        panels.extend((0..matrix.panels()).map(|index| (*matrix, index)));
        columns.extend((first..last).step_by(PANEL).map(|column| (column, last)));
        first = last;
    }
    let each = group(panels.len(), team.threads());
    team.each(panels.len().div_ceil(each), |task| {
        let mine = task * each..((task + 1) * each).min(panels.len());
        let seen = mine.start..(mine.end + 2 * FAR).min(panels.len());
        let refs = panels[seen].iter().map(|(matrix, index)| matrix.panel(*index));
        let refs: Vec<Panel<'_>> = refs.collect();
        // The closure takes the whole wrapper, not its raw field, so that it can cross threads.
        let output = &output;
        let count = mine.len();
        let sink = Columns { output: *output, row: 0, ranges: &columns[mine], add };
        walk(isa, x, None, &refs, count, sink);
    });
}

/// Gate and up panels in turn, whose outputs become one.
struct SwiGlu {
    output: Output,
    /// Row of the output where the first row goes.
    row: usize,
    /// Column of the first pair.
    first: usize,
}

impl Sink for SwiGlu {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "takes on its caller's instruction set")]
    fn take(&mut self, row: usize, panel: usize, values: &[[f32; PANEL]]) {
        let [gate, up] = values else { return };
        let column = self.first + panel / 2 * PANEL;
        #[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
        // SAFETY: who made the output holds the buffer for the whole call, and this task alone writes
        // the columns of its panels in its rows.
        let out = unsafe { self.output.part(self.row + row, column, self.output.columns) };
        let active = swish_gate(gate, up);
        if let Some(out) = out.first_chunk_mut::<PANEL>() {
            *out = active;
        } else {
            // Not a copy of a slice, which would become a call for whole panels too.
            for (out, value) in out.iter_mut().zip(active) {
                *out = value;
            }
        }
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
    if !gate.pairs_with(up) {
        // One after the other, as the same sums.
        let mut gates = vec![0.0; out.len()];
        project_on(isa, team, x, &[gate], false, &mut gates);
        project_on(isa, team, x, &[up], false, out);
        return swish_gate_all(&gates, out);
    }
    let output = Output::new(out, x.rows);
    let panels = gate.panels();
    let each = group(2 * panels, team.threads()) / 2;
    team.each(panels.div_ceil(each), |task| {
        let mine = task * each..((task + 1) * each).min(panels);
        // The closure takes the whole wrapper, not its raw field, so that it can cross threads.
        let output = &output;
        let sink = SwiGlu { output: *output, row: 0, first: mine.start * PANEL };
        let count = 2 * mine.len();
        let seen = mine.start..(mine.end + FAR).min(panels);
        let refs: Vec<Panel<'_>> = seen.flat_map(|i| [gate.panel(i), up.panel(i)]).collect();
        walk(isa, x, None, &refs, count, sink);
    });
}

/// How many panels make a task, an even number: few enough to share them out evenly.
fn group(panels: usize, threads: usize) -> usize {
    panels.div_ceil(8 * threads).clamp(2, 8).next_multiple_of(2)
}

/// The rows of an input in the form of one kind of panel: all, or some; none where that form was not made.
fn rows<'a, T>(all: &'a [T], x: &Input, some: Option<&[usize]>) -> Vec<&'a [T]> {
    let width = all.len().checked_div(x.rows).unwrap_or(0);
    match some {
        Some(_) if width == 0 => Vec::new(),
        Some(some) => some.iter().map(|row| &all[row * width..(row + 1) * width]).collect(),
        None => all.chunks_exact(width.max(1)).collect(),
    }
}

/// All rows, or some, against the first `count` panels, two at a time where they are alike; those that follow
/// are asked for.
fn walk(
    isa: Isa,
    x: &Input,
    some: Option<&[usize]>,
    panels: &[Panel<'_>],
    count: usize,
    sink: impl Sink,
) {
    let wanted = some.map_or(x.rows, <[usize]>::len);
    let mut sink = Ahead::new(sink, panels, wanted);
    let (f32, bf16, int8) = (rows(&x.f32, x, some), rows(&x.bf16, x, some), rows(&x.int8, x, some));
    let made = |panel: &Panel<'_>| match panel {
        Panel::F32(_) => f32.len(),
        Panel::Bf16(_) => bf16.len(),
        Panel::Int8(_) => int8.len(),
    };
    assert!(panels.iter().all(|p| made(p) == wanted), "the input was made for these matrices");
    let mut at = 0;
    while at < count {
        let pair = panels[..count].get(at + 1).map(|second| (panels[at], *second));
        match (panels[at], pair) {
            (Panel::F32(_), Some((Panel::F32(a), Panel::F32(b)))) => {
                on_f32(isa, &f32, [a, b], at, &mut sink);
                at += 2;
            }
            (Panel::Bf16(_), Some((Panel::Bf16(a), Panel::Bf16(b)))) => {
                on_bf16(isa, &bf16, [a, b], at, &mut sink);
                at += 2;
            }
            (Panel::Int8(_), Some((Panel::Int8(a), Panel::Int8(b)))) if a.pairs_with(&b) => {
                on_int8(isa, &int8, [a, b], at, &mut sink);
                at += 2;
            }
            (Panel::F32(panel), _) => {
                on_f32(isa, &f32, [panel], at, &mut sink);
                at += 1;
            }
            (Panel::Bf16(panel), _) => {
                on_bf16(isa, &bf16, [panel], at, &mut sink);
                at += 1;
            }
            (Panel::Int8(panel), _) => {
                on_int8(isa, &int8, [panel], at, &mut sink);
                at += 1;
            }
        }
    }
}

/// Tiles of four rows, then two and one: eight integer and eight f32 sums are as many as the
/// compiler keeps in registers beside what they need. Of f32 alone, in registers of eight numbers,
/// twelve sums fit: six rows, which hide how long an addition takes.
macro_rules! over_rows {
    (six, $tile:path, $x:ident, $w:ident, $p:ident, $at:ident, $sink:ident) => {{
        let mut row = 0;
        over_rows!(@tiles 6, $tile, $x, $w, $p, $at, $sink, row);
        over_rows!(@tiles 4, $tile, $x, $w, $p, $at, $sink, row);
        over_rows!(@tiles 2, $tile, $x, $w, $p, $at, $sink, row);
        over_rows!(@tiles 1, $tile, $x, $w, $p, $at, $sink, row);
    }};
    (four, $tile:path, $x:ident, $w:ident, $p:ident, $at:ident, $sink:ident) => {{
        let mut row = 0;
        over_rows!(@tiles 4, $tile, $x, $w, $p, $at, $sink, row);
        over_rows!(@tiles 2, $tile, $x, $w, $p, $at, $sink, row);
        over_rows!(@tiles 1, $tile, $x, $w, $p, $at, $sink, row);
    }};
    (@tiles $r:literal, $tile:path, $x:ident, $w:ident, $p:ident, $at:ident, $sink:ident, $row:ident) => {
        if $x.len() - $row >= $r {
            let mut out = [[[0.0; PANEL]; $p]; $r];
            while let Some(rows) = $x.get($row..).and_then(|rows| rows.first_chunk::<$r>()) {
                $tile(rows, &$w, &mut out);
                for (offset, values) in out.iter().enumerate() {
                    $sink.take($row + offset, $at, values);
                }
                $row += $r;
            }
        }
    };
}

/// Dispatches on the instruction set, outside of the loop over rows.
macro_rules! dispatch {
    ($name:ident, $row:ty, $panel:ty, $avx512:path, $rows:ident $avx2:path, $portable:path) => {
        fn $name<const P: usize>(
            isa: Isa,
            x: &[$row],
            w: [$panel; P],
            at: usize,
            sink: &mut impl Sink,
        ) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
            fn avx512<const P: usize>(x: &[$row], w: [$panel; P], at: usize, sink: &mut impl Sink) {
                over_rows!(four, $avx512, x, w, P, at, sink);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2<const P: usize>(x: &[$row], w: [$panel; P], at: usize, sink: &mut impl Sink) {
                over_rows!($rows, $avx2, x, w, P, at, sink);
            }
            match isa {
                #[cfg(target_arch = "x86_64")]
                #[expect(
                    unsafe_code,
                    reason = "calls code compiled for a detected instruction set"
                )]
                // SAFETY: `Isa::Avx512` is only made where the machine has the instructions.
                Isa::Avx512 => unsafe { avx512(x, w, at, sink) },
                #[cfg(target_arch = "x86_64")]
                #[expect(
                    unsafe_code,
                    reason = "calls code compiled for a detected instruction set"
                )]
                // SAFETY: `Isa::Avx2` is only made where the machine has the instructions.
                Isa::Avx2 => unsafe { avx2(x, w, at, sink) },
                Isa::Portable => over_rows!(four, $portable, x, w, P, at, sink),
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    pub(super) use super::avx2::avx2 as avx2_int8;
    pub(super) use super::float::x86::{avx2_bf16, avx2_f32, avx512_bf16, avx512_f32, own_bf16};
    pub(super) use super::tile::x86::avx512 as avx512_int8;
}

dispatch!(
    on_f32,
    &[f32],
    &[Line<[f32; PANEL]>],
    x86::avx512_f32,
    six x86::avx2_f32,
    float::portable_f32
);
dispatch!(
    on_emulated_bf16,
    &[u32],
    &[Line<[u32; PANEL]>],
    x86::avx512_bf16,
    four x86::avx2_bf16,
    float::portable_bf16
);
dispatch!(on_int8, &[Bytes], Int8Panel<'_>, x86::avx512_int8, four x86::avx2_int8, tile::portable);

/// BF16 products, by the machine's own instruction where it has one.
fn on_bf16<const P: usize>(
    isa: Isa,
    x: &[&[u32]],
    w: [&[Line<[u32; PANEL]>]; P],
    at: usize,
    sink: &mut impl Sink,
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16,avx2,fma,f16c")]
        fn own<const P: usize>(
            x: &[&[u32]],
            w: [&[Line<[u32; PANEL]>]; P],
            at: usize,
            sink: &mut impl Sink,
        ) {
            over_rows!(four, x86::own_bf16, x, w, P, at, sink);
        }
        if isa == Isa::Avx512 && std::arch::is_x86_feature_detected!("avx512bf16") {
            #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
            // SAFETY: the machine has just been asked for the instructions.
            return unsafe { own(x, w, at, sink) };
        }
    }
    on_emulated_bf16(isa, x, w, at, sink);
}

#[cfg(test)]
mod tests;
