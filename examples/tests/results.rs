//! Published results: what stands in `docs/results` follows from the values beside it, and is told so.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tts_examples::experiment::{Difference, Recipe, Report, SURE, names, recompute, run};
use tts_models::EngineConfig;

fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/results")
}

/// A recipe of nothing but the embedded generator.
fn tiny() -> Value {
    let arm = |name: &str, strategy: &str| json!({ "name": name, "policy": "player", "strategy": strategy, "n": [1, 4] });
    json!({
        "title": "Tiny", "claim": "None.", "limits": "All.",
        "task": { "chain": { "operations": [3, 5], "digits": [1, 2], "most": 999 } },
        "temperature": 0.8, "problems": 10, "seeds": 3, "pool": 6,
        "models": { "player": { "embedded": "generator" } },
        "arms": [arm("majority, of all", "majority"), arm("some", "pass-at-n")],
        "compare": [
            { "first": "some", "second": "majority, of all" },
            { "first": "some", "second": "majority, of all", "at": "tokens", "n": [4] },
            { "first": "some", "second": "majority, of all", "at": "accuracy", "margin": 0.01, "n": [4] },
        ],
        "difficulty": { "policy": "player", "samples": 4 },
        "matched": { "small": ["some"], "large": "majority, of all", "parameters": [1e6, 2e6], "shares": [0.5, 1e6] },
    })
}

/// A report of it, written.
fn written(folder: &Path) -> Report {
    let recipe = Recipe::parse(&tiny().to_string()).unwrap();
    let report = run(&recipe, false, folder.join("store"), EngineConfig::default()).unwrap();
    report.write("tiny", &folder.join("out")).unwrap();
    report
}

fn experiment(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_experiment");
    let out = Command::new(program).args(arguments).arg("--out").arg(folder.join("out")).output();
    out.unwrap()
}

/// Exchanges the first text in the values that can be found by another.
fn alter(path: &Path, from: &str, to: &str) {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    assert!(text.contains(from), "{text}");
    let file = std::fs::File::create(path).unwrap();
    let mut file = GzEncoder::new(file, Compression::fast());
    file.write_all(text.replacen(from, to, 1).as_bytes()).unwrap();
    file.finish().unwrap();
}

#[test]
fn figures_follow_from_the_values_and_from_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let report = written(folder.path());
    assert_eq!(Report::read("tiny", &folder.path().join("out")).unwrap(), report);
    let found = experiment(folder.path(), &["--recompute", "tiny"]);
    let text = String::from_utf8(found.stdout).unwrap();
    assert!(found.status.success() && text.contains("tiny"), "{text}");
    // Rendering changes nothing of what is there.
    let read = |ending: &str| std::fs::read(folder.path().join("out").join(ending)).unwrap();
    let all = ["tiny.md", "tiny.json", "tiny.svg", "values/tiny.csv.gz"];
    let before = all.map(read);
    assert!(experiment(folder.path(), &["--render"]).status.success());
    assert_eq!(before, all.map(read));

    // Some sample is right at least as often as the majority, and tokens are known by problem.
    let text = String::from_utf8(read("tiny.md")).unwrap();
    let row = text.lines().find(|line| line.starts_with("| some | majority, of all | 4 | 1.0 | "));
    assert!(row.is_some_and(|row| !row.contains("never")), "{text}");
    let mut other = Report::read("tiny", &folder.path().join("out")).unwrap();
    other.points[1].tokens[0] += 1_000.0;
    other.points[3].values[0] += 0.5;
    let found = recompute(&other).unwrap().differ.join("\n");
    let ratio = "tokens of some over majority, of all at N = 4, ratio: published";
    assert!(found.contains(ratio), "{found}");
    // Of twice the parameters eight times the tokens, which four samples do not take, or twice.
    assert!(
        text.contains("| some | 0.5 | 8.0 | ") && text.contains(" | 4, the largest | "),
        "{text}"
    );
    assert!(text.contains("| some | 1000000 | 2.0 | "), "{text}");
    assert!(found.contains("some matched at a share of 0.5: published"), "{found}");

    // One value of one problem is another.
    let values = folder.path().join("out/values/tiny.csv.gz");
    let first = report.points[0].values[0];
    alter(&values, &format!("\n1,{first},"), &format!("\n1,{},", first + 0.125));
    let found = experiment(folder.path(), &["--recompute"]);
    let text = String::from_utf8(found.stdout).unwrap();
    assert!(!found.status.success(), "{text}");
    assert!(text.contains("majority, of all at N = 1: published"), "{text}");

    // A row is lost, or the columns are of another recipe.
    alter(&values, "\n10,", "\n10,x");
    let error = Report::read("tiny", &folder.path().join("out")).unwrap_err().to_string();
    assert!(error.contains("tiny.csv.gz: \"x"), "{error}");
    alter(&values, "some; N = 4", "some; N = 5");
    let error = Report::read("tiny", &folder.path().join("out")).unwrap_err().to_string();
    assert!(error.contains("its columns are not those of the report"), "{error}");
    // Without values there is less to compute, and it is said.
    std::fs::remove_file(&values).unwrap();
    let found = experiment(folder.path(), &["--recompute", "tiny"]);
    let text = String::from_utf8(found.stdout).unwrap();
    assert!(found.status.success() && text.contains("no values by problem: tiny"), "{text}");
}

/// Where a file cannot be made beside its place, the only copy of the values stays as it was.
#[test]
fn what_cannot_be_written_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = written(folder.path());
    let out = folder.path().join("out");
    report.points[0].values[0] += 0.125;
    "Another one.".clone_into(&mut report.recipe.claim);
    for name in ["values/tiny.csv.gz", "tiny.md", "tiny.json"] {
        let path = out.join(name);
        let (before, partial) =
            (std::fs::read(&path).unwrap(), out.join(format!("{name}.partial")));
        std::fs::create_dir(&partial).unwrap();
        let error = report.write("tiny", &out).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{name}");
        std::fs::remove_dir(&partial).unwrap();
    }
    report.write("tiny", &out).unwrap();
    assert_eq!(Report::read("tiny", &out).unwrap(), report);
}

/// What somebody calls as a recipe of the project goes elsewhere, and says where it comes from.
#[test]
fn a_recipe_of_ones_own_leaves_what_is_published_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("votes.json"), tiny().to_string()).unwrap();
    let experiment = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_experiment"));
        let found = program.current_dir(&folder).args(arguments).output().unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    };
    experiment(&["votes.json", "--store", "store", "--threads", "1"]);
    assert!(!folder.path().join("docs").exists());
    let read = |name: &str| std::fs::read_to_string(folder.path().join("runs/votes").join(name));
    let text = read("votes.md").unwrap();
    assert!(
        text.contains("Recipe: `votes.json`, run with `") && text.contains("-- votes.json`"),
        "{text}"
    );
    assert!(text.starts_with("# Tiny") && !text.contains("has changed since"), "{text}");
    // Told again, it is still of that file.
    experiment(&["--render", "votes", "--out", "runs/votes"]);
    assert_eq!(read("votes.md").unwrap(), text);
}

#[test]
fn what_is_published_follows_from_its_values() {
    let names = names(&published()).unwrap();
    assert!(names.len() >= 13, "{names:?}");
    let mut with_values = 0;
    for name in names {
        let report = Report::read(&name, &published()).unwrap();
        let found = recompute(&report).unwrap();
        assert_eq!(found.differ, Vec::<String>::new(), "{name}");
        with_values += usize::from(found.has_values);
    }
    assert!(with_values >= 1);
}

/// What stands in every figure and in no interval is told where it is so, and nowhere else.
#[test]
fn the_luck_of_training_is_told() {
    let mut told = Vec::new();
    for name in names(&published()).unwrap() {
        let report = Report::read(&name, &published()).unwrap();
        let text = report.markdown(&name).unwrap();
        assert_eq!(text.contains("luck of its training"), report.recipe.holds_luck_of_training());
        if report.recipe.holds_luck_of_training() {
            told.push(name);
        }
    }
    // Two train anew for each seed, one trains nothing.
    for name in ["steps-against-answers", "active-learning", "strategies"] {
        assert!(!told.contains(&name.into()), "{name}: {told:?}");
    }
    assert!(told.contains(&"labels".into()) && told.len() >= 10, "{told:?}");
}

/// Texts may be told otherwise, and nothing else.
#[test]
fn a_recipe_that_asks_otherwise_is_another() {
    let report = Report::read("crossover", &published()).unwrap();
    let mut recipe = report.recipe.clone();
    recipe.title.push('!');
    recipe.limits.clear();
    assert!(report.recipe.asks_as(&recipe));
    let text = report.markdown("crossover").unwrap();
    assert!(!text.contains("The recipe has changed since"), "{text}");
    recipe.arms[0].n.push(2);
    assert!(!report.recipe.asks_as(&recipe));
    let mut other = report;
    other.recipe.seeds += 1;
    let text = other.markdown("crossover").unwrap();
    assert!(text.contains("The recipe has changed since"), "{text}");
    other.quick = true;
    let text = other.markdown("crossover").unwrap();
    assert!(!text.contains("The recipe has changed since"), "{text}");
}

/// Texts and tables are those of the JSON and of the recipe: `experiment --render` was run.
#[test]
fn what_is_published_is_rendered() {
    for name in names(&published()).unwrap() {
        let report = Report::read(&name, &published()).unwrap();
        let told = report.clone().told_again(&name).unwrap();
        assert_eq!(told, report, "{name}");
        // Of a recipe of the project, not of a file on somebody's machine.
        assert_eq!(report.from, None, "{name}");
        let text = std::fs::read_to_string(published().join(format!("{name}.md"))).unwrap();
        assert_eq!(text, told.markdown(&name).unwrap(), "{name}");
        for difference in &report.differences {
            let sure = format!("**{:.4}**", difference.adjusted);
            assert!(difference.adjusted >= SURE || text.contains(&sure), "{name}");
        }
        let told = report.differences.iter().any(Difference::is_interpolated);
        assert_eq!(told, text.contains("Where a row says *interpolated*"), "{name}");
        let json = std::fs::read(published().join(format!("{name}.json"))).unwrap();
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json, serde_json::to_value(&report).unwrap(), "{name}");
    }
}
