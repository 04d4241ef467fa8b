//! The weighted vote over chains of revisions: inside each chain, then across the chains.
//!
//! A revision model turns a good part of its correct answers wrong again, so the last answer of a
//! chain is never simply returned. Each chain sends the best scored member of the answer that wins
//! its own weighted vote, and those delegates hold a weighted vote among themselves. Majority over
//! chains is better held flat, over all answers of all chains, with [`super::majority`].
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314, section 6, hierarchical verifier selection).

use super::{Vote, Weight, best, better_first, tally, weighted};

/// The chosen candidate as (chain, position), or `None` where no chain has a parsed answer.
///
/// A chain without any parsed answer sends nobody. Across the chains, as in [`weighted`], the first
/// delegate with the winning answer is returned.
///
/// ```
/// use tts_core::select::{Vote, Weight, weighted_over_chains};
/// let chains = [
///     vec![Vote::new("3", 0.2), Vote::new("4", 0.7), Vote::new("4", 0.9)],
///     vec![Vote::new("5", 0.8)],
/// ];
/// let chosen = weighted_over_chains(&chains, |a, b| a == b, Weight::Raw);
/// assert_eq!(chosen, Some((0, 2)));
/// ```
pub fn weighted_over_chains<C: AsRef<[Vote]>>(
    chains: &[C],
    mut same: impl FnMut(&str, &str) -> bool,
    weight: Weight,
) -> Option<(usize, usize)> {
    let mut places = Vec::new();
    let mut delegates = Vec::new();
    for (number, chain) in chains.iter().enumerate() {
        let chain = chain.as_ref();
        let heaviest = tally(chain, &mut same, weight)
            .into_iter()
            .min_by(|a, b| better_first(a.weight, b.weight));
        let Some(class) = heaviest else { continue };
        let members: Vec<Vote> = class.members.iter().map(|&place| chain[place].clone()).collect();
        if let Some(place) = best(&members) {
            places.push((number, class.members[place]));
            delegates.push(members[place].clone());
        }
    }
    weighted(&delegates, same, weight).map(|delegate| places[delegate])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delegates_vote() {
        let chains = [
            vec![Vote::new("1", 0.9)],
            vec![Vote::unparsable(5.0)],
            vec![Vote::new("2", 0.5), Vote::new("1", 0.1)],
            vec![Vote::new("2", 0.3), Vote::new("2", 0.6)],
        ];
        let exact = |a: &str, b: &str| a == b;
        assert_eq!(weighted_over_chains(&chains, exact, Weight::Raw), Some((2, 0)));
        assert_eq!(weighted_over_chains(&chains[1..2], exact, Weight::Raw), None);
        assert_eq!(weighted_over_chains::<Vec<Vote>>(&[], exact, Weight::Raw), None);
    }

    #[test]
    fn one_chain_is_the_best_member_of_the_weighted_winner() {
        let chain = vec![Vote::new("a", 0.4), Vote::new("b", 0.5), Vote::new("a", 0.45)];
        let chosen = weighted_over_chains(&[chain], |a, b| a == b, Weight::Raw);
        assert_eq!(chosen, Some((0, 2)));
    }

    /// The winner of a chain is the heaviest answer, not the most common one.
    #[test]
    fn a_chain_weighs_and_does_not_count() {
        let chain = vec![Vote::new("a", 0.2), Vote::new("a", 0.3), Vote::new("b", 0.9)];
        let chosen = weighted_over_chains(&[chain], |a, b| a == b, Weight::Raw);
        assert_eq!(chosen, Some((0, 2)));
    }
}
