//! A writer that says what a closure says: tests of judges, critics and tools without a model.
//!
//! The closure is given what is asked, what stands there already and a generator of random numbers of the
//! line's own seed; it returns all that is said from there on, to the end of the line. Tokens are bytes,
//! as in the rest of the toy world, so what is said should be ASCII; how probable it was, if the closure
//! says so, shows in the last token of each line.
//!
//! Source: none.

use std::sync::Arc;

use super::draft::{Draft, OPTIONS, Writing};
use crate::seed::{self, Rng};
use crate::{BoxError, Completion, Generated, Generator, LineError, Prompt, Request};

/// What a [`Voice`] says.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The words.
    pub text: String,
    /// How probable they were.
    pub probability: f64,
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, probability: 1.0 }
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<(&str, f64)> for Said {
    fn from((text, probability): (&str, f64)) -> Self {
        Self { text: text.to_owned(), probability }
    }
}

type Speak = dyn Fn(&Prompt, &str, &mut Rng) -> Said + Send + Sync;

/// A generator of one closure: it is given what is asked, what stands there already and random numbers of the
/// line's own seed, and says all that follows.
///
/// ```
/// use tts_core::Search;
/// use tts_core::toy::{Sample, Voice};
/// let parrot = Voice::new(|asked, _so_far, _rng| format!("You said: {}", asked.question()));
/// let outcome = Search::new(&parrot).run(Sample { n: 1 }, "hello")?;
/// assert_eq!(outcome.text().as_deref(), Some("You said: hello"));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Clone)]
pub struct Voice(Arc<Speak>);

impl std::fmt::Debug for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Voice")
    }
}

impl Voice {
    /// Says what `speak` says of a prompt, of the text behind it so far, and of chance.
    pub fn new<S: Into<Said>>(
        speak: impl Fn(&Prompt, &str, &mut Rng) -> S + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |prompt, so_far, rng| speak(prompt, so_far, rng).into()))
    }

    fn line(&self, request: &Request, seed: u64) -> Result<Completion, LineError> {
        request.sampling.draws_all("a voice")?;
        let mut writing = Writing::new(request);
        let so_far = format!("{}{}", request.prefix.text(), writing.begun());
        let Said { text, probability } =
            (self.0)(request.prefix.prompt(), &so_far, &mut seed::rng(seed));
        let mut written = String::new();
        while writing.goes_on() {
            let first = writing.is_empty();
            let draft = Draft::rest(&text, &written, probability.ln(), true);
            let added = writing.write(&draft);
            // Words that were put in are no part of what is said.
            let own = if first { added.len().saturating_sub(begun(request)) } else { added.len() };
            written.push_str(&added[added.len() - own..]);
        }
        Ok(writing.complete(request.prefix.prompt().question().len() as u64))
    }
}

/// How many bytes a line begins with that are given.
fn begun(request: &Request) -> usize {
    request.given.len() + request.append.as_ref().map_or(0, String::len)
}

impl Generator for Voice {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        Ok(Generated::by_seed(batch, |request, seed| self.line(request, seed)))
    }

    fn vocabulary_size(&self) -> Option<u32> {
        Some(OPTIONS)
    }
}
