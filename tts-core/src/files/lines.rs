//! A file of whole lines that grows at its end.
//!
//! A line is there with its end or not at all. What a crash or a full disk left of one is cut off, but not
//! before who opens the file has read it and knows it to be its own: [`Lines::bytes`], then [`Lines::cut`].

use std::fs::{File, TryLockError};
use std::io::{BufReader, Error, Read as _, Result, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What becomes of another process that has the file open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Its end is waited for.
    Awaited,
    /// The file is refused.
    Refused,
}

/// How often a file that another process has open is tried before it is refused, and how long is waited
/// between: a process that was begun while the file was open holds it until it has become itself.
const TRIES: u32 = 25;
const PAUSE: Duration = Duration::from_millis(20);

/// A file of whole lines, open for more of them. Bytes count from the file's start.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: File,
    /// Where the next line goes.
    end: u64,
}

impl Lines {
    /// Opens a file, or makes an empty one, and its folder.
    ///
    /// # Errors
    /// When it cannot be opened for reading and writing, or another process has it open and is
    /// [`Others::Refused`].
    pub fn open(path: &Path, others: Others) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.map_or(Ok(()), std::fs::create_dir_all)?;
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        match others {
            Others::Awaited => file.lock()?,
            Others::Refused => alone(&file)?,
        }
        let end = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, end })
    }

    /// Opens a file that is only read, whoever else has it open; nothing can be appended to it or cut off.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn view(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let end = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, end })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the next line goes.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// All that the file holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// All that the file holds, a piece at a time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn reader(&self) -> Result<BufReader<&File>> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        Ok(BufReader::with_capacity(1 << 20, file))
    }

    /// The bytes of some lines, as [`Self::append`] said where they are.
    ///
    /// # Errors
    /// When the file cannot be read, or ends before.
    pub fn read(&self, place: Range<u64>) -> Result<Vec<u8>> {
        let length =
            usize::try_from(place.end.saturating_sub(place.start)).map_err(Error::other)?;
        let mut bytes = vec![0; length];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place.start))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Cuts off what stands behind the first `end` bytes.
    ///
    /// # Errors
    /// When it cannot be cut.
    pub fn cut(&mut self, end: u64) -> Result<()> {
        self.file.set_len(end)?;
        self.end = end;
        Ok(())
    }

    /// Writes whole lines at the end, or leaves the file as it was. Where they stand.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append(&mut self, lines: &[u8]) -> Result<Range<u64>> {
        self.file.seek(SeekFrom::Start(self.end))?;
        if let Err(error) = self.file.write_all(lines) {
            self.undo();
            return Err(error);
        }
        let start = self.end;
        self.end += lines.len() as u64;
        Ok(start..self.end)
    }

    /// Writes whole lines as [`Self::append`] does, and waits until the disk has them.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append_safely(&mut self, lines: &[u8]) -> Result<Range<u64>> {
        let place = self.append(lines)?;
        if let Err(error) = self.file.sync_data() {
            self.end = place.start;
            self.undo();
            return Err(error);
        }
        Ok(place)
    }

    fn undo(&self) {
        // If even that fails, whoever opens the file next finds a line without an end.
        let _ = self.file.set_len(self.end);
    }
}

fn alone(file: &File) -> Result<()> {
    let mut tries = 0;
    loop {
        tries += 1;
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if tries < TRIES => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let problem =
                    "another process works on it: wait for its end, or name another place";
                return Err(Error::other(problem));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_read_and_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/below/lines.jsonl");
        let mut lines = Lines::open(&path, Others::Refused).expect("made");
        assert_eq!((lines.end(), lines.path()), (0, path.as_path()));
        assert_eq!(lines.append(b"one\n").expect("written"), 0..4);
        assert_eq!(lines.append_safely(b"three\n").expect("written"), 4..10);
        assert_eq!(lines.read(4..10).expect("read"), b"three\n");
        assert!(lines.read(4..11).is_err());
        // Reading moves no end.
        assert_eq!(lines.append(b"x\n").expect("written"), 10..12);
        assert_eq!(lines.bytes().expect("read"), b"one\nthree\nx\n");
        lines.cut(4).expect("cut");
        assert_eq!(lines.append(b"two\n").expect("written"), 4..8);
        drop(lines);
        let _writing = Lines::open(&path, Others::Refused).expect("there");
        let mut lines = Lines::view(&path).expect("there, whoever writes it");
        assert!(lines.append(b"no\n").is_err() && lines.cut(0).is_err());
        assert!(Lines::view(&folder.path().join("none")).is_err());
        assert_eq!((lines.end(), lines.bytes().expect("read")), (8, b"one\ntwo\n".to_vec()));
    }

    #[test]
    fn a_second_one_is_refused_or_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines.jsonl");
        let first = Lines::open(&path, Others::Refused).expect("made");
        let error = Lines::open(&path, Others::Refused).expect_err("in use");
        assert!(error.to_string().contains("another process works on it"), "{error}");
        std::thread::scope(|scope| {
            let second =
                scope.spawn(|| Lines::open(&path, Others::Awaited).map(|lines| lines.end()));
            std::thread::sleep(PAUSE);
            assert!(!second.is_finished());
            drop(first);
            assert_eq!(second.join().expect("no panic").expect("its turn"), 0);
        });
        assert!(Lines::open(folder.path(), Others::Refused).is_err());
    }
}
