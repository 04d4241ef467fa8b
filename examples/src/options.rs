//! Options that `solve` and `evaluate` have in common: model, strategy, scorer, settings.

mod judging;
mod jury;
mod lost;
mod named;
mod setup;
mod spending;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tts_core::{Prompt, Replay, SearchStrategy, StepScorer, Task, task};
use tts_models::remote::{Remote, RemoteConfig};
use tts_models::text::template::TemplateArgument;
use tts_models::{Backend, EngineConfig, KeyValues, LanguageModel, WeightFormat};
use tts_prm::ScorerSpec;
use tts_search::recipe::Preset;
use tts_search::{FewShot, Recipe};

use crate::engines::{Engine, EngineSpec, Engines, LocalConfig, POLICY};
use crate::{Error, given, judges};

pub use self::judging::Judging;
pub use self::jury::JuryOptions;
pub use self::named::{Named, NamedOptions, NamedScorers, Scorers};
pub use self::setup::Setup;
pub use self::spending::{Priced, SpendingOptions};
pub use self::writing::WritingOptions;

/// Which model, and how it runs. Of engines by role, `--tokenizer`, `--adapter`, `--positions` and `--template-arg`
/// are the policy's; others have such settings of their own.
#[derive(Debug, Clone, Args)]
pub struct ModelOptions {
    /// GGUF file, or folder with config.json, tokenizer.json and safetensors; the address of a server
    /// (`http://host:port` of llama-server, vLLM or `SGLang`); `embedded`; a JSON file with settings of servers, or
    /// with engines by role; `records:FOLDER`, what was sampled in an evaluation before; or, for `solve` and `evaluate`,
    /// `given:FILE[:FIELD]`, texts that were sampled elsewhere. With the feature `hub`, `hf://OWNER/NAME` or `hf://OWNER/NAME/FILE.gguf`.
    #[arg(long)]
    pub model: PathBuf,
    /// For a server: the folder with tokenizer.json of its model (and `tokenizer_config.json`, for chats), or its
    /// GGUF file. Not needed where the server's files are on this machine. For given texts: what their tokens are, bytes
    /// without it. Of engines by role, the policy's.
    #[arg(long)]
    pub tokenizer: Option<PathBuf>,
    /// Folder of a low-rank adapter, as `finetune` or PEFT writes them. Of engines by role, the policy's.
    #[arg(long)]
    pub adapter: Option<PathBuf>,
    /// native, ndarray, cuda or wgpu.
    #[arg(long, default_value = "native")]
    pub backend: Backend,
    /// Type in which the native backend holds and multiplies weights: stored, f32, bf16 or int8.
    #[arg(long, default_value = "stored")]
    pub weights: WeightFormat,
    /// Type in which the native backend holds keys and values: auto (f32 beside weights that are all f32, else f16), f32,
    /// f16 or int8.
    #[arg(long, default_value = "auto")]
    pub key_values: KeyValues,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Lines that decode together, at most.
    #[arg(long, default_value_t = 64)]
    pub max_lines: usize,
    /// Most positions of the model (and of a reward model with a backbone of its own); 0 for as many
    /// as its files say. For GGUF files of models with a sliding window, which do not say so: 4096 for
    /// Mistral 7B v0.1. Of engines by role, the policy's.
    #[arg(long, default_value_t = 0)]
    pub positions: usize,
    /// A variable of the chat template, as NAME=VALUE with a value in JSON or as text, such as
    /// `enable_thinking=false`; may be given several times. Of engines by role, the policy's.
    #[arg(long)]
    pub template_arg: Vec<TemplateArgument>,
}

impl ModelOptions {
    /// Opens the model, or connects to it, with engines for other roles if there are any.
    ///
    /// # Errors
    /// When one cannot be read, run or reached, or an option does not go with it.
    pub fn open(&self) -> Result<Engines, Error> {
        self.open_with(|_, name| Err(given::elsewhere(name)))
    }

    /// [`ModelOptions::open`], with what becomes of pools of given texts.
    pub(crate) fn open_with(
        &self,
        pool: impl Fn(&Self, &str) -> Result<Engine, Error>,
    ) -> Result<Engines, Error> {
        Engines::open(EngineSpec::read(&self.model)?, |role, spec| {
            let own = self.of_role(role);
            match (spec.servers()?, spec) {
                (Some(config), _) => own.connect(config),
                (None, EngineSpec::Named(path)) => match given::named(path) {
                    Some(name) => pool(&own, name),
                    None => own.read(path.as_ref()),
                },
                (None, EngineSpec::Local(config)) => own.with(config)?.read(config.path.as_ref()),
                (None, EngineSpec::Servers(_)) => Err("no servers".into()),
            }
        })
    }

    /// The options of a role's engine: what says which model it is, and how it reads, is of the policy alone; others
    /// say that of themselves.
    fn of_role(&self, role: &str) -> Self {
        let all = self.clone();
        if role == POLICY {
            return all;
        }
        Self { tokenizer: None, adapter: None, positions: 0, template_arg: Vec::new(), ..all }
    }

    /// With what a model says of itself; options that are given go before it.
    fn with(&self, config: &LocalConfig) -> Result<Self, Error> {
        let said = config.template.iter();
        let said = said.map(|(name, value)| TemplateArgument::new(name, value.clone()));
        let mut template_arg = said.collect::<Result<Vec<_>, _>>()?;
        template_arg.extend(self.template_arg.iter().cloned());
        Ok(Self {
            adapter: self.adapter.clone().or_else(|| config.adapter.clone()),
            positions: if self.positions > 0 { self.positions } else { config.positions },
            template_arg,
            ..self.clone()
        })
    }

    /// Opens the model, which must run in this program.
    ///
    /// # Errors
    /// As [`ModelOptions::open`], and for a server.
    pub fn open_local(&self) -> Result<Box<dyn LanguageModel>, Error> {
        match self.open()?.policy {
            Engine::Local(_, model) => Ok(model),
            other => Err(other
                .only_local("this")
                .err()
                .unwrap_or_else(|| "this needs a model in this program".into())),
        }
    }

    /// Refuses options of models in this program where there is none that they could be of.
    ///
    /// # Errors
    /// When such options were given; all of them are named.
    pub fn refuse_idle(&self, engines: &Engines) -> Result<(), Error> {
        if engines.all().any(|engine| engine.local().is_some()) {
            return Ok(());
        }
        let given = [
            ("--backend", self.backend != Backend::default()),
            ("--weights", self.weights != WeightFormat::default()),
            ("--key-values", self.key_values != KeyValues::default()),
            ("--threads", self.threads > 0),
        ];
        let names: Vec<&str> =
            given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(format!("for a model in this program, and there is none: {}", names.join(", ")).into())
    }

    fn read(&self, path: &Path) -> Result<Engine, Error> {
        if let Some(folder) = path.to_str().and_then(|path| path.strip_prefix("records:")) {
            return self.replay(folder.as_ref());
        }
        if self.tokenizer.is_some() {
            return Err("--tokenizer is for models on servers".into());
        }
        if let Some(address) = path.to_str().filter(|name| !path.exists() && is_address(name)) {
            return Err(
                format!("{address}: no such file; expected http://{address} of a server").into()
            );
        }
        if path == Path::new("embedded") && !path.exists() {
            return self.embedded();
        }
        let path = &crate::hub::model(path)?;
        let mut model = match &self.adapter {
            Some(adapter) => tts_models::open_adapted(path, adapter, self.backend, self.engine())?,
            None => tts_models::open(path, self.backend, self.engine())?,
        };
        for argument in &self.template_arg {
            model.set_template_argument(argument)?;
        }
        Ok(Engine::Local(path.to_owned(), model))
    }

    fn replay(&self, folder: &Path) -> Result<Engine, Error> {
        if self.tokenizer.is_some() || self.adapter.is_some() || !self.template_arg.is_empty() {
            return Err(
                "--tokenizer, --adapter and --template-arg are for models, not records".into()
            );
        }
        let records = tts_search::evaluate::records(folder)?;
        Ok(Engine::Recorded(folder.to_owned(), Box::new(Replay::read(&records)?)))
    }

    /// The generator that comes with the project.
    fn embedded(&self) -> Result<Engine, Error> {
        let engine = self.of_embedded(&[])?;
        Ok(Engine::Local("embedded".into(), tts_prm::pair::generator(engine)?))
    }

    /// How the embedded models run; `others` are options of a command that mean nothing to them, and whether they were
    /// given.
    ///
    /// # Errors
    /// When options were given that mean nothing to the embedded models; all of them are named.
    pub fn of_embedded(&self, others: &[(&str, bool)]) -> Result<EngineConfig, Error> {
        let own = [
            ("--tokenizer", self.tokenizer.is_some()),
            ("--adapter", self.adapter.is_some()),
            ("--backend", self.backend != Backend::default()),
            ("--template-arg", !self.template_arg.is_empty()),
        ];
        let given = own.iter().chain(others).filter(|(_, given)| *given);
        let names: Vec<&str> = given.map(|(name, _)| *name).collect();
        if names.is_empty() {
            return Ok(self.engine());
        }
        Err(format!("not for the embedded model: {}", names.join(", ")).into())
    }

    fn connect(&self, mut config: RemoteConfig) -> Result<Engine, Error> {
        if self.adapter.is_some() || self.positions > 0 {
            return Err("--adapter and --positions are for models in this program".into());
        }
        if let Some(path) = &self.tokenizer {
            config.text = Some(path.clone());
        }
        for argument in &self.template_arg {
            config.template.insert(argument.name().to_owned(), argument.value().clone());
        }
        Ok(Engine::Remote(Box::new(Remote::open(config)?)))
    }

    /// How it runs.
    pub fn engine(&self) -> EngineConfig {
        EngineConfig {
            threads: self.threads,
            max_lines: self.max_lines,
            weights: self.weights,
            key_values: self.key_values,
            positions: self.positions,
            ..EngineConfig::default()
        }
    }

    /// Makes a scorer for a model that writes alone; a reward model with a backbone of its own runs as that does.
    ///
    /// # Errors
    /// When its files cannot be read.
    pub fn scorer<'m>(
        &self,
        spec: &ScorerSpec,
        policy: &'m Engine,
    ) -> Result<Box<dyn StepScorer + 'm>, Error> {
        self.scorer_among(spec, policy, |role| (role == POLICY).then_some(policy))
    }

    /// Makes the scorers of a search, the one that leads it, if it has one, and those with names, and notes in `setup` which
    /// they are.
    ///
    /// # Errors
    /// As [`Judging::settle`] and [`ModelOptions::scorer`]; when two have one name.
    pub fn judge<'m>(
        &self,
        search: &SearchOptions,
        engines: &'m Engines,
        setup: &mut Setup,
    ) -> Result<Scorers<'m>, Error> {
        let policy = &engines.policy;
        let spec = search
            .scorer
            .settle(policy.tells_logprobs(), setup.recipe.requires().scorer.is_some())?;
        // A reward model may have a backbone of its own.
        if !spec.as_ref().is_some_and(named::may_run_here) {
            search.named.refuse_idle(self, engines)?;
        }
        setup.scorer = spec.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        setup.named = search.named.told();
        let leading = spec.as_ref();
        let leading = leading
            .map(|spec| {
                engines.judging(spec, self.scorer_among(spec, policy, |role| engines.role(role))?)
            })
            .transpose()?;
        Ok(Scorers { leading, named: search.named.open(self, engines)? })
    }
}

/// Which search.
#[derive(Debug, Args)]
pub struct SearchOptions {
    /// Strategy by name, with `--n`: the names are in `docs/models.md`, and an unknown one gets the list. Those of other
    /// projects, such as `its-hub/beam-search`, are in `docs/migrate.md`.
    #[arg(long, default_value = "best-of-n")]
    pub strategy: String,
    /// Budget of the strategy: solutions sampled, or width of the search.
    #[arg(long, default_value_t = 8)]
    pub n: usize,
    /// Strategy as a JSON file, in place of `--strategy` and `--n`.
    #[arg(long, conflicts_with_all = ["strategy", "n"])]
    pub recipe: Option<PathBuf>,
    /// logprob, rule, prm:PATH, orm:PATH, json:PATH, word:FILE or none; auto is logprob, and none where the model's
    /// log-probabilities are not told and the strategy asks for no scorer.
    #[arg(long, default_value = "auto")]
    pub scorer: Judging,
    /// Further scorers, by name.
    #[command(flatten)]
    pub named: NamedOptions,
    /// What an answer is: math, exact, choice, phrase or countdown. Default: as the data set has it, else
    /// math.
    #[arg(long)]
    pub task: Option<String>,
    /// What a problem may cost.
    #[command(flatten)]
    pub spending: SpendingOptions,
    /// How the policy is asked, and how it writes.
    #[command(flatten)]
    pub writing: WritingOptions,
}

/// How a policy is asked.
#[derive(Debug, Args)]
pub struct PromptOptions {
    /// Worked examples before the question: a JSONL file (`question`, `answer`), or `builtin`.
    #[arg(long)]
    pub few_shot: Option<String>,
    /// How many of the worked examples; 0 for all.
    #[arg(long, default_value_t = 0)]
    pub shots: usize,
    /// Standing instructions for a chat model.
    #[arg(long)]
    pub system: Option<String>,
    /// Give the question to the model as it stands, without a chat template.
    #[arg(long)]
    pub raw: bool,
}

/// Whether a name reads `host:port`.
fn is_address(name: &str) -> bool {
    name.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok()
    })
}

/// The text of an option in which `\n` stands for a line break and `\t` for a tab.
pub fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}

impl SearchOptions {
    /// The strategy: as the recipe says, or the default of its name.
    ///
    /// # Errors
    /// When the recipe cannot be read or the name is not a strategy's.
    pub fn recipe(&self) -> Result<Recipe, Error> {
        match &self.recipe {
            Some(path) => Ok(judges::registry().from_file(path)?),
            None => self.recipe_at(self.n),
        }
    }

    /// The default strategy of the name at a budget of `n`.
    ///
    /// # Errors
    /// When the name is not a strategy's, or `n` is 0.
    pub fn recipe_at(&self, n: usize) -> Result<Recipe, Error> {
        Ok(judges::registry().default_of(&self.strategy, n)?)
    }

    /// What another project's name stands for, where the strategy has one.
    ///
    /// # Errors
    /// When that project knows no such budget.
    pub fn preset(&self) -> Result<Option<Preset>, Error> {
        let named = self.recipe.is_none().then(|| Preset::named(&self.strategy, self.n));
        Ok(named.flatten().transpose()?)
    }

    /// What an answer is.
    ///
    /// # Errors
    /// When there is no such task.
    pub fn task(&self) -> Result<Arc<dyn Task>, Error> {
        Ok(task::by_name(self.task.as_deref().unwrap_or("math"))?)
    }

    /// Everything that decides results.
    ///
    /// # Errors
    /// When the recipe or the worked examples cannot be read.
    pub fn setup(&self) -> Result<Setup, Error> {
        let (few_shot, preset) = (self.writing.prompting.few_shot()?, self.preset()?);
        let setup = Setup {
            recipe: self.recipe()?,
            scorer: self.scorer.to_string(),
            named: self.named.told(),
            task: self.task()?.name().to_owned(),
            rule: self.writing.rule(few_shot.as_ref(), preset.as_ref())?,
            sampling: self.writing.sampling(preset.as_ref())?,
            budget: self.spending.budget()?,
            prices: self.spending.prices()?,
            seed: self.writing.seed,
            prompt: self.writing.prompting.prompt(few_shot.as_ref(), "..."),
            preset: preset.map(|preset| (self.strategy.clone(), preset)),
        };
        setup.recipe.check()?;
        Ok(setup)
    }
}

impl PromptOptions {
    /// The worked examples, if any are asked for.
    ///
    /// # Errors
    /// When the file cannot be read, or the options contradict each other.
    pub fn few_shot(&self) -> Result<Option<FewShot>, Error> {
        if self.system.is_some() && (self.few_shot.is_some() || self.raw) {
            return Err("--system needs a chat: it does not go with --few-shot or --raw".into());
        }
        if self.shots > 0 && self.few_shot.is_none() {
            return Err("--shots needs --few-shot".into());
        }
        let shots = match self.few_shot.as_deref() {
            None => return Ok(None),
            Some("builtin") => FewShot::default(),
            Some(path) => FewShot::from_file(path)?,
        };
        Ok(Some(if self.shots > 0 { shots.take(self.shots) } else { shots }))
    }

    /// A question as a prompt.
    pub fn prompt(&self, few_shot: Option<&FewShot>, question: &str) -> Prompt {
        match (few_shot, &self.system) {
            (Some(shots), _) => shots.prompt(question),
            (None, _) if self.raw => Prompt::text(question),
            (None, Some(system)) => Prompt::chat(system, question),
            (None, None) => Prompt::from(question),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_judges_follows_from_what_is_told_and_needed() {
        let settle = |text: &str, told, needed| {
            let judging: Judging = text.parse().expect("a scorer");
            assert_eq!(judging.to_string(), text);
            let found = judging.settle(told, needed).map_err(|error| error.to_string());
            found.map(|spec| spec.map_or("none".to_owned(), |spec| spec.to_string()))
        };
        for needed in [false, true] {
            assert_eq!(settle("auto", true, needed).as_deref(), Ok("logprob"));
            assert_eq!(settle("rule", false, needed).as_deref(), Ok("rule"));
            // Whether a strategy can do without is checked with its scorer.
            assert_eq!(settle("none", true, needed).as_deref(), Ok("none"));
            let error = settle("logprob", false, needed).expect_err("not told");
            assert!(error.contains("tells no log-probabilities of the model"), "{error}");
        }
        assert_eq!(settle("auto", false, false).as_deref(), Ok("none"));
        let error = settle("auto", false, true).expect_err("nothing to score by");
        assert!(error.contains("name one with --scorer"), "{error}");
        assert!("beam".parse::<Judging>().is_err());
    }

    #[test]
    fn an_address_is_told_from_a_file() {
        for (name, expected) in [
            ("127.0.0.1:8080", true),
            ("localhost:80", true),
            ("records:folder", false),
            ("models/a:80", false),
            (":80", false),
            ("model.gguf", false),
        ] {
            assert_eq!(is_address(name), expected, "{name}");
        }
    }
}
