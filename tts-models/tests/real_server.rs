//! A real server, beside the engine of this crate on the same model.
//!
//! `TTS_SERVER` holds its address, and `TTS_SERVER_MODEL` a GGUF file of the model that it serves
//! (`scripts/llama-server.sh` installs and starts one); without them nothing is tested here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tts_core::{
    Finish, Generator, Given, Likelihood, Prompt, Request, Sampling, StepRule, Trajectory, Until,
    Watch,
};
use tts_models::remote::{Calls, Prefill, Remote, RemoteConfig, ServerKind, TextOnly};
use tts_models::{Backend, EngineConfig, LanguageModel, WeightFormat};

type Error = tts_core::BoxError;

/// One test at a time: beside other lines a server that multiplies quantised numbers computes others.
static SERVER: Mutex<()> = Mutex::new(());

struct Both {
    remote: Remote,
    config: RemoteConfig,
    model: String,
    _alone: MutexGuard<'static, ()>,
}

fn both() -> Result<Option<Both>, Error> {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(server), Some(model)) = (named("TTS_SERVER"), named("TTS_SERVER_MODEL")) else {
        eprintln!("skipped: TTS_SERVER and TTS_SERVER_MODEL name no server and its model");
        return Ok(None);
    };
    let alone = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let config = RemoteConfig { text: Some(model.clone().into()), ..RemoteConfig::server(server) };
    let remote = Remote::open(config.clone())?;
    eprintln!("{} {}: {}", remote.facts().kind, remote.facts().version, remote.facts().name());
    Ok(Some(Both { remote, config, model, _alone: alone }))
}

fn own(model: &str) -> Result<Box<dyn LanguageModel>, Error> {
    let config = EngineConfig { weights: WeightFormat::F32, ..EngineConfig::default() };
    Ok(tts_models::open(model, Backend::Native, config)?)
}

fn prompt() -> Arc<Prompt> {
    Arc::new(Prompt::from(
        "A baker has 24 rolls and sells 9 of them. How many rolls are left? Think step by step.",
    ))
}

fn request(seeds: Vec<u64>) -> Request {
    let path = Trajectory::new(prompt(), Vec::new(), 0, false);
    Request { until: Until::End, max_tokens: 48, ..Request::new(path, seeds) }
}

#[test]
fn lines_are_those_of_the_servers_tokens() -> Result<(), Error> {
    let Some(Both { remote, _alone, .. }) = both()? else { return Ok(()) };
    let test = remote.self_test().expect("it is on by default");
    eprintln!("{test}");
    assert!(test.repeats && test.seeds_count, "{test}");
    let answered = remote.generate(&[request(vec![1, 2, 1])])?.remove(0);
    let lines: Vec<_> = answered.lines.into_iter().collect::<Result<_, _>>()?;
    for line in &lines {
        for step in &line.steps {
            let text = remote.tokenizer().text(&step.tokens);
            assert!(text.starts_with(&step.text), "{text:?} {:?}", step.text);
            assert_eq!(step.logprobs.len(), step.tokens.len());
            assert!(step.logprobs.iter().all(|logprob| logprob.is_finite() && *logprob <= 0.0));
        }
        assert!(matches!(line.finish, Finish::Stop | Finish::Length), "{:?}", line.finish);
    }
    assert_ne!(lines[0].steps, lines[1].steps);
    assert!(answered.computed_tokens > 0 && remote.usage().generated_tokens > 0);
    Ok(())
}

/// A greedy path is the engine's own, or parts from it where the two best tokens are about as probable: the
/// server may multiply quantised numbers, the engine here multiplies exact ones.
#[test]
fn greedy_paths_are_those_of_the_engine_or_part_where_two_tokens_are_close() -> Result<(), Error> {
    let Some(Both { remote, model, _alone, .. }) = both()? else { return Ok(()) };
    let engine = own(&model)?;
    let line = |generator: &dyn Generator, request: &Request| -> Result<Vec<u32>, Error> {
        let line = generator.generate(std::slice::from_ref(request))?.remove(0).lines.remove(0)?;
        Ok(line.steps.iter().flat_map(|step| step.tokens.clone()).collect())
    };
    let (mut agreed, mut all) = (0, 0);
    for text in [
        "The capital of France is",
        "1, 2, 3, 4, 5, 6,",
        "def add(a, b):\n    return",
        "Once upon a time",
    ] {
        let prompt = Arc::new(Prompt::text(text));
        let path = Trajectory::new(Arc::clone(&prompt), Vec::new(), 0, false);
        let request = Request {
            prefix: path,
            sampling: Sampling::greedy(),
            max_tokens: 32,
            ..request(vec![1])
        };
        let (here, there) = (line(&engine, &request)?, line(&remote, &request)?);
        let same = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
        eprintln!("{text:?}: {same} of {} tokens are the same", here.len());
        (agreed, all) = (agreed + same, all + here.len());
        if same < here.len().max(there.len()) {
            let mut before = engine.encode(&prompt)?;
            before.extend(&here[..same]);
            let logits = engine.next_logits(&before)?;
            let (ours, theirs) = (logits[here[same] as usize], logits[there[same] as usize]);
            eprintln!(
                "they part: {} here, {} there, logits {ours} and {theirs}",
                here[same], there[same]
            );
            assert!((ours - theirs).abs() < 0.7, "not for being close: {ours} and {theirs}");
        }
    }
    assert!(3 * agreed >= all, "{agreed} of {all}");
    Ok(())
}

/// What the server says of tokens that it is given is what the engine says, as far as its arithmetic goes.
#[test]
fn given_tokens_are_judged_as_by_the_engine() -> Result<(), Error> {
    let Some(Both { remote, model, _alone, .. }) = both()? else { return Ok(()) };
    let engine = own(&model)?;
    let context = engine.encode(&prompt())?;
    let tokens = engine.tokenizer().encode("There are 24 - 9 = 15 rolls left. 😀\n\n", false)?;
    let given = [Given { context, tokens }];
    let (here, there) = (engine.logprobs(&given)?, remote.logprobs(&given)?);
    assert_eq!(here[0].len(), there[0].len());
    let worst = here[0]
        .iter()
        .zip(&there[0])
        .map(|(a, b)| (a - b).abs())
        .max_by(f32::total_cmp)
        .unwrap_or(0.0);
    eprintln!("log-probabilities differ by {worst} at most");
    assert!(worst < 0.7, "{:?} {:?}", here[0], there[0]);
    // Those of generated tokens are the same numbers.
    let line = remote.generate(&[request(vec![5])])?.remove(0).lines.remove(0)?;
    let step = &line.steps[0];
    let again = [Given { context: engine.encode(&prompt())?, tokens: step.tokens.clone() }];
    let again = remote.logprobs(&again)?.remove(0);
    let worst = again
        .iter()
        .zip(&step.logprobs)
        .map(|(a, b)| (a - b).abs())
        .max_by(f32::total_cmp)
        .unwrap_or(0.0);
    eprintln!("generated and judged they differ by {worst} at most");
    assert!(worst < 0.7, "{again:?} {:?}", step.logprobs);
    Ok(())
}

/// Computed whole each time, a line asked for to its end has the steps of one asked for step by step.
#[test]
fn step_by_step_is_the_same_line_where_the_server_computes_it_whole() -> Result<(), Error> {
    let Some(Both { config, _alone, .. }) = both()? else { return Ok(()) };
    let cold =
        Remote::open(RemoteConfig { cache: false, lines: 1, self_test: false, ..config.clone() })?;
    let whole = cold.generate(&[request(vec![11])])?.remove(0).lines.remove(0)?;
    let mut path = Trajectory::new(prompt(), Vec::new(), 0, false);
    let mut seed = 11;
    for (number, step) in whole.steps.iter().enumerate() {
        let generated: u32 = whole.steps[..number]
            .iter()
            .map(|s| u32::try_from(s.tokens.len()).unwrap_or_default())
            .sum();
        let next = Request {
            until: Until::Step,
            max_tokens: 48 - generated,
            ..Request::new(path.clone(), vec![seed])
        };
        let line = cold.generate(&[next])?.remove(0).lines.remove(0)?;
        assert_eq!(line.steps[0].tokens, step.tokens, "step {number}");
        let steps = path.steps().iter().cloned().chain([Arc::new(step.clone())]).collect();
        path = Trajectory::new(prompt(), steps, 0, false);
        seed = tts_core::seed::child(seed, 0);
    }
    // In one call a line is another, and says so.
    let lines =
        Remote::open(RemoteConfig { calls: Some(Calls::Lines), self_test: false, ..config })?;
    assert_ne!(lines.identity(), cold.identity());
    let line = lines.generate(&[request(vec![11])])?.remove(0).lines.remove(0)?;
    assert!(line.generated() > 0);
    Ok(())
}

#[test]
fn confidence_is_noted_and_what_cannot_be_told_is_refused() -> Result<(), Error> {
    let Some(Both { remote, _alone, .. }) = both()? else { return Ok(()) };
    let watch = Watch { confidence: 5, ..Watch::default() };
    let line =
        remote.generate(&[Request { watch, ..request(vec![3]) }])?.remove(0).lines.remove(0)?;
    for step in &line.steps {
        assert_eq!(step.confidence().len(), step.tokens.len());
        assert!(step.confidence().iter().all(|confidence| *confidence > 0.0));
    }
    let watch = Watch { certainty: true, ..Watch::default() };
    let refused =
        remote.generate(&[Request { watch, ..request(vec![3]) }])?.remove(0).lines.remove(0);
    assert!(refused.is_err_and(|error| error.0.contains("certainty")));
    // A step that ends within the server's reach, and a context that is full.
    let rule = Arc::new(StepRule { max_step_tokens: 3, max_steps: 2, ..StepRule::default() });
    let line =
        remote.generate(&[Request { rule, ..request(vec![3]) }])?.remove(0).lines.remove(0)?;
    assert_eq!(line.steps.iter().map(|step| step.tokens.len()).collect::<Vec<_>>(), [3, 3]);
    Ok(())
}

/// The same server, asked by text: chats and completions, to the end and step by step. What it reads are the tokens
/// of the prompt here; what it writes may depend on its cache.
#[test]
fn the_same_server_is_searched_on_by_text() -> Result<(), Error> {
    let Some(Both { remote, config, _alone, .. }) = both()? else { return Ok(()) };
    let said = |generator: &dyn Generator, request: &Request| -> Result<(String, Finish), Error> {
        let line = generator.generate(std::slice::from_ref(request))?.remove(0).lines.remove(0)?;
        Ok((line.steps.iter().map(|step| step.text.as_str()).collect(), line.finish))
    };
    let greedy = Request { sampling: Sampling::greedy(), ..request(vec![1]) };
    let (by_ids, _) = said(&remote, &greedy)?;
    for kind in [ServerKind::Completions, ServerKind::Chat] {
        let prefill = match (kind, remote.facts().kind) {
            (ServerKind::Completions, _) => Prefill::None,
            (_, ServerKind::LlamaServer) => Prefill::Message,
            _ => Prefill::Continue,
        };
        let model = Some(remote.facts().model.clone());
        let text_only = TextOnly { prefill, ..TextOnly::default() };
        let text = RemoteConfig { kind, model, text_only, unseeded: true, ..config.clone() };
        let text = Remote::open(text)?;
        let test = text.self_test().expect("it is on by default");
        let before = text.usage().prompt_tokens;
        let (by_text, _) = said(&text, &greedy)?;
        // The server reads the very tokens that are sent as ids.
        let read = text.usage().prompt_tokens - before;
        assert_eq!(read, remote.prompt_tokens(&prompt())?.len() as u64, "{kind}");
        let letters = by_ids.chars().zip(by_text.chars());
        let same = letters.take_while(|(a, b)| a == b).count();
        eprintln!("{kind}: {test}; {same} of {} letters are those by ids", by_ids.chars().count());
        assert!(test.seeds_count, "{test}");
        // A step, and what stands behind it.
        let rule = Arc::new(StepRule { delimiters: vec![".".into()], ..StepRule::default() });
        let mut step = Request { rule, until: Until::Step, ..greedy.clone() };
        let first = text.generate(std::slice::from_ref(&step))?.remove(0).lines.remove(0)?;
        assert_eq!(first.finish, Finish::Step, "{first:?}");
        assert!(first.steps[0].text.ends_with('.'), "{first:?}");
        let steps = first.steps.into_iter().map(Arc::new).collect();
        step.prefix = Trajectory::new(prompt(), steps, 0, false);
        let (second, _) = said(&text, &step)?;
        eprintln!("{kind}: {:?} goes on with {second:?}", step.prefix.steps()[0].text);
        assert!(!second.trim().is_empty());
        assert!(text.usage().generated_tokens > 0);
    }
    Ok(())
}
