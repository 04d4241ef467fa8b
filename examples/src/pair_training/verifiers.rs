//! The reward models: from sampled solutions to trained models.

use tts_core::family::{Family, Split, first_error};
use tts_models::train::{Example, LabelHead, Model};
use tts_models::weights::Dtype;
use tts_models::{Checkpoint, DecoderWeights};
use tts_prm::HeadConfig;
use tts_prm::train::{Solution, outcome_config, process_tokens_config, until_first_error};
use tts_search::evaluate::attempts::Attempts;

use super::Stages;
use crate::Error;

/// What stands between steps, for generator and reward models alike.
const SEPARATOR: &str = "\n";

/// The two reward models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Process,
    Outcome,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Process => "prm",
            Self::Outcome => "orm",
        }
    }

    fn head(self) -> HeadConfig {
        match self {
            Self::Process => process_tokens_config(SEPARATOR),
            Self::Outcome => outcome_config(SEPARATOR),
        }
    }

    /// What is learnt of a solution whose first wrong step goes wrong at token `wrong`.
    fn example(self, solution: &Solution, wrong: usize) -> Result<Example, Error> {
        Ok(match self {
            Self::Process => solution.process_tokens(wrong)?,
            Self::Outcome => solution.outcome(),
        })
    }

    /// What the labels are at first.
    fn label(self, decoder: &DecoderWeights) -> LabelHead {
        match self {
            Self::Process => LabelHead::of_tokens(decoder),
            Self::Outcome => LabelHead::zero(decoder.config.hidden_size),
        }
    }
}

impl Stages {
    /// Each sampled solution, and the token at which its first wrong step goes wrong.
    fn solutions(&self, all: &[Attempts]) -> Result<Vec<(Solution, usize)>, Error> {
        let mut solutions = Vec::new();
        for Attempts { question, attempts } in all {
            let prompt = self.config.family.prompt(question);
            let prompt = self.tokenizer.encode(prompt.question(), false)?;
            for attempt in attempts.iter().filter(|attempt| !attempt.steps.is_empty()) {
                let steps: Vec<&str> = attempt.steps.iter().map(String::as_str).collect();
                let labels = until_first_error(&attempt.right);
                let solution = Solution::encode(
                    &self.tokenizer,
                    prompt.clone(),
                    &steps,
                    SEPARATOR,
                    labels,
                    attempt.solved,
                )?;
                let wrong = first_error(&attempt.right)
                    .map_or(Ok(0), |error| self.wrong_token(question, &steps, error))?;
                solutions.push((solution, wrong));
            }
        }
        Ok(solutions)
    }

    /// The first token of a wrong step that differs from what the family would write there.
    fn wrong_token(&self, question: &str, steps: &[&str], error: usize) -> Result<usize, Error> {
        let before = error.checked_sub(1).map_or(question, |right| steps[right].trim());
        let written = self.config.family.solve(before.trim_start_matches('='));
        let Some(step) = written.and_then(|lines| lines.into_iter().next()) else { return Ok(0) };
        let tokens = |text: &str| self.tokenizer.encode(text.trim(), false);
        let (right, wrong) = (tokens(&step)?, tokens(steps[error])?);
        Ok(right.iter().zip(&wrong).take_while(|(right, wrong)| right == wrong).count())
    }

    /// What both reward models start from: the generator, after many more written solutions.
    ///
    /// Who is to judge a step must be able to do it; a label a step is too little to learn
    /// arithmetic from. Lightman et al. 2023, section 2.2, train on mathematics first likewise.
    pub(super) fn study(&self) -> Result<DecoderWeights, Error> {
        let config = &self.config;
        let data = self.written(Split::Train, 2, config.studied_problems)?;
        let held_out = self.written(Split::Validation, 0, config.held_out)?;
        let generator = Checkpoint::open(self.out.join("generator"))?;
        let model = Model::from(DecoderWeights::load(&generator)?);
        let names = ("study", "Study of the reward models");
        let model = self.train(names, &config.study, model, &data, &held_out)?;
        Ok(model.decoder)
    }

    /// Trains a reward model on solutions, from what it `studied`.
    pub(super) fn verifier(
        &self,
        kind: Kind,
        studied: &DecoderWeights,
        train: &[Attempts],
        held_out: &[Attempts],
    ) -> Result<(), Error> {
        let name = kind.name();
        let examples = |all| -> Result<Vec<Example>, Error> {
            let solutions = self.solutions(all)?;
            solutions.iter().map(|(solution, wrong)| kind.example(solution, *wrong)).collect()
        };
        let (data, held_out) = (examples(train)?, examples(held_out)?);
        let decoder = studied.clone();
        let label = Some(kind.label(&decoder));
        let title = match kind {
            Kind::Process => "Process reward model",
            Kind::Outcome => "Outcome reward model",
        };
        let model = Model { label, ..Model::from(decoder) };
        let model = self.train((name, title), &self.config.verifier, model, &data, &held_out)?;
        tts_prm::train::save(&self.out.join(name), &model, &kind.head(), Dtype::F16)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::PairConfig;

    /// `12+3*4` is worked out as `=12+12`, `=24`: what stands in its place goes wrong where it
    /// first differs from that.
    #[test]
    fn the_first_wrong_token_is_where_the_written_step_parts() {
        let folder = tempfile::tempdir().unwrap();
        let (out, work) = (folder.path().join("out"), folder.path().join("work"));
        let stages = Stages::new(PairConfig::default(), &out, &work).unwrap();
        let table: [(&[&str], usize, usize); 5] = [
            (&["=13+12\n"], 0, 2),
            (&["=22+12\n"], 0, 1),
            (&["=12+12\n", "=25"], 1, 2),
            (&["=12+12\n", "=34"], 1, 1),
            // All that is written is right, and then it goes on.
            (&["=12+12\n", "=240"], 1, 3),
        ];
        for (steps, error, expected) in table {
            let wrong = stages.wrong_token("12+3*4", steps, error).unwrap();
            assert_eq!(wrong, expected, "{steps:?}");
        }
    }
}
