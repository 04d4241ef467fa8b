//! Judgements of many problems: each scorer gets what waits for it, in one batch of all problems.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::SearchPool;
use crate::{
    BoxError, GroupId, Need, ProblemId, Scored, SearchErrorKind, SearchStrategy, Trajectory, What,
};

/// The judgements that a problem waits for: a part for each scorer.
#[derive(Default)]
pub(super) struct Parts {
    asked: Vec<Part>,
    scores: Vec<Option<Scored>>,
    missing: usize,
}

struct Part {
    lane: usize,
    group: GroupId,
    /// Which of the round's paths it holds.
    places: Vec<usize>,
}

impl Parts {
    pub(super) fn groups(self) -> impl Iterator<Item = (usize, GroupId)> {
        self.asked.into_iter().map(|part| (part.lane, part.group))
    }
}

impl<S: SearchStrategy> SearchPool<'_, S> {
    /// Hands in the paths that a problem wants judged.
    pub(super) fn submit_judgings(&mut self, id: ProblemId) {
        let Some(problem) = self.problems.get_mut(&id) else { return };
        let Need::Scores(judgings) = problem.run.need() else { return };
        let mut by_scorer: BTreeMap<Option<Arc<str>>, Vec<usize>> = BTreeMap::new();
        for (place, judging) in judgings.iter().enumerate() {
            by_scorer.entry(judging.scorer.clone()).or_default().push(place);
        }
        let by_scorer = by_scorer.into_iter().map(|(name, places)| {
            let paths = places.iter().map(|&place| judgings[place].path.clone());
            (name, paths.collect::<Vec<Trajectory>>(), places)
        });
        let by_scorer: Vec<_> = by_scorer.collect();
        problem.judging = Parts {
            scores: vec![None; judgings.len()],
            missing: by_scorer.len(),
            asked: Vec::new(),
        };
        for (name, paths, places) in by_scorer {
            // Settings and scorers come from one search: the run has looked.
            let Some(&lane) = problem.seats.scorers.get(&name) else { continue };
            match self.lanes.judges[lane].submit(paths) {
                Ok(group) => {
                    let parts = &mut problem.judging.asked;
                    self.groups.insert((lane, group), (id, parts.len()));
                    parts.push(Part { lane, group, places });
                }
                Err(error) => {
                    self.end_in_error(id, SearchErrorKind::Scorer(error));
                    return;
                }
            }
        }
    }

    /// Lets every scorer with something to judge do a piece of work.
    pub(super) fn judge(&mut self) {
        for lane in 0..self.lanes.judges.len() {
            if self.lanes.judges[lane].flying == 0 {
                continue;
            }
            match self.lanes.judges[lane].work() {
                Ok(judged) => {
                    for (group, scores) in judged {
                        self.take_scores(lane, group, scores);
                    }
                }
                Err(error) => self.lose_scores(lane, &error),
            }
        }
    }

    /// A scorer's session broke: whoever waits for it ends in an error.
    fn lose_scores(&mut self, lane: usize, error: &BoxError) {
        let mut lost: Vec<(ProblemId, GroupId)> = self
            .groups
            .iter()
            .filter(|((owner, _), _)| *owner == lane)
            .map(|(&(_, group), &(id, _))| (id, group))
            .collect();
        lost.sort_unstable();
        for (_, group) in lost {
            self.take_scores(lane, group, Err(error.to_string().into()));
        }
    }

    fn take_scores(&mut self, lane: usize, group: GroupId, scores: Result<Vec<Scored>, BoxError>) {
        let Some((id, part)) = self.groups.remove(&(lane, group)) else { return };
        self.lanes.judges[lane].flying -= 1;
        let Some(problem) = self.problems.get_mut(&id) else { return };
        let judging = &mut problem.judging;
        let part = &judging.asked[part];
        let scores = match scores {
            Ok(scores) if scores.len() == part.places.len() => scores,
            Ok(scores) => {
                let (expected, found) = (part.places.len(), scores.len());
                let error = crate::RunError::ScoreCount { expected, found };
                return self.end_in_error(id, error.into());
            }
            Err(error) => return self.end_in_error(id, SearchErrorKind::Scorer(error)),
        };
        for (&place, scored) in part.places.iter().zip(scores) {
            judging.scores[place] = Some(scored);
        }
        judging.missing -= 1;
        if judging.missing > 0 {
            return;
        }
        let all: Vec<Scored> =
            std::mem::take(&mut problem.judging).scores.into_iter().flatten().collect();
        let paths = all.len();
        match problem.run.give_scores(all) {
            Ok(()) => {
                self.tell(id, What::Scored { paths });
                self.ready.push_back(id);
            }
            Err(kind) => self.end_in_error(id, kind),
        }
    }
}
