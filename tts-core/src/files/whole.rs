//! A file that is written beside its place, and put there when it is whole.
//!
//! A link stays a link: the file that it leads to is replaced. What is no file (a terminal, a pipe, `/dev/null`) has no
//! place that another could be put in, and is written to.

use std::fs::{File, canonicalize, remove_file, rename};
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
    let there = canonicalize(path).ok();
    let path = there.as_deref().unwrap_or(path);
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        let mut out = BufWriter::new(File::options().write(true).open(path)?);
        write(&mut out)?;
        return out.into_inner().map_err(IntoInnerError::into_error).map(drop);
    }
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
    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_devices_are_written_to() {
        use std::os::unix::fs::{FileTypeExt as _, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("a"), folder.path().join("link"));
        std::fs::write(&path, "one").expect("written");
        symlink(&path, &link).expect("linked");
        replace(&link, |out| out.write_all(b"two")).expect("written");
        assert_eq!(std::fs::read(&path).expect("there"), b"two");
        assert!(link.symlink_metadata().expect("there").is_symlink());
        // By way of a link, so that no device is lost where this fails.
        let null = folder.path().join("null");
        symlink("/dev/null", &null).expect("linked");
        replace(&null, |out| out.write_all(b"x")).expect("written to");
        let kind = std::fs::metadata(&null).expect("there").file_type();
        assert!(kind.is_char_device() && null.is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 3);
    }
}
