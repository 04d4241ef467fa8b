//! The words of PDF files, page by page.
//!
//! An interpreter runs each page as if to draw it, and what it would draw of letters is put together to text by
//! [`letters`]: a page knows no words, only letters at places. Text that is not shown, as behind scanned pages, counts. A letter
//! that no table of the file gives a meaning is left out. A file whose pages cannot be numbered is an error: a citation
//! would name the wrong one.
//!
//! The interpreter is foreign code, and runs on a thread of its own, with a stack for deep files. A file that makes
//! it panic is an error that says with what (the program's hook of panics, by default a line on standard error, runs, too). One
//! that draws, shows or takes more than [`PAGE`] and [`FILE`] allow is an error as soon as it does. What this does *not* hold
//! against: a stack that overflows in spite of its size, memory that runs out while a stream is decompressed (the crate does
//! that, without a bound), and a program that is built with `panic = "abort"`. These end the program; who reads files of
//! strangers reads them in a process of their own.
//!
//! Source: ISO 32000-2, sections 7.7.3 (page tree), 9.4 (text objects) and 9.10 (extraction of text).

mod font;
mod letters;

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::object::Dict;
use hayro_interpret::hayro_syntax::object::dict::keys::{COUNT, PAGES};
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps,
    InterpreterCache, InterpreterSettings, SoftMask, interpret_page,
};

use self::letters::{Drawn, Letter, Letters};

/// Bytes of the stack that a file is read on.
const STACK: usize = 64 << 20;

/// Units of a font's design in the height of its letters.
const EM: f64 = 1_000.0;

/// How much is read, at most.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Things that are drawn, shown or not: the interpreter bounds how deep forms draw forms, and not how many.
    drawn: usize,
    /// Characters.
    letters: usize,
    /// Looked at whenever something is drawn.
    time: Duration,
}

/// Of a page: a map of a million lines is read.
const PAGE: Limits = Limits { drawn: 2_000_000, letters: 2_000_000, time: Duration::from_mins(1) };

/// Of a file.
const FILE: Limits = Limits { drawn: 20_000_000, letters: 20_000_000, time: PATIENCE };

/// How long a file is read, at most, where nobody waits for it.
pub(super) const PATIENCE: Duration = Duration::from_mins(15);

/// The text of every page, for which there is so much time; of those without any it is empty.
pub(super) fn pages(bytes: Vec<u8>, time: Duration) -> Result<Vec<String>, String> {
    within(bytes, PAGE, Limits { time, ..FILE })
}

fn within(bytes: Vec<u8>, page: Limits, file: Limits) -> Result<Vec<String>, String> {
    apart(move || read(bytes, page, file))
}

/// What a thread ends with that has read more than it may.
struct TooMuch(String);

/// Reads on a thread of its own, whose end by a panic is an error.
fn apart<T: Send>(read: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("pdf".into()).stack_size(STACK);
        let reader = reader.spawn_scoped(scope, read);
        let reader = reader.map_err(|error| format!("no thread to read it: {error}"))?;
        reader.join().map_err(|end| ended(&*end))?
    })
}

/// Why a thread ended.
fn ended(end: &(dyn Any + Send)) -> String {
    if let Some(TooMuch(what)) = end.downcast_ref() {
        return what.clone();
    }
    let said = end.downcast_ref::<String>().map(String::as_str);
    match said.or_else(|| end.downcast_ref::<&str>().copied()) {
        Some(said) => {
            let said: String = said.chars().take(200).collect();
            format!("the reader of PDF failed on it: {said}")
        }
        None => "the reader of PDF failed on it".to_owned(),
    }
}

fn read(bytes: Vec<u8>, page: Limits, file: Limits) -> Result<Vec<String>, String> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            "it wants a password: save it without one".to_owned()
        }
        LoadPdfError::Decryption(error) => format!("its encryption cannot be undone: {error:?}"),
        LoadPdfError::Invalid => "no PDF, or a damaged one".to_owned(),
    })?;
    numbered(&pdf)?;
    let blank = font::blank();
    let settings = InterpreterSettings {
        font_resolver: Arc::new(move |_| Some((Arc::clone(&blank), 0))),
        ..InterpreterSettings::default()
    };
    let cache = InterpreterCache::new();
    let (mut texts, mut whole) = (Vec::new(), Spent::new("the file".to_owned(), file));
    for (number, of) in (1..).zip(pdf.pages().iter()) {
        let everywhere = Rect::new(-1e9, -1e9, 1e9, 1e9);
        let mut context =
            Context::new(Affine::IDENTITY, everywhere, &cache, pdf.xref(), settings.clone());
        let own = Spent::new(format!("page {number}"), page);
        let mut reader = Reader { letters: Letters::default(), spent: [own, whole] };
        interpret_page(of, &mut context, &mut reader);
        texts.push(reader.letters.text());
        [_, whole] = reader.spent;
    }
    Ok(texts)
}

/// Whether the pages that can be read are all that there are, so that the place of each is its number.
fn numbered(pdf: &Pdf) -> Result<(), String> {
    let read = pdf.pages().len();
    let root = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
    let tree = root.and_then(|root| root.get::<Dict<'_>>(PAGES));
    let said = tree.and_then(|tree| tree.get::<u32>(COUNT));
    if said.and_then(|said| usize::try_from(said).ok()) == Some(read) {
        return Ok(());
    }
    let said = said.map_or("no number of pages".to_owned(), |said| format!("{said} pages"));
    Err(format!(
        "its page tree says {said}, but {read} can be read: which page is which cannot be told; mend it first, by \
         qpdf say"
    ))
}

/// What a page or a file has taken yet.
struct Spent {
    of: String,
    most: Limits,
    drawn: usize,
    letters: usize,
    begun: Instant,
}

impl Spent {
    fn new(of: String, most: Limits) -> Self {
        Self { of, most, drawn: 0, letters: 0, begun: Instant::now() }
    }

    /// Ends the thread where it is too much: there is no other way out of the interpreter.
    fn add(&mut self, drawn: usize, letters: usize) {
        self.drawn = self.drawn.saturating_add(drawn);
        self.letters = self.letters.saturating_add(letters);
        let what = match self.most {
            most if self.drawn > most.drawn => format!("draws more than {} things", most.drawn),
            most if self.letters > most.letters => {
                format!("has more than {} letters", most.letters)
            }
            most if drawn > 0 && self.begun.elapsed() > most.time => {
                format!("takes more than {} seconds", most.time.as_secs_f64())
            }
            _ => return,
        };
        // Nobody's hook of panics is told: this is no fault of the program.
        std::panic::resume_unwind(Box::new(TooMuch(format!("{} {what}", self.of))))
    }
}

/// Takes note of letters, and draws nothing.
struct Reader {
    letters: Letters,
    /// Of the page and of the file.
    spent: [Spent; 2],
}

impl Reader {
    fn spend(&mut self, drawn: usize, letters: usize) {
        self.spent.iter_mut().for_each(|spent| spent.add(drawn, letters));
    }
}

/// A glyph as a letter, if it is known what it stands for.
fn letter(glyph: &Glyph<'_>, transform: Affine, mode: WritingMode) -> Option<Letter> {
    let text = match glyph.as_unicode()? {
        BfString::Char(c) => Drawn::One(c),
        BfString::String(text) => Drawn::More(text.into()),
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
        self.spend(1, 0);
        let mode = run.writing_mode();
        let mut letters = Vec::new();
        for glyph in run.glyphs() {
            let letter = letter(glyph, props.transform * glyph.transform(), mode);
            self.spend(0, letter.as_ref().map_or(1, |letter| letter.text.len()));
            letters.extend(letter);
        }
        self.letters.add(letters);
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {
        self.spend(1, 0);
    }

    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'_>, _: &DrawMode) {
        self.spend(1, 0);
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.spend(1, 0);
    }

    fn push_clip_rect(&mut self, _: &Rect) {
        self.spend(1, 0);
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {
        self.spend(1, 0);
    }

    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {
        self.spend(1, 0);
    }

    fn begin_marked_content(&mut self, _: &[u8], _: Option<&Dict<'_>>) {
        self.spend(1, 0);
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

#[cfg(test)]
mod tests;
