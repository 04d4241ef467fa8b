//! A report as a page for a browser: charts along each cost and along training, and tables of arms and differences.
//!
//! Experiments keep the values of problems, not their trees: those are shown by `evaluate --html`.
//!
//! Source: none; a format of this library.

use tts_core::inspect::{Figures, Page};
use tts_core::plot::Chart;
use tts_search::evaluate::{percent, words::thousands};

use super::compare::SURE;
use super::report::Report;
use crate::Error;

impl Report {
    /// The report as a page.
    ///
    /// # Errors
    /// When a chart cannot be drawn.
    pub fn page(&self) -> Result<Page, Error> {
        let recipe = &self.recipe;
        let size = if self.quick { ", a quick run at a tenth of the size" } else { "" };
        let facts = [
            ("claim", recipe.claim.clone()),
            ("limits", recipe.limits.clone()),
            ("problems", format!("{}, {} seeds each{size}", recipe.problems, recipe.seeds)),
            ("machine", self.machine.clone()),
        ];
        let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
        let mut tables = vec![("Arms".to_owned(), self.arms())];
        if !self.differences.is_empty() {
            tables.push(("Paired differences, in points".to_owned(), self.pairs()));
        }
        if !self.saved.is_empty() {
            tables.push(("What the same accuracy costs, in tokens".to_owned(), self.saved_table()));
        }
        if !self.matched.is_empty() {
            let title = "Small models beside a large one, at as many operations".to_owned();
            tables.push((title, self.matched_table()));
        }
        let along_training = self.training_charts().into_iter().map(|(_, chart)| chart);
        let charts: Vec<Chart> = self.charts().into_iter().chain(along_training).collect();
        let figures = Figures {
            facts: facts.map(|(name, value)| (name.to_owned(), value)).collect(),
            charts: charts.iter().map(Chart::svg).collect::<Result<_, _>>()?,
            tables,
            notes: vec![format!(
                "Intervals are over problems, 95 %, each for itself. What is called sure has a p-value \
                 below {SURE} after Holm's adjustment for all rows of its table."
            )],
            ..Figures::default()
        };
        Ok(Page::new(&*recipe.title).figures(figures))
    }

    fn arms(&self) -> Vec<Vec<String>> {
        let head =
            ["arm", "N", "accuracy", "95 % interval", "tokens generated", "judged", "operations"];
        let rows = self.points.iter().map(|point| {
            let [low, high] = point.accuracy.interval.map(percent);
            // Means of problems: a fraction of a token tells nobody anything.
            let tokens = |mean: f64| thousands(format!("{mean:.0}").parse().unwrap_or(0));
            vec![
                point.arm.clone(),
                point.n.to_string(),
                percent(point.accuracy.mean),
                format!("{low} to {high}"),
                tokens(point.generated_tokens),
                tokens(point.scored_tokens),
                format!("{:.1e}", point.operations),
            ]
        });
        std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect()
    }

    fn pairs(&self) -> Vec<Vec<String>> {
        let head =
            ["first", "second", "N", "at", "difference", "95 % interval", "p", "adjusted", "sure"];
        let rows = self.differences.iter().map(|difference| {
            let paired = &difference.paired;
            let [low, high] = paired.interval.map(|end| 100.0 * end);
            let at = if difference.is_interpolated() { ", interpolated" } else { "" };
            vec![
                difference.sides()[0].clone(),
                difference.sides()[1].clone(),
                difference.n.to_string(),
                format!("{}{at}", difference.at),
                format!("{:+.2}", 100.0 * paired.difference),
                format!("{low:+.2} to {high:+.2}"),
                format!("{:.4}", paired.p_value),
                format!("{:.4}", difference.adjusted),
                if difference.adjusted < SURE { "sure" } else { "" }.to_owned(),
            ]
        });
        std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect()
    }
}
