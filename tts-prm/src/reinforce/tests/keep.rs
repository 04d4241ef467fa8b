//! Weights on the way: they are those of a run that ended there, the best is the journal's, and a kill loses none.

use std::collections::BTreeMap;

use super::*;

/// What was kept: by step for chosen ones, with the best last of all.
#[derive(Debug, Default, PartialEq)]
struct Shelf {
    chosen: BTreeMap<usize, Vec<u32>>,
    best: Vec<(usize, Vec<u32>)>,
}

impl Shelf {
    fn put(&mut self, kept: &Kept<'_>) {
        let bits = bits(kept.model);
        match kept.why {
            Why::Chosen => drop(self.chosen.insert(kept.step, bits)),
            Why::Best => {
                assert!(kept.measured.is_some_and(|found| found.step == kept.step));
                self.best.push((kept.step, bits));
            }
        }
    }
}

fn keeping() -> Keeping {
    Keeping { best: true, every: 4, steps: vec![0, 3] }
}

fn settings(steps: usize) -> ReinforceConfig {
    let measure = Measuring { every: 2, samples: 16, temperature: 1.0 };
    let learn = Learning { rate: 3e-2, ..config(steps).learn };
    ReinforceConfig { keep: keeping(), save_every: 3, measure, learn, ..config(steps) }
}

/// Questions whose answer is always the same letter: there is something to learn in a few steps.
fn questions() -> Vec<Problem> {
    problems(5).into_iter().map(|problem| Problem { gold: "c".into(), ..problem }).collect()
}

/// Runs with a folder, keeps on the shelf, and fails at the steps that are told.
fn goes(
    config: ReinforceConfig,
    folder: &Path,
    shelf: &mut Shelf,
    fails: Option<usize>,
) -> Result<Reinforced, PrmError> {
    let problems = questions();
    Reinforce::new(config)
        .task(Arc::new(Exact))
        .held_out(&problems[..3])
        .folder(folder)
        .keep(|kept| {
            if fails == Some(kept.step) {
                return Err("no space left".into());
            }
            shelf.put(kept);
            Ok(())
        })
        .run(&mut engine(1), Model::from(weights()), &problems)
}

#[test]
fn kept_weights_are_those_of_a_run_that_ended_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut shelf = Shelf::default();
    let whole = goes(settings(10), &folder.path().join("whole"), &mut shelf, None).unwrap();
    assert_eq!(shelf.chosen.keys().copied().collect::<Vec<_>>(), [0, 3, 4, 8]);
    assert_eq!(shelf.chosen[&0], bits(&Model::from(weights())));
    for step in [3, 4, 8] {
        let short = ReinforceConfig { keep: Keeping::default(), ..settings(step) };
        let run = Reinforce::new(short).task(Arc::new(Exact));
        let ended = run.run(&mut engine(1), Model::from(weights()), &questions()).unwrap();
        assert_eq!(shelf.chosen[&step], bits(&ended.model), "step {step}");
    }
    // Every better one was kept in its turn, and the last is what the journal says.
    let mut most = f64::MIN;
    let mut better = Vec::new();
    for note in &whole.notes {
        if let Note::Measured(found) = note
            && found.pass > most
        {
            most = found.pass;
            better.push(found.step);
        }
    }
    let kept: Vec<usize> = shelf.best.iter().map(|(step, _)| *step).collect();
    assert_eq!(kept, better);
    assert!(better.len() > 1, "nothing was learnt: {:?}", whole.notes);
    assert_eq!(best(&whole.notes).map(|found| found.step), better.last().copied());
    // Whether weights are kept changes nothing, and tells no folder from another.
    let free = tempfile::tempdir().unwrap();
    let none = ReinforceConfig { keep: Keeping::default(), ..settings(10) };
    let mut empty = Shelf::default();
    let plain = goes(none, free.path(), &mut empty, None).unwrap();
    assert_eq!(empty, Shelf::default());
    assert_eq!(bits(&plain.model), bits(&whole.model));
    assert_eq!(timeless(plain.notes), timeless(whole.notes));
    assert!(goes(settings(10), free.path(), &mut empty, None).unwrap().complete);
}

#[test]
fn a_run_that_could_not_keep_hands_the_same_weights_over_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = Shelf::default();
    goes(settings(8), &folder.path().join("whole"), &mut whole, None).unwrap();
    for step in [0, 3, 4, 8] {
        // As a kill between the measurement and the keeping: the journal has the step, the shelf has not.
        let place = folder.path().join(format!("failed {step}"));
        let mut shelf = Shelf::default();
        let error = goes(settings(8), &place, &mut shelf, Some(step)).unwrap_err().to_string();
        assert!(error.contains(&format!("keep: step {step}: no space left")), "{error}");
        assert!(!shelf.chosen.contains_key(&step));
        goes(settings(8), &place, &mut shelf, None).unwrap();
        assert_eq!(shelf.chosen, whole.chosen, "failed at {step}");
        assert_eq!(shelf.best.last(), whole.best.last(), "failed at {step}");
    }
    // A kill before anything was saved: what was kept already is handed over again, to the same bits.
    let place = folder.path().join("killed");
    let mut shelf = Shelf::default();
    let never = ReinforceConfig { save_every: 0, ..settings(8) };
    goes(never.clone(), &place, &mut shelf, None).unwrap();
    std::fs::remove_dir_all(place.join("state")).unwrap();
    goes(never, &place, &mut shelf, None).unwrap();
    assert_eq!(shelf.chosen, whole.chosen);
    assert_eq!(shelf.best.last(), whole.best.last());
}

#[test]
fn what_cannot_be_kept_is_refused_before_anything_is_drawn() {
    let problems = problems(3);
    let goes = |keep: Keeping, held_out: Option<&[Problem]>, keeps: bool| {
        let mut run = Reinforce::new(ReinforceConfig { keep, ..config(2) }).task(Arc::new(Exact));
        if let Some(held_out) = held_out {
            run = run.held_out(held_out);
        }
        if keeps {
            run = run.keep(|_| Ok(()));
        }
        let refused = run.run(&mut engine(1), Model::from(weights()), &problems);
        refused.map(|_| ()).map_err(|error| error.to_string())
    };
    let late = Keeping { steps: vec![1, 3], ..Keeping::default() };
    let best = Keeping { best: true, ..Keeping::default() };
    let rare = Keeping { every: 3, ..Keeping::default() };
    for (keep, held_out, keeps, expected) in [
        (rare, None, true, "keep.every: 3, of 2 steps"),
        (late, None, true, "keep.steps[1]: 3, of 2 steps"),
        (best.clone(), None, true, "keep.best: of what is measured on nothing"),
        (best.clone(), Some(&problems[..]), false, "keep: nobody keeps weights"),
    ] {
        let error = goes(keep, held_out, keeps).unwrap_err();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
    assert_eq!(goes(best, Some(&problems[..]), true), Ok(()));
}
