//! What figures are made of: samples as they came, what counts as right, bins, manifests.

use std::sync::Arc;

use serde_json::json;
use tts_core::family::{Chain, Family};
use tts_core::*;
use tts_search::evaluate::*;

const CHAIN: Chain = Chain { operations: [1, 4], digits: [1, 2], most: 999 };

/// Writes the right answer: the first line ends with a blank step, the others are cut behind it.
struct Cut;

impl Generator for Cut {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let step = |text: &str| {
            let tokens = text.bytes().map(u32::from).collect();
            Step { text: text.into(), tokens, ..Step::default() }
        };
        let line = |place: usize| {
            let (steps, finish) = match place {
                0 => (vec![step("=3\n"), step(" ")], Finish::Stop),
                _ => (vec![step("=3")], Finish::Context),
            };
            Ok(Completion { steps, finish, prompt_tokens: 1 })
        };
        let made = |request: &Request| Generated {
            lines: (0..request.seeds.len()).map(line).collect(),
            computed_tokens: 0,
            cached_tokens: 0,
        };
        Ok(batch.iter().map(made).collect())
    }
}

#[test]
fn a_pool_holds_samples_as_they_came() {
    let problems = [CHAIN.parse("1+2").unwrap()];
    let search = Search::new(&Cut).rule(StepRule::lines());
    let comparison = Comparison { search, family: &CHAIN, problems: &problems };
    let pools = pools::draw(&comparison, 2, &[0], |_, _| Ok::<(), EvaluateError>(())).unwrap();
    let [finished, cut] = &pools[0][..] else { panic!("two samples") };
    // Nothing is judged after the last text, but all of it was written.
    assert_eq!((finished.path.len(), finished.judged, finished.generated), (1, 3, 4));
    assert_eq!((finished.answer.is_some(), finished.correct), (true, true));
    // A number that stands last in what was cut is no answer.
    assert_eq!((cut.path.len(), cut.judged, cut.generated), (1, 2, 2));
    assert_eq!((cut.answer.as_deref(), cut.correct), (None, false));
}

#[test]
fn nothing_speaks_for_a_sample_without_text() {
    let sample = |texts: &[&str]| {
        let step = |text: &&str| Arc::new(Step { text: (*text).into(), ..Step::default() });
        let steps: Vec<Arc<Step>> = texts.iter().map(step).collect();
        let count = steps.len();
        let path = Trajectory::new(Arc::new(Prompt::from("1+2")), steps, count, true);
        pools::Sample { path, answer: None, correct: false, generated: 1, judged: 0 }
    };
    let pools = [vec![sample(&[]), sample(&["=3"])], vec![sample(&["=1+2\n", "=3"])]];
    let scorer = scorer::from_fn(|_, step| if step.text == "=3" { 0.5 } else { 0.25 });
    let mut ticks = 0;
    let scores = pools::score(&scorer, Aggregate::Product, &pools, |count| ticks += count).unwrap();
    assert_eq!((scores, ticks), (vec![vec![None, Some(0.5)], vec![Some(0.125)]], 3));
}

/// Reads the score of a step from its first word, and refuses a path where that is no number.
struct Reads(Scale);

impl StepScorer for Reads {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| {
            let read = |step: &Arc<Step>| step.text.split_whitespace().next()?.parse().ok();
            let scores: Option<Vec<f64>> = path.fresh_steps().iter().map(read).collect();
            scores.map_or_else(|| Scored::refused("no number"), Scored::of)
        };
        Ok(batch.iter().map(judge).collect())
    }

    fn scale(&self) -> Scale {
        self.0
    }
}

/// Writes these solutions, each of its steps.
struct Writes<'a>(&'a [&'a [&'a str]]);

impl Writes<'_> {
    fn steps(texts: &[&str]) -> Vec<Step> {
        let tokens = |text: &str| text.bytes().map(u32::from).collect();
        let step =
            |text: &&str| Step { text: (*text).into(), tokens: tokens(text), ..Step::default() };
        texts.iter().map(step).collect()
    }
}

impl Generator for Writes<'_> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let line = |texts: &&[&str]| {
            let steps = Self::steps(texts);
            Ok(Completion { steps, finish: Finish::Stop, prompt_tokens: 1 })
        };
        let made = |_: &Request| Generated {
            lines: self.0.iter().map(line).collect(),
            computed_tokens: 0,
            cached_tokens: 0,
        };
        Ok(batch.iter().map(made).collect())
    }
}

/// A choice from a pool is that of a search which draws the same samples, on every scale.
#[test]
fn pools_are_judged_as_searches_are() {
    let four = "-1 The answer is 4.";
    for (scale, method, samples) in [
        // Single steps multiply: 0.09 against 0.64, though the last one is surer.
        (
            Scale::STEP,
            Method::BestOfN,
            &[&["0.1 So\n", "0.9 The answer is 5."][..], &["0.8 So\n", "0.8 The answer is 4."]][..],
        ),
        // Of log-probabilities 0 would be the best.
        (
            Scale::LOG_PROBABILITY,
            Method::BestOfN,
            &[&["? The answer is 5."][..], &["-0.5 The answer is 4."]],
        ),
        // As they are, three log-odds of -1 are less than one of -2.
        (
            Scale::LOG_ODDS,
            Method::Weighted,
            &[&["-2 The answer is 5."][..], &[four], &[four], &[four]],
        ),
    ] {
        let scorer = Reads(scale);
        let rule = if method == Method::Weighted { Rule::Weighted } else { Rule::Best };
        let select = Selection { rule, aggregate: Aggregate::ByScale };
        let strategy = tts_search::BestOfN { n: samples.len(), select };
        let writer = Writes(samples);
        let search = Search::new(&writer).scorer(&scorer);
        let outcome = search.run(strategy, "2 + 2?").expect("runs");
        assert_eq!(outcome.answer().as_deref(), Some("4"), "{scale}");
        let sample = |texts: &&[&str]| {
            let steps: Vec<Arc<Step>> = Writes::steps(texts).into_iter().map(Arc::new).collect();
            let count = steps.len();
            let path = Trajectory::new(Arc::new(Prompt::from("2 + 2?")), steps, count, true);
            let answer = task::Math.answer(&path.text());
            let correct = answer.as_deref() == Some("4");
            pools::Sample { path, answer, correct, generated: 1, judged: 1 }
        };
        let pool: Vec<pools::Sample> = samples.iter().map(sample).collect();
        let pools = std::slice::from_ref(&pool);
        let scores = pools::score(&scorer, Aggregate::ByScale, pools, |_| {}).unwrap();
        let pool: Vec<metrics::Sampled> =
            pool.iter().zip(&scores[0]).map(|(sample, &score)| sample.sampled(score)).collect();
        assert_eq!(pool, outcome.samples(Aggregate::ByScale, "4"), "{scale}");
        assert!(pools::choose(method, &pool, scale, Aggregate::ByScale).unwrap(), "{scale}");
    }
    // What a search refuses, a pool does.
    let sample = metrics::Sampled { score: Some(0.5), finished: true, ..Default::default() };
    for (method, scale, aggregate) in [
        (Method::Weighted, Scale::UNSTATED, Aggregate::ByScale),
        (Method::BestOfN, Scale::REWARD, Aggregate::Product),
    ] {
        let error = pools::choose(method, std::slice::from_ref(&sample), scale, aggregate);
        assert!(matches!(error, Err(EvaluateError::Settings(_))), "{error:?}");
    }
    let none = pools::choose(Method::Majority, &[], Scale::PREFIX, Aggregate::ByScale);
    assert!(matches!(none, Err(EvaluateError::Metric(_))), "{none:?}");
}

#[test]
fn what_was_cut_is_not_right() {
    for (finish, right) in [(Finish::Stop, true), (Finish::Length, false), (Finish::Step, false)] {
        let mut tree = Tree::new(CHAIN.prompt("1+2"), 0);
        let end = tree.grow(NodeId::ROOT, "=3", finish, None);
        assert_eq!(is_right(&CHAIN, "1+2", &tree, end), right, "{finish:?}");
    }
}

#[test]
fn a_bin_tells_how_many_of_its_problems_can_be_solved() {
    let shares = [0.0, 1.0, 0.5, 0.0, 0.25, 0.0, 1.0, 0.5, 0.0, 0.0];
    let bins = Difficulty::by_shares(4, &shares).unwrap().bins;
    let solvable: Vec<f64> = bins.iter().map(|bin| bin.solvable).collect();
    assert_eq!(solvable, [1.0, 1.0, 0.5, 0.0, 0.0]);
    let ranges: Vec<Vec<f64>> = bins.iter().map(|bin| bin.range.to_vec()).collect();
    assert_eq!(ranges[2], [0.0, 0.25]);
}

/// What differs is named where it stands, not as the whole object around it.
#[test]
fn a_manifest_names_the_innermost_difference() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = |size: u32| json!({"model": {"name": "small", "size": size}, "n": 8});
    claim(folder.path(), &manifest(1)).unwrap();
    let error = claim(folder.path(), &manifest(2)).unwrap_err().to_string();
    assert!(error.contains("another model.size (1, and now 2)"), "{error}");
    assert!(!error.contains("small"), "{error}");
}

fn rows(method: Method, budgets: &[usize]) -> Vec<Row> {
    let spent = Spent { generated: 3, scored: 5, seconds: 0.0 };
    let row = |&n| Row::new(method, n, &[true, false], spent).expect("two problems");
    budgets.iter().map(row).collect()
}

#[test]
fn a_mean_number_of_tokens_is_rounded() {
    let mut text = Vec::new();
    row(&mut text, &rows(Method::Greedy, &[1])[0]).unwrap();
    let text = String::from_utf8(text).unwrap();
    let cells: Vec<&str> = text.split_whitespace().rev().take(3).collect();
    // 1.5 and 2.5 tokens a problem.
    assert_eq!(cells, ["0.0", "3", "2"]);
}

#[cfg(feature = "plot")]
#[test]
fn one_budget_is_a_mark_and_several_are_a_curve() {
    use tts_core::plot::Style;
    let all = [rows(Method::Greedy, &[1]), rows(Method::Beam, &[1, 4])].concat();
    let table = Table { task: "sums".into(), problems: 2, rows: all };
    let styles: Vec<Style> = chart(&table).series.iter().map(|series| series.style).collect();
    assert_eq!(styles, [Style::Marks, Style::LineAndMarks]);
}
