//! Reward models: from a policy's solutions, by the exact checker or by rollouts.
//!
//! What labels are worth is measured as they are made: a family knows of every prefix whether a right
//! solution can still follow it (`V*`), so that labels from rollouts can be compared with that.
//!
//! Source: Lightman et al. 2023 (arXiv:2305.20050), sections 2.5, 2.6 and 4.2; Wang et al. 2023
//! (arXiv:2312.08935), section 3; Snell et al. 2024 (arXiv:2408.03314), appendix D.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tts_core::family::{Family, Problem, lines};
use tts_core::{Aggregate, StepScorer, Store};
use tts_models::Tokenizer;
use tts_models::train::{Example, LabelHead, Model};
use tts_models::weights::Dtype;
use tts_prm::critic::Preference;
use tts_prm::curate::{Active, Candidate, convincing};
use tts_prm::label::{self, InFamily, LabelledSolution, Method, MonteCarlo};
use tts_prm::train::{
    Solution, check, check_outcomes, outcome_config, process_config, process_tokens_config, save,
};
use tts_search::evaluate::attempts::{self, Attempts};

use super::judgements::{critiques, preference};
use super::spec::{Choice, Labels, Preferred, Reading, Reward};
use super::workshop::{Purpose, Workshop};
use crate::{Error, preferring, quickstart};

/// What stands between steps.
const SEPARATOR: &str = "\n";
/// Preferences that held-out losses are measured on.
const PREFERENCES: usize = 256;
/// One labelled solution in so many is held out, by problem.
const HELD_OUT: usize = 20;

impl Workshop<'_> {
    /// Solutions of a policy, from the results of earlier runs as far as they go; the first seed made
    /// the policy, the second draws.
    pub(super) fn attempts(
        &self,
        policy: &str,
        problems: &[Problem],
        samples: usize,
        (made, seed): (u64, u64),
    ) -> Result<Vec<Attempts>, Error> {
        let identity = self.identity(policy, made)?;
        let questions = problems.iter().map(|problem| problem.question.as_str());
        let description = json!({
            "attempts": samples, "policy": identity, "task": self.recipe.task,
            "temperature": self.recipe.temperature, "seed": seed,
            "questions": tts_core::seed::hash_text(0, &questions.collect::<Vec<_>>().join("\n")),
        });
        let model = self.writer(policy, made)?;
        let family = self.family();
        self.unit(&description, problems.len(), |places, note| {
            let bar = quickstart::bar("solutions", places.len())?;
            for places in places.chunks(128) {
                let some: Vec<Problem> = places.iter().map(|&at| problems[at].clone()).collect();
                let search = self.search(&*model, seed);
                let found = attempts::sample(&search, &*family, &some, samples, || bar.inc(1))?;
                places.iter().zip(found).try_for_each(|(&place, found)| note(place, found))?;
            }
            bar.finish_and_clear();
            Ok(())
        })
    }

    /// The scores of attempts; 0 for those without a step.
    pub(super) fn judged(
        &self,
        scorer: &dyn StepScorer,
        aggregate: Aggregate,
        all: &[Attempts],
    ) -> Result<Vec<Vec<f64>>, Error> {
        let family = self.family();
        let bar = quickstart::bar("scores", all.len())?;
        let score = |attempts: &Attempts| {
            bar.inc(1);
            let of = |scores: Vec<f64>| aggregate.apply(scores).unwrap_or(0.0);
            let scores = attempts.scores(&*family, scorer)?;
            Ok::<_, Error>(scores.into_iter().map(of).collect())
        };
        all.iter().map(score).collect()
    }

    /// Solutions with the values of their prefixes.
    fn labelled(&self, spec: &Reward, seed: u64) -> Result<Vec<LabelledSolution>, Error> {
        let family = self.family();
        let problems = self.problems(Purpose::Verifier, seed, spec.problems)?;
        let Labels::MonteCarlo { rollouts } = spec.labels else {
            let attempts = self.attempts(&spec.policy, &problems, spec.solutions, (seed, seed))?;
            let exact = |attempts: &Attempts| {
                let family = &family;
                let question = attempts.question.clone();
                let written = attempts.attempts.clone().into_iter();
                written
                    .filter(|attempt| !attempt.steps.is_empty())
                    .map(move |attempt| {
                        let steps: Vec<&str> = attempt.steps.iter().map(String::as_str).collect();
                        label::exact(family, &question, &steps)
                    })
                    .collect::<Vec<_>>()
            };
            return Ok(attempts.iter().flat_map(exact).collect());
        };
        let identity = self.identity(&spec.policy, seed)?;
        let store = Store::open(self.root.join("rollouts").join(format!("{identity:016x}.jsonl")))?;
        let model = self.writer(&spec.policy, seed)?;
        let policy = store.over(&*model, format!("{identity:016x}"));
        let search = self.search(&policy, seed);
        let asked: Vec<label::Problem> = problems
            .iter()
            .map(|problem| label::Problem {
                prompt: family.prompt(&problem.question),
                grade: Arc::new(InFamily {
                    family: Arc::clone(&family),
                    question: problem.question.clone(),
                }),
            })
            .collect();
        let method = MonteCarlo { solutions: spec.solutions, rollouts, ..MonteCarlo::default() };
        let bar = quickstart::bar("rollouts", asked.len())?;
        let labelled = label::label(&search, &Method::MonteCarlo(method), &asked, |_, _| {
            bar.inc(1);
        })?;
        bar.finish_and_clear();
        Ok(labelled.into_iter().flatten().collect())
    }

    /// Those solutions that are given a label.
    fn chosen(
        &self,
        spec: &Reward,
        all: Vec<LabelledSolution>,
        seed: u64,
    ) -> Result<Vec<LabelledSolution>, Error> {
        let Some(choice) = &spec.choose else { return Ok(all) };
        let mut number = 0;
        let problems: Vec<usize> = (0..all.len())
            .map(|place| {
                let same = place > 0 && all[place].prompt == all[place - 1].prompt;
                number += usize::from(place > 0 && !same);
                number
            })
            .collect();
        let kept: Vec<usize> = match choice {
            Choice::Uniform { per_problem } => {
                let first = |place: &usize| {
                    let before = problems[..*place].iter().rev();
                    before.take_while(|&&other| other == problems[*place]).count() < *per_problem
                };
                (0..all.len()).filter(first).collect()
            }
            Choice::Active { per_problem, wrong_share, judge, aggregate } => {
                let judge = self.scorer(judge, seed, false)?;
                let mut candidates = Vec::with_capacity(all.len());
                for (solution, &problem) in all.iter().zip(&problems) {
                    let prompt = Arc::new(solution.prompt.clone());
                    let steps = solution.steps.iter().map(|step| step.text.as_str());
                    let path = attempts::trajectory(&prompt, steps);
                    let scored = judge.score(std::slice::from_ref(&path))?;
                    let score = scored.into_iter().next().and_then(|s| aggregate.apply(s.scores));
                    let (text, solved) = (path.text(), solution.solved);
                    candidates.push(Candidate { problem, text, solved, score, tokens: None });
                }
                let (per_problem, wrong_share) = (*per_problem, *wrong_share);
                convincing(&candidates, &Active { per_problem, wrong_share })?
            }
        };
        let mut all: Vec<Option<LabelledSolution>> = all.into_iter().map(Some).collect();
        Ok(kept.into_iter().filter_map(|place| all[place].take()).collect())
    }

    /// Panels as preferences, for a semi-scalar model each response with its critique; those of unreadable judgements are left
    /// out.
    fn preferences(
        &self,
        spec: &Preferred,
        problems: &[Problem],
        seed: u64,
    ) -> Result<Vec<Preference>, Error> {
        let all = problems.iter().map(preference).collect::<Result<Vec<Preference>, Error>>()?;
        let Some(critic) = &spec.critic else { return Ok(all) };
        let judged = self.attempts(critic, problems, 1, (seed, seed))?;
        let with = |(preference, judged): (Preference, &Attempts)| {
            let judgement = &judged.attempts.first()?.steps;
            let responses = critiques(&preference.responses, judgement)?;
            Some(Preference { responses, ..preference })
        };
        let all: Vec<Preference> = all.into_iter().zip(&judged).filter_map(with).collect();
        if all.is_empty() {
            return Err(format!("{critic:?} says nothing of any response").into());
        }
        Ok(all)
    }

    /// A scalar reward model, from which response of a panel is best.
    pub(super) fn preferred(
        &self,
        spec: &Preferred,
        folder: &Path,
        seed: u64,
    ) -> Result<Value, Error> {
        let (decoder, tokenizer) = self.start(&spec.from, seed, folder)?;
        let order = if spec.draw == 0 { seed } else { tts_core::seed::mix(seed, spec.draw) };
        let separator = tokenizer.encode(SEPARATOR, true)?;
        let example = |preference: &Preference| {
            let prompt = tokenizer.encode(preference.prompt.question(), false)?;
            preferring::example(&tokenizer, &prompt, preference, &separator)
        };
        let examples = |problems: Vec<Problem>| {
            let all = self.preferences(spec, &problems, seed)?;
            all.iter().map(example).collect::<Result<Vec<Example>, Error>>()
        };
        let data = examples(self.problems(Purpose::Verifier, order, spec.problems)?)?;
        let held_out = examples(self.validation(PREFERENCES)?)?;
        let label = Some(LabelHead::zero(decoder.config.hidden_size));
        let model = Model { label, ..Model::from(decoder) };
        let names = ("scalar reward model", folder);
        let model = self.train(names, (&spec.train, seed), model, &data, &held_out)?;
        save(folder, &model, &outcome_config(SEPARATOR), Dtype::F16)?;
        Ok(json!({ "preferences": data.len() }))
    }

    /// A reward model.
    pub(super) fn reward(&self, spec: &Reward, folder: &Path, seed: u64) -> Result<Value, Error> {
        let (decoder, tokenizer) = self.start(&spec.from, seed, folder)?;
        let all = self.labelled(spec, seed)?;
        let chosen = self.chosen(spec, all, seed)?;
        let truth = compare(&*self.family(), &chosen);
        let (mut data, mut held_out): (Vec<Example>, Vec<Example>) = (Vec::new(), Vec::new());
        let mut learnt = Vec::new();
        for labelled in &chosen {
            let Some(solution) = solution(labelled, spec.learn, &tokenizer)? else { continue };
            let example = match spec.learn {
                Reading::Steps(_) => solution.process(),
                Reading::Tokens(_) => solution.process_steps()?,
                Reading::Prefixes => solution.process_prefixes()?,
                Reading::Outcome => solution.outcome(),
                Reading::OutcomeTokens => solution.outcome_tokens()?,
            };
            let lot = tts_core::seed::hash_text(1, labelled.prompt.question());
            let held = lot.is_multiple_of(HELD_OUT as u64);
            let part = if held { &mut held_out } else { &mut data };
            part.push(example);
            learnt.push(solution);
        }
        match spec.learn {
            Reading::Outcome | Reading::OutcomeTokens => check_outcomes(&learnt)?,
            _ => check(&learnt)?,
        }
        let label = Some(if spec.learn.is_of_tokens() {
            LabelHead::of_tokens(&decoder)
        } else {
            LabelHead::zero(decoder.config.hidden_size)
        });
        let model = Model { label, ..Model::from(decoder) };
        let names = ("reward model", folder);
        let model = self.train(names, (&spec.train, seed), model, &data, &held_out)?;
        let config = match spec.learn {
            Reading::Steps(_) => process_config(SEPARATOR),
            Reading::Outcome => outcome_config(SEPARATOR),
            _ => process_tokens_config(SEPARATOR),
        };
        save(folder, &model, &config, Dtype::F16)?;
        Ok(json!({ "solutions": data.len() + held_out.len(), "labels": truth }))
    }
}

/// What is learnt of a solution; `None` where nothing is known of it.
fn solution(
    labelled: &LabelledSolution,
    learn: Reading,
    tokenizer: &Tokenizer,
) -> Result<Option<Solution>, Error> {
    let kind = learn.kind();
    if labelled.labels(kind).iter().all(Option::is_none) {
        return Ok(None);
    }
    let prompt = tokenizer.encode(labelled.prompt.question(), false)?;
    let separator = tokenizer.encode(SEPARATOR, true)?;
    let encode = |step: &label::LabelledStep| {
        let mut tokens = tokenizer.encode(step.text.trim(), false)?;
        tokens.extend(&separator);
        Ok(tokens)
    };
    Ok(Some(labelled.solution(kind, prompt, encode)?))
}

/// Labels against `V*`: how often "some rollout came right" says whether a right solution can follow.
fn compare(family: &dyn Family, all: &[LabelledSolution]) -> Value {
    let (mut steps, mut rollouts, mut high, mut low) = (0_u64, 0_u64, 0_u64, 0_u64);
    let (mut possible, mut impossible) = (0_u64, 0_u64);
    for labelled in all {
        let question = labelled.prompt.question().trim();
        let text: Vec<&str> = labelled.steps.iter().map(|step| step.text.as_str()).collect();
        // The end is no estimate.
        for (place, step) in labelled.steps.iter().enumerate().take(text.len().saturating_sub(1)) {
            let Some(value) = step.value else { continue };
            let before = text[..=place].concat();
            let open = family.value(question, &lines(&before)) > 0.0;
            steps += 1;
            rollouts += u64::from(step.rollouts);
            possible += u64::from(open);
            impossible += u64::from(!open);
            high += u64::from(value > 0.0 && !open);
            low += u64::from(value <= 0.0 && open);
        }
    }
    json!({
        "solutions": all.len(), "steps": steps, "rollouts": rollouts,
        "possible": possible, "impossible": impossible,
        "high_though_impossible": high, "zero_though_possible": low,
    })
}
