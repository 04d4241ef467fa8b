//! A small model that thinks longer beside a large one that answers at once, where both have cost as many operations, those
//! of pretraining included.
//!
//! At equal operations of inference alone the large model's training is a gift. [`multiplier`] counts it: the more
//! tokens of inference there are for each of pretraining (a share), the fewer the small model may generate for one of the
//! large model's. For each share each arm of the small model is taken at its dearest budget within that, and compared
//! problem by problem with the large model's one answer, and in fifths of difficulty where a recipe asks for those. That an
//! arm was not run at budgets as dear as it is allowed is told: its row then says the least that the small model can do.
//!
//! ```text
//! "matched": { "small": ["small, majority"], "large": "large, greedy", "parameters": [0.7e6, 10.6e6],
//!              "shares": [0.16, 0.79, 22] }
//! ```
//!
//! All of it follows from what is kept of any run, so that `--render` adds it to results that have values.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 7 and figure 9; its shares are 0.16, 0.79 and 22.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Paired, holm};
use tts_search::choose::Tried;
use tts_search::choose::matched::{TokenCost, compare, multiplier};
use tts_search::evaluate::Difficulty;

use super::compare::SURE;
use super::difficulty;
use super::measure::Point;
use super::recipe::{Recipe, places};
use super::report::Report;
use super::spec::is_default;
use crate::Error;

/// Which arms are compared at as many operations, pretraining included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// Arms of the small model.
    pub small: Vec<String>,
    /// The arm of the large model, taken at N = 1.
    pub large: String,
    /// Parameters of the small and of the large model.
    pub parameters: [f64; 2],
    /// Tokens of inference for each of pretraining.
    pub shares: Vec<f64>,
    /// What a token of inference costs, on both sides: with a verifier where every arm has a scorer, which counts as one
    /// of the policy's size.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cost: TokenCost,
}

/// An arm of the small model at what the large one has cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matched {
    /// The arm.
    pub small: String,
    /// Tokens of inference for each of pretraining.
    pub share: f64,
    /// How many times the large model's tokens it may generate.
    pub times: f64,
    /// Tokens that it may generate a problem.
    pub allowed: f64,
    /// The dearest of its budgets within that; `None` where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Within>,
}

/// A budget that is within what is allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Within {
    /// The budget.
    pub n: usize,
    /// Tokens that it generates a problem.
    pub taken: f64,
    /// Whether the arm has no dearer one.
    pub dearest: bool,
    /// Its accuracy less the large model's.
    pub paired: Paired,
    /// The p-value, adjusted for all rows.
    pub adjusted: f64,
    /// The difference in each fifth by difficulty, the easiest first, where that is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_difficulty: Vec<f64>,
}

impl Matching {
    /// Whether it can be asked of the recipe.
    pub(super) fn check(&self, recipe: &Recipe) -> Result<(), String> {
        let named = |problem: String| format!("matched: {problem}");
        for (field, empty) in [("small", self.small.is_empty()), ("shares", self.shares.is_empty())]
        {
            if empty {
                return Err(named(format!("{field} is empty, expected at least one")));
            }
        }
        for name in &self.small {
            if places(&recipe.arms, name).is_empty() {
                return Err(named(format!("{name:?} is none of the arms")));
            }
        }
        if !places(&recipe.arms, &self.large).iter().any(|place| place.0 == 1) {
            return Err(named(format!("there is no arm {:?} at N = 1", self.large)));
        }
        let all = self.small.iter().chain([&self.large]);
        for name in all {
            let mut own = recipe.arms.iter().filter(|arm| arm.name == *name);
            let judged = own.any(|arm| arm.scorer.is_some() || arm.judge.is_some());
            let (has, cost) = match (judged, self.cost) {
                (true, TokenCost::Policy) => ("a", "policy"),
                (false, TokenCost::WithVerifier) => ("no", "with-verifier"),
                _ => continue,
            };
            return Err(named(format!("{name:?} has {has} scorer, and cost is {cost}")));
        }
        let [small, large] = self.parameters;
        if !(small > 0.0 && large >= small && large.is_finite()) {
            return Err(named(format!(
                "parameters are {small} and {large}, expected those of the small and of the large model"
            )));
        }
        let times = |&share: &f64| multiplier(large / small, share, self.cost).map(drop);
        self.shares.iter().try_for_each(times).map_err(|error| named(error.to_string()))
    }
}

/// Mean tokens stand for those of each problem: nothing but their mean is asked for.
fn tried(point: &Point) -> Tried {
    let costs = vec![point.generated_tokens; point.values.len()];
    Tried { values: point.values.clone(), costs }
}

/// What a recipe asks for at as many operations; of points with values by problem, and difficulty where it is known.
///
/// # Errors
/// When there is no such arm, or a number makes no sense.
pub fn matched(
    recipe: &Recipe,
    points: &[Point],
    difficulty: Option<&Difficulty>,
) -> Result<Vec<Matched>, Error> {
    let Some(Matching { small, large, parameters, shares, cost }) = &recipe.matched else {
        return Ok(Vec::new());
    };
    let one = points.iter().find(|point| point.arm == *large && point.n == 1);
    let one = one.ok_or_else(|| format!("matched: {large:?} has no point at N = 1"))?;
    let mut rows = Vec::new();
    for &share in shares {
        let times = multiplier(parameters[1] / parameters[0], share, *cost)?;
        for name in small {
            let own: Vec<&Point> = points.iter().filter(|point| point.arm == *name).collect();
            let budgets: Vec<Tried> = own.iter().map(|point| tried(point)).collect();
            let found = compare(&budgets, &tried(one), times)?;
            let within = |found: tts_search::choose::matched::Match| {
                let point = own[found.budget];
                let differences: Vec<f64> = point
                    .values
                    .iter()
                    .zip(&one.values)
                    .map(|(here, there)| here - there)
                    .collect();
                let bins = difficulty.map(|known| difficulty::means(known, &differences));
                Ok::<_, Error>(Within {
                    n: point.n,
                    taken: found.taken,
                    dearest: found.dearest,
                    paired: found.paired,
                    adjusted: 1.0,
                    by_difficulty: bins.transpose()?.unwrap_or_default(),
                })
            };
            let allowed = times * one.generated_tokens;
            let at = found.map(within).transpose()?;
            rows.push(Matched { small: name.clone(), share, times, allowed, at });
        }
    }
    let mut own: Vec<&mut Within> = rows.iter_mut().filter_map(|row| row.at.as_mut()).collect();
    let p_values: Vec<f64> = own.iter().map(|at| at.paired.p_value).collect();
    for (at, adjusted) in own.iter_mut().zip(holm(&p_values)?) {
        at.adjusted = adjusted;
    }
    Ok(rows)
}

impl Matched {
    /// The name of its figures.
    pub(super) fn name(&self) -> String {
        format!("{} matched at a share of {}", self.small, self.share)
    }

    /// What stands in the row of a table, without fifths.
    fn cells(&self) -> Vec<String> {
        let Self { small, share, times, allowed, at } = self;
        let mut cells =
            vec![small.clone(), share.to_string(), format!("{times:.1}"), format!("{allowed:.0}")];
        let Some(Within { n, taken, dearest, paired, adjusted, .. }) = at else {
            cells.extend(["none", "-", "-", "-", "-"].map(str::to_owned));
            return cells;
        };
        let [low, high] = paired.interval.map(|end| 100.0 * end);
        let largest = if *dearest && *taken < 0.95 * allowed { ", the largest" } else { "" };
        let bold = if *adjusted < SURE { "**" } else { "" };
        cells.extend([
            format!("{n}{largest}"),
            format!("{taken:.0}"),
            format!("{:+.2}", 100.0 * paired.difference),
            format!("{low:+.2} to {high:+.2}"),
            format!("{bold}{adjusted:.4}{bold}"),
        ]);
        cells
    }

    /// The differences in fifths, in points.
    fn fifths(&self) -> Vec<String> {
        let all = self.at.iter().flat_map(|at| &at.by_difficulty);
        all.map(|difference| format!("{:+.1}", 100.0 * difference)).collect()
    }
}

/// What the columns are.
const HEAD: [&str; 9] = [
    "small",
    "inference for pretraining",
    "times the tokens",
    "allowed",
    "N",
    "taken",
    "difference",
    "interval",
    "adjusted p",
];

impl Report {
    /// Small and large models at as many operations, in Markdown.
    pub(super) fn matched(&self, text: &mut String) -> Result<(), Error> {
        let Some(asked) = self.recipe.matched.as_ref().filter(|_| !self.matched.is_empty()) else {
            return Ok(());
        };
        let [small, large] = asked.parameters;
        writeln!(
            text,
            "\nAt as many operations as one answer of {}, those of pretraining included: {large:.1e} parameters beside \
             {small:.1e}, for each share of tokens of inference in those of pretraining at how many times the tokens \
             that allows, at the dearest budget within; differences in points, small less large, with 95 % intervals \
             over problems and p adjusted for all {} rows (Holm), in bold below {SURE}. *The largest* was not dear \
             enough to spend what is allowed: the row says the least that the small model can do.\n",
            asked.large,
            self.matched.iter().filter(|row| row.at.is_some()).count()
        )?;
        writeln!(text, "| {} |", HEAD.join(" | "))?;
        writeln!(text, "| --- | ---: | ---: | ---: | --- | ---: | ---: | --- | ---: |")?;
        for row in &self.matched {
            writeln!(text, "| {} |", row.cells().join(" | "))?;
        }
        let fifths = self.matched.iter().map(|row| row.fifths().len()).max().unwrap_or(0);
        if fifths == 0 {
            return Ok(());
        }
        let numbers: Vec<String> = (1..=fifths).map(|number| number.to_string()).collect();
        writeln!(text, "\nThe same differences by difficulty, the easiest fifth first:\n")?;
        writeln!(text, "| small | inference for pretraining | {} |", numbers.join(" | "))?;
        writeln!(text, "| --- | ---: |{}", " ---: |".repeat(fifths))?;
        for row in self.matched.iter().filter(|row| row.at.is_some()) {
            writeln!(text, "| {} | {} | {} |", row.small, row.share, row.fifths().join(" | "))?;
        }
        Ok(())
    }

    /// The same for a page.
    pub(super) fn matched_table(&self) -> Vec<Vec<String>> {
        let rows = self.matched.iter().map(|row| {
            let cells = row.cells();
            cells.iter().map(|cell| cell.replace("**", "")).collect()
        });
        std::iter::once(HEAD.map(str::to_owned).to_vec()).chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tts_core::metrics::bootstrap_interval;

    use super::*;

    fn recipe(matched: &Value) -> Result<Recipe, Error> {
        let arm = |name: &str, n: &[usize]| json!({"name": name, "policy": "p", "strategy": "majority", "n": n});
        let recipe = json!({
            "title": "Sizes", "claim": "None.",
            "task": {"chain": {"operations": [2, 3], "digits": [1, 1], "most": 999}},
            "temperature": 0.8, "problems": 20, "seeds": 1, "pool": 16,
            "models": {"p": {"embedded": "generator"}},
            "arms": [arm("small", &[1, 4, 16]), arm("large", &[1, 2]), arm("other", &[2])],
            "matched": matched,
        });
        Recipe::parse(&recipe.to_string())
    }

    fn asked() -> Value {
        json!({"small": ["small", "other"], "large": "large", "parameters": [1e6, 4e6],
               "shares": [0.75, 1e9]})
    }

    fn point(arm: &str, n: usize, tokens: f64, [easy, hard]: [f64; 2]) -> Point {
        let values: Vec<f64> = (0..20).map(|at| if at < 10 { easy } else { hard }).collect();
        Point {
            arm: arm.into(),
            n,
            x: n as f64,
            accuracy: bootstrap_interval(&values, 10, 0).expect("twenty"),
            generated_tokens: tokens,
            scored_tokens: 0.0,
            operations: tokens,
            training: None,
            control: None,
            by_difficulty: Vec::new(),
            values,
            tokens: Vec::new(),
        }
    }

    /// By hand: of four times the parameters, 3 * 3 / 0.75 + 4 = 16 times the tokens where there is little inference, and
    /// 4 times where there is nothing else. With 16 samples the small model is ahead, with 4 behind.
    #[test]
    fn the_sign_turns_with_the_share() {
        let recipe = recipe(&asked()).expect("a recipe");
        let points = [
            point("small", 1, 10.0, [0.5, 0.0]),
            point("small", 4, 40.0, [1.0, 0.1]),
            point("small", 16, 160.0, [1.0, 0.8]),
            point("large", 1, 10.0, [0.8, 0.5]),
            point("large", 2, 20.0, [1.0, 1.0]),
            point("other", 2, 170.0, [1.0, 1.0]),
        ];
        let shares: Vec<f64> = (0..20).map(|at| 1.0 - f64::from(at) / 20.0).collect();
        let difficulty = Difficulty::by_shares(20, &shares).expect("fifths");
        let rows = matched(&recipe, &points, Some(&difficulty)).expect("arms");
        let told: Vec<String> = rows.iter().map(|row| row.cells()[..6].join(" ")).collect();
        assert_eq!(told[0], "small 0.75 16.0 160 16 160");
        assert_eq!(told[1], "other 0.75 16.0 160 none -");
        assert_eq!(told[2], "small 1000000000 4.0 40 4 40");
        let own: Vec<&Within> = rows.iter().filter_map(|row| row.at.as_ref()).collect();
        let [much, little] = own[..] else { panic!("{rows:?}") };
        assert!((much.paired.difference - 0.25).abs() < 1e-12 && much.dearest);
        assert!((little.paired.difference + 0.1).abs() < 1e-12 && !little.dearest);
        for (at, [easy, hard]) in [(much, [0.2, 0.3]), (little, [0.2, -0.4])] {
            assert_eq!(at.by_difficulty.len(), 5);
            assert!((at.by_difficulty[0] - easy).abs() < 1e-12, "{:?}", at.by_difficulty);
            assert!((at.by_difficulty[4] - hard).abs() < 1e-12, "{:?}", at.by_difficulty);
        }
        // Two rows are tested, and adjusted as two.
        let least = much.paired.p_value.min(little.paired.p_value);
        let adjusted = much.adjusted.min(little.adjusted);
        assert!(least > 0.0 && (adjusted - 2.0 * least).abs() < 1e-12, "{least} {adjusted}");
        // Without difficulty there are no fifths, and of what is not asked nothing.
        let plain = matched(&recipe, &points, None).expect("arms");
        assert!(plain[0].at.as_ref().is_some_and(|at| at.by_difficulty.is_empty()));
        let silent = Recipe { matched: None, ..recipe };
        assert_eq!(matched(&silent, &points, None).expect("nothing"), []);
    }

    #[test]
    fn tokens_that_are_left_over_are_told() {
        let mut wide = asked();
        wide["shares"] = json!([0.01]);
        let recipe = recipe(&wide).expect("a recipe");
        let points = [
            point("small", 16, 160.0, [1.0, 0.8]),
            point("large", 1, 10.0, [0.8, 0.5]),
            point("other", 2, 9_000.0, [1.0, 1.0]),
        ];
        let rows = matched(&recipe, &points, None).expect("arms");
        assert_eq!(rows[0].cells()[3..6], ["9040", "16, the largest", "160"]);
        assert_eq!(rows[1].cells()[3..6], ["9040", "2", "9000"]);
    }

    #[test]
    fn what_cannot_be_asked_is_named() {
        recipe(&asked()).expect("sound");
        for (field, value, expected) in [
            ("small", json!([]), "matched: small is empty"),
            ("small", json!(["none"]), "matched: \"none\" is none of the arms"),
            ("large", json!("other"), "matched: there is no arm \"other\" at N = 1"),
            ("shares", json!([]), "matched: shares is empty"),
            ("shares", json!([0.5, 0.0]), "matched: inference_share: 0, expected more than 0"),
            ("parameters", json!([4e6, 1e6]), "matched: parameters are 4000000 and 1000000"),
            ("parameters", json!([0.0, 1e6]), "matched: parameters are 0 and 1000000"),
            ("cost", json!("free"), "unknown variant `free`"),
            (
                "cost",
                json!("with-verifier"),
                "matched: \"small\" has no scorer, and cost is with-verifier",
            ),
        ] {
            let mut asked = asked();
            asked[field] = value;
            let error = recipe(&asked).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
