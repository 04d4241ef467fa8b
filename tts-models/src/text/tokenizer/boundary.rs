//! Ends of steps and stop strings, found in a stream of token ids.
//!
//! The delimiters are compiled into one automaton over bytes (Aho and Corasick), so a delimiter
//! may span tokens, and each byte costs one table look-up however many delimiters there are. A
//! delimiter counts only when the step holds something other than ASCII whitespace before it:
//! blank lines at the start of a step do not end it. The delimiter `"\n\n"` is a blank line, whatever
//! white space stands on it. A delimiter or stop text that is the name of a control token, `<|im_end|>`,
//! is that token too, which has no bytes of its own.
//!
//! Source: Aho and Corasick 1975, "Efficient string matching".

use std::ops::Range;
use std::sync::Arc;

use super::Tokenizer;
use super::pieces::Pieces;
use crate::ModelError;

/// Most bytes of all delimiters together; each takes a kilobyte of table.
const MAX_BYTES: usize = 4096;

/// The delimiter that stands for a blank line.
const BLANK_LINE: &str = "\n\n";

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
    /// Of the delimiters that end in each state; `0` for none.
    lengths: Vec<Lengths>,
    needs_text: bool,
    /// Whether blank lines are delimiters.
    blank_lines: bool,
    /// Control tokens that are delimiters by name.
    controls: Vec<u32>,
}

/// Lengths of the shortest and of the longest delimiter that end in a state.
#[derive(Debug, Clone, Copy, Default)]
struct Lengths {
    shortest: usize,
    longest: usize,
}

/// A delimiter that ends within a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// How many of the last bytes reach back to where it begins.
    pub reach: usize,
    /// How many of them come after it.
    pub after: usize,
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
    /// Bytes from the last line break on while nothing but white space follows it.
    blank: usize,
}

impl Cursor {
    /// Takes one byte; the length of the blank line that ends with it, from the break before it on.
    fn blank_line(&mut self, byte: u8) -> Option<usize> {
        let before = self.blank;
        self.blank = match byte {
            b'\n' => 1,
            b' ' | b'\t' | b'\r' if before > 0 => before + 1,
            _ => 0,
        };
        (byte == b'\n' && before > 0).then_some(before + 1)
    }
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
        let (next, lengths) = automaton(delimiters);
        let pieces = Arc::clone(&tokenizer.pieces);
        let control = |name: &String| tokenizer.id(name).filter(|&id| tokenizer.is_special(id));
        let shared = Shared {
            pieces,
            next,
            lengths,
            needs_text,
            blank_lines: needs_text && delimiters.iter().any(|delimiter| delimiter == BLANK_LINE),
            controls: delimiters.iter().filter_map(control).collect(),
        };
        Ok(Self { shared: Arc::new(shared) })
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
            let lengths = self.shared.step(&mut cursor, byte)?;
            Some(end - lengths.shortest..end)
        })
    }
}

impl BoundaryState {
    /// Takes the next token. True when a delimiter that counts ends within it. The state goes on
    /// afterwards: call [`reset`](Self::reset) to begin the next step.
    pub fn push(&mut self, id: u32) -> bool {
        self.reach(id).is_some()
    }

    /// Takes the next token. When a delimiter that counts ends within it: how many of the last
    /// bytes, the token's included, reach back to where that delimiter begins, perhaps before the
    /// present step; none where it is a control token by its name. Of several the first to end, and of
    /// these the longest.
    pub fn reach(&mut self, id: u32) -> Option<usize> {
        self.found(id).map(|found| found.reach)
    }

    /// As [`reach`](Self::reach), with what the token says after the delimiter.
    pub fn found(&mut self, id: u32) -> Option<Found> {
        let Self { shared, cursor } = self;
        if shared.controls.contains(&id) && (!shared.needs_text || cursor.text > 0) {
            return Some(Found { reach: 0, after: 0 });
        }
        let bytes = shared.pieces.bytes(id);
        let mut found = None;
        for (place, &byte) in bytes.iter().enumerate() {
            if let Some(lengths) = shared.step(cursor, byte) {
                let after = bytes.len() - 1 - place;
                found = found.or(Some(Found { reach: lengths.longest + after, after }));
            }
        }
        found
    }

    /// Begins the next step.
    pub fn reset(&mut self) {
        self.cursor = Cursor::default();
    }
}

impl Shared {
    /// Takes one byte; the lengths of the delimiters that end there, if one counts.
    fn step(&self, cursor: &mut Cursor, byte: u8) -> Option<Lengths> {
        if cursor.text > 0 || !is_space(byte) {
            cursor.text += 1;
        }
        cursor.state = self.next.get(cursor.state as usize)?[usize::from(byte)];
        let lengths = *self.lengths.get(cursor.state as usize)?;
        let blank = if self.blank_lines { cursor.blank_line(byte) } else { None };
        let counts = |length: usize| length > 0 && (!self.needs_text || cursor.text > length);
        if counts(lengths.shortest) {
            return Some(lengths);
        }
        let blank = blank.filter(|&length| counts(length));
        blank.map(|length| Lengths { shortest: length, longest: length })
    }
}

/// ASCII whitespace, vertical tab included.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0B
}

/// Transitions and outputs of the automaton of all delimiters.
fn automaton(delimiters: &[String]) -> (Vec<[u32; 256]>, Vec<Lengths>) {
    let (mut next, mut lengths) = (vec![[0_u32; 256]], vec![Lengths::default()]);
    // A trie, in which 0 stands for no child: nothing leads back to the root yet.
    for delimiter in delimiters {
        let mut state = 0;
        for byte in delimiter.bytes() {
            let child = next[state][usize::from(byte)] as usize;
            state = if child == 0 {
                let new = next.len();
                next[state][usize::from(byte)] = u32::try_from(new).unwrap_or_default();
                next.push([0; 256]);
                lengths.push(Lengths::default());
                new
            } else {
                child
            };
        }
        lengths[state] = Lengths { shortest: delimiter.len(), longest: delimiter.len() };
    }
    // Breadth first, missing children are those of the longest proper suffix in the trie.
    let mut queue: std::collections::VecDeque<(usize, usize)> =
        next[0].iter().filter(|&&child| child != 0).map(|&child| (child as usize, 0)).collect();
    while let Some((state, suffix)) = queue.pop_front() {
        let Lengths { shortest, longest } = lengths[suffix];
        if shortest > 0 {
            lengths[state].shortest = shortest;
            // What is spelled by the state itself is longer than any suffix of it.
            lengths[state].longest = lengths[state].longest.max(longest);
        }
        let of_suffix = next[suffix];
        for (byte, fallback) in of_suffix.into_iter().enumerate() {
            match next[state][byte] {
                0 => next[state][byte] = fallback,
                child => queue.push_back((child as usize, fallback as usize)),
            }
        }
    }
    (next, lengths)
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
                if needs_text && d == BLANK_LINE {
                    return ends_blank(&text[..end]);
                }
                text[..end].ends_with(d.as_bytes())
                    && (!needs_text
                        || text[..end - d.len()].iter().any(|b| !b" \t\n\r\x0b\x0c".contains(b)))
            })
        })
    }

    /// Whether a blank line ends here, with text before it.
    fn ends_blank(text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        let Some(line) = text.strip_suffix('\n') else { return false };
        let Some((before, line)) = line.rsplit_once('\n') else { return false };
        line.trim().is_empty() && !before.trim().is_empty()
    }

    /// How far back the longest of the delimiters reaches that end first after byte `from`.
    fn naive_reach(text: &[u8], from: usize, delimiters: &[String]) -> Option<usize> {
        (from + 1..=text.len()).find_map(|end| {
            let ends = delimiters.iter().filter(|d| text[..end].ends_with(d.as_bytes()));
            ends.map(|d| text.len() - end + d.len()).max()
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
    fn the_reach_of_a_stop_text_goes_back_to_its_beginning() {
        // Tokens of several bytes: a text may begin and end within one.
        let mut tokenizer = Tokenizer::bytes().unwrap();
        let list =
            ["</", "think", ">", "\n\n</think>", "x", "a>b>c"].map(|t| t.as_bytes().to_vec());
        let list = (0..).zip(list);
        tokenizer.pieces = Arc::new(Pieces::new(list, std::collections::HashMap::new()));
        let reaches = |texts: &[&str], ids: &[u32]| -> Vec<Option<usize>> {
            let mut state = Boundary::stop(&tokenizer, &owned(texts)).unwrap().start();
            ids.iter().map(|&id| state.reach(id)).collect()
        };
        assert_eq!(reaches(&["</think>"], &[4, 0, 1, 2]), [None, None, None, Some(8)]);
        assert_eq!(reaches(&["</think>"], &[4, 3]), [None, Some(8)]);
        let mut state = Boundary::stop(&tokenizer, &owned(&[">b"])).unwrap().start();
        assert_eq!(state.found(5), Some(Found { reach: 4, after: 2 }));
        // Of those that end at one byte the longest, of those that end in one token the first.
        assert_eq!(reaches(&[">", "</think>", "nk>"], &[0, 1, 2]), [None, None, Some(8)]);
        assert_eq!(reaches(&[">", "b>c"], &[5]), [Some(4)]);
        assert_eq!(reaches(&["xa", ">c"], &[4, 5, 5]), [None, Some(6), Some(2)]);
    }

    #[test]
    fn white_space_on_a_blank_line_is_none() {
        let tokenizer = Tokenizer::bytes().unwrap();
        let boundary = Boundary::new(&tokenizer, &owned(&["\n\n"])).unwrap();
        for (text, found) in [
            ("a\r\n\r\nb", Some(2..5)),
            ("a\n \nb", Some(1..4)),
            ("a\n\t \r\n\n", Some(1..6)),
            ("a\n b\n c\n", None),
            ("a\n\n", Some(1..3)),
            (" \n \na\n", None),
            ("a \n", None),
        ] {
            assert_eq!(boundary.find(text.as_bytes()), found, "{text:?}");
        }
        // Stop texts are taken at their word, and so are other delimiters.
        let stop = Boundary::stop(&tokenizer, &owned(&["\n\n"])).unwrap();
        assert_eq!(stop.find(b"a\n \nb"), None);
        let other = Boundary::new(&tokenizer, &owned(&["\n\nStep"])).unwrap();
        assert_eq!(other.find(b"a\n \nStep"), None);
    }

    #[test]
    fn a_name_of_a_control_token_is_that_token() {
        let tokenizer = Tokenizer::bytes().unwrap();
        let end = tokenizer.id("<|im_end|>").unwrap();
        let mut stop = Boundary::stop(&tokenizer, &owned(&["x", "<|im_end|>"])).unwrap().start();
        assert_eq!((stop.reach(97), stop.reach(end), stop.reach(end + 1)), (None, Some(0), None));
        // Spelled out it is a text like any other.
        let spelled = tokenizer.encode("<|im_end|>", false).unwrap();
        let reached: Vec<_> = spelled.iter().map(|&id| stop.reach(id)).collect();
        assert_eq!(reached.last(), Some(&Some(10)));
        // A step does not end before it has begun.
        let mut step = Boundary::new(&tokenizer, &owned(&["<|im_end|>"])).unwrap().start();
        assert!(!step.push(end) && !step.push(97) && step.push(end));
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
                let reach = state.reach(id);
                prop_assert_eq!(reach.is_some(), expected);
                if !needs_text {
                    prop_assert_eq!(reach, naive_reach(&text, from, &delimiters));
                }
                if expected {
                    state.reset();
                    text.clear();
                }
            }
        }
    }
}
