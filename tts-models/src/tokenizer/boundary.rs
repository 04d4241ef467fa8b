//! Ends of steps and stop strings, found in a stream of token ids.
//!
//! The delimiters are compiled into one automaton over bytes (Aho and Corasick), so a delimiter
//! may span tokens, and each byte costs one table look-up however many delimiters there are. A
//! delimiter counts only when the step holds something other than ASCII whitespace before it:
//! blank lines at the start of a step do not end it.
//!
//! Source: Aho and Corasick 1975, "Efficient string matching".

use std::ops::Range;
use std::sync::Arc;

use super::Tokenizer;
use super::pieces::Pieces;
use crate::ModelError;

/// Most bytes of all delimiters together; each takes a kilobyte of table.
const MAX_BYTES: usize = 4096;

/// Delimiters compiled for one tokenizer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Boundary {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pieces: Arc<Pieces>,
    /// Next state by state and byte.
    next: Vec<[u32; 256]>,
    /// Length of the shortest delimiter that ends in each state; `0` for none.
    shortest: Vec<usize>,
    needs_text: bool,
}

/// Where in a step the stream is. Cheap to clone, so that siblings can share a beginning.
#[derive(Debug, Clone)]
pub struct BoundaryState {
    shared: Arc<Shared>,
    cursor: Cursor,
}

/// Position in the automaton and in the step.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    state: u32,
    /// Bytes from the first one that is not whitespace.
    text: usize,
}

impl Boundary {
    /// Delimiters that end a step. No delimiters at all is fine: nothing ends then.
    ///
    /// # Errors
    /// When a delimiter is empty, or all of them together are longer than 4,096 bytes.
    pub fn new(tokenizer: &Tokenizer, delimiters: &[String]) -> Result<Self, ModelError> {
        Self::compile(tokenizer, delimiters, true)
    }

    /// Strings that end a generation wherever they stand, even at its start.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn stop(tokenizer: &Tokenizer, strings: &[String]) -> Result<Self, ModelError> {
        Self::compile(tokenizer, strings, false)
    }

    fn compile(
        tokenizer: &Tokenizer,
        delimiters: &[String],
        needs_text: bool,
    ) -> Result<Self, ModelError> {
        let input = |problem: String| ModelError::Input { field: "delimiters".into(), problem };
        if let Some(i) = delimiters.iter().position(String::is_empty) {
            return Err(input(format!("delimiter {i} is empty")));
        }
        let total: usize = delimiters.iter().map(String::len).sum();
        if total > MAX_BYTES {
            return Err(input(format!("{total} bytes altogether, at most {MAX_BYTES}")));
        }
        let (next, shortest) = automaton(delimiters);
        let pieces = Arc::clone(&tokenizer.pieces);
        Ok(Self { shared: Arc::new(Shared { pieces, next, shortest, needs_text }) })
    }

    /// The start of a step.
    pub fn start(&self) -> BoundaryState {
        BoundaryState { shared: Arc::clone(&self.shared), cursor: Cursor::default() }
    }

    /// The first delimiter that counts in a text, as a range of bytes: text before it is the step
    /// without its delimiter. Of delimiters that end at the same byte, the shortest.
    pub fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        let mut cursor = Cursor::default();
        (1..).zip(text).find_map(|(end, &byte)| {
            let length = self.shared.step(&mut cursor, byte)?;
            Some(end - length..end)
        })
    }
}

impl BoundaryState {
    /// Takes the next token. True when a delimiter that counts ends within it. The state goes on
    /// afterwards: call [`reset`](Self::reset) to begin the next step.
    pub fn push(&mut self, id: u32) -> bool {
        let Self { shared, cursor } = self;
        let mut ends = false;
        for &byte in shared.pieces.bytes(id) {
            ends |= shared.step(cursor, byte).is_some();
        }
        ends
    }

    /// Begins the next step.
    pub fn reset(&mut self) {
        self.cursor = Cursor::default();
    }
}

impl Shared {
    /// Takes one byte; the length of the delimiter that counts and ends there.
    fn step(&self, cursor: &mut Cursor, byte: u8) -> Option<usize> {
        if cursor.text > 0 || !is_space(byte) {
            cursor.text += 1;
        }
        cursor.state = self.next.get(cursor.state as usize)?[usize::from(byte)];
        let length = *self.shortest.get(cursor.state as usize)?;
        (length > 0 && (!self.needs_text || cursor.text > length)).then_some(length)
    }
}

/// ASCII whitespace, vertical tab included.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0B
}

/// Transitions and shortest outputs of the automaton of all delimiters.
fn automaton(delimiters: &[String]) -> (Vec<[u32; 256]>, Vec<usize>) {
    let (mut next, mut shortest) = (vec![[0_u32; 256]], vec![0_usize]);
    // A trie, in which 0 stands for no child: nothing leads back to the root yet.
    for delimiter in delimiters {
        let mut state = 0;
        for byte in delimiter.bytes() {
            let child = next[state][usize::from(byte)] as usize;
            state = if child == 0 {
                let new = next.len();
                next[state][usize::from(byte)] = u32::try_from(new).unwrap_or_default();
                next.push([0; 256]);
                shortest.push(0);
                new
            } else {
                child
            };
        }
        shortest[state] = delimiter.len();
    }
    // Breadth first, missing children are those of the longest proper suffix in the trie.
    let mut queue: std::collections::VecDeque<(usize, usize)> =
        next[0].iter().filter(|&&child| child != 0).map(|&child| (child as usize, 0)).collect();
    while let Some((state, suffix)) = queue.pop_front() {
        if shortest[suffix] > 0 {
            shortest[state] = shortest[suffix];
        }
        let of_suffix = next[suffix];
        for (byte, fallback) in of_suffix.into_iter().enumerate() {
            match next[state][byte] {
                0 => next[state][byte] = fallback,
                child => queue.push_back((child as usize, fallback as usize)),
            }
        }
    }
    (next, shortest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(|&s| s.to_owned()).collect()
    }

    /// The rule, spelled out: some delimiter ends after byte `from`, with text before it.
    fn naive(text: &[u8], from: usize, delimiters: &[String], needs_text: bool) -> bool {
        (from + 1..=text.len()).any(|end| {
            delimiters.iter().any(|d| {
                text[..end].ends_with(d.as_bytes())
                    && (!needs_text
                        || text[..end - d.len()].iter().any(|b| !b" \t\n\r\x0b\x0c".contains(b)))
            })
        })
    }

    #[test]
    fn blank_lines_at_the_start_do_not_end_a_step() {
        let tokenizer = Tokenizer::bytes().unwrap();
        let boundary = Boundary::new(&tokenizer, &owned(&["\n\n", "Step "])).unwrap();
        assert_eq!(boundary.find(b"\n\n \n\nStep 1: add.\n\nStep 2"), Some(17..19));
        assert_eq!(boundary.find(b"\n\n \n\nStep 1Step "), Some(11..16));
        assert_eq!(boundary.find(b"\n\nStep 1"), None);
        let stop = Boundary::stop(&tokenizer, &owned(&["\n\n"])).unwrap();
        assert_eq!(stop.find(b"\n\nx"), Some(0..2));
        let mut state = boundary.start();
        let ends: Vec<bool> = "a\n\nb".bytes().map(|b| state.push(b.into())).collect();
        assert_eq!(ends, [false, false, true, false]);
        state.reset();
        assert!(!state.push(u32::from(b'\n')) && !state.push(u32::from(b'\n')));
        // Special and unknown ids add nothing.
        assert!(!state.push(258) && !state.push(u32::MAX));
    }

    #[test]
    fn bad_delimiters() {
        let tokenizer = Tokenizer::bytes().unwrap();
        let error = |list: &[String]| Boundary::new(&tokenizer, list).unwrap_err().to_string();
        assert_eq!(error(&owned(&["a", ""])), "delimiters: delimiter 1 is empty");
        assert!(error(&["x".repeat(5000)]).contains("5000 bytes"));
        let none = Boundary::new(&tokenizer, &[]).unwrap();
        assert_eq!(none.find(b"a\n\nb"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn agrees_with_a_naive_search(
            tokens in prop::collection::vec("[ab \n]{0,4}", 0..12),
            delimiters in prop::collection::vec("[ab\n]{1,4}", 0..4),
            needs_text: bool,
        ) {
            // A vocabulary of exactly these tokens.
            let mut tokenizer = Tokenizer::bytes().unwrap();
            let list = (0..).zip(tokens.iter().map(|t| t.clone().into_bytes()));
            tokenizer.pieces = Arc::new(Pieces::new(list, std::collections::HashMap::new()));
            let boundary = Boundary::compile(&tokenizer, &delimiters, needs_text).unwrap();
            let mut state = boundary.start();
            let mut text = Vec::new();
            for (id, token) in (0..).zip(&tokens) {
                let from = text.len();
                text.extend_from_slice(token.as_bytes());
                let expected = naive(&text, from, &delimiters, needs_text);
                prop_assert_eq!(state.push(id), expected);
                if expected {
                    state.reset();
                    text.clear();
                }
            }
        }
    }
}
