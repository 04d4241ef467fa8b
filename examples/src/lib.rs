//! What the examples share: command-line options, the embedded pair, experiments, the law of inference.

pub mod agreeing;
pub mod arms;
#[cfg(doctest)]
mod book;
pub mod choosing;
pub mod collecting;
pub mod comparing;
pub mod data;
pub mod difficulty;
pub mod ends;
pub mod engines;
pub mod experiment;
pub mod families;
pub mod figures;
pub mod files;
pub mod folders;
pub mod given;
pub mod hearing;
pub mod hub;
pub mod interrupt;
pub mod judges;
pub mod judging;
pub mod keeping;
pub mod labelled;
pub mod law;
pub mod matching;
pub mod options;
pub mod pair;
pub mod pair_training;
pub mod plan;
pub mod preferring;
pub mod problems;
pub mod progress;
pub mod quickstart;
pub mod reinforcing;
pub mod remembering;
pub mod retrieval;
mod roc;
pub mod saying;
pub mod scoring;
pub mod setting;
pub mod support;
pub mod traces;
pub mod training;
pub mod verifier;
pub mod wording;
pub mod worked;

/// Any error of an example, shown as one line.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Runs an example's body; an error goes to standard error, with the example's name.
pub fn exit(name: &str, result: Result<(), Error>) -> std::process::ExitCode {
    use std::io::Write as _;
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even that cannot be written.
            let _ = writeln!(std::io::stderr(), "{name}: {}", wording::said(&error.to_string()));
            std::process::ExitCode::FAILURE
        }
    }
}

// Compiles and runs the code of the page on judges.
#[cfg(doctest)]
#[doc = include_str!("../../docs/judges.md")]
struct Judges;

// Compiles and runs the code of the project's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
