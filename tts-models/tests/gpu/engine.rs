//! The engine on a GPU: a tree of texts is the same alone and in company, with any cache.

use std::sync::Arc;

use tts_core::{
    Aggregate, Expand, NodeId, Prompt, Sampling, Search, SearchStrategy, StepRule, Tree, View,
};
#[cfg(feature = "wgpu")]
use tts_models::WeightFormat;
use tts_models::exec::Runtime;
use tts_models::{Engine, EngineConfig, Gpu, Tokenizer};

use super::{config, on_each_runtime, weights};

on_each_runtime!(a_tree_is_the_same_in_any_company);

/// Keeps two steps and continues each twice: forks, prunes, comes back to old nodes.
#[derive(Clone)]
struct Beam;

impl SearchStrategy for Beam {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let open: Vec<NodeId> = view.open();
        let kept = view.ranked(&open, Aggregate::Mean);
        let n = if view.fresh() == [NodeId::ROOT] { 4 } else { 2 };
        kept.iter().take(2).map(|&id| Expand::step(id, n)).collect()
    }
}

fn rule() -> StepRule {
    // Bytes of random text: any vowel ends a step.
    let vowels = ["a", "e", "i", "o", "u", "A", "E", "0", "5", " "];
    StepRule {
        delimiters: vowels.map(str::to_owned).to_vec(),
        stop: vec!["z".into()],
        max_step_tokens: 8,
        max_tokens: 30,
        max_steps: 4,
        ..StepRule::default()
    }
}

fn trees<R: Runtime>(
    device: &R::Device,
    config_of_engine: EngineConfig,
    concurrency: usize,
    forget: bool,
) -> Vec<Tree> {
    let gpu = Gpu::<R>::new(weights(config("qwen3")), device).unwrap();
    let tokenizer = Arc::new(Tokenizer::bytes().unwrap());
    let engine = Engine::new(gpu, tokenizer, None, config_of_engine).unwrap();
    let header = "Answer the question after some thought, line by line.\n\n";
    let prompts = (0..4).map(|i| Prompt::text(format!("{header}{}", "How many? ".repeat(i + 1))));
    let observer = |_: &tts_core::Event<'_>| {
        if forget {
            engine.forget();
        }
    };
    Search::new(&engine)
        .rule(rule())
        .sampling(Sampling::temperature(1.0))
        .concurrency(concurrency)
        .observer(observer)
        .seed(2)
        .run_many(&Beam, prompts)
        .into_iter()
        .map(|outcome| outcome.expect("runs").tree)
        .collect()
}

fn a_tree_is_the_same_in_any_company<R: Runtime>(device: &R::Device) {
    let base = EngineConfig::default();
    let reference = trees::<R>(device, base, 1, true);
    let nodes: usize = reference.iter().map(Tree::len).sum();
    assert!(nodes > 30, "the trees are too small to tell anything: {nodes} nodes");
    let table = [
        ("a batch", base, 4, false),
        ("one line at a time", EngineConfig { max_lines: 1, ..base }, 4, false),
        ("prompts in pieces", EngineConfig { prefill_rows: 7, ..base }, 4, false),
        ("no cache", EngineConfig { cache_bytes: 0, ..base }, 4, false),
        ("a tiny cache", EngineConfig { cache_bytes: 40_000, ..base }, 4, false),
    ];
    for (name, config, concurrency, forget) in table {
        let found = trees::<R>(device, config, concurrency, forget);
        assert!(found == reference, "{name}");
    }
}

/// A trained model, opened by name.
#[cfg(feature = "wgpu")]
#[test]
fn a_checkpoint_runs_as_on_the_cpu() {
    use tts_models::Backend;
    use tts_models::exec::WgpuRuntime;

    if crate::device::<WgpuRuntime>("wgpu").is_none() {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tts-prm/pair/generator");
    let config = EngineConfig { weights: WeightFormat::F32, ..EngineConfig::default() };
    let logits = |backend: Backend| {
        let model = tts_models::open(path, backend, config).unwrap();
        model.next_logits(&[1, 2, 11, 3, 4, 12]).unwrap()
    };
    let (found, expected) = (logits("wgpu".parse().unwrap()), logits(Backend::Native));
    let far = found
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs())
        .max_by(f32::total_cmp)
        .unwrap_or(0.0);
    let size = expected.iter().fold(1.0_f32, |most, a| most.max(a.abs()));
    assert!(far < 1e-4 * size, "logits up to {size} differ by {far}");
}
