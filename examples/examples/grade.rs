//! Grades answers: reads JSON lines with `gold` and `pred`, prints whether they are equivalent.
//!
//! One line in, one line out: `{"equivalent": true}` or `{"equivalent": false}`; blank lines are
//! skipped and other fields ignored. A bad line stops the run with its number and exit code 1.
//!
//! ```sh
//! echo '{"gold": "1/2", "pred": "\\frac{1}{2}"}' | cargo run -q -p tts-examples --example grade
//! ```

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use serde_json::Value;
use tts_core::answer::equivalent;

/// The verdict on one line, or what is wrong with it.
fn grade(line: &str) -> Result<bool, String> {
    let row: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let field = |name: &str| {
        let value = row.get(name).and_then(Value::as_str);
        value.ok_or_else(|| format!("no string field \"{name}\""))
    };
    Ok(equivalent(field("gold")?, field("pred")?))
}

fn run(input: impl BufRead, mut output: impl Write) -> Result<(), String> {
    for (index, line) in input.lines().enumerate() {
        let number = index + 1;
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let verdict = grade(&line).map_err(|error| format!("line {number}: {error}"))?;
        writeln!(output, "{{\"equivalent\": {}}}", Value::Bool(verdict))
            .map_err(|error| format!("standard output: {error}"))?;
    }
    output.flush().map_err(|error| format!("standard output: {error}"))
}

fn main() -> ExitCode {
    let stdout = io::BufWriter::new(io::stdout().lock());
    match run(io::stdin().lock(), stdout) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // `writeln!` rather than `eprintln!`: a closed standard error must not panic.
            let _ = writeln!(io::stderr(), "grade: {error}");
            ExitCode::FAILURE
        }
    }
}
