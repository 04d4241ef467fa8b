//! Which search a request asks for: by the model's name, or by a recipe.
//!
//! Strategies of other crates are those of the model's registry, by their names or within recipes.
//!
//! `smollm2` is the model alone: one line, step by step, so that each step can be shown as soon as it is
//! written. `smollm2+beam-16` is [`Recipe::default_of`] of `beam` at 16; `smollm2+dvts` leaves N to
//! the server. A recipe of the request's own may hold any setting; its numbers are bounded before a
//! strategy sees them, and what it then asks for at once is bounded too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};
use tts_core::{
    Aggregate, Expand, NodeId, NodeKind, Requirements, SearchStrategy, Tree, Until, View, passes_on,
};
use tts_search::Recipe;
use tts_search::recipe::Registry;

use crate::ServeConfig;

/// A search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plan {
    /// The model alone.
    Plain,
    /// A strategy.
    Search(Box<Recipe>),
}

impl Plan {
    /// The strategy behind a model's name: `beam-16`, or `beam` at `n`.
    ///
    /// # Errors
    /// A sentence that names the strategies there are, or the number at fault.
    pub(crate) fn named(
        text: &str,
        registry: &Registry,
        n: usize,
        most: usize,
    ) -> Result<Self, String> {
        let (name, n) = match text.rsplit_once('-') {
            Some((name, digits))
                if digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty() =>
            {
                let n = digits.parse().ok().filter(|&n| n <= most);
                (name, n.ok_or_else(|| format!("N is {digits}, expected at most {most}"))?)
            }
            _ => (text, n),
        };
        let recipe = registry.default_of(name, n).map_err(|error| error.to_string())?;
        Ok(Self::Search(Box::new(recipe)))
    }

    /// A recipe of the request's own.
    ///
    /// # Errors
    /// A sentence that names what is wrong with it.
    pub(crate) fn recipe(
        recipe: &Value,
        registry: &Registry,
        config: &ServeConfig,
    ) -> Result<Self, String> {
        let most = config.lines;
        let weight = weight(recipe);
        if weight > most as u64 {
            return Err(format!(
                "recipe: a number in it, times those of the recipes around it, comes to {weight}, \
                 expected at most {most}"
            ));
        }
        judges(recipe, config.answer_tokens)?;
        let recipe = registry.from_json(&recipe.to_string()).map_err(|error| error.to_string())?;
        Ok(Self::Search(Box::new(recipe)))
    }
}

/// The largest number of a recipe, times the weight of the heaviest recipe within it, wherever that stands:
/// copies of copies multiply.
fn weight(recipe: &Value) -> u64 {
    let (own, within) = parts(recipe);
    own.saturating_mul(within)
}

/// The largest number of a value outside of the recipes in it, and the weight of the heaviest of these; 1 where
/// there is none.
fn parts(value: &Value) -> (u64, u64) {
    // A phase or an arm is no recipe, but holds one; whatever names a strategy is one.
    let part = |value: &Value| match value.get("strategy") {
        Some(_) => (1, weight(value)),
        None => parts(value),
    };
    let larger = |(own, within): (u64, u64), (more, heavier): (u64, u64)| {
        (own.max(more), within.max(heavier))
    };
    match value {
        Value::Number(number) => (number.as_u64().unwrap_or(1).max(1), 1),
        Value::Array(values) => values.iter().map(part).fold((1, 1), larger),
        // What a judge's numbers bound is how long it writes and what it says, not how many lines there are: but each look is a
        // line.
        Value::Object(fields) if is_jury(fields) => {
            let counts = fields.iter().filter(|(name, _)| *name != JUDGE);
            let (own, within) = counts.map(|(_, value)| part(value)).fold((1, 1), larger);
            (own.saturating_mul(looks(fields)), within)
        }
        Value::Object(fields) => fields.values().map(part).fold((1, 1), larger),
        _ => (1, 1),
    }
}

const JUDGE: &str = "judge";

/// Whether this is who judges and how often: an object in which a judge is one.
fn is_jury(fields: &Map<String, Value>) -> bool {
    fields.get(JUDGE).is_some_and(Value::is_object)
}

/// How often a jury's judge looks at what it wrote.
fn looks(jury: &Map<String, Value>) -> u64 {
    let again = jury.get(JUDGE).and_then(|judge| judge.get("again")).and_then(Value::as_array);
    again.map_or(1, |again| again.len() as u64 + 1)
}

/// Bounds what the judges of a recipe may write, and keeps templates of their own away: what is filled in runs here.
fn judges(value: &Value, tokens: u32) -> Result<(), String> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| judges(value, tokens)),
        Value::Object(fields) => {
            if let Some(Value::Object(judge)) = fields.get(JUDGE) {
                let most = judge.get("max_tokens").and_then(Value::as_u64);
                if let Some(most) = most.filter(|&most| most > u64::from(tokens)) {
                    return Err(format!("judge: max_tokens is {most}, expected at most {tokens}"));
                }
                let own = judge.get("template").and_then(Value::as_str);
                if own.is_some_and(|text| text.contains('{')) {
                    return Err(
                        "judge: a template of the request's own, expected the name of one that is built in"
                            .into(),
                    );
                }
            }
            fields.values().try_for_each(|value| judges(value, tokens))
        }
        _ => Ok(()),
    }
}

impl SearchStrategy for Plan {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        match self {
            Self::Plain => view.open().into_iter().map(|id| Expand::step(id, 1)).collect(),
            Self::Search(recipe) => recipe.step(view),
        }
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        match self {
            Self::Plain => tree.candidates().first().copied(),
            Self::Search(recipe) => recipe.pick(tree),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Plain => Ok(()),
            Self::Search(recipe) => recipe.check(),
        }
    }

    fn requires(&self) -> Requirements {
        match self {
            Self::Plain => Requirements::default(),
            Self::Search(recipe) => recipe.requires(),
        }
    }

    fn samples(&self) -> Option<Aggregate> {
        match self {
            Self::Plain => None,
            Self::Search(recipe) => recipe.samples(),
        }
    }

    fn outlives_failure(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Search(recipe) => recipe.outlives_failure(),
        }
    }
}

/// A strategy that may ask for so many lines at once, of asides that are as long as an answer may be. When it asks for more lines
/// the search ends, and says so here; a judge that says nothing of how long it writes is held to the limit.
pub(crate) struct Bounded {
    pub(crate) plan: Plan,
    pub(crate) most: usize,
    /// Most tokens of an aside.
    pub(crate) tokens: u32,
    /// What it asked for, when that was too much.
    pub(crate) asked: Arc<AtomicUsize>,
}

impl SearchStrategy for Bounded {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let mut wanted = self.plan.step(view);
        for expand in &mut wanted {
            hold(expand, self.tokens);
        }
        let lines = wanted.iter().fold(0_usize, |sum, expand| sum.saturating_add(expand.n));
        if lines > self.most {
            self.asked.store(lines, Ordering::Relaxed);
            return Vec::new();
        }
        wanted
    }

    passes_on!(self => self.plan; pick, check, requires, samples, outlives_failure);
}

/// Holds an aside by a rule of its own to so many tokens.
fn hold(expand: &mut Expand, tokens: u32) {
    // A few tokens behind it, a last word say, are bounded by themselves.
    let few = matches!(expand.until, Until::Tokens(few) if few <= tokens);
    if few || expand.kind != NodeKind::Aside {
        return;
    }
    if let Some(rule) = expand.rule.as_mut().filter(|rule| rule.max_tokens > tokens) {
        let rule = Arc::make_mut(rule);
        rule.max_tokens = tokens;
        rule.max_step_tokens = rule.max_step_tokens.min(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(recipe: &Value, lines: usize) -> Result<Plan, String> {
        let config = ServeConfig { lines, ..ServeConfig::default() };
        Plan::recipe(recipe, &Registry::default(), &config)
    }

    #[test]
    fn names_pick_strategies() {
        let search = |name, n| Plan::Search(Box::new(Recipe::default_of(name, n).expect("known")));
        for (text, expected) in [
            ("beam-16", search("beam-search", 16)),
            ("beam-search-16", search("beam-search", 16)),
            ("best-of-n-4", search("best-of-n", 4)),
            ("best-of-n", search("best-of-n", 8)),
            ("dvts", search("dvts", 8)),
            ("greedy", search("greedy", 8)),
            // A search of another project.
            ("its-hub/particle-filter-16", search("particle-filter", 16)),
            ("its-hub/particle-filter", search("particle-filter", 8)),
        ] {
            assert_eq!(Plan::named(text, &Registry::default(), 8, 64), Ok(expected), "{text}");
        }
        for (text, problem) in [
            ("breadth-first", "expected one of greedy"),
            ("", "expected one of greedy"),
            ("its-hub/viterbi", "expected one of search-and-learn/best-of-n"),
            ("its-hub/beam-search-10", "its-hub/beam-search: beam search: "),
            ("beam-0", "n is 0"),
            ("beam-65", "N is 65, expected at most 64"),
            ("beam-99999999999999999999999", "expected at most 64"),
        ] {
            let error = Plan::named(text, &Registry::default(), 8, 64).expect_err(text);
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn numbers_of_nested_recipes_multiply() {
        let recipe = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let beam = r#"{"strategy": "beam-search", "keep": 4, "branch": 2}"#;
        let forest = |copies, inner: &str| {
            recipe(&format!(r#"{{"strategy": "forest", "copies": {copies}, "inner": {inner}}}"#))
        };
        assert_eq!(weight(&recipe(beam)), 4);
        assert_eq!(weight(&forest(3, beam)), 12);
        assert_eq!(weight(&forest(7, &forest(3, beam).to_string())), 84);
        // Recipes stand in lists too, behind whatever else.
        let twice =
            forest(3, &forest(7, r#"{"strategy": "self-consistency", "n": 1}"#).to_string());
        for (strategy, list) in [("phases", "phases"), ("compute-optimal", "arms")] {
            let light = r#"{"strategy": "self-consistency", "n": 2}"#;
            let text = format!(
                r#"{{"strategy": "{strategy}", "{list}": [
                    {{"share": 0.5, "inner": {light}}}, {{"share": 0.5, "inner": {twice}}}]}}"#
            );
            assert_eq!(weight(&recipe(&text)), 21, "{strategy}");
            assert_eq!(weight(&forest(2, &text)), 42, "{strategy}");
            let error = plan(&recipe(&text), 20).expect_err(strategy);
            assert!(error.contains("comes to 21"), "{error}");
        }
        let arms =
            recipe(&format!(r#"{{"strategy": "compute-optimal", "arms": [{beam}, {twice}]}}"#));
        assert_eq!(weight(&arms), 21);
        // A number beside recipes counts for each of them.
        let beside =
            recipe(&format!(r#"{{"strategy": "x", "rounds": 2, "inner": {twice}, "list": [9]}}"#));
        assert_eq!(weight(&beside), 9 * 21);
        assert!(plan(&forest(3, beam), 12).is_ok());
        let error = plan(&forest(3, beam), 11).expect_err("too large");
        assert!(error.contains("comes to 12"), "{error}");
        assert!(plan(&recipe("7"), 11).is_err() && plan(&recipe("{}"), 11).is_err());
    }

    #[test]
    fn a_jury_counts_its_samples_and_not_how_long_its_judge_writes() {
        let recipe = |jury: &str| -> Value {
            let text = format!(
                r#"{{"strategy": "custom", "name": "judged", "settings": {{"inner": {{"strategy": "best-of-n", "n": 4}}, "jury": {jury}}}}}"#
            );
            serde_json::from_str(&text).expect("JSON")
        };
        let judge = r#""judge": {"template": "score", "max_tokens": 2000, "longest": 16000}"#;
        assert_eq!(weight(&recipe(&format!(r#"{{"samples": 3, {judge}}}"#))), 12);
        assert_eq!(
            weight(&recipe(&format!(r#"{{"samples": 1000000000, {judge}}}"#))),
            4_000_000_000
        );
        let kept = format!(r#"{{"samples": 1, "meta": {{"scorer": "m", "keep": 7}}, {judge}}}"#);
        assert_eq!(weight(&recipe(&kept)), 28);
        // Each further look is a line more.
        let again = r#""judge": {"max_tokens": 50, "again": ["Wait.", "Again."]}"#;
        assert_eq!(weight(&recipe(&format!(r#"{{"samples": 3, {again}}}"#))), 36);
        let looks = serde_json::json!({"samples": 1, "judge": {"again": vec!["Wait."; 64]}});
        let error = plan(&recipe(&looks.to_string()), 64).expect_err("too many looks");
        assert!(error.contains("comes to 260, expected at most 64"), "{error}");
        // Whoever is called a judge by name alone is a role, and its neighbours count.
        assert_eq!(weight(&recipe(r#"{"samples": 3, "judge": "critic", "max_tokens": 50}"#)), 200);
        let refused = |jury: &str| plan(&recipe(jury), 64).expect_err(jury);
        let long = refused(r#"{"judge": {"max_tokens": 1000000}}"#);
        assert!(long.contains("max_tokens is 1000000, expected at most"), "{long}");
        let own = refused(r#"{"judge": {"template": "{{ problem }}"}}"#);
        assert!(own.contains("a template of the request's own"), "{own}");
        // This server knows no such strategy, and says so.
        assert!(refused(&format!("{{{judge}}}")).contains("judged"));
    }

    /// A server whose first lines all fail.
    struct Down(AtomicUsize, usize);

    impl tts_core::Generator for Down {
        fn generate(
            &self,
            batch: &[tts_core::Request],
        ) -> Result<Vec<tts_core::Generated>, tts_core::BoxError> {
            Ok(tts_core::Generated::by_seed(batch, |_, _| {
                if self.0.fetch_add(1, Ordering::Relaxed) < self.1 {
                    return Err(tts_core::LineError("busy".to_owned()));
                }
                let text = "The answer is 7.".to_owned();
                let step = tts_core::Step { text, tokens: vec![0], ..Default::default() };
                let finish = tts_core::Finish::Stop;
                Ok(tts_core::Completion { steps: vec![step], finish, prompt_tokens: 1 })
            }))
        }
    }

    #[test]
    fn a_retry_asks_again_behind_the_bound_too() {
        let text = r#"{"strategy": "retry", "inner": {"strategy": "self-consistency", "n": 4}}"#;
        let plan = plan(&serde_json::from_str(text).expect("JSON"), 64).expect("a recipe");
        assert_eq!(plan.samples(), None);
        let asked = Arc::new(AtomicUsize::new(0));
        let bounded = Bounded { plan, most: 64, tokens: 4096, asked };
        let outcome = tts_core::Search::new(Down(AtomicUsize::new(0), 4)).run(bounded, "3 + 4?");
        assert_eq!(outcome.expect("the second round works").answer().as_deref(), Some("7"));
    }
}
