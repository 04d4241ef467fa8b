//! What the samples of a probe say of each problem, and what they cost.
//!
//! Whole samples are told by the evaluation; how they begin stands in its records, where a node has its score and its
//! cost.
//!
//! Source: none; see [`tts_search::choose::Probe`].

use serde_json::Value;
use tts_core::{NodeId, Retold, Until, task};
use tts_search::choose::{Probe, Signal};
use tts_search::evaluate::records;

use super::Price;
use crate::Error;
use crate::folders::{Folders, Kept};

/// A probe, by problem.
#[derive(Debug)]
pub(super) struct Probed {
    /// How easy each problem looks.
    pub(super) estimates: Vec<f64>,
    /// What its samples cost together, as far as they go.
    pub(super) paid: Vec<f64>,
    /// What their first steps cost together.
    pub(super) begun: Vec<f64>,
}

impl Probed {
    /// The probe that lies in folders; what first steps cost is looked for where it is asked `by_steps`.
    ///
    /// # Errors
    /// When its samples say nothing of any problem, or a record cannot be read.
    pub(super) fn of(
        (folders, kept): (&Folders, &Kept),
        probe: Probe,
        price: Price,
        by_steps: bool,
    ) -> Result<Self, Error> {
        let rows = &kept.report.rows;
        let (seen, begun) = if by_steps || probe.until != Until::End {
            first_steps(folders, kept, probe, price)?
        } else {
            (Vec::new(), vec![0.0; rows.len()])
        };
        let (estimates, paid) = if probe.until == Until::End {
            let name = kept.settings.pointer("/setup/task").and_then(Value::as_str);
            let task = task::by_name(name.unwrap_or("math"))?;
            let estimate = |row: &tts_search::evaluate::Graded| {
                probe.signal.of(&row.candidates, task.comparer())
            };
            let paid = rows.iter().map(|row| price.of(&row.cost)).collect();
            (rows.iter().map(estimate).collect(), paid)
        } else {
            (seen, begun.clone())
        };
        let found = Self { estimates, paid, begun };
        if found.estimates.iter().any(|estimate| estimate.is_finite()) {
            return Ok(found);
        }
        let problem = match probe.signal {
            Signal::Score => {
                "nobody has scored its samples: evaluate it with a --scorer, or look at --signal \
                 agreement"
            }
            Signal::Agreement => "none of its samples has an answer",
        };
        Err(format!("--probe {}: {problem}", kept.name).into())
    }
}

/// What the first steps of each problem's samples say, and what they cost together, as the records tell. Of a problem
/// whose search failed they may say nothing.
fn first_steps(
    folders: &Folders,
    kept: &Kept,
    probe: Probe,
    price: Price,
) -> Result<(Vec<f64>, Vec<f64>), Error> {
    let rows = &kept.report.rows;
    let mut found: Vec<Option<(f64, f64)>> = vec![None; rows.len()];
    for folder in &folders.folders {
        for path in records(folder)? {
            // Each is named by the problem's place.
            let place = path.file_stem().and_then(|name| name.to_str()?.parse::<usize>().ok());
            let Some(place) = place.filter(|&place| place < rows.len()) else { continue };
            let tree = Retold::read(&path)?.outcome.tree;
            let first = &tree[NodeId::ROOT].children;
            let cost = first.iter().map(|&id| price.of(&tree[id].cost)).sum();
            found[place] = Some((probe.estimate(&tree, first), cost));
        }
    }
    let told = rows.iter().zip(found).map(|(row, found)| {
        let failed = row.error.is_some().then_some((f64::NEG_INFINITY, 0.0));
        found.or(failed).ok_or_else(|| {
            let (name, problem) = (&kept.name, row.name());
            let lacks = "has no record to tell its first steps from";
            Error::from(format!("--probe {name}: problem {problem} {lacks}"))
        })
    });
    Ok(told.collect::<Result<Vec<(f64, f64)>, Error>>()?.into_iter().unzip())
}
