//! What the examples share: command-line options, data sets, comparisons, reports.

pub mod arena;
pub mod branches;
pub mod data;
pub mod evaluate;
pub mod experiment;
pub mod figure;
pub mod judge;
pub mod law;
pub mod lineup;
pub mod options;
pub mod pair;
pub mod pair_training;
pub mod plan;
pub mod pools;
pub mod quick;
pub mod report;
mod roc;
pub mod sampled;
pub mod setting;
pub mod table;
pub mod training;

/// Any error of an example, shown as one line.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Runs an example's body; an error goes to standard error, with the example's name.
pub fn exit(name: &str, result: Result<(), Error>) -> std::process::ExitCode {
    use std::io::Write as _;
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even that cannot be written.
            let _ = writeln!(std::io::stderr(), "{name}: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
