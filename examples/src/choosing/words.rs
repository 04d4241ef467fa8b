//! A fitted choice for people to read: what each way to choose is worth, and who is chosen in which bin.
//!
//! Source: none; tables of text.

use std::io::{self, Write};

use tts_core::Until;
use tts_core::metrics::accuracy_interval;
use tts_search::choose::{Signal, Stage};
use tts_search::evaluate::percent;
use tts_search::evaluate::words::{columns, significant};

use super::{Choosing, mean};

/// Writes both tables.
pub(super) fn write(found: &Choosing, out: &mut dyn Write) -> io::Result<()> {
    let (name, cost, own) = &found.probed;
    let (samples, unit) = (found.probe.samples, found.price.unit());
    let samples = if found.probe.until == Until::End {
        format!("{samples} samples")
    } else {
        format!("first steps of {samples} samples")
    };
    let by = match found.probe.signal {
        Signal::Score => "the mean of their scores",
        Signal::Agreement => "the share of the most frequent answer",
    };
    writeln!(out, "problems  {}", found.estimates.len())?;
    let cost = found.price.told(*cost);
    writeln!(out, "probe     {samples} of {name} ({cost} {unit}), by {by}")?;
    let shared = match (found.optimal.reuse, own) {
        (false, _) => "are thrown away, and paid on top of the strategy that is chosen",
        (true, true) => "are the first of each strategy here, as they will be",
        (true, false) => {
            "are of another seed than the strategies', whose first they will be: what is not asked for of them is paid on top"
        }
    };
    writeln!(out, "          they {shared}")?;
    let within = found.within.map_or_else(String::new, |most| {
        format!(", for {} {unit} a problem at most", found.price.told(most))
    });
    writeln!(
        out,
        "\nWhat a choice is worth, on halves of the problems that had no say in it{within}"
    )?;
    columns(out, &ways(found))?;
    if let Some(baseline) = &found.baseline {
        writeln!(
            out,
            "The last column is the part of {baseline}'s cost at which a choice is as accurate as {baseline}."
        )?;
    }
    write!(out, "\nAccuracy by bin, the easiest first; * is chosen")?;
    let (asked, bins_left) = (found.asked, found.choice.bins.count());
    if bins_left < asked {
        write!(out, "; {bins_left} bins of {asked}, since problems that look the same are in one")?;
    }
    writeln!(out)?;
    columns(out, &bins(found))?;
    if found.choice.arms.windows(2).all(|pair| pair[0] == pair[1]) {
        let name = &found.arms[found.choice.arms[0]].name;
        writeln!(out, "\nOne strategy for all bins: {name} alone does the same without a probe.")?;
    }
    Ok(())
}

fn ways(found: &Choosing) -> Vec<Vec<String>> {
    let mut head = vec!["choice".to_owned(), "accuracy (95 %)".into(), found.price.unit().into()];
    if let Some(baseline) = &found.baseline {
        head.push(format!("part of {baseline}'s cost (95 %)"));
    }
    let mut rows = vec![head];
    for way in &found.ways {
        let Some(stage) = way.at(found.within) else { continue };
        let [low, high] = interval(stage).map(|share| 100.0 * share);
        let accuracy = format!("{} ({low:.1} to {high:.1})", percent(stage.accuracy.mean));
        let mut cells = vec![way.name.to_owned(), accuracy, found.price.told(stage.cost())];
        cells.extend(way.curve.ratio.map(|found| match (found.ratio, found.interval) {
            (Some(ratio), Some([low, high])) => format!("{ratio:.2} ({low:.2} to {high:.2})"),
            (Some(ratio), None) => format!("{ratio:.2}"),
            (None, _) => "not as accurate".to_owned(),
        }));
        rows.push(cells);
    }
    rows
}

/// The interval of a choice's accuracy: as everywhere where each problem is right or wrong.
fn interval(stage: &Stage) -> [f64; 2] {
    let is_outcome = |value: &f64| (value * (1.0 - value)).abs() <= 0.0;
    let values = &stage.level.values;
    let right: Vec<bool> = values.iter().map(|value| *value > 0.5).collect();
    let plain = values.iter().all(is_outcome).then(|| accuracy_interval(&right).ok()).flatten();
    plain.map_or(stage.accuracy.interval, |found| found.interval)
}

fn bins(found: &Choosing) -> Vec<Vec<String>> {
    let bins = &found.choice.bins;
    let of = |bin: usize| -> Vec<usize> {
        let places = 0..found.estimates.len();
        places.filter(|&place| bins.bin(found.estimates[place]) == bin).collect()
    };
    let places: Vec<Vec<usize>> = (0..bins.count()).map(of).collect();
    let unit = format!("{}, with the probe", found.price.unit());
    let mut head = vec!["strategy".to_owned(), unit];
    let mut looks = vec!["looks like".to_owned(), String::new()];
    let mut problems = vec!["problems".to_owned(), String::new()];
    for (bin, places) in places.iter().enumerate() {
        head.push((bin + 1).to_string());
        looks.push(match bins.edges.get(bin) {
            Some(&edge) => format!("from {}", significant(edge)),
            None => bins
                .edges
                .last()
                .map_or_else(|| "all".into(), |&edge| format!("below {}", significant(edge))),
        });
        problems.push(places.len().to_string());
    }
    let mut rows = vec![head, looks, problems];
    for (number, arm) in found.arms.iter().enumerate() {
        let mut cells = vec![arm.name.clone(), found.price.told(arm.cost())];
        for (bin, places) in places.iter().enumerate() {
            let values: Vec<f64> = places.iter().map(|&place| arm.alone.values[place]).collect();
            let mark = if found.choice.arms[bin] == number { "*" } else { " " };
            cells.push(if values.is_empty() {
                format!("-{mark}")
            } else {
                format!("{}{mark}", percent(mean(&values)))
            });
        }
        rows.push(cells);
    }
    rows
}
