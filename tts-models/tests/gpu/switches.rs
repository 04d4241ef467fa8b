//! What differs from a Llama layer, switch by switch and all together: numbers against Burn's, bits against each other.

use tts_models::exec::Runtime;
use tts_models::weights::config::{Activation, Attends, Growth, NormPlace, Rotation};
use tts_models::{Cpu, Executor, Gpu, ModelConfig, Native, Plain, Span, Switches, Want};

use super::executor::{bits, close, tokens, whole};
use super::{config, on_each_runtime, weights};

on_each_runtime!(
    each_agrees_with_burn,
    experts_agree_with_burn,
    windows_reach_over_parts_of_attention,
    all_together_keep_their_bits,
    experts_keep_their_bits,
);

/// Two layers of which the first has a window and is turned by another base.
fn layers(window: usize) -> Vec<Attends> {
    vec![
        Attends { window: Some(window), rotation: Rotation::Local },
        Attends { window: None, rotation: Rotation::Global },
    ]
}

/// Each switch by itself, of a family that lets it be set.
fn single() -> Vec<(&'static str, &'static str, Switches)> {
    let plain = Switches::default;
    vec![
        ("llama", "biases", Switches { output_bias: true, feed_forward_bias: true, ..plain() }),
        (
            "llama",
            "factors",
            Switches {
                embedding_scale: 3.0,
                residual_scale: 0.3,
                attention_scale: Some(0.2),
                logit_scale: 0.25,
                ..plain()
            },
        ),
        ("llama", "bounds", Switches { attention_cap: Some(2.0), logit_cap: Some(3.0), ..plain() }),
        ("llama", "windows", Switches { layers: layers(20), local_rope_theta: 100.0, ..plain() }),
        (
            "llama",
            "not turned",
            Switches {
                layers: vec![
                    Attends { rotation: Rotation::None, ..Attends::default() },
                    Attends::default(),
                ],
                ..plain()
            },
        ),
        ("llama", "turned in part", Switches { rotary_dim: Some(2), ..plain() }),
        ("llama", "norms after", Switches { norm_place: NormPlace::After, ..plain() }),
        ("llama", "norms around", Switches { norm_place: NormPlace::Around, ..plain() }),
        ("qwen3", "norms over all heads", Switches { whole_qk_norm: true, ..plain() }),
        ("qwen3", "norms behind the rotation", Switches { qk_norm_turned: true, ..plain() }),
        ("llama", "another activation", Switches { activation: Activation::GeluTanh, ..plain() }),
        (
            "llama",
            "a bounded activation",
            Switches { activation: Activation::Clamped { slope: 1.7, limit: 0.5 }, ..plain() },
        ),
        (
            "llama",
            "growth",
            Switches { query_growth: Some(Growth { by: 0.7, every: 16.0 }), ..plain() },
        ),
        ("llama", "sinks", Switches { sinks: true, ..plain() }),
    ]
}

fn together(window: usize) -> Switches {
    Switches {
        norm_place: NormPlace::Around,
        qk_norm_turned: true,
        query_growth: Some(Growth { by: 0.2, every: 64.0 }),
        activation: Activation::GeluTanh,
        output_bias: true,
        feed_forward_bias: true,
        sinks: true,
        rotary_dim: Some(2),
        layers: layers(window),
        local_rope_theta: 100.0,
        embedding_scale: 2.0,
        residual_scale: 0.5,
        attention_scale: Some(0.3),
        logit_scale: 0.5,
        attention_cap: Some(4.0),
        logit_cap: Some(5.0),
        ..Switches::default()
    }
}

fn of(architecture: &str, switches: Switches) -> ModelConfig {
    ModelConfig { switches, ..config(architecture) }
}

fn each_agrees_with_burn<R: Runtime>(device: &R::Device) {
    let mut all = single();
    all.push(("qwen3", "all together", together(20)));
    // Biases of queries and keys come before a norm over all of them.
    let whole = Switches { whole_qk_norm: true, ..together(20) };
    all.push(("qwen3", "all together, by one norm", Switches { qk_norm_turned: false, ..whole }));
    for (architecture, what, switches) in all {
        let plainly = Switches::default() == switches;
        assert!(!plainly, "{what} sets nothing");
        let config = ModelConfig { attention_bias: true, ..of(architecture, switches) };
        let gpu = Gpu::<R>::new(weights(config.clone()), device).unwrap();
        close(&gpu, &Plain::<Cpu>::new(weights(config)).unwrap(), 90, what);
    }
}

/// Routers of both kinds, experts with biases and without, a network beside them that counts whole or in part, layers
/// without experts; and all other switches with them.
fn experts_agree_with_burn<R: Runtime>(device: &R::Device) {
    let (mixtures, mut routed) = (["qwen3_moe", "qwen2_moe", "gpt_oss", "glm4_moe", "mixtral"], 0);
    for architecture in mixtures {
        let plain = config(architecture);
        let norms = Switches { norm_place: NormPlace::Around, ..plain.switches.clone() };
        let joined = Switches { residual_scale: 0.5, activation: Activation::GeluTanh, ..norms };
        for switches in [plain.switches.clone(), joined] {
            routed += usize::from(switches.experts.is_some());
            let config = ModelConfig { switches, ..plain.clone() };
            let gpu = Gpu::<R>::new(weights(config.clone()), device).unwrap();
            close(&gpu, &Plain::<Cpu>::new(weights(config)).unwrap(), 90, architecture);
        }
    }
    assert_eq!(routed, 2 * mixtures.len(), "each is a mixture");
}

/// Windows that begin in a later part than the first, and end in the middle of one.
fn windows_reach_over_parts_of_attention<R: Runtime>(device: &R::Device) {
    for window in [1, 255, 256, 300] {
        let config = of("llama", Switches { layers: layers(window), ..Switches::default() });
        let gpu = Gpu::<R>::new(weights(config.clone()), device).unwrap();
        close(&gpu, &Native::new(weights(config), 2).unwrap(), 590, &format!("window {window}"));
    }
}

/// In one span, token by token at its end, in pieces, beside others and from a fork.
fn all_together_keep_their_bits<R: Runtime>(device: &R::Device) {
    let gpu = Gpu::<R>::new(weights(of("qwen3", together(270))), device).unwrap();
    let text = tokens(560, 9);
    let expected = bits(&whole(&gpu, &text));
    for cuts in [vec![255, 1, 7, 290, 1, 1, 1, 1, 1, 1, 1], vec![17; 33]] {
        let (mut state, mut other) = (gpu.empty(), gpu.empty());
        let (mut rows, mut at) = (Vec::new(), 0);
        for count in cuts {
            let end = text.len().min(at + count);
            if end == at {
                break;
            }
            let beside = tokens(3, at as u64);
            let mut spans = [
                Span { state: &mut state, tokens: &text[at..end], want: Want::All },
                Span { state: &mut other, tokens: &beside, want: Want::Nothing },
            ];
            rows.extend(gpu.forward(&mut spans).unwrap());
            at = end;
        }
        assert_eq!(at, text.len());
        assert_eq!(bits(&rows), expected);
        let mut fork = gpu.fork(&mut state, 300);
        let mut spans = [Span { state: &mut fork, tokens: &text[300..], want: Want::All }];
        assert_eq!(bits(&gpu.forward(&mut spans).unwrap()), expected[300 * 40..]);
    }
}

/// Of five experts with a window and biases, and beside a network that all rows go through: in one span, where each has
/// hundreds of rows, and token by token beside others.
fn experts_keep_their_bits<R: Runtime>(device: &R::Device) {
    for architecture in ["gpt_oss", "qwen2_moe"] {
        let gpu = Gpu::<R>::new(weights(config(architecture)), device).unwrap();
        let text = tokens(300, 11);
        let expected = bits(&whole(&gpu, &text));
        let (mut state, mut other) = (gpu.empty(), gpu.empty());
        let (mut rows, mut at) = (Vec::new(), 0);
        for count in [1, 1, 2, 5, 31, 1, 200, 1, 58] {
            let beside = tokens(3, at as u64);
            let mut spans = [
                Span { state: &mut other, tokens: &beside, want: Want::Nothing },
                Span { state: &mut state, tokens: &text[at..at + count], want: Want::All },
            ];
            rows.extend(gpu.forward(&mut spans).unwrap());
            at += count;
        }
        assert_eq!(at, text.len());
        assert_eq!(bits(&rows), expected, "{architecture}");
        close(&gpu, &Native::new(weights(config(architecture)), 1).unwrap(), 300, architecture);
    }
}
