//! What decorators share that ask for lines once more: the strategy inside waits until its round is whole.

use tts_core::{Expand, NodeId, View};

/// The decisions of the strategy inside, and what has come of them so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Again {
    decisions: Vec<Expand>,
    lines: Vec<Line>,
    /// The decisions behind the lines that are waited for, in order.
    asked: Vec<usize>,
    /// How often lines were asked for once more.
    tries: usize,
}

/// A line that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    /// The decision behind it.
    decision: usize,
    end: NodeId,
    /// Whether it is one that was wanted.
    good: bool,
}

impl Again {
    /// A round of the strategy inside begins.
    pub(crate) fn begin(&mut self, decisions: &[Expand]) {
        let asked = (0..decisions.len()).collect();
        *self = Self { decisions: decisions.to_vec(), asked, ..Self::default() };
    }

    /// Takes what has come of the round. `good` says of a line and the decision behind it, in the order in
    /// which they came, whether it was wanted.
    pub(crate) fn take(&mut self, view: &View<'_>, mut good: impl FnMut(NodeId, &Expand) -> bool) {
        for (&end, &origin) in view.fresh().iter().zip(view.origin()) {
            let Some(&decision) = self.asked.get(origin) else { continue };
            self.lines.push(Line { decision, end, good: good(end, &self.decisions[decision]) });
        }
        // What was asked for once more stands behind the rest of its decision.
        self.lines.sort_by_key(|line| line.decision);
        self.asked.clear();
    }

    /// How many lines each decision lacks.
    fn missing(&self) -> Vec<usize> {
        let mut missing: Vec<usize> = self.decisions.iter().map(|decision| decision.n).collect();
        for line in self.lines.iter().filter(|line| line.good) {
            missing[line.decision] = missing[line.decision].saturating_sub(1);
        }
        missing
    }

    /// Whether some line has come that the strategy inside can be shown; with `fill`, one that stands in, too.
    pub(crate) fn holds(&self, fill: bool) -> bool {
        self.lines.iter().any(|line| line.good || fill)
    }

    /// Whether lines may be asked for once more.
    pub(crate) fn has_tries(&self, most: usize) -> bool {
        self.tries < most
    }

    /// Asks for what is missing once more, up to `most` times. Nothing when the round is whole, or the budget
    /// is out: then the strategy inside sees what there is.
    pub(crate) fn once_more(&mut self, view: &View<'_>, most: usize) -> Vec<Expand> {
        if view.is_last() || !self.has_tries(most) {
            return Vec::new();
        }
        self.tries += 1;
        let missing = self.missing();
        self.asked = (0..missing.len()).filter(|&place| missing[place] > 0).collect();
        let again = |&place: &usize| Expand { n: missing[place], ..self.decisions[place].clone() };
        self.asked.iter().map(again).collect()
    }

    /// What the strategy inside is shown: the ends of the wanted lines, and the decisions behind them. With
    /// `fill`, others stand in for those that are missing still.
    pub(crate) fn shown(&self, fill: bool) -> (Vec<NodeId>, Vec<usize>) {
        let mut room = if fill { self.missing() } else { vec![0; self.decisions.len()] };
        let mut shown = |line: &&Line| {
            let stands_in = !line.good && room[line.decision] > 0;
            room[line.decision] -= usize::from(stands_in);
            line.good || stands_in
        };
        self.lines.iter().filter(|line| shown(line)).map(|line| (line.end, line.decision)).unzip()
    }
}
