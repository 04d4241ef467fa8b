//! REBASE as its authors run it: a width of 16, shared out by `exp(score / 0.2)`.
//!
//! | there | here |
//! |---|---|
//! | a leaf takes one of the width with it, for good | the same |
//! | nodes without a score are dropped, and the width with them | what was not judged takes no width |
//! | the cut at 1,024 tokens never happens, as a step counts itself alone | `max_tokens` of the rule |
//! | steps begin with `Step 3`, say | any delimiter; `rule` has the line break |
//!
//! Source: github.com/thu-wyz/inference_scaling, commit 0fe7da9; Wu et al. 2024 (arXiv 2408.00724).

use tts_core::{Aggregate, Sampling, Selection, StepRule};

use crate::Rebase;

/// Where steps end: a line each, 256 tokens at most, 25 steps, 1,024 tokens in all.
pub fn rule() -> StepRule {
    StepRule { max_step_tokens: 256, max_steps: 25, max_tokens: 1024, ..StepRule::lines() }
}

/// How tokens are drawn: at temperature 1.
pub fn sampling() -> Sampling {
    Sampling::temperature(1.0)
}

/// Their search of a width, by the score of the last step, answered by a weighted vote.
pub fn rebase(width: usize) -> Rebase {
    let aggregate = Aggregate::Last;
    let select = Selection { aggregate, ..Selection::weighted() };
    Rebase { width, temperature: 0.2, aggregate, select, ..Rebase::default() }
}
