//! Drafts within a budget of tokens: what was written is never given up for less.

use super::*;

/// Writes texts of these lengths: plan, drafts, questions, answers, reports.
fn writer(draft: usize, report: usize) -> impl Generator + Clone {
    TextModel(move |prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let asked = prompt.question();
        let of = |length: usize| "word ".repeat(length / 5);
        let text = match asked.split(' ').take(3).collect::<Vec<_>>()[..] {
            ["Plan", ..] => of(200),
            ["Decide", ..] => format!("What is w{}?", rng.below(100_000)),
            ["Answer", ..] => of(150),
            ["Write", "the", "report"] => of(report),
            ["Judge", ..] => "Helpful: 3\nComprehensive: 3".into(),
            _ => of(draft),
        };
        Ok(if so_far.is_empty() { text } else { String::new() })
    })
}

/// No blank lines are written and nothing is long: a line is a step.
fn within(model: impl Generator + 'static, parts: Parts, rounds: usize, tokens: u64) -> Outcome {
    let budget = Budget { generated_tokens: Some(tokens), mode: Mode::Hard, ..Budget::default() };
    let rule = StepRule { max_step_tokens: 4_000, max_tokens: 4_000, ..StepRule::default() };
    let search = Search::new(model).role("search", searcher(Always)).rule(rule).budget(budget);
    let research = Research { parts, rounds, ..Research::default() };
    search.run(Scripted::of(research), "How long are the rivers?").expect("runs")
}

/// What stands between the marks of a section.
fn section<'p>(prompt: &'p str, name: &str) -> &'p str {
    let (_, rest) = prompt.split_once(&format!("<{name}>\n")).unwrap_or_default();
    rest.split(&format!("\n</{name}>")).next().unwrap_or_default()
}

#[test]
fn a_draft_never_gets_shorter() {
    let mut steps = 0;
    for tokens in (1_000..12_000).step_by(250) {
        let outcome = within(writer(600, 600), Parts::plain(), 20, tokens);
        assert!(outcome.usage.logical.generated_tokens <= tokens);
        let shown = asked(&outcome, "Write the draft").into_iter();
        let shown = shown.chain(asked(&outcome, "Write the report"));
        let lengths: Vec<usize> = shown.map(|(_, words)| section(words, "draft").len()).collect();
        assert!(lengths.windows(2).all(|pair| pair[0] <= pair[1]), "{tokens}: {lengths:?}");
        // Where there is room for a whole draft, the answer is one.
        let text = outcome.text().expect("an answer");
        let whole = tokens < 2_500 || text.trim().len() >= 599;
        assert!(whole && text.len() >= lengths[0], "{tokens}: {}", text.len());
        steps = steps.max(lines(&outcome, "search"));
    }
    assert!(steps >= 5, "{steps} searches at most");
    // What a step is too short for is not begun.
    let outcome = within(writer(600, 600), Parts::plain(), 20, 4_000);
    assert_eq!(lines(&outcome, "search"), 1);
    assert_eq!(outcome.stop, Stop::Budget(Limit::GeneratedTokens));
}

#[test]
fn the_evolution_of_a_report_shrinks_before_the_report_does() {
    let parts = Parts { report: Part::of(1, 1), ..Parts::plain() };
    for tokens in (300..3_000).step_by(50) {
        let outcome = within(writer(20, 300), parts.clone(), 0, tokens);
        let first = asked(&outcome, "Write the report")[0].0;
        let before: u64 = ["Plan", "Write a first draft"]
            .iter()
            .map(|words| outcome.tree.generated(asked(&outcome, words)[0].0))
            .sum();
        let left = tokens - before;
        let written = outcome.tree.generated(first);
        assert_eq!(written, left.min(301), "{tokens} tokens, {left} left");
    }
}

#[test]
fn a_draft_is_evolved_as_far_as_there_is_room() {
    let parts = Parts { draft: Part::of(3, 3), ..Parts::plain() };
    for calls in 2..24 {
        let budget = Budget { calls: Some(calls), mode: Mode::Hard, ..Budget::default() };
        let research = Research { parts: parts.clone(), ..Research::plain(2) };
        let outcome =
            engine().budget(budget).run(Scripted::of(research), "How long?").expect("runs");
        assert_eq!(asked(&outcome, "Write the report").len(), 1, "{calls}");
    }
}

#[test]
fn a_line_that_is_cut_by_its_own_rule_is_not_cut_by_the_budget() {
    let budget =
        Budget { generated_tokens: Some(1_000_000), mode: Mode::Hard, ..Budget::default() };
    let rule = StepRule { max_step_tokens: 100, max_tokens: 100, ..StepRule::default() };
    let search = Search::new(writer(600, 600)).role("search", searcher(Always));
    let search = search.rule(rule).budget(budget);
    let outcome = search.run(Scripted::of(Research::plain(1)), "How long?").expect("runs");
    assert_eq!(outcome.stop, Stop::Done);
    // A draft that is cut anyway is replaced by one that is cut as late.
    assert_eq!(lines(&outcome, "search"), 1);
}

/// Writes nothing as long as it is asked for a draft.
#[test]
fn a_blank_draft_ends_nothing() {
    let model = TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let asked = prompt.question();
        let text = match asked.split(' ').take(3).collect::<Vec<_>>()[..] {
            ["Write", "a", "first"] => String::new(),
            ["Decide", ..] => format!("What is w{}?", rng.below(100_000)),
            _ => "It is so [1].".into(),
        };
        Ok(if so_far.is_empty() { text } else { String::new() })
    });
    let search = Search::new(model).role("search", searcher(Always));
    let outcome = search.run(Scripted::of(Research::plain(2)), "How long?").expect("runs");
    assert_eq!(lines(&outcome, "search"), 2);
    assert_eq!(outcome.text().as_deref(), Some("It is so [1]."));
}

#[test]
fn a_revision_that_is_cut_takes_no_whole_drafts_place() {
    let model = TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let asked = prompt.question();
        let text = match asked.split(' ').take(3).collect::<Vec<_>>()[..] {
            ["Write", "a", "first"] => "A whole draft.".into(),
            ["Write", "the", "draft"] => "longer and longer ".repeat(30),
            ["Decide", ..] => format!("What is w{}?", rng.below(100_000)),
            _ => "It is so.".into(),
        };
        Ok(if so_far.is_empty() { text } else { String::new() })
    });
    let rule = StepRule { max_step_tokens: 100, max_tokens: 100, ..StepRule::default() };
    let search = Search::new(model).role("search", searcher(Always)).rule(rule);
    let outcome = search.run(Scripted::of(Research::plain(2)), "How long?").expect("runs");
    assert_eq!(asked(&outcome, "Write the draft").len(), 2);
    let (_, report) = &asked(&outcome, "Write the report")[0];
    assert_eq!(section(report, "draft"), "A whole draft.");
}
