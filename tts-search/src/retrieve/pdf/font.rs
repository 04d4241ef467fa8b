//! A font without letters, in place of all that a file does not bring with it.
//!
//! The interpreter squeezes the letters of a font that stands in for another to the widths that the file gives, and tells
//! where a letter is drawn only after that. How far the next letter is from it is wanted, not how it looks; so what
//! stands in has letters without a width, which are never squeezed.
//!
//! Source: OpenType 1.9, tables `hhea`, `hmtx` and `maxp`.

use std::sync::Arc;

use hayro_interpret::font::FontData;

/// Tables by their names, which stand in order.
const TABLES: [(&[u8; 4], &[u8]); 3] = [(b"hhea", &HEAD), (b"hmtx", &[0; 4]), (b"maxp", &MOST)];

/// Of version 1.0, with the metrics of one letter.
const HEAD: [u8; 36] = {
    let mut head = [0; 36];
    head[1] = 1;
    head[35] = 1;
    head
};

/// Of version 0.5, with one letter.
const MOST: [u8; 6] = [0, 0, 0x50, 0, 0, 1];

/// The bytes of the font.
pub(super) fn blank() -> FontData {
    // Of version 1.0, with three tables; what a search for one would begin with stays empty.
    let mut font = vec![0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0];
    let (mut at, mut tables) = (12 + 16 * 3, Vec::new());
    for (name, table) in TABLES {
        font.extend_from_slice(name);
        font.extend_from_slice(&[0; 4]);
        for number in [at, table.len()] {
            font.extend_from_slice(&u32::try_from(number).unwrap_or_default().to_be_bytes());
        }
        tables.extend_from_slice(table);
        tables.resize(tables.len().next_multiple_of(4), 0);
        at = 12 + 16 * 3 + tables.len();
    }
    font.extend_from_slice(&tables);
    Arc::new(font)
}
