//! On ndarray a sequence has the same bits whatever runs beside it and however it is cut in spans.

use tts_models::{Cpu, Executor, ModelConfig, Plain, Span, Want};

use crate::common;

type Model = Plain<Cpu>;

fn model(config: &ModelConfig) -> Model {
    Plain::new(common::weights(config)).unwrap()
}

/// The widths of `SmolLM2`-135M, in which reductions are longer than a block of the matrix product.
fn medium() -> ModelConfig {
    ModelConfig {
        hidden_size: 576,
        intermediate_size: 1536,
        num_hidden_layers: 2,
        num_attention_heads: 9,
        num_key_value_heads: 3,
        head_dim: 64,
        ..common::small()
    }
}

/// Token ids of the `n`-th sequence.
fn tokens(n: usize, length: usize) -> Vec<u32> {
    (0..length).map(|i| u32::try_from((31 * n + i * i + 7 * i + 3) % 97).unwrap()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Runs each sequence's tokens in one span, all sequences together; each one's rows and logits.
fn together(
    model: &Model,
    states: &mut [<Model as Executor>::State],
    ids: &[Vec<u32>],
) -> Vec<Vec<u32>> {
    let mut spans: Vec<_> = states
        .iter_mut()
        .zip(ids)
        .map(|(state, tokens)| Span { state, tokens, want: Want::All })
        .collect();
    let hidden = model.forward(&mut spans).unwrap();
    let logits = model.logits(&hidden).unwrap();
    let (mut hidden, mut logits) = (hidden.as_slice(), logits.as_slice());
    ids.iter()
        .map(|ids| {
            let (h, l) =
                (ids.len() * model.config().hidden_size, ids.len() * model.config().vocab_size);
            let out = [bits(&hidden[..h]), bits(&logits[..l])].concat();
            (hidden, logits) = (&hidden[h..], &logits[l..]);
            out
        })
        .collect()
}

fn alone_and_among(config: &ModelConfig, others: &[usize]) {
    let model = model(config);
    // The first has one token, the second many: both paths of attention in one batch.
    let ids: Vec<_> = (0..64).map(|n| tokens(n, [1, 5, 17, 2][n % 4])).collect();
    let steps: Vec<_> = (0..64).map(|n| tokens(n + 5, 1)).collect();
    let alone: Vec<_> = (0..64)
        .map(|n| {
            let mut states = [model.empty()];
            let prefill = together(&model, &mut states, &ids[n..=n]);
            (prefill, together(&model, &mut states, &steps[n..=n]))
        })
        .collect();
    for &count in others {
        let mut states = vec![model.empty(); count];
        let prefill = together(&model, &mut states, &ids[..count]);
        let step = together(&model, &mut states, &steps[..count]);
        for n in 0..count {
            assert!(alone[n].0[0] == prefill[n], "prefill of sequence {n} among {count}");
            assert!(alone[n].1[0] == step[n], "step of sequence {n} among {count}");
        }
    }
}

/// A sequence in one span against cuts into spans of `pieces` tokens, again and again.
fn whole_and_in_pieces(config: &ModelConfig, length: usize, pieces: &[usize]) {
    let model = model(config);
    let ids = tokens(1, length);
    let run = |cuts: &mut dyn Iterator<Item = usize>| {
        let mut state = model.empty();
        let mut hidden = Vec::new();
        while model.length(&state) < length {
            let at = model.length(&state);
            let end = length.min(at + cuts.next().unwrap());
            let span = Span { state: &mut state, tokens: &ids[at..end], want: Want::All };
            hidden.extend(model.forward(&mut [span]).unwrap());
        }
        bits(&hidden)
    };
    let whole = run(&mut [length].into_iter());
    assert!(whole == run(&mut std::iter::repeat(1)), "token by token");
    assert!(whole == run(&mut pieces.iter().copied().cycle()), "in pieces");
}

#[test]
fn small_alone_and_among_others() {
    alone_and_among(&common::small(), &[2, 8, 64]);
}

#[test]
fn medium_alone_and_among_others() {
    alone_and_among(&medium(), &[2, 8, 64]);
}

#[test]
fn small_whole_and_in_pieces() {
    // Longer than 256, the block of the matrix product over cached positions.
    whole_and_in_pieces(&common::small(), 300, &[3, 64, 7, 40]);
}

#[test]
fn small_with_normed_heads_and_bias() {
    let config = ModelConfig { qk_norm: true, attention_bias: true, ..common::small() };
    alone_and_among(&config, &[2, 8]);
    whole_and_in_pieces(&config, 70, &[5, 1, 16]);
}

#[test]
fn medium_whole_and_in_pieces() {
    whole_and_in_pieces(&medium(), 40, &[3, 8, 1]);
}

#[test]
fn a_fork_has_the_bits_of_its_own_prefill() {
    let model = model(&common::small());
    let (backbone, branch) = (tokens(0, 20), tokens(9, 6));
    let mut states = [model.empty()];
    together(&model, &mut states, std::slice::from_ref(&backbone));
    let [mut backbone_state] = states;
    let mut fork = [model.fork(&mut backbone_state, 13)];
    let forked = together(&model, &mut fork, std::slice::from_ref(&branch));

    let mut fresh = [model.empty()];
    together(&model, &mut fresh, &[backbone[..13].to_vec()]);
    assert!(forked == together(&model, &mut fresh, &[branch]));
    assert_eq!(model.length(&backbone_state), 20);
}
