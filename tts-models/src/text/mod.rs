//! Text to tokens and back: tokenizers, chat templates, and a checkpoint's text side of both.

mod side;
pub mod template;
pub mod tokenizer;

pub use side::TextSide;
