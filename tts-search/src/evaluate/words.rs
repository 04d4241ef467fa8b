//! Searches in words: steps with scores, votes, cost.

use std::io::{self, Write};

use tts_core::cost::Forecast;
use tts_core::{Cost, NodeId, Outcome, select};

/// A number with thousands separated.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Cells in columns as wide as they need to be, the first to the left, the others to the right.
///
/// ```
/// use tts_search::evaluate::words::columns;
/// let rows = [["arm", "right"], ["best-of-16", "71 %"]].map(|row| row.map(str::to_owned).to_vec());
/// let mut out = Vec::new();
/// columns(&mut out, &rows)?;
/// assert_eq!(String::from_utf8(out)?, "arm         right\nbest-of-16   71 %\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When `out` cannot be written to.
pub fn columns(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let fill = " ".repeat(width(column) - cell.chars().count());
            match column {
                0 => line.extend([cell.as_str(), fill.as_str()]),
                _ => line.extend(["  ", fill.as_str(), cell.as_str()]),
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The steps of a path with their scores.
///
/// # Errors
/// When `out` cannot be written to.
pub fn path(out: &mut impl Write, outcome: &Outcome, end: NodeId) -> io::Result<()> {
    for (number, id) in (1..).zip(outcome.tree.path(end)) {
        let node = &outcome.tree[id];
        if node.step.is_blank() {
            continue;
        }
        let score = match (node.score, node.value) {
            (Some(score), Some(value)) => format!("{score:>8.4} (looking ahead {value:.4})"),
            (Some(score), None) => format!("{score:>8.4}"),
            _ => "        ".into(),
        };
        let text = node.step.text.trim();
        writeln!(out, "{number:>3} {score}  {}", text.replace('\n', "\n              "))?;
    }
    Ok(())
}

/// The final answers of all candidates, most frequent first.
///
/// # Errors
/// When `out` cannot be written to.
pub fn votes(out: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    let tree = &outcome.tree;
    let candidates = tree.candidates();
    let finished = candidates.iter().filter(|&&id| tree[id].is_finished()).count();
    let answers: Vec<Option<&str>> = candidates.iter().map(|&id| tree.answer(id)).collect();
    let numbers = select::classes(answers.iter().copied(), tree.task().comparer());
    let mut classes: Vec<(&str, usize)> = Vec::new();
    for (answer, number) in answers.iter().zip(numbers) {
        match (answer, number) {
            (Some(answer), Some(number)) if number == classes.len() => classes.push((answer, 1)),
            (Some(_), Some(number)) => classes[number].1 += 1,
            _ => {}
        }
    }
    classes.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let none = answers.iter().filter(|answer| answer.is_none()).count();
    let mut words: Vec<String> =
        classes.iter().take(8).map(|(answer, count)| format!("{answer} ({count})")).collect();
    if classes.len() > 8 {
        words.push(format!("{} more", classes.len() - 8));
    }
    if none > 0 {
        words.push(format!("no answer ({none})"));
    }
    writeln!(
        out,
        "{} candidates, {finished} of them finished: {}",
        candidates.len(),
        words.join(", ")
    )
}

/// Logical cost in one line; money where prices are known.
pub fn cost(cost: &Cost) -> String {
    let money = match cost.money {
        money if money > 0.0 => format!(", {money:.6} in money"),
        _ => String::new(),
    };
    format!(
        "{} lines, {} tokens generated, {} tokens scored, {} tokens read, {:.3e} FLOPs, {} calls{money}",
        thousands(cost.samples),
        thousands(cost.generated_tokens),
        thousands(cost.scored_tokens),
        thousands(cost.read_tokens),
        cost.flops,
        thousands(cost.calls),
    )
}

/// What a search is expected to cost, in words.
pub fn forecast(forecast: &Forecast) -> String {
    let seconds = forecast.seconds.map_or(String::new(), |seconds| format!(", {seconds:.1} s"));
    cost(&forecast.cost) + &seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
