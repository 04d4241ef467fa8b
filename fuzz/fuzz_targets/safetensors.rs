//! Any bytes as a safetensors file: header, every tensor.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use tts_models::weights::safetensors::SafetensorsFile;

fuzz_target!(|data: &[u8]| {
    let Ok(file) = SafetensorsFile::from_reader(Cursor::new(data.to_vec()), "fuzz.safetensors")
    else {
        return;
    };
    for name in file.tensor_names() {
        if let Ok(tensor) = file.read(name) {
            let _ = tensor.to_f32();
        }
    }
});
