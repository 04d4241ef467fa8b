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

/// A row of logits.
pub(super) fn row(value: &Value, name: &str) -> Result<Vec<f32>, String> {
    let list = value.as_array().filter(|list| !list.is_empty());
    let list =
        list.ok_or_else(|| format!("{name}: {}, expected a list of logits", short(value)))?;
    let number = |value: &Value| {
        #[expect(clippy::cast_possible_truncation, reason = "logits are f32")]
        let number = value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
        number.ok_or_else(|| format!("{name}: {} is not a logit", short(value)))
    };
    list.iter().map(number).collect()
}

/// The rows at some positions, of one a token, or of one for each token that is like those at the positions:
/// models that judge at a tag give one a tag.
pub(super) fn rows(
    all: &Value,
    tokens: &[u32],
    positions: &[usize],
    name: &str,
) -> Result<Vec<Vec<f32>>, String> {
    let all = all.as_array().ok_or_else(|| format!("{name}: {}, expected rows", short(all)))?;
    if all.len() == tokens.len() {
        return positions.iter().map(|&position| row(&all[position], name)).collect();
    }
    let tag = positions.first().map(|&position| tokens[position]);
    let tags: Vec<usize> = (0..tokens.len()).filter(|&p| Some(tokens[p]) == tag).collect();
    if tags.len() != all.len() {
        return Err(format!(
            "{name}: {} rows, expected one for each of {} tokens, or of {} step tags",
            all.len(),
            tokens.len(),
            tags.len()
        ));
    }
    let at = |position: &usize| {
        let place = tags.iter().position(|tag| tag == position);
        place.ok_or_else(|| format!("{name}: no row at token {position}, which is no step tag"))
    };
    positions.iter().map(|position| row(&all[at(position)?], name)).collect()
}

/// The `top` highest, the highest first.
pub(super) fn highest(mut all: Vec<f32>, top: u32) -> Vec<f32> {
    all.sort_by(|a, b| b.total_cmp(a));
    all.truncate(top as usize);
    all
}

/// A value, cut where it is long.
pub(crate) fn short(value: &Value) -> String {
    let text = value.to_string();
    let cut = text.char_indices().nth(80).map_or(text.len(), |(place, _)| place);
    if cut < text.len() { format!("{}...", &text[..cut]) } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_found_by_token_or_by_tag() {
        let tokens = [5, 9, 5, 9, 9];
        let every = json!([[0.0], [1.0], [2.0], [3.0], [4.0]]);
        assert_eq!(rows(&every, &tokens, &[1, 4], "r"), Ok(vec![vec![1.0], vec![4.0]]));
        let tags = json!([[1.0], [3.0], [4.0]]);
        assert_eq!(rows(&tags, &tokens, &[3, 4], "r"), Ok(vec![vec![3.0], vec![4.0]]));
        for (all, positions) in
            [(json!([[1.0], [3.0]]), vec![1]), (tags.clone(), vec![1, 2]), (json!({}), vec![1])]
        {
            assert!(rows(&all, &tokens, &positions, "r").is_err(), "{all}");
        }
    }

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
        assert_eq!(row(&json!([1, -2.5]), "r"), Ok(vec![1.0, -2.5]));
        for bad in [json!([]), json!(null), json!(["x"]), json!([1e300])] {
            assert!(row(&bad, "r").is_err(), "{bad}");
        }
        assert_eq!(highest(vec![-3.0, -1.0, -2.0], 2), [-1.0, -2.0]);
        assert_eq!(short(&json!("é".repeat(200))).chars().count(), 83);
    }
}
