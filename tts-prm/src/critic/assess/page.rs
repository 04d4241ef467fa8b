//! Judgements as a page: items that were judged wrong first, then those on which judgements are split, each with all that was
//! written.
//!
//! One file without a script, which loads nothing and sends nothing: what a judge wrote stands in it as text, whatever it is.
//!
//! Source: none.

use minijinja::{Environment, Value, context};

use super::heard::{Heard, Record};
use crate::PrmError;

fn number(value: f64) -> String {
    // As many places as it takes, two at most.
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn item(heard: &Heard) -> Value {
    let responses = heard.preference.responses.iter().zip(&heard.totals).enumerate();
    let response = |(place, (text, total)): (usize, (&String, &Option<f64>))| {
        context! {
            number => place as u64 + 1,
            best => place == heard.preference.best,
            total => total.map_or_else(|| "-".to_owned(), number),
            text => text.as_str(),
        }
    };
    let written = heard.written.iter().map(|written| {
        let scores = written.shown.iter().zip(&written.scores);
        let scores: Vec<String> =
            scores.map(|(place, &score)| format!("{}: {}", place + 1, number(score))).collect();
        context! {
            scores => scores.join(", "),
            meta => written.meta.map(number),
            tokens => written.tokens,
            text => written.text.as_str(),
        }
    });
    let unread = heard.unread.iter().map(|unread| {
        context! { why => unread.why.as_str(), tokens => unread.tokens, text => unread.text.as_str() }
    });
    context! {
        item => heard.item as u64,
        question => heard.preference.prompt.question(),
        subset => heard.preference.subset.as_deref(),
        verdict => if heard.right >= 1.0 { "right" } else if heard.right <= 0.0 { "wrong" } else { "tie" },
        agreement => number(100.0 * heard.agreement()),
        responses => responses.map(response).collect::<Vec<Value>>(),
        written => written.collect::<Vec<Value>>(),
        unread => unread.collect::<Vec<Value>>(),
    }
}

/// The page of judgements on file: wrong items first, then split ones, in the order of the data otherwise.
///
/// # Errors
/// When it cannot be laid out.
pub fn heard_page(title: &str, record: &Record) -> Result<String, PrmError> {
    let failed = |error: minijinja::Error| PrmError::Solution {
        field: "judgements".into(),
        problem: error.to_string(),
    };
    let mut items: Vec<&Heard> = record.items.iter().collect();
    items.sort_by(|a, b| {
        let (first, second) =
            (a.right.total_cmp(&b.right), a.agreement().total_cmp(&b.agreement()));
        first.then(second)
    });
    let mut environment = Environment::new();
    // Its ending is what makes all that stands in it text.
    environment.add_template("heard.html", include_str!("heard.html")).map_err(failed)?;
    let page = environment.get_template("heard.html").map_err(failed)?;
    let right: f64 = record.items.iter().map(|heard| heard.right).sum();
    let scorers: Vec<String> =
        record.by.scorers.iter().map(|(name, scorer)| format!("{name}: {scorer}")).collect();
    page.render(context! {
        title => title,
        model => record.by.model.as_str(),
        scorers => scorers,
        jury => serde_json::to_string(&record.by.jury).unwrap_or_default(),
        right => number(100.0 * right / record.items.len().max(1) as f64),
        items => items.into_iter().map(item).collect::<Vec<Value>>(),
    })
    .map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::{Judge, Jury};
    use super::super::heard::{HeardBy, Unread, Written};
    use super::super::preference::Preference;
    use super::*;

    fn heard(item: usize, right: f64, scores: &[[f64; 2]]) -> Heard {
        let written = |(sample, scores): (usize, &[f64; 2])| Written {
            sample,
            shown: vec![0, 1],
            scores: scores.to_vec(),
            steps: Vec::new(),
            meta: None,
            text: format!("<b>said of {item}</b>"),
            tokens: 3,
        };
        let responses = vec!["a".into(), "b".into()];
        let prompt = format!("question {item}").into();
        Heard {
            item,
            preference: Preference {
                prompt,
                responses,
                best: 0,
                subset: None,
                reference: None,
                worth: None,
            },
            totals: vec![Some(7.5), None],
            right,
            written: scores.iter().enumerate().map(written).collect(),
            unread: vec![Unread { why: "no box".into(), text: "hm".into(), tokens: 1 }],
        }
    }

    #[test]
    fn wrong_ones_come_first_then_split_ones_and_nothing_is_markup() {
        let jury = Jury::of(Judge::default(), 2);
        let by = HeardBy {
            jury,
            template: String::new(),
            model: "m<1>".into(),
            scorers: BTreeMap::new(),
            data: String::new(),
            seed: 0,
        };
        let items = vec![
            heard(0, 1.0, &[[2.0, 1.0], [3.0, 1.0]]),
            heard(1, 1.0, &[[2.0, 1.0], [1.0, 2.0]]),
            heard(2, 0.0, &[[1.0, 2.0]]),
        ];
        let page = heard_page("Judgements", &Record { by, items }).expect("laid out");
        let at = |item: usize| page.find(&format!("question {item}")).expect("there");
        assert!(at(2) < at(1) && at(1) < at(0), "{page}");
        assert!(page.contains("&lt;b&gt;said of 2&lt;") && !page.contains("<b>said"), "{page}");
        assert!(page.contains("m&lt;1&gt;") && page.contains("no box") && page.contains("7.5"));
        assert!(page.contains("66.67 %"), "{page}");
    }
}
