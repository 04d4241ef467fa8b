//! Shards: parts of an evaluation that run in processes, or on machines, of their own.
//!
//! Which problems belong to a shard follows from their numbers alone: shard 3 of 8 has every eighth one, from
//! the third on. So all shards have equally many (to one), hard stretches of a file are spread over them, and
//! nobody has to know what others have done.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of so many parts, counted from 1; as text, `3/8`.
///
/// ```
/// use tts_search::evaluate::Shard;
/// let shard: Shard = "3/8".parse()?;
/// assert_eq!(shard.places(20).collect::<Vec<_>>(), [2, 10, 18]);
/// assert_eq!(Shard::WHOLE.places(3).count(), 3);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// All of it, `1/1`.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Shard `number` of `of`, counted from 1.
    ///
    /// # Errors
    /// When there is no such shard.
    pub fn new(number: usize, of: usize) -> Result<Self, String> {
        if number == 0 || number > of {
            return Err(format!("shard {number}/{of}: expected a number from 1 to that of shards"));
        }
        Ok(Self { number, of })
    }

    /// Which one, from 1.
    pub fn number(self) -> usize {
        self.number
    }

    /// How many there are.
    pub fn of(self) -> usize {
        self.of
    }

    /// The places of its problems among `count`, from 0.
    pub fn places(self, count: usize) -> impl Iterator<Item = usize> {
        (self.number - 1..count).step_by(self.of)
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once('/')
            .and_then(|(number, of)| Some((number.trim().parse().ok()?, of.trim().parse().ok()?)));
        let (number, of) =
            numbers.ok_or_else(|| format!("{text:?} is no shard, expected one such as 3/8"))?;
        Self::new(number, of)
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_in_one_shard() {
        for (count, of) in [(0, 3), (2, 3), (20, 1), (23, 8)] {
            let mut all: Vec<usize> =
                (1..=of).flat_map(|n| Shard::new(n, of).expect("a shard").places(count)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>(), "{count} in {of}");
        }
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in ["", "3", "0/8", "9/8", "1/0", "a/8", "1/8/2", "-1/2"] {
            let error = text.parse::<Shard>().expect_err(text);
            assert!(error.contains("expected"), "{error}");
            assert!(serde_json::from_value::<Shard>(text.into()).is_err());
        }
        let shard = Shard::new(2, 3).expect("a shard");
        assert_eq!(serde_json::to_string(&shard).expect("a text"), "\"2/3\"");
    }
}
