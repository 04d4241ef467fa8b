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
    assert_eq!((scores, ticks), (vec![vec![0.0, 0.5], vec![0.125]], 3));
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
