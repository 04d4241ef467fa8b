//! An evaluation as a page for a browser: figures, curves, every problem, and trees behind them.
//!
//! Trees are many: those of wrong answers come first, as many as a page can hold, and it says how many it
//! left out.
//!
//! Source: none; a format of this library.

use tts_core::inspect::{Case, Figures, Page, Problem};
use tts_core::metrics::Accuracy;
use tts_core::{Outcome, SearchError};

use super::words::thousands;
use super::{Graded, Item, Report, percent};

/// The nodes of all trees of a page together, by default: about 15 MB.
pub const MOST_NODES: usize = 40_000;

/// The page of a report on these problems, with the searches that it is of, in order, where they are at
/// hand; trees of at most `most_nodes` nodes together.
///
/// ```
/// use tts_core::{Search, toy::ToyWorld};
/// use tts_search::SelfConsistency;
/// use tts_search::evaluate::{Evaluation, Item, MOST_NODES, page};
///
/// let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
/// let items: Vec<Item> =
///     (0..5).map(|number| Item::new(world.prompt(number).question(), world.answer(number))).collect();
/// let evaluation = Evaluation::new(Search::new(&world), &items);
/// let (report, results) =
///     evaluation.run_keeping(&SelfConsistency { n: 4, ..Default::default() }, |_| {})?;
/// let html = page("Sums", &report, &items, results, MOST_NODES).html();
/// assert!(html.contains("accuracy"));
/// # Ok::<(), tts_search::evaluate::EvaluateError>(())
/// ```
pub fn page(
    title: &str,
    report: &Report,
    items: &[Item],
    results: impl IntoIterator<Item = Result<Outcome, SearchError>>,
    most_nodes: usize,
) -> Page {
    let mut outcomes: Vec<Option<Outcome>> = results.into_iter().map(tree).collect();
    outcomes.resize_with(report.rows.len(), || None);
    let left_out = bound(report, &mut outcomes, most_nodes);
    let mut figures =
        Figures { facts: facts(report), tables: tables(report), ..Figures::default() };
    figures.charts = charts(report);
    if left_out > 0 {
        figures.notes.push(format!(
            "The trees of {left_out} problems are left out: together they would have more than \
             {most_nodes} nodes. Those of wrong answers came first."
        ));
    }
    let mut page = Page::new(title);
    let mut cases = 0;
    for (row, outcome) in report.rows.iter().zip(outcomes) {
        let question = items.get(row.index).map_or_else(String::new, |item| item.question.clone());
        let mut problem = problem(row, question);
        if let Some(outcome) = outcome {
            (problem.case, problem.nodes) = (Some(cases), Some(outcome.tree.len()));
            cases += 1;
            page = page.case(Case::of(row.name(), outcome).gold(row.gold.as_str()));
        }
        figures.problems.push(problem);
    }
    page.figures(figures)
}

/// What a search left, if only in part.
fn tree(result: Result<Outcome, SearchError>) -> Option<Outcome> {
    result.map_or_else(|error| error.partial.map(|partial| *partial), Some)
}

/// Takes away trees that there is no room for behind those before them, wrong answers first; how many it took.
fn bound(report: &Report, outcomes: &mut [Option<Outcome>], most_nodes: usize) -> usize {
    let mut order: Vec<usize> = (0..outcomes.len().min(report.rows.len())).collect();
    order.sort_by_key(|&at| report.rows[at].correct);
    let (mut nodes, mut taken) = (0, 0);
    for at in order {
        let Some(outcome) = &outcomes[at] else { continue };
        // One that is too large hides no smaller one behind it.
        if nodes + outcome.tree.len() > most_nodes {
            outcomes[at] = None;
            taken += 1;
        } else {
            nodes += outcome.tree.len();
        }
    }
    taken
}

fn problem(row: &Graded, question: String) -> Problem {
    let stopped = row.stop.filter(|stop| *stop != tts_core::Stop::Done);
    let note = row.error.clone().or_else(|| stopped.map(|stop| stop.to_string()));
    Problem {
        name: row.name(),
        question,
        gold: row.gold.clone(),
        answer: row.answer.clone(),
        right: row.correct,
        tokens: row.cost.generated_tokens,
        note: note.or_else(|| row.why.clone()),
        ..Problem::default()
    }
}

fn interval(accuracy: &Accuracy) -> String {
    let [low, high] = accuracy.interval.map(percent);
    format!("{}, 95 % interval {low} to {high}", percent(accuracy.mean))
}

fn facts(report: &Report) -> Vec<(String, String)> {
    let mean = &report.per_problem;
    // Not every model says what it costs.
    let operations =
        if mean.flops > 0.0 { format!("{:.3e} operations, ", mean.flops) } else { String::new() };
    let mut facts = vec![
        ("problems", format!("{}, of which {} failed", report.problems, report.failed)),
        ("accuracy", interval(&report.accuracy)),
        ("some candidate right", interval(&report.any_candidate)),
        ("scores", report.scale.to_string()),
        (
            "cost a problem",
            format!(
                "{:.1} lines, {:.0} tokens generated, {:.0} judged, {operations}{:.1} calls",
                mean.samples, mean.generated_tokens, mean.scored_tokens, mean.calls
            ),
        ),
        ("tokens in all", thousands(report.total.generated_tokens)),
    ];
    if let Some(money) = mean.money {
        facts.push(("money a problem", format!("{money:.6}, {:.4} in all", report.total.money)));
    }
    if let (Some(accuracy), true) = (&report.accuracy_of_run, report.failed > 0) {
        facts.insert(2, ("accuracy over what ran", interval(accuracy)));
    }
    if let Some(separation) = &report.separation {
        facts.push(("right from wrong by score", separation.to_string()));
    }
    if let Some(law) = &report.coverage {
        facts.push(("some of k samples right", law.to_string()));
    }
    if report.unscored > 0 {
        facts.push(("paths not judged", report.unscored.to_string()));
    }
    if report.failed_lines > 0 {
        facts.push(("lines failed", report.failed_lines.to_string()));
    }
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn tables(report: &Report) -> Vec<(String, Vec<Vec<String>>)> {
    let mut tables = Vec::new();
    if !report.curve.is_empty() {
        tables.push(fewer(report));
    }
    if !report.anytime.is_empty() {
        let head = ["tokens at most", "tokens spent", "searches over", "accuracy"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(report.anytime.iter().map(|point| {
            let spent = format!("{:.0}", point.generated_tokens);
            let cells = [thousands(point.tokens), spent, point.over.to_string()];
            cells.into_iter().chain([interval(&point.accuracy)]).collect()
        }));
        tables.push(("The answer by then, had it been stopped".to_owned(), rows));
    }
    tables
}

/// What would come of fewer samples.
fn fewer(report: &Report) -> (String, Vec<Vec<String>>) {
    let head = ["k", "pass@k", "maj@k", "best@k", "weighted@k", "problems"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    rows.extend(report.curve.iter().map(|point| {
        let shares = [Some(point.pass), Some(point.majority), point.best, point.weighted];
        let cells = std::iter::once(point.k.to_string()).chain(shares.map(share));
        cells.chain([point.problems.to_string()]).collect()
    }));
    ("What would come of fewer samples".to_owned(), rows)
}

#[cfg(not(feature = "plot"))]
fn charts(_: &Report) -> Vec<String> {
    Vec::new()
}

/// The curve over fewer samples, and how far scores can be taken at their word.
#[cfg(feature = "plot")]
fn charts(report: &Report) -> Vec<String> {
    use tts_core::metrics::{Calibration, calibration};
    use tts_core::{Unit, plot};

    let mut charts = Vec::new();
    if report.curve.len() > 1 {
        charts.push(super::chart::curve(report));
    }
    if report.anytime.len() > 1 {
        charts.push(super::chart::anytime(report));
    }
    let candidates = report.rows.iter().flat_map(|row| &row.candidates);
    let judged = candidates.filter(|sample| sample.finished);
    let (scores, right): (Vec<f64>, Vec<bool>) =
        judged.filter_map(|sample| Some((sample.score?, sample.right))).unzip();
    if report.scale.unit == Unit::Probability
        && let Ok(found) = calibration(&scores, &right, Calibration::BINS)
    {
        let mut chart = plot::reliability(&found);
        chart.title = format!("Scores of {} finished solutions: {}", scores.len(), chart.title);
        charts.push(chart.sized(560, 480));
    }
    // What cannot be drawn (no finite number, say) is in the tables still.
    charts.iter().filter_map(|chart| chart.svg().ok()).collect()
}

#[cfg(test)]
mod tests {
    use tts_core::Search;
    use tts_core::toy::ToyWorld;

    use super::*;
    use crate::SelfConsistency;
    use crate::evaluate::Evaluation;

    #[test]
    fn one_large_tree_hides_no_small_ones() {
        let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
        let item = |number| Item::new(world.prompt(number).question(), world.answer(number));
        let items: Vec<Item> = (0..3).map(item).collect();
        let votes = |n| SelfConsistency { n, ..SelfConsistency::default() };
        let search = Search::new(world);
        let report =
            Evaluation::new(search.clone(), &items).run(&votes(1), |_| {}).expect("problems");
        let searched = |number, n| search.run(votes(n), world.prompt(number)).expect("runs");
        let all = [searched(0, 40), searched(1, 1), searched(2, 1)];
        let small = all[1].tree.len() + all[2].tree.len();
        assert!(all[0].tree.len() > small);
        let mut outcomes = all.map(Some);
        assert_eq!(bound(&report, &mut outcomes, small), 1);
        assert_eq!(outcomes.map(|outcome| outcome.is_some()), [false, true, true]);
    }
}
