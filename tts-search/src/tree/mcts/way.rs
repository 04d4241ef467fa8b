//! How a Monte-Carlo tree search goes down: the bound, and what uncertainty is worth in it.
//!
//! [`Way`] is made once a round of the settings and the scale. What siblings share, the width that follows from the visits of
//! their parent and an exploration that grows with these, is found once a level.
//!
//! Source: Schrittwieser et al. 2020 (arXiv 1911.08265), appendix B, for the growth; that of `AlphaZero`.

use super::{Backup, Bound};

/// How a child is chosen on the way down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) bound: Bound,
    pub(super) exploration: f64,
    /// How many visits it takes for exploration to grow; it stays as it is without.
    pub(super) growth: Option<f64>,
    pub(super) backup: Backup,
    /// Values are moved into 0 to 1 by the least and the most that was seen.
    pub(super) normalise: bool,
}

impl Way {
    /// What a bound takes from the visits of the parent: the same for all siblings.
    pub(super) fn width(self, above: f64) -> f64 {
        match self.bound {
            Bound::Uct => above.ln(),
            Bound::Puct => above.sqrt(),
        }
    }

    /// The same below a node of so many visits, where exploration is worth what it has grown to.
    pub(super) fn below(self, above: f64) -> Self {
        let grown = self.growth.map_or(0.0, |growth| ((above + 1.0) / growth).ln_1p());
        Self { exploration: self.exploration + grown, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ln(19653 / 19652) and ln(119653 / 19652) beside `AlphaZero`'s 1.25.
    #[test]
    fn exploration_grows_by_hand() {
        let way = Way {
            bound: Bound::Puct,
            exploration: 1.25,
            growth: Some(19_652.0),
            backup: Backup::Mean,
            normalise: false,
        };
        let close = |way: Way, visits: f64, expected: f64| {
            let found = way.below(visits).exploration;
            assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
        };
        close(way, 0.0, 1.250_050_884_111_447);
        close(way, 1e5, 3.056_416_772_863_617);
        close(Way { growth: None, ..way }, 1e5, 1.25);
    }
}
