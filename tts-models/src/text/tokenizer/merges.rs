//! The merges that a `SentencePiece` vocabulary implies by its scores.
//!
//! `SentencePiece` joins, among all adjacent pairs whose concatenation is a piece, the pair whose
//! piece scores highest. As a list of merges: every way to cut a piece into two pieces, the pieces
//! ordered by falling score. Pieces with equal scores keep the order of their ids.
//!
//! Source: Kudo and Richardson 2018; the conversion is that of Hugging Face `transformers`.

use std::collections::HashMap;

/// Longest piece that is cut, in bytes. Cutting takes time quadratic in the length.
pub(super) const MAX_PIECE_BYTES: usize = 512;

/// The merges of the pieces `(text, score)`.
pub(super) fn from_scores(pieces: &[(&str, f32)]) -> Vec<(String, String)> {
    let ids: HashMap<&str, usize> = pieces.iter().enumerate().map(|(i, (t, _))| (*t, i)).collect();
    let mut merges = Vec::new();
    for (id, (text, score)) in pieces.iter().enumerate() {
        if text.len() > MAX_PIECE_BYTES {
            continue;
        }
        for (at, _) in text.char_indices().skip(1) {
            let (left, right) = text.split_at(at);
            if let (Some(&l), Some(&r)) = (ids.get(left), ids.get(right)) {
                merges.push((*score, id, l, r));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2, a.3).cmp(&(b.1, b.2, b.3))));
    let text = |id: usize| pieces[id].0.to_owned();
    merges.into_iter().map(|(_, _, l, r)| (text(l), text(r))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn higher_scores_come_first() {
        let pieces = [("a", -9.0), ("b", -9.0), ("ab", -2.0), ("bb", -1.0), ("abb", -3.0)];
        let merges = from_scores(&pieces);
        let expected = [("b", "b"), ("a", "b"), ("a", "bb"), ("ab", "b")];
        let expected: Vec<_> = expected.map(|(l, r)| (l.to_owned(), r.to_owned())).into();
        assert_eq!(merges, expected);
    }
}
