//! Searches in words: steps with scores, votes, cost.

use std::io::{self, Write};

use tts_core::cost::{Forecast, Passed};
use tts_core::{Budget, Cost, Curtailed, Limit, Mode, NodeId, Outcome, select};

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

/// A number to three significant digits, with as many places as it needs: 20, 0.5, 0.00146; 1.2e-5 and 1.01e9 where
/// that is shorter.
///
/// ```
/// use tts_search::evaluate::words::significant;
/// let said = [0.0, 0.5, 0.001_459_9, 0.000_012_3, 21.26, 1_009_269_589.3, -0.75].map(significant);
/// assert_eq!(said, ["0", "0.5", "0.00146", "1.23e-5", "21.3", "1.01e9", "-0.75"]);
/// ```
pub fn significant(value: f64) -> String {
    // Rounded first, so that 0.99999 is a 1.
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    match rounded.abs() {
        size if size <= 0.0 => "0".into(),
        size if (1e-4..1e6).contains(&size) => format!("{rounded}"),
        _ => format!("{rounded:e}"),
    }
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
    let is_finished = |id: &NodeId| tree[*id].is_finished();
    let finished = candidates.iter().filter(|id| is_finished(id)).count();
    let answers: Vec<Option<&str>> = candidates.iter().map(|&id| tree.answer(id)).collect();
    let cut = candidates.iter().zip(&answers).filter(|(id, _)| !is_finished(id));
    let of_cut = cut.filter(|(_, answer)| answer.is_some()).count();
    let numbers = select::classes(answers.iter().copied(), tree.task().comparer());
    // The class of the answer that was chosen is called as that one is.
    let chosen = candidates.iter().position(|&id| Some(id) == outcome.best);
    let chosen = chosen.and_then(|place| Some((numbers[place]?, answers[place]?)));
    let mut classes: Vec<(&str, usize)> = Vec::new();
    for (answer, number) in answers.iter().zip(numbers) {
        match (answer, number) {
            (Some(answer), Some(number)) if number == classes.len() => classes.push((answer, 1)),
            (Some(_), Some(number)) => classes[number].1 += 1,
            _ => {}
        }
    }
    if let Some((class, answer)) = chosen
        && let Some(named) = classes.get_mut(class)
    {
        named.0 = answer;
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
    write!(
        out,
        "{} candidates, {finished} of them finished: {}",
        candidates.len(),
        words.join(", ")
    )?;
    match of_cut {
        0 => writeln!(out),
        of_cut => writeln!(
            out,
            "; {of_cut} of these votes are of solutions that were cut: what they said so far, no answers of their own"
        ),
    }
}

/// What a budget did to a search that its stop does not tell, a sentence each: which limits were passed, what was taken
/// from lines.
pub fn limits(budget: &Budget, outcome: &Outcome) -> Vec<String> {
    let mut all = Vec::new();
    let amount = |value: f64| match value.fract() {
        _ if value >= 1e9 => significant(value),
        part if part.abs() <= 0.0 => format!("{value}"),
        _ => significant(value),
    };
    let name = |limit: Limit| match limit {
        Limit::Samples => "lines".to_owned(),
        Limit::GeneratedTokens => "tokens".to_owned(),
        Limit::Flops => "operations".to_owned(),
        Limit::Wall => "seconds".to_owned(),
        other => other.to_string(),
    };
    let passed: Vec<String> = budget
        .passed(&outcome.usage)
        .into_iter()
        .map(|Passed { limit, spent, allowed }| {
            format!("{} of {} {}", amount(spent), amount(allowed), name(limit))
        })
        .collect();
    if !passed.is_empty() {
        let why = match budget.mode {
            Mode::Soft => "it is looked at between rounds; with hard every line is bounded",
            Mode::Hard => "what is under way is waited for",
        };
        all.push(format!("exceeded by {}: {why}", passed.join(", ")));
    }
    for Curtailed { limit, unwritten, cut } in &outcome.curtailed {
        if *unwritten > 0 {
            let unwritten = thousands(*unwritten);
            all.push(format!("{unwritten} lines that were asked for were not written ({limit})"));
        }
        if *cut > 0 {
            let cut = thousands(*cut);
            let by =
                if *limit == Limit::Wall { "the time" } else { "their shares of what was left" };
            all.push(format!("{cut} lines were cut by {by} ({limit})"));
        }
    }
    all
}

/// A mean cost without more digits than it is known to; a dash for none.
///
/// ```
/// use tts_search::evaluate::words::cost_of;
/// let said = [0.0, 0.004_21, 21.26, 4321.0, 1_009_269_589.3].map(cost_of);
/// assert_eq!(said, ["-", "4.21e-3", "21.3", "4321", "1.009e9"]);
/// ```
pub fn cost_of(value: f64) -> String {
    match value {
        value if value <= 0.0 => "-".to_owned(),
        value if value >= 1e6 => format!("{value:.3e}"),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 0.1 => format!("{value:.1}"),
        value => format!("{value:.2e}"),
    }
}

/// Logical cost in one line; money where prices are known.
pub fn cost(cost: &Cost) -> String {
    let money = match cost.money {
        money if money > 0.0 => format!(", {} in money", significant(money)),
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
    use std::sync::Arc;

    use tts_core::toy::{Sample, ToyWorld};
    use tts_core::{Finish, Prompt, Search, StepRule, Tree};

    use super::*;

    /// The answer that is given is among the votes by its own name, and votes of cut lines are told.
    #[test]
    fn votes_are_of_the_answer_and_of_whole_solutions() {
        let task = Arc::new(tts_core::task::Math);
        let mut tree = Tree::new(Prompt::from("2 + 2?"), 0).with_task(task);
        let mut say = |text: &str, finish| tree.grow(NodeId::ROOT, text, finish, None);
        say("The answer is 4.0.", Finish::Stop);
        let best = say("The answer is 4.", Finish::Stop);
        say("The answer is 5.", Finish::Stop);
        let mut outcome = Outcome {
            tree,
            best: Some(best),
            stop: tts_core::Stop::Done,
            usage: tts_core::Usage::default(),
            prompt_tokens: 0,
            failed: Vec::new(),
            unscored: Vec::new(),
            curtailed: Vec::new(),
        };
        let told = |outcome: &Outcome| {
            let mut text = Vec::new();
            votes(&mut text, outcome).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(told(&outcome), "3 candidates, 3 of them finished: 4 (2), 5 (1)\n");
        // Where nothing is finished, what was cut says something all the same.
        let mut cut = Tree::new(Prompt::from("2 + 2?"), 0);
        outcome.best = Some(cut.grow(NodeId::ROOT, "The answer is 4", Finish::Length, None));
        cut.grow(NodeId::ROOT, "Hm", Finish::Length, None);
        outcome.tree = cut;
        let told = told(&outcome);
        assert!(
            told.contains("0 of them finished")
                && told.contains("; 2 of these votes are of solutions that were cut"),
            "{told}"
        );
    }

    /// What a budget did is told a bound at a time.
    #[test]
    fn limits_are_told_by_their_names() {
        let world = ToyWorld::default();
        let said = |budget: Budget, n: usize| {
            let search = Search::new(world).rule(StepRule::lines()).budget(budget);
            limits(&budget, &search.run(Sample { n }, world.prompt(0)).unwrap())
        };
        let soft = Budget { samples: Some(2), ..Budget::default() };
        assert_eq!(said(soft, 2), Vec::<String>::new());
        let passed = "exceeded by 4 of 2 lines: it is looked at between rounds; with hard every line is bounded";
        assert_eq!(said(soft, 4), [passed]);
        let hard = Budget { mode: Mode::Hard, ..soft };
        assert_eq!(said(hard, 4), ["2 lines that were asked for were not written (samples)"]);
        let tokens = Budget { generated_tokens: Some(20), mode: Mode::Hard, ..Budget::default() };
        let cut = "2 lines were cut by their shares of what was left (generated tokens)";
        assert_eq!(said(tokens, 2), [cut]);
    }

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
