//! Bradley-Terry strengths from a table of games.
//!
//! The model: `i` beats `j` with probability `s_i / (s_i + s_j)`. The strengths of greatest likelihood are
//! the fixed point of `s_i = W_i / sum_j n_ij / (s_i + s_j)`, `W_i` the games that `i` won (a tie is half a
//! win) and `n_ij` those against `j`. One who won or lost all games would have no finite strength, and
//! players who never met, even through others, none that can be compared; so each is given one tie against an
//! opponent of strength 1, which also settles the scale.
//!
//! Cost: passes over the pairs that met. Where each of 20 players beats all behind it, which is the slowest,
//! they are about 150 for each player, and slowly more with their number.
//!
//! Source: Bradley and Terry 1952 (Biometrika 39, 324); Hunter 2004, "MM algorithms for generalized
//! Bradley-Terry models" (Annals of Statistics 32, 384), equation 3.

use super::Table;

/// Passes for each player at most, more than are needed for the slowest tables.
const MOST_PASSES: usize = 1_000;

/// The strength of each player of a table, above 0; 1 is average.
///
/// ```
/// use tts_search::judge::{Table, bradley_terry};
/// let mut table = Table::new(3);
/// table.add(0, 1, 1.0);
/// table.add(1, 2, 1.0);
/// let s = bradley_terry(&table);
/// // 0 never met 2, and is stronger: it beat the one who beat 2.
/// assert!(s[0] > s[1] && s[1] > s[2] && (s[1] - 1.0).abs() < 1e-9 && (s[0] * s[2] - 1.0).abs() < 1e-9);
/// ```
pub fn bradley_terry(table: &Table) -> Vec<f64> {
    let n = table.len();
    let met = |i: usize| -> Vec<(usize, f64)> {
        let games = (0..n).map(|j| (j, table.games(i, j)));
        games.filter(|&(_, games)| games > 0.0).collect()
    };
    let opponents: Vec<Vec<(usize, f64)>> = (0..n).map(met).collect();
    let mut strengths = vec![1.0; n];
    for _ in 0..MOST_PASSES.saturating_mul(n) {
        let next = |i: usize| {
            let own: f64 = strengths[i];
            let each = opponents[i].iter().map(|&(j, games)| games / (own + strengths[j]));
            let against = each.sum::<f64>();
            (table.points(i) + 0.5) / (against + 1.0 / (own + 1.0))
        };
        let passed: Vec<f64> = (0..n).map(next).collect();
        let moved = strengths.iter().zip(&passed).any(|(old, new)| (new / old - 1.0).abs() > 1e-11);
        strengths = passed;
        if !moved {
            break;
        }
    }
    strengths
}
