//! Chains and words that are learnt, and what of them.

use tts_core::toy::Voice;

use super::super::read::{Decision, Reading};
use super::super::tests::by;
use super::*;

fn on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn case(steps: &[&str], first_error: Option<usize>) -> StepCase {
    let steps = steps.iter().map(|step| format!("{step}\n")).collect();
    StepCase { prompt: "a sum".into(), steps, first_error, subset: None }
}

fn published(name: &str) -> Judge {
    Judge::published(name).expect(name)
}

/// Calls steps wrong that say so, and one more by its seed.
fn checker() -> Voice {
    Voice::new(|asked, _, rng| {
        let text = asked.question();
        let shown = text.split("[Begin of Solution]").nth(1).unwrap_or("");
        let shown = shown.split("[End of Solution]").next().unwrap_or("");
        let slip = rng.uniform() < 0.4;
        let steps = shown.lines().filter(|line| line.starts_with("Step "));
        let mut said = String::new();
        for (place, line) in steps.enumerate() {
            let wrong = line.contains("wrong") || (slip && place == 0);
            said += "I look. ";
            said += if wrong { "\\boxed{incorrect}\n" } else { "\\boxed{correct}\n" };
        }
        said
    })
}

#[test]
fn chains_are_kept_whose_every_verdict_is_right() {
    let judge = checker();
    let cases = [
        case(&["good", "good", "wrong"], Some(2)),
        case(&["good", "good"], None),
        // It sees the error too early, always.
        case(&["wrong", "good"], Some(1)),
    ];
    let search = Search::new(&judge).seed(5);
    let verify = Verify { samples: 12, easy: true };
    let steps = published("steps");
    let (kept, found) = verified_steps(&search, &steps, &cases, verify, on).expect("runs");
    assert_eq!((found.items, found.judgements + found.refused), (3, 36));
    assert_eq!((found.right, found.kept), (kept.len(), kept.len()));
    assert_eq!((found.hard, found.cost.samples), (1, 36));
    let of = |item: usize| kept.iter().filter(|own| own.item == item).count();
    assert!((3..=11).contains(&of(0)) && (3..=11).contains(&of(1)), "{found:?}");
    for own in &kept {
        let [part] = &own.parts[..] else { panic!("{own:?}") };
        assert!(
            part.learn && !part.text.contains("incorrect}\nI look. \\boxed{incorrect"),
            "{own:?}"
        );
        assert_eq!(part.text.matches("incorrect").count(), usize::from(own.item == 0), "{own:?}");
        assert!(own.prompt.question().contains("Step 2: good"), "{own:?}");
    }
    assert!(kept.windows(2).all(|pair| pair[0].item <= pair[1].item));
    // The same whatever runs beside it.
    let alone = search.clone().concurrency(1);
    let (same, _) = verified_steps(&alone, &steps, &cases, verify, on).expect("runs");
    assert_eq!(same, kept);
    // Where all attempts are right the item may be too easy to learn from.
    let sure = Voice::new(|_, _, _| "\\boxed{correct} \\boxed{correct}");
    let verify = Verify { samples: 3, easy: false };
    let (none, found) =
        verified_steps(&Search::new(&sure), &steps, &cases[1..2], verify, on).expect("runs");
    assert_eq!((none.len(), found.right, found.easy, found.kept), (0, 3, 1, 0));
    let verify = Verify { easy: true, ..verify };
    let (all, _) =
        verified_steps(&Search::new(&sure), &steps, &cases[1..2], verify, on).expect("runs");
    assert_eq!(all.len(), 3);
}

/// A model that checks steps goes on where there is none: it is ended there, is read, and does not learn to go on.
#[test]
fn a_chain_that_goes_on_to_a_step_that_is_not_there_ends_before_it() {
    let judge = Voice::new(
        |_, _, _| "\nStep 1: \\boxed{correct}\nStep 2: \\boxed{correct}\nStep 3: I guess. \\boxed{incorrect}",
    );
    let think = by(published("thinkprm-steps"), &By::Word);
    let (verify, cases) = (Verify { samples: 1, easy: true }, [case(&["good", "good"], None)]);
    let (kept, found) =
        verified_steps(&Search::new(&judge), &think, &cases, verify, on).expect("runs");
    assert_eq!((found.judgements, found.refused, found.right), (1, 0, 1), "{found:?}");
    let expected = [
        ("\nLet's verify step by step:", false),
        ("\nStep 1: \\boxed{correct}\nStep 2: \\boxed{correct}\n", true),
    ];
    assert_eq!(told(&kept[0].parts), expected);
}

#[test]
fn each_turn_is_learnt_in_sight_of_those_before() {
    let judge = Voice::new(|asked, _, _| {
        let wrong = asked.question().contains("wrong");
        format!(
            "so.</analyze>\n<output>\n\\boxed{{{}}}\n</output>",
            if wrong { "No" } else { "Yes" }
        )
    });
    let cases = [case(&["good", "wrong", "good"], Some(1)), case(&["good", "good"], Some(0))];
    let verify = Verify { samples: 1, easy: true };
    // A voice says all at once, and tells nothing of single words.
    let genprm = by(published("genprm"), &By::Word);
    let (kept, found) =
        verified_steps(&Search::new(&judge), &genprm, &cases, verify, on).expect("runs");
    // Two turns of the first solution, up to its error; the second it does not see.
    assert_eq!((kept.len(), found.kept, found.hard), (2, 1, 1));
    for (own, number) in kept.iter().zip(1..) {
        let [begin, said] = &own.parts[..] else { panic!("{own:?}") };
        assert!(!begin.learn && begin.text.contains(&format!("Paragraph {number}")), "{own:?}");
        assert!(said.learn && said.text.starts_with("so.</analyze>"), "{own:?}");
        let Prompt::Chat(turns) = &own.prompt else { panic!("{own:?}") };
        let before = turns.iter().filter(|turn| turn.role == Role::Assistant);
        assert_eq!(before.count(), number - 1);
        assert_eq!(turns.last().map(|turn| turn.role), Some(Role::User));
    }
    assert!(kept[1].parts[1].text.contains("{No}"));
}

fn item(response: &str, label: f64) -> Graded {
    Graded {
        prompt: "2 + 2?".into(),
        response: response.into(),
        label,
        truth: None,
        subset: None,
        reference: None,
    }
}

#[test]
fn of_a_decision_the_critique_and_the_word_are_learnt_and_the_cue_is_read() {
    // A critique, and behind the cue a word.
    let judge = Voice::new(|asked, before, _| {
        if before.contains("(Yes/No)?") {
            return if asked.question().contains("it is 4") { " Yes" } else { " No" };
        }
        "I add them up."
    });
    let items = [item("it is 4", 1.0), item("it is 5", 0.0), item("it is 6", 1.0)];
    let verify = Verify { samples: 2, easy: true };
    let by = |by: By| {
        let judge = published("genrm-cot");
        let Reading::Decision(decision) = judge.reading.clone() else { panic!("a decision") };
        Judge { reading: Reading::Decision(Decision { by, ..decision }), ..judge }
    };
    let search = Search::new(&judge);
    let (kept, found) = verified_labels(&search, &by(By::Word), &items, verify, on).expect("runs");
    assert_eq!((found.right, found.hard, found.kept), (4, 1, 4), "{found:?}");
    // The critique with its end, and the word in sight of it: nothing is learnt twice.
    assert_eq!(kept.len(), 8);
    for both in kept.chunks(2) {
        let [critique, word] = both else { panic!("{both:?}") };
        assert_eq!(told(&critique.parts), [("I add them up.", true)]);
        let cue = "\nIs the answer correct (Yes/No)?";
        let said = if word.item == 0 { " Yes" } else { " No" };
        assert_eq!(told(&word.parts), [("I add them up.", false), (cue, false), (said, true)]);
        assert_eq!((critique.item, &critique.prompt), (word.item, &word.prompt));
        assert!(word.prompt.question().contains(&items[word.item].response));
    }
    let error = verified_labels(&search, &by(By::Scorer("s".into())), &items, verify, on);
    assert!(error.expect_err("nothing is written").to_string().contains("by a scorer"));
}

fn told(parts: &[Part]) -> Vec<(&str, bool)> {
    parts.iter().map(|part| (part.text.as_str(), part.learn)).collect()
}

#[test]
fn a_stop_text_that_opens_the_cue_is_learnt_with_the_critique() {
    let judge = published("thinkprm");
    let said = "\nLet's verify step by step: it is 4.\nIs the solution correct? yes";
    let things = things(&judge, 1, Some(1.0), said);
    let [parts] = &things[..] else { panic!("{things:?}") };
    let expected = [
        ("\nLet's verify step by step:", false),
        (" it is 4.\nIs the solution correct?", true),
        (" ", false),
        ("yes", true),
    ];
    assert_eq!(told(parts), expected);
    // A critique without a word of its own leaves the decision alone.
    let cue = "\nIs the answer correct (Yes/No)?";
    let things = super::things(&published("genrm-cot"), 1, Some(0.0), &format!("{cue} No"));
    assert_eq!(things.len(), 1);
    assert_eq!(told(&things[0]), [(cue, false), (" No", true)]);
}

#[test]
fn scores_and_words_at_once_come_from_labels() {
    let judge = Voice::new(|asked, _, _| {
        if asked.question().contains("it is 4") { "Good. \\boxed{1}" } else { "Hm. \\boxed{1}" }
    });
    let items = [item("it is 4", 1.0), item("it is 5", 0.0)];
    let verify = Verify { samples: 2, easy: true };
    let search = Search::new(&judge);
    let single = published("deepseek-grm-single");
    let (kept, found) = verified_labels(&search, &single, &items, verify, on).expect("runs");
    assert_eq!((kept.len(), found.right, found.hard), (2, 2, 1));
    assert!(kept.iter().all(|own| own.item == 0 && own.parts[0].text == "Good. \\boxed{1}"));
    // A word at once costs nothing.
    let (kept, found) =
        verified_labels(&search, &published("genrm"), &items, verify, on).expect("nothing runs");
    let words: Vec<&str> = kept.iter().map(|own| own.parts[1].text.as_str()).collect();
    assert_eq!((words, found.cost), (vec![" Yes", " No"], Cost::default()));
    for (judge, items, expected) in [
        (published("pairwise"), &items[..], "a single response"),
        (published("steps"), &items, "a single response"),
        (single.clone(), &[item("it is 4", 0.5)], "item 0: strategy: label 0.5"),
    ] {
        let error = verified_labels(&search, &judge, items, verify, on).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    // Of grades the first may all be 1: they are no truths.
    let graded = Graded { truth: Some(false), ..item("it is 4", 1.0) };
    let error = verified_labels(&search, &published("score"), &[graded], verify, on);
    assert!(error.expect_err("a grade").to_string().contains("is a grade"));
    let error = verified_steps(&search, &single, &[], verify, on).expect_err("no steps");
    assert!(error.to_string().contains("judges no steps"), "{error}");
    let again = Judge { again: vec!["Wait.".into()], ..single };
    let error = verified_labels(&search, &again, &items, verify, on).expect_err("put in its mouth");
    assert!(error.to_string().contains("check again"), "{error}");
}
