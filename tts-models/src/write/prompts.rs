//! Prompts as token ids, encoded once for all requests that begin with them.

use std::collections::VecDeque;
use std::sync::Arc;

use tts_core::Prompt;

/// Prompts that are kept.
const MOST: usize = 256;

/// The prompts that were asked for last, the latest first.
#[derive(Debug, Default)]
pub(super) struct Prompts(VecDeque<(Arc<Prompt>, Arc<[u32]>)>);

impl Prompts {
    /// The token ids of a prompt, if it is one of them.
    pub(super) fn find(&mut self, prompt: &Arc<Prompt>) -> Option<Arc<[u32]>> {
        // Requests of one search share their prompt: texts are compared only when it is new here.
        let same = |(known, _): &(Arc<Prompt>, _)| Arc::ptr_eq(known, prompt);
        let equal = |(known, _): &(Arc<Prompt>, _)| known == prompt;
        let place = self.0.iter().position(same).or_else(|| self.0.iter().position(equal))?;
        let entry = self.0.remove(place)?;
        let tokens = Arc::clone(&entry.1);
        self.0.push_front(entry);
        Some(tokens)
    }

    /// Keeps the token ids of a prompt; the one that was asked for longest ago makes room.
    pub(super) fn keep(&mut self, prompt: Arc<Prompt>, tokens: Arc<[u32]>) {
        self.0.truncate(MOST - 1);
        self.0.push_front((prompt, tokens));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_found_by_pointer_and_by_text_while_there_is_room() {
        let mut prompts = Prompts::default();
        let prompt = |number: usize| Arc::new(Prompt::text(format!("{number}?")));
        let tokens = |number: usize| Arc::from([u32::try_from(number).expect("small")]);
        let first = prompt(0);
        for number in 0..MOST {
            let prompt = if number == 0 { Arc::clone(&first) } else { prompt(number) };
            assert_eq!(prompts.find(&prompt), None);
            prompts.keep(prompt, tokens(number));
        }
        assert_eq!(prompts.find(&first), Some(tokens(0)));
        assert_eq!(prompts.find(&prompt(MOST - 1)), Some(tokens(MOST - 1)));
        // A chat of the same words is another prompt.
        assert_eq!(prompts.find(&Arc::new(Prompt::from("0?"))), None);
        prompts.keep(prompt(MOST), tokens(MOST));
        assert_eq!(prompts.find(&prompt(1)), None, "asked for longest ago");
        assert_eq!(prompts.find(&prompt(0)), Some(tokens(0)));
        assert_eq!(prompts.find(&prompt(2)), Some(tokens(2)));
        assert_eq!(prompts.0.len(), MOST);
    }
}
