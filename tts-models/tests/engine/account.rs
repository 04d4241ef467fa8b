//! Where time goes, and on which instructions: neither changes a bit.

use std::time::Instant;

use tts_core::Prompt;
use tts_models::{
    Account, Cpu, EngineConfig, Executor, InstructionSet, LanguageModel, Native, Plain, Stage,
};

use super::native::{HELD, bits, tokens, whole};
use super::{engine_of, lines, request, weights};

/// What a run of 12 lines takes by the clock, and the least and the most that this can be by a clock beside it.
fn account(architecture: &str, threads: usize) -> (Account, [f64; 2]) {
    let config = EngineConfig { threads, ..EngineConfig::default() };
    let engine = engine_of(architecture, config);
    let ask = request(Prompt::text("Where does it go?"), (0..12).collect());
    let off = lines(&engine, &ask);
    engine.forget();
    let clock = engine.clock().expect("native has a clock");
    assert_eq!(clock.account(), None, "it is off");
    clock.restart();
    assert!(!clock.is_on());
    let before = Instant::now();
    clock.start();
    let within = Instant::now();
    let on = lines(&engine, &ask);
    let least = within.elapsed().as_secs_f64();
    let account = clock.account().expect("it is on");
    let most = before.elapsed().as_secs_f64();
    assert_eq!(on, off);
    clock.stop();
    assert_eq!(clock.account(), None);
    (account, [least, most])
}

#[test]
fn worked_and_waited_are_threads_times_wall() {
    for threads in [1, 2, 3] {
        let (account, [least, most]) = account("qwen3", threads);
        assert_eq!(account.threads, threads);
        let wall = account.wall_seconds();
        assert!((least - 1e-6..=most + 1e-6).contains(&wall), "{wall}, not {least} to {most}");
        let mut shares = account.share(account.waited_seconds());
        for time in &account.stages {
            assert!(time.worked_seconds > 0.0, "{time:?}");
            assert!(time.waited_seconds > -1e-6, "nobody works more than there is: {time:?}");
            shares += account.share(time.worked_seconds);
        }
        assert!((shares - 1.0).abs() < 1e-9, "{shares}");
        if threads == 1 {
            assert!(account.waited_seconds().abs() < 1e-6, "nobody is waited for");
        }
    }
}

#[test]
fn every_stage_that_a_model_has_takes_time_and_no_other() {
    use Stage::{
        Activation, Attention, Begin, Down, End, GateUp, Head, Heads, Join, Norms, Output, Outside,
        Packing, QueryKeyValue, Router, Sampling,
    };
    let plain = [
        Outside,
        Begin,
        Norms,
        QueryKeyValue,
        Heads,
        Attention,
        Packing,
        Output,
        GateUp,
        Down,
        End,
        Head,
        Sampling,
    ];
    for (architecture, more) in [
        ("qwen3", vec![]),
        ("qwen3_moe", vec![Router, Join]),
        ("gpt_oss", vec![Router, Activation, Join]),
    ] {
        let (account, _) = account(architecture, 2);
        let has = |stage: &Stage| plain.contains(stage) || more.contains(stage);
        let expected: Vec<Stage> = Stage::ALL.into_iter().filter(has).collect();
        let found: Vec<Stage> = account.stages.iter().map(|time| time.stage).collect();
        assert_eq!(found, expected, "{architecture}");
    }
    assert_eq!(Stage::ALL.into_iter().filter(|stage| stage.is_product()).count(), 6);
}

#[test]
fn an_account_begins_anew_and_other_backends_have_none() {
    let engine = engine_of("llama", EngineConfig { threads: 2, ..EngineConfig::default() });
    let clock = engine.clock().expect("native has a clock");
    clock.start();
    lines(&engine, &request(Prompt::text("Hello"), vec![1]));
    clock.restart();
    let account = clock.account().expect("it is on");
    assert!(account.stages.iter().all(|time| time.stage == Stage::Outside), "{account:?}");
    assert!(Plain::<Cpu>::new(weights("llama")).unwrap().clock().is_none());
}

/// Weights of every type, keys and values of every type, and sampled lines, on all that the machine can run.
#[test]
fn smaller_instruction_sets_give_the_same_bits() {
    let machine = InstructionSet::of_machine();
    let text = tokens(70, 4);
    let run = || {
        let of_held = HELD.map(|(format, kind)| {
            let native = Native::with_format(weights("gpt_oss"), format, 2).unwrap();
            let native = native.with_key_values(kind);
            let rows = whole(&native, &text);
            bits(&[&rows[..], &native.logits(&rows).unwrap()].concat())
        });
        let engine = engine_of("qwen3", EngineConfig { threads: 2, ..EngineConfig::default() });
        (of_held, lines(&engine, &request(Prompt::text("Hello"), vec![1, 2, 3])))
    };
    let expected = run();
    for set in InstructionSet::ALL {
        assert_eq!(set.to_string().parse(), Ok(set));
        let allowed = set.limit();
        assert_eq!(allowed.is_ok(), set <= machine, "{set} on {machine}");
        if let Err(refused) = allowed {
            let names =
                format!("instruction set: {set}, but this machine has no more than {machine}");
            assert_eq!(refused.to_string(), names);
            continue;
        }
        assert_eq!(InstructionSet::in_use(), set);
        assert!(run() == expected, "{set}");
    }
    machine.limit().unwrap();
    assert_eq!(InstructionSet::in_use(), machine);
    assert!(InstructionSet::Avx512.on(InstructionSet::Avx2).is_err());
    assert!(
        "avx"
            .parse::<InstructionSet>()
            .is_err_and(|error| error.contains("portable, avx2 or avx512"))
    );
}
