//! Everything that can be said against a chart before it is drawn.
//!
//! Numbers without a place on their axis would otherwise be drawn somewhere: outside the picture,
//! or as a line to nowhere.

use super::{Chart, PlotError, Scale, Series, Style};

/// Checks all series of a chart.
pub(super) fn chart(chart: &Chart) -> Result<(), PlotError> {
    let (found, most) = (chart.series.len(), Chart::MOST_SERIES);
    if !(1..=most).contains(&found) {
        return Err(PlotError::SeriesCount { found, most });
    }
    chart.series.iter().try_for_each(|series| check_series(series, chart.x.scale, chart.y.scale))
}

fn check_series(series: &Series, x: Scale, y: Scale) -> Result<(), PlotError> {
    let name = || series.name.clone();
    if series.points.is_empty() {
        return Err(PlotError::Empty { series: name() });
    }
    if let Style::Bars { width: Some(width) } = series.style
        && !(width.is_finite() && width > 0.0)
    {
        return Err(PlotError::BarWidth { series: name(), width });
    }
    for (index, point) in series.points.iter().enumerate() {
        let fields = [
            ("x", Some(point.x), x),
            ("y", Some(point.y), y),
            ("low", point.low, y),
            ("high", point.high, y),
        ];
        for (field, value, scale) in fields {
            if let Some(value) = value.filter(|&value| !scale.shows(value)) {
                let scale = scale.kind();
                return Err(PlotError::BadNumber { series: name(), index, field, value, scale });
            }
        }
        if let (Some(low), Some(high)) = (point.low, point.high)
            && low > high
        {
            return Err(PlotError::Interval { series: name(), index, low, high });
        }
    }
    Ok(())
}
