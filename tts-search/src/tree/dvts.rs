//! Diverse verifier tree search: many narrow beams that cannot crowd each other out.
//!
//! ```text
//! n = 8, branch = 4: two trees, each keeps 1 path and continues it 4 ways
//!
//!          tree 1 +-- . -- keep +-- .          question +-- 4 first steps of tree 1
//!                 +-- .         +-- . -- ...            +-- 4 first steps of tree 2
//!                 +-- .         +-- .
//!                 +-- .         +-- .
//! ```
//!
//! A plain beam with a large population ends up with few ancestors. Here `n / branch` trees of one
//! path each search on their own: a [`Forest`] of [`BeamSearch`] with `keep: 1`. A tree ends when
//! its best candidate has finished. The answer is a weighted vote over the finished candidates of
//! all trees, the siblings of the last steps included.
//!
//! Other than in search-and-learn, which published the method: the length limits are those of the
//! search (there, 2,048 tokens are hard-coded); a step that was cut does not count as the end; an
//! unfinished sibling does not vote while any path has finished; "boxed" in the text does not end
//! a tree, the end of the solution does; tokens are counted; a look ahead is put around it
//! ([`crate::Lookahead`]) and shows in the scores of unfinished steps only.
//!
//! Cost: `n` lines a round, each judged once.
//!
//! Source: Beeching, Tunstall, Rush 2024, "Scaling test-time compute with open models" (Hugging
//! Face), diverse verifier tree search.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Expand, NodeId, Requirements, SearchStrategy, Selection, Tree, View};

use super::beam::divide;
use crate::{BeamSearch, Forest};

/// `n / branch` independent trees.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::Dvts;
///
/// let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let outcome = Search::new(&world)
///     .scorer(&oracle)
///     .rule(StepRule::lines())
///     .run(Dvts { n: 16, branch: 4, ..Default::default() }, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dvts {
    /// Lines a round, over all trees.
    pub n: usize,
    /// How many ways the path of a tree continues; a divisor of `n`.
    pub branch: usize,
    /// The score that ranks candidates during the search.
    pub aggregate: Aggregate,
    /// How the answer is chosen among the finished candidates of all trees.
    pub select: Selection,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`Dvts`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    forest: Forest<BeamSearch>,
}

impl Default for Dvts {
    /// Four trees of 4.
    fn default() -> Self {
        Self {
            n: 16,
            branch: 4,
            aggregate: Aggregate::ByScale,
            select: Selection::weighted(),
            state: State::default(),
        }
    }
}

impl Dvts {
    /// The trees of a budget of `n` lines a round: each branches about as often as there are trees.
    pub fn square(n: usize) -> Self {
        let side = n.isqrt().max(1);
        Self { n: n / side * side, branch: side, ..Self::default() }
    }

    /// The forest that this is.
    ///
    /// ```
    /// let forest = tts_search::Dvts { n: 8, branch: 2, ..Default::default() }.forest()?;
    /// assert_eq!((forest.copies, forest.strategy.keep, forest.strategy.branch), (4, 1, 2));
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// When `n` or `branch` is 0, or `branch` does not divide `n`.
    pub fn forest(&self) -> Result<Forest<BeamSearch>, String> {
        let copies = divide("dvts", self.n, self.branch)?;
        let (branch, aggregate, select) = (self.branch, self.aggregate, self.select);
        let beam = BeamSearch {
            first: Some(branch),
            keep: 1,
            branch,
            aggregate,
            select,
            ..Default::default()
        };
        Ok(Forest { select: Some(select), ..Forest::of(copies, beam) })
    }
}

impl SearchStrategy for Dvts {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            // An impossible division was refused by `check` before.
            let Ok(forest) = self.forest() else { return Vec::new() };
            self.state.forest = forest;
        }
        self.state.forest.step(view)
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.select.pick(tree)
    }

    fn check(&self) -> Result<(), String> {
        self.forest()?.check()
    }

    fn requires(&self) -> Requirements {
        Requirements::scorer("dvts", [self.select, Selection::best(self.aggregate)])
    }
}
