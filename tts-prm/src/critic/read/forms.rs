//! Verdicts as they are written, in each form of a reading that a text which ends judgements could cut.
//!
//! Source: none.

use super::Reading;

/// A verdict as it may be written.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::critic) struct Form {
    /// What is written.
    pub(in crate::critic) text: String,
    /// Whether a judgement may end right behind it.
    last: bool,
}

impl Form {
    /// Whether a judgement that ends with this text is cut before all is said.
    pub(in crate::critic) fn is_cut_by(&self, stop: &str) -> bool {
        let end = self.text.find(stop).map(|at| at + stop.len());
        end.is_some_and(|end| end < self.text.len() || !self.last)
    }
}

impl Reading {
    /// Verdicts on so many responses, one or two; in turns each step has a judgement of its own.
    pub(in crate::critic) fn forms(&self, responses: usize, turns: bool) -> Vec<Form> {
        let form = |text: String| Form { text, last: true };
        let [low, high] = self.range();
        let middle = f64::midpoint(low, high);
        match self {
            Self::Boxes { low, high } if responses < 2 => {
                [low, high].map(|score| form(format!("\\boxed{{{score}}}"))).into()
            }
            Self::Boxes { low, high } => {
                [[low, high], [high, low]].map(|[a, b]| form(format!("\\boxed{{{a}, {b}}}"))).into()
            }
            Self::List { open, close, low, high } => {
                let list = |[a, b]: [&i64; 2]| form(format!("{open}{a},{b}{close}"));
                [[low, high], [high, low]].map(list).into()
            }
            Self::Best => [1, 2].map(|number| form(format!("\\boxed{{{number}}}"))).into(),
            Self::Verdict { first, second, tie } => {
                let marks = [Some(first), Some(second), tie.as_ref()];
                marks.into_iter().flatten().cloned().map(form).collect()
            }
            Self::Ranking { marker } => {
                [">", "="].map(|sign| form(format!("{marker} [1] {sign} [2]"))).into()
            }
            Self::Json { field, .. } => {
                [low, middle, high].map(|score| form(format!("{{\"{field}\": {score}}}"))).into()
            }
            Self::Number { marker, .. } => {
                [low, middle, high].map(|score| form(format!("{marker} {score}"))).into()
            }
            Self::Letter { marker, letters } => {
                letters.chars().map(|letter| form(format!("{marker} {letter}"))).collect()
            }
            Self::Steps { right, wrong, .. } => {
                // Behind a step that is right there may be others.
                let step = |(word, last): (&String, bool)| Form {
                    text: format!("\\boxed{{{word}}}"),
                    last,
                };
                [(right, turns), (wrong, true)].map(step).into()
            }
            Self::Decision(decision) => {
                decision.words.iter().map(|(word, _)| form(word.clone())).collect()
            }
            Self::Head { .. } => Vec::new(),
        }
    }
}
