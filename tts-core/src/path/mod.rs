//! What is asked and written: prompts, steps, paths, the tree of them, and where randomness comes from.

mod aggregate;
mod prompt;
pub mod seed;
mod step;
mod trajectory;
mod tree;

pub use aggregate::Aggregate;
pub use prompt::{Message, Prompt, Role};
pub use step::{Completion, Finish, Sampling, Step, StepRule, Until};
pub use trajectory::Trajectory;
pub use tree::{Node, NodeId, NodeKind, Tree};

pub(crate) use step::seconds;
