//! Arms that read a policy's confidence, against how many tokens that has.
//!
//! Over a small vocabulary the confidence of few tokens is smaller where a model is sure. A search refuses that when it
//! begins, which may be hours after the first arm; here it is looked at before anything is made, for all policies whose
//! vocabulary is known without them: those that are embedded, those that are trained on the characters of the task, and
//! what these become.
//!
//! Source: Fu et al. 2025, "Deep Think with Confidence" (arXiv 2508.15260), section 2, for the confidence.

use tts_core::{Generator, Requirements, SearchStrategy, Settings};

use super::recipe::Recipe;
use super::spec::{ModelSpec, StepOf};
use crate::{Error, pair};

/// Over how many tokens a policy of the recipe draws; `None` where that is not known before it is there.
fn vocabulary(recipe: &Recipe, policy: &str) -> Option<u32> {
    let mut name = policy;
    // A model is made of others in at most so many steps.
    for _ in 0..=recipe.models.len() {
        let spec = recipe.models.get(name)?;
        name = match (spec, spec.starts_from()) {
            (ModelSpec::Served(_), _) => return None,
            (ModelSpec::Grader(grader), _) => return grader.vocabulary_size(),
            (ModelSpec::Embedded(_), _) => return u32::try_from(pair::shape().vocab_size).ok(),
            (ModelSpec::StepOf(StepOf { model, .. }), _) => model,
            (_, Some(from)) => from,
            // Its characters, and the token that ends a solution.
            (_, None) => return u32::try_from(1 + recipe.task.alphabet().chars().count()).ok(),
        };
    }
    None
}

/// Whether every arm that reads confidence does so over tokens enough.
///
/// # Errors
/// A sentence that names the arm and how many tokens are needed.
pub(super) fn check(recipe: &Recipe) -> Result<(), Error> {
    for arm in &recipe.arms {
        let settings =
            Settings { vocabulary_size: vocabulary(recipe, &arm.policy), ..Settings::default() };
        for &n in &arm.n {
            let confidence = arm.search(n)?.requires().confidence;
            let needs = Requirements { confidence, ..Requirements::default() };
            let named = |problem| format!("arm {:?}: {problem}", arm.name);
            settings.satisfy(&needs).map_err(named)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn recipe(models: &Value, top: u32) -> Recipe {
        let vote = json!({"strategy": "deep-conf", "n": "N", "top": top, "window": 16});
        let recipe = json!({
            "title": "Votes", "claim": "None.",
            "task": {"chain": {"operations": [2, 3], "digits": [1, 1], "most": 999}},
            "temperature": 0.8, "problems": 6, "seeds": 1, "pool": 8,
            "models": models,
            "arms": [
                {"name": "majority", "policy": "policy", "strategy": "majority", "n": [1, 4]},
                {"name": "confident", "policy": "policy", "strategy": vote, "n": [4]},
            ],
        });
        Recipe::parse(&recipe.to_string()).expect("a recipe")
    }

    #[test]
    fn confidence_over_few_of_sixteen_characters_is_refused() {
        let train = json!({"steps": 12, "batch": 4, "learning_rate": 0.003});
        let shape = json!({"width": 32, "layers": 1, "heads": 1});
        let written = json!({"written": {"shape": shape, "problems": 30, "train": train}});
        let student = json!({"distilled": {
            "from": "base", "teacher": "base", "problems": 6, "samples": 2, "train": train,
            "keep": {"solved": true, "same": "text", "per_problem": 2},
        }});
        for models in [
            json!({"policy": {"embedded": "generator"}}),
            json!({"policy": written}),
            json!({"policy": student, "base": {"embedded": "generator"}}),
        ] {
            let error = check(&recipe(&models, 5)).expect_err("five of sixteen").to_string();
            assert!(error.starts_with("arm \"confident\": confidence is read over the 5 most"));
            assert!(error.contains("expected 16 or more"), "{error}");
            for top in [16, 20] {
                check(&recipe(&models, top)).expect("all of them");
            }
        }
    }
}
