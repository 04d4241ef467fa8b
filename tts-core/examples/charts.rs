//! Draws one chart of each kind from made-up numbers, to look at.
//!
//! `cargo run -p tts-core --features plot --example charts -- FOLDER`

use std::error::Error;
use std::path::PathBuf;

use tts_core::metrics::{Calibration, calibration};
use tts_core::plot::{Axis, Chart, Point, Series, Style, loss_curve, reliability};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into()));
    accuracies().write(folder.join("accuracy.svg"))?;
    tokens().write(folder.join("tokens.svg"))?;
    losses().write(folder.join("loss.svg"))?;

    let scores: Vec<f64> = (0..2000_u32).map(|i| noise(i).sqrt()).collect();
    let right: Vec<bool> =
        scores.iter().zip(5000..).map(|(score, i)| noise(i) < score * score).collect();
    let found = calibration(&scores, &right, Calibration::BINS)?;
    reliability(&found).write(folder.join("reliability.svg"))?;
    Ok(())
}

/// Ten curves with bands, and a title of two lines.
fn accuracies() -> Chart {
    let names = [
        "chain of thought",
        "majority vote",
        "weighted vote",
        "best of N",
        "beam search",
        "lookahead",
        "diverse verifier tree search",
        "forest",
        "oracle",
        "pass@k",
    ];
    let title = "Accuracy on 500 problems against the number of candidates, with 95 % intervals \
                 over problems";
    let chart = Chart::new(title, Axis::log2("candidates"), Axis::linear("accuracy"));
    names.into_iter().zip(0_u8..).fold(chart, |chart, (name, index)| {
        let points = (0..9_u8).map(|doublings| {
            let y = 0.2 + 0.04 * f64::from(index) + 0.03 * f64::from(doublings);
            Point::with_interval(f64::from(doublings).exp2(), y, [y - 0.02, y + 0.02])
        });
        chart.with(Series::new(name, Style::LineAndMarks, points.collect()))
    })
}

/// Bars side by side on a logarithmic axis.
fn tokens() -> Chart {
    let bars = |name, factor| {
        let points = (1..6_u8).map(|depth| {
            let y = factor * f64::from(depth).exp2();
            Point::with_interval(f64::from(depth), y, [0.8 * y, 1.3 * y])
        });
        Series::new(name, Style::Bars { width: None }, points.collect())
    };
    Chart::new("Cost of depth", Axis::linear("depth"), Axis::log10("tokens"))
        .with(bars("beam search", 900.0))
        .with(bars("forest", 1500.0))
        .sized(480, 360)
}

/// A noisy loss in training and a smooth one held out.
fn losses() -> Chart {
    let training: Vec<(f64, f64)> = (0..400)
        .map(|i| {
            let step = f64::from(i) * 5.0;
            (step, 0.7 * (-step / 450.0).exp() + 0.1 + 0.03 * noise(i))
        })
        .collect();
    let held_out: Vec<(f64, f64)> = (0..9)
        .map(|i| {
            let step = f64::from(i) * 250.0;
            (step, 0.7 * (-step / 500.0).exp() + 0.16)
        })
        .collect();
    loss_curve("Loss of a process head", &training, &held_out)
}

/// A number in [0, 1) that looks random: the fraction of a multiple of the golden ratio, stirred.
fn noise(index: u32) -> f64 {
    let mixed = index.wrapping_add(1).wrapping_mul(0x9E37_79B9);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA6B);
    f64::from(mixed ^ (mixed >> 13)) / (f64::from(u32::MAX) + 1.0)
}
