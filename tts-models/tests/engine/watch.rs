//! What is noted of tokens, and lines that are broken off by it.

use std::sync::Arc;

use tts_core::{
    Completion, Finish, Generator, Halt, Prompt, Request, Sampling, Step, StepRule, Trajectory,
    Until, Watch,
};
use tts_models::{Backbone, EngineConfig, LanguageModel};

use super::{bits, engine, generated, lines, one};

const ALL: Watch = Watch { confidence: 5, certainty: true, drawn: true, halt: None };

fn ask(watch: Watch, until: Until) -> Request {
    let prefix = Trajectory::new(Arc::new(Prompt::text("Say something:")), Vec::new(), 0, false);
    Request {
        until,
        sampling: Sampling { top_k: 40, ..Sampling::temperature(0.9) },
        rule: Arc::new(StepRule { max_step_tokens: 9, ..StepRule::default() }),
        watch,
        max_tokens: 40,
        ..Request::new(prefix, (0..10).collect())
    }
}

/// The confidences of a line, across its steps.
fn confidences(line: &Completion) -> Vec<f32> {
    line.steps.iter().flat_map(Step::confidence).copied().collect()
}

#[test]
fn notes_are_what_was_asked_for_one_a_token() {
    let engine = engine(EngineConfig::default());
    let idle = lines(&engine, &ask(Watch::default(), Until::End));
    assert!(idle.iter().flat_map(|line| &line.steps).all(|step| step.notes.is_none()));
    for watch in [
        Watch { confidence: 3, ..Watch::default() },
        Watch { certainty: true, ..Watch::default() },
        Watch { drawn: true, ..Watch::default() },
        ALL,
    ] {
        let watched = lines(&engine, &ask(watch, Until::End));
        assert_eq!(watched.len(), idle.len());
        for (watched, idle) in watched.iter().zip(&idle) {
            assert_eq!((generated(watched), bits(watched)), (generated(idle), bits(idle)));
            assert_eq!((watched.finish, watched.steps.len()), (idle.finish, idle.steps.len()));
            for step in &watched.steps {
                let count = |asked: bool| if asked { step.logprobs.len() } else { 0 };
                assert_eq!(step.confidence().len(), count(watch.confidence > 0));
                assert_eq!(step.certainty().len(), count(watch.certainty));
                assert_eq!(step.drawn().len(), count(watch.drawn));
            }
        }
    }
}

/// Against the definitions, from the model's logits.
#[test]
fn notes_are_those_of_the_known_tokens() {
    let engine = engine(EngineConfig::default());
    let ask = Request { seeds: vec![1, 2], ..ask(ALL, Until::Tokens(15)) };
    let mut tokens = engine.encode(ask.prefix.prompt()).unwrap();
    let prompt = tokens.len();
    // Two logits are padding.
    let known = engine.tokenizer().vocab_size();
    assert_eq!((known, engine.next_logits(&tokens).unwrap().len()), (260, 262));
    for line in lines(&engine, &ask) {
        tokens.truncate(prompt);
        for step in &line.steps {
            for (index, &token) in step.tokens.iter().enumerate() {
                let logits = &engine.next_logits(&tokens).unwrap()[..known];
                let softmax = |temperature: f64, kept: usize| -> Vec<f64> {
                    let mut order: Vec<usize> = (0..known).collect();
                    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
                    let weight = |i: usize| (f64::from(logits[i]) / temperature).exp();
                    let sum: f64 = order[..kept].iter().map(|&i| weight(i)).sum();
                    (0..known).map(|i| (weight(i) / sum).ln()).collect()
                };
                let logs = softmax(1.0, known);
                let mut ranked = logs.clone();
                ranked.sort_by(|a, b| b.total_cmp(a));
                let confidence = -ranked[..5].iter().sum::<f64>() / 5.0;
                let size = known as f64;
                let certainty = -logs.iter().map(|log| log + size.ln()).sum::<f64>() / size;
                let drawn = softmax(f64::from(0.9_f32), 40)[token as usize];
                for (found, expected) in [
                    (step.confidence()[index], confidence),
                    (step.certainty()[index], certainty),
                    (step.drawn()[index], drawn),
                    (step.logprobs[index], logs[token as usize]),
                ] {
                    assert!((f64::from(found) - expected).abs() < 2e-5, "{found} for {expected}");
                }
                tokens.push(token);
            }
        }
    }
}

fn halted(window: u32, below: f32) -> Watch {
    Watch { halt: Some(Halt { window, below }), ..ALL }
}

/// Where the definition breaks a line off: how many of its tokens are left.
fn expected(confidences: &[f32], halt: Halt) -> Option<usize> {
    let window = halt.window as usize;
    let low = |last: &[f32]| {
        last.iter().copied().map(f64::from).sum::<f64>() / (window as f64) < halt.below.into()
    };
    confidences.windows(window).position(low).map(|start| start + window)
}

#[test]
fn a_line_halts_where_its_confidence_falls_and_is_the_beginning_of_the_other() {
    let engine = engine(EngineConfig::default());
    for until in [Until::End, Until::Tokens(30), Until::Steps(3)] {
        let whole = lines(&engine, &ask(ALL, until));
        let none = lines(&engine, &ask(halted(1, f32::NEG_INFINITY), until));
        assert_eq!(none, whole);
        let mut all: Vec<f32> = whole.iter().flat_map(confidences).collect();
        all.sort_by(f32::total_cmp);
        let (mut halts, mut later) = (0, 0);
        for window in [1, 2, 5, 13] {
            for quantile in [0.02, 0.1, 0.3, 0.5, 0.9] {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a place"
                )]
                let below = all[(quantile * all.len() as f64) as usize];
                let found = lines(&engine, &ask(halted(window, below), until));
                for (found, whole) in found.iter().zip(&whole) {
                    let Some(left) =
                        expected(&confidences(whole), Halt { window, below }).filter(|&left| {
                            left < generated(whole).len() || whole.finish != Finish::Stop
                        })
                    else {
                        assert_eq!(found, whole);
                        continue;
                    };
                    assert_eq!(found.finish, Finish::Halted);
                    assert_eq!(generated(found), generated(whole)[..left]);
                    assert_eq!(bits(found), bits(whole)[..left]);
                    assert_eq!(confidences(found), confidences(whole)[..left]);
                    let (last, before) = found.steps.split_last().expect("a step");
                    assert_eq!(before, &whole.steps[..before.len()]);
                    assert_eq!(last.closing, 0);
                    halts += 1;
                    later += usize::from(!before.is_empty());
                }
            }
        }
        assert!(halts > 50 && later > 20, "{until:?}: {halts} halted, {later} behind a step");
    }
}

#[test]
fn what_is_said_wins_over_a_halt_and_a_halt_over_lengths() {
    let engine = engine(EngineConfig::default());
    let always = halted(4, f32::INFINITY);
    let whole = lines(&engine, &ask(ALL, Until::Tokens(4)));
    for (seed, line) in (0..).zip(&whole) {
        let fourth = generated(line);
        let ask = |rule: StepRule| Request {
            seeds: vec![seed],
            rule: Arc::new(rule),
            ..ask(always, Until::Tokens(4))
        };
        let rule = StepRule { delimiters: Vec::new(), max_step_tokens: 4, ..StepRule::default() };
        let found = one(&engine, &Request { max_tokens: 4, ..ask(rule.clone()) });
        if line.finish == Finish::Stop {
            assert_eq!(found.finish, Finish::Stop);
            continue;
        }
        assert_eq!((found.finish, generated(&found)), (Finish::Halted, fourth.clone()));
        let Some(text) = std::str::from_utf8(&[u8::try_from(fourth[3]).unwrap_or(255)])
            .ok()
            .filter(|_| !fourth[..3].contains(&fourth[3]))
            .map(str::to_owned)
        else {
            continue;
        };
        let stop = StepRule { stop: vec![text.clone()], ..rule.clone() };
        let pause = StepRule { pause: vec![text], ..rule };
        for (rule, finish) in [(stop, Finish::Stop), (pause, Finish::Pause)] {
            let found = one(&engine, &ask(rule));
            assert_eq!((found.finish, generated(&found)), (finish, fourth.clone()));
            assert_eq!(found.steps[0].closing, 1);
        }
    }
}

#[test]
fn a_watch_that_makes_no_sense_fails_its_lines_alone() {
    let engine = engine(EngineConfig::default());
    let halt = |window, below| Some(Halt { window, below });
    for (watch, problem) in [
        (Watch { halt: halt(3, 1.0), ..Watch::default() }, "halt goes by confidence"),
        (Watch { halt: halt(0, 1.0), ..ALL }, "window is 0"),
        (Watch { halt: halt(3, f32::NAN), ..ALL }, "below is not a number"),
    ] {
        let batch = [ask(watch, Until::End), ask(ALL, Until::End)];
        let made = engine.generate(&batch).expect("runs");
        for line in &made[0].lines {
            assert!(line.as_ref().is_err_and(|e| e.to_string().contains(problem)), "{line:?}");
        }
        assert!(made[1].lines.iter().all(Result::is_ok));
    }
}
