//! Files that outlast a crash, a full disk and a second process.
//!
//! What grows is a file of whole lines ([`Lines`]): a line is there or it is not, and who opens the file
//! may ask that nobody else has it open. What is written at once is put in its place when it is whole
//! ([`replace`]). Records, stores and journals are headed by what they were made with; [`differing`] names
//! what two headers disagree in.

mod header;
mod lines;
mod whole;

pub use header::{Difference, differing};
pub use lines::{Lines, Others};
pub use whole::replace;
