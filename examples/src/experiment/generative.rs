//! Judges of chains that write: they do each operation again by another way, or say at once whether the lines hold.
//!
//! Such a judge is shown a question with the lines of a solution, whole or cut. It writes for each line the operation that
//! led to it by another, longer way ([`another_way`]), so that its errors are not that line's again, up to the first line
//! that does not follow. Then it says whether all of them do:
//!
//! ```text
//! 47+38*3-26
//! =47+114-26
//! =151-26
//! *                        end of the question, as the judge's template has it
//! 38*3=90+24=114
//! 47+114=100+50+11=161
//! ==
//! 0                        the second line does not follow
//! ```
//!
//! How it is asked and read is a [`Judge`], the recipe's: its reading is a decision between two words, behind the checks or
//! at once. It learns from a policy's solutions, half of them cut at some line, whose lines the family's exact checker knows. With
//! checks it leads searches as a role ([`tts_prm::critic::Judged`]); at once it is a scorer ([`NextWord`]), which reads how
//! probable either verdict is, and writes nothing.
//!
//! Source: Zhang et al. 2024 (arXiv:2408.15240), sections 3.2 and 3.3, for verdicts as next words, at once and behind a
//! critique; Khalifa et al. 2025 (arXiv:2504.16828), section 4, for such verifiers within best-of-N and beam search.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tts_core::family::{Expression, another_way};
use tts_core::{Outcome, Prompt, seed};
use tts_models::train::{Example, Model};
use tts_models::weights::Dtype;
use tts_models::{LanguageModel, Tokenizer};
use tts_prm::critic::{Decision, Judge, Jury, NextWord, Reading, Response};
use tts_search::evaluate::attempts::{Attempt, Attempts};

use super::policies::{end, example};
use super::spec::{Training, is_default};
use super::workshop::{Purpose, Workshop};
use crate::Error;

/// One judgement in so many is held out, by problem.
const HELD_OUT: u64 = 20;
/// Of where solutions are cut.
const CUTS: u64 = 0xc075;

/// A judge of chains that writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generative {
    /// What it starts from.
    pub from: String,
    /// Who writes the solutions.
    pub policy: String,
    /// Problems.
    pub problems: usize,
    /// Solutions of each.
    pub solutions: usize,
    /// How it is asked and read: a decision between two words, behind checks or at once.
    pub judge: Judge,
    /// How.
    pub train: Training,
}

/// A judge that leads an arm's search, in the place of a scorer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Led {
    /// The judge: a generative one.
    pub by: String,
    /// Judgements of each path.
    pub samples: usize,
    /// Words by which each is made to check again what it wrote, look after look ([`Judge::again`]).
    #[serde(default, skip_serializing_if = "is_default")]
    pub again: Vec<String>,
}

impl Led {
    /// The judge as it judges here.
    pub(super) fn judge(&self, of: &Generative) -> Judge {
        Judge { again: self.again.clone(), ..of.judge.clone() }
    }
}

impl Generative {
    /// Whether it can be made.
    pub(super) fn check(&self) -> Result<(), String> {
        self.judge.check()?;
        self.verdicts().map(|_| ())
    }

    /// Whether it writes anything before its verdict.
    pub(super) fn writes(&self) -> bool {
        matches!(&self.judge.reading, Reading::Decision(decision) if decision.critique)
    }

    fn decision(&self) -> Result<&Decision, String> {
        match &self.judge.reading {
            Reading::Decision(decision) => Ok(decision),
            _ => Err("judge: a verdict is a last word, expected the reading decision".into()),
        }
    }

    /// The words for lines of which one does not follow, and for lines that all do.
    fn verdicts(&self) -> Result<[&str; 2], String> {
        match &self.decision()?.words[..] {
            [(wrong, low), (right, high)] | [(right, high), (wrong, low)] if high > low => {
                Ok([wrong.as_str(), right.as_str()])
            }
            words => Err(format!(
                "judge: a verdict is one of two words that are worth something else, found {words:?}"
            )),
        }
    }

    /// What it is asked about these lines, and what it should say, of which each is right or not by `right`; `None` where
    /// there is nothing to learn: a line that is right does more than one operation.
    fn judgement(
        &self,
        question: &str,
        steps: &[String],
        right: &[bool],
    ) -> Result<Option<(Prompt, String)>, Error> {
        let Some((mut said, all)) = checks(question, steps, right) else { return Ok(None) };
        if !self.writes() {
            said.clear();
        }
        said += &self.decision()?.cue;
        said += self.verdicts()?[usize::from(all)];
        Ok(Some((self.question(question, steps)?, said)))
    }

    fn question(&self, question: &str, steps: &[String]) -> Result<Prompt, Error> {
        let response = Response { steps: steps.to_vec(), ..Response::text("") };
        Ok(self.judge.question(&Prompt::text(question), &[&response])?)
    }
}

/// The operations of these lines by another way, a line each, up to the first that does not follow, and whether all follow.
fn checks(question: &str, steps: &[String], right: &[bool]) -> Option<(String, bool)> {
    let mut before: Expression = question.parse().ok()?;
    let mut said = String::new();
    for (step, &right) in steps.iter().zip(right) {
        // Behind a number nothing follows, and there is no operation to do again.
        let Some((left, operation, other)) = before.next_operands() else {
            return Some((said, false));
        };
        said += &another_way(left, operation, other)?.replace(':', "=");
        said.push('\n');
        let follows = before.reduce()?;
        let found: Option<Expression> =
            step.trim().strip_prefix('=').and_then(|line| line.parse().ok());
        match (found == Some(follows.clone()), right) {
            (true, true) => before = follows,
            (false, false) => return Some((said, false)),
            // The checker looks at what a line is worth, not at how many operations it does.
            _ => return None,
        }
    }
    Some((said, true))
}

/// So many lines of a solution, all or a part: half of the solutions are cut.
fn shown(question: &str, place: usize, count: usize) -> usize {
    let mut rng = seed::rng(seed::mix(seed::hash_text(CUTS, question), place as u64));
    if count < 2 || rng.uniform() < 0.5 { count } else { 1 + rng.below(count - 1) }
}

/// A judge that leads a search: how it is asked, and its model.
pub(super) struct Leader {
    pub(super) jury: Jury,
    pub(super) model: Box<dyn LanguageModel>,
}

impl Leader {
    /// The role that it plays.
    pub(super) const ROLE: &'static str = "judge";

    /// The tokens that it wrote in a search, and those of the questions and cues that were put to it.
    pub(super) fn spent(&self, outcome: &Outcome) -> (u64, u64) {
        let (mut written, mut asked) = (0, 0);
        for (_, node) in outcome.tree.iter() {
            if node.role.as_deref() == Some(Self::ROLE) {
                written += node.step.generated();
                asked += u64::from(node.step.given.saturating_sub(node.kept));
            }
            // The root's question is the problem, which the policy reads; one that is no text of the judge was read by nobody.
            if let (Some(_), Some(prompt)) = (node.parent, &node.prompt) {
                asked += self.model.encode(prompt).map_or(0, |tokens| tokens.len() as u64);
            }
        }
        (written, asked)
    }
}

impl Workshop<'_> {
    /// The specification of a generative judge.
    pub(super) fn generative(&self, name: &str) -> Result<&Generative, Error> {
        match self.spec(name)? {
            super::spec::ModelSpec::Generative(judge) => Ok(judge),
            _ => Err(format!("{name:?} writes no judgements, expected a generative judge").into()),
        }
    }

    /// A judge that says its verdict at once, as a scorer.
    pub(super) fn at_once(&self, name: &str, seed: u64) -> Result<NextWord<'static>, Error> {
        let spec = self.generative(name)?;
        if spec.writes() {
            return Err(format!("{name:?} writes before it judges, and is no scorer").into());
        }
        let (judge, decision) = (spec.judge.clone(), spec.decision()?.clone());
        Ok(NextWord::owning(self.policy(name, seed)?, decision)?.asking(judge)?)
    }

    /// The judge that leads an arm's search.
    pub(super) fn leader(&self, led: &Led, seed: u64) -> Result<Leader, Error> {
        let judge = led.judge(self.generative(&led.by)?);
        let jury = Jury { role: Some(Leader::ROLE.into()), ..Jury::of(judge, led.samples) };
        Ok(Leader { jury, model: self.policy(&led.by, seed)? })
    }

    /// Makes a judge.
    pub(super) fn judging(
        &self,
        spec: &Generative,
        folder: &Path,
        seed: u64,
    ) -> Result<Value, Error> {
        let (mut decoder, tokenizer) = self.start(&spec.from, seed, folder)?;
        // What it says is longer than what it judges, and stands behind it.
        let positions = &mut decoder.config.max_position_embeddings;
        *positions = positions.saturating_mul(2);
        let problems = self.problems(Purpose::Verifier, seed, spec.problems)?;
        let attempts = self.attempts(&spec.policy, &problems, spec.solutions, (seed, seed))?;
        let (mut data, mut held_out) = (Vec::new(), Vec::new());
        let (mut holding, mut left_out) = (0_usize, 0_usize);
        let text = (&tokenizer, end(&decoder));
        for Attempts { question, attempts } in &attempts {
            let lot = seed::hash_text(1, question);
            let part = if lot.is_multiple_of(HELD_OUT) { &mut held_out } else { &mut data };
            for (place, attempt) in attempts.iter().enumerate() {
                match learnt(spec, text, question, (place, attempt))? {
                    Some((example, all)) => {
                        holding += usize::from(all);
                        part.push(example);
                    }
                    None => left_out += 1,
                }
            }
        }
        if data.is_empty() {
            return Err("no judgement to learn from".into());
        }
        let model = Model::from(decoder);
        let names = ("judge", folder);
        let model = self.train(names, (&spec.train, seed), model, &data, &held_out)?;
        model.decoder.save_as(folder, Dtype::F16, &[])?;
        let judgements = data.len() + held_out.len();
        Ok(json!({ "judgements": judgements, "holding": holding, "left_out": left_out }))
    }
}

/// What is learnt of a solution, and whether all that is shown of it holds; `None` where nothing is, or a question about it is
/// no text of the model: one that holds the cue is shown with a space in it, say.
fn learnt(
    spec: &Generative,
    (tokenizer, end): (&Tokenizer, u32),
    question: &str,
    (place, attempt): (usize, &Attempt),
) -> Result<Option<(Example, bool)>, Error> {
    if attempt.steps.is_empty() {
        return Ok(None);
    }
    let count = shown(question, place, attempt.steps.len());
    let (steps, right) = (&attempt.steps[..count], &attempt.right[..count]);
    let Some((asked, said)) = spec.judgement(question, steps, right)? else { return Ok(None) };
    if tokenizer.encode(asked.question(), false).is_err() {
        return Ok(None);
    }
    let example = example(tokenizer, end, asked.question(), &said)?;
    Ok(Some((example, right.iter().all(|&right| right))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &str = "47+38*3-26";

    fn spec(critique: bool) -> Generative {
        let spec = json!({
            "from": "a", "policy": "b", "problems": 1, "solutions": 1, "train": {},
            "judge": {
                "template": "=== text\n{{ problem }}\n{{ response.text }}\n*\n",
                "reading": { "decision": {
                    "cue": "==\n", "words": [["1", 1.0], ["0", 0.0]], "by": "probability", "critique": critique,
                } },
                "stop": ["=="],
            },
        });
        serde_json::from_value(spec).expect("sound")
    }

    fn said(spec: &Generative, steps: &[&str]) -> Option<(String, String)> {
        use tts_core::family::{Chain, Family};
        let right = Chain::default().check(QUESTION, steps);
        let steps: Vec<String> = steps.iter().map(|&step| step.to_owned()).collect();
        let found = spec.judgement(QUESTION, &steps, &right).expect("it can be asked");
        found.map(|(asked, said)| (asked.question().to_owned(), said))
    }

    #[test]
    fn judgements_by_hand() {
        let judge = spec(true);
        assert_eq!(judge.check(), Ok(()));
        let whole = ["=47+114-26\n", "=161-26\n", "=135"];
        let (asked, right) = said(&judge, &whole).expect("a judgement");
        assert_eq!(asked, "47+38*3-26\n=47+114-26\n=161-26\n=135\n*\n");
        assert_eq!(right, "38*3=90+24=114\n47+114=100+50+11=161\n161-26=161-20-6=135\n==\n1");
        // A part of it.
        let (asked, right) = said(&judge, &whole[..1]).expect("a judgement");
        assert_eq!(
            (asked.as_str(), right.as_str()),
            ("47+38*3-26\n=47+114-26\n*\n", "38*3=90+24=114\n==\n1")
        );
        for (steps, expected) in [
            // Up to the first that does not follow, whatever stands behind it.
            (
                &["=47+114-26\n", "=151-26\n", "=125"][..],
                Some("38*3=90+24=114\n47+114=100+50+11=161\n==\n0"),
            ),
            // Another number of the line is wrong.
            (&["=46+114-26\n"], Some("38*3=90+24=114\n==\n0")),
            (&["nonsense\n"], Some("38*3=90+24=114\n==\n0")),
            // Behind the number there is no operation.
            (
                &["=47+114-26\n", "=161-26\n", "=135\n", "=135"],
                Some("38*3=90+24=114\n47+114=100+50+11=161\n161-26=161-20-6=135\n==\n0"),
            ),
            // Right, and two operations at once.
            (&["=161-26\n"], None),
        ] {
            let found = said(&judge, steps).map(|(_, said)| said);
            assert_eq!(found.as_deref(), expected, "{steps:?}");
        }
        // At once.
        let (_, verdict) = said(&spec(false), &whole).expect("a judgement");
        assert_eq!(verdict, "==\n1");
    }

    /// A response that holds the cue is shown with a space in it, for which the embedded models have no token.
    #[test]
    fn nothing_is_learnt_of_what_is_no_text() {
        let file = crate::pair::folder().join("generator/tokenizer.json");
        let tokenizer = Tokenizer::from_file(file).expect("embedded");
        let judge = spec(true);
        let learnt = |line: &str| {
            let attempt =
                Attempt { steps: vec![line.into()], right: vec![false], ..Attempt::default() };
            learnt(&judge, (&tokenizer, 0), QUESTION, (0, &attempt)).expect("it can be asked")
        };
        let (_, holds) = learnt("=46+114-26\n").expect("a judgement");
        assert!(!holds);
        assert!(learnt("==47+114-26\n").is_none());
    }

    #[test]
    fn half_of_the_solutions_are_cut_and_none_to_nothing() {
        let counts: Vec<usize> = (0..1000).map(|place| shown(QUESTION, place, 5)).collect();
        let whole = counts.iter().filter(|&&count| count == 5).count();
        assert!((430..570).contains(&whole), "{whole}");
        assert!((1..5).all(|count| counts.iter().filter(|&&found| found == count).count() > 80));
        assert!(counts.iter().all(|count| (1..=5).contains(count)));
        assert_eq!(shown(QUESTION, 3, 1), 1);
    }

    #[test]
    fn judges_without_a_verdict_of_two_words_are_refused() {
        let with = |words: Vec<(String, f64)>| {
            let mut spec = spec(true);
            let Reading::Decision(decision) = &mut spec.judge.reading else { panic!("a decision") };
            decision.words = words;
            decision.by = tts_prm::critic::By::Word;
            spec
        };
        let word = |word: &str, value: f64| (word.to_owned(), value);
        let three = with(vec![word("1", 1.0), word("0", 0.0), word("2", 0.5)]);
        assert!(three.check().expect_err("three").contains("one of two words"));
        // In either order.
        let turned = with(vec![word("0", 0.0), word("1", 1.0)]);
        assert_eq!(turned.verdicts(), Ok(["0", "1"]));
        let mut boxes = spec(true);
        boxes.judge.reading = Reading::Json { field: "score".into(), low: 0.0, high: 1.0 };
        assert!(boxes.check().expect_err("a number").contains("expected the reading decision"));
    }
}
