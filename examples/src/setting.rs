//! What every comparison on the embedded pair has in common: problems, steps, sampling, aggregates.
//!
//! Fixed before any result was looked at.

use tts_core::family::{Chain, Problem};
use tts_core::{Aggregate, StepRule};
pub use tts_prm::pair::{family, rule, sampling};

/// How scores of steps become the score of a path. The process reward model was trained up to the
/// first error on "is this step right", so that the product of its scores is the probability that
/// all steps are (Lightman et al. 2023, section 2.6).
pub const PROCESS: Aggregate = Aggregate::Product;
/// The same for scores of states or of ends: the outcome reward model, whose one score is that of
/// the end, and the exact checker, which knows what each state is worth.
pub const STATE: Aggregate = Aggregate::Last;
/// Where the held-out problems come from. Held out they are by their texts: the seed only says
/// which of them come first.
pub const HELD_OUT: u64 = 1;
/// Problems in flight at a time, so that the batch is full when each has few lines.
pub const CONCURRENCY: usize = 64;

/// Where steps of what is sampled to learn from end: the longest solutions of the families here stay well
/// below this many tokens.
pub fn short_rule() -> StepRule {
    StepRule { max_step_tokens: 64, max_tokens: 224, ..StepRule::lines() }
}

/// What to say of a problem that is not like those that the pair was trained on.
///
/// ```
/// use tts_core::family::Family;
/// use tts_examples::setting::{family, unlike};
/// assert_eq!(unlike(&family().parse("47 + 38 * 3 - 26")?), None);
/// assert!(unlike(&family().parse("1+1+1+1+1+1+1+1+1+1")?).is_some());
/// # Ok::<(), tts_core::family::FamilyError>(())
/// ```
pub fn unlike(problem: &Problem) -> Option<String> {
    let Chain { operations: [fewest, most], digits: [_, digits], .. } = family();
    let numbers = problem.question.split(|c: char| !c.is_ascii_digit());
    let longest = numbers.map(str::len).max().unwrap_or(0);
    let like = (fewest..=most).contains(&problem.steps) && longest <= digits as usize;
    (!like).then(|| {
        format!("the models learnt from {fewest} to {most} operations on up to {digits} digits")
    })
}
