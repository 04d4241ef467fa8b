//! Beam search over tokens, beside a search of everything.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tts_core::toy::{Markov, ToyWorld};
use tts_core::*;
use tts_search::{Recipe, TokenBeam};

const TOKENS: u32 = 3;
const LONGEST: usize = 4;

/// Odds of any of three tokens behind each path, the last of them the end; it ends after four for sure.
fn odds(seed: u64, path: &[u32]) -> Vec<f64> {
    if path.len() >= LONGEST {
        return vec![0.0, 0.0, 1.0];
    }
    let place = path.iter().fold(seed, |place, &token| seed::mix(place, u64::from(token)));
    let mut rng = seed::rng(place);
    let weights: Vec<f64> = (0..TOKENS).map(|_| rng.uniform().powi(3) + 1e-3).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

fn model(seed: u64) -> Markov {
    Markov::new(move |path| odds(seed, path))
}

/// Every text with its log-probability.
fn all(seed: u64) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    let mut open = vec![(Vec::new(), 0.0_f64)];
    while let Some((path, logprob)) = open.pop() {
        for (token, p) in (0..TOKENS).zip(odds(seed, &path)) {
            if p == 0.0 {
                continue;
            }
            let logprob = logprob + p.ln();
            if token + 1 == TOKENS {
                let text = path.iter().map(|&t| char::from_u32(97 + t).expect("a letter"));
                found.push((text.collect(), logprob));
            } else {
                open.push(([path.clone(), vec![token]].concat(), logprob));
            }
        }
    }
    found
}

fn run(seed: u64, beam: TokenBeam) -> Outcome {
    Search::new(model(seed)).run(beam, "?").expect("runs")
}

/// The log-probability of what a search chose.
fn reached(seed: u64, outcome: &Outcome) -> f64 {
    let texts: BTreeMap<String, f64> = all(seed).into_iter().collect();
    texts[&outcome.text().expect("a text")]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Wide enough, nothing is left out.
    #[test]
    fn a_wide_beam_finds_the_likeliest_text(seed in any::<u64>()) {
        let outcome = run(seed, TokenBeam { keep: 64, branch: TOKENS, ..Default::default() });
        let best = all(seed).into_iter().map(|(_, logprob)| logprob).fold(f64::MIN, f64::max);
        // Log-probabilities of tokens are f32.
        prop_assert!((reached(seed, &outcome) - best).abs() < 1e-5);
        // What is less likely than a text that has ended is given up: all paths have 1 + 3 + 6 + 12 + 24 nodes.
        prop_assert!(outcome.tree.len() <= 46);
    }

    /// One beginning, one token: what is written greedily.
    #[test]
    fn a_beam_of_one_is_greedy(seed in any::<u64>()) {
        let narrow = run(seed, TokenBeam { keep: 1, branch: 1, ..Default::default() });
        let greedy = Search::new(model(seed))
            .sampling(Sampling::greedy())
            .run(Recipe::default_of("greedy", 1).expect("a name"), "?")
            .expect("runs");
        prop_assert_eq!(narrow.text(), greedy.text());
    }

    /// By length the mean is what counts, of the texts that were found.
    #[test]
    fn a_penalty_ranks_what_has_ended(seed in any::<u64>(), keep in 1_usize..5) {
        let beam = TokenBeam { keep, branch: TOKENS, length_penalty: 1.0, ..Default::default() };
        let outcome = run(seed, beam);
        let texts: BTreeMap<String, f64> = all(seed).into_iter().collect();
        let mean = |text: &str| texts[text] / (text.len() as f64 + 1.0);
        let ended = outcome.tree.finished().map(|id| mean(&outcome.tree.text(id)));
        let best = ended.fold(f64::MIN, f64::max);
        prop_assert!((mean(&outcome.text().expect("a text")) - best).abs() < 1e-6);
    }
}

/// By hand: "a" is the likelier beginning, "ba" the likelier text.
#[test]
fn each_beginning_is_tried_with_its_likeliest_tokens() {
    let model = Markov::new(|path| match path {
        [] => vec![0.6, 0.4, 0.0],
        [0] => vec![0.4, 0.35, 0.25],
        [1] => vec![0.9, 0.05, 0.05],
        _ => vec![0.0, 0.0, 1.0],
    });
    let beam = TokenBeam { keep: 2, branch: 2, ..Default::default() };
    let outcome = Search::new(&model).seed(9).run(beam, "?").expect("runs");
    let texts: Vec<String> =
        outcome.tree.iter().skip(1).map(|(id, _)| outcome.tree.text(id)).collect();
    // The second round keeps "ba" (0.36) and "aa" (0.24); "ab" (0.21) and "bb" (0.02) are gone.
    assert_eq!(texts[..6], ["a", "b", "aa", "ab", "ba", "bb"]);
    assert_eq!(outcome.text().as_deref(), Some("ba"));
    // "ba" has ended, and "aa" is less likely: the round after them is the last one.
    assert_eq!(outcome.usage.rounds, 3);
    assert_eq!(outcome.usage.logical.samples, 2 + 4 + 4);
    // No chance, so no seed.
    let again = Search::new(&model)
        .seed(1)
        .run(TokenBeam { keep: 2, branch: 2, ..Default::default() }, "?")
        .expect("runs");
    assert_eq!(again.text(), outcome.text());
}

fn narrow() -> TokenBeam {
    TokenBeam { keep: 2, branch: 2, ..Default::default() }
}

/// Ends that are unlikely end nothing, and a text may be longer than a search has steps.
#[test]
fn unlikely_ends_and_long_texts() {
    let model = Markov::new(|path| match path {
        [] => vec![0.6, 0.399, 0.001],
        path if path.len() < 60 => vec![0.9, 0.099, 0.001],
        _ => vec![0.05, 0.05, 0.9],
    });
    for branch in [2, 3] {
        let beam = TokenBeam { branch, length_penalty: 1.0, ..narrow() };
        let outcome = Search::new(&model).run(beam, "?").expect("runs");
        assert_eq!(outcome.text().as_deref(), Some("a".repeat(60).as_str()), "{branch}");
    }
}

/// Where nothing has ended the answer is the likeliest text that a limit has cut, and a reserve writes the likeliest
/// beginning to its end.
#[test]
fn limits_and_budgets_leave_an_answer_where_there_is_one() {
    let endless = Markov::new(|_| vec![0.7, 0.3, 0.0]);
    let rule = StepRule { max_tokens: 3, ..StepRule::default() };
    for (keep, length_penalty) in [(1, 0.0), (2, 0.0), (2, 1.0)] {
        let beam = TokenBeam { keep, branch: 2, length_penalty, ..Default::default() };
        let outcome = Search::new(&endless).rule(rule.clone()).run(beam, "?").expect("runs");
        assert!(outcome.tree.finished().next().is_none());
        assert_eq!(outcome.text().as_deref(), Some("aaa"), "{keep}");
        assert!(outcome.tree.iter().all(|(_, node)| node.depth <= 3));
    }
    // The likelier beginning is not that of the likelier text; and what has ended is preferred, however unlikely.
    let late = |end: f64| {
        Markov::new(move |path| match path {
            [] => vec![0.6, 0.4, 0.0],
            [0] => vec![0.5, 0.5 - end, end],
            _ => vec![0.95, 0.05, 0.0],
        })
    };
    for (end, expected) in [(0.0, "ba"), (0.1, "a")] {
        let rule = StepRule { max_tokens: 2, ..StepRule::default() };
        let beam = TokenBeam { keep: 2, branch: 3, ..Default::default() };
        let outcome = Search::new(late(end)).rule(rule).run(beam, "?").expect("runs");
        assert_eq!(outcome.text().as_deref(), Some(expected));
    }

    let model =
        Markov::new(|path| if path.len() < 6 { vec![0.7, 0.3, 0.0] } else { vec![0.0, 0.0, 1.0] });
    for most in 11..30 {
        let budget = Budget { mode: Mode::Hard, reserve: 8, ..Budget::tokens(most) };
        let outcome = Search::new(&model).budget(budget).run(narrow(), "?").expect("runs");
        assert!(outcome.usage.logical.generated_tokens <= most);
        let best = outcome.best.expect("an answer");
        assert!(outcome.tree[best].is_finished(), "{most}");
        // It stands behind the likeliest beginning: every token of the beam is "a".
        let path = outcome.tree.path(best);
        let beam = path.iter().filter(|&&id| outcome.tree[id].step.tokens.len() == 1);
        let kept: String = beam.map(|&id| outcome.tree[id].step.text.as_str()).collect();
        assert!(!kept.contains('b'), "{most}: {kept}");
    }
}

/// Alone, among eight, and played back from its record.
#[test]
fn nothing_changes_in_company_or_from_a_record() {
    let model = model(5);
    let prompts: Vec<Prompt> = (0..8).map(|i| Prompt::from(format!("{i}"))).collect();
    let search = Search::new(&model);
    let together = search.run_many(&narrow(), prompts.clone());
    let folder = tempfile::tempdir().expect("a folder");
    for (prompt, outcome) in prompts.into_iter().zip(together) {
        let alone = search.run(narrow(), prompt.clone()).expect("runs");
        assert_eq!(outcome.expect("runs").tree, alone.tree);
        let path = folder.path().join(prompt.question());
        search.clone().record(&path).run(narrow(), prompt.clone()).expect("runs");
        let replay = Replay::read([&path]).expect("a record");
        let again = Search::new(&replay).run(narrow(), prompt).expect("runs");
        assert_eq!(again.text(), alone.text());
    }
}

#[test]
fn what_cannot_be_ranked_fails_and_says_so() {
    let world = ToyWorld::default();
    let error = Search::new(world).run(TokenBeam::default(), world.prompt(0)).expect_err("refused");
    let expected = "sampling: first is 3, but this world cannot rank its tokens";
    assert!(error.to_string().contains(expected), "{error}");
    // Three tokens have no fourth: that line fails, the others go on.
    let outcome = run(3, TokenBeam { keep: 1, branch: 4, ..Default::default() });
    let errors: Vec<&str> = outcome.failed.iter().map(|line| line.error.0.as_str()).collect();
    assert!(errors.contains(&"no token has the rank 3: there are 3"), "{errors:?}");
    assert!(errors.iter().all(|error| error.starts_with("no token has the rank ")), "{errors:?}");
    for (beam, expected) in [
        (TokenBeam { keep: 0, ..Default::default() }, "token-beam: keep is 0"),
        (TokenBeam { branch: 0, ..Default::default() }, "token-beam: branch is 0"),
        (
            TokenBeam { length_penalty: -1.0, ..Default::default() },
            "token-beam: length_penalty is -1, expected a number of at least 0",
        ),
    ] {
        let error = beam.check().expect_err(expected);
        assert!(error.starts_with(expected), "{error}");
    }
    let recipe = Recipe::from_json(r#"{"strategy": "token-beam", "keep": 3}"#).expect("a recipe");
    assert_eq!(recipe, TokenBeam { keep: 3, ..Default::default() }.into());
}
