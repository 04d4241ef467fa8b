//! Asking the hub: which files a repository has, and their bytes.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::RepoType;
use serde::Deserialize;
use tts_core::BoxError;
use ureq::Agent;

use super::{Address, Hub, HubError};
use crate::agent::agent;

/// What files are called until they are whole.
pub(super) const INCOMPLETE: &str = ".incomplete";

/// How long the hub may take to begin an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The files of a repository at a commit.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) commit: String,
    pub(super) names: Vec<String>,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// Asks for one repository.
pub(super) struct Client<'a> {
    agent: Agent,
    hub: &'a Hub,
    address: &'a Address,
    kind: &'static str,
    place: PathBuf,
}

impl<'a> Client<'a> {
    pub(super) fn new(
        hub: &'a Hub,
        address: &'a Address,
        kind: RepoType,
        place: &Path,
    ) -> Result<Self, HubError> {
        let kind = if matches!(kind, RepoType::Dataset) { "datasets/" } else { "" };
        let agent = agent(PATIENCE);
        let client = Self { agent, hub, address, kind, place: place.to_owned() };
        if hub.offline {
            return Err(client.failed(&hub.endpoint, "HF_HUB_OFFLINE forbids it".into()));
        }
        Ok(client)
    }

    fn failed(&self, url: &str, source: BoxError) -> HubError {
        let (address, cache) = (self.address.to_string(), self.place.clone());
        HubError::Asked { address, url: url.to_owned(), cache, source }
    }

    fn get(&self, url: &str) -> Result<ureq::Body, HubError> {
        let mut request = self.agent.get(url);
        if let Some(token) = &self.hub.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.call().map_err(|error| match error {
            ureq::Error::StatusCode(401 | 403) => self.failed(
                url,
                format!("{error}: it is not there, or not for everybody (HF_TOKEN says who asks)")
                    .into(),
            ),
            error => self.failed(url, error.into()),
        })?;
        Ok(answer.into_body())
    }

    /// Which files there are.
    pub(super) fn list(&self) -> Result<Listing, HubError> {
        let Address { repo, revision, .. } = self.address;
        let kind = if self.kind.is_empty() { "models/" } else { self.kind };
        let url = format!("{}/api/{kind}{repo}/revision/{revision}", self.hub.endpoint);
        let text = self.get(&url)?.read_to_string();
        let text = text.map_err(|error| self.failed(&url, error.into()))?;
        let info: Info =
            serde_json::from_str(&text).map_err(|error| self.failed(&url, error.into()))?;
        // Both become paths here.
        let plain = |name: &str| {
            let parts = || name.split(['/', '\\']);
            !name.is_empty() && parts().all(|part| !part.is_empty() && part != ".." && part != ".")
        };
        if !info.sha.bytes().all(|byte| byte.is_ascii_alphanumeric()) || info.sha.is_empty() {
            return Err(self.failed(&url, format!("{:?} is no commit", info.sha).into()));
        }
        let names = info.siblings.into_iter().map(|sibling| sibling.rfilename);
        Ok(Listing { commit: info.sha, names: names.filter(|name| plain(name)).collect() })
    }

    /// Puts a file in its place when it is whole.
    pub(super) fn fetch(&self, commit: &str, name: &str, path: &Path) -> Result<(), HubError> {
        let Address { repo, .. } = self.address;
        let url = format!("{}/{}{repo}/resolve/{commit}/{name}", self.hub.endpoint, self.kind);
        let body = self.get(&url)?;
        let length = body.content_length();
        let mut begun = path.as_os_str().to_owned();
        begun.push(INCOMPLETE);
        let begun = PathBuf::from(begun);
        let at = |source| HubError::Io { path: begun.clone(), source };
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(at)?;
        let mut file = File::create(&begun).map_err(at)?;
        let mut reader = body.into_reader();
        let mut buffer = vec![0; 1 << 16];
        let mut found = 0;
        loop {
            let read = std::io::Read::read(&mut reader, &mut buffer);
            let read = read.map_err(|error| self.failed(&url, error.into()))?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            file.write_all(bytes).map_err(at)?;
            found += bytes.len() as u64;
        }
        if let Some(length) = length.filter(|&length| length != found) {
            let problem = format!("{found} bytes came of {length}");
            return Err(self.failed(&url, problem.into()));
        }
        std::fs::rename(&begun, path).map_err(at)
    }
}
