//! How a budget of lines is split between attempts in turn and chains side by side.
//!
//! `N` lines are `p` chains of `s` attempts, `s p = N`; the ratio is `s : p`, in lowest terms. Between the two ends, all
//! samples side by side (`1:N`) and one chain (`N:1`), there are as many splits as `N` has divisors; of a power of two
//! each is four times as sequential as the one before:
//!
//! | N | ratios |
//! | ---: | --- |
//! | 1 | 1:1 |
//! | 2 | 1:2, 2:1 |
//! | 4 | 1:4, 1:1, 4:1 |
//! | 8 | 1:8, 1:2, 2:1, 8:1 |
//! | 16 | 1:16, 1:4, 1:1, 4:1, 16:1 |
//! | 64 | 1:64, 1:16, 1:4, 1:1, 4:1, 16:1, 64:1 |
//!
//! Easy problems are found to want attempts in turn alone, hard ones something in between, which is what a choice by
//! a probe ([`crate::choose`]) can be fitted on: each split is an arm.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 6.2, figure 7.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Revision;

/// Attempts in turn to chains side by side, in lowest terms.
///
/// ```
/// use tts_search::refine::Ratio;
/// assert_eq!("8:2".parse::<Ratio>()?, Ratio::of(4, 1)?);
/// assert_eq!(Ratio::of(2, 32)?.to_string(), "1:16");
/// assert!("4".parse::<Ratio>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ratio {
    sequential: usize,
    parallel: usize,
}

impl Ratio {
    /// So many in turn to so many side by side.
    ///
    /// # Errors
    /// A sentence when one of them is 0.
    pub fn of(sequential: usize, parallel: usize) -> Result<Self, String> {
        if sequential == 0 || parallel == 0 {
            return Err(format!("{sequential}:{parallel} is no ratio, expected 1 or more each"));
        }
        let (mut common, mut rest) = (sequential, parallel);
        while rest > 0 {
            (common, rest) = (rest, common % rest);
        }
        Ok(Self { sequential: sequential / common, parallel: parallel / common })
    }

    /// As a number: above 1 there is more in turn than side by side.
    pub fn value(self) -> f64 {
        self.sequential as f64 / self.parallel as f64
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequential, self.parallel)
    }
}

impl FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once(':').and_then(|(sequential, parallel)| {
            Some((sequential.trim().parse().ok()?, parallel.trim().parse().ok()?))
        });
        let (sequential, parallel) =
            numbers.ok_or_else(|| format!("{text:?} is no ratio, expected one such as 4:1"))?;
        Self::of(sequential, parallel)
    }
}

impl TryFrom<String> for Ratio {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Ratio> for String {
    fn from(ratio: Ratio) -> Self {
        ratio.to_string()
    }
}

impl Revision {
    /// `n` lines in this ratio of attempts in turn to chains side by side.
    ///
    /// ```
    /// use tts_search::refine::Revision;
    /// let revision = Revision::at(16, "4:1".parse()?)?;
    /// assert_eq!((revision.length, revision.chains), (8, 2));
    /// let error = Revision::at(16, "2:1".parse()?).unwrap_err();
    /// assert_eq!(error, "no 16 lines are in the ratio 2:1, expected one of 1:16, 1:4, 1:1, 4:1, 16:1");
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// A sentence that names the ratios there are, when `n` lines cannot be split like that.
    pub fn at(n: usize, ratio: Ratio) -> Result<Self, String> {
        let all = Self::ratios(n);
        if let Some(found) = all.iter().find(|revision| revision.ratio() == Some(ratio)) {
            return Ok(found.clone());
        }
        let known: Vec<String> =
            all.iter().filter_map(Self::ratio).map(|ratio| ratio.to_string()).collect();
        Err(format!("no {n} lines are in the ratio {ratio}, expected one of {}", known.join(", ")))
    }

    /// All ways to split `n` lines evenly, from all side by side to all in turn.
    ///
    /// ```
    /// use tts_search::refine::Revision;
    /// let splits: Vec<_> = Revision::ratios(6).iter().map(|r| (r.length, r.chains)).collect();
    /// assert_eq!(splits, [(1, 6), (2, 3), (3, 2), (6, 1)]);
    /// ```
    pub fn ratios(n: usize) -> Vec<Self> {
        let lengths = (1..=n).filter(|length| n.is_multiple_of(*length));
        let of = |length: usize| Self { length, chains: n / length, ..Self::default() };
        lengths.map(of).collect()
    }

    /// Its ratio of attempts in turn to chains side by side; `None` without either, which no search runs.
    pub fn ratio(&self) -> Option<Ratio> {
        Ratio::of(self.length, self.chains).ok()
    }
}

#[cfg(test)]
mod tests {
    use tts_core::SearchStrategy;

    use super::*;

    fn ratios(n: usize) -> Vec<String> {
        let all = Revision::ratios(n);
        all.iter().filter_map(Revision::ratio).map(|ratio| ratio.to_string()).collect()
    }

    /// The rows of the paper; of the last it has every second one.
    #[test]
    fn ratios_of_powers_of_two_are_those_of_the_paper() {
        for (n, row) in [
            (1, "1:1"),
            (2, "1:2 2:1"),
            (4, "1:4 1:1 4:1"),
            (8, "1:8 1:2 2:1 8:1"),
            (16, "1:16 1:4 1:1 4:1 16:1"),
            (32, "1:32 1:8 1:2 2:1 8:1 32:1"),
            (64, "1:64 1:16 1:4 1:1 4:1 16:1 64:1"),
            (128, "1:128 1:32 1:8 1:2 2:1 8:1 32:1 128:1"),
        ] {
            assert_eq!(ratios(n).join(" "), row, "{n}");
        }
        let every_second: Vec<String> = ratios(256).into_iter().step_by(2).collect();
        assert_eq!(every_second.join(" "), "1:256 1:16 1:1 16:1 256:1");
        assert!(ratios(0).is_empty());
    }

    #[test]
    fn a_split_takes_all_lines_and_no_more() {
        for n in 1..70 {
            for revision in Revision::ratios(n) {
                assert_eq!(revision.chains * revision.length, n);
                assert!(revision.check().is_ok());
                let ratio = revision.ratio().expect("a ratio");
                assert_eq!(Revision::at(n, ratio).expect("there"), revision);
                let value = revision.length as f64 / revision.chains as f64;
                assert!((ratio.value() - value).abs() < 1e-12);
                // As JSON it is its text.
                let json = serde_json::to_string(&ratio).expect("JSON");
                assert_eq!(json, format!("{:?}", ratio.to_string()));
                assert_eq!(serde_json::from_str::<Ratio>(&json).expect("a ratio"), ratio);
            }
        }
    }

    #[test]
    fn what_is_no_ratio_is_refused() {
        for (text, expected) in [
            ("", "is no ratio, expected one such as 4:1"),
            ("4", "is no ratio"),
            ("4:-1", "is no ratio"),
            ("0:1", "0:1 is no ratio, expected 1 or more each"),
        ] {
            assert!(text.parse::<Ratio>().unwrap_err().contains(expected), "{text}");
        }
        assert!(serde_json::from_str::<Ratio>("\"1:0\"").is_err());
        let none = Revision { chains: 0, ..Revision::default() };
        assert_eq!(none.ratio(), None);
    }
}
