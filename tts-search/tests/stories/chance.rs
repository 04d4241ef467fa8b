//! Stories of chance: whatever is asked, in whatever order, the laws hold and hard budgets are kept.

use tts_core::seed::{self, Rng};
use tts_core::*;
use tts_search::Forest;

use crate::laws;
use crate::text_model::TextModel;

/// Asks for anything that can be asked for.
#[derive(Debug, Clone)]
struct Chance {
    rounds: usize,
}

impl Chance {
    /// One ask, of what was written so far.
    fn ask(desk: &Desk, written: &[(Line, NodeKind)]) -> (Ask, NodeKind) {
        let chosen = (!written.is_empty()).then(|| &written[desk.below(written.len())]);
        let lucky = |of: usize| desk.below(of) == 0;
        let words = format!("{} {}", desk.question(), desk.below(3));
        let (mut ask, mut kind) = match chosen {
            // A rollout stays one.
            Some((line, kind))
                if lucky(3) && matches!(line.finish, Finish::Step | Finish::Pause) =>
            {
                (Ask::behind(line.node), *kind)
            }
            Some((line, kind)) if lucky(2) => {
                let tokens = line.steps.last().map_or(0, |step| step.tokens.len());
                let kept = if lucky(2) { line.kept() as usize } else { desk.below(tokens + 1) };
                let kept = u32::try_from(kept).expect("short");
                (Ask::behind(line.node).keep(kept).append("; "), *kind)
            }
            Some((line, _)) if lucky(2) => (Ask::of(words).about(line.node), NodeKind::Committed),
            Some((line, _)) => (Ask::of(words).about(line.node).aside(), NodeKind::Aside),
            None => (Ask::problem(), NodeKind::Committed),
        };
        if kind == NodeKind::Committed && lucky(4) {
            (ask, kind) = (ask.rollout(), NodeKind::Rollout);
        }
        if kind == NodeKind::Rollout {
            ask = ask.rollout();
        }
        ask = match desk.below(4) {
            0 => ask.judged_by("named"),
            1 => ask.unjudged(),
            _ => ask,
        };
        ask = match desk.below(4) {
            0 => ask.until(Until::Step),
            1 => ask.until(Until::Tokens(1 + u32::try_from(desk.below(9)).expect("short"))),
            2 => ask.until(Until::Steps(2)),
            _ => ask,
        };
        let ask = if lucky(3) { ask.by("other") } else { ask };
        (ask.times(1 + desk.below(3)), kind)
    }
}

impl Script for Chance {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let mut written: Vec<(Line, NodeKind)> = Vec::new();
        for _ in 0..self.rounds {
            let asks = (0..=desk.below(3)).map(|_| {
                let (ask, kind) = Self::ask(&desk, &written);
                let reply = desk.ask(ask);
                async move { (reply.await, kind) }
            });
            for (lines, kind) in all(asks.collect::<Vec<_>>()).await {
                for line in lines {
                    if kind == NodeKind::Committed && desk.below(3) == 0 {
                        desk.prefer(line.node);
                    }
                    desk.value(line.node, desk.uniform());
                    written.push((line, kind));
                }
            }
        }
        None
    }
}

/// Writes a few words, pauses at some and fails at times.
fn writer(name: &'static str, failing: f64) -> impl Generator {
    TextModel(move |_: &Prompt, _: &str, rng: &mut Rng| {
        let mut words = String::new();
        loop {
            match rng.uniform() {
                luck if luck < failing => return Err(LineError(format!("{name} is down"))),
                luck if luck < 0.3 => return Ok(words),
                luck if luck < 0.5 => words += "halt, ",
                luck if luck < 0.7 => words += "\n",
                _ => words += name,
            }
        }
    })
}

fn judge(salt: u64, scale: Scale) -> impl StepScorer {
    scorer::from_fn(move |path: &Trajectory, step: &Step| {
        let text = format!("{}{}{}", path.prompt().question(), path.text(), step.text);
        seed::rng(seed::hash_text(salt, &text)).uniform()
    })
    .with_scale(scale)
}

fn search(seed: u64, failing: f64) -> Search<'static> {
    let rule = StepRule { pause: vec!["halt".into()], ..StepRule::lines() };
    Search::new(writer("one", failing))
        .role("other", writer("two", failing))
        .scorer(judge(1, Scale::STEP))
        .scorer_named("named", judge(2, Scale::REWARD))
        .rule(rule)
        .seed(seed)
}

/// What a search came to, in failure too.
fn outcome(done: Result<Outcome, SearchError>) -> Outcome {
    match done {
        Ok(outcome) => outcome,
        Err(SearchError {
            kind: SearchErrorKind::Run(RunError::AllLinesFailed { .. }),
            partial,
        }) => *partial.expect("what was made"),
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn laws() {
    let story = Scripted::of(Chance { rounds: 6 });
    let prompts: Vec<Prompt> = (0..8).map(|i| Prompt::from(format!("problem {i}"))).collect();
    for seed in 0..6 {
        laws::hold(&search(seed, 0.0), &story, &prompts);
    }
}

/// A forest gives up a copy whose candidates all failed, where a search with a solution goes on: so a
/// forest of one is compared where nothing fails only.
#[test]
fn laws_where_lines_fail() {
    let story = Scripted::of(Chance { rounds: 6 });
    let mut failed = 0;
    for seed in 0..6 {
        let search = search(seed, 0.08);
        // Of problems that do not end in failure.
        let prompts = (0..200).map(|i| Prompt::from(format!("problem {i}")));
        let sound = prompts.filter(|prompt| search.run(story.clone(), prompt.clone()).is_ok());
        let outcomes = laws::one(&search, &story, &sound.take(8).collect::<Vec<_>>());
        failed += outcomes.iter().map(|outcome| outcome.failed.len()).sum::<usize>();
        let forest = Forest::of(2, story.clone());
        let prompts = (0..200).map(|i| Prompt::from(format!("problem {i}")));
        let sound = prompts.filter(|prompt| search.run(forest.clone(), prompt.clone()).is_ok());
        laws::one(&search, &forest, &sound.take(8).collect::<Vec<_>>());
    }
    assert!(failed > 20, "{failed}");
}

#[test]
fn roles_that_share_an_engine_change_nothing() {
    let story = Scripted::of(Chance { rounds: 6 });
    let engine = writer("one", 0.02);
    for index in 0..40 {
        let run = |search: Search<'_>| {
            let search =
                search.scorer(judge(1, Scale::STEP)).scorer_named("named", judge(1, Scale::STEP));
            outcome(search.run(story.clone(), format!("problem {index}")))
        };
        let shared = run(Search::new(&engine).role("other", &engine));
        let apart = run(Search::new(writer("one", 0.02)).role("other", writer("one", 0.02)));
        assert_eq!((shared.tree, shared.best), (apart.tree, apart.best));
    }
}

#[test]
fn hard_budgets_are_kept() {
    let story = Scripted::of(Chance { rounds: 8 });
    let (mut out, mut done) = (0, 0);
    for index in 0..400_u64 {
        let mut rng = seed::rng(index);
        let mut limit = |most: u64| {
            let n = 1 + seed::mix(index, most) % most;
            (rng.uniform() < 0.4).then_some(n)
        };
        let budget = Budget {
            samples: limit(30),
            generated_tokens: limit(300),
            scored_tokens: limit(301),
            calls: limit(29),
            mode: Mode::Hard,
            ..Budget::default()
        };
        let prompt = format!("problem {index}");
        let outcome = outcome(search(1, 0.05).budget(budget).run(story.clone(), prompt));
        let cost = outcome.usage.logical;
        for (limit, used) in [
            (budget.samples, cost.samples),
            (budget.generated_tokens, cost.generated_tokens),
            (budget.scored_tokens, cost.scored_tokens),
            (budget.calls, cost.calls),
        ] {
            assert!(limit.is_none_or(|limit| used <= limit), "{used} of {limit:?} at {index}");
        }
        out += u32::from(matches!(outcome.stop, Stop::Budget(_)));
        done += u32::from(outcome.stop == Stop::Done);
    }
    assert!(out > 100 && done > 50, "{out} {done}");
}
