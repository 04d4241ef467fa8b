//! What `docs/models.md` says of each family's tokenizer and memory.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tts_models::testing::{GgufWriter, decoder_gguf, tiny_config};
use tts_models::text::tokenizer::GgufVocabulary;
use tts_models::weights::{Dtype, Gguf};
use tts_models::{
    Checkpoint, DecoderWeights, Executor, ModelConfig, Native, Tokenizer, WeightFormat,
};

/// A file of the workspace; `None` where this crate stands alone.
fn at(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if !file.exists() {
        println!("skipped: no {path} beside this crate");
        return None;
    }
    Some(file)
}

/// The cells of the rows of families.
fn rows() -> Option<Vec<Vec<String>>> {
    let page = std::fs::read_to_string(at("docs/models.md")?).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    Some(rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect())
}

/// What a text has between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A vocabulary that is split into words by a rule of this name.
fn split_by(pre: &str) -> GgufVocabulary {
    GgufVocabulary {
        model: "gpt2".to_owned(),
        pre: Some(pre.to_owned()),
        tokens: ["a", "b"].map(str::to_owned).to_vec(),
        ..GgufVocabulary::default()
    }
}

#[test]
fn every_tokenizer_that_the_page_names_is_known() {
    let Some(rows) = rows() else { return };
    assert!(rows.len() > 20);
    let read = |spec: &GgufVocabulary| Tokenizer::from_vocabulary(spec, Path::new("page"));
    assert!(read(&split_by("no-such-rule")).is_err());
    for row in rows {
        let (gguf, tokenizer) = (&row[4], &row[5]);
        assert_eq!(gguf.is_empty(), tokenizer.is_empty(), "{row:?}");
        let mut known = 0;
        for name in quoted(tokenizer) {
            let found = read(&split_by(name));
            assert!(found.is_ok(), "{name} of {row:?}: {found:?}");
            known += 1;
        }
        let other = ["SentencePiece", "as its decoder"].iter().any(|word| tokenizer.contains(word));
        assert!(tokenizer.is_empty() || known > 0 || other, "{row:?}");
    }
}

/// Bytes as the page tells them: three figures, in GB.
fn gigabytes(bytes: u64) -> String {
    let amount = bytes as f64 / 1e9;
    match amount {
        amount if amount < 1.0 => format!("{amount:.2}"),
        amount if amount < 100.0 => format!("{amount:.1}"),
        amount => format!("{amount:.0}"),
    }
}

/// A layer whose matrices fill panels and blocks of all types.
fn layer() -> GgufWriter {
    let config = ModelConfig {
        hidden_size: 256,
        intermediate_size: 256,
        num_hidden_layers: 1,
        num_attention_heads: 1,
        head_dim: 256,
        ..tiny_config("llama")
    };
    decoder_gguf(&DecoderWeights::random(config, 1).unwrap())
}

/// Bits a weight of matrices of a type, as own CPU kernels hold them.
fn held(layer: &GgufWriter, dtype: Dtype) -> f64 {
    let (mut file, mut weights) = (layer.clone(), 0);
    for tensor in &mut file.tensors {
        if tensor.name.starts_with("blk.") && tensor.shape.len() == 2 {
            let values: usize = tensor.shape.iter().product();
            let zeros = values / dtype.block_len() * dtype.block_bytes();
            (tensor.dtype, tensor.bytes) = (dtype, vec![0; zeros]);
            weights += values;
        }
    }
    let gguf = Gguf::from_reader(Cursor::new(file.finish()), "layer.gguf").unwrap();
    let checkpoint = Checkpoint::from_gguf(gguf).unwrap();
    let native = Native::load(&checkpoint, WeightFormat::Stored, 1).unwrap();
    native.shape().layer_bytes as f64 * 8.0 / weights as f64
}

#[test]
fn the_page_says_at_how_many_bits_each_type_is_held() {
    let Some(file) = at("docs/models.md") else { return };
    let (page, layer) = (std::fs::read_to_string(file).unwrap(), layer());
    let mut types = Dtype::ALL.map(|dtype| (held(&layer, dtype), dtype.to_string()));
    types.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let said = types.chunk_by(|(one, _), (other, _)| one.total_cmp(other).is_eq()).map(|alike| {
        let names: Vec<&str> = alike.iter().map(|(_, name)| name.as_str()).collect();
        format!("{} {}", names.join(", "), alike[0].0)
    });
    let expected = format!("in bits a weight: {}. ", said.collect::<Vec<_>>().join("; "));
    assert!(page.contains(&expected), "the page does not say: {expected}");
}

/// Weights as `Q4_0` is held, and as BF16 is; what is published in MXFP4 as that is, for there is no smaller file.
#[test]
fn the_page_says_in_how_much_memory_each_shape_is_held() {
    let (Some(rows), Some(folder)) = (rows(), at("benches/shapes")) else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20);
    let layer = layer();
    let [least, micro, many] =
        [Dtype::Q4_0, Dtype::MXFP4, Dtype::BF16].map(|dtype| held(&layer, dtype));
    let mut expected = vec![Vec::new(); rows.len()];
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        let (family, name) = (&json["model_type"], file.file_stem().unwrap().to_string_lossy());
        let few = if *family == "gpt_oss" { micro } else { least };
        let config = ModelConfig::from_json_slice(&bytes, &file).unwrap();
        let [few, many] = [few, many].map(|bits| gigabytes(config.shape(bits, 2).memory(0, 0)));
        let row = rows.iter().position(|row| quoted(&row[1]).any(|own| family == own));
        let row = row.unwrap_or_else(|| panic!("no row of {family}"));
        expected[row].push(format!("`{name}` {few}, {many}"));
    }
    // Whole cells: nothing is said of a shape that is not there.
    let said = rows.iter().map(|row| (&row[1], &row[row.len() - 2]));
    let wrong = said.zip(&expected).filter_map(|((families, said), expected)| {
        let expected = expected.join("; ");
        (*said != expected).then(|| format!("{families}: {expected:?}, the page says {said:?}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
