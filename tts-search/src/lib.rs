//! Search strategies for test-time scaling: one strategy a file, all on one interface.
//!
//! A strategy looks at the steps that were just generated and scored, and says which paths to
//! continue. [`tts_core::Search`] does the rest: it batches, counts, keeps to the budget, records
//! and resumes.
//!
//! ```
//! use tts_core::{Budget, Event, Search, StepRule, toy::{Oracle, ToyWorld}};
//! use tts_search::BeamSearch;
//!
//! // Any `Generator` and any `StepScorer`; this one adds numbers, and errs now and then.
//! let llm = ToyWorld { error: 0.3, ..ToyWorld::default() };
//! let prm = Oracle::of(&llm);
//! let mut events = 0;
//! let mut progress = |_: &Event<'_>| events += 1;
//!
//! let out = Search::new(&llm)
//!     .scorer(&prm)
//!     .budget(Budget::tokens(20_000))
//!     .observer(&mut progress)
//!     .rule(StepRule::lines())
//!     .seed(7)
//!     .run(BeamSearch { keep: 4, branch: 4, ..Default::default() }, "17 + 24 + 3 = ?")?;
//! assert_eq!(out.answer().as_deref(), Some("44"));
//! # Ok::<(), tts_core::SearchError>(())
//! ```
//!
//! | strategy | lines | when | source |
//! |---|---|---|---|
//! | [`ChainOfThought`] | 1 | the baseline; with [`FewShot`] for base models | Wei et al. 2022 |
//! | [`ZeroShot`] | 2 for each rationale | models without examples | Kojima et al. 2022 |
//! | [`SelfConsistency`] | `n` | no scorer; answers that can be compared | Wang et al. 2022 |
//! | [`AdaptiveConsistency`] | `most` at most, a round at a time | as before, where easy problems should cost less | Aggarwal et al. 2023, Li et al. 2024 |
//! | [`SelfCertainty`] | `n` | no scorer; a model that tells its distributions | Kang et al. 2025 |
//! | [`DeepConf`], [`DeepConfOnline`] | `n`; `most` at most, the unsure broken off | the same, for long solutions | Fu et al. 2025 |
//! | [`BudgetForcing`] | `2 + waits` for each of `n` | models that think: a cap on it, or more of it | Muennighoff et al. 2025 |
//! | [`BestOfN`] | `n`, each judged | a scorer; the weighted vote where it is noisy | Cobbe et al. 2021, Lightman et al. 2023 |
//! | [`BeamSearch`] | `keep x branch` a round | hard problems, small budgets, a good step scorer | Snell et al. 2024 |
//! | [`Lookahead`] | the inner one's, and a rollout for each candidate | steps that can only be judged by what follows | Snell et al. 2024 |
//! | [`Dvts`] | `n` a round | large budgets, where one beam loses diversity | Beeching et al. 2024 |
//! | [`ParticleFilter`] | `n` a round | a step scorer that errs; entropic where it is sure too early, twisted where the law counts | Puri et al. 2025 |
//! | [`ParticleGibbs`] | `n` a round, `iterations` times | a budget of several particle filters | Puri et al. 2025 |
//! | [`PowerSampling`] | `1 + steps`, one after the other | no scorer; solutions that the model itself holds likely | Karan and Du 2025 |
//! | [`Rebase`] | `width` in the first round, then as many as have not ended | a good step scorer; keeps more alive than a beam | Wu et al. 2024 |
//! | [`StepBestOfN`] | `n` a round | a strong step scorer, and one path that can be shown as it grows | Lightman et al. 2023 |
//! | [`TokenBeam`] | `keep x branch` tokens a round | to compare with: the likeliest text, which is seldom the right one | Lowerre 1976 |
//! | [`Mcts`] | `simulations x branch`, and 1; `leaves x branch` a round | values that get better further down; rollouts, where only whole solutions can be judged | Kocsis and Szepesvari 2006, Silver et al. 2017 |
//! | [`AbMcts`] | `calls` | solutions that can be refined, and a scorer of them; several models | Inoue et al. 2025 |
//! | [`Revision`] | `chains x length`, a round of `chains` | a model that learnt to revise, or errs easily | Snell et al. 2024 |
//! | [`SelfRefine`] | 1, and 2 for each revision, one after the other | a model that sees faults more easily than it avoids them | Madaan et al. 2023 |
//! | [`Rsa`] | `population x rounds`, a round of `population` | no scorer; a model that sees which of several solutions is right | Venkatraman et al. 2025 |
//! | [`GenSelect`] | `n`, and `votes` for each group | a model that judges better than it solves; answers that cannot be voted on | Toshniwal et al. 2025 |
//! | [`GenSynthesis`] | `n`, and one for each group | a model that repairs what it reads | Wang et al. 2025 |
//! | [`Tournament`] | `n`, and one or two for each game | a judge that compares better than it grades | Chen et al. 2024, Liu et al. 2025 |
//! | [`MutualVerification`] | `n`, and `times` for each | a second model with other errors, no scorer | Qi et al. 2024 |
//! | [`choose::ComputeOptimal`] | those of the chosen one, the first of them a probe | problems of mixed difficulty, and results to fit the choice on | Snell et al. 2024 |
//! | [`Converged`] | the inner one's, or fewer | any strategy of many rounds, ended when its answer has settled | |
//! | [`Forest`] | `copies` times the inner one's | any strategy, several times, in one batch | |
//! | [`decorate::Retry`] | the inner one's, and those that are missing | lines fail or are cut now and then | |
//! | [`decorate::Dedupe`] | the inner one's, and one for each duplicate | short steps that often say the same | |
//! | [`decorate::Phases`] | shares of the budget | one search after the other | |
//!
//! Scorers are decorated likewise: [`decorate::Ensemble`] is several as one, [`decorate::OutcomeOnly`] judges
//! finished solutions alone, [`decorate::Noisy`] errs as much more as it is told to.
//!
//! Which of them is best depends on the difficulty of the problem, the budget and the scorer: a
//! strong search on a weak scorer finds the scorer's errors. [`Recipe`] makes each of them a JSON
//! file. [`adding`] builds one from nothing.
//!
//! [`evaluate`] runs a strategy on a set of problems, recorded and resumable, with intervals and costs; [`choose`]
//! picks one for each problem. [`research`] has agents that search and write, [`retrieve`] what they search.
//! [`compat`] has the settings of other projects, by their names.
//!
//! Every strategy is a struct of settings with defaults. What it remembers between rounds is in its
//! field `state`, which is set back at the start of each search.
//!
//! # Features
//!
//! * `plot`: charts of comparisons as SVG.
//! * `hub`: data sets and models of the Hugging Face hub.
//! * `parquet`: problems and documents from Parquet files.
//! * `index`: a full-text index of folders that stays on disk.
//! * `pdf`: pages of PDF files as documents.
//! * `web`: search engines on the web.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "hub", feature = "web"))]
mod agent;
pub mod choose;
pub mod compat;
pub mod decorate;
pub mod evaluate;
#[cfg(feature = "hub")]
pub mod hub;
mod jinja;
pub mod judge;
pub mod particle;
pub mod recipe;
pub mod refine;
pub mod research;
pub mod retrieve;
pub mod sample;
pub mod think;
pub mod tree;

pub use judge::{GenSelect, GenSynthesis, MutualVerification, Tournament};
pub use particle::{ParticleFilter, ParticleGibbs};
pub use recipe::{Recipe, RecipeError};
pub use refine::{Revision, Rsa, RsaAnswer, SelfRefine};
pub use sample::{
    AdaptiveConsistency, BestOfN, ChainOfThought, DeepConf, DeepConfOnline, Example, FewShot,
    FewShotError, Hint, Measure, PowerSampling, SelfCertainty, SelfConsistency, StopWhen, ZeroShot,
};
pub use think::BudgetForcing;
pub use tree::{
    AbMcts, BeamSearch, Completed, Converged, Duplicates, Dvts, Forest, Lookahead, Mcts, Rebase,
    StepBestOfN, TokenBeam,
};

/// How to add a strategy, a script, a scorer, a judge, a task or a generator.
#[doc = include_str!("../ADDING.md")]
pub mod adding {}

// Compiles and runs the code of the crate's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
