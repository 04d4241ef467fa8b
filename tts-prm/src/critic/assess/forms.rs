//! The forms in which data sets keep preferences, told by their fields.
//!
//! Most are pairs with a verdict, which differ in names and in how the verdict is written: one entry each of `PAIRS`.
//!
//! Source: the data set cards that [`super::preference`] names.

use serde::Deserialize;
use serde_json::Value;
use tts_core::Prompt;
use tts_core::rows::{Row, RowError};

use super::preference::Preference;
use super::turns::{self, Side};

/// Which of two responses is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Better {
    First,
    Second,
    Neither,
}

/// Two responses and a verdict.
struct Pair {
    /// The field that asks; none where the sides are whole conversations.
    asks: Option<&'static str>,
    sides: [&'static str; 2],
    verdict: &'static str,
    expected: &'static str,
    says: fn(&str) -> Option<Better>,
}

/// A preference by its sign: below 0 the first is better.
fn by_sign(verdict: &str) -> Option<Better> {
    let value: f64 = verdict.trim().parse().ok()?;
    match value.partial_cmp(&0.0)? {
        std::cmp::Ordering::Less => Some(Better::First),
        std::cmp::Ordering::Equal => Some(Better::Neither),
        std::cmp::Ordering::Greater => Some(Better::Second),
    }
}

fn by_order(verdict: &str) -> Option<Better> {
    match verdict.replace(' ', "").as_str() {
        "A>B" => Some(Better::First),
        "B>A" => Some(Better::Second),
        "A=B" => Some(Better::Neither),
        _ => None,
    }
}

fn by_name(verdict: &str) -> Option<Better> {
    match verdict.trim() {
        "model_a" => Some(Better::First),
        "model_b" => Some(Better::Second),
        "both_bad" => Some(Better::Neither),
        other => other.starts_with("tie").then_some(Better::Neither),
    }
}

fn one_or_two(verdict: &str) -> Option<Better> {
    match verdict {
        "1" => Some(Better::First),
        "2" => Some(Better::Second),
        _ => None,
    }
}

fn zero_or_one(verdict: &str) -> Option<Better> {
    match verdict {
        "0" => Some(Better::First),
        "1" => Some(Better::Second),
        _ => None,
    }
}

const PAIRS: [Pair; 6] = [
    Pair {
        asks: Some("question"),
        sides: ["response_A", "response_B"],
        verdict: "label",
        expected: "A>B or B>A, or A=B for a tie",
        says: by_order,
    },
    Pair {
        asks: Some("input"),
        sides: ["output_1", "output_2"],
        verdict: "label",
        expected: "1 or 2",
        says: one_or_two,
    },
    Pair {
        asks: Some("prompt"),
        sides: ["response_1", "response_2"],
        verdict: "preference_strength",
        expected: "a number, below 0 where the first is better",
        says: by_sign,
    },
    Pair {
        asks: Some("context"),
        sides: ["response1", "response2"],
        verdict: "overall_preference",
        expected: "a number, below 0 where the first is better",
        says: by_sign,
    },
    Pair {
        asks: None,
        sides: ["conversation_a", "conversation_b"],
        verdict: "winner",
        expected: "model_a, model_b or tie",
        says: by_name,
    },
    Pair {
        asks: Some("prompt"),
        sides: ["response_0", "response_1"],
        verdict: "better_response_id",
        expected: "0 or 1",
        says: zero_or_one,
    },
];

impl Pair {
    fn fits(&self, row: &Row) -> bool {
        let [first, second] = self.sides;
        let asks = self.asks.iter().copied();
        asks.chain([first, second, self.verdict]).all(|field| row.has(field))
    }

    fn read(&self, row: &Row) -> Result<Found, RowError> {
        let verdict = row.required(self.verdict)?;
        let better = (self.says)(&verdict).ok_or_else(|| {
            let (field, expected) = (self.verdict, self.expected);
            row.wrong(format!("field {field:?}: {verdict:?}, expected {expected}"))
        })?;
        let best = match better {
            Better::First => Some(0),
            Better::Second => Some(1),
            Better::Neither => None,
        };
        let sides = self.sides.iter().map(|&name| Ok((name, turns::side(row, name)?)));
        let sides: Vec<(&str, Side)> = sides.collect::<Result<_, RowError>>()?;
        let (prompt, responses) = turns::conversation(row, turns::asked(row, self.asks)?, sides)?;
        Ok(Found { prompt, responses, best, worth: None })
    }
}

/// What a record says; without a best response it is a tie.
struct Found {
    prompt: Prompt,
    responses: Vec<String>,
    best: Option<usize>,
    /// What each is worth, where they are graded.
    worth: Option<Vec<f64>>,
}

/// The field that asks, in forms that have no name of their own for it.
fn asks(row: &Row) -> Option<&'static str> {
    ["prompt", "question", "instruction", "context"].into_iter().find(|name| row.has(name))
}

/// The preference of a record; `None` where it is a tie.
pub(super) fn preference(row: &Row) -> Result<Option<Preference>, RowError> {
    let has = |fields: &[&str]| fields.iter().all(|field| row.has(field));
    let found = if has(&["chosen", "rejected"]) {
        chosen(row)?
    } else if let Some(pair) = PAIRS.iter().find(|pair| pair.fits(row)) {
        pair.read(row)?
    } else if has(&["responses"]) && (row.has("best") || row.has("scores")) && asks(row).is_some() {
        listed(row)?
    } else if has(&["completions"]) && asks(row).is_some() {
        completions(row)?
    } else {
        let names: Vec<&str> = row.names().take(12).collect();
        let forms = "expected prompt, chosen and rejected (RewardBench), chosen and rejected as turns (TRL), question, \
                     response_A, response_B and label (JudgeBench), input, output_1, output_2 and label (LLMBar), \
                     context, response1, response2 and overall_preference (HelpSteer), instruction and completions \
                     (UltraFeedback), or prompt, responses and best or scores";
        return Err(row.wrong(format!("fields are {}; {forms}", names.join(", "))));
    };
    let Found { prompt, responses, best, worth } = found;
    let count = responses.len();
    if count < 2 || best.is_some_and(|best| best >= count) {
        let best = best.map_or_else(|| "none".to_owned(), |best| format!("number {best}"));
        return Err(row.wrong(format!(
            "{count} responses and {best} the best, expected two or more and one of them"
        )));
    }
    let Some(best) = best else { return Ok(None) };
    let subset = ["subset", "source", "domain"].into_iter().find(|name| row.has(name));
    let subset = subset.map(|name| row.text(name)).transpose()?.flatten();
    let reference = if row.has("reference") { row.text("reference")? } else { None };
    let reference = reference.filter(|text| !text.trim().is_empty());
    Ok(Some(Preference { prompt, responses, best, subset, reference, worth }))
}

/// `chosen` before `rejected`, as texts, lists of texts or turns.
fn chosen(row: &Row) -> Result<Found, RowError> {
    let mut sides: Vec<(&str, Side)> = Vec::new();
    let mut best = Some(0);
    for name in ["chosen", "rejected"] {
        let own = turns::sides(row, name)?;
        if name == "chosen" && own.len() > 1 {
            // Of several that are right none is the best.
            best = None;
        }
        sides.extend(own.into_iter().map(|side| (name, side)));
    }
    let asked = turns::asked(row, asks(row))?;
    let (prompt, responses) = turns::conversation(row, asked, sides)?;
    Ok(Found { prompt, responses, best, worth: None })
}

/// A list of responses, with the place of the best or a score for each.
fn listed(row: &Row) -> Result<Found, RowError> {
    let responses: Vec<String> = row.field("responses")?;
    let graded = |field: &str| -> Result<Vec<f64>, RowError> {
        let found: Vec<f64> = row.field(field)?;
        let (count, expected) = (found.len(), responses.len());
        if count != expected {
            return Err(
                row.wrong(format!("{count} {field} of {expected} responses, expected one of each"))
            );
        }
        match found.iter().position(|score| !score.is_finite()) {
            Some(place) => Err(row.wrong(format!("field {field:?}: number {place} is not finite"))),
            None => Ok(found),
        }
    };
    let (best, scores) = if row.has("best") {
        (Some(row.field("best")?), None)
    } else {
        let scores = graded("scores")?;
        (highest(&scores), Some(scores))
    };
    let worth = if row.has("worth") { Some(graded("worth")?) } else { scores };
    let sides = responses.into_iter().map(|text| ("responses", Side::Text(text))).collect();
    let (prompt, responses) = turns::conversation(row, turns::asked(row, asks(row))?, sides)?;
    Ok(Found { prompt, responses, best, worth })
}

/// A response of `UltraFeedback`.
#[derive(Deserialize)]
struct Completion {
    response: String,
    #[serde(default)]
    overall_score: Value,
}

/// Completions, each with a score of its own.
fn completions(row: &Row) -> Result<Found, RowError> {
    let all: Vec<Completion> = row.field("completions")?;
    let mut scores = Vec::with_capacity(all.len());
    let mut sides = Vec::with_capacity(all.len());
    for (place, Completion { response, overall_score }) in all.into_iter().enumerate() {
        let score = match &overall_score {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        let score: f64 = score.filter(|score| f64::is_finite(*score)).ok_or_else(|| {
            row.wrong(format!(
                "field \"completions\": overall_score of number {place} is {overall_score}, expected a number"
            ))
        })?;
        scores.push(score);
        sides.push(("completions", Side::Text(response)));
    }
    let (prompt, responses) = turns::conversation(row, turns::asked(row, asks(row))?, sides)?;
    Ok(Found { prompt, responses, best: highest(&scores), worth: Some(scores) })
}

/// The place of the highest score, if it is that of one alone.
pub(super) fn highest(scores: &[f64]) -> Option<usize> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut first = scores.iter().enumerate().filter(|(_, score)| **score >= most);
    match (first.next(), first.next()) {
        (Some((place, _)), None) => Some(place),
        _ => None,
    }
}

#[cfg(test)]
#[path = "forms_tests.rs"]
mod tests;
