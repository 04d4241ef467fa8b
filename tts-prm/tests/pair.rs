//! The pair within the program is the pair on disk, and what is wrong with files in memory is said by
//! their names.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use tts_core::family::{Family, Split, problems};
use tts_core::toy::Sample;
use tts_core::{Generator, Outcome, Sampling, Search, StepScorer, Trajectory, Verdict};
use tts_models::train::{LabelHead, Model, TrainConfig, Trainer};
use tts_models::weights::Checkpoint;
use tts_models::{Backend, DecoderWeights, EngineConfig, Files, ModelError};
use tts_prm::train::{Solution, until_first_error};
use tts_prm::{HeadConfig, PrmError, Reading, RewardHead, RewardModel, pair};
use tts_search::BeamSearch;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pair");

/// Two threads, so that the tests of this file have room beside each other.
fn engine() -> EngineConfig {
    EngineConfig { threads: 2, ..EngineConfig::default() }
}

fn on_disk(part: &str) -> Files {
    Files::from(FOLDER).join(part)
}

/// The files of a part in memory, under the path that they have on disk.
fn in_memory(part: &str, names: &[&'static str]) -> Files {
    let read = |name: &'static str| {
        let bytes = on_disk(part).join(name).read().unwrap();
        (name, &*Vec::leak(bytes))
    };
    let files: Vec<_> = names.iter().copied().map(read).collect();
    Files::in_memory(on_disk(part).path(), &files)
}

/// The same with one file that holds something else.
fn with(part: &str, changed: &'static str, contents: &'static [u8]) -> Files {
    let read = |name: &'static str| {
        let bytes = on_disk(part).join(name).read().unwrap();
        (name, if name == changed { contents } else { &*Vec::leak(bytes) })
    };
    Files::in_memory(format!("pair/{part}"), &ALL.map(read))
}

const ALL: [&str; 4] = ["config.json", "head.json", "model.safetensors", "tokenizer.json"];

fn searched(model: &dyn Generator, scorer: &dyn StepScorer, question: &str) -> Outcome {
    let search = Search::new(model).scorer(scorer).rule(pair::rule()).sampling(pair::sampling());
    search.seed(5).run(Sample { n: 8 }, pair::family().prompt(question)).unwrap()
}

fn bits(scorer: &dyn StepScorer, paths: &[Trajectory]) -> Vec<Vec<u64>> {
    let scored = scorer.score(paths).unwrap();
    scored.iter().map(|path| path.scores.iter().map(|score| score.to_bits()).collect()).collect()
}

/// Its files can be had, for a training that starts from its weights.
#[test]
fn the_generators_files_are_those_on_disk() {
    let held = pair::generator_files();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        let stored = on_disk("generator").join(name).read().unwrap();
        assert!(held.join(name).read().unwrap() == stored, "{name}");
    }
    let decoder = DecoderWeights::load(&Checkpoint::open(&held).unwrap()).unwrap();
    let label = Some(LabelHead::zero(decoder.config.hidden_size));
    let labels = until_first_error(&[true, false]);
    let solution = Solution::new(vec![1, 2], vec![vec![3], vec![4]], labels, false).unwrap();
    let config = TrainConfig { steps: 1, threads: 2, ..TrainConfig::default() };
    let model = Model { label, ..Model::from(decoder.clone()) };
    let trained = Trainer::new(config).train(model, &vec![solution.process()]).unwrap();
    assert_eq!(trained.model.decoder.config, decoder.config);
}

#[test]
fn within_the_program_and_on_disk_the_models_are_the_same() {
    let held = pair::generator(engine()).unwrap();
    let stored = tts_models::open(on_disk("generator"), Backend::Native, engine()).unwrap();
    let identity = held.identity().unwrap();
    assert!(identity.starts_with("llama ") && identity.ends_with(" native"), "{identity}");
    assert_eq!(stored.identity().unwrap(), identity);
    assert_eq!(stored.vocabulary(), held.vocabulary());
    assert_eq!(
        held.next_logits(&[1, 2, 3]).unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        stored.next_logits(&[1, 2, 3]).unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
    );

    let judges = [
        (
            pair::process(engine()).unwrap(),
            RewardModel::process(on_disk("prm"), Backend::Native, engine()).unwrap(),
        ),
        (
            pair::outcome(engine()).unwrap(),
            RewardModel::outcome(on_disk("orm"), Backend::Native, engine()).unwrap(),
        ),
    ];
    assert_ne!(judges[0].0.identity(), judges[1].0.identity());
    let question = "47+38*3-26+15-9*4";
    for (held_judge, stored_judge) in &judges {
        assert!(held_judge.identity().is_some());
        assert_eq!(held_judge.identity(), stored_judge.identity());
        assert_eq!(held_judge.head().config(), stored_judge.head().config());
        let outcome = searched(&held, held_judge, question);
        let lines: Vec<String> = outcome.tree.finished().map(|id| outcome.tree.text(id)).collect();
        let other = searched(&stored, stored_judge, question);
        let again: Vec<String> = other.tree.finished().map(|id| other.tree.text(id)).collect();
        assert!(lines.len() == 8 && lines.iter().any(|line| line != &lines[0]), "{lines:?}");
        assert_eq!(lines, again);
        let paths: Vec<Trajectory> =
            outcome.tree.finished().map(|id| outcome.tree.trajectory(id, 9)).collect();
        let scores = bits(held_judge, &paths);
        assert!(scores.iter().any(|path| path != &scores[0]));
        assert_eq!(scores, bits(stored_judge, &paths));
        assert_eq!(outcome.answer(), other.answer());
    }
}

#[test]
fn a_search_finds_what_single_samples_miss() {
    let (generator, judge) = (pair::generator(engine()).unwrap(), pair::process(engine()).unwrap());
    let family = pair::family();
    let (mut chosen, mut samples, mut all) = (0, 0, 0);
    for problem in problems(&family, Split::Test, 3).take(30) {
        let outcome = searched(&generator, &judge, &problem.question);
        chosen += usize::from(outcome.verdict(&problem.answer) == Verdict::Right);
        for id in outcome.tree.finished() {
            samples += usize::from(outcome.tree.verdict(id, &problem.answer) == Verdict::Right);
            all += 1;
        }
    }
    // The model card: 59 % of samples are right, best-of-N finds more.
    let share = samples as f64 / f64::from(all);
    assert!(all == 240 && (0.4..0.8).contains(&share), "{samples} of {all} samples");
    assert!(chosen as f64 / 30.0 > share + 0.05, "{chosen} of 30, {samples} of {all} samples");
}

#[test]
fn the_first_example_is_what_its_documentation_says() {
    let (generator, judge) = (pair::generator(engine()).unwrap(), pair::process(engine()).unwrap());
    let (prompt, gold) = (pair::family().prompt("11+73-7*10"), "14");
    let search = Search::new(&generator).rule(pair::rule()).sampling(pair::sampling());
    let greedy = search.clone().sampling(Sampling::greedy());
    let greedy = greedy.run(Sample { n: 1 }, prompt.clone()).unwrap();
    assert_eq!(greedy.verdict(gold), Verdict::Wrong);
    let many = search.clone().run(Sample { n: 200 }, prompt.clone()).unwrap();
    let right = many.tree.finished().filter(|id| many.tree.verdict(*id, gold) == Verdict::Right);
    let share = right.count() as f64 / 200.0;
    assert!((0.15..0.35).contains(&share), "{share}");
    for seed in 0..5 {
        let search = search.clone().scorer(&judge).seed(seed);
        let found = search.run(BeamSearch::default(), prompt.clone()).unwrap();
        assert_eq!(found.answer().as_deref(), Some(gold), "seed {seed}");
    }
}

#[test]
fn what_the_models_were_trained_for_is_what_they_are_opened_with() {
    let (process, outcome) = (pair::process(engine()).unwrap(), pair::outcome(engine()).unwrap());
    assert_eq!(process.head().config().reading, Reading::Tokens);
    assert_eq!(process.scale(), tts_core::Scale::STEP);
    assert_eq!(outcome.scale(), tts_core::Scale::OUTCOME);
    assert_eq!(process.head().path(), Path::new("pair/prm"));
    // A chain of the longest kind fits the rule, and the model.
    let longest = problems(&pair::family(), Split::Test, 1)
        .take(200)
        .map(|problem| pair::family().solve(&problem.question).unwrap().concat().len())
        .max()
        .unwrap();
    let most = pair::rule().max_tokens as usize;
    assert!(longest < most, "{longest}");
    let room = process.model().model_config().max_position_embeddings;
    assert!(most < room, "{room}");
}

/// What opening says of files that are missing: those of `part` are on disk under the same path, and
/// are not read.
#[test]
fn files_that_a_list_leaves_out_are_missing_whatever_is_on_disk() {
    let open = |names: &[&'static str]| {
        RewardModel::process(in_memory("prm", names), Backend::Native, engine())
    };
    open(&ALL).unwrap();
    for (left_out, named) in [
        ("config.json", "prm/config.json"),
        ("model.safetensors", "prm/model.safetensors"),
        ("tokenizer.json", "prm/tokenizer.json"),
    ] {
        let names: Vec<_> = ALL.into_iter().filter(|name| *name != left_out).collect();
        let error = open(&names).unwrap_err();
        let missing = matches!(&error, PrmError::Model(ModelError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound);
        let text = error.to_string();
        assert!(missing && text.ends_with(&format!("{named}: no such file in memory")), "{text}");
    }
    // A head without its file is a head of no special kind.
    let names: Vec<_> = ALL.into_iter().filter(|name| *name != "head.json").collect();
    let plain = HeadConfig::beside(in_memory("prm", &names)).unwrap();
    assert_eq!(plain, HeadConfig::default());
    assert_ne!(HeadConfig::beside(in_memory("prm", &ALL)).unwrap(), plain);
    // Of a head by itself nothing else is needed.
    let head = in_memory("prm", &["head.json", "model.safetensors"]);
    let opened = RewardHead::open(head.join("model.safetensors")).unwrap();
    assert_eq!(opened, RewardHead::open(on_disk("prm").join("model.safetensors")).unwrap());
    assert_eq!(opened.config().reading, Reading::Tokens);
    let folder = RewardHead::open(head).unwrap_err().to_string();
    assert!(folder.contains("head.safetensors: no such file in memory"), "{folder}");
}

#[test]
fn damaged_files_in_memory_are_named() {
    let weights: &'static [u8] =
        Vec::leak(on_disk("prm").join("model.safetensors").read().unwrap());
    let middle = weights.len() / 2;
    for (file, contents, expected) in [
        ("model.safetensors", &weights[..middle], "pair/prm/model.safetensors: "),
        ("model.safetensors", &weights[..4], "pair/prm/model.safetensors: header length: "),
        ("config.json", &b"{\"model_type\": "[..], "pair/prm/config.json: JSON: "),
        ("config.json", &b"{\"model_type\": \"other\"}"[..], "pair/prm/config.json: model_type: "),
        ("head.json", &b"{\"output\": \"percent\"}"[..], "pair/prm/head.json: "),
        ("tokenizer.json", &b"[]"[..], "pair/prm/tokenizer.json: JSON: "),
    ] {
        let opened = RewardModel::process(with("prm", file, contents), Backend::Native, engine());
        let error = opened.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}, expected {expected}");
    }
    let fine = with("prm", "none", b"");
    RewardModel::process(fine, Backend::Native, engine()).unwrap();
}
