//! Money: what is charged, and budgets of it, soft and hard, alone and resumed.

use tts_core::toy::Sample;
use tts_core::*;

use super::{Restless, Stepwise, world};

const POLICY: Price = Price { read: 3.0, generated: 10.0, scored: 0.0 };
const REVISER: Price = Price { read: 20.0, generated: 70.0, scored: 0.0 };
const JUDGE: Price = Price { read: 1.0, generated: 0.0, scored: 5.0 };

/// Policy and reviser go on from each other's steps in turn.
#[derive(Debug, Clone)]
struct InTurn;

impl SearchStrategy for InTurn {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let role = (view.rounds() % 2 == 1).then(|| "reviser".to_owned());
        let n = if view.is_start() { 3 } else { 1 };
        let open = view.open().into_iter();
        open.map(|id| Expand { role: role.clone(), ..Expand::step(id, n) }).collect()
    }
}

fn search<'a>(budget: Budget) -> Search<'a> {
    let rule = StepRule { max_steps: 9, ..StepRule::lines() };
    Search::new(world())
        .role("reviser", world())
        .scorer(toy::Oracle { noise: 0.3, seed: 5 })
        .rule(rule)
        .sampling(Sampling::temperature(1.0))
        .price("", POLICY)
        .price("reviser", REVISER)
        .scorer_price("", JUDGE)
        .budget(budget)
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12 + 1e-9 * expected, "{found}, expected {expected}");
}

#[test]
fn a_prompt_is_read_once_for_all_siblings() {
    let prompt = world().prompt(0);
    let length = prompt.question().len() as u64;
    for n in [1, 16] {
        let outcome = search(Budget::default()).run(Sample { n }, prompt.clone()).expect("runs");
        let cost = outcome.usage.logical;
        // By the policy and by the judge.
        assert_eq!(cost.read_tokens, 2 * length, "{n}");
        let written = POLICY.of(length, cost.generated_tokens, 0);
        near(cost.money, written + JUDGE.of(length, 0, cost.scored_tokens));
    }
    // Nobody knows what nobody states.
    let free = Search::new(world()).run(Sample { n: 2 }, prompt).expect("runs").usage.logical;
    assert_eq!(free.read_tokens, length);
    assert!(free.money <= 0.0);
}

#[test]
fn whoever_goes_on_from_others_pays_for_reading_them() {
    let prompt = world().prompt(0);
    let length = prompt.question().len() as u64;
    let outcome = search(Budget::default()).run(InTurn, prompt).expect("runs");
    let tree = &outcome.tree;
    // Step by step: each reads the prompt once, and what the other wrote since.
    let (mut read, mut money) = ([0; 3], 0.0);
    let mut known = [false; 3];
    for (id, node) in tree.iter().filter(|(id, _)| *id != NodeId::ROOT) {
        let writer = usize::from(node.role.is_some());
        for reader in [writer, 2] {
            if !std::mem::replace(&mut known[reader], true) {
                read[reader] += length;
            }
        }
        // Three lines from the root, each of which is passed back and forth.
        let parent = node.parent.expect("a parent");
        if parent != NodeId::ROOT {
            read[writer] += tree[parent].step.tokens.len() as u64;
        }
        let price = [POLICY, REVISER][writer];
        money += price.of(0, node.step.generated(), 0);
        if node.score.is_some() {
            money += JUDGE.of(0, 0, node.step.tokens.len() as u64);
        }
        assert_eq!(tree[parent].role.is_some(), parent != NodeId::ROOT && writer == 0, "{id:?}");
    }
    money += POLICY.of(read[0], 0, 0) + REVISER.of(read[1], 0, 0) + JUDGE.of(read[2], 0, 0);
    let cost = outcome.usage.logical;
    assert_eq!(cost.read_tokens, read.iter().sum::<u64>());
    near(cost.money, money);
    // What nodes and roles cost adds up to it.
    near(tree.iter().map(|(_, node)| node.cost.money).sum(), cost.money);
    near(outcome.cost_by_role().values().map(|cost| cost.money).sum(), cost.money);
}

/// A hard one is not passed, a soft one by a round at most.
#[test]
fn a_budget_of_money_ends_the_search() {
    let prompt = || world().prompt(1);
    let whole = search(Budget::default()).run(InTurn, prompt()).expect("runs").usage.logical.money;
    let mut stopped = 0;
    for part in 0..40 {
        let limit = whole * f64::from(part) / 30.0;
        for reserve in [0, 20] {
            let budget =
                Budget { money: Some(limit), reserve, mode: Mode::Hard, ..Budget::default() };
            let outcome = search(budget).run(InTurn, prompt()).expect("runs");
            let money = outcome.usage.logical.money;
            assert!(money <= limit + 1e-12, "{money} of {limit}");
            stopped += usize::from(outcome.stop == Stop::Budget(Limit::Money));
            let restless = search(budget).run(Restless, prompt()).expect("runs");
            assert!(restless.usage.logical.money <= limit + 1e-12);
            assert_eq!(restless.stop, Stop::Budget(Limit::Money));
            let soft = Budget { mode: Mode::Soft, reserve: 0, ..budget };
            let soft = search(soft).run(InTurn, prompt()).expect("runs");
            let last = soft.usage.rounds;
            let before = soft.tree.iter().filter(|(_, node)| node.round < last);
            let before: f64 = before.map(|(_, node)| node.cost.money).sum();
            assert!(before <= limit + 1e-12, "{before} of {limit}");
        }
    }
    assert!(stopped > 40, "{stopped}");
    let enough = Budget { money: Some(2.0 * whole), mode: Mode::Hard, ..Budget::default() };
    let outcome = search(enough).run(InTurn, prompt()).expect("runs");
    assert_eq!(outcome.stop, Stop::Done);
}

/// Money that is bounded besides takes nothing from the reserve of tokens; of money alone its price is held back.
#[test]
fn a_hard_budget_of_money_leaves_a_last_line() {
    let prompt = || world().prompt(1);
    // Lines that are cut short are steps, too.
    let rule = || StepRule { max_steps: 99, ..StepRule::lines() };
    let of = |budget| search(budget).rule(rule()).run(Restless, prompt()).expect("runs");
    let tokens = Budget { reserve: 40, mode: Mode::Hard, ..Budget::tokens(60) };
    let (without, ample) = (of(tokens), of(Budget { money: Some(1e9), ..tokens }));
    let spent = without.usage.logical.generated_tokens;
    assert!(spent > 20 && spent <= 60, "{spent}");
    assert_eq!(ample.tree, without.tree);
    // A line of 200 tokens, written and judged by the dearest, and something to search with before.
    let price = (REVISER.generated + JUDGE.scored) * 200.0 / 1e6;
    let prompts = (POLICY.read + JUDGE.read) * prompt().question().len() as f64 / 1e6;
    for before in [0.001, 0.002, 0.004] {
        let limit = price + prompts + before;
        let budget =
            Budget { money: Some(limit), reserve: 200, mode: Mode::Hard, ..Budget::default() };
        let outcome = of(budget);
        assert!(outcome.tree.finished().next().is_some(), "{before}: {:?}", outcome.stop);
        assert_eq!(outcome.stop, Stop::Budget(Limit::Money));
        assert!(outcome.usage.logical.money <= limit + 1e-12);
        assert!(outcome.tree.iter().all(|(_, node)| node.step.is_blank() || node.score.is_some()));
    }
    // Less than the price of the reserve: a line as long as there is money for it.
    let limit = prompts + price / 4.0;
    let outcome =
        of(Budget { money: Some(limit), reserve: 200, mode: Mode::Hard, ..Budget::default() });
    let cost = outcome.usage.logical;
    assert!(cost.samples == 1 && cost.generated_tokens > 20, "{cost:?}");
    assert!(cost.money <= limit + 1e-12, "{} of {limit}", cost.money);
}

/// Writes until its tokens are out, in steps of so many.
struct Endless(u32);

impl Generator for Endless {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let step = |tokens: u32| Step {
            text: "on\n".into(),
            tokens: vec![7; tokens as usize],
            ..Step::default()
        };
        Ok(Generated::by_seed(batch, |request, _| {
            let (whole, rest) = (request.max_tokens / self.0, request.max_tokens % self.0);
            let lengths = (0..whole).map(|_| self.0).chain((rest > 0).then_some(rest));
            let steps = lengths.map(step).collect();
            Ok(Completion { steps, finish: Finish::Length, prompt_tokens: 50 })
        }))
    }
}

/// A half for every step.
struct Half;

impl StepScorer for Half {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        Ok(batch.iter().map(|path| Scored::of(vec![0.5; path.fresh_steps().len()])).collect())
    }
}

/// Of lines without an end, under a hard budget.
fn endless<'a>(step: u32, money: f64) -> Search<'a> {
    let longest = 5_000;
    let rule = StepRule {
        max_tokens: longest,
        max_step_tokens: longest,
        max_steps: longest,
        ..StepRule::lines()
    };
    let budget = Budget { money: Some(money), mode: Mode::Hard, ..Budget::default() };
    Search::new(Endless(step)).scorer(Half).rule(rule).budget(budget)
}

#[test]
fn lines_that_use_up_their_share_are_judged() {
    let prompt = || Prompt::text("?".repeat(50));
    // Half a limit of many small sums, written and judged: it is passed in the last bits, or not.
    for step in [10, 20, 25, 40] {
        let search = endless(step, 0.005)
            .price("", Price { generated: 0.5, ..Price::default() })
            .scorer_price("", Price { scored: 0.5, ..Price::default() });
        let cost = search.run(Sample { n: 1 }, prompt()).expect("runs").usage.logical;
        assert_eq!((cost.generated_tokens, cost.scored_tokens), (5_000, 5_000), "{step}");
        near(cost.money, 0.005);
    }
    // In the first round nobody has counted the prompt.
    let of = |money| {
        let search = endless(20, money).price("", POLICY).scorer_price("", JUDGE);
        search.run(Sample { n: 4 }, prompt()).expect("runs")
    };
    let outcome = of(0.002);
    let ends = outcome.tree.iter().filter(|(_, node)| node.finish == Finish::Length);
    assert_eq!(ends.filter(|(_, node)| node.score.is_some()).count(), 4);
    assert!(outcome.usage.logical.money <= 0.002 + 1e-12);
    // What does not pay for its reading begins nothing.
    let outcome = of(0.000_1);
    assert_eq!((outcome.tree.len(), outcome.stop), (1, Stop::Budget(Limit::Money)));
}

/// A line, four behind it, and a step behind each of them, which alone is judged.
struct Late;

impl SearchStrategy for Late {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let (n, score) = match view.rounds() {
            0 => (1, ScoreBy::Nobody),
            1 => (4, ScoreBy::Nobody),
            2 => (1, ScoreBy::Named("late".into())),
            _ => return Vec::new(),
        };
        let open = view.open().into_iter();
        open.map(|id| Expand { score: score.clone(), ..Expand::step(id, n) }).collect()
    }
}

#[test]
fn what_paths_have_in_common_is_foreseen_once() {
    let of = |budget| {
        let search = Search::new(world()).scorer_named("late", Half).rule(StepRule::lines());
        let price = Price { read: 100.0, ..Price::default() };
        let search = search.scorer_price("late", price).budget(budget);
        search.run(Late, world().prompt(0)).expect("runs")
    };
    let free = of(Budget::default());
    assert_eq!(free.tree.iter().filter(|(_, node)| node.score.is_some()).count(), 4);
    let limit = free.usage.logical.money * (1.0 + 1e-6);
    let bounded = of(Budget { money: Some(limit), mode: Mode::Hard, ..Budget::default() });
    assert_eq!((bounded.stop, bounded.tree), (Stop::Done, free.tree));
}

#[test]
fn a_search_that_money_ended_is_resumed_to_the_same_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let free = search(Budget::default()).run(InTurn, world().prompt(0)).expect("runs");
    let limit = Some(0.6 * free.usage.logical.money);
    let budget = Budget { money: limit, mode: Mode::Hard, ..Budget::default() };
    let whole = search(budget).record(&path).run(InTurn, world().prompt(0)).expect("runs");
    assert_eq!(whole.stop, Stop::Budget(Limit::Money));
    let bytes = std::fs::read(&path).expect("a record");
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    assert!(lines.len() > 4, "{}", lines.len());
    for end in 1..=lines.len() {
        std::fs::write(&path, lines[..end].concat()).expect("written");
        let resumed = search(budget).record(&path).run(InTurn, world().prompt(0)).expect("resumes");
        assert_eq!(
            (resumed.tree, resumed.usage.logical),
            (whole.tree.clone(), whole.usage.logical)
        );
        assert_eq!(std::fs::read(&path).expect("a record"), bytes, "{end} lines");
    }
    assert_eq!(Retold::read(&path).expect("a record").outcome.usage.logical, whole.usage.logical);
    // Other prices would end it elsewhere.
    let dearer = search(budget).price("", REVISER).record(&path);
    let error = dearer.run(InTurn, world().prompt(0)).expect_err("another price").to_string();
    assert!(error.contains("made with another price"), "{error}");
}

/// A record without prices has the money of the whole search at its end.
#[test]
fn money_of_a_record_without_prices_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let whole = search(Budget::default()).record(&path).run(InTurn, world().prompt(0));
    let money = whole.expect("runs").usage.logical.money;
    let told = Retold::read(&path).expect("a record");
    assert!(told.settings.prices.is_empty() && money > 0.0);
    near(told.outcome.usage.logical.money, money);
}

/// Where no money is bounded, prices change neither record nor tree; and records know nothing of either.
#[test]
fn records_of_before_are_read_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let plain = Search::new(world()).rule(StepRule::lines()).record(&path);
    let whole = plain.run(Stepwise { n: 2 }, world().prompt(0)).expect("runs");
    let text = std::fs::read_to_string(&path).expect("a record");
    assert!(!text.contains("money") && !text.contains("price"));
    let priced = plain.clone().price("", POLICY);
    let again = priced.run(Stepwise { n: 2 }, world().prompt(0)).expect("plays back");
    assert_eq!(again.best, whole.best);
    assert!(again.usage.logical.money > 0.0);
    // The last line of before.
    let read = format!("\"read_tokens\":{},", whole.usage.logical.read_tokens);
    assert!(text.contains(&read), "{text}");
    std::fs::write(&path, text.replace(&read, "")).expect("written");
    let before = plain.run(Stepwise { n: 2 }, world().prompt(0)).expect("plays back");
    assert_eq!(before.usage.logical, whole.usage.logical);
    assert_eq!(std::fs::read_to_string(&path).expect("a record"), text.replace(&read, ""));
}

#[test]
fn prices_that_mean_nothing_are_refused() {
    let budget = Budget { money: Some(1.0), ..Budget::default() };
    let bare = || Search::new(world());
    let cases = [
        (bare().budget(budget), "money is bounded, and no price is known"),
        (bare().price("judge", POLICY), "no generator plays the role \"judge\""),
        (bare().scorer_price("", JUDGE), "the search has no scorer"),
        (bare().scorer_price("prm", JUDGE), "no scorer has the name \"prm\""),
        (bare().price("", Price { read: -1.0, ..POLICY }), "role \"\": price: read is -1"),
        (bare().price("", Price { generated: f64::NAN, ..POLICY }), "generated is NaN"),
        (search(Budget { money: Some(-1.0), ..Budget::default() }), "money is not a finite number"),
    ];
    for (search, expected) in cases {
        let error = search.run(Sample { n: 1 }, world().prompt(0)).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
