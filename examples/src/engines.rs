//! Who writes: a model in this program, one on servers, or the records of what one wrote, or texts from elsewhere; and,
//! by role, others beside it.
//!
//! `--model` takes a file or folder, an address (`http://host:port`), `records:FOLDER`, `given:FILE`, or a JSON file: the
//! settings of a [`RemoteConfig`], or engines by role, each a file, an address, such settings, or a file with settings of
//! its own ([`LocalConfig`]).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tts_core::{Generator, Prompt, Replay, Store};
use tts_models::remote::{Price, Remote, RemoteConfig};
use tts_models::{LanguageModel, ModelError, Tokenizer};
use tts_prm::critic::Speaker;

use crate::Error;
use crate::given::{GivenEngine, named};

/// The role that writes solutions.
pub const POLICY: &str = "policy";

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EngineSpec {
    /// A file or folder, an address, `records:FOLDER` or `given:FILE`.
    Named(String),
    /// Servers, with settings.
    Servers(Box<RemoteConfig>),
    /// A file or folder, with settings.
    Local(LocalConfig),
}

/// A model in this program, and what is its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalConfig {
    /// File or folder, as `--model` names them.
    pub path: String,
    /// Folder of a low-rank adapter.
    #[serde(default)]
    pub adapter: Option<PathBuf>,
    /// Most positions; 0 for as many as its files say.
    #[serde(default)]
    pub positions: usize,
    /// Variables of the chat template, `enable_thinking` say.
    #[serde(default)]
    pub template: BTreeMap<String, serde_json::Value>,
}

/// The name of a model by that of its files: of its folder, which may have dots, or of its file, without the ending.
///
/// ```
/// use std::path::Path;
/// use tts_examples::engines::model_name;
/// assert_eq!(model_name(Path::new("models/Qwen2.5-1.5B-Instruct")), "Qwen2.5-1.5B-Instruct");
/// assert_eq!(model_name(Path::new("hf://Qwen/Qwen2.5-0.5B")), "Qwen2.5-0.5B");
/// assert_eq!(model_name(Path::new("qwen2.5-0.5b.Q4_0.gguf")), "qwen2.5-0.5b.Q4_0");
/// ```
pub fn model_name(path: &Path) -> String {
    let of_folder = OF_FOLDER.iter().any(|name| path.ends_with(name));
    let named = path.parent().filter(|_| of_folder).unwrap_or(path);
    // The folder where one is, and `..`, have no name of their own.
    let here = if named.as_os_str().is_empty() { Path::new(".") } else { named };
    let whole = if here.file_name().is_none() { here.canonicalize().ok() } else { None };
    let named = whole.as_deref().unwrap_or(named);
    let ending = named.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let known = ["gguf", "safetensors", "json"].contains(&ending.to_lowercase().as_str());
    let name = if known && !named.is_dir() { named.file_stem() } else { named.file_name() };
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// Files of a folder that stand for its model.
const OF_FOLDER: [&str; 2] = ["config.json", "model.safetensors.index.json"];

impl EngineSpec {
    /// Engines by role of what `--model` says; without a JSON of roles, the policy alone.
    ///
    /// # Errors
    /// When a JSON file cannot be read, is neither, or has no policy.
    pub fn read(model: &Path) -> Result<BTreeMap<String, Self>, Error> {
        let alone = |spec| Ok(BTreeMap::from([(POLICY.to_owned(), spec)]));
        if let Some(config) = RemoteConfig::named(model)? {
            return alone(Self::Servers(Box::new(config)));
        }
        let given = model.to_str().and_then(named).is_some();
        let is_json = !given && model.extension().is_some_and(|ending| ending == "json");
        if !is_json || OF_FOLDER.iter().any(|name| model.ends_with(name)) {
            return alone(Self::Named(model.display().to_string()));
        }
        let bad = |problem: String| format!("{}: {problem}", model.display());
        let bytes = std::fs::read(model).map_err(|error| bad(error.to_string()))?;
        let json: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
        let engines: BTreeMap<String, serde_json::Value> = serde_json::from_value(json)
            .map_err(|error| bad(format!("engines by role: {error}")))?;
        let engines = engines.into_iter().map(|(role, value)| {
            // Read as what it is, so that a mistyped field is named.
            let spec = match value {
                serde_json::Value::String(name) => Ok(Self::Named(name)),
                other if other.get("path").is_some() => {
                    serde_json::from_value(other).map(Self::Local)
                }
                other => serde_json::from_value(other).map(Self::Servers),
            };
            let spec = spec.map_err(|error| bad(format!("role {role:?}: {error}")))?;
            Ok((role, spec))
        });
        let engines: BTreeMap<String, Self> = engines.collect::<Result<_, String>>()?;
        if !engines.contains_key(POLICY) {
            return Err(bad(format!("no engine for the role {POLICY:?}")).into());
        }
        Ok(engines)
    }

    /// The address or settings of servers; `None` for what is opened here.
    ///
    /// # Errors
    /// When settings cannot be read.
    pub fn servers(&self) -> Result<Option<RemoteConfig>, Error> {
        match self {
            Self::Named(name) => Ok(RemoteConfig::named(name.as_ref())?),
            Self::Servers(config) => Ok(Some((**config).clone())),
            Self::Local(_) => Ok(None),
        }
    }
}

/// A model, wherever it runs.
pub enum Engine {
    /// In this program.
    Local(PathBuf, Box<dyn LanguageModel>),
    /// On servers.
    Remote(Box<Remote>),
    /// Nobody: what was written before is read from the records of an evaluation's folder.
    Recorded(PathBuf, Box<Replay>),
    /// Nobody: what was written elsewhere is read from a file.
    Given(Box<GivenEngine>),
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Engine {
    /// What writes.
    pub fn generator(&self) -> &dyn Generator {
        match self {
            Self::Local(_, model) => model,
            Self::Remote(remote) => &**remote,
            Self::Recorded(_, replay) => &**replay,
            Self::Given(given) => given.texts(),
        }
    }

    /// The model, if it runs here.
    pub fn local(&self) -> Option<&dyn LanguageModel> {
        match self {
            Self::Local(_, model) => Some(&**model),
            Self::Remote(_) | Self::Recorded(..) | Self::Given(_) => None,
        }
    }

    /// The model as one that tells log-probabilities of given words; records tell none.
    pub fn speaker(&self) -> Option<Speaker<'_>> {
        match self {
            Self::Local(_, model) => Some(Speaker::Here(&**model)),
            Self::Remote(remote) => Some(Speaker::Served(remote)),
            Self::Recorded(..) | Self::Given(_) => None,
        }
    }

    /// The model, for what only one in this program can do.
    ///
    /// # Errors
    /// When it runs on servers, or is read from records or a pool.
    pub fn only_local(&self, what: &str) -> Result<&dyn LanguageModel, Error> {
        let where_else = match self {
            Self::Recorded(..) => "records",
            Self::Given(_) => "given texts",
            _ => "one on a server",
        };
        self.local()
            .ok_or_else(|| format!("{what} needs a model in this program, not {where_else}").into())
    }

    /// Text to tokens and back; records have none.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        match self {
            Self::Local(_, model) => Some(model.tokenizer()),
            Self::Remote(remote) => Some(remote.tokenizer()),
            Self::Recorded(..) => None,
            Self::Given(given) => given.tokenizer(),
        }
    }

    /// Whether the model's log-probabilities come with what it writes.
    pub fn tells_logprobs(&self) -> bool {
        match self {
            Self::Local(..) | Self::Recorded(..) => true,
            Self::Remote(remote) => remote.tells_logprobs(),
            Self::Given(_) => false,
        }
    }

    /// What a reader should know of how a chat is written for it, in a line.
    pub fn told_of_chat(&self, prompt: &Prompt) -> Option<&'static str> {
        let Self::Local(_, model) = self else { return None };
        (matches!(prompt, Prompt::Chat(_)) && !model.has_chat_template()).then_some(
            "the model has no template: a question is asked with a blank line behind it; --raw asks as it stands",
        )
    }

    /// What it is, in a line.
    pub fn describe(&self) -> String {
        match self {
            Self::Local(path, model) => {
                let shape = model.model_config();
                let experts = shape.switches.experts.map_or(String::new(), |experts| {
                    format!(" a token, {} of {} experts", experts.used, experts.count)
                });
                format!(
                    "{} ({}, {} layers, {:.0}M parameters{experts})",
                    path.display(),
                    shape.architecture,
                    shape.num_hidden_layers,
                    shape.active_parameters() as f64 / 1e6,
                )
            }
            Self::Remote(remote) => {
                let (facts, servers) = (remote.facts(), remote.config().servers.join(", "));
                format!("{} by {} {} at {servers}", facts.name(), facts.kind, facts.version)
            }
            Self::Recorded(path, replay) => {
                let by = replay.identity().map_or(String::new(), |model| format!(" of {model}"));
                format!("{} lines{by} in the records of {}", replay.len(), path.display())
            }
            Self::Given(given) => given.describe(),
        }
    }

    /// What was seen when a server was tried out.
    pub fn tried(&self) -> Option<String> {
        match self {
            Self::Local(..) | Self::Recorded(..) | Self::Given(_) => None,
            Self::Remote(remote) => remote.self_test().map(ToString::to_string),
        }
    }

    /// What its lines depend on besides the request. Where nobody can tell, as of servers that draw without seeds, what
    /// it is called and where it is: lines do not come again, but those of another model are told apart.
    pub fn identity(&self) -> String {
        let known = self.generator().identity();
        known.unwrap_or_else(|| format!("not repeatable: {}", self.describe()))
    }

    /// What its tokens cost, where servers state prices.
    pub fn price(&self) -> Option<tts_core::Price> {
        let Self::Remote(remote) = self else { return None };
        let Price { prompt, generated, .. } = remote.config().price;
        let price = tts_core::Price { read: prompt, generated, ..tts_core::Price::default() };
        (price != tts_core::Price::default()).then_some(price)
    }

    /// What servers were asked for, in a line.
    pub fn used(&self) -> Option<String> {
        let Self::Remote(remote) = self else { return None };
        let usage = remote.usage();
        let money = match usage.money {
            money if money > 0.0 => format!(", {money:.4} in money"),
            _ => String::new(),
        };
        Some(format!(
            "{} calls, {} made again, {} failed; {} prompt tokens, {} of them cached, {} generated, {} of \
             them dropped{money}",
            usage.calls,
            usage.repeated,
            usage.failed,
            usage.prompt_tokens,
            usage.cached_tokens,
            usage.generated_tokens,
            usage.dropped_tokens
        ))
    }

    /// Token ids of a prompt.
    ///
    /// # Errors
    /// When the template refuses the chat or the text cannot be encoded, and for records and given texts.
    pub fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError> {
        let (path, what) = match self {
            Self::Local(_, model) => return model.encode(prompt),
            Self::Remote(remote) => return remote.prompt_tokens(prompt),
            Self::Recorded(path, _) => (path.clone(), "use of records: they hold none"),
            Self::Given(given) => (given.path().into(), "prompt of given texts: nobody reads it"),
        };
        Err(ModelError::Unsupported { path, field: "tokenizer".into(), what: what.into() })
    }

    /// Tokens of a prompt and what follows, at most; of records as many as they hold.
    pub fn positions(&self) -> usize {
        match self {
            Self::Local(_, model) => model.positions(),
            Self::Remote(remote) => remote.positions(),
            Self::Recorded(..) | Self::Given(_) => usize::MAX,
        }
    }

    /// The tokens that end a solution, by name.
    pub fn endings(&self) -> String {
        let ends = match self {
            Self::Local(_, model) => model.end_tokens(),
            Self::Remote(remote) => remote.end_tokens(),
            Self::Recorded(..) => return "what ended the recorded lines".to_owned(),
            Self::Given(_) => return "what ended the given texts, and --stop".to_owned(),
        };
        let name = |&id: &u32| match self.tokenizer().and_then(|tokenizer| tokenizer.name(id)) {
            Some(name) => format!("{name} ({id})"),
            None => format!("token {id}"),
        };
        let names: Vec<String> = ends.iter().map(name).collect();
        if names.is_empty() {
            return "no token of this model: solutions end by --stop or at --max-tokens".to_owned();
        }
        names.join(", ")
    }
}

/// The policy, and engines for other roles.
#[derive(Debug)]
pub struct Engines {
    /// Writes solutions.
    pub policy: Engine,
    /// The others, by role.
    pub others: BTreeMap<String, Engine>,
    /// Where lines and judgements are kept ([`crate::remembering`]).
    pub store: Option<Store>,
}

impl Engines {
    /// Opens what [`EngineSpec::read`] found, each by `open`, which is given its role.
    ///
    /// # Errors
    /// That of the first that cannot be opened.
    pub fn open(
        specs: BTreeMap<String, EngineSpec>,
        open: impl Fn(&str, &EngineSpec) -> Result<Engine, Error>,
    ) -> Result<Self, Error> {
        let mut engines = BTreeMap::new();
        for (role, spec) in specs {
            let engine = open(&role, &spec)?;
            engines.insert(role, engine);
        }
        let policy = engines.remove(POLICY).ok_or("no engine for the role \"policy\"")?;
        Ok(Self { policy, others: engines, store: None })
    }

    /// The one that plays a role, [`POLICY`] or another.
    pub fn role(&self, role: &str) -> Option<&Engine> {
        if role == POLICY { Some(&self.policy) } else { self.others.get(role) }
    }

    /// The same search, in which all but the policy play their roles.
    pub fn put_others<'a>(&'a self, search: tts_core::Search<'a>) -> tts_core::Search<'a> {
        let others = self.others.iter();
        others.fold(search, |search, (role, engine)| search.role(role, self.stored(engine)))
    }

    /// All of them, the policy first.
    pub fn all(&self) -> impl Iterator<Item = &Engine> {
        std::iter::once(&self.policy).chain(self.others.values())
    }

    /// What tokens of those cost who state prices, by role; the policy has no name.
    pub fn prices(&self) -> Vec<(&str, tts_core::Price)> {
        let others = self.others.iter().map(|(role, engine)| (role.as_str(), engine));
        let all = std::iter::once(("", &self.policy)).chain(others);
        all.filter_map(|(role, engine)| Some((role, engine.price()?))).collect()
    }

    /// What servers were asked for: a line for the policy, and one for each other role, with its name.
    pub fn used(&self) -> Vec<String> {
        let others = self
            .others
            .iter()
            .filter_map(|(role, engine)| engine.used().map(|used| format!("{role}: {used}")));
        self.policy.used().into_iter().chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_as_its_files_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let dotted = folder.path().join("Llama-3.1-8B.gguf");
        std::fs::create_dir(&dotted).expect("made");
        assert_eq!(model_name(&dotted), "Llama-3.1-8B.gguf");
        assert_eq!(
            model_name(&dotted.join("../Llama-3.1-8B.gguf/config.json")),
            "Llama-3.1-8B.gguf"
        );
        for (path, name) in [
            ("models/Llama-3.1-8B", "Llama-3.1-8B"),
            ("models/Qwen2.5-0.5B/", "Qwen2.5-0.5B"),
            ("a/Llama-3.1-8B/model.safetensors.index.json", "Llama-3.1-8B"),
            ("model.GGUF", "model"),
            ("hf://a/Qwen2.5-0.5B/qwen2.5-q4_0.gguf", "qwen2.5-q4_0"),
            ("roles.json", "roles"),
        ] {
            assert_eq!(model_name(Path::new(path)), name, "{path}");
        }
        assert!(!model_name(Path::new(".")).is_empty());
        assert_eq!(model_name(Path::new("config.json")), model_name(Path::new(".")));
    }

    #[test]
    fn models_addresses_and_roles_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            EngineSpec::read(&path)
        };
        let policy = |specs: BTreeMap<String, EngineSpec>| specs[POLICY].clone();
        let file = EngineSpec::read(Path::new("models/x.gguf")).expect("a name");
        assert_eq!(policy(file).servers().expect("a name"), None);
        let address = EngineSpec::read(Path::new("http://127.0.0.1:8080")).expect("a name");
        assert_eq!(
            policy(address).servers().expect("a name"),
            Some(RemoteConfig::server("http://127.0.0.1:8080"))
        );
        let servers =
            read("servers.json", r#"{"servers": ["http://a:1", "http://b:1"], "lines": 3}"#);
        let servers =
            policy(servers.expect("settings")).servers().expect("settings").expect("servers");
        assert_eq!((servers.servers.len(), servers.lines), (2, 3));
        let roles =
            read("roles.json", r#"{"policy": "m.gguf", "critic": {"servers": ["http://a:1"]}}"#);
        let roles = roles.expect("two roles");
        assert_eq!(roles["policy"], EngineSpec::Named("m.gguf".into()));
        assert!(roles["critic"].servers().expect("settings").is_some());
        let own = read(
            "own.json",
            r#"{"policy": "m.gguf", "judge": {"path": "m", "adapter": "a", "template": {"think": false}}}"#,
        );
        let own = own.expect("a model of its own");
        assert!(own["judge"].servers().expect("a file").is_none());
        let EngineSpec::Local(judge) = &own["judge"] else { panic!("{own:?}") };
        assert_eq!((judge.path.as_str(), judge.positions, judge.template.len()), ("m", 0, 1));
        let folder_of_model = EngineSpec::read(Path::new("model/config.json")).expect("a model");
        assert_eq!(policy(folder_of_model).servers().expect("a name"), None);
        for (text, expected) in [
            (r#"{"critic": "m.gguf"}"#, "no engine for the role \"policy\""),
            (r#"{"policy": {"server": []}}"#, "role \"policy\": unknown field `server`"),
            (r#"{"policy": {"path": "m", "adaptor": "a"}}"#, "unknown field `adaptor`"),
            (r#"{"policy": {"path": "m", "servers": []}}"#, "unknown field `servers`"),
            (r#"{"servers": [], "line": 1}"#, "unknown field `line`"),
            (r#"["m.gguf"]"#, "engines by role"),
            (r#"{"servers": "#, "EOF"),
        ] {
            let error = read("bad.json", text).expect_err(text).to_string();
            assert!(error.contains(expected) && error.contains("bad.json"), "{error}");
        }
    }
}
