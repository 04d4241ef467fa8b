//! From addresses to an engine: ask, find the text side, compare tokens, try out.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tts_core::{Message, Prompt, Role};

use super::cold::Marks;
use super::dialect::{Dialect, tokens};
use super::facts::{self, Facts};
use super::http::Http;
use super::ledger::Ledger;
use super::runtime::Runtime;
use super::server::Speech;
use super::server::{Server, Servers};
use super::{
    Calls, Logprobs, Remote, RemoteConfig, RemoteError, SelfTest, ServerKind, self_test, text,
};
use crate::TextSide;
use crate::text::template::TemplateArgument;
use crate::weights::config::named_ends;
use crate::write::Encoder;

/// Lines in flight on a server without slots.
const LINES: usize = 64;

/// In place of a text side: each byte is a token.
const BYTES: &str = "bytes";

/// Texts whose tokens are compared: spaces, digits, line breaks, other scripts, characters of several tokens.
const TEXTS: [&str; 3] = [
    "Step 1: 17 * 24 = 408.\n\nSo  the answer\tis 408, i.e. 4.08e2.\r\n",
    " Größe, naïve, 北京, Москва, 😀👩‍👩‍👧 and \u{1d465}\u{b2}",
    "def f(x):\n    return {'a': [x**2, -1]}  # <b>",
];

pub(super) fn open(config: RemoteConfig) -> Result<Remote, RemoteError> {
    let (servers, words, runtime) = connect(config)?;
    let tested = if servers.config.self_test {
        let (servers, words) = (Arc::clone(&servers), Arc::clone(&words));
        runtime.wait(async move {
            match &servers.speech {
                Speech::Ids(_) => self_test::run(&servers, &words).await.map(Some),
                Speech::Text(interface) => text::trial(&servers, interface).await,
            }
        })??
    } else {
        None
    };
    let seeded = seeded(&servers, tested.as_ref())?;
    let identity = seeded.then(|| identity(&servers, &words)).flatten();
    Ok(Remote { servers, words, self_test: tested, identity, runtime })
}

/// Servers that answer and are one model, and its text side.
pub(super) fn connect(
    config: RemoteConfig,
) -> Result<(Arc<Servers>, Arc<Encoder>, Runtime), RemoteError> {
    config.check()?;
    if config.kind != ServerKind::Auto {
        // What cannot be is said before anybody is asked.
        facts::speech(config.kind, &config)?;
    }
    let runtime = Runtime::new()?;
    let client = Http::client(&config)?;
    let https = config.servers.iter().map(|address| Http::new(client.clone(), address));
    let https: Vec<Http> = https.collect();
    let mut all = Vec::with_capacity(https.len());
    for http in https {
        let (asked, settings) = (http.clone(), config.clone());
        let facts = runtime.wait(async move { facts::ask(&asked, &settings).await })??;
        same_model(&all, &facts, http.base())?;
        let apart = match facts::speech(facts.kind, &config)? {
            Speech::Ids(dialect) => dialect.has_slots(),
            Speech::Text(_) => false,
        };
        let lines = match (config.lines, facts.slots) {
            (0, slots) => slots.unwrap_or(LINES),
            (lines, Some(slots)) if apart => lines.min(slots),
            (lines, _) => lines,
        };
        all.push(Server::new(http, facts, lines, apart));
    }
    let Some(first) = all.first() else {
        return Err(RemoteError::config("servers", "none, expected at least one address"));
    };
    if let Some(server) = all.iter().find(|server| !server.facts.seeded)
        && !config.unseeded
    {
        let what =
            "it does not draw by seeds: start it with --enable-deterministic-inference, or set \
                    unseeded, and nothing can be repeated or resumed"
                .to_owned();
        return Err(RemoteError::Unsupported { url: server.http.base().to_owned(), what });
    }
    let speech = facts::speech(first.facts.kind, &config)?;
    match &speech {
        Speech::Text(_) => refuse_of_ids(&config)?,
        Speech::Ids(dialect) if !config.cache => {
            let refuse = |why| RemoteError::config("cache", format!("false, but {why}"));
            dialect.check_cold().map_err(refuse)?;
        }
        Speech::Ids(_) => {}
    }
    let words = Arc::new(words(first, &config)?);
    let (ledger, marks) = (Ledger::default(), Marks::new());
    let servers = Arc::new(Servers { all, speech, config, ledger, marks });
    for server in 0..servers.all.len() {
        let (servers, words) = (Arc::clone(&servers), Arc::clone(&words));
        runtime.wait(async move {
            match &servers.speech {
                Speech::Ids(dialect) => {
                    same_tokens(&servers.all[server], &**dialect, &servers.config, &words).await
                }
                Speech::Text(_) => Ok(()),
            }
        })??;
    }
    Ok((servers, words, runtime))
}

/// Refuses settings that mean nothing where text is sent.
fn refuse_of_ids(config: &RemoteConfig) -> Result<(), RemoteError> {
    let refuse = |field: &str, problem: &str| Err(RemoteError::config(field, problem));
    if config.calls == Some(Calls::Steps) {
        return refuse("calls", "steps, but a server of text is asked for lines");
    }
    if config.logprobs.is_some_and(|logprobs| logprobs != Logprobs::Off) {
        return refuse("logprobs", "a server of text gives none of the model's");
    }
    if !config.cache {
        return refuse("cache", "false, but a server of text cannot be told so");
    }
    Ok(())
}

/// Whether lines can be had again by their seeds. Servers of text promise nothing: what they showed counts.
fn seeded(servers: &Servers, tested: Option<&SelfTest>) -> Result<bool, RemoteError> {
    if let Speech::Ids(_) = servers.speech {
        return Ok(servers.all.iter().all(|server| server.facts.seeded));
    }
    let shown = tested.is_some_and(|test| test.repeats && test.seeds_count);
    if shown || servers.config.unseeded {
        return Ok(shown);
    }
    let what = match tested {
        Some(test) => format!("it does not draw by seeds ({test})"),
        None if servers.config.self_test => format!(
            "it wrote nothing within {} tokens, so that whether it draws by seeds could not be tried",
            self_test::MOST_TOKENS
        ),
        None => "whether it draws by seeds was not tried".to_owned(),
    };
    let what = format!("{what}: set unseeded, and nothing can be repeated or resumed");
    Err(RemoteError::Unsupported { url: servers.all[0].http.base().to_owned(), what })
}

/// Servers that share problems must be one model.
fn same_model(all: &[Server], facts: &Facts, base: &str) -> Result<(), RemoteError> {
    let Some(first) = all.first() else { return Ok(()) };
    let differ = |what: &str, here: &str, there: &str| {
        let problem = format!("{what} {here}, but {} has {there}", first.http.base());
        Err(RemoteError::Mismatch { url: base.to_owned(), problem })
    };
    if facts.kind != first.facts.kind || facts.version != first.facts.version {
        let name = |facts: &Facts| format!("{} {}", facts.kind, facts.version);
        return differ("it is", &name(facts), &name(&first.facts));
    }
    if facts.name() != first.facts.name() {
        return differ("it serves", facts.name(), first.facts.name());
    }
    Ok(())
}

/// The text side: what was named, or the server's own files where they are on this machine.
fn words(server: &Server, config: &RemoteConfig) -> Result<Encoder, RemoteError> {
    let text_only = server.facts.kind.takes_text();
    if text_only && config.text.as_deref() == Some(Path::new(BYTES)) {
        let tokenizer = Arc::new(crate::Tokenizer::bytes()?);
        let ends = tokenizer.ends_named(&[]);
        return Ok(Encoder::new(TextSide { tokenizer, template: None }, ends));
    }
    let own = server.facts.files.as_deref().map(Path::new).filter(|path| path.exists());
    let Some(path) = config.text.as_deref().or(own) else {
        if text_only {
            let problem = "none: name the folder of any tokenizer.json, whose tokens are then counted \
                           and limited, or `bytes` for bytes in their stead";
            return Err(RemoteError::config("text", problem));
        }
        let files = server.facts.files.as_deref().unwrap_or(&server.facts.model);
        let problem = format!(
            "none, and {files}, which {} serves, is not on this machine: name a folder with the \
             tokenizer.json and tokenizer_config.json of that model, or its GGUF file",
            server.http.base()
        );
        return Err(RemoteError::config("text", problem));
    };
    let text = TextSide::read(path)?;
    let named = if path.is_dir() { named_ends(&path.into())? } else { Vec::new() };
    let ends = text.tokenizer.ends_named(&named);
    let mut words = Encoder::new(text, ends);
    for (name, value) in &config.template {
        let argument = TemplateArgument::new(name, value.clone())
            .map_err(|problem| RemoteError::config("template", problem))?;
        words.set_argument(&argument)?;
    }
    Ok(words)
}

/// Refuses a server that has other tokens than the text side here.
async fn same_tokens(
    server: &Server,
    dialect: &dyn Dialect,
    config: &RemoteConfig,
    words: &Encoder,
) -> Result<(), RemoteError> {
    let http = &server.http;
    let differ = |what: &str, here: &[u32], there: &[u32]| {
        let place = here.iter().zip(there).take_while(|(a, b)| a == b).count();
        let name = |ids: &[u32]| match ids.get(place) {
            Some(&id) => {
                let name = words.text().tokenizer.name(id).unwrap_or_default();
                format!("{id} ({name})")
            }
            None => "its end".to_owned(),
        };
        let problem = format!(
            "{what} has other tokens there: token {place} is {}, here {}; the text side belongs to \
             another model",
            name(there),
            name(here)
        );
        Err(RemoteError::Mismatch { url: http.base().to_owned(), problem })
    };
    for text in TEXTS {
        // Small vocabularies cannot express them all.
        let Ok(here) = words.text().tokenizer.encode(text, true) else { continue };
        let (path, body) = dialect.tokenize(&server.facts, text, false);
        let there = read(http, path, &http.post(path, &body).await?)?;
        if here != there {
            return differ(&format!("{text:?}"), &here, &there);
        }
    }
    if words.text().template.is_none() {
        return Ok(());
    }
    let chat = [
        Message { role: Role::User, content: "What is 2 + 2?".into() },
        Message { role: Role::Assistant, content: "4.\n\nDone.".into() },
        Message { role: Role::User, content: "And 3 + 3?".into() },
    ];
    let arguments = Value::Object(config.template.clone().into_iter().collect());
    let (path, body) = dialect.render(&server.facts, &chat, &arguments);
    let answer = http.post(path, &body).await?;
    let there = match answer["prompt"].as_str() {
        None => read(http, path, &answer)?,
        Some(text) => {
            let (path, body) = dialect.tokenize(&server.facts, text, false);
            read(http, path, &http.post(path, &body).await?)?
        }
    };
    let here = words.prompt_tokens(&Prompt::Chat(chat.to_vec()))?;
    // Whether a rendered chat gets a start token is for whoever encodes it to say.
    let start = usize::from(here.len() == there.len() + 1 && here[1..] == there[..]);
    if here[start..] != there[..] {
        return differ("a chat", &here, &there);
    }
    Ok(())
}

/// Token ids, where servers put them.
fn read(http: &Http, path: &str, answer: &Value) -> Result<Vec<u32>, RemoteError> {
    tokens(&answer["tokens"], "tokens")
        .map_err(|problem| RemoteError::answer(http.url(path), problem))
}

/// What lines depend on: the server's own word, and how it is asked. Not where it is.
fn identity(servers: &Servers, words: &Encoder) -> Option<String> {
    let (facts, config) = (&servers.all.first()?.facts, &servers.config);
    // What it says of itself, within what was allowed.
    let allowed = if config.positions == 0 { usize::MAX } else { config.positions };
    let positions = facts.positions.saturating_add(facts.kept_back).min(allowed);
    let mut identity = format!(
        "remote {} {} {} positions {} vocabulary {:016x}",
        facts.kind,
        facts.version,
        facts.name(),
        positions,
        words.vocabulary()
    );
    for (said, yes) in [
        (" by-line", servers.calls() == Calls::Lines),
        (" cold", !config.cache),
        (" without-logprobs", !servers.wants_logprobs()),
    ] {
        if yes {
            identity.push_str(said);
        }
    }
    if let Speech::Text(interface) = &servers.speech {
        identity.push_str(&interface.identity());
    }
    Some(words.identity(identity))
}
