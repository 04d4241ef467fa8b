//! What an experiment found: tables for people, JSON for machines, a chart, values by problem.
//!
//! The Markdown and the chart follow from the JSON ([`Report::write`]); with the values by problem, which
//! lie in a table of their own, the figures of the JSON follow as well ([`super::recompute()`]).
//!
//! Source: none; a format of this library.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::metrics::{Accuracy, Coverage};
use tts_core::plot::{self, Axis, Chart, Series, Style};
use tts_search::evaluate::Difficulty;

use super::choice::{Found, Worth, worth};
use super::compare::{Difference, adjust};
use super::curve::{Course, Curve};
use super::curve_table;
use super::matched::{Matched, matched};
use super::measure::Point;
use super::recipe::{Along, Recipe};
use super::saved::{Saved, saved};
use super::thinking::Thinking;
use super::turns::Turn;
use super::values::{self, ByProblem};
use super::verdict::Verdict;
use super::workshop::at;
use crate::Error;
use crate::files::write_whole;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was asked.
    pub recipe: Recipe,
    /// Whether this is the recipe in small.
    pub quick: bool,
    /// The recipe's file, where it is one of somebody's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Which processor.
    pub machine: String,
    /// The arms.
    pub points: Vec<Point>,
    /// Their differences.
    pub differences: Vec<Difference>,
    /// What the same accuracy costs, where that is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saved: Vec<Saved>,
    /// Small models beside a large one at as many operations, where that is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matched: Vec<Matched>,
    /// How the share of problems that some sample solves grows, by arm.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub coverage: BTreeMap<String, Coverage>,
    /// The reward models.
    pub verdicts: Vec<Verdict>,
    /// How difficult the problems are.
    pub difficulty: Option<Difficulty>,
    /// What the choice between arms is worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Worth>,
    /// Revisions, turn by turn.
    pub turns: Vec<Turn>,
    /// What the making of models found out, by model; the first seed's.
    pub models: BTreeMap<String, Value>,
    /// How training of models that were made by reinforcement went, over seeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub training: Vec<Curve>,
    /// Curves by the length of their thinking, where an arm asks for one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thinking: Vec<Thinking>,
    /// What is known of each problem beside the values of points; in a table of its own.
    #[serde(skip)]
    pub by_problem: ByProblem,
    /// How each run of training went; in a table of its own.
    #[serde(skip)]
    pub courses: Vec<Course>,
}

impl Report {
    /// The chart, along what the recipe asks for.
    pub fn chart(&self) -> Chart {
        self.chart_along(self.recipe.along)
    }

    /// The charts along every cost, that of the recipe first.
    pub fn charts(&self) -> Vec<Chart> {
        let own = self.recipe.along;
        let others = [Along::N, Along::Tokens, Along::Operations];
        // Where arms say their place, the curves over costs are of no order.
        let others = others.into_iter().filter(|&along| along != own && own != Along::X);
        // A cost that nobody tells, as that of a server, has no place on an axis of powers.
        let placed =
            |along: &Along| self.points.iter().all(|point| Self::place(point, *along) > 0.0);
        let others = others.filter(placed);
        let others = others.map(|along| self.chart_along(along));
        // A choice is one curve more along tokens.
        let others = others.filter(|chart| chart.series.len() <= Chart::MOST_SERIES);
        std::iter::once(self.chart_along(own)).chain(others).collect()
    }

    /// The chart along tokens beside that along training: what a policy makes of more thinking, with a curve a policy.
    pub(super) fn test_time(&self) -> Option<Chart> {
        (self.recipe.along == Along::Training).then(|| self.chart_along(Along::Tokens))
    }

    fn place(point: &Point, along: Along) -> f64 {
        match along {
            Along::N => point.n as f64,
            Along::Tokens => point.generated_tokens,
            Along::Operations => point.operations,
            Along::X => point.x,
            Along::Training => point.training.unwrap_or(0.0),
        }
    }

    /// The curve that a point belongs to.
    fn curve(point: &Point, along: Along) -> String {
        match along {
            Along::Training => format!("N = {}", point.n),
            _ => point.arm.clone(),
        }
    }

    /// The points that a chart along this can show: what was not trained has no place among powers of what training
    /// cost.
    fn shown(&self, along: Along) -> impl Iterator<Item = &Point> {
        let trained =
            move |point: &&Point| along != Along::Training || Self::place(point, along) > 0.0;
        self.points.iter().filter(trained)
    }

    fn chart_along(&self, along: Along) -> Chart {
        let recipe = &self.recipe;
        let x = match along {
            Along::N => Axis::log2("N"),
            Along::Tokens => Axis::log2("generated tokens a problem"),
            Along::Operations => Axis::log10("operations a problem, of policy and scorer"),
            Along::X => Axis::linear(recipe.axis.clone().unwrap_or_default()),
            Along::Training => Axis::log10("operations of reinforcement, before"),
        };
        let y = Axis::percent("accuracy, with 95 % interval");
        let mut chart = Chart::new(recipe.title.clone(), x, y).sized(900, 600);
        let mut names: Vec<String> = Vec::new();
        for point in self.shown(along) {
            let name = Self::curve(point, along);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            let own = self.shown(along).filter(|point| Self::curve(point, along) == name);
            let place = |point: &Point| Self::place(point, along);
            let drawn = |point: &Point| {
                let Point { accuracy, .. } = point;
                plot::Point::with_interval(place(point), accuracy.mean, accuracy.interval)
            };
            // The arms of one curve stand in any order.
            let mut own: Vec<&Point> = own.collect();
            own.sort_by(|a, b| place(a).total_cmp(&place(b)));
            let points: Vec<plot::Point> = own.into_iter().map(drawn).collect();
            let style = if points.len() > 1 { Style::LineAndMarks } else { Style::Marks };
            chart = chart.with(Series::new(name, style, points));
        }
        // A choice has no N of its own.
        let choices = self.choice.iter().flat_map(|choice| &choice.policies);
        for policy in choices.filter(|_| along == Along::Tokens).take(1) {
            let drawn = |found: &Found| {
                let Accuracy { mean, interval, .. } = found.accuracy;
                plot::Point::with_interval(found.tokens, mean, interval)
            };
            let name = format!("chosen {}", policy.name);
            let points = policy.levels.iter().map(drawn).collect();
            chart = chart.with(Series::new(name, Style::LineAndMarks, points));
        }
        chart
    }

    /// What [`super::find`] finds the recipe by, where the report has this name.
    pub(super) fn origin<'a>(&'a self, name: &'a str) -> &'a str {
        self.from.as_deref().unwrap_or(name)
    }

    /// Whether values by problem are at hand.
    pub fn has_values(&self) -> bool {
        self.points.iter().any(|point| !point.values.is_empty())
    }

    /// Reads `NAME.json` from a folder, and the values by problem where they lie beside it.
    ///
    /// # Errors
    /// When a file cannot be read, or its values are not those of the report.
    pub fn read(name: &str, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(format!("{name}.json"));
        let text = std::fs::read(&path).map_err(at(&path))?;
        let named = |error: serde_json::Error| format!("{}: {error}", path.display());
        let mut report: Self = serde_json::from_slice(&text).map_err(named)?;
        let path = values::place(name, folder);
        if path.is_file() {
            values::read(&mut report, &path)?;
        }
        // What curves are computed from lies beside the values, or neither does.
        if report.has_values() && !report.training.is_empty() {
            report.courses = curve_table::read(&curve_table::place(name, folder))?;
        }
        Ok(report)
    }

    /// The same with the title, claim and limits that the recipe of this name has by now, and p-values
    /// adjusted from the published ones, and laws of coverage, costs at equal accuracy, models at as many operations and the
    /// choice between arms where values by problem are at hand: all other figures stay.
    ///
    /// # Errors
    /// When a p-value is none, or the choice is of arms that are no strategies.
    pub fn told_again(mut self, name: &str) -> Result<Self, Error> {
        if let Ok((_, recipe)) = super::find(self.origin(name)) {
            self.recipe = self.recipe.told_as(&recipe);
        }
        adjust(&mut self.differences)?;
        if self.has_values() {
            self.coverage = super::coverage::laws(&self.recipe, &self.points)?;
            self.saved = saved(&self.points, &self.recipe.compare)?;
            self.matched = matched(&self.recipe, &self.points, self.difficulty.as_ref())?;
            if let Some(asked) = &self.recipe.choice {
                let known = (&self.by_problem.probed[..], &self.by_problem.shares[..]);
                self.choice = Some(worth(asked, &self.recipe.arms, &self.points, known)?);
            }
        }
        Ok(self)
    }

    /// Writes `NAME.md`, `NAME.json` and `NAME.svg` into a folder, a chart for each figure of training, and the values
    /// by problem into `values/NAME.csv.gz` there, where they are at hand, with courses of training beside them. Each
    /// is put in its place when it is whole.
    ///
    /// # Errors
    /// When a file cannot be written, or the chart has more curves than can be told apart.
    pub fn write(&self, name: &str, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        if self.has_values() {
            values::write(self, &values::place(name, folder))?;
        }
        if !self.courses.is_empty() {
            curve_table::write(&self.courses, &curve_table::place(name, folder))?;
        }
        for (figure, chart) in self.training_charts() {
            chart.write(folder.join(format!("{name}-{}.svg", figure.name())))?;
        }
        self.chart().write(folder.join(format!("{name}.svg")))?;
        if let Some(chart) = self.test_time() {
            chart.write(folder.join(format!("{name}-tokens.svg")))?;
        }
        for (ending, text) in
            [("md", self.markdown(name)?), ("json", format!("{:#}\n", serde_json::to_value(self)?))]
        {
            write_whole(&folder.join(format!("{name}.{ending}")), text.as_bytes())?;
        }
        Ok(())
    }
}
