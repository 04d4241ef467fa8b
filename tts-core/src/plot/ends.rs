//! Names at the ends of lines, in place of a legend where there is room: nobody has to match colours.
//!
//! A line that goes on to the right edge is named beside its end, a short stroke in its colour leading to
//! the name. Names keep their distance: those that would overlap share the room around their middle. Lines
//! that end earlier, marks and bars stay in the legend.
//!
//! Source: Tufte 2001, The Visual Display of Quantitative Information, chapter 8, on words beside data.

use plotters::prelude::{Cartesian2d, DrawingArea, PathElement, SVGBackend, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, VPos};

use super::line::Line;
use super::palette::COLOURS;
use super::shapes::{Picture, failed};
use super::text::{self, TEXT};
use super::{Chart, PlotError, Series, Style};

/// The height of a name, the length of the stroke that leads to it and the gap after it, in pixels.
const ROW: i32 = 16;
const LEAD: i32 = 18;
const GAP: i32 = 5;

/// The part of the horizontal axis at its end in which a line may end to be named there.
const LAST: f64 = 0.1;

/// The series that are named at their ends, given the ends of the horizontal axis and the height of the
/// plot in pixels; none where a legend is as good, or there is no room.
pub(super) fn direct(chart: &Chart, [low, high]: [f64; 2], height: u32) -> Vec<usize> {
    let reaches = |series: &Series| {
        let last = series.points.iter().map(|point| chart.x.scale.coordinate(point.x));
        last.fold(f64::NEG_INFINITY, f64::max) >= high - LAST * (high - low)
    };
    let is_line = |series: &Series| matches!(series.style, Style::Line | Style::LineAndMarks);
    let named = chart.series.iter().enumerate().filter(|(_, series)| !series.name.is_empty());
    let found: Vec<usize> = named
        .filter(|(_, series)| is_line(series) && series.points.len() > 1 && reaches(series))
        .map(|(index, _)| index)
        .collect();
    let rows = i64::try_from(found.len()).unwrap_or(i64::MAX).saturating_mul(ROW.into());
    if found.len() < 2 || rows > i64::from(height) { Vec::new() } else { found }
}

/// A name as it is written.
fn name(chart: &Chart, series: usize) -> String {
    text::fit(&chart.series[series].name, TEXT, chart.width / 4)
}

/// The width that the names need beside the plot, in pixels.
pub(super) fn width(chart: &Chart, direct: &[usize]) -> u32 {
    let widest = direct.iter().map(|&series| text::width(&name(chart, series), TEXT)).max();
    widest.map_or(0, |widest| widest + (LEAD + 2 * GAP).unsigned_abs())
}

/// Draws the names beside the plot.
pub(super) fn draw(
    picture: &Picture<'_>,
    plot: &DrawingArea<SVGBackend<'_>, Cartesian2d<Line, Line>>,
    chart: &Chart,
    direct: &[usize],
) -> Result<(), PlotError> {
    let end = |&series: &usize| {
        let coordinates = chart.series[series]
            .points
            .iter()
            .map(|point| (chart.x.scale.coordinate(point.x), chart.y.scale.coordinate(point.y)));
        let last = coordinates.max_by(|a, b| a.0.total_cmp(&b.0));
        last.map(|last| (series, plot.map_coordinate(&last)))
    };
    let mut ends: Vec<(usize, (i32, i32))> = direct.iter().filter_map(end).collect();
    ends.sort_by_key(|&(_, (_, y))| y);
    let (across, upright) = plot.get_pixel_range();
    let wanted: Vec<i32> = ends.iter().map(|&(_, (_, y))| y).collect();
    let x = across.end + LEAD;
    for (&(series, end), y) in ends.iter().zip(spread(&wanted, upright.start, upright.end)) {
        // Thin and pale: it is no part of the data.
        let lead = COLOURS[series].mix(0.6).stroke_width(1);
        picture.draw(&PathElement::new(vec![end, (x, y)], lead)).map_err(failed)?;
        let font = text::style(TEXT, HPos::Left, VPos::Center);
        let words = name(chart, series);
        picture.draw(&Text::new(words.as_str(), (x + GAP, y), font)).map_err(failed)?;
    }
    Ok(())
}

/// Places at least a row apart, each as near as can be to where it is wanted, in order.
fn spread(wanted: &[i32], top: i32, bottom: i32) -> Vec<i32> {
    /// Names that stand row by row from `first` on.
    struct Block {
        first: i32,
        places: Vec<i32>,
    }
    let mut blocks: Vec<Block> = Vec::new();
    for &place in wanted {
        let mut block = Block { first: place, places: vec![place] };
        loop {
            let rows = i32::try_from(block.places.len()).unwrap_or(i32::MAX);
            let firsts = block.places.iter().zip(0..).map(|(place, row)| place - row * ROW);
            let room = (bottom - (rows - 1) * ROW).max(top);
            block.first = (firsts.sum::<i32>() / rows).clamp(top, room);
            let over = |before: &mut Block| {
                before.first + i32::try_from(before.places.len()).unwrap_or(0) * ROW > block.first
            };
            let Some(mut before) = blocks.pop_if(over) else { break };
            before.places.append(&mut block.places);
            block = before;
        }
        blocks.push(block);
    }
    let rows = |block: Block| {
        let first = block.first;
        (0..).zip(block.places).map(move |(row, _)| first + row * ROW)
    };
    blocks.into_iter().flat_map(rows).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_table() {
        for (wanted, expected) in [
            (vec![], vec![]),
            (vec![50, 90], vec![50, 90]),
            (vec![50, 50], vec![42, 58]),
            (vec![50, 52, 54], vec![36, 52, 68]),
            (vec![0, 2], vec![0, 16]),
            (vec![198, 199, 200], vec![168, 184, 200]),
            (vec![50, 60, 70, 200], vec![44, 60, 76, 200]),
        ] {
            assert_eq!(spread(&wanted, 0, 200), expected, "{wanted:?}");
        }
    }

    proptest! {
        #[test]
        fn in_order_apart_and_inside(mut wanted in prop::collection::vec(0_i32..300, 0..18)) {
            wanted.sort_unstable();
            let found = spread(&wanted, 0, 300);
            prop_assert_eq!(found.len(), wanted.len());
            prop_assert!(found.windows(2).all(|pair| pair[1] - pair[0] >= ROW));
            prop_assert!(found.iter().all(|place| (0..=300).contains(place)));
        }
    }
}
