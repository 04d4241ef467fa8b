//! Strategies of other crates in recipes: held by name, found in a registry that the caller passes.
//!
//! ```text
//! { "strategy": "forest", "copies": 4,
//!   "inner": { "strategy": "custom", "name": "tournament", "settings": { "rounds": 3 } } }
//! ```
//!
//! A recipe that was read knows only the name and the settings; [`Registry::fill`] makes the strategies of
//! them, wherever in the recipe they stand. Until then the recipe is refused like one with bad settings,
//! and nothing is run as something else: [`Recipe::from_json`] refuses it, [`Registry::from_json`] reads and fills
//! it, and plain serde reads what is filled later. What is written, by plain serde, is read again by either of these.
//!
//! Source: none; a format of this library.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tts_core::{Aggregate, Expand, NodeId, Requirements, SearchStrategy, Tree, View};

use super::{Preset, Recipe, RecipeError};

/// A strategy of another crate, by name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    name: String,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(skip)]
    strategy: Option<Box<dyn Held>>,
}

/// A strategy that can be copied behind a pointer.
trait Held: SearchStrategy {
    fn copy(&self) -> Box<dyn Held>;
}

impl<S: SearchStrategy + Clone + 'static> Held for S {
    fn copy(&self) -> Box<dyn Held> {
        Box::new(self.clone())
    }
}

impl Custom {
    /// The name that it is registered under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its settings, as in the recipe.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }
}

impl Clone for Custom {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            settings: self.settings.clone(),
            // The copy of the box's content, not of the box.
            strategy: self.strategy.as_ref().map(|strategy| (**strategy).copy()),
        }
    }
}

impl std::fmt::Debug for Custom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Custom")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Custom {
    /// Whether name and settings are the same.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.settings == other.settings
    }
}

impl SearchStrategy for Custom {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        // One that was never filled in has been refused by `check`.
        self.strategy.as_mut().map_or_else(Vec::new, |strategy| strategy.step(view))
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.strategy.as_ref().and_then(|strategy| strategy.pick(tree))
    }

    fn check(&self) -> Result<(), String> {
        match &self.strategy {
            Some(strategy) => strategy.check(),
            None => Err(format!(
                "the strategy {:?} is none of this crate: read the recipe with a Registry that has it",
                self.name
            )),
        }
    }

    fn requires(&self) -> Requirements {
        self.strategy
            .as_ref()
            .map_or_else(Requirements::default, tts_core::SearchStrategy::requires)
    }

    fn samples(&self) -> Option<Aggregate> {
        self.strategy.as_ref().and_then(tts_core::SearchStrategy::samples)
    }

    fn outlives_failure(&self) -> bool {
        self.strategy.as_ref().is_some_and(tts_core::SearchStrategy::outlives_failure)
    }
}

/// How a strategy is made of settings.
type Make = dyn Fn(&Map<String, Value>) -> Result<Box<dyn Held>, String> + Send + Sync;

/// The settings of a strategy at a budget.
type Sized = dyn Fn(usize) -> Result<Map<String, Value>, String> + Send + Sync;

#[derive(Clone)]
struct Entry {
    make: Arc<Make>,
    sized: Arc<Sized>,
}

/// Strategies of other crates, by the names that recipes and command lines call them.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tts_core::toy::{Oracle, Sample, ToyWorld};
/// use tts_core::{Aggregate, Expand, NodeId, Search, SearchStrategy, View};
/// use tts_search::recipe::Registry;
///
/// #[derive(Clone, Serialize, Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Twice {
///     lines: usize,
/// }
///
/// impl SearchStrategy for Twice {
///     fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
///         if view.is_start() { vec![Expand::end(NodeId::ROOT, 2 * self.lines)] } else { Vec::new() }
///     }
/// }
///
/// let registry = Registry::default().with("twice", |n| Twice { lines: n.div_ceil(2) });
/// let recipe = registry.from_json(
///     r#"{"strategy": "forest", "copies": 3,
///         "inner": {"strategy": "custom", "name": "twice", "settings": {"lines": 2}}}"#,
/// )?;
/// let world = ToyWorld::default();
/// let outcome = Search::new(&world).scorer(Oracle::of(&world)).run(recipe, world.prompt(0))?;
/// assert_eq!(outcome.usage.logical.samples, 12);
/// // By name and budget, as a command line asks for it.
/// assert!(registry.default_of("twice", 8).is_ok() && registry.default_of("beam-search", 8).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    entries: BTreeMap<String, Entry>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.keys()).finish()
    }
}

impl Registry {
    /// With a strategy under this name; `at` is what it is at a budget of `n` lines, for command lines. One
    /// that has the name already gives way.
    #[must_use]
    pub fn with<S>(
        mut self,
        name: impl Into<String>,
        at: impl Fn(usize) -> S + Send + Sync + 'static,
    ) -> Self
    where
        S: SearchStrategy + Clone + Serialize + DeserializeOwned + 'static,
    {
        let make = |settings: &Map<String, Value>| {
            let strategy = S::deserialize(Value::Object(settings.clone()));
            Ok(Box::new(strategy.map_err(|error| error.to_string())?) as Box<dyn Held>)
        };
        let sized = move |n| match serde_json::to_value(at(n)) {
            Ok(Value::Object(settings)) => Ok(settings),
            Ok(other) => Err(format!("its settings are {other}, expected an object")),
            Err(error) => Err(error.to_string()),
        };
        self.entries.insert(name.into(), Entry { make: Arc::new(make), sized: Arc::new(sized) });
        self
    }

    /// The names of its strategies.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Makes the strategies that a recipe holds by name, and checks all settings.
    ///
    /// # Errors
    /// When a name is not in the registry, or settings are refused.
    pub fn fill(&self, recipe: &mut Recipe) -> Result<(), RecipeError> {
        self.make(recipe)?;
        recipe.check().map_err(RecipeError::Settings)
    }

    fn make(&self, recipe: &mut Recipe) -> Result<(), RecipeError> {
        match recipe {
            Recipe::Lookahead(outer) => self.make(&mut outer.strategy),
            Recipe::Converged(outer) => self.make(&mut outer.strategy),
            Recipe::Forest(outer) => self.make(&mut outer.strategy),
            Recipe::Retry(outer) => self.make(&mut outer.strategy),
            Recipe::Dedupe(outer) => self.make(&mut outer.strategy),
            Recipe::Phases(outer) => {
                outer.phases.iter_mut().try_for_each(|phase| self.make(&mut phase.strategy))
            }
            Recipe::Custom(custom) => {
                let bad = |problem| RecipeError::Settings(format!("{}: {problem}", custom.name));
                let entry = self.entry(&custom.name)?;
                custom.strategy = Some((entry.make)(&custom.settings).map_err(bad)?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn entry(&self, name: &str) -> Result<&Entry, RecipeError> {
        self.entries.get(name).ok_or_else(|| RecipeError::Unregistered {
            name: name.to_owned(),
            known: self.names().map(str::to_owned).collect(),
        })
    }

    /// Reads a recipe, see [`Recipe::from_json`].
    ///
    /// # Errors
    /// As [`Recipe::from_json`] and [`Registry::fill`].
    pub fn from_json(&self, json: &str) -> Result<Recipe, RecipeError> {
        let mut recipe = Recipe::parse(json)?;
        self.fill(&mut recipe)?;
        Ok(recipe)
    }

    /// Reads a recipe from a file, see [`Recipe::from_file`].
    ///
    /// # Errors
    /// As [`Registry::from_json`], with the name of the file.
    pub fn from_file(&self, path: impl AsRef<Path>) -> Result<Recipe, RecipeError> {
        super::in_file(path.as_ref(), |json| self.from_json(json))
    }

    /// A strategy by name at a budget of `n` lines: one of this crate ([`Recipe::default_of`]), of the
    /// registry, or of another project ([`Preset::named`]).
    ///
    /// # Errors
    /// When the name is unknown, or `n` is refused.
    pub fn default_of(&self, name: &str, n: usize) -> Result<Recipe, RecipeError> {
        match Recipe::default_of(name, n) {
            Err(RecipeError::Name { .. }) if self.entries.contains_key(name) => {
                let bad = |problem| RecipeError::Settings(format!("{name}: {problem}"));
                let settings = (self.entry(name)?.sized)(n).map_err(bad)?;
                let mut recipe =
                    Recipe::Custom(Custom { name: name.to_owned(), settings, strategy: None });
                self.fill(&mut recipe)?;
                Ok(recipe)
            }
            Err(RecipeError::Name { name, mut known }) => match Preset::named(&name, n) {
                Some(preset) => preset.map(|preset| preset.recipe),
                None if name.contains('/') => {
                    let known = Preset::names().map(str::to_owned).collect();
                    Err(RecipeError::Name { name, known })
                }
                None => {
                    known.extend(self.entries.keys().cloned());
                    Err(RecipeError::Name { name, known })
                }
            },
            found => found,
        }
    }
}
