//! A model as clients see it: a name, a generator, scorers by name, and how it writes unless asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use tts_core::{
    Generator, Price, Prices, Prompt, Requirements, Sampling, Search, StepRule, StepScorer,
};
use tts_search::recipe::Registry;

/// The text side of a model, where it can be told: for what is counted and shown before and after a search.
pub trait Words: Send + Sync {
    /// The token ids of a prompt.
    ///
    /// # Errors
    /// A sentence that says why the model cannot be given this prompt.
    fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, String>;

    /// The bytes that a token stands for.
    fn bytes(&self, token: u32) -> Vec<u8>;

    /// The longest text that it can be given, in tokens.
    fn positions(&self) -> usize;
}

/// A model that is served.
///
/// ```
/// use std::sync::Arc;
/// use tts_core::{StepRule, toy::{Oracle, ToyWorld}};
/// use tts_serve::Model;
///
/// let world = ToyWorld::default();
/// let model = Model::new("toy", Arc::new(world))
///     .scorer("oracle", Arc::new(Oracle::of(&world)))
///     .rule(StepRule::lines());
/// assert_eq!(model.default_scorer.as_deref(), Some("oracle"));
/// ```
#[derive(Clone)]
pub struct Model {
    /// What clients call it.
    pub name: String,
    /// What writes.
    pub generator: Arc<dyn Generator>,
    /// What judges, by name.
    pub scorers: BTreeMap<String, Arc<dyn StepScorer>>,
    /// Who judges where a strategy needs a scorer and the request names none.
    pub default_scorer: Option<String>,
    /// Where steps and solutions end unless a request says otherwise.
    pub rule: StepRule,
    /// How tokens are drawn unless a request says otherwise.
    pub sampling: Sampling,
    /// Its text side, if it can be told.
    pub words: Option<Arc<dyn Words>>,
    /// Who else writes, by role: a judge, say.
    pub roles: BTreeMap<String, Arc<dyn Generator>>,
    /// Who judges what is named for it: judgements, decisions, critiques. None of them leads a search.
    pub named: BTreeMap<String, Arc<dyn StepScorer>>,
    /// Strategies of other crates, which requests may name, and hold in recipes.
    pub registry: Registry,
    /// What tokens cost: of who writes by role, its own under `""`, and of its scorers by their names.
    pub prices: Prices,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scorers: Vec<&String> = self.scorers.keys().collect();
        let roles: Vec<&String> = self.roles.keys().collect();
        f.debug_struct("Model")
            .field("name", &self.name)
            .field("scorers", &scorers)
            .field("roles", &roles)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// A model without scorers, under default rule and sampling.
    pub fn new(name: impl Into<String>, generator: Arc<dyn Generator>) -> Self {
        Self {
            name: name.into(),
            generator,
            scorers: BTreeMap::new(),
            default_scorer: None,
            rule: StepRule::default(),
            sampling: Sampling::default(),
            words: None,
            roles: BTreeMap::new(),
            named: BTreeMap::new(),
            registry: Registry::default(),
            prices: Prices::default(),
        }
    }

    /// With a scorer; the first one is the default.
    #[must_use]
    pub fn scorer(mut self, name: impl Into<String>, scorer: Arc<dyn StepScorer>) -> Self {
        let name = name.into();
        self.default_scorer.get_or_insert_with(|| name.clone());
        self.scorers.insert(name, scorer);
        self
    }

    /// With another step rule.
    #[must_use]
    pub fn rule(mut self, rule: StepRule) -> Self {
        self.rule = rule;
        self
    }

    /// With another sampling.
    #[must_use]
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// With its text side.
    #[must_use]
    pub fn words(mut self, words: Arc<dyn Words>) -> Self {
        self.words = Some(words);
        self
    }

    /// With what its tokens cost: answers tell what they took in money, and requests may bound it.
    #[must_use]
    pub fn price(mut self, price: Price) -> Self {
        self.prices.writers.insert(String::new(), price);
        self
    }

    /// With what a scorer's tokens cost.
    #[must_use]
    pub fn scorer_price(mut self, name: impl Into<String>, price: Price) -> Self {
        self.prices.scorers.insert(name.into(), price);
        self
    }

    /// With another generator, which strategies ask for by its role: `judge`, say.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>, generator: Arc<dyn Generator>) -> Self {
        self.roles.insert(role.into(), generator);
        self
    }

    /// With a scorer that strategies ask for by its name, such as the meta-judge of a judge; no request leads a search by it.
    #[must_use]
    pub fn scorer_named(mut self, name: impl Into<String>, scorer: Arc<dyn StepScorer>) -> Self {
        self.named.insert(name.into(), scorer);
        self
    }

    /// With strategies of other crates: those that the model can play are listed, and asked for as any other.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// The search that its requests begin from, under one of its scorers or none.
    pub(crate) fn search(&self, scorer: Option<&str>) -> Search<'static> {
        let search = Search::new(Arc::clone(&self.generator));
        let search = self.roles.iter().fold(search, |search, (role, generator)| {
            search.role(role.clone(), Arc::clone(generator))
        });
        let search = self.named.iter().fold(search, |search, (name, scorer)| {
            let search = search.scorer_named(name.clone(), Arc::clone(scorer));
            let price = self.prices.scorers.get(name);
            price
                .into_iter()
                .fold(search, |search, price| search.scorer_price(name.as_str(), *price))
        });
        let prices = self.prices.writers.iter();
        let search =
            prices.fold(search, |search, (role, price)| search.price(role.as_str(), *price));
        let Some((name, scorer)) = scorer.and_then(|name| self.scorers.get_key_value(name)) else {
            return search;
        };
        let search = search.scorer(Arc::clone(scorer));
        let price = self.prices.scorers.get(name);
        price.into_iter().fold(search, |search, price| search.scorer_price("", *price))
    }

    /// Whether the model has whom a strategy asks for by name.
    ///
    /// # Errors
    /// A sentence that names who is missing.
    pub(crate) fn plays(&self, needs: &Requirements) -> Result<(), String> {
        if let Some(role) = needs.roles.iter().find(|role| !self.roles.contains_key(*role)) {
            return Err(format!("nobody plays the role {role:?} for the model {}", self.name));
        }
        match needs.scorers.iter().find(|name| !self.named.contains_key(*name)) {
            Some(name) => {
                Err(format!("no scorer has the name {name:?} for the model {}", self.name))
            }
            None => Ok(()),
        }
    }

    /// # Errors
    /// A sentence that says what is wrong with name, rule, sampling or default scorer.
    pub fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("a model has no name".into());
        }
        if let Some(name) = &self.default_scorer
            && !self.scorers.contains_key(name)
        {
            return Err(format!("model {}: it has no scorer {name:?}", self.name));
        }
        let own = self.rule.check().and_then(|()| self.sampling.check());
        let own = own.and_then(|()| self.prices.check());
        let judges =
            |name: &String| self.scorers.contains_key(name) || self.named.contains_key(name);
        if let Some(name) = self.prices.scorers.keys().find(|name| !judges(name)) {
            return Err(format!(
                "model {}: a price of the scorer {name:?}, which it has not",
                self.name
            ));
        }
        let writes = |role: &String| role.is_empty() || self.roles.contains_key(role);
        if let Some(role) = self.prices.writers.keys().find(|role| !writes(role)) {
            return Err(format!(
                "model {}: a price of the role {role:?}, which it has not",
                self.name
            ));
        }
        own.map_err(|problem| format!("model {}: {problem}", self.name))
    }
}
