//! What was drawn is shown and kept as it was, whatever becomes of the run.

use super::*;

/// Runs and returns what a watcher is shown.
fn shown(config: ReinforceConfig, folder: Option<&Path>) -> (Reinforced, Vec<Vec<GroupNote>>) {
    let mut all = Vec::new();
    let mut run = Reinforce::new(config).task(Arc::new(Exact)).watch(|progress| {
        assert!(progress.groups.iter().all(|group| group.step == progress.note.step));
        all.push(progress.groups.to_vec());
        ControlFlow::Continue(())
    });
    if let Some(folder) = folder {
        run = run.folder(folder);
    }
    let learnt = run.run(&mut engine(1), Model::from(weights()), &problems(5)).unwrap();
    (learnt, all)
}

#[test]
fn a_watcher_is_shown_what_the_journal_counts() {
    for equal in [Equal::Keep, Equal::Redraw { most: 3 }] {
        let adjust = Adjust { equal: Some(equal), ..Adjust::default() };
        let brevity = Term { weight: 0.5, ..RewardSpec::Brevity(Brevity {}).into() };
        let mut config = ReinforceConfig { adjust, ..config(4) };
        config.rewards.push(brevity);
        let (learnt, all) = shown(config, None);
        let notes = steps(&learnt.notes);
        assert_eq!(notes.len(), all.len());
        for (note, groups) in notes.iter().zip(&all) {
            let places: Vec<usize> = groups.iter().map(|group| group.problem).collect();
            let drawn: Vec<usize> = note.drawn.iter().map(|drawn| drawn.problem).collect();
            assert_eq!(places, drawn);
            let samples: Vec<&SampleNote> =
                groups.iter().flat_map(|group| &group.samples).collect();
            let mean = |of: &dyn Fn(&SampleNote) -> f64| {
                samples.iter().map(|sample| of(sample)).sum::<f64>() / samples.len() as f64
            };
            assert_eq!(samples.len(), note.samples);
            assert!((mean(&|sample| sample.reward) - note.reward).abs() < 1e-12);
            assert!(
                (mean(&|sample| sample.rewards["brevity"]) - note.rewards["brevity"]).abs() < 1e-12
            );
            let right = |sample: &SampleNote| {
                f64::from(u8::from(sample.verdict.is_some_and(tts_core::Verdict::is_right)))
            };
            assert!((mean(&right) - note.right.unwrap()).abs() < 1e-12);
            assert_eq!(samples.iter().map(|sample| sample.tokens as u64).sum::<u64>(), note.tokens);
            for group in groups {
                let rewards: Vec<f64> = group.samples.iter().map(|sample| sample.reward).collect();
                let verdicts: Vec<f64> = group.samples.iter().map(right).collect();
                for sample in &group.samples {
                    let sum = sample.rewards["right"] + 0.5 * sample.rewards["brevity"];
                    assert!((sample.reward - sum).abs() < 1e-12);
                }
                let told: Option<Vec<f64>> =
                    group.samples.iter().map(|sample| sample.advantage).collect();
                // All right or all wrong is drawn anew, though their lengths differ.
                let learnt = equal == Equal::Keep || !all_equal(&verdicts);
                let expected = advantages(&[rewards], Baseline::Mean, Spread::Population).remove(0);
                assert_eq!(told, learnt.then_some(expected));
            }
        }
    }
}

#[test]
fn a_killed_run_keeps_the_samples_of_one_that_was_not() {
    let settings = || ReinforceConfig {
        save_every: 2,
        record: Recording { every: 3, tokens: true },
        ..config(7)
    };
    let all = problems(5);
    let goes = |folder: &Path, watch: &mut dyn FnMut(usize)| {
        let run = Reinforce::new(settings()).task(Arc::new(Exact)).folder(folder);
        run.watch(|progress| {
            watch(progress.note.step);
            ControlFlow::Continue(())
        })
        .run(&mut engine(1), Model::from(weights()), &all)
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| folder.path().join(name);
    let whole = at("whole".into());
    goes(&whole, &mut |step| copied(&whole, &at(format!("killed {step}")))).unwrap();
    let text = |folder: &Path| std::fs::read_to_string(folder.join("samples.jsonl")).unwrap();
    let expected = text(&whole);
    let groups = read_samples(&whole).unwrap();
    let kept: Vec<usize> = groups.iter().map(|group| group.step).collect();
    assert_eq!(kept, [1, 1, 1, 3, 3, 3, 6, 6, 6, 7, 7, 7]);
    for step in 1..=7 {
        let killed = at(format!("killed {step}"));
        if step % 2 == 1 {
            // A line that was being written.
            let torn = text(&killed) + "{\"step\":9,\"prob";
            std::fs::write(killed.join("samples.jsonl"), torn).unwrap();
        }
        goes(&killed, &mut |_| {}).unwrap();
        assert_eq!(text(&killed), expected, "killed at {step}");
    }
    // All that a trainer needs: the tokens are those of the text, each with its log-probability.
    for group in &groups {
        let place = problems(5).iter().position(|problem| problem.question == group.question);
        assert_eq!(place, Some(group.problem));
        for sample in &group.samples {
            let ids = sample.ids.as_ref().unwrap();
            assert_eq!(ids.prompt.len(), group.question.len());
            let told: usize = ids.runs.iter().map(|run| run.logprobs.len()).sum();
            assert_eq!((told, ids.tokens.len()), (sample.tokens, sample.tokens));
            assert!(ids.runs.iter().flat_map(|run| &run.logprobs).all(|logprob| *logprob < 0.0));
        }
    }
}

#[test]
fn what_is_kept_changes_nothing_that_is_learnt() {
    let keeps =
        |every, tokens| ReinforceConfig { record: Recording { every, tokens }, ..config(4) };
    let plain = bits(&run(keeps(0, false)).unwrap().model);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A folder goes on under other settings of what is kept.
    let short = ReinforceConfig { steps: 2, ..keeps(0, false) };
    shown(short, Some(folder));
    assert!(!folder.join("samples.jsonl").exists());
    let (learnt, all) = shown(keeps(1, true), Some(folder));
    assert_eq!(bits(&learnt.model), plain);
    assert_eq!(read_samples(folder).unwrap(), all.concat());
}

#[test]
fn a_file_that_holds_something_else_is_refused_and_left_as_it_is() {
    for (there, expected) in [
        ("Dear diary\n", "samples.jsonl: line 1: no group of samples"),
        ("Dear diary", "samples.jsonl: line 1: no group of samples: name another folder"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("samples.jsonl");
        std::fs::write(&file, there).unwrap();
        let run = Reinforce::new(config(2)).task(Arc::new(Exact)).folder(folder.path());
        let error = run.run(&mut engine(1), Model::from(weights()), &problems(5)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), there);
    }
}

#[test]
fn a_page_shows_the_best_first_and_no_markup_of_theirs() {
    let sample = |text: &str, reward: f64| SampleNote {
        text: text.into(),
        answer: Some("<b>7</b>".into()),
        verdict: Some(tts_core::Verdict::Right),
        finish: tts_core::Finish::Length,
        tokens: 3,
        reward,
        rewards: [("right".to_owned(), reward), ("format".to_owned(), 0.25)].into(),
        advantage: Some(-0.5),
        steps: Vec::new(),
        ids: None,
    };
    let group = |step| GroupNote {
        step,
        problem: 4,
        question: "</pre><script>alert(1)</script>".into(),
        gold: "8".into(),
        samples: vec![sample("worse", 0.0), sample("<img src=x onerror=y>", 1.0)],
        failed: None,
    };
    let failed =
        GroupNote { samples: Vec::new(), failed: Some("<hr> no room".into()), ..group(20) };
    let page = samples_page("A & B", &[group(1), group(10), group(20), failed]).unwrap();
    assert!(
        !page.contains("<script") && !page.contains("<img") && !page.contains("<b>7"),
        "{page}"
    );
    assert!(page.contains("A &amp; B") && page.contains("&lt;img src=x onerror=y&gt;"), "{page}");
    let at = |text: &str| page.find(text).unwrap();
    assert!(at("&lt;img") < at("worse"));
    assert!(page.contains("<th>format</th><th>right</th>") && page.contains("<td>0.25</td>"));
    assert!(page.contains("-0.50") && page.contains("3, cut"));
    assert_eq!(page.matches("<details open>").count(), 2);
    assert!(page.contains("nothing could be drawn: &lt;hr&gt; no room"), "{page}");
    assert_eq!(page.matches("<table>").count(), 3);
    assert!(page.contains("Step 10: 2 samples of 1 problem, 2 right, mean reward 0.50"), "{page}");
}

#[test]
fn without_right_answers_nothing_is_called_right_or_wrong() {
    let mut unknown = problems(5);
    for problem in &mut unknown {
        problem.gold.clear();
    }
    let by_majority = |steps| ReinforceConfig {
        rewards: vec![RewardSpec::Majority(Majority {}).into()],
        ..config(steps)
    };
    let mut all = Vec::new();
    let run = Reinforce::new(by_majority(2)).task(Arc::new(Exact)).watch(|progress| {
        all.extend_from_slice(progress.groups);
        ControlFlow::Continue(())
    });
    let learnt = run.run(&mut engine(1), Model::from(weights()), &unknown).unwrap();
    for note in steps(&learnt.notes) {
        assert_eq!((note.right, note.right_tokens, note.wrong_tokens), (None, None, None));
        assert!(note.drawn.iter().all(|drawn| drawn.right.is_none()));
        assert!(note.tokens > 0 && note.reward > 0.0, "{note:?}");
        // A line of a journal says so, too.
        let line = serde_json::to_string(&note).unwrap();
        assert_eq!(serde_json::from_str::<StepNote>(&line).unwrap(), note);
    }
    let charts = charts("Letters", &learnt.notes);
    let names: Vec<&str> =
        charts.iter().flat_map(|(_, chart)| &chart.series).map(|own| own.name.as_str()).collect();
    assert!(
        names.contains(&"reward") && !names.iter().any(|name| name.contains("right")),
        "{names:?}"
    );
    let page = samples_page("Letters", &all).unwrap();
    assert!(!page.contains("class=\"wrong\"") && !page.contains(" right,"), "{page}");
    // A problem that is known beside them is counted by itself.
    let mut one = unknown.clone();
    one[0].gold = "a".into();
    let config = ReinforceConfig { problems: 5, ..by_majority(1) };
    let run = Reinforce::new(config).task(Arc::new(Exact));
    let learnt = run.run(&mut engine(1), Model::from(weights()), &one).unwrap();
    let note = &steps(&learnt.notes)[0];
    let known: Vec<&Solved> = note.drawn.iter().filter(|drawn| drawn.right.is_some()).collect();
    assert_eq!((known.len(), known[0].problem), (1, 0));
    let share = known[0].right.unwrap() as f64 / known[0].samples as f64;
    assert_eq!(note.right.map(f64::to_bits), Some(share.to_bits()));
}

/// Each sample gets another number.
#[derive(Debug)]
struct Places;
impl Reward for Places {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        (0..asked.samples.len()).map(|place| place as f64).collect()
    }
}

/// As in DAPO: a group of which none is right is drawn anew, however its samples differ besides.
#[test]
fn groups_are_drawn_anew_by_their_verdicts() {
    let never: Vec<Problem> =
        problems(5).into_iter().map(|own| Problem { gold: "zz".into(), ..own }).collect();
    for (rewards, drawn, updates) in [(vec!["right"], 9, 0), (vec![], 3, 1)] {
        let equal = Some(Equal::Redraw { most: 3 });
        let rewards = rewards.iter().map(|name| name.parse().unwrap()).collect();
        let config =
            ReinforceConfig { adjust: Adjust { equal, ..Adjust::default() }, rewards, ..config(1) };
        let run = Reinforce::new(config).task(Arc::new(Exact)).reward("places", 1.0, &Places);
        let learnt = run.run(&mut engine(1), Model::from(weights()), &never).unwrap();
        let notes = steps(&learnt.notes);
        assert_eq!((notes[0].drawn.len(), notes[0].updates), (drawn, updates));
    }
}
