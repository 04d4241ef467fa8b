//! What changed from one draft to the next, word by word.
//!
//! The longest common subsequence of words and spaces, after what both begin and end with is set aside. Texts whose rest is too
//! large for that are compared by lines.
//!
//! Source: Hunt and `McIlroy` 1976, "An Algorithm for Differential File Comparison", for the problem; the table is the plain one.

use serde::Serialize;

/// A piece of two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "change", content = "text")]
pub enum Change<'t> {
    /// In both.
    Kept(&'t str),
    /// In the first alone.
    Removed(&'t str),
    /// In the second alone.
    Added(&'t str),
}

/// Most cells of the table: 16 MiB.
const CELLS: usize = 1 << 22;

/// Words with the spaces behind them, or whole lines.
fn parts(text: &str, by_lines: bool) -> Vec<&str> {
    if by_lines {
        text.split_inclusive('\n').collect()
    } else {
        text.split_inclusive(char::is_whitespace).collect()
    }
}

/// What was kept, removed and added, in order; neighbours of a kind are apart.
///
/// ```
/// use tts_search::research::{Change, changes};
/// assert_eq!(
///     changes("sea: ? km", "sea: 31 km"),
///     [Change::Kept("sea: "), Change::Removed("? "), Change::Added("31 "), Change::Kept("km")],
/// );
/// ```
pub fn changes<'t>(before: &'t str, after: &'t str) -> Vec<Change<'t>> {
    for by_lines in [false, true] {
        let (old, new) = (parts(before, by_lines), parts(after, by_lines));
        let begin = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let most = old.len().min(new.len()) - begin;
        let end =
            old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
        let (a, b) = (&old[begin..old.len() - end], &new[begin..new.len() - end]);
        if (a.len() + 1).saturating_mul(b.len() + 1) > CELLS {
            continue;
        }
        let mut out: Vec<Change<'t>> = old[..begin].iter().map(|part| Change::Kept(part)).collect();
        between(a, b, &mut out);
        out.extend(old[old.len() - end..].iter().map(|part| Change::Kept(part)));
        return out;
    }
    vec![Change::Removed(before), Change::Added(after)]
}

fn between<'t>(a: &[&'t str], b: &[&'t str], out: &mut Vec<Change<'t>>) {
    let width = b.len() + 1;
    // Cell (i, j): the longest common subsequence of what follows i and j.
    let mut table = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            table[i * width + j] = if a[i] == b[j] {
                table[(i + 1) * width + j + 1] + 1
            } else {
                table[(i + 1) * width + j].max(table[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            out.push(Change::Kept(a[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < a.len()
            && (j == b.len() || table[(i + 1) * width + j] >= table[i * width + j + 1])
        {
            out.push(Change::Removed(a[i]));
            i += 1;
        } else {
            out.push(Change::Added(b[j]));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_come_back() {
        let lines = |numbers: &mut dyn Iterator<Item = u32>| {
            numbers.map(|n| format!("w{n}")).collect::<Vec<_>>().join("\n")
        };
        let long: String = lines(&mut (0..3_000));
        let turned: String = lines(&mut (0..3_000).rev());
        for (before, after) in [
            ("", ""),
            ("a b", ""),
            ("", "a"),
            ("a b c d", "a c e d"),
            ("x  y\nz", "x y\nz"),
            (&long, &turned),
        ] {
            let changes = changes(before, after);
            let side = |keep: fn(&Change<'_>) -> bool| -> String {
                let text = |change: &Change<'_>| match *change {
                    Change::Kept(text) | Change::Removed(text) | Change::Added(text) => {
                        text.to_owned()
                    }
                };
                changes.iter().filter(|change| keep(change)).map(text).collect()
            };
            assert_eq!(side(|change| !matches!(change, Change::Added(_))), before);
            assert_eq!(side(|change| !matches!(change, Change::Removed(_))), after);
        }
    }
}
