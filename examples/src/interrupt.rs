//! Ctrl-C in two steps: the first asks to stop, the second ends the program.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;

/// What a shell expects of a program that Ctrl-C ended.
const CODE: i32 = 130;

/// Whether somebody pressed Ctrl-C.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. The first Ctrl-C says `first` on standard error, the second ends the program at
    /// once. Once a program.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen(first: impl Into<String>) -> Result<Self, Error> {
        let asked = Arc::new(AtomicBool::new(false));
        let (hears, first) = (Arc::clone(&asked), first.into());
        ctrlc::set_handler(move || {
            if hears.swap(true, Ordering::Relaxed) {
                end();
            }
            say(&first);
        })?;
        Ok(Self(asked))
    }

    /// Whether nobody has asked to stop.
    pub fn goes_on(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

/// For a program that keeps everything as it comes: the first Ctrl-C says this and ends it.
///
/// # Errors
/// When the system refuses.
pub fn end_with(last: impl Into<String>) -> Result<(), Error> {
    let last = last.into();
    ctrlc::set_handler(move || {
        say(&last);
        end();
    })?;
    Ok(())
}

fn say(text: &str) {
    // Nothing is left to do when even that cannot be written.
    let _ = writeln!(std::io::stderr(), "\n{text}");
}

#[expect(clippy::exit, reason = "whoever presses Ctrl-C again wants no more waiting")]
fn end() -> ! {
    std::process::exit(CODE)
}
