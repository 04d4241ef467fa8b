//! Colours and marks of the series, in their order.
//!
//! The colours are the nine of a scheme made for colour-blind readers and a dark grey, ordered so
//! that the first few differ most. Shapes of marks go round in fives, so that series of like
//! colours differ in shape.
//!
//! Source: Tol 2021, Colour Schemes, technical note SRON/EPS/TN/09-002 issue 3.2, figure 4 (muted).

use plotters::style::RGBColor;

/// The colour of each series.
pub(super) const COLOURS: [RGBColor; 10] = [
    RGBColor(0x33, 0x22, 0x88),
    RGBColor(0xCC, 0x66, 0x77),
    RGBColor(0x11, 0x77, 0x33),
    RGBColor(0x88, 0xCC, 0xEE),
    RGBColor(0x99, 0x99, 0x33),
    RGBColor(0xAA, 0x44, 0x99),
    RGBColor(0x44, 0xAA, 0x99),
    RGBColor(0x88, 0x22, 0x55),
    RGBColor(0xDD, 0xCC, 0x77),
    RGBColor(0x55, 0x55, 0x55),
];

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);

/// The grid, fainter than any series.
pub(super) const GRID: RGBColor = RGBColor(0xE0, 0xE0, 0xE0);

/// The corners of the mark of a series around its centre, in pixels; none stand for a disc.
pub(super) fn mark(series: usize) -> &'static [(i32, i32)] {
    const SHAPES: [&[(i32, i32)]; 5] = [
        &[],
        &[(-4, -4), (4, -4), (4, 4), (-4, 4)],
        &[(0, -5), (5, 4), (-5, 4)],
        &[(0, -6), (6, 0), (0, 6), (-6, 0)],
        &[(0, 5), (5, -4), (-5, -4)],
    ];
    SHAPES[series % SHAPES.len()]
}
