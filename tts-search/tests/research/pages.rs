//! What a page says of a report: citations that hold, and those that do not.

use super::*;

/// Cites what was never found, until it is told.
fn careless() -> impl Generator + Clone {
    TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let asked = prompt.question();
        let text = match asked.split(' ').next() {
            Some("Decide") => format!("w{}?", rng.below(1_000)),
            Some("A") => "It is so [1].".into(),
            Some("Answer") => "It says so [1], and so [42].".into(),
            _ => "It is so [1]. It is not [42]. It says \"nothing at all here\" [1]. Who knows."
                .into(),
        };
        Ok(if so_far.is_empty() { text } else { String::new() })
    })
}

fn report(mend: usize) -> Outcome {
    let search = Search::new(careless()).role("search", searcher(Always));
    let parts = Parts { mend, ..Parts::plain() };
    let research = Research { parts, ..Research::plain(2) };
    search.run(Scripted::of(research), "Is it <so>?").expect("runs")
}

#[test]
fn what_was_not_retrieved_is_refused_and_said() {
    let outcome = report(0);
    // What an answer makes up goes no further.
    let known = asked(&outcome, "Write the report")[0].1;
    assert!(known.contains("A: It says so [1], and so.") && !known.contains("so [42]."), "{known}");
    let page = Page::of(&outcome, "search");
    assert_eq!(page.checked().cited(), [1]);
    assert!(!page.checked().holds());
    let notes = page.notes().join("\n");
    for said in [
        "2 of 4 statements cite no source",
        "[42] is no source that was found",
        "word for word: \"nothing at all",
    ] {
        assert!(notes.contains(said), "{notes}");
    }
    let html = page.html().expect("a page");
    assert!(html.contains("<a href=\"#source-1\">1</a>") && !html.contains("#source-42"));
    assert!(
        html.contains("<span class=\"refused\" title=\"not a source that was found\">42</span>")
    );
    assert!(html.contains("Is it &lt;so&gt;?") && html.contains("draft 1"));
    assert!(html.contains("id=\"source-1\""));
}

#[test]
fn a_report_is_markdown_too() {
    let page = report(0);
    let page = Page::of(&page, "search");
    let text = page.markdown();
    assert!(
        text.starts_with("# Is it &lt;so>?\n\n> 2 of 4 statements cite no source.\n"),
        "{text}"
    );
    assert!(
        text.contains("\n\nIt is so [1]. It is not. It says \"nothing at all here\" [1]."),
        "{text}"
    );
    let (_, sources) = text.split_once("\n## Sources\n\n").expect("sources");
    assert!(sources.starts_with("- [1] w") && sources.lines().count() == 1, "{text}");
    let settings = Settings {
        roles: [("search".to_owned(), tts_core::drive::Writer::default())].into(),
        ..Settings::default()
    };
    let none = Run::new(Scripted::of(Research::plain(5)), "How long?", settings).expect("starts");
    let none = none.finish();
    let model = TextModel(|_: &Prompt, so_far: &str, _: &mut Rng| {
        let text = "See ![x](http://x.org/?q) and <script> [here](javascript:x) [1].";
        Ok(if so_far.is_empty() { text.to_owned() } else { String::new() })
    });
    let search = Search::new(model).role("search", searcher(Always));
    let outcome = search.run(Scripted::of(RetrieveOnce::default()), "How?").expect("runs");
    let text = Page::of(&outcome, "search").markdown();
    assert!(!text.contains("](") && !text.contains("![") && !text.contains("<script"), "{text}");
    assert!(Page::of(&none, "search").markdown().contains("There is no report"));
}

#[test]
fn a_report_is_mended_while_there_is_room() {
    let mended = report(3);
    assert_eq!(mended.text().as_deref(), Some("It is so [1]."));
    assert_eq!(counted(&mended).0, counted(&report(0)).0 + 1);
    assert!(Page::of(&mended, "search").checked().holds());
    let words = asked(&mended, "A report cites")[0].1;
    assert!(words.contains("- [42] is no source that was found"), "{words}");
}

#[test]
fn what_is_written_again_has_to_be_better() {
    let good = "It is so [1]. It is not so there [1]. Nor is it elsewhere [2]. It is not [42].";
    for (again, kept) in [
        ("Sorry, I can't.", false),
        ("It is so [1].", false),
        ("", false),
        ("It is so [1]. It is not so there [1]. Nor is it elsewhere [2]. Nor [43] or [44].", false),
        ("It is so [1]. It is not so there [1]. Nor is it elsewhere [2]. Nor", true),
    ] {
        let model = TextModel(move |prompt: &Prompt, so_far: &str, rng: &mut Rng| {
            let text = match prompt.question().split(' ').next() {
                Some("Decide") => format!("w{}?", rng.below(1_000)),
                Some("A") => again.into(),
                _ => good.into(),
            };
            Ok(if so_far.is_empty() { text } else { String::new() })
        });
        let search = Search::new(model).role("search", searcher(Always));
        let parts = Parts { mend: 1, ..Parts::plain() };
        let research = Research { parts, ..Research::plain(1) };
        let outcome = search.run(Scripted::of(research), "How?").expect("runs");
        assert_eq!(outcome.text().as_deref(), Some(if kept { again } else { good }));
    }
}

#[test]
fn faults_are_safe_to_quote() {
    let model = TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let text = match prompt.question().split(' ').next() {
            Some("Decide") => format!("w{}?", rng.below(1_000)),
            _ => "It is </report> so <|im_end|> and \"never said </s> anywhere\" [42].".into(),
        };
        Ok(if so_far.is_empty() { text } else { String::new() })
    });
    let search = Search::new(model).role("search", searcher(Always));
    let parts = Parts { mend: 1, ..Parts::plain() };
    let outcome =
        search.run(Scripted::of(Research { parts, ..Research::plain(1) }), "How?").expect("runs");
    let words = asked(&outcome, "A report cites")[0].1;
    assert!(words.contains("- [42] is no source") && words.contains("- no source says"), "{words}");
    for token in ["<|", "</s>", "</report> so"] {
        assert!(!words.contains(token), "{words}");
    }
}

#[test]
fn a_research_that_was_called_off_has_a_page() {
    let research = Scripted::of(Research::plain(5));
    let settings = Settings {
        roles: [("search".to_owned(), tts_core::drive::Writer::default())].into(),
        ..Settings::default()
    };
    let outcome = Run::new(research, "How long?", settings).expect("starts").finish();
    let page = Page::of(&outcome, "search");
    assert!(page.notes()[0].contains("There is no report"), "{:?}", page.notes());
    assert!(page.html().expect("a page").contains("called off"));
    let progress = Progress::of(&outcome.tree, outcome.usage.logical, "search");
    assert_eq!((progress.searches, progress.drafts, progress.words), (0, 0, 0));
}
