//! Grades answers: reads JSON lines with `gold` and `pred`, prints whether they are equivalent.
//!
//! One line in, one line out: `{"equivalent": true}` or `{"equivalent": false}`; blank lines are
//! skipped and other fields ignored. A bad line stops the run with its number and exit code 1. What counts
//! as the same is the task's to say (`--task math`, `exact` or `choice`), as in every other command.
//!
//! ```sh
//! echo '{"gold": "1/2", "pred": "\\frac{1}{2}"}' | cargo run -q -p tts-examples --example grade
//! ```

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use clap::Parser;
use serde_json::Value;
use tts_core::{Task, task};

/// Tells whether answers are the same.
#[derive(Parser)]
struct Arguments {
    /// What an answer is: math, exact or choice.
    #[arg(long, default_value = "math")]
    task: String,
}

/// The verdict on one line, or what is wrong with it.
fn grade(task: &dyn Task, line: &str) -> Result<bool, String> {
    let row: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let field = |name: &str| {
        let value = row.get(name).and_then(Value::as_str);
        value.ok_or_else(|| format!("no string field \"{name}\""))
    };
    Ok(task.same(field("gold")?, field("pred")?))
}

fn run(task: &dyn Task, input: impl BufRead, mut output: impl Write) -> Result<(), String> {
    for (index, line) in input.lines().enumerate() {
        let number = index + 1;
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let verdict = grade(task, &line).map_err(|error| format!("line {number}: {error}"))?;
        writeln!(output, "{{\"equivalent\": {}}}", Value::Bool(verdict))
            .map_err(|error| format!("standard output: {error}"))?;
    }
    output.flush().map_err(|error| format!("standard output: {error}"))
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
