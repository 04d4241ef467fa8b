//! What targets share: damage done to a whole file, so that most of it stays as it was.
//!
//! A file of random bytes is refused at its first line. Here the fuzzer's bytes say where a whole file is
//! changed, four bytes an edit, so that readers get beyond headers, digests and brackets.

/// A file after the edits that `damage` says: a byte changed, left out or put in, or the file cut off.
pub fn edited(whole: &[u8], damage: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for &[what, high, low, byte] in damage.as_chunks::<4>().0 {
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        match what % 8 {
            0..=2 if at < bytes.len() => bytes[at] = byte,
            3 if at < bytes.len() => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            5 => bytes.extend_from_within(at..),
            _ => bytes.insert(at, byte),
        }
        bytes.truncate(1 << 20);
    }
    bytes
}
