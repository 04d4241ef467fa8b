//! Selectors by table and by their invariants.

use proptest::prelude::*;

use super::*;

fn exact(a: &str, b: &str) -> bool {
    a == b
}

fn pool(candidates: &[(&str, f64)]) -> Vec<Vote> {
    candidates.iter().map(|&(answer, score)| Vote::new(answer, score)).collect()
}

#[test]
fn selectors_by_table() {
    let nan = f64::NAN;
    // (pool; best, majority, weighted raw, weighted sigmoid)
    for (candidates, expected) in [
        (vec![], [None; 4]),
        (vec![("", 0.3), ("", 0.9)], [Some(1), None, None, None]),
        (vec![("", 9.0), ("a", 0.1)], [Some(1), Some(1), Some(1), Some(1)]),
        (vec![("a", 1.0), ("b", 1.0)], [Some(0); 4]),
        (vec![("a", nan), ("b", -9.0)], [Some(1), Some(0), Some(1), Some(1)]),
        (vec![("a", nan), ("b", nan)], [Some(0); 4]),
        (vec![("a", nan), ("b", 0.2), ("a", 0.3)], [Some(2), Some(0), Some(0), Some(0)]),
        (vec![("a", 3.0), ("b", 2.0), ("b", 2.0)], [Some(0), Some(1), Some(1), Some(1)]),
        // Negative logits: the raw sum punishes agreement, the logistic one does not.
        (vec![("a", -1.5), ("b", -1.0), ("b", -1.0)], [Some(1), Some(1), Some(0), Some(1)]),
        (vec![("a", -1000.0), ("b", 1000.0)], [Some(1), Some(0), Some(1), Some(1)]),
        // The logistic function of all of them is 0.
        (vec![("a", -720.0), ("b", -715.0), ("b", -715.0)], [Some(1), Some(1), Some(0), Some(1)]),
    ] {
        let votes = pool(&candidates);
        let found = [
            best(&votes),
            majority(&votes, exact),
            weighted(&votes, exact, Weight::Raw),
            weighted(&votes, exact, Weight::Sigmoid),
        ];
        assert_eq!(found, expected, "{candidates:?}");
    }
}

#[test]
fn unparsable_candidates_never_form_a_class() {
    let votes = pool(&[("", 1.0), (" ", 1.0), ("", 1.0), ("a", 0.1)]);
    assert_eq!(majority(&votes, |_, _| true), Some(3));
    assert_eq!(tally(&votes, exact, Weight::Count).len(), 1);
}

fn votes(max: usize) -> impl Strategy<Value = Vec<Vote>> {
    let vote = (0_usize..6, -4.0_f64..4.0).prop_map(|(answer, score)| Vote {
        answer: ["a", "b", "c", "d", ""].get(answer).map(ToString::to_string),
        score,
    });
    prop::collection::vec(vote, 0..max)
}

/// The answer chosen, if no other answer weighs as much.
fn undisputed(votes: &[Vote], weight: Weight) -> Option<String> {
    let mut classes = tally(votes, exact, weight);
    classes.sort_by(|a, b| better_first(a.weight, b.weight));
    let disputed = classes.len() > 1 && classes[0].weight.to_bits() == classes[1].weight.to_bits();
    let first = classes.first().filter(|_| !disputed)?;
    votes[first.members[0]].answer.clone()
}

/// Small weights are added first: one at a time they would be lost in the large one.
#[test]
fn a_class_is_summed_from_its_smallest_weight() {
    let pool = [1.0, 1e16, 1.0].map(|score| Vote::new("a", score));
    let tally = tally(&pool, exact, Weight::Raw);
    assert_eq!(tally[0].weight.to_bits(), (1e16_f64 + 2.0).to_bits());
}

proptest! {
    #[test]
    fn the_order_of_the_pool_decides_only_ties(
        (votes, shuffled) in votes(12).prop_flat_map(|votes| (Just(votes.clone()), Just(votes).prop_shuffle())),
    ) {
        for weight in [Weight::Count, Weight::Raw, Weight::Sigmoid] {
            let expected = undisputed(&votes, weight);
            prop_assert_eq!(&expected, &undisputed(&shuffled, weight));
            let chosen = weighted(&shuffled, exact, weight);
            if let Some(answer) = expected {
                prop_assert_eq!(chosen.and_then(|i| shuffled[i].answer.clone()), Some(answer));
            }
            if let Some(chosen) = chosen {
                let first = shuffled.iter().position(|vote| vote.answer == shuffled[chosen].answer);
                prop_assert_eq!(first, Some(chosen));
            }
        }
        let score = |votes: &[Vote]| best(votes).map(|i| votes[i].score.to_bits());
        prop_assert_eq!(score(&votes), score(&shuffled));
    }

    #[test]
    fn equal_scores_make_the_weighted_vote_a_majority(mut votes in votes(20), score in 0.001_f64..9.0) {
        for vote in &mut votes {
            vote.score = score;
        }
        for weight in [Weight::Raw, Weight::Sigmoid] {
            prop_assert_eq!(weighted(&votes, exact, weight), majority(&votes, exact));
        }
    }

    #[test]
    fn no_selector_beats_the_oracle(votes in votes(12)) {
        let right = |chosen: Option<usize>| chosen.is_some_and(|i| votes[i].parsed() == Some("a"));
        let oracle = votes.iter().any(|vote| vote.parsed() == Some("a"));
        prop_assert!(right(best(&votes)) <= oracle);
        for weight in [Weight::Count, Weight::Raw, Weight::Sigmoid] {
            prop_assert!(right(weighted(&votes, exact, weight)) <= oracle);
        }
    }

    #[test]
    fn a_chosen_candidate_has_an_answer_where_any_has(votes in votes(12)) {
        let any = votes.iter().any(|vote| vote.parsed().is_some());
        prop_assert_eq!(majority(&votes, exact).is_some(), any);
        if let Some(chosen) = best(&votes) {
            prop_assert_eq!(votes[chosen].parsed().is_some(), any);
        }
    }
}
