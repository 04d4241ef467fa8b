//! Reading answers: numbers and lists of them, with a sentence where they are not.

use serde_json::Value;

/// Token ids.
pub(crate) fn tokens(value: &Value, name: &str) -> Result<Vec<u32>, String> {
    let list = value
        .as_array()
        .ok_or_else(|| format!("{name}: {}, expected a list of token ids", short(value)))?;
    let id = |value: &Value| {
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| format!("{name}: {} is not a token id", short(value)))
    };
    list.iter().map(id).collect()
}

/// A count.
pub(crate) fn integer(value: &Value, name: &str) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| format!("{name}: {}, expected a count", short(value)))
}

/// A log-probability in nats: at most 0 but for rounding. What stands for none, minus a very large
/// number, stays.
pub(super) fn logprob(value: &Value, name: &str) -> Result<f32, String> {
    let number = value.as_f64().filter(|number| *number <= 1e-3 && !number.is_nan());
    let number =
        number.ok_or_else(|| format!("{name}: {}, expected a log-probability", short(value)))?;
    #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
    let number = number.max(f64::from(f32::MIN)) as f32;
    Ok(number.min(0.0))
}

/// The `top` highest, the highest first.
pub(super) fn highest(mut all: Vec<f32>, top: u32) -> Vec<f32> {
    all.sort_by(|a, b| b.total_cmp(a));
    all.truncate(top as usize);
    all
}

/// A value, cut where it is long.
pub(super) fn short(value: &Value) -> String {
    let text = value.to_string();
    let cut = text.char_indices().nth(80).map_or(text.len(), |(place, _)| place);
    if cut < text.len() { format!("{}...", &text[..cut]) } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_number_is_said() {
        assert_eq!(tokens(&json!([1, 2]), "t"), Ok(vec![1, 2]));
        for bad in
            [json!(null), json!("1"), json!([1, -1]), json!([1.5]), json!([4_294_967_296_u64])]
        {
            let error = tokens(&bad, "t").expect_err("bad");
            assert!(error.starts_with("t: "), "{error}");
        }
        assert_eq!(integer(&json!(3), "n"), Ok(3));
        assert!(integer(&json!(-3), "n").is_err() && integer(&json!(null), "n").is_err());
        assert_eq!(logprob(&json!(-1.5), "l"), Ok(-1.5));
        assert_eq!(logprob(&json!(1e-6), "l"), Ok(0.0));
        assert_eq!(logprob(&json!(-1e300), "l"), Ok(f32::MIN));
        for bad in [json!(0.5), json!(null), json!("x")] {
            assert!(logprob(&bad, "l").is_err(), "{bad}");
        }
        assert_eq!(highest(vec![-3.0, -1.0, -2.0], 2), [-1.0, -2.0]);
        assert_eq!(short(&json!("é".repeat(200))).chars().count(), 83);
    }
}
