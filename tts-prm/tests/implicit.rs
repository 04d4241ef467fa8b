//! Implicit rewards on two tiny random models, against their own next-token logits; and that what is
//! learnt of outcomes alone tells which steps are wrong.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use tts_core::metrics::auc;
use tts_core::{Aggregate, BoxError, Given, Likelihood, Prompt, Step, StepScorer, Trajectory};
use tts_models::testing::tiny_config;
use tts_models::train::{Example, Model, TrainConfig, Trainer};
use tts_models::{
    DecoderWeights, Engine, EngineConfig, LanguageModel, ModelConfig, Native, Tokenizer,
};
use tts_prm::ImplicitReward;
use tts_prm::train::{Solution, check_outcomes, implicit};

fn engine(seed: u64) -> Engine<Native> {
    open(DecoderWeights::random(shape(), seed).unwrap())
}

fn shape() -> ModelConfig {
    ModelConfig { vocab_size: 262, eos_token_ids: vec![258], ..tiny_config("llama") }
}

fn open(decoder: DecoderWeights) -> Engine<Native> {
    let native = Native::new(decoder, 1).unwrap();
    let tokenizer = Arc::new(Tokenizer::bytes().unwrap());
    Engine::new(native, tokenizer, None, EngineConfig::default()).unwrap()
}

const PROMPT: &str = "2+2?";
const STEPS: [&str; 3] = ["2+2\n", "=4\n", "So 4"];

fn path(fresh: usize) -> Trajectory {
    let step = |text: &str| {
        let tokens = text.bytes().map(u32::from).collect();
        Arc::new(Step { text: text.into(), tokens, ..Step::default() })
    };
    let steps: Vec<_> = STEPS.iter().map(|text| step(text)).collect();
    Trajectory::new(Arc::new(Prompt::text(PROMPT)), steps, fresh, true)
}

fn scores(scorer: &ImplicitReward<'_>, path: Trajectory) -> Vec<f64> {
    scorer.score(&[path]).unwrap().remove(0).scores
}

/// `ln p` of each token of the steps, from logits.
fn logprobs(model: &dyn LanguageModel) -> Vec<f64> {
    let mut text = model.encode(&Prompt::text(PROMPT)).unwrap();
    let mut out = Vec::new();
    for token in STEPS.concat().bytes().map(u32::from) {
        let mut logits = model.next_logits(&text).unwrap();
        // Rows beyond the tokenizer are padding of the matrix.
        logits.truncate(model.tokenizer().vocab_size());
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        out.push(f64::from(logits[token as usize]) - sum.ln());
        text.push(token);
    }
    out
}

#[test]
fn rewards_are_log_ratios_and_add_up_to_that_of_the_solution() {
    let (model, reference) = (engine(1), engine(2));
    let scorer = ImplicitReward::new(&model, &reference, 0.05).unwrap();
    let found = scores(&scorer, path(3));
    let (own, other) = (logprobs(&model), logprobs(&reference));
    let mut at = 0;
    for (found, step) in found.iter().zip(STEPS) {
        let range = at..at + step.len();
        at += step.len();
        let expected: f64 = range.map(|token| 0.05 * (own[token] - other[token])).sum();
        assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
    }
    let whole: f64 = 0.05 * own.iter().zip(&other).map(|(a, b)| a - b).sum::<f64>();
    assert!((Aggregate::Sum.apply(found.clone()).unwrap() - whole).abs() < 1e-6);
    assert!(whole.abs() > 1e-4, "the models agree: nothing is tested");
    // One step at a time, and in a batch: the same bits.
    assert_eq!(scores(&scorer, path(1)), found[2..]);
    let both = scorer.score(&[path(2), path(3)]).unwrap();
    assert_eq!((&both[0].scores[..], &both[1].scores[..]), (&found[1..], &found[..]));
    // The other way round, the opposite; a model over itself, nothing.
    let turned = ImplicitReward::new(&reference, &model, 0.05).unwrap();
    assert!(scores(&turned, path(3)).iter().zip(&found).all(|(a, b)| (a + b).abs() < 1e-12));
    let same = ImplicitReward::new(&model, &model, 1.0).unwrap();
    assert!(scores(&same, path(3)).iter().all(|score| score.abs() < 1e-12));
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let model = engine(1);
    for beta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(ImplicitReward::new(&model, &model, beta).is_err(), "{beta}");
    }
    let scorer = ImplicitReward::new(&model, &model, 0.05).unwrap();
    let silent = Arc::new(Step { text: "words".into(), ..Step::default() });
    let path = Trajectory::new(Arc::new(Prompt::text(PROMPT)), vec![silent], 1, true);
    let error = scorer.score(&[path]).unwrap_err().to_string();
    assert!(error.contains("path 0: step 0: no tokens"), "{error}");
}

/// A digit is to be repeated: each step begins with it and goes on with any other. Whether the first
/// and the second step do.
struct Repeated {
    prompt: String,
    steps: [String; 2],
    right: [bool; 2],
}

/// Half of them right, half of them wrong in one of the two steps.
fn repeated() -> Vec<Repeated> {
    let mut rng = tts_core::seed::rng(11);
    let mut below = |n: usize| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
        let number = (rng.uniform() * n as f64) as usize;
        number
    };
    let mut one = |index: usize| {
        let digit = below(6);
        let right = [index % 4 != 1, index % 4 != 3];
        let steps = right.map(|right| {
            let first = if right { digit } else { (digit + 1 + below(5)) % 6 };
            format!("{first}{}\n", below(6))
        });
        Repeated { prompt: format!("{digit}\n"), steps, right }
    };
    (0..400).map(&mut one).collect()
}

impl Repeated {
    fn solution(&self, model: &dyn LanguageModel, turned: bool) -> Solution {
        let prompt = model.encode(&Prompt::text(self.prompt.as_str())).unwrap();
        let steps = self.steps.iter().map(|step| step.bytes().map(u32::from).collect()).collect();
        let solved = self.right == [true, true];
        Solution::graded(prompt, steps, solved != turned).unwrap()
    }

    fn text(&self) -> Example {
        let text = format!("{}{}", self.prompt, self.steps.concat());
        Example::continuation(text.bytes().map(u32::from).collect(), self.prompt.len())
    }

    fn path(&self) -> Trajectory {
        let step = |text: &String| {
            let tokens = text.bytes().map(u32::from).collect();
            Arc::new(Step { text: text.clone(), tokens, ..Step::default() })
        };
        let prompt = Arc::new(Prompt::text(self.prompt.as_str()));
        Trajectory::new(prompt, self.steps.iter().map(step).collect(), 2, true)
    }
}

/// Outcomes alone are learnt, and rewards say of solutions that were held out which are right, and of
/// the wrong ones which step is; with the labels turned round, the opposite.
#[test]
fn outcomes_teach_which_steps_are_wrong() {
    const BETA: f64 = 1.0;
    let shape = ModelConfig { hidden_size: 32, intermediate_size: 48, ..shape() };
    let settings = TrainConfig {
        steps: 300,
        batch: 32,
        learning_rate: 3e-3,
        warmup: 10,
        ..TrainConfig::default()
    };
    let all = repeated();
    let (learnt, held_out) = all.split_at(300);
    // The reference writes such solutions, right and wrong ones. One that could write anything would
    // leave room for rewards of what nobody writes, and with it for blame on what follows an error.
    let start = Model::from(DecoderWeights::initial(shape, 1).unwrap());
    let texts: Vec<Example> = learnt.iter().map(Repeated::text).collect();
    let start = Trainer::new(settings.clone()).train(start, &texts).unwrap().model;
    let reference = open(start.decoder.clone());
    for turned in [false, true] {
        let of = |all: &[Repeated]| -> Vec<Solution> {
            all.iter().map(|one| one.solution(&reference, turned)).collect()
        };
        check_outcomes(&of(learnt)).unwrap();
        let data = implicit(&of(learnt), &reference, BETA).unwrap();
        let trained = Trainer::new(settings.clone()).train(start.clone(), &data).unwrap();
        let (first, last) =
            (trained.history.updates[0].loss, trained.history.recent_loss(10).unwrap());
        assert!((first - 2_f64.ln()).abs() < 1e-4, "the rewards do not start at 0: {first}");
        // A right solution cannot get more than the 2 or so that its probability has left to rise.
        assert!(last < 0.4, "{last}");
        let model = open(trained.model.decoder);
        let scorer = ImplicitReward::new(&model, &reference, BETA).unwrap();
        let paths: Vec<Trajectory> = held_out.iter().map(Repeated::path).collect();
        let rewards: Vec<Vec<f64>> =
            scorer.score(&paths).unwrap().into_iter().map(|scored| scored.scores).collect();
        // The rewards of all steps are what was learnt as one.
        for (solution, rewards) in of(held_out).iter().zip(&rewards) {
            let example = implicit(std::slice::from_ref(solution), &reference, BETA).unwrap();
            let goal = example[0].sequence.unwrap();
            let (context, tokens) = example[0].tokens.split_at(goal.first);
            let given = Given { context: context.to_vec(), tokens: tokens.to_vec() };
            let own = model.logprobs(&[given]).unwrap().remove(0);
            let whole = BETA * (own.into_iter().map(f64::from).sum::<f64>() - goal.reference);
            assert!((rewards.iter().sum::<f64>() - whole).abs() < 1e-9, "{rewards:?} {whole}");
        }
        let outcomes: Vec<f64> = rewards.iter().map(|rewards| rewards.iter().sum()).collect();
        let right: Vec<bool> = held_out.iter().map(|one| one.right == [true, true]).collect();
        let solutions = auc(&outcomes, &right).unwrap();
        // Of wrong solutions, how often the wrong step has the smaller reward.
        let wrong = held_out.iter().zip(&rewards).filter(|(one, _)| one.right != [true, true]);
        let (mut found, mut count) = (0.0, 0.0);
        for (one, rewards) in wrong {
            found += f64::from(u8::from(one.right[0] == (rewards[0] > rewards[1])));
            count += 1.0;
        }
        if turned {
            assert!(solutions < 0.05, "{solutions}");
        } else {
            let steps = found / count;
            assert!(solutions > 0.95 && steps > 0.9, "{solutions} {steps}");
        }
    }
}

/// Says of every token the same.
struct Constant(f32);

impl Likelihood for Constant {
    fn logprobs(&self, batch: &[Given]) -> Result<Vec<Vec<f32>>, BoxError> {
        Ok(batch.iter().map(|given| vec![self.0; given.tokens.len()]).collect())
    }
}

#[test]
fn what_cannot_be_learnt_is_refused() {
    let solution = |solved| Solution::graded(vec![1], vec![vec![2, 3], vec![4]], solved).unwrap();
    let both = [solution(true), solution(false)];
    let learnt = implicit(&both, &Constant(-0.5), 0.1).unwrap();
    let goals: Vec<_> = learnt.iter().map(|example| example.sequence.unwrap()).collect();
    assert_eq!((goals[0].first, goals[0].label, goals[1].label), (1, 1.0, 0.0));
    assert!((goals[0].reference + 1.5).abs() < 1e-12 && (goals[0].beta - 0.1).abs() < 1e-12);
    assert_eq!(learnt[0].tokens, [1, 2, 3, 4]);
    for beta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = implicit(&both, &Constant(-0.5), beta).unwrap_err().to_string();
        assert!(error.starts_with("beta: "), "{error}");
    }
    for bad in [f32::NAN, f32::NEG_INFINITY] {
        let error = implicit(&both, &Constant(bad), 0.1).unwrap_err().to_string();
        let expected = format!("reference: solution 0: log-probability {bad} of token 0");
        assert!(error.starts_with(&expected), "{error}");
    }
    let bare = Solution::graded(vec![], vec![vec![2]], true).unwrap();
    let error = implicit(&[solution(true), bare], &Constant(-0.5), 0.1).unwrap_err().to_string();
    assert!(error.starts_with("solution 1: an empty prompt"), "{error}");
    for (steps, expected) in [(vec![], "steps: none"), (vec![vec![]], "step 0: no tokens")] {
        let error = Solution::graded(vec![1], steps, true).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    // The engine refuses what it has no positions for.
    let long = Solution::graded(vec![1], vec![vec![2; 100]], true).unwrap();
    let error = implicit(&[long], &engine(1), 0.1).unwrap_err().to_string();
    assert!(error.starts_with("reference: "), "{error}");
    assert!(check_outcomes(&both).is_ok());
    for (solutions, expected) in [
        (vec![], "solutions: none"),
        (vec![solution(true); 2], "solutions: all 2 are right"),
        (vec![solution(false); 3], "solutions: all 3 are wrong"),
    ] {
        let error = check_outcomes(&solutions).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
