//! One sequence as a chain of blocks, the first of which other sequences may share.
//!
//! A chain is shared blocks and then a tail of its own ones. Sharing freezes the tail; the sequence
//! goes on in a fresh block, so that nothing shared is ever written to and nothing is copied. The
//! price is a block that may stay partly empty where sequences part. What a block holds is the
//! executor's: numbers on the CPU, a place in a buffer on a device. A chain may let go of its first blocks; the others
//! keep their numbers.
//!
//! Source: Kwon et al. 2023 (arXiv:2309.06180), section 4, for keys and values in blocks.

use std::sync::Arc;

use crate::{BLOCK_TOKENS, Piece};

/// A block that sequences share; the last of them to go drops it.
#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "cuda", feature = "wgpu")),
    expect(unreachable_pub, reason = "the interface with a GPU")
)]
pub struct Shared<B>(Arc<B>);

// Not derived: that would ask for `B: Clone`.
impl<B> Clone for Shared<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> Shared<B> {
    /// Equal for clones of one block, and for no other block that is alive.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// One sequence.
#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "cuda", feature = "wgpu")),
    expect(unreachable_pub, reason = "the interface with a GPU")
)]
pub struct Chain<B> {
    /// Blocks at the beginning that it has let go of, and their tokens.
    gone: usize,
    gone_tokens: usize,
    shared: Vec<Piece<Shared<B>>>,
    /// Tokens in `shared`.
    shared_tokens: usize,
    /// Full blocks but for the last ones.
    tail: Vec<B>,
    tail_tokens: usize,
}

impl<B> Chain<B> {
    /// A sequence that begins with these pieces.
    pub(crate) fn new(pieces: Vec<Piece<Shared<B>>>) -> Self {
        Self::behind(0, 0, pieces)
    }

    /// A sequence of which so many blocks, with so many tokens, are gone before these pieces.
    pub(crate) fn behind(gone: usize, gone_tokens: usize, pieces: Vec<Piece<Shared<B>>>) -> Self {
        let shared_tokens = pieces.iter().map(|piece| piece.tokens).sum();
        Self { gone, gone_tokens, shared: pieces, shared_tokens, tail: Vec::new(), tail_tokens: 0 }
    }

    /// Tokens of the sequence, those that it has let go of included.
    pub(crate) fn len(&self) -> usize {
        self.gone_tokens + self.shared_tokens + self.tail_tokens
    }

    /// The tokens at its beginning that it has let go of.
    pub(crate) fn gone_tokens(&self) -> usize {
        self.gone_tokens
    }

    /// Lets go of the blocks all of whose tokens come before a position.
    pub(crate) fn let_go(&mut self, before: usize) {
        let mut left = before.saturating_sub(self.gone_tokens);
        let mut count = 0;
        while let Some(piece) = self.shared.get(count).filter(|piece| piece.tokens <= left) {
            left -= piece.tokens;
            self.shared_tokens -= piece.tokens;
            self.gone_tokens += piece.tokens;
            count += 1;
        }
        self.shared.drain(..count);
        self.gone += count;
        if self.shared.is_empty() {
            // Of the tail's blocks those before a full one are full.
            let count = left.min(self.tail_tokens) / BLOCK_TOKENS;
            self.tail.drain(..count);
            self.tail_tokens -= count * BLOCK_TOKENS;
            self.gone_tokens += count * BLOCK_TOKENS;
            self.gone += count;
        }
    }

    /// Makes room for `tokens` more, in blocks of `take`.
    pub(crate) fn reserve(&mut self, tokens: usize, take: impl FnMut() -> B) {
        let blocks = (self.tail_tokens + tokens).div_ceil(BLOCK_TOKENS);
        let missing = blocks.saturating_sub(self.tail.len());
        self.tail.extend(std::iter::repeat_with(take).take(missing));
    }

    /// Counts tokens that have been written to every layer.
    pub(crate) fn advance(&mut self, tokens: usize) {
        self.tail_tokens += tokens;
    }

    /// The whole sequence but for what it has let go of, with the tail frozen.
    pub(crate) fn pieces(&mut self) -> Vec<Piece<Shared<B>>> {
        for block in self.tail.drain(..) {
            // Room that was made for a pass that failed stays empty.
            let tokens = self.tail_tokens.min(BLOCK_TOKENS);
            if tokens > 0 {
                self.tail_tokens -= tokens;
                self.shared_tokens += tokens;
                self.shared.push(Piece { block: Shared(Arc::new(block)), tokens });
            }
        }
        self.shared.clone()
    }

    /// Number of blocks, the tail's and those that are gone included.
    pub(crate) fn blocks(&self) -> usize {
        self.gone + self.shared.len() + self.tail.len()
    }

    /// Block number `index`, and its tokens; those of a tail's block are all that may be there once
    /// the present pass has written them. `None` of a block that it has let go of.
    pub(crate) fn block(&self, index: usize) -> Option<(&B, usize)> {
        let index = index.checked_sub(self.gone)?;
        match self.shared.get(index) {
            Some(piece) => Some((&piece.block.0, piece.tokens)),
            None => Some((self.tail.get(index - self.shared.len())?, BLOCK_TOKENS)),
        }
    }

    /// What tells one block from another, of each that is there.
    pub(crate) fn keys(&self) -> Vec<(usize, usize)> {
        let blocks = (self.gone..self.blocks()).filter_map(|index| self.block(index));
        blocks.map(|(block, tokens)| (std::ptr::from_ref(block).addr(), tokens)).collect()
    }

    /// The blocks that may be written to, and how many tokens they hold.
    #[cfg(any(feature = "cuda", feature = "wgpu"))]
    pub(crate) fn tail(&self) -> (&[B], usize) {
        (&self.tail, self.tail_tokens)
    }

    /// The blocks that may be written to, and how many tokens they hold.
    pub(crate) fn tail_mut(&mut self) -> (&mut [B], usize) {
        (&mut self.tail, self.tail_tokens)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A chain beside the sequence it should be: blocks hold the tokens that were written to them.
    fn write(chain: &mut Chain<Vec<u32>>, tokens: &[u32]) {
        chain.reserve(tokens.len(), || Vec::with_capacity(BLOCK_TOKENS));
        let (tail, held) = chain.tail_mut();
        for (offset, &token) in tokens.iter().enumerate() {
            tail[(held + offset) / BLOCK_TOKENS].push(token);
        }
        chain.advance(tokens.len());
    }

    fn read(chain: &Chain<Vec<u32>>) -> Vec<u32> {
        let blocks = (0..chain.blocks()).filter_map(|index| chain.block(index));
        blocks.flat_map(|(block, tokens)| block.iter().take(tokens).copied()).collect()
    }

    proptest! {
        #[test]
        fn forks_part_and_keep_what_they_shared(
            parts in prop::collection::vec((0..3_usize, 0..40_usize, 0..60_usize), 1..20),
        ) {
            let mut chains = vec![(Chain::new(Vec::new()), Vec::new())];
            let mut next = 0;
            for (which, count, keep) in parts {
                let place = which % chains.len();
                let tokens: Vec<u32> = (next..).take(count).collect();
                next += 1000;
                let (chain, expected) = &mut chains[place];
                write(chain, &tokens);
                expected.extend(tokens);
                let mut pieces = chain.pieces();
                crate::exec::keep(&mut pieces, keep);
                let kept = expected[..keep.min(expected.len())].to_vec();
                chains.push((Chain::new(pieces), kept));
            }
            for (chain, expected) in &chains {
                prop_assert_eq!(chain.len(), expected.len());
                prop_assert_eq!(&read(chain), expected);
            }
        }
    }

    proptest! {
        /// Beside one that keeps everything: the same blocks under the same numbers, but for those all of whose tokens
        /// come before the position, and these are dropped.
        #[test]
        fn what_is_let_go_of_is_gone_and_nothing_else(
            parts in prop::collection::vec((1..40_usize, any::<bool>(), 0..90_usize), 1..12),
        ) {
            let (mut kept, mut thin) = (Chain::new(Vec::new()), Chain::new(Vec::new()));
            let mut before = 0;
            for (count, freezes, behind) in parts {
                let tokens: Vec<u32> = (0..).skip(kept.len()).take(count).collect();
                write(&mut kept, &tokens);
                write(&mut thin, &tokens);
                if freezes {
                    kept.pieces();
                    thin.pieces();
                }
                before = before.max(kept.len().saturating_sub(behind));
                thin.let_go(before);
                prop_assert_eq!((thin.len(), thin.blocks()), (kept.len(), kept.blocks()));
                let mut position = 0;
                for index in 0..kept.blocks() {
                    let (block, tokens) = kept.block(index).unwrap();
                    position += tokens;
                    let found = thin.block(index);
                    prop_assert_eq!(found.is_none(), position <= before);
                    prop_assert!(found.is_none_or(|found| found == (block, tokens)));
                    prop_assert!(found.is_some() || position <= thin.gone_tokens());
                }
                let on = thin.pieces();
                kept.pieces();
                let again = Chain::behind(thin.gone, thin.gone_tokens, on);
                prop_assert_eq!(read(&again), read(&thin));
                prop_assert_eq!((again.len(), again.blocks()), (thin.len(), thin.blocks()));
            }
        }
    }

    #[test]
    fn shared_blocks_have_one_key() {
        let mut first = Chain::new(Vec::new());
        write(&mut first, &[1; 20]);
        let pieces = first.pieces();
        let second = Chain::new(pieces.clone());
        assert_eq!(first.keys(), second.keys());
        assert_ne!(first.keys()[0], first.keys()[1]);
        let part = vec![pieces[0].clone(), Piece { tokens: 1, ..pieces[1].clone() }];
        assert_ne!(Chain::new(part).keys()[1], first.keys()[1]);
        assert_eq!(pieces[0].block.id(), pieces[0].clone().block.id());
    }

    #[test]
    fn room_of_a_failed_pass_stays_empty() {
        let mut chain = Chain::new(Vec::new());
        chain.reserve(40, || Vec::with_capacity(BLOCK_TOKENS));
        write(&mut chain, &[7; 3]);
        assert_eq!(chain.pieces().len(), 1);
        assert_eq!((chain.len(), chain.blocks()), (3, 1));
    }
}
