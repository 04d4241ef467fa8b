//! Addresses of files on the hub.

use std::fmt;
use std::str::FromStr;

use super::HubError;

/// What addresses begin with.
const SCHEME: &str = "hf://";

/// Endings of files that hold problems, the likeliest first.
const DATA: [&str; 6] = ["parquet", "jsonl", "json", "csv", "tsv", "ndjson"];

/// A repository on the hub, a revision of it, and a path in it.
///
/// ```
/// use tts_search::hub::Address;
/// let address: Address = "hf://openai/gsm8k@main/main/test".parse()?;
/// assert_eq!((&*address.repo, &*address.revision, &*address.path), ("openai/gsm8k", "main", "main/test"));
/// assert!(Address::is("hf://a/b") && !Address::is("file.jsonl"));
/// # Ok::<(), tts_search::hub::HubError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Owner and name.
    pub repo: String,
    /// A branch, tag or commit.
    pub revision: String,
    /// A file, a configuration with a split, a split, or nothing.
    pub path: String,
}

impl Address {
    /// Whether a text is meant as one.
    pub fn is(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Those of a repository's files that hold the data at the path: the file of that name, or the parts of a
    /// split, in the folder of its configuration or with both in its name.
    pub(super) fn files(&self, names: &[String]) -> Vec<String> {
        let path = &self.path;
        if names.contains(path) {
            return vec![path.clone()];
        }
        let (config, split) = path.rsplit_once('/').unwrap_or(("", path));
        let folders: &[&str] = if config.is_empty() { &["", "data/", "default/"] } else { &[""] };
        for ending in DATA {
            for folder in folders {
                let stem = format!("{folder}{path}");
                let among = |stem: &str| {
                    let of = |name: &&String| {
                        let rest = name.strip_prefix(stem);
                        let rest =
                            rest.and_then(|rest| rest.strip_suffix(ending)?.strip_suffix('.'));
                        rest.is_some_and(|rest| {
                            rest.is_empty()
                                || rest.strip_prefix('-').is_some_and(is_part)
                                || rest.strip_prefix('/').is_some_and(|name| !name.contains('/'))
                        })
                    };
                    names.iter().filter(of).cloned().collect::<Vec<String>>()
                };
                let mut found = among(&stem);
                if found.is_empty() && !config.is_empty() {
                    found = among(&format!("data/{config}/{split}"));
                }
                found.sort();
                if !found.is_empty() {
                    return found;
                }
            }
        }
        Vec::new()
    }
}

/// Whether this is `00000-of-00001`.
fn is_part(text: &str) -> bool {
    part(text).is_some()
}

fn part(text: &str) -> Option<(usize, usize)> {
    let (number, of) = text.split_once("-of-")?;
    Some((number.parse().ok()?, of.get(..5)?.parse().ok()?))
}

/// Whether all parts of a split are there, as far as their names tell.
pub(super) fn are_whole(names: &[String]) -> bool {
    let parts = || {
        names.iter().filter_map(|name| {
            let at = name.find("-of-")?;
            part(name.get(at.checked_sub(5)?..)?).map(|(_, of)| of)
        })
    };
    parts().max().is_none_or(|most| parts().filter(|&of| of == most).count() >= most)
}

impl FromStr for Address {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        let wrong =
            |problem: &str| HubError::Address { text: text.into(), problem: problem.into() };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| wrong("expected hf:// before it"))?;
        let rest = rest.strip_prefix("datasets/").unwrap_or(rest).trim_end_matches('/');
        let mut parts = rest.splitn(3, '/');
        let (Some(owner), Some(name)) = (parts.next(), parts.next()) else {
            return Err(wrong("expected hf://OWNER/NAME"));
        };
        let (name, revision) = name.split_once('@').unwrap_or((name, "main"));
        let path = parts.next().unwrap_or_default();
        let plain = |text: &str| {
            !text.is_empty()
                && text != ".."
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_. =+,()".contains(c))
        };
        if !plain(owner) || !plain(name) || !plain(revision) {
            return Err(wrong("expected letters, digits, - _ and . in owner, name and revision"));
        }
        // What the hub says is a path becomes one here.
        if !path.is_empty() && !path.split('/').all(plain) {
            return Err(wrong("expected a path of plain names in the repository"));
        }
        let (repo, revision) = (format!("{owner}/{name}"), revision.to_owned());
        Ok(Self { repo, revision, path: path.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repo, revision, path } = self;
        write!(f, "{SCHEME}{repo}")?;
        if revision != "main" {
            write!(f, "@{revision}")?;
        }
        if path.is_empty() { Ok(()) } else { write!(f, "/{path}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_split_are_found() {
        let names = [
            "README.md",
            "main/test-00000-of-00001.parquet",
            "main/train-00000-of-00002.parquet",
            "main/train-00001-of-00002.parquet",
            "socratic/test-00000-of-00001.parquet",
            "data/dev-00000-of-00001.parquet",
            "data/dev.csv",
            "data/algebra/test.jsonl",
            "test.jsonl",
            "main/test-extra.parquet",
        ];
        let names = names.map(str::to_owned);
        for (path, expected) in [
            ("main/test", vec![1]),
            ("main/train", vec![2, 3]),
            ("dev", vec![5]),
            ("data/dev.csv", vec![6]),
            ("algebra/test", vec![7]),
            ("test", vec![8]),
            ("test.jsonl", vec![8]),
            ("main", vec![1, 2, 3, 9]),
            ("main/te", vec![]),
            ("validation", vec![]),
        ] {
            let address =
                Address { repo: "a/b".into(), revision: "main".into(), path: path.into() };
            let expected: Vec<String> =
                expected.into_iter().map(|at: usize| names[at].clone()).collect();
            let mut found = address.files(&names);
            found.sort_by_key(|name| names.iter().position(|other| other == name));
            assert_eq!(found, expected, "{path}");
        }
        assert!(are_whole(&names[2..4]) && are_whole(&names[8..9]));
        assert!(!are_whole(&names[1..3]) && !are_whole(&names[2..3]));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "a/b",
            "hf://",
            "hf://a",
            "hf://a/b/../c",
            "hf://../b",
            "hf://a/b@/c",
            "hf://a/b//c",
            "hf://a/b/c?d",
        ] {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(error.contains("expected"), "{error}");
        }
        for text in ["hf://a/b", "hf://a/b@v1.0/c/d.json"] {
            assert_eq!(text.parse::<Address>().expect("one").to_string(), text);
        }
        assert_eq!("hf://datasets/a/b/".parse::<Address>().expect("one").to_string(), "hf://a/b");
    }
}
