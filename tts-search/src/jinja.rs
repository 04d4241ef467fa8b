//! Templates of this crate: Jinja that knows its names and ends.
//!
//! A name that is not there is an error, not nothing, and a template may spend far more than any question needs,
//! but not without end. What data sets, prompts and pages ask of templates beyond that they set themselves.
//!
//! Source: none; Jinja by the `minijinja` crate, as everywhere in this library.

use minijinja::{Environment, UndefinedBehavior};

/// What a template may spend: far more than any question needs, and it ends.
const FUEL: u64 = 10_000_000;

/// Where templates are rendered.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment
}

/// What an error says, without the name of a template that has none.
pub(crate) fn said(error: &minijinja::Error) -> String {
    error.to_string().replace(" (in <string>:1)", "")
}
