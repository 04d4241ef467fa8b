//! Solutions that are compared two at a time.

use std::sync::Mutex;

use proptest::prelude::*;
use tts_core::seed::Rng;
use tts_core::*;
use tts_search::Tournament;
use tts_search::judge::{CompareWords, Pairing, Ranking, Table, bradley_terry};

use crate::addition::{problem, right};
use crate::gen_select::shown;
use crate::sums::Sums;
use crate::text_model::TextModel;
use crate::{laws, lines, picture};

const SOLVER: Sums = Sums { skill: 0.3, eye: 0.0 };

/// A judge that knows the better of two with probability `eye` and else likes the first place with `bias`.
fn judge(eye: f64, bias: f64) -> impl Generator {
    TextModel(move |prompt: &Prompt, _: &str, rng: &mut Rng| {
        let gold = right(prompt.question());
        let answers = shown(prompt.question());
        let (first, second) = (answers[0] == gold, answers[1] == gold);
        let said = match (first, second) {
            (true, false) if rng.uniform() < eye => "A",
            (false, true) if rng.uniform() < eye => "B",
            _ if rng.uniform() < bias => "A",
            _ => "B",
        };
        Ok(format!("I look.\nVerdict: {said}"))
    })
}

/// Solutions that all differ; larger ones are better.
fn numbers() -> impl Generator {
    TextModel(|_: &Prompt, _: &str, rng: &mut Rng| {
        Ok(format!("I guess. The answer is {:.0}.", rng.uniform() * 1e9))
    })
}

/// A judge that knows the larger.
fn larger() -> impl Generator {
    TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        let answers = shown(prompt.question());
        let value = |place: usize| answers[place].parse::<u64>().expect("a number");
        Ok(format!("Verdict: {}", if value(0) > value(1) { "A" } else { "B" }))
    })
}

fn story(n: usize, pairing: Pairing) -> Tournament {
    Tournament { n, pairing, judge: Some("judge".into()), ..Default::default() }
}

fn run(cup: Tournament, judge: &dyn Generator, index: u64) -> Outcome {
    let search = Search::new(SOLVER).role("judge", judge).seed(5);
    search.run(Scripted::of(cup), problem(index)).expect("runs")
}

const PAIRINGS: [Pairing; 4] = [
    Pairing::RoundRobin,
    Pairing::Swiss { rounds: 4 },
    Pairing::Pivot { pivots: 3 },
    Pairing::Knockout,
];

#[test]
fn games_are_as_many_as_the_pairing_says() {
    for (n, pairing, games, rounds) in [
        (1, Pairing::RoundRobin, 0, 0),
        (6, Pairing::RoundRobin, 15, 1),
        (8, Pairing::Swiss { rounds: 3 }, 12, 3),
        (7, Pairing::Swiss { rounds: 2 }, 6, 2),
        (8, Pairing::Pivot { pivots: 2 }, 8 + (2 * 6 + 1 - 4), 2),
        (2, Pairing::Pivot { pivots: 1 }, 1, 1),
        (3, Pairing::Pivot { pivots: 2 }, 3, 1),
        (8, Pairing::Knockout, 7, 3),
        (7, Pairing::Knockout, 6, 3),
        (5, Pairing::Knockout, 4, 3),
    ] {
        for both_orders in [false, true] {
            let search = Search::new(numbers()).role("judge", larger());
            let cup = Tournament { both_orders, ..story(n, pairing) };
            let outcome = search.run(Scripted::of(cup), problem(0)).expect("runs");
            let verdicts = if both_orders { 2 * games } else { games };
            assert_eq!(lines(&outcome, "judge"), verdicts, "{n} {pairing:?}");
            assert_eq!(outcome.usage.rounds, 1 + rounds, "{n} {pairing:?}");
        }
    }
}

#[test]
fn a_judge_that_knows_finds_the_best() {
    for pairing in PAIRINGS {
        for ranking in [Ranking::Points, Ranking::BradleyTerry] {
            if pairing == Pairing::Knockout && ranking == Ranking::BradleyTerry {
                continue;
            }
            for index in 0..20 {
                let search = Search::new(numbers()).role("judge", larger()).seed(index);
                let cup = Tournament { ranking, ..story(8, pairing) };
                let outcome = search.run(Scripted::of(cup), problem(0)).expect("runs");
                let value = |id| outcome.tree.answer(id).and_then(|said| said.parse::<u64>().ok());
                let best = outcome.tree.candidates().into_iter().max_by_key(|&id| value(id));
                assert_eq!(outcome.best, best, "{pairing:?} {ranking:?} {index}");
            }
        }
    }
}

#[test]
fn both_orders_cancel_a_preference_for_a_place() {
    let rate = |both_orders, bias| {
        let solved = |&index: &u64| {
            let cup = Tournament { both_orders, ..story(5, Pairing::RoundRobin) };
            let outcome = run(cup, &judge(0.5, bias), index);
            outcome.answer() == Some(right(problem(index).question()))
        };
        (0..100).filter(solved).count()
    };
    // There is a right one among five with 0.83. Half of the time the judge knows, else it says A.
    let (both, one) = (rate(true, 1.0), rate(false, 1.0));
    assert!(both >= 78 && both > one + 5, "{both} {one}");
}

#[test]
fn one_who_always_says_a_ties_everybody() {
    let first = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Ok("Verdict: A".into()));
    let second = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Ok("Verdict: B".into()));
    for pairing in PAIRINGS {
        for judge in [&first as &dyn Generator, &second] {
            let search = Search::new(numbers()).role("judge", judge);
            let outcome = search.run(Scripted::of(story(6, pairing)), problem(0)).expect("runs");
            // The earliest sample, whatever the place.
            assert_eq!(outcome.best, Some(NodeId(1)), "{pairing:?}");
        }
    }
    // With one order a knockout's winner is a matter of chance.
    let mut won = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let search = Search::new(numbers()).role("judge", &first).seed(seed);
        let cup = Tournament { both_orders: false, ..story(4, Pairing::Knockout) };
        won.insert(search.run(Scripted::of(cup), problem(0)).expect("runs").best);
    }
    assert_eq!(won.len(), 4);
}

#[test]
fn solutions_of_one_answer_do_not_meet() {
    let pairs = Mutex::new(Vec::new());
    let judge = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        let answers = shown(prompt.question());
        pairs.lock().expect("no panic").push((answers[0].to_owned(), answers[1].to_owned()));
        Ok("Verdict: B".into())
    });
    let two = TextModel(|_: &Prompt, _: &str, rng: &mut Rng| {
        Ok(format!("The answer is {}.", rng.below(2)))
    });
    for pairing in PAIRINGS {
        let search = Search::new(&two).role("judge", &judge).seed(2);
        let outcome = search.run(Scripted::of(story(8, pairing)), problem(0)).expect("runs");
        assert!(outcome.best.is_some());
        let pairs = std::mem::take(&mut *pairs.lock().expect("no panic"));
        assert!(!pairs.is_empty() && pairs.iter().all(|(one, other)| one != other), "{pairing:?}");
    }
    let same = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Ok("The answer is 7.".into()));
    for pairing in PAIRINGS {
        let search = Search::new(&same).role("judge", &judge);
        let outcome = search.run(Scripted::of(story(6, pairing)), problem(0)).expect("runs");
        assert_eq!((lines(&outcome, "judge"), outcome.best), (0, Some(NodeId(1))));
    }
}

#[test]
fn what_cannot_be_read_is_no_game() {
    // It abstains wherever the better one stands first, so that only one order of each pair counts.
    let half = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        let answers = shown(prompt.question());
        let value = |place: usize| answers[place].parse::<u64>().expect("a number");
        Ok(if value(0) > value(1) { "Well.".into() } else { "Verdict: B".into() })
    });
    let search = Search::new(numbers()).role("judge", &half);
    let outcome =
        search.run(Scripted::of(story(6, Pairing::RoundRobin)), problem(0)).expect("runs");
    let value = |id| outcome.tree.answer(id).and_then(|said| said.parse::<u64>().ok());
    let best = outcome.tree.candidates().into_iter().max_by_key(|&id| value(id));
    assert_eq!((outcome.best, lines(&outcome, "judge")), (best, 30));
    let down = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Err(LineError("it is down".into())));
    for pairing in PAIRINGS {
        let outcome = run(story(6, pairing), &down, 0);
        assert_eq!(outcome.best, Some(NodeId(1)), "{pairing:?}");
    }
}

/// Solutions 1, 2, .. in order, and a judge that says of two what a function does.
fn scripted(cup: Tournament, said: fn(u32, u32) -> &'static str) -> Outcome {
    let count = std::sync::atomic::AtomicU32::new(1);
    let writer = TextModel(|_: &Prompt, _: &str, _: &mut Rng| {
        let next = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(format!("The answer is {next}."))
    });
    let judge = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        let answers = shown(prompt.question());
        let answer = |place: usize| answers[place].parse().expect("a number");
        Ok(said(answer(0), answer(1)).to_owned())
    });
    let search = Search::new(&writer).role("judge", &judge);
    search.run(Scripted::of(cup), problem(0)).expect("runs")
}

#[test]
fn a_verdict_in_one_order_is_half_a_game() {
    // 1 has one verdict, which it won; 2 has six, and 4.5 points. As whole games 1.5 of 2 are more than 5 of
    // 7, as halves 1 of 1.5 is less than 2.75 of 4.
    let outcome = scripted(story(5, Pairing::RoundRobin), |first, second| match (first, second) {
        (1, 3) | (2, 3..) | (5, 2) => "Verdict: A",
        (3, 2) => "Verdict: B",
        (1, _) | (_, 1) => "I cannot say.",
        _ => "Verdict: tie",
    });
    assert_eq!(outcome.answer().as_deref(), Some("2"));
}

#[test]
fn a_knockout_is_won_by_who_is_left() {
    // 3 has won a game, and 1 none; but 1 is never beaten, and earlier.
    let outcome = scripted(story(4, Pairing::Knockout), |first, second| match (first, second) {
        (3, 4) => "Verdict: A",
        (4, 3) => "Verdict: B",
        _ => "Verdict: tie",
    });
    assert_eq!(outcome.answer().as_deref(), Some("1"));
}

#[test]
fn rankings_differ_where_opponents_do() {
    let coin = TextModel(|_: &Prompt, _: &str, rng: &mut Rng| {
        Ok(format!("Verdict: {}", if rng.below(2) == 0 { "A" } else { "B" }))
    });
    let differ = |&seed: &u64| {
        let search = Search::new(numbers()).role("judge", &coin).seed(seed);
        let best = |ranking| {
            let cup = Tournament { ranking, ..story(8, Pairing::Swiss { rounds: 3 }) };
            search.run(Scripted::of(cup), problem(0)).expect("runs").best
        };
        best(Ranking::Points) != best(Ranking::BradleyTerry)
    };
    let count = (0..60).filter(differ).count();
    assert!((1..30).contains(&count), "{count}");
}

#[test]
fn a_budget_that_ends_before_a_game_leaves_the_majority() {
    for index in 0..10 {
        let search = Search::new(SOLVER).role("judge", judge(1.0, 0.5)).seed(5);
        let search = search.budget(Budget { samples: Some(8), ..Budget::default() });
        let cup = story(8, Pairing::RoundRobin);
        let outcome = search.run(Scripted::of(cup), problem(index)).expect("runs");
        let vote = Selection::majority().pick(&outcome.tree).expect("a majority");
        assert_eq!(lines(&outcome, "judge"), 0);
        assert_eq!(outcome.answer().as_deref(), outcome.tree.answer(vote));
    }
}

#[test]
fn pairs_stepped_by_hand() {
    let any = |_: usize, _: usize| true;
    let swiss = Pairing::Swiss { rounds: 3 };
    let mut table = Table::new(5);
    assert_eq!(swiss.pairs(0, &table, any), [(0, 1), (2, 3)]);
    table.add(1, 0, 1.0);
    table.add(2, 3, 0.5);
    table.add(3, 2, 0.5);
    // Points 0 1 .5 .5 0: one meets two, three the first below that it has not met.
    assert_eq!(swiss.pairs(1, &table, any), [(1, 2), (3, 0)]);
    table.add(2, 1, 1.0);
    table.add(3, 0, 1.0);
    // Points 0 1 1.5 1.5 0: two has met three and one, three has not met one.
    assert_eq!(swiss.pairs(2, &table, any), [(2, 0), (3, 1)]);
    assert_eq!(swiss.pairs(3, &table, any), []);
    assert_eq!(swiss.pairs(0, &Table::new(4), |i, j| i + j != 1), [(0, 2), (1, 3)]);

    let cup = Pairing::Knockout;
    let mut table = Table::new(5);
    assert_eq!(cup.pairs(0, &table, any), [(0, 1), (2, 3)]);
    table.add(1, 0, 1.0);
    // A tie: the earlier one goes on. Four has nobody to meet.
    table.add(2, 3, 0.5);
    table.add(3, 2, 0.5);
    assert_eq!(cup.pairs(1, &table, any), [(1, 2)]);
    table.add(2, 1, 1.0);
    assert_eq!(cup.pairs(2, &table, any), [(2, 4)]);
    table.add(4, 2, 1.0);
    assert_eq!(cup.pairs(3, &table, any), []);

    // A tie, a win and a loss.
    assert!((table.share(2) - (1.5 + 0.5) / 4.0).abs() < 1e-12, "{}", table.share(2));

    let pivot = Pairing::Pivot { pivots: 2 };
    let mut table = Table::new(5);
    assert_eq!(pivot.pairs(0, &table, any), [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]);
    for (winner, loser) in [(1, 0), (1, 2), (2, 3), (4, 3), (4, 0)] {
        table.add(winner, loser, 1.0);
    }
    // One and four have two points each.
    assert_eq!(pivot.pairs(1, &table, any), [(1, 3), (1, 4), (2, 4)]);
    assert_eq!(pivot.pairs(1, &table, |i, j| (i, j) != (1, 4)), [(1, 3), (2, 4)]);
    assert_eq!(pivot.pairs(2, &table, any), []);
    assert_eq!(pivot.pairs(0, &Table::new(2), any), [(0, 1)]);
    let all = Pairing::RoundRobin;
    assert_eq!(all.pairs(0, &Table::new(3), |i, j| (i, j) != (0, 1)), [(0, 2), (1, 2)]);
    assert_eq!(all.pairs(1, &Table::new(3), any), []);
    for pairing in PAIRINGS {
        assert_eq!(pairing.pairs(0, &Table::new(0), any), []);
        assert_eq!(pairing.pairs(0, &Table::new(1), any), []);
    }
}

#[test]
fn strengths_of_two() {
    // s = sqrt of the ratio: with 3 wins to 1 and a tie against 1 each, s_0 = x and s_1 = 1 / x, where
    // 3.5 = 4 x / (x + 1 / x) + x / (x + 1).
    let mut table = Table::new(2);
    table.add(0, 1, 3.0);
    table.add(1, 0, 1.0);
    let s = bradley_terry(&table);
    let expected = |x: f64| 4.0 * x / (x + 1.0 / x) + x / (x + 1.0);
    assert!((expected(s[0]) - 3.5).abs() < 1e-9 && (s[0] * s[1] - 1.0).abs() < 1e-9, "{s:?}");
    assert!((s[0] - 1.607_1).abs() < 1e-3, "{s:?}");
    // One who never lost has a finite strength, one who never played is average.
    let mut table = Table::new(3);
    table.add(0, 1, 1.0);
    let s = bradley_terry(&table);
    assert!(s[0].is_finite() && s[0] > 1.0 && s[1] > 0.0 && (s[2] - 1.0).abs() < 1e-9, "{s:?}");
    assert!(bradley_terry(&Table::new(0)).is_empty());
}

#[test]
fn strengths_count_whom_one_has_beaten() {
    // 0 and 1 won one game each, 0 against the strong 2 and 1 against the weak 3.
    let mut table = Table::new(6);
    for weak in [3, 4, 5] {
        table.add(2, weak, 1.0);
    }
    table.add(0, 2, 1.0);
    table.add(1, 3, 1.0);
    let s = bradley_terry(&table);
    assert!((table.share(0) - table.share(1)).abs() < 1e-12);
    assert!(s[0] > 1.2 * s[1], "{s:?}");
}

#[test]
fn a_judge_that_abstains_is_asked_once_about_a_pair() {
    // Nobody wins, and nobody meets twice: eight play four games in each of seven rounds, and no more.
    let mute = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Ok("I cannot say.".into()));
    for (pairing, games) in [
        (Pairing::Swiss { rounds: 7 }, 28),
        (Pairing::Pivot { pivots: 3 }, 8 + (3 * 5 + 3 - 4)),
        (Pairing::RoundRobin, 28),
    ] {
        let asked = Mutex::new(std::collections::BTreeMap::new());
        let judge = TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
            *asked.lock().expect("no panic").entry(prompt.question().to_owned()).or_insert(0) += 1;
            (mute.0)(prompt, so_far, rng)
        });
        let search = Search::new(numbers()).role("judge", &judge);
        let outcome = search.run(Scripted::of(story(8, pairing)), problem(0)).expect("runs");
        assert!(lines(&outcome, "judge") <= 2 * games, "{pairing:?}");
        drop(search);
        let asked = asked.into_inner().expect("no panic");
        assert!(asked.values().all(|&times| times == 1), "{pairing:?}");
    }
}

#[test]
fn verdicts_that_were_cut_do_not_count() {
    let first = TextModel(|_: &Prompt, _: &str, _: &mut Rng| {
        Ok(format!("Verdict: B\n{}", "Or not? ".repeat(1_000)))
    });
    for pairing in PAIRINGS {
        let rule = StepRule { max_tokens: 60, ..StepRule::default() };
        let search = Search::new(numbers()).role("judge", &first).rule(rule);
        let cup = Tournament { both_orders: false, ..story(5, pairing) };
        let outcome = search.run(Scripted::of(cup), problem(0)).expect("runs");
        assert!(lines(&outcome, "judge") > 0);
        assert_eq!(outcome.best, Some(NodeId(1)), "{pairing:?}");
    }
}

#[test]
fn equals_by_strength_go_to_the_earlier_sample() {
    // Each beats the next in a ring: all are equal, but for rounding.
    for n in [3, 5, 7, 9] {
        let cup =
            Tournament { ranking: Ranking::BradleyTerry, ..story(n, Pairing::Pivot { pivots: 1 }) };
        let outcome = scripted(cup, |first, second| match second.abs_diff(first) {
            1 if second > first => "Verdict: A",
            1 => "Verdict: B",
            _ if second > first => "Verdict: B",
            _ => "Verdict: A",
        });
        if n == 3 {
            assert_eq!(outcome.answer().as_deref(), Some("1"));
        }
    }
    // One tie each, with other opponents: the sums differ in their order.
    let mut table = Table::new(7);
    for (i, j) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 0)] {
        table.play(i, j, 0.3, 0.7);
        table.play(i, j, 0.7, 0.3);
    }
    let s = bradley_terry(&table);
    assert!(s.iter().all(|strength| (strength - 1.0).abs() < 1e-6), "{s:?}");
}

#[test]
fn strengths_of_many_players_have_come_to_rest() {
    // Each beats the next, or all behind it, once: the fixed point holds to the sixth digit, for many players too.
    for (n, all) in [(2, false), (200, false), (60, true)] {
        let mut table = Table::new(n);
        for i in 1..n {
            let beaten = if all { 0 } else { i - 1 };
            (beaten..i).for_each(|winner| table.add(winner, i, 1.0));
        }
        let s = bradley_terry(&table);
        for i in 0..n {
            let expected: f64 = (0..n).map(|j| table.games(i, j) * s[i] / (s[i] + s[j])).sum();
            let off = expected + s[i] / (s[i] + 1.0) - table.points(i) - 0.5;
            assert!(off.abs() < 1e-6, "{n} {i} {off}");
        }
    }
}

proptest! {
    #[test]
    fn strengths_are_the_fixed_point_and_do_not_depend_on_the_order(
        games in prop::collection::vec((0_usize..5, 0_usize..5, 0_u8..3), 0..30), turn in 0_usize..5,
    ) {
        let (mut table, mut turned) = (Table::new(5), Table::new(5));
        for &(i, j, points) in &games {
            let points = f64::from(points) / 2.0;
            for (one, other, points) in [(i, j, points), (j, i, 1.0 - points)] {
                table.add(one, other, points);
                turned.add((one + turn) % 5, (other + turn) % 5, points);
            }
        }
        let (s, t) = (bradley_terry(&table), bradley_terry(&turned));
        for i in 0..5 {
            prop_assert!(s[i].is_finite() && s[i] > 0.0);
            prop_assert!((s[i] / t[(i + turn) % 5] - 1.0).abs() < 1e-6);
            let expected: f64 = (0..5).map(|j| table.games(i, j) * s[i] / (s[i] + s[j])).sum();
            prop_assert!((expected + s[i] / (s[i] + 1.0) - table.points(i) - 0.5).abs() < 1e-6);
            // Never against oneself.
            prop_assert!(table.games(i, i).abs() < 1e-12);
        }
    }

    #[test]
    fn nobody_meets_twice_and_a_knockout_ends(
        n in 0_usize..12, wins in prop::collection::vec(0_u8..4, 80), which in 0_usize..4,
    ) {
        let pairing = PAIRINGS[which];
        let (mut table, mut wins) = (Table::new(n), wins.into_iter().cycle());
        let mut games = 0;
        for round in 0..8 {
            let pairs = pairing.pairs(round, &table, |_, _| true);
            let mut seen = std::collections::BTreeSet::new();
            for (i, j) in pairs {
                prop_assert!(i != j && i < n && j < n && !table.have_met(i, j));
                let once = matches!(pairing, Pairing::Swiss { .. } | Pairing::Knockout);
                prop_assert!(!once || (seen.insert(i) && seen.insert(j)));
                // A judge may say nothing: they have met all the same.
                let said = wins.next().expect("cycles");
                let points = f64::from(said) / 2.0;
                let (own, back) = if said > 2 { (0.0, 0.0) } else { (points, 1.0 - points) };
                table.play(i, j, own, back);
                games += 1;
            }
        }
        let most = match pairing {
            Pairing::RoundRobin => n * n.saturating_sub(1) / 2,
            Pairing::Swiss { rounds } => rounds * (n / 2),
            Pairing::Knockout => n.saturating_sub(1),
            _ => (n + 3 * n.saturating_sub(2)).min(n * n.saturating_sub(1) / 2),
        };
        let whole = matches!(pairing, Pairing::RoundRobin | Pairing::Knockout);
        prop_assert!(games <= most && (!whole || games == most));
    }
}

#[test]
fn its_tree() {
    let cup = story(3, Pairing::Pivot { pivots: 1 });
    assert_eq!(
        picture(&run(cup, &judge(1.0, 0.5), 1)),
        "1 + 0 59.\n\
         2 + 0 61.\n\
         3 + 0 58. *\n\
         4 ?~ 0\n\
         5 ?~ 0\n\
         6 ?~ 0\n\
         7 ?~ 0\n\
         8 ?~ 0\n\
         9 ?~ 0\n\
         10 ~ 4 I look.\n\
         Verdict: A [judge]\n\
         11 ~ 5 I look.\n\
         Verdict: B [judge]\n\
         12 ~ 6 I look.\n\
         Verdict: B [judge]\n\
         13 ~ 7 I look.\n\
         Verdict: A [judge]\n\
         14 ~ 8 I look.\n\
         Verdict: B [judge]\n\
         15 ~ 9 I look.\n\
         Verdict: A [judge]"
    );
}

#[test]
fn its_default_at_a_budget_of_samples() {
    let pairing = Pairing::Knockout;
    for n in [1, 8, 9] {
        assert_eq!(Tournament::of(n), Tournament { n, pairing, ..Default::default() });
    }
}

#[test]
fn bad_settings_are_named() {
    let cup = |pairing| story(4, pairing);
    let words = |words| Tournament { words, ..story(4, Pairing::RoundRobin) };
    let plain = CompareWords::default;
    let ask = |ask: &str| words(CompareWords { ask: ask.into(), ..plain() });
    for (cup, expected) in [
        (story(0, Pairing::RoundRobin), "tournament: n is 0"),
        (cup(Pairing::Swiss { rounds: 0 }), "tournament: pairing.rounds is 0"),
        (cup(Pairing::Pivot { pivots: 0 }), "tournament: pairing.pivots is 0"),
        (cup(Pairing::Swiss { rounds: 4 }), "pairing.rounds is 4, expected below n, which is 4"),
        (cup(Pairing::Pivot { pivots: 4 }), "pairing.pivots is 4, expected below n, which is 4"),
        (ask("{question}{first}{second}: A, B, tie"), "words.ask does not say \"Verdict:\""),
        (ask("{question}{first}{second} Verdict: A, B"), "words.ask does not say \"tie\""),
        (
            words(CompareWords { first: "first".into(), ..plain() }),
            "words.ask does not say \"first\", which first is",
        ),
        (
            Tournament { ranking: Ranking::BradleyTerry, ..cup(Pairing::Knockout) },
            "tournament: a knockout names its winner",
        ),
        (ask("{question}{first}"), "words.ask does not say where {second}"),
        (ask("{question}{second}"), "words.ask does not say where {first}"),
        (ask("{first}{second}"), "words.ask does not say where {question}"),
        (words(CompareWords { marker: " ".into(), ..plain() }), "words.marker is blank"),
        (words(CompareWords { tie: "a".into(), ..plain() }), "words.tie is \"a\", as another"),
        (
            words(CompareWords { second: "A".into(), ..plain() }),
            "words.second is \"A\", as another",
        ),
        (words(CompareWords { first: "[A]".into(), ..plain() }), "words.first is \"[A]\""),
        (words(CompareWords { first: String::new(), ..plain() }), "words.first is \"\""),
    ] {
        let search = Search::new(SOLVER).role("judge", judge(1.0, 0.5));
        let error = search.run(Scripted::of(cup), problem(0)).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = Search::new(SOLVER).run(Scripted::of(cup(Pairing::Knockout)), problem(0));
    assert!(error.is_err_and(|error| error.to_string().contains("judge")));
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    let search = Search::new(SOLVER).role("judge", judge(0.6, 0.7)).seed(5);
    for (pairing, both_orders) in [(Pairing::Swiss { rounds: 2 }, true), (Pairing::Knockout, false)]
    {
        let cup = Tournament { both_orders, ..story(4, pairing) };
        laws::hold(&search, &Scripted::of(cup), &prompts);
    }
}
