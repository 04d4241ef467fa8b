//! Strategies on sets of problems: accuracies with their intervals, what they cost, curves, trees to look
//! at.
//!
//! An [`Evaluation`] is a configured [`tts_core::Search`] and the problems ([`Item`]) that it is tried on;
//! [`Evaluation::run`] leaves a [`Report`]. Problems come from data files ([`mod@data`]). Kept in a folder
//! ([`Evaluation::keep`]), a run that was killed goes on where it was; cut into shards ([`Shard`]), it runs in
//! many processes, whose folders become one report ([`Merged`]). [`records`] are the searches in a folder, a
//! [`TextPool`] has what was sampled elsewhere. Of strategies that choose among independent
//! samples the report has the curve over fewer of them; where candidates are scored, it says how well the
//! scores tell right from wrong ([`Separation`]). [`Report::against`] compares two on the same problems, [`Arms`] any number.
//! [`Evaluation::anytime`] tells accuracy against tokens within one run, of any strategy.
//!
//! ```
//! use tts_core::toy::{Oracle, ToyWorld};
//! use tts_core::{Search, StepRule};
//! use tts_search::BestOfN;
//! use tts_search::evaluate::{Evaluation, Item};
//!
//! let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
//! let oracle = Oracle::of(&world);
//! let items: Vec<Item> =
//!     (0..20).map(|number| Item::new(world.prompt(number).question(), world.answer(number))).collect();
//! let search = Search::new(&world).scorer(&oracle).rule(StepRule::lines());
//! let report = Evaluation::new(search, &items).run(&BestOfN { n: 8, ..Default::default() }, |_| {})?;
//! assert_eq!((report.problems, report.failed), (20, 0));
//! let at = |k: usize| report.curve.iter().find(|point| point.k == k).and_then(|point| point.best);
//! assert!(at(8) >= at(1) && at(8) == Some(report.accuracy.mean));
//! # Ok::<(), tts_search::evaluate::EvaluateError>(())
//! ```
//!
//! To compare strategies on problems that can be checked exactly ([`tts_core::family`]), [`Comparison`] runs
//! them on the same problems, [`pools`] samples once for all that choose among samples, [`Method`] says what
//! each is at a budget of N, and [`Table`] holds the rows. [`TreeView`] writes a search tree as text,
//! [`words`] the rest of an outcome; [`page()`] shows a report and its trees in a browser; [`Journal`] keeps
//! results of single problems. With the feature `plot`
//! there are charts.
//!
//! Source: Chen et al. 2021 (arXiv 2107.03374, section 2.1) and [`tts_core::metrics`] for the figures.

mod against;
mod anytime;
mod arms;
pub mod attempts;
#[cfg(feature = "plot")]
mod chart;
mod comparison;
pub mod data;
mod difficulty;
mod error;
mod evaluation;
mod folder;
mod graded;
mod journal;
mod limited;
mod manifest;
mod merge;
mod method;
mod page;
pub mod pools;
mod progress;
mod report;
mod separation;
mod shard;
mod solutions;
mod table;
mod view;
pub mod words;

pub use anytime::Anytime;
pub use arms::{Arm, ArmFigures, Arms, BinFigures, Compared, CostAxis, Difference};
#[cfg(feature = "plot")]
pub use chart::chart;
pub use comparison::{Comparison, is_right};
pub use data::{DataSet, Item, Mapping, TextPool, fingerprint, load, load_open, parse, parse_open};
pub use difficulty::{Bin, Difficulty};
pub use error::EvaluateError;
pub use evaluation::Evaluation;
pub use folder::{check_writable, claim, records};
pub use graded::Graded;
pub use journal::Journal;
pub use limited::Limited;
pub use merge::Merged;
pub use method::{Method, square_root};
pub use page::{MOST_NODES, page};
pub use progress::Progress;
pub use report::{AtK, Means, Report};
pub use separation::Separation;
pub use shard::Shard;
pub use solutions::{Solution, solutions};
pub use table::{Row, Spent, Table, head, percent, row};
pub use view::{LEGEND, TreeView};
