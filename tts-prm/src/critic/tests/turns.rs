//! Judges of steps: verdicts as probabilities, and turns that a search goes on with.

use std::sync::atomic::{AtomicU32, Ordering};

use tts_core::toy::{Sample, ToyWorld, Voice};
use tts_core::{
    BoxError, Completion, Finish, Generated, Generator, LineError, NodeId, NodeKind, Outcome,
    Prompt, Request, Search, Step, StepRule, Tree,
};

use super::super::{By, Judge, Judged, Jury, Reading};
use super::by;
use super::searches::{Greedy, best};

/// Pieces of a text, each of them one token, with how probable it was.
type Pieces = Vec<(String, f64)>;

/// Says what a closure says of a question and a seed, in tokens that are pieces of text, by the step rule of the request.
struct Spoken<F> {
    say: F,
    /// Whether it tells log-probabilities.
    tells: bool,
}

impl<F: Fn(&Prompt, u64) -> Pieces + Send + Sync> Spoken<F> {
    fn line(&self, request: &Request, seed: u64) -> Completion {
        let mut step = Step::default();
        if let Some(begin) = &request.append {
            step = Step { text: begin.clone(), tokens: vec![0], given: 1, ..step };
        }
        let mut steps = Vec::new();
        for (piece, probability) in (self.say)(request.prefix.prompt(), seed) {
            let before = step.text.len();
            step.text.push_str(&piece);
            step.tokens.push(1);
            if self.tells {
                #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
                step.logprobs.push(probability.ln() as f32);
            }
            let ends = |text: &String| {
                step.text.rfind(text.as_str()).is_some_and(|at| at + text.len() > before)
            };
            if request.rule.delimiters.iter().any(ends) {
                steps.push(std::mem::take(&mut step));
            }
        }
        step.tokens.push(2);
        step.closing = 1;
        if self.tells {
            step.logprobs.push(0.0);
        }
        steps.push(step);
        Completion { steps, finish: Finish::Stop, prompt_tokens: 1 }
    }
}

impl<F: Fn(&Prompt, u64) -> Pieces + Send + Sync> Generator for Spoken<F> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let line = |request: &Request, seed| Ok::<_, LineError>(self.line(request, seed));
        Ok(Generated::by_seed(batch, line))
    }
}

/// A verdict as a box of three tokens.
fn verdict(word: &str, probability: f64) -> Pieces {
    [("that is \\boxed{", 1.0), (word, probability), ("}. ", 1.0)]
        .map(|(text, probability)| (text.to_owned(), probability))
        .to_vec()
}

/// Solutions of five lines.
fn world() -> ToyWorld {
    ToyWorld { error: 0.0, ..ToyWorld::default() }
}

fn published(name: &str) -> Judge {
    Judge::published(name).expect("known")
}

/// What the one solution is worth by so many samples, and why others were refused.
fn worth(
    judge: Judge,
    samples: usize,
    tells: bool,
    say: impl Fn(&Prompt, u64) -> Pieces + Send + Sync,
) -> (Option<f64>, Vec<String>) {
    let (world, voice) = (world(), Spoken { say, tells });
    let search = Search::new(world).role("judge", &voice).rule(StepRule::lines()).seed(3);
    let outcome = search.run(best(1, Jury::of(judge, samples)), world.prompt(0)).expect("runs");
    let value = outcome.tree[outcome.best.expect("a sample")].value;
    (value, outcome.unscored.into_iter().map(|unread| unread.why).collect())
}

fn close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-6), "{found:?} {expected}");
}

#[test]
fn a_verdict_is_worth_how_probable_right_was() {
    let steps = published("thinkprm-steps");
    let all = |verdicts: &[(&str, f64)]| -> Pieces {
        verdicts.iter().flat_map(|(word, probability)| verdict(word, *probability)).collect()
    };
    let five = [("correct", 0.9), ("correct", 0.8), ("Correct", 0.95), ("correct", 0.7)];
    let five = [&five[..], &[("correct", 1.0)]].concat();
    let say = |verdicts: Vec<(&'static str, f64)>| move |_: &Prompt, _: u64| all(&verdicts);
    // The least of them.
    close(worth(steps.clone(), 2, true, say(five.clone())).0, 0.7);
    // The third is wrong, with 0.6: right has what is left, and so have the steps behind it.
    let ended = [&five[..2], &[("incorrect", 0.6)]].concat();
    close(worth(steps.clone(), 1, true, say(ended.clone())).0, 0.4);
    let mean = Judge { aggregate: tts_core::Aggregate::Mean, ..steps.clone() };
    close(worth(mean, 1, true, say(ended.clone())).0, (0.9 + 0.8 + 3.0 * 0.4) / 5.0);
    // By word it is 0, whatever the probability.
    close(worth(by(steps.clone(), &By::Word), 1, true, say(ended)).0, 0.0);
    // A box in the prose is no verdict, nor is its probability one.
    let prose = move |_: &Prompt, _: u64| {
        let mut said = verdict("14", 0.1);
        said.extend(all(&five));
        said
    };
    close(worth(steps, 1, true, prose).0, 0.7);
}

#[test]
fn samples_are_averaged_and_turns_have_probabilities_too() {
    let count = AtomicU32::new(0);
    let five = |_: &Prompt, _: u64| -> Pieces {
        let probability = if count.fetch_add(1, Ordering::Relaxed) == 0 { 0.9 } else { 0.6 };
        (0..5).flat_map(|_| verdict("correct", probability)).collect()
    };
    close(worth(published("thinkprm-steps"), 2, true, five).0, 0.75);
    let no = |_: &Prompt, _: u64| verdict("No", 0.8);
    close(worth(published("genprm"), 2, true, no).0, 0.2);
}

#[test]
fn a_verdict_without_a_token_that_is_known_to_begin_it_is_refused() {
    let pieces = |texts: &'static [(&'static str, f64)]| {
        move |_: &Prompt, _: u64| -> Pieces {
            texts.iter().map(|(text, probability)| ((*text).to_owned(), *probability)).collect()
        }
    };
    let genprm = || published("genprm");
    // The brace and the word in one token; a word of several.
    close(worth(genprm(), 1, true, pieces(&[("\\boxed", 1.0), ("{Yes", 0.7), ("}", 0.2)])).0, 0.7);
    let split = pieces(&[("\\boxed{", 0.9), ("Y", 0.6), ("es", 0.3), ("}", 1.0)]);
    close(worth(genprm(), 1, true, split).0, 0.6);
    // Behind words that were put in its mouth.
    let at_once = Judge { begin: "\\boxed{".into(), ..genprm() };
    close(worth(at_once, 1, true, pieces(&[("Yes", 0.65), ("}", 1.0)])).0, 0.65);
    // Behind a space of its own, and where no probabilities are told.
    let spaced: &[(&str, f64)] = &[("\\boxed{", 1.0), (" ", 0.9), ("Yes", 0.6), ("}", 1.0)];
    for (said, tells) in [(spaced, true), (&[("\\boxed{", 1.0), ("Yes}", 1.0)][..], false)] {
        let (value, refused) = worth(genprm(), 1, tells, pieces(said));
        assert_eq!((value, refused.len()), (None, 1));
        assert!(refused[0].contains("log-probability of the first token"), "{refused:?}");
        close(worth(by(genprm(), &By::Word), 1, tells, pieces(said)).0, 1.0);
    }
}

#[test]
fn words_that_begin_alike_are_no_probabilities() {
    let alike = Reading::Steps { right: "yes".into(), wrong: "YET".into(), by: By::Probability };
    assert!(alike.check().expect_err("alike").contains("begin alike"));
    let named = by(published("genprm"), &By::Scorer("yes".into())).check();
    assert!(named.expect_err("no scorer").contains("expected by word or by probability"));
    // What was written before is read as before, and written as before.
    let old = r#"{"steps":{"right":"Yes","wrong":"No"}}"#;
    let reading: Reading = serde_json::from_str(old).expect("read");
    assert_eq!(reading.check(), Ok(()));
    assert_eq!(serde_json::to_string(&reading).expect("JSON"), old);
}

/// Each leaf of a search that a jury judged: how deep it is, and its value.
fn judged(tree: &Tree) -> Vec<(usize, f64)> {
    let nodes = tree.iter().filter(|(_, node)| node.kind == NodeKind::Committed);
    nodes.filter_map(|(id, node)| Some((tree.path(id).len(), node.value?))).collect()
}

#[test]
fn leaves_of_a_round_no_longer_tie() {
    // How sure it is hangs on what the last paragraph says.
    let say = |asked: &Prompt, _: u64| {
        let sum: u32 = asked.question().bytes().map(u32::from).sum();
        verdict("Yes", 0.5 + f64::from(sum % 97) / 200.0)
    };
    let (world, voice) = (ToyWorld { error: 0.5, ..world() }, Spoken { say, tells: true });
    let search = Search::new(world).role("judge", &voice).rule(StepRule::lines()).seed(1);
    let levels = |how: &By| {
        let jury = Jury::of(by(published("genprm"), how), 1);
        let outcome = search.run(Judged::of(Greedy { width: 6 }, jury), world.prompt(0));
        let values = judged(&outcome.expect("runs").tree);
        let bits: std::collections::BTreeSet<u64> =
            values.iter().map(|(_, value)| value.to_bits()).collect();
        bits.len()
    };
    assert_eq!(levels(&By::Word), 1);
    assert!(levels(&By::Probability) > 2);
}

/// A judge of turns that finds the first wrong sum, and errs by chance.
fn adding(noise: f64) -> Voice {
    Voice::new(move |asked: &Prompt, _, rng| {
        let paragraph = asked.question();
        let sound = paragraph.lines().next_back().is_none_or(|line| {
            let Some((left, right)) = line.split_once('=') else { return true };
            let numbers = left.split('+').filter_map(|n| n.trim().parse::<i64>().ok());
            right.trim().parse() == Ok(numbers.sum::<i64>())
        });
        let word = if sound == (rng.uniform() < noise) { "No" } else { "Yes" };
        format!("</analyze>\n<output>\n**Judgement**: $\\boxed{{{word}}}$")
    })
}

fn turns(samples: usize) -> Jury {
    Jury::of(by(published("genprm"), &By::Word), samples)
}

fn search<'a>(world: &'a ToyWorld, judge: &'a Voice) -> Search<'a> {
    Search::new(world).role("judge", judge).rule(StepRule::lines()).seed(3)
}

fn greedy(samples: usize, anew: bool) -> Judged<Greedy> {
    Judged { anew, ..Judged::of(Greedy { width: 4 }, turns(samples)) }
}

fn asked(outcome: &Outcome) -> u64 {
    outcome.tree.cost_by_role()["judge"].samples
}

#[test]
fn only_new_steps_are_asked_about() {
    let (world, judge) = (world(), adding(0.0));
    let run = |anew| search(&world, &judge).run(greedy(3, anew), world.prompt(0)).expect("runs");
    let (grown, anew) = (run(false), run(true));
    // Without noise it says the same, and the same is chosen.
    assert_eq!(judged(&grown.tree), judged(&anew.tree));
    assert_eq!(grown.text(), anew.text());
    assert!(grown.unscored.is_empty() && anew.unscored.is_empty());
    let leaves = judged(&grown.tree);
    assert!(leaves.iter().any(|(depth, _)| *depth > 3), "{leaves:?}");
    assert_eq!(asked(&grown), 3 * leaves.len() as u64);
    assert_eq!(asked(&anew), 3 * leaves.iter().map(|(depth, _)| *depth as u64).sum::<u64>());
}

#[test]
fn what_was_called_wrong_stays_wrong_without_a_word() {
    let world = world();
    // The second paragraph is wrong, it says, whatever it is.
    let judge = Voice::new(|asked: &Prompt, _, _| {
        let Prompt::Chat(turns) = asked else { return "\\boxed{No}" };
        if turns.len() / 2 == 2 { "\\boxed{No}" } else { "\\boxed{Yes}" }
    });
    let outcome = search(&world, &judge).run(greedy(2, false), world.prompt(0)).expect("runs");
    let leaves = judged(&outcome.tree);
    assert!(leaves.iter().any(|(depth, _)| *depth > 3), "{leaves:?}");
    for (depth, value) in leaves {
        assert_eq!(value.to_bits(), f64::from(u8::from(depth < 2)).to_bits(), "{depth}");
    }
    // Two samples for each of four leaves, in the first round and the second.
    assert_eq!(asked(&outcome), 16);
}

#[test]
fn a_turn_that_could_not_be_read_is_asked_for_again() {
    let world = world();
    // It says nothing of the second paragraph the first time that it sees it, a solution of two.
    let judge = Voice::new(|asked: &Prompt, _, rng| {
        let Prompt::Chat(turns) = asked else { return "?".to_owned() };
        let silent = turns.len() / 2 == 2 && rng.uniform() < 0.5;
        if silent { "no idea".to_owned() } else { "\\boxed{Yes}".to_owned() }
    });
    let outcome = search(&world, &judge).run(greedy(2, false), world.prompt(0)).expect("runs");
    let refused = outcome.unscored.len();
    assert!(refused > 0);
    // What was refused is asked once more, with a later leaf; all that was read stands.
    let leaves = judged(&outcome.tree);
    let deep = leaves.iter().filter(|(depth, _)| *depth > 2).count();
    assert!(deep > 0, "{leaves:?}");
    assert!(leaves.iter().all(|(_, value)| value.to_bits() == 1.0_f64.to_bits()), "{leaves:?}");
}

#[test]
fn a_search_is_resumed_between_turns_and_is_the_same_in_company() {
    let (world, judge) = (ToyWorld { error: 0.4, ..world() }, adding(0.2));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let run = || {
        let search = search(&world, &judge).record(&path);
        search.run(greedy(2, false), world.prompt(0)).expect("runs")
    };
    let whole = run();
    let bytes = std::fs::read_to_string(&path).expect("a record");
    let rounds = bytes.lines().count();
    assert!(rounds >= 6, "{rounds}");
    for keep in 1..rounds {
        let begun: String = bytes.split_inclusive('\n').take(keep).collect();
        std::fs::write(&path, begun).expect("written");
        let resumed = run();
        assert_eq!((&resumed.tree, resumed.best), (&whole.tree, whole.best), "{keep}");
        assert_eq!(std::fs::read_to_string(&path).expect("a record"), bytes, "{keep}");
    }
    // One strategy for many problems, and again: nothing is left of what was said before.
    let strategy = greedy(2, false);
    let prompts = || (0..4).map(|index| world.prompt(index));
    let together = search(&world, &judge).run_many(&strategy, prompts());
    for (prompt, outcome) in prompts().zip(together) {
        let alone = search(&world, &judge).run(strategy.clone(), prompt).expect("runs");
        assert!(alone.tree == outcome.expect("runs").tree);
    }
}

#[test]
fn a_path_from_the_root_is_judged_whole() {
    let (world, judge) = (world(), adding(0.0));
    let run = |anew| {
        let judged = Judged { anew, ..Judged::of(Sample { n: 2 }, turns(2)) };
        search(&world, &judge).run(judged, world.prompt(0)).expect("runs")
    };
    let (one, other) = (run(false), run(true));
    assert!(one.tree == other.tree);
    let node = one.best.unwrap_or(NodeId::ROOT);
    assert_eq!(one.tree[node].value.map(f64::to_bits), Some(1.0_f64.to_bits()));
}
