//! Lines as data: what is kept of a step, where a line rests, what is noted, where it is broken off.

use std::sync::Arc;

use super::*;
use tts_core::toy::{Markov, ToyWorld};
use tts_core::*;

/// Asks once, and then what a function of the first line's end says.
#[derive(Clone)]
struct Then<F>(Expand, F);

impl<F: Fn(&Tree, NodeId) -> Vec<Expand> + Send> SearchStrategy for Then<F> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        match (view.is_start(), view.tree().len()) {
            (true, _) => vec![self.0.clone()],
            _ if view.tree()[view.fresh()[0]].round == 1 => (self.1)(view.tree(), view.fresh()[0]),
            _ => Vec::new(),
        }
    }
}

fn plain(prompt: Prompt) -> Trajectory {
    Trajectory::new(Arc::new(prompt), Vec::new(), 0, false)
}

fn one(generator: &dyn Generator, request: Request) -> Completion {
    let mut made = generator.generate(&[request]).expect("generates");
    made.remove(0).lines.remove(0).expect("a line")
}

/// Law 6: what was given writes what stands behind the same tokens.
#[test]
fn given_tokens_are_a_beginning() {
    let world = world();
    let base = |prefix, seed| Request {
        sampling: Sampling::temperature(1.0),
        rule: Arc::new(StepRule::lines()),
        ..Request::new(prefix, vec![seed])
    };
    for seed in 0..40 {
        let whole = one(&world, base(plain(world.prompt(0)), seed)).steps.remove(0);
        for cut in 0..whole.tokens.len() {
            let tokens = whole.tokens[..cut].to_vec();
            let text = whole.text[..cut].to_owned();
            let step = Step { text, tokens: tokens.clone(), ..Step::default() };
            let behind = Trajectory::new(Arc::new(world.prompt(0)), vec![Arc::new(step)], 0, false);
            let behind = one(&world, base(behind, seed + 7)).steps.remove(0);
            let given = base(plain(world.prompt(0)), seed + 7);
            let given = one(&world, Request { given: tokens, ..given }).steps.remove(0);
            assert_eq!(
                (given.given as usize, given.tokens.len()),
                (cut, cut + behind.tokens.len())
            );
            assert_eq!(given.tokens[cut..], behind.tokens[..]);
            assert_eq!(given.logprobs, behind.logprobs);
        }
    }
}

#[test]
fn what_is_kept_begins_a_sibling_and_is_not_generated_again() {
    let world = world();
    let first = Expand::end(NodeId::ROOT, 1);
    let again = |tree: &Tree, end: NodeId| {
        let step = &tree[end].step;
        assert_eq!((step.closing, step.kept() as usize), (1, step.tokens.len() - 1));
        vec![Expand {
            keep: Some(step.kept()),
            append: Some(" Wait. ".into()),
            ..Expand::end(end, 2)
        }]
    };
    let search = Search::new(world).rule(StepRule::lines());
    let outcome = search.run(Then(first, again), world.prompt(0)).expect("runs");
    let tree = &outcome.tree;
    let candidates: Vec<NodeId> = tree.finished().collect();
    assert_eq!(candidates.len(), 3);
    let (old, new) = (candidates[0], candidates[1]);
    assert_eq!(tree[old].parent, tree[new].parent);
    assert!(tree.text(new).starts_with(&format!("{} Wait. ", tree.text(old))));
    let step = &tree[new].step;
    assert_eq!(step.given, tree[old].step.kept() + 7);
    assert_eq!(tree[new].cost.generated_tokens, step.generated());
    assert_ne!(tree[candidates[1]].seed, tree[candidates[2]].seed);
}

#[test]
fn a_line_rests_where_a_pause_text_ends() {
    let world = world();
    let rule = StepRule { pause: vec!["=".into()], ..StepRule::lines() };
    let first = Expand { rule: Some(rule.into()), ..Expand::end(NodeId::ROOT, 1) };
    let on = |tree: &Tree, end: NodeId| {
        let node = &tree[end];
        assert_eq!((node.finish, node.open, node.step.closing), (Finish::Pause, true, 1));
        assert!(node.step.text.ends_with('='));
        vec![Expand::end(end, 1)]
    };
    let search = Search::new(world).rule(StepRule::lines());
    let outcome = search.run(Then(first, on), world.prompt(0)).expect("runs");
    assert!(outcome.answer().is_some() && outcome.tree.finished().count() == 1);
    // A stop text ends for good.
    let rule = StepRule { stop: vec!["= ".into()], ..StepRule::lines() };
    let outcome =
        Search::new(world).rule(rule).run(toy::Sample { n: 1 }, world.prompt(0)).expect("runs");
    let end = outcome.best.expect("a line");
    assert_eq!((outcome.tree[end].finish, outcome.tree[end].step.closing), (Finish::Stop, 2));
}

/// Certain at first, then less and less.
fn fading() -> Markov {
    Markov::new(|path| {
        let sure = 0.9 - 0.1 * path.len() as f64;
        let rest = (1.0 - sure) / 2.0;
        if path.len() > 6 { vec![0.0, 0.0, 1.0] } else { vec![sure, rest, rest] }
    })
}

/// Law 7: minus infinity halts nothing, and a halted line is a beginning of the line.
#[test]
fn a_halted_line_is_a_beginning_of_the_line() {
    let model = fading();
    let run = |halt| {
        let watch = Watch { confidence: 1, certainty: true, drawn: true, halt };
        let expand = Expand { watch, ..Expand::end(NodeId::ROOT, 6) };
        let search = Search::new(&model).sampling(Sampling::temperature(1.0)).seed(3);
        search.run(Then(expand, |_: &Tree, _| Vec::new()), "?").expect("runs")
    };
    let lines = |outcome: &Outcome| -> Vec<(Arc<Step>, Finish)> {
        let tree = &outcome.tree;
        let first = tree[NodeId::ROOT].children.iter();
        first.map(|&id| (Arc::clone(&tree[id].step), tree[id].finish)).collect()
    };
    let whole = run(None);
    assert_eq!(whole.tree, run(Some(Halt { window: 2, below: f32::NEG_INFINITY })).tree);
    // Over one most probable token confidence grows as certainty falls: breaking off low ones stops early.
    let halted = run(Some(Halt { window: 2, below: 0.3 }));
    let mut shorter = 0;
    for ((whole, _), (step, finish)) in lines(&whole).iter().zip(lines(&halted)) {
        assert!(whole.tokens.starts_with(&step.tokens));
        assert!(whole.logprobs.starts_with(&step.logprobs));
        let noted = step.confidence();
        let mean = |end: usize| f32::midpoint(noted[end - 2], noted[end - 1]);
        for end in 2..noted.len() {
            assert!(mean(end) >= 0.3, "it should have been broken off before");
        }
        if finish == Finish::Halted {
            shorter += 1;
            assert!(mean(noted.len()) < 0.3);
        }
    }
    assert!(shorter > 0);
    // Broken-off lines are closed, not finished, and charged.
    let tree = &halted.tree;
    let broken = tree.iter().filter(|(_, node)| node.finish == Finish::Halted);
    assert!(broken.clone().all(|(_, node)| !node.open && node.cost.generated_tokens > 0));
    assert!(tree.finished().all(|id| tree[id].finish == Finish::Stop));
}

#[test]
fn notes_are_what_the_model_thought() {
    let odds = vec![0.7, 0.1, 0.1, 0.1];
    let model = Markov::new(
        move |path| if path.is_empty() { odds.clone() } else { vec![0.0, 0.0, 0.0, 1.0] },
    );
    let note = |confidence: u32, temperature: f32| {
        let watch = Watch { confidence, certainty: true, drawn: true, halt: None };
        let request = Request {
            watch,
            sampling: Sampling::temperature(temperature),
            until: Until::Tokens(1),
            ..Request::new(plain("?".into()), vec![1])
        };
        one(&model, request).steps.remove(0)
    };
    let close =
        |found: f32, expected: f64| assert!((f64::from(found) - expected).abs() < 1e-5, "{found}");
    close(note(1, 1.0).confidence()[0], 0.356_675);
    close(note(4, 1.0).confidence()[0], 1.816_108);
    close(note(4, 1.0).certainty()[0], 0.429_813);
    let step = note(1, 0.5);
    let p = [0.7_f64, 0.1, 0.1, 0.1][step.tokens[0] as usize];
    close(step.drawn()[0], (p * p / 0.52).ln());
    close(step.logprobs[0], p.ln());
}

#[test]
fn a_world_that_is_not_asked_notes_nothing() {
    let world = ToyWorld::default();
    let outcome = Search::new(world).run(toy::Sample { n: 1 }, world.prompt(0)).expect("runs");
    assert!(outcome.tree.iter().all(|(_, node)| node.step.notes.is_none()));
}

/// Of what happens at one token, a stop text comes before the end, that before a pause, that before a halt.
#[test]
fn endings_have_one_order() {
    let world = ToyWorld { additions: 1, error: 0.0, seed: 4 };
    let low = Some(Halt { window: 1, below: f32::INFINITY });
    let watch = |halt| Watch { confidence: 1, halt, ..Watch::default() };
    let run = |stop: &str, pause: &str, halt, until| {
        let texts = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        let rule = StepRule { stop: texts(stop), pause: texts(pause), ..StepRule::lines() };
        let request = Request {
            rule: Arc::new(rule),
            until,
            watch: watch(halt),
            max_tokens: 400,
            ..Request::new(plain(world.prompt(0)), vec![1])
        };
        let line = one(&world, request);
        let step = line.steps.last().expect("a step").clone();
        (line.finish, step.closing, step.text)
    };
    for (stop, pause, halt, finish, closing) in [
        ("+", "+", None, Finish::Stop, 1),
        (" +", "+", None, Finish::Stop, 2),
        ("", "+", None, Finish::Pause, 1),
        // Whatever comes first.
        ("=", "+", None, Finish::Pause, 1),
        ("+", "=", None, Finish::Stop, 1),
        ("", "", low, Finish::Halted, 0),
        ("", "", None, Finish::Stop, 1),
    ] {
        let (found, last, text) = run(stop, pause, halt, Until::End);
        assert_eq!((found, last), (finish, closing), "{stop:?} {pause:?} {halt:?}: {text:?}");
    }
    // All three at the first token.
    let first = run("", "", None, Until::Tokens(1)).2;
    assert_eq!(run(&first, &first, low, Until::End).0, Finish::Stop);
    assert_eq!(run("", &first, low, Until::End).0, Finish::Pause);

    // A model that ends at its first token, which would halt it too.
    let over = Markov::new(|_| vec![0.0, 1.0]);
    let request = Request { watch: watch(low), ..Request::new(plain("?".into()), vec![1]) };
    assert_eq!(one(&over, request).finish, Finish::Stop);
}

#[test]
fn notes_that_are_no_numbers_fail_their_line() {
    struct Unbounded;
    impl Generator for Unbounded {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            let notes = Notes { confidence: vec![f32::INFINITY], ..Notes::default() };
            let notes = Some(Box::new(notes));
            let step = Step { text: "x".into(), tokens: vec![1], notes, ..Step::default() };
            let line = Completion { steps: vec![step], finish: Finish::Stop, prompt_tokens: 1 };
            Ok(Generated::by_seed(batch, |_, _| Ok(line.clone())))
        }
    }
    let error = Search::new(Unbounded).run(toy::Sample { n: 1 }, "?").expect_err("infinite");
    assert!(error.to_string().contains("a note is inf"), "{error}");
}
