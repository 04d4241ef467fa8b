//! Strategies on made-up problems: of the even ones and of the odd ones, and who is chosen for which.

use serde_json::json;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{
    BoxError, Completion, Finish, Generated, Generator, Request, Scale, Search, Step, StepRule,
    StepScorer, Trajectory, Unit, scorer,
};
use tts_search::evaluate::{Evaluation, Item};
use tts_search::{BeamSearch, BestOfN, SelfConsistency};

use super::*;

/// The number that is asked for.
fn number(question: &str) -> u64 {
    question.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

/// Knows some numbers, and says 0 for the others.
struct Knows(fn(u64) -> bool);

impl Generator for Knows {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        Ok(Generated::by_seed(batch, |request, _| {
            let number = number(request.prefix.prompt().question());
            let answer = if (self.0)(number) { number } else { 0 };
            let text = format!("The answer is {answer}.");
            let tokens = text.bytes().map(u32::from).collect();
            let step = Step { text, tokens, ..Step::default() };
            Ok(Completion { steps: vec![step], finish: Finish::Stop, prompt_tokens: 3 })
        }))
    }
}

/// Thinks that even numbers are easy, whatever was written.
fn judge() -> impl StepScorer {
    let score = |path: &Trajectory, _: &Step| {
        if number(path.prompt().question()).is_multiple_of(2) { 0.9 } else { 0.2 }
    };
    scorer::from_fn(score).with_scale(Scale::PREFIX)
}

fn items() -> Vec<Item> {
    (1..=20).map(|number| Item::new(format!("Number {number}?"), number.to_string())).collect()
}

fn best(n: usize) -> Recipe {
    BestOfN { n, ..BestOfN::default() }.into()
}

/// Folders of evaluations below one.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn keep(&self, name: &str, recipe: &Recipe, knows: fn(u64) -> bool) -> Folders {
        self.keep_of((name, "toy", 0), recipe, (knows, true))
    }

    fn keep_of(
        &self,
        (name, model, seed): (&str, &str, u64),
        recipe: &Recipe,
        (knows, scored): (fn(u64) -> bool, bool),
    ) -> Folders {
        let judge = judge();
        let search = Search::new(Knows(knows)).rule(StepRule::lines()).seed(seed);
        let search = if scored { search.scorer(&judge) } else { search };
        let setup = json!({"recipe": recipe, "seed": seed, "task": "math"});
        let settings = json!({"model": model, "setup": setup});
        let folder = self.0.path().join(name);
        let items = items();
        let kept = Evaluation::new(search, &items).keep(&folder, &settings).expect("settings");
        kept.run(recipe, |_| {}).expect("runs");
        folder.to_str().expect("text").parse().expect("a folder")
    }
}

fn votes(n: usize) -> SelfConsistency {
    SelfConsistency { n, ..SelfConsistency::default() }
}

fn options(arms: &[&Folders], probe: &Folders) -> ChoosingOptions {
    ChoosingOptions {
        arms: arms.iter().map(|&arm| arm.clone()).collect(),
        probe: probe.clone(),
        signal: Signal::Score,
        until: Until::End,
        bins: NonZeroUsize::new(2).expect("two"),
        cost: Price::Lines,
        within: None,
        baseline: None,
        difficulty: None,
        no_reuse: false,
    }
}

fn even(number: u64) -> bool {
    number.is_multiple_of(2)
}

fn odd(number: u64) -> bool {
    !even(number)
}

fn told(found: &Choosing) -> String {
    let mut text = Vec::new();
    found.write(&mut text).expect("in memory");
    String::from_utf8(text).expect("text")
}

#[test]
fn each_half_gets_the_strategy_that_is_right_on_it() {
    let place = Place::new();
    let (two, four) = (place.keep("two", &best(2), even), place.keep("four", &best(4), odd));
    let all = place.keep("all", &best(8), |_| true);
    let pool = place.keep_of(("pool", "toy", 7), &best(3), (even, true));
    let asked = ChoosingOptions {
        baseline: Some(all),
        difficulty: Some(pool),
        ..options(&[&two, &four], &two)
    };
    let found = Choosing::of(&asked).expect("a study");
    assert_eq!(found.choice.arms, [0, 1]);
    assert_eq!(found.choice.probe, Some(Probe { samples: 2, ..Probe::default() }));
    // Two lines for one half, which are the probe, four for the other, two of which are: against eight.
    let by = |name: &str| {
        let way = found.ways.iter().find(|way| way.name == name).expect(name);
        let stage = way.at(None).expect("within");
        let ratio = way.curve.ratio.and_then(|found| found.ratio);
        (stage.accuracy.mean, stage.cost(), ratio)
    };
    assert_eq!(by("by the probe"), (1.0, 3.0, Some(0.375)));
    assert_eq!(by("by the probe, not paid"), (1.0, 3.0, Some(0.375)));
    assert_eq!(by("by the share of right samples"), (1.0, 3.0, Some(0.375)));
    assert_eq!(by("the best of them for all").2, None, "half of all is right");
    let text = told(&found);
    for part in ["0.38 (0.", "not as accurate", "they are the first of each strategy here"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let row = |name: &str| -> Vec<&str> {
        let line = text.lines().find(|line| line.starts_with(name)).expect(name);
        line.split_whitespace().collect()
    };
    assert_eq!(row("two "), ["two", "2.0", "100.0", "%*", "0.0", "%"]);
    assert_eq!(row("four "), ["four", "4.0", "0.0", "%", "100.0", "%*"]);
    assert_eq!(found.optimal.scorer.as_ref().map(|scorer| scorer.unit), Some(Unit::Probability));
    // The judge knows two kinds of problems, however many bins are asked for.
    let more = ChoosingOptions { bins: NonZeroUsize::new(5).expect("five"), ..asked.clone() };
    let more = Choosing::of(&more).expect("a study");
    assert_eq!(more.choice.bins.count(), 2);
    assert!(told(&more).contains("* is chosen; 2 bins of 5, since problems that look the same"));
    // An arm may be named by its name, and a pool may have been judged by nobody.
    let by_name = ChoosingOptions { probe: "two".parse().expect("a name"), ..asked.clone() };
    assert_eq!(Choosing::of(&by_name).expect("a study").choice.arms, [0, 1]);
    let unscored = place.keep_of(("unscored", "toy", 8), &Recipe::from(votes(3)), (even, false));
    let unscored = ChoosingOptions { difficulty: Some(unscored), ..asked.clone() };
    Choosing::of(&unscored).expect("who scores says nothing of who is right");
    // Thrown away, the probe is two lines more.
    let apart = ChoosingOptions { no_reuse: true, ..asked.clone() };
    let apart = Choosing::of(&apart).expect("a study");
    let cost = apart.ways[0].at(None).expect("within").cost();
    assert!((cost - 5.0).abs() < 1e-12 && !apart.optimal.reuse);
    // Three lines on average are enough for both, less for one.
    let all = ChoosingOptions { within: Some(3.0), ..asked.clone() };
    assert_eq!(Choosing::of(&all).expect("a study").choice.arms, [0, 1]);
    let cheap = Choosing::of(&ChoosingOptions { within: Some(2.9), ..asked }).expect("a study");
    assert_eq!(cheap.choice.arms, [0, 0]);
    assert!(told(&cheap).contains("One strategy for all bins: two alone"));
}

#[test]
fn what_is_written_chooses_as_the_table_says() {
    let place = Place::new();
    let (two, four) = (place.keep("two", &best(2), even), place.keep("four", &best(4), odd));
    let path = place.0.path().join("compute-optimal.json");
    for (no_reuse, lines) in [(false, [2, 4]), (true, [4, 6])] {
        let asked = ChoosingOptions { no_reuse, ..options(&[&two, &four], &two) };
        Choosing::of(&asked).expect("a study").write_recipe(&path).expect("written");
        let recipe = Recipe::from_file(&path).expect("a recipe");
        let judge = judge();
        let search = Search::new(Knows(|_| true)).scorer(&judge).rule(StepRule::lines());
        for item in items() {
            let outcome = search.run(recipe.clone(), item.question.as_str()).expect("runs");
            let expected = lines[usize::from(odd(number(&item.question)))];
            assert_eq!(outcome.usage.logical.samples, expected, "{}", item.question);
        }
    }
}

#[test]
fn a_search_of_steps_shares_the_first_steps_of_the_probe() {
    let place = Place::new();
    let two = place.keep("two", &best(2), even);
    let beam = Recipe::from(BeamSearch { keep: 3, branch: 1, ..BeamSearch::default() });
    let beam = place.keep("beam", &beam, odd);
    let found = Choosing::of(&options(&[&two, &beam], &two)).expect("a study");
    // Lines of one step: two of the beam's three are there.
    let costs: Vec<f64> = found.arms.iter().map(Tested::cost).collect();
    assert_eq!(costs, [2.0, 3.0]);
    let one = place.keep("one", &Recipe::from(SelfConsistency { n: 1, ..Default::default() }), odd);
    let found = Choosing::of(&options(&[&one, &beam], &two)).expect("a study");
    let costs: Vec<f64> = found.arms.iter().map(Tested::cost).collect();
    assert_eq!(costs, [1.0 + 1.0, 3.0], "one of two samples is on top");
}

/// A choice that was fitted on solutions of several steps, and what its recipe is right on and costs, by problem.
fn tried_out(asked: (usize, usize), until: Until, cost: Price) -> (Tried, Tried) {
    let place = Place::new();
    let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
    let item = |number| Item::new(world.prompt(number).question(), world.answer(number));
    let items: Vec<Item> = (0..12).map(item).collect();
    let search = || Search::new(world).scorer(Oracle::of(&world)).rule(StepRule::lines());
    let keep = |n: usize| -> Folders {
        let (recipe, folder) = (best(n), place.0.path().join(n.to_string()));
        let settings = json!({"model": "toy", "setup": {"recipe": recipe, "seed": 0}});
        let kept = Evaluation::new(search(), &items).keep(&folder, &settings).expect("settings");
        kept.run(&recipe, |_| {}).expect("runs");
        folder.to_str().expect("text").parse().expect("a folder")
    };
    let (arm, probe) = (keep(asked.0), keep(asked.1));
    let bins = NonZeroUsize::MIN;
    let asked = ChoosingOptions { until, bins, cost, ..options(&[&arm], &probe) };
    let found = Choosing::of(&asked).expect("a study");
    let report = Evaluation::new(search(), &items).run(&found.recipe(), |_| {}).expect("runs");
    let costs = report.rows.iter().map(|row| cost.of(&row.cost)).collect();
    (found.arms[0].behind.clone(), Tried { values: report.values(), costs })
}

#[test]
fn what_a_table_says_is_what_its_recipe_comes_to() {
    for until in [Until::End, Until::Step] {
        for cost in [Price::Generated, Price::Lines, Price::Calls] {
            let (told, found) = tried_out((4, 2), until, cost);
            assert_eq!(told, found, "{until:?} {cost:?}");
        }
    }
    let (told, found) = tried_out((2, 2), Until::End, Price::Calls);
    assert_eq!(told, found, "the probe is the strategy");
    // Of eight samples two are the strategy's, and the others have no say in the answer.
    let (told, found) = tried_out((2, 8), Until::End, Price::Lines);
    assert_eq!(told, found);
}

#[test]
fn a_problem_that_nothing_is_known_of_is_named() {
    let place = Place::new();
    let (two, four) = (place.keep("two", &best(2), even), place.keep("four", &best(4), odd));
    std::fs::remove_file(place.0.path().join("two").join("00003.jsonl")).expect("a record");
    let asked = ChoosingOptions { until: Until::Step, ..options(&[&four], &two) };
    let error = Choosing::of(&asked).expect_err("no record").to_string();
    assert_eq!(error, "--probe two: problem 3 has no record to tell its first steps from");
    // Nor is a problem whose samples all failed a hard one.
    let pool = place.keep_of(("pool", "toy", 7), &best(3), (even, true));
    let path = place.0.path().join("pool").join("graded.jsonl");
    let text = std::fs::read_to_string(&path).expect("a journal");
    let last = text.lines().last().expect("an entry");
    let mut entry: Value = serde_json::from_str(last).expect("an entry");
    entry["found"]["candidates"] = json!([]);
    std::fs::write(&path, text.replace(last, &entry.to_string())).expect("written");
    let asked = ChoosingOptions { difficulty: Some(pool), ..options(&[&four], &two) };
    let error = Choosing::of(&asked).expect_err("no samples").to_string();
    assert!(error.contains("--difficulty pool: problem"), "{error}");
    assert!(error.contains("has no samples to be called hard by"), "{error}");
}

/// Solutions of one step: first steps are whole, look alike, and cost as much; what follows is drawn step by step.
#[test]
fn a_probe_of_first_steps_is_read_from_records() {
    let place = Place::new();
    let (two, four) = (place.keep("two", &best(2), even), place.keep("four", &best(4), odd));
    let whole = Choosing::of(&options(&[&two, &four], &two)).expect("a study");
    let asked = ChoosingOptions { until: Until::Step, ..options(&[&two, &four], &two) };
    let begun = Choosing::of(&asked).expect("a study");
    assert_eq!(begun.estimates, whole.estimates);
    assert_eq!((begun.probed.1, &begun.choice.arms), (whole.probed.1, &whole.choice.arms));
    assert_eq!(begun.optimal.until, Until::Step);
    assert!(told(&begun).contains("probe     first steps of 2 samples of two (2.0 lines)"));
    let agree = ChoosingOptions { signal: Signal::Agreement, ..asked };
    let error = Choosing::of(&agree).expect_err("no answers").to_string();
    assert!(error.contains("does not go to the end has no answers"), "{error}");
    assert!(until("step").is_ok() && until("steps").is_err());
}

#[test]
fn what_tells_nothing_is_refused() {
    let place = Place::new();
    let (two, four) = (place.keep("two", &best(2), even), place.keep("four", &best(4), odd));
    let beam = Recipe::from(BeamSearch { keep: 2, branch: 1, ..BeamSearch::default() });
    let beam = place.keep("beam", &beam, odd);
    let other = place.keep_of(("other", "another", 0), &best(2), (even, true));
    let votes = Recipe::from(SelfConsistency { n: 2, ..Default::default() });
    let votes = place.keep_of(("votes", "toy", 0), &votes, (even, false));
    let named = Folders { name: "two".into(), ..four.clone() };
    let few = options(&[&two, &four], &two);
    let bins = |count| NonZeroUsize::new(count).expect("some");
    let cases = [
        (options(&[&two, &four], &beam), "--probe beam: its strategy does not sample the problem"),
        (options(&[&two, &other], &two), "other: has other settings than two"),
        (options(&[&two, &four], &votes), "--probe votes: nobody has scored its samples"),
        (options(&[&two, &named], &two), "two strategies are called \"two\""),
        (
            ChoosingOptions { within: Some(1.5), ..few.clone() },
            "--within: the cheapest choice costs 2.0 lines a problem",
        ),
        (
            ChoosingOptions { bins: bins(21), ..few.clone() },
            "--bins: 21 of 20 problems, expected 1 to 20",
        ),
        (
            ChoosingOptions { difficulty: Some(four.clone()), ..few.clone() },
            "four: has the samples of",
        ),
    ];
    for (asked, expected) in cases {
        let error = Choosing::of(&asked).expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    // All samples of a problem agree here, right or wrong: nothing is told apart.
    let agree = ChoosingOptions { signal: Signal::Agreement, ..few };
    let error = Choosing::of(&agree).expect_err("all alike").to_string();
    assert!(
        error.contains("the agreement of its samples are the same (1) for every problem"),
        "{error}"
    );
    let found = Choosing::of(&ChoosingOptions { bins: bins(1), ..agree }).expect("one for all");
    assert_eq!((found.choice.bins.count(), &found.choice.arms[..]), (1, &[0][..]));
    assert!(told(&found).contains("One strategy for all bins: two alone"));
    assert!(signal("agreement").is_ok() && signal("luck").is_err());
}
