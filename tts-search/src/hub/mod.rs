//! Data sets and models from the Hugging Face hub, by addresses such as `hf://openai/gsm8k/main/test`.
//!
//! Files lie in the cache that Python's `huggingface_hub` has (`HF_HUB_CACHE`, else `hub` in `HF_HOME`, else
//! `~/.cache/huggingface/hub`): what either has fetched, both find, and what is there is used without asking
//! anybody. `HF_ENDPOINT` names another hub, `HF_TOKEN` who asks, `HF_HUB_OFFLINE=1` forbids to ask.
//!
//! The cache is that of the official client, `hf-hub`, built without its downloads: these would bring OpenSSL or a
//! C compiler. Files are fetched here, over TLS in Rust.
//!
//! Source: the documentation of `huggingface_hub` (Manage your cache; Environment variables) and of the hub's
//! API (`/api/datasets/NAME/revision/REVISION`, `/resolve/`).

mod address;
mod error;
mod fetch;

use std::path::{Path, PathBuf};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

pub use address::Address;
pub use error::HubError;
use fetch::{Client, Listing};

/// The hub that everybody means.
const ENDPOINT: &str = "https://huggingface.co";

/// Files of a model that are read here.
const OF_MODELS: [&str; 4] = [".json", ".safetensors", ".jinja", ".txt"];

/// A hub, and where its files lie.
///
/// ```no_run
/// use tts_search::evaluate::{Mapping, load};
/// use tts_search::hub::Hub;
/// let hub = Hub::from_env()?;
/// for file in hub.data(&"hf://openai/gsm8k/main/test".parse()?)? {
///     println!("{} problems", load(&file, &Mapping::default())?.items.len());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Hub {
    /// The folder of the cache.
    pub cache: PathBuf,
    /// The address of the hub, without a slash at its end.
    pub endpoint: String,
    /// Who asks, for files that are not for everybody.
    pub token: Option<String>,
    /// Whether nobody may be asked.
    pub offline: bool,
}

impl Hub {
    /// As the environment says.
    ///
    /// # Errors
    /// When no folder is named and there is no home.
    pub fn from_env() -> Result<Self, HubError> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let folder = set("HF_HUB_CACHE").map(PathBuf::from);
        let folder = folder.or_else(|| Some(PathBuf::from(set("HF_HOME")?).join("hub")));
        let home = || Some(std::env::home_dir()?.join(".cache/huggingface/hub"));
        Ok(Self {
            cache: folder.or_else(home).ok_or(HubError::NoFolder)?,
            endpoint: set("HF_ENDPOINT")
                .map_or(ENDPOINT.to_owned(), |url| url.trim_end_matches('/').to_owned()),
            token: set("HF_TOKEN"),
            offline: set("HF_HUB_OFFLINE").is_some_and(|value| value != "0"),
        })
    }

    /// The files of a data set: one file (`hf://OWNER/NAME/folder/file.jsonl`), or all parts of a split
    /// (`hf://OWNER/NAME/CONFIG/SPLIT`, `hf://OWNER/NAME/SPLIT`), in order.
    ///
    /// # Errors
    /// When they are not in the cache and cannot be fetched, or the hub has none of them: the error says what was
    /// asked, and how to go on without a network.
    pub fn data(&self, address: &Address) -> Result<Vec<PathBuf>, HubError> {
        if address.path.is_empty() {
            let problem =
                "expected a file or a split behind the name of the data set, such as /main/test";
            return Err(HubError::Address { text: address.to_string(), problem: problem.into() });
        }
        let wanted = |names: &[String]| address.files(names);
        let (folder, names) = self.files(address, RepoType::Dataset, &wanted)?;
        Ok(names.iter().map(|name| folder.join(name)).collect())
    }

    /// A file of a model (`hf://OWNER/NAME/model.gguf`), or the folder of one in safetensors
    /// (`hf://OWNER/NAME`).
    ///
    /// # Errors
    /// As [`Hub::data`].
    pub fn model(&self, address: &Address) -> Result<PathBuf, HubError> {
        let wanted = |names: &[String]| {
            if !address.path.is_empty() {
                return names.iter().filter(|name| **name == address.path).cloned().collect();
            }
            let ours = |name: &&String| {
                OF_MODELS.iter().any(|ending| name.ends_with(ending)) && !name.contains('/')
            };
            let files: Vec<String> = names.iter().filter(ours).cloned().collect();
            // The files of a model are whole where its weights are.
            if files.iter().any(|name| name.ends_with(".safetensors")) { files } else { Vec::new() }
        };
        let (folder, names) = self.files(address, RepoType::Model, &wanted)?;
        Ok(match names.first() {
            Some(name) if !address.path.is_empty() => folder.join(name),
            _ => folder,
        })
    }

    /// The folder of a snapshot and the wanted files in it: from the cache where it has them, else from the hub.
    fn files(
        &self,
        address: &Address,
        kind: RepoType,
        wanted: &dyn Fn(&[String]) -> Vec<String>,
    ) -> Result<(PathBuf, Vec<String>), HubError> {
        let repo = Repo::with_revision(address.repo.clone(), kind, address.revision.clone());
        let cached = Cache::new(self.cache.clone()).repo(repo);
        let place = self.cache.join(
            Repo::with_revision(address.repo.clone(), kind, address.revision.clone()).folder_name(),
        );
        if let Some(folder) = snapshot(&place, &address.revision, &cached) {
            let names = wanted(&names_in(&folder));
            if !names.is_empty() && address::are_whole(&names) {
                return Ok((folder, names));
            }
        }
        let client = Client::new(self, address, kind, &place)?;
        let Listing { commit, names: all } = client.list()?;
        let names = wanted(&all);
        if names.is_empty() {
            return Err(HubError::NotThere {
                address: address.to_string(),
                there: all.iter().take(20).cloned().collect::<Vec<_>>().join(", "),
            });
        }
        let folder = cached.pointer_path(&commit);
        for name in &names {
            let path = folder.join(name);
            if !path.is_file() {
                client.fetch(&commit, name, &path)?;
            }
        }
        // Only now is it what the revision stands for here.
        cached.create_ref(&commit).map_err(|source| HubError::Io { path: place, source })?;
        Ok((folder, names))
    }
}

/// The folder that a revision, a branch or a commit, stands for in the cache.
fn snapshot(place: &Path, revision: &str, cached: &CacheRepo) -> Option<PathBuf> {
    let named = std::fs::read_to_string(place.join("refs").join(revision)).ok();
    let commit = named.map_or_else(|| revision.to_owned(), |commit| commit.trim().to_owned());
    Some(cached.pointer_path(&commit)).filter(|folder| folder.is_dir())
}

/// The names of all files below a folder, with `/` between folders, in order.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, before)) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{before}{}", entry.file_name().to_string_lossy());
            // Links of Python's cache lead to files.
            match std::fs::metadata(entry.path()) {
                Ok(found) if found.is_dir() => folders.push((entry.path(), format!("{name}/"))),
                Ok(_) if !name.ends_with(fetch::INCOMPLETE) => names.push(name),
                _ => {}
            }
        }
    }
    names.sort();
    names
}
