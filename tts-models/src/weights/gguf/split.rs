//! A GGUF file in several parts, `model-00001-of-00003.gguf` and so on.
//!
//! Every part is a GGUF file with tensors of its own and says which of how many it is; the first one
//! holds the metadata of the model. Opening any part opens all of them, from the same folder, and each
//! must be what its name says.
//!
//! Source: `gguf-split` of llama.cpp, keys `split.no`, `split.count` and `split.tensors.count`.

use super::Gguf;
use crate::ModelError;
use crate::weights::Files;

const NUMBER: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";

impl Gguf {
    /// This part with all others, if it is one of several.
    pub(super) fn with_parts(self, file: &Files) -> Result<Self, ModelError> {
        let Some(count) = self.count_of_parts()? else { return Ok(self) };
        let error = |problem: String| ModelError::format(file.path(), COUNT, problem);
        let name = file.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((stem, number, ending)) = cut(name, count) else {
            let problem = format!(
                "{count} parts, but the name does not end in -00001-of-{count:05}.gguf or the \
                 like: the other parts cannot be found"
            );
            return Err(error(problem));
        };
        let part = |number: u64| -> Result<Self, ModelError> {
            let name = format!("{stem}-{number:05}-of-{count:05}{ending}");
            let part = Self::alone(&file.folder().join(name))?;
            part.check_part(number, count)?;
            Ok(part)
        };
        self.check_part(number, count)?;
        let mut first = if number == 1 { self } else { part(1)? };
        for number in 2..=count {
            let part = part(number)?;
            if let Some(twice) = part.tensors.keys().find(|name| first.info(name).is_some()) {
                let problem = "this tensor is in an earlier part, too";
                return Err(ModelError::format(part.path(), twice, problem));
            }
            first.others.push(part);
        }
        let found = first.tensor_names().count() as u64;
        match first.integer(TENSORS)? {
            Some(expected) if expected != found => {
                let problem = format!("{expected}, but all parts hold {found}");
                Err(ModelError::format(first.path(), TENSORS, problem))
            }
            _ => Ok(first),
        }
    }

    /// How many parts there are, if more than one.
    pub(super) fn count_of_parts(&self) -> Result<Option<u64>, ModelError> {
        Ok(self.integer(COUNT)?.filter(|count| *count > 1))
    }

    fn check_part(&self, number: u64, count: u64) -> Result<(), ModelError> {
        let found = (self.integer(NUMBER)?, self.integer(COUNT)?);
        if found == (Some(number - 1), Some(count)) {
            return Ok(());
        }
        let problem = format!("not part {number} of {count}, as its name says");
        Err(ModelError::format(self.path(), NUMBER, problem))
    }
}

/// A part's name before its number, the number from 1, and the ending.
fn cut(name: &str, count: u64) -> Option<(&str, u64, &str)> {
    let (rest, ending) = name.split_at(name.rfind('.')?);
    let rest = rest.strip_suffix(&format!("-of-{count:05}"))?;
    let (stem, number) = rest.rsplit_once('-')?;
    let number = number.parse().ok().filter(|number| (1..=count).contains(number))?;
    Some((stem, number, ending))
}
