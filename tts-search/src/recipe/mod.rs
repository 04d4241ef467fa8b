//! Recipes: every strategy as JSON.
//!
//! ```text
//! { "strategy": "lookahead", "depth": 1,
//!   "inner": { "strategy": "beam-search", "keep": 4, "branch": 4 } }
//! ```
//!
//! Strategies of other crates stand in a recipe by name, see [`Registry`]; those of other projects have a name on
//! command lines, see [`Preset`].
//!
//! A recipe names a strategy and gives the fields that differ from its defaults. Decorators hold
//! another recipe as `inner`. A field or strategy that does not exist is an error that names it,
//! and settings are checked as they are read. A [`Recipe`] is itself a strategy and passes
//! everything on to the one it names.
//!
//! Cost: that of the strategy.
//!
//! Source: none; a format of this library.

mod custom;
mod preset;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::{Expand, Scripted, SearchStrategy, View, passes_on, rows};

pub use custom::{Custom, Registry};
pub use preset::Preset;

use crate::choose::ComputeOptimal;
use crate::decorate::{Dedupe, Phases, Retry};
use crate::research::{ParallelSearch, PlanSearchWrite, ReAct, Research, RetrieveOnce, SelfAsk};
use crate::{
    AbMcts, AdaptiveConsistency, BeamSearch, BestOfN, BudgetForcing, ChainOfThought, Converged,
    DeepConf, DeepConfOnline, Dvts, Forest, GenSelect, GenSynthesis, Lookahead, Mcts,
    MutualVerification, ParticleFilter, ParticleGibbs, PowerSampling, Rebase, Revision, Rsa,
    SelfCertainty, SelfConsistency, SelfRefine, StepBestOfN, TokenBeam, Tournament, ZeroShot,
};

/// The one table of strategies: a line makes the variant of [`Recipe`], its name in JSON, the names that
/// command lines know with what they mean for a budget of `n` lines, and the conversion.
macro_rules! strategies {
    ($(#[$doc:meta] $variant:ident($held:ty) { $($name:literal => $default:expr),* })*) => {
        /// Any strategy of this crate.
        ///
        /// ```
        /// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
        /// use tts_search::Recipe;
        ///
        /// let recipe = Recipe::from_json(r#"{"strategy": "beam-search", "keep": 2, "branch": 4}"#)?;
        /// let world = ToyWorld::default();
        /// let oracle = Oracle::of(&world);
        /// let outcome =
        ///     Search::new(&world).scorer(&oracle).rule(StepRule::lines()).run(recipe, world.prompt(0))?;
        /// assert_eq!(outcome.answer(), Some(world.answer(0)));
        ///
        /// let error = Recipe::from_json(r#"{"strategy": "beam-search", "width": 2}"#).unwrap_err();
        /// assert!(error.to_string().contains("unknown field `width`"));
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "strategy", rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum Recipe {
            $(#[$doc] $variant($held),)*
        }

        impl Recipe {
            /// The names that [`Recipe::default_of`] knows.
            pub const NAMES: &[&str] = &[$($($name,)*)*];

            fn named(name: &str, n: usize) -> Option<Self> {
                $($(if name == $name {
                    let of: fn(usize) -> $held = $default;
                    return Some(Self::$variant(of(n)));
                })*)*
                None
            }

            fn strategy(&self) -> &dyn SearchStrategy {
                match self {
                    $(Self::$variant(strategy) => strategy,)*
                }
            }

            fn strategy_mut(&mut self) -> &mut dyn SearchStrategy {
                match self {
                    $(Self::$variant(strategy) => strategy,)*
                }
            }
        }

        $(impl From<$held> for Recipe {
            fn from(strategy: $held) -> Self {
                Self::$variant(strategy)
            }
        })*
    };
}

strategies! {
    /// `chain-of-thought`
    ChainOfThought(ChainOfThought) {
        "greedy" => |_| ChainOfThought {},
        "chain-of-thought" => |_| ChainOfThought {}
    }
    /// `zero-shot`
    ZeroShot(ZeroShot) { "zero-shot" => ZeroShot::of }
    /// `self-consistency`
    SelfConsistency(SelfConsistency) {
        "majority" => |n| SelfConsistency { n, ..SelfConsistency::default() },
        "self-consistency" => |n| SelfConsistency { n, ..SelfConsistency::default() }
    }
    /// `adaptive-consistency`
    AdaptiveConsistency(AdaptiveConsistency) {
        "adaptive-consistency" => AdaptiveConsistency::of
    }
    /// `self-certainty`
    SelfCertainty(SelfCertainty) {
        "self-certainty" => |n| SelfCertainty { n, ..SelfCertainty::default() }
    }
    /// `deep-conf`
    DeepConf(DeepConf) {
        "deep-conf" => |n| DeepConf { n, ..DeepConf::default() }
    }
    /// `deep-conf-online`
    DeepConfOnline(DeepConfOnline) { "deep-conf-online" => DeepConfOnline::of }
    /// `budget-forcing`
    BudgetForcing(BudgetForcing) {
        "budget-forcing" => |n| BudgetForcing { n, ..BudgetForcing::default() },
        "thinking-budget" => |n| BudgetForcing { n, ..BudgetForcing::budget(4_096) }
    }
    /// `best-of-n`
    BestOfN(BestOfN) {
        "best-of-n" => |n| BestOfN { n, ..BestOfN::default() },
        "weighted" => BestOfN::weighted
    }
    /// `beam-search`
    BeamSearch(BeamSearch) {
        "beam-search" => BeamSearch::square,
        "beam" => BeamSearch::square
    }
    /// `dvts`
    Dvts(Dvts) { "dvts" => Dvts::square }
    /// `particle-filter`
    ParticleFilter(ParticleFilter) {
        "particle-filter" => ParticleFilter::of,
        "entropic-particle-filter" => ParticleFilter::entropic,
        "twisted-particle-filter" => ParticleFilter::twisted
    }
    /// `particle-gibbs`
    ParticleGibbs(ParticleGibbs) { "particle-gibbs" => ParticleGibbs::square }
    /// `power-sampling`
    PowerSampling(PowerSampling) { "power-sampling" => PowerSampling::of }
    /// `rebase`
    Rebase(Rebase) { "rebase" => |width| Rebase { width, ..Rebase::default() } }
    /// `step-best-of-n`
    StepBestOfN(StepBestOfN) {
        "step-best-of-n" => |n| StepBestOfN { n, ..StepBestOfN::default() }
    }
    /// `token-beam`, which needs a generator that ranks tokens and so has no name on command lines
    TokenBeam(TokenBeam) {}
    /// `mcts`
    Mcts(Mcts) { "mcts" => Mcts::of }
    /// `ab-mcts`
    AbMcts(AbMcts) { "ab-mcts" => |calls| AbMcts { calls, ..AbMcts::default() } }
    /// `lookahead`
    Lookahead(Box<Lookahead<Recipe>>) {
        "lookahead" => |n| Box::new(Lookahead::of(BeamSearch::square(n).into()))
    }
    /// `revision`
    Revision(Revision) { "revision" => Revision::square }
    /// `rsa`
    Rsa(Rsa) { "rsa" => Rsa::square }
    /// `self-refine`
    SelfRefine(Scripted<SelfRefine>) { "self-refine" => |n| Scripted::of(SelfRefine::of(n)) }
    /// `gen-select`
    GenSelect(Scripted<GenSelect>) { "gen-select" => |n| Scripted::of(GenSelect::of(n)) }
    /// `gen-synthesis`
    GenSynthesis(Scripted<GenSynthesis>) {
        "gen-synthesis" => |n| Scripted::of(GenSynthesis::of(n))
    }
    /// `tournament`
    Tournament(Scripted<Tournament>) { "tournament" => |n| Scripted::of(Tournament::of(n)) }
    /// `mutual-verification`, which needs a second model and so has no name on command lines
    MutualVerification(MutualVerification) {}
    /// `research`, which like the five after it needs a role that searches and so has no name on command lines
    Research(Box<Scripted<Research>>) {}
    /// `retrieve-once`
    RetrieveOnce(Box<Scripted<RetrieveOnce>>) {}
    /// `plan-search-write`
    PlanSearchWrite(Box<Scripted<PlanSearchWrite>>) {}
    /// `parallel-search`
    ParallelSearch(Box<Scripted<ParallelSearch>>) {}
    /// `react`
    React(Box<Scripted<ReAct>>) {}
    /// `self-ask`
    SelfAsk(Box<Scripted<SelfAsk>>) {}
    /// `forest`
    Forest(Box<Forest<Recipe>>) {}
    /// `retry`
    Retry(Box<Retry<Recipe>>) {}
    /// `dedupe`
    Dedupe(Box<Dedupe<Recipe>>) {}
    /// `phases`
    Phases(Box<Phases<Recipe>>) {}
    /// `converged`
    Converged(Box<Converged<Recipe>>) {}
    /// `compute-optimal`
    ComputeOptimal(Box<ComputeOptimal<Recipe>>) {}
    /// `custom`: a strategy of another crate
    Custom(Custom) {}
}

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// What a file holds is not a recipe.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<RecipeError>,
    },
    /// Not a recipe.
    #[error("recipe: {0}")]
    Json(#[from] serde_json::Error),
    /// Settings that the strategy refuses.
    #[error("recipe: {0}")]
    Settings(String),
    /// A strategy of another crate that is not registered.
    #[error("recipe: no strategy is registered as {name:?}, only {known:?}")]
    Unregistered {
        /// The name.
        name: String,
        /// The names that are.
        known: Vec<String>,
    },
    /// A name that [`Recipe::default_of`] does not know.
    #[error("no strategy is called {name:?}, expected one of {}", known.join(", "))]
    Name {
        /// The name.
        name: String,
        /// The names that are known: of this crate, and of the registry that was asked.
        known: Vec<String>,
    },
}

impl Recipe {
    /// Reads a recipe, and checks its settings.
    ///
    /// # Errors
    /// When the text is not JSON, names an unknown strategy or field, or a setting is out of range.
    pub fn from_json(json: &str) -> Result<Self, RecipeError> {
        let recipe = Self::parse(json)?;
        recipe.check().map_err(RecipeError::Settings)?;
        Ok(recipe)
    }

    fn parse(json: &str) -> Result<Self, RecipeError> {
        let recipe: Self = serde_json::from_str(json)?;
        objects(&serde_json::from_str(json)?)?;
        Ok(recipe)
    }

    /// Reads a recipe from a file.
    ///
    /// # Errors
    /// As [`Recipe::from_json`], with the name of the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, RecipeError> {
        in_file(path.as_ref(), Self::from_json)
    }

    /// A sensible strategy for a name and one budget, `n` lines a round at most: what a command
    /// line needs. See [`Recipe::NAMES`].
    ///
    /// A beam keeps about the square root of `n` and branches as much, and so do the trees of
    /// `dvts`; `lookahead` is that beam with rollouts of one step, which doubles its cost. `mcts` expands as many
    /// leaves a round as that beam keeps, for eight rounds. A tournament is a knockout. For
    /// `adaptive-consistency`, `deep-conf-online`, `power-sampling`, `ab-mcts`, `revision`, `rsa` and `self-refine`,
    /// which take many rounds of few lines, `n` is of all rounds together.
    ///
    /// ```
    /// use tts_search::{BeamSearch, Recipe};
    /// let beam = BeamSearch { keep: 3, branch: 4, ..Default::default() };
    /// assert_eq!(Recipe::default_of("beam-search", 12)?, beam.into());
    /// assert!(Recipe::default_of("breadth-first", 12).is_err());
    /// # Ok::<(), tts_search::RecipeError>(())
    /// ```
    ///
    /// # Errors
    /// When the name is unknown, or `n` is 0.
    pub fn default_of(name: &str, n: usize) -> Result<Self, RecipeError> {
        if n == 0 {
            return Err(RecipeError::Settings(format!("{name}: n is 0, expected at least 1")));
        }
        Self::named(name, n).ok_or_else(|| RecipeError::Name {
            name: name.to_owned(),
            known: Self::NAMES.iter().map(ToString::to_string).collect(),
        })
    }
}

impl SearchStrategy for Recipe {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        self.strategy_mut().step(view)
    }

    passes_on!(self => *self.strategy(); pick, check, requires, samples, outlives_failure);
}

/// Reads a file, and names it in what is wrong with it.
fn in_file(
    path: &Path,
    read: impl FnOnce(&str) -> Result<Recipe, RecipeError>,
) -> Result<Recipe, RecipeError> {
    let io = |source| RecipeError::Io { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(io)?;
    let file = |error| RecipeError::File { path: path.to_owned(), source: Box::new(error) };
    let text = rows::decode(&bytes).map_err(|error| RecipeError::Settings(error.to_string()));
    text.and_then(|json| read(&json)).map_err(file)
}

/// Refuses lists where recipes belong: serde reads them as fields without their names.
fn objects(recipe: &Value) -> Result<(), RecipeError> {
    match recipe {
        Value::Object(fields) => {
            let listed =
                ["arms", "phases"].into_iter().filter_map(|name| fields.get(name)?.as_array());
            listed.flatten().chain(fields.get("inner")).try_for_each(objects)
        }
        other => Err(RecipeError::Settings(format!(
            "expected an object with the field `strategy`, found {other}"
        ))),
    }
}

impl From<Lookahead<Self>> for Recipe {
    fn from(strategy: Lookahead<Self>) -> Self {
        Box::new(strategy).into()
    }
}

impl From<Converged<Self>> for Recipe {
    fn from(strategy: Converged<Self>) -> Self {
        Box::new(strategy).into()
    }
}

impl From<Forest<Self>> for Recipe {
    fn from(strategy: Forest<Self>) -> Self {
        Box::new(strategy).into()
    }
}

impl From<Retry<Self>> for Recipe {
    fn from(strategy: Retry<Self>) -> Self {
        Box::new(strategy).into()
    }
}

impl From<Dedupe<Self>> for Recipe {
    fn from(strategy: Dedupe<Self>) -> Self {
        Box::new(strategy).into()
    }
}

impl From<Phases<Self>> for Recipe {
    fn from(strategy: Phases<Self>) -> Self {
        Box::new(strategy).into()
    }
}

impl From<ComputeOptimal<Self>> for Recipe {
    fn from(strategy: ComputeOptimal<Self>) -> Self {
        Box::new(strategy).into()
    }
}
