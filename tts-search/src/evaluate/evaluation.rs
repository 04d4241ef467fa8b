//! A strategy on a set of problems, with a search that is configured once.

use tts_core::{Outcome, Prompt, Search, SearchError, SearchStrategy};

use super::{EvaluateError, Graded, Item, Report};

/// Problems with right answers, and the search that strategies are tried with on them.
///
/// The search brings generator, scorer, task, step rule, sampling, budget, seed, how many problems run at a
/// time and, with [`Search::record`], the folder of the records. Questions become prompts as the search's
/// task says, unless [`Evaluation::prompt`] says otherwise. See [`super`] for an example.
#[derive(Debug, Clone)]
pub struct Evaluation<'a> {
    search: Search<'a>,
    items: &'a [Item],
    prompts: Vec<Prompt>,
}

impl<'a> Evaluation<'a> {
    /// Of these problems.
    pub fn new(search: Search<'a>, items: &'a [Item]) -> Self {
        let task = &search.settings().task;
        let prompts = items.iter().map(|item| task.prompt(&item.question)).collect();
        Self { search, items, prompts }
    }

    /// Asks in another way.
    #[must_use]
    pub fn prompt(mut self, prompt: impl Fn(&str) -> Prompt) -> Self {
        self.prompts = self.items.iter().map(|item| prompt(&item.question)).collect();
        self
    }

    /// The search.
    pub fn search(&self) -> &Search<'a> {
        &self.search
    }

    /// Searches every problem; `done` hears of each as it comes, in any order.
    ///
    /// A problem whose search fails counts as wrong and is named in the report; the others go on.
    ///
    /// # Errors
    /// When there are no problems.
    pub fn run<S: SearchStrategy + Clone>(
        &self,
        strategy: &S,
        done: impl FnMut(&Graded),
    ) -> Result<Report, EvaluateError> {
        Ok(self.run_keeping(strategy, done)?.0)
    }

    /// [`Evaluation::run`], with the outcomes, whole trees, in the order of the problems.
    ///
    /// # Errors
    /// As [`Evaluation::run`].
    pub fn run_keeping<S: SearchStrategy + Clone>(
        &self,
        strategy: &S,
        mut done: impl FnMut(&Graded),
    ) -> Result<(Report, Vec<Result<Outcome, SearchError>>), EvaluateError> {
        let problems = self.prompts.iter().map(|prompt| (strategy.clone(), prompt.clone()));
        let grade = |place: usize, result: &Result<Outcome, SearchError>| {
            Graded::new(place, &self.items[place], strategy, result)
        };
        let mut rows: Vec<Option<Graded>> = vec![None; self.items.len()];
        let results = self.search.run_each(problems, |id, result| {
            let graded = grade(id.0, result);
            done(&graded);
            rows[id.0] = Some(graded);
        });
        let rows: Vec<Graded> = rows.into_iter().flatten().collect();
        let settings = self.search.settings();
        let report = Report::new(rows, strategy.samples(), settings.scale(), &*settings.task)?;
        Ok((report, results))
    }
}
