//! What is asked and written: prompts, steps, paths, the tree of them, and where randomness comes from.

mod aggregate;
mod cut;
mod prompt;
mod scale;
pub mod seed;
mod step;
mod trajectory;
mod tree;

pub use aggregate::Aggregate;
pub use prompt::{Message, Prompt, Role};
pub use scale::{Scale, Unit};
pub use step::{Completion, Finish, Halt, Notes, Sampling, Step, StepRule, Until, Watch};
pub use trajectory::Trajectory;
pub use tree::{Node, NodeId, NodeKind, Tree};

pub(crate) use step::seconds;
