//! Digests of bytes: short names that are the same in every run and on every machine.
//!
//! They tell files and vocabularies apart that differ by chance or by work, not by malice.

use tts_core::seed::mix;

use super::source::Source;
use crate::ModelError;

/// Bytes of a file's beginning that are all read: headers, tokenizers, small models.
const WHOLE: u64 = 16 << 20;

/// Blocks that are read of what comes behind, evenly spread.
const SAMPLES: u64 = 1024;

/// Bytes of such a block.
const BLOCK: u64 = 4096;

/// A digest of everything it was told, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest(u64);

impl Digest {
    /// Takes a number.
    pub(crate) fn number(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }

    /// Takes bytes, and how many they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for &word in words {
            self.number(u64::from_le_bytes(word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.number(u64::from_le_bytes(last));
    }

    /// Takes a file: its size, its beginning, and of a long one samples up to its end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn file(&mut self, file: &Source) -> Result<(), ModelError> {
        let size = file.length();
        self.number(size);
        self.bytes(&file.read_at(0, size.min(WHOLE), "digest")?);
        let Some(rest) = size.checked_sub(WHOLE).filter(|&rest| rest > 0) else { return Ok(()) };
        let blocks = rest.div_ceil(BLOCK).min(SAMPLES);
        for block in 0..blocks {
            // The last of them ends where the file does.
            let offset = rest.saturating_sub(BLOCK) * block / (blocks - 1).max(1);
            self.bytes(&file.read_at(WHOLE + offset, BLOCK.min(rest - offset), "digest")?);
        }
        Ok(())
    }

    /// The digest.
    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Seek, SeekFrom, Write};

    use super::*;
    use crate::weights::Files;

    fn of(bytes: &[u8]) -> u64 {
        let mut digest = Digest::default();
        digest.bytes(bytes);
        digest.finish()
    }

    #[test]
    fn every_byte_and_every_border_counts() {
        let mut seen = std::collections::HashSet::new();
        for length in 0..40 {
            let bytes = vec![0_u8; length];
            assert!(seen.insert(of(&bytes)), "{length} zeros");
            for place in 0..length {
                let mut other = bytes.clone();
                other[place] = 1;
                assert!(seen.insert(of(&other)), "byte {place} of {length}");
            }
        }
        let of_two = |a: &[u8], b: &[u8]| {
            let mut digest = Digest::default();
            digest.bytes(a);
            digest.bytes(b);
            digest.finish()
        };
        assert_ne!(of_two(b"ab", b"c"), of_two(b"a", b"bc"));
    }

    #[test]
    fn files_are_told_apart_at_both_ends_and_by_size() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("weights");
        let of_file = |size: u64, changed: Option<u64>| {
            // Sparse: holes read as zeros.
            let mut file = File::create(&path).expect("a file");
            file.set_len(size).expect("room");
            if let Some(place) = changed {
                file.seek(SeekFrom::Start(place)).expect("a place");
                file.write_all(&[1]).expect("room");
            }
            let mut digest = Digest::default();
            digest.file(&Source::open(&Files::from(&path)).expect("there")).expect("readable");
            digest.finish()
        };
        for size in [1, 4097, WHOLE, WHOLE + 1, WHOLE + BLOCK, WHOLE + 5000, 40 << 20] {
            let base = of_file(size, None);
            assert_eq!(of_file(size, None), base);
            assert_ne!(of_file(size + 1, None), base, "{size} bytes");
            let places = [0, size / 3, size - 1, (WHOLE - 1).min(size - 1), WHOLE.min(size - 1)];
            for place in places {
                assert_ne!(of_file(size, Some(place)), base, "byte {place} of {size}");
            }
        }
    }
}
