//! Pages behind the results of a search engine: fetched within bounds, read, and cut into passages.
//!
//! Every page that is opened gives its passages in place of the engine's few words: first the best of each page, in the
//! engine's order, then the second best. A page that fails keeps what the engine said of it, and why is told
//! ([`Opened`]); so does one that says nothing of what is looked for. Pages of a search are fetched and read at the same time,
//! each within limits of bytes, seconds and redirects, see [`super::visit`]; one that is late is not waited for. A page that
//! was opened before is not fetched again, as long as it is kept ([`super::kept`]). Only addresses of the open internet are
//! asked, unless [`PageSettings::private`] says otherwise, see [`super::address`]; without it no proxy is used, for it would
//! resolve names on its own.
//!
//! What a page says is data, whatever it says: see [`crate::retrieve::fenced`].
//!
//! Source: Nakano et al. 2021, "`WebGPT`" (arXiv 2112.09332), section 2, for search results that are opened.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tts_core::seed;

use super::Failed;
use super::kept::{Kept, Page};
use super::visit::Visitor;
use crate::retrieve::{Cut, Passage, Retriever as _};

/// Reasons that are told, at most.
const TOLD: usize = 256;

/// Characters of an address in them, at most.
const ADDRESS: usize = 2_000;

/// How pages behind results are opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageSettings {
    /// Pages of a search, at most: those of its first results.
    pub most: usize,
    /// Bytes of a page, at most.
    pub bytes: u64,
    /// Seconds for the pages of a search, with all that they are sent elsewhere, and read.
    pub seconds: f64,
    /// How often it may be sent elsewhere.
    pub redirects: u32,
    /// Whether addresses of this machine and of private networks are opened, too.
    pub private: bool,
    /// Whether a PDF is read, with the feature `pdf`. The reader runs in this program, and a file can be made to end it:
    /// by more memory than there is, or by a deeper stack.
    pub pdf: bool,
    /// How pages are cut into passages.
    pub cut: Cut,
}

impl Default for PageSettings {
    /// Five pages of 2 MB, 10 seconds, 5 redirects, of the open internet alone, and no PDF.
    fn default() -> Self {
        Self {
            most: 5,
            bytes: 2 << 20,
            seconds: 10.0,
            redirects: 5,
            private: false,
            pdf: false,
            cut: Cut::default(),
        }
    }
}

impl PageSettings {
    /// # Errors
    /// A sentence that names the field.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=64).contains(&self.most) {
            return Err(format!("most is {}, expected 1 to 64 pages", self.most));
        }
        if !(1_024..=1 << 30).contains(&self.bytes) {
            return Err(format!("bytes is {}, expected 1024 to {}", self.bytes, 1 << 30));
        }
        if !(0.001..=3_600.0).contains(&self.seconds) {
            return Err(format!("seconds is {}, expected 0.001 to 3600", self.seconds));
        }
        if self.redirects > 20 {
            return Err(format!("redirects is {}, expected at most 20", self.redirects));
        }
        if self.pdf && !cfg!(feature = "pdf") {
            let problem = "pdf is true, expected a program with the feature `pdf`, or false";
            return Err(problem.to_owned());
        }
        self.cut.check().map_err(|problem| format!("cut.{problem}"))
    }
}

/// What became of the pages behind results.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Pages that were read.
    pub pages: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// Pages that were not, by address, and why: of those a model was shown what the engine said.
    pub failed: BTreeMap<String, String>,
    /// Pages that were not, beyond those: there are too many to tell why.
    pub untold: usize,
}

/// What is told of pages, each address once.
#[derive(Debug, Default)]
struct Told {
    opened: Opened,
    /// Digests of addresses that were read, and of those that were not beyond what is told.
    read: BTreeSet<u64>,
    untold: BTreeSet<u64>,
}

impl Told {
    fn add(&mut self, place: &str, page: &Page) {
        let Opened { pages, bytes, failed, .. } = &mut self.opened;
        let (digest, name) = (seed::hash_text(0, place), || place.chars().take(ADDRESS).collect());
        match page.as_ref() {
            Ok(read) => {
                failed.remove(&name());
                self.untold.remove(&digest);
                if self.read.insert(digest) {
                    *pages += 1;
                    *bytes += read.bytes;
                }
            }
            Err(missed) => {
                let name: String = name();
                if failed.len() < TOLD || failed.contains_key(&name) {
                    failed.insert(name, missed.why.clone());
                    self.untold.remove(&digest);
                } else {
                    self.untold.insert(digest);
                }
            }
        }
    }
}

/// Opens pages.
#[derive(Debug)]
pub(super) struct Pages {
    settings: PageSettings,
    reader: Arc<Reader>,
    told: Mutex<Told>,
}

/// What threads share that may outlast a search.
#[derive(Debug)]
struct Reader {
    visitor: Visitor,
    kept: Kept,
}

impl Reader {
    fn page(&self, place: &str, title: &str) -> Page {
        let read = || Arc::new(self.visitor.read(place, title));
        let read = AssertUnwindSafe(|| self.kept.or_read(place, read));
        catch_unwind(read).unwrap_or_else(|_| missed("reading it panicked".to_owned(), false))
    }
}

/// What a panic of another thread left is whole: nothing here panics between two changes.
pub(super) fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn missed(why: String, in_passing: bool) -> Page {
    Arc::new(Err(Failed { why, in_passing }))
}

impl Pages {
    pub(super) fn new(settings: PageSettings) -> Self {
        let reader = Reader { visitor: Visitor::new(settings.clone()), kept: Kept::default() };
        Self { settings, reader: Arc::new(reader), told: Mutex::default() }
    }

    /// What became of all pages so far.
    pub(super) fn opened(&self) -> Opened {
        let told = locked(&self.told);
        Opened { untold: told.untold.len(), ..told.opened.clone() }
    }

    /// Passages of the pages behind these results, at most so many; of a page that says nothing of the query, or cannot be
    /// read, the result as it is. Of results of one name only the first counts.
    pub(super) fn open(&self, mut found: Vec<Passage>, query: &str, most: usize) -> Vec<Passage> {
        let mut ids = HashSet::new();
        found.retain(|result| ids.insert(result.id.clone()));
        let opened = self.pages(&found[..found.len().min(self.settings.most)]);
        let own = |(number, result): (usize, Passage)| {
            let page = opened.get(number).and_then(|page| page.as_ref().as_ref().ok());
            let best = page.map(|read| read.memory.search(query, most).unwrap_or_default());
            let named = |passage: Passage| Passage {
                id: format!("{}{}", result.id, passage.id),
                place: result.place.clone(),
                score: result.score,
                ..passage
            };
            let best: Vec<Passage> = best.into_iter().flatten().map(named).collect();
            if best.is_empty() { vec![result] } else { best }
        };
        let ranked: Vec<Vec<Passage>> = found.into_iter().enumerate().map(own).collect();
        let turn = |n: usize| ranked.iter().filter_map(move |own| own.get(n).cloned());
        (0..most).flat_map(turn).take(most).collect()
    }

    /// The pages behind these results, as far as they are there in time. What is late goes on by itself, and is kept.
    fn pages(&self, results: &[Passage]) -> Vec<Page> {
        let until = Instant::now() + Duration::from_secs_f64(self.settings.seconds);
        let (sender, receiver) = mpsc::channel();
        let mut pages: Vec<Option<Page>> = Vec::with_capacity(results.len());
        for (number, result) in results.iter().enumerate() {
            let kept = self.reader.kept.page(&result.place);
            pages.push(kept.or_else(|| {
                let (reader, sender) = (Arc::clone(&self.reader), sender.clone());
                let (place, title) = (result.place.clone(), result.title.clone());
                let read = move || {
                    // Whoever has not waited hears nothing.
                    let _ = sender.send((number, reader.page(&place, &title)));
                };
                let thread = std::thread::Builder::new().name("page".into()).spawn(read);
                thread.err().map(|error| missed(format!("no thread to read it: {error}"), true))
            }));
        }
        drop(sender);
        while pages.iter().any(Option::is_none) {
            let left = until.saturating_duration_since(Instant::now());
            match receiver.recv_timeout(left) {
                Ok((number, page)) => pages[number] = Some(page),
                Err(_) => break,
            }
        }
        let late = || {
            let seconds = self.settings.seconds;
            missed(format!("timeout: it was not read within {seconds} seconds"), true)
        };
        let pages: Vec<Page> = pages.into_iter().map(|page| page.unwrap_or_else(late)).collect();
        let mut told = locked(&self.told);
        for (result, page) in results.iter().zip(&pages) {
            told.add(&result.place, page);
        }
        pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieve::Memory;
    use crate::retrieve::web::visit::Read;

    #[test]
    fn every_address_is_told_once() {
        let mut told = Told::default();
        let read: Page = Arc::new(Ok(Read { memory: Memory::default(), bytes: 7, kept: 0 }));
        for _ in 0..2 {
            for number in 0..TOLD + 3 {
                told.add(&number.to_string(), &missed("late".into(), true));
            }
            told.add("read", &read);
        }
        assert_eq!((told.opened.failed.len(), told.untold.len()), (TOLD, 3));
        assert_eq!((told.opened.pages, told.opened.bytes), (1, 7));
        // What was read after all has not failed.
        told.add("0", &read);
        told.add(&TOLD.to_string(), &read);
        assert_eq!((told.opened.failed.len(), told.untold.len()), (TOLD - 1, 2));
        assert_eq!((told.opened.pages, told.opened.bytes), (3, 21));
        assert!(!told.opened.failed.contains_key("0"));
    }
}
