//! A file that is written beside its place, and put there when it is whole.

use std::fs::{File, remove_file, rename};
use std::io::{BufWriter, IntoInnerError, Result};
use std::path::Path;

/// Writes a file beside `path` and puts it in its place, once it is on the disk: a crash or a full disk
/// leaves what was there, and no half of a file.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// use std::io::Write;
/// let path = folder.path().join("figures.json");
/// tts_core::files::replace(&path, |out| out.write_all(b"{}"))?;
/// let failed = tts_core::files::replace(&path, |out| {
///     out.write_all(b"half of ")?;
///     Err(std::io::Error::other("the rest is missing"))
/// });
/// assert!(failed.is_err());
/// assert_eq!(std::fs::read_to_string(&path)?, "{}");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When it cannot be written, or `write` says so.
pub fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    File::create(partial)
        .and_then(|file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            out.into_inner().map_err(IntoInnerError::into_error)?.sync_all()
        })
        .and_then(|()| rename(partial, path))
        // It holds nothing of use, and room where the disk is full; removing it may fail as well.
        .inspect_err(|_| drop(remove_file(partial)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        replace(&path, |out| out.write_all(b"one")).expect("written");
        replace(&path, |out| out.write_all(b"two")).expect("written again");
        let failed = replace(&path, |out| {
            out.write_all(b"three")?;
            Err(std::io::Error::other("no"))
        });
        assert_eq!(failed.expect_err("told").to_string(), "no");
        assert_eq!(std::fs::read(&path).expect("there"), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        let nowhere = folder.path().join("no/a.json");
        assert!(replace(&nowhere, |out| out.write_all(b"x")).is_err());
        // A place that is a folder cannot be taken, and nothing is left beside it.
        let folder_there = folder.path().join("b");
        std::fs::create_dir(&folder_there).expect("made");
        assert!(replace(&folder_there, |out| out.write_all(b"x")).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }
}
