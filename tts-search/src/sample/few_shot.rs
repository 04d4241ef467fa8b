//! Few-shot prompts: worked examples before the question, so that a base model reasons aloud.
//!
//! ```text
//! Question: A box holds 6 eggs. How many eggs are in 4 boxes?
//! Answer: Each box holds 6 eggs.
//! 4 boxes hold 4 * 6 = 24 eggs.
//! The answer is 24.
//! <blank line>
//! Question: ...the question...
//! Answer:
//! ```
//!
//! The model goes on in the same form: steps are lines, a blank line or the next `Question:` ends
//! the solution ([`FewShot::rule`]), and the answer stands after "The answer is". Any strategy runs
//! on such a prompt; with [`crate::ChainOfThought`] it is the method of the paper.
//!
//! Examples are records ([`tts_core::rows`]: JSON lines, say), in any of these forms:
//!
//! ```text
//! {"question": "...", "answer": "steps, then: The answer is 24."}
//! {"question": "...", "answer": "4 * 6 = <<4*6=24>>24 eggs.\n#### 24"}        GSM8K
//! {"problem": "...", "solution": "... \\boxed{24}"}                            MATH
//! ```
//!
//! Cost: no calls. The examples are read by the model once, and then found in its cache.
//!
//! Source: Wei et al. 2022 (arXiv 2201.11903), section 3.1: 8 examples. The built-in ones are not
//! the paper's.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tts_core::rows::{self, RowError};
use tts_core::{Prompt, StepRule};

/// A question and its solution, written out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What is asked.
    pub question: String,
    /// The steps, a line each, and the answer.
    pub answer: String,
}

/// Worked examples that go before a question.
///
/// ```
/// use tts_core::Search;
/// use tts_search::{ChainOfThought, FewShot};
///
/// let examples = FewShot::default().take(2);
/// let prompt = examples.prompt("What is 3 + 4?");
/// assert!(prompt.question().ends_with("\n\nQuestion: What is 3 + 4?\nAnswer:"));
/// # fn run(model: &dyn tts_core::Generator, prompt: tts_core::Prompt)
/// #     -> Result<tts_core::Outcome, tts_core::SearchError> {
/// Search::new(model).rule(FewShot::rule()).run(ChainOfThought {}, prompt)
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FewShot {
    /// The examples, in the order in which they are shown.
    pub examples: Vec<Example>,
}

/// Examples that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FewShotError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// What a file holds is not a list of examples.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<FewShotError>,
    },
    /// A record is not an example.
    #[error(transparent)]
    Row(#[from] RowError),
    /// No record holds an example.
    #[error("no examples: every line is blank")]
    Empty,
}

impl FewShot {
    /// Reads examples, such as one JSON object a line. Blank lines are skipped.
    ///
    /// ```
    /// use tts_search::FewShot;
    /// let row = r#"{"question": "2 + 2?", "answer": "2 + 2 = <<2+2=4>>4\n#### 4"}"#;
    /// let examples = FewShot::parse(row)?.examples;
    /// assert_eq!(examples[0].answer, "2 + 2 = 4\nThe answer is 4.");
    /// # Ok::<(), tts_search::FewShotError>(())
    /// ```
    ///
    /// # Errors
    /// When a record is not an example, with its place; when there is none.
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Self, FewShotError> {
        let mut examples = Vec::new();
        for record in rows::parse(bytes.as_ref())? {
            let bad = |problem: String| FewShotError::Row(record.wrong(problem));
            let [question, answer, problem, solution] =
                ["question", "answer", "problem", "solution"].map(|name| record.text(name));
            let example = match (question?, answer?, problem?, solution?) {
                (Some(question), Some(answer), ..) => Example::new(&question, &gsm8k(&answer)),
                (.., Some(problem), Some(solution)) => Example::new(&problem, &solution),
                _ => {
                    return Err(
                        bad("expected question and answer, or problem and solution".into()),
                    );
                }
            };
            for (name, text) in [("question", &example.question), ("answer", &example.answer)] {
                if text.is_empty() {
                    return Err(bad(format!("the {name} is blank")));
                }
            }
            examples.push(example);
        }
        if examples.is_empty() { Err(FewShotError::Empty) } else { Ok(Self { examples }) }
    }

    /// Reads examples from a file.
    ///
    /// # Errors
    /// As [`FewShot::parse`], with the name of the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, FewShotError> {
        let path = path.as_ref();
        let io = |source| FewShotError::Io { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(io)?;
        let file = |error| FewShotError::File { path: path.to_owned(), source: Box::new(error) };
        Self::parse(&bytes).map_err(file)
    }

    /// The first `k` examples only.
    #[must_use]
    pub fn take(mut self, k: usize) -> Self {
        self.examples.truncate(k);
        self
    }

    /// The examples, then the question. It ends in `Answer:` without a space: tokenizers put the
    /// space before a word into the word's own token.
    pub fn prompt(&self, question: &str) -> Prompt {
        let shown = |example: &Example| {
            format!("Question: {}\nAnswer: {}\n\n", example.question, example.answer)
        };
        let text: String = self.examples.iter().map(shown).collect();
        Prompt::text(text + &format!("Question: {}\nAnswer:", question.trim()))
    }

    /// Where steps and solutions end in a continuation of [`FewShot::prompt`].
    pub fn rule() -> StepRule {
        StepRule { stop: vec!["\n\n".into(), "Question:".into()], ..StepRule::lines() }
    }
}

impl Example {
    /// Blank lines are closed up: in the prompt they end an example.
    fn new(question: &str, answer: &str) -> Self {
        let close = |text: &str| {
            let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
            lines.collect::<Vec<_>>().join("\n").trim().to_owned()
        };
        Self { question: close(question), answer: close(answer) }
    }
}

/// A solution without GSM8K's calculator marks, with its answer in words.
fn gsm8k(answer: &str) -> String {
    let mut text = String::new();
    let mut rest = answer;
    while let Some((before, after)) = rest.split_once("<<") {
        // Marks that are not closed are text.
        let Some((_, after)) = after.split_once(">>") else { break };
        text += before;
        rest = after;
    }
    text += rest;
    match text.rsplit_once("####") {
        Some((steps, number)) => format!("{steps}\nThe answer is {}.", number.trim()),
        None => text,
    }
}

impl Default for FewShot {
    /// Eight word problems with one to three steps each.
    fn default() -> Self {
        let example = |(question, answer): &(&str, &str)| Example::new(question, answer);
        Self { examples: BUILT_IN.iter().map(example).collect() }
    }
}

const BUILT_IN: [(&str, &str); 8] = [
    (
        "A box holds 6 eggs. Nora buys 4 boxes and breaks 3 eggs on the way home. How many whole \
         eggs does she have?",
        "4 boxes hold 4 * 6 = 24 eggs.\nWithout the broken ones 24 - 3 = 21 are left.\n\
         The answer is 21.",
    ),
    (
        "The ferry carries 18 cars on each trip. How many cars does it carry in 5 trips?",
        "Each trip takes 18 cars.\n5 trips take 5 * 18 = 90 cars.\nThe answer is 90.",
    ),
    (
        "Ivo has 75 coins. He gives 15 to his sister and shares the others equally among himself \
         and 3 friends. How many coins does each of the four get?",
        "After the gift he has 75 - 15 = 60 coins.\nThere are 1 + 3 = 4 people.\n\
         Each gets 60 / 4 = 15 coins.\nThe answer is 15.",
    ),
    (
        "A rope of 40 metres is cut into pieces of 8 metres. How many cuts are needed?",
        "The rope gives 40 / 8 = 5 pieces.\nThe last piece needs no cut of its own, so there are \
         5 - 1 = 4 cuts.\nThe answer is 4.",
    ),
    (
        "A library lends 32 books on Monday, twice as many on Tuesday, and 10 fewer on Wednesday \
         than on Tuesday. How many books does it lend on Wednesday?",
        "On Tuesday it lends 2 * 32 = 64 books.\nOn Wednesday it lends 64 - 10 = 54 books.\n\
         The answer is 54.",
    ),
    (
        "A ticket costs 9 euros, and 5 euros for children. What do 2 adults and 3 children pay \
         together?",
        "The adults pay 2 * 9 = 18 euros.\nThe children pay 3 * 5 = 15 euros.\n\
         Together they pay 18 + 15 = 33 euros.\nThe answer is 33.",
    ),
    (
        "A tank holds 200 litres and is half full. A pump takes out 12 litres a minute. How many \
         litres are left after 6 minutes?",
        "At first there are 200 / 2 = 100 litres.\nIn 6 minutes the pump takes 6 * 12 = 72 litres.\n\
         100 - 72 = 28 litres are left.\nThe answer is 28.",
    ),
    (
        "Lea runs 3 kilometres on each weekday and 7 kilometres on Saturday. How far does she run \
         in a week?",
        "There are 5 weekdays, which make 5 * 3 = 15 kilometres.\nWith Saturday it is 15 + 7 = 22 \
         kilometres.\nThe answer is 22.",
    ),
];
