//! How an arm finds answers: a method by name, or any recipe with a budget to fill in.
//!
//! In a recipe, the texts `N` and `√N` stand for the budget and its square root, `N/4` for a quarter of it, where it has
//! one: chains of four attempts in a ratio that follows from N are `"chains": "N/4", "length": 4`.
//!
//! ```text
//! { "strategy": "beam-search", "keep": "√N", "branch": "√N", "select": { "rule": "weighted" } }
//! ```
//!
//! A text that is the name of another project's search ([`Preset`]), such as `"its-hub/beam-search"`, is its strategy at the
//! budget; steps and sampling are those of the comparison.
//!
//! Where samples are judgements, of the family of panels, `{ "vote": "sum" }` adds up their scores, and with `"keep": 0.5`
//! those of the half that the arm's scorer trusts most; `{ "score": "responses" }` is the choice of a scalar reward model, and
//! `{ "score": "critiques" }` that of a semi-scalar one, by the mean over N critiques.
//! `{ "reject": "longer" }` draws again what has more than N tokens.
//!
//! Source: none; a format of this library.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::{SearchStrategy, Selection};
use tts_search::Recipe;
use tts_search::evaluate::{Method, square_root};
use tts_search::recipe::Preset;

use super::judgements::{Scored, Scores, Votes};
use super::rejection::Rejection;
use crate::Error;

/// How an arm finds answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Way {
    /// One of the methods that are compared everywhere; those that choose from a pool share it.
    Method(Method),
    /// A vote of judgements from a pool.
    Votes(Votes),
    /// The choice of a scalar reward model among responses.
    Scores(Scores),
    /// Samples of a pool that are short enough.
    Rejection(Rejection),
    /// Any strategy.
    Recipe(Template),
}

/// A recipe with a budget to fill in, or the name of another project's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Template(Value);

impl TryFrom<Value> for Template {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match &value {
            Value::Object(_) => Ok(Self(value)),
            Value::String(name) if Preset::names().any(|known| known == name) => Ok(Self(value)),
            other => Err(format!("{other}: expected a recipe, or the name of another project's")),
        }
    }
}

impl From<Template> for Value {
    fn from(template: Template) -> Self {
        template.0
    }
}

impl Template {
    /// The recipe at a budget.
    ///
    /// # Errors
    /// When it is no recipe, or the budget is no square where its root is asked for, or no multiple where a part is.
    pub fn at(&self, n: usize) -> Result<Recipe, Error> {
        if let Some(preset) = self.0.as_str().and_then(|name| Preset::named(name, n)) {
            return Ok(preset?.recipe);
        }
        let mut recipe = self.0.clone();
        fill(&mut recipe, n)?;
        Ok(Recipe::from_json(&recipe.to_string())?)
    }
}

fn fill(value: &mut Value, n: usize) -> Result<(), Error> {
    match value {
        Value::String(text) if text == "N" => *value = n.into(),
        Value::String(text) if text == "√N" => *value = square_root(n)?.into(),
        Value::String(text) if text.starts_with("N/") => *value = part(n, text)?.into(),
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill(item, n))?,
        Value::Object(fields) => fields.values_mut().try_for_each(|field| fill(field, n))?,
        _ => {}
    }
    Ok(())
}

/// The part of a budget that `N/4` says.
fn part(n: usize, text: &str) -> Result<usize, Error> {
    let by: Option<usize> = text.strip_prefix("N/").and_then(|by| by.parse().ok());
    let by =
        by.filter(|&by| by > 0).ok_or_else(|| format!("{text:?}: expected one such as N/4"))?;
    if !n.is_multiple_of(by) {
        return Err(format!("{text:?}: N is {n}, expected a multiple of {by}").into());
    }
    Ok(n / by)
}

impl Way {
    /// The method that chooses from a pool, if it is one.
    pub fn pooled(&self) -> Option<Method> {
        match self {
            Self::Method(method) if Method::POOLED.contains(method) => Some(*method),
            _ => None,
        }
    }

    /// Whether it chooses from a pool, by whatever rule.
    pub fn is_pooled(&self) -> bool {
        self.pooled().is_some()
            || matches!(self, Self::Votes(_) | Self::Scores(Scores { score: Scored::Critiques }))
    }

    /// Whether it asks the scorer at this budget.
    ///
    /// # Errors
    /// As [`Way::search`].
    pub fn is_scored(&self, n: usize) -> Result<bool, Error> {
        match self {
            Self::Method(method) => Ok(method.is_scored()),
            Self::Rejection(_) => Ok(false),
            Self::Votes(votes) => Ok(votes.keep.is_some()),
            Self::Scores(_) => Ok(true),
            Self::Recipe(template) => Ok(template.at(n)?.requires().scorer.is_some()),
        }
    }

    /// The search at a budget. What is said of the choice beside it is for methods alone: a recipe says it
    /// itself.
    ///
    /// # Errors
    /// When there is none at this budget, or two things are said of the choice.
    pub fn search(&self, n: usize, select: Selection) -> Result<Recipe, Error> {
        match self {
            Self::Method(method) => Ok(method.search_by(n, select)?),
            Self::Votes(_) | Self::Scores(_) | Self::Rejection(_) => {
                Ok(Method::Majority.search_by(n, Selection::default())?)
            }
            Self::Recipe(_) if select != Selection::default() => {
                Err("a recipe says itself how it aggregates and chooses".into())
            }
            Self::Recipe(template) => template.at(n),
        }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Method(method) => method.fmt(f),
            Self::Votes(_) => f.write_str("a vote of judgements"),
            Self::Scores(_) => f.write_str("scores of responses"),
            Self::Rejection(_) => f.write_str("samples that are short enough"),
            Self::Recipe(Template(recipe)) => {
                let name = recipe.get("strategy").unwrap_or(recipe).as_str();
                f.write_str(name.unwrap_or("a recipe"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tts_search::ParticleFilter;
    use tts_search::refine::Revision;

    use super::*;

    #[test]
    fn names_of_other_projects_are_recipes() {
        let way: Way = serde_json::from_value(json!("its-hub/particle-filter")).expect("a name");
        assert_eq!(way.to_string(), "its-hub/particle-filter");
        assert_eq!(serde_json::to_value(&way).expect("JSON"), json!("its-hub/particle-filter"));
        let expected: Recipe = ParticleFilter::of(16).into();
        assert_eq!(way.search(16, Selection::default()).expect("a recipe"), expected);
        assert!(way.is_scored(4).expect("a recipe") && !way.is_pooled());
        assert!(way.search(16, Selection::majority()).is_err(), "it says itself how it chooses");
        let beam: Way = serde_json::from_value(json!("its-hub/beam-search")).expect("a name");
        let error = beam.search(8, Selection::default()).expect_err("too few").to_string();
        assert!(error.contains("its-hub/beam-search: budget is 8"), "{error}");
        // A name of neither is refused as it was, and a method stays one.
        assert!(serde_json::from_value::<Way>(json!("its-hub/beem-search")).is_err());
        let method: Way = serde_json::from_value(json!("majority")).expect("a method");
        assert_eq!(method, Way::Method(Method::Majority));
    }

    #[test]
    fn parts_of_a_budget_are_whole() {
        let fields = json!({"strategy": "revision", "chains": "N/4", "length": 4});
        let chains: Template = serde_json::from_value(fields).expect("an object");
        for n in [4, 16, 20] {
            let expected = Revision { chains: n / 4, length: 4, ..Revision::default() };
            assert_eq!(chains.at(n).expect("a recipe"), expected.into());
        }
        let error = chains.at(18).expect_err("no quarter").to_string();
        assert_eq!(error, "\"N/4\": N is 18, expected a multiple of 4");
        for text in ["N/", "N/0", "N/x", "N/-2"] {
            let error = part(8, text).expect_err(text).to_string();
            assert!(error.contains("expected one such as N/4"), "{error}");
        }
    }
}
