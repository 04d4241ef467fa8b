//! Verification to learn from: what a judge of steps, or of right and wrong, wrote, where it is right throughout.
//!
//! ```text
//! solution, first error known -- 4 chains -- each verdict up to and with the first error as it is known ... kept
//!                                         -- one verdict of five another ............................. dropped
//! response, right or wrong ----- 4 critiques and last words -- the last word as it is known ............. kept
//!                          ----- no critique: the word itself is learnt, and nothing has to be written
//! ```
//!
//! What is kept is a question and parts of what stands behind it: those that the judge wrote are learnt, those that were put in
//! its mouth (its beginning, the cue of a decision) are read only. A critique before a decision has to end by itself, so it is
//! one thing to learn, behind which nothing stands, and the last word in sight of it another; where a stop text opens the cue,
//! both are one, and that text is learnt with the critique. Of a judge that asks in turns each turn is one thing to learn, in
//! sight of those before it. A judge that is to learn by [`crate::reinforce`] takes problems of
//! [`super::Judging`] instead.
//!
//! Source: Khalifa et al. 2025, "Process Reward Models That Think" (arXiv 2504.16828), section 3.2: chains are kept if all
//! verdicts match; Zhao et al. 2025, "`GenPRM`" (arXiv 2504.00891), section 3.3; Zhang et al. 2024, "Generative Verifiers" (arXiv
//! 2408.15240), section 3: yes or no as the next word, and critiques filtered by it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{Cost, NodeId, Outcome, Prompt, Role, Search};

use super::assess::{Case, Ended, Graded, Ruling, StepCase, are_truths, hear_whole};
use super::ballot::Judgement;
use super::judge::Judge;
use super::jury::Jury;
use super::read::{By, Refusal};
use super::response::Response;
use super::tuning::{Sifted, Truth};

/// How attempts are made and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Verify {
    /// Attempts at each item.
    pub samples: usize,
    /// Whether something is kept of items at which all attempts are right.
    pub easy: bool,
}

impl Default for Verify {
    /// Four attempts, of which all that are right are kept.
    fn default() -> Self {
        Self { samples: 4, easy: true }
    }
}

/// A part of what stands behind a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What stands there.
    pub text: String,
    /// Whether it is to be learnt, or only read.
    pub learn: bool,
}

/// Something to learn: a question, and what is to be written behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The place of the item.
    pub item: usize,
    /// The question.
    pub prompt: Prompt,
    /// What stands behind it, in order.
    pub parts: Vec<Part>,
}

/// What became of the attempts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyReport {
    /// Items that were asked about.
    pub items: usize,
    /// Attempts that could be read.
    pub judgements: usize,
    /// Those that could not.
    pub refused: usize,
    /// Why, and how often.
    pub reasons: BTreeMap<String, usize>,
    /// Attempts that are right throughout.
    pub right: usize,
    /// Items at which all attempts are right.
    pub easy: usize,
    /// Items at which none is.
    pub hard: usize,
    /// Attempts of which something is kept.
    pub kept: usize,
    /// What all of it cost.
    pub cost: Cost,
}

/// What is kept, and what became of all attempts.
type Found = (Vec<Verified>, VerifyReport);

/// Has a judge of steps check solutions, and keeps the chains whose every verdict, up to and with the first error, is as it is
/// known; `done` is told of each solution as it is done, and may end it. The judge is the search's policy.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Judge, StepCase, Verify, verified_steps};
/// // It finds no fault, ever.
/// let judge = Voice::new(|_, _, _| "Fine. \\boxed{correct} Fine. \\boxed{correct}");
/// let case = |first_error| StepCase {
///     prompt: "2 + 3 + 4?".into(),
///     steps: vec!["2 + 3 = 5\n".into(), "5 + 4 = 8\n".into()],
///     first_error,
///     subset: None,
/// };
/// let cases = [case(Some(1)), case(None)];
/// let verify = Verify { samples: 1, ..Verify::default() };
/// let judged = Judge::published("steps")?;
/// let (kept, found) =
///     verified_steps(&Search::new(&judge), &judged, &cases, verify, || ControlFlow::Continue(()))?;
/// assert_eq!((kept.len(), kept[0].item, found.right, found.hard), (1, 1, 1, 1));
/// assert!(kept[0].parts[0].learn);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the judge judges no steps, or does not write its verdicts, before anything is asked; or when the search of one fails,
/// with what is kept of the others.
pub fn verified_steps(
    search: &Search<'_>,
    judge: &Judge,
    cases: &[StepCase],
    verify: Verify,
    done: impl FnMut() -> ControlFlow<()>,
) -> Result<Found, Ended<Found>> {
    if !judge.judges_steps() {
        let problem =
            "judge: it judges no steps, expected thinkprm-steps, genprm, steps or one of your own";
        return Err(Ended::refused(None, problem, Found::default()));
    }
    let asked = cases.iter().map(|case| {
        let response = Response { steps: case.steps.clone(), ..Response::text("") };
        let case_of =
            Case { prompt: case.prompt.clone(), responses: Arc::from([response]), reference: None };
        (case_of, Truth::Steps(case.first_error))
    });
    verified(search, judge, asked.collect(), verify, done)
}

/// Has a judge of single responses judge them, and keeps what comes to the label: a last word, or a score. Labels are 1 for
/// right, the greatest score of the judge, and 0 for wrong, its least. A judge that says its word at once learns it from the
/// label alone: nothing is asked, and nothing is spent.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Graded, Judge, Verify, verified_labels};
/// let nobody = Voice::new(|_, _, _| "never asked");
/// let item = Graded { prompt: "2 + 2?".into(), response: "5".into(), label: 0.0, truth: None, subset: None, reference: None };
/// let genrm = Judge::published("genrm")?;
/// let (kept, found) =
///     verified_labels(&Search::new(&nobody), &genrm, &[item], Verify::default(), || ControlFlow::Continue(()))?;
/// let parts: Vec<(&str, bool)> = kept[0].parts.iter().map(|part| (part.text.as_str(), part.learn)).collect();
/// assert_eq!(parts, [("Is the answer correct (Yes/No)?", false), (" No", true)]);
/// assert_eq!(found.cost.samples, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the judge cannot judge one response, does not write its judgement, or a label is a grade, or neither 0 nor 1
/// ([`are_truths`]); or when the search of one fails, with what is kept of the others.
pub fn verified_labels(
    search: &Search<'_>,
    judge: &Judge,
    items: &[Graded],
    verify: Verify,
    done: impl FnMut() -> ControlFlow<()>,
) -> Result<Found, Ended<Found>> {
    let refused = |item, problem: String| Err(Ended::refused(item, problem, Found::default()));
    if judge.takes()[0] > 1 || judge.judges_steps() {
        return refused(None, "judge: expected one that judges a single response".into());
    }
    let [low, high] = judge.reading.range();
    if let Err(problem) = are_truths(items, [low, high]) {
        return refused(None, problem);
    }
    let mut asked = Vec::with_capacity(items.len());
    for (number, item) in items.iter().enumerate() {
        let score = match item.label {
            label if item.truth == Some(false) => {
                return refused(
                    Some(number),
                    format!("label {label} is a grade, expected right or wrong"),
                );
            }
            label if label.abs() < 1e-9 => low,
            label if (label - 1.0).abs() < 1e-9 => high,
            label => {
                return refused(
                    Some(number),
                    format!("label {label}, expected 1 for right or 0 for wrong"),
                );
            }
        };
        let case = Case {
            prompt: item.prompt.clone(),
            responses: Arc::from([Response::text(&item.response)]),
            reference: item.reference.clone(),
        };
        asked.push((case, Truth::Label(score)));
    }
    match judge.decision() {
        Some(decision) if !decision.critique => Ok(at_once(judge, asked)),
        _ => verified(search, judge, asked, verify, done),
    }
}

/// The words of judges that say theirs at once, which follow from the labels.
fn at_once(judge: &Judge, asked: Vec<(Case, Truth)>) -> Found {
    let mut found = Found::default();
    for (item, (case, truth)) in asked.into_iter().enumerate() {
        let (Some(decision), Truth::Label(score)) = (judge.decision(), truth) else { continue };
        let beside = case.reference.and_then(|reference| judge.beside(reference));
        let shown: Vec<&Response> = case.responses.iter().collect();
        let question = beside.as_ref().unwrap_or(judge).question(&case.prompt, &shown);
        let word = decision.words.iter().find(|(_, value)| (value - score).abs() < 1e-9);
        found.1.items += 1;
        match (question, word) {
            (Ok(prompt), Some((word, _))) => {
                // Behind a cue that ends in none a word begins with its space.
                let space = if decision.cue.ends_with(char::is_whitespace) { "" } else { " " };
                let cue = Part { text: decision.cue.clone(), learn: false };
                let word = Part { text: format!("{space}{word}"), learn: true };
                found.0.push(Verified { item, prompt, parts: vec![cue, word] });
                found.1.kept += 1;
            }
            (Err(refusal), _) => {
                found.1.refused += 1;
                *found.1.reasons.entry(refusal.to_string()).or_default() += 1;
            }
            (Ok(_), None) => {
                found.1.refused += 1;
                let why = format!("no word of the decision is worth {score}");
                *found.1.reasons.entry(why).or_default() += 1;
            }
        }
    }
    found
}

/// Why what this judge writes is nothing to learn, if so.
fn unwritten(judge: &Judge) -> Option<&'static str> {
    if judge.head().is_some() {
        return Some("judge: its scores are those of a scorer, which are not written");
    }
    if judge.decision().is_some_and(|decision| matches!(decision.by, By::Scorer(_))) {
        return Some(
            "judge: its decision is read by a scorer and no word is written, expected by word or probability",
        );
    }
    if !judge.again.is_empty() {
        return Some(
            "judge: it is made to check again by words that it did not write, expected none of them (again)",
        );
    }
    None
}

/// Asks about each, and keeps what is right.
fn verified(
    search: &Search<'_>,
    judge: &Judge,
    asked: Vec<(Case, Truth)>,
    verify: Verify,
    mut done: impl FnMut() -> ControlFlow<()>,
) -> Result<Found, Ended<Found>> {
    if let Some(problem) = unwritten(judge) {
        return Err(Ended::refused(None, problem, Found::default()));
    }
    let jury = Jury { role: None, ..Jury::of(judge.clone(), verify.samples) };
    let (cases, truths): (Vec<Case>, Vec<Truth>) = asked.into_iter().unzip();
    let mut kept: BTreeMap<usize, Vec<Verified>> = BTreeMap::new();
    let mut found = VerifyReport::default();
    let heard = hear_whole(search, &jury, cases, |item, ruling, outcome| {
        found.items += 1;
        found.judgements += ruling.ballot.judgements.len();
        found.refused += ruling.ballot.refused;
        for why in &ruling.reasons {
            *found.reasons.entry(why.clone()).or_default() += 1;
        }
        found.cost += outcome.usage.logical;
        let judgements = &ruling.ballot.judgements;
        let mut right = right_of(judge, truths[item], ruling, outcome);
        // What could not be read is an attempt, too.
        right.resize(right.len().max(verify.samples), false);
        let sifted = Sifted::of(&right, verify.easy);
        found.right += sifted.right;
        found.hard += usize::from(sifted.hard);
        found.easy += usize::from(sifted.easy);
        found.kept += sifted.kept.len();
        let learnt = sifted.kept.into_iter().filter_map(|place| judgements.get(place));
        let learnt =
            learnt.flat_map(|judgement| rows(judge, item, truths[item], outcome, judgement.node));
        kept.entry(item).or_default().extend(learnt);
        done()
    });
    let (_, ended) = Ended::apart(heard);
    Ended::join(ended, (kept.into_values().flatten().collect(), found))
}

/// Whether each judgement of a ruling is right by the words that stand there, whatever their probability was.
fn right_of(judge: &Judge, truth: Truth, ruling: &Ruling, outcome: &Outcome) -> Vec<bool> {
    let holds = |judgement: &Judgement| {
        let text = outcome.tree.text(judgement.node);
        let said = match (truth, judge.decision()) {
            (Truth::Steps(_), _) => verdicts(judge, outcome, judgement.node, judgement.steps.len()),
            (_, Some(_)) => judge.reading.read(&text, 1, 0).map(|said| said.scores),
            (_, None) => Ok(judgement.scores.clone()),
        };
        said.is_ok_and(|said| truth.holds(&said))
    };
    ruling.ballot.judgements.iter().map(holds).collect()
}

/// What is to be learnt of chains that were written about a solution already: those whose every verdict, up to and with the first
/// error, is as it is known; `item` is its place. Nothing of a judge that does not write its verdicts itself.
pub fn verified_chain(
    judge: &Judge,
    (item, case): (usize, &StepCase),
    ruling: &Ruling,
    outcome: &Outcome,
) -> Vec<Verified> {
    if unwritten(judge).is_some() {
        return Vec::new();
    }
    let truth = Truth::Steps(case.first_error);
    let right = right_of(judge, truth, ruling, outcome);
    let right = ruling.ballot.judgements.iter().zip(right).filter(|(_, right)| *right);
    right.flat_map(|(judgement, _)| rows(judge, item, truth, outcome, judgement.node)).collect()
}

/// The verdicts on so many steps that are written up to a node, or in its turns.
fn verdicts(
    judge: &Judge,
    outcome: &Outcome,
    node: NodeId,
    steps: usize,
) -> Result<Vec<f64>, Refusal> {
    let (asked, text) = (&**outcome.tree.asked(node), outcome.tree.text(node));
    let (true, Prompt::Chat(turns)) = (judge.template.has_turns(), asked) else {
        let response = Response { steps: vec![String::new(); steps], ..Response::text("") };
        return Ok(judge.read(&text, &[&response])?.steps);
    };
    let said = turns.iter().filter(|turn| turn.role == Role::Assistant);
    let said = said.map(|turn| turn.content.as_str()).chain([text.as_str()]);
    let mut all = Vec::with_capacity(steps);
    for turn in said {
        all.extend(judge.reading.read(turn, 1, 1)?.steps);
    }
    Ok(all)
}

/// What is learnt of a judgement that ends at a node: one thing, or one for each turn.
fn rows(
    judge: &Judge,
    item: usize,
    truth: Truth,
    outcome: &Outcome,
    node: NodeId,
) -> Vec<Verified> {
    let (asked, text) = (&**outcome.tree.asked(node), outcome.tree.text(node));
    let score = if let Truth::Label(score) = truth { Some(score) } else { None };
    let mut rows = Vec::new();
    let mut step = 1;
    if let (true, Prompt::Chat(turns)) = (judge.template.has_turns(), asked) {
        for (place, turn) in turns.iter().enumerate() {
            if turn.role == Role::Assistant {
                let prompt = Prompt::Chat(turns[..place].to_vec());
                for parts in things(judge, step, score, &turn.content) {
                    rows.push(Verified { item, prompt: prompt.clone(), parts });
                }
                step += 1;
            }
        }
    }
    for parts in things(judge, step, score, &text) {
        rows.push(Verified { item, prompt: asked.clone(), parts });
    }
    rows
}

/// What was written, apart from what was put into the judge's mouth: one thing to learn, or of a decision behind a critique
/// that ends by itself two.
fn things(judge: &Judge, step: usize, score: Option<f64>, text: &str) -> Vec<Vec<Part>> {
    let begin = judge.begin_of(step);
    let (begin, written) = match text.strip_prefix(&begin) {
        Some(written) => (begin.as_str(), written),
        None => ("", text),
    };
    let read = |text: &str| Part { text: text.to_owned(), learn: false };
    let learnt = |text: &str| Part { text: text.to_owned(), learn: true };
    let decided = judge.decision().and_then(|decision| {
        let (critique, said) = written.rsplit_once(&decision.cue)?;
        Some((critique, decision, said))
    });
    let mut things = match decided {
        None => vec![vec![read(begin), learnt(judge.before_next(written))]],
        Some((critique, decision, said)) => {
            let mut words = decision.words.iter();
            let word = words.find(|(_, value)| score.is_some_and(|own| (value - own).abs() < 1e-9));
            // A token may be the beginning of the word alone.
            let space = &said[..said.len() - said.trim_start().len()];
            let said = word.map_or_else(|| said.to_owned(), |(word, _)| format!("{space}{word}"));
            let (end, asks) = decision.cue.split_at(opening(&decision.cue, &judge.stop));
            if end.is_empty() {
                let word = vec![read(begin), read(critique), read(asks), learnt(&said)];
                // Of an empty critique there is nothing to learn.
                let alone = (!critique.is_empty()).then(|| vec![read(begin), learnt(critique)]);
                alone.into_iter().chain([word]).collect()
            } else {
                let critique = format!("{critique}{end}");
                vec![vec![read(begin), learnt(&critique), read(asks), learnt(&said)]]
            }
        }
    };
    for parts in &mut things {
        parts.retain(|part| !part.text.is_empty());
    }
    things
}

/// How many bytes of a cue are up to the end of a stop text that opens it; 0 where none does.
fn opening(cue: &str, stop: &[String]) -> usize {
    let opened = cue.trim_start();
    let before = cue.len() - opened.len();
    let opens = |stop: &&String| !stop.is_empty() && opened.starts_with(stop.as_str());
    stop.iter().find(opens).map_or(0, |stop| before + stop.len())
}

#[cfg(test)]
#[path = "verified_tests.rs"]
mod tests;
