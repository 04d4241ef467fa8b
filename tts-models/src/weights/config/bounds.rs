//! Bounds of the numbers in a config, and how an error shows one.
//!
//! The arithmetic is f32: a factor, a base or a divisor must be one that f32 holds, and so must one over it.
//!
//! Source: none.

use super::Problem;

/// A number as an error shows it: a very large or small one by its exponent.
pub(super) fn shown(number: f64) -> String {
    let size = number.abs();
    if (1e-5..1e15).contains(&size) || size <= 0.0 || !size.is_finite() {
        format!("{number}")
    } else {
        format!("{number:e}")
    }
}

/// Refuses a number of a field that is not above 0, or that f32 does not hold with one over it.
pub(super) fn held(field: &'static str, number: f64) -> Result<(), Problem> {
    within(field, number, ["1e-30", "1e30"])
}

/// Refuses a factor of attention's scores that no model has: it comes into each product squared.
pub(super) fn mild(field: &'static str, number: f64) -> Result<(), Problem> {
    within(field, number, ["0.001", "1000"])
}

fn within(field: &'static str, number: f64, bounds: [&str; 2]) -> Result<(), Problem> {
    let [least, most] = bounds.map(|bound| bound.parse().unwrap_or(f64::NAN));
    if (least..=most).contains(&number) {
        return Ok(());
    }
    let expected = if number > 0.0 {
        let [least, most] = bounds;
        format!("{least} to {most}")
    } else {
        "more than 0".to_owned()
    };
    Err((field, format!("{}, expected {expected}", shown(number))))
}
