//! Any two texts as answers: both ways the same verdict, and an answer is equal to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tts_core::task::{Choice, Exact, Math};
use tts_core::{Task, answer};

fuzz_target!(|texts: (&str, &str)| {
    let (a, b) = texts;
    let tasks: [&dyn Task; 3] = [&Math, &Exact, &Choice::default()];
    for task in tasks {
        assert_eq!(task.same(a, b), task.same(b, a), "{}: {a:?}, {b:?}", task.name());
        if let Some(found) = task.answer(a) {
            assert!(task.same(&found, &found), "{}: {found:?}", task.name());
        }
    }
    let _ = answer::extract(b);
});
