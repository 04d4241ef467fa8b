//! Searches of several kinds in toy worlds, recorded, and as pages to look at.
//!
//! `cargo run --release -p tts-search --features plot --example gallery -- FOLDER`
//!
//! Leaves records, `gallery.html` (a page of them), `large.html` (a tree of over 5,000 nodes),
//! `report.html` (an evaluation), `hostile.html` (texts that try to leave the page) and `search.dot` and `search.mmd`, the pictures of one
//! tree. `scripts/look.sh` looks at them in a browser.

use std::error::Error;
use std::path::{Path, PathBuf};

use tts_core::inspect::{Case, Page, dot, mermaid};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{
    Budget, Finish, NodeId, NodeKind, Outcome, Prompt, Sampling, Scale, Scripted, Search, StepRule,
    Stop, Tree, Usage,
};
use tts_search::evaluate::{Evaluation, Item, page};
use tts_search::{BeamSearch, BestOfN, Lookahead, Revision, SelfRefine};

#[path = "stories/worlds/addition.rs"]
mod addition;
#[path = "stories/worlds/sums.rs"]
mod sums;
#[path = "stories/worlds/text_model.rs"]
mod text_model;

/// The searches.
const NAMES: [&str; 7] = [
    "beam-search",
    "lookahead",
    "best-of-12",
    "out-of-budget",
    "self-refine",
    "revision",
    "killed",
];

/// What a text may try.
const HOSTILE: &str = "</script><script>window.harmed = 1</script><!-- <img src=x onerror=\"window.harmed = 2\">\
                       {{7*7}} \u{202e}\u{0}\" onmouseover=\"window.harmed = 3";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".into()));
    let page = records(&folder)?.into_iter().fold(Page::new("Searches in toy worlds"), Page::case);
    std::fs::write(folder.join("gallery.html"), page.html())?;
    std::fs::write(folder.join("large.html"), large()?.html())?;
    std::fs::write(folder.join("report.html"), report()?.html())?;
    std::fs::write(folder.join("hostile.html"), hostile().html())?;
    let beam = Case::read(&folder.join("beam-search.jsonl"))?;
    std::fs::write(folder.join("search.dot"), dot(&beam, 24))?;
    std::fs::write(folder.join("search.mmd"), mermaid(&beam, 24))?;
    Ok(())
}

/// Runs the searches, and reads what they recorded.
fn records(folder: &Path) -> Result<Vec<Case>, Box<dyn Error>> {
    let path = |name: &str| folder.join(format!("{name}.jsonl"));
    for old in NAMES.map(path) {
        // A record of before would be resumed.
        if old.exists() {
            std::fs::remove_file(old)?;
        }
    }
    let world = ToyWorld { additions: 5, error: 0.35, seed: 1 };
    let oracle = Oracle { noise: 0.35, seed: 5 };
    let steps = Search::new(world)
        .scorer(oracle)
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0))
        .seed(3);
    let beam = BeamSearch { keep: 3, branch: 4, ..Default::default() };
    steps.clone().record(path("beam-search")).run(beam.clone(), world.prompt(0))?;
    let lookahead = Lookahead { depth: 2, ..Lookahead::of(beam.clone()) };
    steps.clone().record(path("lookahead")).run(lookahead, world.prompt(0))?;
    let best = BestOfN { n: 12, ..Default::default() };
    steps.clone().record(path("best-of-12")).run(best, world.prompt(0))?;
    let tight = Budget::tokens(150);
    steps.clone().budget(tight).record(path("out-of-budget")).run(beam, world.prompt(0))?;
    let solver = sums::Sums { skill: 0.3, eye: 0.9 };
    let reading = Search::new(solver).scorer(solver).seed(1);
    let refine = Scripted::of(SelfRefine { rounds: 4, ..Default::default() });
    reading.clone().record(path("self-refine")).run(refine, addition::problem(3))?;
    let revision = Revision { chains: 2, length: 4, ..Default::default() };
    reading.record(path("revision")).run(revision, addition::problem(1))?;
    // As a run leaves it that is killed while it writes.
    let whole = std::fs::read(path("lookahead"))?;
    std::fs::write(path("killed"), &whole[..2 * whole.len() / 3])?;

    let gold = |name: &str| match name {
        "self-refine" => addition::right(addition::problem(3).question()),
        "revision" => addition::right(addition::problem(1).question()),
        _ => world.answer(0),
    };
    NAMES.into_iter().map(|name| Ok(Case::read(&path(name))?.gold(gold(name)))).collect()
}

/// A tree of over 5,000 nodes.
fn large() -> Result<Page, Box<dyn Error>> {
    let world = ToyWorld { additions: 40, error: 0.2, seed: 2 };
    let search = Search::new(world)
        .scorer(Oracle { noise: 0.3, seed: 1 })
        .rule(StepRule { max_steps: 60, max_tokens: 4_000, ..StepRule::lines() })
        .sampling(Sampling::temperature(1.0));
    let strategy = BeamSearch { keep: 16, branch: 8, ..Default::default() };
    let outcome = search.run(strategy, world.prompt(0))?;
    let case = Case::of(format!("{} nodes", outcome.tree.len()), outcome);
    Ok(Page::new("A large tree").case(case.gold(world.answer(0))))
}

/// An evaluation of best-of-16 on 40 problems.
fn report() -> Result<Page, Box<dyn Error>> {
    let world = ToyWorld { additions: 5, error: 0.25, seed: 4 };
    let item = |number| Item::new(world.prompt(number).question(), world.answer(number));
    let items: Vec<Item> = (0..40).map(item).collect();
    let search = Search::new(world)
        .scorer(Oracle { noise: 0.6, seed: 2 })
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0));
    let strategy = BestOfN { n: 16, ..Default::default() };
    let (report, results) = Evaluation::new(search, &items).run_keeping(&strategy, |_| {})?;
    Ok(page("Best-of-16 on 40 sums", &report, &items, results, 3_000))
}

/// A tree whose every text tries to leave the page.
fn hostile() -> Page {
    let mut tree = Tree::new(Prompt::chat(HOSTILE, HOSTILE), 7).with_scale(Scale::PREFIX);
    let step = tree.grow(NodeId::ROOT, HOSTILE, Finish::Step, Some(0.5));
    let end = tree.grow(step, &format!("The answer is {HOSTILE}."), Finish::Stop, Some(0.75));
    let asked = tree.pose(step, Prompt::text(HOSTILE), NodeKind::Aside);
    tree.grow(asked, HOSTILE, Finish::Stop, None);
    let usage = Usage::default();
    let (best, stop) = (Some(end), Stop::Done);
    let outcome = Outcome {
        tree,
        best,
        stop,
        usage,
        failed: Vec::new(),
        unscored: Vec::new(),
        curtailed: Vec::new(),
        prompt_tokens: 0,
    };
    Page::new(HOSTILE).case(Case::of(HOSTILE, outcome).gold(HOSTILE))
}
