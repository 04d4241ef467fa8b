//! Scorers on files: what a reward model, a rule, or any scorer of texts says of responses, without a search.
//!
//! A response is a path of one step, or of as many as its text is cut into, and its score that of the path: scores of steps
//! come together as the scorer's scale says, as they do where a search ranks. Scorers read texts here; one that reads the token
//! ids of a vocabulary has none to read. A path that cannot be judged is refused where the scorer says so, and ends the rest
//! where it fails: the error names the item, whatever it was judged beside.
//!
//! Source: Lambert et al. 2024, "`RewardBench`" (arXiv 2403.13787), section 4: a classifier is right where it gives the chosen
//! response the higher score.

use std::ops::ControlFlow;
use std::sync::Arc;

use tts_core::{
    Aggregate, BoxError, NodeId, Prompt, Scored, SearchErrorKind, Step, StepScorer, Trajectory,
};

use super::super::ballot::{Ballot, Judgement};
use super::ended::Ended;
use super::preference::Preference;
use super::report::Ruling;

/// Items that a scorer is given at once.
const BATCH: usize = 16;

/// A path of these texts as steps.
pub(super) fn trajectory(prompt: &Prompt, steps: &[String]) -> Trajectory {
    let step = |text: &String| Arc::new(Step { text: text.clone(), ..Step::default() });
    let steps: Vec<Arc<Step>> = steps.iter().map(step).collect();
    let count = steps.len();
    Trajectory::new(Arc::new(prompt.clone()), steps, count, true)
}

/// What a scorer says of the paths of each item; `None` of those that it was not asked about.
type AllScored = Vec<Option<Vec<Scored>>>;

/// Has a scorer judge the paths of each item, and tells `done` how many items it has judged, and how many tokens it says that it
/// has read for them.
pub(super) fn score_paths(
    scorer: &dyn StepScorer,
    items: &[Vec<Trajectory>],
    mut done: impl FnMut(usize, u64) -> ControlFlow<()>,
) -> Result<AllScored, Ended<AllScored>> {
    let mut all: AllScored = vec![None; items.len()];
    let failed = |item: Option<usize>, error: BoxError, found: AllScored| {
        let source = Box::new(SearchErrorKind::Scorer(error).into());
        Err(Ended { item, found: Box::new(found), source })
    };
    if scorer.vocabulary().is_some() {
        let problem =
            "it reads token ids, and texts of a file have none: expected one that reads texts";
        return failed(None, problem.into(), all);
    }
    let mut read = 0_u64;
    for (batch, some) in items.chunks(BATCH).enumerate() {
        let first = batch * BATCH;
        match score(scorer, &some.concat()) {
            Ok(scored) => {
                let mut scored = scored.into_iter();
                for (place, paths) in some.iter().enumerate() {
                    all[first + place] = Some(scored.by_ref().take(paths.len()).collect());
                }
            }
            // By itself each says whether it is at fault.
            Err(_) => {
                for (place, paths) in some.iter().enumerate() {
                    match score(scorer, paths) {
                        Ok(scored) => all[first + place] = Some(scored),
                        Err(error) => return failed(Some(first + place), error, all),
                    }
                }
            }
        }
        let own = all[first..first + some.len()].iter().flatten().flatten();
        read += own.map(|scored| scored.reads.map_or(0, |reads| reads.tokens)).sum::<u64>();
        if done((first + some.len()).min(items.len()), read).is_break() {
            break;
        }
    }
    Ok(all)
}

/// The scores of a batch, one of each path.
fn score(scorer: &dyn StepScorer, paths: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
    let scored = scorer.score(paths)?;
    if scored.len() == paths.len() {
        return Ok(scored);
    }
    Err(format!("it judged {} of {} texts", scored.len(), paths.len()).into())
}

/// A text in steps, each with the text that ends it; one step where none of these texts is in it. A step holds some text besides
/// white space.
///
/// ```
/// use tts_prm::critic::assess::steps_of;
/// let blank = ["\n\n".to_owned()];
/// assert_eq!(steps_of("One.\n\nTwo.", &blank), ["One.\n\n", "Two."]);
/// assert_eq!(steps_of("One.\n\n\n\nTwo.\n\n", &blank), ["One.\n\n", "\n\nTwo.\n\n"]);
/// assert_eq!(steps_of("One.\n\nTwo.", &[]), ["One.\n\nTwo."]);
/// ```
pub fn steps_of(text: &str, delimiters: &[String]) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let mut step = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let ends = delimiters.iter().filter(|delimiter| !delimiter.is_empty());
        let end = ends.filter_map(|delimiter| Some(rest.find(&**delimiter)? + delimiter.len()));
        let (own, behind) = rest.split_at(end.min().unwrap_or(rest.len()));
        step.push_str(own);
        rest = behind;
        if !step.trim().is_empty() {
            steps.push(std::mem::take(&mut step));
        }
    }
    match steps.last_mut() {
        Some(last) => last.push_str(&step),
        None => steps.push(step),
    }
    steps
}

/// Has a scorer judge the responses of preferences, cut into steps where one of `delimiters` ends (none: a response is one step),
/// and tells `done` how many items it has judged, and how many tokens it says that it has read for them.
/// [`super::Assessment::of_scores`] tells what comes of it.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::StepScorer;
/// use tts_prm::Arithmetic;
/// use tts_prm::critic::{Assessment, Preference, score_preferences};
/// let pair = r#"{"prompt": {"text": "Add."}, "responses": ["2 + 2 = 5", "2 + 2 = 4"], "best": 1}"#;
/// let pairs: Vec<Preference> = vec![serde_json::from_str(pair)?];
/// let go_on = |_, _| ControlFlow::Continue(());
/// let rulings = score_preferences(&Arithmetic, &pairs, &[], go_on)?;
/// let found = Assessment::of_scores(Arithmetic.scale().unit, &pairs, &rulings, 7)?;
/// assert_eq!((found.accuracy.mean, found.judgements), (1.0, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When it reads token ids, before anything is judged; or when it fails, with the rulings that were made: the error names the
/// item.
pub fn score_preferences(
    scorer: &dyn StepScorer,
    preferences: &[Preference],
    delimiters: &[String],
    done: impl FnMut(usize, u64) -> ControlFlow<()>,
) -> Result<Vec<Option<Ruling>>, Ended<Vec<Option<Ruling>>>> {
    let aggregate = scorer.scale().resolve(Aggregate::ByScale);
    let item = |preference: &Preference| {
        let responses = preference.responses.iter();
        responses.map(|text| trajectory(&preference.prompt, &steps_of(text, delimiters))).collect()
    };
    let items: Vec<Vec<Trajectory>> = preferences.iter().map(item).collect();
    let (scored, ended) = Ended::apart(score_paths(scorer, &items, done));
    let of_item = |(paths, scored): (&Vec<Trajectory>, Option<Vec<Scored>>)| {
        let scored = scored?;
        let ballot = Ballot { responses: paths.len(), ..Ballot::default() };
        let mut ruling = Ruling { ballot, ..Ruling::default() };
        for (place, (path, scored)) in paths.iter().zip(scored).enumerate() {
            match value(aggregate, path.len(), scored) {
                Ok(score) => ruling.ballot.judgements.push(Judgement {
                    node: NodeId::ROOT,
                    sample: 0,
                    shown: vec![place],
                    scores: vec![score],
                    steps: Vec::new(),
                    meta: f64::NEG_INFINITY,
                }),
                Err(why) => {
                    ruling.ballot.refused += 1;
                    ruling.reasons.push(why);
                }
            }
        }
        Some(ruling)
    };
    Ended::join(ended, items.iter().zip(scored).map(of_item).collect())
}

/// What the scores of so many steps come to, or why there is nothing.
fn value(aggregate: Aggregate, steps: usize, scored: Scored) -> Result<f64, String> {
    let Scored { scores, refused, .. } = scored;
    if let Some(why) = refused {
        return Err(why);
    }
    let found = aggregate.apply(scores.iter().copied()).filter(|value| value.is_finite());
    found.ok_or_else(|| format!("{} scores of {steps} steps, and no number of them", scores.len()))
}

#[cfg(test)]
mod tests {
    use tts_core::{Scale, Unit, scorer};

    use super::super::Assessment;
    use super::*;

    fn pairs(count: usize) -> Vec<Preference> {
        let pair = |number: usize| Preference {
            prompt: format!("q{number}").into(),
            responses: vec!["a".repeat(number + 1), "b".into()],
            best: number % 2,
            subset: None,
            reference: None,
            worth: None,
        };
        (0..count).map(pair).collect()
    }

    fn on(_: usize, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// It likes what is long.
    struct Long;

    impl StepScorer for Long {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            let one = |path: &Trajectory| {
                let own = path.fresh_steps().iter().map(|step| step.text.len() as f64);
                let scored = Scored::of(own.collect());
                if path.asked().question() == "q2" {
                    return Scored { refused: Some("too odd".into()), ..scored };
                }
                scored
            };
            if batch.iter().any(|path| path.asked().question() == "q21") {
                return Err("cannot read it".into());
            }
            Ok(batch.iter().map(one).collect())
        }

        fn scale(&self) -> Scale {
            Scale::REWARD
        }
    }

    #[test]
    fn scores_beyond_one_choose_and_what_is_refused_abstains() {
        let pairs = pairs(4);
        let rulings = score_preferences(&Long, &pairs, &[], on).expect("judged");
        let found = Assessment::of_scores(Unit::Reward, &pairs, &rulings, 1).expect("figures");
        // A tie; the other longer and the shorter best; refused; the other longer again.
        assert!((found.accuracy.mean - (0.5 + 0.0 + 0.5 + 0.0) / 4.0).abs() < 1e-12, "{found:?}");
        assert_eq!((found.judgements, found.refused, found.abstained, found.ties), (6, 2, 1, 1));
        assert_eq!(found.reasons["too odd"], 2);
        assert!(found.calibration.is_none() && found.votes.is_empty() && found.position.is_none());
    }

    #[test]
    fn a_text_that_cannot_be_read_is_named_by_its_item() {
        let all = pairs(24);
        let ended = score_preferences(&Long, &all, &[], on).expect_err("one cannot be read");
        assert_eq!(ended.item, Some(21));
        assert_eq!(ended.to_string(), "item 21: scorer: cannot read it");
        let heard: Vec<usize> = (0..24).filter(|&item| ended.found[item].is_some()).collect();
        assert_eq!(heard, (0..21).collect::<Vec<_>>(), "what was judged before it is kept");
        // Stopped behind the first sixteen.
        let few = score_preferences(&Long, &all, &[], |_, _| ControlFlow::Break(()));
        assert_eq!(few.expect("judged").iter().flatten().count(), 16);
    }

    #[test]
    fn probabilities_that_are_all_but_one_are_no_ties() {
        let pair = &pairs(1)[..];
        let sure =
            scorer::from_fn(|_, step| if step.text == "a" { 1.0 - 1e-12 } else { 1.0 - 2e-12 });
        let rulings = score_preferences(&sure.with_scale(Scale::PREFIX), pair, &[], on);
        let rulings = rulings.expect("judged");
        let found = Assessment::of_scores(Unit::Probability, pair, &rulings, 1).expect("figures");
        assert_eq!((found.ties, found.abstained), (0, 0));
        assert!(found.accuracy.mean > 0.9, "{found:?}");
    }

    #[test]
    fn steps_of_a_response_come_together_as_the_scale_says() {
        let text = "half\n\nhalf\n\nwhole.";
        let own = Preference { responses: vec![text.into(), "half".into()], ..pairs(1).remove(0) };
        let half = scorer::from_fn(|_, step| if step.text.contains("whole") { 1.0 } else { 0.5 });
        let half = half.with_scale(Scale::STEP);
        for (delimiters, expected) in [(vec!["\n\n".to_owned()], 0.25), (Vec::new(), 1.0)] {
            let one = std::slice::from_ref(&own);
            let rulings = score_preferences(&half, one, &delimiters, on).expect("judged");
            let ballot = &rulings[0].as_ref().expect("judged").ballot;
            assert!((ballot.judgements[0].scores[0] - expected).abs() < 1e-12, "{ballot:?}");
        }
    }
}
