//! One step of the loop: what is drawn and rewarded, and what is learnt of it.
//!
//! Groups whose rewards are all the same teach nothing; where others are to be drawn in their place, problems are
//! drawn until there are enough, or as many as are allowed. Log-probabilities of who drew are those before the
//! first update of the step, whoever tells them, so examples of all parts are made before any of them is learnt.
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), algorithm 1; Yu et al. 2025 (arXiv 2503.14476), section 3.2, for
//! groups that are drawn until there are enough.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tts_core::{Likelihood, Prompt, Sampling, Search, SearchStrategy, seed};
use tts_models::LanguageModel;
use tts_models::train::{Example, Online};

use super::advantage::all_equal;
use super::curriculum::Drawing;
use super::learn::{Judged, Tellers, examples};
use super::recording::Recorder;
use super::rollout::rollouts;
use super::run::weights;
use super::sampler::Plain;
use super::tally::{Figures, Tally};
use super::{
    Asked, Equal, Group, GroupNote, Ids, Problem, Reinforce, Reward, Sample, SampleNote, StepNote,
    advantages,
};
use crate::PrmError;

/// What each term of the rewards gives a sample.
pub(super) type Each = BTreeMap<String, f64>;

/// What the groups of a step come to.
#[derive(Default)]
struct Rewarded {
    groups: Vec<Group>,
    /// Of the whole sum.
    rewards: Vec<Vec<f64>>,
    /// All that was drawn, with what is not learnt from.
    notes: Vec<GroupNote>,
    /// The places in `notes` of what is learnt from.
    learnt: Vec<usize>,
}

impl Rewarded {
    /// Notes how much better than expected each sample came out that is learnt from.
    fn tell(&mut self, outcome: &[Vec<f64>]) {
        for (&place, advantages) in self.learnt.iter().zip(outcome) {
            let samples = self.notes[place].samples.iter_mut();
            samples.zip(advantages).for_each(|(note, own)| note.advantage = Some(*own));
        }
    }
}

impl<S: SearchStrategy + Clone + std::fmt::Debug> Reinforce<'_, S> {
    /// One step, from drawing to the engine's new weights.
    pub(super) fn step(
        &self,
        step: usize,
        policy: &mut dyn LanguageModel,
        online: &mut Online,
        problems: &[Problem],
        drawing: &mut Drawing,
        recorder: &mut Recorder,
    ) -> Result<(StepNote, Vec<GroupNote>), PrmError> {
        let started = Instant::now();
        let mut note = StepNote { step, ..StepNote::default() };
        let mut rewarded = self.draw(&mut note, policy, problems, drawing)?;
        let objective = self.config.objective();
        let outcome = advantages(&rewarded.rewards, objective.baseline, objective.spread);
        rewarded.tell(&outcome);
        if self.config.record.keeps(step, self.config.steps) {
            recorder.keep(&rewarded.notes)?;
        }
        note.sampling_seconds = started.elapsed().as_secs_f64();
        let started = Instant::now();
        self.learn(&mut note, policy, online, (&rewarded, &outcome[..]))?;
        if note.loss.is_some() {
            policy.renew(weights(online)?)?;
        }
        note.updates = online.steps();
        note.learning_seconds = started.elapsed().as_secs_f64();
        Ok((note, rewarded.notes))
    }

    /// What is drawn in a step and learnt from.
    fn draw(
        &self,
        note: &mut StepNote,
        policy: &dyn LanguageModel,
        problems: &[Problem],
        drawing: &mut Drawing,
    ) -> Result<Rewarded, PrmError> {
        let Self { config, sampler, task, .. } = self;
        let mut search = Search::new(policy)
            .rule(config.rule.clone())
            .sampling(Sampling::temperature(1.0))
            .shared_task(Arc::clone(task));
        if let Some(scorer) = self.scorer {
            search = search.scorer(scorer);
        }
        for (name, generator) in &self.roles {
            search = search.role(name.clone(), *generator);
        }
        let (equal, wanted) = (config.objective().equal, config.problems);
        let most = match equal {
            Equal::Redraw { most } => most.saturating_mul(wanted),
            Equal::Keep | Equal::Drop => wanted,
        };
        let sampler = Plain::new(sampler.clone(), config.importance.is_some());
        let seed = seed::mix(config.seed, note.step as u64);
        let part = (note.step - 1) as f64 / config.steps as f64;
        let mut rewarded = Rewarded::default();
        let mut tally = Tally::default();
        let mut round = 0;
        while rewarded.groups.len() < wanted && tally.groups < most {
            let missing = (wanted - rewarded.groups.len()).min(most - tally.groups);
            let places = drawing.draw(missing, part, &tally.drawn);
            let seed = seed::mix(seed, round);
            let end_tokens = policy.end_tokens();
            let groups = rollouts(&search, &sampler, (problems, &places), seed, end_tokens);
            sampler.drew_plainly()?;
            let groups = groups?;
            let first = tally.drawn.len();
            for group in groups {
                let (rewards, each) = self.rewards_of(problems, &group)?;
                let same = all_equal(&rewards);
                tally.add(&group, (&rewards[..], &each[..]), same);
                let samples = self.notes_of(policy, &group, &rewards, each)?;
                let Problem { question, gold, .. } = &problems[group.problem];
                rewarded.notes.push(GroupNote {
                    step: note.step,
                    problem: group.problem,
                    question: question.clone(),
                    gold: gold.clone(),
                    samples,
                });
                if !same || equal == Equal::Keep {
                    rewarded.learnt.push(rewarded.notes.len() - 1);
                    rewarded.groups.push(group);
                    rewarded.rewards.push(rewards);
                }
            }
            drawing.note(&tally.drawn[first..]);
            round += 1;
        }
        tally.put(note);
        Ok(rewarded)
    }

    /// What is noted of the samples of a group.
    fn notes_of(
        &self,
        policy: &dyn LanguageModel,
        group: &Group,
        rewards: &[f64],
        each: Vec<Each>,
    ) -> Result<Vec<SampleNote>, PrmError> {
        let of = |((sample, reward), each): ((&Sample, &f64), Each)| {
            SampleNote::of(sample, *reward, each)
        };
        let mut notes: Vec<SampleNote> =
            group.samples.iter().zip(rewards).zip(each).map(of).collect();
        if self.config.record.tokens {
            let prompts = encoded(policy, &group.samples)?;
            for ((note, sample), prompt) in notes.iter_mut().zip(&group.samples).zip(prompts) {
                let (tokens, runs) = (sample.tokens.clone(), sample.runs.clone());
                note.ids = Some(Ids { prompt: prompt.to_vec(), tokens, runs });
            }
        }
        Ok(notes)
    }

    /// The rewards of a group, and for each sample what each term gives.
    fn rewards_of(
        &self,
        problems: &[Problem],
        group: &Group,
    ) -> Result<(Vec<f64>, Vec<Each>), PrmError> {
        let (problem, samples) = (&problems[group.problem], &group.samples);
        let asked = Asked { problem, task: &*self.task, samples, seed: group.seed };
        let own = self.config.rewards.iter();
        let own = own.map(|term| (term.of.name(), term.weight, &term.of as &dyn Reward));
        let more = self.rewards.iter().map(|(name, weight, reward)| (&**name, *weight, *reward));
        let mut total = vec![0.0; samples.len()];
        let mut each = vec![Each::new(); samples.len()];
        for (name, weight, reward) in own.chain(more) {
            let rewards = reward.rewards(&asked);
            let wrong =
                |problem: String| Err(PrmError::reinforce(format!("reward {name:?}"), problem));
            if rewards.len() != samples.len() {
                return wrong(format!("{} rewards of {} samples", rewards.len(), samples.len()));
            }
            if let Some(place) = rewards.iter().position(|reward| !reward.is_finite()) {
                let question: String = problem.question.chars().take(200).collect();
                let found = rewards[place];
                return wrong(format!(
                    "{found} for sample {place} of {question:?}, expected a number"
                ));
            }
            each.iter_mut().zip(&rewards).for_each(|(each, reward)| {
                each.insert(name.to_owned(), *reward);
            });
            total.iter_mut().zip(&rewards).for_each(|(total, reward)| *total += weight * reward);
        }
        Ok((total, each))
    }

    /// The updates of a step.
    fn learn(
        &self,
        note: &mut StepNote,
        policy: &dyn LanguageModel,
        online: &mut Online,
        (Rewarded { groups, .. }, outcome): (&Rewarded, &[Vec<f64>]),
    ) -> Result<(), PrmError> {
        let config = &self.config;
        let objective = config.objective();
        let mut prompts: Vec<Vec<Arc<[u32]>>> = Vec::with_capacity(groups.len());
        for group in groups {
            prompts.push(encoded(policy, &group.samples)?);
        }
        let mut judged: Vec<Vec<Judged<'_>>> = Vec::with_capacity(groups.len());
        for ((group, outcome), prompts) in groups.iter().zip(outcome).zip(&prompts) {
            let steps = match &config.process {
                Some(process) => process.advantages(&group.samples)?,
                None => group.samples.iter().map(|sample| vec![0.0; sample.tokens.len()]).collect(),
            };
            let own = group.samples.iter().zip(prompts).zip(outcome).zip(steps);
            let one = own.map(|(((sample, prompt), outcome), steps)| {
                let advantage = steps.iter().map(|step| outcome + step).collect();
                Judged { sample, prompt, advantage }
            });
            judged.push(one.collect());
        }
        let mut parts: Vec<Vec<Example>> = Vec::with_capacity(config.parts);
        // Of sizes that differ by one at most, and none empty.
        let cut = |part: usize| part * judged.len() / config.parts;
        let cuts = (0..config.parts).map(|part| cut(part)..cut(part + 1));
        for part in cuts.filter(|part| !part.is_empty()).map(|part| &judged[part]) {
            let reference = self.reference.map(|model| -> &dyn Likelihood { model });
            let mut tellers = Tellers { online, reference };
            parts.push(examples(config, &objective, part.iter().flatten(), &mut tellers)?);
        }
        let mut figures = Figures::default();
        for part in (0..config.epochs).flat_map(|_| &parts).filter(|part| !part.is_empty()) {
            figures.add(&online.update(part)?);
        }
        figures.put(note, self.reference.is_some());
        Ok(())
    }
}

/// The token ids of what the writer of each sample was asked; what is shared is encoded once.
fn encoded(policy: &dyn LanguageModel, samples: &[Sample]) -> Result<Vec<Arc<[u32]>>, PrmError> {
    let mut all: Vec<Arc<[u32]>> = Vec::with_capacity(samples.len());
    let mut last: Option<(&Arc<Prompt>, Arc<[u32]>)> = None;
    for sample in samples {
        let tokens = match &last {
            Some((prompt, tokens)) if **prompt == sample.prompt => Arc::clone(tokens),
            _ => policy.encode(&sample.prompt)?.into(),
        };
        last = Some((&sample.prompt, Arc::clone(&tokens)));
        all.push(tokens);
    }
    Ok(all)
}
