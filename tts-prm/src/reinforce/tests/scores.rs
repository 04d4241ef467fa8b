//! Scores of steps: what is told of them in journal, samples and page.

use super::*;

/// A run of samplers that take a step a line, with a scorer that likes one letter; all that was drawn in it.
fn goes(process: Option<Process>) -> (Vec<StepNote>, Vec<GroupNote>, Vec<Note>) {
    let likes = scorer::from_fn(|_path, step| if step.text.contains('c') { 0.9 } else { 0.2 });
    let likes = likes.with_scale(Scale::PREFIX);
    let mut groups = Vec::new();
    let run = Reinforce::new(ReinforceConfig { process, ..config(4) }).task(Arc::new(Exact));
    let run = run.scorer(&likes).watch(|progress| {
        groups.extend_from_slice(progress.groups);
        ControlFlow::Continue(())
    });
    let learnt = run.run(&mut engine(1), Model::from(weights()), &problems(5)).unwrap();
    (steps(&learnt.notes), groups, learnt.notes)
}

#[test]
fn what_steps_are_scored_is_told() {
    let process = Process { weight: 0.5, form: Form::Min, of: Steps::Scorer, guard: true };
    let (notes, groups, all) = goes(Some(process));
    assert!(!notes.is_empty());
    for note in &notes {
        let own = groups.iter().filter(|group| group.step == note.step);
        let samples: Vec<&SampleNote> = own.flat_map(|group| &group.samples).collect();
        // The figures, by hand.
        let least = |right: Option<bool>| {
            let verdict = |sample: &&&SampleNote| {
                right.is_none_or(|right| sample.verdict.is_some_and(|own| own.is_right() == right))
            };
            let least = samples.iter().filter(verdict).filter_map(|sample| {
                sample.steps.iter().map(|step| step.score).min_by(f64::total_cmp)
            });
            let least: Vec<f64> = least.collect();
            (!least.is_empty()).then(|| least.iter().sum::<f64>() / least.len() as f64)
        };
        for (found, right) in
            [(note.score, None), (note.score_right, Some(true)), (note.score_wrong, Some(false))]
        {
            let expected = least(right);
            assert_eq!(found.is_some(), expected.is_some(), "{note:?}");
            assert!((found.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-12, "{note:?}");
        }
        assert!(note.guarded.is_none_or(|share| (0.0..=1.0).contains(&share)), "{note:?}");
        let line = serde_json::to_string(note).unwrap();
        assert_eq!(serde_json::from_str::<StepNote>(&line).unwrap(), *note);
    }
    assert!(notes.iter().any(|note| note.guarded.is_some_and(|share| share > 0.0)), "{notes:?}");
    // What is learnt of steps shows, also where all samples of a problem are worth the same.
    let taught = |sample: &&SampleNote| {
        sample.steps.iter().any(|step| step.advantage.is_some_and(|own| own != 0.0))
    };
    let samples = || groups.iter().flat_map(|group| &group.samples);
    assert!(samples().any(|sample| taught(&sample)));
    for sample in samples() {
        let right = sample.verdict.is_some_and(tts_core::Verdict::is_right);
        for step in &sample.steps {
            let advantage = step.advantage.unwrap();
            // The guard's word.
            assert!(if right { advantage >= 0.0 } else { advantage <= 0.0 }, "{sample:?}");
        }
        let line = serde_json::to_string(sample).unwrap();
        assert_eq!(serde_json::from_str::<SampleNote>(&line).unwrap(), *sample);
    }
    let page = samples_page("Letters", &groups).unwrap();
    assert!(page.contains("<sup>0.20") && page.contains("class=\"blamed\""), "{page}");
    let charts = charts("Letters", &all);
    let (_, chart) = charts.iter().find(|(name, _)| *name == "steps").unwrap();
    assert!(chart.series.iter().any(|own| own.name == "not right"));
}

#[test]
fn scores_that_are_not_learnt_teach_nothing_and_are_told() {
    let (notes, groups, _) = goes(None);
    assert!(notes.iter().all(|note| note.guarded.is_none() && note.score.is_some()));
    for sample in groups.iter().flat_map(|group| &group.samples) {
        assert!(sample.steps.iter().all(|step| step.advantage.is_none()));
    }
    let page = samples_page("Letters", &groups).unwrap();
    assert!(page.contains("<sup>") && !page.contains("class=\"praised\""), "{page}");
}

#[test]
fn a_page_shows_the_whole_text_where_steps_are_no_places_of_it() {
    let (_, groups, _) = goes(None);
    let mut group = groups[0].clone();
    group.samples.truncate(1);
    group.samples[0].text = "é and more".into();
    // In the middle of a letter.
    group.samples[0].steps = vec![ScoredStep { end: 1, text: 1, score: 0.5, advantage: None }];
    let page = samples_page("Letters", &[group]).unwrap();
    assert!(page.contains("<pre>é and more</pre>") && !page.contains("<sup>"), "{page}");
}
