//! Which strategy is best for which problems: bins by estimate, the best arm in each, and what that is worth.
//!
//! Bins hold equal numbers of problems, by how easy each looked; in each bin the arm with the highest mean of what
//! it got right is taken, the cheaper one of equals. On the problems that it was chosen on, such a choice is
//! at least as good as every fixed arm, which says nothing. So [`two_fold`] splits every bin in two, chooses on one
//! half, counts on the other, and the other way round: no problem has a say in what is chosen for it.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 3.2 (quantiles, two-fold cross-validation in each bin).

use serde::{Deserialize, Serialize};
use tts_core::seed;

use super::{ChooseError, Probe};

/// An arm that was tried on all problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// What it got right, by problem: 0 to 1.
    pub values: Vec<f64>,
    /// What it cost, by problem, in whatever is to be saved: tokens, say.
    pub costs: Vec<f64>,
}

/// Problems by how easy they looked, in bins of equal size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bins {
    /// Where bins meet, falling: a problem is in as many bins down from the easiest as there are edges above
    /// its estimate.
    pub edges: Vec<f64>,
}

impl Bins {
    /// `count` bins of these estimates, the easiest first. Equal estimates are in one bin, so that bins may
    /// differ in size, and edges that would be equal are one.
    ///
    /// # Errors
    /// When there are fewer problems than bins, or an estimate is no number.
    pub fn of(estimates: &[f64], count: usize) -> Result<Self, ChooseError> {
        if count == 0 || estimates.len() < count {
            let problems = estimates.len();
            let problem = format!("{count} of {problems} problems, expected 1 to {problems}");
            return Err(ChooseError::input("bins", problem));
        }
        if let Some(place) = estimates.iter().position(|estimate| estimate.is_nan()) {
            return Err(ChooseError::input(format!("estimates[{place}]"), "not a number"));
        }
        let mut order = estimates.to_vec();
        order.sort_by(|a, b| b.total_cmp(a));
        let edge = |bin: usize| {
            let at = bin * order.len() / count;
            let (above, below) = (order[at - 1], order[at]);
            // Between two finite neighbours, so that another estimate falls where it is nearer.
            if below.is_finite() && above.is_finite() { 0.5 * (above + below) } else { above }
        };
        let mut edges: Vec<f64> = (1..count).map(edge).collect();
        edges.dedup();
        // Below it there is nothing.
        edges.retain(|edge| *edge > f64::NEG_INFINITY);
        Ok(Self { edges })
    }

    /// As many bins at most, none of which ends among equal estimates: each ends where estimates differ that is nearest
    /// to where it would by its size. So no bin is empty, and there is one alone where all estimates are the same.
    ///
    /// ```
    /// use tts_search::choose::Bins;
    /// assert_eq!(Bins::apart(&[0.5; 6], 3)?.count(), 1);
    /// assert_eq!(Bins::apart(&[0.75, 0.5, 0.5, 0.5], 2)?.edges, [0.625]);
    /// assert_eq!(Bins::apart(&[0.75, 0.5, 0.25, 0.0], 2)?, Bins::of(&[0.75, 0.5, 0.25, 0.0], 2)?);
    /// # Ok::<(), tts_search::choose::ChooseError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Bins::of`].
    pub fn apart(estimates: &[f64], count: usize) -> Result<Self, ChooseError> {
        // For its errors.
        Self::of(estimates, count)?;
        let mut order = estimates.to_vec();
        order.sort_by(|a, b| b.total_cmp(a));
        let differ = |at: &usize| order[*at] < order[at - 1];
        let ends: Vec<usize> = (1..order.len()).filter(differ).collect();
        let nearest = |bin: usize| {
            let wanted = bin * order.len() / count;
            ends.iter().copied().min_by_key(|end| end.abs_diff(wanted))
        };
        let mut ends: Vec<usize> = (1..count).filter_map(nearest).collect();
        ends.dedup();
        let edge = |at: usize| {
            let (above, below) = (order[at - 1], order[at]);
            let between = 0.5 * (above + below);
            if between > below && between.is_finite() { between } else { above }
        };
        Ok(Self { edges: ends.into_iter().map(edge).collect() })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.edges.len() + 1
    }

    /// The bin of an estimate, from 0 for the easiest.
    pub fn bin(&self, estimate: f64) -> usize {
        self.edges.iter().take_while(|&&edge| estimate < edge).count()
    }
}

/// An arm for each bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What the estimates are of; `None` where no probe has made them, but the share of right samples, say, which
    /// is known of no new problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Where bins meet.
    pub bins: Bins,
    /// The place of the best arm, by bin.
    pub arms: Vec<usize>,
}

impl Choice {
    /// Says which probe has made the estimates: a strategy that is made of the choice draws the same.
    #[must_use]
    pub fn by(mut self, probe: Probe) -> Self {
        self.probe = Some(probe);
        self
    }
}

/// The best arm in each bin, of all problems; a bin without problems gets the arm that is best over all.
/// [`Choice::by`] adds what the estimates are of.
///
/// ```
/// use tts_search::choose::{Bins, Tried, fit};
/// let estimates = [0.9, 0.8, 0.2, 0.1];
/// let bins = Bins::of(&estimates, 2)?;
/// let cheap = Tried { values: vec![1.0, 1.0, 0.0, 0.0], costs: vec![1.0; 4] };
/// let dear = Tried { values: vec![1.0, 1.0, 1.0, 0.0], costs: vec![4.0; 4] };
/// // Equally good on the easy ones, so the cheaper; better on the hard ones.
/// assert_eq!(fit(&estimates, &bins, &[cheap, dear])?.arms, [0, 1]);
/// # Ok::<(), tts_search::choose::ChooseError>(())
/// ```
///
/// # Errors
/// When there are no arms, or one has not a value and a cost for each problem.
pub fn fit(estimates: &[f64], bins: &Bins, arms: &[Tried]) -> Result<Choice, ChooseError> {
    fit_at_price(estimates, bins, arms, 0.0)
}

/// The arm in each bin that is worth most where cost has a price: the mean of what it got right, less the price of what
/// it cost. At 0 it is [`fit`]; at a price a dear arm has to be right that much more often. Of all choices that cost as
/// much together, none is right more often.
///
/// ```
/// use tts_search::choose::{Bins, Tried, fit_at_price};
/// let estimates = [0.9, 0.8, 0.2, 0.1];
/// let bins = Bins::of(&estimates, 2)?;
/// let cheap = Tried { values: vec![0.9, 0.9, 0.1, 0.1], costs: vec![1.0; 4] };
/// let dear = Tried { values: vec![1.0, 1.0, 0.9, 0.9], costs: vec![4.0; 4] };
/// let arms = [cheap, dear];
/// // A tenth more of the easy ones for three more is not worth it where each costs a twentieth.
/// assert_eq!(fit_at_price(&estimates, &bins, &arms, 0.05)?.arms, [0, 1]);
/// assert_eq!(fit_at_price(&estimates, &bins, &arms, 0.0)?.arms, [1, 1]);
/// # Ok::<(), tts_search::choose::ChooseError>(())
/// ```
///
/// Source: the Lagrangian of a budget over all problems, as Damani et al. 2024 (arXiv 2410.04707) allot samples by
/// what they are expected to add.
///
/// # Errors
/// As [`fit`], and when the price is negative or no number.
pub fn fit_at_price(
    estimates: &[f64],
    bins: &Bins,
    arms: &[Tried],
    price: f64,
) -> Result<Choice, ChooseError> {
    check(estimates, arms)?;
    check_price(price)?;
    let all: Vec<usize> = (0..estimates.len()).collect();
    let of = |bin| {
        let own = best(&within(estimates, bins, bin), arms, price);
        own.unwrap_or_else(|| overall(&all, arms, price))
    };
    Ok(Choice { probe: None, bins: bins.clone(), arms: (0..bins.count()).map(of).collect() })
}

fn check_price(price: f64) -> Result<(), ChooseError> {
    if price >= 0.0 && price.is_finite() {
        return Ok(());
    }
    Err(ChooseError::input("price", format!("{price}, expected 0 or more")))
}

/// What a choice is worth on problems that had no say in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folds {
    /// What the chosen arm got right, by problem.
    pub values: Vec<f64>,
    /// What it cost, by problem.
    pub costs: Vec<f64>,
    /// The arm chosen by one half for the other, by problem.
    pub chosen: Vec<usize>,
}

/// Chooses on one half of each bin and counts on the other, both ways round; `seed` splits.
///
/// # Errors
/// As [`fit`].
pub fn two_fold(
    estimates: &[f64],
    bins: &Bins,
    arms: &[Tried],
    seed: u64,
) -> Result<Folds, ChooseError> {
    two_fold_at_price(estimates, bins, arms, 0.0, seed)
}

/// [`two_fold`], by what is worth most at a price ([`fit_at_price`]).
///
/// # Errors
/// As [`fit_at_price`].
pub fn two_fold_at_price(
    estimates: &[f64],
    bins: &Bins,
    arms: &[Tried],
    price: f64,
    seed: u64,
) -> Result<Folds, ChooseError> {
    check(estimates, arms)?;
    check_price(price)?;
    let mut chosen = vec![0; estimates.len()];
    // Who is in which half depends on the problem's place alone, not on what was found.
    let mut order: Vec<usize> = (0..estimates.len()).collect();
    order.sort_by_key(|&place| seed::mix(seed, place as u64));
    let mut halves: [Vec<Vec<usize>>; 2] = std::array::from_fn(|_| vec![Vec::new(); bins.count()]);
    for place in order {
        let bin = bins.bin(estimates[place]);
        let half = usize::from(halves[0][bin].len() > halves[1][bin].len());
        halves[half][bin].push(place);
    }
    for (from, to) in [(0, 1), (1, 0)] {
        let whole = halves[from].concat();
        for (choosing, counting) in halves[from].iter().zip(&halves[to]) {
            // A bin of one problem is chosen for by the other bins of that half.
            let arm = best(choosing, arms, price);
            let arm = arm.unwrap_or_else(|| overall(&whole, arms, price));
            for &place in counting {
                chosen[place] = arm;
            }
        }
    }
    let of = |list: fn(&Tried) -> &Vec<f64>| -> Vec<f64> {
        chosen.iter().enumerate().map(|(place, &arm)| list(&arms[arm])[place]).collect()
    };
    Ok(Folds { values: of(|arm| &arm.values), costs: of(|arm| &arm.costs), chosen })
}

pub(super) fn check(estimates: &[f64], arms: &[Tried]) -> Result<(), ChooseError> {
    if arms.is_empty() {
        return Err(ChooseError::input("arms", "none, expected at least one"));
    }
    for (place, arm) in arms.iter().enumerate() {
        for (field, list) in [("values", &arm.values), ("costs", &arm.costs)] {
            let name = format!("arms[{place}].{field}");
            if list.len() != estimates.len() {
                let problem = format!("{} of {} problems", list.len(), estimates.len());
                return Err(ChooseError::input(name, problem));
            }
            if !list.iter().all(|number| number.is_finite()) {
                return Err(ChooseError::input(name, "a number is not finite"));
            }
        }
    }
    Ok(())
}

/// The problems of a bin.
pub(super) fn within(estimates: &[f64], bins: &Bins, bin: usize) -> Vec<usize> {
    (0..estimates.len()).filter(|&place| bins.bin(estimates[place]) == bin).collect()
}

fn overall(places: &[usize], arms: &[Tried], price: f64) -> usize {
    best(places, arms, price).unwrap_or(0)
}

/// The arm that is worth most on these problems, the cheaper one of equals, then the first; `None` without
/// problems.
fn best(places: &[usize], arms: &[Tried], price: f64) -> Option<usize> {
    if places.is_empty() {
        return None;
    }
    let sum = |list: &[f64]| places.iter().map(|&place| list[place]).sum::<f64>();
    let by = |&arm: &usize| {
        let cost = sum(&arms[arm].costs);
        (sum(&arms[arm].values) - price * cost, cost)
    };
    (0..arms.len()).min_by(|a, b| {
        let ((worth_a, cost_a), (worth_b, cost_b)) = (by(a), by(b));
        worth_b.total_cmp(&worth_a).then(cost_a.total_cmp(&cost_b))
    })
}
