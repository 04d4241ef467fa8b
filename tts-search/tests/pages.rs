//! `docs/strategies.md`: a page of all strategies, made of what their files say and of a search by each.
//!
//! `UPDATE_PAGES=1 cargo test -p tts-search --test pages` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use tts_core::inspect::{Case, mermaid};
use tts_core::toy::{Markov, Oracle, ToyWorld};
use tts_core::*;
use tts_search::choose::{Bins, ComputeOptimal};
use tts_search::decorate::{Dedupe, Phases, Retry};
use tts_search::*;

const WORLD: ToyWorld = ToyWorld { additions: 2, error: 0.35, seed: 4 };
/// Nodes of a picture.
const NODES: usize = 20;

/// A strategy on the page: its name, what its file says, and the recipe that is drawn.
struct Entry {
    name: &'static str,
    source: &'static str,
    recipe: Recipe,
}

fn entries() -> Vec<Entry> {
    let named = |name: &'static str, source: &'static str, n: usize| {
        let recipe = Recipe::default_of(name, n).expect("a name");
        Entry { name, source, recipe }
    };
    let beam = || Recipe::from(BeamSearch { keep: 2, branch: 2, ..Default::default() });
    let samples = |n| Recipe::from(BestOfN { n, ..Default::default() });
    let of = |name, source, recipe| Entry { name, source, recipe };
    let optimal = ComputeOptimal {
        probe: 2,
        bins: Bins { edges: vec![0.5] },
        ..ComputeOptimal::of(vec![samples(2), beam()])
    };
    vec![
        named("chain-of-thought", include_str!("../src/sample/chain_of_thought.rs"), 1),
        named("zero-shot", include_str!("../src/sample/zero_shot.rs"), 2),
        named("self-consistency", include_str!("../src/sample/self_consistency.rs"), 4),
        named("adaptive-consistency", include_str!("../src/sample/adaptive.rs"), 8),
        named("self-certainty", include_str!("../src/sample/self_certainty.rs"), 4),
        named("deep-conf", include_str!("../src/sample/deep_conf.rs"), 4),
        named("deep-conf-online", include_str!("../src/sample/deep_conf_online.rs"), 6),
        named("budget-forcing", include_str!("../src/think/budget_forcing.rs"), 2),
        named("best-of-n", include_str!("../src/sample/best_of_n.rs"), 4),
        named("power-sampling", include_str!("../src/sample/power.rs"), 4),
        named("step-best-of-n", include_str!("../src/tree/step_best_of_n.rs"), 3),
        named("beam-search", include_str!("../src/tree/beam.rs"), 4),
        named("dvts", include_str!("../src/tree/dvts.rs"), 4),
        of(
            "token-beam",
            include_str!("../src/tree/token_beam.rs"),
            TokenBeam { keep: 2, branch: 2, ..Default::default() }.into(),
        ),
        named("rebase", include_str!("../src/tree/rebase.rs"), 4),
        named("mcts", include_str!("../src/tree/mcts/mod.rs"), 4),
        named("ab-mcts", include_str!("../src/tree/ab_mcts/mod.rs"), 6),
        named("particle-filter", include_str!("../src/particle/filter.rs"), 4),
        named("particle-gibbs", include_str!("../src/particle/gibbs.rs"), 4),
        named("lookahead", include_str!("../src/tree/lookahead.rs"), 4),
        named("revision", include_str!("../src/refine/revision.rs"), 4),
        named("self-refine", include_str!("../src/refine/self_refine.rs"), 3),
        named("rsa", include_str!("../src/refine/rsa.rs"), 6),
        named("gen-select", include_str!("../src/judge/gen_select.rs"), 4),
        named("gen-synthesis", include_str!("../src/judge/gen_synthesis.rs"), 4),
        named("tournament", include_str!("../src/judge/tournament.rs"), 4),
        of("forest", include_str!("../src/tree/forest.rs"), Forest::of(2, beam()).into()),
        of("converged", include_str!("../src/tree/converged.rs"), Converged::of(beam()).into()),
        of("retry", include_str!("../src/decorate/retry.rs"), Retry::of(samples(3)).into()),
        of("dedupe", include_str!("../src/decorate/dedupe.rs"), Dedupe::of(beam()).into()),
        of(
            "phases",
            include_str!("../src/decorate/phases.rs"),
            Phases::default().then(0.5, samples(2)).then(0.5, beam()).into(),
        ),
        of(
            "compute-optimal",
            include_str!("../src/choose/optimal.rs"),
            Recipe::ComputeOptimal(Box::new(optimal)),
        ),
    ]
}

/// The toy world, and to every other question an answer that each judge and critic can read.
struct Speaks;

impl Generator for Speaks {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let answer = |request: &Request| {
            let asks = request.prefix.prompt().question();
            let sum = asks == WORLD.prompt(0).question();
            if sum {
                return WORLD.generate(std::slice::from_ref(request));
            }
            let line = |&seed: &u64| {
                let text = match seed % 2 {
                    _ if asks.contains("Best:") => format!("Best: {}", seed % 2 + 1),
                    0 => "The first step is wrong.\nThe answer is 5.".to_owned(),
                    _ => format!("The answer is {}.", WORLD.answer(0)),
                };
                let tokens = text.bytes().map(u32::from).collect();
                let step = Step { text, tokens, ..Step::default() };
                Ok(Completion { steps: vec![step], finish: Finish::Stop, prompt_tokens: 9 })
            };
            let lines = request.seeds.iter().map(line).collect();
            Ok(vec![Generated { lines, computed_tokens: 0, cached_tokens: 0 }])
        };
        Ok(batch.iter().map(answer).collect::<Result<Vec<_>, _>>()?.concat())
    }
}

/// What is searched by its tokens: at first one of two letters, an end after each but the first.
fn letters_alone() -> Markov {
    Markov::new(|path| match path.len() {
        0 => vec![0.6, 0.4, 0.0],
        4.. => vec![0.0, 0.0, 1.0],
        _ if path.last() == Some(&1) => vec![0.1, 0.1, 0.8],
        _ => vec![0.5, 0.3, 0.2],
    })
}

/// The `//!` of a file, its names without the brackets of links.
fn prose(source: &str) -> String {
    let mut text = String::new();
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line).replace("[`", "`").replace("`]", "`");
        text.push_str(&line);
        text.push('\n');
    }
    // What is left of links that lead somewhere.
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("`(") {
        plain.push_str(before);
        plain.push('`');
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain
}

fn page() -> String {
    let mut text = String::from(
        "# Strategies\n\nEach with what it does, what it costs, when to use it and when not, where it is from, a \
         recipe, and the tree of one search: two additions in the toy world, one line in three wrong, a verifier that \
         errs (for `token-beam` a model of letters, without one). `N`, the number behind a name on a command line, is small here. This page is made of the sources \
         (`tts-search/tests/pages.rs`); the table to choose from is the front page of the crate `tts-search`.\n",
    );
    let entries = entries();
    let links: Vec<String> =
        entries.iter().map(|entry| format!("[`{0}`](#{0})", entry.name)).collect();
    writeln!(text, "\n{}", links.join(", ")).expect("a string");
    for Entry { name, source, recipe } in &entries {
        let letters = matches!(recipe, Recipe::TokenBeam(_));
        let search = if letters { Search::new(letters_alone()) } else { Search::new(Speaks) };
        let outcome = search
            .scorer(Oracle { noise: 0.25, seed: 3 })
            .rule(StepRule::lines())
            .sampling(Sampling::temperature(1.0))
            .budget(Budget { samples: Some(24), ..Budget::default() })
            .seed(2)
            .run(recipe.clone(), WORLD.prompt(0))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let cost = outcome.usage.logical;
        let json = serde_json::to_string(recipe).expect("JSON");
        let case = Case::of(*name, outcome);
        let case = if letters { case } else { case.gold(WORLD.answer(0)) };
        let drawn = mermaid(&case, NODES);
        let (prose, lines, tokens) = (prose(source), cost.samples, cost.generated_tokens);
        write!(
            text,
            "\n## {name}\n\n{prose}\n```json\n{json}\n```\n\n{lines} lines, {tokens} tokens:\n\n```mermaid\n{drawn}```\n"
        )
        .expect("a string");
    }
    text
}

#[test]
fn the_page_of_strategies_is_that_of_the_sources() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/strategies.md");
    let made = page();
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = made.lines().zip(there.lines()).position(|(made, there)| made != there);
    assert!(
        made == there,
        "docs/strategies.md is of other sources, from line {:?} on: write it anew by UPDATE_PAGES=1",
        differs.map(|line| line + 1)
    );
}

/// Whoever adds a strategy adds it to the page.
#[test]
fn every_strategy_has_its_place_and_says_what_it_costs_and_where_it_is_from() {
    let entries = entries();
    for name in Recipe::NAMES {
        let recipe = Recipe::default_of(name, 4).expect("a name");
        let kind = std::mem::discriminant(&recipe);
        let is_there = |entry: &Entry| std::mem::discriminant(&entry.recipe) == kind;
        assert!(entries.iter().any(is_there), "{name}");
    }
    for Entry { name, source, .. } in &entries {
        let prose = prose(source);
        for part in ["Cost:", "Source:"] {
            assert!(prose.contains(part), "{name}: its file says no {part}");
        }
    }
}
