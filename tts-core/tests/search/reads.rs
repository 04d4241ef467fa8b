//! What scorers read besides paths, or in their place: charged, bounded, recorded, refused where it makes no sense.

use super::*;
use tts_core::toy::Sample;
use tts_core::*;

const MODEL: cost::ModelCost =
    cost::ModelCost { parameters: 10, layers: 0, query_width: 0, windows: None };
/// Three times as much.
const DEAR: cost::ModelCost =
    cost::ModelCost { parameters: 30, layers: 0, query_width: 0, windows: None };

/// Gives a half to everything but refused paths, and says what it reads of its own for each.
struct Asks {
    reads: Option<Reads>,
    refuses: bool,
}

impl Asks {
    fn of(tokens: u64, path: bool) -> Self {
        let (flops, path) = (MODEL.flops(0, tokens), path.then_some(MODEL));
        Self { reads: Some(Reads { tokens, flops, path }), refuses: false }
    }
}

impl StepScorer for Asks {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let score = |path: &Trajectory| {
            let scored = if self.refuses {
                Scored::refused("it says nothing")
            } else {
                Scored::of(vec![0.5; path.fresh_steps().len()])
            };
            scored.reading(self.reads)
        };
        Ok(batch.iter().map(score).collect())
    }
    fn cost(&self) -> cost::ModelCost {
        MODEL
    }
    fn identity(&self) -> Option<String> {
        Some("asks".into())
    }
}

fn two_lines(scorer: &Asks) -> Outcome {
    let search = Search::new(world()).scorer(scorer).rule(StepRule::lines()).seed(3);
    search.run(Sample { n: 2 }, world().prompt(0)).expect("runs")
}

/// Scored tokens and operations; the toy world's own cost nothing.
fn spent(outcome: &Outcome) -> (u64, f64) {
    let mut sum = Cost::default();
    for cost in outcome.cost_by_role().into_values() {
        sum += cost;
    }
    assert_eq!(sum, outcome.usage.logical, "every cost is some node's");
    (sum.scored_tokens, sum.flops)
}

#[test]
fn what_is_read_besides_a_path_or_in_its_place_is_charged() {
    let plain = spent(&two_lines(&Asks { reads: None, refuses: false }));
    assert!(plain.0 > 0 && plain.1 > 0.0);
    let besides = spent(&two_lines(&Asks::of(3, true)));
    assert_eq!(besides, (plain.0 + 2 * 3, plain.1 + 2.0 * MODEL.flops(0, 3)));
    // The path is charged at what is said of who read it.
    let reads = Some(Reads { tokens: 3, flops: 7.0, path: Some(DEAR) });
    let dear = spent(&two_lines(&Asks { reads, refuses: false }));
    assert_eq!(dear, (plain.0 + 2 * 3, 3.0 * plain.1 + 2.0 * 7.0));
    // A question in place of the path: neither prompt nor steps are charged.
    let instead = two_lines(&Asks::of(100, false));
    assert_eq!(spent(&instead), (200, 2.0 * MODEL.flops(0, 100)));
    assert!(instead.tree.finished().all(|id| instead.tree[id].score == Some(0.5)));
    // Of a path that was refused for what was read.
    let refused = two_lines(&Asks { refuses: true, ..Asks::of(7, true) });
    assert_eq!(spent(&refused), (14, 2.0 * MODEL.flops(0, 7)));
    assert_eq!(refused.unscored.len(), 2);
}

/// Readings of paths are not foreseen of a scorer that has never read one.
#[test]
fn what_is_read_in_place_of_paths_leaves_the_money_of_their_reading() {
    let prompt = || world().prompt(0);
    let price = Price { read: 100.0, scored: 1.0, ..Price::default() };
    let scorer = Asks::of(100, false);
    let of = |budget| {
        let search = Search::new(world()).scorer(&scorer).rule(StepRule::lines()).budget(budget);
        let search = search.price("", Price { generated: 1.0, ..Price::default() });
        search.scorer_price("", price).run(Stepwise { n: 1 }, prompt()).expect("runs")
    };
    let free = of(Budget::default());
    // Before the first judgement nobody knows that it reads no prompts.
    let first = price.of(prompt().question().len() as u64, 0, 0);
    let limit = free.usage.logical.money + first + 1e-4;
    let bounded = of(Budget { money: Some(limit), mode: Mode::Hard, ..Budget::default() });
    assert_eq!((bounded.stop, bounded.tree), (free.stop, free.tree));
}

#[test]
fn what_was_read_is_recorded_and_played_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let dear = Reads { tokens: 3, flops: 1.0, path: Some(DEAR) };
    for scorer in [
        Asks::of(3, true),
        Asks { reads: Some(dear), refuses: false },
        Asks { refuses: true, ..Asks::of(100, false) },
    ] {
        let _ = std::fs::remove_file(&path);
        let search = Search::new(world()).scorer(&scorer).rule(StepRule::lines()).record(&path);
        let run = || search.run(Stepwise { n: 2 }, world().prompt(0)).expect("runs");
        let whole = run();
        let bytes = std::fs::read(&path).expect("a record");
        let told = Retold::read(&path).expect("a record");
        assert_eq!(told.outcome.usage.logical, whole.usage.logical);
        assert_eq!(told.outcome.tree, whole.tree);
        for cut in (0..bytes.len()).step_by(211) {
            std::fs::write(&path, &bytes[..cut]).expect("written");
            let resumed = run();
            assert_eq!(resumed.usage.logical, whole.usage.logical, "cut at {cut}");
            assert_eq!(std::fs::read(&path).expect("a record"), bytes, "cut at {cut}");
        }
    }
}

#[test]
fn a_hard_budget_counts_on_what_the_longest_took() {
    let scorer = Asks::of(100, false);
    let budget =
        |tokens| Budget { scored_tokens: Some(tokens), mode: Mode::Hard, ..Budget::default() };
    let run = |tokens| {
        let search = Search::new(world()).scorer(&scorer).rule(StepRule::lines());
        let search = search.budget(budget(tokens));
        search.run(Stepwise { n: 2 }, world().prompt(0)).expect("runs").usage.logical.scored_tokens
    };
    // Two lines of six steps: 200 a round.
    assert_eq!(run(10_000), 1_200);
    assert_eq!(run(450), 400);
    assert_eq!(run(400), 400);
    assert_eq!(run(399), 200);
}

/// What is read besides a path comes to it, also where the latest path was not read.
#[test]
fn a_hard_budget_counts_on_paths_and_what_is_read_besides() {
    let besides = Asks::of(100, true);
    let run = |scorer: &dyn StepScorer, tokens| {
        let budget = Budget { scored_tokens: Some(tokens), mode: Mode::Hard, ..Budget::default() };
        let search = Search::new(world()).scorer(scorer).rule(StepRule::lines()).budget(budget);
        let outcome = search.run(Stepwise { n: 1 }, world().prompt(0)).expect("runs");
        outcome.usage.logical.scored_tokens
    };
    // Each round reads a step and 100 more.
    let whole = run(&besides, 10_000);
    let steps = whole - 600;
    assert!(steps > 0 && steps < 100, "{steps}");
    assert_eq!(run(&besides, whole), whole);
    let less = run(&besides, whole - 1);
    assert!(less > 500 && less <= 500 + steps, "{less}");
}

#[test]
fn operations_that_are_no_number_are_refused() {
    for flops in [f64::NAN, f64::INFINITY, -1.0] {
        let scorer =
            Asks { reads: Some(Reads { tokens: 1, flops, path: Some(MODEL) }), refuses: false };
        let search = Search::new(world()).scorer(&scorer).rule(StepRule::lines());
        let error = search.run(Sample { n: 1 }, world().prompt(0)).expect_err("no number");
        let text = error.to_string();
        assert!(text.contains("operations, expected a finite number"), "{text}");
        assert_eq!(error.partial.expect("kept").usage.logical.scored_tokens, 0);
    }
}
