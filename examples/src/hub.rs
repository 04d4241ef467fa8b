//! Files by their addresses on the Hugging Face hub, `hf://OWNER/NAME/...`, in place of paths.

use std::path::{Path, PathBuf};

use crate::Error;

/// The address that a path is meant as.
fn address(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| text.starts_with("hf://"))
}

/// The files of problems that a path or an address stands for.
///
/// # Errors
/// When they cannot be had; or for an address, without the feature `hub`.
pub fn data(path: &Path) -> Result<Vec<PathBuf>, Error> {
    address(path).map_or_else(|| Ok(vec![path.to_owned()]), fetch_data)
}

/// The file or folder of a model that a path or an address stands for.
///
/// # Errors
/// As [`data`].
pub fn model(path: &Path) -> Result<PathBuf, Error> {
    address(path).map_or_else(|| Ok(path.to_owned()), fetch_model)
}

#[cfg(feature = "hub")]
fn fetch_data(address: &str) -> Result<Vec<PathBuf>, Error> {
    Ok(tts_search::hub::Hub::from_env()?.data(&address.parse()?)?)
}

#[cfg(feature = "hub")]
fn fetch_model(address: &str) -> Result<PathBuf, Error> {
    Ok(tts_search::hub::Hub::from_env()?.model(&address.parse()?)?)
}

#[cfg(not(feature = "hub"))]
fn fetch_data(address: &str) -> Result<Vec<PathBuf>, Error> {
    Err(without(address))
}

#[cfg(not(feature = "hub"))]
fn fetch_model(address: &str) -> Result<PathBuf, Error> {
    Err(without(address))
}

#[cfg(not(feature = "hub"))]
fn without(address: &str) -> Error {
    let problem = "this program was built without the feature `hub`: build it with `--features hub`, or name a \
                   file that is here";
    format!("{address}: {problem}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_left_alone() {
        let path = Path::new("problems.jsonl");
        assert_eq!(data(path).expect("a path"), [path]);
        assert_eq!(model(path).expect("a path"), path);
        let error = data(Path::new("hf://")).expect_err("no address").to_string();
        let expected = if cfg!(feature = "hub") { "hf://OWNER/NAME" } else { "the feature `hub`" };
        assert!(error.contains(expected), "{error}");
    }
}
