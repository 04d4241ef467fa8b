//! A model as clients see it: a name, a generator, scorers by name, and how it writes unless asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use tts_core::{Generator, Prompt, Sampling, StepRule, StepScorer};

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
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scorers: Vec<&String> = self.scorers.keys().collect();
        f.debug_struct("Model")
            .field("name", &self.name)
            .field("scorers", &scorers)
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
        own.map_err(|problem| format!("model {}: {problem}", self.name))
    }
}
