//! The bytes of every token, by id.

use std::collections::HashMap;

/// The bytes of every token, by id, in one allocation.
#[derive(Debug)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Where the bytes of id `i` end; they start where those of `i - 1` end.
    ends: Vec<usize>,
    /// The text of each special token; these have no bytes above.
    special: HashMap<u32, String>,
}

impl Pieces {
    /// Collects `(id, bytes)` pairs in ascending order of id, and the special tokens.
    pub(super) fn new(
        pieces: impl IntoIterator<Item = (u32, Vec<u8>)>,
        special: HashMap<u32, String>,
    ) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for (id, piece) in pieces {
            // Ids without a token are empty.
            ends.resize(id as usize, bytes.len());
            if !special.contains_key(&id) {
                bytes.extend(piece);
            }
            ends.push(bytes.len());
        }
        Self { bytes, ends, special }
    }

    /// Number of ids.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of a token; none for special tokens and unknown ids.
    pub(super) fn bytes(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = id.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        match (start, self.ends.get(id)) {
            (Some(start), Some(&end)) => self.bytes.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The text of a special token.
    pub(super) fn special(&self, id: u32) -> Option<&str> {
        self.special.get(&id).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_special_tokens_are_empty() {
        let special = HashMap::from([(4, "<s>".to_owned())]);
        let list = [(1, b"ab".to_vec()), (4, b"<s>".to_vec()), (5, b"c".to_vec())];
        let pieces = Pieces::new(list, special);
        let bytes: Vec<&[u8]> = (0..8).map(|id| pieces.bytes(id)).collect();
        assert_eq!(bytes, [&b""[..], b"ab", b"", b"", b"", b"c", b"", b""]);
        assert_eq!(pieces.bytes(u32::MAX), b"");
        assert_eq!(pieces.len(), 6);
        assert_eq!(pieces.special(4), Some("<s>"));
        assert_eq!(pieces.special(1), None);
    }
}
