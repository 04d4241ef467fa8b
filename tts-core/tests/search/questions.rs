//! Questions are nodes: asides change no sample, roles share passes, every reading is charged once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use tts_core::toy::{Oracle, Sample, ToyWorld};
use tts_core::*;

/// A question in the toy world: any sum is one.
pub(super) const SUM: &str = "2 + 3 + 4 = ?";

/// [`Stepwise`], which asks about its leaves on the way: asides by a role, or rollouts of its own.
#[derive(Debug, Clone)]
pub(super) struct Curious {
    n: usize,
    asks: usize,
    waiting: Option<(Vec<NodeId>, Vec<usize>)>,
}

impl Curious {
    pub(super) fn new(n: usize, asks: usize) -> Self {
        Self { n, asks, waiting: None }
    }
}

impl SearchStrategy for Curious {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if let Some((fresh, origin)) = self.waiting.take() {
            return Stepwise { n: self.n }.step(&mut view.with_fresh(&fresh, &origin));
        }
        if view.is_start() || self.asks == 0 {
            return Stepwise { n: self.n }.step(view);
        }
        let (fresh, origin) = (view.fresh().to_vec(), view.origin().to_vec());
        let mut asked = Vec::new();
        for &leaf in &fresh {
            let question = view.pose(leaf, Prompt::text(SUM), NodeKind::Aside);
            let role = Some("critic".to_owned());
            asked.push(Expand { role, ..Expand::end(question, self.asks) });
        }
        self.waiting = Some((fresh, origin));
        asked
    }

    fn requires(&self) -> Requirements {
        Requirements { roles: vec!["critic".into()], ..Requirements::default() }
    }
}

fn search<'a>(world: &'a ToyWorld, oracle: &'a Oracle) -> Search<'a> {
    Search::new(world)
        .role("critic", world)
        .scorer(oracle)
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0))
        .seed(3)
}

/// Text, seed and score of what may be part of an answer.
fn committed(tree: &Tree) -> Vec<(String, u64, Option<f64>)> {
    let nodes = tree.iter().filter(|(_, node)| node.kind == NodeKind::Committed);
    nodes.map(|(id, node)| (tree.text(id), node.seed, node.score)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Law 1: asking changes no sample.
    #[test]
    fn asides_change_no_candidate(n in 1_usize..5, asks in 1_usize..4, problem in 0_u64..20) {
        let (world, oracle) = (world(), Oracle { noise: 0.3, seed: 5 });
        let run = |asks| {
            let strategy = Curious::new(n, asks);
            search(&world, &oracle).run(strategy, world.prompt(problem)).expect("runs")
        };
        let (quiet, curious) = (run(0), run(asks));
        prop_assert_eq!(committed(&quiet.tree), committed(&curious.tree));
        let texts = |outcome: &Outcome| -> Vec<String> {
            outcome.tree.candidates().iter().map(|&id| outcome.tree.text(id)).collect()
        };
        prop_assert_eq!(texts(&quiet), texts(&curious));
        prop_assert_eq!(quiet.answer(), curious.answer());
        let asides = curious.tree.iter().filter(|(_, node)| node.kind == NodeKind::Aside);
        prop_assert!(asides.clone().any(|(_, node)| node.role.as_deref() == Some("critic")));
        prop_assert!(asides.clone().all(|(_, node)| node.score.is_none()));
    }

    /// Law 3: what nodes cost adds up, by role too.
    #[test]
    fn costs_add_up_by_node_and_by_role(n in 1_usize..5, asks in 0_usize..4, problem in 0_u64..20) {
        let (world, oracle) = (world(), Oracle { noise: 0.3, seed: 5 });
        let outcome =
            search(&world, &oracle).run(Curious::new(n, asks), world.prompt(problem)).expect("runs");
        let (mut nodes, mut roles) = (Cost::default(), Cost::default());
        outcome.tree.iter().for_each(|(_, node)| nodes += node.cost);
        let by_role = outcome.tree.cost_by_role();
        for cost in by_role.values() {
            roles += *cost;
        }
        prop_assert_eq!(nodes, outcome.usage.logical);
        prop_assert_eq!(roles, outcome.usage.logical);
        prop_assert_eq!(by_role.contains_key("critic"), asks > 0);
    }

    /// Law 8: a tree with questions survives JSON, and hostile links are refused.
    #[test]
    fn a_tree_with_questions_survives_json(n in 1_usize..4, asks in 1_usize..3, problem in 0_u64..9) {
        let (world, oracle) = (world(), Oracle { noise: 0.3, seed: 5 });
        let outcome =
            search(&world, &oracle).run(Curious::new(n, asks), world.prompt(problem)).expect("runs");
        let json = serde_json::to_string(&outcome).expect("JSON");
        let read: Outcome = serde_json::from_str(&json).expect("parses");
        prop_assert_eq!(&read, &outcome);
        for (id, _) in outcome.tree.iter() {
            prop_assert_eq!(read.tree.question(id), outcome.tree.question(id));
            prop_assert_eq!(read.tree.tokens(id), outcome.tree.tokens(id));
            for aggregate in [Aggregate::Last, Aggregate::Product, Aggregate::Mean, Aggregate::SumLog] {
                prop_assert_eq!(read.tree.score(id, aggregate), outcome.tree.score(id, aggregate));
                let slow = aggregate.apply(outcome.tree.scores(id));
                prop_assert_eq!(outcome.tree.score(id, aggregate), slow);
            }
        }
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let nodes = value["tree"]["nodes"].as_array().expect("nodes");
        let asked = nodes.iter().skip(1).position(|node| !node["prompt"].is_null()).expect("asked") + 1;
        let broken: [&dyn Fn(&mut serde_json::Value); 5] = [
            &|tree| tree["nodes"][asked]["prompt"] = serde_json::Value::Null,
            &|tree| tree["nodes"][asked]["depth"] = 1.into(),
            &|tree| tree["nodes"][asked]["parent"] = (asked + 1).into(),
            &|tree| tree["nodes"][asked]["kind"] = "rollout".into(),
            &|tree| tree["nodes"][0]["prompt"] = serde_json::Value::Null,
        ];
        for (place, damage) in broken.iter().enumerate() {
            let mut tree = value["tree"].clone();
            damage(&mut tree);
            // A question's kind alone moves no link.
            prop_assert!(place == 3 || serde_json::from_value::<Tree>(tree).is_err(), "{}", place);
        }
        let mut twice = value["tree"].clone();
        let parent = usize::try_from(nodes[asked]["parent"].as_u64().expect("a parent")).expect("small");
        let list = twice["nodes"][parent]["questions"].as_array_mut().expect("questions");
        list.push(asked.into());
        prop_assert!(serde_json::from_value::<Tree>(twice).is_err());
    }
}

/// Law 5: the same generator under two names changes no bit, and shares one session.
#[test]
fn roles_on_one_generator_share_its_session() {
    struct Counted<'a>(&'a ToyWorld, &'a AtomicUsize, &'a AtomicUsize);
    impl Generator for Counted<'_> {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            self.2.fetch_max(batch.len(), Ordering::Relaxed);
            self.0.generate(batch)
        }
        fn session(&self) -> Box<dyn Session + '_> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Box::new(Passing { generator: self, waiting: Vec::new(), next: 0 })
        }
    }
    /// As the provided one, which this type hides.
    struct Passing<'a> {
        generator: &'a dyn Generator,
        waiting: Vec<(LineId, Request)>,
        next: u64,
    }
    impl Session for Passing<'_> {
        fn submit(&mut self, request: Request) -> Vec<LineId> {
            let ids: Vec<LineId> = (self.next..).map(LineId).take(request.seeds.len()).collect();
            self.next += request.seeds.len() as u64;
            for (&id, &seed) in ids.iter().zip(&request.seeds) {
                self.waiting.push((id, Request { seeds: vec![seed], ..request.clone() }));
            }
            ids
        }
        fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
            let (ids, batch): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.waiting).into_iter().unzip();
            let made = self.generator.generate(&batch)?.into_iter().flat_map(|made| made.lines);
            let finished =
                |(line, result)| Finished { line, result, computed_tokens: 0, cached_tokens: 0 };
            Ok(ids.into_iter().zip(made).map(finished).collect())
        }
        fn cancel(&mut self, line: LineId) {
            self.waiting.retain(|(id, _)| *id != line);
        }
    }
    /// Policy and critic in one round.
    struct Both;
    impl SearchStrategy for Both {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if !view.is_start() {
                return Vec::new();
            }
            let question = view.pose(NodeId::ROOT, Prompt::text(SUM), NodeKind::Aside);
            let role = Some("critic".to_owned());
            vec![Expand::end(NodeId::ROOT, 2), Expand { role, ..Expand::end(question, 3) }]
        }
    }
    let world = world();
    let (sessions, largest) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let counted = Counted(&world, &sessions, &largest);
    let shared = Search::new(&counted).role("critic", &counted);
    let one = shared.run(Both, world.prompt(0)).expect("runs");
    assert_eq!((sessions.load(Ordering::Relaxed), largest.load(Ordering::Relaxed)), (1, 5));
    // Another generator of the same kind has a session of its own, and says the same.
    let twin = Counted(&world, &sessions, &largest);
    let apart = Search::new(&counted).role("critic", &twin);
    assert_eq!(one.tree, apart.run(Both, world.prompt(0)).expect("runs").tree);
    assert_eq!(sessions.load(Ordering::Relaxed), 3);
}

/// Law 9: a script that asks what a strategy asks leaves the same tree.
#[test]
fn a_script_is_a_strategy() {
    #[derive(Clone)]
    struct Samples(usize);
    impl Script for Samples {
        async fn play(self, desk: Desk) -> Option<NodeId> {
            let lines = desk.ask(Ask::problem().times(self.0)).await;
            let best = |a: &Line, b: &Line| a.score.total_cmp(&b.score);
            lines.iter().rev().max_by(|a, b| best(a, b)).map(|line| line.node)
        }
    }
    for problem in 0..10 {
        let strategy = run(Sample { n: 5 }, problem, Budget::default());
        let script = run(Scripted::of(Samples(5)), problem, Budget::default());
        assert_eq!(strategy.tree, script.tree);
        assert_eq!(strategy.best, script.best);
    }
}

#[test]
fn named_scorers_judge_what_they_are_asked_to() {
    struct Judged;
    impl SearchStrategy for Judged {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if !view.is_start() {
                return Vec::new();
            }
            let question = view.pose(NodeId::ROOT, Prompt::text(SUM), NodeKind::Aside);
            let score = |name: &str| ScoreBy::Named(name.into());
            vec![
                Expand::end(NodeId::ROOT, 1),
                Expand { score: ScoreBy::Nobody, ..Expand::end(NodeId::ROOT, 1) },
                Expand { score: score("meta"), ..Expand::end(NodeId::ROOT, 1) },
                Expand { score: score("meta"), ..Expand::end(question, 1) },
                Expand::end(question, 1),
            ]
        }
    }
    let seen = Mutex::new(Vec::new());
    let meta = scorer::from_fn(|path: &Trajectory, _: &Step| {
        seen.lock().expect("not poisoned").push(path.prompt().question().to_owned());
        0.25
    });
    let own = scorer::from_fn(|_, _| 0.75);
    let world = world();
    let search = Search::new(world).scorer(own).scorer_named("meta", meta);
    let outcome = search.run(Judged, world.prompt(0)).expect("runs");
    let tree = &outcome.tree;
    let of =
        |ids: &[NodeId]| -> Vec<Option<f64>> { ids.iter().map(|&id| tree[id].score).collect() };
    assert_eq!(of(&tree[NodeId::ROOT].children), [Some(0.75), None, Some(0.25)]);
    assert_eq!(of(&tree[NodeId(1)].asides), [Some(0.25), None]);
    // Candidates are judged as answers to the problem, asides as answers to their own question.
    let mut seen = seen.lock().expect("not poisoned").clone();
    seen.dedup();
    assert_eq!(seen, [world.prompt(0).question(), SUM]);
    // One call of each generator request, and one of each scorer.
    assert_eq!(outcome.usage.logical.calls, 5 + 2);
}

#[test]
fn revisions_are_judged_as_answers_to_the_problem() {
    struct Revise;
    impl SearchStrategy for Revise {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            let about = view.fresh()[0];
            match view.tree().len() {
                1 => vec![Expand::end(NodeId::ROOT, 1)],
                _ if view.tree().question(about) != NodeId::ROOT => Vec::new(),
                _ => vec![Expand::end(view.pose(about, Prompt::text(SUM), NodeKind::Committed), 1)],
            }
        }
    }
    let judge = scorer::from_fn(|path: &Trajectory, _: &Step| {
        let asked = path.asked().question() == SUM;
        assert_ne!(path.prompt().question(), SUM);
        if asked { 0.9 } else { 0.1 }
    });
    let world = world();
    let outcome = Search::new(world).scorer(judge).run(Revise, world.prompt(0)).expect("runs");
    // Both are candidates; the revision's text is its own.
    assert_eq!(outcome.tree.candidates().len(), 2);
    assert_eq!(outcome.answer().as_deref(), Some("9"));
    let best = outcome.best.expect("an answer");
    assert_eq!((outcome.tree[best].depth, outcome.tree.text(best).lines().count()), (3, 3));
}

#[test]
fn what_means_nothing_is_refused_by_name() {
    #[derive(Clone)]
    struct Bad(fn(&mut View<'_>) -> Expand);
    impl SearchStrategy for Bad {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if view.is_start() { vec![Expand::end(NodeId::ROOT, 1)] } else { vec![(self.0)(view)] }
        }
    }
    let world = world();
    let table: [(Bad, &str); 11] = [
        (
            Bad(|_| Expand { until: Until::Tokens(0), ..Expand::end(NodeId::ROOT, 1) }),
            "until 0 tokens",
        ),
        (
            Bad(|_| Expand { until: Until::Steps(0), ..Expand::end(NodeId::ROOT, 1) }),
            "until 0 steps",
        ),
        (Bad(|_| Expand { keep: Some(1), ..Expand::end(NodeId::ROOT, 1) }), "it is a question"),
        (
            Bad(|view| Expand { keep: Some(999), ..Expand::end(view.fresh()[0], 1) }),
            "999 tokens to keep",
        ),
        (
            Bad(|_| Expand {
                score: ScoreBy::Named("meta".into()),
                ..Expand::end(NodeId::ROOT, 1)
            }),
            "no scorer has the name \"meta\"",
        ),
        (
            Bad(|_| {
                let halt = Some(Halt { window: 2, below: 0.5 });
                Expand { watch: Watch { halt, ..Watch::default() }, ..Expand::end(NodeId::ROOT, 1) }
            }),
            "halt goes by confidence, which is 0",
        ),
        (
            Bad(|_| {
                let rule = StepRule { pause: vec![String::new()], ..StepRule::default() };
                Expand { rule: Some(rule.into()), ..Expand::end(NodeId::ROOT, 1) }
            }),
            "pause has an empty text",
        ),
        (
            Bad(|view| Expand::end(view.pose(NodeId(99), "why?", NodeKind::Aside), 1)),
            "a question of node 99: the tree has",
        ),
        (
            Bad(|view| Expand::end(view.pose(NodeId::ROOT, "why?", NodeKind::Rollout), 1)),
            "is a rollout, expected a candidate's or an aside",
        ),
        (
            Bad(|view| {
                view.set_value(NodeId(77), 1.0);
                Expand::end(NodeId::ROOT, 1)
            }),
            "the value of node 77",
        ),
        (
            Bad(|view| {
                let _ = view.score(NodeId(78), Aggregate::Last);
                Expand::end(NodeId::ROOT, 1)
            }),
            "the score of node 78",
        ),
    ];
    for (strategy, expected) in table {
        let error = Search::new(world).run(strategy, world.prompt(0)).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error} does not mention {expected}");
        assert!(error.partial.is_some(), "what was computed is lost: {expected}");
    }
}

#[test]
fn a_choice_that_can_be_no_answer_is_an_error() {
    struct Picks(NodeId);
    impl SearchStrategy for Picks {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if !view.is_start() {
                return Vec::new();
            }
            let question = view.pose(NodeId::ROOT, Prompt::text(SUM), NodeKind::Aside);
            let kind = NodeKind::Rollout;
            vec![
                Expand::step(NodeId::ROOT, 1),
                Expand { kind, ..Expand::step(NodeId::ROOT, 1) },
                Expand::step(question, 1),
            ]
        }
        fn pick(&self, _: &Tree) -> Option<NodeId> {
            Some(self.0)
        }
    }
    let world = world();
    let run = |node| Search::new(world).run(Picks(NodeId(node)), world.prompt(0));
    assert!(run(2).is_ok());
    for (node, expected) in [
        (1, "it is a question"),
        (3, "it only looks ahead"),
        (4, "it is an aside"),
        (9, "no such node"),
    ] {
        let error = run(node).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.partial.expect("kept").tree.len(), 5);
    }
}

#[test]
fn seeds_come_from_the_whole_prompt() {
    let root = |prompt: Prompt| {
        let run = Run::new(Sample { n: 1 }, prompt, Settings::default()).expect("starts");
        run.tree()[NodeId::ROOT].seed
    };
    let briefly = root(Prompt::chat("Be brief.", "1 + 2 = ?"));
    assert_ne!(briefly, root(Prompt::chat("Take your time.", "1 + 2 = ?")));
    let turn = |role, content: &str| Message { role, content: content.into() };
    let history = |first: &str| {
        Prompt::Chat(vec![
            turn(Role::User, first),
            turn(Role::Assistant, "Yes."),
            turn(Role::User, "1 + 2 = ?"),
        ])
    };
    assert_ne!(root(history("Hello")), root(history("Good evening")));
    // A question alone keeps the seed of its text.
    assert_eq!(root("1 + 2 = ?".into()), seed::hash_text(0, "1 + 2 = ?"));
}

/// What has no size has no address: two closures of one function are two generators.
#[test]
fn generators_without_size_share_no_session() {
    struct Says<F>(F);
    impl<F: Fn() -> &'static str + Send + Sync> Generator for Says<F> {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            let step = || Step { text: (self.0)().into(), tokens: vec![1], ..Step::default() };
            Ok(Generated::by_seed(batch, |_, _| {
                Ok(Completion { steps: vec![step()], finish: Finish::Stop, prompt_tokens: 1 })
            }))
        }
    }
    struct Both;
    impl SearchStrategy for Both {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if !view.is_start() {
                return Vec::new();
            }
            let other = Some("other".to_owned());
            vec![
                Expand::end(NodeId::ROOT, 1),
                Expand { role: other, ..Expand::end(NodeId::ROOT, 1) },
            ]
        }
    }
    let boxed = |one: bool| -> Box<dyn Generator> {
        if one { Box::new(Says(|| "one")) } else { Box::new(Says(|| "two")) }
    };
    let (one, two) = (boxed(true), boxed(false));
    let tree = Search::new(&one).role("other", &two).run(Both, "?").expect("runs").tree;
    let texts: Vec<String> = tree.finished().map(|id| tree.text(id)).collect();
    assert_eq!(texts, ["one", "two"]);
}

/// A critique of a node moves no later revision of it.
#[test]
fn asides_and_candidates_are_numbered_apart() {
    let seed_of = |critiques: usize| {
        let mut tree = Tree::new(Prompt::from("?"), 7);
        for _ in 0..critiques {
            tree.pose(NodeId::ROOT, Prompt::from("why?"), NodeKind::Aside);
        }
        let revision = tree.pose(NodeId::ROOT, Prompt::from("again"), NodeKind::Committed);
        let json = serde_json::to_string(&tree).expect("JSON");
        let mut read: Tree = serde_json::from_str(&json).expect("parses");
        let next = read.pose(NodeId::ROOT, Prompt::from("again"), NodeKind::Committed);
        (tree[revision].seed, read[next].seed)
    };
    assert_eq!(seed_of(0), seed_of(3));
    assert_ne!(seed_of(0).0, seed_of(0).1);
}

#[test]
fn a_script_that_asks_for_nothing_goes_on() {
    #[derive(Clone)]
    struct Nothing;
    impl Script for Nothing {
        async fn play(self, desk: Desk) -> Option<NodeId> {
            assert!(desk.ask(Ask::problem().times(0)).await.is_empty());
            let line = desk.line(Ask::problem()).await?;
            assert_eq!(line.nodes.len(), line.steps.len());
            line.answer().map(|_| line.node)
        }
    }
    assert!(run(Scripted::of(Nothing), 0, Budget::default()).best.is_some());
}

/// Asides of a node, and questions of both kinds, draw numbers that no sample draws.
#[test]
fn no_two_kinds_draw_the_same_numbers() {
    struct Every;
    impl SearchStrategy for Every {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if !view.is_start() {
                return Vec::new();
            }
            let mut asked = vec![NodeId::ROOT];
            for kind in [NodeKind::Aside, NodeKind::Committed] {
                asked.push(view.pose(NodeId::ROOT, Prompt::text(SUM), kind));
            }
            let kinds = [NodeKind::Committed, NodeKind::Rollout, NodeKind::Aside];
            let of = |kind| Expand { kind, ..Expand::step(NodeId::ROOT, 2) };
            let behind = asked[1..].iter().map(|&id| Expand::step(id, 2));
            kinds.into_iter().map(of).chain(behind).collect()
        }
    }
    let tree = run(Every, 0, Budget::default()).tree;
    let seeds: std::collections::BTreeSet<u64> = tree.iter().map(|(_, node)| node.seed).collect();
    assert_eq!((tree.len(), seeds.len()), (13, 13));
}

/// Asks beside the problem, and cannot read what it hears.
#[derive(Clone)]
struct Puzzled {
    node: Option<NodeId>,
}

impl Script for Puzzled {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let answer = desk.line(Ask::problem()).await?;
        let said = desk.line(Ask::of(desk.problem()).about(answer.node).aside()).await?;
        desk.refuse(self.node.unwrap_or(said.node), "not a word");
        Some(answer.node)
    }
}

#[test]
fn what_could_not_be_read_is_listed_with_its_reason() {
    let world = ToyWorld::default();
    let search = Search::new(world).rule(StepRule::lines());
    let outcome = search.run(Scripted::of(Puzzled { node: None }), world.prompt(0)).expect("runs");
    let [unread] = &outcome.unscored[..] else { panic!("one line") };
    assert_eq!((unread.why.as_str(), unread.round), ("not a word", 2));
    assert_eq!(outcome.tree[unread.node].kind, NodeKind::Aside);
    let nowhere = Scripted::of(Puzzled { node: Some(NodeId(99)) });
    let error = search.run(nowhere, world.prompt(0)).expect_err("no such node").to_string();
    assert!(error.contains("the refusal of node 99"), "{error}");
}
