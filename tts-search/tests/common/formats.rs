//! What `docs/formats.md` names, and what a JSON file holds: both as paths.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The paths that the table of a section names, each with what is said of it.
pub(crate) fn documented(heading: &str) -> BTreeMap<String, String> {
    let text = include_str!("../../../docs/formats.md");
    let lines = text.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading);
    let section = lines.skip(1).take_while(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let (path, what) = line.strip_prefix("| `")?.split_once("` | ")?;
        Some((path.to_owned(), what.to_owned()))
    };
    let found: BTreeMap<String, String> = section.filter_map(row).collect();
    assert!(!found.is_empty(), "no section {heading:?} with a table");
    found
}

/// The paths of all that is not an object or a list with something in it.
fn paths(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                paths(value, &format!("{path}{dot}{name}"), into);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for value in items {
                paths(value, &format!("{path}[]"), into);
            }
        }
        _ => {
            into.insert(path.to_owned());
        }
    }
}

/// Fails unless a section names every field of these values, and every field that it names, but those of which
/// it says "only", is there.
pub(crate) fn check(heading: &str, values: &[Value]) {
    let documented = documented(heading);
    let mut found = BTreeSet::new();
    for value in values {
        paths(value, "", &mut found);
    }
    // An empty list or object may be any list or object, and null any field.
    let names = |path: &str, name: &str| match name.strip_suffix('…') {
        Some(start) => path.starts_with(start.trim_end_matches(".*")),
        None => {
            path == name
                || name.starts_with(&format!("{path}["))
                || name.starts_with(&format!("{path}."))
        }
    };
    for path in &found {
        assert!(
            documented.keys().any(|name| names(path, name)),
            "{heading}: {path} is not documented"
        );
    }
    for (name, what) in &documented {
        let there = found.iter().any(|path| names(path, name));
        assert!(there || what.contains("only"), "{heading}: {name} is documented, and nowhere");
    }
}
