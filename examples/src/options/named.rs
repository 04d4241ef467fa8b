//! Scorers with names, for strategies and judges that ask for one: `--named NAME=SCORER`.
//!
//! A meta-judge of votes (`"meta": {"scorer": "NAME", ...}`), a decision by the words' own probabilities (`"by": {"scorer":
//! "NAME"}`) and a head behind a critique (`"head": {"scorer": "NAME", ...}`) are such scorers. Each is one of those that
//! `--scorer` takes.
//!
//! Source: none.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use clap::Args;
use tts_core::{Requirements, Search, StepScorer};
use tts_prm::ScorerSpec;
use tts_prm::critic::WordConfig;

use super::ModelOptions;
use crate::Error;
use crate::engines::{Engine, Engines};

/// A scorer and its name, `NAME=SCORER`.
///
/// ```
/// use tts_examples::options::Named;
/// let named: Named = "meta=orm:runs/meta".parse()?;
/// assert_eq!((named.name.as_str(), named.spec.to_string().as_str()), ("meta", "orm:runs/meta"));
/// assert_eq!(named.to_string(), "meta=orm:runs/meta");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What a strategy or a judge calls it.
    pub name: String,
    /// Which it is.
    pub spec: ScorerSpec,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, spec)) if !name.trim().is_empty() => {
                let spec = spec.parse().map_err(|error: tts_prm::PrmError| error.to_string())?;
                Ok(Self { name: name.to_owned(), spec })
            }
            _ => Err(format!("{text:?}: expected NAME=SCORER, such as meta=orm:PATH")),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.spec)
    }
}

/// Scorers with names.
#[derive(Debug, Clone, Default, Args)]
pub struct NamedOptions {
    /// A further scorer by name, such as meta=orm:PATH or yes=word:FILE.json: the scorer of a judge's judgements, decision or
    /// critiques; may be given several times.
    #[arg(long = "named", value_name = "NAME=SCORER")]
    pub named: Vec<Named>,
}

impl NamedOptions {
    /// The scorers as the command line says them.
    pub fn told(&self) -> BTreeMap<String, String> {
        self.named.iter().map(|named| (named.name.clone(), named.spec.to_string())).collect()
    }

    /// Refuses options of models in this program, where neither the engines nor these scorers can have one.
    ///
    /// # Errors
    /// As [`ModelOptions::refuse_idle`].
    pub fn refuse_idle(&self, model: &ModelOptions, engines: &Engines) -> Result<(), Error> {
        if self.named.iter().any(|named| may_run_here(&named.spec)) {
            return Ok(());
        }
        model.refuse_idle(engines)
    }

    /// Opens them.
    ///
    /// # Errors
    /// When two have one name, or one cannot be opened; it is named.
    pub fn open<'m>(
        &self,
        model: &ModelOptions,
        engines: &'m Engines,
    ) -> Result<NamedScorers<'m>, Error> {
        let mut scorers = BTreeMap::new();
        for Named { name, spec } in &self.named {
            let opened = model
                .scorer_among(spec, &engines.policy, |role| engines.role(role))
                .map_err(|error| format!("--named {name}: {error}"))?;
            if scorers.insert(name.clone(), engines.judging(spec, opened)?).is_some() {
                return Err(format!("--named {name}: two scorers have this name").into());
            }
        }
        Ok(NamedScorers(scorers))
    }
}

/// Scorers by their names, as they run.
#[derive(Default)]
pub struct NamedScorers<'m>(BTreeMap<String, Box<dyn StepScorer + 'm>>);

impl fmt::Debug for NamedScorers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<'m> IntoIterator for NamedScorers<'m> {
    type Item = (String, Box<dyn StepScorer + 'm>);
    type IntoIter = std::collections::btree_map::IntoIter<String, Box<dyn StepScorer + 'm>>;

    /// Each with its name.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl NamedScorers<'_> {
    /// The same search, with them.
    pub fn put<'a>(&'a self, search: Search<'a>) -> Search<'a> {
        self.0.iter().fold(search, |search, (name, scorer)| {
            let scorer: &'a dyn StepScorer = &**scorer;
            search.scorer_named(name, scorer)
        })
    }

    /// What each is, where it says so, else what it is called on the command line.
    pub fn identities(&self, told: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (name, scorer) in &self.0 {
            let known = scorer.identity().or_else(|| told.get(name).cloned());
            all.insert(name.clone(), known.unwrap_or_default());
        }
        all
    }
}

impl NamedOptions {
    /// Refuses what asks for a scorer of a name that none has, and a scorer that nothing asks for, before anything is opened.
    ///
    /// # Errors
    /// A sentence that names it, and the option that gives it one.
    pub fn satisfy(&self, needs: &Requirements) -> Result<(), Error> {
        satisfy(&self.told(), needs)
    }
}

/// Refuses what asks for a scorer of a name that none of these has, and one of these that nothing asks for.
pub(super) fn satisfy(told: &BTreeMap<String, String>, needs: &Requirements) -> Result<(), Error> {
    if let Some(missing) = needs.scorers.iter().find(|name| !told.contains_key(*name)) {
        let problem = format!("give it one by --named {missing}=SCORER");
        return Err(format!("no scorer has the name {missing:?}: {problem}").into());
    }
    match told.iter().find(|(name, _)| !needs.scorers.contains(name)) {
        Some((name, spec)) => {
            Err(format!("--named {name}={spec}: nothing asks for a scorer of this name").into())
        }
        None => Ok(()),
    }
}

/// The scorers of a search.
#[derive(Default)]
pub struct Scorers<'m> {
    /// The one that leads it.
    pub leading: Option<Box<dyn StepScorer + 'm>>,
    /// Further ones.
    pub named: NamedScorers<'m>,
}

impl fmt::Debug for Scorers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leads = self.leading.is_some();
        f.debug_struct("Scorers").field("leads", &leads).field("named", &self.named).finish()
    }
}

/// Whether a scorer may have a model of its own in this program, which options of such models are of then.
pub(super) fn may_run_here(spec: &ScorerSpec) -> bool {
    matches!(spec, ScorerSpec::Process(_) | ScorerSpec::Outcome(_) | ScorerSpec::NextWord(_))
}

impl ModelOptions {
    /// Makes a scorer for a policy, and engines of other roles: one by the next word may be of any of them.
    pub(super) fn scorer_among<'m>(
        &self,
        spec: &ScorerSpec,
        policy: &'m Engine,
        role: impl Fn(&str) -> Option<&'m Engine>,
    ) -> Result<Box<dyn StepScorer + 'm>, Error> {
        let ScorerSpec::NextWord(path) = spec else {
            return Ok(spec.build_on(policy.local(), self.backend, self.engine())?);
        };
        let speaker = |name: &str| role(name).and_then(Engine::speaker);
        Ok(WordConfig::open(path, speaker, self.backend, self.engine())?)
    }
}

#[cfg(test)]
mod tests {
    use tts_models::EngineConfig;

    use super::*;

    #[test]
    fn what_is_no_name_and_scorer_is_refused() {
        for (text, expected) in [
            ("meta", "expected NAME=SCORER"),
            ("=rule", "expected NAME=SCORER"),
            (" =rule", "expected NAME=SCORER"),
            ("meta=", "is not a scorer"),
            ("meta=oracle:x", "word:FILE"),
        ] {
            let error = text.parse::<Named>().expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
        // On the first sign: a path may have others.
        let named: Named = "a=prm:x=y".parse().expect("a scorer");
        assert_eq!((named.name.as_str(), named.spec), ("a", ScorerSpec::Process("x=y".into())));
    }

    /// What a file says scores as the probabilities of its words do.
    #[test]
    fn a_word_of_a_file_is_worth_what_the_model_gives_it() {
        use std::sync::Arc;
        use tts_core::{Given, Prompt, Step, Trajectory};
        let engine = EngineConfig { threads: 1, ..EngineConfig::default() };
        let model = tts_prm::pair::generator(engine).expect("it comes with the project");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("seven.json");
        let words = r#"{"decision": {"cue": "=\n", "words": [["7", 1], ["8", 0]]}}"#;
        std::fs::write(&path, words).expect("written");
        let encode = |text: &str| model.tokenizer().encode(text, false).expect("tokens");
        let prompt = Prompt::text("3+4\n");
        let context =
            [model.encode(&prompt).expect("tokens"), encode("=7"), encode("=\n")].concat();
        let given = |word: &str| Given { context: context.clone(), tokens: encode(word) };
        let told = model.logprobs(&[given("7"), given("8")]).expect("log-probabilities");
        let [seven, eight] = [0, 1].map(|place: usize| f64::from(told[place][0]).exp());
        let policy = Engine::Local("embedded".into(), model);
        let engines = Engines { policy, others: BTreeMap::new(), store: None };
        let options = ["test", "--model", "embedded", "--threads", "1"];
        let options = <One as clap::Parser>::parse_from(options).model;
        let named = format!("yes=word:{}", path.display());
        let named = NamedOptions { named: vec![named.parse().expect("a scorer")] };
        let scorers = named.open(&options, &engines).expect("opened");
        let tokenizer = engines.policy.tokenizer().expect("a model");
        let tokens = tokenizer.encode("=7", false).expect("tokens");
        let step = Arc::new(Step { text: "=7".into(), tokens, ..Step::default() });
        let path = Trajectory::new(Arc::new(prompt), vec![step], 1, true);
        let scored = scorers.0["yes"].score(&[path]).expect("scored");
        let expected = seven / (seven + eight);
        assert!((scored[0].scores[0] - expected).abs() < 1e-6, "{scored:?} {expected}");
        // Twice the same name is a slip of the pen.
        let twice = NamedOptions {
            named: ["a=rule", "a=logprob"].map(|text| text.parse().expect("one")).into(),
        };
        let error = twice.open(&options, &engines).expect_err("twice").to_string();
        assert!(error.contains("--named a: two scorers"), "{error}");
    }

    #[derive(Debug, clap::Parser)]
    struct One {
        #[command(flatten)]
        model: ModelOptions,
    }

    #[test]
    fn a_name_that_is_asked_for_is_given_by_an_option() {
        let needs = Requirements { scorers: vec!["meta".into()], ..Requirements::default() };
        let error = NamedOptions::default().satisfy(&needs).expect_err("nobody").to_string();
        assert!(error.contains("--named meta=SCORER"), "{error}");
        let given = NamedOptions { named: vec!["meta=rule".parse().expect("a scorer")] };
        assert!(given.satisfy(&needs).is_ok());
        let error = given.satisfy(&Requirements::default()).expect_err("idle").to_string();
        assert_eq!(error, "--named meta=rule: nothing asks for a scorer of this name");
        let scorer: Box<dyn StepScorer> = Box::new(tts_prm::Arithmetic);
        let named = NamedScorers([("meta".to_owned(), scorer)].into());
        let called = named.identities(&[("meta".to_owned(), "rule".to_owned())].into());
        assert_eq!(called.len(), 1, "{called:?}");
        let world = tts_core::toy::ToyWorld::default();
        let search = named.put(Search::new(world));
        assert!(search.settings().scorers.contains_key("meta"));
    }
}
