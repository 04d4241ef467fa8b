//! The loop on a model of a few letters: what it learns, what moves nothing, that it goes on to the same bits, and
//! what goes wrong.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tts_core::task::Exact;
use tts_core::{Expand, NodeId, Prompt, Scale, SearchStrategy, StepRule, StepScorer, View, scorer};
use tts_models::testing::tiny_config;
use tts_models::text::tokenizer::characters;
use tts_models::train::{Adapter, AdapterConfig, Model, Online, TrainConfig};
use tts_models::{
    Backbone, Backend, DecoderWeights, Engine, EngineConfig, LanguageModel, ModelConfig, Native,
    Tokenizer,
};

use super::*;

mod adapters;
mod apart;
mod begun;
mod branches;
mod checks;
mod failures;
mod keep;
mod refresh;
mod samples;
mod scores;
mod sources;

fn shape() -> ModelConfig {
    let base = tiny_config("llama");
    ModelConfig {
        vocab_size: 6,
        hidden_size: 16,
        intermediate_size: 24,
        head_dim: 8,
        bos_token_id: None,
        eos_token_ids: vec![0],
        ..base
    }
}

fn weights() -> DecoderWeights {
    DecoderWeights::initial(shape(), 3).unwrap()
}

/// Tokens: the end, then `?`, `a`, `b`, `c` and a line break.
fn tokenizer() -> Arc<Tokenizer> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokenizer.json");
    std::fs::write(&file, characters("?abc\n", &["<|end|>"]).unwrap()).unwrap();
    Arc::new(Tokenizer::from_file(&*file).unwrap())
}

fn engine(threads: usize) -> Engine<Native> {
    let native = Native::new(weights(), threads).unwrap();
    Engine::new(native, tokenizer(), None, EngineConfig::default()).unwrap()
}

/// Which letter is asked for shows in how often the question is asked.
fn problems(count: usize) -> Vec<Problem> {
    let problem = |place: usize| Problem {
        prompt: Prompt::text("?".repeat(1 + place)),
        question: "?".repeat(1 + place),
        gold: ["a", "b", "c"][place % 3].into(),
        difficulty: Some(place as f64),
    };
    (0..count).map(problem).collect()
}

/// Solutions end with their first letter.
fn config(steps: usize) -> ReinforceConfig {
    ReinforceConfig {
        steps,
        problems: 3,
        samples: 6,
        rule: StepRule {
            stop: ["a", "b", "c"].map(str::to_owned).to_vec(),
            max_tokens: 4,
            ..StepRule::lines()
        },
        learn: Learning { rate: 1e-2, threads: 1, ..Learning::default() },
        measure: Measuring { every: 2, samples: 4, temperature: 1.0 },
        ..ReinforceConfig::default()
    }
}

fn run(config: ReinforceConfig) -> Result<Reinforced, PrmError> {
    let model = Model::from(weights());
    Reinforce::new(config).task(Arc::new(Exact)).run(&mut engine(1), model, &problems(5))
}

use crate::PrmError;

fn bits(model: &Model) -> Vec<u32> {
    let tensors = model.decoder.tensors();
    tensors.iter().flat_map(|tensor| tensor.values.iter().map(|value| value.to_bits())).collect()
}

fn steps(notes: &[Note]) -> Vec<StepNote> {
    let step = |note: &Note| match note {
        Note::Step(note) => Some((**note).clone().timeless()),
        Note::Measured(_) => None,
    };
    notes.iter().filter_map(step).collect()
}

fn timeless(notes: Vec<Note>) -> Vec<Note> {
    let note = |note: Note| match note {
        Note::Step(note) => Note::Step(Box::new(note.timeless())),
        Note::Measured(_) => note,
    };
    notes.into_iter().map(note).collect()
}

/// One question, two letters, one of them right: a bandit.
#[test]
fn the_rewarded_letter_is_learnt() {
    for scheme in [Scheme::Grpo, Scheme::Rloo] {
        let one = &problems(1);
        let config = ReinforceConfig {
            problems: 1,
            samples: 8,
            scheme,
            measure: Measuring { every: 0, samples: 64, temperature: 1.0 },
            ..config(200)
        };
        let mut policy = engine(1);
        let model = Model::from(weights());
        let run = Reinforce::new(config).task(Arc::new(Exact)).held_out(one);
        let learnt = run.run(&mut policy, model, one).unwrap();
        let measured: Vec<Measured> = learnt
            .notes
            .iter()
            .filter_map(|note| if let Note::Measured(found) = note { Some(*found) } else { None })
            .collect();
        assert_eq!((measured.len(), measured[0].step, measured[1].step), (2, 0, 200));
        assert!(measured[0].pass < 0.6 && measured[1].pass > 0.95, "{measured:?}");
        let notes = steps(&learnt.notes);
        assert!(notes[199].entropy < 0.5 * notes[0].entropy, "{:?}", notes[199]);
        // What is learnt first was drawn by the weights that learn: nothing is clipped, ever.
        assert!(notes.iter().all(|note| note.first_clipped <= 0.0 && note.drift < 1e-6));
        // The engine has the weights that were learnt.
        let again = Native::new(learnt.model.decoder.clone(), 1).unwrap();
        let again = Engine::new(again, tokenizer(), None, EngineConfig::default()).unwrap();
        assert_eq!(policy.next_logits(&[1]).unwrap(), again.next_logits(&[1]).unwrap());
    }
}

#[test]
fn every_scheme_learns_on_any_number_of_threads_alike() {
    for scheme in Scheme::ALL {
        let one = run(ReinforceConfig { scheme, parts: 2, epochs: 2, ..config(3) }).unwrap();
        let notes = steps(&one.notes);
        assert_eq!(notes.len(), 3, "{scheme:?}");
        assert!(notes.iter().any(|note| note.loss.is_some()), "{scheme:?}: nothing was learnt");
        assert_ne!(bits(&one.model), bits(&Model::from(weights())), "{scheme:?}");
        let mut other = ReinforceConfig { scheme, parts: 2, epochs: 2, ..config(3) };
        other.learn.threads = 2;
        let model = Model::from(weights());
        let other = Reinforce::new(other)
            .task(Arc::new(Exact))
            .run(&mut engine(2), model, &problems(5))
            .unwrap();
        assert_eq!(bits(&other.model), bits(&one.model), "{scheme:?}");
        assert_eq!(timeless(other.notes), timeless(one.notes), "{scheme:?}");
    }
}

/// A reward that says the same of all.
#[derive(Debug)]
struct Same;

impl Reward for Same {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        vec![1.0 / 3.0; asked.samples.len()]
    }
}

#[test]
fn equal_rewards_move_nothing() {
    for equal in [Equal::Keep, Equal::Drop, Equal::Redraw { most: 3 }] {
        let adjust = Adjust { equal: Some(equal), ..Adjust::default() };
        let config = ReinforceConfig { adjust, rewards: Vec::new(), ..config(3) };
        let learnt = Reinforce::new(config)
            .task(Arc::new(Exact))
            .reward("same", 1.0, &Same)
            .run(&mut engine(1), Model::from(weights()), &problems(5))
            .unwrap();
        assert_eq!(bits(&learnt.model), bits(&Model::from(weights())), "{equal:?}");
        let notes = steps(&learnt.notes);
        let drawn = if equal == (Equal::Redraw { most: 3 }) { 9 } else { 3 };
        assert!(notes.iter().all(|note| note.updates == 0 && note.loss.is_none()));
        assert!(notes.iter().all(|note| note.equal >= 1.0 && note.drawn.len() == drawn));
    }
}

/// Copies a run's folder as it is now: what a kill at this moment leaves.
fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copied(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

#[test]
fn who_was_killed_goes_on_to_the_same_bits() {
    let settings = || ReinforceConfig {
        scheme: Scheme::Dapo,
        parts: 2,
        epochs: 2,
        save_every: 3,
        curriculum: Curriculum::Unsolved { least: 0.2 },
        ..config(10)
    };
    let problems = problems(5);
    let held_out = &problems[..2];
    let goes = |folder: &Path, watch: &mut dyn FnMut(usize) -> ControlFlow<()>| {
        Reinforce::new(settings())
            .task(Arc::new(Exact))
            .held_out(held_out)
            .folder(folder)
            .watch(|progress| watch(progress.note.step))
            .run(&mut engine(1), Model::from(weights()), &problems)
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| folder.path().join(name);
    let whole = at("whole".into());
    let whole_run = goes(&whole, &mut |step| {
        // Before the state of this step is saved.
        copied(&whole, &at(format!("killed {step}")));
        ControlFlow::Continue(())
    });
    let whole_run = whole_run.unwrap();
    for step in 1..=10 {
        let killed = at(format!("killed {step}"));
        if step % 2 == 0 {
            // In the middle of a line.
            let journal = killed.join("journal.jsonl");
            let bytes = std::fs::read(&journal).unwrap();
            std::fs::write(&journal, &bytes[..bytes.len() - 7]).unwrap();
        }
        let mut resumed = Vec::new();
        let again = goes(&killed, &mut |step| {
            resumed.push(step);
            ControlFlow::Continue(())
        });
        let again = again.unwrap();
        assert_eq!(resumed[0], 1 + (step - 1) / 3 * 3, "killed at {step}");
        assert_eq!(bits(&again.model), bits(&whole_run.model), "killed at {step}");
        let (found, expected) = (timeless(again.notes), timeless(whole_run.notes.clone()));
        assert_eq!(found, expected, "killed at {step}");
        assert_eq!(timeless(read_notes(&killed).unwrap()), expected);
    }
    // Longer than was said at first.
    let short = ReinforceConfig { steps: 4, ..settings() };
    let longer = at("longer".into());
    let run = Reinforce::new(short).task(Arc::new(Exact)).held_out(held_out).folder(&longer);
    assert!(run.run(&mut engine(1), Model::from(weights()), &problems).unwrap().complete);
    let longer = goes(&longer, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(bits(&longer.model), bits(&whole_run.model));
    // Asked to stop, it saves; and one that is done does nothing more.
    let stopped = at("stopped".into());
    let stop = |step| if step == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    assert!(!goes(&stopped, &mut { stop }).unwrap().complete);
    let mut first = 0;
    let again = goes(&stopped, &mut |step| {
        first = if first == 0 { step } else { first };
        ControlFlow::Continue(())
    });
    assert_eq!((bits(&again.unwrap().model), first), (bits(&whole_run.model), 5));
    let done = goes(&stopped, &mut |_| unreachable!("no step is left")).unwrap();
    assert!(done.complete && bits(&done.model) == bits(&whole_run.model));
    write_charts(&stopped, "Letters", &done.notes).unwrap();
    for name in ["reward", "length", "policy", "groups"] {
        assert!(stopped.join(format!("{name}.svg")).is_file(), "{name}");
    }
    // Another run's folder is refused, and another's state.
    let other = ReinforceConfig { seed: 1, ..settings() };
    let error = Reinforce::new(other)
        .task(Arc::new(Exact))
        .held_out(held_out)
        .folder(&stopped)
        .run(&mut engine(1), Model::from(weights()), &problems)
        .unwrap_err()
        .to_string();
    assert!(
        error
            .contains("journal.jsonl: line 1: made by another run, which differs in config.seed ("),
        "{error}"
    );
    std::fs::remove_file(stopped.join("journal.jsonl")).unwrap();
    let error = goes(&stopped, &mut { stop }).unwrap_err().to_string();
    assert!(error.contains("but the saved weights are those of update"), "{error}");
}

#[test]
fn a_state_that_cannot_be_written_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let goes = |blocks: usize| {
        let config = ReinforceConfig { save_every: 2, ..config(6) };
        let run = Reinforce::new(config).task(Arc::new(Exact)).folder(folder);
        let run = run.watch(|progress| {
            if progress.note.step == blocks {
                std::fs::rename(folder.join("state"), folder.join("kept")).unwrap();
                std::fs::write(folder.join("state"), "no folder").unwrap();
            }
            ControlFlow::Continue(())
        });
        run.run(&mut engine(1), Model::from(weights()), &problems(5))
    };
    let error = goes(4).unwrap_err().to_string();
    assert!(error.contains("state"), "{error}");
    std::fs::remove_file(folder.join("state")).unwrap();
    std::fs::rename(folder.join("kept"), folder.join("state")).unwrap();
    let again = goes(0).unwrap();
    assert_eq!(bits(&again.model), bits(&run(config(6)).unwrap().model));
}

/// A reward that is no number once it was asked so often.
struct Breaks(AtomicUsize);

/// A folder is told by it: it does not count.
impl std::fmt::Debug for Breaks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Breaks")
    }
}

impl Reward for Breaks {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let left = self.0.fetch_sub(1, Ordering::Relaxed);
        let reward = |sample: &Sample| {
            if left == 1 { f64::NAN } else { f64::from(u8::from(sample.is_right())) }
        };
        asked.samples.iter().map(reward).collect()
    }
}

#[test]
fn a_reward_that_is_no_number_ends_the_run_and_what_was_learnt_stays() {
    let folder = tempfile::tempdir().unwrap();
    let goes = |steps: usize, breaks: &Breaks| {
        let config = ReinforceConfig { rewards: Vec::new(), save_every: 0, ..config(steps) };
        Reinforce::new(config)
            .task(Arc::new(Exact))
            .reward("own", 1.0, breaks)
            .folder(folder.path())
            .run(&mut engine(1), Model::from(weights()), &problems(5))
    };
    // In the fourth step, of three groups each.
    let error = goes(6, &Breaks(AtomicUsize::new(11))).unwrap_err().to_string();
    assert!(error.contains("reward \"own\": NaN for sample 0 of \"?"), "{error}");
    let three = read_notes(folder.path()).unwrap();
    assert_eq!(three.last().map(Note::step), Some(3));
    let rest = goes(6, &Breaks(AtomicUsize::new(usize::MAX))).unwrap();
    assert_eq!(bits(&rest.model), bits(&run(config(6)).unwrap().model));
    assert_eq!(timeless(rest.notes)[..3], timeless(three));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_drawn() {
    type Break = fn(&mut ReinforceConfig);
    let table: [(Break, &str); 18] = [
        (|c| c.steps = 0, "steps: 0, expected at least 1"),
        (|c| c.problems = 0, "problems: 0, expected at least 1"),
        (|c| c.samples = 1, "samples: 1, expected at least 2"),
        (|c| c.parts = 4, "parts: 4, of 3 problems"),
        (|c| c.rewards = Vec::new(), "rewards: none, expected at least one"),
        (|c| c.rewards[0].weight = f64::NAN, "rewards[0].weight: NaN"),
        (
            |c| c.rewards[0].of = RewardSpec::Overlong(Overlong { most: 16_384, margin: 4_096 }),
            "rewards[0].overlong: nothing up to 12288 tokens (most 16384 less margin 4096), and rule.max_tokens",
        ),
        (|c| c.adjust.beta = Some(-1.0), "beta: -1"),
        (|c| c.adjust.beta = Some(0.1), "beta: a divergence from nobody"),
        (|c| c.adjust.clip = Some(Clip::Within([0.0, 0.2])), "clip: 0 and 0.2"),
        (|c| c.adjust.equal = Some(Equal::Redraw { most: 0 }), "equal: redraw of 0"),
        (
            |c| (c.scheme, c.adjust.equal) = (Scheme::Reinforce, Some(Equal::Drop)),
            "equal: a group of equal rewards differs from the mean of the batch",
        ),
        (|c| c.process = Some(Process::default()), "process: nobody scores steps"),
        (
            |c| (c.scheme, c.process) = (Scheme::Gspo, Some(Process::default())),
            "process: scores of steps with ratios of sequences",
        ),
        (|c| c.importance = Some(2.0.into()), "importance: weights against who wrote"),
        (|c| (c.old, c.importance) = (Old::Recomputed, Some(0.5.into())), "importance: 0.5"),
        (|c| c.rule.max_tokens = 0, "rule: step rule: max_tokens is 0"),
        (|c| c.curriculum = Curriculum::Unsolved { least: 0.0 }, "curriculum.least: 0"),
    ];
    for (breaks, expected) in table {
        let mut config = config(2);
        breaks(&mut config);
        let error = run(config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
    let with = |problems: &[Problem]| {
        let run = Reinforce::new(config(2)).task(Arc::new(Exact));
        run.run(&mut engine(1), Model::from(weights()), problems).unwrap_err().to_string()
    };
    assert_eq!(with(&[]), "problems: none, expected at least one");
    let mut bad = problems(2);
    bad[1].gold = " ".into();
    assert!(with(&bad).contains("problems[1]: no right answer, but the reward right needs one"));
    bad[1] = Problem { prompt: Prompt::text(" "), ..problems(1).remove(0) };
    assert!(with(&bad).contains("problems[1]: the prompt is blank"));
    // A prompt longer than the model, a model of another shape.
    bad[1] = Problem { prompt: Prompt::text("?".repeat(99)), ..problems(1).remove(0) };
    let error = with(&bad);
    assert!(
        error.contains("problems[1]: 99 tokens leave no room for a solution in 64 positions"),
        "{error}"
    );
    let other = ModelConfig { intermediate_size: 20, ..shape() };
    let other = Model::from(DecoderWeights::initial(other, 1).unwrap());
    let error = Reinforce::new(config(2))
        .task(Arc::new(Exact))
        .run(&mut engine(1), other, &problems(3))
        .unwrap_err();
    assert!(error.to_string().contains("of another shape or model"), "{error}");
}

#[test]
fn a_reference_holds_the_policy() {
    let mut reference = engine(1);
    let mut found = Vec::new();
    for beta in [0.01, 3.0] {
        let adjust = Adjust { beta: Some(beta), ..Adjust::default() };
        let config = ReinforceConfig { adjust, ..config(12) };
        let run = Reinforce::new(config).task(Arc::new(Exact)).reference(&mut reference);
        let learnt = run.run(&mut engine(1), Model::from(weights()), &problems(5)).unwrap();
        let notes = steps(&learnt.notes);
        assert!(notes[0].divergence.is_some_and(|nats| nats.abs() < 1e-6), "{:?}", notes[0]);
        found.push(notes[11].divergence.unwrap());
    }
    assert!(found[0] > 2.0 * found[1] && found[1] >= 0.0, "{found:?}");
}

#[test]
fn an_adapter_learns_in_the_place_of_the_weights() {
    let adapter = AdapterConfig { rank: 2, alpha: 4.0, ..AdapterConfig::default() };
    let adapter = Adapter::initial(adapter, &shape(), 1).unwrap();
    let model = Model { adapter: Some(adapter.clone()), ..Model::from(weights()) };
    let mut policy = engine(1);
    let before = policy.next_logits(&[1]).unwrap();
    let run = Reinforce::new(config(3)).task(Arc::new(Exact));
    let learnt = run.run(&mut policy, model, &problems(5)).unwrap();
    assert_eq!(bits(&learnt.model), bits(&Model::from(weights())));
    assert_ne!(learnt.model.adapter, Some(adapter));
    assert_ne!(policy.next_logits(&[1]).unwrap(), before);
}

/// Takes every solution up again behind a word of its own.
#[derive(Debug, Clone)]
struct Again;

impl SearchStrategy for Again {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            return vec![Expand::end(NodeId::ROOT, 4)];
        }
        let tree = view.tree();
        let first = |id: &&NodeId| tree[**id].is_finished() && tree.path(**id).len() == 1;
        let again = |&id: &NodeId| Expand { append: Some("??".into()), ..Expand::end(id, 1) };
        view.fresh().iter().filter(first).map(again).collect()
    }
}

/// Tokens that a strategy puts in are read and not learnt, and what is learnt was drawn with the probabilities
/// that the trainer tells.
#[test]
fn what_was_put_in_is_not_learnt() {
    let policy = engine(1);
    let rule = StepRule { stop: Vec::new(), max_tokens: 12, ..config(1).rule };
    let search = tts_core::Search::new(&policy)
        .rule(rule)
        .sampling(tts_core::Sampling::temperature(1.0))
        .shared_task(Arc::new(Exact));
    let places: Vec<usize> = (0..5).collect();
    let end_tokens = policy.end_tokens();
    let groups =
        rollout::rollouts(&search, &Again, (&problems(5), &places), 7, end_tokens).unwrap();
    let mut online = Online::new(TrainConfig::default(), Model::from(weights())).unwrap();
    let mut twice = 0;
    for sample in groups.iter().flat_map(|group| &group.samples) {
        let prompt = policy.encode(&sample.prompt).unwrap();
        twice += usize::from(sample.runs.len() == 2);
        for run in &sample.runs {
            let end = run.first + run.logprobs.len();
            let tokens = [&prompt[..], &sample.tokens[..end]].concat();
            let told = online.logprobs(&[(&tokens, prompt.len() + run.first)]).unwrap().remove(0);
            for (told, drawn) in told.iter().zip(&run.logprobs) {
                assert!((told - drawn).abs() < 1e-5, "{told}, {drawn}: {sample:?}");
            }
        }
        if let [first, second] = &sample.runs[..] {
            let between = &sample.tokens[first.first + first.logprobs.len()..second.first];
            assert_eq!(between, [1, 1], "{sample:?}");
        }
    }
    assert!(twice > 3, "{twice} samples were taken up again");
    // And so it is learnt, by tokens; ratios of sequences have no meaning there.
    let goes = |scheme: Scheme| {
        let mut config = ReinforceConfig { scheme, ..config(3) };
        config.rule.stop = Vec::new();
        config.rule.max_tokens = 12;
        let run = Reinforce::new(config).task(Arc::new(Exact)).sampler(Again);
        run.run(&mut engine(1), Model::from(weights()), &problems(5))
    };
    let notes = steps(&goes(Scheme::Grpo).unwrap().notes);
    assert!(notes.iter().all(|note| note.first_clipped <= 0.0 && note.drift < 1e-6), "{notes:?}");
    let error = goes(Scheme::Gspo).unwrap_err().to_string();
    assert!(error.contains("ratio: ratios of sequences"), "{error}");
}

#[test]
fn log_probabilities_can_be_told_anew() {
    let written = run(config(3)).unwrap();
    let anew = ReinforceConfig { old: Old::Recomputed, importance: Some(2.0.into()), ..config(3) };
    let anew = run(anew).unwrap();
    // Engine and trainer are of one mind, to their rounding.
    let (a, b) = (written.model.decoder.tensors(), anew.model.decoder.tensors());
    let pairs = a.iter().zip(&b).flat_map(|(a, b)| a.values.iter().zip(b.values));
    let far = pairs.map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap_or(0.0);
    assert!(far < 2e-3, "{far}");
}

/// A search by scores of steps samples, and its scores are learnt.
#[test]
fn steps_are_rewarded_in_a_search() {
    // So that the weakest steps of samples differ.
    let likes = scorer::from_fn(|_path, step| match &*step.text {
        text if text.contains('a') => 0.9,
        text if text.contains('\n') => 0.7,
        _ => 0.2,
    });
    let likes = likes.with_scale(Scale::PREFIX);
    let mut config = ReinforceConfig { process: Some(Process::default()), ..config(8) };
    config.rule.max_tokens = 6;
    let beam = tts_search::BeamSearch { keep: 2, branch: 2, ..tts_search::BeamSearch::default() };
    let scorer: &dyn StepScorer = &likes;
    let mut groups = Vec::new();
    let learnt = Reinforce::new(config)
        .task(Arc::new(Exact))
        .sampler(beam)
        .scorer(scorer)
        .watch(|progress| {
            groups.extend_from_slice(progress.groups);
            ControlFlow::Continue(())
        })
        .run(&mut engine(1), Model::from(weights()), &problems(5))
        .unwrap();
    let notes = steps(&learnt.notes);
    assert!(notes.iter().all(|note| note.samples > 0));
    assert!(notes.iter().any(|note| note.loss.is_some()));
    // By hand: half of how far a sample's weakest step lies from those of its group, up to the end of that step, and
    // nothing that praises what is wrong or blames what is right.
    let mut taught = 0;
    for group in &groups {
        let weakest = |sample: &SampleNote| {
            sample.steps.iter().copied().min_by(|a, b| a.score.total_cmp(&b.score))
        };
        let known: Vec<f64> =
            group.samples.iter().filter_map(weakest).map(|step| step.score).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let squares = known.iter().map(|score| (score - mean).powi(2)).sum::<f64>();
        let deviation = (squares / known.len() as f64).sqrt();
        for sample in &group.samples {
            let Some(weakest) = weakest(sample) else { continue };
            let free = 0.5 * (weakest.score - mean) / (deviation + 1e-4);
            let right = sample.verdict.is_some_and(tts_core::Verdict::is_right);
            let own = if right { free.max(0.0) } else { free.min(0.0) };
            for step in &sample.steps {
                let expected = if step.end <= weakest.end { own } else { 0.0 };
                let found = step.advantage.unwrap();
                assert!((found - expected).abs() < 1e-9, "{found}, {expected}: {sample:?}");
                taught += usize::from(expected.abs() > 1e-6);
            }
        }
    }
    assert!(taught > 5, "{taught}");
}
