//! Choosing N by a budget: what a search may cost, before it runs.
//!
//! Operations need nothing but the shapes of the models; seconds need the law that
//! `inference_law` measured on this machine. Solutions are taken to be as long as one says.

use std::path::PathBuf;

use clap::Args;
use tts_core::Scale;
use tts_core::cost::{Forecast, Judge, Limits, Planner};
use tts_models::{Backend, LanguageModel};
use tts_search::Recipe;

use crate::Error;
use crate::law::{self, Law};
use crate::options::{Judging, ModelOptions, SearchOptions};

/// A budget to choose N by.
#[derive(Debug, Args)]
pub struct PlanOptions {
    /// Choose the largest N that should take no more than this many seconds, by the law of
    /// `--machine`.
    #[arg(long, conflicts_with_all = ["n", "recipe"], requires = "machine")]
    pub within: Option<f64>,
    /// Choose the largest N that should take no more than this many floating-point operations.
    #[arg(long, conflicts_with_all = ["n", "recipe"])]
    pub flops: Option<f64>,
    /// The `law.json` that `inference_law` wrote: a forecast of the time is shown.
    #[arg(long)]
    pub machine: Option<PathBuf>,
    /// Tokens of a step, as expected. Default: 32.
    #[arg(long)]
    pub expect_step: Option<u32>,
    /// Steps of a solution, as expected. Default: 8.
    #[arg(long)]
    pub expect_steps: Option<u32>,
}

/// More lines than anyone would choose by a budget of one problem.
const MOST: usize = 65_536;

impl PlanOptions {
    /// Whether anything is to be planned.
    pub fn is_asked(&self) -> bool {
        self.within.is_some() || self.flops.is_some() || self.machine.is_some()
    }

    /// What can be wrong before a model is read.
    ///
    /// # Errors
    /// When a budget is not a number above 0, a length is 0, or the law cannot be read.
    pub fn check(&self) -> Result<(), Error> {
        for (name, value) in [("--within", self.within), ("--flops", self.flops)] {
            if value.is_some_and(|value| !(value.is_finite() && value > 0.0)) {
                return Err(format!("{name} is not a number above 0").into());
            }
        }
        if self.expect_step == Some(0) || self.expect_steps == Some(0) {
            return Err("--expect-step and --expect-steps are at least 1".into());
        }
        if !self.is_asked() && (self.expect_step.is_some() || self.expect_steps.is_some()) {
            return Err(
                "--expect-step and --expect-steps are of a plan: --within, --flops or --machine"
                    .into(),
            );
        }
        self.law().map(drop)
    }

    fn law(&self) -> Result<Option<Law>, Error> {
        self.machine.as_deref().map(Law::from_file).transpose()
    }

    /// What a reader should know of a forecast of seconds: that the law was measured under other settings than this
    /// model runs with; `None` where it was not.
    ///
    /// # Errors
    /// When the law cannot be read.
    pub fn note(&self, model: &ModelOptions) -> Result<Option<String>, Error> {
        let Some(law) = self.law()? else { return Ok(None) };
        let weights = serde_json::to_value(model.weights)?;
        let weights = weights.as_str().unwrap_or_default();
        let threads = law::threads(model.threads);
        let native = model.backend == Backend::Native;
        if native && (weights, threads) == (law.weights.as_str(), law.threads) {
            return Ok(None);
        }
        let backend = if native { "" } else { ", on another backend" };
        Ok(Some(format!(
            "the law was measured with {} weights on {} threads; this runs with {weights} weights on {threads}{backend}: \
             seconds are of the former",
            law.weights, law.threads
        )))
    }

    /// The strategy and its forecast: at the largest N within the budgets, or as it stands without
    /// any.
    ///
    /// # Errors
    /// When not even N = 1 is within the budgets.
    pub fn recipe(
        &self,
        search: &SearchOptions,
        model: &dyn LanguageModel,
        prompt_tokens: usize,
        max_lines: usize,
        scale: Scale,
    ) -> Result<(Recipe, Forecast), Error> {
        let planner = Planner {
            policy: model.shape(),
            judge: match &search.scorer {
                Judging::By(spec) => spec.judge()?,
                Judging::Auto | Judging::Nobody => Judge::Free,
            },
            prompt_tokens: prompt_tokens as u64,
            step_tokens: self.expect_step.unwrap_or(32),
            steps: self.expect_steps.unwrap_or(8),
            max_lines: max_lines as u64,
            scale,
            ..Planner::default()
        };
        for named in &search.named.named {
            if named.spec.judge()? != planner.judge {
                return Err(format!(
                    "a plan counts every scorer as the one that leads the search, and --named {named} is another"
                )
                .into());
            }
        }
        let law = self.law()?;
        let machine = law.as_ref().map(|law| &law.roofline);
        if self.within.is_none() && self.flops.is_none() {
            let recipe = search.recipe()?;
            let forecast = planner.forecast(recipe.clone(), machine)?;
            return Ok((recipe, forecast));
        }
        let limits = Limits { seconds: self.within, flops: self.flops, key_value_bytes: None };
        // The name of the strategy is known to be good from its first recipe on.
        let first = search.recipe_at(1)?;
        let at = |n| search.recipe_at(n).unwrap_or_else(|_| first.clone());
        if let Some((n, forecast)) = planner.largest(&limits, machine, MOST, at)? {
            return Ok((search.recipe_at(n)?, forecast));
        }
        let one = planner.forecast(first, machine)?;
        let seconds = one.seconds.map_or(String::new(), |seconds| format!("{seconds:.1} s and "));
        let flops = one.cost.flops;
        Err(format!("one line is over the budget: it takes {seconds}{flops:.2e} operations").into())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tts_core::cost::Roofline;
    use tts_models::EngineConfig;

    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        search: SearchOptions,
        #[command(flatten)]
        plan: PlanOptions,
    }

    fn parsed(arguments: &[&str]) -> Arguments {
        Arguments::parse_from([&["test"], arguments].concat())
    }

    fn planned(arguments: &[&str]) -> Result<(Recipe, Forecast), Error> {
        let Arguments { search, plan } = parsed(arguments);
        plan.check()?;
        let config = EngineConfig { threads: 1, ..EngineConfig::default() };
        let model = law::random(&law::SIZES[0], config)?;
        plan.recipe(&search, model.as_ref(), 50, 64, Scale::LOG_PROBABILITY)
    }

    #[test]
    fn a_budget_of_operations_chooses_n() {
        let (_, one) = planned(&["--flops", "1e9"]).unwrap();
        let (recipe, ten) = planned(&["--flops", "1e10"]).unwrap();
        assert!(one.cost.flops <= 1e9 && ten.cost.flops <= 1e10);
        assert!(ten.cost.samples > 8 * one.cost.samples, "{one:?} {ten:?}");
        let Recipe::BestOfN(best) = recipe else { panic!("{recipe:?}") };
        assert_eq!(best.n as u64, ten.cost.samples);
        let error = planned(&["--flops", "10"]).unwrap_err().to_string();
        assert!(error.starts_with("one line is over the budget"), "{error}");
    }

    #[test]
    fn a_scorer_that_no_plan_counts_is_refused() {
        assert!(planned(&["--flops", "1e9", "--named", "trust=rule"]).is_ok());
        let error = planned(&["--flops", "1e9", "--named", "yes=word:yes.json"]).unwrap_err();
        assert!(error.to_string().contains("no forecast counts"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let head = folder.path().join("head.safetensors");
        std::fs::write(&head, "").unwrap();
        let named = format!("value=prm:{}", head.display());
        let error = planned(&["--flops", "1e9", "--named", &named]).unwrap_err().to_string();
        assert!(error.contains("--named value=prm:") && error.contains("is another"), "{error}");
    }

    #[test]
    fn a_budget_of_time_needs_a_machine() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("law.json");
        let law = Law {
            machine: "a machine".into(),
            threads: 1,
            weights: "int8".into(),
            roofline: Roofline::default(),
            points: Vec::new(),
        };
        std::fs::write(&path, serde_json::to_vec(&law).unwrap()).unwrap();
        let path = path.to_str().unwrap();
        let options = ["--machine", path, "--strategy", "beam-search"];
        let (_, forecast) = planned(&[&options[..], &["--within", "2"]].concat()).unwrap();
        let seconds = forecast.seconds.unwrap();
        assert!((1.0..=2.0).contains(&seconds), "{seconds}");
        // Without a budget, the strategy as asked for, and what it will take.
        let (recipe, forecast) = planned(&[&options[..], &["--n", "4"]].concat()).unwrap();
        assert_eq!(recipe, parsed(&["--strategy", "beam-search"]).search.recipe_at(4).unwrap());
        assert!(forecast.seconds.is_some());
        let none = Arguments::try_parse_from(["test", "--within", "2"]);
        assert!(none.unwrap_err().to_string().contains("--machine"));
    }

    #[test]
    fn a_law_of_other_settings_says_so() {
        #[derive(Debug, Parser)]
        struct Whole {
            #[command(flatten)]
            model: ModelOptions,
            #[command(flatten)]
            search: SearchOptions,
            #[command(flatten)]
            plan: PlanOptions,
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("law.json");
        let law = Law {
            machine: "a machine".into(),
            threads: 2,
            weights: "int8".into(),
            roofline: Roofline::default(),
            points: Vec::new(),
        };
        std::fs::write(&path, serde_json::to_vec(&law).unwrap()).unwrap();
        let note = |more: &[&str]| {
            let asked = ["test", "--model", "m", "--machine", path.to_str().unwrap()];
            let Whole { model, plan, .. } = Whole::parse_from([&asked, more].concat());
            plan.note(&model).unwrap()
        };
        assert_eq!(note(&["--weights", "int8", "--threads", "2"]), None);
        for (more, expected) in [
            (&["--weights", "f32", "--threads", "2"][..], "this runs with f32 weights on 2:"),
            (&["--weights", "int8", "--threads", "1"], "this runs with int8 weights on 1:"),
            (&["--threads", "2"], "this runs with stored weights on 2:"),
            (&["--weights", "int8", "--threads", "2", "--backend", "ndarray"], "another backend"),
        ] {
            let note = note(more).unwrap();
            assert!(
                note.starts_with("the law was measured with int8 weights on 2 threads"),
                "{note}"
            );
            assert!(note.contains(expected), "{note}");
        }
        let without = Whole::parse_from(["test", "--model", "m"]);
        assert_eq!(without.plan.note(&without.model).unwrap(), None);
    }

    #[test]
    fn bad_budgets_are_named() {
        for (arguments, word) in [
            (&["--flops=-1"][..], "--flops"),
            (&["--flops", "nan"], "--flops"),
            (&["--flops", "1e9", "--expect-step", "0"], "--expect-step"),
            (&["--expect-step", "9"], "are of a plan"),
            (&["--machine", "/nowhere/law.json"], "/nowhere/law.json"),
        ] {
            let error = parsed(arguments).plan.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
