//! Answers through both doors of a task: a table of cases, forms that are made, laws, and the field.
//!
//! `cases` holds a table of our own for every kind of answer, `forms` makes spellings of values and of
//! values close to them, `laws` states what holds for any text and that hostile ones end, `hostile` what
//! comes out of those, `pairs` lists whose elements fit in one way only, `field` reads rows that are kept
//! beside the workspace.

mod cases;
mod field;
mod forms;
mod hostile;
mod laws;
mod pairs;

use tts_core::task::{Math, Task};

/// Both doors and both ways: whether `pred` is the same as `gold`, if all of them agree.
fn agreed(gold: &str, pred: &str) -> Result<bool, String> {
    let same = Math.same(gold, pred);
    let doors = [same, Math.same(pred, gold), Math.verdict("", gold, pred).is_right()];
    if doors == [same; 3] { Ok(same) } else { Err(format!("{doors:?}: {gold:?} / {pred:?}")) }
}
