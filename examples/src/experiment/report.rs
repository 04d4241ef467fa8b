//! What an experiment found: tables for people, JSON for machines, a chart.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::metrics::Auc;
use tts_core::plot::{self, Axis, Chart, Series, Style};
use tts_search::evaluate::percent;
use tts_search::evaluate::{Bin, Difficulty};

use super::compare::Difference;
use super::measure::Point;
use super::recipe::{Along, Recipe};
use super::turns::Turn;
use super::verdict::Verdict;
use super::workshop::at;
use crate::Error;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was asked.
    pub recipe: Recipe,
    /// Whether this is the recipe in small.
    pub quick: bool,
    /// Which processor.
    pub machine: String,
    /// The arms.
    pub points: Vec<Point>,
    /// Their differences.
    pub differences: Vec<Difference>,
    /// The reward models.
    pub verdicts: Vec<Verdict>,
    /// How difficult the problems are.
    pub difficulty: Option<Difficulty>,
    /// Revisions, turn by turn.
    pub turns: Vec<Turn>,
    /// What the making of models found out, by model; the first seed's.
    pub models: BTreeMap<String, Value>,
}

impl Report {
    /// The report in Markdown.
    ///
    /// # Errors
    /// Never: a string is written to.
    pub fn markdown(&self, name: &str) -> Result<String, Error> {
        let Recipe { title, claim, problems, seeds, temperature, retrain, pool, .. } = &self.recipe;
        let mut text = String::new();
        writeln!(text, "# {title}\n\n{claim}\n")?;
        let models = if *retrain { "each with its own models" } else { "one set of models" };
        let small = if self.quick { " A quick run, at a tenth of the size." } else { "" };
        writeln!(
            text,
            "{problems} held-out problems, {seeds} seeds ({models}), temperature {temperature}, pools of \
             {pool}; on {}.{small} Recipe: [`{name}.json`](../../examples/experiments/{name}.json), run \
             with `cargo run --release -p tts-examples --bin experiment -- {name}`; all figures: \
             [`{name}.json`]({name}.json).\n",
            self.machine
        )?;
        writeln!(text, "![{title}]({name}.svg)\n")?;
        self.points(&mut text)?;
        self.differences(&mut text)?;
        self.bins(&mut text)?;
        self.verdicts(&mut text)?;
        self.turns(&mut text)?;
        self.models(&mut text)?;
        Ok(text)
    }

    fn points(&self, text: &mut String) -> Result<(), Error> {
        let own = self.recipe.along == Along::X;
        let axis = self.recipe.axis.as_deref().unwrap_or("x");
        let (head, rule) =
            if own { (format!(" {axis} |"), " ---: |") } else { (String::new(), "") };
        writeln!(text, "| method | N |{head} accuracy | generated tokens | scored | operations |")?;
        writeln!(text, "| --- | ---: |{rule} --- | ---: | ---: | ---: |")?;
        for point in &self.points {
            let [low, high] = point.accuracy.interval.map(percent);
            let x = if own { format!(" {} |", point.x) } else { String::new() };
            writeln!(
                text,
                "| {} | {} |{x} {} ({low} to {high}) | {:.0} | {:.0} | {:.1e} |",
                point.arm,
                point.n,
                percent(point.accuracy.mean),
                point.generated_tokens,
                point.scored_tokens,
                point.operations
            )?;
        }
        Ok(())
    }

    fn differences(&self, text: &mut String) -> Result<(), Error> {
        if self.differences.is_empty() {
            return Ok(());
        }
        writeln!(text, "\nPaired differences, in points, with 95 % intervals over problems:\n")?;
        writeln!(text, "| first | second | N | at | difference | interval | p |")?;
        writeln!(text, "| --- | --- | ---: | --- | ---: | --- | ---: |")?;
        let own = self.recipe.along == Along::X;
        for difference in &self.differences {
            let paired = &difference.paired;
            let [low, high] = paired.interval.map(|end| 100.0 * end);
            let x = if own { format!(", {}", difference.x) } else { String::new() };
            writeln!(
                text,
                "| {} | {} | {}{x} | {} | {:+.2} | {low:+.2} to {high:+.2} | {:.4} |",
                difference.first,
                difference.second,
                difference.n,
                difference.at,
                100.0 * paired.difference,
                paired.p_value
            )?;
        }
        Ok(())
    }

    /// Arms by difficulty; a report that was read back has no values by problem.
    fn bins(&self, text: &mut String) -> Result<(), Error> {
        let Some(difficulty) = &self.difficulty else { return Ok(()) };
        let [low, high] = difficulty.pass_at_1.interval.map(percent);
        writeln!(
            text,
            "\nBy difficulty, the easiest fifth first, from {} samples apart: pass@1 {} ({low} to {high}), \
             some right for {}.\n",
            difficulty.samples,
            percent(difficulty.pass_at_1.mean),
            percent(difficulty.pass_at_samples.mean)
        )?;
        let mut row =
            |name: &str, cells: Vec<String>| writeln!(text, "| {name} | {} |", cells.join(" | "));
        let bins = &difficulty.bins;
        row("fifth", (1..=bins.len()).map(|number| number.to_string()).collect())?;
        row("---", vec!["---:".to_owned(); bins.len()])?;
        row("pass@1", bins.iter().map(|bin| percent(bin.pass_at_1)).collect())?;
        row("some sample right", bins.iter().map(|bin| percent(bin.solvable)).collect())?;
        for point in self.points.iter().filter(|point| !point.values.is_empty()) {
            let mean = |bin: &Bin| Ok(percent(bin.mean(&point.values)?.mean));
            let cells = bins.iter().map(mean).collect::<Result<_, Error>>()?;
            row(&format!("{} {}", point.arm, point.n), cells)?;
        }
        Ok(())
    }

    fn verdicts(&self, text: &mut String) -> Result<(), Error> {
        let Some(judged) = self.recipe.judged.as_ref().filter(|_| !self.verdicts.is_empty()) else {
            return Ok(());
        };
        writeln!(
            text,
            "\nReward models on {} solutions of each problem by {}; areas under the ROC curve, mean over \
             seeds (first seed's 95 % interval):\n",
            judged.samples, judged.policy
        )?;
        writeln!(
            text,
            "| reward model | steps: can a right solution follow (V*) | steps: right or wrong | solutions \
             of one problem | calibration error against V* |"
        )?;
        writeln!(text, "| --- | --- | --- | ---: | ---: |")?;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let area = |all: &[Option<Auc>]| {
            let all: Option<Vec<&Auc>> = all.iter().map(Option::as_ref).collect();
            let Some((all, first)) = all.as_ref().and_then(|all| Some((all, all.first()?))) else {
                return "-".to_owned();
            };
            let areas: Vec<f64> = all.iter().map(|auc| auc.area).collect();
            let [low, high] = first.interval;
            format!("{:.3} ({low:.3} to {high:.3})", mean(&areas))
        };
        for verdict in &self.verdicts {
            let within: Option<Vec<f64>> = verdict.within_problems.iter().copied().collect();
            let error: Option<Vec<f64>> = verdict.calibration_error.iter().copied().collect();
            writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                verdict.model,
                area(&verdict.steps),
                area(&verdict.errors),
                within.map_or_else(|| "-".to_owned(), |within| format!("{:.3}", mean(&within))),
                error.map_or_else(|| "-".to_owned(), |error| percent(mean(&error)))
            )?;
        }
        Ok(())
    }

    fn turns(&self, text: &mut String) -> Result<(), Error> {
        if self.turns.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nRevisions in turn; broken and mended are shares of what was right and wrong a turn before:\n"
        )?;
        writeln!(text, "| policy | turn | right | broken | mended |")?;
        writeln!(text, "| --- | ---: | ---: | ---: | ---: |")?;
        let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
        for Turn { policy, turn, right, broken, mended } in &self.turns {
            let (broken, mended) = (share(*broken), share(*mended));
            writeln!(text, "| {policy} | {turn} | {} | {broken} | {mended} |", percent(*right))?;
        }
        Ok(())
    }

    /// What models say of their making, a table for each set of fields.
    fn models(&self, text: &mut String) -> Result<(), Error> {
        let mut tables: BTreeMap<Vec<String>, Vec<(&String, Vec<String>)>> = BTreeMap::new();
        for (name, report) in &self.models {
            let mut flat = Vec::new();
            flatten(report, &mut flat);
            if flat.is_empty() {
                continue;
            }
            let (fields, values): (Vec<String>, Vec<String>) = flat.into_iter().unzip();
            tables.entry(fields).or_default().push((name, values));
        }
        for (fields, rows) in tables {
            writeln!(text, "\n| model | {} |", fields.join(" | ").replace('_', " "))?;
            writeln!(text, "| --- |{}", " ---: |".repeat(fields.len()))?;
            for (name, values) in rows {
                writeln!(text, "| {name} | {} |", values.join(" | "))?;
            }
        }
        Ok(())
    }

    /// The chart.
    pub fn chart(&self) -> Chart {
        let recipe = &self.recipe;
        let x = match recipe.along {
            Along::N => Axis::log2("N"),
            Along::Tokens => Axis::log2("generated tokens a problem"),
            Along::Operations => Axis::log10("operations a problem, of policy and scorer"),
            Along::X => Axis::linear(recipe.axis.clone().unwrap_or_default()),
        };
        let y = Axis::linear("accuracy, with 95 % interval");
        let mut chart = Chart::new(recipe.title.clone(), x, y).sized(900, 600);
        let mut names: Vec<&String> = Vec::new();
        for point in &self.points {
            if !names.contains(&&point.arm) {
                names.push(&point.arm);
            }
        }
        for name in names {
            let own = self.points.iter().filter(|point| point.arm == *name);
            let place = |point: &Point| match recipe.along {
                Along::N => point.n as f64,
                Along::Tokens => point.generated_tokens,
                Along::Operations => point.operations,
                Along::X => point.x,
            };
            let drawn = |point: &Point| {
                let Point { accuracy, .. } = point;
                plot::Point::with_interval(place(point), accuracy.mean, accuracy.interval)
            };
            let points: Vec<plot::Point> = own.map(drawn).collect();
            let style = if points.len() > 1 { Style::LineAndMarks } else { Style::Marks };
            chart = chart.with(Series::new(name.clone(), style, points));
        }
        chart
    }

    /// Writes `NAME.md`, `NAME.json` and `NAME.svg` into a folder.
    ///
    /// # Errors
    /// When a file cannot be written, or the chart has more curves than can be told apart.
    pub fn write(&self, name: &str, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        self.chart().write(folder.join(format!("{name}.svg")))?;
        for (ending, text) in
            [("md", self.markdown(name)?), ("json", format!("{:#}\n", serde_json::to_value(self)?))]
        {
            let path = folder.join(format!("{name}.{ending}"));
            std::fs::write(&path, text).map_err(at(&path))?;
        }
        Ok(())
    }
}

/// Numbers of a report with their names, nested ones side by side.
fn flatten(value: &Value, into: &mut Vec<(String, String)>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        match value {
            Value::Object(_) => flatten(value, into),
            Value::Number(number) => {
                let text = match number.as_f64().filter(|_| !(number.is_u64() || number.is_i64())) {
                    Some(fraction) => format!("{fraction:.3}"),
                    None => number.to_string(),
                };
                into.push((name.clone(), text));
            }
            _ => {}
        }
    }
}
