//! Tokens that a line begins with: it goes on as behind the same tokens, and counts them as given.

use std::sync::Arc;

use tts_core::{
    Finish, Generator, LineError, Prompt, Request, Sampling, Step, StepRule, Trajectory, Until,
};
use tts_models::EngineConfig;

use super::{END, bits, generated, ids, letters, lines, one, path};

const PROMPT: &str = "ab cd. ";

/// Steps end by length only.
fn free() -> StepRule {
    StepRule { delimiters: Vec::new(), max_step_tokens: 500, ..StepRule::default() }
}

fn ask(rule: StepRule) -> Request {
    Request {
        until: Until::End,
        sampling: Sampling::temperature(1.5),
        rule: Arc::new(rule),
        max_tokens: 40,
        ..Request::new(path(PROMPT, &["ab. "]), (0..12).collect())
    }
}

/// The same request with these tokens as the last step of its path.
fn behind(request: &Request) -> Request {
    let prefix = &request.prefix;
    let step = Step { tokens: request.given.clone(), ..Step::default() };
    let mut steps = prefix.steps().to_vec();
    steps.push(Arc::new(step));
    let prefix = Trajectory::new(Arc::clone(prefix.shared_prompt()), steps, 0, false);
    Request { prefix, given: Vec::new(), ..request.clone() }
}

#[test]
fn a_line_goes_on_as_behind_the_same_tokens() {
    let engine = letters(EngineConfig::default());
    let nucleus = Sampling { top_k: 6, top_p: 0.9, ..Sampling::temperature(0.9) };
    let rules = [
        free(),
        StepRule { max_step_tokens: 7, ..free() },
        // Stop and pause texts may begin in what was given.
        StepRule {
            stop: vec!["hh".into(), "ct".into()],
            pause: vec!["hd".into(), "ca".into()],
            ..free()
        },
    ];
    let (mut stopped, mut paused, mut cut) = (0, 0, 0);
    for rule in rules {
        for given in ["c", "ab c.h", "a. b. c. d. e. f. tdh", "\n\n"] {
            for (until, sampling) in [
                (Until::End, Sampling::temperature(1.5)),
                (Until::Tokens(9), nucleus),
                (Until::Steps(2), Sampling::greedy()),
            ] {
                let request = Request { given: ids(given), until, sampling, ..ask(rule.clone()) };
                engine.forget();
                let kept = lines(&engine, &request);
                for warm in [true, false] {
                    if !warm {
                        engine.forget();
                    }
                    let behind = lines(&engine, &behind(&request));
                    assert_eq!(kept.len(), behind.len());
                    for (kept, behind) in kept.iter().zip(&behind) {
                        assert_eq!(generated(kept), generated(behind), "{given:?} {until:?}");
                        assert_eq!(bits(kept), bits(behind));
                        assert_eq!(kept.finish, behind.finish);
                        assert_eq!(kept.steps.len(), behind.steps.len());
                    }
                }
                for line in &kept {
                    let first = &line.steps[0];
                    assert_eq!(first.given as usize, given.len());
                    assert!(first.tokens.starts_with(&ids(given)) && first.text.starts_with(given));
                    assert!(line.steps[1..].iter().all(|step| step.given == 0));
                    stopped += usize::from(line.finish == Finish::Stop);
                    paused += usize::from(line.finish == Finish::Pause);
                    cut += usize::from(line.steps.len() > 2);
                }
            }
        }
    }
    assert!(stopped > 20 && paused > 5 && cut > 20, "{stopped} {paused} {cut}");
}

#[test]
fn delimiters_see_what_was_given() {
    let engine = letters(EngineConfig::default());
    let line = |given: &str, delimiter: String, seed: u64| {
        let rule = StepRule { delimiters: vec![delimiter], ..free() };
        let request = Request { given: ids(given), seeds: vec![seed], ..ask(rule) };
        one(&engine, &Request { until: Until::Step, ..request })
    };
    let mut found = 0;
    for seed in 0..12 {
        let next = line("ab", "ababab".into(), seed).steps[0].text[2..].to_owned();
        let Some(next) = next.chars().next().filter(char::is_ascii_lowercase) else { continue };
        found += 1;
        // A delimiter that begins in the given tokens.
        let spans = line("ab", format!("b{next}"), seed);
        assert_eq!(
            (spans.steps[0].text.as_str(), spans.finish),
            (&*format!("ab{next}"), Finish::Step)
        );
        // Given text is text before a delimiter, given white space is none.
        assert_eq!(line("ab", next.into(), seed).steps[0].text, format!("ab{next}"));
        // One within the given tokens ended nothing then, and does not now.
        assert!(line("ab", "a".into(), seed).steps[0].generated() > 1 || next == 'a');
    }
    assert!(found > 4);
    let blank = |given: &str| {
        let line = line(given, "\n".into(), 0);
        line.steps[0].text[given.len()..].starts_with('\n') && line.steps[0].generated() == 1
    };
    assert!(!blank("\n \n"));
}

#[test]
fn appended_words_stand_behind_what_was_kept() {
    let engine = letters(EngineConfig::default());
    let request = Request { given: ids("abc. "), append: Some("dab. ".into()), ..ask(free()) };
    let both = lines(&engine, &request);
    engine.forget();
    let given = Request { given: ids("abc. dab. "), append: None, ..request.clone() };
    assert_eq!(both, lines(&engine, &given));
    assert!(both.iter().all(|line| line.steps[0].given == 10));
    assert!(both.iter().all(|line| line.steps[0].text.starts_with("abc. dab. ")));
    engine.forget();
    let behind = lines(&engine, &behind(&given));
    for (both, behind) in both.iter().zip(&behind) {
        assert_eq!((generated(both), bits(both)), (generated(behind), bits(behind)));
    }
}

/// The step that begins with given tokens is run without the end token before it whenever its path
/// is: so it is written.
#[test]
fn what_is_kept_of_a_step_behind_a_finished_one_stands_where_it_stood() {
    let engine = letters(EngineConfig::default());
    let ended = Step { tokens: [&ids("ab.")[..], &[END]].concat(), ..Step::default() };
    let prompt = Arc::new(Prompt::text(PROMPT));
    let finished = Trajectory::new(Arc::clone(&prompt), vec![Arc::new(ended.clone())], 0, true);
    let appended = Request {
        prefix: finished,
        append: Some(" cab. ".into()),
        until: Until::Tokens(12),
        ..ask(free())
    };
    let written = lines(&engine, &appended);
    engine.forget();
    let kept = Request { given: ids(" cab. "), append: None, ..appended.clone() };
    assert_eq!(written, lines(&engine, &kept));
    // As it is run later.
    engine.forget();
    let words = Step { tokens: ids(" cab. "), given: 6, ..Step::default() };
    let steps = vec![Arc::new(ended), Arc::new(words)];
    let later =
        Request { prefix: Trajectory::new(prompt, steps, 0, false), append: None, ..appended };
    for (written, later) in written.iter().zip(&lines(&engine, &later)) {
        assert_eq!((generated(written), bits(written)), (generated(later), bits(later)));
    }
}

/// Only steps lose an end token that is written on behind: a prompt may end with one, as chats do.
#[test]
fn the_end_token_of_a_prompt_stays() {
    let engine = letters(EngineConfig::default());
    let ask = |prompt: &str| Request { prefix: path(prompt, &[]), ..ask(free()) };
    let whole = lines(&engine, &ask("ab.<|end|>cab. "));
    engine.forget();
    let given = Request { given: ids("cab. "), ..ask("ab.<|end|>") };
    let appended = Request { append: Some("cab. ".into()), ..ask("ab.<|end|>") };
    for request in [given, appended] {
        let made = lines(&engine, &request);
        engine.forget();
        assert_eq!(made[0].prompt_tokens, 4);
        for (made, whole) in made.iter().zip(&whole) {
            assert_eq!((generated(made), bits(made)), (generated(whole), bits(whole)));
        }
    }
}

#[test]
fn unknown_tokens_fail_their_own_lines() {
    let engine = letters(EngineConfig::default());
    let bad = Request { given: vec![1, 24, 2], ..ask(free()) };
    let made = engine.generate(&[ask(free()), bad.clone(), ask(free())]).expect("runs");
    let error = LineError("token: 24 is outside the vocabulary of 24".into());
    assert!(made[1].lines.iter().all(|line| line.as_ref() == Err(&error)));
    assert!(made[0].lines.iter().chain(&made[2].lines).all(Result::is_ok));
    assert_eq!(made[1].lines.len(), bad.seeds.len());
}

#[test]
fn what_is_kept_is_not_computed_again() {
    let engine = letters(EngineConfig::default());
    let ask = Request { seeds: vec![3], until: Until::Tokens(30), ..ask(free()) };
    let tokens = generated(&one(&engine, &ask));
    assert!(tokens.len() > 10);
    let kept = Request { given: tokens[..8].to_vec(), seeds: vec![4], ..ask };
    let made = engine.generate(&[kept]).expect("runs").remove(0);
    let generated = made.lines[0].as_ref().expect("a line").generated();
    // The last kept token is run for its row, the last generated one never is.
    assert_eq!(made.computed_tokens, 1 + generated - 1);
    assert_eq!(made.cached_tokens, (PROMPT.len() + "ab. ".len() + 7) as u64);
}
