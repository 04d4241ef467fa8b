//! Policies that learn from rewards of what they write themselves.
//!
//! Problems are those of rounds of self-training, which no policy was shown written solutions of; whether an answer
//! is right says the family's checker. Journal, charts and state lie in `work` of the model's folder, so that a
//! killed run goes on; the weights of chosen steps lie in folders of their own beside it. The policy is kept in f32: a run of reinforcement moves weights by less than 16 bits hold.
//!
//! Source: DeepSeek-AI 2025 (arXiv:2501.12948), section 2; Shao et al. 2024 (arXiv:2402.03300), section 4.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tts_core::family::Solved;
use tts_core::seed;
use tts_models::train::Model;
use tts_models::weights::Dtype;
use tts_models::{Engine, Native, WeightFormat};
use tts_prm::reinforce::{Kept, Note, Problem, Reinforce, Why, read_notes, write_charts};

use super::curve::Course;
use super::spec::{ModelSpec, Reinforced};
use super::workshop::{Purpose, Workshop, at};
use crate::files::write_whole;
use crate::{Error, reinforcing};

/// Where the weights after a step lie, in the folder of the model.
pub(super) fn kept(step: usize) -> String {
    format!("step-{step:04}")
}

/// Puts weights on the way into a folder that an engine opens.
fn keep(model: &Path, weights: &Kept<'_>) -> Result<(), Error> {
    let folder = match weights.why {
        Why::Best => model.join("best"),
        Why::Chosen => model.join(kept(weights.step)),
    };
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    let tokenizer = model.join("tokenizer.json");
    let tokenizer = std::fs::read(&tokenizer).map_err(at(&tokenizer))?;
    write_whole(&folder.join("tokenizer.json"), &tokenizer)?;
    Ok(weights.model.decoder.save_as(&folder, Dtype::F32, &[])?)
}

impl Workshop<'_> {
    /// A policy that learns from rewards.
    pub(super) fn reinforced(
        &self,
        spec: &Reinforced,
        folder: &Path,
        seed: u64,
    ) -> Result<Value, Error> {
        let (decoder, tokenizer) = self.start(&spec.from, seed, folder)?;
        let order = if spec.draw == 0 { seed } else { seed::mix(seed, spec.draw) };
        let family = self.family();
        let asked = |problem| Problem::of_family(&*family, problem);
        let problems = self.problems(Purpose::Rounds, order, spec.problems)?;
        let problems: Vec<Problem> = problems.iter().map(asked).collect();
        let held_out: Vec<Problem> = self.validation(spec.held_out)?.iter().map(asked).collect();
        let mut config = spec.learn.clone();
        config.seed = seed::mix(config.seed, seed);
        config.learn.threads = self.engine.threads;
        let tokenizer = Arc::new(tokenizer);
        let open = || {
            let native =
                Native::with_format(decoder.clone(), WeightFormat::F32, self.engine.threads)?;
            Engine::new(native, Arc::clone(&tokenizer), None, self.engine)
        };
        let mut policy = open()?;
        let mut reference = (config.objective().beta > 0.0).then(open).transpose()?;
        let judge = spec.judge.as_ref().map(|name| self.scorer(name, seed, false)).transpose()?;
        let work = folder.join("work");
        let mut bar = reinforcing::Bar::new("reinforced");
        let mut run = Reinforce::new(config)
            .task(Arc::new(Solved(Arc::clone(&family))))
            .folder(&work)
            .watch(|progress| bar.show(progress))
            .keep(|weights| keep(folder, weights));
        if let Some(reference) = &mut reference {
            run = run.reference(reference);
        }
        if let Some(judge) = &judge {
            run = run.scorer(judge);
        }
        if !held_out.is_empty() {
            run = run.held_out(&held_out);
        }
        let model = Model::from(decoder.clone());
        let learnt = match &spec.sampler {
            Some(sampler) => run.sampler(sampler.clone()).run(&mut policy, model, &problems)?,
            None => run.run(&mut policy, model, &problems)?,
        };
        write_charts(&work, "Reinforcement", &learnt.notes)?;
        let journal = work.join("journal.jsonl");
        write_whole(
            &folder.join("journal.jsonl"),
            &std::fs::read(&journal).map_err(at(&journal))?,
        )?;
        learnt.model.decoder.save_as(folder, Dtype::F32, &[])?;
        let measured = |note: &Note| match note {
            Note::Measured(found) => Some(*found),
            Note::Step(_) => None,
        };
        let (mut tokens, mut learnt_tokens) = (0, 0);
        for note in &learnt.notes {
            if let Note::Step(step) = note {
                tokens += step.tokens;
                learnt_tokens += step.learnt;
            }
        }
        let first = learnt.notes.iter().find_map(measured);
        let last = learnt.notes.iter().rev().find_map(measured);
        Ok(json!({ "tokens": tokens, "learnt": learnt_tokens, "first": first, "last": last }))
    }

    /// How training of each model made by reinforcement went, for each seed of models.
    ///
    /// # Errors
    /// When a model cannot be made, or its journal cannot be read.
    pub fn courses(&self) -> Result<Vec<Course>, Error> {
        let seeds = if self.recipe.retrain { self.recipe.seeds } else { 1 };
        let mut courses = Vec::new();
        for (name, spec) in &self.recipe.models {
            if !matches!(spec, ModelSpec::Reinforced(_)) {
                continue;
            }
            for seed in 1..=seeds {
                courses.push(Course::of(name, seed, &read_notes(&self.model(name, seed)?)?));
            }
        }
        Ok(courses)
    }
}
