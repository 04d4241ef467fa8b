//! Rejective fine-tuning: a judge's own attempts at preferences, of which it learns the right ones.
//!
//! ```text
//! item -- 3 judgements -- all right ......... too easy: nothing is kept
//!                      -- some right ........ these are kept
//!                      -- none right -- one with a hint -- right: kept, without the hint in its question
//! ```
//!
//! The attempts may be those of another, stronger judge, which the one that learns is then taught by. What is kept is in the
//! form of fine-tuning data: a question, and what is to be written behind it. All attempts, right and wrong ones, are what a
//! meta-judge learns from: whether a judgement is right ([`attempts`], [`crate::label::LabelledSolution::of_judgement`]).
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), section 3.2, with hinted sampling.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use tts_core::{
    Cost, NodeId, Outcome, Prompt, RunError, Search, SearchError, SearchErrorKind, seed,
};

use super::assess::{Ended, Preference};
use super::lesson::{Judging, Lesson};
use super::read::Refusal;
use super::tuning::Sifted;
use crate::reinforce::Independent;

/// How attempts are made and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rejective {
    /// Judgements of each item.
    pub samples: usize,
    /// Whether items of which no judgement is right are asked about once more, with a hint.
    pub hinted: bool,
    /// Decides in which order each item's responses are shown.
    pub seed: u64,
}

impl Default for Rejective {
    /// Three judgements and no hint: of both kinds, those without were worth more.
    fn default() -> Self {
        Self { samples: 3, hinted: false, seed: 0 }
    }
}

/// A judgement to learn.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The place of the preference.
    pub item: usize,
    /// The question, without a hint.
    pub prompt: Prompt,
    /// What was written.
    pub judgement: String,
    /// Whether its writer had a hint.
    pub hinted: bool,
}

/// A judgement as it was written, without a hint.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The place of the preference.
    pub item: usize,
    /// The question.
    pub prompt: Prompt,
    /// What was written.
    pub judgement: String,
    /// Whether it is right; `None` of one that cannot be read.
    pub right: Option<bool>,
}

/// What became of the attempts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RejectiveReport {
    /// Items that were asked about.
    pub items: usize,
    /// Judgements without a hint.
    pub judgements: usize,
    /// Those of them that could not be read, were cut, or failed.
    pub refused: usize,
    /// Why, and how often.
    pub reasons: BTreeMap<String, usize>,
    /// Those of them that were right.
    pub right: usize,
    /// Items whose judgements were all right, and which nothing is kept of.
    pub easy: usize,
    /// Items whose judgements were all wrong.
    pub hard: usize,
    /// What is kept of judgements without a hint.
    pub kept: usize,
    /// What is kept of those with one.
    pub hinted: usize,
    /// What all of it cost.
    pub cost: Cost,
}

/// What is kept, and what became of all attempts.
type Attempts = (Vec<Kept>, RejectiveReport);

/// The same, with the attempts.
type AllAttempts = (Vec<Kept>, Vec<Attempt>, RejectiveReport);

impl Rejective {
    /// # Errors
    /// When nothing could ever be kept: one judgement and no hint.
    pub fn check(&self) -> Result<(), String> {
        if self.samples == 1 && !self.hinted {
            return Err("samples is 1, and one judgement that is right is all of its item's: expected 2 or more, or hints".into());
        }
        Ok(())
    }
}

/// Judgements as they were written, or why there is none.
type Written = Vec<Result<String, String>>;

/// Has a judge write about each item, and keeps what is right; `done` is told of each search that is done, and may end it: what
/// is in flight is finished then, and nothing more is begun. The judge is the search's policy.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Judge, Judging, Preference, Rejective, rejective};
/// // It prefers the first that it is shown, whatever that is.
/// let judge = Voice::new(|_, _, _| "The first. [[A]]");
/// let judging = Judging::of(Judge::published("pairwise")?)?;
/// let pair = |number: usize| Preference {
///     prompt: format!("{number} + 2?").into(),
///     responses: vec![(number + 2).to_string(), "none".into()],
///     best: 0,
///     subset: None,
///     reference: None,
///     worth: None,
/// };
/// let pairs: Vec<Preference> = (0..40).map(pair).collect();
/// let rejected = Rejective { samples: 2, hinted: false, seed: 7 };
/// let (kept, found) = rejective(&Search::new(&judge), &judging, &pairs, &rejected, || ControlFlow::Continue(()))?;
/// // Where the best stands first all judgements are right, else none: nothing can be learnt.
/// assert!(kept.is_empty());
/// assert_eq!((found.easy + found.hard, found.judgements), (40, 80));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A hinted search is numbered as the first one of its place: a search that keeps records ([`Search::record`]) needs a folder of
/// its own for each call, and none with hints. A [`tts_core::Store`] keeps every line by what it was asked.
///
/// # Errors
/// When nothing could ever be kept (one judgement and no hint), or no item can be asked about; or when a search fails but for
/// want of a single line (that item is refused), with what is kept of the others.
pub fn rejective(
    search: &Search<'_>,
    judging: &Judging,
    preferences: &[Preference],
    settings: &Rejective,
    done: impl FnMut() -> ControlFlow<()>,
) -> Result<Attempts, Ended<Attempts>> {
    if let Err(problem) = settings.check() {
        return Err(Ended::refused(None, problem, Default::default()));
    }
    let ((kept, _, found), ended) =
        Ended::apart(attempts(search, judging, preferences, settings, done));
    Ended::join(ended, (kept, found))
}

/// The same, with all judgements that were written without a hint, right or wrong: what a meta-judge learns from. One judgement of
/// an item is enough for that.
///
/// # Errors
/// As [`rejective`], but for a single judgement.
pub fn attempts(
    search: &Search<'_>,
    judging: &Judging,
    preferences: &[Preference],
    settings: &Rejective,
    mut done: impl FnMut() -> ControlFlow<()>,
) -> Result<AllAttempts, Ended<AllAttempts>> {
    if let Err(problem) = judging.writes_all() {
        return Err(Ended::refused(None, problem, Default::default()));
    }
    let mut first_refusal: Option<Refusal> = None;
    let mut lessons: Vec<(usize, Lesson)> = Vec::new();
    for (item, preference) in preferences.iter().enumerate() {
        let lot = seed::mix(settings.seed, item as u64);
        match judging.lesson(preference, lot) {
            Ok(lesson) => lessons.push((item, lesson)),
            Err(refusal) => {
                first_refusal.get_or_insert(refusal);
            }
        }
    }
    if let (true, Some(refusal)) = (lessons.is_empty(), first_refusal) {
        let problem = format!("no item can be asked about: {refusal}");
        return Err(Ended::refused(None, problem, Default::default()));
    }
    let mut found = RejectiveReport::default();
    let mut begun = true;
    let asked: Vec<&Prompt> = lessons.iter().map(|(_, lesson)| &lesson.prompt).collect();
    let (all, mut ended) =
        written(search, judging, &asked, settings.samples, &mut found.cost, &mut done);
    let item = |place: usize| lessons[place].0;
    ended = ended.map(|ended| Ended { item: ended.item.map(item), ..ended });
    let (mut kept, mut hard, mut all_written) = (Vec::new(), Vec::new(), Vec::new());
    for ((item, lesson), written) in lessons.iter().zip(all) {
        let Some(written) = written else {
            begun = false;
            continue;
        };
        found.items += 1;
        let mut scores: Vec<Option<Vec<f64>>> = Vec::with_capacity(written.len());
        for text in &written {
            let read = text.clone().and_then(|text| {
                judging.scores(&text, lesson.shown.len()).map_err(|refusal| refusal.to_string())
            });
            if let Err(why) = &read {
                *found.reasons.entry(why.clone()).or_default() += 1;
            }
            scores.push(read.ok());
        }
        let is_right = |scores: &Option<Vec<f64>>| lesson.truth.is_right(scores.as_deref());
        for (text, scores) in written.iter().zip(&scores) {
            let Ok(judgement) = text.clone() else { continue };
            let right = scores.is_some().then(|| is_right(scores));
            all_written.push(Attempt {
                item: *item,
                prompt: lesson.prompt.clone(),
                judgement,
                right,
            });
        }
        let sifted = Sifted::of(&scores.iter().map(is_right).collect::<Vec<_>>(), false);
        found.judgements += scores.len();
        found.refused += scores.iter().filter(|scores| scores.is_none()).count();
        found.right += sifted.right;
        found.easy += usize::from(sifted.easy);
        if sifted.hard {
            found.hard += 1;
            hard.push((*item, lesson));
        }
        for place in sifted.kept {
            let Ok(judgement) = written[place].clone() else { continue };
            found.kept += 1;
            kept.push(Kept {
                item: *item,
                prompt: lesson.prompt.clone(),
                judgement,
                hinted: false,
            });
        }
    }
    if settings.hinted && begun && ended.is_none() {
        let hints: Vec<Prompt> = hard
            .iter()
            .map(|(_, lesson)| lesson.truth.hinted(&lesson.prompt, &lesson_order(lesson)))
            .collect();
        let asked: Vec<&Prompt> = hints.iter().collect();
        let (all, hints_ended) = written(search, judging, &asked, 1, &mut found.cost, &mut done);
        let item = |place: usize| hard[place].0;
        ended = hints_ended.map(|ended| Ended { item: ended.item.map(item), ..ended });
        for ((item, lesson), written) in hard.into_iter().zip(all) {
            let Some(judgement) = written.into_iter().flatten().flatten().next() else { continue };
            let scores = judging.scores(&judgement, lesson.shown.len()).ok();
            if lesson.truth.is_right(scores.as_deref()) {
                found.hinted += 1;
                kept.push(Kept { item, prompt: lesson.prompt.clone(), judgement, hinted: true });
            }
        }
        kept.sort_by_key(|kept| kept.item);
    }
    Ended::join(ended, (kept, all_written, found))
}

/// A lesson's truth is by places as they are shown.
fn lesson_order(lesson: &Lesson) -> Vec<usize> {
    (0..lesson.shown.len()).collect()
}

/// What is written behind each question, `None` of one that was not begun any more, and what ended it before its time.
fn written(
    search: &Search<'_>,
    judging: &Judging,
    asked: &[&Prompt],
    samples: usize,
    cost: &mut Cost,
    done: &mut impl FnMut() -> ControlFlow<()>,
) -> (Vec<Option<Written>>, Option<Ended<()>>) {
    let judge = judging.judge();
    let search = search.clone().rule(judging.rule()).sampling(judge.sampling).task(judging.clone());
    let asked = asked.iter().enumerate();
    let problems =
        asked.map(|(place, &prompt)| (place, Independent { n: samples }, prompt.clone()));
    let mut all: Vec<Option<Written>> = vec![None; problems.len()];
    let (goes_on, mut ended) = (Cell::new(true), None);
    search.run_while(
        problems,
        || goes_on.get(),
        |place, outcome| {
            let (texts, spent) = match outcome {
                Ok(outcome) => (texts(&outcome, samples), outcome.usage.logical),
                // Of an item whose lines all failed nothing was written; the others are no worse for it.
                Err(SearchError {
                    kind: SearchErrorKind::Run(RunError::AllLinesFailed { error, .. }),
                    partial,
                }) => {
                    let spent = partial.map(|partial| partial.usage.logical).unwrap_or_default();
                    (vec![Err(Refusal::failed(&error)); samples], spent)
                }
                Err(error) => {
                    let (item, source) = (Some(place), Box::new(error));
                    ended.get_or_insert(Ended { item, found: Box::new(()), source });
                    goes_on.set(false);
                    return ControlFlow::Continue(());
                }
            };
            *cost += spent;
            all[place] = Some(texts);
            // What is in flight is finished: it was paid for.
            goes_on.set(goes_on.get() && done().is_continue());
            ControlFlow::Continue(())
        },
    );
    (all, ended)
}

/// The lines of an outcome; what was cut or failed is an attempt, too.
fn texts(outcome: &Outcome, samples: usize) -> Written {
    let tree = &outcome.tree;
    let text = |&first: &NodeId| {
        let line = std::iter::successors(Some(first), |&id| tree[id].children.first().copied());
        let end = line.last().filter(|&end| tree[end].is_finished());
        end.map(|end| tree.text(end)).ok_or_else(|| Refusal::Cut.to_string())
    };
    let mut texts: Written = tree[NodeId::ROOT].children.iter().map(text).collect();
    texts.extend(outcome.failed.iter().map(|failed| Err(Refusal::failed(&failed.error))));
    texts.resize(samples, Err(Refusal::Failed.to_string()));
    texts
}

#[cfg(test)]
mod tests {
    use tts_core::toy::Voice;
    use tts_core::{BoxError, Generated, Generator, LineError, Request};

    use super::super::judge::Judge;
    use super::*;

    fn pairs(count: usize) -> Vec<Preference> {
        let pair = |number: usize| Preference {
            prompt: format!("question {number}").into(),
            responses: vec!["good".into(), "bad".into()],
            best: 0,
            subset: None,
            reference: None,
            worth: None,
        };
        (0..count).map(pair).collect()
    }

    /// Says of question `n` what `n % 4` decides: always right, right by its seed, always wrong but with a hint, nothing that
    /// can be read.
    fn voice() -> Voice {
        Voice::new(|asked, _, rng| {
            let text = asked.question();
            let number = text.split("question ").nth(1).and_then(|rest| {
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
            });
            let good_first = text.find("good") < text.find("bad");
            let right = if good_first { "\\boxed{9, 1}" } else { "\\boxed{1, 9}" };
            let wrong = if good_first { "\\boxed{1, 9}" } else { "\\boxed{9, 1}" };
            match number.unwrap_or(0) % 4 {
                0 => right.to_owned(),
                1 => (if rng.uniform() < 0.5 { right } else { wrong }).to_owned(),
                2 => (if text.contains("The best response is") { right } else { wrong }).to_owned(),
                _ => "I cannot say.".to_owned(),
            }
        })
    }

    #[test]
    fn what_is_kept_is_right_of_items_that_are_neither_too_easy_nor_hidden() {
        let judge = voice();
        let judging = Judging::of(Judge::published("deepseek-grm").expect("known")).expect("fits");
        let pairs = pairs(40);
        let search = Search::new(&judge).seed(3);
        let settings = Rejective { samples: 4, hinted: true, seed: 5 };
        let mut searches = 0;
        let (kept, found) = rejective(&search, &judging, &pairs, &settings, || {
            searches += 1;
            on()
        })
        .expect("runs");
        assert_eq!((found.items, found.judgements, found.refused), (40, 160, 40));
        let reasons: Vec<(&str, usize)> =
            found.reasons.iter().map(|(why, count)| (why.as_str(), *count)).collect();
        assert!(
            matches!(reasons[..], [(why, 40)] if why.contains("in the judgement")),
            "{reasons:?}"
        );
        // Those of the first kind, and of the second the few that were right by luck each time.
        assert!((10..13).contains(&found.easy), "{found:?}");
        assert!((20..23).contains(&found.hard), "{found:?}");
        assert_eq!((found.hinted, searches), (10, 40 + found.hard));
        assert_eq!(kept.len(), found.kept + found.hinted);
        assert_eq!(found.cost.samples, 160 + found.hard as u64);
        assert!(kept.windows(2).all(|pair| pair[0].item <= pair[1].item));
        for own in &kept {
            assert!(matches!((own.item % 4, own.hinted), (1, false) | (2, true)), "{own:?}");
            assert!(!own.prompt.question().contains("The best response is"), "{own:?}");
            let lesson =
                judging.lesson(&pairs[own.item], seed::mix(5, own.item as u64)).expect("a lesson");
            assert_eq!(lesson.prompt, own.prompt);
            assert!(lesson.truth.holds(&judging.scores(&own.judgement, 2).expect("scores")));
        }
        // Without hints the same but for them.
        let plain = Rejective { hinted: false, ..settings };
        let (without, found) = rejective(&search, &judging, &pairs, &plain, on).expect("runs");
        let unhinted: Vec<Kept> = kept.into_iter().filter(|kept| !kept.hinted).collect();
        assert_eq!((without, found.hinted), (unhinted, 0));
    }

    #[test]
    fn a_meta_judge_learns_from_right_and_wrong_ones() {
        let judge = voice();
        let judging = Judging::of(Judge::published("deepseek-grm").expect("known")).expect("fits");
        let pairs = pairs(8);
        let search = Search::new(&judge).seed(3);
        let settings = Rejective { samples: 4, hinted: true, seed: 5 };
        let (kept, all, found) = attempts(&search, &judging, &pairs, &settings, on).expect("runs");
        let (same, report) = rejective(&search, &judging, &pairs, &settings, on).expect("runs");
        assert_eq!((&kept, &found), (&same, &report));
        // Those of hints are none of them.
        assert_eq!(all.len(), 32);
        assert!(found.hinted >= 2, "{found:?}");
        let right = |item: usize| -> Vec<Option<bool>> {
            all.iter().filter(|own| own.item == item).map(|own| own.right).collect()
        };
        assert_eq!(right(0), [Some(true); 4]);
        assert_eq!(right(2), [Some(false); 4]);
        assert_eq!(right(3), [None; 4]);
        let all_right = all.iter().filter(|own| own.right == Some(true)).count();
        assert_eq!(all_right, found.right);
        for own in &all {
            assert!(!own.prompt.question().contains("The best response is"), "{own:?}");
        }
        // One judgement each is enough.
        let one = Rejective { samples: 1, hinted: false, seed: 5 };
        let (_, all, _) = attempts(&search, &judging, &pairs, &one, on).expect("runs");
        assert_eq!(all.len(), 8);
        // A tie is wrong.
        let tie = Voice::new(|_, _, _| "\\boxed{5, 5}");
        let (_, all, _) = attempts(&Search::new(&tie), &judging, &pairs, &one, on).expect("runs");
        assert!(all.iter().all(|own| own.right == Some(false)), "{all:?}");
    }

    fn on() -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn what_is_in_flight_is_finished_and_nothing_more_begun() {
        let judge = voice();
        let judging = Judging::of(Judge::published("deepseek-grm").expect("known")).expect("fits");
        let settings = Rejective { samples: 4, hinted: true, seed: 5 };
        let search = Search::new(&judge).seed(3).concurrency(4);
        let pairs = pairs(40);
        let whole = rejective(&search, &judging, &pairs, &settings, on).expect("runs").0;
        let mut left = 10;
        let stop = || {
            left -= 1;
            if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let (kept, found) = rejective(&search, &judging, &pairs, &settings, stop).expect("ends");
        assert!((10..30).contains(&found.items), "{found:?}");
        assert_eq!((found.judgements, found.hinted), (4 * found.items, 0));
        // What is there is what the whole run has of these items.
        let unhinted = whole.into_iter().filter(|kept| !kept.hinted && kept.item < found.items);
        assert_eq!(kept, unhinted.collect::<Vec<Kept>>());
    }

    #[test]
    fn nothing_to_ask_and_no_samples_are_said() {
        let judge = voice();
        let judging = Judging::of(Judge::published("pairwise").expect("known")).expect("fits");
        let search = Search::new(&judge);
        let none = Rejective { samples: 0, ..Rejective::default() };
        let error = rejective(&search, &judging, &pairs(2), &none, on).expect_err("no samples");
        assert!(error.to_string().contains("samples is 0"), "{error}");
        let one = Rejective { samples: 1, ..Rejective::default() };
        let error = rejective(&search, &judging, &pairs(2), &one, on).expect_err("one sample");
        assert!(error.to_string().contains("expected 2 or more, or hints"), "{error}");
        let (kept, found) =
            rejective(&search, &judging, &[], &Rejective::default(), on).expect("nothing");
        assert!(kept.is_empty() && found == RejectiveReport::default());
    }

    /// Fails where it is asked about an even number, and once about question 3.
    struct Fails(Voice);

    impl Generator for Fails {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            let mut all = self.0.generate(batch)?;
            for (request, generated) in batch.iter().zip(&mut all) {
                let text = request.prefix.prompt().question();
                let even = ["question 0", "question 2"].iter().any(|even| text.contains(even));
                let count = if even {
                    generated.lines.len()
                } else {
                    usize::from(text.contains("question 3"))
                };
                for line in generated.lines.iter_mut().take(count) {
                    *line = Err(LineError("too long".into()));
                }
            }
            Ok(all)
        }
    }

    #[test]
    fn an_item_whose_lines_fail_is_refused_and_nothing_else_is_lost() {
        let judge =
            Fails(Voice::new(
                |_, _, rng| {
                    if rng.uniform() < 0.5 { "\\boxed{9, 1}" } else { "\\boxed{1, 9}" }
                },
            ));
        let judging = Judging::of(Judge::published("deepseek-grm").expect("known")).expect("fits");
        let settings = Rejective { samples: 8, hinted: true, seed: 0 };
        let search = Search::new(&judge).seed(1);
        let (kept, found) =
            rejective(&search, &judging, &pairs(4), &settings, on).expect("goes on");
        assert_eq!((found.items, found.judgements, found.refused), (4, 32, 17));
        assert_eq!((found.hard, found.easy, found.hinted), (2, 0, 0));
        let why = "the line of the judgement failed: too long";
        assert_eq!(found.reasons, [(why.to_owned(), 17)].into());
        assert!(!kept.is_empty() && kept.iter().all(|kept| kept.item % 2 == 1), "{kept:?}");
    }
}
