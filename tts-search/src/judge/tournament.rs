//! Pairwise tournament: a judge compares solutions two at a time, and the strongest is the answer.
//!
//! ```text
//! A B C D -- A or B?  B or A?  A or C?  C or A?  ... -- points, or Bradley-Terry strengths -- the first
//! ```
//!
//! A judge that writes is asked which of two is better, or whether they are equal, in both orders: one that
//! prefers a place says A both times, which is a tie, so that the preference cancels. Each verdict is half a
//! game then; one that cannot be read, or was cut, is none, though it was paid for, and is among
//! [`tts_core::Outcome::unscored`]. With one order, chance says which. Marks of the question and of the verdict that stand in a
//! solution are shown with a space in them.
//! Who meets whom is [`super::Pairing`]; two solutions with one answer never do. Candidates are ranked by
//! their share of points or by [`super::bradley_terry`], which counts whom one has beaten; a knockout names
//! its winner. Of equals the earlier sample wins.
//!
//! Cost: `n` lines, and a line (in both orders two) for each game; rounds as the pairing has them.
//!
//! When: a judge that compares better than it grades, and answers that cannot be voted on. A round robin
//! grows with the square of `n`; pivots or Swiss rounds cost a multiple of it.
//!
//! Source: tournaments among samples: Chen et al. 2024, "Simple and Provable Scaling Laws for the Test-Time
//! Compute of Large Language Models" (arXiv 2411.19477), and Liu et al. 2025, `PairJudge` (arXiv
//! 2501.13007); both orders: Zheng et al. 2023, "Judging LLM-as-a-Judge" (arXiv 2306.05685), on position
//! bias.

use serde::{Deserialize, Serialize};
use tts_core::judge::{marks, shown};
use tts_core::{Ask, Desk, NodeId, Prompt, Requirements, Script, all};

use super::pool::{self, Solution};
use super::{Pairing, Table, bradley_terry, reading};
use crate::refine::words::{asked, holds};
use crate::sample::lines::at_least_one;

/// A tournament among samples.
///
/// ```
/// use tts_core::toy::{Markov, ToyWorld};
/// use tts_core::{Scripted, Search, StepRule};
/// use tts_search::Tournament;
/// let judge = Markov::new(|path| if path.is_empty() { vec![1.0, 0.0] } else { vec![0.0, 1.0] });
/// let world = ToyWorld { error: 0.8, ..ToyWorld::default() };
/// let search = Search::new(&world).role("judge", &judge).rule(StepRule::lines());
/// let cup = Tournament { n: 4, judge: Some("judge".into()), ..Default::default() };
/// let outcome = search.run(Scripted::of(cup), world.prompt(0))?;
/// // At most six pairs, each in both orders.
/// assert!(outcome.usage.logical.samples <= 4 + 12);
/// assert!(outcome.answer().is_some());
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tournament {
    /// How many samples.
    pub n: usize,
    /// The role that compares; `None` for the model itself.
    pub judge: Option<String>,
    /// Who meets whom.
    pub pairing: Pairing,
    /// Whether each pair is shown in both orders.
    pub both_orders: bool,
    /// How candidates are ranked.
    pub ranking: Ranking,
    /// How two solutions are compared.
    pub words: CompareWords,
}

/// How candidates are ranked by their games.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ranking {
    /// By the share of points ([`Table::share`]).
    #[default]
    Points,
    /// By Bradley-Terry strengths.
    BradleyTerry,
}

/// How two solutions are compared, and what the judge's verdict looks like. What is filled in is never looked
/// at again.
///
/// ```
/// use tts_search::judge::CompareWords;
/// assert_eq!(CompareWords::default().marker, "Verdict:");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompareWords {
    /// The question: `{question}`, `{first}` and `{second}`.
    pub ask: String,
    /// What stands before the verdict.
    pub marker: String,
    /// The verdict, one word of letters and digits in any case, that the first is better.
    pub first: String,
    /// That the second is.
    pub second: String,
    /// That they are equal.
    pub tie: String,
}

impl Default for CompareWords {
    fn default() -> Self {
        Self {
            ask: "{question}\n\n<solution A>\n{first}\n</solution A>\n<solution B>\n{second}\n</solution B>\n\
                  Which of them is more likely right? End with a line of `Verdict:` and then A, B or tie."
                .into(),
            marker: "Verdict:".into(),
            first: "A".into(),
            second: "B".into(),
            tie: "tie".into(),
        }
    }
}

impl CompareWords {
    /// The question about two solutions.
    pub fn prompt(&self, problem: &Prompt, first: &str, second: &str) -> Prompt {
        let mut marks = marks(&self.ask);
        marks.push(self.marker.clone());
        let [first, second] = [first, second].map(|text| shown(text, &marks, usize::MAX));
        asked(problem, &self.ask, &[("{first}", &first), ("{second}", &second)])
    }

    /// What a verdict gives to the first: 1, 0, or 0.5 for a tie; `None` for what cannot be read.
    ///
    /// ```
    /// let words = tts_search::judge::CompareWords::default();
    /// let read = ["Verdict: A", "Verdict: b.", "Verdict: Tie", "Verdict: C", "Verdict: A or B", "A"];
    /// let points = [Some(1.0), Some(0.0), Some(0.5), None, None, None];
    /// assert_eq!(read.map(|said| words.read(said)), points);
    /// ```
    pub fn read(&self, said: &str) -> Option<f64> {
        let verdicts = [(&self.first, 1.0), (&self.second, 0.0), (&self.tie, 0.5)];
        let points = |word: &str| {
            let same = |(verdict, _): &(&String, f64)| verdict.eq_ignore_ascii_case(word);
            verdicts.into_iter().find(same).map(|(_, points)| points)
        };
        points(reading::verdict(said, &self.marker, |word| points(word).is_some())?)
    }

    fn check(&self) -> Result<(), String> {
        holds("ask", &self.ask, &["{question}", "{first}", "{second}"])?;
        if self.marker.trim().is_empty() {
            return Err("words.marker is blank, expected the words before a verdict".into());
        }
        if !self.ask.contains(&self.marker) {
            return Err(format!("words.ask does not say {:?}, which marker is", self.marker));
        }
        let names = ["{question}", "{first}", "{second}"];
        let asked = names.iter().fold(self.ask.clone(), |ask, name| ask.replace(name, " "));
        let verdicts = [("first", &self.first), ("second", &self.second), ("tie", &self.tie)];
        for (place, (field, verdict)) in verdicts.iter().enumerate() {
            if verdict.is_empty() || !verdict.chars().all(char::is_alphanumeric) {
                return Err(format!("words.{field} is {verdict:?}, expected letters and digits"));
            }
            let mut said = asked.split(|c: char| !c.is_alphanumeric());
            if !said.any(|word| word.eq_ignore_ascii_case(verdict)) {
                return Err(format!("words.ask does not say {verdict:?}, which {field} is"));
            }
            if verdicts[..place].iter().any(|(_, other)| other.eq_ignore_ascii_case(verdict)) {
                return Err(format!("words.{field} is {verdict:?}, as another verdict"));
            }
        }
        match self.read(&asked) {
            // A judge that repeats its question would have voted.
            Some(_) => Err("words.ask holds a verdict as it is read, expected one in words".into()),
            None => Ok(()),
        }
    }
}

impl Default for Tournament {
    /// Eight samples, each pair in both orders, by points.
    fn default() -> Self {
        Self {
            n: 8,
            judge: None,
            pairing: Pairing::RoundRobin,
            both_orders: true,
            ranking: Ranking::Points,
            words: CompareWords::default(),
        }
    }
}

impl Tournament {
    /// `n` samples in a knockout: `n` lines a round at most.
    pub fn of(n: usize) -> Self {
        Self { n, pairing: Pairing::Knockout, ..Self::default() }
    }

    /// A sentence when a count is not from 1 to below `n`: there is nobody else to meet.
    fn below_n(&self, field: &str, value: usize) -> Result<(), String> {
        at_least_one("tournament", field, value)?;
        let n = self.n;
        if value < n {
            return Ok(());
        }
        Err(format!("tournament: {field} is {value}, expected below n, which is {n}"))
    }

    /// One verdict: what it gives to the first, if anything.
    async fn verdict(&self, desk: &Desk, first: &Solution, second: &Solution) -> Option<f64> {
        let (one, other) = (first.line.text(), second.line.text());
        let prompt = self.words.prompt(&desk.problem(), &one, &other);
        let ask = pool::to(Ask::of(prompt).aside(), self.judge.as_ref());
        let said = desk.line(ask).await?;
        let read = || {
            let CompareWords { marker, first, second, tie, .. } = &self.words;
            let missing =
                || format!("no {marker:?} with one of {first}, {second}, {tie} alone behind it");
            self.words.read(&said.text()).ok_or_else(missing)
        };
        pool::heard(desk, &said, read)
    }

    /// The points of both players of a pair.
    async fn game(&self, desk: &Desk, one: &Solution, other: &Solution) -> (f64, f64) {
        let orders = if self.both_orders { vec![false, true] } else { vec![desk.below(2) == 1] };
        let weight = 1.0 / orders.len() as f64;
        let verdicts = all(orders.into_iter().map(|swapped| async move {
            let (first, second) = if swapped { (other, one) } else { (one, other) };
            let said = self.verdict(desk, first, second).await?;
            Some(if swapped { 1.0 - said } else { said })
        }));
        let verdicts = verdicts.await.into_iter().flatten();
        verdicts.fold((0.0, 0.0), |(own, rest), said| {
            (own + weight * said, rest + weight * (1.0 - said))
        })
    }

    /// The place of the winner.
    fn winner(&self, table: &Table) -> Option<usize> {
        let strengths: Vec<f64> = match self.ranking {
            Ranking::Points => (0..table.len()).map(|place| table.share(place)).collect(),
            Ranking::BradleyTerry => bradley_terry(table),
        };
        // Equals differ by rounding.
        let most = strengths.iter().copied().fold(0.0, f64::max);
        let best = strengths.iter().position(|&strength| strength >= most * (1.0 - 1e-9));
        self.pairing.named(table).or(best)
    }
}

impl Script for Tournament {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let pool = pool::sample(&desk, self.n).await;
        let apart = |i: usize, j: usize| pool[i].label.is_none() || pool[i].label != pool[j].label;
        let mut table = Table::new(pool.len());
        // The answer so far, should the budget run out.
        desk.prefer(pool.get(pool::usual(&pool))?.line.node);
        for round in 0.. {
            let pairs = self.pairing.pairs(round, &table, apart);
            if pairs.is_empty() && !self.pairing.goes_on(round, pool.len()) {
                break;
            }
            let games = pairs.iter().map(|&(i, j)| self.game(&desk, &pool[i], &pool[j]));
            for (&(i, j), (own, rest)) in pairs.iter().zip(all(games).await) {
                table.play(i, j, own, rest);
            }
        }
        self.winner(&table).map(|place| pool[place].line.node)
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("tournament", "n", self.n)?;
        match self.pairing {
            Pairing::Swiss { rounds } => self.below_n("pairing.rounds", rounds)?,
            Pairing::Pivot { pivots } => self.below_n("pairing.pivots", pivots)?,
            _ => {}
        }
        if self.pairing == Pairing::Knockout && self.ranking != Ranking::Points {
            return Err("tournament: a knockout names its winner, and ranking says nothing".into());
        }
        self.words.check().map_err(|problem| format!("tournament: {problem}"))
    }

    fn requires(&self) -> Requirements {
        Requirements { roles: self.judge.iter().cloned().collect(), ..Requirements::default() }
    }
}
