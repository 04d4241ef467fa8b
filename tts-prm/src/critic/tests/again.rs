//! Judges that check again what they wrote.

use tts_core::toy::{Sample, ToyWorld, Voice};
use tts_core::{
    BoxError, Outcome, Prompt, Scale, Scored, Search, StepRule, StepScorer, Trajectory,
};

use super::super::{By, Judge, Judged, Jury, Meta};
use super::by;
use super::searches::best;

/// The words that a look of these tests begins with.
const AGAIN: &str = "\nAgain: ";

/// Of five steps.
const RIGHT: &str =
    "\\boxed{correct} \\boxed{correct} \\boxed{correct} \\boxed{correct} \\boxed{correct}";

fn judge(name: &str, looks: usize) -> Judge {
    let judge = by(Judge::published(name).expect("known"), &By::Word);
    Judge { again: vec![AGAIN.to_owned(); looks], ..judge }
}

/// Says one thing after the other, a look each; behind a cue, `yes`.
fn saying(looks: &'static [&'static str]) -> Voice {
    Voice::new(move |_: &Prompt, so_far: &str, _| {
        if so_far.ends_with("correct (Yes/No)?") || so_far.ends_with("solution correct? ") {
            return if so_far.contains("slip") { "no" } else { "yes" };
        }
        looks.get(so_far.matches(AGAIN).count()).copied().unwrap_or("?")
    })
}

fn run(voice: &Voice, jury: Jury) -> Outcome {
    let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
    let search = Search::new(world).role("judge", voice).scorer_named("meta", &Length);
    let search = search.rule(StepRule::lines()).seed(3);
    search.run(best(1, jury), world.prompt(0)).expect("runs")
}

fn value(outcome: &Outcome) -> Option<f64> {
    outcome.tree[outcome.best.expect("a sample")].value
}

fn lines(outcome: &Outcome) -> u64 {
    outcome.tree.cost_by_role()["judge"].samples
}

/// How many bytes it reads.
struct Length;

impl StepScorer for Length {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let score = |path: &Trajectory| {
            Scored::of(vec![path.text().len() as f64; path.fresh_steps().len()])
        };
        Ok(batch.iter().map(score).collect())
    }

    fn scale(&self) -> Scale {
        Scale::REWARD
    }
}

#[test]
fn the_last_look_counts() {
    let voice = saying(&["Well. {\"score\": 2}", "No, fine. {\"score\": 8}", "Hm. {\"score\": 6}"]);
    let scored = |looks| {
        let outcome = run(&voice, Jury::of(judge("score", looks), 3));
        assert!(outcome.unscored.is_empty(), "{:?}", outcome.unscored);
        // A line for each sample and each look.
        assert_eq!(lines(&outcome), 3 * (1 + looks as u64));
        value(&outcome).map(|value| (9.0 * value).round() + 1.0)
    };
    assert_eq!([0, 1, 2].map(scored), [Some(2.0), Some(8.0), Some(6.0)]);
    // Tokens of the first look are paid for once, and stand before the second.
    let tokens = |looks| {
        let outcome = run(&voice, Jury::of(judge("score", looks), 1));
        outcome.tree.cost_by_role()["judge"].generated_tokens
    };
    let second = "No, fine. {\"score\": 8}".len() as u64;
    // Its end is a token, too.
    assert_eq!(tokens(1) - tokens(0), second + 1);
}

#[test]
fn without_further_looks_nothing_changes() {
    let voice = saying(&["{\"score\": 2}"]);
    let plain = by(Judge::published("score").expect("known"), &By::Word);
    let (one, other) =
        (run(&voice, Jury::of(plain.clone(), 2)), run(&voice, Jury::of(judge("score", 0), 2)));
    assert!(one.tree == other.tree);
    let json = serde_json::to_string(&plain).expect("JSON");
    assert!(!json.contains("again"), "{json}");
}

#[test]
fn a_look_that_says_nothing_leaves_what_was_said() {
    let found = |looks: &'static [&'static str]| {
        let outcome = run(&saying(looks), Jury::of(judge("thinkprm-steps", 1), 1));
        let why = outcome.unscored.first().map(|unread| unread.why.clone());
        (value(&outcome), why)
    };
    assert_eq!(found(&[RIGHT, "It all holds."]), (Some(1.0), None));
    // A judge of steps that says something of them again says all of it again.
    assert_eq!(found(&[RIGHT, "\\boxed{correct} \\boxed{incorrect}"]), (Some(0.0), None));
    let (none, why) = found(&[RIGHT, "\\boxed{correct}"]);
    assert_eq!(none, None);
    assert!(why.is_some_and(|why| why.starts_with("1 judged steps in the judgement, expected 5")));
}

#[test]
fn a_decision_stands_behind_the_last_look() {
    let voice = saying(&["All holds.", "No, a slip in the second line."]);
    for (looks, expected) in [(0, 1.0), (1, 0.0)] {
        let outcome = run(&voice, Jury::of(judge("genrm-cot", looks), 2));
        assert!(outcome.unscored.is_empty(), "{:?}", outcome.unscored);
        assert_eq!(value(&outcome).map(f64::round), Some(expected));
        assert_eq!(lines(&outcome), 2 * (2 + looks as u64));
    }
}

#[test]
fn turns_are_looked_at_again_each() {
    let voice = saying(&["\\boxed{Yes}", "I passed over a slip. \\boxed{No}"]);
    let outcome = run(&voice, Jury::of(judge("genprm", 1), 1));
    // The first step is wrong at the second look; nothing is asked about the others.
    assert_eq!((value(&outcome), lines(&outcome)), (Some(0.0), 2));
    let outcome = run(&voice, Jury::of(judge("genprm", 0), 1));
    assert_eq!((value(&outcome), lines(&outcome)), (Some(1.0), 5));
}

#[test]
fn a_look_that_was_cut_is_no_last_word() {
    let voice = saying(&["{\"score\": 2}", "Let me see, one line after the other. {\"score\": 8}"]);
    // Room for the first look, and for some of the second: the limit is that of both.
    let short = Judge { max_tokens: 30, ..judge("score", 1) };
    let outcome = run(&voice, Jury::of(short, 2));
    assert_eq!(value(&outcome), None);
    assert_eq!(outcome.unscored.len(), 2);
    assert!(outcome.unscored.iter().all(|unread| unread.why.contains("cut before its end")));
}

#[test]
fn a_scorer_reads_the_last_look_alone() {
    let voice = saying(&["{\"score\": 2}", "Fine. {\"score\": 8}"]);
    let jury = |looks| {
        let meta = Some(Meta::of("meta", 1));
        Jury { meta, ..Jury::of(judge("score", looks), 2) }
    };
    let (one, two) = (run(&voice, jury(0)), run(&voice, jury(1)));
    let scored = |outcome: &Outcome| {
        let scores = outcome.tree.iter().filter(|(_, node)| node.score.is_some());
        scores.count()
    };
    assert_eq!((scored(&one), scored(&two)), (2, 2));
    assert_eq!(value(&two), Some(7.0 / 9.0));
}

#[test]
fn looks_are_resumed_and_the_same_in_company() {
    let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
    let voice = Voice::new(|_: &Prompt, _, rng| format!("{{\"score\": {}}}", 1 + rng.below(10)));
    let search = || Search::new(world).role("judge", &voice).rule(StepRule::lines()).seed(3);
    let judged = Judged::of(Sample { n: 2 }, Jury::of(judge("score", 2), 2));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let run = || search().record(&path).run(judged.clone(), world.prompt(0)).expect("runs");
    let whole = run();
    let bytes = std::fs::read_to_string(&path).expect("a record");
    for keep in 1..bytes.lines().count() {
        let begun: String = bytes.split_inclusive('\n').take(keep).collect();
        std::fs::write(&path, begun).expect("written");
        assert!(run().tree == whole.tree, "{keep}");
    }
    let together = search().run_many(&judged, (0..3).map(|index| world.prompt(index)));
    let first = together.into_iter().next().expect("three").expect("runs");
    assert!(first.tree == whole.tree);
}

#[test]
fn what_cannot_be_checked_again_is_refused() {
    let empty = Judge { again: vec![String::new()], ..Judge::default() };
    assert!(empty.check().expect_err("empty").contains("an empty text"));
    let at_once = judge("genrm", 1).check().expect_err("at once");
    assert!(at_once.contains("decides at once"), "{at_once}");
    // It would learn words that were put in its mouth.
    let taught = Judge { again: vec![AGAIN.into()], ..judge("deepseek-grm-single", 0) };
    assert!(super::super::Judging::of(taught).expect_err("helped").contains("put in its mouth"));
}
