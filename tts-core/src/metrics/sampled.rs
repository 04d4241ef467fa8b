//! One sample of a pool, whatever became of it, and how it is written down.
//!
//! JSON has no infinities, and a path with a step of 0 has one for its sum of logarithms. It is written as the word
//! `-inf`: written as nothing, it would come back as a sample that nobody judged, and other votes would win.
//!
//! Source: none.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One sample of a pool, whatever became of it.
///
/// ```
/// use tts_core::metrics::Sampled;
/// let sample = Sampled { score: Some(f64::NEG_INFINITY), ..Sampled::default() };
/// let json = serde_json::to_string(&sample)?;
/// assert!(json.contains(r#""score":"-inf""#));
/// assert_eq!(serde_json::from_str::<Sampled>(&json)?, sample);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampled {
    /// Its final answer, if it has one.
    pub answer: Option<String>,
    /// The score of its path; `None` of one that was not judged.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub score: Option<f64>,
    /// Whether it came to its own end.
    pub finished: bool,
    /// Whether it is right; only what is finished can be.
    pub right: bool,
}

/// A score in JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Score {
    Number(f64),
    Word(Infinite),
}

/// What no number of JSON says.
#[derive(Serialize, Deserialize)]
enum Infinite {
    #[serde(rename = "-inf")]
    Least,
    #[serde(rename = "inf")]
    Most,
}

#[expect(clippy::ref_option, reason = "as serde asks for it")]
fn write<S: Serializer>(score: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    let score = score.map(|score| match score {
        f64::INFINITY => Score::Word(Infinite::Most),
        f64::NEG_INFINITY => Score::Word(Infinite::Least),
        number => Score::Number(number),
    });
    score.serialize(to)
}

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let score = Option::<Score>::deserialize(from)?;
    Ok(score.map(|score| match score {
        Score::Number(number) => number,
        Score::Word(Infinite::Least) => f64::NEG_INFINITY,
        Score::Word(Infinite::Most) => f64::INFINITY,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_score_comes_back() {
        let low = f64::NEG_INFINITY;
        let scores = [None, Some(low), Some(-low), Some(-0.0), Some(0.1), Some(1e-300), Some(-7.0)];
        for score in scores {
            let sample = Sampled { answer: Some("4".into()), score, finished: true, right: false };
            let json = serde_json::to_string(&sample).expect("JSON");
            let again: Sampled = serde_json::from_str(&json).expect("a sample");
            assert_eq!(again.score.map(f64::to_bits), score.map(f64::to_bits), "{json}");
            assert_eq!(again, sample);
        }
        // What was written before, and what nobody wrote.
        let of = |json: &str| serde_json::from_str::<Sampled>(json).map(|sample| sample.score);
        assert_eq!(of(r#"{"score": null}"#).expect("a sample"), None);
        assert_eq!(of("{}").expect("a sample"), None);
        assert_eq!(of(r#"{"score": 1}"#).expect("a sample"), Some(1.0));
        for bad in [r#"{"score": "low"}"#, r#"{"score": true}"#, r#"{"score": [1]}"#] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
