//! Presets of other projects beside their algorithms, written down anew from their code, on scripted scores.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of lines")]

mod common;

use common::ByHand;
use proptest::prelude::*;
use tts_core::*;
use tts_search::Mcts;
use tts_search::compat::{its_hub, openr, rebase, search_and_learn, thinkbooster, treequest};
use tts_search::particle::{Anneal, AnnealBy};

/// What became of a beam's step: its score, and whether it ended.
type Step = (f64, bool);

/// search-and-learn's round: those that ended leave, the `keep` best go on, and the list of them is repeated
/// until there are `n`. How many lines each place of `beams` gets.
fn round_of_search_and_learn(beams: &[Step], n: usize, keep: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..beams.len()).filter(|&place| !beams[place].1).collect();
    order.sort_by(|&a, &b| beams[b].0.total_cmp(&beams[a].0));
    let mut active = order[..keep.min(order.len())].to_vec();
    active.sort_unstable();
    let mut lines = vec![0; beams.len()];
    for copy in 0..if active.is_empty() { 0 } else { n } {
        lines[active[copy % active.len()]] += 1;
    }
    lines
}

fn steps(n: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (0.0..1.0, prop::bool::weighted(0.25));
    prop::collection::vec(step, n)
}

proptest! {
    #[test]
    fn beams_of_search_and_learn(
        (m, keep) in (1_usize..5, 1_usize..5),
        seeds in prop::collection::vec(steps(16), 1..6),
    ) {
        let n = m * keep;
        let preset = search_and_learn::beam_search(n, m).expect("m divides n");
        let mut search = ByHand::new(preset);
        prop_assert_eq!(search.start(), [(0, n)]);
        let mut parents = vec![0; n];
        for steps in seeds {
            let mut fresh = Vec::new();
            for (&parent, &(score, ended)) in parents.iter().zip(&steps) {
                let finish = if ended { Finish::Stop } else { Finish::Step };
                fresh.push(search.leaf(parent, finish, score));
            }
            let theirs = round_of_search_and_learn(&steps[..parents.len()], n, keep);
            let ours: std::collections::BTreeMap<u32, usize> = search.next(&fresh).into_iter().collect();
            let live = theirs.iter().filter(|&&lines| lines > 0).count();
            parents.clear();
            for (place, &lines) in theirs.iter().enumerate() {
                let got = ours.get(&fresh[place].0).copied().unwrap_or(0);
                if live > 0 && n % live == 0 {
                    prop_assert_eq!(got, lines);
                } else {
                    // There the first of the list get what is left over, here the best.
                    prop_assert_eq!(got > 0, lines > 0);
                    prop_assert!(got.abs_diff(lines) <= 1);
                }
                parents.extend(std::iter::repeat_n(fresh[place].0, got));
            }
            prop_assert_eq!(parents.len(), if live > 0 { n } else { 0 });
            if live == 0 {
                break;
            }
        }
    }

    /// Its beams until the first of them ends: a first level of `budget / beam_width`, then the `beam_width` best,
    /// each copied until there are `budget`.
    #[test]
    fn beams_of_its_hub(
        (width, copies) in (1_usize..4, 0_usize..4),
        seeds in prop::collection::vec(prop::collection::vec(0.0..1.0, 24), 1..5),
    ) {
        let copies = width + copies;
        let preset = its_hub::beam_search(width * copies, width, Aggregate::Last).expect("divides");
        let mut search = ByHand::new(preset);
        prop_assert_eq!(search.start(), [(0, copies)]);
        let mut parents = vec![0; copies];
        for scores in seeds {
            let mut fresh = Vec::new();
            for (&parent, &score) in parents.iter().zip(&scores) {
                fresh.push(search.leaf(parent, Finish::Step, score));
            }
            let mut order: Vec<usize> = (0..fresh.len()).collect();
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            let theirs: Vec<(u32, usize)> =
                order[..width].iter().map(|&place| (fresh[place].0, copies)).collect();
            prop_assert_eq!(search.next(&fresh), theirs.clone());
            parents = theirs.iter().flat_map(|&(id, lines)| vec![id; lines]).collect();
        }
    }

    /// The allocation of REBASE, as its code has it: from the best on, rounded up, of what is left.
    #[test]
    fn widths_of_rebase(
        scores in prop::collection::vec(0.0..1.0, 1..12),
        ended in 0_usize..4,
        width in 4_usize..40,
    ) {
        let mut search = ByHand::new(rebase::rebase(width));
        prop_assert_eq!(search.start(), [(0, width)]);
        let mut fresh = search.open(0, &scores);
        for _ in 0..ended {
            fresh.push(search.stop(0, 0.5));
        }
        let mut sorted: Vec<usize> = (0..scores.len()).collect();
        sorted.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let weights: Vec<f64> = sorted.iter().map(|&place| (scores[place] / 0.2).exp()).collect();
        let (mut left, mut total) = ((width - ended) as f64, weights.iter().sum::<f64>());
        let mut theirs = Vec::new();
        for (&place, weight) in sorted.iter().zip(&weights) {
            // Their quotient may lie an ulp above a whole number, and be rounded up to the next.
            let part = (left * weight / total - 1e-9).ceil().min(left);
            total -= weight;
            left -= part;
            if part > 0.0 {
                theirs.push((fresh[place].0, part as usize));
            }
        }
        // The last one takes what rounding left over.
        let ours = search.next(&fresh);
        prop_assert_eq!(ours.iter().map(|one| one.1).sum::<usize>(), width - ended);
        for ((id, lines), (other, theirs)) in ours.iter().zip(&theirs) {
            prop_assert_eq!(id, other);
            prop_assert!(lines.abs_diff(*theirs) <= 1);
        }
    }
}

#[test]
fn widths_of_rebase_by_hand() {
    let mut search = ByHand::new(rebase::rebase(16));
    search.start();
    let fresh = search.open(0, &[0.5, 0.9, 0.1]);
    // exp(4.5), exp(2.5), exp(0.5): 16 x 90.02 / 103.85 = 13.87, then 2 x 12.18 / 13.83 = 1.76.
    assert_eq!(search.next(&fresh), [(fresh[1].0, 14), (fresh[0].0, 2)]);
}

/// Two, two, four, eight, as long as all answers differ.
#[test]
fn batches_of_adaptive_self_consistency() {
    let mut search = ByHand::new(its_hub::adaptive_self_consistency(20));
    let mut lines = search.start()[0].1;
    let mut batches = vec![lines];
    let mut answer = 100;
    loop {
        let mut fresh = Vec::new();
        for _ in 0..lines {
            answer += 1;
            let text = format!("The answer is {answer}.");
            fresh.push(search.tree.grow(NodeId::ROOT, &text, Finish::Stop, None));
        }
        let [(_, next)] = search.next(&fresh)[..] else { break };
        batches.push(next);
        lines = next;
    }
    assert_eq!(batches, [2, 2, 4, 8, 4]);
    // Three of four are enough.
    let mut search = ByHand::new(its_hub::adaptive_self_consistency(20));
    search.start();
    let grow = |search: &mut ByHand<_>, answer: u32| {
        let text = format!("The answer is {answer}.");
        search.tree.grow(NodeId::ROOT, &text, Finish::Stop, None)
    };
    let first = [grow(&mut search, 1), grow(&mut search, 2)];
    assert_eq!(search.next(&first), [(0, 2)]);
    let second = [grow(&mut search, 1), grow(&mut search, 1)];
    assert_eq!(search.next(&second), []);
}

#[test]
fn presets_are_sound_and_bad_budgets_are_named() {
    use tts_search::Recipe;
    let recipes: Vec<Recipe> = vec![
        search_and_learn::best_of_n(4).into(),
        search_and_learn::beam_search(16, 4).expect("divides").into(),
        search_and_learn::dvts(16, 4).expect("divides").into(),
        its_hub::self_consistency(8).into(),
        its_hub::adaptive_self_consistency(1).into(),
        its_hub::beta_self_consistency(16, 4).into(),
        its_hub::best_of_n(8).into(),
        its_hub::beam_search(16, 4, Aggregate::Min).expect("divides").into(),
        its_hub::particle_filtering(8).into(),
        its_hub::entropic_particle_filtering(8).into(),
        its_hub::entropic_particle_filtering_by(8, AnnealBy::Entropy).into(),
        its_hub::entropic_particle_filtering_by(8, AnnealBy::Linear { from: 2.0 }).into(),
        its_hub::particle_gibbs(16, 2).expect("divides").into(),
        rebase::rebase(16).into(),
        treequest::ab_mcts_a(16, ["one", "two"]).into(),
        treequest::ab_mcts_m(16, ["one", "two"]).into(),
    ];
    for recipe in recipes {
        recipe.check().expect("sound");
    }
    for rule in [search_and_learn::rule(), openr::rule(), rebase::rule()] {
        rule.check().expect("sound");
    }
    assert_eq!(its_hub::steps(32, "\n\n").max_steps, Some(33));
    for (error, expected) in [
        (search_and_learn::beam_search(2, 4).err(), "2"),
        (search_and_learn::dvts(10, 4).err(), "10"),
        (its_hub::beam_search(8, 4, Aggregate::Last).err(), "the first level would have 2 paths"),
        (its_hub::particle_gibbs(9, 2).err(), "budget is 9 for 2 iterations"),
        (its_hub::particle_gibbs(4, 4).err(), "at least two particles"),
        (its_hub::particle_gibbs(4, 0).err(), "for 0 iterations"),
    ] {
        let error = error.expect("refused");
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(its_hub::particle_gibbs(16, 2).expect("divides").filter.n, 8);
}

/// PUCT of `OpenR` after eight visits of the question, with its logarithm: `Q + P k sqrt(N) / (1 + N_c)`, where
/// `k = ln((N + 19653) / 19652) + 1.25`. The scores are such that the value alone, and the bound without its logarithm, go
/// to the first child, and the bound as it is to the second.
#[test]
fn the_tree_search_of_openr_by_hand() {
    let strategy = openr::mcts(3);
    assert_eq!(strategy.simulations, 30);
    // Five visits of the first child, (0.7 + 0.6734 + 0.6 + 0.6 + 0.4) / 5, and one of the second.
    let (often, once) = (0.59468, 0.3);
    let puct = |value: f64, visits: f64, exploration: f64| {
        value + 0.25 * exploration * 8.0_f64.sqrt() / (1.0 + visits)
    };
    let grown = ((8.0_f64 + 19_653.0) / 19_652.0).ln() + 1.25;
    assert!(often > once && puct(often, 5.0, 1.25) > puct(once, 1.0, 1.25));
    assert!(puct(often, 5.0, grown) < puct(once, 1.0, grown));
    let third = |strategy: Mcts| {
        let mut search = ByHand::new(strategy);
        search.tree = search.tree.with_scale(Scale::PREFIX);
        // One leaf after the other, each by four actions.
        assert_eq!(search.start(), [(0, 4)]);
        let first = search.open(0, &[0.7, once, 0.1, 0.1]);
        // All have been visited once: the best by its value, as their priors are equal.
        assert_eq!(search.next(&first), [(first[0].0, 4)]);
        let second = search.open(first[0].0, &[0.6734, 0.6, 0.6, 0.4]);
        let found = search.next(&second);
        assert_eq!(found.len(), 1);
        (found[0].0, first[1].0, second[0].0)
    };
    let (found, other, _) = third(strategy.clone());
    assert_eq!(found, other);
    let (found, _, below) = third(Mcts { growth: None, ..strategy });
    assert_eq!(found, below);
}

/// Where a path ends, its lines are not given to others; what is set aside leaves the beam as it was.
#[test]
fn beams_of_openr_narrow_and_those_of_thinkbooster_do_not() {
    let mut narrow = ByHand::new(openr::beam_search(8, 4).expect("divides"));
    assert_eq!(narrow.start(), [(0, 8)]);
    let mut first = vec![narrow.stop(0, 0.9)];
    first.extend(narrow.open(0, &[0.8, 0.7, 0.1]));
    assert_eq!(narrow.next(&first), [(first[1].0, 4)]);
    let mut wide = ByHand::new(thinkbooster::beam_search(2, 3));
    assert_eq!(wide.start(), [(0, 6)]);
    let mut first = vec![wide.stop(0, 0.9)];
    first.extend(wide.open(0, &[0.8, 0.7, 0.1]));
    assert_eq!(wide.next(&first), [(first[1].0, 3), (first[2].0, 3)]);
}

#[test]
fn every_preset_has_a_name_and_names_what_it_cannot_do() {
    use tts_search::Recipe;
    use tts_search::recipe::{Preset, Registry};
    let registry = Registry::default();
    for name in Preset::names() {
        let at = |n| Preset::named(name, n).expect("a name");
        // A budget that all of them know.
        let preset = at(48).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (project, _) = name.split_once('/').expect("a project");
        assert!(!project.is_empty() && !Recipe::NAMES.contains(&name), "{name}");
        if let Some(steps) = &preset.steps {
            steps.over(StepRule::default()).check().expect(name);
        }
        preset.sampling.iter().for_each(|sampling| sampling.check().expect(name));
        assert_eq!(registry.default_of(name, 48).expect(name), preset.recipe);
        // It is an ordinary recipe: written and read again, without its name.
        let json = serde_json::to_string(&preset.recipe).expect("JSON");
        assert_eq!(Recipe::from_json(&json).expect(name), preset.recipe);
        assert!(!json.contains(name), "{json}");
        // Lengths, and how whole samples are drawn, only of those who say so.
        let lengths = preset.steps.as_ref().and_then(|steps| steps.max_step_tokens);
        let says = matches!(project, "search-and-learn" | "rebase" | "openr");
        assert_eq!(lengths.is_some(), says, "{name}");
        if matches!(name, "its-hub/self-consistency" | "its-hub/best-of-n") {
            assert_eq!((&preset.steps, preset.sampling), (&None, None), "{name}");
        }
        let error = at(0).expect_err(name).to_string();
        assert!(error.contains(&format!("{name}: n is 0")), "{error}");
    }
    for (name, n, expected) in [
        ("its-hub/beam-search", 8, "the first level would have 2 paths"),
        ("its-hub/particle-gibbs", 9, "budget is 9 for 2 iterations"),
        ("search-and-learn/dvts", 10, "10"),
        (
            "thinkbooster/beam-search",
            16,
            "thinkbooster/beam-search: n is 16, expected a multiple of 3",
        ),
        ("deepconf/online-high", 8, "most is 8, expected at least warm_up, which is 16"),
        (
            "openr/beam",
            8,
            "no strategy is called \"openr/beam\", expected one of search-and-learn/best-of-n",
        ),
    ] {
        let error = registry.default_of(name, n).expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    // Names without a project are as they were.
    let error = registry.default_of("viterbi", 8).expect_err("none").to_string();
    assert!(error.contains("greedy") && !error.contains("its-hub"), "{error}");
}

/// Every temperature that `its_hub` tests of its own, where the recorded values lie beside the workspace.
#[test]
fn temperatures_of_its_hub() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../../shared/data/golden/peer_golden.jsonl");
    let Ok(rows) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let mut seen = [0; 3];
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).expect("JSON");
        if row["kind"] != "particle_temperature" {
            continue;
        }
        let number = |field: &str| row[field].as_f64();
        let read = |field: &str| number(field).expect(field);
        let (kind, by) = match row["fn"].as_str() {
            Some("ess") => (0, AnnealBy::Effective),
            Some("entropy") => (1, AnnealBy::Entropy),
            Some("base") => (2, AnnealBy::Linear { from: read("value_max") }),
            other => panic!("{other:?} is no function of its_hub"),
        };
        seen[kind] += 1;
        // Where a row says nothing of them, its function knows no bounds.
        let (until, below) =
            (number("early_phase").unwrap_or(1.0), number("ess_threshold").unwrap_or(1.0));
        let anneal = Anneal { by, below, until, steps: 10 };
        let step = (10.0 * read("progress")).round() as usize;
        let (effective, entropy) =
            (number("ess_ratio").unwrap_or(0.1), number("entropy_n").unwrap_or(0.1));
        let found = anneal.temperature(effective, entropy, step);
        assert!((found - read("expected")).abs() < 1e-12, "{row}: {found}");
    }
    assert_eq!(seen, [2, 2, 2]);
}
