//! Everything about a search that decides its results, and the search that it says.
//!
//! Source: none.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tts_core::{
    Budget, Prices, Prompt, Requirements, Sampling, Scale, Search, SearchStrategy, StepRule, Task,
    task,
};
use tts_search::Recipe;
use tts_search::recipe::Preset;

use super::named::{self, Scorers};
use super::writing;
use crate::Error;
use crate::engines::Engines;

/// Everything about a search that decides its results.
#[derive(Debug, Clone, Serialize)]
pub struct Setup {
    /// The strategy.
    pub recipe: Recipe,
    /// The scorer, as on the command line.
    pub scorer: String,
    /// Further scorers by their names, as on the command line.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub named: BTreeMap<String, String>,
    /// What an answer is, by name.
    pub task: String,
    /// Where steps end.
    pub rule: StepRule,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// When a problem stops.
    pub budget: Budget,
    /// What tokens cost in money, as on the command line; engines on servers may have prices besides, which are kept apart.
    #[serde(skip_serializing_if = "Prices::is_empty")]
    pub prices: Prices,
    /// Where all randomness comes from.
    pub seed: u64,
    /// How questions become prompts, by an example.
    pub prompt: Prompt,
    /// The other project's name that was asked for, and what it stands for. It decides nothing by itself: all of it is in
    /// the fields above.
    #[serde(skip)]
    pub preset: Option<(String, Preset)>,
}

impl Setup {
    /// What another project's name brought besides a strategy, as options that say the same; `None` where no such name was
    /// asked for.
    pub fn brought(&self) -> Option<String> {
        let (name, preset) = self.preset.as_ref()?;
        let options = writing::brought(preset, &self.rule, &self.sampling);
        let beside = if options.is_empty() { "nothing else".to_owned() } else { options.join(" ") };
        Some(format!("{name}: the strategy below, and {beside}"))
    }

    /// The search that all of it says, by these models and this scorer.
    pub fn search<'a>(
        &self,
        engines: &'a Engines,
        scorers: &'a Scorers<'_>,
        task: Arc<dyn Task>,
    ) -> Search<'a> {
        let search = engines.put_others(Search::new(engines.writer()));
        let search = engines
            .prices()
            .into_iter()
            .fold(search, |search, (role, price)| search.price(role, price));
        let writers = self.prices.writers.iter();
        let search = writers.fold(search, |search, (role, price)| search.price(role, *price));
        let judges = self.prices.scorers.iter();
        let search = judges.fold(search, |search, (name, price)| search.scorer_price(name, *price));
        let leading = scorers.leading.as_deref();
        let search = leading.into_iter().fold(search, Search::scorer);
        scorers
            .named
            .put(search)
            .shared_task(task)
            .rule(self.rule.clone())
            .sampling(self.sampling)
            .budget(self.budget)
            .seed(self.seed)
    }

    /// Refuses a strategy that lacks something in the search that will run, or means nothing there, before anything is
    /// spent; what its scores are.
    ///
    /// # Errors
    /// A sentence that names what is missing: scorer, scale or role.
    pub fn check(&self, engines: &Engines, scorers: &Scorers<'_>) -> Result<Scale, Error> {
        let search = self.search(engines, scorers, task::by_name(&self.task)?);
        let (settings, needs) = (search.settings(), self.recipe.requires());
        let read = Requirements { confidence: needs.confidence, ..Requirements::default() };
        settings.satisfy(&read).map_err(|problem| format!("strategy: {problem}"))?;
        let needs = Requirements { confidence: None, ..needs };
        let judged = Requirements { roles: Vec::new(), scorers: Vec::new(), ..needs.clone() };
        settings
            .satisfy(&judged)
            .map_err(|problem| format!("scorer {}: {problem}", self.scorer))?;
        let played = Requirements { scorers: Vec::new(), ..needs.clone() };
        settings.satisfy(&played).map_err(|problem| {
            format!("strategy: {problem}; a JSON file of --model names engines by role")
        })?;
        named::satisfy(&self.named, &needs)?;
        settings.check()?;
        Ok(settings.scale())
    }
}
