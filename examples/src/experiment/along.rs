//! Training in a report: a table of how each policy began, stood half-way and ended, and a chart a figure.
//!
//! Source: DeepSeek-AI 2025 (arXiv:2501.12948), figures 2 and 3, for accuracy and length along training; Yu et al. 2025
//! (arXiv:2503.14476), figures 2 and 7, for entropy and steps until a level.

use std::fmt::Write as _;

use tts_core::plot::{Axis, Chart, Point, Series, Style};
use tts_search::evaluate::percent;

use super::curve::{Curve, Figure, Reached, Spread, Until};
use super::report::Report;
use crate::Error;

/// What is told in tables and charts; the other figures stand in the JSON.
const TOLD: [Figure; 8] = [
    Figure::Pass,
    Figure::HeldOutTokens,
    Figure::Reward,
    Figure::RightTokens,
    Figure::WrongTokens,
    Figure::Entropy,
    Figure::Equal,
    Figure::Divergence,
];

impl Report {
    /// A chart for each figure of training that some model has, with a curve a model; bands are from the least to the
    /// greatest of the seeds.
    pub fn training_charts(&self) -> Vec<(Figure, Chart)> {
        let charted = |figure: Figure| {
            let y = if figure.is_share() {
                Axis::percent(figure.label())
            } else {
                Axis::linear(figure.label())
            };
            let title = format!("Along training: {}", figure.label());
            let mut chart = Chart::new(title, Axis::linear("step of training"), y);
            for Curve { model, seeds, figures, .. } in &self.training {
                let Some(all) = figures.get(&figure) else { continue };
                let point = |&Spread { step, mean, least, most }: &Spread| match seeds {
                    1 => Point::new(step as f64, mean),
                    _ => Point::with_interval(step as f64, mean, [least, most]),
                };
                let style = match all.len() {
                    1 => Style::Marks,
                    _ if figure.is_held_out() => Style::LineAndMarks,
                    _ => Style::Line,
                };
                let points = all.iter().map(point).collect();
                chart = chart.with(Series::new(model.clone(), style, points));
            }
            (figure, chart)
        };
        TOLD.into_iter().map(charted).filter(|(_, chart)| !chart.series.is_empty()).collect()
    }

    /// How training went.
    pub(super) fn training(&self, text: &mut String, name: &str) -> Result<(), Error> {
        if self.training.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\n## Along training\n\nPolicies made by reinforcement, mean over seeds of training, with the least and \
             the greatest of them. Held-out figures are of problems of the validation split, at that step; all others \
             are means over neighbouring steps, up to the one that is named.\n"
        )?;
        writeln!(text, "| figure | model | seeds | first | middle | last |")?;
        writeln!(text, "| --- | --- | ---: | --- | --- | --- |")?;
        for (figure, _) in self.training_charts() {
            for Curve { model, seeds, figures, .. } in &self.training {
                let Some(all) = figures.get(&figure) else { continue };
                let places = [all.first(), all.get(all.len() / 2), all.last()];
                let cells = places.into_iter().flatten().map(|spread| cell(figure, spread, *seeds));
                let cells: Vec<String> = cells.collect();
                let label = figure.label();
                writeln!(text, "| {label} | {model} | {seeds} | {} |", cells.join(" | "))?;
            }
        }
        self.until(text)?;
        writeln!(text)?;
        for (figure, _) in self.training_charts() {
            writeln!(text, "![{}]({name}-{}.svg)", figure.label(), figure.name())?;
        }
        Ok(())
    }

    /// How long it took until so much was solved.
    fn until(&self, text: &mut String) -> Result<(), Error> {
        if self.recipe.until.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nUntil so many held-out solutions were first found to be right, as often as it was measured; mean over the \
             seeds that got there, with the least and the greatest:\n"
        )?;
        writeln!(text, "| right | model | seeds that got there | steps | tokens drawn |")?;
        writeln!(text, "| ---: | --- | ---: | ---: | ---: |")?;
        for place in 0..self.recipe.until.len() {
            for Curve { model, until, .. } in &self.training {
                let Some(Until { level, seeds }) = until.get(place) else { continue };
                let reached: Vec<Reached> = seeds.iter().copied().flatten().collect();
                let of = |figure: fn(&Reached) -> f64, told: fn(f64) -> String| {
                    let all: Vec<f64> = reached.iter().map(figure).collect();
                    if all.is_empty() {
                        return "-".to_owned();
                    }
                    let Spread { mean, least, most, .. } = Spread::of(0, &all);
                    format!("{} ({} to {})", told(mean), told(least), told(most))
                };
                let steps = of(|reached| reached.step as f64, |mean| format!("{mean:.0}"));
                let drawn = of(|reached| reached.drawn, |mean| format!("{mean:.2e}"));
                let (level, there, all) = (percent(*level), reached.len(), seeds.len());
                writeln!(text, "| {level} | {model} | {there} of {all} | {steps} | {drawn} |")?;
            }
        }
        Ok(())
    }
}

fn cell(figure: Figure, spread: &Spread, seeds: usize) -> String {
    let [mean, least, most] = [spread.mean, spread.least, spread.most].map(|at| figure.text(at));
    // Of one seed there is no range.
    let range = if seeds == 1 { String::new() } else { format!(" ({least} to {most})") };
    format!("step {}: {mean}{range}", spread.step)
}
