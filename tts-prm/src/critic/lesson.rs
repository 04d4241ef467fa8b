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
            return Err("a judge that asks in turns writes several texts, expected one that writes all at once".into());
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
        let helped = !judge.begin.is_empty() || !judge.again.is_empty();
        if judge.decision().is_some() || helped {
            return Err("the judge is helped on by words that are put in its mouth, expected one that writes all".into());
        }
        Ok(Self { judge })
    }

    /// The judge.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Where its judgements end.
    pub fn rule(&self) -> StepRule {
        self.judge.rule(0)
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

    /// The lesson of a single response with a label: right is the label itself, and what is near is worth something
    /// ([`Truth::Near`]).
    ///
    /// # Errors
    /// When the judge cannot be asked about it, or the label is not on its scale.
    pub fn lesson_of(&self, graded: &Graded) -> Result<Lesson, Refusal> {
        let Graded { prompt, response, label, reference, .. } = graded;
        let refused = |problem: String| Err(Refusal::Unasked { problem });
        let [low, high] = self.judge.reading.range();
        if self.judge.takes()[0] > 1 || self.judge.judges_steps() {
            return refused("a single response, and the judge is not of single responses".into());
        }
        if !(low..=high).contains(label) {
            return refused(format!("the label {label}, expected a score from {low} to {high}"));
        }
        let beside = reference.clone().and_then(|known| self.judge.beside(known));
        let judge = beside.as_ref().unwrap_or(&self.judge);
        let prompt = judge.question(prompt, &[&Response::text(response)])?;
        let truth = Truth::Near { label: *label, width: high - low };
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
        if !matches!(truth, Truth::Steps(_)) {
            return self.scores(judgement, count);
        }
        let response = Response { steps: vec![String::new(); count], ..Response::text("") };
        Ok(self.judge.read(judgement, &[&response])?.steps)
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
        let Some((truth, count)) = known(gold) else { return Verdict::Wrong };
        match self.said(truth, count, judgement) {
            Err(_) => Verdict::Unanswered,
            Ok(said) if truth.holds(&said) => Verdict::Right,
            Ok(_) => Verdict::Wrong,
        }
    }

    fn credit(&self, _: &str, gold: &str, judgement: &str) -> f64 {
        let Some((truth, count)) = known(gold) else { return 0.0 };
        truth.credit(self.said(truth, count, judgement).ok().as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preference(responses: usize, best: usize) -> Preference {
        let responses = (0..responses).map(|place| format!("answer {place}")).collect();
        Preference {
            prompt: "2 + 2?".into(),
            responses,
            best,
            subset: None,
            reference: None,
            worth: None,
        }
    }

    fn judging(name: &str) -> Judging {
        Judging::of(Judge::published(name).expect(name)).expect(name)
    }

    #[test]
    fn the_best_stands_at_every_place_and_is_known_there() {
        let judging = judging("deepseek-grm");
        let mut places = [0; 3];
        for seed in 0..300 {
            let lesson = judging.lesson(&preference(3, 1), seed).expect("a lesson");
            let mut shown = lesson.shown.clone();
            let Truth::Best(place) = lesson.truth else { panic!("{:?}", lesson.truth) };
            assert_eq!(lesson.shown[place], 1);
            places[place] += 1;
            // Each response is shown once, in this order.
            let text = lesson.prompt.question();
            let at = |place: usize| text.find(&format!("answer {place}")).expect("shown");
            assert!(shown.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{shown:?}");
            shown.sort_unstable();
            assert_eq!(shown, [0, 1, 2]);
            // The problem knows what the lesson knows.
            assert_eq!(known(&lesson.problem().gold), Some((lesson.truth, 3)));
        }
        assert!(places.iter().all(|&count| (70..130).contains(&count)), "{places:?}");
    }

    #[test]
    fn one_response_is_the_best_or_not_by_a_coin() {
        let judging = judging("deepseek-grm-single");
        let mut best = 0;
        for seed in 0..200 {
            let lesson = judging.lesson(&preference(4, 2), seed).expect("a lesson");
            let [shown] = lesson.shown[..] else { panic!("{:?}", lesson.shown) };
            assert_eq!(lesson.truth, Truth::Label(if shown == 2 { 1.0 } else { 0.0 }));
            best += usize::from(shown == 2);
            let gold = lesson.problem().gold;
            let verdict = |text: &str| judging.verdict("", &gold, text);
            let (right, wrong) = if shown == 2 {
                ("\\boxed{1}", "\\boxed{0}")
            } else {
                ("\\boxed{0}", "\\boxed{1}")
            };
            assert_eq!([verdict(right), verdict(wrong)], [Verdict::Right, Verdict::Wrong]);
        }
        assert!((70..130).contains(&best), "{best}");
    }

    #[test]
    fn verdicts_answers_and_rewards_agree() {
        let named = judging;
        let judging = named("deepseek-grm");
        for (text, gold, expected) in [
            ("\\boxed{7, 8}", "response 2 of 2", Verdict::Right),
            ("\\boxed{8, 7}", "response 2 of 2", Verdict::Wrong),
            ("\\boxed{8, 8}", "response 2 of 2", Verdict::Wrong),
            ("\\boxed{8, 7, 9}", "response 2 of 2", Verdict::Unanswered),
            ("\\boxed{8, 11}", "response 2 of 2", Verdict::Unanswered),
            ("", "response 2 of 2", Verdict::Unanswered),
            ("\\boxed{1, 2, 9}", "response 3 of 3", Verdict::Right),
            ("\\boxed{7, 8}", "response 3 of 2", Verdict::Wrong),
            ("\\boxed{7, 8}", "response 0 of 2", Verdict::Wrong),
        ] {
            assert_eq!(judging.verdict("", gold, text), expected, "{text} {gold}");
            let answer = judging.answer(text);
            if let (Some(answer), Verdict::Right | Verdict::Wrong) = (&answer, expected) {
                assert_eq!(judging.same(gold, answer), expected.is_right(), "{text} {gold}");
            }
        }
        let answer = |text: &str| judging.answer(text);
        assert_eq!(answer("\\boxed{7, 8}").as_deref(), Some("response 2"));
        assert_eq!(answer("\\boxed{1, 9}"), answer("\\boxed{7, 8}"), "the same first");
        assert_eq!(answer("\\boxed{8, 3, 8}").as_deref(), Some("responses 1, 3"));
        assert_eq!(answer("nothing"), None);
        assert!(
            judging.same("response 2", "response 2") && !judging.same("response 2", "response 1")
        );
        // A judge that names the best of three.
        let best = named("deepseek-judge");
        for (text, gold) in [("\\boxed{2}", "response 2 of 3"), ("\\boxed{1}", "response 1 of 3")] {
            assert_eq!(best.verdict("", gold, text), Verdict::Right);
            assert!(best.same(gold, &best.answer(text).expect("one")), "{text}");
        }
    }

    #[test]
    fn a_judge_that_does_not_write_its_judgement_is_refused() {
        for (name, expected) in [
            ("genrm", "probability"),
            ("thinkprm", "probability"),
            ("genprm", "steps"),
            ("score", "expected 0 to 1"),
        ] {
            let Ok(judge) = Judge::published(name) else { panic!("{name}") };
            let error = Judging::of(judge).expect_err(name);
            assert!(error.contains(expected), "{name}: {error}");
        }
        let alone = judging("pairwise").lesson(&preference(1, 0), 1).expect_err("one response");
        assert!(alone.to_string().contains("expected two or more"), "{alone}");
        let broken = Judge { max_tokens: 0, ..Judge::default() };
        assert!(Judging::of(broken).expect_err("no tokens").contains("max_tokens"));
    }

    #[test]
    fn grades_are_worth_what_they_are_near() {
        let judge = Judge::published("score").expect("known");
        assert!(
            Judging::of(judge.clone()).expect_err("of preferences").contains("expected 0 to 1")
        );
        let judging = Judging::of_labels(judge).expect("of labels");
        let graded = |label| Graded {
            prompt: "Prove it.".into(),
            response: "It is so.".into(),
            label,
            subset: None,
            reference: Some("By induction.".into()),
        };
        let lesson = judging.lesson_of(&graded(5.5)).expect("a lesson");
        assert!(lesson.prompt.question().contains("By induction."));
        let problem = lesson.problem();
        assert_eq!(known(&problem.gold), Some((Truth::Near { label: 5.5, width: 9.0 }, 1)));
        for (text, verdict, credit) in [
            ("{\"score\": 5.5}", Verdict::Right, 1.0),
            ("{\"score\": 10}", Verdict::Wrong, 0.5),
            ("{\"score\": 1}", Verdict::Wrong, 0.5),
            ("{\"score\": 11}", Verdict::Unanswered, 0.0),
            ("", Verdict::Unanswered, 0.0),
        ] {
            assert_eq!(judging.verdict("", &problem.gold, text), verdict, "{text}");
            let found = judging.credit("", &problem.gold, text);
            assert!((found - credit).abs() < 1e-12, "{text}: {found}");
        }
        let answer = judging.answer("{\"score\": 5.5}").expect("one");
        assert!(judging.same(&problem.gold, &answer));
        let error = judging.lesson_of(&graded(0.5)).expect_err("not on its scale").to_string();
        assert!(error.contains("0.5, expected a score from 1 to 10"), "{error}");
        assert!(judging.lesson_of_steps(&steps(2, None)).is_err(), "it judges no steps");
    }

    fn steps(count: usize, first_error: Option<usize>) -> StepCase {
        let steps = (0..count).map(|step| format!("line {step}\n")).collect();
        StepCase { prompt: "A sum.".into(), steps, first_error, subset: None }
    }

    #[test]
    fn of_steps_every_verdict_up_to_the_first_error_has_to_be_right() {
        let judging = Judging::of_labels(Judge::published("steps").expect("known")).expect("fits");
        let boxes = |verdicts: &[bool]| -> String {
            let word =
                |&right: &bool| if right { "\\boxed{correct} " } else { "\\boxed{incorrect} " };
            verdicts.iter().map(word).collect()
        };
        let (good, bad) = (true, false);
        for (first, verdicts, expected) in [
            (Some(1), &[good, bad][..], Verdict::Right),
            (Some(1), &[good, bad, good], Verdict::Right),
            (Some(1), &[bad], Verdict::Wrong),
            (Some(1), &[good, good, bad], Verdict::Wrong),
            (Some(1), &[good, good, good], Verdict::Wrong),
            (Some(1), &[good, good], Verdict::Unanswered),
            (Some(1), &[], Verdict::Unanswered),
            (None, &[good, good, good], Verdict::Right),
            (None, &[good, bad], Verdict::Wrong),
        ] {
            let lesson = judging.lesson_of_steps(&steps(3, first)).expect("a lesson");
            let gold = lesson.problem().gold;
            assert_eq!(known(&gold), Some((Truth::Steps(first), 3)));
            let text = boxes(verdicts);
            assert_eq!(judging.verdict("", &gold, &text), expected, "{first:?} {text}");
            let credit = judging.credit("", &gold, &text);
            assert!((credit - f64::from(u8::from(expected.is_right()))).abs() < 1e-12, "{text}");
            if let (Some(answer), Verdict::Right | Verdict::Wrong) =
                (judging.answer(&text), expected)
            {
                assert_eq!(judging.same(&gold, &answer), expected.is_right(), "{gold} {answer}");
            }
        }
        // Two that see the same first error answer the same.
        assert_eq!(
            judging.answer(&boxes(&[good, bad])),
            judging.answer(&boxes(&[good, bad, good]))
        );
        for name in ["genprm", "thinkprm-steps"] {
            assert!(Judging::of_labels(Judge::published(name).expect(name)).is_err(), "{name}");
        }
        assert!(judging.lesson_of_steps(&steps(2, Some(2))).is_err(), "no such step");
        assert_eq!(known("error in step 3 of 2"), None);
    }
}
