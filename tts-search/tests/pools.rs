//! Pools are what was sampled: what a curve says at n is what the strategy does with n samples.

use tts_core::metrics::{Metric, Pool};
use tts_core::select::Weight;
use tts_core::toy::ToyWorld;
use tts_core::*;
use tts_search::*;

/// A judge with some sense, on any scale, that refuses some paths.
struct Judge {
    scale: Scale,
    refuses: u64,
}

impl StepScorer for Judge {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| {
            let lot = seed::hash_text(3, &path.text());
            if self.refuses > 0 && lot.is_multiple_of(self.refuses) {
                return Scored::refused("unlucky");
            }
            let mut text: String = path.judged_steps().iter().map(|s| s.text.as_str()).collect();
            let mut scores = Vec::new();
            for step in path.fresh_steps() {
                text.push_str(&step.text);
                let chance = seed::rng(seed::hash_text(5, &text)).uniform();
                let p = 0.05 + 0.9 * chance;
                scores.push(match self.scale.unit {
                    Unit::LogProbability => p.ln(),
                    Unit::LogOdds => (p / (1.0 - p)).ln(),
                    Unit::Reward => 8.0 * p - 3.0,
                    _ => p,
                });
            }
            Scored::of(scores)
        };
        Ok(batch.iter().map(judge).collect())
    }

    fn scale(&self) -> Scale {
        self.scale
    }
}

const SCALES: [Scale; 7] = [
    Scale::UNSTATED,
    Scale::STEP,
    Scale::PREFIX,
    Scale::OUTCOME,
    Scale::LOG_PROBABILITY,
    Scale::LOG_ODDS,
    Scale::REWARD,
];

const AGGREGATES: [Aggregate; 7] = [
    Aggregate::ByScale,
    Aggregate::Last,
    Aggregate::Min,
    Aggregate::Mean,
    Aggregate::Product,
    Aggregate::Sum,
    Aggregate::SumLog,
];

#[test]
fn a_pool_at_n_is_the_strategy_on_n_samples() {
    let world = ToyWorld { additions: 4, error: 0.25, seed: 3 };
    let (mut right, mut all, mut cut, mut unscored) = (0, 0, 0, 0);
    // Room for all, for some, and for none to come to their end.
    for (max_tokens, refuses) in [(1024, 0), (1024, 3), (58, 0), (58, 3), (40, 0)] {
        for scale in SCALES {
            let judge = Judge { scale, refuses };
            let search = Search::new(world)
                .scorer(&judge)
                .rule(StepRule { max_tokens, ..StepRule::lines() })
                .sampling(Sampling::temperature(1.0))
                .seed(9);
            for aggregate in AGGREGATES {
                for rule in [Rule::Best, Rule::Majority, Rule::Weighted] {
                    let select = Selection { rule, aggregate };
                    let sound = scale.check(select).is_ok();
                    for problem in 0..4 {
                        let strategy = BestOfN { n: 12, select };
                        let outcome = search.run(strategy, world.prompt(problem));
                        // What means nothing is refused, and nothing else.
                        assert_eq!(outcome.is_ok(), sound, "{select:?} {scale:?}");
                        let Ok(outcome) = outcome else { continue };
                        let gold = world.answer(problem);
                        let samples = outcome.samples(aggregate, &gold);
                        assert_eq!(samples.len(), 12);
                        let same = task::Math.comparer();
                        let pool =
                            Pool::of_samples(&samples, scale, aggregate, same).expect("a pool");
                        let metric = match rule {
                            Rule::Best => Metric::Best,
                            Rule::Majority => Metric::Vote(Weight::Count),
                            _ => Metric::Weighted,
                        };
                        let found = pool.at_k(metric, 12, 10, 0).expect("an estimate").value;
                        let solved = outcome.verdict(&gold).is_right();
                        assert!(
                            (found - f64::from(u8::from(solved))).abs() < 1e-12,
                            "{select:?} {scale:?} {max_tokens} {refuses} {problem}: {found}, {solved}"
                        );
                        all += 1;
                        right += usize::from(solved);
                        cut += samples.iter().filter(|sample| !sample.finished).count();
                        unscored += samples.iter().filter(|sample| sample.score.is_none()).count();
                    }
                }
            }
        }
    }
    // The test means something: both verdicts, cut samples and unscored ones occur.
    assert!(
        right * 5 > all && right < all && cut > all && unscored > all,
        "{right} {all} {cut} {unscored}"
    );
}

/// A weighted vote over log-probabilities once elected the rarest answer.
#[test]
fn no_scale_elects_the_rarest_answer() {
    for scale in SCALES.into_iter().skip(1) {
        let mut tree = Tree::new(Prompt::from("2 + 2?"), 0).with_scale(scale);
        let like = |p: f64| match scale.unit {
            Unit::LogProbability => p.ln(),
            Unit::LogOdds => (p / (1.0 - p)).ln(),
            Unit::Reward => p - 5.0,
            _ => p,
        };
        tree.grow(NodeId::ROOT, "The answer is 5.", Finish::Stop, Some(like(0.5)));
        for _ in 0..4 {
            tree.grow(NodeId::ROOT, "The answer is 4.", Finish::Stop, Some(like(0.5)));
        }
        let pick = Selection::weighted().pick(&tree).expect("a choice");
        assert_eq!(tree.answer(pick), Some("4"), "{scale:?}");
        let weights = scale.weights(Selection::weighted(), &[Some(like(0.1)), Some(like(0.9))]);
        assert!(weights.iter().all(|&weight| weight >= 0.0) && weights[1] > weights[0]);
    }
}

#[test]
fn a_small_pool_shortens_no_curve() {
    let sample = |right| metrics::Sampled {
        answer: Some(if right { "4" } else { "5" }.into()),
        score: Some(0.5),
        finished: true,
        right,
    };
    let pool = |samples: &[metrics::Sampled]| {
        let same = |a: &str, b: &str| a == b;
        Pool::of_samples(samples, Scale::PREFIX, Aggregate::ByScale, same).expect("a pool")
    };
    let pools = [pool(&[sample(true), sample(false)]), pool(&[sample(true)])];
    let points = metrics::curve(&pools, Metric::Pass, &[1, 2], 100, 0).expect("a curve");
    let shown: Vec<(usize, usize)> = points.iter().map(|p| (p.k, p.accuracy.problems)).collect();
    assert_eq!(shown, [(1, 2), (2, 1)]);
}

#[test]
fn what_was_cut_votes_only_where_nothing_is_finished() {
    let sample = |answer: &str, finished, right| metrics::Sampled {
        answer: Some(answer.into()),
        score: Some(if finished { 0.1 } else { 0.9 }),
        finished,
        right,
    };
    let samples = [sample("4", true, true), sample("5", false, false), sample("5", false, false)];
    let same = |a: &str, b: &str| a == b;
    let pool = Pool::of_samples(&samples, Scale::PREFIX, Aggregate::ByScale, same).expect("a pool");
    let at = |metric, k| pool.at_k(metric, k, 100, 0).expect("an estimate").value;
    for metric in [Metric::Best, Metric::Vote(Weight::Count), Metric::Weighted] {
        assert!((at(metric, 3) - 1.0).abs() < 1e-12, "{metric:?}");
        // Two of three pairs hold what is finished.
        assert!((at(metric, 2) - 2.0 / 3.0).abs() < 1e-12, "{metric:?}");
    }
}

#[test]
fn failed_lines_are_samples() {
    struct Half(ToyWorld);
    impl Generator for Half {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            let mut made = self.0.generate(batch)?;
            for line in made.iter_mut().flat_map(|made| made.lines.iter_mut().skip(1).step_by(2)) {
                *line = Err(LineError("hung up".into()));
            }
            Ok(made)
        }
    }
    let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
    let half = Half(world);
    let strategy = SelfConsistency { n: 8, ..SelfConsistency::default() };
    let outcome = Search::new(&half).run(strategy, world.prompt(0)).expect("runs");
    let samples = outcome.samples(Aggregate::ByScale, &world.answer(0));
    assert_eq!((samples.len(), samples.iter().filter(|sample| sample.right).count()), (8, 4));
}

/// A copy that has ended is not asked again, whatever the others do.
#[test]
fn a_copy_of_a_forest_ends_once() {
    #[derive(Clone)]
    struct Rounds;
    impl SearchStrategy for Rounds {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if !view.is_start() && view.fresh().is_empty() {
                return vec![Expand::end(NodeId::ROOT, 1)];
            }
            // The first copy is done after one round, the others after two.
            let done = view.fresh().iter().any(|id| id.0 % 3 == 1);
            if done { Vec::new() } else { vec![Expand::end(NodeId::ROOT, 1)] }
        }
    }
    let world = ToyWorld { additions: 1, ..ToyWorld::default() };
    let budget = Budget { rounds: Some(9), ..Budget::default() };
    let search = Search::new(world).budget(budget);
    let outcome = search.run(Forest::of(3, Rounds), world.prompt(0)).expect("runs");
    assert_eq!(outcome.stop, Stop::Done, "{:?}", outcome.usage);
}
