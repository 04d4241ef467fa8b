//! What a research tells of itself: which line is an answer, what was refused, and by which signs a model is too weak.

use super::*;
use tts_core::StepRule;

/// Writes by the first words of what it is asked.
fn writer(say: impl Fn(&str, &mut Rng) -> String + Clone + Send + Sync) -> impl Generator + Clone {
    TextModel(move |prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let text = say(prompt.question(), rng);
        Ok(if so_far.is_empty() { text } else { String::new() })
    })
}

/// Finds nothing for the first query, and two pages for all others.
struct Late(std::sync::atomic::AtomicUsize);

impl Retriever for Late {
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
        let first = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        if first { Ok(Vec::new()) } else { Always.search(query, most) }
    }
}

#[test]
fn an_answer_is_what_an_answer_part_came_to() {
    let late = || searcher(Late(std::sync::atomic::AtomicUsize::new(0)));
    let trail = |search: Search<'_>, method: PlanSearchWrite| {
        let outcome = search.run(Scripted::of(method), "How long?").expect("runs");
        Trail::of(&outcome.tree, outcome.best, "search")
    };
    let answer = Part::of(3, 1);
    for parts in [Parts::plain(), Parts { answer: answer.clone(), ..Parts::plain() }] {
        let method = PlanSearchWrite { parts, rounds: 3, patience: 3 };
        let told = trail(Search::new(talker()).role("search", late()), method);
        assert_eq!(told.exchanges.len(), 3);
        // A search that found nothing has no answer, whatever was asked next.
        assert_eq!(told.exchanges[0].answer, None);
        for exchange in &told.exchanges[1..] {
            assert!(exchange.answer.as_ref().is_some_and(|said| said.starts_with("Text ")));
        }
    }
    // Of variants it is what they were merged to, with a draft behind it or without.
    let merging = writer(|asked, rng| match asked.split(' ').next() {
        _ if asked.contains("\nMerge them into one") => "It is merged [1].".into(),
        Some("Decide") => format!("What is w{}?", rng.below(100_000)),
        _ => format!("Text {} [1].", rng.below(100_000)),
    });
    let parts = || Parts { answer: answer.clone(), ..Parts::plain() };
    let search = || Search::new(merging.clone()).role("search", searcher(Always));
    let linear = PlanSearchWrite { parts: parts(), rounds: 2, patience: 3 };
    let denoised = Research { parts: parts(), ..Research::plain(2) };
    let outcome = search().run(Scripted::of(denoised), "How long?").expect("runs");
    let drawn = Trail::of(&outcome.tree, outcome.best, "search");
    for told in [trail(search(), linear), drawn] {
        assert_eq!(told.exchanges.len(), 2);
        for exchange in told.exchanges {
            let answer = exchange.answer.expect("an answer");
            assert!(answer.starts_with("It is merged"), "{answer}");
        }
    }
    // Turns of a transcript answer nothing.
    let outcome = run(ReAct { rounds: 3, ..ReAct::default() });
    let told = Trail::of(&outcome.tree, outcome.best, "search");
    assert!(told.exchanges.len() == 3 && told.exchanges.iter().all(|told| told.answer.is_none()));
}

#[test]
fn what_a_search_wrote_is_pages_or_refused() {
    let talks = writer(|_, _| "I found nothing, sorry.".into());
    let search = Search::new(talker()).role("search", talks);
    let outcome = search.run(Scripted::of(Research::plain(9)), "How long?").expect("runs");
    assert_eq!((lines(&outcome, "search"), outcome.unscored.len()), (3, 3));
    assert!(outcome.unscored[0].why.contains("no list of passages"), "{:?}", outcome.unscored);
    let page = Page::of(&outcome, "search");
    assert!(page.html().expect("a page").contains("no list of passages"));
}

#[test]
fn a_prompt_that_cannot_be_filled_in_says_so() {
    let question = "{{ problem }}{% if known | length == 2 %}{{ known[2].answer }}{% endif %}";
    let prompts = ResearchPrompts { question: question.into(), ..ResearchPrompts::default() };
    let parts = Parts { prompts, ..Parts::plain() };
    let model = writer(|_, rng| format!("Text {} [1].", rng.below(100_000)));
    let search = Search::new(model).role("search", searcher(Always));
    let research = Research { parts, ..Research::plain(9) };
    let outcome = search.run(Scripted::of(research), "How long?").expect("runs");
    assert_eq!(lines(&outcome, "search"), 2);
    assert_eq!(outcome.unscored.len(), 1);
    assert!(outcome.unscored[0].why.starts_with("prompt question: "), "{:?}", outcome.unscored);
    assert!(outcome.text().is_some());
}

#[test]
fn a_search_that_failed_once_is_made_again() {
    struct Once(std::sync::atomic::AtomicUsize);
    impl Retriever for Once {
        fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
            let first = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
            if first { Err("it was busy".into()) } else { Always.search(query, most) }
        }
    }
    let model = writer(|asked, _| match asked.split(' ').next() {
        Some("Decide") => "How long is the Mira?".into(),
        _ => "It is so [1].".into(),
    });
    let search = Search::new(model)
        .role("search", searcher(Once(std::sync::atomic::AtomicUsize::default())));
    let outcome = search.run(Scripted::of(Research::plain(9)), "How long?").expect("runs");
    assert_eq!((outcome.failed.len(), lines(&outcome, "search")), (1, 1));
    let report = asked(&outcome, "Write the report")[0].1;
    assert!(report.contains("A: It is so [1].") && !report.contains("failed"), "{report}");
    // What was asked in vain, and again, is a sign: one failed, three were asked before.
    let notes = Page::of(&outcome, "search").notes().join("\n");
    assert!(
        notes.contains("0 of its 5 questions found nothing, 1 failed, 3 were asked before"),
        "{notes}"
    );
}

#[test]
fn a_question_is_as_long_as_it_may_be() {
    let model = writer(|asked, rng| match asked.split(' ').next() {
        Some("Decide") => format!("w{} {}", rng.below(100_000), "why ".repeat(1_000)),
        _ => "It is so [1].".into(),
    });
    let rule = StepRule { max_step_tokens: 9_000, max_tokens: 9_000, ..StepRule::default() };
    let search = Search::new(model).role("search", searcher(Always)).rule(rule);
    let parts = Parts { known_chars: 2_000, ..Parts::plain() };
    let research = Research { parts, ..Research::plain(12) };
    let outcome = search.run(Scripted::of(research), "How long?").expect("runs");
    for (_, words) in asked(&outcome, "Decide") {
        let known = words.split("<known>\n").nth(1).unwrap_or_default();
        assert!(known.len() < 2_200, "{}", known.len());
    }
    let trail = Trail::of(&outcome.tree, outcome.best, "search");
    assert!(trail.exchanges.iter().all(|exchange| exchange.question.chars().count() <= 400));
}

#[test]
fn a_line_of_many_steps_is_one_line() {
    // Steps of an aside that end at blank lines; the last is cut.
    let model = TextModel(|_: &Prompt, so_far: &str, _: &mut Rng| {
        Ok("a\n\nb\n\nc\n\nd\n\ne".get(so_far.len()..).unwrap_or_default().to_owned())
    });
    let rule = StepRule { max_tokens: 11, ..StepRule::default() };
    let search = Search::new(model).role("search", searcher(Always)).rule(rule);
    let outcome = search.run(Scripted::of(Research::plain(1)), "How long?").expect("runs");
    let notes = Page::of(&outcome, "search").notes().join("\n");
    assert!(notes.contains("6 of its 6 lines did not end by themselves"), "{notes}");
}

#[test]
fn a_model_sees_only_what_was_found() {
    // It writes the observation itself, and goes on from it.
    let model = writer(|asked, rng| match asked.split(' ').next() {
        Some("Answer") => format!(
            "Thought: so.\nAction: search[w{}]\nObservation: MADE UP [1]\nAction: finish[MADE UP]",
            rng.below(100_000)
        ),
        _ => "It is so [1].".into(),
    });
    let search = Search::new(model).role("search", searcher(Always));
    let method = ReAct { rounds: 2, ..ReAct::default() };
    let outcome = search.run(Scripted::of(method), "How long?").expect("runs");
    assert_eq!(lines(&outcome, "search"), 2);
    for (_, node) in outcome.tree.iter() {
        let prompt = node.prompt.as_ref().map_or("", |prompt| prompt.question());
        assert!(!prompt.contains("MADE UP") && !node.step.text.contains("MADE UP"), "{prompt}");
    }
    // On the last turn there was only a search: nothing is the draft.
    assert!(!asked(&outcome, "Write the report")[0].1.contains("<draft>"));
}

#[test]
fn a_method_that_shows_pages_needs_a_template_that_does() {
    let prompts = ResearchPrompts {
        report: "{{ problem }} {{ known }}".into(),
        ..ResearchPrompts::default()
    };
    let parts = Parts { prompts, ..Parts::plain() };
    let error = RetrieveOnce { parts: parts.clone() }.check().expect_err("shows nothing");
    assert!(error.contains("sources"), "{error}");
    assert!(ReAct { parts: parts.clone(), rounds: 1 }.check().is_err());
    assert!(Research { parts, ..Research::plain(1) }.check().is_ok());
}
