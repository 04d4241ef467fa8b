//! What commands say of budgets, scorers and folders: what a bound did, and what to give in place of what is refused.

use super::{chain_problems, evaluating, example, place, ran, succeeded, text};

/// A round that would take minutes ends at its second, with what is written by then.
#[test]
fn hard_seconds_end_a_round() {
    let Some(solve) = example("solve") else { return };
    let asked =
        "--model embedded --strategy self-consistency --n 20000 --max-lines 4 --threads 1 --budget";
    let asked: Vec<&str> = asked.split(' ').chain(["seconds=0.5,hard", "12+3*4-5="]).collect();
    let said = succeeded(&solve, &asked);
    assert!(said.contains("\nstopped   the budget was out (wall time)"), "{said}");
    assert!(said.contains("lines that were asked for were not written (wall time)"), "{said}");
    assert!(said.contains("of the lines from node 0: wall time was out before"), "{said}");
}

#[test]
fn what_a_budget_did_to_an_evaluation_is_told() {
    let (Some(evaluate), Some(compare)) = (example("evaluate"), example("compare")) else { return };
    let (_folder, path) = place();
    let data = path("problems.jsonl");
    chain_problems(&data, 3);
    let ran_by = |name: &str, more: &[&str]| {
        succeeded(&evaluate, &evaluating(&data, &path(&format!("{name}.json")), more))
    };
    let soft = ran_by("soft", &["--budget", "samples=2"]);
    assert!(soft.contains("\nbudget    samples: exceeded by 3 searches of 3"), "{soft}");
    let hard = ran_by("hard", &["--budget", "samples=2,hard"]);
    assert!(
        hard.contains("\nbudget    samples: left out or cut lines of 3 searches of 3"),
        "{hard}"
    );
    let free = ran_by("free", &[]);
    assert!(!free.contains("\nbudget "), "{free}");
    // Lines of other settings are not in records, and asking again finds none.
    let records = format!("records:{}", path("free.records"));
    let mut other = evaluating(&data, &path("other.json"), &["--seed", "9"]);
    other[1] = records;
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    let output = ran(&evaluate, &other);
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("free.records were made with seed 0, and not 9"), "{said}");
    assert!(!said.contains("--retry-lost"), "{said}");
    // What is no folder of an evaluation is said to be none, with the one that is meant.
    let figures = path("free.json");
    let said = text(&ran(&compare, &[&figures, &path("soft.records")]));
    assert!(said.contains("a file, and no folder, expected a folder of records"), "{said}");
    assert!(said.contains("free.records is one"), "{said}");
}

#[test]
fn what_is_missing_is_told_as_an_option() {
    let Some(solve) = example("solve") else { return };
    for (asked, expected) in [
        ("--budget money=1", "no price is known (--price)"),
        ("--price judge:generated=1", "a JSON file of --model names engines by role"),
        ("--price scorer.own:scored=1", "--named NAME=SCORER"),
        ("--scorer none", "(--scorer)"),
    ] {
        let asked: Vec<&str> =
            ["--model", "embedded"].into_iter().chain(asked.split(' ')).chain(["1+2="]).collect();
        let output = ran(&solve, &asked);
        let said = text(&output);
        assert!(!output.status.success() && said.contains(expected), "{asked:?}: {said}");
        assert!(!said.contains("Search::"), "{asked:?}: {said}");
    }
}
