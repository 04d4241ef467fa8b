//! The answer of most of the group as the right one: reinforcement at test time, without labels.
//!
//! Each sample that answers as the majority does gets 1. It sharpens what a policy already believes: where the
//! majority is right it learns to be right at once, and where it is wrong it becomes sure of its error. Of equally
//! many the answer that was first seen wins. Samples without an answer vote for nothing and get 0, and
//! so do copies of the question, in which an answer may be found that nobody thought of.
//!
//! Source: Zuo et al. 2025, TTRL (arXiv 2504.16084), section 3.

use serde::{Deserialize, Serialize};
use tts_core::select::{Vote, majority};

use super::{Asked, Reward, of};
use crate::reinforce::Sample;

/// 1 where a sample answers as most of its group do, else 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Majority {}

impl Reward for Majority {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let copied = |sample: &Sample| sample.text.trim() == asked.problem.question.trim();
        let answer = |sample: &Sample| sample.answer.clone().filter(|_| !copied(sample));
        let vote = |sample: &Sample| Vote { answer: answer(sample), score: 0.0 };
        let votes: Vec<Vote> = asked.samples.iter().map(vote).collect();
        let mut same = asked.task.comparer();
        let winner = majority(&votes, &mut same).and_then(|place| votes[place].parsed());
        let agrees = |vote: &Vote| match (winner, vote.parsed()) {
            (Some(winner), Some(answer)) => asked.task.same(winner, answer),
            _ => false,
        };
        votes.iter().map(|vote| of(agrees(vote))).collect()
    }
}
