//! Problems that cannot be asked or drawn: refused before anything is drawn, or noted, and no others are lost.

use super::*;

/// The usual sampler, but for one question, which it begins with a letter that the model does not have.
#[derive(Debug, Clone)]
struct Stumbles {
    /// Where it does.
    on: Option<&'static str>,
}

impl SearchStrategy for Stumbles {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if !view.is_start() {
            return Vec::new();
        }
        let question = view.tree().prompt().question();
        let append = self.on.filter(|on| *on == question || *on == "all").map(|_| "z".to_owned());
        vec![Expand { append, ..Expand::end(NodeId::ROOT, 6) }]
    }
}

/// Right answers, but the same for all solutions of one question.
#[derive(Debug)]
struct Indifferent;

impl Reward for Indifferent {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let same = asked.problem.question == "??";
        asked.samples.iter().map(|own| f64::from(u8::from(same || own.is_right()))).collect()
    }
}

fn goes(
    on: Option<&'static str>,
    reward: &dyn Reward,
    parts: usize,
) -> (Result<Reinforced, String>, Vec<GroupNote>) {
    let adjust = Adjust { equal: Some(Equal::Drop), ..Adjust::default() };
    let config = ReinforceConfig { adjust, parts, rewards: Vec::new(), ..config(4) };
    let mut groups = Vec::new();
    let run = Reinforce::new(config).task(Arc::new(Exact)).sampler(Stumbles { on });
    let run = run.reward("own", 1.0, reward).watch(|progress| {
        groups.extend_from_slice(progress.groups);
        ControlFlow::Continue(())
    });
    let learnt = run.run(&mut engine(1), Model::from(weights()), &problems(3));
    (learnt.map_err(|error| error.to_string()), groups)
}

#[test]
fn a_problem_that_cannot_be_drawn_takes_no_others_with_it() {
    for parts in [1, 2] {
        let (failed, groups) = goes(Some("??"), &Indifferent, parts);
        let failed = failed.unwrap();
        // Nothing is learnt of a group of equals either: the others are learnt as beside one.
        let (equal, _) = goes(None, &Indifferent, parts);
        let equal = equal.unwrap();
        assert_ne!(bits(&failed.model), bits(&Model::from(weights())));
        assert_eq!(bits(&failed.model), bits(&equal.model), "{parts} parts");
        for note in steps(&failed.notes) {
            assert_eq!((note.failed, note.drawn.len(), note.samples), (1, 3, 12));
            let lost = note.drawn.iter().find(|drawn| drawn.problem == 1).unwrap();
            assert_eq!((lost.right, lost.samples), (None, 0));
            let line = serde_json::to_string(&note).unwrap();
            assert!(line.contains("\"failed\":1"), "{line}");
            assert_eq!(serde_json::from_str::<StepNote>(&line).unwrap(), note);
        }
        // A journal of a run that lost nothing says nothing of it, as before.
        let line = serde_json::to_string(&steps(&equal.notes)[0]).unwrap();
        assert!(!line.contains("failed"), "{line}");
        assert_eq!(groups.len(), 12);
        for group in groups {
            let reason = group.failed.unwrap_or_default();
            assert_eq!(
                (group.samples.is_empty(), reason.is_empty()),
                match group.problem {
                    1 => (true, false),
                    _ => (false, true),
                }
            );
            assert!(group.problem != 1 || reason.contains("every line of round 1 failed"));
        }
    }
}

#[test]
fn a_step_of_which_nothing_can_be_drawn_ends_the_run() {
    let (failed, groups) = goes(Some("all"), &Indifferent, 1);
    let error = failed.unwrap_err();
    assert!(error.contains("step 1: nothing could be drawn of any problem, of \"?"), "{error}");
    assert!(error.contains("every line of round 1 failed") && groups.is_empty(), "{error}");
}

/// A measurement that loses a problem is one all the same: it counts as not solved, and the others as without it.
#[test]
fn a_held_out_problem_that_cannot_be_drawn_ends_no_run() {
    let task: Arc<dyn tts_core::Task> = Arc::new(Exact);
    let measured = |problems: &[Problem]| {
        let found = measure::measure(&engine(1), &task, &config(2), problems, 4);
        found.map_err(|error| error.to_string())
    };
    let whole = problems(2);
    let long = Prompt::text("?".repeat(1 + shape().max_position_embeddings));
    let mut lost = whole.clone();
    lost[1].prompt = long.clone();
    let (alone, whole) = (measured(&whole[..1]).unwrap(), measured(&whole).unwrap());
    let found = measured(&lost).unwrap();
    assert_eq!((whole.failed, found.failed, found.problems, found.step), (0, 1, 2, 4));
    let shares = |found: &Measured, of: f64| {
        (found.pass / of, found.majority / of, found.any / of, found.tokens)
    };
    assert_eq!(shares(&found, 1.0), shares(&alone, 2.0));
    assert!(found.tokens > 0.0);
    let line = serde_json::to_string(&found).unwrap();
    assert!(line.contains("\"failed\":1"), "{line}");
    assert_eq!(serde_json::from_str::<Measured>(&line).unwrap(), found);
    // One that lost nothing is written as before.
    assert!(!serde_json::to_string(&whole).unwrap().contains("failed"));
    lost[0].prompt = long;
    let error = measured(&lost).unwrap_err();
    assert!(error.contains("held out[0], after 4 steps: nothing could be drawn of any"), "{error}");
}

/// A reward that must not be asked for anything.
#[derive(Debug)]
struct Unasked;

impl Reward for Unasked {
    fn rewards(&self, _asked: &Asked<'_>) -> Vec<f64> {
        unreachable!("nothing is to be drawn")
    }
}

#[test]
fn prompts_without_room_are_refused_before_anything_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let positions = shape().max_position_embeddings;
    let long = |tokens: usize| Problem {
        prompt: Prompt::text("?".repeat(tokens)),
        ..problems(1).remove(0)
    };
    let strange =
        Problem { prompt: Prompt::text("?z"), question: "?z".into(), ..problems(1).remove(0) };
    let goes = |learn: &[Problem], held_out: &[Problem]| {
        let run = Reinforce::new(ReinforceConfig { rewards: Vec::new(), ..config(1) });
        let run = run.task(Arc::new(Exact)).reward("own", 1.0, &Unasked).held_out(held_out);
        let run = run.folder(folder.path());
        run.run(&mut engine(1), Model::from(weights()), learn).unwrap_err().to_string()
    };
    let mut learn = problems(5);
    learn[3] = long(positions);
    let expected = format!(
        "problems[3]: {positions} tokens leave no room for a solution in {positions} positions"
    );
    assert_eq!(goes(&learn, &problems(2)), expected);
    let error = goes(&problems(5), &[long(positions - 1), long(positions + 1)]);
    assert!(error.contains("held out[1]: ") && error.contains("leave no room"), "{error}");
    let error = goes(&[strange], &problems(2));
    assert!(error.contains("the prompt of \"?z\": "), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // One position is room enough.
    assert!(long(positions - 1).leaves_room(&engine(1)).unwrap());
    assert!(!long(positions).leaves_room(&engine(1)).unwrap());
}
