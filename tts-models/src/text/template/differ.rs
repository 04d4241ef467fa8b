//! Tests of values (`x is iterable`) that Python's Jinja answers otherwise than the engine.
//!
//! Nothing can be iterated over but texts, lists, maps and what is undefined; all of these have a length
//! as well and so are sequences there. Truth values are numbers.
//!
//! Source: `tests.py` of Jinja (Pallets project), asked about every kind of value.

use minijinja::Value;
use minijinja::value::ValueKind;

/// Whether there is something to go through.
pub(super) fn is_iterable(value: &Value) -> bool {
    !value.is_none() && value.try_iter().is_ok()
}

/// Whether there is a length.
pub(super) fn is_sequence(value: &Value) -> bool {
    let kind = value.kind();
    matches!(
        kind,
        ValueKind::Undefined
            | ValueKind::String
            | ValueKind::Seq
            | ValueKind::Map
            | ValueKind::Iterable
    )
}

/// Whether it counts: `true` is 1.
pub(super) fn is_number(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
}
