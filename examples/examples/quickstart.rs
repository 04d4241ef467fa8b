//! The first thing to run: every strategy on held-out problems, with the embedded pair, offline.
//!
//! `cargo run --release --example quickstart`
//!
//! A table of accuracy and cost at N = 1, 4, 16 and 64, then the search tree of one problem, and the
//! chart of accuracy against tokens. `--ask "47 + 38 * 3 - 26"` solves a problem of your own.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use tts_core::Aggregate;
use tts_core::Search;
use tts_core::family::{Family, Problem, Split, problems};
use tts_examples::files::write_json;
use tts_examples::quickstart::{Contest, task};
use tts_examples::verifier::Verifier;
use tts_examples::{Error, exit, pair, setting};
use tts_models::{Backend, EngineConfig, WeightFormat};
use tts_search::evaluate::{self, Comparison, LEGEND, Method, Table, TreeView, square_root, words};

/// Compares search strategies on arithmetic, or solves a problem of yours.
#[derive(Parser)]
struct Arguments {
    /// Solves this problem, such as "47 + 38 * 3 - 26", in place of the comparison.
    #[arg(long, value_name = "PROBLEM", conflicts_with_all = ["problems", "plot", "json"])]
    ask: Option<String>,
    /// How many held-out problems.
    #[arg(long, default_value_t = 100)]
    problems: usize,
    /// Budgets: squares, separated by commas. The greatest also serves the tree and --ask.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64])]
    n: Vec<usize>,
    /// Where all randomness comes from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the chart goes.
    #[arg(long, value_name = "FILE", default_value = "quickstart.svg")]
    plot: PathBuf,
    /// Writes the table as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Who judges: the reward models of the pair, or the exact checker (oracle).
    #[arg(long, value_enum, default_value_t = Verifier::Prm)]
    scorer: Verifier,
    /// Another pair: a folder with generator, prm and orm.
    #[arg(long, value_name = "FOLDER")]
    pair: Option<PathBuf>,
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let family = setting::family();
    // Everything that can be wrong with the request is found before a model is read.
    let asked = arguments.ask.as_deref().map(|text| family.parse(text)).transpose()?;
    let mut budgets = arguments.n.clone();
    budgets.sort_unstable();
    budgets.dedup();
    budgets.iter().try_for_each(|&n| square_root(n).map(|_| ()))?;
    let Some(&most) = budgets.last() else { return Err("--n is empty".into()) };
    if arguments.problems == 0 {
        return Err("--problems is 0, expected at least 1".into());
    }
    if let (Some(path), None) = (&arguments.json, &asked) {
        evaluate::check_writable(path)?;
    }
    let held_out: Vec<Problem> = match &asked {
        Some(problem) => vec![problem.clone()],
        None => {
            problems(&family, Split::Test, setting::HELD_OUT).take(arguments.problems).collect()
        }
    };

    let folder = arguments.pair.clone().unwrap_or_else(pair::folder);
    // Small models take more lines at a time than large ones, and 8 bits a weight are enough for this
    // one: the recipe `strategies` takes its weights as they are stored.
    let engine = EngineConfig {
        threads: arguments.threads,
        max_lines: 256,
        weights: WeightFormat::Int8,
        ..EngineConfig::default()
    };
    let generator = tts_models::open(folder.join("generator"), Backend::Native, engine)?;
    let scorer = arguments.scorer.open(&folder, engine)?;
    let search = Search::new(&generator)
        .rule(setting::rule())
        .sampling(setting::sampling())
        .seed(arguments.seed)
        .concurrency(setting::CONCURRENCY);
    let comparison = Comparison { search, family: &family, problems: &held_out };
    let contest = Contest { comparison, scorer: &scorer, aggregate: arguments.scorer.aggregate() };
    match &asked {
        Some(problem) => ask(&contest, problem, most),
        None => compare(&contest, &budgets, most, arguments),
    }
}

fn compare(
    contest: &Contest<'_>,
    budgets: &[usize],
    most: usize,
    arguments: &Arguments,
) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let start = Instant::now();
    let problems = contest.comparison.problems;
    writeln!(
        out,
        "{}: {} held-out problems; tokens are means a problem\n",
        task(),
        problems.len()
    )?;
    evaluate::head(&mut out)?;
    let greedy = contest.search(Method::Greedy, 1)?;
    let mut rows = vec![greedy.row.clone()];
    evaluate::row(&mut out, &greedy.row)?;
    let mut beam = None;
    for &n in budgets {
        writeln!(out)?;
        let mut pooled = contest.pool(n)?;
        // The bound of them all comes last.
        let bound = pooled.pop();
        for row in pooled {
            evaluate::row(&mut out, &row)?;
            rows.push(row);
        }
        for method in Method::SEARCHED {
            let searched = contest.search(method, n)?;
            evaluate::row(&mut out, &searched.row)?;
            rows.push(searched.row.clone());
            if n == most && method == Method::Beam {
                beam = Some(searched);
            }
        }
        if let Some(row) = bound {
            evaluate::row(&mut out, &row)?;
            rows.push(row);
        }
    }
    if let Some(beam) = &beam
        && let Some((place, why)) = contest.shown(&greedy.correct, beam)
    {
        writeln!(out, "\nBeam search at N = {most} on a problem {why}:\n")?;
        let question = &problems[place].question;
        let outcome = &beam.outcomes[place];
        TreeView { family: contest.comparison.family, question, outcome }.write(&mut out)?;
        writeln!(out, "\n{LEGEND}")?;
    }
    let table = Table { task: format!("{}, held out", task()), problems: problems.len(), rows };
    evaluate::chart(&table).write(&arguments.plot)?;
    writeln!(out, "\nchart     {}", shown(&arguments.plot))?;
    if let Some(path) = &arguments.json {
        write_json(path, &table)?;
        writeln!(out, "table     {}", shown(path))?;
    }
    writeln!(out, "took      {:.0} s", start.elapsed().as_secs_f64())?;
    Ok(())
}

fn ask(contest: &Contest<'_>, problem: &Problem, n: usize) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let searched = contest.search(Method::Beam, n)?;
    let [outcome] = &searched.outcomes[..] else { return Err("nothing was searched".into()) };
    let Some(best) = outcome.best else { return Err("the model wrote nothing".into()) };
    writeln!(out, "problem   {}\n", problem.question)?;
    words::path(&mut out, outcome, best)?;
    let score = outcome.tree.score(best, contest.aggregate);
    let score = score.map_or_else(|| "-".to_owned(), |score| format!("{score:.4}"));
    writeln!(out, "\nanswer    {}", outcome.answer().as_deref().unwrap_or("(none found)"))?;
    let whose = match contest.aggregate {
        Aggregate::Last => "of its last step",
        _ => "the product of its steps' scores",
    };
    writeln!(out, "score     {score}, {whose}")?;
    let verdict = if searched.correct == [true] {
        "agrees".to_owned()
    } else {
        format!("does not agree: the answer is {}", problem.answer)
    };
    writeln!(out, "checker   {verdict}")?;
    writeln!(out, "search    beam of N = {n}: {}", words::cost(&outcome.usage.logical))?;
    if let Some(note) = setting::unlike(problem) {
        writeln!(out, "note      {note}")?;
    }
    writeln!(out)?;
    let view = TreeView { family: contest.comparison.family, question: &problem.question, outcome };
    view.write(&mut out)?;
    writeln!(out, "\n{LEGEND}")?;
    Ok(())
}

/// A path in full, so that it can be found.
fn shown(path: &std::path::Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn main() -> ExitCode {
    exit("quickstart", run(&Arguments::parse()))
}
