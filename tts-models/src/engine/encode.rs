//! Many given texts at once: what they share is run once, and passes are filled across texts.
//!
//! Sorted texts form a tree: a branch is a stretch of tokens that several texts go through, or one
//! text alone. A branch is run once those before it are done, from where the prefix cache leaves
//! off, and every pass takes as many branches as fit. So each token that the cache lacks is run
//! once, however many texts share it. Texts go in waves, which bounds the states in flight; a later
//! wave finds what an earlier one ran in the cache. Where layers have windows, it can go on from there only where
//! something was kept: where texts end, where they part, and where one had to be run again because nothing was.

use std::ops::Range;

use super::{Engine, Wanted};
use crate::exec::cache::shared;
use crate::{Executor, ModelError, Span, Want};

/// Hidden rows by position.
type Rows = Vec<(usize, Vec<f32>)>;

/// A text of a wave, with its place in the batch.
struct Text<'a, S> {
    place: usize,
    wanted: &'a Wanted,
    /// What the cache holds of it, not beyond its first wanted position.
    known: S,
    /// Tokens in `known`.
    length: usize,
    /// Where others parted from it, and it could not be gone on from.
    parted: Option<usize>,
}

/// Tokens that the same texts of a wave go through.
struct Branch<S> {
    /// Those texts; they are neighbours in the order of tokens.
    texts: Range<usize>,
    /// Holds the tokens before `done`.
    state: S,
    done: usize,
    /// Where it is kept on its way.
    stop: Option<usize>,
    /// Where the texts part, or the only one ends.
    end: usize,
}

impl<E: Executor> Engine<E> {
    /// Hidden rows `[hidden_size]` of all texts: for each text and position, as in `texts`. Texts
    /// must have been checked; those that want nothing, or what is known, are not run. With `keep`
    /// the cache keeps the rows.
    pub(super) fn encode_all(
        &self,
        texts: &[Wanted],
        keep: bool,
    ) -> Result<Vec<Vec<Vec<f32>>>, ModelError> {
        let cache = self.cache();
        let known: Vec<Vec<Option<Vec<f32>>>> =
            texts.iter().map(|text| cache.rows(&text.tokens, &text.positions)).collect();
        drop(cache);
        let missing: Vec<Wanted> = texts
            .iter()
            .zip(&known)
            .map(|(text, known)| {
                let lacks = text.positions.iter().zip(known).filter(|(_, row)| row.is_none());
                let positions: Vec<usize> = lacks.map(|(&position, _)| position).collect();
                let tokens = if positions.is_empty() { Vec::new() } else { text.tokens.clone() };
                Wanted { tokens, positions }
            })
            .collect();
        let found = self.encode_missing(&missing, keep)?;
        let merged = known.into_iter().zip(found).map(|(known, found)| {
            let mut found = found.into_iter();
            known.into_iter().map(|row| row.or_else(|| found.next()).unwrap_or_default()).collect()
        });
        Ok(merged.collect())
    }

    fn encode_missing(
        &self,
        texts: &[Wanted],
        keep: bool,
    ) -> Result<Vec<Vec<Vec<f32>>>, ModelError> {
        let mut found: Vec<Vec<Vec<f32>>> =
            texts.iter().map(|text| vec![Vec::new(); text.positions.len()]).collect();
        let wanting = texts.iter().enumerate().filter(|(_, text)| !text.positions.is_empty());
        let mut sorted: Vec<(usize, &Wanted)> = wanting.collect();
        sorted.sort_by(|(_, a), (_, b)| a.tokens.cmp(&b.tokens));
        let mut left = sorted.as_slice();
        while !left.is_empty() {
            let (wave, rest) = left.split_at(self.wave(left));
            self.run_wave(wave, &mut found, keep)?;
            left = rest;
        }
        Ok(found)
    }

    /// How many texts run together: as lines do, by their number and their bytes.
    fn wave(&self, texts: &[(usize, &Wanted)]) -> usize {
        let mut bytes = 0;
        let fits = |(_, text): &&(usize, &Wanted)| {
            bytes += self.executor.sequence_bytes(text.tokens.len(), self.config.prefill_rows);
            bytes <= self.config.line_bytes
        };
        texts.iter().take(self.config.max_lines).take_while(fits).count().max(1)
    }

    fn run_wave(
        &self,
        wave: &[(usize, &Wanted)],
        found: &mut [Vec<Vec<f32>>],
        keep: bool,
    ) -> Result<(), ModelError> {
        let mut texts: Vec<Text<'_, E::State>> = Vec::new();
        for &(place, wanted) in wave {
            let first = wanted.positions.iter().min().copied().unwrap_or(0);
            let mut cache = self.cache();
            let known = cache.begin(&self.executor, &wanted.tokens, first);
            let parted = cache.parted(&wanted.tokens);
            drop(cache);
            let length = self.executor.length(&known);
            texts.push(Text { place, wanted, known, length, parted });
        }
        let mut ready = Vec::new();
        let rows = |_: &Text<'_, _>| Vec::new();
        self.part(&mut texts, 0..wave.len(), 0, None, &mut ready, &rows);
        while !ready.is_empty() {
            let mut room = self.config.prefill_rows;
            let mut spans = Vec::new();
            let mut ran = Vec::new();
            for branch in &mut ready {
                if room == 0 {
                    break;
                }
                let end = branch.stop.unwrap_or(branch.end);
                let rows = branch.done..end.min(branch.done + room);
                room -= rows.len();
                branch.done = rows.end;
                let through = &texts[branch.texts.clone()];
                let asked = |text: &Text<'_, _>| {
                    text.wanted.positions.iter().any(|position| rows.contains(position))
                };
                let want = if through.iter().any(asked) { Want::All } else { Want::Nothing };
                let tokens = &through[0].wanted.tokens[rows.clone()];
                spans.push(Span { state: &mut branch.state, tokens, want });
                ran.push((branch.texts.clone(), rows, want));
            }
            let hidden = self.executor.forward(&mut spans)?;
            let mut hidden = hidden.chunks_exact(self.executor.config().hidden_size);
            for (through, rows, want) in ran {
                if want == Want::All {
                    let hidden: Vec<&[f32]> = hidden.by_ref().take(rows.len()).collect();
                    for text in &texts[through] {
                        copy(text.wanted, &rows, &hidden, &mut found[text.place]);
                    }
                }
            }
            for branch in ready.iter_mut().filter(|branch| branch.stop == Some(branch.done)) {
                branch.stop = None;
                let tokens = &texts[branch.texts.start].wanted.tokens[..branch.done];
                let pieces = self.executor.pieces(&mut branch.state);
                self.cache().insert(&self.executor, tokens, pieces, Vec::new());
            }
            let (done, mut unfinished) =
                ready.into_iter().partition::<Vec<_>, _>(|branch| branch.done == branch.end);
            // All rows of a text that ends are found by now.
            let rows = |text: &Text<'_, _>| {
                let found = text.wanted.positions.iter().copied().zip(&found[text.place]);
                found.filter(|_| keep).map(|(position, row)| (position, row.clone())).collect()
            };
            for Branch { texts: through, state, end, .. } in done {
                self.part(&mut texts, through, end, Some(state), &mut unfinished, &rows);
            }
            ready = unfinished;
        }
        Ok(())
    }

    /// Adds the branches of texts that share their first `at` tokens, which `state` holds (`None`
    /// where the cache held all of them), and keeps the text that ends there with its `rows`. Where layers have windows,
    /// what texts share is kept too: none of them could be gone on from there later.
    fn part(
        &self,
        texts: &mut [Text<'_, E::State>],
        range: Range<usize>,
        at: usize,
        mut state: Option<E::State>,
        ready: &mut Vec<Branch<E::State>>,
        rows: &dyn Fn(&Text<'_, E::State>) -> Rows,
    ) {
        let Range { mut start, end: last } = range;
        // Whoever ends here comes first; equal texts do together.
        let ended = texts[start..last].iter().take_while(|t| t.wanted.tokens.len() == at).count();
        let keeps = ended > 0 || self.executor.windows().is_some();
        if let Some(state) = state.as_mut().filter(|_| keeps) {
            let mut pieces = self.executor.pieces(state);
            crate::exec::keep(&mut pieces, at);
            let rows = texts[start..start + ended].iter().flat_map(rows).collect();
            self.cache().insert(&self.executor, &texts[start].wanted.tokens[..at], pieces, rows);
        }
        start += ended;
        while start < last {
            let token = texts[start].wanted.tokens[at];
            let same = texts[start..last].iter().take_while(|t| t.wanted.tokens[at] == token);
            let through = start..start + same.count();
            start = through.end;
            let (first, final_) = (texts[through.start].wanted, texts[through.end - 1].wanted);
            let end = shared(&first.tokens, &final_.tokens);
            let lengths = through.clone().map(|text| (texts[text].length, text));
            let Some((known, source)) = lengths.min() else { continue };
            if known >= end {
                self.part(texts, through, end, None, ready, rows);
                continue;
            }
            let (state, done) = match &mut state {
                Some(state) if known < at => (self.executor.fork(state, at), at),
                _ => (self.executor.fork(&mut texts[source].known, known), known),
            };
            let stops = texts[through.clone()].iter().filter_map(|text| text.parted);
            let stop = stops.filter(|stop| (done + 1..end).contains(stop)).min();
            ready.push(Branch { texts: through, state, done, stop, end });
        }
    }
}

/// Copies the rows that a text wants from those of its positions `rows`.
fn copy(wanted: &Wanted, rows: &Range<usize>, hidden: &[&[f32]], out: &mut [Vec<f32>]) {
    for (position, out) in wanted.positions.iter().zip(out) {
        let row = position.checked_sub(rows.start).and_then(|row| hidden.get(row));
        if let Some(row) = row {
            *out = row.to_vec();
        }
    }
}
