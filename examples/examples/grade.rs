//! Grades answers: reads JSON lines with `gold` and `pred`, prints whether they are equivalent.
//!
//! One line in, one line out: `{"equivalent": true}` or `{"equivalent": false}`; blank lines are
//! skipped and other fields ignored. A bad line stops the run with its number and exit code 1. Pairs may
//! also stand in a JSON list, or in a table with the columns `gold` and `pred`. What counts
//! as the same is the task's to say (`--task math`, `exact`, `choice`, `phrase` or `countdown`), as in every other
//! command.
//!
//! ```sh
//! echo '{"gold": "1/2", "pred": "\\frac{1}{2}"}' | cargo run -q -p tts-examples --example grade
//! ```

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use clap::Parser;
use tts_core::rows::Rows;
use tts_core::{Task, task};

/// Tells whether answers are the same.
#[derive(Parser)]
struct Arguments {
    /// What an answer is: math, exact, choice, phrase or countdown.
    #[arg(long, default_value = "math")]
    task: String,
}

fn run(task: &dyn Task, input: impl BufRead, mut output: impl Write) -> Result<(), String> {
    let mut done = Ok(());
    for row in Rows::new(input) {
        match row.and_then(|row| Ok(task.same(&row.required("gold")?, &row.required("pred")?))) {
            Ok(verdict) => writeln!(output, "{{\"equivalent\": {verdict}}}")
                .map_err(|error| format!("standard output: {error}"))?,
            Err(error) => done = Err(error.to_string()),
        }
    }
    // What was graded before a bad line is still delivered.
    output.flush().map_err(|error| format!("standard output: {error}"))?;
    done
}

fn main() -> ExitCode {
    let stdout = io::BufWriter::new(io::stdout().lock());
    let task = task::by_name(&Arguments::parse().task);
    match task.and_then(|task| run(&*task, io::stdin().lock(), stdout)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // `writeln!` rather than `eprintln!`: a closed standard error must not panic.
            let _ = writeln!(io::stderr(), "grade: {error}");
            ExitCode::FAILURE
        }
    }
}
