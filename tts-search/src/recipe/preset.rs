//! Presets of other projects by name, for command lines: a recipe, with the steps and the sampling that belong to it.
//!
//! ```text
//! its-hub/particle-filter     search-and-learn/dvts     openr/mcts     s1/budget-forcing
//! ```
//!
//! A name is that of the project and that of the algorithm. What each does otherwise than there stands in its room of
//! [`crate::compat`], which makes the strategies; here is the table of names. What a budget of `n` means there is what it
//! means here: samples or lines of a round, where nothing else is said.
//!
//! | name | `n` |
//! |---|---|
//! | `search-and-learn/best-of-n`, `/beam-search`, `/dvts` | `n`; beams are four wide, so it is a multiple of 4 |
//! | `its-hub/self-consistency`, `/best-of-n` | `budget` |
//! | `its-hub/adaptive-self-consistency`, `/beta-self-consistency` | most samples; the latter in rounds of four |
//! | `its-hub/beam-search` | `budget`: four paths are kept, so it is a multiple of 4, from 16 on |
//! | `its-hub/particle-filter`, `/entropic-particle-filter` | particles |
//! | `its-hub/particle-gibbs` | particles of both iterations: even, from 4 on |
//! | `rebase/rebase` | width |
//! | `treequest/ab-mcts-a`, `/ab-mcts-m` | generations, all by the policy |
//! | `openr/beam-search` | lines of a round, four for each path: a multiple of 4 |
//! | `openr/mcts` | paths |
//! | `llm-reasoners/mcts` | iterations |
//! | `thinkbooster/beam-search` | candidates of a round, three for each path: a multiple of 3 |
//! | `s1/budget-forcing` | how often the end of thinking is overruled |
//! | `deepconf/offline-low`, `/offline-high` | traces |
//! | `deepconf/online-low`, `/online-high` | most traces, from 16 on |
//!
//! What a project does not say of steps and sampling is not in its preset, and is for whoever runs it to say.
//!
//! Source: none; the numbers are those of the projects, as each room names it.

use tts_core::{Aggregate, Sampling, SearchStrategy as _};

use super::{Recipe, RecipeError};
use crate::compat::{
    Steps, deepconf, its_hub, llm_reasoners, openr, rebase, s1, search_and_learn, thinkbooster,
    treequest,
};

/// A search as another project runs it.
///
/// ```
/// use tts_search::Recipe;
/// use tts_search::recipe::{Preset, Registry};
///
/// let preset = Preset::named("search-and-learn/beam-search", 16).ok_or("no preset")??;
/// assert_eq!(preset.steps.and_then(|steps| steps.max_steps), Some(40));
/// assert_eq!(preset.sampling.map(|sampling| sampling.temperature), Some(0.8));
/// // A registry knows it behind the names of this crate and its own.
/// assert_eq!(Registry::default().default_of("search-and-learn/beam-search", 16)?, preset.recipe);
/// assert!(Preset::named("beam-search", 16).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// The strategy.
    pub recipe: Recipe,
    /// Where steps end there, as far as it is said; `None` where nothing is.
    pub steps: Option<Steps>,
    /// How tokens are drawn there; `None` where nothing is said of it.
    pub sampling: Option<Sampling>,
}

/// How a strategy follows from a budget.
type Of = fn(usize) -> Result<Recipe, String>;
/// What stands beside it.
type Rule = Option<fn() -> Steps>;
type Draws = Option<fn() -> Sampling>;

/// The steps of `its_hub`'s searches by steps, as its examples have them.
fn steps_of_its_hub() -> Steps {
    its_hub::steps(32, "\n\n")
}

/// The paths of `n` lines of a round, of `each` lines; an error names both.
fn paths(n: usize, each: usize) -> Result<usize, String> {
    if n.is_multiple_of(each) {
        Ok(n / each)
    } else {
        Err(format!("n is {n}, expected a multiple of {each}"))
    }
}

const HUGGING_FACE: (Rule, Draws) =
    (Some(|| search_and_learn::rule().into()), Some(search_and_learn::sampling));
const ITS_HUB: (Rule, Draws) = (Some(steps_of_its_hub), Some(its_hub::sampling));
const REBASE: (Rule, Draws) = (Some(|| rebase::rule().into()), Some(rebase::sampling));
const OPENR: (Rule, Draws) = (Some(|| openr::rule().into()), Some(openr::sampling));
const NOTHING: (Rule, Draws) = (None, None);

/// A name, its strategy by budget, and what stands beside it.
type Entry = (&'static str, Of, (Rule, Draws));

const TABLE: &[Entry] = &[
    ("search-and-learn/best-of-n", |n| Ok(search_and_learn::best_of_n(n).into()), HUGGING_FACE),
    (
        "search-and-learn/beam-search",
        |n| Ok(search_and_learn::beam_search(n, 4)?.into()),
        HUGGING_FACE,
    ),
    ("search-and-learn/dvts", |n| Ok(search_and_learn::dvts(n, 4)?.into()), HUGGING_FACE),
    ("its-hub/self-consistency", |n| Ok(its_hub::self_consistency(n).into()), NOTHING),
    (
        "its-hub/adaptive-self-consistency",
        |n| Ok(its_hub::adaptive_self_consistency(n).into()),
        NOTHING,
    ),
    ("its-hub/beta-self-consistency", |n| Ok(its_hub::beta_self_consistency(n, 4).into()), NOTHING),
    ("its-hub/best-of-n", |n| Ok(its_hub::best_of_n(n).into()), NOTHING),
    (
        "its-hub/beam-search",
        |n| Ok(its_hub::beam_search(n, 4, Aggregate::ByScale)?.into()),
        ITS_HUB,
    ),
    ("its-hub/particle-filter", |n| Ok(its_hub::particle_filtering(n).into()), ITS_HUB),
    (
        "its-hub/entropic-particle-filter",
        |n| Ok(its_hub::entropic_particle_filtering(n).into()),
        ITS_HUB,
    ),
    ("its-hub/particle-gibbs", |n| Ok(its_hub::particle_gibbs(n, 2)?.into()), ITS_HUB),
    ("rebase/rebase", |n| Ok(rebase::rebase(n).into()), REBASE),
    ("treequest/ab-mcts-a", |n| Ok(treequest::ab_mcts_a(n, [""; 0]).into()), NOTHING),
    ("treequest/ab-mcts-m", |n| Ok(treequest::ab_mcts_m(n, [""; 0]).into()), NOTHING),
    ("openr/beam-search", |n| Ok(openr::beam_search(n, 4)?.into()), OPENR),
    ("openr/mcts", |n| Ok(openr::mcts(n).into()), OPENR),
    (
        "llm-reasoners/mcts",
        |n| Ok(llm_reasoners::mcts(n).into()),
        (Some(llm_reasoners::steps), None),
    ),
    (
        "thinkbooster/beam-search",
        |n| Ok(thinkbooster::beam_search(paths(n, 3)?, 3).into()),
        (Some(thinkbooster::steps), None),
    ),
    ("s1/budget-forcing", |n| Ok(s1::budget_forcing(n).into()), (None, Some(s1::sampling))),
    ("deepconf/offline-low", |n| Ok(deepconf::offline(n, deepconf::LOW).into()), NOTHING),
    ("deepconf/offline-high", |n| Ok(deepconf::offline(n, deepconf::HIGH).into()), NOTHING),
    ("deepconf/online-low", |n| Ok(deepconf::online(n, deepconf::LOW).into()), NOTHING),
    ("deepconf/online-high", |n| Ok(deepconf::online(n, deepconf::HIGH).into()), NOTHING),
];

impl Preset {
    /// The names of all presets.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|entry| entry.0)
    }

    /// The preset of a name at a budget; `None` of a name that is none.
    ///
    /// # Errors
    /// When `n` is 0 or the project knows no such budget: the error names the preset, and what is expected.
    pub fn named(name: &str, n: usize) -> Option<Result<Self, RecipeError>> {
        let (_, of, (rule, sampling)) = TABLE.iter().find(|entry| entry.0 == name)?;
        let bad = |problem| RecipeError::Settings(format!("{name}: {problem}"));
        if n == 0 {
            return Some(Err(bad("n is 0, expected at least 1".into())));
        }
        let checked = |recipe: Recipe| recipe.check().map(|()| recipe);
        let made = of(n).and_then(checked).map_err(bad);
        let (steps, sampling) = (rule.map(|of| of()), sampling.map(|of| of()));
        Some(made.map(|recipe| Self { recipe, steps, sampling }))
    }
}
