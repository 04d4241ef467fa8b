//! Lines that rest, and what of a line's end says nothing.

use std::sync::Arc;

use tts_core::{Completion, Finish, Prompt, Request, Sampling, Step, StepRule, Trajectory, Until};
use tts_models::{Engine, EngineConfig, Native};

use super::{END, config, generated, ids, letters, letters_of, one, path};

const PROMPT: &str = "ab cd. ";

fn free() -> StepRule {
    StepRule { delimiters: Vec::new(), max_step_tokens: 500, ..StepRule::default() }
}

fn ask(seed: u64, rule: StepRule) -> Request {
    Request {
        until: Until::End,
        sampling: Sampling::temperature(1.5),
        rule: Arc::new(rule),
        max_tokens: 40,
        ..Request::new(path(PROMPT, &[]), vec![seed])
    }
}

fn text(line: &Completion) -> String {
    line.steps.iter().map(|step| step.text.as_str()).collect()
}

/// The last step, and how many of its tokens close the line.
fn last(line: &Completion) -> (&Step, u32) {
    let step = line.steps.last().expect("a step");
    assert!(line.steps[..line.steps.len() - 1].iter().all(|step| step.closing == 0));
    (step, step.closing)
}

/// Lines without texts that end them, and places at which two characters of them stand for the
/// first time.
fn samples(engine: &Engine<Native>) -> Vec<(u64, String, usize)> {
    let samples = (0..24_u64).filter_map(|seed| {
        let written = text(&one(engine, &ask(seed, free())));
        let first = |&place: &usize| written.find(&written[place..place + 2]) == Some(place);
        let place = (4..written.len().saturating_sub(3)).find(first)?;
        Some((seed, written, place))
    });
    samples.collect()
}

#[test]
fn a_line_rests_with_the_token_in_which_a_pause_text_ends() {
    let engine = letters(EngineConfig::default());
    let samples = samples(&engine);
    assert!(samples.len() > 8);
    for (seed, written, place) in samples {
        let pair = written[place..place + 2].to_owned();
        let expected = &written[..place + 2];
        let rule = StepRule { pause: vec!["hhhhhhh".into(), pair.clone()], ..free() };
        for until in [Until::End, Until::Step, Until::Steps(3), Until::Tokens(30)] {
            let line = one(&engine, &Request { until, ..ask(seed, rule.clone()) });
            assert_eq!((text(&line).as_str(), line.finish), (expected, Finish::Pause));
            let (step, closing) = last(&line);
            assert_eq!((line.steps.len(), closing, step.kept() as usize), (1, 2, place));
        }
        // Said at once: what stops wins, what rests wins over lengths and boundaries.
        let count = u32::try_from(place + 2).expect("short");
        for (until, max_tokens, rule, finish) in [
            (Until::Tokens(count), 40, rule.clone(), Finish::Pause),
            (Until::End, count, rule.clone(), Finish::Pause),
            (
                Until::Step,
                40,
                StepRule { delimiters: vec![pair.clone()], ..rule.clone() },
                Finish::Pause,
            ),
            (Until::Step, 40, StepRule { max_step_tokens: count, ..rule.clone() }, Finish::Pause),
            (
                Until::End,
                40,
                StepRule { stop: vec![pair[1..].into()], ..rule.clone() },
                Finish::Stop,
            ),
        ] {
            let line = one(&engine, &Request { until, max_tokens, ..ask(seed, rule.clone()) });
            if finish == Finish::Pause {
                assert_eq!((text(&line).as_str(), line.finish), (expected, finish), "{rule:?}");
                assert_eq!(last(&line).1, 2);
            } else if text(&line) == expected {
                assert_eq!((line.finish, last(&line).1), (finish, 1), "of the stop text");
            }
        }
        let both = StepRule { stop: vec![pair.clone()], ..rule.clone() };
        let line = one(&engine, &ask(seed, both));
        assert_eq!((text(&line).as_str(), line.finish), (expected, Finish::Stop));
        assert_eq!(last(&line).1, 2);
        // It can be continued: the old text is not seen again, a new one that overlaps it is.
        let steps = vec![Arc::new(line.steps[0].clone())];
        let prefix = Trajectory::new(Arc::new(Prompt::text(PROMPT)), steps, 0, false);
        let on = one(&engine, &Request { prefix, until: Until::Tokens(1), ..ask(seed, rule) });
        assert_eq!(on.steps[0].generated(), 1);
        let again = format!("{}{}", &pair[1..], text(&on)) == pair;
        assert_eq!(on.finish == Finish::Pause, again);
    }
}

#[test]
fn pause_and_stop_texts_begin_wherever_they_do() {
    let engine = letters(EngineConfig::default());
    let mut seen = 0;
    for seed in 0..24 {
        // In an earlier step of the line: the step has fewer tokens than the text.
        let steps = StepRule { max_step_tokens: 5, ..free() };
        let line = one(&engine, &ask(seed, steps.clone()));
        let written = text(&line);
        if line.steps.len() > 2 && line.steps[1].text.len() == 5 {
            let across = &written[3..6];
            if written.find(across) == Some(3) {
                for (rule, finish) in [
                    (StepRule { pause: vec![across.into()], ..steps.clone() }, Finish::Pause),
                    (StepRule { stop: vec![across.into()], ..steps.clone() }, Finish::Stop),
                ] {
                    let line = one(&engine, &ask(seed, rule));
                    assert_eq!((text(&line), line.finish), (written[..6].to_owned(), finish));
                    let (step, closing) = last(&line);
                    assert_eq!((step.tokens.len(), closing), (1, 1));
                }
                seen += 1;
            }
        }
        // In a step of the path, and in given tokens.
        for (steps, given, appended) in [
            (vec!["abc"], "", None),
            (vec!["ab"], "c", None),
            (vec!["a"], "b", Some("c")),
            (vec![], "", Some("abc")),
        ] {
            let ask = Request {
                prefix: path(PROMPT, &steps),
                given: ids(given),
                append: appended.map(str::to_owned),
                ..ask(seed, free())
            };
            let free = one(&engine, &ask);
            let next = ids_text(&generated(&free)[..1]);
            if next.is_empty() {
                continue;
            }
            let rule =
                StepRule { pause: vec!["bc".into(), format!("bc{next}")], ..(*ask.rule).clone() };
            let line = one(&engine, &Request { rule: Arc::new(rule), ..ask });
            assert_eq!((generated(&line).len(), line.finish), (1, Finish::Pause));
            let (step, closing) = last(&line);
            let words = given.len() + appended.map_or(0, str::len);
            // Never more tokens than the step has, its given ones included.
            assert_eq!(step.given as usize, words);
            assert_eq!(closing as usize, (words + 1).min(3));
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

fn ids_text(tokens: &[u32]) -> String {
    let letter = |&id: &u32| super::ALPHABET.chars().nth((id as usize).checked_sub(1)?);
    tokens.iter().filter_map(letter).collect()
}

#[test]
fn end_tokens_close_a_line_alone() {
    // A letter ends the solution: it may end a pause or stop text at once.
    let h = ids("h");
    let engine = letters_of(EngineConfig::default(), vec![END, h[0]]);
    let (mut letters, mut tokens) = (0, 0);
    for seed in 0..40 {
        let line = one(&engine, &ask(seed, free()));
        let written = text(&line);
        if line.finish != Finish::Stop {
            assert_eq!(last(&line).1, 0);
            continue;
        }
        assert_eq!(last(&line).1, 1);
        if generated(&line).last() == Some(&END) {
            assert!(!written.contains("<|end|>"));
            tokens += 1;
        } else if written.len() > 3 {
            let end = &written[written.len() - 3..];
            let pause = StepRule { pause: vec![end.into()], ..free() };
            let paused = one(&engine, &ask(seed, pause));
            // The end token, not the text, ended it.
            assert_eq!(
                (text(&paused), paused.finish, last(&paused).1),
                (written.clone(), Finish::Stop, 1)
            );
            let stop = StepRule { stop: vec![end.into()], ..free() };
            let stopped = one(&engine, &ask(seed, stop));
            assert_eq!(
                (text(&stopped), stopped.finish, last(&stopped).1),
                (written.clone(), Finish::Stop, 3)
            );
            letters += 1;
        }
    }
    assert!(letters > 2 && tokens > 2, "{letters} {tokens}");
}

#[test]
fn a_pause_wins_over_a_full_context() {
    let engine = letters(EngineConfig::default());
    let positions = config("qwen3").max_position_embeddings;
    let mut seen = 0;
    for seed in 0..24 {
        let prompt = "a".repeat(positions - 3);
        let ask = Request { prefix: path(&prompt, &[]), ..ask(seed, free()) };
        let full = one(&engine, &ask);
        let written = text(&full);
        if full.finish != Finish::Context || written.find(&written[2..]) != Some(2) {
            continue;
        }
        assert_eq!(last(&full).1, 0);
        let rule = StepRule { pause: vec![written[2..].into()], ..free() };
        let line = one(&engine, &Request { rule: Arc::new(rule), ..ask });
        assert_eq!((text(&line), line.finish, last(&line).1), (written, Finish::Pause, 1));
        seen += 1;
    }
    assert!(seen > 2, "{seen}");
}
