//! Options that say what the fields of a data file are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Args;
use tts_core::Prompt;
use tts_search::FewShot;
use tts_search::evaluate::{self, DataSet, EvaluateError, Mapping};

use crate::files::read_json;
use crate::options::PromptOptions;
use crate::{Error, hub};

/// Options of problems of a file, which problems of a family have no use for: fields, and the way of asking.
pub const OF_A_FILE: [&str; 13] = [
    "few_shot",
    "shots",
    "system",
    "raw",
    "dataset",
    "mapping",
    "question_field",
    "question_template",
    "answer_field",
    "choices_field",
    "id_field",
    "ask",
    "task",
];

/// What the fields of a data file are; see `docs/data.md`.
#[derive(Debug, Args)]
pub struct DataOptions {
    /// The data set, which decides fields, task and the way of asking: gsm8k, math-500, aime, svamp, mmlu,
    /// countdown, hotpotqa or plain. Default: told by the fields of the first record.
    #[arg(long)]
    pub dataset: Option<String>,
    /// The mapping as a JSON file, see `tts_search::evaluate::Mapping`; other options go before it.
    #[arg(long)]
    pub mapping: Option<PathBuf>,
    /// Field of the question; several, separated by commas, are joined.
    #[arg(long)]
    pub question_field: Option<String>,
    /// The question as a Jinja template over the fields, such as `{{ passage }} {{ query }}`.
    #[arg(long, conflicts_with = "question_field")]
    pub question_template: Option<String>,
    /// Field of the answer; what stands behind `####` counts, where there is one.
    #[arg(long)]
    pub answer_field: Option<String>,
    /// Field of the choices, a list: they get letters, and the answer is one.
    #[arg(long)]
    pub choices_field: Option<String>,
    /// Field of the problem's name, for reports.
    #[arg(long)]
    pub id_field: Option<String>,
    /// How a question is asked, a Jinja template such as `{{ question }} Think first.`; not with --few-shot.
    #[arg(long)]
    pub ask: Option<String>,
}

impl DataOptions {
    /// What they say together.
    ///
    /// # Errors
    /// When the file of the mapping cannot be read, or something of it means nothing.
    pub fn mapping(&self) -> Result<Mapping, Error> {
        let mut mapping = match &self.mapping {
            None => Mapping::default(),
            Some(path) => read_json(path)?,
        };
        let named = Mapping::fields(self.question_field.as_deref(), self.answer_field.as_deref());
        if self.question_field.is_some() || self.question_template.is_some() {
            mapping.question = named.question;
            mapping.question_template.clone_from(&self.question_template);
        }
        let put = |field: &mut Option<String>, said: Option<&String>| {
            if let Some(said) = said {
                *field = Some(said.clone());
            }
        };
        put(&mut mapping.answer, named.answer.as_ref());
        put(&mut mapping.choices, self.choices_field.as_ref());
        put(&mut mapping.id, self.id_field.as_ref());
        put(&mut mapping.ask, self.ask.as_ref());
        mapping.dataset = self.dataset.clone().unwrap_or(mapping.dataset);
        mapping.check()?;
        Ok(mapping)
    }

    /// The problems of a file, or of all files at an address of the hub.
    ///
    /// # Errors
    /// When the options mean nothing, or the file cannot be read as they say.
    pub fn load(&self, path: &Path) -> Result<DataSet, Error> {
        self.load_by(path, evaluate::load)
    }

    /// Questions of a file whose right answers nobody knows: fields of anything else are those of other files.
    ///
    /// # Errors
    /// As [`DataOptions::load`].
    pub fn load_open(&self, path: &Path) -> Result<DataSet, Error> {
        self.load_by(path, |path, mapping| {
            let Mapping { question, question_template, ask, .. } = mapping.clone();
            let own = Mapping { question, question_template, ask, ..Mapping::default() };
            evaluate::load_open(path, &own)
        })
    }

    /// As [`DataOptions::load`], with a field that says how hard each problem is.
    ///
    /// # Errors
    /// As [`DataOptions::load`], and when a problem does not say how hard it is.
    pub fn load_graded(&self, path: &Path, difficulty: Option<&str>) -> Result<DataSet, Error> {
        self.load_by(path, |path, mapping| {
            let own = difficulty.map(str::to_owned).or_else(|| mapping.difficulty.clone());
            evaluate::load(path, &Mapping { difficulty: own, ..mapping.clone() })
        })
    }

    fn load_by(
        &self,
        path: &Path,
        load: impl Fn(&Path, &Mapping) -> Result<DataSet, EvaluateError>,
    ) -> Result<DataSet, Error> {
        let mut data = DataSet { mapping: self.mapping()?, ..DataSet::default() };
        for file in hub::data(path)? {
            // The first file decides for all.
            let more = load(&file, &data.mapping)?;
            data.items.extend(more.items);
            data.mapping = more.mapping;
        }
        Ok(data)
    }
}

/// How questions of a data set are asked: with worked examples as these are written, else as the data set's
/// mapping says.
#[derive(Debug)]
pub struct Asking<'a> {
    options: &'a PromptOptions,
    few_shot: Option<&'a FewShot>,
    asked: HashMap<String, String>,
}

impl<'a> Asking<'a> {
    /// For all questions of a data set.
    ///
    /// # Errors
    /// When the template of asking cannot be filled.
    pub fn of(
        options: &'a PromptOptions,
        few_shot: Option<&'a FewShot>,
        data: &DataSet,
    ) -> Result<Self, Error> {
        let questions = data.items.iter().map(|item| item.question.as_str()).chain(["..."]);
        let asked = questions.map(|question| {
            let asked = data.mapping.asked(question).map_err(Error::from);
            Ok((question.to_owned(), asked?))
        });
        let asked = if few_shot.is_some() {
            HashMap::new()
        } else {
            asked.collect::<Result<_, Error>>()?
        };
        Ok(Self { options, few_shot, asked })
    }

    /// A question as a prompt.
    pub fn prompt(&self, question: &str) -> Prompt {
        let asked = self.asked.get(question).map_or(question, String::as_str);
        self.options.prompt(self.few_shot, asked)
    }

    /// The same, of what `change` makes of the question as it is asked.
    ///
    /// # Errors
    /// That of `change`.
    pub fn prompt_by(
        &self,
        question: &str,
        change: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Prompt, Error> {
        let asked = self.asked.get(question).map_or(question, String::as_str);
        Ok(self.options.prompt(self.few_shot, &change(asked)?))
    }
}
