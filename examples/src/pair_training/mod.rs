//! The stages of training the embedded pair: see the example `train_embedded`.

mod card;
mod data;
mod report;
mod samples;
mod verifiers;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use report::{OperatingPoint, Verifier};
use samples::Plan;
use serde::Serialize;
use tts_core::family::Split;
use tts_models::train::{Bar, Dataset, Model, TrainConfig, Trained, Trainer};
use tts_models::weights::Dtype;
use tts_models::{Backend, DecoderWeights, EngineConfig, Tokenizer};
use tts_prm::RewardModel;
use tts_search::evaluate::attempts::Attempts;
use verifiers::Kind;

use crate::Error;
use crate::files::write_whole;
use crate::pair::{self, PairConfig};

/// Samples of each reported problem, for pass@64.
const REPORTED_SAMPLES: usize = 64;

/// A training of the pair: settings, folders, tokenizer.
#[derive(Debug)]
pub struct Stages {
    config: PairConfig,
    out: PathBuf,
    work: PathBuf,
    tokenizer: Tokenizer,
}

/// Everything that is known of a trained pair.
#[derive(Debug, Serialize)]
struct Report<'a> {
    config: &'a PairConfig,
    generator: OperatingPoint,
    prm: Verifier,
    orm: Verifier,
}

/// One line on standard error; nothing is left to do when even that cannot be written.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Stages {
    /// Makes the folders and writes the tokenizer.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new(config: PairConfig, out: &Path, work: &Path) -> Result<Self, Error> {
        let json = tts_models::text::tokenizer::characters(pair::ALPHABET, &[pair::END])?;
        let make = |folder: &Path| {
            let made = std::fs::create_dir_all(folder);
            made.map_err(|error| format!("{}: {error}", folder.display()))
        };
        make(work)?;
        for name in ["generator", "prm", "orm"] {
            let folder = out.join(name);
            make(&folder)?;
            write_whole(&folder.join("tokenizer.json"), json.as_bytes())?;
        }
        let tokenizer = Tokenizer::from_file(out.join("generator").join("tokenizer.json"))?;
        Ok(Self { config, out: out.to_owned(), work: work.to_owned(), tokenizer })
    }

    /// Runs the stages up to `until`.
    ///
    /// # Errors
    /// When training fails or a file cannot be read or written; what was done is kept.
    pub fn run(&self, until: usize) -> Result<(), Error> {
        self.generator()?;
        if until < 2 {
            return Ok(());
        }
        let path = self.out.join("generator");
        let engine = EngineConfig::default();
        let generator = tts_models::open(&path, Backend::default(), engine)?;
        let PairConfig { sampled_problems, samples, held_out, reported_problems, .. } = self.config;
        let plan = |name, split, problems, samples| Plan { name, split, problems, samples };
        let train = plan("samples", Split::Train, sampled_problems, samples);
        let train = self.sampled(&generator, train)?;
        let held_out = plan("held-out", Split::Validation, held_out, samples);
        let held_out = self.sampled(&generator, held_out)?;
        if until < 3 {
            return Ok(());
        }
        let studied = self.study()?;
        self.verifier(Kind::Process, &studied, &train, &held_out)?;
        self.verifier(Kind::Outcome, &studied, &train, &held_out)?;
        if until < 4 {
            return Ok(());
        }
        let reported = plan("reported", Split::Test, reported_problems, REPORTED_SAMPLES);
        let reported = self.sampled(&generator, reported)?;
        self.report(&reported)
    }

    /// Measures everything on held-out problems, and writes `report.json`, charts and the card.
    fn report(&self, reported: &[Attempts]) -> Result<(), Error> {
        let seed = self.config.seed;
        let engine = EngineConfig::default();
        // As many samples a problem as the reward models learnt from.
        let few: Vec<Attempts> = reported
            .iter()
            .map(|all| Attempts {
                question: all.question.clone(),
                attempts: all.attempts.iter().take(self.config.samples).cloned().collect(),
            })
            .collect();
        let prm = RewardModel::process(self.out.join("prm"), Backend::default(), engine)?;
        let orm = RewardModel::outcome(self.out.join("orm"), Backend::default(), engine)?;
        let report = Report {
            config: &self.config,
            generator: report::operating_point(reported, seed)?,
            prm: self.judge_verifier(Kind::Process, &prm, &few)?,
            orm: self.judge_verifier(Kind::Outcome, &orm, &few)?,
        };
        card::write(&self.out, &report)
    }

    fn generator(&self) -> Result<(), Error> {
        let config = &self.config;
        let data = self.written(Split::Train, 0, config.problems)?;
        let held_out = self.written(Split::Validation, 0, config.held_out)?;
        let model = Model::from(DecoderWeights::initial(pair::shape(), config.seed)?);
        let names = ("generator", "Generator");
        let model = self.train(names, &config.generator, model, &data, &held_out)?;
        model.decoder.save_as(self.out.join("generator"), Dtype::F16, &[])?;
        Ok(())
    }

    /// Trains one model, resumable in the work folder's `name`, with its losses drawn there.
    fn train(
        &self,
        (name, title): (&str, &str),
        config: &TrainConfig,
        model: Model,
        data: &dyn Dataset,
        held_out: &dyn Dataset,
    ) -> Result<Model, Error> {
        say(&format!("{name}: {} examples, {} updates", data.len(), config.steps));
        let work = self.work.join(name);
        let mut bar = Bar::new(name);
        let trainer = Trainer::new(config.clone())
            .checkpoints(&work)
            .held_out(held_out)
            .watch(|progress| bar.show(progress));
        let Trained { model, history, .. } = trainer.train(model, data)?;
        history.write_chart(title, &work.join("loss.svg"))?;
        Ok(model)
    }
}
