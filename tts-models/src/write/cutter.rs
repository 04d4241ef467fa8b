//! Where a text that is still being written may be cut: at the end of a step, at a stop text, at a pause text.
//!
//! The texts of a [`StepRule`] are looked for byte by byte, by the automata that look for them in tokens. So a
//! text is cut at the same byte however it arrived, and its tokens are those of its steps, each encoded
//! for itself.

use tts_core::StepRule;

use super::texts::Texts;
use crate::{ModelError, Tokenizer};

/// Takes a text as it arrives.
pub(crate) struct Cutter {
    texts: Texts,
    text: String,
    /// Steps that are still wanted.
    steps: usize,
    /// Where steps end, in bytes of the text.
    ends: Vec<usize>,
    over: bool,
}

impl Cutter {
    /// Behind the texts of the steps before and of the present step's beginning; `steps` ends of steps are
    /// wanted at most.
    pub(crate) fn new(
        rule: &StepRule,
        before: &str,
        begun: &str,
        steps: usize,
    ) -> Result<Self, ModelError> {
        let mut texts = Texts::new(&Tokenizer::bytes()?, rule)?;
        before.bytes().for_each(|byte| texts.pass(byte.into()));
        for byte in begun.bytes() {
            let _ = texts.take(byte.into());
        }
        Ok(Self { texts, text: String::new(), steps, ends: Vec::new(), over: false })
    }

    /// Takes more of the text; true when no more is wanted.
    pub(crate) fn push(&mut self, more: &str) -> bool {
        for (place, byte) in more.bytes().enumerate() {
            if self.over {
                break;
            }
            let found = self.texts.take(byte.into());
            let end = self.text.len() + place + 1;
            if found.step && found.stop.is_none() && found.pause.is_none() {
                self.texts.next_step();
                self.ends.push(end);
                self.steps = self.steps.saturating_sub(1);
                self.over = self.steps == 0;
            } else if found.stop.is_some() || found.pause.is_some() {
                self.ends.push(end);
                self.over = true;
            }
        }
        self.text.push_str(more);
        self.over
    }

    /// The steps, as far as they are wanted; the last one may have no end.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        let rest = self.ends.last().copied().unwrap_or(0);
        let rest = if self.over { None } else { self.text.get(rest..) };
        let whole = self.ends.iter().filter_map(move |&end| {
            let step = self.text.get(start..end);
            start = end;
            step
        });
        whole.chain(rest).filter(|step| !step.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(rule: &StepRule, begun: &str, steps: usize, parts: &[&str]) -> (Vec<String>, bool) {
        let mut cutter = Cutter::new(rule, "", begun, steps).expect("sound");
        let mut over = false;
        for part in parts {
            over = cutter.push(part);
        }
        (cutter.steps().map(str::to_owned).collect(), over)
    }

    #[test]
    fn a_text_is_cut_at_the_same_byte_however_it_arrives() {
        let rule = StepRule {
            delimiters: vec!["\n\n".into()],
            stop: vec!["END".into()],
            pause: vec!["</think>".into()],
            ..StepRule::default()
        };
        let cases: [(&str, &str, usize, &[&str], bool); 9] = [
            // White space alone is no step.
            ("", "one\n\n \n\ntwo\n\n", 9, &["one\n\n", " \n\ntwo\n\n"], false),
            ("", "one\n\ntwo\n\nthree", 1, &["one\n\n"], true),
            ("", "one\n\ntwo\n\nthree", 2, &["one\n\n", "two\n\n"], true),
            ("", "one\n\ntwo\n\nthree", 9, &["one\n\n", "two\n\n", "three"], false),
            ("", "\n\none\n\ntwo", 1, &["\n\none\n\n"], true),
            ("so far", "\n\ntwo", 1, &["\n\n"], true),
            ("", "größe END of it", 5, &["größe END"], true),
            ("", "one\n\nhm</think>\n\ntwo", 5, &["one\n\n", "hm</think>"], true),
            ("", "", 1, &[], false),
        ];
        for (begun, text, steps, expected, over) in cases {
            let all: Vec<String> = expected.iter().map(|&step| step.to_owned()).collect();
            assert_eq!(cut(&rule, begun, steps, &[text]), (all.clone(), over), "{text:?}");
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(cut(&rule, begun, steps, &letters), (all, over), "{text:?} by letters");
        }
    }

    #[test]
    fn stop_texts_may_begin_before() {
        let rule = StepRule { stop: vec!["END".into()], ..StepRule::default() };
        let mut cutter = Cutter::new(&rule, "the E", "N", 3).expect("sound");
        assert!(cutter.push("D and more"));
        assert_eq!(cutter.steps().collect::<Vec<_>>(), ["D"]);
    }
}
