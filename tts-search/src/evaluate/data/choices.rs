//! Multiple choice: choices with letters behind a question, and the letter of the right one.

use serde::Deserialize;
use tts_core::rows::{Row, RowError};

/// The choices of a record.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Choices {
    Texts(Vec<Choice>),
    Labelled { text: Vec<Choice>, label: Vec<String> },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Choice {
    Text(String),
    Number(serde_json::Number),
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text.trim()),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// The letter at a place.
fn letter(place: usize) -> Option<char> {
    u8::try_from(place).ok().filter(|&place| place < 26).map(|place| char::from(b'A' + place))
}

/// The question with its choices, and the letter of the right answer; `counted` where that is a number, which
/// counts from 0.
pub(super) fn ask(
    row: &Row,
    field: &str,
    question: &str,
    gold: &str,
    counted: bool,
) -> Result<(String, String), RowError> {
    let read: Result<Choices, RowError> = row.field(field);
    let expected = || {
        row.wrong(format!(
            "field {field:?}: expected a list of choices, or lists `text` and `label`"
        ))
    };
    let (texts, labels) = match read.map_err(|_| expected())? {
        Choices::Texts(texts) => (texts, Vec::new()),
        Choices::Labelled { text, label } if text.len() == label.len() => (text, label),
        Choices::Labelled { .. } => return Err(expected()),
    };
    let texts: Vec<String> = texts.iter().map(Choice::to_string).collect();
    if !(2..=26).contains(&texts.len()) {
        let count = texts.len();
        return Err(row.wrong(format!("field {field:?}: {count} choices, expected 2 to 26")));
    }
    let gold = gold.trim();
    let by_letter = || {
        let mut chars = gold.trim_matches(['(', ')', '.']).chars();
        let first = chars.next().filter(char::is_ascii_alphabetic)?.to_ascii_uppercase();
        chars.next().is_none().then_some(usize::from(first as u8 - b'A'))
    };
    let by_label = || labels.iter().position(|label| label.trim() == gold);
    let by_text = || texts.iter().position(|text| text == gold);
    let by_number = || gold.parse::<usize>().ok();
    let found = if counted {
        by_number()
    } else {
        by_label().or_else(by_letter).or_else(by_text).or_else(by_number)
    };
    let right = found.filter(|&place| place < texts.len()).and_then(letter);
    let right = right.ok_or_else(|| {
        row.wrong(format!("the answer {gold:?} is none of the {} choices", texts.len()))
    })?;
    let mut asked = question.trim_end().to_owned();
    for (place, text) in texts.iter().enumerate() {
        asked.push('\n');
        asked.extend(letter(place));
        asked.push_str(") ");
        asked.push_str(text);
    }
    Ok((asked, right.to_string()))
}
