//! Texts that were sampled elsewhere: searched, voted on and judged as if they had been written now.

use std::sync::Arc;

use super::*;
use tts_core::toy::{Oracle, Sample};

const QUESTION: &str = "How many?";

/// A pool of one question.
fn given<T: Into<GivenText>>(texts: impl IntoIterator<Item = T>) -> GivenTexts {
    let mut given = GivenTexts::default();
    given.add(QUESTION, "pool.jsonl: line 3", texts);
    given
}

fn lines_of(outcome: &Outcome) -> Vec<String> {
    let end = |&first: &NodeId| {
        let next = |&id: &NodeId| outcome.tree[id].children.first().copied();
        std::iter::successors(Some(first), next).last().expect("itself")
    };
    let root = &outcome.tree[NodeId::ROOT];
    root.children.iter().map(|first| outcome.tree.text(end(first))).collect()
}

/// Pools of `Qwen2.5-Math`'s evaluation with a reward model's scores, and whom its scripts choose from them: the first of
/// the most frequent answer, of the highest score, of the greatest sum of sigmoids.
#[test]
fn votes_and_best_of_are_those_of_the_pool() {
    type Row = ([&'static str; 8], [f64; 8], [usize; 3]);
    let rows: [Row; 3] = [
        (
            ["6.5", "12.5", "12.5", "22.22", "25", "33.33", "13", "20"],
            [
                -2.890_625,
                -1.304_687_5,
                -1.531_25,
                -0.914_062_5,
                -0.186_523_437_5,
                -1.726_562_5,
                -1.179_687_5,
                -2.140_625,
            ],
            [1, 4, 4],
        ),
        (
            ["19", "31", "31", "19", "19", "31", "19", "19"],
            [
                0.734_375,
                2.109_375,
                2.093_75,
                1.257_812_5,
                0.992_187_5,
                1.710_937_5,
                1.015_625,
                0.921_875,
            ],
            [0, 1, 0],
        ),
        (
            ["50625", "759375", "50625", "50625", "2500", "708750", "759375", "50625"],
            [
                0.679_687_5,
                2.296_875,
                0.597_656_25,
                -0.208_007_812_5,
                -0.486_328_125,
                -1.929_687_5,
                2.234_375,
                0.5,
            ],
            [0, 1, 0],
        ),
    ];
    for (answers, scores, expected) in rows {
        let text = |(place, answer)| format!("Attempt {place}: it is \\boxed{{{answer}}}.");
        let texts: Vec<String> = answers.iter().enumerate().map(text).collect();
        let own = texts.clone();
        let judge = scorer::from_fn(move |path: &Trajectory, _step: &Step| {
            let place = own.iter().position(|text| *text == path.text());
            scores[place.expect("a text of the pool")]
        });
        let judge = judge.with_scale(Scale { unit: Unit::LogOdds, ..Scale::default() });
        let pool = given(texts.clone());
        let outcome =
            Search::new(&pool).scorer(&judge).run(Sample { n: 8 }, QUESTION).expect("runs");
        assert_eq!(lines_of(&outcome), texts);
        let tree = &outcome.tree;
        for (rule, place) in [Rule::Majority, Rule::Best, Rule::Weighted].into_iter().zip(expected)
        {
            let chosen = Selection { rule, ..Selection::default() }.pick(tree).expect("answers");
            assert_eq!(tree.answer(chosen), Some(answers[place]), "{rule:?}");
            if rule == Rule::Best {
                assert_eq!(tree.text(chosen), texts[place]);
            }
        }
    }
}

/// Asks twice, as adaptive votes do.
#[derive(Clone)]
struct Twice(usize);

impl SearchStrategy for Twice {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.rounds() < 2 { vec![Expand::end(NodeId::ROOT, self.0)] } else { Vec::new() }
    }
}

/// Four and four are eight, and fewer are the first of them, whatever the seed is and however requests are cut.
#[test]
fn the_place_of_a_line_is_its_own() {
    let texts: Vec<String> = (0..8).map(|n| format!("The answer is {n}.")).collect();
    for seed in [0, 3, u64::MAX] {
        let pool = given(texts.clone()).under(seed);
        let search = Search::new(&pool).seed(seed);
        let whole = search.run(Sample { n: 8 }, QUESTION).expect("runs");
        let twice = search.run(Twice(4), QUESTION).expect("runs");
        assert_eq!(lines_of(&twice), texts);
        assert_eq!(lines_of(&whole), texts);
        let few = search.run(Sample { n: 3 }, QUESTION).expect("runs");
        assert_eq!(lines_of(&few), texts[..3]);
        // In the words of a system prompt, too: another prompt has other seeds.
        let asked = search.run(Sample { n: 8 }, Prompt::chat("Be brief.", QUESTION)).expect("runs");
        assert_eq!(lines_of(&asked), texts);
        // Lines are the same one by one, and in any order.
        let root = tts_core::seed::prompt(seed, &Prompt::from(QUESTION));
        let prefix = Trajectory::new(Arc::new(Prompt::from(QUESTION)), Vec::new(), 0, false);
        let seeds: Vec<u64> = [5, 0, 7].map(|n| tts_core::seed::child(root, n)).into();
        let request = Request { until: Until::End, max_tokens: 99, ..Request::new(prefix, seeds) };
        let together = pool.generate(std::slice::from_ref(&request)).expect("answers");
        for (line, &seed) in together[0].lines.iter().zip(&request.seeds) {
            let alone = Request { seeds: vec![seed], ..request.clone() };
            assert_eq!(pool.generate(&[alone]).expect("answers")[0].lines[0], *line);
        }
        let first = &together[0].lines[0].as_ref().expect("a text").steps[0].text;
        assert_eq!(*first, texts[5]);
    }
}

/// A text that was sampled is the line that it was: steps, scores, answer.
#[test]
fn a_scorer_sees_what_it_saw_when_the_text_was_sampled() {
    let rule = StepRule { max_steps: 9, ..StepRule::lines() };
    let judge = Oracle { noise: 0.4, seed: 2 };
    for problem in 0..4 {
        let prompt = world().prompt(problem);
        let run = |generator: &dyn Generator| {
            let search = Search::new(generator).scorer(judge).rule(rule.clone());
            search.run(Sample { n: 6 }, prompt.clone()).expect("runs")
        };
        let sampled = run(&world());
        let mut pool = GivenTexts::default();
        pool.add(prompt.question(), "a row", lines_of(&sampled));
        let again = run(&pool);
        assert_eq!(again.tree.len(), sampled.tree.len());
        for ((_, node), (_, before)) in again.tree.iter().zip(sampled.tree.iter()) {
            assert_eq!((&node.step.text, node.score), (&before.step.text, before.score));
            assert_eq!(
                (node.parent, node.finish, node.seed),
                (before.parent, before.finish, before.seed)
            );
        }
        assert_eq!(again.answer(), sampled.answer());
        assert_eq!(again.best, sampled.best);
        assert!(again.usage.logical.scored_tokens > 0 && again.usage.logical.samples == 6);
        // Writer and scorer read the prompt once each: its bytes, or as many tokens as it is told to be.
        assert_eq!(again.usage.logical.read_tokens, 2 * prompt.question().len() as u64);
        assert_eq!(again.usage.logical.read_tokens, sampled.usage.logical.read_tokens);
        pool = pool.asked_in(|_| Ok(1));
        assert_eq!(run(&pool).usage.logical.read_tokens, 2);
    }
}

/// Texts are cut at the bytes where those of a server are.
#[test]
fn the_rule_of_the_search_cuts() {
    let rule = StepRule {
        delimiters: vec!["\n\n".into()],
        stop: vec!["END".into()],
        pause: vec!["</think>".into()],
        ..StepRule::default()
    };
    let table: [(&str, &[&str], Finish, u32); 10] = [
        // White space alone is no step, and a blank line may have some on it.
        ("one\n\n \n\ntwo\n\n", &["one\n\n", " \n\ntwo\n\n"], Finish::Stop, 0),
        ("one\n \t\ntwo", &["one\n \t\n", "two"], Finish::Stop, 0),
        ("one\n\ntwo\n\nthree", &["one\n\n", "two\n\n", "three"], Finish::Stop, 0),
        ("\n\none\n\ntwo", &["\n\none\n\n", "two"], Finish::Stop, 0),
        ("größe END of it", &["größe END"], Finish::Stop, 3),
        ("one\n\nhm</think>\n\ntwo", &["one\n\n", "hm</think>"], Finish::Pause, 8),
        ("so it E\n\nEND", &["so it E\n\n", "END"], Finish::Stop, 3),
        ("one", &["one"], Finish::Stop, 0),
        ("", &[""], Finish::Stop, 0),
        (" \n\n ", &[" \n\n "], Finish::Stop, 0),
    ];
    for (text, expected, finish, closing) in table {
        let search = Search::new(given([text])).rule(rule.clone());
        let outcome = search.run(Sample { n: 1 }, QUESTION).expect("runs");
        let nodes: Vec<&Node> = outcome.tree.iter().skip(1).map(|(_, node)| node).collect();
        let steps: Vec<&str> = nodes.iter().map(|node| node.step.text.as_str()).collect();
        assert_eq!(steps, expected, "{text:?}");
        let last = nodes.last().expect("a step");
        assert_eq!((last.finish, last.step.closing), (finish, closing), "{text:?}");
        let tokens: usize = nodes.iter().map(|node| node.step.tokens.len()).sum();
        assert_eq!(tokens, expected.concat().len(), "{text:?}");
    }
    // Steps that are known are those, whatever the rule says; and what was cut off is no answer.
    let known = GivenText::of_steps(["one and", " a half\n\n\n", "", "The answer is 3."]);
    let cut = GivenText::new("The answer is 4.").ended_by(Finish::Length);
    let outcome = Search::new(given([known, cut])).rule(rule).run(Sample { n: 2 }, QUESTION);
    let outcome = outcome.expect("runs");
    assert_eq!(outcome.tree.len(), 1 + 3 + 1);
    let finished = outcome.tree.iter().filter(|(_, node)| node.is_finished()).count();
    assert_eq!((finished, outcome.answer().as_deref()), (1, Some("3")));
}

/// Two letters a token, so that lengths of tokens and of texts differ.
fn pairs(text: &str) -> Result<Vec<u32>, BoxError> {
    if text.contains('~') {
        return Err("no token has a tilde".into());
    }
    let letters: Vec<char> = text.chars().collect();
    Ok(letters.chunks(2).map(|pair| pair.iter().map(|&letter| u32::from(letter)).sum()).collect())
}

/// Only a bound on tokens cuts a text short, at the last letter that fits; that is no finished solution then.
#[test]
fn tokens_are_the_encoders_and_bounds_are_kept() {
    let texts = ["ein Schritt\n\nund größer", "kurz", "~"];
    let pool = || given(texts).encoded(pairs, 7);
    assert_eq!(pool().vocabulary(), Some(7));
    let rule = StepRule { max_steps: 1, max_step_tokens: 2, ..StepRule::default() };
    let whole = Search::new(pool()).rule(rule.clone()).run(Sample { n: 2 }, QUESTION);
    let whole = whole.expect("runs");
    assert_eq!(lines_of(&whole), texts[..2]);
    assert_eq!(whole.usage.logical.generated_tokens, 7 + 5 + 2);
    // The prompt is read once, in the same tokens: nine letters.
    assert_eq!(whole.usage.logical.read_tokens, 5);
    assert_eq!(given(texts[..2].to_vec()).encoded(pairs, 7).longest(&rule).expect("encodes"), 12);
    assert!(pool().longest(&rule).is_err());
    for most in 1..=13 {
        let rule = StepRule { max_tokens: most, ..StepRule::default() };
        let outcome = Search::new(pool()).rule(rule).run(Sample { n: 1 }, QUESTION).expect("runs");
        let text = lines_of(&outcome).remove(0);
        assert!(texts[0].starts_with(&text));
        let tokens = outcome.usage.logical.generated_tokens;
        assert!(tokens <= most.into());
        // Another letter would be a token too many.
        let finished = outcome.tree.iter().any(|(_, node)| node.is_finished());
        assert_eq!(finished, most >= 12, "{most}");
        assert!(finished || tokens == u64::from(most), "{most}: {text:?}");
    }
    // A hard budget is never passed.
    let budget = Budget { mode: Mode::Hard, ..Budget::tokens(9) };
    let hard = Search::new(pool()).budget(budget).run(Sample { n: 2 }, QUESTION).expect("runs");
    assert!(hard.usage.logical.generated_tokens <= 9);
    // What cannot be encoded is a line that fails, and says whose.
    let bad = Search::new(pool()).run(Sample { n: 3 }, QUESTION).expect("two texts");
    assert_eq!(bad.failed[0].error.0, "pool.jsonl: line 3, text 3: no token has a tilde");
}

/// Asks for one thing.
#[derive(Clone)]
struct Wants(Expand);

impl SearchStrategy for Wants {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() { vec![self.0.clone()] } else { Vec::new() }
    }
}

#[test]
fn what_is_not_there_says_so() {
    let pool = || given(["The answer is 1.", "The answer is 2."]);
    let more = Search::new(pool()).run(Sample { n: 4 }, QUESTION).expect("two are there");
    let why: Vec<&str> = more.failed.iter().map(|failed| failed.error.0.as_str()).collect();
    assert_eq!(
        why,
        [
            "pool.jsonl: line 3 has 2 texts, and text 3 is asked for",
            "pool.jsonl: line 3 has 2 texts, and text 4 is asked for",
        ]
    );
    let ends = Expand::end(NodeId::ROOT, 1);
    let first = Sampling { first: Some(0), ..Sampling::default() };
    let table: [(Expand, u64, &str, &str); 7] = [
        (ends.clone(), 0, "Another?", "no texts are given for \"Another?\""),
        (ends.clone(), 1, QUESTION, "none of the lines behind the problem in a search of seed 0"),
        (Expand::step(NodeId::ROOT, 1), 0, QUESTION, "given texts are whole"),
        (
            Expand { append: Some("So".into()), ..ends.clone() },
            0,
            QUESTION,
            "given texts are whole",
        ),
        (Expand { until: Until::Tokens(5), ..ends.clone() }, 0, QUESTION, "given texts are whole"),
        (Expand { kind: NodeKind::Aside, ..ends.clone() }, 0, QUESTION, "none of the lines behind"),
        (Expand { sampling: Some(first), ..ends }, 0, QUESTION, "cannot rank its tokens"),
    ];
    for (expand, seed, question, expected) in table {
        let search = Search::new(pool()).seed(seed);
        let error = match search.run(Wants(expand), question) {
            Ok(outcome) => outcome.failed[0].error.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(expected), "{error}");
    }
    // Rows of one question are one row, and a name is what errors know.
    let mut joined = pool();
    joined.add(QUESTION, "pool.jsonl: line 9", ["The answer is 3."]);
    assert_eq!((joined.count(QUESTION), joined.count("Another?")), (3, 0));
    assert_eq!(joined.identity(), None);
    assert_eq!(joined.named("a pool").identity().as_deref(), Some("a pool"));
}

/// Token ids of bytes are nobody's but a reader's of bytes.
#[test]
fn a_scorer_of_another_vocabulary_is_refused() {
    struct Reads(Oracle);
    impl StepScorer for Reads {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            self.0.score(batch)
        }
        fn vocabulary(&self) -> Option<u64> {
            Some(7)
        }
    }
    let prompt = world().prompt(0);
    let mut pool = GivenTexts::default();
    pool.add(prompt.question(), "a row", ["The answer is 1."]);
    let run = |pool: &GivenTexts| {
        let search = Search::new(pool).scorer(Reads(Oracle { noise: 0.0, seed: 0 }));
        search.run(Sample { n: 1 }, prompt.clone()).map(|outcome| outcome.tree.len())
    };
    let error = run(&pool).expect_err("bytes").to_string();
    assert!(error.contains("reads token ids of another vocabulary"), "{error}");
    assert_eq!(run(&pool.encoded(pairs, 7)).expect("its own"), 2);
}
