//! s1: budget forcing as its authors run it, greedily and with their words.
//!
//! | there | here |
//! |---|---|
//! | thinking ends at the control token that begins the answer's turn | at `</think>`; a model of other words names them in `ends` and `force` |
//! | "Wait" is always said so often, as long as tokens are left | the same |
//! | tokens of "Wait" count as nothing | neither are they generated here |
//! | rejection sampling draws until one is short enough | not in this preset |
//!
//! Source: the evaluation code of s1; Muennighoff et al. 2025 (arXiv 2501.19393), section 3.1.

use tts_core::Sampling;

use crate::BudgetForcing;

/// How tokens are drawn: the most probable.
pub fn sampling() -> Sampling {
    Sampling::greedy()
}

/// One line, whose end of thinking is overruled by "Wait" so many times (`NUM_IGNORE`); thinking that is cut is ended,
/// and "Final Answer:" put behind it.
///
/// ```
/// use tts_search::compat::s1;
/// let forced = s1::budget_forcing(2);
/// assert_eq!((forced.n, forced.waits, forced.wait.as_str()), (1, 2, "Wait"));
/// assert!(forced.force.ends_with("\nFinal Answer:"));
/// ```
pub fn budget_forcing(ignored: usize) -> BudgetForcing {
    BudgetForcing { waits: ignored, ..BudgetForcing::default() }
}
