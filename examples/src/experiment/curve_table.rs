//! Courses of training as a table: what the curves of a report are computed from.
//!
//! `values/NAME.training.csv.gz` beside a report has a row for each model made by reinforcement, seed and step, and a
//! column a figure, empty where it is not known. Values are written with all of their digits, so that curves follow
//! exactly.
//!
//! Source: none; a format of this library.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::curve::{Course, Figure};
use super::workshop::at;
use crate::Error;
use crate::files::write_whole;

/// Where the courses of a report lie.
pub(super) fn place(name: &str, folder: &Path) -> PathBuf {
    folder.join("values").join(format!("{name}.training.csv.gz"))
}

fn head() -> Vec<&'static str> {
    ["model", "seed", "step"].into_iter().chain(Figure::ALL.map(Figure::name)).collect()
}

/// Writes courses.
pub(super) fn write(courses: &[Course], path: &Path) -> Result<(), Error> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(at(path))?;
    let mut table = csv::Writer::from_writer(GzEncoder::new(Vec::new(), Compression::best()));
    table.write_record(head())?;
    for Course { model, seed, points } in courses {
        for (step, figures) in points {
            let mut row = vec![model.clone(), seed.to_string(), step.to_string()];
            let cell = |figure| figures.get(&figure).map_or_else(String::new, f64::to_string);
            row.extend(Figure::ALL.map(cell));
            table.write_record(row)?;
        }
    }
    let encoder = table.into_inner().map_err(csv::IntoInnerError::into_error).map_err(at(path))?;
    write_whole(path, &encoder.finish().map_err(at(path))?)
}

/// Reads courses.
pub(super) fn read(path: &Path) -> Result<Vec<Course>, Error> {
    let file = File::open(path).map_err(at(path))?;
    let mut table = csv::Reader::from_reader(GzDecoder::new(file));
    let bad = |problem: &str| format!("{}: {problem}", path.display());
    if *table.headers()? != head() {
        return Err(bad("its columns are not those of courses of training").into());
    }
    let mut courses: Vec<Course> = Vec::new();
    for row in table.into_records() {
        let row = row?;
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let whole = |column: usize| -> Result<u64, Error> {
            Ok(cell(column)
                .parse()
                .map_err(|error| bad(&format!("{:?}: {error}", cell(column))))?)
        };
        let (model, seed, step) = (cell(0), whole(1)?, usize::try_from(whole(2)?)?);
        let begun = courses.last().is_some_and(|last| last.model == model && last.seed == seed);
        if !begun {
            courses.push(Course { model: model.to_owned(), seed, points: BTreeMap::new() });
        }
        let Some(course) = courses.last_mut() else { continue };
        let point = course.points.entry(step).or_default();
        for (figure, column) in Figure::ALL.into_iter().zip(3..) {
            let text = cell(column);
            if !text.is_empty() {
                let value =
                    text.parse::<f64>().map_err(|error| bad(&format!("{text:?}: {error}")))?;
                point.insert(figure, value);
            }
        }
    }
    Ok(courses)
}
