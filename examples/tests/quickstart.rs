//! The comparison of the quickstart, on a player without a model.

use tts_core::family::{Chain, Checker, Family as _, Problem, Slipping, Split, problems};
use tts_core::{Aggregate, Search};
use tts_examples::quickstart::Contest;
use tts_examples::setting;
use tts_search::evaluate::{Comparison, Method};

const CHAIN: Chain = Chain { operations: [2, 4], digits: [1, 2], most: 999 };

#[test]
fn pools_of_a_player_keep_the_laws() {
    let (player, problems) = (
        Slipping { error: 0.3 },
        problems(&CHAIN, Split::Test, 5).take(30).collect::<Vec<Problem>>(),
    );
    let search = Search::new(player).rule(setting::rule()).sampling(setting::sampling()).seed(3);
    let comparison = Comparison { search, family: &CHAIN, problems: &problems };
    let contest = Contest { comparison, scorer: &Checker(CHAIN), aggregate: Aggregate::Last };
    let accuracies = |n| contest.pool(n).unwrap().into_iter().map(|row| row.accuracy);
    for n in [1, 4, 16] {
        let [majority, best, weighted, pass] = accuracies(n).collect::<Vec<_>>()[..] else {
            panic!("four strategies")
        };
        assert!(majority <= pass && weighted <= pass);
        // The oracle finds a right sample where there is one.
        assert!((best - pass).abs() < 1e-12);
    }
    // At N = 1 everything is one and the same sample.
    let one = &contest.pool(1).unwrap()[1];
    for method in Method::SEARCHED {
        let row = contest.search(method, 1).unwrap().row;
        assert!((row.accuracy - one.accuracy).abs() < 1e-12, "{method}");
        assert!((row.generated_tokens - one.generated_tokens).abs() < 1e-12, "{method}");
        assert!((row.scored_tokens - one.scored_tokens).abs() < 1e-12, "{method}");
    }
    // Looking ahead is paid for.
    let [beam, ahead] =
        [Method::Beam, Method::Lookahead].map(|s| contest.search(s, 4).unwrap().row);
    assert!(ahead.generated_tokens > beam.generated_tokens);
}

#[test]
fn what_cannot_be_asked_is_told() {
    let table = [
        ("12 / 4", "12/4, expected +, - and * only"),
        ("what is 2+2", "'w', expected a digit"),
        ("12", "nothing to compute"),
        ("3 - 5", "3-5 is not from 0 to 999"),
        ("", "expected numbers and operations"),
        ("900 + 900", "900+900 is not from 0 to 999"),
    ];
    for (text, expected) in table {
        let error = setting::family().parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    assert_eq!(setting::family().parse("47 + 38 * 3 - 26").unwrap().answer, "135");
}
