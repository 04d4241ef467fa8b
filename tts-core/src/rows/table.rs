//! Tables: rows of cells between commas, semicolons or tabs, the first of which names the fields.

use super::{Place, Row, RowError};

/// What may stand between cells: commas, semicolons where the comma is that of decimals, tabs.
const BETWEEN: [u8; 3] = *b",;\t";

/// The rows of a table.
pub(super) fn parse(text: &str) -> Result<Vec<Row>, RowError> {
    let between = between(text);
    let mut reader =
        csv::ReaderBuilder::new().delimiter(between).flexible(true).from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| bad(&error))?.clone();
    check_names(&names)?;
    let mut rows = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for record in reader.records() {
        let record = record.map_err(|error| bad(&error))?;
        // The reader counts a record whose line ends in "\r\n" from before the "\n" of the last one.
        let start = record.position().and_then(|position| usize::try_from(position.byte()).ok());
        let start = begin(text, start.unwrap_or(counted));
        line += text.get(counted..start).map_or(0, line_ends);
        counted = start;
        let place = Place::Line(line);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if record.len() != names.len() {
            let problem =
                format!("{} cells, but the first row names {}", record.len(), names.len());
            return Err(RowError::new(Some(place), problem));
        }
        let named = names.iter().map(str::trim).zip(record.iter());
        // Spreadsheets leave empty columns behind the last one.
        rows.push(Row::cells(place, named.filter(|(name, _)| !name.is_empty()))?);
    }
    Ok(rows)
}

/// Where a record begins that is behind this byte, which may be the end of a line.
fn begin(text: &str, at: usize) -> usize {
    let ends = text.as_bytes().iter().skip(at).take_while(|byte| b"\r\n".contains(byte));
    (at + ends.count()).min(text.len())
}

/// How many lines end in a text: by a line feed, a carriage return, or both.
fn line_ends(text: &str) -> usize {
    text.replace("\r\n", "\n").matches(['\n', '\r']).count()
}

/// What stands most often between the names of the first row.
fn between(text: &str) -> u8 {
    let header = text.trim_start().lines().next().unwrap_or_default();
    let mut quoted = false;
    let mut counts = [0_usize; BETWEEN.len()];
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        if let (Some(place), false) = (BETWEEN.iter().position(|&b| b == byte), quoted) {
            counts[place] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let place = counts.iter().position(|&count| count == most).unwrap_or(0);
    BETWEEN[place]
}

/// Refuses what is no table of several named columns.
fn check_names(names: &csv::StringRecord) -> Result<(), RowError> {
    let wrong = |problem: String| Err(RowError::new(Some(Place::Line(1)), problem));
    let known: Vec<&str> = names.iter().map(str::trim).filter(|name| !name.is_empty()).collect();
    if known.len() < 2 {
        let shown: String = names.iter().next().unwrap_or_default().chars().take(60).collect();
        return wrong(format!(
            "expected JSON lines, a JSON list, or a table whose first row names its columns; found \
             {shown:?}"
        ));
    }
    let mut sorted = known.clone();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => wrong(format!("two columns are called {:?}", pair[0])),
        None => Ok(()),
    }
}

/// What the reader of tables says.
fn bad(error: &csv::Error) -> RowError {
    let line = error.position().map(csv::Position::line);
    let place = line.and_then(|line| usize::try_from(line).ok()).map(Place::Line);
    RowError::new(place, error.to_string())
}
