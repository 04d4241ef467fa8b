//! A language model of three tokens and fifteen texts, whose law and every power of it can be listed.
//!
//! Tokens are `a`, `b` and the end. After three letters the text ends.
//!
//! Source: none; a world for tests, as [`tts_core::toy`].

use std::collections::BTreeMap;

use tts_core::toy::Markov;

/// Probabilities of `a`, `b` and the end behind these letters.
pub(crate) fn next(path: &[u32]) -> Vec<f64> {
    let odds = match path {
        [] => [0.5, 0.3, 0.2],
        [0] => [0.2, 0.5, 0.3],
        [1] => [0.6, 0.1, 0.3],
        [0, 0] => [0.1, 0.2, 0.7],
        [0, 1] => [0.4, 0.4, 0.2],
        [1, 0] => [0.3, 0.3, 0.4],
        [1, 1] => [0.8, 0.1, 0.1],
        _ => [0.0, 0.0, 1.0],
    };
    odds.to_vec()
}

/// The model.
pub(crate) fn model() -> Markov {
    Markov::new(next)
}

/// Adds the weights of all texts that begin with `path`.
fn list(path: &mut Vec<u32>, p: f64, alpha: f64, law: &mut BTreeMap<String, f64>) {
    for (token, odds) in (0..).zip(next(path)) {
        if odds > 0.0 && token == 2 {
            let text = path.iter().map(|&token| if token == 0 { 'a' } else { 'b' }).collect();
            law.insert(text, (p * odds).powf(alpha));
        } else if odds > 0.0 {
            path.push(token);
            list(path, p * odds, alpha, law);
            path.pop();
        }
    }
}

/// Shares of weights.
pub(crate) fn normal(mut law: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let sum: f64 = law.values().sum();
    for weight in law.values_mut() {
        *weight /= sum;
    }
    law
}

/// The law in proportion to the power of the probability of a text.
pub(crate) fn power(alpha: f64) -> BTreeMap<String, f64> {
    let mut law = BTreeMap::new();
    list(&mut Vec::new(), 1.0, alpha, &mut law);
    normal(law)
}

/// Shares of texts, from texts with weights of any size, each as often as it comes.
pub(crate) fn empirical(
    weighted: impl IntoIterator<Item = (String, f64)>,
) -> BTreeMap<String, f64> {
    let mut law = BTreeMap::new();
    for (text, weight) in weighted {
        *law.entry(text).or_default() += weight;
    }
    normal(law)
}

/// Total variation between two laws.
pub(crate) fn total_variation(one: &BTreeMap<String, f64>, other: &BTreeMap<String, f64>) -> f64 {
    let texts = one.keys().chain(other.keys().filter(|text| !one.contains_key(*text)));
    let of = |law: &BTreeMap<String, f64>, text| law.get(text).copied().unwrap_or(0.0);
    texts.map(|text| (of(one, text) - of(other, text)).abs()).sum::<f64>() / 2.0
}
