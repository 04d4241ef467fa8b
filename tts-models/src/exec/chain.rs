//! One sequence as a chain of blocks, the first of which other sequences may share.
//!
//! A chain is shared blocks and then a tail of its own ones. Sharing freezes the tail; the sequence
//! goes on in a fresh block, so that nothing shared is ever written to and nothing is copied. The
//! price is a block that may stay partly empty where sequences part. What a block holds is the
//! executor's: numbers on the CPU, a place in a buffer on a device.
//!
//! Source: Kwon et al. 2023 (arXiv:2309.06180), section 4, for keys and values in blocks.

use std::sync::Arc;

use crate::{BLOCK_TOKENS, Piece};

/// A block that sequences share; the last of them to go drops it.
#[derive(Debug)]
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
pub struct Chain<B> {
    shared: Vec<Piece<Shared<B>>>,
    /// Tokens in `shared`.
    shared_tokens: usize,
    /// Full blocks but for the last ones.
    tail: Vec<B>,
    tail_tokens: usize,
}

impl<B> Chain<B> {
    /// A sequence that begins with these pieces.
    pub(crate) fn new(pieces: &[Piece<Shared<B>>]) -> Self {
        Self {
            shared: pieces.to_vec(),
            shared_tokens: pieces.iter().map(|piece| piece.tokens).sum(),
            tail: Vec::new(),
            tail_tokens: 0,
        }
    }

    /// Tokens of the sequence.
    pub(crate) fn len(&self) -> usize {
        self.shared_tokens + self.tail_tokens
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

    /// The whole sequence, with the tail frozen.
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

    /// Number of blocks, the tail's included.
    pub(crate) fn blocks(&self) -> usize {
        self.shared.len() + self.tail.len()
    }

    /// Block number `index`, and its tokens; those of a tail's block are all that may be there once
    /// the present pass has written them.
    pub(crate) fn block(&self, index: usize) -> (&B, usize) {
        match self.shared.get(index) {
            Some(piece) => (&piece.block.0, piece.tokens),
            None => (&self.tail[index - self.shared.len()], BLOCK_TOKENS),
        }
    }

    /// What tells one block from another.
    pub(crate) fn key(&self, index: usize) -> (usize, usize) {
        let (block, tokens) = self.block(index);
        (std::ptr::from_ref(block).addr(), tokens)
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
        let blocks = (0..chain.blocks()).map(|index| chain.block(index));
        blocks.flat_map(|(block, tokens)| block.iter().take(tokens).copied()).collect()
    }

    proptest! {
        #[test]
        fn forks_part_and_keep_what_they_shared(
            parts in prop::collection::vec((0..3_usize, 0..40_usize, 0..60_usize), 1..20),
        ) {
            let mut chains = vec![(Chain::new(&[]), Vec::new())];
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
                chains.push((Chain::new(&pieces), kept));
            }
            for (chain, expected) in &chains {
                prop_assert_eq!(chain.len(), expected.len());
                prop_assert_eq!(&read(chain), expected);
            }
        }
    }

    #[test]
    fn shared_blocks_have_one_key() {
        let mut first = Chain::new(&[]);
        write(&mut first, &[1; 20]);
        let pieces = first.pieces();
        let second = Chain::new(&pieces);
        assert_eq!(first.key(0), second.key(0));
        assert_eq!(first.key(1), second.key(1));
        assert_ne!(first.key(0), first.key(1));
        let part = [pieces[0].clone(), Piece { tokens: 1, ..pieces[1].clone() }];
        assert_ne!(Chain::new(&part).key(1), first.key(1));
        assert_eq!(pieces[0].block.id(), pieces[0].clone().block.id());
    }

    #[test]
    fn room_of_a_failed_pass_stays_empty() {
        let mut chain = Chain::new(&[]);
        chain.reserve(40, || Vec::with_capacity(BLOCK_TOKENS));
        write(&mut chain, &[7; 3]);
        assert_eq!(chain.pieces().len(), 1);
        assert_eq!((chain.len(), chain.blocks()), (3, 1));
    }
}
