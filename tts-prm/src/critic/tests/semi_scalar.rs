//! Judges that say why, and whose score is that of a head on question and critique.

use tts_core::toy::{Sample, ToyWorld, Voice};
use tts_core::{BoxError, Prompt, Scale, Scored, Search, StepRule, StepScorer, Trajectory, scorer};

use super::super::{Judge, Judged, Judging, Jury, Meta, Reading};

/// How many of the words of a critique praise, as a share; it has to see the question, too.
struct Praise;

impl StepScorer for Praise {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let score = |path: &Trajectory| {
            let Prompt::Chat(turns) = path.prompt() else { return Scored::refused("no chat") };
            if !turns.iter().any(|turn| turn.content.contains("The answer is")) {
                return Scored::refused("no response in the question");
            }
            let text = path.text();
            let words: Vec<&str> = text.split_whitespace().collect();
            let good = words.iter().filter(|word| **word == "good").count();
            let share = good as f64 / words.len() as f64;
            Scored::of(vec![share; path.fresh_steps().len()])
        };
        Ok(batch.iter().map(score).collect())
    }

    fn scale(&self) -> Scale {
        Scale::OUTCOME
    }
}

fn semi_scalar() -> Judge {
    Judge {
        template: super::super::Template::built_in("score").expect("known"),
        reading: Reading::Head { scorer: "head".into(), low: 0.0, high: 1.0 },
        ..Judge::default()
    }
}

#[test]
fn the_score_is_the_heads_and_both_are_paid_for() {
    let world = ToyWorld::default();
    // Three in four words, or one.
    let judge =
        Voice::new(
            |_: &Prompt, _, rng| {
                if rng.uniform() < 0.5 { "good good good bad" } else { "good bad bad bad" }
            },
        );
    let search = Search::new(world)
        .role("judge", &judge)
        .scorer_named("head", Praise)
        .rule(StepRule::lines())
        .seed(5);
    let run = |samples| {
        let judged = Judged::of(Sample { n: 2 }, Jury::of(semi_scalar(), samples));
        search.run(judged, world.prompt(0)).expect("runs")
    };
    let outcome = run(4);
    assert!(outcome.unscored.is_empty(), "{:?}", outcome.unscored);
    let critiques: Vec<f64> = outcome
        .tree
        .iter()
        .filter(|(_, node)| node.role.as_deref() == Some("judge"))
        .filter_map(|(_, node)| node.score)
        .collect();
    assert_eq!(critiques.len(), 8);
    let all = critiques.iter().sum::<f64>() / 8.0;
    let values: Vec<f64> = outcome
        .tree
        .candidates()
        .into_iter()
        .map(|id| outcome.tree[id].value.expect("judged"))
        .collect();
    // The mean over the samples of each; two responses of four samples each.
    assert!((values.iter().sum::<f64>() / 2.0 - all).abs() < 1e-12, "{values:?}");
    assert!(critiques.iter().all(|score| [0.25, 0.75].contains(score)), "{critiques:?}");
    assert!(critiques.contains(&0.25) && critiques.contains(&0.75));
    let usage = outcome.usage.logical;
    // Each critique was read by the head, once; nothing else is scored.
    let critiques = outcome.tree.iter().filter(|(_, node)| node.role.as_deref() == Some("judge"));
    let critiques = critiques.filter(|(_, node)| !node.step.is_blank());
    let tokens = critiques.map(|(_, node)| node.step.tokens.len() as u64).sum::<u64>();
    assert!(tokens >= 8, "{tokens}");
    assert_eq!(usage.scored_tokens, tokens);
    assert_eq!(outcome.tree.cost_by_role()["judge"].samples, 8);
    assert_eq!(run(4).tree, outcome.tree);
}

#[test]
fn without_a_score_of_the_head_there_is_none() {
    let world = ToyWorld::default();
    let judge = Voice::new(|_: &Prompt, _, _| "good good good bad");
    let search = Search::new(world).role("judge", &judge).rule(StepRule::lines());
    let run = |search: &Search<'_>, judge: Judge| {
        search.run(Judged::of(Sample { n: 1 }, Jury::of(judge, 2)), world.prompt(0))
    };
    let error = run(&search, semi_scalar()).expect_err("nobody scores").to_string();
    assert!(error.contains("\"head\""), "{error}");
    // A critique that was cut, and scores beyond what the reading says.
    let praise = search.clone().scorer_named("head", Praise);
    let cut = Judge { max_tokens: 3, ..semi_scalar() };
    let nine = search.clone().scorer_named("head", scorer::from_fn(|_, _| 9.0));
    for (search, judge, expected) in
        [(&praise, cut, "cut before its end"), (&nine, semi_scalar(), "a score from 0 to 1")]
    {
        let outcome = run(search, judge).expect("runs");
        let told = outcome.unscored.iter().filter(|told| told.why.contains(expected)).count();
        assert_eq!(told, 2, "{:?}", outcome.unscored);
        let best = outcome.tree.candidates()[0];
        assert_eq!(outcome.tree[best].value, None);
    }
}

#[test]
fn what_a_head_makes_no_sense_with_is_refused() {
    let meta = Some(Meta::of("meta", 1));
    let error = Jury { meta, ..Jury::of(semi_scalar(), 2) }.check().expect_err("two of them");
    assert!(error.contains("\"meta\"") && error.contains("\"head\""), "{error}");
    let error = Judging::of(semi_scalar()).expect_err("nothing is written");
    assert!(error.contains("scores are those of a scorer"), "{error}");
    for (reading, expected) in [
        (Reading::Head { scorer: " ".into(), low: 0.0, high: 1.0 }, "scorer is blank"),
        (Reading::Head { scorer: "a".into(), low: 1.0, high: 1.0 }, "scores from 1 to 1"),
        (Reading::Head { scorer: "a".into(), low: f64::NAN, high: 1.0 }, "expected low below high"),
    ] {
        let error = Judge { reading, ..semi_scalar() }.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    let json = r#"{"template": "score", "reading": {"head": {"scorer": "head", "low": 0.0, "high": 1.0}}}"#;
    assert_eq!(serde_json::from_str::<Judge>(json).expect("a judge"), semi_scalar());
}
