//! What can go wrong with files of the hub: what was asked, and how to go on without.

use std::path::PathBuf;

use tts_core::BoxError;

/// A file of the hub that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A text that is no address.
    #[error("{text}: {problem}")]
    Address {
        /// The text.
        text: String,
        /// What was expected.
        problem: String,
    },
    /// There is no home, and nobody named a folder.
    #[error("no folder for files of the hub: name one by HF_HOME")]
    NoFolder,
    /// The hub has no such file.
    #[error("{address}: the hub has no such file or split; it has {there}")]
    NotThere {
        /// What was asked for.
        address: String,
        /// Files that there are.
        there: String,
    },
    /// The hub cannot be asked, or refuses.
    #[error(
        "{address} is not in {}, and asking for {url} failed: {source}. Without a network, copy the file here and \
         name its path in place of the address, or fill that folder on another machine (`hf download`)",
        cache.display()
    )]
    Asked {
        /// What was asked for.
        address: String,
        /// Where it was asked for.
        url: String,
        /// The folder in which it would be found.
        cache: PathBuf,
        /// Why not.
        source: BoxError,
    },
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}
