//! What a strategy costs, as an axis to draw its accuracy along.

use serde::{Deserialize, Serialize};

use super::Arm;

/// A cost that accuracies are seen against: the mean of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CostAxis {
    /// Lines started.
    Lines,
    /// Tokens generated.
    Generated,
    /// Tokens judged.
    Scored,
    /// Tokens read: prompts above all.
    Read,
    /// Floating-point operations, by formula.
    Operations,
    /// Requests to generator and scorer.
    Calls,
    /// Wall time.
    Seconds,
    /// Money.
    Money,
}

impl CostAxis {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Lines,
        Self::Generated,
        Self::Scored,
        Self::Read,
        Self::Operations,
        Self::Calls,
        Self::Seconds,
        Self::Money,
    ];

    /// Its name, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Generated => "generated",
            Self::Scored => "scored",
            Self::Read => "read",
            Self::Operations => "operations",
            Self::Calls => "calls",
            Self::Seconds => "seconds",
            Self::Money => "money",
        }
    }

    /// What stands at the axis.
    pub fn label(self) -> &'static str {
        match self {
            Self::Lines => "lines a problem",
            Self::Generated => "generated tokens a problem",
            Self::Scored => "scored tokens a problem",
            Self::Read => "tokens read a problem",
            Self::Operations => "operations a problem",
            Self::Calls => "calls a problem",
            Self::Seconds => "seconds a problem",
            Self::Money => "money a problem",
        }
    }

    /// What an arm costs; `None` where nobody knows, or it costs nothing.
    pub fn of(self, arm: &Arm) -> Option<f64> {
        let mean = &arm.report.per_problem;
        let cost = match self {
            Self::Lines => mean.samples,
            Self::Generated => mean.generated_tokens,
            Self::Scored => mean.scored_tokens,
            Self::Read => mean.read_tokens?,
            Self::Operations => mean.flops,
            Self::Calls => mean.calls,
            Self::Seconds => arm.seconds?,
            Self::Money => mean.money?,
        };
        (cost > 0.0 && cost.is_finite()).then_some(cost)
    }
}

/// Accuracy against a cost.
#[cfg(feature = "plot")]
pub(super) fn chart(arms: &super::Arms, axis: CostAxis) -> Option<tts_core::plot::Chart> {
    use tts_core::plot::{Axis, Chart, Point, Series, Style};

    let points = arms.all().iter().map(|arm| {
        let accuracy = arm.report.accuracy;
        let point = Point::with_interval(axis.of(arm)?, accuracy.mean, accuracy.interval);
        Some((arm.name.as_str(), point))
    });
    let points = points.collect::<Option<Vec<_>>>()?;
    let title = format!("{} problems", arms.problems());
    let y = Axis::percent("accuracy, with 95 % interval");
    let chart = Chart::new(title, Axis::log2(axis.label()), y);
    // More than can be told apart by colour are told by the table.
    if points.len() > Chart::MOST_SERIES {
        let points = points.into_iter().map(|(_, point)| point).collect();
        return Some(chart.with(Series::new("", Style::Marks, points)));
    }
    Some(points.into_iter().fold(chart, |chart, (name, point)| {
        chart.with(Series::new(name, Style::Marks, vec![point]))
    }))
}
