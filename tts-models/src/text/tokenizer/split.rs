//! How a GGUF file's `tokenizer.ggml.pre` splits text into words before merges apply.
//!
//! Only names whose rule is certain are here; a wrong rule gives ids that look right and are not.
//! Qwen's, Command R's and `OLMo`'s rules compose characters first, as the `tokenizer.json` of these families and
//! so the training did: "e" and a combining accent become the one letter "é". llama.cpp leaves them
//! apart, so texts with decomposed accents have other ids there. `falcon3`, `pixtral`, `midm-2.0`, `megrez`, `kormo`,
//! `mellum` and `a.x-4.0` have the rule that llama.cpp runs these names by, and compose nothing, as there.
//!
//! Source: the `pre_tokenizer` of each family's `tokenizer.json`; for `default`, `falcon` and the older
//! `DeepSeek` families, the regular expressions that llama.cpp applies one after the other; the table of names in its
//! `llama-vocab.cpp`.

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

/// As Qwen 2, with marks that combine as parts of words.
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// As Qwen 2, but no line ends behind punctuation: Seed.
const SEED: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Words end where small letters are followed by a capital; digits one by one: Mistral Nemo.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// As Mistral Nemo's, with contractions as ends of words, and digits in groups of up to three: GPT-4o, gpt-oss, Phi-4-mini.
pub(super) const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Digits up to three, runs of Chinese and Japanese, and words with one mark before them: `DeepSeek` V3.
const DEEPSEEK_V3: [&str; 3] = [
    r"\p{N}{1,3}",
    r"[\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+",
    r#"[!"\#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
];
/// Letters with a case, as an older Unicode knew them: those of mathematics, among others, are none.
const CASED: &str = r"\s?(?:(?![\x{560}-\x{588}\x{10C7}-\x{10FF}\x{1C80}-\x{1C88}\x{2D00}-\x{2D2D}\x{A790}-\x{A7FA}\x{AB30}-\x{AB68}\x{10570}-\x{105BC}\x{16E40}-\x{16E7F}\x{1D400}-\x{1D7CB}\x{1DF00}-\x{1DF1E}])[\p{Lu}\p{Ll}\p{Lt}])+";
/// East Asian letters of the older `DeepSeek` families.
const EAST_ASIAN: &str = r"[\x{0800}-\x{9FA5}\x{AC00}-\x{D7FF}]+";

/// What one value of `tokenizer.ggml.pre` stands for.
pub(super) struct Rule {
    pub(super) normalizer: Option<NormalizerWrapper>,
    pub(super) pre_tokenizer: PreTokenizerWrapper,
    pub(super) ignore_merges: bool,
}

/// The names that [`rule`] knows.
pub(super) const KNOWN: &str = "gpt-2, mellum, a.x-4.0, default, smollm, starcoder, refact, \
     codeshell, command-r, falcon, llama-bpe, llama3, llama-v3, falcon3, pixtral, midm-2.0, dbrx, \
     smaug-bpe, glm4, chatglm-bpe, olmo, qwen2, megrez, kormo, qwen35, exaone4, seed-coder, tekken, \
     gpt-4o, deepseek-llm, deepseek-coder, deepseek-v3, deepseek-r1-qwen, hunyuan-dense";

/// Whether texts begin with the token of a beginning where a file with this name does not say so: what llama.cpp takes.
pub(crate) fn begins_texts(pre: &str) -> bool {
    pre == "tekken" || is_llama3(pre)
}

/// The names of Llama 3's rule with all that goes with it there. Others share its words alone.
fn is_llama3(pre: &str) -> bool {
    matches!(pre, "llama-bpe" | "llama3" | "llama-v3" | "falcon3" | "pixtral" | "midm-2.0")
}

/// The rule of a name; `None` for an unknown one.
pub(super) fn rule(pre: &str) -> Option<Result<Rule, tokenizers::Error>> {
    let splits: &[&str] = match pre {
        "gpt-2" | "olmo" | "exaone4" | "mellum" | "a.x-4.0" => &[GPT2],
        "default" => &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
        "smollm" | "starcoder" | "refact" | "codeshell" | "command-r" => {
            let digits = Digits::new(true).into();
            return Some(Ok(Rule {
                normalizer: composes(pre).then(|| NFC.into()),
                pre_tokenizer: sequence(vec![digits, ByteLevel::new(false, true, true).into()]),
                ignore_merges: false,
            }));
        }
        "dbrx" | "smaug-bpe" | "glm4" | "chatglm-bpe" => &[LLAMA3],
        _ if is_llama3(pre) => &[LLAMA3],
        "qwen2" | "deepseek-r1-qwen" | "megrez" | "kormo" => &[QWEN2],
        "qwen35" => &[QWEN35],
        "seed-coder" => &[SEED],
        "tekken" => &[TEKKEN],
        "gpt-4o" => &[O200K],
        "falcon" => &[r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
        "deepseek-v3" | "hunyuan-dense" => &DEEPSEEK_V3,
        "deepseek-coder" => &[r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", EAST_ASIAN, r"\p{N}"],
        "deepseek-llm" => &[
            r"[\r\n]",
            CASED,
            r"\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+",
            r"\s+$",
            EAST_ASIAN,
            r"\p{N}+",
        ],
        _ => return None,
    };
    Some(split(splits).map(|pre_tokenizer| Rule {
        normalizer: composes(pre).then(|| NFC.into()),
        pre_tokenizer,
        ignore_merges: is_llama3(pre) || matches!(pre, "tekken" | "gpt-4o"),
    }))
}

/// Whether characters are composed first.
fn composes(pre: &str) -> bool {
    matches!(pre, "qwen2" | "deepseek-r1-qwen" | "command-r" | "olmo")
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

#[cfg(test)]
mod tests {
    use tokenizers::{
        NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
        PreTokenizer,
    };

    use super::*;

    /// The words of a text, with `|` between them.
    fn words(pre: &str, text: &str) -> String {
        let rule = rule(pre).unwrap().unwrap();
        let mut normal = NormalizedString::from(text);
        if let Some(normalizer) = &rule.normalizer {
            normalizer.normalize(&mut normal).unwrap();
        }
        let text = normal.get().to_owned();
        let mut pieces = PreTokenizedString::from(text.as_str());
        rule.pre_tokenizer.pre_tokenize(&mut pieces).unwrap();
        let splits = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.iter().map(|(_, (start, end), _)| &text[*start..*end]).collect::<Vec<_>>().join("|")
    }

    const TEXT: &str = "HelloWorld it's 12345 (x+1)/2;\n\n  y\u{4f60}\u{597d}a `b`\u{ff01}";

    #[test]
    fn words_are_those_of_the_families() {
        for (pre, expected) in [
            (
                "gpt-2",
                "HelloWorld| it|'s| 12345| (|x|+|1|)/|2|;|\n\n | y\u{4f60}\u{597d}a| `|b|`\u{ff01}",
            ),
            (
                "smollm",
                "HelloWorld| it|'s| |1|2|3|4|5| (|x|+|1|)/|2|;|\n\n | y\u{4f60}\u{597d}a| `|b|`\u{ff01}",
            ),
            (
                "command-r",
                "HelloWorld| it|'s| |1|2|3|4|5| (|x|+|1|)/|2|;|\n\n | y\u{4f60}\u{597d}a| `|b|`\u{ff01}",
            ),
            (
                "default",
                "HelloWorld| it|'|s| |123|45| |(|x|+|1|)/|2|;|\n\n | y\u{4f60}\u{597d}a| `|b|`|\u{ff01}",
            ),
            (
                "llama-bpe",
                "HelloWorld| it|'s| |123|45| (|x|+|1|)/|2|;\n\n| | y\u{4f60}\u{597d}a| `|b|`\u{ff01}",
            ),
            (
                "qwen2",
                "HelloWorld| it|'s| |1|2|3|4|5| (|x|+|1|)/|2|;\n\n| | y\u{4f60}\u{597d}a| `|b|`\u{ff01}",
            ),
            (
                "qwen35",
                "HelloWorld| it|'s| |1|2|3|4|5| (|x|+|1|)/|2|;\n\n| | y\u{4f60}\u{597d}a| `|b|`\u{ff01}",
            ),
            (
                "tekken",
                "Hello|World| it|'s| |1|2|3|4|5| (|x|+|1|)/|2|;\n\n| | y\u{4f60}\u{597d}a| `|b|`\u{ff01}",
            ),
            (
                "gpt-4o",
                "Hello|World| it's| |123|45| (|x|+|1|)/|2|;\n\n| | y\u{4f60}\u{597d}a| `|b|`\u{ff01}",
            ),
            (
                "falcon",
                "HelloWorld| it|'|s| |123|45| |(|x|+|1|)/|2|;|\n\n | y\u{4f60}\u{597d}a| |`|b|`\u{ff01}",
            ),
            (
                "deepseek-v3",
                "HelloWorld| it|'s| |123|45| (|x|+|1|)/|2|;\n\n| | y|\u{4f60}\u{597d}|a| `|b|`\u{ff01}",
            ),
            (
                "deepseek-coder",
                "HelloWorld| it|'|s| |1|2|3|4|5| (|x|+|1|)/|2|;|\n|\n| | y|\u{4f60}\u{597d}|a| `|b|`|\u{ff01}",
            ),
            (
                "deepseek-llm",
                "HelloWorld| it|'|s| |12345| (|x|+|1|)/|2|;|\n|\n| | y|\u{4f60}\u{597d}|a| `|b|`\u{ff01}",
            ),
        ] {
            assert_eq!(words(pre, TEXT), expected, "{pre}");
        }
        for (same, other) in [
            ("llama3", "llama-bpe"),
            ("llama-v3", "llama-bpe"),
            ("dbrx", "llama-bpe"),
            ("falcon3", "llama-bpe"),
            ("pixtral", "llama-bpe"),
            ("midm-2.0", "llama-bpe"),
            ("smaug-bpe", "llama-bpe"),
            ("glm4", "llama-bpe"),
            ("chatglm-bpe", "llama-bpe"),
            ("olmo", "gpt-2"),
            ("mellum", "gpt-2"),
            ("a.x-4.0", "gpt-2"),
            ("deepseek-r1-qwen", "qwen2"),
            ("megrez", "qwen2"),
            ("kormo", "qwen2"),
            ("hunyuan-dense", "deepseek-v3"),
            ("starcoder", "smollm"),
            ("refact", "smollm"),
            ("codeshell", "smollm"),
        ] {
            assert_eq!(words(same, TEXT), words(other, TEXT), "{same}");
        }
        // Numbers, of whatever digits, have no space before them.
        assert_eq!(words("default", "a 45 \u{663}"), "a| |45| |\u{663}");
        assert_eq!(
            words("tekken", "a//b\n/c USAToday \u{e9}A"),
            "a|//|b|\n|/c| USAToday| \u{e9}|A"
        );
        // Contractions belong to the word before them, in either case.
        assert_eq!(
            words("gpt-4o", "a//b\n/c USAToday we'LL I'd'x \u{e9}A's 1234"),
            "a|//|b|\n|/c| USAToday| we'LL| I'd|'x| \u{e9}|A's| |123|4"
        );
        // An "x" of mathematics is no letter to the oldest rule, and nor is a Hebrew one.
        assert_eq!(
            words("deepseek-llm", "a\u{1d465}b \u{e9}\u{5d0}!"),
            "a|\u{1d465}|b| \u{e9}|\u{5d0}|!"
        );
        assert_eq!(words("deepseek-v3", "f.x == \"a\"_b"), "f|.x| ==| \"|a|\"_|b");
    }

    #[test]
    fn every_name_that_is_told_has_a_rule() {
        for pre in KNOWN.split(", ") {
            assert!(rule(pre).is_some_and(|rule| rule.is_ok()), "{pre}");
        }
        // Models of these are none that run, or their rule was not seen.
        for pre in ["llama4", "kanana2", "gigachat", "mellum2", "falcon-h1", ""] {
            assert!(rule(pre).is_none(), "{pre}");
        }
    }

    #[test]
    fn accents_are_composed_where_the_family_does() {
        for (pre, expected) in [
            ("qwen2", "\u{e9}"),
            ("qwen35", "e\u{301}"),
            ("megrez", "e|\u{301}"),
            ("command-r", "\u{e9}"),
            ("tekken", "e\u{301}"),
        ] {
            assert_eq!(words(pre, "e\u{301}"), expected, "{pre}");
        }
        // A mark that composes with nothing is part of the word in later families alone.
        assert_eq!(words("qwen2", "x\u{301}y"), "x|\u{301}y");
        assert_eq!(words("qwen35", "x\u{301}y"), "x\u{301}y");
    }
}
