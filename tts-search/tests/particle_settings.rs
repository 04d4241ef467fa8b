//! Settings of particle filters that mean nothing, and scores that they cannot weigh by.

use tts_core::toy::ToyWorld;
use tts_core::*;
use tts_search::particle::{Anneal, AnnealBy, Potential, Resampling};
use tts_search::{ParticleFilter, ParticleGibbs};

#[test]
fn impossible_settings_are_refused_with_a_reason() {
    let filter = ParticleFilter::default;
    let anneal = |anneal| ParticleFilter { anneal: Some(anneal), ..filter() };
    let (of, linear) = (Anneal::default, |from| AnnealBy::Linear { from });
    for (filter, expected) in [
        (ParticleFilter { n: 0, ..filter() }, "n is 0"),
        (ParticleFilter { temperature: 0.0, ..filter() }, "temperature is 0"),
        (ParticleFilter { temperature: f64::NAN, ..filter() }, "temperature is NaN"),
        (ParticleFilter { temperature: f64::INFINITY, ..filter() }, "temperature is inf"),
        (ParticleFilter { resample_below: 1.1, ..filter() }, "resample_below is 1.1"),
        (ParticleFilter { resample_below: -0.1, ..filter() }, "resample_below is -0.1"),
        (ParticleFilter { resample_below: f64::NAN, ..filter() }, "resample_below is NaN"),
        (ParticleFilter { resample_below: 0.0, ..anneal(of()) }, "anneal means nothing"),
        (anneal(Anneal { below: 0.0, ..of() }), "anneal: below is 0"),
        (anneal(Anneal { below: 1.5, ..of() }), "anneal: below is 1.5"),
        (anneal(Anneal { until: 0.0, ..of() }), "anneal: until is 0"),
        (anneal(Anneal { until: f64::NAN, ..of() }), "anneal: until is NaN"),
        (anneal(Anneal { steps: 0, ..of() }), "anneal: steps is 0"),
        (anneal(Anneal { steps: 2, ..of() }), "anneal: steps is 2"),
        (anneal(Anneal { steps: 1, until: 1.0, ..of() }), "anneal: steps is 1"),
        (anneal(Anneal { by: AnnealBy::Entropy, steps: 2, ..of() }), "anneal: steps is 2"),
        (anneal(Anneal { by: linear(3.0), steps: 2, ..of() }), "anneal: steps is 2"),
        (anneal(Anneal { by: linear(0.8), ..of() }), "anneal: from is 0.8"),
        (anneal(Anneal { by: linear(1.25), steps: 4, ..of() }), "expected more than 1.25"),
        (anneal(Anneal { by: linear(f64::NAN), ..of() }), "anneal: from is NaN"),
        (anneal(Anneal { by: linear(f64::INFINITY), ..of() }), "anneal: from is inf"),
    ] {
        let error = filter.check().expect_err(expected);
        assert!(error.starts_with("particle filter: ") && error.contains(expected), "{error}");
        let error = ParticleGibbs { filter, ..Default::default() }.check().expect_err(expected);
        assert!(
            error.starts_with("particle gibbs: filter: ") && error.contains(expected),
            "{error}"
        );
    }
    assert!(anneal(Anneal { steps: 3, ..of() }).check().is_ok());
    for resampling in [Resampling::Multinomial, Resampling::Systematic, Resampling::Residual] {
        assert!(ParticleFilter { resampling, ..filter() }.check().is_ok());
    }
}

/// A recipe of before says nothing of what its annealing follows, and is written as it was.
#[test]
fn what_annealing_follows_is_said_where_it_is_another() {
    for (by, text) in [
        (AnnealBy::Effective, r#"{"below":0.5,"until":0.5,"steps":40}"#),
        (AnnealBy::Entropy, r#"{"by":"entropy","below":0.5,"until":0.5,"steps":40}"#),
        (
            AnnealBy::Linear { from: 2.0 },
            r#"{"by":{"linear":{"from":2.0}},"below":0.5,"until":0.5,"steps":40}"#,
        ),
    ] {
        let anneal = Anneal { by, ..Anneal::default() };
        assert_eq!(serde_json::to_string(&anneal).expect("JSON"), text);
        assert_eq!(serde_json::from_str::<Anneal>(text).expect("sound"), anneal);
    }
    let error = serde_json::from_str::<Anneal>(r#"{"by":{"linear":{"from":2.0,"to":1.0}}}"#);
    assert!(error.is_err_and(|error| error.to_string().contains("unknown field `to`")));
}

/// Of a sum of probabilities there are no odds.
#[test]
fn a_sum_of_probabilities_weighs_by_exponentials_only() {
    let world = ToyWorld::default();
    let run = |potential, aggregate, scale| {
        let judge = scorer::from_fn(|_: &Trajectory, _: &Step| 0.5).with_scale(scale);
        let filter = ParticleFilter { potential, aggregate, ..ParticleFilter::of(2) };
        let search = Search::new(world).scorer(judge).rule(StepRule::lines());
        search.run(filter, world.prompt(0)).map_err(|error| error.to_string())
    };
    let added = Scale::PREFIX.by(Aggregate::Sum);
    for potential in [Potential::Odds, Potential::Probability] {
        for (aggregate, scale) in [(Aggregate::Sum, Scale::PREFIX), (Aggregate::ByScale, added)] {
            let error = run(potential, aggregate, scale).expect_err("no probability");
            assert!(
                error.contains("the aggregate sum") && error.contains("probabilities"),
                "{error}"
            );
        }
        // Log-odds may be added.
        assert!(run(potential, Aggregate::Sum, Scale::LOG_ODDS).is_ok());
        assert!(run(potential, Aggregate::SumLog, Scale::STEP).is_ok());
    }
    assert!(run(Potential::Exponential, Aggregate::Sum, Scale::PREFIX).is_ok());
}

#[test]
fn a_scorer_that_says_nothing_of_its_scale_weighs_by_exponentials_only() {
    let world = ToyWorld::default();
    let unstated = scorer::from_fn(|_: &Trajectory, _: &Step| 0.5);
    let run = |potential| {
        let filter = ParticleFilter { potential, ..ParticleFilter::of(2) };
        Search::new(world).scorer(unstated).rule(StepRule::lines()).run(filter, world.prompt(0))
    };
    for potential in [Potential::Odds, Potential::Probability] {
        let error = run(potential).expect_err("no scale").to_string();
        assert!(error.contains("does not state its scale"), "{error}");
    }
    assert!(run(Potential::Exponential).is_ok());
    let bare = Search::new(world).run(ParticleFilter::of(2), world.prompt(0));
    assert!(bare.expect_err("no scorer").to_string().contains("particle filter needs a scorer"));
    let bare = Search::new(world).run(ParticleGibbs::default(), world.prompt(0));
    assert!(bare.expect_err("no scorer").to_string().contains("particle gibbs needs a scorer"));
}
