//! Texts that stand already, as a generator: what was sampled elsewhere is voted on, judged and chosen from here.
//!
//! A line depends on prompt, path and seed, and the seeds of all lines behind a problem follow from the search's own
//! ([`crate::seed`]). So the number of a line is found in its seed, and line `k` of a problem is text `k` of its row, whoever
//! asks for it and when: a strategy that asks for four and then for four more gets eight texts, and best-of-4 chooses among
//! the first four of best-of-16. A text is cut into steps by the step rule of the search, byte by byte, as if it were written
//! now; its tokens are what an encoder makes of each step ([`GivenTexts::encoded`]), or its bytes, and the prompt, which a
//! scorer reads too, is counted in the same ([`GivenTexts::asked_in`] counts it as a model does). Sampling settings change
//! nothing.
//!
//! Texts are whole: strategies that go step by step, and questions of a judge's own, find none, and the line says so. A
//! line that there is no text for fails, with the name of the row and both counts.
//!
//! ```
//! use tts_core::toy::Sample;
//! use tts_core::{GivenTexts, Rule, Search, Selection, StepRule};
//! let mut given = GivenTexts::default();
//! let sampled = ["2+3=5\nThe answer is 5.", "2+3=6\nThe answer is 6.", "The answer is 5."];
//! given.add("2+3?", "row 1", sampled);
//! let search = Search::new(&given).rule(StepRule::lines());
//! let outcome = search.run(Sample { n: 3 }, "2+3?")?;
//! let vote = Selection { rule: Rule::Majority, ..Selection::default() };
//! let chosen = vote.pick(&outcome.tree).expect("three answers");
//! assert_eq!(outcome.tree.answer(chosen), Some("5"));
//! assert_eq!(outcome.tree.text(chosen), sampled[0]);
//! // Three are given, and there is no fourth.
//! let more = search.run(Sample { n: 4 }, "2+3?")?;
//! assert_eq!(more.failed[0].error.0, "row 1 has 3 texts, and text 4 is asked for");
//! # Ok::<(), tts_core::SearchError>(())
//! ```
//!
//! Source: none.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::generator::{BoxError, Generated, Generator, Request};
use crate::{Completion, Finish, LineError, Prompt, Step, StepRule, Until, seed};

/// How far behind the last text the number of a line is looked for, so that an error can tell it.
const BEYOND: u32 = 1 << 16;

/// How a text becomes token ids.
type Encode = Arc<dyn Fn(&str) -> Result<Vec<u32>, BoxError> + Send + Sync>;

/// How many tokens a prompt is.
type Count = Arc<dyn Fn(&Prompt) -> Result<u64, BoxError> + Send + Sync>;

/// A text that was sampled elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenText {
    parts: Parts,
    finish: Finish,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Parts {
    /// To be cut by the search's rule.
    Whole(String),
    /// Cut already.
    Steps(Vec<String>),
}

impl GivenText {
    /// A text that the step rule of the search cuts, and that its writer has ended.
    pub fn new(text: impl Into<String>) -> Self {
        Self { parts: Parts::Whole(text.into()), finish: Finish::Stop }
    }

    /// A text whose steps are known, each with the delimiter behind it: no rule cuts it. Empty steps are left out.
    pub fn of_steps<T: Into<String>>(steps: impl IntoIterator<Item = T>) -> Self {
        let steps = steps.into_iter().map(Into::into).filter(|step: &String| !step.is_empty());
        Self { parts: Parts::Steps(steps.collect()), finish: Finish::Stop }
    }

    /// The same with why it ended, where that is something else: [`Finish::Length`] of one that was cut off, which is no
    /// finished solution.
    #[must_use]
    pub fn ended_by(self, finish: Finish) -> Self {
        Self { finish, ..self }
    }

    /// Its steps, why it ends, and how many bytes of a stop or pause text are the last of it.
    fn cut(&self, rule: &StepRule) -> (Vec<&str>, Finish, usize) {
        match &self.parts {
            Parts::Steps(steps) => (steps.iter().map(String::as_str).collect(), self.finish, 0),
            Parts::Whole(text) => {
                let cut = rule.cut(text);
                let (finish, closing) = cut.ended.unwrap_or((self.finish, 0));
                (cut.steps, finish, closing)
            }
        }
    }
}

impl From<&str> for GivenText {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for GivenText {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// The texts of one question.
#[derive(Debug, Clone)]
struct Row {
    name: String,
    texts: Vec<GivenText>,
}

/// Texts by question, see the [module](self).
#[derive(Clone)]
pub struct GivenTexts {
    rows: BTreeMap<String, Arc<Row>>,
    seed: u64,
    encode: Encode,
    /// `None`: what is said in it, encoded.
    count: Option<Count>,
    vocabulary: u64,
    identity: Option<String>,
}

impl Default for GivenTexts {
    /// None, whose tokens would be their bytes, for searches of seed 0.
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            seed: 0,
            encode: Arc::new(|text| Ok(text.bytes().map(u32::from).collect())),
            count: None,
            vocabulary: seed::hash_text(0, "bytes"),
            identity: None,
        }
    }
}

impl std::fmt::Debug for GivenTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rows, seed, identity, .. } = self;
        let mut debug = f.debug_struct("GivenTexts");
        debug.field("questions", &rows.len()).field("seed", seed).field("identity", identity);
        debug.finish_non_exhaustive()
    }
}

impl GivenTexts {
    /// Adds texts of a question ([`Prompt::question`]), behind those that it has. Errors call them by the name that came
    /// with the first of them, such as `pool.jsonl, line 3`.
    pub fn add<T: Into<GivenText>>(
        &mut self,
        question: impl Into<String>,
        name: impl Into<String>,
        texts: impl IntoIterator<Item = T>,
    ) {
        let row = || Arc::new(Row { name: name.into(), texts: Vec::new() });
        let row = self.rows.entry(question.into()).or_insert_with(row);
        Arc::make_mut(row).texts.extend(texts.into_iter().map(Into::into));
    }

    /// For searches of this seed ([`crate::Search::seed`]), by which places are found.
    #[must_use]
    pub fn under(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// With the tokens that this encoder makes of a step, and a digest of its vocabulary ([`Generator::vocabulary`]), for
    /// scorers and models that read token ids.
    #[must_use]
    pub fn encoded(
        self,
        encode: impl Fn(&str) -> Result<Vec<u32>, BoxError> + Send + Sync + 'static,
        vocabulary: u64,
    ) -> Self {
        Self { encode: Arc::new(encode), vocabulary, ..self }
    }

    /// With the number of tokens of a prompt as whoever reads it is given it, in the words of a chat template, say; without,
    /// it is that of all that is said in it. Reading the prompt is charged by it.
    #[must_use]
    pub fn asked_in(
        self,
        count: impl Fn(&Prompt) -> Result<u64, BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self { count: Some(Arc::new(count)), ..self }
    }

    /// With what they are ([`Generator::identity`]): a digest of their file, say. Without, nobody can tell.
    #[must_use]
    pub fn named(self, identity: impl Into<String>) -> Self {
        Self { identity: Some(identity.into()), ..self }
    }

    /// Number of texts of a question.
    pub fn count(&self, question: &str) -> usize {
        self.rows.get(question).map_or(0, |row| row.texts.len())
    }

    /// Tokens of the longest text: a step rule that allows fewer ([`StepRule::max_tokens`]) cuts it off.
    ///
    /// # Errors
    /// When a text cannot be encoded; its row is named.
    pub fn longest(&self, rule: &StepRule) -> Result<u64, BoxError> {
        let mut longest = 0;
        for row in self.rows.values() {
            for (text, place) in row.texts.iter().zip(1..) {
                let (steps, ..) = text.cut(rule);
                let tokens = steps.into_iter().map(|step| Ok((self.encode)(step)?.len() as u64));
                let tokens = tokens.sum::<Result<u64, BoxError>>();
                let named = |error| format!("{}, text {place}: {error}", row.name);
                longest = longest.max(tokens.map_err(named)?);
            }
        }
        Ok(longest)
    }

    fn line(&self, request: &Request, seed: u64) -> Result<Completion, LineError> {
        request.sampling.draws_all("a pool of texts")?;
        let failed = |problem: String| Err(LineError(problem));
        let prompt = request.prefix.prompt();
        let begun = !request.prefix.is_empty() || !request.given.is_empty();
        if begun || request.append.is_some() || request.until != Until::End {
            return failed(
                "given texts are whole: expected a strategy that samples whole solutions, and goes on from none of them"
                    .into(),
            );
        }
        let Some(row) = self.rows.get(prompt.question()) else {
            let question: String = prompt.question().chars().take(60).collect();
            return failed(format!(
                "no texts are given for {question:?}: expected the question of a row; a judge needs a role of its own"
            ));
        };
        let count = row.texts.len();
        let Some(place) = self.place(prompt, seed, count) else {
            return failed(format!(
                "none of the lines behind the problem in a search of seed {}, which these texts are given for",
                self.seed
            ));
        };
        let Some(text) = row.texts.get(place) else {
            let (name, asked) = (&row.name, place + 1);
            return failed(format!("{name} has {count} texts, and text {asked} is asked for"));
        };
        self.write(text, request)
            .map_err(|error| LineError(format!("{}, text {}: {error}", row.name, place + 1)))
    }

    /// Which of the lines behind a problem has this seed.
    fn place(&self, prompt: &Prompt, seed: u64, count: usize) -> Option<usize> {
        let root = seed::prompt(self.seed, prompt);
        let most = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(BEYOND);
        let place = (0..most).find(|&number| seed::child(root, number) == seed)?;
        usize::try_from(place).ok()
    }

    /// A text as a line of the search.
    fn write(&self, text: &GivenText, request: &Request) -> Result<Completion, BoxError> {
        let (parts, mut finish, mut closing) = text.cut(&request.rule);
        let (mut steps, mut left) = (Vec::with_capacity(parts.len()), request.max_tokens as usize);
        for part in parts {
            let tokens = (self.encode)(part)?;
            if tokens.len() > left {
                let (begun, tokens) = self.beginning(part, left)?;
                if !begun.is_empty() {
                    steps.push(Step { text: begun.to_owned(), tokens, ..Step::default() });
                }
                (finish, closing) = (Finish::Length, 0);
                break;
            }
            left -= tokens.len();
            steps.push(Step { text: part.to_owned(), tokens, ..Step::default() });
        }
        if closing > 0
            && let Some(last) = steps.last_mut()
        {
            let said = last.text.len().saturating_sub(closing);
            let said = (self.encode)(last.text.get(..said).unwrap_or_default())?.len();
            last.closing = u32::try_from(last.tokens.len().saturating_sub(said))?;
        }
        if steps.is_empty() {
            steps.push(Step::default());
        }
        let prompt_tokens = self.prompt_tokens(request.prefix.prompt())?;
        Ok(Completion { steps, finish, prompt_tokens })
    }

    fn prompt_tokens(&self, prompt: &Prompt) -> Result<u64, BoxError> {
        if let Some(count) = &self.count {
            return count(prompt);
        }
        match prompt {
            Prompt::Text(text) => Ok((self.encode)(text)?.len() as u64),
            Prompt::Chat(messages) => messages.iter().try_fold(0, |sum, said| {
                Ok::<u64, BoxError>(sum + (self.encode)(&said.content)?.len() as u64)
            }),
        }
    }

    /// The longest beginning of a step that has so many tokens at most.
    fn beginning<'t>(&self, step: &'t str, most: usize) -> Result<(&'t str, Vec<u32>), BoxError> {
        let encode = |end: usize| (self.encode)(step.get(..end).unwrap_or_default());
        let ends: Vec<usize> = step.char_indices().map(|(end, _)| end).collect();
        let fits = |&end: &usize| encode(end).is_ok_and(|tokens| tokens.len() <= most);
        let first = ends.partition_point(fits);
        // One character more may be one token less: what is taken is what fits.
        for &end in ends[..first].iter().rev() {
            let tokens = encode(end)?;
            if tokens.len() <= most {
                return Ok((step.get(..end).unwrap_or_default(), tokens));
            }
        }
        Ok(("", Vec::new()))
    }
}

impl Generator for GivenTexts {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        Ok(Generated::by_seed(batch, |request, seed| self.line(request, seed)))
    }

    fn vocabulary(&self) -> Option<u64> {
        Some(self.vocabulary)
    }

    fn identity(&self) -> Option<String> {
        self.identity.clone()
    }
}
