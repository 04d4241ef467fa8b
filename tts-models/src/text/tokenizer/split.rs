//! How a GGUF file's `tokenizer.ggml.pre` splits text into words before merges apply.
//!
//! Only names whose rule is certain are here; a wrong rule gives ids that look right and are not.
//!
//! Source: the `pre_tokenizer` of each family's `tokenizer.json`; for `default`, the list of
//! regular expressions that llama.cpp applies one after the other.

use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior};

/// Contractions, words with a space before, numbers, punctuation, and spaces: GPT-2.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// As Llama 3: digits in groups of up to three.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// As Llama 3, but digits one by one.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// What one value of `tokenizer.ggml.pre` stands for.
pub(super) struct Rule {
    pub(super) normalizer: Option<NormalizerWrapper>,
    pub(super) pre_tokenizer: PreTokenizerWrapper,
    pub(super) ignore_merges: bool,
}

/// The names that [`rule`] knows.
pub(super) const KNOWN: &str = "gpt-2, default, smollm, starcoder, refact, codeshell, \
     llama-bpe, llama3, llama-v3, qwen2, deepseek-r1-qwen";

/// The rule of a name; `None` for an unknown one.
pub(super) fn rule(pre: &str) -> Option<Result<Rule, tokenizers::Error>> {
    let splits: &[&str] = match pre {
        "gpt-2" => &[GPT2],
        "default" => &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
        "smollm" | "starcoder" | "refact" | "codeshell" => {
            let digits = Digits::new(true).into();
            return Some(Ok(Rule {
                normalizer: None,
                pre_tokenizer: sequence(vec![digits, ByteLevel::new(false, true, true).into()]),
                ignore_merges: false,
            }));
        }
        "llama-bpe" | "llama3" | "llama-v3" => &[LLAMA3],
        "qwen2" | "deepseek-r1-qwen" => &[QWEN2],
        _ => return None,
    };
    Some(split(splits).map(|pre_tokenizer| Rule {
        // Qwen composes characters first: "e" and a combining accent become one letter.
        normalizer: matches!(pre, "qwen2" | "deepseek-r1-qwen").then(|| NFC.into()),
        pre_tokenizer,
        ignore_merges: matches!(pre, "llama-bpe" | "llama3" | "llama-v3"),
    }))
}

/// Applies each pattern to the pieces that the one before left, then maps bytes to characters.
fn split(patterns: &[&str]) -> Result<PreTokenizerWrapper, tokenizers::Error> {
    let isolated = SplitDelimiterBehavior::Isolated;
    let mut steps = (patterns.iter())
        .map(|p| Ok(Split::new(SplitPattern::Regex((*p).to_owned()), isolated, false)?.into()))
        .collect::<Result<Vec<PreTokenizerWrapper>, tokenizers::Error>>()?;
    steps.push(ByteLevel::new(false, true, false).into());
    Ok(sequence(steps))
}

fn sequence(steps: Vec<PreTokenizerWrapper>) -> PreTokenizerWrapper {
    Sequence::new(steps).into()
}
