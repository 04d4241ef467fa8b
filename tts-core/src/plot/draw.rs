//! From a checked chart to SVG.
//!
//! The picture is laid out from its edges inwards: title, legend, labels of the axes, names at the ends
//! of lines, and the plot gets what is left. Grid and labels are drawn first, the series above them.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::prelude::{Cartesian2d, IntoDrawingArea, SVGBackend, Text};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{Color, WHITE};

use super::bars::Bars;
use super::line::Line;
use super::palette::{GRID, INK};
use super::shapes::{Shapes, failed};
use super::text::{self, TEXT, TITLE};
use super::ticks::Tick;
use super::{Axis, Chart, PlotError, Scale, Style, ends, legend};

/// White space at the edges of the picture in pixels; on the right half a label needs more.
const EDGE: u32 = 12;
const RIGHT: u32 = 32;

/// The height of a line of the title and of the labels below the plot, in pixels.
const TITLE_LINE: u32 = 22;
const BELOW: u32 = 48;

/// The least distance of two vertical labels in pixels.
const LABEL_ROW: u32 = 32;

/// The width beside the vertical labels, for the name of the axis and the ticks, in pixels.
const BESIDE: u32 = 42;

/// A side of the picture has this much beside its plot, and names at the ends of lines need a plot of
/// twice this width, in pixels.
const NAMED: u32 = 150;

/// The least plot worth drawing and the greatest picture, in pixels.
const LEAST_PLOT: u32 = 80;
const MOST: u32 = 20_000;

/// Draws a chart whose series have been checked.
pub(super) fn chart(chart: &Chart) -> Result<String, PlotError> {
    let bars = Bars::of(chart);
    let x = chart.x.ends("x", across(chart, &bars).into_iter())?;
    let y = chart.y.ends("y", upright(chart).into_iter())?;

    // At least as many labels as the plot will have: fewer and rounder ones are no wider.
    let labels = chart.y.ticks(y, (chart.height / LABEL_ROW) as usize);
    let beside = BESIDE + widest(&labels);
    let left = EDGE / 2 + beside;
    check_size("width", chart.width, left + RIGHT + LEAST_PLOT)?;
    // Names take their room from the plot, if that is large enough to spare it.
    let direct = ends::direct(chart, x, chart.height.saturating_sub(NAMED));
    let right = RIGHT.max(ends::width(chart, &direct));
    let fits = chart.width >= left + right + 2 * NAMED;
    let (direct, right) = if fits { (direct, right) } else { (Vec::new(), RIGHT) };
    let width = chart.width - left - right;

    let title = text::wrap(&chart.title, TITLE, chart.width - 2 * EDGE);
    let legend = legend::layout(&chart.series, &direct, width);
    let title_height = TITLE_LINE.saturating_mul(u32::try_from(title.len()).unwrap_or(u32::MAX));
    let legend_top = EDGE.saturating_add(title_height);
    let above = legend_top.saturating_add(legend::height(&legend) + EDGE / 2);
    let below = BELOW + EDGE / 2;
    check_size("height", chart.height, above.saturating_add(below + LEAST_PLOT))?;
    let height = chart.height - above - below;

    let mut svg = String::new();
    let size = (chart.width, chart.height);
    let picture = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    picture.fill(&WHITE).map_err(failed)?;
    for (line, top) in title.iter().zip((EDGE..).step_by(TITLE_LINE as usize)) {
        let at = pixel(chart.width / 2, top);
        let font = text::style(TITLE, HPos::Center, VPos::Top);
        picture.draw(&Text::new(line.as_str(), at, font)).map_err(failed)?;
    }
    legend::draw(&picture, &legend, &chart.series, pixel(left, legend_top))?;

    let x = Line { ends: x, ticks: fitting(&chart.x, x, width) };
    let foot = y[0];
    let y = Line { ends: y, ticks: chart.y.ticks(y, (height / LABEL_ROW) as usize) };
    let mut context = ChartBuilder::on(&picture)
        .margin_top(above)
        .margin_right(right)
        .margin_bottom(EDGE / 2)
        .margin_left(EDGE / 2)
        .x_label_area_size(BELOW)
        .y_label_area_size(beside)
        .build_cartesian_2d(x, y)
        .map_err(failed)?;
    draw_axes(&mut context, chart, [width, height])?;
    let plot = context.plotting_area();
    Shapes { chart, bars: &bars, picture: &picture, plot, foot }.draw()?;
    ends::draw(&picture, plot, chart, &direct)?;
    picture.present().map_err(failed)?;
    drop(context);
    drop(picture);
    Ok(svg)
}

/// Draws the grid, the labels and the names of the axes, which have so many pixels each.
fn draw_axes(
    context: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<Line, Line>>,
    chart: &Chart,
    [width, height]: [u32; 2],
) -> Result<(), PlotError> {
    context
        .configure_mesh()
        .axis_style(INK.mix(0.6))
        .bold_line_style(GRID)
        .label_style(text::style(TEXT, HPos::Center, VPos::Center))
        .axis_desc_style(text::style(TEXT, HPos::Center, VPos::Center))
        .x_desc(text::fit(&chart.x.label, TEXT, width))
        .y_desc(text::fit(&chart.y.label, TEXT, height))
        .draw()
        .map_err(failed)
}

/// Every horizontal coordinate that must be shown.
fn across(chart: &Chart, bars: &Bars) -> Vec<f64> {
    let mut found = vec![];
    for (index, series) in chart.series.iter().enumerate() {
        for point in &series.points {
            let place = chart.x.scale.coordinate(point.x);
            found.extend(bars.edges(index, place).unwrap_or([place; 2]));
        }
    }
    found
}

/// Every vertical coordinate that must be shown.
fn upright(chart: &Chart) -> Vec<f64> {
    let mut found = vec![];
    for series in &chart.series {
        if matches!(series.style, Style::Bars { .. }) && chart.y.scale == Scale::Linear {
            found.push(0.0);
        }
        for point in &series.points {
            let heights = [Some(point.y), point.low, point.high];
            found.extend(heights.into_iter().flatten().map(|y| chart.y.scale.coordinate(y)));
        }
    }
    found
}

/// As many ticks as have room side by side in a width in pixels.
fn fitting(axis: &Axis, ends: [f64; 2], width: u32) -> Vec<Tick> {
    let mut most = (width / 50) as usize;
    loop {
        let found = axis.ticks(ends, most);
        let needed = widest(&found).saturating_add(2 * EDGE);
        if found.len() <= 2 || most <= 2 || needed as usize * found.len() <= width as usize {
            return found;
        }
        most = most.min(found.len()) - 1;
    }
}

/// The width of the widest label in pixels.
fn widest(ticks: &[Tick]) -> u32 {
    ticks.iter().map(|tick| text::width(&tick.label, TEXT)).max().unwrap_or(0)
}

/// Checks a side of the picture.
fn check_size(field: &'static str, pixels: u32, least: u32) -> Result<(), PlotError> {
    if (least..=MOST).contains(&pixels) {
        Ok(())
    } else {
        Err(PlotError::Size { field, pixels, least, most: MOST })
    }
}

/// A place in a picture whose size has been checked.
fn pixel(x: u32, y: u32) -> (i32, i32) {
    (x.cast_signed(), y.cast_signed())
}
