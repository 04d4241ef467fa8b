//! Texts that were sampled elsewhere in place of a model: `--model given:FILE[:FIELD]`.
//!
//! The file is a pool ([`TextPool`]): rows of questions with what was written for each. Whom the texts answer is known when
//! the problems are, so that a command opens its engines for its problems and its seed ([`ModelOptions::open_for`]); commands
//! that have none of the kind refuse a pool ([`ModelOptions::open`]). Tokens are bytes, or with `--tokenizer` those of a model,
//! which scorers of token ids need. A text is as long as it is, unless `--max-tokens` cuts it off. The prompt is charged as
//! those who read it do: in tokens by the template beside the tokenizer, else in bytes.
//!
//! Source: none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tts_core::{GivenTexts, Outcome, Prompt};
use tts_models::{ModelError, TextSide, Tokenizer};
use tts_search::evaluate::{Item, TextPool};

use crate::Error;
use crate::engines::{Engine, Engines};
use crate::options::{ModelOptions, Setup, WritingOptions};

/// The file of a pool, and its field behind a colon if it has one, where a model's name is that of a pool.
///
/// ```
/// use tts_examples::given::named;
/// assert_eq!(named("given:pool.jsonl:mine"), Some("pool.jsonl:mine"));
/// assert_eq!(named("model.gguf"), None);
/// ```
pub fn named(model: &str) -> Option<&str> {
    model.strip_prefix("given:")
}

/// Why a command cannot have a pool for a model.
pub(crate) fn elsewhere(name: &str) -> Error {
    format!(
        "given:{name}: texts of a pool answer the problems of `solve` and `evaluate`, in the place of `policy` or of another \
         role; this command asks a model of its own"
    )
    .into()
}

/// A pool in place of a model.
#[derive(Debug)]
pub struct GivenEngine {
    path: PathBuf,
    pool: TextPool,
    texts: GivenTexts,
    tokenizer: Option<Arc<Tokenizer>>,
}

impl GivenEngine {
    /// Reads the pool of a name, for problems as they are asked in a search of this seed.
    fn open(
        name: &str,
        tokenizer: Option<&Path>,
        (seed, problems): (u64, &[(&Item, Prompt)]),
    ) -> Result<Self, Error> {
        let (path, field) = place(name);
        let pool = TextPool::read(path, field)?;
        let mut texts =
            pool.texts(problems.iter().map(|(item, prompt)| (*item, prompt.clone())))?;
        let side = tokenizer.map(TextSide::read).transpose()?;
        let tokenizer = side.as_ref().map(|side| Arc::clone(&side.tokenizer));
        if let Some(side) = side {
            let (own, vocabulary) = (Arc::clone(&side.tokenizer), side.tokenizer.digest());
            texts = texts.encoded(move |text| Ok(own.encode(text, false)?), vocabulary);
            texts = texts.asked_in(move |prompt| Ok(length(&side, prompt)? as u64));
        }
        Ok(Self { path: path.to_owned(), pool, texts: texts.under(seed), tokenizer })
    }

    /// What writes.
    pub fn texts(&self) -> &GivenTexts {
        &self.texts
    }

    /// Text to tokens and back, if they are no bytes.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        self.tokenizer.as_deref()
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is, in a line.
    pub fn describe(&self) -> String {
        let tokens = if self.tokenizer.is_some() { "by --tokenizer" } else { "bytes" };
        format!("{}: {}; tokens are {tokens}", self.path.display(), self.pool.taken())
    }
}

/// Tokens of a prompt: by the template, or of all that is said in it where that refuses the chat, for nobody is asked here.
fn length(side: &TextSide, prompt: &Prompt) -> Result<usize, ModelError> {
    match (side.prompt_tokens(prompt), prompt) {
        (Err(_), Prompt::Chat(messages)) => messages
            .iter()
            .try_fold(0, |sum, said| Ok(sum + side.tokenizer.encode(&said.content, false)?.len())),
        (tokens, _) => Ok(tokens?.len()),
    }
}

/// The file of a name, and the field behind it: a file's own name may have colons.
fn place(name: &str) -> (&Path, Option<&str>) {
    let whole = Path::new(name);
    match name.rsplit_once(':') {
        Some((file, field)) if !whole.exists() && Path::new(file).exists() => {
            (Path::new(file), Some(field))
        }
        _ => (whole, None),
    }
}

impl ModelOptions {
    /// [`ModelOptions::open`] for problems that are known, each with its prompt, in a search of this seed: a pool of given
    /// texts is a model then.
    ///
    /// # Errors
    /// As [`ModelOptions::open`]; when a pool cannot be read, or has no row of a problem.
    pub fn open_for(&self, seed: u64, problems: &[(&Item, Prompt)]) -> Result<Engines, Error> {
        self.open_with(|own, name| {
            if own.adapter.is_some() || own.positions > 0 || !own.template_arg.is_empty() {
                return Err(
                    "--adapter, --positions and --template-arg are for models, not given texts"
                        .into(),
                );
            }
            let given = GivenEngine::open(name, own.tokenizer.as_deref(), (seed, problems))?;
            Ok(Engine::Given(Box::new(given)))
        })
    }
}

impl Setup {
    /// Lets solutions be as long as the longest of given texts, where those are the policy and no length is asked for.
    ///
    /// # Errors
    /// When a text cannot be encoded.
    pub fn make_room(&mut self, engines: &Engines, asked: &WritingOptions) -> Result<(), Error> {
        if let (Engine::Given(given), None) = (&engines.policy, asked.max_tokens) {
            let longest = u32::try_from(given.texts.longest(&self.rule)?)?;
            self.rule.max_tokens = self.rule.max_tokens.max(longest);
        }
        Ok(())
    }
}

/// Lines of the policy that failed in a search, other than by the end of its time or budget.
pub fn failed(outcome: &Outcome) -> usize {
    let own = outcome.failed.iter().filter(|line| line.role.is_none()).count();
    let late: u64 = outcome.curtailed.iter().map(|taken| taken.unwritten).sum();
    own.saturating_sub(usize::try_from(late).unwrap_or(usize::MAX))
}

/// Ends with an error where the policy is a pool and lines of it failed: figures of fewer texts than were asked for are others.
///
/// # Errors
/// When the policy is a pool, and lines failed.
pub fn check_whole(policy: &Engine, failed: usize) -> Result<(), Error> {
    match policy {
        Engine::Given(given) if failed > 0 => Err(format!(
            "{}: {failed} lines failed, see above: what is told is of less than was asked for",
            given.path.display()
        )
        .into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tts_core::toy::Sample;
    use tts_core::{Curtailed, Limit, Search};

    use super::*;

    #[test]
    fn only_lines_that_the_pool_lacks_are_its_fault() {
        let mut texts = GivenTexts::default();
        texts.add("2+3?", "a row", ["So it is 5.", "So it is 6."]);
        let search = Search::new(&texts);
        let mut outcome = search.run(Sample { n: 4 }, "2+3?").expect("two texts");
        assert_eq!(failed(&outcome), 2);
        outcome.failed[0].role = Some("judge".into());
        assert_eq!(failed(&outcome), 1);
        outcome.curtailed = vec![Curtailed { limit: Limit::Wall, unwritten: 1, cut: 0 }];
        assert_eq!(failed(&outcome), 0);
    }

    #[test]
    fn a_field_stands_behind_the_last_colon_of_a_file_that_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pool.jsonl");
        std::fs::write(&file, "").expect("written");
        let file = file.to_str().expect("a name");
        assert_eq!(place(file), (Path::new(file), None));
        let with = format!("{file}:mine");
        assert_eq!(place(&with), (Path::new(file), Some("mine")));
        // What is not there is named whole.
        assert_eq!(place("nowhere:mine"), (Path::new("nowhere:mine"), None));
    }
}
