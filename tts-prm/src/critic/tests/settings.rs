//! Settings of juries and judges that mean nothing, alone or together.

use tts_core::toy::Sample;
use tts_core::{Sampling, Search, SearchStrategy};

use super::super::{BestByJudge, Judge, Judged, Jury, Meta, Order, Sure, Vote};
use super::searches::{Greedy, best, grm, world};

#[test]
fn counts_that_mean_nothing_are_refused() {
    let of = |name: &str| Jury::of(Judge::published(name).expect("known"), 4);
    let greedy = |name: &str| {
        let jury = of(name);
        Jury { judge: Judge { sampling: Sampling::greedy(), ..jury.judge }, ..jury }
    };
    let sure = |batch| Some(Sure { batch, ..Sure::default() });
    for (jury, expected) in [
        (Jury { repeats: 5, ..of("pairwise") }, "repeats is 5, and samples is 4"),
        (Jury { sure: sure(4), ..of("pairwise") }, "sure.batch is 4, and samples is 4"),
        (Jury { sure: sure(2), repeats: 3, ..of("pairwise") }, "repeats is 3, and sure.batch is 2"),
        (greedy("score"), "sampling.temperature is 0, and 4 samples"),
        (Jury { order: Order::Fixed, ..greedy("pairwise") }, "sampling.temperature is 0"),
        (Jury { repeats: 2, ..greedy("pairwise") }, "sampling.temperature is 0"),
    ] {
        let error = jury.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    for jury in [
        greedy("pairwise"),
        Jury { samples: 1, ..greedy("score") },
        Jury { repeats: 4, ..of("pairwise") },
        Jury { sure: sure(3), repeats: 3, ..of("pairwise") },
        Jury { sure: sure(4), samples: 0, ..of("pairwise") },
    ] {
        assert_eq!(jury.check(), Ok(()));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn settings_that_mean_nothing_together_are_refused() {
    let of = |name: &str| Jury::of(Judge::published(name).expect("known"), 4);
    let meta = |keep| Some(Meta::of("meta", keep));
    for (jury, expected) in [
        (Jury { vote: Vote::Sum, ..of("score") }, "expected mean or winners"),
        (Jury { vote: Vote::Sum, together: 2, ..of("deepseek-grm") }, "expected mean or winners"),
        (Jury { vote: Vote::Winners, ..of("score") }, "about one response"),
        (Jury { together: 1, ..of("pairwise") }, "about at least 2"),
        (Jury { together: 3, ..of("pairwise") }, "about at most 2"),
        (Jury { together: 2, ..of("deepseek-grm-single") }, "about at most 1"),
        (Jury { repeats: 0, ..of("pairwise") }, "repeats is 0"),
        (Jury { repeats: 2, ..of("score") }, "repeats is 2"),
        (Jury { order: Order::Mirrored, ..of("score") }, "order is mirrored"),
        (
            Jury { order: Order::Mirrored, repeats: 4, ..of("pairwise") },
            "samples is 4 with repeats of 4",
        ),
        (Jury { order: Order::Mirrored, samples: 1, ..of("pairwise") }, "samples is 1 with"),
        (Jury { order: Order::Mirrored, samples: 5, ..of("listwise") }, "a multiple of 2"),
        (
            Jury {
                order: Order::Mirrored,
                sure: Some(Sure { batch: 3, ..Sure::default() }),
                ..of("pairwise")
            },
            "sure.batch is 3",
        ),
        (
            Jury { vote: Vote::Winners, sure: Some(Sure::default()), ..of("pairwise") },
            "sure looks at mean scores",
        ),
        (Jury { meta: meta(0), ..of("score") }, "meta.keep is 0"),
        (Jury { meta: meta(5), ..of("score") }, "meta.keep is 5"),
        (Jury { meta: meta(2), sure: Some(Sure::default()), ..of("score") }, "leave one out"),
        (Jury { meta: meta(2), ..of("genrm") }, "the judge writes none"),
        (Jury { sure: Some(Sure { batch: 0, ..Sure::default() }), ..of("score") }, "batch is 0"),
        (Jury { sure: Some(Sure { z: f64::NAN, ..Sure::default() }), ..of("score") }, "z is NaN"),
    ] {
        let error = jury.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    for (samples, repeats) in [(4, 2), (2, 1), (12, 3)] {
        let jury = Jury { order: Order::Mirrored, samples, repeats, ..of("pairwise") };
        assert_eq!(jury.check(), Ok(()), "{samples} {repeats}");
    }
    // A share of wins is of one round: it cannot lead a search of several.
    let winners = |samples| Jury { vote: Vote::Winners, samples, ..of("deepseek-grm") };
    let error = Judged::of(Greedy { width: 2 }, winners(4)).check().expect_err("rounds");
    assert!(error.contains("vote is winners") && error.contains("expected mean"), "{error}");
    assert_eq!(Judged::of(Greedy { width: 2 }, winners(0)).check(), Ok(()));
    assert_eq!(Judged::of(Sample { n: 4 }, winners(4)).check(), Ok(()));
    let judge = |json: &str| serde_json::from_str::<Judge>(json).map_err(|error| error.to_string());
    for (json, expected) in [
        (r#"{"template": "oracle"}"#, "expected one of comprehensive, deepseek-grm"),
        (r#"{"template": "{{ problem"}"#, "template"),
        (r#"{"template": "=== bot\n{{ problem }}"}"#, "the heading \"bot\""),
        (r#"{"temperature": 1}"#, "unknown field `temperature`"),
    ] {
        let error = judge(json).expect_err(json);
        assert!(error.contains(expected), "{error}");
    }
    for (json, expected) in [
        (r#"{"template": "{{ nothing }}"}"#, "undefined value"),
        (r#"{"template": "genprm"}"#, "the reading is not of steps"),
        (r#"{"longest": 10}"#, "longest is 10"),
        (r#"{"aggregate": "sum"}"#, "aggregate of steps"),
        (r#"{"max_tokens": 0}"#, "max_tokens is 0"),
        (r#"{"aggregate": "mean"}"#, "aggregate is of steps"),
        (r#"{"begin": "Step {step}: "}"#, "begin has a {step}"),
        (
            r#"{"template": "genrm", "begin": "So", "reading": {"decision": {"cue": "?", "words": [["a", 1], ["b", 0]], "critique": false}}}"#,
            "begin is of a critique",
        ),
        (r#"{"most": 1, "template": "listwise", "reading": "best"}"#, "most is 1"),
        (r#"{"stop": ["boxed"]}"#, "stop has \"boxed\", which would cut a verdict"),
        (r#"{"stop": ["</think>", ","]}"#, "stop has \",\""),
        (r#"{"stop": ["Step {next}:"]}"#, "about several responses"),
        (
            r#"{"template": "steps", "reading": {"steps": {"right": "a", "wrong": "b"}}, "stop": ["}"]}"#,
            "a verdict such as \"\\\\boxed{a}\"",
        ),
        (
            r#"{"template": "rubric", "reading": {"letter": {"marker": "Grade:", "letters": "AB"}}, "stop": [":"]}"#,
            "a verdict such as \"Grade: A\"",
        ),
        (r#"{"template": "deepseek-grm-single"}"#, "response 2 is not shown"),
        (r#"{"template": "{{ problem }}", "most": 1}"#, "the response is not shown"),
        (
            r#"{"template": "{{ steps[0].text }}", "reading": {"steps": {"right": "a", "wrong": "b"}}}"#,
            "step 2 is not shown",
        ),
    ] {
        let error = judge(json).expect("read").check().expect_err(json);
        assert!(error.contains(expected), "{error}");
    }
    // A text that ends a verdict may end the judgement, and one that says that a step is wrong is the last.
    for json in [
        r#"{"stop": ["}", "</think>"]}"#,
        r#"{"template": "steps", "reading": {"steps": {"right": "a", "wrong": "b"}}, "stop": ["\\boxed{b}", "Step {next}:"]}"#,
        r#"{"template": "pairwise", "reading": {"verdict": {"first": "[[A]]", "second": "[[B]]"}}, "stop": ["]]"]}"#,
    ] {
        assert_eq!(judge(json).expect("read").check(), Ok(()), "{json}");
    }
    // What is missing is told before anything is spent.
    let world = world();
    let error = Search::new(world).run(best(2, grm(2)), world.prompt(0)).expect_err("no judge");
    assert!(error.to_string().contains("no generator plays the role \"judge\""), "{error}");
    let json = serde_json::to_string(&Judged::of(BestByJudge::default(), grm(2))).expect("written");
    let read: Judged<BestByJudge> = serde_json::from_str(&json).expect("read");
    assert_eq!(read, Judged::of(BestByJudge::default(), grm(2)));
}
