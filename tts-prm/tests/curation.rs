//! Curation: laws of what is kept, and figures by hand.

use std::collections::HashMap;

use proptest::prelude::*;
use tts_prm::curate::{
    Active, Attempted, Candidate, Curation, Revising, Revision, Sameness, convincing, curate,
    revisions,
};
use tts_prm::reinforce::{Format, Script};

fn candidate(problem: usize, text: &str, solved: bool, score: Option<f64>) -> Candidate {
    Candidate { problem, text: text.to_owned(), solved, score, tokens: None }
}

#[test]
fn a_round_by_hand() {
    let pool = [
        candidate(7, "1 + 1 = 2", true, Some(0.2)),
        candidate(7, "1 + 1 = 2", true, Some(0.9)),
        candidate(7, "1+1=2.", true, Some(0.5)),
        candidate(7, "2 - 0 = 2", true, Some(0.1)),
        candidate(3, "Five it is.", false, Some(0.8)),
        candidate(3, "Five  it\nis.", false, Some(0.7)),
        candidate(3, "Four.", true, Some(0.3)),
        candidate(1, "Nothing.", false, Some(0.95)),
    ];
    let keep = |config: Curation| curate(&pool, &config).unwrap();
    let (kept, report) = keep(Curation::default());
    // Of equal reasoning the best scored.
    assert_eq!(kept, [1, 3, 6]);
    assert_eq!((report.problems, report.candidates, report.solved), (3, 8, 5));
    assert_eq!((report.kept, report.kept_problems, report.kept_wrong), (3, 2, 0));
    assert!((report.pass_at_1 - (1.0 + 1.0 / 3.0) / 3.0).abs() < 1e-12);
    assert!((report.pass_at_n - 2.0 / 3.0).abs() < 1e-12);
    // Two lists of equations among four, and one text alone.
    assert!((report.diversity - 0.75).abs() < 1e-12);
    assert_eq!(keep(Curation { per_problem: 1, ..Curation::default() }).0, [1, 6]);
    assert_eq!(keep(Curation { same: Sameness::Text, ..Curation::default() }).0, [1, 2, 3, 6]);
    let all = Curation { same: Sameness::Never, per_problem: 0, ..Curation::default() };
    assert_eq!(keep(all).0, [0, 1, 2, 3, 6]);
    // A verifier alone lets wrong ones through, and the report says so.
    let scored = Curation { solved: false, least_score: Some(0.6), ..Curation::default() };
    let (kept, report) = keep(scored);
    assert_eq!((kept, report.kept_wrong), (vec![1, 4, 7], 2));
    let both = Curation { least_score: Some(0.25), ..Curation::default() };
    assert_eq!(keep(both).0, [1, 6]);
    // Of problem 7 all are right, and of problem 3 some.
    let (kept, report) = keep(Curation { drop_easy: true, ..Curation::default() });
    assert_eq!((kept, report.easy_problems, report.kept_problems), (vec![6], 1, 1));
    assert_eq!((report.solved, report.pass_at_1), (5, (1.0 + 1.0 / 3.0) / 3.0));
}

/// R1's third stage: nothing in two languages, nothing that is long, nothing without its marks.
#[test]
fn form_script_and_length_by_hand() {
    let written =
        |text: &str, tokens| Candidate { tokens: Some(tokens), ..candidate(0, text, true, None) };
    let pool = [
        written("2 + 2 = 4 #### 4", 9),
        written("2 + 2 = 4, 所以 #### 4", 9),
        written("4", 1),
        written("2 + 2 = 4, as everybody knows #### 4", 30),
        // One that was cut is an attempt, whatever is asked for.
        Candidate { solved: false, tokens: Some(50), ..Candidate::default() },
    ];
    let form = || Some(Format { marks: vec!["####".into()], enclosed: false });
    let keep = |config: Curation| {
        let all = Curation { same: Sameness::Never, ..config };
        let (kept, report) = curate(&pool, &all).unwrap();
        assert_eq!((report.candidates, report.solved), (5, 4));
        (kept, report.unfit)
    };
    let all = Curation::default;
    assert_eq!(keep(all()), (vec![0, 1, 2, 3], 0));
    assert_eq!(keep(Curation { form: form(), ..all() }), (vec![0, 1, 3], 1));
    assert_eq!(keep(Curation { script: Some(Script::Latin), ..all() }), (vec![0, 2, 3], 1));
    assert_eq!(keep(Curation { most_tokens: Some(9), ..all() }), (vec![0, 1, 2], 1));
    let stage =
        Curation { form: form(), script: Some(Script::Latin), most_tokens: Some(9), ..all() };
    assert_eq!(keep(stage.clone()), (vec![0], 3));
    // Not even where wrong ones are wanted is what was cut learnt.
    assert_eq!(keep(Curation { solved: false, ..all() }), (vec![0, 1, 2, 3], 0));
    // Settings of before are read, and written as they were.
    let json = r#"{"solved":true,"least_score":null,"same":"equations","per_problem":10}"#;
    assert_eq!(serde_json::to_string(&all()).unwrap(), json);
    assert_eq!(serde_json::from_str::<Curation>(json).unwrap(), all());
    let json = serde_json::to_string(&stage).unwrap();
    assert_eq!(serde_json::from_str::<Curation>(&json).unwrap(), stage);
    // A bad setting says so before anything is kept.
    let marks = Some(Format { marks: Vec::new(), enclosed: false });
    for (config, expected) in [
        (Curation { form: marks, ..all() }, "format.marks: 0 marks"),
        (Curation { least_score: Some(f64::NAN), ..all() }, "least_score: NaN"),
    ] {
        let error = curate(&pool, &config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let uncounted = [candidate(0, "a", true, None)];
    let error = curate(&uncounted, &Curation { most_tokens: Some(1), ..all() }).unwrap_err();
    assert!(error.to_string().contains("candidate 0: no number of tokens"), "{error}");
}

#[test]
fn bad_candidates_are_named() {
    let pool = |score| [candidate(0, "a", true, Some(0.5)), candidate(0, "b", true, score)];
    for (score, least, expected) in [
        (Some(f64::NAN), None, "candidate 1: the score is NaN"),
        (Some(f64::INFINITY), None, "candidate 1: the score is inf"),
        (None, Some(0.1), "candidate 1: no score"),
    ] {
        let config = Curation { least_score: least, ..Curation::default() };
        let error = curate(&pool(score), &config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let (kept, report) = curate(&[], &Curation::default()).unwrap();
    assert!(kept.is_empty() && report.kept == 0 && report.pass_at_1.abs() < 1e-12);
}

fn pools() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (0_usize..4, 0_usize..4, any::<bool>(), 0_u8..5).prop_map(
        |(problem, text, solved, score)| {
            candidate(
                problem,
                &format!("{text} + 1 = {}", text + 1),
                solved,
                Some(f64::from(score)),
            )
        },
    );
    proptest::collection::vec(one, 0..40)
}

proptest! {
    #[test]
    fn nothing_unfiltered_nothing_twice_and_no_more_than_the_share(
        pool in pools(), solved in any::<bool>(), least in 0_u8..5, most in 0_usize..4,
    ) {
        let config = Curation {
            solved,
            least_score: Some(f64::from(least)),
            same: Sameness::Equations,
            per_problem: most,
            ..Curation::default()
        };
        let (kept, report) = curate(&pool, &config).unwrap();
        prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        let mut seen: HashMap<usize, Vec<&str>> = HashMap::new();
        for &place in &kept {
            let one = &pool[place];
            prop_assert!(one.solved || !solved);
            prop_assert!(one.score.unwrap() >= f64::from(least));
            let own = seen.entry(one.problem).or_default();
            prop_assert!(!own.contains(&one.text.as_str()));
            own.push(&one.text);
            prop_assert!(most == 0 || own.len() <= most);
        }
        // What was left out is wrong, scored low, the same as a kept one, or no better than all
        // that are kept of its problem.
        for (place, one) in pool.iter().enumerate() {
            let good = (one.solved || !solved) && one.score.unwrap() >= f64::from(least);
            if kept.contains(&place) || !good {
                continue;
            }
            let own: Vec<&Candidate> =
                kept.iter().map(|&k| &pool[k]).filter(|k| k.problem == one.problem).collect();
            let same = own.iter().any(|k| k.text == one.text && k.score >= one.score);
            let full = most > 0 && own.len() == most && own.iter().all(|k| k.score >= one.score);
            prop_assert!(same || full);
        }
        prop_assert!(report.pass_at_1 <= report.pass_at_n + 1e-12);
        prop_assert_eq!(report.kept, kept.len());
    }
}

proptest! {
    /// From the pool, no more than asked for, as many wrong ones as the share says where there are
    /// that many, and each the most convincing of its kind.
    #[test]
    fn what_is_worth_a_label_is_convincing(
        pool in pools(), per_problem in 0_usize..6, share in 0_u8..=10,
    ) {
        let config = Active { per_problem, wrong_share: f64::from(share) / 10.0 };
        let picked = convincing(&pool, &config).unwrap();
        prop_assert!(picked.windows(2).all(|pair| pair[0] < pair[1]));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let wanted = (per_problem as f64 * config.wrong_share).round() as usize;
        for problem in 0..4 {
            let own: Vec<usize> = (0..pool.len()).filter(|&p| pool[p].problem == problem).collect();
            let taken: Vec<usize> = picked.iter().copied().filter(|p| own.contains(p)).collect();
            prop_assert_eq!(taken.len(), per_problem.min(own.len()));
            let wrong = |places: &[usize]| places.iter().filter(|&&p| !pool[p].solved).count();
            prop_assert!(wrong(&taken) >= wanted.min(wrong(&own)));
            let left: Vec<usize> = own.iter().copied().filter(|p| !taken.contains(p)).collect();
            for &place in left.iter().filter(|&&p| !pool[p].solved) {
                // It is left for as many wrong ones that convince as much.
                let as_good = taken.iter().filter(|&&t| !pool[t].solved);
                let as_good = as_good.filter(|&&t| pool[t].score >= pool[place].score);
                prop_assert!(as_good.count() >= wanted.min(per_problem));
            }
        }
    }

    #[test]
    fn revisions_end_with_what_is_closest(pool in pools(), most in 0_usize..5, seed in 0_u64..50) {
        let wrong_ones = Revising { most, ..Revising::default() };
        let made = revisions(&pool, &wrong_ones, seed);
        prop_assert_eq!(made.len(), pool.iter().filter(|one| one.solved).count());
        for Revision { problem, attempts, answer } in &made {
            prop_assert!(pool[*answer].solved && pool[*answer].problem == *problem);
            prop_assert!(attempts.len() <= most);
            let mut once = attempts.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), attempts.len());
            prop_assert!(attempts.iter().all(|&p| !pool[p].solved && pool[p].problem == *problem));
            let far = |place: usize| strsim::levenshtein(&pool[place].text, &pool[*answer].text);
            if let Some(&last) = attempts.last() {
                let wrong = (0..pool.len()).filter(|&p| pool[p].problem == *problem && !pool[p].solved);
                prop_assert_eq!(far(last), wrong.map(far).min().unwrap());
            }
        }
        prop_assert_eq!(revisions(&pool, &wrong_ones, seed), made);
    }

    /// Of both kinds: other samples of the problem, each once, at least as many as asked for, and a wrong one at
    /// the end is the closest.
    #[test]
    fn revisions_of_both_kinds_stand_behind_other_samples(
        pool in pools(), least in 0_usize..4, more in 0_usize..3, seed in 0_u64..50,
    ) {
        let config = Revising { least, most: least + more, attempts: Attempted::Both };
        let made = revisions(&pool, &config, seed);
        let others = |answer: usize| -> Vec<usize> {
            let own = |&p: &usize| p != answer && pool[p].problem == pool[answer].problem;
            (0..pool.len()).filter(own).collect()
        };
        let able = (0..pool.len()).filter(|&p| pool[p].solved && others(p).len() >= least);
        prop_assert_eq!(made.iter().map(|one| one.answer).collect::<Vec<_>>().len(), able.count());
        for Revision { attempts, answer, .. } in &made {
            let others = others(*answer);
            prop_assert!((least..=config.most).contains(&attempts.len()));
            prop_assert!(attempts.iter().all(|place| others.contains(place)));
            let mut once = attempts.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), attempts.len());
            let far = |place: usize| strsim::levenshtein(&pool[place].text, &pool[*answer].text);
            if let Some(&last) = attempts.last().filter(|&&last| !pool[last].solved) {
                let wrong = others.into_iter().filter(|&p| !pool[p].solved);
                prop_assert_eq!(far(last), wrong.map(far).min().unwrap());
            }
        }
    }
}

#[test]
fn more_at_least_than_at_most_is_refused() {
    let error = Revising { least: 5, most: 4, ..Revising::default() }.check().unwrap_err();
    assert_eq!(error.to_string(), "revisions: 5 attempts at least, expected at most 4");
    assert!(Revising { least: 4, most: 4, ..Revising::default() }.check().is_ok());
    // As many as there are, whatever is asked for.
    let pool = [candidate(0, "a", false, None), candidate(0, "b", true, None)];
    let all = Revising { least: 1, most: usize::MAX, ..Revising::default() };
    assert_eq!(revisions(&pool, &all, 1)[0].attempts, [0]);
}

/// A coin says which kind an attempt is: of 2,000 last ones half are right, within 4 standard errors, where the
/// samples are two of three.
#[test]
fn both_kinds_of_attempts_are_as_frequent() {
    let pool: Vec<Candidate> =
        (0..60).map(|i| candidate(0, &format!("{i}"), i % 3 > 0, None)).collect();
    let config = Revising { least: 1, most: 4, attempts: Attempted::Both };
    let made: Vec<Revision> = (0..50).flat_map(|seed| revisions(&pool, &config, seed)).collect();
    assert_eq!(made.len(), 2_000);
    let last = made.iter().filter(|one| pool[*one.attempts.last().unwrap()].solved).count();
    assert!((last as f64 - 1_000.0).abs() < 4.0 * 500_f64.sqrt(), "{last}");
}

/// All numbers of attempts come up equally often where there are enough wrong ones: 2,000 draws of 5
/// numbers, within 4 standard errors.
#[test]
fn the_number_of_attempts_is_uniform() {
    let mut pool: Vec<Candidate> =
        (0..6).map(|i| candidate(0, &format!("wrong {i}"), false, None)).collect();
    pool.push(candidate(0, "right", true, None));
    let mut counts = [0_u32; 5];
    for seed in 0..2_000 {
        counts[revisions(&pool, &Revising::default(), seed)[0].attempts.len()] += 1;
    }
    let error = (2_000.0_f64 * 0.2 * 0.8).sqrt();
    assert!(counts.iter().all(|&c| (f64::from(c) - 400.0).abs() < 4.0 * error), "{counts:?}");
}

#[test]
fn labels_are_not_chosen_without_scores() {
    let none = [candidate(0, "a", true, None)];
    assert!(convincing(&none, &Active::default()).is_err());
    let bad = Active { wrong_share: 1.1, ..Active::default() };
    assert!(convincing(&[], &bad).is_err());
}
