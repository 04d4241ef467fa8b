//! The law as a table, a summary and charts.

use std::io::{self, Write};

use tts_core::plot::{Axis, Chart, Point as Mark, Series, Style};

use super::{Law, Phase, Point, median};

/// Memory below which buffers and the allocator weigh more than the model, in bytes.
const WORTH_WEIGHING: u64 = 100_000_000;

/// Writes every point.
///
/// # Errors
/// When `out` cannot be written to.
pub fn table(out: &mut dyn Write, points: &[Point]) -> io::Result<()> {
    writeln!(
        out,
        "{:<6} {:<14} {:>7} {:>5}  {:>10} {:>10} {:>9} {:>6}  {:>9} {:>9}  half",
        "model",
        "phase",
        "context",
        "lines",
        "tok/s",
        "by law",
        "ms a pass",
        "error",
        "MB",
        "by law"
    )?;
    for point in points {
        let rate = point.seconds.map_or("-".to_owned(), |s| format!("{:.0}", point.rate(s)));
        let error = point.error().map_or("-".to_owned(), |e| format!("{:.0} %", 100.0 * e));
        let memory = point.memory.map_or("-".to_owned(), megabytes);
        writeln!(
            out,
            "{:<6} {:<14} {:>7} {:>5}  {:>10} {:>10.0} {:>9.2} {:>6}  {:>9} {:>9}  {half}",
            point.model,
            point.phase.name(),
            point.context,
            point.lines,
            rate,
            point.rate(point.predicted),
            1e3 * point.seconds.unwrap_or(point.predicted) / point.passes.count,
            error,
            memory,
            megabytes(point.expected_memory),
            half = half(point),
        )?;
    }
    Ok(())
}

/// Every point as a row of numbers, for other programs.
pub fn csv(law: &Law) -> String {
    let row = |point: &Point| {
        let each = |seconds: f64| seconds / point.passes.count;
        let seconds = point.seconds.map_or(String::new(), |s| format!("{:.3e}", each(s)));
        let memory = point.memory.map_or(String::new(), |bytes| bytes.to_string());
        let phase = point.phase.name().replace(',', "");
        format!(
            "{},{phase},{},{},{seconds},{:.3e},{memory},{},{}",
            point.model,
            point.context,
            point.lines,
            each(point.predicted),
            point.expected_memory,
            half(point)
        )
    };
    let head = "model,phase,context,lines,seconds_a_pass,by_law,memory_bytes,by_formula,half";
    let rows = law.points.iter().map(row);
    std::iter::once(head.to_owned()).chain(rows).map(|row| row + "\n").collect()
}

/// Which half a point is in.
fn half(point: &Point) -> &'static str {
    match (point.seconds, point.fitted) {
        (None, _) => "predicted only",
        (Some(_), true) => "fitted",
        (Some(_), false) => "held out",
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / 1e6)
}

/// Writes the rates, and how well they predict.
///
/// # Errors
/// When `out` cannot be written to.
pub fn summary(out: &mut dyn Write, law: &Law) -> io::Result<()> {
    let Law { roofline: rates, points, .. } = law;
    writeln!(out, "machine    {}, {} threads, weights {}", law.machine, law.threads, law.weights)?;
    writeln!(
        out,
        "rates      products {:.0} Gop/s, attention {:.0} Gop/s, memory {:.0} GB/s, caches {:.0} GB/s up to {:.0} MB",
        rates.product_rate / 1e9,
        rates.attention_rate / 1e9,
        rates.memory_rate / 1e9,
        rates.cache_rate / 1e9,
        rates.cache_bytes / 1e6
    )?;
    writeln!(
        out,
        "besides    {:.1} µs a pass, {:.1} µs a layer, {:.2} µs a row and layer, {:.2} ns a logit",
        rates.pass * 1e6,
        rates.layer * 1e6,
        rates.line * 1e6,
        rates.logit * 1e9
    )?;
    let errors = |keep: &dyn Fn(&&Point) -> bool| -> Vec<f64> {
        points.iter().filter(keep).filter_map(Point::error).collect()
    };
    let percent = |errors: Vec<f64>| {
        let count = errors.len();
        let median = median(errors).map_or("-".to_owned(), |e| format!("{:.1} %", 100.0 * e));
        format!("{median} of {count} points")
    };
    writeln!(out, "error      median {}, held out", percent(errors(&|p| !p.fitted)))?;
    writeln!(out, "           median {}, fitted", percent(errors(&|p| p.fitted)))?;
    for phase in [Phase::Prefill, Phase::DecodeShared, Phase::DecodeOwn] {
        let held_out = errors(&|p| !p.fitted && p.phase == phase);
        writeln!(out, "           median {}, held out, {}", percent(held_out), phase.name())?;
    }
    let memory: Vec<f64> = points
        .iter()
        .filter(|point| point.expected_memory >= WORTH_WEIGHING)
        .filter_map(|point| Some((point.expected_memory as f64 / point.memory? as f64 - 1.0).abs()))
        .collect();
    writeln!(out, "memory     median {}, of 100 MB or more", percent(memory))
}

/// The charts of a law, with names for their files: prediction against measurement, tokens a second
/// over lines, and over context.
pub fn charts(law: &Law) -> Vec<(&'static str, Chart)> {
    let mut models: Vec<&str> = law.points.iter().map(|point| point.model.as_str()).collect();
    models.dedup();
    // The context of the chart over lines: 512 tokens, or what is next to it.
    let shared = || law.points.iter().filter(|point| point.phase == Phase::DecodeShared);
    let context = shared().map(|point| point.context).min_by_key(|context| context.abs_diff(512));
    let context = context.unwrap_or_default();
    let many = shared().map(|point| point.lines).min_by_key(|lines| lines.abs_diff(16));
    let many = many.unwrap_or_default();
    let over_lines = format!("lines that share a prompt of {context} tokens");
    let over_context = format!("tokens of context that {many} lines share");
    vec![
        ("prediction", prediction(law, &models)),
        (
            "lines",
            rates(law, &models, &over_lines, |point| {
                (point.phase == Phase::DecodeShared && point.context == context)
                    .then_some(point.lines)
            }),
        ),
        (
            "context",
            rates(law, &models, &over_context, |point| {
                (point.phase == Phase::DecodeShared && point.lines == many).then_some(point.context)
            }),
        ),
    ]
}

fn prediction(law: &Law, models: &[&str]) -> Chart {
    let held_out = |point: &&Point| !point.fitted && point.seconds.is_some();
    let title = "Held-out half: predicted against measured time of a pass";
    let x = Axis::log10("measured, milliseconds a pass");
    let mut chart = Chart::new(title, x, Axis::log10("predicted, milliseconds a pass"));
    let mut ends = [f64::INFINITY, f64::NEG_INFINITY];
    for model in models {
        let mine = law.points.iter().filter(held_out).filter(|point| point.model == *model);
        let marks: Vec<Mark> = mine
            .filter_map(|point| {
                let each = |seconds: f64| 1e3 * seconds / point.passes.count;
                let x = each(point.seconds?);
                ends = [ends[0].min(x), ends[1].max(x)];
                Some(Mark::new(x, each(point.predicted)))
            })
            .collect();
        if !marks.is_empty() {
            chart = chart.with(Series::new(*model, Style::Marks, marks));
        }
    }
    if ends[0] < ends[1] {
        let diagonal = ends.map(|end| Mark::new(end, end)).to_vec();
        chart = chart.with(Series::new("equal", Style::Line, diagonal));
    }
    chart
}

/// Tokens a second of the points that `place` gives a place, measured as marks, the law as lines.
fn rates(law: &Law, models: &[&str], label: &str, place: impl Fn(&Point) -> Option<u64>) -> Chart {
    let title = format!("{}, {} threads", law.machine, law.threads);
    let mut chart = Chart::new(title, Axis::log2(label), Axis::log10("tokens a second"));
    for model in models {
        let mine = || {
            let points = law.points.iter().filter(|point| point.model == *model);
            points.filter_map(|point| Some((place(point)? as f64, point)))
        };
        let by_law: Vec<Mark> =
            mine().map(|(x, point)| Mark::new(x, point.rate(point.predicted))).collect();
        let measured: Vec<Mark> = mine()
            .filter_map(|(x, point)| Some(Mark::new(x, point.rate(point.seconds?))))
            .collect();
        if !by_law.is_empty() {
            chart = chart.with(Series::new(format!("{model}, law"), Style::Line, by_law));
        }
        if !measured.is_empty() {
            chart = chart.with(Series::new(format!("{model}, measured"), Style::Marks, measured));
        }
    }
    chart
}
