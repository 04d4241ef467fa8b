//! How hard a problem is, as its data set says: a number, or the number in a text, as in `Level 3` or `-0.8 logits`.
//!
//! A text with several numbers, an expression say, does not tell which is meant, and tells nothing. Where a mapping names a field, every record has to have such a number. Of a data set that is known to tell it,
//! it is read unasked, and a record without one has none.
//!
//! Source: the data set cards of `HuggingFaceH4/MATH-500` and of MATH, whose levels go from 1 to 5.

use tts_core::rows::{Row, RowError};

use super::Mapping;

/// Fields of data sets that are known.
const KNOWN: [(&str, &str); 1] = [("math-500", "level")];

/// How hard the problem of a record is.
pub(super) fn of_row(row: &Row, mapping: &Mapping) -> Result<Option<f64>, RowError> {
    if let Some(field) = &mapping.difficulty {
        let text = row.required(field)?;
        let none = || {
            row.wrong(format!(
                "field {field:?}: expected a number of how hard it is, or a text with one, found {text:?}"
            ))
        };
        return number(&text).map(Some).ok_or_else(none);
    }
    let known = KNOWN.iter().find(|(dataset, _)| *dataset == mapping.dataset);
    let text = known.and_then(|(_, field)| row.text(field).ok().flatten());
    Ok(text.and_then(|text| number(&text)))
}

/// The text as a number, or the one number in it.
fn number(text: &str) -> Option<f64> {
    let whole = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    whole.or_else(|| {
        let first = begin(text)?;
        let behind = &text[first..];
        let mut before = ' ';
        let stops = |letter: char| {
            let signed = matches!(letter, '+' | '-') && matches!(before, ' ' | 'e' | 'E');
            let part = letter.is_ascii_digit() || matches!(letter, '.' | 'e' | 'E') || signed;
            before = letter;
            !part
        };
        let longest = &behind[..behind.find(stops).unwrap_or(behind.len())];
        // A full stop behind it is none of it, nor is a letter that no exponent follows.
        let ends = [longest, longest.trim_end_matches(['e', 'E', '.', '+', '-'])];
        let (number, end) =
            ends.iter().find_map(|end| Some((end.parse::<f64>().ok()?, end.len())))?;
        let others = behind[end..].contains(|letter: char| letter.is_ascii_digit());
        (number.is_finite() && !others).then_some(number)
    })
}

/// Where the first number begins: at a digit, or at the full stop and the sign right before it, unless they join it to
/// what stands before them, as in `A-3`.
fn begin(text: &str) -> Option<usize> {
    let digit = text.find(|letter: char| letter.is_ascii_digit())?;
    let ahead = |end: usize, marks: &[char]| {
        let mark = text[..end].strip_suffix(marks)?;
        let joined = mark.ends_with(|letter: char| letter.is_alphanumeric());
        (!joined).then_some(mark.len())
    };
    let stop = ahead(digit, &['.']).unwrap_or(digit);
    Some(ahead(stop, &['+', '-']).unwrap_or(stop))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse;
    use super::*;

    #[test]
    fn numbers_are_found() {
        for (text, expected) in [
            ("3", Some(3.0)),
            (" 0.25 ", Some(0.25)),
            ("-1.5e1", Some(-15.0)),
            ("Level 5", Some(5.0)),
            ("grade 2.5, or so", Some(2.5)),
            ("Level 4.", Some(4.0)),
            ("Level ?", None),
            ("", None),
            ("inf", None),
            ("1.2.3", None),
            ("-0.8 logits", Some(-0.8)),
            ("(+2)", Some(2.0)),
            (".5 (IRT)", Some(0.5)),
            ("about -.25", Some(-0.25)),
            ("1e-3 of them", Some(0.001)),
            ("2.5E+1: hard", Some(25.0)),
            ("A-3", Some(3.0)),
            ("no.4", Some(4.0)),
            ("3-4", None),
            ("38+34+65-62", None),
            ("Level 3 of 5", None),
            ("2.5 (of ten)", Some(2.5)),
            ("5 even", Some(5.0)),
            ("6e", Some(6.0)),
        ] {
            assert_eq!(number(text), expected, "{text:?}");
        }
    }

    fn read(text: &str, field: Option<&str>) -> Result<Vec<Option<f64>>, String> {
        let mapping = Mapping { difficulty: field.map(str::to_owned), ..Mapping::default() };
        let data = parse(text.as_bytes(), Path::new("p.jsonl"), &mapping);
        let data = data.map_err(|error| error.to_string())?;
        // What is known of a data set is nothing that a mapping says.
        assert_eq!(data.mapping.difficulty.as_deref(), field);
        Ok(data.items.iter().map(|item| item.difficulty).collect())
    }

    #[test]
    fn levels_are_read_by_name_and_of_sets_that_are_known() {
        let rows = concat!(
            r#"{"question": "Q", "answer": 1, "hard": "Level 3"}"#,
            "\n",
            r#"{"question": "R", "answer": 1, "hard": 0.5}"#
        );
        assert_eq!(read(rows, None), Ok(vec![None, None]));
        assert_eq!(read(rows, Some("hard")), Ok(vec![Some(3.0), Some(0.5)]));
        let math = concat!(
            r#"{"problem": "P", "answer": "1", "subject": "Algebra", "level": 4, "unique_id": "a"}"#,
            "\n",
            r#"{"problem": "Q", "answer": "1", "subject": "Algebra", "level": "Level ?", "unique_id": "b"}"#
        );
        assert_eq!(read(math, None), Ok(vec![Some(4.0), None]));
    }

    #[test]
    fn what_is_no_number_is_named() {
        let first = r#"{"question": "Q", "answer": 1, "hard": 2}"#;
        for (second, expected) in [
            (r#"{"question": "Q", "answer": 1}"#, "line 2: field \"hard\" is not there"),
            (
                r#"{"question": "Q", "answer": 1, "hard": "very"}"#,
                "line 2: field \"hard\": expected a number of how hard it is, or a text with one, found \"very\"",
            ),
            (
                r#"{"question": "Q", "answer": 1, "hard": "38+34"}"#,
                "line 2: field \"hard\": expected a number of how hard it is, or a text with one, found \"38+34\"",
            ),
        ] {
            let error = read(&format!("{first}\n{second}"), Some("hard")).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
