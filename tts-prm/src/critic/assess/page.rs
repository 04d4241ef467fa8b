//! Judgements as a page: items that were judged wrong first, then those on which judgements are split, each with all that was
//! written.
//!
//! One file without a script, which loads nothing and sends nothing: what a judge wrote stands in it as text, whatever it is.
//!
//! Source: none.

use minijinja::{Environment, Value, context};

use super::heard::{Heard, Record};
use super::known::Known;
use crate::PrmError;

fn number(value: f64) -> String {
    // As many places as it takes, two at most.
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A response or a step, with what it comes to and what is known of it.
fn shown(name: &str, place: usize, value: Option<f64>, (mark, text): (&str, &str)) -> Value {
    context! {
        name => format!("{name} {}", place + 1),
        total => value.map_or_else(|| "-".to_owned(), number),
        mark => mark,
        text => text,
    }
}

/// What was judged: responses, or the steps of one.
fn responses(heard: &Heard) -> Vec<Value> {
    let total = |place: usize| heard.totals.get(place).copied().flatten();
    match &heard.known {
        Known::Preference(own) => {
            let mark = |place: usize| if place == own.best { "the best" } else { "" };
            let texts = own.responses.iter().enumerate();
            texts
                .map(|(place, text)| shown("response", place, total(place), (mark(place), text)))
                .collect()
        }
        Known::Graded(own) => {
            let mark = format!("label {}", number(own.label));
            vec![shown("response", 0, total(0), (&mark, &own.response))]
        }
        Known::Steps(own) => {
            let mark = |step: usize| {
                if own.first_error == Some(step) { "the first wrong one" } else { "" }
            };
            // What its judgements say of a step, in the mean.
            let value = |step: usize| {
                let said: Vec<f64> = heard
                    .written
                    .iter()
                    .filter_map(|written| written.steps.get(step).copied())
                    .collect();
                (!said.is_empty()).then(|| said.iter().sum::<f64>() / said.len() as f64)
            };
            let texts = own.steps.iter().enumerate();
            texts.map(|(step, text)| shown("step", step, value(step), (mark(step), text))).collect()
        }
    }
}

/// What it is worth, in words, and the class of the page that colours it.
fn verdict(heard: &Heard) -> (String, &'static str) {
    if heard.abstains() {
        return ("abstained".into(), "tie");
    }
    match (heard.right, &heard.known) {
        (right, _) if right >= 1.0 => ("right".into(), "right"),
        (right, _) if right <= 0.0 => ("wrong".into(), "wrong"),
        (right, Known::Graded(_)) => (format!("{} % right", number(100.0 * right)), "tie"),
        (_, Known::Preference(own)) if heard.totals.iter().any(Option::is_none) => {
            let judged = heard.totals.iter().flatten().count();
            (format!("{judged} of {} judged", own.responses.len()), "tie")
        }
        _ => ("tie".into(), "tie"),
    }
}

fn item(heard: &Heard) -> Value {
    let (said, class) = verdict(heard);
    let several = heard.written.iter().any(|written| written.shown.len() > 1);
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
        question => heard.known.prompt().question(),
        subset => heard.known.subset(),
        verdict => said,
        class => class,
        agreement => several.then(|| number(100.0 * heard.agreement())),
        responses => responses(heard),
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
        by => record.by.told(),
        model => record.by.model.as_str(),
        scorers => scorers,
        jury => record.by.jury.as_ref().map(|jury| serde_json::to_string(jury).unwrap_or_default()),
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
            known: Known::Preference(Preference {
                prompt,
                responses,
                best: 0,
                subset: None,
                reference: None,
                worth: None,
            }),
            totals: vec![Some(7.5), Some(2.0)],
            right,
            written: scores.iter().enumerate().map(written).collect(),
            unread: vec![Unread { why: "no box".into(), text: "hm".into(), tokens: 1 }],
        }
    }

    #[test]
    fn wrong_ones_come_first_then_split_ones_and_nothing_is_markup() {
        let jury = Jury::of(Judge::default(), 2);
        let by = HeardBy {
            name: "pairwise".into(),
            from: String::new(),
            jury: Some(jury),
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
