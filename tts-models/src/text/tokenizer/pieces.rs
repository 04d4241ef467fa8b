//! The bytes of every token, by id.

use std::collections::HashMap;

use crate::weights::digest::Digest;

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

    /// One more than the last id that stands for something: neither without a token nor with a name
    /// that converters give to padding.
    pub(super) fn used(&self) -> usize {
        let used = |id: &u32| {
            let token = self.special(*id).map_or_else(|| self.bytes(*id), str::as_bytes);
            !token.is_empty() && !is_padding(*id, token)
        };
        let last = u32::try_from(self.len()).ok().and_then(|ids| (0..ids).rev().find(used));
        last.map_or(0, |id| id as usize + 1)
    }

    /// A digest of what every id stands for. Ids without a token do not count, nor do the names
    /// that converters give to them: `[PAD7]` for id 7.
    pub(super) fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        for id in (0_u32..).take(self.len()) {
            let token = self.special(id).map_or_else(|| self.bytes(id), str::as_bytes);
            if !token.is_empty() && !is_padding(id, token) {
                digest.number(id.into());
                digest.bytes(token);
            }
        }
        digest.finish()
    }

    /// The text of a special token.
    pub(super) fn special(&self, id: u32) -> Option<&str> {
        self.special.get(&id).map(String::as_str)
    }
}

/// Whether a token has the name that converters give to an id without one.
fn is_padding(id: u32, token: &[u8]) -> bool {
    token == format!("[PAD{id}]").as_bytes()
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

    #[test]
    fn the_digest_is_of_ids_and_what_they_stand_for() {
        let digest = |list: &[(u32, &str)], special: &[(u32, &str)]| {
            let special = special.iter().map(|&(id, name)| (id, name.to_owned())).collect();
            let list = list.iter().map(|&(id, piece)| (id, piece.as_bytes().to_vec()));
            Pieces::new(list, special).digest()
        };
        let base = digest(&[(0, "a"), (1, "b"), (2, "<e>")], &[(2, "<e>")]);
        // The same tokens, whether a file says that one is special, and however they are padded.
        assert_eq!(digest(&[(0, "a"), (1, "b"), (2, "<e>")], &[]), base);
        let padded = [(0, "a"), (1, "b"), (2, "<e>"), (3, "[PAD3]"), (4, "[PAD4]")];
        assert_eq!(digest(&padded, &[(2, "<e>"), (4, "[PAD4]")]), base);
        for other in [
            &[(0, "b"), (1, "a"), (2, "<e>")][..],
            &[(0, "a"), (1, "b"), (3, "<e>")],
            &[(0, "a"), (1, "b")],
            &[(0, "ab"), (2, "<e>")],
            &[(0, "a"), (1, "b"), (2, "<e>"), (3, "[PAD9]")],
        ] {
            assert_ne!(digest(other, &[]), base, "{other:?}");
        }
        // Fixed for good: records name their vocabulary by it.
        assert_eq!(base, 7_406_427_058_653_526_693);
    }
}
