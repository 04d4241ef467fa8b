//! Products of rows that have weights of their own, over the threads of a team.
//!
//! Each [`Part`] names some rows of an input and the matrix that they are multiplied with; results stand one part
//! behind the other, in the order of its rows. All parts are one loop: panels of any of them are shared out among
//! threads, so that experts with a single row keep them all busy; what is asked for ahead goes on into the next part,
//! which as a rule the same thread takes next. A part's matrix is read once for all of its rows, and each output is the
//! sum that [`super::project`] would make, bit for bit, whatever other rows and parts there are.
//!
//! Source: Gale et al. 2022 (arXiv:2211.15841), section 3, for products of experts as one sparse product.

use std::ops::Range;

use super::{Columns, FAR, Output, SwiGlu, group, walk};
use crate::kernels::elementwise::swish_gate_all;
use crate::kernels::input::Input;
use crate::kernels::matrix::{Matrix, PANEL, Panel};
use crate::kernels::{Isa, Team};

/// Rows of an input that have weights of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a, W> {
    /// Which rows, at least one.
    pub(crate) rows: &'a [usize],
    /// What they are multiplied with.
    pub(crate) weights: W,
}

/// Some panels of one part.
struct Task {
    part: usize,
    /// Row of the output where the part begins.
    row: usize,
    panels: Range<usize>,
}

/// Tasks of about `each` panels, of parts with so many rows and panels.
fn tasks(parts: impl Iterator<Item = (usize, usize)>, each: usize) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut row = 0;
    for (part, (rows, panels)) in parts.enumerate() {
        tasks.extend((0..panels).step_by(each).map(|first| {
            let panels = first..(first + each).min(panels);
            Task { part, row, panels }
        }));
        row += rows;
    }
    tasks
}

/// `out[i] = weights . x[row]` for every row of every part, one behind the other.
///
/// # Panics
/// When sizes do not fit.
pub(crate) fn project_each(team: &Team, x: &Input, parts: &[Part<'_, &Matrix>], out: &mut [f32]) {
    project_each_on(Isa::detect(), team, x, parts, out);
}

pub(super) fn project_each_on(
    isa: Isa,
    team: &Team,
    x: &Input,
    parts: &[Part<'_, &Matrix>],
    out: &mut [f32],
) {
    let output = Output::new(out, parts.iter().map(|part| part.rows.len()).sum());
    let fits = |part: &Part<'_, &Matrix>| part.weights.outputs() == output.columns;
    assert!(parts.iter().all(fits), "outputs fit");
    let all: usize = parts.iter().map(|part| part.weights.panels()).sum();
    let sizes = parts.iter().map(|part| (part.rows.len(), part.weights.panels()));
    let tasks = tasks(sizes, group(all, team.threads()));
    team.each(tasks.len(), |task| {
        let Task { part, row, panels } = &tasks[task];
        let Part { rows, weights } = parts[*part];
        let own = (panels.start..weights.panels()).map(|index| weights.panel(index));
        let later = parts[part + 1..].iter().map(|part| part.weights);
        let later = later.flat_map(|next| (0..next.panels()).map(move |index| next.panel(index)));
        let refs: Vec<Panel<'_>> = own.chain(later).take(panels.len() + 2 * FAR).collect();
        let ranges: Vec<(usize, usize)> =
            panels.clone().map(|index| (index * PANEL, weights.outputs())).collect();
        // The closure takes the whole wrapper, not its raw field, so that it can cross threads.
        let output = &output;
        let sink = Columns { output: *output, row: *row, ranges: &ranges, add: false };
        walk(isa, x, Some(rows), &refs, panels.len(), sink);
    });
}

/// Panels of gate and up by turns, from a pair on.
fn pairs([gate, up]: [&Matrix; 2], first: usize) -> impl Iterator<Item = Panel<'_>> {
    (first..gate.panels()).flat_map(move |index| [gate.panel(index), up.panel(index)])
}

/// `out[i] = silu(gate . x[row]) * (up . x[row])` for every row of every part, whose weights are gate and up.
///
/// # Panics
/// When sizes do not fit.
pub(crate) fn project_swiglu_each(
    team: &Team,
    x: &Input,
    parts: &[Part<'_, [&Matrix; 2]>],
    out: &mut [f32],
) {
    project_swiglu_each_on(Isa::detect(), team, x, parts, out);
}

pub(super) fn project_swiglu_each_on(
    isa: Isa,
    team: &Team,
    x: &Input,
    parts: &[Part<'_, [&Matrix; 2]>],
    out: &mut [f32],
) {
    if parts.iter().any(|Part { weights: [gate, up], .. }| !gate.pairs_with(up)) {
        // One after the other, as the same sums.
        let only = |which: usize| {
            let one = parts.iter().map(|part| (part.rows, part.weights[which]));
            one.map(|(rows, weights)| Part { rows, weights }).collect::<Vec<_>>()
        };
        let mut gates = vec![0.0; out.len()];
        project_each_on(isa, team, x, &only(0), &mut gates);
        project_each_on(isa, team, x, &only(1), out);
        return swish_gate_all(&gates, out);
    }
    let output = Output::new(out, parts.iter().map(|part| part.rows.len()).sum());
    let fits = |part: &Part<'_, [&Matrix; 2]>| {
        part.weights.iter().all(|matrix| matrix.outputs() == output.columns)
    };
    assert!(parts.iter().all(fits), "outputs fit");
    let all: usize = parts.iter().map(|part| part.weights[0].panels()).sum();
    let sizes = parts.iter().map(|part| (part.rows.len(), part.weights[0].panels()));
    let tasks = tasks(sizes, group(2 * all, team.threads()) / 2);
    team.each(tasks.len(), |task| {
        let Task { part, row, panels } = &tasks[task];
        let Part { rows, weights } = parts[*part];
        let later = parts[part + 1..].iter().flat_map(|part| pairs(part.weights, 0));
        let all = pairs(weights, panels.start).chain(later);
        let refs: Vec<Panel<'_>> = all.take(2 * (panels.len() + FAR)).collect();
        // The closure takes the whole wrapper, not its raw field, so that it can cross threads.
        let output = &output;
        let sink = SwiGlu { output: *output, row: *row, first: panels.start * PANEL };
        walk(isa, x, Some(rows), &refs, 2 * panels.len(), sink);
    });
}
