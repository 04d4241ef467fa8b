//! Any bytes as a GGUF file: header, every tensor, config, weights.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use tts_models::weights::Gguf;
use tts_models::{Checkpoint, DecoderWeights};

fuzz_target!(|data: &[u8]| {
    let Ok(gguf) = Gguf::from_reader(Cursor::new(data.to_vec()), "fuzz.gguf") else { return };
    for name in gguf.tensor_names() {
        // The header was checked: what it describes is there.
        let tensor = gguf.read(name).expect("tensor reads");
        tensor.to_f32().expect("tensor decodes");
    }
    if let Ok(checkpoint) = Checkpoint::from_gguf(gguf) {
        assert_eq!(checkpoint.config().validate().ok(), Some(()));
        let _ = checkpoint.config().rope_frequencies();
        let _ = DecoderWeights::load(&checkpoint);
    }
});
