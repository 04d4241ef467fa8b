//! Stub.
/// x
pub fn extract(text: &str) -> Option<String> {
    let start = text.rfind("answer is ")? + 10;
    Some(text[start..].trim().trim_end_matches('.').to_owned())
}
/// x
pub fn equivalent(a: &str, b: &str) -> bool {
    a == b || a.parse::<f64>().ok().zip(b.parse::<f64>().ok()).is_some_and(|(a, b)| a == b)
}
