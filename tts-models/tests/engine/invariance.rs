//! Same tree alone and in company, with any threads, limits and cache: bit for bit.

use std::sync::Arc;

use tts_core::toy::Sample;
use tts_core::{
    Aggregate, Expand, Finish, Halt, NodeId, NodeKind, Outcome, Prompt, Sampling, Search,
    SearchStrategy, StepRule, Until, View, Watch, scorer,
};
use tts_models::{Cpu, Engine, EngineConfig, Plain, Tokenizer};

use super::{engine, engine_of, weights};

/// Beam search with a rollout thrown in: forks, prunes, comes back to old nodes, within their steps
/// even.
#[derive(Clone)]
struct Beam {
    watch: Watch,
}

impl SearchStrategy for Beam {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let open: Vec<NodeId> = view.open();
        let open: Vec<NodeId> =
            open.into_iter().filter(|&id| view.tree()[id].kind == NodeKind::Committed).collect();
        let kept = view.ranked(&open, Aggregate::Mean);
        let n = if view.fresh() == [NodeId::ROOT] { 4 } else { 2 };
        let step = |id: NodeId, n: usize| Expand { watch: self.watch, ..Expand::step(id, n) };
        let mut wanted: Vec<Expand> = kept.iter().take(2).map(|&id| step(id, n)).collect();
        if let Some(&worst) = kept.last() {
            wanted.push(Expand {
                kind: NodeKind::Rollout,
                until: Until::Steps(2),
                sampling: Some(Sampling::greedy()),
                ..step(worst, 1)
            });
        }
        // Once, beside a line that was broken off or rests: from its middle on.
        let ended = |id: &&NodeId| {
            let node = &view.tree()[**id];
            node.kind == NodeKind::Committed
                && node.step.given == 0
                && matches!(node.finish, Finish::Halted | Finish::Pause)
        };
        if let Some(&node) = view.fresh().iter().find(ended) {
            let keep = Some(view.tree()[node].step.kept() / 2).filter(|&keep| keep > 0);
            wanted.extend(keep.map(|_| Expand { keep, ..step(node, 1) }));
        }
        wanted
    }
}

/// A mean confidence that some lines fall below.
const HALT: f32 = 2.8;

fn rule() -> StepRule {
    // Bytes of random text: any vowel ends a step.
    let vowels = ["a", "e", "i", "o", "u", "A", "E", "0", "5", " "];
    StepRule {
        delimiters: vowels.map(str::to_owned).to_vec(),
        stop: vec!["z".into()],
        max_step_tokens: 12,
        max_tokens: 60,
        max_steps: 6,
        pause: Vec::new(),
    }
}

fn prompts() -> Vec<Prompt> {
    let header = "Answer the question after some thought, line by line.\n\n";
    (0..8).map(|i| Prompt::text(format!("{header}{}", "How many? ".repeat(i + 1)))).collect()
}

fn outcomes(
    architecture: &str,
    config: EngineConfig,
    watch: Watch,
    (concurrency, forget): (usize, bool),
) -> Vec<Outcome> {
    let engine = engine_of(architecture, config);
    let judge = scorer::from_fn(|path, step| {
        let text = path.text() + &step.text;
        (tts_core::seed::hash_text(5, &text) % 1000) as f64 / 1000.0
    });
    let observer = |_: &tts_core::Event<'_>| {
        if forget {
            engine.forget();
        }
    };
    Search::new(&engine)
        .scorer(judge)
        .rule(StepRule { pause: vec!["q".into(), "W".into()], ..rule() })
        .sampling(Sampling::temperature(1.0))
        .concurrency(concurrency)
        .observer(observer)
        .seed(2)
        .run_many(&Beam { watch }, prompts())
        .into_iter()
        .map(|outcome| outcome.expect("runs"))
        .collect()
}

/// Everything is noted, and lines are broken off.
fn watch() -> Watch {
    let halt = Some(Halt { window: 3, below: HALT });
    Watch { confidence: 8, certainty: true, drawn: true, halt }
}

#[test]
fn a_tree_is_the_same_in_any_company() {
    check_company("qwen3", Watch::default(), &[Finish::Pause, Finish::Step, Finish::Stop]);
}

#[test]
fn a_watched_tree_is_the_same_in_any_company() {
    check_company("qwen3", watch(), &[Finish::Halted, Finish::Pause, Finish::Step]);
}

/// Prompts are longer than its window of 20 tokens, and so are lines.
#[test]
fn a_tree_behind_windows_is_the_same_in_any_company() {
    check_company("gpt_oss", Watch::default(), &[Finish::Step]);
}

fn check_company(architecture: &str, watch: Watch, ends: &[Finish]) {
    let outcomes =
        |config, concurrency, forget| outcomes(architecture, config, watch, (concurrency, forget));
    let alone = EngineConfig { threads: 1, ..EngineConfig::default() };
    let reference = outcomes(alone, 1, true);
    let tokens: usize = reference.iter().map(|outcome| outcome.tree.len()).sum();
    assert!(tokens > 150, "the trees are too small to tell anything: {tokens} nodes");
    let nodes = || reference.iter().flat_map(|outcome| outcome.tree.iter());
    for end in ends {
        let found = nodes().filter(|(_, node)| node.finish == *end).count();
        assert!(found > 5, "{found} lines ended by {end:?}");
    }
    let kept = nodes().filter(|(_, node)| node.step.given > 0).count();
    assert!(kept > 4, "{kept} lines from the middle of a step");
    let base = EngineConfig::default();
    let table = [
        ("a batch of 8", base, 8, false),
        ("two threads", EngineConfig { threads: 2, ..base }, 8, false),
        ("one thread", EngineConfig { threads: 1, ..base }, 8, false),
        ("one line at a time", EngineConfig { max_lines: 1, ..base }, 8, false),
        ("prompts in pieces", EngineConfig { prefill_rows: 7, ..base }, 8, false),
        ("no cache", EngineConfig { cache_bytes: 0, ..base }, 8, false),
        ("a tiny cache", EngineConfig { cache_bytes: 40_000, ..base }, 8, false),
        ("little room for lines", EngineConfig { line_bytes: 100_000, ..base }, 8, false),
        ("a cache that forgets", base, 3, true),
    ];
    for (name, config, concurrency, forget) in table {
        let found = outcomes(config, concurrency, forget);
        for (one, other) in reference.iter().zip(&found) {
            assert_eq!(one.tree, other.tree, "{name}");
            assert_eq!(one.usage.logical, other.usage.logical, "{name}");
        }
    }
}

#[test]
fn the_reference_executor_keeps_its_bits_in_company_too() {
    let trees = |concurrency: usize| -> Vec<tts_core::Tree> {
        let plain = Plain::<Cpu>::new(weights("qwen3")).unwrap();
        let tokenizer = Arc::new(Tokenizer::bytes().unwrap());
        let engine = Engine::new(plain, tokenizer, None, EngineConfig::default()).unwrap();
        Search::new(&engine)
            .rule(rule())
            .sampling(Sampling::temperature(1.0))
            .concurrency(concurrency)
            .run_many(&Beam { watch: watch() }, prompts())
            .into_iter()
            .map(|outcome| outcome.expect("runs").tree)
            .collect()
    };
    assert_eq!(trees(1), trees(8));
}

/// Tokens and log-probabilities of each step.
type Path = (Vec<Vec<u32>>, Vec<Vec<f32>>);

/// Continues every open leaf by a step until nothing is open.
#[derive(Clone)]
struct Stepwise(usize);

impl SearchStrategy for Stepwise {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let n = if view.fresh() == [NodeId::ROOT] { self.0 } else { 1 };
        view.open().into_iter().map(|id| Expand::step(id, n)).collect()
    }
}

#[test]
fn a_solution_in_one_go_is_the_same_as_step_by_step() {
    let engine = engine(EngineConfig::default());
    let run = |whole: bool, prompt: Prompt| {
        let search = Search::new(&engine).rule(rule()).sampling(Sampling::temperature(1.0));
        let outcome = if whole {
            search.run(Sample { n: 6 }, prompt)
        } else {
            search.run(Stepwise(6), prompt)
        };
        let tree = outcome.expect("runs").tree;
        let mut paths: Vec<Path> = tree
            .iter()
            .filter(|(id, node)| node.children.is_empty() && *id != NodeId::ROOT)
            .map(|(id, _)| {
                let steps: Vec<_> = tree.path(id).iter().map(|&id| tree[id].step.clone()).collect();
                (
                    steps.iter().map(|s| s.tokens.clone()).collect(),
                    steps.iter().map(|s| s.logprobs.clone()).collect(),
                )
            })
            .collect();
        paths.sort_by(|a, b| a.0.cmp(&b.0));
        paths
    };
    for prompt in prompts() {
        assert_eq!(run(true, prompt.clone()), run(false, prompt));
    }
}
