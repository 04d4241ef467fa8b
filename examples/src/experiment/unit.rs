//! Results, problem by problem, in append-only files that a killed run goes on with.
//!
//! A unit is one thing that is run on all problems: a pool, its scores, a search at a budget. Its file is
//! named by a digest of its description, which is the first line; each other line is one problem.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tts_search::evaluate::Journal;

use super::workshop::{Workshop, at};
use crate::Error;

/// Notes what was found of the problem at a place.
pub(super) type Note<'n, T> = &'n mut dyn FnMut(usize, T) -> Result<(), Error>;

impl Workshop<'_> {
    /// The results of a unit on `count` problems; `run` is called with the places that are missing.
    pub(super) fn unit<T: Serialize + DeserializeOwned>(
        &self,
        unit: &Value,
        count: usize,
        run: impl FnOnce(&[usize], Note<'_, T>) -> Result<(), Error>,
    ) -> Result<Vec<T>, Error> {
        let folder = self.root.join("results");
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        let description = json!({ "unit": unit, "common": self.common() });
        let digest = tts_core::seed::hash_text(9, &description.to_string());
        let path = folder.join(format!("{digest:016x}.jsonl"));
        let mut journal = Journal::open(&path, &description)?;
        let missing = journal.missing(UNIT, count);
        if !missing.is_empty() {
            run(&missing, &mut |place, found| Ok(journal.note(UNIT, place, &found)?))?;
        }
        Ok(journal.all(UNIT, count)?)
    }
}

/// The only unit of its journal.
const UNIT: &str = "";
