//! Budgets that hold, and leave a report.

use super::*;

/// Candidates that were asked for as a report, or as one again.
fn reported(outcome: &Outcome) -> bool {
    let best = outcome.best.map(|best| outcome.tree.asked(best).question().to_owned());
    best.is_some_and(|asked| asked.starts_with("Write the report"))
}

#[test]
fn a_hard_budget_is_kept_and_leaves_a_report() {
    let research = Research { rounds: 3, ..Research::default() };
    let free = run(research.clone());
    let (used, rounds) = (free.usage.logical, free.usage.rounds);
    let hard = |budget: Budget| {
        let budget = Budget { mode: Mode::Hard, ..budget };
        engine()
            .budget(budget)
            .run(Scripted::of(research.clone()), "How long are the rivers?")
            .expect("runs")
    };
    for limit in 1..=used.calls {
        let outcome = hard(Budget { calls: Some(limit), ..Budget::default() });
        assert!(outcome.usage.logical.calls <= limit, "{} of {limit}", outcome.usage.logical.calls);
        assert!(outcome.best.is_some());
        // A draft and a report: from two calls on there is one.
        assert_eq!(reported(&outcome), limit >= 2, "{limit}");
    }
    assert_eq!(hard(Budget { calls: Some(used.calls), ..Budget::default() }).tree, free.tree);
    for limit in 1..=used.samples {
        let outcome = hard(Budget { samples: Some(limit), ..Budget::default() });
        assert!(outcome.usage.logical.samples <= limit);
        assert_eq!(reported(&outcome), limit >= 2, "{limit}");
    }
    for limit in 1..=rounds {
        let outcome = hard(Budget { rounds: Some(limit), ..Budget::default() });
        assert!(outcome.usage.rounds <= limit);
        assert_eq!(reported(&outcome), limit >= 2, "{limit}");
    }
    for tokens in (60..used.generated_tokens).step_by(37) {
        let outcome = hard(Budget { generated_tokens: Some(tokens), ..Budget::default() });
        assert!(outcome.usage.logical.generated_tokens <= tokens);
        assert!(reported(&outcome), "{tokens} tokens: {:?} {:?}", outcome.stop, outcome.text());
    }
}

#[test]
fn more_of_a_budget_is_never_less_of_a_research() {
    let searches = |calls: u64| {
        let budget = Budget { calls: Some(calls), mode: Mode::Hard, ..Budget::default() };
        let outcome = engine().budget(budget).run(Scripted::of(Research::plain(20)), "How long?");
        counted(&outcome.expect("runs")).1
    };
    let by_calls: Vec<u64> = (2..30).map(searches).collect();
    assert!(by_calls.windows(2).all(|pair| pair[0] <= pair[1]), "{by_calls:?}");
    // A plan, a draft, a report, and four calls a step.
    assert_eq!(by_calls[27], (29 - 3) / 4);
}

#[test]
fn every_method_keeps_a_report_within_its_budget() {
    // `spare` is what a method needs beyond its calls to see that there would have been no more.
    fn within<S: Script>(method: &S, calls: u64, spare: u64) {
        let budget = Budget { calls: Some(calls), mode: Mode::Hard, ..Budget::default() };
        let outcome =
            engine().budget(budget).run(Scripted::of(method.clone()), "How long?").expect("runs");
        assert!(outcome.usage.logical.calls <= calls);
        assert!(reported(&outcome), "{calls}: {:?}", outcome.stop);
        // Whatever was done less for the sake of the budget, it says so.
        let free = engine().run(Scripted::of(method.clone()), "How long are the rivers?");
        let whole = free.expect("runs").usage.logical.calls + spare <= calls;
        let expected = if whole { Stop::Done } else { Stop::Budget(Limit::Calls) };
        assert_eq!(outcome.stop, expected, "{calls}");
    }
    for calls in 1..70 {
        within(&RetrieveOnce::default(), calls, 0);
        within(&PlanSearchWrite::default(), calls, 0);
        // As many questions as there is room for: there may have been more.
        within(&ParallelSearch::default(), calls, 2);
        within(&ReAct::default(), calls, 0);
        within(&SelfAsk::default(), calls, 0);
    }
}

#[test]
fn an_estimate_counts_what_a_budget_leaves() {
    let budget = Budget { calls: Some(50), mode: Mode::Hard, ..Budget::default() };
    let assumed = Assumptions {
        line_tokens: 100,
        prompt_price: 1.0,
        generated_price: 2.0,
        tokens_per_second: 50.0,
        search_seconds: 1.0,
        budget,
        ..Assumptions::default()
    };
    let estimate = Estimate::of(&Research::default(), "search", &assumed).expect("estimates");
    assert!(
        estimate.calls <= 50 && estimate.generated_tokens == 100 * estimate.lines,
        "{estimate}"
    );
    let money = (estimate.prompt_tokens + 2 * estimate.generated_tokens) as f64 / 1e6;
    assert!((estimate.money - money).abs() < 1e-12);
    // Two seconds for each round of lines, one for each search.
    let lines = f64::from(estimate.rounds) - estimate.searches as f64;
    assert_eq!(estimate.seconds, Some(2.0 * lines + estimate.searches as f64));
    let bad = Assumptions { prompt_price: f64::NAN, ..Assumptions::default() };
    assert!(
        Estimate::of(&Research::default(), "search", &bad).unwrap_err().contains("prompt_price")
    );
}

#[test]
fn sixty_four_at_once_are_each_alone() {
    let budget = Budget { calls: Some(40), mode: Mode::Hard, ..Budget::default() };
    let search = engine().budget(budget).concurrency(64);
    let method = Scripted::of(Research { rounds: 4, ..Research::default() });
    let prompts: Vec<Prompt> = (0..64).map(|n| Prompt::from(format!("Rivers of {n}?"))).collect();
    let together = search.run_many(&method, prompts.iter().cloned());
    for (prompt, outcome) in prompts.iter().zip(together).step_by(9) {
        let (alone, outcome) =
            (search.run(method.clone(), prompt.clone()).expect("runs"), outcome.expect("runs"));
        assert!(
            alone.tree == outcome.tree && outcome.usage.logical.calls <= 40 && reported(&outcome)
        );
    }
}
