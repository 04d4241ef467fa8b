//! The token that an example to learn from ends in: what a model learns to stop by.
//!
//! In a chat it is the one by which the model's own template ends an assistant's turn: every earlier turn of the example
//! ends so, and one that ends otherwise teaches against the format. Files that list several ends do not say which it
//! is: of Llama 3.1 the first of the list ends a document.
//!
//! Source: none.

use tts_core::Prompt;
use tts_models::text::template::Message;
use tts_models::{ModelConfig, TextSide};

/// Ends of what is learnt; `None` where the model has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    turn: Option<u32>,
    text: Option<u32>,
}

impl Ends {
    /// Of a model.
    pub fn of(text: &TextSide, config: &ModelConfig) -> Self {
        let (named, listed) = (text.tokenizer.special_ids(), config.eos_token_ids.first().copied());
        Self {
            turn: of_turn(text, config).or(named.eot).or(listed).or(named.eos),
            text: listed.or(named.eot).or(named.eos),
        }
    }

    /// That of an answer to this prompt.
    pub fn behind(self, prompt: &Prompt) -> Option<u32> {
        match prompt {
            Prompt::Chat(_) => self.turn,
            Prompt::Text(_) => self.text,
        }
    }
}

/// What no template says by itself.
const ANSWER: &str = "Ready as ever.";

/// The first token behind an assistant's words that ends what a model writes, as the template has it.
fn of_turn(text: &TextSide, config: &ModelConfig) -> Option<u32> {
    let chat = [Message::new("user", "Ready?"), Message::new("assistant", ANSWER)];
    // A template that cannot write this chat says nothing of its ends.
    let written = text.template.as_ref()?.render(&chat, false).ok()?;
    let (_, after) = written.rsplit_once(ANSWER)?;
    let ends = text.tokenizer.end_tokens(config);
    let behind = text.tokenizer.encode(after, true).ok()?;
    behind.into_iter().find(|id| ends.contains(id))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use tts_models::Tokenizer;
    use tts_models::text::template::ChatTemplate;
    use tts_models::text::tokenizer::characters;

    use super::*;
    use crate::pair;

    const NAMES: [&str; 3] = ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"];
    const TURNS: &str = "{% for message in messages %}{{ message.content }}<|eot_id|>{% endfor %}";

    fn side(template: Option<&str>) -> TextSide {
        let json = characters("0123456789", &NAMES).expect("a tokenizer");
        let tokenizer = Tokenizer::from_json_bytes(json.as_bytes(), Path::new("made up"));
        let template = template.map(|source| ChatTemplate::new(source, "", "").expect("sound"));
        TextSide { tokenizer: Arc::new(tokenizer.expect("sound")), template }
    }

    #[test]
    fn a_turn_ends_as_the_template_ends_it() {
        let id = |name: &str| side(None).tokenizer.id(name);
        let listed: Vec<u32> = NAMES.iter().filter_map(|name| id(name)).collect();
        assert_eq!(listed.len(), 3);
        let config = ModelConfig { eos_token_ids: listed, ..pair::shape() };
        let (chat, text) = (Prompt::from("1"), Prompt::text("1"));
        let ends = Ends::of(&side(Some(TURNS)), &config);
        assert_eq!(ends.behind(&chat), id("<|eot_id|>"));
        // A text is a document.
        assert_eq!(ends.behind(&text), id("<|end_of_text|>"));
        // A template that writes nothing behind an answer, and none at all.
        let bare = "{% for message in messages %}{{ message.content }}{% endfor %}";
        for template in [Some(bare), None] {
            let side = side(template);
            let named = side.tokenizer.special_ids();
            let expected = named.eot.or(id("<|end_of_text|>"));
            assert_eq!(Ends::of(&side, &config).behind(&chat), expected);
        }
    }
}
