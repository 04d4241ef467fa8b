//! A trained generator and its two reward models, held in the program: a first search without a
//! download.
//!
//! With the feature `pair`, which adds 2.1 MB to a program for each model that it opens. The models do
//! arithmetic chains, one operation a line ([`family`]):
//!
//! ```text
//! 11+73-7*10
//! =11+73-70
//! =84-70
//! =14
//! ```
//!
//! Each is a decoder of about a million parameters whose tokens are single characters: digits, `+`,
//! `-`, `*`, `=` and line ends. They are small on purpose, for first steps and for tests, and not for
//! arithmetic: of the generator's samples of held-out problems 59 % are right, so that there is
//! something to search for. What they learnt from, and what they are worth, is in
//! `tts-prm/pair/README.md`.
//!
//! [`Family::prompt`](tts_core::family::Family::prompt) makes a question their prompt: the expression
//! without spaces and a line end, as raw text. [`Family::parse`](tts_core::family::Family::parse) reads
//! what a person typed. A text with other characters is refused.
//!
//! Of the generator's samples of the problem above one in four is right, and the most probable line is
//! wrong:
//!
//! ```
//! use tts_core::{Search, family::Family as _};
//! use tts_prm::pair;
//! use tts_search::BeamSearch;
//!
//! let generator = pair::generator(Default::default())?;
//! let prm = pair::process(Default::default())?;
//! let outcome = Search::new(&generator)
//!     .scorer(&prm)
//!     .rule(pair::rule())
//!     .sampling(pair::sampling())
//!     .run(BeamSearch::default(), pair::family().prompt("11+73-7*10"))?;
//! assert_eq!(outcome.answer().as_deref(), Some("14"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use tts_core::family::Chain;
use tts_core::{Sampling, StepRule};
use tts_models::{Backend, EngineConfig, Files, LanguageModel, ModelError};

use crate::{PrmError, RewardModel};

/// The files of one of the models that opening it needs.
macro_rules! files {
    ($part:literal, $($name:literal),+) => {
        Files::in_memory(
            concat!("pair/", $part),
            &[$(($name, include_bytes!(concat!("../pair/", $part, "/", $name)))),+],
        )
    };
}

/// The files of the generator, within the program: `config.json`, `model.safetensors` and
/// `tokenizer.json`. For whatever opens a model by itself: another backend, say, or a training that starts
/// from its weights.
///
/// ```
/// use tts_models::weights::Checkpoint;
/// use tts_models::{Backend, DecoderWeights};
/// use tts_prm::pair;
///
/// let files = pair::generator_files();
/// let decoder = DecoderWeights::load(&Checkpoint::open(&files)?)?;
/// assert_eq!(decoder.config.num_hidden_layers, 5);
/// let same = tts_models::open(files, Backend::Native, Default::default())?;
/// # let _ = same;
/// # Ok::<(), tts_models::ModelError>(())
/// ```
pub fn generator_files() -> Files {
    files!("generator", "config.json", "model.safetensors", "tokenizer.json")
}

/// Opens the generator, on own CPU kernels.
///
/// # Errors
/// When the configuration asks for the impossible: no lines, no rows, thousands of threads.
pub fn generator(config: EngineConfig) -> Result<Box<dyn LanguageModel>, ModelError> {
    tts_models::open(generator_files(), Backend::Native, config)
}

/// Opens the process reward model, on own CPU kernels: the score of a step is the probability that
/// it is right if those before it are, so that of a path is the product.
///
/// # Errors
/// As [`generator`].
pub fn process(config: EngineConfig) -> Result<RewardModel, PrmError> {
    let files = files!("prm", "config.json", "head.json", "model.safetensors", "tokenizer.json");
    RewardModel::process(files, Backend::Native, config)
}

/// Opens the outcome reward model, on own CPU kernels: the score of a finished solution is the
/// probability that its answer is right. It sees how hard a problem is, and hardly which of several
/// solutions is right.
///
/// # Errors
/// As [`generator`].
pub fn outcome(config: EngineConfig) -> Result<RewardModel, PrmError> {
    let files = files!("orm", "config.json", "head.json", "model.safetensors", "tokenizer.json");
    RewardModel::outcome(files, Backend::Native, config)
}

/// Where steps end: a line is a step. The longest right solution of eight operations on three digits
/// has 153 tokens.
///
/// ```
/// assert_eq!(tts_prm::pair::rule().max_tokens, 200);
/// ```
pub fn rule() -> StepRule {
    StepRule { max_step_tokens: 200, max_tokens: 200, ..StepRule::lines() }
}

/// How tokens are drawn: at temperature 0.7, as the solutions were that the reward models learnt to
/// judge.
///
/// ```
/// assert_eq!(tts_prm::pair::sampling(), tts_core::Sampling::temperature(0.7));
/// ```
pub fn sampling() -> Sampling {
    Sampling::temperature(0.7)
}

/// The problems that the models learnt from: two to eight operations on numbers of one or two digits,
/// nothing above 999. Problems of [`Split::Test`](tts_core::family::Split::Test) were held out.
///
/// ```
/// use tts_core::family::Family as _;
/// let problem = tts_prm::pair::family().parse("47 + 38 x 3 - 26 = ?")?;
/// assert_eq!((&*problem.question, &*problem.answer), ("47+38*3-26", "135"));
/// # Ok::<(), tts_core::family::FamilyError>(())
/// ```
pub fn family() -> Chain {
    Chain::default()
}
