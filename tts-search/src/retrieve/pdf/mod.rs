//! The words of PDF files, page by page.
//!
//! An interpreter runs each page as if to draw it, and what it would draw of letters is put together to text by
//! [`letters`]: a page knows no words, only letters at places. Text that is not shown, as behind scanned pages, counts. A letter
//! that no table of the file gives a meaning is left out. A file that makes the interpreter fail is an error and nothing more:
//! it runs on a thread of its own, with a stack for deep files.
//!
//! Source: ISO 32000-2, sections 9.4 (text objects) and 9.10 (extraction of text).

mod letters;

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps,
    InterpreterCache, InterpreterSettings, SoftMask, interpret_page,
};

use self::letters::{Letter, Letters};

/// Bytes of the stack that a file is read on.
const STACK: usize = 64 << 20;

/// Letters of a file, at most: forms that draw forms can ask for any number.
const MOST: usize = 50_000_000;

/// Units of a font's design in the height of its letters.
const EM: f64 = 1_000.0;

/// The text of every page; of those without any it is empty.
pub(super) fn pages(bytes: &[u8]) -> Result<Vec<String>, String> {
    apart(|| read(bytes.to_vec()))
}

/// Reads on a thread of its own, whose end by a panic is an error.
fn apart<T: Send>(read: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("pdf".into()).stack_size(STACK);
        let reader = reader.spawn_scoped(scope, read);
        let reader = reader.map_err(|error| format!("no thread to read it: {error}"))?;
        reader.join().map_err(|_| "the reader of PDF failed on it".to_owned())?
    })
}

fn read(bytes: Vec<u8>) -> Result<Vec<String>, String> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            "it wants a password: save it without one".to_owned()
        }
        LoadPdfError::Decryption(error) => format!("its encryption cannot be undone: {error:?}"),
        LoadPdfError::Invalid => "no PDF, or a damaged one".to_owned(),
    })?;
    let cache = InterpreterCache::new();
    let (mut texts, mut left) = (Vec::new(), MOST);
    for page in pdf.pages().iter() {
        let everywhere = Rect::new(-1e9, -1e9, 1e9, 1e9);
        let settings = InterpreterSettings::default();
        let mut context = Context::new(Affine::IDENTITY, everywhere, &cache, pdf.xref(), settings);
        let mut reader = Reader { letters: Letters::default(), left };
        interpret_page(page, &mut context, &mut reader);
        left = reader.left;
        if left == 0 {
            return Err(format!("more than {MOST} letters"));
        }
        texts.push(reader.letters.text());
    }
    Ok(texts)
}

/// Takes note of letters, and draws nothing.
struct Reader {
    letters: Letters,
    /// Letters that are taken yet.
    left: usize,
}

/// A glyph as a letter, if it is known what it stands for.
fn letter(glyph: &Glyph<'_>, transform: Affine, mode: WritingMode) -> Option<Letter> {
    let text = match glyph.as_unicode()? {
        BfString::Char(c) => c.to_string(),
        BfString::String(text) => text,
    };
    let width = match glyph {
        Glyph::Outline(outline) => outline.advance_width(),
        Glyph::Type3(drawn) => drawn.advance_width(),
    };
    let onward = match mode {
        WritingMode::Horizontal => Vec2::new(width.map_or(EM / 2.0, f64::from), 0.0),
        WritingMode::Vertical => Vec2::new(0.0, -EM),
    };
    let begin = transform * Point::ZERO;
    let moved = |by: Vec2| transform * by.to_point() - begin;
    let (advance, height) = (moved(onward), moved(Vec2::new(0.0, EM)).hypot());
    Some(Letter { text, at: [begin.x, begin.y], advance: [advance.x, advance.y], size: height })
}

impl Device<'_> for Reader {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        let mode = run.writing_mode();
        let letters = run
            .glyphs()
            .iter()
            .take(self.left)
            .filter_map(|glyph| letter(glyph, props.transform * glyph.transform(), mode));
        let letters: Vec<Letter> = letters.collect();
        self.left = self.left.saturating_sub(run.glyphs().len());
        self.letters.add(letters);
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}

    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {}

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

#[cfg(test)]
mod tests;
