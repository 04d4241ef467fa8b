//! What the reference executor returns, refuses and leaves untouched.

use tts_models::{Cpu, Executor, ModelConfig, ModelError, Plain, Span, Want};

use crate::common;

fn model() -> Plain<Cpu> {
    let config = ModelConfig { max_position_embeddings: 8, ..common::small() };
    Plain::new(common::weights(&config)).unwrap()
}

fn forward(
    model: &Plain<Cpu>,
    spans: &mut [Span<'_, <Plain<Cpu> as Executor>::State>],
) -> Result<Vec<f32>, String> {
    model.forward(spans).map_err(|error| error.to_string())
}

#[test]
fn returns_the_wanted_rows_in_the_order_of_the_spans() {
    let model = model();
    let width = model.config().hidden_size;
    let run = |wants: [Want; 3]| {
        let mut states = vec![model.empty(); 3];
        let tokens: [&[u32]; 3] = [&[1, 2, 3], &[4], &[5, 6]];
        let mut spans: Vec<_> = states
            .iter_mut()
            .zip(tokens)
            .zip(wants)
            .map(|((state, tokens), want)| Span { state, tokens, want })
            .collect();
        forward(&model, &mut spans).unwrap()
    };
    let all = run([Want::All; 3]);
    assert_eq!(all.len(), 6 * width);
    let row = |n: usize| &all[n * width..(n + 1) * width];
    assert_eq!(run([Want::Last; 3]), [row(2), row(3), row(5)].concat());
    assert_eq!(run([Want::Last, Want::Nothing, Want::All]), [row(2), row(4), row(5)].concat());
    assert_eq!(run([Want::Nothing; 3]), [0.0; 0]);
}

#[test]
fn refuses_before_any_state_changes() {
    let model = model();
    let cases: [(&[u32], &str); 3] = [
        (&[], "spans[1]: no tokens"),
        (&[3, 97], "spans[1]: token 97, but the vocabulary has 97"),
        (&[1; 9], "spans[1]: 9 tokens, but the model takes 8"),
    ];
    for (tokens, problem) in cases {
        let (mut good, mut bad) = (model.empty(), model.empty());
        let mut spans = [
            Span { state: &mut good, tokens: &[1, 2], want: Want::Last },
            Span { state: &mut bad, tokens, want: Want::Last },
        ];
        assert_eq!(forward(&model, &mut spans), Err(problem.to_owned()));
        assert_eq!([model.length(&good), model.length(&bad)], [0, 0]);
    }
}

#[test]
fn counts_the_tokens_there_are_towards_the_longest_sequence() {
    let model = model();
    let mut state = model.empty();
    let full = Span { state: &mut state, tokens: &[1; 8], want: Want::Nothing };
    forward(&model, &mut [full]).unwrap();
    let more = Span { state: &mut state, tokens: &[1], want: Want::Nothing };
    let problem = "spans[0]: 9 tokens, but the model takes 8";
    assert_eq!(forward(&model, &mut [more]), Err(problem.to_owned()));
    assert_eq!(model.length(&state), 8);
    assert_eq!(model.length(&model.fork(&mut state, 100)), 8);
    assert_eq!(model.length(&model.fork(&mut state, 0)), 0);
}

#[test]
fn logits_take_whole_rows() {
    let model = model();
    assert_eq!(model.logits(&[]).unwrap(), [0.0; 0]);
    assert_eq!(model.logits(&[0.5; 128]).unwrap().len(), 2 * 97);
    assert!(matches!(model.logits(&[0.5; 65]), Err(ModelError::Input { .. })));
}

#[test]
fn no_spans_are_no_rows() {
    assert_eq!(forward(&model(), &mut []), Ok(Vec::new()));
}

#[test]
fn weights_of_another_size_are_named() {
    let mut weights = common::weights(&common::small());
    weights.layers[1].key.pop();
    let error = Plain::<Cpu>::new(weights).unwrap_err();
    assert_eq!(error.to_string(), "key: 2047 values, expected 32 x 64");
}
