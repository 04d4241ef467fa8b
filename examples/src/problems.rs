//! Problems of a command: of a file, as its fields say, or of a family, of one of its splits.
//!
//! Source: none.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tts_core::family::{Solved, Split, problems};
use tts_core::{Prompt, StepRule, Task, task};
use tts_search::evaluate::{DataSet, Item};
use tts_search::{FewShot, Hint};

use crate::Error;
use crate::data::{Asking, DataOptions, OF_A_FILE};
use crate::families::Families;
use crate::options::WritingOptions;

/// A part of a family's problems; no two have one in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose settings by.
    Validation,
    /// To report.
    Test,
}

/// Which problems.
#[derive(Debug, Args)]
pub struct ProblemOptions {
    /// Problems: JSON lines, a JSON list, a table, or Parquet (with the feature of that name); with the
    /// feature `hub`, an address such as `hf://openai/gsm8k/main/test`.
    #[arg(long, required_unless_present = "family")]
    pub data: Option<PathBuf>,
    /// Problems of a family instead.
    #[arg(long, conflicts_with = "data", conflicts_with_all = OF_A_FILE)]
    pub family: Option<Families>,
    /// Which of the family's. Default: train with --learn, else test.
    #[arg(long, requires = "family")]
    pub part: Option<Part>,
    /// What the fields of a file are.
    #[command(flatten)]
    pub fields: DataOptions,
    /// Only this many problems; 0 for all of a file, and 1,000 of a family.
    #[arg(long, default_value_t = 0)]
    pub limit: usize,
    /// Leaves out this many problems first.
    #[arg(long, default_value_t = 0)]
    pub skip: usize,
}

/// Problems of a family where nothing is said.
const OF_FAMILY: usize = 1_000;

/// Problems with their answers, and whose they are.
#[derive(Debug)]
pub struct Problems {
    /// The problems; of a family the mapping says nothing.
    pub data: DataSet,
    /// The family, and which of its problems.
    pub family: Option<(Families, Part)>,
    /// What to call them: the name of their file, or of their family.
    pub name: String,
}

impl ProblemOptions {
    /// Reads or draws them; `learnt` says whether they are to be learnt from.
    ///
    /// # Errors
    /// When the file cannot be read, or nothing is left.
    pub fn load(&self, learnt: bool) -> Result<Problems, Error> {
        let Self { data: Some(path), skip, limit, .. } = self else { return self.draw(learnt) };
        let mut data = self.fields.load(path)?;
        let count = data.items.len();
        data.items.drain(..(*skip).min(count));
        if *limit > 0 {
            data.items.truncate(*limit);
        }
        if data.items.is_empty() {
            let path = path.display();
            return Err(format!("{path}: --skip {skip} leaves none of {count} problems").into());
        }
        let name = path.file_stem().map_or("data".into(), |name| name.to_string_lossy());
        Ok(Problems { name: name.into_owned(), data, family: None })
    }

    fn draw(&self, learnt: bool) -> Result<Problems, Error> {
        let family = self.family.ok_or("--data or --family says which problems")?;
        let part = self.part.unwrap_or(if learnt { Part::Train } else { Part::Test });
        let count = if self.limit == 0 { OF_FAMILY } else { self.limit };
        let split = match part {
            Part::Train => Split::Train,
            Part::Validation => Split::Validation,
            Part::Test => Split::Test,
        };
        // The order is that of `reinforce` with its default seed.
        let own = family.family();
        let drawn = problems(&*own, split, 0).skip(self.skip).take(count);
        let items: Vec<Item> = drawn.map(|problem| Item::from(&problem)).collect();
        if items.is_empty() {
            let (name, skip) = (family.name(), self.skip);
            return Err(format!("--family {name}: --skip {skip} leaves no problems").into());
        }
        let data = DataSet { items, ..DataSet::default() };
        Ok(Problems { name: family.name(), data, family: Some((family, part)) })
    }
}

impl Problems {
    /// What an answer is: the family's checker, or a task by its name.
    ///
    /// # Errors
    /// When there is no such task.
    pub fn task(&self, named: Option<&str>) -> Result<Arc<dyn Task>, Error> {
        Ok(match self.family {
            Some((family, _)) => Arc::new(Solved(family.family())),
            None => task::by_name(named.unwrap_or("math"))?,
        })
    }

    /// Where steps end: as `rule` says, of a family with a line unless an option says something else.
    pub fn rule(&self, rule: StepRule, writing: &WritingOptions) -> StepRule {
        if self.family.is_none() || !writing.step.is_empty() {
            return rule;
        }
        StepRule { delimiters: StepRule::lines().delimiters, ..rule }
    }

    /// What they are, in one line.
    pub fn taken(&self) -> String {
        match self.family {
            Some((_, part)) => {
                let (name, count) = (&self.name, self.data.items.len());
                let part = part.to_possible_value();
                let part = part.as_ref().map_or("", |part| part.get_name());
                format!("{name}: {count} problems of its {part} split")
            }
            None => self.data.taken(),
        }
    }

    /// What settings say of a family; nothing of a file.
    pub fn settings(&self) -> Option<Value> {
        let (family, part) = self.family?;
        let part = part.to_possible_value()?.get_name().to_owned();
        Some(json!({ "name": family.name(), "part": part }))
    }
}

/// How problems are asked.
#[derive(Debug)]
pub struct Asks<'a> {
    problems: &'a Problems,
    asking: Asking<'a>,
    bare: Asking<'a>,
}

impl<'a> Asks<'a> {
    /// As the options say; without examples are those `bare` of worked ones, that is, with none.
    ///
    /// # Errors
    /// When the template of asking cannot be filled.
    pub fn of(
        problems: &'a Problems,
        writing: &'a WritingOptions,
        few_shot: Option<&'a FewShot>,
        bare: Option<&'a FewShot>,
    ) -> Result<Self, Error> {
        let prompting = &writing.prompting;
        let asking = Asking::of(prompting, few_shot, &problems.data)?;
        let bare = Asking::of(prompting, bare, &problems.data)?;
        Ok(Self { problems, asking, bare })
    }

    /// A question as a prompt.
    pub fn prompt(&self, question: &str) -> Prompt {
        match self.problems.family {
            Some((family, _)) => family.family().prompt(question),
            None => self.asking.prompt(question),
        }
    }

    /// The same without worked examples: what is learnt is to be done without them.
    pub fn plain(&self, question: &str) -> Prompt {
        match self.problems.family {
            Some((family, _)) => family.family().prompt(question),
            None => self.bare.prompt(question),
        }
    }

    /// A question with its answer shown.
    ///
    /// # Errors
    /// When the hint cannot be filled.
    pub fn hinted(&self, hint: &Hint, item: &Item) -> Result<Prompt, Error> {
        let Item { question, gold, .. } = item;
        Ok(match self.problems.family {
            Some((family, _)) => {
                let prompt = family.family().prompt(question);
                Prompt::text(hint.ask(prompt.question(), gold)?)
            }
            None => self.asking.prompt_by(question, |asked| hint.ask(asked, gold))?,
        })
    }
}
