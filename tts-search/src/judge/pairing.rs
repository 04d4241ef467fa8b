//! Who meets whom in a tournament, and what came of it.
//!
//! ```text
//! round robin   every pair, in one round                                    n (n - 1) / 2 games
//! swiss         neighbours by points who have not met, so many rounds       at most n / 2 a round
//! pivot         a ring; then its few best against everybody                 at most n + k (n - 2)
//! knockout      neighbours; who loses is out                                n - 1
//! ```
//!
//! Pairs that mean nothing (two solutions with one answer) are left out: in a knockout the earlier of them
//! goes on. Everything here is a function of what was played, without chance.
//!
//! Cost: none; the games are the judge's.
//!
//! Source: knockouts among solutions are Liu et al. 2025, `PairJudge` (arXiv 2501.13007), and the first
//! algorithm of Chen et al. 2024 (arXiv 2411.19477), whose second, a league of average win rates, is the
//! round robin; pivots are those of the verifier of arXiv 2607.05391; Swiss rounds are chess's.

use serde::{Deserialize, Serialize};

/// Points and games of each pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    n: usize,
    /// Points of the row over the column.
    points: Vec<f64>,
    /// Whether the row has met the column, though nothing may have come of it.
    met: Vec<bool>,
    /// Points of each over all others.
    won: Vec<f64>,
    /// Points of all others over each.
    lost: Vec<f64>,
}

impl Table {
    /// `n` players, no game.
    pub fn new(n: usize) -> Self {
        let (won, lost) = (vec![0.0; n], vec![0.0; n]);
        Self { n, points: vec![0.0; n * n], met: vec![false; n * n], won, lost }
    }

    /// How many players.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether nobody plays.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Points of `winner` over `loser`, places below the number of players; half a game won in one order of
    /// two is 0.5.
    ///
    /// ```
    /// let mut table = tts_search::judge::Table::new(2);
    /// table.add(0, 1, 1.0);
    /// table.add(1, 0, 0.5);
    /// assert_eq!((table.points(0), table.games(0, 1)), (1.0, 1.5));
    /// ```
    pub fn add(&mut self, winner: usize, loser: usize, points: f64) {
        if let (Some(place), Some(back)) = (self.place(winner, loser), self.place(loser, winner)) {
            self.points[place] += points;
            self.won[winner] += points;
            self.lost[loser] += points;
            (self.met[place], self.met[back]) = (true, true);
        }
    }

    /// A meeting, with the points of one over the other and back: none of both where the judge did not say.
    pub fn play(&mut self, one: usize, other: usize, own: f64, back: f64) {
        self.add(one, other, own);
        self.add(other, one, back);
    }

    /// Whether two players have met.
    ///
    /// ```
    /// let mut table = tts_search::judge::Table::new(3);
    /// table.play(0, 1, 0.0, 0.0);
    /// assert!(table.have_met(1, 0) && !table.have_met(1, 2) && table.games(0, 1) == 0.0);
    /// ```
    pub fn have_met(&self, i: usize, j: usize) -> bool {
        self.place(i, j).is_some_and(|place| self.met[place])
    }

    fn place(&self, i: usize, j: usize) -> Option<usize> {
        (i < self.n && j < self.n && i != j).then_some(i * self.n + j)
    }

    fn over(&self, i: usize, j: usize) -> f64 {
        self.place(i, j).map_or(0.0, |place| self.points[place])
    }

    /// Games of two players.
    pub fn games(&self, i: usize, j: usize) -> f64 {
        self.over(i, j) + self.over(j, i)
    }

    /// Points of a player over all others.
    pub fn points(&self, i: usize) -> f64 {
        self.won.get(i).copied().unwrap_or(0.0)
    }

    /// Points for each game, with one tie against an average opponent given to each: who was lucky once is
    /// not above who won nine of ten, and one without a game is average.
    ///
    /// ```
    /// let mut table = tts_search::judge::Table::new(3);
    /// table.add(0, 1, 1.0);
    /// assert_eq!([0, 1, 2].map(|i| table.share(i)), [0.75, 0.25, 0.5]);
    /// ```
    pub fn share(&self, i: usize) -> f64 {
        let games = self.points(i) + self.lost.get(i).copied().unwrap_or(0.0);
        (self.points(i) + 0.5) / (games + 1.0)
    }
}

/// Who meets whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Pairing {
    /// Every pair, once.
    RoundRobin,
    /// Neighbours by points who have not met.
    Swiss {
        /// How many rounds.
        rounds: usize,
    },
    /// Each against the next, in a ring; then the best of these against everybody that they have not met.
    /// Who lost in the ring meets the pivots alone, which settles its place at the cost of a few games.
    Pivot {
        /// How many are pivots.
        pivots: usize,
    },
    /// Neighbours; who loses is out, and the later of two equals.
    Knockout,
}

impl Pairing {
    /// The pairs of a round, the first is 0; none when it is over. `apart` says of a pair whether it means
    /// something.
    ///
    /// ```
    /// use tts_search::judge::{Pairing, Table};
    /// let (pivot, mut table) = (Pairing::Pivot { pivots: 1 }, Table::new(5));
    /// assert_eq!(pivot.pairs(0, &table, |_, _| true), [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]);
    /// [0, 2, 2, 3, 4].into_iter().zip([1, 1, 3, 4, 0]).for_each(|(i, j)| table.add(i, j, 1.0));
    /// assert_eq!(pivot.pairs(1, &table, |_, _| true), [(0, 2), (2, 4)]);
    /// ```
    pub fn pairs(
        self,
        round: usize,
        table: &Table,
        apart: impl Fn(usize, usize) -> bool,
    ) -> Vec<(usize, usize)> {
        let n = table.len();
        let pairs = || (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        let worth = |&(i, j): &(usize, usize)| apart(i, j);
        match self {
            Self::RoundRobin if round == 0 => pairs().filter(worth).collect(),
            Self::Pivot { .. } if round == 0 => {
                let next = (1..n).map(|i| (i - 1, i)).chain((n > 2).then(|| (0, n - 1)));
                next.filter(worth).collect()
            }
            Self::Pivot { pivots } if round == 1 => {
                let best = &by_points(table)[..pivots.min(n)];
                let new = |&(i, j): &(usize, usize)| {
                    !table.have_met(i, j) && (best.contains(&i) || best.contains(&j))
                };
                pairs().filter(new).filter(worth).collect()
            }
            Self::Swiss { rounds } if round < rounds => swiss(table, apart),
            Self::Knockout => {
                let pairs = neighbours(&standing(round, table));
                pairs.into_iter().filter(worth).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a round may follow this one, though nobody is to meet in it.
    pub(crate) fn goes_on(self, round: usize, n: usize) -> bool {
        self == Self::Knockout && standing_count(round, n) > 1
    }

    /// The winner that the games themselves name after the last round, before any ranking.
    pub(crate) fn named(self, table: &Table) -> Option<usize> {
        let last =
            (0..table.len()).find(|&round| standing_count(round, table.len()) < 2).unwrap_or(0);
        if self == Self::Knockout { standing(last, table).first().copied() } else { None }
    }
}

/// How many are left of `n` before a round of a knockout.
fn standing_count(round: usize, n: usize) -> usize {
    (0..round).fold(n, |left, _| left.div_ceil(2))
}

/// Who is left before a round of a knockout, in order.
fn standing(round: usize, table: &Table) -> Vec<usize> {
    let all: Vec<usize> = (0..table.len()).collect();
    (0..round).fold(all, |left, _| {
        let winner = |pair: &[usize]| match *pair {
            [one, other] if table.over(other, one) > table.over(one, other) => other,
            _ => pair[0],
        };
        left.chunks(2).map(winner).collect()
    })
}

fn neighbours(players: &[usize]) -> Vec<(usize, usize)> {
    players.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

/// Everybody, the most points first, equals in order.
fn by_points(table: &Table) -> Vec<usize> {
    let mut all: Vec<usize> = (0..table.len()).collect();
    all.sort_by(|&a, &b| table.points(b).total_cmp(&table.points(a)));
    all
}

/// From the top, each with the next below that it has not met.
fn swiss(table: &Table, apart: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let mut left = by_points(table);
    let mut pairs = Vec::new();
    while !left.is_empty() {
        let one = left.remove(0);
        let fresh = |&other: &usize| apart(one, other) && !table.have_met(one, other);
        if let Some(place) = left.iter().position(fresh) {
            pairs.push((one, left.remove(place)));
        }
    }
    pairs
}
