//! The trained writer: one small decoder that learns every part of a research on Atlas from what its agents wrote.
//!
//! Agents with errors research other worlds than those that are measured, by the plan's own methods; each line of theirs
//! is a lesson, prompt and text, and those that are right are kept ([`atlas::Lesson`]). Words that stand in the lessons of every world
//! are tokens, made-up names are cut into syllables, so that what is learnt is to find and to copy. All parts are one
//! model, told apart by their prompts alone, and what comes out is a model's folder as any other.
//!
//! Source: sequence-level distillation, Kim and Rush 2016 (arXiv 1606.07947); see [`atlas::lessons`] for the errors.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tts_core::toy::Sample;
use tts_core::{Generator, Prompt, Sampling, Search, StepRule, seed};
use tts_models::train::{Bar, Example, History, Model, TrainConfig, Trainer};
use tts_models::weights::Dtype;
use tts_models::{DecoderWeights, ModelConfig, TextSide};
use tts_search::research::atlas::{self, Atlas, Lesson};
use tts_search::retrieve::{SearchSettings, Searcher};

use super::{Arm, Careless};
use crate::Error;
use crate::experiment::Shape;
use crate::files::write_whole;

/// Ends what a part writes.
const END: &str = "<|end|>";

/// What stands around the sections of a prompt and in records, a token each.
const MARKS: [&str; 8] = ["\nQ: ", "\nA: ", "\n[", "]\n| ", " > ", ": ", "; ", " ["];

/// Sections of prompts.
const SECTIONS: [&str; 7] = ["question", "draft", "known", "sources", "asked", "text", "critique"];

/// Parts of a research that agents play.
const PARTS: usize = 10;

/// How a writer learns. Everything that decides the result stands here, and in the arms whose lines it learns from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriterConfig {
    /// Where worlds and weights come from.
    pub seed: u64,
    /// Worlds that are learnt from; one more is held out.
    pub worlds: usize,
    /// Paragraphs of a world.
    pub paragraphs: usize,
    /// Requests of each world.
    pub requests: usize,
    /// Rates of errors of those that are learnt from.
    pub agents: Vec<Careless>,
    /// Whether lines with errors are learnt, too.
    pub keep_wrong: bool,
    /// Lessons of the world that is held out, at most, which the writer is measured on: those that are right.
    pub held_out: usize,
    /// Its size.
    pub shape: Shape,
    /// Tokens of a prompt and what is written behind it, at most: longer lessons are left out.
    pub positions: usize,
    /// How it is trained.
    pub train: TrainConfig,
}

impl Default for WriterConfig {
    /// 1.1 million parameters, on 16 worlds.
    fn default() -> Self {
        Self {
            seed: 1,
            worlds: 16,
            paragraphs: 1_000,
            requests: 30,
            agents: vec![
                Careless { misread: 0.0, stray: 0.0 },
                Careless { misread: 0.15, stray: 0.1 },
            ],
            keep_wrong: false,
            held_out: 400,
            shape: Shape { width: 128, layers: 5, heads: 4 },
            positions: 1_024,
            train: TrainConfig {
                steps: 5_000,
                batch: 16,
                learning_rate: 2e-3,
                warmup: 100,
                evaluate_every: 250,
                checkpoint_every: 250,
                ..TrainConfig::default()
            },
        }
    }
}

/// A writer that has learnt.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Losses.
    pub history: History,
    /// Lessons that it learnt from, by part.
    pub lessons: BTreeMap<&'static str, usize>,
    /// Lessons that were left out because they were wrong, or too long.
    pub left_out: [usize; 2],
    /// Lessons of a world that it did not see, of those that are right and short enough.
    pub held_out: Vec<Lesson>,
    /// Lessons of that world that are right, and too long to be measured.
    pub unmeasured: usize,
    /// Weights.
    pub parameters: u64,
}

/// Of lessons that were held out, those whose text the writer writes exactly, and all, by part.
pub type Exact = BTreeMap<&'static str, (usize, usize)>;

/// Lessons, and how many were wrong.
#[derive(Default)]
struct Lessons {
    kept: Vec<Lesson>,
    wrong: usize,
    /// Words of each world.
    words: Vec<BTreeSet<String>>,
}

impl WriterConfig {
    /// Refuses what cannot be learnt from, and to learn from a world that is measured.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self, measured: &[u64]) -> Result<(), Error> {
        let least = [
            ("worlds", self.worlds, 2),
            ("requests", self.requests, 1),
            ("agents", self.agents.len(), 1),
            ("held_out", self.held_out, 1),
        ];
        if let Some((field, value, least)) =
            least.into_iter().find(|(_, value, least)| value < least)
        {
            return Err(format!("learn.{field} is {value}, expected at least {least}").into());
        }
        for (number, careless) in self.agents.iter().enumerate() {
            careless.check(&format!("learn.agents[{number}]"))?;
        }
        super::plan::asked("learn.requests", self.requests, self.paragraphs)?;
        let seen = (0..=self.worlds).map(|number| self.world(number));
        match seen.into_iter().find(|seed| measured.contains(seed)) {
            Some(seed) => Err(format!("learn.seed: world {seed} is one that is measured").into()),
            None => Ok(()),
        }
    }

    /// The seed of a world.
    fn world(&self, number: usize) -> u64 {
        seed::mix(self.seed, 1_000 + number as u64)
    }

    /// What was written on a world, each lesson once.
    fn lessons(&self, arms: &[Arm], number: usize, lessons: &mut Lessons) -> Result<(), Error> {
        let world = Atlas::new(self.world(number), self.paragraphs);
        let searcher = Searcher::new(world.retriever(), SearchSettings::default())?;
        let prompts = atlas::prompts();
        let (mut known, mut words) = (HashSet::new(), BTreeSet::new());
        for careless in &self.agents {
            for arm in arms {
                let asked = (0..self.requests).map(|request| world.request(request).prompt());
                let search = Search::new(careless.agents())
                    .role("search", &searcher)
                    .rule(super::whole(u32::try_from(self.positions).unwrap_or(u32::MAX)))
                    .seed(self.world(number));
                for outcome in search.run_many(&arm.recipe(Some(&prompts))?, asked) {
                    for lesson in atlas::lessons(&outcome?.tree) {
                        let key = seed::hash_text(seed::hash_text(0, &lesson.prompt), &lesson.text);
                        if !known.insert(key) {
                            continue;
                        }
                        if self.keep_wrong || lesson.is_right() {
                            words.extend(letters(&lesson.prompt).map(str::to_owned));
                            words.extend(letters(&lesson.text).map(str::to_owned));
                            lessons.kept.push(lesson);
                        } else {
                            lessons.wrong += 1;
                        }
                    }
                }
            }
        }
        lessons.words.push(words);
        Ok(())
    }

    /// Teaches a writer what agents write by the methods of these arms, in a folder that then holds a model as any other: it has the
    /// checkpoints, too, from which a run that was killed goes on.
    ///
    /// # Errors
    /// When there is nothing to learn, a setting is wrong, or a file cannot be read or written.
    pub fn teach(&self, arms: &[Arm], folder: &Path) -> Result<Written, Error> {
        self.check(&[])?;
        let (mut lessons, mut unseen) = (Lessons::default(), Lessons::default());
        for number in 0..self.worlds {
            self.lessons(arms, number, &mut lessons)?;
        }
        self.lessons(arms, self.worlds, &mut unseen)?;
        // Beside the checkpoints, until there is a model that it belongs to.
        let work = folder.join("work");
        let text = tokenizer(&lessons.words, &work.join("text"))?;
        let positions = self.positions;
        let fits = |lesson: &Lesson| -> Result<Option<Example>, Error> {
            Ok(Some(example(&text, lesson)?).filter(|example| example.tokens.len() <= positions))
        };
        let (mut data, mut counts, mut long) = (Vec::new(), BTreeMap::new(), 0);
        for lesson in &lessons.kept {
            match fits(lesson)? {
                Some(example) => {
                    data.push(example);
                    *counts.entry(lesson.part).or_default() += 1;
                }
                None => long += 1,
            }
        }
        // A few of each part, whatever there is most of; the writer is measured on nothing that it should not have learnt.
        unseen.kept.retain(Lesson::is_right);
        seed::rng(self.seed).shuffle(&mut unseen.kept);
        let each = self.held_out.div_ceil(PARTS);
        let (mut held_out, mut measured, mut unmeasured) = (Vec::new(), Vec::new(), 0);
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        for lesson in unseen.kept {
            let Some(example) = fits(&lesson)? else {
                unmeasured += 1;
                continue;
            };
            let taken = taken.entry(lesson.part).or_default();
            if *taken < each && held_out.len() < self.held_out {
                *taken += 1;
                measured.push(example);
                held_out.push(lesson);
            }
        }
        let shape = ModelConfig {
            max_position_embeddings: positions,
            ..self.shape.config(text.tokenizer.vocab_size())
        };
        let parameters = shape.active_parameters();
        let model = Model::from(DecoderWeights::initial(shape, self.seed)?);
        let mut bar = Bar::new("writer");
        let trained = Trainer::new(self.train.clone())
            .checkpoints(&work)
            .held_out(&measured)
            .watch(|progress| bar.show(progress))
            .train(model, &data)?;
        trained.history.write_chart("A writer of Atlas", &folder.join("loss.svg"))?;
        trained.model.decoder.save_as(folder, Dtype::F16, &[])?;
        let (made, own) = (work.join("text/tokenizer.json"), folder.join("tokenizer.json"));
        let made = std::fs::read(&made).map_err(|error| format!("{}: {error}", made.display()))?;
        write_whole(&own, &made)?;
        let left_out = [lessons.wrong, long];
        let lessons = counts;
        let history = trained.history;
        Ok(Written { history, lessons, left_out, held_out, unmeasured, parameters })
    }
}

/// Words of letters.
fn letters(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty())
}

/// Writes the tokenizer of these worlds into a folder, and reads it.
fn tokenizer(worlds: &[BTreeSet<String>], folder: &Path) -> Result<TextSide, Error> {
    let (first, rest) = worlds.split_first().ok_or("no world to learn from")?;
    // Made-up names are of one world.
    let everywhere = |word: &&String| rest.iter().all(|world| world.contains(*word));
    let words: Vec<String> = first.iter().filter(everywhere).cloned().collect();
    let sections = SECTIONS.iter().flat_map(|name| [format!("\n<{name}>"), format!("\n</{name}>")]);
    let marks = MARKS.iter().map(|mark| (*mark).to_owned());
    let parts: Vec<String> = sections.chain(marks).chain(atlas::syllables()).collect();
    let json = tts_models::text::tokenizer::words(&words, &parts, &[END])?;
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    write_whole(&folder.join("tokenizer.json"), json.as_ref())?;
    Ok(TextSide::read(folder)?)
}

/// A lesson as it is learnt: the prompt as the engine reads it, which is not learnt, then the text and its end.
fn example(text: &TextSide, lesson: &Lesson) -> Result<Example, Error> {
    let mut tokens = text.prompt_tokens(&Prompt::from(lesson.prompt.as_str()))?;
    let first = tokens.len();
    tokens.extend(text.tokenizer.encode(&lesson.text, false)?);
    let end = text.tokenizer.id(END).ok_or_else(|| format!("the tokenizer has no {END}"))?;
    tokens.push(end);
    Ok(Example::continuation(tokens, first))
}

impl Written {
    /// How often a model writes exactly what a lesson that was held out has, where it takes the most probable token each time.
    ///
    /// # Errors
    /// When the model fails.
    pub fn exact(&self, model: &dyn Generator, rule: &StepRule) -> Result<Exact, Error> {
        let search = Search::new(model).rule(rule.clone()).sampling(Sampling::greedy());
        let asked = self.held_out.iter().map(|lesson| Prompt::from(lesson.prompt.as_str()));
        let mut exact = Exact::new();
        for (lesson, outcome) in self.held_out.iter().zip(search.run_many(&Sample { n: 1 }, asked))
        {
            let said = outcome?.text().unwrap_or_default();
            let (right, all) = exact.entry(lesson.part).or_default();
            *right += usize::from(said == lesson.text);
            *all += 1;
        }
        Ok(exact)
    }
}
