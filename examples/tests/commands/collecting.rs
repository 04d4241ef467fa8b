//! Solutions that are learnt from: the stages of R1 in a row, a student of another size, and adapters that go on.

use std::path::Path;

use tts_examples::pair;
use tts_examples::worked::{self, Asked};

use crate::{example, ran, succeeded, text};

/// The options of a command, which are parted by spaces, and more of them.
fn all<'a>(options: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    options.split_whitespace().chain(more.iter().copied()).collect()
}

const LEARN: &str = "--steps 2 --batch 2 --threads 1 --held-out 0";
const REWARDED: &str = "--family chain --problems 8 --held-out 2 --batch 4 --samples 4 --max-tokens 60 --steps 1 --threads 1";
const DRAWN: &str = "--family chain --limit 6 --strategy self-consistency --n 4 --temperature 1 --max-tokens 60 --threads 1";

/// Cold start, reinforcement, rejection sampling, fine-tuning of the base, reinforcement; then a student.
#[test]
fn the_stages_of_r1_in_a_row() {
    let (Some(finetune), Some(reinforce), Some(evaluate)) =
        (example("finetune"), example("reinforce"), example("evaluate"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let generator = pair::folder().join("generator");
    let base = generator.to_str().unwrap();
    let (cold, zero, data) = (path("cold"), path("zero"), path("solutions.jsonl"));
    let (tuned, last) = (path("tuned"), path("last"));
    let start = ["--model", base, "--family", "chain", "--limit", "20", "--out", &cold];
    let said = succeeded(&finetune, &all(LEARN, &start));
    assert!(said.contains("20 examples, 0 held out, 0 too long"), "{said}");
    succeeded(&reinforce, &all(REWARDED, &["--model", &cold, "--out", &zero]));
    let record = path("drawn");
    let learn = ["--model", &zero, "--record", &record, "--learn", &data, "--per-problem", "2"];
    let said = succeeded(&evaluate, &all(DRAWN, &learn));
    assert!(said.contains("data      chain: 6 problems of its train split"), "{said}");
    let told = said.lines().find(|line| line.starts_with("learn  ")).unwrap();
    assert!(told.contains(" of 24 solutions, of ") && told.contains("of 6 problems"), "{told}");
    let kept = worked::read(Path::new(&data)).unwrap();
    let questions: Vec<&str> = kept.iter().map(|own| own.asked.question()).collect();
    for own in &kept {
        // Only what is right, different, and not too often.
        let question = own.asked.question().trim();
        let answer = own.answer();
        let lines: Vec<&str> = answer.lines().collect();
        let chain = tts_core::family::Chain::default();
        assert!(
            tts_core::family::Family::solved(&chain, question, &lines),
            "{question}: {lines:?}"
        );
        assert!(questions.iter().filter(|other| other.trim() == question).count() <= 2);
        assert!(matches!(own.asked, Asked::Prompt(tts_core::Prompt::Text(_))));
    }
    succeeded(&finetune, &all(LEARN, &["--model", base, "--data", &data, "--out", &tuned]));
    succeeded(&reinforce, &all(REWARDED, &["--model", &tuned, "--out", &last]));
    assert!(Path::new(&last).join("model.safetensors").is_file());

    // Nothing is drawn again: neither in the same folder, nor from its records.
    let bytes = std::fs::read(&data).unwrap();
    std::fs::remove_file(&data).unwrap();
    let said = succeeded(&evaluate, &all(DRAWN, &learn));
    assert!(said.contains("machine   0 tokens generated now"), "{said}");
    assert_eq!(std::fs::read(&data).unwrap(), bytes);
    let (records, replayed, again) =
        (format!("records:{record}"), path("replayed"), path("again.jsonl"));
    let from =
        ["--model", &records, "--record", &replayed, "--learn", &again, "--per-problem", "2"];
    // Records tell no number of threads.
    let drawn = DRAWN.replace(" --threads 1", "");
    succeeded(&evaluate, &all(&drawn, &from));
    assert_eq!(std::fs::read(&again).unwrap(), bytes);
    let refused = text(&ran(&evaluate, &all(&drawn, &[&from[..], &["--hinted"]].concat())));
    assert!(refused.contains("--hinted: records and given texts have nobody"), "{refused}");

    // A student of another size, from nothing, and then of what its teacher wrote.
    let (small, student) = (path("small"), path("student"));
    let made = ["--shape", "16x1x2", "--family", "chain", "--limit", "20", "--out", &small];
    succeeded(&finetune, &all(LEARN, &made));
    succeeded(&finetune, &all(LEARN, &["--model", &small, "--data", &data, "--out", &student]));
    let weights = |name: &str| std::fs::read(Path::new(name).join("model.safetensors")).unwrap();
    assert_ne!(weights(&student), weights(&small));
}

/// Problems that nobody solves are asked once more with the answer, which the plain question then has nothing of.
#[test]
fn who_is_told_the_answer_is_learnt_behind_the_plain_question() {
    let Some(evaluate) = example("evaluate") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (hint, data, record) = (path("hint.jinja"), path("solutions.jsonl"), path("drawn"));
    std::fs::write(&hint, "{{ question }}").unwrap();
    let asked =
        ["--model", "embedded", "--record", &record, "--learn", &data, "--hinted", "--hint", &hint];
    let refused = text(&ran(&evaluate, &all(DRAWN, &asked)));
    assert!(refused.contains("the hint shows no {{ answer }}"), "{refused}");
    // In the signs that the generator has; of the line breaks at the end a template drops one.
    std::fs::write(&hint, "{{ question }}={{ answer }}\n\n").unwrap();
    let many = DRAWN.replace("--limit 6", "--limit 40").replace("--n 4", "--n 1");
    let said = succeeded(&evaluate, &all(&many, &asked));
    let told = said.lines().find(|line| line.starts_with("hinted  ")).unwrap();
    assert!(told.contains(" problems that nobody solved, asked again with the answer: "), "{told}");
    let asked_again: usize = told.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(asked_again > 0, "{said}");
    for own in worked::read(Path::new(&data)).unwrap() {
        assert!(own.asked.question().ends_with('\n') && !own.asked.question().contains('='));
    }
    let folders = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let hinted = folders.filter(|name| name.to_string_lossy().starts_with("drawn.hinted-")).count();
    assert_eq!(hinted, 1);
}

#[test]
fn an_adapter_goes_on_from_one_that_is_there() {
    let (Some(finetune), Some(reinforce), Some(evaluate)) =
        (example("finetune"), example("reinforce"), example("evaluate"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let generator = pair::folder().join("generator");
    let base = generator.to_str().unwrap();
    let (cold, more, rewarded) = (path("cold"), path("more"), path("rewarded"));
    let learn = ["--model", base, "--family", "chain", "--limit", "12"];
    let learn = [&all(LEARN, &[])[..], &learn].concat();
    succeeded(&finetune, &[&learn[..], &["--rank", "2", "--out", &cold]].concat());
    succeeded(&finetune, &[&learn[..], &["--adapter", &cold, "--out", &more]].concat());
    // By the embedded model and by its folder: the same model, and the same bits.
    let weights =
        |name: &str| std::fs::read(Path::new(name).join("adapter_model.safetensors")).unwrap();
    let from = ["--adapter", &more, "--beta", "0.01"];
    succeeded(
        &reinforce,
        &all(REWARDED, &[&["--model", "embedded", "--out", &rewarded], &from[..]].concat()),
    );
    assert_ne!(weights(&more), weights(&cold));
    assert_ne!(weights(&rewarded), weights(&more));
    let other = path("other");
    succeeded(
        &reinforce,
        &all(REWARDED, &[&["--model", base, "--rank", "2", "--out", &other], &from[..]].concat()),
    );
    assert_eq!(weights(&other), weights(&rewarded));
    let record = path("drawn");
    let said = succeeded(
        &evaluate,
        &all(DRAWN, &["--model", base, "--adapter", &rewarded, "--record", &record]),
    );
    assert!(said.contains("6 problems of its test split"), "{said}");
    let none = path("none");
    for (command, options, expected) in [
        (&reinforce, ["--rank", "3"], "has a rank of 2: leave --rank out"),
        (&finetune, ["--rank", "3"], "has a rank of 2: leave --rank out"),
        (&reinforce, ["--alpha", "7"], "counts 4: leave --alpha out"),
        (&finetune, ["--alpha", "7"], "counts 4: leave --alpha out"),
        (&reinforce, ["--adapter", base], "adapter_config.json"),
        (&finetune, ["--adapter", base], "adapter_config.json"),
    ] {
        let own =
            if command == &reinforce { all(REWARDED, &["--model", base]) } else { learn.clone() };
        let adapter = if options[0] == "--adapter" { &[][..] } else { &["--adapter", &cold][..] };
        let said = text(&ran(command, &[&own[..], adapter, &options, &["--out", &none]].concat()));
        assert!(said.contains(expected), "{said}");
    }
    for command in [&reinforce, &finetune] {
        let own =
            if command == &reinforce { all(REWARDED, &["--model", base]) } else { learn.clone() };
        let same = ["--adapter", &cold, "--out", &cold];
        let said = text(&ran(command, &[&own[..], &same].concat()));
        assert!(said.contains("the folder of --adapter: name another one"), "{said}");
    }
    let said = text(&ran(&finetune, &[&learn[..], &["--alpha", "7", "--out", &none]].concat()));
    assert!(said.contains("--alpha: without --rank there is no adapter"), "{said}");
}

/// The reference trainer learns what the kernels learn: a whole model and an adapter.
#[test]
fn another_trainer_is_asked_for_by_an_option() {
    let (Some(finetune), Some(reinforce)) = (example("finetune"), example("reinforce")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (native, burn, learnt) = (path("native"), path("burn"), path("learnt"));
    let made = ["--shape", "16x1x2", "--family", "chain", "--limit", "10"];
    let made = [&made[..], &["--learning-rate", "0.01", "--warmup", "0"]].concat();
    let bare = "--steps 2 --batch 2 --held-out 0";
    let by = format!("{bare} --train-backend ndarray");
    let native_run = [&made[..], &["--f32", "--out", &native]].concat();
    succeeded(&finetune, &all(LEARN, &native_run));
    succeeded(&finetune, &all(&by, &[&made[..], &["--out", &burn]].concat()));
    let weights = |folder: &str| {
        let checkpoint = tts_models::Checkpoint::open(Path::new(folder)).unwrap();
        let decoder = tts_models::DecoderWeights::load(&checkpoint).unwrap();
        decoder.tensors().iter().flat_map(|tensor| tensor.values.to_vec()).collect::<Vec<f32>>()
    };
    let (one, other) = (weights(&native), weights(&burn));
    let square: f32 = one.iter().zip(&other).map(|(a, b)| (a - b).powi(2)).sum();
    // Each of two steps moves a weight by about 0.01.
    let far = (f64::from(square) / one.len() as f64).sqrt();
    assert!(one.len() == other.len() && far < 3e-3, "{far}");
    // It was another trainer: the native one does not go on for it.
    let same = [&made[..], &["--out", &burn]].concat();
    let refused = text(&ran(&finetune, &all(LEARN, &same)));
    assert!(refused.contains("belongs to a run with other settings"), "{refused}");
    let adapted = ["--model", &burn, "--rank", "2", "--out", &learnt, "--train-backend", "ndarray"];
    succeeded(&reinforce, &all(REWARDED, &adapted));
    assert!(Path::new(&learnt).join("adapter_model.safetensors").is_file());
    let none = path("none");
    for (command, said, expected) in [
        (&finetune, ["--train-backend", "wgpu"], "wgpu, which trains nothing"),
        (&reinforce, ["--train-backend", "wgpu"], "wgpu, which trains nothing"),
        (&finetune, ["--train-backend", "gpu"], "is not a backend"),
    ] {
        let own = if command == &reinforce {
            all(REWARDED, &["--model", &burn])
        } else {
            all(bare, &made)
        };
        let refused = text(&ran(command, &[&own[..], &said, &["--out", &none]].concat()));
        assert!(refused.contains(expected), "{refused}");
    }
    for option in ["--f32", "--threads 1"] {
        let options = format!("{by} {option}");
        let own = all(&options, &[&made[..], &["--out", &none]].concat());
        let refused = text(&ran(&finetune, &own));
        assert!(refused.contains("is of the native trainer"), "{refused}");
    }
}

/// A policy for families whose signs no model here has: made, rewarded, and refused by name where it cannot write.
#[test]
fn a_policy_is_made_for_a_family() {
    let (Some(finetune), Some(reinforce)) = (example("finetune"), example("reinforce")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for family in ["recheck", "backtrack", "strides"] {
        let (made, learnt) = (path(family), path(&format!("{family}-learnt")));
        let options = ["--shape", "16x1x2", "--family", family, "--limit", "10", "--out", &made];
        succeeded(&finetune, &all(LEARN, &options));
        let rewarded = REWARDED.replace("--family chain", &format!("--family {family}"));
        succeeded(&reinforce, &all(&rewarded, &["--model", &made, "--out", &learnt]));
        assert!(Path::new(&learnt).join("work/journal.jsonl").is_file());
    }
    let none = path("none");
    let rewarded = REWARDED.replace("--family chain", "--family recheck");
    let refused = text(&ran(&reinforce, &all(&rewarded, &["--model", "embedded", "--out", &none])));
    assert!(refused.contains("--family recheck: solutions are written with '"), "{refused}");
    let generator = pair::folder().join("generator");
    let base = ["--model", generator.to_str().unwrap(), "--family", "recheck", "--out", &none];
    let refused = text(&ran(&finetune, &all(LEARN, &base)));
    assert!(refused.contains("which the model has no token for"), "{refused}");
    for (options, expected) in [
        (&["--shape", "16x1", "--family", "recheck"][..], "expected WIDTHxLAYERSxHEADS"),
        (&["--shape", "16x1x2", "--data", "x.jsonl"], "--family"),
        (&["--family", "recheck"], "--model"),
    ] {
        let refused = text(&ran(&finetune, &all(LEARN, &[options, &["--out", &none]].concat())));
        assert!(refused.contains(expected), "{refused}");
    }
}
