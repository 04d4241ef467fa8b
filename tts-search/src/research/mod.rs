//! Deep research: agents that search and write, as strategies that are counted, bounded and resumed.
//!
//! ```text
//! RetrieveOnce      search -- report
//! ParallelSearch    plan -- all questions -- all searches -- report
//! PlanSearchWrite   plan -- (question -- search -- answer)* -- report
//! SelfAsk           (follow-up -- search -- answer)* -- report
//! ReAct             (thought and search)* -- report
//! Research          plan -- draft -- (question -- search -- answer -- draft)* -- report
//! ```
//!
//! All are [`tts_core::Script`]s on the same [`Parts`], each of which may be evolved ([`Part`]), written by any role, and
//! asked by templates of one's own ([`ResearchPrompts`]). Searches are asked of a role, which
//! [`crate::retrieve::Searcher`] plays. A budget ends a research in time for a report, a record lets a killed one go on, and
//! [`Estimate`] says before the start what it will take. [`cite`] checks what a report cites, [`Page`] shows it.
//!
//! [`atlas`] is a world in which every report can be checked exactly; [`multihop`] reads questions of real paragraphs.
//!
//! Source: Han et al. 2025, "Deep Researcher with Test-Time Diffusion" (arXiv 2507.16075); the sources of the others
//! stand in their files.

pub mod atlas;
pub mod cite;
mod crew;
mod denoise;
mod diff;
mod draft;
mod estimate;
mod linear;
mod markdown;
mod mend;
pub mod multihop;
mod notes;
mod once;
mod page;
mod parallel;
mod part;
mod parts;
mod progress;
mod prompts;
mod purse;
mod react;
mod said;
mod self_ask;
mod sources;
mod trail;
mod weak;

pub use denoise::Research;
pub use diff::{Change, changes};
pub use estimate::{Assumptions, Estimate};
pub use linear::PlanSearchWrite;
pub use once::RetrieveOnce;
pub use page::Page;
pub use parallel::ParallelSearch;
pub use part::Part;
pub use parts::Parts;
pub use progress::Progress;
pub use prompts::ResearchPrompts;
pub use react::ReAct;
pub use self_ask::SelfAsk;
pub use sources::Sources;
pub use trail::{Exchange, Trail};
