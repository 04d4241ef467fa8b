//! The raw bytes behind the printable strings that vocabularies store.
//!
//! A byte-level vocabulary writes each byte as one printable character: printable Latin-1 stands
//! for itself, the other 68 bytes take the characters from U+0100 on, in order. A `SentencePiece`
//! vocabulary writes the space as U+2581 and single bytes as `<0x0A>`.
//!
//! Source: the byte-to-character table of GPT-2 (Radford et al. 2019); `SentencePiece` (Kudo and
//! Richardson 2018).

/// How a vocabulary writes bytes as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// One printable character a byte, as in GPT-2.
    ByteLevel,
    /// UTF-8 with U+2581 for the space, as in `SentencePiece`.
    Metaspace,
}

/// What `SentencePiece` writes for a space.
pub(super) const METASPACE: char = '\u{2581}';

/// Whether a byte stands for itself in a byte-level vocabulary.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

/// The 256 characters of a byte-level vocabulary, by byte.
pub(super) fn byte_chars() -> [char; 256] {
    let mut chars = ['\0'; 256];
    let mut next = 0x100;
    for byte in 0..=u8::MAX {
        let code = if is_plain(byte) {
            u32::from(byte)
        } else {
            next += 1;
            next - 1
        };
        chars[usize::from(byte)] = char::from_u32(code).unwrap_or('\0');
    }
    chars
}

/// Turns vocabulary strings into bytes.
#[derive(Debug)]
pub(super) struct Unmapper {
    alphabet: Alphabet,
    /// Byte of each character below U+0144, the end of the byte-level alphabet.
    bytes: [Option<u8>; 0x144],
}

impl Unmapper {
    pub(super) fn new(alphabet: Alphabet) -> Self {
        let mut bytes = [None; 0x144];
        for (byte, c) in (0..=u8::MAX).zip(byte_chars()) {
            if let Some(slot) = bytes.get_mut(c as usize) {
                *slot = Some(byte);
            }
        }
        Self { alphabet, bytes }
    }

    /// The bytes of a token, or the first character that the alphabet lacks.
    pub(super) fn bytes(&self, token: &str, byte_fallback: bool) -> Result<Vec<u8>, char> {
        match self.alphabet {
            Alphabet::ByteLevel => token
                .chars()
                .map(|c| *self.bytes.get(c as usize)?)
                .enumerate()
                .try_fold(Vec::with_capacity(token.len()), |mut out, (i, byte)| {
                    out.push(byte.ok_or_else(|| token.chars().nth(i).unwrap_or_default())?);
                    Ok(out)
                }),
            Alphabet::Metaspace => Ok(match byte_token(token) {
                Some(byte) if byte_fallback => vec![byte],
                _ => token.replace(METASPACE, " ").into_bytes(),
            }),
        }
    }
}

/// The byte of `<0x0A>`.
pub(super) fn byte_token(token: &str) -> Option<u8> {
    let hex = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let sound = hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    sound.then(|| u8::from_str_radix(hex, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_character_of_its_own() {
        let unmapper = Unmapper::new(Alphabet::ByteLevel);
        for (byte, c) in (0..=u8::MAX).zip(byte_chars()) {
            assert_eq!(unmapper.bytes(&c.to_string(), false), Ok(vec![byte]));
        }
        assert_eq!(unmapper.bytes("\u{120}a\u{10A}", false), Ok(b" a\n".to_vec()));
        assert_eq!(unmapper.bytes("a b", false), Err(' '));
        assert_eq!(unmapper.bytes("a\u{6587}", false), Err('\u{6587}'));
    }

    #[test]
    fn metaspace_and_byte_tokens() {
        let unmapper = Unmapper::new(Alphabet::Metaspace);
        assert_eq!(unmapper.bytes("\u{2581}a", true), Ok(b" a".to_vec()));
        assert_eq!(unmapper.bytes("<0xFF>", true), Ok(vec![255]));
        assert_eq!(unmapper.bytes("<0xFF>", false), Ok(b"<0xFF>".to_vec()));
        for wrong in ["<0xF>", "<0x\u{e9}>", "<0x0AA>", "<0xGG>", "<0x+F>"] {
            assert_eq!(byte_token(wrong), None, "{wrong}");
        }
    }
}
