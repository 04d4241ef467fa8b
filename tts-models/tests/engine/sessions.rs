//! Sessions piece by piece and from thread to thread, and what an engine is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use tts_core::{Completion, Finish, Finished, Generator, LineId, Prompt, Session};
use tts_models::{Cpu, Engine, EngineConfig, Executor, Plain, Tokenizer};

use super::{engine, lines, request, weights};

fn by_line(finished: impl IntoIterator<Item = Finished>) -> BTreeMap<LineId, Completion> {
    finished.into_iter().map(|line| (line.line, line.result.expect("a completion"))).collect()
}

#[test]
fn steps_come_to_the_same_ends_as_polls() {
    let engine = engine(EngineConfig { max_lines: 3, ..EngineConfig::default() });
    let ask = request(Prompt::text("Hello"), (0..7).collect());
    let expected = lines(&engine, &ask);
    engine.forget();
    let mut session = engine.session();
    assert!(session.step().expect("runs").is_empty(), "nothing is in flight");
    let ids = session.submit(ask);
    let (mut finished, mut steps, mut empty) = (Vec::new(), 0, 0);
    while finished.len() < ids.len() {
        let done = session.step().expect("runs");
        steps += 1;
        empty += usize::from(done.is_empty());
        finished.extend(done);
        assert!(steps < 1000);
    }
    // A pass is one token of each line: most end none.
    assert!(empty > 40, "{empty} of {steps}");
    let found: Vec<Completion> = by_line(finished).into_values().collect();
    assert_eq!(found, expected);
    assert!(session.poll().expect("runs").is_empty());
}

#[test]
fn a_step_returns_the_lines_that_cannot_run() {
    let engine = engine(EngineConfig::default());
    let mut session = engine.session();
    session.submit(request(Prompt::text("x".repeat(600)), vec![1, 2]));
    let done = session.step().expect("runs");
    assert_eq!(done.len(), 2);
    assert!(done.iter().all(|line| line.result.is_err()));
}

/// Takes a session through a few steps, and sends it to another thread for the rest.
fn crosses<E: Executor>(engine: &Engine<E>) {
    let ask = request(Prompt::text("Hello"), (0..4).collect());
    let expected = lines(engine, &ask);
    engine.forget();
    let mut session = engine.session();
    session.submit(ask);
    let mut finished = Vec::new();
    for _ in 0..5 {
        finished.extend(session.step().expect("runs"));
    }
    let rest = |mut session: Box<dyn Session + '_>| {
        let mut finished = Vec::new();
        loop {
            let done = session.poll().expect("runs");
            if done.is_empty() {
                return finished;
            }
            finished.extend(done);
        }
    };
    let rest = std::thread::scope(|scope| scope.spawn(|| rest(session)).join());
    finished.extend(rest.expect("no panic"));
    let found: Vec<Completion> = by_line(finished).into_values().collect();
    assert_eq!(found, expected);
}

#[test]
fn sessions_cross_threads() {
    crosses(&engine(EngineConfig { threads: 2, ..EngineConfig::default() }));
    let plain = Plain::<Cpu>::new(weights("qwen3")).unwrap();
    let tokenizer = Arc::new(Tokenizer::bytes().unwrap());
    crosses(&Engine::new(plain, tokenizer, None, EngineConfig::default()).unwrap());
}

/// What is written of a line that is called off is the beginning of the whole line, and takes nothing from others.
#[test]
fn a_line_that_is_cut_is_the_beginning_of_itself() {
    let engine = engine(EngineConfig { max_lines: 3, ..EngineConfig::default() });
    let ask = request(Prompt::text("Hello"), (0..4).collect());
    let whole = lines(&engine, &ask);
    engine.forget();
    let mut session = engine.session();
    let ids = session.submit(ask);
    let mut others = Vec::new();
    while others.is_empty() {
        others.extend(session.step().expect("runs"));
    }
    let running = ids.iter().position(|id| others.iter().all(|done| done.line != *id));
    let running = running.expect("one is not done yet");
    let cut = session.cut(ids[running]).expect("something is written");
    assert!(session.cut(ids[running]).is_none(), "it is over");
    // The last one waits for a place, or has begun by now.
    session.cancel(ids[3]);
    let cut = cut.result.expect("a completion");
    assert_eq!((cut.finish, cut.prompt_tokens), (Finish::Cancelled, whole[running].prompt_tokens));
    let tokens = |line: &Completion| -> Vec<u32> {
        line.steps.iter().flat_map(|step| step.tokens.clone()).collect()
    };
    let (cut, all) = (tokens(&cut), tokens(&whole[running]));
    assert!(!cut.is_empty() && cut.len() < all.len() && all.starts_with(&cut));
    loop {
        let done = session.poll().expect("runs");
        if done.is_empty() {
            break;
        }
        others.extend(done);
    }
    for done in others {
        let place = ids.iter().position(|id| *id == done.line).expect("is ours");
        assert_ne!(place, running);
        assert_eq!(tokens(&done.result.expect("a completion")), tokens(&whole[place]));
    }
}

/// From the front, from the back, from within a request that has begun, and all there is; a line that is called off is
/// found by its number, so the many that wait here take no longer each than a few would.
#[test]
fn calling_off_lines_that_wait_leaves_the_others_as_they_are() {
    let engine = engine(EngineConfig { max_lines: 2, ..EngineConfig::default() });
    let (hello, bye) = (
        request(Prompt::text("Hello"), (0..6).collect()),
        request(Prompt::text("Bye"), vec![8, 9]),
    );
    let expected = [lines(&engine, &hello), lines(&engine, &bye)].concat();
    engine.forget();
    let mut session = engine.session();
    let first = session.submit(hello);
    let many = session.submit(request(Prompt::text("Many"), (0..100_000).collect()));
    let last = session.submit(bye);
    assert!(session.step().expect("runs").is_empty(), "two lines of the first have begun");
    let (front, back) = many.split_at(many.len() / 2);
    front.iter().chain(back.iter().rev()).for_each(|line| session.cancel(*line));
    session.cancel(first[4]);
    session.cancel(first[4]);
    session.cancel(LineId(u64::MAX));
    let mut found = Vec::new();
    loop {
        let done = session.poll().expect("runs");
        if done.is_empty() {
            break;
        }
        found.extend(done);
    }
    let found = by_line(found);
    let all: Vec<LineId> = first.into_iter().chain(last).collect();
    let kept = |place: &usize| *place != 4;
    assert!(found.keys().copied().eq((0..8).filter(kept).map(|place| all[place])));
    assert!(found.values().eq((0..8).filter(kept).map(|place| &expected[place])));
    let none = session.submit(request(Prompt::text("None"), (0..100).collect()));
    for line in none {
        session.cancel(line);
    }
    assert!(session.poll().expect("runs").is_empty(), "nothing is in flight");
}
