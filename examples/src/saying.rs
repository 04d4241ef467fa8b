//! Who has a say in what a policy is rewarded for: a judge that writes, further scorers, and models that play roles.
//!
//! A judge is one more reward. It is played by the model of its role (`--role judge=MODEL`: files or a folder, an
//! address, settings of servers), or by the policy itself, as it is by then.
//!
//! Source: none; see [`tts_prm::reinforce::ByJury`].

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use tts_core::StepScorer;
use tts_prm::critic::Jury;
use tts_prm::reinforce::{ByJury, On, Problem, ReinforceConfig, RewardSpec, Term};
use tts_search::evaluate::Item;

use crate::data::{Asking, DataOptions};
use crate::engines::Engine;
use crate::options::{ModelOptions, Named, PromptOptions};
use crate::{Error, judges};

/// The role of a judge.
const JUDGE: &str = "judge";

/// A model and what it does, `ROLE=MODEL`.
///
/// ```
/// use tts_examples::saying::Role;
/// let role: Role = "judge=http://localhost:8080/?a=b".parse()?;
/// assert_eq!((role.name.as_str(), role.model.to_str()), ("judge", Some("http://localhost:8080/?a=b")));
/// assert!("judge".parse::<Role>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// What it is called.
    pub name: String,
    /// Who plays it, as `--model` names it.
    pub model: PathBuf,
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, model)) if !name.trim().is_empty() && !model.trim().is_empty() => {
                Ok(Self { name: name.trim().to_owned(), model: model.trim().into() })
            }
            _ => Err(format!("{text:?}: expected ROLE=MODEL, such as judge=MODEL.gguf")),
        }
    }
}

/// Who has a say.
#[derive(Debug, Args)]
pub struct SayingOptions {
    /// A judge whose verdict on each solution is one more reward, by name or a JSON file, as of `judge`; alone where
    /// neither --reward nor a recipe says others. Played by --role judge=MODEL, else by the policy itself. As a reward it
    /// may be of some problems alone, as in score@open.
    #[arg(long, value_name = "JUDGE")]
    pub reward_judge: Option<String>,
    /// What its verdict counts beside other rewards.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, requires = "reward_judge")]
    pub judge_weight: f64,
    /// Its verdict multiplies the sum of all other rewards, in place of being one more: what --judge issues says of a judgement, where a
    /// judge learns.
    #[arg(long, requires = "reward_judge", conflicts_with = "judge_weight")]
    pub judge_multiplies: bool,
    /// Judgements of each solution.
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "reward_judge")]
    pub samples_judge: usize,
    /// Questions that nobody has answered, alone or beside those of --data: of the file the questions are read, from the
    /// field question, prompt, problem or instruction where --question-field names none. They are not measured on, and
    /// rewards that need a right answer are of the others.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["judge", "family"])]
    pub questions: Option<PathBuf>,
    /// A model that plays a role for samplers and judges, as ROLE=MODEL with a model as --model names it; may be given
    /// several times.
    #[arg(long = "role", value_name = "ROLE=MODEL")]
    pub roles: Vec<Role>,
    /// A further scorer by name, such as meta=orm:PATH, for samplers and judges that ask for it; may be given several
    /// times.
    #[arg(long = "named", value_name = "NAME=SCORER")]
    pub named: Vec<Named>,
}

impl SayingOptions {
    /// The judge as a reward, if there is one.
    ///
    /// # Errors
    /// When there is no such judge.
    pub fn term(&self) -> Result<Option<Term>, Error> {
        let Some(name) = &self.reward_judge else { return Ok(None) };
        let (name, on) = On::split(name);
        let judge = judges::find(name, None)?;
        let role = self.roles.iter().any(|role| role.name == JUDGE).then(|| JUDGE.to_owned());
        let jury = Jury { role, ..Jury::of(judge, self.samples_judge) };
        let of = RewardSpec::Judged(Box::new(ByJury { jury, ..ByJury::default() }));
        let (weight, factor) = (self.judge_weight, self.judge_multiplies);
        Ok(Some(Term { of, weight, on, factor }))
    }

    /// Rewards that need a right answer are of problems that have one, where others have none.
    pub fn divide(&self, config: &mut ReinforceConfig) {
        let everywhere = |term: &&mut Term| term.of.needs_gold() && term.on == On::All;
        if self.questions.is_some() {
            config.rewards.iter_mut().filter(everywhere).for_each(|term| term.on = On::Known);
        }
    }

    /// The questions that nobody has answered.
    ///
    /// # Errors
    /// When the file cannot be read as the options of fields say.
    pub fn problems(
        &self,
        fields: &DataOptions,
        prompting: &PromptOptions,
    ) -> Result<Vec<Problem>, Error> {
        let Some(path) = &self.questions else { return Ok(Vec::new()) };
        let data = fields.load_open(path)?;
        let few_shot = prompting.few_shot()?;
        let asking = Asking::of(prompting, few_shot.as_ref(), &data)?;
        let problem = |Item { question, gold, difficulty, .. }: Item| Problem {
            prompt: asking.prompt(&question),
            question,
            gold,
            difficulty,
        };
        Ok(data.items.clone().into_iter().map(problem).collect())
    }

    /// Opens the models of all roles, as the policy's options say but for what is the policy's own, and says on standard
    /// error who they are.
    ///
    /// # Errors
    /// When two play one role, or one cannot be opened; it is named.
    pub fn engines(&self, policy: &ModelOptions) -> Result<BTreeMap<String, Engine>, Error> {
        let mut engines = BTreeMap::new();
        for Role { name, model } in &self.roles {
            let own = ModelOptions {
                model: model.clone(),
                tokenizer: None,
                adapter: None,
                positions: 0,
                template_arg: Vec::new(),
                ..policy.clone()
            };
            let opened = own.open().map_err(|error| format!("--role {name}: {error}"))?;
            if engines.insert(name.clone(), opened.policy).is_some() {
                return Err(format!("--role {name}: two models play it").into());
            }
        }
        let mut out = std::io::stderr();
        for (name, engine) in &engines {
            writeln!(out, "{name:<9} {}", engine.describe())?;
        }
        if self.reward_judge.is_some() && !engines.contains_key(JUDGE) {
            writeln!(out, "{JUDGE:<9} the policy itself")?;
        }
        Ok(engines)
    }

    /// Opens the further scorers.
    ///
    /// # Errors
    /// When two have one name, or one cannot be opened; it is named.
    pub fn scorers(
        &self,
        model: &ModelOptions,
    ) -> Result<BTreeMap<String, Box<dyn StepScorer>>, Error> {
        let mut scorers: BTreeMap<String, Box<dyn StepScorer>> = BTreeMap::new();
        for Named { name, spec } in &self.named {
            let opened = spec
                .build_on(None, model.backend, model.engine())
                .map_err(|error| format!("--named {name}: {error}"))?;
            if scorers.insert(name.clone(), opened).is_some() {
                return Err(format!("--named {name}: two scorers have this name").into());
            }
        }
        Ok(scorers)
    }
}
