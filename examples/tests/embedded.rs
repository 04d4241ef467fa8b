//! The training of the embedded pair, in miniature: the same bytes again, also after a stop.

use std::collections::BTreeMap;
use std::path::Path;

use tts_core::family::Chain;
use tts_examples::pair::PairConfig;
use tts_examples::pair_training::Stages;
use tts_models::train::TrainConfig;

/// Seconds instead of half an hour. The models learn next to nothing, but every stage runs.
fn miniature() -> PairConfig {
    let train = TrainConfig {
        batch: 8,
        warmup: 5,
        evaluate_every: 10,
        checkpoint_every: 10,
        ..TrainConfig::default()
    };
    PairConfig {
        // Sums of one-digit numbers: some are right early.
        family: Chain { operations: [1, 2], digits: [1, 1], most: 30 },
        problems: 200,
        held_out: 8,
        generator: TrainConfig { steps: 60, learning_rate: 5e-3, ..train.clone() },
        sampled_problems: 30,
        samples: 4,
        studied_problems: 200,
        study: TrainConfig { steps: 12, ..train.clone() },
        verifier: TrainConfig { steps: 12, ..train },
        reported_problems: 20,
        ..PairConfig::default()
    }
}

/// Every file of a folder and its folders.
fn files(folder: &Path) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                all.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(all)
}

#[test]
fn the_pair_is_rebuilt_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, stops: &[usize]| {
        let (out, work) = (folder.path().join(name), folder.path().join(format!("{name}-work")));
        for &until in stops {
            Stages::new(miniature(), &out, &work).unwrap().run(until).unwrap();
            // A line that a kill cut short.
            if until == 2 {
                let samples = work.join("samples.jsonl");
                let bytes = std::fs::read(&samples).unwrap();
                std::fs::write(&samples, &bytes[..bytes.len() * 2 / 3]).unwrap();
            }
        }
        (files(&out).unwrap(), files(&work).unwrap())
    };
    let (whole, work) = train("whole", &[4]);
    for name in ["generator", "prm", "orm"] {
        for file in ["model.safetensors", "config.json", "tokenizer.json"] {
            assert!(whole.contains_key(&format!("{name}/{file}")), "{name}/{file}");
        }
        assert!(work.contains_key(&format!("{name}/loss.svg")), "{name}");
    }
    let card = String::from_utf8(whole["README.md"].clone()).unwrap();
    assert!(card.contains("pass@64") && card.contains("calibration"), "{card}");
    let (again, work_again) = train("again", &[1, 2, 3, 4]);
    assert_eq!(whole.keys().collect::<Vec<_>>(), again.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert!(again[name] == *bytes, "{name} differs");
    }
    for (name, bytes) in &work {
        assert!(work_again[name] == *bytes, "{name} differs");
    }
}

#[test]
fn samples_of_other_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (out, work) = (folder.path().join("out"), folder.path().join("work"));
    Stages::new(miniature(), &out, &work).unwrap().run(2).unwrap();
    let other = PairConfig { samples: 3, ..miniature() };
    let error = Stages::new(other, &out, &work).unwrap().run(2).unwrap_err().to_string();
    assert!(error.contains("samples.jsonl") && error.contains("other settings"), "{error}");
}
