//! What the same accuracy costs: the tokens of one arm over those of another, where as many are right.
//!
//! At equal tokens a comparison asks which arm is right more often; where an arm stops early, or is as good by design, the
//! question is how much less it costs. `"at": "accuracy"` takes the second arm at each of its budgets, lowers its accuracy by
//! a margin that the recipe names, and reads the tokens at which the first arm gets there off its own budgets, in a straight
//! line between two of them ([`cost_ratio_within`]). Where its cheapest budget is enough the ratio is told as *at most*: a
//! cheaper one was not run. Curves that are flat need the margin: without one the ratio tells of the last right answers.
//!
//! ```text
//! { "first": "adaptive vote", "second": "majority", "at": "accuracy", "margin": 0.005, "n": [16, 64] }
//! ```
//!
//! No p-value comes of it, so it stands in a table of its own, and Holm's adjustment does not know of it.
//!
//! Source: the reading of figure 4 in Snell et al. 2024 (arXiv 2408.03314), made a number with an interval; margins as in
//! tests of non-inferiority, Piaggio et al. 2012 (JAMA 308:2594).

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use tts_search::choose::{CostRatio, Level, cost_ratio_within};
use tts_search::evaluate::percent;

use super::measure::{DRAWS, Point};
use super::recipe::{At, Comparison};
use super::report::Report;
use super::spec::is_default;
use crate::Error;

/// Tokens of the first arm over those of the second, where both are as accurate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// Whose tokens are asked for.
    pub first: String,
    /// Whose accuracy must be reached.
    pub second: String,
    /// The budget of the second.
    pub n: usize,
    /// By how much the first may be less accurate.
    #[serde(default, skip_serializing_if = "is_default")]
    pub margin: f64,
    /// Whether the cheapest budget of the first is enough, so that the ratio is an upper bound.
    #[serde(default, skip_serializing_if = "is_default")]
    pub at_most: bool,
    /// The ratio.
    pub ratio: CostRatio,
}

/// What a recipe asks for at equal accuracy.
///
/// # Errors
/// When an arm has no tokens by problem, or one that costs nothing.
pub fn saved(points: &[Point], asked: &[Comparison]) -> Result<Vec<Saved>, Error> {
    let mut found = Vec::new();
    for pair in asked.iter().filter(|pair| pair.at == At::Accuracy) {
        let Comparison { first, second, n, margin, .. } = pair;
        let own = curve(points, first);
        let policy: Vec<Level> = own.iter().map(|point| level(point)).collect();
        let named = |error| format!("compare: {first:?} and {second:?} at equal accuracy: {error}");
        let asked = |point: &&Point| n.is_empty() || n.contains(&point.n);
        for point in curve(points, second).into_iter().filter(asked) {
            let ratio = cost_ratio_within(*margin, &policy, &level(point), DRAWS, 0);
            let cheapest =
                own.iter().min_by(|a, b| a.generated_tokens.total_cmp(&b.generated_tokens));
            let enough = |own: &&Point| own.accuracy.mean >= point.accuracy.mean - margin;
            found.push(Saved {
                first: first.clone(),
                second: second.clone(),
                n: point.n,
                margin: *margin,
                at_most: cheapest.is_some_and(enough),
                ratio: ratio.map_err(named)?,
            });
        }
    }
    Ok(found)
}

fn curve<'p>(points: &'p [Point], name: &str) -> Vec<&'p Point> {
    points.iter().filter(|point| point.arm == name).collect()
}

fn level(point: &Point) -> Level {
    Level { values: point.values.clone(), costs: point.tokens.clone() }
}

impl Saved {
    /// The name of its figures.
    pub(super) fn name(&self) -> String {
        format!("tokens of {} over {} at N = {}", self.first, self.second, self.n)
    }

    /// The row of a table: arms, N, margin in points, ratio, interval, draws that get there.
    fn cells(&self) -> [String; 7] {
        let Self { first, second, n, margin, at_most, ratio } = self;
        let bound = if *at_most { "at most " } else { "" };
        let told = ratio.ratio.map_or("never".to_owned(), |ratio| format!("{bound}{ratio:.2}"));
        let interval = ratio.interval.filter(|_| ratio.ratio.is_some());
        let interval =
            interval.map_or("-".to_owned(), |[low, high]| format!("{low:.2} to {high:.2}"));
        let margin = format!("{:.1}", 100.0 * margin);
        [
            first.clone(),
            second.clone(),
            n.to_string(),
            margin,
            told,
            interval,
            percent(ratio.reached),
        ]
    }
}

/// What the columns are.
const HEAD: [&str; 7] =
    ["first", "second", "N", "margin", "ratio", "interval", "draws that get there"];

impl Report {
    /// What the same accuracy costs, in Markdown.
    pub(super) fn saved(&self, text: &mut String) -> Result<(), Error> {
        if self.saved.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nWhat the same accuracy costs: generated tokens of the first over those of the second at N, where as many are \
             right, or fewer by a margin in points; 95 % intervals over problems, of the draws that get there. Between two \
             of its budgets the tokens of the first are read in a straight line; *at most* says that its cheapest is \
             enough, so that one that was not run might be, too. There are no p-values, and nothing is adjusted.\n"
        )?;
        writeln!(text, "| {} |", HEAD.join(" | "))?;
        writeln!(text, "| --- | --- | ---: | ---: | ---: | --- | ---: |")?;
        for row in &self.saved {
            writeln!(text, "| {} |", row.cells().join(" | "))?;
        }
        Ok(())
    }

    /// The same for a page.
    pub(super) fn saved_table(&self) -> Vec<Vec<String>> {
        let rows = self.saved.iter().map(|row| row.cells().to_vec());
        std::iter::once(HEAD.map(str::to_owned).to_vec()).chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(arm: &str, n: usize, tokens: f64, right: f64) -> Point {
        Point::of(arm, n, tokens, vec![right; 4])
    }

    fn pair(n: &[usize], margin: f64) -> Comparison {
        let pair = serde_json::json!({
            "first": "early", "second": "all", "at": "accuracy", "n": n, "margin": margin,
        });
        serde_json::from_value(pair).expect("a comparison")
    }

    /// By hand: 0.55 less 0.05 lies a third of the way from 40 to 100 tokens, which is 60 of 200.
    #[test]
    fn tokens_are_read_where_as_many_are_right() {
        let points = [
            point("early", 16, 100.0, 0.7),
            point("early", 4, 40.0, 0.4),
            point("all", 8, 160.0, 0.45),
            point("all", 64, 200.0, 0.55),
            point("all", 128, 400.0, 0.9),
        ];
        let found = saved(&points, &[pair(&[], 0.05)]).expect("tokens");
        let cells: Vec<[String; 7]> = found.iter().map(Saved::cells).collect();
        let of = |place: usize| cells[place].each_ref().map(String::as_str);
        let all = "100.0 %";
        assert_eq!(of(0), ["early", "all", "8", "5.0", "at most 0.25", "0.25 to 0.25", all]);
        assert_eq!(of(1), ["early", "all", "64", "5.0", "0.30", "0.30 to 0.30", all]);
        assert_eq!(of(2)[4..], ["never", "-", "0.0 %"]);
        // Without a margin more is to be reached, at some of the budgets.
        let found = saved(&points, &[pair(&[64], 0.0)]).expect("tokens");
        let ratio = found[0].ratio.ratio.expect("it gets there");
        assert!((found.len(), found[0].at_most) == (1, false) && (ratio - 0.35).abs() < 1e-12);
        // At other equalities nothing is told.
        let other = Comparison { at: At::Tokens, ..pair(&[64], 0.0) };
        assert_eq!(saved(&points, &[other]).expect("nothing"), []);
    }

    #[test]
    fn arms_without_tokens_are_named() {
        let mut points = [point("early", 4, 40.0, 0.4), point("all", 4, 40.0, 0.4)];
        points[1].tokens.clear();
        let error = saved(&points, &[pair(&[], 0.0)]).expect_err("no tokens").to_string();
        let expected =
            "compare: \"early\" and \"all\" at equal accuracy: levels: 4 values and 0 costs";
        assert!(error.starts_with(expected), "{error}");
    }
}
