//! Solutions that begin with a text which nobody chose.

use std::sync::Mutex;

use super::*;

/// What was drawn: texts, and where in the tokens what the policy chose begins.
#[derive(Debug, Default)]
struct Looks(Mutex<Vec<(String, usize, usize)>>);

impl Reward for Looks {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let mut seen = self.0.lock().unwrap();
        for own in asked.samples {
            let first = own.runs.first().map_or(usize::MAX, |run| run.first);
            seen.push((own.text.clone(), first, own.tokens.len() - own.generated()));
        }
        vec![0.0; asked.samples.len()]
    }
}

fn run(begin: &str, looks: &Looks, count: usize) -> Vec<StepNote> {
    let config = ReinforceConfig { begin: begin.into(), ..config(count) };
    let run = Reinforce::new(config).task(Arc::new(Exact)).reward("looks", 1.0, looks);
    let learnt = run.run(&mut engine(1), Model::from(weights()), &problems(3)).unwrap();
    steps(&learnt.notes)
}

#[test]
fn what_a_solution_begins_with_is_read_and_not_learnt() {
    let looks = Looks::default();
    let notes = run("\n\n", &looks, 200);
    let seen = looks.0.lock().unwrap();
    assert!(!seen.is_empty());
    for (text, first, given) in seen.iter() {
        assert!(text.starts_with("\n\n"), "{text:?}");
        assert_eq!((*first, *given), (2, 2), "{text:?}");
    }
    let mean = |notes: &[StepNote]| {
        let right: Vec<f64> = notes.iter().filter_map(|note| note.right).collect();
        right.iter().sum::<f64>() / right.len() as f64
    };
    let (early, late) = (mean(&notes[..10]), mean(&notes[190..]));
    assert!(late > early + 0.1, "what is behind it is learnt: {early} {late}");
    // Nothing before it is the same as ever, and stands in no settings.
    let plain = Looks::default();
    run("", &plain, 1);
    assert!(plain.0.lock().unwrap().iter().all(|(_, first, given)| (*first, *given) == (0, 0)));
    let settings = serde_json::to_string(&config(1)).unwrap();
    assert!(!settings.contains("begin"), "{settings}");
    let begun = ReinforceConfig { begin: "?".into(), ..config(1) };
    let settings = serde_json::to_string(&begun).unwrap();
    assert_eq!(serde_json::from_str::<ReinforceConfig>(&settings).unwrap(), begun);
}
