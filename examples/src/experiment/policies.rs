//! Policies: from written solutions, from their own or another's filtered solutions, from earlier attempts.
//!
//! A round of self-training samples solutions of problems that no policy was shown, keeps some
//! ([`tts_prm::curate`]), and trains the base anew on them. A revision model learns right solutions
//! behind other attempts: its context holds the question with each of them, then the question again.
//!
//! Source: Zelikman et al. 2022 (arXiv:2203.14465), section 3; Singh et al. 2023 (arXiv:2312.06585),
//! section 4; Snell et al. 2024 (arXiv:2408.03314), section 6.1, for revisions.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use tts_core::family::{Family, Problem, TraceLine};
use tts_core::{Prompt, seed};
use tts_models::train::{Example, Model};
use tts_models::weights::Dtype;
use tts_models::{DecoderWeights, Tokenizer};
use tts_prm::curate::{Candidate, Curation, curate, revisions};
use tts_search::evaluate::attempts::Attempts;
use tts_search::refine::Words;

use super::spec::{Distilled, Learnt, Revised, SelfTrained, Shape, Training, Written};
use super::workshop::{Purpose, Workshop};
use crate::files::write_whole;
use crate::{Error, pair, traces};

/// Problems that held-out losses are measured on.
const VALIDATION: usize = 256;

/// A solution to learn: its prompt is not learnt, its end is.
pub(super) fn example(
    tokenizer: &Tokenizer,
    end: u32,
    prompt: &str,
    text: &str,
) -> Result<Example, Error> {
    let mut tokens = tokenizer.encode(prompt, false)?;
    let first = tokens.len();
    tokens.extend(tokenizer.encode(text, false)?);
    tokens.push(end);
    Ok(Example::continuation(tokens, first))
}

/// A written solution to learn, of whose lines some may be read only.
fn traced(
    tokenizer: &Tokenizer,
    end: u32,
    prompt: &str,
    trace: &[TraceLine],
) -> Result<Example, Error> {
    let mut tokens = tokenizer.encode(prompt, false)?;
    let first = tokens.len();
    let mut read_only = Vec::new();
    for line in trace {
        let start = tokens.len();
        tokens.extend(tokenizer.encode(&line.text, false)?);
        if !line.learnt {
            read_only.push(start..tokens.len());
        }
    }
    tokens.push(end);
    let mut example = Example::continuation(tokens, first);
    // A target stands at the place before its token.
    let learnt = |place: usize| read_only.iter().all(|range| !range.contains(&place));
    example.targets.retain(|target| learnt(target.position + 1));
    Ok(example)
}

/// The token that ends a solution.
pub(super) fn end(decoder: &DecoderWeights) -> u32 {
    decoder.config.eos_token_ids.first().copied().unwrap_or(0)
}

/// What a revision model is given: the question with each earlier attempt, then the question again.
pub fn words() -> Words {
    Words { each: "{question}\n{attempt}\n".into(), ask: "{attempts}{question}\n".into() }
}

/// Solutions of a policy as candidates, with scores where there are any; those that were cut only where they count.
fn candidates(all: &[Attempts], scores: Option<&[Vec<f64>]>, with_cut: bool) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (problem, attempts) in all.iter().enumerate() {
        let written = attempts.attempts.iter().enumerate();
        // What was cut off or is empty has nothing to learn from.
        for (place, attempt) in written.filter(|(_, own)| with_cut || !own.steps.is_empty()) {
            candidates.push(Candidate {
                problem,
                text: attempt.steps.concat(),
                solved: attempt.solved,
                score: scores.map(|scores| scores[problem][place]),
                tokens: Some(attempt.generated),
            });
        }
    }
    candidates
}

/// Tokens that were generated for these.
fn generated(all: &[Attempts]) -> u64 {
    all.iter().flat_map(|own| &own.attempts).map(|attempt| attempt.generated).sum()
}

/// Tokens that a training learns, of examples that it draws alike.
fn learnt_tokens(training: Training, data: &[Example]) -> f64 {
    let targets: usize = data.iter().map(|example| example.targets.len()).sum();
    let drawn = training.steps.saturating_mul(training.batch);
    targets as f64 / data.len().max(1) as f64 * drawn as f64
}

impl Workshop<'_> {
    fn written(
        &self,
        learnt: Learnt,
        all: &[Problem],
        (tokenizer, end): (&Tokenizer, u32),
    ) -> Result<Vec<Example>, Error> {
        let family = self.family();
        let written = |problem: &Problem| {
            let question = &problem.question;
            let trace = traces::trace(&*family, question)?;
            let trace = match learnt {
                Learnt::Steps => &trace[..],
                Learnt::Answer => &trace[trace.len().saturating_sub(1)..],
            };
            traced(tokenizer, end, family.prompt(question).question(), trace)
        };
        all.iter().map(written).collect()
    }

    /// What a policy starts from: another one, or nothing in a size.
    fn begin(
        &self,
        what: &str,
        (from, shape): (Option<&str>, Option<Shape>),
        seed: u64,
        folder: &Path,
    ) -> Result<(DecoderWeights, Tokenizer), Error> {
        match (from, shape) {
            (Some(name), None) => self.start(name, seed, folder),
            (None, Some(shape)) => {
                let alphabet = self.recipe.task.alphabet();
                let json = tts_models::text::tokenizer::characters(alphabet, &[pair::END])?;
                let file = folder.join("tokenizer.json");
                write_whole(&file, json.as_bytes())?;
                let config = shape.config(1 + alphabet.chars().count());
                Ok((DecoderWeights::initial(config, seed)?, Tokenizer::from_file(file)?))
            }
            _ => Err(format!("a {what} model has either `from` or `shape`").into()),
        }
    }

    /// A policy from written solutions.
    pub(super) fn write(&self, spec: &Written, folder: &Path, seed: u64) -> Result<Value, Error> {
        let start = (spec.from.as_deref(), spec.shape);
        let (decoder, tokenizer) = self.begin("written", start, seed, folder)?;
        let text = (&tokenizer, end(&decoder));
        // One that goes on from another learns problems of its own.
        let order = if spec.from.is_some() { seed::mix(seed, 3) } else { seed };
        let problems = self.problems(Purpose::Policy, order, spec.problems)?;
        let data = self.written(spec.learn, &problems, text)?;
        let held_out = self.written(spec.learn, &self.validation(VALIDATION)?, text)?;
        let parameters = decoder.config.active_parameters();
        let model = Model::from(decoder);
        let names = ("policy", folder);
        let model = self.train(names, (&spec.train, seed), model, &data, &held_out)?;
        model.decoder.save_as(folder, Dtype::F16, &[])?;
        Ok(json!({ "parameters": parameters }))
    }

    /// A round of self-training.
    pub(super) fn round(
        &self,
        spec: &SelfTrained,
        folder: &Path,
        seed: u64,
    ) -> Result<Value, Error> {
        let (decoder, tokenizer) = self.start(&spec.from, seed, folder)?;
        let order = if spec.draw == 0 { seed } else { seed::mix(seed, spec.draw) };
        let problems = self.problems(Purpose::Rounds, order, spec.problems)?;
        let attempts = self.attempts(&spec.policy, &problems, spec.samples, (seed, seed))?;
        let scores = match &spec.judge {
            None => None,
            Some((judge, aggregate)) => {
                let judge = self.scorer(judge, seed, false)?;
                Some(self.judged(&*judge, *aggregate, &attempts)?)
            }
        };
        let candidates = candidates(&attempts, scores.as_deref(), spec.keep.drop_easy);
        let sampled = (&candidates[..], &attempts[..]);
        let train = (&spec.keep, &spec.train, seed);
        let drawn = BTreeMap::from([(spec.policy.as_str(), generated(&attempts))]);
        self.learn_kept("round", folder, (decoder, &tokenizer), sampled, &drawn, train)
    }

    /// A policy from another one's solutions.
    pub(super) fn distil(
        &self,
        spec: &Distilled,
        folder: &Path,
        seed: u64,
    ) -> Result<Value, Error> {
        let start = (spec.from.as_deref(), spec.shape);
        let (decoder, tokenizer) = self.begin("distilled", start, seed, folder)?;
        let order = if spec.draw == 0 { seed } else { seed::mix(seed, spec.draw) };
        let problems = self.problems(Purpose::Rounds, order, spec.problems)?;
        let attempts = self.attempts(&spec.teacher, &problems, spec.samples, (seed, seed))?;
        let mut candidates = candidates(&attempts, None, spec.keep.drop_easy);
        let mut drawn = BTreeMap::from([(spec.teacher.as_str(), generated(&attempts))]);
        if let Some(hinted) = &spec.hinted {
            let (more, tokens) = self.hinted(hinted, &problems, &attempts, seed)?;
            candidates.extend(more);
            *drawn.entry(hinted).or_default() += tokens;
        }
        let sampled = (&candidates[..], &attempts[..]);
        let train = (&spec.keep, &spec.train, seed);
        self.learn_kept("student", folder, (decoder, &tokenizer), sampled, &drawn, train)
    }

    /// One solution more of each problem that none of the attempts solves, by someone who was told the answer; and the
    /// tokens of all of them.
    fn hinted(
        &self,
        name: &str,
        problems: &[Problem],
        attempts: &[Attempts],
        seed: u64,
    ) -> Result<(Vec<Candidate>, u64), Error> {
        let hard = |place: &usize| attempts[*place].solved() == 0;
        let hard: Vec<usize> = (0..problems.len()).filter(hard).collect();
        let asked: Vec<Problem> = hard.iter().map(|&place| problems[place].clone()).collect();
        let told = self.attempts(name, &asked, 1, (seed, seed))?;
        let found = candidates(&told, None, false).into_iter();
        let found = found.map(|own| Candidate { problem: hard[own.problem], ..own }).collect();
        Ok((found, generated(&told)))
    }

    /// Trains a model on what is kept of sampled solutions, and says what the sampling was worth.
    fn learn_kept(
        &self,
        name: &str,
        folder: &Path,
        (decoder, tokenizer): (DecoderWeights, &Tokenizer),
        (candidates, attempts): (&[Candidate], &[Attempts]),
        drawn: &BTreeMap<&str, u64>,
        (keep, training, seed): (&Curation, &Training, u64),
    ) -> Result<Value, Error> {
        let (kept, report) = curate(candidates, keep)?;
        let (end, family) = (end(&decoder), self.family());
        let learnt = |&place: &usize| {
            let Candidate { problem, text, .. } = &candidates[place];
            let prompt = family.prompt(&attempts[*problem].question);
            example(tokenizer, end, prompt.question(), text.trim_end())
        };
        let data = kept.iter().map(learnt).collect::<Result<Vec<Example>, Error>>()?;
        if data.is_empty() {
            return Err(format!("{name}: no solution was kept to learn from").into());
        }
        let held_out =
            self.written(Learnt::Steps, &self.validation(VALIDATION)?, (tokenizer, end))?;
        let model = Model::from(decoder);
        let model = self.train((name, folder), (training, seed), model, &data, &held_out)?;
        model.decoder.save_as(folder, Dtype::F16, &[])?;
        let mut told = serde_json::to_value(report)?;
        told["drawn"] = json!(drawn);
        told["learnt"] = json!(learnt_tokens(*training, &data));
        Ok(told)
    }

    /// A policy that improves on earlier attempts.
    pub(super) fn revised(&self, spec: &Revised, folder: &Path, seed: u64) -> Result<Value, Error> {
        let (mut decoder, tokenizer) = self.start(&spec.from, seed, folder)?;
        // Each attempt that is seen may be as long as all that the model had to hold before.
        let positions = &mut decoder.config.max_position_embeddings;
        *positions = positions.saturating_mul(spec.attempts.saturating_add(1));
        let problems = self.problems(Purpose::Rounds, seed, spec.problems)?;
        let attempts = self.attempts(&spec.policy, &problems, spec.samples, (seed, seed))?;
        let candidates = candidates(&attempts, None, false);
        let end = end(&decoder);
        let revising = spec.revising();
        revising.check()?;
        let all = revisions(&candidates, &revising, seed);
        let mut data = Vec::with_capacity(all.len());
        for revision in &all {
            let shown: Vec<&str> =
                revision.attempts.iter().map(|&place| candidates[place].text.as_str()).collect();
            let question = Prompt::text(&attempts[revision.problem].question);
            let prompt = words().prompt(&question, &shown);
            let text = candidates[revision.answer].text.trim_end();
            data.push(example(&tokenizer, end, prompt.question(), text)?);
        }
        let held_out = data.split_off(data.len() - (data.len() / 10).min(VALIDATION));
        if data.is_empty() {
            return Err("no right solution to learn revisions from".into());
        }
        let names = ("revision", folder);
        let train = (&spec.train, seed);
        let model = self.train(names, train, Model::from(decoder), &data, &held_out)?;
        model.decoder.save_as(folder, Dtype::F16, &[])?;
        Ok(json!({
            "revisions": data.len(), "problems": problems.len(),
            "drawn": { &*spec.policy: generated(&attempts) },
            "learnt": learnt_tokens(spec.train, &data),
        }))
    }
}
