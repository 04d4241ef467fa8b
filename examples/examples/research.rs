//! Deep research on a folder of documents: a report whose citations are checked, within a budget.
//!
//! `cargo run --release --example research -- --index FOLDER --model MODEL "QUESTION" --out report.html`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tts_core::{Budget, Mode, Prompt, Sampling, Scripted, Search, SearchError, StepRule, What};
use tts_examples::engines::Engines;
use tts_examples::files::{read_json, write_whole};
use tts_examples::options::ModelOptions;
use tts_examples::retrieval::EmbedOptions;
use tts_examples::support::judged_page;
use tts_examples::{Error, exit};
use tts_search::evaluate::check_writable;
use tts_search::research::atlas::{Atlas, Request};
use tts_search::research::{Assumptions, Estimate, Page, Parts, Progress, Research};
use tts_search::retrieve::{
    Cut, Folder, Memory, Passage, Retriever, SearchSettings, Searcher, visible,
};

/// What asks nothing of how much is found: there is no model, no research and no report.
const NOT_OF_RECALL: [&str; 31] = [
    "model",
    "tokenizer",
    "adapter",
    "backend",
    "weights",
    "key_values",
    "max_lines",
    "positions",
    "template_arg",
    "index",
    "web",
    "atlas",
    "store",
    "settings",
    "prompts",
    "rounds",
    "passages",
    "max_tokens",
    "temperature",
    "seed",
    "calls",
    "tokens",
    "seconds",
    "prompt_price",
    "generated_price",
    "speed",
    "judge_support",
    "estimate",
    "record",
    "out",
    "question",
];

/// Researches a question in a folder of documents, and writes a report with sources.
#[derive(Parser)]
// Who asks how much is found needs no model.
#[command(mut_arg("model", |arg| arg
    .required(false)
    .required_unless_present("recall")
    .default_value_if("recall", clap::builder::ArgPredicate::IsPresent, "none")))]
struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    embed: EmbedOptions,
    /// Folder of documents: text, Markdown, HTML, records as JSON lines or tables, PDF (with the feature `pdf`).
    #[arg(long, required_unless_present_any = ["atlas", "web", "recall"], conflicts_with = "atlas")]
    index: Option<PathBuf>,
    /// Instead of documents: a search engine on the web, its mapping as JSON (needs the feature `web`).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["atlas", "index", "embed"])]
    web: Option<PathBuf>,
    /// Instead of documents and a question: request number N of a made-up world, whose report is graded.
    #[arg(long, value_name = "N", conflicts_with = "embed")]
    atlas: Option<usize>,
    /// Instead of a research: how often what a question needs is found, on questions of `HotpotQA` and their paragraphs.
    #[arg(long, value_name = "FILE", conflicts_with_all = NOT_OF_RECALL)]
    recall: Option<PathBuf>,
    /// Keeps the index in this folder, and reads only what has changed (needs the feature `index`).
    #[arg(long, requires = "index")]
    store: Option<PathBuf>,
    /// Settings of the research as JSON; without, each part is one line and the report is mended once.
    #[arg(long)]
    settings: Option<PathBuf>,
    /// Folder of prompts (`plan.jinja` and others) in place of the settings'.
    #[arg(long)]
    prompts: Option<PathBuf>,
    /// Most steps of search and revision, in place of the settings'.
    #[arg(long)]
    rounds: Option<usize>,
    /// Passages of a search, at most.
    #[arg(long, default_value_t = 5)]
    passages: usize,
    /// Tokens of a line, at most.
    #[arg(long, default_value_t = 1024)]
    max_tokens: u32,
    /// Sampling temperature.
    #[arg(long, default_value_t = 0.7)]
    temperature: f32,
    /// Where all randomness comes from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Most requests to models and the search engine.
    #[arg(long)]
    calls: Option<u64>,
    /// Most generated tokens.
    #[arg(long)]
    tokens: Option<u64>,
    /// Seconds after which nothing more is begun: the lines that run then are waited for, and the latest draft is
    /// the report.
    #[arg(long)]
    seconds: Option<f64>,
    /// Money for a million tokens of prompts, for the estimate.
    #[arg(long, default_value_t = 0.0)]
    prompt_price: f64,
    /// Money for a million generated tokens, for the estimate.
    #[arg(long, default_value_t = 0.0)]
    generated_price: f64,
    /// Tokens that the model generates a second, for the estimate.
    #[arg(long, default_value_t = 0.0)]
    speed: f64,
    /// Asks the model, or the role `judge` of the models, of each sentence that cites whether what it cites supports it: so many
    /// times; 0 for not at all. These lines are beside the limits.
    #[arg(long, value_name = "TIMES", default_value_t = 0)]
    judge_support: usize,
    /// Says what it would take, and stops: no document is read, and no model.
    #[arg(long, conflicts_with_all = ["record", "judge_support", "rebuild_vectors"])]
    estimate: bool,
    /// Records the research here, and goes on from it after a crash.
    #[arg(long)]
    record: Option<PathBuf>,
    /// The page with the report, its sources and its history; `FILE.md` for the report and its sources as Markdown.
    #[arg(long, default_value = "report.html")]
    out: PathBuf,
    /// The question.
    #[arg(required_unless_present_any = ["atlas", "recall"], conflicts_with = "atlas")]
    question: Option<String>,
}

impl Arguments {
    fn research(&self) -> Result<Research, Error> {
        let mut research = match &self.settings {
            Some(path) => read_json(path)?,
            None => Research { parts: Parts { mend: 1, ..Parts::plain() }, ..Research::default() },
        };
        if let Some(folder) = &self.prompts {
            research.parts.prompts = research.parts.prompts.with_folder(folder)?;
        }
        research.rounds = self.rounds.unwrap_or(research.rounds);
        Ok(research)
    }

    /// [`ModelOptions::refuse_idle`]; an encoder has the threads, too.
    fn refuse_idle(&self, engines: &Engines) -> Result<(), Error> {
        let threads = if self.embed.embed.is_some() { 0 } else { self.model.threads };
        ModelOptions { threads, ..self.model.clone() }.refuse_idle(engines)
    }

    fn budget(&self) -> Budget {
        let (calls, generated_tokens, wall) = (self.calls, self.tokens, self.seconds);
        Budget { calls, generated_tokens, wall, mode: Mode::Hard, ..Budget::default() }
    }

    /// What an estimate assumes.
    fn assumed(&self, rule: &StepRule, problem: &Prompt) -> Assumptions {
        Assumptions {
            rule: rule.clone(),
            problem: problem.clone(),
            passages: self.passages,
            prompt_price: self.prompt_price,
            generated_price: self.generated_price,
            tokens_per_second: self.speed,
            budget: self.budget(),
            ..Assumptions::default()
        }
    }

    /// What is searched, and what is said of it.
    fn searcher(&self, out: &mut impl Write) -> Result<Searched, Error> {
        let settings = SearchSettings { most: self.passages, ..SearchSettings::default() };
        if let Some(mapping) = &self.web {
            return on_the_web(mapping, &settings, out);
        }
        let Some(folder) = &self.index else {
            return Ok(Searched::alone(Searcher::new(world().retriever(), settings)?));
        };
        // What is wrong with it is said before a large folder is read.
        let encoder = self.embed.open(self.model.threads, self.store.as_deref())?;
        if let Some(store) = &self.store {
            let (words, passages) = stored(store, folder, encoder.is_some(), out)?;
            let found = self.embed.join(words, passages, encoder, Some(store), out)?;
            return Ok(Searched::alone(Searcher::new(found, settings)?));
        }
        let read = Folder::read(folder)?;
        skipped(out, &read.skipped)?;
        let memory = Memory::of(&read.documents, Cut::default());
        writeln!(out, "index     {} passages of {} documents", memory.len(), read.documents.len())?;
        if memory.is_empty() {
            return Err(format!("{}: nothing to search in", folder.display()).into());
        }
        let passages = if encoder.is_some() { memory.passages().to_vec() } else { Vec::new() };
        let found = self.embed.join(memory, passages, encoder, None, out)?;
        Ok(Searched::alone(Searcher::new(found, settings)?))
    }
}

/// What is searched.
struct Searched {
    searcher: Searcher,
    /// What a reader should know of it when the research is over.
    notes: Box<dyn Fn() -> Vec<String>>,
}

impl Searched {
    /// One of which nothing is to be said.
    fn alone(searcher: Searcher) -> Self {
        Self { searcher, notes: Box::new(Vec::new) }
    }
}

/// The made-up world.
fn world() -> Atlas {
    Atlas::new(7, 1_000)
}

fn skipped(out: &mut impl Write, skipped: &[(PathBuf, String)]) -> Result<(), Error> {
    for (path, why) in skipped {
        writeln!(out, "skipped   {}: {why}", path.display())?;
    }
    Ok(())
}

#[cfg(feature = "web")]
fn on_the_web(
    mapping: &std::path::Path,
    settings: &SearchSettings,
    out: &mut impl Write,
) -> Result<Searched, Error> {
    let web: tts_search::retrieve::WebSettings = read_json(mapping)?;
    writeln!(out, "search    {}", web.url)?;
    // Its own repetitions must fit.
    let timeout = settings.timeout.max(web.patience());
    let opens = web.pages.is_some();
    let web = Arc::new(tts_search::retrieve::Web::new(web)?);
    let settings = SearchSettings { timeout, ..settings.clone() };
    let searcher = Searcher::new(Arc::clone(&web), settings)?;
    let notes = move || -> Vec<String> {
        let opened = web.opened();
        let all = format!("{} pages were opened, {} bytes.", opened.pages, opened.bytes);
        let failed = opened.failed.into_iter().map(|(place, why)| {
            format!("Not opened, and shown as the search engine has it: {place}: {why}")
        });
        let more = (opened.untold > 0).then(|| {
            format!("{} more pages were not opened, for reasons that are not told.", opened.untold)
        });
        opens.then_some(all).into_iter().chain(failed).chain(more).collect()
    };
    Ok(Searched { searcher, notes: Box::new(notes) })
}

#[cfg(not(feature = "web"))]
fn on_the_web(
    _: &std::path::Path,
    _: &SearchSettings,
    _: &mut impl Write,
) -> Result<Searched, Error> {
    Err("--web needs a program with the feature `web`: cargo run --features web ...".into())
}

/// An index on disk, and, if they are asked for, its passages.
type Stored = (Arc<dyn Retriever>, Vec<Passage>);

#[cfg(feature = "index")]
fn stored(
    store: &std::path::Path,
    folder: &std::path::Path,
    with_passages: bool,
    out: &mut impl Write,
) -> Result<Stored, Error> {
    use tts_search::retrieve::{Index, IndexSettings};
    let index = Index::on_disk(store, IndexSettings::default())?;
    let updated = index.update(folder)?;
    skipped(out, &updated.skipped)?;
    writeln!(
        out,
        "index     {} passages; files: {} read, {} as before, {} gone",
        index.len(),
        updated.read,
        updated.same,
        updated.gone
    )?;
    if index.is_empty() {
        return Err(format!("{}: nothing to search in", folder.display()).into());
    }
    let passages = if with_passages { index.passages()? } else { Vec::new() };
    Ok((Arc::new(index), passages))
}

#[cfg(not(feature = "index"))]
fn stored(
    _: &std::path::Path,
    _: &std::path::Path,
    _: bool,
    _: &mut impl Write,
) -> Result<Stored, Error> {
    Err("--store needs an index on disk: build with --features index".into())
}

/// Shows the report, what it cites, and what a reader should know.
fn show(page: &Page<'_>, out: &mut impl Write) -> Result<(), Error> {
    // What pages and models wrote is shown, and never obeyed by the terminal.
    writeln!(out, "\n{}\n", visible(&page.checked().text))?;
    for (number, passage) in page.trail().sources.iter() {
        if page.checked().cited().contains(&number) {
            let [id, title] =
                [&passage.id, &passage.title].map(|text| visible(text).replace('\n', " "));
            writeln!(out, "[{number}] {id} {title}")?;
        }
    }
    for note in page.notes() {
        writeln!(out, "note      {}", visible(note))?;
    }
    Ok(())
}

/// What is researched: a request of Atlas, or the question that was given.
fn asked(request: Option<&Request>, question: Option<&str>) -> Result<Prompt, Error> {
    match (request, question) {
        (Some(request), _) => Ok(request.prompt()),
        (None, Some(question)) => Ok(Prompt::from(question)),
        (None, None) => Err("no question".into()),
    }
}

/// What of a request of Atlas is right.
fn grade(request: &Request, page: &Page<'_>, out: &mut impl Write) -> Result<(), Error> {
    let right = request.right(&page.checked().text);
    let supported = request.supported(&page.checked().text, &page.trail().sources);
    let all = request.slots().len();
    writeln!(out, "graded    {right} of {all} right, {supported} supported")?;
    Ok(())
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    if let Some(questions) = &arguments.recall {
        return arguments.embed.recall(questions, arguments.model.threads, &mut out);
    }
    // Everything that can be wrong with the request is found before the model is read.
    let research = arguments.research()?;
    check_writable(&arguments.out)?;
    let request: Option<Request> = arguments.atlas.map(|number| world().request(number));
    let prompt = asked(request.as_ref(), arguments.question.as_deref())?;
    let rule = StepRule {
        delimiters: Vec::new(),
        max_step_tokens: arguments.max_tokens,
        max_tokens: arguments.max_tokens,
        ..StepRule::default()
    };
    let assumed = arguments.assumed(&rule, &prompt);
    let role = research.parts.search.clone();
    writeln!(out, "estimate  {}", Estimate::of(&research, &role, &assumed)?)?;
    if arguments.estimate {
        return Ok(());
    }
    let Searched { searcher, notes } = arguments.searcher(&mut out)?;
    let engines = arguments.model.open()?;
    arguments.refuse_idle(&engines)?;
    writeln!(out, "model     {}", engines.policy.describe())?;
    out.flush()?;

    let bar = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}")?);
    let others = engines.others.iter();
    let mut search = others
        .fold(Search::new(engines.policy.generator()), |search, (name, engine)| {
            search.role(name, engine.generator())
        })
        .role(&role, &searcher)
        .rule(rule)
        .sampling(Sampling::temperature(arguments.temperature))
        .budget(arguments.budget())
        .seed(arguments.seed)
        .observer(|event| {
            if let What::Asked { .. } = event.what {
                let progress = Progress::of(event.tree, event.usage.logical, &role);
                bar.set_message(visible(&progress.to_string()));
            }
            bar.tick();
        });
    if let Some(record) = &arguments.record {
        search = search.record(record);
    }
    // What was written until then is shown whatever ended it.
    let (outcome, mut failed) = match search.run(Scripted::of(research), prompt) {
        Ok(outcome) => (outcome, None),
        Err(SearchError { kind, partial: Some(partial) }) => (*partial, Some(kind.to_string())),
        Err(error) => return Err(error.into()),
    };
    drop(search);
    bar.finish_and_clear();

    let mut page = Page::of(&outcome, &role);
    if let Some(failed) = &failed {
        page = page.note(format!("The research failed: {failed}"));
    }
    for note in notes() {
        page = page.note(note);
    }
    let mut judged = None;
    if arguments.judge_support > 0 {
        let judge = engines.others.get("judge").unwrap_or(&engines.policy).generator();
        let bar = ProgressBar::new(0)
            .with_style(ProgressStyle::with_template("{elapsed} {pos} of {len} sentences judged")?);
        let (times, seed) = (arguments.judge_support, arguments.seed);
        let (noted, found) = judged_page(page, judge, times, seed, |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        page = noted;
        // A judge that fails takes no report with it.
        match found {
            Ok(found) => judged = Some(found),
            Err(error) => {
                failed.get_or_insert(format!("the judge of support: {error}"));
            }
        }
    }
    let markdown = arguments.out.extension().is_some_and(|ending| ending == "md");
    let text = if markdown { page.markdown() } else { page.html()? };
    write_whole(&arguments.out, text.as_bytes())?;
    show(&page, &mut out)?;
    if let Some(request) = &request {
        grade(request, &page, &mut out)?;
    }
    let done = Progress::of(&outcome.tree, outcome.usage.logical, &role);
    writeln!(out, "cost      {}", visible(&done.to_string()))?;
    if let Some(judged) = &judged {
        judged.write(&mut out)?;
    }
    for used in engines.used() {
        writeln!(out, "server    {used}")?;
    }
    writeln!(out, "page      {}", arguments.out.display())?;
    match failed {
        Some(failed) => Err(failed.into()),
        None => Ok(()),
    }
}

fn main() -> ExitCode {
    exit("research", run(&Arguments::parse()))
}
