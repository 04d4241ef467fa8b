//! What tokenizers of real models bring along: tokens of several characters, control tokens by name,
//! padding, spaces before a text, templates with arguments.

use std::path::Path;
use std::sync::Arc;

use tts_core::{Finish, Generator, Prompt, Request, Sampling, Step, StepRule, Trajectory, Until};
use tts_models::testing::{byte_config, lively_weights};
use tts_models::text::template::TemplateArgument;
use tts_models::text::tokenizer::GgufVocabulary;
use tts_models::{Engine, EngineConfig, LanguageModel, ModelConfig, Native, TextSide, Tokenizer};

use super::{generated, lines, path};

/// An engine on a random model with these tokens and more rows than it has tokens.
fn engine(vocabulary: &GgufVocabulary, config: EngineConfig) -> Engine<Native> {
    let model = ModelConfig { vocab_size: 12, eos_token_ids: vec![], ..byte_config("llama") };
    let native = Native::new(lively_weights(model).unwrap(), 1).unwrap();
    let tokenizer = Tokenizer::from_vocabulary(vocabulary, Path::new("x")).unwrap();
    Engine::new(native, Arc::new(tokenizer), None, config).unwrap()
}

fn words(tokens: &[(&str, i32)]) -> GgufVocabulary {
    let (tokens, token_types) = tokens.iter().map(|&(t, kind)| (t.to_owned(), kind)).unzip();
    let (model, pre) = ("gpt2".to_owned(), Some("gpt-2".to_owned()));
    GgufVocabulary { model, pre, tokens, token_types, ..GgufVocabulary::default() }
}

fn ask(rule: StepRule) -> Request {
    let prompt = Prompt::text("3");
    Request {
        until: Until::End,
        sampling: Sampling::temperature(5.0),
        rule: Arc::new(StepRule { delimiters: Vec::new(), ..rule }),
        max_tokens: 30,
        ..Request::new(
            tts_core::Trajectory::new(Arc::new(prompt), Vec::new(), 0, false),
            (0..40).collect(),
        )
    }
}

const WORDS: [(&str, i32); 8] = [
    ("12;7", 1),
    ("3", 1),
    ("<|im_end|>", 3),
    ("<x>", 3),
    ("[PAD4]", 5),
    ("[PAD5]", 5),
    ("[PAD6]", 5),
    ("[PAD7]", 5),
];

#[test]
fn what_stands_for_nothing_is_never_drawn() {
    let engine = engine(&words(&WORDS), EngineConfig { ignore_end: true, ..Default::default() });
    let made = lines(&engine, &ask(StepRule::default()));
    let drawn: std::collections::BTreeSet<u32> = made.iter().flat_map(generated).collect();
    assert!(drawn.into_iter().eq(0..4));
}

#[test]
fn a_stop_text_within_a_token_leaves_what_stands_before_it() {
    let engine = engine(&words(&WORDS), EngineConfig::default());
    let rule = StepRule { stop: vec![";".into()], ..StepRule::default() };
    let mut seen = 0;
    for line in lines(&engine, &ask(rule)) {
        let tokens = generated(&line);
        if tokens.last() == Some(&0) {
            let text = &line.steps[0].text;
            assert!(text.ends_with("12;"), "{text}");
            assert_eq!((line.finish, line.steps[0].closing), (Finish::Stop, 1));
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn a_control_token_ends_a_line_where_its_name_is_a_stop_text() {
    let engine = engine(&words(&WORDS), EngineConfig { ignore_end: true, ..Default::default() });
    let rule = StepRule { stop: vec!["<x>".into()], ..StepRule::default() };
    let made = lines(&engine, &ask(rule));
    let stopped = made.iter().filter(|line| line.finish == Finish::Stop);
    for line in stopped.clone() {
        let tokens = generated(line);
        assert_eq!(tokens.iter().position(|&token| token == 3), Some(tokens.len() - 1));
        assert_eq!(line.steps[0].closing, 1);
    }
    assert!(stopped.count() > 20);
}

/// As large vocabularies write rare characters, and small ones many: a token for each half of "é".
#[test]
fn a_character_that_a_step_cuts_stands_in_the_step_that_completes_it() {
    let halves = [("3", 1), ("Ã", 1), ("©", 1), ("<|im_end|>", 3)];
    let [ending, engine] = [false, true].map(|ignore_end| {
        engine(&words(&halves), EngineConfig { ignore_end, ..EngineConfig::default() })
    });
    let check = |steps: &[Step], stopped: bool| {
        let tokens: Vec<u32> = steps.iter().flat_map(|step| &step.tokens).copied().collect();
        let said: String = steps.iter().map(|step| step.text.as_str()).collect();
        let mut all = engine.tokenizer().text(&tokens);
        // A half that nothing follows is not said while something may.
        let last = tokens.iter().rev().find(|&&token| token != 3);
        if !stopped && last == Some(&1) {
            assert_eq!(all.pop(), Some('\u{fffd}'));
        }
        assert_eq!(said, all, "{tokens:?}");
        said.matches('é').count()
    };
    let rule = StepRule { max_step_tokens: 1, ..StepRule::default() };
    let (mut found, mut halved) = (0, 0);
    for line in [&ending, &engine].into_iter().flat_map(|engine| lines(engine, &ask(rule.clone())))
    {
        assert!(line.steps.iter().all(|step| step.tokens.len() == 1));
        found += check(&line.steps, line.finish == Finish::Stop);
        let last: Vec<u32> = line.steps.iter().rev().take(2).map(|step| step.tokens[0]).collect();
        halved += usize::from(last == [3, 1] && line.finish == Finish::Stop);
    }
    assert!(found > 20 && halved > 0, "{found}, {halved} that the model ended");
    // Step by step, each written by a request of its own.
    found = 0;
    for seed in 0..20 {
        let (mut steps, mut stopped) = (Vec::<Step>::new(), false);
        let engine = if seed % 2 == 0 { &ending } else { &engine };
        while steps.len() < 20 && !stopped {
            let path = steps.iter().cloned().map(Arc::new).collect();
            let prompt = Arc::new(Prompt::text("3"));
            let request = Request {
                until: Until::Tokens(1),
                prefix: Trajectory::new(prompt, path, 0, false),
                seeds: vec![1000 * seed + steps.len() as u64],
                ..ask(StepRule::default())
            };
            let line = lines(engine, &request).remove(0);
            stopped = line.finish == Finish::Stop;
            steps.extend(line.steps);
            found += check(&steps, stopped);
        }
    }
    assert!(found > 20, "{found}");
}

#[test]
fn known_ends_of_a_vocabulary_end_a_line() {
    let engine = engine(&words(&WORDS), EngineConfig::default());
    assert_eq!(Engine::end_tokens(&engine), [2]);
    let names: Vec<_> = engine.end_tokens().iter().map(|&id| engine.tokenizer().name(id)).collect();
    assert_eq!(names, [Some("<|im_end|>".to_owned())]);
    for line in lines(&engine, &ask(StepRule::default())) {
        let tokens = generated(&line);
        let end = tokens.iter().position(|&token| token == 2);
        assert!(end.is_none_or(|end| end == tokens.len() - 1));
    }
}

/// A vocabulary that puts a space before a text.
fn spaced() -> GgufVocabulary {
    let list = ["<unk>", "<s>", "</s>", "\u{2581}", "3", "\u{2581}3", "4"];
    GgufVocabulary {
        model: "llama".to_owned(),
        tokens: list.map(str::to_owned).into(),
        token_types: vec![2, 3, 3, 1, 1, 1, 1],
        scores: vec![0.0, 0.0, 0.0, -1.0, -2.0, -0.5, -3.0],
        ..GgufVocabulary::default()
    }
}

#[test]
fn appended_text_has_no_space_that_no_one_wrote() {
    let engine = engine(&spaced(), EngineConfig::default());
    let given = |append: &str| {
        let request = Request {
            append: Some(append.into()),
            max_tokens: 1,
            ..Request::new(path("3", &[]), vec![1])
        };
        let line = lines(&engine, &request).remove(0);
        line.steps[0].tokens[..line.steps[0].given as usize].to_vec()
    };
    assert_eq!(engine.prompt_tokens(&Prompt::text("3")).unwrap(), [5]);
    assert_eq!(given("3"), [4]);
    assert_eq!(given(" 3"), [5]);
    assert_eq!(given("43"), [6, 4]);
}

#[test]
fn an_argument_of_the_template_reaches_prompts_and_identity() {
    let argument = |text: &str| -> TemplateArgument { text.parse().unwrap() };
    let mut plain = engine(&words(&WORDS), EngineConfig::default());
    let error = plain.set_template_argument(&argument("think=3")).unwrap_err().to_string();
    assert_eq!(error, "template argument: think=3, but the model has no chat template");

    let template = tts_models::ChatTemplate::new("{{ think }}3", "", "").unwrap();
    let TextSide { tokenizer, .. } =
        TextSide { tokenizer: Arc::clone(plain.tokenizer()), template: None };
    let model = ModelConfig { vocab_size: 12, eos_token_ids: vec![], ..byte_config("llama") };
    let native = Native::new(lively_weights(model).unwrap(), 1).unwrap();
    let engine = Engine::new(native, tokenizer, Some(template), EngineConfig::default()).unwrap();
    let mut model: Box<dyn LanguageModel> = Box::new(engine.with_identity("m"));
    let prompt = Prompt::from("3");
    let encoded = |model: &dyn LanguageModel| {
        let request = Request {
            max_tokens: 1,
            ..Request::new(
                tts_core::Trajectory::new(Arc::new(prompt.clone()), Vec::new(), 0, false),
                vec![1],
            )
        };
        lines(model, &request)[0].prompt_tokens
    };
    assert_eq!((encoded(&*model), model.identity().as_deref()), (1, Some("m")));
    for (text, tokens, identity) in [
        ("think=33", 3, "m template think=33"),
        ("other=[1]", 3, "m template other=[1] template think=33"),
        ("think=3", 2, "m template other=[1] template think=3"),
    ] {
        model.set_template_argument(&argument(text)).unwrap();
        assert_eq!((encoded(&*model), model.identity().as_deref()), (tokens, Some(identity)));
    }
}
