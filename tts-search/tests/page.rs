//! An evaluation as a page: every problem, trees as many as fit, those of wrong answers first.

use serde_json::{Value, json};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::BestOfN;
use tts_search::evaluate::{Evaluation, Graded, Item, MOST_NODES, Report, page};

type Results = Vec<Result<Outcome, SearchError>>;

fn evaluated(problems: u64) -> (Vec<Item>, Report, Results) {
    let world = ToyWorld { additions: 3, error: 0.5, seed: 4 };
    let item = |number| Item::new(world.prompt(number).question(), world.answer(number));
    let items: Vec<Item> = (0..problems).map(item).collect();
    let search = Search::new(world)
        .scorer(Oracle { noise: 0.6, seed: 2 })
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0));
    let strategy = BestOfN { n: 4, ..Default::default() };
    let (report, results) =
        Evaluation::new(search, &items).run_keeping(&strategy, |_| {}).expect("runs");
    (items, report, results)
}

/// The problems of a page.
fn problems(html: &str) -> Vec<Value> {
    let (_, rest) = html.split_once("id=\"problem-rows\">").expect("problems");
    let (rows, _) = rest.split_once("</script>").expect("an end");
    serde_json::from_str(rows).expect("JSON")
}

#[test]
fn every_problem_is_there_and_leads_to_its_tree() {
    let (items, report, results) = evaluated(12);
    let sizes: Vec<usize> =
        results.iter().map(|done| done.as_ref().expect("runs").tree.len()).collect();
    let html = page("Sums", &report, &items, results, MOST_NODES).html();
    let rows = problems(&html);
    assert_eq!(rows.len(), 12);
    for (number, row) in rows.iter().enumerate() {
        let graded = &report.rows[number];
        assert_eq!(row["question"], items[number].question.as_str());
        assert_eq!((&row["gold"], &row["right"]), (&json!(graded.gold), &json!(graded.correct)));
        assert_eq!(row["answer"].as_str(), graded.answer.as_deref());
        assert_eq!(row["tokens"], graded.cost.generated_tokens);
        assert_eq!((&row["case"], &row["nodes"]), (&json!(number), &json!(sizes[number])));
        assert!(html.contains(&format!("id=\"case-{number}\" data-name=\"{}\"", graded.name())));
    }
    let shown = format!("{:.1} %, 95 % interval", 100.0 * report.accuracy.mean);
    assert!(html.contains(&shown) && html.contains("maj@k") && !html.contains("left out:"));
    let charts = if cfg!(feature = "plot") { 2 } else { 0 };
    assert_eq!(html.matches("<svg").count(), charts);
}

#[test]
fn trees_of_wrong_answers_come_first_and_the_others_are_counted() {
    let (items, report, results) = evaluated(12);
    let wrong: Vec<usize> = (0..12).filter(|&at| !report.rows[at].correct).collect();
    assert!((2..11).contains(&wrong.len()), "{wrong:?}");
    let size = |at: usize| results[at].as_ref().expect("runs").tree.len();
    let most: usize = wrong.iter().map(|&at| size(at)).sum();
    let html = page("Sums", &report, &items, results, most).html();
    let rows = problems(&html);
    let shown: Vec<usize> = (0..12).filter(|&at| !rows[at]["case"].is_null()).collect();
    assert_eq!(shown, wrong);
    assert!(html.contains(&format!("The trees of {} problems are left out", 12 - wrong.len())));
    // Places count the trees that are there.
    assert_eq!(rows[wrong[1]]["case"], 1);
}

#[test]
fn a_search_that_failed_is_named_and_shows_what_it_left() {
    let (items, _, mut results) = evaluated(3);
    let whole = results[1].as_ref().expect("runs").clone();
    let kind = || SearchErrorKind::Run(RunError::EmptyProblem);
    results[1] = Err(SearchError { kind: kind(), partial: Some(Box::new(whole)) });
    results[2] = Err(SearchError { kind: kind(), partial: None });
    let strategy = BestOfN { n: 4, ..Default::default() };
    let graded = |(at, result)| Graded::new(at, &items[at], &strategy, result);
    let rows = results.iter().enumerate().map(graded).collect();
    let report =
        Report::new(rows, strategy.samples(), Scale::PREFIX, &task::Math).expect("figures");
    let html = page("Sums", &report, &items, results, MOST_NODES).html();
    let rows = problems(&html);
    let why = kind().to_string();
    assert_eq!((rows[1]["note"].as_str(), rows[2]["note"].as_str()), (Some(&*why), Some(&*why)));
    assert_eq!((&rows[1]["case"], &rows[2]["case"]), (&json!(1), &Value::Null));
    assert!(html.contains("3, of which 2 failed") && html.contains("accuracy over what ran"));
}
