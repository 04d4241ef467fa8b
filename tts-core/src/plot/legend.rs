//! The legend: a sample and a name for each series that is not named at its end, in rows above the plot.
//!
//! Inside the plot it would hide data, beside the plot it would take the width that names need.

use plotters::prelude::Text;
use plotters::style::text_anchor::{HPos, VPos};

use super::shapes::{Picture, draw_bar, draw_line, draw_mark, failed};
use super::text::{self, TEXT};
use super::{PlotError, Series, Style};

/// The height of a row, the width of a sample and of the gap after it, in pixels.
const ROW: u32 = 20;
const SAMPLE: u32 = 28;
const GAP: u32 = 8;

/// One entry and where it stands, in pixels from the legend's corner.
pub(super) struct Entry {
    series: usize,
    name: String,
    x: u32,
    y: u32,
}

/// Puts the named series, but those with names elsewhere, into rows of a width in pixels.
pub(super) fn layout(series: &[Series], elsewhere: &[usize], width: u32) -> Vec<Entry> {
    let mut entries = vec![];
    let (mut x, mut y) = (0, 0);
    let named = series.iter().enumerate().filter(|(_, series)| !series.name.is_empty());
    for (index, series) in named.filter(|(index, _)| !elsewhere.contains(index)) {
        let name = text::fit(&series.name, TEXT, width.saturating_sub(SAMPLE + GAP));
        let wide = SAMPLE + GAP + text::width(&name, TEXT);
        if x > 0 && x + wide > width {
            (x, y) = (0, y + ROW);
        }
        entries.push(Entry { series: index, name, x, y });
        x += wide + 2 * GAP;
    }
    entries
}

/// The height of a legend in pixels.
pub(super) fn height(entries: &[Entry]) -> u32 {
    entries.last().map_or(0, |last| last.y + ROW)
}

/// Draws the entries with the legend's upper left corner at a place in pixels.
pub(super) fn draw(
    picture: &Picture<'_>,
    entries: &[Entry],
    series: &[Series],
    (left, top): (i32, i32),
) -> Result<(), PlotError> {
    for &Entry { series: index, ref name, x, y } in entries {
        let x = left + x.cast_signed();
        let y = top + (y + ROW / 2).cast_signed();
        let end = x + SAMPLE.cast_signed();
        let style = series[index].style;
        if let Style::Bars { .. } = style {
            draw_bar(picture, index, [(x + 4, y - 6), (end - 4, y + 6)])?;
        }
        if let Style::Line | Style::LineAndMarks = style {
            draw_line(picture, index, vec![(x, y), (end, y)])?;
        }
        if let Style::Marks | Style::LineAndMarks = style {
            draw_mark(picture, index, (i32::midpoint(x, end), y))?;
        }
        let font = text::style(TEXT, HPos::Left, VPos::Center);
        let at = (end + GAP.cast_signed(), y);
        picture.draw(&Text::new(name.as_str(), at, font)).map_err(failed)?;
    }
    Ok(())
}
