//! Other weights in the place of an engine's own: as if it had been made with them.

use tts_core::{Generator, Prompt, Request, Trajectory, Until};
use tts_models::testing::{Counting, byte_config, lively_weights};
use tts_models::{
    Cpu, DecoderWeights, Engine, EngineConfig, Executor, ModelConfig, Native, Plain, Span, Want,
    WeightFormat,
};

use crate::engine;

/// Weights of the shape of [`engine`], others than its own.
fn others() -> DecoderWeights {
    DecoderWeights::initial(byte_config("qwen3"), 77).unwrap()
}

fn request() -> Request {
    let prompt = Prompt::text("A prefix that is long enough to fill a block or two of the cache.");
    let prefix = Trajectory::new(prompt.into(), Vec::new(), 0, false);
    Request { until: Until::Tokens(20), max_tokens: 20, ..Request::new(prefix, vec![1, 2, 3]) }
}

fn lines(engine: &Engine<Native>) -> (Vec<Vec<u32>>, u64) {
    let generated = engine.generate(&[request()]).unwrap().remove(0);
    let tokens = generated
        .lines
        .into_iter()
        .map(|line| line.unwrap().steps.into_iter().flat_map(|step| step.tokens).collect());
    (tokens.collect(), generated.cached_tokens)
}

fn of(weights: DecoderWeights, format: WeightFormat) -> Engine<Native> {
    let tokenizer = std::sync::Arc::clone(engine(EngineConfig::default()).tokenizer());
    let native = Native::with_format(weights, format, 2).unwrap();
    Engine::new(native, tokenizer, None, EngineConfig::default()).unwrap()
}

#[test]
fn renewed_is_as_made_anew_in_every_type() {
    for format in [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8] {
        let old = lively_weights(byte_config("qwen3")).unwrap();
        let mut renewed = of(old.clone(), format).with_identity("a policy");
        let (first, _) = lines(&renewed);
        let named = renewed.identity();
        renewed.renew(others()).unwrap();
        let (expected, shared) = lines(&of(others(), format));
        // Nothing comes from the cache of the old weights.
        let (found, cached) = lines(&renewed);
        assert!(found == expected && found != first, "{format}");
        assert_eq!(cached, shared, "{format}");
        assert_ne!(renewed.identity(), named);
        // Back again, it is who it was but by name: that says what its weights are.
        let other = renewed.identity();
        renewed.renew(old).unwrap();
        assert_eq!(lines(&renewed).0, first, "{format}");
        assert!(renewed.identity() != other && renewed.identity() != named);
        renewed.renew(others()).unwrap();
        assert_eq!(renewed.identity(), other);
    }
}

#[test]
fn weights_that_do_not_fit_are_refused_and_change_nothing() {
    let mut engine = engine(EngineConfig::default());
    let before = lines(&engine).0;
    let wide = ModelConfig { intermediate_size: 99, ..byte_config("qwen3") };
    let (mut short, mut fewer, mut bare) = (others(), others(), others());
    short.layers[0].key.pop();
    fewer.layers.pop();
    bare.layers[1].qk_norm = None;
    let mut headless = others();
    headless.head = headless.head.take().is_none().then(Vec::new);
    for (weights, expected) in [
        (fewer, "weights: of another shape or model"),
        (bare, "weights: of another shape or model"),
        (headless, "weights: of another shape or model"),
        (DecoderWeights::initial(wide, 1).unwrap(), "weights: of another shape or model"),
        (short, "model.layers.0.self_attn.k_proj.weight: "),
    ] {
        let error = engine.renew(weights).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(lines(&engine).0, before);
    // An executor that does not say how.
    let counting = Counting::new(Native::new(others(), 1).unwrap());
    let tokenizer = std::sync::Arc::clone(engine.tokenizer());
    let mut counting = Engine::new(counting, tokenizer, None, EngineConfig::default()).unwrap();
    let error = counting.renew(others()).unwrap_err().to_string();
    assert!(error.starts_with("weights: this backend takes no weights"), "{error}");
}

#[test]
fn burns_executor_is_renewed_too() {
    let logits = |plain: &Plain<Cpu>| {
        let mut state = plain.empty();
        let tokens = [3, 1, 4, 1, 5];
        let span = Span { state: &mut state, tokens: &tokens, want: Want::All };
        plain.logits(&plain.forward(&mut [span]).unwrap()).unwrap()
    };
    let mut plain = Plain::<Cpu>::new(lively_weights(byte_config("qwen3")).unwrap()).unwrap();
    let before = logits(&plain);
    let mut short = others();
    short.layers[1].feed_forward.dense_mut().unwrap().down.pop();
    let error = plain.renew(short).unwrap_err().to_string();
    assert!(error.starts_with("model.layers.1.mlp.down_proj.weight: "), "{error}");
    assert_eq!(logits(&plain), before);
    plain.renew(others()).unwrap();
    assert_ne!(logits(&plain), before);
    assert_eq!(logits(&plain), logits(&Plain::new(others()).unwrap()));
}
