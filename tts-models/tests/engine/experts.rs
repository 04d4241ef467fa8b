//! Mixtures of experts: the same bits in any company, in every type of weights, and beside Burn's operations.
//! gpt-oss's have biases, and windows and sinks of attention; `qwen2_moe` has a network that every token goes to besides,
//! `glm4_moe` too, behind a layer without experts.

use tts_core::{Generator, Given, Likelihood, Prompt, Request};
use tts_models::testing::{byte_config, lively_weights};
use tts_models::train::{Adapter, AdapterConfig, Model, Site, TrainConfig, Trainer};
use tts_models::weights::config::{Activation, Experts, NormPlace, Router};
use tts_models::weights::decoder::FeedForwardWeights;
use tts_models::{
    Backbone, Cpu, DecoderWeights, EngineConfig, Executor, ModelConfig, Native, Plain, Span,
    Switches, Want, WeightFormat,
};

use crate::native::{FORMATS, bits, tokens, whole};
use crate::{engine_of, generated, request, weights};

const MIXTURES: [&str; 5] = ["qwen3_moe", "mixtral", "gpt_oss", "qwen2_moe", "glm4_moe"];

/// Alone, among others, with any number of threads: a token's experts are shared with tokens of other lines.
#[test]
fn a_sequence_has_the_same_bits_among_any_number_of_others() {
    for (architecture, format) in MIXTURES.into_iter().flat_map(|a| FORMATS.map(|f| (a, f))) {
        let text = tokens(33, 1);
        let mut expected: Option<Vec<u32>> = None;
        for threads in [1, 2] {
            let native = Native::with_format(weights(architecture), format, threads).unwrap();
            let alone = bits(&whole(&native, &text));
            assert_eq!(*expected.get_or_insert_with(|| alone.clone()), alone, "{threads} threads");
            for others in [2, 8, 64] {
                let texts: Vec<Vec<u32>> =
                    (0..others)
                        .map(|i| {
                            if i == others / 2 {
                                text.clone()
                            } else {
                                tokens(5 + i % 40, i as u64)
                            }
                        })
                        .collect();
                let mut states: Vec<_> = texts.iter().map(|_| native.empty()).collect();
                let spans = states.iter_mut().zip(&texts).enumerate();
                let mut spans: Vec<_> = spans
                    .map(|(i, (state, tokens))| {
                        let want = if i == others / 2 { Want::All } else { Want::Nothing };
                        Span { state, tokens, want }
                    })
                    .collect();
                let found = bits(&native.forward(&mut spans).unwrap());
                assert_eq!(found, alone, "{architecture}, {format}, {threads} threads, {others}");
            }
        }
    }
}

/// Token by token, in pieces, and from a fork that shares a prefix.
#[test]
fn a_sequence_has_the_same_bits_however_it_is_cut() {
    for (architecture, format) in MIXTURES.into_iter().flat_map(|a| FORMATS.map(|f| (a, f))) {
        let native = Native::with_format(weights(architecture), format, 2).unwrap();
        let text = tokens(70, 4);
        let expected = bits(&whole(&native, &text));
        for cut in [1, 7, 33] {
            let mut state = native.empty();
            let mut rows = Vec::new();
            for tokens in text.chunks(cut) {
                let span = Span { state: &mut state, tokens, want: Want::All };
                rows.extend(native.forward(&mut [span]).unwrap());
            }
            assert_eq!(bits(&rows), expected, "{architecture}, {format}, {cut}");
            // Behind windows a fork may have to begin earlier.
            let mut fork = native.fork(&mut state, 21);
            let length = native.length(&fork);
            assert!(length == 21 || (architecture == "gpt_oss" && length < 21));
            let span = Span { state: &mut fork, tokens: &text[length..], want: Want::All };
            let rows = bits(&native.forward(&mut [span]).unwrap());
            assert_eq!(rows, expected[length * 40..], "{architecture}, {format}, a fork");
        }
    }
}

/// What a line of each seed says, and its log-probabilities.
fn lines(config: EngineConfig, architecture: &str, at_once: bool) -> Vec<(Vec<u32>, Vec<u32>)> {
    let engine = engine_of(architecture, config);
    let prompt = || Prompt::text("A prefix that is long enough to fill a block or two of a cache.");
    let seeds: Vec<u64> = (0..8).collect();
    let requests: Vec<Request> = if at_once {
        vec![request(prompt(), seeds)]
    } else {
        seeds.into_iter().map(|seed| request(prompt(), vec![seed])).collect()
    };
    let mut found = Vec::new();
    for request in requests {
        let answer = engine.generate(std::slice::from_ref(&request)).unwrap().remove(0);
        for line in answer.lines {
            let line = line.unwrap();
            found.push((generated(&line), crate::bits(&line)));
        }
    }
    found
}

#[test]
fn lines_are_the_same_alone_in_a_batch_and_without_a_cache() {
    for architecture in MIXTURES {
        let base = EngineConfig { threads: 1, ..EngineConfig::default() };
        let alone = lines(base, architecture, false);
        assert_eq!(alone.len(), 8);
        assert!(alone.iter().all(|(tokens, _)| tokens.len() > 1));
        let two = EngineConfig { threads: 2, ..base };
        for (name, config) in [
            ("one thread", base),
            ("two threads", two),
            ("no cache", EngineConfig { cache_bytes: 0, ..two }),
            ("a tiny cache", EngineConfig { cache_bytes: 40_000, ..two }),
            ("prompts in pieces", EngineConfig { prefill_rows: 7, ..two }),
            ("three lines at a time", EngineConfig { max_lines: 3, ..two }),
        ] {
            assert_eq!(lines(config, architecture, true), alone, "{architecture}: {name}");
        }
    }
}

/// Experts that no row goes to are not read: whatever stands there makes no difference.
#[test]
fn experts_that_no_row_goes_to_are_left_alone() {
    let spoilt = |spoilt: &[usize], format| {
        let mut weights = weights("gpt_oss");
        for layer in &mut weights.layers {
            let FeedForwardWeights::Mixture(mixture) = &mut layer.feed_forward else { panic!() };
            // All tokens go to the second and the fourth.
            mixture.router_bias = Some(vec![-100.0, 100.0, -100.0, 90.0, -100.0]);
            for &expert in spoilt {
                let network = &mut mixture.experts[expert];
                for tensor in [&mut network.gate, &mut network.up, &mut network.down] {
                    tensor.fill(f32::NAN);
                }
                network.biases.iter_mut().flatten().for_each(|bias| bias.fill(f32::NAN));
            }
        }
        whole(&Native::with_format(weights, format, 2).unwrap(), &tokens(33, 1))
    };
    for format in [WeightFormat::F32, WeightFormat::Bf16] {
        let expected = bits(&spoilt(&[], format));
        assert_eq!(bits(&spoilt(&[0, 2, 4], format)), expected, "{format}");
        assert!(spoilt(&[3], format).iter().all(|value| value.is_nan()), "{format}");
    }
}

/// As a judge: rows and log-probabilities of given texts, with and without what is known already.
#[test]
fn given_texts_are_judged_alike_alone_and_together() {
    for architecture in MIXTURES {
        let engine = engine_of(architecture, EngineConfig::default());
        let given = |first: u32| Given { context: vec![first, 2, 3], tokens: vec![4, 5, 6, 90] };
        let texts: Vec<Given> = (1..9).map(given).collect();
        let together = engine.logprobs(&texts).unwrap();
        for (text, expected) in texts.iter().zip(&together) {
            engine.forget();
            assert_eq!(engine.logprobs(std::slice::from_ref(text)).unwrap()[0], *expected);
        }
        let rows = engine.hidden_of(&[1, 2, 3, 4, 5], &[2, 4]).unwrap();
        engine.forget();
        assert_eq!(engine.hidden_of(&[1, 2, 3, 4, 5], &[2, 4]).unwrap(), rows);
    }
}

/// Experts beside every other switch of a feed-forward part, against Burn's operations.
#[test]
fn other_switches_hold_for_experts_too() {
    let base = byte_config("qwen3_moe");
    let experts = base.switches.experts;
    let of = |switches: Switches| {
        let config = ModelConfig { switches: Switches { experts, ..switches }, ..base.clone() };
        lively_weights(config).unwrap()
    };
    let one = Some(Experts { count: 3, used: 3, width: 9, normed: false, shared: None });
    let all = [
        of(Switches { activation: Activation::GeluTanh, ..Switches::default() }),
        of(Switches { norm_place: NormPlace::Around, ..Switches::default() }),
        of(Switches { norm_place: NormPlace::After, ..Switches::default() }),
        of(Switches { residual_scale: 0.3, ..Switches::default() }),
        of(Switches { feed_forward_bias: true, ..Switches::default() }),
        of(Switches {
            activation: Activation::Clamped { slope: 2.0, limit: 0.5 },
            ..Switches::default()
        }),
        of(Switches { sinks: true, attention_cap: Some(1.5), ..Switches::default() }),
        of(Switches { router: Router::Sigmoid { scale: 2.5 }, ..Switches::default() }),
        of(Switches { dense_layers: 1, feed_forward_bias: true, ..Switches::default() }),
        lively_weights(ModelConfig {
            switches: Switches { experts: one, ..Switches::default() },
            ..base.clone()
        })
        .unwrap(),
    ];
    for weights in all {
        let switches = weights.config.switches.clone();
        let text = tokens(60, 8);
        let native = Native::new(weights.clone(), 2).unwrap();
        let plain = Plain::<Cpu>::new(weights.clone()).unwrap();
        let (a, b) = (whole(&native, &text), whole(&plain, &text));
        let far =
            a.iter().zip(&b).map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap_or(0.0);
        assert!(far < 1e-4, "{switches:?}: hidden rows differ by {far}");
        assert_eq!(plain.decoder().weights(weights.config.clone()).unwrap(), weights);
    }
}

/// Rounding weights of experts moves hidden rows by about a hundredth of their size; the router stays exact.
#[test]
fn rounded_experts_stay_close_to_exact_ones() {
    let text = tokens(90, 3);
    let exact = whole(&Native::new(weights("qwen3_moe"), 1).unwrap(), &text);
    let size: f32 = exact.iter().map(|x| x * x).sum();
    for format in [WeightFormat::Bf16, WeightFormat::Int8] {
        let rounded = Native::with_format(weights("qwen3_moe"), format, 1).unwrap();
        let rounded = whole(&rounded, &text);
        let far: f32 = exact.iter().zip(&rounded).map(|(a, b)| (a - b).powi(2)).sum();
        let far = (far / size).sqrt();
        // A choice on the edge may turn over: then a row is another one.
        assert!(far > 1e-5 && far < 0.25, "{format:?}: {far}");
    }
}

/// Whatever is asked for, the router is held in f32: 16 outputs more are 16 rows of 40 numbers of 4 bytes, in 2 layers.
#[test]
fn the_router_is_never_rounded() {
    for format in FORMATS {
        let rest = |count: usize| {
            let base = byte_config("qwen3_moe");
            let experts = base.switches.experts.map(|experts| Experts { count, ..experts });
            let config = ModelConfig { switches: Switches { experts, ..base.switches }, ..base };
            let weights = DecoderWeights::random(config, 3).unwrap();
            let shape = Native::with_format(weights, format, 1).unwrap().shape();
            shape.layer_bytes - shape.experts.unwrap().bytes
        };
        assert_eq!(rest(21) - rest(5), 2 * 16 * 40 * 4, "{format}");
    }
}

#[test]
fn renewed_experts_are_as_made_anew() {
    let text = tokens(40, 9);
    for (architecture, format) in MIXTURES.into_iter().flat_map(|a| FORMATS.map(|f| (a, f))) {
        let others = || DecoderWeights::initial(byte_config(architecture), 77).unwrap();
        let made = |weights| Native::with_format(weights, format, 2).unwrap();
        let mut native = made(weights(architecture));
        let before = whole(&native, &text);
        let mut fewer = others();
        if let FeedForwardWeights::Mixture(mixture) = &mut fewer.layers[1].feed_forward {
            mixture.experts.pop();
        }
        let error = native.renew(fewer).unwrap_err().to_string();
        assert!(error.contains("of another shape or model"), "{error}");
        let mut short = others();
        short.layers[1].feed_forward.networks_mut()[3].down.pop();
        let error = native.renew(short).unwrap_err().to_string();
        assert!(error.starts_with("model.layers.1.mlp.experts.3.down_proj.weight: "), "{error}");
        let mut short = others();
        if short.layers[0].sinks.as_mut().map(Vec::pop).is_some() {
            let error = native.renew(short).unwrap_err().to_string();
            assert!(error.starts_with("model.layers.0.self_attn.sinks: 5 values, exp"), "{error}");
        }
        assert_eq!(bits(&whole(&native, &text)), bits(&before));
        native.renew(others()).unwrap();
        assert_eq!(bits(&whole(&native, &text)), bits(&whole(&made(others()), &text)), "{format}");
    }
}

/// Nothing learns in a mixture yet, but what was learnt beside its experts is merged.
#[test]
fn training_is_refused_and_adapters_of_attention_are_merged() {
    let config = byte_config("qwen3_moe");
    let model = || Model::from(DecoderWeights::initial(config.clone(), 1).unwrap());
    let nothing: Vec<tts_models::train::Example> = Vec::new();
    let error = Trainer::new(TrainConfig::default()).train(model(), &nothing).unwrap_err();
    let error = error.to_string();
    assert!(error.starts_with("model: training has no arithmetic for a mixture of"), "{error}");
    assert!(error.contains("take a dense model"), "{error}");
    let of = |sites: Vec<Site>| {
        Adapter::initial(AdapterConfig { rank: 2, sites, ..AdapterConfig::default() }, &config, 1)
    };
    let error = of(Site::ALL.to_vec()).unwrap_err().to_string();
    assert!(
        error.starts_with("sites: mlp.gate_proj: experts have no adapters; keep to"),
        "{error}"
    );
    let adapter = of(vec![Site::Query, Site::Output]).unwrap();
    let mut merged = model().decoder;
    adapter.merge(&mut merged).unwrap();
    assert_eq!(merged, model().decoder);
}
