//! What responses of the panel family are graded by: five criteria, each with the work that shows the grade.
//!
//! | Criterion | Work | Grade, at least 0 |
//! |---|---|---|
//! | `s` sum | `8+6+6+4=24` | 5, less one for each by which the sum is off |
//! | `o` order | `8>6=6>4` | 5, less two for each neighbours out of order |
//! | `n` count | `4` | 5, less two for each number too many or missing |
//! | `p` parity | `eeoe` | 5, less one for each number of the wrong parity |
//! | `d` repeats | `8 6 4` (the different numbers, as they come) | 5, less two for each repeat |
//!
//! Source: none; a family of this library.

use serde::{Deserialize, Serialize};

/// What a response can be graded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Criterion {
    /// The numbers add up to what was asked for.
    Sum,
    /// They go up, or down, as was asked for.
    Order,
    /// There are as many as were asked for.
    Count,
    /// They are even, or odd, as was asked for.
    Parity,
    /// None comes twice.
    Repeats,
}

impl Criterion {
    /// All of them, in the order in which genres weigh them.
    pub const ALL: [Self; 5] = [Self::Sum, Self::Order, Self::Count, Self::Parity, Self::Repeats];

    /// Its letter.
    pub fn letter(self) -> char {
        match self {
            Self::Sum => 's',
            Self::Order => 'o',
            Self::Count => 'n',
            Self::Parity => 'p',
            Self::Repeats => 'd',
        }
    }

    pub(super) fn of(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|criterion| letter.chars().eq([criterion.letter()]))
    }
}

/// What is asked of a list of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    /// 0 to 4, for `a` to `e`: which criteria count.
    pub(super) genre: usize,
    pub(super) descending: bool,
    pub(super) count: usize,
    pub(super) even: bool,
    pub(super) sum: i64,
}

impl Wanted {
    /// What a criterion weighs in this genre: 3, 2 and 1 for three in a row from the genre's own on, else nothing.
    pub(super) fn weight(&self, criterion: Criterion) -> i64 {
        let place = Criterion::ALL.iter().position(|&other| other == criterion).unwrap_or(0);
        [3, 2, 1, 0, 0][(place + 5 - self.genre) % 5]
    }

    /// The grade of a response, 0 to 5, with the work that shows it.
    pub(super) fn grade(&self, criterion: Criterion, response: &[i64]) -> (String, i64) {
        let joined = |numbers: &[i64], with: &str| {
            numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(with)
        };
        let less = |points: usize| 5 - i64::try_from(points).unwrap_or(5);
        let (work, grade) = match criterion {
            Criterion::Sum => {
                let sum: i64 = response.iter().sum();
                (format!("{}={sum}", joined(response, "+")), 5 - (sum - self.sum).abs())
            }
            Criterion::Order => {
                let mut work = response.first().map(i64::to_string).unwrap_or_default();
                let mut breaks = 0;
                for pair in response.windows(2) {
                    let sign = match pair[0].cmp(&pair[1]) {
                        std::cmp::Ordering::Less => '<',
                        std::cmp::Ordering::Equal => '=',
                        std::cmp::Ordering::Greater => '>',
                    };
                    breaks += usize::from(sign != if self.descending { '>' } else { '<' });
                    work.push(sign);
                    work.push_str(&pair[1].to_string());
                }
                (work, less(2 * breaks))
            }
            Criterion::Count => {
                (response.len().to_string(), less(2 * response.len().abs_diff(self.count)))
            }
            Criterion::Parity => {
                let even = |number: &i64| number % 2 == 0;
                let letters = response.iter().map(|n| if even(n) { 'e' } else { 'o' }).collect();
                (letters, less(response.iter().filter(|n| even(n) != self.even).count()))
            }
            Criterion::Repeats => {
                let mut seen: Vec<i64> = Vec::new();
                for &number in response {
                    if !seen.contains(&number) {
                        seen.push(number);
                    }
                }
                (joined(&seen, " "), less(2 * (response.len() - seen.len())))
            }
        };
        (work, grade.max(0))
    }

    /// What a response is worth, 0 to 30: all grades by their weights.
    pub(super) fn worth(&self, response: &[i64]) -> i64 {
        let each = Criterion::ALL.iter();
        each.map(|&criterion| self.weight(criterion) * self.grade(criterion, response).1).sum()
    }
}
