//! Preferences in files of no known form: where their records have what a preference is made of.
//!
//! ```json
//! { "prompt": "/chat/0/text", "responses": ["answer_a", "answer_b"], "best": "vote",
//!   "verdicts": { "left": 0, "right": 1, "same": null } }
//! ```
//!
//! A place is the name of a field, or a JSON pointer, which begins with `/`. Responses stand at a place each, or all at one, as a
//! list; each is a text, or turns. Which is best says its number, from 0, a word that `verdicts` knows (null for a tie), or
//! `scores`, of which one has to be highest.
//!
//! Source: none; pointers are those of RFC 6901.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::rows::{self, Row, RowError, RowsError};
use tts_core::{Message, Role};

use super::forms::highest;
use super::preference::{Preference, Preferences};
use super::turns::{self, Side};
use crate::PrmError;

/// Where records have what a preference is made of, see the [module](self).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreferenceFields {
    /// The question: a text, or turns. None where the responses are whole conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The responses, or a list of them.
    pub responses: Vec<String>,
    /// Which is best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<String>,
    /// What stands there, and the place that it means, from 0; null for a tie. Where nothing is said a number is the place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<String, Option<usize>>,
    /// A score of each, or a list of them; in place of `best`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<String>,
    /// The part of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// A right answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Reads preferences from the places that are said.
///
/// ```
/// use tts_prm::critic::{PreferenceFields, read_preferences_by};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("votes.jsonl");
/// let rows = [
///     r#"{"ask": {"text": "2 + 2?"}, "left": "4", "right": "5", "vote": "left"}"#,
///     r#"{"ask": {"text": "2 + 3?"}, "left": "5", "right": "five", "vote": "same"}"#,
/// ];
/// std::fs::write(&path, rows.join("\n"))?;
/// let fields: PreferenceFields = serde_json::from_str(
///     r#"{"prompt": "/ask/text", "responses": ["left", "right"], "best": "vote",
///         "verdicts": {"left": 0, "right": 1, "same": null}}"#,
/// )?;
/// let found = read_preferences_by(&path, &fields)?;
/// assert_eq!((found.items.len(), found.items[0].best, found.ties), (1, 0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the places make no preference, the file cannot be read, or a record has not what is looked for; the error names file
/// and place.
pub fn read_preferences_by(
    path: impl AsRef<Path>,
    fields: &PreferenceFields,
) -> Result<Preferences, PrmError> {
    let path = path.as_ref();
    fields.check().map_err(|problem| PrmError::config(path, "fields", problem))?;
    let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
    let mut found = Preferences::default();
    for row in &rows::read(path)? {
        match fields.preference(row).map_err(at)? {
            Some(preference) => found.items.push(preference),
            None => found.ties += 1,
        }
    }
    Ok(found)
}

/// What stands at a place of a record.
fn value(row: &Row, place: &str) -> Result<Value, RowError> {
    let missing = || row.wrong(format!("there is nothing at {place:?}"));
    let Some(pointer) = place.strip_prefix('/') else {
        return if row.has(place) { row.field(place) } else { Err(missing()) };
    };
    let (first, rest) =
        pointer.split_once('/').map_or((pointer, None), |(first, rest)| (first, Some(rest)));
    let first = first.replace("~1", "/").replace("~0", "~");
    if !row.has(&first) {
        return Err(missing());
    }
    let whole: Value = row.field(&first)?;
    match rest {
        None => Ok(whole),
        Some(rest) => whole.pointer(&format!("/{rest}")).cloned().ok_or_else(missing),
    }
}

/// A text, or a number or truth as one; `None` of null.
fn written(row: &Row, place: &str) -> Result<Option<String>, RowError> {
    match value(row, place)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        found @ (Value::Bool(_) | Value::Number(_)) => Ok(Some(found.to_string())),
        found => Err(row.wrong(format!("{place:?} has {found}, expected a text or a number"))),
    }
}

impl PreferenceFields {
    /// # Errors
    /// A sentence that says what is missing.
    pub fn check(&self) -> Result<(), String> {
        if self.responses.is_empty() {
            return Err("no responses, expected their places, or that of a list".into());
        }
        if self.best.is_some() != self.scores.is_empty() {
            return Err("expected best, or scores, and not both".into());
        }
        if self.best.is_none() && !self.verdicts.is_empty() {
            return Err("verdicts say what best means, and there is no best".into());
        }
        if self.scores.len() > 1 && self.scores.len() != self.responses.len() {
            let (scores, responses) = (self.scores.len(), self.responses.len());
            return Err(format!(
                "{scores} scores of {responses} responses, expected one of each, or a list"
            ));
        }
        Ok(())
    }

    /// The preference of a record; `None` where it is a tie.
    fn preference(&self, row: &Row) -> Result<Option<Preference>, RowError> {
        let sides = self.sides(row)?;
        let count = sides.len();
        let asked = self.prompt.as_deref().map(|place| self::asked(row, place)).transpose()?;
        let (prompt, responses) = turns::conversation(row, asked, sides)?;
        let (best, worth) = if let Some(place) = &self.best {
            (self.best_at(row, place)?, None)
        } else {
            let scores = self.scores(row, count)?;
            (highest(&scores), Some(scores))
        };
        if count < 2 || best.is_some_and(|best| best >= count) {
            let best = best.map_or_else(|| "none".to_owned(), |best| format!("number {best}"));
            return Err(row.wrong(format!(
                "{count} responses and {best} the best, expected two or more and one of them"
            )));
        }
        let text = |place: &Option<String>| match place {
            Some(place) => written(row, place),
            None => Ok(None),
        };
        let (subset, reference) = (text(&self.subset)?, text(&self.reference)?);
        let reference = reference.filter(|text| !text.trim().is_empty());
        Ok(best.map(|best| Preference { prompt, responses, best, subset, reference, worth }))
    }

    fn sides(&self, row: &Row) -> Result<Vec<(&str, Side)>, RowError> {
        let side = |place: &str, value: Value| {
            turns::side_of(value).map_err(|problem| row.wrong(format!("{place:?}: {problem}")))
        };
        if let [place] = &self.responses[..] {
            let Value::Array(all) = value(row, place)? else {
                return Err(row.wrong(format!("{place:?}: no list, expected all responses")));
            };
            return all.into_iter().map(|one| Ok((place.as_str(), side(place, one)?))).collect();
        }
        let places = self.responses.iter();
        places.map(|place| Ok((place.as_str(), side(place, value(row, place)?)?))).collect()
    }

    fn best_at(&self, row: &Row, place: &str) -> Result<Option<usize>, RowError> {
        let Some(said) = written(row, place)? else { return Ok(None) };
        if self.verdicts.is_empty() {
            let number = said.trim().parse().map_err(|_| {
                row.wrong(format!("{place:?}: {said:?}, expected the number of the best, from 0"))
            })?;
            return Ok(Some(number));
        }
        self.verdicts.get(said.trim()).copied().ok_or_else(|| {
            let known: Vec<&str> = self.verdicts.keys().map(String::as_str).collect();
            row.wrong(format!("{place:?}: {said:?}, expected one of {}", known.join(", ")))
        })
    }

    /// As many scores as there are responses.
    fn scores(&self, row: &Row, count: usize) -> Result<Vec<f64>, RowError> {
        let number = |place: &str, value: &Value| {
            let found = match value {
                Value::String(text) => text.trim().parse().ok(),
                other => other.as_f64(),
            };
            found
                .filter(|score: &f64| score.is_finite())
                .ok_or_else(|| row.wrong(format!("{place:?}: {value}, expected a number")))
        };
        let scores: Vec<f64> = match &self.scores[..] {
            [place] => match value(row, place)? {
                Value::Array(all) => all.iter().map(|one| number(place, one)).collect(),
                other => Err(row.wrong(format!("{place:?}: {other}, expected a list of numbers"))),
            },
            places => places.iter().map(|place| number(place, &value(row, place)?)).collect(),
        }?;
        if scores.len() != count {
            let found = scores.len();
            return Err(row.wrong(format!("{found} scores of {count} responses")));
        }
        Ok(scores)
    }
}

/// The question at a place.
fn asked(row: &Row, place: &str) -> Result<Vec<Message>, RowError> {
    let side = turns::side_of(value(row, place)?);
    let asked = match side.map_err(|problem| row.wrong(format!("{place:?}: {problem}")))? {
        Side::Text(content) => vec![Message { role: Role::User, content }],
        Side::Turns(turns) => turns,
    };
    turns::asks(&asked).map_err(|problem| row.wrong(format!("{place:?}: {problem}")))?;
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &str, row: &str) -> Result<Option<Preference>, String> {
        let fields: PreferenceFields = serde_json::from_str(fields).expect(fields);
        fields.check()?;
        let rows = rows::parse(row.as_bytes()).expect(row);
        fields.preference(&rows[0]).map_err(|error| error.to_string())
    }

    #[test]
    fn places_make_a_preference() {
        for (fields, row, best) in [
            (
                r#"{"prompt": "q", "responses": ["a", "b"], "best": "winner"}"#,
                r#"{"q": "?", "a": "yes", "b": "no", "winner": 1}"#,
                Some(1),
            ),
            (
                r#"{"prompt": "/chat/0/text", "responses": ["/chat/1/a~1b"], "scores": ["marks"]}"#,
                r#"{"chat": [{"text": "?"}, {"a/b": ["yes", "no"]}], "marks": ["0.5", 0.25]}"#,
                Some(0),
            ),
            (
                r#"{"responses": ["left", "right"], "best": "vote", "verdicts": {"l": 0, "r": 1, "both": null}}"#,
                r#"{"left": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "yes"}],
                    "right": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "no"}], "vote": "r"}"#,
                Some(1),
            ),
            (
                r#"{"prompt": "q", "responses": ["a", "b"], "scores": ["s", "t"]}"#,
                r#"{"q": "?", "a": "yes", "b": "no", "s": 2, "t": 2}"#,
                None,
            ),
            (
                r#"{"prompt": "q", "responses": ["a", "b"], "best": "vote", "verdicts": {"true": 0, "false": null}}"#,
                r#"{"q": "?", "a": "yes", "b": "no", "vote": false}"#,
                None,
            ),
        ] {
            let row = row.replace('\n', " ");
            let found = read(fields, &row).expect(fields);
            assert_eq!(found.as_ref().map(|found| found.best), best, "{fields}");
            let Some(found) = found else { continue };
            assert_eq!(
                (found.prompt.question(), &found.responses[..]),
                ("?", &["yes".into(), "no".into()][..])
            );
        }
        let named = r#"{"prompt": "q", "responses": ["a", "b"], "best": "w", "subset": "kind", "reference": "gold"}"#;
        let row = r#"{"q": "?", "a": "yes", "b": "no", "w": 0, "kind": 3, "gold": "aye"}"#;
        let found = read(named, row).expect("read").expect("no tie");
        assert_eq!((found.subset.as_deref(), found.reference.as_deref()), (Some("3"), Some("aye")));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let row = r#"{"q": "?", "a": "yes", "b": "no", "vote": "l", "list": ["yes"]}"#;
        for (fields, expected) in [
            (r#"{"prompt": "q", "responses": [], "best": "vote"}"#, "no responses"),
            (r#"{"prompt": "q", "responses": ["a", "b"]}"#, "expected best, or scores"),
            (
                r#"{"prompt": "q", "responses": ["a", "b"], "best": "vote", "scores": ["a"]}"#,
                "not both",
            ),
            (
                r#"{"prompt": "q", "responses": ["a", "b"], "scores": ["vote"], "verdicts": {"l": 0}}"#,
                "no best",
            ),
            (
                r#"{"prompt": "q", "responses": ["a", "b", "q"], "scores": ["a", "b"]}"#,
                "2 scores of 3",
            ),
            (
                r#"{"prompt": "/q/0", "responses": ["a", "b"], "best": "vote"}"#,
                "nothing at \"/q/0\"",
            ),
            (r#"{"prompt": "q", "responses": ["a", "c"], "best": "vote"}"#, "nothing at \"c\""),
            (
                r#"{"prompt": "q", "responses": ["a", "b"], "best": "vote"}"#,
                "\"l\", expected the number",
            ),
            (
                r#"{"prompt": "q", "responses": ["a", "b"], "best": "vote", "verdicts": {"r": 1}}"#,
                "expected one of r",
            ),
            (r#"{"prompt": "q", "responses": ["a"], "best": "vote"}"#, "no list"),
            (
                r#"{"prompt": "q", "responses": ["list"], "best": "vote", "verdicts": {"l": 0}}"#,
                "1 responses",
            ),
            (
                r#"{"prompt": "q", "responses": ["a", "b"], "scores": ["vote"]}"#,
                "expected a list of numbers",
            ),
            (
                r#"{"prompt": "q", "responses": ["a", "list"], "best": "vote"}"#,
                "\"list\": expected a text or turns",
            ),
        ] {
            let error = read(fields, row).expect_err(fields);
            assert!(error.contains(expected), "{fields}: {error}");
        }
    }

    #[test]
    fn a_question_that_asks_nothing_is_named() {
        let fields = r#"{"prompt": "/chat", "responses": ["a", "b"], "best": "v"}"#;
        for (chat, expected) in [
            (r#"[{"role": "system", "content": "Be brief."}]"#, "no turn of the user"),
            (r#"[{"role": "assistant", "content": "Hello."}]"#, "no turn of the user"),
            (r#"[{"role": "user", "content": " "}]"#, "blank"),
            (r#"" ""#, "blank"),
        ] {
            let row = format!(r#"{{"chat": {chat}, "a": "yes", "b": "no", "v": 0}}"#);
            let error = read(fields, &row).expect_err(chat);
            assert!(error.contains("\"/chat\"") && error.contains(expected), "{chat}: {error}");
        }
    }
}
