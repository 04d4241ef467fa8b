//! When further judgements would not change the order: an early stop.
//!
//! Judgements are asked for in batches; behind each it is looked at whether the leader is ahead for good. It is
//!
//! * for certain, where all that is left to be asked could not make up for its lead;
//! * in all likelihood, where its lead in the mean is at least `z` standard errors over each other response, by the
//!   differences within judgements that are about both, or else between those about the one and the other.
//!
//! The second is a rule of thumb: it is looked at again and again, so it errs more often than its `z` says, and scores
//! that happen to agree have a spread of a twentieth of the range at least, lest two of them be taken for proof.
//!
//! Source: Aggarwal et al. 2023, "Let's Sample Step by Step" (arXiv 2305.11860), for stopping a vote early; the test of paired
//! differences is the usual one.

use serde::{Deserialize, Serialize};

use super::ballot::{Ballot, Vote};

/// An early stop, see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sure {
    /// How many judgements are asked for at a time.
    pub batch: usize,
    /// How many standard errors of a lead are enough.
    pub z: f64,
    /// Whether the whole order has to be sure, not the first place alone.
    pub order: bool,
}

impl Default for Sure {
    /// Batches of four, two and a half standard errors, of the first place.
    fn default() -> Self {
        Self { batch: 4, z: 2.5, order: false }
    }
}

impl Sure {
    /// Whether further judgements would not change the order.
    pub(super) fn is_over(&self, ballot: &Ballot, left: usize, [low, high]: [f64; 2]) -> bool {
        let totals = ballot.totals(Vote::Mean, None);
        // Of one response there is no order that could be sure, and without judgements none is.
        if totals.len() < 2 || ballot.judgements.is_empty() {
            return false;
        }
        let mut places: Vec<usize> = (0..totals.len()).collect();
        let total = |place: usize| totals[place].unwrap_or(f64::NEG_INFINITY);
        places.sort_by(|&a, &b| total(b).total_cmp(&total(a)));
        let ahead = |one: usize, other: usize| self.leads(ballot, one, other, left, high - low);
        match places.split_first() {
            Some((&first, others)) if !self.order => {
                others.iter().all(|&other| ahead(first, other))
            }
            _ => places.windows(2).all(|pair| ahead(pair[0], pair[1])),
        }
    }

    fn leads(&self, ballot: &Ballot, one: usize, other: usize, left: usize, width: f64) -> bool {
        let scores = |place: usize| -> Vec<f64> {
            let each = ballot.judgements.iter();
            each.filter_map(|judgement| judgement.score(place)).collect()
        };
        let both: Vec<f64> = ballot
            .judgements
            .iter()
            .filter_map(|judgement| Some(judgement.score(one)? - judgement.score(other)?))
            .collect();
        if both.iter().sum::<f64>() > left as f64 * width && both.len() == ballot.judgements.len() {
            return true;
        }
        let floor = (0.05 * width).powi(2);
        let (lead, variance) = if both.len() >= 2 {
            let (mean, variance) = moments(&both);
            (mean, variance.max(floor) / both.len() as f64)
        } else {
            let (own, rest) = (scores(one), scores(other));
            if own.len() < 2 || rest.len() < 2 {
                return false;
            }
            let ((a, u), (b, v)) = (moments(&own), moments(&rest));
            (a - b, u.max(floor) / own.len() as f64 + v.max(floor) / rest.len() as f64)
        };
        lead > 0.0 && lead >= self.z * variance.sqrt()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.batch == 0 {
            return Err("sure: batch is 0, expected at least 1".into());
        }
        if self.z.is_nan() || self.z <= 0.0 {
            return Err(format!("sure: z is {}, expected a number above 0", self.z));
        }
        Ok(())
    }
}

/// The mean, and the variance around it of a sample.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (mean, squares / (count - 1.0).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::super::ballot::Judgement;
    use super::*;

    fn ballot(rows: &[&[f64]]) -> Ballot {
        let judgement = |scores: &&[f64]| Judgement {
            node: tts_core::NodeId::ROOT,
            sample: 0,
            shown: (0..scores.len()).collect(),
            scores: scores.to_vec(),
            steps: Vec::new(),
            meta: 0.0,
        };
        Ballot {
            responses: rows[0].len(),
            judgements: rows.iter().map(judgement).collect(),
            refused: 0,
        }
    }

    #[test]
    fn a_lead_that_cannot_be_made_up_for_is_sure() {
        let certain = Sure { z: 1e9, ..Sure::default() };
        let rows: &[&[f64]] = &[&[10.0, 1.0], &[9.0, 2.0]];
        // It leads by 16, and a judgement can take 9 away.
        assert!(certain.is_over(&ballot(rows), 1, [1.0, 10.0]));
        assert!(!certain.is_over(&ballot(rows), 2, [1.0, 10.0]));
    }

    #[test]
    fn nothing_is_sure_of_one_response_or_without_judgements() {
        let sure = Sure::default();
        assert!(!sure.is_over(&ballot(&[&[8.0], &[8.0], &[8.0]]), 4, [1.0, 10.0]));
        let none = Ballot { responses: 2, refused: 4, ..Ballot::default() };
        assert!(!sure.is_over(&none, 4, [1.0, 10.0]));
        assert!(!Sure { order: true, ..sure }.is_over(&Ballot::default(), 4, [1.0, 10.0]));
    }

    #[test]
    fn a_steady_lead_is_sure_and_a_tie_never_is() {
        let sure = Sure { z: 2.0, ..Sure::default() };
        let steady: &[&[f64]] =
            &[&[8.0, 6.0, 5.0], &[7.0, 6.0, 5.0], &[8.0, 6.0, 6.0], &[8.0, 5.0, 6.0]];
        assert!(sure.is_over(&ballot(steady), 100, [1.0, 10.0]));
        // The second and the third are not.
        assert!(!Sure { order: true, ..sure }.is_over(&ballot(steady), 100, [1.0, 10.0]));
        let tie: &[&[f64]] = &[&[8.0, 8.0], &[7.0, 7.0], &[8.0, 8.0]];
        assert!(!sure.is_over(&ballot(tie), 100, [1.0, 10.0]));
        let noisy: &[&[f64]] = &[&[9.0, 2.0], &[2.0, 9.0], &[9.0, 2.0], &[3.0, 2.0]];
        assert!(!sure.is_over(&ballot(noisy), 100, [1.0, 10.0]));
    }

    #[test]
    fn judgements_of_one_response_each_are_compared_by_their_means() {
        let judgement = |place: usize, score: f64| Judgement {
            node: tts_core::NodeId::ROOT,
            sample: 0,
            shown: vec![place],
            scores: vec![score],
            steps: Vec::new(),
            meta: 0.0,
        };
        let rows = [(0, 0.9), (0, 0.8), (0, 0.9), (1, 0.2), (1, 0.1), (1, 0.2)];
        let judgements = rows.iter().map(|&(place, score)| judgement(place, score)).collect();
        let ballot = Ballot { responses: 2, judgements, refused: 0 };
        assert!(Sure::default().is_over(&ballot, 100, [0.0, 1.0]));
        // Nobody is ahead of one who was not judged, but all is asked that there is.
        assert!(!Sure::default().is_over(&Ballot { responses: 3, ..ballot }, 100, [0.0, 1.0]));
    }
}
