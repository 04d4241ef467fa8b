//! The reward models: from sampled solutions to trained models.

use tts_core::family::{Family, Split};
use tts_models::train::{Bar, Example, LabelHead, Model, Trained, Trainer};
use tts_models::weights::Dtype;
use tts_models::{Checkpoint, DecoderWeights};
use tts_prm::HeadConfig;
use tts_prm::train::{Solution, outcome_config, process_config, until_first_error};

use super::{Stages, say};
use crate::Error;
use crate::sampled::Attempts;

/// What stands between steps, for generator and reward models alike.
const SEPARATOR: &str = "\n";

/// Weight of each token of a written solution beside labels of weight 1.
const WRITTEN_WEIGHT: f32 = 0.1;

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
            Self::Process => process_config(SEPARATOR),
            Self::Outcome => outcome_config(SEPARATOR),
        }
    }

    fn example(self, solution: &Solution) -> Example {
        match self {
            Self::Process => solution.process_tokens(),
            Self::Outcome => solution.outcome(),
        }
    }
}

impl Stages {
    fn solutions(&self, all: &[Attempts]) -> Result<Vec<Solution>, Error> {
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
                solutions.push(solution);
            }
        }
        Ok(solutions)
    }

    /// Trains a reward model on solutions, from the generator's weights.
    pub(super) fn verifier(
        &self,
        kind: Kind,
        train: &[Attempts],
        held_out: &[Attempts],
    ) -> Result<(), Error> {
        let name = kind.name();
        let examples = |all| -> Result<Vec<Example>, Error> {
            Ok(self.solutions(all)?.iter().map(|solution| kind.example(solution)).collect())
        };
        let (mut data, held_out) = (examples(train)?, examples(held_out)?);
        let config = &self.config.verifier;
        say(&format!("{name}: {} solutions, {} updates", data.len(), config.steps));
        // The joint objective of Cobbe et al. 2021, section 4.2: who learns to write right steps
        // learns to know them.
        let written = self.written(Split::Train, 2, self.config.verifier_problems)?;
        data.extend(written.into_iter().map(|example| example.weighted(WRITTEN_WEIGHT)));
        let generator = Checkpoint::open(self.out.join("generator"))?;
        let decoder = DecoderWeights::load(&generator)?;
        let decoder = decoder.deepened(config.seed, self.config.verifier_layers)?;
        let label = Some(LabelHead::zero(decoder.config.hidden_size));
        let work = self.work.join(name);
        let mut bar = Bar::new(name);
        let trainer = Trainer::new(config.clone())
            .checkpoints(&work)
            .held_out(&held_out)
            .watch(|progress| bar.show(progress));
        let Trained { model, history, .. } = trainer.train(Model { decoder, label }, &data)?;
        let title = match kind {
            Kind::Process => "Process reward model",
            Kind::Outcome => "Outcome reward model",
        };
        history.write_chart(title, &work.join("loss.svg"))?;
        tts_prm::train::save(&self.out.join(name), &model, &kind.head(), Dtype::F16)?;
        Ok(())
    }
}
