//! Models that are made once: each in a folder named by everything that it depends on.
//!
//! The identity of a model is a digest of its own part of the recipe, the problems, the seed, and the
//! identities of the models that it is made from. So recipes share what they have in common, a changed
//! recipe makes only what the change concerns, and a killed run goes on: training from its last
//! checkpoint, rollouts from their store. `made.json` is written last; a folder without it is not done.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tts_core::family::{Family, Problem, Split, problems};
use tts_core::files::replace;
use tts_core::scorer::Apart;
use tts_core::{Generator, Sampling, Search, StepScorer, seed};
use tts_models::remote::Remote;
use tts_models::train::{Bar, Dataset, Model, Trained, Trainer};
use tts_models::{Backend, Checkpoint, DecoderWeights, EngineConfig, LanguageModel, Tokenizer};
use tts_prm::{AdvantageScorer, RemoteRewardModel, RewardModel};
use tts_search::decorate::Noisy;

use super::implicit::Implied;
use super::recipe::{Advantages, Arm, EXACT, Recipe};
use super::reinforced::kept;
use super::spec::{Implicit, Judging, ModelSpec, Reading, Served, StepOf, Training};
use crate::files::write_whole;
use crate::{Error, pair, setting};

/// Changes when the same recipe would make other models or results.
const FORMAT: u32 = 2;

/// Of noise on scorers: the same in every run, so that arms are misled alike.
const NOISE: u64 = 0x0153;

/// Where models and results of experiments are kept, and what makes them.
#[derive(Debug)]
pub struct Workshop<'a> {
    /// What is made.
    pub recipe: &'a Recipe,
    /// Models, rollouts and results lie here.
    pub root: PathBuf,
    /// How models run.
    pub engine: EngineConfig,
    /// Engines on servers, each connected to once.
    served: Mutex<BTreeMap<String, Arc<Remote>>>,
}

/// Who learns from which problems of the training split: no problem serves two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Written solutions.
    Policy,
    /// Labels.
    Verifier,
    /// Rounds of self-training.
    Rounds,
}

impl Purpose {
    fn of(question: &str) -> Self {
        match seed::hash_text(5, question) % 10 {
            0..6 => Self::Policy,
            6..8 => Self::Verifier,
            _ => Self::Rounds,
        }
    }
}

impl<'a> Workshop<'a> {
    /// What is made of a recipe, with models and results under `root`.
    pub fn new(recipe: &'a Recipe, root: PathBuf, engine: EngineConfig) -> Self {
        Self { recipe, root, engine, served: Mutex::default() }
    }
}

impl Workshop<'_> {
    /// The seed of models: one for all runs, or one for each.
    pub fn model_seed(&self, seed: u64) -> u64 {
        if self.recipe.retrain { seed } else { 1 }
    }

    /// What all models and results depend on, beside the recipe.
    pub(super) fn common(&self) -> Value {
        let EngineConfig { weights, ignore_end, .. } = self.engine;
        let rule = self.recipe.rule();
        json!({ "format": FORMAT, "weights": weights, "ignore end": ignore_end, "rule": rule })
    }

    pub(super) fn spec(&self, name: &str) -> Result<&ModelSpec, Error> {
        let spec = self.recipe.models.get(name);
        spec.ok_or_else(|| format!("{name:?} is none of the models").into())
    }

    /// What a model depends on, as one number.
    ///
    /// # Errors
    /// When it depends on itself, or a model of the pair cannot be read.
    pub fn identity(&self, name: &str, seed: u64) -> Result<u64, Error> {
        self.identity_below(name, seed, &mut Vec::new())
    }

    fn identity_below<'n>(
        &'n self,
        name: &'n str,
        seed: u64,
        above: &mut Vec<&'n str>,
    ) -> Result<u64, Error> {
        if above.contains(&name) {
            return Err(format!("model {name:?} is made from itself").into());
        }
        let spec = self.spec(name)?;
        if let ModelSpec::Embedded(part) = spec {
            return pair::digest(&pair::folder().join(part.name()));
        }
        if let ModelSpec::Served(served) = spec {
            let identity = match served.judges {
                Some(_) => judge_on(served)?.identity(),
                None => self.served(name, served)?.identity(),
            };
            let problem = || {
                format!(
                    "{name}: its lines cannot be had again by their seeds, so nothing could \
                                      be kept"
                )
            };
            let identity = identity.ok_or_else(problem)?;
            return Ok(tts_core::seed::hash_text(9, &identity));
        }
        above.push(name);
        let mut uses = BTreeMap::new();
        for used in spec.uses() {
            uses.insert(used, self.identity_below(used, seed, above)?);
        }
        above.pop();
        let all = json!({
            "common": self.common(), "task": self.recipe.task,
            "temperature": self.recipe.temperature, "seed": seed, "spec": spec, "uses": uses,
        });
        Ok(tts_core::seed::hash_text(7, &all.to_string()))
    }

    /// The folder of a model, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made; what was done is kept.
    pub fn model(&self, name: &str, seed: u64) -> Result<PathBuf, Error> {
        let spec = self.spec(name)?;
        if let ModelSpec::Embedded(part) = spec {
            return Ok(pair::folder().join(part.name()));
        }
        if let ModelSpec::StepOf(StepOf { model, step }) = spec {
            return Ok(self.model(model, seed)?.join(kept(*step)));
        }
        let elsewhere = match spec {
            ModelSpec::Served(_) => Some("runs on servers"),
            ModelSpec::Grader(_) => Some("has no weights"),
            _ => None,
        };
        if let Some(elsewhere) = elsewhere {
            return Err(format!("{name} {elsewhere}: nothing can be made of it here").into());
        }
        let identity = self.identity(name, seed)?;
        let folder = self.root.join("models").join(format!("{identity:016x}"));
        let made = folder.join("made.json");
        if made.is_file() {
            return Ok(folder);
        }
        for used in spec.uses() {
            // Who only writes or judges need not be made here; whose weights are gone on from must be.
            let elsewhere = matches!(self.spec(used)?, ModelSpec::Served(_) | ModelSpec::Grader(_));
            if !elsewhere || spec.starts_from() == Some(used) {
                self.model(used, seed)?;
            }
        }
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        // Another process that makes it is waited for.
        let lock = folder.join("lock");
        let lock = std::fs::File::create(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(at(&lock))?;
        if made.is_file() {
            return Ok(folder);
        }
        say(&format!("{name}, seed {seed}: {}", folder.display()));
        let report = match spec {
            ModelSpec::Embedded(_)
            | ModelSpec::Served(_)
            | ModelSpec::Grader(_)
            | ModelSpec::StepOf(_) => Value::Null,
            ModelSpec::Written(written) => self.write(written, &folder, seed)?,
            ModelSpec::Reward(reward) => self.reward(reward, &folder, seed)?,
            ModelSpec::Preferred(scalar) => self.preferred(scalar, &folder, seed)?,
            ModelSpec::Implicit(implicit) => self.implied(implicit, &folder, seed)?,
            ModelSpec::Generative(judge) => self.judging(judge, &folder, seed)?,
            ModelSpec::SelfTrained(round) => self.round(round, &folder, seed)?,
            ModelSpec::Revision(revised) => self.revised(revised, &folder, seed)?,
            ModelSpec::Reinforced(policy) => self.reinforced(policy, &folder, seed)?,
            ModelSpec::Distilled(student) => self.distil(student, &folder, seed)?,
        };
        let text = json!({ "name": name, "seed": seed, "spec": spec, "report": report });
        replace(&made, |out| writeln!(out, "{text:#}")).map_err(at(&made))?;
        drop(lock);
        Ok(folder)
    }

    /// What the making of a model found out: labels against the truth, what a round kept.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn report(&self, name: &str, seed: u64) -> Result<Value, Error> {
        if let ModelSpec::Served(_) | ModelSpec::Grader(_) = self.spec(name)? {
            return Ok(Value::Null);
        }
        let path = self.model(name, seed)?.join("made.json");
        if !path.is_file() {
            return Ok(Value::Null);
        }
        let text = std::fs::read(&path).map_err(at(&path))?;
        Ok(serde_json::from_slice::<Value>(&text)?["report"].take())
    }

    /// A policy, open.
    ///
    /// # Errors
    /// When it cannot be made or opened.
    pub fn policy(&self, name: &str, seed: u64) -> Result<Box<dyn LanguageModel>, Error> {
        Ok(tts_models::open(self.model(name, seed)?, Backend::Native, self.engine)?)
    }

    /// What writes: a policy, open here or on servers, or a teacher without a model.
    ///
    /// # Errors
    /// When it cannot be made or opened.
    pub fn writer(&self, name: &str, seed: u64) -> Result<Arc<dyn Generator>, Error> {
        match self.spec(name)? {
            ModelSpec::Served(served) => Ok(self.served(name, served)?),
            ModelSpec::Grader(grader) => Ok(Arc::new(*grader)),
            _ => Ok(Arc::new(self.policy(name, seed)?)),
        }
    }

    /// An engine on servers, connected to when it is first asked for.
    fn served(&self, name: &str, served: &Served) -> Result<Arc<Remote>, Error> {
        let mut all = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remote) = all.get(name) {
            return Ok(Arc::clone(remote));
        }
        let remote = Arc::new(Remote::open(served.engine.clone())?);
        say(&format!("{name}: {} by {}", remote.facts().name(), remote.facts().kind));
        all.insert(name.to_owned(), Arc::clone(&remote));
        Ok(remote)
    }

    /// A scorer, open, with its identity. With `every_step` an outcome reward model judges steps.
    ///
    /// # Errors
    /// When it cannot be made or opened.
    pub fn scorer(
        &self,
        name: &str,
        seed: u64,
        every_step: bool,
    ) -> Result<Box<dyn StepScorer>, Error> {
        if name == EXACT {
            return Ok(Box::new(tts_core::family::Checker(self.recipe.task.family())));
        }
        if let ModelSpec::Served(served) = self.spec(name)? {
            return Ok(Box::new(Apart::new(judge_on(served)?)));
        }
        if let ModelSpec::Generative(_) = self.spec(name)? {
            return Ok(Box::new(self.at_once(name, seed)?));
        }
        let folder = self.model(name, seed)?;
        let outcome = match self.spec(name)? {
            ModelSpec::Implicit(Implicit { from, beta, .. }) => {
                let config = Checkpoint::open(&folder)?.config().clone();
                return Ok(Box::new(Implied {
                    model: self.policy(name, seed)?,
                    reference: self.policy(from, seed)?,
                    beta: *beta,
                    end: config.eos_token_ids.first().copied().unwrap_or(0),
                }));
            }
            ModelSpec::Embedded(super::spec::Part::Orm) | ModelSpec::Preferred(_) => true,
            ModelSpec::Reward(reward) => reward.learn == Reading::Outcome,
            _ => false,
        };
        Ok(Box::new(if outcome && !every_step {
            RewardModel::outcome(folder, Backend::Native, self.engine)?
        } else {
            RewardModel::process(folder, Backend::Native, self.engine)?
        }))
    }

    /// The scorer of an arm; `None` without one.
    ///
    /// # Errors
    /// As [`Workshop::scorer`].
    pub fn judge(&self, arm: &Arm, seed: u64) -> Result<Option<Box<dyn StepScorer>>, Error> {
        let Some(name) = &arm.scorer else { return Ok(None) };
        let scorer = self.scorer(name, seed, arm.every_step)?;
        let scorer: Box<dyn StepScorer> = match &arm.advantage {
            None => scorer,
            Some(Advantages { scorer: other, tries, start, alpha }) => Box::new(match other {
                Some(name) => {
                    AdvantageScorer::learnt(scorer, self.scorer(name, seed, false)?, *alpha)?
                }
                None => AdvantageScorer::derived(scorer, *tries, *start, *alpha)?,
            }),
        };
        Ok(Some(match arm.noise {
            Some(noise) => Box::new(Noisy::new(scorer, noise, NOISE)?),
            None => scorer,
        }))
    }

    /// Weights of a model, and its tokenizer, which is copied to `to`.
    pub(super) fn start(
        &self,
        name: &str,
        seed: u64,
        to: &Path,
    ) -> Result<(DecoderWeights, Tokenizer), Error> {
        let from = self.model(name, seed)?;
        let (there, file) = (from.join("tokenizer.json"), to.join("tokenizer.json"));
        write_whole(&file, &std::fs::read(&there).map_err(at(&there))?)?;
        let weights = DecoderWeights::load(&Checkpoint::open(&from)?)?;
        Ok((weights, Tokenizer::from_file(file)?))
    }

    /// Trains in `folder`, resumable, with the losses drawn there.
    pub(super) fn train(
        &self,
        (title, folder): (&str, &Path),
        (training, seed): (&Training, u64),
        model: Model,
        data: &dyn Dataset,
        held_out: &dyn Dataset,
    ) -> Result<Model, Error> {
        let work = folder.join("work");
        let mut bar = Bar::new(title);
        let mut config = training.config(seed);
        config.threads = self.engine.threads;
        let mut trainer =
            Trainer::new(config).checkpoints(&work).watch(|progress| bar.show(progress));
        if !held_out.is_empty() {
            trainer = trainer.held_out(held_out);
        }
        let Trained { model, history, .. } = trainer.train(model, data)?;
        history.write_chart(title, &folder.join("loss.svg"))?;
        Ok(model)
    }

    /// A search by a policy, as the recipe draws tokens.
    pub(super) fn search<'g>(&self, policy: &'g dyn Generator, seed: u64) -> Search<'g> {
        Search::new(policy)
            .rule(self.recipe.rule())
            .sampling(Sampling::temperature(self.recipe.temperature))
            .seed(seed)
            .concurrency(setting::CONCURRENCY)
    }

    /// The family.
    pub fn family(&self) -> Arc<dyn Family> {
        self.recipe.task.family()
    }

    /// The first problems of a purpose in an order of a seed.
    pub(super) fn problems(
        &self,
        purpose: Purpose,
        seed: u64,
        count: usize,
    ) -> Result<Vec<Problem>, Error> {
        let family = self.family();
        let all = problems(&*family, Split::Train, seed::mix(seed, 17));
        let own = all.filter(|problem| Purpose::of(&problem.question) == purpose);
        enough(own.take(count).collect(), count)
    }

    /// Problems of the validation split, to measure losses on.
    pub(super) fn validation(&self, count: usize) -> Result<Vec<Problem>, Error> {
        enough(problems(&*self.family(), Split::Validation, 17).take(count).collect(), count)
    }

    /// The problems of the test split that everything is measured on.
    ///
    /// # Errors
    /// When the family does not have as many.
    pub fn test(&self) -> Result<Vec<Problem>, Error> {
        let count = self.recipe.problems;
        enough(problems(&*self.family(), Split::Test, 17).take(count).collect(), count)
    }
}

/// A reward model on servers.
fn judge_on(served: &Served) -> Result<RemoteRewardModel, Error> {
    let engine = served.engine.clone();
    Ok(match served.judges {
        Some(Judging::Outcome) => RemoteRewardModel::outcome(engine)?,
        _ => RemoteRewardModel::process(engine)?,
    })
}

fn enough(found: Vec<Problem>, count: usize) -> Result<Vec<Problem>, Error> {
    if found.len() < count {
        return Err(format!("only {} of {count} problems in the family", found.len()).into());
    }
    Ok(found)
}

/// Names the file in an error of reading or writing.
pub(super) fn at(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

/// One line on standard error; nothing is left to do when even that cannot be written.
pub(super) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
