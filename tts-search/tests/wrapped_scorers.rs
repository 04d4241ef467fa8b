//! Ensembles, and outcomes alone.

use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::decorate::*;
use tts_search::*;

const WORLD: ToyWorld = ToyWorld { additions: 4, error: 0.4, seed: 2 };
const ORACLE: Oracle = Oracle { noise: 0.3, seed: 1 };

/// A scorer that says what it is told of every fresh step.
fn says(scores: &'static [f64], scale: Scale) -> impl StepScorer {
    scorer::from_fn(move |path: &Trajectory, step: &Step| {
        let place = path.steps().iter().position(|other| other.text == step.text);
        scores[place.unwrap_or(0) % scores.len()]
    })
    .with_scale(scale)
}

fn path(fresh: usize, finished: bool) -> Trajectory {
    let step = |text: &str| std::sync::Arc::new(Step { text: text.into(), ..Step::default() });
    let steps = vec![step("a\n"), step("b\n"), step("c")];
    Trajectory::new(std::sync::Arc::new(Prompt::from("?")), steps, fresh, finished)
}

#[test]
fn an_ensemble_is_the_mean_or_the_least_of_every_step() {
    for (combine, expected) in [(Combine::Mean, [0.5, 0.5, 0.35]), (Combine::Min, [0.1, 0.4, 0.3])]
    {
        let both = Ensemble::new(combine)
            .with("one", says(&[0.1, 0.6, 0.3], Scale::STEP))
            .and_then(|both| both.with("other", says(&[0.9, 0.4, 0.4], Scale::STEP)))
            .expect("one scale");
        assert_eq!(both.scale(), Scale::STEP);
        let scored = both.score(&[path(3, true), path(1, false)]).expect("judges");
        for (found, expected) in scored[0].scores.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(scored[1].scores, scored[0].scores[2..]);
    }
    // One scorer is itself; copies change nothing.
    let one = Ensemble::new(Combine::Mean).with("one", ORACLE).expect("a scale");
    let two = Ensemble::new(Combine::Mean).with("a", ORACLE).and_then(|e| e.with("b", ORACLE));
    let run = |scorer: &dyn StepScorer| {
        let search = Search::new(WORLD).scorer(scorer).rule(StepRule::lines()).seed(5);
        search
            .run(BeamSearch { keep: 3, branch: 3, ..Default::default() }, WORLD.prompt(0))
            .expect("runs")
    };
    let plain = run(&ORACLE);
    assert_eq!(run(&one).tree, plain.tree);
    assert_eq!(run(&two.expect("a scale")).text(), plain.text());
}

#[test]
fn an_ensemble_refuses_what_means_nothing() {
    let none = Ensemble::new(Combine::Mean);
    assert!(
        none.score(&[path(1, true)]).is_err_and(|error| error.to_string().contains("no scorer"))
    );
    let unstated = Ensemble::new(Combine::Mean).with("x", says(&[0.5], Scale::UNSTATED));
    assert_eq!(unstated.unwrap_err(), EnsembleError::Unstated { name: "x".into() });
    for other in [Scale::PREFIX, Scale::REWARD] {
        let both = Ensemble::new(Combine::Mean)
            .with("x", says(&[0.5], Scale::STEP))
            .and_then(|both| both.with("y", says(&[0.5], other)));
        assert_eq!(both.unwrap_err(), EnsembleError::Scale { first: "x".into(), name: "y".into() });
    }
}

/// A scorer that can be told to refuse, to fail, or to miscount.
struct Odd(&'static str, Option<u64>);

impl StepScorer for Odd {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let steps = |path: &Trajectory| vec![0.5; path.fresh_steps().len()];
        match self.0 {
            "refuses" => Ok(batch.iter().map(|_| Scored::refused("too long")).collect()),
            "fails" => Err("it is down".into()),
            "few" => Ok(Vec::new()),
            "short" => Ok(batch.iter().map(|_| Scored::of(Vec::new())).collect()),
            _ => Ok(batch.iter().map(|path| Scored::of(steps(path))).collect()),
        }
    }

    fn scale(&self) -> Scale {
        Scale::STEP
    }

    fn vocabulary(&self) -> Option<u64> {
        self.1
    }

    fn cost(&self) -> cost::ModelCost {
        cost::ModelCost { parameters: 10, layers: 2, query_width: 3, windows: None }
    }

    fn identity(&self) -> Option<String> {
        Some(self.0.into())
    }
}

#[test]
fn an_ensemble_names_who_cannot_judge() {
    let with = |kind| {
        Ensemble::new(Combine::Mean)
            .with("good", Odd("good", Some(1)))
            .and_then(|both| both.with("odd", Odd(kind, None)))
            .expect("one scale")
    };
    let scored = with("refuses").score(&[path(2, true)]).expect("judges");
    assert_eq!(scored[0].refused.as_deref(), Some("odd: too long"));
    for (kind, expected) in [
        ("fails", "odd: it is down"),
        ("few", "odd: 0 judgements of 1 paths"),
        ("short", "odd: 0 scores of 2 steps"),
    ] {
        let error = with(kind).score(&[path(2, true)]).expect_err(kind).to_string();
        assert_eq!(error, expected);
    }
    // What one says is none of its scale, though the mean, or the least, would be.
    for (score, combine) in [
        (f64::NAN, Combine::Min),
        (1.5, Combine::Mean),
        (-0.5, Combine::Mean),
        (f64::INFINITY, Combine::Min),
    ] {
        let odd = scorer::from_fn(move |_: &Trajectory, _: &Step| score).with_scale(Scale::STEP);
        let both = Ensemble::new(combine).with("good", Odd("good", None));
        let both = both.and_then(|both| both.with("odd", odd)).expect("one scale");
        let error = both.score(&[path(2, true)]).expect_err("off the scale").to_string();
        let expected =
            format!("odd: the score of step 0 is {score}, on probability; a path by product");
        assert_eq!(error, expected);
    }
    let reward = || says(&[1.0], Scale::REWARD);
    let refused = Ensemble::new(Combine::Min).with("reward", reward());
    assert_eq!(refused.unwrap_err(), EnsembleError::Unbounded { name: "reward".into() });
    assert!(Ensemble::new(Combine::Mean).with("reward", reward()).is_ok());
    // Who has no name for what is inside has none for the whole.
    let unnamed = Ensemble::new(Combine::Mean).with("good", Odd("good", None));
    let unnamed = unnamed.and_then(|both| both.with("odd", says(&[0.5], Scale::STEP)));
    assert_eq!(unnamed.expect("one scale").identity(), None);
    let both = with("good");
    // Operations are those of both, for any context.
    for (context, tokens) in [(0, 1), (7, 5)] {
        let one = Odd("good", None).cost().flops(context, tokens);
        assert!((both.cost().flops(context, tokens) - 2.0 * one).abs() < 1e-9);
    }
    assert_eq!(both.identity().as_deref(), Some("Mean(good=good, odd=good)"));
    assert_eq!(both.vocabulary(), Some(1));
    let other = both.with("third", Odd("good", Some(2)));
    assert_eq!(other.unwrap_err(), EnsembleError::Vocabulary { name: "third".into() });
}

#[test]
fn outcomes_alone_are_judged_at_the_end_of_whole_solutions() {
    for (scale, neutral, expected) in [
        (Scale::STEP, 0.5, 0.1 * 0.6 * 0.3),
        (Scale::PREFIX, 0.5, 0.3),
        (Scale::LOG_ODDS, 0.0, 0.3),
    ] {
        let outcome = OutcomeOnly::of(says(&[0.1, 0.6, 0.3], scale)).expect("a neutral score");
        assert_eq!(outcome.scale(), scale.by(Aggregate::Last));
        let batch = [path(2, false), path(2, true), path(1, true), path(3, false)];
        let scored = outcome.score(&batch).expect("judges");
        let scores: Vec<Vec<f64>> = scored.into_iter().map(|scored| scored.scores).collect();
        let end = scores[2][0];
        assert!((end - expected).abs() < 1e-12, "{end} {expected}");
        let n = neutral;
        assert_eq!(scores, [vec![n, n], vec![n, end], vec![end], vec![n, n, n]]);
    }
    for scale in [Scale::UNSTATED, Scale::REWARD, Scale::LOG_PROBABILITY] {
        let error = OutcomeOnly::of(says(&[0.1], scale)).err().expect("no neutral score");
        assert!(error.contains("expected probabilities or log-odds"), "{error}");
    }
    let refuses = OutcomeOnly::of(Odd("refuses", Some(3))).expect("a scale");
    let scored = refuses.score(&[path(1, true), path(1, false)]).expect("judges");
    assert_eq!(scored[0].refused.as_deref(), Some("too long"));
    assert_eq!((scored[1].scores.len(), refuses.vocabulary()), (1, Some(3)));
    assert_eq!(refuses.identity().as_deref(), Some("outcome-only(refuses)"));
    let few = OutcomeOnly::of(Odd("few", None)).expect("a scale");
    let error = few.score(&[path(1, true)]).expect_err("too few").to_string();
    assert_eq!(error, "0 judgements of 1 paths");
    // Nobody is asked where nothing has finished.
    for aggregate in [Aggregate::Sum, Aggregate::SumLog] {
        let error = OutcomeOnly::of(says(&[0.1], Scale::STEP.by(aggregate))).err();
        let error = error.expect("no probability");
        assert!(error.contains("expected another aggregate than a sum"), "{error}");
        let odds = OutcomeOnly::of(says(&[0.1], Scale::LOG_ODDS.by(aggregate)));
        assert_eq!(odds.is_ok(), aggregate == Aggregate::Sum);
    }
    let fails = OutcomeOnly::of(Odd("fails", None)).expect("a scale");
    assert!(fails.score(&[path(1, false)]).is_ok() && fails.score(&[path(1, true)]).is_err());
}

const MODEL: cost::ModelCost =
    cost::ModelCost { parameters: 1_000, layers: 1, query_width: 2, windows: None };
const ASKED: scorer::Reads = scorer::Reads { tokens: 5, flops: 100.0, path: None };

/// Asks in place of reading paths, unless it reads them as well; refuses or judges.
struct Asks {
    path: Option<cost::ModelCost>,
    refuses: bool,
}

impl StepScorer for Asks {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let reads = Some(scorer::Reads { path: self.path, ..ASKED });
        let said = |path: &Trajectory| {
            let half = Scored::of(vec![0.5; path.fresh_steps().len()]);
            if self.refuses { Scored::refused("no") } else { half }
        };
        Ok(batch.iter().map(|path| said(path).reading(reads)).collect())
    }

    fn scale(&self) -> Scale {
        Scale::STEP
    }

    fn cost(&self) -> cost::ModelCost {
        MODEL
    }
}

/// Scored tokens and operations of one line, judged step by step or at its end; the toy's own lines cost nothing.
fn spent(scorer: &dyn StepScorer, stepwise: bool) -> (u64, f64) {
    let search = Search::new(WORLD).scorer(scorer).rule(StepRule::lines()).seed(5);
    let beam = BeamSearch { keep: 1, branch: 1, first: Some(1), ..BeamSearch::default() };
    let best_of = BestOfN { n: 1, ..BestOfN::default() };
    let recipe: Recipe = if stepwise { beam.into() } else { best_of.into() };
    let outcome = search.run(recipe, WORLD.prompt(0)).expect("runs");
    assert_eq!(outcome.tree.finished().count(), 1);
    (outcome.usage.logical.scored_tokens, outcome.usage.logical.flops)
}

#[test]
fn an_ensemble_is_charged_for_what_each_reads() {
    let with = |asks: Asks| {
        Ensemble::new(Combine::Mean)
            .with("good", Odd("good", None))
            .and_then(|both| both.with("asks", asks))
            .expect("one scale")
    };
    let reader = cost::ModelCost { layers: 1, query_width: 6, parameters: 10, windows: None };
    let both = cost::ModelCost { layers: 1, query_width: 8, parameters: 1_010, windows: None };
    for (asks, path_cost) in [(None, reader), (Some(MODEL), both)] {
        for refuses in [false, true] {
            let scored = with(Asks { path: asks, refuses }).score(&[path(2, true)]);
            let scored = scored.expect("judges").remove(0);
            assert_eq!(scored.refused.is_some(), refuses);
            assert_eq!(scored.reads, Some(scorer::Reads { path: Some(path_cost), ..ASKED }));
        }
    }
    // Two that ask read no path; two that say nothing leave it to their cost.
    let one = Asks { path: None, refuses: false };
    let asking = Ensemble::new(Combine::Min).with("one", one);
    let other = Asks { path: None, refuses: false };
    let asking = asking.and_then(|both| both.with("other", other)).expect("one scale");
    let scored = asking.score(&[path(1, true)]).expect("judges").remove(0);
    assert_eq!(scored.reads, Some(scorer::Reads { tokens: 10, flops: 200.0, path: None }));
    // In a search: the one reads the line, the other asks once.
    let plain = spent(&Odd("good", None), false);
    let mixed = spent(&with(Asks { path: None, refuses: false }), false);
    assert_eq!(mixed, (plain.0 + 5, plain.1 + 100.0));
}

#[test]
fn outcomes_alone_are_charged_once_for_whole_solutions() {
    let at_once = spent(&Odd("good", None), false);
    assert!(at_once.0 > 10 && at_once.1 > 0.0, "{at_once:?}");
    let outcomes = || OutcomeOnly::of(Odd("good", None)).expect("a scale");
    // However it was written, the solution is read when it has finished.
    assert_eq!(spent(&outcomes(), false), at_once);
    assert_eq!(spent(&outcomes(), true), at_once);
    // What is asked in its place is all that is read, also of one that is refused.
    let asks = |refuses| OutcomeOnly::of(Asks { path: None, refuses }).expect("a scale");
    assert_eq!(spent(&asks(false), true), (5, 100.0));
    assert_eq!(spent(&asks(true), true), (5, 100.0));
    let besides = OutcomeOnly::of(Asks { path: Some(MODEL), refuses: false }).expect("a scale");
    let (tokens, flops) = spent(&besides, true);
    assert_eq!(tokens, at_once.0 + 5);
    let read = spent(&Asks { path: Some(MODEL), refuses: false }, false);
    assert_eq!((tokens, flops), read);
}
