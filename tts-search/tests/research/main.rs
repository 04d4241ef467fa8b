//! Research: what each method takes, what it shows to whom, and where it ends.

mod budgets;
mod drafts;
#[path = "../stories/laws.rs"]
mod laws;
mod pages;
mod paragraphs;
mod searches;
mod shown;
mod slots;
#[path = "../../examples/stories/worlds/text_model.rs"]
mod text_model;
mod told;

use tts_core::seed::Rng;
use tts_core::*;
use tts_search::research::*;
use tts_search::retrieve::{Passage, Retriever, SearchSettings, Searcher};

use self::text_model::TextModel;

/// Lines that a role wrote; the policy's name is empty.
fn lines(outcome: &Outcome, role: &str) -> u64 {
    outcome.tree.cost_by_role().get(role).map_or(0, |cost| cost.samples)
}

/// Finds two pages for whatever is asked, others each time.
struct Always;

impl Retriever for Always {
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
        let page =
            |n| Passage::new(format!("{query}#{n}"), query, format!("Page {n} about {query}."));
        Ok((1..=2.min(most)).map(page).collect())
    }

    fn identity(&self) -> Option<String> {
        Some("always".into())
    }
}

fn searcher(retriever: impl Retriever + 'static) -> Searcher {
    Searcher::new(retriever, SearchSettings::default()).expect("settings")
}

/// Never has enough: questions and texts are others each time.
fn talker() -> impl Generator + Clone {
    TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let asked = prompt.question();
        let number = rng.below(100_000);
        let text = match asked.lines().next().unwrap_or_default() {
            first if first.contains("one a line, and nothing else") => "a?\nb?\n".into(),
            first if first.starts_with("Decide") => format!("What is w{number}?"),
            first if first.starts_with("Answer the question by turns") => {
                format!("Thought: more.\nAction: search[w{number}]")
            }
            first if first.starts_with("Answer the question by asking") => {
                format!("Follow up: w{number}?")
            }
            _ => format!("Text {number} [1]."),
        };
        Ok(if so_far.is_empty() { text } else { String::new() })
    })
}

/// Steps are blank lines or 256 bytes, so a draft has several.
fn engine() -> Search<'static> {
    Search::new(talker()).role("search", searcher(Always)).seed(2)
}

fn run<S: Script>(method: S) -> Outcome {
    engine().run(Scripted::of(method), "How long are the rivers?").expect("runs")
}

/// Lines that were written, and searches.
fn counted(outcome: &Outcome) -> (u64, u64) {
    let searches = lines(outcome, "search");
    (outcome.usage.logical.samples - searches, searches)
}

/// Lines whose prompts begin so, in order, each once.
fn asked<'o>(outcome: &'o Outcome, words: &str) -> Vec<(NodeId, &'o str)> {
    let tree = &outcome.tree;
    let questions = tree.iter().filter(|(_, node)| node.is_question());
    let lines = questions.flat_map(|(id, node)| {
        let ends = node.children.iter().chain(&node.asides);
        ends.map(move |&line| (line, tree.asked(id).question()))
    });
    let mut lines: Vec<_> = lines.filter(|(_, asked)| asked.starts_with(words)).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn at_the_papers_settings_it_takes_227_lines_and_20_searches() {
    let outcome = run(Research::default());
    assert_eq!((counted(&outcome), outcome.failed.len()), ((227, 20), 0));
    // Everything that can run together does: a plan of 3, a draft, 20 steps of 6, a report of 3.
    assert_eq!(outcome.usage.rounds, 3 + 1 + 20 * 6 + 3);
    let best = outcome.best.expect("a report");
    assert_eq!(outcome.tree[best].kind, NodeKind::Committed);
    // The estimate is the same method on nobody's agents.
    let estimate =
        Estimate::of(&Research::default(), "search", &Assumptions::default()).expect("estimates");
    assert_eq!(
        (estimate.lines, estimate.searches, estimate.rounds),
        (227, 20, outcome.usage.rounds)
    );
    assert_eq!(estimate.calls, outcome.usage.logical.calls);
}

#[test]
fn a_part_takes_as_many_lines_as_stated() {
    // Plan, draft and report: with one variant and no evolution each is one call.
    assert_eq!(counted(&run(Research::plain(0))), (3, 0));
    for (n, s) in [(1, 1), (1, 3), (2, 0), (4, 0), (3, 2)] {
        let parts = Parts { plan: Part::of(n, s), ..Parts::plain() };
        let lines = (n * (1 + 2 * s) + usize::from(n > 1)) as u64;
        assert_eq!(Part::of(n, s).lines(), lines);
        let outcome = run(Research { parts, ..Research::plain(0) });
        assert_eq!(counted(&outcome), (2 + lines, 0), "{n} {s}");
    }
    // Variants of temperatures of their own are requests of their own, but no more lines.
    let plan = Part { temperatures: vec![0.2, 1.0], ..Part::of(3, 0) };
    let parts = Parts { plan, ..Parts::plain() };
    let outcome = run(Research { parts: parts.clone(), ..Research::plain(0) });
    assert_eq!((counted(&outcome), outcome.usage.logical.calls), ((2 + 4, 0), 2 + 4));
    let estimate =
        Estimate::of(&Research { parts, ..Research::plain(0) }, "search", &Assumptions::default());
    assert_eq!(estimate.expect("estimates").calls, 6);
    let plain = run(Research::plain(4));
    assert_eq!(counted(&plain), (3 + 4 * 3, 4));
}

#[test]
fn without_rounds_the_report_is_on_the_first_draft() {
    let outcome = run(Research::plain(0));
    let draft = asked(&outcome, "Write a first draft")[0].0;
    let (report, words) = asked(&outcome, "Write the report")[0];
    // Nothing was found that it could cite.
    let text = outcome.tree.text(draft).replace(" [1]", "");
    assert!(words.contains(&format!("<draft>\n{text}\n</draft>")));
    assert_eq!((outcome.best, outcome.tree.candidates()), (Some(report), vec![draft, report]));
}

#[test]
fn every_question_sees_the_draft_before_it_and_what_is_known() {
    let outcome = run(Research { rounds: 6, ..Research::default() });
    let tree = &outcome.tree;
    let first = asked(&outcome, "Write a first draft").into_iter();
    let drafts: Vec<NodeId> =
        first.chain(asked(&outcome, "Write the draft")).map(|(id, _)| id).collect();
    assert_eq!(drafts.len(), 7);
    let questions = asked(&outcome, "Decide what to search for next");
    // Five variants, and a merge whose prompt begins with theirs.
    assert_eq!(questions.len(), 6 * 6);
    for (round, variants) in questions.chunks(6).enumerate() {
        let text = tree.text(drafts[round]);
        // Before the first search there is nothing to cite.
        let text = if round == 0 { text.replace(" [1]", "") } else { text };
        let before = format!("<draft>\n{text}\n</draft>");
        assert!(variants.iter().all(|(_, words)| words.contains(&before)));
        assert!(variants.iter().all(|(_, words)| words.matches("\nQ: What is w").count() == round));
    }
    // Each step hangs from the one before, so the tree tells the story.
    let trail = Trail::of(tree, outcome.best, "search");
    let told: Vec<NodeId> = trail.drafts.iter().map(|(id, _)| *id).collect();
    assert_eq!(told[..7], drafts);
    assert_eq!(trail.exchanges.len(), 6);
    for (exchange, draft) in trail.exchanges.iter().zip(&drafts[1..]) {
        assert_eq!(exchange.draft, Some(*draft));
        // What was merged, not a variant.
        let known = asked(&outcome, "Write the report")[0].1;
        assert!(known.contains(&format!(
            "Q: {}\nA: {}",
            exchange.question,
            exchange.answer.clone().unwrap()
        )));
    }
    assert_eq!(trail.sources.len(), 12);
}

#[test]
fn any_part_by_any_role() {
    let by = |role: &str, part: Part| Part { role: Some(role.into()), ..part };
    let judged = Part { judge: Some("critic".into()), ..Part::of(2, 1) };
    let parts = Parts {
        report: by("editor", judged),
        answer: by("reader", Part::of(1, 0)),
        ..Parts::plain()
    };
    let search =
        engine().role("editor", talker()).role("reader", talker()).role("critic", talker());
    let research = Research { parts, ..Research::plain(3) };
    let outcome = search.run(Scripted::of(research.clone()), "How long?").expect("runs");
    let of = |role| lines(&outcome, role);
    assert_eq!((of("editor"), of("critic"), of("reader"), of("")), (2 + 2 + 1, 2, 3, 2 + 3 * 2));
    // A role that nobody plays is refused before anything is spent.
    let error =
        engine().run(Scripted::of(research), "How long?").expect_err("no critic").to_string();
    assert!(error.contains("\"critic\""), "{error}");
}

#[test]
fn a_variant_rests_where_its_score_does() {
    // Scores of critiques, in order: the second is no better, so the first text stands.
    let model = TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let asked = prompt.question();
        let score = if asked.contains("<text>\nText") { 4 } else { 2 };
        let again = asked.contains("Write the text again");
        Ok(match (so_far, asked.starts_with("Judge")) {
            ("", true) => format!("Helpful: {score}\nComprehensive: {score}"),
            ("", false) => format!("{} {}", if again { "Worse" } else { "Text" }, rng.below(99)),
            _ => String::new(),
        })
    });
    let parts = Parts { report: Part { plateau: true, ..Part::of(1, 5) }, ..Parts::plain() };
    let outcome = Search::new(model)
        .role("search", searcher(Always))
        .run(Scripted::of(Research { parts, ..Research::plain(0) }), "How long?")
        .expect("runs");
    // Plan, draft, text, critique, rewriting, critique.
    assert_eq!(counted(&outcome), (6, 0));
    assert!(outcome.text().expect("a report").starts_with("Text"));
}

#[test]
fn the_other_methods_take_what_they_say() {
    assert_eq!(counted(&run(RetrieveOnce::default())), (1, 1));
    let linear = run(PlanSearchWrite { rounds: 5, ..PlanSearchWrite::default() });
    assert_eq!(counted(&linear), (1 + 5 * 2 + 1, 5));
    assert!(!asked(&linear, "Decide")[0].1.contains("<draft>"));
    // The talker has two questions, however many may be asked.
    let parallel = run(ParallelSearch::default());
    assert_eq!((counted(&parallel), parallel.usage.rounds), ((1 + 1 + 2 + 1, 2), 5));
    // The last turn has to answer, and does not.
    let react = run(ReAct { rounds: 4, ..ReAct::default() });
    assert_eq!(counted(&react), (4 + 1 + 1, 4));
    assert_eq!(
        asked(&react, "Answer the question by turns")[4].1.matches("Observation:").count(),
        4
    );
    let self_ask = run(SelfAsk { rounds: 4, ..SelfAsk::default() });
    assert_eq!(counted(&self_ask), (4 * 2 + 1 + 1, 4));
    // All of them leave a report, and every source has its number.
    for outcome in [&linear, &parallel, &react, &self_ask] {
        let trail = Trail::of(&outcome.tree, outcome.best, "search");
        assert_eq!(trail.sources.len(), 2 * trail.exchanges.len());
        assert!(cite::check(trail.report().expect("a report"), &trail.sources).holds());
        let report = asked(outcome, "Write the report")[0].1;
        assert!(report.contains("Q: "), "{report}");
    }
}

/// Every second question was asked before: never two in a row, so that patience of two lasts.
#[test]
fn news_renews_patience() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let agent = TextModel(move |prompt: &Prompt, so_far: &str, _: &mut Rng| {
        if !so_far.is_empty() {
            return Ok(String::new());
        }
        if prompt.question().starts_with("Decide") {
            let turn = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return Ok(format!("What is w{}?", turn.div_ceil(2)));
        }
        Ok("Text [1].".into())
    });
    let search = Search::new(agent).role("search", searcher(Always));
    let research = Research { patience: 2, ..Research::plain(9) };
    let outcome = search.run(Scripted::of(research), "How long?").expect("runs");
    // Turns 0, 1, 3, 5 and 7 ask something new.
    assert_eq!(lines(&outcome, "search"), 5);
}

/// What says that nothing is open may be longer than a question, and is read as one.
#[test]
fn the_end_is_seen_however_short_questions_are() {
    let agent = TextModel(|prompt: &Prompt, so_far: &str, _: &mut Rng| {
        let asks = prompt.question().starts_with("Decide");
        let text = if asks { "1. \"There is nothing left open\"" } else { "Text." };
        Ok(if so_far.is_empty() { text.to_owned() } else { String::new() })
    });
    for covered in ["THERE IS NOTHING LEFT OPEN", "Question: there is nothing left open."] {
        let parts = Parts { covered: covered.into(), question_chars: 20, ..Parts::plain() };
        let search = Search::new(agent.clone()).role("search", searcher(Always));
        let research = Research { parts, ..Research::plain(4) };
        let outcome = search.run(Scripted::of(research), "How long?").expect("runs");
        // A plan, a draft, what asks nothing, the report.
        assert_eq!(counted(&outcome), (4, 0), "{covered}");
    }
}

#[test]
fn laws_of_all_methods() {
    let prompts: Vec<Prompt> = (0..8).map(|i| Prompt::from(format!("Rivers of {i}?"))).collect();
    let parts = Parts { answer: Part::of(2, 0), report: Part::of(1, 1), ..Parts::plain() };
    laws::hold(&engine(), &Scripted::of(Research { parts, ..Research::plain(2) }), &prompts);
    // Reports that cite what is nowhere are mended, and variants rest and are drawn in ways of their own.
    let warm = Part { temperatures: vec![0.3, 1.0], plateau: true, ..Part::of(2, 2) };
    let parts = || Parts { mend: 2, report: warm.clone(), ..Parts::plain() };
    let search = Search::new(critic()).role("search", searcher(Always)).seed(2);
    let of = |parts: Parts| Scripted::of(Research { parts, ..Research::plain(1) });
    laws::one(&search, &of(parts()), &prompts);
    laws::one(
        &search,
        &of(Parts { plan: warm.clone(), answer: warm.clone(), ..parts() }),
        &prompts,
    );
    laws::one(&search, &Scripted::of(RetrieveOnce { parts: parts() }), &prompts);
    let linear = PlanSearchWrite { parts: parts(), rounds: 2, patience: 1 };
    laws::one(&search, &Scripted::of(linear), &prompts);
    laws::one(&engine(), &Scripted::of(ParallelSearch::default()), &prompts);
    laws::one(&engine(), &Scripted::of(ReAct { rounds: 2, ..ReAct::default() }), &prompts);
    laws::one(&engine(), &Scripted::of(SelfAsk { rounds: 2, ..SelfAsk::default() }), &prompts);
}

/// As the talker, but cites what is nowhere, and judges now so and now so.
fn critic() -> impl Generator + Clone {
    TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let text = match prompt.question().split(' ').next() {
            Some("Decide") => format!("What is w{}?", rng.below(100_000)),
            Some("Judge") => format!("Helpful: {}\nComprehensive: 3", rng.below(5)),
            _ => format!("Text {} [1]. And so [{}].", rng.below(100_000), 7 + rng.below(9)),
        };
        Ok(if so_far.is_empty() { text } else { String::new() })
    })
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let of = |parts: Parts| Research { parts, ..Research::default() };
    let plain = Parts::plain;
    for (research, expected) in [
        (Research { patience: 0, ..Research::default() }, "patience is 0"),
        (of(Parts { answer: Part::of(0, 0), ..plain() }), "answer.n is 0"),
        (
            of(Parts { draft: Part { judge: Some("j".into()), ..Part::of(1, 0) }, ..plain() }),
            "draft.s is 0",
        ),
        (
            of(Parts { draft: Part { temperatures: vec![0.5, 1.0], ..Part::of(1, 0) }, ..plain() }),
            "2 temperatures",
        ),
        (
            of(Parts { plan: Part { temperatures: vec![-1.0], ..Part::of(1, 0) }, ..plain() }),
            "plan: ",
        ),
        (of(Parts { covered: " ".into(), ..plain() }), "covered is blank"),
        (of(Parts { search: String::new(), ..plain() }), "search is blank"),
        (of(Parts { known_chars: 1, ..plain() }), "known_chars is 1"),
        (of(Parts { report_tokens: 0, ..plain() }), "report_tokens is 0"),
        (of(Parts { question_chars: 3, ..plain() }), "question_chars is 3"),
    ] {
        let error = research.check().expect_err(expected);
        assert!(error.starts_with("research: ") && error.contains(expected), "{error}");
    }
    let unknown =
        serde_json::from_str::<Research>(r#"{"parts": {"plans": {}}}"#).expect_err("unknown");
    assert!(unknown.to_string().contains("unknown field `plans`"));
    let json = serde_json::to_string(&Research::default()).expect("JSON");
    assert_eq!(serde_json::from_str::<Research>(&json).expect("reads"), Research::default());
}
