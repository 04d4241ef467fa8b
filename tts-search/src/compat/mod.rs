//! Presets by the names of other projects: their documented settings, where these mean something.
//!
//! Whoever comes from one of them finds the search that they know by its name and its numbers. A preset is an
//! ordinary strategy with its fields set; what it does is what this library does with these fields, and the
//! table of each says where that differs. Faults are not among the settings: `tests/peer_bugs.rs` has a test
//! for each that was found. What goes beside a strategy (where steps end, how tokens are drawn) is `rule`, or `steps`
//! where the project leaves lengths open ([`Steps`]), and `sampling` of each room; `docs/migrate.md` has the rest. By name, and with both beside it, it is a
//! [`Preset`](crate::recipe::Preset): `its-hub/beam-search`, say.
//!
//! Source: the code of these projects, as each room names it.

pub mod deepconf;
pub mod its_hub;
pub mod llm_reasoners;
pub mod openr;
pub mod rebase;
pub mod s1;
pub mod search_and_learn;
mod steps;
pub mod thinkbooster;
pub mod treequest;

pub use steps::Steps;
