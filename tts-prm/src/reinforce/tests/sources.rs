//! Rewards that others say: a scorer, the search's own choice, a judge that writes.

use std::cell::RefCell;
use std::rc::Rc;

use tts_core::Generator;
use tts_core::toy::Voice;

use super::*;
use crate::critic::{Judge, Jury};

/// What stands between the marks of each response that a judge is shown.
fn shown(asked: &Prompt) -> Vec<String> {
    let blocks = asked.question().split("[The Begin of Response").skip(1);
    let body = |block: &str| {
        let body = block.split_once("]\n").map_or(block, |(_, body)| body);
        body.split("[The End of Response").next().unwrap_or_default().trim().to_owned()
    };
    blocks.map(body).collect()
}

/// A judge of all responses at once, 1 to 10 each.
fn jury(samples: usize) -> Jury {
    Jury::of(Judge::published("deepseek-grm").unwrap(), samples)
}

fn judged(jury: Jury) -> Vec<Term> {
    vec![RewardSpec::Judged(Box::new(ByJury { jury, ..ByJury::default() })).into()]
}

/// Problems whose right answer nobody knows.
fn open(count: usize) -> Vec<Problem> {
    problems(count).into_iter().map(|own| Problem { gold: String::new(), ..own }).collect()
}

type Goes<'a> = Reinforce<'a, Independent>;

/// Runs on open problems, and returns what the journal and a watcher are told.
fn told(run: Goes<'_>, problems: &[Problem]) -> Result<(Vec<StepNote>, Vec<GroupNote>), PrmError> {
    let all = Rc::new(RefCell::new(Vec::new()));
    let shown = Rc::clone(&all);
    let run = run.task(Arc::new(Exact)).watch(move |progress| {
        shown.borrow_mut().extend_from_slice(progress.groups);
        ControlFlow::Continue(())
    });
    let learnt = run.run(&mut engine(1), Model::from(weights()), problems)?;
    Ok((steps(&learnt.notes), all.take()))
}

/// The mean of what a reward gave in some steps.
fn mean(notes: &[StepNote], name: &str) -> f64 {
    let known: Vec<f64> = notes.iter().filter_map(|note| note.rewards.get(name).copied()).collect();
    known.iter().sum::<f64>() / known.len() as f64
}

fn refused(run: Goes<'_>) -> String {
    told(run, &open(5)).unwrap_err().to_string()
}

#[test]
fn what_a_judge_likes_is_learnt_and_what_it_costs_is_noted() {
    let likes = Voice::new(|asked, _, _| {
        let scores = shown(asked).into_iter().map(|own| if own.ends_with('b') { "9" } else { "2" });
        format!("Analysis: ...\nScores: \\boxed{{{}}}", scores.collect::<Vec<_>>().join(", "))
    });
    let config = ReinforceConfig { problems: 1, rewards: judged(jury(2)), ..config(200) };
    let run = Reinforce::new(config).role("judge", &likes);
    let (notes, groups) = told(run, &open(1)).unwrap();
    // Scores of 9 and 2 of 1 to 10 are 8/9 and 1/9.
    let (early, late) = (mean(&notes[..3], "judged"), mean(&notes[180..], "judged"));
    assert!(early < 0.6 && late > 0.75, "{early} {late}");
    for note in &notes {
        let Hearing { read, refused, lines, tokens, .. } = note.judged["judged"];
        // Two judgements, of all six samples each.
        assert_eq!((read, refused, lines), (2, 0, 2));
        assert!(tokens > 2 * 20, "{note:?}");
        assert!(note.right.is_none() && note.unknown.is_empty());
        let line = serde_json::to_string(note).unwrap();
        assert_eq!(serde_json::from_str::<StepNote>(&line).unwrap(), *note);
    }
    for sample in groups.iter().flat_map(|group| &group.samples) {
        let expected = if sample.text.trim().ends_with('b') { 8.0 } else { 1.0 } / 9.0;
        assert!((sample.rewards["judged"] - expected).abs() < 1e-12, "{sample:?}");
        assert_eq!(sample.reward.to_bits(), sample.rewards["judged"].to_bits());
    }
}

#[test]
fn what_no_judgement_says_anything_of_is_neither_praised_nor_blamed() {
    // Of one response at a time: nothing can be read of what ends in c.
    let judge = Voice::new(|asked, _, _| match shown(asked).first() {
        Some(own) if own.ends_with('c') => "I would rather not say.".to_owned(),
        Some(own) if own.ends_with('b') => "Scores: \\boxed{1}".to_owned(),
        _ => "Scores: \\boxed{0}".to_owned(),
    });
    let single = Jury::of(Judge::published("deepseek-grm-single").unwrap(), 1);
    for scheme in [Scheme::Grpo, Scheme::DrGrpo, Scheme::Rloo] {
        let config = ReinforceConfig { scheme, rewards: judged(single.clone()), ..config(12) };
        let (notes, groups) = told(Reinforce::new(config).role("judge", &judge), &open(5)).unwrap();
        let mut silent = 0;
        for sample in groups.iter().flat_map(|group| &group.samples) {
            let says = !sample.text.trim().ends_with('c');
            assert_eq!(sample.rewards.contains_key("judged"), says, "{sample:?}");
            if !says {
                silent += 1;
                assert!(sample.advantage.is_some_and(|own| own.abs() < 1e-9), "{sample:?}");
            }
        }
        assert!(silent > 20, "{silent}");
        let counted: usize = notes.iter().filter_map(|note| note.unknown.get("judged")).sum();
        let refused: usize = notes.iter().map(|note| note.judged["judged"].refused).sum();
        assert_eq!((counted, refused), (silent, silent));
    }
}

/// Compared with the batch, a group that nobody said anything of would be praised or blamed for that: it is left out.
#[test]
fn a_group_of_which_nothing_is_said_is_not_compared_with_the_batch() {
    let judge = Voice::new(|asked, _, _| {
        let scores = shown(asked).into_iter().map(|own| if own.ends_with('b') { "9" } else { "2" });
        // The question stands before its answer in the conversation.
        let asks_twice = asked.question().contains("user: ??\n");
        let scores = scores.collect::<Vec<_>>().join(", ");
        if asks_twice { "Hm.".to_owned() } else { format!("Scores: \\boxed{{{scores}}}") }
    });
    for (scheme, learnt) in [(Scheme::Reinforce, false), (Scheme::Grpo, true)] {
        let config = ReinforceConfig { scheme, problems: 2, rewards: judged(jury(1)), ..config(4) };
        let (_, groups) = told(Reinforce::new(config).role("judge", &judge), &open(2)).unwrap();
        let silent: Vec<&GroupNote> = groups.iter().filter(|own| own.question == "??").collect();
        assert!(!silent.is_empty());
        for sample in silent.iter().flat_map(|group| &group.samples) {
            assert!(sample.rewards.is_empty());
            // No group was compared with another.
            assert_eq!(sample.advantage, learnt.then_some(0.0), "{scheme:?}");
        }
        let others = groups.iter().filter(|own| own.question == "?");
        assert!(others.flat_map(|group| &group.samples).all(|own| own.advantage.is_some()));
    }
}

#[test]
fn a_judged_run_that_was_killed_goes_on_to_the_same_bits() {
    // Scores by chance, of the line's own seed: they come again.
    let judge = Voice::new(|asked, _, rng| {
        let scores: Vec<String> =
            shown(asked).iter().map(|_| (1 + rng.below(10)).to_string()).collect();
        format!("Scores: \\boxed{{{}}}", scores.join(", "))
    });
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| folder.path().join(name);
    let goes = |folder: &Path, threads: usize, watch: &mut dyn FnMut(usize)| {
        let config = ReinforceConfig { rewards: judged(jury(2)), save_every: 2, ..config(5) };
        let run = Reinforce::new(config).task(Arc::new(Exact)).role("judge", &judge);
        let run = run.folder(folder).watch(|progress| {
            watch(progress.note.step);
            ControlFlow::Continue(())
        });
        run.run(&mut engine(threads), Model::from(weights()), &open(5)).unwrap()
    };
    let whole = at("whole".into());
    let whole_run = goes(&whole, 1, &mut |step| copied(&whole, &at(format!("killed {step}"))));
    assert_ne!(bits(&whole_run.model), bits(&Model::from(weights())));
    let expected = timeless(whole_run.notes.clone());
    for step in 1..=5 {
        let again = goes(&at(format!("killed {step}")), 2, &mut |_| {});
        assert_eq!(bits(&again.model), bits(&whole_run.model), "killed at {step}");
        assert_eq!(timeless(again.notes), expected, "killed at {step}");
    }
}

#[test]
fn what_a_scorer_likes_is_learnt_without_right_answers() {
    let likes = scorer::from_fn(|_path, step| if step.text.contains('c') { 0.9 } else { 0.2 });
    let likes = likes.with_scale(Scale::PREFIX);
    let scored = RewardSpec::Scored(ByScorer::default()).into();
    let config = ReinforceConfig { problems: 1, rewards: vec![scored], ..config(200) };
    let (notes, groups) = told(Reinforce::new(config).scorer(&likes), &open(1)).unwrap();
    let (early, late) = (mean(&notes[..3], "scored"), mean(&notes[180..], "scored"));
    assert!(early < 0.7 && late > 0.8, "{early} {late}");
    let mut cut = 0;
    for group in &groups {
        let known = group.samples.iter().filter_map(|own| own.rewards.get("scored").copied());
        let least = known.reduce(f64::min).unwrap_or_default();
        for sample in &group.samples {
            let expected = if sample.text.contains('c') { 0.9 } else { 0.2 };
            // What was cut is not scored, and an end token alone neither.
            let said = sample.finish == tts_core::Finish::Stop && !sample.text.trim().is_empty();
            let own = if said { expected } else { least };
            assert!((sample.reward - own).abs() < 1e-12, "{sample:?}");
            cut += usize::from(!said);
        }
    }
    let unknown: usize = notes.iter().filter_map(|note| note.unknown.get("scored")).sum();
    assert!(cut > 0 && unknown == cut, "{cut} {unknown}");
}

/// Best-of-n distillation: who is picked is the one with the highest score, and writes itself in the end.
#[test]
fn what_the_search_picks_is_learnt() {
    let likes = scorer::from_fn(|_path, step| if step.text.contains('c') { 0.9 } else { 0.2 });
    let likes = likes.with_scale(Scale::PREFIX);
    let picked = RewardSpec::Picked(Picked {}).into();
    let config = ReinforceConfig { problems: 1, rewards: vec![picked], ..config(200) };
    let best = tts_search::BestOfN { n: 6, ..tts_search::BestOfN::default() };
    let mut shares = Vec::new();
    let run = Reinforce::new(config).task(Arc::new(Exact)).sampler(best).scorer(&likes);
    let run = run.watch(|progress| {
        let samples: Vec<&SampleNote> =
            progress.groups.iter().flat_map(|group| &group.samples).collect();
        for group in progress.groups {
            let chosen: Vec<&SampleNote> =
                group.samples.iter().filter(|own| own.rewards["picked"] > 0.0).collect();
            let any = group.samples.iter().any(|own| own.text.contains('c'));
            assert!(chosen.len() <= 1 && (!any || chosen[0].text.contains('c')), "{group:?}");
        }
        let liked = samples.iter().filter(|own| own.text.contains('c')).count();
        shares.push(liked as f64 / samples.len() as f64);
        ControlFlow::Continue(())
    });
    run.run(&mut engine(1), Model::from(weights()), &open(1)).unwrap();
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
    let (early, late) = (mean(&shares[..3]), mean(&shares[180..]));
    assert!(early < 0.7 && late > 0.75, "{early} {late}");
}

#[test]
fn who_is_asked_must_be_there_and_say_something() {
    let with = |of: RewardSpec| {
        let rewards = vec![of.into()];
        Reinforce::new(ReinforceConfig { rewards, ..config(2) })
    };
    let by = |jury: Jury| with(RewardSpec::Judged(Box::new(ByJury { jury, ..ByJury::default() })));
    let silent = Voice::new(|_, _, _| "I would rather not say.");
    let table = [
        (
            refused(with(RewardSpec::Scored(ByScorer::default()))),
            "reward \"scored\": nobody scores (Reinforce::scorer)",
        ),
        (
            refused(with(RewardSpec::Scored(ByScorer { aggregate: tts_core::Aggregate::SumLog }))),
            "scored.aggregate: sum-log is minus infinity",
        ),
        (
            refused(with(RewardSpec::Picked(Picked {}))),
            "reward \"picked\": independent samples that nobody scores",
        ),
        (
            refused(with(RewardSpec::Checked(Checked {}))),
            "reward \"checked\": the task exact knows no steps",
        ),
        (refused(by(jury(2))), "reward \"judged\": nobody plays the role \"judge\""),
        (refused(by(jury(0))), "judged: samples is 0"),
        (refused(by(Jury { together: 1, repeats: 2, ..jury(2) })), "judged: judge: repeats is 2"),
        (
            refused(by(Jury {
                order: crate::critic::Order::Fixed,
                ..Jury::of(Judge::published("pairwise").unwrap(), 2)
            })),
            "order is fixed",
        ),
        (
            refused(by(jury(2)).role("judge", &silent)),
            "reward \"judged\": none of 6 judgements could be read: ",
        ),
    ];
    for (found, expected) in table {
        assert!(found.contains(expected), "{found}, expected {expected}");
    }
    // How many solutions a search ends with nobody knows before: no step may end the run for it.
    let fixed = |jury: Jury| Jury { order: crate::critic::Order::Fixed, ..jury };
    let searched = |jury: Jury| {
        let rewards = judged(fixed(jury));
        let best = tts_search::BestOfN { n: 2, ..tts_search::BestOfN::default() };
        let likes = scorer::from_fn(|_path, _step| 0.5).with_scale(Scale::PREFIX);
        let run = Reinforce::new(ReinforceConfig { rewards, ..config(1) }).sampler(best);
        let run = run.task(Arc::new(Exact)).scorer(&likes).role("judge", &silent);
        run.run(&mut engine(1), Model::from(weights()), &open(5)).unwrap_err().to_string()
    };
    let error = searched(Jury::of(Judge::published("pairwise").unwrap(), 2));
    assert!(error.contains("at most 2 of any number of responses"), "{error}");
    // One who sees all of them at once meets nobody twice.
    let error = searched(jury(2));
    assert!(error.contains("judgements could be read"), "{error}");
    // A jury that goes by another scorer, which the run has or has not.
    let meta = Some(crate::critic::Meta::of("meta", 1));
    let guided = || by(Jury { meta: meta.clone(), ..jury(2) });
    let even = Voice::new(|asked, _, _| {
        let scores = vec!["5"; shown(asked).len()].join(", ");
        format!("Scores: \\boxed{{{scores}}}")
    });
    let error = refused(guided().role("judge", &even));
    assert!(error.contains("no scorer is called \"meta\" (Reinforce::scorer_named)"), "{error}");
    let trusts = scorer::from_fn(|_path, _step| 0.5).with_scale(Scale::PREFIX);
    let run = guided().role("judge", &even).scorer_named("meta", &trusts);
    assert!(told(run, &open(5)).is_ok());
}

/// A reward of some problems alone that never says anything is noticed, too, when it is no bad luck any more.
#[test]
fn a_reward_of_open_problems_that_says_nothing_is_noticed() {
    /// Right answers where they are known; of others it knows nothing until a step.
    #[derive(Debug)]
    struct Mute;
    impl Reward for Mute {
        fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
            asked.samples.iter().map(|own| f64::from(u8::from(own.is_right()))).collect()
        }
        fn knows(&self, asked: &Asked<'_>) -> Vec<bool> {
            vec![false; asked.samples.len()]
        }
    }
    let silent = Voice::new(|_, _, _| "Hm.");
    let mut mixed = problems(4);
    mixed[1].gold.clear();
    let rewards = |on| {
        let by = ByJury { jury: jury(1), ..ByJury::default() };
        let said = Term { on, ..RewardSpec::Judged(Box::new(by)).into() };
        vec!["right@known".parse().unwrap(), said]
    };
    // In the first step the jury itself says why; where the open problem comes later, what it never said counts.
    let config = ReinforceConfig { problems: 2, rewards: rewards(On::Open), ..config(40) };
    let run = Reinforce::new(config.clone()).role("judge", &silent);
    let error = told(run, &mixed).unwrap_err().to_string();
    let in_first = error.contains("judgements could be read");
    assert!(in_first || error.contains("samples of the steps until now that it is of"), "{error}");
    assert!(error.contains("reward \"judged\": "), "{error}");
    // One that is asked of all says it in the first step.
    let run = Reinforce::new(ReinforceConfig { rewards: Vec::new(), ..config });
    let error = told(run.reward("mute", 1.0, &Mute), &mixed).unwrap_err().to_string();
    assert!(
        error.contains(
            "reward \"mute\": it says nothing of any of the 12 samples of the first step"
        ),
        "{error}"
    );
}

/// As R1's last stage has it: rules where the answer is known, a reward model where it is not.
#[test]
fn rules_where_answers_are_known_and_models_where_they_are_not() {
    let likes = scorer::from_fn(|_path, step| if step.text.contains('c') { 0.9 } else { 0.2 });
    let likes = likes.with_scale(Scale::PREFIX);
    let mut mixed = problems(4);
    mixed[1].gold.clear();
    mixed[3].gold = " ".into();
    let terms = |all: &[&str]| ReinforceConfig {
        problems: 4,
        rewards: all.iter().map(|term| term.parse().unwrap()).collect(),
        ..config(3)
    };
    let run = Reinforce::new(terms(&["right@known", "scored@open=0.5"])).scorer(&likes);
    let (notes, groups) = told(run, &mixed).unwrap();
    for group in &groups {
        let open = group.gold.trim().is_empty();
        for sample in &group.samples {
            assert_eq!(sample.rewards.contains_key("right"), !open, "{group:?}");
            assert!(open || !sample.rewards.contains_key("scored"), "{group:?}");
            let expected = 0.5 * sample.rewards.get("scored").copied().unwrap_or_default();
            let said = open && sample.rewards.contains_key("scored");
            assert!(!said || (sample.reward - expected).abs() < 1e-12, "{sample:?}");
        }
    }
    // What is not asked is not unknown.
    let cut = |note: &StepNote| note.unknown.get("scored").copied().unwrap_or_default();
    assert!(notes.iter().all(|note| cut(note) < 12 && !note.unknown.contains_key("right")));
    assert!(notes.iter().any(|note| note.loss.is_some()));
    for (all, expected) in [
        (&["right"][..], "problems[1]: no right answer, but the reward right needs one"),
        (
            &["right@known"],
            "problems[1]: no right answer, and no reward with a weight is of such problems",
        ),
        (
            &["scored@open"],
            "problems[0]: a right answer, and no reward with a weight is of such problems",
        ),
    ] {
        let run = Reinforce::new(terms(all)).scorer(&likes);
        let error = told(run, &mixed).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
    let run = Reinforce::new(terms(&["right", "scored@open"])).scorer(&likes);
    let error = told(run, &problems(4)).unwrap_err().to_string();
    let expected = "reward \"scored\": of problems with no right answer, of which there is none";
    assert!(error.contains(expected), "{error}");
    let batch = ReinforceConfig { scheme: Scheme::Reinforce, ..terms(&["right@known", "scored"]) };
    let error = told(Reinforce::new(batch).scorer(&likes), &mixed).unwrap_err().to_string();
    assert!(error.contains("rewards[0].on: of some problems, beside a baseline"), "{error}");
    // Terms of before are read, and written as they were.
    let json = r#"{"of":{"right":{}},"weight":1.0}"#;
    let term: Term = serde_json::from_str(json).unwrap();
    assert_eq!((term.on, serde_json::to_string(&term).unwrap().as_str()), (On::All, json));
}

/// Two juries of one run have names of their own; a policy may judge itself.
#[test]
fn several_juries_are_told_apart() {
    let judge = Voice::new(|asked, _, _| {
        let scores = shown(asked).into_iter().map(|own| if own.ends_with('b') { "9" } else { "2" });
        format!("Scores: \\boxed{{{}}}", scores.collect::<Vec<_>>().join(", "))
    });
    let generator: &dyn Generator = &judge;
    let named = |name: &str| {
        let by = ByJury { name: Some(name.into()), jury: jury(1), ..ByJury::default() };
        Term { weight: 0.5, ..RewardSpec::Judged(Box::new(by)).into() }
    };
    let two = |a, b| ReinforceConfig { rewards: vec![named(a), named(b)], ..config(1) };
    let (notes, groups) =
        told(Reinforce::new(two("style", "help")).role("judge", generator), &open(5)).unwrap();
    assert_eq!(notes[0].judged.keys().collect::<Vec<_>>(), ["help", "style"]);
    for sample in groups.iter().flat_map(|group| &group.samples) {
        let sum = 0.5 * sample.rewards["style"] + 0.5 * sample.rewards["help"];
        assert!((sample.reward - sum).abs() < 1e-12);
    }
    let error = refused(Reinforce::new(two("style", "style")).role("judge", generator));
    assert!(error.contains("rewards[1]: style stands there twice"), "{error}");
    // A policy of six letters writes no judgement.
    let own = ReinforceConfig { rewards: judged(Jury { role: None, ..jury(1) }), ..config(1) };
    let error = refused(Reinforce::new(own));
    assert!(error.contains("reward \"judged\""), "{error}");
}

/// Likes what has an `a`.
#[derive(Debug)]
struct Likes;
impl Reward for Likes {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let likes = |own: &Sample| 1.0 + f64::from(u8::from(own.text.contains('a')));
        asked.samples.iter().map(likes).collect()
    }
}

/// A factor leaves of the sum of the others what it says, and is told by itself.
#[test]
fn a_verdict_on_what_was_written_multiplies_what_it_is_worth() {
    let judge = Voice::new(|asked, _, _| match shown(asked).first() {
        Some(own) if own.ends_with('b') => "Scores: \\boxed{1}",
        _ => "Scores: \\boxed{0}",
    });
    let single = Jury::of(Judge::published("deepseek-grm-single").unwrap(), 1);
    let factor = || {
        let by = ByJury { name: Some("real".into()), jury: single.clone(), ..ByJury::default() };
        Term { factor: true, ..RewardSpec::Judged(Box::new(by)).into() }
    };
    let of = |rewards| ReinforceConfig { rewards, ..config(3) };
    let run = Reinforce::new(of(vec![factor()])).role("judge", &judge);
    let (notes, groups) = told(run.reward("likes", 0.5, &Likes), &open(5)).unwrap();
    let mut zero = 0;
    for sample in groups.iter().flat_map(|group| &group.samples) {
        let expected = 0.5 * sample.rewards["likes"] * sample.rewards["real"];
        assert_eq!(sample.reward.to_bits(), expected.to_bits(), "{sample:?}");
        zero += usize::from(sample.reward <= 0.0);
    }
    assert!(zero > 0 && notes.iter().all(|note| note.judged["real"].read > 0), "{notes:?}");
    // One that knows nothing of a group leaves it as it is.
    let mumbles = Voice::new(|asked, _, _| {
        let second = asked.question().contains("??");
        if second { "Scores: \\boxed{1}" } else { "I cannot say." }
    });
    let run = Reinforce::new(of(vec![factor()])).role("judge", &mumbles);
    let (_, groups) = told(run.reward("likes", 0.5, &Likes), &open(5)).unwrap();
    let mut unknown = 0;
    for sample in groups.iter().flat_map(|group| &group.samples) {
        assert_eq!(
            sample.reward.to_bits(),
            (0.5 * sample.rewards["likes"]).to_bits(),
            "{sample:?}"
        );
        unknown += usize::from(!sample.rewards.contains_key("real"));
    }
    assert!(unknown > 0);
    // A sum below 0 would be the better the worse the verdict is.
    let run = Reinforce::new(of(vec![factor()])).role("judge", &judge);
    let below = refused(run.reward("likes", -0.5, &Likes));
    assert!(below.contains("rewards: a sum of -0.5 for sample"), "{below}");
    // By itself it multiplies nothing.
    let alone = refused(Reinforce::new(of(vec![factor()])).role("judge", &judge));
    assert!(alone.contains("no reward with a weight is of such problems"), "{alone}");
    let weighed = Term { weight: 0.5, ..factor() };
    let weighed = refused(Reinforce::new(of(vec![weighed])).role("judge", &judge));
    assert!(weighed.contains("rewards[0].weight: 0.5, of a factor"), "{weighed}");
    let json = r#"{"of":{"right":{}},"weight":1.0,"factor":true}"#;
    let term: Term = serde_json::from_str(json).unwrap();
    assert!(term.factor && serde_json::to_string(&term).unwrap() == json);
}

/// 1 where what the writer was shown ends as the question does.
#[derive(Debug)]
struct Sees;

impl Reward for Sees {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let sees = |sample: &Sample| {
            let texts = sample.steps().concat();
            // The same text in steps, but for blank ones at its end.
            let same =
                sample.text.starts_with(&texts) && sample.text[texts.len()..].trim().is_empty();
            let ends = sample.path.last().map(|passed| (passed.end, passed.text));
            let whole = ends == Some((sample.tokens.len(), sample.text.len()));
            f64::from(u8::from(*sample.begun == asked.problem.question && same && whole))
        };
        asked.samples.iter().map(sees).collect()
    }
}

#[test]
fn a_reward_sees_what_the_writer_was_shown_and_the_steps_of_the_text() {
    let config = ReinforceConfig { rewards: Vec::new(), ..config(2) };
    let (_, groups) = told(Reinforce::new(config).reward("sees", 1.0, &Sees), &open(5)).unwrap();
    assert!(groups.iter().flat_map(|group| &group.samples).all(|own| own.reward >= 1.0));
}
