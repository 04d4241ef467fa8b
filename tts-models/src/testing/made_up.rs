//! A model of any shape on random weights, for benchmarks of what no file at hand holds.
//!
//! Its file is GGUF, made up as it is read: a header as the converter would write it, then tensors whose bytes follow
//! from their place in the file by a hash. So nothing of it is stored, and a model takes the memory of its packed
//! weights alone. Weights are as spread as at the start of training, norms near 1: activations stay in their range, and
//! a router sends tokens to different experts.
//!
//! Source: none; the hash is the finaliser of `SplitMix64` (Steele et al. 2014, figure 16).

use std::io::{self, Read, Seek, SeekFrom};

use super::decoder::{described, place};
use crate::weights::config::families::Family;
use crate::weights::decoder::Source;
use crate::weights::gguf::{Array, Value};
use crate::weights::{Checkpoint, Dtype, Gguf, RawTensor};
use crate::{
    DecoderWeights, Engine, EngineConfig, LanguageModel, ModelConfig, ModelError, Native, TextSide,
};

/// A model of this shape on random weights, by own CPU kernels. Its matrices are stored in `blocks` (F32, BF16, `Q8_0`,
/// `Q4_0` or MXFP4), but for routers (f32) and, where blocks are of four bits, the embedding and the head (`Q8_0`); MXFP4
/// is that of experts alone, beside `Q8_0`. [`EngineConfig::weights`] says in what they are held.
///
/// What GGUF has no word for is as in the family's published models.
///
/// # Errors
/// When the config is not one of a decoder that GGUF files hold, or the type is another.
pub fn random_model(
    config: &ModelConfig,
    blocks: Dtype,
    engine: EngineConfig,
) -> Result<Box<dyn LanguageModel>, ModelError> {
    let gguf = Gguf::from_reader(MadeUp::new(config, blocks)?, "random weights")?;
    let checkpoint = Checkpoint::from_gguf(gguf)?.within(engine.positions);
    let TextSide { tokenizer, template } = TextSide::open(&checkpoint)?;
    let native = Native::load(&checkpoint, engine.weights, engine.threads)?
        .with_key_values(engine.key_values);
    Ok(Box::new(Engine::new(native, tokenizer, template, engine)?))
}

/// Names and shapes of a decoder's tensors.
#[derive(Default)]
struct Names(Vec<(String, Vec<usize>, Kind)>);

/// What a tensor is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Matrix,
    /// A matrix that is never rounded.
    Exact,
    Vector,
}

impl Source<()> for &mut Names {
    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<(), ModelError> {
        self.0.push((name.to_owned(), shape.to_vec(), Kind::Matrix));
        Ok(())
    }

    fn exact(&mut self, name: &str, shape: [usize; 2]) -> Result<(), ModelError> {
        self.0.push((name.to_owned(), shape.to_vec(), Kind::Exact));
        Ok(())
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        self.0.push((name.to_owned(), vec![length], Kind::Vector));
        Ok(Vec::new())
    }
}

/// The type of a matrix, by its name.
fn stored(blocks: Dtype, name: &str, inputs: usize) -> Dtype {
    let whole = !name.starts_with("blk.");
    let dtype = match blocks {
        Dtype::MXFP4 if !name.contains("_exps.") => Dtype::Q8_0,
        Dtype::Q4_0 if whole => Dtype::Q8_0,
        other => other,
    };
    if inputs.is_multiple_of(dtype.block_len()) { dtype } else { Dtype::F32 }
}

/// Values of a tensor of the file.
struct Stretch {
    start: u64,
    length: u64,
    dtype: Dtype,
    /// What values lie around.
    centre: f32,
}

/// The file.
struct MadeUp {
    header: Vec<u8>,
    /// In the order of their places.
    stretches: Vec<Stretch>,
    length: u64,
    position: u64,
}

impl MadeUp {
    fn new(config: &ModelConfig, blocks: Dtype) -> Result<Self, ModelError> {
        const KNOWN: [Dtype; 5] = [Dtype::F32, Dtype::BF16, Dtype::Q8_0, Dtype::Q4_0, Dtype::MXFP4];
        if !KNOWN.contains(&blocks) {
            let problem = format!("{blocks}, expected F32, BF16, Q8_0, Q4_0 or MXFP4");
            return Err(ModelError::input("blocks", problem));
        }
        config.validate()?;
        let mut names = Names::default();
        DecoderWeights::<()>::build(config.clone(), &mut names)?;
        let family = Family::of(&config.architecture);
        let mut writer = described(config);
        // Whatever is written in it has tokens: the letters of bytes, then names of no meaning.
        let letters = ('!'..='~').chain('\u{a1}'..='\u{ac}').chain('\u{ae}'..='\u{143}');
        let names_of_none = (0..).map(|id| format!("t{id}"));
        let tokens: Vec<String> =
            letters.map(String::from).chain(names_of_none).take(config.vocab_size).collect();
        writer.metadata.retain(|(key, _)| !key.starts_with("tokenizer.ggml."));
        let text = |text: &str| Value::String(text.to_owned());
        writer = writer
            .with("tokenizer.ggml.model", text("gpt2"))
            .with("tokenizer.ggml.pre", text("gpt-2"))
            .with("tokenizer.ggml.token_type", Value::Array(Array::I32(vec![1; tokens.len()])))
            .with("tokenizer.ggml.tokens", Value::Array(Array::String(tokens)))
            .with("tokenizer.ggml.merges", Value::Array(Array::String(vec!["t 1".to_owned()])));
        for (name, shape, kind) in names.0 {
            let (name, shape) = place(family, name, shape);
            if let Some(whole) = writer.tensors.iter_mut().find(|other| other.name == name) {
                whole.shape[0] += shape[0];
                continue;
            }
            let inputs = shape.last().copied().unwrap_or(1);
            let dtype = match kind {
                Kind::Matrix => stored(blocks, &name, inputs),
                Kind::Exact | Kind::Vector => Dtype::F32,
            };
            writer.tensors.push(RawTensor { name, shape, dtype, bytes: Vec::new() });
        }
        let lengths: Vec<usize> = writer.tensors.iter().map(length).collect();
        let header = writer.header(&lengths).bytes;
        let aligned = |length: u64| length.next_multiple_of(writer.alignment as u64);
        let mut place = aligned(header.len() as u64);
        let mut stretches = Vec::new();
        for (tensor, length) in writer.tensors.iter().zip(lengths) {
            let centre = if tensor.name.contains("norm") { 1.0 } else { 0.0 };
            let length = length as u64;
            stretches.push(Stretch { start: place, length, dtype: tensor.dtype, centre });
            place = aligned(place + length);
        }
        Ok(Self { header, stretches, length: place, position: 0 })
    }

    /// The bytes from the position on, as many as one part of the file has of them.
    fn some(&self, out: &mut [u8]) -> usize {
        if let Ok(begun) = usize::try_from(self.position)
            && let Some(rest) = self.header.get(begun..).filter(|rest| !rest.is_empty())
        {
            let count = rest.len().min(out.len());
            out[..count].copy_from_slice(&rest[..count]);
            return count;
        }
        let index = self.stretches.partition_point(|own| own.start + own.length <= self.position);
        let next = self.stretches.get(index);
        let Some(own) = next.filter(|own| own.start <= self.position) else {
            let end = next.map_or(self.length, |own| own.start);
            let count = end.saturating_sub(self.position).min(out.len() as u64);
            #[expect(clippy::cast_possible_truncation, reason = "no longer than the buffer")]
            let count = count as usize;
            out[..count].fill(0);
            return count;
        };
        let size = own.dtype.block_bytes() as u64;
        let (mut from, end) = (self.position - own.start, own.length);
        let mut count = 0;
        while count < out.len() && from < end {
            let mut block = [0; 34];
            write_block(own, own.start / size + from / size, &mut block);
            #[expect(clippy::cast_possible_truncation, reason = "within a block")]
            let (skip, size) = ((from % size) as usize, size as usize);
            let piece = &block[skip..size];
            let piece = &piece[..piece.len().min(out.len() - count)];
            out[count..count + piece.len()].copy_from_slice(piece);
            count += piece.len();
            from += piece.len() as u64;
        }
        count
    }
}

/// Bytes of a tensor of this type and shape.
fn length(tensor: &RawTensor) -> usize {
    let values: usize = tensor.shape.iter().product();
    values / tensor.dtype.block_len() * tensor.dtype.block_bytes()
}

/// The random number of a place.
fn hash(place: u64) -> u64 {
    let mut z = place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Block number `index` of a tensor: values uniform within 0.035 of its centre, or 0.1 where that is 1.
fn write_block(own: &Stretch, index: u64, block: &mut [u8; 34]) {
    const SPREAD: f32 = 0.035;
    let scale = |levels: f32| half::f16::from_f32(SPREAD / levels).to_le_bytes();
    let front = match own.dtype {
        Dtype::Q4_0 => {
            block[..2].copy_from_slice(&scale(8.0));
            2
        }
        Dtype::Q8_0 => {
            block[..2].copy_from_slice(&scale(128.0));
            2
        }
        Dtype::MXFP4 => {
            // 2^-7 times levels of up to 6.
            block[0] = 120;
            1
        }
        dtype => {
            let unit = (hash(index) >> 40) as f32 / (1 << 23) as f32 - 1.0;
            let spread = if own.centre > 0.0 { 0.1 } else { SPREAD };
            let bytes = (own.centre + spread * unit).to_le_bytes();
            // The upper half is a BF16.
            let begin = 4 - dtype.block_bytes();
            block[..4 - begin].copy_from_slice(&bytes[begin..]);
            return;
        }
    };
    let bytes = own.dtype.block_bytes();
    for (number, eight) in (0..).zip(block[front..bytes].chunks_mut(8)) {
        eight.copy_from_slice(&hash(index * 4 + number).to_le_bytes()[..eight.len()]);
    }
}

impl Read for MadeUp {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.some(out);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for MadeUp {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(place) => {
                self.position = place;
                return Ok(place);
            }
            SeekFrom::Current(by) => (self.position, by),
            SeekFrom::End(by) => (self.length, by),
        };
        let place = from.checked_add_signed(by);
        self.position = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyValues;
    use crate::testing::tiny_config;

    /// As much at a time as a read asks for, and from wherever it begins.
    #[test]
    fn bytes_are_the_same_however_they_are_read() {
        let config = ModelConfig { hidden_size: 32, ..tiny_config("gpt_oss") };
        for blocks in [Dtype::F32, Dtype::BF16, Dtype::Q8_0, Dtype::Q4_0, Dtype::MXFP4] {
            let mut file = MadeUp::new(&config, blocks).unwrap();
            let mut whole = Vec::new();
            file.read_to_end(&mut whole).unwrap();
            assert_eq!(whole.len() as u64, file.length);
            for (start, length) in [(0, 40), (100, 7), (whole.len() - 501, 500), (4_001, 333)] {
                file.seek(SeekFrom::Start(start as u64)).unwrap();
                let mut part = vec![0; length];
                file.read_exact(&mut part).unwrap();
                assert_eq!(part, whole[start..start + length], "{blocks} {start}");
            }
        }
        let error = MadeUp::new(&config, Dtype::Q6K).err().unwrap().to_string();
        assert!(error.starts_with("blocks: Q6_K, expected F32"), "{error}");
    }

    /// Norms near 1, weights around 0, a model that writes.
    #[test]
    fn a_model_that_exists_nowhere_runs() {
        for (architecture, blocks) in [
            ("gpt_oss", Dtype::MXFP4),
            ("qwen3_moe", Dtype::Q4_0),
            ("qwen2_moe", Dtype::Q8_0),
            ("phi3", Dtype::BF16),
            ("llama", Dtype::F32),
        ] {
            let mut config = ModelConfig {
                vocab_size: 400,
                hidden_size: 32,
                eos_token_ids: Vec::new(),
                bos_token_id: None,
                ..tiny_config(architecture)
            };
            if let Some(experts) = &mut config.switches.experts {
                experts.width = 32;
            }
            let gguf = Gguf::from_reader(MadeUp::new(&config, blocks).unwrap(), "made up").unwrap();
            let checkpoint = Checkpoint::from_gguf(gguf).unwrap();
            let weights = DecoderWeights::load(&checkpoint).unwrap();
            for tensor in weights.tensors() {
                let mean = tensor.values.iter().sum::<f32>() / tensor.values.len() as f32;
                let centre = if tensor.name.contains("norm") { 1.0 } else { 0.0 };
                assert!((mean - centre).abs() < 0.09, "{architecture} {}: {mean}", tensor.name);
                if tensor.values.len() > 30 {
                    let [below, above] = [f32::lt, f32::gt]
                        .map(|is| tensor.values.iter().filter(|value| is(value, &centre)).count());
                    assert!(below > 5 && above > 5, "{architecture} {}", tensor.name);
                }
            }
            let model = random_model(&config, blocks, EngineConfig::default()).unwrap();
            let first = model.next_logits(&[1, 2, 3]).unwrap();
            let other = model.next_logits(&[1, 2, 4]).unwrap();
            assert!(first.len() == 400 && first.iter().all(|logit| logit.is_finite()));
            assert_ne!(first, other, "{architecture}");
            let bytes = |key_values| {
                let engine = EngineConfig { key_values, ..EngineConfig::default() };
                random_model(&config, blocks, engine).unwrap().shape().token_bytes
            };
            assert!(bytes(KeyValues::Int8) < bytes(KeyValues::F16), "{architecture}");
            assert_eq!(2 * bytes(KeyValues::F16), bytes(KeyValues::F32), "{architecture}");
        }
    }
}
