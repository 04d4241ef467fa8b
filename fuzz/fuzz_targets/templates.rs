//! Any text as a chat template: an error, or a text of bounded size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tts_models::text::template::{ChatTemplate, Message};

fuzz_target!(|source: &str| {
    let Ok(template) = ChatTemplate::new(source, "<s>", "</s>") else { return };
    let template = template.at(1_750_000_000).with("enable_thinking", false);
    let messages = [
        Message::new("system", "s"),
        Message::new("user", "q {{ x }}"),
        Message::new("assistant", "a"),
    ];
    for messages in [&messages[1..2], &messages] {
        for generation in [false, true] {
            let first = template.render(messages, generation).ok();
            assert_eq!(
                first,
                template.render(messages, generation).ok(),
                "the same text each time"
            );
        }
    }
});
