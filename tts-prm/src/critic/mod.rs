//! Judges that write: generative reward models, asked several times, and their votes.
//!
//! A judge writes before it scores: principles, a critique, a check of each step. It gets better the more it is
//! sampled, which a head that gives one number cannot. Everything it writes are lines of the search, behind questions
//! about the candidates: seeded, batched with the policy's, recorded, resumed, counted against the same budget.
//! Any generator plays it, by a role.
//!
//! * A [`Judge`] is data: a [`Template`] (Jinja, yours or one that is built in), a [`Reading`], limits.
//!   [`Judge::published`] has those of papers.
//! * A [`Jury`] asks it `samples` times, in shuffled orders, and adds up what it reads: means, sums, winners, the
//!   judgements that a meta-judge trusts most; and stops early where the order is sure.
//! * [`BestByJudge`] chooses among samples by a jury; [`Judged`] makes a jury the scorer of any search, steps
//!   included.
//! * [`NextWord`] scores judgements, or solutions, by the probability of the next word: p(Yes), or an expectation over
//!   graded letters; [`WordConfig`] is one as a file says it.
//! * A scorer behind a critique makes a judge semi-scalar ([`Reading::Head`]): the judge says why, and a head on both gives
//!   the score. [`mod@critiques`] are what such a head learns from.
//! * [`Truth`] has the rules that a judge is trained by: rewards of judgements, and which are learnt from. By [`rejective()`]
//!   attempts at preferences become data for fine-tuning, and [`Judging`] makes preferences problems of
//!   [`crate::reinforce`].
//! * [`assess()`] says how good a judge is, on files of preferences; [`assess_steps`] whether one of steps finds the first that
//!   is wrong.
//! * [`support()`] judges sentence by sentence whether a report's sources say what it cites them for, [`side_by_side()`]
//!   which of two reports is more helpful, or more comprehensive.
//!
//! What cannot be read is refused, never taken for a neutral score: it is listed in
//! [`tts_core::Outcome::unscored`] with its reason. A response that holds a verdict, instructions, the marks of the
//! template or a hundred thousand characters changes no other response's score by its form; what its words do
//! to a model that reads them is the model's.
//!
//! ```
//! use tts_core::toy::{ToyWorld, Voice};
//! use tts_core::{Scripted, Search, StepRule};
//! use tts_prm::critic::{BestByJudge, Judge, Jury};
//!
//! // A judge that gives 9 to whatever ends in the right sum, and 2 to the rest.
//! let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
//! let right = format!("The answer is {}.", world.answer(0));
//! let judge = Voice::new(move |asked, _, _| {
//!     let shown = asked.question().split("[The Begin of Response").skip(1);
//!     let scores: Vec<&str> =
//!         shown.map(|response| if response.contains(&right) { "9" } else { "2" }).collect();
//!     format!("Specific Criteria: the sum\nAnalysis: ...\nScores: \\boxed{{{}}}", scores.join(", "))
//! });
//! let search = Search::new(&world).role("judge", &judge).rule(StepRule::lines());
//! let jury = Jury::of(Judge::published("deepseek-grm")?, 4);
//! let outcome = search.run(Scripted::of(BestByJudge { n: 8, jury }), world.prompt(0))?;
//! assert_eq!(outcome.answer(), Some(world.answer(0)));
//! assert_eq!(outcome.usage.logical.samples, 8 + 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: Liu et al. 2025, "Inference-Time Scaling for Generalist Reward Modeling" (arXiv 2504.02495); the other
//! sources are named where they are used.

mod again;
mod asker;
pub mod assess;
pub mod ballot;
pub mod choice;
pub mod critiques;
pub mod judge;
pub mod judged;
pub mod jury;
pub mod lesson;
pub mod meta;
pub mod next_word;
pub mod published;
pub mod read;
pub mod rejective;
pub mod reports;
pub mod response;
pub mod sure;
pub mod template;
pub mod tuning;
mod turns;
pub mod verified;
pub mod word;

pub use assess::{
    Assessment, Bias, Ended, Preference, Preferences, Ruling, assess, read_preferences,
};
pub(crate) use assess::{Case, fits, hear, hear_whole};
pub use assess::{Graded, GradedAssessment, GradedFigures, are_truths, assess_graded, read_graded};
pub use assess::{PreferenceFields, read_preferences_by};
pub use assess::{
    StepAssessment, StepCase, StepCases, StepFigures, StepRuling, assess_steps, read_step_cases,
    score_preferences, score_steps,
};
pub use ballot::{Ballot, Judgement, Vote};
pub use choice::BestByJudge;
pub use critiques::{Critiqued, Critiques, critiques, read_critiques, write_critiques};
pub use judge::Judge;
pub use judged::{Judged, State};
pub use jury::{Jury, Order};
pub use lesson::{Judging, Lesson};
pub use meta::Meta;
pub use next_word::NextWord;
pub use published::PUBLISHED;
pub use read::{By, Decision, Reading, Refusal, Said};
pub use rejective::{Attempt, Kept, Rejective, RejectiveReport, attempts, rejective};
pub use reports::{
    Cited, Reports, SideBySide, Support, Tally, read_reports, side_by_side, support,
};
pub use response::Response;
pub use sure::Sure;
pub use template::Template;
pub use tuning::Truth;
pub use verified::{
    Part, Verified, Verify, VerifyReport, verified_chain, verified_labels, verified_steps,
};
pub use word::{Speaker, WordConfig};

#[cfg(test)]
mod tests;
