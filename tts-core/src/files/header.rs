//! What two headers of a file disagree in, by field.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// A field that two headers disagree in.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Names from the outside in, `model.weights`; empty where no two objects were compared.
    pub field: String,
    /// What stands in the one that is there, if anything does.
    pub there: Option<Value>,
    /// What would be written now.
    pub now: Option<Value>,
}

/// Characters of a value that are shown.
const SHOWN: usize = 60;

impl fmt::Display for Difference {
    /// The field, with what it was and is, cut where that is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| -> String {
            let text = value.as_ref().map_or("none".to_owned(), ToString::to_string);
            text.chars().take(SHOWN).collect()
        };
        let field = if self.field.is_empty() { "the header" } else { &self.field };
        write!(f, "{field} ({}, and now {})", shown(&self.there), shown(&self.now))
    }
}

/// What two headers disagree in: fields of objects within objects by their whole name, all else as it stands.
///
/// ```
/// use serde_json::json;
/// let there = json!({"model": {"weights": 1, "threads": 2}, "seed": 3});
/// let now = json!({"model": {"weights": 2, "threads": 2}, "seed": 3});
/// let differing = tts_core::files::differing(&there, &now);
/// assert_eq!(differing[0].to_string(), "model.weights (1, and now 2)");
/// assert_eq!(differing.len(), 1);
/// ```
pub fn differing(there: &Value, now: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(there), Some(now), &mut found);
    found
}

fn compare(field: &str, there: Option<&Value>, now: Option<&Value>, found: &mut Vec<Difference>) {
    match (there, now) {
        (Some(Value::Object(there)), Some(Value::Object(now))) => {
            let names: BTreeSet<&String> = there.keys().chain(now.keys()).collect();
            for name in names {
                let dot = if field.is_empty() { "" } else { "." };
                let below = format!("{field}{dot}{name}");
                compare(&below, there.get(name), now.get(name), found);
            }
        }
        _ if there == now => {}
        _ => found.push(Difference {
            field: field.to_owned(),
            there: there.cloned(),
            now: now.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_from_the_outside_in() {
        let shown = |there: Value, now: Value| -> Vec<String> {
            differing(&there, &now).iter().map(ToString::to_string).collect()
        };
        let there = json!({"a": {"b": {"c": 1}, "d": [1]}, "gone": true});
        let now = json!({"a": {"b": {"c": 2}, "d": [1, 2]}, "new": null});
        assert_eq!(
            shown(there.clone(), now),
            [
                "a.b.c (1, and now 2)",
                "a.d ([1], and now [1,2])",
                "gone (true, and now none)",
                "new (none, and now null)"
            ]
        );
        assert!(shown(there.clone(), there.clone()).is_empty());
        assert_eq!(shown(json!(1), json!(2)), ["the header (1, and now 2)"]);
        // An object that became something else is one difference, and no more is shown than fits a line.
        let long = shown(json!({"a": {"b": 1}}), json!({"a": "x".repeat(200)}));
        assert_eq!(long.len(), 1);
        assert!(long[0].len() < 100, "{long:?}");
    }
}
