//! What `finetune` and `train_prm` have in common: options, held-out problems, one resumable run.

use std::collections::HashMap;
use std::io::Write;
use std::num::NonZeroU32;
use std::path::Path;

use clap::{Args, ValueEnum};
use tts_core::metrics::{Calibration, auc, auc_within_problems, calibration};
use tts_models::train::{
    Adapter, AdapterConfig, Bar, Example, Model, Precision, TrainConfig, Trained, Trainer,
};
use tts_models::{Backend, DecoderWeights, ModelConfig};
use tts_prm::label::LabelKind;

use crate::Error;
use crate::files::write_whole;

/// How to train.
#[derive(Debug, Args)]
pub struct TrainOptions {
    /// Updates of the weights.
    #[arg(long, default_value_t = 500)]
    pub steps: usize,
    /// Most positions of the model; 0 for as many as its file says. A model with windows learns within them.
    #[arg(long, default_value_t = 0)]
    pub positions: usize,
    /// Examples an update.
    #[arg(long, default_value_t = 16)]
    pub batch: usize,
    /// Highest learning rate.
    #[arg(long, default_value_t = 2e-4)]
    pub learning_rate: f64,
    /// Updates over which the learning rate rises.
    #[arg(long, default_value_t = 20)]
    pub warmup: usize,
    /// Decoupled weight decay of matrices.
    #[arg(long, default_value_t = 0.01)]
    pub weight_decay: f64,
    /// Multiply in f32 rather than BF16.
    #[arg(long)]
    pub f32: bool,
    /// Where to train: native (own kernels on the CPU), cuda (Burn on an NVIDIA GPU, with the feature of that name), or
    /// ndarray (the reference, slow).
    #[arg(long, default_value = "native")]
    pub train_backend: Backend,
    /// Threads of the native trainer; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Rank of low-rank adapters; 0 to train all weights.
    #[arg(long, default_value_t = 0)]
    pub rank: usize,
    /// What adapters count, over their rank; default: twice the rank.
    #[arg(long)]
    pub alpha: Option<f64>,
    /// Decides the order of the examples, and what adapters start from.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Longer examples are left out, in tokens.
    #[arg(long, default_value_t = 512)]
    pub max_example_tokens: usize,
    /// One problem in so many is held out, by its text.
    #[arg(long, default_value_t = 20)]
    pub held_out: u64,
    /// Updates between two checkpoints and two measurements on what is held out.
    #[arg(long, default_value_t = 50)]
    pub every: usize,
}

/// What a process reward model learns of values.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// The value of the prefix: use the last score of a path.
    Soft,
    /// Whether any rollout came right.
    Hard,
    /// The same, up to the first step from which none did: use the product or the least score.
    FirstError,
    /// The value, up to the first step from which no rollout came right.
    SoftFirstError,
    /// What the step did to the value.
    Progress,
    /// The same under a prover that takes the best of `--tries`: an advantage verifier.
    Advantage,
    /// Whether the step left at least `--least` percent of the value before it: use the product or the least score.
    Relative,
    /// Good, neutral or bad, by a head of three classes; neutral counts as right.
    ThreeClass,
}

/// What is learnt of labels.
#[derive(Debug, Args)]
pub struct LabelOptions {
    /// What is learnt of values.
    #[arg(long, default_value = "soft")]
    pub kind: Kind,
    /// Tries of the prover, for `--kind advantage`. Default: 4.
    #[arg(long)]
    pub tries: Option<NonZeroU32>,
    /// Percent of the value that a good step leaves, for `--kind relative`. Default: 80.
    #[arg(long)]
    pub least: Option<NonZeroU32>,
}

/// Tries of the prover where nothing is said.
const TRIES: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);

/// Percent of the value that a good step leaves where nothing is said.
const LEAST: NonZeroU32 = NonZeroU32::MIN.saturating_add(79);

impl LabelOptions {
    /// The kind of the labels.
    ///
    /// # Errors
    /// When tries are given, and nobody tries, or a least share and no kind of labels has one.
    pub fn kind(&self) -> Result<LabelKind, Error> {
        if self.tries.is_some() && !matches!(self.kind, Kind::Advantage) {
            return Err("--tries is for --kind advantage".into());
        }
        if self.least.is_some() && !matches!(self.kind, Kind::Relative) {
            return Err("--least is for --kind relative".into());
        }
        Ok(match self.kind {
            Kind::Soft => LabelKind::Soft,
            Kind::Hard => LabelKind::Hard,
            Kind::FirstError => LabelKind::FirstError,
            Kind::SoftFirstError => LabelKind::SoftFirstError,
            Kind::Progress => LabelKind::Progress,
            Kind::Advantage => LabelKind::Advantage { tries: self.tries.unwrap_or(TRIES) },
            Kind::Relative => LabelKind::Relative { percent: self.least.unwrap_or(LEAST) },
            Kind::ThreeClass => LabelKind::ThreeClass,
        })
    }
}

/// What a score is to be: the label, of three classes how probably the step is good or neutral.
pub fn target(kind: LabelKind, label: f32) -> f64 {
    f64::from(if kind == LabelKind::ThreeClass { label.ceil() } else { label })
}

/// Judged steps of problems that were held out.
#[derive(Debug, Default)]
pub struct HeldOut {
    /// What the reward model says of each.
    pub scores: Vec<f64>,
    /// What it was to say ([`target`]).
    pub targets: Vec<f64>,
    /// The problem of each, by number.
    problems: Vec<usize>,
    numbers: HashMap<String, usize>,
}

impl HeldOut {
    /// Adds a step of a solution of this question.
    pub fn add(&mut self, question: &str, score: f64, target: f64) {
        let next = self.numbers.len();
        self.problems.push(*self.numbers.entry(question.to_owned()).or_insert(next));
        self.scores.push(score);
        self.targets.push(target);
    }
}

/// Prints how well scores of held-out steps say what they are to be: over all of them, and among those of
/// one problem, where scores that only tell easy problems from hard ones are worth nothing.
///
/// # Errors
/// When `out` cannot be written to.
pub fn print_held_out(
    out: &mut dyn Write,
    held_out: &HeldOut,
    kind: LabelKind,
) -> Result<(), Error> {
    let HeldOut { scores, targets, problems, .. } = held_out;
    if scores.is_empty() {
        writeln!(out, "nothing was held out: the reward model is not measured")?;
        return Ok(());
    }
    let neutral = match kind {
        LabelKind::Progress | LabelKind::Advantage { .. } => 0.5,
        _ => 0.0,
    };
    let right: Vec<bool> = targets.iter().map(|&target| target > neutral).collect();
    let square = scores.iter().zip(targets).map(|(s, t)| (s - t).powi(2)).sum::<f64>();
    match auc(scores, &right) {
        Ok(area) => writeln!(out, "AUC        {area:.3}, of steps whose label is above {neutral}")?,
        Err(error) => writeln!(out, "AUC        none: {error}")?,
    }
    match auc_within_problems(scores, &right, problems) {
        Ok(area) => writeln!(out, "within     {area:.3}, the same among steps of one problem")?,
        Err(error) => writeln!(out, "within     none: {error}")?,
    }
    let distance = (square / scores.len() as f64).sqrt();
    writeln!(out, "distance   {distance:.4}, root mean square, of scores from labels")?;
    let hard = matches!(kind, LabelKind::Hard | LabelKind::FirstError | LabelKind::ThreeClass);
    if hard || matches!(kind, LabelKind::Relative { .. }) {
        let found = 100.0 * calibration(scores, &right, Calibration::BINS)?.expected_error;
        writeln!(out, "error      {found:.2} %, expected, of calibration")?;
    }
    Ok(())
}

/// Whether a problem is held out, one in so many by its text; none for 0.
pub fn holds_out(one_in: u64, question: &str) -> bool {
    one_in > 0 && tts_core::seed::hash_text(1, question).is_multiple_of(one_in)
}

/// Examples to learn from, and those held out.
#[derive(Debug, Default)]
pub struct Data {
    /// To learn from.
    pub train: Vec<Example>,
    /// To measure on.
    pub held_out: Vec<Example>,
    /// Left out, as too long.
    pub long: usize,
}

impl TrainOptions {
    /// The settings of the run.
    pub fn config(&self) -> TrainConfig {
        TrainConfig {
            steps: self.steps,
            batch: self.batch,
            learning_rate: self.learning_rate,
            warmup: self.warmup,
            weight_decay: self.weight_decay,
            precision: if self.f32 { Precision::F32 } else { Precision::Bf16 },
            threads: self.threads,
            seed: self.seed,
            evaluate_every: self.every,
            checkpoint_every: self.every,
            ..TrainConfig::default()
        }
    }

    /// Whether its options fit together, before anything is read.
    ///
    /// # Errors
    /// When nothing trains where it is to, an option of the native trainer stands beside another, or alpha is said and
    /// there is no adapter that it could be of ([`check_alpha`]).
    pub fn check(&self, from: Option<&Path>) -> Result<(), Error> {
        self.train_backend.check_trains()?;
        for (option, said) in [("--f32", self.f32), ("--threads", self.threads != 0)] {
            if said && self.train_backend != Backend::Native {
                let problem =
                    format!("{option} is of the native trainer: not beside --train-backend");
                return Err(problem.into());
            }
        }
        check_alpha((self.rank, self.alpha), from)
    }

    /// Whether a problem is held out.
    pub fn holds_out(&self, question: &str) -> bool {
        holds_out(self.held_out, question)
    }

    /// Puts an example where its problem belongs.
    pub fn put(&self, data: &mut Data, question: &str, example: Example) {
        if example.length() > self.max_example_tokens {
            data.long += 1;
        } else if self.holds_out(question) {
            data.held_out.push(example);
        } else {
            data.train.push(example);
        }
    }

    /// What is to learn: all of a decoder, or adapters.
    ///
    /// # Errors
    /// When the adapters' settings are out of range.
    pub fn model(&self, decoder: DecoderWeights) -> Result<Model, Error> {
        self.model_from(decoder, None)
    }

    /// The same; adapters begin from those in a folder, if one is named.
    ///
    /// # Errors
    /// As [`adapter`].
    pub fn model_from(&self, decoder: DecoderWeights, from: Option<&Path>) -> Result<Model, Error> {
        let adapter = adapter((self.rank, self.alpha), from, &decoder.config, self.seed)?;
        Ok(Model { adapter, ..Model::from(decoder) })
    }

    /// Runs the training, resumable in `work`, with its losses drawn there.
    ///
    /// # Errors
    /// When there is nothing to learn from, or the training fails.
    pub fn run(
        &self,
        (name, title): (&str, &str),
        model: Model,
        data: &Data,
        work: &Path,
    ) -> Result<Trained, Error> {
        if data.train.is_empty() {
            let problem = format!(
                "no examples of at most {} tokens to learn from ({} are longer)",
                self.max_example_tokens, data.long
            );
            return Err(problem.into());
        }
        let mut bar = Bar::new(name);
        let mut trainer = Trainer::new(self.config())
            .backend(self.train_backend)
            .checkpoints(work)
            .watch(|progress| bar.show(progress));
        if !data.held_out.is_empty() {
            trainer = trainer.held_out(&data.held_out);
        }
        let trained = trainer.train(model, &data.train)?;
        trained.history.write_chart(title, &work.join("loss.svg"))?;
        Ok(trained)
    }
}

/// # Errors
/// When alpha is said, and there is no adapter that it could be of: neither a new one of a rank, nor one that is there.
pub fn check_alpha((rank, alpha): (usize, Option<f64>), from: Option<&Path>) -> Result<(), Error> {
    if alpha.is_some() && rank == 0 && from.is_none() {
        return Err("--alpha: without --rank there is no adapter to scale".into());
    }
    Ok(())
}

/// The adapter that learns in the place of a decoder's weights: the one in a folder, or a new one of a rank that changes
/// nothing yet; none where neither is said, so that all weights learn. Of one that is there, rank and alpha are those of
/// its files.
///
/// # Errors
/// When the settings are out of range, the files cannot be read or are of another decoder, or rank and alpha are said and
/// are others.
pub fn adapter(
    (rank, alpha): (usize, Option<f64>),
    from: Option<&Path>,
    shape: &ModelConfig,
    seed: u64,
) -> Result<Option<Adapter>, Error> {
    let Some(folder) = from else {
        check_alpha((rank, alpha), None)?;
        if rank == 0 {
            return Ok(None);
        }
        let alpha = alpha.unwrap_or(2.0 * rank as f64);
        let config = AdapterConfig { rank, alpha, ..AdapterConfig::default() };
        return Ok(Some(Adapter::initial(config, shape, seed)?));
    };
    let adapter = Adapter::load(folder, shape)?;
    let (own, place) = (adapter.config(), folder.display());
    if rank > 0 && rank != own.rank {
        let problem = format!("--rank {rank}: the adapter of {place} has a rank of {}", own.rank);
        return Err(format!("{problem}: leave --rank out, or begin a new one").into());
    }
    if let Some(alpha) = alpha.filter(|alpha| (alpha - own.alpha).abs() > f64::EPSILON) {
        let problem = format!("--alpha {alpha}: the adapter of {place} counts {}", own.alpha);
        return Err(format!("{problem}: leave --alpha out, or begin a new one").into());
    }
    Ok(Some(adapter))
}

/// Refuses to write a model into the folder that it is made from: half-way through, neither would be whole.
///
/// # Errors
/// When both are one folder, by whatever names.
pub fn check_apart(from: &Path, to: &Path) -> Result<(), Error> {
    apart("--model", from, to)
}

/// The same of an adapter that another begins from, if there is one.
///
/// # Errors
/// As [`check_apart`].
pub fn check_adapter_apart(from: Option<&Path>, to: &Path) -> Result<(), Error> {
    from.map_or(Ok(()), |from| apart("--adapter", from, to))
}

fn apart(option: &str, from: &Path, to: &Path) -> Result<(), Error> {
    if let (Ok(from), Ok(own)) = (from.canonicalize(), to.canonicalize())
        && from == own
    {
        let to = to.display();
        return Err(format!("--out {to}: the folder of {option}: name another one").into());
    }
    Ok(())
}

/// Copies what makes a folder of weights a model that can be opened, and makes the folder that it goes to.
///
/// # Errors
/// When the base is no folder with a tokenizer, is where the copy would go, or a file cannot be copied.
pub fn copy_text_side(from: &Path, to: &Path) -> Result<(), Error> {
    has_text_side(from)?;
    check_apart(from, to)?;
    std::fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    for name in tts_models::text::FILES {
        let source = from.join(name);
        if source.is_file() {
            let bytes =
                std::fs::read(&source).map_err(|error| format!("{}: {error}", source.display()))?;
            write_whole(&to.join(name), &bytes)?;
        }
    }
    Ok(())
}

/// Whether there is what [`copy_text_side`] copies.
///
/// # Errors
/// When the base is no folder with a tokenizer.
pub fn has_text_side(from: &Path) -> Result<(), Error> {
    if !from.join("tokenizer.json").is_file() {
        return Err(format!(
            "{}: no folder with a tokenizer.json, which a whole model is written with: give one (adapters, of --rank, \
             need none)",
            from.display()
        )
        .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_not_written_over_itself() {
        let place = tempfile::tempdir().expect("a folder");
        let (model, out) = (place.path().join("model"), place.path().join("out"));
        std::fs::create_dir(&model).expect("made");
        std::fs::write(model.join("tokenizer.json"), "{}").expect("written");
        std::fs::write(model.join("chat_template.jinja"), "{{ x }}").expect("written");
        copy_text_side(&model, &out).expect("copied");
        // Again, over what is there.
        copy_text_side(&model, &out).expect("copied");
        assert_eq!(
            std::fs::read_to_string(out.join("chat_template.jinja")).expect("text"),
            "{{ x }}"
        );
        assert_eq!(std::fs::read_dir(&out).expect("a folder").count(), 2);
        let mut names = vec![model.clone(), model.join("../model")];
        #[cfg(unix)]
        {
            names.push(place.path().join("link"));
            std::os::unix::fs::symlink(&model, &names[2]).expect("a link");
        }
        for own in &names {
            let error = copy_text_side(&model, own).expect_err("itself").to_string();
            assert!(error.contains("the folder of --model"), "{error}");
        }
        assert_eq!(std::fs::read_to_string(model.join("tokenizer.json")).expect("text"), "{}");
    }

    /// A verifier that only knows how hard a problem is has a large area, and none within problems.
    #[test]
    fn the_area_within_problems_is_printed() {
        let mut held_out = HeldOut::default();
        for (question, score, target) in [
            ("easy", 0.9, 1.0),
            ("easy", 0.9, 1.0),
            ("easy", 0.9, 0.0),
            ("hard", 0.1, 0.0),
            ("hard", 0.1, 0.0),
            ("hard", 0.1, 1.0),
        ] {
            held_out.add(question, score, target);
        }
        let print = |held_out: &HeldOut| {
            let mut out = Vec::new();
            print_held_out(&mut out, held_out, LabelKind::Soft).expect("in memory");
            String::from_utf8(out).expect("text")
        };
        let text = print(&held_out);
        assert!(text.contains("AUC        0.667, of steps"), "{text}");
        assert!(text.contains("within     0.500, the same among steps of one problem"), "{text}");
        held_out.targets = vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0];
        let text = print(&held_out);
        assert!(text.contains("AUC        1.000") && text.contains("within     none: "), "{text}");
    }
}
