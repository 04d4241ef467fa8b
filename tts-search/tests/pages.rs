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
use tts_search::research::Research;
use tts_search::retrieve::{Memory, Passage, SearchSettings, Searcher};
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
    let verified = MutualVerification { n: 3, times: 1, ..Default::default() };
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
        of("mutual-verification", include_str!("../src/judge/mutual.rs"), verified.into()),
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
        of(
            "retrieve-once",
            include_str!("../src/research/once.rs"),
            Recipe::RetrieveOnce(Box::default()),
        ),
        of(
            "parallel-search",
            include_str!("../src/research/parallel.rs"),
            Recipe::ParallelSearch(Box::default()),
        ),
        of(
            "plan-search-write",
            include_str!("../src/research/linear.rs"),
            Recipe::PlanSearchWrite(Box::default()),
        ),
        of(
            "self-ask",
            include_str!("../src/research/self_ask.rs"),
            Recipe::SelfAsk(Box::default()),
        ),
        of("react", include_str!("../src/research/react.rs"), Recipe::React(Box::default())),
        of(
            "research",
            include_str!("../src/research/denoise.rs"),
            Recipe::Research(Box::new(Scripted::of(Research::plain(3)))),
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

/// What the researches are asked: words of the question lead to the first of two pages, those of that page to the
/// second, which has the answer.
const ASKED: &str = "Where does the river of Osleta end?";
const PAGES: [(&str, &str); 2] =
    [("Osleta", "Osleta lies on the Mira."), ("Mira", "It ends in Glass Bay.")];

/// Writes every part of a research by how far its prompt has got.
struct Reads;

impl Reads {
    fn text(prompt: &str) -> String {
        let known = ["Mira", "Glass Bay"].iter().filter(|name| prompt.contains(*name)).count();
        let says = ["It is not known.", "It is the Mira [1].", "It ends in Glass Bay [2]."][known];
        let next = ["river of Osleta", "end of the Mira"].get(known);
        let begins = |words: &str| prompt.starts_with(words);
        match next {
            _ if begins("Plan ") => "The river of Osleta, and its end.".into(),
            _ if begins("Decide ") && prompt.contains("one a line") => {
                "river of Osleta\nend of the river".into()
            }
            Some(next) if begins("Decide ") => (*next).to_owned(),
            None if begins("Decide ") => "NOTHING IS OPEN".into(),
            Some(next) if begins("Answer the question by turns") => {
                format!("Thought: it is open.\nAction: search[{next}]")
            }
            None if begins("Answer the question by turns") => format!("Action: finish[{says}]"),
            Some(next) if begins("Answer the question by asking") => format!("Follow up: {next}"),
            None if begins("Answer the question by asking") => {
                format!("So the final answer is: {says}")
            }
            _ => says.into(),
        }
    }
}

impl Generator for Reads {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        Ok(Generated::by_seed(batch, |request, _| {
            // A line is written whole: what is gone on with has ended.
            let whole = request.prefix.steps().is_empty();
            let text = Self::text(request.prefix.prompt().question());
            let text = if whole { text } else { String::new() };
            let tokens = text.bytes().map(u32::from).chain([0]).collect();
            let step = Step { text, tokens, ..Step::default() };
            Ok(Completion { steps: vec![step], finish: Finish::Stop, prompt_tokens: 9 })
        }))
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

/// The `//!` of a file, its names without the brackets and targets of links.
fn prose(source: &str) -> String {
    let mut text = String::new();
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        text.push_str(line.strip_prefix(' ').unwrap_or(line));
        text.push('\n');
    }
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("`](") {
        plain.push_str(before);
        plain.push_str("`]");
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    let plain = plain.replace("[`super::", "`").replace("[`crate::", "`");
    plain.replace("[`", "`").replace("`]", "`")
}

/// The search of which an entry's tree is drawn, and what it is asked.
fn drawn(recipe: &Recipe) -> (Search<'static>, Prompt) {
    let sum = || WORLD.prompt(0);
    let oracle = Oracle { noise: 0.25, seed: 3 };
    let lines = |search: Search<'static>| search.rule(StepRule::lines());
    if recipe.requires().roles.iter().any(|role| role == "search") {
        let pages = PAGES.map(|(title, text)| Passage::new(title, title, text));
        let memory = Memory::new(pages.to_vec());
        let searcher = Searcher::new(memory, SearchSettings::default()).expect("settings");
        return (Search::new(Reads).role("search", searcher), ASKED.into());
    }
    match recipe {
        Recipe::TokenBeam(_) => (lines(Search::new(letters_alone()).scorer(oracle)), sum()),
        Recipe::MutualVerification(_) => {
            let verifier = ToyWorld { error: 0.2, ..WORLD };
            (lines(Search::new(WORLD).role("verifier", verifier)), sum())
        }
        _ => (lines(Search::new(Speaks).scorer(oracle)), sum()),
    }
}

/// A recipe as JSON, without prompts: they are pages long, and those that a recipe does not name are these.
fn short(recipe: &Recipe) -> String {
    let whole = serde_json::to_string(recipe).expect("JSON");
    let mut fields: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
    let parts = fields.get_mut("parts").and_then(serde_json::Value::as_object_mut);
    if parts.and_then(|parts| parts.remove("prompts")).is_none() {
        return whole;
    }
    let short = fields.to_string();
    assert_eq!(Recipe::from_json(&short).expect("a recipe"), *recipe);
    short
}

fn page() -> String {
    let mut text = String::from(
        "# Strategies\n\nEach with what it does, what it costs, when to use it and when not, where it is from, a \
         recipe, and the tree of one search: two additions in the toy world, one line in three wrong, a verifier that \
         errs (for `token-beam` a model of letters, for `mutual-verification` a second model in place of the verifier, \
         for those that search a question whose answer stands on the second of two pages). `N`, the number behind a \
         name on a command line, is small here. This page is made of the sources \
         (`tts-search/tests/pages.rs`); the table to choose from is the front page of the crate `tts-search`.\n",
    );
    let entries = entries();
    let links: Vec<String> =
        entries.iter().map(|entry| format!("[`{0}`](#{0})", entry.name)).collect();
    writeln!(text, "\n{}", links.join(", ")).expect("a string");
    for Entry { name, source, recipe } in &entries {
        let (search, asked) = drawn(recipe);
        let is_sum = asked == WORLD.prompt(0) && !matches!(recipe, Recipe::TokenBeam(_));
        let outcome = search
            .sampling(Sampling::temperature(1.0))
            .budget(Budget { samples: Some(24), ..Budget::default() })
            .seed(2)
            .run(recipe.clone(), asked)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let cost = outcome.usage.logical;
        let json = short(recipe);
        let case = Case::of(*name, outcome);
        let case = if is_sum { case.gold(WORLD.answer(0)) } else { case };
        let tree = mermaid(&case, NODES);
        let (prose, lines, tokens) = (prose(source), cost.samples, cost.generated_tokens);
        let plural = if lines == 1 { "" } else { "s" };
        write!(
            text,
            "\n## {name}\n\n{prose}\n```json\n{json}\n```\n\n{lines} line{plural}, {tokens} tokens:\n\n```mermaid\n{tree}```\n"
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

#[test]
fn links_lose_their_targets_and_formulas_keep_all() {
    let source = "//! Votes with `(N - r)^p`, as [`Part`](super::Part) and\n//! [`super::fit`] say.\n\nmod x;";
    assert_eq!(prose(source), "Votes with `(N - r)^p`, as `Part` and\n`fit` say.\n");
}

/// Whoever adds a strategy adds it to the page.
#[test]
fn every_strategy_has_its_place_and_says_what_it_costs_and_where_it_is_from() {
    let entries = entries();
    // The names of all strategies stand in the error about one that is none.
    let error = Recipe::from_json(r#"{"strategy": "none of them"}"#).expect_err("none").to_string();
    let names: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert!(names.contains(&"beam-search") && names.contains(&"custom"), "{error}");
    for name in names.into_iter().filter(|name| *name != "custom") {
        let is_there = |entry: &Entry| {
            let json = serde_json::to_value(&entry.recipe).expect("JSON");
            json["strategy"] == name
        };
        assert!(entries.iter().any(is_there), "{name}");
    }
    for Entry { name, source, .. } in &entries {
        let prose = prose(source);
        for part in ["Cost:", "Source:"] {
            assert!(prose.contains(part), "{name}: its file says no {part}");
        }
    }
}
