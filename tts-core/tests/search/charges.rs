//! Who reads what, and pays for it: vocabularies, prompts, kept beginnings, failed lines, named scorers.

use super::questions::{Curious, SUM};
use super::*;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;

/// A toy world with a price and a vocabulary.
struct Speaks(ToyWorld, cost::ModelCost, u64);

impl Generator for Speaks {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        self.0.generate(batch)
    }
    fn cost(&self) -> cost::ModelCost {
        self.1
    }
    fn vocabulary(&self) -> Option<u64> {
        Some(self.2)
    }
    fn identity(&self) -> Option<String> {
        Some(format!("world {}", self.2))
    }
}

/// Continues the first line by another role, or quotes it.
struct HandsOver {
    quotes: bool,
}

impl SearchStrategy for HandsOver {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let leaf = view.fresh()[0];
        let role = Some("other".to_owned());
        match view.tree()[leaf].depth {
            0 => vec![Expand::step(leaf, 1)],
            1 if self.quotes => {
                let question = view.pose(leaf, Prompt::text(SUM), NodeKind::Committed);
                vec![Expand { role, ..Expand::end(question, 1) }]
            }
            1 => vec![Expand { role, ..Expand::end(leaf, 2) }],
            _ => Vec::new(),
        }
    }
}

#[test]
fn token_ids_never_reach_another_vocabulary() {
    let model = cost::ModelCost::default();
    let (one, other) = (Speaks(world(), model, 1), Speaks(world(), model, 2));
    let search = Search::new(&one).role("other", &other);
    let error = search.run(HandsOver { quotes: false }, world().prompt(0)).expect_err("refused");
    let text = error.to_string();
    assert!(
        text.contains("vocabulary of the policy") && text.contains("pose a question"),
        "{text}"
    );
    assert_eq!(error.partial.expect("kept").tree.len(), 2);
    assert!(search.run(HandsOver { quotes: true }, world().prompt(0)).is_ok());
    // The same vocabulary goes on.
    let same = Search::new(&one).role("other", &one);
    assert!(same.run(HandsOver { quotes: false }, world().prompt(0)).is_ok());
}

/// Reads token ids of a vocabulary.
struct IdReader(u64);

impl StepScorer for IdReader {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        Ok(batch.iter().map(|path| Scored::of(vec![1.0; path.fresh_steps().len()])).collect())
    }
    fn vocabulary(&self) -> Option<u64> {
        Some(self.0)
    }
}

/// Asks a line to be judged by a scorer of its own.
struct ByReader;

impl SearchStrategy for ByReader {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let leaf = view.fresh()[0];
        let score = ScoreBy::Named("reader".into());
        match view.tree()[leaf].depth {
            0 => vec![Expand { score, ..Expand::end(leaf, 1) }],
            _ => Vec::new(),
        }
    }
}

#[test]
fn a_named_scorer_reads_no_token_ids_of_another_vocabulary() {
    let writer = Speaks(world(), cost::ModelCost::default(), 1);
    let run = |vocabulary: u64| {
        let search = Search::new(&writer).scorer_named("reader", IdReader(vocabulary));
        search.run(ByReader, world().prompt(0)).map_err(|error| error.to_string())
    };
    assert!(run(1).is_ok());
    let error = run(2).expect_err("another one");
    assert!(error.contains("\"reader\"") && error.contains("that of the policy"), "{error}");
}

/// Fault 6 of a review: every fresh prompt, and what others wrote, is read once by whoever goes on.
#[test]
fn every_reading_is_charged_once() {
    let model =
        |parameters| cost::ModelCost { parameters, layers: 2, query_width: 3, windows: None };
    let (policy, other) = (Speaks(world(), model(10), 1), Speaks(world(), model(1000), 1));
    let search = Search::new(&policy).role("other", &other);
    let prompt = world().prompt(0);
    let length = prompt.question().len() as u64;
    let flops = |outcome: &Outcome, expected: f64| {
        let found = outcome.usage.logical.flops;
        assert!((found - expected).abs() < 1e-9 * expected, "{found} for {expected}");
    };
    let outcome = search.run(HandsOver { quotes: false }, prompt.clone()).expect("runs");
    let tree = &outcome.tree;
    let first = tree[NodeId::ROOT].children[0];
    let own = tree.tokens(first);
    // The other role reads prompt and first step once, though it writes two lines behind them.
    let mut expected = model(10).flops(0, length + own) + model(1000).flops(0, length + own);
    for id in tree.finished() {
        expected += model(1000).flops(length + own, tree.tokens(id) - own);
    }
    flops(&outcome, expected);

    let outcome = search.run(HandsOver { quotes: true }, prompt).expect("runs");
    let tree = &outcome.tree;
    let written = tree.tokens(outcome.best.expect("an answer"));
    let asked = SUM.len() as u64;
    flops(&outcome, model(10).flops(0, length + own) + model(1000).flops(0, asked + written));
}

/// However often a beginning is kept, a solution is as long as the rule says.
#[test]
fn what_is_kept_counts_towards_the_length() {
    struct Keeps;
    impl SearchStrategy for Keeps {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            let leaf = view.fresh()[0];
            let (tree, node) = (view.tree(), &view.tree()[leaf]);
            match node.is_question() {
                true => vec![Expand { until: Until::Tokens(7), ..Expand::end(leaf, 1) }],
                false if node.open && tree.len() < 9 => {
                    let keep = Some(u32::try_from(node.step.tokens.len()).unwrap_or(0));
                    vec![Expand { keep, until: Until::Tokens(7), ..Expand::end(leaf, 1) }]
                }
                false => Vec::new(),
            }
        }
    }
    let world = world();
    let rule = StepRule { max_tokens: 17, delimiters: Vec::new(), ..StepRule::default() };
    let outcome = Search::new(world).rule(rule).run(Keeps, world.prompt(0)).expect("runs");
    let tree = &outcome.tree;
    let (last, node) = tree.iter().next_back().expect("a node");
    assert!(tree.generated(last) <= 17, "{}", tree.generated(last));
    assert!(!node.open && tree.len() < 9, "it never ends");
    let read: Tree =
        serde_json::from_str(&serde_json::to_string(tree).expect("JSON")).expect("parses");
    assert_eq!(read.generated(last), tree.generated(last));
}

#[test]
fn failed_lines_are_charged_to_their_role() {
    let down = Faulty { world: world(), fails: |_, _| true };
    let world = world();
    let oracle = Oracle { noise: 0.3, seed: 5 };
    let search = Search::new(world).role("critic", &down).scorer(oracle).rule(StepRule::lines());
    let outcome = search.run(Curious::new(2, 1), world.prompt(0)).expect("runs");
    let by_role = outcome.cost_by_role();
    let mut sum = Cost::default();
    for cost in by_role.values() {
        sum += *cost;
    }
    assert_eq!(sum, outcome.usage.logical);
    let critics = outcome.failed.iter().filter(|line| line.role.as_deref() == Some("critic"));
    assert_eq!(by_role["critic"].samples, critics.count() as u64);
    assert!(by_role["critic"].samples > 0 && by_role["critic"].calls > 0);
}

#[test]
fn a_named_scorers_scores_are_of_its_own_scale() {
    struct Judged;
    impl SearchStrategy for Judged {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            let by = ScoreBy::Named("meta".into());
            if view.is_start() {
                vec![Expand { score: by, ..Expand::end(NodeId::ROOT, 1) }]
            } else {
                Vec::new()
            }
        }
    }
    let half = || scorer::from_fn(|_, _| 0.5);
    let world = world();
    let search = Search::new(world)
        .scorer(half().with_scale(Scale::STEP))
        .scorer_named("meta", half().with_scale(Scale::PREFIX));
    let tree = search.run(Judged, world.prompt(0)).expect("runs").tree;
    let end = tree.finished().next().expect("an end");
    assert_eq!(tree.score(end, Aggregate::ByScale), Some(0.5));
    assert_eq!(tree.score(end, Aggregate::Product), Some(0.5_f64.powi(6)));
    let read: Tree =
        serde_json::from_str(&serde_json::to_string(&tree).expect("JSON")).expect("parses");
    assert_eq!(read.score(end, Aggregate::ByScale), Some(0.5));
}
