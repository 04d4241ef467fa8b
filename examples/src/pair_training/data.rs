//! What the models of the pair learn from.

use tts_core::family::{Family, Split, problems};
use tts_models::train::Example;

use super::Stages;
use crate::{Error, pair};

impl Stages {
    /// The seed of one stream of problems.
    pub(super) fn stream(&self, stream: u64) -> u64 {
        tts_core::seed::mix(self.config.seed, stream)
    }

    /// Written solutions of the first `count` problems of a split; the prompt is not learnt.
    pub(super) fn written(
        &self,
        split: Split,
        stream: u64,
        count: usize,
    ) -> Result<Vec<Example>, Error> {
        let family = &self.config.family;
        let mut examples = Vec::with_capacity(count);
        for problem in problems(family, split, self.stream(stream)).take(count) {
            let question = &problem.question;
            let mut tokens = self.tokenizer.encode(&format!("{question}\n"), false)?;
            let first = tokens.len();
            let steps = family.solve(question).ok_or_else(|| format!("{question}: no solution"))?;
            for step in steps {
                tokens.extend(self.tokenizer.encode(&step, false)?);
            }
            tokens.extend(pair::shape().eos_token_ids);
            examples.push(Example::continuation(tokens, first));
        }
        if examples.len() < count {
            let found = examples.len();
            return Err(format!("only {found} of {count} problems in the family").into());
        }
        Ok(examples)
    }
}
