//! Preferences as what a judge learns from: a question to it, and what a right judgement says.
//!
//! Single responses with a label, and solutions whose first wrong step is known, become lessons too ([`Judging::lesson_of`],
//! [`Judging::lesson_of_steps`]).
//!
//! Each preference becomes one [`Lesson`]: its responses in an order of its own, so that no place is learnt to be the best.
//! Where a judgement is about fewer responses, the best and some others are shown; where it is about one, a coin decides
//! whether that is the best, whose right score is the highest of the reading, or another, whose is the lowest.
//!
//! [`Judging`] is the task of such problems: a judgement is right by the rule of [`Truth`], a tie is wrong, and what cannot
//! be read is no answer. With it a judge learns by [`crate::reinforce`] as any policy does, and its attempts are filtered
//! by [`super::rejective()`].
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), section 3.2: the rule of equation 5, and single responses with the labels 0
//! and 1.

use tts_core::task::{Task, Verdict};
use tts_core::{Prompt, StepRule, seed};

use super::assess::{Graded, Preference, StepCase};
use super::ballot::Ballot;
use super::judge::Judge;
use super::read::{By, Refusal};
use super::response::Response;
use super::tuning::Truth;
use crate::reinforce::Problem;

/// Most responses of which an answer is looked for where the right one is not known.
const MOST: usize = 9;

/// The same of steps.
const MOST_STEPS: usize = 256;

/// A question to a judge, with what is known of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// What it is asked.
    pub prompt: Prompt,
    /// The places in the preference of the responses, in the order in which they are shown.
    pub shown: Vec<usize>,
    /// What a right judgement says of them, by their places in that order.
    pub truth: Truth,
    /// How many steps the response has whose steps are judged; 0 of responses that are judged as they are.
    pub steps: usize,
}

impl Lesson {
    /// As a problem of reinforcement, for the task [`Judging`].
    pub fn problem(&self) -> Problem {
        let gold = match self.truth {
            Truth::Best(place) => format!("{BEST}{}{OF}{}", place + 1, self.shown.len()),
            Truth::Label(label) => format!("{SCORE}{label}"),
            Truth::Near { label, width } => format!("{SCORE}{label}{WITHIN}{width}"),
            Truth::Steps(first) => {
                let place = first.map_or(0, |first| first + 1);
                format!("{ERROR}{place}{OF}{}", self.steps)
            }
        };
        let question = self.prompt.question().to_owned();
        Problem { prompt: self.prompt.clone(), question, gold, difficulty: None }
    }
}

const BEST: &str = "response ";
const OF: &str = " of ";
const SCORE: &str = "score ";
const WITHIN: &str = " within ";
/// Before the number of the first wrong step, from 1, or 0 where all are right.
const ERROR: &str = "error in step ";

/// What a right answer says, and of how many responses, or of how many steps of one.
fn known(gold: &str) -> Option<(Truth, usize)> {
    if let Some(label) = gold.strip_prefix(SCORE) {
        let truth = match label.split_once(WITHIN) {
            None => Truth::Label(label.parse().ok()?),
            Some((label, width)) => {
                Truth::Near { label: label.parse().ok()?, width: width.parse().ok()? }
            }
        };
        return Some((truth, 1));
    }
    if let Some(error) = gold.strip_prefix(ERROR) {
        let (place, count) = error.split_once(OF)?;
        let (place, count): (usize, usize) = (place.parse().ok()?, count.parse().ok()?);
        return (place <= count).then_some((Truth::Steps(place.checked_sub(1)), count));
    }
    let (place, count) = gold.strip_prefix(BEST)?.split_once(OF)?;
    let (place, count) = (place.parse::<usize>().ok()?.checked_sub(1)?, count.parse().ok()?);
    (place < count).then_some((Truth::Best(place), count))
}

/// The task of a judge that learns: what it writes is a judgement.
///
/// ```
/// use tts_core::{Task, Verdict};
/// use tts_prm::critic::{Judge, Judging, Preference};
/// let judging = Judging::of(Judge::published("deepseek-grm")?)?;
/// let responses = vec!["4".into(), "5".into()];
/// let pair = Preference { prompt: "2 + 2?".into(), responses, best: 0, subset: None, reference: None, worth: None };
/// let lesson = judging.lesson(&pair, 7)?;
/// let problem = lesson.problem();
/// // The order is drawn: the best one stands first or second.
/// let right = if lesson.shown[0] == 0 { "\\boxed{9, 2}" } else { "\\boxed{2, 9}" };
/// let verdict = |judgement: &str| judging.verdict(&problem.question, &problem.gold, judgement);
/// assert_eq!(verdict(right), Verdict::Right);
/// assert_eq!(verdict("\\boxed{5, 5}"), Verdict::Wrong);
/// assert_eq!(verdict("Both are fine."), Verdict::Unanswered);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Judging {
    judge: Judge,
    /// Who judges single responses, if it is another one.
    single: Option<Judge>,
}

impl Judging {
    /// The task of this judge.
    ///
    /// # Errors
    /// When the judge makes no sense, or does not itself write all that is read: what is learnt must be written.
    pub fn of(judge: Judge) -> Result<Self, String> {
        if judge.template.has_turns() || judge.judges_steps() {
            return Err(
                "a judge of steps learns from labels of steps, expected one of responses".into()
            );
        }
        let [low, high] = judge.reading.range();
        if judge.takes()[1] == 1 && high - low > 1.0 {
            Self::of_labels(judge)?;
            return Err(format!(
                "a judgement of one response is right or wrong, and this one has scores from {low} to {high}: expected 0 to 1"
            ));
        }
        Self::of_labels(judge)
    }

    /// The task of this judge where labels say what is right: of single responses, with scores of any range
    /// ([`Judging::lesson_of`]), or of steps ([`Judging::lesson_of_steps`]).
    ///
    /// # Errors
    /// When the judge makes no sense, asks in turns, or does not itself write all that is read.
    pub fn of_labels(judge: Judge) -> Result<Self, String> {
        judge.check()?;
        if judge.template.has_turns() {
            return Err(
                "a judge that asks in turns writes several texts, each in sight of those before, and a solution that is \
                 reinforced is one text: expected one that writes all at once"
                    .into(),
            );
        }
        if judge.head().is_some() {
            return Err(
                "the judge's scores are those of a scorer, which are not written, expected one that writes its scores"
                    .into(),
            );
        }
        if judge.decision().is_some_and(|decision| decision.by != By::Word) {
            return Err(
                "the judge decides by a probability, which is not written, expected one that writes its scores"
                    .into(),
            );
        }
        if judge.decision().is_some() || !judge.again.is_empty() {
            // What is taken up again behind a cue is read once more, so that nothing before it would be learnt.
            return Err(
                "the judge is helped on by words that are put in its mouth behind its beginning (a cue, again), expected one \
                 that writes all behind that"
                    .into(),
            );
        }
        Ok(Self { judge, single: None })
    }

    /// What its judgements begin with, put there by nobody's choice: it is read, and not learnt
    /// ([`crate::reinforce::ReinforceConfig::begin`]).
    pub fn begin(&self) -> &str {
        &self.judge.begin
    }

    /// # Errors
    /// When its judgements begin with words that it does not write: one who learns all of a judgement would learn these.
    pub fn writes_all(&self) -> Result<(), String> {
        if self.judge.begin.is_empty() {
            return Ok(());
        }
        Err("the judge is helped on by words that are put in its mouth (begin), expected one that writes all".into())
    }

    /// The same task, in which single responses with a label are asked about as another judge does: a model that judges
    /// several responses at once in one form, and one in another, learns both together.
    ///
    /// # Errors
    /// As [`Judging::of_labels`]; also where it is not of single responses, this one is of nothing else, or their judgements end
    /// otherwise.
    pub fn with_single(self, single: Judge) -> Result<Self, String> {
        let Self { judge: single, .. } = Self::of_labels(single)?;
        if single.takes()[0] > 1 || single.judges_steps() {
            return Err("single: expected a judge of single responses".into());
        }
        if self.judge.takes()[1] == 1 {
            return Err(
                "single: the judge is of single responses itself, expected one of several".into()
            );
        }
        if single.begin != self.judge.begin {
            return Err(
                "single: its judgements begin with another text than the judge's (begin)".into()
            );
        }
        if single.stop != self.judge.stop {
            return Err("single: its judgements end in other texts than the judge's (stop)".into());
        }
        Ok(Self { single: Some(single), ..self })
    }

    /// The judge.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Who judges single responses with a label.
    pub fn single(&self) -> &Judge {
        self.single.as_ref().unwrap_or(&self.judge)
    }

    /// Where its judgements end.
    pub fn rule(&self) -> StepRule {
        let (rule, single) = (self.judge.rule(0, None), self.single().rule(0, None));
        StepRule {
            max_tokens: rule.max_tokens.max(single.max_tokens),
            max_step_tokens: rule.max_step_tokens.max(single.max_step_tokens),
            ..rule
        }
    }

    /// The lesson of a preference, in an order of this seed.
    ///
    /// # Errors
    /// When the judge cannot be asked about it, or there are not two responses.
    pub fn lesson(&self, preference: &Preference, seed: u64) -> Result<Lesson, Refusal> {
        let Preference { prompt, responses, best, .. } = preference;
        if responses.len() < 2 || *best >= responses.len() {
            let count = responses.len();
            let problem = format!(
                "{count} responses, number {best} the best, expected two or more and one of them"
            );
            return Err(Refusal::Unasked { problem });
        }
        let mut rng = seed::rng(seed);
        let [least, most] = self.judge.takes();
        let mut others: Vec<usize> = (0..responses.len()).filter(|place| place != best).collect();
        rng.shuffle(&mut others);
        let mut shown = vec![*best];
        if most == 1 {
            let other = others.first().filter(|_| rng.uniform() < 0.5);
            shown[0] = other.copied().unwrap_or(*best);
        } else {
            shown.extend(others.into_iter().take(most - 1));
            rng.shuffle(&mut shown);
        }
        if shown.len() < least {
            let problem =
                format!("{} responses, and a judgement is about at least {least}", shown.len());
            return Err(Refusal::Unasked { problem });
        }
        let [low, high] = self.judge.reading.range();
        let truth = match &shown[..] {
            [one] => Truth::Label(if one == best { high } else { low }),
            several => Truth::Best(several.iter().position(|place| place == best).unwrap_or(0)),
        };
        let texts: Vec<Response> =
            shown.iter().map(|&place| Response::text(&responses[place])).collect();
        let beside = preference.reference.clone().and_then(|known| self.judge.beside(known));
        let judge = beside.as_ref().unwrap_or(&self.judge);
        let prompt = judge.question(prompt, &texts.iter().collect::<Vec<_>>())?;
        Ok(Lesson { prompt, shown, truth, steps: 0 })
    }

    /// The lesson of a single response with a label: right is a grade itself, or of a label that says right or wrong
    /// ([`Graded::truth`]) the greatest or the least score; and what is near is worth something ([`Truth::Near`]).
    ///
    /// # Errors
    /// When the judge cannot be asked about it, or the label is not on its scale.
    pub fn lesson_of(&self, graded: &Graded) -> Result<Lesson, Refusal> {
        let Graded { prompt, response, label, truth, reference, .. } = graded;
        let refused = |problem: String| Err(Refusal::Unasked { problem });
        let single = self.single();
        let [low, high] = single.reading.range();
        if single.takes()[0] > 1 || single.judges_steps() {
            return refused("a single response, and the judge is not of single responses".into());
        }
        let label = match (*truth == Some(true), *label > 0.5) {
            (true, true) => high,
            (true, false) => low,
            (false, _) => *label,
        };
        if !(low..=high).contains(&label) {
            return refused(format!("the label {label}, expected a score from {low} to {high}"));
        }
        let beside = reference.clone().and_then(|known| single.beside(known));
        let judge = beside.as_ref().unwrap_or(single);
        let prompt = judge.question(prompt, &[&Response::text(response)])?;
        let truth = Truth::Near { label, width: high - low };
        Ok(Lesson { prompt, shown: vec![0], truth, steps: 0 })
    }

    /// The lesson of a solution whose first wrong step is known: right is who judges all steps up to it as they are.
    ///
    /// # Errors
    /// When the judge cannot be asked about it, or judges no steps.
    pub fn lesson_of_steps(&self, case: &StepCase) -> Result<Lesson, Refusal> {
        let steps = case.steps.len();
        if !self.judge.judges_steps() || case.first_error.is_some_and(|first| first >= steps) {
            let problem =
                format!("{steps} steps, and no judge of them, or an error behind the last");
            return Err(Refusal::Unasked { problem });
        }
        let response = Response { steps: case.steps.clone(), ..Response::text("") };
        let prompt = self.judge.question(&case.prompt, &[&response])?;
        Ok(Lesson { prompt, shown: vec![0], truth: Truth::Steps(case.first_error), steps })
    }

    /// The scores that a judgement of so many responses writes.
    pub(super) fn scores(&self, judgement: &str, responses: usize) -> Result<Vec<f64>, Refusal> {
        let shown = vec![Response::text(""); responses];
        let said = self.judge.read(judgement, &shown.iter().collect::<Vec<_>>())?;
        Ok(said.scores)
    }

    /// Which step it calls wrong first, or that none of so many is.
    fn first_error(&self, judgement: &str) -> Option<String> {
        let read = |count| self.said(Truth::Steps(None), count, judgement).ok();
        let steps = (1..=MOST_STEPS).find_map(read)?;
        Some(match steps.iter().position(|&right| right < 0.5) {
            Some(first) => format!("{ERROR}{}", first + 1),
            None => format!("{ERROR}0{OF}{}", steps.len()),
        })
    }

    /// What a judgement says that the truth is about: scores of so many responses, or verdicts on so many steps of one.
    fn said(&self, truth: Truth, count: usize, judgement: &str) -> Result<Vec<f64>, Refusal> {
        match truth {
            Truth::Best(_) => self.scores(judgement, count),
            Truth::Label(_) | Truth::Near { .. } => self.score(judgement).map(|score| vec![score]),
            Truth::Steps(_) => {
                let steps = vec![String::new(); count];
                let response = Response { steps, ..Response::text("") };
                Ok(self.judge.read(judgement, &[&response])?.steps)
            }
        }
    }

    /// The score that a judgement of a single response writes.
    fn score(&self, judgement: &str) -> Result<f64, Refusal> {
        let said = self.single().read(judgement, &[&Response::text("")])?;
        said.scores.first().copied().ok_or_else(|| Refusal::missing("score"))
    }
}

impl Task for Judging {
    fn name(&self) -> &'static str {
        "judging"
    }

    /// Whom it puts first, `response 2`, or all who share the highest score, `responses 1, 3`; of one response, its score. Two
    /// judgements that put the same first answer the same. Of steps, the first that is wrong.
    fn answer(&self, judgement: &str) -> Option<String> {
        if self.judge.judges_steps() {
            return self.first_error(judgement);
        }
        if let (Some(_), Ok(score)) = (&self.single, self.score(judgement)) {
            return Some(format!("{SCORE}{score}"));
        }
        let [least, most] = self.judge.takes();
        let scores =
            (least..=most.min(MOST)).find_map(|count| self.scores(judgement, count).ok())?;
        if let [score] = scores[..] {
            return Some(format!("{SCORE}{score}"));
        }
        let totals: Vec<Option<f64>> = scores.into_iter().map(Some).collect();
        let first: Vec<String> =
            Ballot::first(&totals).into_iter().map(|place| (place + 1).to_string()).collect();
        let several = if first.len() > 1 { "responses " } else { BEST };
        Some(format!("{several}{}", first.join(", ")))
    }

    fn same(&self, gold: &str, answer: &str) -> bool {
        match known(gold) {
            Some((Truth::Best(place), _)) => answer == format!("{BEST}{}", place + 1),
            Some((Truth::Label(label) | Truth::Near { label, .. }, _)) => {
                answer == format!("{SCORE}{label}")
            }
            Some((Truth::Steps(Some(first)), _)) => answer == format!("{ERROR}{}", first + 1),
            Some((Truth::Steps(None), _)) | None => gold == answer,
        }
    }

    fn verdict(&self, _: &str, gold: &str, judgement: &str) -> Verdict {
        let Some((truth, count)) = known(gold) else {
            return Verdict::Wrong;
        };
        match self.said(truth, count, judgement) {
            Err(_) => Verdict::Unanswered,
            Ok(said) if truth.holds(&said) => Verdict::Right,
            Ok(_) => Verdict::Wrong,
        }
    }

    fn credit(&self, _: &str, gold: &str, judgement: &str) -> f64 {
        let Some((truth, count)) = known(gold) else {
            return 0.0;
        };
        truth.credit(self.said(truth, count, judgement).ok().as_deref())
    }
}

#[cfg(test)]
#[path = "lesson_tests.rs"]
mod tests;
