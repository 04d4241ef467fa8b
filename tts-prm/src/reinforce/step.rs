//! One step of the loop: what is drawn and rewarded, and what is learnt of it.
//!
//! Groups whose rewards are all the same teach nothing; where others are to be drawn in their place, problems are
//! drawn until there are enough, or as many as are allowed. Such a group is told by its verdicts where there are any: all right or
//! all wrong, whatever else the samples are rewarded for. Log-probabilities of who drew are those before the
//! first update of the step, whoever tells them, so examples of all parts are made before any of them is learnt.
//! A problem of which nothing can be drawn takes no others with it: it is noted, and the others are learnt.
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), algorithm 1; Yu et al. 2025 (arXiv 2503.14476), section 3.2, for
//! groups that are drawn until there are enough.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use tts_core::{Likelihood, Prompt, Search, SearchStrategy, seed};
use tts_models::LanguageModel;
use tts_models::train::{Example, Online};

use super::advantage::all_equal;
use super::branches::branch_steps;
use super::curriculum::Drawing;
use super::learn::{Judged, Tellers, examples};
use super::recording::Recorder;
use super::rollout::rollouts;
use super::run::weights;
use super::sampler::Plain;
use super::scores::{Praise, of_step};
use super::tally::{Apart, Figures, Tally};
use super::worth::Worth;
use super::{
    Baseline, Equal, Group, GroupNote, Ids, Objective, Old, Problem, Reinforce, Sample, SampleNote,
    StepNote, Steps, advantages,
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
    /// Rewards that knew nothing of a solution that was ended.
    silent: BTreeSet<String>,
}

impl Rewarded {
    /// Notes how much better than expected each sample came out that is learnt from.
    fn tell(&mut self, outcome: &[Vec<f64>]) {
        for (&place, advantages) in self.learnt.iter().zip(outcome) {
            let samples = self.notes[place].samples.iter_mut();
            samples.zip(advantages).for_each(|(note, own)| note.advantage = Some(*own));
        }
    }

    /// Notes what became of the steps of trees.
    fn tell_branches(&mut self) {
        let learnt = self.learnt.iter().zip(&self.groups).zip(&self.rewards);
        for ((&place, group), rewards) in learnt {
            let notes = self.notes[place].samples.iter_mut();
            notes.zip(branch_steps(group, rewards)).for_each(|(note, steps)| note.steps = steps);
        }
    }

    /// Notes what steps teach.
    fn tell_steps(&mut self, praise: &Praise) {
        for (&place, group) in self.learnt.iter().zip(&praise.tokens) {
            for (note, tokens) in self.notes[place].samples.iter_mut().zip(group) {
                note.steps.iter_mut().for_each(|step| step.advantage = of_step(tokens, step.end));
            }
        }
    }
}

/// Whether a group is all right or all wrong; where no verdict is rewarded, whether its rewards are all the same.
fn is_alike(rewards: &[f64], each: &[Each]) -> bool {
    let right: Option<Vec<f64>> = each.iter().map(|each| each.get("right").copied()).collect();
    all_equal(right.as_deref().filter(|right| !right.is_empty()).unwrap_or(rewards))
}

impl<S: SearchStrategy + Clone + std::fmt::Debug> Reinforce<'_, S> {
    /// One step, from drawing to the engine's new weights.
    pub(super) fn step(
        &mut self,
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
        self.check_said(&note, &rewarded.silent)?;
        let objective = self.config.objective();
        let alone = |note: &GroupNote| note.failed.is_none() && note.samples.len() < 2;
        if step == 1 && objective.baseline != Baseline::Batch && rewarded.notes.iter().all(alone) {
            let problem = "it ends with one sample a problem, which is compared with no other: expected several, or a \
                           baseline of the batch (the scheme reinforce)";
            return Err(PrmError::reinforce("sampler", problem));
        }
        let outcome = advantages(&rewarded.rewards, objective.baseline, objective.spread);
        rewarded.tell(&outcome);
        let praise = self.praise(&rewarded.groups, &outcome)?;
        if let Some(process) = self.config.process {
            if process.of == Steps::Tree {
                rewarded.tell_branches();
            }
            rewarded.tell_steps(&praise);
        }
        note.guarded = praise.guarded;
        if self.config.record.keeps(step, self.config.steps) {
            recorder.keep(&rewarded.notes)?;
        }
        note.sampling_seconds = started.elapsed().as_secs_f64();
        let started = Instant::now();
        self.learn(&mut note, policy, online, (&rewarded, &outcome[..], &praise))?;
        if note.loss.is_some() {
            policy.renew(weights(online)?)?;
        }
        note.refreshed = self.refresh(step, online)?;
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
        let search = self.search(policy).rule(config.rule.clone()).shared_task(Arc::clone(task));
        let search = self.scorer.into_iter().fold(search, Search::scorer);
        let Objective { equal, baseline, .. } = config.objective();
        let wanted = config.problems;
        let most = match equal {
            Equal::Redraw { most } => most.saturating_mul(wanted),
            Equal::Keep | Equal::Drop => wanted,
        };
        let sampler = Plain::new(sampler.clone(), config.importance.is_some()).begun(&config.begin);
        let seed = seed::mix(config.seed, note.step as u64);
        let part = (note.step - 1) as f64 / config.steps as f64;
        let mut rewarded = Rewarded::default();
        let mut tally = Tally::default();
        let mut round = 0;
        while rewarded.groups.len() < wanted && tally.tried() < most {
            let missing = (wanted - rewarded.groups.len()).min(most - tally.tried());
            let places = drawing.draw(missing, part, &tally.drawn);
            let seed = seed::mix(seed, round);
            let end_tokens = policy.end_tokens();
            let groups = rollouts(&search, &sampler, (problems, &places), seed, end_tokens);
            sampler.drew_plainly()?;
            let mut groups = groups?;
            groups.iter_mut().try_for_each(|group| show(policy, &mut group.samples))?;
            let heard = self.hear(policy, (problems, &groups), seed, note)?;
            let first = tally.drawn.len();
            for (mut group, heard) in groups.into_iter().zip(heard) {
                let Problem { question, gold, .. } = &problems[group.problem];
                let mut told = GroupNote {
                    step: note.step,
                    problem: group.problem,
                    question: question.clone(),
                    gold: gold.clone(),
                    samples: Vec::new(),
                    failed: group.failed.take(),
                };
                if told.failed.is_some() {
                    tally.add_failed(group.problem);
                    rewarded.notes.push(told);
                    continue;
                }
                let Worth { rewards, each, blank, silent } =
                    self.worth(problems, (&group, &heard), note)?;
                rewarded.silent.extend(silent);
                let same = match equal {
                    Equal::Redraw { .. } => is_alike(&rewards, &each),
                    Equal::Keep | Equal::Drop => all_equal(&rewards),
                };
                tally.add(&group, (&rewards[..], &each[..]), same);
                told.samples = self.notes_of(policy, &group, &rewards, each)?;
                rewarded.notes.push(told);
                if (!same || equal == Equal::Keep) && !(blank && baseline == Baseline::Batch) {
                    rewarded.learnt.push(rewarded.notes.len() - 1);
                    rewarded.groups.push(group);
                    rewarded.rewards.push(rewards);
                }
            }
            drawing.note(&tally.drawn[first..]);
            round += 1;
        }
        if let (true, Some(last)) = (tally.all_failed(), rewarded.notes.last()) {
            let question: String = last.question.chars().take(200).collect();
            let reason = last.failed.as_deref().unwrap_or_default();
            let problem =
                format!("nothing could be drawn of any problem, of {question:?}: {reason}");
            return Err(PrmError::reinforce(format!("step {}", note.step), problem));
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

    /// Whether who drew computes as who learns, where log-probabilities are taken as they were written: looked at
    /// in the first update of a run, and of one that goes on.
    ///
    /// # Errors
    /// When it does not: what rounding does would be taken for what the policy has learnt.
    fn of_one_mind(&mut self, figures: &Figures) -> Result<(), PrmError> {
        let Some(drift) = figures.first_drift().filter(|_| !self.trusted) else { return Ok(()) };
        if self.config.old == Old::Written && drift > OF_ONE_MIND {
            let problem = format!(
                "written, but who drew and who learns are {drift:.1e} nats a token apart, of the same weights: expected \
                 at most {OF_ONE_MIND:.0e}, of an engine with weights and keys in f32 on own kernels, or old to be \
                 recomputed"
            );
            return Err(PrmError::reinforce("old", problem));
        }
        self.trusted = true;
        Ok(())
    }

    /// The updates of a step.
    fn learn(
        &mut self,
        note: &mut StepNote,
        policy: &dyn LanguageModel,
        online: &mut Online,
        (Rewarded { groups, .. }, outcome, praise): (&Rewarded, &[Vec<f64>], &Praise),
    ) -> Result<(), PrmError> {
        let config = &self.config;
        let objective = config.objective();
        let mut prompts: Vec<Vec<Arc<[u32]>>> = Vec::with_capacity(groups.len());
        for group in groups {
            prompts.push(encoded(policy, &group.samples)?);
        }
        let mut judged: Vec<Vec<Judged<'_>>> = Vec::with_capacity(groups.len());
        let told = outcome.iter().zip(&praise.tokens);
        for ((group, (outcome, steps)), prompts) in groups.iter().zip(told).zip(&prompts) {
            let own = group.samples.iter().zip(prompts).zip(outcome).zip(steps);
            let one = own.map(|(((sample, prompt), outcome), steps)| {
                let advantage = steps.iter().map(|step| outcome + step).collect();
                Judged { sample, prompt, advantage }
            });
            judged.push(one.collect());
        }
        let mut parts: Vec<Vec<Example>> = Vec::with_capacity(config.parts);
        let mut apart = Apart::default();
        // Of sizes that differ by one at most, and none empty.
        let cut = |part: usize| part * judged.len() / config.parts;
        let cuts = (0..config.parts).map(|part| cut(part)..cut(part + 1));
        for part in cuts.filter(|part| !part.is_empty()).map(|part| &judged[part]) {
            let reference = self.reference.as_deref().map(|model| -> &dyn Likelihood { model });
            let mut tellers = Tellers { online, reference, apart: &mut apart };
            parts.push(examples(config, &objective, part.iter().flatten(), &mut tellers)?);
        }
        let mut figures = Figures::default();
        for part in (0..config.epochs).flat_map(|_| &parts).filter(|part| !part.is_empty()) {
            figures.add(&online.update(part)?);
        }
        figures.put(note, self.reference.is_some());
        note.mismatch = apart.found();
        self.of_one_mind(&figures)
    }
}

/// The largest drift of an update, in nats a token, of weights that drew a moment ago. Kernels that add in another order,
/// all in f32, come to about 1e-13, and weights that are rounded to BF16 to 1e-6 and more.
const OF_ONE_MIND: f64 = 1e-8;

/// Tokens of what a writer was shown that are kept with its sample.
const SHOWN: usize = 32;

/// Notes the end of what the writer of each sample was shown.
fn show(policy: &dyn LanguageModel, samples: &mut [Sample]) -> Result<(), PrmError> {
    let mut last: Option<(Arc<[u32]>, Arc<str>)> = None;
    let prompts = encoded(policy, samples)?;
    for (sample, prompt) in samples.iter_mut().zip(prompts) {
        let begun = match &last {
            Some((same, begun)) if Arc::ptr_eq(same, &prompt) => Arc::clone(begun),
            _ => {
                let end = &prompt[prompt.len().saturating_sub(SHOWN)..];
                policy.tokenizer().decode(end, false).into()
            }
        };
        sample.begun = Arc::clone(&begun);
        last = Some((prompt, begun));
    }
    Ok(())
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
