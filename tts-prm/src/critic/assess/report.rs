//! What an assessment found.
//!
//! * **Accuracy**: a best response that alone has the highest total is worth 1, one of several the share of a draw among
//!   them. Where nothing is said of how it compares, because nobody judged it, or none of the others, the judge abstained, and
//!   the item is worth a guess ([`Ballot::share`]); such items are also counted apart.
//! * **Area under the ROC curve** of values, means of what was read, best against others: over all responses, and within items, where a choice is
//!   made.
//! * **Calibration** of each response's share of wins (of judges that see several) or value (of those that see one), from 30
//!   scores on.
//! * **Position**: how much more often than a fair share the response that was shown first won a judgement; not told of a fixed
//!   order, in which a place and a response are one.
//! * **Length**, of pairs: how much more often the longer one is chosen where it is worse, than the shorter where that is
//!   worse; of items of three or more, by how much more scores follow length than what is right does (tau-b).
//! * **Worth**, of data that grade responses: Kendall's tau-b of values and worth, within items and over all responses.
//!
//! A bias comes with the least one that such data would show: 2.80 standard errors, which a two-sided test at 5 %
//! finds in 80 of 100 cases; where no item deviates, as if one did. That none was found says nothing about smaller ones.
//!
//! Source: the metrics of `tts_core::metrics`; for the factor, the quantiles 1.96 and 0.84 of the normal distribution.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use tts_core::Unit;
use tts_core::metrics::{Accuracy, Auc, Calibration, Correlation, MetricError};

use super::super::ballot::Ballot;
use super::super::jury::Jury;
use super::curve::{self, Votes};
use super::figures::{self, By};
use super::preference::Preference;
use super::sections::Sections;

/// What a jury said of one preference.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ruling {
    /// Its judgements.
    pub ballot: Ballot,
    /// Why others were refused; reasons of a meta-judge, which are about its own judgements, begin with `meta-judge: `.
    pub reasons: Vec<String>,
}

/// A preference for something that does not count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bias {
    /// How large it is, 0 for none.
    pub mean: f64,
    /// Its 95 % interval, the lower end first.
    pub interval: [f64; 2],
    /// The least that these data would show in 80 of 100 cases.
    pub detectable: f64,
    /// On how many items.
    pub items: usize,
}

/// What an assessment found, see the [module](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// How often the best response was chosen.
    pub accuracy: Accuracy,
    /// What a guess is worth.
    pub chance: f64,
    /// The same by parts of the data.
    pub subsets: BTreeMap<String, Accuracy>,
    /// The accuracy as a benchmark counts it whose subsets these are; `None` where they are not, or not all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sections: Option<Sections>,
    /// Items of whose best response nothing is said that compares it: nobody judged it, or none of the others.
    pub abstained: usize,
    /// Items whose best total several responses had.
    pub ties: usize,
    /// Judgements that were read.
    pub judgements: usize,
    /// Judgements that were refused.
    pub refused: usize,
    /// Why, and how often; and why judgements of a meta-judge were ([`Ruling::reasons`]).
    pub reasons: BTreeMap<String, usize>,
    /// The area under the ROC curve over all responses; `None` where nothing was judged.
    pub auc: Option<Auc>,
    /// The same within items.
    pub auc_within: Option<f64>,
    /// Whether scores are probabilities; `None` below 30 of them.
    pub calibration: Option<Calibration>,
    /// The preference for the first place; `None` of judges that see one response, in a fixed order, and below two items.
    pub position: Option<Bias>,
    /// The preference for the longer response; `None` without pairs of both kinds.
    pub length: Option<Bias>,
    /// How far values are in the order of worth within items, by Kendall's tau-b; `None` where the data grade nothing
    /// ([`Preference::worth`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Correlation>,
    /// The same over all responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_over: Option<Correlation>,
    /// Of items of three responses or more: by how much more values are in the order of length than what is right is, as
    /// tau-b; `None` below two such items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_correlation: Option<Bias>,
    /// The area under the ROC curve of what a meta-judge thinks of judgements, right ones against others; `None` without one,
    /// and of judgements of one response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Auc>,
    /// Accuracy against the number of judgements ([`mod@super::curve`]); empty where there is one, or where it differs by item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Votes>,
}

impl Assessment {
    /// What rulings on these preferences come to; those that are `None` were not asked about.
    ///
    /// # Errors
    /// When there are none.
    pub fn of(
        jury: &Jury,
        preferences: &[Preference],
        rulings: &[Option<Ruling>],
        seed: u64,
    ) -> Result<Self, MetricError> {
        figures::assessment(By::Jury(jury), preferences, rulings, seed)
    }

    /// The same of a scorer, whose scores are in this unit ([`super::score_preferences`]): without votes, and calibrated where they
    /// are probabilities.
    ///
    /// # Errors
    /// When there are none.
    pub fn of_scores(
        unit: Unit,
        preferences: &[Preference],
        rulings: &[Option<Ruling>],
        seed: u64,
    ) -> Result<Self, MetricError> {
        figures::assessment(By::Scorer(unit), preferences, rulings, seed)
    }

    /// Why these figures say nothing, if not one judgement could be read: all items are guesses then.
    pub fn silence(&self) -> Option<String> {
        figures::silence(self.judgements, self.refused, &self.reasons)
    }

    /// Writes it for a reader.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let percent = |value: f64| 100.0 * value;
        let range = |[low, high]: [f64; 2]| format!("{:.1} to {:.1}", percent(low), percent(high));
        let accuracy = &self.accuracy;
        if self.silence().is_some() {
            let (refused, items) = (self.refused, accuracy.problems);
            writeln!(
                out,
                "judged    0 judgements read, {refused} refused; {items} items abstained"
            )?;
            return figures::write_reasons(&self.reasons, &mut out);
        }
        writeln!(
            out,
            "accuracy  {:.1} % ({}) on {} items; a guess is {:.1} %",
            percent(accuracy.mean),
            range(accuracy.interval),
            accuracy.problems,
            percent(self.chance)
        )?;
        for (subset, accuracy) in self.subsets.iter().filter(|_| self.subsets.len() > 1) {
            let (mean, range) = (percent(accuracy.mean), range(accuracy.interval));
            writeln!(out, "          {mean:.1} % ({range}) on {} of {subset}", accuracy.problems)?;
        }
        if let Some(sections) = &self.sections {
            sections.write(&mut out)?;
        }
        writeln!(
            out,
            "judged    {} judgements read, {} refused; {} items abstained, {} ties",
            self.judgements, self.refused, self.abstained, self.ties
        )?;
        figures::write_reasons(&self.reasons, &mut out)?;
        if let (Some(auc), Some(within)) = (&self.auc, self.auc_within) {
            let (area, [low, high]) = (auc.area, auc.interval);
            // Of one item the interval has no width, which says nothing of how sure it is.
            writeln!(
                out,
                "ROC AUC   {area:.3} ({low:.3} to {high:.3}) over the {} responses of {} items that were judged, \
                 {within:.3} within items",
                auc.right + auc.wrong,
                auc.problems
            )?;
        }
        let scores = self.auc.as_ref().map_or(0, |auc| auc.right + auc.wrong);
        figures::write_calibration(self.calibration.as_ref(), scores, &mut out)?;
        for (name, bias) in [("position", &self.position), ("length", &self.length)] {
            let Some(bias) = bias else { continue };
            writeln!(
                out,
                "{name:<9} {:+.1} points ({}) on {} items; {:.1} or more would show",
                percent(bias.mean),
                range(bias.interval),
                bias.items,
                percent(bias.detectable)
            )?;
        }
        if let Some(bias) = &self.length_correlation {
            let ([low, high], items) = (bias.interval, bias.items);
            writeln!(
                out,
                "length    {:+.3} ({low:+.3} to {high:+.3}) of rank correlation beyond what is right, on {items} items of \
                 three responses or more; {:.3} or more would show",
                bias.mean, bias.detectable
            )?;
        }
        if let Some(within) = &self.correlation {
            let [low, high] = within.interval;
            write!(
                out,
                "worth     rank correlation {:.3} ({low:.3} to {high:.3}) within {} items",
                within.tau, within.problems
            )?;
            match &self.correlation_over {
                Some(over) => {
                    let [low, high] = over.interval;
                    writeln!(out, ", {:.3} ({low:.3} to {high:.3}) over all responses", over.tau)?;
                }
                None => writeln!(out)?,
            }
        }
        if let Some(Auc { area, interval: [low, high], right, wrong, .. }) = self.meta {
            writeln!(
                out,
                "meta      ROC AUC {area:.3} ({low:.3} to {high:.3}) over judgements, {right} right and {wrong} others"
            )?;
        }
        curve::write(&self.votes, &mut out)
    }
}
