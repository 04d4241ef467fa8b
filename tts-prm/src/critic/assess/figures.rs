//! The arithmetic of an assessment.
//!
//! Everything is a value an item, so that intervals resample items: judgements of one item are not independent.
//!
//! Source: see [`super::Assessment`].

use std::collections::BTreeMap;
use std::io::{self, Write};

use tts_core::Unit;
use tts_core::metrics::{
    Calibration, MetricError, auc_over_problems, auc_within_problems, bootstrap_interval,
    calibration, share_interval,
};

use super::super::ballot::{Ballot, Vote};
use super::super::jury::{Jury, Order};
use super::preference::Preference;
use super::ranks::{self, Ranked};
use super::refused::is_second;
use super::report::{Assessment, Bias, Ruling};
use super::sections::Sections;
use super::trust::trust;

/// The fewest scores of which calibration is told: three for each of its bins.
pub(super) const LEAST_CALIBRATED: usize = 3 * Calibration::BINS;

/// Log-odds beyond which a score says no more.
const MOST_ODDS: f64 = 80.0;

/// Resamplings of an interval.
pub(super) const DRAWS: usize = 2_000;

/// The quantiles of a two-sided test at 5 % and of a power of 80 %, added up.
const POWER: f64 = 1.959_964 + 0.841_621;

/// Who gave the scores of a ballot.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    /// A jury, by its votes.
    Jury(&'a Jury),
    /// A scorer, once, in this unit.
    Scorer(Unit),
}

impl By<'_> {
    /// What each of so many responses comes to.
    pub(super) fn totals(self, ballot: &Ballot, responses: usize) -> Vec<Option<f64>> {
        let mut totals = match self {
            Self::Jury(jury) => jury.totals(ballot),
            Self::Scorer(unit) => {
                let total = |score: f64| match unit {
                    // Probabilities that are all but 1 would be ties.
                    Unit::Probability => (score / (1.0 - score)).ln().clamp(-MOST_ODDS, MOST_ODDS),
                    _ => score,
                };
                let scores = ballot.totals(Vote::Mean, None);
                scores.into_iter().map(|score| score.map(total)).collect()
            }
        };
        // Of a ruling that was never begun nobody counted the responses.
        totals.resize(responses, None);
        totals
    }

    /// Means, which do not depend on how many judgements could be read.
    fn values(self, ballot: &Ballot) -> Vec<Option<f64>> {
        match self {
            Self::Jury(jury) => jury.values(ballot),
            Self::Scorer(_) => ballot.totals(Vote::Mean, None),
        }
    }

    /// How many judgements of each response count.
    fn keep(self) -> Option<usize> {
        match self {
            Self::Jury(jury) => jury.meta.as_ref().map(|meta| meta.keep),
            Self::Scorer(_) => None,
        }
    }

    /// Whether scores could be probabilities.
    fn calibrates(self) -> bool {
        matches!(self, Self::Jury(_) | Self::Scorer(Unit::Probability))
    }
}

/// What the figures of one item are made of.
struct Item<'a> {
    preference: &'a Preference,
    ruling: &'a Ruling,
    totals: Vec<Option<f64>>,
    /// Means, which do not depend on how many judgements could be read.
    values: Vec<Option<f64>>,
}

impl Item<'_> {
    /// Whether nothing is said of how the best one compares.
    fn abstains(&self) -> bool {
        Ballot::abstains(&self.totals, self.preference.best)
    }

    /// Which responses have the best total.
    fn first(&self) -> Vec<usize> {
        Ballot::first(&self.totals)
    }

    /// How often a response is chosen.
    fn share(&self, place: usize) -> f64 {
        Ballot::share(&self.totals, place)
    }
}

pub(super) fn assessment(
    by: By<'_>,
    preferences: &[Preference],
    rulings: &[Option<Ruling>],
    seed: u64,
) -> Result<Assessment, MetricError> {
    let items: Vec<Item<'_>> = preferences
        .iter()
        .zip(rulings)
        .filter_map(|(preference, ruling)| {
            let ruling = ruling.as_ref()?;
            let ballot = &ruling.ballot;
            let totals = by.totals(ballot, preference.responses.len());
            Some(Item { preference, ruling, totals, values: by.values(ballot) })
        })
        .collect();
    let right: Vec<f64> = items.iter().map(|item| item.share(item.preference.best)).collect();
    let accuracy = share_interval(&right, DRAWS, seed)?;
    let guesses: f64 = items.iter().map(|item| 1.0 / item.preference.responses.len() as f64).sum();
    let mut parts: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (item, &right) in items.iter().zip(&right) {
        if let Some(subset) = &item.preference.subset {
            parts.entry(subset.clone()).or_default().push(right);
        }
    }
    let subsets =
        parts.into_iter().map(|(name, right)| Ok((name, share_interval(&right, DRAWS, seed)?)));
    let subsets = subsets.collect::<Result<BTreeMap<_, _>, MetricError>>()?;
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for why in items.iter().flat_map(|item| &item.ruling.reasons) {
        *reasons.entry(why.clone()).or_default() += 1;
    }
    let (auc, auc_within) = areas(&items, seed);
    let ranked: Vec<Ranked<'_>> = items
        .iter()
        .map(|item| Ranked { preference: item.preference, values: &item.values })
        .collect();
    let (correlation, correlation_over) = ranks::with_worth(&ranked, seed);
    Ok(Assessment {
        accuracy,
        chance: guesses / items.len() as f64,
        sections: Sections::of(&subsets),
        subsets,
        abstained: items.iter().filter(|item| item.abstains()).count(),
        ties: items.iter().filter(|item| !item.abstains() && item.first().len() > 1).count(),
        judgements: items.iter().map(|item| item.ruling.ballot.judgements.len()).sum(),
        refused: items.iter().map(|item| item.ruling.ballot.refused).sum(),
        reasons,
        auc,
        auc_within,
        calibration: if by.calibrates() { calibrated(by.keep(), &items) } else { None },
        position: match by {
            // In a fixed order the first place is that of a response, and may be the best one's.
            By::Jury(jury) if jury.order != Order::Fixed => position(&items, seed)?,
            _ => None,
        },
        length: length(&items),
        correlation,
        correlation_over,
        length_correlation: biased(&ranks::for_length(&ranked), seed)?,
        meta: trust(items.iter().map(|item| (item.preference, item.ruling)), seed),
        votes: match by {
            By::Jury(jury) => super::curve::curve(jury, preferences, rulings, seed)?,
            By::Scorer(_) => Vec::new(),
        },
    })
}

/// Why there are no figures, if nothing could be read.
pub(super) fn silence(
    judgements: usize,
    refused: usize,
    reasons: &BTreeMap<String, usize>,
) -> Option<String> {
    if judgements > 0 {
        return None;
    }
    let own = reasons.iter().filter(|(why, _)| !is_second(why));
    let commonest = own.max_by_key(|(_, count)| **count);
    let why = commonest.map_or_else(String::new, |(why, _)| format!(": {why}"));
    Some(match refused {
        0 => format!("nothing could be judged{why}"),
        _ => format!("none of {refused} judgements could be read{why}"),
    })
}

/// Writes why judgements were refused, the commonest reasons first; those of a meta-judge behind those of the judge.
pub(super) fn write_reasons(
    reasons: &BTreeMap<String, usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for second in [false, true] {
        let own = reasons.iter().filter(|(why, _)| is_second(why) == second);
        let mut own: Vec<(&String, &usize)> = own.collect();
        let all: usize = own.iter().map(|(_, count)| **count).sum();
        if second && all > 0 {
            writeln!(out, "          {all} judgements of the meta-judge refused")?;
        }
        own.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (why, count) in own.into_iter().take(5) {
            writeln!(out, "          {count} refused: {why}")?;
        }
    }
    Ok(())
}

/// The calibration of scores, if there are enough of them to tell.
pub(super) fn calibration_of(scores: &[f64], right: &[bool]) -> Option<Calibration> {
    let enough = scores.len() >= LEAST_CALIBRATED;
    enough.then(|| calibration(scores, right, Calibration::BINS).ok()).flatten()
}

/// Writes it, or from how many scores on it is told.
pub(super) fn write_calibration(
    calibration: Option<&Calibration>,
    scores: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    match calibration {
        Some(Calibration { expected_error, brier, count, .. }) => writeln!(
            out,
            "calibrated to {expected_error:.3} (expected error), Brier score {brier:.3}, over {count} scores"
        ),
        None if scores > 0 && scores < LEAST_CALIBRATED => writeln!(
            out,
            "calibration is told from {LEAST_CALIBRATED} scores on, and these are {scores}"
        ),
        None => Ok(()),
    }
}

/// The areas under the curve of values, where there are right and wrong ones.
fn areas(items: &[Item<'_>], seed: u64) -> (Option<tts_core::metrics::Auc>, Option<f64>) {
    let (mut scores, mut right, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (number, item) in items.iter().enumerate() {
        for (place, value) in item.values.iter().enumerate() {
            let Some(value) = value else { continue };
            scores.push(*value);
            right.push(place == item.preference.best);
            problems.push(number);
        }
    }
    let over = auc_over_problems(&scores, &right, &problems, DRAWS, seed).ok();
    (over, auc_within_problems(&scores, &right, &problems).ok())
}

/// Whether shares of wins, or values of responses that were judged one by one, are probabilities.
fn calibrated(keep: Option<usize>, items: &[Item<'_>]) -> Option<Calibration> {
    let (mut scores, mut right) = (Vec::new(), Vec::new());
    for item in items {
        let ballot = &item.ruling.ballot;
        let several = ballot.judgements.iter().any(|judgement| judgement.shown.len() > 1);
        let shares = several.then(|| ballot.totals(Vote::Winners, keep));
        for (place, value) in shares.as_ref().unwrap_or(&item.values).iter().enumerate() {
            let Some(value) = *value else { continue };
            scores.push(value);
            right.push(place == item.preference.best);
        }
    }
    calibration_of(&scores, &right)
}

/// How much more than a fair share the first place won.
fn position(items: &[Item<'_>], seed: u64) -> Result<Option<Bias>, MetricError> {
    let excess = |item: &Item<'_>| -> Option<f64> {
        let several =
            item.ruling.ballot.judgements.iter().filter(|judgement| judgement.shown.len() > 1);
        let each: Vec<f64> = several
            .map(|judgement| {
                let first = judgement.shown.first().and_then(|&place| judgement.win(place));
                first.unwrap_or(0.0) - 1.0 / judgement.shown.len() as f64
            })
            .collect();
        (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
    };
    let values: Vec<f64> = items.iter().filter_map(excess).collect();
    biased(&values, seed)
}

/// The mean of a value an item, 0 where there is no bias; `None` below two items.
fn biased(values: &[f64], seed: u64) -> Result<Option<Bias>, MetricError> {
    if values.len() < 2 {
        return Ok(None);
    }
    let found = bootstrap_interval(values, DRAWS, seed)?;
    let detectable = POWER * (spread(values) / values.len() as f64).sqrt();
    Ok(Some(Bias { mean: found.mean, interval: found.interval, detectable, items: values.len() }))
}

/// How much more often the longer of two is chosen where it is worse, than the shorter where that is.
fn length(items: &[Item<'_>]) -> Option<Bias> {
    let mut wrong: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for item in items.iter().filter(|item| item.totals.len() == 2 && !item.abstains()) {
        let length = |place: usize| item.preference.responses[place].chars().count();
        let (best, other) = (item.preference.best, 1 - item.preference.best);
        match length(best).cmp(&length(other)) {
            std::cmp::Ordering::Less => wrong[0].push(item.share(other)),
            std::cmp::Ordering::Greater => wrong[1].push(item.share(other)),
            std::cmp::Ordering::Equal => {}
        }
    }
    let [longer, shorter] = &wrong;
    if longer.len() < 2 || shorter.len() < 2 {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let error = |of: fn(&[f64]) -> f64| {
        let error = |values: &[f64]| of(values) / values.len() as f64;
        (error(longer) + error(shorter)).sqrt()
    };
    let (found, detectable) = (mean(longer) - mean(shorter), POWER * error(spread));
    let error = error(variance);
    Some(Bias {
        mean: found,
        interval: [found - 1.959_964 * error, found + 1.959_964 * error],
        detectable,
        items: longer.len() + shorter.len(),
    })
}

/// The variance; of values that are all the same what one more of them would make of it that deviates.
fn spread(values: &[f64]) -> f64 {
    let variance = variance(values);
    if variance > 1e-12 { variance } else { 1.0 / values.len() as f64 }
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
        / (values.len() as f64 - 1.0).max(1.0)
}
