//! Reinforcement on verifiable rewards: a policy learns from solutions that it writes itself.
//!
//! `cargo run --release --example reinforce -- --model FILE.gguf --data train.jsonl --rank 16 --out FOLDER`, or
//! `--model embedded --family strides` for problems of a family. With `--judge NAME` the data are preferences, and the
//! model learns to judge them: right is a judgement that gives the best response, and it alone, the highest score. Rewards are named (`--reward right --reward
//! format=0.5`), the scheme too (`--scheme dapo`); a recipe (`--recipe FILE.json`) holds all of it, and options that
//! are given go before it. With `--rank` an adapter learns, for `--adapter` of `solve`, `evaluate` and `label`; with
//! `--adapter` it goes on from one that is there; without, all weights, of a folder. Journal, charts, samples and state lie in `work` of the folder: killed and
//! started again, the run goes on, to the same bits. `work/samples.html` shows what the policy wrote.

use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tts_core::family::{Solved, Split, problems};
use tts_core::{StepRule, Task};
use tts_examples::data::{Asking, DataOptions, OF_A_FILE};
use tts_examples::difficulty::{DifficultyOptions, Wanted, tell_range};
use tts_examples::families::Families;
use tts_examples::files::{read_json, write_whole};
use tts_examples::interrupt::Interrupt;
use tts_examples::judges::{self, LearntFrom};
use tts_examples::keeping::{self, KeepOptions};
use tts_examples::options::{ModelOptions, PromptOptions, unescape};
use tts_examples::reinforcing::{Bar, leave_out_long, summary};
use tts_examples::saying::SayingOptions;
use tts_examples::training::{self, check_adapter_apart, check_apart, copy_text_side, holds_out};
use tts_examples::{Error, exit, hub};
use tts_models::train::Model;
use tts_models::weights::Dtype;
use tts_models::{
    Backend, Checkpoint, DecoderWeights, Files, KeyValues, LanguageModel, WeightFormat,
};
use tts_prm::ScorerSpec;
use tts_prm::critic::Judging;
use tts_prm::reinforce::{
    Old, Problem, Process, Recording, Reinforce, ReinforceConfig, Scheme, Term, read_samples,
    write_charts, write_samples_page,
};
use tts_search::evaluate::Item;
use tts_search::{FewShot, Recipe};

/// Lets a policy learn from rewards of what it writes.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    prompting: PromptOptions,
    /// Where all randomness comes from.
    #[arg(long)]
    seed: Option<u64>,
    /// Text that ends a step, with \n for a line break; may be given several times. Default: a line break for
    /// families and with --few-shot, else a blank line.
    #[arg(long)]
    step: Vec<String>,
    /// Text that ends a solution; may be given several times.
    #[arg(long)]
    stop: Vec<String>,
    /// Longest solution, in tokens. Default: 200 of families, that of a judge, else 512.
    #[arg(long)]
    max_tokens: Option<u32>,
    /// Problems: JSON lines, a JSON list, a table, or Parquet (with the feature of that name).
    #[arg(long, required_unless_present_any = ["family", "questions"])]
    data: Option<PathBuf>,
    /// Problems of a family instead, from its training split; measured on its validation split.
    #[arg(long, conflicts_with = "data", conflicts_with_all = OF_A_FILE)]
    family: Option<Families>,
    /// The data are preferences, and the model learns to judge them: a judge by name or a JSON file, as of `judge`.
    #[arg(long, requires = "data", conflicts_with_all = OF_A_FILE)]
    judge: Option<String>,
    /// What the judge learns from: preferences, graded (single responses with a label, best with --reward near) or steps
    /// (solutions whose first wrong step is known).
    #[arg(long, requires = "judge", value_name = "DATA", default_value = "preferences")]
    judge_from: LearntFrom,
    /// Where records have what a preference is made of, for files of no known form, see `judge --help`.
    #[arg(long, value_name = "FILE", requires = "judge")]
    preference_fields: Option<PathBuf>,
    /// Single responses with labels, which it learns to judge beside preferences.
    #[arg(long, value_name = "FILE", requires = "judge")]
    with_graded: Option<PathBuf>,
    /// The judge of --with-graded, by name or a JSON file. Default: the judge itself.
    #[arg(long, requires = "with_graded")]
    single: Option<String>,
    /// A Jinja file in place of the judge's template.
    #[arg(long, requires = "judge")]
    template: Option<PathBuf>,
    #[command(flatten)]
    fields: DataOptions,
    /// What an answer to a problem of a file is: math, exact, choice, phrase or countdown. Default: as
    /// the data set has it, else math.
    #[arg(long)]
    task: Option<String>,
    /// Problems; 0 for all of a file, and 10,000 of a family.
    #[arg(long, default_value_t = 0)]
    problems: usize,
    /// Problems that are held out and measured on; 0 for none.
    #[arg(long, default_value_t = 64)]
    held_out: usize,
    /// Settings as a JSON file, see `tts_prm::reinforce::ReinforceConfig`; options that are given go before it.
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// grpo, dapo, dr-grpo, gspo, cispo, rloo or reinforce.
    #[arg(long)]
    scheme: Option<Scheme>,
    /// A reward by name, with a weight if it is not 1: right, near (part of it, where the task gives partial credit),
    /// format, brevity (of right samples 0.5 down to -0.5 from the shortest to the longest of a problem's samples, 0 where all
    /// are as long, and never above 0 for a wrong one), language, random, majority, checked (the share of steps before
    /// the first that the task finds wrong), scored (what --scorer says of a solution), picked (the search's choice),
    /// overlong:MOST/MARGIN, target:TOKENS; may be given several times, for their sum. Default: right.
    #[arg(long)]
    reward: Vec<Term>,
    /// Steps: solutions are drawn, rewarded, and learnt from.
    #[arg(long)]
    steps: Option<usize>,
    /// Problems of a step.
    #[arg(long)]
    batch: Option<usize>,
    /// Solutions of each; with --sampler its recipe says how many.
    #[arg(long, conflicts_with = "sampler")]
    samples: Option<usize>,
    /// Learning rate.
    #[arg(long)]
    learning_rate: Option<f64>,
    /// What a nat of divergence from the model at the start costs.
    #[arg(long)]
    beta: Option<f32>,
    /// Steps between two after which the model that the policy is held near becomes the policy as it is; 0 for never.
    #[arg(long)]
    refresh: Option<usize>,
    /// In how many updates a step is learnt: ratios and clips act from the second on. Default: 1.
    #[arg(long)]
    parts: Option<usize>,
    /// How often a step is learnt. Default: 1.
    #[arg(long)]
    epochs: Option<usize>,
    /// Where to train: native (own kernels on the CPU), cuda (Burn on an NVIDIA GPU), or ndarray (the reference, slow).
    /// Default: cuda with --backend cuda, else native.
    #[arg(long)]
    train_backend: Option<Backend>,
    /// Rank of low-rank adapters; 0 to train all weights, or to go on from --adapter.
    #[arg(long, default_value_t = 0)]
    rank: usize,
    /// What adapters count, over their rank; default: twice the rank.
    #[arg(long)]
    alpha: Option<f64>,
    /// Sampler as a JSON file, a recipe of a search, in place of independent solutions.
    #[arg(long)]
    sampler: Option<PathBuf>,
    /// Who scores steps: prm:PATH or another scorer with a model of its own, or rule. The scores are learnt beside
    /// the outcome, unless --reward scored makes them the outcome, and are there for samplers that go by scores.
    #[arg(long)]
    scorer: Option<ScorerSpec>,
    /// The scores are for the sampler and for --reward picked alone, and are learnt only if the recipe says so.
    #[arg(long, requires = "scorer")]
    scorer_for_sampler: bool,
    /// Steps between two whose samples are kept to be read, beside the first and the last; 0 for none. Default: 10.
    #[arg(long)]
    record: Option<usize>,
    /// Samples are kept with their token ids and log-probabilities.
    #[arg(long)]
    record_tokens: bool,
    #[command(flatten)]
    saying: SayingOptions,
    #[command(flatten)]
    difficulty: DifficultyOptions,
    #[command(flatten)]
    keeping: KeepOptions,
    /// Where the result goes.
    #[arg(long)]
    out: PathBuf,
}

/// Problems to learn from and to measure on, and what an answer is.
struct Asked {
    learn: Vec<Problem>,
    held_out: Vec<Problem>,
    task: Arc<dyn Task>,
}

/// Problems of a family where nothing is said.
const OF_FAMILY: usize = 10_000;
/// One problem in so many of a file is held out, by its text, up to as many as are wanted.
const ONE_IN: u64 = 10;

/// The problems, drawn by the seed of the run wherever that is said.
fn asked(arguments: &Arguments, seed: u64) -> Result<Asked, Error> {
    if let Some(family) = arguments.family {
        let family = family.family();
        let count = if arguments.problems == 0 { OF_FAMILY } else { arguments.problems };
        let of = |split, count| -> Vec<Problem> {
            let drawn = problems(&*family, split, seed).take(count);
            drawn.map(|problem| Problem::of_family(&*family, &problem)).collect()
        };
        let (learn, held_out) =
            (of(Split::Train, count), of(Split::Validation, arguments.held_out));
        return Ok(Asked { learn, held_out, task: Arc::new(Solved(family)) });
    }
    let Some(path) = &arguments.data else {
        let task = tts_core::task::by_name(arguments.task.as_deref().unwrap_or("math"))?;
        return Ok(Asked { learn: Vec::new(), held_out: Vec::new(), task });
    };
    if let Some(judging) = judging(arguments)? {
        return preferences(arguments, judging, path, seed);
    }
    let few_shot = arguments.prompting.few_shot()?;
    let fields = &arguments.fields;
    let level = arguments.difficulty.difficulty_field.as_deref();
    let mut data = fields.load_graded(path, level)?;
    let shares = arguments.difficulty.shares(&data)?;
    if arguments.problems > 0 {
        data.items.truncate(arguments.problems);
    }
    writeln!(std::io::stderr(), "data      {}", data.taken())?;
    let task = arguments.task.as_deref().or(data.mapping.task.as_deref());
    let task = tts_core::task::by_name(task.unwrap_or("math"))?;
    let asking = Asking::of(&arguments.prompting, few_shot.as_ref(), &data)?;
    let (mut learn, mut held_out) = (Vec::new(), Vec::new());
    let mut apart = HashSet::new();
    if let Some(shares) = &shares {
        shares.tell(&mut std::io::stderr(), data.items.len())?;
    }
    for (place, Item { question, gold, difficulty, .. }) in data.items.iter().enumerate() {
        let (prompt, question, gold) = (asking.prompt(question), question.clone(), gold.clone());
        // What is measured on is not learnt, however often it is asked.
        if apart.contains(&question) {
            continue;
        }
        let mut problem = Problem { prompt, question, gold, difficulty: *difficulty };
        if held_out.len() < arguments.held_out && holds_out(ONE_IN, &problem.question) {
            apart.insert(problem.question.clone());
            held_out.push(problem);
            continue;
        }
        match shares.as_ref().map(|shares| shares.wanted(place)) {
            Some(Wanted::No) => continue,
            Some(Wanted::Yes(difficulty)) => problem.difficulty = difficulty,
            None => {}
        }
        learn.push(problem);
    }
    Ok(Asked { learn, held_out, task })
}

/// What the model learns to judge by, if it is to be a judge.
fn judging(arguments: &Arguments) -> Result<Option<Judging>, Error> {
    let Some(name) = &arguments.judge else { return Ok(None) };
    let judge = judges::find(name, arguments.template.as_deref())?;
    let judging = arguments.judge_from.judging(judge)?;
    let Some(single) = &arguments.single else { return Ok(Some(judging)) };
    Ok(Some(judging.with_single(judges::find(single, None)?)?))
}

/// Preferences, or labels, as problems of a judge.
fn preferences(
    arguments: &Arguments,
    judging: Judging,
    path: &Path,
    seed: u64,
) -> Result<Asked, Error> {
    let fields = arguments.preference_fields.as_deref();
    let most = arguments.problems;
    let mut all = arguments.judge_from.lessons(&judging, (path, fields), most, seed)?;
    if let Some(graded) = &arguments.with_graded {
        if arguments.judge_from != LearntFrom::Preferences {
            return Err("--with-graded stands beside preferences: no --judge-from".into());
        }
        all.extend(LearntFrom::Graded.lessons(&judging, (graded, None), most, seed)?);
    }
    let (mut learn, mut held_out) = (Vec::new(), Vec::new());
    let mut apart = HashSet::new();
    for (question, lesson) in &all {
        let problem = lesson.problem();
        // By the question: no other answers to one that is measured on are learnt.
        if apart.contains(question.as_str()) {
            continue;
        }
        if held_out.len() < arguments.held_out && holds_out(ONE_IN, question) {
            apart.insert(question.as_str());
            held_out.push(problem);
        } else {
            learn.push(problem);
        }
    }
    Ok(Asked { learn, held_out, task: Arc::new(judging) })
}

/// Where the policy learns: on the GPU that it draws on, unless said otherwise.
fn train_backend(arguments: &Arguments) -> Backend {
    let drawn_on = arguments.model.backend;
    let by_itself = if drawn_on == Backend::Cuda { drawn_on } else { Backend::Native };
    arguments.train_backend.unwrap_or(by_itself)
}

/// The option by which the engine computes otherwise than the trainer, so that the trainer has to tell log-probabilities
/// anew.
fn computes_otherwise(arguments: &Arguments) -> Option<String> {
    let ModelOptions { backend, weights, key_values, .. } = &arguments.model;
    let learnt_on = train_backend(arguments);
    if learnt_on != Backend::Native {
        let by = if arguments.train_backend.is_some() { "--train-backend" } else { "--backend" };
        return Some(format!("{by} {learnt_on}"));
    }
    if *backend != Backend::Native {
        return Some(format!("--backend {backend}"));
    }
    if *weights != WeightFormat::F32 {
        return Some(format!("--weights {weights}"));
    }
    let exact = matches!(key_values, KeyValues::Auto | KeyValues::F32);
    (!exact).then(|| format!("--key-values {key_values}"))
}

/// Where solutions of a file, or judgements, end and how they begin, unless something else is said; `None` of a family, whose
/// lines are those of the defaults.
fn of_its_data(arguments: &Arguments) -> Result<Option<(StepRule, String)>, Error> {
    if let Some(judging) = judging(arguments)? {
        return Ok(Some((judging.rule(), judging.begin().to_owned())));
    }
    if arguments.family.is_some() {
        return Ok(None);
    }
    let few_shot = arguments.prompting.few_shot()?;
    let rule = few_shot.map_or_else(StepRule::default, |_| FewShot::rule());
    Ok(Some((StepRule { max_tokens: 512, ..rule }, String::new())))
}

/// The settings: of the recipe, or the defaults, and what is said otherwise.
fn settings(arguments: &Arguments) -> Result<ReinforceConfig, Error> {
    train_backend(arguments).check_trains()?;
    let otherwise = computes_otherwise(arguments);
    let told_anew = adapts(arguments) || otherwise.is_some();
    let mut config = match &arguments.recipe {
        None => {
            let old = if told_anew { Old::Recomputed } else { Old::Written };
            let mut config = ReinforceConfig { old, ..ReinforceConfig::default() };
            if let Some((rule, begin)) = of_its_data(arguments)? {
                (config.rule, config.begin) = (rule, begin);
            }
            config
        }
        Some(path) => {
            let mut read: ReinforceConfig = read_json(path)?;
            let said: serde_json::Value = read_json(path)?;
            if told_anew && said.get("old").is_none() {
                read.old = Old::Recomputed;
            }
            if let Some((rule, begin)) = of_its_data(arguments)? {
                if said.get("rule").is_none() {
                    read.rule = rule;
                }
                if said.get("begin").is_none() {
                    read.begin = begin;
                }
            }
            read
        }
    };
    let rule = &mut config.rule;
    for (texts, said) in
        [(&mut rule.delimiters, &arguments.step), (&mut rule.stop, &arguments.stop)]
    {
        if !said.is_empty() {
            *texts = said.iter().map(|text| unescape(text)).collect();
        }
    }
    if let Some(tokens) = arguments.max_tokens {
        rule.max_tokens = tokens;
        rule.max_step_tokens = rule.max_step_tokens.min(tokens);
    }
    let put = |field: &mut usize, said: Option<usize>| *field = said.unwrap_or(*field);
    put(&mut config.steps, arguments.steps);
    put(&mut config.problems, arguments.batch);
    put(&mut config.samples, arguments.samples);
    put(&mut config.refresh, arguments.refresh);
    put(&mut config.parts, arguments.parts);
    put(&mut config.epochs, arguments.epochs);
    config.scheme = arguments.scheme.unwrap_or(config.scheme);
    config.learn.rate = arguments.learning_rate.unwrap_or(config.learn.rate);
    config.adjust.beta = arguments.beta.or(config.adjust.beta);
    if !arguments.reward.is_empty() {
        config.rewards.clone_from(&arguments.reward);
    }
    if let Some(judged) = arguments.saying.term()? {
        // A factor stands beside what it multiplies.
        if arguments.reward.is_empty() && arguments.recipe.is_none() && !judged.factor {
            config.rewards.clear();
        }
        config.rewards.push(judged);
    }
    arguments.saying.divide(&mut config);
    // Where the scores are the reward of outcomes, or say what the search picks, they are not learnt a second time.
    let scored = config.rewards.iter().any(|term| term.of.needs_scorer());
    let apart = scored || arguments.scorer_for_sampler;
    if arguments.scorer.is_some() && !apart && config.process.is_none() {
        config.process = Some(Process::default());
    }
    let Recording { every, tokens } = &mut config.record;
    put(every, arguments.record);
    *tokens |= arguments.record_tokens;
    arguments.keeping.put(&mut config.keep);
    if let (Old::Written, Some(option)) = (config.old, otherwise) {
        return Err(format!(
            "old of the recipe: written, but with {option} the engine computes otherwise than the trainer: expected \
             recomputed, or the native backend with weights and keys in f32"
        )
        .into());
    }
    config.seed = arguments.seed.unwrap_or(config.seed);
    config.learn.threads = arguments.model.threads;
    config.check()?;
    arguments.difficulty.check(&config)?;
    Ok(config)
}

/// Whether the generator that comes with the project is meant.
fn is_embedded(arguments: &Arguments) -> bool {
    let path = &arguments.model.model;
    path == Path::new("embedded") && !path.exists()
}

/// The files of the model.
fn files(arguments: &Arguments) -> Files {
    if is_embedded(arguments) {
        return tts_prm::pair::generator_files();
    }
    arguments.model.model.clone().into()
}

/// Whether an adapter learns: a new one, or one that is there.
fn adapts(arguments: &Arguments) -> bool {
    arguments.rank > 0 || arguments.model.adapter.is_some()
}

/// The engine, with weights as the trainer begins with them: those of an adapter that is there among them, so that a
/// policy is held near where the run began.
fn open(arguments: &Arguments) -> Result<Box<dyn LanguageModel>, Error> {
    if arguments.model.tokenizer.is_some() {
        return Err("--tokenizer is for models on servers".into());
    }
    let ModelOptions { backend, template_arg, .. } = &arguments.model;
    let (files, engine) = (files(arguments), arguments.model.engine());
    let mut model = match &arguments.model.adapter {
        Some(adapter) => tts_models::open_adapted(files, adapter, *backend, engine)?,
        None => tts_models::open(files, *backend, engine)?,
    };
    for argument in template_arg {
        model.set_template_argument(argument)?;
    }
    Ok(model)
}

/// Writes weights into a folder, which is made if need be: a whole model, or an adapter.
fn save(arguments: &Arguments, model: &Model, folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let Some(adapter) = &model.adapter else {
        let tokenizer = files(arguments).join("tokenizer.json");
        if arguments.model.model.is_dir() {
            copy_text_side(&arguments.model.model, folder)?;
        } else if tokenizer.exists() {
            let path = folder.join("tokenizer.json");
            write_whole(&path, &tokenizer.read()?)?;
        }
        return Ok(model.decoder.save_as(folder, Dtype::F32, &[])?);
    };
    Ok(adapter.save(folder)?)
}

/// Says how many problems there are, and how hard they are said to be.
fn tell_problems(
    arguments: &Arguments,
    (learn, held_out): (&[Problem], &[Problem]),
    too_long: usize,
) -> Result<(), Error> {
    let mut err = std::io::stderr();
    let (count, apart, asked) = (learn.len(), held_out.len(), arguments.held_out);
    writeln!(err, "problems  {count}, {apart} held out, {too_long} too long")?;
    if apart < asked && arguments.family.is_none() && arguments.data.is_some() {
        writeln!(
            err,
            "          {asked} were to be held out: of a file one problem in {ONE_IN} is, by its text, up to as many"
        )?;
    }
    tell_range(&mut err, learn)
}

fn run(mut arguments: Arguments) -> Result<(), Error> {
    // Others hold their weights as they were asked to.
    let others = arguments.model.clone();
    if arguments.model.weights == WeightFormat::Stored {
        // What writes must be of one mind with what learns.
        arguments.model.weights = WeightFormat::F32;
    }
    if !is_embedded(&arguments) {
        arguments.model.model = hub::model(&arguments.model.model)?;
    }
    let arguments = &arguments;
    if !adapts(arguments) && !arguments.model.model.is_dir() && arguments.model.model.exists() {
        return Err(
            "all weights of a GGUF file have no folder to be kept in: --rank trains an adapter"
                .into(),
        );
    }
    if !adapts(arguments) && arguments.alpha.is_some() {
        return Err("--alpha: without --rank there is no adapter to scale".into());
    }
    check_apart(&arguments.model.model, &arguments.out)?;
    check_adapter_apart(arguments.model.adapter.as_deref(), &arguments.out)?;
    let config = settings(arguments)?;
    let (records, keep) = (config.record.every > 0, config.keep.clone());
    let Asked { mut learn, mut held_out, task } = asked(arguments, config.seed)?;
    let mut unanswered = arguments.saying.problems(&arguments.fields, &arguments.prompting)?;
    if arguments.problems > 0 {
        unanswered.truncate(arguments.problems);
    }
    // What is measured on is not learnt, whoever asks it.
    let measured: HashSet<&str> = held_out.iter().map(|own| own.question.as_str()).collect();
    unanswered.retain(|own| !measured.contains(own.question.as_str()));
    learn.extend(unanswered);
    let mut policy = open(arguments)?;
    arguments.family.map_or(Ok(()), |family| family.written_with(policy.tokenizer()))?;
    let long = leave_out_long(&*policy, &mut learn)? + leave_out_long(&*policy, &mut held_out)?;
    tell_problems(arguments, (&learn, &held_out), long)?;
    let mut reference = (config.objective().beta > 0.0).then(|| open(arguments)).transpose()?;
    // Learnt by within the positions that are written within.
    let checkpoint = Checkpoint::open(files(arguments))?.within(arguments.model.positions);
    let decoder = DecoderWeights::load(&checkpoint)?;
    let (sizes, from) = ((arguments.rank, arguments.alpha), arguments.model.adapter.as_deref());
    let adapter = training::adapter(sizes, from, &decoder.config, config.seed)?;
    let model = Model { adapter, ..Model::from(decoder) };
    let scorer = arguments
        .scorer
        .as_ref()
        .map(|spec| spec.build_on(None, arguments.model.backend, arguments.model.engine()));
    let scorer = scorer.transpose()?;
    let sampler = arguments.sampler.as_deref().map(|path| judges::registry().from_file(path));
    let sampler: Option<Recipe> = sampler.transpose()?;
    let (roles, named) = (arguments.saying.engines(&others)?, arguments.saying.scorers(&others)?);
    let work = arguments.out.join("work");
    std::fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
    let interrupt = Interrupt::listen(
        "stopping after this step; started again with the same options, the run goes on",
    )?;
    let mut bar = Bar::new("reinforce");
    let run = Reinforce::new(config).task(task).folder(&work).trains_on(train_backend(arguments));
    let mut run = run.watch(|progress| {
        let shown = bar.show(progress);
        if interrupt.goes_on() { shown } else { ControlFlow::Break(()) }
    });
    run = run.keep(|kept| {
        save(arguments, kept.model, &keeping::place(&arguments.out, kept.why, kept.step))?;
        keeping::note(&arguments.out, kept)
    });
    if let Some(reference) = &mut reference {
        run = run.reference(&mut **reference);
    }
    if let Some(scorer) = &scorer {
        run = run.scorer(scorer);
    }
    for (role, engine) in &roles {
        run = run.role(role, engine.generator());
    }
    for (name, scorer) in &named {
        run = run.scorer_named(name, scorer);
    }
    if !held_out.is_empty() {
        run = run.held_out(&held_out);
    }
    let learnt = match sampler {
        Some(sampler) => run.sampler(sampler).run(&mut *policy, model, &learn)?,
        None => run.run(&mut *policy, model, &learn)?,
    };
    write_charts(&work, "Reinforcement", &learnt.notes)?;
    if records {
        write_samples_page(
            &work.join("samples.html"),
            "Samples of reinforcement",
            &read_samples(&work)?,
        )?;
    }
    save(arguments, &learnt.model, &arguments.out)?;
    let mut out = std::io::stdout().lock();
    summary(&mut out, &learnt.notes)?;
    keeping::tell(&mut out, &arguments.out, &keep, &learnt.notes)?;
    if !learnt.complete {
        writeln!(out, "stopped before the end: started again with the same options, it goes on")?;
    }
    writeln!(out, "{}", arguments.out.display())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("reinforce", run(Arguments::parse()))
}
