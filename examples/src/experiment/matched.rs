//! A small model that thinks longer beside a large one that answers at once, where both have cost as many operations, those
//! of pretraining included.
//!
//! At equal operations of inference alone the large model's training is a gift. [`multiplier`] counts it: the more
//! tokens of inference there are for each of pretraining (a share), the fewer the small model may generate for one of the
//! large model's. For each share each arm of the small model is taken at its dearest budget within that, and compared
//! problem by problem with the large model's one answer, and in fifths of difficulty where a recipe asks for those
//! ([`crate::matching`]).
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
use tts_search::choose::Tried;
use tts_search::choose::matched::{TokenCost, multiplier};
use tts_search::evaluate::Difficulty;

use super::compare::SURE;
use super::measure::Point;
use super::recipe::{Recipe, places};
use super::report::Report;
use super::spec::is_default;
use crate::Error;
use crate::matching::{self, HEAD, Small};

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

/// The N of an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// Samples, or lines of a round.
    pub n: usize,
}

impl std::fmt::Display for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.n.fmt(f)
    }
}

/// An arm of the small model at what the large one has cost.
pub type Matched = matching::Matched<Samples>;

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
    let budgets = |name: &String| {
        let own = points.iter().filter(|point| point.arm == *name);
        own.map(|point| (Samples { n: point.n }, tried(point))).collect()
    };
    let small: Vec<Small<Samples>> =
        small.iter().map(|name| Small { name: name.clone(), budgets: budgets(name) }).collect();
    let cost = (parameters[1] / parameters[0], *cost);
    matching::matched(&small, (&tried(one), one.generated_tokens), cost, shares, difficulty)
}

/// The name of a row's figures.
pub(super) fn name(row: &Matched) -> String {
    format!("{} matched at a share of {}", row.small, row.share)
}

/// What stands in a row in Markdown, where what is sure is bold.
fn marked(row: &Matched) -> Vec<String> {
    let mut cells = row.cells();
    let sure = row.at.as_ref().is_some_and(|at| at.adjusted < SURE);
    if let Some(last) = cells.last_mut().filter(|_| sure) {
        *last = format!("**{last}**");
    }
    cells
}

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
            writeln!(text, "| {} |", marked(row).join(" | "))?;
        }
        let fifths = self.matched.iter().map(|row| row.by_difficulty().len()).max().unwrap_or(0);
        if fifths == 0 {
            return Ok(());
        }
        let numbers: Vec<String> = (1..=fifths).map(|number| number.to_string()).collect();
        writeln!(text, "\nThe same differences by difficulty, the easiest fifth first:\n")?;
        writeln!(text, "| small | inference for pretraining | {} |", numbers.join(" | "))?;
        writeln!(text, "| --- | ---: |{}", " ---: |".repeat(fifths))?;
        for row in self.matched.iter().filter(|row| row.at.is_some()) {
            writeln!(
                text,
                "| {} | {} | {} |",
                row.small,
                row.share,
                row.by_difficulty().join(" | ")
            )?;
        }
        Ok(())
    }

    /// The same for a page.
    pub(super) fn matched_table(&self) -> Vec<Vec<String>> {
        let rows = self.matched.iter().map(Matched::cells);
        std::iter::once(HEAD.map(str::to_owned).to_vec()).chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::matching::Within;

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
        Point::of(arm, n, tokens, values)
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
        let own: Vec<&Within<Samples>> = rows.iter().filter_map(|row| row.at.as_ref()).collect();
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
