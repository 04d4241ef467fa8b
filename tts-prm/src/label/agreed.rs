//! Labels that a judge agrees with: consensus of rollouts and a generative judge of steps.
//!
//! Rollouts say from where solutions stop to come right; a judge that writes says which step is wrong, and why. Both err, in
//! other ways, so where both name the same first error, or both none, the labels are worth learning. The judge is asked as
//! searches of their own, `samples` times a solution; a step is wrong where the mean of its judgements is below one half. A
//! solution that no judgement could be read about is not agreed on.
//!
//! Source: Zhang et al. 2025, "The Lessons of Developing Process Reward Models" (arXiv:2501.07301), section 3.1.3; Zhao et al. 2025,
//! "`GenPRM`" (arXiv:2504.00891), section 3.3.

use std::ops::ControlFlow;

use tts_core::{Cost, Outcome, Search};

use super::LabelledSolution;
use crate::critic::{Case, Ended, Jury, Response, Ruling, hear_whole};

/// Whether a judge and labels name the same first error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// They do, or both name none.
    Same,
    /// They do not.
    Other,
    /// No judgement could be read.
    Abstained,
}

/// For each solution whether a jury of steps finds the first error that its labels have ([`LabelledSolution::first_error`]);
/// `done` is told of each as it is done, in any order, with what it cost. A jury that judges no steps
/// ([`crate::critic::Judge::judges_steps`]) abstains. Without a role in the jury the search's policy judges.
///
/// ```
/// use tts_core::toy::Voice;
/// use tts_core::{Prompt, Search};
/// use tts_prm::critic::{Judge, Jury};
/// use tts_prm::label::{Agreement, LabelledSolution, LabelledStep, agreed};
///
/// let step = |text: &str, value| LabelledStep { text: text.into(), tokens: vec![], value: Some(value), rollouts: 8 };
/// let solution = |last| LabelledSolution {
///     prompt: Prompt::from("2 + 3 + 4?"),
///     start: None,
///     steps: vec![step("2 + 3 = 5\n", 0.5), step("5 + 4 = 10\n", last)],
///     solved: false,
/// };
/// let judge = Voice::new(|_, _, _| "Step 1: \\boxed{correct} Step 2: that is 9. \\boxed{incorrect}");
/// let jury = Jury { role: None, ..Jury::of(Judge::published("steps")?, 2) };
/// let found = agreed(&Search::new(&judge), &jury, &[solution(0.0), solution(0.25)], |_, _| {})?;
/// assert_eq!(found, [Agreement::Same, Agreement::Other]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the jury is refused; or when the search of one fails, with what is known of the others, and `None` of those that
/// were not judged.
pub fn agreed(
    search: &Search<'_>,
    jury: &Jury,
    solutions: &[LabelledSolution],
    mut done: impl FnMut(usize, &Cost),
) -> Result<Vec<Agreement>, Ended<Vec<Option<Agreement>>>> {
    agreed_whole(search, jury, solutions, |number, _, outcome| {
        done(number, &outcome.usage.logical);
    })
}

/// The same, where `done` is told of the whole search of each: what the judge wrote stands in its tree
/// ([`crate::critic::assess::Heard::of_steps`], [`crate::critic::verified_chain`]).
///
/// # Errors
/// As [`agreed`].
pub fn agreed_whole(
    search: &Search<'_>,
    jury: &Jury,
    solutions: &[LabelledSolution],
    mut done: impl FnMut(usize, &Ruling, &Outcome),
) -> Result<Vec<Agreement>, Ended<Vec<Option<Agreement>>>> {
    if jury.meta.is_some() {
        let problem = "judge: meta keeps some judgements of a response, and steps are judged by the mean of all: leave \
                       it out";
        return Err(Ended::refused(None, problem, vec![None; solutions.len()]));
    }
    let cases = solutions.iter().map(|solution| {
        let steps = solution.steps.iter().map(|step| step.text.clone()).collect();
        let response = Response { steps, ..Response::text("") };
        Case::from((solution.prompt.clone(), std::iter::once(response).collect()))
    });
    let rulings = hear_whole(search, jury, cases.collect(), |number, ruling, outcome| {
        done(number, ruling, outcome);
        ControlFlow::Continue(())
    });
    let (rulings, ended) = Ended::apart(rulings);
    let agreement = |(solution, ruling): (&LabelledSolution, Option<Ruling>)| {
        let steps = ruling?.ballot.steps(0);
        if steps.len() != solution.steps.len() || steps.is_empty() {
            return Some(Agreement::Abstained);
        }
        let wrong = steps.iter().position(|&right| right < 0.5);
        let same = wrong == solution.first_error();
        Some(if same { Agreement::Same } else { Agreement::Other })
    };
    let found: Vec<Option<Agreement>> = solutions.iter().zip(rulings).map(agreement).collect();
    // All were judged, unless it was ended.
    Ended::join(ended, found).map(|found| found.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use tts_core::toy::Voice;

    use super::*;
    use crate::critic::{Judge, Meta};

    /// Steps are judged by the mean of all judgements: votes by trust would be paid for and passed over.
    #[test]
    fn a_meta_judge_is_refused() {
        let judge = Voice::new(|_, _, _| "\\boxed{correct}");
        let meta = Some(Meta::of("meta", 1));
        let steps = Judge::published("steps").expect("known");
        let jury = Jury { role: None, meta, ..Jury::of(steps, 2) };
        let error = agreed(&Search::new(&judge), &jury, &[], |_, _| {}).expect_err("refused");
        assert!(error.to_string().contains("meta keeps some judgements"), "{error}");
    }
}
