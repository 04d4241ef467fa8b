//! A reference that becomes the policy every few steps: where it is then, and that a killed run knows.

use super::*;

fn settings(steps: usize, refresh: usize, save_every: usize) -> ReinforceConfig {
    let adjust = Adjust { beta: Some(0.05), ..Adjust::default() };
    ReinforceConfig { adjust, refresh, save_every, ..config(steps) }
}

fn goes(
    config: ReinforceConfig,
    folder: Option<&Path>,
    watch: &mut dyn FnMut(usize),
) -> Result<Reinforced, PrmError> {
    let mut reference = engine(1);
    let mut run = Reinforce::new(config).task(Arc::new(Exact)).reference(&mut reference);
    if let Some(folder) = folder {
        run = run.folder(folder);
    }
    let run = run.watch(|progress| {
        watch(progress.note.step);
        ControlFlow::Continue(())
    });
    run.run(&mut engine(1), Model::from(weights()), &problems(5))
}

#[test]
fn a_refreshed_reference_is_the_policy_of_its_step() {
    let refreshed = goes(settings(8, 3, 0), None, &mut |_| {}).unwrap();
    let stays = goes(settings(8, 0, 0), None, &mut |_| {}).unwrap();
    let (with, without) = (steps(&refreshed.notes), steps(&stays.notes));
    for (note, fixed) in with.iter().zip(&without) {
        assert_eq!((note.refreshed, fixed.refreshed), (note.step % 3 == 0, false));
        // Steps 1, 4 and 7 learn beside a reference that is the policy itself.
        if let (Some(divergence), true) =
            (note.divergence.filter(|_| note.loss.is_some()), note.step % 3 == 1)
        {
            assert!(divergence.abs() < 1e-9, "{note:?}");
        }
    }
    assert_eq!(
        with[..3].iter().map(|own| own.loss).collect::<Vec<_>>(),
        without[..3].iter().map(|own| own.loss).collect::<Vec<_>>()
    );
    let apart = |notes: &[StepNote]| notes[6].divergence.unwrap();
    assert!(apart(&without) > 1e-6 && apart(&with) < apart(&without), "{without:?}");
    assert_ne!(bits(&refreshed.model), bits(&stays.model));
    // A journal without refreshing is as before.
    assert!(!serde_json::to_string(&without[0]).unwrap().contains("refreshed"));
}

#[test]
fn who_was_killed_around_a_refresh_goes_on_to_the_same_bits() {
    let place = tempfile::tempdir().unwrap();
    // States before, at and behind a refresh, which comes with steps 2, 4, 6 and 8.
    for save_every in [1, 3, 0] {
        let at = |name: String| place.path().join(format!("{name}, {save_every}"));
        let whole = at("whole".into());
        let config = || settings(8, 2, save_every);
        let found = goes(config(), Some(&whole), &mut |step| {
            copied(&whole, &at(format!("killed {step}")));
        });
        let found = found.unwrap();
        let alone = goes(settings(8, 2, 0), None, &mut |_| {}).unwrap();
        assert_eq!(bits(&found.model), bits(&alone.model));
        for step in 1..=8 {
            let killed = at(format!("killed {step}"));
            if step % 2 == 0 {
                // The reference is written, and the step's line is not.
                let journal = killed.join("journal.jsonl");
                let bytes = std::fs::read(&journal).unwrap();
                std::fs::write(&journal, &bytes[..bytes.len() - 7]).unwrap();
            }
            let again = goes(config(), Some(&killed), &mut |_| {}).unwrap();
            assert_eq!(bits(&again.model), bits(&found.model), "killed at {step}, {save_every}");
            assert_eq!(timeless(again.notes), timeless(found.notes.clone()), "killed at {step}");
        }
        // What no state needs any more is gone, and the last is there for a run that goes on for longer.
        let left = std::fs::read_dir(whole.join("reference")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["8"]);
        let longer = goes(settings(9, 2, 0), Some(&whole), &mut |_| {}).unwrap();
        let straight = goes(settings(9, 2, 0), None, &mut |_| {}).unwrap();
        assert_eq!(bits(&longer.model), bits(&straight.model));
    }
}

#[test]
fn a_refresh_without_weights_or_a_divergence_is_refused() {
    let none = ReinforceConfig { refresh: 2, ..config(2) };
    let error = run(none).unwrap_err().to_string();
    assert!(error.contains("refresh: of a reference that nothing is held near"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    goes(settings(3, 2, 0), Some(folder.path()), &mut |_| {}).unwrap();
    std::fs::remove_dir_all(folder.path().join("reference")).unwrap();
    let error = goes(settings(5, 2, 0), Some(folder.path()), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("reference"), "{error}");
}
