//! What a request asks for: fields that both endpoints share, checked against models and limits.
//!
//! A field is honoured, or has no effect on an answer here (`user`, `metadata`, ...), or is refused by name.
//! Nothing that would change an answer is passed over.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tts_core::cost::Allowance;
use tts_core::{Budget, Mode, Prompt, Sampling, SearchStrategy as _, StepRule, Task, seed, task};

use super::fields::{Fields, wrong};
use crate::engine::{Job, Place, Sight};
use crate::fault::Fault;
use crate::plan::Plan;
use crate::{Model, ServeConfig};

/// What clients send that changes no answer.
const IDLE: [&str; 8] = [
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "parallel_tool_calls",
];
/// Most stop texts.
const STOPS: usize = 16;

/// What a stream tells besides text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Streaming {
    /// The cost, at the end.
    pub(super) usage: bool,
    /// Progress as chunks too.
    pub(super) progress: bool,
}

/// A request that is understood.
pub(super) struct Ask {
    /// The model as the client named it.
    pub(super) named: String,
    model: usize,
    plan: Plan,
    scorer: Option<String>,
    pub(super) prompts: Vec<Prompt>,
    pub(super) n: usize,
    /// How it is streamed; `None` for an answer in one piece.
    pub(super) streaming: Option<Streaming>,
    pub(super) logprobs: bool,
    rule: StepRule,
    /// Whether the request itself says how many steps an answer has.
    counts_steps: bool,
    sampling: Sampling,
    budget: Budget,
    task: Arc<dyn Task>,
    seed: u64,
}

/// The model and the strategy that a name picks.
pub(super) fn pick(
    models: &[Model],
    config: &ServeConfig,
    name: &str,
) -> Result<(usize, Plan), Fault> {
    if let Some(place) = models.iter().position(|model| model.name == name) {
        return Ok((place, Plan::Plain));
    }
    let split = name.rsplit_once('+');
    let found = split.and_then(|(model, strategy)| {
        models.iter().position(|known| known.name == model).map(|place| (place, strategy))
    });
    let Some((place, strategy)) = found else {
        let known: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        let message = format!(
            "there is no model {name:?} here, only {}; a strategy stands behind a plus sign",
            known.join(", ")
        );
        return Err(Fault::new(404, "model_not_found", message).at("model"));
    };
    let model = &models[place];
    let plan = Plan::named(strategy, &model.registry, config.default_n, config.lines);
    let plan = plan.map_err(|problem| Fault::invalid("model", problem).code("unknown_strategy"))?;
    let plays = model.plays(&plan.requires());
    plays.map_err(|problem| Fault::invalid("model", problem).code("unknown_strategy"))?;
    Ok((place, plan))
}

impl Ask {
    /// Takes the fields that both endpoints share; `prompts` are the request's own.
    pub(super) fn take(
        fields: &mut Fields,
        prompts: Vec<Prompt>,
        models: &[Model],
        config: &ServeConfig,
    ) -> Result<Self, Fault> {
        let missing = || Fault::invalid("model", "model is missing, expected its name");
        let named = fields.text("model")?.ok_or_else(missing)?;
        let (place, plan) = pick(models, config, &named)?;
        let model = &models[place];
        let (temperature, top_p) =
            (fields.number("temperature", 0.0, 2.0)?, fields.number("top_p", 0.0, 1.0)?);
        let top_k = fields.count("top_k", 0, u64::from(u32::MAX))?;
        let own = model.sampling;
        let sampling = Sampling {
            temperature: temperature.unwrap_or(own.temperature),
            top_p: top_p.unwrap_or(own.top_p),
            top_k: top_k.map_or(own.top_k, |k| u32::try_from(k).unwrap_or(u32::MAX)),
            min_p: fields.number("min_p", 0.0, 1.0)?.unwrap_or(own.min_p),
            first: own.first,
        };
        sampling.check().map_err(|problem| Fault::invalid("top_p", problem))?;
        let mut rule = model.rule.clone();
        if let Some(stop) = fields.texts("stop", STOPS)? {
            rule.stop.extend(stop);
        }
        let n = fields.count("n", 1, config.answers as u64)?.unwrap_or(1);
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        let searches = n.saturating_mul(prompts.len());
        if searches > config.answers {
            let message = format!(
                "{n} answers to {} prompts, expected at most {}",
                prompts.len(),
                config.answers
            );
            return Err(Fault::invalid("n", message));
        }
        let mut streaming = fields.flag("stream")?.then(Streaming::default);
        if let Some(options) = fields.take("stream_options") {
            let mut options = Fields::of(options, "stream_options")?;
            let usage = options.flag("include_usage")?;
            options.flag("include_obfuscation")?;
            options.end()?;
            let Some(streaming) = &mut streaming else {
                let message = "stream_options go with stream: true alone";
                return Err(Fault::invalid("stream_options", message));
            };
            streaming.usage = usage;
        }
        let seed = fields.seed("seed")?.unwrap_or(0);
        let (idle_list, idle_text) = (json!([]), json!("none"));
        let no_tools = "tools are for the client's program; ask for text";
        for (name, idle, why) in [
            ("frequency_penalty", vec![json!(0)], "only 0"),
            ("presence_penalty", vec![json!(0)], "only 0"),
            ("repetition_penalty", vec![json!(1)], "only 1"),
            ("logit_bias", vec![json!({})], "tokens are drawn as the model likes them"),
            ("tools", vec![idle_list.clone()], no_tools),
            ("tool_choice", vec![idle_text.clone(), json!("auto")], no_tools),
            ("functions", vec![idle_list], no_tools),
            ("function_call", vec![idle_text.clone(), json!("auto")], no_tools),
            ("response_format", vec![json!({"type": "text"})], "only text"),
            ("modalities", vec![json!(["text"])], "only text"),
            ("audio", vec![], "only text"),
            ("prediction", vec![], "every token is generated"),
            ("reasoning_effort", vec![idle_text], "ask for a strategy: MODEL+best-of-n-16, say"),
            ("verbosity", vec![], "say it in the messages"),
            ("web_search_options", vec![], "nothing is looked up"),
            ("moderation", vec![], "nothing is moderated"),
        ] {
            fields.refuse(name, &idle, why)?;
        }
        for name in IDLE {
            fields.take(name);
        }
        let mut ask = Self {
            named,
            model: place,
            plan,
            scorer: None,
            prompts,
            n,
            streaming,
            logprobs: false,
            rule,
            counts_steps: false,
            sampling,
            budget: Budget {
                generated_tokens: Some((config.request_tokens / searches.max(1) as u64).max(1)),
                ..Budget::default()
            },
            task: Arc::new(task::Math),
            seed,
        };
        if let Some(tts) = fields.take("tts") {
            ask.take_search(Fields::of(tts, "tts")?, model, config)?;
        }
        ask.judge(model)?;
        Ok(ask)
    }

    /// The extra field `tts`.
    fn take_search(
        &mut self,
        mut tts: Fields,
        model: &Model,
        config: &ServeConfig,
    ) -> Result<(), Fault> {
        if let Some(recipe) = tts.take("recipe") {
            if self.plan != Plan::Plain {
                let message = format!("the model {:?} names a strategy already", self.named);
                return Err(Fault::invalid("tts.recipe", message));
            }
            let plan = Plan::recipe(&recipe, &model.registry, config);
            let plan = plan.and_then(|plan| model.plays(&plan.requires()).map(|()| plan));
            self.plan = plan.map_err(|problem| Fault::invalid("tts.recipe", problem))?;
        }
        self.scorer = tts.text("scorer")?;
        if let Some(name) = tts.text("task")? {
            self.task =
                task::by_name(&name).map_err(|problem| Fault::invalid("tts.task", problem))?;
        }
        let most = self.budget.generated_tokens.unwrap_or(u64::MAX);
        let asked = tts.take("budget");
        if let Some(tokens) = tts.count("budget_tokens", 1, most)? {
            if asked.is_some() {
                let message = "tts.budget bounds tokens as well: expected one of the two";
                return Err(Fault::invalid("tts.budget_tokens", message));
            }
            self.budget = Budget::tokens(tokens);
        }
        if let Some(asked) = asked {
            self.budget = allowed(asked, most)?;
        }
        if tts.flag("hard")? {
            self.budget.mode = Mode::Hard;
        }
        if let Some(delimiters) = tts.texts("step", STOPS)? {
            self.rule.delimiters = delimiters;
        }
        if let Some(tokens) = tts.count("max_step_tokens", 1, u64::from(config.answer_tokens))? {
            self.rule.max_step_tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        }
        if let Some(steps) = tts.count("max_steps", 1, u64::from(config.answer_tokens))? {
            self.rule.max_steps = u32::try_from(steps).unwrap_or(u32::MAX);
            self.counts_steps = true;
        }
        let progress = tts.flag("progress")?;
        self.streaming.iter_mut().for_each(|streaming| streaming.progress = progress);
        tts.end()
    }

    /// Who judges: whom the request names, or the model's own where the strategy needs somebody.
    fn judge(&mut self, model: &Model) -> Result<(), Fault> {
        let needs = self.plan.requires().scorer;
        self.scorer = match self.scorer.take() {
            Some(name) if name == "none" => None,
            Some(name) if model.scorers.contains_key(&name) => Some(name),
            Some(name) => {
                let known: Vec<&str> = model.scorers.keys().map(String::as_str).collect();
                let message = format!(
                    "no scorer is called {name:?}, expected none or one of {}",
                    known.join(", ")
                );
                return Err(Fault::invalid("tts.scorer", message).code("unknown_scorer"));
            }
            None => needs.and_then(|_| model.default_scorer.clone()),
        };
        if self.budget.money.is_some() && !self.is_priced(model) {
            let message = "money is bounded, and no price is known of who writes and judges";
            return Err(Fault::invalid("tts.budget", message));
        }
        match (needs, &self.scorer) {
            (Some(who), None) => {
                let message = format!("{who} needs a scorer, and there is none");
                Err(Fault::invalid("tts.scorer", message))
            }
            _ => Ok(()),
        }
    }

    /// Whether a price is known of anyone who writes or judges in this search.
    fn is_priced(&self, model: &Model) -> bool {
        let (prices, needs) = (&model.prices, self.plan.requires());
        let writes = |role: &String| prices.writers.contains_key(role);
        let judges = |name: &String| prices.scorers.contains_key(name);
        prices.writers.contains_key("")
            || needs.roles.iter().any(writes)
            || needs.scorers.iter().chain(&self.scorer).any(judges)
    }

    /// The longest answer, by whichever of its names. Its tokens alone bound it then, unless the request bounds
    /// its steps too: a client that is told `length` asks for more tokens, and must get further by that.
    pub(super) fn limit(
        &mut self,
        fields: &mut Fields,
        names: &[&str],
        config: &ServeConfig,
    ) -> Result<(), Fault> {
        let mut given = None;
        for &name in names {
            let Some(tokens) = fields.count(name, 1, u64::from(config.answer_tokens))? else {
                continue;
            };
            if given.is_some_and(|given| given != tokens) {
                let message = format!("{} say different things", names.join(" and "));
                return Err(Fault::invalid(name, message));
            }
            given = Some(tokens);
        }
        if let Some(tokens) = given {
            self.rule.max_tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
            self.rule.max_step_tokens = self.rule.max_step_tokens.min(self.rule.max_tokens);
            if !self.counts_steps {
                // No step is without a token.
                self.rule.max_steps = self.rule.max_steps.max(self.rule.max_tokens);
            }
        }
        Ok(())
    }

    /// What is wrong with prompts and log-probabilities, as far as the model's words tell.
    pub(super) fn check(&self, models: &[Model], param: &str) -> Result<(), Fault> {
        let words = models[self.model].words.as_ref();
        if self.logprobs && words.is_none() {
            let message = "logprobs: this model does not tell what its tokens are";
            return Err(Fault::invalid("logprobs", message).code("unsupported_parameter"));
        }
        for prompt in &self.prompts {
            if prompt.is_blank() {
                let message =
                    format!("{param}: there is nothing to answer, expected a user's text");
                return Err(Fault::invalid(param, message).code("empty_prompt"));
            }
            let Some(words) = words else { continue };
            let tokens = words.encode(prompt).map_err(|problem| Fault::invalid(param, problem))?;
            if tokens.len() >= words.positions() {
                let message = format!(
                    "{param}: {} tokens leave no room for an answer, the model knows {} positions",
                    tokens.len(),
                    words.positions()
                );
                return Err(Fault::invalid(param, message).code("context_length_exceeded"));
            }
        }
        Ok(())
    }

    /// Its place among the models.
    pub(super) fn model(&self) -> usize {
        self.model
    }

    /// How many searches it takes.
    pub(super) fn searches(&self) -> usize {
        self.n * self.prompts.len()
    }

    /// Its searches, in the order of the answers; each prompt's first one has the seed of the request.
    pub(super) fn jobs(
        &self,
        places: Vec<Place>,
        arrived: Instant,
    ) -> (Vec<Job>, Vec<tokio::sync::watch::Receiver<Sight>>) {
        let numbers = self.prompts.iter().flat_map(|prompt| (0..self.n).map(move |n| (prompt, n)));
        let job = |((prompt, number), place)| {
            let (sight, seen) = tokio::sync::watch::channel(Sight::default());
            let job = Job {
                model: self.model,
                scorer: self.scorer.clone(),
                plan: self.plan.clone(),
                prompt: Prompt::clone(prompt),
                rule: self.rule.clone(),
                sampling: self.sampling,
                budget: self.budget,
                task: Arc::clone(&self.task),
                seed: match u32::try_from(number).unwrap_or(u32::MAX) {
                    0 => self.seed,
                    number => seed::child(self.seed, number),
                },
                arrived,
                sight,
                place,
            };
            (job, seen)
        };
        numbers.zip(places).map(job).unzip()
    }
}

/// How many log-probabilities of other tokens are asked for: none can be told.
pub(super) fn alternatives(name: &str, value: Option<Value>) -> Result<(), Fault> {
    match value {
        None => Ok(()),
        Some(value) if value == json!(0) => Ok(()),
        Some(value) => {
            let expected = "0: only those of the tokens that were chosen are kept";
            Err(wrong(name, expected, &value).code("unsupported_parameter"))
        }
    }
}

/// A budget in the words of users, within what a request may have generated.
fn allowed(asked: Value, most: u64) -> Result<Budget, Fault> {
    let fault = |problem: String| Fault::invalid("tts.budget", problem);
    let asked: Allowance =
        serde_json::from_value(asked).map_err(|problem| fault(problem.to_string()))?;
    if let Some(tokens) = asked.tokens.filter(|tokens| !(1..=most).contains(tokens)) {
        return Err(fault(format!("tokens is {tokens}, expected a whole number from 1 to {most}")));
    }
    let mut budget = asked.budget().map_err(fault)?;
    // Whatever else is bounded, no request may have more generated.
    budget.generated_tokens.get_or_insert(most);
    if asked.reserve.is_none() {
        budget.reserve = budget.reserve.min(most / 4);
    }
    budget.check().map_err(fault)?;
    Ok(budget)
}
