//! Judges within searches: seeds, costs, records, budgets, refusals, laws.

use std::sync::{Arc, Mutex};

use tts_core::toy::{Sample, ToyWorld, Voice};
use tts_core::{
    Aggregate, BoxError, Budget, Expand, Given, Likelihood, NodeId, NodeKind, Outcome, Prompt,
    Scale, Scored, Scripted, Search, SearchStrategy, StepRule, StepScorer, Stop, Trajectory, View,
};

use super::super::{
    BestByJudge, By, Decision, Judge, Judged, Jury, Meta, NextWord, Order, Reading, Sure,
};
use super::{by, shown, verdict};

pub(super) fn world() -> ToyWorld {
    ToyWorld { error: 0.4, ..ToyWorld::default() }
}

/// A judge that knows the right sum, and errs by chance.
fn knowing(noise: f64) -> Voice {
    let right = format!("The answer is {}.", world().answer(0));
    Voice::new(move |asked, _, rng| {
        let score = |text: &String| {
            let good = text.contains(&right) != (rng.uniform() < noise);
            if good { 8 } else { 3 }
        };
        verdict(&shown(asked).iter().map(score).collect::<Vec<i64>>())
    })
}

pub(super) fn grm(samples: usize) -> Jury {
    Jury::of(Judge::published("deepseek-grm").expect("known"), samples)
}

fn search<'a>(world: &'a ToyWorld, judge: &'a Voice) -> Search<'a> {
    Search::new(world).role("judge", judge).rule(StepRule::lines()).seed(3)
}

pub(super) fn best(n: usize, jury: Jury) -> Scripted<BestByJudge> {
    Scripted::of(BestByJudge { n, jury })
}

/// One step of each of `keep` paths after the other, by value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Greedy {
    pub(super) width: usize,
}

impl SearchStrategy for Greedy {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let open = view.open();
        let best = view.ranked(&open, Aggregate::Last).first().copied();
        best.map(|node| Expand::step(node, self.width)).into_iter().collect()
    }

    fn pick(&self, tree: &tts_core::Tree) -> Option<NodeId> {
        tree.best(Aggregate::Last)
    }
}

#[test]
fn without_judgements_it_is_the_inner_strategy() {
    let (world, judge) = (world(), knowing(0.0));
    let plain = search(&world, &judge).run(Sample { n: 4 }, world.prompt(0)).expect("runs");
    let none = Judged::of(Sample { n: 4 }, Jury { samples: 0, ..grm(1) });
    let judged = search(&world, &judge).run(none, world.prompt(0)).expect("runs");
    assert!(plain.tree == judged.tree);
    assert_eq!((plain.best, plain.usage.logical), (judged.best, judged.usage.logical));
}

#[test]
fn judging_changes_no_sample_and_is_paid_for() {
    let (world, judge) = (world(), knowing(0.2));
    let plain = search(&world, &judge).run(Sample { n: 4 }, world.prompt(0)).expect("runs");
    let judged = search(&world, &judge).run(best(4, grm(3)), world.prompt(0)).expect("runs");
    let texts = |outcome: &Outcome| -> Vec<String> {
        outcome.tree.candidates().into_iter().map(|id| outcome.tree.text(id)).collect()
    };
    assert_eq!(texts(&plain), texts(&judged));
    let cost = judged.tree.cost_by_role();
    assert_eq!((cost[""].samples, cost["judge"].samples), (4, 3));
    assert_eq!(cost[""].generated_tokens, plain.usage.logical.generated_tokens);
    assert!(cost["judge"].generated_tokens > 0);
    let asides =
        judged.tree.iter().filter(|(_, node)| node.kind == NodeKind::Aside && !node.is_question());
    let seeds: std::collections::BTreeSet<u64> = asides.map(|(_, node)| node.seed).collect();
    assert_eq!(seeds.len(), 3, "each sample has a seed of its own");
}

#[test]
fn each_sample_has_an_order_of_its_own() {
    let orders = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&orders);
    let judge = Voice::new(move |asked: &Prompt, _, _| {
        let texts = shown(asked);
        keep.lock().expect("nobody panics").push(texts.clone());
        verdict(&vec![5; texts.len()])
    });
    let world = world();
    let run_of = |n: usize, jury: Jury| {
        orders.lock().expect("nobody panics").clear();
        search(&world, &judge).run(best(n, jury), world.prompt(0)).expect("runs");
        orders.lock().expect("nobody panics").clone()
    };
    let run = |jury: Jury| run_of(4, jury);
    let different =
        |orders: &[Vec<String>]| orders.iter().collect::<std::collections::BTreeSet<_>>().len();
    let shuffled = run(grm(8));
    assert!(different(&shuffled) > 4);
    assert_eq!(run(grm(8)), shuffled, "the same search shows the same");
    assert_eq!(different(&run(Jury { order: Order::Fixed, ..grm(8) })), 1);
    let mirrored = run(Jury { order: Order::Mirrored, ..grm(2) });
    let back: Vec<String> = mirrored[1].iter().rev().cloned().collect();
    assert_eq!(mirrored[0], back);
    // Of five in groups of two at most the same groups are shown again from behind.
    let groups = run_of(5, Jury { order: Order::Mirrored, together: 2, ..grm(2) });
    assert_eq!(groups.len(), 6);
    for group in &groups {
        let back: Vec<String> = group.iter().rev().cloned().collect();
        assert!(groups.contains(&back), "{groups:?}");
    }
    // Samples that share an order share the question, which is read once.
    let shared = Jury { repeats: 4, ..grm(8) };
    assert!(different(&run(shared.clone())) <= 2);
    let read = |jury: Jury| {
        let outcome = search(&world, &judge).run(best(4, jury), world.prompt(0)).expect("runs");
        let questions = outcome.tree.iter().filter(|(_, node)| node.is_question()).count();
        questions - 1
    };
    assert_eq!((read(grm(8)), read(shared)), (8, 2));
}

#[test]
fn what_cannot_be_read_abstains_and_is_told() {
    let world = world();
    // One in two judgements is a try at something else.
    let judge = Voice::new(|asked: &Prompt, _, rng| {
        let n = shown(asked).len();
        match rng.below(4) {
            0 => "\\boxed{7}".to_owned(),
            1 => "no idea".to_owned(),
            _ => verdict(&vec![6; n]),
        }
    });
    let outcome = search(&world, &judge).run(best(3, grm(16)), world.prompt(0)).expect("runs");
    let refused = outcome.unscored.len();
    assert!((2..15).contains(&refused), "{refused}");
    for unread in &outcome.unscored {
        assert_eq!(outcome.tree[unread.node].kind, NodeKind::Aside);
        assert!(
            unread.why.contains("expected 3") || unread.why.contains("no \\boxed"),
            "{}",
            unread.why
        );
    }
    // They cost as all others, and pull nobody's score down.
    assert_eq!(outcome.tree.cost_by_role()["judge"].samples, 16);
    let values: Vec<Option<f64>> =
        outcome.tree.candidates().into_iter().map(|id| outcome.tree[id].value).collect();
    assert_eq!(values, [Some(5.0 / 9.0); 3]);
    // One that was cut is refused, too.
    let short = Judge { max_tokens: 5, ..Judge::published("deepseek-grm").expect("known") };
    let outcome =
        search(&world, &judge).run(best(2, Jury::of(short, 4)), world.prompt(0)).expect("runs");
    assert_eq!(outcome.unscored.len(), 4);
    assert!(outcome.unscored.iter().all(|unread| unread.why.contains("cut before its end")));
    assert!(outcome.tree.candidates().iter().all(|&id| outcome.tree[id].value.is_none()));
    assert!(outcome.best.is_some(), "without a verdict the usual answer stands");
}

#[test]
fn a_search_is_resumed_in_the_middle_of_its_judgements() {
    let (world, judge) = (world(), knowing(0.3));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let sure = Some(Sure { batch: 2, ..Sure::default() });
    let run = |jury: &Jury| {
        let search = search(&world, &judge).record(&path);
        search.run(Judged::of(Sample { n: 3 }, jury.clone()), world.prompt(0)).expect("runs")
    };
    let jury = Jury { sure, ..grm(6) };
    let whole = run(&jury);
    let bytes = std::fs::read_to_string(&path).expect("a record");
    let rounds = bytes.lines().count();
    assert!(rounds >= 4, "{rounds}");
    for keep in 1..rounds {
        let begun: String = bytes.split_inclusive('\n').take(keep).collect();
        std::fs::write(&path, begun).expect("written");
        let resumed = run(&jury);
        assert_eq!((&resumed.tree, resumed.best), (&whole.tree, whole.best), "{keep}");
        assert_eq!(std::fs::read_to_string(&path).expect("a record"), bytes, "{keep}");
    }
}

#[test]
fn a_judged_search_is_the_same_in_any_company() {
    let (world, judge) = (world(), knowing(0.3));
    let judged = Judged::of(
        Sample { n: 3 },
        Jury { sure: Some(Sure { batch: 2, ..Sure::default() }), ..grm(6) },
    );
    let prompts = || (0..6).map(|index| world.prompt(index));
    let together = search(&world, &judge).run_many(&judged, prompts());
    for (prompt, outcome) in prompts().zip(together) {
        let alone = search(&world, &judge).run(judged.clone(), prompt).expect("runs");
        assert!(alone.tree == outcome.expect("runs").tree);
    }
}

#[test]
fn refusals_are_in_the_record_too() {
    let world = world();
    let judge = Voice::new(|_, _, _| "fine");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let recorded = search(&world, &judge).record(&path);
    let outcome = recorded.run(best(2, grm(3)), world.prompt(0)).expect("runs");
    assert_eq!(outcome.unscored.len(), 3);
    let retold = tts_core::Retold::read(&path).expect("a record").outcome;
    assert_eq!(retold.unscored, outcome.unscored);
}

#[test]
fn one_budget_counts_policy_and_judge() {
    let (world, judge) = (world(), knowing(0.0));
    let run = |budget: Budget| {
        let search = search(&world, &judge).budget(budget);
        search.run(best(4, grm(16)), world.prompt(0)).expect("runs")
    };
    let free = run(Budget::default());
    let policy = free.tree.cost_by_role()[""].generated_tokens;
    let all = free.usage.logical.generated_tokens;
    let budget = policy.midpoint(all);
    let hard = Budget { mode: tts_core::Mode::Hard, ..Budget::tokens(budget) };
    let bounded = run(hard);
    assert!(bounded.usage.logical.generated_tokens <= budget);
    assert!(bounded.best.is_some());
    // In batches, a soft budget ends between them.
    let sure = Some(Sure { batch: 2, z: 1e9, order: false });
    let search = search(&world, &judge).budget(Budget::tokens(budget));
    let soft = search.run(best(4, Jury { sure, ..grm(16) }), world.prompt(0)).expect("runs");
    assert!(matches!(soft.stop, Stop::Budget(_)), "{:?}", soft.stop);
    let judged = soft.tree.cost_by_role()["judge"].samples;
    assert!((2..16).contains(&judged), "{judged}");
    // The judgements that were made count: of a judge without noise they say what all would have said.
    let values = |outcome: &Outcome| -> Vec<Option<f64>> {
        outcome.tree.candidates().into_iter().map(|id| outcome.tree[id].value).collect()
    };
    assert!(values(&soft).iter().all(Option::is_some), "{:?}", values(&soft));
    assert_eq!(values(&soft), values(&free));
    let won = |outcome: &Outcome| outcome.tree[outcome.best.expect("a sample")].value;
    assert_eq!(won(&soft), won(&free));
    // And the leaves of a strategy have theirs.
    let story = Jury { sure: Some(Sure { batch: 2, z: 1e9, order: false }), ..grm(16) };
    let leaves = search.run(Judged::of(Sample { n: 4 }, story), world.prompt(0)).expect("runs");
    assert!(leaves.tree.cost_by_role()["judge"].samples < 16, "{:?}", leaves.stop);
    assert!(values(&leaves).iter().all(Option::is_some), "{:?}", values(&leaves));
}

#[test]
fn it_stops_early_where_the_order_is_sure() {
    let (world, judge) = (world(), knowing(0.0));
    let sure = Some(Sure { batch: 4, ..Sure::default() });
    let run =
        |jury: Jury| search(&world, &judge).run(best(6, jury), world.prompt(0)).expect("runs");
    let (all, early) = (run(grm(32)), run(Jury { sure, ..grm(32) }));
    assert_eq!(all.answer(), early.answer());
    // Right ones tie with one another for ever, if there are two; one that is alone leads at once.
    let right = |outcome: &Outcome| {
        outcome.candidates(Aggregate::Last).iter().filter(|one| one.score > 0.5).count()
    };
    let asked = early.tree.cost_by_role()["judge"].samples;
    if right(&all) == 1 {
        assert_eq!(asked, 4);
    } else {
        assert_eq!(asked, 32);
    }
}

/// Trusts judgements that call themselves careful.
struct Careful;

impl StepScorer for Careful {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let careful = |path: &Trajectory| f64::from(u8::from(path.text().contains("careful")));
        Ok(batch
            .iter()
            .map(|path| Scored::of(vec![careful(path); path.fresh_steps().len()]))
            .collect())
    }

    fn scale(&self) -> Scale {
        Scale::OUTCOME
    }
}

#[test]
fn a_meta_judge_keeps_what_it_trusts() {
    let world = world();
    let right = format!("The answer is {}.", world.answer(0));
    // The careless outnumber the careful, and have it the wrong way round.
    let judge = Voice::new(move |asked: &Prompt, _, rng| {
        let careful = rng.uniform() < 0.3;
        let score = |text: &String| if text.contains(&right) == careful { 9 } else { 2 };
        let scores: Vec<i64> = shown(asked).iter().map(score).collect();
        format!("{}{}", if careful { "careful. " } else { "" }, verdict(&scores))
    });
    let run = |keep: Option<usize>| {
        let meta = keep.map(|keep| Meta::of("meta", keep));
        let search = search(&world, &judge).scorer_named("meta", &Careful);
        search.run(best(8, Jury { meta, ..grm(16) }), world.prompt(0)).expect("runs")
    };
    let right = |outcome: &Outcome| outcome.answer() == Some(world.answer(0));
    assert!(!right(&run(None)) && right(&run(Some(3))));
    assert_eq!(run(Some(16)).best, run(None).best);
    assert!(run(Some(3)).usage.logical.scored_tokens > 0);
}

#[test]
fn a_judge_of_steps_leads_a_search() {
    let world = ToyWorld { error: 0.5, ..ToyWorld::default() };
    // It adds up each line again.
    let judge = Voice::new(|asked: &Prompt, _, _| {
        let mut said = String::new();
        for line in
            asked.question().lines().filter(|line| line.starts_with("Step ") && line.contains('='))
        {
            let sum = line.split_once(": ").map_or("", |(_, sum)| sum);
            let (left, right) = sum.split_once('=').unwrap_or_default();
            let total: i64 = left.split('+').filter_map(|n| n.trim().parse::<i64>().ok()).sum();
            let sound = right.trim().parse() == Ok(total);
            said.push_str(if sound { "\\boxed{correct} " } else { "\\boxed{incorrect}" });
            if !sound {
                return said;
            }
        }
        // The last line says the answer.
        if asked.question().contains("The answer is") { said + "\\boxed{correct}" } else { said }
    });
    let jury = Jury::of(Judge::published("steps").expect("known"), 1);
    let right = (0..8).filter(|&index| {
        let judged = Judged::of(Greedy { width: 8 }, jury.clone());
        let outcome = search(&world, &judge).run(judged, world.prompt(index)).expect("runs");
        assert!(outcome.unscored.is_empty(), "{:?}", outcome.unscored);
        outcome.answer() == Some(world.answer(index))
    });
    assert_eq!(right.count(), 8);
}

#[test]
fn turns_are_asked_one_after_the_other_up_to_an_error() {
    let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
    let judge = Voice::new(|asked: &Prompt, _, _| {
        let Prompt::Chat(turns) = asked else { return "\\boxed{No}".to_owned() };
        // The third paragraph is wrong, it says.
        let number = turns.len() / 2;
        format!(
            "</analyze>\n<output>\n**Judgement**: $\\boxed{{{}}}$",
            if number < 3 { "Yes" } else { "No" }
        )
    });
    let judge_of = by(Judge::published("genprm").expect("known"), &By::Word);
    let jury = Jury::of(judge_of, 2);
    let outcome = search(&world, &judge).run(best(1, jury), world.prompt(0)).expect("runs");
    // Three turns for each of two samples, of a solution of five lines.
    assert_eq!(outcome.tree.cost_by_role()["judge"].samples, 6);
    assert_eq!(outcome.tree[outcome.best.expect("a sample")].value, Some(0.0));
    assert!(outcome.unscored.is_empty(), "{:?}", outcome.unscored);
}

#[test]
fn a_decision_is_read_by_its_probability() {
    let world = world();
    let judge = |cot: bool| {
        Voice::new(move |_: &Prompt, so_far: &str, _| {
            if so_far.ends_with("(Yes/No)?") {
                assert_eq!(so_far.contains("All lines hold."), cot, "{so_far}");
                ("Yes", 0.8)
            } else {
                ("All lines hold.", 1.0)
            }
        })
    };
    for (name, cot) in [("genrm", false), ("genrm-cot", true)] {
        let judge = judge(cot);
        let mut jury = Jury::of(Judge::published(name).expect("known"), 2);
        let run = |jury: &Jury| {
            let outcome =
                search(&world, &judge).run(best(1, jury.clone()), world.prompt(0)).expect("runs");
            assert!(outcome.unscored.is_empty(), "{:?}", outcome.unscored);
            let judge = outcome.tree.cost_by_role()["judge"].samples;
            (outcome.tree[outcome.best.expect("a sample")].value.expect("judged"), judge)
        };
        let (value, lines) = run(&jury);
        assert!((value - 0.8).abs() < 1e-6, "{name}: {value}");
        // Two critiques, and a decision each; or two decisions.
        assert_eq!(lines, if cot { 4 } else { 2 }, "{name}");
        let Reading::Decision(decision) = &mut jury.judge.reading else { panic!("a decision") };
        decision.by = By::Word;
        // The word that was drawn, whatever its probability.
        assert!((run(&jury).0 - 1.0).abs() < 1e-12, "{name}");
    }
}

#[test]
fn a_critique_that_was_cut_is_followed_by_no_decision() {
    let (world, judge) = (world(), Voice::new(|_: &Prompt, _, _| "Each of these lines holds."));
    let cut = Judge { max_tokens: 5, ..Judge::published("genrm-cot").expect("known") };
    let outcome =
        search(&world, &judge).run(best(1, Jury::of(cut, 2)), world.prompt(0)).expect("runs");
    assert_eq!(outcome.unscored.len(), 2, "{:?}", outcome.unscored);
    assert!(outcome.unscored.iter().all(|unread| unread.why.contains("cut before its end")));
    assert_eq!(outcome.tree.cost_by_role()["judge"].samples, 2);
    assert_eq!(outcome.tree[outcome.best.expect("a sample")].value, None);
}

#[test]
fn a_response_that_no_judgement_is_about_is_told() {
    let (world, judge) = (world(), Voice::new(|_: &Prompt, _, _| "[[A]]"));
    let pairwise = |samples| Jury::of(Judge::published("pairwise").expect("known"), samples);
    let told = |n: usize, samples: usize| {
        let story = best(n, pairwise(samples));
        let outcome = search(&world, &judge).run(story, world.prompt(0)).expect("runs");
        let why = |told: &tts_core::Unscored| told.why.contains("no judgement is about this");
        outcome.unscored.iter().filter(|told| why(told)).count()
    };
    // One of three sits out a sample; alone there is no pair at all.
    assert_eq!((told(3, 1), told(1, 4), told(2, 1)), (1, 1, 0));
    // A judge of one response is asked about each of several.
    let one = Voice::new(|_: &Prompt, _, _| "Scores: \\boxed{1}");
    let single = Jury::of(Judge::published("deepseek-grm-single").expect("known"), 3);
    let outcome = search(&world, &one).run(best(2, single), world.prompt(0)).expect("runs");
    assert!(outcome.unscored.is_empty(), "{:?}", outcome.unscored);
    assert_eq!(outcome.tree.cost_by_role()["judge"].samples, 6);
    // In a fixed order the same pairs would meet for ever, and a leaf may be alone.
    let fixed = BestByJudge { n: 3, jury: Jury { order: Order::Fixed, ..pairwise(4) } };
    let check = |story: BestByJudge| Scripted::of(story).check();
    assert!(check(fixed.clone()).expect_err("odd").contains("order is fixed"));
    assert_eq!(check(BestByJudge { n: 2, ..fixed }), Ok(()));
    let leaves = Judged::of(Sample { n: 2 }, pairwise(4)).check().expect_err("pairs of leaves");
    assert!(leaves.contains("about at least 2 responses"), "{leaves}");
}

/// Each byte of "Yes" is likely, of anything else is not.
struct Likely;

impl Likelihood for Likely {
    fn logprobs(&self, batch: &[Given]) -> Result<Vec<Vec<f32>>, BoxError> {
        let word = |given: &Given| {
            // A right critique is one that says so.
            let sure = given.context.windows(5).any(|bytes| bytes == [104, 111, 108, 100, 115]);
            let yes = given.tokens.contains(&u32::from(b'Y'));
            let p: f64 = if yes == sure { 0.6 } else { 0.2 };
            #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
            let logprob = p.ln() as f32;
            let rest = given.tokens.len().saturating_sub(1);
            std::iter::once(logprob).chain(std::iter::repeat_n(0.0, rest)).collect()
        };
        Ok(batch.iter().map(word).collect())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an encoder may fail")]
fn bytes(text: &str) -> Result<Vec<u32>, BoxError> {
    Ok(text.bytes().map(u32::from).collect())
}

fn next_word(decision: Decision) -> NextWord<'static> {
    NextWord::new(&Likely, |prompt: &Prompt| bytes(prompt.question()), bytes, decision)
        .expect("sound")
}

#[test]
fn the_next_word_scores_what_was_written() {
    let world = world();
    let decision = Decision { by: By::Scorer("yes".into()), ..Decision::default() };
    let scorer = next_word(decision.clone());
    let judge = Voice::new(
        |_: &Prompt, so_far: &str, _| {
            if so_far.ends_with("(Yes/No)?") { "x" } else { "Each line holds." }
        },
    );
    let reading = Reading::Decision(decision);
    let judge_of = Judge { reading, ..Judge::published("genrm-cot").expect("known") };
    let search = search(&world, &judge).scorer_named("yes", &scorer);
    let outcome = search.run(best(1, Jury::of(judge_of, 2)), world.prompt(0)).expect("runs");
    assert!(outcome.unscored.is_empty(), "{:?}", outcome.unscored);
    // 0.6 against 0.2, whatever was drawn.
    let value = outcome.tree[outcome.best.expect("a sample")].value.expect("judged");
    assert!((value - 0.75).abs() < 1e-6, "{value}");
    // Of solutions, without a word written.
    let direct = next_word(Decision::default()).asking(Judge::published("genrm").expect("known"));
    let direct = direct.expect("a judge of one response");
    assert_eq!(direct.scale(), Scale::OUTCOME);
    let judged = Search::new(world).scorer(direct).rule(StepRule::lines());
    let outcome = judged.run(Sample { n: 2 }, world.prompt(0)).expect("runs");
    let scores: Vec<f64> =
        outcome.candidates(Aggregate::Last).iter().map(|one| one.score).collect();
    assert!(scores.iter().all(|score| (score - 0.25).abs() < 1e-6), "{scores:?}");
    // Two questions, each with its solution, its cue and both words.
    let (cue, cost) = (Decision::default().cue.len() as u64, outcome.usage.logical);
    assert!(cost.scored_tokens > cost.generated_tokens + 2 * (cue + 7), "{cost:?}");
    // An expectation over graded letters: four of them are as likely as one another, and it likes none but Y.
    let grades =
        next_word(Decision::grades("ABCDY")).asking(Judge::published("rubric").expect("known"));
    let grades = grades.expect("a judge of one response");
    let outcome = Search::new(world).scorer(grades).rule(StepRule::lines());
    let outcome = outcome.run(Sample { n: 1 }, world.prompt(0)).expect("runs");
    // 0.6 each for 1, 0.75, 0.5 and 0.25, and 0.2 for 0.
    let expected = 0.6 * 2.5 / (4.0 * 0.6 + 0.2);
    let found = outcome.candidates(Aggregate::Last)[0].score;
    assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    let grades = vec![("Yes".into(), 4.0), ("No".into(), 0.0)];
    assert_eq!(next_word(Decision { words: grades, ..Decision::default() }).scale(), Scale::REWARD);
}
