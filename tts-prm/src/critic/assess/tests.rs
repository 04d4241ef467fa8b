use std::sync::atomic::{AtomicU64, Ordering};

use tts_core::rows;
use tts_core::toy::Voice;
use tts_core::{BoxError, Generated, Generator, LineError, NodeId, Request, Search, scorer};

use super::super::tests::by;
use super::super::{Ballot, By, Judge, Judgement, Jury, Meta, Order, Vote};
use super::*;

#[test]
fn files_are_known_by_their_fields() {
    for (row, expected) in [
        (
            r#"{"prompt": "q", "chosen": "a", "rejected": "b", "subset": "math"}"#,
            (0, 2, Some("math")),
        ),
        (r#"{"prompt": "q", "chosen": ["a"], "rejected": ["b", "c", "d"]}"#, (0, 4, None)),
        (
            r#"{"question": "q", "response_A": "a", "response_B": "b", "label": "B>A", "source": "x"}"#,
            (1, 2, Some("x")),
        ),
        (r#"{"input": "q", "output_1": "a", "output_2": "b", "label": 2}"#, (1, 2, None)),
        (r#"{"prompt": "q", "responses": ["a", "b", "c"], "best": 2}"#, (2, 3, None)),
    ] {
        let rows = rows::parse(row.as_bytes()).expect(row);
        let found = forms::preference(&rows[0]).expect(row).expect("no tie");
        let subset = found.subset.as_deref();
        assert_eq!((found.best, found.responses.len(), subset), expected, "{row}");
        assert_eq!((found.prompt.question(), found.responses[0].as_str()), ("q", "a"));
    }
    for (row, expected) in [
        (
            r#"{"question": "q", "response_A": "a", "response_B": "b", "label": "A"}"#,
            "expected A>B or B>A",
        ),
        (r#"{"input": "q", "output_1": "a", "output_2": "b", "label": 3}"#, "expected 1 or 2"),
        (r#"{"prompt": "q", "responses": ["a", "b"], "best": 2}"#, "number 2 the best"),
        (r#"{"prompt": "q", "answer": "a"}"#, "fields are answer, prompt"),
        (r#"{"prompt": "q", "responses": ["a"], "best": 0}"#, "1 responses"),
        (
            r#"{"prompt": "q", "chosen": "a", "rejected": null}"#,
            "field \"rejected\": empty, expected a text",
        ),
        (
            r#"{"prompt": "q", "chosen": null, "rejected": ["a", "b"]}"#,
            "field \"chosen\": empty, expected a text",
        ),
        (
            r#"{"prompt": "q", "chosen": [], "rejected": ["a", "b"]}"#,
            "field \"chosen\": empty, expected a text",
        ),
    ] {
        let rows = rows::parse(row.as_bytes()).expect(row);
        let error = forms::preference(&rows[0]).expect_err(row).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn pair(best: usize, lengths: [usize; 2]) -> Preference {
    let responses = lengths.map(|length| "x".repeat(length)).to_vec();
    Preference { prompt: "q".into(), responses, best, subset: None, reference: None, worth: None }
}

fn ruling(rows: &[([usize; 2], [f64; 2])]) -> Ruling {
    let judgement = |(shown, scores): &([usize; 2], [f64; 2])| Judgement {
        node: NodeId::ROOT,
        sample: 0,
        shown: shown.to_vec(),
        scores: scores.to_vec(),
        steps: Vec::new(),
        meta: 0.0,
    };
    let judgements = rows.iter().map(judgement).collect();
    Ruling { ballot: Ballot { responses: 2, judgements, refused: 0 }, reasons: Vec::new() }
}

fn grm() -> Jury {
    Jury { vote: Vote::Sum, ..Jury::of(Judge::published("deepseek-grm").expect("known"), 2) }
}

#[test]
fn figures_by_hand() {
    let preferences =
        [pair(0, [1, 2]), pair(1, [1, 2]), pair(0, [2, 1]), pair(1, [2, 1]), pair(0, [1, 1])];
    let rulings = [
        // The best is the first shown, and wins.
        Some(ruling(&[([0, 1], [9.0, 2.0])])),
        // The other is, and the best wins.
        Some(ruling(&[([0, 1], [3.0, 8.0])])),
        // A tie over two judgements.
        Some(ruling(&[([0, 1], [7.0, 3.0]), ([1, 0], [7.0, 3.0])])),
        // The wrong one.
        Some(ruling(&[([1, 0], [1.0, 9.0])])),
        // Nothing could be read.
        Some(Ruling {
            ballot: Ballot { responses: 2, refused: 2, ..Ballot::default() },
            reasons: vec!["cut".into(), "cut".into()],
        }),
    ];
    let found = Assessment::of(&grm(), &preferences, &rulings, 1).expect("figures");
    assert!((found.accuracy.mean - (1.0 + 1.0 + 0.5 + 0.0 + 0.5) / 5.0).abs() < 1e-12);
    assert_eq!((found.abstained, found.ties, found.judgements, found.refused), (1, 1, 5, 2));
    assert_eq!(found.reasons["cut"], 2);
    assert!((found.chance - 0.5).abs() < 1e-12);
    // Within items: won, won, tied, lost.
    assert!((found.auc_within.expect("judged") - 2.5 / 4.0).abs() < 1e-12);
    // The first shown won by 1/2, lost by 1/2, won by 1/2 twice, lost by 1/2.
    let position = found.position.expect("several were shown");
    assert!((position.mean - (0.5 - 0.5 + 0.5 - 0.5) / 4.0).abs() < 1e-12, "{position:?}");
    assert_eq!(position.items, 4);
    // The shorter is best and won; the shorter is best and lost; the longer is best, won, and half.
    let length = found.length.expect("pairs of both kinds");
    assert!((length.mean - (0.5 - 0.25)).abs() < 1e-12, "{length:?}");
    let mut text = Vec::new();
    found.write(&mut text).expect("written");
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("accuracy  60.0 %") && text.contains("2 refused: cut"), "{text}");
    // Of so few nothing is said of calibration but that.
    assert!(found.calibration.is_none(), "{:?}", found.calibration);
    assert!(text.contains("told from 30 scores on, and these are 8"), "{text}");
    assert!(Assessment::of(&grm(), &[], &[], 1).is_err());
}

#[test]
fn who_was_not_heard_is_worth_a_guess() {
    let three =
        Preference { responses: vec!["a".into(), "b".into(), "c".into()], ..pair(2, [1, 1]) };
    let found = Assessment::of(&grm(), &[three], &[Some(Ruling::default())], 1).expect("figures");
    assert!((found.accuracy.mean - 1.0 / 3.0).abs() < 1e-12, "{:?}", found.accuracy);
    assert!((found.chance - 1.0 / 3.0).abs() < 1e-12, "{}", found.chance);
    assert_eq!(found.abstained, 1);
}

/// One definition, told and counted in one place, whichever of the two was refused.
#[test]
fn an_item_whose_best_was_refused_is_an_abstention_and_so_is_one_of_the_best_alone() {
    let one = |place: usize, score: f64| {
        let judgement = Judgement {
            node: NodeId::ROOT,
            sample: 0,
            shown: vec![place],
            scores: vec![score],
            steps: Vec::new(),
            meta: 0.0,
        };
        let ballot = Ballot { responses: 2, judgements: vec![judgement], refused: 1 };
        Some(Ruling { ballot, reasons: vec!["cut".into()] })
    };
    let genrm = Jury::of(Judge::published("genrm").expect("known"), 1);
    let preferences = [pair(0, [1, 2]), pair(0, [2, 1])];
    let found = Assessment::of(&genrm, &preferences, &[one(1, 0.03), one(0, 0.9)], 1);
    let found = found.expect("figures");
    assert!((found.accuracy.mean - 0.5).abs() < 1e-12, "{:?}", found.accuracy);
    assert_eq!((found.abstained, found.ties, found.judgements), (2, 0, 2));
    assert!(found.length.is_none(), "nothing was chosen: {:?}", found.length);
    assert_eq!(found.silence(), None);
    // Where nothing at all was read there are no figures to tell.
    let silent = Assessment::of(&genrm, &preferences, &[Some(Ruling::default()), None], 1);
    let silent = silent.expect("figures");
    assert_eq!(silent.silence().as_deref(), Some("nothing could be judged"));
    let mut text = Vec::new();
    silent.write(&mut text).expect("written");
    let text = String::from_utf8(text).expect("text");
    assert!(!text.contains('%') && text.contains("1 items abstained"), "{text}");
}

#[test]
fn how_many_judgements_were_read_ranks_nobody() {
    let preferences = [pair(0, [1, 2]), pair(0, [1, 2])];
    // A response that was judged three times has a greater sum than a better one that was judged once.
    let rulings = [Some(ruling(&[([0, 1], [5.0, 4.0]); 3])), Some(ruling(&[([0, 1], [9.0, 2.0])]))];
    let found = Assessment::of(&grm(), &preferences, &rulings, 1).expect("figures");
    let auc = found.auc.expect("right and wrong ones");
    assert!((auc.area - 1.0).abs() < 1e-12, "{auc:?}");
}

#[test]
fn a_bias_that_never_varies_could_still_be_missed() {
    let item = || Some(ruling(&[([0, 1], [9.0, 2.0])]));
    let four: Vec<Preference> = (0..4).map(|number| pair(number % 2, [1, 2])).collect();
    let of = |jury: &Jury, count: usize| {
        let rulings: Vec<Option<Ruling>> = (0..count).map(|_| item()).collect();
        Assessment::of(jury, &four[..count], &rulings, 1).expect("figures").position
    };
    let position = of(&grm(), 4).expect("several were shown");
    assert!((position.detectable - 2.801_585 / 4.0).abs() < 1e-6, "{position:?}");
    assert_eq!(of(&grm(), 1), None, "one item has no spread");
    // In a fixed order the first place is that of a response.
    let fixed = Jury { order: Order::Fixed, ..grm() };
    assert_eq!(of(&fixed, 4), None);
    let shown_first = [pair(0, [1, 2]), pair(0, [2, 1])];
    let error = fixed.check_places(&shown_first).expect_err("all best are first");
    assert!(error.contains("order is fixed"), "{error}");
    assert_eq!(fixed.check_places(&four), Ok(()));
    assert_eq!(grm().check_places(&shown_first), Ok(()));
}

#[test]
fn biases_are_found_where_they_are() {
    // Orders follow from the question, so each has one of its own.
    let asked = |number: usize| Preference {
        prompt: format!("q{number}").into(),
        ..pair(number % 2, if number.is_multiple_of(3) { [10, 40] } else { [40, 10] })
    };
    let preferences: Vec<Preference> = (0..200).map(asked).collect();
    // A judge that likes what is long, and nothing else.
    let long = Voice::new(|asked: &tts_core::Prompt, _, _| {
        let shown: Vec<&str> = asked.question().split("[Begin of Response ").skip(1).collect();
        if shown[0].matches('x').count() > shown[1].matches('x').count() {
            "[[A]]"
        } else {
            "[[B]]"
        }
    });
    let jury = Jury { role: None, ..Jury::of(Judge::published("pairwise").expect("known"), 4) };
    let search = Search::new(&long);
    let rulings =
        assess(&search, &jury, &preferences, |_, _, _| ControlFlow::Continue(())).expect("judged");
    let found = Assessment::of(&jury, &preferences, &rulings, 1).expect("figures");
    let length = found.length.expect("pairs");
    assert!(
        (length.mean - 1.0).abs() < 1e-12 && length.interval[0] > length.detectable,
        "{length:?}"
    );
    let position = found.position.expect("several");
    assert!(
        position.mean.abs() < position.detectable && position.detectable < 0.15,
        "{position:?}"
    );
    // It was asked about all, and stops where it is told to.
    assert_eq!(found.judgements, 800);
    assert_eq!(found.calibration.map(|calibration| calibration.count), Some(400));
    let few = assess(&search.concurrency(1), &jury, &preferences, |number, _, _| {
        if number == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(few.expect("judged").iter().flatten().count(), 3);
}

/// A judge whose lines fail where it is said so, and that counts what it was asked for.
struct Fails {
    judge: Voice,
    bad: fn(&Request) -> bool,
    lines: AtomicU64,
}

impl Fails {
    /// It says what all of these judges can be read to say.
    fn new(bad: fn(&Request) -> bool) -> Self {
        let judge = Voice::new(|_, so_far: &str, _| {
            if so_far.ends_with("(Yes/No)?") { "Yes" } else { "[[A]] \\boxed{Yes} \\boxed{9, 1}" }
        });
        Self { judge, bad, lines: AtomicU64::new(0) }
    }

    fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }
}

impl Generator for Fails {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut all = self.judge.generate(batch)?;
        for (request, generated) in batch.iter().zip(&mut all) {
            self.lines.fetch_add(generated.lines.len() as u64, Ordering::Relaxed);
            if (self.bad)(request) {
                let failed = |_| Err(LineError("too long".into()));
                generated.lines = (0..generated.lines.len()).map(failed).collect();
            }
        }
        Ok(all)
    }
}

fn asked(count: usize) -> Vec<Preference> {
    let asked = |number: usize| Preference {
        prompt: format!("q{number}").into(),
        ..pair(number % 2, [10, 40])
    };
    (0..count).map(asked).collect()
}

fn of(name: &str, samples: usize) -> Jury {
    let judge = by(Judge::published(name).expect("known"), &By::Word);
    Jury { role: None, ..Jury::of(judge, samples) }
}

fn on(_: usize, _: &Ruling, _: &Cost) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn lines_that_fail_are_refused_with_the_reason() {
    let third = |request: &Request| request.prefix.prompt().question().contains("q2");
    let decisions = |request: &Request| {
        request.append.as_ref().is_some_and(|append| append.contains("(Yes/No)?"))
    };
    // Written at once, critiques, decisions behind them, and turns; of one response at a time two of each.
    for (name, fails, refused) in [
        ("pairwise", third as fn(&Request) -> bool, 2),
        ("genrm-cot", third, 4),
        ("genrm-cot", decisions, 16),
        ("genprm", third, 4),
    ] {
        let judge = Fails::new(fails);
        let preferences = asked(4);
        let rulings = assess(&Search::new(&judge), &of(name, 2), &preferences, on).expect(name);
        let found = Assessment::of(&of(name, 2), &preferences, &rulings, 1).expect("figures");
        assert_eq!(found.refused, refused, "{name}");
        let why = "the line of the judgement failed: too long".to_owned();
        assert_eq!(found.reasons, [(why, refused)].into(), "{name}");
    }
}

#[test]
fn what_is_in_flight_is_finished_and_counted() {
    let judge = Fails::new(|_| false);
    let search = Search::new(&judge).concurrency(4);
    let (mut told, mut lines) = (0, 0);
    let rulings = assess(&search, &of("pairwise", 2), &asked(20), |_, _, cost| {
        lines += cost.samples;
        told += 1;
        if told < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let rulings = rulings.expect("judged");
    let heard = rulings.iter().flatten().count();
    // Four were in flight, and of the others as many were begun as had room until the third was done.
    assert!((4..=8).contains(&heard) && told == heard, "{heard} {told}");
    assert!(rulings[..heard].iter().all(Option::is_some), "{rulings:?}");
    assert_eq!((lines, judge.lines()), (2 * heard as u64, 2 * heard as u64));
}

#[test]
fn who_does_not_fit_is_told_before_anything_is_asked() {
    let judge = Fails::new(|_| false);
    let mut preferences = asked(3);
    preferences[1].responses.push("c".into());
    let fixed = Jury { order: Order::Fixed, ..of("pairwise", 2) };
    let ended = assess(&Search::new(&judge), &fixed, &preferences, on).expect_err("three");
    assert_eq!((ended.item, judge.lines()), (Some(1), 0));
    let error = ended.to_string();
    assert!(error.starts_with("item 1: ") && error.contains("order is fixed"), "{error}");
    assert_eq!(*ended.found, vec![None; 3]);
}

#[test]
fn a_search_that_fails_takes_no_rulings_with_it() {
    let judge = Fails::new(|_| false);
    let broken =
        scorer::from_fn(
            |path, _| {
                if path.asked().question().contains("q2") { f64::NAN } else { 1.0 }
            },
        );
    let meta = Some(Meta::of("meta", 2));
    let jury = Jury { meta, ..of("deepseek-grm", 2) };
    for (together, heard) in [(1, 2), (4, 3)] {
        let search = Search::new(&judge).scorer_named("meta", broken).concurrency(together);
        let ended = assess(&search, &jury, &asked(8), on).expect_err("no number");
        assert_eq!(ended.item, Some(2));
        assert!(ended.to_string().starts_with("item 2: "), "{ended}");
        let places: Vec<usize> = (0..8).filter(|place| ended.found[*place].is_some()).collect();
        // What was in flight beside it is there.
        assert!(places.len() >= heard && !places.contains(&2), "{places:?}");
        assert!(places.len() < 7, "{places:?}");
    }
}
