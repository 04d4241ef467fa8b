//! Text to tokens and back: tokenizers, chat templates, and a checkpoint's text side of both.

mod side;
pub mod template;
pub mod tokenizer;

pub use side::TextSide;

/// The files of a folder that say how a model's text becomes tokens and its turns one text; the first has to be there.
pub const FILES: [&str; 4] =
    ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "chat_template.json"];
