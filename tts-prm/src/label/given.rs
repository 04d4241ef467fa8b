//! Given solutions as a generator, so that those of other writers can be labelled.
//!
//! It answers a request at the root of a problem with the solutions given for it, in order, and
//! nothing else. As the role [`super::MonteCarlo::writer`] it takes the place of sampling; the
//! search's own generator then writes the rollouts.

use std::collections::HashMap;

use tts_core::{
    BoxError, Completion, Finish, Finished, Generated, Generator, LineError, LineId, Request,
    Session, Step,
};

/// Solutions by question.
///
/// ```
/// use std::sync::Arc;
/// use tts_core::family::{Chain, Family, Slipping};
/// use tts_core::{Search, StepRule};
/// use tts_prm::label::{GivenSolutions, InFamily, MonteCarlo};
///
/// let question = "47+38*3-26";
/// let prompt = Chain::default().prompt(question);
/// let mut given = GivenSolutions::default();
/// // Tokens are the completer's: here it reads bytes.
/// given.add(prompt.question(), ["=47+114-26\n", "=151-26\n", "=125"], |text| {
///     Ok(text.bytes().map(u32::from).collect())
/// })?;
/// let completer = Slipping { error: 0.0 };
/// let method = MonteCarlo { solutions: 1, writer: Some("given".into()), ..MonteCarlo::default() };
/// let grade = Arc::new(InFamily { family: Chain::default(), question: question.into() });
/// let search = Search::new(&completer).role("given", &given).rule(StepRule::lines());
/// let outcome = search.run(method.search(grade.clone()), prompt)?;
/// let labelled = method.labelled(&outcome.tree, grade.as_ref());
/// assert_eq!(labelled[0].steps.iter().map(|s| s.value).collect::<Vec<_>>(), [1.0, 0.0, 0.0].map(Some));
/// // The prompt's value is the completer's, who never errs: not that of the one who wrote this.
/// assert_eq!(labelled[0].start, Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct GivenSolutions {
    solutions: HashMap<String, Vec<Completion>>,
}

impl GivenSolutions {
    /// Adds a solution of a question ([`tts_core::Prompt::question`]): its steps, each with the
    /// delimiter that the completer would have written after it, and how the completer's tokenizer
    /// encodes a step.
    ///
    /// # Errors
    /// When there are no steps, or `encode` fails.
    pub fn add<'t>(
        &mut self,
        question: &str,
        steps: impl IntoIterator<Item = &'t str>,
        mut encode: impl FnMut(&str) -> Result<Vec<u32>, BoxError>,
    ) -> Result<(), BoxError> {
        let step = |text: &str| -> Result<Step, BoxError> {
            Ok(Step { text: text.to_owned(), tokens: encode(text)?, ..Step::default() })
        };
        let steps: Vec<Step> = steps.into_iter().map(step).collect::<Result<_, _>>()?;
        if steps.is_empty() {
            return Err(format!("a solution of {question:?} without steps").into());
        }
        let solution = Completion { steps, finish: Finish::Stop, prompt_tokens: 0 };
        self.solutions.entry(question.to_owned()).or_default().push(solution);
        Ok(())
    }

    /// Number of solutions of a question.
    pub fn count(&self, question: &str) -> usize {
        self.solutions.get(question).map_or(0, Vec::len)
    }

    fn line(&self, request: &Request, place: usize) -> Result<Completion, LineError> {
        request.sampling.draws_all("a file of solutions")?;
        let question = request.prefix.prompt().question();
        if !request.prefix.steps().is_empty() {
            return Err(LineError("given solutions are whole: nothing continues a prefix".into()));
        }
        let solution = self.solutions.get(question).and_then(|all| all.get(place));
        solution.cloned().ok_or_else(|| {
            let count = self.count(question);
            LineError(format!("solution {place} of {question:?}, but {count} were given"))
        })
    }
}

impl Generator for GivenSolutions {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let answer = |request: &Request| {
            let places = 0..request.seeds.len();
            Generated::of(places.map(|place| self.line(request, place)).collect())
        };
        Ok(batch.iter().map(answer).collect())
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(GivenSession { given: self, next: 0, ready: Vec::new() })
    }
}

/// Its own, because the place of a line in its request says which solution it is.
struct GivenSession<'a> {
    given: &'a GivenSolutions,
    next: u64,
    ready: Vec<Finished>,
}

impl Session for GivenSession<'_> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let line = |place| {
            let line = LineId(self.next);
            self.next += 1;
            let result = self.given.line(&request, place);
            self.ready.push(Finished { line, result, computed_tokens: 0, cached_tokens: 0 });
            line
        };
        (0..request.seeds.len()).map(line).collect()
    }

    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        Ok(std::mem::take(&mut self.ready))
    }

    fn cancel(&mut self, line: LineId) {
        self.ready.retain(|done| done.line != line);
    }
}
